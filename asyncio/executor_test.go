package asyncio_test

// The executor: ToThread and RunInExecutor.

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func TestToThread(t *testing.T) { // THR-04
	simulate(t, func(ctx context.Context) error {
		ctx = context.WithValue(ctx, key("who"), "caller")
		got, err := asyncio.ToThread(ctx, func(ctx context.Context) (any, error) {
			if _, ok := asyncio.LoopFrom(ctx); ok {
				t.Error("a job's context carries a loop")
			}
			return ctx.Value(key("who")), nil
		})
		if got != "caller" || err != nil {
			t.Errorf("got %v, %v, want the caller's value", got, err)
		}
		v, err := asyncio.ToThread(ctx, func(context.Context) (int, error) { return 7, errBoom })
		wantErr(t, err, errBoom)
		if v != 7 {
			t.Errorf("got %v, want 7", v)
		}
		_, err = asyncio.ToThread(ctx, func(context.Context) (int, error) { panic("ouch") })
		var p *asyncio.PanicError
		if !errors.As(err, &p) || p.Value != "ouch" || !strings.Contains(string(p.Stack), "TestToThread") {
			t.Errorf("got %v, want a *PanicError with its stack", err)
		}
		return nil
	})
}

// runtime.Goexit, hence t.FailNow, ends a job as it ends any goroutine, not the loop.
func TestJobThatExitsFails(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		_, err := asyncio.ToThread(ctx, func(context.Context) (int, error) {
			runtime.Goexit()
			return 1, nil
		})
		if err == nil {
			t.Error("got no error")
		}
		if v, err := asyncio.ToThread(ctx, func(context.Context) (int, error) { return 7, nil }); v != 7 || err != nil {
			t.Errorf("got %v, %v, want 7", v, err)
		}
		return nil
	})
}

func TestToThreadLetsOthersRun(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		release := make(chan none)
		var tr trace
		job := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
			v, err := asyncio.ToThread(ctx, func(context.Context) (int, error) { <-release; return 7, nil })
			tr.add("job")
			return v, err
		})
		wantErr(t, asyncio.Sleep(ctx, 0), nil)
		wantErr(t, asyncio.Sleep(ctx, 0), nil)
		tr.add("others")
		close(release)
		v, err := job.Await(ctx)
		if v != 7 || err != nil {
			t.Errorf("got %v, %v, want 7", v, err)
		}
		tr.want(t, "others", "job")
		return nil
	})
}

func TestCancelledToThreadReturnsAtOnceAndTellsTheJob(t *testing.T) { // FUT-12, LOOP-26
	simulate(t, func(ctx context.Context) error {
		told := make(chan error, 1)
		started := make(chan none)
		task := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
			return asyncio.ToThread(ctx, func(ctx context.Context) (int, error) {
				close(started)
				<-ctx.Done()
				told <- context.Cause(ctx)
				return 0, nil
			})
		})
		wantErr(t, asyncio.Sleep(ctx, 0), nil)
		<-started
		task.Cancel(errBoom)
		cancelled(t, ctx, task, errBoom)
		wantErr(t, <-told, errBoom)
		return nil
	})
}

func TestCancelledExecutorFutureTellsTheJob(t *testing.T) { // FUT-12
	simulate(t, func(ctx context.Context) error {
		told := make(chan error, 1)
		f := asyncio.RunInExecutor(asyncio.RunningLoop(ctx), func(ctx context.Context) (int, error) {
			<-ctx.Done()
			told <- context.Cause(ctx)
			return 7, nil
		})
		if !f.Cancel(errBoom) || !f.Cancelled() {
			t.Errorf("got %v, want a cancelled future", f)
		}
		wantErr(t, asyncio.Sleep(ctx, 0), nil)
		wantErr(t, <-told, errBoom)
		done := asyncio.RunInExecutor(asyncio.RunningLoop(ctx), func(context.Context) (int, error) { return 7, nil })
		if _, err := done.Await(ctx); err != nil || done.Cancel(nil) {
			t.Errorf("got %v, %v, want a future that is done", done, err)
		}
		return nil
	})
}

