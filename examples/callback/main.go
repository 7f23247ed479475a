// Command callback runs a coroutine as a task that calls a function when it is done.
//
// In Python:
//
//	async def hello():
//	    print("Hello World")
//
//	loop = asyncio.new_event_loop()
//	coro = asyncio.ensure_future(hello(), loop=loop)
//	coro.add_done_callback(lambda _: print("Done"))
//	loop.run_until_complete(coro)
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/aio-go/aio/asyncio"
)

func hello(context.Context) (struct{}, error) {
	fmt.Println("Hello World")
	return struct{}{}, nil
}

func program() error {
	loop := asyncio.NewEventLoop()
	defer loop.Close()

	coro := asyncio.EnsureFuture(loop.Context(), hello)
	coro.AddDoneCallback(func(*asyncio.Future[struct{}]) { fmt.Println("Done") })
	return loop.RunUntilComplete(coro)
}

func main() {
	if err := program(); err != nil {
		log.Fatal(err)
	}
}
