package aiohttp_test

// What becomes of connections: when they are kept, when they are not, and what
// happens to requests when they break.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// C02 and everything else after which a connection cannot be used again.
func TestConnectionsThatAreNotKept(t *testing.T) {
	for name, response := range map[string]string{
		"close":            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.0":         "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"surplus bytes":    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, world",
		"second response":  hello + hello,
		"chunked, surplus": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nX",
		"both framings":    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			run(t, answers(response), func(ctx context.Context, w *world) error {
				for range 2 {
					if _, body, err := w.get(ctx, "http://h/"); err != nil || body != "hello" {
						t.Errorf("got %q and %v", body, err)
					}
				}
				if len(w.wires) != 2 || !w.wires[0].closed || w.session.Stats().Connector.Idle != 0 {
					t.Errorf("got %d connections and %+v", len(w.wires), w.session.Stats().Connector)
				}
				return nil
			})
		})
	}
}

// A response that nobody asked for, on an idle connection, must not answer the next
// request: the connection is closed at once.
func TestUnsolicitedBytesCloseAnIdleConnection(t *testing.T) {
	for name, end := range map[string]func(ctx context.Context, p *peer){
		"response": func(ctx context.Context, p *peer) { p.send(ctx, strings.Replace(hello, "hello", "HACK!", 1)) },
		"hang-up":  func(ctx context.Context, p *peer) { p.hangUp(); p.send(ctx, "") },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(ctx context.Context, p *peer) error {
				if p.id > 0 {
					return answers(hello)(ctx, p)
				}
				p.readHead(ctx)
				p.send(ctx, hello)
				asyncio.Sleep(ctx, time.Second)
				end(ctx, p)
				return silent(ctx, p)
			}, func(ctx context.Context, w *world) error {
				if _, _, err := w.get(ctx, "http://h/"); err != nil {
					return err
				}
				asyncio.Sleep(ctx, 2*time.Second)
				if got := w.session.Stats().Connector; got.Idle != 0 || !w.wires[0].closed {
					t.Errorf("got %+v, want the connection closed", got)
				}
				_, body, err := w.get(ctx, "http://h/")
				if body != "hello" || len(w.wires) != 2 {
					t.Errorf("got %q over %d connections", body, len(w.wires))
				}
				return err
			})
		})
	}
}

// C52
func TestIdleConnectionIsClosedAfterKeepalive(t *testing.T) {
	runWith(t, answers(hello), func(ctx context.Context, w *world) error {
		w.get(ctx, "http://a/")
		asyncio.Sleep(ctx, 10*time.Second)
		w.get(ctx, "http://b/")
		asyncio.Sleep(ctx, 10*time.Second)
		if got := w.session.Stats().Connector.Idle; got != 1 || !w.wires[0].closed || w.wires[1].closed {
			t.Errorf("got %d idle, want only the younger connection", got)
		}
		asyncio.Sleep(ctx, 10*time.Second)
		if got := w.session.Stats().Connector.Idle; got != 0 {
			t.Errorf("got %d idle, want none", got)
		}
		return nil
	}, []aiohttp.ConnectorOption{aiohttp.WithKeepaliveTimeout(15 * time.Second)})
}

// drops answers the first request of a connection and breaks it in the second.
func drops(how func(p *peer), then string) script {
	return func(ctx context.Context, p *peer) error {
		if _, err := p.readHead(ctx); err != nil {
			return err
		}
		if p.id > 0 {
			return p.send(ctx, then)
		}
		p.send(ctx, hello)
		if _, err := p.readHead(ctx); err != nil {
			return err
		}
		how(p)
		return nil
	}
}

