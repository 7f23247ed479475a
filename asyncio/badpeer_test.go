package asyncio_test

// Peers that misbehave, and addresses that cannot be had: a typed error that names the address,
// and nothing left behind, while the server serves the others.

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/sockdir"
)

// hello is the first message of a TLS client.
func hello(t *testing.T) []byte {
	t.Helper()
	_, config := certificates()
	var first captured
	if err := tls.Client(&first, config).Handshake(); err == nil || len(first.written) < 100 {
		t.Fatalf("got %d bytes, %v", len(first.written), err)
	}
	return first.written
}

// captured keeps what is written to it, and has nothing to read.
type captured struct {
	net.Conn
	written []byte
}

func (c *captured) Write(p []byte) (int, error) {
	c.written = append(c.written, p...)
	return len(p), nil
}
func (c *captured) Read([]byte) (int, error)         { return 0, io.EOF }
func (c *captured) SetDeadline(time.Time) error      { return nil }
func (c *captured) SetReadDeadline(time.Time) error  { return nil }
func (c *captured) SetWriteDeadline(time.Time) error { return nil }

// visit connects to a server, sends text and leaves.
func visit(ctx context.Context, t *testing.T, s *asyncio.Server, text []byte, leave func(*asyncio.StreamWriter)) {
	t.Helper()
	c := open(ctx, t, s)
	c.w.Write(text)
	leave(c.w)
	c.w.WaitClosed(ctx)
}

func closes(w *asyncio.StreamWriter) { w.Close() }
func resets(w *asyncio.StreamWriter) { w.Abort() }

// wantServing checks that a server still serves, and that nothing is left of those who were there.
func wantServing(ctx context.Context, t *testing.T, s *asyncio.Server, opts ...asyncio.DialOption) {
	t.Helper()
	c := open(ctx, t, s, opts...)
	wantEcho(ctx, t, c)
	c.w.Close()
	c.w.WaitClosed(ctx)
	until(ctx, t, "the connections to end", func() bool { return s.Connections() == 0 })
	until(ctx, t, "the tasks to end", func() bool { return len(asyncio.AllTasks(ctx)) == 1 })
	if n := asyncio.RunningLoop(ctx).Stats().Sockets; n != len(s.Addrs()) {
		t.Errorf("%d sockets, want those that listen only", n)
	}
}

func TestPeersMayLeaveAtEveryByteOfAHandshake(t *testing.T) {
	first := hello(t)
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		serverConfig, clientConfig := certificates()
		var told reports
		told.listen(asyncio.RunningLoop(ctx))
		s := startEcho(ctx, t, asyncio.WithServerTLS(serverConfig))
		step := 1
		for cut := 0; cut <= len(first); cut += step {
			visit(ctx, t, s, first[:cut], closes)
			visit(ctx, t, s, first[:cut], resets)
			if cut > 20 {
				step = len(first) / 40
			}
		}
		wantServing(ctx, t, s, asyncio.WithClientTLS(clientConfig))
		if len(told) != 0 {
			t.Errorf("got reports %v of what is the peers' affair", told)
		}
		return s.Shutdown(ctx)
	})
}

func TestGarbageIsNotTakenForAHandshake(t *testing.T) {
	first := hello(t)
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		serverConfig, clientConfig := certificates()
		s := startEcho(ctx, t, asyncio.WithServerTLS(serverConfig))
		damaged := append([]byte(nil), first...)
		damaged[len(damaged)/2] ^= 0xff
		for _, garbage := range [][]byte{
			[]byte("GET / HTTP/1.1\r\n\r\n"), pattern(100_000), make([]byte, 1000), {0x16, 3, 1, 0xff, 0xff}, damaged,
			append(append([]byte(nil), first...), "and more"...),
		} {
			c := open(ctx, t, s)
			c.w.Write(garbage)
			c.w.WriteEOF()
			if _, err := c.r.ReadAll(ctx); err != nil && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
				t.Errorf("got %v, want the connection closed", err)
			}
			c.w.Close()
		}
		wantServing(ctx, t, s, asyncio.WithClientTLS(clientConfig))
		return s.Shutdown(ctx)
	})
}

func TestPeersMayLeaveAtEveryByteOfAMessage(t *testing.T) {
	message := []byte("\x05hello rest\n")
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		s, err := asyncio.StartServer(ctx, func(ctx context.Context, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
			n, err := r.ReadExactly(ctx, 1)
			if err == nil && n[0] == 'h' {
				return echoHello(ctx, r, w)
			}
			if err == nil {
				_, err = r.ReadExactly(ctx, int(n[0]))
			}
			if err == nil {
				_, err = r.ReadUntil(ctx, []byte("\n"))
			}
			var incomplete *asyncio.IncompleteReadError
			if err != nil && !errors.As(err, &incomplete) && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("got %v, want an incomplete read or a reset", err)
			}
			return nil
		}, "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		for cut := range message {
			visit(ctx, t, s, message[:cut], closes)
			visit(ctx, t, s, message[:cut], resets)
		}
		wantServing(ctx, t, s)
		return s.Shutdown(ctx)
	})
}

// echoHello sends back the line of which the first letter was read.
func echoHello(ctx context.Context, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
	line, err := r.ReadLine(ctx)
	w.WriteLines([][]byte{{'h'}, line})
	return err
}

func TestAddressesThatCannotBeServed(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		taken := startEcho(ctx, t)
		dir := sockdir.New(t)
		file := filepath.Join(dir, "s")
		if _, err := asyncio.StartUnixServer(ctx, echoLines, file); err != nil {
			return err
		}
		before := asyncio.RunningLoop(ctx).Stats().Sockets
		for _, c := range []struct {
			network, address string
			want             error
		}{
			{"tcp", taken.Addr().String(), syscall.EADDRINUSE},
			{"unix", file, syscall.EADDRINUSE},
			{"unix", filepath.Join(dir, "missing", "s"), syscall.ENOENT},
			{"unix", dir, syscall.EADDRINUSE},
			{"tcp", "127.0.0.1:99999", nil},
			{"tcp", "localhost", nil},
		} {
			_, err := asyncio.StartServer(ctx, echoLines, c.network, c.address)
			var op *net.OpError
			if !errors.As(err, &op) || op.Op != "listen" || op.Addr.String() != c.address {
				t.Errorf("%s: got %v, want a net.OpError with the address", c.address, err)
			}
			if c.want != nil {
				wantErr(t, err, c.want)
			}
		}
		for _, c := range []struct {
			network, address string
			want             error
		}{
			{"unix", filepath.Join(dir, "nobody"), syscall.ENOENT},
			{"unix", dir, syscall.ECONNREFUSED},
			{"tcp", "127.0.0.1:-1", nil},
		} {
			_, _, err := asyncio.OpenConnection(ctx, c.network, c.address)
			var op *net.OpError
			if !errors.As(err, &op) || op.Op != "dial" || op.Addr.String() != c.address {
				t.Errorf("%s: got %v, want a net.OpError with the address", c.address, err)
			}
			if c.want != nil {
				wantErr(t, err, c.want)
			}
		}
		if after := asyncio.RunningLoop(ctx).Stats().Sockets; after != before {
			t.Errorf("%d sockets, want %d as before", after, before)
		}
		return nil
	})
}
