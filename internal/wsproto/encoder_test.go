package wsproto_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aio-go/aio/internal/wsproto"
)

// What is encoded is decoded again: a model of a connection, in both directions, with every way of compressing.

func TestMaskMatchesTheDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 100 {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(rng.Uint32())
		}
		key, pos := rng.Uint32(), rng.IntN(1000)
		want := bytes.Clone(p)
		for i := range want {
			want[i] ^= byte(key >> (8 * ((pos + i) % 4)))
		}
		if wsproto.Mask(p, key, pos); !bytes.Equal(p, want) {
			t.Fatalf("%d bytes from %d with %08x: got %x want %x", n, pos, key, p, want)
		}
	}
}

// sender sends messages of one side, compressed where that was agreed on, and now and then one that is dropped.
type sender struct {
	rng    *rand.Rand
	z      *wsproto.Deflater
	masked bool
}

func (s *sender) message() (op wsproto.Opcode, payload []byte) {
	op = wsproto.Text
	if s.rng.IntN(3) == 0 {
		op = wsproto.Binary
	}
	switch s.rng.IntN(6) {
	case 0:
		payload = make([]byte, s.rng.IntN(40_000))
	case 1:
		payload = make([]byte, s.rng.IntN(140))
		for i := range payload {
			payload[i] = byte(s.rng.IntN(128))
		}
	default:
		payload = fmt.Appendf(nil, `{"id":%d,"name":"größer %d","list":[%d,%d]}`, s.rng.IntN(1000), s.rng.IntN(10), s.rng.IntN(9), s.rng.IntN(9))
		payload = bytes.Repeat(payload, 1+s.rng.IntN(3))
	}
	return op, payload
}

func (s *sender) append(dst []byte, op wsproto.Opcode, payload []byte) []byte {
	key := s.rng.Uint32()
	if s.z != nil {
		if small, ok := s.z.Deflate(payload); ok {
			if s.rng.IntN(4) == 0 {
				s.z.Deflate([]byte(strings.Repeat("dropped before it was sent", 3)))
				small, _ = s.z.Deflate(payload)
			}
			s.z.Commit(payload)
			return wsproto.AppendFrame(dst, op, true, small, s.masked, key)
		}
	}
	return wsproto.AppendFrame(dst, op, false, payload, s.masked, key)
}

// Model: whatever is sent arrives, in order, whatever was agreed on, however the stream is cut.
func TestWhatIsSentArrives(t *testing.T) {
	for _, fromServer := range []bool{false, true} {
		for _, bits := range []int{7, 8, 9, 12, 15} { // 7: without compression
			for _, takeover := range []bool{false, true} {
				var agreed *wsproto.Deflate
				if bits > 7 {
					agreed = &wsproto.Deflate{ClientBits: bits, ServerBits: bits, ClientNoTakeover: !takeover, ServerNoTakeover: !takeover}
				}
				t.Run(fmt.Sprintf("server=%t bits=%d takeover=%t", fromServer, bits, takeover), func(t *testing.T) {
					s := &sender{rng: rand.New(rand.NewPCG(uint64(bits), 3)), z: agreed.Deflater(fromServer), masked: !fromServer}
					var stream []byte
					var want []string
					for range 20 {
						op, payload := s.message()
						stream = s.append(stream, op, payload)
						kind := wsproto.EventBinary
						if op == wsproto.Text {
							kind = wsproto.EventText
						}
						want = append(want, fmt.Sprintf("%v %d %q", kind, 0, payload))
					}
					rules := agreed.Rules(!fromServer, 0)
					for name, pieces := range map[string][][]byte{"whole": {stream}, "cut": cut(stream, 9), "bytes": single(stream)} {
						got := decode(t, rules, pieces...)
						if got.err != nil || len(got.events) != len(want) {
							t.Fatalf("%s: got %d events and %v, want %d", name, len(got.events), got.err, len(want))
						}
						for i := range want {
							if got.events[i] != want[i] {
								t.Fatalf("%s: message %d: got %.100s want %.100s", name, i, got.events[i], want[i])
							}
						}
					}
				})
			}
		}
	}
}

// Takeover is what makes small messages smaller.
func TestTakeoverMakesRepetitionCheap(t *testing.T) {
	size := func(takeover bool) (n int) {
		z := wsproto.NewDeflater(15, takeover)
		for i := range 50 {
			m := fmt.Appendf(nil, `{"type":"trade","symbol":"BTC-EUR","price":%d,"side":"buy","id":%d}`, 30000+i, i)
			if small, ok := z.Deflate(m); ok {
				n += len(small)
				z.Commit(m)
			} else {
				n += len(m)
			}
		}
		return n
	}
	if with, without := size(true), size(false); with > without/2 {
		t.Errorf("got %d bytes with takeover, %d without", with, without)
	}
}

func TestShortAndRandomMessagesAreNotCompressed(t *testing.T) {
	z := wsproto.NewDeflater(15, true)
	random := make([]byte, 10_000) // longer than what may grow for the sake of those after it
	rng := rand.New(rand.NewPCG(5, 5))
	for i := range random {
		random[i] = byte(rng.Uint32())
	}
	for name, m := range map[string][]byte{"empty": nil, "short": []byte("hello"), "random": random} {
		if small, ok := z.Deflate(m); ok {
			t.Errorf("%s: compressed to %d of %d bytes", name, len(small), len(m))
		}
	}
}

func TestClosePayloadFitsAControlFrame(t *testing.T) {
	for _, reason := range []string{"", "bye", strings.Repeat("x", 500), strings.Repeat("€", 100), "x" + strings.Repeat("€", 100)} {
		p := wsproto.AppendClosePayload(nil, 4000, reason)
		if len(p) < 2 || len(p) > 125 || !utf8.Valid(p[2:]) || !strings.HasPrefix(reason, string(p[2:])) || len(p) < min(123, len(reason)+2) {
			t.Errorf("reason of %d bytes: got %q", len(reason), p)
		}
		if got := decode(t, client, wsproto.AppendFrame(nil, wsproto.Close, false, p, false, 0)); got.err != nil {
			t.Errorf("reason of %d bytes: %v", len(reason), got.err)
		}
	}
	if p := wsproto.AppendClosePayload(nil, wsproto.CodeNoStatus, "x"); len(p) != 0 {
		t.Errorf("no status: got %q", p)
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, size := range []int{100, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			frame := wsproto.AppendFrame(nil, wsproto.Text, false, bytes.Repeat([]byte("a"), size), true, 1)
			d := wsproto.NewDecoder(server)
			in := make([]byte, len(frame))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				copy(in, frame)
				d.Next(in)
			}
		})
	}
}