// D12, C23: a kept connection that breaks before anything of an answer came is
// replaced once, if the request may be repeated.
func TestStaleConnectionIsRetriedOnce(t *testing.T) {
	hangUp, reset := (*peer).hangUp, (*peer).reset
	half := func(p *peer) { p.wire.in.data = append(p.wire.in.data, "HTTP/1.1 2"...); p.wire.in.stir(); p.hangUp() }
	for _, c := range []struct {
		name, method string
		how          func(*peer)
		ok           bool
	}{
		{"GET, hang-up", "GET", hangUp, true}, {"GET, reset", "GET", reset, true}, {"PUT, hang-up", "PUT", hangUp, true},
		{"DELETE, reset", "DELETE", reset, true}, {"POST, hang-up", "POST", hangUp, false}, {"PATCH, reset", "PATCH", reset, false},
		{"GET, half an answer", "GET", half, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, drops(c.how, hello), func(ctx context.Context, w *world) error {
				if _, _, err := w.get(ctx, "http://h/"); err != nil {
					return err
				}
				resp, err := w.session.Request(ctx, c.method, "http://h/")
				if (err == nil) != c.ok || err != nil && !errors.Is(err, aiohttp.ErrClientConnection) {
					t.Errorf("got %v, want success: %v", err, c.ok)
				}
				if err == nil {
					resp.Close()
				}
				if want := map[bool]int{true: 2, false: 1}[c.ok]; len(w.wires) != want {
					t.Errorf("got %d connections, want %d", len(w.wires), want)
				}
				return nil
			})
		})
	}
}

// A new connection that is dropped is not retried: nothing says that it was stale.
func TestFreshConnectionIsNotRetried(t *testing.T) {
	for name, how := range map[string]func(*peer){"hang-up": (*peer).hangUp, "reset": (*peer).reset} {
		run(t, func(ctx context.Context, p *peer) error {
			p.readHead(ctx)
			how(p)
			return nil
		}, func(ctx context.Context, w *world) error {
			_, _, err := w.get(ctx, "http://h/")
			var disconnected *aiohttp.ServerDisconnectedError
			var reset *aiohttp.ClientConnectionResetError
			if !errors.As(err, &disconnected) && !(errors.As(err, &reset) && errors.Is(err, syscall.ECONNRESET)) {
				t.Errorf("%s: got %v", name, err)
			}
			if len(w.wires) != 1 || w.session.Stats().Connector.InUse != 0 {
				t.Errorf("%s: got %d connections", name, len(w.wires))
			}
			return nil
		})
	}
}

// C23: the body of a retried request is sent again from its start; one that cannot
// be is not retried.
func TestRetryRewindsTheBody(t *testing.T) {
	content := strings.Repeat("abc", 100_000)
	var bodies []string
	serve := func(ctx context.Context, p *peer) error {
		for i := 0; ; i++ {
			head, err := p.readHead(ctx)
			if err != nil {
				return err
			}
			if strings.HasPrefix(head, "PUT") {
				if i == 1 && p.id == 0 {
					p.readN(ctx, 1000)
					p.reset()
					return nil
				}
				body, err := p.readN(ctx, len(content))
				if err != nil {
					return err
				}
				bodies = append(bodies, body)
			}
			p.send(ctx, hello)
		}
	}
	run(t, serve, func(ctx context.Context, w *world) error {
		w.room = 10_000
		if _, _, err := w.get(ctx, "http://h/"); err != nil {
			return err
		}
		resp, err := w.session.Put(ctx, "http://h/", aiohttp.WithData(strings.NewReader(content)))
		if err != nil {
			return err
		}
		resp.Close()
		if len(bodies) != 1 || bodies[0] != content {
			t.Errorf("got %d bodies", len(bodies))
		}
		return nil
	})
	run(t, serve, func(ctx context.Context, w *world) error {
		w.room = 10_000
		if _, _, err := w.get(ctx, "http://h/"); err != nil {
			return err
		}
		_, err := w.session.Put(ctx, "http://h/", aiohttp.WithData(onlyReader{strings.NewReader(content)}),
			aiohttp.WithHeaders(http.Header{"Content-Length": {fmt.Sprint(len(content))}}))
		if !errors.Is(err, aiohttp.ErrClientConnection) {
			t.Errorf("got %v", err)
		}
		return nil
	})
}

