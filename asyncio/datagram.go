package asyncio

// Datagrams for callbacks: a transport that calls its protocol with every datagram.
//
// Like a stream's transport it needs no task, sends at once and keeps only what the socket does
// not take. It deals with a bounded number of datagrams in a turn, so that timers and tasks
// have theirs however many arrive.

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/aio-go/aio/internal/sock"
)

// A DatagramProtocol is called by a [DatagramTransport]. Calls come on the loop, outside any
// task, one at a time: ConnectionMade first and ConnectionLost last, each exactly once. A
// protocol that panics loses its socket; the loop's exception handler is told. Embed
// [BaseDatagramProtocol] to write only the methods that matter.
// CPython: asyncio.DatagramProtocol.
type DatagramProtocol interface {
	// ConnectionMade is called when the socket is there.
	ConnectionMade(t *DatagramTransport)
	// DatagramReceived is called with a datagram, which may be empty, and its sender. p is
	// valid during the call only. The sender is the zero AddrPort over Unix sockets: see
	// [UnixDatagramProtocol].
	DatagramReceived(p []byte, from netip.AddrPort)
	// ErrorReceived is called when sending has failed, when a datagram was too large
	// (*[DatagramTooLargeError]), or when the network reports of one sent earlier, such as
	// ECONNREFUSED from a port where nobody listens. Errors are *net.OpError. The transport
	// goes on; if receiving fails 64 times in a row it rests in between, a millisecond at first
	// and at most a second. CPython and uvloop go on without a rest.
	ErrorReceived(err error)
	// ConnectionLost is called when the socket is closed: with nil after Close or Abort,
	// otherwise with what went wrong, such as EBADF if somebody has closed its descriptor, or
	// ErrShutdownTimeout.
	ConnectionLost(err error)
}

// A FlowDatagramProtocol is a [DatagramProtocol] that can stop sending for a while.
type FlowDatagramProtocol interface {
	DatagramProtocol
	// PauseWriting is called, from inside SendTo too, when the write buffer has grown above
	// the high water mark.
	PauseWriting()
	// ResumeWriting is called when it has shrunk to the low water mark.
	ResumeWriting()
}

// A UnixDatagramProtocol is a [DatagramProtocol] that wants to know the sender of datagrams over
// a Unix socket.
type UnixDatagramProtocol interface {
	DatagramProtocol
	// UnixDatagramReceived is called instead of DatagramReceived; from is the sender's path,
	// empty if it has none.
	UnixDatagramReceived(p []byte, from string)
}

// BaseDatagramProtocol is a [DatagramProtocol] that does nothing, to be embedded.
type BaseDatagramProtocol struct{}

// ConnectionMade does nothing.
func (BaseDatagramProtocol) ConnectionMade(*DatagramTransport) {}

// DatagramReceived does nothing.
func (BaseDatagramProtocol) DatagramReceived([]byte, netip.AddrPort) {}

// ErrorReceived does nothing.
func (BaseDatagramProtocol) ErrorReceived(error) {}

// ConnectionLost does nothing.
func (BaseDatagramProtocol) ConnectionLost(error) {}

// CreateDatagramEndpoint opens a socket for datagrams on network "udp", "udp4", "udp6" or
// "unixgram" and makes p its protocol. WithLocalAddr and WithRemoteAddr say what it is bound and
// connected to; without either a UDP socket can send to everybody from a port of the system's
// choice. ConnectionMade is called in the next turn. Opening suspends the task only to resolve a
// name. Errors are *net.OpError, or *DialError if there were several addresses.
// CPython: loop.create_datagram_endpoint.
func CreateDatagramEndpoint(ctx context.Context, p DatagramProtocol, network string, opts ...DatagramOption) (*DatagramTransport, error) {
	l := loopOf(ctx)
	socket, err := l.openPacket(ctx, network, collectDatagram(opts))
	if err != nil {
		return nil, err
	}
	t := &DatagramTransport{socket: socket, network: network, high: DefaultHighWater, low: DefaultLowWater}
	t.peer, _ = sock.PacketAddrOf(socket.RemoteAddr())
	t.event = socketEvent{loop: l, owner: t}
	t.SetProtocol(p)
	socket.SetNotify(t.event.notify)
	t.event.schedule()
	return t, nil
}

