package http2_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"

	"github.com/aio-go/aio/internal/http2"
)

// What a server sends, what a client makes of it, and the section of RFC 9113 that says so. Three requests, on streams 1, 3
// and 5, are under way.
var conversations = []struct {
	section string
	name    string
	server  func(s *script)
	want    string
}{
	{"8.1", "a head alone", func(s *script) { s.head(1, true, ":status", "204", "x-a", "b") }, "Head 1 204 map[X-A:[b]] end"},
	{"8.1", "a head and a body", func(s *script) {
		s.head(1, false, ":status", "200", "content-length", "5")
		s.WriteData(1, false, []byte("he"))
		s.WriteData(1, true, []byte("llo"))
	}, "Head 1 200 map[Content-Length:[5]]\nData 1 hello end"},
	{"8.1", "an end in a frame of its own", func(s *script) {
		s.head(1, false, ":status", "200")
		s.WriteData(1, false, []byte("body"))
		s.WriteData(1, true, nil)
	}, "Head 1 200 map[]\nData 1 body end"},
	{"8.1", "a trailer", func(s *script) {
		s.head(1, false, ":status", "200")
		s.WriteData(1, false, []byte("body"))
		s.head(1, true, "x-sum", "42")
	}, "Head 1 200 map[]\nData 1 body\nTrailer 1 0 map[X-Sum:[42]] end"},
	{"8.1", "a head that is no trailer behind the body", func(s *script) {
		s.head(1, false, ":status", "200")
		s.head(1, false, "x-sum", "42")
	}, "Head 1 200 map[]\nReset 1 PROTOCOL_ERROR remote=false"},
	{"8.1", "data before the head", func(s *script) { s.WriteData(1, true, []byte("x")) }, "Reset 1 PROTOCOL_ERROR remote=false"},
	{"8.1", "interim heads", func(s *script) {
		s.head(1, false, ":status", "103", "link", "</a>")
		s.head(1, false, ":status", "100")
		s.head(1, true, ":status", "200")
	}, "Interim 1 103 map[Link:[</a>]]\nInterim 1 100 map[]\nHead 1 200 map[] end"},
	{"8.1", "an interim head that ends the stream", func(s *script) { s.head(1, true, ":status", "103") }, "Reset 1 PROTOCOL_ERROR remote=false"},
	{"8.6", "101", func(s *script) { s.head(1, false, ":status", "101") }, "Reset 1 PROTOCOL_ERROR remote=false"},
	{"8.1.1", "less than announced", func(s *script) {
		s.head(1, false, ":status", "200", "content-length", "9")
		s.WriteData(1, true, nil)
	}, "Head 1 200 map[Content-Length:[9]]\nReset 1 PROTOCOL_ERROR remote=false"},
	{"8.1.1", "more than announced", func(s *script) {
		s.head(1, false, ":status", "200", "content-length", "1")
		s.WriteData(1, false, []byte("x"))
		s.WriteData(1, false, []byte("y"))
	}, "Head 1 200 map[Content-Length:[1]]\nData 1 x\nReset 1 PROTOCOL_ERROR remote=false"},
	{"8.1.1", "nothing, although something was announced", func(s *script) {
		s.head(1, true, ":status", "200", "content-length", "1")
	}, "Reset 1 PROTOCOL_ERROR remote=false"},
	{"8.1.1", "304 with the length of what is not sent", func(s *script) {
		s.head(1, true, ":status", "304", "content-length", "1000")
	}, "Head 1 304 map[Content-Length:[1000]] end"},
	{"8.1.1", "a length that is none", func(s *script) { s.head(1, true, ":status", "200", "content-length", "+1") }, "Reset 1 PROTOCOL_ERROR remote=false"},
	{"8.1.1", "two lengths", func(s *script) {
		s.head(1, true, ":status", "200", "content-length", "1", "content-length", "2")
	}, "Reset 1 PROTOCOL_ERROR remote=false"},
	{"8.2", "values of one name keep their order", func(s *script) {
		s.head(1, true, ":status", "200", "set-cookie", "a", "x-b", "1", "set-cookie", "b", "x-b", "2", "x-b", "3")
	}, "Head 1 200 map[Set-Cookie:[a b] X-B:[1 2 3]] end"},
	{"8.2.1", "an upper-case name", func(s *script) { s.head(1, true, ":status", "200", "X-A", "b") }, "Reset 1 PROTOCOL_ERROR remote=false"},
	{"8.2.1", "an upper-case name in common use", func(s *script) { s.head(1, true, ":status", "200", "Server", "b") }, "Reset 1 PROTOCOL_ERROR remote=false"},
	{"8.2.1", "an empty name", func(s *script) { s.head(1, true, ":status", "200", "", "b") }, "Reset 1 PROTOCOL_ERROR remote=false"},
	{"8.2.1", "a name with a blank", func(s *script) { s.head(1, true, ":status", "200", "a b", "b") }, "Reset 1 PROTOCOL_ERROR remote=false"},
	{"8.2.1", "a line break in a value", func(s *script) { s.head(1, true, ":status", "200", "a", "b\r\nc: d") }, "Reset 1 PROTOCOL_ERROR remote=false"},
	{"8.2.1", "NUL in a value", func(s *script) { s.head(1, true, ":status", "200", "a", "\x00") }, "Reset 1 PROTOCOL_ERROR remote=false"},
	{"8.2.1", "blanks around a value, which are taken off", func(s *script) { s.head(1, true, ":status", "200", "a", " b\t") }, "Head 1 200 map[A:[b]] end"},
	{"8.2.2", "a field of the connection", func(s *script) { s.head(1, true, ":status", "200", "connection", "close") }, "Reset 1 PROTOCOL_ERROR remote=false"},
	{"8.2.2", "transfer-encoding", func(s *script) { s.head(1, true, ":status", "200", "transfer-encoding", "chunked") }, "Reset 1 PROTOCOL_ERROR remote=false"},
	{"8.3", "a pseudo-header field behind others", func(s *script) { s.head(1, true, "a", "b", ":status", "200") }, "Reset 1 PROTOCOL_ERROR remote=false"},
	{"8.3", "an unknown pseudo-header field", func(s *script) { s.head(1, true, ":status", "200", ":foo", "b") }, "Reset 1 PROTOCOL_ERROR remote=false"},
	{"8.3", "one of a request", func(s *script) { s.head(1, true, ":status", "200", ":path", "/") }, "Reset 1 PROTOCOL_ERROR remote=false"},
	{"8.3", "one in a trailer", func(s *script) {
		s.head(1, false, ":status", "200")
		s.head(1, true, ":status", "200")
	}, "Head 1 200 map[]\nReset 1 PROTOCOL_ERROR remote=false"},
	{"8.3.2", "no status", func(s *script) { s.head(1, true, "a", "b") }, "Reset 1 PROTOCOL_ERROR remote=false"},
	{"8.3.2", "two", func(s *script) { s.head(1, true, ":status", "200", ":status", "200") }, "Reset 1 PROTOCOL_ERROR remote=false"},
	{"8.3.2", "a status that is none", func(s *script) { s.head(1, true, ":status", "2000") }, "Reset 1 PROTOCOL_ERROR remote=false"},
	{"8.3.2", "a status with a sign", func(s *script) { s.head(1, true, ":status", "+20") }, "Reset 1 PROTOCOL_ERROR remote=false"},
	{"5.1", "streams that alternate", func(s *script) {
		s.head(3, false, ":status", "200")
		s.head(1, false, ":status", "200")
		s.WriteData(3, false, []byte("three"))
		s.WriteData(1, true, []byte("one"))
		s.WriteData(3, true, []byte("!"))
	}, "Head 3 200 map[]\nHead 1 200 map[]\nData 3 three\nData 1 one end\nData 3 ! end"},
	{"5.1", "frames on a stream that is over are let pass", func(s *script) {
		s.head(1, true, ":status", "200")
		s.WriteData(1, true, []byte("late"))
		s.head(1, true, ":status", "200")
		s.WriteWindowUpdate(1, 1)
		s.WriteRSTStream(1, xhttp2.ErrCodeNo)
		s.head(3, true, ":status", "200")
	}, "Head 1 200 map[] end\nHead 3 200 map[] end"},
	{"5.1", "a head on a stream that nobody opened", func(s *script) { s.head(7, true, ":status", "200") }, "end PROTOCOL_ERROR"},
	{"5.1", "data on one", func(s *script) { s.WriteData(7, true, nil) }, "end PROTOCOL_ERROR"},
	{"5.1", "a window for one", func(s *script) { s.WriteWindowUpdate(7, 1) }, "end PROTOCOL_ERROR"},
	{"5.1", "a reset of one", func(s *script) { s.WriteRSTStream(7, 0) }, "end PROTOCOL_ERROR"},
	{"5.1.1", "a stream of the server's", func(s *script) { s.head(2, true, ":status", "200") }, "end PROTOCOL_ERROR"},
	{"5.5", "unknown frames are ignored", func(s *script) {
		s.WriteRawFrame(0xbe, 0xff, 0, []byte("x"))
		s.WriteRawFrame(0xbe, 0xff, 9, nil)
		s.head(1, true, ":status", "200")
	}, "Head 1 200 map[] end"},
	{"4.2", "a frame that is too long", func(s *script) { s.WriteRawFrame(xhttp2.FrameData, 0, 1, make([]byte, 1<<14+1)) }, "end FRAME_SIZE_ERROR"},
	{"4.3", "a head in pieces", func(s *script) {
		b := s.fields(":status", "200", "x-a", "b")
		s.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: b[:1], EndStream: true})
		s.WriteContinuation(1, false, nil)
		s.WriteContinuation(1, false, b[1:3])
		s.WriteContinuation(1, true, b[3:])
	}, "Head 1 200 map[X-A:[b]] end"},
	{"4.3", "another frame inside a head", func(s *script) {
		s.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: s.fields(":status", "200")})
		s.WritePing(false, [8]byte{})
	}, "end PROTOCOL_ERROR"},
	{"4.3", "a continuation on another stream", func(s *script) {
		s.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: s.fields(":status", "200")})
		s.WriteContinuation(3, true, nil)
	}, "end PROTOCOL_ERROR"},
	{"4.3", "a block that is none", func(s *script) {
		s.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, EndHeaders: true})
	}, "end COMPRESSION_ERROR"},
	{"4.3", "a block that ends too early", func(s *script) {
		s.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x00, 0x05, 'a'}, EndHeaders: true})
	}, "end COMPRESSION_ERROR"},
	{"RFC 7541 6.3", "a table larger than was allowed", func(s *script) {
		s.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x3f, 0xff, 0xff, 0x03}, EndHeaders: true})
	}, "end COMPRESSION_ERROR"},
	{"6.1", "data with padding", func(s *script) {
		s.head(1, false, ":status", "200", "content-length", "4")
		s.WriteDataPadded(1, false, []byte("bo"), make([]byte, 200))
		s.WriteDataPadded(1, true, []byte("dy"), make([]byte, 9))
	}, "Head 1 200 map[Content-Length:[4]]\nData 1 body end"},
	{"6.1", "padding alone", func(s *script) {
		s.head(1, false, ":status", "200")
		s.WriteDataPadded(1, true, nil, make([]byte, 9))
	}, "Head 1 200 map[]\nData 1  end"},
	{"6.1", "more padding than frame", func(s *script) {
		s.head(1, false, ":status", "200")
		s.WriteRawFrame(xhttp2.FrameData, xhttp2.FlagDataPadded, 1, []byte{2, 'x'})
	}, "Head 1 200 map[]\nend PROTOCOL_ERROR"},
	{"6.1", "a padded frame of nothing", func(s *script) { s.WriteRawFrame(xhttp2.FrameData, xhttp2.FlagDataPadded, 1, nil) }, "end FRAME_SIZE_ERROR"},
	{"6.1", "data on stream 0", func(s *script) { s.WriteData(0, false, nil) }, "end PROTOCOL_ERROR"},
	{"6.2", "a head with priority and padding", func(s *script) {
		s.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: s.fields(":status", "200"), EndHeaders: true, EndStream: true,
			PadLength: 3, Priority: xhttp2.PriorityParam{StreamDep: 3, Weight: 9}})
	}, "Head 1 200 map[] end"},
	{"6.2", "a head of padding", func(s *script) { s.WriteRawFrame(xhttp2.FrameHeaders, 0xc, 1, []byte{1}) }, "end PROTOCOL_ERROR"},
	{"6.2", "a head on stream 0", func(s *script) { s.WriteRawFrame(xhttp2.FrameHeaders, 4, 0, nil) }, "end PROTOCOL_ERROR"},
	{"6.3", "priorities are ignored", func(s *script) { s.WritePriority(9, xhttp2.PriorityParam{StreamDep: 1}) }, ""},
	{"6.3", "a priority of the wrong size", func(s *script) { s.WriteRawFrame(xhttp2.FramePriority, 0, 1, []byte{1}) }, "end FRAME_SIZE_ERROR"},
	{"6.3", "a priority of nothing", func(s *script) { s.WriteRawFrame(xhttp2.FramePriority, 0, 0, make([]byte, 5)) }, "end PROTOCOL_ERROR"},
	{"6.4", "a reset", func(s *script) { s.WriteRSTStream(3, xhttp2.ErrCodeRefusedStream) }, "Reset 3 REFUSED_STREAM remote=true"},
	{"6.4", "a reset with a code nobody knows", func(s *script) { s.WriteRSTStream(3, 0x4242) }, "Reset 3 code 16962 remote=true"},
	{"6.4", "a reset of the wrong size", func(s *script) { s.WriteRawFrame(xhttp2.FrameRSTStream, 0, 1, []byte{1}) }, "end FRAME_SIZE_ERROR"},
	{"6.4", "a reset of the connection", func(s *script) { s.WriteRSTStream(0, 0) }, "end PROTOCOL_ERROR"},
	{"6.5", "settings on a stream", func(s *script) { s.WriteRawFrame(xhttp2.FrameSettings, 0, 1, nil) }, "end PROTOCOL_ERROR"},
	{"6.5", "settings that end in the middle", func(s *script) { s.WriteRawFrame(xhttp2.FrameSettings, 0, 0, []byte{1}) }, "end FRAME_SIZE_ERROR"},
	{"6.5", "an acknowledgement with content", func(s *script) { s.WriteRawFrame(xhttp2.FrameSettings, 1, 0, make([]byte, 6)) }, "end FRAME_SIZE_ERROR"},
	{"6.5.2", "a server that allows push", func(s *script) { s.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingEnablePush, Val: 1}) }, "end PROTOCOL_ERROR"},
	{"6.5.2", "a window that cannot be", func(s *script) {
		s.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 1 << 31})
	}, "end FLOW_CONTROL_ERROR"},
	{"6.5.2", "frames too small", func(s *script) { s.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingMaxFrameSize, Val: 1<<14 - 1}) }, "end PROTOCOL_ERROR"},
	{"6.5.2", "frames too large", func(s *script) { s.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingMaxFrameSize, Val: 1 << 24}) }, "end PROTOCOL_ERROR"},
	{"6.5.2", "settings nobody knows", func(s *script) { s.WriteSettings(xhttp2.Setting{ID: 0x99, Val: 1}) }, "Settings"},
	{"6.6", "a push", func(s *script) {
		s.WritePushPromise(xhttp2.PushPromiseParam{StreamID: 1, PromiseID: 2, EndHeaders: true})
	}, "end PROTOCOL_ERROR"},
	{"6.7", "a ping of ours answered", func(s *script) { s.WritePing(true, [8]byte{}) }, "Pong"},
	{"6.7", "a ping of the wrong size", func(s *script) { s.WriteRawFrame(xhttp2.FramePing, 0, 0, []byte{1}) }, "end FRAME_SIZE_ERROR"},
	{"6.7", "a ping on a stream", func(s *script) { s.WriteRawFrame(xhttp2.FramePing, 0, 1, make([]byte, 8)) }, "end PROTOCOL_ERROR"},
	{"6.8", "goodbye", func(s *script) { s.WriteGoAway(3, xhttp2.ErrCodeEnhanceYourCalm, []byte("why")) }, "GoAway 3 ENHANCE_YOUR_CALM"},
	{"6.8", "goodbye of the wrong size", func(s *script) { s.WriteRawFrame(xhttp2.FrameGoAway, 0, 0, []byte{1}) }, "end FRAME_SIZE_ERROR"},
	{"6.8", "goodbye on a stream", func(s *script) { s.WriteRawFrame(xhttp2.FrameGoAway, 0, 1, make([]byte, 8)) }, "end PROTOCOL_ERROR"},
	{"6.9", "windows", func(s *script) {
		s.WriteWindowUpdate(0, 1)
		s.WriteWindowUpdate(3, 1)
	}, "Window 0\nWindow 3"},
	{"6.9", "a window of nothing", func(s *script) { s.WriteWindowUpdate(3, 0) }, "Reset 3 PROTOCOL_ERROR remote=false"},
	{"6.9", "a connection window of nothing", func(s *script) { s.WriteWindowUpdate(0, 0) }, "end PROTOCOL_ERROR"},
	{"6.9", "a window of the wrong size", func(s *script) { s.WriteRawFrame(xhttp2.FrameWindowUpdate, 0, 0, []byte{1}) }, "end FRAME_SIZE_ERROR"},
	{"6.9.1", "a window that overflows", func(s *script) { s.WriteWindowUpdate(3, 1<<31-1) }, "Reset 3 FLOW_CONTROL_ERROR remote=false"},
	{"6.9.1", "a connection window that overflows", func(s *script) { s.WriteWindowUpdate(0, 1<<31-1) }, "end FLOW_CONTROL_ERROR"},
	{"6.9.2", "settings that make a window overflow", func(s *script) {
		s.WriteWindowUpdate(3, 1<<31-1-65535)
		s.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 65536})
	}, "Window 3\nend FLOW_CONTROL_ERROR"},
	{"6.10", "a continuation of nothing", func(s *script) { s.WriteContinuation(1, true, nil) }, "end PROTOCOL_ERROR"},
}

