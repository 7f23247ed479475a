package aiohttp_test

// The Go halves of docs/migration-aiohttp.md. The page quotes the functions of this file word
// for word; the example runs them against each other, in memory.

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/web"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func prices(ctx context.Context, session *aiohttp.ClientSession, names ...string) ([]int, error) {
	price := func(name string) asyncio.Coroutine[int] {
		return func(ctx context.Context) (int, error) {
			resp, err := session.Get(ctx, "/price", aiohttp.WithParams(url.Values{"name": {name}}), aiohttp.WithRaiseForStatus())
			if err != nil {
				return 0, err
			}
			defer resp.Close()
			answer, err := aiohttp.DecodeJSON[struct{ Cents int }](ctx, resp)
			return answer.Cents, err
		}
	}
	var tasks []*asyncio.Task[int]
	for _, name := range names {
		tasks = append(tasks, asyncio.CreateTask(ctx, price(name)))
	}
	return asyncio.Gather(ctx, tasks...).Await(ctx)
}

func careful(ctx context.Context, session *aiohttp.ClientSession, url string) string {
	resp, err := session.Get(ctx, url, aiohttp.WithRaiseForStatus(),
		aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: 5 * time.Second}))
	var text string
	if err == nil {
		defer resp.Close()
		text, err = resp.Text(ctx)
	}
	var refused *aiohttp.ClientResponseError
	switch {
	case errors.As(err, &refused):
		return fmt.Sprint("refused: ", refused.Status)
	case errors.Is(err, context.DeadlineExceeded):
		return "too slow"
	case errors.Is(err, aiohttp.ErrClientConnection):
		return "out of reach"
	case err != nil:
		return err.Error()
	}
	return text
}

var visits = web.NewAppKey[map[string]int]("visits")

func count(ctx context.Context, req *web.Request, next web.Handler) (web.AnyResponse, error) {
	visits.Get(req.App())[req.Path()]++
	return next(ctx, req)
}

func price(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
	cents := map[string]int{"tea": 250, "cake": 400}[req.Query().Get("name")]
	if cents == 0 {
		return nil, web.HTTPNotFound(web.WithText("we have no such thing"))
	}
	return web.JSONResponse(map[string]int{"cents": cents}), nil
}

func visited(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
	return web.Text(fmt.Sprint(visits.Get(req.App())["/"+req.MatchInfo().Get("page")])), nil
}

func shop() *web.Application {
	app := web.NewApplication(web.WithMiddlewares(count))
	visits.Set(app, make(map[string]int))
	app.AddRoutes(web.Get("/price", price), web.Get("/visits/{page}", visited), web.Get("/talk", talk))
	return app // web.RunApp(context.Background(), shop()) serves it on port 8080
}

func talk(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
	ws := &web.WebSocketResponse{}
	if err := ws.Prepare(ctx, req); err != nil {
		return nil, err
	}
	for msg, err := range ws.All(ctx) {
		if err != nil {
			return nil, err
		}
		if err := ws.SendString(ctx, strings.ToUpper(string(msg.Data))); err != nil {
			return nil, err
		}
	}
	return ws, nil
}

func shout(ctx context.Context, session *aiohttp.ClientSession, words ...string) error {
	ws, err := session.WSConnect(ctx, "/talk")
	if err != nil {
		return err
	}
	defer ws.Close(ctx, aiohttp.WSCloseOK, "")
	for _, word := range words {
		if err := ws.SendString(ctx, word); err != nil {
			return err
		}
		answer, err := ws.ReceiveString(ctx)
		if err != nil {
			return err
		}
		fmt.Println(answer)
	}
	return nil
}

func Example_migration() {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		client, err := aiotest.NewTestClient(ctx, shop())
		if err != nil {
			return struct{}{}, err
		}
		defer client.Shutdown(ctx)
		fmt.Println(prices(ctx, client.ClientSession, "tea", "cake"))
		for _, path := range []string{"/price?name=tea", "/price?name=gold", "/visits/price"} {
			fmt.Println(careful(ctx, client.ClientSession, path))
		}
		return struct{}{}, shout(ctx, client.ClientSession, "hello", "good bye")
	}, asyncio.WithClock(new(aiotest.Clock)))
	fmt.Println("error:", err)
	// Output:
	// [250 400] <nil>
	// {"cents":250}
	// refused: 404
	// 4
	// HELLO
	// GOOD BYE
	// error: <nil>
}

func TestMigratedProgramTellsFailuresApart(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		script := aiotest.NewScript(t, aiotest.Exchange{Delay: time.Minute})
		defer script.Done()
		slow := script.Session()
		defer slow.Close()
		if got := careful(ctx, slow, "http://a/"); got != "too slow" {
			t.Errorf("got %q want too slow", got)
		}
		nobody := aiohttp.NewClientSession()
		defer nobody.Close()
		if got := careful(ctx, nobody, "http://127.0.0.1:1/"); got != "out of reach" {
			t.Errorf("got %q want out of reach", got)
		}
		return nil
	})
}

func TestMigrationPageQuotesItsPrograms(t *testing.T) {
	page, err := os.ReadFile("../docs/migration-aiohttp.md")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("example_migration_test.go")
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(quoted) != 4 {
		t.Errorf("got %d programs on the page, want 4", len(quoted))
	}
	for _, block := range quoted {
		if !strings.Contains(string(file), block[1]) {
			t.Errorf("the page has a program that is not in the file:\n%s", block[1])
		}
	}
}
