package asyncio_test

// Deadlines as scopes. CPython's Timeout object, with its own states and reschedule, has no
// counterpart: a scope is a context, and a later deadline is a new scope.

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func TestTimeoutEndsWhatSuspends(t *testing.T) { // TMO-01
	simulate(t, func(ctx context.Context) error {
		l := asyncio.RunningLoop(ctx)
		_, err := asyncio.Timeout(ctx, time.Second, after(time.Hour, 1, nil))
		wantErr(t, err, context.DeadlineExceeded)
		if got := l.Time(); got != time.Second {
			t.Errorf("ended at %v, want 1s", got)
		}
		if v, err := asyncio.Timeout(ctx, time.Hour, after(time.Second, 7, nil)); v != 7 || err != nil {
			t.Errorf("got %v, %v, want 7", v, err)
		}
		return asyncio.Sleep(ctx, time.Second) // the caller's context is untouched
	})
}

func TestTimeoutOfABodyThatDoesNotSuspend(t *testing.T) { // TMO-04
	simulate(t, func(ctx context.Context) error {
		for _, d := range []time.Duration{0, -time.Second} {
			var scope context.Context
			v, err := asyncio.Timeout(ctx, d, func(ctx context.Context) (int, error) {
				scope = ctx
				return 7, ctx.Err()
			})
			if v != 7 || err != nil || errors.Is(context.Cause(scope), context.DeadlineExceeded) {
				t.Errorf("got %v, %v, want 7 from a scope that did not expire", v, err)
			}
			_, err = asyncio.Timeout(ctx, d, after(time.Hour, 0, nil))
			wantErr(t, err, context.DeadlineExceeded)
		}
		return nil
	})
}

func TestErrorsPassThroughATimeout(t *testing.T) { // TMO-05, TMO-06
	simulate(t, func(ctx context.Context) error {
		_, err := asyncio.Timeout(ctx, time.Hour, after(time.Second, 0, errBoom))
		wantErr(t, err, errBoom)
		_, err = asyncio.Timeout(ctx, time.Second, stubborn(0, 0, errBoom))
		wantErr(t, err, errBoom)
		if errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the body's own error", err)
		}
		return nil
	})
}

func TestCancellationInsideATimeoutIsNoTimeout(t *testing.T) { // TMO-07, TMO-13 (differs)
	simulate(t, func(ctx context.Context) error {
		task := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
			return asyncio.Timeout(ctx, time.Hour, after(time.Minute, 1, nil))
		})
		wantErr(t, asyncio.Sleep(ctx, time.Second), nil)
		task.Cancel(errBoom)
		cancelled(t, ctx, task, errBoom)
		// A timeout opened in a task that is cancelled already ends the same way.
		task = asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
			_ = asyncio.Sleep(ctx, time.Hour)
			return asyncio.Timeout(ctx, time.Second, after(time.Minute, 1, nil))
		})
		wantErr(t, asyncio.Sleep(ctx, time.Second), nil)
		task.Cancel(errBoom)
		cancelled(t, ctx, task, errBoom)
		return nil
	})
}

func TestExpiredTimeoutCancelledInItsCleanup(t *testing.T) { // TMO-08 (outcome)
	simulate(t, func(ctx context.Context) error {
		task := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
			v, err := asyncio.Timeout(ctx, time.Second, stubborn(time.Minute, 7, nil))
			if v != 7 || err != nil {
				t.Errorf("got %v, %v, want what the body returned", v, err)
			}
			return v, asyncio.Sleep(ctx, 0)
		})
		wantErr(t, asyncio.Sleep(ctx, 2*time.Second), nil)
		task.Cancel(errBoom)
		cancelled(t, ctx, task, errBoom)
		return nil
	})
}

func TestTimeoutsNest(t *testing.T) { // TMO-09
	tests := []struct {
		name         string
		outer, inner time.Duration
		innerExpired bool
		outerExpired bool
	}{
		{"inner first", time.Hour, time.Second, true, false},
		{"outer first", time.Second, time.Hour, true, true},
		{"together", time.Second, time.Second, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			simulate(t, func(ctx context.Context) error {
				_, outer := asyncio.Timeout(ctx, tt.outer, func(ctx context.Context) (int, error) {
					_, inner := asyncio.Timeout(ctx, tt.inner, after(time.Minute, 0, nil))
					if got := errors.Is(inner, context.DeadlineExceeded); got != tt.innerExpired {
						t.Errorf("inner: got %v, want expired %v", inner, tt.innerExpired)
					}
					return 0, asyncio.Sleep(ctx, 0)
				})
				if got := errors.Is(outer, context.DeadlineExceeded); got != tt.outerExpired {
					t.Errorf("outer: got %v, want expired %v", outer, tt.outerExpired)
				}
				if got := asyncio.RunningLoop(ctx).Time(); got != time.Second {
					t.Errorf("ended at %v, want 1s", got)
				}
				return nil
			})
		})
	}
}

