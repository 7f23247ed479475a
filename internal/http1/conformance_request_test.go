package http1_test

import (
	"strings"
	"testing"

	"github.com/aio-go/aio/internal/http1"
)

// verdict is what a table row expects: an error kind, or acceptance with method, target and body of the first message.
type verdict struct {
	id     string // conformance case
	in     string
	kind   http1.ErrKind
	status int // 400 unless set
	body   string
	more   int // messages accepted besides the first
	rest   string
}

func checkRequest(t *testing.T, v verdict) {
	t.Helper()
	got := decodeEveryWay(t, requests, false, []byte(v.in))
	checkVerdict(t, v, got)
}

func checkVerdict(t *testing.T, v verdict, got transcript) {
	t.Helper()
	if got.kind() != v.kind {
		t.Fatalf("got error %v, want kind %v", got.err, v.kind)
	}
	if v.kind != 0 {
		want := v.status
		if want == 0 {
			want = 400
		}
		if pe := got.err.(*http1.ParseError); pe.Status != want {
			t.Errorf("got status %d for %v, want %d", pe.Status, pe, want)
		}
		if n := got.complete(); n != v.more {
			t.Errorf("got %d complete messages before the error, want %d", n, v.more)
		}
		return
	}
	if n := got.complete(); n != 1+v.more {
		t.Fatalf("got %d complete messages, want %d", n, 1+v.more)
	}
	if m := got.messages[0]; m.body != v.body {
		t.Errorf("got body %q, want %q", m.body, v.body)
	}
	if got.rest != v.rest {
		t.Errorf("got rest %q, want %q", got.rest, v.rest)
	}
}

