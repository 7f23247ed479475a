package aiohttp

// Errors of the client.
//
// Every leaf is one struct and names the request and the phase it had reached
// (Where). Every inner node is a sentinel for errors.Is, so that callers choose
// how closely to look:
//
//	ErrClient
//	├─ *ClientResponseError            the answer was not acceptable
//	│   ├─ *ContentTypeError           JSON asked for, something else came
//	│   ├─ *ClientHTTPProxyError       a proxy refused a tunnel
//	│   └─ *TooManyRedirects           the redirect limit was reached
//	├─ ErrClientConnection  *ClientConnectionError
//	│   ├─ *ClientConnectionResetError the peer or the system cut the connection
//	│   ├─ ErrClientOS  *ClientOSError
//	│   │   └─ ErrClientConnector  *ClientConnectorError
//	│   │       ├─ *ClientConnectorDNSError
//	│   │       ├─ *ClientProxyConnectionError
//	│   │       ├─ *UnixClientConnectorError
//	│   │       └─ ErrClientSSL
//	│   │           ├─ *ClientConnectorSSLError
//	│   │           └─ *ClientConnectorCertificateError
//	│   └─ ErrServerConnection
//	│       ├─ *ServerDisconnectedError
//	│       ├─ *ServerFingerprintMismatch
//	│       ├─ *HTTP2Error               a stream was reset, or its connection ended
//	│       └─ ErrServerTimeout
//	│           ├─ *ConnectionTimeoutError   ErrPoolTimeout ErrDNSTimeout ErrDialTimeout ErrTLSTimeout
//	│           └─ *SocketTimeoutError       ErrWriteTimeout ErrResponseHeaderTimeout ErrReadIdleTimeout
//	├─ *TotalTimeoutError              ErrTotalTimeout
//	├─ *InvalidRequestError            the request cannot be sent as it was asked for
//	├─ *ClientPayloadError             a body broke off, did not decode, or could not be sent
//	├─ ErrInvalidURL
//	│   ├─ *InvalidURLClientError
//	│   └─ *InvalidURLRedirectClientError      also ErrRedirectClient
//	└─ ErrNonHTTPURL
//	    ├─ *NonHTTPURLClientError
//	    └─ *NonHTTPURLRedirectClientError      also ErrRedirectClient
//
// A type nested under another one also matches errors.As of its parent where
// the parent is a struct: a *TooManyRedirects is found as *ClientResponseError.
// The timeouts answer Timeout() with true and match os.ErrDeadlineExceeded and
// context.DeadlineExceeded. Cancellation is not in the tree: a cancelled call
// returns the error of its context.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"
)

// class is an inner node of the tree: a sentinel that knows its parents.
type class struct {
	text    string
	parents []*class
}

func (c *class) Error() string { return c.text }

// Is lets errors.Is climb from one sentinel to those above it.
func (c *class) Is(target error) bool { return c.within(target) }

func (c *class) within(target error) bool {
	if target == error(c) {
		return true
	}
	for _, p := range c.parents {
		if p.within(target) {
			return true
		}
	}
	return false
}

func newClass(text string, parents ...*class) *class {
	return &class{text: "aiohttp: " + text, parents: parents}
}

var (
	classClient            = newClass("client error")
	classResponse          = newClass("response error", classClient)
	classConnection        = newClass("connection error", classClient)
	classOS                = newClass("system error", classConnection)
	classConnector         = newClass("cannot connect", classOS)
	classSSL               = newClass("TLS error", classConnector)
	classServerConnection  = newClass("server connection error", classConnection)
	classServerTimeout     = newClass("server timeout", classServerConnection)
	classConnectionTimeout = newClass("connection timeout", classServerTimeout)
	classSocketTimeout     = newClass("socket timeout", classServerTimeout)
	classPayload           = newClass("payload error", classClient)
	classRedirect          = newClass("redirect refused", classClient)
	classInvalidURL        = newClass("invalid URL", classClient)
	classNonHTTPURL        = newClass("not an HTTP URL", classClient)
	classSessionClosed     = newClass("session is closed", classConnection)

	classPoolTimeout   = newClass("pool timeout", classConnectionTimeout)
	classDNSTimeout    = newClass("DNS timeout", classConnectionTimeout)
	classDialTimeout   = newClass("dial timeout", classConnectionTimeout)
	classTLSTimeout    = newClass("TLS timeout", classConnectionTimeout)
	classWriteTimeout  = newClass("write timeout", classSocketTimeout)
	classHeaderTimeout = newClass("response header timeout", classSocketTimeout)
	classIdleTimeout   = newClass("read idle timeout", classSocketTimeout)
	classTotalTimeout  = newClass("total timeout", classClient)
)

