package web

// An application without an address: requests of the same program reach it in memory.

import (
	"context"
	"errors"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

var errNotServing = errors.New("web: the runner is not running: call Setup before the first request, and Cleanup after the last")

// NewConnector returns a connector whose connections all lead into the application, whatever
// host a URL names, without a socket: everything else is as it would be over one, parsing,
// keep-alive, time limits and back-pressure included. https is served too, unencrypted. The
// runner must be set up, on the loop of the session that uses the connector, before the first
// request; the session closes the connector unless it is shared.
//
//	session := aiohttp.NewClientSession(aiohttp.WithConnector(runner.NewConnector()))
func (r *AppRunner) NewConnector(opts ...aiohttp.ConnectorOption) aiohttp.Connector {
	dial := func(ctx context.Context, _, _ string) (*asyncio.Conn, error) {
		if r.state != runnerRunning {
			return nil, errNotServing
		}
		client, server := asyncio.Pipe(ctx)
		asyncio.NewTransport(server, &socketConn{conn: conn{server: r.server}})
		return client, nil
	}
	return aiohttp.NewDialConnector(dial, append(opts, aiohttp.WithoutTLS())...)
}
