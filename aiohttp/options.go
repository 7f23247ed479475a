package aiohttp

// Options.
//
// There is one vocabulary: an option that makes sense for a session as the default
// of its requests and for a single request is one function, whose result fits both
// places. What makes sense in one place only is typed so that the compiler refuses
// it in the other. Every option states what holds without it.

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/aio-go/aio/internal/http1"
)

// SessionOption configures a ClientSession.
type SessionOption interface{ applySession(*ClientSession) }

// RequestOption configures one request.
type RequestOption interface{ applyRequest(*requestOptions) }

// Option fits both: given to a session it is the default of its requests, given to
// a request it replaces that default.
type Option interface {
	SessionOption
	RequestOption
}

// settings is what sessions and requests have in common. A request starts with a
// copy of its session's.
type settings struct {
	timeout      ClientTimeout
	maxRedirects int
	check        func(context.Context, *ClientResponse) error
	skipAuto     []string
	decompress   bool
	maxBody      int64
	bufferSize   int
	limits       http1.Limits
	strict       bool
	authorize    string // value of Authorization
	sensitive    []string
	middlewares  []ClientMiddleware
	tls          tlsChoice
	charsets     CharsetResolver
	sizedOnly    bool                        // a body that only the end of its connection ends is none
	received     func(received, total int64) // told of every read of a body
}

// tlsChoice is how the peer of a TLS connection is verified.
type tlsChoice struct {
	config      *tls.Config // nil: the connector's
	fingerprint string      // SHA-256 of the certificate, raw bytes
	serverName  string
	insecure    bool
}

// requestOptions is everything that can be said about one request.
type requestOptions struct {
	*settings        // the session's as long as no option changes one
	changed     bool // they are the request's own
	headers     http.Header
	cookies     []*http.Cookie
	params      url.Values
	body        payload
	bodyOptions int // how many options gave a body
	compress    contentCoding
	chunked     bool
	trailer     http.Header // behind a chunked body; its values may come with the body
	expect100   bool
	redirects   redirectChoice
	proxy       *proxyChoice // nil: nothing said
	traceData   any
	uploaded    func(sent, total int64) // told of every write of the body
	ws          *wsOptions              // the request opens a WebSocket
	err         error                   // the first option that cannot be
}

type redirectChoice uint8

const (
	redirectsFollow redirectChoice = iota
	redirectsReturn
)

// change returns the settings to change one of them.
func (o *requestOptions) change() *settings {
	if !o.changed {
		own := *o.settings
		o.settings, o.changed = &own, true
	}
	return o.settings
}

func (o *requestOptions) fail(err error) {
	if o.err == nil {
		o.err = err
	}
}

// setting is an Option that changes settings.
type setting func(*settings)

func (f setting) applySession(s *ClientSession)  { f(&s.settings) }
func (f setting) applyRequest(o *requestOptions) { f(o.change()) }

// checkedSetting is a setting that can be wrong: a session panics then, and a request fails.
type checkedSetting func(*settings) error

func (f checkedSetting) applySession(s *ClientSession) {
	if err := f(&s.settings); err != nil {
		panic("aiohttp: " + err.Error())
	}
}

func (f checkedSetting) applyRequest(o *requestOptions) {
	if err := f(o.change()); err != nil {
		o.fail(err)
	}
}

type sessionOption func(*ClientSession)

func (f sessionOption) applySession(s *ClientSession) { f(s) }

type requestOption func(*requestOptions)

func (f requestOption) applyRequest(o *requestOptions) { f(o) }

// WithTimeout sets the time limits. Members that are zero keep what held before.
// Default: ClientTimeout{}, that is five minutes in total.
func WithTimeout(t ClientTimeout) Option {
	return setting(func(s *settings) { s.timeout = t.over(s.timeout) })
}

// WithMaxRedirects limits the redirects of a request: the n-th response that
// redirects is a *TooManyRedirects. Zero or less means no limit. Default: 10.
func WithMaxRedirects(n int) Option {
	return setting(func(s *settings) { s.maxRedirects = n })
}

// WithRaiseForStatus makes a response with a status of 400 or more an error, as
// ClientResponse.RaiseForStatus does. Default: off.
func WithRaiseForStatus() Option {
	return WithResponseCheck(func(_ context.Context, r *ClientResponse) error { return r.RaiseForStatus() })
}

// WithoutRaiseForStatus lifts, for one request, what the session asks for. Default: it holds.
func WithoutRaiseForStatus() Option { return WithResponseCheck(nil) }

