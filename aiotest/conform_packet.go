package aiotest

// Cases about datagrams.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/sockdir"
)

// socket opens a socket for datagrams on the loopback address.
func (t *networkSuite) socket(ctx context.Context) (*asyncio.PacketConn, error) {
	c, err := asyncio.ListenPacket(ctx, "udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return closing(t, c), nil
}

// withSockets is a case about two sockets for datagrams.
func withSockets(f func(ctx context.Context, t *networkSuite, a, b *asyncio.PacketConn) error) func(context.Context, *networkSuite) error {
	return func(ctx context.Context, t *networkSuite) error {
		a, err := t.socket(ctx)
		if err != nil {
			return err
		}
		b, err := t.socket(ctx)
		if err != nil {
			return err
		}
		return f(ctx, t, a, b)
	}
}

// receives expects a datagram.
func (t *networkSuite) receives(c net.PacketConn, text string, from net.Addr) error {
	t.Helper()
	buf := make([]byte, 1<<10)
	n, addr, err := c.ReadFrom(buf)
	if err != nil {
		return err
	}
	if string(buf[:n]) != text || addr.String() != from.String() {
		t.Errorf("received %q from %v, want %q from %v", buf[:n], addr, text, from)
	}
	return nil
}

var datagramCases = []networkCase{
	{"datagrams arrive whole with their sender", withSockets(func(ctx context.Context, t *networkSuite, a, b *asyncio.PacketConn) error {
		for _, text := range []string{"one", "", "three"} {
			if _, err := a.WriteTo([]byte(text), b.LocalAddr()); err != nil {
				return err
			}
			if err := t.receives(b, text, a.LocalAddr()); err != nil {
				return err
			}
		}
		if _, err := b.WriteTo([]byte("back"), a.LocalAddr()); err != nil {
			return err
		}
		return t.receives(a, "back", b.LocalAddr())
	})},
	{"what does not fit is lost", withSockets(func(ctx context.Context, t *networkSuite, a, b *asyncio.PacketConn) error {
		for _, text := range []string{"too long", "next"} {
			if _, err := a.WriteTo([]byte(text), b.LocalAddr()); err != nil {
				return err
			}
		}
		n, _, err := b.ReadFrom(make([]byte, 3))
		if n != 3 || err != nil {
			t.Errorf("got %d, %v, want 3 bytes", n, err)
		}
		return t.receives(b, "next", a.LocalAddr())
	})},
	{"a connected socket hears its peer only", withSockets(func(ctx context.Context, t *networkSuite, peer, other *asyncio.PacketConn) error {
		c, err := asyncio.DialPacket(ctx, "udp", peer.LocalAddr().String())
		if err != nil {
			return err
		}
		closing(t, c)
		if _, err := other.WriteTo([]byte("noise"), c.LocalAddr()); err != nil {
			return err
		}
		if _, err := peer.WriteTo([]byte("signal"), c.LocalAddr()); err != nil {
			return err
		}
		if err := t.receives(c, "signal", peer.LocalAddr()); err != nil {
			return err
		}
		if _, err := c.Write([]byte("answer")); err != nil {
			return err
		}
		return t.receives(peer, "answer", c.LocalAddr())
	})},
	{"nobody at a port is told to a connected socket", withSockets(func(ctx context.Context, t *networkSuite, peer, _ *asyncio.PacketConn) error {
		c, err := asyncio.DialPacket(ctx, "udp", peer.LocalAddr().String())
		if err != nil {
			return err
		}
		closing(t, c)
		if err := peer.Close(); err != nil {
			return err
		}
		if _, err := c.Write([]byte("anybody?")); err != nil {
			return err
		}
		_, err = c.Read(make([]byte, 1))
		t.is("read", err, syscall.ECONNREFUSED)
		return nil
	})},
	{"a datagram can be too large", withSockets(func(ctx context.Context, t *networkSuite, a, b *asyncio.PacketConn) error {
		_, err := a.WriteTo(make([]byte, 1<<16), b.LocalAddr())
		var large *asyncio.DatagramTooLargeError
		if !errors.As(err, &large) {
			t.Errorf("got %v, want a *DatagramTooLargeError", err)
		}
		return nil
	})},
	{"deadlines, cancellation and closing end receiving", withSockets(func(ctx context.Context, t *networkSuite, a, b *asyncio.PacketConn) error {
		buf := make([]byte, 8)
		if err := a.SetReadDeadline(asyncio.RunningLoop(ctx).Wall().Add(casePause)); err != nil {
			return err
		}
		_, _, err := a.ReadFrom(buf)
		t.is("receiving at the deadline", err, os.ErrDeadlineExceeded)
		for cause, stop := range map[error]func(*asyncio.Task[int]){
			errStopped:    func(task *asyncio.Task[int]) { task.Cancel(errStopped) },
			net.ErrClosed: func(*asyncio.Task[int]) { _ = b.Close() },
		} {
			receiving := asyncio.CreateTask(ctx, func(context.Context) (int, error) {
				n, _, err := b.ReadFrom(buf)
				return n, err
			})
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return err
			}
			stop(receiving)
			_, err = receiving.Await(ctx)
			t.is("receiving", err, cause, net.ErrClosed)
		}
		return nil
	})},
	{"an address in use is refused to datagrams", withSockets(func(ctx context.Context, t *networkSuite, a, _ *asyncio.PacketConn) error {
		_, err := asyncio.ListenPacket(ctx, "udp", a.LocalAddr().String())
		t.is("listen", err, syscall.EADDRINUSE)
		return nil
	})},
	{"a protocol receives datagrams", withSockets(func(ctx context.Context, t *networkSuite, a, _ *asyncio.PacketConn) error {
		p := &datagramEcho{lost: asyncio.NewFuture[error](ctx)}
		tr, err := asyncio.CreateDatagramEndpoint(ctx, p, "udp", asyncio.WithLocalAddr("127.0.0.1:0"))
		if err != nil {
			return err
		}
		if _, err := a.WriteTo([]byte("hello"), tr.LocalAddr()); err != nil {
			return err
		}
		if err := t.receives(a, "hello", tr.LocalAddr()); err != nil {
			return err
		}
		tr.Close()
		lost, err := p.lost.Await(ctx)
		return errors.Join(lost, err)
	})},
	{"over a path datagrams keep their order and wait", unixDatagrams},
}

