package http2_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/aio-go/aio/internal/http2"
)

func newDecoder() *hpack.Decoder { return hpack.NewDecoder(4096, nil) }

// server is a model of the other end, as far as windows go: it keeps the books that RFC 9113 section 6.9 asks for and is strict
// about them.
type server struct {
	t       *testing.T
	conn    int64 // what we may still send to it
	streams map[uint32]*peerStream
	initial int64
	send    int64 // what it may still send
	now     int64 // the window the client gives new streams
}

type peerStream struct {
	recv     int64 // what we may still send
	send     int64 // what it may still send
	received []byte
	ended    bool
}

// receive takes frames of the client in.
func (s *server) receive(out []byte) {
	framer := xhttp2.NewFramer(nil, bytes.NewReader(out))
	for {
		f, err := framer.ReadFrame()
		if err != nil {
			return
		}
		switch f := f.(type) {
		case *xhttp2.HeadersFrame:
			s.streams[f.StreamID] = &peerStream{recv: s.initial, send: s.now, ended: f.StreamEnded()}
		case *xhttp2.DataFrame:
			p := s.streams[f.StreamID]
			s.conn -= int64(f.Length)
			p.recv -= int64(f.Length)
			if s.conn < 0 || p.recv < 0 || p.ended {
				s.t.Fatalf("%d bytes on stream %d: windows %d and %d, ended %t", f.Length, f.StreamID, s.conn, p.recv, p.ended)
			}
			p.received = append(p.received, f.Data()...)
			p.ended = f.StreamEnded()
		case *xhttp2.WindowUpdateFrame:
			if f.StreamID == 0 {
				s.send += int64(f.Increment)
			} else if p := s.streams[f.StreamID]; p != nil {
				p.send += int64(f.Increment)
			}
		}
	}
}

// Whatever the server does with its windows, in whatever order, the client sends within them, everything arrives, in order, and
// nothing is kept back for which there is room.
func TestUploadsKeepWithinTheWindows(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 1))
		c := newClient(t, http2.Config{}, 0)
		model := &server{t: t, conn: 65535, initial: 65535, streams: map[uint32]*peerStream{}}
		c.feed(says(func(*script) {}))
		sent := map[*http2.Stream][]byte{}
		for step := range 200 {
			if len(c.streams) < 4 && rng.IntN(4) == 0 || len(c.streams) == 0 {
				c.open(t, "POST", false)
			}
			s := c.streams[rng.IntN(len(c.streams))]
			switch rng.IntN(6) {
			case 0:
				more := uint32(1 + rng.IntN(30_000))
				model.conn += int64(more)
				c.feed(says(func(s *script) { s.WriteWindowUpdate(0, more) })[9:])
			case 1:
				more := uint32(1 + rng.IntN(30_000))
				if p := model.streams[s.ID()]; p != nil {
					p.recv += int64(more)
					c.feed(says(func(w *script) { w.WriteWindowUpdate(s.ID(), more) })[9:])
				}
			case 2:
				size := int64(rng.IntN(100_000))
				for _, p := range model.streams {
					p.recv += size - model.initial
				}
				model.initial = size
				c.feed(says(func(s *script) {
					s.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: uint32(size)})
				})[9:])
			default:
				p := bytes.Repeat([]byte{byte(step)}, rng.IntN(40_000))
				room := c.conn.Room(s)
				n := c.conn.Write(s, p, false)
				if n != min(room, len(p)) {
					t.Fatalf("seed %d: wrote %d of %d bytes into room for %d", seed, n, len(p), room)
				}
				sent[s] = append(sent[s], p[:n]...)
			}
			model.receive(c.conn.Output())
			c.conn.Sent()
			for _, s := range c.streams {
				p := model.streams[s.ID()]
				if got, want := int64(c.conn.Room(s)), max(0, min(model.conn, p.recv, 64<<10)); got != want {
					t.Fatalf("seed %d: room for %d bytes, want %d", seed, got, want)
				}
			}
		}
		for _, s := range c.streams {
			if !bytes.Equal(model.streams[s.ID()].received, sent[s]) {
				t.Fatalf("seed %d: stream %d did not arrive as it was sent", seed, s.ID())
			}
		}
	}
}

