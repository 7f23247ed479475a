package aiohttp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// answering is a middleware that never calls next.
func answering(f func(ctx context.Context, req *aiohttp.ClientRequest) *aiohttp.ClientResponse) aiohttp.SessionOption {
	return aiohttp.WithMiddlewares(func(ctx context.Context, req *aiohttp.ClientRequest, _ aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		return f(ctx, req), nil
	})
}

func zipped(s string) []byte {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	w.Write([]byte(s))
	w.Close()
	return buf.Bytes()
}

func TestMiddlewareAnswersWithoutAConnection(t *testing.T) {
	gz := zipped("hello")
	for _, c := range []struct {
		name, method string
		status       int
		headers      http.Header
		body         io.Reader
		want, length string
	}{
		{"bytes", "GET", 200, nil, bytes.NewReader([]byte("hello")), "hello", "5"},
		{"unknown length", "GET", 200, nil, iotest.OneByteReader(strings.NewReader("hello")), "hello", ""},
		{"announced length", "GET", 200, http.Header{"content-length": {"5"}}, iotest.DataErrReader(strings.NewReader("hello, and more")), "hello", "5"},
		{"coded", "GET", 200, http.Header{"Content-Encoding": {"gzip"}}, bytes.NewReader(gz), "hello", fmt.Sprint(len(gz))},
		{"empty", "GET", 404, nil, strings.NewReader(""), "", "0"},
		{"none", "GET", 404, nil, nil, "", ""},
		{"HEAD", "HEAD", 200, http.Header{"Content-Length": {"5"}}, strings.NewReader("hello"), "", "5"},
		{"204", "GET", 204, nil, strings.NewReader("hello"), "", ""},
	} {
		run(t, answers(hello), func(ctx context.Context, w *world) error {
			resp, err := w.session.Request(ctx, c.method, "http://h/")
			if err != nil {
				return err
			}
			defer resp.Close()
			body, err := resp.Text(ctx)
			if body != c.want || err != nil || resp.Status != c.status || resp.Headers.Get("Content-Length") != c.length {
				t.Errorf("%s: got %q, %v, %d, length %q; want %q, length %q", c.name, body, err, resp.Status, resp.Headers.Get("Content-Length"), c.want, c.length)
			}
			if len(w.dials) != 0 || resp.URL.String() != "http://h/" || resp.Reason != http.StatusText(c.status) {
				t.Errorf("%s: got %d dials, %s, %q", c.name, len(w.dials), resp.URL, resp.Reason)
			}
			return nil
		}, answering(func(_ context.Context, req *aiohttp.ClientRequest) *aiohttp.ClientResponse {
			return req.Answer(c.status, c.headers, c.body)
		}))
	}
}

type closing struct {
	io.Reader
	closed int
}

func (c *closing) Close() error { c.closed++; return nil }

func TestAnswerIsLikeAnyOtherResponse(t *testing.T) {
	short := &closing{Reader: strings.NewReader("hel")}
	broken := &closing{Reader: iotest.ErrReader(io.ErrNoProgress)}
	unread := &closing{Reader: strings.NewReader("hello")}
	run(t, answers(hello), func(ctx context.Context, w *world) error {
		if resp, body, err := w.get(ctx, "http://h/moved"); err != nil || body != "there" || len(resp.History) != 1 {
			t.Errorf("redirect: got %q, %v", body, err)
		}
		if _, _, err := w.get(ctx, "http://h/short"); !errors.Is(err, io.ErrUnexpectedEOF) || !errors.Is(err, aiohttp.ErrClientPayload) {
			t.Errorf("short: got %v", err)
		}
		if _, _, err := w.get(ctx, "http://h/broken"); !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("broken: got %v", err)
		}
		resp, err := w.session.Get(ctx, "http://h/unread")
		if err != nil {
			return err
		}
		resp.Close()
		if _, err := resp.Read(ctx); !errors.Is(err, aiohttp.ErrResponseClosed) {
			t.Errorf("closed: got %v", err)
		}
		if short.closed != 1 || broken.closed != 1 || unread.closed != 1 {
			t.Errorf("got readers closed %d, %d and %d times", short.closed, broken.closed, unread.closed)
		}
		if _, _, err := w.get(ctx, "http://h/", aiohttp.WithRaiseForStatus()); err == nil {
			t.Error("a 404 passed RaiseForStatus")
		}
		return nil
	}, answering(func(_ context.Context, req *aiohttp.ClientRequest) *aiohttp.ClientResponse {
		switch req.URL.Path {
		case "/moved":
			return req.AnswerBytes(301, http.Header{"Location": {"/there"}}, []byte("gone"))
		case "/there":
			return req.AnswerBytes(200, nil, []byte("there"))
		case "/short":
			return req.Answer(200, http.Header{"Content-Length": {"5"}}, short)
		case "/broken":
			return req.Answer(200, nil, broken)
		case "/unread":
			return req.Answer(200, nil, unread)
		}
		return req.AnswerBytes(404, nil, nil)
	}))
}

