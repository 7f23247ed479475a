package demo

// The demo server on a socket, for programs that have something else to do on the same loop.

import (
	"context"
	"errors"
	"time"

	"github.com/aio-go/aio/aiohttp/web"
)

// A Site is a demo server that runs.
type Site struct {
	runner *web.AppRunner
	url    string
}

// Start serves the demo on an address "host:port", port 0 being a free one, on the loop of ctx.
func Start(ctx context.Context, address string) (*Site, error) {
	app := web.NewApplication()
	app.AddRoutes(New().Routes()...)
	runner := web.NewAppRunner(app, web.WithShutdownTimeout(2*time.Second))
	if err := runner.Setup(ctx); err != nil {
		return nil, err
	}
	site := web.NewTCPSite(runner, address)
	if err := site.Start(ctx); err != nil {
		return nil, errors.Join(err, runner.Cleanup(context.WithoutCancel(ctx)))
	}
	return &Site{runner, site.URL()}, nil
}

// URL returns where the site is, without a path.
func (s *Site) URL() string { return s.url }

// Stop ends the server; requests that are being answered get two seconds.
func (s *Site) Stop(ctx context.Context) error { return s.runner.Cleanup(context.WithoutCancel(ctx)) }
