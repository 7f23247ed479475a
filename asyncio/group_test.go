package asyncio_test

// Groups: who waits for whom, what is cancelled by what, and which error comes out.

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

var errOther = errors.New("other")

// wantFailures checks that err is a *GroupError of just these failures, in this order.
func wantFailures(t *testing.T, err error, want ...error) {
	t.Helper()
	group, ok := err.(*asyncio.GroupError)
	if !ok {
		t.Errorf("got error %v, want a *GroupError of %v", err, want)
		return
	}
	if !slices.Equal(group.Errors, want) {
		t.Errorf("got failures %v, want %v", group.Errors, want)
	}
}

// fails returns a function that fails with err after d, or ends when it is cancelled.
func fails(d time.Duration, err error) func(context.Context) error {
	return func(ctx context.Context) error {
		_, got := after(d, none{}, err)(ctx)
		return got
	}
}

// failsInCleanup returns a function that waits to be cancelled and then fails with err.
func failsInCleanup(err error) func(context.Context) error {
	return func(ctx context.Context) error {
		_, got := stubborn(time.Millisecond, none{}, err)(ctx)
		return got
	}
}

func TestGroupWaitsForItsTasks(t *testing.T) { // TG-01
	simulate(t, func(ctx context.Context) error {
		var early, late *asyncio.Task[int]
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			early = asyncio.CreateTaskIn(g, after(2*time.Second, 1, nil), asyncio.WithName("early"))
			if err := asyncio.Sleep(ctx, time.Second); err != nil {
				return err
			}
			late = asyncio.CreateTaskIn(g, func(ctx context.Context) (int, error) {
				// A task may add more, also when the body has returned.
				asyncio.CreateTaskIn(g, after(5*time.Second, 0, nil))
				return after(time.Second, 2, nil)(ctx)
			})
			return nil
		})
		wantErr(t, err, nil)
		for want, task := range map[int]*asyncio.Task[int]{1: early, 2: late} {
			if got, err := task.Result(); got != want || err != nil {
				t.Errorf("got %v, %v, want %v", got, err, want)
			}
		}
		if got := early.Name(); got != "early" {
			t.Errorf("got name %q, want early", got)
		}
		if got, want := asyncio.RunningLoop(ctx).Time(), 6*time.Second; got != want {
			t.Errorf("group ended at %v, want %v", got, want)
		}
		return nil
	})
}

func TestCancellationOfATaskIsNoFailureOfItsGroup(t *testing.T) { // TG-02
	simulate(t, func(ctx context.Context) error {
		var cancelled, itself *asyncio.Task[int]
		sibling := 0
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			cancelled = asyncio.CreateTaskIn(g, after(time.Hour, 1, nil))
			itself = asyncio.CreateTaskIn(g, func(context.Context) (int, error) { return 0, &asyncio.CancelledError{} })
			g.Go(func(ctx context.Context) error {
				sibling++
				return asyncio.Sleep(ctx, time.Second)
			})
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return err
			}
			cancelled.Cancel(nil)
			return nil
		})
		wantErr(t, err, nil)
		if !cancelled.Cancelled() || !itself.Cancelled() || sibling != 1 {
			t.Errorf("got %v, %v and %d siblings, want two cancelled tasks and one that ran", cancelled, itself, sibling)
		}
		return nil
	})
}

func TestFailureCancelsAndAwaitsTheSiblings(t *testing.T) { // TG-03
	simulate(t, func(ctx context.Context) error {
		var sibling *asyncio.Task[int]
		var cause error
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(fails(time.Second, errBoom))
			sibling = asyncio.CreateTaskIn(g, func(ctx context.Context) (int, error) {
				err := asyncio.Sleep(ctx, time.Hour)
				cause = context.Cause(ctx)
				if slept := asyncio.Sleep(context.WithoutCancel(ctx), time.Second); slept != nil {
					t.Error(slept)
				}
				return 0, err
			})
			return nil
		})
		wantFailures(t, err, errBoom)
		wantErr(t, err, errBoom)
		wantErr(t, cause, errBoom)
		if !sibling.Cancelled() {
			t.Errorf("got sibling %v, want it cancelled", sibling)
		}
		if got, want := asyncio.RunningLoop(ctx).Time(), 2*time.Second; got != want {
			t.Errorf("group ended at %v, want %v, when the cleanup had", got, want)
		}
		return nil
	})
}

