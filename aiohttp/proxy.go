package aiohttp

// Proxies: which one a request goes through, and what only the proxy may see.
//
// A proxy is chosen for every hop anew: the one the request names, else the one the
// session names or its function picks, else what the environment says. It becomes part
// of the pool key, credentials and headers included, so that nobody travels on a
// connection that somebody else's password opened. What is meant for a proxy is kept
// apart from the headers of the request; it is written when the head goes to a proxy, and
// there is no other way by which it could reach an origin.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/aio-go/aio/internal/http1"
)

// proxyKind is the protocol a proxy speaks.
type proxyKind uint8

const (
	proxyHTTP    proxyKind = iota // over TCP or, if its location says so, over TLS
	proxySOCKS5                   // is told addresses
	proxySOCKS5H                  // is told names
	proxySOCKS4                   // is told IPv4 addresses
	proxySOCKS4A                  // is told names
)

// proxyServer is one proxy with what it is to be told. It is not changed once made.
type proxyServer struct {
	location
	kind      proxyKind
	login     string // of its URL or WithProxyAuth; "" with no password: none
	password  string
	authorize string      // value of Proxy-Authorization, "" for none
	headers   http.Header // for the proxy only
	key       string      // equal for proxies whose connections are interchangeable
}

// Ports of proxies whose URL has none.
const socksPort = "1080"

var proxySchemes = map[string]proxyKind{
	"http": proxyHTTP, "https": proxyHTTP, "socks5": proxySOCKS5, "socks5h": proxySOCKS5H,
	"socks4": proxySOCKS4, "socks4a": proxySOCKS4A,
}

// ParseProxy checks the URL of a proxy as WithProxy takes it: for URLs that come from a
// user, whose mistakes are no reason to panic. The error does not show credentials.
func ParseProxy(raw string) (*url.URL, error) {
	if _, err := parseProxy(raw); err != nil {
		return nil, err
	}
	return url.Parse(raw)
}

// parseProxy takes the URL of a proxy apart.
func parseProxy(raw string) (*proxyServer, error) {
	scheme, rest, ok := cutScheme(raw)
	if !ok || !strings.HasPrefix(rest, "//") {
		return nil, proxyDefect(raw, "it must begin with http://, https://, socks5://, socks5h://, socks4:// or socks4a://")
	}
	scheme = asciiLower(scheme)
	kind, ok := proxySchemes[scheme]
	if !ok {
		return nil, proxyDefect(raw, "scheme "+clip(scheme)+" is none of http, https, socks5, socks5h, socks4 and socks4a")
	}
	p := &proxyServer{kind: kind}
	as := scheme
	if kind != proxyHTTP {
		as = "http"
	}
	if d := p.location.parse(as + ":" + rest); d != nil {
		return nil, proxyDefect(raw, d.text())
	}
	if p.target != "/" {
		return nil, proxyDefect(raw, "a proxy has neither path nor query")
	}
	if kind != proxyHTTP {
		p.url.Scheme = scheme
		if !namesPort(rest) {
			p.port = socksPort
		}
	}
	if p.user != nil {
		password, _ := p.user.Password()
		p.login, p.password = p.user.Username(), password
	}
	return p.finish()
}

// namesPort reports whether the authority in "//authority/…" ends in a port.
func namesPort(rest string) bool {
	authority := rest[2:]
	if i := strings.IndexAny(authority, "/?#"); i >= 0 {
		authority = authority[:i]
	}
	i := strings.LastIndexByte(authority, ':')
	return i >= 0 && i > strings.LastIndexAny(authority, "@]") && i < len(authority)-1
}

func proxyDefect(raw, reason string) error {
	return fmt.Errorf("proxy %q: %s", clip(withoutUserinfo(raw)), reason)
}

// finish derives what follows from the other members.
func (p *proxyServer) finish() (*proxyServer, error) {
	p.authorize = ""
	if p.kind == proxyHTTP && (p.login != "" || p.password != "") {
		v, err := EncodeBasicAuth(p.login, p.password)
		if err != nil {
			return nil, fmt.Errorf("proxy %s: %w", p.name(), err)
		}
		p.authorize = v
	}
	if p.password != "" && (p.kind == proxySOCKS4 || p.kind == proxySOCKS4A) {
		return nil, fmt.Errorf("proxy %s: SOCKS4 has no passwords, only a user name", p.name())
	}
	if len(p.login) > 255 || len(p.password) > 255 {
		if p.kind != proxyHTTP {
			return nil, fmt.Errorf("proxy %s: SOCKS has room for 255 bytes of login and of password", p.name())
		}
	}
	var key strings.Builder
	fmt.Fprintf(&key, "%s\x00%s\x00%s", p.name(), p.login, p.password)
	for _, name := range sortedNames(p.headers) {
		fmt.Fprintf(&key, "\x00%s\x00%q", name, p.headers[name])
	}
	p.key = key.String()
	return p, nil
}

