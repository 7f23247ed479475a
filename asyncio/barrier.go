package asyncio

// Barrier: tasks wait for each other at a point until enough have come.
//
// A generation is released as a whole, by the task that completes it, and each of its tasks is
// given its index at that moment; the next to come belongs to the next generation. There is
// thus no draining phase, as CPython has, in which newcomers are held up.

import (
	"context"
	"fmt"
)

// A Barrier lets a number of tasks wait until all of them have come. It can be used again and
// again. Make one with NewBarrier. CPython: asyncio.Barrier.
type Barrier struct {
	waiters loopQueue
	parties int
	came    int            // to this generation; some may have been cancelled since
	indices handovers[int] // of released tasks whose turn has not come yet
	broken  bool
}

// NewBarrier returns a barrier for n tasks. It panics if n is less than one.
func NewBarrier(n int) *Barrier {
	if n < 1 {
		panic(fmt.Sprintf("asyncio: a barrier for %d tasks: pass at least 1", n))
	}
	return &Barrier{parties: n}
}

// Wait suspends the running task until as many wait as the barrier is for, and returns the
// task's index among them: 0 for the first of them to come. The last to come goes on without
// suspending. When ctx ends first, Wait returns its error and the others wait on, for one
// more; a task that was released before has succeeded. It returns ErrBrokenBarrier when the
// barrier is reset meanwhile, or is aborted. It panics if the barrier is waited for on another
// loop. CPython: Barrier.wait.
func (b *Barrier) Wait(ctx context.Context) (index int, err error) {
	if b.broken {
		return 0, ErrBrokenBarrier
	}
	b.came++
	if b.came >= b.parties {
		b.came = b.waiters.waiting() + 1 // without those that were cancelled
	}
	if b.came == b.parties {
		return b.release(), nil
	}
	if err := b.waiters.wait(ctx, waitBarrier); err != nil {
		return 0, err
	}
	index, _, _ = b.indices.take(b.waiters.loop.current())
	return index, nil
}

// release lets this generation go on and returns the index of the one who came last.
func (b *Barrier) release() int {
	for i := range b.parties - 1 {
		b.indices.give(b.waiters.first(), i)
		b.waiters.wakeOne()
	}
	b.came = 0
	return b.parties - 1
}

// Reset makes the barrier empty and whole. Tasks that wait get ErrBrokenBarrier.
// CPython: Barrier.reset.
func (b *Barrier) Reset() { b.empty(false) }

// Abort breaks the barrier until Reset: tasks that wait, and those that will, get
// ErrBrokenBarrier. CPython: Barrier.abort.
func (b *Barrier) Abort() { b.empty(true) }

func (b *Barrier) empty(broken bool) {
	b.broken, b.came = broken, 0
	b.waiters.failAll(ErrBrokenBarrier)
}

// Parties returns how many tasks the barrier is for.
func (b *Barrier) Parties() int { return b.parties }

// Waiting returns how many tasks wait. CPython: Barrier.n_waiting.
func (b *Barrier) Waiting() int { return b.waiters.waiting() }

// Broken reports whether the barrier was aborted and not reset. CPython: Barrier.broken.
func (b *Barrier) Broken() bool { return b.broken }

// String describes the barrier for logs.
func (b *Barrier) String() string {
	state := "filling"
	if b.broken {
		state = "broken"
	}
	return fmt.Sprintf("Barrier(%s, %d/%d)", state, b.Waiting(), b.parties)
}
