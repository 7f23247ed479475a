package asyncio_test

// Finding out what goes on, and what went wrong: who waits for whom, deadlocks, failures that
// nobody asked for, figures. The clock is virtual: none of them takes time.

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// The graph's String prints it as a tree with files and lines; here are its parts.
func ExampleCaptureCallGraph() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		var turnstile asyncio.Lock
		_ = turnstile.Acquire(ctx)
		visitor := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, turnstile.Acquire(ctx)
		}, asyncio.WithName("visitor"))
		asyncio.CreateTask(ctx, visitor.Await, asyncio.WithName("friend"))
		if err := asyncio.Sleep(ctx, time.Second); err != nil {
			return struct{}{}, err
		}
		g := asyncio.CaptureCallGraph(ctx)
		for _, t := range g.Tasks {
			fmt.Printf("%s: %s", t.Name, t.State)
			if t.State == "suspended" {
				fmt.Printf(" in %s", t.For)
			}
			for _, i := range t.Awaits {
				fmt.Printf(" of %s", g.Tasks[i].Name)
			}
			fmt.Println()
		}
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// Task-1: running
	// visitor: suspended in Lock.Acquire
	// friend: suspended in Task of visitor
}

// Tasks that nothing can wake end the run with an error that says who waits for what.
func ExampleDeadlockError() {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		var fork, knife asyncio.Lock
		eat := func(first, second *asyncio.Lock) asyncio.Coroutine[struct{}] {
			return func(ctx context.Context) (struct{}, error) {
				if err := first.Acquire(ctx); err != nil {
					return struct{}{}, err
				}
				defer first.Release()
				if err := asyncio.Sleep(ctx, time.Second); err != nil {
					return struct{}{}, err
				}
				return struct{}{}, second.With(ctx, func() error { return nil })
			}
		}
		ada := asyncio.CreateTask(ctx, eat(&fork, &knife), asyncio.WithName("ada"))
		bob := asyncio.CreateTask(ctx, eat(&knife, &fork), asyncio.WithName("bob"))
		_, err := asyncio.Gather(ctx, ada, bob).Await(ctx)
		return struct{}{}, err
	}, asyncio.WithClock(new(aiotest.Clock)))

	var deadlock *asyncio.DeadlockError
	if errors.As(err, &deadlock) {
		for _, t := range deadlock.Graph.Tasks {
			fmt.Println(t.Name, "waits for", t.For)
		}
	}
	// Output:
	// Task-1 waits for Future
	// ada waits for Lock.Acquire
	// bob waits for Lock.Acquire
}

// A loop that was handed out might still be woken by whoever holds it: a deadlock is logged,
// unless the loop is told that it is one.
func ExampleWithDeadlockError() {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		loop := asyncio.RunningLoop(ctx) // for all we know somebody was given it
		return asyncio.NewFuture[int](loop.Context()).Await(ctx)
	}, asyncio.WithDeadlockError(true))
	var deadlock *asyncio.DeadlockError
	fmt.Println(errors.As(err, &deadlock), len(deadlock.Graph.Tasks))
	// Output: true 1
}

func ExampleTask_Stack() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		t := asyncio.CreateTask(ctx, waitOutside)
		if err := asyncio.Sleep(ctx, time.Second); err != nil {
			return struct{}{}, err
		}
		for _, f := range t.Stack() {
			fmt.Println(f.Function[strings.LastIndex(f.Function, ".")+1:])
		}
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// ringTwice
	// waitOutside
}

func waitOutside(ctx context.Context) (struct{}, error) { return struct{}{}, ringTwice(ctx) }

//go:noinline
func ringTwice(ctx context.Context) error { return asyncio.Sleep(ctx, time.Hour) }

// A failed task whose error nobody asks for, and a callback that panics, are reported. The
// default handler logs them.
func ExampleEventLoop_SetExceptionHandler() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		loop := asyncio.RunningLoop(ctx)
		loop.SetExceptionHandler(func(_ *asyncio.EventLoop, info asyncio.ExceptionInfo) {
			var panicked *asyncio.PanicError
			if errors.As(info.Err, &panicked) {
				info.Err = fmt.Errorf("panic: %v", panicked.Value)
			}
			fmt.Printf("%s: %v (%s)\n", info.Message, info.Err, info.Name)
		})
		loop.CallSoon(func() { panic("oops") })
		asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, errors.New("disk full")
		}, asyncio.WithName("saver"))
		return struct{}{}, asyncio.Sleep(ctx, time.Second)
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// a callback panicked: panic: oops ()
	// the error of a task was never retrieved: disk full (saver)
}

func ExampleEventLoop_CallExceptionHandler() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		loop := asyncio.RunningLoop(ctx)
		loop.SetExceptionHandler(func(_ *asyncio.EventLoop, info asyncio.ExceptionInfo) {
			fmt.Println(info.Message+":", info.Err)
		})
		loop.CallExceptionHandler(asyncio.ExceptionInfo{Message: "cache not written", Err: errors.New("disk full")})
		return struct{}{}, nil
	})
	// Output: cache not written: disk full
}

func ExampleEventLoop_Stats() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		for range 3 {
			asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
				return struct{}{}, asyncio.Sleep(ctx, time.Hour)
			})
		}
		if err := asyncio.Sleep(ctx, time.Second); err != nil {
			return struct{}{}, err
		}
		s := asyncio.RunningLoop(ctx).Stats()
		fmt.Println("tasks:", s.Tasks, "timers:", s.Timers, "ready:", s.Ready)
		fmt.Println("created:", s.Created, "turns:", s.Turns > 0)
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// tasks: 4 timers: 3 ready: 0
	// created: 4 turns: true
}

// Debug mode panics on mistakes that could stay unseen, such as using a loop's things on
// another goroutine.
func ExampleWithDebug() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		loop := asyncio.RunningLoop(ctx)
		_, err := asyncio.ToThread(ctx, func(context.Context) (struct{}, error) {
			loop.CallSoon(func() {}) // should be CallSoonThreadsafe
			return struct{}{}, nil
		})
		var panicked *asyncio.PanicError
		fmt.Println(errors.As(err, &panicked))
		return struct{}{}, nil
	}, asyncio.WithDebug(true))
	// Output: true
}

// In debug mode the loop also counts how long steps take.
func ExampleLatencyHistogram() {
	h := asyncio.LatencyHistogram{Count: 4, Longest: 3 * time.Millisecond}
	h.Buckets[4], h.Buckets[12] = 3, 1 // three of 8 to 16 µs, one of 2 to 4 ms
	fmt.Println(h.Quantile(0.5), h.Quantile(1))
	fmt.Println(h)
	// Output:
	// 16µs 3ms
	// 4 steps, longest 3ms; <16µs: 3; <4.096ms: 1
}
