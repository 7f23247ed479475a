package asyncio_test

// Run, Runner, and closing: what becomes of what is left.

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func virtual() asyncio.RunOption { return asyncio.WithClock(new(aiotest.Clock)) }

func TestRunReturnsWhatMainReturns(t *testing.T) {
	noGoroutineLeft(t)
	if v, err := asyncio.Run(context.Background(), after(time.Hour, 7, nil), virtual()); v != 7 || err != nil {
		t.Errorf("got %v, %v, want 7", v, err)
	}
	_, err := asyncio.Run(context.Background(), after(time.Hour, 7, errBoom), virtual())
	wantErr(t, err, errBoom)
	_, err = asyncio.Run(context.Background(), func(context.Context) (int, error) { panic("ouch") })
	var p *asyncio.PanicError
	if !errors.As(err, &p) || p.Value != "ouch" {
		t.Errorf("got %v, want a *PanicError", err)
	}
}

func TestRunDoesNotNest(t *testing.T) { // RUN-01
	noGoroutineLeft(t)
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		_, err := asyncio.Run(ctx, func(context.Context) (int, error) {
			t.Error("the inner main ran")
			return 0, nil
		})
		wantErr(t, err, asyncio.ErrLoopRunning)
		derived, cancel := context.WithCancel(ctx)
		defer cancel()
		r := asyncio.NewRunner()
		defer r.Close()
		_, err = asyncio.RunWith(r, derived, after(0, 1, nil))
		wantErr(t, err, asyncio.ErrLoopRunning)
		return 0, nil
	})
	wantErr(t, err, nil)
}

func TestRunCancelsAndAwaitsWhatIsLeft(t *testing.T) { // RUN-02
	noGoroutineLeft(t)
	var tr trace
	v, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		for _, name := range []string{"a", "b"} {
			spawn(ctx, func(ctx context.Context) error {
				err := asyncio.Sleep(ctx, time.Hour)
				tr.add("%s interrupted: %v", name, errors.Is(err, context.Canceled))
				slept := asyncio.Sleep(context.WithoutCancel(ctx), time.Second)
				tr.add("%s cleaned up: %v", name, slept)
				return err
			})
		}
		spawn(ctx, func(context.Context) error { return nil })
		return 7, asyncio.Sleep(ctx, time.Second)
	}, virtual())
	if v != 7 || err != nil {
		t.Errorf("got %v, %v, want main's result", v, err)
	}
	tr.want(t, "a interrupted: true", "b interrupted: true", "a cleaned up: <nil>", "b cleaned up: <nil>")
}

func TestRunReportsWhatLeftoversFailWith(t *testing.T) { // RUN-04
	noGoroutineLeft(t)
	var r reports
	errLate := errors.New("late")
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		r.listen(asyncio.RunningLoop(ctx))
		spawn(ctx, func(ctx context.Context) error {
			_ = asyncio.Sleep(ctx, time.Hour)
			return errLate
		}, asyncio.WithName("leftover"))
		return 0, errors.Join(asyncio.Sleep(ctx, time.Second), errBoom)
	}, virtual())
	wantErr(t, err, errBoom)
	if len(r) != 1 || r[0].Err != errLate || r[0].Name != "leftover" {
		t.Errorf("got reports %v, want the leftover's failure", r)
	}
}

// A task that ignores its cancellation cannot hang the end of a run.
func TestStubbornLeftoverIsEndedByForce(t *testing.T) {
	noGoroutineLeft(t)
	c := new(aiotest.Clock)
	var r reports
	var tr trace
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		r.listen(asyncio.RunningLoop(ctx))
		spawn(ctx, func(ctx context.Context) error {
			defer tr.add("deferred")
			defer func() {
				wantErr(t, asyncio.Sleep(context.WithoutCancel(ctx), 1), context.Canceled)
			}()
			for {
				_ = asyncio.Sleep(context.WithoutCancel(ctx), time.Minute)
			}
		}, asyncio.WithName("stubborn"))
		return 0, asyncio.Sleep(ctx, time.Second)
	}, asyncio.WithClock(c), asyncio.WithGrace(5*time.Second))
	wantErr(t, err, nil)
	tr.want(t, "deferred")
	if len(r) != 1 || r[0].Name != "stubborn" || !strings.Contains(r[0].Err.Error(), "Sleep") {
		t.Errorf("got reports %v, want the task and what it waits for", r)
	}
	if got := c.Now(); got != 6*time.Second {
		t.Errorf("ended at %v, want 6s, after the grace", got)
	}
}