// WithResponseCheck has check look at every final response; its error ends the
// request and closes the response. Default: none.
func WithResponseCheck(check func(context.Context, *ClientResponse) error) Option {
	return setting(func(s *settings) { s.check = check })
}

// WithSkipAutoHeaders names headers that are not to be generated: any of Accept,
// Accept-Encoding, User-Agent and Content-Type. Default: all are.
func WithSkipAutoHeaders(names ...string) Option {
	return setting(func(s *settings) {
		s.skipAuto = slices.Clone(s.skipAuto)
		for _, name := range names {
			s.skipAuto = append(s.skipAuto, http1.CanonicalName(name))
		}
	})
}

// WithAutoDecompress says whether gzip, deflate, br and zstd bodies are decoded.
// Default: true.
func WithAutoDecompress(on bool) Option {
	return setting(func(s *settings) { s.decompress = on })
}

// WithReadUntilEOF says whether a response of HTTP/1 that announces neither a length nor chunks
// has the body that comes until the server closes the connection (RFC 9112 section 6.3). If not,
// it has none, and the connection is closed: for servers that forget Content-Length: 0 and
// keep the connection open. Default: true. aiohttp: read_until_eof.
func WithReadUntilEOF(on bool) Option {
	return setting(func(s *settings) { s.sizedOnly = !on })
}

// WithMaxBody limits the decoded size of a response body, in bytes; more is a
// *ClientPayloadError with ErrBodyTooLarge. Zero or less means no limit.
// Default: no limit.
func WithMaxBody(bytes int64) Option {
	return setting(func(s *settings) { s.maxBody = bytes })
}

// WithReadBufferSize sets how many bytes of a body are read at a time by the
// methods of StreamReader that choose the size themselves. Default: 65,536.
func WithReadBufferSize(bytes int) Option {
	return setting(func(s *settings) { s.bufferSize = max(bytes, 1) })
}

// WithMaxLineSize limits the status line and chunk-size lines of a response, in
// bytes. Default: 8190.
func WithMaxLineSize(bytes int) Option {
	return setting(func(s *settings) { s.limits.MaxLine = bytes })
}

// WithMaxFieldSize limits one header of a response, name and value together, in
// bytes. Default: 8190.
func WithMaxFieldSize(bytes int) Option {
	return setting(func(s *settings) { s.limits.MaxField = bytes })
}

// WithMaxHeaders limits the number of headers and trailers of a response.
// Default: 128.
func WithMaxHeaders(n int) Option {
	return setting(func(s *settings) { s.limits.MaxHeaders = n })
}

// WithStrictParsing refuses the small breaches of HTTP/1.1 that real servers
// commit: lines ended by LF alone, folded headers, control characters in values.
// Default: they are tolerated.
func WithStrictParsing() Option {
	return setting(func(s *settings) { s.strict = true })
}

// WithAuth sends Basic credentials. They do not follow a redirect to another
// origin. A login with a colon, or control characters in either, make a request fail with
// *InvalidRequestError and NewClientSession panic. Default: those in the URL, if any.
func WithAuth(login, password string) Option {
	return checkedSetting(func(s *settings) (err error) {
		s.authorize, err = EncodeBasicAuth(login, password)
		return err
	})
}

// WithSensitiveHeaders names further headers, beside Authorization, Cookie and
// Proxy-Authorization, that a redirect to another origin does not carry along.
// Default: none.
func WithSensitiveHeaders(names ...string) Option {
	return setting(func(s *settings) { s.sensitive = append(slices.Clone(s.sensitive), names...) })
}

// WithMiddlewares sets the middlewares, outermost first. Given to a request the
// list replaces the session's; an empty list turns them off. Default: none.
func WithMiddlewares(list ...ClientMiddleware) Option {
	return setting(func(s *settings) { s.middlewares = list })
}

// WithServerName sets the name that is sent in the TLS handshake and that the
// certificate must carry. Default: the host of the URL.
func WithServerName(name string) Option {
	return setting(func(s *settings) { s.tls.serverName = name })
}

// WithInsecureSkipVerify accepts any certificate. Default: certificates are verified.
func WithInsecureSkipVerify() Option {
	return setting(func(s *settings) { s.tls.insecure = true })
}