func TestFailuresComeInTheOrderInWhichTheyHappen(t *testing.T) { // TG-04
	simulate(t, func(ctx context.Context) error {
		errBody := errors.New("body")
		var body error
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(failsInCleanup(errOther))
			g.Go(fails(time.Second, errBoom))
			body = asyncio.Sleep(ctx, time.Hour)
			return errBody
		})
		wantErr(t, body, context.Canceled)
		wantErr(t, body, errBoom)
		wantFailures(t, err, errBoom, errOther, errBody)
		return nil
	})
}

func TestEndOfTheCallerCancelsTheGroup(t *testing.T) { // TG-05
	for _, where := range []string{"in body", "at exit"} {
		t.Run(where, func(t *testing.T) {
			simulate(t, func(ctx context.Context) error {
				var child *asyncio.Task[int]
				parent := spawn(ctx, func(ctx context.Context) error {
					return asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
						child = asyncio.CreateTaskIn(g, after(time.Hour, 0, nil))
						if where == "at exit" {
							return nil
						}
						return asyncio.Sleep(ctx, time.Hour)
					})
				})
				if err := asyncio.Sleep(ctx, time.Second); err != nil {
					return err
				}
				parent.Cancel(errBoom)
				_, err := parent.Await(ctx)
				if group := (*asyncio.GroupError)(nil); errors.As(err, &group) {
					t.Errorf("got %v, want no group error", err)
				}
				wantErr(t, err, context.Canceled)
				wantErr(t, err, errBoom)
				if !child.Cancelled() {
					t.Errorf("got child %v, want it cancelled", child)
				}
				return nil
			})
		})
	}
}

func TestDeadlineOfTheCallerIsNoFailureOfTheGroup(t *testing.T) { // TG-05, TMO-15
	contexts := map[string]func(context.Context) (context.Context, context.CancelFunc){
		"asyncio": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return asyncio.WithTimeout(ctx, time.Millisecond)
		},
		"standard": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Millisecond)
		},
	}
	for name, with := range contexts {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(ctx context.Context) error {
				limited, cancel := with(ctx)
				defer cancel()
				err := asyncio.Group(limited, func(ctx context.Context, g *asyncio.TaskGroup) error {
					never := asyncio.NewFuture[none](ctx)
					asyncio.CreateTaskIn(g, never.Await)
					_, err := never.Await(ctx)
					return err
				})
				if group := (*asyncio.GroupError)(nil); errors.As(err, &group) {
					t.Errorf("got %v, want no group error", err)
				}
				wantErr(t, err, context.DeadlineExceeded)

				err = asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
					g.Go(func(ctx context.Context) error {
						_, err := asyncio.Timeout(ctx, time.Second, after(time.Hour, 0, nil))
						return err
					})
					return nil
				})
				wantFailures(t, err, context.DeadlineExceeded) // a task's own is
				return nil
			})
		})
	}
}

func TestFailuresInCleanupWinOverTheCancellation(t *testing.T) { // TG-06, TMO-15
	simulate(t, func(ctx context.Context) error {
		_, err := asyncio.Timeout(ctx, time.Second, func(ctx context.Context) (none, error) {
			return none{}, asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
				g.Go(failsInCleanup(errBoom))
				g.Go(failsInCleanup(errOther))
				return nil
			})
		})
		wantFailures(t, err, errBoom, errOther)
		return nil
	})
}

