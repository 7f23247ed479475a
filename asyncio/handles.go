package asyncio

// Plain callbacks: CallSoon, CallLater and CallAt, and the handles that cancel them.

import (
	"fmt"
	"time"
)

// A Handle is a scheduled callback. CPython: asyncio.Handle.
type Handle struct {
	f         func()
	cancelled bool
}

// CallSoon schedules f to be called in the next turn of the loop. Callbacks run in the
// order in which they were scheduled. On a closed loop it panics.
// CPython: loop.call_soon.
func (l *EventLoop) CallSoon(f func()) *Handle {
	l.checkCall("CallSoon", f)
	l.drainInbox()
	h := &Handle{f: f}
	l.ready.push(h)
	return h
}

// Cancel takes the callback back. It has no effect once the callback has run.
func (h *Handle) Cancel() { h.cancelled, h.f = true, nil }

// Cancelled reports whether Cancel was called.
func (h *Handle) Cancelled() bool { return h.cancelled }

// String describes the handle for logs.
func (h *Handle) String() string {
	switch {
	case h.cancelled:
		return "Handle(cancelled)"
	case h.f == nil:
		return "Handle(run)"
	}
	return "Handle(scheduled)"
}

func (h *Handle) run(*EventLoop) {
	if f := h.f; f != nil {
		h.f = nil
		f()
	}
}

// A TimerHandle is a callback scheduled for a time. CPython: asyncio.TimerHandle.
type TimerHandle struct {
	Handle
	loop  *EventLoop
	timer timer
	when  time.Duration
}

// CallLater schedules f to be called after d. A d of zero or less means the next turn.
// Callbacks with equal deadlines run in the order in which they were scheduled.
// CPython: loop.call_later.
func (l *EventLoop) CallLater(d time.Duration, f func()) *TimerHandle {
	return l.CallAt(l.deadlineIn(d), f)
}

// CallAt schedules f to be called when the loop's time reaches when.
// CPython: loop.call_at.
func (l *EventLoop) CallAt(when time.Duration, f func()) *TimerHandle {
	l.checkCall("CallAt", f)
	h := &TimerHandle{Handle: Handle{f: f}, loop: l, when: when}
	l.timers.add(&h.timer, when, h)
	return h
}

// When returns the loop time for which the callback is scheduled.
func (h *TimerHandle) When() time.Duration { return h.when }

// String describes the handle for logs.
func (h *TimerHandle) String() string { return fmt.Sprintf("Timer%v at %v", &h.Handle, h.when) }

// Cancel takes the callback back and frees the timer. It has no effect once the callback
// has run.
func (h *TimerHandle) Cancel() {
	h.Handle.Cancel()
	h.loop.timers.remove(&h.timer)
}

// checkCall panics if a callback may not be scheduled now.
func (l *EventLoop) checkCall(name string, f func()) {
	if f == nil {
		panic("asyncio: " + name + "(nil): pass a function")
	}
	if l.closed {
		panic("asyncio: " + name + " on a closed event loop: schedule before Close, or make a new loop")
	}
	l.checkGoroutine(name)
}
