package aiohttp

// TCPConnector: connections over TCP, encrypted if the URL says so.
//
// Making one has three phases, each with its own limit: finding the addresses,
// connecting to one of them, and the TLS handshake. An address that fails in the
// second or third is skipped as long as there is another one.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// TCPConnector keeps a pool of TCP connections. CPython: aiohttp.TCPConnector.
type TCPConnector struct {
	poolConnector
	dns dnsCache
	tls tlsDialer
}

// WithHappyEyeballsDelay sets how long a connection attempt may take before the next
// address is tried beside it (RFC 8305). Negative tries one after the other.
// Default: 250 ms.
func WithHappyEyeballsDelay(d time.Duration) ConnectorOption {
	return connectorOption(func(c *connectorConfig) { c.dialer.HappyEyeballsDelay = d })
}

// WithInterleave sets how many addresses of the family of the first one are tried before the
// families take turns (First Address Family Count of RFC 8305). Negative keeps the order of the
// resolver. Default: 1. aiohttp: interleave.
func WithInterleave(n int) ConnectorOption {
	return connectorOption(func(c *connectorConfig) { c.dialer.Interleave = n })
}

// AddressFamily is a choice of addresses to connect to.
type AddressFamily uint8

// The families. aiohttp takes those of package socket: AF_UNSPEC, AF_INET, AF_INET6.
const (
	FamilyAny AddressFamily = iota
	FamilyIPv4
	FamilyIPv6
)

// String returns "any", "IPv4" or "IPv6".
func (f AddressFamily) String() string { return [...]string{"any", "IPv4", "IPv6"}[f] }

// network is the family as resolvers call it.
func (f AddressFamily) network() string { return [...]string{"ip", "ip4", "ip6"}[f] }

// has reports whether ip belongs to the family.
func (f AddressFamily) has(ip netip.Addr) bool {
	return f == FamilyAny || ip.Unmap().Is4() == (f == FamilyIPv4)
}

// WithFamily restricts the addresses to connect to; they are looked up for that family alone. An
// address of another family in a URL, and a host that has none of it, is a
// *ClientConnectorDNSError. It holds for proxies too, and for addresses that a SOCKS proxy is
// told. Default: FamilyAny. aiohttp: family.
func WithFamily(f AddressFamily) ConnectorOption {
	return connectorOption(func(c *connectorConfig) { c.family = f })
}

// WithLocalAddr sets the address to connect from. Default: the system's choice.
func WithLocalAddr(addr net.Addr) ConnectorOption {
	return connectorOption(func(c *connectorConfig) { c.dialer.LocalAddr = addr })
}

// NewTCPConnector returns a connector with an empty pool.
func NewTCPConnector(opts ...ConnectorOption) *TCPConnector {
	t := &TCPConnector{}
	c := newConnectorConfig(opts)
	t.poolConnector.init(c)
	t.dns.init(c)
	t.tls.init(c)
	t.tls.mayShare = t.mayShare
	t.dialer = t
	return t
}

// ClearDNSCache forgets what was looked up for these hosts, or for all if none is
// named. What is being looked up meanwhile is not remembered either.
func (t *TCPConnector) ClearDNSCache(hosts ...string) { t.dns.clear(hosts) }

// endpoint is whom a connection goes to: an origin, or the proxy in front of it.
type endpoint struct {
	host, port string
	tls        *tls.Config // nil: not encrypted
	proxy      bool
}

// connectTo implements dialer.
func (t *TCPConnector) connectTo(ctx context.Context, r *ClientRequest) (wire, error) {
	var conn *asyncio.Conn
	var err error
	if r.via != nil {
		conn, err = t.connectVia(ctx, r)
	} else {
		conn, err = t.reach(ctx, r, t.origin(r))
	}
	if err != nil {
		return nil, err
	}
	return newConnWire(&t.poolConnector, conn), nil
}

// origin is where r would like to go.
func (t *TCPConnector) origin(r *ClientRequest) *endpoint {
	e := &endpoint{host: r.loc.host, port: r.loc.port}
	if r.loc.tls {
		e.tls = t.tls.config(r)
	}
	return e
}

// reach connects to an endpoint and encrypts the connection.
func (t *TCPConnector) reach(ctx context.Context, r *ClientRequest, e *endpoint) (*asyncio.Conn, error) {
	addrs, err := t.addresses(ctx, r, e)
	switch {
	case err != nil:
		return nil, err
	case e.tls != nil:
		return t.reachTLS(ctx, r, e, addrs)
	}
	return t.dialAny(ctx, r, e, addrs)
}

// reachTLS connects to an endpoint with these addresses. One where the handshake fails is
// skipped as long as there is another, like one that cannot be connected to.
func (t *TCPConnector) reachTLS(ctx context.Context, r *ClientRequest, e *endpoint, addrs []netip.Addr) (*asyncio.Conn, error) {
	var refused error // why the last address that answered was not taken
	for {
		conn, err := t.dialAny(ctx, r, e, addrs)
		if err != nil && refused != nil && errors.Is(err, ErrClientConnector) {
			return nil, refused // it tells more than that the others do not answer
		}
		if err != nil {
			return nil, err
		}
		used := conn.RemoteAddr()
		if refused = t.tls.handshake(ctx, r, e, conn); refused == nil {
			return conn, nil
		}
		addrs = without(addrs, used)
		if len(addrs) == 0 || ctx.Err() != nil || errors.Is(refused, ErrTotalTimeout) {
			return nil, refused
		}
	}
}

