package asyncio_test

// Deadlock: when it is an error, when it is a log entry, and what the report says.

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func forever(ctx context.Context) (int, error) { return asyncio.NewFuture[int](ctx).Await(ctx) }

func TestDeadlockEndsARunThatNobodyCanWake(t *testing.T) { // new, design: deadlock
	noGoroutineLeft(t)
	var main *asyncio.Task[int]
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		worker := asyncio.CreateTask(ctx, forever, asyncio.WithName("worker"))
		main = asyncio.CreateTask(ctx, worker.Await, asyncio.WithName("boss"))
		asyncio.CurrentTask(ctx).SetName("main")
		if err := asyncio.Sleep(ctx, time.Millisecond); err != nil {
			return 0, err
		}
		return main.Await(ctx)
	})
	var d *asyncio.DeadlockError
	if !errors.As(err, &d) {
		t.Fatalf("got %v, want a *DeadlockError", err)
	}
	text := err.Error()
	for _, want := range []string{"main", "boss", "worker", "deadlock_test.go", "forever"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report does not name %s:\n%s", want, text)
		}
	}
}

func TestTasksOfADeadlockAreCleanedUp(t *testing.T) {
	noGoroutineLeft(t)
	var tr trace
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		v, err := forever(ctx)
		tr.add("cancelled: %v", errors.Is(err, context.Canceled))
		return v, err
	})
	var d *asyncio.DeadlockError
	if !errors.As(err, &d) {
		t.Errorf("got %v, want a *DeadlockError", err)
	}
	tr.want(t, "cancelled: true")
}

func TestDeadlockErrorOption(t *testing.T) {
	l := newLoop(t, asyncio.WithDeadlockError(true))
	ctx := l.Context()
	f := asyncio.NewFuture[int](ctx)
	task := asyncio.CreateTask(ctx, f.Await)
	var d *asyncio.DeadlockError
	if err := l.RunUntilComplete(task); !errors.As(err, &d) {
		t.Fatalf("got %v, want a *DeadlockError", err)
	}
	if task.Done() {
		t.Errorf("got %v, want a task that still waits", task)
	}
	// The loop is usable, and the task can still be woken.
	wantErr(t, f.SetResult(7), nil)
	wantErr(t, l.RunUntilComplete(task), nil)
}

// A loop that somebody outside holds may still be woken: it says what is stuck, once.
func TestDeadlockOfAHandedOutLoopIsLoggedOnce(t *testing.T) {
	noGoroutineLeft(t)
	logged := captureLogs(t)
	start := time.Now()
	v, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		l := asyncio.RunningLoop(ctx)
		f := asyncio.NewFuture[int](ctx)
		go func() {
			for logged.count("deadlock") == 0 {
				if time.Since(start) > time.Minute {
					t.Error("nothing was logged")
					break
				}
				<-time.After(5 * time.Millisecond)
			}
			// What does not help the tasks is no reason to say it again.
			for range 3 {
				_ = l.CallSoonThreadsafe(func() {})
				<-time.After(5 * time.Millisecond)
			}
			_ = l.CallSoonThreadsafe(func() { _ = f.SetResult(7) })
		}()
		asyncio.CurrentTask(ctx).SetName("stuck")
		// A wake-up that comes after what it was for does not shorten the second.
		if err := l.CallSoonThreadsafe(func() {}); err != nil {
			return 0, err
		}
		return f.Await(ctx)
	})
	if v != 7 || err != nil {
		t.Errorf("got %v, %v, want 7", v, err)
	}
	if got := logged.count("deadlock", "stuck", "deadlock_test.go"); got != 1 {
		t.Errorf("got %q, want one report", logged.lines)
	}
	if waited := time.Since(start); waited < time.Second {
		t.Errorf("logged after %v, want a second of silence", waited)
	}
}

func TestWhatMayStillWakeTheLoopIsNoDeadlock(t *testing.T) {
	tests := map[string]func(ctx context.Context) (int, error){
		"timer": after(time.Millisecond, 7, nil),
		"job": func(ctx context.Context) (int, error) {
			return asyncio.ToThread(ctx, func(context.Context) (int, error) { <-time.After(20 * time.Millisecond); return 7, nil })
		},
		"standard deadline": func(ctx context.Context) (int, error) {
			limited, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
			defer cancel()
			_, err := forever(limited)
			if !errors.Is(err, context.DeadlineExceeded) {
				return 0, err
			}
			return 7, nil
		},
		"cancelled on the loop": func(ctx context.Context) (int, error) {
			derived, cancel := context.WithCancel(ctx)
			defer cancel()
			task := asyncio.CreateTask(derived, forever)
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return 0, err
			}
			cancel()
			if _, err := task.Await(ctx); !errors.Is(err, context.Canceled) {
				return 0, err
			}
			return 7, nil
		},
	}
	for name, main := range tests {
		t.Run(name, func(t *testing.T) {
			noGoroutineLeft(t)
			if v, err := asyncio.Run(context.Background(), main); v != 7 || err != nil {
				t.Errorf("got %v, %v, want 7", v, err)
			}
		})
	}
}

func TestReportShowsACycle(t *testing.T) {
	noGoroutineLeft(t)
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		var hen, egg *asyncio.Task[int]
		hen = asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) { return egg.Await(ctx) }, asyncio.WithName("hen"))
		egg = asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) { return hen.Await(ctx) }, asyncio.WithName("egg"))
		return egg.Await(ctx)
	})
	var d *asyncio.DeadlockError
	if !errors.As(err, &d) || !strings.Contains(err.Error(), "cycle") {
		t.Errorf("got %v, want a report that shows the cycle", err)
	}
}