func TestExecutorLimit(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		var now, most atomic.Int32
		var order []int
		var mu sync.Mutex
		l := asyncio.RunningLoop(ctx)
		var jobs []*asyncio.Future[int]
		for i := range 20 {
			jobs = append(jobs, asyncio.RunInExecutor(l, func(context.Context) (int, error) {
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				most.Store(max(most.Load(), now.Add(1)))
				runtime.Gosched()
				now.Add(-1)
				return i, nil
			}))
		}
		got, err := asyncio.Gather(ctx, jobs...).Await(ctx)
		if err != nil || len(got) != 20 {
			t.Errorf("got %v, %v", got, err)
		}
		if most.Load() > 1 || !slices.IsSorted(order) {
			t.Errorf("got %d at once in order %v, want one after the other", most.Load(), order)
		}
		return nil
	}, aiotest.WithLoopOptions(asyncio.WithExecutorLimit(1)))
}

func TestJobCancelledInLineNeverRuns(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		l := asyncio.RunningLoop(ctx)
		release := make(chan none)
		first := asyncio.RunInExecutor(l, func(context.Context) (int, error) { <-release; return 1, nil })
		second := asyncio.RunInExecutor(l, func(context.Context) (int, error) { t.Error("a cancelled job ran"); return 2, nil })
		third := asyncio.RunInExecutor(l, func(context.Context) (int, error) { return 3, nil })
		second.Cancel(nil)
		wantErr(t, asyncio.Sleep(ctx, 0), nil)
		close(release)
		got, err := asyncio.Gather(ctx, first, third).Await(ctx)
		if want := []int{1, 3}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		return err
	}, aiotest.WithLoopOptions(asyncio.WithExecutorLimit(1)))
}

// Virtual time must not overtake what the real world answers in time.
func TestVirtualTimeStandsStillWhileAJobRuns(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		for i := range 300 {
			_, err := asyncio.Timeout(ctx, time.Minute, func(ctx context.Context) (int, error) {
				return asyncio.ToThread(ctx, func(context.Context) (int, error) {
					for range i % 5 {
						runtime.Gosched()
					}
					return 0, nil
				})
			})
			if err != nil {
				t.Fatalf("job %d: got %v, want it in time", i, err)
			}
		}
		if got := asyncio.RunningLoop(ctx).Time(); got != 0 {
			t.Errorf("got %v, want no time to have passed", got)
		}
		return nil
	})
}

// A deadline of the standard library ends in real time and holds up no virtual time.
func TestStandardDeadlineDoesNotHoldVirtualTime(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		if err := asyncio.Sleep(ctx, 30*time.Minute); err != nil {
			return err
		}
		scope, cancelScope := asyncio.WithTimeout(ctx, time.Minute)
		defer cancelScope()
		wantErr(t, asyncio.Sleep(scope, time.Hour), context.DeadlineExceeded)
		return nil
	})
}

func TestCloseLeavesAStuckJobBehind(t *testing.T) { // LOOP-26, LOOP-27
	noGoroutineLeft(t)
	logged := captureLogs(t)
	l := asyncio.NewEventLoop(asyncio.WithGrace(10 * time.Millisecond))
	release, over := make(chan none), make(chan error)
	f := asyncio.RunInExecutor(l, func(ctx context.Context) (int, error) {
		<-release
		over <- ctx.Err()
		return 7, nil
	})
	turn(t, l)
	wantErr(t, l.Close(), nil)
	if logged.count("left behind", "jobs=1", "TestCloseLeavesAStuckJobBehind") != 1 {
		t.Errorf("got %q, want a warning", logged.lines)
	}
	close(release)
	wantErr(t, <-over, context.Canceled)
	if f.Done() && !f.Cancelled() {
		t.Errorf("got %v, want the closed loop's future untouched", f)
	}
}

func TestCloseAwaitsJobsThatEnd(t *testing.T) {
	noGoroutineLeft(t)
	logged := captureLogs(t)
	l := asyncio.NewEventLoop()
	var ended, ran bool
	asyncio.RunInExecutor(l, func(ctx context.Context) (int, error) {
		<-ctx.Done()
		ended = true
		return 7, nil
	})
	// Also with tasks that wait, which Close ends by force.
	task := spawn(l.Context(), func(ctx context.Context) error {
		_, err := asyncio.ToThread(ctx, func(ctx context.Context) (int, error) { <-ctx.Done(); ran = true; return 0, nil })
		return err
	})
	turn(t, l)
	wantErr(t, l.Close(), nil)
	if !ended || !ran || !task.Done() {
		t.Errorf("got %v, %v, %v, want both jobs over", ended, ran, task)
	}
	if n := logged.count("panicked"); n != 0 {
		t.Errorf("got %q", logged.lines)
	}
}