func TestConversations(t *testing.T) {
	for _, tt := range conversations {
		t.Run(tt.section+" "+tt.name, func(t *testing.T) {
			got := playAll(t, says(tt.server), 3)
			want := strings.TrimSuffix("Settings\n"+tt.want, "\n")
			if got.String() != want {
				t.Errorf("got\n%v\n(%v)\nwant\n%s", got, got.err, want)
			}
			list := frames(t, got.out)
			if len(list) == 0 || list[0] != "SETTINGS 0 ack" {
				t.Errorf("sent %q, want an acknowledgement of the settings first", list)
			}
			if code, ok := strings.CutPrefix(want[strings.LastIndexByte(want, '\n')+1:], "end "); ok && list[len(list)-1] != "GOAWAY 0 "+code {
				t.Errorf("sent %q, want the server told why the connection ends", list)
			}
			if line, ok := strings.CutSuffix(want[strings.LastIndexByte(want, '\n')+1:], " remote=false"); ok &&
				!slices.Contains(list, strings.Replace(line, "Reset", "RST_STREAM", 1)) {
				t.Errorf("sent %q, want the stream reset", list)
			}
		})
	}
}

// A server that does not begin with its settings does not speak HTTP/2 (section 3.4).
func TestFirstFrameHasToBeSettings(t *testing.T) {
	for name, in := range map[string]string{
		"HTTP/1":            "HTTP/1.1 400 Bad Request\r\n\r\n",
		"ping":              "\x00\x00\x08\x06\x00\x00\x00\x00\x00abcdefgh",
		"an acknowledgment": "\x00\x00\x00\x04\x01\x00\x00\x00\x00",
	} {
		if got := playAll(t, []byte(in), 1); got.err == nil {
			t.Errorf("%s: got %v, want an error", name, got)
		}
	}
}

