package web

// HTTP errors: how a handler leaves with a status from anywhere in its call tree.
//
//	error
//	├── ResponseError         any error that knows the response it stands for
//	│   └── *HTTPError        the one made by HTTPNotFound, HTTPFound and their siblings
//	├── *RouteError           a route that cannot be registered
//	├── ErrConnectionLost     the client is gone
//	├── ErrResponseSent       a response used twice, or changed too late
//	├── ErrBodyMisuse         two readers on one request body
//	├── ErrLineTooLong         a line of a request body longer than the read buffer
//	├── *HeaderError           a response head that cannot be sent
//	└── ErrContentLength      a body that is not as long as its header said
//
// Returning such an error and wrapping it are the same: the chain is searched with errors.As. Middlewares see the
// error, not the response made from it.

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

var (
	// ErrConnectionLost is returned by reads and writes once the client is gone.
	ErrConnectionLost = errors.New("web: connection lost")
	// ErrResponseSent is returned when a response is used for a second request or written to after its end.
	ErrResponseSent = errors.New("web: response already sent")
	// ErrBodyMisuse is returned when a second task reads a request body while a first one waits for it.
	ErrBodyMisuse = errors.New("web: request body is being read by another task")
	// ErrLineTooLong is returned by ReadLine for a line longer than the read buffer.
	ErrLineTooLong = errors.New("web: line in request body is too long")
	// ErrContentLength is returned when more or less is written than the Content-Length header announced.
	ErrContentLength = errors.New("web: body does not have the announced length")
)

// ResponseError is an error that stands for a response. An application's own error types may implement it.
type ResponseError interface {
	error
	Response() AnyResponse
}

// HTTPError is an error with a status. Two of them are the same for errors.Is if they have the same status, so
// errors.Is(err, HTTPNotFound()) asks whether err is a 404. In Python: HTTPException.
type HTTPError struct {
	Status      int
	Reason      string      // "": the standard one
	Text        string      // "": status and reason
	ContentType string      // "": text/plain
	Headers     http.Header // nil: none
	Err         error       // the cause, for the log; it is not sent
	cookies     []*http.Cookie
}

// NewHTTPError makes an error with any status from 200 to 599. It panics with any other.
func NewHTTPError(status int, opts ...ErrorOption) *HTTPError {
	if status < 200 || status > 599 {
		panic("web: NewHTTPError takes a status from 200 to 599, got " + strconv.Itoa(status))
	}
	e := &HTTPError{Status: status}
	for _, opt := range opts {
		opt.applyError(e)
	}
	return e
}

// Error gives the status, the reason and the cause.
func (e *HTTPError) Error() string {
	text := "web: " + e.line()
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *HTTPError) line() string {
	return strconv.Itoa(e.Status) + " " + reasonFor(e.Status, e.Reason)
}

// Unwrap returns the cause.
func (e *HTTPError) Unwrap() error { return e.Err }

// Is reports whether target is an HTTPError with the same status.
func (e *HTTPError) Is(target error) bool {
	other, ok := target.(*HTTPError)
	return ok && other.Status == e.Status
}

// SetHeader sets a header of the response.
func (e *HTTPError) SetHeader(name, value string) {
	if e.Headers == nil {
		e.Headers = make(http.Header)
	}
	e.Headers.Set(name, value)
}

// SetCookie adds a cookie to the response.
func (e *HTTPError) SetCookie(c *http.Cookie) { e.cookies = append(e.cookies, c) }

// Response makes the response the error stands for, a new one each time.
func (e *HTTPError) Response() AnyResponse {
	r := &Response{
		Status:      e.Status,
		Reason:      e.Reason,
		Headers:     e.Headers.Clone(),
		ContentType: e.ContentType,
		Text:        e.Text,
	}
	if r.Text == "" && !bodyless(e.Status) {
		r.Text = strconv.Itoa(e.Status) + ": " + reasonFor(e.Status, e.Reason)
	}
	r.cookies = append(r.cookies, e.cookies...)
	return r
}

// ErrorOption is an option of an [HTTPError].
type ErrorOption interface{ applyError(*HTTPError) }

type errorOption func(*HTTPError)

func (f errorOption) applyError(e *HTTPError) { f(e) }

// WithText sets the body. Default: the status and the reason.
func WithText(text string) ErrorOption { return errorOption(func(e *HTTPError) { e.Text = text }) }

// WithReason sets the reason phrase. Default: the standard one.
func WithReason(reason string) ErrorOption {
	return errorOption(func(e *HTTPError) { e.Reason = reason })
}

// WithContentType sets the type of the body. Default: text/plain.
func WithContentType(t string) ErrorOption {
	return errorOption(func(e *HTTPError) { e.ContentType = t })
}

// WithHeader sets a header. Default: none but those the status demands.
func WithHeader(name, value string) ErrorOption {
	return errorOption(func(e *HTTPError) { e.SetHeader(name, value) })
}

// WithCause records what led to the error; it goes to the log, not to the client. Default: nothing.
func WithCause(err error) ErrorOption { return errorOption(func(e *HTTPError) { e.Err = err }) }

// reasonFor returns the given reason phrase, or the standard one.
func reasonFor(status int, reason string) string {
	if reason != "" {
		return reason
	}
	if text := http.StatusText(status); text != "" {
		return text
	}
	return "Unknown"
}

// responseTo finds the response an error stands for, nil if it stands for none.
func responseTo(err error) AnyResponse {
	var re ResponseError
	if !errors.As(err, &re) {
		return nil
	}
	return re.Response()
}

// locationError makes a redirect. An empty location is a bug in the caller.
func locationError(status int, location string, opts []ErrorOption) *HTTPError {
	if location == "" {
		panic(fmt.Sprintf("web: HTTP %d needs a location, got an empty one", status))
	}
	e := NewHTTPError(status, opts...)
	e.SetHeader("Location", location)
	return e
}
