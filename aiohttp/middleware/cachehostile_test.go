package middleware_test

// What a cache must not do, whatever servers and callers send.

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/middleware"
	"github.com/aio-go/aio/asyncio"
)

// What is asked for in the background is read for the store, and no further than that takes it.
func TestRevalidationInTheBackgroundIsBounded(t *testing.T) {
	for name, control := range map[string]string{"too long": "max-age=10", "not to be kept": "no-store"} {
		var endless *endlessBody
		o := &origin{answer: func(_ context.Context, n int, _ *aiohttp.ClientRequest) reply {
			return reply{status: 200, body: "small", headers: header("Cache-Control", "max-age=10, stale-while-revalidate=60")}
		}}
		cache := middleware.NewCache(middleware.NewMemoryStore(1<<20), middleware.WithMaxCachedBody(1000))
		floods := func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
			if len(o.seen) == 0 {
				return next(ctx, req)
			}
			endless = &endlessBody{}
			return req.Answer(200, header("Cache-Control", control), endless), nil
		}
		run(t, o, []aiohttp.ClientMiddleware{cache.Middleware, floods}, func(ctx context.Context, s *aiohttp.ClientSession) error {
			get(ctx, t, s, "http://h/")
			asyncio.Sleep(ctx, 20*time.Second)
			get(ctx, t, s, "http://h/")
			if err := cache.Settle(ctx); err != nil {
				return err
			}
			if endless.read > 1<<20 || !endless.closed {
				t.Errorf("%s: %d bytes were read, closed %v", name, endless.read, endless.closed)
			}
			return nil
		})
	}
}

// endlessBody never ends, and gives up after what no test should read.
type endlessBody struct {
	read   int
	closed bool
}

func (b *endlessBody) Read(p []byte) (int, error) {
	if b.read > 16<<20 {
		return 0, io.EOF
	}
	b.read += len(p)
	return len(p), nil
}

func (b *endlessBody) Close() error { b.closed = true; return nil }

// The URL of a request with a Host of its own does not say whom it is for.
func TestRequestsForAnotherHostPassBy(t *testing.T) {
	o := &origin{answer: func(_ context.Context, _ int, req *aiohttp.ClientRequest) reply {
		return reply{status: 200, body: "for " + req.Headers.Get("Host"), headers: header("Cache-Control", "max-age=60")}
	}}
	cache := middleware.NewCache(middleware.NewMemoryStore(1 << 20))
	run(t, o, []aiohttp.ClientMiddleware{cache.Middleware}, func(ctx context.Context, s *aiohttp.ClientSession) error {
		for _, host := range []string{"a", "b", "a"} {
			if _, body := get(ctx, t, s, "http://127.0.0.1/", withHeader("Host", host)); body != "for "+host {
				t.Errorf("%s: got %q", host, body)
			}
		}
		if _, body := get(ctx, t, s, "http://127.0.0.1/"); body != "for " {
			t.Errorf("got %q", body)
		}
		return nil
	})
}

// A validator that no header can carry is none: the response is asked for anew rather than never again.
func TestOddValidatorsAreNotSentBack(t *testing.T) {
	for _, name := range []string{"Etag", "Last-Modified"} {
		o := &origin{answer: func(_ context.Context, n int, _ *aiohttp.ClientRequest) reply {
			return reply{status: 200, body: fmt.Sprint(n), headers: header("Cache-Control", "max-age=1", name, "\"a\x01b\"")}
		}}
		cache := middleware.NewCache(middleware.NewMemoryStore(1 << 20))
		run(t, o, []aiohttp.ClientMiddleware{cache.Middleware}, func(ctx context.Context, s *aiohttp.ClientSession) error {
			for _, want := range []string{"1", "2"} {
				if _, body := get(ctx, t, s, "http://h/"); body != want || o.seen[len(o.seen)-1].Headers.Get("If-None-Match")+o.seen[len(o.seen)-1].Headers.Get("If-Modified-Since") != "" {
					t.Errorf("%s: got %q, want %q asked without condition", name, body, want)
				}
				asyncio.Sleep(ctx, time.Minute)
			}
			return nil
		})
	}
}
