package bench

// The scheduler's work: tasks started, awaited, switched, put to sleep and
// cancelled, with no I/O. Below the table come our implementations; those of the
// rivals are in rivals.go.

import (
	"context"
	"errors"
	"time"

	"github.com/aio-go/aio/asyncio"
)

const (
	sleepTime  = 500 * time.Millisecond // of each of many sleepers
	yieldTimes = 300                    // by each of many tasks
	lockTimes  = 1000                   // a contended lock is taken by each of many tasks
	queueSize  = 10
	forever    = time.Hour // for sleepers that are cancelled
)

// Scheduler is the work without I/O.
var Scheduler = []Work{
	{
		Op: "spawn", About: "start a trivial task and await it", N: 1, Steps: 1,
		Impls: []Impl{
			{"aio", spawnAio}, {"waitgroup", spawnWaitGroup}, {"channel", spawnChannel},
			{"errgroup", spawnErrgroup}, {"conc", spawnConc}, {"coro", spawnCoro},
		},
	},
	{
		Op: "gather", About: "gather 100,000 trivial tasks", N: 100_000, Steps: 1,
		Impls: []Impl{
			{"aio", gatherAio}, {"waitgroup", gatherWaitGroup}, {"errgroup", gatherErrgroup}, {"conc", gatherConc},
		},
	},
	{
		Op: "yield", About: "1,000 tasks yield 300 times each", N: 1000, Steps: yieldTimes,
		Impls: []Impl{{"aio", yieldAio}, {"gosched", yieldGosched}, {"coro", yieldCoro}},
	},
	{
		Op: "sleepers", About: "100,000 tasks sleep 0.5 s at the same time", N: 100_000, Steps: 1, Waiting: true,
		Impls: []Impl{{"aio", sleepersAio}, {"goroutines", sleepersGoroutines}, {"conc", sleepersConc}},
	},
	{
		Op: "future", About: "await a future that a scheduled callback resolves", N: 1, Steps: 1,
		Impls: []Impl{{"aio", futureAio}, {"channel", spawnChannel}},
	},
	{
		Op: "queue", About: "an item through a queue of 10", N: 1000, Steps: 1,
		Impls: []Impl{{"aio", queueAio}, {"channel", queueChannel}},
	},
	{
		Op: "contended", About: "hold a lock across a yield, 100 tasks 1,000 times each", N: 100, Steps: lockTimes,
		Impls: []Impl{{"aio", contendedAio}, {"mutex", contendedMutex}},
	},
	{
		Op: "lock", About: "take and release a lock nobody else wants", N: 1000, Steps: 1,
		Impls: []Impl{{"aio", lockAio}, {"mutex", lockMutex}},
	},
	{
		Op: "cancel", About: "cancel 100,000 sleepers and collect them", N: 100_000, Steps: 1,
		Impls: []Impl{{"aio", cancelAio}, {"goroutines", cancelGoroutines}, {"errgroup", cancelErrgroup}},
	},
}

// answer is the trivial task.
func answer(context.Context) (int, error) { return 42, nil }

// run runs body as the main task of a new loop. The work has no way to fail, so
// an error is a fault of the benchmark.
func run(body func(ctx context.Context) error) {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, body(ctx)
	})
	if err != nil {
		panic("bench: " + err.Error())
	}
}

func spawnAio(r Round) {
	run(func(ctx context.Context) error {
		for r.Loop() {
			if _, err := asyncio.CreateTask(ctx, answer).Await(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

func gatherAio(r Round) {
	run(func(ctx context.Context) error {
		for r.Loop() {
			tasks := make([]*asyncio.Task[int], r.N)
			for i := range tasks {
				tasks[i] = asyncio.CreateTask(ctx, answer)
			}
			if _, err := asyncio.Gather(ctx, tasks...).Await(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

func yieldAio(r Round) {
	yielder := func(ctx context.Context) (struct{}, error) {
		for range yieldTimes {
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, nil
	}
	run(func(ctx context.Context) error {
		for r.Loop() {
			tasks := make([]*asyncio.Task[struct{}], r.N)
			for i := range tasks {
				tasks[i] = asyncio.CreateTask(ctx, yielder)
			}
			if _, err := asyncio.Gather(ctx, tasks...).Await(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

func sleeper(d time.Duration) asyncio.Coroutine[struct{}] {
	return func(ctx context.Context) (struct{}, error) {
		return struct{}{}, asyncio.Sleep(ctx, d)
	}
}

// startSleepers returns n tasks that have gone to sleep for d.
func startSleepers(ctx context.Context, n int, d time.Duration) ([]*asyncio.Task[struct{}], error) {
	tasks := make([]*asyncio.Task[struct{}], n)
	sleep := sleeper(d)
	for i := range tasks {
		tasks[i] = asyncio.CreateTask(ctx, sleep)
	}
	return tasks, asyncio.Sleep(ctx, 0) // one turn: they start
}

func sleepersAio(r Round) {
	run(func(ctx context.Context) error {
		for r.Loop() {
			tasks, err := startSleepers(ctx, r.N, sleepTime)
			if err != nil {
				return err
			}
			r.Peak()
			if _, err := asyncio.Gather(ctx, tasks...).Await(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

func futureAio(r Round) {
	run(func(ctx context.Context) error {
		loop := asyncio.RunningLoop(ctx)
		for r.Loop() {
			f := asyncio.NewFuture[int](ctx)
			loop.CallSoon(func() { f.SetResult(42) })
			if _, err := f.Await(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

func queueAio(r Round) {
	run(func(ctx context.Context) error {
		for r.Loop() {
			q := asyncio.NewQueue[int](queueSize)
			producer := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
				for i := range r.N {
					if err := q.Put(ctx, i); err != nil {
						return struct{}{}, err
					}
				}
				return struct{}{}, nil
			})
			for range r.N {
				if _, err := q.Get(ctx); err != nil {
					return err
				}
			}
			if _, err := producer.Await(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

func contendedAio(r Round) {
	var lock asyncio.Lock
	worker := func(ctx context.Context) (struct{}, error) {
		for range lockTimes {
			if err := lock.Acquire(ctx); err != nil {
				return struct{}{}, err
			}
			err := asyncio.Sleep(ctx, 0)
			lock.Release()
			if err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, nil
	}
	run(func(ctx context.Context) error {
		for r.Loop() {
			tasks := make([]*asyncio.Task[struct{}], r.N)
			for i := range tasks {
				tasks[i] = asyncio.CreateTask(ctx, worker)
			}
			if _, err := asyncio.Gather(ctx, tasks...).Await(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

func lockAio(r Round) {
	var lock asyncio.Lock
	run(func(ctx context.Context) error {
		for r.Loop() {
			for range r.N {
				if err := lock.Acquire(ctx); err != nil {
					return err
				}
				lock.Release()
			}
		}
		return nil
	})
}

func cancelAio(r Round) {
	run(func(ctx context.Context) error {
		for r.Loop() {
			tasks, err := startSleepers(ctx, r.N, forever)
			if err != nil {
				return err
			}
			r.Peak()
			for _, t := range tasks {
				t.Cancel(nil)
			}
			for _, t := range tasks {
				if _, err := t.Await(ctx); !errors.Is(err, context.Canceled) {
					return err
				}
			}
		}
		return nil
	})
}
