package asyncio_test

// Queues: bounds, order, hand-over, joining and shutting down.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// putAll puts items without waiting.
func putAll[T any](t *testing.T, q *asyncio.Queue[T], items ...T) {
	t.Helper()
	for _, v := range items {
		wantErr(t, q.PutNowait(v), nil)
	}
}

// drain gets what is to spare.
func drain[T any](q *asyncio.Queue[T]) (items []T) {
	for {
		v, err := q.GetNowait()
		if err != nil {
			return items
		}
		items = append(items, v)
	}
}

func wantItems[T comparable](t *testing.T, got []T, want ...T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got items %v, want %v", got, want)
	}
}

func get[T any](ctx context.Context, q *asyncio.Queue[T], opts ...asyncio.TaskOption) *asyncio.Task[T] {
	return asyncio.CreateTask(ctx, q.Get, opts...)
}

func put[T any](ctx context.Context, q *asyncio.Queue[T], v T) *asyncio.Task[none] {
	return spawn(ctx, func(ctx context.Context) error { return q.Put(ctx, v) })
}

func TestProducerIsHeldUpByABoundedQueue(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		q := asyncio.NewQueue[int](2)
		var tr trace
		spawn(ctx, func(ctx context.Context) error {
			for i := range 4 {
				if err := q.Put(ctx, i); err != nil {
					return err
				}
				tr.add("put %d", i)
			}
			return nil
		})
		settle(ctx)
		tr.want(t, "put 0", "put 1")
		if !q.Full() || q.Empty() || q.Len() != 2 || q.Cap() != 2 {
			t.Errorf("got %v, want it full", q)
		}
		wantErr(t, q.PutNowait(9), asyncio.ErrQueueFull)
		for i := range 2 {
			v, err := q.GetNowait()
			if v != i || err != nil {
				t.Errorf("got %v, %v, want %v", v, err, i)
			}
			settle(ctx)
		}
		tr.want(t, "put 0", "put 1", "put 2", "put 3")
		wantItems(t, drain(q), 2, 3)
		_, err := q.GetNowait()
		wantErr(t, err, asyncio.ErrQueueEmpty)
		return nil
	})
}

func TestBlockedPuttersKeepTheirOrder(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		q := asyncio.NewQueue[string](1)
		put(ctx, q, "a")
		put(ctx, q, "b")
		put(ctx, q, "c")
		settle(ctx)
		var got []string
		for range 3 {
			v, err := q.Get(ctx) // finds the next item moved in
			if err != nil {
				return err
			}
			got = append(got, v)
		}
		wantItems(t, got, "a", "b", "c")
		return nil
	})
}

func TestItemOfACancelledGetterIsNotLost(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		q := asyncio.NewQueue[int](0)
		readers := []*asyncio.Task[int]{get(ctx, q), get(ctx, q), get(ctx, q)}
		settle(ctx)
		readers[0].Cancel(nil) // before there was anything for it
		putAll(t, q, 1, 2)
		readers[1].Cancel(nil) // after
		_, err := readers[0].Await(ctx)
		wantErr(t, err, context.Canceled)
		for i, want := range []int{1, 2} {
			got, err := readers[i+1].Await(ctx)
			if got != want || err != nil {
				t.Errorf("reader %d: got %v, %v, want %v", i+1, got, err, want)
			}
		}
		if !q.Empty() {
			t.Errorf("got %v, want it empty", q)
		}
		return nil
	})
}

func TestItemOfACancelledPutterDoesNotMoveIn(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		q := asyncio.NewQueue[int](1)
		putAll(t, q, 0)
		putters := []*asyncio.Task[none]{put(ctx, q, 1), put(ctx, q, 2), put(ctx, q, 3)}
		settle(ctx)
		putters[0].Cancel(nil)
		v, err := q.GetNowait()
		if v != 0 || err != nil {
			t.Errorf("got %v, %v, want 0", v, err)
		}
		putters[1].Cancel(nil) // its item is in
		settle(ctx)
		wantErr(t, putters[0].Err(), context.Canceled)
		wantErr(t, putters[1].Err(), nil)
		wantItems(t, drain(q), 2, 3)
		return nil
	})
}

