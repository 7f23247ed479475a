// Command hello starts three coroutines at once, waits for all of them and prints what they
// return.
//
// In Python:
//
//	async def hello(n):
//	    print("Waiting", n)
//	    await asyncio.sleep(n)
//	    print("Done", n)
//	    return f"Res {n}"
//
//	loop = asyncio.new_event_loop()
//	tasks = [asyncio.ensure_future(hello(n), loop=loop) for n in (1, 2, 3)]
//	loop.run_until_complete(asyncio.wait(tasks))
//	for task in tasks:
//	    print(task.result())
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func hello(n int) asyncio.Coroutine[string] {
	return func(ctx context.Context) (string, error) {
		fmt.Println("Waiting", n)
		if err := asyncio.Sleep(ctx, time.Duration(n)*time.Second); err != nil {
			return "", err
		}
		fmt.Println("Done", n)
		return fmt.Sprint("Res ", n), nil
	}
}

func program(opts ...asyncio.LoopOption) error {
	loop := asyncio.NewEventLoop(opts...)
	defer loop.Close()
	ctx := loop.Context()

	tasks := []*asyncio.Task[string]{
		asyncio.EnsureFuture(ctx, hello(1)),
		asyncio.EnsureFuture(ctx, hello(2)),
		asyncio.EnsureFuture(ctx, hello(3)),
	}
	if err := loop.RunUntilComplete(asyncio.Wait(ctx, tasks)); err != nil {
		return err
	}
	for _, task := range tasks {
		result, err := task.Result()
		if err != nil {
			return err
		}
		fmt.Println(result)
	}
	return nil
}

func main() {
	if err := program(); err != nil {
		log.Fatal(err)
	}
}