// datagramEcho sends back what it receives.
type datagramEcho struct {
	asyncio.BaseDatagramProtocol
	t    *asyncio.DatagramTransport
	lost *asyncio.Future[error]
}

// ConnectionMade implements asyncio.DatagramProtocol.
func (p *datagramEcho) ConnectionMade(t *asyncio.DatagramTransport) { p.t = t }

// DatagramReceived implements asyncio.DatagramProtocol.
func (p *datagramEcho) DatagramReceived(b []byte, from netip.AddrPort) { p.t.SendTo(b, from) }

// ConnectionLost implements asyncio.DatagramProtocol.
func (p *datagramEcho) ConnectionLost(err error) { _ = p.lost.SetResult(err) }

func unixDatagrams(ctx context.Context, t *networkSuite) error {
	path := filepath.Join(sockdir.New(t), "d")
	to, err := asyncio.ListenPacket(ctx, "unixgram", path)
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EPROTONOSUPPORT) {
		t.Skipf("no Unix sockets for datagrams here: %v", err)
	}
	if err != nil {
		return err
	}
	closing(t, to)
	from, err := asyncio.DialPacket(ctx, "unixgram", path)
	if err != nil {
		return err
	}
	closing(t, from)
	const messages = 1000
	sending := t.start(func(context.Context) error {
		for i := range messages {
			if _, err := fmt.Fprintf(from, "%d", i); err != nil {
				return err
			}
		}
		return nil
	})
	if err := asyncio.Sleep(ctx, casePause); err != nil {
		return err
	}
	if sending.Done() {
		t.Error("the socket took everything although nobody received")
	}
	buf := make([]byte, 8)
	for i := range messages {
		n, err := to.Read(buf)
		if err != nil {
			return err
		}
		if got, want := string(buf[:n]), fmt.Sprint(i); got != want {
			return fmt.Errorf("received %s, want %s", got, want)
		}
	}
	_, err = sending.Await(ctx)
	return err
}
