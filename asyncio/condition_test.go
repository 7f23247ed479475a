package asyncio_test

// Conditions, semaphores and barriers.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// waitsOn starts n tasks that wait on c one after the other and note when they go on.
func waitsOn(ctx context.Context, c *asyncio.Condition, n int, tr *trace) []*asyncio.Task[none] {
	var tasks []*asyncio.Task[none]
	for i := range n {
		tasks = append(tasks, spawn(ctx, func(ctx context.Context) error {
			return c.With(ctx, func() error {
				err := c.Wait(ctx)
				tr.add("%d", i)
				return err
			})
		}))
	}
	settle(ctx)
	return tasks
}

func TestNotifiedTasksGoOnInOrderWhenTheLockIsFree(t *testing.T) { // COND-02, COND-03
	simulate(t, func(ctx context.Context) error {
		c := asyncio.NewCondition(nil)
		var tr trace
		waitsOn(ctx, c, 4, &tr)
		wantErr(t, c.Acquire(ctx), nil)
		c.Notify(2)
		settle(ctx)
		tr.want(t)
		c.Release()
		settle(ctx)
		tr.want(t, "0", "1")
		wantString(t, c, "Condition(unlocked, 2 waiting)")

		wantErr(t, c.With(ctx, func() error { c.Notify(0); return nil }), nil)
		settle(ctx)
		tr.want(t, "0", "1")
		wantErr(t, c.With(ctx, func() error { c.Notify(2048); return nil }), nil)
		settle(ctx)
		tr.want(t, "0", "1", "2", "3")

		tr = nil
		late := waitsOn(ctx, c, 1, &tr)
		tr.want(t) // what was left of 2048 was not stored
		wantErr(t, c.With(ctx, func() error { c.NotifyAll(); return nil }), nil)
		_, err := late[0].Await(ctx)
		return err
	})
}

func TestCancelledWaitTakesTheLockFirst(t *testing.T) { // COND-04, COND-08
	simulate(t, func(ctx context.Context) error {
		c := asyncio.NewCondition(new(asyncio.Lock))
		var returned []time.Duration
		loop := asyncio.RunningLoop(ctx)
		wait := func(ctx context.Context) error {
			return c.With(ctx, func() error {
				limited, cancel := asyncio.WithTimeout(ctx, 2*time.Second)
				defer cancel()
				err := c.Wait(limited)
				returned = append(returned, loop.Time())
				if !c.Locked() {
					t.Error("Wait has returned without the lock")
				}
				return err
			})
		}
		cancelled, timedOut := spawn(ctx, wait), spawn(ctx, wait)
		if err := asyncio.Sleep(ctx, time.Second); err != nil {
			return err
		}
		err := c.With(ctx, func() error {
			cancelled.Cancel(errBoom)
			cancelled.Cancel(errOther)
			return asyncio.Sleep(ctx, 4*time.Second)
		})
		wantErr(t, err, nil)
		_, err = cancelled.Await(ctx)
		wantErr(t, err, errBoom)
		_, err = timedOut.Await(ctx)
		wantErr(t, err, context.DeadlineExceeded)
		if want := []time.Duration{5 * time.Second, 5 * time.Second}; !slices.Equal(returned, want) {
			t.Errorf("got waits that returned at %v, want %v", returned, want)
		}
		return nil
	})
}

func TestEndedContextWaitsWithoutGivingTheLockAway(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		c := asyncio.NewCondition(nil)
		ended, cancel := asyncio.WithTimeout(ctx, time.Hour)
		cancel()
		return c.With(ctx, func() error {
			other := spawn(ctx, c.Acquire)
			settle(ctx)
			wantErr(t, c.Wait(ended), context.Canceled)
			if other.Done() {
				t.Error("the lock was released")
			}
			other.Cancel(nil)
			return nil
		})
	})
}

func TestWaitForAsksAfterEachNotification(t *testing.T) { // COND-07
	simulate(t, func(ctx context.Context) error {
		c := asyncio.NewCondition(nil)
		n, asked := 0, 0
		waiter := spawn(ctx, func(ctx context.Context) error {
			return c.With(ctx, func() error {
				return c.WaitFor(ctx, func() bool { asked++; return n == 2 })
			})
		})
		settle(ctx)
		for range 2 {
			wantErr(t, c.With(ctx, func() error { n++; c.NotifyAll(); return nil }), nil)
			settle(ctx)
		}
		if _, err := waiter.Await(ctx); err != nil || asked != 3 {
			t.Errorf("got %v after %d questions, want success after 3", err, asked)
		}
		wantErr(t, c.WaitFor(ctx, func() bool { return true }), nil) // without the lock
		return nil
	})
}

