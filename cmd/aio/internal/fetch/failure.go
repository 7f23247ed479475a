package fetch

// From the client's error tree to what the user is told: a kind, one line, and whether another attempt makes sense.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/cmd/aio/internal/progress"
	"github.com/aio-go/aio/cmd/aio/internal/report"
	"github.com/aio-go/aio/internal/http1"
)

// failure is a failed attempt.
type failure struct {
	report.Failure
	transient  bool // may pass
	sent       bool // the server may have acted on the request
	status     int
	retryAfter string
}

// outputError marks errors of our own side, which no other attempt mends.
type outputError struct{ err error }

func (e *outputError) Error() string { return e.err.Error() }
func (e *outputError) Unwrap() error { return e.err }

// errTooLarge reports a body beyond --max-bytes that the client did not stop itself.
var errTooLarge = errors.New("the body is larger than --max-bytes allows")

// errSurplus reports a server that sent more than the length it had announced.
var errSurplus = errors.New("the body is longer than its announced length")

// classify describes err; stop is why the run is ending, nil while it goes on.
func classify(err, stop error) failure {
	f := failure{Failure: report.Failure{Message: message(err)}, sent: true}
	var (
		output  *outputError
		timeout interface{ Timeout() bool }
		late    *aiohttp.ConnectionTimeoutError
	)
	switch {
	case stop != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
		f.Kind, f.Message = report.KindInterrupted, stop.Error()
	case errors.As(err, &output):
		f.Kind = report.KindOutput
	case errors.Is(err, errTooLarge), errors.Is(err, aiohttp.ErrBodyTooLarge):
		f.Kind, f.Message = report.KindTooLarge, errTooLarge.Error()
	case errors.Is(err, errSurplus):
		f.Kind = report.KindProtocol
	case errors.As(err, &timeout) && timeout.Timeout():
		f.Kind, f.transient = report.KindTimeout, true
		f.sent = !errors.As(err, &late)
	case errors.Is(err, aiohttp.ErrRedirectClient):
		f.Kind = report.KindRedirect
	case errors.Is(err, aiohttp.ErrInvalidURL), errors.Is(err, aiohttp.ErrNonHTTPURL):
		f.Kind = report.KindURL
	case errors.Is(err, aiohttp.ErrClientConnector):
		f.connector(err)
	default:
		f.exchange(err)
	}
	return f
}

// connector describes a connection that was not made.
func (f *failure) connector(err error) {
	f.sent = false
	var (
		dns      *aiohttp.ClientConnectorDNSError
		notFound *net.DNSError
		proxy    *aiohttp.ClientProxyConnectionError
	)
	switch {
	case errors.As(err, &proxy):
		f.Kind = report.KindProxy
		f.transient = !errors.Is(err, aiohttp.ErrClientSSL) && !(errors.As(err, &notFound) && notFound.IsNotFound)
	case errors.As(err, &dns):
		f.Kind = report.KindDNS
		f.transient = !(errors.As(err, &notFound) && notFound.IsNotFound)
	case errors.Is(err, aiohttp.ErrClientSSL):
		f.Kind = report.KindTLS
	case errors.Is(err, syscall.ECONNREFUSED):
		f.Kind, f.transient = report.KindRefused, true
	default:
		f.Kind, f.transient = report.KindConnect, true
	}
}

// exchange describes a request that went wrong on a connection.
func (f *failure) exchange(err error) {
	var (
		redirects *aiohttp.TooManyRedirects
		response  *aiohttp.ClientResponseError
		payload   *aiohttp.ClientPayloadError
		encoding  *aiohttp.ContentEncodingError
		parse     *http1.ParseError
		proxy     *aiohttp.ClientHTTPProxyError
	)
	switch {
	case errors.As(err, &proxy):
		f.Kind, f.sent = report.KindProxy, false
		f.transient = proxy.Status == http.StatusTooManyRequests || proxy.Status >= http.StatusInternalServerError
	case errors.As(err, &redirects):
		f.Kind = report.KindRedirect
	case errors.As(err, &encoding):
		f.Kind = report.KindDecode
	case errors.As(err, &parse) && parse.Kind != http1.Truncated:
		f.Kind = report.KindProtocol
	case errors.As(err, &payload):
		f.Kind, f.transient = report.KindTruncated, true
	case errors.As(err, &response):
		f.Kind = report.KindProtocol
	case errors.Is(err, aiohttp.ErrClientConnection), errors.Is(err, io.EOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		f.Kind, f.transient = report.KindReset, true
	default:
		f.Kind = report.KindOther
	}
}

// message is the error's text without the method and URL in front, which stand beside it anyway, on one line.
func message(err error) string {
	text := err.Error()
	var located interface{ Located() aiohttp.Where }
	if errors.As(err, &located) {
		w := located.Located()
		text = strings.TrimPrefix(text, w.Method+" "+w.URL+": ")
	}
	return progress.Visible(text)
}

// statusFailure describes a complete answer that is not a success.
func statusFailure(status int, reason, retryAfter string) failure {
	text := fmt.Sprintf("status %d", status)
	if reason = progress.Visible(strings.TrimSpace(reason)); reason != "" {
		text += " " + reason
	}
	return failure{
		Failure: report.Failure{Kind: report.KindStatus, Message: text},
		sent:    true, status: status, retryAfter: retryAfter,
	}
}
