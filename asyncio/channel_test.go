package asyncio_test

// Awaiting Go channels.

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func TestRecvWaitsWithoutHoldingTheLoop(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		ch := make(chan string)
		other := spawn(ctx, func(ctx context.Context) error { // runs while Recv waits
			go func() { ch <- "value" }()
			return nil
		})
		got, ok, err := asyncio.Recv(ctx, ch)
		if got != "value" || !ok || err != nil || !other.Done() {
			t.Errorf("got %q, %v, %v and %v, want the value", got, ok, err, other)
		}
		go close(ch)
		got, ok, err = asyncio.Recv(ctx, ch)
		if got != "" || ok || err != nil {
			t.Errorf("got %q, %v, %v, want a closed channel", got, ok, err)
		}
		return nil
	})
}

func TestSendWaitsWithoutHoldingTheLoop(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		ch := make(chan int)
		got := make(chan int, 1)
		other := spawn(ctx, func(ctx context.Context) error {
			go func() { got <- <-ch }()
			return nil
		})
		err := asyncio.Send(ctx, ch, 7)
		if v := <-got; v != 7 || err != nil || !other.Done() {
			t.Errorf("got %v, %v and %v, want 7", v, err, other)
		}
		return nil
	})
}

func TestTasksMeetInAChannel(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		ch := make(chan int)
		const n = 50
		return asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(func(ctx context.Context) error {
				defer close(ch)
				for i := range n {
					if err := asyncio.Send(ctx, ch, i); err != nil {
						return err
					}
				}
				return nil
			})
			for i := 0; ; i++ {
				v, ok, err := asyncio.Recv(ctx, ch)
				if !ok || err != nil {
					if i != n {
						t.Errorf("got the end after %d items, want %d", i, n)
					}
					return err
				}
				if v != i {
					t.Errorf("got %d, want %d", v, i)
				}
			}
		})
	})
}

func TestCancelledChannelWaitTakesNothing(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		ch := make(chan int)
		receiver := spawn(ctx, func(ctx context.Context) error {
			_, _, err := asyncio.Recv(ctx, ch)
			return err
		})
		sender := spawn(ctx, func(ctx context.Context) error { return asyncio.Send(ctx, make(chan int), 1) })
		settle(ctx)
		receiver.Cancel(errBoom)
		sender.Cancel(errBoom)
		for _, task := range []*asyncio.Task[none]{receiver, sender} {
			_, err := task.Await(ctx)
			wantErr(t, err, context.Canceled)
			wantErr(t, err, errBoom)
		}
		select {
		case ch <- 1:
			t.Error("somebody received after the cancellation")
		default:
		}

		ended, cancel := asyncio.WithTimeout(ctx, time.Hour)
		cancel()
		_, _, err := asyncio.Recv(ended, ch)
		wantErr(t, err, context.Canceled)
		wantErr(t, asyncio.Send(ended, ch, 1), context.Canceled)
		return nil
	})
}

// A value that was received while the receiver was being cancelled is returned.
func TestReceivedValueIsNotLostToACancellation(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		for range 200 {
			ch := make(chan int)
			var next error
			receiver := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
				v, _, err := asyncio.Recv(ctx, ch)
				next = asyncio.Sleep(ctx, 0)
				return v, err
			})
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return err
			}
			ch <- 1 // returns when a goroutine has the value; the loop has not heard of it yet
			receiver.Cancel(nil)
			got, err := receiver.Await(ctx)
			if got != 1 || err != nil {
				t.Fatalf("got %v, %v, want 1", got, err)
			}
			wantErr(t, next, context.Canceled)
		}
		return nil
	})
}

// TestChannelWaitsUnderFire lets goroutines and cancelled tasks compete: each value arrives
// once.
func TestChannelWaitsUnderFire(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		const n = 300
		ch := make(chan int)
		var senders sync.WaitGroup
		for i := range n {
			senders.Go(func() { ch <- i })
		}
		seen := make(map[int]int)
		for len(seen) < n {
			receivers := []*asyncio.Task[none]{}
			for range 4 {
				receivers = append(receivers, spawn(ctx, func(ctx context.Context) error {
					v, _, err := asyncio.Recv(ctx, ch)
					if err == nil {
						seen[v]++
					}
					return err
				}))
			}
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return err
			}
			for _, r := range receivers {
				r.Cancel(nil)
			}
			if _, err := asyncio.GatherSettled(ctx, receivers...).Await(ctx); err != nil {
				return err
			}
		}
		senders.Wait()
		for v, times := range seen {
			if times != 1 {
				t.Errorf("got %d %d times, want once", v, times)
			}
		}
		return nil
	})
}

func TestSendOnAClosedChannelPanics(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		ch := make(chan int)
		close(ch)
		wantPanic(t, "closed channel", func() { _ = asyncio.Send(ctx, ch, 1) })
		return nil
	})
}

func TestNilChannelIsADeadlockUnlessTheContextEnds(t *testing.T) {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
		limited, cancel := asyncio.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		_, _, err := asyncio.Recv[int](limited, nil)
		wantErr(t, err, context.DeadlineExceeded)
		return none{}, asyncio.Send(ctx, nil, 1)
	})
	var deadlock *asyncio.DeadlockError
	if !errors.As(err, &deadlock) {
		t.Errorf("got %v, want a deadlock", err)
	}
}

// A loop with a task in Recv waits for the outside, and closing it leaves no goroutine.
func TestForcedEndInRecvLeavesNoGoroutine(t *testing.T) {
	l := newLoop(t)
	var told reports
	told.listen(l)
	task := spawn(l.Context(), func(ctx context.Context) error {
		_, _, err := asyncio.Recv(context.WithoutCancel(ctx), make(chan int))
		return err
	})
	turn(t, l)
	wantErr(t, l.Close(), nil)
	wantErr(t, task.Err(), context.Canceled)
}