// A task that waits on a condition has given its lock away. When it is ended by force there,
// its deferred Release has nothing to release.
func TestForcedEndInACondition(t *testing.T) {
	l := asyncio.NewEventLoop(asyncio.WithClock(new(aiotest.Clock)))
	var told reports
	told.listen(l)
	c := asyncio.NewCondition(nil)
	task := spawn(l.Context(), func(ctx context.Context) error {
		ctx = context.WithoutCancel(ctx)
		if err := c.Acquire(ctx); err != nil {
			return err
		}
		defer c.Release()
		return c.Wait(ctx)
	})
	turn(t, l)
	wantErr(t, l.Close(), nil)
	wantErr(t, task.Err(), context.Canceled)
	wantErr(t, task.Err(), asyncio.ErrLoopClosed)
}

func TestPermitGoesToTheOldestWaiter(t *testing.T) { // SEM-01, SEM-02
	simulate(t, func(ctx context.Context) error {
		s := asyncio.NewSemaphore(1)
		wantErr(t, s.Acquire(ctx), nil)
		if !s.Locked() {
			t.Error("got Locked false without a free permit, want true")
		}
		var tr trace
		acquire := func(name string) {
			spawn(ctx, func(ctx context.Context) error {
				err := s.Acquire(ctx)
				tr.add("%s", name)
				return err
			})
		}
		acquire("1")
		acquire("2")
		settle(ctx)
		s.Release()
		if !s.Locked() {
			t.Error("got Locked false when the permit was handed over, want true")
		}
		wantString(t, s, "Semaphore(0 free, 1 waiting)")
		acquire("newcomer")
		settle(ctx)
		tr.want(t, "1")
		s.Release()
		s.Release()
		s.Release()
		settle(ctx)
		tr.want(t, "1", "2", "newcomer")
		wantString(t, s, "Semaphore(1 free, 0 waiting)")
		return nil
	})
}

func TestSemaphoreIsFair(t *testing.T) { // SEM-03
	simulate(t, func(ctx context.Context) error {
		s := asyncio.NewSemaphore(1)
		var tr trace
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			for i := range 3 {
				g.Go(func(ctx context.Context) error {
					for range 2 {
						if err := s.Acquire(ctx); err != nil {
							return err
						}
						tr.add("c%d", i+1)
						if err := asyncio.Sleep(ctx, 10*time.Millisecond); err != nil {
							return err
						}
						s.Release()
					}
					return nil
				})
			}
			return nil
		})
		tr.want(t, "c1", "c2", "c3", "c1", "c2", "c3")
		return err
	})
}

func TestCancelledWaitersGetNoPermit(t *testing.T) { // SEM-04, SEM-06
	simulate(t, func(ctx context.Context) error {
		s := asyncio.NewSemaphore(1)
		wantErr(t, s.Acquire(ctx), nil)
		var tasks []*asyncio.Task[none]
		for range 4 {
			tasks = append(tasks, spawn(ctx, s.Acquire))
		}
		settle(ctx)
		tasks[0].Cancel(nil)
		tasks[1].Cancel(nil)
		s.Release()
		tasks[2].Cancel(nil) // too late: the permit is its
		settle(ctx)
		for i, want := range []string{"cancelled", "cancelled", "finished", "suspended"} {
			if got := fmt.Sprintf("Task(%s, %s", tasks[i].Name(), want); len(tasks[i].String()) < len(got) || tasks[i].String()[:len(got)] != got {
				t.Errorf("task %d: got %v, want it %s", i, tasks[i], want)
			}
		}
		s.Release()
		_, err := tasks[3].Await(ctx)
		return err
	})
}

func TestBoundedSemaphoreTakesBackWhatItGave(t *testing.T) { // SEM-08
	simulate(t, func(ctx context.Context) error {
		s := asyncio.NewBoundedSemaphore(2)
		wantErr(t, errors.Join(s.Acquire(ctx), s.Acquire(ctx)), nil)
		s.Release()
		s.Release()
		wantPanic(t, "all its permits", s.Release)
		free := asyncio.NewSemaphore(0)
		free.Release() // an ordinary one grows
		return free.Acquire(ctx)
	})
}

