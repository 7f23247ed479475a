package aiotest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/web"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// serve runs an application on the server, at http://server, while body runs on the client.
func (w *world) serve(t *testing.T, body func(ctx context.Context, session *aiohttp.ClientSession) error, opts ...aiotest.Option) {
	t.Helper()
	aiotest.Run(t, func(ctx context.Context) error {
		app := web.NewApplication()
		app.AddRoutes(
			web.Get("/item/{n}", func(_ context.Context, req *web.Request) (web.AnyResponse, error) {
				return web.Text("item " + req.MatchInfo().Get("n")), nil
			}),
			web.Get("/host", func(ctx context.Context, _ *web.Request) (web.AnyResponse, error) {
				return web.Text(aiotest.HostOf(ctx).Name()), nil
			}),
		)
		runner := web.NewAppRunner(app)
		onServer := w.server.Context(ctx)
		if err := runner.Setup(onServer); err != nil {
			return err
		}
		if err := web.NewTCPSite(runner, ":80").Start(onServer); err != nil {
			return err
		}
		session := aiohttp.NewClientSession()
		err := body(w.client.Context(ctx), session)
		return errors.Join(err, session.Close(), runner.Cleanup(onServer))
	}, append([]aiotest.Option{aiotest.WithNetwork(w.net)}, opts...)...)
}

// fetch returns the text of a response.
func fetch(ctx context.Context, session *aiohttp.ClientSession, url string) (string, error) {
	resp, err := session.Get(ctx, url)
	if err != nil {
		return "", err
	}
	defer resp.Close()
	return resp.Text(ctx)
}

// A thousand requests, one after the other, take a round trip each and one for the
// connection; and another run is the same one.
func TestRequestsTakeTheTimeOfTheLink(t *testing.T) {
	const requests = 1000
	run := func() (took time.Duration, events []string) {
		w := newWorld(aiotest.WithDefaultLink(aiotest.Link{Latency: 50 * time.Millisecond}))
		w.serve(t, func(ctx context.Context, session *aiohttp.ClientSession) error {
			var err error
			took = aiotest.Elapsed(ctx, func() {
				for i := range requests {
					var text string
					if text, err = fetch(ctx, session, fmt.Sprintf("http://server/item/%d", i)); err != nil {
						return
					}
					if want := fmt.Sprintf("item %d", i); text != want {
						t.Errorf("got %q, want %q", text, want)
					}
				}
			})
			return err
		})
		return took, w.events
	}
	took, events := run()
	if want := (requests + 1) * 100 * time.Millisecond; took != want {
		t.Errorf("took %v, want %v", took, want)
	}
	if again, other := run(); again != took || !slices.Equal(events, other) {
		t.Errorf("another run took %v and %d events, the first %v and %d", again, len(other), took, len(events))
	}
}

// With chance in the network and in the order of tasks, a run with many clients is still the
// same for the same seed.
func TestConcurrentRequestsReplayFromTheSeed(t *testing.T) {
	run := func(seed uint64) []string {
		w := newWorld(aiotest.WithDefaultLink(aiotest.Link{Latency: 5 * time.Millisecond, Jitter: 10 * time.Millisecond, Loss: 0.02}))
		w.serve(t, func(ctx context.Context, session *aiohttp.ClientSession) error {
			return asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
				for i := range 50 {
					g.Go(func(ctx context.Context) error {
						_, err := fetch(ctx, session, fmt.Sprintf("http://server/item/%d", i))
						return err
					})
				}
				return nil
			})
		}, aiotest.WithSeed(seed))
		return w.events
	}
	first := run(3)
	if !slices.Equal(first, run(3)) {
		t.Error("one seed gave two runs")
	}
	if slices.Equal(first, run(4)) {
		t.Error("two seeds gave one run")
	}
}

func TestHandlersAreOnTheHostOfTheirServer(t *testing.T) {
	w := newWorld()
	w.serve(t, func(ctx context.Context, session *aiohttp.ClientSession) error {
		got, err := fetch(ctx, session, "http://server/host")
		if got != "server" {
			t.Errorf("the handler is on %q", got)
		}
		return err
	})
}

func TestRequestIntoAPartitionTimesOut(t *testing.T) {
	w := newWorld()
	w.serve(t, func(ctx context.Context, session *aiohttp.ClientSession) error {
		if _, err := fetch(ctx, session, "http://server/item/1"); err != nil {
			return err
		}
		partition := w.net.Inject(aiotest.Partition("server"))
		wantElapsed(ctx, t, 30*time.Second, func() {
			_, err := session.Get(ctx, "http://server/item/2", aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: 30 * time.Second}))
			wantErr(t, err, context.DeadlineExceeded)
		})
		partition.Remove()
		_, err := fetch(ctx, session, "http://server/item/3")
		return err
	})
}
