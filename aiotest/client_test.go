package aiotest_test

// Applications and answers without a network.

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/web"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func shop() *web.Application {
	app := web.NewApplication()
	app.AddRoutes(
		web.Post("/echo", func(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
			body, err := req.Read(ctx)
			if err != nil {
				return nil, err
			}
			return &web.Response{Body: body}, nil
		}),
		web.Get("/slow", func(ctx context.Context, _ *web.Request) (web.AnyResponse, error) {
			return web.Text("at last"), asyncio.Sleep(ctx, time.Minute)
		}),
		web.Get("/moved", func(context.Context, *web.Request) (web.AnyResponse, error) {
			return nil, web.HTTPFound("/slow")
		}),
	)
	return app
}

func TestClientReachesTheApplicationInMemory(t *testing.T) {
	// A network on which nothing can be dialled shows that nothing is.
	net := aiotest.NewNetwork()
	aiotest.Run(t, func(ctx context.Context) error {
		client, err := aiotest.NewTestClient(ctx, shop(), aiohttp.WithMaxBody(2<<20))
		if err != nil {
			return err
		}
		body := strings.Repeat("0123456789", 100_000) // more than is under way at a time
		resp, err := client.Post(ctx, "/echo", aiohttp.WithData(body))
		if err != nil {
			return err
		}
		if got, err := resp.Text(ctx); got != body || err != nil {
			t.Errorf("got %d bytes back, %v, want %d", len(got), err, len(body))
		}
		took := aiotest.Elapsed(ctx, func() {
			resp, err = client.Get(ctx, "https://any.example/moved")
		})
		if err != nil {
			return err
		}
		if got, err := resp.Text(ctx); got != "at last" || err != nil || took != time.Minute {
			t.Errorf("got %q, %v after %v", got, err, took)
		}
		if s := client.Stats().Connector; s.Dialed != 2 || s.Reused == 0 {
			t.Errorf("got %+v, want kept connections", s)
		}
		_, err = client.Get(ctx, "/slow", aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: time.Second}))
		if !errors.Is(err, aiohttp.ErrTotalTimeout) {
			t.Errorf("got %v, want a timeout", err)
		}
		return client.Shutdown(ctx)
	}, aiotest.WithNetwork(net))
	if n := net.Host("local").Sockets(); n != 0 {
		t.Errorf("%d sockets were opened", n)
	}
}

func TestClientOfAStoppedApplicationIsTold(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		runner := web.NewAppRunner(shop())
		session := aiohttp.NewClientSession(aiohttp.WithConnector(runner.NewConnector()))
		defer session.Close()
		_, err := session.Get(ctx, "http://app/slow")
		if !errors.Is(err, aiohttp.ErrClientConnector) || !strings.Contains(err.Error(), "Setup") {
			t.Errorf("got %v, want what is to be done", err)
		}
		return nil
	})
}

func TestScriptAnswersInOrder(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		broken := errors.New("broken")
		script := aiotest.NewScript(t,
			aiotest.Exchange{Method: "POST", URL: "http://a/x", Status: 303, Headers: http.Header{"Location": {"/y"}},
				Check: func(ctx context.Context, req *aiohttp.ClientRequest) error {
					if body, err := req.Body(ctx); string(body) != "sent" || err != nil {
						return fmt.Errorf("got the body %q, %v", body, err)
					}
					return nil
				}},
			aiotest.Exchange{Method: "GET", URL: "http://a/y", Body: "seen", Delay: time.Second},
			aiotest.Exchange{Err: broken},
			aiotest.Exchange{Raw: []string{"HTTP/1.1 200 OK\r\nContent-Le", "ngth: 10\r\n\r\nhalf"}},
		)
		defer script.Done()
		session := script.Session()
		defer session.Close()
		resp, err := session.Post(ctx, "http://a/x", aiohttp.WithData("sent"))
		if err != nil {
			return err
		}
		if got, err := resp.Text(ctx); got != "seen" || err != nil || len(resp.History) != 1 {
			t.Errorf("got %q, %v after %d redirects", got, err, len(resp.History))
		}
		if _, err := session.Get(ctx, "http://b/"); !errors.Is(err, broken) {
			t.Errorf("got %v, want the scripted error", err)
		}
		resp, err = session.Get(ctx, "http://c/")
		if err != nil {
			return err
		}
		if got, err := resp.Read(ctx); string(got) != "half" || !errors.Is(err, aiohttp.ErrClientPayload) {
			t.Errorf("got %q, %v, want half a body", got, err)
		}
		return nil
	})
}

func TestRawAnswersAtTheSameTimeAreNotMixedUp(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		raw := func(body string) []string { return []string{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + body} }
		script := aiotest.NewScript(t,
			aiotest.Exchange{URL: "http://a/first", Raw: raw("first"), Delay: time.Second},
			aiotest.Exchange{URL: "http://a/other", Raw: raw("other")},
		)
		defer script.Done()
		session := script.Session()
		defer session.Close()
		fetch := func(url string) *asyncio.Task[string] {
			return asyncio.CreateTask(ctx, func(ctx context.Context) (string, error) {
				resp, err := session.Get(ctx, url)
				if err != nil {
					return "", err
				}
				return resp.Text(ctx)
			})
		}
		got, err := asyncio.Gather(ctx, fetch("http://a/first"), fetch("http://a/other")).Await(ctx)
		if err != nil {
			return err
		}
		if got[0] != "first" || got[1] != "other" {
			t.Errorf("got %q, want each request its own answer", got)
		}
		return nil
	})
}

func TestScriptFailsTheTestThatLeavesIt(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		r := &recorder{TB: t}
		script := aiotest.NewScript(r, aiotest.Exchange{Method: "GET", URL: "http://a/"}, aiotest.Exchange{URL: "http://never/"})
		session := script.Session()
		defer session.Close()
		if _, err := session.Get(ctx, "http://b/"); err == nil {
			t.Error("another request than the one expected got an answer")
		}
		script.Done()
		session.Get(ctx, "http://never/")
		if _, err := session.Get(ctx, "http://beyond/"); err == nil {
			t.Error("a request beyond the end got an answer")
		}
		want := []string{"GET http://b/", "still expects a request for http://never/", "the script is over"}
		if len(r.errors) != len(want) {
			t.Fatalf("got the failures %q", r.errors)
		}
		for i, w := range want {
			if !strings.Contains(r.errors[i], w) {
				t.Errorf("got %q, want %q in it", r.errors[i], w)
			}
		}
		return nil
	})
}

func TestNamesResolve(t *testing.T) {
	names := aiotest.Names{"here": {netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}}
	for _, tt := range []struct{ network, host, want string }{
		{"ip", "HERE.", "[127.0.0.1 ::1]"}, {"ip4", "here", "[127.0.0.1]"}, {"ip6", "here", "[::1]"},
	} {
		got, err := names.LookupHost(t.Context(), tt.network, tt.host)
		if fmt.Sprint(got) != tt.want || err != nil {
			t.Errorf("%s %s: got %v, %v, want %s", tt.network, tt.host, got, err, tt.want)
		}
	}
	if _, err := names.LookupHost(t.Context(), "ip", "there"); err == nil || !strings.Contains(err.Error(), "no such host") {
		t.Errorf("got %v for a name that does not exist", err)
	}
}
