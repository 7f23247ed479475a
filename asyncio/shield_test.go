package asyncio_test

// Shield.

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func TestShieldPassesTheOutcomeOn(t *testing.T) { // SHLD-01, SHLD-04
	simulate(t, func(ctx context.Context) error {
		for _, d := range []time.Duration{0, time.Second} {
			if v, err := asyncio.Shield(ctx, after(d, 7, nil)); v != 7 || err != nil {
				t.Errorf("got %v, %v, want 7", v, err)
			}
			_, err := asyncio.Shield(ctx, after(d, 0, errBoom))
			wantErr(t, err, errBoom)
		}
		return nil
	})
}

func TestShieldedCoroutineRunsOn(t *testing.T) { // SHLD-02, SHLD-05
	simulate(t, func(ctx context.Context) error {
		var tr trace
		waiter := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
			return asyncio.Shield(ctx, func(ctx context.Context) (int, error) {
				err := asyncio.Sleep(ctx, time.Minute)
				tr.add("shielded: %v", err)
				return 7, err
			})
		})
		wantErr(t, asyncio.Sleep(ctx, time.Second), nil)
		waiter.Cancel(errBoom)
		cancelled(t, ctx, waiter, errBoom)
		tr.want(t)
		wantErr(t, asyncio.Sleep(ctx, time.Hour), nil)
		tr.want(t, "shielded: <nil>")
		return nil
	})
}

func TestShieldUnderATimeout(t *testing.T) { // WF-12, SHLD-02
	simulate(t, func(ctx context.Context) error {
		ended := false
		_, err := asyncio.Timeout(ctx, time.Second, func(ctx context.Context) (int, error) {
			return asyncio.Shield(ctx, func(ctx context.Context) (int, error) {
				err := asyncio.Sleep(ctx, time.Minute)
				ended = true
				return 1, err
			})
		})
		wantErr(t, err, context.DeadlineExceeded)
		if ended {
			t.Error("the timeout waited")
		}
		wantErr(t, asyncio.Sleep(ctx, time.Hour), nil)
		if !ended {
			t.Error("the shielded coroutine did not run on")
		}
		return nil
	})
}

func TestShieldStartedTooLateFailsAtOnce(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		ended, cancel := asyncio.WithTimeout(ctx, time.Hour)
		cancel()
		ran := false
		_, err := asyncio.Shield(ended, func(context.Context) (int, error) { ran = true; return 1, nil })
		wantErr(t, err, context.Canceled)
		wantErr(t, asyncio.Sleep(ctx, 0), nil)
		if !ran {
			t.Error("what is shielded did not run, though its caller's end does not reach it")
		}
		return nil
	})
}

// A failure of the shielded coroutine that comes when nobody waits any more is reported
// once; a success is not.
func TestShieldedFailureAfterTheWaiterLeftIsReported(t *testing.T) { // SHLD-06
	for name, outcome := range map[string]error{"failure": errBoom, "success": nil} {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			var r reports
			r.listen(l)
			waiter := asyncio.CreateTask(l.Context(), func(ctx context.Context) (int, error) {
				return asyncio.Shield(ctx, func(ctx context.Context) (int, error) {
					return asyncio.Shield(ctx, after(time.Minute, 0, outcome))
				})
			})
			l.CallLater(time.Second, func() { waiter.Cancel(nil) })
			wantErr(t, l.RunUntilComplete(waiter), context.Canceled)
			wantErr(t, l.RunUntilComplete(asyncio.CreateTask(l.Context(), after(time.Hour, 0, nil))), nil)
			wantErr(t, l.Close(), nil)
			if outcome == nil && len(r) != 0 {
				t.Errorf("got reports %v, want none", r)
			}
			if outcome != nil && (len(r) != 1 || !errors.Is(r[0].Err, errBoom)) {
				t.Errorf("got reports %v, want the failure once", r)
			}
		})
	}
}

func TestShieldOfAGatherLetsItComplete(t *testing.T) { // SHLD-07
	simulate(t, func(ctx context.Context) error {
		a := asyncio.CreateTask(ctx, after(time.Minute, 1, nil))
		b := asyncio.CreateTask(ctx, after(time.Minute, 2, nil))
		all := asyncio.Gather(ctx, a, b)
		waiter := asyncio.CreateTask(ctx, func(ctx context.Context) ([]int, error) { return asyncio.Shield(ctx, all.Await) })
		wantErr(t, asyncio.Sleep(ctx, time.Second), nil)
		waiter.Cancel(nil)
		cancelled(t, ctx, waiter, nil)
		got, err := all.Await(ctx)
		if err != nil || len(got) != 2 {
			t.Errorf("got %v, %v, want a gather that completed", got, err)
		}
		return asyncio.Sleep(ctx, 0)
	})
}

func TestGatherOfShieldsLeavesWhatTheyShield(t *testing.T) { // SHLD-08
	simulate(t, func(ctx context.Context) error {
		a := asyncio.CreateTask(ctx, after(time.Minute, 1, nil))
		b := asyncio.CreateTask(ctx, after(time.Minute, 2, nil))
		shield := func(task *asyncio.Task[int]) *asyncio.Task[int] {
			return asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) { return asyncio.Shield(ctx, task.Await) })
		}
		sa, sb := shield(a), shield(b)
		all := asyncio.Gather(ctx, sa, sb)
		wantErr(t, asyncio.Sleep(ctx, time.Second), nil)
		all.Cancel(nil)
		_, err := all.Await(ctx)
		wantErr(t, err, context.Canceled)
		if !sa.Cancelled() || !sb.Cancelled() || a.Done() || b.Done() {
			t.Errorf("got %v %v %v %v, want the shields cancelled only", sa, sb, a, b)
		}
		_, err = asyncio.Gather(ctx, a, b).Await(ctx)
		wantErr(t, asyncio.Sleep(ctx, 0), nil)
		return err
	})
}
