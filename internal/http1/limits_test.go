package http1_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/aio-go/aio/internal/http1"
)

func fill(n int) string { return strings.Repeat("t", n) }

func TestLinesPassAtTheLimitAndFailAboveIt(t *testing.T) {
	const most = 8190
	requestLine := func(n int) string {
		return "GET /" + fill(n-len("GET / HTTP/1.1")) + " HTTP/1.1\r\nHost: a\r\n\r\n"
	}
	pad := func(n int) string { return "data: " + fill(n-len("data")) }
	for _, v := range []verdict{
		{id: "P41", in: requestLine(most)},
		{id: "P41", in: requestLine(most + 1), kind: http1.LineTooLong},
		{id: "P41", in: requestLine(most + 9), kind: http1.LineTooLong},
		{id: "P41", in: "GET /" + fill(16000) + " HTTP/1.1\r\nHost: a\r\n\r\n", kind: http1.LineTooLong},
		{id: "P41", in: fill(most+1) + " / HTTP/1.1\r\nHost: a\r\n\r\n", kind: http1.LineTooLong},
		{id: "P38", in: req(fill(most) + ":")},
		{id: "P38", in: req(fill(most+1) + ":"), kind: http1.LineTooLong},
		{id: "P38", in: req(fill(most+1) + ": data"), kind: http1.LineTooLong},
		{id: "P38", in: req(pad(most))},
		{id: "P38", in: req(pad(most + 1)), kind: http1.LineTooLong},
		{id: "P38", in: req("data:" + fill(most-4))},
		{id: "P38", in: req("data:" + fill(most-3)), kind: http1.LineTooLong},
		{id: "P38", in: req("data: " + fill(most+1)), kind: http1.LineTooLong},
		{id: "P38", in: req(fill(4095) + ": " + fill(4095))},
		{id: "P38", in: req(fill(4096) + ": " + fill(4095)), kind: http1.LineTooLong},
		{id: "P38", in: req("data:" + strings.Repeat(" ", 40960) + "x"), kind: http1.LineTooLong},
		{id: "C89", in: req("data: " + fill(16258)), kind: http1.LineTooLong},
		{id: "P39", in: post("0\r\n"+pad(most)+"\r\n\r\n", chunked)},
		{id: "P39", in: post("0\r\ntest: "+fill(8191)+"\r\n\r\n", chunked), kind: http1.LineTooLong},
		{id: "P39", in: post("0\r\ntest: "+fill(40960)+"\r\n\r\n", chunked), kind: http1.LineTooLong},
		{id: "P53", in: post("1;"+fill(most-2)+"\r\nx\r\n0\r\n\r\n", chunked), body: "x"},
		{id: "P53", in: post("1;"+fill(most-1)+"\r\nx\r\n0\r\n\r\n", chunked), kind: http1.LineTooLong},
		{id: "P53", in: post("1;"+fill(most+1), chunked), kind: http1.LineTooLong},
	} {
		t.Run(v.id, func(t *testing.T) { checkRequest(t, v) })
	}
	for _, v := range []verdict{ // P70
		{in: "HTTP/1.1 200 " + fill(most-13) + "\r\nContent-Length: 0\r\n\r\n"},
		{in: "HTTP/1.1 200 " + fill(most-12) + "\r\nContent-Length: 0\r\n\r\n", kind: http1.LineTooLong},
		{in: "HTTP/1.1 200 " + fill(40960), kind: http1.LineTooLong},
		{in: resp("", "data: "+fill(most+1)), kind: http1.LineTooLong},
		{in: resp("", "data: a", " "+fill(most)), kind: http1.LineTooLong},
		{in: resp("", pad(most), " a"), kind: http1.LineTooLong},
		{in: resp("", pad(most-1), " a"), kind: http1.LineTooLong},
	} {
		checkVerdict(t, v, decodeEveryWay(t, responses("GET", false), false, []byte(v.in)))
	}
}

// P39: the limit holds over any division into reads.
func TestLimitOfATrailerHoldsOverPieces(t *testing.T) {
	in := []byte(post("0\r\ntest: "+fill(40960)+"\r\n\r\n", chunked))
	r := &recorder{t: t, d: requests()}
	for len(in) > 0 && r.out.err == nil {
		n := min(3000, len(in))
		r.feed(in[:n])
		in = in[n:]
	}
	if r.out.kind() != http1.LineTooLong || len(in) < 30000 {
		t.Errorf("got %v with %d bytes to go, want LineTooLong early", r.out.err, len(in))
	}
}

