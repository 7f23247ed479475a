package asyncio

// Semaphore and BoundedSemaphore: a number of permits.

import (
	"context"
	"fmt"
	"math"
)

// A Semaphore holds a number of permits. It is fair: waiting tasks get permits in the order
// in which they came. Make one with NewSemaphore. CPython: asyncio.Semaphore.
type Semaphore struct {
	waiters loopQueue
	permits int // those nobody has; zero while somebody waits
	bound   int // how many there may be
}

// NewSemaphore returns a semaphore with n permits. Releases may add to them. It panics if n
// is negative.
func NewSemaphore(n int) *Semaphore {
	s := makeSemaphore(n, math.MaxInt)
	return &s
}

func makeSemaphore(n, bound int) Semaphore {
	if n < 0 {
		panic(fmt.Sprintf("asyncio: a semaphore with %d permits: pass zero or more", n))
	}
	return Semaphore{permits: n, bound: bound}
}

// A BoundedSemaphore is a Semaphore that never has more permits than it was made with: a
// Release too many panics. CPython: asyncio.BoundedSemaphore.
type BoundedSemaphore struct{ Semaphore }

// NewBoundedSemaphore returns a semaphore with n permits, and never more. It panics if n is
// negative.
func NewBoundedSemaphore(n int) *BoundedSemaphore {
	return &BoundedSemaphore{makeSemaphore(n, n)}
}

// Acquire takes a permit. If there is one that succeeds without suspending, whether or not ctx
// has ended; otherwise the running task waits for its turn, first come, first served. When ctx
// ends first, Acquire returns its error and no permit was taken; a permit that was handed over
// before is not lost: Acquire succeeds and the next suspension fails. It panics if the
// semaphore is waited for on another loop. CPython: Semaphore.acquire.
func (s *Semaphore) Acquire(ctx context.Context) error {
	if s.permits > 0 {
		s.permits--
		return nil
	}
	return s.waiters.wait(ctx, waitSemaphore)
}

// Release gives a permit back: to the task that has waited longest, if any. It panics if a
// BoundedSemaphore would have more permits than it was made with.
// CPython: Semaphore.release.
func (s *Semaphore) Release() {
	if s.permits >= s.bound {
		panic("asyncio: Release of a semaphore that has all its permits: call it once after each Acquire that returned nil")
	}
	if !s.waiters.wakeOne() {
		s.permits++
	}
}

// Locked reports whether Acquire would have to wait. CPython: Semaphore.locked.
func (s *Semaphore) Locked() bool { return s.permits == 0 }

// With calls f with a permit and returns f's error. If there is none to be had before ctx
// ends, f is not called and ctx's error is returned. CPython: async with semaphore.
func (s *Semaphore) With(ctx context.Context, f func() error) error {
	if err := s.Acquire(ctx); err != nil {
		return err
	}
	defer s.Release()
	return f()
}

// String describes the semaphore for logs.
func (s *Semaphore) String() string {
	return fmt.Sprintf("Semaphore(%d free, %d waiting)", s.permits, s.waiters.waiting())
}
