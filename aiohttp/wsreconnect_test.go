package aiohttp_test

// WebSockets over the simulated network, in virtual time: latency, broken networks, servers
// that go away and come back.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/web"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// wsWorld is a network with a client and a server that can be started and stopped.
type wsWorld struct {
	net     *aiotest.Network
	server  context.Context
	runner  *web.AppRunner
	handler web.Handler
	session *aiohttp.ClientSession
}

// inWorld runs body on the client; the server runs handler.
func inWorld(t *testing.T, handler web.Handler, body func(ctx context.Context, w *wsWorld) error, opts ...aiotest.NetworkOption) {
	t.Helper()
	w := &wsWorld{net: aiotest.NewNetwork(opts...), handler: handler, session: aiohttp.NewClientSession()}
	client, server := w.net.Host("client"), w.net.Host("server")
	aiotest.Run(t, func(ctx context.Context) error {
		w.server = server.Context(ctx)
		if err := w.start(); err != nil {
			return err
		}
		err := body(client.Context(ctx), w)
		w.session.Close()
		return errors.Join(err, w.stop())
	}, aiotest.WithNetwork(w.net))
}

func (w *wsWorld) start() error {
	app := web.NewApplication()
	app.Router().AddGet("/ws", w.handler)
	w.runner = web.NewAppRunner(app)
	if err := w.runner.Setup(w.server); err != nil {
		return err
	}
	return web.NewTCPSite(w.runner, ":80").Start(w.server)
}

func (w *wsWorld) stop() error {
	if w.runner == nil {
		return nil
	}
	r := w.runner
	w.runner = nil
	return r.Cleanup(w.server)
}

// Messages survive a network that hands them over byte by byte, late.
func TestWebSocketOverAPoorNetwork(t *testing.T) {
	inWorld(t, echoWS, func(ctx context.Context, w *wsWorld) error {
		w.net.Inject(aiotest.ShortReads(3))
		ws, err := w.session.WSConnect(ctx, "ws://server/ws", aiohttp.WithWSCompress(15))
		if err != nil {
			return err
		}
		for i := range 20 {
			text := strings.Repeat(fmt.Sprintf("message %d ", i), 1+i*10)
			if err := ws.SendString(ctx, text); err != nil {
				return err
			}
			if got, err := ws.ReceiveString(ctx); got != text || err != nil {
				t.Errorf("got %.50q and %v, want %.50q", got, err, text)
			}
		}
		return ws.Close(ctx, 0, "")
	}, aiotest.WithDefaultLink(aiotest.Link{Latency: 40 * time.Millisecond, Jitter: 30 * time.Millisecond, Loss: 0.02}))
}

// A heartbeat notices within one and a half intervals that the network is gone, on both sides.
func TestHeartbeatNoticesAPartition(t *testing.T) {
	var serverNoticed time.Duration
	handler := func(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
		ws := &web.WebSocketResponse{Heartbeat: 20 * time.Second}
		if err := ws.Prepare(ctx, req); err != nil {
			return nil, err
		}
		_, err := ws.ReceiveString(ctx)
		serverNoticed = asyncio.RunningLoop(ctx).Time()
		if ws.CloseCode() != 1006 {
			t.Errorf("server: got %v and %v", ws.CloseCode(), err)
		}
		return ws, nil
	}
	inWorld(t, handler, func(ctx context.Context, w *wsWorld) error {
		loop := asyncio.RunningLoop(ctx)
		ws, err := w.session.WSConnect(ctx, "ws://server/ws", aiohttp.WithWSHeartbeat(10*time.Second))
		if err != nil {
			return err
		}
		asyncio.Sleep(ctx, 10*time.Minute)
		if ws.Closed() {
			t.Errorf("an idle WebSocket was closed: %v", ws.Err())
		}
		start := loop.Time()
		w.net.Inject(aiotest.Partition("client"))
		m, err := ws.Receive(ctx)
		var late *aiohttp.WSTimeoutError
		if m.Type != aiohttp.WSMsgError || !errors.As(m.Err, &late) || err != nil {
			t.Errorf("got %v %v and %v", m.Type, m.Err, err)
		}
		if took := loop.Time() - start; took > 15*time.Second {
			t.Errorf("the client noticed after %v", took)
		}
		asyncio.Sleep(ctx, time.Minute)
		if took := serverNoticed - start; serverNoticed == 0 || took > 30*time.Second {
			t.Errorf("the server noticed after %v", took)
		}
		return nil
	})
}

