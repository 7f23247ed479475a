package interop_test

// The suite: what a client may be asked to do, the same against every server, in the clear
// and over TLS.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// target is a server at one of its addresses, and a session of its own for each case.
type target struct {
	server
	*testing.T
	base    string
	session *aiohttp.ClientSession
}

var cases = []struct {
	name string
	run  func(ctx context.Context, t *target)
}{
	{"methods", methods},
	{"targets", targets},
	{"bodies of every kind", bodies},
	{"multipart", multiparts},
	{"expect", expectations},
	{"redirects", redirects},
	{"cookies", cookies},
	{"codings", codings},
	{"trailers", trailers},
	{"no body", noBodies},
	{"ranges", ranges},
	{"downloads", downloads},
	{"large bodies", largeBodies},
	{"refused uploads", refusals},
	{"timeouts", timeouts},
	{"cancellation", cancellation},
	{"broken bodies", brokenBodies},
	{"a thousand at once", thousand},
}

func suite(t *testing.T, s server) {
	for _, base := range []string{s.plain, s.tls} {
		scheme, _, _ := strings.Cut(base, ":")
		for _, c := range cases {
			t.Run(scheme+"/"+c.name, func(t *testing.T) {
				onLoop(t, s, base, c.run)
			})
		}
	}
	t.Run("protocol", func(t *testing.T) { onLoop(t, s, s.tls, protocol) })
	t.Run("idle connections", func(t *testing.T) { onLoop(t, s, s.brief, idleConnections) })
}

// onLoop runs one case with a session, which must have nothing under way when it ends.
func onLoop(t *testing.T, s server, base string, run func(ctx context.Context, t *target)) {
	t.Helper()
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		connector := aiohttp.NewTCPConnector(aiohttp.WithTLSConfig(identity(t).trust()), aiohttp.WithLimit(0))
		defer connector.Close()
		jar := aiohttp.NewCookieJar(aiohttp.WithUnsafeCookies()) // the servers have no name
		session := aiohttp.NewClientSession(aiohttp.WithConnector(connector), aiohttp.WithCookieJar(jar),
			aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: time.Minute}))
		defer session.Close()
		run(ctx, &target{server: s, T: t, base: base, session: session})
		if got := session.Stats().Connector; got.InUse != 0 || got.Streams != 0 || got.Waiting != 0 {
			t.Errorf("got %+v, want nothing under way", got)
		}
		return struct{}{}, nil
	})
	if errors.Is(err, syscall.EMFILE) {
		t.Skipf("too few descriptors: %v", err)
	}
	if err != nil {
		t.Error(err)
	}
}

// fetch makes a request and reads the whole body. What fails ends the case.
func (t *target) fetch(ctx context.Context, method, path string, opts ...aiohttp.RequestOption) (*aiohttp.ClientResponse, string) {
	t.Helper()
	resp, err := t.session.Request(ctx, method, t.base+path, opts...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Close()
	body, err := resp.Read(ctx)
	if err != nil {
		t.Fatalf("%s %s: body: %v", method, path, err)
	}
	return resp, string(body)
}

// deliver uploads a body and returns what arrived, as the server gives it back or has
// stored it.
func (t *target) deliver(ctx context.Context, opts ...aiohttp.RequestOption) string {
	t.Helper()
	if t.echoes {
		_, got := t.fetch(ctx, http.MethodPost, "/echo", opts...)
		return got
	}
	resp, _ := t.fetch(ctx, http.MethodPut, "/store/body", opts...)
	if resp.Status != http.StatusCreated && resp.Status != http.StatusNoContent {
		t.Fatalf("PUT: got %d %s", resp.Status, resp.Reason)
	}
	_, got := t.fetch(ctx, http.MethodGet, "/store/body")
	return got
}

// oneConnection checks that all requests so far have shared one.
func (t *target) oneConnection() {
	t.Helper()
	if got := t.session.Stats().Connector; got.Dialed != 1 {
		t.Errorf("got %+v, want one connection for all requests", got)
	}
}

func methods(ctx context.Context, t *target) {
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		resp, got := t.fetch(ctx, method, "/method")
		want := method
		if method == "HEAD" {
			want = ""
		}
		if got != want || resp.Status != 200 {
			t.Errorf("%s: got %d %q", method, resp.Status, got)
		}
	}
	t.oneConnection()
}

// A URL arrives byte for byte.
func targets(ctx context.Context, t *target) {
	for _, path := range []string{"/raw/a%2fb%2Fc", "/raw/%7euser?q=%41&r=a+b%20c", "/raw/x;y=1,2?", "/raw/?a=b=c&&d"} {
		if _, got := t.fetch(ctx, "GET", path+"#fragment"); got != path {
			t.Errorf("got %q, want %q", got, path)
		}
	}
}

// protocol is what was agreed on in the handshake.
func protocol(ctx context.Context, t *target) {
	resp, got := t.fetch(ctx, "GET", "/method")
	if resp.Proto != t.proto || got != "GET" {
		t.Errorf("got %s, want %s", resp.Proto, t.proto)
	}
}

