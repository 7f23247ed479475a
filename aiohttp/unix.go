package aiohttp

// UnixConnector: connections over a Unix socket, whatever host the URL names.
//
// Daemons that listen on a socket of the file system speak HTTP like any other server.
// The URL still gives Host, cookies, the limits of the pool and, for https, the name in the
// certificate; only where the connection goes does not depend on it.

import (
	"context"
	"errors"

	"github.com/aio-go/aio/asyncio"
)

// UnixConnector keeps a pool of connections to one Unix socket. CPython's aiohttp:
// UnixConnector.
type UnixConnector struct {
	poolConnector
	path string
	tls  tlsDialer
}

var errProxyOverUnix = errors.New("a UnixConnector reaches one socket and no proxy: use a TCPConnector, or no WithProxy")

// NewUnixConnector returns a connector with an empty pool for the socket at path. On
// Linux a path that begins with @ is in the abstract namespace. Options about names and
// addresses have no effect. Proxies of the environment are not used, and a request that
// names one fails.
func NewUnixConnector(path string, opts ...ConnectorOption) *UnixConnector {
	u := &UnixConnector{path: path}
	c := newConnectorConfig(opts)
	u.poolConnector.init(c)
	u.tls.init(c)
	c.dialer.LocalAddr = nil // one for TCP
	u.tls.mayShare = u.mayShare
	u.dialer = u
	return u
}

// Path returns the path of the socket.
func (u *UnixConnector) Path() string { return u.path }

// connectTo implements dialer.
func (u *UnixConnector) connectTo(ctx context.Context, r *ClientRequest) (wire, error) {
	if r.via != nil {
		return nil, r.invalid(errProxyOverUnix)
	}
	conn, err := within(ctx, r, PhaseDial, func(ctx context.Context) (*asyncio.Conn, error) {
		return u.config.dialer.Dial(ctx, "unix", u.path)
	})
	end := &endpoint{host: r.loc.host, port: r.loc.port}
	if err != nil {
		if ctx.Err() != nil || errors.Is(err, ErrClient) {
			return nil, err
		}
		return nil, &UnixClientConnectorError{end.connectorError(r, PhaseDial, err), u.path}
	}
	if r.loc.tls {
		end.tls = u.tls.config(r)
		if err := u.tls.handshake(ctx, r, end, conn); err != nil {
			return nil, err
		}
	}
	return newConnWire(&u.poolConnector, conn), nil
}
