package asyncio_test

// Futures: their states, their callbacks, and the order in which those who wait are woken.

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func TestPendingFutureHasNoResult(t *testing.T) { // FUT-01
	l := newLoop(t)
	f := asyncio.NewFuture[int](l.Context())
	if f.Done() || f.Cancelled() {
		t.Errorf("got done %v, cancelled %v, want a pending future", f.Done(), f.Cancelled())
	}
	_, err := f.Result()
	wantErr(t, err, asyncio.ErrInvalidState)
	wantErr(t, f.Err(), asyncio.ErrInvalidState)
	wantPanic(t, "SetResult", func() { _ = f.SetError(nil) })
}

func TestFutureIsCompletedOnce(t *testing.T) { // FUT-02, FUT-03
	tests := []struct {
		name      string
		complete  func(f *asyncio.Future[int]) error
		value     int
		err       error
		cancelled bool
	}{
		{"result", func(f *asyncio.Future[int]) error { return f.SetResult(7) }, 7, nil, false},
		{"error", func(f *asyncio.Future[int]) error { return f.SetError(errBoom) }, 0, errBoom, false},
		{"cancelled error", func(f *asyncio.Future[int]) error { return f.SetError(context.Canceled) }, 0, context.Canceled, true},
		{"deadline", func(f *asyncio.Future[int]) error { return f.SetError(context.DeadlineExceeded) }, 0, context.DeadlineExceeded, false},
		{"cancel", func(f *asyncio.Future[int]) error {
			if !f.Cancel(errBoom) {
				return errors.New("Cancel of a pending future is false")
			}
			return nil
		}, 0, context.Canceled, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLoop(t)
			f := asyncio.NewFuture[int](l.Context())
			wantErr(t, tt.complete(f), nil)
			wantErr(t, f.SetResult(8), asyncio.ErrInvalidState)
			wantErr(t, f.SetError(errors.New("another")), asyncio.ErrInvalidState)
			if f.Cancel(nil) {
				t.Error("Cancel of a done future is true")
			}
			v, err := f.Result()
			if v != tt.value {
				t.Errorf("got %d, want %d", v, tt.value)
			}
			wantErr(t, err, tt.err)
			wantErr(t, f.Err(), tt.err)
			if !f.Done() || f.Cancelled() != tt.cancelled {
				t.Errorf("got done %v, cancelled %v, want true, %v", f.Done(), f.Cancelled(), tt.cancelled)
			}
		})
	}
}

func TestCancelKeepsTheCause(t *testing.T) {
	l := newLoop(t)
	f := asyncio.NewFuture[int](l.Context())
	f.Cancel(errBoom)
	wantErr(t, f.Err(), errBoom)
	wantErr(t, f.Err(), context.Canceled)
}

func TestCallbacksNeverRunInline(t *testing.T) { // FUT-04, FUT-05
	l := newLoop(t)
	f := asyncio.NewFuture[int](l.Context())
	var tr trace
	f.AddDoneCallback(func(got *asyncio.Future[int]) { tr.add("first %v", got == f) })
	f.AddDoneCallback(func(*asyncio.Future[int]) { tr.add("second") })
	wantErr(t, f.SetResult(1), nil)
	tr.want(t)
	turn(t, l)
	tr.want(t, "first true", "second")
	f.AddDoneCallback(func(*asyncio.Future[int]) { tr.add("late") })
	tr.want(t, "first true", "second")
	turn(t, l)
	tr.want(t, "first true", "second", "late")
}

func TestListenersWakeInTheOrderTheyCame(t *testing.T) { // FUT-06
	simulate(t, func(ctx context.Context) error {
		f := asyncio.NewFuture[int](ctx)
		var tr trace
		for i := range 3 {
			spawn(ctx, func(ctx context.Context) error {
				_, err := f.Await(ctx)
				tr.add("task %d", i)
				return err
			})
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return err
			}
			f.AddDoneCallback(func(*asyncio.Future[int]) { tr.add("callback %d", i) })
		}
		wantErr(t, f.SetResult(1), nil)
		wantErr(t, asyncio.Sleep(ctx, 0), nil)
		tr.want(t, "task 0", "callback 0", "task 1", "callback 1", "task 2", "callback 2")
		return nil
	})
}

func TestRemovedCallbackIsNotCalled(t *testing.T) { // FUT-07
	l := newLoop(t)
	f, other := asyncio.NewFuture[int](l.Context()), asyncio.NewFuture[int](l.Context())
	var tr trace
	note := func(name string) func(*asyncio.Future[int]) {
		return func(*asyncio.Future[int]) { tr.add("%s", name) }
	}
	a := f.AddDoneCallback(note("a"))
	b := f.AddDoneCallback(note("b"))
	c := f.AddDoneCallback(note("c"))
	if !f.RemoveDoneCallback(b) || f.RemoveDoneCallback(b) {
		t.Error("a callback is not removed exactly once")
	}
	if other.RemoveDoneCallback(a) || f.RemoveDoneCallback(nil) {
		t.Error("a callback that is not there was removed")
	}
	wantErr(t, f.SetResult(1), nil)
	if f.RemoveDoneCallback(c) {
		t.Error("a callback that is scheduled was removed")
	}
	turn(t, l)
	tr.want(t, "a", "c")
}

