package asyncio_test

// Reading much at once where the kernel can count.

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// heldClock stands still until it is moved.
type heldClock struct{ now time.Duration }

func (c *heldClock) Now() time.Duration { return c.now }
func (c *heldClock) Wall() time.Time    { return time.Unix(0, int64(c.now)) }

// bulkReader reads from a connection whose loop's clock stands still.
type bulkReader struct {
	*testing.T
	conn, peer *asyncio.Conn
	clock      *heldClock
}

// onHeldClock runs body with the client's end of a connection.
func onHeldClock(t *testing.T, body func(ctx context.Context, r *bulkReader)) {
	t.Helper()
	clock := new(heldClock)
	onNative(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		body(ctx, &bulkReader{t, a, b, clock})
		return nil
	}, asyncio.WithClock(clock))
}

// begin starts a task that reads once, and would like 100,000 bytes.
func (r *bulkReader) begin(ctx context.Context) *asyncio.Task[int] {
	task := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
		return r.conn.ReadBulk(ctx, make([]byte, 200_000), 100_000)
	})
	asyncio.Sleep(ctx, 0)
	return task
}

// wantDone wants the task to have read n bytes.
func (r *bulkReader) wantDone(ctx context.Context, task *asyncio.Task[int], n int) {
	r.Helper()
	lookAround(ctx)
	if got, err := task.Result(); got != n || err != nil {
		r.Fatalf("got %d, %v, want %d, nil", got, err, n)
	}
}

func (r *bulkReader) wantAsleep(ctx context.Context, task *asyncio.Task[int]) {
	r.Helper()
	lookAround(ctx)
	if task.Done() {
		got, err := task.Result()
		r.Fatalf("got %d, %v, want it asleep", got, err)
	}
}

// lookAround has the loop look at the kernel some times, as it does every so many turns while it
// is busy. Data that cross the loopback interface are there the first time.
func lookAround(ctx context.Context) {
	for range 500 {
		asyncio.Sleep(ctx, 0)
	}
}

func TestReadBulkSleepsUntilThereIsEnough(t *testing.T) {
	onHeldClock(t, func(ctx context.Context, r *bulkReader) {
		reader := r.begin(ctx)
		send(t, r.peer, strings.Repeat("x", 99_999))
		r.wantAsleep(ctx, reader)
		send(t, r.peer, "xy")
		r.wantDone(ctx, reader, 100_001)

		reader = r.begin(ctx)
		send(t, r.peer, "last")
		r.wantAsleep(ctx, reader)
		r.peer.Close()
		r.wantDone(ctx, reader, 4)
	})
}

func TestReadBulkSleepsForAMomentOnly(t *testing.T) {
	onHeldClock(t, func(ctx context.Context, r *bulkReader) {
		reader := r.begin(ctx)
		send(t, r.peer, "some")
		r.wantAsleep(ctx, reader)
		r.clock.now += 5 * time.Millisecond
		r.wantDone(ctx, reader, 4)

		reader = r.begin(ctx) // that was in vain: now anything counts
		send(t, r.peer, "a")
		r.wantDone(ctx, reader, 1)

		reader = r.begin(ctx) // and that was quick
		r.clock.now += 4 * time.Millisecond
		send(t, r.peer, "b")
		r.wantAsleep(ctx, reader)
		r.clock.now += time.Millisecond
		r.wantDone(ctx, reader, 1)

		reader = r.begin(ctx) // a second wait in vain, and then a long one
		r.clock.now += time.Second
		send(t, r.peer, "c")
		r.wantDone(ctx, reader, 1)
		reader = r.begin(ctx)
		send(t, r.peer, "d")
		r.wantDone(ctx, reader, 1)
	})
}

// A deadline that is near is not missed because data were left to gather.
func TestReadBulkHeedsANearDeadline(t *testing.T) {
	onHeldClock(t, func(ctx context.Context, r *bulkReader) {
		r.conn.SetReadDeadlineAt(5 * time.Millisecond)
		reader := r.begin(ctx)
		send(t, r.peer, "in time")
		r.wantDone(ctx, reader, len("in time"))
	})
}

// Whoever takes the socket over while a task sleeps finds it as it was.
func TestDetachedConnIsNotAskedForMuch(t *testing.T) {
	onHeldClock(t, func(ctx context.Context, r *bulkReader) {
		reader := r.begin(ctx)
		if got := lowWater(r.T, r.conn); got != 100_000 {
			t.Errorf("got a low water mark of %d during the read, want 100000", got)
		}
		outside, err := r.conn.Detach()
		if err != nil {
			r.Fatal(err)
		}
		defer outside.Close()
		if got := lowWater(r.T, outside.(syscall.Conn)); got != 1 {
			t.Errorf("got a low water mark of %d, want 1", got)
		}
		if _, err := reader.Await(ctx); !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v, want net.ErrClosed", err)
		}
	})
}

// lowWater returns the option SO_RCVLOWAT of a socket.
func lowWater(t *testing.T, c syscall.Conn) (mark int) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		mark, failed = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT)
	})
	if err := errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
	return mark
}
