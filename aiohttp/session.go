// Package aiohttp is an HTTP client for asyncio programs, after Python's aiohttp.
//
//	session := aiohttp.NewClientSession()
//	defer session.Close()
//	resp, err := session.Get(ctx, "https://example.com/")
//	if err != nil {
//		return err
//	}
//	defer resp.Close()
//	body, err := resp.Read(ctx)
//
// A session keeps connections, cookies and defaults for requests. It belongs to one
// event loop; requests run in the tasks that make them, and everything that suspends
// takes the task's ctx. A redirect to another origin carries no credentials along;
// every error names the URL and the phase it happened in (see ErrClient).
package aiohttp

// The session: where requests start, and what they share.

import (
	"context"
	"net/http"

	"github.com/aio-go/aio/asyncio"
)

// ClientSession makes requests. It is used by the tasks of one event loop.
type ClientSession struct {
	settings
	headers        http.Header
	initialCookies []*http.Cookie
	base           *location
	jar            *CookieJar
	connector      Connector
	ownsConnector  bool
	traces         []*TraceConfig
	proxy          *proxyChoice // nil: nothing said
	env            *environment // nil: not asked
	netrc          *netrcSource // nil: not asked

	loop      *asyncio.EventLoop // that of the first request
	readyMade []byte             // header lines all requests share
	defaults  http.Header        // the same for round trippers; nil until one wants them
	buffers   bufferPool
	decoders  decoderPool
	spare     []*call  // for the next requests
	lastURL   string   // what locate was given last, and
	lastPlace location // what it found; without a host: nothing yet
	closed    bool
	guard     *sessionGuard // in debug mode
	single    bool          // made for one request: closed with its response
	requests  uint64
	failures  uint64
}

// NewClientSession returns a session. It binds to the event loop of its first
// request. Close it when it is no longer needed.
func NewClientSession(opts ...SessionOption) *ClientSession {
	s := &ClientSession{
		settings:      settings{maxRedirects: 10, decompress: true, bufferSize: defaultBufferSize},
		ownsConnector: true,
		jar:           NewCookieJar(),
	}
	for _, o := range opts {
		o.applySession(s)
	}
	if s.connector == nil {
		s.connector = NewTCPConnector()
	}
	s.prepareDefaults()
	return s
}

// Request makes a request and returns the response as soon as its head is there. The
// method is sent as it is given: methods are case-sensitive (RFC 9110 section 9.1), and
// "get" is none that servers know, while aiohttp turns it into "GET".
//
// It suspends, in this order, until a connection is free or may be made, the host is
// resolved, connected and encrypted, the request is sent, and the head of the final
// response is read; on a kept connection all but the last usually need no waiting.
// When ctx ends first, Request returns its error and gives the connection up; so
// does the end of a time limit, with an error of its own. CPython:
// ClientSession.request.
func (s *ClientSession) Request(ctx context.Context, method, url string, opts ...RequestOption) (*ClientResponse, error) {
	c := s.newCall()
	for _, o := range opts {
		o.applyRequest(&c.opts)
	}
	return s.start(ctx, c, method, url)
}

// newCall returns a call with the session's settings.
func (s *ClientSession) newCall() *call {
	var c *call
	if n := len(s.spare) - 1; n >= 0 {
		c, s.spare = s.spare[n], s.spare[:n]
	} else {
		c = new(call)
	}
	c.session = s
	c.opts.settings = &s.settings
	c.req.loc = &c.origin
	return c
}

// maxSpareCalls bounds what a session keeps for its next requests.
const maxSpareCalls = 64

// recycle keeps the memory of a call that nobody refers to any more.
//
//go:noinline
func (s *ClientSession) recycle(c *call) {
	if len(s.spare) < maxSpareCalls {
		*c = call{}
		s.spare = append(s.spare, c)
	}
}

// start runs a call and sees to it that its body is closed, whatever happens.
func (s *ClientSession) start(ctx context.Context, c *call, method, url string) (*ClientResponse, error) {
	if c.opts.body != nil || len(c.opts.middlewares) > 0 {
		defer c.closeBodies()
	}
	s.bind(ctx)
	s.requests++
	resp, err := c.run(ctx, method, url)
	switch {
	case err != nil:
		s.failures++
	case c.unseen():
		s.recycle(c)
	}
	return resp, err
}

