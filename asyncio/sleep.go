package asyncio

// Sleeping, and giving way.

import (
	"context"
	"time"
)

// Sleep suspends the running task for d. A d of zero or less gives way for exactly one turn:
// everything ready before runs first. When ctx ends, Sleep returns its error at once.
// CPython: asyncio.sleep.
func Sleep(ctx context.Context, d time.Duration) error {
	s, ok := ctx.(*scope)
	if !ok {
		return sleepForeign(ctx, d)
	}
	l := s.loop
	w, err := l.suspending(s)
	if err != nil {
		return err
	}
	if d <= 0 {
		return w.giveWay(s)
	}
	l.timers.add(&w.timer, l.deadlineIn(d), (*sleeping)(w))
	w.leave(s, waitSleep)
	w.yield(struct{}{})
	return w.back(s)
}

// sleepForeign is Sleep with a context that is not a scope itself.
func sleepForeign(ctx context.Context, d time.Duration) error {
	s, made := foreignScope(ctx)
	if made {
		defer s.close()
	}
	return Sleep(s, d)
}

// sleeping is a suspended worker as the entry that its timer schedules. The task has its turn
// after that, like any task whose future a timer completes in asyncio, so that callbacks and
// sleepers with the same deadline keep CPython's order.
type sleeping worker

func (w *sleeping) run(*EventLoop) {
	if w.timer.at != timerFired {
		return // woken otherwise after the timer fired
	}
	w.timer.at = timerIdle
	(*worker)(w).wake(wokenGranted)
}
