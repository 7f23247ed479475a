package asyncio_test

// Datagram transports whose descriptor becomes something else behind their back. Only the native
// poller asks the descriptor itself; package net waits for its own.

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/aio-go/aio/asyncio"
)

// replaced returns a transport whose descriptor is, as soon as it has received a datagram, one
// that open has made.
func replaced(ctx context.Context, t *testing.T, p *datagrams, open func() (int, error)) {
	t.Helper()
	tr := endpoint(ctx, t, p, "udp4", loopbackPort)
	raw, err := tr.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	p.received = func([]byte, netip.AddrPort) {
		other, err := open()
		if err != nil {
			t.Error(err)
			return
		}
		defer unix.Close(other)
		if err := raw.Control(func(fd uintptr) { err = unix.Dup3(other, int(fd), unix.O_CLOEXEC) }); err != nil {
			t.Error(err)
		}
	}
	tr.SendTo([]byte("x"), addrPort(tr.LocalAddr()))
}

func TestDatagramSocketThatIsGoneEndsItsTransport(t *testing.T) {
	onNative(t, func(ctx context.Context, t *testing.T) error {
		p := newDatagrams(ctx)
		replaced(ctx, t, p, func() (int, error) { return unix.Open("/dev/null", unix.O_RDWR, 0) })
		if _, err := p.lost.Await(ctx); err != nil {
			return err
		}
		if !errors.Is(p.lostErr, unix.ENOTSOCK) || len(p.errs) > 0 {
			t.Errorf("the connection was lost with %v and errors %v were received, want ENOTSOCK and none", p.lostErr, p.errs)
		}
		if n := asyncio.RunningLoop(ctx).Stats().Sockets; n != 0 {
			t.Errorf("%d sockets are open", n)
		}
		return nil
	})
}

func TestErrorWithoutEndLetsTheDatagramTransportRest(t *testing.T) {
	onNative(t, func(ctx context.Context, t *testing.T) error {
		p := newDatagrams(ctx)
		replaced(ctx, t, p, func() (int, error) { return unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0) })
		until(ctx, t, "the rest", func() bool { return len(p.errs) >= 64 })
		for range 1000 {
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return err
			}
		}
		if n := len(p.errs); n > 200 {
			t.Errorf("%d errors were received in 1000 turns, want hardly more than 64", n)
		}
		until(ctx, t, "going on", func() bool { return len(p.errs) > 66 })
		if !errors.Is(p.errs[0], unix.ENOTCONN) {
			t.Errorf("got %v, want ENOTCONN", p.errs[0])
		}
		p.t.Abort()
		_, err := p.lost.Await(ctx)
		return err
	})
}
