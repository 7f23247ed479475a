package middleware

// How answers get into the cache: requests that are sent on, revalidations, and waiting
// for one another.

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// flight is a request under way on whose answer others may wait.
type flight struct {
	head  asyncio.Event // the head is there, or there will be none
	over  asyncio.Event
	state flightState
}

// flightState is how far a flight has come, or how it ended.
type flightState uint8

const (
	flightUp      flightState = iota
	flightFilling             // the answer is on its way into the store
	flightKept                // the answer is in the store
	flightNotKept             // there is an answer, for one request only
	flightFailed              // there is no answer, or nobody read it to its end
)

var flightStates = [...]string{"up", "filling", "kept", "not kept", "failed"}

// String returns the name of the state.
func (s flightState) String() string { return flightStates[s] }

// aboard marks the context of a request that others wait for: what is requested under it,
// by a middleware further inside, must not wait for it.
type aboard struct{}

// mostLetDown is how many failures of others a request waits for. The first may be an accident, a caller that
// was cancelled perhaps, and another request for all is kind to the server; after the second it is likely down, and
// everybody is to learn that at once, not one after the other.
const mostLetDown = 2

// passFor is how long requests for a URL whose answers are not to be kept do without
// waiting for one another, and mostPasses how many such URLs are remembered.
const (
	passFor    = 2 * time.Minute
	mostPasses = 4096
)

// waitForOther waits for a request for the same URL that is under way, and returns what
// became of it; flightNotKept if there is none, or none that is worth waiting for. It waits
// no longer than patience once the body is on its way: its reader may well wait for us.
func (l *lookup) waitForOther(ctx context.Context) (flightState, error) {
	c := l.cache
	other := c.flights[l.url]
	if other == nil || c.config.patience < 0 || l.req.Method != http.MethodGet || l.cc.Has("no-cache") ||
		c.passes[l.url] > c.loop.Time() || ctx.Value(aboard{}) != nil {
		return flightNotKept, nil
	}
	if err := other.head.Wait(ctx); err != nil {
		return flightFailed, err
	}
	if other.state == flightFilling {
		limited, cancel := asyncio.WithTimeout(ctx, c.config.patience)
		defer cancel()
		if err := other.over.Wait(limited); err != nil {
			if ctx.Err() != nil {
				return flightFailed, err
			}
			return flightNotKept, nil
		}
	}
	return other.state, nil
}

// takeOff registers the request as the one that others wait for, if there is none yet.
func (l *lookup) takeOff() *flight {
	c := l.cache
	if c.config.patience < 0 || l.req.Method != http.MethodGet || c.flights[l.url] != nil {
		return nil
	}
	f := new(flight)
	c.flights[l.url] = f
	return f
}

// land ends a flight. There may be none, and it may have ended before.
func (l *lookup) land(f *flight, how flightState) {
	if f == nil || f.over.IsSet() {
		return
	}
	f.state = how
	if l.cache.flights[l.url] == f {
		delete(l.cache.flights, l.url)
	}
	f.head.Set()
	f.over.Set()
}

// fetch sends the request on, as a question whether what was found is still good if
// there is something, and takes the answer in.
func (l *lookup) fetch(ctx context.Context) (*aiohttp.ClientResponse, error) {
	f := l.takeOff()
	defer func() {
		if f != nil && f.state == flightUp {
			l.land(f, flightFailed)
		}
	}()
	if f != nil {
		ctx = context.WithValue(ctx, aboard{}, true)
	}
	asked := l.cache.loop.Wall()
	conditional := l.askIfChanged()
	resp, err := l.next(ctx, l.req)
	l.askPlainly()
	if err == nil && conditional && resp.Status == http.StatusNotModified && !l.found.selects(resp.Headers) {
		discard(ctx, resp) // about something else: what we have is of no use
		l.found, conditional, asked = nil, false, l.cache.loop.Wall()
		resp, err = l.next(ctx, l.req)
	}
	if instead := l.standIn(ctx, resp, err); instead != nil {
		return instead, nil
	}
	if err != nil {
		return nil, err
	}
	if conditional && resp.Status == http.StatusNotModified {
		resp = l.confirmed(ctx, resp, asked)
		l.land(f, flightKept)
		return resp, nil
	}
	l.takeIn(ctx, resp, asked, f)
	return resp, nil
}