// recordingTap notes what it is told.
type recordingTap struct {
	data  []byte
	ended []string
}

func (r *recordingTap) Data(p []byte)           { r.data = append(r.data, p...) }
func (r *recordingTap) End(ctx context.Context) { r.ended = append(r.ended, "end") }
func (r *recordingTap) Abandoned(err error)     { r.ended = append(r.ended, "abandoned") }

func TestTapFollowsTheBody(t *testing.T) {
	gz := zipped("hello")
	coded := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(gz), gz)
	chunked := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
	read := func(ctx context.Context, r *aiohttp.ClientResponse) { r.Read(ctx) }
	for _, c := range []struct {
		name, response string
		use            func(context.Context, *aiohttp.ClientResponse)
		want, end      string
	}{
		{"read", hello, read, "hello", "end"},
		{"chunked", chunked, read, "hello", "end"},
		{"coded", coded, read, string(gz), "end"},
		{"no body", "HTTP/1.1 204 No Content\r\n\r\n", read, "", "end"},
		{"closed unread", hello, func(_ context.Context, r *aiohttp.ClientResponse) { r.Close() }, "", "abandoned"},
		{"closed half way", chunked, func(ctx context.Context, r *aiohttp.ClientResponse) {
			r.Content.Read(ctx, make([]byte, 3))
			r.Close()
		}, "hel", "abandoned"},
		{"truncated", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", read, "hello", "abandoned"},
	} {
		var tap recordingTap
		script := func(ctx context.Context, p *peer) error {
			if _, err := p.readHead(ctx); err != nil {
				return err
			}
			return p.send(ctx, c.response)
		}
		run(t, script, func(ctx context.Context, w *world) error {
			resp, err := w.session.Get(ctx, "http://h/")
			if err != nil {
				return err
			}
			c.use(ctx, resp)
			resp.Close()
			return nil
		}, aiohttp.WithMiddlewares(func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
			resp, err := next(ctx, req)
			if err == nil {
				resp.Tap(ctx, &tap)
			}
			return resp, err
		}))
		if !slices.Equal(tap.ended, []string{c.end}) || string(tap.data) != c.want {
			t.Errorf("%s: got %q %v, want %q %s", c.name, tap.data, tap.ended, c.want, c.end)
		}
	}
}

// 1A.10: the chain runs once per hop, and again when the session repeats a hop because
// a kept connection had died.
func TestMiddlewaresRunAgainWhenADeadConnectionIsReplaced(t *testing.T) {
	var log []string
	var seen []exchange
	dying := func(ctx context.Context, p *peer) error {
		if p.id > 0 {
			return hops(&seen, hello)(ctx, p)
		}
		if _, err := p.readHead(ctx); err != nil {
			return err
		}
		if err := p.send(ctx, hello); err != nil {
			return err
		}
		_, err := p.readHead(ctx) // and is gone without a word
		return err
	}
	run(t, dying, func(ctx context.Context, w *world) error {
		if _, _, err := w.get(ctx, "http://h/"); err != nil {
			return err
		}
		_, _, err := w.get(ctx, "http://h/")
		return err
	}, aiohttp.WithMiddlewares(func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		req.Headers.Add("X-Seen", "once")
		resp, err := next(ctx, req)
		log = append(log, fmt.Sprint(err == nil, err != nil && req.Repeats()))
		return resp, err
	}))
	if want := []string{"true false", "false true", "true false"}; !slices.Equal(log, want) {
		t.Errorf("got %v, want %v", log, want)
	}
	if len(seen) != 1 || strings.Count(seen[0].head, "X-Seen") != 1 {
		t.Errorf("got %v, want the header once: the request starts afresh", seen)
	}
}

