package aiotest

// Cases about connections that call a protocol, and about servers.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"

	"github.com/aio-go/aio/asyncio"
)

// networkProtocol notes how it is called.
type networkProtocol struct {
	t        *asyncio.Transport
	calls    []string
	received strings.Builder
	keepOpen bool
	echoes   bool
	lost     *asyncio.Future[error]
}

func newProtocol(ctx context.Context) *networkProtocol {
	return &networkProtocol{lost: asyncio.NewFuture[error](ctx)}
}

// ConnectionMade implements asyncio.Protocol.
func (p *networkProtocol) ConnectionMade(t *asyncio.Transport) {
	p.t = t
	p.calls = append(p.calls, "made")
}

// DataReceived implements asyncio.Protocol.
func (p *networkProtocol) DataReceived(b []byte) {
	if p.received.Len() == 0 {
		p.calls = append(p.calls, "data")
	}
	p.received.Write(b)
	if p.echoes {
		p.t.Write(b)
	}
}

// EOFReceived implements asyncio.Protocol.
func (p *networkProtocol) EOFReceived() bool {
	p.calls = append(p.calls, "eof")
	return p.keepOpen
}

// ConnectionLost implements asyncio.Protocol.
func (p *networkProtocol) ConnectionLost(err error) {
	p.calls = append(p.calls, "lost")
	_ = p.lost.SetResult(err)
}

// PauseWriting implements asyncio.FlowProtocol.
func (p *networkProtocol) PauseWriting() { p.calls = append(p.calls, "pause") }

// ResumeWriting implements asyncio.FlowProtocol.
func (p *networkProtocol) ResumeWriting() { p.calls = append(p.calls, "resume") }

func (t *networkSuite) called(p *networkProtocol, want ...string) {
	t.Helper()
	if !slices.Equal(p.calls, want) {
		t.Errorf("the protocol was called %v, want %v", p.calls, want)
	}
}

// withProtocol is a case about a connection whose one end calls p.
func withProtocol(f func(ctx context.Context, t *networkSuite, p *networkProtocol, tr *asyncio.Transport, peer *asyncio.Conn) error) func(context.Context, *networkSuite) error {
	return withPair(func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error {
		p := newProtocol(ctx)
		tr := asyncio.NewTransport(a, p)
		t.cleanup = append(t.cleanup, tr.Abort)
		return f(ctx, t, p, tr, b)
	})
}

var transportCases = []networkCase{
	{"a protocol is called in order", withProtocol(func(ctx context.Context, t *networkSuite, p *networkProtocol, _ *asyncio.Transport, peer *asyncio.Conn) error {
		if _, err := io.WriteString(peer, "hello"); err != nil {
			return err
		}
		if err := peer.Close(); err != nil {
			return err
		}
		lost, err := p.lost.Await(ctx)
		if lost != nil || p.received.String() != "hello" {
			t.Errorf("received %q, lost with %v", p.received.String(), lost)
		}
		t.called(p, "made", "data", "eof", "lost")
		return err
	})},
	{"a paused transport does not receive", withProtocol(func(ctx context.Context, t *networkSuite, p *networkProtocol, tr *asyncio.Transport, peer *asyncio.Conn) error {
		tr.PauseReading()
		if _, err := io.WriteString(peer, "later"); err != nil {
			return err
		}
		if err := asyncio.Sleep(ctx, casePause); err != nil {
			return err
		}
		t.called(p, "made")
		tr.ResumeReading()
		if err := peer.Close(); err != nil {
			return err
		}
		_, err := p.lost.Await(ctx)
		t.called(p, "made", "data", "eof", "lost")
		return err
	})},
	{"water marks pause and resume the protocol", withProtocol(func(ctx context.Context, t *networkSuite, p *networkProtocol, tr *asyncio.Transport, peer *asyncio.Conn) error {
		text := bulk(plenty)
		tr.Write([]byte(text))
		t.called(p, "pause")
		tr.WriteEOF()
		got, err := io.ReadAll(peer)
		if string(got) != text || err != nil {
			return fmt.Errorf("received %d bytes, %w, want %d", len(got), err, len(text))
		}
		if !slices.Contains(p.calls, "resume") {
			t.Errorf("the protocol was called %v and never resumed", p.calls)
		}
		return nil
	})},
	{"a protocol may keep its side open", withProtocol(func(ctx context.Context, t *networkSuite, p *networkProtocol, tr *asyncio.Transport, peer *asyncio.Conn) error {
		p.keepOpen = true
		if err := peer.CloseWrite(); err != nil {
			return err
		}
		if err := asyncio.Sleep(ctx, casePause); err != nil {
			return err
		}
		tr.Write([]byte("still"))
		if err := t.expect(peer, "still"); err != nil {
			return err
		}
		tr.Close()
		_, err := p.lost.Await(ctx)
		t.called(p, "made", "eof", "lost")
		return err
	})},
	{"an abort throws away what is buffered", withProtocol(func(ctx context.Context, t *networkSuite, p *networkProtocol, tr *asyncio.Transport, peer *asyncio.Conn) error {
		tr.Write(make([]byte, plenty))
		tr.Abort()
		if lost, err := p.lost.Await(ctx); lost != nil || err != nil {
			t.Errorf("lost with %v, %v, want nil", lost, err)
		}
		if n, err := io.Copy(io.Discard, peer); n == plenty || err == nil {
			t.Errorf("the peer received %d bytes, %v, want less and a reset", n, err)
		}
		return nil
	})},
	{"a closed server lets connections go on", withServer(func(ctx context.Context, t *networkSuite, s *asyncio.Server, p *networkProtocol, c *asyncio.Conn) error {
		if err := s.Close(); err != nil {
			return err
		}
		return errors.Join(t.say(c, c, "still"), c.Close(), s.WaitClosed(ctx))
	})},
	{"a server closes its clients", withServer(func(ctx context.Context, t *networkSuite, s *asyncio.Server, p *networkProtocol, c *asyncio.Conn) error {
		if err := s.Close(); err != nil {
			return err
		}
		s.CloseClients()
		_, err := c.Read(make([]byte, 1))
		t.is("read", err, io.EOF)
		return s.WaitClosed(ctx)
	})},
	{"a server aborts its clients", withServer(func(ctx context.Context, t *networkSuite, s *asyncio.Server, p *networkProtocol, c *asyncio.Conn) error {
		p.t.Write(make([]byte, plenty)) // more than the client gets before it reads
		if err := s.Close(); err != nil {
			return err
		}
		s.AbortClients()
		if err := s.WaitClosed(ctx); err != nil {
			return err
		}
		n, err := io.Copy(io.Discard, c)
		if n == plenty {
			t.Error("everything was sent before the abort")
		}
		t.is("read", err, syscall.ECONNRESET)
		return nil
	})},
}

// withServer is a case about a server of echoes with one client.
func withServer(f func(ctx context.Context, t *networkSuite, s *asyncio.Server, p *networkProtocol, c *asyncio.Conn) error) func(context.Context, *networkSuite) error {
	return func(ctx context.Context, t *networkSuite) error {
		p := newProtocol(ctx)
		p.echoes = true
		factory := func() asyncio.Protocol { return p }
		s, err := asyncio.CreateServer(ctx, factory, "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		closing(t, s)
		c, err := asyncio.Dial(ctx, "tcp", s.Addr().String())
		if err != nil {
			return err
		}
		closing(t, c)
		if err := t.say(c, c, "hello"); err != nil {
			return err
		}
		if s.Connections() != 1 {
			t.Errorf("the server has %d connections, want 1", s.Connections())
		}
		return f(ctx, t, s, p, c)
	}
}
