package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/middleware"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// arrivals makes n requests at once, to URLs in turn, and returns when each arrived.
func arrivals(ctx context.Context, t *testing.T, s *aiohttp.ClientSession, n int, urls ...string) map[string][]time.Duration {
	t.Helper()
	loop := asyncio.RunningLoop(ctx)
	start := loop.Time()
	out := map[string][]time.Duration{}
	var tasks []*asyncio.Task[struct{}]
	for i := range n {
		url := urls[i%len(urls)]
		tasks = append(tasks, spawn(ctx, func(ctx context.Context) error {
			_, _, err := fetch(ctx, s, "GET", url)
			out[url] = append(out[url], (loop.Time() - start).Round(time.Microsecond))
			return err
		}))
	}
	if _, err := asyncio.Gather(ctx, tasks...).Await(ctx); err != nil {
		t.Fatal(err)
	}
	return out
}

func ms(n ...int) (out []time.Duration) {
	for _, v := range n {
		out = append(out, time.Duration(v)*time.Millisecond)
	}
	return out
}

func TestRequestsBeginAtTheRate(t *testing.T) {
	for _, c := range []struct {
		name string
		opts []middleware.RateLimitOption
		n    int
		want map[string][]time.Duration
	}{
		{"none", nil, 3, map[string][]time.Duration{"http://a/": ms(0, 0), "http://b/": ms(0)}},
		{"all", []middleware.RateLimitOption{middleware.WithRate(10, 2)}, 6,
			map[string][]time.Duration{"http://a/": ms(0, 100, 300), "http://b/": ms(0, 200, 400)}},
		{"per host", []middleware.RateLimitOption{middleware.WithRatePerHost(10, 1)}, 6,
			map[string][]time.Duration{"http://a/": ms(0, 100, 200), "http://b/": ms(0, 100, 200)}},
		{"both", []middleware.RateLimitOption{middleware.WithRatePerHost(10, 1), middleware.WithRate(4, 1)}, 4,
			map[string][]time.Duration{"http://a/": ms(0, 500), "http://b/": ms(250, 750)}},
		{"less than one a second", []middleware.RateLimitOption{middleware.WithRate(0.5, 0)}, 2,
			map[string][]time.Duration{"http://a/": ms(0), "http://b/": ms(2000)}},
	} {
		limiter := middleware.NewRateLimiter(c.opts...)
		run(t, replies(reply{status: 200}), []aiohttp.ClientMiddleware{limiter.Middleware}, func(ctx context.Context, s *aiohttp.ClientSession) error {
			got := arrivals(ctx, t, s, c.n, "http://a/", "http://b/")
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("%s: got %v, want %v", c.name, got, c.want)
			}
			if stats := limiter.Stats(); stats.Passed != uint64(c.n) || stats.Waiting != 0 {
				t.Errorf("%s: got %+v", c.name, stats)
			}
			return nil
		})
	}
}

func TestTokensAreSavedUpToTheBurst(t *testing.T) {
	limiter := middleware.NewRateLimiter(middleware.WithRate(10, 3))
	run(t, replies(reply{status: 200}), []aiohttp.ClientMiddleware{limiter.Middleware}, func(ctx context.Context, s *aiohttp.ClientSession) error {
		arrivals(ctx, t, s, 3, "http://a/")
		asyncio.Sleep(ctx, time.Hour)
		if got, want := arrivals(ctx, t, s, 5, "http://a/")["http://a/"], ms(0, 0, 0, 100, 200); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		return nil
	})
}

func TestRateIsChangedWhileRequestsWait(t *testing.T) {
	limiter := middleware.NewRateLimiter(middleware.WithRatePerHost(1, 1))
	run(t, replies(reply{status: 200}), []aiohttp.ClientMiddleware{limiter.Middleware}, func(ctx context.Context, s *aiohttp.ClientSession) error {
		loop := asyncio.RunningLoop(ctx)
		loop.CallLater(1500*time.Millisecond, func() { limiter.SetRatePerHost(10, 1) }) // half a token has dripped in
		loop.CallLater(1700*time.Millisecond, func() { limiter.SetHostRate("A", 0, 0) })
		want := ms(0, 1000, 1550, 1650, 1700, 1700, 1700)
		if got := arrivals(ctx, t, s, len(want), "http://a:80/")["http://a:80/"]; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		limiter.SetRate(2, 1)
		limiter.SetRatePerHost(0, 0)
		if got := arrivals(ctx, t, s, 3, "http://a/")["http://a/"]; !slices.Equal(got, ms(0, 500, 1000)) {
			t.Errorf("got %v", got)
		}
		return nil
	})
}

