package demo

// The endpoints that behave: each sends what its row in the table says.

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aio-go/aio/aiohttp/web"
	"github.com/aio-go/aio/asyncio"
)

// Limits of what a client may ask for.
const (
	maxBytes = 1 << 30
	maxDelay = 3600
)

// number reads a path parameter between 0 and most.
func number(req *web.Request, name string, most int64) (int64, error) {
	text := req.MatchInfo().Get(name)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > most {
		return 0, web.HTTPBadRequest(web.WithText(fmt.Sprintf("%s: want a number from 0 to %d, got %q\n", name, most, text)))
	}
	return n, nil
}

func seconds(req *web.Request) (time.Duration, error) {
	text := req.MatchInfo().Get("seconds")
	s, err := strconv.ParseFloat(text, 64)
	if err != nil || !(s >= 0 && s <= maxDelay) {
		return 0, web.HTTPBadRequest(web.WithText(fmt.Sprintf("seconds: want a number from 0 to %d, got %q\n", maxDelay, text)))
	}
	return time.Duration(s * float64(time.Second)), nil
}

func hello(context.Context, *web.Request) (web.AnyResponse, error) {
	return web.Text("Hello from aio!\n"), nil
}

func delay(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
	d, err := seconds(req)
	if err != nil {
		return nil, err
	}
	if err := asyncio.Sleep(ctx, d); err != nil {
		return nil, err
	}
	return web.Text(fmt.Sprintf("Here after %v.\n", d)), nil
}

func sized(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
	n, err := number(req, "n", maxBytes)
	if err != nil {
		return nil, err
	}
	h := http.Header{"Content-Length": {strconv.FormatInt(n, 10)}}
	if n <= pieceSize {
		h.Set("X-Sha256", Digest(n))
		h.Del("Content-Length")
		return &web.Response{Body: Body(n), Headers: h, ContentType: "application/octet-stream"}, nil
	}
	if n <= 1<<20 {
		h.Set("X-Sha256", Digest(n))
	}
	return stream(ctx, req, h, n)
}

func digest(_ context.Context, req *web.Request) (web.AnyResponse, error) {
	n, err := number(req, "n", 1<<24)
	if err != nil {
		return nil, err
	}
	return web.Text(Digest(n) + "\n"), nil
}

func chunked(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
	n, err := number(req, "n", maxBytes)
	if err != nil {
		return nil, err
	}
	return stream(ctx, req, http.Header{}, n)
}

// stream sends the body of size n piece by piece, in chunks unless h has a Content-Length.
func stream(ctx context.Context, req *web.Request, h http.Header, n int64) (web.AnyResponse, error) {
	resp := &web.StreamResponse{Headers: h}
	if err := resp.Prepare(ctx, req); err != nil {
		return nil, err
	}
	return resp, Pieces(n, func(p []byte) error { return resp.Write(ctx, p) })
}

func slowBody(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
	d, err := seconds(req)
	if err != nil {
		return nil, err
	}
	const pieces = 10
	resp := &web.StreamResponse{ContentType: "text/plain"}
	if err := resp.Prepare(ctx, req); err != nil {
		return nil, err
	}
	for range pieces {
		if err := asyncio.Sleep(ctx, d/pieces); err != nil {
			return nil, err
		}
		if err := resp.Write(ctx, bytes.Repeat([]byte("slow\n"), 200)); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

func gzipped(context.Context, *web.Request) (web.AnyResponse, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	fmt.Fprint(z, strings.Repeat("All work and no play makes a dull page.\n", 500))
	z.Close()
	return &web.Response{Body: b.Bytes(), ContentType: "text/plain", Headers: http.Header{"Content-Encoding": {"gzip"}}}, nil
}

func redirect(_ context.Context, req *web.Request) (web.AnyResponse, error) {
	n, err := number(req, "n", 1000)
	if err != nil {
		return nil, err
	}
	if n <= 1 {
		return nil, web.HTTPFound("/hello")
	}
	return nil, web.HTTPFound("/redirect/" + strconv.FormatInt(n-1, 10))
}

func loop(context.Context, *web.Request) (web.AnyResponse, error) {
	return nil, web.HTTPFound("/redirect-loop")
}

func status(_ context.Context, req *web.Request) (web.AnyResponse, error) {
	code, err := number(req, "code", 599)
	if err != nil {
		return nil, err
	}
	if code < 200 {
		return nil, web.HTTPBadRequest(web.WithText("code: want 200 to 599\n"))
	}
	return web.Text(fmt.Sprintf("%d %s\n", code, http.StatusText(int(code)))).WithStatus(int(code)), nil
}

func headers(_ context.Context, req *web.Request) (web.AnyResponse, error) {
	return web.JSONResponse(req.Headers), nil
}

func echo(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
	body, err := req.Read(ctx)
	if err != nil {
		return nil, err
	}
	return web.JSONResponse(map[string]any{
		"method": req.Method, "path": req.PathQS(), "headers": req.Headers, "body": string(body),
	}), nil
}
