package asyncio_test

// From a plain program onto a loop: Run, Runner and the options that change what a loop is.
// The clock is virtual: none of them takes time.

import (
	"context"
	"fmt"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func ExampleRun() {
	greeting, err := asyncio.Run(context.Background(), func(ctx context.Context) (string, error) {
		if err := asyncio.Sleep(ctx, time.Second); err != nil {
			return "", err
		}
		return "hello", nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	fmt.Println(greeting, err)
	// Output: hello <nil>
}

// What main leaves behind does not outlive the run: it is cancelled and awaited.
func ExampleRun_leftovers() {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
			defer fmt.Println("heartbeat has ended")
			for {
				fmt.Println("heartbeat")
				if err := asyncio.Sleep(ctx, time.Minute); err != nil {
					return struct{}{}, err
				}
			}
		})
		return struct{}{}, asyncio.Sleep(ctx, 90*time.Second)
	}, asyncio.WithClock(new(aiotest.Clock)))
	fmt.Println("the run is over:", err)
	// Output:
	// heartbeat
	// heartbeat
	// heartbeat has ended
	// the run is over: <nil>
}

// The run ends when the context it was given does.
func ExampleRun_context() {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(fmt.Errorf("not today"))
	_, err := asyncio.Run(ctx, func(ctx context.Context) (struct{}, error) {
		fmt.Println("never printed")
		return struct{}{}, nil
	})
	fmt.Println(err)
	// Output: asyncio: cancelled: not today
}

// A Runner keeps its loop, and the tasks on it, from one main to the next.
func ExampleRunner() {
	r := asyncio.NewRunner(asyncio.WithClock(new(aiotest.Clock)))
	defer r.Close()

	download, _ := asyncio.RunWith(r, context.Background(), func(ctx context.Context) (*asyncio.Task[string], error) {
		return asyncio.CreateTask(ctx, func(ctx context.Context) (string, error) {
			return "page", asyncio.Sleep(ctx, time.Minute)
		}), nil
	})
	fmt.Println("between the runs:", download)

	page, err := asyncio.RunWith(r, context.Background(), download.Await)
	fmt.Println(page, err)
	// Output:
	// between the runs: Task(Task-2, suspended)
	// page <nil>
}

// The loop is there before anything runs, to be set up or given to other goroutines.
func ExampleRunner_Loop() {
	r := asyncio.NewRunner()
	defer r.Close()
	loop := r.Loop()
	loop.CallSoon(func() { fmt.Println("before main") })
	_, _ = asyncio.RunWith(r, context.Background(), func(ctx context.Context) (struct{}, error) {
		fmt.Println("main, on the same loop:", asyncio.RunningLoop(ctx) == loop)
		return struct{}{}, nil
	})
	// Output:
	// before main
	// main, on the same loop: true
}

// A virtual clock stands still while something runs and jumps when nothing does.
func ExampleWithClock() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		loop := asyncio.RunningLoop(ctx)
		fmt.Println(loop.Time(), loop.Wall().Format(time.DateTime))
		err := asyncio.Sleep(ctx, 36*time.Hour)
		fmt.Println(loop.Time(), loop.Wall().Format(time.DateTime))
		return struct{}{}, err
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// 0s 2024-01-01 00:00:00
	// 36h0m0s 2024-01-02 12:00:00
}

// A task that does not react to cancellation does not keep a run from ending.
func ExampleWithGrace() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		asyncio.RunningLoop(ctx).SetExceptionHandler(func(l *asyncio.EventLoop, info asyncio.ExceptionInfo) {
			fmt.Println(l.Time(), info.Name+":", info.Message)
		})
		asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
			defer fmt.Println("deferred calls run even so")
			for {
				_ = asyncio.Sleep(context.WithoutCancel(ctx), time.Second)
			}
		}, asyncio.WithName("stubborn"))
		return struct{}{}, asyncio.Sleep(ctx, time.Minute)
	}, asyncio.WithClock(new(aiotest.Clock)), asyncio.WithGrace(5*time.Second))
	// Output:
	// 1m5s stubborn: a task did not end and was ended by force
	// deferred calls run even so
}

// A picker replaces the order in which a turn runs what is ready, to try out others.
func ExampleWithPicker() {
	newestFirst := func(n int) int { return n - 1 }
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		var tasks []*asyncio.Task[struct{}]
		for i := range 3 {
			tasks = append(tasks, asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
				fmt.Println("task", i)
				return struct{}{}, nil
			}))
		}
		_, err := asyncio.Gather(ctx, tasks...).Await(ctx)
		return struct{}{}, err
	}, asyncio.WithPicker(newestFirst))
	// Output:
	// task 2
	// task 1
	// task 0
}
