package asyncio_test

// Scopes as contexts: values, causes, deadlines, the standard library's contexts as parents
// and as children, and what the end of a scope reaches.

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

type key string

func TestTaskContextHasItsCreatorsValues(t *testing.T) { // TASK-14, TASK-15, TASK-16
	simulate(t, func(ctx context.Context) error {
		ctx = context.WithValue(ctx, key("who"), "parent")
		child := spawn(ctx, func(ctx context.Context) error {
			if got := ctx.Value(key("who")); got != "parent" {
				t.Errorf("got %v, want the parent's value", got)
			}
			ctx = context.WithValue(ctx, key("who"), "child")
			ctx = context.WithValue(ctx, key("own"), 1)
			if err := asyncio.Sleep(ctx, time.Second); err != nil {
				return err
			}
			if got := ctx.Value(key("who")); got != "child" {
				t.Errorf("got %v, want the child's value", got)
			}
			return nil
		})
		_, err := child.Await(ctx)
		if got := ctx.Value(key("who")); got != "parent" {
			t.Errorf("got %v, want the parent's value untouched", got)
		}
		if got := child.Context().Value(key("own")); got != nil {
			t.Errorf("got %v, want no value in the task's own context", got)
		}
		return err
	})
}

func TestRunsContextReachesTheTask(t *testing.T) {
	noGoroutineLeft(t)
	outer := context.WithValue(context.Background(), key("who"), "outer")
	got, err := asyncio.Run(outer, func(ctx context.Context) (any, error) { return ctx.Value(key("who")), nil })
	if got != "outer" || err != nil {
		t.Errorf("got %v, %v, want outer", got, err)
	}
}

func TestCauseOfACancelledTask(t *testing.T) { // CAN-19
	simulate(t, func(ctx context.Context) error {
		task := spawn(ctx, func(ctx context.Context) error { return asyncio.Sleep(ctx, time.Hour) })
		wantErr(t, asyncio.Sleep(ctx, 0), nil)
		task.Cancel(errBoom)
		if got := context.Cause(task.Context()); got != errBoom {
			t.Errorf("got cause %v, want boom", got)
		}
		if got := task.Context().Err(); got != context.Canceled {
			t.Errorf("got Err %v, want exactly context.Canceled", got)
		}
		// The cause is found through contexts that others made, before and after the end.
		derived, cancel := context.WithTimeout(context.WithValue(task.Context(), key("k"), 1), time.Hour)
		defer cancel()
		if got := context.Cause(derived); got != errBoom {
			t.Errorf("got cause %v through a standard child, want boom", got)
		}
		_, err := task.Await(ctx)
		wantErr(t, err, context.Canceled)
		wantErr(t, err, errBoom)
		var c *asyncio.CancelledError
		if !errors.As(err, &c) || c.Cause != errBoom {
			t.Errorf("got %#v, want a *CancelledError with the cause", err)
		}
		return nil
	})
}

func TestCauseWithoutAReasonIsCanceled(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		task := spawn(ctx, func(ctx context.Context) error { return nil })
		task.Cancel(nil)
		if got := context.Cause(task.Context()); got != context.Canceled {
			t.Errorf("got cause %v, want context.Canceled", got)
		}
		return nil
	})
}

func TestDeadlineOfAScope(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		if _, ok := ctx.Deadline(); ok {
			t.Error("a task has a deadline of its own")
		}
		outer, cancel := asyncio.WithTimeout(ctx, time.Minute)
		defer cancel()
		inner, cancel := asyncio.WithTimeout(outer, time.Hour)
		defer cancel()
		child := spawn(inner, func(ctx context.Context) error {
			got, ok := ctx.Deadline()
			if want := aiotest.Epoch.Add(time.Minute); !ok || !got.Equal(want) {
				t.Errorf("got deadline %v, %v, want %v, the nearest", got, ok, want)
			}
			return nil
		})
		_, err := child.Await(ctx)
		return err
	})
}

