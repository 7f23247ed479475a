package aiohttp_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// C56: answers are kept for their time, the least recently used go first, every
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
		d := aiohttp.NewDNSCache(r, 10*time.Second, 3)
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
			d := aiohttp.NewDNSCache(r, ttl, 3)
			ask(ctx, d, "one.test")
			asyncio.Sleep(ctx, 1000*time.Hour)
			if ask(ctx, d, "one.test"); r.asked != want {
				t.Errorf("time to live %v: asked %d times, want %d", ttl, r.asked, want)
			}
		}
		return nil
	})
}

// slowResolver answers after a second.
type slowResolver struct{ started, ended int }

func (r *slowResolver) LookupHost(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	r.started++
	defer func() { r.ended++ }()
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, asyncio.Sleep(ctx, time.Second)
}

// One caller's cancellation does not reach the look-up of the others; that of the
// last one does.
func TestSharedLookupSurvivesOneCancellation(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		r := &slowResolver{}
		d := aiohttp.NewDNSCache(r, 0, 10)
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

// D11: the limits of looking up, dialling and handshaking, each by itself.
func TestConnectionPhasesHaveTheirLimits(t *testing.T) {
	mute, err := net.Listen("tcp", "127.0.0.1:0") // accepts by backlog, never answers
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	_, port, _ := net.SplitHostPort(mute.Addr().String())
	short := 30 * time.Millisecond
	onLoop(t, func(ctx context.Context) error {
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

// C53 with TLS: an address whose server is not the right one is skipped.
func TestAddressThatFailsTheHandshakeIsSkipped(t *testing.T) {
	good := httptest.NewTLSServer(http.NotFoundHandler())
	defer good.Close()
	_, port, _ := net.SplitHostPort(good.Listener.Addr().String())
	plain, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		t.Skip(err) // systems that have 127.0.0.1 alone on their loopback; Linux has all of 127/8
	}
	other := &http.Server{Handler: http.NotFoundHandler()}
	go other.Serve(plain)
	defer other.Close()
	resolver := &fakeResolver{hosts: map[string][]string{"h.test": {"127.0.0.2", "127.0.0.1"}}}
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession(aiohttp.WithConnector(aiohttp.NewTCPConnector(aiohttp.WithResolver(resolver))))
		defer s.Connector().Close()
		resp, err := s.Get(ctx, "https://h.test:"+port, aiohttp.WithInsecureSkipVerify())
		if err != nil {
			return err
		}
		return resp.Close()
	})
}
