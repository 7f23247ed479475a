package asyncio

// Conn: net.Conn for code that runs in a task.
//
// Every operation tries first and suspends the task only if it would block. What is written
// for net.Conn works on it unchanged, as long as it runs on the loop: bufio, database
// drivers, codecs. Cancellation reaches a suspended operation through a context: the one
// that WithContext bound, otherwise that of the task.

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/aio-go/aio/internal/sock"
)

// ErrConcurrentRead reports a read from a connection on which another task is suspended in
// one. That task is not affected.
var ErrConcurrentRead = errors.New("asyncio: another task is reading from the connection")

var errConnClosed = net.ErrClosed

// A Conn is a connection whose methods suspend the running task instead of blocking the
// loop. It belongs to one loop. One task may read while another writes; writes of several
// tasks take turns, in the order in which they came, and are never mixed.
type Conn struct {
	s   *connState
	ctx context.Context // bound by WithContext; nil: that of the running task
}

// connState is what all views of a connection share.
type connState struct {
	view    Conn // without a bound context
	loop    *EventLoop
	stream  sock.Stream
	network string
	reading connSide
	writing connSide
	turn    waitQueue // tasks whose write waits for another task's
	inWrite bool      // a write that had to wait is under way
	closed  bool
	hook    connHook
	bulk    *bulkRead // nil before the first
}

var (
	_ net.Conn      = (*Conn)(nil)
	_ io.ReaderFrom = (*Conn)(nil)
	_ io.WriterTo   = (*Conn)(nil)
	_ syscall.Conn  = (*Conn)(nil)
)

// newConn makes a connection of a connected stream.
func newConn(l *EventLoop, network string, stream sock.Stream) *Conn {
	s := &connState{loop: l, network: network}
	s.view.s = s
	s.reading = connSide{loop: l, why: waitRead, when: NoDeadline}
	s.writing = connSide{loop: l, why: waitWrite, when: NoDeadline}
	s.hook.conn = s
	s.attach(stream)
	return &s.view
}

func (s *connState) attach(stream sock.Stream) {
	s.stream, s.bulk = stream, nil
	stream.SetNotify(s.notify)
}

// notify is called by the poller: it wakes whoever waits for what has become ready.
func (s *connState) notify(ready sock.Ready) {
	if ready&^sock.Writable != 0 && !s.reading.wake() {
		s.hook.schedule()
	}
	if ready&(sock.Writable|sock.Broken) != 0 {
		s.writing.queue.wakeOne()
	}
}

// WithContext returns a view of the connection whose operations are interrupted when ctx
// ends, instead of when the running task's context does. Deadlines are shared with the
// connection, and closing the view closes it.
func (c *Conn) WithContext(ctx context.Context) *Conn { return &Conn{s: c.s, ctx: ctx} }

// Read reads what has arrived, up to len(p) bytes. It suspends the task until there is
// something, only if there is nothing. It returns io.EOF at the end of the stream, an error
// that wraps os.ErrDeadlineExceeded or net.ErrClosed if the deadline passes or the connection
// is closed meanwhile, and the context's error if that ends while the task is suspended; the
// connection stays usable then and no data is lost.
func (c *Conn) Read(p []byte) (int, error) { return c.s.read(c.ctx, p, 1) }

// ReadContext is Read, interrupted by the end of ctx.
func (c *Conn) ReadContext(ctx context.Context, p []byte) (int, error) {
	return c.s.read(ctx, p, 1)
}

// read reads into p. If it has to wait, want bytes are worth waiting for a moment.
func (s *connState) read(ctx context.Context, p []byte, want int) (int, error) {
	s.loop.checkGoroutine("Conn.Read")
	if s.closed || s.reading.expired || s.reading.taken() {
		return 0, s.failure("read", s.readRefusal())
	}
	for {
		n, err := s.stream.TryRead(p)
		if err == nil {
			return n, nil
		}
		switch {
		case err == sock.ErrWouldBlock && want > 1:
			err = s.awaitBulk(ctx, want)
		case err == sock.ErrWouldBlock:
			err = s.awaitRead(ctx)
		}
		if err != nil {
			return 0, s.failure("read", err)
		}
	}
}

// awaitRead suspends the running task until a read is worth trying. In the turn in which it was
// woken the connection may have been closed, or the stream handed over to somebody else.
func (s *connState) awaitRead(ctx context.Context) error {
	err := s.reading.wait(ctx)
	if err == nil && s.closed {
		err = errConnClosed
	}
	return err
}

