package asyncio

// Servers: listening sockets, what is made of the connections they accept, and how it all
// ends.
//
// A server gives every connection to a protocol (CreateServer) or to a handler that runs as a
// task (StartServer). Either way the connection is a transport in the server's ring, from its
// acceptance to the turn in which its socket is closed, so that none is ever overlooked.

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"syscall"

	"github.com/aio-go/aio/internal/sock"
)

// ErrServerClosed is what ServeForever returns when the server was closed, and the cause of
// the cancellation of handlers that a server ends by force.
var ErrServerClosed = errors.New("asyncio: server closed")

// errServedAlready reports a second task in ServeForever.
var errServedAlready = errors.New("asyncio: another task is in ServeForever of this server")

type serverState uint8

const (
	serverBound   serverState = iota // has its addresses; those who connect wait
	serverServing                    // accepts
	serverClosed                     // does not listen any more
)

// String returns the name of the state.
func (s serverState) String() string {
	return [...]string{"bound", "serving", "closed"}[s]
}

// A Server accepts connections and gives each a protocol or a handler. With protocols it needs
// no task, except for TLS handshakes. CPython: asyncio.Server.
type Server struct {
	loop    *EventLoop
	scope   scope // of handlers and handshakes
	extra   scopeExt
	network string
	doors   []*serverDoor
	serve   func(sock.Stream) // takes over an accepted connection
	options *listenOptions
	state   serverState
	conns   Transport // ring of the open connections, oldest first
	open    int
	tasks   int       // handlers and handshakes
	gone    waitQueue // tasks in WaitClosed
	forever waitQueue // the task in ServeForever
}

// serverDoor is one listening socket of a server.
type serverDoor struct {
	event  socketEvent
	server *Server
	socket sock.Listener
	pause  *TimerHandle // until accepting is tried again
}

// acceptBatch bounds how many connections are accepted before others have their turn.
const acceptBatch = 64

// CreateServer listens on address like [Listen], on all addresses that it stands for, and gives
// every connection a protocol made by factory. It serves until Close, also after the task that
// called it is done. CPython: loop.create_server.
func CreateServer(ctx context.Context, factory func() Protocol, network, address string, opts ...ListenOption) (*Server, error) {
	if factory == nil {
		panic("asyncio: CreateServer without a protocol factory: pass a function")
	}
	s := newServer(loopOf(ctx), network, opts)
	s.scope.open(s.loop, nil, &s.loop.root, &s.loop.root)
	s.serve = func(stream sock.Stream) { s.serveProtocol(stream, factory) }
	if err := s.listen(ctx, address); err != nil {
		s.scope.close()
		return nil, err
	}
	return s, nil
}

func newServer(l *EventLoop, network string, opts []ListenOption) *Server {
	s := &Server{loop: l, network: network, options: collectListen(opts)}
	s.conns.older, s.conns.newer = &s.conns, &s.conns
	return s
}

// portTries is how often a port that one address has is tried on the others before each takes its own.
const portTries = 8

// errPortTaken says that the port of the first address is not to be had on another.
var errPortTaken = errors.New("the port is in use on another address")

// listen opens the sockets, and begins to serve unless that is to come later.
func (s *Server) listen(ctx context.Context, address string) error {
	h, addrs, err := s.loop.passiveAddrs(ctx, s.network, address)
	if err != nil {
		return opError("listen", s.network, address, err)
	}
	for try := 0; ; try++ {
		if err = s.bind(h, addrs, try < portTries); err != errPortTaken {
			break
		}
	}
	if err != nil {
		s.shut()
		return opError("listen", s.network, address, err)
	}
	if !s.options.later {
		return s.StartServing()
	}
	return nil
}

// bind opens a socket for each address. Addresses of a host that this machine turns out not to
// have are passed over if there are others. Of a port of 0 the system makes one that is free on
// the first address; onePort wants the same on all.
func (s *Server) bind(h Host, addrs []net.Addr, onePort bool) error {
	var absent error
	for _, addr := range addrs {
		chosen := false
		if onePort && len(s.doors) > 0 {
			addr, chosen = withPortOf(addr, s.doors[0].socket.Addr())
		}
		socket, err := h.Listen(s.network, addr, s.options.ListenOptions)
		switch {
		case err == nil:
			d := &serverDoor{server: s, socket: socket}
			d.event = socketEvent{loop: s.loop, owner: d}
			s.doors = append(s.doors, d)
		case errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EAFNOSUPPORT):
			absent = err
		case chosen:
			for _, d := range s.doors {
				_ = d.socket.Close()
			}
			s.doors = nil
			return errPortTaken
		default:
			return err
		}
	}
	if len(s.doors) == 0 {
		return absent
	}
	return nil
}

// withPortOf gives an address of port 0 the port that another one got.
func withPortOf(addr, other net.Addr) (net.Addr, bool) {
	a, ok := addr.(*net.TCPAddr)
	o, same := other.(*net.TCPAddr)
	if !ok || !same || a.Port != 0 || o.Port == 0 {
		return addr, false
	}
	return &net.TCPAddr{IP: a.IP, Port: o.Port, Zone: a.Zone}, true
}

