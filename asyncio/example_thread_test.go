package asyncio_test

// Out of the loop and into it: blocking work on other goroutines, and other goroutines that
// want something done on the loop.

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// A function that blocks would stop every task of the loop. On another goroutine it stops
// only the task that asked for it.
func ExampleToThread() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		var others sync.WaitGroup // stands for something that blocks
		others.Add(1)
		asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
			fmt.Println("another task runs meanwhile")
			others.Done()
			return struct{}{}, nil
		})
		sum, err := asyncio.ToThread(ctx, func(context.Context) (int, error) {
			others.Wait()
			return 6 * 7, nil
		})
		fmt.Println(sum, err)
		return struct{}{}, err
	})
	// Output:
	// another task runs meanwhile
	// 42 <nil>
}

// Go cannot interrupt a function from outside: its context tells it that nobody waits any more.
func ExampleToThread_cancel() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		told := make(chan error, 1)
		_, err := asyncio.Timeout(ctx, time.Millisecond, func(ctx context.Context) (struct{}, error) {
			return asyncio.ToThread(ctx, func(ctx context.Context) (struct{}, error) {
				<-ctx.Done()
				told <- ctx.Err()
				return struct{}{}, nil
			})
		})
		fmt.Println("the task:", errors.Is(err, context.DeadlineExceeded))
		fmt.Println("the function:", <-told)
		return struct{}{}, nil
	})
	// Output:
	// the task: true
	// the function: context deadline exceeded
}

// RunInExecutor returns at once, with a future; the loop is usable meanwhile.
func ExampleRunInExecutor() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		loop := asyncio.RunningLoop(ctx)
		square := func(n int) *asyncio.Future[int] {
			return asyncio.RunInExecutor(loop, func(context.Context) (int, error) { return n * n, nil })
		}
		squares, err := asyncio.Gather(ctx, square(2), square(3), square(4)).Await(ctx)
		fmt.Println(squares, err)
		return struct{}{}, err
	})
	// Output: [4 9 16] <nil>
}

// A panic on the other goroutine becomes an error here.
func ExamplePanicError() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		_, err := asyncio.ToThread(ctx, func(context.Context) (int, error) {
			var empty []int
			return empty[0], nil
		})
		var panicked *asyncio.PanicError
		fmt.Println(errors.As(err, &panicked))
		fmt.Println(panicked.Value)
		return struct{}{}, nil
	})
	// Output:
	// true
	// runtime error: index out of range [0] with length 0
}

func ExampleWithExecutorLimit() {
	var running, most atomic.Int32
	job := func(context.Context) (struct{}, error) {
		for n := running.Add(1); n > most.Load(); {
			most.Store(n)
		}
		running.Add(-1)
		return struct{}{}, nil
	}
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		var jobs []*asyncio.Future[struct{}]
		for range 100 {
			jobs = append(jobs, asyncio.RunInExecutor(asyncio.RunningLoop(ctx), job))
		}
		_, err := asyncio.Gather(ctx, jobs...).Await(ctx)
		return struct{}{}, err
	}, asyncio.WithExecutorLimit(1))
	fmt.Println("at most", most.Load(), "at once")
	// Output: at most 1 at once
}

// Other goroutines submit work to a loop and may wait for its result.
func ExampleRunCoroutineThreadsafe() {
	loop := asyncio.NewEventLoop(asyncio.WithClock(new(aiotest.Clock)))
	defer loop.Close()

	go func() { // say, a handler of another server
		double := asyncio.RunCoroutineThreadsafe(loop, func(ctx context.Context) (int, error) {
			return 2 * 21, asyncio.Sleep(ctx, time.Second)
		})
		fmt.Println(double.Result(context.Background())) // blocks this goroutine, not the loop
		_ = loop.CallSoonThreadsafe(loop.Stop)
	}()
	fmt.Println("stopped:", loop.RunForever())
	// Output:
	// 42 <nil>
	// stopped: <nil>
}

func ExampleThreadFuture_Cancel() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		loop := asyncio.RunningLoop(ctx)
		err, _ := asyncio.ToThread(ctx, func(ctx context.Context) (error, error) {
			nap := asyncio.RunCoroutineThreadsafe(loop, func(ctx context.Context) (struct{}, error) {
				return struct{}{}, asyncio.Sleep(ctx, time.Hour)
			})
			nap.Cancel(errors.New("time to get up"))
			<-nap.Done()
			_, err := nap.Result(ctx)
			return err, nil
		})
		fmt.Println(err)
		return struct{}{}, nil
	})
	// Output: asyncio: cancelled: time to get up
}

// CallSoonThreadsafe is the one door into a loop. Callbacks of one goroutine keep their order.
func ExampleEventLoop_CallSoonThreadsafe() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		loop := asyncio.RunningLoop(ctx)
		progress := 0 // belongs to the loop; no lock
		_, err := asyncio.ToThread(ctx, func(context.Context) (struct{}, error) {
			for range 3 {
				err := loop.CallSoonThreadsafe(func() {
					progress++
					fmt.Println("progress", progress)
				})
				if err != nil { // the loop was closed
					return struct{}{}, err
				}
			}
			return struct{}{}, nil
		})
		return struct{}{}, err
	})
	// Output:
	// progress 1
	// progress 2
	// progress 3
}

// A digest of something large does not hold up the other tasks of the loop.
func ExampleCompute() {
	asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		data := make([]byte, 8<<20)
		sum, err := asyncio.Compute(ctx, func() ([32]byte, error) { return sha256.Sum256(data), nil })
		fmt.Printf("%x… %v\n", sum[:4], err)
		return struct{}{}, nil
	})
	// Output: 2daeb1f3… <nil>
}
