package aiohttp_test

// The client over real sockets, against net/http. Everything that can be tested in
// memory is tested there.

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// onLoop runs body on a real loop.
func onLoop(t *testing.T, body func(ctx context.Context) error) {
	t.Helper()
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) { return struct{}{}, body(ctx) })
	if err != nil {
		t.Error(err)
	}
}

func fetch(ctx context.Context, s *aiohttp.ClientSession, url string, opts ...aiohttp.RequestOption) (string, error) {
	resp, err := s.Get(ctx, url, opts...)
	if err != nil {
		return "", err
	}
	defer resp.Close()
	return resp.Text(ctx)
}

func TestRequestsOverTCP(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %d %s", r.Method, r.URL, len(body), strings.Repeat("x", 200_000))
	}))
	defer server.Close()
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession()
		defer s.Close()
		for i := range 3 {
			resp, err := s.Post(ctx, server.URL+"/p", aiohttp.WithData(make([]byte, i*1_000_000)))
			if err != nil {
				return err
			}
			got, err := resp.Text(ctx)
			if want := fmt.Sprintf("POST /p %d ", i*1_000_000); !strings.HasPrefix(got, want) || len(got) != len(want)+200_000 || err != nil {
				t.Errorf("got %.40q (%d bytes) and %v, want %q", got, len(got), err, want)
			}
		}
		if got := s.Stats().Connector; got.Dialed != 1 || got.Reused != 2 {
			t.Errorf("got %+v, want one connection", got)
		}
		return nil
	})
}

func TestRequestsOverTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Write(body)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	trusting := &tls.Config{RootCAs: roots}
	sum := sha256.Sum256(server.Certificate().Raw)
	wrong := sha256.Sum256([]byte("no"))
	big := strings.Repeat("0123456789abcdef", 50_000)
	cases := []struct {
		name string
		opts []aiohttp.RequestOption
		ok   func(error) bool
	}{
		{"unknown authority", nil, func(err error) bool {
			var e *aiohttp.ClientConnectorCertificateError
			return errors.As(err, &e) && errors.Is(err, aiohttp.ErrClientSSL) && errors.Is(err, aiohttp.ErrClientConnector)
		}},
		{"trusted", []aiohttp.RequestOption{aiohttp.WithTLSConfig(trusting)}, func(err error) bool { return err == nil }},
		{"insecure", []aiohttp.RequestOption{aiohttp.WithInsecureSkipVerify()}, func(err error) bool { return err == nil }},
		{"fingerprint", []aiohttp.RequestOption{aiohttp.WithFingerprint(sum[:])}, func(err error) bool { return err == nil }},
		{"wrong fingerprint", []aiohttp.RequestOption{aiohttp.WithFingerprint(wrong[:])}, func(err error) bool {
			var e *aiohttp.ServerFingerprintMismatch
			return errors.As(err, &e) && string(e.Got) == string(sum[:])
		}},
		// C06, CVE-2026-54275: a pooled connection is not reused under another name.
		{"wrong name", []aiohttp.RequestOption{aiohttp.WithTLSConfig(trusting), aiohttp.WithServerName("other.example.org")}, func(err error) bool {
			var e *aiohttp.ClientConnectorCertificateError
			return errors.As(err, &e)
		}},
	}
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession()
		defer s.Close()
		for _, c := range cases {
			resp, err := s.Post(ctx, server.URL, append(c.opts, aiohttp.WithData(big))...)
			if !c.ok(err) {
				t.Errorf("%s: got %v", c.name, err)
			}
			if err != nil {
				continue
			}
			if got, err := resp.Text(ctx); got != big || err != nil {
				t.Errorf("%s: got %d bytes and %v, want %d", c.name, len(got), err, len(big))
			}
		}
		if got := s.Stats().Connector; got.InUse != 0 || got.Idle != 3 {
			t.Errorf("got %+v, want the three good connections idle", got)
		}
		return nil
	})
}

func TestPlainServerOnTLSPort(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession()
		defer s.Close()
		_, err := fetch(ctx, s, strings.Replace(server.URL, "http:", "https:", 1))
		var e *aiohttp.ClientConnectorSSLError
		if !errors.As(err, &e) {
			t.Errorf("got %v, want a ClientConnectorSSLError", err)
		}
		return nil
	})
}

// fakeResolver maps names to addresses.
type fakeResolver struct {
	hosts map[string][]string
	asked int
}

func (r *fakeResolver) LookupHost(ctx context.Context, _, host string) ([]netip.Addr, error) {
	r.asked++
	if err := asyncio.Sleep(ctx, 0); err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for _, a := range r.hosts[host] {
		addrs = append(addrs, netip.MustParseAddr(a))
	}
	if addrs == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return addrs, nil
}