// A slow network holds the sender up; nothing is lost, and memory is bounded.
func TestSenderWaitsForASlowNetwork(t *testing.T) {
	inWorld(t, echoWS, func(ctx context.Context, w *wsWorld) error {
		w.net.Inject(aiotest.SlowReader(100_000).From("client"))
		ws, err := w.session.WSConnect(ctx, "ws://server/ws")
		if err != nil {
			return err
		}
		start := asyncio.RunningLoop(ctx).Time()
		sender := asyncio.CreateTask(ctx, func(ctx context.Context) (time.Duration, error) {
			for range 100 {
				if err := ws.SendBytes(ctx, make([]byte, 20_000)); err != nil {
					return 0, err
				}
			}
			return asyncio.RunningLoop(ctx).Time() - start, nil
		})
		for range 100 {
			if b, err := ws.ReceiveBytes(ctx); len(b) != 20_000 || err != nil {
				return fmt.Errorf("got %d bytes and %w", len(b), err)
			}
		}
		took, err := sender.Await(ctx)
		if took < 10*time.Second || err != nil {
			t.Errorf("sending 2 MB at 100 kB/s took %v and %v", took, err)
		}
		return ws.Close(ctx, 0, "")
	})
}

// ticker sends a counter every second, to those who subscribe.
func ticker(n *int) web.Handler {
	return func(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
		ws := &web.WebSocketResponse{}
		if err := ws.Prepare(ctx, req); err != nil {
			return nil, err
		}
		if s, err := ws.ReceiveString(ctx); s != "subscribe" {
			return ws, err
		}
		for {
			*n++
			if err := ws.SendJSON(ctx, *n); err != nil {
				return ws, nil
			}
			if err := asyncio.Sleep(ctx, time.Second); err != nil {
				return nil, err
			}
		}
	}
}

func subscribe(ctx context.Context, ws *aiohttp.ClientWebSocketResponse) error {
	return ws.SendString(ctx, "subscribe")
}

// The server restarts, twice; the messages go on, and so does the subscription.
func TestReconnectsAfterARestart(t *testing.T) {
	n := 0
	inWorld(t, ticker(&n), func(ctx context.Context, w *wsWorld) error {
		var reasons []string
		r := aiohttp.NewReconnectingWebSocket(w.session, "ws://server/ws", aiohttp.WithOnConnect(subscribe),
			aiohttp.WithOnDisconnect(func(err error) { reasons = append(reasons, err.Error()) }))
		received := 0
		for m, err := range r.All(ctx) {
			if err != nil {
				return err
			}
			received++
			if received == 5 || received == 10 {
				if err := w.stop(); err != nil {
					return err
				}
				asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
					asyncio.Sleep(ctx, 20*time.Second)
					return struct{}{}, w.start()
				})
			}
			if received == 15 {
				if err := r.Close(ctx, 0, ""); err != nil {
					return err
				}
			}
			if m.Type != aiohttp.WSMsgText {
				t.Errorf("got %v", m.Type)
			}
		}
		got := r.Stats()
		if received != 15 || got.Connects != 3 || got.Open || len(reasons) < 4 || !strings.Contains(reasons[0], "going away") {
			t.Errorf("got %d messages, %+v and %q", received, got, reasons)
		}
		return nil
	})
}

