package wsproto_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/aio-go/aio/internal/wsproto"
)

// What the tests share: a driver that feeds a decoder in pieces and records what came out in a form that does not depend
// on how the input was cut.

// transcript is all that came out of a decoder.
type transcript struct {
	events []string
	err    *wsproto.Error
}

func (tr transcript) print() string {
	s := strings.Join(tr.events, "\n")
	if tr.err != nil {
		s += fmt.Sprintf("\nerror %d %s", tr.err.Code, tr.err.Detail)
	}
	return s
}

// decode feeds copies of the pieces to a new decoder. It is strict about the contract of Next.
func decode(t testing.TB, rules wsproto.Rules, pieces ...[]byte) (tr transcript) {
	t.Helper()
	d := wsproto.NewDecoder(rules)
	for _, piece := range pieces {
		in := bytes.Clone(piece)
		for {
			ev, n, err := d.Next(in)
			if n < 0 || n > len(in) {
				t.Fatalf("Next consumed %d of %d bytes", n, len(in))
			}
			in = in[n:]
			if err != nil {
				if !errors.As(err, &tr.err) {
					t.Fatalf("got %v, want an *Error", err)
				}
				if _, _, again := d.Next([]byte("x")); !errors.Is(again, err) {
					t.Fatalf("after %v got %v, want the same error again", err, again)
				}
				return tr
			}
			if ev.Kind == wsproto.NeedMore {
				if len(in) > 0 {
					t.Fatalf("NeedMore with %d bytes left", len(in))
				}
				break
			}
			tr.events = append(tr.events, fmt.Sprintf("%v %d %q", ev.Kind, ev.Code, ev.Data))
		}
	}
	return tr
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

// decodeEveryWay decodes in whole, byte by byte, and cut in two at every place (at some places if it is long), and demands
// the same transcript.
func decodeEveryWay(t *testing.T, rules wsproto.Rules, in []byte) transcript {
	t.Helper()
	whole := decode(t, rules, in)
	want := whole.print()
	compare := func(how string, pieces ...[]byte) {
		t.Helper()
		if got := decode(t, rules, pieces...).print(); got != want {
			t.Fatalf("%s: got\n%s\nwant\n%s", how, got, want)
		}
	}
	compare("byte by byte", single(in)...)
	step := 1
	if len(in) > 1000 {
		step = len(in) / 50
	}
	for i := 0; i <= len(in); i += step {
		compare(fmt.Sprintf("cut at %d", i), in[:i], in[i:])
	}
	compare("cut at random", cut(in, uint64(len(in)))...)
	return whole
}

// bin joins what makes up a stream: strings, bytes (as ints) and byte slices.
func bin(parts ...any) []byte {
	var out []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			out = append(out, byte(p))
		case string:
			out = append(out, p...)
		case []byte:
			out = append(out, p...)
		}
	}
	return out
}

var (
	client  = wsproto.Rules{}
	server  = wsproto.Rules{Server: true}
	deflate = wsproto.Rules{Inflate: true}
)

func limited(r wsproto.Rules, n int64) wsproto.Rules {
	r.MaxMessage = n
	return r
}
