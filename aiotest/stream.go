package aiotest

// A stream is one end of a simulated connection: internal/sock's idea of a socket, with the
// answers that Linux gives.

import (
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/aio-go/aio/internal/sock"
)

// streamState is where an end of a connection is in its life.
type streamState uint8

const (
	streamConnecting streamState = iota // dialled, or not accepted yet
	streamOpen                          // connected
	streamBroken                        // reset, timed out or refused
	streamClosed                        // by its owner
)

// String returns the name of the state.
func (s streamState) String() string {
	return [...]string{"connecting", "open", "broken", "closed"}[s]
}

const (
	readyToRead  = sock.Readable
	readyToWrite = sock.Writable
	readyAll     = sock.Readable | sock.Writable | sock.PeerClosed | sock.Broken
)

// socket is what a network keeps of everything that is open.
type socket interface {
	slot() *int // its place among the open sockets
	on() *Host
	Close() error
}

// A connection is two ends and a pipe each way. The first end is the one that dialled.
type connection struct {
	net      *Network
	network  string // "tcp" or "unix"
	ends     [2]stream
	pipes    [2]pipe // pipes[i] leads away from ends[i]
	port     int     // on which the accepting end listens
	path     string  // the same for a Unix socket
	severed  bool    // nothing gets through any more
	wasCut   bool    // a fault has reset it
	accepted *listener
}

func newConnection(n *Network, network string, from, to *Host) *connection {
	c := &connection{net: n, network: network}
	for i := range c.ends {
		s := &c.ends[i]
		s.conn, s.in, s.out, s.place = c, &c.pipes[1-i], &c.pipes[i], -1
	}
	c.pipes[0].init(c, &c.ends[0], &c.ends[1], n.path(from, to))
	c.pipes[1].init(c, &c.ends[1], &c.ends[0], n.path(to, from))
	c.ends[0].host, c.ends[1].host = from, to
	return c
}

// cut resets both ends, in the time that a packet takes.
func (c *connection) cut(now time.Duration) {
	if c.wasCut {
		return
	}
	c.wasCut = true
	for i := range c.pipes {
		p := &c.pipes[i]
		p.push(packet{at: p.path.arrival(c.net, now, 0), kind: packetRST})
	}
}

type stream struct {
	conn    *connection
	host    *Host
	in, out *pipe
	state   streamState
	ready   sock.Ready
	notify  func(sock.Ready)

	err      error // that the next operation reports
	dialErr  error // how connecting ended
	peerDone bool  // the peer has ended its side, and everything before that has arrived
	done     bool  // this side is ended
	local    net.Addr
	remote   net.Addr
	place    int           // among the open sockets
	unread   bool          // the peer, of a Unix connection, was closed before it had read everything
	keep     time.Duration // after this much silence keep-alive gives up; 0: never
	silence  *silence      // how it is noticed that nothing gets through
	holds    portKey       // a port of its own
}

func (s *stream) slot() *int { return &s.place }

func (s *stream) on() *Host { return s.host }

func (s *stream) unix() bool { return s.conn.network == "unix" }

// deliver records what the socket has become ready for, and passes on what is news.
func (s *stream) deliver(ready sock.Ready) {
	if s.state == streamClosed {
		return
	}
	news := ready &^ s.ready
	s.ready |= ready
	if news != 0 && s.notify != nil {
		s.notify(news)
	}
}

// TryRead implements sock.Stream.
func (s *stream) TryRead(p []byte) (int, error) {
	switch {
	case s.state == streamClosed:
		return 0, net.ErrClosed
	case len(p) == 0:
		return 0, nil
	case s.ready&sock.Readable == 0:
		return 0, sock.ErrWouldBlock
	case s.in.readable > 0:
		if len(s.conn.net.faults) > 0 {
			p = s.conn.net.fragment(s.in, p)
		}
		n := s.in.read(p)
		if s.in.readable == 0 && !s.peerDone && s.state == streamOpen {
			s.ready &^= sock.Readable
		}
		return n, nil
	case s.peerDone:
		return 0, io.EOF
	case s.err != nil:
		return 0, s.failure("read")
	case s.state == streamBroken:
		return 0, io.EOF
	}
	s.ready &^= sock.Readable
	return 0, sock.ErrWouldBlock
}

// failure reports the error of the connection, once, as a kernel does.
func (s *stream) failure(call string) error {
	err := os.NewSyscallError(call, s.err)
	s.err = nil
	return err
}

// TryWrite implements sock.Stream.
func (s *stream) TryWrite(p []byte) (int, error) {
	if err := s.mayWrite(); err != nil {
		return 0, err
	}
	n := min(len(p), s.out.free())
	if n > 0 {
		s.out.write(p[:n])
	}
	if n < len(p) {
		s.full()
		if n == 0 {
			return 0, sock.ErrWouldBlock
		}
	}
	return n, nil
}

// full notes that there is no room.
func (s *stream) full() {
	s.ready &^= sock.Writable
	s.out.stalled = true
}

func (s *stream) mayWrite() error {
	switch {
	case s.state == streamClosed:
		return net.ErrClosed
	case s.ready&sock.Writable == 0:
		return sock.ErrWouldBlock
	case s.err != nil && !(s.unix() && s.unread): // of that only reading is told
		return s.failure("write")
	case s.state == streamBroken || s.done:
		return os.NewSyscallError("write", syscall.EPIPE)
	}
	return nil
}

