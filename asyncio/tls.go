package asyncio

// TLS, through crypto/tls.
//
// crypto/tls was written for blocking connections: it holds its locks while it reads and
// writes what lies below. If a task were suspended there, the next one to touch the
// connection would block on a lock, and the loop with it. So nothing ever suspends below
// crypto/tls, except in the handshake (tls_handshake.go). Below lies a pair of
// buffers instead of a connection (tlsPipe): writing always succeeds, and reading an empty
// one returns an error that crypto/tls takes for passing. What comes out is again a stream
// that would block rather than wait (tlsStream), so that connections, transports and
// everything above them do not know the difference.

import (
	"context"
	"crypto/tls"
	"net"
	"syscall"
	"time"

	"github.com/aio-go/aio/internal/sock"
)

// ErrHandshakeTimeout is the error of a TLS handshake that took too long.
var ErrHandshakeTimeout error = &timeoutError{"asyncio: TLS handshake timed out"}

// DefaultHandshakeTimeout bounds TLS handshakes for which no other limit is given.
// CPython: SSL_HANDSHAKE_TIMEOUT.
const DefaultHandshakeTimeout = 60 * time.Second

// tlsMaxWrite is how many bytes one write encrypts: with the framing they fit into a buffer of
// the loop's.
const tlsMaxWrite = 48 << 10

// DialTLS is Dial followed by StartTLS. The name to verify is taken from address if config,
// which may be nil, has none.
func DialTLS(ctx context.Context, network, address string, config *tls.Config) (*Conn, error) {
	return new(Dialer).DialTLS(ctx, network, address, config)
}

// StartTLS encrypts the connection, as its client: it performs the handshake, which suspends
// the task for up to [DefaultHandshakeTimeout], and from then on the same connection is
// encrypted. config must have a ServerName or InsecureSkipVerify. No other task may use the
// connection meanwhile, and what has arrived must have been read. After an error, ctx's end
// included, the connection is closed. CPython: StreamWriter.start_tls, loop.start_tls.
func (c *Conn) StartTLS(ctx context.Context, config *tls.Config) error {
	return c.s.startTLS(ctx, config, tls.Client, defaultConnOptions())
}

// StartTLSServer is StartTLS for the server's side. config must have a certificate.
func (c *Conn) StartTLSServer(ctx context.Context, config *tls.Config) error {
	return c.s.startTLS(ctx, config, tls.Server, defaultConnOptions())
}

func (s *connState) startTLS(ctx context.Context, config *tls.Config, side tlsSide, o connOptions) error {
	if !s.reading.queue.empty() || s.inWrite {
		return s.failure("tls handshake", ErrConcurrentRead)
	}
	t, err := s.loop.encrypt(ctx, s.stream, tlsRequest{
		config: config, side: side, limit: o.handshakeTimeout, linger: o.shutdownTimeout,
		suspend: func(ctx context.Context, writing bool) error {
			if writing {
				return s.writing.wait(ctx)
			}
			return s.reading.wait(ctx)
		},
	})
	if err == nil {
		s.attach(t)
		t.begin()
		return nil
	}
	err = s.failure("tls handshake", err)
	if !s.closed {
		_ = s.close(s.stream.Close)
	}
	return err
}

// tlsStream is an encrypted stream over another.
type tlsStream struct {
	inner sock.Stream
	loop  *EventLoop
	conn  *tls.Conn // over tlsPipe

	in    []byte // encrypted bytes that crypto/tls has not asked for yet
	inBuf []byte // space of in, from the loop; nil while in is empty
	out   []byte // encrypted bytes to be sent, in space from the loop
	sent  int    // bytes of out that are

	peeked  bool // peek is the first byte to be read
	peek    byte
	readErr error
	ready   sock.Ready
	notify  func(sock.Ready)
	closed  bool

	patience time.Duration // how long out may take after closing; zero or less: as long as it takes
	linger   *TimerHandle  // runs meanwhile
	shaking  *handshake    // nil after the handshake
	below    net.Conn      // in place of inner, once the stream is detached
}

// errTLSEmpty tells crypto/tls that there is nothing to read for the moment.
var errTLSEmpty net.Error = emptyPipe{}

type emptyPipe struct{}

func (emptyPipe) Error() string   { return "asyncio: no TLS record yet" }
func (emptyPipe) Timeout() bool   { return true }
func (emptyPipe) Temporary() bool { return true }

// tlsPipe is the stream below, as crypto/tls sees it.
type tlsPipe struct {
	t             *tlsStream
	local, remote net.Addr // asked for in a handshake, on another goroutine
}

