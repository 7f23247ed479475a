package middleware

// A private HTTP cache (RFC 9111).
//
// This file is the way of a request through the cache: what is looked up, what is
// answered from it, what is sent on. What may be reused is decided in freshness.go, how
// it is kept is in cacherecord.go, and how an answer gets in is in cachefill.go.

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// Cache answers GET and HEAD requests with responses it has seen before, as far as RFC
// 9111 lets a private cache do so; give its method Middleware to a session. It also knows
// stale-while-revalidate and stale-if-error (RFC 5861) and immutable (RFC 8246).
//
// Bodies are kept as they come over the wire, still compressed, while somebody reads
// them: a response that is closed before its end is not kept. Several requests for what is
// not in the cache wait for the first of them. Requests with Range or conditions of
// their own, with a Host of their own, and those that say no-store, pass by. Responses to requests with
// Authorization are kept for requests with the same value only.
//
// What the cache did is told by a header Cache-Status in the response (RFC 9211). Cookies
// that a kept response sets are not set again.
//
// A cache is used on one loop, by any number of sessions.
type Cache struct {
	store  Store
	config cacheConfig
	loop   *asyncio.EventLoop

	flights    map[string]*flight       // by URL: a request under way whose answer may serve others
	passes     map[string]time.Duration // by URL: answers were not to be kept; do not wait for one
	background map[string]*asyncio.Task[struct{}]
	stats      CacheStats
}

type cacheConfig struct {
	name      string
	maxBody   int64
	heuristic float64
	grace     time.Duration
	patience  time.Duration
}

// CacheOption configures a Cache.
type CacheOption func(*cacheConfig)

// WithCacheName sets the name of the cache in Cache-Status. Default: aio.
func WithCacheName(name string) CacheOption { return func(c *cacheConfig) { c.name = name } }

// WithMaxCachedBody sets how many bytes a body may have, as it comes over the wire, to be
// kept; longer ones pass through without being gathered. Default: 4 MiB.
func WithMaxCachedBody(bytes int64) CacheOption { return func(c *cacheConfig) { c.maxBody = bytes } }

// WithHeuristicFreshness sets the share of the time since Last-Modified for which a
// response that says nothing about its freshness is fresh, up to a day; 0 turns guessing
// off. Default: 0.1.
func WithHeuristicFreshness(share float64) CacheOption {
	return func(c *cacheConfig) { c.heuristic = max(share, 0) }
}

// WithStaleIfError sets for how long past its freshness a response may stand in for a
// server that cannot be reached or answers 500, 502, 503 or 504, even if it does not say
// so itself. Default: only as long as the response or the request says.
func WithStaleIfError(d time.Duration) CacheOption { return func(c *cacheConfig) { c.grace = d } }

// WithCollapseWait sets for how long a request waits for the answer to another one for
// the same URL, once that one's body is being read, before it is sent as well; a negative
// value has nothing wait. If the other one fails, one of those that wait takes its place;
// if that fails too, the rest are sent together. Default: 1 s.
func WithCollapseWait(d time.Duration) CacheOption { return func(c *cacheConfig) { c.patience = d } }

// NewCache returns a cache that keeps its records in store.
func NewCache(store Store, opts ...CacheOption) *Cache {
	c := &Cache{
		store:      store,
		config:     cacheConfig{name: "aio", maxBody: 4 << 20, heuristic: 0.1, patience: time.Second},
		flights:    make(map[string]*flight),
		passes:     make(map[string]time.Duration),
		background: make(map[string]*asyncio.Task[struct{}]),
	}
	for _, o := range opts {
		o(&c.config)
	}
	return c
}

// CacheStats counts what a cache has done.
type CacheStats struct {
	Hits        uint64 // answered without asking the server, stale answers included
	Stale       uint64 // of those, stale: in the meantime of a revalidation, or for a server that failed
	Revalidated uint64 // asked the server, which said that nothing had changed
	Misses      uint64 // asked the server, which sent an answer
	Bypassed    uint64 // not the cache's business
	Collapsed   uint64 // waited for another request and were answered with what it brought
	Stored      uint64 // responses kept
	Broken      uint64 // records that did not agree with themselves, removed
	StoreErrors uint64 // errors of the store
}

// Stats returns a snapshot.
func (c *Cache) Stats() CacheStats { return c.stats }

// Settle waits for revalidations in the background to end. It suspends until none is
// left or ctx ends.
func (c *Cache) Settle(ctx context.Context) error {
	for len(c.background) > 0 {
		var tasks []*asyncio.Task[struct{}]
		for _, t := range c.background {
			tasks = append(tasks, t)
		}
		if _, err := asyncio.Wait(ctx, tasks).Await(ctx); err != nil {
			return err
		}
		if err := asyncio.Sleep(ctx, 0); err != nil { // until their callbacks have run
			return err
		}
	}
	return nil
}

// lookup is one request on its way through the cache.
type lookup struct {
	cache   *Cache
	req     *aiohttp.ClientRequest
	next    aiohttp.ClientHandler
	url     string
	cc      CacheControl // of the request
	asked   http.Header  // of the request, before anything was added
	found   *cached      // what there is for it, nil if nothing
	foundAt string       // the key it was found under
	forward string       // why the request is sent on, for Cache-Status
	spare   bool         // nobody waits for the answer: it is only for the store
	filling *filling     // what takes the answer into the store, nil if nothing does
}