func TestFailureOfTheBodyKeepsTasksFromStarting(t *testing.T) { // TG-07
	simulate(t, func(ctx context.Context) error {
		var child *asyncio.Task[int]
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			child = asyncio.CreateTaskIn(g, func(context.Context) (int, error) {
				t.Error("the task has started")
				return 0, nil
			})
			return errBoom
		})
		wantFailures(t, err, errBoom)
		if !child.Cancelled() {
			t.Errorf("got child %v, want it cancelled", child)
		}
		return nil
	})
}

func TestNestedGroupFailsTheOuterWithItsError(t *testing.T) { // TG-09
	simulate(t, func(ctx context.Context) error {
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(fails(time.Hour, nil))
			return asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
				g.Go(fails(time.Second, errBoom))
				return nil
			})
		})
		outer, ok := err.(*asyncio.GroupError)
		if !ok || len(outer.Errors) != 1 {
			t.Errorf("got %v, want a *GroupError of one", err)
			return nil
		}
		wantFailures(t, outer.Errors[0], errBoom)
		return nil
	})
}

func TestTaskThatCrashesWhileTheBodyCleansUpIsReported(t *testing.T) { // TG-11
	simulate(t, func(ctx context.Context) error {
		crash := asyncio.NewFuture[none](ctx)
		parent := spawn(ctx, func(ctx context.Context) error {
			return asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
				g.Go(func(ctx context.Context) error {
					_, err := crash.Await(context.WithoutCancel(ctx))
					return errors.Join(err, errBoom)
				})
				err := asyncio.Sleep(ctx, time.Hour)
				if slept := asyncio.Sleep(context.WithoutCancel(ctx), time.Second); slept != nil {
					t.Error(slept)
				}
				return err
			})
		})
		if err := asyncio.Sleep(ctx, time.Second); err != nil {
			return err
		}
		parent.Cancel(nil)
		if err := asyncio.Sleep(ctx, time.Millisecond); err != nil {
			return err
		}
		if err := crash.SetResult(none{}); err != nil {
			return err
		}
		_, err := parent.Await(ctx)
		wantErr(t, err, errBoom)
		if _, ok := err.(*asyncio.GroupError); !ok {
			t.Errorf("got %v, want a *GroupError", err)
		}
		return nil
	})
}

func TestBodyMayTurnItsCancellationIntoAFailure(t *testing.T) { // TG-12
	simulate(t, func(ctx context.Context) error {
		parent := spawn(ctx, func(ctx context.Context) error {
			return asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
				if err := asyncio.Sleep(ctx, time.Hour); err != nil {
					return errBoom
				}
				return nil
			})
		})
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
		parent.Cancel(nil)
		_, err := parent.Await(ctx)
		wantFailures(t, err, errBoom)
		return nil
	})
}

func TestBodyMayEndByACancellationOfItsOwn(t *testing.T) { // TG-05
	simulate(t, func(ctx context.Context) error {
		var child *asyncio.Task[int]
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			child = asyncio.CreateTaskIn(g, after(time.Hour, 0, nil))
			return &asyncio.CancelledError{Cause: errBoom} // as by awaiting what was cancelled
		})
		if group := (*asyncio.GroupError)(nil); errors.As(err, &group) || !child.Cancelled() {
			t.Errorf("got %v and %v, want no group error and a cancelled child", err, child)
		}
		wantErr(t, err, errBoom)
		return nil
	})
}

