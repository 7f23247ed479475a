package asyncio

// Condition: waiting, with a lock set aside, for other tasks to change what the lock guards.
//
// Between two suspensions a task is alone anyway, so a Condition is for code whose critical
// sections suspend, and for waiters that are to be woken a few at a time.

import (
	"context"
	"fmt"
)

// A Condition lets tasks that hold a lock wait until others notify them. It has the methods
// of its lock. CPython: asyncio.Condition.
type Condition struct {
	*Lock
	waiters loopQueue
}

// NewCondition returns a condition with l as its lock, or with a lock of its own if l is nil.
func NewCondition(l *Lock) *Condition {
	if l == nil {
		l = new(Lock)
	}
	return &Condition{Lock: l}
}

// Wait releases the lock, suspends the running task until it is notified, and takes the lock
// again before it returns, with an error or not: the caller holds it in any case. Tasks are
// notified in the order in which they came. When ctx ends first, Wait returns its error; a
// task that was notified before has succeeded. Wait always suspends, unless ctx has ended, in
// which case it returns without releasing the lock. As wake-ups need not mean that the state
// is still as it was at the notification, use WaitFor or a loop. It panics if the lock is not
// held. CPython: Condition.wait.
func (c *Condition) Wait(ctx context.Context) error {
	c.mustHold("Wait")
	s, made := scopeOf(ctx)
	if made {
		defer s.close()
	}
	w, err := c.waiters.enter(s, waitCondition)
	if err != nil {
		return err
	}
	c.Lock.waiters.bind(s.loop, waitLock) // it may have to wait there in the end
	c.Release()
	err = c.waiters.park(w, s, waitCondition)
	if lost := c.Acquire(&s.loop.detached); lost != nil {
		return lost // the loop closes: nobody goes on with the lock
	}
	return err
}

// WaitFor waits until pred is true, asking again after each notification. It does not suspend,
// nor need the lock, if pred is true at once; otherwise the lock must be held, and is held
// when WaitFor returns. It returns ctx's error when ctx ends. CPython: Condition.wait_for.
func (c *Condition) WaitFor(ctx context.Context, pred func() bool) error {
	if pred == nil {
		panic("asyncio: Condition.WaitFor(nil): pass a predicate, or use Wait")
	}
	for !pred() {
		if err := c.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Notify wakes the n tasks that have waited longest, or as many as there are; each goes on
// when it has got the lock. The rest of n is not stored. It panics if the lock is not held or
// n is negative. CPython: Condition.notify.
func (c *Condition) Notify(n int) {
	c.mustHold("Notify")
	if n < 0 {
		panic("asyncio: Condition.Notify of a negative number of tasks: pass how many to wake")
	}
	for ; n > 0 && c.waiters.wakeOne(); n-- {
	}
}

// NotifyAll wakes everybody who waits. It panics if the lock is not held.
// CPython: Condition.notify_all.
func (c *Condition) NotifyAll() {
	c.mustHold("NotifyAll")
	c.waiters.wakeAll()
}

func (c *Condition) mustHold(method string) {
	if c.Lock == nil {
		panic("asyncio: Condition." + method + " of a Condition without a lock: make it with NewCondition")
	}
	if !c.Locked() {
		panic("asyncio: Condition." + method + " without the lock: call it between Acquire and Release, or inside With")
	}
}

// String describes the condition for logs.
func (c *Condition) String() string {
	return fmt.Sprintf("Condition(%v, %d waiting)", c.state, c.waiters.waiting())
}