// C24: what becomes of a body that can be sent only once, when the kept connection was dead, is what
// happened to the connection; nobody asked for a second attempt.
func TestStreamOnDeadConnectionFailsAsTheConnection(t *testing.T) {
	pass := func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		return next(ctx, req)
	}
	for _, middlewares := range [][]aiohttp.ClientMiddleware{nil, {pass}} {
		serve := func(ctx context.Context, p *peer) error {
			for {
				if head, err := p.readHead(ctx); err != nil || strings.HasPrefix(head, "PUT") {
					p.readChunked(ctx)
					p.hangUp()
					return nil
				}
				p.send(ctx, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			}
		}
		run(t, serve, func(ctx context.Context, w *world) error {
			if _, _, err := w.get(ctx, "http://h/"); err != nil {
				return err
			}
			body := iter.Seq2[[]byte, error](func(yield func([]byte, error) bool) { yield([]byte("once"), nil) })
			_, err := w.session.Put(ctx, "http://h/", aiohttp.WithData(body), aiohttp.WithMiddlewares(middlewares...))
			var disconnected *aiohttp.ServerDisconnectedError
			if !errors.As(err, &disconnected) || len(w.wires) != 1 {
				t.Errorf("got %v and %d connections, want a *ServerDisconnectedError", err, len(w.wires))
			}
			return nil
		})
	}
}

type onlyReader struct{ io.Reader }

// C03, C04: an answer that comes before the body was sent ends the sending; the
// connection is not used again.
func TestEarlyAnswerEndsTheUpload(t *testing.T) {
	refuse := func(ctx context.Context, p *peer) error {
		head, err := p.readHead(ctx)
		if err != nil {
			return err
		}
		if strings.HasPrefix(head, "GET") {
			return p.send(ctx, hello)
		}
		p.readN(ctx, 1000)
		p.send(ctx, "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno")
		return asyncio.Sleep(ctx, time.Hour) // and reads no more
	}
	produced := 0
	var endless iter.Seq2[[]byte, error] = func(yield func([]byte, error) bool) {
		for yield(make([]byte, 1000), nil) {
			produced++
		}
	}
	for name, body := range map[string]any{"memory": make([]byte, 1<<20), "iterator": endless, "reader": strings.NewReader(strings.Repeat("x", 1<<20))} {
		t.Run(name, func(t *testing.T) {
			run(t, refuse, func(ctx context.Context, w *world) error {
				w.room = 5_000
				start := asyncio.RunningLoop(ctx).Time()
				resp, err := w.session.Post(ctx, "http://h/", aiohttp.WithData(body))
				if err != nil {
					return err
				}
				if got, err := resp.Text(ctx); resp.Status != 400 || got != "no" || err != nil {
					t.Errorf("got %d, %q, %v", resp.Status, got, err)
				}
				if _, got, err := w.get(ctx, "http://h/"); got != "hello" || err != nil || len(w.wires) != 2 {
					t.Errorf("got %q, %v over connection %d", got, err, len(w.wires))
				}
				if took := asyncio.RunningLoop(ctx).Time() - start; took > time.Second {
					t.Errorf("took %v", took)
				}
				return asyncio.Sleep(ctx, 2*time.Hour)
			})
		})
	}
}