// Sentinels for the inner nodes of the tree; compare with errors.Is.
var (
	ErrClient           error = classClient           // any error of the client
	ErrClientConnection error = classConnection       // the connection could not be had or was lost
	ErrClientOS         error = classOS               // the operating system reported an error
	ErrClientConnector  error = classConnector        // no connection to the host
	ErrClientSSL        error = classSSL              // TLS could not be established
	ErrServerConnection error = classServerConnection // the server gave up on the connection
	ErrServerTimeout    error = classServerTimeout    // the server was too slow in one phase
	ErrClientPayload    error = classPayload          // a body is not complete or not valid
	ErrRedirectClient   error = classRedirect         // a Location that cannot be followed
	ErrInvalidURL       error = classInvalidURL       // the URL is malformed
	ErrNonHTTPURL       error = classNonHTTPURL       // the URL's scheme is not http or https
	ErrSessionClosed    error = classSessionClosed    // the session or its connector is closed
)

// Sentinels for the single timeouts of ClientTimeout; compare with errors.Is.
var (
	ErrPoolTimeout           error = classPoolTimeout
	ErrDNSTimeout            error = classDNSTimeout
	ErrDialTimeout           error = classDialTimeout
	ErrTLSTimeout            error = classTLSTimeout
	ErrWriteTimeout          error = classWriteTimeout
	ErrResponseHeaderTimeout error = classHeaderTimeout
	ErrReadIdleTimeout       error = classIdleTimeout
	ErrTotalTimeout          error = classTotalTimeout
)

var (
	// ErrBodyConsumed is the reason inside a *ClientPayloadError when a request
	// body would have to be sent again and its source cannot be rewound.
	ErrBodyConsumed = errors.New("aiohttp: request body is already consumed and cannot be sent again")
	// ErrResponseClosed is the reason when a response is read after Close, or
	// after its session was closed.
	ErrResponseClosed = errors.New("aiohttp: connection closed")
	// ErrBodyTooLarge is the reason inside a *ClientPayloadError when a decoded
	// body is longer than WithMaxBody allows.
	ErrBodyTooLarge = errors.New("aiohttp: response body is larger than allowed")
	// ErrConcurrentRead is returned to the second of two tasks that read one
	// response at the same time.
	ErrConcurrentRead = errors.New("aiohttp: another task is already reading this response")
)

// Phase says how far a request had come.
type Phase uint8

// The phases in the order a request passes through them.
const (
	PhaseRequest  Phase = iota // checking and building the request, before any I/O
	PhasePool                  // waiting for a connection or for the right to open one
	PhaseDNS                   // looking up the host
	PhaseDial                  // connecting the socket
	PhaseProxy                 // having a proxy connect to the host
	PhaseTLS                   // the TLS handshake
	PhaseWrite                 // sending head and body
	PhaseHeader                // waiting for the response head
	PhaseBody                  // reading the response body
	PhaseRedirect              // following a Location
)

var phaseNames = [...]string{"request", "pool", "resolve", "dial", "proxy", "TLS handshake", "write request", "response header", "response body", "redirect"}

// String returns the phase as it appears in error texts.
func (p Phase) String() string {
	if int(p) < len(phaseNames) {
		return phaseNames[p]
	}
	return "phase(" + strconv.Itoa(int(p)) + ")"
}

// Where names the request an error belongs to and the phase it had reached.
// The URL carries no password.
type Where struct {
	Method string
	URL    string
	Phase  Phase
}

func (w Where) text(reason string) string {
	return w.Method + " " + w.URL + ": " + w.Phase.String() + ": " + reason
}

