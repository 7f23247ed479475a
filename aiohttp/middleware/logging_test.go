package middleware_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/middleware"
	"github.com/aio-go/aio/asyncio"
)

// logged returns the lines of a log without their times.
func logged(level slog.Level) (*slog.Logger, *bytes.Buffer) {
	buf := new(bytes.Buffer)
	return slog.New(slog.NewTextHandler(buf, &slog.HandlerOptions{Level: level, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})), buf
}

func TestRequestsAreLoggedWhenTheirBodiesAreRead(t *testing.T) {
	slow := &origin{answer: func(ctx context.Context, n int, req *aiohttp.ClientRequest) reply {
		asyncio.Sleep(ctx, 30*time.Millisecond)
		switch req.URL.Path {
		case "/missing":
			return reply{status: 404, body: "no"}
		case "/refused":
			return reply{err: &aiohttp.ClientConnectorError{Where: aiohttp.Where{Method: "GET", URL: req.URL.String(), Phase: aiohttp.PhaseDial}, Host: "h", Port: "80"}}
		}
		return reply{status: 200, body: "hello, world"}
	}}
	for _, c := range []struct {
		name, url string
		use       func(ctx context.Context, r *aiohttp.ClientResponse)
		want      string
	}{
		{"read", "http://h/a?x=1", func(ctx context.Context, r *aiohttp.ClientResponse) {
			asyncio.Sleep(ctx, time.Second)
			r.Read(ctx)
		}, `level=INFO msg=request method=GET url="http://h/a?x=1" status=200 duration=30ms total=1.03s bytes=12`},
		{"closed", "http://h/a", func(ctx context.Context, r *aiohttp.ClientResponse) {
			r.Content.Read(ctx, make([]byte, 7))
			r.Close()
		}, `level=INFO msg=request method=GET url=http://h/a status=200 duration=30ms total=30ms bytes=7 incomplete="GET http://h/a: response body: aiohttp: connection closed"`},
		{"status", "http://h/missing", func(ctx context.Context, r *aiohttp.ClientResponse) { r.Read(ctx) },
			`level=WARN msg=request method=GET url=http://h/missing status=404 duration=30ms total=30ms bytes=2`},
		{"error", "http://h/refused?token=abc&a=b", nil,
			`level=ERROR msg="request failed" method=GET url="http://h/refused?token=REDACTED&a=b" duration=30ms error="GET http://h/refused?token=REDACTED&a=b: dial: connect to h:80: unknown reason"`},
	} {
		logger, buf := logged(slog.LevelInfo)
		run(t, slow, []aiohttp.ClientMiddleware{middleware.Logging(logger)}, func(ctx context.Context, s *aiohttp.ClientSession) error {
			resp, err := s.Get(ctx, c.url)
			if err == nil {
				c.use(ctx, resp)
				resp.Close()
			}
			return nil
		})
		if got := strings.TrimSpace(buf.String()); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

func TestLogHasNoSecrets(t *testing.T) {
	logger, buf := logged(slog.LevelDebug)
	o := replies(reply{status: 200, headers: http.Header{"Set-Cookie": {"s=hush"}, "X-Plain": {"seen"}}})
	log := middleware.Logging(logger, middleware.WithLogHeaders(), middleware.WithLogStart(), middleware.WithRedacted("X-Mine", "mine"))
	run(t, o, []aiohttp.ClientMiddleware{log}, func(ctx context.Context, s *aiohttp.ClientSession) error {
		get(ctx, t, s, "http://user:hush@h/?API_KEY=hush&%74oken=hush&mine=hush&X-Amz-Signature=hush&page=2",
			withHeader("X-Mine", "hush", "X-Api-Key", "hush", "Cookie", "c=hush", "X-Other", "told"))
		return nil
	})
	got := buf.String()
	if strings.Contains(got, "hush") {
		t.Errorf("a secret is in the log:\n%s", got)
	}
	for _, want := range []string{"page=2", "request.X-Other=told", "response.X-Plain=seen", "request.Authorization=REDACTED", "request started", "%74oken=REDACTED"} {
		if !strings.Contains(got, want) {
			t.Errorf("want %s in\n%s", want, got)
		}
	}
}

func TestLogShowsAttempts(t *testing.T) {
	logger, buf := logged(slog.LevelInfo)
	list := []aiohttp.ClientMiddleware{middleware.Retry(middleware.RetryPolicy{BaseDelay: 1}), middleware.Logging(logger)}
	run(t, replies(unavailable(), reply{status: 200}), list, func(ctx context.Context, s *aiohttp.ClientSession) error {
		get(ctx, t, s, "http://h/")
		return nil
	})
	want := "level=WARN msg=request method=GET url=http://h/ status=503 duration=0s total=0s bytes=4\n" +
		"level=INFO msg=request method=GET url=http://h/ attempt=2 status=200 duration=0s total=0s bytes=0\n"
	if buf.String() != want {
		t.Errorf("got\n%swant\n%s", buf, want)
	}
}
