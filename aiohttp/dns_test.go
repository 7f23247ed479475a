package aiohttp_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// C56, CVE-2026-34513: answers are kept for their time, the least recently used go first, every
// answer begins with another address, and one look-up serves all who ask at once.
func TestDNSCache(t *testing.T) {
	const a, b, c = "127.0.0.1", "127.0.0.2", "127.0.0.3"
	hosts := map[string][]string{"one.test": {a}, "three.test": {a, b, c}, "x.test": {a}, "y.test": {a}, "z.test": {a}}
	ask := func(ctx context.Context, d *aiohttp.DNSCache, host string) string {
		addrs, err := d.Lookup(ctx, host)
		if err != nil {
			return err.Error()
		}
		var s []string
		for _, ip := range addrs {
			s = append(s, ip.String()[len("127.0.0."):])
		}
		return strings.Join(s, " ")
	}
	aiotest.Run(t, func(ctx context.Context) error {
		r := &fakeResolver{hosts: hosts}
		d := aiohttp.NewDNSCache(aiohttp.WithResolver(r), aiohttp.WithTTLDNSCache(10*time.Second), aiohttp.WithDNSCacheSize(3))
		for _, want := range []string{"1 2 3", "2 3 1", "3 1 2", "1 2 3"} {
			if got := ask(ctx, d, "three.test"); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		asyncio.Sleep(ctx, 9*time.Second)
		ask(ctx, d, "three.test")
		if r.asked != 1 {
			t.Errorf("asked %d times within the time to live, want once", r.asked)
		}
		asyncio.Sleep(ctx, time.Second)
		ask(ctx, d, "three.test")
		if r.asked != 2 {
			t.Errorf("asked %d times after the time to live, want twice", r.asked)
		}

		for _, host := range []string{"x.test", "y.test", "x.test", "z.test", "x.test", "one.test"} { // y is used least recently
			ask(ctx, d, host)
		}
		r.asked = 0
		for _, host := range []string{"x.test", "z.test", "one.test"} {
			ask(ctx, d, host)
		}
		if r.asked != 0 {
			t.Errorf("asked %d times for what should be cached", r.asked)
		}
		if ask(ctx, d, "y.test"); r.asked != 1 {
			t.Error("the name used least recently was not forgotten")
		}
		r.asked = 0
		if d.Clear("Y.test"); ask(ctx, d, "y.test") != "1" || r.asked != 1 {
			t.Errorf("a name that was cleared was asked for %d times", r.asked)
		}
		return nil
	})
	aiotest.Run(t, func(ctx context.Context) error {
		for ttl, want := range map[time.Duration]int{0: 2, -1: 1} {
			r := &fakeResolver{hosts: hosts}
			d := aiohttp.NewDNSCache(aiohttp.WithResolver(r), aiohttp.WithTTLDNSCache(ttl), aiohttp.WithDNSCacheSize(3))
			ask(ctx, d, "one.test")
			asyncio.Sleep(ctx, 1000*time.Hour)
			if ask(ctx, d, "one.test"); r.asked != want {
				t.Errorf("time to live %v: asked %d times, want %d", ttl, r.asked, want)
			}
		}
		return nil
	})
}

// ttlResolver says for how long its answers hold.
type ttlResolver struct {
	fakeResolver
	ttl time.Duration
}

func (r *ttlResolver) LookupHostTTL(ctx context.Context, network, host string) ([]netip.Addr, time.Duration, error) {
	addrs, err := r.LookupHost(ctx, network, host)
	return addrs, r.ttl, err
}

// Real times to live take the place of the fixed one, which bounds them if it was asked for.
func TestDNSCacheKeepsTheTimeOfTheRecord(t *testing.T) {
	cases := []struct {
		name       string
		ttl        time.Duration
		opts       []aiohttp.ConnectorOption
		kept, gone time.Duration // when the answer is still, and no longer, remembered
	}{
		{"longer than the default", time.Hour, nil, time.Hour - 1, time.Hour},
		{"shorter than the default", time.Second, nil, time.Second - 1, time.Second},
		{"zero", 0, nil, -1, 0},
		{"bounded", time.Hour, []aiohttp.ConnectorOption{aiohttp.WithTTLDNSCache(time.Minute)}, time.Minute - 1, time.Minute},
		{"for ever is not", time.Hour, []aiohttp.ConnectorOption{aiohttp.WithTTLDNSCache(-1)}, time.Hour - 1, time.Hour},
		{"turned off", time.Hour, []aiohttp.ConnectorOption{aiohttp.WithTTLDNSCache(0)}, -1, 0},
		{"endless", 1<<63 - 1, nil, 1000 * time.Hour, -1},
	}
	for _, tt := range cases {
		for _, wait := range []time.Duration{tt.kept, tt.gone} {
			if wait < 0 {
				continue
			}
			aiotest.Run(t, func(ctx context.Context) error {
				r := &ttlResolver{fakeResolver{hosts: map[string][]string{"h.test": {"127.0.0.1"}}}, tt.ttl}
				d := aiohttp.NewDNSCache(append(tt.opts, aiohttp.WithResolver(r))...)
				d.Lookup(ctx, "h.test")
				asyncio.Sleep(ctx, wait)
				_, err := d.Lookup(ctx, "h.test")
				if want := map[bool]int{true: 1, false: 2}[wait == tt.kept]; r.asked != want {
					t.Errorf("%s: asked %d times within %v, want %d", tt.name, r.asked, wait, want)
				}
				return err
			})
		}
	}
}

// slowResolver answers after a second.
type slowResolver struct{ started, ended int }

func (r *slowResolver) LookupHost(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	r.started++
	defer func() { r.ended++ }()
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, asyncio.Sleep(ctx, time.Second)
}

// What was asked before the cache was cleared answers those who wait for it, and nobody else.
func TestClearedDNSCacheStaysClear(t *testing.T) {
	for name, hosts := range map[string][]string{"all": nil, "one host": {"other", "H"}} {
		t.Run(name, func(t *testing.T) {
			aiotest.Run(t, func(ctx context.Context) error {
				r := &slowResolver{}
				d := aiohttp.NewDNSCache(aiohttp.WithResolver(r), aiohttp.WithTTLDNSCache(-1), aiohttp.WithDNSCacheSize(10))
				lookUp := func(ctx context.Context) ([]netip.Addr, error) { return d.Lookup(ctx, "h") }
				before := asyncio.CreateTask(ctx, lookUp)
				asyncio.Sleep(ctx, 500*time.Millisecond)
				d.Clear(hosts...)
				after := asyncio.CreateTask(ctx, lookUp)
				if got, err := before.Await(ctx); len(got) != 1 || err != nil {
					t.Errorf("who asked before got %v and %v", got, err)
				}
				if _, err := d.Lookup(ctx, "h"); err != nil || r.started != 2 {
					t.Errorf("got %v after %d look-ups, want the second one shared", err, r.started)
				}
				if _, err := after.Await(ctx); err != nil {
					t.Error(err)
				}
				if _, err := d.Lookup(ctx, "h"); err != nil || r.started != 2 {
					t.Errorf("got %v after %d look-ups, want the second one remembered", err, r.started)
				}
				return nil
			})
		})
	}
}

// One caller's cancellation does not reach the look-up of the others; that of the
// last one does.
func TestSharedLookupSurvivesOneCancellation(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		r := &slowResolver{}
		d := aiohttp.NewDNSCache(aiohttp.WithResolver(r), aiohttp.WithTTLDNSCache(0), aiohttp.WithDNSCacheSize(10))
		start := func() *asyncio.Task[[]netip.Addr] {
			return asyncio.CreateTask(ctx, func(ctx context.Context) ([]netip.Addr, error) { return d.Lookup(ctx, "h") })
		}
		first, second := start(), start()
		asyncio.Sleep(ctx, 500*time.Millisecond)
		first.Cancel(nil)
		if _, err := first.Await(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if addrs, err := second.Await(ctx); len(addrs) != 1 || err != nil || r.started != 1 {
			t.Errorf("got %v and %v after %d look-ups", addrs, err, r.started)
		}
		only := start()
		asyncio.Sleep(ctx, 500*time.Millisecond)
		only.Cancel(nil)
		only.Await(ctx)
		asyncio.Sleep(ctx, 0)
		asyncio.Sleep(ctx, 0)
		if r.ended != 2 {
			t.Error("a look-up nobody waits for goes on")
		}
		return nil
	})
}

