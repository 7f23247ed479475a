package interop_test

// A differential fuzz target: what our decoder takes for messages, coder/websocket takes for the same messages. It is the
// more lenient of the two, so what ours refuses says nothing.

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/aio-go/aio/internal/wsproto"
)

// stream is the connection of a client: it yields the input and swallows what is written.
type stream struct{ io.Reader }

func (stream) Write(p []byte) (int, error) { return len(p), nil }
func (stream) Close() error                { return nil }

// upgrades answers a handshake without a network.
type upgrades struct {
	in       []byte
	compress bool
}

func (u upgrades) RoundTrip(r *http.Request) (*http.Response, error) {
	h := http.Header{}
	h.Set("Upgrade", "websocket")
	h.Set("Connection", "Upgrade")
	h.Set("Sec-WebSocket-Accept", wsproto.AcceptKey(r.Header.Get("Sec-WebSocket-Key")))
	if u.compress {
		h.Set("Sec-WebSocket-Extensions", "permessage-deflate")
	}
	return &http.Response{StatusCode: 101, Header: h, Body: stream{bytes.NewReader(u.in)}, Request: r}, nil
}

// theirs is what coder/websocket reads.
func theirs(t *testing.T, in []byte, compress bool) (out []string) {
	mode := websocket.CompressionDisabled
	if compress {
		mode = websocket.CompressionContextTakeover
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws://h/", &websocket.DialOptions{HTTPClient: &http.Client{Transport: upgrades{in, compress}}, CompressionMode: mode})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	c.SetReadLimit(1 << 20)
	for {
		typ, b, err := c.Read(ctx)
		if err != nil {
			return out
		}
		out = append(out, fmt.Sprintf("%d %q", typ, b))
	}
}

func FuzzAgainstCoder(f *testing.F) {
	f.Add([]byte("\x81\x05Hello\x82\x03abc"), false)
	f.Add([]byte("\x01\x03Hel\x89\x01?\x80\x02lo\x88\x02\x03\xe8"), false)
	f.Add([]byte("\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00"), true)
	f.Fuzz(func(t *testing.T, in []byte, compress bool) {
		d := wsproto.NewDecoder(wsproto.Rules{Inflate: compress, MaxMessage: 1 << 20})
		var ours []string
		rest := bytes.Clone(in)
		for {
			ev, n, err := d.Next(rest)
			rest = rest[n:]
			if err != nil || ev.Kind == wsproto.NeedMore || ev.Kind == wsproto.EventClose {
				break
			}
			if ev.Kind == wsproto.EventText || ev.Kind == wsproto.EventBinary {
				ours = append(ours, fmt.Sprintf("%d %q", ev.Kind, ev.Data))
			}
		}
		if len(ours) == 0 {
			return
		}
		got := theirs(t, in, compress)
		for i, m := range ours {
			if i >= len(got) || got[i] != m {
				t.Fatalf("message %d: ours %.100s, theirs %.200q", i, m, got)
			}
		}
	})
}
