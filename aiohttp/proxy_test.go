package aiohttp_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func itoa(n int) string { return strconv.Itoa(n) }

func basic(login, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(login+":"+password))
}

// withUser puts credentials into a proxy's URL.
func withUser(raw, login, password string) string {
	u, _ := url.Parse(raw)
	u.User = url.UserPassword(login, password)
	return u.String()
}

// C69: for an http URL the proxy gets the request itself, byte for byte.
func TestHTTPProxyGetsTheWholeURL(t *testing.T) {
	o, p := newOrigin(t, false, nil), newHTTPProxy(t, false)
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession(aiohttp.WithProxy(p.URL))
		defer s.Close()
		const path = "/a%2Fb/%7euser/x?q=%20&r=a+b"
		got, err := fetch(ctx, s, o.at("origin.test", path))
		if err != nil || got != "origin got " {
			return fmt.Errorf("got %q and %v", got, err)
		}
		seen := p.all()
		if len(seen) != 1 || seen[0].URI != "http://origin.test:"+o.port+path || seen[0].Host != "origin.test:"+o.port {
			t.Errorf("the proxy saw %+v", seen)
		}
		if seen := o.all(); len(seen) != 1 || seen[0].URI != path || seen[0].Host != "origin.test:"+o.port {
			t.Errorf("the origin saw %+v", seen)
		}
		return nil
	})
}

// Everything but http URLs goes through a tunnel, over plain and over encrypted proxies,
// which makes TLS within TLS.
func TestTunnelsCarryTLS(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 40_000)
	for _, encrypted := range []bool{false, true} {
		t.Run(fmt.Sprintf("https proxy %v", encrypted), func(t *testing.T) {
			o, p := newOrigin(t, true, nil), newHTTPProxy(t, encrypted)
			onLoop(t, func(ctx context.Context) error {
				s := aiohttp.NewClientSession(aiohttp.WithProxy(p.URL), aiohttp.WithTLSConfig(trusting(o.Server, p.Server)))
				defer s.Close()
				for range 3 {
					resp, err := s.Post(ctx, o.at("example.com", "/x"), aiohttp.WithData(big))
					if err != nil {
						return err
					}
					got, err := resp.Text(ctx)
					if got != "origin got "+big || err != nil {
						t.Errorf("got %d bytes and %v", len(got), err)
					}
				}
				if got, want := p.lines(), "CONNECT example.com:"+o.port; got != want {
					t.Errorf("the proxy saw %s, want %s", got, want)
				}
				if got := s.Stats().Connector; got.Dialed != 1 || got.Reused != 2 || got.Idle != 1 {
					t.Errorf("got %+v, want one connection, used again", got)
				}
				return nil
			})
			for _, seen := range o.all() {
				if seen.URI != "/x" || seen.Header["Proxy-Authorization"] != nil {
					t.Errorf("the origin saw %+v", seen)
				}
			}
		})
	}
}

// An http URL over an encrypted proxy: the proxy is verified, by its own name.
func TestHTTPSProxyIsVerified(t *testing.T) {
	o, p := newOrigin(t, false, nil), newHTTPProxy(t, true)
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession(aiohttp.WithProxy(p.URL))
		defer s.Close()
		for name, opts := range map[string][]aiohttp.RequestOption{
			"unknown authority":       nil,
			"insecure for the origin": {aiohttp.WithInsecureSkipVerify()},
		} {
			_, err := fetch(ctx, s, o.at("origin.test", "/"), opts...)
			var e *aiohttp.ClientProxyConnectionError
			var certificate *aiohttp.ClientConnectorCertificateError
			if !errors.As(err, &e) || !errors.As(err, &certificate) || !errors.Is(err, aiohttp.ErrClientSSL) || e.Phase != aiohttp.PhaseTLS {
				t.Errorf("%s: got %v", name, err)
			}
		}
		if got, err := fetch(ctx, s, o.at("origin.test", "/"), aiohttp.WithProxyTLSConfig(trusting(p.Server))); err != nil || got != "origin got " {
			t.Errorf("trusted: got %q and %v", got, err)
		}
		return nil
	})
}

