package asyncio_test

// What the loop's parts cost. The comparisons with other schedulers are in module bench.

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// inLoop runs body as the main task of a new loop.
func inLoop(b *testing.B, body func(ctx context.Context, l *asyncio.EventLoop)) {
	b.Helper()
	b.ReportAllocs()
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		body(ctx, asyncio.RunningLoop(ctx))
		return struct{}{}, nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

func BenchmarkLoop(b *testing.B) {
	trivial := func(context.Context) (int, error) { return 1, nil }
	b.Run("op=callback", func(b *testing.B) {
		inLoop(b, func(ctx context.Context, l *asyncio.EventLoop) {
			const burst = 1000
			for range b.N/burst + 1 {
				for range burst {
					l.CallSoon(func() {})
				}
				_ = asyncio.Sleep(ctx, 0)
			}
		})
	})
	b.Run("op=donecallback", func(b *testing.B) {
		inLoop(b, func(ctx context.Context, l *asyncio.EventLoop) {
			const burst = 1000
			called := func(*asyncio.Future[int]) {}
			for range b.N/burst + 1 {
				f := asyncio.NewFuture[int](ctx)
				for range burst {
					f.AddDoneCallback(called)
				}
				_ = f.SetResult(1)
				_ = asyncio.Sleep(ctx, 0)
			}
		})
	})
	b.Run("op=eagertask", func(b *testing.B) {
		inLoop(b, func(ctx context.Context, l *asyncio.EventLoop) {
			eager := asyncio.WithEagerStart()
			for b.Loop() {
				asyncio.CreateTask(ctx, trivial, eager)
			}
		})
	})
	b.Run("op=awaitdone", func(b *testing.B) {
		inLoop(b, func(ctx context.Context, l *asyncio.EventLoop) {
			f := asyncio.NewFuture[int](ctx)
			_ = f.SetResult(1)
			for b.Loop() {
				_, _ = f.Await(ctx)
			}
		})
	})
	b.Run("op=timeout", func(b *testing.B) {
		inLoop(b, func(ctx context.Context, l *asyncio.EventLoop) {
			for b.Loop() {
				_, cancel := asyncio.WithTimeout(ctx, time.Hour)
				cancel()
			}
		})
	})
	b.Run("op=tothread", func(b *testing.B) {
		inLoop(b, func(ctx context.Context, l *asyncio.EventLoop) {
			for b.Loop() {
				_, _ = asyncio.ToThread(ctx, trivial)
			}
		})
	})
}

func BenchmarkCallSoonThreadsafe(b *testing.B) {
	const goroutines = 4
	inLoop(b, func(ctx context.Context, l *asyncio.EventLoop) {
		left := goroutines
		done := asyncio.NewFuture[struct{}](ctx)
		var start sync.WaitGroup
		start.Add(1)
		for range goroutines {
			go func() {
				start.Wait()
				for range b.N / goroutines {
					_ = l.CallSoonThreadsafe(func() {})
				}
				_ = l.CallSoonThreadsafe(func() {
					if left--; left == 0 {
						_ = done.SetResult(struct{}{})
					}
				})
			}()
		}
		asyncio.RunInExecutor(l, func(context.Context) (int, error) { start.Done(); return 0, nil })
		_, _ = done.Await(ctx)
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}
