package asyncio

// Lock, and what it shares with the other primitives: a wait queue that belongs to one loop.
//
// A loop runs one task at a time, so a primitive needs no atomics; it is a few fields and a
// wait queue. The rule for all of them is direct hand-over: who releases gives the lock to
// the oldest waiter there and then. Nobody who comes later can overtake the woken waiter, and
// a cancellation that comes after the wake-up comes too late to lose the lock.

import (
	"context"
	"fmt"
)

// loopQueue is a wait queue that stays with the first loop on which somebody waits.
type loopQueue struct {
	waitQueue
	loop *EventLoop // nil until somebody waits
}

// wait suspends the running task at the end of the queue until it is granted (nil), woken with
// an error, or ctx ends.
func (q *loopQueue) wait(ctx context.Context, why waitReason) error {
	s, made := scopeOf(ctx)
	if made {
		defer s.close()
	}
	w, err := q.enter(s, why)
	if err != nil {
		return err
	}
	return q.park(w, s, why)
}

// enter returns the worker of the task that is about to wait, or the error with which that
// fails at once. It panics if the queue belongs to another loop.
func (q *loopQueue) enter(s *scope, why waitReason) (*worker, error) {
	q.bind(s.loop, why)
	return s.loop.suspending(s)
}

// bind makes the queue one of l. A queue nobody waits on outlives its loop.
func (q *loopQueue) bind(l *EventLoop, why waitReason) {
	if q.loop == l {
		return
	}
	if q.loop != nil && !(q.loop.closed && q.empty()) {
		panic("asyncio: " + why.String() + " waits on one event loop and was used on another: give each loop its own, and cross loops with RunCoroutineThreadsafe")
	}
	q.loop = l
}

func (q *loopQueue) park(w *worker, s *scope, why waitReason) error {
	q.push(&w.node)
	w.leave(s, why)
	w.yield(struct{}{})
	return w.back(s)
}

// wakeOne grants the oldest waiter and reports whether there was one.
func (q *loopQueue) wakeOne() bool {
	if q.empty() {
		return false
	}
	q.loop.checkGoroutine("waking a waiting task")
	return q.waitQueue.wakeOne()
}

// wakeAll grants everybody who waits now.
func (q *loopQueue) wakeAll() {
	for q.wakeOne() {
	}
}

// first returns the worker of the oldest waiter, nil if there is none.
func (q *loopQueue) first() *worker {
	if q.empty() {
		return nil
	}
	return q.head.owner.(*worker)
}

// failAll ends the wait of everybody with err.
func (q *loopQueue) failAll(err error) {
	for w := q.first(); w != nil; w = q.first() {
		w.fail(err)
	}
}

// waiting counts the waiters.
func (q *loopQueue) waiting() int {
	n := 0
	for w := q.head; w != nil; w = w.next {
		n++
	}
	return n
}

// unwinding reports whether the running task is being ended by force: its deferred functions
// then release what it lost while it waited.
func (q *loopQueue) unwinding() bool {
	if q.loop == nil {
		return false
	}
	w := q.loop.current()
	return w != nil && w.state == workerUnwinding
}

type lockState uint8

const (
	lockFree     lockState = iota
	lockReserved           // given to a waiter whose turn has not come yet
	lockHeld
)

// String returns the name of the state.
func (s lockState) String() string { return [...]string{"unlocked", "reserved", "locked"}[s] }

// A Lock lets one task at a time go on. It is fair: waiting tasks get it in the order in
// which they came. It does not know its holder; a task that acquires it twice waits for
// itself. The zero Lock is free. It must not be copied once it was used.
// CPython: asyncio.Lock.
type Lock struct {
	waiters loopQueue
	state   lockState
}

// Acquire takes the lock. If it is free that succeeds without suspending, whether or not ctx
// has ended; otherwise the running task waits for its turn, first come, first served. When
// ctx ends first, Acquire returns its error and the lock was not taken; a lock that was
// handed over before is not lost: Acquire succeeds and the next suspension fails. It panics
// if the lock is waited for on another loop. CPython: Lock.acquire.
func (l *Lock) Acquire(ctx context.Context) error {
	if l.state == lockFree {
		l.state = lockHeld
		return nil
	}
	return l.await(ctx)
}

// await waits to be given the lock. It is apart so that Acquire, uncontended, is inlined.
//
//go:noinline
func (l *Lock) await(ctx context.Context) error {
	if err := l.waiters.wait(ctx, waitLock); err != nil {
		return err
	}
	l.state = lockHeld
	return nil
}

// Release gives the lock to the task that has waited longest, or frees it. It panics if the
// lock is not held. CPython: Lock.release.
func (l *Lock) Release() {
	if l.state == lockHeld && l.waiters.empty() {
		l.state = lockFree
		return
	}
	l.handOver()
}

// handOver gives the lock to the oldest waiter. It is apart so that Release, uncontended, is
// inlined.
func (l *Lock) handOver() {
	switch {
	case l.state == lockHeld:
		l.waiters.wakeOne()
		l.state = lockReserved
	case !l.waiters.unwinding():
		panic("asyncio: Release of a Lock that is not held: call it once after each Acquire that returned nil")
	}
}

// Locked reports whether a task holds the lock. Between a Release and the turn of the waiter
// it woke nobody does, though the lock is not to be had. CPython: Lock.locked.
func (l *Lock) Locked() bool { return l.state == lockHeld }

// With calls f with the lock held and returns f's error. If the lock is not to be had before
// ctx ends, f is not called and ctx's error is returned. CPython: async with lock.
func (l *Lock) With(ctx context.Context, f func() error) error {
	if err := l.Acquire(ctx); err != nil {
		return err
	}
	defer l.Release()
	return f()
}

// String describes the lock for logs.
func (l *Lock) String() string {
	return fmt.Sprintf("Lock(%v, %d waiting)", l.state, l.waiters.waiting())
}
