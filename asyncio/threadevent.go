package asyncio

// ThreadEvent: how another goroutine tells a task that something has happened.
//
// CallSoonThreadsafe costs a lock and, if the loop is idle, a wake-up. Most news finds
// nobody waiting: the task is busy with what came before and will look for itself. So the
// event knows whether its task waits, and only then troubles the loop.

import (
	"context"
	"sync/atomic"
)

// A ThreadEvent carries news from other goroutines to one task: any goroutine may set it, a
// task waits for it, and waiting resets it. It says that something happened, once for any
// number of times; what it was the two sides keep between them, under a lock. While a task
// waits, the loop counts the event among the things outside that may still wake it, so that
// it does not report a deadlock.
//
// It is asyncio.Event with call_soon_threadsafe, as Python programs combine them.
type ThreadEvent struct {
	loop  *EventLoop
	queue waitQueue
	state atomic.Uint32
	wake  func()
}

// States of a ThreadEvent.
const (
	threadIdle    uint32 = iota // nothing has happened
	threadWaiting               // the same, and a task waits for it
	threadSet                   // something has, and no task was told
)

// NewThreadEvent returns an event that is not set, for tasks of the loop l.
func NewThreadEvent(l *EventLoop) *ThreadEvent {
	e := &ThreadEvent{loop: l}
	e.wake = func() { e.queue.wakeOne() }
	return e
}

// Set sets the event. Any goroutine may call it; it does not block. On a closed loop it does
// nothing.
func (e *ThreadEvent) Set() {
	if e.state.Swap(threadSet) == threadWaiting {
		e.loop.post(e.wake)
	}
}

// Wait suspends the running task until the event is set, and resets it. It does not suspend
// if the event is set. When ctx ends first it returns its error; if the event was set
// meanwhile it stays set. Only one task may wait at a time: Wait panics for a second one.
func (e *ThreadEvent) Wait(ctx context.Context) error {
	if e.state.CompareAndSwap(threadSet, threadIdle) {
		return nil
	}
	s, made := scopeOf(ctx)
	if made {
		defer s.close()
	}
	if s.loop != e.loop {
		panic("asyncio: a ThreadEvent is waited for on another loop than the one it was made for")
	}
	if !e.queue.empty() {
		panic("asyncio: two tasks wait for one ThreadEvent: give each its own")
	}
	for {
		if !e.state.CompareAndSwap(threadIdle, threadWaiting) {
			e.state.Store(threadIdle)
			return nil
		}
		err := e.park(s)
		if err != nil {
			e.state.CompareAndSwap(threadWaiting, threadIdle)
			return err
		}
		if e.state.CompareAndSwap(threadSet, threadIdle) {
			return nil
		}
		// A wake-up meant for a wait that was given up.
		e.state.CompareAndSwap(threadWaiting, threadIdle)
	}
}

// park suspends the running task; also one that is ended by force is done with the outside.
func (e *ThreadEvent) park(s *scope) error {
	e.loop.outside++
	defer func() { e.loop.outside-- }()
	return e.loop.parkOn(s, &e.queue, waitThread)
}