// The clock of a simulation belongs to the loop; a context may be asked by any goroutine.
func TestDeadlineMayBeAskedByAnyGoroutine(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		ctx, cancel := asyncio.WithTimeout(ctx, time.Hour)
		defer cancel()
		want, _ := ctx.Deadline()
		asked := make(chan none)
		job := asyncio.RunInExecutor(asyncio.RunningLoop(ctx), func(context.Context) (bool, error) {
			defer close(asked)
			got, ok := ctx.Deadline()
			return ok && got.Equal(want), nil
		})
		for over := false; !over; { // time passes on the loop meanwhile
			if err := asyncio.Sleep(ctx, time.Nanosecond); err != nil {
				return err
			}
			select {
			case <-asked:
				over = true
			default:
			}
		}
		same, err := job.Await(ctx)
		if !same {
			t.Error("another goroutine sees another deadline")
		}
		return err
	})
}

func TestDeadlineErrors(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		ctx, cancel := asyncio.WithTimeout(ctx, time.Second)
		defer cancel()
		err := asyncio.Sleep(ctx, time.Hour)
		wantErr(t, err, context.DeadlineExceeded)
		if errors.Is(err, context.Canceled) {
			t.Error("a deadline is a cancellation too")
		}
		var timeout interface{ Timeout() bool }
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("got %#v, want one with Timeout() true", err)
		}
		if got := ctx.Err(); got != context.DeadlineExceeded {
			t.Errorf("got Err %v, want exactly context.DeadlineExceeded", got)
		}
		if got := context.Cause(ctx); got != context.DeadlineExceeded {
			t.Errorf("got cause %v, want context.DeadlineExceeded", got)
		}
		return nil
	})
}

func TestStandardChildrenCostNoGoroutine(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		before := runtime.NumGoroutine()
		var children []context.Context
		for range 1000 {
			child, cancel := context.WithCancel(ctx)
			defer cancel()
			children = append(children, child)
		}
		if got := runtime.NumGoroutine(); got > before {
			t.Errorf("1000 standard children started %d goroutines", got-before)
		}
		scope, cancel := asyncio.WithTimeout(ctx, time.Second)
		defer cancel()
		under, cancelUnder := context.WithTimeout(scope, time.Hour)
		defer cancelUnder()
		wantErr(t, asyncio.Sleep(under, time.Minute), context.DeadlineExceeded)
		wantErr(t, under.Err(), context.DeadlineExceeded)
		wantErr(t, children[0].Err(), nil)
		asyncio.CurrentTask(ctx).Cancel(errBoom)
		for _, child := range children {
			if child.Err() == nil || context.Cause(child) != errBoom {
				t.Fatalf("got %v with cause %v, want a child that ended with the task", child.Err(), context.Cause(child))
			}
		}
		return nil
	})
}

func TestAfterFuncOfATaskContext(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		task := spawn(ctx, func(ctx context.Context) error { return asyncio.Sleep(ctx, time.Hour) })
		scope := task.Context().(interface{ AfterFunc(func()) func() bool })
		var tr trace
		scope.AfterFunc(tr.step("first"))
		stop := scope.AfterFunc(tr.step("stopped"))
		scope.AfterFunc(tr.step("second"))
		if !stop() || stop() {
			t.Error("stop must be true once, then false")
		}
		over := make(chan none)
		context.AfterFunc(task.Context(), func() { close(over) })
		task.Cancel(nil)
		<-over
		tr.want(t, "first", "second")
		late := make(chan none)
		if scope.AfterFunc(func() { close(late) })() {
			t.Error("a registration on an ended scope was taken back")
		}
		<-late
		return nil
	})
}

// While a tree of scopes ends, what others registered may look at, or use, any part of it.
func TestEndingScopesMayBeUsedByWhatTheyNotify(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		outer, cancel := asyncio.WithTimeout(ctx, time.Hour)
		inner, cancelInner := asyncio.WithTimeout(outer, time.Hour)
		defer cancelInner()
		asked, cancelAsked := asyncio.WithTimeout(outer, time.Hour)
		defer cancelAsked()
		doneBefore := asked.Done()
		called := 0
		outer.(interface{ AfterFunc(func()) func() bool }).AfterFunc(func() {
			called++
			<-inner.Done() // made and closed here, not closed again later
			<-doneBefore
			child, cancel := context.WithCancel(asked)
			defer cancel()
			wantErr(t, child.Err(), context.Canceled)
		})
		cancel()
		if called != 1 {
			t.Errorf("got %d calls, want 1", called)
		}
		<-asked.Done()
		return nil
	})
}

