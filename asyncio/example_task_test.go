package asyncio_test

// Tasks: started, named, awaited, found. The clock is virtual: none of them takes time.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func ExampleCreateTask() {
	count := func(name string, n int) asyncio.Coroutine[int] {
		return func(ctx context.Context) (int, error) {
			for i := range n {
				fmt.Println(name, i)
				if err := asyncio.Sleep(ctx, time.Second); err != nil {
					return 0, err
				}
			}
			return n, nil
		}
	}
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		a := asyncio.CreateTask(ctx, count("a", 2))
		b := asyncio.CreateTask(ctx, count("b", 3))
		fmt.Println("created, not started")
		fmt.Println(a.Await(ctx))
		fmt.Println(b.Await(ctx))
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// created, not started
	// a 0
	// b 0
	// a 1
	// b 1
	// b 2
	// 2 <nil>
	// 3 <nil>
}

// Calling a coroutine runs it in the task that calls; a task of its own is what makes things
// run at the same time.
func ExampleCoroutine() {
	nap := func(ctx context.Context) (string, error) {
		return "rested", asyncio.Sleep(ctx, time.Hour)
	}
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		loop := asyncio.RunningLoop(ctx)
		_, _ = nap(ctx)
		_, _ = nap(ctx)
		fmt.Println("one after the other:", loop.Time())

		start := loop.Time()
		a, b := asyncio.CreateTask(ctx, nap), asyncio.CreateTask(ctx, nap)
		_, _ = a.Await(ctx)
		_, _ = b.Await(ctx)
		fmt.Println("at the same time:", loop.Time()-start)
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// one after the other: 2h0m0s
	// at the same time: 1h0m0s
}

// A Sleep of zero gives way for one turn.
func ExampleSleep() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		for _, name := range []string{"a", "b"} {
			asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
				for i := range 2 {
					fmt.Println(name, i)
					if err := asyncio.Sleep(ctx, 0); err != nil {
						return struct{}{}, err
					}
				}
				return struct{}{}, nil
			})
		}
		return struct{}{}, asyncio.Sleep(ctx, time.Second)
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// a 0
	// b 0
	// a 1
	// b 1
}

func ExampleWithName() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		work := func(ctx context.Context) (struct{}, error) {
			fmt.Println("I am", asyncio.CurrentTask(ctx).Name())
			return struct{}{}, nil
		}
		asyncio.CreateTask(ctx, work, asyncio.WithName("loader"))
		asyncio.CreateTask(ctx, work)
		return struct{}{}, asyncio.Sleep(ctx, 0)
	})
	// Output:
	// I am loader
	// I am Task-3
}

// An eager task runs inside CreateTask as far as it gets, which saves the turn of one that
// has nothing to wait for.
func ExampleWithEagerStart() {
	cache := map[string]int{"one": 1}
	get := func(key string) asyncio.Coroutine[int] {
		return func(ctx context.Context) (int, error) {
			if v, ok := cache[key]; ok {
				return v, nil
			}
			return 0, asyncio.Sleep(ctx, time.Second)
		}
	}
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		hit := asyncio.CreateTask(ctx, get("one"), asyncio.WithEagerStart())
		miss := asyncio.CreateTask(ctx, get("two"), asyncio.WithEagerStart())
		fmt.Println(hit.Done(), miss.Done())
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output: true false
}

// A task keeps its outcome: it can be awaited by many, and asked again later.
func ExampleTask() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		t := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
			return 0, errors.New("no luck")
		}, asyncio.WithName("lottery"))
		_, err := t.Result()
		fmt.Println(errors.Is(err, asyncio.ErrInvalidState), t)
		_, err = t.Await(ctx)
		fmt.Println(err)
		fmt.Println(t.Done(), t.Cancelled(), t.Err(), t)
		return struct{}{}, nil
	})
	// Output:
	// true Task(lottery, created)
	// no luck
	// true false no luck Task(lottery, failed: no luck)
}

// Values of the context in which a task is created reach the task, and nothing comes back.
func ExampleTask_Context() {
	type userKey struct{}
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		request := context.WithValue(ctx, userKey{}, "ada")
		t := asyncio.CreateTask(request, func(ctx context.Context) (struct{}, error) {
			fmt.Println("inside:", ctx.Value(userKey{}))
			return struct{}{}, nil
		})
		_, err := t.Await(ctx)
		fmt.Println("the task's:", t.Context().Value(userKey{}), "ours:", ctx.Value(userKey{}))
		return struct{}{}, err
	})
	// Output:
	// inside: ada
	// the task's: ada ours: <nil>
}

func ExampleCurrentTask() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		me := asyncio.CurrentTask(ctx)
		me.SetName("main")
		asyncio.RunningLoop(ctx).CallSoon(func() {
			loop := asyncio.RunningLoop(ctx)
			fmt.Println("a callback has none:", asyncio.CurrentTask(loop.Context()) == nil)
		})
		fmt.Println(asyncio.CurrentTask(ctx).Name())
		return struct{}{}, asyncio.Sleep(ctx, 0)
	})
	// Output:
	// main
	// a callback has none: true
}

func ExampleAllTasks() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		nap := func(ctx context.Context) (struct{}, error) { return struct{}{}, asyncio.Sleep(ctx, time.Hour) }
		asyncio.CreateTask(ctx, nap, asyncio.WithName("first nap"))
		asyncio.CreateTask(ctx, nap, asyncio.WithName("second nap"))
		for _, t := range asyncio.AllTasks(ctx) {
			fmt.Println(t.Name())
		}
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// Task-1
	// first nap
	// second nap
}
