package asyncio_test

// What happens to errors nobody handles.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func TestPanicOfACallbackGoesToTheHandler(t *testing.T) { // LOOP-17
	l := newLoop(t)
	var r reports
	r.listen(l)
	var tr trace
	l.CallSoon(func() { panic(errBoom) })
	l.CallSoon(tr.step("same turn"))
	l.CallLater(time.Second, func() { panic("timer") })
	l.CallLater(time.Second, tr.step("same time"))
	f := asyncio.NewFuture[int](l.Context())
	f.AddDoneCallback(func(*asyncio.Future[int]) { panic("done") })
	f.AddDoneCallback(func(*asyncio.Future[int]) { tr.add("next callback") })
	wantErr(t, l.CallSoonThreadsafe(func() { panic("posted") }), nil)
	wantErr(t, f.SetResult(1), nil)
	l.CallLater(time.Minute, l.Stop)
	wantErr(t, l.RunForever(), nil)
	tr.want(t, "same turn", "next callback", "same time")
	if len(r) != 4 {
		t.Fatalf("got reports %v, want 4", r)
	}
	for _, info := range r {
		var p *asyncio.PanicError
		if !errors.As(info.Err, &p) || !strings.Contains(string(p.Stack), "exceptions_test") || info.Message == "" {
			t.Errorf("got %+v, want a *PanicError with the stack of the callback", info)
		}
	}
	wantErr(t, r[0].Err, errBoom)
}

func TestDefaultHandlerLogs(t *testing.T) { // LOOP-17, LOOP-20
	logged := captureLogs(t)
	l := newLoop(t)
	l.SetExceptionHandler(func(*asyncio.EventLoop, asyncio.ExceptionInfo) { t.Error("a handler that was replaced was called") })
	l.SetExceptionHandler(nil)
	l.CallSoon(func() { panic("ouch") })
	turn(t, l)
	if logged.count("level=ERROR", "ouch") != 1 {
		t.Errorf("got %q, want one entry", logged.lines)
	}
}

func TestHandlerThatPanicsIsReportedByTheDefault(t *testing.T) { // LOOP-19
	logged := captureLogs(t)
	l := newLoop(t)
	calls := 0
	l.SetExceptionHandler(func(*asyncio.EventLoop, asyncio.ExceptionInfo) { calls++; panic("the handler") })
	l.CallSoon(func() { panic("the callback") })
	var tr trace
	l.CallSoon(tr.step("goes on"))
	turn(t, l)
	tr.want(t, "goes on")
	if calls != 1 || logged.count("the callback") != 1 || logged.count("the handler") != 1 {
		t.Errorf("got %d calls and %q, want both panics logged once", calls, logged.lines)
	}
}

func TestHandlerThatCallsItselfIsStopped(t *testing.T) {
	logged := captureLogs(t)
	l := newLoop(t)
	calls := 0
	l.SetExceptionHandler(func(l *asyncio.EventLoop, info asyncio.ExceptionInfo) {
		calls++
		info.Message = "again"
		l.CallExceptionHandler(info)
	})
	l.CallSoon(func() { panic("ouch") })
	turn(t, l)
	if calls != 1 || logged.count("again", "ouch") != 1 {
		t.Errorf("got %d calls and %q, want the second report logged", calls, logged.lines)
	}
	l.CallSoon(func() { panic("another") })
	turn(t, l)
	if calls != 2 {
		t.Errorf("got %d calls, want the handler to be called again", calls)
	}
}

// badHandler is a slog handler that panics.
type badHandler struct{ slog.Handler }

func (badHandler) Enabled(context.Context, slog.Level) bool  { return true }
func (badHandler) Handle(context.Context, slog.Record) error { panic("the log") }

func TestLoopSurvivesALogThatPanics(t *testing.T) { // LOOP-19
	captureLogs(t) // restores the default
	slog.SetDefault(slog.New(badHandler{}))
	l := newLoop(t)
	l.CallSoon(func() { panic("ouch") })
	var tr trace
	l.CallSoon(tr.step("goes on"))
	turn(t, l)
	tr.want(t, "goes on")
}

