package asyncio_test

// The loop: what runs in a turn, stopping and going on, and what a closed or running loop
// refuses.

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func TestCallbacksRunInOrder(t *testing.T) { // LOOP-01
	l := newLoop(t)
	var tr trace
	for i := range 5 {
		l.CallSoon(tr.step(fmt.Sprint(i)))
	}
	turn(t, l)
	tr.want(t, "0", "1", "2", "3", "4")
}

func TestWhatATurnSchedulesWaitsForTheNext(t *testing.T) { // LOOP-02
	l := newLoop(t)
	var tr trace
	l.CallSoon(func() {
		tr.add("first")
		l.CallSoon(tr.step("scheduled"))
		l.CallLater(0, tr.step("timer"))
	})
	l.CallSoon(tr.step("second"))
	turn(t, l)
	tr.want(t, "first", "second")
	turn(t, l)
	tr.want(t, "first", "second", "scheduled", "timer")
}

func TestReadyCallbacksPrecedeDueTimers(t *testing.T) { // LOOP-04
	l := newLoop(t)
	var tr trace
	l.CallLater(0, tr.step("later 0"))
	l.CallSoon(tr.step("soon 1"))
	l.CallLater(-time.Second, tr.step("later -1"))
	l.CallSoon(tr.step("soon 2"))
	turn(t, l)
	tr.want(t, "soon 1", "soon 2", "later -1", "later 0")
}

