package aiohttp_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aio-go/aio/aiohttp"
)

func noting(log *[]string, name string) aiohttp.ClientMiddleware {
	return func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		*log = append(*log, "before "+name)
		resp, err := next(ctx, req)
		*log = append(*log, "after "+name)
		return resp, err
	}
}

// C76, C78
func TestMiddlewaresWrapEachOther(t *testing.T) {
	var log []string
	all := []string{"before 1", "before 2", "after 2", "after 1"}
	run(t, answers(hello), func(ctx context.Context, w *world) error {
		for _, c := range []struct {
			opts []aiohttp.RequestOption
			want []string
		}{
			{nil, all},
			{[]aiohttp.RequestOption{aiohttp.WithMiddlewares(noting(&log, "own"))}, []string{"before own", "after own"}},
			{[]aiohttp.RequestOption{aiohttp.WithMiddlewares()}, nil},
		} {
			log = nil
			if _, _, err := w.get(ctx, "http://h/", c.opts...); err != nil {
				return err
			}
			if !slices.Equal(log, c.want) {
				t.Errorf("got %v, want %v", log, c.want)
			}
		}
		return nil
	}, aiohttp.WithMiddlewares(noting(&log, "1"), noting(&log, "2")))
}

// Once per hop.
func TestMiddlewaresSeeRedirects(t *testing.T) {
	var log []string
	var seen []exchange
	run(t, hops(&seen, to(302, "http://other/"), hello), func(ctx context.Context, w *world) error {
		_, _, err := w.get(ctx, "http://h/")
		return err
	}, aiohttp.WithMiddlewares(func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		log = append(log, req.Method+" "+req.URL.String())
		req.Headers.Set("X-Hop", fmt.Sprint(len(log)))
		return next(ctx, req)
	}))
	if want := []string{"GET http://h/", "GET http://other/"}; !slices.Equal(log, want) {
		t.Errorf("got %v, want %v", log, want)
	}
	if line(seen[0].head, "X-Hop") != "1" || line(seen[1].head, "X-Hop") != "2" {
		t.Errorf("got %v", seen)
	}
}

// C79
func TestMiddlewareThatRefusesCostsNothing(t *testing.T) {
	refused := errors.New("not today")
	run(t, answers(hello), func(ctx context.Context, w *world) error {
		if _, _, err := w.get(ctx, "http://h/"); err != refused {
			t.Errorf("got %v", err)
		}
		if len(w.dials) != 0 || w.session.Stats().Connector.InUse != 0 {
			t.Errorf("got dials %v", w.dials)
		}
		return nil
	}, aiohttp.WithMiddlewares(func(context.Context, *aiohttp.ClientRequest, aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		return nil, refused
	}))
}

// C80, C81: bodies can be read, signed and replaced; lengths and types follow.
func TestMiddlewareReadsAndReplacesBodies(t *testing.T) {
	for _, c := range []struct {
		body, update any
		want, mime   string
	}{
		{"text", nil, "text", "text/plain; charset=utf-8"},
		{nil, nil, "", ""},
		{onlyReader{strings.NewReader("stream")}, nil, "stream", "application/octet-stream"},
		{"longer text", "short", "short", "text/plain; charset=utf-8"},
		{"a", "much longer", "much longer", "text/plain; charset=utf-8"},
		{"text", []byte("bytes"), "bytes", "application/octet-stream"},
		{"text", aiohttp.NewFormData().AddField("a", "b"), "a=b", "application/x-www-form-urlencoded"},
	} {
		var seen []exchange
		var signature string
		run(t, hops(&seen, hello), func(ctx context.Context, w *world) error {
			resp, err := w.session.Post(ctx, "http://h/", aiohttp.WithData(c.body))
			if err != nil {
				return err
			}
			return resp.Close()
		}, aiohttp.WithMiddlewares(func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
			if c.update != nil {
				if err := req.UpdateBody(c.update); err != nil {
					return nil, err
				}
			}
			body, err := req.Body(ctx)
			if err != nil {
				return nil, err
			}
			signature = fmt.Sprintf("%x", sha256.Sum256(body))
			req.Headers.Set("X-Signature", signature)
			return next(ctx, req)
		}))
		got := seen[0]
		if got.body != c.want || line(got.head, "Content-Type") != c.mime || line(got.head, "Content-Length") != fmt.Sprint(len(c.want)) {
			t.Errorf("%v, %v: got %+v, want %q", c.body, c.update, got, c.want)
		}
		if line(got.head, "X-Signature") != fmt.Sprintf("%x", sha256.Sum256([]byte(c.want))) {
			t.Errorf("%v: the signature is not that of the body", c.body)
		}
	}
}

