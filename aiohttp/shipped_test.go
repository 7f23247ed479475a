package aiohttp_test

// The shipped middlewares over connections: what only a wire can show.

import (
	"context"
	"errors"
	"testing"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/middleware"
)

func TestRetryGivesUpOnABodyThatIsGone(t *testing.T) {
	unavailable := "HTTP/1.1 503 Unavailable\r\nContent-Length: 4\r\n\r\nbusy"
	pieces := func(yield func([]byte, error) bool) { yield([]byte("once"), nil) }
	var seen []exchange
	run(t, hops(&seen, unavailable, hello), func(ctx context.Context, w *world) error {
		resp, err := w.session.Put(ctx, "http://h/", aiohttp.WithData(pieces))
		if err != nil {
			return err
		}
		if body, err := resp.Text(ctx); resp.Status != 503 || body != "busy" || err != nil || len(seen) != 1 {
			t.Errorf("got %d %q, %v after %d attempts; want the one answer there is", resp.Status, body, err, len(seen))
		}
		resp, err = w.session.Put(ctx, "http://h/", aiohttp.WithData("again"))
		if err != nil {
			return err
		}
		resp.Close()
		if len(seen) != 2 || len(w.wires) != 1 {
			t.Errorf("got %d requests on %d connections", len(seen), len(w.wires))
		}
		return nil
	}, aiohttp.WithMiddlewares(middleware.Retry(middleware.RetryPolicy{})))
}

// A dead kept connection is the session's business: it costs neither a delay nor budget.
func TestRetryLeavesDeadConnectionsToTheSession(t *testing.T) {
	dying := func(ctx context.Context, p *peer) error {
		if _, err := p.readHead(ctx); err != nil {
			return err
		}
		if err := p.send(ctx, hello); err != nil || p.id > 0 {
			return err
		}
		_, err := p.readHead(ctx)
		return err
	}
	retries := 0
	policy := middleware.RetryPolicy{OnRetry: func(context.Context, middleware.RetryEvent) { retries++ }}
	run(t, dying, func(ctx context.Context, w *world) error {
		_, _, first := w.get(ctx, "http://h/")
		_, _, second := w.get(ctx, "http://h/")
		if retries != 0 || len(w.wires) != 2 {
			t.Errorf("got %d retries on %d connections", retries, len(w.wires))
		}
		return errors.Join(first, second)
	}, aiohttp.WithMiddlewares(middleware.Retry(policy)))
}