// datagramOverhead is what a datagram counts for in the write buffer beyond its bytes, so that
// empty ones count too. CPython: _SelectorDatagramTransport._header_size.
const datagramOverhead = 8

// datagramBatch bounds how many datagrams a transport receives in a turn.
const datagramBatch = 64

// maxUnixDatagram is how long a datagram over a Unix socket may be, in bytes.
// CPython: _SelectorDatagramTransport.max_size.
const maxUnixDatagram = 256 << 10

// A DatagramTransport is a socket for datagrams that calls its [DatagramProtocol]. Its methods
// never block and never suspend; they are called on the loop.
// CPython: asyncio.DatagramTransport.
type DatagramTransport struct {
	event    socketEvent
	socket   sock.Packet
	network  string
	peer     sock.PacketAddr // zero if the socket is not connected
	protocol DatagramProtocol
	flow     FlowDatagramProtocol // protocol, if it is one
	unix     UnixDatagramProtocol // protocol, if it is one

	out       []outDatagram // to be sent, oldest first
	size      int           // of out, as WriteBufferSize tells it
	high, low int
	pause     time.Duration // until sending is tried again, if the socket does not tell
	retry     *TimerHandle
	failures  int           // of receiving, in a row
	rest      time.Duration // between them, once there are many
	resting   *TimerHandle
	stall     *stallWatch // while what is left is sent after Close
	errs      []error     // for ErrorReceived, in a turn of its own
	err       error       // what ConnectionLost is told
	state     transportState

	made       bool // ConnectionMade was called
	flowPaused bool // the protocol was told to pause writing
}

type outDatagram struct {
	p  []byte
	to sock.PacketAddr
}

// socketReady implements socketOwner: it calls the protocol.
func (t *DatagramTransport) socketReady() {
	finished := false
	defer func() {
		if !finished { // the loop reports the panic
			t.fail(errProtocolPanicked)
		}
	}()
	switch {
	case !t.made:
		t.made = true
		if t.state == transportEnding || len(t.errs) > 0 {
			t.event.schedule() // closed, or sent, before its first turn
		}
		t.protocol.ConnectionMade(t)
	case t.state < transportLost:
		t.tellErrors()
		if t.state == transportEnding {
			t.lose()
		}
	}
	if len(t.out) > 0 && t.socket.Ready()&sock.Writable != 0 {
		t.flush()
	}
	if t.state == transportOpen && t.resting == nil {
		t.receive()
	}
	finished = true
}

func (t *DatagramTransport) tellErrors() {
	for len(t.errs) > 0 {
		err := t.errs[0]
		t.errs = t.errs[1:]
		t.protocol.ErrorReceived(err)
	}
}

// receive hands over what has arrived; if there is more than a batch, others come first.
func (t *DatagramTransport) receive() {
	buf := t.event.loop.scratchBuffer()
	if t.network == "unixgram" {
		buf = t.event.loop.largeBuffer()
	}
	for range datagramBatch {
		n, from, err := t.socket.TryReceive(buf)
		if err == nil || err == sock.ErrWouldBlock {
			t.failures, t.rest = 0, 0
		}
		switch {
		case err == sock.ErrWouldBlock:
			return
		case err != nil:
			t.receiveFailed(err)
		case t.unix != nil && t.network == "unixgram":
			t.unix.UnixDatagramReceived(buf[:n], from.Path)
		default:
			t.protocol.DatagramReceived(buf[:n], from.AddrPort)
		}
		if t.state != transportOpen || t.resting != nil {
			return
		}
	}
	t.event.schedule()
}

// receiveFailed tells the protocol of an error, or ends the transport if its socket is gone. An
// error of an earlier datagram is told once; one that does not end says nothing of itself, and
// must not keep the loop busy.
func (t *DatagramTransport) receiveFailed(err error) {
	failure := t.opError("read", nil, 0, err)
	if isSocketGone(err) {
		t.fail(failure)
		return
	}
	if t.failures++; t.failures >= datagramBatch {
		t.rest = min(max(2*t.rest, sendPause), maxReceiveRest)
		t.resting = t.event.loop.CallLater(t.rest, func() {
			t.resting = nil
			t.event.schedule()
		})
	}
	t.protocol.ErrorReceived(failure)
}

