package demo

// The endpoints that misbehave, and the list that mixes them with the others.

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/aio-go/aio/aiohttp/web"
)

// errOnPurpose makes the server cut the connection, because the head has been sent already, and log nothing.
var errOnPurpose = fmt.Errorf("broken off on purpose: %w", web.ErrConnectionLost)

// fails counts a try of the request's path and key and reports whether it is one of the first k.
func (s *Server) fails(req *web.Request) (bool, error) {
	k, err := number(req, "k", 100)
	if err != nil {
		return false, err
	}
	key := req.PathQS()
	if int64(s.tries[key]) >= k || len(s.tries) >= maxTries {
		delete(s.tries, key)
		return false, nil
	}
	s.tries[key]++
	return true, nil
}

func (s *Server) flaky(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
	failed, err := s.fails(req)
	if err != nil || !failed {
		return finally(err)
	}
	resp := web.Text("Try again in a second.\n").WithStatus(http.StatusServiceUnavailable)
	resp.Header().Set("Retry-After", "1")
	return resp, nil
}

func (s *Server) drops(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
	failed, err := s.fails(req)
	if err != nil || !failed {
		return finally(err)
	}
	return drop(ctx, req)
}

func finally(err error) (web.AnyResponse, error) {
	if err != nil {
		return nil, err
	}
	return web.Text("It works now.\n"), nil
}

func drop(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
	return breakOff(ctx, req, http.Header{})
}

func truncated(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
	return breakOff(ctx, req, http.Header{"Content-Length": {"1000"}})
}

func breakOff(ctx context.Context, req *web.Request, h http.Header) (web.AnyResponse, error) {
	resp := &web.StreamResponse{Headers: h}
	if err := resp.Prepare(ctx, req); err != nil {
		return nil, err
	}
	if err := resp.Write(ctx, Body(500)); err != nil {
		return nil, err
	}
	return nil, errOnPurpose
}

// links answers with a list of URLs, ?n= of them.
func links(_ context.Context, req *web.Request) (web.AnyResponse, error) {
	n := int64(500)
	if text := req.Query().Get("n"); text != "" {
		var err error
		if n, err = strconv.ParseInt(text, 10, 64); err != nil || n < 0 || n > 100_000 {
			return nil, web.HTTPBadRequest(web.WithText("n: want a number from 0 to 100000\n"))
		}
	}
	return web.Text(strings.Join(Links(origin(req), int(n)), "\n") + "\n"), nil
}

// Links returns n URLs below origin that all succeed in the end: most at once, some after a while, some after a
// redirect or two, some only when they are tried again.
func Links(origin string, n int) []string {
	list := make([]string, 0, n)
	g := generator{state: 1}
	for i := range n {
		r := g.next()
		list = append(list, origin+link(i, int(r%100), r>>8))
	}
	return list
}

// link chooses by percent; r is what is left of the random number.
func link(i, percent int, r uint64) string {
	switch {
	case percent < 52:
		return fmt.Sprintf("/bytes/%d", 200+r%1000<<(r>>16%8))
	case percent < 54:
		return fmt.Sprintf("/bytes/%d", 1_000_000+r%4_000_000)
	case percent < 66:
		return fmt.Sprintf("/delay/%.3f?i=%d", float64(r%800)/1000, i)
	case percent < 74:
		return fmt.Sprintf("/chunked/%d", 1000+r%200_000)
	case percent < 80:
		return fmt.Sprintf("/gzip?i=%d", i)
	case percent < 87:
		return fmt.Sprintf("/redirect/%d?i=%d", 1+r%3, i)
	case percent < 93:
		return fmt.Sprintf("/flaky/%d?key=%d", 1+r%2, i)
	case percent < 96:
		return fmt.Sprintf("/drops/1?key=%d", i)
	case percent < 98:
		return fmt.Sprintf("/slow-body/%.1f?i=%d", 0.5+float64(r%10)/10, i)
	}
	return fmt.Sprintf("/hello?i=%d", i)
}
