package asyncio_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// sharedPair returns a connection as a client gets it, dialled by a task, and its other end.
func sharedPair(ctx context.Context, t *testing.T) (net.Conn, *asyncio.Conn) {
	t.Helper()
	ln := listen(ctx, t)
	defer ln.Close()
	c, err := asyncio.SharedDialer(ctx, nil)(ctx, "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := ln.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return c, peer
}

// elsewhere runs f on a goroutine and suspends the task until it is done.
func elsewhere(ctx context.Context, f func() error) error {
	_, err := asyncio.ToThread(ctx, func(context.Context) (none, error) { return none{}, f() })
	return err
}

func TestSharedConnServesTasksAndGoroutines(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		c, peer := sharedPair(ctx, t)
		ticks := 0
		spawn(ctx, func(ctx context.Context) error {
			for asyncio.Sleep(ctx, 0) == nil {
				ticks++
			}
			return nil
		})
		echo := spawn(ctx, func(ctx context.Context) error { _, err := io.Copy(peer, peer); return err })
		use := func() error {
			for range 20 {
				send(t, c, "hello")
				wantRead(t, c, "hello")
			}
			return nil
		}
		use()
		before := ticks
		if err := elsewhere(ctx, use); err != nil {
			return err
		}
		if ticks == before {
			t.Error("the loop stood still while a goroutine used the connection")
		}
		if c.RemoteAddr().String() != peer.LocalAddr().String() || c.LocalAddr().String() != peer.RemoteAddr().String() {
			t.Errorf("the addresses are %v and %v", c.LocalAddr(), c.RemoteAddr())
		}
		c.Close()
		_, err := echo.Await(ctx)
		return err
	})
}

// A pool may dial on a goroutine while the task, and with it the loop, waits for that.
func TestSharedConnIsDialledWhileTheLoopIsHeldUp(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		ln := listen(ctx, t)
		dial := asyncio.SharedDialer(ctx, nil)
		pool := func(address string) net.Conn {
			got := make(chan net.Conn)
			go func() {
				c, err := dial(context.Background(), "tcp", address)
				if err != nil {
					t.Error(err)
				}
				got <- c
			}()
			return <-got
		}
		c := pool(ln.Addr().String())
		c.SetDeadline(asyncio.RunningLoop(ctx).Wall().Add(patience))
		send(t, c, "hello")
		peer, err := ln.Accept(ctx)
		if err != nil {
			return err
		}
		wantRead(t, peer, "hello")

		ln.Close()
		c = pool(ln.Addr().String())
		var op *net.OpError
		if _, err := c.Write([]byte("x")); !errors.As(err, &op) || op.Op != "dial" || op.Addr.String() != ln.Addr().String() {
			t.Errorf("got %v, want an error of dialling with the address", err)
		}
		if _, again := c.Read(make([]byte, 1)); !errors.As(again, &op) {
			t.Errorf("got %v, want the same error again", again)
		}
		_, err = dial(ctx, "tcp", ln.Addr().String())
		if !errors.As(err, &op) || op.Op != "dial" {
			t.Errorf("dialling in a task: got %v, want an error of dialling", err)
		}
		c = pool(ln.Addr().String())
		c.Close()
		_, err = c.Write([]byte("x"))
		wantErr(t, err, net.ErrClosed)
		return nil
	})
}

func TestDeadlinesOfASharedConnComeFromAnywhereInTheirOrder(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		c, peer := sharedPair(ctx, t)
		now := asyncio.RunningLoop(ctx).Wall()
		// One that watches a context interrupts the read of a task.
		reading := spawn(ctx, func(context.Context) error { _, err := c.Read(make([]byte, 1)); return err })
		asyncio.Sleep(ctx, time.Millisecond)
		if err := elsewhere(ctx, func() error { return c.SetDeadline(now) }); err != nil {
			return err
		}
		_, err := reading.Await(ctx)
		wantErr(t, err, os.ErrDeadlineExceeded)
		// What is set last holds, whoever has set it, also if the loop had no turn in between.
		done := make(chan error)
		go func() { done <- c.SetDeadline(now) }()
		if err := <-done; err != nil {
			return err
		}
		c.SetDeadline(time.Time{})
		send(t, peer, "x")
		wantRead(t, c, "x")
		asyncio.Sleep(ctx, time.Millisecond)
		send(t, peer, "x")
		wantRead(t, c, "x")
		return nil
	})
}