// A server that answers and then hangs up while the body is being sent: its answer
// counts, not the broken pipe.
func TestAnswerBeforeHangUpCounts(t *testing.T) {
	run(t, func(ctx context.Context, p *peer) error {
		p.readHead(ctx)
		p.send(ctx, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig")
		p.hangUp()
		p.wire.out.end(syscall.EPIPE)
		return nil
	}, func(ctx context.Context, w *world) error {
		w.room = 2000
		resp, err := w.session.Post(ctx, "http://h/", aiohttp.WithData(make([]byte, 1<<20)))
		if err != nil {
			return err
		}
		got, err := resp.Text(ctx)
		if resp.Status != 413 || got != "big" {
			t.Errorf("got %d, %q", resp.Status, got)
		}
		return err
	})
}

// C36, D3
func TestExpectContinue(t *testing.T) {
	for _, c := range []struct {
		name    string
		interim string
		wait    time.Duration // before the interim response
		body    bool          // it is sent
		after   time.Duration // at the earliest
	}{
		{"consent", "HTTP/1.1 100 Continue\r\n\r\n", 0, true, 0},
		{"early hints, then consent", "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", 200 * time.Millisecond, true, 200 * time.Millisecond},
		{"silence", "", 0, true, time.Second},
		{"refusal", "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n", 0, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, func(ctx context.Context, p *peer) error {
				head, err := p.readHead(ctx)
				if err != nil {
					return err
				}
				if line(head, "Expect") != "100-continue" {
					t.Errorf("got %q", head)
				}
				asyncio.Sleep(ctx, c.wait)
				p.send(ctx, c.interim)
				if !c.body {
					if got, err := p.readN(ctx, 1); err == nil {
						t.Errorf("the body came: %q", got)
					}
					return nil
				}
				start := asyncio.RunningLoop(ctx).Time()
				if got, err := p.readN(ctx, 4); got != "data" || err != nil {
					t.Errorf("got %q and %v", got, err)
				}
				if took := asyncio.RunningLoop(ctx).Time() - start + c.wait; took != c.after {
					t.Errorf("the body came after %v, want %v", took, c.after)
				}
				p.send(ctx, hello)
				return silent(ctx, p)
			}, func(ctx context.Context, w *world) error {
				resp, err := w.session.Post(ctx, "http://h/", aiohttp.WithData("data"), aiohttp.WithExpect100())
				if err != nil {
					return err
				}
				if want := map[bool]int{true: 200, false: 417}[c.body]; resp.Status != want {
					t.Errorf("got %d, want %d", resp.Status, want)
				}
				resp.Close()
				if kept := w.session.Stats().Connector.Idle == 1; kept != c.body {
					t.Errorf("connection kept: %v, want %v", kept, c.body)
				}
				return nil
			})
		})
	}
	// No body, or an empty one: nothing to ask for, and the connection is kept.
	for _, opts := range [][]aiohttp.RequestOption{{aiohttp.WithExpect100()}, {aiohttp.WithExpect100(), aiohttp.WithData("")}} {
		run(t, answers(hello), func(ctx context.Context, w *world) error {
			resp, err := w.session.Post(ctx, "http://h/", opts...)
			if err != nil {
				return err
			}
			_, err = resp.Read(ctx)
			if got := w.session.Stats().Connector; got.Idle != 1 {
				t.Errorf("got %+v, want the connection kept", got)
			}
			return err
		})
	}
}

func TestInterimResponsesAreSkippedButNotForEver(t *testing.T) {
	hint := "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"
	run(t, answers(hint+hint+hello), func(ctx context.Context, w *world) error {
		resp, body, err := w.get(ctx, "http://h/")
		if body != "hello" || resp.Status != 200 {
			t.Errorf("got %q, %v", body, err)
		}
		return err
	})
	run(t, answers(strings.Repeat(hint, 1000)), func(ctx context.Context, w *world) error {
		_, _, err := w.get(ctx, "http://h/")
		var e *aiohttp.ClientResponseError
		if !errors.As(err, &e) || e.Status != 400 {
			t.Errorf("got %v, want a ClientResponseError", err)
		}
		return nil
	})
}

// C35: a body that does not match its Content-Length is an error, and the server
// never sees a byte too many.
func TestBodyMustMatchContentLength(t *testing.T) {
	for _, c := range []struct {
		name string
		body any
		n    int
	}{
		{"memory, too long", make([]byte, 1000), 500}, {"memory, too short", make([]byte, 100), 500},
		{"stream, too long", onlyReader{strings.NewReader(strings.Repeat("x", 100_000))}, 500},
		{"stream, too short", onlyReader{strings.NewReader("x")}, 500},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, func(ctx context.Context, p *peer) error {
				if _, err := p.readHead(ctx); err != nil {
					return err
				}
				if got, err := p.readN(ctx, 501); err == nil {
					t.Errorf("the server got %d bytes", len(got))
				}
				return nil
			}, func(ctx context.Context, w *world) error {
				_, err := w.session.Post(ctx, "http://h/", aiohttp.WithData(c.body), aiohttp.WithHeaders(http.Header{"Content-Length": {"500"}}))
				if !errors.Is(err, aiohttp.ErrClientPayload) || w.session.Stats().Connector.InUse != 0 {
					t.Errorf("got %v, want a payload error", err)
				}
				return nil
			})
		})
	}
}

