package aiohttp_test

// HTTP/2 over real sockets, against net/http and servers that misbehave.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// secure starts a server that offers HTTP/2 and returns the options with which a connector
// trusts it.
func secure(t *testing.T, h http.Handler, prepare ...func(*httptest.Server)) (*httptest.Server, aiohttp.ConnectorOption) {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = true
	for _, f := range prepare {
		f(server)
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, aiohttp.WithTLSConfig(&tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs})
}

// overHTTP2 runs body with a session against bridgeSite.
func overHTTP2(t *testing.T, body func(ctx context.Context, t *testing.T, s *aiohttp.ClientSession, base string)) {
	t.Helper()
	site, done := bridgeSite()
	server, trust := secure(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("%s came over %s, want HTTP/2", r.URL, r.Proto)
		}
		site.ServeHTTP(w, r)
	}))
	defer done()
	onLoop(t, func(ctx context.Context) error {
		s := newSession(trust)
		defer s.Close()
		body(ctx, t, s, server.URL)
		return nil
	})
}

// newSession returns a session with a connector of its own.
func newSession(opts ...aiohttp.ConnectorOption) *aiohttp.ClientSession {
	return aiohttp.NewClientSession(aiohttp.WithConnector(aiohttp.NewTCPConnector(opts...)))
}

func TestBodiesOfEveryKindOverHTTP2(t *testing.T) { overHTTP2(t, bodiesOfEveryKind) }
func TestResponsesOverHTTP2(t *testing.T)         { overHTTP2(t, responsesOfEveryKind) }
func TestLimitsOverHTTP2(t *testing.T)            { overHTTP2(t, limitsOfEveryKind) }

// Many requests share one connection, also those that come before it is there.
func TestOneHTTP2ConnectionCarriesManyRequests(t *testing.T) {
	overHTTP2(t, func(ctx context.Context, t *testing.T, s *aiohttp.ClientSession, base string) {
		var tasks []*asyncio.Task[string]
		for i := range 300 {
			tasks = append(tasks, asyncio.CreateTask(ctx, func(ctx context.Context) (string, error) {
				resp, err := s.Post(ctx, base+"/echo", aiohttp.WithData(fmt.Sprint(i)))
				if err != nil {
					return "", err
				}
				if resp.Proto != "HTTP/2.0" {
					t.Errorf("got %s", resp.Proto)
				}
				return resp.Text(ctx)
			}))
		}
		got, err := asyncio.Gather(ctx, tasks...).Await(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range got {
			if text != fmt.Sprint(i) {
				t.Fatalf("request %d got the answer %q", i, text)
			}
		}
		if st := s.Stats().Connector; st.Dialed != 1 || st.InUse != 0 || st.Idle != 1 || st.Streams != 0 || st.Waiting != 0 {
			t.Errorf("got %+v, want one connection, idle", st)
		}
	})
}

// What the server allows at once is not exceeded, and everybody gets a turn.
func TestServersLimitOfStreamsIsKept(t *testing.T) {
	var now, most atomic.Int64
	server, trust := secure(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		io.Copy(w, r.Body)
	}), func(s *httptest.Server) { s.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 7} })
	onLoop(t, func(ctx context.Context) error {
		s := newSession(trust)
		defer s.Close()
		if _, err := fetch(ctx, s, server.URL); err != nil { // the server has told its settings then
			return err
		}
		answered := 0
		err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			for range 100 {
				g.Go(func(ctx context.Context) error {
					_, err := fetch(ctx, s, server.URL)
					answered++
					return err
				})
			}
			asyncio.Sleep(ctx, 0)
			if st := s.Stats().Connector; st.Streams > 7 || st.Streams+st.Waiting+answered != 100 {
				t.Errorf("got %+v and %d answered, want at most seven under way and the rest waiting", st, answered)
			}
			return nil
		})
		if got := most.Load(); got > 7 {
			t.Errorf("the server saw %d requests at once, it allows 7", got)
		}
		if st := s.Stats().Connector; st.Dialed != 1 {
			t.Errorf("got %+v, want one connection", st)
		}
		return err
	})
}

func TestHTTP1IsSpokenWhereHTTP2IsNotWanted(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) })
	server, trust := secure(t, handler)
	old, trustOld := secure(t, handler, func(s *httptest.Server) { s.EnableHTTP2 = false })
	config := &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, NextProtos: []string{"http/1.1"}}
	cases := []struct {
		name, url string
		opts      []aiohttp.ConnectorOption
		headers   http.Header
		want      string
	}{
		{"default", server.URL, []aiohttp.ConnectorOption{trust}, nil, "HTTP/2.0"},
		{"switched off", server.URL, []aiohttp.ConnectorOption{trust, aiohttp.WithHTTP2(false)}, nil, "HTTP/1.1"},
		{"connections used once", server.URL, []aiohttp.ConnectorOption{trust, aiohttp.WithForceClose()}, nil, "HTTP/1.1"},
		{"other protocols configured", server.URL, []aiohttp.ConnectorOption{aiohttp.WithTLSConfig(config)}, nil, "HTTP/1.1"},
		{"an upgrade asked for", server.URL, []aiohttp.ConnectorOption{trust}, http.Header{"Upgrade": {"x"}, "Connection": {"upgrade"}}, "HTTP/1.1"},
		{"a server without it", old.URL, []aiohttp.ConnectorOption{trustOld}, nil, "HTTP/1.1"},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			onLoop(t, func(ctx context.Context) error {
				s := newSession(tt.opts...)
				defer s.Close()
				for range 2 {
					got, err := fetch(ctx, s, tt.url, aiohttp.WithHeaders(tt.headers))
					if err != nil || got != tt.want {
						t.Errorf("got %q and %v, want %s", got, err, tt.want)
					}
				}
				return nil
			})
		})
	}
}

