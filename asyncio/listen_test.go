package asyncio_test

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func TestAcceptSuspendsUntilSomebodyComes(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		ln := listen(ctx, t)
		accepting := asyncio.CreateTask(ctx, ln.Accept)
		asyncio.Sleep(ctx, 0)
		a, err := asyncio.Dial(ctx, "tcp", ln.Addr().String())
		if err != nil {
			return err
		}
		b, err := accepting.Await(ctx)
		if err != nil {
			return err
		}
		send(t, a, "hello")
		wantRead(t, b, "hello")
		return nil
	})
}

func TestTasksAcceptInTheOrderInWhichTheyCame(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		ln := listen(ctx, t)
		var got []int
		var accepting []*asyncio.Task[none]
		for i := range 4 {
			accepting = append(accepting, spawn(ctx, func(ctx context.Context) error {
				_, err := ln.Accept(ctx)
				got = append(got, i)
				return err
			}))
		}
		asyncio.Sleep(ctx, 0)
		for range 4 {
			if _, err := asyncio.Dial(ctx, "tcp", ln.Addr().String()); err != nil {
				return err
			}
		}
		if _, err := asyncio.Gather(ctx, accepting...).Await(ctx); err != nil {
			return err
		}
		if !slices.Equal(got, []int{0, 1, 2, 3}) {
			t.Errorf("accepted in order %v", got)
		}
		return nil
	})
}

func TestCancelledAcceptDoesNotStarveOthers(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		ln := listen(ctx, t)
		first, second := asyncio.CreateTask(ctx, ln.Accept), asyncio.CreateTask(ctx, ln.Accept)
		asyncio.Sleep(ctx, 0)
		first.Cancel(errBoom)
		if _, err := asyncio.Dial(ctx, "tcp", ln.Addr().String()); err != nil {
			return err
		}
		_, err := first.Await(ctx)
		wantErr(t, err, errBoom)
		_, err = second.Await(ctx)
		return err
	})
}

// The task that was told of the exhaustion is not the only one that waits: when it has rested,
// nobody else would look at what the system has not announced again.
func TestAcceptorsGoOnAfterExhaustion(t *testing.T) {
	network := aiotest.NewNetwork()
	network.Inject(aiotest.FailAccept(syscall.EMFILE).Times(1))
	simulate(t, func(ctx context.Context) error {
		asyncio.RunningLoop(ctx).SetExceptionHandler(func(*asyncio.EventLoop, asyncio.ExceptionInfo) {})
		ln := listen(ctx, t)
		defer ln.Close()
		first, second := asyncio.CreateTask(ctx, ln.Accept), asyncio.CreateTask(ctx, ln.Accept)
		asyncio.Sleep(ctx, 0)
		for range 2 {
			c, err := asyncio.Dial(ctx, "tcp", ln.Addr().String())
			if err != nil {
				return err
			}
			defer c.Close()
		}
		for _, accepting := range []*asyncio.Task[*asyncio.Conn]{first, second} {
			c, err := asyncio.WaitFor(ctx, 3*time.Second, accepting)
			if err != nil {
				return err
			}
			defer c.Close()
		}
		return nil
	}, aiotest.WithNetwork(network))
}

func TestErrorOfOneAcceptDoesNotStarveOthers(t *testing.T) {
	network := aiotest.NewNetwork()
	network.Inject(aiotest.FailAccept(syscall.EPROTO).Times(1))
	simulate(t, func(ctx context.Context) error {
		ln := listen(ctx, t)
		defer ln.Close()
		first, second := asyncio.CreateTask(ctx, ln.Accept), asyncio.CreateTask(ctx, ln.Accept)
		asyncio.Sleep(ctx, 0)
		c, err := asyncio.Dial(ctx, "tcp", ln.Addr().String())
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = first.Await(ctx)
		wantErr(t, err, syscall.EPROTO)
		got, err := asyncio.WaitFor(ctx, 3*time.Second, second)
		if err != nil {
			return err
		}
		return got.Close()
	}, aiotest.WithNetwork(network))
}

func TestClosedListenerFailsItsAcceptors(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		ln := listen(ctx, t)
		accepting := asyncio.CreateTask(ctx, ln.Accept)
		asyncio.Sleep(ctx, 0)
		if err := ln.Close(); err != nil {
			t.Error(err)
		}
		_, err := accepting.Await(ctx)
		wantErr(t, err, net.ErrClosed)
		var op *net.OpError
		if !errors.As(err, &op) || op.Op != "accept" || op.Addr.String() != ln.Addr().String() {
			t.Errorf("got %v, want a net.OpError of accept with the address", err)
		}
		_, err = ln.Accept(ctx)
		wantErr(t, err, net.ErrClosed)
		wantErr(t, ln.Close(), net.ErrClosed)
		return nil
	})
}

func TestPortInUseIsReportedWithTheAddress(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		ln := listen(ctx, t)
		_, err := asyncio.Listen(ctx, "tcp", ln.Addr().String())
		wantErr(t, err, syscall.EADDRINUSE)
		var op *net.OpError
		if !errors.As(err, &op) || op.Addr.String() != ln.Addr().String() {
			t.Errorf("got %v, want a net.OpError with the address", err)
		}
		return nil
	})
}

func TestReusePortListensTwice(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("whether the second may listen depends on the system")
	}
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		ln := listen(ctx, t, asyncio.WithReusePort(), asyncio.WithBacklog(7))
		_, err := asyncio.Listen(ctx, "tcp", ln.Addr().String(), asyncio.WithReusePort())
		return err
	})
}

func TestReuseAddressCanBeTurnedOff(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("what a port in TIME_WAIT can be used for depends on the system")
	}
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		ln := listen(ctx, t)
		address := ln.Addr().String()
		a, err := asyncio.Dial(ctx, "tcp", address)
		if err != nil {
			return err
		}
		b, err := ln.Accept(ctx)
		if err != nil {
			return err
		}
		// The side that closes first keeps the port for a while.
		b.Close()
		if _, err := a.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("got %v, want the end", err)
		}
		a.Close()
		ln.Close()
		_, err = asyncio.Listen(ctx, "tcp", address, asyncio.WithReuseAddress(false))
		wantErr(t, err, syscall.EADDRINUSE)
		_, err = asyncio.Listen(ctx, "tcp", address)
		return err
	})
}

func TestListenControlSeesTheSocket(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		seen := false
		listen(ctx, t, asyncio.WithListenControl(func(_, _ string, c syscall.RawConn) error {
			return c.Control(func(uintptr) { seen = true })
		}))
		if !seen {
			t.Error("control was not called")
		}
		return nil
	})
}
