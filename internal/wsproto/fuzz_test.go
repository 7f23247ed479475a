package wsproto_test

import (
	"bytes"
	"testing"

	"github.com/aio-go/aio/internal/wsproto"
)

// Fuzz targets. The first byte of the input chooses the rules, so that one corpus covers them all.

func rulesOf(b byte) wsproto.Rules {
	r := wsproto.Rules{Server: b&1 != 0, Inflate: b&2 != 0, NoTakeover: b&4 != 0}
	if b&8 != 0 {
		r.MaxMessage = 64
	} else {
		r.MaxMessage = 1 << 20
	}
	return r
}

// FuzzDecoder: never a panic, an endless loop, or a message above the limit; and the events do not depend on how the
// input was cut.
func FuzzDecoder(f *testing.F) {
	f.Fuzz(func(t *testing.T, mode byte, seed uint64, in []byte) {
		rules := rulesOf(mode)
		whole := decode(t, rules, in)
		for _, pieces := range [][][]byte{single(in), cut(in, seed)} {
			if got := decode(t, rules, pieces...); got.print() != whole.print() {
				t.Fatalf("whole\n%s\nin pieces\n%s", whole.print(), got.print())
			}
		}
	})
}

// FuzzRoundTrip: what is compressed, masked and framed comes back.
func FuzzRoundTrip(f *testing.F) {
	f.Fuzz(func(t *testing.T, mode byte, key uint32, first, second []byte) {
		takeover, bits := mode&1 != 0, 8+int(mode>>1)%8
		z := wsproto.NewDeflater(bits, takeover)
		d := wsproto.NewDecoder(wsproto.Rules{Server: true, Inflate: true, NoTakeover: !takeover})
		for _, m := range [][]byte{first, second, first} {
			small, ok := z.Deflate(m)
			if ok {
				z.Commit(m)
			} else {
				small = m
			}
			frame := wsproto.AppendFrame(nil, wsproto.Binary, ok, small, true, key)
			ev, n, err := d.Next(frame)
			if err != nil || n != len(frame) || ev.Kind != wsproto.EventBinary || !bytes.Equal(ev.Data, m) {
				t.Fatalf("%d bytes: got %v, %d of %d bytes and %v", len(m), ev.Kind, n, len(frame), err)
			}
		}
	})
}

// FuzzExtensions: whatever stands in the header, an answer to it is one that a client accepts.
func FuzzExtensions(f *testing.F) {
	f.Fuzz(func(t *testing.T, offer string) {
		agreed, header, ok := wsproto.AcceptOffer([]string{offer}, wsproto.Deflate{})
		if !ok {
			return
		}
		got, err := wsproto.CheckAnswer([]string{header}, &wsproto.Deflate{})
		if err != nil || *got != agreed {
			t.Fatalf("offer %q, answer %q: got %+v and %v, want %+v", offer, header, got, err, agreed)
		}
	})
}
