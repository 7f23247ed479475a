package aiohttp_test

// Whatever a server sends, the client answers with a typed error or a body, and no
// connection that was poisoned is used again.

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// FuzzResponse sends arbitrary bytes as a response, whole and in pieces, and compares
// what was understood with net/http, where both accept it.
func FuzzResponse(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte, step uint8) {
		if len(raw) > 1<<16 {
			return
		}
		run(t, func(ctx context.Context, p *peer) error {
			if _, err := p.readHead(ctx); err != nil {
				return err
			}
			if p.id > 0 {
				return answers(hello)(ctx, p)
			}
			for rest := string(raw); len(rest) > 0; {
				n := len(rest)
				if step > 0 {
					n = min(n, int(step))
				}
				if err := p.send(ctx, rest[:n]); err != nil {
					return err
				}
				rest = rest[n:]
				asyncio.Sleep(ctx, 0)
			}
			return nil
		}, func(ctx context.Context, w *world) error {
			opts := []aiohttp.RequestOption{aiohttp.WithAllowRedirects(false), aiohttp.WithMaxBody(1 << 20), aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: time.Minute})}
			resp, err := w.session.Get(ctx, "http://h/", opts...)
			var body []byte
			if err == nil {
				body, err = resp.Read(ctx)
				resp.Close()
			}
			if err != nil && !errors.Is(err, aiohttp.ErrClient) {
				t.Errorf("%q: got %T %v, want an error of the package", raw, err, err)
			}
			// A body that does not decode may still have ended properly.
			var coding *aiohttp.ContentEncodingError
			if got := w.session.Stats().Connector; got.InUse != 0 || got.Idle != 0 && err != nil && !errors.As(err, &coding) {
				t.Errorf("%q: got %+v and %v", raw, got, err)
			}
			if err == nil {
				compare(t, raw, resp, body)
			}
			return nil
		})
	})
}

// compare checks a response against net/http's reading of the same bytes.
func compare(t *testing.T, raw []byte, resp *aiohttp.ClientResponse, body []byte) {
	t.Helper()
	want, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil)
	if err != nil || want.StatusCode < 200 || resp.Headers.Get("Content-Encoding") != "" || want.StatusCode != resp.Status {
		return
	}
	wantBody, err := io.ReadAll(want.Body)
	if err != nil {
		return
	}
	// Only where the head leaves no room for opinion.
	plain := len(resp.Headers["Transfer-Encoding"]) == len(want.TransferEncoding) && len(resp.Headers["Content-Length"]) <= 1 &&
		!bytes.Contains(raw, []byte("\n ")) && !bytes.Contains(raw, []byte("\n\t"))
	if plain && !bytes.Equal(body, wantBody) {
		t.Errorf("%q: got body %q, net/http has %q", raw, body, wantBody)
	}
}

// Everything a request may be told, one byte at a time: nothing is quadratic and
// nothing hangs.
func TestSlowBytes(t *testing.T) {
	response := "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Header: "+strings.Repeat("v", 60)+"\r\n", 100) +
		"Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("a;ext=1\r\n0123456789\r\n", 500) + "0\r\nT: 1\r\n\r\n"
	run(t, pieces(response, 1), func(ctx context.Context, w *world) error {
		_, body, err := w.get(ctx, "http://h/")
		if len(body) != 5000 {
			t.Errorf("got %d bytes", len(body))
		}
		return err
	})
}

// A head without end is cut off at its limits, however it is spread.
func TestEndlessHead(t *testing.T) {
	run(t, func(ctx context.Context, p *peer) error {
		if _, err := p.readHead(ctx); err != nil {
			return err
		}
		if err := p.send(ctx, "HTTP/1.1 200 OK\r\n"); err != nil {
			return err
		}
		for {
			if err := p.send(ctx, "X: y\r\n"); err != nil {
				return err
			}
			asyncio.Sleep(ctx, 0)
		}
	}, func(ctx context.Context, w *world) error {
		_, _, err := w.get(ctx, "http://h/")
		var e *aiohttp.ClientResponseError
		if !errors.As(err, &e) {
			t.Errorf("got %v, want a ClientResponseError", err)
		}
		return nil
	})
}

