package http1_test

import (
	"strings"
	"testing"

	"github.com/aio-go/aio/internal/http1"
)

// A head that is the same as the one before it is not scanned again. Nobody must be able to tell.

func TestHeadThatRepeatsIsReadAsTheFirst(t *testing.T) {
	trailer := "3\r\nabc\r\n0\r\nX-Sum: 1\r\nX-Long-Name: 2\r\n\r\n"
	plain := lines("HTTP/1.1 204 No Content", "X-A: 1", "")
	cases := []struct {
		name, in string
		fresh    func() *http1.Decoder
	}{
		{"sized", lines("HTTP/1.1 200 OK", "Content-Length: 3", "X-A: 1", "") + "abc", responses("GET", false)},
		{"no fields", "HTTP/1.1 204 \r\n\r\n", responses("GET", true)},
		{"chunked with a trailer", lines("HTTP/1.1 200 OK", "X-A: 1", chunked, "X-B: 2", "") + trailer, responses("GET", false)},
		{"to HEAD", lines("HTTP/1.1 200 OK", "Content-Length: 3", ""), responses("HEAD", false)},
		{"names twice", lines("HTTP/1.1 200 OK", "Set-Cookie: a", "x-own: 1", "set-cookie: b", "X-Own: 2", "Content-Length: 0", ""), responses("GET", false)},
		{"lengths twice", lines("HTTP/1.1 200 OK", "Content-Length: 1", "Content-Length: 1", "") + "a", responses("GET", false)},
		{"folded", lines("HTTP/1.1 200 OK", "X-A: 1", "  2", "Content-Length: 0", ""), responses("GET", false)},
		{"interim", lines("HTTP/1.1 103 Early Hints", "Link: </a>", "", "HTTP/1.1 103 Early Hints", "Link: </a>", "", "HTTP/1.1 204 No Content", ""), responses("GET", false)},
		{"within another", plain + "HTTP/1.1 204 No Content\r\nX-A: " + plain, responses("GET", true)},
		{"old version", lines("HTTP/1.0 200 OK", "Connection: keep-alive", "Content-Length: 1", "") + "a", responses("GET", true)},
		{"request", req("Accept: */*"), requests},
		{"request with a body", post("abc", "Content-Length: 3", "Expect: 100-continue"), requests},
		{"request in chunks", post(trailer, chunked), requests},
	}
	for _, c := range cases {
		first := decodeEveryWay(t, c.fresh, false, []byte(c.in))
		again := decodeEveryWay(t, c.fresh, false, []byte(strings.Repeat(c.in, 3)))
		n := len(first.messages)
		if first.err != nil || first.complete() != n || len(again.messages) != 3*n {
			t.Fatalf("%s: got %d messages and then %d, errors %v and %v", c.name, n, len(again.messages), first.err, again.err)
		}
		want := first.print()
		for i := 0; i < len(again.messages); i += n {
			if got := (&transcript{messages: again.messages[i : i+n]}).print(); got != want {
				t.Errorf("%s: time %d: got\n%s\nwant\n%s", c.name, i/n+1, got, want)
			}
		}
	}
}

func TestHeadersOfARepeatedHeadAreOnesOwn(t *testing.T) {
	d := responses("GET", false)()
	in := []byte(lines("HTTP/1.1 200 OK", "Content-Length: 0", "Set-Cookie: a", "Set-Cookie: b", ""))
	read := func() http1.Header {
		t.Helper()
		if ev, n, err := d.Next(in); ev.Kind != http1.EventHead || n != len(in) || err != nil {
			t.Fatalf("got %v after %d bytes, %v", ev.Kind, n, err)
		}
		h := d.Head().Header
		if ev, _, err := d.Next(nil); ev.Kind != http1.EventEnd || err != nil {
			t.Fatalf("got %v, %v", ev.Kind, err)
		}
		return h
	}
	first := read()
	first["Content-Length"][0], first["Set-Cookie"][1] = "7", "x"
	delete(first, "Set-Cookie")
	second := read()
	if got := strings.Join(append(second["Set-Cookie"], second["Content-Length"]...), ","); got != "a,b,0" {
		t.Errorf("got %q, want the values that were sent", got)
	}
	if len(first) != 1 || first["Content-Length"][0] != "7" {
		t.Errorf("the first header is %q now, want it as it was left", first)
	}
}

func TestMethodOfTheRequestMattersToARepeatedHead(t *testing.T) {
	d := responses("HEAD", false)()
	head := []byte(lines("HTTP/1.1 200 OK", "Content-Length: 3", ""))
	for _, c := range []struct {
		method string
		body   bool
	}{{"HEAD", false}, {"GET", true}, {"HEAD", false}} {
		d.SetRequestMethod(c.method)
		if ev, _, err := d.Next(head); ev.Kind != http1.EventHead || err != nil || d.Head().NoBody == c.body {
			t.Fatalf("%s: got %v, no body: %t, %v", c.method, ev.Kind, d.Head().NoBody, err)
		}
		if c.body {
			d.Next([]byte("abc"))
		}
		if ev, _, err := d.Next(nil); ev.Kind != http1.EventEnd || err != nil {
			t.Fatalf("%s: got %v, %v, want the end", c.method, ev.Kind, err)
		}
	}
}

func TestFieldsOfARepeatedHeadCountTowardsTheLimit(t *testing.T) {
	d := http1.NewResponseDecoder(http1.Limits{MaxHeaders: 3}, false)
	head := lines("HTTP/1.1 200 OK", chunked, "X-A: 1", "")
	r := &recorder{t: t, d: d}
	r.feed([]byte(head + "0\r\nX-B: 1\r\n\r\n" + head + "0\r\nX-B: 1\r\nX-C: 1\r\n\r\n"))
	if got := r.out.kind(); got != http1.TooManyHeaders || r.out.complete() != 1 {
		t.Errorf("got %v after %d messages, want %v after 1", got, r.out.complete(), http1.TooManyHeaders)
	}
}

// A connection may be idle for long, and there may be many.
func TestLongHeadsAreNotKeptBetweenMessages(t *testing.T) {
	cases := []struct {
		name string
		size int
		kept bool
	}{{"ordinary", 1000, true}, {"long", 6000, false}}
	for _, c := range cases {
		d := responses("GET", false)()
		in := []byte(lines("HTTP/1.1 200 OK", "Content-Length: 0", "X-A: "+strings.Repeat("a", c.size), ""))
		for range 3 {
			ev, n, err := d.Next(in)
			if ev.Kind != http1.EventHead || n != len(in) || err != nil || len(d.Head().Header["X-A"][0]) != c.size {
				t.Fatalf("%s: got %v after %d bytes, %v, want the head", c.name, ev.Kind, n, err)
			}
			if ev, _, err := d.Next(nil); ev.Kind != http1.EventEnd || err != nil {
				t.Fatalf("%s: got %v, %v, want the end", c.name, ev.Kind, err)
			}
			if kept := d.Head().Header != nil; kept != c.kept || !d.Idle() {
				t.Errorf("%s: the head is kept: %t, and the decoder idle: %t, want %t and true", c.name, kept, d.Idle(), c.kept)
			}
		}
	}
}