// readRefusal says why a read cannot even begin.
func (s *connState) readRefusal() error {
	switch {
	case s.closed:
		return errConnClosed
	case s.reading.expired:
		return errDeadline
	}
	return ErrConcurrentRead
}

// Write writes all of p, or returns an error together with how much was written before. It
// suspends the task while the connection takes no more, and not otherwise. The errors are
// those of Read.
func (c *Conn) Write(p []byte) (int, error) { return c.s.write(c.ctx, p) }

// WriteContext is Write, interrupted by the end of ctx.
func (c *Conn) WriteContext(ctx context.Context, p []byte) (int, error) { return c.s.write(ctx, p) }

func (s *connState) write(ctx context.Context, p []byte) (int, error) {
	s.loop.checkGoroutine("Conn.Write")
	n := 0
	if !s.inWrite && !s.writing.expired && !s.closed {
		var err error
		if n, err = s.stream.TryWrite(p); err == nil && n == len(p) {
			return n, nil
		}
		if err != nil && err != sock.ErrWouldBlock {
			return n, s.failure("write", err)
		}
	}
	rest := [1][]byte{p[n:]}
	m, err := s.writeRest(ctx, rest[:])
	return n + int(m), err
}

// WriteBuffers writes the buffers one after the other, with as few system calls as possible,
// and is otherwise Write. It does not change bufs. CPython: StreamWriter.writelines.
func (c *Conn) WriteBuffers(bufs net.Buffers) (int64, error) {
	rest := make([][]byte, len(bufs))
	copy(rest, bufs)
	c.s.loop.checkGoroutine("Conn.WriteBuffers")
	return c.s.writeRest(c.ctx, rest)
}

// writeRest writes bufs, which it consumes, when it is this task's turn.
func (s *connState) writeRest(ctx context.Context, bufs [][]byte) (int64, error) {
	if s.inWrite {
		if err := s.awaitTurn(ctx); err != nil {
			return 0, s.failure("write", err)
		}
	}
	s.inWrite = true
	defer s.endTurn()
	var written int64
	for {
		if s.closed {
			return written, s.failure("write", errConnClosed)
		}
		if s.writing.expired {
			return written, s.failure("write", errDeadline)
		}
		n, err := s.tryWrite(bufs)
		written += int64(n)
		if bufs = consumed(bufs, n); len(bufs) == 0 {
			return written, nil
		}
		if err == sock.ErrWouldBlock {
			err = s.writing.wait(ctx)
		}
		if err != nil {
			return written, s.failure("write", err)
		}
	}
}

func (s *connState) tryWrite(bufs [][]byte) (int, error) {
	if len(bufs) == 1 {
		return s.stream.TryWrite(bufs[0])
	}
	return s.stream.TryWritev(bufs)
}

// consumed drops the first n bytes of bufs, and buffers that are empty.
func consumed(bufs [][]byte, n int) [][]byte {
	for len(bufs) > 0 {
		if n < len(bufs[0]) {
			bufs[0] = bufs[0][n:]
			return bufs
		}
		n -= len(bufs[0])
		bufs = bufs[1:]
	}
	return bufs
}

// awaitTurn suspends the task until the writes that came before it are done.
func (s *connState) awaitTurn(ctx context.Context) error {
	scope, made := s.loop.scopeFor(ctx)
	if made {
		defer scope.close()
	}
	return s.loop.parkOn(scope, &s.turn, waitWrite)
}

// endTurn hands the writing side to the next task, which then has it already.
func (s *connState) endTurn() { s.inWrite = s.turn.wakeOne() }

// ReadFrom writes to the connection what r has, until io.EOF. io.Copy uses it. A regular file, or
// an *io.LimitedReader of one, is sent by the system itself where it can: see SendFile. Any other
// r that blocks blocks the loop.
func (c *Conn) ReadFrom(r io.Reader) (n int64, err error) {
	if n, ok, err := c.readFromFile(r); ok {
		return n, err
	}
	buf := c.s.loop.takeBuffer()
	defer c.s.loop.putBuffer(buf)
	for {
		k, readErr := r.Read(buf)
		if k > 0 {
			w, err := c.Write(buf[:k])
			n += int64(w)
			if err != nil {
				return n, err
			}
		}
		if readErr == io.EOF {
			return n, nil
		}
		if readErr != nil {
			return n, readErr
		}
	}
}