// A resolver that panics fails those who have asked, not everybody who ever will.
func TestLookupAfterThePanicOfAResolver(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		asked := 0
		d := aiohttp.NewDNSCache(aiohttp.WithResolver(resolverFunc(func(context.Context) ([]netip.Addr, error) {
			if asked++; asked == 1 {
				panic("resolver")
			}
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		})))
		var panicked *asyncio.PanicError
		if _, err := d.Lookup(ctx, "h"); !errors.As(err, &panicked) {
			t.Errorf("got %v, want the panic", err)
		}
		if addrs, err := d.Lookup(ctx, "h"); len(addrs) != 1 || err != nil {
			t.Errorf("got %v, %v", addrs, err)
		}
		return nil
	})
}

// A look-up that fails after the last of those who wanted it has left is nobody's failure.
func TestAbandonedLookupMayFail(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		noSuchHost := &net.DNSError{Err: "no such host", Name: "h", IsNotFound: true}
		deaf := resolverFunc(func(ctx context.Context) ([]netip.Addr, error) {
			asyncio.Sleep(context.WithoutCancel(ctx), time.Second)
			return nil, noSuchHost
		})
		d := aiohttp.NewDNSCache(aiohttp.WithResolver(deaf))
		for _, patience := range []time.Duration{time.Second / 2, time.Second} {
			limited, cancel := asyncio.WithTimeout(ctx, patience)
			defer cancel()
			if _, err := d.Lookup(limited, "h"); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, noSuchHost) {
				t.Errorf("after %v: got %v", patience, err)
			}
		}
		return asyncio.Sleep(ctx, time.Minute)
	})
}

type resolverFunc func(ctx context.Context) ([]netip.Addr, error)

