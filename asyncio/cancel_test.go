package asyncio_test

// Cancellation: scoped by context and level-triggered. What differs from CPython on purpose
// carries the id of the case it differs from.

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// cancelled checks that task ended by cancellation with cause, which may be nil.
func cancelled[T any](t *testing.T, ctx context.Context, task *asyncio.Task[T], cause error) {
	t.Helper()
	_, err := task.Await(ctx)
	if !task.Cancelled() || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want a cancelled task", task)
	}
	if cause != nil {
		wantErr(t, err, cause)
	}
}

func TestTaskCancelledBeforeItsFirstStepNeverRuns(t *testing.T) { // CAN-01, CAN-03, CAN-04
	simulate(t, func(ctx context.Context) error {
		task := spawn(ctx, func(context.Context) error { t.Error("the body ran"); return nil })
		if !task.Cancel(errBoom) {
			t.Error("Cancel is false")
		}
		if task.Done() || task.Cancelled() {
			t.Error("the task is done inside Cancel")
		}
		cancelled(t, ctx, task, errBoom)
		if task.Cancel(nil) {
			t.Error("Cancel of a done task is true")
		}
		return nil
	})
}

// Awaiting is not owning: the future, and the task, that a cancelled task awaits go on.
func TestCancelLeavesWhatIsAwaitedAlone(t *testing.T) { // CAN-02, CAN-13, CAN-15 (differ)
	simulate(t, func(ctx context.Context) error {
		f := asyncio.NewFuture[int](ctx)
		other := asyncio.CreateTask(ctx, after(time.Minute, 7, nil))
		onFuture := asyncio.CreateTask(ctx, f.Await)
		onTask := asyncio.CreateTask(ctx, other.Await)
		wantErr(t, asyncio.Sleep(ctx, time.Second), nil)
		onFuture.Cancel(nil)
		onTask.Cancel(nil)
		if f.Done() || other.Done() {
			t.Errorf("got %v, %v inside Cancel, want both pending", f, other)
		}
		cancelled(t, ctx, onFuture, nil)
		cancelled(t, ctx, onTask, nil)
		wantErr(t, f.SetResult(1), nil)
		if v, err := other.Await(ctx); v != 7 || err != nil {
			t.Errorf("got %v, %v, want 7", v, err)
		}
		return nil
	})
}

// What a task has started under its own context ends with it.
func TestCancelReachesWhatTheTaskStarted(t *testing.T) { // CAN-02, CAN-13 (differ)
	simulate(t, func(ctx context.Context) error {
		var tr trace
		var child, grandchild *asyncio.Task[none]
		sleep := func(name string) func(ctx context.Context) error {
			return func(ctx context.Context) error {
				err := asyncio.Sleep(ctx, time.Hour)
				tr.add("%s", name)
				return err
			}
		}
		parent := spawn(ctx, func(ctx context.Context) error {
			child = spawn(ctx, func(ctx context.Context) error {
				grandchild = spawn(ctx, sleep("grandchild"))
				return sleep("child")(ctx)
			})
			return sleep("parent")(ctx)
		})
		wantErr(t, asyncio.Sleep(ctx, time.Second), nil)
		parent.Cancel(errBoom)
		cancelled(t, ctx, parent, errBoom)
		cancelled(t, ctx, child, errBoom)
		cancelled(t, ctx, grandchild, errBoom)
		tr.want(t, "grandchild", "child", "parent")
		return nil
	})
}

func TestCancelBetweenYields(t *testing.T) { // CAN-05
	simulate(t, func(ctx context.Context) error {
		var tr trace
		task := spawn(ctx, func(ctx context.Context) error {
			for {
				tr.add("step")
				if err := asyncio.Sleep(ctx, 0); err != nil {
					return err
				}
			}
		})
		wantErr(t, asyncio.Sleep(ctx, 0), nil)
		wantErr(t, asyncio.Sleep(ctx, 0), nil)
		task.Cancel(nil)
		cancelled(t, ctx, task, nil)
		tr.want(t, "step", "step")
		return nil
	})
}

func TestCancelledFutureCancelsItsAwaiter(t *testing.T) { // CAN-06
	simulate(t, func(ctx context.Context) error {
		f := asyncio.NewFuture[int](ctx)
		task := asyncio.CreateTask(ctx, f.Await)
		wantErr(t, asyncio.Sleep(ctx, 0), nil)
		f.Cancel(errBoom)
		cancelled(t, ctx, task, errBoom)
		if task.Context().Err() != nil {
			t.Error("the awaiter's own context ended")
		}
		return nil
	})
}

func TestSwallowedCancellationIsASuccess(t *testing.T) { // CAN-08
	simulate(t, func(ctx context.Context) error {
		task := asyncio.CreateTask(ctx, stubborn(0, 42, nil))
		wantErr(t, asyncio.Sleep(ctx, time.Second), nil)
		task.Cancel(nil)
		if v, err := task.Await(ctx); v != 42 || err != nil || task.Cancelled() {
			t.Errorf("got %v, %v, want 42", v, err)
		}
		return nil
	})
}

