package asyncio

// PacketConn: net.PacketConn for code that runs in a task.
//
// It is to datagrams what Conn is to streams: every operation tries first and suspends the
// task only if it would block. A socket that is connected is a net.Conn as well. Datagrams can
// come faster than a task deals with them; so that it does not keep the loop for itself then,
// it gives way once in a while although it need not.

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/aio-go/aio/internal/sock"
)

// A PacketConn is a socket for datagrams whose methods suspend the running task instead of
// blocking the loop. It belongs to one loop. One task may receive while others send. Each
// operation deals with one whole datagram; a task that receives without a pause gives way at
// every 64th.
type PacketConn struct {
	s   *packetState
	ctx context.Context // bound by WithContext; nil: that of the running task
}

// packetState is what all views of a socket share.
type packetState struct {
	view    PacketConn // without a bound context
	loop    *EventLoop
	socket  sock.Packet
	network string
	reading connSide
	writing connSide
	turn    waitQueue // tasks that wait until another has sent
	inWrite bool      // a task waits for room
	closed  bool
	streak  int // datagrams received in a row without suspending
}

// packetStreak bounds streak.
const packetStreak = 64

var (
	_ net.PacketConn = (*PacketConn)(nil)
	_ net.Conn       = (*PacketConn)(nil)
	_ syscall.Conn   = (*PacketConn)(nil)
)

func newPacketConn(l *EventLoop, network string, socket sock.Packet) *PacketConn {
	s := &packetState{loop: l, network: network, socket: socket}
	s.view.s = s
	s.reading = connSide{loop: l, why: waitReceive, when: NoDeadline}
	s.writing = connSide{loop: l, why: waitSend, when: NoDeadline}
	socket.SetNotify(s.notify)
	return &s.view
}

// notify is called by the poller.
func (s *packetState) notify(ready sock.Ready) {
	if ready&^sock.Writable != 0 {
		s.reading.wake()
	}
	if ready&^sock.Readable != 0 {
		s.writing.queue.wakeOne()
	}
}

// WithContext returns a view of the socket whose operations are interrupted when ctx ends,
// instead of when the running task's context does. Deadlines are shared with the socket, and
// closing the view closes it.
func (c *PacketConn) WithContext(ctx context.Context) *PacketConn {
	return &PacketConn{s: c.s, ctx: ctx}
}

// ReadFrom receives a datagram and returns its length and its sender's address, *net.UDPAddr or
// *net.UnixAddr. What does not fit into p is lost, as with package net. It suspends the task
// until a datagram is there. The error wraps os.ErrDeadlineExceeded or net.ErrClosed if the
// deadline passes or the socket is closed meanwhile; it is the context's if that ends, and no
// datagram is lost then. An error that the network reports of a datagram sent earlier, such as
// ECONNREFUSED from a port where nobody listens, is returned once; the socket stays usable.
// CPython: loop.sock_recvfrom.
func (c *PacketConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, err := c.s.receive(c.ctx, p)
	if err != nil {
		return 0, nil, err
	}
	return n, from.NetAddr(), nil
}

// ReadFromAddrPort is ReadFrom over UDP, without an allocation for the address.
func (c *PacketConn) ReadFromAddrPort(p []byte) (int, netip.AddrPort, error) {
	n, from, err := c.s.receive(c.ctx, p)
	return n, from.AddrPort, err
}

// Read is ReadFrom without the address, for a connected socket. A datagram without content
// reads as zero bytes and no error.
func (c *PacketConn) Read(p []byte) (int, error) {
	n, _, err := c.s.receive(c.ctx, p)
	return n, err
}