// StartServing begins to accept, if the server was made with WithStartServing(false) and does
// not do so yet. It returns [ErrServerClosed] if the server is closed.
// CPython: Server.start_serving.
func (s *Server) StartServing() error {
	switch s.state {
	case serverClosed:
		return ErrServerClosed
	case serverBound:
		s.state = serverServing
		for _, d := range s.doors {
			d.socket.SetNotify(d.event.notify)
			if d.socket.Ready() != 0 {
				d.event.schedule()
			}
		}
	}
	return nil
}

// IsServing reports whether the server accepts. CPython: Server.is_serving.
func (s *Server) IsServing() bool { return s.state == serverServing }

// Addr returns the address on which the server listens, the first if there are several, with
// the port it was given.
func (s *Server) Addr() net.Addr { return s.doors[0].socket.Addr() }

// Addrs returns the addresses on which the server listens. With a port of 0 all have the same, that
// of Addr, where CPython takes another for each; only if no port is found that is free on all of
// them, each has its own. CPython: Server.sockets.
func (s *Server) Addrs() []net.Addr {
	addrs := make([]net.Addr, len(s.doors))
	for i, d := range s.doors {
		addrs[i] = d.socket.Addr()
	}
	return addrs
}

// Connections returns the number of open connections.
func (s *Server) Connections() int { return s.open }

// socketReady implements socketOwner: it accepts.
func (d *serverDoor) socketReady() {
	finished := false
	defer func() {
		if !finished { // the factory panicked; others are still waiting
			d.event.schedule()
		}
	}()
	d.accept()
	finished = true
}

func (d *serverDoor) accept() {
	s := d.server
	for range acceptBatch {
		if s.state != serverServing || d.pause != nil {
			return
		}
		stream, err := d.socket.TryAccept()
		switch {
		case err == nil:
			s.serve(stream)
			continue
		case err == sock.ErrWouldBlock:
		case errors.Is(err, net.ErrClosed): // with its host
			_ = s.Close()
		default: // one connection's error, or a want that may pass: no reason to stop
			d.rest(err)
		}
		return
	}
	d.event.schedule()
}

// rest stops accepting for a while. The socket stays, and connections wait in its queue.
func (d *serverDoor) rest(err error) {
	l := d.server.loop
	l.reportAcceptFailure(d.socket.Addr(), err)
	d.pause = l.CallLater(acceptPause, func() {
		d.pause = nil
		d.socketReady()
	})
}

// serveProtocol gives a connection its protocol, after the handshake if there is to be one.
func (s *Server) serveProtocol(stream sock.Stream, factory func() Protocol) {
	if s.options.tls == nil {
		s.adopt(stream, factory)
		return
	}
	// The connection is in the ring as a stream, like that of a handler, until it is encrypted.
	c := newStreamConn(s.loop, stream, &s.options.connOptions)
	s.enlist(&c.transport)
	s.run("TLS handshake", c, func(ctx context.Context) (none struct{}, err error) {
		if c.startTLS(ctx, s.options.tls, tls.Server) == nil {
			s.adopt(c.handOver(), factory)
		}
		return none, nil // a failed handshake is the client's affair
	})
}

func (s *Server) adopt(stream sock.Stream, factory func() Protocol) {
	made := false
	defer func() {
		if !made {
			_ = stream.Abort()
		}
	}()
	p := factory()
	made = true
	t := newTransport(s.loop, stream, p)
	t.patience = s.options.shutdownTimeout
	s.enlist(t)
}

// enlist puts a connection into the ring.
func (s *Server) enlist(t *Transport) {
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
	t.older, t.newer, t.server = nil, nil, nil
	s.open--
	s.checkGone()
}

// run has f run as a task that deals with connection c. Whatever becomes of the task, the
// connection is closed after it.
func (s *Server) run(name string, c *streamConn, f Coroutine[struct{}]) {
	var opts [1]TaskOption
	if name != "" {
		opts[0] = WithName(name)
	}
	s.tasks++
	t := CreateTask(&s.scope, f, opts[:]...)
	t.AddDoneCallback(func(done *Future[struct{}]) {
		s.tasks--
		s.finished(c, t, done.Err())
		s.checkGone()
	})
}

// finished ends the connection of a task that is done and reports what the task failed with,
// unless that is only the end of the connection.
func (s *Server) finished(c *streamConn, t *Task[struct{}], err error) {
	var panicked *PanicError
	if errors.As(err, &panicked) {
		c.transport.Abort()
	} else {
		c.transport.Close()
	}
	if err == nil || isCancellation(err) || s.scope.ended.Load().explains(err) || c.ended(err) {
		return
	}
	s.loop.CallExceptionHandler(ExceptionInfo{
		Message: "the handler of connection " + c.describe() + " failed",
		Err:     err,
		Task:    t,
		Name:    t.Name(),
	})
}
