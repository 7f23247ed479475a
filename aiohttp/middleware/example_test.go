package middleware_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/middleware"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// simulate runs main under virtual time: what waits takes no time, and jitter is the same
// in every run.
func simulate(main func(ctx context.Context) error) {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) { return struct{}{}, main(ctx) },
		asyncio.WithClock(new(aiotest.Clock)), asyncio.WithRandom(rand.NewPCG(1, 1)))
	if err != nil {
		fmt.Println(err)
	}
}

// server stands for a server: a middleware inside of all others that answers by itself.
func server(answer func(req *aiohttp.ClientRequest) *aiohttp.ClientResponse) aiohttp.ClientMiddleware {
	return func(_ context.Context, req *aiohttp.ClientRequest, _ aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		return answer(req), nil
	}
}

// A server that is busy twice, and says for how long.
func ExampleRetry() {
	busy := 2
	policy := middleware.RetryPolicy{
		MaxAttempts: 5,
		OnRetry: func(_ context.Context, e middleware.RetryEvent) {
			fmt.Printf("attempt %d: %d, next one in about %v\n", e.Attempt, e.Status, e.Delay.Round(time.Second))
		},
	}
	flaky := server(func(req *aiohttp.ClientRequest) *aiohttp.ClientResponse {
		if busy--; busy >= 0 {
			return req.AnswerBytes(503, http.Header{"Retry-After": {"10"}}, nil)
		}
		return req.AnswerBytes(200, nil, []byte("at last"))
	})
	simulate(func(ctx context.Context) error {
		session := aiohttp.NewClientSession(aiohttp.WithMiddlewares(middleware.Retry(policy), flaky))
		defer session.Close()
		resp, err := session.Get(ctx, "http://example.com/")
		if err != nil {
			return err
		}
		defer resp.Close()
		text, err := resp.Text(ctx)
		fmt.Println(resp.Status, text)
		return err
	})
	// Output:
	// attempt 1: 503, next one in about 10s
	// attempt 2: 503, next one in about 10s
	// 200 at last
}

// The pages of a list, one after the other, at two a second.
func ExampleRateLimiter() {
	limiter := middleware.NewRateLimiter(middleware.WithRatePerHost(2, 1), middleware.WithAdaptiveRate())
	pages := server(func(req *aiohttp.ClientRequest) *aiohttp.ClientResponse {
		page, _ := strconv.Atoi(req.URL.Query().Get("page"))
		h := http.Header{}
		if page < 4 {
			h.Set("Link", fmt.Sprintf(`<http://example.com/list?page=%d>; rel="next"`, page+1))
		}
		return req.AnswerBytes(200, h, []byte(fmt.Sprint("page ", page)))
	})
	simulate(func(ctx context.Context) error {
		session := aiohttp.NewClientSession(aiohttp.WithMiddlewares(limiter.Middleware, pages))
		defer session.Close()
		for next := "http://example.com/list?page=1"; next != ""; {
			resp, err := session.Get(ctx, next)
			if err != nil {
				return err
			}
			text, err := resp.Text(ctx)
			if err != nil {
				return err
			}
			fmt.Println(asyncio.RunningLoop(ctx).Time(), text)
			next = ""
			fmt.Sscanf(resp.Headers.Get("Link"), `<%s`, &next)
			if i := len(next) - len(">;"); i > 0 {
				next = next[:i]
			}
		}
		return nil
	})
	// Output:
	// 0s page 1
	// 500ms page 2
	// 1s page 3
	// 1.5s page 4
}

// Rates can be changed while requests wait.
func ExampleRateLimiter_SetRate() {
	limiter := middleware.NewRateLimiter(middleware.WithRate(1, 1))
	simulate(func(ctx context.Context) error {
		loop := asyncio.RunningLoop(ctx)
		for i := range 4 {
			if i == 2 {
				limiter.SetRate(10, 1)
			}
			if err := limiter.Wait(ctx, "example.com"); err != nil {
				return err
			}
			fmt.Println(loop.Time())
		}
		return nil
	})
	// Output:
	// 0s
	// 1s
	// 1.1s
	// 1.2s
}

// What the server has been asked, and what the cache says about it.
func ExampleCache() {
	news := server(func(req *aiohttp.ClientRequest) *aiohttp.ClientResponse {
		h := http.Header{"Cache-Control": {"max-age=60"}, "Etag": {`"v1"`}}
		if req.Headers.Get("If-None-Match") == `"v1"` {
			return req.AnswerBytes(304, h, nil)
		}
		return req.AnswerBytes(200, h, []byte("news"))
	})
	cache := middleware.NewCache(middleware.NewMemoryStore(64 << 20))
	simulate(func(ctx context.Context) error {
		session := aiohttp.NewClientSession(aiohttp.WithMiddlewares(cache.Middleware, news))
		defer session.Close()
		for range 4 {
			resp, err := session.Get(ctx, "http://example.com/news")
			if err != nil {
				return err
			}
			text, err := resp.Text(ctx)
			if err != nil {
				return err
			}
			fmt.Println(resp.Status, text, "-", resp.Headers.Get("Cache-Status"))
			if err := asyncio.Sleep(ctx, 40*time.Second); err != nil {
				return err
			}
		}
		return nil
	})
	// Output:
	// 200 news - aio; fwd=uri-miss; fwd-status=200; stored
	// 200 news - aio; hit; ttl=20
	// 200 news - aio; hit; fwd=stale; fwd-status=304
	// 200 news - aio; hit; ttl=20
}

// A cache that is still there after the program has been started again.
func ExampleOpenDiskStore() {
	dir, err := os.MkdirTemp("", "cache")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	asked := 0
	page := server(func(req *aiohttp.ClientRequest) *aiohttp.ClientResponse {
		asked++
		return req.AnswerBytes(200, http.Header{"Cache-Control": {"max-age=60"}}, []byte("page"))
	})
	for range 3 {
		simulate(func(ctx context.Context) error {
			store, err := middleware.OpenDiskStore(ctx, dir, 1<<30)
			if err != nil {
				return err
			}
			session := aiohttp.NewClientSession(aiohttp.WithMiddlewares(middleware.NewCache(store).Middleware, page))
			defer session.Close()
			resp, err := session.Get(ctx, "http://example.com/page")
			if err != nil {
				return err
			}
			_, err = resp.Text(ctx)
			return err
		})
	}
	fmt.Println("asked", asked, "time(s)")
	// Output: asked 1 time(s)
}

// A line for each request, without its secrets.
func ExampleLogging() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	hello := server(func(req *aiohttp.ClientRequest) *aiohttp.ClientResponse {
		return req.AnswerBytes(200, nil, []byte("hello"))
	})
	simulate(func(ctx context.Context) error {
		session := aiohttp.NewClientSession(aiohttp.WithMiddlewares(middleware.Logging(logger), hello))
		defer session.Close()
		resp, err := session.Get(ctx, "http://example.com/?token=hush&page=2")
		if err != nil {
			return err
		}
		_, err = resp.Text(ctx)
		return err
	})
	// Output: level=INFO msg=request method=GET url="http://example.com/?token=REDACTED&page=2" status=200 duration=0s total=0s bytes=5
}
