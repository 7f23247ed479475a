package asyncio

// The writing side of a stream.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
)

var (
	errWriteAfterEOF = errors.New("asyncio: write after WriteEOF")
	errShaking       = errors.New("asyncio: a TLS handshake is under way")
)

// A StreamWriter is the writing side of a stream: see [OpenConnection] and [StartServer].
// Writing never suspends: what the connection does not take at once is kept and sent as it
// does. A task that writes much calls Drain in between, which suspends it while too much is
// kept. The writer must be closed, except by a [StreamHandler], whose server does it.
// CPython: asyncio.StreamWriter.
type StreamWriter struct{ c *streamConn }

var (
	_ io.WriteCloser  = (*StreamWriter)(nil)
	_ io.StringWriter = (*StreamWriter)(nil)
)

// Write sends p, or keeps a copy of what the connection does not take yet. It writes all of p
// or, once the connection is closed or has failed, nothing: the error is then a *net.OpError.
// CPython: StreamWriter.write.
func (w *StreamWriter) Write(p []byte) (int, error) {
	t := &w.c.transport
	t.event.loop.checkGoroutine("StreamWriter.Write")
	if t.state > transportOpen || t.eof || w.c.shaking {
		return 0, w.failure("write")
	}
	t.Write(p)
	if t.err != nil {
		return 0, t.err
	}
	return len(p), nil
}

