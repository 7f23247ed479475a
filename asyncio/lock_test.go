package asyncio_test

// Locks and events: order, hand-over, and what is not allowed.

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func TestLockIsFirstComeFirstServed(t *testing.T) { // LOCK-01
	simulate(t, func(ctx context.Context) error {
		var l asyncio.Lock
		var tr trace
		wantErr(t, l.Acquire(ctx), nil)
		for _, name := range []string{"a", "b", "c"} {
			spawn(ctx, func(ctx context.Context) error {
				err := l.Acquire(ctx)
				tr.add("%s", name)
				return err
			})
		}
		settle(ctx)
		tr.want(t)
		for _, want := range [][]string{{"a"}, {"a", "b"}, {"a", "b", "c"}} { // one for each release
			l.Release()
			settle(ctx)
			tr.want(t, want...)
		}
		l.Release()
		wantString(t, &l, "Lock(unlocked, 0 waiting)")
		return nil
	})
}

func TestUncontendedOperationsDoNotSuspend(t *testing.T) { // tick table
	tests := map[string]func(ctx context.Context) error{
		"Lock": func(ctx context.Context) error {
			var l asyncio.Lock
			return l.With(ctx, func() error { return nil })
		},
		"Event": func(ctx context.Context) error {
			var e asyncio.Event
			e.Set()
			return e.Wait(ctx)
		},
		"Condition.WaitFor": func(ctx context.Context) error {
			return asyncio.NewCondition(nil).WaitFor(ctx, func() bool { return true })
		},
		"Semaphore": func(ctx context.Context) error {
			return asyncio.NewSemaphore(1).With(ctx, func() error { return nil })
		},
		"Barrier": func(ctx context.Context) error {
			_, err := asyncio.NewBarrier(1).Wait(ctx)
			return err
		},
		"Queue": func(ctx context.Context) error {
			q := asyncio.NewQueue[int](1)
			err := q.Put(ctx, 1)
			_, got := q.Get(ctx)
			return errors.Join(err, got, q.TaskDone(), q.Join(ctx))
		},
		"Send and Recv": func(ctx context.Context) error {
			ch := make(chan int, 1)
			err := asyncio.Send(ctx, ch, 1)
			_, _, got := asyncio.Recv(ctx, ch)
			return errors.Join(err, got)
		},
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(ctx context.Context) error {
				turned := false
				asyncio.RunningLoop(ctx).CallSoon(func() { turned = true })
				wantErr(t, f(ctx), nil)
				// They do not look at ctx either.
				ended, cancel := asyncio.WithTimeout(ctx, time.Hour)
				cancel()
				wantErr(t, f(ended), nil)
				if turned {
					t.Error("it has suspended")
				}
				return nil
			})
		})
	}
}

func TestUncontendedOperationsDoNotAllocate(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		var l asyncio.Lock
		var e asyncio.Event
		e.Set()
		s := asyncio.NewSemaphore(1)
		q := asyncio.NewQueue[int](10)
		tests := map[string]func() error{
			"Lock":      func() error { err := l.Acquire(ctx); l.Release(); return err },
			"Event":     func() error { return e.Wait(ctx) },
			"Semaphore": func() error { err := s.Acquire(ctx); s.Release(); return err },
			"Queue": func() error {
				err := q.Put(ctx, 1)
				if _, got := q.Get(ctx); got != nil {
					return got
				}
				return err
			},
		}
		for name, f := range tests {
			allocs := testing.AllocsPerRun(100, func() {
				if err := f(); err != nil {
					t.Error(err)
				}
			})
			if allocs != 0 {
				t.Errorf("%s: got %v allocations, want 0", name, allocs)
			}
		}
		return nil
	})
}