func TestContextOfTheTaskInterruptsASharedConn(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		c, peer := sharedPair(ctx, t)
		reading := spawn(ctx, func(context.Context) error { _, err := c.Read(make([]byte, 1)); return err })
		asyncio.Sleep(ctx, time.Millisecond)
		reading.Cancel(errBoom)
		_, err := reading.Await(ctx)
		wantErr(t, err, errBoom)
		if ne := net.Error(nil); !errors.As(err, &ne) || !ne.Timeout() {
			t.Errorf("got %v, want what clients take for a timeout", err)
		}
		send(t, peer, "x")
		wantRead(t, c, "x")
		return nil
	})
}

func TestClosingASharedConnElsewhereWakesItsReader(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		c, peer := sharedPair(ctx, t)
		reading := spawn(ctx, func(context.Context) error { _, err := c.Read(make([]byte, 1)); return err })
		asyncio.Sleep(ctx, time.Millisecond)
		if err := elsewhere(ctx, c.Close); err != nil {
			return err
		}
		_, err := reading.Await(ctx)
		wantErr(t, err, net.ErrClosed)
		wantErr(t, c.Close(), net.ErrClosed)
		wantErr(t, c.SetDeadline(time.Time{}), net.ErrClosed)
		_, err = c.Write([]byte("x"))
		wantErr(t, err, net.ErrClosed)
		_, err = peer.Read(make([]byte, 1))
		wantErr(t, err, io.EOF)
		return nil
	})
}

// A client that reads on a goroutine, and holds the loop up until something has come, gets it.
func TestGoroutineReadsASharedConnWhileTheLoopIsHeldUp(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		if strings.HasSuffix(t.Name(), "portable") {
			t.Skip("reading goes by way of the loop there")
		}
		c, peer := sharedPair(ctx, t)
		for range 3 {
			send(t, peer, "hello")
			done := make(chan none)
			go func() {
				wantRead(t, c, "hello")
				close(done)
			}()
			<-done
			send(t, peer, "task")
			wantRead(t, c, "task")
		}
		return nil
	})
}

// A client that times its writes, and reads in the background if one takes long, never has to.
func TestWritingToASharedConnNeverWaits(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		c, peer := sharedPair(ctx, t)
		data := pattern(20 << 20)
		turns := 0
		asyncio.RunningLoop(ctx).CallSoon(func() { turns++ })
		send(t, c, string(data))
		send(t, c, "the end")
		if turns != 0 {
			t.Error("the task was suspended")
		}
		c.Close()
		got, err := io.ReadAll(peer)
		if string(got) != string(data)+"the end" {
			t.Errorf("%d bytes arrived, want %d", len(got), len(data)+7)
		}
		return err
	})
}

func TestTaskIsRecognisedHoweverDeepItsStack(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		c, peer := sharedPair(ctx, t)
		for depth := range 300 {
			send(t, peer, "x")
			deep(depth, func() { wantRead(t, c, "x") })
		}
		return nil
	})
}

func deep(n int, f func()) {
	if n == 0 {
		f()
		return
	}
	deep(n-1, f)
	if n < 0 {
		f() // so that this is no tail call
	}
}

func TestSharedConnEndsWithItsLoop(t *testing.T) {
	var c net.Conn
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		c, _ = sharedPair(ctx, t)
		return nil
	})
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, asyncio.ErrLoopClosed) {
		t.Errorf("got %v, want ErrLoopClosed", err)
	}
	if err := c.Close(); !errors.Is(err, asyncio.ErrLoopClosed) {
		t.Errorf("got %v, want ErrLoopClosed", err)
	}
}