// WriteString is Write for a string.
func (w *StreamWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// WriteLines is Write for several pieces one after the other, with as few system calls as
// possible. Nothing is put between them. CPython: StreamWriter.writelines.
func (w *StreamWriter) WriteLines(pieces [][]byte) error {
	t := &w.c.transport
	t.event.loop.checkGoroutine("StreamWriter.WriteLines")
	if t.state > transportOpen || t.eof || w.c.shaking {
		return w.failure("write")
	}
	t.WriteBuffers(pieces)
	return t.err
}

// Drain suspends the task while more is kept to be sent than the high water mark, until that
// is down to the low one; otherwise it does not suspend. Any number of tasks may be in it. It
// returns a *net.OpError once the connection is closed or has failed, and ctx's error when that
// ends first. CPython: StreamWriter.drain.
func (w *StreamWriter) Drain(ctx context.Context) error {
	t := &w.c.transport
	if t.flowPaused && t.state == transportOpen {
		if err := w.c.drains.wait(ctx, waitStream); err != nil {
			return err
		}
	}
	if t.state > transportOpen {
		return w.failure("write")
	}
	return nil
}

// failure says why nothing can be written, nil if something can.
func (w *StreamWriter) failure(op string) error {
	t := &w.c.transport
	switch {
	case t.err != nil:
		return t.err
	case t.state > transportOpen:
		return t.opError(op, errConnClosed)
	case t.eof:
		return t.opError(op, errWriteAfterEOF)
	case w.c.shaking:
		return t.opError(op, errShaking)
	}
	return nil
}

// WriteEOF ends the writing side once everything is sent: the peer then reads the end of the
// stream, and can go on sending. It is idempotent. CPython: StreamWriter.write_eof.
func (w *StreamWriter) WriteEOF() error {
	if t := &w.c.transport; t.state > transportOpen || w.c.shaking {
		return w.failure("close")
	}
	w.c.transport.WriteEOF()
	return w.c.transport.err
}

// CanWriteEOF reports whether WriteEOF can end the writing side alone. Of TCP, Unix sockets and
// TLS alike it is true. CPython: StreamWriter.can_write_eof.
func (w *StreamWriter) CanWriteEOF() bool { return true }

// Close closes the connection, both sides of it, once everything is sent; the reader of this
// side then comes to the end of the stream. It never fails and is idempotent. WaitClosed waits
// for the end. CPython: StreamWriter.close.
func (w *StreamWriter) Close() error {
	w.c.transport.event.loop.checkGoroutine("StreamWriter.Close")
	w.c.transport.Close()
	return nil
}

// Abort closes the connection at once and throws away what was not sent yet. Over TCP the peer
// gets a reset. CPython: StreamWriter.transport.abort.
func (w *StreamWriter) Abort() { w.c.transport.Abort() }

// IsClosing reports whether the connection is closed or about to be.
// CPython: StreamWriter.is_closing.
func (w *StreamWriter) IsClosing() bool { return w.c.transport.IsClosing() }

// WaitClosed suspends the task until the connection is over, after Close for example, and not
// at all if it is. It returns what the connection ended with, nil if that was Close or Abort,
// or ctx's error when that ends first. CPython: StreamWriter.wait_closed.
func (w *StreamWriter) WaitClosed(ctx context.Context) error {
	if w.c.transport.state != transportLost {
		if err := w.c.closing.wait(ctx, waitStream); err != nil {
			return err
		}
	}
	return w.c.transport.err
}

// WriteBufferSize returns how many bytes are kept to be sent.
func (w *StreamWriter) WriteBufferSize() int { return w.c.transport.WriteBufferSize() }

// SetWriteBufferLimits sets the water marks of Drain: see [Transport.SetWriteBufferLimits].
func (w *StreamWriter) SetWriteBufferLimits(high, low int) {
	w.c.transport.SetWriteBufferLimits(high, low)
}

// LocalAddr returns the address of this end.
// CPython: StreamWriter.get_extra_info("sockname").
func (w *StreamWriter) LocalAddr() net.Addr { return w.c.transport.LocalAddr() }

// RemoteAddr returns the address of the other end.
// CPython: StreamWriter.get_extra_info("peername").
func (w *StreamWriter) RemoteAddr() net.Addr { return w.c.transport.RemoteAddr() }

// TLS returns the state of the encryption, nil if the connection is not encrypted.
// CPython: StreamWriter.get_extra_info("ssl_object").
func (w *StreamWriter) TLS() *tls.ConnectionState { return w.c.transport.TLS() }

// Writer returns an io.Writer that drains after each write, under ctx, and so suspends its
// task: for io.Copy and encoders that write much.
func (w *StreamWriter) Writer(ctx context.Context) io.Writer { return &boundWriter{w, ctx} }

type boundWriter struct {
	w   *StreamWriter
	ctx context.Context
}

// Write implements io.Writer.
func (b *boundWriter) Write(p []byte) (int, error) {
	n, err := b.w.Write(p)
	if err == nil {
		err = b.w.Drain(b.ctx)
	}
	return n, err
}

// String describes the writer for logs.
func (w *StreamWriter) String() string {
	t := &w.c.transport
	return fmt.Sprintf("StreamWriter(%s, %v, %d bytes to be sent)", w.c.describe(), t.state, t.WriteBufferSize())
}

// StartTLS encrypts the connection, in the middle of the conversation: the same reader and
// writer go on. It sends what is kept, then performs the handshake, which suspends the task for
// up to the handshake timeout, as the server if the connection was accepted by a [Server] and
// otherwise as the client. No task may read meanwhile, and writing fails. Bytes that the reader
// has read ahead are taken for the beginning of the handshake: nothing that came before it in
// the clear can be read as if it were encrypted. After an error, ctx's end included, the
// connection is closed. A client's config must have a ServerName or InsecureSkipVerify, a
// server's a certificate. CPython: StreamWriter.start_tls.
func (w *StreamWriter) StartTLS(ctx context.Context, config *tls.Config) error {
	if w.c.accepted {
		return w.c.startTLS(ctx, config, tls.Server)
	}
	return w.c.startTLS(ctx, config, tls.Client)
}

func (c *streamConn) startTLS(ctx context.Context, config *tls.Config, side tlsSide) error {
	t, r := &c.transport, &c.reader
	if err := c.writer.failure("tls handshake"); err != nil {
		return err
	}
	if r.busy {
		return t.opError("tls handshake", ErrConcurrentRead)
	}
	r.busy, c.shaking = true, true
	defer func() { r.busy, c.shaking = false, false }()
	if err := c.sendAll(ctx); err != nil {
		t.Close()
		return err
	}
	early := append([]byte(nil), r.buf[r.off:]...)
	r.advance(r.unread())
	stream, err := t.event.loop.encrypt(ctx, t.stream, tlsRequest{
		config: config, side: side, early: early, suspend: c.suspend,
		limit: c.options.handshakeTimeout, linger: c.options.shutdownTimeout,
	})
	switch {
	case t.state > transportOpen: // closed meanwhile
		return c.writer.failure("tls handshake")
	case err == nil:
		t.stream = stream
		stream.SetNotify(c.notify)
		stream.begin()
		return nil
	case isCancellation(err) || errors.Is(err, context.DeadlineExceeded) && err != ErrHandshakeTimeout:
		t.Close()
		return err
	}
	err = t.opError("tls handshake", err)
	t.end(err)
	return err
}

// sendAll suspends the task until nothing is kept to be sent.
func (c *streamConn) sendAll(ctx context.Context) error {
	t := &c.transport
	low := t.low
	defer func() { t.low = low }()
	for t.WriteBufferSize() > 0 && t.state == transportOpen {
		t.low, t.flowPaused = 0, true
		if err := c.drains.wait(ctx, waitStream); err != nil {
			return err
		}
	}
	return nil
}

// suspend waits for the socket in the stead of a handshake.
func (c *streamConn) suspend(ctx context.Context, writing bool) error {
	q := &c.reader.waiting
	if writing {
		q = &c.drains
	}
	return q.wait(ctx, waitStream)
}
