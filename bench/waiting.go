package bench

// Requests that wait: very many at the same time, to one host that answers none of
// them before it has got all. What is of interest is what each holds meanwhile.

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// slowBody is what the slow host answers.
const slowBody = "done"

// Waiting is the work. An iteration is one batch of N requests, each on a connection of its
// own; the URL is that of SlowHost.
var Waiting = []Work{{
	Op: "waiting", About: "10,000 requests wait for one slow host", N: 10_000, Steps: 1, Body: len(slowBody), Waiting: true,
	Impls: []Impl{{"aio", waitAio}, {"nethttp", waitNetHTTP}, {"fasthttp", waitFastHTTP}},
}}

// WaitingURL is where n requests, and no more, are to be sent at a time.
func WaitingURL(host string, n int) string { return host + "/" + strconv.Itoa(n) }

func waitAio(r Round) {
	url := WaitingURL(r.URL, r.N)
	run(func(ctx context.Context) error {
		connector := aiohttp.NewTCPConnector(aiohttp.WithLimit(0))
		defer connector.Close()
		session := aiohttp.NewClientSession(aiohttp.WithConnector(connector))
		defer session.Close()
		for r.Loop() {
			err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
				for range r.N {
					g.Go(func(ctx context.Context) error {
						resp, err := session.Get(ctx, url)
						if err != nil {
							return err
						}
						body, err := resp.Read(ctx)
						return r.check(resp.Status, len(body), err)
					})
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func waitNetHTTP(r Round) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: r.N}}
	defer client.CloseIdleConnections()
	waitGoroutines(r, func(url string) error {
		resp, err := client.Get(url)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		return errors.Join(r.check(resp.StatusCode, len(body), err), resp.Body.Close())
	})
}

func waitFastHTTP(r Round) {
	client := &fasthttp.Client{MaxConnsPerHost: r.N, MaxIdleConnDuration: time.Hour}
	defer client.CloseIdleConnections()
	waitGoroutines(r, func(url string) error {
		req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		defer fasthttp.ReleaseRequest(req)
		defer fasthttp.ReleaseResponse(resp)
		req.SetRequestURI(url)
		err := client.Do(req, resp)
		return r.check(resp.StatusCode(), len(resp.Body()), err)
	})
}

// waitGoroutines makes each request from a goroutine.
func waitGoroutines(r Round, get func(url string) error) {
	url := WaitingURL(r.URL, r.N)
	for r.Loop() {
		var wg sync.WaitGroup
		for range r.N {
			wg.Go(func() {
				if err := get(url); err != nil {
					panic("bench: " + err.Error())
				}
			})
		}
		wg.Wait()
	}
}

// SlowHost is a server that answers requests for "/N" as soon as N of them wait.
var SlowHost = TCPServer{"slow host", serveSlow}

// crowd is who waits for whom.
type crowd struct {
	mu      sync.Mutex
	waiting map[int]int
	gates   map[int]chan struct{}
}

// join waits until n have joined.
func (c *crowd) join(n int) {
	c.mu.Lock()
	gate := c.gates[n]
	if gate == nil {
		gate = make(chan struct{})
		c.gates[n] = gate
	}
	if c.waiting[n]++; c.waiting[n] == n {
		close(gate)
		delete(c.gates, n)
		delete(c.waiting, n)
	}
	c.mu.Unlock()
	<-gate
}

func serveSlow(ready func([]net.Addr), stop <-chan struct{}) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	c := &crowd{waiting: map[int]int{}, gates: map[int]chan struct{}{}}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go c.serve(conn)
		}
	}()
	ready([]net.Addr{ln.Addr()})
	<-stop
	return ln.Close()
}

// serve answers the requests of one connection.
func (c *crowd) serve(conn net.Conn) {
	defer conn.Close()
	answer := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(slowBody), slowBody)
	lines := bufio.NewReaderSize(conn, 512)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return // the client has gone
		}
		_, target, _ := bytes.Cut(line, []byte(" /"))
		target, _, _ = bytes.Cut(target, []byte(" "))
		n, err := strconv.Atoi(string(target))
		if err != nil {
			return
		}
		for len(bytes.TrimSpace(line)) > 0 {
			if line, err = lines.ReadSlice('\n'); err != nil {
				return
			}
		}
		c.join(n)
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}