func TestCancelledWaiterLeavesTheLock(t *testing.T) { // LOCK-02
	simulate(t, func(ctx context.Context) error {
		var l asyncio.Lock
		wantErr(t, l.Acquire(ctx), nil)
		first, second := spawn(ctx, l.Acquire), spawn(ctx, l.Acquire)
		settle(ctx)
		first.Cancel(errBoom)
		wantString(t, &l, "Lock(locked, 1 waiting)")
		l.Release()
		_, err := first.Await(ctx)
		wantErr(t, err, errBoom)
		_, err = second.Await(ctx)
		wantErr(t, err, nil)
		l.Release()
		return nil
	})
}

func TestReleaseAndCancellationInOneTurn(t *testing.T) { // LOCK-03, CAN-20
	simulate(t, func(ctx context.Context) error {
		var l asyncio.Lock
		var next error
		wantErr(t, l.Acquire(ctx), nil)
		waiter := spawn(ctx, func(ctx context.Context) error {
			err := l.Acquire(ctx)
			next = asyncio.Sleep(ctx, 0)
			return err
		})
		settle(ctx)
		l.Release() // the lock is the waiter's from now on
		waiter.Cancel(nil)
		_, err := waiter.Await(ctx)
		wantErr(t, err, nil)
		wantErr(t, next, context.Canceled)
		if !l.Locked() {
			t.Error("the lock that was granted was lost")
		}

		second := spawn(ctx, l.Acquire)
		third := spawn(ctx, l.Acquire)
		settle(ctx)
		second.Cancel(nil)
		l.Release() // the other way round it goes to the next
		_, err = second.Await(ctx)
		wantErr(t, err, context.Canceled)
		_, err = third.Await(ctx)
		wantErr(t, err, nil)
		return nil
	})
}

func TestReleaserQueuesBehindTheWokenWaiter(t *testing.T) { // LOCK-07
	simulate(t, func(ctx context.Context) error {
		var l asyncio.Lock
		var tr trace
		wantErr(t, l.Acquire(ctx), nil)
		waiter := spawn(ctx, func(ctx context.Context) error {
			return l.With(ctx, func() error {
				tr.add("waiter, locked %v", l.Locked())
				return nil
			})
		})
		settle(ctx)
		l.Release()
		tr.add("released, locked %v", l.Locked())
		wantString(t, &l, "Lock(reserved, 0 waiting)")
		wantErr(t, l.Acquire(ctx), nil)
		tr.add("again")
		tr.want(t, "released, locked false", "waiter, locked true", "again")
		_, err := waiter.Await(ctx)
		return err
	})
}

func TestMisuseOfPrimitivesIsRefusedWithTheFix(t *testing.T) { // LOCK-06, COND-01, SEM-08
	var l asyncio.Lock
	wantPanic(t, "not held", l.Release)
	l.Acquire(context.Background()) // needs no loop while it is free
	l.Release()
	wantPanic(t, "not held", l.Release)

	loop := newLoop(t)
	c := asyncio.NewCondition(&l)
	wantPanic(t, "without the lock", func() { _ = c.Wait(loop.Context()) })
	wantPanic(t, "without the lock", func() { _ = c.WaitFor(loop.Context(), func() bool { return false }) })
	wantPanic(t, "without the lock", func() { c.Notify(1) })
	wantPanic(t, "without the lock", c.NotifyAll)
	wantPanic(t, "NewCondition", new(asyncio.Condition).NotifyAll)
	wantPanic(t, "WaitFor(nil)", func() { _ = c.WaitFor(loop.Context(), nil) })
	l.Acquire(loop.Context())
	wantPanic(t, "negative", func() { c.Notify(-1) })
	wantPanic(t, "outside a task", func() { _ = l.Acquire(loop.Context()) })
	wantPanic(t, "no event loop", func() { _ = l.Acquire(context.Background()) })

	wantPanic(t, "-1 permits", func() { asyncio.NewSemaphore(-1) })
	wantPanic(t, "-1 permits", func() { asyncio.NewBoundedSemaphore(-1) })
	wantPanic(t, "all its permits", asyncio.NewBoundedSemaphore(1).Release)
	wantPanic(t, "all its permits", asyncio.NewBoundedSemaphore(0).Release)
	wantPanic(t, "0 tasks", func() { asyncio.NewBarrier(0) })
	wantPanic(t, "an order", func() { asyncio.NewPriorityQueue[int](0, nil) })
}