func (s *packetState) receive(ctx context.Context, p []byte) (int, sock.PacketAddr, error) {
	s.loop.checkGoroutine("PacketConn.ReadFrom")
	if s.streak++; s.streak >= packetStreak && s.loop.inTask && !s.reading.taken() {
		s.streak = 0
		if err := s.giveWay(ctx); err != nil {
			return 0, sock.PacketAddr{}, err
		}
	}
	for {
		if err := s.readRefusal(); err != nil {
			return 0, sock.PacketAddr{}, s.failure("read", nil, 0, err)
		}
		n, from, err := s.socket.TryReceive(p)
		if err == nil {
			return n, from, nil
		}
		if err == sock.ErrWouldBlock {
			s.streak = 0
			err = s.reading.wait(ctx)
		}
		if err != nil {
			return 0, sock.PacketAddr{}, s.failure("read", nil, 0, err)
		}
	}
}

func (s *packetState) giveWay(ctx context.Context) error {
	scope, made := s.loop.scopeFor(ctx)
	if made {
		defer scope.close()
	}
	return Sleep(scope, 0)
}

// readRefusal says why receiving cannot even begin.
func (s *packetState) readRefusal() error {
	switch {
	case s.closed:
		return errConnClosed
	case s.reading.expired:
		return errDeadline
	case s.reading.taken():
		return ErrConcurrentRead
	}
	return nil
}

// WriteTo sends p as one datagram to addr, a *net.UDPAddr or *net.UnixAddr. It suspends the
// task while there is no room for it, and not otherwise; that it has been sent does not mean
// that it arrives. A socket that is connected refuses with net.ErrWriteToConnected: use Write.
// A datagram that is too large fails with an error that wraps *[DatagramTooLargeError]. The
// other errors are those of ReadFrom. CPython: loop.sock_sendto.
func (c *PacketConn) WriteTo(p []byte, addr net.Addr) (int, error) {
	to, ok := sock.PacketAddrOf(addr)
	if !ok {
		return 0, c.s.failure("write", addr, len(p), &net.AddrError{Err: "not the address of a datagram socket", Addr: addrString(addr)})
	}
	return c.s.sendTo(c.ctx, p, to)
}

// WriteToAddrPort is WriteTo over UDP, without an allocation for the address.
func (c *PacketConn) WriteToAddrPort(p []byte, addr netip.AddrPort) (int, error) {
	return c.s.sendTo(c.ctx, p, sock.PacketAddr{AddrPort: addr})
}

// Write sends p as one datagram to the peer of a connected socket, and is otherwise WriteTo.
func (c *PacketConn) Write(p []byte) (int, error) {
	if c.s.socket.RemoteAddr() == nil {
		return 0, c.s.failure("write", nil, len(p), errNoPeer)
	}
	return c.s.send(c.ctx, p, sock.PacketAddr{})
}

var errNoPeer = errors.New("the socket is not connected: use WriteTo, or open it with DialPacket")

func addrString(addr net.Addr) string {
	if addr == nil {
		return "nil"
	}
	return addr.String()
}

func (s *packetState) sendTo(ctx context.Context, p []byte, to sock.PacketAddr) (int, error) {
	if s.socket.RemoteAddr() != nil {
		return 0, s.failure("write", to.NetAddr(), len(p), net.ErrWriteToConnected)
	}
	return s.send(ctx, p, to)
}

func (s *packetState) send(ctx context.Context, p []byte, to sock.PacketAddr) (int, error) {
	s.loop.checkGoroutine("PacketConn.WriteTo")
	err := sock.ErrWouldBlock
	if !s.inWrite && !s.writing.expired && !s.closed {
		err = s.socket.TrySend(p, to)
	}
	if err == sock.ErrWouldBlock {
		err = s.sendLater(ctx, p, to)
	}
	if err != nil {
		var about net.Addr
		if !to.IsZero() {
			about = to.NetAddr()
		}
		return 0, s.failure("write", about, len(p), err)
	}
	return len(p), nil
}