func (p tlsPipe) Read(b []byte) (int, error) {
	t := p.t
	if t.below != nil {
		return t.readBelow(b)
	}
	for len(t.in) == 0 {
		var err error
		if t.shaking != nil {
			err = t.shaking.await()
		} else if err = t.fill(); err == sock.ErrWouldBlock {
			err = errTLSEmpty
		}
		if err != nil {
			return 0, err
		}
	}
	n := copy(b, t.in)
	if t.in = t.in[n:]; len(t.in) == 0 && t.shaking == nil {
		t.dropInput()
	}
	return n, nil
}

func (p tlsPipe) Write(b []byte) (int, error) {
	if p.t.below != nil {
		return p.t.below.Write(b)
	}
	t := p.t
	if t.out == nil && t.shaking == nil {
		t.out = t.loop.takeBuffer()[:0]
	}
	t.out = append(t.out, b...)
	return len(b), nil
}

// What follows does nothing, or asks the stream below, until that is a net.Conn.

func (p tlsPipe) Close() error {
	if p.t.below != nil {
		return p.t.below.Close()
	}
	return nil
}

func (p tlsPipe) LocalAddr() net.Addr {
	if p.t.below != nil {
		return p.t.below.LocalAddr()
	}
	return p.local
}

func (p tlsPipe) RemoteAddr() net.Addr {
	if p.t.below != nil {
		return p.t.below.RemoteAddr()
	}
	return p.remote
}

func (p tlsPipe) SetDeadline(t time.Time) error {
	if p.t.below != nil {
		return p.t.below.SetDeadline(t)
	}
	return nil
}

func (p tlsPipe) SetReadDeadline(t time.Time) error {
	if p.t.below != nil {
		return p.t.below.SetReadDeadline(t)
	}
	return nil
}

func (p tlsPipe) SetWriteDeadline(t time.Time) error {
	if p.t.below != nil {
		return p.t.below.SetWriteDeadline(t)
	}
	return nil
}

// fill reads encrypted bytes into the empty in, as many as there are.
func (t *tlsStream) fill() error {
	if t.inBuf == nil {
		t.inBuf = t.loop.takeBuffer()
	}
	n, err := t.inner.TryRead(t.inBuf)
	if t.in = t.inBuf[:n]; n == 0 {
		t.dropInput()
	}
	return err
}

// dropInput gives the space of the empty in back.
func (t *tlsStream) dropInput() {
	if t.inBuf != nil {
		t.loop.putBuffer(t.inBuf)
	}
	t.in, t.inBuf = nil, nil
}

