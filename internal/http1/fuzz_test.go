package http1_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/aio-go/aio/internal/http1"
)

// The same bytes must mean the same however they arrive: that is the property behind every case of the conformance
// tables, checked here for inputs nobody thought of. They are also given twice, because a decoder that finds a head
// the same as the one before takes a short cut, which it does not find when they come byte by byte.

func FuzzRequest(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		sameHoweverCut(t, requests, in, seed)
		sameHoweverCut(t, requests, slices.Repeat(in, 2), seed)
	})
}

func FuzzResponse(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte, method string, strict bool, seed uint64) {
		got := sameHoweverCut(t, responses(method, strict), in, seed)
		sameHoweverCut(t, responses(method, strict), slices.Repeat(in, 2), seed)
		if !strict {
			return
		}
		// What the strict decoder takes, the lenient one takes too, and in the same sense.
		if lenient := decode(t, responses(method, false), true, in); got.kind() == 0 && lenient.print() != got.print() {
			t.Errorf("strict: got\n%s\nlenient: got\n%s", got.print(), lenient.print())
		}
	})
}

// sameHoweverCut decodes in whole, byte by byte and in random pieces and returns the transcript.
func sameHoweverCut(t *testing.T, fresh func() *http1.Decoder, in []byte, seed uint64) transcript {
	whole := decode(t, fresh, true, in)
	want := whole.print()
	bytewise := decode(t, fresh, true, single(in)...)
	if got := bytewise.print(); got != want {
		t.Fatalf("byte by byte: got\n%s\nwant\n%s", got, want)
	}
	random := decode(t, fresh, true, cut(in, seed)...)
	if got := random.print(); got != want {
		t.Fatalf("in pieces: got\n%s\nwant\n%s", got, want)
	}
	return whole
}

// FuzzRoundTrip encodes what it is given and decodes it again: if the encoder takes it, the decoder must, and find
// the same in it.
func FuzzRoundTrip(f *testing.F) {
	f.Fuzz(func(t *testing.T, method, target, host, name, value, reason string, status int, body []byte, split uint8) {
		name = "X-" + name // so that it means nothing to the decoder
		h := http1.Header{http1.CanonicalName(name): {value}, "Transfer-Encoding": {"chunked"}}
		in, err := http1.AppendRequestHead(nil, method, target, host, h, nil)
		if err == nil && len(in) < 8000 && method != "CONNECT" && !hasDigit(method) {
			checkRoundTrip(t, requests, in, body, split, name, value, func(m *http1.Head) bool {
				return m.Method == method && m.Target == target && m.Header["Host"][0] == host
			})
		}
		in, err = http1.AppendResponseHead(nil, 1, status, reason, h)
		if err == nil && len(in) < 8000 && status >= 200 && status != 204 && status != 304 {
			checkRoundTrip(t, responses("GET", true), in, body, split, name, value, func(m *http1.Head) bool {
				return m.Status == status && (m.Reason == reason || reason == "" && m.Reason == http1.StatusText(status))
			})
		}
	})
}

func checkRoundTrip(t *testing.T, fresh func() *http1.Decoder, in, body []byte, split uint8, name, value string, same func(*http1.Head) bool) {
	t.Helper()
	n := min(int(split), len(body))
	in = http1.AppendChunk(in, body[:n])
	in = http1.AppendChunk(in, body[n:])
	in, err := http1.AppendLastChunk(in, http1.Header{name: {value}})
	if err != nil {
		t.Fatalf("trailer %q: %q: %v", name, value, err)
	}
	got := decode(t, fresh, false, in)
	if got.err != nil || got.complete() != 1 {
		t.Fatalf("%q: got %v", in, got.err)
	}
	m := got.messages[0]
	want := string(bytes.Trim([]byte(value), " \t"))
	key := http1.CanonicalName(name)
	if !same(&m.head) || m.body != string(body) || m.head.Header[key][0] != want || m.trailer[key][0] != want {
		t.Fatalf("%q: got\n%s", in, got.print())
	}
}

func hasDigit(s string) bool { return bytes.ContainsAny([]byte(s), "0123456789") }
