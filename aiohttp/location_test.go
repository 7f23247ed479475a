package aiohttp_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/aio-go/aio/aiohttp"
)

func TestLocations(t *testing.T) {
	cases := []struct{ raw, target, host, port, authority string }{
		{"http://example.com", "/", "example.com", "80", "example.com"},
		{"HTTP://EXAMPLE.com:80/", "/", "example.com", "80", "example.com"},
		{"https://example.com:443?q", "/?q", "example.com", "443", "example.com"},
		{"https://example.com:8443/a#b", "/a", "example.com", "8443", "example.com:8443"},
		{"http://example.com:/", "/", "example.com", "80", "example.com"},
		{"http://user:pw@example.com/", "/", "example.com", "80", "example.com"},
		{"http://example.com./", "/", "example.com.", "80", "example.com."},
		{"http://example.com../", "/", "example.com.", "80", "example.com."},
		{"http://[::1]:8080/", "/", "::1", "8080", "[::1]:8080"},
		{"http://[0:0::0:1]/", "/", "::1", "80", "[::1]"},
		{"http://[fe80::1%25eth0]/", "/", "fe80::1%eth0", "80", "[fe80::1]"},
		{"http://127.0.0.1/", "/", "127.0.0.1", "80", "127.0.0.1"},
		{"http://bücher.example/", "/", "xn--bcher-kva.example", "80", "xn--bcher-kva.example"},
		{"http://xn--bcher-kva.example/", "/", "xn--bcher-kva.example", "80", "xn--bcher-kva.example"},
		{"http://under_score.example/", "/", "under_score.example", "80", "under_score.example"},
		{"http://h/a b/ü?x=y z&[]=|", "/a%20b/%C3%BC?x=y%20z&[]=|", "h", "80", "h"},
		{"http://h/%2F%2f%zz%", "/%2F%2f%25zz%25", "h", "80", "h"},
		{"http://h/a/../b/./c", "/a/../b/./c", "h", "80", "h"},
		{"http://h//double//slash", "//double//slash", "h", "80", "h"},
		{"http://h/a\\b\"<>^`{}", "/a%5Cb%22%3C%3E%5E%60%7B%7D", "h", "80", "h"},
	}
	for _, c := range cases {
		got, defect := aiohttp.ParseLocation(c.raw)
		want := aiohttp.Location{Target: c.target, Host: c.host, Port: c.port, Authority: c.authority, User: got.User, URL: got.URL}
		if defect != "" || got != want {
			t.Errorf("%s: got %+v and %q, want %+v", c.raw, got, defect, want)
		}
		u, err := url.Parse(got.URL)
		if err != nil || u.RequestURI() != c.target {
			t.Errorf("%s: the URL %s stands for %s", c.raw, got.URL, u.RequestURI())
		}
	}
}

// C17, C54, and hosts that look like something they are not.
func TestLocationsThatAreRefused(t *testing.T) {
	for _, raw := range []string{
		"", "example.com", "//example.com/", "http:example.com", "http://", "http:///", "http://:80/", "http://@/", "http://user@/",
		"http://h:0/", "http://h:65536/", "http://h:-1/", "http://h:8 0/", "http://h:80a/", "http://h:¹/",
		"http://a..b/", "http://.a/", "http://a b/", "http://a\tb/", "http://a%41/", "http://a\\@b/", "http://a<b/", "http://a,b/", "http://./",
		"http://[::1/", "http://::1/", "http://[127.0.0.1]/", "http://[::1%25]/", "http://[::1]x/", "http://[v1.x]/",
		"http://2130706433/", "http://017700000001/", "http://127.1/", "http://0x7f000001/", "http://0x7F.1/", "http://127.0.0.01/",
		"http://256.0.0.1/", "http://1.2.3.4.5/", "http://foo.0x1/", "http://1.2.3.4./",
		"http://" + strings.Repeat("a", 64) + ".com/", "http://" + strings.Repeat("a.", 130) + "com/",
		"http://xn--zzzzzz/", "http://\u2061owhefopw.com/", "http://%zz@h/", "http://u%3Ax@h/", "http://u\n@h/",
	} {
		if got, defect := aiohttp.ParseLocation(raw); defect == "" {
			t.Errorf("%q: got %+v, want an error", raw, got)
		}
	}
}

// RFC 3986 section 5.4, as far as it applies to http.
func TestReferencesResolve(t *testing.T) {
	for ref, want := range map[string]string{
		"g": "/b/c/g", "./g": "/b/c/g", "g/": "/b/c/g/", "/g": "/g", "?y": "/b/c/d;p?y", "g?y": "/b/c/g?y", ";x": "/b/c/;x", "g;x": "/b/c/g;x",
		"": "/b/c/d;p?q", ".": "/b/c/", "./": "/b/c/", "..": "/b/", "../g": "/b/g", "../..": "/", "../../g": "/g", "../../../g": "/g", "/./g": "/g",
		"g#s": "/b/c/g", "g%2fh": "/b/c/g%2fh", "//other:81/x": "/x", "http://other/%7Ex": "/%7Ex", "/a b": "/a%20b", "?a=b|c": "/b/c/d;p?a=b|c",
		"/a|b[1]": "/a|b[1]", "e|f/../g|h": "/b/c/g|h", "%7e/%7E|": "/b/c/%7e/%7E|", "?": "/b/c/d;p?", "/%2e%2e/x": "/%2e%2e/x", "g/../": "/b/c/",
		"/a//../b": "/a/b", "g?y/./x": "/b/c/g?y/./x", "...": "/b/c/...", "/a/.": "/a/", "/a^%zz": "/a%5E%25zz",
	} {
		got, defect := aiohttp.ResolveLocation("http://a/b/c/d;p?q", ref)
		if defect != "" || got.Target != want {
			t.Errorf("%q: got %q and %q, want %q", ref, got.Target, defect, want)
		}
	}
}

// What the base spells as package url would not is kept, too.
func TestReferencesKeepTheBytesOfTheBase(t *testing.T) {
	for ref, want := range map[string]string{"?x": "/a|b/c?x", "": "/a|b/c?q|", "d": "/a|b/d", "../e": "/e"} {
		if got, defect := aiohttp.ResolveLocation("http://a/a|b/c?q|", ref); defect != "" || got.Target != want {
			t.Errorf("%q: got %q and %q, want %q", ref, got.Target, defect, want)
		}
	}
	for _, ref := range []string{":x", "1:x", "a b:c"} {
		if got, defect := aiohttp.ResolveLocation("http://a/b", ref); defect == "" {
			t.Errorf("%q: got %+v, want an error", ref, got)
		}
	}
}

func FuzzLocation(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw string) {
		l, defect := aiohttp.ParseLocation(raw)
		if defect != "" {
			return
		}
		if l.Target == "" || l.Target[0] != '/' || strings.ContainsAny(l.Target, " \r\n\x00#") {
			t.Errorf("%q: target %q", raw, l.Target)
		}
		name, _, _ := strings.Cut(l.Host, "%") // a zone keeps its case
		if name == "" || name != strings.ToLower(name) || strings.ContainsAny(l.Authority, " \r\n\x00/?#@") {
			t.Errorf("%q: host %q, authority %q", raw, l.Host, l.Authority)
		}
		again, defect := aiohttp.ParseLocation(l.URL)
		if defect != "" || again.Target != l.Target || again.Authority != l.Authority {
			t.Errorf("%q became %q, which is %+v (%s)", raw, l.URL, again, defect)
		}
	})
}