func TestTaskThatBurnsTurnsAtTheEndIsEndedByForce(t *testing.T) {
	noGoroutineLeft(t)
	var r reports
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		r.listen(asyncio.RunningLoop(ctx))
		spawn(ctx, func(ctx context.Context) error {
			for {
				_ = asyncio.Sleep(context.WithoutCancel(ctx), 0)
			}
		}, asyncio.WithName("burner"))
		return 0, asyncio.Sleep(ctx, 0)
	}, asyncio.WithGrace(20*time.Millisecond))
	wantErr(t, err, nil)
	if len(r) != 1 || r[0].Name != "burner" {
		t.Errorf("got reports %v, want the task", r)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	noGoroutineLeft(t)
	outer, cancel := context.WithCancelCause(context.Background())
	_, err := asyncio.Run(outer, func(ctx context.Context) (int, error) {
		go cancel(errBoom)
		return 0, asyncio.Sleep(ctx, time.Hour)
	})
	wantErr(t, err, context.Canceled)
	wantErr(t, err, errBoom)
	_, err = asyncio.Run(outer, func(context.Context) (int, error) { t.Error("main ran"); return 0, nil })
	wantErr(t, err, errBoom)
}

func TestRunnerKeepsItsLoop(t *testing.T) { // RUN-07, RUN-08
	noGoroutineLeft(t)
	r := asyncio.NewRunner(virtual())
	var left *asyncio.Task[int]
	v, err := asyncio.RunWith(r, context.Background(), func(ctx context.Context) (int, error) {
		if asyncio.RunningLoop(ctx) != r.Loop() {
			t.Error("Loop is another loop")
		}
		left = asyncio.CreateTask(context.WithoutCancel(ctx), after(time.Minute, 7, nil))
		return 1, asyncio.Sleep(ctx, time.Second)
	})
	if v != 1 || err != nil {
		t.Errorf("got %v, %v, want 1", v, err)
	}
	v, err = asyncio.RunWith(r, context.Background(), func(ctx context.Context) (int, error) { return left.Await(ctx) })
	if v != 7 || err != nil {
		t.Errorf("got %v, %v, want what the first run left", v, err)
	}
	_, err = asyncio.RunWith(r, context.Background(), after(0, 0, errBoom))
	wantErr(t, err, errBoom)
	for range 2 {
		wantErr(t, r.Close(), nil)
	}
	_, err = asyncio.RunWith(r, context.Background(), after(0, 1, nil))
	wantErr(t, err, asyncio.ErrLoopClosed)
	wantErr(t, asyncio.NewRunner().Close(), nil)
}

func TestRunnerCannotBeClosedByWhatItRuns(t *testing.T) {
	noGoroutineLeft(t)
	r := asyncio.NewRunner(virtual())
	_, err := asyncio.RunWith(r, context.Background(), func(ctx context.Context) (int, error) {
		wantErr(t, r.Close(), asyncio.ErrLoopRunning)
		return 0, asyncio.Sleep(ctx, time.Second)
	})
	wantErr(t, err, nil)
	wantErr(t, r.Close(), nil)
}

func TestRunnerRestartsAfterStop(t *testing.T) { // LOOP-11
	noGoroutineLeft(t)
	r := asyncio.NewRunner(virtual())
	defer r.Close()
	main := func(ctx context.Context) (int, error) {
		asyncio.RunningLoop(ctx).Stop()
		return 1, asyncio.Sleep(ctx, time.Second)
	}
	_, err := asyncio.RunWith(r, context.Background(), main)
	wantErr(t, err, asyncio.ErrLoopStopped)
	v, err := asyncio.RunWith(r, context.Background(), after(time.Minute, 7, nil))
	if v != 7 || err != nil {
		t.Errorf("got %v, %v, want 7", v, err)
	}
}

