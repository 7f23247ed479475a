package asyncio

// Transports: connections that call.
//
// A transport reads when there is something and hands it to its protocol; it writes at once
// and keeps only what the socket does not take. It is three allocations and no coroutine, so
// an idle connection costs nothing but memory, and little of that. All calls of a protocol
// come from the ready queue, one at a time, never from inside a method of the transport,
// with the exception of PauseWriting, which asyncio calls from inside Write too.

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"

	"github.com/aio-go/aio/internal/sock"
)

// Default water marks of a transport's write buffer, in bytes: those of asyncio.
const (
	DefaultHighWater = 64 << 10
	DefaultLowWater  = 16 << 10
)

// errProtocolPanicked is the error with which a connection ends whose protocol panicked.
var errProtocolPanicked = errors.New("asyncio: protocol panicked")

// DefaultShutdownTimeout is how long a connection that is closed waits for a peer that takes
// nothing of what is still to be sent. CPython: SSL_SHUTDOWN_TIMEOUT, which is for TLS alone.
const DefaultShutdownTimeout = 30 * time.Second

// ErrShutdownTimeout is the error of a connection that was closed while its peer took nothing
// of what was still to be sent. The rest is lost, and the peer gets a reset.
var ErrShutdownTimeout error = &timeoutError{"asyncio: the peer takes nothing of what is left to send"}

// stallWatch ends a transport that is closed and makes no progress.
type stallWatch struct {
	loop     *EventLoop
	patience time.Duration
	size     func() int // of what is to be sent
	giveUp   func()
	left     int // size when it last looked
	timer    *TimerHandle
}

// watchStall returns nil for a transport that is to wait as long as it takes.
func watchStall(l *EventLoop, patience time.Duration, size func() int, giveUp func()) *stallWatch {
	if patience <= 0 {
		return nil
	}
	w := &stallWatch{loop: l, patience: patience, size: size, giveUp: giveUp, left: size()}
	w.timer = l.CallLater(patience, w.look)
	return w
}

func (w *stallWatch) look() {
	if left := w.size(); left < w.left {
		w.left = left
		w.timer = w.loop.CallLater(w.patience, w.look)
		return
	}
	w.giveUp()
}

func (w *stallWatch) stop() {
	if w != nil {
		w.timer.Cancel()
	}
}

type transportState uint8

const (
	transportOpen    transportState = iota // in use
	transportClosing                       // sends what is buffered, then ends
	transportEnding                        // ConnectionLost is about to be called
	transportLost                          // ConnectionLost has been called
)

// String returns the name of the state.
func (s transportState) String() string {
	return [...]string{"open", "closing", "ending", "lost"}[s]
}

// A Transport is a connection that calls its [Protocol]. Its methods never block and never
// suspend; they are called on the loop. CPython: asyncio.Transport.
type Transport struct {
	event    socketEvent
	stream   sock.Stream
	protocol Protocol
	flow     FlowProtocol // protocol, if it is one
	server   *Server      // nil for a client
	older    *Transport   // neighbours among the server's connections
	newer    *Transport

	out       []byte // to be sent
	sent      int    // bytes of out that are
	high, low int
	err       error // what ConnectionLost is told
	patience  time.Duration
	stall     *stallWatch // while what is left is sent after Close
	state     transportState
	file      *fileTurn // the file that is being sent, nil if there is none

	made       bool // ConnectionMade was called
	reset      bool // the end is not an orderly one
	paused     bool // by PauseReading
	ended      bool // the peer has ended its side
	eof        bool // WriteEOF was called
	flowPaused bool // the protocol was told to pause writing
	flushDue   bool // a file was sent, and what waited for that is to be looked at
}

// NewTransport hands a connection over to p: from now on it calls, and conn must not be used
// any more. ConnectionMade is called in the next turn.
func NewTransport(conn *Conn, p Protocol) *Transport {
	s := conn.s
	if !s.reading.queue.empty() || s.inWrite || s.closed {
		panic("asyncio: NewTransport of a connection that is in use or closed: hand it over while no task reads or writes")
	}
	s.letGo()
	return newTransport(s.loop, s.stream, p)
}

func newTransport(l *EventLoop, stream sock.Stream, p Protocol) *Transport {
	t := new(Transport)
	t.init(l, stream, p)
	stream.SetNotify(t.event.notify)
	t.event.schedule()
	return t
}

func (t *Transport) init(l *EventLoop, stream sock.Stream, p Protocol) {
	t.stream, t.high, t.low = stream, DefaultHighWater, DefaultLowWater
	t.patience = DefaultShutdownTimeout
	t.event = socketEvent{loop: l, owner: t}
	t.setProtocol(p)
}

