package asyncio_test

// Two events in one turn: for each primitive, everything that can happen to its waiters
// (they are granted what they wait for, cancelled, out of time, sent away) happens in one turn
// of the loop, in every order, and the outcome is compared with a model of a few lines.

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// inEveryOrder runs body with events in every order: as they are, and with what follows from
// them in shuffled order.
func inEveryOrder(t *testing.T, events []string, body func(t *testing.T, ctx context.Context, order []string)) {
	t.Helper()
	seed := uint64(0)
	var permute func(order []string, rest []string)
	permute = func(order []string, rest []string) {
		if len(rest) > 0 {
			for i, e := range rest {
				permute(append(slices.Clone(order), e), slices.Delete(slices.Clone(rest), i, i+1))
			}
			return
		}
		seed++
		for _, opts := range [][]aiotest.Option{nil, {aiotest.WithSeed(seed)}} {
			simulate(t, func(ctx context.Context) error {
				body(t, ctx, order)
				return nil
			}, opts...)
			if t.Failed() {
				t.Fatalf("in the order %q, seed %d", order, seed)
			}
		}
	}
	permute(nil, events)
}

// instant is when the events of a test happen.
const instant = time.Second

// inOneTurn starts n tasks that wait, in this order, and lets the events happen in one turn, in their order.
// "cancel i" and "timeout i" happen to the i-th task; the rest is done by act. When all is over
// that follows from the events, it returns the tasks, and the order in which the events have
// happened, which a seed may have changed.
func inOneTurn[T any](ctx context.Context, events []string, n int, wait func(ctx context.Context, i int) (T, error), act func(event string)) (tasks []*asyncio.Task[T], happened []string) {
	loop := asyncio.RunningLoop(ctx)
	tasks = make([]*asyncio.Task[T], n)
	limited := make(map[int]context.Context)
	happens := func(event string) {
		for i := range n { // a timeout is noticed when something else happens
			name := fmt.Sprint("timeout ", i)
			if limited[i] != nil && limited[i].Err() != nil && !slices.Contains(happened, name) {
				happened = append(happened, name)
			}
		}
		if event != "" {
			happened = append(happened, event)
		}
	}
	for _, event := range events {
		kind, number, _ := strings.Cut(event, " ")
		i, _ := strconv.Atoi(number) // only cancel and timeout have to have one
		switch kind {
		case "timeout":
			var cancel context.CancelFunc
			limited[i], cancel = asyncio.WithTimeout(ctx, instant)
			defer cancel()
		case "cancel":
			loop.CallAt(instant, func() {
				happens(event)
				tasks[i].Cancel(nil)
			})
		default:
			loop.CallAt(instant, func() {
				happens(event)
				act(event)
			})
		}
	}
	for i := range n {
		parent := ctx
		if limited[i] != nil {
			parent = limited[i]
		}
		tasks[i] = asyncio.CreateTask(parent, func(ctx context.Context) (T, error) { return wait(ctx, i) }, asyncio.WithEagerStart())
	}
	if err := asyncio.Sleep(ctx, 2*instant); err != nil {
		panic(err)
	}
	happens("")
	return tasks, happened
}

// A line is the model of a wait queue: who waits, oldest first, and what became of the rest.
type line struct {
	waiting []int
	outcome map[int]error
}

func newLine(n int) *line {
	l := &line{outcome: map[int]error{}}
	for i := range n {
		l.waiting = append(l.waiting, i)
	}
	return l
}

// grant lets the oldest go and returns it, -1 if nobody waits.
func (l *line) grant() int {
	if len(l.waiting) == 0 {
		return -1
	}
	i := l.waiting[0]
	l.leave(i, nil)
	return i
}

func (l *line) grantAll() {
	for l.grant() >= 0 {
	}
}

// leave lets i go with err, if it still waits.
func (l *line) leave(i int, err error) {
	if at := slices.Index(l.waiting, i); at >= 0 {
		l.waiting = slices.Delete(l.waiting, at, at+1)
		l.outcome[i] = err
	}
}

func (l *line) failAll(err error) {
	for len(l.waiting) > 0 {
		l.leave(l.waiting[0], err)
	}
}

