package aiohttp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func parse(t testing.TB, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// sent lists what the jar would send, as in a Cookie header.
func sent(t testing.TB, jar *aiohttp.CookieJar, to string) string {
	t.Helper()
	var pairs []string
	for _, c := range jar.Filter(parse(t, to)) {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return strings.Join(pairs, "; ")
}

// C59–C65: one cookie, set by one URL, asked for by another.
func TestCookieScope(t *testing.T) {
	cases := []struct {
		from, set, to string
		want          bool
	}{
		// C60: without Domain only the host itself
		{"http://test.com/", "a=1", "http://test.com/", true},
		{"http://test.com/", "a=1", "http://sub.test.com/", false},
		{"http://test.com/", "a=1", "https://TEST.com:8443/x", true},
		// C59
		{"http://test.com/", "a=1; Domain=test.com", "http://sub.test.com/", true},
		{"http://test.com/", "a=1; Domain=.test.com", "http://sub.test.com/", true},
		{"http://sub.test.com/", "a=1; Domain=test.com", "http://test.com/", true},
		{"http://sub.test.com/", "a=1; Domain=test.com", "http://other.test.com/", true},
		{"http://test.com/", "a=1; Domain=test.com", "http://diff-test.com/", false},
		{"http://test.com/", "a=1; Domain=test.com", "http://test.org/", false},
		{"http://test.com/", "a=1; Domain=sub.test.com", "http://sub.test.com/", false},
		{"http://test.com/", "a=1; Domain=test.org", "http://test.org/", false},
		{"http://test.com/", "a=1; Domain=com", "http://other.com/", false},
		{"http://shop.co.uk/", "a=1; Domain=co.uk", "http://bank.co.uk/", false},
		{"http://me.github.io/", "a=1; Domain=github.io", "http://you.github.io/", false},
		// C61
		{"http://1.2.3.4/", "a=1", "http://1.2.3.4/", false},
		{"http://[::1]/", "a=1", "http://[::1]/", false},
		// C63
		{"http://h/", "a=1; Path=/one", "http://h/one", true},
		{"http://h/", "a=1; Path=/one", "http://h/one/", true},
		{"http://h/", "a=1; Path=/one", "http://h/one/two", true},
		{"http://h/", "a=1; Path=/one", "http://h/onetwo", false},
		{"http://h/", "a=1; Path=/one/two", "http://h/one/", false},
		{"http://h/", "a=1; Path=/one/two/", "http://h/one/two", false},
		{"http://h/", "a=1; Path=/one/two/", "http://h/one/two/", true},
		{"http://h/one/page", "a=1", "http://h/one/other", true},
		{"http://h/one/page", "a=1", "http://h/two", false},
		{"http://h/one/page", "a=1; Path=bad", "http://h/one/x", true},
		{"http://h/one/page", "a=1; Path=bad", "http://h/", false},
		// C65
		{"https://h/", "a=1; Secure", "https://h/", true},
		{"https://h/", "a=1; Secure", "http://h/", false},
		{"http://h/", "a=1; Secure", "https://h/", false},
		// prefixes
		{"https://h/", "__Secure-a=1; Secure", "https://h/", true},
		{"https://h/", "__Secure-a=1", "https://h/", false},
		{"https://h.com/", "__Host-a=1; Secure; Path=/", "https://h.com/", true},
		{"https://h.com/", "__Host-a=1; Secure; Path=/; Domain=h.com", "https://h.com/", false},
		{"https://h.com/", "__Host-a=1; Secure; Path=/x", "https://h.com/x", false},
		{"https://h.com/", "__HOST-a=1; Path=/", "https://h.com/", false},
		// malformed
		{"http://h/", "=1", "http://h/", false},
		{"http://h/", "a", "http://h/", false},
		{"http://h/", "a=1\x01", "http://h/", false},
		{"http://h/", "a=" + strings.Repeat("x", 5000), "http://h/", false},
	}
	for _, c := range cases {
		jar := aiohttp.NewCookieJar()
		if err := jar.UpdateFromHeaders(parse(t, c.from), []string{c.set}); err != nil {
			t.Error(err)
		}
		if got := sent(t, jar, c.to) != ""; got != c.want {
			t.Errorf("%.60q from %s to %s: sent %v, want %v", c.set, c.from, c.to, got, c.want)
		}
	}
}

func TestCookieJarOptions(t *testing.T) {
	unsafe := aiohttp.NewCookieJar(aiohttp.WithUnsafeCookies())
	unsafe.UpdateFromHeaders(parse(t, "http://1.2.3.4/"), []string{"a=1"})
	if sent(t, unsafe, "http://1.2.3.4/") != "a=1" || sent(t, unsafe, "http://4.3.2.1/") != "" {
		t.Error("an unsafe jar does not keep cookies of addresses apart")
	}
	secure := aiohttp.NewCookieJar(aiohttp.WithSecureOrigins("http://localhost:8080"))
	secure.UpdateFromHeaders(parse(t, "http://localhost:8080/"), []string{"a=1; Secure"})
	if sent(t, secure, "http://localhost:8080/") != "a=1" || sent(t, secure, "http://localhost/") != "" {
		t.Error("a secure origin is not treated as one, or another is")
	}
}

// What came without encryption neither replaces nor outranks a Secure cookie.
func TestInsecureCookiesLeaveSecureOnesAlone(t *testing.T) {
	const secure = "s=good; Secure; Path=/in; Domain=h.com"
	cases := []struct {
		from, set string
		want      string // sent to https://www.h.com/in/x
	}{
		{"http://www.h.com/", "s=evil; Path=/in; Domain=h.com", "s=good"},
		{"http://www.h.com/", "s=evil; Path=/in/x", "s=good"},
		{"http://h.com/", "s=evil; Path=/in/x; Domain=h.com", "s=good"},
		{"http://www.h.com/", "s=; Max-Age=0; Path=/in; Domain=h.com", "s=good"},
		{"http://www.h.com/", "s=other; Path=/", "s=good"},
		{"http://www.h.com/", "t=1; Path=/in", "t=1; s=good"},
		{"https://www.h.com/", "s=new; Path=/in/x", "s=new"},
	}
	for _, c := range cases {
		jar := aiohttp.NewCookieJar()
		jar.UpdateFromHeaders(parse(t, "https://www.h.com/"), []string{secure})
		jar.UpdateFromHeaders(parse(t, c.from), []string{c.set})
		if got := sent(t, jar, "https://www.h.com/in/x"); got != c.want {
			t.Errorf("%q from %s: got %q, want %q", c.set, c.from, got, c.want)
		}
	}
	below := aiohttp.NewCookieJar()
	below.UpdateFromHeaders(parse(t, "https://www.h.com/"), []string{"s=good; Secure"})
	below.UpdateFromHeaders(parse(t, "http://h.com/"), []string{"s=evil; Path=/in; Domain=h.com"})
	if got := sent(t, below, "https://www.h.com/in/x"); got != "s=good" {
		t.Errorf("from the domain above: got %q", got)
	}
}

// C68: one list of headers may set one name for several domains; what is for a domain
// the host does not belong to is left out.
func TestDuplicateNamesForDifferentDomains(t *testing.T) {
	jar := aiohttp.NewCookieJar()
	jar.UpdateFromHeaders(parse(t, "http://www.shop.test/"), []string{
		"id=1; Domain=.shop.test; Path=/", "id=2; Domain=www.shop.test; Path=/", "token=3; Domain=.shop.test; Path=/", "token=4; Domain=.sub.shop.test; Path=/",
	})
	var got []string
	for c := range jar.All() {
		got = append(got, c.Domain+" "+c.Name+"="+c.Value)
	}
	if want := "shop.test id=1, shop.test token=3, www.shop.test id=2"; strings.Join(got, ", ") != want || jar.Len() != 3 {
		t.Errorf("got %q, want %q", got, want)
	}
}

// C41: a shop that spreads a dozen cookies over its hosts, as they come and go.
func TestShopWithManyCookies(t *testing.T) {
	jar := aiohttp.NewCookieJar()
	for _, step := range []struct{ from, sets string }{
		{"https://www.shop.test/", "session-id=w1; Domain=.shop.test; Path=/; Secure|i18n=EUR; Domain=.shop.test; Path=/|skin=noskin; path=/; domain=.shop.test"},
		{"https://www.shop.test/gp/cart", "session-id=w2; Domain=.shop.test; Path=/; Secure|ubid=\"130-1\"; Domain=.shop.test; Path=/|cart=3; Path=/gp|skin=; Domain=.shop.test; Path=/; Max-Age=0"},
		{"https://pay.shop.test/x/y", "session-id=p1; Path=/|step=2|csm=a=b=c; Domain=.shop.test; Path=/|lc=de_DE; Domain=pay.shop.test; Path=/"},
		{"https://shop.test/", "apex=1; Path=/|old=1; Path=/; Max-Age=-1"},
	} {
		jar.UpdateFromHeaders(parse(t, step.from), strings.Split(step.sets, "|"))
	}
	for to, want := range map[string]string{
		"https://www.shop.test/":        `session-id=w2; i18n=EUR; ubid="130-1"; csm=a=b=c`,
		"https://www.shop.test/gp/cart": `cart=3; session-id=w2; i18n=EUR; ubid="130-1"; csm=a=b=c`,
		"http://www.shop.test/":         `i18n=EUR; ubid="130-1"; csm=a=b=c`,
		"https://pay.shop.test/x/":      `step=2; session-id=p1; lc=de_DE; i18n=EUR; ubid="130-1"; csm=a=b=c`,
		"https://shop.test/":            `session-id=w2; i18n=EUR; ubid="130-1"; csm=a=b=c; apex=1`,
		"https://notshop.test/":         "",
	} {
		if got := sent(t, jar, to); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", to, got, want)
		}
	}
}

// C64
func TestLongestPathWins(t *testing.T) {
	for _, order := range [][]string{{"/a/b", "/a", "/"}, {"/", "/a", "/a/b"}, {"/a", "/", "/a/b"}} {
		jar := aiohttp.NewCookieJar()
		for _, path := range order {
			jar.UpdateFromHeaders(parse(t, "http://h/"), []string{"c=" + path + "; Path=" + path})
		}
		if got := sent(t, jar, "http://h/a/b/c"); got != "c=/a/b" {
			t.Errorf("%v: got %q", order, got)
		}
	}
}

// C67, C42, and expiry as time passes.
func TestCookieExpiry(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		l := asyncio.RunningLoop(ctx)
		in := func(d time.Duration) string { return l.Wall().Add(d).UTC().Format(http.TimeFormat) }
		for _, c := range []struct {
			attr  string
			after time.Duration // it lives this long, but not longer; 0: not at all; <0: for ever
		}{
			{"", -1},
			{"; Max-Age=10", 10 * time.Second},
			{"; Max-Age=0", 0}, {"; Max-Age=-5", 0},
			{"; Max-Age=10; Expires=PAST", 10 * time.Second},
			{"; Expires=SOON", time.Minute}, {"; Expires=PAST", 0},
			{"; Max-Age=abc", -1}, {"; Expires=rubbish", -1},
			{"; Max-Age=99999999999999999999999999", 400 * 24 * time.Hour},
		} {
			s := aiohttp.NewClientSession() // binds its jar to the loop
			s.Get(ctx, "nonsense")
			jar := s.CookieJar()
			start := l.Time()
			attr := strings.NewReplacer("SOON", in(time.Minute), "PAST", in(-time.Hour)).Replace(c.attr)
			jar.UpdateFromHeaders(parse(t, "http://h/"), []string{"a=1" + attr})
			alive := func(want bool) {
				t.Helper()
				if got := sent(t, jar, "http://h/") != ""; got != want {
					t.Errorf("%q: alive %v after %v, want %v", c.attr, got, l.Time()-start, want)
				}
			}
			alive(c.after != 0)
			if c.after > 0 {
				asyncio.Sleep(ctx, c.after-2*time.Second)
				alive(true)
				asyncio.Sleep(ctx, 4*time.Second)
				alive(false)
				if jar.Len() != 0 {
					t.Errorf("%q: an expired cookie is kept", c.attr)
				}
			}
			s.Close()
		}
		return nil
	})
}