func redirects(ctx context.Context, t *target) {
	resp, got := t.fetch(ctx, "POST", "/hop", aiohttp.WithData("body"))
	if len(resp.History) != 2 || got != "GET" || resp.URL.Path != "/method" {
		t.Errorf("POST over 302 and 301: got %q from %s after %d redirects", got, resp.URL, len(resp.History))
	}
	// C22: what can be sent again is.
	resp, got = t.fetch(ctx, "PUT", "/keep", aiohttp.WithData(bytes.NewReader(huge[:1<<20])))
	if !t.echoes {
		_, got = t.fetch(ctx, "GET", "/store/kept")
	}
	if len(resp.History) != 1 || got != string(huge[:1<<20]) {
		t.Errorf("PUT over 307: got %d bytes after %d redirects", len(got), len(resp.History))
	}
	resp, _ = t.fetch(ctx, "GET", "/hop", aiohttp.WithAllowRedirects(false))
	if resp.Status != http.StatusFound || !strings.HasSuffix(resp.Headers.Get("Location"), "/hop2") {
		t.Errorf("not followed: got %d to %q", resp.Status, resp.Headers.Get("Location"))
	}
	_, err := t.session.Get(ctx, t.base+"/hop", aiohttp.WithMaxRedirects(1))
	var many *aiohttp.TooManyRedirects
	if !errors.As(err, &many) {
		t.Errorf("got %v, want too many redirects", err)
	}
}

// C41: a cookie that a redirect sets is sent to where it leads.
func cookies(ctx context.Context, t *target) {
	for _, path := range []string{"/cookies/set", "/cookies"} {
		_, got := t.fetch(ctx, "GET", path, aiohttp.WithCookies(&http.Cookie{Name: "mine", Value: "1"}))
		if got != "mine=1; seen=yes" && got != "seen=yes; mine=1" {
			t.Errorf("%s: the server got %q, want both cookies", path, got)
		}
	}
}

// codings of content, as stored and as the server makes them.
func codings(ctx context.Context, t *target) {
	for _, path := range []string{"/coded/gzip", "/coded/deflate", "/coded/br", "/coded/zstd", "/gzip", "/files/text"} {
		resp, got := t.fetch(ctx, "GET", path)
		if got != text {
			t.Errorf("%s: got %d bytes, want the text of %d", path, len(got), len(text))
		}
		if coding := resp.Headers.Get("Content-Encoding"); (coding == "") != (path == "/files/text") {
			t.Errorf("%s: got the coding %q", path, coding)
		}
		_, raw := t.fetch(ctx, "GET", path, aiohttp.WithAutoDecompress(false))
		if (raw == text) != (path == "/files/text") && path != "/gzip" { // nobody has asked for that one
			t.Errorf("%s: got %d bytes as they are sent", path, len(raw))
		}
	}
	t.oneConnection()
}

func trailers(ctx context.Context, t *target) {
	if !t.server.trailers {
		t.Skip("this server cannot send trailers")
	}
	for range 2 {
		resp, got := t.fetch(ctx, "GET", "/trailers")
		if got != text || resp.Trailer().Get("X-Sum") != "42" {
			t.Errorf("got %d bytes and the trailer %v", len(got), resp.Trailer())
		}
	}
	t.oneConnection()
}

// C01, C34: what has no body ends with its head, and the connection is kept.
func noBodies(ctx context.Context, t *target) {
	resp, _ := t.fetch(ctx, "GET", "/files/text")
	validator := aiohttp.WithHeaders(http.Header{"If-Modified-Since": {resp.Headers.Get("Last-Modified")}})
	for _, c := range []struct {
		method, path string
		opts         []aiohttp.RequestOption
		status       int
	}{
		{"HEAD", "/files/big", nil, 200},
		{"GET", "/nothing", nil, 204},
		{"GET", "/files/big", []aiohttp.RequestOption{validator}, 304},
		{"HEAD", "/gzip", nil, 200},
		{"GET", "/method", nil, 200},
	} {
		resp, got := t.fetch(ctx, c.method, c.path, c.opts...)
		if resp.Status != c.status || (got == "") == (c.path == "/method") || !resp.Closed() {
			t.Errorf("%s %s: got %d and %d bytes, want %d", c.method, c.path, resp.Status, len(got), c.status)
		}
		if c.path == "/files/big" && c.method == "HEAD" && resp.ContentLength() != int64(len(huge)) {
			t.Errorf("HEAD: got the length %d, want %d", resp.ContentLength(), len(huge))
		}
	}
	t.oneConnection()
}

// A connection that the server has closed in the meantime is not used, and not missed.
func idleConnections(ctx context.Context, t *target) {
	for n := range 3 {
		t.fetch(ctx, "GET", "/method")
		if got := t.session.Stats().Connector; got.Idle > 1 || got.Dialed != uint64(n+1) { // it may be gone already
			t.Fatalf("after request %d: got %+v", n, got)
		}
		for waited := 0; t.session.Stats().Connector.Idle != 0; waited++ {
			if waited == 6000 {
				t.Fatal("the end of an idle connection was not noticed")
			}
			asyncio.Sleep(ctx, 10*time.Millisecond)
		}
	}
}

func thousand(ctx context.Context, t *target) {
	err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
		for i := range 1000 {
			g.Go(func(ctx context.Context) error {
				path := fmt.Sprintf("/raw/%d", i)
				resp, err := t.session.Get(ctx, t.base+path)
				if err != nil {
					return err
				}
				if got, err := resp.Text(ctx); err != nil || got != path {
					return fmt.Errorf("%s: got %q and %w", path, got, errors.Join(err, io.ErrUnexpectedEOF))
				}
				return nil
			})
		}
		return nil
	})
	if errors.Is(err, syscall.EMFILE) { // of the client or, in this process as well, of the server
		t.Skipf("too few descriptors: %v", err)
	}
	if err != nil {
		t.Error(err)
	}
}