// The client begins with its preface and settings, of which push is off, and makes the connection's window as large as it
// wants it (section 3.4).
func TestPreface(t *testing.T) {
	out := http2.NewConn(http2.Config{StreamWindow: 1 << 20, ConnWindow: 1 << 21, MaxHeaderList: 9999}).Output()
	rest, ok := bytes.CutPrefix(out, []byte(xhttp2.ClientPreface))
	if !ok {
		t.Fatalf("got %q", out)
	}
	framer := xhttp2.NewFramer(nil, bytes.NewReader(rest))
	f, err := framer.ReadFrame()
	settings, ok := f.(*xhttp2.SettingsFrame)
	if !ok {
		t.Fatalf("got %v and %v", f, err)
	}
	for id, want := range map[xhttp2.SettingID]uint32{
		xhttp2.SettingEnablePush: 0, xhttp2.SettingInitialWindowSize: 1 << 20, xhttp2.SettingMaxFrameSize: 1 << 14, xhttp2.SettingMaxHeaderListSize: 9999,
	} {
		if got, ok := settings.Value(id); !ok || got != want {
			t.Errorf("got %v %d, want %d", id, got, want)
		}
	}
	if f, err = framer.ReadFrame(); err != nil || f.(*xhttp2.WindowUpdateFrame).Increment != 1<<21-65535 {
		t.Errorf("got %v and %v, want the connection's window enlarged", f, err)
	}
}