func TestEverySuspensionAfterACancellationFails(t *testing.T) { // CAN-09 (differs)
	simulate(t, func(ctx context.Context) error {
		task := spawn(ctx, func(ctx context.Context) error {
			start := asyncio.RunningLoop(ctx).Time()
			_ = asyncio.Sleep(ctx, time.Hour)
			suspensions := map[string]func() error{
				"Sleep":   func() error { return asyncio.Sleep(ctx, time.Hour) },
				"yield":   func() error { return asyncio.Sleep(ctx, 0) },
				"Await":   func() error { _, err := asyncio.NewFuture[int](ctx).Await(ctx); return err },
				"WaitFor": func() error { _, err := asyncio.WaitFor(ctx, 1, asyncio.NewFuture[int](ctx)); return err },
				"Timeout": func() error { _, err := asyncio.Timeout(ctx, 1, after(1, 0, nil)); return err },
				"task":    func() error { _, err := asyncio.CreateTask(ctx, after(1, 0, nil)).Await(ctx); return err },
				"ToThread": func() error {
					_, err := asyncio.ToThread(ctx, func(context.Context) (int, error) {
						t.Error("the job ran")
						return 0, nil
					})
					return err
				},
				"Wait": func() error {
					_, err := asyncio.Wait(ctx, []*asyncio.Future[int]{asyncio.NewFuture[int](ctx)}).Await(ctx)
					return err
				},
				"AsCompleted": func() error {
					for _, err := range asyncio.AsCompleted(ctx, []*asyncio.Future[int]{asyncio.NewFuture[int](ctx)}) {
						return err
					}
					return nil
				},
			}
			for name, suspend := range suspensions {
				for range 2 {
					err := suspend()
					if !errors.Is(err, context.Canceled) || !errors.Is(err, errBoom) {
						t.Errorf("%s: got %v, want the cancellation with its cause", name, err)
					}
				}
			}
			if got := asyncio.RunningLoop(ctx).Time() - start; got != time.Second {
				t.Errorf("got %v, want 1s: nothing waits any more", got)
			}
			return nil
		})
		wantErr(t, asyncio.Sleep(ctx, time.Second), nil)
		task.Cancel(errBoom)
		_, err := task.Await(ctx)
		return err
	})
}

func TestTaskMayCancelItself(t *testing.T) { // CAN-10, CAN-11 (differs), CAN-12
	simulate(t, func(ctx context.Context) error {
		tests := []struct {
			name      string
			then      func(ctx context.Context) (int, error)
			err       error
			cancelled bool
		}{
			{"then sleeps", after(time.Hour, 1, nil), context.Canceled, true},
			{"then returns", func(context.Context) (int, error) { return 1, nil }, nil, false},
			{"then fails", func(context.Context) (int, error) { return 0, errBoom }, errBoom, false},
		}
		for _, tt := range tests {
			task := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
				asyncio.CurrentTask(ctx).Cancel(nil)
				return tt.then(ctx)
			})
			_, err := task.Await(ctx)
			if !errors.Is(err, tt.err) || task.Cancelled() != tt.cancelled {
				t.Errorf("%s: got %v, %v", tt.name, task, err)
			}
		}
		return nil
	})
}

func TestFirstOfTwoCancellationsCounts(t *testing.T) { // CAN-16, CAN-17, CAN-18 (differ)
	simulate(t, func(ctx context.Context) error {
		interruptions := 0
		task := spawn(ctx, func(ctx context.Context) error {
			err := asyncio.Sleep(ctx, time.Hour)
			interruptions++
			return err
		})
		wantErr(t, asyncio.Sleep(ctx, 0), nil)
		first, second := task.Cancel(errBoom), task.Cancel(errors.New("another"))
		if !first || !second {
			t.Errorf("got %v, %v, want true, true: the task is not done", first, second)
		}
		cancelled(t, ctx, task, errBoom)
		if interruptions != 1 {
			t.Errorf("got %d interruptions, want 1", interruptions)
		}
		return nil
	})
}

// A wake-up that was granted is never lost: the call succeeds, the next suspension fails.
func TestCompletedOperationWinsOverACancellation(t *testing.T) { // CAN-20 (differs)
	simulate(t, func(ctx context.Context) error {
		f := asyncio.NewFuture[int](ctx)
		task := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
			v, err := f.Await(ctx)
			wantErr(t, err, nil)
			wantErr(t, asyncio.Sleep(ctx, time.Hour), context.Canceled)
			return v, nil
		})
		wantErr(t, asyncio.Sleep(ctx, 0), nil)
		wantErr(t, f.SetResult(7), nil)
		task.Cancel(nil)
		if v, err := task.Await(ctx); v != 7 || err != nil {
			t.Errorf("got %v, %v, want 7", v, err)
		}
		return nil
	})
}