func TestUnretrievedFailuresAreReportedAtTheEnd(t *testing.T) { // FUT-10, TASK-12 (differ)
	noGoroutineLeft(t)
	l := asyncio.NewEventLoop(virtual())
	var r reports
	r.listen(l)
	ctx := l.Context()
	fail := func(name string) *asyncio.Task[int] {
		return asyncio.CreateTask(ctx, after(0, 0, errors.New(name)), asyncio.WithName(name))
	}
	fail("task")
	future := asyncio.NewFuture[int](ctx)
	wantErr(t, future.SetError(errBoom), nil)
	heard := []*asyncio.Task[int]{fail("Err"), fail("Result"), fail("Await"), fail("Cancel"), fail("Gather")}
	wantErr(t, l.RunUntilComplete(spawn(ctx, func(ctx context.Context) error { return asyncio.Sleep(ctx, time.Second) })), nil)
	_ = heard[0].Err()
	_, _ = heard[1].Result()
	_ = l.RunUntilComplete(spawn(ctx, func(ctx context.Context) error { _, _ = heard[2].Await(ctx); return nil }))
	heard[3].Cancel(nil)
	_ = l.RunUntilComplete(asyncio.Gather(ctx, heard[4]))
	ignored := asyncio.CreateTask(ctx, after(time.Hour, 0, nil))
	ignored.Cancel(nil) // a cancellation is no failure
	turn(t, l)
	if len(r) != 0 {
		t.Errorf("got reports %v before the end", r)
	}
	wantErr(t, l.Close(), nil)
	if len(r) != 2 || r[0].Err != errBoom || r[0].Name != "" || r[1].Name != "task" || r[1].Err.Error() != "task" {
		t.Errorf("got reports %+v, want the future's failure, then the task's", r)
	}
}

// What ends because its context ran out has not failed, whoever asked for it.
func TestRunningOutOfTimeIsNoUnretrievedFailure(t *testing.T) {
	simulate(t, func(ctx context.Context) error { // reports what is not retrieved
		_, err := asyncio.Timeout(ctx, time.Second, func(ctx context.Context) (int, error) {
			child := asyncio.CreateTask(ctx, after(time.Hour, 0, nil))
			wrapped := spawn(ctx, func(ctx context.Context) error {
				return fmt.Errorf("read: %w", asyncio.Sleep(ctx, time.Hour))
			})
			_ = asyncio.Gather(ctx, child)
			_ = asyncio.Wait(ctx, []*asyncio.Task[none]{wrapped})
			return 0, asyncio.Sleep(ctx, time.Hour)
		})
		wantErr(t, err, context.DeadlineExceeded)
		return nil
	})
	// Another failure at the same time is one.
	l := asyncio.NewEventLoop(virtual())
	var r reports
	r.listen(l)
	limited, cancel := asyncio.WithTimeout(l.Context(), time.Second)
	defer cancel()
	spawn(limited, func(ctx context.Context) error { return errors.Join(asyncio.Sleep(ctx, time.Hour), errBoom) })
	wantErr(t, l.RunUntilComplete(asyncio.CreateTask(l.Context(), after(time.Minute, 0, nil))), nil)
	wantErr(t, l.Close(), nil)
	if len(r) != 1 || !errors.Is(r[0].Err, errBoom) {
		t.Errorf("got reports %v, want the failure", r)
	}
}

func TestUnretrievedFailuresAreBounded(t *testing.T) {
	noGoroutineLeft(t)
	l := asyncio.NewEventLoop(virtual())
	var r reports
	r.listen(l)
	const n = 12_000
	for range n {
		_ = asyncio.NewFuture[int](l.Context()).SetError(errBoom)
	}
	if len(r) == 0 || len(r) == n {
		t.Errorf("got %d of %d reported, want the oldest only", len(r), n)
	}
	wantErr(t, l.Close(), nil)
	if len(r) != n {
		t.Errorf("got %d reports, want %d: each once", len(r), n)
	}
}

func TestGoexitInTheHandlerEndsTheRun(t *testing.T) {
	l := newLoop(t)
	l.SetExceptionHandler(func(*asyncio.EventLoop, asyncio.ExceptionInfo) { runtime.Goexit() }) // as t.FailNow does
	l.CallSoon(func() { panic("ouch") })
	if outlives(func() { _ = l.RunForever() }) {
		t.Error("the run went on")
	}
	if l.IsRunning() {
		t.Error("the loop still runs")
	}
	l.SetExceptionHandler(nil)
	turn(t, l)
}
