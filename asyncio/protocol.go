package asyncio

// Protocols, which a transport calls, and the servers and clients that bring the two
// together.

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/aio-go/aio/internal/sock"
)

// A Protocol is called by a [Transport]. Calls come on the loop, outside any task, one at a
// time: ConnectionMade first and ConnectionLost last, each exactly once. A protocol that
// panics loses its connection; the loop's exception handler is told. Embed [BaseProtocol] to
// write only the methods that matter. CPython: asyncio.Protocol.
type Protocol interface {
	// ConnectionMade is called when the connection is there.
	ConnectionMade(t *Transport)
	// DataReceived is called with what has arrived. p is valid during the call only.
	DataReceived(p []byte)
	// EOFReceived is called when the peer has ended its side. The transport then closes,
	// unless keepOpen is true, in which case the protocol can go on sending.
	EOFReceived() (keepOpen bool)
	// ConnectionLost is called when the connection is over: with nil after Close, Abort or
	// the peer's end, otherwise with what went wrong.
	ConnectionLost(err error)
}

// A FlowProtocol is a [Protocol] that can stop sending for a while.
type FlowProtocol interface {
	Protocol
	// PauseWriting is called, from inside Write too, when the write buffer has grown above
	// the high water mark.
	PauseWriting()
	// ResumeWriting is called when it has shrunk to the low water mark.
	ResumeWriting()
}

// BaseProtocol is a [Protocol] that does nothing, to be embedded.
type BaseProtocol struct{}

// ConnectionMade does nothing.
func (BaseProtocol) ConnectionMade(*Transport) {}

// DataReceived does nothing.
func (BaseProtocol) DataReceived([]byte) {}

// EOFReceived lets the transport close.
func (BaseProtocol) EOFReceived() (keepOpen bool) { return false }

// ConnectionLost does nothing.
func (BaseProtocol) ConnectionLost(error) {}

// CreateConnection connects to address like [Dial] and makes p the protocol of the
// connection. ConnectionMade is called in the next turn. CPython: loop.create_connection.
func CreateConnection(ctx context.Context, p Protocol, network, address string) (*Transport, error) {
	c, err := Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return NewTransport(c, p), nil
}

// serverOptions are the options of CreateServer that Listen has no use for.
type serverOptions struct {
	tls              *tls.Config
	handshakeTimeout time.Duration
}

// WithServerTLS makes a server encrypt its connections. config must have a certificate. The
// protocol is made when the handshake is done. Listen ignores it.
func WithServerTLS(config *tls.Config) ListenOption {
	return func(o *listenOptions) { o.tls = config }
}

// WithServerHandshakeTimeout bounds the TLS handshakes of a server. The default is
// [DefaultHandshakeTimeout]. Listen ignores it.
func WithServerHandshakeTimeout(d time.Duration) ListenOption {
	return func(o *listenOptions) { o.handshakeTimeout = d }
}

// A Server accepts connections and gives each a protocol. It needs no task, except for TLS
// handshakes. CPython: asyncio.Server.
type Server struct {
	event   socketEvent
	ctx     context.Context // of the handshakes
	socket  sock.Listener
	network string
	factory func() Protocol
	options *listenOptions
	conns   Transport // ring of the open connections, oldest first
	open    int
	pause   *TimerHandle // until accepting is tried again
	gone    waitQueue    // tasks in WaitClosed
	shaking int          // handshakes under way
	closed  bool
}

// acceptBatch bounds how many connections are accepted before others have their turn.
const acceptBatch = 64

// CreateServer listens on address like [Listen] and gives every connection a protocol made
// by factory. It serves until Close, also after the task that called it is done.
// CPython: loop.create_server.
func CreateServer(ctx context.Context, factory func() Protocol, network, address string, opts ...ListenOption) (*Server, error) {
	if factory == nil {
		panic("asyncio: CreateServer without a protocol factory: pass a function")
	}
	l := loopOf(ctx)
	o := collectListen(opts)
	socket, err := l.listen(ctx, network, address, o.ListenOptions)
	if err != nil {
		return nil, opError("listen", network, address, err)
	}
	s := &Server{ctx: &l.root, socket: socket, network: network, factory: factory, options: o}
	s.event = socketEvent{loop: l, owner: s}
	s.conns.older, s.conns.newer = &s.conns, &s.conns
	socket.SetNotify(s.event.notify)
	return s, nil
}