// Connectors of every kind that can encrypt offer HTTP/2.
func TestHTTP2OverADialConnector(t *testing.T) {
	server, trust := secure(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	onLoop(t, func(ctx context.Context) error {
		c := aiohttp.NewDialConnector(func(ctx context.Context, network, address string) (*asyncio.Conn, error) {
			return asyncio.Dial(ctx, network, server.Listener.Addr().String())
		}, trust)
		defer c.Close()
		s := aiohttp.NewClientSession(aiohttp.WithConnector(c))
		defer s.Close()
		got, err := fetch(ctx, s, "https://example.com/")
		if got != "HTTP/2.0" {
			t.Errorf("got %q", got)
		}
		return err
	})
}

func TestHTTP2PriorKnowledge(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto+r.Host) }))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer server.Close()
	onLoop(t, func(ctx context.Context) error {
		s := newSession(aiohttp.WithHTTP2PriorKnowledge())
		defer s.Close()
		got, err := fetch(ctx, s, server.URL)
		if want := "HTTP/2.0" + strings.TrimPrefix(server.URL, "http://"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		return err
	})
}

// A server may answer while it is still being told, and a client may go on telling: neither
// waits for the other, however large the body.
func TestUploadGoesOnWhileTheAnswerIsRead(t *testing.T) {
	server, trust := secure(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		io.Copy(w, r.Body)
	}))
	onLoop(t, func(ctx context.Context) error {
		s := newSession(trust)
		defer s.Close()
		const size = 20 << 20 // more than all windows together
		resp, err := s.Post(ctx, server.URL, aiohttp.WithData(io.LimitReader(zeros{}, size)))
		if err != nil {
			return err
		}
		var n int
		for chunk, err := range resp.Content.IterAny() {
			if err != nil {
				return err
			}
			n += len(chunk)
		}
		if n != size {
			t.Errorf("got %d bytes back, want %d", n, size)
		}
		return nil
	})
}

// A body may fill every buffer on its way to the last byte.
func TestBodiesOfEverySizeArrive(t *testing.T) {
	server, trust := secure(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", r.URL.Query().Get("n"))
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		w.Write(bigBody[:n])
	}))
	onLoop(t, func(ctx context.Context) error {
		s := newSession(trust)
		defer s.Connector().Close()
		for _, n := range []int{0, 1, 4095, 4096, 65535, 65536, 65537, 1 << 17, 1 << 20} {
			resp, err := s.Get(ctx, server.URL+"?n="+strconv.Itoa(n))
			if err != nil {
				return err
			}
			if got, err := resp.Read(ctx); len(got) != n || err != nil {
				t.Errorf("got %d bytes and %v, want %d", len(got), err, n)
			}
		}
		return nil
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A loop that ends takes its connections along, closed or not.
func TestHTTP2ConnectionsEndWithTheLoop(t *testing.T) {
	gone := make(chan struct{})
	server, trust := secure(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(gone)
	}))
	onLoop(t, func(ctx context.Context) error {
		_, err := newSession(trust).Get(ctx, server.URL)
		return err
	})
	<-gone
}

// Huge heads are refused by the limits of the session; those that are too large to be read cost
// the connection.
func TestHugeHeadsOverHTTP2AreRefused(t *testing.T) {
	server, trust := secure(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/long":
			w.Header().Set("X", strings.Repeat("x", 9000))
		case "/many":
			for i := range 200 {
				w.Header().Set(fmt.Sprint("X-", i), "y")
			}
		case "/huge":
			for i := range 190 {
				w.Header().Set(fmt.Sprint("X-", i), strings.Repeat("y", 8000))
			}
		}
	}))
	onLoop(t, func(ctx context.Context) error {
		s := newSession(trust)
		defer s.Close()
		for _, path := range []string{"/long", "/many", "/huge"} {
			_, err := fetch(ctx, s, server.URL+path)
			var e *aiohttp.ClientResponseError
			var ended *aiohttp.HTTP2Error
			switch {
			case path == "/huge" && errors.As(err, &ended) && ended.Connection:
			case path == "/huge" || !errors.As(err, &e) || e.Phase != aiohttp.PhaseHeader || e.Status != 400:
				t.Errorf("%s: got %v (%T), want the head refused", path, err, err)
			}
			if _, err := fetch(ctx, s, server.URL+"/"); err != nil {
				t.Errorf("after %s: %v", path, err)
			}
		}
		return nil
	})
}
