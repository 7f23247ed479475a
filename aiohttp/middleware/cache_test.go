package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/middleware"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// at is a date of virtual time, which begins at aiotest.Epoch.
func at(d time.Duration) string { return aiotest.Epoch.Add(d).Format(http.TimeFormat) }

// step is one GET of the same URL, some time after the step before.
type step struct {
	after   time.Duration
	request http.Header
	want    string // "hit", "miss", "revalidated", "stale", "504"
}

// outcome says in a word what became of a request.
func outcome(resp *aiohttp.ClientResponse) string {
	status := resp.Headers.Get("Cache-Status")
	switch {
	case resp.Status == 504 && strings.Contains(status, "only-if-cached"):
		return "504"
	case strings.Contains(status, "fwd-status=304"):
		return "revalidated"
	case strings.Contains(status, "ttl=-"), strings.Contains(status, "ttl=0"):
		return "stale"
	case strings.Contains(status, "hit"):
		return "hit"
	}
	return "miss"
}

// revalidating answers with headers and body, or with 304 if the condition holds.
func revalidating(headers http.Header, body string) *origin {
	return &origin{answer: func(_ context.Context, n int, req *aiohttp.ClientRequest) reply {
		tag, since := req.Headers.Get("If-None-Match"), req.Headers.Get("If-Modified-Since")
		if tag != "" && tag == headers.Get("Etag") || tag == "" && since != "" && since == headers.Get("Last-Modified") {
			fresh := headers.Clone()
			delete(fresh, "Date")
			return reply{status: 304, headers: fresh}
		}
		return reply{status: 200, headers: headers, body: body}
	}}
}

