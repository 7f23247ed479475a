package http2_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aio-go/aio/internal/http2"
)

// The engine against net/http's server: what one side sends is what the other understands.

// seen is what the server understood, sent back as JSON in the head.
type seen struct {
	Method, Path, Host string
	Header             http.Header
	Length             int64
}

// echo answers with what it understood, the body, and, in the trailer, how long that was.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	text, _ := json.Marshal(seen{r.Method, r.RequestURI, r.Host, r.Header, r.ContentLength})
	w.Header().Set("X-Seen", string(text))
	w.Header().Set("Trailer", "X-Size")
	w.WriteHeader(200)
	for piece := range slices.Chunk(body, 5000) {
		w.Write(piece)
		w.(http.Flusher).Flush()
	}
	w.Header().Set("X-Size", fmt.Sprint(len(body), r.Trailer))
}

// exchange is one request, with what came back.
type exchange struct {
	fields  []http2.Field
	body    []byte // what is left to send
	trailer bool
	sent    []byte
	header  http2.Header
	got     []byte
	after   http2.Header
}

func randomExchange(rng *rand.Rand) *exchange {
	x := &exchange{trailer: rng.IntN(3) == 0}
	text := func(chars string, n int) string {
		b := make([]byte, 1+rng.IntN(n))
		for i := range b {
			b[i] = chars[rng.IntN(len(chars))]
		}
		return string(b)
	}
	x.sent = bytes.Repeat([]byte(text("abcdef", 10)), rng.IntN(20_000))
	x.body = x.sent
	const letters = "abcdefghijklmnopqrstuvwxyz-0123456789"
	x.fields = append(request("POST", "/"+text(letters+"?&=/~", 300)), http2.Field{Name: "content-length", Value: fmt.Sprint(len(x.sent))})
	if x.trailer {
		x.fields = append(x.fields, http2.Field{Name: "trailer", Value: "x-end"})
	}
	for range rng.IntN(20) {
		value := strings.TrimSpace(text(letters+" ~{}\"\t\xff", 200))
		x.fields = append(x.fields, http2.Field{Name: "x-" + text(letters, 10), Value: value, Sensitive: rng.IntN(4) == 0})
	}
	return x
}

func TestNetHTTPServerUnderstandsTheSame(t *testing.T) {
	site := httptest.NewUnstartedServer(http.HandlerFunc(echo))
	site.Config.Protocols = new(http.Protocols)
	site.Config.Protocols.SetUnencryptedHTTP2(true)
	site.Start()
	defer site.Close()
	wire, err := net.Dial("tcp", site.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer wire.Close()
	rng := rand.New(rand.NewPCG(7, 7))
	conn := http2.NewConn(http2.Config{StreamWindow: 70_000, ConnWindow: 200_000})
	streams := map[*http2.Stream]*exchange{}
	buf := make([]byte, 4000)
	for begun, done := 0, 0; done < 200; {
		for begun < 200 && conn.Active() < min(20, conn.MaxStreams()) {
			begun++
			s, x := &http2.Stream{}, randomExchange(rng)
			if err := conn.Open(s, x.fields, false); err != nil {
				t.Fatal(err)
			}
			streams[s] = x
		}
		for s, x := range streams {
			if n := conn.Write(s, x.body, !x.trailer); !s.Sent() {
				x.body = x.body[n:]
				if len(x.body) == 0 && x.trailer {
					conn.Trailer(s, []http2.Field{{Name: "x-end", Value: "here"}})
				}
			}
		}
		if _, err := wire.Write(conn.Output()); err != nil {
			t.Fatal(err)
		}
		conn.Sent()
		n, err := wire.Read(buf[:1+rng.IntN(len(buf))])
		if err != nil {
			t.Fatal(err)
		}
		for in := buf[:n]; ; {
			ev, used, err := conn.Next(in)
			if err != nil {
				t.Fatal(err)
			}
			if in = in[used:]; ev.Kind == http2.NeedMore {
				break
			}
			x := streams[ev.Stream]
			switch ev.Kind {
			case http2.EventHead:
				x.header = ev.Header
			case http2.EventData:
				x.got = append(x.got, ev.Data...)
				conn.Consume(ev.Stream, len(ev.Data))
			case http2.EventTrailer:
				x.after = ev.Header
			case http2.EventReset:
				t.Fatal(ev.Err)
			}
			if ev.End {
				done++
				x.check(t)
				delete(streams, ev.Stream)
			}
		}
	}
}

// check compares what came back with what was sent.
func (x *exchange) check(t *testing.T) {
	t.Helper()
	want := seen{Header: http.Header{}}
	for _, f := range x.fields {
		switch f.Name {
		case ":method":
			want.Method = f.Value
		case ":path":
			want.Path = f.Value
		case ":authority":
			want.Host = f.Value
		case ":scheme", "trailer":
		default:
			want.Header.Add(f.Name, strings.ToValidUTF8(f.Value, "\ufffd"))
		}
	}
	var got seen
	if err := json.Unmarshal([]byte(x.header["X-Seen"][0]), &got); err != nil {
		t.Fatal(err)
	}
	if got.Method != want.Method || got.Path != want.Path || got.Host != want.Host || got.Length != int64(len(x.sent)) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for name, values := range want.Header {
		if fmt.Sprint(got.Header[name]) != fmt.Sprint(values) && !strings.Contains(fmt.Sprint(values), "\ufffd") {
			t.Errorf("%s: got %q, want %q", name, got.Header[name], values)
		}
	}
	if n := len(slices.Collect(maps.Keys(got.Header))); n != len(want.Header) {
		t.Errorf("the server saw %d fields, want %d", n, len(want.Header))
	}
	if !bytes.Equal(x.got, x.sent) {
		t.Errorf("got %d bytes back, want the %d that were sent", len(x.got), len(x.sent))
	}
	trailer := http.Header{}
	if x.trailer {
		trailer.Set("x-end", "here")
	}
	if want := fmt.Sprint(len(x.sent), trailer); fmt.Sprint(x.after["X-Size"]) != "["+want+"]" {
		t.Errorf("trailer: got %v, want %s", x.after, want)
	}
}