func TestNobodyOvertakesTheWokenGetter(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		q := asyncio.NewQueue[int](0)
		getter := get(ctx, q)
		settle(ctx)
		putAll(t, q, 1)
		_, err := q.GetNowait()
		wantErr(t, err, asyncio.ErrQueueEmpty)
		putAll(t, q, 2)
		late, err := q.GetNowait()
		if late != 2 || err != nil {
			t.Errorf("got %v, %v for the late one, want 2", late, err)
		}
		if got, err := getter.Await(ctx); got != 1 || err != nil {
			t.Errorf("got %v, %v for the getter, want 1", got, err)
		}
		return nil
	})
}

func TestTaskDoneTooOftenIsAnError(t *testing.T) {
	for name, q := range map[string]*asyncio.Queue[int]{
		"fifo": asyncio.NewQueue[int](0), "lifo": asyncio.NewLifoQueue[int](0), "priority": asyncio.NewPriorityQueue(0, less),
	} {
		wantErr(t, q.TaskDone(), asyncio.ErrInvalidState)
		putAll(t, q, 1)
		wantErr(t, q.TaskDone(), nil)
		if err := q.TaskDone(); !errors.Is(err, asyncio.ErrInvalidState) {
			t.Errorf("%s: got %v, want ErrInvalidState", name, err)
		}
	}
}

func less(a, b int) bool { return a < b }

func TestJoinWaitsForTheLastTaskDone(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		q := asyncio.NewQueue[int](0)
		wantErr(t, q.Join(ctx), nil)
		for i := range 100 {
			putAll(t, q, i)
		}
		sum := 0
		for range 2 {
			spawn(ctx, func(ctx context.Context) error {
				for {
					v, err := q.Get(ctx)
					if err != nil {
						return err
					}
					sum += v
					if err := asyncio.Sleep(ctx, time.Millisecond); err != nil {
						return err
					}
					if err := q.TaskDone(); err != nil {
						return err
					}
				}
			})
		}
		limited, cancel := asyncio.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
		wantErr(t, q.Join(limited), context.DeadlineExceeded)
		wantErr(t, q.Join(ctx), nil)
		if got := asyncio.RunningLoop(ctx).Time(); sum != 4950 || got != 50*time.Millisecond {
			t.Errorf("got sum %d at %v, want 4950 at 50ms", sum, got)
		}
		q.Shutdown(false)
		settle(ctx)
		return nil
	}, aiotest.AllowLeaks())
}

func TestShutdownOfAnEmptyQueue(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		q := asyncio.NewQueue[int](0)
		getter := get(ctx, q)
		settle(ctx)
		q.Shutdown(false)
		_, err := getter.Await(ctx)
		wantErr(t, err, asyncio.ErrQueueShutDown)
		wantErr(t, q.Put(ctx, 1), asyncio.ErrQueueShutDown)
		wantErr(t, q.PutNowait(1), asyncio.ErrQueueShutDown)
		_, err = q.Get(ctx)
		wantErr(t, err, asyncio.ErrQueueShutDown)
		_, err = q.GetNowait()
		wantErr(t, err, asyncio.ErrQueueShutDown)
		wantString(t, q, "Queue(shut down, 0/0 items, 0 unfinished, 0 getting, 0 putting)")
		return q.Join(ctx)
	})
}

func TestShutdownLeavesTheItems(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		q := asyncio.NewQueue[int](2)
		putAll(t, q, 1, 2)
		putter := put(ctx, q, 3)
		settle(ctx)
		q.Shutdown(false)
		_, err := putter.Await(ctx)
		wantErr(t, err, asyncio.ErrQueueShutDown)
		wantItems(t, drain(q), 1, 2)
		_, err = q.Get(ctx)
		wantErr(t, err, asyncio.ErrQueueShutDown)
		wantUnfinished(t, ctx, q, 2)
		return nil
	})
}

