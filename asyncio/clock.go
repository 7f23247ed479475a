package asyncio

// The clock seam. The loop reads time through a Clock and nowhere else, so that the
// same program runs on the real clock, or on a virtual one that jumps whenever the
// loop is idle.

import "time"

// A Clock tells a loop the time. The methods are called on the loop only.
type Clock interface {
	// Now returns the time since the clock's own origin. It never goes back.
	Now() time.Duration
	// Wall returns the date and time that belong to Now.
	Wall() time.Time
}

// A VirtualClock is a Clock whose time passes only when the loop says so. A loop that
// has nothing to run and waits for nothing outside itself moves it to the next deadline
// instead of waiting.
type VirtualClock interface {
	Clock
	// AdvanceTo moves the clock forward to t. Earlier values of t change nothing.
	AdvanceTo(t time.Duration)
}

// systemClock is the monotonic clock of the machine.
type systemClock struct{ origin time.Time }

func newSystemClock() *systemClock { return &systemClock{origin: time.Now()} }

func (c *systemClock) Now() time.Duration { return time.Since(c.origin) }

func (c *systemClock) Wall() time.Time { return time.Now() }

// realTime is for what must not wait for a virtual clock.
var realTime = newSystemClock().Now

// neverFires is how long an idle loop without timers waits: until it is woken.
const neverFires time.Duration = -1

// pollReal waits for up to d of real time until something is ready, whatever the loop's
// clock says. A wake-up for what was found ready before does not end it.
func (l *EventLoop) pollReal(d time.Duration) error {
	end := time.Now().Add(d)
	for d > 0 && l.ready.n == 0 {
		if err := l.poll(d); err != nil {
			return err
		}
		d = time.Until(end)
	}
	return nil
}

// sleeper is what an idle loop waits on while it has no sockets: other goroutines wake
// it through a channel. A loop that opens a socket waits in its poller instead.
type sleeper struct {
	wake chan struct{} // capacity 1
}

func newSleeper() *sleeper { return &sleeper{wake: make(chan struct{}, 1)} }

// Wait blocks until Wake is called or timeout has passed; a negative timeout waits for
// Wake alone.
func (s *sleeper) Wait(timeout time.Duration) error {
	if timeout == 0 {
		return nil
	}
	if timeout < 0 {
		<-s.wake
		return nil
	}
	t := time.NewTimer(timeout)
	defer t.Stop()
	select {
	case <-s.wake:
	case <-t.C:
	}
	return nil
}

// Wake makes the current or the next Wait return. It may be called by any goroutine.
func (s *sleeper) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Active returns the number of open sockets, which is zero.
func (s *sleeper) Active() int { return 0 }

// Close releases nothing.
func (s *sleeper) Close() error { return nil }
