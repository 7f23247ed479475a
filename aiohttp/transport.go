package aiohttp

// Transport: a session as net/http's RoundTripper.
//
// Libraries for this or that service are written for http.Client. Given a client whose
// transport is a session they run unchanged in tasks: a call that blocks in their eyes suspends
// the task. What a RoundTripper must leave to its client, redirects and cookies, the session
// leaves to it; what it does for connections it does here too.

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/http1"
)

var (
	errNoLoop = errors.New("the request's context carries no event loop: make it with http.NewRequestWithContext and the ctx of a coroutine")
	errNoTask = errors.New("the request's context belongs to no task: make it in a coroutine, with its ctx")
)

// Transport returns the session as an http.RoundTripper, for an http.Client that is used in
// tasks of the session's loop. Each request must carry the ctx of the task that makes it: the
// call and the reading of the response body suspend that task, and fail when that ctx ends. A
// request without such a ctx fails with an *InvalidRequestError.
//
// The connector, limits, middlewares, traces and TLS options of the session hold for its
// requests, and the time limits, except that there is no total one unless the session sets it:
// http.Client has its own. Its headers, cookies, credentials and base URL do not, and redirects
// are the client's business. As with http.Transport a request without Accept-Encoding gets one,
// and its response is decoded and marked Uncompressed.
//
// Errors are those of the session. Python's aiohttp has no counterpart.
func (s *ClientSession) Transport() http.RoundTripper {
	inner := &ClientSession{
		settings: s.settings, connector: s.connector, traces: s.traces, proxy: s.proxy, env: s.env,
	}
	inner.check, inner.authorize, inner.maxRedirects = nil, "", 0
	inner.skipAuto = append([]string{"Accept", "Content-Type"}, s.skipAuto...)
	if inner.timeout.Total == 0 {
		inner.timeout.Total = -1
	}
	inner.prepareDefaults()
	return &sessionTransport{session: s, inner: inner}
}

// sessionTransport sends requests of net/http with a session that adds nothing to them.
type sessionTransport struct{ session, inner *ClientSession }

// RoundTrip implements http.RoundTripper.
func (t *sessionTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	c, err := t.call(req)
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	ctx := req.Context()
	t.session.bind(ctx)
	t.session.requests++
	t.inner.closed = t.session.closed
	target := *req.URL
	target.User = nil // http.Client has made a header of it, and others do not want one
	resp, err := t.inner.start(ctx, c, c.req.Method, target.String())
	if err != nil {
		t.session.failures++
		return nil, err
	}
	return newHTTPResponse(ctx, req, resp), nil
}

// call makes the request that req stands for.
func (t *sessionTransport) call(req *http.Request) (*call, error) {
	c := t.inner.newCall()
	c.opts.redirects = redirectsReturn
	c.req.Method = req.Method
	if req.Method == "" {
		c.req.Method = http.MethodGet
	}
	refuse := func(err error) (*call, error) {
		w := Where{Method: c.req.Method, Phase: PhaseRequest}
		if req.URL != nil {
			w.URL = req.URL.Redacted()
		}
		return nil, &InvalidRequestError{Where: w, Err: err}
	}
	if _, ok := asyncio.LoopFrom(req.Context()); !ok {
		return refuse(errNoLoop)
	}
	switch {
	case asyncio.CurrentTask(req.Context()) == nil:
		return refuse(errNoTask)
	case req.URL == nil:
		return refuse(errors.New("the request has no URL"))
	}
	o := &c.opts
	o.headers = foreignHeaders(req)
	if o.headers["Accept-Encoding"] != nil || o.headers["Range"] != nil || c.req.Method == http.MethodHead {
		o.change().decompress = false
	}
	o.body = foreignBody(req)
	o.trailer = req.Trailer
	o.chunked = len(req.Trailer) > 0 || len(req.TransferEncoding) > 0 && req.TransferEncoding[0] == "chunked"
	return c, nil
}

// foreignHeaders are the headers of req as a session takes them.
func foreignHeaders(req *http.Request) http.Header {
	h := make(http.Header, len(req.Header)+2)
	for name, values := range req.Header {
		switch http1.CanonicalName(name) {
		case "Content-Length", "Transfer-Encoding", "Trailer", "Host":
		case "User-Agent":
			if len(values) > 0 && values[0] != "" { // empty: none is to be sent
				h[name] = values
			}
		default:
			h[name] = values
		}
	}
	if req.Host != "" && req.Host != req.URL.Host {
		h["Host"] = []string{req.Host}
	}
	if req.Close {
		h["Connection"] = []string{"close"}
	}
	if len(req.Trailer) > 0 {
		h["Trailer"] = []string{strings.Join(sortedNames(req.Trailer), ", ")}
	}
	return h
}

// maxGathered is up to which size a body that is in memory is copied rather than streamed.
const maxGathered = 1 << 20

