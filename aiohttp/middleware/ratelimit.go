package middleware

// Rate limits: how many requests a second may be begun, over all and for each host.

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// RateLimiter delays requests so that they are not begun faster than its rates allow;
// give its method Middleware to a session. Rates may be changed at any time. It limits
// how often requests begin, not how many are under way: for that the connector has
// WithLimit and WithLimitPerHost. A limiter is used on one loop, by any number of sessions.
type RateLimiter struct {
	config rateConfig
	loop   *asyncio.EventLoop
	all    *bucket
	hosts  map[string]*bucket
	own    map[string]rate // hosts with a rate of their own
	sweep  int             // how many hosts are known when idle ones are forgotten
	stats  RateLimitStats
}

type rate struct {
	perSecond float64
	burst     int
}

type rateConfig struct {
	all, host rate
	adaptive  bool
}

// RateLimitOption configures a RateLimiter.
type RateLimitOption func(*rateConfig)

// WithRate limits all requests together to perSecond, of which burst may come at once
// after a pause. A rate of 0 or less means no limit; a burst below 1 means 1. Default:
// no limit.
func WithRate(perSecond float64, burst int) RateLimitOption {
	return func(c *rateConfig) { c.all = rate{perSecond, burst} }
}

// WithRatePerHost limits the requests to each host, where a host is the host and port of
// the URL, as WithRate does those to all. Default: no limit.
func WithRatePerHost(perSecond float64, burst int) RateLimitOption {
	return func(c *rateConfig) { c.host = rate{perSecond, burst} }
}

// WithAdaptiveRate has the limiter listen to the servers: after a 429, or a 503 with
// Retry-After, a host is left alone for the time it names, up to a minute, and its rate
// is halved, down to a sixteenth; each success gives a twentieth of the full rate back.
// Default: the rates are what they are set to.
func WithAdaptiveRate() RateLimitOption { return func(c *rateConfig) { c.adaptive = true } }

// NewRateLimiter returns a limiter. Without options it limits nothing.
func NewRateLimiter(opts ...RateLimitOption) *RateLimiter {
	l := &RateLimiter{hosts: make(map[string]*bucket), own: make(map[string]rate), sweep: firstSweep}
	for _, o := range opts {
		o(&l.config)
	}
	return l
}

// RateLimitStats is a snapshot of a RateLimiter.
type RateLimitStats struct {
	Passed  uint64        // requests let through so far
	Delayed uint64        // of those, had to wait
	Waited  time.Duration // how long they waited, summed up
	Waiting int           // wait now
	Hosts   int           // hosts that are being kept track of
}

// Stats returns a snapshot.
func (l *RateLimiter) Stats() RateLimitStats {
	s := l.stats
	s.Hosts = len(l.hosts)
	return s
}

// SetRate changes the limit for all requests together from now on, as WithRate sets it.
// Who waits already is served at the new rate.
func (l *RateLimiter) SetRate(perSecond float64, burst int) {
	l.config.all = rate{perSecond, burst}
	if l.all != nil {
		l.all.set(perSecond, burst)
	}
}

// SetRatePerHost changes the limit of each host that SetHostRate has given none of its own.
func (l *RateLimiter) SetRatePerHost(perSecond float64, burst int) {
	l.config.host = rate{perSecond, burst}
	for host, b := range l.hosts {
		if _, special := l.own[host]; !special {
			b.set(perSecond, burst)
		}
	}
}

// SetHostRate gives one host, written as in URLs with its port unless that is the usual
// one, a limit of its own; a rate of 0 or less lifts it for this host.
func (l *RateLimiter) SetHostRate(host string, perSecond float64, burst int) {
	host = strings.ToLower(host)
	l.own[host] = rate{perSecond, burst}
	if b := l.hosts[host]; b != nil {
		b.set(perSecond, burst)
	}
}

// Middleware lets a request pass when its turn has come. It is an aiohttp.ClientMiddleware.
func (l *RateLimiter) Middleware(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
	host := hostKey(req)
	if err := l.Wait(ctx, host); err != nil {
		return nil, err
	}
	resp, err := next(ctx, req)
	if l.config.adaptive && err == nil {
		l.listen(host, resp)
	}
	return resp, err
}

// Wait returns when the next request to host may begin, and counts it. Those to one host
// come first in, first out, and so do all that have passed their host's limit. It
// suspends only if it must wait. When ctx ends first it returns its error, and the place
// goes to the next in line.
func (l *RateLimiter) Wait(ctx context.Context, host string) error {
	l.bind(ctx)
	own := l.bucketOf(host)
	began := l.loop.Time()
	l.stats.Waiting++
	defer func() { l.stats.Waiting-- }()
	if err := own.take(ctx); err != nil {
		return err
	}
	if err := l.all.take(ctx); err != nil {
		own.giveBack()
		return err
	}
	if ctx.Err() != nil { // the turn came, but too late
		own.giveBack()
		l.all.giveBack()
		return asyncio.Sleep(ctx, 0)
	}
	l.stats.Passed++
	if waited := l.loop.Time() - began; waited > 0 {
		l.stats.Delayed++
		l.stats.Waited += waited
	}
	return nil
}

func (l *RateLimiter) bind(ctx context.Context) {
	loop := asyncio.RunningLoop(ctx)
	switch {
	case l.loop == nil:
		l.loop = loop
		l.all = newBucket(loop, l.config.all.perSecond, l.config.all.burst)
	case l.loop != loop:
		panic("middleware: a RateLimiter is used on two event loops: give each loop its own")
	}
}

// firstSweep is how many hosts are kept track of before idle ones are looked for.
const firstSweep = 1024

func (l *RateLimiter) bucketOf(host string) *bucket {
	if b := l.hosts[host]; b != nil {
		return b
	}
	if len(l.hosts) >= l.sweep {
		for name, b := range l.hosts {
			if b.idle() {
				delete(l.hosts, name)
			}
		}
		l.sweep = max(firstSweep, 2*len(l.hosts))
	}
	r, special := l.own[host]
	if !special {
		r = l.config.host
	}
	b := newBucket(l.loop, r.perSecond, r.burst)
	l.hosts[host] = b
	return b
}

// How an adaptive limiter reacts.
const (
	slowDown   = 0.5
	speedUp    = 0.05 // of the full rate
	leastShare = 1.0 / 16
	longHold   = time.Minute
)

// listen learns from an answer.
func (l *RateLimiter) listen(host string, resp *aiohttp.ClientResponse) {
	b := l.bucketOf(host)
	after, told := ParseRetryAfter(resp.Headers.Get("Retry-After"), l.loop.Wall())
	switch {
	case resp.Status == http.StatusTooManyRequests || resp.Status == http.StatusServiceUnavailable && told:
		b.slow(slowDown, leastShare)
		if told {
			b.holdFor(min(after, longHold))
		}
	case resp.Status < 400 && b.factor < 1:
		b.slow(1+speedUp/b.factor, leastShare)
	}
}

// hostKey is what a URL's limit is kept under.
func hostKey(req *aiohttp.ClientRequest) string {
	host, scheme := strings.ToLower(req.URL.Host), req.URL.Scheme
	if scheme == "https" {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}
