package aiohttp

// One request, from its arguments to its final response.
//
// A call is what Get, Post and the others start: it may take several hops, because
// of redirects, and a hop may take two attempts, because a kept connection turned
// out to be dead. Each hop is a ClientRequest; middlewares see it, and the connector
// turns it into a ClientResponse. Everything runs in the caller's task.

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/http1"
)

// errand is one hop of a request while it is sent, a *ClientRequest, or while the body of its answer is read, a
// *ClientResponse: what limits and errors need to know of it.
type errand interface {
	where(p Phase) Where
	info() RequestInfo
	// deadline is when a wait in phase p that begins now must end.
	deadline(p Phase) time.Duration
	// expired makes the error of a wait in phase p that ended at that deadline.
	expired(p Phase, deadline time.Duration) error
}

// ClientRequest is one hop of a request, as middlewares see it and may change it.
type ClientRequest struct {
	// Method is the method as it will be sent.
	Method string
	// URL is where the request goes, without credentials and fragment. It is not
	// to be changed; use SetURL.
	URL *url.URL
	// Headers are all headers that will be sent, the generated ones included.
	Headers http.Header

	call    *call
	loc     *location   // not changed once set: responses share it
	own     http.Header // given by the caller for this request
	body    payload
	framing framing
	step    redirectStep // what redirects so far have taken away
	moved   bool         // a middleware has sent it to another origin
	via     *proxyServer // nil: straight to the origin
}

// Session returns the session the request belongs to. A middleware that makes
// requests of its own through it should give them WithMiddlewares(), lest they pass
// through the middleware again.
func (r *ClientRequest) Session() *ClientSession { return r.call.session }

// Timeout returns the limits of the request, as the caller set them.
func (r *ClientRequest) Timeout() ClientTimeout { return r.call.opts.timeout }

// SetURL sends the request elsewhere. To another origin it goes as a redirect would: without
// Authorization, Cookie, Host and what WithSensitiveHeaders names, which a middleware that
// wants them there sets again, afterwards. A user and password in the URL become
// Authorization.
func (r *ClientRequest) SetURL(raw string) error {
	l := new(location)
	if d := l.parse(raw); d != nil {
		return r.call.urlError(raw, d)
	}
	if l.origin() != r.loc.origin() {
		r.moved = true
		r.Headers = redirectStep{crossOrigin: true}.strip(r.Headers, r.call.opts.sensitive)
	}
	if u := l.user; u != nil {
		password, _ := u.Password()
		r.Headers["Authorization"] = []string{basicAuth(u.Username(), password)}
	}
	r.loc = l
	r.URL = &r.loc.url
	return nil
}

// RequestTarget returns path and query as they are sent, for signing them: byte for byte what was
// given, but for bytes that no request line can carry. URL.RequestURI may spell them differently.
// Through a proxy that is sent the whole URL it is what the server gets to see of it.
func (r *ClientRequest) RequestTarget() string { return r.loc.target }

// Body returns the body as bytes, for signing it for example; it is empty if there
// is none. A stream is read into memory for that.
func (r *ClientRequest) Body(ctx context.Context) ([]byte, error) {
	if r.body == nil {
		return nil, nil
	}
	if data, ok := r.body.memory(); ok {
		return data, nil
	}
	if err := r.body.prepare(ctx); err != nil {
		return nil, r.payloadError(err)
	}
	data, err := collect(ctx, r.body)
	if err != nil {
		return nil, r.payloadError(err)
	}
	r.body = &memoryPayload{data: data, mediaType: r.body.contentType()}
	return data, r.describeAgain()
}

// UpdateBody replaces the body by anything WithData takes. Content-Length and, if
// the kind of body changes, Content-Type follow.
func (r *ClientRequest) UpdateBody(body any) error {
	p, err := newPayload(body)
	if err != nil {
		return r.invalid(err)
	}
	before := ""
	if r.body != nil {
		before = r.body.contentType()
	}
	if own := r.Headers["Content-Type"]; len(own) == 1 && own[0] == before {
		delete(r.Headers, "Content-Type")
	}
	if p != nil {
		r.call.later = append(r.call.later, p)
	}
	r.body = p
	return r.describeAgain()
}

func (r *ClientRequest) describeAgain() error {
	delete(r.Headers, "Content-Length")
	delete(r.Headers, "Transfer-Encoding")
	if err := r.describeBody(!slices.Contains(r.call.opts.skipAuto, "Content-Type")); err != nil {
		return r.invalid(err)
	}
	return nil
}

// where says for an error where it happened. What makes errors is not inlined, here and below: room
// for them is not to be on the stack of every task that waits for a connection or an answer.
//
//go:noinline
func (r *ClientRequest) where(p Phase) Where {
	return Where{Method: r.Method, URL: r.loc.text(), Phase: p}
}

//go:noinline
func (r *ClientRequest) invalid(err error) error {
	return &InvalidRequestError{Where: r.where(PhaseRequest), Err: err}
}

