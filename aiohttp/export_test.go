package aiohttp

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/aio-go/aio/asyncio"
)

// Wire is what a test has to imitate to stand in for a connection.
type Wire = wire

// NewMemoryConnector returns a connector whose connections come from dial.
func NewMemoryConnector(dial func(ctx context.Context, authority string) (Wire, error), opts ...ConnectorOption) Connector {
	p := &poolConnector{}
	p.init(newConnectorConfig(opts))
	p.dialer = memoryDialer(dial)
	return p
}

type memoryDialer func(ctx context.Context, authority string) (Wire, error)

func (d memoryDialer) connectTo(ctx context.Context, r *ClientRequest) (wire, error) {
	return d(ctx, r.loc.authority)
}

// Location is a URL as requests see it.
type Location struct{ URL, Target, Host, Port, Authority, User string }

// ParseLocation takes a URL apart; the error text is the defect.
func ParseLocation(raw string) (Location, string) {
	var l location
	if d := l.parse(raw); d != nil {
		return Location{}, d.text()
	}
	return l.export(), ""
}

// ResolveLocation takes a reference apart as seen from base.
func ResolveLocation(base, ref string) (Location, string) {
	var b, l location
	if d := b.parse(base); d != nil {
		return Location{}, d.text()
	}
	if d := l.resolve(&b, ref); d != nil {
		return Location{}, d.text()
	}
	return l.export(), ""
}

func (l *location) export() Location {
	out := Location{URL: l.url.String(), Target: l.target, Host: l.host, Port: l.port, Authority: l.authority}
	if l.user != nil {
		out.User = l.user.String()
	}
	return out
}

// MergeHeaders is what the session does with its own and a request's headers.
func MergeHeaders(base, over http.Header) http.Header { return mergeHeaders(base, over) }

// DNSCache is the cache of a TCPConnector.
type DNSCache struct{ d dnsCache }

// NewDNSCache returns an empty cache, made with connector options.
func NewDNSCache(opts ...ConnectorOption) *DNSCache {
	c := &DNSCache{}
	c.d.init(newConnectorConfig(opts))
	return c
}

// Lookup finds the addresses of host as a connector does.
func (c *DNSCache) Lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	now := asyncio.RunningLoop(ctx).Time
	if addrs, ok := c.d.cached(host, now()); ok {
		return addrs, nil
	}
	return c.d.resolve(ctx, host, now)
}

// Clear forgets hosts.
func (c *DNSCache) Clear(hosts ...string) { c.d.clear(hosts) }

// EnvironmentProxy returns what WithTrustEnv chooses for a URL in an environment, or the
// text of the error.
func EnvironmentProxy(ctx context.Context, env map[string]string, raw string, websocket bool) string {
	e := newEnvironment(func(name string) string { return env[name] })
	c := new(ClientSession).newCall()
	r := &c.req
	r.call = c
	if d := r.loc.parse(raw); d != nil {
		return d.text()
	}
	if websocket {
		r.own = http.Header{"Upgrade": {"websocket"}}
	}
	p, err := e.proxyFor(ctx, r)
	switch {
	case err != nil:
		return err.Error()
	case p == nil:
		return "direct"
	}
	return p.name()
}

// ParseEvents feeds the pieces of a stream to the parser of server-sent events.
func ParseEvents(pieces ...[]byte) (events []ServerEvent, err error) {
	var p eventParser
	for _, piece := range pieces {
		if _, err = p.feed(piece, func(e ServerEvent) bool { events = append(events, e); return true }); err != nil {
			break
		}
	}
	return events, err
}

// ParseLinks reads a Link header as seen from base.
func ParseLinks(base, line string) []Link {
	u, err := url.Parse(base)
	if err != nil {
		panic(err)
	}
	return appendLinks(nil, line, u)
}

// BoundaryOf returns the boundary of a multipart body.
func BoundaryOf(w *MultipartWriter) string { return w.boundary }