// askIfChanged adds conditions to the request.
func (l *lookup) askIfChanged() bool {
	if l.found == nil || !l.found.validator() {
		return false
	}
	if tag := l.found.condition("Etag"); tag != "" {
		l.req.Headers["If-None-Match"] = []string{tag}
	}
	if date := l.found.condition("Last-Modified"); date != "" {
		l.req.Headers["If-Modified-Since"] = []string{date}
	}
	return true
}

// askPlainly takes the conditions back out.
func (l *lookup) askPlainly() {
	delete(l.req.Headers, "If-None-Match")
	delete(l.req.Headers, "If-Modified-Since")
}

// failing are the statuses for which RFC 5861 lets a stale response stand in.
var failing = []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

// standIn returns the stale response in place of a failure, if that is allowed.
func (l *lookup) standIn(ctx context.Context, resp *aiohttp.ClientResponse, err error) *aiohttp.ClientResponse {
	if l.found == nil || l.spare || ctx.Err() != nil || err == nil && !slices.Contains(failing, resp.Status) || err != nil && l.req.Repeats() {
		return nil
	}
	if verdict := l.judge(); verdict != useOnlyFailed && verdict != useMeanwhile {
		return nil
	}
	if resp != nil {
		discard(ctx, resp)
	}
	l.cache.stats.Hits++
	l.cache.stats.Stale++
	return l.answer(l.found, l.hit(false, "stale-if-error"))
}

// confirmed takes in that nothing has changed.
func (l *lookup) confirmed(ctx context.Context, resp *aiohttp.ClientResponse, asked time.Time) *aiohttp.ClientResponse {
	discard(ctx, resp)
	c := l.cache
	c.stats.Revalidated++
	e := l.found.merge(resp.Headers, asked, c.loop.Wall())
	l.found = e
	if e.storable(l.cc, c.config.heuristic) {
		c.put(ctx, &record{Key: l.foundAt, Response: e})
	} else {
		c.forget(ctx, l.url)
	}
	return l.answer(e, "hit; fwd=stale; fwd-status=304")
}

// takeIn has the body of a response kept while it is read, if it may be.
func (l *lookup) takeIn(ctx context.Context, resp *aiohttp.ClientResponse, asked time.Time, f *flight) {
	c := l.cache
	c.stats.Misses++
	status := "fwd=" + l.forward + "; fwd-status=" + strconv.Itoa(resp.Status)
	e := &cached{Status: resp.Status, Headers: endToEnd(resp.Headers), Asked: asked, Answered: c.loop.Wall()}
	keep := l.req.Method == http.MethodGet && e.storable(l.cc, c.config.heuristic) && resp.ContentLength() <= c.config.maxBody
	if !keep {
		if l.found != nil && resp.Status < 400 {
			c.forget(ctx, l.url) // it has been replaced by something that is not kept
		}
		if l.req.Method == http.MethodGet {
			c.rememberPass(l.url)
		}
		l.mark(resp.Headers, status)
		l.land(f, flightNotKept)
		return
	}
	delete(c.passes, l.url)
	if f != nil {
		f.state = flightFilling
		f.head.Set()
	}
	l.mark(resp.Headers, status+"; stored")
	l.filling = &filling{lookup: l, entry: e, flight: f}
	resp.Tap(ctx, l.filling)
}

// rememberPass has requests for the URL not wait for one another for a while.
func (c *Cache) rememberPass(url string) {
	now := c.loop.Time()
	if len(c.passes) >= mostPasses {
		for u, until := range c.passes {
			if until <= now {
				delete(c.passes, u)
			}
		}
		if len(c.passes) >= mostPasses {
			clear(c.passes)
		}
	}
	c.passes[url] = now + passFor
}

// filling follows the body of a response into the store.
type filling struct {
	lookup *lookup
	entry  *cached
	flight *flight
	over   bool // longer than what is kept
}

// Data implements aiohttp.BodyTap.
func (f *filling) Data(p []byte) {
	if f.over {
		return
	}
	if int64(len(f.entry.body)+len(p)) > f.lookup.cache.config.maxBody {
		f.over = true
		f.entry.body = nil
		f.lookup.cache.rememberPass(f.lookup.url)
		f.lookup.land(f.flight, flightNotKept)
		return
	}
	f.entry.body = append(f.entry.body, p...)
}

