package asyncio

// How a server ends: at once, in good order, or when the task that runs it is cancelled.

import (
	"context"
	"net"
)

// ServeForever serves, beginning with that if need be, and suspends the task until the server
// is closed, which gives [ErrServerClosed], or ctx ends, which gives ctx's error: the server is
// then closed, its connections too, and its handlers are cancelled and awaited. Only one task
// can be in it, and not on a server that is closed. CPython: Server.serve_forever.
func (s *Server) ServeForever(ctx context.Context) error {
	if !s.forever.empty() {
		return errServedAlready
	}
	if err := s.StartServing(); err != nil {
		return err
	}
	err := s.forever.wait(ctx, waitAccept)
	if err == ErrServerClosed {
		return err
	}
	_ = s.Close()
	s.CloseClients()
	s.scope.end(cancelled(ErrServerClosed))
	_ = s.WaitClosed(context.WithoutCancel(ctx))
	return err
}

// Close stops listening; those who wait to be accepted are reset. Open connections and
// handlers go on. It is idempotent. CPython: Server.close.
func (s *Server) Close() error {
	if s.state == serverClosed {
		return nil
	}
	s.forever.fail(ErrServerClosed)
	defer s.checkGone()
	return s.shut()
}

// shut closes the listening sockets.
func (s *Server) shut() error {
	s.state = serverClosed
	s.extra.hook = nil
	s.scope.close()
	var failure error
	for _, d := range s.doors {
		if d.pause != nil {
			d.pause.Cancel()
		}
		if err := d.socket.Close(); err != nil && failure == nil {
			failure = &net.OpError{Op: "close", Net: s.network, Addr: d.socket.Addr(), Err: err}
		}
	}
	return failure
}

// CloseClients closes every open connection as [Transport.Close] does; handlers read the end
// of the stream. CPython: Server.close_clients.
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

// WaitClosed suspends the task until the server is closed, its last connection is over and its
// last handler has returned, and not at all if that is so. When ctx ends it returns ctx's
// error. A handler that calls it waits for itself. CPython: Server.wait_closed.
func (s *Server) WaitClosed(ctx context.Context) error {
	if s.over() {
		return nil
	}
	return s.gone.wait(ctx, waitAccept)
}

// Shutdown closes the server and suspends the task until its connections and handlers have
// come to their end by themselves. When ctx ends first, the connections are aborted and the
// handlers cancelled; Shutdown then waits for the handlers to return, and returns ctx's error.
// It must not be called by a handler, which would wait for itself.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.Close()
	if late := s.WaitClosed(ctx); late != nil {
		s.AbortClients()
		s.scope.end(cancelled(ErrServerClosed))
		_ = s.WaitClosed(context.WithoutCancel(ctx))
		return late
	}
	return err
}

func (s *Server) checkGone() {
	if s.over() {
		s.gone.wakeAll()
	}
}

func (s *Server) over() bool { return s.state == serverClosed && s.open == 0 && s.tasks == 0 }