// end handles the events that all models have in common and reports whether event is one.
func (l *line) end(event string) bool {
	kind, number, _ := strings.Cut(event, " ")
	i, _ := strconv.Atoi(number)
	switch kind {
	case "cancel":
		l.leave(i, context.Canceled)
	case "timeout":
		l.leave(i, context.DeadlineExceeded)
	default:
		return false
	}
	return true
}

// wantOutcomes compares what became of the tasks with what the model says.
func wantOutcomes[T any](t *testing.T, tasks []*asyncio.Task[T], l *line) {
	t.Helper()
	for i, task := range tasks {
		want, gone := l.outcome[i]
		switch {
		case !gone:
			if task.Done() {
				t.Errorf("waiter %d: got %v, want it to wait", i, task)
			}
		case !task.Done():
			t.Errorf("waiter %d: got %v, want it gone with %v", i, task, want)
		default:
			if err := task.Err(); !errors.Is(err, want) || want == nil && err != nil {
				t.Errorf("waiter %d: got %v, want %v", i, err, want)
			}
		}
	}
}

// settle lets everything run that is ready.
func settle(ctx context.Context) {
	for range 20 {
		if err := asyncio.Sleep(ctx, 0); err != nil {
			panic(err)
		}
	}
}

func wantString(t *testing.T, got fmt.Stringer, want string) {
	t.Helper()
	if got.String() != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLockInEveryOrder(t *testing.T) { // LOCK-02, LOCK-03
	const n = 4
	inEveryOrder(t, []string{"release", "cancel 0", "timeout 1", "cancel 3"}, func(t *testing.T, ctx context.Context, order []string) {
		var l asyncio.Lock
		var got []int
		holders := 0
		if err := l.Acquire(ctx); err != nil {
			t.Error(err)
		}
		tasks, happened := inOneTurn(ctx, order, n, func(ctx context.Context, i int) (none, error) {
			return none{}, l.With(ctx, func() error {
				got = append(got, i)
				if holders++; holders > 1 {
					t.Errorf("%d tasks hold the lock", holders)
				}
				err := asyncio.Sleep(context.WithoutCancel(ctx), 0)
				holders--
				return err
			})
		}, func(string) { l.Release() })

		model := newLine(n)
		var want []int
		for _, event := range happened {
			if !model.end(event) {
				want = append(want, model.grant())
			}
		}
		want = append(want, model.waiting...)
		model.grantAll()
		wantOutcomes(t, tasks, model)
		if !slices.Equal(got, want) {
			t.Errorf("got the lock in the order %v, want %v", got, want)
		}
		wantString(t, &l, "Lock(unlocked, 0 waiting)")
	})
}

func TestSemaphoreInEveryOrder(t *testing.T) { // SEM-04, SEM-06
	const n = 4
	inEveryOrder(t, []string{"release", "release", "cancel 0", "timeout 1", "cancel 2"}, func(t *testing.T, ctx context.Context, order []string) {
		s := asyncio.NewBoundedSemaphore(2)
		holders := 0
		for range 2 {
			if err := s.Acquire(ctx); err != nil {
				t.Error(err)
			}
		}
		tasks, happened := inOneTurn(ctx, order, n, func(ctx context.Context, i int) (none, error) {
			return none{}, s.With(ctx, func() error {
				if holders++; holders > 2 {
					t.Errorf("%d tasks have a permit", holders)
				}
				err := asyncio.Sleep(context.WithoutCancel(ctx), 0)
				holders--
				return err
			})
		}, func(string) { s.Release() })

		model := newLine(n)
		for _, event := range happened {
			if !model.end(event) {
				model.grant()
			}
		}
		model.grantAll() // when those before have released
		wantOutcomes(t, tasks, model)
		wantString(t, s, "Semaphore(2 free, 0 waiting)")
	})
}

func TestEventInEveryOrder(t *testing.T) {
	const n = 4
	inEveryOrder(t, []string{"set", "clear", "cancel 0", "timeout 1", "cancel 2"}, func(t *testing.T, ctx context.Context, order []string) {
		var e asyncio.Event
		tasks, happened := inOneTurn(ctx, order, n, func(ctx context.Context, _ int) (none, error) {
			return none{}, e.Wait(ctx)
		}, func(event string) {
			if event == "set" {
				e.Set()
			} else {
				e.Clear()
			}
		})
		model := newLine(n)
		for _, event := range happened {
			if !model.end(event) && event == "set" {
				model.grantAll()
			}
		}
		wantOutcomes(t, tasks, model)
		e.Set()
		settle(ctx)
		model.grantAll()
		wantOutcomes(t, tasks, model)
		wantString(t, &e, "Event(set, 0 waiting)")
	})
}

func TestConditionInEveryOrder(t *testing.T) { // COND-03, COND-04, COND-08
	const n = 4
	inEveryOrder(t, []string{"notify", "notify", "cancel 0", "timeout 1", "cancel 2"}, func(t *testing.T, ctx context.Context, order []string) {
		c := asyncio.NewCondition(nil)
		loop := asyncio.RunningLoop(ctx)
		released := instant + time.Millisecond
		loop.CallAt(instant-time.Millisecond, func() {
			if err := c.Acquire(ctx); err != nil { // it is free: no suspension
				t.Error(err)
			}
		})
		loop.CallAt(released, c.Release)
		holders := 0
		tasks, happened := inOneTurn(ctx, order, n, func(ctx context.Context, _ int) (none, error) {
			return none{}, c.With(ctx, func() error {
				err := c.Wait(ctx)
				if holders++; holders > 1 || !c.Locked() || loop.Time() < released {
					t.Errorf("Wait returned at %v to one of %d tasks, lock %v", loop.Time(), holders, c.Lock)
				}
				if err := asyncio.Sleep(context.WithoutCancel(ctx), 0); err != nil {
					t.Error(err)
				}
				holders--
				return err
			})
		}, func(string) { c.Notify(1) })
		model := newLine(n)
		for _, event := range happened {
			if !model.end(event) {
				model.grant()
			}
		}
		wantOutcomes(t, tasks, model)
		err := c.With(ctx, func() error { c.NotifyAll(); return nil })
		wantErr(t, err, nil)
		settle(ctx)
		model.grantAll()
		wantOutcomes(t, tasks, model)
		wantString(t, c, "Condition(unlocked, 0 waiting)")
	})
}

func TestBarrierInEveryOrder(t *testing.T) { // BAR-02, BAR-03, BAR-04, BAR-06
	for _, close := range []string{"reset", "abort"} {
		inEveryOrder(t, []string{"arrive", "arrive", "cancel 0", "timeout 1", close}, func(t *testing.T, ctx context.Context, order []string) {
			b := asyncio.NewBarrier(3)
			var late []*asyncio.Task[int]
			tasks, happened := inOneTurn(ctx, order, 2, func(ctx context.Context, _ int) (int, error) { return b.Wait(ctx) }, func(event string) {
				switch event {
				case "arrive":
					late = append(late, asyncio.CreateTask(ctx, b.Wait, asyncio.WithEagerStart()))
				case "reset":
					b.Reset()
				case "abort":
					b.Abort()
				}
			})
			tasks = append(tasks, late...)
			model := newLine(2)
			index := make(map[int]int)
			next, aborted := 2, false
			for _, event := range happened {
				switch {
				case model.end(event):
				case event == "arrive" && aborted:
					model.outcome[next] = asyncio.ErrBrokenBarrier
					next++
				case event == "arrive":
					model.waiting = append(model.waiting, next)
					next++
					if len(model.waiting) == 3 {
						for i := range 3 {
							index[model.grant()] = i
						}
					}
				default:
					aborted = event == "abort"
					model.failAll(asyncio.ErrBrokenBarrier)
				}
			}
			wantOutcomes(t, tasks, model)
			if b.Waiting() != len(model.waiting) || b.Broken() != aborted {
				t.Errorf("got %v, want %d waiting, broken %v", b, len(model.waiting), aborted)
			}
			for i, want := range index {
				if got, _ := tasks[i].Result(); got != want {
					t.Errorf("waiter %d: got index %d, want %d", i, got, want)
				}
			}
			b.Reset()
			settle(ctx)
			model.failAll(asyncio.ErrBrokenBarrier)
			wantOutcomes(t, tasks, model)
			wantString(t, b, "Barrier(filling, 0/3)")
		})
	}
}

// closings are the two ways to end a queue.
var closings = map[string]bool{"shutdown": false, "shutdown now": true}

func TestQueueGettersInEveryOrder(t *testing.T) {
	for close, immediate := range closings {
		third := map[bool]string{false: "timeout 1", true: "take"}[immediate]
		inEveryOrder(t, []string{"put 1", "put 2", third, "cancel 0", close}, func(t *testing.T, ctx context.Context, order []string) {
			q := asyncio.NewQueue[int](0)
			type result struct {
				v   int
				err error
			}
			var results []result
			tasks, happened := inOneTurn(ctx, order, 3, func(ctx context.Context, _ int) (int, error) { return q.Get(ctx) }, func(event string) {
				switch event {
				case "put 1", "put 2":
					results = append(results, result{0, q.PutNowait(int(event[4] - '0'))})
				case "take":
					v, err := q.GetNowait()
					results = append(results, result{v, err})
				default:
					q.Shutdown(immediate)
				}
			})

			model := newLine(3)
			items := make(map[int]int) // of the getters
			var spare []int
			var wants []result
			shut, unfinished := false, 0
			for _, event := range happened {
				switch {
				case model.end(event):
				case event == "take" && len(spare) > 0:
					wants = append(wants, result{spare[0], nil})
					spare = spare[1:]
				case event == "take" && shut:
					wants = append(wants, result{0, asyncio.ErrQueueShutDown})
				case event == "take":
					wants = append(wants, result{0, asyncio.ErrQueueEmpty})
				case event == close:
					shut = true
					model.failAll(asyncio.ErrQueueShutDown)
					if immediate {
						unfinished -= len(spare)
						spare = nil
					}
				case shut:
					wants = append(wants, result{0, asyncio.ErrQueueShutDown})
				default:
					wants = append(wants, result{0, nil})
					unfinished++
					v := int(event[4] - '0')
					if i := model.grant(); i >= 0 {
						items[i] = v
					} else {
						spare = append(spare, v)
					}
				}
			}
			wantOutcomes(t, tasks, model)
			if !slices.Equal(results, wants) || q.Len() != len(spare) {
				t.Errorf("got %v and %d items left, want %v and %v", results, q.Len(), wants, spare)
			}
			for i, want := range items {
				if got, _ := tasks[i].Result(); got != want {
					t.Errorf("getter %d: got %d, want %d", i, got, want)
				}
			}
			wantUnfinished(t, ctx, q, unfinished)
		})
	}
}

func TestQueuePuttersInEveryOrder(t *testing.T) {
	for close, immediate := range closings {
		inEveryOrder(t, []string{"take", "take", "cancel 0", "timeout 1", close}, func(t *testing.T, ctx context.Context, order []string) {
			q := asyncio.NewQueue[int](1)
			if err := q.PutNowait(100); err != nil {
				t.Error(err)
			}
			var got []int
			tasks, happened := inOneTurn(ctx, order, 3, func(ctx context.Context, i int) (none, error) { return none{}, q.Put(ctx, i) }, func(event string) {
				if event == close {
					q.Shutdown(immediate)
					return
				}
				if v, err := q.GetNowait(); err == nil {
					got = append(got, v)
				}
			})
			model := newLine(3)
			items, unfinished := []int{100}, 1
			var want []int
			for _, event := range happened {
				switch {
				case model.end(event):
				case event == close:
					model.failAll(asyncio.ErrQueueShutDown)
					if immediate {
						unfinished -= len(items)
						items = nil
					}
				case len(items) > 0:
					want = append(want, items[0])
					items = items[1:]
					if i := model.grant(); i >= 0 {
						items = append(items, i)
						unfinished++
					}
				}
			}
			wantOutcomes(t, tasks, model)
			if !slices.Equal(got, want) || q.Len() != len(items) {
				t.Errorf("got %v and %d items left, want %v and %v", got, q.Len(), want, items)
			}
			wantUnfinished(t, ctx, q, unfinished)
		})
	}
}

// wantUnfinished checks how many items of q were not reported done, and that Join agrees.
func wantUnfinished[T any](t *testing.T, ctx context.Context, q *asyncio.Queue[T], want int) {
	t.Helper()
	joined := spawn(ctx, q.Join)
	for i := range want {
		settle(ctx)
		if joined.Done() {
			t.Errorf("Join has returned with %d of %d items unfinished", want-i, want)
		}
		wantErr(t, q.TaskDone(), nil)
	}
	wantErr(t, q.TaskDone(), asyncio.ErrInvalidState)
	_, err := joined.Await(ctx)
	wantErr(t, err, nil)
}
