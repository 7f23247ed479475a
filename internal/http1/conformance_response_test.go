package http1_test

import (
	"errors"
	"io"
	"testing"

	"github.com/aio-go/aio/internal/http1"
)

func resp(body string, fields ...string) string {
	out := "HTTP/1.1 200 OK\r\n"
	for _, f := range fields {
		out += f + "\r\n"
	}
	return out + "\r\n" + body
}

// Each row gives the verdicts of the strict and of the lenient decoder; 0 is acceptance, with the value of Foo and
// the body then expected of both.
func TestAllowancesForResponsesAreTheListedOnes(t *testing.T) {
	const cl0 = "Content-Length: 0"
	for _, row := range []struct {
		id, in          string
		strict, lenient http1.ErrKind
		foo, body       string
	}{
		{id: "P63", in: "HTTP/1.0 200 OK\nFoo: abc\nContent-Length: 2\n\nhi", strict: http1.BadStatusLine, foo: "abc", body: "hi"},
		{id: "P63", in: "HTTP/1.1 200 OK\r\nFoo: abc\n" + cl0 + "\r\n\r\n", strict: http1.InvalidHeader, foo: "abc"},
		{id: "P63", in: "HTTP/1.1 200 OK\r\nFoo: abc\r\n" + cl0 + "\r\n\n", strict: http1.InvalidHeader, foo: "abc"},
		{id: "P63", in: "HTTP/1.1 200\n" + cl0 + "\n\n", strict: http1.BadStatusLine},
		{id: "P64", in: resp("", "foo: line", " continue", cl0), strict: http1.InvalidHeader, foo: "line continue"},
		{id: "P64", in: resp("", "foo:", "\t one \t", "  ", " two", cl0), strict: http1.InvalidHeader, foo: "one two"},
		{id: "P64", in: resp("", " foo: a", cl0), strict: http1.InvalidHeader, lenient: http1.InvalidHeader},
		{id: "P64", in: resp("", "foo: a", " b\x00", cl0), strict: http1.InvalidHeader, lenient: http1.InvalidHeader},
		{id: "P65", in: resp("", "foo: a\x01b", cl0), strict: http1.InvalidHeader, foo: "a\x01b"},
		{id: "P65", in: resp("", "foo: abcdefgh\x7f\x1f", cl0), strict: http1.InvalidHeader, foo: "abcdefgh\x7f\x1f"},
		{id: "P65", in: resp("", "foo: a\x00b", cl0), strict: http1.InvalidHeader, lenient: http1.InvalidHeader},
		{id: "P65", in: resp("", "foo: a\rb", cl0), strict: http1.InvalidHeader, lenient: http1.InvalidHeader},
		{id: "P52", in: resp("5 \r\nhello\r\n0\r\n\r\n", chunked), strict: http1.BadChunk, body: "hello"},
		{id: "P52", in: resp("5 \t;x\r\nhello\r\n0\r\n\r\n", chunked), strict: http1.BadChunk, body: "hello"},
		{id: "P52", in: resp("5 5\r\nhello\r\n0\r\n\r\n", chunked), strict: http1.BadChunk, lenient: http1.BadChunk},
		{id: "P52", in: resp("blah\r\n", chunked), strict: http1.BadChunk, lenient: http1.BadChunk},
		{id: "extra", in: resp("5\nhello\r\n0\r\n\r\n", chunked), strict: http1.BadChunk, lenient: http1.BadChunk},
		{id: "extra", in: resp("2;\nhi\r\n0\r\n\r\n", chunked), strict: http1.BadChunk, lenient: http1.BadChunk},
		{id: "P18", in: resp("", "Server: a", "server: b", cl0), strict: http1.InvalidHeader},
		{id: "P18", in: resp("", "ETag: a", "Etag: a", cl0), strict: http1.InvalidHeader},
		{id: "P18", in: resp("", cl0, cl0), strict: http1.BadContentLength},
		{id: "P16", in: resp("a", "Content-Length: 1", cl0), strict: http1.BadContentLength, lenient: http1.BadContentLength},
		{id: "P18", in: resp("2\r\nhi\r\n0\r\n\r\n", "Transfer-Encoding: gzip", chunked), strict: http1.BadTransferEncoding, body: "hi"},
		{id: "P25", in: resp("0\r\n\r\n", "Transfer-Encoding: chunked, chunked"), strict: http1.BadTransferEncoding, lenient: http1.BadTransferEncoding},
		{id: "P08", in: resp("", "Content-Length: -5"), strict: http1.BadContentLength, lenient: http1.BadContentLength},
		{id: "P08", in: resp("", "Content-Length: 0, 0"), strict: http1.BadContentLength, lenient: http1.BadContentLength},
		{id: "P11", in: resp("", "Foo : abc", cl0), strict: http1.InvalidHeader, lenient: http1.InvalidHeader},
		{id: "P37", in: resp("", "Foo", cl0), strict: http1.InvalidHeader, lenient: http1.InvalidHeader},
		{id: "P15", in: resp("2\r\nhi\r\n0\r\n\r\n", chunked, "Content-Length: 5"), strict: http1.BadTransferEncoding, body: "hi"},
		{id: "extra", in: "HTTP/1.0 200 OK\r\n" + chunked + "\r\n\r\n2\r\nhi\r\n0\r\n\r\n", strict: http1.BadTransferEncoding, body: "hi"},
		{id: "P05", in: resp("0\r\nfoo: bar\n\r\n", chunked), strict: http1.InvalidHeader},
		{id: "extra", in: "\r\n" + resp("", cl0), strict: http1.BadStatusLine},
		{id: "P35", in: resp("", "SEC-WEBSOCKET-KEY1: line", cl0)},
		{id: "P27", in: resp("", "Foo: chun\u212aed", cl0), foo: "chun\u212aed"},
		{id: "P68", in: "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"},
		{id: "P68", in: "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"},
		{id: "P68", in: "HTTP/1.1 200 \xe4\t\xf6 \r\nContent-Length: 0\r\n\r\n"},
		{id: "P67", in: "HTTP/1.1 99 \r\n\r\n", strict: http1.BadStatusLine, lenient: http1.BadStatusLine},
		{id: "P67", in: "HTTP/1.1 099 X\r\n\r\n", strict: http1.BadStatusLine, lenient: http1.BadStatusLine},
		{id: "P67", in: "HTTP/1.1 9999 test\r\n\r\n", strict: http1.BadStatusLine, lenient: http1.BadStatusLine},
		{id: "P67", in: "HTTP/1.1 ttt test\r\n\r\n", strict: http1.BadStatusLine, lenient: http1.BadStatusLine},
		{id: "P67", in: "HTTP/1.1 20𝟙 test\r\n\r\n", strict: http1.BadStatusLine, lenient: http1.BadStatusLine},
		{id: "P67", in: "HTT/1\r\n\r\n", strict: http1.BadStatusLine, lenient: http1.BadStatusLine},
		{id: "P67", in: "HTTP/1.1  200 OK\r\n\r\n", strict: http1.BadStatusLine, lenient: http1.BadStatusLine},
		{id: "P67", in: "HTTP/1.1 200\tOK\r\n\r\n", strict: http1.BadStatusLine, lenient: http1.BadStatusLine},
		{id: "P67", in: "ICY 200 OK\r\n\r\n", strict: http1.BadStatusLine, lenient: http1.BadStatusLine},
		{id: "P67", in: "<html>", strict: http1.BadStatusLine, lenient: http1.BadStatusLine},
		{id: "P67", in: "HTTP/1.1 200 O\x00K\r\n\r\n", strict: http1.BadStatusLine, lenient: http1.BadStatusLine},
		{id: "D5", in: "HTTP/2.0 200 OK\r\n\r\n", strict: http1.BadVersion, lenient: http1.BadVersion},
		{id: "P48", in: "\x15\x03\x01\x00\x02\x02\x46", strict: http1.TLSOnPlain, lenient: http1.TLSOnPlain},
	} {
		for strict, want := range map[bool]http1.ErrKind{true: row.strict, false: row.lenient} {
			t.Run(row.id, func(t *testing.T) {
				v := verdict{kind: want, body: row.body}
				if want == http1.BadVersion {
					v.status = 505
				}
				got := decodeEveryWay(t, responses("GET", strict), false, []byte(row.in))
				checkVerdict(t, v, got)
				if want == 0 && row.foo != "" {
					if foo := got.messages[0].head.Header["Foo"]; len(foo) != 1 || foo[0] != row.foo {
						t.Errorf("got Foo %q, want %q", foo, row.foo)
					}
				}
			})
		}
	}
}

