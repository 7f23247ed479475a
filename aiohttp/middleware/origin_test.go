package middleware_test

// The other end, for tests: a middleware inside of all others that answers by itself, so
// that no connection is needed and time is virtual.

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// reply is what the origin says to one request.
type reply struct {
	status  int
	headers http.Header
	body    string
	err     error
}

// origin records what arrives and answers with what answer returns; n counts from 1.
type origin struct {
	t      testing.TB
	seen   []aiohttp.ClientRequest
	closed int
	answer func(ctx context.Context, n int, req *aiohttp.ClientRequest) reply
}

func (o *origin) serve(ctx context.Context, req *aiohttp.ClientRequest, _ aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
	saved := *req
	saved.Headers = req.Headers.Clone()
	o.seen = append(o.seen, saved)
	r := o.answer(ctx, len(o.seen), req)
	if r.err != nil {
		return nil, r.err
	}
	return req.Answer(r.status, r.headers, &closer{o, asyncReader{ctx, r.body, 0}}), nil
}

// asyncReader yields one byte after the other.
type asyncReader struct {
	ctx  context.Context
	body string
	off  int
}

func (r *asyncReader) read(p []byte) (int, error) {
	if r.off == len(r.body) {
		return 0, io.EOF
	}
	n := copy(p, r.body[r.off:min(r.off+7, len(r.body))])
	r.off += n
	return n, nil
}

type closer struct {
	origin *origin
	r      asyncReader
}

func (c *closer) Read(p []byte) (int, error) { return c.r.read(p) }
func (c *closer) Len() int                   { return len(c.r.body) }
func (c *closer) Close() error               { c.origin.closed++; return nil }

// replies answers with each of the list in turn, later requests with the last.
func replies(list ...reply) *origin {
	return &origin{answer: func(_ context.Context, n int, _ *aiohttp.ClientRequest) reply { return list[min(n, len(list))-1] }}
}

// run runs body with a session whose requests pass through list and end at o.
func run(t *testing.T, o *origin, list []aiohttp.ClientMiddleware, body func(ctx context.Context, s *aiohttp.ClientSession) error, opts ...aiotest.Option) {
	t.Helper()
	o.t = t
	aiotest.Run(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession(aiohttp.WithMiddlewares(append(list[:len(list):len(list)], o.serve)...))
		defer s.Close()
		return body(ctx, s)
	}, opts...)
}

// fetch makes a request and reads the answer to its end.
func fetch(ctx context.Context, s *aiohttp.ClientSession, method, url string, opts ...aiohttp.RequestOption) (*aiohttp.ClientResponse, string, error) {
	resp, err := s.Request(ctx, method, url, opts...)
	if err != nil {
		return nil, "", err
	}
	defer resp.Close()
	body, err := resp.Read(ctx)
	return resp, string(body), err
}

// get is fetch for what must not fail.
func get(ctx context.Context, t testing.TB, s *aiohttp.ClientSession, url string, opts ...aiohttp.RequestOption) (*aiohttp.ClientResponse, string) {
	t.Helper()
	resp, body, err := fetch(ctx, s, "GET", url, opts...)
	if err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
	return resp, body
}

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func withHeader(pairs ...string) aiohttp.RequestOption { return aiohttp.WithHeaders(header(pairs...)) }

// methods returns "GET /path" for all requests that arrived.
func (o *origin) methods() []string {
	var out []string
	for _, r := range o.seen {
		out = append(out, fmt.Sprint(r.Method, " ", r.URL.Path))
	}
	return out
}

func spawn(ctx context.Context, f func(ctx context.Context) error) *asyncio.Task[struct{}] {
	return asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, f(ctx) })
}

func zipped(s string) []byte {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	w.Write([]byte(s))
	w.Close()
	return buf.Bytes()
}
