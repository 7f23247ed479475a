package aiohttp

// Requests that are carried by code which blocks.
//
// HTTP/3 exists for Go as an http.RoundTripper, and so does much that users bring along. Such
// code runs on a goroutine of its own for as long as the request takes: the exchange is what
// that goroutine and the task of the request have between them. The task looks for what it
// wants, under a lock, and waits for news if it is not there; the goroutine leaves what it has
// and says so. Neither ever waits for the other while it holds the lock, and what is under way
// between them is bounded by one buffer in each direction.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// exchange is one request of a task and the goroutine that carries it out.
type exchange struct {
	carrier carrier
	patience
	context requestContext
	upload  *upload // nil: the body, if any, is in the request as a whole
	pushing *asyncio.Task[struct{}]
	over    bool // the carrier has been told

	mu       sync.Mutex // guards what follows
	answered bool       // RoundTrip has returned
	resp     *http.Response
	names    http.Header // of the trailer, before it is there
	err      error
	body     relay

	cancelled bool      // context has ended
	after     []*func() // to be called then
}

// carrier is where an exchange comes from: a connection, or what stands in for one.
type carrier interface {
	http.RoundTripper
	// finished is told, once, on the loop, that the exchange is over.
	finished()
	// failure makes the public error of one that RoundTrip, or reading the body, returned.
	failure(e errand, p Phase, err error) error
	// resend says whether a request that failed like this may be sent again elsewhere.
	resend(err error) resend
}

func newExchange(c carrier, l *asyncio.EventLoop) *exchange {
	x := &exchange{carrier: c}
	x.context = requestContext{x: x, done: make(chan struct{})}
	x.patience.init(l)
	x.body.init(x)
	return x
}

// roundTrip implements transport.
func (x *exchange) roundTrip(ctx context.Context, r *ClientRequest, resp *ClientResponse) (again resend, err error) {
	done := false
	defer func() {
		if !done { // an error, or a trace that panicked
			x.abort()
		}
	}()
	req, err := x.request(ctx, r)
	if err != nil {
		return resendNone, r.invalid(err)
	}
	r.call.dropHead()
	x.launch(req)
	r.call.trace.headersSent(ctx, r.Headers)
	if err = x.send(ctx, r, resp); err == nil {
		err = x.awaitAnswer(ctx, r)
	}
	if err != nil {
		return resendNone, err
	}
	if x.err != nil {
		if ctx.Err() != nil {
			return resendNone, asyncio.Sleep(ctx, 0) // fails with the error of every suspension
		}
		return x.carrier.resend(x.err), x.carrier.failure(r, PhaseHeader, x.err)
	}
	if err = r.checkHead(x.resp.Header); err != nil {
		return resendNone, err
	}
	if err = x.stopUpload(ctx, r); err != nil {
		return resendNone, err
	}
	done = true
	x.accept(resp)
	return resendNone, nil
}

// awaitAnswer suspends the task until RoundTrip has returned.
func (x *exchange) awaitAnswer(ctx context.Context, r *ClientRequest) error {
	if x.hasAnswer() {
		return nil
	}
	deadline := x.begin(r, PhaseHeader)
	for {
		err := x.news.Wait(ctx)
		switch {
		case err != nil || x.hasAnswer():
			return err
		case x.late:
			return r.expired(PhaseHeader, deadline)
		}
	}
}

// carry is the goroutine.
func (x *exchange) carry(req *http.Request) {
	resp, err := x.attempt(req)
	if err == nil && endsAtOnce(req, resp) {
		resp.Body.Close()
		resp.Body = http.NoBody
	}
	var names http.Header
	if err == nil && len(resp.Trailer) > 0 {
		names = resp.Trailer.Clone() // values are added while the body is read
	}
	x.mu.Lock()
	x.answered, x.resp, x.names, x.err = true, resp, names, err
	x.mu.Unlock()
	x.news.Set()
	if x.upload != nil {
		x.upload.news.Set()
	}
	if err == nil && resp.Body != http.NoBody {
		x.body.fill(resp)
		resp.Body.Close()
	}
}

// endsAtOnce reports whether there is no body: because of what was asked or answered (RFC 9110
// section 6.4.1), or because it is said to be empty. The end may be a frame of its own then,
// and is at hand.
func endsAtOnce(req *http.Request, resp *http.Response) bool {
	switch {
	case req.Method == http.MethodHead, resp.StatusCode == http.StatusNoContent, resp.StatusCode == http.StatusNotModified:
		return true
	case resp.Body == http.NoBody || resp.ContentLength != 0:
		return resp.Body == http.NoBody
	}
	var none [1]byte
	n, err := resp.Body.Read(none[:])
	return n == 0 && err == io.EOF
}

