package sock

import "sync/atomic"

// A poller parks when nothing is ready, and others wake it. What must not
// happen is that a wake-up is lost, nor that every wake-up costs a system call
// although the poller was awake. wakeState is the whole protocol: the waiter
// moves running→parked before it blocks and back when it returns; a waker
// moves either to woken and interrupts only if it found the waiter parked.
//
// A waker that found the waiter parked may be slow to deliver its
// interruption. It can then hit a later wait, which returns early for nothing;
// the waiter must be ready for that.
type wakeState struct {
	v atomic.Uint32
}

const (
	stateRunning uint32 = iota // not waiting; will look before it does
	stateParked                // blocked or about to block
	stateWoken                 // a wake-up waits to be consumed
)

// park announces that the waiter is about to block. It reports false if a
// wake-up is pending, in which case the waiter must not block.
func (w *wakeState) park() bool {
	return w.v.CompareAndSwap(stateRunning, stateParked)
}

// unpark ends a wait, blocked or not, and consumes a pending wake-up, which it
// reports.
func (w *wakeState) unpark() (woken bool) {
	// Most waits end without a wake-up and never parked: look before locking
	// the bus.
	if w.v.Load() == stateRunning {
		return false
	}
	return w.v.Swap(stateRunning) == stateWoken
}

// wake leaves a wake-up and reports whether the caller has to interrupt the
// waiter.
func (w *wakeState) wake() (interrupt bool) {
	for {
		switch s := w.v.Load(); s {
		case stateWoken:
			return false
		default:
			if w.v.CompareAndSwap(s, stateWoken) {
				return s == stateParked
			}
		}
	}
}