func TestDebugOption(t *testing.T) { // RUN-09: an option in place of the environment
	noGoroutineLeft(t)
	for _, debug := range []bool{true, false} {
		got, err := asyncio.Run(context.Background(), func(ctx context.Context) (bool, error) {
			return asyncio.RunningLoop(ctx).Debug(), nil
		}, asyncio.WithDebug(debug))
		if got != debug || err != nil {
			t.Errorf("got %v, %v, want %v", got, err, debug)
		}
	}
}

// t.FailNow in a task is runtime.Goexit: the goroutine that runs the loop ends, after the
// run was put in order.
func TestGoexitInATaskEndsRun(t *testing.T) {
	noGoroutineLeft(t)
	for _, where := range []string{"main", "child", "eager child", "deferred"} {
		t.Run(where, func(t *testing.T) {
			var tr trace
			returned := outlives(func() {
				_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
					spawn(ctx, func(ctx context.Context) error {
						err := asyncio.Sleep(ctx, time.Hour)
						tr.add("leftover cancelled")
						return err
					})
					quit := func(context.Context) error { runtime.Goexit(); return nil }
					wantErr(t, asyncio.Sleep(ctx, 0), nil)
					switch where {
					case "main":
						_ = quit(ctx)
					case "child":
						spawn(ctx, quit)
					case "eager child":
						spawn(ctx, quit, asyncio.WithEagerStart())
					case "deferred":
						spawn(ctx, func(context.Context) error {
							defer runtime.Goexit()
							panic("covered up")
						})
					}
					err := asyncio.Sleep(ctx, time.Hour)
					return 0, err
				})
			})
			if returned {
				t.Error("Run returned")
			}
			tr.want(t, "leftover cancelled")
		})
	}
}

// logs is a slog handler that keeps what is logged.
type logs struct {
	mu    sync.Mutex
	lines []string
}

func captureLogs(t *testing.T) *logs {
	t.Helper()
	l := new(logs)
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(l, nil)))
	t.Cleanup(func() { slog.SetDefault(old) })
	return l
}

func (l *logs) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(line))
	return len(line), nil
}

// count returns how many lines contain all of texts.
func (l *logs) count(texts ...string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
lines:
	for _, line := range l.lines {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue lines
			}
		}
		n++
	}
	return n
}

// Close, without a Runner, is for a loop that is driven by hand: what it did not finish is
// ended by force and named.
func TestCloseEndsPendingTasksByForce(t *testing.T) { // TASK-12
	noGoroutineLeft(t)
	logged := captureLogs(t)
	l := asyncio.NewEventLoop(virtual())
	var tr trace
	for _, name := range []string{"one", "two"} {
		spawn(l.Context(), func(ctx context.Context) error {
			defer tr.add("%s unwound", name)
			defer func() {
				if v := recover(); v != nil {
					t.Errorf("%s: recovered %v", name, v)
				}
			}()
			f := asyncio.NewFuture[int](ctx)
			_, err := f.Await(context.WithoutCancel(ctx))
			tr.add("%s went on: %v", name, err)
			return err
		}, asyncio.WithName(name))
	}
	unstarted := spawn(l.Context(), func(context.Context) error { return nil }, asyncio.WithName("three"))
	l.CallSoon(l.Stop)
	l.Stop()
	turn(t, l)
	late := spawn(l.Context(), func(context.Context) error { t.Error("a task started in Close"); return nil })
	wantErr(t, l.Close(), nil)
	tr.want(t, "one unwound", "two unwound")
	if !unstarted.Done() || !late.Cancelled() {
		t.Errorf("got %v, %v", unstarted, late)
	}
	for _, name := range []string{"one", "two"} {
		if logged.count("ended by force", name) != 1 {
			t.Errorf("%s: got %q, want one entry", name, logged.lines)
		}
	}
}
