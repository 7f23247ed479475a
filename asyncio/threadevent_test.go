package asyncio_test

// ThreadEvent: news from other goroutines.

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aio-go/aio/asyncio"
)

// Whatever is counted before Set is seen after Wait, and the last Set is never missed.
func TestThreadEventMissesNothing(t *testing.T) {
	noGoroutineLeft(t)
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		l, _ := asyncio.LoopFrom(ctx)
		e := asyncio.NewThreadEvent(l)
		const setters, each = 4, 5000
		var count atomic.Int64
		var wg sync.WaitGroup
		for range setters {
			wg.Go(func() {
				for range each {
					count.Add(1)
					e.Set()
				}
			})
		}
		for count.Load() < setters*each {
			if err := e.Wait(ctx); err != nil {
				return struct{}{}, err
			}
		}
		wg.Wait()
		return struct{}{}, nil
	})
	wantErr(t, err, nil)
}

func TestThreadEventSetBeforeWaitDoesNotSuspend(t *testing.T) {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		l, _ := asyncio.LoopFrom(ctx)
		e := asyncio.NewThreadEvent(l)
		e.Set()
		e.Set()
		ran := false
		l.CallSoon(func() { ran = true })
		wantErr(t, e.Wait(ctx), nil)
		if ran {
			t.Error("Wait suspended although the event was set")
		}
		return struct{}{}, nil
	})
	wantErr(t, err, nil)
}

// A wait that ctx ended leaves the event as it is, and a late wake-up disturbs nobody.
func TestThreadEventSurvivesACancelledWait(t *testing.T) {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		l, _ := asyncio.LoopFrom(ctx)
		e := asyncio.NewThreadEvent(l)
		for range 3 {
			waiter := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, e.Wait(ctx) })
			asyncio.Sleep(ctx, 0)
			waiter.Cancel(nil)
			if _, err := waiter.Await(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want the cancellation", err)
			}
		}
		go e.Set()
		return struct{}{}, e.Wait(ctx)
	})
	wantErr(t, err, nil)
}

// A task that waits for a goroutine is not deadlocked.
func TestThreadEventKeepsALoopFromReportingADeadlock(t *testing.T) {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		l, _ := asyncio.LoopFrom(ctx)
		e := asyncio.NewThreadEvent(l)
		idle := make(chan struct{})
		go func() {
			<-idle
			e.Set()
		}()
		close(idle)
		return struct{}{}, e.Wait(ctx)
	}, asyncio.WithDeadlockError(true))
	wantErr(t, err, nil)
}

func TestThreadEventRefusesASecondWaiter(t *testing.T) {
	l := newLoop(t)
	e := asyncio.NewThreadEvent(l)
	first := asyncio.CreateTask(l.Context(), func(ctx context.Context) (struct{}, error) { return struct{}{}, e.Wait(ctx) })
	second := asyncio.CreateTask(l.Context(), func(ctx context.Context) (struct{}, error) {
		wantPanic(t, "two tasks wait", func() { _ = e.Wait(ctx) })
		e.Set()
		return struct{}{}, nil
	})
	wantErr(t, l.RunUntilComplete(second), nil)
	wantErr(t, l.RunUntilComplete(first), nil)
}

// Code on another goroutine sees the values and the end of a task's context, not the loop.
func TestThreadContextHidesTheLoop(t *testing.T) {
	type key struct{}
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		ctx, cancel := context.WithCancel(context.WithValue(ctx, key{}, "value"))
		outside := asyncio.ThreadContext(ctx)
		if _, ok := asyncio.LoopFrom(outside); ok || outside.Value(key{}) != "value" || outside.Err() != nil {
			t.Errorf("got loop %t, value %v, error %v", ok, outside.Value(key{}), outside.Err())
		}
		cancel()
		if outside.Err() == nil {
			t.Error("the context has not ended with the one it was made of")
		}
		return struct{}{}, nil
	})
	wantErr(t, err, nil)
}