func TestDoneFutureIsAwaitedWithoutSuspending(t *testing.T) { // FUT-13
	simulate(t, func(ctx context.Context) error {
		f := asyncio.NewFuture[int](ctx)
		wantErr(t, f.SetResult(7), nil)
		var tr trace
		asyncio.RunningLoop(ctx).CallSoon(tr.step("somebody else"))
		for range 2 {
			if v, err := f.Await(ctx); v != 7 || err != nil {
				t.Errorf("got %v, %v, want 7", v, err)
			}
		}
		tr.want(t)
		return nil
	})
}

// A result that is there is not a suspension: even an ended context gets it.
func TestDoneFutureIsAwaitedUnderAnEndedContext(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		f := asyncio.NewFuture[int](ctx)
		wantErr(t, f.SetResult(7), nil)
		ended, cancel := asyncio.WithTimeout(ctx, time.Hour)
		cancel()
		if v, err := f.Await(ended); v != 7 || err != nil {
			t.Errorf("got %v, %v, want 7", v, err)
		}
		_, err := asyncio.NewFuture[int](ctx).Await(ended)
		wantErr(t, err, context.Canceled)
		return nil
	})
}

func TestTimerThatComesAfterTheCancellation(t *testing.T) { // FUT-14
	simulate(t, func(ctx context.Context) error {
		f := asyncio.NewFuture[int](ctx)
		var late error
		asyncio.RunningLoop(ctx).CallLater(time.Second, func() { late = f.SetResult(1) })
		f.Cancel(nil)
		wantErr(t, asyncio.Sleep(ctx, time.Minute), nil)
		wantErr(t, late, asyncio.ErrInvalidState)
		wantErr(t, f.Err(), context.Canceled)
		return nil
	})
}

func TestAwaitingAnotherLoopsFutureFailsTheTask(t *testing.T) { // FUT-15
	l, other := newLoop(t), newLoop(t)
	f := asyncio.NewFuture[int](other.Context())
	task := spawn(l.Context(), func(ctx context.Context) error {
		_, err := f.Await(ctx)
		return err
	})
	var p *asyncio.PanicError
	if err := l.RunUntilComplete(task); !errors.As(err, &p) {
		t.Errorf("got %v, want a *PanicError that says the fix", err)
	}
	wantPanic(t, "RunCoroutineThreadsafe", func() { panic(p.Value) })
}

func TestManyTasksAwaitOneFuture(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		f := asyncio.NewFuture[int](ctx)
		var tasks []*asyncio.Task[int]
		for i := range 10 {
			tasks = append(tasks, asyncio.CreateTask(ctx, f.Await, asyncio.WithName(fmt.Sprint(i))))
		}
		wantErr(t, asyncio.Sleep(ctx, time.Second), nil)
		tasks[4].Cancel(nil)
		wantErr(t, f.SetResult(7), nil)
		for i, task := range tasks {
			v, err := task.Await(ctx)
			if i == 4 {
				wantErr(t, err, context.Canceled)
			} else if v != 7 || err != nil {
				t.Errorf("task %d: got %v, %v, want 7", i, v, err)
			}
		}
		return nil
	})
}

func TestCallbackMayCompleteAndListen(t *testing.T) {
	l := newLoop(t)
	ctx := l.Context()
	first, second := asyncio.NewFuture[int](ctx), asyncio.NewFuture[int](ctx)
	var tr trace
	first.AddDoneCallback(func(f *asyncio.Future[int]) {
		tr.add("first")
		v, err := f.Result()
		_ = second.SetResult(v + 1)
		wantErr(t, err, nil)
		f.AddDoneCallback(func(*asyncio.Future[int]) { tr.add("first again") })
	})
	second.AddDoneCallback(func(f *asyncio.Future[int]) {
		v, _ := f.Result()
		tr.add("second %d", v)
	})
	l.CallSoon(func() { _ = first.SetResult(1) })
	wantErr(t, l.RunUntilComplete(second), nil)
	tr.want(t, "first", "second 2", "first again")
}

// RunUntilComplete returns only after callbacks that were there before have run.
func TestRunUntilCompleteRunsEarlierCallbacks(t *testing.T) {
	l := newLoop(t)
	task := asyncio.EnsureFuture(l.Context(), func(ctx context.Context) (string, error) { return "Hello", nil })
	var tr trace
	task.AddDoneCallback(func(*asyncio.Future[string]) { tr.add("Done") })
	wantErr(t, l.RunUntilComplete(task), nil)
	tr.want(t, "Done")
}

func TestFuturesDescribeThemselves(t *testing.T) {
	l := newLoop(t)
	pending, result, failed, cancelled := asyncio.NewFuture[int](l.Context()), asyncio.NewFuture[int](l.Context()),
		asyncio.NewFuture[int](l.Context()), asyncio.NewFuture[int](l.Context())
	_, _, _ = result.SetResult(1), failed.SetError(errBoom), cancelled.Cancel(nil)
	for got, want := range map[string]string{
		pending.String():   "Future(pending)",
		result.String():    "Future(finished)",
		failed.String():    "Future(failed: boom)",
		cancelled.String(): "Future(cancelled: asyncio: cancelled)",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	wantErr(t, failed.Err(), errBoom)
}
