package http2_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"

	"github.com/aio-go/aio/internal/http2"
)

// FuzzFrames feeds anything at all to a client, whole and in pieces: that makes no difference, what waits to be sent is bounded,
// and an error is final.
func FuzzFrames(f *testing.F) {
	for _, tt := range conversations {
		f.Add(says(tt.server), 3)
	}
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), 1)
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		if len(in) > 1<<16 {
			return
		}
		whole := play(t, in, len(in), 3)
		if len(whole.out) > 1<<16+4*len(in) {
			t.Errorf("%d bytes wait to be sent after %d that came", len(whole.out), len(in))
		}
		got := play(t, in, size&0xff, 3)
		if got.String() != whole.String() || !bytes.Equal(got.out, whole.out) {
			t.Errorf("in pieces of %d: got\n%v\nwant\n%v", size&0xff, got, whole)
		}
		frames(t, whole.out)
	})
}

// FuzzHeads has a header block read by the engine and by golang.org/x/net: where both take it they have read the same, and a
// well-formed block that one of them cannot decode the other cannot either.
func FuzzHeads(f *testing.F) {
	s := &script{}
	for _, list := range [][]string{
		{":status", "200", "content-type", "text/plain", "x-a", "b"},
		{":status", "404", "set-cookie", "a=b", "set-cookie", "c=d", "date", "Sat, 01 Jan 2000 00:00:00 GMT"},
		{":status", "200", "X", "y"}, {"a", "b", ":status", "200"}, {":status", "200", ":path", "/"},
	} {
		says(func(t *script) { s = t })
		f.Add(s.fields(list...))
	}
	f.Add([]byte{0x88, 0x40, 0x01, 'a', 0x01, 'b', 0xbe, 0x3f, 0xe1, 0x1f})
	f.Fuzz(func(t *testing.T, block []byte) {
		if len(block) > 1<<14 {
			return
		}
		var in bytes.Buffer
		w := xhttp2.NewFramer(&in, nil)
		w.WriteSettings()
		w.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true, EndStream: true})
		c := newClient(t, http2.Config{}, 1)
		var ours http2.Event
		var failed error
		for rest := in.Bytes(); ; {
			ev, n, err := c.conn.Next(rest)
			if failed = err; err != nil || ev.Kind == http2.NeedMore {
				break
			}
			rest = rest[n:]
			ours = ev
		}
		r := xhttp2.NewFramer(nil, &in)
		r.ReadMetaHeaders = newDecoder()
		r.ReadMetaHeaders.SetMaxStringLength(1 << 20)
		r.ReadFrame()
		frame, err := r.ReadFrame()
		var broken xhttp2.ConnectionError
		var malformed xhttp2.StreamError // then x/net stops decoding
		if !errors.As(err, &malformed) && errors.As(err, &broken) != (failed != nil) {
			t.Fatalf("got %v, x/net has %v", failed, err)
		}
		theirs, ok := frame.(*xhttp2.MetaHeadersFrame)
		if !ok || ours.Kind != http2.EventHead {
			if ours.Kind == http2.EventHead && err != nil {
				t.Fatalf("taken, but x/net has %v", err)
			}
			return
		}
		want := http2.Header{}
		for _, field := range theirs.RegularFields() {
			name := http.CanonicalHeaderKey(field.Name)
			want[name] = append(want[name], strings.Trim(field.Value, " \t"))
		}
		if fmt.Sprint(ours.Header) != fmt.Sprint(want) || fmt.Sprint(ours.Status) != theirs.PseudoValue("status") {
			t.Errorf("got %d %v, x/net has %s %v", ours.Status, ours.Header, theirs.PseudoValue("status"), want)
		}
	})
}