// TryWritev implements sock.Stream.
func (s *stream) TryWritev(bufs [][]byte) (int, error) {
	total := 0
	for _, b := range bufs {
		if len(b) == 0 {
			continue
		}
		n, err := s.TryWrite(b)
		total += n
		if n < len(b) {
			if total > 0 {
				err = nil
			}
			return total, err
		}
	}
	if total == 0 {
		return 0, s.mayWrite()
	}
	return total, nil
}

// SetNotify implements sock.Stream.
func (s *stream) SetNotify(f func(sock.Ready)) { s.notify = f }

// Ready implements sock.Stream.
func (s *stream) Ready() sock.Ready { return s.ready }

// ConnectResult implements sock.Stream.
func (s *stream) ConnectResult() error {
	switch s.state {
	case streamClosed:
		return net.ErrClosed
	case streamConnecting:
		return sock.ErrWouldBlock
	}
	return s.dialErr
}

// CloseWrite implements sock.Stream.
func (s *stream) CloseWrite() error {
	switch s.state {
	case streamClosed:
		return net.ErrClosed
	case streamBroken:
		if s.unix() { // which a kernel does not look at
			s.done = true
			return nil
		}
		fallthrough
	case streamConnecting:
		return os.NewSyscallError("shutdown", syscall.ENOTCONN)
	}
	s.end()
	return nil
}

// end ends this side, if it is not ended yet.
func (s *stream) end() {
	if s.done {
		return
	}
	s.done = true
	s.out.send(packetFIN)
	if s.peerDone {
		s.deliver(readyAll)
	}
}

// Close implements sock.Stream. What was written is still delivered. Over TCP, closing
// before everything was read resets the connection.
func (s *stream) Close() error { return s.close(false) }

// Abort implements sock.Stream.
func (s *stream) Abort() error { return s.close(true) }

func (s *stream) close(abort bool) error {
	was := s.state
	if was == streamClosed {
		return net.ErrClosed
	}
	n := s.conn.net
	n.remove(s)
	s.state, s.ready, s.notify = streamClosed, 0, nil
	if s.holds.port != 0 {
		s.host.release(s.holds)
		s.holds = portKey{}
	}
	unread := s.in.readable > 0
	n.note("close", s.label(), s.peer().label(), 0)
	switch {
	case was == streamConnecting && s == &s.conn.ends[0]:
		s.out.drop()
		s.conn.stepOut()
	case was == streamBroken:
	case s.unix():
		s.peer().unread = unread
		s.out.send(packetGone)
	case abort || unread:
		s.out.send(packetRST)
	case !s.done:
		s.done = true
		s.out.send(packetFIN)
	}
	s.in.forget()
	if s.silence != nil {
		n.events.cancel(&s.silence.event)
	}
	return nil
}

func (s *stream) peer() *stream { return s.out.dst }

// LocalAddr implements sock.Stream.
func (s *stream) LocalAddr() net.Addr { return s.local }

// RemoteAddr implements sock.Stream.
func (s *stream) RemoteAddr() net.Addr { return s.remote }

// SetNoDelay implements sock.Stream. A simulated connection never delays.
func (s *stream) SetNoDelay(bool) error { return s.ifOpen() }

// SetKeepAlive implements sock.Stream.
func (s *stream) SetKeepAlive(config net.KeepAliveConfig) error {
	s.keep = probes(config)
	return s.ifOpen()
}

func (s *stream) ifOpen() error {
	if s.state == streamClosed {
		return net.ErrClosed
	}
	return nil
}

// SyscallConn implements sock.Stream.
func (s *stream) SyscallConn() (syscall.RawConn, error) { return noDescriptor{}, s.ifOpen() }

// label is the end as a trace names it.
func (s *stream) label() string {
	if s.host == nil {
		return s.local.String()
	}
	if s.unix() {
		return s.host.name + " " + s.conn.path
	}
	return s.host.name + " " + s.local.String()
}

// noDescriptor is the descriptor of a simulated socket: there is none, so every option that
// is set on it is refused by the system.
type noDescriptor struct{}

// Control implements syscall.RawConn.
func (noDescriptor) Control(f func(fd uintptr)) error {
	f(^uintptr(0))
	return nil
}

// Read implements syscall.RawConn.
func (noDescriptor) Read(func(fd uintptr) bool) error { return sock.ErrUnsupported }

// Write implements syscall.RawConn.
func (noDescriptor) Write(func(fd uintptr) bool) error { return sock.ErrUnsupported }

// control shows a socket to its owner's hook before it is bound or connected to ip, naming
// the network with its family as package net does.
func control(f sock.ControlFunc, network string, ip netip.Addr, addr net.Addr) error {
	switch {
	case f == nil:
		return nil
	case ip.Is4():
		network = network[:3] + "4"
	case ip.IsValid() || network[:3] != "uni":
		network = network[:3] + "6"
	}
	return f(network, addr.String(), noDescriptor{})
}

// tcpAddr is an address as package net has it.
func tcpAddr(ip netip.Addr, port int) *net.TCPAddr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(port)))
}
