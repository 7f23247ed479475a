//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock

import (
	"net"
	"slices"
	"syscall"
	"time"
)

// Watches on the native poller have a kernel queue of their own, which the
// poller's watches in turn: so a descriptor can be watched that the poller has
// registered already, and what is known here of descriptors, which can be
// closed and reused behind our back, cannot disturb the sockets.
//
// A registration is for one event. The kernel drops it when the descriptor is
// closed, and tells nobody; therefore each descriptor is asked for in between,
// through the RawConn that knows whether it still is. One that was reused by
// then is told from its predecessor by the generation.

// watchTable are the watches of a poller. Its zero value has none.
type watchTable struct {
	queue *kernelQueue // nil until it is needed
	byFD  map[int]*watchedFD
	all   []*watch // in no particular order
	next  int      // of all, to be checked
	gen   uint32
}

// watchedFD is a descriptor that somebody waits for.
type watchedFD struct {
	fd      int
	gen     uint32
	watches []*watch // oldest first
}

// watch is one who waits.
type watch struct {
	conn syscall.RawConn
	want Ready
	f    func(error)
	at   *watchedFD // nil when it is over
}

// Watch implements Watches.
func (p *nativePoller) Watch(conn syscall.RawConn, want Ready, f func(error)) (stop func(), err error) {
	if p.closed {
		return nil, net.ErrClosed
	}
	t := &p.watched
	if t.queue == nil {
		if err := t.open(p.queue); err != nil {
			return nil, err
		}
	}
	w := &watch{conn: conn, want: want, f: f}
	var failed error
	err = conn.Control(func(fd uintptr) {
		ready, err := readyNow(fd, want)
		if err == nil && !ready {
			err = t.add(w, int(fd))
		}
		failed = err
	})
	switch {
	case err != nil:
		return nil, gone(err)
	case failed != nil:
		return nil, failed
	case w.at == nil:
		return nil, nil
	}
	p.open++
	return func() {
		if w.at != nil {
			p.open--
			t.stop(w)
		}
	}, nil
}

func (t *watchTable) open(outer *kernelQueue) error {
	queue, err := newKernelQueue()
	if err != nil {
		return err
	}
	if err := outer.watch(queue.fd); err != nil {
		queue.close()
		return err
	}
	t.queue, t.byFD = queue, make(map[int]*watchedFD)
	return nil
}

// add arms fd, which is open, for w too.
func (t *watchTable) add(w *watch, fd int) error {
	d := t.byFD[fd]
	if d == nil {
		t.gen++
		d = &watchedFD{fd: fd, gen: t.gen}
	}
	known, err := t.queue.arm(fd, d.gen, d.wanted()|w.want)
	if err != nil {
		return err
	}
	if !known && len(d.watches) > 0 {
		// It is another one than they wait for.
		t.gen++
		d = &watchedFD{fd: fd, gen: t.gen}
		if _, err := t.queue.arm(fd, d.gen, w.want); err != nil {
			return err
		}
	}
	t.byFD[fd] = d
	w.at = d
	d.watches = append(d.watches, w)
	t.all = append(t.all, w)
	return nil
}

func (d *watchedFD) wanted() (want Ready) {
	for _, w := range d.watches {
		want |= w.want
	}
	return want
}

// remove forgets w.
func (t *watchTable) remove(w *watch) {
	d := w.at
	w.at = nil
	d.watches = slices.DeleteFunc(d.watches, func(o *watch) bool { return o == w })
	if len(d.watches) == 0 && t.byFD[d.fd] == d {
		delete(t.byFD, d.fd)
	}
	i := slices.Index(t.all, w)
	last := len(t.all) - 1
	t.all[i] = t.all[last]
	t.all[last] = nil
	t.all = t.all[:last]
}

// stop takes w back. The kernel forgets with it what nobody waits for any more.
func (t *watchTable) stop(w *watch) {
	d := w.at
	current := t.byFD[d.fd] == d
	t.remove(w)
	if !current {
		return
	}
	_ = w.conn.Control(func(uintptr) {
		if len(d.watches) == 0 {
			t.queue.disarm(d.fd)
		} else {
			_, _ = t.queue.arm(d.fd, d.gen, d.wanted())
		}
	})
}

// deliver tells those whose descriptors have become ready.
func (p *nativePoller) deliverWatched() error {
	t := &p.watched
	n, err := t.queue.poll()
	if err != nil {
		return err
	}
	for i := range n {
		t.queue.resolve(i, func(fd int) uint32 {
			if d := t.byFD[fd]; d != nil {
				return d.gen
			}
			return 0
		})
		fd, gen, ready := t.queue.event(i)
		d := t.byFD[fd]
		if d == nil || d.gen != gen {
			continue
		}
		if ready&(PeerClosed|Broken) != 0 {
			ready |= Readable
		}
		for _, w := range slices.Clone(d.watches) {
			if w.want&ready != 0 {
				p.end(w, nil)
			}
		}
		if len(d.watches) > 0 {
			p.rearm(d)
		}
	}
	return nil
}

// rearm has the kernel tell again what is still waited for. Those whose descriptor has been closed
// meanwhile, as one who was told may have done, are told so.
func (p *nativePoller) rearm(d *watchedFD) {
	for _, w := range slices.Clone(d.watches) {
		if w.at != d {
			continue // ended by one of those before
		}
		err := w.conn.Control(func(uintptr) { _, _ = p.watched.queue.arm(d.fd, d.gen, d.wanted()) })
		if err == nil {
			return
		}
		p.end(w, gone(err))
	}
}

// end tells w the outcome.
func (p *nativePoller) end(w *watch, err error) {
	p.watched.remove(w)
	p.open--
	w.f(err)
}

// checkWatched looks whether watched descriptors are still open, and shortens
// timeout so that it is done again in time.
func (p *nativePoller) checkWatched(timeout time.Duration) time.Duration {
	t := &p.watched
	if timeout < 0 || timeout > checkInterval {
		timeout = checkInterval
	}
	for range min(checkBatch, len(t.all)) {
		if t.next >= len(t.all) {
			t.next = 0
		}
		w := t.all[t.next]
		if err := w.conn.Control(func(uintptr) {}); err != nil {
			p.end(w, gone(err))
			timeout = 0
			continue
		}
		t.next++
	}
	return timeout
}