func TestMiddlewareCannotChangeTheDefaultsOfTheSession(t *testing.T) {
	shared := http.Header{"X-List": append(make([]string, 0, 4), "a")}
	var seen []exchange
	run(t, hops(&seen, hello), func(ctx context.Context, w *world) error {
		for range 2 {
			if _, _, err := w.get(ctx, "http://h/", aiohttp.WithHeaders(shared)); err != nil {
				return err
			}
		}
		return nil
	}, aiohttp.WithHeaders(http.Header{"X-Default": {"d"}}), aiohttp.WithMiddlewares(func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		req.Headers.Add("X-List", "b")
		req.Headers["X-Default"][0] = "changed " + req.Headers["X-Default"][0]
		return next(ctx, req)
	}))
	if len(shared["X-List"]) != 1 || shared["X-List"][:2][1] != "" {
		t.Errorf("the caller's header became %q", shared["X-List"][:2])
	}
	for _, e := range seen {
		if line(e.head, "X-Default") != "changed d" {
			t.Errorf("got %q, want the default as it was", line(e.head, "X-Default"))
		}
	}
}

// 1A.11
func TestTraceTakesAHeaderAway(t *testing.T) {
	var seen []exchange
	run(t, hops(&seen, to(307, "/next"), hello), func(ctx context.Context, w *world) error {
		_, _, err := w.get(ctx, "http://h/", aiohttp.WithHeaders(http.Header{"X-Own": {"o"}, "X-Kept": {"k"}}))
		return err
	}, aiohttp.WithHeaders(http.Header{"X-Default": {"d"}}), aiohttp.WithTrace(&aiohttp.TraceConfig{
		RequestStart: func(_ context.Context, _ *aiohttp.TraceInfo, h http.Header) {
			h.Del("X-Default")
			h.Del("X-Own")
		},
	}))
	for _, e := range seen {
		if strings.Contains(e.head, "X-Default") || strings.Contains(e.head, "X-Own") || line(e.head, "X-Kept") != "k" {
			t.Errorf("got %q", e.head)
		}
	}
}

func TestTotalTimeoutCoversMiddlewares(t *testing.T) {
	silent := func(ctx context.Context, p *peer) error { _, err := p.readHead(ctx); p.readHead(ctx); return err }
	sleeping := func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		if err := asyncio.Sleep(ctx, time.Hour); err != nil {
			return nil, fmt.Errorf("while it slept: %w", err)
		}
		return next(ctx, req)
	}
	passing := func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		if end, ok := req.Deadline(); !ok || end != asyncio.RunningLoop(ctx).Time()+time.Second {
			t.Errorf("got deadline %v, %v", end, ok)
		}
		return next(ctx, req)
	}
	for _, c := range []struct {
		m     aiohttp.ClientMiddleware
		phase aiohttp.Phase
	}{{sleeping, aiohttp.PhaseRequest}, {passing, aiohttp.PhaseHeader}} {
		run(t, silent, func(ctx context.Context, w *world) error {
			_, _, err := w.get(ctx, "http://h/", aiohttp.WithMiddlewares(c.m), aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: time.Second}))
			var total *aiohttp.TotalTimeoutError
			if !errors.As(err, &total) || total.Phase != c.phase || total.Limit != time.Second {
				t.Errorf("got %v, want the total timeout in phase %v", err, c.phase)
			}
			return nil
		})
	}
}

func TestBodyIsRewoundOrItIsKnownThatItCannotBe(t *testing.T) {
	pieces := func(yield func([]byte, error) bool) { yield([]byte("once"), nil) }
	for _, c := range []struct {
		name string
		body any
		want error
	}{
		{"none", nil, nil},
		{"bytes", []byte("x"), nil},
		{"seekable", strings.NewReader("x"), nil},
		{"stream", onlyReader{strings.NewReader("x")}, aiohttp.ErrBodyConsumed},
		{"iterator", pieces, aiohttp.ErrBodyConsumed},
	} {
		var seen []exchange
		run(t, hops(&seen, hello), func(ctx context.Context, w *world) error {
			resp, err := w.session.Post(ctx, "http://h/", aiohttp.WithData(c.body))
			if err != nil {
				return err
			}
			return resp.Close()
		}, aiohttp.WithMiddlewares(func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
			resp, err := next(ctx, req)
			if err != nil {
				return resp, err
			}
			if err := req.Rewind(ctx); !errors.Is(err, c.want) {
				t.Errorf("%s: got %v, want %v", c.name, err, c.want)
			}
			return resp, nil
		}))
	}
}