func TestCookieReplacementAndRemoval(t *testing.T) {
	jar := aiohttp.NewCookieJar()
	h := parse(t, "http://shop.test/")
	jar.UpdateFromHeaders(h, []string{"a=1", "b=2", "a=3"})
	if got := sent(t, jar, "http://shop.test/"); got != "a=3; b=2" {
		t.Errorf("got %q", got)
	}
	jar.UpdateFromHeaders(h, []string{"a=; Max-Age=0"})
	jar.UpdateFromHeaders(parse(t, "http://other.test/"), []string{"x=1"})
	if got := sent(t, jar, "http://shop.test/"); got != "b=2" || jar.Len() != 2 {
		t.Errorf("got %q, %d cookies", got, jar.Len())
	}
	jar.ClearDomain("shop.test")
	var left []string
	for c := range jar.All() {
		left = append(left, c.Domain+" "+c.Name)
	}
	if !slices.Equal(left, []string{"other.test x"}) {
		t.Errorf("got %v", left)
	}
	jar.Clear(nil)
	if jar.Len() != 0 {
		t.Errorf("got %d cookies after Clear", jar.Len())
	}
}

func TestCookiesPerDomainAreBounded(t *testing.T) {
	jar := aiohttp.NewCookieJar()
	for i := range 60 {
		jar.UpdateFromHeaders(parse(t, "http://h/"), []string{fmt.Sprintf("c%d=x", i)})
	}
	if jar.Len() != 50 || strings.Contains(sent(t, jar, "http://h/"), "c9=") || !strings.Contains(sent(t, jar, "http://h/"), "c59=") {
		t.Errorf("got %d cookies: %s", jar.Len(), sent(t, jar, "http://h/"))
	}
}

