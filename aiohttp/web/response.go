package web

// Responses that are complete when the handler returns them: a status, headers and a body in memory. They go out in
// one write, head and body together.

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// AnyResponse is what handlers return: a [*Response], a [*StreamResponse], a [*FileResponse], or a struct that embeds
// one of them. Middlewares use its methods to look at a response and to add to it before it is sent.
type AnyResponse interface {
	// StatusCode returns the status that is or will be sent.
	StatusCode() int
	// Header returns the headers that will be sent, made if there were none.
	Header() http.Header
	// SetCookie adds a cookie.
	SetCookie(c *http.Cookie)
	// ForceClose makes the connection close after this response.
	ForceClose()
	// Prepared reports whether the head has been sent.
	Prepared() bool
	// BodyLength returns the number of body bytes sent so far.
	BodyLength() int64
	// Prepare sends the head; a second call does nothing. Handlers need it for streaming only.
	Prepare(ctx context.Context, req *Request) error
	// WriteEOF sends what is left of the response and ends it; a second call does nothing.
	WriteEOF(ctx context.Context) error

	base() *outgoing
	head() responseHead
}

// Response is a response with its whole body in memory. The zero value is an empty 200. It belongs to one request.
type Response struct {
	Status      int         // 0: 200
	Reason      string      // "": the standard one
	Headers     http.Header // nil: none
	ContentType string      // "": text/plain for Text, application/octet-stream for Body
	Charset     string      // "": utf-8 for Text, none for Body
	Text        string
	Body        []byte // used when Text is empty; it must not change until the response is sent

	outgoing
}

// Text makes a text/plain response.
func Text(text string) *Response { return &Response{Text: text} }

// JSONResponse makes a response from v, encoded when the function is called. A value that cannot be encoded makes a
// response that fails when it is sent, which the client sees as a 500. In Python: json_response.
func JSONResponse(v any) *Response {
	body, err := json.Marshal(v)
	r := &Response{Body: body, ContentType: "application/json", Charset: "utf-8"}
	if err != nil {
		r.fault = fmt.Errorf("web: encode JSON response: %w", err)
	}
	return r
}

// WithStatus sets the status and returns r, so that it can be chained.
func (r *Response) WithStatus(status int) *Response {
	r.Status = status
	return r
}

// StatusCode implements [AnyResponse].
func (r *Response) StatusCode() int { return statusOr200(r.Status) }

// Header implements [AnyResponse].
func (r *Response) Header() http.Header {
	if r.Headers == nil {
		r.Headers = make(http.Header)
	}
	return r.Headers
}

// Prepare implements [AnyResponse]. It sends the head alone; a response returned from its handler without it goes out
// in one piece.
func (r *Response) Prepare(ctx context.Context, req *Request) error {
	return r.prepare(ctx, r, req)
}

// WriteEOF implements [AnyResponse]: it sends the body.
func (r *Response) WriteEOF(ctx context.Context) error {
	switch r.state {
	case responseFresh:
		return errNotPrepared
	case responseEnded:
		return nil
	}
	err := error(nil)
	if r.Text != "" {
		err = r.conn.sendText(&r.outgoing, r.Text)
	} else {
		err = r.conn.sendBody(&r.outgoing, r.Body)
	}
	if err != nil {
		return err
	}
	return r.end(ctx)
}

func (r *Response) length() int64 {
	if r.Text != "" {
		return int64(len(r.Text))
	}
	return int64(len(r.Body))
}

func (r *Response) head() responseHead {
	return responseHead{
		status:      r.StatusCode(),
		reason:      r.Reason,
		headers:     r.Headers,
		cookies:     r.cookies,
		contentType: r.contentType(),
		length:      r.length(),
	}
}

func (r *Response) contentType() string {
	t, charset := r.ContentType, r.Charset
	switch {
	case r.Text != "":
		if t == "" && (charset == "" || charset == "utf-8") {
			return "text/plain; charset=utf-8"
		}
		if t == "" {
			t = "text/plain"
		}
		if charset == "" {
			charset = "utf-8"
		}
	case t == "" && len(r.Body) > 0:
		t = "application/octet-stream"
	case t == "application/json" && charset == "utf-8":
		return "application/json; charset=utf-8"
	}
	if t != "" && charset != "" {
		return t + "; charset=" + charset
	}
	return t
}

func statusOr200(status int) int {
	if status == 0 {
		return http.StatusOK
	}
	return status
}
