package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// C105
func TestMiddlewaresRunOutsideInAndSeeErrorsAsErrors(t *testing.T) {
	tag := func(n int) Middleware {
		return func(ctx context.Context, req *Request, next Handler) (AnyResponse, error) {
			resp, err := next(ctx, req)
			if r, ok := resp.(*Response); ok {
				r.Text += fmt.Sprintf("[%d]", n)
			}
			return resp, err
		}
	}
	var seen []error
	convert := func(ctx context.Context, req *Request, next Handler) (AnyResponse, error) {
		resp, err := next(ctx, req)
		if err != nil {
			seen = append(seen, err)
			return &Response{Status: 501, Text: "converted"}, nil
		}
		return resp, nil
	}
	app := NewApplication(WithMiddlewares(tag(1), tag(2), convert))
	app.AddRoutes(
		Get("/", func(context.Context, *Request) (AnyResponse, error) { return Text("OK"), nil }),
		Get("/bad", func(context.Context, *Request) (AnyResponse, error) {
			return nil, fmt.Errorf("look up user: %w", HTTPNotFound())
		}),
	)
	talk(t, app, func(w *wire) {
		w.Send(get)
		if got := body(w.Output()); got != "OK[2][1]" {
			t.Errorf("got %q, want OK[2][1]", got)
		}
		for _, path := range []string{"/bad", "/none"} {
			w.Send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n")
			if out := w.Output(); status(out) != "HTTP/1.1 501 Not Implemented" || body(out) != "converted[2][1]" {
				t.Errorf("%s: got %q", path, out)
			}
		}
		for _, err := range seen {
			if !errors.Is(err, HTTPNotFound()) {
				t.Errorf("middleware saw %v, want a 404", err)
			}
		}
		if len(seen) != 2 {
			t.Errorf("middleware saw %d errors, want 2", len(seen))
		}
	})
}

// D13, C99
func TestErrorsWithAResponseWorkWrappedAndBare(t *testing.T) {
	redirect := func(context.Context, *Request) (AnyResponse, error) {
		e := HTTPFound("/elsewhere", WithText("over there"))
		e.SetCookie(&http.Cookie{Name: "my-cookie", Value: "cookie-value"})
		return nil, e
	}
	app := appWith(
		Get("/bare", redirect),
		Get("/wrapped", func(ctx context.Context, req *Request) (AnyResponse, error) {
			_, err := redirect(ctx, req)
			return nil, fmt.Errorf("log in: %w", err)
		}),
		Get("/own", func(context.Context, *Request) (AnyResponse, error) { return nil, teapot{} }),
	)
	talk(t, app, func(w *wire) {
		for _, path := range []string{"/bare", "/wrapped"} {
			w.Send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n")
			out := w.Output()
			if status(out) != "HTTP/1.1 302 Found" || field(out, "Location") != "/elsewhere" || field(out, "Set-Cookie") != "my-cookie=cookie-value" || body(out) != "over there" {
				t.Errorf("%s: got %q", path, out)
			}
		}
		w.Send("GET /own HTTP/1.1\r\nHost: a\r\n\r\n")
		if got := status(w.Output()); got != "HTTP/1.1 418 I'm a teapot" {
			t.Errorf("own error type: got %q", got)
		}
	})
}

type teapot struct{}

func (teapot) Error() string { return "short and stout" }

func (teapot) Response() AnyResponse { return &Response{Status: 418} }

func TestUnmatchedRequestsGet404And405WithAllow(t *testing.T) {
	app := appWith(Get("/x/{id}", hello), Delete("/x/{id}", hello))
	talk(t, app, func(w *wire) {
		w.Send("PUT /x/1 HTTP/1.1\r\nHost: a\r\n\r\n")
		if out := w.Output(); status(out) != "HTTP/1.1 405 Method Not Allowed" || field(out, "Allow") != "DELETE,GET,HEAD" {
			t.Errorf("got %q", out)
		}
		w.Send("GET /y HTTP/1.1\r\nHost: a\r\n\r\n")
		if out := w.Output(); status(out) != "HTTP/1.1 404 Not Found" || body(out) != "404: Not Found" || w.closed {
			t.Errorf("got %q, closed %v", out, w.closed)
		}
	})
}

