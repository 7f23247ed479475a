package aiohttp_test

// The recipes of docs/cookbook.md. The page quotes the functions of this file word for word;
// the examples run them against an application in memory.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/middleware"
	"github.com/aio-go/aio/aiohttp/web"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// pages yields the items of a collection that is spread over pages, following their
// "next" links.
func pages(ctx context.Context, session *aiohttp.ClientSession, url string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for url != "" {
			resp, err := session.Get(ctx, url, aiohttp.WithRaiseForStatus())
			if err != nil {
				yield("", err)
				return
			}
			items, err := aiohttp.DecodeJSON[[]string](ctx, resp)
			resp.Close()
			if err != nil {
				yield("", err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			url = ""
			if next := resp.Link("next"); next != nil {
				url = next.String()
			}
		}
	}
}

// fetchAll fetches many URLs, eight at a time, and returns the texts in the order of the
// URLs. The first failure cancels the rest.
func fetchAll(ctx context.Context, session *aiohttp.ClientSession, urls []string) ([]string, error) {
	var texts []string
	for text, err := range asyncio.Map(ctx, 8, slices.Values(urls), func(ctx context.Context, url string) (string, error) {
		resp, err := session.Get(ctx, url, aiohttp.WithRaiseForStatus())
		if err != nil {
			return "", err
		}
		defer resp.Close()
		return resp.Text(ctx)
	}) {
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// upload sends a stream and reports how far it is.
func upload(ctx context.Context, session *aiohttp.ClientSession, url string, body io.Reader, report func(sent, total int64)) error {
	resp, err := session.Put(ctx, url,
		aiohttp.WithData(body),
		aiohttp.WithUploadProgress(report),
		aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: -1, WriteRequest: 30 * time.Second}),
		aiohttp.WithRaiseForStatus())
	if err != nil {
		return err
	}
	return resp.Close()
}

// patientSession retries what is safe to repeat, five requests a second to each host.
func patientSession(connector aiohttp.Connector) *aiohttp.ClientSession {
	limiter := middleware.NewRateLimiter(middleware.WithRatePerHost(5, 5))
	return aiohttp.NewClientSession(
		aiohttp.WithConnector(connector),
		aiohttp.WithMiddlewares(
			middleware.Retry(middleware.RetryPolicy{MaxAttempts: 4}),
			limiter.Middleware, // inside: each attempt waits for its turn
		),
		aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: time.Minute, ResponseHeader: 5 * time.Second}),
	)
}

// follow handles the events of a stream until enough is true of one. A connection that
// breaks is made again where it stopped.
func follow(ctx context.Context, session *aiohttp.ClientSession, url string, enough func(aiohttp.ServerEvent) bool) error {
	for event, err := range session.Events(ctx, url) {
		if err != nil {
			return err
		}
		if enough(event) {
			return nil
		}
	}
	return nil // the server has said that there is no more
}

// greetAll sends each name over a WebSocket and returns the answers.
func greetAll(ctx context.Context, session *aiohttp.ClientSession, url string, names []string) ([]string, error) {
	ws, err := session.WSConnect(ctx, url, aiohttp.WithWSHeartbeat(30*time.Second))
	if err != nil {
		return nil, err
	}
	var answers []string
	for _, name := range names {
		if err := ws.SendString(ctx, name); err != nil {
			return nil, err
		}
		answer, err := ws.ReceiveString(ctx)
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer)
	}
	return answers, ws.Close(ctx, aiohttp.WSCloseOK, "")
}

// mirror downloads a file, continuing what an earlier run has left of it.
func mirror(ctx context.Context, session *aiohttp.ClientSession, url, path string) (string, error) {
	got, err := session.Download(ctx, aiohttp.Download{URL: url, Path: path, Attempts: 5})
	if err != nil {
		return "", err // what came is kept in path.part
	}
	return fmt.Sprintf("%d bytes, %d of them from before", got.Bytes, got.Resumed), nil
}

// throughProxy is a session that uses one proxy for everything; WithTrustEnv would ask the
// environment instead.
func throughProxy(proxy string) *aiohttp.ClientSession {
	return aiohttp.NewClientSession(
		aiohttp.WithProxy(proxy), // "http://user:password@proxy:3128", "socks5h://proxy:1080"
		aiohttp.WithTimeout(aiohttp.ClientTimeout{Dial: 10 * time.Second}),
	)
}

// testFetchAll is a test: a script answers, time is virtual, and a request too many, a task
// or a connection left behind fail it.
func testFetchAll(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		script := aiotest.NewScript(t,
			aiotest.Exchange{URL: "http://a/", Body: "one", Delay: time.Minute},
			aiotest.Exchange{URL: "http://b/", Status: 503},
		)
		defer script.Done()
		session := script.Session()
		defer session.Close()
		_, err := fetchAll(ctx, session, []string{"http://a/", "http://b/"})
		var status *aiohttp.ClientResponseError
		if !errors.As(err, &status) || status.Status != 503 {
			t.Errorf("got %v, want the 503", err)
		}
		return nil
	})
}