// WithFingerprint accepts exactly the certificate with this SHA-256 digest, and
// no other, whatever else there is to say for or against it. It panics if the
// digest is not 32 bytes long: shorter ones are MD5 or SHA-1, which prove nothing.
// Default: none.
func WithFingerprint(sha256 []byte) Option {
	if len(sha256) != 32 {
		panic("aiohttp: WithFingerprint takes a SHA-256 digest of 32 bytes")
	}
	return setting(func(s *settings) { s.tls.fingerprint = string(sha256) })
}

// headersOption, cookiesOption and tlsOption mean the same in several places but
// are kept in different ones.
type headersOption http.Header

func (h headersOption) applySession(s *ClientSession) {
	s.headers = mergeHeaders(s.headers, http.Header(h))
}
func (h headersOption) applyRequest(o *requestOptions) {
	o.headers = mergeHeaders(o.headers, http.Header(h))
}

// WithHeaders sends these headers. A header of a request replaces all of the same
// name among the session's; several values for one name are all sent. Default: none.
func WithHeaders(h http.Header) Option { return headersOption(h) }

type cookiesOption []*http.Cookie

func (c cookiesOption) applySession(s *ClientSession) {
	if err := c.check(); err != nil {
		panic("aiohttp: " + err.Error())
	}
	s.initialCookies = append(s.initialCookies, c...)
}

func (c cookiesOption) applyRequest(o *requestOptions) {
	if err := c.check(); err != nil {
		o.fail(err)
	}
	o.cookies = append(o.cookies, c...)
}

func (c cookiesOption) check() error {
	for _, cookie := range c {
		if fault := cookieFault(cookie.Name, cookie.Value); fault != "" {
			return fmt.Errorf("WithCookies(%q): %s", clip(cookie.Name), fault)
		}
	}
	return nil
}

// WithCookies sends these cookies. Given to a session they go into its jar and to
// every host; given to a request they are sent with it beside those of the jar,
// and not beyond its origin. A cookie that would not arrive as one, because its name is empty
// or has blanks, = or ;, or its value has a semicolon or control characters, makes a request fail with
// *InvalidRequestError and NewClientSession panic. Default: none.
func WithCookies(cookies ...*http.Cookie) Option { return cookiesOption(cookies) }

// TLSOption is the result of WithTLSConfig: it fits connectors, sessions and requests.
type TLSOption struct{ config *tls.Config }

func (t TLSOption) applySession(s *ClientSession)     { s.tls.config = t.config }
func (t TLSOption) applyRequest(o *requestOptions)    { o.change().tls.config = t.config }
func (t TLSOption) applyConnector(o *connectorConfig) { o.tlsConfig = t.config }

// WithTLSConfig sets the TLS configuration. It is not copied: connections are
// shared only among requests with the same *tls.Config. Default: the connector's,
// whose default is the zero tls.Config.
func WithTLSConfig(c *tls.Config) TLSOption { return TLSOption{c} }

// WithBaseURL makes URLs of requests relative to base (RFC 3986). NewClientSession
// panics if base is no absolute HTTP URL or has a path that does not end in a slash.
// Default: URLs must be absolute.
func WithBaseURL(base string) SessionOption {
	return sessionOption(func(s *ClientSession) {
		l := new(location)
		if d := l.parse(base); d != nil {
			panic(fmt.Sprintf("aiohttp: WithBaseURL(%q): %s", base, d.text()))
		}
		if !strings.HasSuffix(l.url.Path, "/") {
			panic(fmt.Sprintf("aiohttp: WithBaseURL(%q): the path must end with a slash", base))
		}
		s.base = l
	})
}

// WithConnector uses c for connections. The session does not close it: it may be
// shared. Default: a TCPConnector of its own.
func WithConnector(c Connector) SessionOption {
	return sessionOption(func(s *ClientSession) { s.connector, s.ownsConnector = c, false })
}

// WithCookieJar keeps cookies in jar, which may be shared; nil keeps none.
// Default: a CookieJar of its own.
func WithCookieJar(jar *CookieJar) SessionOption {
	return sessionOption(func(s *ClientSession) { s.jar = jar })
}

// WithTrace has requests report to t. It may be given several times. Default: none.
func WithTrace(t *TraceConfig) SessionOption {
	return sessionOption(func(s *ClientSession) { s.traces = append(s.traces, t) })
}

// WithParams appends pairs to the query of the URL, sorted by name. They are not
// carried over a redirect. Default: none.
func WithParams(params url.Values) RequestOption {
	return requestOption(func(o *requestOptions) { o.params = params })
}