func (f resolverFunc) LookupHost(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	return f(ctx)
}

// D11: the limits of looking up, dialling and handshaking, each by itself.
func TestConnectionPhasesHaveTheirLimits(t *testing.T) {
	short := 30 * time.Millisecond
	aiotest.Run(t, func(ctx context.Context) error {
		mute, err := asyncio.Listen(ctx, "tcp", "127.0.0.1:0") // accepts by backlog, never answers
		if err != nil {
			return err
		}
		defer mute.Close()
		_, port, _ := net.SplitHostPort(mute.Addr().String())
		s := aiohttp.NewClientSession(aiohttp.WithConnector(aiohttp.NewTCPConnector(aiohttp.WithResolver(&slowResolver{}))))
		defer s.Connector().Close()
		for _, c := range []struct {
			url    string
			limits aiohttp.ClientTimeout
			want   error
			phase  aiohttp.Phase
		}{
			{"http://h.test/", aiohttp.ClientTimeout{DNS: short}, aiohttp.ErrDNSTimeout, aiohttp.PhaseDNS},
			{"http://h.test/", aiohttp.ClientTimeout{Total: short}, aiohttp.ErrTotalTimeout, aiohttp.PhaseDNS},
			{"https://127.0.0.1:" + port, aiohttp.ClientTimeout{TLS: short}, aiohttp.ErrTLSTimeout, aiohttp.PhaseTLS},
			{"https://127.0.0.1:" + port, aiohttp.ClientTimeout{Total: short}, aiohttp.ErrTotalTimeout, aiohttp.PhaseTLS},
		} {
			_, err := s.Get(ctx, c.url, aiohttp.WithTimeout(c.limits))
			var located interface{ Located() aiohttp.Where }
			if !errors.Is(err, c.want) || !errors.As(err, &located) || located.Located().Phase != c.phase {
				t.Errorf("%s with %+v: got %v, want %v", c.url, c.limits, err, c.want)
			}
			if got := s.Stats().Connector; got.InUse != 0 {
				t.Errorf("%s: got %+v, want nothing left", c.url, got)
			}
		}
		return nil
	})
}

// C53: an address that refuses, speaks no TLS, or has the wrong certificate is skipped,
// whether attempts overlap or not; the last one is the right one.
func TestAddressesThatFailAreSkipped(t *testing.T) {
	good := newOrigin(t, true, nil)
	plain, err := net.Listen("tcp", "127.0.0.2:"+good.port)
	if err != nil && runtime.GOOS != "linux" {
		t.Skip(err) // systems that have 127.0.0.1 alone on their loopback; Linux has all of 127/8
	}
	if err != nil {
		t.Fatal(err)
	}
	other := &http.Server{Handler: http.NotFoundHandler()}
	go other.Serve(plain)
	defer other.Close()
	wrong, err := net.Listen("tcp", "127.0.0.3:"+good.port)
	if err != nil {
		t.Fatal(err)
	}
	defer wrong.Close()
	go (&http.Server{Handler: http.NotFoundHandler(), ErrorLog: log.New(io.Discard, "", 0)}).Serve(tls.NewListener(wrong, otherCertificate(t)))
	sum := sha256.Sum256(good.Certificate().Raw)
	resolver := &fakeResolver{hosts: map[string][]string{"example.com": {"127.0.0.4", "127.0.0.2", "127.0.0.3", "127.0.0.1"}, "bad.example.com": {"127.0.0.4", "127.0.0.2", "127.0.0.3"}}}
	for name, how := range map[string]aiohttp.RequestOption{
		"certificate": aiohttp.WithTLSConfig(trusting(good.Server)),
		"fingerprint": aiohttp.WithFingerprint(sum[:]),
	} {
		for _, delay := range []time.Duration{-1, time.Nanosecond, 250 * time.Millisecond} {
			onLoop(t, func(ctx context.Context) error {
				connector := aiohttp.NewTCPConnector(aiohttp.WithResolver(resolver), aiohttp.WithTTLDNSCache(0), aiohttp.WithHappyEyeballsDelay(delay))
				defer connector.Close()
				s := aiohttp.NewClientSession(aiohttp.WithConnector(connector))
				defer s.Close()
				if got, err := fetch(ctx, s, good.at("example.com", "/"), how); got != "origin got " || err != nil {
					t.Errorf("%s, delay %v: got %q and %v", name, delay, got, err)
				}
				_, err := fetch(ctx, s, good.at("bad.example.com", "/"), how)
				if !errors.Is(err, aiohttp.ErrClientSSL) && !errors.Is(err, aiohttp.ErrServerConnection) {
					t.Errorf("%s, delay %v: got %v, want the failure of the last address", name, delay, err)
				}
				if got := connector.Stats(); got.InUse != 0 || got.Dialed != 1 {
					t.Errorf("%s, delay %v: got %+v", name, delay, got)
				}
				return nil
			})
		}
	}
}

// otherCertificate is a TLS configuration with a certificate nobody trusts.
func otherCertificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"example.com"}, NotAfter: time.Unix(1<<33, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}