func TestEqualDeadlinesFireInTheOrderTheyWereMade(t *testing.T) { // LOOP-05
	l := newLoop(t)
	var got []int
	for i := range 8 {
		l.CallAt(time.Second, func() { got = append(got, i) })
	}
	l.CallAt(2*time.Second, l.Stop)
	wantErr(t, l.RunForever(), nil)
	if want := []int{0, 1, 2, 3, 4, 5, 6, 7}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// jumps is a virtual clock that notes where it was advanced to.
type jumps struct {
	aiotest.Clock
	to []time.Duration
}

func (c *jumps) AdvanceTo(when time.Duration) {
	c.to = append(c.to, when)
	c.Clock.AdvanceTo(when)
}

func TestCancelledTimerDoesNotWakeTheLoop(t *testing.T) { // LOOP-06, LOOP-07
	c := new(jumps)
	l := newLoop(t, asyncio.WithClock(c))
	for i := range 200 {
		l.CallLater(time.Duration(i)*time.Millisecond, func() { t.Error("a cancelled timer fired") }).Cancel()
	}
	h := l.CallLater(10*time.Second, l.Stop)
	wantErr(t, l.RunForever(), nil)
	if want := []time.Duration{10 * time.Second}; !slices.Equal(c.to, want) {
		t.Errorf("got waits until %v, want %v", c.to, want)
	}
	if h.When() != 10*time.Second {
		t.Errorf("got When %v, want 10s", h.When())
	}
}

// turns counts the turns that asked for the time, as each with a timer does.
type turns struct {
	asyncio.Clock
	asked int
}

func (c *turns) Now() time.Duration { c.asked++; return c.Clock.Now() }

func TestTinySleepsDoNotSpin(t *testing.T) { // LOOP-08
	real := realClock{time.Now()}
	c := &turns{Clock: real}
	l := newLoop(t, asyncio.WithClock(c))
	task := spawn(l.Context(), func(ctx context.Context) error {
		for d := 10 * time.Millisecond; d > 0; d /= 10 {
			if err := asyncio.Sleep(ctx, d); err != nil {
				return err
			}
		}
		return nil
	})
	wantErr(t, l.RunUntilComplete(task), nil)
	// Eight sleeps; each asks when it starts, once or twice while the loop is idle, and
	// in each of its two turns.
	if c.asked > 8*6 {
		t.Errorf("the loop looked at the clock %d times during 8 sleeps", c.asked)
	}
}

// realClock is the machine's clock from outside the package.
type realClock struct{ origin time.Time }

func (c realClock) Now() time.Duration { return time.Since(c.origin) }
func (c realClock) Wall() time.Time    { return time.Now() }

func TestStopLetsTheTurnEnd(t *testing.T) { // LOOP-10
	l := newLoop(t)
	var tr trace
	l.CallSoon(func() {
		l.Stop()
		l.CallSoon(tr.step("scheduled after stop"))
	})
	l.CallSoon(tr.step("sibling"))
	wantErr(t, l.RunForever(), nil)
	tr.want(t, "sibling")
	turn(t, l)
	tr.want(t, "sibling", "scheduled after stop")
}

func TestStoppedFutureCanBeRunAgain(t *testing.T) { // LOOP-11
	l := newLoop(t)
	task := asyncio.CreateTask(l.Context(), after(time.Second, 7, nil))
	l.CallSoon(l.Stop)
	wantErr(t, l.RunUntilComplete(task), asyncio.ErrLoopStopped)
	if task.Done() {
		t.Error("the task is done")
	}
	wantErr(t, l.RunUntilComplete(task), nil)
	if v, err := task.Result(); v != 7 || err != nil {
		t.Errorf("got %v, %v, want 7", v, err)
	}
}

func TestFutureDoneInTheTurnOfStopLeavesNoStaleStop(t *testing.T) { // LOOP-12
	l := newLoop(t)
	f := asyncio.NewFuture[int](l.Context())
	l.CallSoon(func() {
		_ = f.SetResult(1)
		l.Stop()
	})
	wantErr(t, l.RunUntilComplete(f), nil)
	slow := asyncio.CreateTask(l.Context(), after(time.Second, 2, nil))
	wantErr(t, l.RunUntilComplete(slow), nil)
}

func TestGoexitEndsTheRunAndTheLoopGoesOn(t *testing.T) { // LOOP-12, LOOP-13, TASK-17
	l := newLoop(t)
	task := asyncio.CreateTask(l.Context(), after(time.Second, 7, nil))
	var quitter *asyncio.Task[none]
	returned := outlives(func() {
		quitter = spawn(l.Context(), func(ctx context.Context) error {
			runtime.Goexit()
			return nil
		})
		_ = l.RunUntilComplete(task)
	})
	if returned {
		t.Fatal("RunUntilComplete returned after runtime.Goexit in a task")
	}
	if l.IsRunning() {
		t.Fatal("the loop still runs")
	}
	if !quitter.Done() || quitter.Err() == nil {
		t.Errorf("got %v, want a failed task", quitter)
	}
	wantErr(t, l.RunUntilComplete(task), nil)
	other := asyncio.CreateTask(l.Context(), after(time.Second, 8, nil))
	wantErr(t, l.RunUntilComplete(other), nil)
}

// outlives runs f on a goroutine and reports whether f returned, rather than ended the
// goroutine.
func outlives(f func()) bool {
	over := make(chan bool)
	go func() {
		returned := false
		defer func() { over <- returned }()
		f()
		returned = true
	}()
	return <-over
}

func TestGoexitInACallbackEndsTheRun(t *testing.T) {
	l := newLoop(t)
	var tr trace
	if outlives(func() {
		l.CallSoon(runtime.Goexit)
		l.CallSoon(tr.step("rest of the turn"))
		_ = l.RunForever()
	}) {
		t.Fatal("RunForever returned after runtime.Goexit in a callback")
	}
	turn(t, l)
	tr.want(t, "rest of the turn")
}

func TestRunUntilCompleteRefusesAnotherLoopsFuture(t *testing.T) { // LOOP-14
	l, other := newLoop(t), newLoop(t)
	f := asyncio.NewFuture[int](other.Context())
	wantPanic(t, "another event loop", func() { _ = l.RunUntilComplete(f) })
}

func TestLoopDoesNotNest(t *testing.T) { // LOOP-15, LOOP-16
	l := newLoop(t)
	done := asyncio.NewFuture[int](l.Context())
	wantErr(t, done.SetResult(1), nil)
	task := spawn(l.Context(), func(ctx context.Context) error {
		wantErr(t, l.RunForever(), asyncio.ErrLoopRunning)
		wantErr(t, l.RunUntilComplete(asyncio.NewFuture[int](ctx)), asyncio.ErrLoopRunning)
		wantErr(t, l.RunUntilComplete(done), asyncio.ErrLoopRunning)
		wantErr(t, l.Close(), asyncio.ErrLoopRunning)
		_, err := asyncio.Run(ctx, after(0, 1, nil))
		wantErr(t, err, asyncio.ErrLoopRunning)
		if !l.IsRunning() {
			t.Error("IsRunning is false inside a task")
		}
		// What was refused has not stopped the loop either.
		return asyncio.Sleep(ctx, time.Second)
	})
	wantErr(t, l.RunUntilComplete(task), nil)
	if l.IsRunning() {
		t.Error("IsRunning is true after the run")
	}
}

func TestClosedLoopRefusesWork(t *testing.T) { // LOOP-16, TASK-05
	l := asyncio.NewEventLoop()
	ctx := l.Context()
	pending := asyncio.NewFuture[int](ctx)
	for range 3 {
		wantErr(t, l.Close(), nil)
	}
	if !l.IsClosed() {
		t.Error("IsClosed is false")
	}
	wantErr(t, l.RunForever(), asyncio.ErrLoopClosed)
	wantErr(t, l.RunUntilComplete(pending), asyncio.ErrLoopClosed)
	wantErr(t, l.CallSoonThreadsafe(func() {}), asyncio.ErrLoopClosed)
	wantErr(t, ctx.Err(), context.Canceled)
	wantErr(t, context.Cause(ctx), asyncio.ErrLoopClosed)
	wantPanic(t, "closed event loop", func() { l.CallSoon(func() {}) })
	wantPanic(t, "closed event loop", func() { l.CallLater(1, func() {}) })
	wantPanic(t, "closed event loop", func() { l.CallAt(1, func() {}) })

	task := asyncio.CreateTask(ctx, func(context.Context) (int, error) {
		t.Error("a task ran on a closed loop")
		return 0, nil
	})
	if !task.Cancelled() {
		t.Errorf("got %v, want a cancelled task", task)
	}
	wantErr(t, task.Err(), asyncio.ErrLoopClosed)
	job := asyncio.RunInExecutor(l, func(context.Context) (int, error) { return 1, nil })
	wantErr(t, job.Err(), asyncio.ErrLoopClosed)
	_, err := asyncio.RunCoroutineThreadsafe(l, after(0, 1, nil)).Result(context.Background())
	wantErr(t, err, asyncio.ErrLoopClosed)
}

func TestNilFunctionsAreRefused(t *testing.T) {
	l := newLoop(t)
	ctx := l.Context()
	for name, f := range map[string]func(){
		"CallSoon":               func() { l.CallSoon(nil) },
		"CallLater":              func() { l.CallLater(1, nil) },
		"CallSoonThreadsafe":     func() { _ = l.CallSoonThreadsafe(nil) },
		"CreateTask":             func() { asyncio.CreateTask[int](ctx, nil) },
		"RunInExecutor":          func() { asyncio.RunInExecutor[int](l, nil) },
		"RunCoroutineThreadsafe": func() { asyncio.RunCoroutineThreadsafe[int](l, nil) },
		"AddDoneCallback":        func() { asyncio.NewFuture[int](ctx).AddDoneCallback(nil) },
		"Run":                    func() { _, _ = asyncio.Run[int](context.Background(), nil) },
	} {
		t.Run(name, func(t *testing.T) { wantPanic(t, "nil", f) })
	}
}

func TestContextWithoutALoopIsRefusedWithTheFix(t *testing.T) {
	ctx := context.Background()
	for name, f := range map[string]func(){
		"RunningLoop": func() { asyncio.RunningLoop(ctx) },
		"NewFuture":   func() { asyncio.NewFuture[int](ctx) },
		"CreateTask":  func() { asyncio.CreateTask(ctx, after(0, 1, nil)) },
		"Sleep":       func() { _ = asyncio.Sleep(ctx, 1) },
		"CurrentTask": func() { asyncio.CurrentTask(ctx) },
		"AllTasks":    func() { asyncio.AllTasks(ctx) },
		"WithTimeout": func() { _, _ = asyncio.WithTimeout(ctx, 1) },
	} {
		t.Run(name, func(t *testing.T) { wantPanic(t, "ctx that", f) })
	}
	if l, ok := asyncio.LoopFrom(ctx); ok || l != nil {
		t.Error("LoopFrom found a loop in context.Background")
	}
}

func TestSuspendingOutsideATaskIsRefused(t *testing.T) { // TMO-12
	l := newLoop(t)
	wantPanic(t, "outside a task", func() { _ = asyncio.Sleep(l.Context(), 1) })
	var r reports
	r.listen(l)
	l.CallSoon(func() { _ = asyncio.Sleep(l.Context(), 1) })
	turn(t, l)
	if len(r) != 1 {
		t.Errorf("got %d reports, want the callback's panic", len(r))
	}
}

func TestCancelledHandleIsNeverCalled(t *testing.T) { // LOOP-25
	l := newLoop(t)
	var tr trace
	h := l.CallSoon(tr.step("cancelled"))
	first := l.CallSoon(tr.step("ran"))
	var sibling *asyncio.Handle
	l.CallSoon(func() { sibling.Cancel() })
	sibling = l.CallSoon(tr.step("cancelled by a sibling"))
	timer := l.CallLater(0, tr.step("timer"))
	l.CallSoon(timer.Cancel) // it is in this turn already
	h.Cancel()
	turn(t, l)
	turn(t, l)
	tr.want(t, "ran")
	if !h.Cancelled() || !timer.Cancelled() || first.Cancelled() {
		t.Errorf("got cancelled %v %v %v, want true true false", h.Cancelled(), timer.Cancelled(), first.Cancelled())
	}
	first.Cancel() // too late, and harmless
}

func TestTimeNeverOverflows(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		l := asyncio.RunningLoop(ctx)
		if err := asyncio.Sleep(ctx, time.Second); err != nil {
			return err
		}
		l.CallLater(math.MaxInt64, func() { t.Error("a timer 292 years ahead fired") })
		long, cancel := asyncio.WithTimeout(ctx, math.MaxInt64)
		defer cancel()
		short, cancel := asyncio.WithTimeout(long, time.Minute)
		defer cancel()
		wantErr(t, asyncio.Sleep(short, math.MaxInt64), context.DeadlineExceeded)
		return long.Err()
	})
}

func TestRunningLoopIsTheLoopOfTheContext(t *testing.T) {
	l := newLoop(t)
	task := spawn(l.Context(), func(ctx context.Context) error {
		if got := asyncio.RunningLoop(ctx); got != l {
			return errors.New("RunningLoop is another loop")
		}
		if got, ok := asyncio.LoopFrom(ctx); got != l || !ok {
			return errors.New("LoopFrom is another loop")
		}
		return nil
	})
	wantErr(t, l.RunUntilComplete(task), nil)
}

func TestLoopsAreIndependent(t *testing.T) {
	var tr trace
	a, b := newLoop(t), newLoop(t)
	ta := spawn(a.Context(), func(ctx context.Context) error {
		tr.add("a before")
		// A loop may run inside a callback of another: they share nothing.
		inner := spawn(b.Context(), func(ctx context.Context) error {
			tr.add("b")
			return asyncio.Sleep(ctx, time.Second)
		})
		err := b.RunUntilComplete(inner)
		tr.add("a after")
		return err
	})
	wantErr(t, a.RunUntilComplete(ta), nil)
	tr.want(t, "a before", "b", "a after")
}
