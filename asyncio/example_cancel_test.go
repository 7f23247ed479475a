package asyncio_test

// Cancellation: with a cause, down the tree of contexts, seen by every later suspension, and
// survived by clean-up. The clock is virtual: none of them takes time.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

var errImpatient = errors.New("the user went away")

func ExampleTask_Cancel() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		t := asyncio.CreateTask(ctx, func(ctx context.Context) (string, error) {
			err := asyncio.Sleep(ctx, time.Hour)
			fmt.Println("woken:", context.Cause(ctx))
			return "", err
		})
		if err := asyncio.Sleep(ctx, time.Second); err != nil {
			return struct{}{}, err
		}
		fmt.Println(t.Cancel(errImpatient), t.Cancelled()) // asked, not yet ended
		_, err := t.Await(ctx)
		fmt.Println(err, t.Cancelled())
		fmt.Println(errors.Is(err, context.Canceled), errors.Is(err, errImpatient))
		fmt.Println(t.Cancel(nil)) // too late
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// true false
	// woken: the user went away
	// asyncio: cancelled: the user went away true
	// true true
	// false
}

// A task that has not started when it is cancelled never runs.
func ExampleTask_Cancel_beforeStart() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		t := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
			fmt.Println("never printed")
			return struct{}{}, nil
		})
		t.Cancel(nil)
		_, err := t.Await(ctx)
		fmt.Println(err)
		return struct{}{}, nil
	})
	// Output: asyncio: cancelled
}

// Cancelling reaches what was started with the task's ctx, however deep, and nothing else.
func ExampleTask_Cancel_tree() {
	nap := func(name string) asyncio.Coroutine[struct{}] {
		return func(ctx context.Context) (struct{}, error) {
			err := asyncio.Sleep(ctx, time.Hour)
			fmt.Println(name, "woken:", err != nil)
			return struct{}{}, err
		}
	}
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		other := asyncio.CreateTask(ctx, nap("other"))
		parent := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
			asyncio.CreateTask(ctx, nap("child"))
			return other.Await(ctx) // awaiting is not owning
		})
		if err := asyncio.Sleep(ctx, time.Second); err != nil {
			return struct{}{}, err
		}
		parent.Cancel(errImpatient)
		_, err := other.Await(ctx)
		return struct{}{}, err
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// child woken: true
	// other woken: false
}

// A cancelled task stays cancelled: an error that is overlooked does not revive it.
func ExampleTask_Cancel_staysCancelled() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		loop := asyncio.RunningLoop(ctx)
		t := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
			_ = asyncio.Sleep(ctx, time.Hour)
			_ = asyncio.Sleep(ctx, time.Hour) // fails at once
			fmt.Println("over at", loop.Time())
			return struct{}{}, nil
		})
		loop.CallLater(time.Minute, func() { t.Cancel(nil) })
		_, err := t.Await(ctx)
		fmt.Println(err) // it returned no error, so it has succeeded
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// over at 1m0s
	// <nil>
}

// Clean-up that has to suspend does so with context.WithoutCancel: same loop, task and values,
// but out of reach of the cancellation.
func Example_cleanup() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		logout := func(ctx context.Context) error { return asyncio.Sleep(ctx, time.Second) }
		session := asyncio.CreateTask(ctx, func(ctx context.Context) (_ struct{}, err error) {
			defer func() {
				fmt.Println("with ctx:", logout(ctx))
				fmt.Println("without cancel:", logout(context.WithoutCancel(ctx)))
			}()
			return struct{}{}, asyncio.Sleep(ctx, time.Hour)
		})
		if err := asyncio.Sleep(ctx, time.Minute); err != nil {
			return struct{}{}, err
		}
		session.Cancel(nil)
		_, err := session.Await(ctx)
		fmt.Println("ended:", err)
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// with ctx: asyncio: cancelled
	// without cancel: <nil>
	// ended: asyncio: cancelled
}

// CancelledError tells who was cancelled why; deadlines are not cancellations.
func ExampleCancelledError() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		f := asyncio.NewFuture[int](ctx)
		f.Cancel(errImpatient)
		_, err := f.Result()
		var cancelled *asyncio.CancelledError
		fmt.Println(errors.As(err, &cancelled), cancelled.Cause)

		_, err = asyncio.Timeout(ctx, time.Second, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, asyncio.Sleep(ctx, time.Hour)
		})
		fmt.Println(errors.As(err, &cancelled), errors.Is(err, context.DeadlineExceeded))
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// true the user went away
	// false true
}

// Scopes of the standard library end what suspends with them, like those of the loop.
func ExampleTask_Cancel_standardContext() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		scope, cancel := context.WithCancelCause(ctx)
		asyncio.RunningLoop(ctx).CallLater(time.Second, func() { cancel(errImpatient) })
		err := asyncio.Sleep(scope, time.Hour)
		fmt.Println(err)
		fmt.Println("outside of it:", asyncio.Sleep(ctx, time.Second))
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// asyncio: cancelled: the user went away
	// outside of it: <nil>
}
