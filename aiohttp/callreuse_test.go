package aiohttp_test

// A session uses the memory of a finished call again. Nobody must be able to tell: neither from a
// response that was kept, nor from the request that came next.

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
)

// echo is a script that answers with the head of the request, except for the paths /moved, which
// redirects, and /stalls, whose body does not come.
func echo(ctx context.Context, p *peer) error {
	for {
		head, err := p.readHead(ctx)
		if err != nil {
			return err
		}
		head = strings.TrimPrefix(head, "text") // the body before
		answer := fmt.Sprintf("HTTP/1.1 200 OK\r\nX-Head: 1\r\nContent-Length: %d\r\n\r\n%s", len(head), head)
		switch {
		case strings.HasPrefix(head, "HEAD"):
			answer = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"
		case strings.Contains(head, "/moved"):
			answer = "HTTP/1.1 302 Found\r\nLocation: /target\r\nContent-Length: 0\r\n\r\n"
		case strings.Contains(head, "/stalls"):
			answer = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nabc"
		}
		if err := p.send(ctx, answer); err != nil {
			return err
		}
	}
}

// described is everything a response says of itself.
func described(ctx context.Context, r *aiohttp.ClientResponse) string {
	info := r.RequestInfo()
	text, err := r.Text(ctx)
	return fmt.Sprintln(r.Status, r.Reason, r.Proto, r.Headers, r.URL, r.Method(), r.Host(), info.Method, info.URL, info.Headers,
		text, err, len(r.History), r.ContentLength(), r.OK(), r.Closed())
}

func TestResponsesOutliveTheRequestsThatFollow(t *testing.T) {
	run(t, echo, func(ctx context.Context, w *world) error {
		requests := []struct {
			method, path string
			opts         []aiohttp.RequestOption
		}{
			{"GET", "/first", nil},
			{"GET", "/plain", nil},
			{"GET", "/plain", nil},
			{"HEAD", "/plain", nil},
			{"GET", "/query?a=1", []aiohttp.RequestOption{aiohttp.WithParams(url.Values{"b": {"2"}})}},
			{"PUT", "/body", []aiohttp.RequestOption{aiohttp.WithData("text")}},
			{"GET", "/own", []aiohttp.RequestOption{aiohttp.WithHeaders(http.Header{"X-Own": {"1"}})}},
			{"GET", "/moved", nil},
			{"GET", "/moved", []aiohttp.RequestOption{aiohttp.WithAllowRedirects(false)}},
			{"GET", "/plain", nil},
		}
		kept := make([]*aiohttp.ClientResponse, len(requests))
		want := make([]string, len(requests))
		for i, r := range requests {
			resp, err := w.session.Request(ctx, r.method, "http://example.com"+r.path, r.opts...)
			if err != nil {
				return err
			}
			kept[i], want[i] = resp, described(ctx, resp)
			if resp.History != nil {
				kept, want = append(kept, resp.History...), append(want, described(ctx, resp.History[0]))
			}
		}
		for i, resp := range kept {
			if got := described(ctx, resp); got != want[i] {
				t.Errorf("response %d: got %s, want it as it was: %s", i, got, want[i])
			}
		}
		if len(w.wires) != 1 || len(kept) != len(requests)+1 {
			t.Errorf("got %d connections and %d responses, want 1 and one redirect more than there were requests", len(w.wires), len(kept))
		}
		return nil
	})
}

func TestBodyIsReadWithinTheLimitsOfItsOwnRequest(t *testing.T) {
	run(t, echo, func(ctx context.Context, w *world) error {
		if _, _, err := w.get(ctx, "http://example.com/opens"); err != nil {
			return err
		}
		slow, err := w.session.Get(ctx, "http://example.com/stalls", aiohttp.WithTimeout(aiohttp.ClientTimeout{ReadIdle: time.Second}))
		if err != nil {
			return err
		}
		for range 3 {
			if _, _, err := w.get(ctx, "http://example.com/other", aiohttp.WithTimeout(aiohttp.ClientTimeout{ReadIdle: time.Hour})); err != nil {
				return err
			}
		}
		body, err := slow.Read(ctx)
		var late *aiohttp.SocketTimeoutError
		if !errors.As(err, &late) || late.Limit != time.Second || late.URL != "http://example.com/stalls" || string(body) != "abc" {
			t.Errorf("got %q, %v, want abc and the limit of one second of /stalls", body, err)
		}
		return nil
	})
}

func TestNothingOfARequestIsInTheNext(t *testing.T) {
	run(t, echo, func(ctx context.Context, w *world) error {
		_, want, err := w.get(ctx, "http://example.com/plain")
		if err != nil {
			return err
		}
		const userinfo = "http://user:secret@example.com/plain"
		for i, opt := range []aiohttp.RequestOption{
			aiohttp.WithMaxRedirects(3), aiohttp.WithData("text"), aiohttp.WithHeaders(http.Header{"X-Own": {"1"}}),
			aiohttp.WithParams(url.Values{"b": {"2"}}), aiohttp.WithCookies(&http.Cookie{Name: "a", Value: "b"}), aiohttp.WithAutoDecompress(false),
		} {
			for _, address := range []string{"http://example.com/plain", userinfo} {
				if _, sent, err := w.get(ctx, address, opt); err != nil || i > 0 && sent == want {
					t.Errorf("option %d to %s: sent\n%s%v", i, address, sent, err)
				}
				if _, got, err := w.get(ctx, "http://example.com/plain"); err != nil || got != want {
					t.Errorf("after option %d to %s: sent\n%s%v, want\n%s", i, address, got, err, want)
				}
			}
		}
		return nil
	})
}

func TestURLOfAResponseIsOnesOwn(t *testing.T) {
	run(t, echo, func(ctx context.Context, w *world) error {
		for range 3 {
			resp, body, err := w.get(ctx, "http://example.com/a?b=c")
			if err != nil {
				return err
			}
			if got := resp.URL.String(); got != "http://example.com/a?b=c" || !strings.HasPrefix(body, "GET /a?b=c HTTP/1.1\r\nHost: example.com\r\n") {
				t.Errorf("got %s and sent %q, want what was asked for", got, body)
			}
			resp.URL.Scheme, resp.URL.Host, resp.URL.Path, resp.URL.RawQuery = "ftp", "other.example", "/x", ""
		}
		return nil
	})
}
