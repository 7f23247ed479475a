//go:build unix

package asyncio_test

// Signals as events of the loop. The programs send them to themselves.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func ExampleEventLoop_AddSignalHandler() {
	_, _ = asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		loop := asyncio.RunningLoop(ctx)
		var reload asyncio.Event
		if err := loop.AddSignalHandler(syscall.SIGHUP, reload.Set); err != nil {
			return struct{}{}, err
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			return struct{}{}, err
		}
		if err := reload.Wait(ctx); err != nil {
			return struct{}{}, err
		}
		fmt.Println("reading the configuration again")
		fmt.Println(loop.RemoveSignalHandler(syscall.SIGHUP), loop.RemoveSignalHandler(syscall.SIGHUP))
		return struct{}{}, nil
	})
	// Output:
	// reading the configuration again
	// true false
}

// The first SIGINT, as of Ctrl-C, cancels main, which can clean up. A second one ends the
// process.
func ExampleRun_interrupt() {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		defer fmt.Println("cleaning up")
		if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, asyncio.Sleep(ctx, time.Hour)
	})
	fmt.Println(errors.Is(err, asyncio.ErrInterrupted))
	// Output:
	// cleaning up
	// true
}

// A program that has its own idea of SIGINT leaves it alone, or sets a handler for it.
func ExampleWithoutSignals() {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		var stop asyncio.Event
		if err := asyncio.RunningLoop(ctx).AddSignalHandler(os.Interrupt, stop.Set); err != nil {
			return struct{}{}, err
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, stop.Wait(ctx)
	}, asyncio.WithoutSignals())
	fmt.Println("ended in its own way:", err)
	// Output: ended in its own way: <nil>
}
