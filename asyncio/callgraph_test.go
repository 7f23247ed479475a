package asyncio_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func TestCallGraphPrintsWhoAwaitsWhom(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		sleeper := asyncio.CreateTask(ctx, after(time.Second, 1, nil), asyncio.WithName("sleeper"))
		for _, name := range []string{"first", "second"} {
			asyncio.CreateTask(ctx, sleeper.Await, asyncio.WithName(name))
		}
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
		lines := strings.Split(asyncio.CaptureCallGraph(ctx).String(), "\n")
		want := []string{"Task-1 running", "sleeper waits for Sleep", "    first waits for Task sleeper", "    second waits for Task sleeper"}
		if len(lines) != len(want) {
			t.Fatalf("got %q, want %d lines", lines, len(want))
		}
		for i, line := range lines {
			if !strings.HasPrefix(line, want[i]) {
				t.Errorf("got %q, want it to begin with %q", line, want[i])
			}
		}
		return asyncio.Sleep(ctx, 2*time.Second)
	})
}

func TestCallGraphSeesThroughCombinators(t *testing.T) {
	waits := map[string]func(ctx context.Context, a, b *asyncio.Task[int]) error{
		"Future": func(ctx context.Context, a, b *asyncio.Task[int]) error {
			_, err := asyncio.Gather(ctx, a, b).Await(ctx)
			return err
		},
		"AsCompleted": func(ctx context.Context, a, b *asyncio.Task[int]) error {
			for _, err := range asyncio.AsCompleted(ctx, []*asyncio.Task[int]{a, b}) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"Group": func(ctx context.Context, a, b *asyncio.Task[int]) error {
			return asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
				asyncio.CreateTaskIn(g, a.Await, asyncio.WithName("a"))
				asyncio.CreateTaskIn(g, b.Await, asyncio.WithName("b"))
				return nil
			})
		},
	}
	for reason, wait := range waits {
		aiotest.Run(t, func(ctx context.Context) error {
			a := asyncio.CreateTask(ctx, after(time.Second, 1, nil), asyncio.WithName("a"))
			b := asyncio.CreateTask(ctx, after(time.Second, 2, nil), asyncio.WithName("b"))
			asyncio.CreateTask(ctx, func(ctx context.Context) (none, error) { return none{}, wait(ctx, a, b) }, asyncio.WithName("waiter"))
			for range 3 {
				if err := asyncio.Sleep(ctx, 0); err != nil {
					return err
				}
			}
			if got, want := asyncio.CaptureCallGraph(ctx).String(), "waiter waits for "+reason+" a, b"; !strings.Contains(got, want) {
				t.Errorf("got %s, want something with %q", got, want)
			}
			return asyncio.Sleep(ctx, 2*time.Second)
		})
	}
}

func TestCallGraphShowsCycles(t *testing.T) {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
		var a, b *asyncio.Task[int]
		a = asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) { return b.Await(ctx) }, asyncio.WithName("a"))
		b = asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) { return a.Await(ctx) }, asyncio.WithName("b"))
		_, err := asyncio.Wait(ctx, []*asyncio.Task[int]{a, b}).Await(ctx)
		return none{}, err
	})
	var deadlock *asyncio.DeadlockError
	if !errors.As(err, &deadlock) {
		t.Fatalf("got %v, want a deadlock", err)
	}
	for _, want := range []string{"cycle:", "a waits for Task b", "b waits for Task a", "a, and so on", "callgraph_test.go"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want something with %q", err, want)
		}
	}
}

func TestStatsCountWhatTheLoopHas(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		l := asyncio.RunningLoop(ctx)
		before := l.Stats()
		task := asyncio.CreateTask(ctx, after(time.Second, 1, nil))
		handle := l.CallLater(time.Hour, func() {})
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
		now := l.Stats()
		if now.Tasks != 2 || now.Timers != 2 || now.Created != before.Created+1 || now.Turns <= before.Turns || now.Steps <= before.Steps {
			t.Errorf("got %+v after %+v, want one task and two timers more", now, before)
		}
		handle.Cancel()
		if _, err := task.Await(ctx); err != nil {
			return err
		}
		if now := l.Stats(); now.Tasks != 1 || now.Timers != 0 || now.Workers != 1 {
			t.Errorf("got %+v, want the main task alone and a worker in the pool", now)
		}
		return nil
	})
}

func TestStepTimesAreRecordedInDebugMode(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		for range 10 {
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return err
			}
		}
		h := asyncio.RunningLoop(ctx).Stats().StepTime
		if h.Count < 10 || h.Buckets[0] != h.Count || h.Quantile(0.99) != h.Longest {
			t.Errorf("got %v, want ten steps or more that took no virtual time", h)
		}
		return nil
	}, aiotest.WithLoopOptions(asyncio.WithDebug(true)))
}
