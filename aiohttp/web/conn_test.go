package web

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func TestResponseGoesOutInOneWrite(t *testing.T) {
	talk(t, appWith(Get("/", hello)), func(w *wire) {
		w.Send(get)
		if w.writes != 1 {
			t.Errorf("got %d writes, want 1", w.writes)
		}
		want := "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n" +
			"Date: Fri, 02 Jan 2026 03:04:05 GMT\r\nServer: aio\r\n\r\nhello"
		if got := w.Output(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestInputMayArriveByteByByte(t *testing.T) {
	app := appWith(Post("/", echo))
	talk(t, app, func(w *wire) {
		for range 2 {
			for _, b := range "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" {
				w.Send(string(b))
			}
			if got := body(w.Output()); got != "abcde" {
				t.Errorf("got %q, want abcde", got)
			}
		}
	})
}

func echo(ctx context.Context, req *Request) (AnyResponse, error) {
	b, err := req.Read(ctx)
	if err != nil {
		return nil, err
	}
	return &Response{Body: b}, nil
}

func TestPipelinedRequestsAreAnsweredInOrderAndTogether(t *testing.T) {
	app := appWith(Get("/{n}", func(ctx context.Context, req *Request) (AnyResponse, error) {
		return Text(req.MatchInfo().Get("n")), nil
	}))
	talk(t, app, func(w *wire) {
		var in strings.Builder
		for i := range 40 {
			fmt.Fprintf(&in, "GET /<%d> HTTP/1.1\r\nHost: a\r\n\r\n", i)
		}
		w.Send(in.String())
		if w.writes != 1 {
			t.Errorf("got %d writes, want 1", w.writes)
		}
		out := w.Output()
		for i := range 40 {
			at := strings.Index(out, fmt.Sprintf("<%d>", i))
			if at < 0 {
				t.Fatalf("answer %d is missing or out of order", i)
			}
			out = out[at:]
		}
	})
}

// C94: what is pipelined behind a slow handler is bounded, waits, and is served after it.
func TestPipelineBehindSlowHandlerIsBoundedAndResumes(t *testing.T) {
	gate := make(chan func(), 1)
	served := 0
	app := appWith(Get("/slow", func(ctx context.Context, req *Request) (AnyResponse, error) {
		f := asyncio.NewFuture[struct{}](ctx)
		gate <- func() { f.SetResult(struct{}{}) }
		_, err := f.Await(ctx)
		return Text("slow"), err
	}), Get("/fast", func(ctx context.Context, req *Request) (AnyResponse, error) {
		served++
		return Text("fast"), asyncio.Sleep(ctx, time.Millisecond)
	}))
	const n = 500
	talk(t, app, func(w *wire) {
		w.Send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
		for range n {
			if w.paused {
				break
			}
			w.Send("GET /fast HTTP/1.1\r\nHost: a\r\nX-Padding: " + strings.Repeat("x", 100) + "\r\n\r\n")
		}
		if !w.paused {
			t.Error("reading was not paused behind a blocked handler")
		}
		if held := len(w.conn.pending); held > 4096+200 {
			t.Errorf("connection holds %d bytes, limit is 4096", held)
		}
		if served != 0 {
			t.Errorf("%d requests were served before the one in front of them", served)
		}
		(<-gate)()
		w.Sleep(time.Second)
		if w.paused || served < 17 || len(w.conn.pending) != 0 {
			t.Errorf("after release: paused %v, served %d, %d bytes left", w.paused, served, len(w.conn.pending))
		}
		if got := strings.Count(w.Output(), "HTTP/1.1 200"); got != served+1 {
			t.Errorf("got %d answers, want %d", got, served+1)
		}
	}, WithReadBufferSize(4096))
}

// C84
func TestHandlerThatReturnsNothingGives500(t *testing.T) {
	for name, h := range map[string]Handler{
		"nil":         func(context.Context, *Request) (AnyResponse, error) { return nil, nil },
		"nil pointer": func(context.Context, *Request) (AnyResponse, error) { return (*Response)(nil), nil },
	} {
		talk(t, appWith(Get("/", h)), func(w *wire) {
			w.Send(get)
			if got := status(w.Output()); got != "HTTP/1.1 500 Internal Server Error" {
				t.Errorf("%s: got %q", name, got)
			}
			if !w.closed {
				t.Errorf("%s: connection is open after a 500", name)
			}
		})
	}
}

func TestPanicInHandlerGives500AndTheLoopLivesOn(t *testing.T) {
	app := appWith(Get("/", func(context.Context, *Request) (AnyResponse, error) { panic("boom") }), Get("/ok", hello))
	talk(t, app, func(w *wire) {
		other := w.Dial()
		w.Send(get)
		if out := w.Output(); !strings.HasPrefix(out, "HTTP/1.1 500 ") || strings.Contains(out, "boom") {
			t.Errorf("got %q, want a 500 that does not tell about the panic", out)
		}
		other.Send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n")
		if got := body(other.Output()); got != "hello" {
			t.Errorf("other connection got %q, want hello", got)
		}
	})
}

// C88
func TestConnectionHeaderFollowsTheVersion(t *testing.T) {
	for _, c := range []struct{ version, connection, want, line string }{
		{"1.1", "", "-", "HTTP/1.1 200 OK"},
		{"1.1", "close", "close", "HTTP/1.1 200 OK"},
		{"1.0", "", "-", "HTTP/1.0 200 OK"},
		{"1.0", "keep-alive", "keep-alive", "HTTP/1.0 200 OK"},
		{"1.0", "close", "-", "HTTP/1.0 200 OK"},
	} {
		talk(t, appWith(Get("/", hello)), func(w *wire) {
			head := "GET / HTTP/" + c.version + "\r\nHost: a\r\n"
			if c.connection != "" {
				head += "Connection: " + c.connection + "\r\n"
			}
			w.Send(head + "\r\n")
			out := w.Output()
			if got := field(out, "Connection"); got != c.want || status(out) != c.line {
				t.Errorf("%+v: got Connection %q, status line %q", c, got, status(out))
			}
			stays := c.version == "1.1" && c.connection == "" || c.connection == "keep-alive"
			if w.closed == stays {
				t.Errorf("%+v: closed is %v", c, w.closed)
			}
		})
	}
}

// C87
func TestExpectContinueIsSentWhenTheBodyIsRead(t *testing.T) {
	custom := func(ctx context.Context, req *Request) (AnyResponse, error) { return nil, HTTPForbidden() }
	app := appWith(Post("/", echo), Post("/custom", hello, WithExpectHandler(custom)), Post("/unread", hello))
	request := func(method, path, expect string) string {
		return method + " " + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: " + expect + "\r\n\r\n"
	}
	for _, c := range []struct{ method, path, expect, want string }{
		{"POST", "/", "100-continue", "HTTP/1.1 100 Continue"},
		{"POST", "/", "200-ok", "HTTP/1.1 417 Expectation Failed"},
		{"POST", "/none", "100-continue", "HTTP/1.1 404 Not Found"},
		{"PUT", "/", "100-continue", "HTTP/1.1 405 Method Not Allowed"},
		{"POST", "/custom", "100-continue", "HTTP/1.1 403 Forbidden"},
		{"POST", "/unread", "100-continue", "HTTP/1.1 200 OK"},
	} {
		talk(t, app2(app), func(w *wire) {
			w.Send(request(c.method, c.path, c.expect))
			out := w.Output()
			if status(out) != c.want {
				t.Errorf("%+v: got %q", c, status(out))
			}
			if strings.Contains(c.want, "100 Continue") {
				w.Send("body")
				if got := body(w.Output()); got != "body" {
					t.Errorf("%+v: got %q after the body", c, got)
				}
			} else if field(out, "Connection") != "close" && c.expect == "100-continue" {
				t.Errorf("%+v: the client cannot know whether its body is still wanted: %q", c, out)
			}
		})
	}
}

// app2 makes a fresh application with the routes of another.
func app2(app *Application) *Application {
	fresh := NewApplication()
	for _, res := range app.router.resources {
		for _, route := range res.routes {
			fresh.router.mustAdd(route.method, res.Pattern(), route.handler, WithExpectHandler(route.expect))
		}
	}
	return fresh
}

func TestContinueIsNotSentWhenTheBodyIsThereOrTheClientIsOld(t *testing.T) {
	for _, in := range []string{
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody",
		"POST / HTTP/1.0\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody",
	} {
		talk(t, appWith(Post("/", echo)), func(w *wire) {
			w.Send(in)
			if out := w.Output(); strings.Contains(out, "100 Continue") || body(out) != "body" {
				t.Errorf("%q: got %q", in, out)
			}
		})
	}
}

func TestMalformedBodyReachesTheHandlerAsA400(t *testing.T) {
	var seen error
	app := appWith(Post("/", func(ctx context.Context, req *Request) (AnyResponse, error) {
		_, seen = req.Read(ctx)
		return nil, seen
	}))
	for _, rest := range []string{"zz\r\n", "3\r\nabcd\r\n"} {
		talk(t, app2(app), func(w *wire) {
			w.Send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
			w.Send(rest)
			if out := w.Output(); status(out) != "HTTP/1.1 400 Bad Request" || !errors.Is(seen, HTTPBadRequest()) {
				t.Errorf("%q: got %q, handler saw %v", rest, out, seen)
			}
			if !w.eof && !w.closed {
				t.Errorf("%q: connection goes on", rest)
			}
		})
	}
}

// C103, P48
func TestGarbageIsA400ThatMiddlewaresSee(t *testing.T) {
	for in, want := range map[string]string{
		"garbage\r\n\r\n":                      "HTTP/1.0 400 Bad Request",
		"GET / HTTP/2.0\r\nHost: a\r\n\r\n":    "HTTP/1.0 505 HTTP Version Not Supported",
		"GET / HTTP/1.1\r\n\r\n":               "HTTP/1.0 400 Bad Request",
		"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n": "HTTP/1.1 400 Bad Request",
		"\x16\x03\x03\x01F\x01":                "HTTP/1.0 400 Bad Request",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n": "HTTP/1.0 400 Bad Request",
	} {
		var seen *Request
		app := NewApplication(WithMiddlewares(func(ctx context.Context, req *Request, next Handler) (AnyResponse, error) {
			seen = req
			return next(ctx, req)
		}))
		talk(t, app, func(w *wire) {
			w.Send(in)
			out := w.Output()
			if status(out) != want {
				t.Errorf("%q: got %q, want %q", in, status(out), want)
			}
			if seen == nil || seen.ParseError() == nil {
				t.Errorf("%q: the middleware did not see the error", in)
			}
			if strings.HasPrefix(in, "\x16") && !strings.Contains(out, "HTTPS") {
				t.Errorf("no hint for TLS on a plain port: %q", out)
			}
		})
	}
}

func TestClientThatClosesItsSideStillGetsItsAnswers(t *testing.T) {
	app := appWith(Get("/slow", func(ctx context.Context, req *Request) (AnyResponse, error) {
		return Text("slow"), asyncio.Sleep(ctx, time.Second)
	}), Get("/", hello))
	talk(t, app, func(w *wire) {
		w.Send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + get)
		w.SendEOF()
		w.Sleep(2 * time.Second)
		if out := w.Output(); !strings.Contains(out, "slow") || !strings.HasSuffix(out, "hello") || !w.closed {
			t.Errorf("got %q, closed %v", out, w.closed)
		}
		idle := w.Dial()
		idle.Send(get)
		idle.SendEOF()
		if !idle.closed {
			t.Error("an idle connection stays open at the end of file")
		}
	})
}

// C89: a header over the limit, which is counted however it is cut.
func TestHeaderOverTheLimitIsA400(t *testing.T) {
	for size, want := range map[int]string{8190 - len("X-Big"): "HTTP/1.1 200 OK", 8190: "HTTP/1.0 400 Bad Request", 16258: "HTTP/1.0 400 Bad Request"} {
		talk(t, appWith(Get("/", hello)), func(w *wire) {
			in := "GET / HTTP/1.1\r\nHost: a\r\nX-Big: " + strings.Repeat("x", size) + "\r\n\r\n"
			for len(in) > 0 && !w.eof {
				n := min(len(in), 1000)
				w.Send(in[:n])
				in = in[n:]
			}
			if got := status(w.Output()); got != want {
				t.Errorf("%d bytes: got %q, want %q", size, got, want)
			}
		})
	}
}

// C104
func TestHalfCloseCancelsTheHandlerWhenCancellationIsOn(t *testing.T) {
	var ended error
	app := appWith(Get("/", func(ctx context.Context, req *Request) (AnyResponse, error) {
		ended = asyncio.Sleep(ctx, time.Second)
		return Text("late"), ended
	}))
	talk(t, app, func(w *wire) {
		w.Send(get)
		w.SendEOF()
		if !errors.Is(ended, context.Canceled) || !errors.Is(ended, ErrConnectionLost) || !w.closed {
			t.Errorf("handler ended with %v, connection closed %v", ended, w.closed)
		}
	}, WithHandlerCancellation())
}

// P57
func TestTruncatedBodyNamesWhatIsMissing(t *testing.T) {
	var seen error
	app := appWith(Post("/", func(ctx context.Context, req *Request) (AnyResponse, error) {
		_, seen = req.Read(ctx)
		return nil, seen
	}))
	talk(t, app, func(w *wire) {
		w.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
		w.SendEOF()
		if seen == nil || !strings.Contains(seen.Error(), "received 3 of 10 bytes") {
			t.Errorf("handler saw %v", seen)
		}
	})
}

// C104
func TestDisconnectCancelsTheHandlerOnlyIfAsked(t *testing.T) {
	for _, cancels := range []bool{false, true} {
		var ended error
		finished := false
		app := appWith(Get("/", func(ctx context.Context, req *Request) (AnyResponse, error) {
			ended = asyncio.Sleep(ctx, time.Second)
			finished = true
			return Text("late"), ended
		}))
		var opts []RunOption
		if cancels {
			opts = append(opts, WithHandlerCancellation())
		}
		talk(t, app, func(w *wire) {
			w.Send(get)
			w.loop.CallSoon(func() { w.closed = true; w.lose(errors.New("reset")) })
			w.Sleep(2 * time.Second)
			if !finished || errors.Is(ended, context.Canceled) != cancels {
				t.Errorf("handler cancellation %v: finished %v with %v", cancels, finished, ended)
			}
			if w.server.busy != 0 || w.server.open != 0 {
				t.Errorf("%d handlers and %d connections are left", w.server.busy, w.server.open)
			}
		}, opts...)
	}
}

// C102
func TestTimeoutInHandlerIs504AndCancellationDropsTheConnection(t *testing.T) {
	app := appWith(Get("/timeout", func(ctx context.Context, req *Request) (AnyResponse, error) {
		_, err := asyncio.Timeout(ctx, time.Second, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, asyncio.Sleep(ctx, time.Minute)
		})
		return nil, fmt.Errorf("ask the back end: %w", err)
	}), Get("/cancelled", func(context.Context, *Request) (AnyResponse, error) { return nil, context.Canceled }))
	talk(t, app, func(w *wire) {
		w.Send("GET /timeout HTTP/1.1\r\nHost: a\r\n\r\n")
		w.Sleep(2 * time.Second)
		if got := status(w.Output()); got != "HTTP/1.1 504 Gateway Timeout" {
			t.Errorf("got %q", got)
		}
		w.Send("GET /cancelled HTTP/1.1\r\nHost: a\r\n\r\n")
		if out := w.Output(); out != "" || !w.closed {
			t.Errorf("got %q, closed %v; want nothing and a closed connection", out, w.closed)
		}
	})
}

func TestBodyBackPressurePausesAndResumesReading(t *testing.T) {
	gate := make(chan func(), 1)
	total := 0
	app := appWith(Post("/", func(ctx context.Context, req *Request) (AnyResponse, error) {
		f := asyncio.NewFuture[struct{}](ctx)
		gate <- func() { f.SetResult(struct{}{}) }
		if _, err := f.Await(ctx); err != nil {
			return nil, err
		}
		for chunk, err := range req.Content().IterChunked(ctx, 1000) {
			if err != nil {
				return nil, err
			}
			total += len(chunk)
		}
		return hello(ctx, req)
	}))
	talk(t, app, func(w *wire) {
		w.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
		sent := 0
		for ; sent < 100_000 && !w.paused; sent += 1000 {
			w.Send(strings.Repeat("x", 1000))
		}
		if sent > 2*4096+2000 || !w.paused {
			t.Errorf("paused after %d bytes: %v; want about %d", sent, w.paused, 2*4096)
		}
		(<-gate)()
		w.turns()
		for ; sent < 100_000; sent += 1000 {
			if w.paused {
				t.Fatalf("paused at %d although the handler reads", sent)
			}
			w.Send(strings.Repeat("x", 1000))
		}
		if total != 100_000 || body(w.Output()) != "hello" {
			t.Errorf("handler read %d bytes, want 100000", total)
		}
	}, WithReadBufferSize(4096))
}

// C97, C131: an upgrade nobody takes is an ordinary request.
func TestDeclinedUpgradeLeavesHTTPInPlace(t *testing.T) {
	talk(t, appWith(Post("/", echo), Get("/", hello)), func(w *wire) {
		up := "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
		w.Send("POST / HTTP/1.1\r\n" + up + "Content-Length: 4\r\n\r\nbody" + get)
		if out := w.Output(); strings.Count(out, "HTTP/1.1 200") != 2 || !strings.HasSuffix(out, "hello") {
			t.Errorf("got %q", out)
		}
		w.Send("GET / HTTP/1.1\r\n" + up + "\r\n" + get[:5])
		w.Send(get[5:])
		if got := strings.Count(w.Output(), "HTTP/1.1 200"); got != 2 {
			t.Errorf("got %d answers, want 2", got)
		}
	})
}

func TestIdleConnectionHoldsNoBuffersAndNoDecoder(t *testing.T) {
	talk(t, appWith(Get("/", hello)), func(w *wire) {
		w.Send(get)
		c := w.conn
		if c.out != nil || c.decoder != nil || c.pending != nil || c.req != nil || c.task != nil || c.resp != nil {
			t.Errorf("idle connection holds %+v", c)
		}
	})
}
