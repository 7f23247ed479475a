package aiohttp_test

// Requests that say of themselves what is not so, and what that would do to their connection.

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// §3D: a request without a body announces none. A server that waits for it, or takes the next
// request for it, would be the end of the connection's order.
func TestNoBodyIsAnnouncedWhereThereIsNone(t *testing.T) {
	for _, c := range []struct {
		method string
		opts   []aiohttp.RequestOption
	}{
		{"GET", []aiohttp.RequestOption{aiohttp.WithHeaders(http.Header{"Content-Length": {"5"}})}},
		{"POST", []aiohttp.RequestOption{aiohttp.WithHeaders(http.Header{"content-length": {"5"}})}},
		{"GET", []aiohttp.RequestOption{aiohttp.WithHeaders(http.Header{"Transfer-Encoding": {"chunked"}})}},
		{"GET", []aiohttp.RequestOption{aiohttp.WithMiddlewares(setHeader("Transfer-Encoding", "chunked"))}},
		{"GET", []aiohttp.RequestOption{aiohttp.WithMiddlewares(setHeader("transfer-encoding", "chunked"))}},
		{"GET", []aiohttp.RequestOption{aiohttp.WithMiddlewares(setHeader("content-length", "5"))}},
		{"GET", []aiohttp.RequestOption{aiohttp.WithMiddlewares(setHeader("Content-Length", "5"))}},
	} {
		run(t, answers(hello), func(ctx context.Context, w *world) error {
			resp, err := w.session.Request(ctx, c.method, "http://h/", c.opts...)
			var invalid *aiohttp.InvalidRequestError
			if resp != nil || !errors.As(err, &invalid) {
				t.Errorf("%s: got %v and %v, want an InvalidRequestError", c.method, resp, err)
			}
			return nil
		})
	}
	run(t, answers(hello), func(ctx context.Context, w *world) error {
		_, _, err := w.get(ctx, "http://h/", aiohttp.WithHeaders(http.Header{"Content-Length": {"0"}}))
		return err
	})
}

// What contradicts itself, or would not arrive as it was meant, is refused before anything is sent.
func TestContradictoryOptionsAreRefused(t *testing.T) {
	length := func(v string) aiohttp.RequestOption {
		return aiohttp.WithHeaders(http.Header{"Content-Length": {v}})
	}
	for name, opts := range map[string][]aiohttp.RequestOption{
		"length and chunks": {aiohttp.WithData("x"), aiohttp.WithChunked(), length("1")},
		"signed length":     {aiohttp.WithData("x"), length("+1")},
		"colon in login":    {aiohttp.WithAuth("a:b", "c")},
		"line in password":  {aiohttp.WithAuth("a", "b\nc")},
		"header and auth":   {aiohttp.WithAuth("a", "b"), aiohttp.WithHeaders(http.Header{"Authorization": {"x"}})},
		"data and JSON":     {aiohttp.WithData("x"), aiohttp.WithJSON(1)},
	} {
		run(t, answers(hello), func(ctx context.Context, w *world) error {
			_, err := w.session.Post(ctx, "http://h/", opts...)
			var invalid *aiohttp.InvalidRequestError
			if !errors.As(err, &invalid) || len(w.wires) > 0 {
				t.Errorf("%s: got %v over %d connections, want an InvalidRequestError", name, err, len(w.wires))
			}
			return nil
		})
	}
}

// A middleware that removes or changes what delimits a body does not change what is sent.
func TestBodiesAreDelimitedWhateverMiddlewaresDo(t *testing.T) {
	for _, m := range []aiohttp.ClientMiddleware{
		func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
			delete(req.Headers, "Content-Length")
			return next(ctx, req)
		},
		setHeader("Content-Length", "4"),
	} {
		var seen []exchange
		run(t, hops(&seen, hello), func(ctx context.Context, w *world) error {
			resp, err := w.session.Post(ctx, "http://h/", aiohttp.WithData("data"), aiohttp.WithMiddlewares(m))
			if err != nil {
				return err
			}
			return resp.Close()
		})
		if len(seen) != 1 || seen[0].body != "data" {
			t.Errorf("got %q, want the body and its length", seen)
		}
	}
	run(t, answers(hello), func(ctx context.Context, w *world) error {
		_, err := w.session.Post(ctx, "http://h/", aiohttp.WithData("data"), aiohttp.WithMiddlewares(setHeader("Content-Length", "9")))
		if !errors.Is(err, aiohttp.ErrClient) {
			t.Errorf("a length that is not true: got %v", err)
		}
		return nil
	})
}

