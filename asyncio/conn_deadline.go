package asyncio

// One direction of a connection: the task that is suspended in it, and the deadline that
// ends its suspension.
//
// A deadline is a moment of loop time that is looked at only when a task suspends: setting
// one costs an assignment, and a timer is in the heap only while somebody waits.

import (
	"context"
	"os"
	"time"
)

// connSide is the reading or the writing side of a connection.
type connSide struct {
	loop    *EventLoop
	why     waitReason
	queue   waitQueue // the task suspended in this direction
	when    time.Duration
	woken   bool // that task was told that it can go on, and has not run yet
	limited bool // when is a deadline
	expired bool // the deadline has passed and nobody has set another
	timer   timer
}

// wait suspends the running task until the direction is ready, its deadline passes or ctx
// ends. A nil ctx stands for that of the task.
func (d *connSide) wait(ctx context.Context) error {
	s, made := d.loop.scopeFor(ctx)
	if made {
		defer s.close()
	}
	if d.limited {
		d.loop.timers.add(&d.timer, d.when, d)
	}
	err := d.loop.parkOn(s, &d.queue, d.why)
	d.woken = false
	if d.limited {
		d.loop.timers.remove(&d.timer)
	}
	return err
}

// wake lets the task that is suspended go on, and reports whether there is one.
func (d *connSide) wake() bool {
	if !d.queue.wakeOne() {
		return false
	}
	d.woken = true
	return true
}

// taken reports whether the direction is a task's: it is suspended, or was just woken and comes
// before others who find what it was woken for.
func (d *connSide) taken() bool { return d.woken || !d.queue.empty() }

// scopeFor is scopeOf, with nil for the scope of the running task.
func (l *EventLoop) scopeFor(ctx context.Context) (s *scope, made bool) {
	if ctx != nil {
		return scopeOf(ctx)
	}
	if w := l.current(); w != nil {
		return &w.task().scope, false
	}
	return &l.root, false // suspending will say what is wrong
}

// set sets the deadline to when, in loop time, also for a task that is suspended already.
func (d *connSide) set(when time.Duration) {
	d.loop.timers.remove(&d.timer)
	d.expired = false
	d.limited = when != NoDeadline
	d.when = when
	switch {
	case !d.limited:
	case when <= d.loop.clock.Now():
		d.expire()
	case !d.queue.empty():
		d.loop.timers.add(&d.timer, when, d)
	}
}

// run implements runnable: the deadline has come.
func (d *connSide) run(*EventLoop) {
	if d.timer.at != timerFired {
		return // whoever waited went on, or the deadline was moved, in the same turn
	}
	d.timer.at = timerIdle
	d.expire()
}

func (d *connSide) expire() {
	d.expired = true
	d.queue.fail(os.ErrDeadlineExceeded)
}

// fail ends the suspension of everybody in the queue, tasks all of them, with err.
func (q *waitQueue) fail(err error) {
	for q.head != nil {
		q.head.owner.(*worker).fail(err)
	}
}

// NoDeadline is the loop time that never comes.
const NoDeadline = time.Duration(1<<63 - 1)

// loopTime translates a deadline of package net into loop time.
func (l *EventLoop) loopTime(t time.Time) time.Duration {
	if t.IsZero() {
		return NoDeadline
	}
	now, left := l.clock.Now(), t.Sub(l.clock.Wall())
	if left >= NoDeadline-now {
		return NoDeadline
	}
	return now + left
}

// SetDeadline sets the deadlines of reading and writing: see SetReadDeadline.
func (c *Conn) SetDeadline(t time.Time) error {
	return c.setDeadlines(c.loopTimeOf(t), true, true)
}

// SetReadDeadline makes reads that have not ended by t, also one that is suspended now, fail
// with an error that wraps os.ErrDeadlineExceeded and whose Timeout method reports true.
// The zero time means no deadline. After a deadline has passed, the connection can be used
// again once a later one is set. Under virtual time, t is compared with [EventLoop.Wall].
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.setDeadlines(c.loopTimeOf(t), true, false)
}

// SetWriteDeadline is SetReadDeadline for writing. A write that it ends may have sent a part
// of its data.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.setDeadlines(c.loopTimeOf(t), false, true)
}

// SetReadDeadlineAt is SetReadDeadline in loop time, as [EventLoop.Time] gives it;
// [NoDeadline] means none. It costs next to nothing.
func (c *Conn) SetReadDeadlineAt(when time.Duration) error {
	return c.setDeadlines(when, true, false)
}

// SetWriteDeadlineAt is SetWriteDeadline in loop time.
func (c *Conn) SetWriteDeadlineAt(when time.Duration) error {
	return c.setDeadlines(when, false, true)
}

func (c *Conn) loopTimeOf(t time.Time) time.Duration { return c.s.loop.loopTime(t) }

func (c *Conn) setDeadlines(when time.Duration, reading, writing bool) error {
	s := c.s
	s.loop.checkGoroutine("Conn.SetDeadline")
	if s.closed {
		return s.failure("set", errConnClosed)
	}
	if reading && s.reading.when != when {
		s.reading.set(when)
	}
	if writing && s.writing.when != when {
		s.writing.set(when)
	}
	return nil
}
