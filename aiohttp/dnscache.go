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

// WithTTLDNSCache sets for how long addresses are remembered: negative for ever, zero
// not at all. Default: 10 s.
func WithTTLDNSCache(d time.Duration) ConnectorOption {
	return connectorOption(func(c *connectorConfig) { c.dnsTTL = d })
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
	ttl      time.Duration
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
	task    *asyncio.Task[[]netip.Addr]
	waiters int
}

func (d *dnsCache) init(c *connectorConfig) {
	d.resolver, d.ttl, d.size = c.resolver, c.dnsTTL, c.dnsSize
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
	if d.ttl >= 0 && now >= e.expires {
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
		q.task = asyncio.CreateTask(context.WithoutCancel(ctx), func(ctx context.Context) ([]netip.Addr, error) {
			addrs, err := d.ask(ctx, host)
			if d.pending[host] == q {
				delete(d.pending, host)
			}
			if err == nil && len(addrs) == 0 {
				err = errNoAddress
			}
			if err == nil {
				d.remember(host, addrs, now())
			}
			return addrs, err
		}, asyncio.WithName("aiohttp resolve "+host))
	}
	q.waiters++
	addrs, err := q.task.Await(ctx)
	if q.waiters--; q.waiters == 0 && !q.task.Done() {
		q.task.Cancel(err)
		if d.pending[host] == q {
			delete(d.pending, host)
		}
	}
	return slices.Clone(addrs), err
}

func (d *dnsCache) ask(ctx context.Context, host string) ([]netip.Addr, error) {
	if d.resolver == nil {
		return asyncio.LookupHost(ctx, "ip", host)
	}
	return d.resolver.LookupHost(ctx, "ip", host)
}

func (d *dnsCache) remember(host string, addrs []netip.Addr, now time.Duration) {
	if d.ttl == 0 {
		return
	}
	d.forget(host)
	for len(d.entries) >= d.size {
		d.forget(d.order.Front().Value.(*dnsEntry).host)
	}
	e := &dnsEntry{host: host, addrs: slices.Clone(addrs), next: 1 % len(addrs), expires: now + d.ttl}
	d.entries[host] = d.order.PushBack(e)
}

func (d *dnsCache) forget(host string) {
	if element, ok := d.entries[host]; ok {
		d.order.Remove(element)
		delete(d.entries, host)
	}
}

func (d *dnsCache) clear(hosts []string) {
	if len(hosts) == 0 {
		clear(d.entries)
		d.order.Init()
	}
	for _, host := range hosts {
		if canonical, defect := canonicalHost(host); defect == nil {
			d.forget(canonical)
		}
	}
}