func TestHooksRunInOrderAndContextsAreLeftInReverse(t *testing.T) {
	var log []string
	hook := func(name string) AppHook {
		return func(ctx context.Context, app *Application) error {
			log = append(log, name)
			return asyncio.Sleep(ctx, time.Millisecond)
		}
	}
	lease := func(name string) CleanupContext {
		return func(context.Context, *Application) (func(context.Context) error, error) {
			log = append(log, "enter "+name)
			return func(context.Context) error { log = append(log, "leave "+name); return errors.New(name) }, nil
		}
	}
	app := NewApplication()
	app.AddCleanupContext(lease("a"))
	app.AddCleanupContext(lease("b"))
	app.OnStartup(hook("startup"))
	app.OnShutdown(hook("shutdown"))
	app.OnCleanup(hook("cleanup"))
	asyncio.Run(t.Context(), func(ctx context.Context) (struct{}, error) {
		if err := errors.Join(app.startup(ctx), app.shutdown(ctx)); err != nil {
			t.Error(err)
		}
		err := app.cleanup(ctx)
		if err == nil || !strings.Contains(err.Error(), "context: a") || !strings.Contains(err.Error(), "context: b") {
			t.Errorf("got %v, want both failures", err)
		}
		return struct{}{}, nil
	}, asyncio.WithClock(new(jumpClock)), asyncio.WithoutSignals())
	want := []string{"enter a", "enter b", "startup", "shutdown", "cleanup", "leave b", "leave a"}
	if !slices.Equal(log, want) {
		t.Errorf("got %q, want %q", log, want)
	}
	for name, change := range map[string]func(){
		"OnStartup": func() { app.OnStartup(hook("late")) },
		"AddRoutes": func() { app.AddRoutes(Get("/", hello)) },
		"AppKey":    func() { NewAppKey[int]("late").Set(app, 1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s on a started application did not panic", name)
				}
			}()
			change()
		}()
	}
}

func TestPrepareHookMayChangeHeadersOfEveryKindOfResponse(t *testing.T) {
	app := appWith(Get("/", hello), Get("/fail", func(context.Context, *Request) (AnyResponse, error) { return nil, errors.New("x") }))
	app.OnResponsePrepare(func(ctx context.Context, req *Request, resp AnyResponse) error {
		resp.Header().Set("X-Hook", fmt.Sprint(resp.StatusCode()))
		return nil
	})
	talk(t, app, func(w *wire) {
		for path, want := range map[string]string{"/": "200", "/none": "404", "/fail": "500"} {
			c := w.Dial()
			c.Send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n")
			if got := field(c.Output(), "X-Hook"); got != want {
				t.Errorf("%s: got %s, want %s", path, got, want)
			}
		}
	})
}

func TestFailingPrepareHookGives500(t *testing.T) {
	for name, hook := range map[string]PrepareHook{
		"error": func(_ context.Context, _ *Request, resp AnyResponse) error {
			if resp.StatusCode() == 200 {
				return errors.New("no")
			}
			return nil
		},
		"panic": func(_ context.Context, _ *Request, resp AnyResponse) error {
			if resp.StatusCode() == 200 {
				panic("no")
			}
			return nil
		},
	} {
		app := appWith(Get("/", hello))
		app.OnResponsePrepare(hook)
		talk(t, app, func(w *wire) {
			w.Send(get)
			if got := status(w.Output()); got != "HTTP/1.1 500 Internal Server Error" {
				t.Errorf("%s: got %q", name, got)
			}
		})
	}
	app := appWith(Get("/", hello))
	app.OnResponsePrepare(func(context.Context, *Request, AnyResponse) error { panic("always") })
	talk(t, app, func(w *wire) {
		w.Send(get)
		if out := w.Output(); out != "" || !w.closed {
			t.Errorf("hook that always panics: got %q, closed %v", out, w.closed)
		}
	})
}