func TestPanicOfTheBodyLeavesTheGroupAfterItsTasks(t *testing.T) { // TG-13, TG-14
	var told reports
	simulate(t, func(ctx context.Context) error {
		told.listen(asyncio.RunningLoop(ctx))
		var ended time.Duration
		wantPanic(t, "ouch", func() {
			_ = asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
				g.Go(func(ctx context.Context) error {
					defer func() { ended = asyncio.RunningLoop(ctx).Time() }()
					return failsInCleanup(errBoom)(ctx)
				})
				if err := asyncio.Sleep(ctx, 0); err != nil {
					return err
				}
				panic("ouch")
			})
		})
		if ended != time.Millisecond {
			t.Errorf("the task had ended at %v when the panic came out, want 1ms", ended)
		}
		return nil
	})
	if len(told) != 1 || !errors.Is(told[0].Err, errBoom) {
		t.Errorf("got reports %v, want the failure of the task", told)
	}
}

func TestStackOfAPanicIsToldOnce(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		var sibling error
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(func(context.Context) error { panic("ouch") })
			sibling = asyncio.Sleep(ctx, time.Hour)
			return sibling
		})
		if got, want := sibling.Error(), "asyncio: cancelled: panic: ouch"; got != want {
			t.Errorf("the cancelled sibling says %q want %q", got, want)
		}
		if got := strings.Count(err.Error(), "[running]:"); got != 1 {
			t.Errorf("the group's error has %d stacks want 1:\n%v", got, err)
		}
		return nil
	})
}

func TestPanicOfATaskIsItsFailure(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(func(context.Context) error { panic("ouch") })
			return asyncio.Sleep(ctx, time.Hour)
		})
		var panicked *asyncio.PanicError
		if !errors.As(err, &panicked) || panicked.Value != "ouch" {
			t.Errorf("got %v, want the panic", err)
		}
		return nil
	})
}

func TestGoexitOfTheBodyEndsTheRunAfterTheTasks(t *testing.T) {
	ended := false
	if outlives(func() {
		aiotest.Run(t, func(ctx context.Context) error {
			return asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
				g.Go(func(ctx context.Context) error {
					defer func() { ended = true }()
					return asyncio.Sleep(ctx, time.Hour)
				})
				if err := asyncio.Sleep(ctx, 0); err != nil {
					return err
				}
				runtime.Goexit()
				return nil
			})
		}, aiotest.AllowLeaks())
	}) {
		t.Error("the run went on after runtime.Goexit in a group")
	}
	if !ended {
		t.Error("the run ended before the task of the group")
	}
}

func TestClosedGroupRefusesTasks(t *testing.T) { // TG-16, TG-17, TG-24, TG-25
	tests := []struct {
		name  string
		body  func(ctx context.Context, g *asyncio.TaskGroup) error
		cause error
	}{
		{"after a failure", func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(fails(0, errBoom))
			return asyncio.Sleep(ctx, time.Hour)
		}, errBoom},
		{"after Cancel", func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Cancel(errOther)
			return nil
		}, errOther},
		{"after Cancel without a cause", func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Cancel(nil)
			return nil
		}, context.Canceled},
		{"when it is over", func(ctx context.Context, g *asyncio.TaskGroup) error { return nil }, context.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			simulate(t, func(ctx context.Context) error {
				try := func(g *asyncio.TaskGroup) {
					t.Helper()
					task := asyncio.CreateTaskIn(g, func(context.Context) (int, error) {
						t.Error("a refused task has run")
						return 0, nil
					}, asyncio.WithName("refused"))
					if !task.Done() || !task.Cancelled() || task.Name() != "refused" {
						t.Errorf("got %v, want a cancelled task with its name", task)
					}
					wantErr(t, task.Err(), tt.cause)
					wantErr(t, task.Context().Err(), context.Canceled)
					g.Go(func(context.Context) error { t.Error("a refused task has run"); return nil })
				}
				var group *asyncio.TaskGroup
				_ = asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
					group = g
					err := tt.body(ctx, g)
					if tt.name != "when it is over" {
						try(g)
					}
					return err
				})
				try(group)
				group.Cancel(nil) // TG-24: no-op
				return nil
			})
		})
	}
}