// One row per rule: what the first answer says, and what then happens to later requests.
func TestCacheFollowsRFC9111(t *testing.T) {
	const s = time.Second
	again := func(want string, pairs ...string) []step { return []step{{10 * s, header(pairs...), want}} }
	for _, c := range []struct {
		rule    string
		headers http.Header
		steps   []step
	}{
		{"3: nothing said, nothing kept", header(), again("miss")},
		{"3: max-age", header("Cache-Control", "max-age=60"), []step{{59 * s, nil, "hit"}, {1 * s, nil, "miss"}}},
		{"3: no-store", header("Cache-Control", "no-store, max-age=60"), again("miss")},
		{"5.2.2.3: must-understand takes no-store back", header("Cache-Control", "no-store, must-understand, max-age=60"), again("hit")},
		{"3: private, in a private cache", header("Cache-Control", "private, max-age=60"), again("hit")},
		{"5.2.2.10: s-maxage is for shared caches", header("Cache-Control", "s-maxage=60"), again("miss")},
		{"5.2.2.10: s-maxage does not override", header("Cache-Control", "s-maxage=0, max-age=60"), again("hit")},
		{"4.1: Vary: *", header("Cache-Control", "max-age=60", "Vary", "*"), again("miss")},
		{"5.3: Expires", header("Date", at(0), "Expires", at(60*s)), []step{{59 * s, nil, "hit"}, {2 * s, nil, "miss"}}},
		{"5.3: Expires is relative to Date", header("Date", at(-time.Hour), "Expires", at(-time.Hour+60*s)), again("miss")},
		{"5.3: Expires: 0", header("Expires", "0", "Last-Modified", at(-time.Hour)), again("revalidated")},
		{"5.3: max-age over Expires", header("Cache-Control", "max-age=60", "Expires", at(-60*s)), again("hit")},
		{"4.2.1: contradictions are stale", header("Cache-Control", "max-age=60, max-age=90", "Etag", `"a"`), again("revalidated")},
		{"4.2.2: a tenth of the time since the last change", header("Last-Modified", at(-1000*s)), []step{{99 * s, nil, "hit"}, {2 * s, nil, "revalidated"}}},
		{"4.2.2: but never more than a day", header("Last-Modified", at(-1000*time.Hour)), []step{{23 * time.Hour, nil, "hit"}, {2 * time.Hour, nil, "revalidated"}}},
		{"4.2.3: Age counts", header("Cache-Control", "max-age=60", "Age", "55"), again("miss")},
		{"4.2.3: so does the time since Date", header("Cache-Control", "max-age=60", "Date", at(-55*s)), again("miss")},
		{"4.3.1: ETag", header("Cache-Control", "max-age=1", "Etag", `"a"`), again("revalidated")},
		{"4.3.1: weak ETag", header("Cache-Control", "max-age=1", "Etag", `W/"a"`), again("revalidated")},
		{"4.3.4: the 304 makes it fresh again", header("Cache-Control", "max-age=30", "Etag", `"a"`), []step{{31 * s, nil, "revalidated"}, {29 * s, nil, "hit"}, {2 * s, nil, "revalidated"}}},
		{"5.2.2.4: no-cache", header("Cache-Control", "no-cache, max-age=60", "Etag", `"a"`), again("revalidated")},
		{"5.2.2.4: no-cache with a field", header("Cache-Control", `no-cache="X", max-age=60`, "Etag", `"a"`), again("revalidated")},
		{"5.2.1.4: request no-cache", header("Cache-Control", "max-age=60", "Etag", `"a"`), again("revalidated", "Cache-Control", "no-cache")},
		{"5.4: Pragma", header("Cache-Control", "max-age=60", "Etag", `"a"`), again("revalidated", "Pragma", "no-cache")},
		{"5.4: Pragma loses to Cache-Control", header("Cache-Control", "max-age=60"), again("hit", "Pragma", "no-cache", "Cache-Control", "max-age=90")},
		{"5.2.1.5: request no-store", header("Cache-Control", "max-age=60"), again("miss", "Cache-Control", "no-store")},
		{"5.2.1.1: request max-age", header("Cache-Control", "max-age=60"), again("miss", "Cache-Control", "max-age=9")},
		{"5.2.1.1: satisfied", header("Cache-Control", "max-age=60"), again("hit", "Cache-Control", "max-age=10")},
		{"8246: immutable is not asked about", header("Cache-Control", "max-age=60, immutable", "Etag", `"a"`), again("hit", "Cache-Control", "max-age=0")},
		{"8246: unless it is stale", header("Cache-Control", "max-age=5, immutable", "Etag", `"a"`), again("revalidated", "Cache-Control", "max-age=0")},
		{"5.2.1.3: min-fresh", header("Cache-Control", "max-age=60"), again("miss", "Cache-Control", "min-fresh=51")},
		{"5.2.1.3: satisfied", header("Cache-Control", "max-age=60"), again("hit", "Cache-Control", "min-fresh=50")},
		{"5.2.1.2: max-stale", header("Cache-Control", "max-age=1"), again("stale", "Cache-Control", "max-stale")},
		{"5.2.1.2: up to a limit", header("Cache-Control", "max-age=1"), again("stale", "Cache-Control", "max-stale=9")},
		{"5.2.1.2: not beyond", header("Cache-Control", "max-age=1"), again("miss", "Cache-Control", "max-stale=8")},
		{"5.2.2.2: must-revalidate", header("Cache-Control", "max-age=1, must-revalidate"), again("miss", "Cache-Control", "max-stale")},
		{"5.2.2.8: proxy-revalidate is for proxies", header("Cache-Control", "max-age=1, proxy-revalidate"), again("stale", "Cache-Control", "max-stale")},
		{"5.2.1.7: only-if-cached, and it is", header("Cache-Control", "max-age=60"), again("hit", "Cache-Control", "only-if-cached")},
		{"5.2.1.7: and it is not", header("Cache-Control", "max-age=1"), again("504", "Cache-Control", "only-if-cached")},
		{"4.1: Vary agrees", header("Cache-Control", "max-age=60", "Vary", "X-Lang"), again("hit", "X-Other", "1")},
		{"4.1: Vary disagrees", header("Cache-Control", "max-age=60", "Vary", "x-lang"), []step{{s, header("X-Lang", "de"), "miss"}, {s, nil, "hit"}, {s, header("X-Lang", "de"), "hit"}, {s, header("X-Lang", "fr"), "miss"}}},
		{"4.1: Vary, spaces aside", header("Cache-Control", "max-age=60", "Vary", "X-Lang"), []step{{s, header("X-Lang", "de,fr"), "miss"}, {s, header("X-Lang", "de , fr"), "hit"}}},
		{"3.5: Authorization", header("Cache-Control", "max-age=60"), []step{{s, header("Authorization", "A"), "miss"}, {s, header("Authorization", "B"), "miss"}, {s, header("Authorization", "A"), "hit"}, {s, nil, "miss"}}},
		{"3: a Range is not the cache's business", header("Cache-Control", "max-age=60"), again("miss", "Range", "bytes=0-1")},
		{"4.3.2: nor are conditions of one's own", header("Cache-Control", "max-age=60"), again("miss", "If-None-Match", `"b"`)},
	} {
		o := revalidating(c.headers, "body")
		cache := middleware.NewCache(middleware.NewMemoryStore(1 << 20))
		run(t, o, []aiohttp.ClientMiddleware{cache.Middleware}, func(ctx context.Context, session *aiohttp.ClientSession) error {
			if resp, _ := get(ctx, t, session, "http://h/"); outcome(resp) != "miss" {
				t.Errorf("%s: the first request: got %s", c.rule, resp.Headers.Get("Cache-Status"))
			}
			for i, step := range c.steps {
				asyncio.Sleep(ctx, step.after)
				before := len(o.seen)
				resp, body := get(ctx, t, session, "http://h/", aiohttp.WithHeaders(step.request))
				got := outcome(resp)
				if got != step.want {
					t.Errorf("%s: request %d: got %s (%s), want %s", c.rule, i+2, got, resp.Headers.Get("Cache-Status"), step.want)
				}
				if asked := len(o.seen) > before; asked != (got == "miss" || got == "revalidated") {
					t.Errorf("%s: request %d: %s, but the server was asked: %v", c.rule, i+2, got, asked)
				}
				if got != "504" && body != "body" && step.request.Get("If-None-Match") == "" {
					t.Errorf("%s: request %d: got body %q", c.rule, i+2, body)
				}
			}
			return nil
		})
	}
}

