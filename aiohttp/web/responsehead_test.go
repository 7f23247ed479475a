package web

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

// C86, C88, §1B.4
func TestHeadSaysHowTheBodyEnds(t *testing.T) {
	for _, c := range []struct {
		name    string
		q       asked
		h       responseHead
		framing framing
		keep    bool
		has     string // the framing fields, in order
	}{
		{"known length", asked{"GET", 1, true}, responseHead{status: 200, length: 3}, framingLength, true, "Content-Length: 3"},
		{"empty", asked{"GET", 1, true}, responseHead{status: 200}, framingLength, true, "Content-Length: 0"},
		{"stream", asked{"GET", 1, true}, responseHead{status: 200, length: lengthUnknown}, framingChunked, true, "Transfer-Encoding: chunked"},
		{"stream to 1.0", asked{"GET", 0, true}, responseHead{status: 200, length: lengthUnknown}, framingClose, false, ""},
		{"announced", asked{"GET", 1, true}, responseHead{status: 200, length: lengthUnknown, headers: http.Header{"Content-Length": {"7"}}}, framingLength, true, "Content-Length: 7"},
		{"announced wrongly", asked{"GET", 1, true}, responseHead{status: 200, length: 3, headers: http.Header{"Content-Length": {"7"}}}, framingLength, true, "Content-Length: 3"},
		{"coding is ours", asked{"GET", 1, true}, responseHead{status: 200, length: 3, headers: http.Header{"Transfer-Encoding": {"gzip, chunked"}}}, framingLength, true, "Content-Length: 3"},
		{"head", asked{"HEAD", 1, true}, responseHead{status: 200, length: 3}, framingNone, true, "Content-Length: 3"},
		{"head of a stream", asked{"HEAD", 1, true}, responseHead{status: 200, length: lengthUnknown}, framingNone, true, ""},
		{"204", asked{"GET", 1, true}, responseHead{status: 204}, framingNone, true, ""},
		{"204 stream", asked{"GET", 1, true}, responseHead{status: 204, length: lengthUnknown}, framingNone, true, ""},
		{"204 to 1.0", asked{"GET", 0, true}, responseHead{status: 204, length: lengthUnknown}, framingNone, true, ""},
		{"204 announced", asked{"GET", 1, true}, responseHead{status: 204, headers: http.Header{"Content-Length": {"7"}}}, framingNone, true, ""},
		{"101", asked{"GET", 1, true}, responseHead{status: 101}, framingNone, true, ""},
		{"304", asked{"GET", 1, true}, responseHead{status: 304}, framingNone, true, ""},
		{"304 announced", asked{"GET", 1, true}, responseHead{status: 304, headers: http.Header{"Content-Length": {"7"}}}, framingNone, true, "Content-Length: 7"},
		{"205", asked{"GET", 1, true}, responseHead{status: 205}, framingLength, true, "Content-Length: 0"},
		{"client closes", asked{"GET", 1, false}, responseHead{status: 200}, framingLength, false, "Content-Length: 0"},
		{"handler closes", asked{"GET", 1, true}, responseHead{status: 200, headers: http.Header{"Connection": {"Close"}}}, framingLength, false, "Content-Length: 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.h.contentType = "text/plain"
			out, framing, _, keep, err := c.h.appendTo(nil, c.q)
			if err != nil {
				t.Fatal(err)
			}
			var has []string
			for line := range strings.SplitSeq(string(out), "\r\n") {
				if strings.HasPrefix(line, "Content-Length") || strings.HasPrefix(line, "Transfer-Encoding") {
					has = append(has, line)
				}
			}
			if framing != c.framing || keep != c.keep || strings.Join(has, " ") != c.has {
				t.Errorf("got %v, keep-alive %v, %q; want %v, %v, %q", framing, keep, has, c.framing, c.keep, c.has)
			}
			typed := strings.Contains(string(out), "Content-Type")
			if none := c.h.status < 200 || c.h.status == 204 || c.h.status == 304; typed == none {
				t.Errorf("Content-Type sent: %v", typed)
			}
		})
	}
}

