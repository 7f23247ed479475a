package aiohttp

// TCPConnector: connections over TCP, encrypted if the URL says so.
//
// Making one has three phases, each with its own limit: finding the addresses,
// connecting to one of them, and the TLS handshake. An address that fails in the
// second or third is skipped as long as there is another one.

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
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
	t.dial = t.connectTo
	return t
}

// ClearDNSCache forgets what was looked up for these hosts, or for all if none is
// named.
func (t *TCPConnector) ClearDNSCache(hosts ...string) { t.dns.clear(hosts) }

// connectTo makes a connection for r.
func (t *TCPConnector) connectTo(ctx context.Context, r *ClientRequest) (wire, error) {
	addrs, err := t.addresses(ctx, r)
	if err != nil {
		return nil, err
	}
	for {
		conn, err := t.dialAny(ctx, r, addrs)
		if err != nil {
			return nil, err
		}
		if !r.loc.tls {
			return newConnWire(&t.poolConnector, conn), nil
		}
		used := conn.RemoteAddr()
		if err = t.tls.handshake(ctx, r, conn); err == nil {
			return newConnWire(&t.poolConnector, conn), nil
		}
		addrs = without(addrs, used)
		if len(addrs) == 0 || ctx.Err() != nil || errors.Is(err, ErrTotalTimeout) {
			return nil, err
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
		err = r.call.clock.expired(r.where(p), deadline)
	}
	return v, err
}

// addresses finds where the host is, without asking anybody if the cache knows or
// the host is an address itself.
func (t *TCPConnector) addresses(ctx context.Context, r *ClientRequest) ([]netip.Addr, error) {
	host := r.loc.host
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	trace := r.call.trace
	if addrs, ok := t.dns.cached(host, t.loop.Time()); ok {
		trace.cacheHit(ctx, host)
		return addrs, nil
	}
	trace.cacheMiss(ctx, host)
	trace.resolveStart(ctx, host)
	addrs, err := within(ctx, r, PhaseDNS, func(ctx context.Context) ([]netip.Addr, error) {
		return t.dns.resolve(ctx, host, t.loop.Time)
	})
	if err == nil {
		trace.resolveEnd(ctx, host)
		return addrs, nil
	}
	if ctx.Err() != nil || errors.Is(err, ErrClient) {
		return nil, err
	}
	return nil, &ClientConnectorDNSError{t.connectorError(r, PhaseDNS, err)}
}

// dialAny connects to the first address that answers.
func (t *TCPConnector) dialAny(ctx context.Context, r *ClientRequest, addrs []netip.Addr) (*asyncio.Conn, error) {
	d := t.config.dialer
	address := net.JoinHostPort(r.loc.host, r.loc.port)
	d.Resolver = known(addrs)
	conn, err := within(ctx, r, PhaseDial, func(ctx context.Context) (*asyncio.Conn, error) {
		return d.Dial(ctx, "tcp", address)
	})
	if err == nil || ctx.Err() != nil || errors.Is(err, ErrClient) {
		return conn, err
	}
	e := t.connectorError(r, PhaseDial, err)
	return nil, &e
}

func (t *TCPConnector) connectorError(r *ClientRequest, p Phase, err error) ClientConnectorError {
	return ClientConnectorError{Where: r.where(p), Host: r.loc.host, Port: r.loc.port, TLS: r.loc.tls, Err: err}
}

// known is a resolver for what has been resolved.
type known []netip.Addr

// LookupHost implements asyncio.Resolver.
func (k known) LookupHost(context.Context, string, string) ([]netip.Addr, error) { return k, nil }

// without removes the address a connection went to.
func without(addrs []netip.Addr, used net.Addr) []netip.Addr {
	tcp, ok := used.(*net.TCPAddr)
	if !ok {
		return nil
	}
	ip := tcp.AddrPort().Addr().Unmap()
	return slices.DeleteFunc(addrs, func(a netip.Addr) bool { return a.Unmap().WithZone("") == ip.WithZone("") })
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
