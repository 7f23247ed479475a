package asyncio

// Detach: taking a connection off the loop.
//
// Some protocols exist only as code that blocks goroutines. Such code gets the connection
// as an ordinary net.Conn, made and encrypted on the loop with all that Dialer and StartTLS
// can do, and from then on neither side knows of the other. An encrypted connection keeps
// its keys: what lies below crypto/tls is exchanged, from the pair of buffers that never
// blocks for the connection that does.

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/aio-go/aio/internal/sock"
)

// CanDetach reports whether Detach can work: connections of a simulated network cannot leave
// it.
func (c *Conn) CanDetach() bool { return !c.s.closed && detachable(c.s.stream) }

func detachable(s sock.Stream) bool {
	if t, ok := s.(*tlsStream); ok {
		return detachable(t.inner)
	}
	_, ok := s.(sock.Detacher)
	return ok
}

// Detach takes the connection off the loop and returns it as a net.Conn whose methods block
// the goroutine that calls them. What has arrived and was not read comes first there. If the
// connection is encrypted, so is the result, which then has a ConnectionState method like
// that of [tls.Conn]. The Conn itself is closed: tasks suspended on it fail with an error that
// wraps net.ErrClosed. The loop does not close the result when it closes. After an error the
// connection is lost; errors.ErrUnsupported says that its network cannot let go of it.
//
// No write may be outstanding. Python has no counterpart; the nearest is
// transport.get_extra_info("socket") with socket.dup().
func (c *Conn) Detach() (net.Conn, error) {
	s := c.s
	s.loop.checkGoroutine("Conn.Detach")
	if s.closed {
		return nil, s.failure("detach", errConnClosed)
	}
	outstanding := s.inWrite
	s.letGo()
	if outstanding || !detachable(s.stream) {
		_ = s.stream.Abort()
		if outstanding {
			return nil, s.failure("detach", errors.New("a write is outstanding"))
		}
		return nil, s.failure("detach", fmt.Errorf("%w by this network", errors.ErrUnsupported))
	}
	conn, err := detach(s.stream)
	if err != nil {
		return nil, s.failure("detach", err)
	}
	return conn, nil
}

func detach(s sock.Stream) (net.Conn, error) {
	if t, ok := s.(*tlsStream); ok {
		return t.detach()
	}
	return s.(sock.Detacher).Detach()
}

// detach puts the detached connection below crypto/tls.
func (t *tlsStream) detach() (net.Conn, error) {
	below, err := detach(t.inner)
	if err != nil {
		return nil, err
	}
	if rest := t.out[t.sent:]; len(rest) > 0 {
		t.out, t.sent = nil, 0
		below = sock.WriteBehind(below, rest)
	}
	t.closed, t.notify, t.ready = true, nil, 0
	t.below = below
	if t.peeked {
		return &peekedConn{Conn: t.conn, peek: []byte{t.peek}}, nil
	}
	return t.conn, nil
}

// peekedConn is an encrypted connection of which a byte was decrypted before.
type peekedConn struct {
	*tls.Conn
	peek []byte
}

func (c *peekedConn) Read(p []byte) (int, error) {
	if len(c.peek) > 0 {
		n := copy(p, c.peek)
		c.peek = c.peek[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// readBelow is tlsPipe.Read once the stream is detached.
func (t *tlsStream) readBelow(b []byte) (int, error) {
	if len(t.in) > 0 {
		n := copy(b, t.in)
		t.in = t.in[n:]
		return n, nil
	}
	return t.below.Read(b)
}