// RFC 9111 section 3: which statuses are kept, with and without being told.
func TestOnlyUnderstoodStatusesAreKept(t *testing.T) {
	for _, c := range []struct {
		status    int
		told, not string
	}{
		{200, "hit", "hit"}, {203, "hit", "hit"}, {204, "hit", "hit"}, {404, "hit", "hit"}, {410, "hit", "hit"}, {501, "hit", "hit"},
		{302, "hit", "miss"}, {403, "hit", "miss"}, {503, "hit", "miss"},
		{206, "miss", "miss"}, {299, "miss", "miss"}, {418, "miss", "miss"},
	} {
		for headers, want := range map[string]string{"max-age=60": c.told, "x": c.not} {
			o := replies(reply{status: c.status, headers: header("Cache-Control", headers, "Last-Modified", at(-time.Hour), "Location", "/")})
			cache := middleware.NewCache(middleware.NewMemoryStore(1 << 20))
			run(t, o, []aiohttp.ClientMiddleware{cache.Middleware}, func(ctx context.Context, s *aiohttp.ClientSession) error {
				get(ctx, t, s, "http://h/", aiohttp.WithAllowRedirects(false))
				if resp, _ := get(ctx, t, s, "http://h/", aiohttp.WithAllowRedirects(false)); outcome(resp) != want || resp.Status != c.status {
					t.Errorf("%d, %s: got %d, %s, want %s", c.status, headers, resp.Status, outcome(resp), want)
				}
				return nil
			})
		}
	}
}

func TestHitIsTheResponseAsItWas(t *testing.T) {
	o := replies(reply{status: 200, body: "hello", headers: header(
		"Cache-Control", "max-age=60", "X-Own", "a", "X-Own", "b", "Connection", "X-Hop", "X-Hop", "1", "Set-Cookie", "a=b", "Content-Type", "text/plain", "Cache-Status", "edge; hit")})
	cache := middleware.NewCache(middleware.NewMemoryStore(1<<20), middleware.WithCacheName("mine"))
	run(t, o, []aiohttp.ClientMiddleware{cache.Middleware}, func(ctx context.Context, s *aiohttp.ClientSession) error {
		first, _ := get(ctx, t, s, "http://h/")
		asyncio.Sleep(ctx, 10*time.Second)
		resp, body := get(ctx, t, s, "http://h/")
		h := resp.Headers
		if body != "hello" || h.Get("Age") != "10" || !slices.Equal(h["X-Own"], []string{"a", "b"}) || h.Get("X-Hop") != "" || h.Get("Connection") != "" || h.Get("Content-Length") != "5" {
			t.Errorf("got %q and %v", body, h)
		}
		if got := strings.Join(first.Headers["Cache-Status"], ", "); got != "edge; hit, mine; fwd=uri-miss; fwd-status=200; stored" {
			t.Errorf("got %q", got)
		}
		if got := h.Get("Cache-Status"); got != "mine; hit; ttl=50" {
			t.Errorf("got %q", got)
		}
		head, _, err := fetch(ctx, s, "HEAD", "http://h/")
		if err != nil || head.Headers.Get("X-Own") != "a" || head.Headers.Get("Content-Length") != "5" || len(o.seen) != 1 {
			t.Errorf("HEAD: got %v, %v after %d requests", head, err, len(o.seen))
		}
		h["X-Own"][0] = "spoiled"
		if again, _ := get(ctx, t, s, "http://h/"); again.Headers.Get("X-Own") != "a" {
			t.Error("a caller has changed what is kept")
		}
		return nil
	})
}

