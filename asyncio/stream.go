package asyncio

// Streams: a connection as a reader, from which one task takes, and a writer, into which any
// task puts.
//
// A stream is a transport (transport.go) that is not told to read: its reader takes straight
// from the socket what somebody asks for, so that nothing is buffered for nobody, a peer that
// sends too fast is held up by the system's own buffers, and an idle connection has none. The
// writing side is the transport's: what the socket does not take at once is kept and sent as
// it does, whatever the task does meanwhile.

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/aio-go/aio/internal/sock"
)

// DefaultStreamLimit is how many bytes a [StreamReader] reads in search of a separator.
// CPython: the default of limit, 64 KiB.
const DefaultStreamLimit = 64 << 10

// A StreamHandler deals with one connection of a server, as a task. When it returns, the
// connection is closed once everything is sent. An error it returns is reported to the loop's
// exception handler, but for the end of the connection (io.EOF, net.ErrClosed, what reading and
// writing failed with) and of ctx. If it panics the connection is aborted.
type StreamHandler func(ctx context.Context, r *StreamReader, w *StreamWriter) error

// OpenConnection connects to address like [Dial] and returns the two sides of the connection.
// It suspends the task until the connection is made, and encrypted if [WithClientTLS] asks for
// that. Errors are those of Dial and of [Conn.StartTLS]. CPython: asyncio.open_connection.
func OpenConnection(ctx context.Context, network, address string, opts ...DialOption) (*StreamReader, *StreamWriter, error) {
	o := collectDial(opts)
	conn, err := o.dialer.Dial(ctx, network, address)
	if err != nil {
		return nil, nil, err
	}
	s := conn.s
	if o.tls {
		if err := s.startTLS(ctx, clientConfig(o.config, address), tls.Client, o.connOptions); err != nil {
			return nil, nil, err
		}
	}
	s.letGo()
	c := newStreamConn(s.loop, s.stream, &o.connOptions)
	if s.loop.options.debug {
		c.unclosed = s.loop.unclosed.PushBack(c)
	}
	return &c.reader, &c.writer, nil
}

// OpenUnixConnection is OpenConnection to the Unix socket at path.
// CPython: asyncio.open_unix_connection.
func OpenUnixConnection(ctx context.Context, path string, opts ...DialOption) (*StreamReader, *StreamWriter, error) {
	return OpenConnection(ctx, "unix", path, opts...)
}

// StartServer listens on address like [Listen], on all addresses that it stands for, and runs
// handle as a task for every connection. The handlers run under ctx: when it ends they are
// cancelled and the server is closed. The server does not end with the task that started it.
// CPython: asyncio.start_server.
func StartServer(ctx context.Context, handle StreamHandler, network, address string, opts ...ListenOption) (*Server, error) {
	if handle == nil {
		panic("asyncio: StartServer without a handler: pass a function")
	}
	s := newServer(loopOf(ctx), network, opts)
	s.openUnder(ctx)
	s.serve = func(stream sock.Stream) { s.serveStream(stream, handle) }
	err := s.listen(ctx, address)
	if c := s.scope.ended.Load(); c != nil && err == nil {
		_ = s.Close()
		err = c.err
	}
	if err != nil {
		s.scope.close()
		return nil, err
	}
	return s, nil
}

// StartUnixServer is StartServer on a Unix socket at path. Closing the server removes the
// file. CPython: asyncio.start_unix_server.
func StartUnixServer(ctx context.Context, handle StreamHandler, path string, opts ...ListenOption) (*Server, error) {
	return StartServer(ctx, handle, "unix", path, opts...)
}

// openUnder makes the server's handlers run under ctx, and the server close when it ends.
func (s *Server) openUnder(ctx context.Context) {
	s.extra.hook = func(*cancellation) { _ = s.Close() }
	s.scope.ext.Store(&s.extra)
	up, made := scopeOf(ctx)
	if made {
		up.close()
		s.scope.follow(ctx, s.loop, nil)
		return
	}
	s.scope.open(s.loop, nil, ctx, up)
}