func TestTaskMayBeAddedWhileTheGroupEnds(t *testing.T) { // TG-01
	simulate(t, func(ctx context.Context) error {
		ran := false
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			last := asyncio.CreateTaskIn(g, after(time.Second, 0, nil))
			// The callback runs when the group has been told that its last task has ended,
			// and has not returned yet.
			last.AddDoneCallback(func(*asyncio.Future[int]) {
				g.Go(func(ctx context.Context) error {
					ran = true
					return asyncio.Sleep(ctx, time.Second)
				})
			})
			return nil
		})
		wantErr(t, err, nil)
		if got, want := asyncio.RunningLoop(ctx).Time(), 2*time.Second; !ran || got != want {
			t.Errorf("got ran %v, group over at %v, want the added task waited for until %v", ran, got, want)
		}
		return nil
	})
}

func TestGroupIsForTasksAndNeedsABody(t *testing.T) { // TG-17, TG-18
	body := func(context.Context, *asyncio.TaskGroup) error { return nil }
	l := newLoop(t)
	wantPanic(t, "outside a task", func() { _ = asyncio.Group(l.Context(), body) })
	wantPanic(t, "no event loop", func() { _ = asyncio.Group(context.Background(), body) })
	wantPanic(t, "pass a body", func() { _ = asyncio.Group(l.Context(), nil) })
	g := new(asyncio.TaskGroup)
	wantPanic(t, "not open", func() { g.Go(func(context.Context) error { return nil }) })
	wantPanic(t, "not open", func() { g.Cancel(nil) })
	wantPanic(t, "not open", func() { g.SetLimit(1) })
	simulate(t, func(ctx context.Context) error {
		return asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			wantPanic(t, "Go(nil)", func() { g.Go(nil) })
			wantPanic(t, "CreateTaskIn(nil)", func() { asyncio.CreateTaskIn[int](g, nil) })
			wantPanic(t, "SetLimit(0)", func() { g.SetLimit(0) })
			return nil
		})
	})
}

func TestBodyCannotSwallowAFailure(t *testing.T) { // TG-19
	simulate(t, func(ctx context.Context) error {
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(fails(0, errBoom))
			if err := asyncio.Sleep(ctx, time.Hour); err == nil {
				t.Error("the body was not cancelled")
			}
			return nil
		})
		wantFailures(t, err, errBoom)
		return asyncio.Sleep(ctx, 0) // the caller's ctx has not ended
	})
}

func TestInnerAndOuterGroupFailInOneTurn(t *testing.T) { // TG-20
	simulate(t, func(ctx context.Context) error {
		var inner error
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(fails(time.Second, errOther))
			inner = asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
				g.Go(fails(time.Second, errBoom))
				return asyncio.Sleep(ctx, time.Hour)
			})
			wantErr(t, asyncio.Sleep(ctx, 0), context.Canceled)
			return inner
		})
		wantFailures(t, inner, errBoom)
		wantFailures(t, err, errOther, inner)
		return nil
	})
}

func TestFailureAndOutsideCancellationTogether(t *testing.T) { // TG-21
	simulate(t, func(ctx context.Context) error {
		var parent *asyncio.Task[none]
		parent = spawn(ctx, func(ctx context.Context) error {
			err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
				g.Go(func(ctx context.Context) error {
					err := fails(time.Second, errBoom)(ctx)
					parent.Cancel(errOther)
					return err
				})
				return nil
			})
			wantFailures(t, err, errBoom)
			return asyncio.Sleep(ctx, 0)
		})
		_, err := parent.Await(ctx)
		wantErr(t, err, context.Canceled)
		wantErr(t, err, errOther)
		return nil
	})
}

func TestEmptyGroupNeitherSuspendsNorLooksAtTheContext(t *testing.T) { // TG-23
	simulate(t, func(ctx context.Context) error {
		child := spawn(ctx, func(ctx context.Context) error {
			asyncio.CurrentTask(ctx).Cancel(nil)
			turned := false
			asyncio.RunningLoop(ctx).CallSoon(func() { turned = true })
			err := asyncio.Group(ctx, func(context.Context, *asyncio.TaskGroup) error { return nil })
			wantErr(t, err, nil)
			if turned {
				t.Error("the empty group has suspended")
			}
			return nil
		})
		_, err := child.Await(ctx)
		return err
	})
}