// RFC 9111 section 3.2
func TestConfirmationUpdatesTheHeaders(t *testing.T) {
	o := replies(
		reply{status: 200, body: "hello", headers: header("Cache-Control", "max-age=1", "Etag", `"a"`, "X-Old", "1", "X-Both", "old", "Content-Type", "text/plain", "Age", "0")},
		reply{status: 304, headers: header("Cache-Control", "max-age=60", "Etag", `"a"`, "X-Both", "new", "X-New", "1", "Content-Type", "text/html", "Content-Length", "77")},
	)
	cache := middleware.NewCache(middleware.NewMemoryStore(1 << 20))
	run(t, o, []aiohttp.ClientMiddleware{cache.Middleware}, func(ctx context.Context, s *aiohttp.ClientSession) error {
		get(ctx, t, s, "http://h/")
		asyncio.Sleep(ctx, 5*time.Second)
		for _, want := range []string{"revalidated", "hit"} {
			resp, body := get(ctx, t, s, "http://h/")
			h := resp.Headers
			if outcome(resp) != want || body != "hello" || resp.Status != 200 || h.Get("X-Both") != "new" || h.Get("X-New") != "1" || h.Get("X-Old") != "1" ||
				h.Get("Content-Type") != "text/plain" || h.Get("Content-Length") != "5" {
				t.Errorf("got %s %q %v", outcome(resp), body, h)
			}
		}
		if got := o.seen[1].Headers.Get("If-None-Match"); got != `"a"` {
			t.Errorf("got If-None-Match %q", got)
		}
		return nil
	})
}

// RFC 9111 section 4.3.3 and 4.3.4: an answer to the question replaces what was kept; a
// 304 about something else means asking again.
func TestRevalidationThatBringsSomethingElse(t *testing.T) {
	stale := reply{status: 200, body: "old", headers: header("Cache-Control", "max-age=1", "Etag", `"a"`)}
	for _, c := range []struct {
		name    string
		answers []reply
		bodies  []string
		count   int
	}{
		{"a new version", []reply{{status: 200, body: "new", headers: header("Cache-Control", "max-age=60")}}, []string{"new", "new"}, 2},
		{"one that is not kept", []reply{{status: 200, body: "new", headers: header("Cache-Control", "no-store")}}, []string{"new", "new"}, 3},
		{"another 304", []reply{{status: 304, headers: header("Etag", `"b"`)}, {status: 200, body: "new", headers: header("Cache-Control", "max-age=60")}}, []string{"new", "new"}, 3},
		{"an error", []reply{{status: 500, body: "oops"}, {status: 304, headers: header("Etag", `"a"`, "Cache-Control", "max-age=60")}}, []string{"oops", "old"}, 3},
	} {
		o := replies(append([]reply{stale}, c.answers...)...)
		cache := middleware.NewCache(middleware.NewMemoryStore(1 << 20))
		run(t, o, []aiohttp.ClientMiddleware{cache.Middleware}, func(ctx context.Context, s *aiohttp.ClientSession) error {
			get(ctx, t, s, "http://h/")
			asyncio.Sleep(ctx, 5*time.Second)
			for _, want := range c.bodies {
				if _, body := get(ctx, t, s, "http://h/"); body != want {
					t.Errorf("%s: got %q, want %q", c.name, body, want)
				}
			}
			if len(o.seen) != c.count {
				t.Errorf("%s: got %d requests, want %d", c.name, len(o.seen), c.count)
			}
			return nil
		})
	}
}