// C70
func TestDeadProxy(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := l.Addr().String()
	l.Close()
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession()
		defer s.Close()
		for _, scheme := range []string{"http", "https", "socks5h"} {
			for _, target := range []string{"http://origin.test/", "https://origin.test/"} {
				_, err := fetch(ctx, s, target, aiohttp.WithProxy(scheme+"://user:s3cret@"+dead))
				var e *aiohttp.ClientProxyConnectionError
				var plain *aiohttp.ClientConnectorError
				if !errors.As(err, &e) || !errors.As(err, &plain) || !errors.Is(err, aiohttp.ErrClientConnector) ||
					net.JoinHostPort(e.Host, e.Port) != dead || !strings.Contains(err.Error(), "proxy "+dead) || strings.Contains(err.Error(), "s3cret") {
					t.Errorf("%s via %s: got %v", target, scheme, err)
				}
				if got := s.Stats().Connector; got.InUse+got.Idle != 0 {
					t.Errorf("%s via %s left %+v", target, scheme, got)
				}
			}
		}
		_, err := fetch(ctx, s, "http://origin.test/", aiohttp.WithProxy("http://proxy.invalid:3128"))
		var dns *aiohttp.ClientConnectorDNSError
		var e *aiohttp.ClientProxyConnectionError
		if !errors.As(err, &e) || !errors.As(err, &dns) || dns.Host != "proxy.invalid" {
			t.Errorf("unknown proxy: got %v", err)
		}
		return nil
	})
}

// C71: a proxy that answers for itself.
func TestProxyRefuses(t *testing.T) {
	p := newAnsweringProxy(t, false, func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Proxy-Authenticate", `Basic realm="p"`)
		w.WriteHeader(http.StatusProxyAuthRequired)
		io.WriteString(w, "who are you?")
		return true
	})
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession(aiohttp.WithProxy(p.URL))
		defer s.Close()
		resp, err := s.Get(ctx, "http://origin.test/")
		if err != nil || resp.Status != http.StatusProxyAuthRequired {
			t.Errorf("http: got %v and %v, want the answer", resp, err)
		} else if body, err := resp.Text(ctx); body != "who are you?" || err != nil {
			t.Errorf("http: got %q and %v", body, err)
		}
		_, err = fetch(ctx, s, "https://origin.test/")
		var e *aiohttp.ClientHTTPProxyError
		var parent *aiohttp.ClientResponseError
		if !errors.As(err, &e) || !errors.As(err, &parent) || e.Status != http.StatusProxyAuthRequired ||
			e.Headers["Proxy-Authenticate"] == nil || e.Phase != aiohttp.PhaseProxy || e.URL != "https://origin.test/" {
			t.Errorf("https: got %v", err)
		}
		if got, want := p.lines(), "GET http://origin.test/, CONNECT origin.test:443"; got != want {
			t.Errorf("the proxy saw %s, want %s", got, want)
		}
		if got := s.Stats().Connector; got.InUse != 0 || got.Idle != 1 {
			t.Errorf("got %+v, want only the connection of the first request", got)
		}
		return nil
	})
}

// C58: what is for the proxy goes to the proxy, with every request or with CONNECT, and
// to nobody else.
func TestProxyCredentialsStayWithTheProxy(t *testing.T) {
	plain, secure, p := newOrigin(t, false, nil), newOrigin(t, true, nil), newHTTPProxy(t, false)
	own := http.Header{"Proxy-Trace": {"42"}}
	stray := http.Header{"proxy-authorization": {"stray"}}
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession(aiohttp.WithProxy(withUser(p.URL, "user", "s3cret")),
			aiohttp.WithProxyHeaders(own), aiohttp.WithTLSConfig(trusting(secure.Server)))
		defer s.Close()
		for _, opts := range [][]aiohttp.RequestOption{nil, nil, {aiohttp.WithHeaders(http.Header{"X-Own": {"1"}})}, {aiohttp.WithHeaders(stray)}} {
			for _, u := range []string{plain.at("origin.test", "/"), secure.at("example.com", "/")} {
				if _, err := fetch(ctx, s, u, opts...); err != nil {
					return err
				}
			}
		}
		if got := s.Stats().Connector; got.Dialed != 2 || got.Reused != 6 {
			t.Errorf("got %+v, want two connections", got)
		}
		// Directly, with the very same headers.
		for _, u := range []string{plain.URL, secure.at("127.0.0.1", "/")} {
			if _, err := fetch(ctx, s, u, aiohttp.WithProxy(""), aiohttp.WithHeaders(stray)); err != nil {
				return err
			}
		}
		return nil
	})
	connects := 0
	for _, seen := range p.all() {
		if seen.Method == http.MethodConnect {
			connects++
		}
		if got := seen.Header["Proxy-Authorization"]; len(got) != 1 || got[0] != basic("user", "s3cret") || seen.Header.Get("Proxy-Trace") != "42" {
			t.Errorf("the proxy saw %v", seen.Header)
		}
	}
	if connects != 1 {
		t.Errorf("got %d tunnels, want one", connects)
	}
	for _, seen := range append(plain.all(), secure.all()...) {
		if seen.Header["Proxy-Authorization"] != nil || seen.URI != "/" {
			t.Errorf("an origin saw %+v", seen)
		}
	}
	for _, seen := range secure.all() {
		if seen.Header["Proxy-Trace"] != nil {
			t.Errorf("an origin saw %v through the tunnel", seen.Header)
		}
	}
}

