package aiohttp

// DialConnector: the pool over connections that somebody else makes.
//
// Through a tunnel, to a server in the same program, to whatever speaks HTTP and is not
// reached by name and port: how a connection comes about is one function.

import (
	"context"
	"errors"
	"net"

	"github.com/aio-go/aio/asyncio"
)

// A DialFunc makes a connection. network is "tcp" and address is host:port of the URL. It
// suspends as it likes; its errors become *ClientConnectorError.
type DialFunc func(ctx context.Context, network, address string) (*asyncio.Conn, error)

// DialConnector keeps a pool of connections that a DialFunc has made.
type DialConnector struct {
	poolConnector
	f   DialFunc
	tls tlsDialer
}

var errProxyOverDial = errors.New("a DialConnector dials by itself and uses no proxy: use a TCPConnector, or no WithProxy")

// NewDialConnector returns a connector with an empty pool. Connections for https URLs are
// encrypted over what dial returns, unless they are already, or [WithoutTLS] is given.
// Options about names and addresses have no effect, and a request that names a proxy fails.
func NewDialConnector(dial DialFunc, opts ...ConnectorOption) *DialConnector {
	if dial == nil {
		panic("aiohttp: NewDialConnector(nil): pass a function that dials")
	}
	d := &DialConnector{f: dial}
	c := newConnectorConfig(opts)
	d.poolConnector.init(c)
	d.tls.init(c)
	d.tls.mayShare = d.mayShare
	d.dialer = d
	return d
}

// WithoutTLS leaves the connections for https URLs as they were dialled: for a DialConnector
// whose connections need no encryption, because they never leave the machine or because
// what they pass through encrypts them. Default: they are encrypted.
func WithoutTLS() ConnectorOption {
	return connectorOption(func(c *connectorConfig) { c.withoutTLS = true })
}

// connectTo implements dialer.
func (d *DialConnector) connectTo(ctx context.Context, r *ClientRequest) (wire, error) {
	if r.via != nil {
		return nil, r.invalid(errProxyOverDial)
	}
	end := &endpoint{host: r.loc.host, port: r.loc.port}
	conn, err := within(ctx, r, PhaseDial, func(ctx context.Context) (*asyncio.Conn, error) {
		return d.f(ctx, "tcp", net.JoinHostPort(end.host, end.port))
	})
	if err != nil {
		if ctx.Err() != nil || errors.Is(err, ErrClient) {
			return nil, err
		}
		plain := end.connectorError(r, PhaseDial, err)
		return nil, &plain
	}
	if r.loc.tls && !d.config.withoutTLS && conn.TLS() == nil {
		end.tls = d.tls.config(r)
		if err := d.tls.handshake(ctx, r, end, conn); err != nil {
			return nil, err
		}
	}
	return newConnWire(&d.poolConnector, conn), nil
}
