package http1_test

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aio-go/aio/internal/http1"
)

// Differential fuzzing against net/http: where both accept the first message of an input, they must agree on what it
// is and on where it ends. The permitted differences, each taken out below:
//
//   - net/http moves Host, Transfer-Encoding, Trailer and "Connection: close" out of the header, adds Cache-Control for
//     "Pragma: no-cache", and drops Content-Length beside chunked coding and all but one of identical lengths.
//   - net/http refuses what the lenient decoder takes: control characters, repeated lengths, codings other than chunked.
//   - net/http ignores Transfer-Encoding in HTTP/1.0.
//   - net/http joins folded lines keeping the blanks within them differently when a line is empty.
//   - net/http takes trailer fields whatever their names are.
//   - net/http reads blanks and bare LF in places where a request is refused here; then only one accepts.

func FuzzRequestVsNetHTTP(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte) {
		got := decode(t, requests, false, in)
		if got.complete() == 0 {
			return
		}
		m := got.messages[0]
		r := bufio.NewReader(bytes.NewReader(in))
		for { // net/http's server does not skip empty lines, this decoder does
			if b, _ := r.Peek(2); string(b) != "\r\n" {
				break
			}
			r.Discard(2)
		}
		theirs, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		body, err := io.ReadAll(theirs.Body)
		if err != nil {
			return
		}
		h := m.head
		if h.Method != theirs.Method || h.Target != theirs.RequestURI || h.Minor != theirs.ProtoMinor {
			t.Errorf("got %q %q 1.%d, net/http %q %q 1.%d", h.Method, h.Target, h.Minor, theirs.Method, theirs.RequestURI, theirs.ProtoMinor)
		}
		if h.Host() != theirs.Host {
			t.Errorf("got host %q, net/http %q", h.Host(), theirs.Host)
		}
		if h.KeepAlive == theirs.Close {
			t.Errorf("got keep-alive %t, net/http close %t", h.KeepAlive, theirs.Close)
		}
		compareHeaders(t, h.Header, theirs.Header)
		compareBody(t, in, &m, string(body), r)
	})
}

func FuzzResponseVsNetHTTP(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte, head bool) {
		method := "GET"
		if head {
			method = "HEAD"
		}
		got := decode(t, responses(method, false), true, in)
		if got.complete() == 0 {
			return
		}
		m := got.messages[0]
		r := bufio.NewReader(bytes.NewReader(in))
		theirs, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			return
		}
		h := m.head
		if h.Minor == 0 && h.Header["Transfer-Encoding"] != nil {
			return
		}
		body, err := io.ReadAll(theirs.Body)
		if err != nil {
			return
		}
		if h.Status != theirs.StatusCode || h.Minor != theirs.ProtoMinor {
			t.Errorf("got 1.%d %d, net/http 1.%d %d", h.Minor, h.Status, theirs.ProtoMinor, theirs.StatusCode)
		}
		compareHeaders(t, h.Header, theirs.Header)
		if theirs.StatusCode != 101 { // what follows is not a body
			compareBody(t, in, &m, string(body), r)
		}
	})
}

func compareHeaders(t *testing.T, got http1.Header, theirs http.Header) {
	t.Helper()
	got = maps.Clone(got)
	theirs = theirs.Clone()
	if slices.Equal(theirs["Cache-Control"], []string{"no-cache"}) && got["Cache-Control"] == nil {
		delete(theirs, "Cache-Control")
	}
	for _, name := range []string{"Host", "Transfer-Encoding", "Trailer", "Content-Length", "Connection"} {
		delete(got, name)
		delete(theirs, name)
	}
	for name, values := range theirs {
		for i, v := range values {
			theirs[name][i] = strings.Join(strings.Fields(v), " ")
		}
		if theirs[name] == nil {
			t.Errorf("%s: net/http has no values", name)
		}
	}
	for name, values := range got {
		values = slices.Clone(values)
		for i, v := range values {
			values[i] = strings.Join(strings.Fields(v), " ")
		}
		if !slices.Equal(values, theirs[name]) {
			t.Errorf("%s: got %q, net/http %q", name, values, theirs[name])
		}
	}
	if len(got) != len(theirs) {
		t.Errorf("got header %q, net/http %q", got, theirs)
	}
}

// compareBody compares the body and what lies behind the message.
func compareBody(t *testing.T, in []byte, m *message, theirs string, r io.Reader) {
	t.Helper()
	if m.body != theirs {
		t.Errorf("got body %q, net/http %q", m.body, theirs)
	}
	rest, _ := io.ReadAll(r)
	if m.head.Chunked && len(m.head.Names) > 0 && m.trailer != nil {
		return // net/http reads a trailer with its lenient field reader
	}
	end := len(in) - len(rest)
	// The message must be complete at net/http's end of it, and not before.
	fresh := requests
	if m.head.Status != 0 {
		fresh = responses("GET", false)
		if m.head.NoBody {
			fresh = responses("HEAD", false)
		}
		if !m.head.Chunked && m.head.ContentLength < 0 {
			return // ends with the connection
		}
	}
	if d := decode(t, fresh, false, in[:end]); d.complete() == 0 {
		t.Errorf("not complete after the %d bytes net/http takes: %v", end, d.err)
	}
	if end > 0 {
		if d := decode(t, fresh, false, in[:end-1]); d.complete() > 0 {
			t.Errorf("complete before the %d bytes net/http takes", end)
		}
	}
}
