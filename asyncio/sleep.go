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
	s, made := scopeOf(ctx)
	if made {
		defer s.close()
	}
	l := s.loop
	t, err := l.suspending(s)
	if err != nil {
		return err
	}
	if d <= 0 {
		return t.yield(s)
	}
	l.timers.add(&t.timer, l.clock.Now()+d, (*sleepingTask)(t))
	return t.suspend(s, waitSleep)
}

// yield gives way for one turn. A scope that ends meanwhile is noticed on return: giving
// way has no result that could be lost.
func (t *task) yield(s *scope) error {
	t.state, t.reason = taskReady, waitTurn
	s.loop.ready.push(t)
	t.switchOut()
	if c := s.ended.Load(); c != nil {
		return c.err
	}
	return nil
}

// sleepingTask is a task as the entry that its timer schedules. The task has its turn after
// that, like any task whose future a timer completes in asyncio, so that callbacks and
// sleepers with the same deadline keep CPython's order.
type sleepingTask task

func (t *sleepingTask) run(*EventLoop) {
	if t.timer.at != timerFired {
		return // cancelled after the timer fired
	}
	t.timer.at = timerIdle
	(*task)(t).wake(nil)
}