// End implements aiohttp.BodyTap: the body is complete.
func (f *filling) End(ctx context.Context) {
	if f.over {
		return
	}
	defer f.lookup.land(f.flight, flightKept)
	f.entry.Headers["Content-Length"] = []string{strconv.Itoa(len(f.entry.body))}
	f.lookup.cache.keep(ctx, f.lookup.url, f.lookup.asked, f.entry)
}

// Abandoned implements aiohttp.BodyTap.
func (f *filling) Abandoned(error) { f.lookup.land(f.flight, flightFailed) }

// revalidateInBackground asks the server whether what was found is still good while it
// is already being answered with.
func (l *lookup) revalidateInBackground(ctx context.Context) {
	c := l.cache
	ctx = context.WithoutCancel(ctx)
	clone, err := l.req.Clone(ctx)
	if err != nil || c.background[l.url] != nil {
		return
	}
	again := *l
	again.req, again.spare = clone, true
	task := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
		if resp, err := again.fetch(ctx); err == nil {
			again.fill(ctx, resp)
		}
		return struct{}{}, nil
	}, asyncio.WithName("revalidate "+l.req.URL.Host))
	c.background[l.url] = task
	task.AddDoneCallback(func(*asyncio.Future[struct{}]) { delete(c.background, l.url) })
}

// fill reads a response that nobody waits for into the store, as long as that wants it. Whether
// it works is nobody's concern.
func (l *lookup) fill(ctx context.Context, resp *aiohttp.ClientResponse) {
	defer resp.Close()
	for l.filling != nil && !l.filling.over {
		if _, err := resp.Content.ReadAny(ctx); err != nil {
			return
		}
	}
}

// find looks for a response to the request.
func (l *lookup) find(ctx context.Context) error {
	l.found = nil
	r := l.cache.get(ctx, l.url)
	switch {
	case ctx.Err() != nil:
		return asyncio.Sleep(ctx, 0)
	case r == nil:
		return nil
	case r.Response != nil:
		if l.asked["Authorization"] == nil {
			l.found, l.foundAt = r.Response, l.url
		}
		return nil
	}
	for _, set := range r.Index.Sets {
		if l.asked["Authorization"] != nil && !slices.Contains(set, "authorization") {
			continue
		}
		key := r.Index.variantKey(l.url, set, l.asked)
		if v := l.cache.get(ctx, key); v != nil && v.Response != nil && (l.found == nil || v.Response.date().After(l.found.date())) {
			l.found, l.foundAt = v.Response, key
		}
	}
	if ctx.Err() != nil {
		return asyncio.Sleep(ctx, 0)
	}
	return nil
}

// keep puts a response where find will find it.
func (c *Cache) keep(ctx context.Context, url string, request http.Header, e *cached) {
	set := variant(request, e.Headers)
	var known *index
	if r := c.get(ctx, url); r != nil {
		known = r.Index
	}
	if known == nil && len(set) == 0 {
		c.put(ctx, &record{Key: url, Response: e})
		c.stats.Stored++
		return
	}
	if known == nil {
		known = &index{Generation: c.loop.Rand().Uint64()}
	}
	known.use(set)
	c.put(ctx, &record{Key: url, Index: known})
	c.put(ctx, &record{Key: known.variantKey(url, set, request), Response: e})
	c.stats.Stored++
}

// get reads a record and removes it if it is broken.
func (c *Cache) get(ctx context.Context, key string) *record {
	data, err := c.store.Get(ctx, key)
	if err != nil {
		c.failed(ctx)
		return nil
	}
	if data == nil {
		return nil
	}
	r := decodeRecord(key, data)
	if r == nil {
		c.stats.Broken++
		c.forget(ctx, key)
	}
	return r
}

func (c *Cache) put(ctx context.Context, r *record) {
	if err := c.store.Put(ctx, r.Key, r.encode()); err != nil {
		c.failed(ctx)
	}
}

func (c *Cache) forget(ctx context.Context, key string) {
	if err := c.store.Delete(ctx, key); err != nil {
		c.failed(ctx)
	}
}

// failed counts an error of the store, unless it is only the request that ended.
func (c *Cache) failed(ctx context.Context) {
	if ctx.Err() == nil {
		c.stats.StoreErrors++
	}
}
