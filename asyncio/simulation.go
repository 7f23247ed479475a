package asyncio

// Simulated networks. A network of the machine has a poller, on which an idle loop waits in
// real time. A simulated one exists in the loop's time only: the loop asks it for its next
// event as it asks its timers, and lets it happen when the clock has come there. Nothing of
// it is outside the loop, so a virtual clock jumps over it, and tasks that wait for it alone
// and in vain are a deadlock.

import (
	"context"
	"time"
)

// A SimulatedHost is the [Host] of a network that happens in the loop's time and nowhere
// else. Its sockets call what they notify from RunEvents only. All methods are called on the
// loop.
type SimulatedHost interface {
	Host
	// HostOf returns the machine on which the code of ctx runs: a simulated network has
	// several, and connections of one loop can have both ends in it.
	HostOf(ctx context.Context) Host
	// NextEvent returns the loop time of the next thing to happen in the network; ok is
	// false if nothing will happen unless somebody acts.
	NextEvent() (when time.Duration, ok bool)
	// RunEvents lets happen what is due at now, in an order that depends on nothing but what
	// was done before. The loop calls it once a turn, before the timers that are due.
	RunEvents(now time.Duration)
	// Sockets returns the number of open sockets.
	Sockets() int
}

// HostOf returns the network as the code of ctx sees it: what Dial, Listen and LookupHost
// would use under ctx. It panics if ctx carries no loop.
func HostOf(ctx context.Context) (Host, error) { return loopOf(ctx).networkOf(ctx) }

// networkOf returns the network as the code of ctx sees it, attaching it if need be.
func (l *EventLoop) networkOf(ctx context.Context) (Host, error) {
	host, err := l.network()
	if err == nil && l.simulated != nil {
		host = l.simulated.HostOf(ctx)
	}
	return host, err
}

// nextDeadline returns when the loop, left alone, has something to do.
func (l *EventLoop) nextDeadline() (next time.Duration, ok bool) {
	if ok = l.timers.len() > 0; ok {
		next = l.timers.next()
	}
	if l.simulated != nil {
		if when, due := l.simulated.NextEvent(); due && (!ok || when < next) {
			return when, true
		}
	}
	return next, ok
}

// sockets returns the number of open sockets.
func (l *EventLoop) sockets() int {
	n := l.inbox.idle.Active()
	if l.simulated != nil {
		n += l.simulated.Sockets()
	}
	return n
}
