package aiohttp_test

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/aio-go/aio/aiohttp"
)

func TestEnvironmentChoosesTheProxy(t *testing.T) {
	both := map[string]string{"http_proxy": "http://h:1", "https_proxy": "http://s:2"}
	with := func(base map[string]string, pairs ...string) map[string]string {
		out := map[string]string{}
		for k, v := range base {
			out[k] = v
		}
		for i := 0; i < len(pairs); i += 2 {
			out[pairs[i]] = pairs[i+1]
		}
		return out
	}
	cases := []struct {
		name string
		env  map[string]string
		url  string
		ws   bool
		want string
	}{
		{"nothing", nil, "http://a.test/", false, "direct"},
		{"http", both, "http://a.test/", false, "http://h:1"},
		{"https", both, "https://a.test/", false, "http://s:2"},
		{"only the other scheme", map[string]string{"https_proxy": "http://s:2"}, "http://a.test/", false, "direct"},
		{"upper case", map[string]string{"HTTP_PROXY": "http://u:1"}, "http://a.test/", false, "http://u:1"},
		{"lower case first", with(both, "HTTP_PROXY", "http://u:1"), "http://a.test/", false, "http://h:1"},
		{"upper case in CGI", map[string]string{"HTTP_PROXY": "http://u:1", "REQUEST_METHOD": "GET"}, "http://a.test/", false, "direct"},
		{"https in CGI", map[string]string{"HTTPS_PROXY": "http://u:1", "REQUEST_METHOD": "GET"}, "https://a.test/", false, "http://u:1"},
		{"no scheme", map[string]string{"http_proxy": "h:1"}, "http://a.test/", false, "http://h:1"},
		{"encrypted proxy", map[string]string{"http_proxy": "https://h"}, "http://a.test/", false, "https://h:443"},
		{"SOCKS for all", map[string]string{"ALL_PROXY": "socks5h://h"}, "https://a.test/", false, "socks5h://h:1080"},
		{"all last", with(both, "all_proxy", "socks5://h"), "https://a.test/", false, "http://s:2"},
		{"WebSocket", with(both, "ws_proxy", "http://w:3"), "http://a.test/", true, "http://w:3"},
		{"WebSocket over TLS", with(both, "wss_proxy", "http://w:4"), "https://a.test/", true, "http://w:4"},
		{"WebSocket without its own", both, "https://a.test/", true, "http://s:2"},
		{"not a WebSocket", with(both, "ws_proxy", "http://w:3"), "http://a.test/", false, "http://h:1"},
		{"not a proxy", map[string]string{"http_proxy": "ftp://h"}, "http://a.test/", false,
			`environment variable http_proxy: proxy "ftp://h": scheme ftp is none of http, https, socks5, socks5h, socks4 and socks4a`},
		{"not a proxy, and not needed", map[string]string{"http_proxy": "ftp://h", "no_proxy": "a.test"}, "http://a.test/", false, "direct"},

		{"this machine", both, "http://localhost:8080/", false, "direct"},
		{"this machine's address", both, "http://127.0.0.1/", false, "direct"},
		{"no_proxy host", with(both, "no_proxy", "b.test, a.test"), "http://a.test/", false, "direct"},
		{"no_proxy subdomain", with(both, "no_proxy", "a.test"), "http://x.a.test/", false, "direct"},
		{"no_proxy other", with(both, "no_proxy", "a.test"), "http://xa.test/", false, "http://h:1"},
		{"no_proxy dot: below", with(both, "no_proxy", ".a.test"), "http://x.a.test/", false, "direct"},
		{"no_proxy dot: itself not", with(both, "no_proxy", ".a.test"), "http://a.test/", false, "http://h:1"},
		{"no_proxy star", with(both, "no_proxy", "*"), "https://a.test/", false, "direct"},
		{"no_proxy port", with(both, "no_proxy", "a.test:8080"), "http://a.test:8080/", false, "direct"},
		{"no_proxy other port", with(both, "no_proxy", "a.test:8080"), "http://a.test/", false, "http://h:1"},
		{"no_proxy address", with(both, "no_proxy", "10.1.2.3"), "http://10.1.2.3/", false, "direct"},
		{"no_proxy CIDR", with(both, "no_proxy", "10.0.0.0/8,fd00::/8"), "http://10.1.2.3/", false, "direct"},
		{"no_proxy CIDR, IPv6", with(both, "no_proxy", "10.0.0.0/8,fd00::/8"), "http://[fd00::1]:8080/", false, "direct"},
		{"no_proxy CIDR, outside", with(both, "no_proxy", "10.0.0.0/8"), "http://11.1.2.3/", false, "http://h:1"},
		{"NO_PROXY", with(both, "NO_PROXY", "a.test"), "http://a.test/", false, "direct"},
	}
	onLoop(t, func(ctx context.Context) error {
		for _, tt := range cases {
			if got := aiohttp.EnvironmentProxy(ctx, tt.env, tt.url, tt.ws); got != tt.want {
				t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
			}
		}
		return nil
	})
}