// setHeader is a middleware that sets a header in the spelling given.
func setHeader(name, value string) aiohttp.ClientMiddleware {
	return func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		req.Headers[name] = []string{value}
		return next(ctx, req)
	}
}

// A server that has switched speaks something else from then on, whether the caller asked for that or
// not: its connection carries no further request.
func TestConnectionThatSwitchedIsNotKept(t *testing.T) {
	const switched = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n"
	cases := map[string]http.Header{"asked": {"Upgrade": {"echo"}, "Connection": {"upgrade"}}, "unasked": nil}
	for name, headers := range cases {
		t.Run(name, func(t *testing.T) {
			run(t, answers(switched), func(ctx context.Context, w *world) error {
				for range 2 {
					resp, err := w.session.Get(ctx, "http://h/", aiohttp.WithHeaders(headers))
					if err != nil {
						return err
					}
					resp.Close()
				}
				if len(w.wires) != 2 || !w.wires[0].closed {
					t.Errorf("got %d connections, want each of its own", len(w.wires))
				}
				return nil
			})
		})
	}
}

// An answer does not wait for a source that has nothing to send yet, nor does the end of the total time.
func TestSilentSourceOfABodyIsInterrupted(t *testing.T) {
	t.Run("by an answer", func(t *testing.T) {
		refuse := answers("HTTP/1.1 413 Too Much\r\nContent-Length: 0\r\n\r\n")
		run(t, refuse, func(ctx context.Context, w *world) error {
			source, silent := io.Pipe()
			defer silent.Close()
			resp, err := w.session.Post(ctx, "http://h/", aiohttp.WithData(source))
			if err != nil {
				return err
			}
			if resp.Status != 413 || !w.wires[0].closed {
				t.Errorf("got status %d, connection closed: %v", resp.Status, w.wires[0].closed)
			}
			if _, err := silent.Write([]byte("late")); err != io.ErrClosedPipe {
				t.Errorf("the source is open: %v", err)
			}
			return resp.Close()
		})
	})
	t.Run("by the total time", func(t *testing.T) {
		mute := func(ctx context.Context, p *peer) error {
			head, err := p.readHead(ctx)
			if err == nil && strings.HasPrefix(head, "GET") {
				err = p.send(ctx, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
			}
			if err == nil {
				_, err = p.readHead(ctx) // until the client has had enough
			}
			return err
		}
		run(t, mute, func(ctx context.Context, w *world) error {
			source, err := w.session.Get(ctx, "http://h/")
			if err != nil {
				return err
			}
			defer source.Close()
			began := asyncio.RunningLoop(ctx).Time()
			_, err = w.session.Post(ctx, "http://h/", aiohttp.WithData(source.Content), aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: time.Second}))
			if took := asyncio.RunningLoop(ctx).Time() - began; !errors.Is(err, aiohttp.ErrTotalTimeout) || took > 2*time.Second {
				t.Errorf("after %v: got %v", took, err)
			}
			return nil
		})
	})
}

// A redirect that comes while a file is being read begins anew with the whole file.
func TestRedirectDuringAReadOfTheBodySendsItWhole(t *testing.T) {
	body := strings.Repeat("0123456789abcdef", 64<<10)
	serve := func(ctx context.Context, p *peer) error {
		for {
			head, err := p.readHead(ctx)
			if err != nil {
				return err
			}
			if strings.HasPrefix(head, "PUT /first") {
				p.send(ctx, "HTTP/1.1 307 Elsewhere\r\nLocation: /second\r\nContent-Length: 0\r\n\r\n")
				return nil
			}
			if got, err := p.readN(ctx, len(body)); err != nil || got != body {
				t.Errorf("got %d bytes, %v, not those of the file", len(got), err)
			}
			p.send(ctx, hello)
		}
	}
	run(t, serve, func(ctx context.Context, w *world) error {
		path := filepath.Join(t.TempDir(), "body")
		if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		resp, err := w.session.Put(ctx, "http://h/first", aiohttp.WithData(f))
		if err != nil {
			return err
		}
		return resp.Close()
	})
}