func TestScopeMayBeWatchedWhileItEnds(t *testing.T) {
	noGoroutineLeft(t)
	for range 200 {
		_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
			task := spawn(ctx, func(ctx context.Context) error { return asyncio.Sleep(ctx, time.Hour) })
			started, over := make(chan none), make(chan none, 4)
			for range 2 {
				go func() {
					started <- none{}
					<-task.Context().Done()
					over <- none{}
				}()
				go func() {
					started <- none{}
					child, cancel := context.WithCancel(task.Context())
					defer cancel()
					<-child.Done()
					over <- none{}
				}()
			}
			for range 4 {
				<-started
			}
			task.Cancel(nil)
			for range 4 {
				<-over
			}
			return none{}, nil
		})
		wantErr(t, err, nil)
	}
}

func TestStandardParentEndsTheTask(t *testing.T) {
	for name, derive := range map[string]func(context.Context) (context.Context, func()){
		"WithCancel": func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithCancel(ctx)
			return ctx, cancel
		},
		"WithCancelCause and a value": func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(ctx)
			return context.WithValue(ctx, key("k"), 1), func() { cancel(errBoom) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(ctx context.Context) error {
				l := asyncio.RunningLoop(ctx)
				derived, cancel := derive(ctx)
				task := spawn(derived, func(ctx context.Context) error { return asyncio.Sleep(ctx, time.Hour) })
				l.CallLater(time.Second, cancel)
				_, err := task.Await(ctx)
				wantErr(t, err, context.Canceled)
				if cause := context.Cause(derived); cause != context.Canceled {
					wantErr(t, err, cause)
				}
				if got := l.Time(); got != time.Second {
					t.Errorf("the task ended at %v, want 1s", got)
				}
				return nil
			})
		})
	}
}

func TestStandardContextMayBeSuspendedWith(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		l := asyncio.RunningLoop(ctx)
		derived, cancel := context.WithCancel(ctx)
		defer cancel()
		wantErr(t, asyncio.Sleep(derived, time.Second), nil)
		l.CallLater(time.Second, cancel)
		wantErr(t, asyncio.Sleep(derived, time.Hour), context.Canceled)
		wantErr(t, asyncio.Sleep(derived, 0), context.Canceled)
		f := asyncio.NewFuture[int](derived)
		_, err := f.Await(derived)
		wantErr(t, err, context.Canceled)
		scoped, cancelScoped := asyncio.WithTimeout(derived, time.Hour)
		defer cancelScoped()
		wantErr(t, asyncio.Sleep(scoped, time.Hour), context.Canceled)
		if got := l.Time(); got != 2*time.Second {
			t.Errorf("got %v, want 2s", got)
		}
		return nil
	})
}

func TestScopeUnderAStandardContextFollowsIt(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		derived, cancel := context.WithCancelCause(ctx)
		scoped, cancelScoped := asyncio.WithTimeout(derived, time.Hour)
		defer cancelScoped()
		asyncio.RunningLoop(ctx).CallLater(time.Second, func() { cancel(errBoom) })
		err := asyncio.Sleep(scoped, time.Minute)
		wantErr(t, err, context.Canceled)
		wantErr(t, err, errBoom)
		wantErr(t, context.Cause(scoped), errBoom)
		return nil
	})
}