// C43, C53, C56: names, addresses that do not answer, and what is asked how often.
func TestResolvingAndDialling(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) }))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	resolver := &fakeResolver{hosts: map[string][]string{"good.test": {"127.0.0.1"}, "half.test": {"127.0.0.2", "127.0.0.1"}, "bad.test": {"127.0.0.2"}}}
	onLoop(t, func(ctx context.Context) error {
		for _, c := range []struct {
			host string
			ok   bool
		}{{"good.test", true}, {"half.test", true}, {"bad.test", false}, {"none.test", false}} {
			s := aiohttp.NewClientSession(aiohttp.WithConnector(aiohttp.NewTCPConnector(aiohttp.WithResolver(resolver), aiohttp.WithForceClose())))
			resolver.asked = 0
			for range 3 {
				got, err := fetch(ctx, s, "http://"+c.host+":"+port+"/")
				switch {
				case c.ok && (err != nil || got != c.host+":"+port):
					t.Errorf("%s: got %q and %v", c.host, got, err)
				case !c.ok && !errors.Is(err, aiohttp.ErrClientConnector):
					t.Errorf("%s: got %q and %v, want a connector error", c.host, got, err)
				}
				var dns *aiohttp.ClientConnectorDNSError
				if errors.As(err, &dns) != (c.host == "none.test") {
					t.Errorf("%s: got %v", c.host, err)
				}
			}
			if want := map[bool]int{true: 3, false: 1}[c.host == "none.test"]; resolver.asked != want {
				t.Errorf("%s: resolver was asked %d times, want %d", c.host, resolver.asked, want)
			}
			if got := s.Stats().Connector; got.InUse != 0 || got.Idle != 0 {
				t.Errorf("%s: got %+v, want no connection left", c.host, got)
			}
			s.Connector().Close()
		}
		return nil
	})
}

func TestRefusedConnectionNamesURLAndReason(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + listener.Addr().String() + "/path"
	listener.Close()
	onLoop(t, func(ctx context.Context) error {
		_, err := aiohttp.Request(ctx, "GET", url)
		var e *aiohttp.ClientConnectorError
		if !errors.As(err, &e) || e.Phase != aiohttp.PhaseDial || e.URL != url || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("got %v, want a refused connection to %s", err, url)
		}
		return nil
	})
}

func TestThrowAwaySessionLeavesNothing(t *testing.T) {
	closed := make(chan struct{}, 8)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/here", http.StatusFound)
			return
		}
		io.WriteString(w, "once")
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.Start()
	defer server.Close()
	onLoop(t, func(ctx context.Context) error {
		resp, err := aiohttp.Request(ctx, "GET", server.URL)
		if err != nil {
			return err
		}
		if got, err := resp.Text(ctx); got != "once" || err != nil {
			t.Errorf("got %q and %v", got, err)
		}
		_, err = asyncio.ToThread(ctx, func(context.Context) (struct{}, error) { <-closed; return struct{}{}, nil })
		return err
	})
}

// C47: traces tell of waiting for the pool, of look-ups, and of what the cache knew.
func TestTracesOfTheWayToAConnection(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) }))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	logs := map[any][]string{} // by what WithTraceData was given
	plain := func(what string) func(context.Context, *aiohttp.TraceInfo) {
		return func(_ context.Context, i *aiohttp.TraceInfo) { logs[i.Data] = append(logs[i.Data], what) }
	}
	named := func(what string) func(context.Context, *aiohttp.TraceInfo, string) {
		return func(_ context.Context, i *aiohttp.TraceInfo, host string) {
			logs[i.Data] = append(logs[i.Data], what+" "+host)
		}
	}
	trace := &aiohttp.TraceConfig{
		ConnectionQueuedStart: plain("queue"), ConnectionQueuedEnd: plain("queued"), ConnectionReuse: plain("reuse"),
		ConnectionCreateStart: plain("create"), ConnectionCreateEnd: plain("created"),
		DNSResolveHostStart: named("resolve"), DNSResolveHostEnd: named("resolved"), DNSCacheHit: named("hit"), DNSCacheMiss: named("miss"),
	}
	onLoop(t, func(ctx context.Context) error {
		resolver := &fakeResolver{hosts: map[string][]string{"good.test": {"127.0.0.1"}}}
		connector := aiohttp.NewTCPConnector(aiohttp.WithResolver(resolver), aiohttp.WithLimit(1), aiohttp.WithForceClose())
		defer connector.Close()
		s := aiohttp.NewClientSession(aiohttp.WithConnector(connector), aiohttp.WithTrace(trace))
		defer s.Close()
		return asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			for i := range 2 {
				g.Go(func(ctx context.Context) error {
					_, err := fetch(ctx, s, "http://good.test:"+port, aiohttp.WithTraceData(i))
					return err
				})
			}
			return nil
		})
	})
	for i, want := range [][]string{
		{"create", "miss good.test", "resolve good.test", "resolved good.test", "created"},
		{"queue", "queued", "create", "hit good.test", "created"},
	} {
		if !slices.Equal(logs[i], want) {
			t.Errorf("request %d: got %q, want %q", i, logs[i], want)
		}
	}
}
