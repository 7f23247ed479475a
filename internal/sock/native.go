//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// The native poller: one kernel event queue (kernelQueue: epoll or kqueue),
// a table from descriptor to socket, and a parker that blocks until the queue
// has something or somebody wakes it.
//
// Every socket is registered once, edge-triggered, for everything, and never
// changed: the kernel then reports each transition once and handle.ready
// remembers it until an operation finds the opposite. Descriptors are reused
// by the kernel as soon as they are closed, so an event names a descriptor and
// the generation of its registration; one that names an older generation is
// nobody's.

const defaultKind = nativeDefault

// nativePoller implements Poller on a kernelQueue.
type nativePoller struct {
	queue   *kernelQueue
	parker  parker
	table   []*handle // by descriptor
	gen     uint32    // of the latest registration
	open    int
	iovecs  iovecs // scratch space of TryWritev
	watched watchTable
	closed  bool
}

// parker blocks on a kernelQueue. wait leaves the events in the queue and
// returns their number.
type parker interface {
	wait(timeout time.Duration) (int, error)
	wake()
	close() error
}

func newNative() (Poller, error) {
	return newNativeWith(newParker)
}

func newNativeWith(park func(*kernelQueue) (parker, error)) (*nativePoller, error) {
	queue, err := newKernelQueue()
	if err != nil {
		return nil, err
	}
	parker, err := park(queue)
	if err != nil {
		queue.close()
		return nil, err
	}
	return &nativePoller{queue: queue, parker: parker}, nil
}

// Wait implements Poller.
func (p *nativePoller) Wait(timeout time.Duration) error {
	if p.closed {
		return net.ErrClosed
	}
	if len(p.watched.all) > 0 {
		timeout = p.checkWatched(timeout)
	}
	n, err := p.parker.wait(timeout)
	if err != nil {
		return err
	}
	// All events are decoded against the table before the first callback can
	// change it.
	for i := range n {
		p.queue.resolve(i, p.generation)
	}
	for i := range n {
		fd, gen, ready := p.queue.event(i)
		if h := p.lookup(fd, gen); h != nil {
			h.deliver(ready)
		} else if p.watched.queue != nil && fd == p.watched.queue.fd {
			if err := p.deliverWatched(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Wake implements Poller.
func (p *nativePoller) Wake() { p.parker.wake() }

// Active implements Poller.
func (p *nativePoller) Active() int { return p.open }

// Close implements Poller.
func (p *nativePoller) Close() error {
	if p.closed {
		return nil
	}
	for _, h := range p.table {
		if h != nil {
			h.close()
		}
	}
	p.closed = true
	if p.watched.queue != nil {
		p.open -= len(p.watched.all)
		for _, w := range p.watched.all {
			w.at = nil
		}
		p.watched.queue.close()
		p.watched = watchTable{}
	}
	return p.parker.close()
}

// register takes over descriptor fd for h. On an error the descriptor is
// closed.
func (p *nativePoller) register(h *handle, fd int) error {
	if p.closed {
		closeFD(fd)
		return net.ErrClosed
	}
	p.gen++
	if err := p.queue.add(fd, p.gen); err != nil {
		closeFD(fd)
		return err
	}
	p.enter(h, fd)
	return nil
}

// enter puts h into the table, under the generation that was registered last.
func (p *nativePoller) enter(h *handle, fd int) {
	for fd >= len(p.table) {
		p.table = append(p.table, nil)
	}
	h.poller, h.fd, h.gen = p, fd, p.gen
	p.table[fd] = h
	p.open++
}

func (p *nativePoller) lookup(fd int, gen uint32) *handle {
	if fd < 0 || fd >= len(p.table) {
		return nil
	}
	if h := p.table[fd]; h != nil && h.gen == gen {
		return h
	}
	return nil
}

// generation is that of the socket that has fd now, 0 if none has.
func (p *nativePoller) generation(fd int) uint32 {
	if fd < len(p.table) && p.table[fd] != nil {
		return p.table[fd].gen
	}
	return 0
}

// handle is a registered descriptor with what is known of its readiness.
type handle struct {
	poller *nativePoller
	fd     int
	gen    uint32
	ready  Ready
	closed bool
	greedy bool // a short read does not mean that nothing is left
	notify func(Ready)

	datagrams bool // no end and no error of one is the last
	blocking  bool // so it was found, and is to be left
	borrowed  bool // the descriptor belongs to somebody else

	file *boundFile // goes with the socket that made it
}

// urgent is a Ready bit between the kernel queue and its handles: urgent data
// is in the stream. Reading stops short at its mark with more data behind it.
const urgent Ready = 1 << 7

// SetNotify implements Stream and Listener.
func (h *handle) SetNotify(f func(Ready)) { h.notify = f }

// Ready implements Stream and Listener.
func (h *handle) Ready() Ready { return h.ready }

// deliver records what the kernel reported and passes on what is news.
func (h *handle) deliver(ready Ready) {
	if ready&urgent != 0 {
		h.greedy = true
		ready &^= urgent
	}
	if h.datagrams {
		ready &^= PeerClosed | Broken
	}
	news := ready &^ h.ready
	h.ready |= ready
	if news != 0 && h.notify != nil {
		h.notify(news)
	}
}

// close gives the descriptor back. Events still in flight for it find nobody.
func (h *handle) close() error {
	if h.closed {
		return net.ErrClosed
	}
	h.leave()
	if h.borrowed {
		return h.poller.queue.remove(h.fd)
	}
	defer h.file.remove()
	return h.discard(h.fd)
}

// leave takes the handle out of the poller's books.
func (h *handle) leave() {
	h.closed = true
	h.notify = nil
	h.ready = 0
	h.poller.table[h.fd] = nil
	h.poller.open--
}

// discard closes fd, h's descriptor, and leaves what it was open on as it was
// found.
func (h *handle) discard(fd int) error {
	if h.blocking {
		_ = unix.SetNonblock(fd, false)
	}
	return closeFD(fd)
}