func TestGroupReturnsTwoTurnsAfterItsLastTask(t *testing.T) { // tick table
	simulate(t, func(ctx context.Context) error {
		l := asyncio.RunningLoop(ctx)
		turns := 0
		var count func()
		count = func() { turns++; l.CallSoon(count) }
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(func(ctx context.Context) error {
				if err := asyncio.Sleep(ctx, time.Second); err != nil {
					return err
				}
				l.CallSoon(count)
				return nil
			})
			return nil
		})
		count = func() {}
		if turns != 2 {
			t.Errorf("got %d turns from the end of the last task, want 2", turns)
		}
		return err
	})
}

func TestCancelEndsTheGroupWithoutAnError(t *testing.T) { // TG-24
	tests := []struct {
		name string
		body func(ctx context.Context, g *asyncio.TaskGroup) error
	}{
		{"by body", func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Cancel(errOther)
			return asyncio.Sleep(ctx, time.Hour)
		}},
		{"by a task", func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(func(context.Context) error { g.Cancel(nil); return nil })
			return asyncio.Sleep(ctx, time.Hour)
		}},
		{"by an outsider, twice", func(ctx context.Context, g *asyncio.TaskGroup) error {
			asyncio.RunningLoop(ctx).CallLater(time.Second, func() {
				g.Cancel(errOther)
				g.Cancel(errBoom)
			})
			return nil
		}},
		{"by a task that started eagerly", func(ctx context.Context, g *asyncio.TaskGroup) error { // EAGER-07
			asyncio.CreateTaskIn(g, func(ctx context.Context) (int, error) {
				g.Cancel(nil)
				return 0, asyncio.Sleep(ctx, time.Hour)
			}, asyncio.WithEagerStart())
			return nil
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			simulate(t, func(ctx context.Context) error {
				var child *asyncio.Task[int]
				err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
					child = asyncio.CreateTaskIn(g, after(time.Hour, 0, nil))
					return tt.body(ctx, g)
				})
				wantErr(t, err, nil)
				if !child.Cancelled() {
					t.Errorf("got child %v, want it cancelled", child)
				}
				return asyncio.Sleep(ctx, 0)
			})
		})
	}
}

func TestFailureAfterCancelIsAFailure(t *testing.T) { // TG-24
	simulate(t, func(ctx context.Context) error {
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(failsInCleanup(errBoom))
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return err
			}
			g.Cancel(nil)
			return nil
		})
		wantFailures(t, err, errBoom)
		return nil
	})
}

func TestOutsideDeadlineSurvivesCancel(t *testing.T) { // TG-26
	tests := map[string]func(ctx context.Context, g *asyncio.TaskGroup) error{
		"body waits": func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Cancel(nil)
			return asyncio.Sleep(ctx, time.Hour)
		},
		"body has returned": func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Cancel(nil)
			return nil
		},
		"nobody but the body cleans up": func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Cancel(nil)
			err := asyncio.Sleep(ctx, time.Hour)
			if slept := asyncio.Sleep(context.WithoutCancel(ctx), time.Hour); slept != nil {
				return slept
			}
			return err
		},
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(ctx context.Context) error {
				_, err := asyncio.Timeout(ctx, time.Second, func(ctx context.Context) (none, error) {
					return none{}, asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
						asyncio.CreateTaskIn(g, stubborn(time.Minute, 0, nil))
						if err := asyncio.Sleep(ctx, 0); err != nil {
							return err
						}
						return body(ctx, g)
					})
				})
				wantErr(t, err, context.DeadlineExceeded)
				return nil
			})
		})
	}
}