func (t *Transport) setProtocol(p Protocol) {
	t.protocol = p
	t.flow, _ = p.(FlowProtocol)
}

// socketReady implements socketOwner: it calls the protocol.
func (t *Transport) socketReady() {
	finished := false
	defer func() {
		if !finished { // the loop reports the panic
			t.fail(errProtocolPanicked)
		}
	}()
	switch {
	case !t.made:
		t.made = true
		if t.state == transportEnding {
			t.event.schedule() // closed before its first turn
		}
		t.protocol.ConnectionMade(t)
	case t.state == transportEnding:
		t.lose()
	}
	if t.file == nil && (t.flushDue || t.sent < len(t.out) && t.stream.Ready()&(sock.Writable|sock.Broken) != 0) {
		t.flushDue = false
		t.flush()
	}
	if t.file != nil {
		t.file.queue.wakeOne()
	}
	if t.IsReading() && t.readable() {
		t.read()
	}
	finished = true
}

func (t *Transport) readable() bool {
	return t.stream.Ready()&(sock.Readable|sock.PeerClosed|sock.Broken) != 0
}

// read hands over what has arrived, as much as one buffer holds; if there is more, others come first. Encrypted
// connections give a record at a time: those that are there go together.
func (t *Transport) read() {
	buf := t.event.loop.scratchBuffer()
	n, err := t.stream.TryRead(buf)
	for err == nil && n < len(buf) && t.readable() {
		var more int
		more, err = t.stream.TryRead(buf[n:])
		n += more
	}
	if n > 0 {
		t.protocol.DataReceived(buf[:n])
	}
	switch {
	case err == nil && t.IsReading() && t.readable():
		t.event.schedule()
	case err == nil || err == sock.ErrWouldBlock:
	case err == io.EOF:
		t.ended = true
		if !t.protocol.EOFReceived() {
			t.Close()
		}
	default:
		t.fail(t.opError("read", err))
	}
}

// Write sends p, or keeps a copy of what the socket does not take. After Close, WriteEOF or
// the end of the connection it does nothing. CPython: Transport.write.
func (t *Transport) Write(p []byte) {
	if t.state > transportOpen || t.eof || len(p) == 0 {
		return
	}
	if t.sent == len(t.out) && t.file == nil {
		n, err := t.stream.TryWrite(p)
		if err != nil && err != sock.ErrWouldBlock {
			t.fail(t.opError("write", err))
			return
		}
		p = p[n:]
	}
	t.keep(p)
}

// WriteBuffers is Write for several buffers, with as few system calls as possible.
// CPython: Transport.writelines.
func (t *Transport) WriteBuffers(bufs net.Buffers) {
	if t.state > transportOpen || t.eof {
		return
	}
	n := 0
	if t.sent == len(t.out) && t.file == nil {
		var err error
		n, err = t.stream.TryWritev(bufs)
		if err != nil && err != sock.ErrWouldBlock {
			t.fail(t.opError("write", err))
			return
		}
	}
	for _, b := range bufs {
		k := min(n, len(b))
		n -= k
		t.keep(b[k:])
	}
}

// keep buffers p.
func (t *Transport) keep(p []byte) {
	if len(p) == 0 {
		return
	}
	if t.sent > len(t.out)/2 {
		t.out = append(t.out[:0], t.out[t.sent:]...)
		t.sent = 0
	}
	t.out = append(t.out, p...)
	if t.stream.Ready()&sock.Writable != 0 && t.file == nil {
		t.event.schedule() // the socket took a part without being full
	}
	if t.WriteBufferSize() > t.high && !t.flowPaused {
		t.flowPaused = true
		if t.flow != nil {
			t.flow.PauseWriting()
		}
	}
}

// flush sends what is buffered, as far as the socket takes it.
func (t *Transport) flush() {
	for t.sent < len(t.out) {
		n, err := t.stream.TryWrite(t.out[t.sent:])
		t.sent += n
		if err == sock.ErrWouldBlock {
			break
		}
		if err != nil {
			t.fail(t.opError("write", err))
			return
		}
	}
	if t.sent == len(t.out) {
		t.out, t.sent = nil, 0
		t.drained()
	}
	if t.flowPaused && t.WriteBufferSize() <= t.low && t.state == transportOpen {
		t.flowPaused = false
		if t.flow != nil {
			t.flow.ResumeWriting()
		}
	}
}

// drained does what had to wait until everything was sent.
func (t *Transport) drained() {
	switch {
	case t.state == transportClosing:
		t.end(nil)
	case t.eof && t.state == transportOpen:
		t.shutdown()
	}
}