// A middleware may call next several times; each response is its own.
func TestMiddlewareRetries(t *testing.T) {
	var seen []exchange
	unavailable := "HTTP/1.1 503 Unavailable\r\nContent-Length: 4\r\n\r\nbusy"
	run(t, hops(&seen, unavailable, unavailable, hello), func(ctx context.Context, w *world) error {
		resp, err := w.session.Put(ctx, "http://h/", aiohttp.WithData(strings.NewReader("again")))
		if err != nil {
			return err
		}
		if got, err := resp.Text(ctx); got != "hello" || err != nil || len(w.wires) != 1 {
			t.Errorf("got %q, %v over %d connections", got, err, len(w.wires))
		}
		return nil
	}, aiohttp.WithMiddlewares(func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		for {
			resp, err := next(ctx, req)
			if err != nil || resp.Status != 503 {
				return resp, err
			}
			resp.Close()
		}
	}))
	if len(seen) != 3 || seen[2].body != "again" {
		t.Errorf("got %v", seen)
	}
}

func TestMiddlewareSendsElsewhere(t *testing.T) {
	run(t, answers(hello), func(ctx context.Context, w *world) error {
		resp, _, err := w.get(ctx, "http://h/a")
		if err != nil {
			return err
		}
		if w.dials[0] != "other:81" || resp.URL.String() != "http://other:81/b" {
			t.Errorf("got %v and %s", w.dials, resp.URL)
		}
		return nil
	}, aiohttp.WithMiddlewares(func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		if err := req.SetURL("http://127.1/"); !errors.Is(err, aiohttp.ErrInvalidURL) {
			t.Errorf("got %v", err)
		}
		if err := req.SetURL("http://other:81/b"); err != nil {
			return nil, err
		}
		return next(ctx, req)
	}))
}

// What the caller gave for one origin does not reach another one to which a middleware sends the
// request, nor one to which that redirects.
func TestMiddlewareSendsElsewhereWithoutCredentials(t *testing.T) {
	own := []aiohttp.RequestOption{
		aiohttp.WithHeaders(http.Header{"Authorization": {"Basic c2VjcmV0"}, "X-Token": {"secret"}, "X-Plain": {"public"}}),
		aiohttp.WithSensitiveHeaders("X-Token"), aiohttp.WithCookies(&http.Cookie{Name: "a", Value: "secret"}),
	}
	for _, c := range []struct {
		name, to string
		kept     bool
		login    string
	}{
		{"elsewhere on the same origin", "http://h/b", true, "Basic c2VjcmV0"},
		{"another host", "http://other/b", false, ""},
		{"another port", "http://h:81/b", false, ""},
		{"another host with a login of its own", "http://u:p@other/b", false, "Basic dTpw"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var seen []exchange
			run(t, hops(&seen, to(302, "/c"), hello), func(ctx context.Context, w *world) error {
				_, _, err := w.get(ctx, "http://h/a", own...)
				return err
			}, aiohttp.WithMiddlewares(func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
				if req.URL.Path == "/a" {
					if err := req.SetURL(c.to); err != nil {
						return nil, err
					}
				}
				return next(ctx, req)
			}))
			if len(seen) != 2 {
				t.Fatalf("got %d requests, want two", len(seen))
			}
			if got := line(seen[0].head, "Authorization"); got != c.login {
				t.Errorf("got Authorization %q, want %q", got, c.login)
			}
			for i, e := range seen {
				for _, name := range []string{"Cookie", "X-Token"} {
					if got := line(e.head, name); (got != "") != c.kept {
						t.Errorf("request %d has %s %q", i, name, got)
					}
				}
				if strings.Contains(e.head, "c2VjcmV0") != c.kept || line(e.head, "X-Plain") != "public" {
					t.Errorf("request %d is %q", i, e.head)
				}
			}
		})
	}
}

