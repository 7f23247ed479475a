package asyncio_test

// The door by which other goroutines enter: CallSoonThreadsafe and RunCoroutineThreadsafe.

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func TestPostedCallbackPrecedesLaterLocalOnes(t *testing.T) { // LOOP-21
	l := newLoop(t)
	var tr trace
	posted := make(chan error)
	go func() { posted <- l.CallSoonThreadsafe(tr.step("posted")) }()
	wantErr(t, <-posted, nil)
	l.CallSoon(tr.step("local"))
	turn(t, l)
	tr.want(t, "posted", "local")
}

func TestPostedCallbackWakesAnIdleLoop(t *testing.T) { // LOOP-21
	noGoroutineLeft(t)
	l := asyncio.NewEventLoop()
	defer l.Close()
	go func() { _ = l.CallSoonThreadsafe(l.Stop) }()
	wantErr(t, l.RunForever(), nil)
}

func TestManyGoroutinesPostAtOnce(t *testing.T) {
	noGoroutineLeft(t)
	l := asyncio.NewEventLoop()
	defer l.Close()
	const posters, each = 8, 2000
	var got [posters][]int
	left := posters * each
	var wg sync.WaitGroup
	for p := range posters {
		wg.Go(func() {
			for i := range each {
				err := l.CallSoonThreadsafe(func() {
					got[p] = append(got[p], i)
					if left--; left == 0 {
						l.Stop()
					}
				})
				if err != nil {
					t.Errorf("got %v", err)
				}
			}
		})
	}
	wantErr(t, l.RunForever(), nil)
	wg.Wait()
	for p := range posters {
		if len(got[p]) != each || !slices.IsSorted(got[p]) {
			t.Errorf("goroutine %d: got %d calls, sorted %v, want %d in its order", p, len(got[p]), slices.IsSorted(got[p]), each)
		}
	}
}

func TestPostingWhileTheLoopCloses(t *testing.T) {
	noGoroutineLeft(t)
	for range 50 {
		l := asyncio.NewEventLoop()
		var wg sync.WaitGroup
		started := make(chan none, 3)
		for range 2 {
			wg.Go(func() {
				started <- none{}
				for l.CallSoonThreadsafe(func() {}) == nil {
				}
			})
		}
		wg.Go(func() {
			started <- none{}
			for {
				if _, err := asyncio.RunCoroutineThreadsafe(l, after(0, 1, nil)).Result(context.Background()); err != nil {
					wantErr(t, err, asyncio.ErrLoopClosed)
					return
				}
			}
		})
		for range 3 {
			<-started
		}
		turn(t, l)
		wantErr(t, l.Close(), nil)
		wg.Wait()
	}
}

// onLoop runs a loop that stops when f, on another goroutine, has returned.
func onLoop(t *testing.T, f func(l *asyncio.EventLoop)) {
	t.Helper()
	noGoroutineLeft(t)
	l := asyncio.NewEventLoop()
	defer l.Close()
	go func() {
		defer l.CallSoonThreadsafe(l.Stop)
		f(l)
	}()
	wantErr(t, l.RunForever(), nil)
}

func TestThreadFutureMirrorsItsTask(t *testing.T) { // THR-01
	onLoop(t, func(l *asyncio.EventLoop) {
		ctx := context.Background()
		f := asyncio.RunCoroutineThreadsafe(l, after(time.Millisecond, 7, nil))
		if v, err := f.Result(ctx); v != 7 || err != nil {
			t.Errorf("got %v, %v, want 7", v, err)
		}
		<-f.Done()
		if f.Cancel(nil) {
			t.Error("a done future was cancelled")
		}
		_, err := asyncio.RunCoroutineThreadsafe(l, after(0, 0, errBoom)).Result(ctx)
		wantErr(t, err, errBoom)
		_, err = asyncio.RunCoroutineThreadsafe(l, func(context.Context) (int, error) { panic("ouch") }).Result(ctx)
		var p *asyncio.PanicError
		if !errors.As(err, &p) {
			t.Errorf("got %v, want a *PanicError", err)
		}
		_, err = asyncio.RunCoroutineThreadsafe(l, func(ctx context.Context) (int, error) {
			asyncio.CurrentTask(ctx).Cancel(errBoom)
			return 0, asyncio.Sleep(ctx, time.Hour)
		}).Result(ctx)
		wantErr(t, err, context.Canceled)
		wantErr(t, err, errBoom)
	})
}