// Who visits very many sites keeps what the last of them have set, and what was set under encryption.
func TestCookiesOfAllDomainsTogetherAreBounded(t *testing.T) {
	jar := aiohttp.NewCookieJar()
	jar.UpdateFromHeaders(parse(t, "https://bank.test/"), []string{"login=x; Secure"})
	for i := range 20_000 {
		jar.UpdateFromHeaders(parse(t, fmt.Sprintf("http://h%d.test/", i)), []string{"c=x"})
	}
	if n := jar.Len(); n < 3000 || n > 3300 {
		t.Errorf("got %d cookies, want 3000 to 3300", n)
	}
	for url, want := range map[string]string{"http://h0.test/": "", "http://h17500.test/": "c=x", "http://h19999.test/": "c=x", "https://bank.test/": "login=x"} {
		if got := sent(t, jar, url); got != want {
			t.Errorf("%s gets %q, want %q", url, got, want)
		}
	}
}

// C60, C68, CVE-2026-34993, CVE-2026-54279: what is saved comes back as it was, host-only cookies included.
func TestCookieFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cookies.json")
	onLoop(t, func(ctx context.Context) error {
		jar := aiohttp.NewCookieJar()
		jar.UpdateFromHeaders(parse(t, "https://h.test/a/b"), []string{
			"only=1; Max-Age=3600", "wide=2; Domain=h.test; Path=/; Secure; HttpOnly; SameSite=Lax", `quoted="a b"`,
		})
		s := aiohttp.NewClientSession(aiohttp.WithCookieJar(jar))
		s.Get(ctx, "nonsense")
		if err := jar.Save(ctx, path); err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("got mode %v and %v", info.Mode(), err)
		}
		back := aiohttp.NewCookieJar()
		if err := back.Load(ctx, path); err != nil {
			return err
		}
		for _, u := range []string{"https://h.test/a/x", "https://sub.h.test/", "http://h.test/a/x", "https://h.test/"} {
			if got, want := sent(t, back, u), sent(t, jar, u); got != want {
				t.Errorf("%s: got %q, want %q", u, got, want)
			}
		}
		for _, bad := range []string{"", "[]", `{"version":2}`, `{"version":1,"cookies":[{"name":"a","value":"x\r\ny","path":"/"}]}`} {
			os.WriteFile(path, []byte(bad), 0o600)
			if err := back.Load(ctx, path); err == nil {
				t.Errorf("%q was loaded", bad)
			}
		}
		return nil
	})
}