// foreignBody is the body of req.
func foreignBody(req *http.Request) payload {
	if req.Body == nil || req.Body == http.NoBody {
		return nil
	}
	p := &clientPayload{readerPayload: readerPayload{source: req.Body, length: -1}, req: req}
	if req.ContentLength > 0 {
		p.length = req.ContentLength
	}
	if p.inline = inMemory(req.Body); !p.inline || p.length < 0 || p.length > maxGathered {
		return p
	}
	data, err := io.ReadAll(req.Body)
	if err != nil || int64(len(data)) != p.length {
		p.source = io.NopCloser(bytes.NewReader(data)) // the sender finds out what is wrong with it
		return p
	}
	req.Body.Close()
	return &memoryPayload{data: data}
}

// inMemory reports whether a body is one that http.NewRequest makes of bytes: reading it does
// not block. It looks through io.NopCloser as net/http does.
func inMemory(r io.Reader) bool {
	switch r.(type) {
	case *bytes.Reader, *bytes.Buffer, *strings.Reader, interface{ readsInTask() }:
		return true
	}
	v := reflect.ValueOf(r)
	if v.Kind() != reflect.Struct || !strings.HasPrefix(v.Type().String(), "io.nopCloser") {
		return false
	}
	inner, ok := v.Field(0).Interface().(io.Reader)
	return ok && inMemory(inner)
}

// clientPayload is the body of a request of net/http, which can be sent again if that says
// how.
type clientPayload struct {
	readerPayload
	req *http.Request
}

func (p *clientPayload) prepare(context.Context) error {
	if !p.used {
		return nil
	}
	if p.req.GetBody == nil {
		return ErrBodyConsumed
	}
	body, err := p.req.GetBody()
	if err != nil {
		return err
	}
	_ = p.readerPayload.close()
	p.source, p.inline, p.used = body, inMemory(body), false
	return nil
}

func (p *clientPayload) contentType() string { return "" }

// newHTTPResponse makes net/http's response of a session's.
func newHTTPResponse(ctx context.Context, req *http.Request, r *ClientResponse) *http.Response {
	out := &http.Response{
		StatusCode: r.Status, Status: statusLine(r), Proto: r.Proto, ProtoMajor: 1, ProtoMinor: 1,
		Header: r.Headers, ContentLength: r.length, Request: req, Body: http.NoBody, TLS: r.encryption(),
	}
	switch r.Proto {
	case "HTTP/1.0":
		out.ProtoMinor = 0
	case "HTTP/2.0":
		out.ProtoMajor, out.ProtoMinor = 2, 0
	case "HTTP/3.0":
		out.ProtoMajor, out.ProtoMinor = 3, 0
	}
	if req.Method == http.MethodHead {
		out.ContentLength = r.ContentLength()
	}
	if names := r.Headers["Trailer"]; len(names) > 0 || len(r.trailer) > 0 {
		out.Trailer = make(http.Header)
		for name := range r.trailer {
			out.Trailer[name] = nil
		}
		for name := range strings.SplitSeq(strings.Join(names, ","), ",") {
			if name = http.CanonicalHeaderKey(strings.Trim(name, " \t")); name != "" {
				out.Trailer[name] = nil
			}
		}
	}
	if r.stream.source == nil && r.stream.err == io.EOF && len(r.stream.buf) == 0 {
		return out
	}
	if r.stream.decoder != nil {
		out.Uncompressed, out.ContentLength = true, -1
		out.Header = r.Headers.Clone()
		delete(out.Header, "Content-Encoding")
		delete(out.Header, "Content-Length")
	}
	if r.length < 0 && out.ProtoMajor == 1 && listsToken(r.Headers.Get("Transfer-Encoding"), "chunked") {
		out.TransferEncoding = []string{"chunked"}
	}
	out.Body = &responseBody{ctx: ctx, from: r, to: out}
	return out
}

func statusLine(r *ClientResponse) string {
	reason := r.Reason
	if reason == "" {
		reason = http.StatusText(r.Status)
	}
	return strconv.Itoa(r.Status) + " " + reason
}

// encryption describes the connection the response comes from, nil if it is not encrypted.
func (r *ClientResponse) encryption() *tls.ConnectionState {
	switch source := r.stream.source.(type) {
	case *h1Conn:
		return source.wire.TLS()
	case *h2Stream:
		return source.conn.wire.TLS()
	case *exchange:
		return source.resp.TLS
	}
	return r.secured
}

// responseBody reads the body of a response in the task of its request.
type responseBody struct {
	ctx  context.Context
	from *ClientResponse
	to   *http.Response
}

func (b *responseBody) Read(p []byte) (int, error) {
	n, err := b.from.Content.Read(b.ctx, p)
	if err == io.EOF {
		for name, values := range b.from.Trailer() {
			if b.to.Trailer == nil {
				b.to.Trailer = make(http.Header)
			}
			b.to.Trailer[name] = values
		}
	}
	return n, err
}

func (b *responseBody) Close() error { return b.from.Close() }

// readsInTask marks the body as one that may be sent on within a task.
func (b *responseBody) readsInTask() {}