// An iterator may fail, and may suspend in the task that made the request.
func TestBodyIterators(t *testing.T) {
	broken := errors.New("no more milk")
	var seen []exchange
	run(t, hops(&seen, hello), func(ctx context.Context, w *world) error {
		var seq iter.Seq2[[]byte, error] = func(yield func([]byte, error) bool) {
			for i := range 3 {
				if err := asyncio.Sleep(ctx, time.Second); err != nil || !yield(fmt.Appendf(nil, "%d,", i), err) {
					return
				}
			}
		}
		resp, err := w.session.Post(ctx, "http://h/", aiohttp.WithData(seq))
		if err != nil {
			return err
		}
		resp.Close()
		if got := seen[0]; got.body != "0,1,2," || line(got.head, "Transfer-Encoding") != "chunked" || line(got.head, "Content-Length") != "" {
			t.Errorf("got %+v", got)
		}
		_, err = w.session.Post(ctx, "http://h/", aiohttp.WithData(func(yield func([]byte, error) bool) { yield(nil, broken) }))
		if !errors.Is(err, broken) || !errors.Is(err, aiohttp.ErrClientPayload) || w.session.Stats().Connector.InUse != 0 {
			t.Errorf("got %v and %+v", err, w.session.Stats())
		}
		return nil
	})
}

// A body that panics takes its task down, not the connection's place in the pool.
func TestPanickingBodyLeavesNothing(t *testing.T) {
	run(t, silent, func(ctx context.Context, w *world) error {
		task := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
			_, err := w.session.Post(ctx, "http://h/", aiohttp.WithData(func(func([]byte, error) bool) { panic("spilt") }))
			return struct{}{}, err
		})
		_, err := task.Await(ctx)
		var panicked *asyncio.PanicError
		if !errors.As(err, &panicked) || w.session.Stats().Connector.InUse != 0 || !w.wires[0].closed {
			t.Errorf("got %v and %+v", err, w.session.Stats())
		}
		return nil
	})
}

// C38
func TestClosingTheSessionEndsItsResponses(t *testing.T) {
	run(t, answers("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nabc"), func(ctx context.Context, w *world) error {
		s := aiohttp.NewClientSession(aiohttp.WithConnector(w.session.Connector()))
		resp, err := s.Get(ctx, "http://h/")
		if err != nil {
			return err
		}
		reader := asyncio.CreateTask(ctx, func(ctx context.Context) ([]byte, error) { return resp.Read(ctx) })
		asyncio.Sleep(ctx, time.Second)
		s.Close()
		w.session.Connector().Close()
		_, err = reader.Await(ctx)
		var closed *aiohttp.ClientConnectionError
		if !errors.As(err, &closed) || !errors.Is(err, aiohttp.ErrResponseClosed) {
			t.Errorf("got %v, want a closed connection", err)
		}
		if _, err := s.Get(ctx, "http://h/"); !errors.Is(err, aiohttp.ErrSessionClosed) {
			t.Errorf("got %v, want a closed session", err)
		}
		if _, err := w.session.Get(ctx, "http://h/"); !errors.Is(err, aiohttp.ErrSessionClosed) || !w.session.Closed() {
			t.Errorf("got %v, want a closed connector", err)
		}
		return nil
	})
}

// C51
func TestClosingWhileRequestsWait(t *testing.T) {
	runWith(t, silent, func(ctx context.Context, w *world) error {
		var tasks []*asyncio.Task[struct{}]
		for range 3 {
			tasks = append(tasks, asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
				_, _, err := w.get(ctx, "http://h/")
				return struct{}{}, err
			}))
		}
		asyncio.Sleep(ctx, time.Second)
		w.session.Connector().Close()
		for i, task := range tasks {
			if _, err := task.Await(ctx); !errors.Is(err, aiohttp.ErrClientConnection) {
				t.Errorf("request %d: got %v", i, err)
			}
		}
		return nil
	}, []aiohttp.ConnectorOption{aiohttp.WithLimit(1)})
}