func TestBodyEndsWhereTheRulesOfTheResponseSay(t *testing.T) {
	for _, row := range []struct {
		id, method, in string
		closes         bool
		body           string
		noBody, keep   bool
		length         int64
		more           int
		rest           string
	}{
		{id: "P66", in: resp("abc", "Transfer-Encoding: notchunked"), closes: true, body: "abc", length: -1},
		{id: "P66", in: resp("abc", "Transfer-Encoding: ,  ,"), closes: true, body: "abc", length: -1},
		{id: "P66", in: resp("abc", "Transfer-Encoding: chunked, gzip"), closes: true, body: "abc", length: -1},
		{id: "extra", in: resp("abc", "Transfer-Encoding: identity"), closes: true, body: "abc", length: -1},
		{id: "extra", in: resp("abc"), closes: true, body: "abc", length: -1},
		{id: "extra", in: resp(""), closes: true, length: -1},
		{id: "extra", in: resp("abc", "Content-Length: 3"), body: "abc", keep: true, length: 3},
		{id: "extra", in: resp("", "Content-Length: 0"), keep: true},
		{id: "extra", in: resp("3\r\nabc\r\n0\r\n\r\n", chunked), body: "abc", keep: true, length: -1},
		{id: "extra", in: resp("3\r\nabc\r\n0\r\n\r\n", chunked, "Content-Length: 500"), body: "abc", length: -1},
		{id: "extra", in: resp("abc", "Content-Length: 3", "Connection: close"), body: "abc", length: 3},
		{id: "extra", in: "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", body: "abc", length: 3},
		{id: "extra", in: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc", body: "abc", keep: true, length: 3},
		{id: "extra", in: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nabc", closes: true, body: "abc", length: -1},
		{id: "C01", method: "HEAD", in: resp(resp("", "Content-Length: 3"), "Content-Length: 3"), noBody: true, keep: true, length: 3, more: 1},
		{id: "C34", method: "HEAD", in: resp("", chunked), noBody: true, keep: true, length: -1},
		{id: "C34", in: "HTTP/1.1 304 Not Modified\r\n" + chunked + "\r\n\r\n", noBody: true, keep: true, length: -1},
		{id: "C34", in: "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", noBody: true, keep: true, length: 7},
		{id: "C34", in: resp("0\r\n\r\n", chunked), keep: true, length: -1},
		{id: "C32", in: "HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n", noBody: true, keep: true, length: -1},
		{id: "C01", in: "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x00", noBody: true, keep: true, length: -1, rest: "\x81\x00"},
		{id: "C58", method: "CONNECT", in: resp("\x16\x03", "Content-Length: 5"), noBody: true, keep: true, length: 5, rest: "\x16\x03"},
		{id: "C71", method: "CONNECT", in: "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nabc", body: "abc", keep: true, length: 3},
	} {
		t.Run(row.id, func(t *testing.T) {
			got := decodeEveryWay(t, responses(row.method, false), row.closes, []byte(row.in))
			checkVerdict(t, verdict{body: row.body, more: row.more, rest: row.rest}, got)
			h := got.messages[0].head
			if h.NoBody != row.noBody || h.KeepAlive != row.keep || h.ContentLength != row.length {
				t.Errorf("got no body %t, keep-alive %t, length %d; want %t, %t, %d", h.NoBody, h.KeepAlive, h.ContentLength, row.noBody, row.keep, row.length)
			}
		})
	}
}

func TestInterimResponsesKeepTheRequestMethod(t *testing.T) {
	in := "HTTP/1.1 100 Continue\r\n\r\n" + "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: close\r\n\r\n" + resp("", "Content-Length: 9")
	got := decodeEveryWay(t, responses("HEAD", false), false, []byte(in))
	checkVerdict(t, verdict{more: 2}, got)
	for i, want := range []int{100, 103, 200} {
		if h := got.messages[i].head; h.Status != want || !h.NoBody {
			t.Errorf("message %d: got status %d, no body %t; want %d, true", i, h.Status, h.NoBody, want)
		}
	}
}

func TestMethodIsThatOfEachRequest(t *testing.T) {
	r := &recorder{t: t, d: http1.NewResponseDecoder(http1.Limits{}, true)}
	for _, method := range []string{"HEAD", "GET", "HEAD"} {
		r.d.SetRequestMethod(method)
		in := resp("", "Content-Length: 2")
		if method == "GET" {
			in += "hi"
		}
		if !r.d.Idle() {
			t.Fatalf("before the response to %s: got not idle", method)
		}
		r.feed([]byte(in[:1]))
		if r.d.Idle() {
			t.Fatalf("within the response to %s: got idle", method)
		}
		r.feed([]byte(in[1:]))
	}
	checkVerdict(t, verdict{more: 2}, r.out)
	if got := r.out.messages[1].body; got != "hi" {
		t.Errorf("got body %q, want %q", got, "hi")
	}
}

func TestEndOfInputSaysHowFarTheMessageCame(t *testing.T) {
	for _, row := range []struct {
		id, in, want string // want "": io.EOF
	}{
		{"P57", resp("abc", "Content-Length: 10"), "truncated message: received 3 of 10 bytes"},
		{"P57", resp("", "Content-Length: 10"), "truncated message: received 0 of 10 bytes"},
		{"P57", resp("a\r\n0123456789\r\n5\r\nab", chunked), "truncated message: received 12 bytes of a chunked body, closed in a chunk"},
		{"P57", resp("a\r\n0123456789\r\n", chunked), "truncated message: received 10 bytes of a chunked body, closed without the last chunk"},
		{"P57", resp("0\r\n", chunked), "truncated message: received 0 bytes of a chunked body, closed in the trailer"},
		{"P57", resp("0\r\na: b\r\n", chunked), "truncated message: received 0 bytes of a chunked body, closed in the trailer"},
		{"P57", "HTTP/1.1 2", "truncated message: closed after 10 bytes of a head"},
		{"P57", "HTTP/1.1 200 OK\r\nA: b\r\n", "truncated message: closed after 23 bytes of a head"},
		{"extra", "", ""},
		{"extra", "\r\n\r", ""},
		{"extra", resp("", "Content-Length: 0"), ""},
		{"extra", resp("a", "Content-Length: 1", "Connection: close"), ""},
		{"extra", "HTTP/1.1 100 Continue\r\n\r\n", ""},
	} {
		got := decodeEveryWay(t, responses("GET", false), true, []byte(row.in))
		switch {
		case row.want == "" && got.err != io.EOF:
			t.Errorf("%q: got %v, want io.EOF", row.in, got.err)
		case row.want != "" && (got.err == nil || got.err.Error() != row.want || !errors.Is(got.err, io.ErrUnexpectedEOF)):
			t.Errorf("%q: got %v, want %q wrapping io.ErrUnexpectedEOF", row.in, got.err, row.want)
		}
	}
}

func TestEndOfInputAfterACompleteMessageNotYetReported(t *testing.T) {
	d := responses("HEAD", true)()
	if ev, _, err := d.Next([]byte(resp("", "Content-Length: 3"))); ev.Kind != http1.EventHead {
		t.Fatalf("got %v, %v, want EventHead", ev.Kind, err)
	}
	if ev, err := d.EOF(); ev.Kind != http1.EventEnd || err != nil {
		t.Errorf("got %v, %v, want EventEnd", ev.Kind, err)
	}
	if _, err := d.EOF(); err != io.EOF {
		t.Errorf("got %v, want io.EOF", err)
	}
}

func TestTrailersThatDescribeTheMessageAreDropped(t *testing.T) {
	in := resp("0\r\nX-Sum: 1\r\nContent-Length: 5\r\nAuthorization: x\r\nx-sum: 2\r\nDigest: d\r\n\r\n"+resp("0\r\n\r\n", chunked), chunked)
	got := decodeEveryWay(t, responses("GET", false), false, []byte(in))
	checkVerdict(t, verdict{more: 1}, got)
	tr := got.messages[0].trailer
	if len(tr) != 2 || len(tr["X-Sum"]) != 2 || tr["X-Sum"][1] != "2" || tr["Digest"][0] != "d" {
		t.Errorf("got trailer %q", tr)
	}
	if tr := got.messages[1].trailer; tr != nil {
		t.Errorf("got trailer %q of the second message, want nil", tr)
	}
}