// kitchen is the application that the recipes are tried on.
func kitchen() *web.Application {
	busy := 2
	app := web.NewApplication()
	app.AddRoutes(
		web.Get("/items", func(_ context.Context, req *web.Request) (web.AnyResponse, error) {
			resp := web.JSONResponse([]string{"a", "b"})
			if req.Query().Get("page") == "2" {
				return web.JSONResponse([]string{"c"}), nil
			}
			resp.Headers = http.Header{"Content-Type": {"application/json"}, "Link": {`</items?page=2>; rel="next"`}}
			return resp, nil
		}),
		web.Get("/text/{name}", func(_ context.Context, req *web.Request) (web.AnyResponse, error) {
			return web.Text("text of " + req.MatchInfo().Get("name")), nil
		}),
		web.Put("/upload", func(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
			_, err := req.Read(ctx)
			return web.Text("thanks"), err
		}),
		web.Get("/busy", func(context.Context, *web.Request) (web.AnyResponse, error) {
			if busy--; busy >= 0 {
				return &web.Response{Status: http.StatusServiceUnavailable}, nil
			}
			return web.Text("ready"), nil
		}),
		web.Get("/events", func(_ context.Context, req *web.Request) (web.AnyResponse, error) {
			n := len(req.Headers.Get("Last-Event-ID")) + 1
			return &web.Response{
				Headers: http.Header{"Content-Type": {"text/event-stream"}},
				Text:    fmt.Sprintf("retry: 10\nid: %s\ndata: event %d\n\n", strings.Repeat("i", n), n),
			}, nil
		}),
		web.Get("/ws", func(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
			ws := new(web.WebSocketResponse)
			if err := ws.Prepare(ctx, req); err != nil {
				return nil, err
			}
			for message, err := range ws.All(ctx) {
				if err != nil {
					return nil, err
				}
				if err := ws.SendString(ctx, "Hello, "+message.Text()); err != nil {
					return nil, err
				}
			}
			return ws, nil
		}),
	)
	return app
}

// cook runs body with a client of the kitchen.
func cook(body func(ctx context.Context, session *aiohttp.ClientSession, connector aiohttp.Connector) error) {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		client, err := aiotest.NewTestClient(ctx, kitchen())
		if err != nil {
			return struct{}{}, err
		}
		defer client.Shutdown(ctx)
		return struct{}{}, body(ctx, client.ClientSession, client.Connector())
	}, asyncio.WithClock(new(aiotest.Clock)))
	if err != nil {
		fmt.Println(err)
	}
}

func ExampleClientResponse_Link() {
	cook(func(ctx context.Context, session *aiohttp.ClientSession, _ aiohttp.Connector) error {
		for item, err := range pages(ctx, session, "/items") {
			if err != nil {
				return err
			}
			fmt.Println(item)
		}
		return nil
	})
	// Output:
	// a
	// b
	// c
}

func ExampleClientSession_fanOut() {
	cook(func(ctx context.Context, session *aiohttp.ClientSession, _ aiohttp.Connector) error {
		texts, err := fetchAll(ctx, session, []string{"/text/x", "/text/y", "/text/z"})
		fmt.Println(strings.Join(texts, "; "))
		return err
	})
	// Output: text of x; text of y; text of z
}

func ExampleWithUploadProgress() {
	cook(func(ctx context.Context, session *aiohttp.ClientSession, _ aiohttp.Connector) error {
		return upload(ctx, session, "/upload", strings.NewReader(strings.Repeat("x", 100_000)), func(sent, total int64) {
			fmt.Println(sent, "of", total)
		})
	})
	// Output:
	// 65536 of 100000
	// 100000 of 100000
}

func ExampleClientSession_retries() {
	cook(func(ctx context.Context, _ *aiohttp.ClientSession, connector aiohttp.Connector) error {
		session := patientSession(connector)
		defer session.Close()
		resp, err := session.Get(ctx, "http://kitchen/busy")
		if err != nil {
			return err
		}
		defer resp.Close()
		text, err := resp.Text(ctx)
		fmt.Println(text)
		return err
	})
	// Output: ready
}

func ExampleClientSession_Events() {
	cook(func(ctx context.Context, session *aiohttp.ClientSession, _ aiohttp.Connector) error {
		return follow(ctx, session, "/events", func(e aiohttp.ServerEvent) bool {
			fmt.Println(e.Data)
			return e.Data == "event 3"
		})
	})
	// Output:
	// event 1
	// event 2
	// event 3
}

func ExampleClientSession_webSocket() {
	cook(func(ctx context.Context, session *aiohttp.ClientSession, _ aiohttp.Connector) error {
		answers, err := greetAll(ctx, session, "/ws", []string{"Ada", "Grace"})
		fmt.Println(strings.Join(answers, "; "))
		return err
	})
	// Output: Hello, Ada; Hello, Grace
}

func ExampleClientSession_Download() {
	dir, err := os.MkdirTemp("", "cookbook")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	cook(func(ctx context.Context, session *aiohttp.ClientSession, _ aiohttp.Connector) error {
		report, err := mirror(ctx, session, "/text/long", filepath.Join(dir, "long"))
		fmt.Println(report)
		return err
	})
	// Output: 12 bytes, 0 of them from before
}

func TestRecipeForTests(t *testing.T) { testFetchAll(t) }

func TestRecipeForProxies(t *testing.T) {
	session := throughProxy("http://user:password@127.0.0.1:3128")
	if err := session.Close(); err != nil {
		t.Error(err)
	}
}

// The page must not promise what does not run.
func TestCookbookQuotesItsRecipes(t *testing.T) {
	page, err := os.ReadFile("../docs/cookbook.md")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("example_cookbook_test.go")
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(quoted) != 9 {
		t.Errorf("got %d recipes on the page, want 9", len(quoted))
	}
	for _, block := range quoted {
		if !strings.Contains(string(file), block[1]) {
			t.Errorf("the page has a recipe that is not in the file:\n%s", block[1])
		}
	}
}
