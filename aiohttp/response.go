package aiohttp

// ClientResponse: the head of an answer, and the ways to its body.
//
// A response has one owner: the task that made the request, or whoever it hands the
// response to. It holds a connection until its body was read to the end, or until it
// is closed; the first returns the connection to the pool, the second, unless what is
// left is already there, costs it.

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aio-go/aio/internal/http1"
)

// ClientResponse is the answer to a request. Its body is read with Read, Text, JSON
// or, piece by piece, through Content. It must be closed or read to the end; both
// is fine.
type ClientResponse struct {
	// Status is the status code, Reason the text the server put behind it.
	Status int
	Reason string
	// Proto is the version of the protocol: "HTTP/1.1", "HTTP/1.0" or "HTTP/2.0".
	Proto string
	// Headers are the headers of the response, under their canonical names.
	Headers http.Header
	// URL is where the response came from: without credentials and fragment, after
	// redirects.
	URL *url.URL
	// History holds the responses that redirected here, the first one first. They
	// are closed.
	History []*ClientResponse
	// Content reads the body as a stream.
	Content *StreamReader

	session  *ClientSession
	settings *settings // of the request
	clock    requestClock
	trace    tracer
	ctx      context.Context // of the request: for reads of the body that bring none of their own
	method   string
	loc      location
	sent     http.Header // nil if the head was made by the shortcut
	stream   StreamReader
	length   int64 // announced body bytes on the wire, -1 if unknown
	trailer  http.Header
	output   int64                // bytes of the request's body that were sent
	body     []byte               // what Read returned
	guard    *leakGuard           // debug mode only
	secured  *tls.ConnectionState // the connection there was, of a response without a body to a session's Transport
	upgraded *h1Conn              // the connection, if the answer was to switch the protocol and nobody has taken it
	uploaded bool                 // all of the request's body was sent
	surplus  bool                 // the server sent more than it had announced
	read     bool
	closed   bool
	final    bool // it was handed to the caller, not followed
}

// newResponse returns a response to r without a head. It has what the reading of the body needs, and
// does not refer to the call.
//
//go:noinline
func (c *call) newResponse(r *ClientRequest) *ClientResponse {
	resp := &ClientResponse{
		session: c.session, settings: c.opts.settings, clock: c.clock, trace: c.trace, ctx: c.ctx,
		method: r.Method, loc: *r.loc, sent: r.Headers,
	}
	resp.URL = &resp.loc.url
	resp.Content = &resp.stream
	resp.stream.resp = resp
	resp.stream.err = io.EOF // until there is a body
	return resp
}

// setHead takes over a parsed head.
func (r *ClientResponse) setHead(h *http1.Head) {
	r.Status, r.Reason, r.Headers = h.Status, h.Reason, h.Header
	r.Proto = "HTTP/1.1"
	if h.Minor == 0 {
		r.Proto = "HTTP/1.0"
	}
	r.length = h.ContentLength
	if h.NoBody {
		r.length = 0
	}
}

// setBody attaches the connection that will yield the body.
func (r *ClientResponse) setBody(source bodySource) {
	s := &r.stream
	s.source, s.err = source, nil
	r.watchLeak(source)
	if r.settings.decompress {
		if v := r.Headers["Content-Encoding"]; len(v) == 1 {
			if coding := codingOf(v[0]); coding != codingIdentity {
				s.pull = &pullReader{stream: s}
				s.decoder = r.session.decoders.decoder(coding, s.pull)
			}
		}
	}
}

func (r *ClientResponse) where(p Phase) Where {
	return Where{Method: r.method, URL: r.loc.text(), Phase: p}
}

func (r *ClientResponse) payloadError(err error) error {
	return &ClientPayloadError{Where: r.where(PhaseBody), Received: r.stream.raw, Expected: r.length, Err: err}
}

// OK reports whether the status is below 400.
func (r *ClientResponse) OK() bool { return r.Status < 400 }

// Method returns the method of the request that was answered.
func (r *ClientResponse) Method() string { return r.method }

// Host returns the host the response came from.
func (r *ClientResponse) Host() string { return r.loc.host }

// RequestInfo describes the request that was answered.
func (r *ClientResponse) RequestInfo() RequestInfo {
	sent := r.sent
	if sent == nil {
		sent = r.session.defaultHeaders(r.session.skipAuto)
	}
	return RequestInfo{Method: r.method, URL: r.URL, Headers: sent}
}

// The response as an errand.

func (r *ClientResponse) info() RequestInfo { return r.RequestInfo() }

func (r *ClientResponse) deadline(p Phase) time.Duration { return r.clock.from(p, r.session.loop) }

