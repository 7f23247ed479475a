package web

// The server: all connections of one application on one loop, what they share, and how they end. Everything here runs
// on the loop, so the shared buffers and decoders are plain stacks.

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/http1"
)

type server struct {
	app      *Application
	loop     *asyncio.EventLoop
	ctx      context.Context // of the handlers' tasks
	options  serverOptions
	conns    conn // ring of the open connections, oldest first
	open     int
	busy     int // connections whose handler runs
	quiet    *asyncio.Future[struct{}]
	stopping bool

	shared       []byte // the Date and Server lines
	sharedSecond time.Duration
	decoders     []*http1.Decoder
	buffers      [][]byte
}

// serverOptions are the limits and hooks of a server; see the With functions for their meaning.
type serverOptions struct {
	limits              http1.Limits
	keepAlive           time.Duration
	headTimeout         time.Duration
	readTimeout         time.Duration
	writeTimeout        time.Duration
	lingering           time.Duration
	readBuffer          int
	drainLimit          int
	serverName          string
	handlerCancellation bool
	accessLog           func(context.Context, AccessRecord)
}

func defaultServerOptions() serverOptions {
	return serverOptions{
		keepAlive:    75 * time.Second,
		headTimeout:  30 * time.Second,
		readTimeout:  60 * time.Second,
		writeTimeout: 60 * time.Second,
		lingering:    10 * time.Second,
		readBuffer:   256 << 10,
		drainLimit:   256 << 10,
		serverName:   "aio",
	}
}

// newServer makes a server on the loop of ctx. Handlers get contexts derived from ctx.
func newServer(ctx context.Context, app *Application, options serverOptions) *server {
	loop, ok := asyncio.LoopFrom(ctx)
	if !ok {
		panic("web: the context carries no event loop: set the runner up inside a coroutine, with its ctx")
	}
	s := &server{app: app, loop: loop, ctx: ctx, options: options}
	s.conns.prev, s.conns.next = &s.conns, &s.conns
	return s
}

func (s *server) add(c *conn) {
	c.prev, c.next = s.conns.prev, &s.conns
	c.prev.next, s.conns.prev = c, c
	s.open++
}

func (s *server) remove(c *conn) {
	if c.next != nil {
		c.prev.next, c.next.prev = c.next, c.prev
		c.prev, c.next = nil, nil
		s.open--
	}
	s.checkQuiet()
}

// released notes that a handler has ended.
func (s *server) released() {
	s.busy--
	s.checkQuiet()
}

// checkQuiet wakes whoever waits for the handlers to end.
func (s *server) checkQuiet() {
	if s.quiet != nil && s.busy == 0 {
		q := s.quiet
		s.quiet = nil
		q.SetResult(struct{}{})
	}
}

// newRequest makes a request of a head.
func (s *server) newRequest(c *conn, h *http1.Head) *Request {
	req := &Request{
		Method:    h.Method,
		Target:    h.Target,
		Headers:   http.Header(h.Header),
		app:       s.app,
		conn:      c,
		expect:    h.Expect,
		maxSize:   s.app.maxSize,
		minor:     h.Minor,
		keepAlive: h.KeepAlive,
		upgrade:   h.Upgrade != "",
	}
	req.body = BodyReader{conn: c, length: h.ContentLength}
	if h.NoBody {
		req.body.length = 0
	}
	if s.options.accessLog != nil {
		req.started = s.loop.Time()
	}
	var path string
	var ok bool
	req.authority, path, req.rawQuery = splitTarget(h.Target)
	if req.path, ok = canonicalPath(path); !ok {
		req.malformed = HTTPBadRequest(WithText("Malformed percent escape in the request target"))
	}
	return req
}

// malformedRequest makes a request that stands for input which is none, so that middlewares see it.
func (s *server) malformedRequest(c *conn, err error) *Request {
	var pe *http1.ParseError
	if errors.As(err, &pe) {
		err = NewHTTPError(pe.Status, WithText(pe.Error()), WithCause(err))
	}
	req := &Request{Method: "UNKNOWN", Target: "/", Headers: make(http.Header), app: s.app, conn: c, malformed: err, path: "/"}
	req.body = BodyReader{conn: c, state: bodyEnded}
	if s.options.accessLog != nil {
		req.started = s.loop.Time()
	}
	return req
}

// sharedLines returns the header lines that all responses have, made once a second.
func (s *server) sharedLines() []byte {
	second := s.loop.Time() / time.Second
	if s.shared == nil || second != s.sharedSecond {
		s.sharedSecond = second
		s.shared = append(s.shared[:0], "Date: "...)
		s.shared = s.loop.Wall().UTC().AppendFormat(s.shared, http.TimeFormat)
		s.shared = append(s.shared, "\r\n"...)
		if s.options.serverName != "" {
			s.shared = appendField(s.shared, "Server", s.options.serverName)
		}
	}
	return s.shared
}

// How many buffers and decoders are kept for the next connection that needs one, and of which size at most.
const (
	maxSpare       = 64
	bufferSize     = 4 << 10
	maxSpareBuffer = 128 << 10
)

func (s *server) takeBuffer() []byte {
	if n := len(s.buffers); n > 0 {
		b := s.buffers[n-1]
		s.buffers = s.buffers[:n-1]
		return b
	}
	return make([]byte, 0, bufferSize)
}

func (s *server) putBuffer(b []byte) {
	if len(s.buffers) < maxSpare && cap(b) <= maxSpareBuffer {
		s.buffers = append(s.buffers, b[:0])
	}
}

func (s *server) takeDecoder() *http1.Decoder {
	if n := len(s.decoders); n > 0 {
		d := s.decoders[n-1]
		s.decoders = s.decoders[:n-1]
		return d
	}
	return http1.NewRequestDecoder(s.options.limits)
}

// putDecoder takes back a decoder that stands between two requests.
func (s *server) putDecoder(d *http1.Decoder) {
	if d != nil && len(s.decoders) < maxSpare {
		s.decoders = append(s.decoders, d)
	}
}