func (w Where) wrapped(err error) string {
	if err == nil {
		return w.text("unknown reason")
	}
	return w.text(err.Error())
}

// Located returns where the request stood; it lets code handle every error of
// this package alike through errors.As and an interface with this method.
func (w Where) Located() Where { return w }

// RequestInfo is what an error or a response remembers of its request.
type RequestInfo struct {
	Method  string
	URL     *url.URL
	Headers http.Header
}

// ClientResponseError reports an answer that was refused: a status of 400 or
// more under RaiseForStatus, or a response head that is not valid HTTP (then
// Status is 400 and Err gives the defect).
type ClientResponseError struct {
	Where
	RequestInfo RequestInfo
	History     []*ClientResponse
	Status      int
	Message     string
	Headers     http.Header
	Err         error
}

func (e *ClientResponseError) Error() string {
	return e.text(strconv.Itoa(e.Status) + ", " + e.Message)
}
func (e *ClientResponseError) Is(target error) bool { return classResponse.within(target) }
func (e *ClientResponseError) Unwrap() error        { return e.Err }

// ContentTypeError reports a response whose media type is not the one asked for.
type ContentTypeError struct{ ClientResponseError }

func (e *ContentTypeError) Unwrap() error { return &e.ClientResponseError }

// TooManyRedirects reports that the redirect limit was reached; History holds
// the responses passed through and RequestInfo the first request.
type TooManyRedirects struct{ ClientResponseError }

func (e *TooManyRedirects) Unwrap() error { return &e.ClientResponseError }

// ClientConnectionError reports that no connection could be used, for a reason
// that is not the system's: for example the session was closed meanwhile.
type ClientConnectionError struct {
	Where
	Err error
}

func (e *ClientConnectionError) Error() string        { return e.wrapped(e.Err) }
func (e *ClientConnectionError) Is(target error) bool { return classConnection.within(target) }
func (e *ClientConnectionError) Unwrap() error        { return e.Err }

// ClientConnectionResetError reports a connection that was reset or broken by
// the peer; Err unwraps to the system's error (syscall.ECONNRESET, syscall.EPIPE).
type ClientConnectionResetError struct {
	Where
	Err error
}

func (e *ClientConnectionResetError) Error() string        { return e.wrapped(e.Err) }
func (e *ClientConnectionResetError) Is(target error) bool { return classConnection.within(target) }
func (e *ClientConnectionResetError) Unwrap() error        { return e.Err }

// ClientOSError reports an error of the operating system on an open connection.
type ClientOSError struct {
	Where
	Err error
}

func (e *ClientOSError) Error() string        { return e.wrapped(e.Err) }
func (e *ClientOSError) Is(target error) bool { return classOS.within(target) }
func (e *ClientOSError) Unwrap() error        { return e.Err }

// ClientConnectorError reports that a host could not be connected to.
type ClientConnectorError struct {
	Where
	Host string
	Port string
	TLS  bool
	Err  error
}

func (e *ClientConnectorError) Error() string {
	return e.text(connectTo(net.JoinHostPort(e.Host, e.Port), e.Err))
}
func (e *ClientConnectorError) Is(target error) bool { return classConnector.within(target) }
func (e *ClientConnectorError) Unwrap() error        { return e.Err }

// ClientConnectorDNSError reports a host name that could not be resolved.
type ClientConnectorDNSError struct{ ClientConnectorError }

func (e *ClientConnectorDNSError) Error() string { return e.wrapped(e.Err) }
func (e *ClientConnectorDNSError) Unwrap() error { return &e.ClientConnectorError }

// ClientProxyConnectionError reports that the proxy of a request could not be connected
// to; Host and Port are the proxy's. A failure of DNS or TLS is found inside it as the
// error it would be without a proxy.
type ClientProxyConnectionError struct {
	ClientConnectorError
	cause error // what it is without the proxy
}

func (e *ClientProxyConnectionError) Error() string {
	return e.text("proxy " + net.JoinHostPort(e.Host, e.Port) + ": " + dialReason(e.Err))
}
func (e *ClientProxyConnectionError) Unwrap() error {
	if e.cause == nil {
		return &e.ClientConnectorError
	}
	return e.cause
}

