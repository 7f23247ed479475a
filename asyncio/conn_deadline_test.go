package asyncio_test

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func TestDeadlineInterruptsASuspendedRead(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		if err := a.SetReadDeadline(asyncio.RunningLoop(ctx).Wall().Add(20 * time.Millisecond)); err != nil {
			t.Error(err)
		}
		for range 2 { // also the read after that
			_, err := a.Read(make([]byte, 1))
			wantTimeout(t, err)
		}
		send(t, b, "x")
		if err := a.SetReadDeadline(time.Time{}); err != nil {
			t.Error(err)
		}
		wantRead(t, a, "x")
		return nil
	})
}

func TestDeadlineInterruptsASuspendedWrite(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, _ := connPair(ctx, t)
		l := asyncio.RunningLoop(ctx)
		var n int
		var err error
		// A deadline that passes before the write begins proves nothing: then a later one.
		for limit := 20 * time.Millisecond; n == 0 && limit < patience; limit *= 4 {
			if err := a.SetWriteDeadlineAt(l.Time() + limit); err != nil {
				t.Error(err)
			}
			n, err = a.Write(pattern(64 << 20))
			wantTimeout(t, err)
		}
		if n == 0 || n == 64<<20 {
			t.Errorf("wrote %d bytes, want a part", n)
		}
		_, err = a.WriteBuffers(net.Buffers{[]byte("more"), []byte("!")})
		wantTimeout(t, err)
		return nil
	})
}

func TestPassedDeadlineFailsAtOnceAlthoughThereIsData(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		send(t, b, "x")
		for !a.Readable() {
			asyncio.Sleep(ctx, time.Millisecond)
		}
		a.SetDeadline(time.Unix(1, 0))
		_, err := a.Read(make([]byte, 1))
		wantTimeout(t, err)
		_, err = a.Write([]byte("x"))
		wantTimeout(t, err)
		a.SetDeadline(asyncio.RunningLoop(ctx).Wall().Add(time.Hour))
		wantRead(t, a, "x")
		send(t, a, "x")
		return nil
	})
}

func TestDeadlineSetByAnotherTaskReachesASuspendedRead(t *testing.T) {
	for name, set := range map[string]func(c *asyncio.Conn, now time.Time){
		"passed": func(c *asyncio.Conn, _ time.Time) { c.SetReadDeadline(time.Unix(1, 0)) },
		"soon":   func(c *asyncio.Conn, now time.Time) { c.SetReadDeadline(now.Add(10 * time.Millisecond)) },
		"sooner than before": func(c *asyncio.Conn, now time.Time) {
			c.SetReadDeadline(now.Add(time.Hour))
			c.SetReadDeadline(now.Add(10 * time.Millisecond))
		},
	} {
		t.Run(name, func(t *testing.T) {
			onNetworks(t, func(ctx context.Context, t *testing.T) error {
				a, _ := connPair(ctx, t)
				reader := spawn(ctx, func(context.Context) error { _, err := a.Read(make([]byte, 1)); return err })
				asyncio.Sleep(ctx, 0)
				set(a, asyncio.RunningLoop(ctx).Wall())
				_, err := reader.Await(ctx)
				wantTimeout(t, err)
				return nil
			})
		})
	}
}

func TestDeadlineThatWasMovedDoesNotFire(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		l := asyncio.RunningLoop(ctx)
		// A deadline that passes before it can be moved proves nothing: then a later one.
		for limit := 10 * time.Millisecond; limit < patience; limit *= 4 {
			a, b := connPair(ctx, t)
			first := l.Wall().Add(limit)
			a.SetReadDeadline(first)
			reader := asyncio.CreateTask(ctx, func(context.Context) (int, error) { return a.Read(make([]byte, 4)) })
			asyncio.Sleep(ctx, 0)
			a.SetReadDeadline(l.Wall().Add(time.Hour))
			if inTime := l.Wall().Before(first); !inTime {
				a.Close()
				reader.Await(ctx)
				continue
			}
			asyncio.Sleep(ctx, limit+20*time.Millisecond)
			send(t, b, "late")
			n, err := reader.Await(ctx)
			if n != len("late") {
				t.Errorf("read %d bytes, want %d", n, len("late"))
			}
			return err
		}
		t.Error("no deadline could be moved in time")
		return nil
	})
}

func TestDeadlinesOfADirectionAreItsOwn(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		a.SetWriteDeadline(time.Unix(1, 0))
		send(t, b, "x")
		wantRead(t, a, "x")
		_, err := a.Write([]byte("x"))
		wantTimeout(t, err)
		return nil
	})
}

func wantTimeout(t *testing.T, err error) {
	t.Helper()
	var e net.Error
	if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &e) || !e.Timeout() {
		t.Errorf("got %v, want os.ErrDeadlineExceeded with Timeout", err)
	}
}
