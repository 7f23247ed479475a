package asyncio_test

// Waiting for several things at once: all, the first, some, each as it comes. The clock is
// virtual: none of them takes time. Groups, Race and Map have a file of their own.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// fetch is what the examples wait for: it takes some seconds and returns a page, or fails if
// the page has no name.
func fetch(page string, seconds int) asyncio.Coroutine[string] {
	return func(ctx context.Context) (string, error) {
		if err := asyncio.Sleep(ctx, time.Duration(seconds)*time.Second); err != nil {
			return "", err
		}
		if page == "" {
			return "", errors.New("no such page")
		}
		return "<" + page + ">", nil
	}
}

func ExampleGather() {
	pages, err := asyncio.Run(context.Background(), func(ctx context.Context) ([]string, error) {
		slow := asyncio.CreateTask(ctx, fetch("slow", 3))
		fast := asyncio.CreateTask(ctx, fetch("fast", 1))
		return asyncio.Gather(ctx, slow, fast).Await(ctx) // in this order, whoever is first
	}, asyncio.WithClock(new(aiotest.Clock)))
	fmt.Println(pages, err)
	// Output: [<slow> <fast>] <nil>
}

// The first failure is Gather's, at once. The others go on; a Group would end them.
func ExampleGather_failure() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		loop := asyncio.RunningLoop(ctx)
		good := asyncio.CreateTask(ctx, fetch("good", 3))
		bad := asyncio.CreateTask(ctx, fetch("", 1))
		_, err := asyncio.Gather(ctx, good, bad).Await(ctx)
		fmt.Println(loop.Time(), err)
		page, err := good.Await(ctx)
		fmt.Println(loop.Time(), page, err)
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// 1s no such page
	// 3s <good> <nil>
}

// Cancelling a gather cancels all that it gathers.
func ExampleGather_cancel() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		a, b := asyncio.CreateTask(ctx, fetch("a", 60)), asyncio.CreateTask(ctx, fetch("b", 60))
		both := asyncio.Gather(ctx, a, b)
		asyncio.RunningLoop(ctx).CallLater(time.Second, func() { both.Cancel(errors.New("enough")) })
		_, err := both.Await(ctx)
		fmt.Println(err, a.Cancelled(), b.Cancelled())
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output: asyncio: cancelled: enough true true
}

func ExampleGatherSettled() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		outcomes, err := asyncio.GatherSettled(ctx,
			asyncio.CreateTask(ctx, fetch("a", 2)),
			asyncio.CreateTask(ctx, fetch("", 1)),
			asyncio.CreateTask(ctx, fetch("c", 3)),
		).Await(ctx)
		for _, o := range outcomes {
			fmt.Printf("%q %v\n", o.Value, o.Err)
		}
		return struct{}{}, err
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// "<a>" <nil>
	// "" no such page
	// "<c>" <nil>
}

// Wait tells what is done and what is not; it neither fails nor cancels.
func ExampleWait() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		tasks := []*asyncio.Task[string]{
			asyncio.CreateTask(ctx, fetch("a", 2)),
			asyncio.CreateTask(ctx, fetch("", 1)),
		}
		res, err := asyncio.Wait(ctx, tasks).Await(ctx)
		for _, t := range res.Done {
			fmt.Println(t.Result())
		}
		fmt.Println(len(res.Pending), "pending,", err)
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// <a> <nil>
	//  no such page
	// 0 pending, <nil>
}

func ExampleFirstCompleted() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		tasks := []*asyncio.Task[string]{
			asyncio.CreateTask(ctx, fetch("oslo", 2), asyncio.WithName("oslo")),
			asyncio.CreateTask(ctx, fetch("rome", 1), asyncio.WithName("rome")),
		}
		res, err := asyncio.Wait(ctx, tasks, asyncio.FirstCompleted).Await(ctx)
		if err != nil {
			return struct{}{}, err
		}
		fmt.Println("done:", res.Done[0].Name())
		for _, t := range res.Pending {
			fmt.Println("cancelled:", t.Name(), t.Cancel(nil))
		}
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// done: rome
	// cancelled: oslo true
}

func ExampleFirstException() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		tasks := []*asyncio.Task[string]{
			asyncio.CreateTask(ctx, fetch("early", 1)),
			asyncio.CreateTask(ctx, fetch("", 2)),
			asyncio.CreateTask(ctx, fetch("late", 3)),
		}
		res, err := asyncio.Wait(ctx, tasks, asyncio.FirstException).Await(ctx)
		fmt.Println(len(res.Done), "done,", len(res.Pending), "pending,", err)
		fmt.Println(tasks[1].Err())
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// 2 done, 1 pending, <nil>
	// no such page
}

// Tasks of different types are waited for together as Waitables.
func ExampleWaitTimeout() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		page := asyncio.CreateTask(ctx, fetch("a", 1))
		count := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
			return 1, asyncio.Sleep(ctx, time.Hour)
		})
		both := []asyncio.Waitable{page, count}
		res, err := asyncio.Wait(ctx, both, asyncio.WaitTimeout(time.Minute)).Await(ctx)
		fmt.Println(len(res.Done), "done,", len(res.Pending), "pending,", err)
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output: 1 done, 1 pending, <nil>
}

func ExampleAsCompleted() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		tasks := []*asyncio.Task[string]{
			asyncio.CreateTask(ctx, fetch("a", 3)),
			asyncio.CreateTask(ctx, fetch("b", 1)),
			asyncio.CreateTask(ctx, fetch("", 2)),
		}
		for t, err := range asyncio.AsCompleted(ctx, tasks) {
			if err != nil { // ctx has ended; failures of tasks are theirs
				return struct{}{}, err
			}
			fmt.Println(t.Result())
		}
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// <b> <nil>
	//  no such page
	// <a> <nil>
}

// A limit on all of it is a limit on the ctx.
func ExampleAsCompleted_timeout() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		tasks := []*asyncio.Task[string]{
			asyncio.CreateTask(ctx, fetch("fast", 1)),
			asyncio.CreateTask(ctx, fetch("slow", 3600)),
		}
		limited, cancel := asyncio.WithTimeout(ctx, time.Minute)
		defer cancel()
		for t, err := range asyncio.AsCompleted(limited, tasks) {
			if err != nil {
				fmt.Println(errors.Is(err, context.DeadlineExceeded), tasks[1].Done())
				break
			}
			fmt.Println(t.Result())
		}
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// <fast> <nil>
	// true false
}