// maxReceiveRest is how long a transport rests at most while receiving fails.
const maxReceiveRest = time.Second

// isSocketGone reports whether the descriptor is no socket any more: somebody has closed it.
func isSocketGone(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.EBADF) || errors.Is(err, syscall.ENOTSOCK)
}

// largeBuffer returns the buffer into which callbacks receive from Unix sockets.
func (l *EventLoop) largeBuffer() []byte {
	if l.large == nil {
		l.large = make([]byte, maxUnixDatagram)
	}
	return l.large
}

// SendTo sends p as one datagram to addr, or to the peer if addr is the zero AddrPort and the
// socket is connected. It keeps a copy of what the socket does not take at once. After Close or
// Abort it does nothing. What goes wrong is told to ErrorReceived in a later turn: a datagram
// that is too large, an address that does not fit, and an address other than the peer's on a
// connected socket. CPython: DatagramTransport.sendto.
func (t *DatagramTransport) SendTo(p []byte, addr netip.AddrPort) {
	t.sendTo(p, sock.PacketAddr{AddrPort: netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())})
}

// SendToPath is SendTo over Unix sockets: to the one at path, or to the peer if path is empty.
func (t *DatagramTransport) SendToPath(p []byte, path string) {
	t.sendTo(p, sock.PacketAddr{Path: path})
}

func (t *DatagramTransport) sendTo(p []byte, to sock.PacketAddr) {
	if t.state > transportOpen {
		return
	}
	connected := !t.peer.IsZero()
	switch {
	case connected && to == t.peer:
		to = sock.PacketAddr{}
	case connected && !to.IsZero():
		t.report(t.opError("write", to.NetAddr(), len(p), net.ErrWriteToConnected))
		return
	case !connected && to.IsZero():
		t.report(t.opError("write", nil, len(p), errNoAddress))
		return
	}
	if len(t.out) == 0 {
		err := t.trySend(p, to)
		if err != sock.ErrWouldBlock {
			return
		}
	}
	t.out = append(t.out, outDatagram{append([]byte(nil), p...), to})
	t.size += len(p) + datagramOverhead
	t.awaitRoom()
	if t.size > t.high && !t.flowPaused {
		t.flowPaused = true
		if t.flow != nil {
			t.flow.PauseWriting()
		}
	}
}

var errNoAddress = errors.New("the socket is not connected: say where the datagram is to go")

// trySend sends a datagram, unless there is no room for it.
func (t *DatagramTransport) trySend(p []byte, to sock.PacketAddr) error {
	err := t.socket.TrySend(p, to)
	if err != nil && err != sock.ErrWouldBlock {
		var addr net.Addr
		if !to.IsZero() {
			addr = to.NetAddr()
		}
		t.report(t.opError("write", addr, len(p), err))
	}
	return err
}

// awaitRoom makes sure that sending is tried again. A socket that says it is writable although
// it took nothing will not tell when that changes.
func (t *DatagramTransport) awaitRoom() {
	if t.retry != nil || t.socket.Ready()&sock.Writable == 0 {
		return
	}
	t.pause = min(max(2*t.pause, sendPause), maxSendPause)
	t.retry = t.event.loop.CallLater(t.pause, func() {
		t.retry = nil
		t.event.schedule()
	})
}

// flush sends what is buffered, as far as the socket takes it.
func (t *DatagramTransport) flush() {
	for len(t.out) > 0 {
		next := t.out[0]
		if t.trySend(next.p, next.to) == sock.ErrWouldBlock {
			t.awaitRoom()
			break
		}
		t.pause = 0
		t.out[0] = outDatagram{}
		t.out = t.out[1:]
		t.size -= len(next.p) + datagramOverhead
	}
	if len(t.out) == 0 && t.state == transportClosing {
		t.end(nil)
	}
	if t.flowPaused && t.size <= t.low && t.state == transportOpen {
		t.flowPaused = false
		if t.flow != nil {
			t.flow.ResumeWriting()
		}
	}
}