// setEnvironment makes sure that nothing of the machine's own environment is left.
func setEnvironment(t *testing.T, pairs ...string) {
	t.Helper()
	for _, name := range []string{"http_proxy", "https_proxy", "ws_proxy", "wss_proxy", "all_proxy", "no_proxy", "netrc", "request_method"} {
		t.Setenv(name, "")
		t.Setenv(strings.ToUpper(name), "")
	}
	t.Setenv("HOME", t.TempDir())
	for i := 0; i < len(pairs); i += 2 {
		t.Setenv(pairs[i], pairs[i+1])
	}
}

func netrcFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "netrc")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// C73: the proxy is chosen anew after a redirect, and takes nothing of the last one's
// credentials along.
func TestRedirectChoosesTheProxyAnew(t *testing.T) {
	secure := newOrigin(t, true, nil)
	plain := newOrigin(t, false, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, secure.at("example.com", "/there"), http.StatusFound)
	})
	p, q := newHTTPProxy(t, false), newHTTPProxy(t, false)
	setEnvironment(t, "http_proxy", withUser(p.URL, "user", "s3cret"), "https_proxy", q.URL)
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession(aiohttp.WithTrustEnv(), aiohttp.WithTLSConfig(trusting(secure.Server)))
		defer s.Close()
		if got, err := fetch(ctx, s, plain.at("origin.test", "/here")); got != "origin got " || err != nil {
			t.Errorf("got %q and %v", got, err)
		}
		// Without trust the environment has no say.
		u := aiohttp.NewClientSession()
		defer u.Close()
		if _, err := fetch(ctx, u, "http://origin.invalid:"+plain.port+"/"); !errors.Is(err, aiohttp.ErrClientConnector) {
			t.Errorf("untrusted: got %v, want an unknown host", err)
		}
		return nil
	})
	if got := p.all(); len(got) != 1 || got[0].Header.Get("Proxy-Authorization") != basic("user", "s3cret") {
		t.Errorf("the first proxy saw %+v", got)
	}
	if got := q.all(); len(got) != 1 || got[0].Method != http.MethodConnect || got[0].Header["Proxy-Authorization"] != nil {
		t.Errorf("the second proxy saw %+v", got)
	}
	for _, seen := range append(plain.all(), secure.all()...) {
		if seen.Header["Proxy-Authorization"] != nil {
			t.Errorf("an origin saw %v", seen.Header)
		}
	}
}

// C74: a proxy of the environment gets what netrc has for its host, never the default.
func TestNetrcForTheProxy(t *testing.T) {
	o := newOrigin(t, false, nil)
	for _, tt := range []struct{ netrc, want string }{
		{"machine 127.0.0.1 login user password s3cret", basic("user", "s3cret")},
		{"machine 127.0.0.2 login user password s3cret", ""},
		{"default login user password s3cret", ""},
	} {
		p := newHTTPProxy(t, false)
		setEnvironment(t, "http_proxy", p.URL, "NETRC", netrcFile(t, tt.netrc))
		onLoop(t, func(ctx context.Context) error {
			s := aiohttp.NewClientSession(aiohttp.WithTrustEnv())
			defer s.Close()
			_, err := fetch(ctx, s, o.at("origin.test", "/"))
			return err
		})
		if got := p.all(); len(got) != 1 || got[0].Header.Get("Proxy-Authorization") != tt.want {
			t.Errorf("%s: the proxy saw %v, want %q", tt.netrc, got, tt.want)
		}
	}
}