// A proxy that one request trusts is not one that the next must trust: the roots it was verified
// with are part of the pool key.
func TestPoolKeyHasTheRootsForTheProxy(t *testing.T) {
	o, p := newOrigin(t, false, nil), newHTTPProxy(t, true)
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession(aiohttp.WithProxy(p.URL))
		defer s.Close()
		trusts := aiohttp.WithTLSConfig(trusting(p.Server))
		if got, err := fetch(ctx, s, o.at("origin.test", "/"), trusts); err != nil || got != "origin got " {
			t.Errorf("trusted: got %q and %v", got, err)
		}
		for _, opts := range [][]aiohttp.RequestOption{nil, {aiohttp.WithTLSConfig(&tls.Config{})}} {
			_, err := fetch(ctx, s, o.at("origin.test", "/"), opts...)
			if !errors.Is(err, aiohttp.ErrClientSSL) {
				t.Errorf("not trusted: got %v, want the proxy refused", err)
			}
		}
		_, err := fetch(ctx, s, o.at("origin.test", "/"), trusts)
		if got := s.Stats().Connector; err != nil || got.Reused != 1 {
			t.Errorf("trusted again: got %v and %+v, want the first connection reused", err, got)
		}
		return nil
	})
}

// Empty credentials are none: those in the URL of a proxy are not sent then.
func TestEmptyProxyAuthClearsTheCredentials(t *testing.T) {
	o, p := newOrigin(t, false, nil), newHTTPProxy(t, false)
	socks := newSOCKSProxy(t, "", "", nil)
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession(aiohttp.WithProxy(p.URL), aiohttp.WithProxyAuth("session", "s3cret"))
		defer s.Close()
		for _, c := range []struct {
			opts []aiohttp.RequestOption
			want string
		}{
			{nil, basic("session", "s3cret")},
			{[]aiohttp.RequestOption{aiohttp.WithProxyAuth("", "")}, ""},
			{[]aiohttp.RequestOption{aiohttp.WithProxy(withUser(p.URL, "a", "b"))}, basic("a", "b")},
			{[]aiohttp.RequestOption{aiohttp.WithProxy(withUser(p.URL, "a", "b")), aiohttp.WithProxyAuth("", "")}, ""},
			{[]aiohttp.RequestOption{aiohttp.WithProxy(p.URL), aiohttp.WithProxyAuth("", "")}, ""},
		} {
			if _, err := fetch(ctx, s, o.at("127.0.0.1", "/"), c.opts...); err != nil {
				return err
			}
			seen := p.all()
			if got := seen[len(seen)-1].Header.Get("Proxy-Authorization"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		}
		_, err := fetch(ctx, s, o.at("127.0.0.1", "/"), aiohttp.WithProxy(withUser("socks5://"+socks.Addr().String(), "a", "b")), aiohttp.WithProxyAuth("", ""))
		return err
	})
}

// Connections are shared only among requests that would have told the proxy the same.
func TestPoolKeyHasTheProxy(t *testing.T) {
	o, p, q := newOrigin(t, true, nil), newHTTPProxy(t, false), newHTTPProxy(t, false)
	config := trusting(o.Server)
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession(aiohttp.WithTLSConfig(config))
		defer s.Close()
		routes := [][]aiohttp.RequestOption{
			{},
			{aiohttp.WithProxy(p.URL)},
			{aiohttp.WithProxy(q.URL)},
			{aiohttp.WithProxy(withUser(p.URL, "a", "b"))},
			{aiohttp.WithProxy(p.URL), aiohttp.WithProxyAuth("a", "c")},
			{aiohttp.WithProxyHeaders(http.Header{"X-Exit": {"de"}}), aiohttp.WithProxy(p.URL)},
		}
		for range 2 {
			for i, opts := range routes {
				if _, err := fetch(ctx, s, o.at("127.0.0.1", "/"), opts...); err != nil {
					return fmt.Errorf("route %d: %w", i, err)
				}
			}
		}
		if got := s.Stats().Connector; got.Dialed != uint64(len(routes)) || got.Reused != uint64(len(routes)) {
			t.Errorf("got %+v, want a connection for each of %d routes", got, len(routes))
		}
		return nil
	})
	for _, seen := range q.all() {
		if seen.Header["Proxy-Authorization"] != nil || seen.Header["X-Exit"] != nil {
			t.Errorf("the other proxy saw %v", seen.Header)
		}
	}
}

