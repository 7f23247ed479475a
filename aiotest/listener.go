package aiotest

// Listening in a simulated network.

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/aio-go/aio/internal/sock"
)

// defaultBacklog is how many connections wait to be accepted where nobody says otherwise.
const defaultBacklog = 4096

type listener struct {
	host    *Host
	network string
	addr    net.Addr
	at      binding
	shared  bool // with SO_REUSEPORT
	next    *listener
	turn    int // of those that share, for the first of them

	backlog int
	pending int       // connections begun and not accepted
	line    []*stream // that dialled over a Unix socket when there was no place for them
	queue   []*stream
	late    []lateArrival // connections that a fault holds up
	delayed event
	keep    time.Duration

	ready  sock.Ready
	notify func(sock.Ready)
	closed bool
	place  int
}

// lateArrival is a connection that is accepted later.
type lateArrival struct {
	at     time.Duration
	stream *stream
}

// A binding is what a listener has for itself.
type binding struct {
	ip   netip.Addr // invalid: every address
	port int
	path string
}

// listen makes a listener at a place, which others may have.
func (h *Host) listen(network string, at binding, addr net.Addr, opts sock.ListenOptions) (*listener, error) {
	if err := control(opts.Control, network, at.ip, addr); err != nil {
		return nil, err
	}
	if err := h.net.refusal(faultListen, h, nil, at.port); err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	if err := h.openFile("socket"); err != nil {
		return nil, err
	}
	if h.taken(at, opts.ReusePort) {
		return nil, os.NewSyscallError("bind", syscall.EADDRINUSE)
	}
	l := &listener{
		host: h, network: network, addr: addr, at: at, shared: opts.ReusePort,
		backlog: opts.Backlog, keep: probes(opts.KeepAlive), place: -1,
	}
	if l.backlog <= 0 {
		l.backlog = defaultBacklog
	}
	l.delayed.what = l
	l.next = h.bound[at]
	h.bound[at] = l
	h.net.add(l)
	h.net.note("listen", l.label(), "", 0)
	return l, nil
}

func (l *listener) slot() *int { return &l.place }

func (l *listener) on() *Host { return l.host }

// label is the listener as a trace names it.
func (l *listener) label() string { return l.host.name + " " + l.addr.String() }

// arrive puts a connection into the queue.
func (l *listener) arrive(s *stream) {
	if delay := l.host.net.acceptDelay(l); delay > 0 || len(l.late) > 0 {
		at := l.host.net.now() + delay
		if n := len(l.late); n > 0 {
			at = max(at, l.late[n-1].at)
		}
		l.late = append(l.late, lateArrival{at, s})
		if !l.delayed.pending() {
			l.host.net.events.schedule(&l.delayed, at)
		}
		return
	}
	l.queue = append(l.queue, s)
	l.deliver(sock.Readable)
}

// happen implements happening: what was held up can be accepted.
func (l *listener) happen(now time.Duration) {
	for len(l.late) > 0 && l.late[0].at <= now {
		l.queue = append(l.queue, l.late[0].stream)
		l.late = l.late[1:]
	}
	if len(l.late) > 0 {
		l.host.net.events.schedule(&l.delayed, l.late[0].at)
	}
	l.deliver(sock.Readable)
}

func (l *listener) deliver(ready sock.Ready) {
	news := ready &^ l.ready
	l.ready |= ready
	if news != 0 && l.notify != nil {
		l.notify(news)
	}
}

// TryAccept implements sock.Listener.
func (l *listener) TryAccept() (sock.Stream, error) {
	switch {
	case l.closed:
		return nil, net.ErrClosed
	case len(l.queue) == 0:
		l.ready &^= sock.Readable
		return nil, sock.ErrWouldBlock
	}
	n := l.host.net
	if err := n.refusal(faultAccept, nil, l.host, l.at.port); err != nil {
		return nil, os.NewSyscallError("accept", err)
	}
	if err := l.host.openFile("accept"); err != nil {
		return nil, err
	}
	s := l.queue[0]
	l.queue[0] = nil
	l.queue = l.queue[1:]
	l.leave()
	n.add(s)
	if len(n.faults) > 0 || s.conn.severed {
		s.watchSilence(nil)
	}
	n.note("accept", s.label(), s.peer().label(), 0)
	return s, nil
}

// leave gives back the place of a connection that was accepted or came to nothing. First in the
// line is first to have it.
func (l *listener) leave() {
	l.pending--
	if len(l.line) > 0 && l.pending < l.backlog {
		s := l.line[0].peer()
		l.line = slices.Delete(l.line, 0, 1)
		s.join(l)
		s.out.send(packetSYNACK)
	}
}

// stepOut takes a connection that is given up out of the line it may stand in.
func (c *connection) stepOut() {
	if l := c.accepted; l != nil {
		l.line = slices.DeleteFunc(l.line, func(s *stream) bool { return s == &c.ends[0] })
	}
}

// SetNotify implements sock.Listener.
func (l *listener) SetNotify(f func(sock.Ready)) { l.notify = f }

// Ready implements sock.Listener.
func (l *listener) Ready() sock.Ready { return l.ready }

// Addr implements sock.Listener.
func (l *listener) Addr() net.Addr { return l.addr }

// SyscallConn implements sock.Listener.
func (l *listener) SyscallConn() (syscall.RawConn, error) {
	if l.closed {
		return nil, net.ErrClosed
	}
	return noDescriptor{}, nil
}

// Close implements sock.Listener. Connections that nobody has accepted are reset.
func (l *listener) Close() error {
	if l.place < 0 {
		return net.ErrClosed
	}
	l.notify, l.ready = nil, 0
	n := l.host.net
	n.remove(l)
	n.note("close", l.label(), "", 0)
	for _, s := range l.stop() {
		s.refuseLate()
	}
	return nil
}

// stop ends listening and returns the connections that nobody has accepted.
func (l *listener) stop() []*stream {
	if l.closed {
		return nil
	}
	l.closed = true
	l.host.net.events.cancel(&l.delayed)
	l.host.unbind(l)
	waiting := l.queue
	for _, late := range l.late {
		waiting = append(waiting, late.stream)
	}
	for _, s := range l.line {
		waiting = append(waiting, s.peer())
	}
	l.queue, l.late, l.line = nil, nil, nil
	return waiting
}

// crash is the end of the listener with its host: whoever accepts is told that it is closed,
// and the peers of those who wait are told nothing.
func (l *listener) crash() {
	for _, s := range l.stop() {
		s.crash()
	}
	l.deliver(sock.Readable)
}