// sendLater sends p when it is this task's turn and there is room.
func (s *packetState) sendLater(ctx context.Context, p []byte, to sock.PacketAddr) error {
	if s.inWrite {
		scope, made := s.loop.scopeFor(ctx)
		if made {
			defer scope.close()
		}
		if err := s.loop.parkOn(scope, &s.turn, waitSend); err != nil {
			return err
		}
	}
	s.inWrite = true
	defer func() { s.inWrite = s.turn.wakeOne() }()
	for pause := sendPause; ; pause = min(2*pause, maxSendPause) {
		switch {
		case s.closed:
			return errConnClosed
		case s.writing.expired:
			return errDeadline
		}
		err := s.socket.TrySend(p, to)
		if err != sock.ErrWouldBlock {
			return err
		}
		if err := s.awaitRoom(ctx, pause); err != nil {
			return err
		}
	}
}

// Pauses between attempts to send where the system does not tell when there is room: while
// the queue of another Unix socket is full that this one is not connected to.
const (
	sendPause    = time.Millisecond
	maxSendPause = 32 * time.Millisecond
)

// awaitRoom suspends the task until the socket is writable, or for pause if it says that it is
// already.
func (s *packetState) awaitRoom(ctx context.Context, pause time.Duration) error {
	if s.socket.Ready()&sock.Writable == 0 {
		return s.writing.wait(ctx)
	}
	again := s.loop.CallLater(pause, func() { s.writing.queue.wakeOne() })
	defer again.Cancel()
	return s.writing.wait(ctx)
}

// failure gives an error the addresses of the socket, and of the datagram if it is about one.
func (s *packetState) failure(op string, addr net.Addr, size int, err error) error {
	if isCancellation(err) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if addr == nil {
		addr = s.socket.RemoteAddr()
	}
	return &net.OpError{Op: op, Net: s.network, Source: s.socket.LocalAddr(), Addr: addr, Err: datagramError(size, err)}
}

// datagramError is err, typed if it is about the size of a datagram.
func datagramError(size int, err error) error {
	if errors.Is(err, sock.ErrTooLarge) {
		return &DatagramTooLargeError{Size: size, Err: err}
	}
	return err
}

// Close closes the socket. Tasks suspended on it fail with an error that wraps net.ErrClosed.
// What was sent before is still delivered.
func (c *PacketConn) Close() error {
	s := c.s
	if s.closed {
		return s.failure("close", nil, 0, errConnClosed)
	}
	s.closed = true
	for _, q := range []*waitQueue{&s.reading.queue, &s.writing.queue, &s.turn} {
		q.fail(errConnClosed)
	}
	if err := s.socket.Close(); err != nil {
		return s.failure("close", nil, 0, err)
	}
	return nil
}

// LocalAddr returns the address of this end, with the port it was given.
func (c *PacketConn) LocalAddr() net.Addr { return c.s.socket.LocalAddr() }

// RemoteAddr returns the address of the peer, nil if the socket is not connected.
func (c *PacketConn) RemoteAddr() net.Addr { return c.s.socket.RemoteAddr() }

// SyscallConn gives access to the socket. Its Control method works; Read and Write cannot
// wait.
func (c *PacketConn) SyscallConn() (syscall.RawConn, error) { return c.s.socket.SyscallConn() }

// SetDeadline sets the deadlines of receiving and sending: see [Conn.SetReadDeadline].
func (c *PacketConn) SetDeadline(t time.Time) error { return c.setDeadlines(t, true, true) }

// SetReadDeadline makes receiving that has not ended by t fail, as [Conn.SetReadDeadline] does
// with reading.
func (c *PacketConn) SetReadDeadline(t time.Time) error { return c.setDeadlines(t, true, false) }

// SetWriteDeadline is SetReadDeadline for sending.
func (c *PacketConn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, false, true) }

func (c *PacketConn) setDeadlines(t time.Time, reading, writing bool) error {
	s := c.s
	s.loop.checkGoroutine("PacketConn.SetDeadline")
	if s.closed {
		return s.failure("set", nil, 0, errConnClosed)
	}
	when := s.loop.loopTime(t)
	if reading {
		s.reading.set(when)
	}
	if writing {
		s.writing.set(when)
	}
	return nil
}