// flush sends what there is to send, as far as the stream below takes it, and reports
// whether that was everything.
func (t *tlsStream) flush() (bool, error) {
	for t.sent < len(t.out) {
		n, err := t.inner.TryWrite(t.out[t.sent:])
		t.sent += n
		if err == sock.ErrWouldBlock {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	if cap(t.out) == copySize {
		t.loop.putBuffer(t.out[:copySize])
	}
	t.out, t.sent = nil, 0
	return true, nil
}

// innerReady is called by the stream below. Readable news is looked into before it is passed
// on: a record may be incomplete, or carry nothing for the reader, such as a session ticket.
func (t *tlsStream) innerReady(ready sock.Ready) {
	var news sock.Ready
	if ready&sock.Writable != 0 && t.sent < len(t.out) {
		if done, err := t.flush(); done || err != nil {
			news |= sock.Writable
		}
	}
	if t.closed {
		if news != 0 {
			t.finish()
		}
		return
	}
	if ready&^sock.Writable != 0 && t.ready&sock.Readable == 0 {
		news |= t.lookAhead()
	}
	news = (news | ready&sock.Broken) &^ t.ready
	t.ready |= news
	if news != 0 && t.notify != nil {
		t.notify(news)
	}
}

// lookAhead decrypts up to the first byte for the reader.
func (t *tlsStream) lookAhead() sock.Ready {
	var b [1]byte
	n, err := t.decrypt(b[:])
	if n > 0 {
		t.peek, t.peeked = b[0], true
		return sock.Readable
	}
	if err == sock.ErrWouldBlock {
		return 0
	}
	return sock.Readable | sock.PeerClosed
}

// decrypt reads from crypto/tls, and sends what that had to say to the peer.
func (t *tlsStream) decrypt(p []byte) (int, error) {
	if t.readErr != nil {
		return 0, t.readErr
	}
	n, err := t.conn.Read(p)
	if len(t.out) > 0 {
		_, _ = t.flush() // an error will show in reading or writing
	}
	if err == errTLSEmpty {
		err = sock.ErrWouldBlock
	} else if err != nil {
		t.readErr = err
	}
	if n > 0 {
		err = nil
	}
	return n, err
}

// TryRead implements sock.Stream.
func (t *tlsStream) TryRead(p []byte) (int, error) {
	switch {
	case t.closed:
		return 0, net.ErrClosed
	case len(p) == 0:
		return 0, nil
	case t.ready&sock.Readable == 0:
		return 0, sock.ErrWouldBlock
	}
	n := 0
	if t.peeked {
		p[0], t.peeked, n = t.peek, false, 1
		if len(p) == 1 {
			return 1, nil
		}
	}
	k, err := t.decrypt(p[n:])
	if err == sock.ErrWouldBlock {
		t.ready &^= sock.Readable
	}
	if n += k; n > 0 {
		return n, nil
	}
	return 0, err
}

// TryWrite implements sock.Stream. It encrypts a piece at a time, and takes the next only
// when the last has been sent.
func (t *tlsStream) TryWrite(p []byte) (int, error) {
	if t.closed {
		return 0, net.ErrClosed
	}
	if done, err := t.flush(); err != nil {
		return 0, err
	} else if !done {
		t.ready &^= sock.Writable
		return 0, sock.ErrWouldBlock
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := t.conn.Write(p[:min(len(p), tlsMaxWrite)])
	if err != nil {
		return n, err
	}
	if done, err := t.flush(); err != nil {
		return n, err
	} else if !done {
		t.ready &^= sock.Writable
	}
	return n, nil
}

// TryWritev implements sock.Stream. Small buffers share a record.
func (t *tlsStream) TryWritev(bufs [][]byte) (int, error) {
	joined := t.loop.takeBuffer()
	defer t.loop.putBuffer(joined)
	n := 0
	for _, b := range bufs {
		n += copy(joined[n:], b)
	}
	return t.TryWrite(joined[:n])
}

// SetNotify implements sock.Stream.
func (t *tlsStream) SetNotify(f func(sock.Ready)) { t.notify = f }

// Ready implements sock.Stream.
func (t *tlsStream) Ready() sock.Ready { return t.ready }

// ConnectResult implements sock.Stream.
func (t *tlsStream) ConnectResult() error { return nil }

// CloseWrite implements sock.Stream: it tells the peer that nothing more comes.
func (t *tlsStream) CloseWrite() error {
	if t.closed {
		return net.ErrClosed
	}
	if err := t.conn.CloseWrite(); err != nil {
		return err
	}
	_, err := t.flush()
	return err
}

// Close implements sock.Stream. It says goodbye to the peer; what is still to be sent then
// goes out before the stream below is closed, within limits.
func (t *tlsStream) Close() error {
	if t.closed {
		return net.ErrClosed
	}
	t.closed, t.notify, t.ready = true, nil, 0
	_ = t.conn.Close() // an error would be that the peer is gone already
	if done, err := t.flush(); done || err != nil || t.loop.closed {
		return t.inner.Close()
	}
	if t.patience > 0 {
		t.linger = t.loop.CallLater(t.patience, func() { _ = t.inner.Abort() })
	}
	return nil
}

// finish ends a stream that was closed before everything was sent.
func (t *tlsStream) finish() {
	if t.linger != nil {
		t.linger.Cancel()
		t.linger = nil
	}
	_ = t.inner.Close()
}

// Abort implements sock.Stream.
func (t *tlsStream) Abort() error {
	if t.closed {
		return net.ErrClosed
	}
	t.closed, t.notify, t.ready = true, nil, 0
	return t.inner.Abort()
}

// LocalAddr implements sock.Stream.
func (t *tlsStream) LocalAddr() net.Addr { return t.inner.LocalAddr() }

// RemoteAddr implements sock.Stream.
func (t *tlsStream) RemoteAddr() net.Addr { return t.inner.RemoteAddr() }

// SetNoDelay implements sock.Stream.
func (t *tlsStream) SetNoDelay(noDelay bool) error { return t.inner.SetNoDelay(noDelay) }

// SetKeepAlive implements sock.Stream.
func (t *tlsStream) SetKeepAlive(config net.KeepAliveConfig) error {
	return t.inner.SetKeepAlive(config)
}

// SyscallConn implements sock.Stream.
func (t *tlsStream) SyscallConn() (syscall.RawConn, error) { return t.inner.SyscallConn() }

var _ sock.Stream = (*tlsStream)(nil)

// serverNameOf is the host of an address, as config.ServerName wants it.
func serverNameOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}

// clientConfig is config, which may be nil, with the name of the server to verify.
func clientConfig(config *tls.Config, address string) *tls.Config {
	if config == nil {
		return &tls.Config{ServerName: serverNameOf(address)}
	}
	if config.ServerName != "" || config.InsecureSkipVerify {
		return config
	}
	config = config.Clone()
	config.ServerName = serverNameOf(address)
	return config
}

var _ net.Conn = tlsPipe{}
