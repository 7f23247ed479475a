package aiohttp

// Host names to addresses, remembered for a while.
//
// A look-up leaves the loop and takes milliseconds; a crawl asks for the same names
// again and again. The cache keeps answers for a fixed time, at most so many of them,
// and begins each time with another address, so that the load is spread. Requests
// that need a name at the same time share one look-up, and it goes on as long as one
// of them still wants it.

import (
	"container/list"
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// WithResolver sets how host names are looked up. Default: as the loop does it, with
// the system's resolver, outside the loop.
func WithResolver(r asyncio.Resolver) ConnectorOption {
	return connectorOption(func(c *connectorConfig) { c.resolver = r })
}

// TTLResolver is a resolver that knows for how long its answers hold, as one does that
// speaks to name servers itself; the system's does not tell. WithResolver notices it.
type TTLResolver interface {
	asyncio.Resolver
	// LookupHostTTL is LookupHost, and the time for which the answer may be
	// remembered: zero for not at all.
	LookupHostTTL(ctx context.Context, network, host string) (addrs []netip.Addr, ttl time.Duration, err error)
}

// WithTTLDNSCache sets for how long addresses are remembered: negative for ever, zero
// not at all. The answers of a TTLResolver are remembered for as long as they hold, and no
// longer than a positive d says. Default: 10 s, and as long as it holds for a TTLResolver.
func WithTTLDNSCache(d time.Duration) ConnectorOption {
	return connectorOption(func(c *connectorConfig) { c.dnsTTL, c.dnsTTLSet = d, true })
}

// WithDNSCacheSize bounds how many names are remembered; those not used for longest
// are forgotten first. Default: 1000.
func WithDNSCacheSize(n int) ConnectorOption {
	return connectorOption(func(c *connectorConfig) { c.dnsSize = max(n, 1) })
}

var errNoAddress = errors.New("no address")

// dnsCache belongs to one connector, hence to one loop.
type dnsCache struct {
	resolver asyncio.Resolver // nil: the loop's
	family   AddressFamily
	ttl      time.Duration
	most     time.Duration // for answers that bring a time of their own
	size     int
	entries  map[string]*list.Element // of *dnsEntry
	order    list.List                // the least recently used first
	pending  map[string]*lookup
}

type dnsEntry struct {
	host    string
	addrs   []netip.Addr
	next    int // where the next answer begins
	expires time.Duration
}

// lookup is one question on its way.
type lookup struct {
	task    *asyncio.Task[lookupResult]
	waiters int
}

// lookupResult is what a lookup comes to. That it failed is a result, not the failure of a task, which
// somebody would have to ask for, also when nobody wants to know any more.
type lookupResult struct {
	addrs []netip.Addr
	err   error
}

func (d *dnsCache) init(c *connectorConfig) {
	d.resolver, d.ttl, d.most, d.size = c.resolver, c.dnsTTL, noDeadline, c.dnsSize
	if c.dnsTTLSet && c.dnsTTL >= 0 {
		d.most = c.dnsTTL
	}
	d.family = c.family
	d.entries = make(map[string]*list.Element)
	d.pending = make(map[string]*lookup)
}

// cached answers from memory.
func (d *dnsCache) cached(host string, now time.Duration) ([]netip.Addr, bool) {
	element, ok := d.entries[host]
	if !ok {
		return nil, false
	}
	e := element.Value.(*dnsEntry)
	if now >= e.expires {
		d.forget(host)
		return nil, false
	}
	d.order.MoveToBack(element)
	answer := slices.Concat(e.addrs[e.next:], e.addrs[:e.next])
	e.next = (e.next + 1) % len(e.addrs)
	return answer, true
}

// resolve asks the resolver, or joins those who already did. now is called when the
// answer is there.
func (d *dnsCache) resolve(ctx context.Context, host string, now func() time.Duration) ([]netip.Addr, error) {
	q := d.pending[host]
	if q == nil {
		q = &lookup{}
		d.pending[host] = q
		q.task = asyncio.CreateTask(context.WithoutCancel(ctx), func(ctx context.Context) (lookupResult, error) {
			defer func() { // also if the resolver panics
				if d.pending[host] == q {
					delete(d.pending, host)
				}
			}()
			addrs, ttl, err := d.ask(ctx, host)
			addrs = slices.DeleteFunc(slices.Clone(addrs), func(ip netip.Addr) bool { return !d.family.has(ip) })
			if err == nil && len(addrs) == 0 {
				err = errNoAddress
			}
			if err == nil && d.pending[host] == q { // not cleared meanwhile
				d.remember(host, addrs, ttl, now())
			}
			return lookupResult{addrs, err}, nil
		}, asyncio.WithName("aiohttp resolve "+host))
	}
	q.waiters++
	got, err := q.task.Await(ctx)
	if q.waiters--; q.waiters == 0 && !q.task.Done() {
		q.task.Cancel(err)
		if d.pending[host] == q {
			delete(d.pending, host)
		}
	}
	if err == nil {
		err = got.err
	}
	return slices.Clone(got.addrs), err
}

// ask returns the addresses and for how long to remember them, negative for ever.
func (d *dnsCache) ask(ctx context.Context, host string) ([]netip.Addr, time.Duration, error) {
	switch r := d.resolver.(type) {
	case nil:
		addrs, err := asyncio.LookupHost(ctx, d.family.network(), host)
		return addrs, d.ttl, err
	case TTLResolver:
		addrs, ttl, err := r.LookupHostTTL(ctx, d.family.network(), host)
		return addrs, max(0, min(ttl, d.most)), err
	default:
		addrs, err := r.LookupHost(ctx, d.family.network(), host)
		return addrs, d.ttl, err
	}
}

func (d *dnsCache) remember(host string, addrs []netip.Addr, ttl, now time.Duration) {
	d.forget(host)
	expires := noDeadline
	switch {
	case ttl == 0:
		return
	case ttl > 0 && ttl < noDeadline-now:
		expires = now + ttl
	}
	for len(d.entries) >= d.size {
		d.forget(d.order.Front().Value.(*dnsEntry).host)
	}
	e := &dnsEntry{host: host, addrs: slices.Clone(addrs), next: 1 % len(addrs), expires: expires}
	d.entries[host] = d.order.PushBack(e)
}

func (d *dnsCache) forget(host string) {
	if element, ok := d.entries[host]; ok {
		d.order.Remove(element)
		delete(d.entries, host)
	}
}

// clear forgets answers. Look-ups under way go on for those who wait for them.
func (d *dnsCache) clear(hosts []string) {
	if len(hosts) == 0 {
		clear(d.entries)
		d.order.Init()
		clear(d.pending)
	}
	for _, host := range hosts {
		if canonical, defect := canonicalHost(host); defect == nil {
			d.forget(canonical)
			delete(d.pending, canonical)
		}
	}
}
