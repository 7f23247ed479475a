package http1_test

import (
	"errors"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/aio-go/aio/internal/http1"
)

func TestRequestHeadPutsHostFirstAndKeepsOrder(t *testing.T) {
	h := http1.Header{"Zeta": {"1"}, "Accept": {"*/*"}, "Cookie": {"a=b", "c=d"}, "Host": {"ignored"}, "Empty": {""}, "x-raw": {"2"}}
	for _, row := range []struct {
		order []string
		want  string
	}{
		{nil, "Accept: */*\r\nCookie: a=b\r\nCookie: c=d\r\nEmpty: \r\nZeta: 1\r\nx-raw: 2\r\n"},
		{[]string{"Zeta", "Missing", "x-raw", "Zeta"}, "Zeta: 1\r\nx-raw: 2\r\nAccept: */*\r\nCookie: a=b\r\nCookie: c=d\r\nEmpty: \r\n"},
		{[]string{"x-raw", "Zeta", "Host", "Empty", "Cookie", "Accept"}, "x-raw: 2\r\nZeta: 1\r\nEmpty: \r\nCookie: a=b\r\nCookie: c=d\r\nAccept: */*\r\n"},
	} {
		got, err := http1.AppendRequestHead([]byte("before"), "GET", "/a?b", "host:81", h, row.order)
		if err != nil {
			t.Fatal(err)
		}
		// C07, C08
		if want := "beforeGET /a?b HTTP/1.1\r\nHost: host:81\r\n" + row.want + "\r\n"; string(got) != want {
			t.Errorf("order %q: got %q, want %q", row.order, got, want)
		}
	}
}

