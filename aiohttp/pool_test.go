package aiohttp_test

// The pool around the requests: what is left of one that never got a connection, whose
// turn it is, and how old a connection may become.

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// C51: closing the connector ends what is being dialled, at once; a connection that
// is made all the same is closed.
func TestClosingWhileDialling(t *testing.T) {
	for _, stubborn := range []bool{false, true} {
		aiotest.Run(t, func(ctx context.Context) error {
			late := &memoryWire{in: &half{}, out: &half{}}
			connector := aiohttp.NewMemoryConnector(func(ctx context.Context, _ string) (aiohttp.Wire, error) {
				if stubborn {
					ctx = context.WithoutCancel(ctx)
				}
				if err := asyncio.Sleep(ctx, time.Minute); err != nil {
					return nil, err
				}
				return late, nil
			})
			s := aiohttp.NewClientSession(aiohttp.WithConnector(connector))
			task := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
				_, err := s.Get(ctx, "http://h/")
				return struct{}{}, err
			})
			asyncio.Sleep(ctx, time.Second)
			connector.Close()
			_, err := task.Await(ctx)
			if !errors.Is(err, aiohttp.ErrClientConnection) || !errors.Is(err, aiohttp.ErrSessionClosed) {
				t.Errorf("got %v", err)
			}
			if now := asyncio.RunningLoop(ctx).Time(); !stubborn && now > 2*time.Second {
				t.Errorf("the caller waited for %v", now)
			}
			if stubborn && !late.closed {
				t.Error("a connection that came too late is open")
			}
			if got := connector.Stats(); got.InUse+got.Idle != 0 {
				t.Errorf("left %+v", got)
			}
			return nil
		})
	}
}

// A connector that is closed between granting a place and the dialling dials no more.
func TestClosedConnectorDoesNotDialForThoseWhoWaited(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		dials := 0
		connector := aiohttp.NewMemoryConnector(func(ctx context.Context, _ string) (aiohttp.Wire, error) {
			if dials++; dials > 1 {
				return nil, asyncio.Sleep(ctx, time.Minute)
			}
			return &memoryWire{in: &half{data: []byte("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")}, out: &half{}}, nil
		}, aiohttp.WithLimit(1))
		s := aiohttp.NewClientSession(aiohttp.WithConnector(connector))
		resp, err := s.Get(ctx, "http://h/")
		if err != nil {
			return err
		}
		waiter := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
			_, err := s.Get(ctx, "http://h/")
			return struct{}{}, err
		})
		asyncio.Sleep(ctx, time.Second)
		resp.Close()
		connector.Close()
		if _, err := waiter.Await(ctx); !errors.Is(err, aiohttp.ErrSessionClosed) {
			t.Errorf("got %v", err)
		}
		if now := asyncio.RunningLoop(ctx).Time(); now > 2*time.Second || dials != 1 {
			t.Errorf("after %d dials the request failed at %v", dials, now)
		}
		return nil
	})
}

// C43: whatever ends a request before it has a connection, its body is closed and the
// pool is as it was.
func TestFailedRequestsLeaveNothing(t *testing.T) {
	cases := map[string]func(ctx context.Context) error{
		"refused":   func(context.Context) error { return syscall.ECONNREFUSED },
		"cancelled": func(ctx context.Context) error { return asyncio.Sleep(ctx, time.Hour) },
		"panic":     func(context.Context) error { panic("dial") },
	}
	for name, dial := range cases {
		t.Run(name, func(t *testing.T) {
			aiotest.Run(t, func(ctx context.Context) error {
				connector := aiohttp.NewMemoryConnector(func(ctx context.Context, _ string) (aiohttp.Wire, error) { return nil, dial(ctx) }, aiohttp.WithLimit(1))
				s := aiohttp.NewClientSession(aiohttp.WithConnector(connector))
				body := &closingReader{Reader: strings.NewReader("body")}
				task := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
					_, err := s.Post(ctx, "http://h/", aiohttp.WithData(body))
					return struct{}{}, err
				})
				asyncio.Sleep(ctx, time.Second)
				task.Cancel(nil)
				if _, err := task.Await(ctx); err == nil {
					t.Error("got no error")
				}
				if got := connector.Stats(); got.InUse+got.Idle+got.Waiting != 0 {
					t.Errorf("left %+v", got)
				}
				if body.closed != 1 {
					t.Errorf("the body was closed %d times", body.closed)
				}
				return connector.Close()
			})
		})
	}
}

