package http2_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/aio-go/aio/internal/http2"
)

// What the tests share: a server's half of a connection as a script of frames, and a client that plays it and writes down, in a
// form that does not depend on how the input was cut, what it made of it.

// script is what a server sends.
type script struct {
	bytes.Buffer
	*xhttp2.Framer
	block   bytes.Buffer
	encoder *hpack.Encoder
}

// says makes the input of a client of what f writes, behind the server's settings.
func says(f func(s *script)) []byte {
	s := &script{}
	s.Framer = xhttp2.NewFramer(&s.Buffer, nil)
	s.AllowIllegalWrites = true
	s.encoder = hpack.NewEncoder(&s.block)
	s.WriteSettings()
	f(s)
	return s.Bytes()
}

// fields encodes a header block.
func (s *script) fields(list ...string) []byte {
	s.block.Reset()
	for i := 0; i+1 < len(list); i += 2 {
		s.encoder.WriteField(hpack.HeaderField{Name: list[i], Value: list[i+1]})
	}
	return bytes.Clone(s.block.Bytes())
}

// head sends a head in one frame.
func (s *script) head(stream uint32, end bool, list ...string) {
	s.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: stream, BlockFragment: s.fields(list...), EndHeaders: true, EndStream: end})
}

// transcript is what a client made of its input.
type transcript struct {
	events []string
	code   http2.ErrCode // of the connection's end
	err    error
	out    []byte // without preface, settings and requests
}

func (tr *transcript) String() string {
	text := strings.Join(tr.events, "\n")
	if tr.err != nil {
		text += "\nend " + tr.code.String()
	}
	return strings.TrimPrefix(text, "\n")
}

// client plays a script.
type client struct {
	t        testing.TB
	conn     *http2.Conn
	streams  []*http2.Stream
	out      transcript
	consumes bool // bodies are read as they come
}

// newClient returns a client that has asked for as many pages.
func newClient(t testing.TB, config http2.Config, requests int) *client {
	t.Helper()
	c := &client{t: t, conn: http2.NewConn(config)}
	for range requests {
		c.open(t, "GET", true)
	}
	c.conn.Sent()
	return c
}

func (c *client) open(t testing.TB, method string, end bool) *http2.Stream {
	t.Helper()
	s := &http2.Stream{}
	if err := c.conn.Open(s, request(method, "/"), end); err != nil {
		t.Fatal(err)
	}
	s.Owner = s
	c.streams = append(c.streams, s)
	return s
}

func request(method, path string) []http2.Field {
	return []http2.Field{{Name: ":method", Value: method}, {Name: ":scheme", Value: "https"}, {Name: ":authority", Value: "example.com"}, {Name: ":path", Value: path}}
}

// feed passes one piece on until the connection needs more.
func (c *client) feed(piece []byte) {
	for c.out.err == nil {
		ev, n, err := c.conn.Next(piece)
		if n < 0 || n > len(piece) {
			c.t.Fatalf("Next consumed %d of %d bytes", n, len(piece))
		}
		if err != nil {
			c.fail(err)
			return
		}
		if piece = piece[n:]; ev.Kind == http2.NeedMore {
			if len(piece) > 0 {
				c.t.Fatalf("NeedMore with %d bytes left", len(piece))
			}
			return
		}
		c.record(&ev)
	}
}

func (c *client) fail(err error) {
	var e *http2.Error
	if !errors.As(err, &e) || e.Stream != 0 {
		c.t.Fatalf("got %v (%T), want an error of the connection", err, err)
	}
	c.out.err, c.out.code = err, e.Code
	if _, _, again := c.conn.Next([]byte("x")); again != err {
		c.t.Fatalf("after %v got %v, want the same error again", err, again)
	}
}

func (c *client) record(ev *http2.Event) {
	var id uint32
	if ev.Stream != nil {
		id = ev.Stream.ID()
		if ev.Stream.Owner != ev.Stream {
			c.t.Fatalf("%v on a stream of somebody else", ev.Kind)
		}
	}
	end := ""
	if ev.End {
		end = " end"
	}
	last := len(c.out.events) - 1
	line := strings.TrimPrefix(ev.Kind.String(), "Event")
	switch ev.Kind {
	case http2.EventHead, http2.EventInterim, http2.EventTrailer:
		line = fmt.Sprintf("%s %d %d %v%s", line, id, ev.Status, ev.Header, end)
	case http2.EventData:
		if c.consumes {
			c.conn.Consume(ev.Stream, len(ev.Data))
		}
		prefix := fmt.Sprintf("Data %d ", id)
		if last >= 0 && strings.HasPrefix(c.out.events[last], prefix) && !strings.HasSuffix(c.out.events[last], " end") {
			c.out.events[last] += string(ev.Data) + end
			return
		}
		line = prefix + string(ev.Data) + end
	case http2.EventReset:
		line = fmt.Sprintf("Reset %d %v remote=%t", id, ev.Err.Code, ev.Err.Remote)
	case http2.EventGoAway:
		line = fmt.Sprintf("GoAway %d %v", ev.Last, ev.Code)
	case http2.EventWindow:
		line = fmt.Sprintf("Window %d", id)
	case http2.EventSettings, http2.EventPong:
	default:
		c.t.Fatalf("unknown event %v", ev.Kind)
	}
	c.out.events = append(c.out.events, line)
}

// play feeds in, in pieces of the given size, to a client with some requests under way.
func play(t testing.TB, in []byte, size, requests int) *transcript {
	t.Helper()
	c := newClient(t, http2.Config{}, requests)
	for piece := range slices.Chunk(in, max(1, size)) {
		c.feed(piece)
	}
	c.out.out = bytes.Clone(c.conn.Output())
	return &c.out
}

// playAll plays in as a whole, byte by byte and up to every byte, and compares.
func playAll(t *testing.T, in []byte, requests int) *transcript {
	t.Helper()
	whole := play(t, in, len(in), requests)
	for _, size := range []int{1, 2, 7} {
		if got := play(t, in, size, requests); got.String() != whole.String() || !bytes.Equal(got.out, whole.out) {
			t.Errorf("in pieces of %d: got\n%v\nwant\n%v", size, got, whole)
		}
	}
	step := 1 + len(in)/60
	for n := 0; n < len(in); n += step {
		if got := play(t, in[:n], n, requests); got.err == nil && !strings.HasPrefix(whole.String(), strings.TrimSuffix(got.String(), " end")) {
			t.Errorf("the first %d bytes: got\n%v\nwant the beginning of\n%v", n, got, whole)
		}
	}
	return whole
}

// frames lists what a client sends, one line a frame.
func frames(t testing.TB, out []byte) (list []string) {
	t.Helper()
	framer := xhttp2.NewFramer(nil, bytes.NewReader(out))
	for {
		f, err := framer.ReadFrame()
		if err != nil {
			return list
		}
		h := f.Header()
		line := fmt.Sprintf("%v %d", h.Type, h.StreamID)
		switch f := f.(type) {
		case *xhttp2.RSTStreamFrame:
			line += " " + f.ErrCode.String()
		case *xhttp2.GoAwayFrame:
			line += " " + f.ErrCode.String()
		case *xhttp2.WindowUpdateFrame:
			line += fmt.Sprint(" ", f.Increment)
		case *xhttp2.SettingsFrame:
			if f.IsAck() {
				line += " ack"
			}
		case *xhttp2.PingFrame:
			if f.IsAck() {
				line += " ack"
			}
		case *xhttp2.DataFrame:
			line += fmt.Sprint(" ", len(f.Data()))
			if f.StreamEnded() {
				line += " end"
			}
		}
		list = append(list, line)
	}
}