func TestBarrierGivesEachItsIndex(t *testing.T) { // BAR-01
	simulate(t, func(ctx context.Context) error {
		b := asyncio.NewBarrier(3)
		var tasks []*asyncio.Task[int]
		for i := range 3 {
			if got := b.Waiting(); got != i {
				t.Errorf("got %d waiting, want %d", got, i)
			}
			tasks = append(tasks, asyncio.CreateTask(ctx, b.Wait))
			settle(ctx)
		}
		got, err := asyncio.Gather(ctx, tasks...).Await(ctx)
		if want := []int{0, 1, 2}; !slices.Equal(got, want) || b.Waiting() != 0 || b.Parties() != 3 {
			t.Errorf("got %v and %v, want %v and nobody", got, b, want)
		}
		return err
	})
}

func TestBarrierGenerationsDoNotMix(t *testing.T) { // BAR-02
	simulate(t, func(ctx context.Context) error {
		const parties, rounds = 5, 4
		b := asyncio.NewBarrier(parties)
		var rounded [rounds][]int
		passed := make([]int, parties)
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			for i := range parties {
				g.Go(func(ctx context.Context) error {
					for r := range rounds {
						index, err := b.Wait(ctx)
						if err != nil {
							return err
						}
						rounded[r] = append(rounded[r], index)
						passed[i]++
						if slices.Max(passed)-slices.Min(passed) > 1 {
							t.Errorf("got rounds %v: a task was a whole round ahead", passed)
						}
					}
					return nil
				})
			}
			return nil
		})
		for r, got := range rounded {
			slices.Sort(got)
			if want := []int{0, 1, 2, 3, 4}; !slices.Equal(got, want) {
				t.Errorf("round %d: got indices %v, want %v", r, got, want)
			}
		}
		return err
	}, aiotest.WithSeed(7))
}

func TestCancelledTaskLeavesTheBarrierWhole(t *testing.T) { // BAR-03
	simulate(t, func(ctx context.Context) error {
		b := asyncio.NewBarrier(3)
		tasks := []*asyncio.Task[int]{asyncio.CreateTask(ctx, b.Wait), asyncio.CreateTask(ctx, b.Wait)}
		settle(ctx)
		tasks[0].Cancel(nil)
		// In the turn of the cancellation, too, a third is not enough.
		third := asyncio.CreateTask(ctx, b.Wait, asyncio.WithEagerStart())
		if third.Done() || b.Waiting() != 2 {
			t.Errorf("got %v, %v, want two waiting", third, b)
		}
		settle(ctx)
		index, err := b.Wait(ctx)
		if index != 2 || err != nil || b.Broken() {
			t.Errorf("got %d, %v and %v, want 2 of a whole barrier", index, err, b)
		}
		for want, task := range []*asyncio.Task[int]{tasks[1], third} {
			if got, err := task.Await(ctx); got != want || err != nil {
				t.Errorf("got %d, %v, want %d", got, err, want)
			}
		}
		wantErr(t, tasks[0].Err(), context.Canceled)
		return nil
	})
}

func TestResetSendsTheWaitersAway(t *testing.T) { // BAR-04
	simulate(t, func(ctx context.Context) error {
		b := asyncio.NewBarrier(2)
		waiter := asyncio.CreateTask(ctx, b.Wait)
		settle(ctx)
		b.Reset()
		_, err := waiter.Await(ctx)
		wantErr(t, err, asyncio.ErrBrokenBarrier)
		again := asyncio.CreateTask(ctx, b.Wait)
		settle(ctx)
		_, err = b.Wait(ctx)
		_, other := again.Await(ctx)
		return errors.Join(err, other)
	})
}

func TestAbortBreaksTheBarrierUntilReset(t *testing.T) { // BAR-06
	simulate(t, func(ctx context.Context) error {
		b := asyncio.NewBarrier(2)
		waiter := asyncio.CreateTask(ctx, b.Wait)
		settle(ctx)
		b.Abort()
		wantString(t, b, "Barrier(broken, 0/2)")
		_, err := waiter.Await(ctx)
		wantErr(t, err, asyncio.ErrBrokenBarrier)
		_, err = b.Wait(ctx)
		wantErr(t, err, asyncio.ErrBrokenBarrier)
		b.Reset()
		if b.Broken() {
			t.Error("got a broken barrier after Reset, want a whole one")
		}
		again := asyncio.CreateTask(ctx, b.Wait)
		settle(ctx)
		_, err = b.Wait(ctx)
		_, other := again.Await(ctx)
		return errors.Join(err, other)
	})
}