// §3A: CVE-2026-34519, CVE-2026-34520
func TestNothingCanBeInjectedIntoAHead(t *testing.T) {
	for _, bad := range []string{"a\r\nX: y", "a\nb", "a\rb", "a\x00b", "a\x7fb", "a\x01"} {
		heads := map[string]responseHead{
			"reason":       {status: 200, reason: bad},
			"value":        {status: 200, headers: http.Header{"X": {bad}}},
			"name":         {status: 200, headers: http.Header{bad: {"x"}}},
			"content type": {status: 200, contentType: bad},
			"cookie":       {status: 200, cookies: []*http.Cookie{{Name: bad, Value: "x"}}},
		}
		for where, h := range heads {
			out, _, _, _, err := h.appendTo([]byte("before"), asked{"GET", 1, true})
			if he := (*HeaderError)(nil); !errors.As(err, &he) {
				t.Errorf("%q as %s: got %v and %q, want a *HeaderError", bad, where, err, out)
			}
		}
	}
	for _, status := range []int{0, 99, 100, 103, 199, 600, 1000, -200} {
		h := responseHead{status: status}
		if _, _, _, _, err := h.appendTo(nil, asked{"GET", 1, true}); err == nil {
			t.Errorf("status %d was accepted", status)
		}
	}
	for _, length := range []string{"+3", "-1", "3 ", "0x3", "", "99999999999999999999"} {
		h := responseHead{status: 200, length: lengthUnknown, headers: http.Header{"Content-Length": {length}}}
		if _, _, _, _, err := h.appendTo(nil, asked{"GET", 1, true}); err == nil {
			t.Errorf("Content-Length %q was accepted", length)
		}
	}
}

func TestHeadOrderIsDeterministic(t *testing.T) {
	h := responseHead{status: 201, reason: "Made", contentType: "a/b", shared: []byte("Date: d\r\nServer: s\r\n"), cookies: []*http.Cookie{{Name: "c", Value: "1"}}}
	h.headers = http.Header{"Z": {"1", "2"}, "A": {"x"}, "M": {"y"}}
	want := "HTTP/1.1 201 Made\r\nA: x\r\nM: y\r\nZ: 1\r\nZ: 2\r\nSet-Cookie: c=1\r\nContent-Type: a/b\r\nContent-Length: 0\r\nDate: d\r\nServer: s\r\n\r\n"
	for range 20 {
		out, _, _, _, err := h.appendTo(nil, asked{"GET", 1, true})
		if err != nil || string(out) != want {
			t.Fatalf("got %q, %v; want %q", out, err, want)
		}
	}
	h.headers = http.Header{"Date": {"mine"}, "Content-Type": {"c/d"}}
	out, _, _, _, _ := h.appendTo(nil, asked{"GET", 1, true})
	if got := string(out); strings.Count(got, "Date:") != 1 || !strings.Contains(got, "Server: s\r\n") || strings.Count(got, "Content-Type") != 1 {
		t.Errorf("replaced fields are sent beside ours: %q", got)
	}
}

func BenchmarkResponseHead(b *testing.B) {
	h := responseHead{status: 200, contentType: "text/plain; charset=utf-8", length: 12, shared: []byte("Date: Fri, 02 Jan 2026 03:04:05 GMT\r\nServer: aio\r\n")}
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, _, _, err := h.appendTo(buf, asked{"GET", 1, true}); err != nil {
			b.Fatal(err)
		}
	}
}

// Framing is ours in every spelling: a head never has two lengths.
func TestFramingInAnySpellingIsOurs(t *testing.T) {
	h := responseHead{status: 200, length: 3, shared: []byte("Date: d\r\nServer: s\r\n"), contentType: "a/b", headers: http.Header{
		"content-length": {"7"}, "transfer-encoding": {"chunked"}, "content-type": {"c/d"}, "date": {"e"}, "CONNECTION": {"close"},
	}}
	out, _, _, keep, err := h.appendTo(nil, asked{"GET", 1, true})
	want := "HTTP/1.1 200 OK\r\nCONNECTION: close\r\ncontent-type: c/d\r\ndate: e\r\nContent-Length: 3\r\nServer: s\r\n\r\n"
	if string(out) != want || keep || err != nil {
		t.Errorf("got %q, keep-alive %v, %v; want %q", out, keep, err, want)
	}
}
