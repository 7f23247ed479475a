package asyncio_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// virtually runs main under virtual time.
func virtually(main asyncio.Coroutine[none]) {
	if _, err := asyncio.Run(context.Background(), main, asyncio.WithClock(new(aiotest.Clock))); err != nil {
		fmt.Println(err)
	}
}

// The item that was put last comes first.
func ExampleNewLifoQueue() {
	virtually(func(ctx context.Context) (none, error) {
		q := asyncio.NewLifoQueue[string](0)
		for _, item := range []string{"first", "second", "third"} {
			if err := q.Put(ctx, item); err != nil {
				return none{}, err
			}
		}
		q.Shutdown(false)
		for item, err := range q.All(ctx) {
			fmt.Println(item, err)
		}
		return none{}, nil
	})
	// Output:
	// third <nil>
	// second <nil>
	// first <nil>
}

// A bounded semaphore finds the release that has no acquire.
func ExampleNewBoundedSemaphore() {
	virtually(func(ctx context.Context) (none, error) {
		s := asyncio.NewBoundedSemaphore(1)
		if err := s.Acquire(ctx); err != nil {
			return none{}, err
		}
		fmt.Println("held:", s.Locked())
		s.Release()
		defer func() { fmt.Println("released twice:", recover() != nil) }()
		s.Release()
		return none{}, nil
	})
	// Output:
	// held: true
	// released twice: true
}

// Reset sends everybody who waits away; the barrier can be used again.
func ExampleBarrier_Reset() {
	virtually(func(ctx context.Context) (none, error) {
		b := asyncio.NewBarrier(2)
		early := asyncio.CreateTask(ctx, b.Wait)
		if err := asyncio.Sleep(ctx, time.Second); err != nil {
			return none{}, err
		}
		fmt.Println("waiting:", b.Waiting())
		b.Reset()
		_, err := early.Await(ctx)
		fmt.Println("broken for who waited:", errors.Is(err, asyncio.ErrBrokenBarrier))

		again := asyncio.CreateTask(ctx, b.Wait)
		index, err := b.Wait(ctx)
		fmt.Println("met:", index, err)
		_, err = again.Await(ctx)
		return none{}, err
	})
	// Output:
	// waiting: 1
	// broken for who waited: true
	// met: 0 <nil>
}

// Notify wakes as many as it is told, in the order in which they came.
func ExampleCondition_Notify() {
	virtually(func(ctx context.Context) (none, error) {
		c := asyncio.NewCondition(nil)
		waiter := func(name string) *asyncio.Task[none] {
			return asyncio.CreateTask(ctx, func(ctx context.Context) (none, error) {
				return none{}, c.With(ctx, func() error {
					err := c.Wait(ctx)
					fmt.Println(name, "woken")
					return err
				})
			})
		}
		a, b := waiter("a"), waiter("b")
		for i, task := range []*asyncio.Task[none]{a, b} {
			if err := asyncio.Sleep(ctx, time.Second); err != nil {
				return none{}, err
			}
			if err := c.With(ctx, func() error { c.Notify(1); return nil }); err != nil {
				return none{}, err
			}
			_, err := task.Await(ctx)
			fmt.Println("notified", i+1, err)
		}
		return none{}, nil
	})
	// Output:
	// a woken
	// notified 1 <nil>
	// b woken
	// notified 2 <nil>
}