// P63–P70, C40: heads that are not HTTP, or too much of it.
func TestBadHeads(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	many := strings.Repeat("X: y\r\n", 129)
	cases := []struct {
		name, response string
		opts           []aiohttp.RequestOption
		ok             bool
	}{
		{"LF only", "HTTP/1.0 200 OK\nFoo: abc\nContent-Length: 0\n\n", nil, true},                                        // P63
		{"LF only, strict", "HTTP/1.0 200 OK\nFoo: abc\n\n", []aiohttp.RequestOption{aiohttp.WithStrictParsing()}, false}, // P63
		{"fold", "HTTP/1.1 200 OK\r\ntest: line\r\n continue\r\nContent-Length: 0\r\n\r\n", nil, true},                    // P64
		{"control", "HTTP/1.1 200 OK\r\nFoo: abc\x01def\r\nContent-Length: 0\r\n\r\n", nil, true},                         // P65
		{"NUL", "HTTP/1.1 200 OK\r\nFoo: abc\x00def\r\n\r\n", nil, false},                                                 // P65
		{"unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: notchunked\r\n\r\n", nil, true},                         // P66
		{"status 99", "HTTP/1.1 99 test\r\n\r\n", nil, false},                                                             // P67
		{"status 9999", "HTTP/1.1 9999 test\r\n\r\n", nil, false},                                                         // P67
		{"status ttt", "HTTP/1.1 ttt test\r\n\r\n", nil, false},                                                           // P67
		{"no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", nil, true},                                             // P68
		{"long status line", "HTTP/1.1 200 " + long + "\r\n\r\n", nil, false},                                             // P70
		{"long status line, allowed", "HTTP/1.1 200 " + long + "\r\nContent-Length: 0\r\n\r\n", []aiohttp.RequestOption{aiohttp.WithMaxLineSize(20_000)}, true},
		{"long header", "HTTP/1.1 200 OK\r\nX: " + long + "\r\n\r\n", nil, false}, // C40
		{"long header, allowed", "HTTP/1.1 200 OK\r\nX: " + long + "\r\nContent-Length: 0\r\n\r\n", []aiohttp.RequestOption{aiohttp.WithMaxFieldSize(20_000)}, true},
		{"many headers", "HTTP/1.1 200 OK\r\n" + many + "\r\n", nil, false},
		{"many headers, allowed", "HTTP/1.1 200 OK\r\n" + many + "Content-Length: 0\r\n\r\n", []aiohttp.RequestOption{aiohttp.WithMaxHeaders(200)}, true},
		{"TLS alert", "\x15\x03\x01\x00\x02\x02\x16", nil, false},
		{"SSH", "SSH-2.0-OpenSSH_9.2\r\n", nil, false},
	}
	for _, c := range cases {
		for _, step := range []int{0, 1} {
			run(t, pieces(c.response, step), func(ctx context.Context, w *world) error {
				_, _, err := w.get(ctx, "http://h/", c.opts...)
				var e *aiohttp.ClientResponseError
				if c.ok && err != nil || !c.ok && (!errors.As(err, &e) || e.Status != 400 || e.Phase != aiohttp.PhaseHeader) {
					t.Errorf("%s in steps of %d: got %v, want success: %v", c.name, step, err, c.ok)
				}
				if got := w.session.Stats().Connector; got.InUse != 0 || got.Idle != 0 && !c.ok {
					t.Errorf("%s: got %+v", c.name, got)
				}
				return nil
			})
		}
	}
}

// Truncated at every byte: never a hang, never a body that looks complete, and the
// connection is gone.
func TestTruncatedResponses(t *testing.T) {
	for _, response := range []string{hello, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n"} {
		for n := range len(response) {
			run(t, pieces(response[:n], 0), func(ctx context.Context, w *world) error {
				_, body, err := w.get(ctx, "http://h/")
				if !errors.Is(err, aiohttp.ErrClient) || !strings.HasPrefix("hello", body) {
					t.Errorf("%q: got %q and %v", response[:n], body, err)
				}
				if got := w.session.Stats().Connector; got.InUse+got.Idle != 0 {
					t.Errorf("%q: got %+v", response[:n], got)
				}
				return nil
			})
		}
	}
}
