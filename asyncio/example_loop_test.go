package asyncio_test

// The loop itself, in the classic style: made by hand, run until something is done, and
// used for callbacks without any task. The clock is virtual: none of them takes time.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func ExampleNewEventLoop() {
	loop := asyncio.NewEventLoop()
	defer loop.Close()

	answer := asyncio.CreateTask(loop.Context(), func(ctx context.Context) (int, error) {
		return 42, nil
	})
	fmt.Println(answer.Done())
	err := loop.RunUntilComplete(answer)
	fmt.Println(answer.Result())
	fmt.Println(err)
	// Output:
	// false
	// 42 <nil>
	// <nil>
}

// Callbacks that were added to what the loop runs for have run when it returns.
func ExampleEventLoop_RunUntilComplete() {
	loop := asyncio.NewEventLoop(asyncio.WithClock(new(aiotest.Clock)))
	defer loop.Close()

	nap := asyncio.EnsureFuture(loop.Context(), func(ctx context.Context) (string, error) {
		return "rested", asyncio.Sleep(ctx, time.Hour)
	})
	nap.AddDoneCallback(func(*asyncio.Future[string]) { fmt.Println("awake at", loop.Time()) })
	err := loop.RunUntilComplete(nap)
	fmt.Println("back with", err)
	// Output:
	// awake at 1h0m0s
	// back with <nil>
}

func ExampleEventLoop_RunForever() {
	loop := asyncio.NewEventLoop(asyncio.WithClock(new(aiotest.Clock)))
	defer loop.Close()

	var tick func()
	tick = func() {
		fmt.Println("tick", loop.Time())
		loop.CallLater(time.Second, tick)
	}
	loop.CallSoon(tick)
	loop.CallAt(2500*time.Millisecond, loop.Stop)
	err := loop.RunForever()
	fmt.Println("stopped at", loop.Time(), err)
	// Output:
	// tick 0s
	// tick 1s
	// tick 2s
	// stopped at 2.5s <nil>
}

// A stopped run can be taken up again: nothing is lost.
func ExampleEventLoop_Stop() {
	loop := asyncio.NewEventLoop(asyncio.WithClock(new(aiotest.Clock)))
	defer loop.Close()

	nap := asyncio.CreateTask(loop.Context(), func(ctx context.Context) (string, error) {
		return "rested", asyncio.Sleep(ctx, time.Hour)
	})
	loop.CallLater(time.Minute, loop.Stop)
	err := loop.RunUntilComplete(nap)
	fmt.Println(errors.Is(err, asyncio.ErrLoopStopped), nap.Done())

	err = loop.RunUntilComplete(nap)
	fmt.Println(err, nap.Done())
	// Output:
	// true false
	// <nil> true
}

// Callbacks never run inside the call that schedules them, and what a turn schedules waits
// for the next.
func ExampleEventLoop_CallSoon() {
	loop := asyncio.NewEventLoop()
	defer loop.Close()

	loop.CallSoon(func() {
		fmt.Println("one")
		loop.CallSoon(func() { fmt.Println("three") })
		loop.CallSoon(loop.Stop)
	})
	loop.CallSoon(func() { fmt.Println("two") })
	fmt.Println("nothing has run yet")
	_ = loop.RunForever()
	// Output:
	// nothing has run yet
	// one
	// two
	// three
}

func ExampleEventLoop_CallLater() {
	loop := asyncio.NewEventLoop(asyncio.WithClock(new(aiotest.Clock)))
	defer loop.Close()

	loop.CallLater(2*time.Second, func() { fmt.Println("second") })
	loop.CallLater(time.Second, func() { fmt.Println("first") })
	never := loop.CallLater(3*time.Second, func() { fmt.Println("never printed") })
	never.Cancel()
	fmt.Println("cancelled:", never.Cancelled(), "was due at", never.When())
	loop.CallLater(time.Minute, loop.Stop)
	_ = loop.RunForever()
	// Output:
	// cancelled: true was due at 3s
	// first
	// second
}

// Equal deadlines fire in the order in which they were made.
func ExampleEventLoop_CallAt() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		loop := asyncio.RunningLoop(ctx)
		noon := loop.Time() + 12*time.Hour
		for _, bell := range []string{"ding", "dong"} {
			loop.CallAt(noon, func() { fmt.Println(bell, loop.Time()) })
		}
		return struct{}{}, asyncio.Sleep(ctx, 24*time.Hour)
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// ding 12h0m0s
	// dong 12h0m0s
}

// LoopFrom is RunningLoop for code that can do without a loop.
func ExampleLoopFrom() {
	where := func(ctx context.Context) string {
		if _, ok := asyncio.LoopFrom(ctx); ok {
			return "on a loop"
		}
		return "elsewhere"
	}
	fmt.Println(where(context.Background()))
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		fmt.Println(where(ctx))
		return struct{}{}, nil
	})
	// Output:
	// elsewhere
	// on a loop
}
