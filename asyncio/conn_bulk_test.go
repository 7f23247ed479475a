package asyncio_test

// Reading much at once: what holds on every network.

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"

	"github.com/aio-go/aio/asyncio"
)

// A peer that sends little is heard all the same, and again and again.
func TestReadBulkReturnsWhatTrickles(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		buf := make([]byte, 1<<20)
		for i := range 5 {
			reader := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) { return a.ReadBulk(ctx, buf, len(buf)) })
			asyncio.Sleep(ctx, 0)
			text := string(rune('a' + i))
			send(t, b, text)
			if n, err := reader.Await(ctx); n != 1 || err != nil || string(buf[:1]) != text {
				t.Errorf("got %q, %v, want %q", buf[:n], err, text)
			}
		}
		reader := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) { return a.ReadBulk(ctx, buf, len(buf)) })
		asyncio.Sleep(ctx, 0)
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if n, err := reader.Await(ctx); n != 0 || err != io.EOF {
			t.Errorf("got %d, %v, want 0, io.EOF", n, err)
		}
		return nil
	})
}

// Everything arrives, the last part included, which is less than what was read before.
func TestReadBulkReadsEverything(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		want := pattern(3<<20 + 7)
		writer := spawn(ctx, func(context.Context) error {
			_, err := b.Write(want)
			return err
		})
		got := make([]byte, 0, len(want)+1)
		for len(got) < len(want) {
			n, err := a.ReadBulk(ctx, got[len(got):cap(got)], min(len(want)-len(got), 256<<10))
			if err != nil {
				return err
			}
			got = got[:len(got)+n]
		}
		if !bytes.Equal(got, want) {
			t.Error("other bytes arrived than were sent")
		}
		send(t, b, "ping")
		wantRead(t, a, "ping")
		_, err := writer.Await(ctx)
		return err
	})
}

// A connection that is taken from a task in ReadBulk is in its normal state for whoever gets it.
func TestInterruptedReadBulkLeavesNothingBehind(t *testing.T) {
	// inBulk returns a connection on which a task is suspended, and what ends that task.
	inBulk := func(ctx context.Context, t *testing.T) (a, b *asyncio.Conn, reader *asyncio.Task[none]) {
		a, b = connPair(ctx, t)
		reader = spawn(ctx, func(ctx context.Context) error {
			n, err := a.ReadBulk(ctx, make([]byte, 1<<20), 1<<20)
			if n != 0 {
				t.Errorf("got %d bytes, want none", n)
			}
			return err
		})
		asyncio.Sleep(ctx, 0)
		return a, b, reader
	}
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b, reader := inBulk(ctx, t)
		reader.Cancel(nil)
		if _, err := reader.Await(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: got %v, want context.Canceled", err)
		}
		stirred := false
		a.OnReadable(func() { stirred = true })
		asyncio.Sleep(ctx, 0)
		asyncio.Sleep(ctx, 0)
		if stirred {
			t.Error("cancelled: readable, although nobody has sent anything")
		}
		a.OnReadable(nil)
		send(t, b, "x")
		wantRead(t, a, "x")

		a, _, reader = inBulk(ctx, t)
		if err := a.SetReadDeadlineAt(asyncio.RunningLoop(ctx).Time()); err != nil {
			return err
		}
		if _, err := reader.Await(ctx); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("deadline: got %v, want os.ErrDeadlineExceeded", err)
		}

		a, _, reader = inBulk(ctx, t)
		a.Close()
		if _, err := reader.Await(ctx); !errors.Is(err, net.ErrClosed) {
			t.Errorf("closed: got %v, want net.ErrClosed", err)
		}
		if _, err := a.ReadBulk(ctx, make([]byte, 1), 1); !errors.Is(err, net.ErrClosed) {
			t.Errorf("after Close: got %v, want net.ErrClosed", err)
		}
		return nil
	})
}
