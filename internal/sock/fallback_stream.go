package sock

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// lingerOnClose bounds how long data accepted by TryWrite may take to reach
// the kernel after Close, which for a native socket it had done before.
const lingerOnClose = 30 * time.Second

// Sizes of a stream's buffers: what one reading goroutine fetches, and what
// TryWrite accepts.
const (
	fallbackReadSize  = 32 << 10
	fallbackWriteSize = 64 << 10
)

// fallbackStream is a net.Conn, or one being dialled. Reading is one step
// ahead of the caller, from when somebody shows interest: that is how an idle
// connection notices its peer closing. Writing accepts a buffer at a time and
// is writable again when that has gone out.
type fallbackStream struct {
	fallbackHandle
	conn   net.Conn // nil while dialling
	remote net.Addr

	cancel context.CancelFunc // of the dialling
	err    error              // of the dialling

	buf     []byte           // space for reading
	unread  []byte           // part of buf not yet handed out
	readErr error            // after unread
	reading bool             // a goroutine is at it
	heir    chan<- readAhead // gets what that reads, once the stream is detached

	wbuf       []byte
	writeErr   error
	writeHeir  chan<- error // gets the result of writing, once the stream is detached
	writing    bool         // a goroutine is at it, or its result is on the way
	writer     atomic.Int32 // between that goroutine and Close
	closeWrite bool         // as soon as writing has ended
}

// States of fallbackStream.writer: whoever finds the other's mark closes.
const (
	writerIdle int32 = iota
	writerBusy
	writerLast // close the connection when done
)

// Dial implements Network.
func (p *fallbackPoller) Dial(network string, remote net.Addr, opts *DialOptions) (Stream, error) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &fallbackStream{fallbackHandle: fallbackHandle{poller: p}, remote: remote, cancel: cancel}
	if err := p.register(s); err != nil {
		cancel()
		return nil, err
	}
	local := opts.Local
	d := net.Dialer{LocalAddr: local, Control: opts.Control, KeepAliveConfig: opts.KeepAlive, KeepAlive: -1}
	d.SetMultipathTCP(false)
	go func() {
		conn, err := d.DialContext(ctx, network, remote.String())
		cancel()
		if call := (*os.SyscallError)(nil); errors.As(err, &call) && call.Syscall == "connect" {
			fileOf(local).remove() // it was bound before
		}
		p.post(func() { s.dialled(conn, err) })
	}()
	return s, nil
}

func (s *fallbackStream) dialled(conn net.Conn, err error) {
	if s.closed {
		if conn != nil {
			conn.Close()
		}
		return
	}
	if err != nil {
		s.err = cause(err)
		s.deliver(Writable | Broken)
		return
	}
	s.conn = conn
	if s.notify != nil {
		s.read()
	}
	s.deliver(Writable)
}

// SetNotify implements Stream.
func (s *fallbackStream) SetNotify(f func(Ready)) {
	s.notify = f
	if f != nil {
		s.read()
	}
}

// ConnectResult implements Stream.
func (s *fallbackStream) ConnectResult() error {
	switch {
	case s.closed:
		return net.ErrClosed
	case s.conn == nil && s.err == nil:
		return ErrWouldBlock
	}
	return s.err
}

// TryRead implements Stream.
func (s *fallbackStream) TryRead(p []byte) (int, error) {
	switch {
	case s.closed:
		return 0, net.ErrClosed
	case len(p) == 0:
		return 0, nil
	case len(s.unread) > 0:
		n := copy(p, s.unread)
		s.unread = s.unread[n:]
		if len(s.unread) == 0 && s.readErr == nil {
			s.ready &^= Readable
			s.read()
		}
		return n, nil
	case s.readErr != nil:
		return 0, s.readErr
	}
	s.read()
	return 0, ErrWouldBlock
}

// read starts fetching what comes next unless that is under way or pointless.
func (s *fallbackStream) read() {
	if s.closed || s.conn == nil || s.reading || len(s.unread) > 0 || s.readErr != nil {
		return
	}
	if s.buf == nil {
		s.buf = make([]byte, fallbackReadSize)
	}
	s.reading = true
	conn, buf := s.conn, s.buf
	go func() {
		n, err := conn.Read(buf)
		s.poller.post(func() { s.fetched(n, err) })
	}()
}

func (s *fallbackStream) fetched(n int, err error) {
	s.reading = false
	if s.heir != nil {
		s.heir <- readAhead{s.buf[:n], err} // one, and there is room for it
		return
	}
	if s.closed {
		return
	}
	s.unread = s.buf[:n]
	ready := Readable
	switch {
	case err == io.EOF:
		s.readErr = io.EOF
		ready |= PeerClosed
	case err != nil:
		s.readErr = cause(err)
		ready |= Broken | Writable
	}
	s.deliver(ready)
}