// Addr returns the address on which the server listens, with the port it was given.
func (s *Server) Addr() net.Addr { return s.socket.Addr() }

// Connections returns the number of open connections.
func (s *Server) Connections() int { return s.open }

// socketReady implements socketOwner: it accepts.
func (s *Server) socketReady() {
	finished := false
	defer func() {
		if !finished { // the factory panicked; others are still waiting
			s.event.schedule()
		}
	}()
	s.accept()
	finished = true
}

func (s *Server) accept() {
	for range acceptBatch {
		if s.closed || s.pause != nil {
			return
		}
		stream, err := s.socket.TryAccept()
		switch {
		case err == nil:
			s.accepted(stream)
			continue
		case err == sock.ErrWouldBlock:
		case isExhaustion(err):
			s.rest(err)
		case errors.Is(err, net.ErrClosed): // with its host
			_ = s.Close()
		default:
			s.event.loop.CallExceptionHandler(ExceptionInfo{Message: "a server cannot accept and stops", Err: err})
			_ = s.Close()
		}
		return
	}
	s.event.schedule()
}

// rest stops accepting for a while. The socket stays, and connections wait in its queue.
func (s *Server) rest(err error) {
	s.event.loop.reportExhaustion(s.Addr(), err)
	s.pause = s.event.loop.CallLater(acceptPause, func() {
		s.pause = nil
		s.socketReady()
	})
}

func (s *Server) accepted(stream sock.Stream) {
	if s.options.tls == nil {
		s.serve(stream)
		return
	}
	s.shaking++
	CreateTask(s.ctx, func(ctx context.Context) (struct{}, error) {
		defer s.shaken()
		c := newConn(s.event.loop, s.network, stream)
		// A failed handshake is the client's affair: the connection is closed.
		if c.s.startTLS(ctx, s.options.tls, tls.Server, s.options.handshakeTimeout) == nil {
			c.s.letGo()
			s.serve(c.s.stream)
		}
		return struct{}{}, nil
	}, WithName("TLS handshake"))
}

func (s *Server) shaken() {
	s.shaking--
	s.checkGone()
}

// serve gives a connection its protocol.
func (s *Server) serve(stream sock.Stream) {
	made := false
	defer func() {
		if !made {
			_ = stream.Abort()
		}
	}()
	p := s.factory()
	made = true
	t := newTransport(s.event.loop, stream, p)
	t.server = s
	t.older, t.newer = s.conns.older, &s.conns
	t.older.newer, s.conns.older = t, t
	s.open++
}

// remove forgets a connection that is over.
func (s *Server) remove(t *Transport) {
	if s == nil {
		return
	}
	t.older.newer, t.newer.older = t.newer, t.older
	t.older, t.newer = nil, nil
	s.open--
	s.checkGone()
}

func (s *Server) checkGone() {
	if s.over() {
		s.gone.wakeAll()
	}
}

func (s *Server) over() bool { return s.closed && s.open == 0 && s.shaking == 0 }

// Close stops listening. Open connections go on. It is idempotent. CPython: Server.close.
func (s *Server) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	if s.pause != nil {
		s.pause.Cancel()
	}
	defer s.checkGone()
	if err := s.socket.Close(); err != nil {
		return &net.OpError{Op: "close", Net: s.network, Addr: s.Addr(), Err: err}
	}
	return nil
}

// CloseClients closes every open connection as [Transport.Close] does.
// CPython: Server.close_clients.
func (s *Server) CloseClients() {
	for t := s.conns.newer; t != &s.conns; t = t.newer {
		t.Close()
	}
}

// AbortClients ends every open connection as [Transport.Abort] does.
// CPython: Server.abort_clients.
func (s *Server) AbortClients() {
	for t := s.conns.newer; t != &s.conns; t = t.newer {
		t.Abort()
	}
}

// WaitClosed suspends the task until the server is closed and its last connection is over,
// and not at all if that is so. When ctx ends it returns ctx's error.
// CPython: Server.wait_closed.
func (s *Server) WaitClosed(ctx context.Context) error {
	if s.over() {
		return nil
	}
	return s.gone.wait(ctx, waitAccept)
}
