package asyncio_test

// Completion, cancellation and timeout within one turn, in every order, for everything that
// waits for a future: nothing is lost, nobody is stranded, and an ended context stays ended.

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func TestNothingIsLostInOneTurn(t *testing.T) { // CAN-20, WF-09, WF-11, GATH-07, SHLD-02, WAIT-09 in all orders
	tests := []struct {
		name   string
		direct bool // the call itself waits for the future: what comes first decides
		sure   bool // the result is returned whenever it is there
		wait   func(ctx context.Context, f *asyncio.Future[int]) (int, error)
	}{
		{"Await", true, false, func(ctx context.Context, f *asyncio.Future[int]) (int, error) { return f.Await(ctx) }},
		{"Timeout", true, false, func(ctx context.Context, f *asyncio.Future[int]) (int, error) {
			return asyncio.Timeout(ctx, time.Hour, f.Await)
		}},
		{"WaitFor", true, true, func(ctx context.Context, f *asyncio.Future[int]) (int, error) {
			return asyncio.WaitFor(ctx, time.Hour, f)
		}},
		{"task", false, false, func(ctx context.Context, f *asyncio.Future[int]) (int, error) {
			return asyncio.CreateTask(context.WithoutCancel(ctx), f.Await).Await(ctx)
		}},
		{"child", false, false, func(ctx context.Context, f *asyncio.Future[int]) (int, error) {
			return asyncio.CreateTask(ctx, f.Await).Await(ctx)
		}},
		{"Shield", false, false, func(ctx context.Context, f *asyncio.Future[int]) (int, error) { return asyncio.Shield(ctx, f.Await) }},
		{"Gather", false, false, func(ctx context.Context, f *asyncio.Future[int]) (int, error) {
			all, err := asyncio.Gather(ctx, f, f).Await(ctx)
			if err != nil {
				return 0, err
			}
			return all[1], nil
		}},
		{"GatherSettled", false, false, func(ctx context.Context, f *asyncio.Future[int]) (int, error) {
			all, err := asyncio.GatherSettled(ctx, f).Await(ctx)
			if err != nil {
				return 0, err
			}
			return all[0].Value, all[0].Err
		}},
		{"Wait", false, false, func(ctx context.Context, f *asyncio.Future[int]) (int, error) {
			r, err := asyncio.Wait(ctx, []*asyncio.Future[int]{f}).Await(ctx)
			if err != nil {
				return 0, err
			}
			return r.Done[0].Result()
		}},
		{"AsCompleted", false, false, func(ctx context.Context, f *asyncio.Future[int]) (int, error) {
			for f, err := range asyncio.AsCompleted(ctx, []*asyncio.Future[int]{f}) {
				if err != nil {
					return 0, err
				}
				return f.Result()
			}
			return 0, errors.New("nothing came")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inEveryOrder(t, []string{"complete", "cancel 0", "timeout 0"}, func(t *testing.T, ctx context.Context, order []string) {
				f := asyncio.NewFuture[int](ctx)
				var next error
				tasks, happened := inOneTurn(ctx, order, 1, func(ctx context.Context, _ int) (int, error) {
					v, err := tt.wait(ctx, f)
					next = asyncio.Sleep(ctx, 0)
					return v, err
				}, func(string) { _ = f.SetResult(7) })
				if !tasks[0].Done() {
					t.Fatalf("got %v, want a task that is done", tasks[0])
				}
				v, err := tasks[0].Result()
				got := err == nil
				if got && v != 7 || !got && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, %v, want 7 or the end of the context", v, err)
				}
				if want := tt.sure || happened[0] == "complete"; tt.direct && got != want {
					t.Errorf("got %v, %v, want success: %v", v, err, want)
				}
				if next == nil {
					t.Error("the suspension after the end of the context succeeded")
				}
				if v, err := f.Result(); v != 7 || err != nil {
					t.Errorf("got %v, %v from the future, want 7", v, err)
				}
			})
		})
	}
}

// The end of the loop is one more event: whoever waits is ended, whatever came before it.
func TestClosingInTheTurnOfACompletion(t *testing.T) {
	for _, complete := range []bool{false, true} {
		for _, cancel := range []bool{false, true} {
			noGoroutineLeft(t)
			captureLogs(t)
			l := asyncio.NewEventLoop(virtual())
			f := asyncio.NewFuture[int](l.Context())
			resumed := false
			task := asyncio.CreateTask(l.Context(), func(ctx context.Context) (int, error) {
				v, err := f.Await(ctx)
				resumed = true
				return v, err
			})
			turn(t, l)
			if complete {
				wantErr(t, f.SetResult(7), nil)
			}
			if cancel {
				task.Cancel(nil)
			}
			wantErr(t, l.Close(), nil)
			if !task.Cancelled() || resumed {
				t.Errorf("complete %v, cancel %v: got %v, resumed %v, want a task that was ended where it stood", complete, cancel, task, resumed)
			}
		}
	}
}