// Credentials and headers of the session's proxy do not go to the one a request names.
func TestRequestProxyGetsNothingOfTheSession(t *testing.T) {
	o, p, q := newOrigin(t, false, nil), newHTTPProxy(t, false), newHTTPProxy(t, false)
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession(aiohttp.WithProxy(p.URL), aiohttp.WithProxyAuth("user", "s3cret"),
			aiohttp.WithProxyHeaders(http.Header{"X-Exit": {"de"}}))
		defer s.Close()
		for _, opts := range [][]aiohttp.RequestOption{
			{aiohttp.WithProxy(q.URL)},
			{aiohttp.WithProxyFunc(func(u *url.URL) (*url.URL, error) { return url.Parse(q.URL) })},
			{},
			{aiohttp.WithProxyAuth("user", "other")},
		} {
			if _, err := fetch(ctx, s, o.at("origin.test", "/"), opts...); err != nil {
				return err
			}
		}
		_, err := fetch(ctx, s, o.at("origin.test", "/"), aiohttp.WithProxyFunc(func(*url.URL) (*url.URL, error) { return nil, io.ErrNoProgress }))
		if !errors.Is(err, io.ErrNoProgress) || !errors.Is(err, aiohttp.ErrClient) {
			t.Errorf("got %v, want the error of the function", err)
		}
		return nil
	})
	if got := q.all(); len(got) != 2 || got[0].Header["Proxy-Authorization"] != nil || got[0].Header["X-Exit"] != nil || got[1].Header["X-Exit"] != nil {
		t.Errorf("the request's proxy saw %+v", got)
	}
	got := p.all()
	if len(got) != 2 || got[0].Header.Get("Proxy-Authorization") != basic("user", "s3cret") ||
		got[1].Header.Get("Proxy-Authorization") != basic("user", "other") || got[1].Header.Get("X-Exit") != "de" {
		t.Errorf("the session's proxy saw %+v", got)
	}
}

// C75: a tunnel whose TLS fails is gone, and nothing hangs.
func TestFailedTunnelLeavesNothing(t *testing.T) {
	o, p := newOrigin(t, true, nil), newHTTPProxy(t, false)
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession(aiohttp.WithProxy(p.URL))
		defer s.Close()
		for range 2 {
			_, err := fetch(ctx, s, o.at("example.com", "/"))
			var e *aiohttp.ClientConnectorCertificateError
			var viaProxy *aiohttp.ClientProxyConnectionError
			if !errors.As(err, &e) || errors.As(err, &viaProxy) || e.Host != "example.com" {
				t.Errorf("got %v, want the origin's certificate refused", err)
			}
			if got := s.Stats().Connector; got.InUse+got.Idle != 0 {
				t.Errorf("left %+v", got)
			}
		}
		return nil
	})
	if n := len(o.all()); n != 0 {
		t.Errorf("the origin got %d requests", n)
	}
}

// socksResolver knows one host, by addresses of which the second one works.
type socksResolver struct{ asked []string }

func (r *socksResolver) LookupHost(_ context.Context, _, host string) ([]netip.Addr, error) {
	r.asked = append(r.asked, host)
	return []netip.Addr{netip.MustParseAddr("127.0.0.3"), netip.MustParseAddr("127.0.0.1")}, nil
}