func TestRequestLineIsReadStrictly(t *testing.T) {
	const h = "\r\nHost: a\r\n\r\n"
	for _, v := range []verdict{
		{id: "P03", in: "GET /attacker HTTP/1.1\nHost: a\r\n\r\n", kind: http1.BadStatusLine},
		{id: "P33", in: "GET www.google.com:443 HTTP/1.1" + h, kind: http1.InvalidTarget},
		{id: "P34", in: "GET ! HTTP/1.1" + h, kind: http1.InvalidTarget},
		{id: "P34", in: "GET \xff HTTP/1.1" + h, kind: http1.InvalidTarget},
		{id: "P42", in: "getpath \r\n\r\n", kind: http1.BadStatusLine},
		{id: "P43", in: "GET / HTTP/1.𝟙" + h, kind: http1.BadStatusLine},
		{id: "P43", in: "GET / HTTP/1ﬁ1" + h, kind: http1.BadStatusLine},
		{id: "P44", in: "GET\n/path\fHTTP/1.1" + h, kind: http1.BadStatusLine},
		{id: "P44", in: "GET\t/path HTTP/1.1" + h, kind: http1.BadStatusLine},
		{id: "P44", in: "GET /path\fHTTP/1.1" + h, kind: http1.InvalidTarget},
		{id: "P46", in: "GET / HT/11" + h, kind: http1.BadStatusLine},
		{id: "P46", in: "GET / HTTP/1.32" + h, kind: http1.BadStatusLine},
		{id: "P46", in: "GET / HTTP/1." + h, kind: http1.BadStatusLine},
		{id: "P46", in: "GET / http/1.1" + h, kind: http1.BadStatusLine},
		{id: "D5", in: "GET / HTTP/1.2" + h, kind: http1.BadVersion, status: 505},
		{id: "D5", in: "GET / HTTP/0.9" + h, kind: http1.BadVersion, status: 505},
		{id: "D5", in: "GET / HTTP/3.0" + h, kind: http1.BadVersion, status: 505},
		{id: "extra", in: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", kind: http1.BadVersion, status: 505},
		{id: "P48", in: "\x16\x03\x03\x01F\x01", kind: http1.TLSOnPlain},
		{id: "P49", in: "GET1 /test HTTP/1.1" + h, kind: http1.BadMethod},
		{id: "extra", in: "GET /a b HTTP/1.1" + h, kind: http1.BadStatusLine},
		{id: "extra", in: "GET /\x00 HTTP/1.1" + h, kind: http1.InvalidTarget},
		{id: "extra", in: "GET /\x7f HTTP/1.1" + h, kind: http1.InvalidTarget},
		{id: "extra", in: "GET /\r\n", kind: http1.BadStatusLine},
		{id: "extra", in: "GET  / HTTP/1.1" + h, kind: http1.BadStatusLine},
		{id: "extra", in: "GET /  HTTP/1.1" + h, kind: http1.BadStatusLine},
		{id: "extra", in: "GET / HTTP/1.1 " + h, kind: http1.BadStatusLine},
		{id: "extra", in: " GET / HTTP/1.1" + h, kind: http1.BadStatusLine},
		{id: "extra", in: "GET / HTTP/1.1\rHost: a\r\n\r\n", kind: http1.BadStatusLine},
		{id: "extra", in: "GET * HTTP/1.1" + h, kind: http1.InvalidTarget},
		{id: "extra", in: "GET http:///x HTTP/1.1" + h, kind: http1.InvalidTarget},
		{id: "extra", in: "GET http://u@b/x HTTP/1.1" + h, kind: http1.InvalidTarget},
		{id: "extra", in: "CONNECT /x HTTP/1.1" + h, kind: http1.InvalidTarget},
		{id: "C103", in: "garbage\r\n\r\n", kind: http1.BadStatusLine},
		{id: "P71", in: strings.Repeat("\r\n", 9) + req(), kind: http1.BadStatusLine},
		{id: "P71", in: "\n" + req(), kind: http1.BadStatusLine},
		{id: "P71", in: "\r" + req(), kind: http1.BadStatusLine},
		{id: "P71", in: "\r\n" + req()},
		{id: "P71", in: strings.Repeat("\r\n", 8) + req()},
		{id: "extra", in: "OPTIONS * HTTP/1.1" + h},
		{id: "extra", in: "GET http://other.example:8080/x?y HTTP/1.1" + h},
		{id: "D6", in: "get / HTTP/1.1" + h},
		{id: "extra", in: "M-SEARCH / HTTP/1.1" + h},
		{id: "extra", in: "GET /d\xc3\xbcrer?q=\xff HTTP/1.1" + h},
		{id: "extra", in: "GET / HTTP/1.0\r\n\r\n"},
	} {
		t.Run(v.id+" "+v.in[:min(len(v.in), 24)], func(t *testing.T) { checkRequest(t, v) })
	}
	// P47
	for _, c := range `"(),/:;<=>?@[\]{}` {
		checkRequest(t, verdict{in: string(c) + "ET /get HTTP/1.1" + h, kind: http1.BadMethod})
	}
}

func TestRequestFieldsAreReadStrictly(t *testing.T) {
	rows := []verdict{
		{id: "P01", in: req("test: line", " Content-Length: 48"), kind: http1.InvalidHeader},
		{id: "P02", in: "GET / HTTP/1.1\r\nHost: 127.0.0.1\n\r\n", kind: http1.InvalidHeader},
		{id: "P02", in: "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\n", kind: http1.InvalidHeader},
		{id: "P06", in: req("X-Abc: \rxTransfer-Encoding: chunked"), kind: http1.InvalidHeader},
		{id: "P08", in: req("Content-Length: -5"), kind: http1.BadContentLength},
		{id: "P08", in: req("Content-Length: +256"), kind: http1.BadContentLength},
		{id: "P08", in: req("Content-Length: line"), kind: http1.BadContentLength},
		{id: "P08", in: req("Content-Length: -1"), kind: http1.BadContentLength},
		{id: "P08", in: req("Content-Length: 1_000"), kind: http1.BadContentLength},
		{id: "P08", in: req("Content-Length:"), kind: http1.BadContentLength},
		{id: "P08", in: req("Content-Length: 0x5"), kind: http1.BadContentLength},
		{id: "P08", in: req("Content-Length: 5 5"), kind: http1.BadContentLength},
		{id: "P09", in: req("Content-Length: ¹"), kind: http1.BadContentLength},
		{id: "P09", in: req("Content-Length: 𝟙"), kind: http1.BadContentLength},
		{id: "P11", in: req("Foo : bar"), kind: http1.InvalidHeader},
		{id: "P11", in: req("Foo\t: bar"), kind: http1.InvalidHeader},
		{id: "P12", in: req("\xffoo: bar"), kind: http1.InvalidHeader},
		{id: "P12", in: req("Foo\xa0: bar"), kind: http1.InvalidHeader},
		{id: "P13", in: "GET / HTTP/1.1\r\nHost: trusted.example\x01@bad.test\r\n\r\n", kind: http1.InvalidHeader},
		{id: "P14", in: post("hello", "Content-Length: 5", "Transfer-Encoding: a"), kind: http1.BadTransferEncoding},
		{id: "P15", in: post("0\r\n\r\n", "Content-Length: 1234", chunked), kind: http1.BadTransferEncoding},
		{id: "P15", in: post("0\r\n\r\n", chunked, "Content-Length: 0"), kind: http1.BadTransferEncoding},
		{id: "P16", in: post("12", "Content-Length: 1", "Content-Length: 2"), kind: http1.BadContentLength},
		{id: "P16", in: post("1", "Content-Length: 1", "content-length: 1"), kind: http1.BadContentLength},
		{id: "P17", in: req("Host: b"), kind: http1.InvalidHeader},
		{id: "P17", in: req("hOST: a"), kind: http1.InvalidHeader},
		{id: "P17", in: post("0\r\n\r\n", chunked, "transfer-encoding: chunked"), kind: http1.BadTransferEncoding},
		{id: "P19", in: "GET /admin HTTP/1.1\r\n\r\n", kind: http1.InvalidHeader},
		{id: "P21", in: "GET / HTTP/1.1\r\n\tContent-Length: 1\r\nHost: a\r\n\r\n", kind: http1.InvalidHeader},
		{id: "P22", in: post("0\r\n\r\n", "Transfer-Encoding: chunked123"), kind: http1.BadTransferEncoding},
		{id: "P23", in: post("0\r\n\r\n", "Transfer-Encoding: ,  \t ,"), kind: http1.BadTransferEncoding},
		{id: "P23", in: post("0\r\n\r\n", "Transfer-Encoding:"), kind: http1.BadTransferEncoding},
		{id: "P23", in: post("0\r\n\r\n", "Transfer-Encoding: chunked,"), kind: http1.BadTransferEncoding},
		{id: "P23", in: post("0\r\n\r\n", "Transfer-Encoding: ,chunked"), kind: http1.BadTransferEncoding},
		{id: "P24", in: post("0\r\n\r\n", "Transfer-Encoding: chunked, not"), kind: http1.BadTransferEncoding},
		{id: "P25", in: post("0\r\n\r\n", "Transfer-Encoding: chunked, chunked"), kind: http1.BadTransferEncoding},
		{id: "P26", in: post("4\r\nTest\r\n0\r\n\r\n", "Transfer-Encoding: not, chunked"), body: "Test"},
		{id: "P27", in: post("0\r\n\r\n", "Transfer-Encoding: chun\u212aed"), kind: http1.BadTransferEncoding},
		{id: "P29", in: req("Content-Encoding: zﬆd")},
		{id: "P29", in: req("Content-Encoding: deﬂate")},
		{id: "P30", in: req("Connection: upgrade")},
		{id: "P35", in: req("SEC-WEBSOCKET-KEY1: line"), kind: http1.InvalidHeader},
		{id: "P37", in: req(":test"), kind: http1.InvalidHeader},
		{id: "P37", in: req("test line"), kind: http1.InvalidHeader},
		{id: "P37", in: req("test[]: line"), kind: http1.InvalidHeader},
		{id: "P37", in: req("test"), kind: http1.InvalidHeader},
		{id: "extra", in: post("hello", "Content-Length: 5, 5"), kind: http1.BadContentLength},
		{id: "extra", in: post("hello", "Content-Length: 00005"), body: "hello"},
		{id: "extra", in: req("Content-Length: 9223372036854775808"), kind: http1.BadContentLength},
		{id: "extra", in: req("Content-Length: 18446744073709551621"), kind: http1.BadContentLength},
		{id: "extra", in: req("Content-Length: 99999999999999999999999"), kind: http1.BadContentLength},
		{id: "extra", in: post("0\r\n\r\n", "Transfer-Encoding: identity"), kind: http1.BadTransferEncoding},
		{id: "extra", in: post("0\r\n\r\n", "Transfer-Encoding : chunked"), kind: http1.InvalidHeader},
		{id: "extra", in: post("0\r\n\r\n", `Transfer-Encoding: gzip;x=", chunked`), kind: http1.BadTransferEncoding},
		{id: "extra", in: "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", kind: http1.BadTransferEncoding},
		{id: "extra", in: "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 3\r\n\r\nabc", kind: http1.BadContentLength},
	}
	// P07
	for _, c := range `"(),/;<=>?@[\]{}` {
		rows = append(rows, verdict{id: "P07", in: req("a" + string(c) + "b: c"), kind: http1.InvalidHeader})
	}
	// P10
	for _, c := range "\r\n\x00\x01\x1f\x7f" {
		rows = append(rows, verdict{id: "P10", in: req("foo: ba" + string(c) + "r"), kind: http1.InvalidHeader})
		rows = append(rows, verdict{id: "P10", in: req("foo: some more text than eight bytes " + string(c)), kind: http1.InvalidHeader})
	}
	// P18
	for _, name := range []string{"Content-Location", "Content-Range", "Content-Type", "ETag", "Max-Forwards", "Server", "User-Agent"} {
		rows = append(rows, verdict{id: "P18", in: req(name+": a", strings.ToLower(name)+": b"), kind: http1.InvalidHeader})
	}
	for _, v := range rows {
		t.Run(v.id, func(t *testing.T) { checkRequest(t, v) })
	}
}

func TestHostNamesOneHost(t *testing.T) {
	for _, row := range []struct {
		host string
		ok   bool
	}{
		{"", true}, {"a", true}, {"a:80", true}, {"a:", true}, {"127.0.0.1:8080", true}, {"[::1]", true}, {"[::1]:443", true},
		{"[fe80::1%25eth0]", true}, {"xn--bcher-kva.example", true}, {"under_score.example.", true}, {"a%2db", true}, {"[v1.a:b]", true},
		{"a/b", false}, {"user@a", false}, {"user:pw@a", false}, {"a, b", false}, {"a,b", false}, {"::1", false}, {"fe80::1", false}, {"a:80:80", false},
		{"a:x", false}, {"a:-1", false}, {"a:123456", false}, {":80", false}, {"a b", false}, {"b\xfccher", false}, {"[::1", false}, {"[]", false},
		{"[::1]x", false}, {"[a]", false}, {"a?b", false}, {"a#b", false}, {"a\\b", false}, {"a%zz", false}, {"a%2", false}, {"[::1]:x", false},
	} {
		v := verdict{in: "GET / HTTP/1.1\r\nHost: " + row.host + "\r\n\r\n"}
		if !row.ok {
			v.kind = http1.InvalidHeader
		}
		t.Run(row.host, func(t *testing.T) { checkRequest(t, v) })
	}
}

func TestEffectiveHostIsThatOfAnAbsoluteTarget(t *testing.T) {
	for _, row := range []struct{ target, want string }{
		{"/x", "a"}, {"/x://b", "a"}, {"http://b:81/x", "b:81"}, {"http://b", "b"}, {"http://b?x", "b"}, {"https://[::1]/", "[::1]"},
	} {
		got := decode(t, requests, false, []byte("GET "+row.target+" HTTP/1.1\r\nHost: a\r\n\r\n"))
		if got.err != nil {
			t.Fatalf("%s: %v", row.target, got.err)
		}
		if h := got.messages[0].head; h.Host() != row.want || h.Target != row.target {
			t.Errorf("%s: got host %q target %q, want host %q", row.target, h.Host(), h.Target, row.want)
		}
	}
}

func TestRequestChunksAreReadStrictly(t *testing.T) {
	for _, v := range []verdict{
		{id: "P04", in: "5\nhello\r\n0\r\n\r\n", kind: http1.BadChunk},
		{id: "P05", in: "0\r\nX-Trailer: bad\n\r\n", kind: http1.InvalidHeader},
		{id: "P05", in: "0\r\n\n", kind: http1.InvalidHeader},
		{id: "P50", in: "2;\nxx\r\n4c\r\n0\r\n\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n", kind: http1.BadChunk},
		{id: "P52", in: "blah\r\n", kind: http1.BadChunk},
		{id: "P52", in: "5 \r\nhello\r\n0\r\n\r\n", kind: http1.BadChunk},
		{id: "P52", in: " 5\r\nhello\r\n0\r\n\r\n", kind: http1.BadChunk},
		{id: "P54", in: "0\r\nbad\ntrailer\r\n\r\n", kind: http1.InvalidHeader},
		{id: "extra", in: "0x5\r\nhello\r\n0\r\n\r\n", kind: http1.BadChunk},
		{id: "extra", in: "\r\nhello\r\n0\r\n\r\n", kind: http1.BadChunk},
		{id: "extra", in: ";a\r\nhello\r\n0\r\n\r\n", kind: http1.BadChunk},
		{id: "extra", in: "-5\r\nhello\r\n0\r\n\r\n", kind: http1.BadChunk},
		{id: "extra", in: "00000000000000005\r\nhello\r\n0\r\n\r\n", kind: http1.BadChunk},
		{id: "extra", in: "8000000000000000\r\nhello\r\n0\r\n\r\n", kind: http1.BadChunk},
		{id: "extra", in: "fffffffffffffffff\r\nhello\r\n0\r\n\r\n", kind: http1.BadChunk},
		{id: "extra", in: "5;a=b\rxhello\r\n0\r\n\r\n", kind: http1.BadChunk},
		{id: "extra", in: "5;a=\x00\r\nhello\r\n0\r\n\r\n", kind: http1.BadChunk},
		{id: "extra", in: "5\rxhello\r\n0\r\n\r\n", kind: http1.BadChunk},
		{id: "extra", in: "5\r\nhelloX\r\n0\r\n\r\n", kind: http1.BadChunk},
		{id: "extra", in: "5\r\nhello\rX0\r\n\r\n", kind: http1.BadChunk},
		{id: "extra", in: "5\r\nhello\n0\r\n\r\n", kind: http1.BadChunk},
		{id: "extra", in: "0\r\nX\r\n", kind: http1.InvalidHeader},
		{id: "extra", in: "0\r\n\rX", kind: http1.InvalidHeader},
		{id: "extra", in: "0\r\n a: b\r\n\r\n", kind: http1.InvalidHeader},
		{id: "extra", in: "0\r\na: b\r\n c\r\n\r\n", kind: http1.InvalidHeader},
		{id: "extra", in: "0\r\nContent-Length: 5\r\n\r\n", kind: http1.InvalidHeader},
		{id: "extra", in: "0\r\nTransfer-Encoding: chunked\r\n\r\n", kind: http1.InvalidHeader},
		{id: "extra", in: "0\r\nhost: b\r\n\r\n", kind: http1.InvalidHeader},
		{id: "extra", in: "0\r\n\r\n"},
		{id: "extra", in: "000\r\n\r\n"},
		{id: "extra", in: "0000000000000005\r\nhello\r\n0\r\n\r\n", body: "hello"},
		{id: "extra", in: "5;a=\"b c\";d\r\nhello\r\n0;x\r\n\r\n", body: "hello"},
		{id: "extra", in: "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", body: "01234567890123456789"},
		{id: "P55", in: "4\r\nTest\r\n0\r\ntest: trailer\r\nsecond: x\r\n\r\n" + req(), body: "Test", more: 1},
	} {
		v.in = post(v.in, chunked)
		t.Run(v.id, func(t *testing.T) { checkRequest(t, v) })
	}
}

func TestUpgradeIsRecognisedByTokens(t *testing.T) {
	const ws = "Upgrade: websocket"
	for _, row := range []struct {
		id, in, upgrade, body, rest string
		more                        int
	}{
		{id: "P28", in: req("Connection: upgrade", "Upgrade: websoc\u212aet") + req(), more: 1},
		{id: "P30", in: req("Connection: upgrade") + req(), more: 1},
		{id: "extra", in: req("Connection: keep-alive, notupgrade", ws) + req(), more: 1},
		{id: "extra", in: req(ws) + req(), more: 1},
		{id: "extra", in: req("Connection: upgrade", "Upgrade: h2c") + req(), more: 1},
		{id: "extra", in: req("Connection: upgrade", "Upgrade: websocket/13") + req(), more: 1},
		{id: "extra", in: "GET / HTTP/1.0\r\nConnection: keep-alive, upgrade\r\nUpgrade: websocket\r\n\r\n" + req(), more: 1},
		{id: "extra", in: req("connection: Keep-Alive, UPGRADE", "upgrade: h2c, WebSocket") + "\x81\x00", upgrade: "websocket", rest: "\x81\x00"},
		{id: "extra", in: req("Connection: keep-alive", "Connection: upgrade", "Upgrade: tcp") + "x", upgrade: "tcp", rest: "x"},
		{id: "P56", in: post("hello\x81\x00", "Connection: upgrade", ws, "Content-Length: 5"), upgrade: "websocket", body: "hello", rest: "\x81\x00"},
		{id: "P32", in: "CONNECT www.google.com HTTP/1.1\r\nHost: a\r\n\r\n\x16\x03", rest: "\x16\x03"},
		{id: "P32", in: "CONNECT www.google.com:443 HTTP/1.0\r\n\r\nx", rest: "x"},
	} {
		t.Run(row.id, func(t *testing.T) {
			got := decodeEveryWay(t, requests, false, []byte(row.in))
			checkVerdict(t, verdict{body: row.body, rest: row.rest, more: row.more}, got)
			if h := got.messages[0].head; h.Upgrade != row.upgrade {
				t.Errorf("got upgrade %q, want %q", h.Upgrade, row.upgrade)
			}
		})
	}
}

// C97
func TestDeclinedUpgradeGoesOnWithHTTP(t *testing.T) {
	r := &recorder{t: t, d: requests()}
	r.feed([]byte(post("hello", "Connection: upgrade", "Upgrade: websocket", "Content-Length: 5") + req()))
	if !r.d.Upgraded() || r.d.Idle() {
		t.Fatalf("got upgraded %t, idle %t; want true, false", r.d.Upgraded(), r.d.Idle())
	}
	if ev, n, err := r.d.Next([]byte(r.out.rest)); ev.Kind != http1.NeedMore || n != 0 || err != nil {
		t.Fatalf("after the upgrade got %v, %d, %v, want nothing consumed", ev.Kind, n, err)
	}
	r.d.DeclineUpgrade()
	r.feed([]byte(r.out.rest))
	if n := r.out.complete(); n != 2 || r.out.err != nil {
		t.Errorf("got %d messages, error %v; want 2", n, r.out.err)
	}
}

func TestRequestsMayBePipelined(t *testing.T) {
	in := req() + post("hello", "Content-Length: 5") + "\r\n" + post("1\r\nx\r\n0\r\n\r\n", chunked) + post("", "Content-Length: 0") +
		"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" + req("Connection: close")
	got := decodeEveryWay(t, requests, true, []byte(in))
	checkVerdict(t, verdict{more: 5}, got)
	var bodies []string
	for _, m := range got.messages {
		bodies = append(bodies, m.body)
	}
	if s := strings.Join(bodies, "|"); s != "|hello|x|||" {
		t.Errorf("got bodies %q", s)
	}
	if got.messages[4].head.KeepAlive != true || got.messages[5].head.KeepAlive {
		t.Error("got wrong KeepAlive of the last two, want true and false")
	}
}

func TestNothingMayFollowTheLastMessage(t *testing.T) {
	for _, v := range []verdict{
		{in: req("Connection: close") + "Invalid\r\n\r\n", kind: http1.DataAfterClose, more: 1},
		{in: req("Connection: x,CLOSE , y") + req(), kind: http1.DataAfterClose, more: 1},
		{in: "GET / HTTP/1.0\r\n\r\n" + req(), kind: http1.DataAfterClose, more: 1},
		{in: req("Connection: close") + "\r\n\r\n"},
	} {
		checkRequest(t, v)
	}
}

func TestExpectIsReadForHTTP11Only(t *testing.T) {
	for _, row := range []struct {
		in, expect string
		is100      bool
	}{
		{post("", "Expect: 100-Continue", "Content-Length: 5"), "100-Continue", true},
		{post("", "Expect: other", "Content-Length: 5"), "other", false},
		{post("", "Expect: a", "Expect: 100-continue", "Content-Length: 5"), "a, 100-continue", false},
		{"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", "", false},
	} {
		got := decode(t, requests, false, []byte(row.in))
		if len(got.messages) != 1 {
			t.Fatalf("%q: %v", row.in, got.err)
		}
		if h := got.messages[0].head; h.Expect != row.expect || h.Expect100 != row.is100 {
			t.Errorf("%q: got %q, %t; want %q, %t", row.in, h.Expect, h.Expect100, row.expect, row.is100)
		}
	}
}