func TestImmediateShutdownDropsTheItems(t *testing.T) {
	for _, twice := range []bool{false, true} {
		simulate(t, func(ctx context.Context) error {
			q := asyncio.NewQueue[int](0)
			putAll(t, q, 1, 2, 3)
			if v, err := q.GetNowait(); v != 1 || err != nil { // in flight
				t.Errorf("got %v, %v, want 1", v, err)
			}
			if twice {
				q.Shutdown(false)
			}
			q.Shutdown(true)
			_, err := q.GetNowait()
			wantErr(t, err, asyncio.ErrQueueShutDown)
			wantUnfinished(t, ctx, q, 1)
			return nil
		})
	}
}

func TestImmediateShutdownLeavesWhatWasPromised(t *testing.T) {
	queues := map[string]func() *asyncio.Queue[int]{
		"fifo":     func() *asyncio.Queue[int] { return asyncio.NewQueue[int](0) },
		"lifo":     func() *asyncio.Queue[int] { return asyncio.NewLifoQueue[int](0) },
		"priority": func() *asyncio.Queue[int] { return asyncio.NewPriorityQueue(0, less) },
	}
	want := map[string]int{"fifo": 2, "lifo": 3, "priority": 1}
	for name, make := range queues {
		simulate(t, func(ctx context.Context) error {
			q := make()
			getter := get(ctx, q)
			settle(ctx)
			putAll(t, q, 2, 1, 3) // the getter is woken by the first
			q.Shutdown(true)
			if got, err := getter.Await(ctx); got != want[name] || err != nil {
				t.Errorf("%s: got %v, %v, want %v", name, got, err, want[name])
			}
			wantUnfinished(t, ctx, q, 1)
			return nil
		})
	}
}

func TestOrdersOfQueues(t *testing.T) {
	putAllOf := []int{5, 3, 8, 1, 9, 2, 7}
	tests := []struct {
		name string
		q    *asyncio.Queue[int]
		want []int
	}{
		{"fifo", asyncio.NewQueue[int](0), []int{5, 3, 8, 1, 9, 2, 7}},
		{"lifo", asyncio.NewLifoQueue[int](0), []int{7, 2, 9, 1, 8, 3, 5}},
		{"priority", asyncio.NewPriorityQueue(0, less), []int{1, 2, 3, 5, 7, 8, 9}},
	}
	for _, tt := range tests {
		putAll(t, tt.q, putAllOf...)
		if got := drain(tt.q); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestWokenGetterOfAPriorityQueueTakesTheBest(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		q := asyncio.NewPriorityQueue(0, less)
		getter := get(ctx, q)
		settle(ctx)
		putAll(t, q, 3, 1, 2) // as in CPython, where it looks when its turn comes
		got, err := getter.Await(ctx)
		if got != 1 {
			t.Errorf("got %v, want 1", got)
		}
		wantItems(t, drain(q), 2, 3)
		return err
	})
}

// TestPriorityQueueAgainstAModel compares the heap with a sorted list.
func TestPriorityQueueAgainstAModel(t *testing.T) {
	type item struct{ priority, number int }
	rng := newRand(1)
	q := asyncio.NewPriorityQueue(0, func(a, b item) bool { return a.priority < b.priority })
	var model []item
	for n := range 5000 {
		if rng.IntN(5) < 3 {
			v := item{rng.IntN(10), n}
			putAll(t, q, v)
			at, _ := slices.BinarySearchFunc(model, v, func(a, b item) int { return 2*(a.priority-b.priority) - 1 })
			model = slices.Insert(model, at, v)
			continue
		}
		got, err := q.GetNowait()
		if len(model) == 0 {
			wantErr(t, err, asyncio.ErrQueueEmpty)
			continue
		}
		if got != model[0] {
			t.Fatalf("step %d: got %v, want %v: the least, and of equal ones the oldest", n, got, model[0])
		}
		model = model[1:]
	}
}