// RFC 9111 section 4.4
func TestUnsafeMethodsInvalidate(t *testing.T) {
	for _, c := range []struct {
		method string
		answer reply
		want   string // for /a, /b and http://other/
	}{
		{"POST", reply{status: 200}, "miss hit hit"},
		{"DELETE", reply{status: 204}, "miss hit hit"},
		{"PURGE", reply{status: 200}, "miss hit hit"},
		{"POST", reply{status: 400}, "hit hit hit"},
		{"POST", reply{err: io.EOF}, "hit hit hit"},
		{"OPTIONS", reply{status: 200}, "hit hit hit"},
		{"POST", reply{status: 201, headers: header("Location", "/b#x", "Content-Location", "http://other/")}, "miss miss hit"},
	} {
		o := &origin{}
		o.answer = func(_ context.Context, n int, req *aiohttp.ClientRequest) reply {
			if req.Method == c.method {
				return c.answer
			}
			return reply{status: 200, headers: header("Cache-Control", "max-age=60", "Vary", "X-Lang")}
		}
		cache := middleware.NewCache(middleware.NewMemoryStore(1 << 20))
		run(t, o, []aiohttp.ClientMiddleware{cache.Middleware}, func(ctx context.Context, s *aiohttp.ClientSession) error {
			var got []string
			for range 2 {
				got = nil
				for _, url := range []string{"http://h/a", "http://h/b", "http://other/"} {
					resp, _ := get(ctx, t, s, url)
					got = append(got, outcome(resp))
				}
				fetch(ctx, s, c.method, "http://h/a", aiohttp.WithData("x"))
			}
			// The first round filled the cache; its POST came before the second one.
			if got := strings.Join(got, " "); got != c.want {
				t.Errorf("%s %d: got %s, want %s", c.method, c.answer.status, got, c.want)
			}
			return nil
		})
	}
}

// RFC 5861
func TestStaleResponsesStandIn(t *testing.T) {
	down := reply{err: &aiohttp.ServerDisconnectedError{Err: io.EOF}}
	for _, c := range []struct {
		name, cc string
		opts     []middleware.CacheOption
		request  []string
		failure  reply
		want     string
	}{
		{"stale-if-error", "max-age=1, stale-if-error=60", nil, nil, unavailable(), "stale"},
		{"no connection", "max-age=1, stale-if-error=60", nil, nil, down, "stale"},
		{"too old", "max-age=1, stale-if-error=8", nil, nil, unavailable(), "503"},
		{"asked for by the request", "max-age=1", nil, []string{"Cache-Control", "stale-if-error=60"}, unavailable(), "stale"},
		{"configured", "max-age=1", []middleware.CacheOption{middleware.WithStaleIfError(time.Minute)}, nil, down, "stale"},
		{"not allowed", "max-age=1, must-revalidate", []middleware.CacheOption{middleware.WithStaleIfError(time.Minute)}, nil, down, "error"},
		{"not asked for", "max-age=1", nil, nil, down, "error"},
		{"not a failure", "max-age=1, stale-if-error=60", nil, nil, reply{status: 404}, "404"},
	} {
		o := replies(reply{status: 200, body: "old", headers: header("Cache-Control", c.cc)}, c.failure)
		cache := middleware.NewCache(middleware.NewMemoryStore(1<<20), c.opts...)
		run(t, o, []aiohttp.ClientMiddleware{cache.Middleware}, func(ctx context.Context, s *aiohttp.ClientSession) error {
			get(ctx, t, s, "http://h/")
			asyncio.Sleep(ctx, 10*time.Second)
			got := "error"
			if resp, _, err := fetch(ctx, s, "GET", "http://h/", withHeader(c.request...)); err == nil {
				if got = outcome(resp); got == "miss" {
					got = fmt.Sprint(resp.Status)
				}
			}
			if got != c.want || len(o.seen) != 2 {
				t.Errorf("%s: got %s after %d requests, want %s", c.name, got, len(o.seen), c.want)
			}
			return nil
		})
	}
}