func (r *ClientRequest) payloadError(err error) error {
	return &ClientPayloadError{Where: r.where(PhaseWrite), Expected: -1, Err: err}
}

func (r *ClientRequest) deadline(p Phase) time.Duration {
	return r.call.clock.from(p, r.call.session.loop)
}

// expired is the error of a wait in phase p that ended at the given deadline.
//
//go:noinline
func (r *ClientRequest) expired(p Phase, deadline time.Duration) error {
	return r.call.clock.expired(r.where(p), deadline)
}

//go:noinline
func (r *ClientRequest) sessionClosed(p Phase) error {
	return &ClientConnectionError{Where: r.where(p), Err: ErrSessionClosed}
}

func (r *ClientRequest) info() RequestInfo {
	return RequestInfo{Method: r.Method, URL: &r.loc.url, Headers: r.Headers}
}

// call is one request of the caller, over all its hops.
type call struct {
	session *ClientSession
	opts    requestOptions
	clock   requestClock
	trace   tracer
	req     ClientRequest
	origin  location  // that of the first hop
	later   []payload // bodies that middlewares have put in place of the caller's
	history []*ClientResponse
	hops    int
	ctx     context.Context
	head    []byte                  // the head being sent, and a small body behind it
	sending *asyncio.Task[struct{}] // still sends the body after the answer, or nil

	attempts int  // on all hops
	older    bool // a server wants HTTP/1.1 for it (RFC 9113 section 7, HTTP_1_1_REQUIRED)
	kept     bool // the last one went over a kept connection of HTTP/1, which remembers nothing of the call

	cloned bool // made by ClientRequest.Clone, and handed on to
	inside int  // so many that have not returned

	dropped  error    // with middlewares: the last failure, if it was that of a dead connection
	repeated bool     // and the hop was repeated for one
	removed  []string // headers of the session that a trace has taken out
}

// run checks the call, starts its clock and carries it out.
func (c *call) run(ctx context.Context, method, rawURL string) (*ClientResponse, error) {
	c.ctx = ctx
	if err := c.begin(method, rawURL); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, asyncio.Sleep(ctx, 0) // fails at once, with the error of every suspension
	}
	c.clock.start(&c.opts.timeout, c.session.loop.Time())
	if len(c.session.traces) > 0 {
		return c.travelTraced(ctx)
	}
	return c.travel(ctx)
}

// travelTraced is travel with the traces of the session told of how it begins and ends.
func (c *call) travelTraced(ctx context.Context) (*ClientResponse, error) {
	c.trace = newTracer(c)
	c.req.own = mergeHeaders(c.session.headers, c.req.own).Clone()
	c.req.Headers = c.req.own
	c.trace.start(ctx, c.req.own)
	c.dropDefaults()
	c.req.Headers = nil
	resp, err := c.travel(ctx)
	c.trace.end(ctx, resp, err)
	return resp, err
}

// travel goes from hop to hop until a response is final.
func (c *call) travel(ctx context.Context) (*ClientResponse, error) {
	for {
		resp, err := c.hop(ctx)
		if err != nil {
			return nil, err
		}
		again, err := c.follow(ctx, resp)
		if err != nil {
			resp.Close()
			return nil, err
		}
		if again {
			continue
		}
		resp.History, resp.final = c.history, true
		if c.opts.check != nil {
			if err := c.opts.check(ctx, resp); err != nil {
				resp.Close()
				return nil, err
			}
		}
		return resp, nil
	}
}

// begin checks everything that can be checked before any I/O.
func (c *call) begin(method, rawURL string) error {
	r := &c.req
	r.call, r.Method, r.own, r.body = c, method, c.opts.headers, c.opts.body
	c.opts.proxy = c.opts.proxy.over(c.session.proxy)
	if d := c.session.locate(r.loc, rawURL); d != nil {
		return c.urlError(rawURL, d)
	}
	r.URL = &r.loc.url
	if len(c.opts.params) > 0 {
		r.loc.addParams(c.opts.params)
	}
	if !http1.ValidMethod(method) {
		return r.invalid(errors.New("the method is not a token"))
	}
	if c.opts.err != nil {
		return r.invalid(c.opts.err)
	}
	if c.opts.uploaded != nil && r.body != nil {
		c.opts.body = &countedPayload{payload: r.body, report: c.opts.uploaded}
		r.body = c.opts.body // redirects begin with it anew
	}
	if u := r.loc.user; u != nil {
		if c.opts.authorize != "" || r.own["Authorization"] != nil || c.session.headers["Authorization"] != nil {
			return r.invalid(errTwoCredentials)
		}
		c.useCredentials(u)
	}
	return nil
}

func (c *call) useCredentials(u *url.Userinfo) {
	password, _ := u.Password()
	c.opts.change().authorize = basicAuth(u.Username(), password)
}

// urlError reports a URL that the caller gave.
func (c *call) urlError(raw string, d *urlDefect) error {
	w := Where{Method: c.req.Method, URL: clip(withoutUserinfo(raw)), Phase: PhaseRequest}
	if d.nonHTTP {
		return &NonHTTPURLClientError{Where: w, Scheme: d.scheme}
	}
	return &InvalidURLClientError{Where: w, Reason: d.reason}
}