func TestGroupContextEndsWithTheGroup(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		var inner context.Context
		var loose *asyncio.Task[none]
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			inner = ctx
			loose = spawn(ctx, func(ctx context.Context) error { return asyncio.Sleep(ctx, time.Hour) })
			return nil
		})
		wantErr(t, err, nil)
		wantErr(t, asyncio.Sleep(inner, 0), context.Canceled)
		_, err = loose.Await(ctx)
		wantErr(t, err, context.Canceled)
		return nil
	})
}

func TestEagerTaskFailsItsGroupThroughTheLoop(t *testing.T) { // EAGER-06
	simulate(t, func(ctx context.Context) error {
		reached := false
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			task := asyncio.CreateTaskIn(g, func(context.Context) (int, error) { return 0, errBoom }, asyncio.WithEagerStart())
			if !task.Done() || ctx.Err() != nil {
				t.Errorf("got %v and body's ctx with %v, want a task that is done and a live ctx", task, ctx.Err())
			}
			reached = true
			return asyncio.Sleep(ctx, 0)
		})
		wantFailures(t, err, errBoom)
		if !reached {
			t.Error("the body was cancelled too early")
		}
		return nil
	})
}

func TestLimitBoundsTheTasksThatRun(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		running, most := 0, 0
		var order []int
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.SetLimit(3)
			for i := range 10 {
				g.Go(func(ctx context.Context) error {
					order = append(order, i)
					running++
					most = max(most, running)
					defer func() { running-- }()
					return asyncio.Sleep(ctx, time.Second)
				})
			}
			return nil
		})
		if most != 3 || !slices.IsSorted(order) || len(order) != 10 {
			t.Errorf("got %d at once in the order %v, want 3 and the order of creation", most, order)
		}
		if got, want := asyncio.RunningLoop(ctx).Time(), 4*time.Second; got != want {
			t.Errorf("got %v, want %v for 10 tasks of 1s, 3 at a time", got, want)
		}
		return err
	})
}

func TestTaskBeyondTheLimitCanBeCancelled(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		ran := 0
		var second *asyncio.Task[int]
		work := func(ctx context.Context) (int, error) {
			ran++
			return 0, asyncio.Sleep(ctx, time.Second)
		}
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.SetLimit(1)
			asyncio.CreateTaskIn(g, work)
			second = asyncio.CreateTaskIn(g, work, asyncio.WithEagerStart())
			asyncio.CreateTaskIn(g, work)
			if got := len(asyncio.AllTasks(ctx)); got != 4 {
				t.Errorf("got %d tasks, want 4 with those that wait for a place", got)
			}
			second.Cancel(errBoom)
			second.Cancel(errOther)
			_, err := second.Await(ctx)
			wantErr(t, err, errBoom)
			return nil
		})
		if ran != 2 {
			t.Errorf("got %d tasks run, want 2", ran)
		}
		if got, want := asyncio.RunningLoop(ctx).Time(), 2*time.Second; got != want {
			t.Errorf("got %v, want %v: a cancelled task took a place", got, want)
		}
		return err
	})
}

func TestEndOfAGroupReachesTasksBeyondTheLimit(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		started := 0
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.SetLimit(2)
			g.Go(fails(time.Second, errBoom))
			for range 100 {
				g.Go(func(ctx context.Context) error {
					started++
					return asyncio.Sleep(ctx, time.Hour)
				})
			}
			return nil
		})
		wantFailures(t, err, errBoom)
		if started != 1 {
			t.Errorf("got %d tasks started, want 1", started)
		}
		return nil
	})
}

