package asyncio_test

// Debug mode.

import (
	"context"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// onAnotherGoroutine calls f and returns what it panicked with, nil if it did not.
func onAnotherGoroutine(f func()) (panicked any) {
	over := make(chan none)
	go func() {
		defer close(over)
		defer func() { panicked = recover() }()
		f()
	}()
	<-over
	return panicked
}

func TestDebugModeFindsTheWrongGoroutine(t *testing.T) { // LOOP-22
	l := newLoop(t, asyncio.WithDebug(true))
	calls := map[string]func(){
		"CallSoon":   func() { l.CallSoon(func() {}) },
		"CallLater":  func() { l.CallLater(0, func() {}) },
		"CallAt":     func() { l.CallAt(0, func() {}) },
		"CreateTask": func() { asyncio.CreateTask(l.Context(), after(0, 0, nil)) },
		"SetResult":  func() { asyncio.NewFuture[int](l.Context()).SetResult(1) },
		"SetError":   func() { asyncio.NewFuture[int](l.Context()).SetError(context.Canceled) },
		"Cancel":     func() { asyncio.NewFuture[int](l.Context()).Cancel(nil) },
	}
	check := func(where string) {
		for name, call := range calls {
			wantPanic(t, "CallSoonThreadsafe", func() {
				if v := onAnotherGoroutine(call); v != nil {
					panic(v)
				}
				t.Errorf("%s in %s: nothing", name, where)
			})
			call() // from here it is right
		}
	}
	l.CallSoon(func() { check("a callback") })
	wantErr(t, l.RunUntilComplete(spawn(l.Context(), func(ctx context.Context) error {
		check("a task")
		err := asyncio.Sleep(ctx, time.Second)
		check("a task that has waited")
		return err
	})), nil)
	// A loop at rest may be set up by whoever holds it.
	for name, call := range calls {
		if v := onAnotherGoroutine(call); v != nil {
			t.Errorf("%s at rest: got panic %v", name, v)
		}
	}
	turn(t, l)
	turn(t, l)
}

func TestDebugModeWithEagerTasksAndPanics(t *testing.T) {
	captureLogs(t)
	l := newLoop(t, asyncio.WithDebug(true))
	l.CallSoon(func() { panic("ouch") })
	task := spawn(l.Context(), func(ctx context.Context) error {
		spawn(ctx, func(ctx context.Context) error {
			l.CallSoon(func() {})
			err := asyncio.Sleep(ctx, time.Second)
			l.CallSoon(func() {})
			return err
		}, asyncio.WithEagerStart())
		l.CallSoon(func() {})
		return asyncio.Sleep(ctx, time.Minute)
	})
	wantErr(t, l.RunUntilComplete(task), nil)
}

// The watchdog shows a step while it is stuck, and only then.
func TestWatchdogShowsWhereAStepIsStuck(t *testing.T) { // LOOP-23
	noGoroutineLeft(t)
	logged := captureLogs(t)
	l := asyncio.NewEventLoop(asyncio.WithDebug(true), asyncio.WithSlowCallbackThreshold(5*time.Millisecond))
	defer l.Close()
	idle := func() (reports int) {
		before := logged.count("holding the loop up")
		wantErr(t, l.RunUntilComplete(spawn(l.Context(), func(ctx context.Context) error {
			l.CallSoon(func() { panic("ouch") })
			return asyncio.Sleep(ctx, 50*time.Millisecond)
		})), nil)
		return logged.count("holding the loop up") - before
	}
	// A busy machine may hold one of the steps up, but not those of every run.
	for tries := 1; idle() > 0; tries++ {
		if tries == 20 {
			t.Fatalf("got %q, want nothing about an idle loop", logged.lines)
		}
	}
	wantErr(t, l.RunUntilComplete(spawn(l.Context(), func(ctx context.Context) error {
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
		stuckHere(func() bool { return logged.count("holding the loop up", "stuckHere") > 0 })
		return nil
	})), nil)
	if got := logged.count("holding the loop up", "stuckHere"); got != 1 {
		t.Errorf("got %q, want the stack of the step, once", logged.lines)
	}
}

func stuckHere(enough func() bool) { settles(enough) }

// steps is a clock that test steps move by hand.
type steps struct{ aiotest.Clock }

func TestDebugModeLogsSlowSteps(t *testing.T) { // LOOP-23
	logged := captureLogs(t)
	c := new(steps)
	l := newLoop(t, asyncio.WithClock(c), asyncio.WithDebug(true), asyncio.WithSlowCallbackThreshold(time.Second))
	spend := func(d time.Duration) { c.AdvanceTo(c.Now() + d) }
	l.CallSoon(func() { spend(time.Second - 1) })
	turn(t, l)
	if got := len(logged.lines); got != 0 {
		t.Errorf("got %q, want nothing about a quick step", logged.lines)
	}
	l.CallSoon(func() { spend(time.Second) })
	turn(t, l)
	if got := logged.count("callback", "took=1s"); got != 1 {
		t.Errorf("got %q, want the callback", logged.lines)
	}
	task := spawn(l.Context(), func(ctx context.Context) error {
		spend(2 * time.Second)
		err := asyncio.Sleep(ctx, 0)
		spend(3 * time.Second)
		return err
	}, asyncio.WithName("hog"))
	wantErr(t, l.RunUntilComplete(task), nil)
	if logged.count("task hog", "took=2s") != 1 || logged.count("task hog", "took=3s") != 1 {
		t.Errorf("got %q, want the task's two steps", logged.lines)
	}
	l.SetDebug(false)
	l.CallSoon(func() { spend(time.Hour) })
	turn(t, l)
	if got := logged.count("took=1h"); got != 0 {
		t.Errorf("got %q, want nothing with debug mode off", logged.lines)
	}
}

func TestDebugModeMayChangeDuringARun(t *testing.T) {
	l := newLoop(t)
	task := spawn(l.Context(), func(ctx context.Context) error {
		for i := range 4 {
			l.SetDebug(i%2 == 0)
			if l.Debug() != (i%2 == 0) {
				t.Error("Debug does not say what SetDebug set")
			}
			l.CallSoon(func() { l.CallSoon(func() {}) })
			if err := asyncio.Sleep(ctx, time.Second); err != nil {
				return err
			}
		}
		return nil
	})
	wantErr(t, l.RunUntilComplete(task), nil)
}
