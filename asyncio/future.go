package asyncio

// Futures: one-shot results.
//
// A future keeps, in one queue, the tasks that await it and the callbacks that were added
// to it, and schedules them in that order when it is done. Nothing ever runs inside
// SetResult: an awaiting task and a callback both have their turn in the next turn of the
// loop, as in asyncio (Lib/asyncio/futures.py).

import (
	"context"
	"fmt"
)

// Awaitable is a result to come: a *Future[T] or a *Task[T].
type Awaitable[T any] interface {
	// Await suspends the running task until the result is there and returns it. It
	// does not suspend if it is there already. If ctx ends first Await returns ctx's
	// error and leaves what it waited for as it is.
	Await(ctx context.Context) (T, error)
	// Result returns the result, or ErrInvalidState while it is not there.
	Result() (T, error)
	Waitable
}

// Waitable is the part of an Awaitable that does not depend on its type, so that
// different ones can be waited for together. It is implemented by this package only.
type Waitable interface {
	// Done reports whether the result is there.
	Done() bool
	// Cancelled reports whether it ended by cancellation.
	Cancelled() bool
	// Err returns the error it ended with, nil if it succeeded, and ErrInvalidState
	// while it is pending. CPython: Future.exception.
	Err() error
	// Cancel asks it to end with a *CancelledError that carries cause, which may be
	// nil, and reports false if it was already done.
	Cancel(cause error) bool

	future() *futureCore
}

type futureState uint8

const (
	futurePending futureState = iota
	futureSucceeded
	futureFailed
	futureCancelled
)

// String returns the state as asyncio prints it.
func (s futureState) String() string {
	return [...]string{"pending", "finished", "failed", "cancelled"}[s]
}

// A controller is what completes a future that is not for others to complete.
type controller interface {
	// cancel is what Cancel does.
	cancel(cause error) bool
	// asTask returns the task it is, nil if it is something else.
	asTask() *task
}

// futureCore is the untyped part of a future.
type futureCore struct {
	loop      *EventLoop
	listeners waitQueue
	owner     controller // a task or combinator that completes it; nil for a plain future
	failure   *failure   // nil unless it failed or was cancelled
	state     futureState
}

func (f *futureCore) future() *futureCore { return f }

// Done reports whether the future has a result, an error or was cancelled.
func (f *futureCore) Done() bool { return f.state != futurePending }

// Cancelled reports whether the future ended by cancellation: its error is a
// context.Canceled.
func (f *futureCore) Cancelled() bool { return f.state == futureCancelled }

// Err returns the error the future ended with, nil if it succeeded, and ErrInvalidState
// while it is pending. CPython: Future.exception.
func (f *futureCore) Err() error {
	if f.state == futurePending {
		return fmt.Errorf("%w: the result is not there yet: await it first", ErrInvalidState)
	}
	f.heard()
	return f.error()
}

// error returns the error of a future that is done, without counting as somebody who asked.
func (f *futureCore) error() error {
	if f.failure == nil {
		return nil
	}
	return f.failure.err
}

// Cancel ends a pending future with a *CancelledError that carries cause, which may be
// nil. For a task it cancels the task's context and returns at once; the task is done when
// its coroutine has returned. Cancel reports false, and does nothing, if the future was
// already done. CPython: Future.cancel, Task.cancel.
func (f *futureCore) Cancel(cause error) bool {
	f.loop.checkGoroutine("Cancel")
	if f.state != futurePending {
		f.heard()
		return false
	}
	if f.owner != nil {
		return f.owner.cancel(cause)
	}
	f.complete(&CancelledError{Cause: cause})
	return true
}

// complete ends a pending future with err and schedules everybody who listens.
func (f *futureCore) complete(err error) {
	switch {
	case err == nil:
		f.state = futureSucceeded
	case isCancellation(err):
		f.state, f.failure = futureCancelled, &failure{err: err}
	default:
		f.state, f.failure = futureFailed, &failure{err: err}
		f.failure.unheard = f.loop.unheard.add(f)
	}
	f.listeners.wakeAll()
}

// completeAs ends a pending future as c has ended its context.
func (f *futureCore) completeAs(c *cancellation) {
	f.state, f.failure = futureFailed, &c.failure
	if isCancellation(c.err) {
		f.state = futureCancelled
	}
	f.listeners.wakeAll()
}

// completeEnded ends f because the context of whoever wanted it has ended: with that error,
// which is no failure of anybody's and is not reported as one.
func (f *futureCore) completeEnded(err error) {
	f.complete(err)
	f.heard()
}

// heard notes that somebody has asked for the outcome.
func (f *futureCore) heard() {
	if x := f.failure; x != nil && x.unheard != nil {
		x.unheard.remove()
		x.unheard = nil
	}
}

// asTask returns the task that completes f, nil if it is something else.
func (f *futureCore) asTask() *task {
	if f.owner == nil {
		return nil
	}
	return f.owner.asTask()
}