// recorder notes every signal.
func recorder(log *[]string) *aiohttp.TraceConfig {
	note := func(s string) func(context.Context, *aiohttp.TraceInfo) {
		return func(_ context.Context, i *aiohttp.TraceInfo) { *log = append(*log, s) }
	}
	return &aiohttp.TraceConfig{
		NewContext: func(data any) any { return fmt.Sprint("ctx of ", data) },
		RequestStart: func(_ context.Context, i *aiohttp.TraceInfo, h http.Header) {
			*log = append(*log, fmt.Sprintf("start %s %s %v %v", i.Request.Method, i.Request.URL, i.Data, i.Context))
			h.Set("X-Traced", "yes")
		},
		RequestHeadersSent: func(_ context.Context, _ *aiohttp.TraceInfo, h http.Header) {
			*log = append(*log, "sent "+h.Get("X-Traced"))
		},
		RequestChunkSent: func(_ context.Context, _ *aiohttp.TraceInfo, b []byte) { *log = append(*log, "chunk sent "+string(b)) },
		RequestRedirect: func(_ context.Context, _ *aiohttp.TraceInfo, r *aiohttp.ClientResponse) {
			*log = append(*log, fmt.Sprint("redirect ", r.Status))
		},
		ResponseChunkReceived: func(_ context.Context, _ *aiohttp.TraceInfo, b []byte) {
			*log = append(*log, "chunk received "+string(b))
		},
		RequestEnd: func(_ context.Context, _ *aiohttp.TraceInfo, r *aiohttp.ClientResponse) {
			*log = append(*log, fmt.Sprint("end ", r.Status))
		},
		RequestException: func(_ context.Context, _ *aiohttp.TraceInfo, err error) {
			*log = append(*log, fmt.Sprint("exception ", errors.Is(err, aiohttp.ErrClient)))
		},
		ConnectionQueuedStart: note("queued"), ConnectionQueuedEnd: note("unqueued"),
		ConnectionCreateStart: note("create"), ConnectionCreateEnd: note("created"), ConnectionReuse: note("reuse"),
	}
}

// C47
func TestTraces(t *testing.T) {
	var log []string
	var seen []exchange
	run(t, hops(&seen, to(307, "/next"), hello, "rubbish\r\n\r\n"), func(ctx context.Context, w *world) error {
		resp, err := w.session.Post(ctx, "http://h/", aiohttp.WithData("x"), aiohttp.WithTraceData(7))
		if err != nil {
			return err
		}
		resp.Read(ctx)
		want := []string{
			"start POST http://h/ 7 ctx of 7", "create", "created", "sent yes", "chunk sent x", "redirect 307",
			"reuse", "sent yes", "chunk sent x", "end 200", "chunk received hello",
		}
		if !slices.Equal(log, want) {
			t.Errorf("got\n%q, want\n%q", log, want)
		}
		if line(seen[0].head, "X-Traced") != "yes" || line(seen[1].head, "X-Traced") != "yes" {
			t.Errorf("a header set by a trace was not sent: %v", seen)
		}
		log = nil
		w.get(ctx, "http://h/")
		if want := []string{"start GET http://h/ <nil> ctx of <nil>", "reuse", "sent yes", "exception true"}; !slices.Equal(log, want) {
			t.Errorf("got %q, want %q", log, want)
		}
		return nil
	}, aiohttp.WithTrace(recorder(&log)))
}

// A body is closed when the request is over, whoever has given it, and also if it is not the one that is sent.
func TestEveryBodyIsClosed(t *testing.T) {
	run(t, answers(hello), func(ctx context.Context, w *world) error {
		given, updated := &closingReader{Reader: strings.NewReader("a")}, &closingReader{Reader: strings.NewReader("b")}
		resp, err := w.session.Post(ctx, "http://h/", aiohttp.WithData(given), aiohttp.WithMiddlewares(
			func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
				if err := req.UpdateBody(updated); err != nil {
					return nil, err
				}
				return next(ctx, req)
			}))
		if err != nil {
			return err
		}
		resp.Close()
		if given.closed != 1 || updated.closed != 1 {
			t.Errorf("the body given was closed %d times, that of the middleware %d times", given.closed, updated.closed)
		}
		first, second := &closingReader{Reader: strings.NewReader("a")}, &closingReader{Reader: strings.NewReader("b")}
		var invalid *aiohttp.InvalidRequestError
		if _, err := w.session.Post(ctx, "http://h/", aiohttp.WithData(first), aiohttp.WithData(second)); !errors.As(err, &invalid) {
			t.Errorf("got %v", err)
		}
		if first.closed != 1 || second.closed != 1 {
			t.Errorf("of two bodies the first was closed %d times, the second %d times", first.closed, second.closed)
		}
		return nil
	})
}
