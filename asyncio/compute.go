package asyncio

// Computation: arithmetic that is too long for a turn of the loop.
//
// It is short of processors, not of goroutines: so it has a line of its own, as long as there
// are processors to spare, and needs none of the executor's places, which jobs that block may
// hold for long. A loop under virtual time computes in its own turn. A run must be replayed
// exactly, and nobody waits there in real time.

import (
	"context"
	"reflect"
	"runtime"
	"runtime/debug"
)

// Compute runs f, which computes and does not block, on another goroutine, and suspends the
// running task until f has returned: for decoding, compressing and hashing what is large.
// It pays from about 50 µs on; less is better done in the task. At most GOMAXPROCS − 1
// functions run at a time, one at least, in the order in which they were asked for; none of
// them waits for a place in the executor. It always suspends, if only for a turn.
//
// f may use what the caller holds, which must not be touched elsewhere meanwhile: once f has
// started, its end is waited for, whatever becomes of ctx. When ctx ends before, f is not called;
// when it ends meanwhile, its error is returned after f has. A panic of f is a *PanicError. A
// loop under virtual time calls f itself, after one turn. Python has no counterpart: see
// [ToThread] for what blocks.
func Compute[T any](ctx context.Context, f func() (T, error)) (T, error) {
	if f == nil {
		panic("asyncio: the function for Compute is nil")
	}
	c := computation[T]{f: f}
	l := loopOf(ctx)
	if l.virtual != nil {
		if err := Sleep(ctx, 0); err != nil {
			return c.value, err
		}
		c.run()
		return c.value, c.err
	}
	if ended := endOf(ctx); ended != nil {
		return c.value, ended.err
	}
	if l.computing == nil {
		l.computing = NewSemaphore(max(1, runtime.GOMAXPROCS(0)-1))
	}
	if err := l.computing.Acquire(ctx); err != nil {
		return c.value, err
	}
	waiting := context.WithoutCancel(ctx)
	over := NewFuture[struct{}](waiting)
	c.err = errGoexit
	l.executor.aside(&job{
		work: c.run,
		done: func() {
			l.computing.Release()
			if !over.Done() {
				over.complete(nil)
			}
		},
		cancel: func(error) {},
		entry:  reflect.ValueOf(f).Pointer(),
	})
	if _, err := over.Await(waiting); err != nil {
		var zero T
		return zero, err // the loop was closed by force: c is still the goroutine's
	}
	if ended := endOf(ctx); ended != nil && c.err == nil {
		c.err = ended.err
	}
	return c.value, c.err
}

// computation is one function and what came of it.
type computation[T any] struct {
	f     func() (T, error)
	value T
	err   error
}

// run calls the function, on whichever goroutine that is.
func (c *computation[T]) run() {
	defer func() {
		if v := recover(); v != nil {
			c.err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	c.value, c.err = c.f()
}