func TestKeysAreTypedAndCompareByIdentity(t *testing.T) {
	type session struct{ user string }
	one, two := NewRequestKey[*session]("session"), NewRequestKey[*session]("session")
	answer := NewAppKey[int]("answer")
	kind := NewResponseKey[error]("kind")
	app := NewApplication(WithMiddlewares(func(ctx context.Context, req *Request, next Handler) (AnyResponse, error) {
		one.Set(req, &session{"anna"})
		resp, err := next(ctx, req)
		if v, ok := kind.Lookup(resp); !ok || v != nil {
			t.Errorf("response value: got %v, %v", v, ok)
		}
		return resp, err
	}))
	answer.Set(app, 41)
	answer.Set(app, 42)
	app.AddRoutes(Get("/", func(ctx context.Context, req *Request) (AnyResponse, error) {
		if _, ok := two.Lookup(req); ok {
			t.Error("two keys of one name are the same key")
		}
		resp := Text(fmt.Sprint(one.Get(req).user, answer.Get(req.App())))
		kind.Set(resp, nil)
		return resp, nil
	}))
	talk(t, app, func(w *wire) {
		w.Send(get)
		if got := body(w.Output()); got != "anna42" {
			t.Errorf("got %q, want anna42", got)
		}
	})
}

func TestAccessLogTellsEveryAnswer(t *testing.T) {
	var records []string
	app := appWith(Get("/", func(ctx context.Context, req *Request) (AnyResponse, error) {
		return Text("hello"), asyncio.Sleep(ctx, time.Second)
	}))
	record := func(_ context.Context, r AccessRecord) {
		records = append(records, fmt.Sprint(r.Request.Method, r.Request.Target, r.Status, r.Bytes, r.Duration))
	}
	talk(t, app, func(w *wire) {
		w.Send(get)
		w.Sleep(2 * time.Second)
		w.Send("GET /x?y=1 HTTP/1.1\r\nHost: a\r\n\r\n")
		w.Send("garbage\r\n\r\n")
		want := []string{"GET/200 5 1s", "GET/x?y=1404 14 0s", "UNKNOWN/400"}
		for i := range want {
			if i >= len(records) || !strings.HasPrefix(strings.ReplaceAll(records[i], " ", ""), strings.ReplaceAll(want[i], " ", "")) {
				t.Errorf("got %q, want %q", records, want)
				break
			}
		}
	}, WithAccessLogger(record))
	var out strings.Builder
	talk(t, app2(app), func(w *wire) {
		w.Send("GET /none HTTP/1.1\r\nHost: a\r\nUser-Agent: me\r\n\r\n")
		if got := out.String(); !strings.Contains(got, "status=404") || !strings.Contains(got, "remote=192.0.2.7") || !strings.Contains(got, "user_agent=me") {
			t.Errorf("got %q", got)
		}
	}, WithAccessLog(slog.New(slog.NewTextHandler(&out, nil))))
}

func TestErrorsAreLoggedOnceWithTheirCauseAndStack(t *testing.T) {
	for name, h := range map[string]Handler{
		"error": func(context.Context, *Request) (AnyResponse, error) { return nil, errors.New("kaboom") },
		"panic": func(context.Context, *Request) (AnyResponse, error) { panic("kaboom") },
		"json":  func(context.Context, *Request) (AnyResponse, error) { return JSONResponse(func() {}), nil },
		"503": func(context.Context, *Request) (AnyResponse, error) {
			return nil, HTTPServiceUnavailable(WithCause(errors.New("kaboom")))
		},
		"header": func(context.Context, *Request) (AnyResponse, error) {
			return &Response{Headers: http.Header{"X": {"a\nb"}}}, nil
		},
	} {
		var out strings.Builder
		app := NewApplication(WithLogger(slog.New(slog.NewJSONHandler(&out, nil))))
		app.AddRoutes(Get("/", h))
		talk(t, app, func(w *wire) {
			w.Send(get)
			if got := w.Output(); !strings.HasPrefix(got, "HTTP/1.1 50") || strings.Contains(got, "kaboom") {
				t.Errorf("%s: got %q", name, got)
			}
		})
		var entry struct{ Error, Target, Stack string }
		if err := json.Unmarshal([]byte(out.String()), &entry); err != nil || entry.Target != "/" || entry.Error == "" || (entry.Stack != "") != (name == "panic") || strings.Contains(entry.Error, "\n") {
			t.Errorf("%s: log is %q (%v)", name, out.String(), err)
		}
	}
}
