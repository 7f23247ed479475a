//go:build linux && !race && !aio_fallback

package aiohttp_test

// What a request that waits for its answer keeps of the stack, in a process of its own: a task
// keeps the largest stack that it ever needed, which is when it makes its connection, and stacks
// double. The race detector makes frames larger.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// stackChild names, in the environment of a child of TestWaitingRequestKeepsASmallStack, the
// kind of requests it is to make.
const stackChild = "AIOHTTP_TEST_STACK"

// waitingKinds are requests that are answered by nobody.
var waitingKinds = map[string]func(ctx context.Context, s *aiohttp.ClientSession, url string) (*aiohttp.ClientResponse, error){
	"Get": func(ctx context.Context, s *aiohttp.ClientSession, url string) (*aiohttp.ClientResponse, error) {
		return s.Get(ctx, url)
	},
	"Request with options": func(ctx context.Context, s *aiohttp.ClientSession, url string) (*aiohttp.ClientResponse, error) {
		return s.Request(ctx, "POST", url, aiohttp.WithHeaders(http.Header{"X-Test": {"1"}}),
			aiohttp.WithData("text"), aiohttp.WithTimeout(aiohttp.ClientTimeout{Dial: time.Hour, ResponseHeader: time.Hour}))
	},
}

func TestWaitingRequestKeepsASmallStack(t *testing.T) {
	if kind := os.Getenv(stackChild); kind != "" {
		measureWaiting(t, waitingKinds[kind])
		return
	}
	// Here and there a task has needed the next size: when a page of memory was used up just
	// where its stack was at its deepest.
	const want, tolerance = 4 << 10, 1 << 10
	for kind := range waitingKinds {
		t.Run(kind, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestWaitingRequestKeepsASmallStack$", "-test.v")
			// Stacks begin with 2 KiB, however large those before them have become.
			cmd.Env = append(os.Environ(), stackChild+"="+kind, "GODEBUG=adaptivestackstart=0")
			out, err := cmd.CombinedOutput()
			_, figure, ok := strings.Cut(string(out), "stack of each: ")
			figure, _, _ = strings.Cut(figure, "\n")
			got, parseErr := strconv.Atoi(figure)
			if err := errors.Join(err, parseErr); err != nil || !ok {
				t.Fatalf("%v: %s", err, out)
			}
			if got > want+tolerance {
				t.Errorf("a request that waits keeps %d bytes of stack, want at most %d: a frame between ClientSession.Request and the sockets has grown", got, want+tolerance)
			}
		})
	}
}

// measureWaiting has requests wait, and prints how much stack there is for each of them.
func measureWaiting(t *testing.T, request func(ctx context.Context, s *aiohttp.ClientSession, url string) (*aiohttp.ClientResponse, error)) {
	const n = 500
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var conns []net.Conn
	onLoop(t, func(ctx context.Context) error {
		connector := aiohttp.NewTCPConnector(aiohttp.WithLimit(0))
		defer connector.Close()
		session := aiohttp.NewClientSession(aiohttp.WithConnector(connector))
		defer session.Close()
		return asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			wait := func(n int) error {
				for range n {
					g.Go(func(ctx context.Context) error {
						_, err := request(ctx, session, "http://"+ln.Addr().String())
						return err
					})
				}
				more, err := asyncio.ToThread(ctx, func(context.Context) ([]net.Conn, error) { return acceptRequests(ln, n) })
				conns = append(conns, more...)
				return err
			}
			if err := wait(1); err != nil { // what is needed once
				return err
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			if err := wait(n); err != nil {
				return err
			}
			runtime.ReadMemStats(&after)
			fmt.Printf("stack of each: %d\n", int(after.StackInuse-before.StackInuse)/n)
			g.Cancel(nil)
			return nil
		})
	})
	for _, conn := range conns {
		conn.Close()
	}
}

// acceptRequests returns n connections when on each of them a request has come.
func acceptRequests(ln net.Listener, n int) (conns []net.Conn, err error) {
	for range n {
		conn, err := ln.Accept()
		if err != nil {
			return conns, err
		}
		conns = append(conns, conn)
		if _, err := io.ReadAtLeast(conn, make([]byte, 16), 16); err != nil {
			return conns, err
		}
	}
	return conns, nil
}
