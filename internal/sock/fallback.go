package sock

import (
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"time"
)

// The fallback poller: sockets of package net, a goroutine for each operation
// that has to wait. The goroutine hands its result to the loop as a function
// through a queue and wakes it; Wait runs the functions, and what they change
// appears as readiness. So everything but the queue belongs to the loop, here
// as in the native poller.

// fallbackPoller implements Poller on package net.
type fallbackPoller struct {
	state  wakeState
	signal chan struct{} // one token interrupts a parked Wait
	timer  *time.Timer

	mu       sync.Mutex
	posted   []func() // results, in the order in which operations ended
	finished bool     // nobody will fetch them any more

	taken   []func() // posted earlier, not run yet
	open    map[io.Closer]struct{}
	watches map[watchKey]*fallbackWatch // under way, those that can be shared
	closed  bool
}

func newFallback() *fallbackPoller {
	p := &fallbackPoller{
		signal: make(chan struct{}, 1),
		timer:  time.NewTimer(time.Hour),
		open:   make(map[io.Closer]struct{}),
	}
	p.timer.Stop()
	return p
}

// Wait implements Poller.
func (p *fallbackPoller) Wait(timeout time.Duration) error {
	if p.closed {
		return net.ErrClosed
	}
	if timeout == 0 {
		runtime.Gosched() // on one processor, a loop that is busy would starve those who post
	} else if !p.pending() && p.state.park() {
		p.block(timeout)
	}
	p.state.unpark()
	if len(p.taken) == 0 {
		p.mu.Lock()
		p.taken, p.posted = p.posted, p.taken
		p.mu.Unlock()
	}
	n := min(len(p.taken), batch)
	for i, f := range p.taken[:n] {
		p.taken[i] = nil
		if !p.closed {
			f()
		}
	}
	if n == len(p.taken) {
		p.taken = p.taken[:0]
	} else {
		p.taken = p.taken[n:]
	}
	return nil
}

func (p *fallbackPoller) pending() bool {
	if len(p.taken) > 0 {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.posted) > 0
}

// block waits for a token. One left by a waker that was slow ends the wait for
// nothing, which callers of Wait are prepared for.
func (p *fallbackPoller) block(timeout time.Duration) {
	if timeout < 0 {
		<-p.signal
		return
	}
	p.timer.Reset(timeout)
	select {
	case <-p.signal:
		p.timer.Stop()
	case <-p.timer.C:
	}
}

// Wake implements Poller.
func (p *fallbackPoller) Wake() {
	if p.state.wake() {
		select {
		case p.signal <- struct{}{}:
		default:
		}
	}
}

// post hands a result to the loop, from any goroutine. After Close it runs at
// once: all sockets are closed by then, and what comes too late closes itself.
func (p *fallbackPoller) post(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.finished {
		f()
		return
	}
	p.posted = append(p.posted, f)
	p.Wake()
}

// Active implements Poller.
func (p *fallbackPoller) Active() int { return len(p.open) }

// Close implements Poller.
func (p *fallbackPoller) Close() error {
	if p.closed {
		return nil
	}
	var errs []error
	for s := range p.open {
		errs = append(errs, s.Close())
	}
	p.closed = true
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finished = true
	for _, f := range append(p.taken, p.posted...) {
		f()
	}
	p.taken, p.posted = nil, nil
	return errors.Join(errs...)
}

func (p *fallbackPoller) register(s io.Closer) error {
	if p.closed {
		return net.ErrClosed
	}
	p.open[s] = struct{}{}
	return nil
}

// fallbackHandle is what streams and listeners have in common.
type fallbackHandle struct {
	poller *fallbackPoller
	ready  Ready
	closed bool
	notify func(Ready)
}

// Ready implements Stream and Listener.
func (h *fallbackHandle) Ready() Ready { return h.ready }

// deliver records readiness and passes on what is news.
func (h *fallbackHandle) deliver(ready Ready) {
	news := ready &^ h.ready
	h.ready |= ready
	if news != 0 && h.notify != nil {
		h.notify(news)
	}
}

// close ends notifications. It reports false if that was done before.
func (h *fallbackHandle) close(s io.Closer) bool {
	if h.closed {
		return false
	}
	h.closed = true
	h.notify = nil
	h.ready = 0
	delete(h.poller.open, s)
	return true
}

// cause is the error inside package net's wrapping, which callers put round it
// again with what they know.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