// The delays grow, each a random share of its bound, and are the loop's to draw.
func TestReconnectBacksOff(t *testing.T) {
	inWorld(t, echoWS, func(ctx context.Context, w *wsWorld) error {
		if err := w.stop(); err != nil {
			return err
		}
		loop := asyncio.RunningLoop(ctx)
		last := loop.Time()
		var gaps []time.Duration
		r := aiohttp.NewReconnectingWebSocket(w.session, "ws://server/ws", aiohttp.WithMaxAttempts(40), aiohttp.WithReconnectDelay(time.Second, 20*time.Second),
			aiohttp.WithOnDisconnect(func(error) { gaps = append(gaps, loop.Time()-last); last = loop.Time() }))
		_, err := r.Receive(ctx)
		if !errors.Is(err, aiohttp.ErrClientConnector) || !strings.Contains(err.Error(), "gave up after 40 attempts") {
			t.Errorf("got %v", err)
		}
		if err2 := r.SendString(ctx, "x"); err2 != err {
			t.Errorf("then got %v", err2)
		}
		if len(gaps) != 40 || gaps[0] > time.Second {
			t.Fatalf("got %d attempts, the first after %v", len(gaps), gaps[0])
		}
		for i, gap := range gaps[1:] {
			if bound := min(time.Second<<min(i, 10), 20*time.Second); gap > bound {
				t.Errorf("attempt %d came after %v, want at most %v", i+2, gap, bound)
			}
		}
		late := slices.Clone(gaps[10:])
		slices.Sort(late)
		if late[0] > 8*time.Second || late[len(late)-1] < 12*time.Second {
			t.Errorf("the delays are not spread: %v", late)
		}
		return nil
	})
}

// Codes and statuses after which another attempt makes no sense.
func TestReconnectStopsWhereItIsNotWanted(t *testing.T) {
	for name, row := range map[string]struct {
		handler web.Handler
		again   bool
	}{
		"policy violation": {closesWith(aiohttp.WSClosePolicyViolation), false},
		"ok":               {closesWith(aiohttp.WSCloseOK), false},
		"going away":       {closesWith(aiohttp.WSCloseGoingAway), true},
		"service restart":  {closesWith(aiohttp.WSCloseServiceRestart), true},
		"application":      {closesWith(4000), true},
		"403":              {func(context.Context, *web.Request) (web.AnyResponse, error) { return nil, web.HTTPForbidden() }, false},
		"503":              {func(context.Context, *web.Request) (web.AnyResponse, error) { return nil, web.HTTPServiceUnavailable() }, true},
		"429":              {func(context.Context, *web.Request) (web.AnyResponse, error) { return nil, web.HTTPTooManyRequests() }, true},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, row.handler, func(ctx context.Context, w *wsWorld) error {
				r := aiohttp.NewReconnectingWebSocket(w.session, "ws://server/ws", aiohttp.WithMaxAttempts(3))
				_, err := r.Receive(ctx)
				want := 1
				if row.again {
					want = 3
				}
				if got := r.Stats(); err == nil || got.Failures != want || got.Last == nil {
					t.Errorf("got %v after %+v, want %d attempts", err, got, want)
				}
				return nil
			})
		})
	}
}

func closesWith(code aiohttp.WSCloseCode) web.Handler {
	return func(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
		ws := &web.WebSocketResponse{}
		if err := ws.Prepare(ctx, req); err != nil {
			return nil, err
		}
		return ws, ws.Close(ctx, code, "")
	}
}

// A sender opens the connection again too, and what was received of the old one is not lost.
func TestSendersReconnect(t *testing.T) {
	inWorld(t, echoWS, func(ctx context.Context, w *wsWorld) error {
		r := aiohttp.NewReconnectingWebSocket(w.session, "ws://server/ws")
		if err := r.SendString(ctx, "first"); err != nil {
			return err
		}
		asyncio.Sleep(ctx, time.Second) // its echo is here, and nobody has received it
		if err := w.stop(); err != nil {
			return err
		}
		if err := w.start(); err != nil {
			return err
		}
		asyncio.Sleep(ctx, time.Second)
		if err := errors.Join(r.SendBytes(ctx, []byte("second")), r.SendJSON(ctx, "third")); err != nil {
			return err
		}
		var got []string
		for range 3 {
			m, err := r.Receive(ctx)
			if err != nil {
				return err
			}
			got = append(got, m.Text())
		}
		if want := []string{"first", "second", `"third"`}; !slices.Equal(got, want) || r.Stats().Connects != 2 {
			t.Errorf("got %q over %d connections, want %q", got, r.Stats().Connects, want)
		}
		return r.Close(ctx, 0, "")
	})
}

