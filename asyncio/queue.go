package asyncio

// Queue: passing items between tasks.
//
// Two things always hold. While somebody waits in Get, the queue has no item to spare: an item
// that comes is the oldest waiter's at once, though it is taken out only when the waiter has
// its turn, so that a priority queue gives it the best there is by then. While somebody waits
// in Put, the queue is full: when room is made, the oldest waiter's item moves in at once. In
// this way nobody who comes later overtakes a woken task, and a cancellation that comes after
// the wake-up loses nothing. The orders that a queue may have are in queue_order.go.

import (
	"context"
	"fmt"
	"iter"
)

// errTooManyDone is returned by a TaskDone that no item stands for.
var errTooManyDone = fmt.Errorf("%w: Queue.TaskDone was called more often than items were put: call it once for each item that was got", ErrInvalidState)

type queueState uint8

const (
	queueOpen queueState = iota
	queueShutDown
)

// String returns the name of the state.
func (s queueState) String() string { return [...]string{"open", "shut down"}[s] }

// A Queue passes items between the tasks of one loop. It is fair: of the tasks that wait in
// Get, and of those in Put, the one that has waited longest is served first. Make one with
// NewQueue, NewPriorityQueue or NewLifoQueue. CPython: asyncio.Queue, PriorityQueue, LifoQueue.
type Queue[T any] struct {
	items      queueOrder[T]
	spare      int // items that nobody was promised
	max        int // how many of those there may be; zero or less: any number
	state      queueState
	unfinished int // items that came and were not reported done

	getters  loopQueue
	promised handovers[struct{}] // woken getters, each of which has an item in items
	putters  loopQueue
	offered  handovers[T] // what the putters bring
	joiners  loopQueue
}

// NewQueue returns a queue that gives its items in the order in which they came. It holds at
// most max of them, any number if max is zero or less.
func NewQueue[T any](max int) *Queue[T] {
	return &Queue[T]{max: max, items: new(fifo[T])}
}

// NewPriorityQueue returns a queue that gives the least of its items first, by less; of equal
// ones that which came first. It holds at most max, any number if max is zero or less.
// CPython: asyncio.PriorityQueue.
func NewPriorityQueue[T any](max int, less func(a, b T) bool) *Queue[T] {
	if less == nil {
		panic("asyncio: NewPriorityQueue without an order: pass a function that reports whether a comes before b")
	}
	return &Queue[T]{max: max, items: &byPriority[T]{less: less}}
}

// NewLifoQueue returns a queue that gives the newest of its items first. It holds at most max,
// any number if max is zero or less. CPython: asyncio.LifoQueue.
func NewLifoQueue[T any](max int) *Queue[T] {
	return &Queue[T]{max: max, items: new(lifo[T])}
}

// Put adds v. If there is room that succeeds without suspending, whether or not ctx has ended;
// otherwise the running task waits until its item has moved in, first come, first served.
// When ctx ends first, Put returns its error and v was not added. On a queue that was shut
// down, also while it waits, it returns ErrQueueShutDown. CPython: Queue.put.
func (q *Queue[T]) Put(ctx context.Context, v T) error {
	if err := q.PutNowait(v); err != ErrQueueFull {
		return err
	}
	s, made := scopeOf(ctx)
	if made {
		defer s.close()
	}
	w, err := q.putters.enter(s, waitQueuePut)
	if err != nil {
		return err
	}
	q.offered.give(w, v)
	if err := q.putters.park(w, s, waitQueuePut); err != nil {
		q.offered.take(w)
		return err
	}
	return nil
}

// PutNowait adds v, or returns ErrQueueFull, or ErrQueueShutDown.
// CPython: Queue.put_nowait.
func (q *Queue[T]) PutNowait(v T) error {
	if q.state == queueShutDown {
		return ErrQueueShutDown
	}
	if q.Full() {
		return ErrQueueFull
	}
	q.add(v)
	return nil
}

// add takes v in. It belongs to the oldest getter, if any waits.
func (q *Queue[T]) add(v T) {
	q.items.push(v)
	q.unfinished++
	if w := q.getters.first(); w != nil {
		q.promised.give(w, struct{}{})
		q.getters.wakeOne()
		return
	}
	q.spare++
}