// C48: netrc is asked only with trust, for the host at hand, and when nobody gave
// credentials.
func TestNetrcGivesWhatNobodyGave(t *testing.T) {
	const one = "machine 127.0.0.1 login user password s3cret"
	o := newOrigin(t, false, nil)
	withUserinfo := strings.Replace(o.URL, "//", "//own:pw@", 1)
	cases := []struct {
		name, netrc, url string
		trust            bool
		session          []aiohttp.SessionOption
		opts             []aiohttp.RequestOption
		want             string
	}{
		{"trusted", one, o.URL, true, nil, nil, basic("user", "s3cret")},
		{"not trusted", one, o.URL, false, nil, nil, ""},
		{"WithAuth wins", one, o.URL, true, nil, []aiohttp.RequestOption{aiohttp.WithAuth("own", "pw")}, basic("own", "pw")},
		{"header wins", one, o.URL, true, nil, []aiohttp.RequestOption{aiohttp.WithHeaders(http.Header{"authorization": {"Token x"}})}, "Token x"},
		{"session's header wins", one, o.URL, true, []aiohttp.SessionOption{aiohttp.WithHeaders(http.Header{"Authorization": {"Token y"}})}, nil, "Token y"},
		{"URL wins", one, withUserinfo, true, nil, nil, basic("own", "pw")},
		{"other host", "machine other.test login user password s3cret", o.URL, true, nil, nil, ""},
		{"default", "default login user password s3cret", o.URL, true, nil, nil, basic("user", "s3cret")},
		{"malformed", "machine 127.0.0.1 login user password", o.URL, true, nil, nil, ""},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			before := len(o.all())
			setEnvironment(t, "NETRC", netrcFile(t, tt.netrc))
			onLoop(t, func(ctx context.Context) error {
				opts := tt.session
				if tt.trust {
					opts = append(opts, aiohttp.WithTrustEnv())
				}
				s := aiohttp.NewClientSession(opts...)
				defer s.Close()
				for range 2 {
					if _, err := fetch(ctx, s, tt.url, tt.opts...); err != nil {
						return err
					}
				}
				return nil
			})
			auth := o.headers("Authorization")[before:]
			if len(auth) != 2 || auth[0] != tt.want || auth[1] != tt.want {
				t.Errorf("the server saw %q, want %q", auth, tt.want)
			}
		})
	}
}

// A file that was named has to be good, and holds without trust in the environment.
func TestNamedNetrcMustBeGood(t *testing.T) {
	setEnvironment(t, "NETRC", netrcFile(t, "machine 127.0.0.1 login env password no"))
	o := newOrigin(t, false, nil)
	good := netrcFile(t, "machine 127.0.0.1 login user password s3cret")
	for path, want := range map[string]string{good: basic("user", "s3cret"), good + "-none": "no such file", netrcFile(t, "machine"): "line 1: machine without a value", t.TempDir(): "is not a regular file"} {
		onLoop(t, func(ctx context.Context) error {
			s := aiohttp.NewClientSession(aiohttp.WithNetrc(path))
			defer s.Close()
			_, err := fetch(ctx, s, o.URL)
			if path == good {
				if got := o.headers("Authorization"); err != nil || got[len(got)-1] != want {
					t.Errorf("got %q and %v, want %q", got, err, want)
				}
			} else if !errors.Is(err, aiohttp.ErrClient) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %s", path, err, want)
			}
			return nil
		})
	}
}

// After a redirect to another origin netrc is asked for that host, and its default entry,
// which is meant for hosts the user named, is not used.
func TestNetrcAfterRedirect(t *testing.T) {
	for _, tt := range []struct{ netrc, first, second string }{
		{"machine localhost login a password b\nmachine 127.0.0.1 login c password d", basic("c", "d"), basic("a", "b")},
		{"machine 127.0.0.1 login c password d\ndefault login x password y", basic("c", "d"), ""},
	} {
		second := newOrigin(t, false, nil)
		first := newOrigin(t, false, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://localhost:"+second.port, http.StatusFound)
		})
		setEnvironment(t, "NETRC", netrcFile(t, tt.netrc))
		onLoop(t, func(ctx context.Context) error {
			s := aiohttp.NewClientSession(aiohttp.WithTrustEnv())
			defer s.Close()
			_, err := fetch(ctx, s, first.URL)
			return err
		})
		got := append(first.headers("Authorization"), second.headers("Authorization")...)
		if len(got) != 2 || got[0] != tt.first || got[1] != tt.second {
			t.Errorf("%q: got %q, want %q and %q", tt.netrc, got, tt.first, tt.second)
		}
	}
}

