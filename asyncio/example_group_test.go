package asyncio_test

// Groups, as programs to start from. The clock is virtual: none of them takes time.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func ExampleGroup() {
	price := func(item string) asyncio.Coroutine[int] {
		return func(ctx context.Context) (int, error) {
			if err := asyncio.Sleep(ctx, time.Second); err != nil {
				return 0, err
			}
			return 10 * len(item), nil
		}
	}
	total, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		var tea, milk *asyncio.Task[int]
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			tea = asyncio.CreateTaskIn(g, price("tea"))
			milk = asyncio.CreateTaskIn(g, price("milk"))
			return nil
		})
		if err != nil {
			return 0, err
		}
		// The group is over, hence both are done.
		t, _ := tea.Result()
		m, _ := milk.Result()
		return t + m, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	fmt.Println(total, err)
	// Output: 70 <nil>
}

func ExampleGroup_failure() {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(func(ctx context.Context) error {
				err := asyncio.Sleep(ctx, time.Hour)
				fmt.Println("sibling:", context.Cause(ctx))
				return err
			})
			g.Go(func(ctx context.Context) error {
				if err := asyncio.Sleep(ctx, time.Second); err != nil {
					return err
				}
				return errors.New("out of tea")
			})
			return nil
		})
	}, asyncio.WithClock(new(aiotest.Clock)))
	fmt.Println(err)
	// Output:
	// sibling: out of tea
	// asyncio: group failed: out of tea
}

func ExampleTaskGroup_Cancel() {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(func(ctx context.Context) error {
				for n := 1; ; n++ {
					fmt.Println("tick", n)
					if err := asyncio.Sleep(ctx, time.Second); err != nil {
						return err
					}
				}
			})
			if err := asyncio.Sleep(ctx, 2500*time.Millisecond); err != nil {
				return err
			}
			g.Cancel(nil) // enough of it; that is no failure
			return nil
		})
	}, asyncio.WithClock(new(aiotest.Clock)))
	fmt.Println(err)
	// Output:
	// tick 1
	// tick 2
	// tick 3
	// <nil>
}

func ExampleTaskGroup_SetLimit() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		loop := asyncio.RunningLoop(ctx)
		return struct{}{}, asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.SetLimit(2)
			for _, name := range []string{"a", "b", "c"} {
				g.Go(func(ctx context.Context) error {
					fmt.Println(name, "starts at", loop.Time())
					return asyncio.Sleep(ctx, time.Second)
				})
			}
			return nil
		})
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// a starts at 0s
	// b starts at 0s
	// c starts at 1s
}

func ExampleRace() {
	mirror := func(name string, latency time.Duration) asyncio.Coroutine[string] {
		return func(ctx context.Context) (string, error) {
			if err := asyncio.Sleep(ctx, latency); err != nil {
				fmt.Println(name, "gives up")
				return "", err
			}
			return name, nil
		}
	}
	winner, err := asyncio.Run(context.Background(), func(ctx context.Context) (string, error) {
		return asyncio.Race(ctx,
			mirror("oslo", 300*time.Millisecond),
			mirror("rome", 100*time.Millisecond),
		)
	}, asyncio.WithClock(new(aiotest.Clock)))
	fmt.Println(winner, err)
	// Output:
	// oslo gives up
	// rome <nil>
}

func ExampleMap() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		words := func(yield func(string) bool) {
			for _, w := range []string{"one", "three", "", "four"} {
				if !yield(w) {
					return
				}
			}
		}
		length := func(ctx context.Context, w string) (int, error) {
			if w == "" {
				return 0, errors.New("empty")
			}
			return len(w), asyncio.Sleep(ctx, time.Duration(len(w))*time.Second)
		}
		for n, err := range asyncio.Map(ctx, 2, words, length) {
			fmt.Println(n, err)
		}
		return struct{}{}, nil
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// 3 <nil>
	// 5 <nil>
	// 0 empty
	// 4 <nil>
}
