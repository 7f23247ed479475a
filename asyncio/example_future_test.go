package asyncio_test

// Futures: results that code on the loop provides, and callbacks on them. The clock is
// virtual: none of them takes time.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// A future turns a callback interface into something to await.
func ExampleFuture() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		loop := asyncio.RunningLoop(ctx)
		reply := asyncio.NewFuture[string](ctx)
		loop.CallLater(time.Second, func() {
			if err := reply.SetResult("pong"); err != nil {
				fmt.Println(err)
			}
		})
		fmt.Println(reply)
		fmt.Println(reply.Await(ctx))
		fmt.Println(reply)
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// Future(pending)
	// pong <nil>
	// Future(finished)
}

// A future is completed once.
func ExampleFuture_SetResult() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		f := asyncio.NewFuture[int](ctx)
		fmt.Println(f.SetResult(1))
		fmt.Println(errors.Is(f.SetResult(2), asyncio.ErrInvalidState), f.Cancel(nil))
		fmt.Println(f.Result())
		return struct{}{}, nil
	})
	// Output:
	// <nil>
	// true false
	// 1 <nil>
}

func ExampleFuture_SetError() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		f := asyncio.NewFuture[int](ctx)
		asyncio.RunningLoop(ctx).CallSoon(func() { _ = f.SetError(errors.New("line is dead")) })
		_, err := f.Await(ctx)
		fmt.Println(err, f.Cancelled())
		return struct{}{}, nil
	})
	// Output: line is dead false
}

// Whoever awaits a future that is cancelled gets the cancellation as its error, and is not
// cancelled itself.
func ExampleFuture_Cancel() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		f := asyncio.NewFuture[int](ctx)
		asyncio.RunningLoop(ctx).CallSoon(func() { f.Cancel(errors.New("offer withdrawn")) })
		_, err := f.Await(ctx)
		fmt.Println(err)
		fmt.Println(ctx.Err(), asyncio.Sleep(ctx, 0))
		return struct{}{}, nil
	})
	// Output:
	// asyncio: cancelled: offer withdrawn
	// <nil> <nil>
}

// Callbacks have turns of their own, in the order in which they were added, also when the
// future is done already.
func ExampleFuture_AddDoneCallback() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		t := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) { return 7, nil })
		t.AddDoneCallback(func(f *asyncio.Future[int]) {
			v, err := f.Result()
			fmt.Println("first callback:", v, err)
		})
		t.AddDoneCallback(func(*asyncio.Future[int]) { fmt.Println("second callback") })
		v, _ := t.Await(ctx) // listens third
		fmt.Println("awaited:", v)

		t.AddDoneCallback(func(*asyncio.Future[int]) { fmt.Println("late callback") })
		fmt.Println("not inline")
		return struct{}{}, asyncio.Sleep(ctx, 0)
	})
	// Output:
	// first callback: 7 <nil>
	// second callback
	// awaited: 7
	// not inline
	// late callback
}

func ExampleFuture_RemoveDoneCallback() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		f := asyncio.NewFuture[int](ctx)
		cb := f.AddDoneCallback(func(*asyncio.Future[int]) { fmt.Println("never printed") })
		fmt.Println(f.RemoveDoneCallback(cb))
		fmt.Println(f.RemoveDoneCallback(cb)) // it is gone
		_ = f.SetResult(1)
		return struct{}{}, asyncio.Sleep(ctx, 0)
	})
	// Output:
	// true
	// false
}