// WithData sends a body: []byte, string, url.Values, *FormData, io.Reader,
// *os.File, *StreamReader or iter.Seq2[[]byte, error]. Readers that are io.Seekers
// can be sent again when a redirect asks for it; other streams are sent once.
// A reader that may block is read outside the loop. A reader that is an io.Closer
// is closed when the request is over. An iterator that suspends does so under a
// ctx of its own, which no timeout of the request interrupts: it notices when it
// yields. An answer that comes while the body is still being sent ends the sending
// over HTTP/1. Elsewhere the request returns with it, and a task sends the rest, as
// long as the answer is no refusal and is being read. Default: no body.
func WithData(body any) RequestOption {
	return requestOption(func(o *requestOptions) {
		p, err := newPayload(body)
		if err != nil {
			o.fail(err)
		}
		o.setBody(p)
	})
}

// WithJSON sends v encoded as JSON. It is encoded at once, in the task that makes the request: v is not copied, and other
// tasks may change it as soon as this one suspends. A document of many megabytes, which would hold up the loop, is
// better encoded in asyncio.Compute, if nobody changes it meanwhile, and given to WithData with a Content-Type.
// Default: no body.
func WithJSON(v any) RequestOption {
	return requestOption(func(o *requestOptions) {
		data, err := json.Marshal(v)
		if err != nil {
			o.fail(fmt.Errorf("encode JSON body: %w", err))
		}
		o.setBody(&memoryPayload{data: data, mediaType: typeJSON})
	})
}

// WithForm sends values as application/x-www-form-urlencoded, sorted by name; for
// files and multipart use WithData with a *FormData. Default: no body.
func WithForm(values url.Values) RequestOption {
	return requestOption(func(o *requestOptions) {
		o.setBody(&memoryPayload{data: []byte(values.Encode()), mediaType: typeForm})
	})
}

func (o *requestOptions) setBody(p payload) {
	if o.bodyOptions++; o.bodyOptions > 1 {
		o.fail(errors.New("aiohttp: more than one of WithData, WithJSON and WithForm"))
	}
	if o.body != nil {
		o.body.close() // nobody else will
	}
	o.body = p
}

// WithAllowRedirects says whether redirects are followed. Default: true, except
// for ClientSession.Head.
func WithAllowRedirects(follow bool) RequestOption {
	return requestOption(func(o *requestOptions) {
		o.redirects = redirectsReturn
		if follow {
			o.redirects = redirectsFollow
		}
	})
}

// WithChunked sends the body in chunked coding even if its length is known.
// Default: chunked only if the length is unknown.
func WithChunked() RequestOption {
	return requestOption(func(o *requestOptions) { o.chunked = true })
}

// WithCompress sends the body compressed; coding is "gzip" or "deflate".
// Default: as it is.
func WithCompress(coding string) RequestOption {
	return requestOption(func(o *requestOptions) {
		switch c := codingOf(coding); c {
		case codingGzip, codingDeflate:
			o.compress = c
		default:
			o.fail(fmt.Errorf("aiohttp: WithCompress(%q): only gzip and deflate can be sent", clip(coding)))
		}
	})
}

// WithExpect100 asks the server for consent (Expect: 100-continue) and waits up to
// a second for it before the body is sent. Default: the body is sent at once.
func WithExpect100() RequestOption {
	return requestOption(func(o *requestOptions) { o.expect100 = true })
}

// WithTraceData hands data to the session's traces in TraceInfo.Data. Default: nil.
func WithTraceData(data any) RequestOption {
	return requestOption(func(o *requestOptions) { o.traceData = data })
}

// EncodeBasicAuth makes the value of an Authorization or Proxy-Authorization header from
// a login and a password (RFC 7617, in UTF-8). A login cannot contain a colon, and neither
// may contain control characters. CPython's aiohttp: encode_basic_auth.
func EncodeBasicAuth(login, password string) (string, error) {
	switch {
	case strings.Contains(login, ":"):
		return "", errors.New("a login for Basic authentication cannot contain a colon")
	case hasControl(login), hasControl(password):
		return "", errors.New("control character in the credentials for Basic authentication")
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(login+":"+password)), nil
}

// basicAuth is EncodeBasicAuth for credentials that only a mistake could make invalid.
func basicAuth(login, password string) string {
	v, err := EncodeBasicAuth(login, password)
	if err != nil {
		panic("aiohttp: " + err.Error())
	}
	return v
}