func TestAllGoesOnUntilShutdown(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		q := asyncio.NewQueue[int](1)
		spawn(ctx, func(ctx context.Context) error {
			defer q.Shutdown(false)
			for i := range 3 {
				if err := q.Put(ctx, i); err != nil {
					return err
				}
			}
			return nil
		})
		var got []int
		for v, err := range q.All(ctx) {
			if err != nil {
				return err
			}
			got = append(got, v)
		}
		wantItems(t, got, 0, 1, 2)

		q = asyncio.NewQueue[int](0)
		putAll(t, q, 1, 2)
		for range q.All(ctx) {
			break
		}
		wantItems(t, drain(q), 2)

		limited, cancel := asyncio.WithTimeout(ctx, time.Second)
		defer cancel()
		var errs []error
		for _, err := range q.All(limited) {
			errs = append(errs, err)
		}
		if len(errs) != 1 || !errors.Is(errs[0], context.DeadlineExceeded) {
			t.Errorf("got %v, want one deadline error", errs)
		}
		return nil
	})
}

func TestCancellationBecauseOfAShutdownIsNoShutdown(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		q := asyncio.NewQueue[int](0)
		var got error
		reader := spawn(ctx, func(ctx context.Context) error {
			for _, err := range q.All(ctx) {
				got = err
			}
			return nil
		})
		settle(ctx)
		reader.Cancel(asyncio.ErrQueueShutDown)
		_, err := reader.Await(ctx)
		wantErr(t, got, context.Canceled)
		return err
	})
}

// TestQueueSurvivesBursts fills and empties a queue to many depths: the ring that holds the
// items grows, wraps round and is let go.
func TestQueueSurvivesBursts(t *testing.T) {
	q := asyncio.NewQueue[int](0)
	next, want := 0, 0
	for burst := range 20 {
		for range 1 << (burst % 13) {
			putAll(t, q, next)
			next++
		}
		for _, got := range drain(q) {
			if got != want {
				t.Fatalf("got %d, want %d", got, want)
			}
			want++
		}
	}
	if want != next {
		t.Errorf("got %d items, want %d", want, next)
	}
}

// TestQueueProgramsLoseNothing runs random programs of producers and consumers, which are
// cancelled and run out of time at random, in shuffled orders: every item that was put is got
// once, or left.
func TestQueueProgramsLoseNothing(t *testing.T) {
	orders := []func(int) *asyncio.Queue[int]{
		asyncio.NewQueue[int], asyncio.NewLifoQueue[int],
		func(max int) *asyncio.Queue[int] { return asyncio.NewPriorityQueue(max, less) },
	}
	for seed := range uint64(200) {
		simulate(t, func(ctx context.Context) error {
			rng := newRand(seed)
			q := orders[rng.IntN(len(orders))](rng.IntN(4))
			var in, out []int
			work := func(ctx context.Context, step func(ctx context.Context, n int) error) error {
				for n := range 6 {
					limited, cancel := asyncio.WithTimeout(ctx, time.Duration(1+rng.IntN(3))*time.Millisecond)
					err := step(limited, n)
					cancel()
					if err != nil && !errors.Is(err, context.DeadlineExceeded) {
						return err
					}
					if err := asyncio.Sleep(ctx, time.Duration(rng.IntN(3))*time.Millisecond); err != nil {
						return err
					}
				}
				return nil
			}
			var tasks []*asyncio.Task[none]
			for i := range 6 {
				tasks = append(tasks, spawn(ctx, func(ctx context.Context) error {
					return work(ctx, func(ctx context.Context, n int) error {
						if i%2 == 0 {
							v, err := q.Get(ctx)
							if err == nil {
								out = append(out, v)
							}
							return err
						}
						err := q.Put(ctx, 100*i+n)
						if err == nil {
							in = append(in, 100*i+n)
						}
						return err
					})
				}))
			}
			for range 3 {
				victim := tasks[rng.IntN(len(tasks))]
				asyncio.RunningLoop(ctx).CallAt(time.Duration(rng.IntN(12))*time.Millisecond, func() { victim.Cancel(nil) })
			}
			_, err := asyncio.GatherSettled(ctx, tasks...).Await(ctx)
			out = append(out, drain(q)...)
			slices.Sort(in)
			slices.Sort(out)
			if !slices.Equal(in, out) {
				t.Errorf("seed %d: got %v out of the queue, want %v", seed, out, in)
			}
			wantString(t, q, fmt.Sprintf("Queue(open, 0/%d items, %d unfinished, 0 getting, 0 putting)", q.Cap(), len(in)))
			return err
		}, aiotest.WithSeed(seed))
	}
}