// attempt is RoundTrip, whose panics become errors.
func (x *exchange) attempt(req *http.Request) (resp *http.Response, err error) {
	defer func() {
		if v := recover(); v != nil {
			resp, err = nil, &asyncio.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	resp, err = x.carrier.RoundTrip(req)
	if err == nil && resp.Body == nil {
		resp.Body = http.NoBody
	}
	return resp, err
}

func (x *exchange) hasAnswer() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.answered
}

// checkHead holds a head that another codec has read to the limits of this one.
func (r *ClientRequest) checkHead(h http.Header) error {
	limits := r.call.opts.limits
	most, longest := cmp.Or(limits.MaxHeaders, 128), cmp.Or(limits.MaxField, 8190)
	n := 0
	for name, values := range h {
		n += len(values)
		for _, v := range values {
			if len(name)+len(v) > longest {
				return headRefused(r, fmt.Errorf("header %s is longer than %d bytes", clip(name), longest))
			}
		}
	}
	if n > most {
		return headRefused(r, fmt.Errorf("more than %d headers", most))
	}
	return nil
}

// headRefused is the error of a head that is not acceptable.
func headRefused(e errand, err error) error {
	return &ClientResponseError{
		Where: e.where(PhaseHeader), RequestInfo: e.info(), Status: http.StatusBadRequest, Message: err.Error(), Err: err,
	}
}

// accept hands the answer to the response.
func (x *exchange) accept(resp *ClientResponse) {
	from := x.resp
	resp.Status, resp.Reason, resp.Headers = from.StatusCode, reasonPhrase(from), from.Header
	resp.Proto = from.Proto
	resp.length = from.ContentLength
	resp.trailer = x.names
	if from.Body == http.NoBody {
		resp.length = 0
		resp.trailer = from.Trailer
		resp.secured = from.TLS
		x.finish()
		return
	}
	resp.setBody(x)
}

// reasonPhrase is the text behind the status code. HTTP/2 has none; net/http makes it up
// then, and so it is left out.
func reasonPhrase(r *http.Response) string {
	if r.ProtoMajor >= 2 || len(r.Status) < len("200 ") {
		return ""
	}
	return r.Status[len("200 "):]
}

// read implements bodySource.
func (x *exchange) read(ctx context.Context, resp *ClientResponse, p []byte) (int, error) {
	n, err := x.body.take(p)
	if n == 0 && err == nil {
		var waited error
		if n, err, waited = x.awaitBody(ctx, resp, p); waited != nil {
			x.abort()
			return 0, waited
		}
	}
	switch {
	case n > 0:
		return n, nil
	case err == io.EOF:
		resp.trailer = x.resp.Trailer
		x.finish()
		return 0, io.EOF
	}
	x.abort()
	if ctx.Err() != nil {
		return 0, asyncio.Sleep(ctx, 0)
	}
	return 0, resp.payloadError(x.carrier.failure(resp, PhaseBody, err))
}

// awaitBody suspends the task until the goroutine has brought something, or the end. The
// last result says why it gave up waiting.
func (x *exchange) awaitBody(ctx context.Context, resp *ClientResponse, p []byte) (n int, err, waited error) {
	deadline := x.begin(resp, PhaseBody)
	for {
		if waited = x.news.Wait(ctx); waited != nil {
			return 0, nil, waited
		}
		if n, err = x.body.take(p); n > 0 || err != nil {
			return n, err, nil
		}
		if x.late {
			return 0, nil, resp.expired(PhaseBody, deadline)
		}
	}
}

// buffered implements bodySource.
func (x *exchange) buffered() int { return x.body.length() }

// discardBuffered implements bodySource.
func (x *exchange) discardBuffered(resp *ClientResponse) (int, error) {
	n, ended := x.body.drop()
	if !ended {
		return n, nil
	}
	resp.trailer = x.resp.Trailer
	x.finish()
	return n, io.EOF
}

// abort implements bodySource: it gives the request up.
func (x *exchange) abort() {
	if x.pushing != nil && !x.pushing.Done() {
		x.pushing.Cancel(nil)
	}
	x.finish()
}

// abandon implements pooled.
func (x *exchange) abandon() {
	x.cancel()
	x.body.close(ErrResponseClosed)
	x.news.Set()
}

// finish ends the exchange as far as the loop is concerned.
func (x *exchange) finish() {
	if x.over {
		return
	}
	x.over = true
	x.limit(noDeadline)
	if x.upload != nil {
		x.upload.revoke(errAnswered)
	}
	x.abandon()
	x.carrier.finished()
}

// ioError sorts the errors of a round tripper into those of the package.
func ioError(e errand, p Phase, err error) error {
	w := e.where(p)
	var located interface{ Located() Where }
	var panicked *asyncio.PanicError
	switch {
	case errors.As(err, &located), errors.As(err, &panicked):
		return err
	case errors.Is(err, ErrResponseClosed):
		return closedHere(w)
	case errors.Is(err, context.Canceled):
		return &ClientConnectionError{Where: w, Err: ErrResponseClosed}
	case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
		return &ServerDisconnectedError{Where: w, Err: err}
	case isReset(err):
		return &ClientConnectionResetError{Where: w, Err: err}
	}
	return &ClientConnectionError{Where: w, Err: err}
}

// requestContext is the context of a request on its goroutine: it ends when the exchange
// says so, and it has the values of the task's, but not the loop.
type requestContext struct {
	x      *exchange
	values context.Context
	done   chan struct{}
}

func (c *requestContext) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }
func (c *requestContext) Done() <-chan struct{}                   { return c.done }
func (c *requestContext) Value(key any) any                       { return c.values.Value(key) }
func (c *requestContext) String() string                          { return "aiohttp request" }

func (c *requestContext) Err() error {
	select {
	case <-c.done:
		return context.Canceled
	default:
		return nil
	}
}

// AfterFunc spares contexts that package context derives from this one a goroutine each.
func (c *requestContext) AfterFunc(f func()) (stop func() bool) {
	x := c.x
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.cancelled {
		aside(f)
		return func() bool { return false }
	}
	entry := &f
	x.after = append(x.after, entry)
	return func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		n := len(x.after)
		x.after = slices.DeleteFunc(x.after, func(other *func()) bool { return other == entry })
		return len(x.after) < n
	}
}

// cancel has the goroutine give up, if it exists.
func (x *exchange) cancel() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.cancelled {
		return
	}
	x.cancelled = true
	close(x.context.done)
	for _, f := range x.after {
		aside(*f)
	}
	x.after = nil
}
