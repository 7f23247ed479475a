package web

// The graceful stop, in aiohttp's order. Each step gives the handlers less room: first they may finish, then they lose
// the rest of their request bodies, then they are cancelled, and what is left is cut off.

import (
	"context"
	"errors"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// errStopping is the cause with which handlers are cancelled, and bodies end, when the server stops.
var errStopping = errors.New("web: server is stopping")

// cancelGrace is how long cancelled handlers may take to clean up.
const cancelGrace = 10 * time.Second

// shutdown ends all connections. The caller has stopped accepting new ones. It suspends until the last handler has
// ended, or has outlived its cancellation by the grace. Connections that were accepted just before get a turn to be
// seen. The result joins the errors of the shutdown hooks.
func (s *server) shutdown(ctx context.Context, timeout time.Duration) error {
	if err := asyncio.Sleep(ctx, 0); err != nil {
		return err
	}
	s.stopping = true
	s.each(func(c *conn) {
		if c.phase == phaseIdle {
			c.hangUp(false)
		}
	})
	err := s.app.shutdown(ctx)
	s.each(func(c *conn) {
		if c.webSocket != nil {
			c.webSocket.BeginClose(aiohttp.WSCloseGoingAway, "server shutdown")
		}
	})
	if !s.awaitQuiet(ctx, timeout) && s.failBodies() {
		s.awaitQuiet(ctx, timeout)
	}
	if s.cancelHandlers() {
		s.awaitQuiet(ctx, cancelGrace)
	}
	s.each((*conn).abort)
	return errors.Join(err, asyncio.Sleep(ctx, 0))
}

// awaitQuiet waits until no handler runs, for at most d, and reports whether that came true.
func (s *server) awaitQuiet(ctx context.Context, d time.Duration) bool {
	if s.busy == 0 {
		return true
	}
	ctx, cancel := asyncio.WithTimeout(ctx, d)
	defer cancel()
	if s.quiet == nil {
		s.quiet = asyncio.NewFuture[struct{}](ctx)
	}
	s.quiet.Await(ctx)
	return s.busy == 0
}

// failBodies ends the request bodies that have not arrived, and reports whether there were any.
func (s *server) failBodies() (found bool) {
	s.each(func(c *conn) {
		if c.busy && c.req.body.state == bodyOpen {
			c.inputOver, c.lastRequest = true, true
			c.req.body.fail(HTTPServiceUnavailable(WithCause(errStopping)))
			found = true
		}
	})
	return found
}

// cancelHandlers cancels the handlers that still run, and reports whether there were any.
func (s *server) cancelHandlers() (found bool) {
	s.each(func(c *conn) {
		if c.busy && c.task != nil {
			c.task.Cancel(errStopping)
			found = true
		}
	})
	return found
}

// each calls f for every open connection, oldest first. f may close it.
func (s *server) each(f func(*conn)) {
	for c := s.conns.next; c != &s.conns; {
		next := c.next
		f(c)
		c = next
	}
}
