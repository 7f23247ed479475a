package sock

// Two streams joined to each other, in memory: what a socket pair is, without the system.
// They need no poller. What one end does shows at the other at once, by its notify
// function.

import (
	"io"
	"net"
	"syscall"
)

// pairBuffer bounds what has been written at one end and not been read at the other.
const pairBuffer = 64 << 10

// PairAddr is the address of both ends of a pair.
type PairAddr struct{}

// Network implements net.Addr.
func (PairAddr) Network() string { return "pipe" }

// String implements net.Addr.
func (PairAddr) String() string { return "pipe" }

// NewPair returns two streams that are connected to each other, for one loop.
func NewPair() (a, b Stream) {
	x, y := new(pairEnd), new(pairEnd)
	x.peer, y.peer = y, x
	return x, y
}

// pairEnd is one of the two. It holds what the other has sent.
type pairEnd struct {
	peer   *pairEnd
	ring   []byte // what was sent to this end is n bytes from first on, around the end; nil if empty
	first  int
	n      int
	notify func(Ready)

	eof     bool // the peer sends no more
	hungUp  bool // this end sends no more
	closed  bool
	reset   bool // the peer has aborted
	blocked bool // the peer waits for room here
}

// TryRead implements Stream.
func (e *pairEnd) TryRead(p []byte) (int, error) {
	switch {
	case e.closed:
		return 0, net.ErrClosed
	case e.reset:
		return 0, syscall.ECONNRESET
	case len(p) == 0:
		return 0, nil
	case e.n == 0 && e.eof:
		return 0, io.EOF
	case e.n == 0:
		return 0, ErrWouldBlock
	}
	n := copy(p[:min(len(p), e.n)], e.ring[e.first:])
	if n < e.n && n < len(p) {
		n += copy(p[n:min(len(p), e.n)], e.ring)
	}
	e.first, e.n = (e.first+n)%len(e.ring), e.n-n
	if e.n == 0 {
		e.ring, e.first = nil, 0 // nobody knows for how long
	}
	if e.blocked {
		e.blocked = false
		e.peer.tell(Writable)
	}
	return n, nil
}

// TryWrite implements Stream.
func (e *pairEnd) TryWrite(p []byte) (int, error) { return e.TryWritev([][]byte{p}) }

// TryWritev implements Stream.
func (e *pairEnd) TryWritev(bufs [][]byte) (int, error) {
	to := e.peer
	switch {
	case e.closed:
		return 0, net.ErrClosed
	case e.reset:
		return 0, syscall.ECONNRESET
	case e.hungUp, to.closed:
		return 0, syscall.EPIPE
	}
	total, wanted := 0, 0
	for _, p := range bufs {
		wanted += len(p)
		total += to.take(p)
	}
	to.blocked = total < wanted
	if total == 0 && wanted > 0 {
		return 0, ErrWouldBlock
	}
	if total > 0 {
		to.tell(Readable)
	}
	return total, nil
}

// take puts what fits of p into the ring.
func (e *pairEnd) take(p []byte) int {
	p = p[:min(len(p), pairBuffer-e.n)]
	e.reserve(e.n + len(p))
	for rest := p; len(rest) > 0; {
		at := (e.first + e.n) % len(e.ring)
		n := copy(e.ring[at:], rest)
		e.n += n
		rest = rest[n:]
	}
	return len(p)
}

// reserve makes the ring large enough for n bytes.
func (e *pairEnd) reserve(n int) {
	if n <= len(e.ring) {
		return
	}
	size := max(512, len(e.ring))
	for size < n {
		size *= 2
	}
	ring := make([]byte, size)
	k := copy(ring[:e.n], e.ring[e.first:])
	copy(ring[k:e.n], e.ring)
	e.ring, e.first = ring, 0
}

func (e *pairEnd) tell(r Ready) {
	if e.notify != nil && !e.closed {
		e.notify(r)
	}
}

// SetNotify implements Stream.
func (e *pairEnd) SetNotify(f func(Ready)) { e.notify = f }

// Ready implements Stream.
func (e *pairEnd) Ready() (r Ready) {
	if e.n > 0 || e.eof {
		r |= Readable
	}
	if e.peer.n < pairBuffer {
		r |= Writable
	}
	if e.eof {
		r |= PeerClosed
	}
	if e.reset {
		r |= Broken | Readable | Writable
	}
	return r
}

// ConnectResult implements Stream.
func (e *pairEnd) ConnectResult() error { return nil }

// CloseWrite implements Stream.
func (e *pairEnd) CloseWrite() error {
	if e.closed {
		return net.ErrClosed
	}
	e.hangUp()
	return nil
}

func (e *pairEnd) hangUp() {
	if !e.hungUp {
		e.hungUp, e.peer.eof = true, true
		e.peer.tell(Readable | PeerClosed)
	}
}

// Close implements Stream. Like a TCP socket, one that is closed with bytes unread
// answers with a reset.
func (e *pairEnd) Close() error {
	if e.closed {
		return net.ErrClosed
	}
	if e.n > 0 {
		return e.Abort()
	}
	e.hangUp()
	e.shut()
	e.peer.tell(Writable) // where the next write fails
	return nil
}

// Abort implements Stream.
func (e *pairEnd) Abort() error {
	if e.closed {
		return net.ErrClosed
	}
	e.shut()
	to := e.peer
	if !to.closed {
		to.reset, to.ring, to.n = true, nil, 0
		to.tell(Readable | Writable | PeerClosed | Broken)
	}
	return nil
}

func (e *pairEnd) shut() { e.closed, e.notify, e.ring, e.n = true, nil, nil, 0 }

// LocalAddr implements Stream.
func (e *pairEnd) LocalAddr() net.Addr { return PairAddr{} }

// RemoteAddr implements Stream.
func (e *pairEnd) RemoteAddr() net.Addr { return PairAddr{} }

// SetNoDelay implements Stream: there is no delay.
func (e *pairEnd) SetNoDelay(bool) error { return nil }

// SetKeepAlive implements Stream: the other end cannot vanish.
func (e *pairEnd) SetKeepAlive(net.KeepAliveConfig) error { return nil }

// SyscallConn implements Stream: there is no descriptor.
func (e *pairEnd) SyscallConn() (syscall.RawConn, error) { return nil, ErrUnsupported }