// Cancellation ends the wait, and the next call goes on where it was.
func TestACancelledReconnectCanGoOn(t *testing.T) {
	n := 0
	inWorld(t, ticker(&n), func(ctx context.Context, w *wsWorld) error {
		if err := w.stop(); err != nil {
			return err
		}
		r := aiohttp.NewReconnectingWebSocket(w.session, "ws://server/ws", aiohttp.WithOnConnect(subscribe))
		short, cancel := asyncio.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if _, err := r.Receive(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if err := w.start(); err != nil {
			return err
		}
		if m, err := r.Receive(ctx); m.Text() != "1" || err != nil {
			t.Errorf("got %q and %v", m.Text(), err)
		}
		return r.Close(ctx, 0, "")
	})
}

// onceEcho echoes one message and closes.
func onceEcho(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
	ws := &web.WebSocketResponse{}
	if err := ws.Prepare(ctx, req); err != nil {
		return nil, err
	}
	text, err := ws.ReceiveString(ctx)
	if err != nil {
		return nil, err
	}
	return ws, errors.Join(ws.SendString(ctx, text), ws.Close(ctx, aiohttp.WSCloseServiceRestart, ""))
}

// What several connections brought while nobody received comes in its order, all of it.
func TestMessagesOfSeveralConnectionsAreKept(t *testing.T) {
	inWorld(t, onceEcho, func(ctx context.Context, w *wsWorld) error {
		r := aiohttp.NewReconnectingWebSocket(w.session, "ws://server/ws")
		for _, text := range []string{"first", "second", "third"} {
			if err := r.SendString(ctx, text); err != nil {
				return err
			}
			asyncio.Sleep(ctx, time.Minute)
		}
		var got []string
		for range 3 {
			m, err := r.Receive(ctx)
			if err != nil {
				return err
			}
			got = append(got, m.Text())
		}
		if want := []string{"first", "second", "third"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		return r.Close(ctx, 0, "")
	})
}

// Nobody may ever receive: of what the connections brought, no more is kept than one would have queued.
func TestWhatNobodyReceivesIsBounded(t *testing.T) {
	inWorld(t, onceEcho, func(ctx context.Context, w *wsWorld) error {
		r := aiohttp.NewReconnectingWebSocket(w.session, "ws://server/ws")
		for i := range 8 {
			if err := r.SendString(ctx, fmt.Sprint(i)+strings.Repeat("x", 100<<10)); err != nil {
				return err
			}
			asyncio.Sleep(ctx, time.Minute)
		}
		asyncio.Sleep(ctx, time.Minute)
		var got []string
		if err := r.SendString(ctx, "last"); err != nil { // lets the end of the one before be noticed
			return err
		}
		for len(got) == 0 || got[len(got)-1] != "l" {
			m, err := r.Receive(ctx)
			if err != nil {
				return err
			}
			got = append(got, m.Text()[:1])
		}
		if want := []string{"6", "7", "l"}; !slices.Equal(got, want) {
			t.Errorf("got messages %q, want %q", got, want)
		}
		return r.Close(ctx, 0, "")
	})
}

// However often an attempt has failed, the wait is between nothing and the bound.
func TestReconnectDelayStaysWithinItsBound(t *testing.T) {
	run(t, answers(hello), func(ctx context.Context, w *world) error {
		ws := aiohttp.NewReconnectingWebSocket(w.session, "ws://h/", aiohttp.WithMaxAttempts(80),
			aiohttp.WithReconnectDelay(5*time.Second, 30*time.Second), aiohttp.WithReconnectWhen(func(error) bool { return true }))
		var refused *aiohttp.WSServerHandshakeError
		if _, err := ws.Connect(ctx); !errors.As(err, &refused) {
			t.Errorf("got %v, want the refusal of the last attempt", err)
		}
		if took := asyncio.RunningLoop(ctx).Time(); took > 80*30*time.Second {
			t.Errorf("80 attempts took %v, want at most 30 s between them", took)
		}
		return nil
	})
}
