package aiohttp_test

// What goes on around and inside of tunnels: traces, HTTP/2, redirects.

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aio-go/aio/aiohttp"
)

// The signals of a connection enclose the way through the proxy; the name that is
// looked up is the proxy's.
func TestTracesSeeTheProxy(t *testing.T) {
	o, p := newOrigin(t, true, nil), newHTTPProxy(t, false)
	u, _ := url.Parse(p.URL)
	var events []string
	note := func(name string) func(context.Context, *aiohttp.TraceInfo) {
		return func(context.Context, *aiohttp.TraceInfo) { events = append(events, name) }
	}
	trace := &aiohttp.TraceConfig{
		ConnectionCreateStart: note("create"), ConnectionCreateEnd: note("created"), ConnectionReuse: note("reuse"),
		DNSCacheMiss: func(_ context.Context, _ *aiohttp.TraceInfo, host string) { events = append(events, "miss "+host) },
	}
	onLoop(t, func(ctx context.Context) error {
		connector := aiohttp.NewTCPConnector(aiohttp.WithResolver(&socksResolver{}), aiohttp.WithHappyEyeballsDelay(-1))
		defer connector.Close()
		s := aiohttp.NewClientSession(aiohttp.WithConnector(connector), aiohttp.WithTrace(trace), aiohttp.WithTLSConfig(trusting(o.Server)),
			aiohttp.WithProxy("http://proxy.test:"+u.Port()))
		defer s.Close()
		for range 2 {
			if _, err := fetch(ctx, s, o.at("example.com", "/")); err != nil {
				return err
			}
		}
		return nil
	})
	if got, want := strings.Join(events, ", "), "create, miss proxy.test, created, reuse"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// HTTP/2 is agreed on with the origin, inside of the tunnel, and nothing meant for the
// proxy gets into it, also where the way to the proxy is encrypted as well.
func TestHTTP2InATunnel(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		o := &origin{}
		o.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			o.note(r)
			fmt.Fprint(w, r.Proto)
		}))
		o.EnableHTTP2 = true
		o.StartTLS()
		t.Cleanup(o.Close)
		_, port, _ := strings.Cut(strings.TrimPrefix(o.URL, "https://"), ":")
		p := newHTTPProxy(t, encrypted)
		onLoop(t, func(ctx context.Context) error {
			s := aiohttp.NewClientSession(aiohttp.WithProxy(withUser(p.URL, "user", "s3cret")), aiohttp.WithTLSConfig(trusting(o.Server, p.Server)))
			defer s.Close()
			for range 3 {
				got, err := fetch(ctx, s, "https://example.com:"+port+"/", aiohttp.WithHeaders(http.Header{"Proxy-Authorization": {"stray"}}))
				if err != nil || got != "HTTP/2.0" {
					t.Errorf("encrypted proxy %v: got %q and %v", encrypted, got, err)
				}
			}
			return nil
		})
		if got, want := p.lines(), "CONNECT example.com:"+port; got != want {
			t.Errorf("the proxy saw %s, want %s", got, want)
		}
		for _, seen := range o.all() {
			if seen.Header["Proxy-Authorization"] != nil {
				t.Errorf("the origin saw %v", seen.Header)
			}
		}
	}
}

// A redirect that leaves the origin keeps an explicit proxy, whose credentials are not the
// origin's, and takes nothing of the origin's along.
func TestRedirectKeepsTheProxyOfTheRequest(t *testing.T) {
	secure := newOrigin(t, true, nil)
	plain := newOrigin(t, false, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, secure.at("example.com", "/there"), http.StatusTemporaryRedirect)
	})
	p := newHTTPProxy(t, false)
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession(aiohttp.WithTLSConfig(trusting(secure.Server)))
		defer s.Close()
		resp, err := s.Post(ctx, plain.at("origin.test", "/here"), aiohttp.WithProxy(withUser(p.URL, "user", "s3cret")),
			aiohttp.WithAuth("me", "mine"), aiohttp.WithData("body"))
		if err != nil {
			return err
		}
		if got, err := resp.Text(ctx); got != "origin got body" || err != nil {
			t.Errorf("got %q and %v", got, err)
		}
		return nil
	})
	for _, seen := range p.all() {
		if seen.Header.Get("Proxy-Authorization") != basic("user", "s3cret") {
			t.Errorf("the proxy saw %+v", seen)
		}
	}
	if got := plain.headers("Authorization"); len(got) != 1 || got[0] != basic("me", "mine") {
		t.Errorf("the first origin saw %q", got)
	}
	if got := secure.headers("Authorization"); len(got) != 1 || got[0] != "" || len(p.all()) != 2 {
		t.Errorf("the second origin saw %q, the proxy %d requests", got, len(p.all()))
	}
}