// hop sends the present request, through the middlewares if there are any.
func (c *call) hop(ctx context.Context) (*ClientResponse, error) {
	if err := c.useNetrc(ctx, &c.req); err != nil {
		return nil, err
	}
	if len(c.opts.middlewares) == 0 {
		return c.send(ctx, &c.req)
	}
	return c.throughMiddlewares(ctx)
}

// send brings one hop over a connection and returns the response with its head
// read. A kept connection that turns out to be closed is replaced once, if that
// cannot do anything twice: nothing of an answer came, the method is idempotent and
// the body can be sent again.
func (c *call) send(ctx context.Context, r *ClientRequest) (*ClientResponse, error) {
	if c.session.closed {
		return nil, r.sessionClosed(PhaseRequest)
	}
	for attempt := 0; ; attempt++ {
		if r.body != nil {
			if err := c.measure(ctx, r); err != nil {
				return nil, err
			}
		}
		resp, again, err := c.attempt(ctx, r)
		if err == nil {
			c.storeCookies(resp)
			return resp, nil
		}
		if !again.permits(r.Method, attempt) || r.Rewind(ctx) != nil {
			return nil, err
		}
		if len(c.opts.middlewares) > 0 {
			c.dropped = err // repeated with the middlewares around it
			return nil, err
		}
	}
}

// maxResend bounds how often a server may turn a request away unread.
const maxResend = 4

// permits reports whether a request is sent again after so many attempts.
func (s resend) permits(method string, attempts int) bool {
	switch s {
	case resendIdempotent:
		return attempts == 0 && idempotent(method)
	case resendAny:
		return attempts < maxResend
	}
	return false
}

// attempt sends the request once. After an error, again says whether a second attempt on
// another connection may mend it.
func (c *call) attempt(ctx context.Context, r *ClientRequest) (resp *ClientResponse, again resend, err error) {
	if c.proxied() {
		if err = c.route(ctx, r); err != nil {
			return nil, resendNone, err
		}
	}
	if err = c.compose(r); err != nil {
		return nil, resendNone, err
	}
	defer c.dropHead()
	t, err := c.session.connector.connect(ctx, r)
	if err != nil {
		return nil, resendNone, err
	}
	h, ok := t.(*h1Conn)
	c.attempts, c.kept = c.attempts+1, ok && h.slot.uses > 0
	resp = c.newResponse(r)
	if again, err = t.roundTrip(ctx, r, resp); err != nil {
		return nil, again, err
	}
	return resp, resendNone, nil
}

// compose makes the head.
func (c *call) compose(r *ClientRequest) (err error) {
	c.head, err = r.appendHead(c.session.buffers.takeSmall())
	if err != nil {
		c.dropHead()
		return r.invalid(err)
	}
	return nil
}

// dropHead gives back the buffer of a head that was sent, or never will be.
func (c *call) dropHead() {
	if c.head != nil {
		c.session.buffers.put(c.head)
		c.head = nil
	}
}

// compactHead moves the head of a request that has to wait for its connection to memory of its own
// size: very many may wait at a time, and a buffer is several times as large.
func (c *call) compactHead() {
	if n := len(c.head); cap(c.head) == smallBuffer && n <= smallBuffer/4 {
		own := append(make([]byte, 0, n), c.head...)
		c.session.buffers.put(c.head)
		c.head = own
	}
}

// measure readies the body for being sent, for the first time or once more.
func (c *call) measure(ctx context.Context, r *ClientRequest) error {
	if c.opts.compress != codingIdentity {
		if _, ok := r.body.(*compressPayload); !ok {
			r.body = &compressPayload{inner: r.body, coding: c.opts.compress}
		}
	}
	if err := r.body.prepare(ctx); err != nil {
		return r.payloadError(err)
	}
	return nil
}

// unseen reports, of a call that has succeeded, whether nothing refers to it but whoever asks: it never
// left the straight way, and no code of the user's was given its ClientRequest.
func (c *call) unseen() bool {
	return c.kept && c.attempts == 1 && c.opts.body == nil && c.opts.ws == nil && c.trace == nil && len(c.opts.middlewares) == 0
}

// idempotent reports whether a request may be sent again without being asked
// (RFC 9110 section 9.2.2).
func idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete, "QUERY":
		return true
	}
	return false
}

// outlive has the body closed when the task that still sends it is done, which may be after
// the call has returned.
func (c *call) outlive(sending *asyncio.Task[struct{}]) { c.sending = sending }

// closeBodies closes the bodies of the call when nobody uses them any more.
func (c *call) closeBodies() {
	if c.sending != nil && !c.sending.Done() {
		c.sending.AddDoneCallback(func(*asyncio.Future[struct{}]) { c.closeBodies() })
		return
	}
	if c.opts.body != nil {
		c.opts.body.close()
	}
	for _, p := range c.later {
		p.close()
	}
	c.later = nil
}
