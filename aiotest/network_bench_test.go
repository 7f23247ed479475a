package aiotest_test

// How many messages a second of real time go through a simulated network. The figure to
// reach is 500,000 on one processor.

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

const messageSize = 64

func BenchmarkNetwork(b *testing.B) {
	for _, link := range []struct {
		name string
		link aiotest.Link
	}{
		{"latency=0", aiotest.Link{}},
		{"latency=1ms", aiotest.Link{Latency: time.Millisecond}},
		{"latency=1ms+jitter", aiotest.Link{Latency: time.Millisecond, Jitter: time.Millisecond}},
	} {
		for _, pairs := range []struct {
			name string
			n    int
		}{{"pairs=1", 1}, {"pairs=100", 100}} {
			for _, api := range []struct {
				name string
				ping func(ctx context.Context, addr string, messages int) error
			}{{"api=conn", pingConn}, {"api=protocol", pingProtocol}} {
				b.Run(link.name+"/"+pairs.name+"/"+api.name, func(b *testing.B) {
					b.ReportAllocs()
					benchmarkPings(b, link.link, pairs.n, api.ping)
				})
			}
		}
	}
}

// benchmarkPings sends b.N messages, half of them there and half of them back.
func benchmarkPings(b *testing.B, link aiotest.Link, pairs int, ping func(context.Context, string, int) error) {
	network := aiotest.NewNetwork()
	network.SetLink("client", "server", link)
	aiotest.Run(b, func(ctx context.Context) error {
		server, err := asyncio.CreateServer(network.Host("server").Context(ctx), func() asyncio.Protocol { return &echo{} }, "tcp", ":7")
		if err != nil {
			return err
		}
		defer server.Close()
		each := b.N/(2*pairs) + 1
		start := time.Now()
		err = asyncio.Group(network.Host("client").Context(ctx), func(ctx context.Context, g *asyncio.TaskGroup) error {
			for range pairs {
				g.Go(func(ctx context.Context) error { return ping(ctx, "server:7", each) })
			}
			return nil
		})
		b.ReportMetric(float64(2*each*pairs)/time.Since(start).Seconds(), "messages/s")
		return err
	}, aiotest.WithNetwork(network))
}

type echo struct {
	asyncio.BaseProtocol
	t *asyncio.Transport
}

func (e *echo) ConnectionMade(t *asyncio.Transport) { e.t = t }
func (e *echo) DataReceived(p []byte)               { e.t.Write(p) }

func pingConn(ctx context.Context, addr string, messages int) error {
	c, err := asyncio.Dial(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	message := make([]byte, messageSize)
	for range messages {
		if _, err := c.Write(message); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, message); err != nil {
			return err
		}
	}
	return nil
}

type pinger struct {
	asyncio.BaseProtocol
	t        *asyncio.Transport
	messages int
	done     *asyncio.Future[struct{}]
}

func (p *pinger) ConnectionMade(t *asyncio.Transport) {
	p.t = t
	t.Write(make([]byte, messageSize))
}

func (p *pinger) DataReceived(b []byte) {
	if p.messages--; p.messages > 0 {
		p.t.Write(b)
		return
	}
	p.t.Close()
}

func (p *pinger) ConnectionLost(err error) { _ = p.done.SetResult(struct{}{}) }

func pingProtocol(ctx context.Context, addr string, messages int) error {
	p := &pinger{messages: messages, done: asyncio.NewFuture[struct{}](ctx)}
	if _, err := asyncio.CreateConnection(ctx, p, "tcp", addr); err != nil {
		return err
	}
	_, err := p.done.Await(ctx)
	return err
}
