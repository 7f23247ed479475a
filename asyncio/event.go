package asyncio

// Event: a flag that tasks wait for.

import (
	"context"
	"fmt"
)

// An Event is a flag that is set or not, and that tasks wait for. The zero Event is not set.
// It must not be copied once it was used. CPython: asyncio.Event.
type Event struct {
	waiters loopQueue
	set     bool
}

// Wait suspends the running task until the event is set; it does not suspend if it is set.
// Tasks go on in the order in which they came. One that Set has woken has succeeded, even if
// the event is cleared, or ctx ends, before its turn; otherwise Wait returns ctx's error when
// ctx ends. It panics if the event is waited for on another loop. CPython: Event.wait.
func (e *Event) Wait(ctx context.Context) error {
	if e.set {
		return nil
	}
	return e.waiters.wait(ctx, waitEvent)
}

// Set sets the event and wakes everybody who waits. CPython: Event.set.
func (e *Event) Set() {
	e.set = true
	e.waiters.wakeAll()
}

// Clear resets the event, so that tasks wait until the next Set. CPython: Event.clear.
func (e *Event) Clear() { e.set = false }

// IsSet reports whether the event is set. CPython: Event.is_set.
func (e *Event) IsSet() bool { return e.set }

// String describes the event for logs.
func (e *Event) String() string {
	state := "unset"
	if e.set {
		state = "set"
	}
	return fmt.Sprintf("Event(%s, %d waiting)", state, e.waiters.waiting())
}