func TestLimitMayBeRaised(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		running := 0
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.SetLimit(1)
			for range 5 {
				g.Go(func(ctx context.Context) error {
					running++
					return asyncio.Sleep(ctx, time.Hour)
				})
			}
			for _, step := range []struct{ limit, running int }{{1, 1}, {3, 3}, {-1, 5}} {
				g.SetLimit(step.limit)
				if err := asyncio.Sleep(ctx, 0); err != nil {
					return err
				}
				if running != step.running {
					t.Errorf("got %d tasks with a limit of %d, want %d", running, step.limit, step.running)
				}
			}
			g.Cancel(nil)
			return nil
		})
		return err
	})
}

func TestGroupDescribesItself(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		return asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(fails(time.Second, nil))
			if got, want := g.String(), "TaskGroup(1 unfinished, 0 failed)"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			return nil
		})
	})
}

// TestEveryEndOfAGroupIsClean runs groups of random tasks that fail, are cancelled, ignore
// that, add others and cancel the group, in random orders, and checks what always holds: all
// tasks have ended, those that failed are in the error, just once, and nothing else is.
func TestEveryEndOfAGroupIsClean(t *testing.T) {
	for seed := range uint64(300) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			simulate(t, func(ctx context.Context) error { return randomGroup(t, ctx, seed) }, aiotest.WithSeed(seed))
		})
	}
}

func randomGroup(t *testing.T, ctx context.Context, seed uint64) error {
	rng := newRand(seed)
	var failed []error
	var tasks []*asyncio.Task[none]
	var add func(g *asyncio.TaskGroup, depth int)
	work := func(g *asyncio.TaskGroup, depth, kind int, err error, d time.Duration) asyncio.Coroutine[none] {
		return func(ctx context.Context) (none, error) {
			switch interrupted := asyncio.Sleep(ctx, d); {
			case kind == 0 && interrupted == nil, kind == 1: // fails, or does when it is cancelled
				failed = append(failed, err)
				return none{}, err
			case kind == 2:
				return none{}, asyncio.Sleep(context.WithoutCancel(ctx), d)
			case kind == 3 && depth < 3:
				add(g, depth+1)
				return none{}, nil
			case kind == 4:
				g.Cancel(err)
				return none{}, nil
			default:
				return none{}, interrupted
			}
		}
	}
	add = func(g *asyncio.TaskGroup, depth int) {
		for range rng.IntN(4) {
			err := fmt.Errorf("failure %d", len(tasks))
			tasks = append(tasks, asyncio.CreateTaskIn(g, work(g, depth, rng.IntN(12), err, time.Duration(rng.IntN(4))*time.Millisecond)))
		}
	}
	parent := spawn(ctx, func(ctx context.Context) error {
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			if rng.IntN(2) == 0 {
				g.SetLimit(1 + rng.IntN(3))
			}
			add(g, 0)
			if rng.IntN(2) == 0 {
				return asyncio.Sleep(ctx, time.Millisecond)
			}
			return nil
		})
		for _, task := range tasks {
			if !task.Done() {
				t.Errorf("%v is not done when the group is over", task)
			}
		}
		group, ok := err.(*asyncio.GroupError)
		switch {
		case len(failed) > 0 && !ok:
			t.Errorf("got %v, want the failures %v", err, failed)
		case ok && !slices.Equal(sortedTexts(group.Errors), sortedTexts(failed)):
			t.Errorf("got failures %v, want %v", group.Errors, failed)
		case err != nil && !ok && ctx.Err() == nil:
			t.Errorf("got %v, want no error: nothing failed and nobody cancelled", err)
		}
		return nil
	})
	if rng.IntN(3) == 0 {
		asyncio.RunningLoop(ctx).CallAt(time.Duration(rng.IntN(4))*time.Millisecond, func() { parent.Cancel(errOther) })
	}
	if _, err := parent.Await(ctx); err != nil && !parent.Cancelled() {
		return err
	}
	return nil
}

func sortedTexts(errs []error) []string {
	var texts []string
	for _, err := range errs {
		texts = append(texts, strings.TrimSpace(err.Error()))
	}
	slices.Sort(texts)
	return texts
}
