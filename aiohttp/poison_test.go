package aiohttp_test

// Responses of every kind, whole, one byte at a time, and cut off at every byte, each followed
// by a request whose answer must be its own: no connection that was poisoned is used again.

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

const second = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"

// confrontation is a server that answers its first request with any bytes, and later ones in
// the proper way.
type confrontation struct {
	raw  string
	step int  // bytes at a time, 0: all
	open bool // the connection stays open after them
}

// verdict is what the client made of it.
type verdict struct {
	status int
	body   string
	err    error
}

func (v verdict) String() string { return fmt.Sprintf("%d %q, %v", v.status, clip(v.body), v.err) }

func clip(s string) string { return s[:min(len(s), 100)] }

// confront makes both requests and checks what holds whatever the bytes are.
func (c confrontation) confront(t *testing.T) (v verdict) {
	t.Helper()
	var sent asyncio.Event
	run(t, func(ctx context.Context, p *peer) error {
		if p.id == 0 {
			err := pieces(c.raw, c.step)(ctx, p)
			sent.Set()
			if err != nil || !c.open {
				return err
			}
		}
		return answers(second)(ctx, p)
	}, func(ctx context.Context, w *world) error {
		limit := aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: time.Minute}) // of virtual time
		resp, err := w.session.Get(ctx, "http://h/", limit, aiohttp.WithAllowRedirects(false), aiohttp.WithMaxBody(1<<20))
		if v.err = err; err == nil {
			var body []byte
			body, v.err = resp.Read(ctx)
			v.status, v.body = resp.Status, string(body)
			resp.Close()
		}
		if v.err != nil {
			c.typed(t, v.err)
		}
		if len(v.body) > 1<<20 {
			t.Errorf("%q: got %d bytes, more than allowed", clip(c.raw), len(v.body))
		}
		// Unless the client has hung up, all is said before the second request is made.
		for range 3 {
			asyncio.Sleep(ctx, time.Second)
		}
		if got := w.session.Stats().Connector; got.InUse != 0 {
			t.Errorf("%q: got %+v, want nothing in use", clip(c.raw), got)
		}
		if _, body, err := w.get(ctx, "http://h/second", limit); body != "second" || err != nil {
			t.Errorf("%q in steps of %d, left open: %t: then got %q and %v, want the answer of the second request", clip(c.raw), c.step, c.open, body, err)
		}
		return nil
	})
	return v
}

// typed checks that an error says what was asked of whom, and how far it got.
func (c confrontation) typed(t *testing.T, err error) {
	t.Helper()
	var located interface{ Located() aiohttp.Where }
	if !errors.Is(err, aiohttp.ErrClient) || !errors.As(err, &located) {
		t.Errorf("%q: got %T %v, want an error of the package that says where", clip(c.raw), err, err)
		return
	}
	w := located.Located()
	if w.URL != "http://h/" || w.Phase != aiohttp.PhaseHeader && w.Phase != aiohttp.PhaseBody || !strings.HasPrefix(err.Error(), "GET http://h/: ") {
		t.Errorf("%q: got %+v of %v, want the URL and the phase", clip(c.raw), w, err)
	}
}

// specimens are responses; want is the body that is to be read, or a part of the error.
func specimens() map[string]struct{ raw, want string } {
	head := "HTTP/1.1 200 OK\r\n"
	chunked := head + "Transfer-Encoding: chunked\r\n"
	return map[string]struct{ raw, want string }{
		"length":            {head + "Content-Length: 5\r\n\r\nhello", "hello"},
		"chunks":            {chunked + "\r\n3\r\nhel\r\n2;x=\"y\"\r\nlo\r\n0\r\nA: b\r\n\r\n", "hello"},                    // P55
		"interim":           {"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + hello, "hello"},                             //
		"LF only":           {"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "hello"},                                       // P63
		"fold":              {head + "test: line\r\n continue\r\nContent-Length: 5\r\n\r\nhello", "hello"},                  // P64
		"control":           {head + "Foo: a\x01b\r\nContent-Length: 5\r\n\r\nhello", "hello"},                              // P65
		"NUL":               {head + "Foo: a\x00b\r\nContent-Length: 5\r\n\r\nhello", "error"},                              // P65
		"status 20𝟙":        {"HTTP/1.1 20𝟙 OK\r\nContent-Length: 5\r\n\r\nhello", "error"},                                 // P67
		"no reason":         {"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", "hello"},                                    // P68
		"duplicate ETag":    {head + "ETag: a\r\nETag: b\r\nContent-Length: 5\r\n\r\nhello", "hello"},                       // P18
		"two lengths":       {head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "error"},                       // P16
		"same length twice": {head + "Content-Length: 5, 6\r\n\r\nhello", "error"},                                          //
		"sign":              {head + "Content-Length: +5\r\n\r\nhello", "error"},                                            // P08
		"length, chunked":   {chunked + "Content-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello"},                        // RFC 9112 section 6.3: the chunks count
		"chunk size":        {chunked + "\r\nblah\r\nhello", "error"},                                                       // P52
		"huge chunk size":   {chunked + "\r\nfffffffffffffffff\r\nhello", "error"},                                          // P52
		"0x":                {chunked + "\r\n0x5\r\nhello\r\n0\r\n\r\n", "error"},                                           //
		"chunk runs over":   {chunked + "\r\n3\r\nhello\r\n0\r\n\r\n", "error"},                                             //
		"terminator":        {chunked + "\r\n5\r\nhello\r\n0\r\nX", "error"},                                                //
		"not gzip":          {head + "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", "error"},                   // C30
		"surplus":           {hello + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", "hello"},                        // 2A, extra vectors
		"surplus, no body":  {"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", ""},           //
		"body of a 304":     {"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", ""}, // C34
		"gzip":              {coded("gzip", encode("gzip", []byte("hello, hello, hello"))), "hello, hello, hello"},
		"deflate":           {coded("deflate", encode("deflate", []byte("hello, hello, hello"))), "hello, hello, hello"},
		"br":                {coded("br", encode("br", []byte("hello, hello, hello"))), "hello, hello, hello"},
		"zstd":              {coded("zstd", encode("zstd", []byte("hello, hello, hello"))), "hello, hello, hello"},
	}
}

func TestEveryResponseReadsTheSameInPieces(t *testing.T) {
	for name, s := range specimens() {
		for _, step := range []int{0, 1, 2, 7} {
			for _, open := range []bool{true, false} {
				got := confrontation{s.raw, step, open}.confront(t)
				if failed := got.err != nil; failed != (s.want == "error") || !failed && got.body != s.want {
					t.Errorf("%s in steps of %d, left open: %t: got %v, want %q", name, step, open, got, s.want)
				}
			}
		}
	}
}

// Whatever was cut off: an error, and of the body not more than there was.
func TestEveryResponseMayBeCutOffAtEveryByte(t *testing.T) {
	for name, s := range specimens() {
		if s.want == "error" || strings.HasPrefix(name, "surplus") || name == "body of a 304" {
			continue
		}
		for n := range len(s.raw) {
			for _, open := range []bool{false, true} {
				got := confrontation{s.raw[:n], 0, open}.confront(t)
				if got.err == nil || !strings.HasPrefix(s.want, got.body) {
					t.Errorf("%s cut off after %d bytes, left open: %t: got %v", name, n, open, got)
				}
			}
		}
	}
}

// FuzzPoison looks for bytes that a client survives, but not its next request.
func FuzzPoison(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte, step uint8, open bool) {
		if len(raw) <= 1<<14 {
			confrontation{string(raw), int(step), open}.confront(t)
		}
	})
}
