package aiohttp_test

// Connections in memory, for tests: the client on one end, a script on the other,
// both tasks of one loop under virtual time.

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// half is one direction of a connection.
type half struct {
	data    []byte
	room    int // how much may be under way; 0: any amount
	err     error
	changed asyncio.Event
}

func (h *half) stir() {
	h.changed.Set()
	h.changed.Clear()
}

func (h *half) read(ctx context.Context, p []byte) (int, error) {
	for len(h.data) == 0 {
		if h.err != nil {
			return 0, h.err
		}
		if err := h.changed.Wait(ctx); err != nil {
			return 0, err
		}
	}
	n := copy(p, h.data)
	h.data = h.data[n:]
	h.stir()
	return n, nil
}

func (h *half) write(ctx context.Context, p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		if h.err == io.EOF {
			return written, syscall.EPIPE
		} else if h.err != nil {
			return written, h.err
		}
		n := len(p)
		if h.room > 0 {
			n = min(n, h.room-len(h.data))
		}
		if n <= 0 {
			if err := h.changed.Wait(ctx); err != nil {
				return written, err
			}
			continue
		}
		h.data = append(h.data, p[:n]...)
		written, p = written+n, p[n:]
		h.stir()
	}
	return written, nil
}

func (h *half) end(err error) {
	if h.err == nil {
		h.err = err
		h.stir()
	}
}

// memoryWire is the client's end.
type memoryWire struct {
	in, out    *half
	onReadable func()
	closed     bool
	reads      int
	writes     int
	largest    int // buffer a read was given
}