// wait suspends the running task until the future is done.
func (f *futureCore) wait(ctx context.Context) error {
	s, made := scopeOf(ctx)
	if made {
		defer s.close()
	}
	if s.loop != f.loop {
		panic("asyncio: await of a future that belongs to another event loop: use RunCoroutineThreadsafe to cross loops")
	}
	if t := f.asTask(); t != nil {
		if w := s.loop.current(); w != nil && w.task() == t {
			panic("asyncio: a task cannot await itself")
		}
		return s.loop.parkOn(s, &f.listeners, waitTask)
	}
	return s.loop.parkOn(s, &f.listeners, waitFuture)
}

// settleable reports with an error why f may not be completed from outside.
func (f *futureCore) settleable() error {
	f.loop.checkGoroutine("Future.SetResult or SetError")
	if f.state != futurePending {
		return fmt.Errorf("%w: the future is already %v", ErrInvalidState, f.state)
	}
	if f.owner != nil {
		return fmt.Errorf("%w: a task's result is what its coroutine returns", ErrInvalidState)
	}
	return nil
}

// A Future is a result that code on the loop will provide. It belongs to one loop and must
// be used on it. CPython: asyncio.Future.
type Future[T any] struct {
	value T // first: where it is empty it costs nothing
	futureCore
}

// NewFuture returns a pending future on the loop of ctx.
// CPython: loop.create_future.
func NewFuture[T any](ctx context.Context) *Future[T] {
	f := new(Future[T])
	f.loop = loopOf(ctx)
	return f
}

// SetResult completes the future with v. Awaiting tasks and callbacks run in the next turn.
// It returns ErrInvalidState if the future is done or is a task.
func (f *Future[T]) SetResult(v T) error {
	if err := f.settleable(); err != nil {
		return err
	}
	f.value = v
	f.complete(nil)
	return nil
}

// SetError completes the future with err, which must not be nil; an error that is
// context.Canceled marks it cancelled. It returns ErrInvalidState if the future is done
// or is a task. CPython: Future.set_exception.
func (f *Future[T]) SetError(err error) error {
	if err == nil {
		panic("asyncio: SetError(nil): use SetResult")
	}
	if err := f.settleable(); err != nil {
		return err
	}
	f.complete(err)
	return nil
}

// Result returns the value and error of a done future, ErrInvalidState for a pending one.
func (f *Future[T]) Result() (T, error) {
	if f.state == futurePending {
		var zero T
		return zero, f.futureCore.Err()
	}
	f.heard()
	return f.value, f.error()
}

// Await suspends the running task until the future is done and returns its result. A done
// future is returned without suspending. When ctx ends first, Await returns ctx's error
// and the future goes on; a result that came before is never lost to a cancellation.
// CPython: await future.
func (f *Future[T]) Await(ctx context.Context) (T, error) {
	if f.state == futurePending {
		if err := f.wait(ctx); err != nil {
			var zero T
			return zero, err
		}
	}
	f.heard()
	return f.value, f.error()
}

// AddDoneCallback schedules cb to be called on the loop, in a turn of its own, once the
// future is done; callbacks and awaiting tasks have their turns in the order in which they
// came. The returned handle takes it back with RemoveDoneCallback.
// CPython: Future.add_done_callback.
func (f *Future[T]) AddDoneCallback(cb func(*Future[T])) *Callback {
	if cb == nil {
		panic("asyncio: AddDoneCallback(nil): pass a function")
	}
	c := &doneCallback[T]{f: f, fn: cb}
	f.notify(&c.node, c)
	return &c.Callback
}

// RemoveDoneCallback takes back a callback that was not scheduled yet and reports whether
// it did. CPython: Future.remove_done_callback.
func (f *Future[T]) RemoveDoneCallback(cb *Callback) bool {
	if cb == nil || cb.node.queue != &f.listeners {
		return false
	}
	cb.node.remove()
	return true
}

// String describes the future for logs.
func (f *Future[T]) String() string {
	if err := f.error(); err != nil {
		return fmt.Sprintf("Future(%v: %v)", f.state, err)
	}
	return fmt.Sprintf("Future(%v)", f.state)
}

// A Callback is the handle of a function added with AddDoneCallback.
type Callback struct{ node waitNode }

// doneCallback is a Callback with its function, as an entry of the ready queue.
type doneCallback[T any] struct {
	Callback
	f  *Future[T]
	fn func(*Future[T])
}

// granted implements waiter.
func (c *doneCallback[T]) granted() { c.f.loop.ready.push(c) }

func (c *doneCallback[T]) run(*EventLoop) { c.fn(c.f) }

// A listener is embedded in what the package itself has scheduled when a future is done.
type listener struct {
	node waitNode
	loop *EventLoop
	self runnable
}

// granted implements waiter.
func (c *listener) granted() { c.loop.ready.push(c.self) }

// listen adds self, in which the listener is embedded, to what f schedules when it is done.
func (c *listener) listen(f *futureCore, self runnable) {
	c.loop, c.self = f.loop, self
	f.notify(&c.node, c)
}

// notify grants w, whose node is n, when f is done.
func (f *futureCore) notify(n *waitNode, w waiter) {
	n.owner = w
	if f.Done() {
		w.granted()
		return
	}
	f.listeners.push(n)
}