func TestStaleResponseIsServedWhileItIsRevalidated(t *testing.T) {
	o := &origin{answer: func(ctx context.Context, n int, req *aiohttp.ClientRequest) reply {
		asyncio.Sleep(ctx, time.Second)
		return reply{status: 200, body: fmt.Sprint("version ", n), headers: header("Cache-Control", "max-age=10, stale-while-revalidate=60")}
	}}
	cache := middleware.NewCache(middleware.NewMemoryStore(1 << 20))
	run(t, o, []aiohttp.ClientMiddleware{cache.Middleware}, func(ctx context.Context, s *aiohttp.ClientSession) error {
		loop := asyncio.RunningLoop(ctx)
		get(ctx, t, s, "http://h/")
		asyncio.Sleep(ctx, 20*time.Second)
		start := loop.Time()
		for range 3 { // one of them asks in the background
			if _, body := get(ctx, t, s, "http://h/"); body != "version 1" || loop.Time() != start {
				t.Errorf("got %q after %v", body, loop.Time()-start)
			}
		}
		if err := cache.Settle(ctx); err != nil || loop.Time()-start != time.Second {
			t.Errorf("got %v after %v", err, loop.Time()-start)
		}
		if _, body := get(ctx, t, s, "http://h/"); body != "version 2" || len(o.seen) != 2 {
			t.Errorf("got %q after %d requests", body, len(o.seen))
		}
		asyncio.Sleep(ctx, 71*time.Second)
		if _, body := get(ctx, t, s, "http://h/"); body != "version 3" {
			t.Errorf("got %q, want it was too stale to serve", body)
		}
		return nil
	})
}