// TryWrite implements Stream.
func (s *fallbackStream) TryWrite(p []byte) (int, error) {
	return s.TryWritev([][]byte{p})
}

// TryWritev implements Stream.
func (s *fallbackStream) TryWritev(bufs [][]byte) (int, error) {
	switch {
	case s.closed:
		return 0, net.ErrClosed
	case s.writeErr != nil:
		return 0, s.writeErr
	case s.conn == nil || s.writing:
		s.ready &^= Writable // a failed read has set it; the end of the writing is to be news
		return 0, ErrWouldBlock
	case s.closeWrite:
		return 0, syscall.EPIPE
	}
	s.wbuf = s.wbuf[:0]
	for _, b := range bufs {
		s.wbuf = append(s.wbuf, b[:min(len(b), fallbackWriteSize-len(s.wbuf))]...)
	}
	if len(s.wbuf) == 0 {
		return 0, nil
	}
	s.writing = true
	s.writer.Store(writerBusy)
	s.ready &^= Writable
	go s.write(s.conn, s.wbuf)
	return len(s.wbuf), nil
}

// write is the writing goroutine.
func (s *fallbackStream) write(conn net.Conn, p []byte) {
	_, err := conn.Write(p)
	if !s.writer.CompareAndSwap(writerBusy, writerIdle) {
		conn.Close()
		return
	}
	s.poller.post(func() { s.wrote(err) })
}

func (s *fallbackStream) wrote(err error) {
	s.writing = false
	if s.writeHeir != nil {
		s.writeHeir <- err // one, and there is room for it
	}
	if s.closed {
		return
	}
	if err != nil {
		s.writeErr = cause(err)
		s.deliver(Writable | Broken)
		return
	}
	if s.closeWrite {
		_ = s.shutdownWrite()
	}
	s.deliver(Writable)
}

// CloseWrite implements Stream.
func (s *fallbackStream) CloseWrite() error {
	switch {
	case s.closed:
		return net.ErrClosed
	case s.conn == nil:
		return syscall.ENOTCONN
	}
	s.closeWrite = true
	if s.writing {
		return nil
	}
	return s.shutdownWrite()
}

func (s *fallbackStream) shutdownWrite() error {
	if c, ok := s.conn.(interface{ CloseWrite() error }); ok {
		return cause(c.CloseWrite())
	}
	return ErrUnsupported
}

// Close implements Stream.
func (s *fallbackStream) Close() error {
	if !s.close(s) {
		return net.ErrClosed
	}
	if s.conn == nil {
		s.cancel()
		return nil
	}
	if s.writer.CompareAndSwap(writerBusy, writerLast) {
		_ = s.conn.SetWriteDeadline(time.Now().Add(lingerOnClose)) // unless it is closed already
		return nil
	}
	return cause(s.conn.Close())
}

// Abort implements Stream.
func (s *fallbackStream) Abort() error {
	if !s.close(s) {
		return net.ErrClosed
	}
	if s.conn == nil {
		s.cancel()
		return nil
	}
	if c, ok := s.conn.(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
	return cause(s.conn.Close())
}

// LocalAddr implements Stream.
func (s *fallbackStream) LocalAddr() net.Addr {
	if s.conn != nil {
		return s.conn.LocalAddr()
	}
	if _, ok := s.remote.(*net.UnixAddr); ok {
		return &net.UnixAddr{Net: "unix"}
	}
	return &net.TCPAddr{}
}

// RemoteAddr implements Stream.
func (s *fallbackStream) RemoteAddr() net.Addr { return s.remote }

// SetNoDelay implements Stream.
func (s *fallbackStream) SetNoDelay(noDelay bool) error {
	return s.tcp(func(c *net.TCPConn) error { return c.SetNoDelay(noDelay) })
}

// SetKeepAlive implements Stream.
func (s *fallbackStream) SetKeepAlive(config net.KeepAliveConfig) error {
	return s.tcp(func(c *net.TCPConn) error { return c.SetKeepAliveConfig(config) })
}

// tcp runs f if the connection is TCP.
func (s *fallbackStream) tcp(f func(*net.TCPConn) error) error {
	if s.closed {
		return net.ErrClosed
	}
	if c, ok := s.conn.(*net.TCPConn); ok {
		return cause(f(c))
	}
	return nil
}

// SyscallConn implements Stream.
func (s *fallbackStream) SyscallConn() (syscall.RawConn, error) {
	if s.closed {
		return nil, net.ErrClosed
	}
	if c, ok := s.conn.(syscall.Conn); ok {
		return c.SyscallConn()
	}
	return nil, errors.Join(ErrUnsupported, s.err)
}