// ClientHTTPProxyError reports a proxy that was asked for a tunnel and answered
// otherwise: Status, Message and Headers are those of its answer.
type ClientHTTPProxyError struct{ ClientResponseError }

func (e *ClientHTTPProxyError) Unwrap() error { return &e.ClientResponseError }

// UnixClientConnectorError reports a Unix socket that could not be connected to.
type UnixClientConnectorError struct {
	ClientConnectorError
	Path string
}

func (e *UnixClientConnectorError) Error() string {
	return e.text(connectTo(e.Path, e.Err))
}
func (e *UnixClientConnectorError) Unwrap() error { return &e.ClientConnectorError }

// ClientConnectorSSLError reports a TLS handshake that broke off.
type ClientConnectorSSLError struct{ ClientConnectorError }

func (e *ClientConnectorSSLError) Is(target error) bool { return classSSL.within(target) }
func (e *ClientConnectorSSLError) Unwrap() error        { return &e.ClientConnectorError }

// ClientConnectorCertificateError reports a certificate that was not accepted;
// Err is the verification error of crypto/x509.
type ClientConnectorCertificateError struct{ ClientConnectorError }

func (e *ClientConnectorCertificateError) Is(target error) bool { return classSSL.within(target) }
func (e *ClientConnectorCertificateError) Unwrap() error        { return &e.ClientConnectorError }

// ServerDisconnectedError reports a connection the server closed before it had
// sent a complete response head.
type ServerDisconnectedError struct {
	Where
	Err error
}

func (e *ServerDisconnectedError) Error() string        { return e.text("server disconnected") }
func (e *ServerDisconnectedError) Is(target error) bool { return classServerConnection.within(target) }
func (e *ServerDisconnectedError) Unwrap() error        { return e.Err }

// ServerFingerprintMismatch reports a certificate other than the pinned one.
type ServerFingerprintMismatch struct {
	Where
	Host     string
	Port     string
	Expected []byte
	Got      []byte
}

func (e *ServerFingerprintMismatch) Error() string {
	return e.text(fmt.Sprintf("certificate fingerprint of %s:%s is %x, want %x", e.Host, e.Port, e.Got, e.Expected))
}
func (e *ServerFingerprintMismatch) Is(target error) bool {
	return classServerConnection.within(target)
}

// ConnectionTimeoutError reports that no connection was ready in time. Phase
// tells which limit it was: Pool, DNS, Dial or TLS of ClientTimeout.
type ConnectionTimeoutError struct {
	Where
	Limit time.Duration
}

// SocketTimeoutError reports a connection on which nothing moved for too long.
// Phase tells which limit it was: WriteRequest, ResponseHeader or ReadIdle.
type SocketTimeoutError struct {
	Where
	Limit time.Duration
}

// TotalTimeoutError reports that ClientTimeout.Total ran out; Phase tells what
// the request was doing then.
type TotalTimeoutError struct {
	Where
	Limit time.Duration
}

func (e *ConnectionTimeoutError) Error() string { return e.text("timeout after " + e.Limit.String()) }
func (e *SocketTimeoutError) Error() string     { return e.text("timeout after " + e.Limit.String()) }
func (e *TotalTimeoutError) Error() string {
	return e.text("total timeout after " + e.Limit.String())
}

// Timeout is true: the error satisfies net.Error's idea of a timeout.
func (e *ConnectionTimeoutError) Timeout() bool { return true }

// Timeout is true: the error satisfies net.Error's idea of a timeout.
func (e *SocketTimeoutError) Timeout() bool { return true }

// Timeout is true: the error satisfies net.Error's idea of a timeout.
func (e *TotalTimeoutError) Timeout() bool { return true }

func (e *ConnectionTimeoutError) Is(target error) bool {
	c := classDialTimeout
	switch e.Phase {
	case PhasePool:
		c = classPoolTimeout
	case PhaseDNS:
		c = classDNSTimeout
	case PhaseTLS:
		c = classTLSTimeout
	}
	return c.within(target) || isDeadline(target)
}