func TestConcurrentMissesAskOnce(t *testing.T) {
	for _, c := range []struct {
		name    string
		headers http.Header
		asked   int
		took    time.Duration
	}{
		{"kept", header("Cache-Control", "max-age=60"), 1, time.Second},
		{"kept, by variants", header("Cache-Control", "max-age=60", "Vary", "X-N"), 5, 2 * time.Second},
		{"not kept", header("Cache-Control", "no-store"), 5, 2 * time.Second},
	} {
		o := &origin{answer: func(ctx context.Context, n int, req *aiohttp.ClientRequest) reply {
			asyncio.Sleep(ctx, time.Second)
			return reply{status: 200, body: "hello", headers: c.headers}
		}}
		cache := middleware.NewCache(middleware.NewMemoryStore(1 << 20))
		run(t, o, []aiohttp.ClientMiddleware{cache.Middleware}, func(ctx context.Context, s *aiohttp.ClientSession) error {
			took := aiotest.Elapsed(ctx, func() {
				err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
					for i := range 5 {
						g.Go(func(ctx context.Context) error {
							_, body, err := fetch(ctx, s, "GET", "http://h/", withHeader("X-N", fmt.Sprint(i)))
							if body != "hello" {
								t.Errorf("%s: got %q", c.name, body)
							}
							return err
						})
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
			if len(o.seen) != c.asked || took != c.took {
				t.Errorf("%s: got %d requests in %v, want %d in %v", c.name, len(o.seen), took, c.asked, c.took)
			}
			return nil
		})
	}
}

// What is known not to be kept is not waited for a second time.
func TestUncacheableAnswersAreNotWaitedFor(t *testing.T) {
	o := &origin{answer: func(ctx context.Context, n int, req *aiohttp.ClientRequest) reply {
		asyncio.Sleep(ctx, time.Second)
		return reply{status: 200, headers: header("Cache-Control", "no-store")}
	}}
	cache := middleware.NewCache(middleware.NewMemoryStore(1 << 20))
	run(t, o, []aiohttp.ClientMiddleware{cache.Middleware}, func(ctx context.Context, s *aiohttp.ClientSession) error {
		for _, want := range []time.Duration{2 * time.Second, time.Second} {
			took := aiotest.Elapsed(ctx, func() { arrivals(ctx, t, s, 3, "http://h/") })
			if took != want {
				t.Errorf("got %v, want %v", took, want)
			}
		}
		return nil
	})
}

// Requests do not wait for one another's failures in turn: after two they go together, and a first
// that fails by chance is replaced by one of them.
func TestWaitingRequestsGoTogetherWhenOthersFail(t *testing.T) {
	for _, tt := range []struct {
		failures, requests int
		want               time.Duration
	}{{0, 1, time.Second}, {1, 2, 2 * time.Second}, {100, 10, 3 * time.Second}} {
		o := &origin{answer: func(ctx context.Context, n int, req *aiohttp.ClientRequest) reply {
			asyncio.Sleep(ctx, time.Second)
			if n <= tt.failures {
				return reply{err: errors.New("down")}
			}
			return reply{status: 200, body: "up", headers: header("Cache-Control", "max-age=60")}
		}}
		cache := middleware.NewCache(middleware.NewMemoryStore(1 << 20))
		run(t, o, []aiohttp.ClientMiddleware{cache.Middleware}, func(ctx context.Context, s *aiohttp.ClientSession) error {
			var tasks []*asyncio.Task[struct{}]
			for range 10 {
				tasks = append(tasks, spawn(ctx, func(ctx context.Context) error { _, _, err := fetch(ctx, s, "GET", "http://h/"); return err }))
			}
			took := aiotest.Elapsed(ctx, func() { asyncio.GatherSettled(ctx, tasks...).Await(ctx) })
			if took != tt.want || len(o.seen) != tt.requests {
				t.Errorf("%d failures: got %v and %d requests, want %v and %d", tt.failures, took, len(o.seen), tt.want, tt.requests)
			}
			return nil
		})
	}
}

// Whoever waits for another request is not let down by it.
func TestWaitingForAnotherRequestEnds(t *testing.T) {
	o := &origin{answer: func(ctx context.Context, n int, req *aiohttp.ClientRequest) reply {
		if err := asyncio.Sleep(ctx, time.Second); err != nil {
			return reply{err: err}
		}
		return reply{status: 200, body: fmt.Sprint("answer ", n), headers: header("Cache-Control", "max-age=60")}
	}}
	cache := middleware.NewCache(middleware.NewMemoryStore(1 << 20))
	run(t, o, []aiohttp.ClientMiddleware{cache.Middleware}, func(ctx context.Context, s *aiohttp.ClientSession) error {
		loop := asyncio.RunningLoop(ctx)
		// The one that asks is cancelled: one of those behind it asks again, for both.
		first := spawn(ctx, func(ctx context.Context) error { _, _, err := fetch(ctx, s, "GET", "http://h/a"); return err })
		var rest []*asyncio.Task[struct{}]
		for range 2 {
			rest = append(rest, spawn(ctx, func(ctx context.Context) error { _, _, err := fetch(ctx, s, "GET", "http://h/a"); return err }))
		}
		loop.CallLater(500*time.Millisecond, func() { first.Cancel(nil) })
		took := aiotest.Elapsed(ctx, func() { asyncio.Gather(ctx, rest...).Await(ctx) })
		if took != 1500*time.Millisecond || len(o.seen) != 2 || !first.Cancelled() {
			t.Errorf("cancelled: got %v and %d requests", took, len(o.seen))
		}
		// The one that asks does not read, because it waits for the one that waits for it.
		resp, err := s.Get(ctx, "http://h/b")
		if err != nil {
			return err
		}
		took = aiotest.Elapsed(ctx, func() { get(ctx, t, s, "http://h/b") })
		resp.Close()
		if took != 2*time.Second {
			t.Errorf("unread: got %v, want a second of patience and a request", took)
		}
		// A middleware inside asks for the same thing.
		nested := func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
			if req.Headers.Get("X-Inner") == "" {
				_, _, err := fetch(ctx, req.Session(), "GET", req.URL.String(), withHeader("X-Inner", "1"))
				if err != nil {
					return nil, err
				}
			}
			return next(ctx, req)
		}
		took = aiotest.Elapsed(ctx, func() {
			get(ctx, t, s, "http://h/c", aiohttp.WithMiddlewares(cache.Middleware, nested, o.serve))
		})
		if took > 3*time.Second {
			t.Errorf("nested: got %v", took)
		}
		return nil
	})
}

func TestOnlyWholeAndReasonableBodiesAreKept(t *testing.T) {
	o := &origin{answer: func(_ context.Context, n int, req *aiohttp.ClientRequest) reply {
		return reply{status: 200, body: strings.Repeat("x", 100), headers: header("Cache-Control", "max-age=60")}
	}}
	gz := zipped(strings.Repeat("hello ", 50))
	coded := replies(reply{status: 200, body: string(gz), headers: header("Cache-Control", "max-age=60", "Content-Encoding", "gzip")})
	broken := &origin{answer: func(_ context.Context, n int, req *aiohttp.ClientRequest) reply {
		return reply{status: 200, body: "short", headers: header("Cache-Control", "max-age=60", "Content-Length", "9")}
	}}
	for _, c := range []struct {
		name   string
		origin *origin
		max    int64
		use    func(ctx context.Context, r *aiohttp.ClientResponse)
		want   string
	}{
		{"read", o, 100, func(ctx context.Context, r *aiohttp.ClientResponse) { r.Read(ctx) }, "hit"},
		{"too long", o, 99, func(ctx context.Context, r *aiohttp.ClientResponse) { r.Read(ctx) }, "miss"},
		{"closed", o, 100, func(ctx context.Context, r *aiohttp.ClientResponse) {
			r.Content.Read(ctx, make([]byte, 5))
			r.Close()
		}, "miss"},
		{"truncated", broken, 100, func(ctx context.Context, r *aiohttp.ClientResponse) { r.Read(ctx) }, "miss"},
		{"coded", coded, 100, func(ctx context.Context, r *aiohttp.ClientResponse) { r.Read(ctx) }, "hit"},
	} {
		cache := middleware.NewCache(middleware.NewMemoryStore(1<<20), middleware.WithMaxCachedBody(c.max))
		run(t, c.origin, []aiohttp.ClientMiddleware{cache.Middleware}, func(ctx context.Context, s *aiohttp.ClientSession) error {
			resp, err := s.Get(ctx, "http://h/")
			if err != nil {
				return err
			}
			c.use(ctx, resp)
			resp.Close()
			again, body, _ := fetch(ctx, s, "GET", "http://h/")
			if outcome(again) != c.want || c.name == "coded" && body != strings.Repeat("hello ", 50) {
				t.Errorf("%s: got %s %q, want %s", c.name, outcome(again), body, c.want)
			}
			if got := cache.Stats(); got.Hits != map[string]uint64{"hit": 1}[c.want] {
				t.Errorf("%s: got %+v", c.name, got)
			}
			return nil
		})
	}
}

// brokenStore fails, or spoils what it is given.
type brokenStore struct {
	middleware.Store
	err   error
	spoil func([]byte) []byte
}

func (b *brokenStore) Get(ctx context.Context, key string) ([]byte, error) {
	data, _ := b.Store.Get(ctx, key)
	if b.spoil != nil && data != nil {
		data = b.spoil(slices.Clone(data))
	}
	return data, b.err
}

func TestBrokenStoreOnlyCostsTheCache(t *testing.T) {
	for _, c := range []struct {
		name  string
		store brokenStore
		want  func(s middleware.CacheStats) bool
	}{
		{"errors", brokenStore{err: errors.New("disk on fire")}, func(s middleware.CacheStats) bool { return s.StoreErrors > 0 && s.Broken == 0 }},
		{"truncated", brokenStore{spoil: func(p []byte) []byte { return p[:len(p)-1] }}, func(s middleware.CacheStats) bool { return s.Broken == 1 }},
		{"flipped", brokenStore{spoil: func(p []byte) []byte { p[len(p)/2] ^= 1; return p }}, func(s middleware.CacheStats) bool { return s.Broken == 1 }},
		{"empty", brokenStore{spoil: func(p []byte) []byte { return []byte{} }}, func(s middleware.CacheStats) bool { return s.Broken == 1 }},
	} {
		memory := middleware.NewMemoryStore(1 << 20)
		c.store.Store = memory
		cache := middleware.NewCache(&c.store)
		run(t, replies(reply{status: 200, body: "b", headers: header("Cache-Control", "max-age=60")}), []aiohttp.ClientMiddleware{cache.Middleware}, func(ctx context.Context, s *aiohttp.ClientSession) error {
			get(ctx, t, s, "http://h/")
			resp, body := get(ctx, t, s, "http://h/", withHeader("Cache-Control", "max-age=50"))
			if outcome(resp) != "miss" || body != "b" || !c.want(cache.Stats()) {
				t.Errorf("%s: got %s %q %+v", c.name, outcome(resp), body, cache.Stats())
			}
			return nil
		})
	}
}