// Get removes an item. If there is one to spare that succeeds without suspending, whether or
// not ctx has ended; otherwise the running task waits for one, first come, first served. When
// ctx ends first, Get returns its error and nothing was removed; an item that came before is
// not lost: Get succeeds and the next suspension fails. On a queue that was shut down and is
// empty, or becomes so while it waits, it returns ErrQueueShutDown. CPython: Queue.get.
func (q *Queue[T]) Get(ctx context.Context) (T, error) {
	v, err := q.GetNowait()
	if err != ErrQueueEmpty {
		return v, err
	}
	if err := q.getters.wait(ctx, waitQueueGet); err != nil {
		return v, err
	}
	_, place, _ := q.promised.take(q.getters.loop.current())
	return q.items.pop(place), nil
}

// GetNowait removes an item, or returns ErrQueueEmpty if there is none to spare: what woken
// tasks were promised is not. On an empty queue that was shut down it returns
// ErrQueueShutDown. CPython: Queue.get_nowait.
func (q *Queue[T]) GetNowait() (T, error) {
	if q.spare == 0 {
		var zero T
		if q.state == queueShutDown {
			return zero, ErrQueueShutDown
		}
		return zero, ErrQueueEmpty
	}
	v := q.items.pop(q.promised.n)
	q.spare--
	if w := q.putters.first(); w != nil {
		moved, _, _ := q.offered.take(w)
		q.add(moved)
		q.putters.wakeOne()
	}
	return v, nil
}

// All returns an iterator that gets one item after the other until the queue is shut down and
// empty. When ctx ends while it waits, it yields the zero T with ctx's error once and ends.
func (q *Queue[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			v, err := q.Get(ctx)
			if err == ErrQueueShutDown { // itself: not as the cause of a cancellation
				return
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// TaskDone reports that the work on an item that was got is done. When that is so for all
// items that were put, Join returns. It returns an error, which is ErrInvalidState, if it is
// called more often than items were put. CPython: Queue.task_done.
func (q *Queue[T]) TaskDone() error {
	if q.unfinished == 0 {
		return errTooManyDone
	}
	q.finish(1)
	return nil
}

func (q *Queue[T]) finish(n int) {
	q.unfinished -= min(n, q.unfinished)
	if q.unfinished == 0 {
		q.joiners.wakeAll()
	}
}

// Join suspends the running task until TaskDone was called for every item that was put. It
// does not suspend if that is so. When ctx ends first it returns its error.
// CPython: Queue.join.
func (q *Queue[T]) Join(ctx context.Context) error {
	if q.unfinished == 0 {
		return nil
	}
	return q.joiners.wait(ctx, waitQueueJoin)
}

// Shutdown ends the queue: from now on, and for tasks that wait, Put returns ErrQueueShutDown,
// and so does Get once the items are gone. An immediate shutdown drops the items nobody was
// given yet and counts them as done. A second call can still make it immediate.
// CPython: Queue.shutdown.
func (q *Queue[T]) Shutdown(immediate bool) {
	q.state = queueShutDown
	q.putters.failAll(ErrQueueShutDown)
	q.getters.failAll(ErrQueueShutDown)
	if immediate && q.spare > 0 {
		q.items.keep(q.promised.n)
		dropped := q.spare
		q.spare = 0
		q.finish(dropped)
	}
}

// Len returns how many items there are to spare. CPython: Queue.qsize.
func (q *Queue[T]) Len() int { return q.spare }

// Cap returns how many items the queue holds at most; zero or less means any number.
// CPython: Queue.maxsize.
func (q *Queue[T]) Cap() int { return q.max }

// Empty reports whether there is no item to spare. CPython: Queue.empty.
func (q *Queue[T]) Empty() bool { return q.spare == 0 }

// Full reports whether there is no room for another item. CPython: Queue.full.
func (q *Queue[T]) Full() bool { return q.max > 0 && q.spare >= q.max }

// String describes the queue for logs.
func (q *Queue[T]) String() string {
	return fmt.Sprintf("Queue(%v, %d/%d items, %d unfinished, %d getting, %d putting)",
		q.state, q.spare, q.max, q.unfinished, q.getters.waiting(), q.putters.waiting())
}
