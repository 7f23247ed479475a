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
