package asyncio

// Deadlines as scopes: WithTimeout, WithDeadline, Timeout, and WaitFor, which adds that what
// was waited for is cancelled too. They use the loop's clock, hence virtual time where that
// is virtual, and cost one timer and no goroutine.

import (
	"context"
	"time"
)

// timeoutScope is a scope that ends by itself.
type timeoutScope struct {
	scope
	extra scopeExt
	timer timer
}

// run implements runnable: the deadline has come.
func (s *timeoutScope) run(*EventLoop) {
	if s.timer.at == timerFired {
		s.timer.at = timerIdle
		s.end(deadlineExceeded)
	}
}

func (s *timeoutScope) cancel() {
	s.loop.timers.remove(&s.timer)
	s.end(cancelled(nil))
	s.close()
}

// newTimeout opens a scope below ctx that ends d after now.
func newTimeout(ctx context.Context, d time.Duration) *timeoutScope {
	return newDeadline(ctx, loopOf(ctx).deadlineIn(d))
}

// newDeadline opens a scope below ctx that ends at when, in loop time.
func newDeadline(ctx context.Context, when time.Duration) *timeoutScope {
	s := new(timeoutScope)
	s.ext.Store(&s.extra)
	up, foreign := scopeOf(ctx)
	l := up.loop
	if foreign {
		// The scope made for ctx follows it, and ends this one; it goes when this one goes.
		s.open(l, up.task, ctx, &l.detached)
		s.extra.foreign = up.ext.Load().takeForeign(&s.scope)
		up.close()
		if c := up.ended.Load(); c != nil {
			s.ended.Store(c)
		}
	} else {
		s.open(l, up.task, ctx, up)
	}
	s.extra.limited, s.extra.deadline = true, when
	if s.ended.Load() == nil {
		l.timers.add(&s.timer, s.extra.deadline, s)
	}
	return s
}

// WithTimeout returns a context that ends, with context.DeadlineExceeded, d after now on the
// loop's clock. Everything suspended with it is woken then. The CancelFunc frees the timer
// and must be called, on the loop. A d of zero or less ends it in the next turn.
// CPython: asyncio.timeout.
func WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	s := newTimeout(ctx, d)
	return &s.scope, s.cancel
}

// WithDeadline is WithTimeout with a deadline in loop time, as EventLoop.Time gives it.
// CPython: asyncio.timeout_at.
func WithDeadline(ctx context.Context, when time.Duration) (context.Context, context.CancelFunc) {
	s := newDeadline(ctx, when)
	return &s.scope, s.cancel
}

// Timeout runs c in the running task with a context that ends after d. What c suspends on
// then fails with context.DeadlineExceeded; Timeout returns what c returns. A c that never
// suspends, or that recovers, is not interrupted. CPython: async with asyncio.timeout(d).
func Timeout[T any](ctx context.Context, d time.Duration, c Coroutine[T]) (T, error) {
	ctx, cancel := WithTimeout(ctx, d)
	defer cancel()
	return c(ctx)
}

// WaitFor awaits aw for at most d. If that runs out, or ctx ends, aw is cancelled and
// WaitFor waits for it to end, then returns context.DeadlineExceeded or ctx's error; if aw
// succeeded in spite of the cancellation its result is returned. With a d of zero or less a
// result that is there is returned, and anything else cancelled. CPython: asyncio.wait_for.
func WaitFor[T any](ctx context.Context, d time.Duration, aw Awaitable[T]) (T, error) {
	if aw.Done() {
		return aw.Result()
	}
	limit := newTimeout(ctx, d)
	defer limit.cancel()
	if d <= 0 {
		limit.end(deadlineExceeded)
	}
	_, err := aw.Await(&limit.scope)
	if aw.Done() { // perhaps in the turn in which the limit ended: the result is not lost
		return aw.Result()
	}
	aw.Cancel(err)
	if v, ended := aw.Await(&limit.loop.detached); ended == nil {
		return v, nil
	} else if !isCancellation(ended) {
		return v, ended
	}
	var zero T
	return zero, err
}

// Shield runs c as a task that the end of ctx does not reach, and awaits it. When ctx ends
// first, Shield returns its error and c runs on; a failure of c is then reported as one that
// nobody retrieves. CPython: asyncio.shield.
func Shield[T any](ctx context.Context, c Coroutine[T]) (T, error) {
	inner := CreateTask(context.WithoutCancel(ctx), c)
	outer := NewFuture[T](ctx)
	hook := inner.AddDoneCallback(func(inner *Future[T]) {
		v, err := inner.Result()
		outer.value = v
		outer.complete(err)
	})
	v, err := outer.Await(ctx)
	inner.RemoveDoneCallback(hook)
	return v, err
}