// WriteTo writes to w what arrives on the connection, until its end. io.Copy uses it. It holds a
// buffer only while there is something in it: a relay that is idle costs none.
func (c *Conn) WriteTo(w io.Writer) (n int64, err error) {
	for {
		if err := c.s.awaitReadable(c.ctx); err != nil {
			return n, err
		}
		m, err := c.relay(w)
		n += m
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// relay writes to w what one read brings.
func (c *Conn) relay(w io.Writer) (n int64, err error) {
	buf := c.s.loop.takeBuffer()
	defer c.s.loop.putBuffer(buf)
	k, readErr := c.Read(buf)
	if k > 0 {
		m, err := w.Write(buf[:k])
		if err == nil && m < k {
			err = io.ErrShortWrite
		}
		if err != nil {
			return int64(m), err
		}
	}
	return int64(k), readErr
}

// awaitReadable suspends the running task until a read would not.
func (s *connState) awaitReadable(ctx context.Context) error {
	s.loop.checkGoroutine("Conn.WriteTo")
	if s.closed || s.reading.expired || s.reading.taken() {
		return s.failure("read", s.readRefusal())
	}
	for !s.view.Readable() {
		if err := s.awaitRead(ctx); err != nil {
			return s.failure("read", err)
		}
	}
	return nil
}

// Readable reports whether a read would not suspend: there are bytes, or the end, or an
// error. It costs no system call and may overlook what has only just arrived.
func (c *Conn) Readable() bool {
	return c.s.stream.Ready()&(sock.Readable|sock.PeerClosed|sock.Broken) != 0
}

// OnReadable has f called once, on the loop, as soon as there is something to read, the end
// of the stream included, while no task reads: at the next turn if there is something
// already. Nil takes it back. It is how a pool notices that an idle connection was closed.
func (c *Conn) OnReadable(f func()) {
	c.s.hook.f = f
	if f != nil && c.Readable() {
		c.s.hook.schedule()
	}
}

// connHook is the function of OnReadable as an entry of the ready queue.
type connHook struct {
	conn   *connState
	f      func()
	queued bool
}

func (h *connHook) schedule() {
	if h.f != nil && !h.queued {
		h.queued = true
		h.conn.loop.ready.push(h)
	}
}

func (h *connHook) run(*EventLoop) {
	h.queued = false
	if f := h.f; f != nil && !h.conn.closed && h.conn.view.Readable() {
		h.f = nil
		f()
	}
}

// CloseWrite ends the writing side: the peer reads io.EOF once it has read everything.
func (c *Conn) CloseWrite() error {
	if err := c.s.stream.CloseWrite(); err != nil {
		return c.s.failure("close", err)
	}
	return nil
}

// Close closes the connection. Tasks suspended on it fail with an error that wraps
// net.ErrClosed. What was written before is still delivered.
func (c *Conn) Close() error { return c.s.close(c.s.stream.Close) }

// Abort closes the connection at once and throws away what was not sent yet. Over TCP the
// peer gets a reset.
func (c *Conn) Abort() error { return c.s.close(c.s.stream.Abort) }

func (s *connState) close(how func() error) error {
	if s.closed {
		return s.failure("close", errConnClosed)
	}
	s.letGo()
	if err := how(); err != nil {
		return s.failure("close", err)
	}
	return nil
}

// letGo ends all use of the connection, but does not close the stream.
func (s *connState) letGo() {
	s.closed = true
	s.bulk.lower()
	s.hook.f = nil
	for _, q := range []*waitQueue{&s.reading.queue, &s.writing.queue, &s.turn} {
		q.fail(errConnClosed)
	}
}

// LocalAddr returns the address of this end.
func (c *Conn) LocalAddr() net.Addr { return c.s.stream.LocalAddr() }

// RemoteAddr returns the address of the other end.
func (c *Conn) RemoteAddr() net.Addr { return c.s.stream.RemoteAddr() }

// SetNoDelay switches Nagle's algorithm off, which it is by default, or on.
func (c *Conn) SetNoDelay(noDelay bool) error { return c.s.stream.SetNoDelay(noDelay) }

// SetKeepAliveConfig sets the keep-alive probes of a TCP connection.
func (c *Conn) SetKeepAliveConfig(config net.KeepAliveConfig) error {
	return c.s.stream.SetKeepAlive(config)
}

// SyscallConn gives access to the socket. Its Control method works; Read and Write cannot
// wait.
func (c *Conn) SyscallConn() (syscall.RawConn, error) { return c.s.stream.SyscallConn() }

// TLS returns the state of the encryption, nil if the connection is not encrypted.
func (c *Conn) TLS() *tls.ConnectionState {
	t, ok := c.s.stream.(*tlsStream)
	if !ok {
		return nil
	}
	state := t.conn.ConnectionState()
	return &state
}