// serveStream gives a connection to the handler.
func (s *Server) serveStream(stream sock.Stream, handle StreamHandler) {
	c := newStreamConn(s.loop, stream, &s.options.connOptions)
	c.accepted = true
	s.enlist(&c.transport)
	s.run("", c, func(ctx context.Context) (none struct{}, err error) {
		if s.options.tls != nil {
			if c.startTLS(ctx, s.options.tls, tls.Server) != nil {
				return none, nil // a failed handshake is the client's affair
			}
		}
		return none, handle(ctx, &c.reader, &c.writer)
	})
}

// streamConn is what the two sides of a stream have in common. It is the protocol of its
// transport, which calls it about writing and about the end only.
type streamConn struct {
	transport Transport
	reader    StreamReader
	writer    StreamWriter
	options   *connOptions
	drains    waitQueue     // tasks that wait for the write buffer to shrink
	closing   waitQueue     // tasks in WaitClosed
	unclosed  *list.Element // of the loop's unclosed, in debug mode
	accepted  bool          // by a server
	shaking   bool          // a handshake has the stream
}

func newStreamConn(l *EventLoop, stream sock.Stream, o *connOptions) *streamConn {
	c := &streamConn{options: o}
	c.transport.init(l, stream, c)
	c.transport.made, c.transport.paused = true, true
	c.transport.patience = o.shutdownTimeout
	c.reader.c, c.writer.c = c, c
	stream.SetNotify(c.notify)
	return c
}

// notify is called by the poller.
func (c *streamConn) notify(ready sock.Ready) {
	if ready&^sock.Writable != 0 {
		c.reader.waiting.wakeOne()
	}
	if ready&(sock.Writable|sock.Broken) == 0 {
		return
	}
	if c.transport.WriteBufferSize() > 0 {
		c.transport.event.schedule()
	} else if c.shaking {
		c.drains.wakeAll()
	}
}

// ConnectionMade implements Protocol.
func (c *streamConn) ConnectionMade(*Transport) {}

// DataReceived implements Protocol. The transport does not read.
func (c *streamConn) DataReceived([]byte) {}

// EOFReceived implements Protocol.
func (c *streamConn) EOFReceived() bool { return true }

// PauseWriting implements FlowProtocol. Drain asks the transport.
func (c *streamConn) PauseWriting() {}

// ResumeWriting implements FlowProtocol.
func (c *streamConn) ResumeWriting() { c.drains.wakeAll() }

// ConnectionLost implements Protocol: whoever waits for the stream learns of its end.
func (c *streamConn) ConnectionLost(err error) {
	if c.reader.end == nil {
		if c.reader.end = err; err == nil {
			c.reader.end = io.EOF
		}
	}
	c.reader.waiting.wakeAll()
	c.drains.wakeAll()
	c.closing.wakeAll()
	if c.unclosed != nil {
		c.transport.event.loop.unclosed.Remove(c.unclosed)
	}
}

// ended reports whether err only says that the connection has ended.
func (c *streamConn) ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) ||
		c.transport.err != nil && errors.Is(err, c.transport.err) ||
		c.reader.end != nil && errors.Is(err, c.reader.end)
}

// handOver returns the stream to somebody else; it is the server's no more.
func (c *streamConn) handOver() sock.Stream {
	t := &c.transport
	t.server.remove(t)
	t.state = transportLost
	return t.stream
}

// describe names the connection in texts.
func (c *streamConn) describe() string {
	t := &c.transport
	return fmt.Sprintf("%s %s -> %s", t.RemoteAddr().Network(), t.LocalAddr(), t.RemoteAddr())
}

// reportUnclosed tells, in debug mode, of the streams that a loop that is closed was left with.
func (l *EventLoop) reportUnclosed() {
	for e := l.unclosed.Front(); e != nil; e = e.Next() {
		c := e.Value.(*streamConn)
		l.CallExceptionHandler(ExceptionInfo{
			Message: "a stream was never closed",
			Err:     fmt.Errorf("%v: call its Close when it is not needed any more", &c.writer),
		})
	}
}
