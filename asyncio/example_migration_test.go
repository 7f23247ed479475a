package asyncio_test

// Ten programs of asyncio in Go. docs/migration.md shows each beside its Python original,
// quoting the functions below word for word; a test compares the two. The clock is virtual:
// none of them takes time.

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func Example_migrateGather() {
	brew := func(drink string, d time.Duration) asyncio.Coroutine[string] {
		return func(ctx context.Context) (string, error) {
			err := asyncio.Sleep(ctx, d)
			return drink + " is ready", err
		}
	}
	lines, err := asyncio.Run(context.Background(), func(ctx context.Context) ([]string, error) {
		coffee := asyncio.CreateTask(ctx, brew("coffee", 2*time.Second))
		tea := asyncio.CreateTask(ctx, brew("tea", time.Second))
		return asyncio.Gather(ctx, coffee, tea).Await(ctx)
	}, asyncio.WithClock(new(aiotest.Clock)))
	for _, line := range lines {
		fmt.Println(line)
	}
	fmt.Println("error:", err)
	// Output:
	// coffee is ready
	// tea is ready
	// error: <nil>
}

func Example_migrateCancel() {
	session := func(ctx context.Context) (struct{}, error) {
		fmt.Println("logged in")
		defer func() {
			_ = asyncio.Sleep(context.WithoutCancel(ctx), time.Second) // say goodbye
			fmt.Println("logged out")
		}()
		return struct{}{}, asyncio.Sleep(ctx, time.Hour)
	}
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		task := asyncio.CreateTask(ctx, session)
		if err := asyncio.Sleep(ctx, 2*time.Second); err != nil {
			return struct{}{}, err
		}
		task.Cancel(errors.New("the shift is over"))
		if _, err := task.Await(ctx); errors.Is(err, context.Canceled) {
			fmt.Println("ended:", context.Cause(task.Context()))
		}
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// logged in
	// logged out
	// ended: the shift is over
}

func Example_migrateTimeout() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		limited, cancel := asyncio.WithTimeout(ctx, time.Second)
		defer cancel()
		for part := 1; ; part++ {
			if err := asyncio.Sleep(limited, 400*time.Millisecond); err != nil {
				fmt.Println("too slow:", errors.Is(err, context.DeadlineExceeded))
				break
			}
			fmt.Println("part", part)
		}
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// part 1
	// part 2
	// too slow: true
}

func Example_migrateGroup() {
	work := func(name string, d time.Duration, fails bool) asyncio.Coroutine[string] {
		return func(ctx context.Context) (string, error) {
			if err := asyncio.Sleep(ctx, d); err != nil {
				fmt.Println(name, "is cancelled")
				return "", err
			}
			if fails {
				return "", errors.New(name + " has failed")
			}
			fmt.Println(name, "is done")
			return name, nil
		}
	}
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			asyncio.CreateTaskIn(g, work("the first", 1*time.Second, false))
			asyncio.CreateTaskIn(g, work("the second", 2*time.Second, true))
			asyncio.CreateTaskIn(g, work("the third", 3*time.Second, false))
			return nil
		})
	}, asyncio.WithClock(new(aiotest.Clock)))
	var group *asyncio.GroupError
	if errors.As(err, &group) {
		for _, err := range group.Errors {
			fmt.Println("error:", err)
		}
	}
	// Output:
	// the first is done
	// the third is cancelled
	// error: the second has failed
}

func Example_migrateQueue() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		orders := asyncio.NewQueue[string](2)
		return struct{}{}, asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(func(ctx context.Context) error {
				defer orders.Shutdown(false)
				for _, dish := range []string{"soup", "fish", "cake"} {
					if err := orders.Put(ctx, dish); err != nil {
						return err
					}
				}
				return nil
			})
			for dish, err := range orders.All(ctx) {
				if err != nil {
					return err
				}
				if err := asyncio.Sleep(ctx, time.Second); err != nil {
					return err
				}
				fmt.Println("served", dish)
			}
			fmt.Println("the kitchen is closed")
			return nil
		})
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// served soup
	// served fish
	// served cake
	// the kitchen is closed
}

func Example_migrateSemaphore() {
	running, most := 0, 0
	seats := asyncio.NewSemaphore(3)
	job := func(ctx context.Context) error {
		return seats.With(ctx, func() error {
			running++
			most = max(most, running)
			err := asyncio.Sleep(ctx, time.Second)
			running--
			return err
		})
	}
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			for range 10 {
				g.Go(job)
			}
			return nil
		})
	}, asyncio.WithClock(new(aiotest.Clock)))
	fmt.Println("at most", most, "at once")
	// Output: at most 3 at once
}

func Example_migrateAsCompleted() {
	runner := func(name string, d time.Duration) asyncio.Coroutine[string] {
		return func(ctx context.Context) (string, error) { return name, asyncio.Sleep(ctx, d) }
	}
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		field := []*asyncio.Task[string]{
			asyncio.CreateTask(ctx, runner("tortoise", 3*time.Second)),
			asyncio.CreateTask(ctx, runner("hare", 1*time.Second)),
			asyncio.CreateTask(ctx, runner("hedgehog", 2*time.Second)),
		}
		for task, err := range asyncio.AsCompleted(ctx, field) {
			if err != nil {
				return struct{}{}, err
			}
			name, _ := task.Result()
			fmt.Println(name, "has arrived")
		}
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// hare has arrived
	// hedgehog has arrived
	// tortoise has arrived
}

func Example_migrateCallback() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		loop := asyncio.RunningLoop(ctx)
		reply := asyncio.NewFuture[string](ctx)
		reply.AddDoneCallback(func(f *asyncio.Future[string]) {
			answer, _ := f.Result()
			fmt.Println("callback:", answer)
		})
		loop.CallLater(time.Second, func() { _ = reply.SetResult("pong") })
		answer, err := reply.Await(ctx)
		fmt.Println("awaited:", answer)
		return struct{}{}, err
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// callback: pong
	// awaited: pong
}

func Example_migrateThread() {
	digest := func(text string) asyncio.Coroutine[string] {
		return func(ctx context.Context) (string, error) {
			return asyncio.ToThread(ctx, func(context.Context) (string, error) {
				return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:8], nil
			})
		}
	}
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		a, b := asyncio.CreateTask(ctx, digest("a")), asyncio.CreateTask(ctx, digest("b"))
		sums, err := asyncio.Gather(ctx, a, b).Await(ctx)
		for _, sum := range sums {
			fmt.Println(sum)
		}
		return struct{}{}, err
	})
	// Output:
	// ca978112
	// 3e23e816
}

func Example_migrateThreadsafe() {
	lookUp := func(name string) asyncio.Coroutine[int] {
		return func(ctx context.Context) (int, error) { return len(name), asyncio.Sleep(ctx, 10*time.Millisecond) }
	}
	report := func(loop *asyncio.EventLoop) error { // on a goroutine of its own
		future := asyncio.RunCoroutineThreadsafe(loop, lookUp("ada"))
		n, err := future.Result(context.Background())
		fmt.Println("from outside:", n)
		return err
	}
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		loop := asyncio.RunningLoop(ctx)
		return asyncio.ToThread(ctx, func(context.Context) (struct{}, error) {
			return struct{}{}, report(loop)
		})
	})
	// Output: from outside: 3
}