// WriteEOF ends the writing side once everything is sent; the peer can go on sending. A
// pipe has no more than that side, hence is closed. CPython: Transport.write_eof.
func (t *Transport) WriteEOF() {
	if t.state > transportOpen || t.eof {
		return
	}
	t.eof = true
	if t.sent == len(t.out) && t.file == nil {
		t.shutdown()
	}
}

func (t *Transport) shutdown() {
	switch err := t.stream.CloseWrite(); err {
	case nil:
	case sock.ErrUnsupported: // a pipe: there is no other side that would be left
		t.end(nil)
	default:
		t.fail(t.opError("close", err))
	}
}

// Close ends the connection once everything is sent. Nothing is received any more.
// ConnectionLost(nil) is called in a later turn; with [ErrShutdownTimeout] if the peer takes
// nothing of what is left for [DefaultShutdownTimeout]. It is idempotent.
// CPython: Transport.close.
func (t *Transport) Close() {
	if t.state > transportOpen {
		return
	}
	if t.sent < len(t.out) || t.file != nil {
		t.event.schedule() // the task that sends a file gives up
		t.state = transportClosing
		t.stall = watchStall(t.event.loop, t.patience, t.WriteBufferSize, func() { t.fail(t.opError("close", ErrShutdownTimeout)) })
		return
	}
	t.end(nil)
}

// Abort ends the connection at once and throws away what was not sent; over TCP the peer
// gets a reset. ConnectionLost(nil) is called in a later turn. CPython: Transport.abort.
func (t *Transport) Abort() { t.fail(nil) }

// fail is Abort with an error.
func (t *Transport) fail(err error) {
	t.reset = t.reset || t.state < transportEnding
	t.out, t.sent = nil, 0
	t.end(err)
}

func (t *Transport) end(err error) {
	if t.state < transportEnding {
		t.state, t.err = transportEnding, err
		t.event.schedule()
	}
}

// lose tells the protocol that the connection is over, and closes the socket.
func (t *Transport) lose() {
	t.state = transportLost
	t.stall.stop()
	defer func() {
		t.server.remove(t)
		if t.reset {
			_ = t.stream.Abort()
		} else {
			_ = t.stream.Close()
		}
	}()
	t.protocol.ConnectionLost(t.err)
}

func (t *Transport) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: t.RemoteAddr().Network(), Source: t.LocalAddr(), Addr: t.RemoteAddr(), Err: err}
}

// PauseReading stops DataReceived from being called until ResumeReading. It is idempotent.
func (t *Transport) PauseReading() { t.paused = true }

// ResumeReading undoes PauseReading. It is idempotent.
func (t *Transport) ResumeReading() {
	if !t.paused {
		return
	}
	t.paused = false
	if t.IsReading() && t.readable() {
		t.event.schedule()
	}
}

// IsReading reports whether the transport receives.
func (t *Transport) IsReading() bool { return t.state == transportOpen && !t.paused && !t.ended }

// IsClosing reports whether the connection is closed or about to be.
func (t *Transport) IsClosing() bool { return t.state > transportOpen }

// WriteBufferSize returns how many bytes wait to be sent.
func (t *Transport) WriteBufferSize() int { return len(t.out) - t.sent }

// SetWriteBufferLimits sets the water marks: above high bytes in the write buffer the
// protocol is told to pause, at low or fewer to resume. The defaults are [DefaultHighWater]
// and [DefaultLowWater]. It panics unless 0 ≤ low ≤ high.
func (t *Transport) SetWriteBufferLimits(high, low int) {
	if low < 0 || low > high {
		panic("asyncio: SetWriteBufferLimits: want 0 <= low <= high")
	}
	t.high, t.low = high, low
}

// Protocol returns the protocol that is called.
func (t *Transport) Protocol() Protocol { return t.protocol }

// SetProtocol makes p the protocol that is called from now on. ConnectionMade is not called
// for it. CPython: BaseTransport.set_protocol.
func (t *Transport) SetProtocol(p Protocol) { t.setProtocol(p) }

// LocalAddr returns the address of this end.
func (t *Transport) LocalAddr() net.Addr { return t.stream.LocalAddr() }

// RemoteAddr returns the address of the other end.
func (t *Transport) RemoteAddr() net.Addr { return t.stream.RemoteAddr() }

// TLS returns the state of the encryption, nil if the connection is not encrypted.
func (t *Transport) TLS() *tls.ConnectionState {
	s, ok := t.stream.(*tlsStream)
	if !ok {
		return nil
	}
	state := s.conn.ConnectionState()
	return &state
}