func TestClosingAResponse(t *testing.T) {
	run(t, answers(hello), func(ctx context.Context, w *world) error {
		resp, err := w.session.Get(ctx, "http://h/")
		if err != nil {
			return err
		}
		resp.Close() // the rest is already there
		resp.Close()
		if w.session.Stats().Connector.Idle != 1 {
			t.Error("a body that had arrived was not discarded but cut off")
		}
		if _, err := resp.Read(ctx); !errors.Is(err, aiohttp.ErrResponseClosed) {
			t.Errorf("got %v, want a closed response", err)
		}
		resp, _ = w.session.Get(ctx, "http://h/")
		resp.Read(ctx)
		resp.Close()
		if body, err := resp.Read(ctx); string(body) != "hello" || err != nil {
			t.Errorf("what was read before Close is gone: %q, %v", body, err)
		}
		return nil
	})
	run(t, answers("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"), func(ctx context.Context, w *world) error {
		resp, err := w.session.Get(ctx, "http://h/")
		if err != nil {
			return err
		}
		resp.Close()
		if got := w.session.Stats().Connector; got.Idle+got.InUse != 0 || !w.wires[0].closed {
			t.Errorf("got %+v, want the connection closed", got)
		}
		return nil
	})
}

// A request that waits for its answer when the session is closed fails as the next one would.
func TestClosedSessionFailsRequestsUnderWay(t *testing.T) {
	run(t, answers(""), func(ctx context.Context, w *world) error {
		connector := w.session.Connector()
		session := aiohttp.NewClientSession(aiohttp.WithConnector(connector))
		waiting := asyncio.CreateTask(ctx, func(ctx context.Context) (*aiohttp.ClientResponse, error) {
			return session.Get(ctx, "http://h/")
		})
		asyncio.Sleep(ctx, time.Second)
		connector.Close()
		if _, err := waiting.Await(ctx); !errors.Is(err, aiohttp.ErrSessionClosed) || !errors.Is(err, aiohttp.ErrClientConnection) {
			t.Errorf("got %v, want ErrSessionClosed", err)
		}
		return nil
	})
}

func TestTwoReadersAreRefused(t *testing.T) {
	run(t, answers("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"), func(ctx context.Context, w *world) error {
		resp, err := w.session.Get(ctx, "http://h/")
		if err != nil {
			return err
		}
		first := asyncio.CreateTask(ctx, func(ctx context.Context) ([]byte, error) { return resp.Read(ctx) })
		asyncio.Sleep(ctx, 0)
		if _, err := resp.Read(ctx); !errors.Is(err, aiohttp.ErrConcurrentRead) {
			t.Errorf("got %v, want ErrConcurrentRead", err)
		}
		resp.Close()
		if _, err := first.Await(ctx); !errors.Is(err, aiohttp.ErrResponseClosed) {
			t.Errorf("got %v, want a closed response", err)
		}
		return nil
	})
}

// C37, C39
func TestRaiseForStatus(t *testing.T) {
	notFound := answers("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone")
	run(t, notFound, func(ctx context.Context, w *world) error {
		resp, err := w.session.Get(ctx, "http://h/")
		if err != nil {
			return err
		}
		var e *aiohttp.ClientResponseError
		if err := resp.RaiseForStatus(); !errors.As(err, &e) || e.Status != 404 || e.Message != "Not Found" || e.Phase != aiohttp.PhaseHeader || e.RequestInfo.URL.Host != "h" {
			t.Errorf("got %v", err)
		}
		if body, err := resp.Text(ctx); body != "gone" || err != nil {
			t.Errorf("the body is gone: %q, %v", body, err)
		}
		_, err = w.session.Get(ctx, "http://h/", aiohttp.WithRaiseForStatus())
		if !errors.As(err, &e) || w.session.Stats().Connector.InUse != 0 {
			t.Errorf("got %v", err)
		}
		return nil
	})
	calls := 0
	teapot := errors.New("teapot")
	check := func(context.Context, *aiohttp.ClientResponse) error { calls++; return teapot }
	run(t, notFound, func(ctx context.Context, w *world) error {
		if _, err := w.session.Get(ctx, "http://h/", aiohttp.WithResponseCheck(check)); err != teapot || calls != 1 {
			t.Errorf("got %v after %d calls", err, calls)
		}
		resp, err := w.session.Get(ctx, "http://h/", aiohttp.WithoutRaiseForStatus())
		if err != nil {
			return err
		}
		return resp.Close()
	}, aiohttp.WithRaiseForStatus())
}
