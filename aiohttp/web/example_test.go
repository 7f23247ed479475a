package web_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aio-go/aio/aiohttp/web"
	"github.com/aio-go/aio/asyncio"
)

// visit starts an application on a free port, fetches paths from it one after the other, and stops it.
func visit(app *web.Application, paths ...string) {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		runner := web.NewAppRunner(app)
		if err := runner.Setup(ctx); err != nil {
			return struct{}{}, err
		}
		defer runner.Cleanup(context.WithoutCancel(ctx))
		site := web.NewTCPSite(runner, "127.0.0.1:0")
		if err := site.Start(ctx); err != nil {
			return struct{}{}, err
		}
		return asyncio.ToThread(ctx, func(context.Context) (struct{}, error) {
			for _, path := range paths {
				resp, err := http.Get(site.URL() + path)
				if err != nil {
					return struct{}{}, err
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil {
					return struct{}{}, err
				}
				fmt.Println(path, resp.StatusCode, strings.TrimSpace(string(body)))
			}
			return struct{}{}, nil
		})
	})
	if err != nil {
		fmt.Println(err)
	}
}

func Example() {
	hello := func(_ context.Context, req *web.Request) (web.AnyResponse, error) {
		return web.Text("Hello, " + req.MatchInfo().Get("name")), nil
	}
	app := web.NewApplication()
	app.AddRoutes(
		web.Get("/", func(context.Context, *web.Request) (web.AnyResponse, error) { return web.Text("Hello, Anonymous"), nil }),
		web.Get("/{name}", hello),
	)
	visit(app, "/", "/World", "/a/b")
	// Output:
	// / 200 Hello, Anonymous
	// /World 200 Hello, World
	// /a/b 404 404: Not Found
}

func ExampleMiddleware() {
	jsonErrors := func(ctx context.Context, req *web.Request, next web.Handler) (web.AnyResponse, error) {
		resp, err := next(ctx, req)
		if he, ok := err.(*web.HTTPError); ok {
			return web.JSONResponse(map[string]any{"error": he.Status}).WithStatus(he.Status), nil
		}
		return resp, err
	}
	app := web.NewApplication(web.WithMiddlewares(jsonErrors))
	app.AddRoutes(web.Get("/secret", func(context.Context, *web.Request) (web.AnyResponse, error) {
		return nil, web.HTTPForbidden()
	}))
	visit(app, "/secret", "/nowhere")
	// Output:
	// /secret 403 {"error":403}
	// /nowhere 404 {"error":404}
}

func ExampleStreamResponse() {
	count := func(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
		resp := &web.StreamResponse{ContentType: "text/plain"}
		if err := resp.Prepare(ctx, req); err != nil {
			return nil, err
		}
		for i := range 3 {
			if err := resp.Write(ctx, []byte{'0' + byte(i), ' '}); err != nil {
				return nil, err
			}
		}
		return resp, nil
	}
	app := web.NewApplication()
	app.AddRoutes(web.Get("/count", count))
	visit(app, "/count")
	// Output:
	// /count 200 0 1 2
}

func ExampleAppKey() {
	hits := web.NewAppKey[*int]("hits")
	app := web.NewApplication()
	hits.Set(app, new(int))
	app.AddRoutes(web.Get("/", func(_ context.Context, req *web.Request) (web.AnyResponse, error) {
		n := hits.Get(req.App())
		*n++ // handlers run one at a time: no lock
		return web.Text(fmt.Sprint("visit ", *n)), nil
	}))
	visit(app, "/", "/")
	// Output:
	// / 200 visit 1
	// / 200 visit 2
}

func ExampleResource_URLFor() {
	app := web.NewApplication()
	app.AddRoutes(web.Get("/user/{name}", nothing, web.WithName("user")))
	u, err := app.Router().Named("user").URLFor("name", "anna & bob")
	fmt.Println(u, err)
	// Output: /user/anna%20&%20bob <nil>
}

func nothing(context.Context, *web.Request) (web.AnyResponse, error) { return &web.Response{}, nil }

// A WebSocket that sends back what it receives. Pings, the closing handshake and the end of
// the server are dealt with by themselves.
func ExampleWebSocketResponse() {
	echo := func(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
		ws := &web.WebSocketResponse{Heartbeat: 30 * time.Second}
		if err := ws.Prepare(ctx, req); err != nil {
			return nil, err // 400 or 426
		}
		for msg, err := range ws.All(ctx) {
			if err != nil {
				return nil, err
			}
			if err := ws.SendFrame(ctx, msg.Type, msg.Data); err != nil {
				return nil, err
			}
		}
		return ws, nil
	}
	app := web.NewApplication()
	app.AddRoutes(web.Get("/echo", echo))
	visit(app, "/echo")
	// Output: /echo 400 No WebSocket UPGRADE hdr: the Upgrade header does not name websocket
}