func TestSOCKSProxy(t *testing.T) {
	plain, secure := newOrigin(t, false, nil), newOrigin(t, true, nil)
	p := newSOCKSProxy(t, "user", "s3cret", func(target string) bool { return strings.HasPrefix(target, "127.0.0.3") })
	authority := "user:s3cret@" + p.Addr().String()
	onLoop(t, func(ctx context.Context) error {
		resolver := &socksResolver{}
		connector := aiohttp.NewTCPConnector(aiohttp.WithResolver(resolver), aiohttp.WithTLSConfig(trusting(secure.Server)))
		defer connector.Close()
		s := aiohttp.NewClientSession(aiohttp.WithConnector(connector))
		defer s.Close()
		for _, scheme := range []string{"socks5h", "socks5"} {
			for range 2 {
				for _, u := range []string{plain.at("origin.test", "/x"), secure.at("example.com", "/x")} {
					if got, err := fetch(ctx, s, u, aiohttp.WithProxy(scheme+"://"+authority)); got != "origin got " || err != nil {
						t.Errorf("%s via %s: got %q and %v", u, scheme, got, err)
					}
				}
			}
			if scheme == "socks5h" && resolver.asked != nil {
				t.Errorf("socks5h looked up %v", resolver.asked)
			}
		}
		if got := strings.Join(resolver.asked, " "); got != "origin.test example.com" {
			t.Errorf("socks5 looked up %q", got)
		}
		if got := s.Stats().Connector; got.Dialed != 4 || got.Reused != 4 {
			t.Errorf("got %+v, want four connections", got)
		}
		_, err := fetch(ctx, s, plain.at("origin.test", "/"), aiohttp.WithProxy("socks5h://user:wrong@"+p.Addr().String()))
		var e *aiohttp.ClientProxyConnectionError
		if !errors.As(err, &e) || e.Phase != aiohttp.PhaseProxy || strings.Contains(err.Error(), "wrong") {
			t.Errorf("wrong password: got %v", err)
		}
		_, err = fetch(ctx, s, "http://127.0.0.3:1/", aiohttp.WithProxy("socks5://"+authority))
		if !errors.As(err, &e) || !strings.Contains(err.Error(), "host unreachable") || !strings.Contains(err.Error(), "127.0.0.3:1") {
			t.Errorf("refused: got %v", err)
		}
		return nil
	})
	want := fmt.Sprintf("origin.test:%[1]s, example.com:%[2]s, 127.0.0.3:%[1]s, 127.0.0.1:%[1]s, 127.0.0.3:%[2]s, 127.0.0.1:%[2]s, 127.0.0.3:1", plain.port, secure.port)
	if got := p.seen(); got != want {
		t.Errorf("the proxy was asked for\n%s, want\n%s", got, want)
	}
	for _, seen := range append(plain.all(), secure.all()...) {
		if seen.URI != "/x" || seen.Header["Proxy-Authorization"] != nil {
			t.Errorf("an origin saw %+v", seen)
		}
	}
}

// What is no proxy is found before any I/O.
func TestProxyURLs(t *testing.T) {
	bad := []string{
		"127.0.0.1:3128", "proxy", "ftp://proxy/", "socks6://proxy", "http://", "http://proxy:0", "http://proxy/path", "http://proxy?x",
		"http://2130706433", "http://a\x01b", "http://user\x00:x@proxy", "socks5://" + strings.Repeat("u", 256) + "@proxy",
	}
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession()
		defer s.Close()
		for _, u := range bad {
			_, err := s.Get(ctx, "http://origin.test/", aiohttp.WithProxy(u))
			var e *aiohttp.InvalidRequestError
			if !errors.As(err, &e) || e.Phase != aiohttp.PhaseRequest {
				t.Errorf("%.30q: got %v, want an *InvalidRequestError", u, err)
			}
			if _, err := aiohttp.ParseProxy(u); err == nil {
				t.Errorf("%.30q: parsed", u)
			}
		}
		_, err := s.Get(ctx, "http://origin.test/", aiohttp.WithProxyHeaders(http.Header{"content-length": {"3"}}))
		if !errors.Is(err, aiohttp.ErrClient) {
			t.Errorf("Content-Length for the proxy: got %v", err)
		}
		if got := s.Stats().Connector.Dialed; got != 0 {
			t.Errorf("dialled %d times", got)
		}
		return nil
	})
	if u, err := aiohttp.ParseProxy("socks5h://user:s3cret@[::1]"); err != nil || u.Scheme != "socks5h" || u.User.Username() != "user" {
		t.Errorf("got %v and %v", u, err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a session took a proxy that is none")
		}
	}()
	aiohttp.NewClientSession(aiohttp.WithProxy("proxy"))
}