// C41: cookies travel: from a response to the next request, over redirects, beside
// those of one request, quoted as they came.
func TestCookiesOfASession(t *testing.T) {
	var seen []exchange
	run(t, hops(&seen,
		"HTTP/1.1 302 Found\r\nSet-Cookie: hop=1\r\nSet-Cookie: q=\"a b; c\"\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n", hello,
	), func(ctx context.Context, w *world) error {
		resp, _, err := w.get(ctx, "http://h/", aiohttp.WithCookies(&http.Cookie{Name: "own", Value: "2"}, &http.Cookie{Name: "all", Value: "mine"}))
		if err != nil {
			return err
		}
		if got := resp.History[0].Cookies(); len(got) != 2 || got[0].Name != "hop" {
			t.Errorf("got %v", got)
		}
		_, _, err = w.get(ctx, "http://h/", aiohttp.WithHeaders(http.Header{"Cookie": {"hop=mine"}}))
		return err
	}, aiohttp.WithCookies(&http.Cookie{Name: "all", Value: "0"}))
	for i, want := range []string{"own=2; all=mine", `own=2; all=mine; hop=1; q="a b`, `hop=mine; q="a b; all=0`} {
		if got := line(seen[i].head, "Cookie"); got != want {
			t.Errorf("request %d: got %q, want %q", i, got, want)
		}
	}
}