func TestContendedUseOnAnotherLoopPanics(t *testing.T) { // LOCK-08
	var l asyncio.Lock
	contend := func(t *testing.T, loop *asyncio.EventLoop) error {
		return loop.RunUntilComplete(spawn(loop.Context(), func(ctx context.Context) error {
			wantErr(t, l.Acquire(ctx), nil)
			waiter := spawn(ctx, l.Acquire)
			settle(ctx)
			l.Release()
			if _, err := waiter.Await(ctx); err != nil {
				return err
			}
			l.Release()
			return nil
		}))
	}
	first := newLoop(t)
	wantErr(t, contend(t, first), nil)
	second := newLoop(t)
	wantErr(t, second.RunUntilComplete(spawn(second.Context(), func(ctx context.Context) error {
		defer l.Release()
		return l.Acquire(ctx) // not contended: not checked
	})), nil)
	var panicked *asyncio.PanicError
	if err := contend(t, second); !errors.As(err, &panicked) {
		t.Errorf("got %v, want a panic", err)
	}
	wantErr(t, first.Close(), nil)
	wantErr(t, contend(t, second), nil) // the loop it belonged to is gone
}

func TestWithReleasesInAnyCase(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		var l asyncio.Lock
		s := asyncio.NewSemaphore(1)
		for name, with := range map[string]func(context.Context, func() error) error{"Lock": l.With, "Semaphore": s.With} {
			wantErr(t, with(ctx, func() error { return errBoom }), errBoom)
			wantPanic(t, "ouch", func() { _ = with(ctx, func() error { panic("ouch") }) })
			err := with(ctx, func() error {
				limited, cancel := asyncio.WithTimeout(ctx, time.Second)
				defer cancel()
				err := with(limited, func() error {
					t.Errorf("%s: the function was called without the lock", name)
					return nil
				})
				wantErr(t, err, context.DeadlineExceeded)
				return nil
			})
			wantErr(t, err, nil)
		}
		wantString(t, &l, "Lock(unlocked, 0 waiting)")
		wantString(t, s, "Semaphore(1 free, 0 waiting)")
		return nil
	})
}

func TestEventWakesInOrderAndLetsPassWhenSet(t *testing.T) { // EVT-01
	simulate(t, func(ctx context.Context) error {
		var e asyncio.Event
		var tr trace
		wait := func(name string) {
			spawn(ctx, func(ctx context.Context) error {
				err := e.Wait(ctx)
				tr.add("%s", name)
				return err
			})
		}
		wait("1")
		wait("2")
		settle(ctx)
		wait("3")
		e.Set()
		settle(ctx)
		tr.want(t, "3", "1", "2")
		if !e.IsSet() {
			t.Error("got an event that is not set, want it set")
		}
		e.Clear()
		wait("4")
		settle(ctx)
		tr.want(t, "3", "1", "2")
		wantString(t, &e, "Event(unset, 1 waiting)")
		e.Set()
		e.Clear() // who was woken has passed
		settle(ctx)
		tr.want(t, "3", "1", "2", "4")
		return nil
	})
}

func TestDeadlockReportNamesThePrimitive(t *testing.T) {
	var l asyncio.Lock
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
		return none{}, errors.Join(l.Acquire(ctx), l.Acquire(ctx))
	})
	var deadlock *asyncio.DeadlockError
	if !errors.As(err, &deadlock) {
		t.Fatalf("got %v, want a deadlock", err)
	}
	if got := deadlock.Graph.Tasks[0].For; got != "Lock.Acquire" {
		t.Errorf("got a task that waits for %q, want Lock.Acquire", got)
	}
}
