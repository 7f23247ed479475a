package asyncio_test

// The tick table: how many turns lie between an event and the step of the task that waits
// for it. Measured on CPython; it is the oracle for the order in which anything happens.

import (
	"context"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// ticks notes in which turn of a loop something happens.
type ticks struct {
	now int
	at  map[string]int
}

func (k *ticks) mark(what string) { k.at[what] = k.now }

func (k *ticks) event()   { k.mark("event") }
func (k *ticks) resumed() { k.mark("resumed") }

// finish is a coroutine that ends with the event.
func (k *ticks) finish(ctx context.Context) (int, error) {
	for range 3 {
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return 0, err
		}
	}
	k.event()
	return 7, nil
}

func TestTickTable(t *testing.T) { // §2.0
	tests := []struct {
		name string
		want int
		main func(ctx context.Context, k *ticks) error
	}{
		{"CreateTask to first step", 1, func(ctx context.Context, k *ticks) error {
			k.event()
			_, err := spawn(ctx, func(context.Context) error { k.resumed(); return nil }).Await(ctx)
			return err
		}},
		{"eager start", 0, func(ctx context.Context, k *ticks) error {
			k.event()
			spawn(ctx, func(context.Context) error { k.resumed(); return nil }, asyncio.WithEagerStart())
			return nil
		}},
		{"Sleep of nothing", 1, func(ctx context.Context, k *ticks) error {
			k.event()
			defer k.resumed()
			return asyncio.Sleep(ctx, 0)
		}},
		{"SetResult", 1, func(ctx context.Context, k *ticks) error {
			f := asyncio.NewFuture[int](ctx)
			spawn(ctx, func(context.Context) error { k.event(); return f.SetResult(1) })
			defer k.resumed()
			_, err := f.Await(ctx)
			return err
		}},
		{"callback of a done future", 1, func(ctx context.Context, k *ticks) error {
			f := asyncio.NewFuture[int](ctx)
			_ = f.SetResult(1)
			k.event()
			f.AddDoneCallback(func(*asyncio.Future[int]) { k.resumed() })
			return asyncio.Sleep(ctx, 0)
		}},
		{"task ends", 1, func(ctx context.Context, k *ticks) error {
			defer k.resumed()
			_, err := asyncio.CreateTask(ctx, k.finish).Await(ctx)
			return err
		}},
		{"Gather", 2, func(ctx context.Context, k *ticks) error {
			defer k.resumed()
			_, err := asyncio.Gather(ctx, asyncio.CreateTask(ctx, after(0, 0, nil)), asyncio.CreateTask(ctx, k.finish)).Await(ctx)
			return err
		}},
		{"Wait", 2, func(ctx context.Context, k *ticks) error {
			defer k.resumed()
			_, err := asyncio.Wait(ctx, []*asyncio.Task[int]{asyncio.CreateTask(ctx, k.finish)}).Await(ctx)
			return err
		}},
		{"Shield", 2, func(ctx context.Context, k *ticks) error {
			defer k.resumed()
			_, err := asyncio.Shield(ctx, k.finish)
			return err
		}},
		{"AsCompleted", 2, func(ctx context.Context, k *ticks) error {
			for _, err := range asyncio.AsCompleted(ctx, []*asyncio.Task[int]{asyncio.CreateTask(ctx, k.finish)}) {
				k.resumed()
				return err
			}
			return nil
		}},
		{"Group", 2, func(ctx context.Context, k *ticks) error {
			defer k.resumed()
			return asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
				asyncio.CreateTaskIn(g, k.finish)
				return nil
			})
		}},
		{"Timeout, whose body runs in the caller", 0, func(ctx context.Context, k *ticks) error {
			defer k.resumed()
			_, err := asyncio.Timeout(ctx, time.Hour, k.finish)
			return err
		}},
		{"WaitFor of a task", 1, func(ctx context.Context, k *ticks) error {
			defer k.resumed()
			_, err := asyncio.WaitFor(ctx, time.Hour, asyncio.CreateTask(ctx, k.finish))
			return err
		}},
		{"what need not wait", 0, func(ctx context.Context, k *ticks) error {
			k.event()
			defer k.resumed()
			return needNotWait(ctx)
		}},
		{"Wait of a done future", 2, func(ctx context.Context, k *ticks) error {
			f := asyncio.NewFuture[int](ctx)
			_ = f.SetResult(1)
			k.event()
			defer k.resumed()
			_, err := asyncio.Wait(ctx, []*asyncio.Future[int]{f}).Await(ctx)
			return err
		}},
		{"cancelled before its first step", 2, func(ctx context.Context, k *ticks) error {
			var task *asyncio.Task[int]
			spawn(ctx, func(ctx context.Context) error {
				task = asyncio.CreateTask(ctx, after(time.Hour, 0, nil))
				_, _ = task.Await(context.WithoutCancel(ctx))
				k.resumed()
				return nil
			}, asyncio.WithEagerStart())
			k.event()
			task.Cancel(nil)
			for range 5 {
				_ = asyncio.Sleep(ctx, 0)
			}
			return nil
		}},
		{"Lock.Release", 1, func(ctx context.Context, k *ticks) error {
			var l asyncio.Lock
			if err := l.Acquire(ctx); err != nil {
				return err
			}
			spawn(ctx, func(context.Context) error { k.event(); l.Release(); return nil })
			defer k.resumed()
			return l.Acquire(ctx)
		}},
		{"Event.Set", 1, func(ctx context.Context, k *ticks) error {
			var e asyncio.Event
			spawn(ctx, func(context.Context) error { k.event(); e.Set(); return nil })
			defer k.resumed()
			return e.Wait(ctx)
		}},
		{"Queue.Put", 1, func(ctx context.Context, k *ticks) error {
			q := asyncio.NewQueue[int](0)
			spawn(ctx, func(ctx context.Context) error { k.event(); return q.Put(ctx, 1) })
			defer k.resumed()
			_, err := q.Get(ctx)
			return err
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := &ticks{at: map[string]int{}}
			l := newLoop(t)
			task := spawn(l.Context(), func(ctx context.Context) error { return tt.main(ctx, k) })
			for k.now = 1; !task.Done() && k.now < 100; k.now++ {
				turn(t, l)
			}
			if _, ok := k.at["resumed"]; !ok {
				t.Fatalf("got %v after %d turns, want it resumed", task, k.now)
			}
			if got := k.at["resumed"] - k.at["event"]; got != tt.want {
				t.Errorf("got %d ticks, want %d", got, tt.want)
			}
			_ = task.Err()
			task.Cancel(nil)
			for range 10 {
				turn(t, l)
			}
		})
	}
}