func (e *SocketTimeoutError) Is(target error) bool {
	c := classIdleTimeout
	switch e.Phase {
	case PhaseWrite:
		c = classWriteTimeout
	case PhaseHeader:
		c = classHeaderTimeout
	}
	return c.within(target) || isDeadline(target)
}

func (e *TotalTimeoutError) Is(target error) bool {
	return classTotalTimeout.within(target) || isDeadline(target)
}

func isDeadline(target error) bool {
	return target == os.ErrDeadlineExceeded || target == context.DeadlineExceeded
}

// InvalidRequestError reports arguments that make no valid request: a malformed
// method or header, options that exclude each other. Nothing was sent.
// CPython's aiohttp raises ValueError or TypeError here.
type InvalidRequestError struct {
	Where
	Err error
}

func (e *InvalidRequestError) Error() string        { return e.wrapped(e.Err) }
func (e *InvalidRequestError) Is(target error) bool { return classClient.within(target) }
func (e *InvalidRequestError) Unwrap() error        { return e.Err }

// ClientPayloadError reports a body, of the request or of the response, that is
// not complete or not valid. For a response, Received counts the body bytes that
// arrived, as they were on the wire, and Expected is the announced length, or -1.
type ClientPayloadError struct {
	Where
	Received int64
	Expected int64
	Err      error
}

func (e *ClientPayloadError) Error() string {
	if e.Expected > 0 && e.Received < e.Expected {
		return e.text(fmt.Sprintf("received %d of %d bytes: %v", e.Received, e.Expected, e.Err))
	}
	return e.wrapped(e.Err)
}
func (e *ClientPayloadError) Is(target error) bool { return classPayload.within(target) }
func (e *ClientPayloadError) Unwrap() error        { return e.Err }

// ContentEncodingError is the reason inside a *ClientPayloadError when a body is
// not valid in the coding its Content-Encoding names.
type ContentEncodingError struct {
	Coding string
	Err    error
}

func (e *ContentEncodingError) Error() string { return "decode " + e.Coding + ": " + reasonOf(e.Err) }
func (e *ContentEncodingError) Unwrap() error { return e.Err }

// InvalidURLClientError reports a URL that was refused before any I/O.
type InvalidURLClientError struct {
	Where
	Reason string
}

func (e *InvalidURLClientError) Error() string        { return e.text("invalid URL: " + e.Reason) }
func (e *InvalidURLClientError) Is(target error) bool { return classInvalidURL.within(target) }

// InvalidURLRedirectClientError reports a Location that is not a valid URL.
type InvalidURLRedirectClientError struct {
	Where
	Location string
	Reason   string
}

func (e *InvalidURLRedirectClientError) Error() string {
	return e.text(fmt.Sprintf("invalid location %q: %s", clip(e.Location), e.Reason))
}
func (e *InvalidURLRedirectClientError) Is(target error) bool {
	return classInvalidURL.within(target) || classRedirect.within(target)
}

// NonHTTPURLClientError reports a URL whose scheme is neither http nor https.
type NonHTTPURLClientError struct {
	Where
	Scheme string
}

func (e *NonHTTPURLClientError) Error() string {
	return e.text(fmt.Sprintf("scheme %q is not http or https", clip(e.Scheme)))
}
func (e *NonHTTPURLClientError) Is(target error) bool { return classNonHTTPURL.within(target) }

// NonHTTPURLRedirectClientError reports a Location whose scheme is neither http nor https.
type NonHTTPURLRedirectClientError struct {
	Where
	Location string
	Scheme   string
}

func (e *NonHTTPURLRedirectClientError) Error() string {
	return e.text(fmt.Sprintf("location %q: scheme is not http or https", clip(e.Location)))
}
func (e *NonHTTPURLRedirectClientError) Is(target error) bool {
	return classNonHTTPURL.within(target) || classRedirect.within(target)
}

func reasonOf(err error) string {
	if err == nil {
		return "unknown reason"
	}
	return err.Error()
}

// clip bounds what a hostile peer can put into an error text.
func clip(s string) string {
	const most = 120
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