func TestResponseHeadIsSortedAndHasAReason(t *testing.T) {
	h := http1.Header{"Set-Cookie": {"b=1", "a=2"}, "Content-Length": {"0"}, "Host": {"kept"}}
	for _, row := range []struct {
		minor, status int
		reason, want  string
	}{
		{1, 200, "", "HTTP/1.1 200 OK\r\n"},
		{0, 404, "", "HTTP/1.0 404 Not Found\r\n"},
		{1, 299, "", "HTTP/1.1 299 \r\n"},
		{1, 999, "So be\tit", "HTTP/1.1 999 So be\tit\r\n"},
	} {
		got, err := http1.AppendResponseHead(nil, row.minor, row.status, row.reason, h)
		want := row.want + "Content-Length: 0\r\nHost: kept\r\nSet-Cookie: b=1\r\nSet-Cookie: a=2\r\n\r\n"
		if err != nil || string(got) != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
}

// CVE-2023-49081, CVE-2023-49082, CVE-2026-34519: nothing a caller passes can end a line.
func TestWhatCannotBeSentIsRefusedAndLeavesNothing(t *testing.T) {
	request := func(method, target, host string, h http1.Header) func([]byte) ([]byte, error) {
		return func(b []byte) ([]byte, error) { return http1.AppendRequestHead(b, method, target, host, h, nil) }
	}
	response := func(minor, status int, reason string, h http1.Header) func([]byte) ([]byte, error) {
		return func(b []byte) ([]byte, error) { return http1.AppendResponseHead(b, minor, status, reason, h) }
	}
	header := func(name, value string) func([]byte) ([]byte, error) {
		return func(b []byte) ([]byte, error) { return http1.AppendHeader(b, name, value) }
	}
	last := func(h http1.Header) func([]byte) ([]byte, error) {
		return func(b []byte) ([]byte, error) { return http1.AppendLastChunk(b, h) }
	}
	type row struct {
		name   string
		kind   http1.ErrKind
		append func([]byte) ([]byte, error)
	}
	rows := []row{
		{"empty method", http1.BadMethod, request("", "/", "a", nil)},
		{"method with a blank", http1.BadMethod, request("GET /x", "/", "a", nil)},
		{"method with CRLF", http1.BadMethod, request("GET\r\nX", "/", "a", nil)},
		{"empty target", http1.InvalidTarget, request("GET", "", "a", nil)},
		{"target with a blank", http1.InvalidTarget, request("GET", "/a b", "a", nil)},
		{"target with CRLF", http1.InvalidTarget, request("GET", "/ HTTP/1.1\r\nX: y", "a", nil)},
		{"target without path", http1.InvalidTarget, request("GET", "a:80", "a", nil)},
		{"path for CONNECT", http1.InvalidTarget, request("CONNECT", "/x", "a", nil)},
		{"empty target for CONNECT", http1.InvalidTarget, request("CONNECT", "", "a", nil)},
		{"host with CRLF", http1.InvalidHeader, request("GET", "/", "a\r\nX: y", nil)},
		{"host with userinfo", http1.InvalidHeader, request("GET", "/", "u@a", nil)},
		{"name with a blank", http1.InvalidHeader, request("GET", "/", "a", http1.Header{"A": {"x"}, "X y": {"z"}})},
		{"bad host value though ignored", http1.InvalidHeader, request("GET", "/", "a", http1.Header{"Host": {"\n"}})},
		{"two lengths", http1.BadContentLength, request("GET", "/", "a", http1.Header{"Content-Length": {"1", "1"}})},
		{"two lengths by letter case", http1.BadContentLength, request("GET", "/", "a", http1.Header{"Content-Length": {"1"}, "content-length": {"1"}})},
		{"length not a number", http1.BadContentLength, request("GET", "/", "a", http1.Header{"Content-Length": {"+1"}})},
		{"length and coding", http1.BadTransferEncoding, request("GET", "/", "a", http1.Header{"Content-Length": {"1"}, "Transfer-Encoding": {"chunked"}})},
		{"reason with CR", http1.BadStatusLine, response(1, 200, "OK\rX", nil)},
		{"status 99", http1.BadStatusLine, response(1, 99, "", nil)},
		{"status 1000", http1.BadStatusLine, response(1, 1000, "", nil)},
		{"HTTP/1.2", http1.BadStatusLine, response(2, 200, "", nil)},
		{"response length and coding", http1.BadTransferEncoding, response(1, 200, "", http1.Header{"Content-Length": {"1"}, "Transfer-Encoding": {"chunked"}})},
		{"empty name", http1.InvalidHeader, header("", "x")},
		{"name with colon", http1.InvalidHeader, header("a:b", "x")},
		{"name beyond ASCII", http1.InvalidHeader, header("H\u00f6st", "x")},
		{"trailer with CRLF", http1.InvalidHeader, last(http1.Header{"X": {"a\r\n\r\nb"}})},
		{"length in the trailer", http1.InvalidHeader, last(http1.Header{"content-length": {"1"}})},
	}
	for _, c := range "\r\n\x00\x01\x1f\x7f" {
		rows = append(rows,
			row{"value", http1.InvalidHeader, header("X", "a"+string(c)+"b")},
			row{"long value", http1.InvalidHeader, header("X", "a value of some length"+string(c))})
	}
	for _, row := range rows {
		buf := make([]byte, 6, 200)
		copy(buf, "before")
		got, err := row.append(buf)
		var ee *http1.EncodeError
		if !errors.As(err, &ee) || ee.Kind != row.kind {
			t.Errorf("%s: got %v, want kind %v", row.name, err, row.kind)
		}
		if string(got) != "before" {
			t.Errorf("%s: got %q appended", row.name, got)
		}
	}
}

func TestChunksFrameTheirData(t *testing.T) {
	got := http1.AppendChunk(nil, []byte("hello"))
	got = http1.AppendChunk(got, nil)
	got = http1.AppendChunk(got, slices.Repeat([]byte("x"), 16))
	got, err := http1.AppendLastChunk(got, http1.Header{"B": {"2"}, "A": {"1"}})
	want := "5\r\nhello\r\n10\r\n" + strings.Repeat("x", 16) + "\r\n0\r\nA: 1\r\nB: 2\r\n\r\n"
	if err != nil || string(got) != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	defer func() {
		if recover() == nil {
			t.Error("AppendChunkHead of 0 did not panic")
		}
	}()
	http1.AppendChunkHead(nil, 0)
}

func TestValidityOfPartsMatchesRFC9110(t *testing.T) {
	for i := range 256 {
		c := byte(i)
		token := strings.IndexByte("!#$%&'*+-.^_`|~0123456789", c) >= 0 || 'a' <= c|0x20 && c|0x20 <= 'z'
		if got := http1.ValidHeaderName("a" + string([]byte{c})); got != token {
			t.Errorf("name with %#x: got %t", c, got)
		}
		if got := http1.ValidMethod(string([]byte{c})); got != token {
			t.Errorf("method %#x: got %t", c, got)
		}
		text := c == '\t' || c >= ' ' && c != 0x7f
		if got := http1.ValidHeaderValue("some text" + string([]byte{c})); got != text {
			t.Errorf("value with %#x: got %t", c, got)
		}
		if err := http1.ValidTarget("GET", "/path"+string([]byte{c})); (err == nil) != (c > ' ' && c != 0x7f) {
			t.Errorf("target with %#x: got %v", c, err)
		}
	}
	if http1.ValidHeaderName("") || http1.ValidMethod("") || !http1.ValidHeaderValue("") {
		t.Error("empty strings: want invalid name and method, valid value")
	}
}

func TestStatusTextsAreThoseOfNetHTTP(t *testing.T) {
	for code := -1; code < 1100; code++ {
		if got, want := http1.StatusText(code), http.StatusText(code); got != want {
			t.Errorf("%d: got %q, want %q", code, got, want)
		}
	}
}

func TestNamesAreCanonicalAsInTextproto(t *testing.T) {
	names := []string{
		"accept", "ACCEPT-encoding", "etag", "ETag", "www-authenticate", "x-custom-ID", "X--y", "-a-", "a", "!#$%&'*+-.^_`|~", "te", "1a-b2c-3d", "x_y-z",
		"SEC-WEBSOCKET-KEY", "Access-Control-Allow-Credentials", "content-MD5", "p3p", "", "a b", "caf\u00e9", "kelvin-\u212a", "Host", "hosT", "hos", "hostt",
	}
	for _, name := range names {
		if got, want := http1.CanonicalName(name), textproto.CanonicalMIMEHeaderKey(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func FuzzCanonicalName(f *testing.F) {
	f.Fuzz(func(t *testing.T, name string) {
		if got, want := http1.CanonicalName(name), textproto.CanonicalMIMEHeaderKey(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
		if !http1.ValidHeaderName(name) || len(name) > 4000 {
			return
		}
		// The decoder knows many names by heart; it must agree.
		got := decode(t, responses("GET", false), false, []byte(resp("", name+": 1", "Content-Length: 1", "Connection: close")))
		for _, m := range got.messages {
			if v := m.head.Header[textproto.CanonicalMIMEHeaderKey(name)]; len(v) == 0 {
				t.Errorf("%q: got header %q", name, m.head.Header)
			}
		}
	})
}

func TestRawFieldsKeepSpellingOrderAndRepetition(t *testing.T) {
	in := "HTTP/1.1 200 OK\r\nETag:  a \r\nx-B: 1\nX-b:\r\n folded\r\n\tvalue \r\nContent-Length: 0\r\n\r\n"
	got := decode(t, responses("GET", false), false, []byte(in))
	if got.err != nil || len(got.messages) != 1 {
		t.Fatal(got.err)
	}
	var b strings.Builder
	for name, value := range got.messages[0].head.Names.All() {
		b.WriteString(name + "=" + value + "|")
	}
	if s, want := b.String(), "ETag=a|x-B=1|X-b=folded value|Content-Length=0|"; s != want {
		t.Errorf("got %q, want %q", s, want)
	}
	for name := range got.messages[0].head.Names.All() {
		if name != "ETag" {
			t.Errorf("got %q after stopping", name)
		}
		break
	}
}

func TestHeadMayBeKept(t *testing.T) {
	d := requests()
	in := []byte(req("A: 1", "B: 2", "A: 3"))
	if _, _, err := d.Next(in); err != nil {
		t.Fatal(err)
	}
	kept := *d.Head()
	if _, _, err := d.Next(nil); err != nil {
		t.Fatal(err)
	}
	clear(in)
	kept.Header["B"] = append(kept.Header["B"], "9") // must not run into the values beside it
	if _, _, err := d.Next([]byte(req("A: 4", "B: 5"))); err != nil {
		t.Fatal(err)
	}
	if kept.Target != "/test" || kept.Header["A"][0] != "1" || kept.Header["A"][1] != "3" || kept.Header["B"][1] != "9" || kept.Header["Host"][0] != "a" {
		t.Errorf("got %+v", kept)
	}
}