func (w *memoryWire) limited(ctx context.Context, deadline time.Duration, f func(context.Context) (int, error)) (int, error) {
	if asyncio.RunningLoop(ctx).Time() >= deadline {
		return 0, os.ErrDeadlineExceeded
	}
	limited, cancel := asyncio.WithDeadline(ctx, deadline)
	defer cancel()
	n, err := f(limited)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

func (w *memoryWire) Read(ctx context.Context, p []byte, deadline time.Duration) (int, error) {
	w.reads++
	w.largest = max(w.largest, len(p))
	return w.limited(ctx, deadline, func(ctx context.Context) (int, error) { return w.in.read(ctx, p) })
}

func (w *memoryWire) Write(ctx context.Context, p []byte, deadline time.Duration) (int, error) {
	w.writes++
	return w.limited(ctx, deadline, func(ctx context.Context) (int, error) { return w.out.write(ctx, p) })
}

func (w *memoryWire) Readable() bool            { return len(w.in.data) > 0 || w.in.err != nil }
func (w *memoryWire) Probe() bool               { return w.Readable() }
func (w *memoryWire) OnReadable(f func())       { w.onReadable = f }
func (w *memoryWire) TLS() *tls.ConnectionState { return nil }

func (w *memoryWire) Close() error {
	w.closed = true
	w.out.end(io.EOF)
	w.in.data = nil
	w.in.end(net.ErrClosed)
	return nil
}

// peer is the server's end.
type peer struct {
	t    testing.TB
	wire *memoryWire
	id   int // connections are numbered from 0
	rest []byte
}

// readHead returns the next request head, without its empty line, or io.EOF.
func (p *peer) readHead(ctx context.Context) (string, error) {
	for {
		if head, rest, ok := bytes.Cut(p.rest, []byte("\r\n\r\n")); ok {
			p.rest = append([]byte(nil), rest...)
			return string(head), nil
		}
		if err := p.more(ctx); err != nil {
			return "", err
		}
	}
}

func (p *peer) more(ctx context.Context) error {
	buf := make([]byte, 64<<10)
	n, err := p.wire.out.read(ctx, buf)
	p.rest = append(p.rest, buf[:n]...)
	return err
}

// readN returns the next n bytes.
func (p *peer) readN(ctx context.Context, n int) (string, error) {
	for len(p.rest) < n {
		if err := p.more(ctx); err != nil {
			return string(p.rest), err
		}
	}
	out := string(p.rest[:n])
	p.rest = append([]byte(nil), p.rest[n:]...)
	return out, nil
}

// readChunked returns the next chunked body, decoded by hand.
func (p *peer) readChunked(ctx context.Context) (string, error) {
	for !bytes.HasSuffix(p.rest, []byte("0\r\n\r\n")) {
		if err := p.more(ctx); err != nil {
			return "", err
		}
	}
	var body strings.Builder
	for rest := string(p.rest); ; {
		size, after, _ := strings.Cut(rest, "\r\n")
		n := 0
		for _, c := range size {
			n = n<<4 | strings.IndexRune("0123456789abcdef", c)
		}
		if n == 0 {
			p.rest = nil
			return body.String(), nil
		}
		body.WriteString(after[:n])
		rest = after[n+2:]
	}
}

func (p *peer) send(ctx context.Context, s string) error {
	_, err := p.wire.in.write(ctx, []byte(s))
	if p.wire.onReadable != nil {
		f := p.wire.onReadable
		p.wire.onReadable = nil
		asyncio.RunningLoop(ctx).CallSoon(f)
	}
	return err
}

// hangUp ends the server's side in the orderly way.
func (p *peer) hangUp() { p.wire.in.end(io.EOF) }

// reset ends it in the other way.
func (p *peer) reset() {
	p.wire.in.end(syscall.ECONNRESET)
	p.wire.out.end(syscall.ECONNRESET)
}

// script is what the server does with one connection; io.EOF is no failure.
type script func(ctx context.Context, p *peer) error

// answers is a script that answers every request with the same bytes.
func answers(response string) script {
	return func(ctx context.Context, p *peer) error {
		for {
			if _, err := p.readHead(ctx); err != nil {
				return err
			}
			if err := p.send(ctx, response); err != nil {
				return err
			}
		}
	}
}

// world is one client against one script.
type world struct {
	t       testing.TB
	session *aiohttp.ClientSession
	wires   []*memoryWire
	room    int // for what the client sends
	dials   []string
	dialErr error
}

// run runs body with a session whose connections end in the script.
func run(t *testing.T, s script, body func(ctx context.Context, w *world) error, opts ...aiohttp.SessionOption) {
	t.Helper()
	runWith(t, s, body, nil, opts...)
}

func runWith(t *testing.T, s script, body func(ctx context.Context, w *world) error, copts []aiohttp.ConnectorOption, opts ...aiohttp.SessionOption) {
	t.Helper()
	aiotest.Run(t, func(ctx context.Context) error {
		w := &world{t: t}
		connector := aiohttp.NewMemoryConnector(func(ctx context.Context, authority string) (aiohttp.Wire, error) {
			return w.dial(ctx, authority, s)
		}, copts...)
		w.session = aiohttp.NewClientSession(append([]aiohttp.SessionOption{aiohttp.WithConnector(connector)}, opts...)...)
		err := body(ctx, w)
		w.session.Close()
		connector.Close()
		return err
	})
}

func (w *world) dial(ctx context.Context, authority string, s script) (aiohttp.Wire, error) {
	w.dials = append(w.dials, authority)
	if w.dialErr != nil {
		return nil, w.dialErr
	}
	wire := &memoryWire{in: &half{}, out: &half{room: w.room}}
	p := &peer{t: w.t, wire: wire, id: len(w.wires)}
	w.wires = append(w.wires, wire)
	asyncio.CreateTask(context.WithoutCancel(ctx), func(ctx context.Context) (struct{}, error) {
		err := s(ctx, p)
		p.hangUp()
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && !errors.Is(err, syscall.EPIPE) {
			p.t.Errorf("script of connection %d: %v", p.id, err)
		}
		return struct{}{}, nil
	})
	return wire, nil
}

// get fetches a URL and returns the whole body.
func (w *world) get(ctx context.Context, url string, opts ...aiohttp.RequestOption) (*aiohttp.ClientResponse, string, error) {
	resp, err := w.session.Get(ctx, url, opts...)
	if err != nil {
		return nil, "", err
	}
	defer resp.Close()
	body, err := resp.Read(ctx)
	return resp, string(body), err
}

const hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

// cannedWire answers every write with the same bytes, at once.
type cannedWire struct {
	response []byte
	left     []byte
}

func (w *cannedWire) Read(_ context.Context, p []byte, _ time.Duration) (int, error) {
	n := copy(p, w.left)
	w.left = w.left[n:]
	return n, nil
}

func (w *cannedWire) Write(_ context.Context, p []byte, _ time.Duration) (int, error) {
	w.left = w.response
	return len(p), nil
}

func (w *cannedWire) Readable() bool            { return false }
func (w *cannedWire) Probe() bool               { return false }
func (w *cannedWire) OnReadable(func())         {}
func (w *cannedWire) TLS() *tls.ConnectionState { return nil }
func (w *cannedWire) Close() error              { return nil }