// A client that reads lets the server go on, one that does not stops it, and whatever happens to streams on the way no window of
// the connection is lost.
func TestDownloadsGetTheirWindowBack(t *testing.T) {
	const window, connection = 100_000, 300_000
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 2))
		c := newClient(t, http2.Config{StreamWindow: window, ConnWindow: connection}, 4)
		model := &server{t: t, send: connection, now: window, streams: map[uint32]*peerStream{}}
		in := &script{}
		in.Framer = xhttp2.NewFramer(&in.Buffer, nil)
		in.encoder = hpack.NewEncoder(&in.block)
		in.WriteSettings()
		for _, s := range c.streams {
			model.streams[s.ID()] = &peerStream{send: window}
			in.head(s.ID(), false, ":status", "200")
		}
		unread := map[*http2.Stream]int{}
		for range 300 {
			s := c.streams[rng.IntN(len(c.streams))]
			p := model.streams[s.ID()]
			switch n := int(min(p.send, model.send, int64(1+rng.IntN(16_000)))); {
			case n > 300 && rng.IntN(3) > 0:
				pad := rng.IntN(200)
				in.WriteDataPadded(s.ID(), false, make([]byte, n-pad-1), make([]byte, pad))
				p.send -= int64(n)
				model.send -= int64(n)
				if !s.Closed() {
					unread[s] += n - pad - 1
				}
			case rng.IntN(20) == 0:
				c.conn.Reset(s, http2.Cancel)
			case unread[s] > 0:
				k := 1 + rng.IntN(unread[s])
				c.conn.Consume(s, k)
				unread[s] -= k
			}
			c.feed(in.Bytes())
			in.Reset()
			model.receive(c.conn.Output())
			c.conn.Sent()
			if c.out.err != nil {
				t.Fatalf("seed %d: %v", seed, c.out.err)
			}
		}
		for s, n := range unread {
			c.conn.Consume(s, n)
		}
		model.receive(c.conn.Output())
		if model.send < connection/2 {
			t.Errorf("seed %d: of the connection's window %d bytes are left, want at least half", seed, model.send)
		}
	}
}

// Data beyond a window is not accepted (section 6.9.1).
func TestDataBeyondTheWindow(t *testing.T) {
	piece := make([]byte, 1<<14)
	for _, tt := range []struct {
		config http2.Config
		want   string
	}{
		{http2.Config{StreamWindow: 70_000, ConnWindow: 1 << 20}, "Reset 1 FLOW_CONTROL_ERROR remote=false"},
		{http2.Config{StreamWindow: 1 << 20, ConnWindow: 70_000}, "end FLOW_CONTROL_ERROR"},
	} {
		c := newClient(t, tt.config, 1)
		c.feed(says(func(s *script) {
			s.head(1, false, ":status", "200")
			for range 5 {
				s.WriteData(1, false, piece)
			}
		}))
		if got := c.out.String(); got[len(got)-len(tt.want):] != tt.want {
			t.Errorf("got %.80s … (%v), want %s", got, c.out.err, tt.want)
		}
	}
}

// A body ends with its last piece, with a trailer, or with a frame of its own.
func TestRequestsEnd(t *testing.T) {
	c := newClient(t, http2.Config{}, 0)
	c.feed(says(func(*script) {}))
	c.conn.Sent()
	for i, end := range []func(s *http2.Stream){
		func(s *http2.Stream) { c.conn.Write(s, []byte("all"), true) },
		func(s *http2.Stream) { c.conn.Write(s, []byte("all"), false); c.conn.Write(s, nil, true) },
		func(s *http2.Stream) {
			c.conn.Write(s, []byte("all"), false)
			c.conn.Trailer(s, []http2.Field{{Name: "x-sum", Value: "1"}})
		},
	} {
		s := c.open(t, "POST", false)
		end(s)
		if !s.Sent() || c.conn.Write(s, []byte("more"), true) != 0 {
			t.Errorf("%d: the request did not end", i)
		}
	}
	want := []string{"HEADERS 1", "DATA 1 3 end", "HEADERS 3", "DATA 3 3", "DATA 3 0 end", "HEADERS 5", "DATA 5 3", "HEADERS 5"}
	if got := frames(t, c.conn.Output()); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
