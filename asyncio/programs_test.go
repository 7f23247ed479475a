package asyncio_test

// Random programs against the primitives: tasks that acquire, wait, notify and arrive, run out
// of time and are cancelled, in shuffled orders. What always holds is checked: exclusion,
// restored counts, and, by the run itself, that nobody is stranded.

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// program runs a random program for each of n seeds: workers tasks that take steps, of which
// some are cancelled. ctx of a step ends after a random time.
func program(t *testing.T, n uint64, workers int, make func(rng *rand.Rand) (step func(ctx context.Context, rng *rand.Rand) error, check func())) {
	t.Helper()
	for seed := range n {
		simulate(t, func(ctx context.Context) error {
			rng := newRand(seed)
			step, check := make(rng)
			var tasks []*asyncio.Task[none]
			for range workers {
				tasks = append(tasks, spawn(ctx, func(ctx context.Context) error {
					for range 5 {
						limited, cancel := asyncio.WithTimeout(ctx, time.Duration(1+rng.IntN(4))*time.Millisecond)
						err := step(limited, rng)
						cancel()
						if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, asyncio.ErrBrokenBarrier) {
							return err
						}
					}
					return nil
				}))
			}
			for range workers / 2 {
				victim := tasks[rng.IntN(workers)]
				asyncio.RunningLoop(ctx).CallAt(time.Duration(rng.IntN(10))*time.Millisecond, func() { victim.Cancel(nil) })
			}
			_, err := asyncio.GatherSettled(ctx, tasks...).Await(ctx)
			for _, task := range tasks {
				if task.Err() != nil && !task.Cancelled() {
					t.Errorf("got %v", task)
				}
			}
			check()
			return err
		}, aiotest.WithSeed(seed))
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
}

// pause suspends for a little while, also under a context that has ended.
func pause(ctx context.Context, rng *rand.Rand) {
	if err := asyncio.Sleep(context.WithoutCancel(ctx), time.Duration(rng.IntN(3))*time.Millisecond); err != nil {
		panic(err)
	}
}

func TestLockPrograms(t *testing.T) {
	program(t, 100, 5, func(*rand.Rand) (func(context.Context, *rand.Rand) error, func()) {
		var l asyncio.Lock
		holders := 0
		step := func(ctx context.Context, rng *rand.Rand) error {
			return l.With(ctx, func() error {
				if holders++; holders != 1 {
					t.Errorf("%d tasks hold the lock", holders)
				}
				pause(ctx, rng)
				holders--
				return nil
			})
		}
		return step, func() { wantString(t, &l, "Lock(unlocked, 0 waiting)") }
	})
}

func TestSemaphorePrograms(t *testing.T) {
	program(t, 100, 6, func(rng *rand.Rand) (func(context.Context, *rand.Rand) error, func()) {
		n := 1 + rng.IntN(3)
		s := asyncio.NewBoundedSemaphore(n)
		holders := 0
		step := func(ctx context.Context, rng *rand.Rand) error {
			return s.With(ctx, func() error {
				if holders++; holders > n {
					t.Errorf("%d tasks have one of %d permits", holders, n)
				}
				pause(ctx, rng)
				holders--
				return nil
			})
		}
		return step, func() { wantString(t, s, fmt.Sprintf("Semaphore(%d free, 0 waiting)", n)) }
	})
}

func TestConditionPrograms(t *testing.T) {
	program(t, 100, 6, func(*rand.Rand) (func(context.Context, *rand.Rand) error, func()) {
		c := asyncio.NewCondition(nil)
		holders, stock := 0, 0
		step := func(ctx context.Context, rng *rand.Rand) error {
			return c.With(ctx, func() error {
				defer func() {
					if holders++; holders != 1 {
						t.Errorf("%d tasks hold the lock", holders)
					}
					pause(ctx, rng)
					holders--
				}()
				if rng.IntN(2) == 0 {
					stock++
					c.Notify(1)
					return nil
				}
				err := c.WaitFor(ctx, func() bool { return stock > 0 })
				if err == nil {
					stock--
				}
				return err
			})
		}
		return step, func() {
			wantString(t, c, "Condition(unlocked, 0 waiting)")
			if stock < 0 {
				t.Errorf("got a stock of %d", stock)
			}
		}
	})
}

func TestBarrierPrograms(t *testing.T) {
	program(t, 100, 6, func(rng *rand.Rand) (func(context.Context, *rand.Rand) error, func()) {
		parties := 1 + rng.IntN(4)
		b := asyncio.NewBarrier(parties)
		passed := make(map[int]int) // tasks by index
		step := func(ctx context.Context, rng *rand.Rand) error {
			pause(ctx, rng)
			switch rng.IntN(20) {
			case 0:
				b.Abort()
			case 1:
				b.Reset()
			}
			index, err := b.Wait(ctx)
			if err == nil {
				passed[index]++
			}
			return err
		}
		return step, func() {
			for i := range parties {
				if passed[i] != passed[0] {
					t.Errorf("got %v passed, want as many with each index", passed)
				}
			}
			if b.Waiting() != 0 {
				t.Errorf("got %v, want nobody waiting", b)
			}
		}
	})
}