// within runs one phase under its limit.
func within[T any](ctx context.Context, r *ClientRequest, p Phase, f func(context.Context) (T, error)) (T, error) {
	deadline := r.deadline(p)
	limited, cancel := asyncio.WithDeadline(ctx, deadline)
	defer cancel()
	v, err := f(limited)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		err = r.expired(p, deadline)
	}
	return v, err
}

// addresses finds where the host is, without asking anybody if the cache knows or
// the host is an address itself.
func (t *TCPConnector) addresses(ctx context.Context, r *ClientRequest, e *endpoint) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(e.host); err == nil {
		return t.literal(r, e, ip)
	}
	if addrs, ok := t.dns.cached(e.host, t.loop.Time()); ok {
		r.call.trace.cacheHit(ctx, e.host)
		return addrs, nil
	}
	return t.lookUp(ctx, r, e)
}

// literal is the addresses of a host that is one.
func (t *TCPConnector) literal(r *ClientRequest, e *endpoint, ip netip.Addr) ([]netip.Addr, error) {
	if family := t.config.family; !family.has(ip) {
		return nil, e.unresolved(r, fmt.Errorf("the connector is limited to %v by WithFamily", family))
	}
	return []netip.Addr{ip}, nil
}

// lookUp asks the resolver for the addresses of the host.
func (t *TCPConnector) lookUp(ctx context.Context, r *ClientRequest, e *endpoint) ([]netip.Addr, error) {
	trace := r.call.trace
	trace.cacheMiss(ctx, e.host)
	trace.resolveStart(ctx, e.host)
	addrs, err := within(ctx, r, PhaseDNS, func(ctx context.Context) ([]netip.Addr, error) {
		return t.dns.resolve(ctx, e.host, t.loop.Time)
	})
	if err == nil {
		trace.resolveEnd(ctx, e.host)
		return addrs, nil
	}
	if ctx.Err() != nil || errors.Is(err, ErrClient) {
		return nil, err
	}
	return nil, e.unresolved(r, err)
}

// dialAny connects to the first address that answers.
func (t *TCPConnector) dialAny(ctx context.Context, r *ClientRequest, e *endpoint, addrs []netip.Addr) (*asyncio.Conn, error) {
	port, err := strconv.ParseUint(e.port, 10, 16)
	if err != nil {
		return nil, e.unreachable(r, err)
	}
	deadline := r.deadline(PhaseDial)
	limited, cancel := asyncio.WithDeadline(ctx, deadline)
	conn, err := t.config.dialer.DialAddrs(limited, "tcp", addrs, uint16(port))
	overdue := limited.Err() != nil
	cancel()
	switch {
	case err == nil || ctx.Err() != nil:
		return conn, err
	case overdue:
		return nil, r.expired(PhaseDial, deadline)
	}
	return nil, e.unreachable(r, err)
}

// unreachable is the error of an endpoint to which no connection can be made.
func (e *endpoint) unreachable(r *ClientRequest, err error) error {
	plain := e.connectorError(r, PhaseDial, err)
	return e.failure(&plain)
}

// unresolved is the error of a host that has no address.
func (e *endpoint) unresolved(r *ClientRequest, err error) error {
	return e.failure(&ClientConnectorDNSError{e.connectorError(r, PhaseDNS, err)})
}

func (e *endpoint) connectorError(r *ClientRequest, p Phase, err error) ClientConnectorError {
	return ClientConnectorError{Where: r.where(p), Host: e.host, Port: e.port, TLS: e.tls != nil, Err: err}
}

// failure says of an error with a proxy that it is one.
func (e *endpoint) failure(err error) error {
	var c *ClientConnectorError
	if e.proxy && errors.As(err, &c) {
		return &ClientProxyConnectionError{*c, err}
	}
	return err
}

// without removes the address a connection went to.
func without(addrs []netip.Addr, used net.Addr) []netip.Addr {
	tcp, ok := used.(*net.TCPAddr)
	if !ok {
		return nil
	}
	ip := tcp.AddrPort().Addr().Unmap()
	return slices.DeleteFunc(addrs, func(a netip.Addr) bool { return a.Unmap().WithZone("") == ip.WithZone("") })
}

// connectTo says what could not be connected to and why. The address stands there once, unless
// it is a name, which then has one.
func connectTo(address string, err error) string {
	return "connect to " + address + ": " + strings.TrimPrefix(dialReason(err), address+": ")
}

// dialReason says why no connection could be made, without repeating host and port.
func dialReason(err error) string {
	var many *asyncio.DialError
	if errors.As(err, &many) {
		var parts []string
		for _, e := range many.Errors {
			parts = append(parts, dialReason(e))
		}
		return strings.Join(parts, "; ")
	}
	var op *net.OpError
	var errno syscall.Errno
	if errors.As(err, &op) && errors.As(err, &errno) && op.Addr != nil {
		return op.Addr.String() + ": " + errno.Error()
	}
	return reasonOf(err)
}
