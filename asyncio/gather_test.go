package asyncio_test

// Gather and GatherSettled.

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func TestGatherKeepsTheOrderOfItsArguments(t *testing.T) { // GATH-01
	simulate(t, func(ctx context.Context) error {
		a := asyncio.CreateTask(ctx, after(3*time.Second, 1, nil))
		b := asyncio.CreateTask(ctx, after(1*time.Second, 2, nil))
		c := asyncio.CreateTask(ctx, after(2*time.Second, 3, nil))
		all := asyncio.Gather(ctx, a, b, c)
		wantErr(t, asyncio.Sleep(ctx, 2500*time.Millisecond), nil)
		if all.Done() {
			t.Error("done before its last argument")
		}
		got, err := all.Await(ctx)
		if want := []int{1, 2, 3}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		return err
	})
}

func TestGatherFailsAtOnceAndSiblingsGoOn(t *testing.T) { // GATH-02, GATH-03
	simulate(t, func(ctx context.Context) error {
		l := asyncio.RunningLoop(ctx)
		slow := asyncio.CreateTask(ctx, after(time.Minute, 1, nil))
		bad := asyncio.CreateTask(ctx, after(time.Second, 0, errBoom))
		worse := asyncio.CreateTask(ctx, after(2*time.Second, 0, errors.New("dropped")))
		_, err := asyncio.Gather(ctx, slow, bad, worse).Await(ctx)
		wantErr(t, err, errBoom)
		if got := l.Time(); got != time.Second {
			t.Errorf("failed at %v, want 1s", got)
		}
		if v, err := slow.Await(ctx); v != 1 || err != nil {
			t.Errorf("got %v, %v, want a sibling that went on", v, err)
		}
		return nil // the second error counts as retrieved: simulate fails otherwise
	})
}

func TestGatherSettledCollectsErrors(t *testing.T) { // GATH-04, GATH-06
	simulate(t, func(ctx context.Context) error {
		good := asyncio.CreateTask(ctx, after(time.Second, 1, nil))
		bad := asyncio.CreateTask(ctx, after(0, 0, errBoom))
		gone := asyncio.CreateTask(ctx, after(time.Hour, 3, nil))
		gone.Cancel(nil)
		got, err := asyncio.GatherSettled(ctx, good, bad, gone).Await(ctx)
		if err != nil || len(got) != 3 {
			t.Fatalf("got %v, %v, want three outcomes", got, err)
		}
		if got[0] != (asyncio.Outcome[int]{Value: 1}) {
			t.Errorf("got %v, want 1", got[0])
		}
		wantErr(t, got[1].Err, errBoom)
		wantErr(t, got[2].Err, context.Canceled)
		return nil
	})
}

func TestGatherOfACancelledArgumentIsCancelled(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		a := asyncio.CreateTask(ctx, after(time.Second, 1, nil))
		b := asyncio.CreateTask(ctx, after(time.Minute, 2, nil))
		all := asyncio.Gather(ctx, a, b)
		a.Cancel(errBoom)
		_, err := all.Await(ctx)
		wantErr(t, err, context.Canceled)
		wantErr(t, err, errBoom)
		_, err = b.Await(ctx)
		return err
	})
}

func TestCancelledGatherCancelsAndAwaitsItsArguments(t *testing.T) { // GATH-07, GATH-08
	gathers := map[string]func(context.Context, ...*asyncio.Task[int]) asyncio.Waitable{
		"Gather": func(ctx context.Context, ts ...*asyncio.Task[int]) asyncio.Waitable {
			return asyncio.Gather(ctx, ts...)
		},
		"GatherSettled": func(ctx context.Context, ts ...*asyncio.Task[int]) asyncio.Waitable {
			return asyncio.GatherSettled(ctx, ts...)
		},
	}
	for name, gather := range gathers {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(ctx context.Context) error {
				l := asyncio.RunningLoop(ctx)
				quick := asyncio.CreateTask(ctx, after(time.Hour, 1, nil))
				slow := asyncio.CreateTask(ctx, stubborn(time.Minute, 2, nil))
				bad := asyncio.CreateTask(ctx, stubborn(2*time.Minute, 0, errors.New("dropped")))
				all := gather(ctx, quick, slow, bad)
				wantErr(t, asyncio.Sleep(ctx, time.Second), nil)
				if !all.Cancel(errBoom) || !all.Cancel(nil) {
					t.Error("Cancel of a pending gather is false")
				}
				if all.Done() {
					t.Error("done before its arguments")
				}
				_, err := asyncio.Wait(ctx, []asyncio.Waitable{all}).Await(ctx)
				wantErr(t, err, nil)
				wantErr(t, all.Err(), context.Canceled)
				wantErr(t, all.Err(), errBoom)
				if got := l.Time(); got != 2*time.Minute+time.Second {
					t.Errorf("ended at %v, want 2m1s, after the last argument", got)
				}
				if !quick.Cancelled() || slow.Cancelled() || bad.Cancelled() {
					t.Errorf("got %v, %v, %v", quick, slow, bad)
				}
				return nil
			})
		})
	}
}

