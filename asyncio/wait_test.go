package asyncio_test

// Wait.

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func TestWaitModes(t *testing.T) { // WAIT-01, WAIT-02, WAIT-04, WAIT-05, WAIT-06
	const (
		ok     = "ok"
		failed = "failed"
		gone   = "cancelled"
	)
	tests := []struct {
		name string
		ends []string // the i-th argument ends after i+1 seconds like this
		opts []asyncio.WaitOption
		done []int // 1-based
		at   time.Duration
	}{
		{"all, one failed", []string{ok, failed, ok}, nil, []int{1, 2, 3}, 3},
		{"all, explicitly", []string{ok, failed, gone}, []asyncio.WaitOption{asyncio.AllCompleted}, []int{1, 2, 3}, 3},
		{"first", []string{ok, ok}, []asyncio.WaitOption{asyncio.FirstCompleted}, []int{1}, 1},
		{"first, failed", []string{failed, ok}, []asyncio.WaitOption{asyncio.FirstCompleted}, []int{1}, 1},
		{"first, cancelled", []string{gone, ok}, []asyncio.WaitOption{asyncio.FirstCompleted}, []int{1}, 1},
		{"exception", []string{ok, failed, ok}, []asyncio.WaitOption{asyncio.FirstException}, []int{1, 2}, 2},
		{"exception, none", []string{ok, ok}, []asyncio.WaitOption{asyncio.FirstException}, []int{1, 2}, 2},
		{"exception, cancelled", []string{gone, ok}, []asyncio.WaitOption{asyncio.FirstException}, []int{1, 2}, 2},
		{"timeout", []string{ok, ok, ok}, []asyncio.WaitOption{asyncio.WaitTimeout(1500 * time.Millisecond)}, []int{1}, 1},
		{"timeout of zero", []string{ok}, []asyncio.WaitOption{asyncio.WaitTimeout(0)}, nil, 0},
		{"timeout that is not needed", []string{ok}, []asyncio.WaitOption{asyncio.WaitTimeout(time.Hour)}, []int{1}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			simulate(t, func(ctx context.Context) error {
				l := asyncio.RunningLoop(ctx)
				var all []*asyncio.Future[int]
				for i, end := range tt.ends {
					f := asyncio.NewFuture[int](ctx)
					all = append(all, f)
					l.CallLater(time.Duration(i+1)*time.Second, func() {
						switch end {
						case ok:
							_ = f.SetResult(i)
						case failed:
							_ = f.SetError(errBoom)
						case gone:
							f.Cancel(nil)
						}
					})
				}
				got, err := asyncio.Wait(ctx, all, tt.opts...).Await(ctx)
				if at := l.Time().Truncate(time.Second); at != tt.at*time.Second {
					t.Errorf("ended in second %v, want %v", at, tt.at*time.Second)
				}
				var done, pending []*asyncio.Future[int]
				for i, f := range all {
					if slices.Contains(tt.done, i+1) {
						done = append(done, f)
					} else {
						pending = append(pending, f)
					}
				}
				if !slices.Equal(got.Done, done) || !slices.Equal(got.Pending, pending) {
					t.Errorf("got %v, want done %v and pending %v", got, done, pending)
				}
				// What was not waited for to its end goes on untouched.
				wantErr(t, asyncio.Sleep(ctx, time.Hour), nil)
				for i, f := range all {
					if f.Cancelled() != (tt.ends[i] == gone) {
						t.Errorf("future %d: got %v", i+1, f)
					}
					_ = f.Err()
				}
				return err
			})
		})
	}
}