// Middleware answers from the cache or sends the request on. It is an
// aiohttp.ClientMiddleware.
func (c *Cache) Middleware(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
	c.bind(ctx)
	l := &lookup{cache: c, req: req, next: next, url: fullURL(req), cc: requestControl(req.Headers), asked: req.Headers.Clone()}
	if reason := l.bypass(); reason != "" {
		return l.pass(ctx, reason)
	}
	for collapsed, letDown := false, 0; ; {
		if err := l.find(ctx); err != nil {
			return nil, err
		}
		l.forward = "uri-miss"
		if l.found != nil {
			l.forward = "stale"
			switch verdict := l.judge(); verdict {
			case useFresh, useStale, useMeanwhile:
				c.stats.Hits++
				if verdict != useFresh {
					c.stats.Stale++
				}
				if verdict == useMeanwhile {
					l.revalidateInBackground(ctx)
				}
				if collapsed {
					c.stats.Collapsed++
				}
				return l.answer(l.found, l.hit(collapsed, "")), nil
			}
		}
		if l.cc.Has("only-if-cached") {
			return req.AnswerBytes(http.StatusGatewayTimeout, http.Header{"Cache-Status": {c.config.name + "; detail=only-if-cached"}}, nil), nil
		}
		if collapsed || letDown == mostLetDown {
			return l.fetch(ctx) // what the other one brought is not for this request, or nobody brings anything
		}
		switch outcome, err := l.waitForOther(ctx); {
		case err != nil:
			return nil, err
		case outcome == flightFailed:
			letDown++ // somebody else tries, perhaps this request
		case outcome == flightKept:
			collapsed = true
		default:
			return l.fetch(ctx)
		}
	}
}

func (c *Cache) bind(ctx context.Context) {
	loop := asyncio.RunningLoop(ctx)
	if c.loop == nil {
		c.loop = loop
	}
	if c.loop != loop {
		panic("middleware: a Cache is used on two event loops: give each loop its own")
	}
}

// requestControl is the Cache-Control of a request, for which Pragma once stood.
func requestControl(h http.Header) CacheControl {
	if h["Cache-Control"] == nil && strings.Contains(strings.ToLower(h.Get("Pragma")), "no-cache") {
		return ParseCacheControl([]string{"no-cache"})
	}
	return ParseCacheControl(h["Cache-Control"])
}

// conditions are headers with which a request wants more than what is under its URL.
var conditions = []string{"Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range"}

// bypass returns why the request is none of the cache's business, "" if it is.
func (l *lookup) bypass() string {
	switch {
	case l.req.Method != http.MethodGet && l.req.Method != http.MethodHead:
		return "method"
	case l.cc.Has("no-store"):
		return "request"
	case l.req.Headers["Content-Length"] != nil || l.req.Headers["Transfer-Encoding"] != nil:
		return "bypass" // a body, of which the key knows nothing
	case l.req.Headers["Host"] != nil:
		return "bypass" // the URL does not say what is asked for
	case slices.ContainsFunc(conditions, func(name string) bool { return l.req.Headers[name] != nil }):
		return "bypass"
	}
	return ""
}

// pass sends a request on that is none of the cache's business. If it changes something on
// the server, what is kept about it is no longer true (section 4.4).
func (l *lookup) pass(ctx context.Context, reason string) (*aiohttp.ClientResponse, error) {
	c := l.cache
	c.stats.Bypassed++
	resp, err := l.next(ctx, l.req)
	if err != nil {
		return nil, err
	}
	switch l.req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, "QUERY":
	default:
		if resp.Status >= 200 && resp.Status < 400 {
			c.invalidate(ctx, l.req, resp)
		}
	}
	l.mark(resp.Headers, "fwd="+reason+"; fwd-status="+strconv.Itoa(resp.Status))
	return resp, nil
}

// invalidate forgets a URL and those of the same origin that the response points to.
func (c *Cache) invalidate(ctx context.Context, req *aiohttp.ClientRequest, resp *aiohttp.ClientResponse) {
	c.forget(ctx, fullURL(req))
	for _, name := range []string{"Location", "Content-Location"} {
		target, err := req.URL.Parse(resp.Headers.Get(name))
		if err == nil && resp.Headers.Get(name) != "" && target.Host == req.URL.Host && target.Scheme == req.URL.Scheme {
			target.Fragment = ""
			c.forget(ctx, target.String())
		}
	}
}

// judge says what the response that was found is good for.
func (l *lookup) judge() use {
	return l.found.judge(l.cc, l.cache.loop.Wall(), l.cache.config.heuristic, l.cache.config.grace)
}

// answer makes a response of a record.
func (l *lookup) answer(e *cached, status string) *aiohttp.ClientResponse {
	h := e.Headers.Clone()
	h["Age"] = []string{strconv.FormatInt(int64(e.age(l.cache.loop.Wall())/time.Second), 10)}
	l.mark(h, status)
	if l.req.Method == http.MethodHead {
		return l.req.Answer(e.Status, h, nil)
	}
	return l.req.AnswerBytes(e.Status, h, e.body)
}

// mark adds the member of this cache to Cache-Status.
func (l *lookup) mark(h http.Header, status string) {
	h["Cache-Status"] = append(slices.Clip(h["Cache-Status"]), l.cache.config.name+"; "+status)
}

// hit is the status of an answer from the cache; ttl is negative if it is stale.
func (l *lookup) hit(collapsed bool, detail string) string {
	lifetime, _ := l.found.lifetime(l.cache.config.heuristic)
	ttl := lifetime - l.found.age(l.cache.loop.Wall())
	status := "hit; ttl=" + strconv.FormatInt(int64(ttl/time.Second), 10)
	if collapsed {
		status += "; collapsed"
	}
	if detail != "" {
		status += "; detail=" + detail
	}
	return status
}
