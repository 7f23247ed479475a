package asyncio_test

// WaitFor, the one call that cancels what it awaits.

import (
	"context"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func TestWaitForCancelsAndAwaitsBeforeItFails(t *testing.T) { // WF-01, WF-02
	simulate(t, func(ctx context.Context) error {
		l := asyncio.RunningLoop(ctx)
		quick := asyncio.CreateTask(ctx, after(time.Hour, 1, nil))
		_, err := asyncio.WaitFor(ctx, time.Second, quick)
		wantErr(t, err, context.DeadlineExceeded)
		if !quick.Cancelled() {
			t.Errorf("got %v, want a cancelled task", quick)
		}
		wantErr(t, quick.Err(), context.DeadlineExceeded)

		start := l.Time()
		slow := spawn(ctx, func(ctx context.Context) error {
			err := asyncio.Sleep(ctx, time.Hour)
			wantErr(t, asyncio.Sleep(context.WithoutCancel(ctx), time.Minute), nil)
			return err
		})
		_, err = asyncio.WaitFor(ctx, time.Second, slow)
		wantErr(t, err, context.DeadlineExceeded)
		if got := l.Time() - start; got != time.Minute+time.Second || !slow.Done() {
			t.Errorf("returned after %v, want 1m1s: the cleanup is awaited", got)
		}
		return nil
	})
}

func TestWaitForReturnsWhatCameInSpiteOfTheTimeout(t *testing.T) { // WF-03
	simulate(t, func(ctx context.Context) error {
		if v, err := asyncio.WaitFor(ctx, time.Second, asyncio.CreateTask(ctx, stubborn(time.Minute, 7, nil))); v != 7 || err != nil {
			t.Errorf("got %v, %v, want 7", v, err)
		}
		_, err := asyncio.WaitFor(ctx, time.Second, asyncio.CreateTask(ctx, stubborn(time.Minute, 0, errBoom)))
		wantErr(t, err, errBoom)
		return nil
	})
}

func TestWaitForInTime(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		if v, err := asyncio.WaitFor(ctx, time.Hour, asyncio.CreateTask(ctx, after(time.Second, 7, nil))); v != 7 || err != nil {
			t.Errorf("got %v, %v, want 7", v, err)
		}
		_, err := asyncio.WaitFor(ctx, time.Hour, asyncio.CreateTask(ctx, after(time.Second, 0, errBoom)))
		wantErr(t, err, errBoom)
		f := asyncio.NewFuture[int](ctx)
		asyncio.RunningLoop(ctx).CallLater(time.Second, func() { f.Cancel(errBoom) })
		_, err = asyncio.WaitFor(ctx, time.Hour, f)
		wantErr(t, err, context.Canceled)
		wantErr(t, err, errBoom)
		return nil
	})
}

func TestWaitForNoTime(t *testing.T) { // WF-05, WF-07
	simulate(t, func(ctx context.Context) error {
		for _, d := range []time.Duration{0, -time.Second} {
			done := asyncio.NewFuture[int](ctx)
			wantErr(t, done.SetResult(7), nil)
			if v, err := asyncio.WaitFor(ctx, d, done); v != 7 || err != nil {
				t.Errorf("got %v, %v, want 7", v, err)
			}
			running := asyncio.CreateTask(ctx, after(time.Hour, 1, nil))
			wantErr(t, asyncio.Sleep(ctx, time.Second), nil)
			for _, task := range []*asyncio.Task[int]{running, asyncio.CreateTask(ctx, after(time.Hour, 1, nil))} {
				_, err := asyncio.WaitFor(ctx, d, task)
				wantErr(t, err, context.DeadlineExceeded)
				if !task.Cancelled() {
					t.Errorf("got %v, want a cancelled task", task)
				}
			}
		}
		if got := asyncio.RunningLoop(ctx).Time(); got != 2*time.Second {
			t.Errorf("got %v, want 2s", got)
		}
		return nil
	})
}

func TestCancelledCallerOfWaitForCancelsAndAwaits(t *testing.T) { // WF-08, WF-10
	simulate(t, func(ctx context.Context) error {
		l := asyncio.RunningLoop(ctx)
		inner := spawn(ctx, func(ctx context.Context) error {
			err := asyncio.Sleep(ctx, time.Hour)
			wantErr(t, asyncio.Sleep(context.WithoutCancel(ctx), time.Minute), nil)
			return err
		})
		caller := spawn(ctx, func(ctx context.Context) error {
			_, err := asyncio.WaitFor(ctx, 2*time.Hour, inner)
			return err
		})
		wantErr(t, asyncio.Sleep(ctx, time.Second), nil)
		caller.Cancel(errBoom)
		cancelled(t, ctx, caller, errBoom)
		cancelled(t, ctx, inner, errBoom)
		if got := l.Time(); got != time.Minute+time.Second {
			t.Errorf("ended at %v, want 1m1s", got)
		}
		return nil
	})
}

// Whatever comes first in one turn, no result is lost and no cancellation: the call succeeds
// if the result is there, and the next suspension fails if the caller was cancelled.
func TestWaitForInTheTurnOfTheResult(t *testing.T) { // WF-09, WF-11 (differs)
	for _, order := range []string{"result first", "cancellation first", "deadline first", "result, then deadline"} {
		t.Run(order, func(t *testing.T) {
			l := newLoop(t)
			f := asyncio.NewFuture[int](l.Context())
			var caller *asyncio.Task[none]
			var next error
			caller = spawn(l.Context(), func(ctx context.Context) error {
				if order == "result, then deadline" {
					l.CallAt(time.Second, func() { _ = f.SetResult(7) })
				}
				v, err := asyncio.WaitFor(ctx, time.Second, f)
				if v != 7 || err != nil {
					t.Errorf("got %v, %v, want 7", v, err)
				}
				next = asyncio.Sleep(ctx, 0)
				return nil
			})
			l.CallAt(2*time.Second, func() {})
			switch order {
			case "result first":
				l.CallLater(time.Millisecond, func() { _ = f.SetResult(7); caller.Cancel(nil) })
			case "cancellation first":
				l.CallLater(time.Millisecond, func() { caller.Cancel(nil); _ = f.SetResult(7) })
			case "deadline first":
				// Made after the deadline's timer, hence fires after it.
				l.CallLater(time.Millisecond, func() {
					l.CallAt(time.Second, func() { _ = f.SetResult(7) })
				})
			}
			wantErr(t, l.RunUntilComplete(caller), nil)
			if order == "result first" || order == "cancellation first" {
				wantErr(t, next, context.Canceled)
			} else {
				wantErr(t, next, nil)
			}
		})
	}
}

func TestWaitForUnderAnEndedContext(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		ended, cancel := asyncio.WithTimeout(ctx, time.Hour)
		cancel()
		task := asyncio.CreateTask(ctx, after(time.Hour, 1, nil))
		_, err := asyncio.WaitFor(ended, time.Minute, task)
		wantErr(t, err, context.Canceled)
		if !task.Cancelled() {
			t.Errorf("got %v, want a cancelled task", task)
		}
		return nil
	})
}

func TestWaitForAGather(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		a := asyncio.CreateTask(ctx, after(time.Hour, 1, nil))
		b := asyncio.CreateTask(ctx, after(time.Second, 2, nil))
		_, err := asyncio.WaitFor(ctx, time.Minute, asyncio.Gather(ctx, a, b))
		wantErr(t, err, context.DeadlineExceeded)
		if !a.Cancelled() || b.Cancelled() {
			t.Errorf("got %v, %v, want only the first cancelled", a, b)
		}
		return nil
	})
}