func TestNoJarKeepsNothing(t *testing.T) {
	var seen []exchange
	run(t, hops(&seen, "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n"), func(ctx context.Context, w *world) error {
		for range 2 {
			if _, _, err := w.get(ctx, "http://h/"); err != nil {
				return err
			}
		}
		return nil
	}, aiohttp.WithCookieJar(nil))
	if got := line(seen[1].head, "Cookie"); got != "" {
		t.Errorf("got %q", got)
	}
}

func FuzzSetCookie(f *testing.F) {
	f.Fuzz(func(t *testing.T, set string) {
		jar := aiohttp.NewCookieJar()
		u := &url.URL{Scheme: "https", Host: "a.example.com", Path: "/p/q"}
		jar.UpdateFromHeaders(u, []string{set})
		for c := range jar.All() {
			if c.Name == "" || strings.ContainsAny(c.Name+c.Value, "\r\n\x00;") || c.Domain != "a.example.com" && c.Domain != "example.com" {
				t.Errorf("%q became %+v", set, c)
			}
		}
	})
}

// A trailing dot makes no other domain of a name: example.com. must not set cookies for all of com.
func TestTrailingDotIsNoWayAroundPublicSuffixes(t *testing.T) {
	for _, c := range []struct{ from, set, to string }{
		{"http://evil.com./", "a=1; Domain=com.", "http://bank.com./"},
		{"http://evil.com./", "a=1; Domain=com", "http://bank.com./"},
		{"http://evil.co.uk./", "a=1; Domain=co.uk.", "http://bank.co.uk./"},
	} {
		jar := aiohttp.NewCookieJar()
		jar.UpdateFromHeaders(parse(t, c.from), []string{c.set})
		if got := sent(t, jar, c.to); got != "" {
			t.Errorf("%s from %s: %s gets %q", c.set, c.from, c.to, got)
		}
	}
	jar := aiohttp.NewCookieJar()
	jar.UpdateFromHeaders(parse(t, "http://www.example.com./"), []string{"a=1; Domain=example.com", "b=2"})
	if got := sent(t, jar, "http://www.example.com/"); got != "b=2; a=1" && got != "a=1; b=2" {
		t.Errorf("got %q, want the dot to make no difference", got)
	}
}