// report has ErrorReceived called with err in a later turn.
func (t *DatagramTransport) report(err error) {
	t.errs = append(t.errs, err)
	t.event.schedule()
}

func (t *DatagramTransport) opError(op string, addr net.Addr, size int, err error) error {
	if addr == nil {
		addr = t.socket.RemoteAddr()
	}
	return &net.OpError{Op: op, Net: t.network, Source: t.LocalAddr(), Addr: addr, Err: datagramError(size, err)}
}

// Close closes the socket once everything is sent. Nothing is received any more.
// ConnectionLost(nil) is called in a later turn; with [ErrShutdownTimeout] if nothing of what is
// left can be sent for [DefaultShutdownTimeout], as to a Unix socket that nobody reads from. It
// is idempotent. CPython: Transport.close, which waits for ever.
func (t *DatagramTransport) Close() {
	if t.state > transportOpen {
		return
	}
	if len(t.out) > 0 {
		t.state = transportClosing
		t.stall = watchStall(t.event.loop, DefaultShutdownTimeout, t.WriteBufferSize, t.giveUp)
		return
	}
	t.end(nil)
}

// giveUp ends a transport whose receiver takes nothing.
func (t *DatagramTransport) giveUp() {
	var addr net.Addr
	if to := t.out[0].to; !to.IsZero() {
		addr = to.NetAddr()
	}
	t.fail(t.opError("close", addr, 0, ErrShutdownTimeout))
}

// Abort closes the socket at once and throws away what was not sent. ConnectionLost(nil) is
// called in a later turn. CPython: DatagramTransport.abort.
func (t *DatagramTransport) Abort() { t.fail(nil) }

// fail is Abort with an error.
func (t *DatagramTransport) fail(err error) {
	t.out, t.size = nil, 0
	t.end(err)
}

func (t *DatagramTransport) end(err error) {
	if t.state < transportEnding {
		t.state, t.err = transportEnding, err
		t.event.schedule()
	}
}

// lose tells the protocol that the socket is gone, and closes it.
func (t *DatagramTransport) lose() {
	t.state = transportLost
	t.errs = nil
	t.stall.stop()
	if t.retry != nil {
		t.retry.Cancel()
	}
	if t.resting != nil {
		t.resting.Cancel()
	}
	defer func() { _ = t.socket.Close() }()
	t.protocol.ConnectionLost(t.err)
}

// IsClosing reports whether the socket is closed or about to be.
func (t *DatagramTransport) IsClosing() bool { return t.state > transportOpen }

// WriteBufferSize returns how many bytes wait to be sent, with eight more for each datagram.
func (t *DatagramTransport) WriteBufferSize() int { return t.size }

// SetWriteBufferLimits sets the water marks, as [Transport.SetWriteBufferLimits] does.
func (t *DatagramTransport) SetWriteBufferLimits(high, low int) {
	if low < 0 || low > high {
		panic("asyncio: SetWriteBufferLimits: want 0 <= low <= high")
	}
	t.high, t.low = high, low
}

// Protocol returns the protocol that is called.
func (t *DatagramTransport) Protocol() DatagramProtocol { return t.protocol }

// SetProtocol makes p the protocol that is called from now on. ConnectionMade is not called
// for it. CPython: BaseTransport.set_protocol.
func (t *DatagramTransport) SetProtocol(p DatagramProtocol) {
	t.protocol = p
	t.flow, _ = p.(FlowDatagramProtocol)
	t.unix, _ = p.(UnixDatagramProtocol)
}

// LocalAddr returns the address of this end, with the port it was given.
// CPython: get_extra_info("sockname").
func (t *DatagramTransport) LocalAddr() net.Addr { return t.socket.LocalAddr() }

// RemoteAddr returns the address of the peer, nil if the socket is not connected.
// CPython: get_extra_info("peername").
func (t *DatagramTransport) RemoteAddr() net.Addr { return t.socket.RemoteAddr() }

// SyscallConn gives access to the socket. Its Control method works; Read and Write cannot
// wait. CPython: get_extra_info("socket").
func (t *DatagramTransport) SyscallConn() (syscall.RawConn, error) { return t.socket.SyscallConn() }
