package aiohttp

// Finding responses and sessions that nobody closed.
//
// A response that is dropped while its body is unread keeps its connection, and with
// it a place in the pool, for ever; a session that is dropped keeps its idle connections
// until they expire. In debug mode responses remember where they were made and sessions
// where they were first used; if the garbage collector finds one that was not closed,
// that place is logged and what it held is closed.

import (
	"log/slog"
	"runtime"
	"strconv"
	"strings"

	"github.com/aio-go/aio/asyncio"
)

// leakGuard is what is left of a response once it is garbage. It must not refer to
// the response.
type leakGuard struct {
	loop   *asyncio.EventLoop
	what   string // method and URL
	site   string // who made the request
	source bodySource
}

// watchLeak notes where a response with a body was made.
func (r *ClientResponse) watchLeak(source bodySource) {
	l := r.session.loop
	if !l.Debug() {
		return
	}
	r.guard = &leakGuard{loop: l, what: r.method + " " + r.loc.text(), site: callSite(), source: source}
	runtime.AddCleanup(r, (*leakGuard).report, r.guard)
}

// report runs on a goroutine of the runtime.
func (g *leakGuard) report() {
	// A loop that is closed has closed its connections.
	_ = g.loop.CallSoonThreadsafe(func() {
		if g.source == nil {
			return
		}
		slog.Warn("aiohttp: response was never closed nor read to its end", "request", g.what, "at", g.site)
		g.source.abort()
	})
}

// sessionGuard is what is left of a session once it is garbage.
type sessionGuard struct {
	loop      *asyncio.EventLoop
	site      string    // of its first request
	connector Connector // nil if it is not the session's own
	closed    bool
}

// watchLeak notes where a session begins to be used.
func (s *ClientSession) watchLeak() {
	if !s.loop.Debug() || s.single {
		return
	}
	s.guard = &sessionGuard{loop: s.loop, site: callSite()}
	if s.ownsConnector {
		s.guard.connector = s.connector
	}
	runtime.AddCleanup(s, (*sessionGuard).report, s.guard)
}

// report runs on a goroutine of the runtime.
func (g *sessionGuard) report() {
	// A loop that is closed has closed its connections.
	_ = g.loop.CallSoonThreadsafe(func() {
		if g.closed {
			return
		}
		slog.Warn("aiohttp: session was never closed", "at", g.site)
		if g.connector != nil {
			g.connector.Close()
		}
	})
}

// callSite is the first caller outside this package.
func callSite() string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "github.com/aio-go/aio/aiohttp.") {
			return frame.File + ":" + strconv.Itoa(frame.Line)
		}
		if !more {
			return "unknown"
		}
	}
}
