package bench

// The scheduler's work done without the loop, each in the way its own
// documentation shows.

import (
	"context"
	"iter"
	"runtime"
	"sync"
	"time"

	"github.com/sourcegraph/conc"
	"golang.org/x/sync/errgroup"
)

func spawnWaitGroup(r Round) {
	var wg sync.WaitGroup
	result := 0
	for r.Loop() {
		wg.Go(func() { result, _ = answer(context.Background()) })
		wg.Wait()
	}
	runtime.KeepAlive(result)
}

func spawnChannel(r Round) {
	for r.Loop() {
		result := make(chan int, 1)
		go func() {
			v, _ := answer(context.Background())
			result <- v
		}()
		<-result
	}
}

func spawnErrgroup(r Round) {
	for r.Loop() {
		var g errgroup.Group
		result := 0
		g.Go(func() (err error) {
			result, err = answer(context.Background())
			return err
		})
		if err := g.Wait(); err != nil {
			panic(err)
		}
		runtime.KeepAlive(result)
	}
}

func spawnConc(r Round) {
	for r.Loop() {
		var wg conc.WaitGroup
		result := 0
		wg.Go(func() { result, _ = answer(context.Background()) })
		wg.Wait()
		runtime.KeepAlive(result)
	}
}

// spawnCoro is the floor: one coroutine that exists already is switched to, does
// the work, and switches back.
func spawnCoro(r Round) {
	next, stop := iter.Pull(func(yield func(int) bool) {
		for {
			v, _ := answer(context.Background())
			if !yield(v) {
				return
			}
		}
	})
	defer stop()
	for r.Loop() {
		next()
	}
}

func gatherWaitGroup(r Round) {
	for r.Loop() {
		results := make([]int, r.N)
		var wg sync.WaitGroup
		for i := range results {
			wg.Go(func() { results[i], _ = answer(context.Background()) })
		}
		wg.Wait()
	}
}

func gatherErrgroup(r Round) {
	for r.Loop() {
		results := make([]int, r.N)
		var g errgroup.Group
		for i := range results {
			g.Go(func() (err error) {
				results[i], err = answer(context.Background())
				return err
			})
		}
		if err := g.Wait(); err != nil {
			panic(err)
		}
	}
}

func gatherConc(r Round) {
	for r.Loop() {
		results := make([]int, r.N)
		var wg conc.WaitGroup
		for i := range results {
			wg.Go(func() { results[i], _ = answer(context.Background()) })
		}
		wg.Wait()
	}
}

func yieldGosched(r Round) {
	for r.Loop() {
		var wg sync.WaitGroup
		for range r.N {
			wg.Go(func() {
				for range yieldTimes {
					runtime.Gosched()
				}
			})
		}
		wg.Wait()
	}
}

// yieldCoro is the floor: the same number of bare coroutines that exist already,
// resumed in turn by a plain loop.
func yieldCoro(r Round) {
	nexts := make([]func() (struct{}, bool), r.N)
	for i := range nexts {
		next, stop := iter.Pull(func(yield func(struct{}) bool) {
			for yield(struct{}{}) {
			}
		})
		defer stop()
		nexts[i] = next
	}
	for r.Loop() {
		for range yieldTimes {
			for _, next := range nexts {
				next()
			}
		}
	}
}

func queueChannel(r Round) {
	for r.Loop() {
		items := make(chan int, queueSize)
		go func() {
			for i := range r.N {
				items <- i
			}
		}()
		for range r.N {
			<-items
		}
	}
}

func contendedMutex(r Round) {
	var mu sync.Mutex
	for r.Loop() {
		var wg sync.WaitGroup
		for range r.N {
			wg.Go(func() {
				for range lockTimes {
					mu.Lock()
					runtime.Gosched()
					mu.Unlock()
				}
			})
		}
		wg.Wait()
	}
}

func lockMutex(r Round) {
	var mu sync.Mutex
	for r.Loop() {
		for range r.N {
			mu.Lock()
			//lint:ignore SA2001 an empty critical section is what is measured
			mu.Unlock()
		}
	}
}

func sleepersGoroutines(r Round) {
	for r.Loop() {
		var started, done sync.WaitGroup
		started.Add(r.N)
		for range r.N {
			done.Go(func() {
				started.Done()
				time.Sleep(sleepTime)
			})
		}
		started.Wait()
		r.Peak()
		done.Wait()
	}
}

func sleepersConc(r Round) {
	for r.Loop() {
		var started sync.WaitGroup
		started.Add(r.N)
		var done conc.WaitGroup
		for range r.N {
			done.Go(func() {
				started.Done()
				time.Sleep(sleepTime)
			})
		}
		started.Wait()
		r.Peak()
		done.Wait()
	}
}

// sleep waits for d or for the end of ctx, as a goroutine that can be cancelled has to.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// cancelGoroutines gives every goroutine a context of its own, because every task has one too.
func cancelGoroutines(r Round) {
	for r.Loop() {
		cancels := make([]context.CancelFunc, r.N)
		var started, done sync.WaitGroup
		started.Add(r.N)
		for i := range cancels {
			ctx, cancel := context.WithCancel(context.Background())
			cancels[i] = cancel
			done.Go(func() {
				started.Done()
				_ = sleep(ctx, forever)
			})
		}
		started.Wait()
		r.Peak()
		for _, cancel := range cancels {
			cancel()
		}
		done.Wait()
	}
}

// cancelErrgroup cancels all at once through the one context of the group.
func cancelErrgroup(r Round) {
	for r.Loop() {
		ctx, cancel := context.WithCancel(context.Background())
		g, ctx := errgroup.WithContext(ctx)
		var started sync.WaitGroup
		started.Add(r.N)
		for range r.N {
			g.Go(func() error {
				started.Done()
				return sleep(ctx, forever)
			})
		}
		started.Wait()
		r.Peak()
		cancel()
		_ = g.Wait()
	}
}
