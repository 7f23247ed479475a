package asyncio_test

// The primitives, as programs to start from. The clock is virtual: none of them takes time.

import (
	"context"
	"fmt"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func ExampleLock() {
	var l asyncio.Lock
	balance := 100
	withdraw := func(ctx context.Context) error {
		return l.With(ctx, func() error {
			before := balance
			if err := asyncio.Sleep(ctx, time.Second); err != nil { // others run meanwhile
				return err
			}
			balance = before - 30
			return nil
		})
	}
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(withdraw)
			g.Go(withdraw)
			return nil
		})
	}, asyncio.WithClock(new(aiotest.Clock)))
	fmt.Println(balance)
	// Output: 40
}

func ExampleEvent() {
	var ready asyncio.Event
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			for _, name := range []string{"first", "second"} {
				g.Go(func(ctx context.Context) error {
					err := ready.Wait(ctx)
					fmt.Println(name, "goes on")
					return err
				})
			}
			if err := asyncio.Sleep(ctx, time.Second); err != nil {
				return err
			}
			fmt.Println("ready")
			ready.Set()
			return nil
		})
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// ready
	// first goes on
	// second goes on
}

func ExampleCondition() {
	c := asyncio.NewCondition(nil)
	var stock []string
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(func(ctx context.Context) error {
				return c.With(ctx, func() error {
					if err := c.WaitFor(ctx, func() bool { return len(stock) >= 2 }); err != nil {
						return err
					}
					fmt.Println(stock)
					return nil
				})
			})
			for _, item := range []string{"tea", "milk"} {
				if err := asyncio.Sleep(ctx, time.Second); err != nil {
					return err
				}
				err := c.With(ctx, func() error {
					stock = append(stock, item)
					c.NotifyAll()
					return nil
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output: [tea milk]
}

func ExampleSemaphore() {
	seats := asyncio.NewSemaphore(2)
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		loop := asyncio.RunningLoop(ctx)
		return struct{}{}, asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			for _, guest := range []string{"ann", "bob", "cid"} {
				g.Go(func(ctx context.Context) error {
					return seats.With(ctx, func() error {
						fmt.Println(guest, "sits down at", loop.Time())
						return asyncio.Sleep(ctx, time.Hour)
					})
				})
			}
			return nil
		})
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// ann sits down at 0s
	// bob sits down at 0s
	// cid sits down at 1h0m0s
}

func ExampleBarrier() {
	start := asyncio.NewBarrier(3)
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		loop := asyncio.RunningLoop(ctx)
		return struct{}{}, asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			for i := range 3 {
				g.Go(func(ctx context.Context) error {
					if err := asyncio.Sleep(ctx, time.Duration(i)*time.Second); err != nil {
						return err
					}
					index, err := start.Wait(ctx)
					if index == 0 {
						fmt.Println("all there at", loop.Time())
					}
					return err
				})
			}
			return nil
		})
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output: all there at 2s
}

func ExampleQueue() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		q := asyncio.NewQueue[int](1) // the producer is at most one item ahead
		return struct{}{}, asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(func(ctx context.Context) error {
				defer q.Shutdown(false)
				for i := range 3 {
					if err := q.Put(ctx, i); err != nil {
						return err
					}
				}
				return nil
			})
			for v, err := range q.All(ctx) {
				if err != nil {
					return err
				}
				fmt.Println(v)
			}
			return nil
		})
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output:
	// 0
	// 1
	// 2
}

func ExampleQueue_Join() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		loop := asyncio.RunningLoop(ctx)
		q := asyncio.NewQueue[int](0)
		return struct{}{}, asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			for range 3 {
				g.Go(func(ctx context.Context) error {
					for _, err := range q.All(ctx) {
						if err != nil {
							return err
						}
						if err := asyncio.Sleep(ctx, time.Second); err != nil {
							return err
						}
						if err := q.TaskDone(); err != nil {
							return err
						}
					}
					return nil
				})
			}
			for i := range 6 {
				if err := q.Put(ctx, i); err != nil {
					return err
				}
			}
			if err := q.Join(ctx); err != nil {
				return err
			}
			fmt.Println("six jobs, three workers:", loop.Time())
			q.Shutdown(false)
			return nil
		})
	}, asyncio.WithClock(new(aiotest.Clock)))
	// Output: six jobs, three workers: 2s
}

func ExampleNewPriorityQueue() {
	type job struct {
		priority int
		name     string
	}
	q := asyncio.NewPriorityQueue(0, func(a, b job) bool { return a.priority < b.priority })
	for _, j := range []job{{2, "write"}, {1, "read"}, {2, "rest"}} {
		if err := q.PutNowait(j); err != nil {
			fmt.Println(err)
		}
	}
	for !q.Empty() {
		j, _ := q.GetNowait()
		fmt.Println(j.name)
	}
	// Output:
	// read
	// write
	// rest
}

func ExampleRecv() {
	results := make(chan string)
	go func() { results <- "from a goroutine" }()
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		s, _, err := asyncio.Recv(ctx, results) // other tasks run while this one waits
		fmt.Println(s, err)
		return struct{}{}, err
	})
	// Output: from a goroutine <nil>
}

func ExampleSend() {
	work, over := make(chan int), make(chan struct{})
	go func() {
		defer close(over)
		for n := range work {
			fmt.Println("got", n)
		}
	}()
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		defer close(work)
		for n := range 3 {
			if err := asyncio.Send(ctx, work, n); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, nil
	})
	<-over
	// Output:
	// got 0
	// got 1
	// got 2
}