// Pings are answered with what they carry (section 6.7).
func TestPingsAreAnswered(t *testing.T) {
	got := play(t, says(func(s *script) { s.WritePing(false, [8]byte{1, 2, 3, 4, 5, 6, 7, 8}) }), 3, 0)
	if !bytes.HasSuffix(got.out, []byte{0, 0, 8, 6, 1, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}) {
		t.Errorf("sent %q", got.out)
	}
}

// HEAD has no body, whatever its head announces, and none is accepted (section 8.1.1).
func TestHeadHasNoBody(t *testing.T) {
	for _, tt := range []struct{ data, want string }{{"", "Data 1  end"}, {"x", "Reset 1 PROTOCOL_ERROR remote=false"}} {
		c := newClient(t, http2.Config{}, 0)
		c.open(t, "HEAD", true)
		c.feed(says(func(s *script) {
			s.head(1, false, ":status", "200", "content-length", "1000")
			s.WriteData(1, true, []byte(tt.data))
		}))
		if got := c.out.events[len(c.out.events)-1]; got != tt.want {
			t.Errorf("data %q: got %v, want %s", tt.data, &c.out, tt.want)
		}
	}
}

// No more streams are opened than the server allows, exactly, and none after its goodbye (sections 5.1.2 and 6.8).
func TestStreamsAreLimited(t *testing.T) {
	c := newClient(t, http2.Config{}, 1)
	c.feed(says(func(s *script) { s.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingMaxConcurrentStreams, Val: 2}) }))
	second := c.open(t, "GET", true)
	s := &http2.Stream{}
	if err := c.conn.Open(s, request("GET", "/"), true); err != http2.ErrNoRoom || c.conn.Active() != 2 || c.conn.MaxStreams() != 2 {
		t.Errorf("got %v with %d of %d", err, c.conn.Active(), c.conn.MaxStreams())
	}
	c.conn.Reset(second, http2.Cancel)
	c.open(t, "GET", true)
	c.feed(says(func(s *script) { s.WriteGoAway(1<<31-1, 0, nil) })) // its settings again are no harm
	if err := c.conn.Open(s, request("GET", "/"), true); err != http2.ErrExhausted || c.conn.Usable() {
		t.Errorf("after a goodbye: got %v", err)
	}
	c.feed(says(func(s *script) { s.head(1, true, ":status", "200") })[9:])
	if got := c.out.events[len(c.out.events)-1]; got != "Head 1 200 map[] end" {
		t.Errorf("got %s, want the answers of streams that were open to go on", got)
	}
}