func (r *ClientResponse) expired(p Phase, deadline time.Duration) error {
	return r.clock.expired(r.where(p), deadline)
}

// Cookies returns the cookies the response sets, values as they came.
func (r *ClientResponse) Cookies() []*http.Cookie {
	var out []*http.Cookie
	for _, line := range r.Headers["Set-Cookie"] {
		if set, ok := parseSetCookie(line); ok {
			out = append(out, set.cookie(line))
		}
	}
	return out
}

// ContentLength is the announced length of the body on the wire, or -1.
func (r *ClientResponse) ContentLength() int64 {
	n, err := strconv.ParseInt(r.Headers.Get("Content-Length"), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// ContentType is the media type of the body, without parameters, in lower case. If
// the server names none it is application/octet-stream.
func (r *ClientResponse) ContentType() string {
	v, _, _ := strings.Cut(r.Headers.Get("Content-Type"), ";")
	if v = asciiLower(strings.TrimSpace(v)); v == "" {
		return typeBinary
	}
	return v
}

// Charset is the charset parameter of Content-Type, or "".
func (r *ClientResponse) Charset() string {
	_, params, err := mime.ParseMediaType(r.Headers.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return params["charset"]
}

// Trailer returns the headers that followed a chunked body. It is complete once the
// body was read.
func (r *ClientResponse) Trailer() http.Header { return r.trailer }

// Closed reports whether the response no longer holds a connection.
func (r *ClientResponse) Closed() bool { return r.stream.source == nil }

// Read reads the whole body and keeps it, so that Text and JSON may follow, and even
// Close. It suspends until the body is complete. If it breaks off, the error is a
// *ClientPayloadError and what came is returned with it; if ctx ends first the
// connection is closed.
func (r *ClientResponse) Read(ctx context.Context) ([]byte, error) {
	if r.read {
		return r.body, nil
	}
	body, err := r.stream.readAll(ctx, []byte{})
	if err != nil {
		return body, err
	}
	r.body, r.read = body, true
	return body, nil
}

// ReadInto reads the whole body behind what dst holds and returns the extended
// slice, which is dst's memory if that has room enough: for loops that want to spare
// the garbage collector large bodies. Unlike Read it keeps nothing. It suspends as
// Read does.
func (r *ClientResponse) ReadInto(ctx context.Context, dst []byte) ([]byte, error) {
	if r.read {
		return append(dst, r.body...), nil
	}
	return r.stream.readAll(ctx, dst)
}

// maxTrust is how much is allocated on the word of a Content-Length alone. A longer
// body is let in piece by piece: whoever lies has to send it.
const maxTrust = 32 << 20

// readAll appends everything up to the end to out. A body of known length is read
// straight into the slice that is returned.
func (s *StreamReader) readAll(ctx context.Context, out []byte) ([]byte, error) {
	if err := s.enter(); err != nil {
		return out, err
	}
	defer s.leave()
	size := int64(len(s.buf) - s.off)
	if known := s.resp.length - s.raw; s.resp.length > 0 && s.decoder == nil && s.source != nil {
		size += min(known, maxTrust) + 1 // a read that comes up short tells that nothing else is there
	} else if s.source != nil {
		size += max(512, int64(s.source.buffered()))
	}
	if size == 0 && s.err == io.EOF {
		return out, nil
	}
	if int64(cap(out)-len(out)) < size {
		out = append(make([]byte, 0, int64(len(out))+size), out...)
	}
	s.gathering = true
	for {
		n, err := s.read(ctx, out[len(out):cap(out)])
		out = out[:len(out)+n]
		switch {
		case err == io.EOF:
			return out, nil
		case err != nil:
			return out, err
		case s.err == io.EOF && s.off == len(s.buf):
			return out, nil
		case len(out) == cap(out):
			out = grow(out, s.resp.settings.bufferSize)
		}
	}
}

// grow makes room for more, doubling, with a step large enough for one read.
func grow(b []byte, step int) []byte {
	room := max(len(b), min(step, 4096))
	out := make([]byte, len(b), len(b)+room)
	copy(out, b)
	return out
}

// JSONOption changes what JSON accepts.
type JSONOption func(*jsonOptions)

type jsonOptions struct{ anyType bool }

// WithAnyContentType has JSON decode the body whatever its Content-Type says.
func WithAnyContentType() JSONOption { return func(o *jsonOptions) { o.anyType = true } }

// JSON reads the whole body and decodes it into v. Unless the media type is
// application/json or ends in +json the error is a *ContentTypeError and nothing is
// read. A charset that Content-Type names is heeded. It suspends as Read does. A body of
// more than 64 KiB is decoded on another goroutine, so that the loop goes on: methods
// UnmarshalJSON must not use the loop's data, and when ctx ends in the middle its error is
// returned once the decoding is over.
func (r *ClientResponse) JSON(ctx context.Context, v any, opts ...JSONOption) error {
	var o jsonOptions
	for _, opt := range opts {
		opt(&o)
	}
	if t := r.ContentType(); !o.anyType && t != typeJSON && !strings.HasSuffix(t, "+json") {
		return &ContentTypeError{r.responseError("attempt to decode JSON with unexpected content type " + strconv.Quote(clip(t)) + ": WithAnyContentType decodes it all the same")}
	}
	body, err := r.Read(ctx)
	if err != nil {
		return err
	}
	if len(body) > offloadSize {
		return offload(ctx, func() error { return r.decodeJSON(body, v) })
	}
	return r.decodeJSON(body, v)
}

// decodeJSON runs on another goroutine if the body is large.
func (r *ClientResponse) decodeJSON(body []byte, v any) error {
	if name := r.Charset(); name != "" {
		text, err := decodeText(body, name)
		if err != nil {
			return r.payloadError(err)
		}
		body = []byte(text)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return r.payloadError(fmt.Errorf("decode JSON: %w", err))
	}
	return nil
}

// DecodeJSON reads the whole body of r and decodes it into a T; see
// ClientResponse.JSON.
func DecodeJSON[T any](ctx context.Context, r *ClientResponse, opts ...JSONOption) (T, error) {
	var v T
	err := r.JSON(ctx, &v, opts...)
	return v, err
}

// responseError refuses the answer for what its head says.
func (r *ClientResponse) responseError(message string) ClientResponseError {
	return ClientResponseError{
		Where: r.where(PhaseHeader), RequestInfo: r.RequestInfo(), History: r.History,
		Status: r.Status, Message: message, Headers: r.Headers,
	}
}

// RaiseForStatus returns a *ClientResponseError if the status is 400 or more. The
// body stays readable; closing the response stays the caller's business.
func (r *ClientResponse) RaiseForStatus() error {
	if r.OK() {
		return nil
	}
	reason := r.Reason
	if reason == "" {
		reason = http.StatusText(r.Status)
	}
	e := r.responseError(reason)
	return &e
}

// Close ends the response. A body that was not read to its end, and whose rest is
// not already there, costs the connection. What Read has returned before stays
// available. Close is idempotent and never suspends; its error is always nil.
func (r *ClientResponse) Close() error {
	r.Release()
	if r.stream.source != nil {
		r.stream.abort(r.closedError())
	}
	if !r.stream.reading {
		r.stream.dropBuffer()
	}
	if h := r.upgraded; h != nil {
		r.upgraded = nil
		h.abort()
	}
	if !r.closed {
		r.closed = true
		r.session.responseClosed(r)
	}
	return nil
}

func (r *ClientResponse) closedError() error {
	return &ClientConnectionError{Where: r.where(PhaseBody), Err: ErrResponseClosed}
}

// Release gives the connection back to the pool if what is left of the body is
// already there, and leaves the response open otherwise. It never suspends.
func (r *ClientResponse) Release() {
	s := &r.stream
	if s.reading || s.source == nil {
		return
	}
	n, err := s.source.discardBuffered(r)
	s.raw += int64(n)
	if n > 0 || err != nil {
		s.abandonTaps(errNotRead)
	}
	if err != nil {
		s.detach()
		s.abort(r.closedError())
	}
}

// Discard ends a response that is not wanted. If what is left of its body is known to be small it is
// read first, undecoded, so that the connection survives; for that Discard suspends, and no longer
// than the limits of the request allow. The error is that of ctx or of the total limit; the response is
// closed all the same.
func (r *ClientResponse) Discard(ctx context.Context) error {
	defer r.Close()
	return r.finishSmall(ctx, maxRedirectDrain)
}

// finishSmall ends a response that is not wanted. If its rest is known to be small
// it is read, undecoded, so that the connection survives.
func (r *ClientResponse) finishSmall(ctx context.Context, most int64) error {
	s := &r.stream
	if left := r.length - s.raw; r.length >= 0 && left <= most && s.source != nil {
		var scrap [2048]byte
		for s.source != nil {
			if _, err := s.fetchRaw(ctx, scrap[:]); err != nil && (ctx.Err() != nil || errors.Is(err, ErrTotalTimeout)) {
				return err
			}
		}
	}
	return r.Close()
}
