package http1_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/aio-go/aio/internal/http1"
)

// What the tests share: a driver that feeds a decoder in pieces and records what came out in a form that does not
// depend on how the input was cut.

// message is one decoded message.
type message struct {
	head     http1.Head
	body     string
	chunks   []int // offsets in body at which chunks end
	trailer  http1.Header
	complete bool
}

// transcript is all that came out of a decoder.
type transcript struct {
	messages []message
	rest     string // left unconsumed after an upgrade
	err      error
}

func (tr *transcript) complete() int {
	n := 0
	for _, m := range tr.messages {
		if m.complete {
			n++
		}
	}
	return n
}

func (tr *transcript) kind() http1.ErrKind {
	var pe *http1.ParseError
	if errors.As(tr.err, &pe) {
		return pe.Kind
	}
	return 0
}

// recorder feeds one decoder. It is strict about the contract of Next.
type recorder struct {
	t   testing.TB
	d   *http1.Decoder
	out transcript
}

// feed passes one piece on until the decoder needs more.
func (r *recorder) feed(piece []byte) {
	for r.out.err == nil {
		if r.d.Upgraded() {
			r.out.rest += string(piece)
			return
		}
		ev, n, err := r.d.Next(piece)
		if n < 0 || n > len(piece) {
			r.t.Fatalf("Next consumed %d of %d bytes", n, len(piece))
		}
		if err != nil {
			r.out.err = err
			if _, _, again := r.d.Next([]byte("x")); !errors.Is(again, err) {
				r.t.Fatalf("after %v got %v, want the same error again", err, again)
			}
			return
		}
		if ev.Kind == http1.NeedMore {
			if n != len(piece) {
				r.t.Fatalf("NeedMore after %d of %d bytes, want all consumed", n, len(piece))
			}
			return
		}
		piece = piece[n:]
		r.record(ev)
	}
}

func (r *recorder) record(ev http1.Event) {
	if ev.Kind == http1.EventHead {
		r.out.messages = append(r.out.messages, message{head: *r.d.Head()})
		return
	}
	m := &r.out.messages[len(r.out.messages)-1]
	if m.complete {
		r.t.Fatalf("%v after the end of the message", ev.Kind)
	}
	switch ev.Kind {
	case http1.EventData:
		if len(ev.Data) == 0 {
			r.t.Fatal("EventData without data")
		}
		m.body += string(ev.Data)
		if ev.ChunkEnd {
			m.chunks = append(m.chunks, len(m.body))
		}
	case http1.EventEnd:
		m.trailer = r.d.Trailer()
		m.complete = true
	}
}

// eof ends the input.
func (r *recorder) eof() {
	if r.out.err != nil {
		return
	}
	ev, err := r.d.EOF()
	if err != nil {
		r.out.err = err
		return
	}
	r.record(ev)
}

// decode feeds the pieces to a new decoder; closes says whether the peer then closes.
func decode(t testing.TB, fresh func() *http1.Decoder, closes bool, pieces ...[]byte) transcript {
	t.Helper()
	r := &recorder{t: t, d: fresh()}
	for _, p := range pieces {
		r.feed(p)
	}
	if closes {
		r.eof()
	}
	return r.out
}

func single(in []byte) [][]byte {
	pieces := make([][]byte, len(in))
	for i := range in {
		pieces[i] = in[i : i+1]
	}
	return pieces
}

// cut divides in at random places.
func cut(in []byte, seed uint64) [][]byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	var pieces [][]byte
	for len(in) > 0 {
		n := 1 + rng.IntN(min(len(in), 1+rng.IntN(64)))
		pieces = append(pieces, in[:n])
		in = in[n:]
	}
	return pieces
}

// print gives a transcript a form to compare and to read.
func (tr *transcript) print() string {
	var b strings.Builder
	for _, m := range tr.messages {
		h := m.head
		fmt.Fprintf(&b, "%q %q %d %q %d.%d cl=%d chunked=%t nobody=%t keep=%t up=%q expect=%q/%t\n", h.Method, h.Target, h.Status, h.Reason,
			h.Major, h.Minor, h.ContentLength, h.Chunked, h.NoBody, h.KeepAlive, h.Upgrade, h.Expect, h.Expect100)
		fmt.Fprintf(&b, "  header %q\n  raw %q\n  body %q %v\n  trailer %q complete=%t\n", h.Header, string(h.Names), m.body, m.chunks, m.trailer, m.complete)
	}
	pe := &http1.ParseError{}
	switch {
	case errors.As(tr.err, &pe):
		fmt.Fprintf(&b, "error %v %d\n", pe.Kind, pe.Status)
	case errors.Is(tr.err, io.EOF):
		b.WriteString("end\n")
	case tr.err != nil:
		fmt.Fprintf(&b, "error %v\n", tr.err)
	}
	fmt.Fprintf(&b, "rest %q\n", tr.rest)
	return b.String()
}

// decodeEveryWay decodes in whole, byte by byte and cut in two at every place (at some places if it is long),
// demands the same transcript, and returns it. It also cuts in short at every byte and demands that no message
// counts as complete that the whole input does not complete at that point.
func decodeEveryWay(t *testing.T, fresh func() *http1.Decoder, closes bool, in []byte) transcript {
	t.Helper()
	whole := decode(t, fresh, closes, in)
	want := whole.print()
	compare := func(how string, pieces ...[]byte) {
		t.Helper()
		got := decode(t, fresh, closes, pieces...)
		if p := got.print(); p != want {
			t.Fatalf("%s: got\n%s\nwant\n%s", how, p, want)
		}
	}
	compare("byte by byte", single(in)...)
	step := 1 + len(in)/400
	for i := 0; i <= len(in); i += step {
		compare(fmt.Sprintf("cut at %d", i), in[:i], in[i:])
	}
	before := 0
	for i := 0; i < len(in); i += step {
		short := decode(t, fresh, false, in[:i])
		if n := short.complete(); n < before || n > whole.complete() {
			t.Fatalf("first %d bytes: %d messages complete, want %d…%d", i, n, before, whole.complete())
		} else {
			before = n
		}
		if short.err != nil && whole.kind() != short.kind() {
			t.Fatalf("first %d bytes: got %v, want the error of the whole, %v", i, short.err, whole.err)
		}
	}
	return whole
}

func requests() *http1.Decoder { return http1.NewRequestDecoder(http1.Limits{}) }

func responses(method string, strict bool) func() *http1.Decoder {
	return func() *http1.Decoder {
		d := http1.NewResponseDecoder(http1.Limits{}, strict)
		d.SetRequestMethod(method)
		return d
	}
}

// lines joins lines with CRLF and ends with one.
func lines(ss ...string) string { return strings.Join(ss, "\r\n") + "\r\n" }

// req builds a GET request with Host and more fields.
func req(fields ...string) string {
	return lines(slices.Concat([]string{"GET /test HTTP/1.1", "Host: a"}, fields, []string{""})...)
}

// post builds a POST request with Host, more fields, and a body.
func post(body string, fields ...string) string {
	return lines(slices.Concat([]string{"POST /test HTTP/1.1", "Host: a"}, fields, []string{""})...) + body
}

const chunked = "Transfer-Encoding: chunked"