// with returns the proxy with other credentials, headers, or both.
func (p *proxyServer) with(auth *proxyLogin, headers http.Header) (*proxyServer, error) {
	if auth == nil && headers == nil {
		return p, nil
	}
	q := *p
	if auth != nil {
		q.login, q.password = auth.login, auth.password
	}
	if headers != nil {
		q.headers = headers
	}
	return q.finish()
}

// name is the proxy's URL for error texts, without credentials.
func (p *proxyServer) name() string {
	host := p.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return p.url.Scheme + "://" + host + ":" + p.port
}

// tunnels reports whether the proxy is asked for a connection to the origin, rather
// than for the resource itself.
func (p *proxyServer) tunnels(r *ClientRequest) bool {
	return p.kind != proxyHTTP || r.loc.tls || r.upgrades()
}

// upgrades reports whether the request wants to speak WebSocket: what comes after
// that is no business of a proxy.
func (r *ClientRequest) upgrades() bool {
	h := r.Headers
	if h == nil {
		h = r.own
	}
	for _, v := range h["Upgrade"] {
		if listsToken(v, "websocket") {
			return true
		}
	}
	return false
}

type proxyLogin struct{ login, password string }

// proxyChoice is what options say about proxies, of a session or of a request.
type proxyChoice struct {
	server  *proxyServer // nil: not given
	direct  bool         // no proxy, whatever the session says
	choose  func(*url.URL) (*url.URL, error)
	login   *proxyLogin
	headers http.Header
	tls     *tls.Config
}

// over lays the choice of a request over that of its session. Credentials and headers
// of the session belong to the session's proxy: they do not go to another one.
func (c *proxyChoice) over(session *proxyChoice) *proxyChoice {
	switch {
	case c == nil:
		return session
	case session == nil:
		return c
	}
	out := *c
	if out.tls == nil {
		out.tls = session.tls
	}
	if out.server == nil && out.choose == nil && !out.direct {
		out.server, out.choose, out.direct = session.server, session.choose, session.direct
		if out.login == nil {
			out.login = session.login
		}
		if out.headers == nil {
			out.headers = session.headers
		}
	}
	return &out
}

// proxyOption changes what is known of proxies in both places.
type proxyOption func(*proxyChoice) error

func (f proxyOption) applySession(s *ClientSession) {
	if s.proxy == nil {
		s.proxy = new(proxyChoice)
	}
	if err := f(s.proxy); err != nil {
		panic("aiohttp: " + err.Error())
	}
}

func (f proxyOption) applyRequest(o *requestOptions) {
	if o.proxy == nil {
		o.proxy = new(proxyChoice)
	}
	if err := f(o.proxy); err != nil {
		o.fail(err)
	}
}

// WithProxy sends requests through a proxy, given by its URL. The scheme says how to talk
// to it: http or https (requests for http URLs are handed to it, for everything else it
// is asked for a tunnel with CONNECT), socks5 (names are resolved here) or socks5h (the
// proxy resolves them), and likewise socks4 and socks4a, which know IPv4 only. User information in the URL is sent to the proxy as its
// credentials. An empty url means no proxy, whatever the session says. NewClientSession
// panics if url is none of these; a request fails with *InvalidRequestError. Default: no
// proxy, or what WithTrustEnv finds.
func WithProxy(url string) Option {
	return proxyOption(func(c *proxyChoice) error {
		c.server, c.direct, c.choose = nil, url == "", nil
		if c.direct {
			return nil
		}
		p, err := parseProxy(url)
		c.server = p
		return err
	})
}

// WithProxyFunc has choose name the proxy for each hop, by the URL it goes to; nil means
// no proxy, and an error ends the request. choose runs on the loop and must not block.
// Default: WithProxy, or WithTrustEnv.
func WithProxyFunc(choose func(target *url.URL) (*url.URL, error)) Option {
	return proxyOption(func(c *proxyChoice) error {
		c.server, c.direct, c.choose = nil, choose == nil, choose
		return nil
	})
}

// WithProxyAuth sets the credentials for the proxy of WithProxy or WithProxyFunc: Basic for
// HTTP proxies, user name and password (RFC 1929) for SOCKS5, the user name for SOCKS4. They go to no other proxy
// and to no origin. Two empty strings are no credentials at all, instead of those in the
// proxy's URL or of the session. Default: those in the proxy's URL.
func WithProxyAuth(login, password string) Option {
	return proxyOption(func(c *proxyChoice) error {
		if _, err := EncodeBasicAuth(login, password); err != nil {
			return err
		}
		c.login = &proxyLogin{login, password}
		return nil
	})
}