// hostileProxy answers whatever it is asked with the same bytes; with none it stays silent.
func hostileProxy(t *testing.T, answer string) (url string, closed chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed = make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		buf := make([]byte, 4096)
		c.Read(buf)
		io.WriteString(c, answer)
		for {
			if _, err := c.Read(buf); err != nil {
				close(closed)
				return
			}
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "http://" + l.Addr().String(), closed
}

// The answer to CONNECT has the limits of every answer; whatever is wrong with it, the
// connection is gone.
func TestHostileProxyAnswers(t *testing.T) {
	cases := []struct{ name, answer string }{
		{"garbage", "SSH-2.0-OpenSSH\r\n"},
		{"bytes behind the head", "HTTP/1.1 200 OK\r\n\r\nsurprise"},
		{"a body behind the head", "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsurprise"},
		{"long line", "HTTP/1.1 200 " + strings.Repeat("x", 9000) + "\r\n\r\n"},
		{"long header", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 9000) + "\r\n\r\n"},
		{"many headers", "HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 200) + "\r\n"},
		{"endless interim", strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 70)},
		{"switching", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"},
		{"NUL", "HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n"},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			u, closed := hostileProxy(t, tt.answer)
			onLoop(t, func(ctx context.Context) error {
				s := aiohttp.NewClientSession(aiohttp.WithProxy(u))
				defer s.Close()
				_, err := fetch(ctx, s, "https://origin.test/")
				if !errors.Is(err, aiohttp.ErrClient) || errors.Is(err, aiohttp.ErrClientSSL) {
					t.Errorf("got %v, want an error about the proxy's answer", err)
				}
				if got := s.Stats().Connector; got.InUse+got.Idle != 0 {
					t.Errorf("left %+v", got)
				}
				_, err = asyncio.ToThread(ctx, func(context.Context) (struct{}, error) { <-closed; return struct{}{}, nil })
				return err
			})
		})
	}
}

// D11: waiting for the proxy is a phase of its own, under the limit for dialling.
func TestSilentProxyTimesOut(t *testing.T) {
	for _, scheme := range []string{"http", "socks5h", "https"} {
		t.Run(scheme, func(t *testing.T) {
			phase, sentinel := aiohttp.PhaseProxy, aiohttp.ErrDialTimeout
			limits := aiohttp.ClientTimeout{Dial: 30 * time.Millisecond}
			if scheme == "https" {
				phase, sentinel = aiohttp.PhaseTLS, aiohttp.ErrTLSTimeout
				limits = aiohttp.ClientTimeout{TLS: 30 * time.Millisecond}
			}
			aiotest.Run(t, func(ctx context.Context) error {
				address, closed := silentServer(ctx, t)
				s := aiohttp.NewClientSession(aiohttp.WithProxy(scheme + "://" + address))
				defer s.Close()
				_, err := fetch(ctx, s, "https://origin.test/", aiohttp.WithTimeout(limits))
				var e *aiohttp.ConnectionTimeoutError
				if !errors.As(err, &e) || !errors.Is(err, sentinel) || e.Phase != phase || !e.Timeout() {
					t.Errorf("got %v, want a timeout in phase %v", err, phase)
				}
				if got := s.Stats().Connector; got.InUse+got.Idle != 0 {
					t.Errorf("left %+v", got)
				}
				_, err = closed.Await(ctx)
				return err
			})
		})
	}
}

// A caller that gives up while the proxy thinks leaves no connection behind.
func TestCancelledTunnelIsClosed(t *testing.T) {
	for _, scheme := range []string{"http", "socks5h"} {
		aiotest.Run(t, func(ctx context.Context) error {
			address, closed := silentServer(ctx, t)
			s := aiohttp.NewClientSession(aiohttp.WithProxy(scheme + "://" + address))
			defer s.Close()
			limited, cancel := asyncio.WithTimeout(ctx, 20*time.Millisecond)
			defer cancel()
			if _, err := fetch(limited, s, "https://origin.test/"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			if got := s.Stats().Connector; got.InUse+got.Idle != 0 {
				t.Errorf("left %+v", got)
			}
			_, err := closed.Await(ctx)
			return err
		})
	}
}

// silentServer accepts one connection, of the simulated network, and says nothing until the task
// it returns is done: when the other end has closed it.
func silentServer(ctx context.Context, t *testing.T) (address string, closed *asyncio.Task[int64]) {
	t.Helper()
	l, err := asyncio.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l.Addr().String(), asyncio.CreateTask(ctx, func(ctx context.Context) (int64, error) {
		defer l.Close()
		c, err := l.Accept(ctx)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		n, err := io.Copy(io.Discard, c)
		if errors.Is(err, syscall.ECONNRESET) {
			err = nil
		}
		return n, err
	})
}