// A head that does not fit a frame goes on in others (section 4.3), and one the server has said it does not take is not sent.
func TestLongHeadsAreContinued(t *testing.T) {
	c := newClient(t, http2.Config{}, 0)
	fields := request("GET", "/"+strings.Repeat("{", 40_000))
	if err := c.conn.Open(&http2.Stream{}, fields, true); err != nil {
		t.Fatal(err)
	}
	framer := xhttp2.NewFramer(nil, bytes.NewReader(c.conn.Output()))
	framer.ReadMetaHeaders = newDecoder()
	f, err := framer.ReadFrame()
	if err != nil || f.(*xhttp2.MetaHeadersFrame).PseudoValue("path") != fields[3].Value || !f.(*xhttp2.MetaHeadersFrame).StreamEnded() {
		t.Errorf("got %v and %v", f, err)
	}
	c.feed(says(func(s *script) { s.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingMaxHeaderListSize, Val: 30_000}) }))
	if err := c.conn.Open(&http2.Stream{}, fields, true); err == nil {
		t.Error("a head was sent that the server does not take")
	}
}

// Floods end the connection before they fill memory, and what merely looks like one over hours does not.
func TestFloodsEndTheConnection(t *testing.T) {
	raw := func(kind xhttp2.FrameType, flags xhttp2.Flags, stream uint32, payload ...byte) func(s *script, i int) {
		return func(s *script, _ int) { s.WriteRawFrame(kind, flags, stream, payload) }
	}
	for _, tt := range []struct {
		name  string
		n     int
		frame func(s *script, i int)
	}{
		{"CVE-2019-9512 pings", 2000, raw(xhttp2.FramePing, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8)},
		{"CVE-2019-9515 settings", 2000, raw(xhttp2.FrameSettings, 0, 0)},
		{"CVE-2019-9518 empty data", 20_000, raw(xhttp2.FrameData, 0, 1)},
		{"priorities", 20_000, raw(xhttp2.FramePriority, 0, 1, 0, 0, 0, 0, 0)},
		{"unknown frames", 20_000, raw(0x77, 0, 0)},
		{"windows", 20_000, raw(xhttp2.FrameWindowUpdate, 0, 0, 0, 0, 0, 1)},
		{"interim heads", 20_000, func(s *script, _ int) { s.head(3, false, ":status", "103") }},
		{"heads for nobody", 20_000, func(s *script, i int) { s.head(5, true, ":status", "200") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			flood := func(s *script) {
				s.head(1, false, ":status", "200")
				for i := range tt.n {
					tt.frame(s, i)
				}
			}
			got := play(t, says(flood), 1<<16, 3)
			if got.code != http2.EnhanceYourCalm {
				t.Errorf("got %v, want the end", got.err)
			}
			if len(got.out) > 64<<10 {
				t.Errorf("%d bytes wait to be sent", len(got.out))
			}
			c := newClient(t, http2.Config{}, 3)
			for piece := range slices.Chunk(says(flood), 4096) {
				c.conn.Relax()
				c.conn.Sent()
				c.feed(piece)
			}
			if c.out.err != nil {
				t.Errorf("slowly: got %v", c.out.err)
			}
		})
	}
}

