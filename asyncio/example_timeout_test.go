package asyncio_test

// Limits in time, and what is exempt from them. The clock is virtual: none of them takes
// time. The function fetch is in example_combine_test.go.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func ExampleTimeout() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		page, err := asyncio.Timeout(ctx, 10*time.Second, fetch("fast", 1))
		fmt.Println(page, err)

		_, err = asyncio.Timeout(ctx, 10*time.Second, fetch("slow", 60))
		fmt.Println(errors.Is(err, context.DeadlineExceeded), asyncio.RunningLoop(ctx).Time())
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// <fast> <nil>
	// true 11s
}

// The error of a deadline is a timeout in the sense of package net too.
func ExampleTimeout_netError() {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (string, error) {
		return asyncio.Timeout(ctx, time.Second, fetch("slow", 60))
	}, asyncio.WithClock(new(aiotest.Clock)))
	var timeout net.Error
	fmt.Println(errors.As(err, &timeout) && timeout.Timeout())
	// Output: true
}

// WithTimeout limits several steps together. The innermost limit that expires ends what is
// under it; what is outside goes on.
func ExampleWithTimeout() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		limited, cancel := asyncio.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		for i := 1; ; i++ {
			page, err := fetch("part", 2)(limited)
			if err != nil {
				fmt.Println(i, errors.Is(err, context.DeadlineExceeded))
				break
			}
			fmt.Println(i, page)
		}
		fmt.Println(ctx.Err(), limited.Err())
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// 1 <part>
	// 2 <part>
	// 3 true
	// <nil> context deadline exceeded
}

// WithDeadline takes a point in the loop's time, to which several can keep.
func ExampleWithDeadline() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		loop := asyncio.RunningLoop(ctx)
		closing := loop.Time() + 8*time.Hour
		shift, cancel := asyncio.WithDeadline(ctx, closing)
		defer cancel()
		err := asyncio.Sleep(shift, 24*time.Hour)
		fmt.Println(loop.Time(), errors.Is(err, context.DeadlineExceeded))
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output: 8h0m0s true
}

// WaitFor limits a task that runs already. It cancels the task and lets it clean up before it
// returns.
func ExampleWaitFor() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		loop := asyncio.RunningLoop(ctx)
		t := asyncio.CreateTask(ctx, func(ctx context.Context) (string, error) {
			err := asyncio.Sleep(ctx, time.Hour)
			_ = asyncio.Sleep(context.WithoutCancel(ctx), time.Second)
			fmt.Println("cleaned up at", loop.Time())
			return "", err
		})
		_, err := asyncio.WaitFor(ctx, time.Minute, t)
		fmt.Println(errors.Is(err, context.DeadlineExceeded), t.Cancelled(), loop.Time())
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// cleaned up at 1m1s
	// true true 1m1s
}

// Shield lets something that was begun come to its end, whether or not anybody waits for it.
func ExampleShield() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		loop := asyncio.RunningLoop(ctx)
		pay := func(ctx context.Context) (struct{}, error) {
			err := asyncio.Sleep(ctx, 3*time.Second)
			fmt.Println("paid at", loop.Time(), err)
			return struct{}{}, err
		}
		order := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
			return asyncio.Shield(ctx, pay)
		})
		loop.CallLater(time.Second, func() { order.Cancel(errors.New("window closed")) })
		_, err := order.Await(ctx)
		fmt.Println(loop.Time(), err)
		return struct{}{}, asyncio.Sleep(ctx, time.Minute)
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// 1s asyncio: cancelled: window closed
	// paid at 3s <nil>
}

// A job that must not be waited for too long, yet must finish, is shielded inside the limit.
func ExampleShield_underATimeout() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		var saved bool
		save := func(ctx context.Context) (struct{}, error) {
			err := asyncio.Sleep(ctx, 5*time.Second)
			saved = err == nil
			return struct{}{}, err
		}
		_, err := asyncio.Timeout(ctx, time.Second, func(ctx context.Context) (struct{}, error) {
			return asyncio.Shield(ctx, save)
		})
		fmt.Println(errors.Is(err, context.DeadlineExceeded), saved)
		if err := asyncio.Sleep(ctx, time.Minute); err != nil {
			return struct{}{}, err
		}
		fmt.Println(saved)
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// true false
	// true
}