// RFC 6265bis section 5.7: what came without encryption makes no room for itself among Secure cookies.
func TestInsecureCookiesDoNotPushSecureOnesOut(t *testing.T) {
	jar := aiohttp.NewCookieJar()
	jar.UpdateFromHeaders(parse(t, "https://h/"), []string{"session=s; Secure"})
	for i := range 60 {
		jar.UpdateFromHeaders(parse(t, "http://h/"), []string{fmt.Sprintf("c%d=x", i)})
	}
	jar.UpdateFromHeaders(parse(t, "http://h/"), []string{"session=forged"})
	if got := sent(t, jar, "https://h/"); jar.Len() != 50 || !strings.Contains(got, "session=s;") && !strings.HasSuffix(got, "session=s") {
		t.Errorf("got %d cookies: %s, want the Secure one kept", jar.Len(), got)
	}
	for i := range 60 {
		jar.UpdateFromHeaders(parse(t, "https://h/"), []string{fmt.Sprintf("s%d=x; Secure", i)})
	}
	if got := sent(t, jar, "https://h/"); jar.Len() != 50 || !strings.Contains(got, "s59=x") || strings.Contains(got, "session") {
		t.Errorf("got %d cookies: %s, want the oldest Secure ones to go in their turn", jar.Len(), got)
	}
}

// C68: whatever stands in the way of a draft, the file is its owner's alone, and one of two writers wins.
func TestCookieFileIsPrivateFromTheStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cookies.json")
	if err := os.WriteFile(path+".tmp", []byte("left over"), 0o644); err != nil {
		t.Fatal(err)
	}
	onLoop(t, func(ctx context.Context) error {
		var saves []*asyncio.Task[struct{}]
		for i := range 8 {
			jar := aiohttp.NewCookieJar()
			jar.UpdateFromHeaders(parse(t, "https://h.test/"), []string{"a=" + strings.Repeat(fmt.Sprint(i), 1000*(8-i)/4)})
			saves = append(saves, asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, jar.Save(ctx, path) }))
		}
		for _, s := range saves {
			if _, err := s.Await(ctx); err != nil {
				t.Errorf("Save: %v", err)
			}
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("got mode %v and %v, want 0600", info.Mode(), err)
		}
		return aiohttp.NewCookieJar().Load(ctx, path)
	})
}

// A cookie of a request is one cookie: its value cannot add another, and is refused, not mended.
func TestCookiesOfARequestCannotAddOthers(t *testing.T) {
	for _, c := range []http.Cookie{
		{Name: "a", Value: "1; admin=1"}, {Name: "a; admin", Value: "1"}, {Name: "a=b", Value: "1"}, {Name: "", Value: "1"}, {Name: "a b", Value: "1"},
	} {
		run(t, answers(hello), func(ctx context.Context, w *world) error {
			_, _, err := w.get(ctx, "http://h/", aiohttp.WithCookies(&c))
			var invalid *aiohttp.InvalidRequestError
			if !errors.As(err, &invalid) || len(w.wires) > 0 {
				t.Errorf("%q=%q: got %v over %d connections, want an InvalidRequestError", c.Name, c.Value, err, len(w.wires))
			}
			return nil
		})
		jar := aiohttp.NewCookieJar()
		jar.Update(parse(t, "http://h/"), &c)
		if jar.Len() != 0 {
			t.Errorf("%q=%q: the jar took it", c.Name, c.Value)
		}
	}
	run(t, answers(hello), func(ctx context.Context, w *world) error {
		_, _, err := w.get(ctx, "http://h/", aiohttp.WithCookies(&http.Cookie{Name: "a", Value: `"b c,d"`}))
		return err
	})
}