// The file in the home directory holds only if nobody else can read it.
func TestNetrcAtHomeMustBePrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions of Windows are not those of a mode")
	}
	o := newOrigin(t, false, nil)
	for mode, want := range map[os.FileMode]string{0o600: basic("user", "s3cret"), 0o640: "", 0o604: ""} {
		setEnvironment(t)
		path := filepath.Join(os.Getenv("HOME"), ".netrc")
		if err := os.WriteFile(path, []byte("machine 127.0.0.1\n\tlogin user\n\tpassword s3cret\n"), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		onLoop(t, func(ctx context.Context) error {
			s := aiohttp.NewClientSession(aiohttp.WithTrustEnv())
			defer s.Close()
			_, err := fetch(ctx, s, o.URL)
			return err
		})
		auth := o.headers("Authorization")
		if got := auth[len(auth)-1]; got != want {
			t.Errorf("mode %o: got %q, want %q", mode, got, want)
		}
	}
}

// frameBack answers a WebSocket handshake (RFC 6455 section 4.2.2) and sends short
// frames back.
func frameBack(w http.ResponseWriter, r *http.Request) {
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	c, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+
		base64.StdEncoding.EncodeToString(sum[:])+"\r\n\r\n")
	for {
		head := make([]byte, 6)
		if _, err := io.ReadFull(rw, head); err != nil {
			return
		}
		payload := make([]byte, head[1]&0x7f)
		io.ReadFull(rw, payload)
		for i := range payload {
			payload[i] ^= head[2+i%4]
		}
		c.Write(append([]byte{head[0], byte(len(payload))}, payload...))
	}
}

// WebSockets go through a tunnel, be the URL ws or wss, and find their proxy in variables
// of their own; SOCKS carries them as anything else.
func TestWebSocketsThroughProxies(t *testing.T) {
	plain, secure := newOrigin(t, false, frameBack), newOrigin(t, true, frameBack)
	p, q, socks := newHTTPProxy(t, false), newHTTPProxy(t, true), newSOCKSProxy(t, "", "", nil)
	setEnvironment(t, "ws_proxy", p.URL, "wss_proxy", withUser(q.URL, "user", "s3cret"), "http_proxy", "http://127.0.0.1:1")
	config := trusting(secure.Server, q.Server)
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession(aiohttp.WithTrustEnv(), aiohttp.WithTLSConfig(config))
		defer s.Close()
		talk := func(u string, opts ...aiohttp.RequestOption) {
			ws, err := s.WSConnect(ctx, "ws"+strings.TrimPrefix(u, "http"), opts...)
			if err != nil {
				t.Errorf("%s: %v", u, err)
				return
			}
			defer ws.Close(ctx, aiohttp.WSCloseOK, "")
			ws.SendString(ctx, "hello")
			if got, err := ws.ReceiveString(ctx); got != "hello" || err != nil {
				t.Errorf("%s: got %q and %v", u, got, err)
			}
		}
		talk(plain.at("origin.test", "/ws"))
		talk(secure.at("example.com", "/ws"))
		talk(plain.at("origin.test", "/ws"), aiohttp.WithProxy("socks5h://"+socks.Addr().String()))
		return nil
	})
	if got, want := p.lines(), "CONNECT origin.test:"+plain.port; got != want {
		t.Errorf("ws_proxy saw %s, want %s", got, want)
	}
	if got := q.all(); len(got) != 1 || got[0].Method != http.MethodConnect || got[0].Header.Get("Proxy-Authorization") != basic("user", "s3cret") {
		t.Errorf("wss_proxy saw %+v", got)
	}
	if got, want := socks.seen(), "origin.test:"+plain.port; got != want {
		t.Errorf("the SOCKS proxy saw %s, want %s", got, want)
	}
}

func TestBasicAuthHeader(t *testing.T) {
	cases := []struct {
		login, password, want string
	}{
		{"Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}, // RFC 7617 section 2
		{"test", "123£", "Basic dGVzdDoxMjPCow=="},                       // section 2.1, UTF-8
		{"a", "b:c", "Basic YTpiOmM="},
		{"a:b", "c", ""},
		{"a", "b\nc", ""},
		{"a\x00", "", ""},
	}
	for _, tt := range cases {
		got, err := aiohttp.EncodeBasicAuth(tt.login, tt.password)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%q %q: got %q and %v, want %q", tt.login, tt.password, got, err, tt.want)
		}
	}
}