// A clone runs beside the original: the first answer wins.
func TestCloneRunsBesideTheOriginal(t *testing.T) {
	script := func(ctx context.Context, p *peer) error {
		if _, err := p.readHead(ctx); err != nil {
			return err
		}
		if p.id == 0 {
			_, err := p.readHead(ctx) // never answers
			return err
		}
		return p.send(ctx, hello)
	}
	var streams []error
	run(t, script, func(ctx context.Context, w *world) error {
		start := asyncio.RunningLoop(ctx).Time()
		resp, body, err := w.get(ctx, "http://h/", aiohttp.WithHeaders(http.Header{"X": {"1"}}))
		if took := asyncio.RunningLoop(ctx).Time() - start; err != nil || body != "hello" || took > time.Second || len(w.wires) != 2 {
			t.Errorf("got %q, %v after %v on %d connections", body, err, took, len(w.wires))
		}
		if resp != nil && resp.RequestInfo().Headers.Get("X") != "1" {
			t.Error("the clone lost a header")
		}
		_, err = w.session.Post(ctx, "http://h/", aiohttp.WithData(onlyReader{strings.NewReader("x")}))
		if !errors.Is(err, aiohttp.ErrClient) {
			t.Errorf("got %v", err)
		}
		return nil
	}, aiohttp.WithMiddlewares(func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		clone, err := req.Clone(ctx)
		if err != nil {
			streams = append(streams, err)
			return nil, err
		}
		return asyncio.Race(ctx,
			func(ctx context.Context) (*aiohttp.ClientResponse, error) { return next(ctx, req) },
			func(ctx context.Context) (*aiohttp.ClientResponse, error) {
				if err := asyncio.Sleep(ctx, 100*time.Millisecond); err != nil {
					return nil, err
				}
				return next(ctx, clone)
			})
	}))
	if len(streams) != 1 {
		t.Errorf("got %v, want the stream refused", streams)
	}
}

// A body that a clone is given is closed when what it was handed to has returned, and not while
// anybody still sends it, again perhaps.
func TestBodiesOfClonesAreClosed(t *testing.T) {
	bodies, sent := map[string]*closeable{}, false
	middle := func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		for _, name := range []string{"first", "second"} {
			clone, err := req.Clone(ctx)
			if err != nil {
				return nil, err
			}
			bodies[name] = &closeable{Reader: strings.NewReader(name)}
			if err := clone.UpdateBody(bodies[name]); err != nil {
				return nil, err
			}
			resp, err := next(ctx, clone)
			if err != nil {
				return nil, err
			}
			resp.Close()
			if !bodies[name].closed {
				t.Errorf("the %s body was not closed", name)
			}
		}
		return next(ctx, req)
	}
	inner := func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		resp, err := next(ctx, req)
		if last := bodies["second"]; len(bodies) == 1 && bodies["first"].closed || last != nil && !sent && last.closed {
			t.Errorf("a body is closed before its request is over")
		}
		sent = len(bodies) == 2
		return resp, err
	}
	for name, list := range map[string][]aiohttp.ClientMiddleware{"alone": {middle}, "around another": {middle, inner}} {
		t.Run(name, func(t *testing.T) {
			clear(bodies)
			sent = false
			var seen []exchange
			run(t, hops(&seen, hello), func(ctx context.Context, w *world) error {
				resp, err := w.session.Post(ctx, "http://h/", aiohttp.WithData("given"))
				if err != nil {
					return err
				}
				return resp.Close()
			}, aiohttp.WithMiddlewares(list...))
			if len(seen) != 3 || seen[0].body != "first" || seen[1].body != "second" || seen[2].body != "given" {
				t.Errorf("got %v", seen)
			}
		})
	}
}

// A middleware may use the session itself, here for a token, without meeting itself.
func TestMiddlewareMakesRequestsOfItsOwn(t *testing.T) {
	var seen []exchange
	run(t, hops(&seen, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ntoken", hello), func(ctx context.Context, w *world) error {
		_, body, err := w.get(ctx, "http://h/data")
		if body != "hello" {
			t.Errorf("got %q", body)
		}
		return err
	}, aiohttp.WithMiddlewares(func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		resp, err := req.Session().Post(ctx, "http://auth/token", aiohttp.WithForm(url.Values{"a": {"b"}}), aiohttp.WithMiddlewares())
		if err != nil {
			return nil, err
		}
		token, err := resp.Text(ctx)
		if err != nil {
			return nil, err
		}
		req.Headers.Set("Authorization", "Bearer "+token)
		return next(ctx, req)
	}))
	if len(seen) != 2 || line(seen[1].head, "Authorization") != "Bearer token" || line(seen[0].head, "Authorization") != "" {
		t.Errorf("got %v", seen)
	}
}