func TestGatherWhoseArgumentsAreDoneCannotBeCancelled(t *testing.T) { // GATH-10
	simulate(t, func(ctx context.Context) error {
		f := asyncio.NewFuture[int](ctx)
		all := asyncio.Gather(ctx, f)
		wantErr(t, f.SetResult(7), nil)
		if all.Done() || all.Cancel(nil) {
			t.Error("a gather that will succeed in a moment was cancelled")
		}
		got, err := all.Await(ctx)
		if want := []int{7}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if all.Cancel(nil) {
			t.Error("a done gather was cancelled")
		}
		return err
	})
}

func TestGatherOfNothingIsDone(t *testing.T) { // GATH-12
	simulate(t, func(ctx context.Context) error {
		for _, w := range []asyncio.Waitable{
			asyncio.Gather[*asyncio.Task[int], int](ctx), asyncio.GatherSettled[*asyncio.Task[int], int](ctx),
		} {
			if !w.Done() || w.Err() != nil {
				t.Errorf("got %v, want a future that is done", w)
			}
		}
		got, err := asyncio.Gather[*asyncio.Task[int], int](ctx).Await(ctx)
		if got == nil || len(got) != 0 {
			t.Errorf("got %#v, want an empty list", got)
		}
		return err
	})
}

func TestGatherOfDoneFuturesIsDone(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		good, bad := asyncio.NewFuture[int](ctx), asyncio.NewFuture[int](ctx)
		_, _ = good.SetResult(1), bad.SetError(errBoom)
		if all := asyncio.Gather(ctx, good, bad, good); !all.Done() || all.Err() != errBoom {
			t.Errorf("got %v, want the failure at once", all)
		}
		all, err := asyncio.GatherSettled(ctx, good, bad).Await(ctx)
		if len(all) != 2 || all[0].Value != 1 || all[1].Err != errBoom {
			t.Errorf("got %v", all)
		}
		return err
	})
}

func TestGatherTakesOneArgumentTwice(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		a := asyncio.CreateTask(ctx, after(time.Second, 1, nil))
		b := asyncio.CreateTask(ctx, after(time.Second, 2, nil))
		got, err := asyncio.Gather(ctx, a, b, a).Await(ctx)
		if want := []int{1, 2, 1}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		return err
	})
}

// A refused call leaves no trace on the futures it was given.
func TestGatherOfTwoLoopsIsRefused(t *testing.T) { // GATH-13, GATH-14
	l, other := newLoop(t), newLoop(t)
	var r reports
	r.listen(l)
	mine, foreign := asyncio.NewFuture[int](l.Context()), asyncio.NewFuture[int](other.Context())
	wantPanic(t, "different event loops", func() { asyncio.Gather(l.Context(), mine, foreign) })
	wantPanic(t, "different event loops", func() { asyncio.Wait(l.Context(), []*asyncio.Future[int]{mine, foreign}) })
	wantErr(t, mine.SetError(errBoom), nil)
	wantErr(t, foreign.SetResult(1), nil)
	turn(t, l)
	wantPanic(t, "different event loops", func() { asyncio.Gather(l.Context(), mine, foreign) })
	wantErr(t, mine.Err(), errBoom)
	wantErr(t, l.Close(), nil)
	if len(r) != 0 {
		t.Errorf("got reports %v, want none", r)
	}
}

// When the context of whoever asked ends, the gather fails and its arguments go on.
func TestGatherEndsWithItsContext(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		a := asyncio.CreateTask(ctx, after(time.Minute, 1, nil))
		limited, cancel := asyncio.WithTimeout(ctx, time.Second)
		defer cancel()
		all := asyncio.Gather(limited, a)
		_, err := all.Await(ctx)
		wantErr(t, err, context.DeadlineExceeded)
		if a.Done() {
			t.Error("the argument is done")
		}
		_, err = asyncio.Gather(limited, a).Await(ctx)
		wantErr(t, err, context.DeadlineExceeded)
		derived, cancelDerived := context.WithCancel(ctx)
		all = asyncio.Gather(derived, a)
		asyncio.RunningLoop(ctx).CallLater(time.Second, cancelDerived)
		_, err = all.Await(ctx)
		wantErr(t, err, context.Canceled)
		_, err = a.Await(ctx)
		return err
	})
}

func TestGathersNest(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		a := asyncio.CreateTask(ctx, after(time.Second, 1, nil))
		b := asyncio.CreateTask(ctx, after(2*time.Second, 2, nil))
		outer := asyncio.Gather(ctx, asyncio.Gather(ctx, a, b), asyncio.Gather(ctx, b))
		got, err := outer.Await(ctx)
		if err != nil || len(got) != 2 || !slices.Equal(got[0], []int{1, 2}) || !slices.Equal(got[1], []int{2}) {
			t.Errorf("got %v, %v", got, err)
		}
		c := asyncio.CreateTask(ctx, after(time.Hour, 3, nil))
		outer = asyncio.Gather(ctx, asyncio.Gather(ctx, c))
		outer.Cancel(nil)
		_, err = outer.Await(ctx)
		wantErr(t, err, context.Canceled)
		if !c.Cancelled() {
			t.Error("the cancellation did not reach the innermost task")
		}
		return nil
	})
}