func TestThreadFutureCancelsItsTask(t *testing.T) { // THR-01, FUT-12
	onLoop(t, func(l *asyncio.EventLoop) {
		started := make(chan none)
		running := asyncio.RunCoroutineThreadsafe(l, func(ctx context.Context) (int, error) {
			close(started)
			return 0, asyncio.Sleep(ctx, time.Hour)
		})
		<-started
		early := asyncio.RunCoroutineThreadsafe(l, func(ctx context.Context) (int, error) { return 0, asyncio.Sleep(ctx, time.Hour) })
		for _, f := range []*asyncio.ThreadFuture[int]{running, early} {
			if !f.Cancel(errBoom) {
				t.Error("Cancel of a pending future is false")
			}
			_, err := f.Result(context.Background())
			wantErr(t, err, context.Canceled)
			wantErr(t, err, errBoom)
		}
	})
}

func TestThreadFutureWaitsNoLongerThanItsContext(t *testing.T) {
	onLoop(t, func(l *asyncio.EventLoop) {
		release := make(chan none)
		f := asyncio.RunCoroutineThreadsafe(l, func(ctx context.Context) (int, error) {
			return asyncio.ToThread(ctx, func(context.Context) (int, error) { <-release; return 7, nil })
		})
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(errBoom)
		_, err := f.Result(ctx)
		wantErr(t, err, errBoom)
		close(release)
		if v, err := f.Result(context.Background()); v != 7 || err != nil {
			t.Errorf("got %v, %v, want the task to have gone on", v, err)
		}
		if v, err := f.Result(ctx); v != 7 || err != nil {
			t.Errorf("got %v, %v, want the result that is there", v, err)
		}
	})
}

// Nobody on another goroutine waits for ever on a loop that was closed.
func TestClosingTheLoopSettlesThreadFutures(t *testing.T) {
	noGoroutineLeft(t)
	captureLogs(t)
	l := asyncio.NewEventLoop()
	waits := func(ctx context.Context) (int, error) { return asyncio.NewFuture[int](ctx).Await(ctx) }
	started := asyncio.RunCoroutineThreadsafe(l, waits)
	turn(t, l)
	turn(t, l)
	turn(t, l)
	unstarted := asyncio.RunCoroutineThreadsafe(l, waits)
	results := make(chan error)
	for _, f := range []*asyncio.ThreadFuture[int]{started, unstarted} {
		go func() {
			_, err := f.Result(context.Background())
			results <- err
		}()
	}
	wantErr(t, l.Close(), nil)
	for range 2 {
		wantErr(t, <-results, asyncio.ErrLoopClosed)
	}
	if started.Cancel(nil) || unstarted.Cancel(nil) {
		t.Error("a settled future was cancelled")
	}
}

// A runner that closes cancels and awaits what came from other goroutines too.
func TestRunnerCancelsWhatOtherGoroutinesStarted(t *testing.T) {
	noGoroutineLeft(t)
	r := asyncio.NewRunner()
	future := make(chan *asyncio.ThreadFuture[int], 1)
	_, err := asyncio.RunWith(r, context.Background(), func(ctx context.Context) (int, error) {
		l := asyncio.RunningLoop(ctx)
		started := asyncio.NewFuture[none](ctx)
		go func() {
			future <- asyncio.RunCoroutineThreadsafe(l, func(ctx context.Context) (int, error) {
				_ = started.SetResult(none{})
				return 0, asyncio.Sleep(ctx, time.Hour)
			})
		}()
		_, err := started.Await(ctx)
		return 0, err
	})
	wantErr(t, err, nil)
	wantErr(t, r.Close(), nil)
	_, err = (<-future).Result(context.Background())
	wantErr(t, err, context.Canceled)
}