// proxyHeaderFaults are headers that the client itself must be right about.
var proxyHeaderFaults = []string{"Host", "Content-Length", "Transfer-Encoding", "Connection"}

// WithProxyHeaders sends these headers to an HTTP proxy: with CONNECT, or beside those of
// a request for an http URL. They never reach an origin through a tunnel. Default: none.
func WithProxyHeaders(h http.Header) Option {
	return proxyOption(func(c *proxyChoice) error {
		own := mergeHeaders(nil, h)
		for name := range own {
			if slices.Contains(proxyHeaderFaults, name) {
				return errors.New("WithProxyHeaders: " + name + " is not to be set")
			}
		}
		c.headers = own
		return nil
	})
}

// WithProxyTLSConfig sets the TLS configuration towards https proxies. Default: the roots of
// the configuration for origins and nothing else of it: its client certificates and its
// checks are meant for origins.
func WithProxyTLSConfig(config *tls.Config) Option {
	return proxyOption(func(c *proxyChoice) error {
		c.tls = config
		return nil
	})
}

// route chooses the proxy for the present hop. It suspends only to read the netrc file.
func (c *call) route(ctx context.Context, r *ClientRequest) error {
	r.via = nil
	choice := c.opts.proxy
	var p *proxyServer
	var err error
	switch {
	case choice != nil && choice.direct:
		return nil
	case choice != nil && choice.server != nil:
		p, err = choice.server.with(choice.login, choice.headers)
		if err == nil {
			choice.server, choice.login, choice.headers = p, nil, nil
		}
	case choice != nil && choice.choose != nil:
		if p, err = choice.ask(r); p != nil {
			p, err = p.with(choice.login, choice.headers)
		}
	case c.session.env != nil && c.session.reachesProxies():
		if p, err = c.session.env.proxyFor(ctx, r); p != nil && choice != nil {
			p, err = p.with(nil, choice.headers)
		}
	}
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		return r.invalid(err)
	}
	r.via = p
	return nil
}

// reachesProxies reports whether the connector goes out into the network, so that the
// environment has a say in the way.
func (s *ClientSession) reachesProxies() bool {
	_, ok := s.connector.(*TCPConnector)
	return ok
}

func (c *proxyChoice) ask(r *ClientRequest) (*proxyServer, error) {
	target := r.loc.url
	u, err := c.choose(&target)
	if err != nil {
		return nil, fmt.Errorf("choose a proxy: %w", err)
	}
	if u == nil {
		return nil, nil
	}
	return parseProxy(u.String())
}

// proxied reports whether anything but the origin may get to see the request: then
// a Proxy-Authorization among its headers is not for the origin.
func (c *call) proxied() bool { return c.opts.proxy != nil || c.session.env != nil }

// requestTarget is what stands in the request line: the whole URL if a proxy is to
// fetch it.
func (r *ClientRequest) requestTarget() string {
	if r.via == nil || r.via.tunnels(r) {
		return r.loc.target
	}
	return "http://" + r.loc.authority + r.loc.target
}

// appendProxyFields appends what only an HTTP proxy may see, unless the request goes
// through it in a tunnel. The head's last line, which is empty, is not there yet.
func (r *ClientRequest) appendProxyFields(dst []byte) (_ []byte, err error) {
	if r.via == nil || r.via.tunnels(r) {
		return dst, nil
	}
	for _, name := range sortedNames(r.via.headers) {
		for _, v := range r.via.headers[name] {
			if dst, err = http1.AppendHeader(dst, name, v); err != nil {
				return dst, err
			}
		}
	}
	if r.via.authorize != "" && r.via.headers["Proxy-Authorization"] == nil {
		dst, err = http1.AppendHeader(dst, "Proxy-Authorization", r.via.authorize)
	}
	return dst, err
}

// forOrigin returns the headers to be written. Where proxies are in play, one that
// authenticates to a proxy among the request's own headers is left out, unless it is a
// proxy that reads them.
func (r *ClientRequest) forOrigin() http.Header {
	if !r.call.proxied() {
		return r.Headers
	}
	asked := r.via != nil && !r.via.tunnels(r)
	drop := func(name string) bool {
		if asked {
			return r.via.headers[http1.CanonicalName(name)] != nil || r.via.authorize != "" && listed(proxyAuthorization, name)
		}
		return listed(proxyAuthorization, name)
	}
	for name := range r.Headers {
		if drop(name) {
			out := make(http.Header, len(r.Headers))
			for name, values := range r.Headers {
				if !drop(name) {
					out[name] = values
				}
			}
			return out
		}
	}
	return r.Headers
}

var proxyAuthorization = []string{"Proxy-Authorization"}
