package web

// Responses whose body is written piece by piece, and the part that all responses share: the life from fresh over
// prepared to ended, with the count of bytes that keeps the body as long as its header said.

import (
	"context"
	"errors"
	"io"
	"net/http"
)

// StreamResponse is a response whose body the handler writes itself:
//
//	resp := &web.StreamResponse{ContentType: "text/event-stream"}
//	if err := resp.Prepare(ctx, req); err != nil {
//		return nil, err
//	}
//	for … {
//		if err := resp.Write(ctx, data); err != nil {
//			return nil, err
//		}
//	}
//	return resp, nil
//
// With a Content-Length header exactly that much has to be written; without one, HTTP/1.1 clients get chunks.
// The zero value is a 200 of type application/octet-stream. It belongs to one request.
type StreamResponse struct {
	Status      int         // 0: 200
	Reason      string      // "": the standard one
	Headers     http.Header // nil: none
	ContentType string      // "": application/octet-stream

	outgoing
}

// StatusCode implements [AnyResponse].
func (s *StreamResponse) StatusCode() int { return statusOr200(s.Status) }

// Header implements [AnyResponse].
func (s *StreamResponse) Header() http.Header {
	if s.Headers == nil {
		s.Headers = make(http.Header)
	}
	return s.Headers
}

// Prepare sends the head; after it, status and headers are fixed. It suspends only if a prepare hook does. It fails
// with [ErrConnectionLost] if the client is gone and [ErrResponseSent] if the response was used before.
func (s *StreamResponse) Prepare(ctx context.Context, req *Request) error {
	return s.prepare(ctx, s, req)
}

// Write sends a piece of the body. It suspends while the client takes data more slowly than it is written, and only
// then; cancellation ends the wait, the data stays on its way. It fails with [ErrConnectionLost] once the client is
// gone, with [ErrContentLength] beyond the announced length. p is not kept.
func (s *StreamResponse) Write(ctx context.Context, p []byte) error { return s.write(ctx, p) }

// WriteEOF ends the body. Returning the response from the handler does the same.
func (s *StreamResponse) WriteEOF(ctx context.Context) error {
	switch s.state {
	case responseFresh:
		return errNotPrepared
	case responseEnded:
		return nil
	}
	return s.end(ctx)
}

// Writer returns an [io.Writer] that writes to the body with ctx, for encoders and templates.
func (s *StreamResponse) Writer(ctx context.Context) io.Writer { return bodyWriter{ctx, s} }

type bodyWriter struct {
	ctx context.Context
	s   *StreamResponse
}

func (w bodyWriter) Write(p []byte) (int, error) {
	if err := w.s.write(w.ctx, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (s *StreamResponse) head() responseHead {
	contentType := s.ContentType
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	return responseHead{
		status:      s.StatusCode(),
		reason:      s.Reason,
		headers:     s.Headers,
		cookies:     s.cookies,
		contentType: contentType,
		length:      lengthUnknown,
	}
}

// responseState is where a response is in its life.
type responseState uint8

const (
	responseFresh    responseState = iota // nothing sent
	responsePrepared                      // head sent, body open
	responseEnded                         // all sent, or given up
)

// String names the state.
func (s responseState) String() string {
	return [...]string{"fresh", "prepared", "ended"}[s]
}

var errNotPrepared = errors.New("web: WriteEOF before Prepare")

// outgoing is the part all responses share.
type outgoing struct {
	req        *Request // it answers, once prepared
	conn       *conn
	cookies    []*http.Cookie
	fault      error // why the response cannot be sent
	values     valueStore
	sent       int64 // body bytes handed to the connection
	left       int64 // body bytes still owed, with framingLength
	framing    framing
	status     int // as sent
	state      responseState
	forceClose bool
	keepAlive  bool
}

func (o *outgoing) base() *outgoing { return o }

// SetCookie adds a cookie to the response.
func (o *outgoing) SetCookie(c *http.Cookie) { o.cookies = append(o.cookies, c) }

// DelCookie tells the client to forget a cookie. Path and domain have to be those it was set with.
func (o *outgoing) DelCookie(name, path, domain string) {
	o.SetCookie(&http.Cookie{Name: name, Path: path, Domain: domain, MaxAge: -1})
}

// ForceClose makes the connection close after this response.
func (o *outgoing) ForceClose() { o.forceClose = true }

// Prepared reports whether the head has been sent.
func (o *outgoing) Prepared() bool { return o.state != responseFresh }

// BodyLength returns the number of body bytes sent so far.
func (o *outgoing) BodyLength() int64 { return o.sent }

// prepare runs the hooks and sends the head of self.
func (o *outgoing) prepare(ctx context.Context, self AnyResponse, req *Request) error {
	if o.state != responseFresh {
		if o.req != req {
			return ErrResponseSent
		}
		return nil
	}
	if err := req.app.beforePrepare(ctx, req, self); err != nil {
		return err
	}
	return req.conn.sendHead(req, self)
}

// write sends a piece of the body and waits while too much is on its way.
func (o *outgoing) write(ctx context.Context, p []byte) error {
	switch o.state {
	case responseFresh:
		return errNotPrepared
	case responseEnded:
		return ErrResponseSent
	}
	if err := o.conn.sendBody(o, p); err != nil {
		return err
	}
	return o.conn.drain(ctx)
}

// end closes the body.
func (o *outgoing) end(ctx context.Context) error {
	if err := o.conn.sendEnd(o); err != nil {
		return err
	}
	return o.conn.drain(ctx)
}
