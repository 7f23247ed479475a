package aiotest

// HTTP in tests: an application with a client that talks to it in memory, and a client whose
// every exchange is written down beforehand.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/web"
	"github.com/aio-go/aio/asyncio"
)

// A TestClient is a session whose requests go to one application, without sockets. Its URLs
// may be paths. aiohttp: TestClient.
type TestClient struct {
	*aiohttp.ClientSession
	// Runner runs the application.
	Runner    *web.AppRunner
	connector aiohttp.Connector
}

// NewTestClient sets app up and returns a client for it. It suspends if the application's
// startup hooks do. Close it before the test ends.
//
//	client, err := aiotest.NewTestClient(ctx, app)
//	if err != nil {
//		return err
//	}
//	defer client.Shutdown(ctx)
//	resp, err := client.Get(ctx, "/hello")
func NewTestClient(ctx context.Context, app *web.Application, opts ...aiohttp.SessionOption) (*TestClient, error) {
	runner := web.NewAppRunner(app)
	if err := runner.Setup(ctx); err != nil {
		return nil, err
	}
	connector := runner.NewConnector()
	opts = append([]aiohttp.SessionOption{aiohttp.WithConnector(connector), aiohttp.WithBaseURL("http://app.test/")}, opts...)
	return &TestClient{aiohttp.NewClientSession(opts...), runner, connector}, nil
}

// Shutdown closes the session and stops the application gracefully. It suspends.
func (c *TestClient) Shutdown(ctx context.Context) error {
	return errors.Join(c.Close(), c.connector.Close(), c.Runner.Cleanup(context.WithoutCancel(ctx)))
}

// An Exchange is one request that a [Script] expects, and what it answers.
type Exchange struct {
	// Method and URL are what the request must have; empty is anything.
	Method, URL string
	// Check looks at the request; its error fails the test.
	Check func(ctx context.Context, req *aiohttp.ClientRequest) error

	// Delay passes before the answer.
	Delay time.Duration
	// Err is returned instead of an answer.
	Err error
	// Status, Headers and Body are the answer; Status 0 is 200.
	Status  int
	Headers http.Header
	Body    string
	// Raw, if there is any, is the answer as bytes of a connection, each piece in a turn of
	// its own, after which the connection ends: for answers that are not HTTP, or not whole.
	Raw []string
}

// A Script answers requests from a list: the n-th request, redirects counting, gets the n-th
// answer. No connection is made.
type Script struct {
	t     testing.TB
	steps []Exchange
	next  int
}

// NewScript returns a script. A request beyond its end, or another than expected, fails the
// test and gets an error.
func NewScript(t testing.TB, steps ...Exchange) *Script { return &Script{t: t, steps: steps} }

// Session returns a session whose requests the script answers. The script is a middleware of
// the session: a request with WithMiddlewares of its own gets past it and fails, and
// middlewares that are to be tested are given to With.
func (s *Script) Session(opts ...aiohttp.SessionOption) *aiohttp.ClientSession {
	return s.With(nil, opts...)
}

// With is Session with middlewares around the script.
func (s *Script) With(list []aiohttp.ClientMiddleware, opts ...aiohttp.SessionOption) *aiohttp.ClientSession {
	opts = append(opts, aiohttp.WithConnector(aiohttp.NewDialConnector(s.dial, aiohttp.WithForceClose(), aiohttp.WithoutTLS())),
		aiohttp.WithMiddlewares(append(list[:len(list):len(list)], s.answer)...))
	return aiohttp.NewClientSession(opts...)
}

// Done reports an error of the test for exchanges that have not taken place.
func (s *Script) Done() {
	s.t.Helper()
	for _, e := range s.steps[min(s.next, len(s.steps)):] {
		s.t.Errorf("the script still expects %s", e.describe())
	}
}

func (e *Exchange) describe() string {
	method, url := e.Method, e.URL
	if method == "" {
		method = "a request"
	}
	if url == "" {
		url = "anything"
	}
	return method + " for " + url
}

// answer is a client middleware that never goes further, unless the answer is raw.
func (s *Script) answer(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
	s.t.Helper()
	if s.next >= len(s.steps) {
		return nil, s.fail("the script is over, and then came %s %s", req.Method, req.URL)
	}
	e := &s.steps[s.next]
	s.next++
	if e.Method != "" && e.Method != req.Method || e.URL != "" && e.URL != req.URL.String() {
		return nil, s.fail("request %d: got %s %s, want %s", s.next, req.Method, req.URL, e.describe())
	}
	if e.Check != nil {
		if err := e.Check(ctx, req); err != nil {
			return nil, s.fail("request %d, %s %s: %v", s.next, req.Method, req.URL, err)
		}
	}
	if e.Delay > 0 {
		if err := asyncio.Sleep(ctx, e.Delay); err != nil {
			return nil, err
		}
	}
	switch {
	case e.Err != nil:
		return nil, e.Err
	case e.Raw != nil:
		return next(context.WithValue(ctx, exchangeKey{}, e), req)
	}
	status := e.Status
	if status == 0 {
		status = http.StatusOK
	}
	return req.AnswerBytes(status, e.Headers.Clone(), []byte(e.Body)), nil
}

// exchangeKey is the key of the exchange for which a connection is made.
type exchangeKey struct{}

func (s *Script) fail(format string, args ...any) error {
	s.t.Helper()
	err := fmt.Errorf(format, args...)
	s.t.Error(err)
	return err
}

// dial makes the connection of a raw answer.
func (s *Script) dial(ctx context.Context, _, _ string) (*asyncio.Conn, error) {
	e, ok := ctx.Value(exchangeKey{}).(*Exchange)
	if !ok {
		return nil, s.fail("a request got past the script: it must not have WithMiddlewares of its own")
	}
	client, server := asyncio.Pipe(ctx)
	asyncio.CreateTask(context.WithoutCancel(ctx), func(context.Context) (struct{}, error) {
		defer server.Close()
		var head strings.Builder
		for buf := make([]byte, 4<<10); !strings.Contains(head.String(), "\r\n\r\n"); {
			n, err := server.Read(buf)
			if err != nil {
				return struct{}{}, nil // the client has given up
			}
			head.Write(buf[:n])
		}
		for _, piece := range e.Raw {
			if _, err := server.Write([]byte(piece)); err != nil {
				return struct{}{}, nil
			}
			asyncio.Sleep(ctx, 0)
		}
		return struct{}{}, nil
	}, asyncio.WithName("script"))
	return client, nil
}

// Names is a resolver for tests: what a name resolves to. A name that is not in it does not
// exist. Give it to [aiohttp.WithResolver] or [asyncio.Dialer]. aiohttp: the fake resolver
// of its documentation.
type Names map[string][]netip.Addr

// LookupHost implements [asyncio.Resolver]. network is "ip", "ip4" or "ip6". It does not
// suspend.
func (n Names) LookupHost(_ context.Context, network, host string) ([]netip.Addr, error) {
	var found []netip.Addr
	for _, addr := range n[strings.ToLower(strings.TrimSuffix(host, "."))] {
		if v4 := addr.Unmap().Is4(); network == "ip" || v4 == (network == "ip4") {
			found = append(found, addr)
		}
	}
	if len(found) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return found, nil
}