func TestSwallowedExpiryEndsNormally(t *testing.T) { // TMO-14
	simulate(t, func(ctx context.Context) error {
		var scope context.Context
		v, err := asyncio.Timeout(ctx, time.Second, func(ctx context.Context) (int, error) {
			scope = ctx
			_ = asyncio.Sleep(ctx, time.Hour)
			return 7, nil
		})
		if v != 7 || err != nil || scope.Err() != context.DeadlineExceeded {
			t.Errorf("got %v, %v, scope %v, want 7 from an expired scope", v, err, scope.Err())
		}
		return asyncio.Sleep(ctx, time.Second)
	})
}

func TestWithDeadlineIsInLoopTime(t *testing.T) { // TMO-02, TMO-11: a new scope replaces reschedule
	simulate(t, func(ctx context.Context) error {
		l := asyncio.RunningLoop(ctx)
		wantErr(t, asyncio.Sleep(ctx, time.Minute), nil)
		soon, cancelSoon := asyncio.WithDeadline(ctx, l.Time()+time.Second)
		defer cancelSoon()
		wantErr(t, asyncio.Sleep(soon, time.Hour), context.DeadlineExceeded)
		past, cancelPast := asyncio.WithDeadline(ctx, 0)
		defer cancelPast()
		wantErr(t, asyncio.Sleep(past, time.Hour), context.DeadlineExceeded)
		if got := l.Time(); got != time.Minute+time.Second {
			t.Errorf("got %v, want 1m1s", got)
		}
		return nil
	})
}

func TestCancelFuncEndsAScopeOnce(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		scope, cancel := asyncio.WithTimeout(ctx, time.Second)
		cancel()
		cancel()
		wantErr(t, asyncio.Sleep(scope, 0), context.Canceled)
		wantErr(t, asyncio.Sleep(ctx, time.Hour), nil)
		if got := scope.Err(); got != context.Canceled {
			t.Errorf("got %v, want Canceled: the timer was freed", got)
		}
		expired, cancelExpired := asyncio.WithTimeout(ctx, time.Second)
		wantErr(t, asyncio.Sleep(expired, time.Hour), context.DeadlineExceeded)
		cancelExpired()
		if got := expired.Err(); got != context.DeadlineExceeded {
			t.Errorf("got %v, want the deadline: what came first stays", got)
		}
		return nil
	})
}

// A scope that is closed in the turn in which its deadline fires has ended by its CancelFunc.
func TestCancelFuncInTheTurnOfTheDeadline(t *testing.T) {
	l := newLoop(t)
	task := spawn(l.Context(), func(ctx context.Context) error {
		var cancel context.CancelFunc
		l.CallAt(time.Second, func() { cancel() })
		var scope context.Context
		scope, cancel = asyncio.WithDeadline(ctx, time.Second)
		wantErr(t, asyncio.Sleep(scope, time.Hour), context.Canceled)
		return nil
	})
	wantErr(t, l.RunUntilComplete(task), nil)
}

func TestTimeoutInTheCleanupOfATimeout(t *testing.T) { // TMO-16
	simulate(t, func(ctx context.Context) error {
		l := asyncio.RunningLoop(ctx)
		_, err := asyncio.Timeout(ctx, time.Second, func(ctx context.Context) (int, error) {
			err := asyncio.Sleep(ctx, time.Hour)
			clean := context.WithoutCancel(ctx)
			_, inner := asyncio.Timeout(clean, time.Minute, after(time.Second, 0, nil))
			wantErr(t, inner, nil)
			_, inner = asyncio.Timeout(clean, time.Second, after(time.Hour, 0, nil))
			wantErr(t, inner, context.DeadlineExceeded)
			return 0, err
		})
		wantErr(t, err, context.DeadlineExceeded)
		if got := l.Time(); got != 3*time.Second {
			t.Errorf("ended at %v, want 3s", got)
		}
		return nil
	})
}

func TestTimeoutReachesEveryTaskUnderIt(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		limited, cancel := asyncio.WithTimeout(ctx, time.Second)
		defer cancel()
		var tasks []*asyncio.Task[int]
		for range 10 {
			tasks = append(tasks, asyncio.CreateTask(limited, after(time.Hour, 0, nil)))
		}
		for _, task := range tasks {
			_, err := task.Await(ctx)
			wantErr(t, err, context.DeadlineExceeded)
			if task.Cancelled() {
				t.Errorf("got %v, want a task that failed by its deadline", task)
			}
		}
		return nil
	})
}