// P40
func TestHeadersAndTrailersAreCountedTogether(t *testing.T) {
	many := func(n int) string { return strings.Repeat("a: b\r\n", n) }
	head := func(n int) string { // Host and chunked are two of the n
		return "POST / HTTP/1.1\r\nHost: a\r\n" + chunked + "\r\n" + many(n-2) + "\r\n"
	}
	for _, v := range []verdict{
		{in: head(128) + "0\r\n\r\n"},
		{in: head(129) + "0\r\n\r\n", kind: http1.TooManyHeaders},
		{in: head(2) + "0\r\n" + many(126) + "\r\n"},
		{in: head(2) + "0\r\n" + many(129) + "\r\n", kind: http1.TooManyHeaders},
		{in: head(64) + "0\r\n" + many(64) + "\r\n"},
		{in: head(64) + "0\r\n" + many(65) + "\r\n", kind: http1.TooManyHeaders},
	} {
		checkRequest(t, v)
	}
}

func TestLimitsCanBeSet(t *testing.T) {
	fresh := func() *http1.Decoder {
		return http1.NewRequestDecoder(http1.Limits{MaxLine: 20, MaxField: 10, MaxHeaders: 2})
	}
	for _, v := range []verdict{
		{in: "GET /123456 HTTP/1.1\r\nHost: a\r\na: 345678901\r\n\r\n"},
		{in: "GET /1234567 HTTP/1.1\r\nHost: a\r\n\r\n", kind: http1.LineTooLong},
		{in: "GET / HTTP/1.1\r\nHost: a\r\na: 3456789012\r\n\r\n", kind: http1.LineTooLong},
		{in: "GET / HTTP/1.1\r\nHost: a\r\na: b\r\nc:\r\n\r\n", kind: http1.TooManyHeaders},
	} {
		checkVerdict(t, v, decodeEveryWay(t, fresh, false, []byte(v.in)))
	}
}

// P53, P58: what is not data may not outweigh the data for long.
func TestEndlessChunkExtensionsAreRefused(t *testing.T) {
	line := "1;" + fill(1000) + "\r\nx\r\n"
	got := decode(t, requests, false, []byte(post(strings.Repeat(line, 100), chunked)))
	if got.kind() != http1.LineTooLong {
		t.Errorf("got %v, want LineTooLong", got.err)
	}
}

// P58
func TestTwentyThousandOneByteChunksAreLinear(t *testing.T) {
	const n = 20000
	in := []byte(post(strings.Repeat("1\r\nx\r\n", n)+"0\r\n\r\n", chunked))
	for name, pieces := range map[string][][]byte{"whole": {in}, "bytes": single(in)} {
		d, calls, body, ends := requests(), 0, 0, 0
		for _, p := range pieces {
			for {
				calls++
				ev, used, err := d.Next(p)
				if err != nil {
					t.Fatal(err)
				}
				p = p[used:]
				body += len(ev.Data)
				if ev.ChunkEnd {
					ends++
				}
				if ev.Kind == http1.NeedMore {
					break
				}
			}
		}
		if body != n || ends != n {
			t.Errorf("%s: got %d bytes in %d chunks, want %d in %d", name, body, ends, n, n)
		}
		if most := len(pieces) + n + 3; calls > most {
			t.Errorf("%s: got %d calls, want at most %d", name, calls, most)
		}
	}
}

// A head that trickles in must cost what its bytes cost. The count of allocations bounds the copying: growing a
// buffer by doubling takes about log₂ of its size.
func TestTricklingHeadIsScannedOnce(t *testing.T) {
	in := []byte(req(strings.Repeat("x: "+fill(8000)+"\r\n", 100) + "y: z"))
	pieces := single(in)
	allocs := testing.AllocsPerRun(1, func() {
		d := requests()
		for _, p := range pieces {
			if _, n, err := d.Next(p); err != nil || n != 1 {
				t.Fatalf("got %d, %v", n, err)
			}
		}
		if d.Head().Header["Y"] == nil {
			t.Fatal("got no head")
		}
	})
	if allocs > 80 {
		t.Errorf("got %.0f allocations for a head of %d bytes, want at most 80", allocs, len(in))
	}
}

func TestErrorsShowABoundedQuotedPieceOfTheInput(t *testing.T) {
	secret := bytes.Repeat([]byte("\x1b[31m"), 1000)
	got := decode(t, requests, false, []byte("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n"+fill(500)+string(secret)))
	if got.err == nil {
		t.Fatal("got no error")
	}
	if s := got.err.Error(); len(s) > 120 || strings.ContainsAny(s, "\x1b\r\n") {
		t.Errorf("got %d bytes: %q", len(s), s)
	}
}

func TestKindsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for k := http1.BadStatusLine; k <= http1.DataAfterClose; k++ {
		if s := k.String(); seen[s] || strings.Contains(s, "kind") {
			t.Errorf("kind %d: got name %q", k, s)
		} else {
			seen[s] = true
		}
	}
	got := fmt.Sprint(http1.ErrKind(0), http1.NeedMore, http1.EventHead, http1.EventData, http1.EventEnd)
	if want := "error kind 0 NeedMore EventHead EventData EventEnd"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
