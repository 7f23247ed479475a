package web

// Request is what a handler is given: the head of the request, parsed where parsing is wanted, and the body. What a
// handler does not ask for is not computed: the URL, the query and the cookies are parsed at the first use.

import (
	"context"
	"encoding/json"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// Request is a request as its handler sees it. It belongs to the handler's task.
type Request struct {
	// Method is the method as received; methods are case-sensitive.
	Method string
	// Target is the request target as received.
	Target string
	// Headers are the request's headers, under canonical names.
	Headers http.Header

	app       *Application
	conn      *conn
	match     MatchInfo
	body      BodyReader
	values    valueStore
	malformed error  // why this is not a request; see ParseError
	path      string // canonical
	rawQuery  string
	authority string // of an absolute-form target
	expect    string // Expect header not yet dealt with
	whole     []byte // of the body, what Read has read
	query     url.Values
	url       *url.URL
	form      *Form
	started   time.Duration
	maxSize   int64 // 0: no limit
	minor     int
	keepAlive bool
	upgrade   bool
	wholeRead bool
}

// App returns the application that handles the request.
func (r *Request) App() *Application { return r.app }

// MatchInfo returns the matched route and the values of the variables in the path.
func (r *Request) MatchInfo() *MatchInfo { return &r.match }

// Version returns the protocol version, "HTTP/1.1" or "HTTP/1.0".
func (r *Request) Version() string {
	if r.minor == 0 {
		return "HTTP/1.0"
	}
	return "HTTP/1.1"
}

// Path returns the decoded path.
func (r *Request) Path() string { return decodeValue(r.path) }

// RawPath returns the path as received, without the query.
func (r *Request) RawPath() string {
	_, path, _ := splitTarget(r.Target)
	return path
}

// PathQS returns the path and the query as received.
func (r *Request) PathQS() string {
	if r.rawQuery == "" {
		return r.RawPath()
	}
	return r.RawPath() + "?" + r.rawQuery
}

// QueryString returns the query as received, without the question mark.
func (r *Request) QueryString() string { return r.rawQuery }

// Query returns the parsed query. Pairs that cannot be decoded are left out.
func (r *Request) Query() url.Values {
	if r.query == nil {
		r.query, _ = url.ParseQuery(r.rawQuery)
	}
	return r.query
}

// URL returns the full URL of the request, made from the connection, the Host header and the target.
func (r *Request) URL() *url.URL {
	if r.url == nil {
		raw := r.RawPath()
		r.url = &url.URL{Scheme: r.Scheme(), Host: r.Host(), Path: r.Path(), RawPath: raw, RawQuery: r.rawQuery}
	}
	return r.url
}

// Scheme returns "https" on a TLS connection, otherwise "http".
func (r *Request) Scheme() string {
	if r.Secure() {
		return "https"
	}
	return "http"
}

// Secure reports whether the connection is encrypted.
func (r *Request) Secure() bool { return r.conn != nil && r.conn.secure }

// Host returns the host the client asked for, with its port if it gave one.
func (r *Request) Host() string {
	if r.authority != "" {
		return r.authority
	}
	return r.Headers.Get("Host")
}

// Remote returns the IP address of the peer, "" if it has none. Behind a proxy that is the proxy.
func (r *Request) Remote() string {
	switch a := r.RemoteAddr().(type) {
	case *net.TCPAddr:
		return a.IP.String()
	case nil:
		return ""
	default:
		return a.String()
	}
}

// RemoteAddr returns the address of the peer, nil if it is not known.
func (r *Request) RemoteAddr() net.Addr {
	if r.conn == nil {
		return nil
	}
	return r.conn.transport.RemoteAddr()
}

// KeepAlive reports whether the client would use the connection again.
func (r *Request) KeepAlive() bool { return r.keepAlive }

// Cookies returns the cookies the client sent.
func (r *Request) Cookies() []*http.Cookie {
	plain := http.Request{Header: r.Headers}
	return plain.Cookies()
}

// Cookie returns the first cookie of a name, and [http.ErrNoCookie] if there is none.
func (r *Request) Cookie(name string) (*http.Cookie, error) {
	plain := http.Request{Header: r.Headers}
	return plain.Cookie(name)
}

// ContentType returns the media type of the body in lower case, without parameters; application/octet-stream if the
// client named none.
func (r *Request) ContentType() string {
	t, _, err := mime.ParseMediaType(r.Headers.Get("Content-Type"))
	if err != nil && t == "" {
		return "application/octet-stream"
	}
	return t
}

// Charset returns the charset parameter of the Content-Type header, "" if it has none.
func (r *Request) Charset() string {
	_, params, err := mime.ParseMediaType(r.Headers.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return params["charset"]
}

// ContentLength returns the announced length of the body, -1 if it is not known before the end.
func (r *Request) ContentLength() int64 { return r.body.length }

// BodyExists reports whether the client announced a body, be it an empty one.
func (r *Request) BodyExists() bool {
	return r.body.length == lengthUnknown || r.body.length > 0 || r.Headers["Content-Length"] != nil
}

// CanReadBody reports whether there is something of the body left to read.
func (r *Request) CanReadBody() bool { return !r.body.AtEOF() }

// ClientMaxSize returns the limit of Read, Text, JSON and Post in bytes; 0 means none.
func (r *Request) ClientMaxSize() int64 { return r.maxSize }

// SetClientMaxSize changes that limit for this request.
func (r *Request) SetClientMaxSize(n int64) { r.maxSize = n }

// Content returns the body as a stream, without a limit on its size.
func (r *Request) Content() *BodyReader { return &r.body }

// ParseError returns why the client's bytes are not a request, nil for a proper one. Malformed requests never reach a
// handler, but they pass through the middlewares, with the method "UNKNOWN".
func (r *Request) ParseError() error { return r.malformed }

// SendContinue tells a client that waits with Expect: 100-continue to send its body. Reading the body does the same;
// where nobody waits it does nothing.
func (r *Request) SendContinue() { r.conn.sendContinue(r) }

// Read returns the whole body; a second call returns it again, and one after a cancelled call goes on where that ended.
// It waits for the client and fails as [BodyReader.Read] does, and with a 413 when the body is longer than
// [Request.ClientMaxSize].
func (r *Request) Read(ctx context.Context) ([]byte, error) {
	if r.wholeRead {
		return r.whole, nil
	}
	var err error
	if r.whole, err = r.body.readAll(ctx, r.whole, r.maxSize); err != nil {
		return nil, err
	}
	r.wholeRead = true
	return r.whole, nil
}

// Text returns the body as text, converted from the charset the client named, UTF-8 if none. A charset nobody knows is
// a 415. It waits and fails as Read does.
func (r *Request) Text(ctx context.Context) (string, error) {
	body, err := r.Read(ctx)
	if err != nil {
		return "", err
	}
	return decodeText(body, r.Charset())
}

// JSON decodes the body into v. A content type other than JSON is a 400, and so is a body that does not decode; the
// decoder's error is in the chain. It waits and fails as Read does.
func (r *Request) JSON(ctx context.Context, v any) error {
	if t := r.ContentType(); t != "application/json" && !strings.HasSuffix(t, "+json") {
		return HTTPBadRequest(WithText("Attempt to decode JSON with unexpected mimetype: " + strconv.QuoteToASCII(t)))
	}
	body, err := r.Read(ctx)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return HTTPBadRequest(WithText("Invalid JSON"), WithCause(err))
	}
	return nil
}

// Release reads and drops what is left of the body. It waits and fails as [BodyReader.Read] does.
func (r *Request) Release(ctx context.Context) error {
	for !r.body.AtEOF() {
		if _, err := r.body.ReadAny(ctx); err != nil && !r.body.AtEOF() {
			return err
		}
	}
	return nil
}

// Loop returns the event loop the request is served on.
func (r *Request) Loop() *asyncio.EventLoop { return r.conn.server.loop }
