package aiohttp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// site stands in for the network in the examples.
func site() *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/greet", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "Hello, ", r.FormValue("name")) })
	mux.HandleFunc("/data", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"id": 7}`)
	})
	mux.HandleFunc("/lines", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "one\ntwo\n") })
	mux.HandleFunc("/old", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/greet?name=you", http.StatusFound) })
	return httptest.NewServer(mux)
}

func ExampleClientSession() {
	server := site()
	defer server.Close()
	asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		session := aiohttp.NewClientSession(aiohttp.WithBaseURL(server.URL + "/"))
		defer session.Close()
		resp, err := session.Get(ctx, "greet", aiohttp.WithParams(url.Values{"name": {"world"}}))
		if err != nil {
			return struct{}{}, err
		}
		defer resp.Close()
		text, err := resp.Text(ctx)
		fmt.Println(resp.Status, text)
		return struct{}{}, err
	})
	// Output: 200 Hello, world
}

// Many requests at once, never more than two at a time to one host.
func ExampleClientSession_concurrent() {
	server := site()
	defer server.Close()
	asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		session := aiohttp.NewClientSession(aiohttp.WithConnector(aiohttp.NewTCPConnector(aiohttp.WithLimitPerHost(2))))
		defer session.Connector().Close()
		names := []string{"Ada", "Edsger", "Grace"}
		greetings := make([]string, len(names)) // shared without a lock: tasks take turns
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			for i, name := range names {
				g.Go(func(ctx context.Context) error {
					resp, err := session.Get(ctx, server.URL+"/greet", aiohttp.WithParams(url.Values{"name": {name}}))
					if err != nil {
						return err
					}
					defer resp.Close()
					greetings[i], err = resp.Text(ctx)
					return err
				})
			}
			return nil
		})
		fmt.Println(strings.Join(greetings, "; "))
		return struct{}{}, err
	})
	// Output: Hello, Ada; Hello, Edsger; Hello, Grace
}

func ExampleDecodeJSON() {
	server := site()
	defer server.Close()
	asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		resp, err := aiohttp.Request(ctx, "GET", server.URL+"/data")
		if err != nil {
			return struct{}{}, err
		}
		defer resp.Close()
		item, err := aiohttp.DecodeJSON[struct{ ID int }](ctx, resp)
		fmt.Println(item.ID)
		return struct{}{}, err
	})
	// Output: 7
}

func ExampleStreamReader_Lines() {
	server := site()
	defer server.Close()
	asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		resp, err := aiohttp.Request(ctx, "GET", server.URL+"/lines")
		if err != nil {
			return struct{}{}, err
		}
		defer resp.Close()
		for line, err := range resp.Content.Lines() {
			if err != nil {
				return struct{}{}, err
			}
			fmt.Printf("%q\n", line)
		}
		return struct{}{}, nil
	})
	// Output:
	// "one\n"
	// "two\n"
}

func ExampleClientResponse_history() {
	server := site()
	defer server.Close()
	asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		resp, err := aiohttp.Request(ctx, "GET", server.URL+"/old")
		if err != nil {
			return struct{}{}, err
		}
		defer resp.Close()
		fmt.Println(resp.History[0].Status, resp.History[0].URL.Path, "to", resp.URL.Path)
		return struct{}{}, nil
	})
	// Output: 302 /old to /greet
}

// A middleware that tries again when a server is busy.
func ExampleClientMiddleware() {
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	retry := func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		for pause := time.Millisecond; ; pause *= 2 {
			resp, err := next(ctx, req)
			if err != nil || resp.Status != http.StatusServiceUnavailable {
				return resp, err
			}
			resp.Close()
			if err := asyncio.Sleep(ctx, pause); err != nil {
				return nil, err
			}
		}
	}
	asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		session := aiohttp.NewClientSession(aiohttp.WithMiddlewares(retry))
		defer session.Close()
		resp, err := session.Get(ctx, server.URL)
		if err != nil {
			return struct{}{}, err
		}
		defer resp.Close()
		fmt.Println(resp.Status, "after", calls.Load(), "calls")
		return struct{}{}, nil
	})
	// Output: 200 after 3 calls
}

// Errors are told apart as closely as one likes.
func ExampleClientTimeout() {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		session := aiohttp.NewClientSession(aiohttp.WithTimeout(aiohttp.ClientTimeout{ResponseHeader: 10 * time.Millisecond}))
		defer session.Close()
		_, err := session.Get(ctx, server.URL)
		fmt.Println(errors.Is(err, aiohttp.ErrResponseHeaderTimeout), errors.Is(err, aiohttp.ErrServerTimeout), errors.Is(err, aiohttp.ErrClient))
		fmt.Println(errors.Is(err, context.DeadlineExceeded), errors.Is(err, aiohttp.ErrTotalTimeout))
		return struct{}{}, nil
	})
	// Output:
	// true true true
	// true false
}