func TestStandardDeadlineEndsARun(t *testing.T) {
	noGoroutineLeft(t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err := asyncio.Run(ctx, func(ctx context.Context) (none, error) {
		return none{}, asyncio.Sleep(ctx, time.Hour)
	})
	wantErr(t, err, context.DeadlineExceeded)
}

// A task may end before those it has started: what ends its context still ends theirs.
func TestEndReachesThroughTasksThatAreDone(t *testing.T) {
	tests := map[string]func(context.Context) (context.Context, func()){
		"timeout scope": func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := asyncio.WithTimeout(ctx, time.Hour)
			return ctx, cancel
		},
		"standard context": func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithCancel(ctx)
			return ctx, cancel
		},
	}
	for name, derive := range tests {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(ctx context.Context) error {
				derived, cancel := derive(ctx)
				defer cancel()
				var child, grandchild *asyncio.Task[none]
				parent := spawn(derived, func(ctx context.Context) error {
					child = spawn(ctx, func(ctx context.Context) error {
						grandchild = spawn(ctx, func(ctx context.Context) error { return asyncio.Sleep(ctx, time.Hour) })
						return nil
					})
					return nil
				})
				wantErr(t, asyncio.Sleep(ctx, time.Second), nil)
				if !parent.Done() || !child.Done() || grandchild.Done() {
					t.Fatalf("got %v, %v, %v, want only the last to be pending", parent, child, grandchild)
				}
				late := spawn(child.Context(), func(ctx context.Context) error { return asyncio.Sleep(ctx, time.Hour) })
				wantErr(t, asyncio.Sleep(ctx, time.Second), nil)
				cancel()
				_, err := grandchild.Await(ctx)
				wantErr(t, err, context.Canceled)
				_, err = late.Await(ctx)
				wantErr(t, err, context.Canceled)
				return nil
			})
		})
	}
}

// What is started under the context of a task that is done, and has left nothing behind, is
// still started under what that task was started under.
func TestContextOfADoneTaskStillEnds(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		scoped, cancelScoped := asyncio.WithTimeout(ctx, time.Hour)
		derived, cancelDerived := context.WithCancel(ctx)
		for name, tt := range map[string]struct {
			ctx    context.Context
			cancel func()
		}{
			"timeout scope":    {scoped, cancelScoped},
			"standard context": {derived, cancelDerived},
		} {
			var child *asyncio.Task[none]
			spawn(tt.ctx, func(ctx context.Context) error {
				child = spawn(ctx, func(context.Context) error { return nil })
				return nil
			})
			wantErr(t, asyncio.Sleep(ctx, time.Second), nil)
			late := spawn(child.Context(), func(ctx context.Context) error { return asyncio.Sleep(ctx, time.Minute) })
			wantErr(t, asyncio.Sleep(ctx, time.Second), nil)
			tt.cancel()
			if _, err := late.Await(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: got %v, want a task that was cancelled", name, err)
			}
			never := spawn(child.Context(), func(context.Context) error {
				t.Errorf("%s: a task started under an ended context", name)
				return nil
			})
			if _, err := never.Await(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: got %v, want a task that was cancelled", name, err)
			}
		}
		return nil
	})
}

func TestCleanupWithoutCancelSuspends(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		var tr trace
		task := spawn(ctx, func(ctx context.Context) error {
			err := asyncio.Sleep(ctx, time.Hour)
			clean := context.WithoutCancel(ctx)
			wantErr(t, asyncio.Sleep(clean, time.Second), nil)
			tr.add("slept")
			_, awaited := spawn(clean, func(ctx context.Context) error { return asyncio.Sleep(ctx, time.Second) }).Await(clean)
			wantErr(t, awaited, nil)
			tr.add("awaited")
			wantErr(t, asyncio.Sleep(ctx, 0), context.Canceled)
			if asyncio.CurrentTask(clean) != asyncio.CurrentTask(ctx) {
				t.Error("WithoutCancel changed the current task")
			}
			return err
		})
		wantErr(t, asyncio.Sleep(ctx, time.Second), nil)
		task.Cancel(nil)
		_, err := task.Await(ctx)
		wantErr(t, err, context.Canceled)
		tr.want(t, "slept", "awaited")
		return nil
	})
}

func TestLoopContextEndsWithTheLoop(t *testing.T) {
	l := asyncio.NewEventLoop()
	ctx := l.Context()
	done := ctx.Done()
	if asyncio.CurrentTask(ctx) != nil {
		t.Error("the loop's context has a task")
	}
	wantErr(t, l.Close(), nil)
	<-done
}

func TestScopesDescribeThemselves(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		task := spawn(ctx, func(ctx context.Context) error {
			nested, cancel := asyncio.WithTimeout(ctx, 1)
			defer cancel()
			got := fmt.Sprint(ctx, " ", nested, " ", asyncio.RunningLoop(ctx).Context())
			if want := "asyncio.Context(worker) asyncio.Context(worker, nested) asyncio.Context(loop)"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			return nil
		}, asyncio.WithName("worker"))
		_, err := task.Await(ctx)
		return err
	})
}
