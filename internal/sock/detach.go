package sock

// Giving a connection up to code that blocks.
//
// A stream that is detached leaves its poller for good and goes on as a net.Conn, for
// goroutines: what it had read ahead comes first. The stream itself is closed then, as
// far as its user can tell.

import (
	"net"
	"sync"
)

// Detacher is a Stream that can leave its poller.
type Detacher interface {
	// Detach closes the stream, which must be connected, and returns its connection. After
	// an error that is closed as well.
	Detach() (net.Conn, error)
}

// Twinned is a Stream whose connection goroutines can use beside the poller.
type Twinned interface {
	// Twin returns a second descriptor of the connection as a net.Conn. Whatever
	// one side reads or writes the other does not see; the connection ends when
	// both are closed.
	Twin() (net.Conn, error)
}

var _ Detacher = (*fallbackStream)(nil)

// Detach implements Detacher. A read that is under way hands what it gets to the
// connection's first, and the connection's first write waits for one that is.
func (s *fallbackStream) Detach() (net.Conn, error) {
	if s.conn == nil || !s.close(s) {
		return nil, net.ErrClosed
	}
	c := &aheadConn{Conn: s.conn, ahead: s.unread, err: s.readErr}
	if s.reading {
		c.pending = make(chan readAhead, 1)
		s.heir = c.pending
	}
	if s.writing {
		c.behind = make(chan error, 1)
		s.writeHeir = c.behind
	}
	return c, nil
}

// WriteBehind returns conn with p on its way, which goes out before all else and whether or not
// anything else is written.
func WriteBehind(conn net.Conn, p []byte) net.Conn {
	c := &aheadConn{Conn: conn, behind: make(chan error, 1)}
	go func() {
		_, err := conn.Write(p)
		c.behind <- err
	}()
	return c
}

// readAhead is the outcome of a read that was begun before its connection was detached.
type readAhead struct {
	data []byte
	err  error
}

// aheadConn is a connection of which something was read before. As with any net.Conn
// only one goroutine may read at a time.
type aheadConn struct {
	net.Conn
	pending chan readAhead // nil: nothing is under way
	ahead   []byte
	err     error // after ahead

	behind  chan error // nil: no write was under way
	wait    sync.Once  // for that write
	lastErr error      // of it
}

func (c *aheadConn) Write(p []byte) (int, error) {
	if c.behind != nil {
		c.wait.Do(func() { c.lastErr = <-c.behind })
		if c.lastErr != nil {
			return 0, c.lastErr
		}
	}
	return c.Conn.Write(p)
}

func (c *aheadConn) Read(p []byte) (int, error) {
	if c.pending != nil {
		r := <-c.pending // ends when the connection is closed, at the latest
		c.pending, c.ahead, c.err = nil, r.data, r.err
	}
	switch {
	case len(c.ahead) > 0:
		n := copy(p, c.ahead)
		c.ahead = c.ahead[n:]
		return n, nil
	case c.err != nil:
		return 0, c.err
	}
	return c.Conn.Read(p)
}