// needNotWait makes calls that suspend only if they have to.
func needNotWait(ctx context.Context) error {
	f := asyncio.NewFuture[int](ctx)
	_ = f.SetResult(1)
	_, err := f.Await(ctx)
	if err != nil {
		return err
	}
	if _, err := asyncio.Gather[*asyncio.Future[int], int](ctx).Await(ctx); err != nil {
		return err
	}
	if _, err := asyncio.Gather(ctx, f, f).Await(ctx); err != nil {
		return err
	}
	if _, err := asyncio.WaitFor(ctx, time.Hour, f); err != nil {
		return err
	}
	var lock asyncio.Lock
	var event asyncio.Event
	event.Set()
	semaphore, queue := asyncio.NewSemaphore(1), asyncio.NewQueue[int](1)
	for _, call := range []func(context.Context) error{
		lock.Acquire, event.Wait, semaphore.Acquire,
		func(ctx context.Context) error { return queue.Put(ctx, 1) },
		func(ctx context.Context) error { _, err := queue.Get(ctx); return err },
		func(ctx context.Context) error {
			return asyncio.Group(ctx, func(context.Context, *asyncio.TaskGroup) error { return nil })
		},
		func(ctx context.Context) error {
			_, cancel := asyncio.WithTimeout(ctx, 0)
			cancel()
			return nil
		},
	} {
		if err := call(ctx); err != nil {
			return err
		}
	}
	return nil
}

// A cancellation reaches a whole tree of tasks at once: each has its next step in the next
// turn. In CPython it climbs from the innermost await, one turn a task.
func TestCancellationReachesATreeInOneTick(t *testing.T) { // §2.0, CAN-02, CAN-13 (differ)
	l := newLoop(t)
	k := &ticks{at: map[string]int{}}
	var nest func(depth int) func(ctx context.Context) error
	names := []string{"inner", "middle", "outer"}
	nest = func(depth int) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			defer k.mark(names[depth])
			if depth == 0 {
				_, err := asyncio.NewFuture[int](ctx).Await(ctx)
				return err
			}
			_, err := spawn(ctx, nest(depth-1)).Await(ctx)
			return err
		}
	}
	outer := spawn(l.Context(), nest(2))
	for range 5 {
		turn(t, l)
	}
	outer.Cancel(nil)
	for k.now = 1; !outer.Done(); k.now++ {
		turn(t, l)
	}
	for _, name := range names {
		if got := k.at[name]; got != 1 {
			t.Errorf("%s: got %d ticks, want 1", name, got)
		}
	}
}