func TestCancellationWinsOverALaterCompletion(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		f := asyncio.NewFuture[int](ctx)
		task := asyncio.CreateTask(ctx, f.Await)
		wantErr(t, asyncio.Sleep(ctx, 0), nil)
		task.Cancel(nil)
		wantErr(t, f.SetResult(7), nil)
		cancelled(t, ctx, task, nil)
		return nil
	})
}

// A sleep whose time has come is over, even if the task is cancelled before it goes on.
func TestSleepAndCancellationInOneTurn(t *testing.T) {
	for _, cancelFirst := range []bool{true, false} {
		l := newLoop(t)
		var task *asyncio.Task[none]
		if cancelFirst {
			l.CallAt(time.Second, func() { task.Cancel(nil) })
		}
		task = spawn(l.Context(), func(ctx context.Context) error { return asyncio.Sleep(ctx, time.Second) })
		turn(t, l)
		if !cancelFirst {
			l.CallAt(time.Second, func() { task.Cancel(nil) })
		}
		err := l.RunUntilComplete(task)
		if cancelFirst {
			wantErr(t, err, context.Canceled)
		} else {
			wantErr(t, err, nil)
		}
	}
}

func TestCancelOfAFailedTaskCountsAsRetrieved(t *testing.T) { // CAN-22
	l := asyncio.NewEventLoop()
	var r reports
	r.listen(l)
	task := asyncio.CreateTask(l.Context(), after(0, 0, errBoom))
	turn(t, l)
	turn(t, l)
	if !task.Done() || task.Cancel(nil) {
		t.Errorf("got %v, want a done task that cannot be cancelled", task)
	}
	wantErr(t, l.Close(), nil)
	if len(r) != 0 {
		t.Errorf("got reports %v, want none", r)
	}
}

// Nobody counts whose cancellation it was: a scope recognises its own end.
func TestHandMadeTimeoutKnowsItsOwnCancellation(t *testing.T) { // CAN-23 (differs)
	simulate(t, func(ctx context.Context) error {
		errLate := errors.New("late")
		timeout := func(ctx context.Context, d time.Duration, body func(context.Context) error) (timedOut bool, err error) {
			scope, cancel := context.WithCancelCause(ctx)
			defer cancel(nil)
			timer := asyncio.RunningLoop(ctx).CallLater(d, func() { cancel(errLate) })
			defer timer.Cancel()
			err = body(scope)
			if context.Cause(scope) == errLate && ctx.Err() == nil && err != nil {
				return true, nil
			}
			return false, err
		}
		sleep := func(ctx context.Context) error { return asyncio.Sleep(ctx, time.Minute) }
		if timedOut, err := timeout(ctx, time.Second, sleep); !timedOut || err != nil {
			t.Errorf("got %v, %v, want a timeout", timedOut, err)
		}
		if timedOut, err := timeout(ctx, time.Hour, sleep); timedOut || err != nil {
			t.Errorf("got %v, %v, want neither", timedOut, err)
		}
		task := spawn(ctx, func(ctx context.Context) error {
			timedOut, err := timeout(ctx, time.Hour, sleep)
			if timedOut {
				t.Error("an outside cancellation was taken for a timeout")
			}
			return err
		})
		wantErr(t, asyncio.Sleep(ctx, time.Second), nil)
		task.Cancel(errBoom)
		cancelled(t, ctx, task, errBoom)
		return asyncio.Sleep(ctx, 0) // unaffected
	})
}

func TestCancelMayBeCalledInsideTheTaskTree(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		var parent *asyncio.Task[none]
		parent = spawn(ctx, func(ctx context.Context) error {
			child := spawn(ctx, func(ctx context.Context) error {
				parent.Cancel(errBoom)
				return asyncio.Sleep(ctx, time.Hour)
			})
			_, err := child.Await(ctx)
			return err
		})
		cancelled(t, ctx, parent, errBoom)
		return nil
	})
}

// Several tasks may suspend under one scope. They are woken in the order in which they came,
// and one that has left is not woken.
func TestTasksUnderOneScopeWakeInOrder(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		var tr trace
		shared, cancel := asyncio.WithTimeout(ctx, time.Minute)
		defer cancel()
		for i := range 5 {
			spawn(ctx, func(context.Context) error {
				err := asyncio.Sleep(shared, []time.Duration{time.Hour, time.Second, time.Hour, 2 * time.Second, time.Hour}[i])
				tr.add("%d %v", i, err == nil)
				return nil
			})
		}
		wantErr(t, asyncio.Sleep(ctx, time.Hour), nil)
		tr.want(t, "1 true", "3 true", "0 false", "2 false", "4 false")
		return nil
	})
}

func TestSiblingsAreNotCancelled(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		a := asyncio.CreateTask(ctx, after(time.Hour, 1, nil))
		b := asyncio.CreateTask(ctx, after(time.Second, 2, nil))
		wantErr(t, asyncio.Sleep(ctx, 0), nil)
		a.Cancel(nil)
		cancelled(t, ctx, a, nil)
		if v, err := b.Await(ctx); v != 2 || err != nil {
			t.Errorf("got %v, %v, want 2", v, err)
		}
		return nil
	})
}
