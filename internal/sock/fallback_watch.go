package sock

import (
	"fmt"
	"net"
	"reflect"
	"slices"
	"syscall"
)

// Watches on the fallback poller: a goroutine waits inside the RawConn's own
// Read or Write, which only returns when the descriptor is ready or closed. It
// cannot be called back: after stop it remains until then, and serves the next
// one to wait for the same. Meanwhile others who read through the RawConn, or
// write, wait behind it.

// fallbackWatch is such a goroutine, and those who wait for it.
type fallbackWatch struct {
	poller  *fallbackPoller
	key     watchKey
	waiting []*fallbackWaiter // oldest first
}

// watchKey is what one goroutine waits for.
type watchKey struct {
	conn syscall.RawConn
	want Ready
}

type fallbackWaiter struct {
	poller *fallbackPoller
	f      func(error)
}

// Close implements io.Closer, for the poller's set of what is open.
func (w *fallbackWaiter) Close() error {
	delete(w.poller.open, w)
	return nil
}

// Watch implements Watches.
func (p *fallbackPoller) Watch(conn syscall.RawConn, want Ready, f func(error)) (stop func(), err error) {
	if p.closed {
		return nil, net.ErrClosed
	}
	if canPoll {
		var ready bool
		var failed error
		if err := conn.Control(func(fd uintptr) { ready, failed = readyNow(fd, want) }); err != nil {
			return nil, gone(err)
		}
		if ready || failed != nil {
			return nil, failed
		}
	}
	key := watchKey{conn, want}
	shared := reflect.TypeOf(conn).Comparable()
	var w *fallbackWatch
	if shared {
		w = p.watches[key]
	}
	if w == nil {
		w = &fallbackWatch{poller: p, key: key}
		if shared {
			if p.watches == nil {
				p.watches = make(map[watchKey]*fallbackWatch)
			}
			p.watches[key] = w
		}
		go w.run(shared)
	}
	waiter := &fallbackWaiter{p, f}
	w.waiting = append(w.waiting, waiter)
	p.open[waiter] = struct{}{}
	return func() {
		delete(p.open, waiter)
		w.waiting = slices.DeleteFunc(w.waiting, func(o *fallbackWaiter) bool { return o == waiter })
	}, nil
}

// run is the goroutine.
func (w *fallbackWatch) run(shared bool) {
	wait := w.key.conn.Read
	if w.key.want == Writable {
		wait = w.key.conn.Write
	}
	asked := false
	var failed error
	err := wait(func(fd uintptr) bool {
		if !canPoll {
			// Asked for the second time it has waited.
			defer func() { asked = true }()
			return asked
		}
		var ready bool
		ready, failed = readyNow(fd, w.key.want)
		return ready || failed != nil
	})
	if err == nil {
		err = failed
	} else if closed := w.key.conn.Control(func(uintptr) {}); closed != nil {
		err = gone(err)
	} else {
		err = fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	w.poller.post(func() { w.over(shared, err) })
}

// over tells everybody who waits.
func (w *fallbackWatch) over(shared bool, err error) {
	if shared {
		delete(w.poller.watches, w.key)
	}
	for _, waiter := range w.waiting {
		if _, ok := w.poller.open[waiter]; ok {
			delete(w.poller.open, waiter)
			waiter.f(err)
		}
	}
}