// bind ties the session to the loop of its first request.
func (s *ClientSession) bind(ctx context.Context) {
	l, ok := asyncio.LoopFrom(ctx)
	switch {
	case !ok:
		panic("aiohttp: the context carries no event loop: make requests inside a coroutine, with its ctx")
	case s.loop == l:
	case s.loop != nil:
		panic("aiohttp: a ClientSession is used on two event loops: give each loop its own")
	default:
		s.loop = l
		s.connector.attach(l)
		s.watchLeak()
		if s.jar != nil {
			s.jar.attach(l)
			s.jar.addShared(s.initialCookies)
			s.initialCookies = nil
		}
	}
}

// locate fills l with where a URL of the caller's leads to. Many a program asks for one URL again and
// again: the last one is remembered.
func (s *ClientSession) locate(l *location, raw string) (d *urlDefect) {
	if raw == s.lastURL && s.lastPlace.host != "" {
		*l = s.lastPlace
		return nil
	}
	if s.base != nil {
		d = l.resolve(s.base, raw)
	} else {
		d = l.parse(raw)
	}
	if d == nil && l.user == nil {
		s.lastURL, s.lastPlace = raw, *l
	}
	return d
}

// Get makes a GET request; see Request.
func (s *ClientSession) Get(ctx context.Context, url string, opts ...RequestOption) (*ClientResponse, error) {
	return s.Request(ctx, http.MethodGet, url, opts...)
}

// Head makes a HEAD request; see Request. Unlike the others it does not follow
// redirects unless WithAllowRedirects says so.
func (s *ClientSession) Head(ctx context.Context, url string, opts ...RequestOption) (*ClientResponse, error) {
	c := s.newCall()
	c.opts.redirects = redirectsReturn
	for _, o := range opts {
		o.applyRequest(&c.opts)
	}
	return s.start(ctx, c, http.MethodHead, url)
}

// Options makes an OPTIONS request; see Request.
func (s *ClientSession) Options(ctx context.Context, url string, opts ...RequestOption) (*ClientResponse, error) {
	return s.Request(ctx, http.MethodOptions, url, opts...)
}

// Post makes a POST request; see Request.
func (s *ClientSession) Post(ctx context.Context, url string, opts ...RequestOption) (*ClientResponse, error) {
	return s.Request(ctx, http.MethodPost, url, opts...)
}

// Put makes a PUT request; see Request.
func (s *ClientSession) Put(ctx context.Context, url string, opts ...RequestOption) (*ClientResponse, error) {
	return s.Request(ctx, http.MethodPut, url, opts...)
}

// Patch makes a PATCH request; see Request.
func (s *ClientSession) Patch(ctx context.Context, url string, opts ...RequestOption) (*ClientResponse, error) {
	return s.Request(ctx, http.MethodPatch, url, opts...)
}

// Delete makes a DELETE request; see Request.
func (s *ClientSession) Delete(ctx context.Context, url string, opts ...RequestOption) (*ClientResponse, error) {
	return s.Request(ctx, http.MethodDelete, url, opts...)
}

// Close closes the session and, unless it was given one, its connector: responses
// that are still being read fail. It does not suspend and is idempotent.
func (s *ClientSession) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	if s.guard != nil {
		s.guard.closed = true
	}
	if s.ownsConnector {
		return s.connector.Close()
	}
	return nil
}

// Closed reports whether the session or its connector is closed.
func (s *ClientSession) Closed() bool { return s.closed || s.connector.Closed() }

// CookieJar returns the session's cookies, nil if it keeps none.
func (s *ClientSession) CookieJar() *CookieJar { return s.jar }

// Connector returns the session's connector.
func (s *ClientSession) Connector() Connector { return s.connector }

// SessionStats is a snapshot of a session.
type SessionStats struct {
	Requests  uint64 // started so far; hops of redirects count once
	Failures  uint64 // of those, ended with an error before there was a response
	Connector ConnectorStats
}

// Stats returns a snapshot.
func (s *ClientSession) Stats() SessionStats {
	return SessionStats{Requests: s.requests, Failures: s.failures, Connector: s.connector.Stats()}
}

// responseClosed is told of every response that was closed.
func (s *ClientSession) responseClosed(r *ClientResponse) {
	if s.single && r.final {
		s.Close()
	}
}

// Request makes one request with a session of its own, whose connection is closed
// with the response. For more than one request a ClientSession is cheaper. It
// suspends as ClientSession.Request does. CPython: aiohttp.request.
func Request(ctx context.Context, method, url string, opts ...RequestOption) (*ClientResponse, error) {
	s := NewClientSession(WithConnector(NewTCPConnector(WithForceClose())))
	s.ownsConnector, s.single = true, true
	resp, err := s.Request(ctx, method, url, opts...)
	if err != nil {
		s.Close()
		return nil, err
	}
	return resp, nil
}