// A waiter that gives up neither takes a token with it nor lets those behind it overtake.
func TestCancelledWaiterGivesItsTokenBack(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		limiter := middleware.NewRateLimiter(middleware.WithRate(1, 1), middleware.WithRatePerHost(100, 100))
		loop := asyncio.RunningLoop(ctx)
		var order []string
		waiter := func(name string, limit time.Duration) *asyncio.Task[struct{}] {
			return spawn(ctx, func(ctx context.Context) error {
				limited, cancel := asyncio.WithTimeout(ctx, limit)
				defer cancel()
				err := limiter.Wait(limited, "h")
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: got %v", name, err)
				}
				order = append(order, fmt.Sprint(name, " ", err == nil, " ", loop.Time().Round(time.Millisecond)))
				return nil
			})
		}
		tasks := []*asyncio.Task[struct{}]{
			waiter("a", time.Hour), waiter("b", 500*time.Millisecond), waiter("c", time.Hour),
			waiter("d", time.Second), // in the very turn in which it would be c's place
			waiter("e", time.Hour),
		}
		_, err := asyncio.Gather(ctx, tasks...).Await(ctx)
		want := []string{"a true 0s", "b false 500ms", "c true 1s", "d false 1s", "e true 2s"}
		slices.Sort(order)
		if !slices.Equal(order, want) {
			t.Errorf("got %q, want %q", order, want)
		}
		if s := limiter.Stats(); s.Passed != 3 || s.Delayed != 2 || s.Waited != 3*time.Second || s.Waiting != 0 {
			t.Errorf("got %+v", s)
		}
		return err
	})
}

// The turn came, but the task was cancelled before it could run.
func TestTokenGrantedTooLateIsGivenBack(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		limiter := middleware.NewRateLimiter(middleware.WithRate(1, 1))
		limiter.Wait(ctx, "h")
		loop := asyncio.RunningLoop(ctx)
		late := spawn(ctx, func(ctx context.Context) error { return limiter.Wait(ctx, "h") })
		asyncio.Sleep(ctx, 0)
		loop.CallAt(loop.Time()+time.Second, func() { late.Cancel(nil) }) // right behind the bucket's timer
		asyncio.Sleep(ctx, 1001*time.Millisecond)
		if !late.Cancelled() {
			t.Errorf("got %v", late.Err())
		}
		before := loop.Time()
		if err := limiter.Wait(ctx, "h"); err != nil || loop.Time() != before {
			t.Errorf("got %v after %v, want the token at once", err, loop.Time()-before)
		}
		return nil
	})
}

func TestAdaptiveLimiterListensToTheServer(t *testing.T) {
	complaint := reply{status: 429, headers: http.Header{"Retry-After": {"5"}}}
	o := replies(complaint, reply{status: 200}, reply{status: 200}, reply{status: 503}, reply{status: 200})
	limiter := middleware.NewRateLimiter(middleware.WithRatePerHost(10, 1), middleware.WithAdaptiveRate())
	run(t, o, []aiohttp.ClientMiddleware{limiter.Middleware}, func(ctx context.Context, s *aiohttp.ClientSession) error {
		got := arrivals(ctx, t, s, 4, "http://a/")["http://a/"]
		// Left alone for five seconds, then at half the rate, and a little faster with each success.
		want := []time.Duration{0, 5 * time.Second, 5182 * time.Millisecond, 5349 * time.Millisecond}
		for i := range want {
			if d := (got[i] - want[i]).Abs(); d > 20*time.Millisecond {
				t.Errorf("got %v, want about %v", got, want)
				break
			}
		}
		for range 40 {
			get(ctx, t, s, "http://a/")
		}
		if got := arrivals(ctx, t, s, 3, "http://a/")["http://a/"]; got[2]-got[1] != 100*time.Millisecond {
			t.Errorf("got %v, want the full rate again", got)
		}
		return nil
	})
}

func TestIdleHostsAreForgotten(t *testing.T) {
	limiter := middleware.NewRateLimiter(middleware.WithRatePerHost(1000, 1))
	aiotest.Run(t, func(ctx context.Context) error {
		for i := range 5000 {
			if err := limiter.Wait(ctx, fmt.Sprint("host", i)); err != nil {
				return err
			}
			if err := asyncio.Sleep(ctx, time.Millisecond); err != nil {
				return err
			}
		}
		if got := limiter.Stats().Hosts; got > 1100 {
			t.Errorf("got %d hosts kept", got)
		}
		return nil
	})
}