// An idle connection is granted to whoever waits for one, and ends before that task has run: the request
// goes over another one.
func TestGrantedConnectionMayEndBeforeItIsUsed(t *testing.T) {
	run(t, answers(hello), func(ctx context.Context, w *world) error {
		var both [2]*aiohttp.ClientResponse
		for i := range both {
			resp, err := w.session.Get(ctx, "http://h/")
			if err != nil {
				return err
			}
			both[i] = resp
		}
		for _, resp := range both {
			if _, err := resp.Read(ctx); err != nil {
				return err
			}
		}
		w.session.Connector().(interface{ SetLimitPerHost(string, int) }).SetLimitPerHost("h", 1)
		last, err := w.session.Get(ctx, "http://h/")
		if err != nil {
			return err
		}
		waiter := asyncio.CreateTask(ctx, func(ctx context.Context) (string, error) {
			_, body, err := w.get(ctx, "http://h/")
			return body, err
		})
		asyncio.Sleep(ctx, time.Millisecond)
		w.wires[1].in.data = append(w.wires[1].in.data, "unasked"...) // costs the connection
		last.Close()                                                  // and the waiter is granted the other one
		idle := w.wires[0]
		idle.in.end(io.EOF)
		if idle.onReadable == nil {
			t.Fatal("the other connection is not idle")
		}
		idle.onReadable()
		if body, err := waiter.Await(ctx); err != nil || body != "hello" {
			t.Errorf("got %q, %v", body, err)
		}
		if got := w.session.Connector().Stats(); got.InUse != 0 || got.Waiting != 0 {
			t.Errorf("left %+v", got)
		}
		return nil
	})
}

// The limit of one host can be set apart from the others, also while requests wait, and
// the pool tells what it does for whom.
func TestLimitOfOneHost(t *testing.T) {
	o := newOrigin(t, false, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	resolver := &fakeResolver{hosts: map[string][]string{"a.test": {"127.0.0.1"}, "b.test": {"127.0.0.1"}}}
	onLoop(t, func(ctx context.Context) error {
		connector := aiohttp.NewTCPConnector(aiohttp.WithResolver(resolver), aiohttp.WithLimitPerHost(1))
		defer connector.Close()
		s := aiohttp.NewClientSession(aiohttp.WithConnector(connector))
		defer s.Close()
		connector.SetLimitPerHost("B.test", 3)
		started := 0
		trace := asyncio.NewQueue[struct{}](0)
		for _, host := range []string{"a.test", "b.test"} {
			for range 5 {
				asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
					s.Get(ctx, o.at(host, "/"))
					trace.PutNowait(struct{}{})
					return struct{}{}, nil
				})
			}
		}
		settle := func(inUse int) []aiohttp.HostStats {
			for connector.Stats().InUse != inUse || len(o.all()) < inUse {
				if asyncio.Sleep(ctx, time.Millisecond) != nil {
					break
				}
				if started++; started > 5000 {
					t.Fatalf("still %+v", connector.Stats())
				}
			}
			return connector.Hosts()
		}
		want := []aiohttp.HostStats{
			{Host: "a.test:" + o.port, InUse: 1, Waiting: 4},
			{Host: "b.test:" + o.port, InUse: 3, Waiting: 2},
		}
		if got := settle(4); !slices.Equal(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		connector.SetLimitPerHost("a.test", 0)
		want[0] = aiohttp.HostStats{Host: "a.test:" + o.port, InUse: 5}
		if got := settle(8); !slices.Equal(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		connector.Close()
		for range 10 {
			trace.Get(ctx)
		}
		if got := connector.Hosts(); len(got) != 0 {
			t.Errorf("left %+v", got)
		}
		return nil
	})
}

// What is idle is closed when it is too old, however lately it was used.
func TestIdleConnectionIsClosedAtItsAge(t *testing.T) {
	runWith(t, answers(hello), func(ctx context.Context, w *world) error {
		for range 4 {
			w.get(ctx, "http://a/")
			asyncio.Sleep(ctx, 10*time.Second)
		}
		if len(w.wires) != 2 || !w.wires[0].closed {
			t.Errorf("got %d connections, the first closed: %v", len(w.wires), w.wires[0].closed)
		}
		asyncio.Sleep(ctx, 25*time.Second)
		if !w.wires[1].closed {
			t.Error("a connection that is too old is kept")
		}
		return nil
	}, []aiohttp.ConnectorOption{aiohttp.WithKeepaliveTimeout(time.Hour), aiohttp.WithMaxConnAge(30 * time.Second)})
}

type closingReader struct {
	*strings.Reader
	closed int
}

func (r *closingReader) Close() error { r.closed++; return nil }