func TestWaitOfWhatIsDone(t *testing.T) { // WAIT-04
	simulate(t, func(ctx context.Context) error {
		failed, pending := asyncio.NewFuture[int](ctx), asyncio.NewFuture[int](ctx)
		wantErr(t, failed.SetError(errBoom), nil)
		for _, opt := range []asyncio.WaitOption{asyncio.FirstCompleted, asyncio.FirstException} {
			got, err := asyncio.Wait(ctx, []*asyncio.Future[int]{pending, failed}, opt).Await(ctx)
			if err != nil || !slices.Equal(got.Done, []*asyncio.Future[int]{failed}) || !slices.Equal(got.Pending, []*asyncio.Future[int]{pending}) {
				t.Errorf("got %v, %v", got, err)
			}
		}
		wantErr(t, failed.Err(), errBoom)
		return nil
	})
}

func TestWaitOfNothingIsAnError(t *testing.T) { // WAIT-08
	simulate(t, func(ctx context.Context) error {
		if _, err := asyncio.Wait[asyncio.Waitable](ctx, nil).Await(ctx); err == nil {
			t.Error("got no error")
		}
		return nil
	})
}

func TestCancelledWaitLeavesWhatItWatched(t *testing.T) { // WAIT-09
	simulate(t, func(ctx context.Context) error {
		task := asyncio.CreateTask(ctx, after(time.Minute, 7, nil))
		waiter := spawn(ctx, func(ctx context.Context) error {
			_, err := asyncio.Wait(ctx, []*asyncio.Task[int]{task}).Await(ctx)
			return err
		})
		wantErr(t, asyncio.Sleep(ctx, time.Second), nil)
		waiter.Cancel(nil)
		cancelled(t, ctx, waiter, nil)
		// The same for the future itself.
		direct := asyncio.Wait(ctx, []*asyncio.Task[int]{task}, asyncio.WaitTimeout(time.Hour))
		if !direct.Cancel(errBoom) || !direct.Cancelled() || direct.Cancel(nil) {
			t.Errorf("got %v, want a future cancelled once", direct)
		}
		if v, err := task.Await(ctx); v != 7 || err != nil {
			t.Errorf("got %v, %v, want 7", v, err)
		}
		return nil
	})
}

func TestWaitCountsEachOnce(t *testing.T) { // WAIT-10
	simulate(t, func(ctx context.Context) error {
		a := asyncio.CreateTask(ctx, after(time.Second, 1, nil))
		b := asyncio.CreateTask(ctx, after(time.Minute, 2, nil))
		got, err := asyncio.Wait(ctx, []*asyncio.Task[int]{b, a, a, b, a}, asyncio.FirstCompleted).Await(ctx)
		if want := []*asyncio.Task[int]{a}; !slices.Equal(got.Done, want) {
			t.Errorf("got done %v, want %v", got.Done, want)
		}
		if want := []*asyncio.Task[int]{b}; !slices.Equal(got.Pending, want) {
			t.Errorf("got pending %v, want %v", got.Pending, want)
		}
		_, _ = b.Await(ctx)
		return err
	})
}

func TestWaitTakesDifferentKinds(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		task := asyncio.CreateTask(ctx, after(time.Second, "text", nil))
		future := asyncio.NewFuture[int](ctx)
		asyncio.RunningLoop(ctx).CallLater(time.Second, func() { _ = future.SetResult(1) })
		got, err := asyncio.Wait(ctx, []asyncio.Waitable{task, future, asyncio.Gather(ctx, task)}).Await(ctx)
		if len(got.Done) != 3 || got.Done[0] != asyncio.Waitable(task) {
			t.Errorf("got %v, want the three that were passed", got.Done)
		}
		return err
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		f := asyncio.NewFuture[int](ctx)
		limited, cancel := asyncio.WithTimeout(ctx, time.Second)
		defer cancel()
		for range 2 { // the second time it has ended before
			_, err := asyncio.Wait(limited, []*asyncio.Future[int]{f}, asyncio.WaitTimeout(time.Hour)).Await(ctx)
			wantErr(t, err, context.DeadlineExceeded)
		}
		if got := asyncio.RunningLoop(ctx).Time(); got != time.Second {
			t.Errorf("ended at %v, want 1s", got)
		}
		return nil
	})
}