// Heads are bounded in the bytes they take on the wire (CVE-2023-45288), in frames, and in what they decompress to.
func TestHugeHeads(t *testing.T) {
	long := strings.Repeat("{", 5000) // does not compress
	for _, tt := range []struct {
		name   string
		server func(s *script)
		want   string
	}{
		{"frames", func(s *script) {
			s.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: s.fields(":status", "200")})
			for range 1000 {
				s.WriteContinuation(1, false, nil)
			}
		}, "end ENHANCE_YOUR_CALM"},
		{"bytes", func(s *script) {
			s.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: s.fields(":status", "200")})
			for i := range 3 {
				s.WriteContinuation(1, false, s.fields(fmt.Sprint("x", i), long))
			}
		}, "end ENHANCE_YOUR_CALM"},
		{"a bomb, which costs only its stream", func(s *script) {
			list := []string{":status", "200"}
			for range 2000 {
				list = append(list, "bomb", strings.Repeat("x", 3000))
			}
			s.head(1, true, list...)
			s.head(3, true, ":status", "200", "bomb", strings.Repeat("x", 3000))
		}, "Reset 1 CANCEL remote=false\nHead 3 200 map[Bomb:[" + strings.Repeat("x", 3000) + "]] end"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, http2.Config{MaxHeaderList: 10_000}, 2)
			c.feed(says(tt.server))
			if got := strings.TrimPrefix(c.out.String(), "Settings\n"); got != tt.want {
				t.Errorf("got %.300s (%v), want %.300s", got, c.out.err, tt.want)
			}
		})
	}
}

// After the last number no stream can be opened, and the connection says so.
func TestGoodbyeEndsEverything(t *testing.T) {
	c := newClient(t, http2.Config{}, 1)
	c.feed(says(func(*script) {}))
	c.conn.GoAway()
	out := c.conn.Output()
	if code := binary.BigEndian.Uint32(out[len(out)-4:]); code != 0 || c.conn.Usable() {
		t.Errorf("got code %d", code)
	}
	c.conn.Sent()
	c.conn.Reset(c.streams[0], http2.Cancel)
	c.conn.Ping()
	c.conn.Write(c.streams[0], []byte("x"), true)
	if _, _, err := c.conn.Next([]byte("x")); err == nil || len(c.conn.Output()) > 0 {
		t.Errorf("got %v and %q behind the goodbye", err, c.conn.Output())
	}
}
