package web

// WebSockets as a client sees them that speaks in bytes: the handshake, what stands behind
// it, and how they end.

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/wsproto"
)

// wsRequest is a handshake; more fields replace those of the same name.
func wsRequest(fields ...string) string {
	lines := []string{"Host: a", "Upgrade: websocket", "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ":")
		kept := lines[:0]
		for _, l := range lines {
			if !strings.HasPrefix(l, name+":") {
				kept = append(kept, l)
			}
		}
		lines = kept
		if value != "" {
			lines = append(lines, f)
		}
	}
	return "GET /ws HTTP/1.1\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// frame is a masked frame.
func frame(op wsproto.Opcode, payload string) string {
	return string(wsproto.AppendFrame(nil, op, false, []byte(payload), true, 0x01020304))
}

func closeFrame(code int, reason string) string {
	return frame(wsproto.Close, string(wsproto.AppendClosePayload(nil, code, reason)))
}

// events decodes what a server has sent.
func events(t *testing.T, in string) (out []string) {
	t.Helper()
	d := wsproto.NewDecoder(wsproto.Rules{})
	for b := []byte(in); ; {
		ev, n, err := d.Next(b)
		b = b[n:]
		if err != nil {
			t.Fatalf("server sent %q: %v", in, err)
		}
		if ev.Kind == wsproto.NeedMore {
			return out
		}
		text := ev.Kind.String()
		if ev.Code != 0 {
			text += fmt.Sprint(" ", ev.Code)
		}
		out = append(out, strings.TrimSpace(text+" "+string(ev.Data)))
	}
}

// wsEcho sends back what it receives.
func wsEcho(ctx context.Context, req *Request) (AnyResponse, error) {
	ws := &WebSocketResponse{Protocols: []string{"second", "first"}}
	if err := ws.Prepare(ctx, req); err != nil {
		return nil, err
	}
	for m, err := range ws.All(ctx) {
		if err != nil {
			return nil, err
		}
		if err := ws.SendFrame(ctx, m.Type, m.Data); err != nil {
			return nil, err
		}
	}
	return ws, nil
}

func wsApp(handler Handler) *Application {
	return appWith(Get("/ws", handler), Get("/", hello), Post("/ws", handler))
}

// RFC 6455 §4.2.2
func TestWebSocketHandshake(t *testing.T) {
	talk(t, wsApp(wsEcho), func(w *wire) {
		w.Send(wsRequest("Sec-WebSocket-Protocol: first, second", "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10"))
		out := w.Output()
		if status(out) != "HTTP/1.1 101 Switching Protocols" || body(out) != "" {
			t.Fatalf("got %q", out)
		}
		for name, want := range map[string]string{
			"Upgrade": "websocket", "Connection": "Upgrade", "Sec-Websocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "Sec-Websocket-Protocol": "second",
			"Sec-Websocket-Extensions": "permessage-deflate; server_max_window_bits=10", "Content-Length": "-", "Transfer-Encoding": "-", "Content-Type": "-",
		} {
			if got := field(out, name); got != want {
				t.Errorf("%s: got %q want %q", name, got, want)
			}
		}
		w.Send(frame(wsproto.Text, "hi") + frame(wsproto.Ping, "?"))
		if got := events(t, w.Output()); fmt.Sprint(got) != "[EventPong ? EventText hi]" && fmt.Sprint(got) != "[EventText hi EventPong ?]" {
			t.Errorf("got %q", got)
		}
		w.Send(closeFrame(1001, "bye"))
		if got := events(t, w.Output()); fmt.Sprint(got) != "[EventClose 1001]" || !w.closed {
			t.Errorf("got %q, closed %t", got, w.closed)
		}
	})
}

// P31, §1B.7, GHSA-mqqc: which requests are no handshakes, and what they are told.
func TestImproperHandshakesAreRefused(t *testing.T) {
	for name, row := range map[string]struct{ request, status string }{
		"no Upgrade":            {wsRequest("Upgrade:"), "400"},
		"another Upgrade":       {wsRequest("Upgrade: h2c"), "400"},
		"no Connection":         {wsRequest("Connection:"), "400"},
		"P31 substring":         {wsRequest("Connection: keep-alive, notupgrade"), "400"},
		"no version":            {wsRequest("Sec-WebSocket-Version:"), "426"},
		"version 12":            {wsRequest("Sec-WebSocket-Version: 12"), "426"},
		"no key":                {wsRequest("Sec-WebSocket-Key:"), "400"},
		"short key":             {wsRequest("Sec-WebSocket-Key: aGVsbG8="), "400"},
		"key no base64":         {wsRequest("Sec-WebSocket-Key: ????????????????????????"), "400"},
		"P28 Kelvin sign":       {wsRequest("Upgrade: websoc\u212aet"), "400"},
		"POST":                  {strings.Replace(wsRequest("Content-Length: 0"), "GET", "POST", 1), "400"},
		"HTTP/1.0":              {strings.Replace(wsRequest(), "HTTP/1.1", "HTTP/1.0", 1), "400"},
		"version 8 is welcome":  {wsRequest("Sec-WebSocket-Version: 8"), "101"},
		"version 7 is welcome":  {wsRequest("Sec-WebSocket-Version: 7"), "101"},
		"upper case is welcome": {wsRequest("Upgrade: WebSocket", "Connection: UPGRADE"), "101"},
	} {
		t.Run(name, func(t *testing.T) {
			ready := false
			handler := func(ctx context.Context, req *Request) (AnyResponse, error) {
				ready = (&WebSocketResponse{}).CanPrepare(req).OK
				return wsEcho(ctx, req)
			}
			talk(t, wsApp(handler), func(w *wire) {
				w.Send(row.request)
				out := w.Output()
				if got := strings.Fields(status(out) + " ? ?")[1]; got != row.status || ready != (row.status == "101") {
					t.Errorf("got %s, CanPrepare %t, want %s", status(out), ready, row.status)
				}
				if row.status == "426" && field(out, "Sec-WebSocket-Version") == "-" && field(out, "Sec-Websocket-Version") == "-" {
					t.Errorf("no versions are named: %q", out)
				}
				w.SendEOF()
			})
		})
	}
}

// C131, C132, C97: a request behind a handshake that was declined is served; one with a body
// too, and one that is cut in the middle.
func TestDeclinedHandshakesLeaveTheConnection(t *testing.T) {
	declines := func(ctx context.Context, req *Request) (AnyResponse, error) {
		b, err := req.Read(ctx)
		if err != nil {
			return nil, err
		}
		return Text("declined " + string(b)).WithStatus(426), nil
	}
	for name, requests := range map[string][]string{
		"in one write":   {wsRequest() + get},
		"cut":            {wsRequest() + get[:9], get[9:]},
		"two handshakes": {wsRequest() + wsRequest() + get},
		"with a body":    {strings.Replace(wsRequest("Content-Length: 4"), "GET", "POST", 1) + "body" + get},
	} {
		t.Run(name, func(t *testing.T) {
			talk(t, wsApp(declines), func(w *wire) {
				for _, r := range requests {
					w.Send(r)
				}
				out := w.Output()
				if !strings.HasSuffix(out, "hello") || !strings.Contains(out, "declined ") || name == "with a body" && !strings.Contains(out, "declined body") {
					t.Errorf("got %q", out)
				}
				w.SendEOF()
			})
		})
	}
}

// C132: frames that come in one packet with the requests before them.
func TestFramesBehindABurstOfRequests(t *testing.T) {
	talk(t, wsApp(wsEcho), func(w *wire) {
		w.Send(strings.Repeat(get, 40) + wsRequest() + frame(wsproto.Text, "first"))
		w.turns()
		out := w.Output()
		if n := strings.Count(out, "HTTP/1.1 200 OK"); n != 40 {
			t.Errorf("got %d answers, want 40", n)
		}
		_, tail, _ := strings.Cut(out, "101 Switching Protocols")
		if got := events(t, body(tail)); fmt.Sprint(got) != "[EventText first]" {
			t.Errorf("got %q", got)
		}
		w.Send(closeFrame(1000, ""))
	})
}

// C96: what comes behind a handshake that is not decided yet is bounded, and read on once it is.
func TestBytesBehindAnUndecidedHandshakeAreBounded(t *testing.T) {
	decide := asyncio.Event{}
	received := 0
	handler := func(ctx context.Context, req *Request) (AnyResponse, error) {
		decide.Wait(ctx)
		ws := &WebSocketResponse{}
		if err := ws.Prepare(ctx, req); err != nil {
			return nil, err
		}
		for range ws.All(ctx) {
			received++
		}
		return ws, nil
	}
	talk(t, wsApp(handler), func(w *wire) {
		w.Send(wsRequest())
		message := frame(wsproto.Binary, strings.Repeat("x", 60<<10))
		sent := 0
		for !w.paused && sent < 100 {
			w.Send(message)
			sent++
		}
		if !w.paused || sent > 6 {
			t.Fatalf("reading went on for %d messages of 60 KiB", sent)
		}
		decide.Set()
		w.turns()
		if received != sent || w.paused {
			t.Errorf("received %d of %d, paused %t", received, sent, w.paused)
		}
		w.Send(closeFrame(1000, ""))
	})
}

// C143, D4: the client is told what it did wrong.
func TestServerClosesOnABrokenProtocol(t *testing.T) {
	for name, row := range map[string]struct{ in, want string }{
		"unmasked": {"\x81\x01x", "EventClose 1002"},
		"too big":  {"\x82\xff\x00\x00\x00\x00\x00\x40\x00\x01", "EventClose 1009"},
		"text":     {frame(wsproto.Text, "\xff"), "EventClose 1007"},
	} {
		talk(t, wsApp(wsEcho), func(w *wire) {
			w.Send(wsRequest())
			w.Output()
			w.Send(row.in)
			if got := events(t, w.Output()); len(got) != 1 || !strings.HasPrefix(got[0], row.want) || !w.eof {
				t.Errorf("%s: got %q, half closed %t", name, got, w.eof)
			}
			w.Sleep(11 * time.Second)
			if !w.closed {
				t.Errorf("%s: a client that does not hang up is not cut off", name)
			}
		})
	}
}

// C135: the handler returns, the client does not answer the Close.
func TestServerDoesNotWaitForeverForAClose(t *testing.T) {
	var ws *WebSocketResponse
	handler := func(ctx context.Context, req *Request) (AnyResponse, error) {
		ws = &WebSocketResponse{Timeout: 3 * time.Second}
		return ws, ws.Prepare(ctx, req)
	}
	talk(t, wsApp(handler), func(w *wire) {
		w.Send(wsRequest())
		start := w.loop.Time()
		if got := events(t, body(w.Output())); fmt.Sprint(got) != "[EventClose 1000]" {
			t.Errorf("got %q", got)
		}
		w.Sleep(10 * time.Second)
		var late *aiohttp.WSTimeoutError
		if took := w.closedAt - start; took != 3*time.Second || ws.CloseCode() != 1006 || !errors.As(ws.Err(), &late) {
			t.Errorf("closed after %v with %v and %v", took, ws.CloseCode(), ws.Err())
		}
	})
}

// A handler that fails, or panics, is no reason to leave the client without an answer.
func TestAFailedHandlerCloses1011(t *testing.T) {
	for name, fail := range map[string]func() error{"error": func() error { return errors.New("boom") }, "panic": func() error { panic("boom") }} {
		handler := func(ctx context.Context, req *Request) (AnyResponse, error) {
			ws := &WebSocketResponse{}
			if err := ws.Prepare(ctx, req); err != nil {
				return nil, err
			}
			return ws, fail()
		}
		talk(t, wsApp(handler), func(w *wire) {
			w.Send(wsRequest())
			if got := events(t, body(w.Output())); fmt.Sprint(got) != "[EventClose 1011]" {
				t.Errorf("%s: got %q", name, got)
			}
			w.Send(closeFrame(1011, ""))
			if !w.closed {
				t.Errorf("%s: not closed", name)
			}
		})
	}
}

// C138, C142: a client that is gone, before Prepare and after it.
func TestClientsThatAreGone(t *testing.T) {
	var prepared, received error
	var code aiohttp.WSCloseCode
	start := asyncio.Event{}
	handler := func(ctx context.Context, req *Request) (AnyResponse, error) {
		start.Wait(ctx)
		ws := &WebSocketResponse{}
		if prepared = ws.Prepare(ctx, req); prepared != nil {
			return nil, prepared
		}
		_, received = ws.ReceiveString(ctx)
		code = ws.CloseCode()
		return ws, nil
	}
	talk(t, wsApp(handler), func(w *wire) {
		w.Send(wsRequest())
		w.lose(errors.New("reset"))
		start.Set()
		w.turns()
		if !errors.Is(prepared, ErrConnectionLost) {
			t.Errorf("Prepare: got %v", prepared)
		}
	})
	for name, leave := range map[string]func(w *wire){"reset": func(w *wire) { w.lose(errors.New("reset")) }, "end": (*wire).SendEOF} {
		talk(t, wsApp(handler), func(w *wire) {
			w.Send(wsRequest())
			leave(w)
			w.turns()
			if prepared != nil || !errors.Is(received, aiohttp.ErrWSClosed) || code != 1006 {
				t.Errorf("%s: got %v, %v and %v", name, prepared, received, code)
			}
		})
	}
}

// C156: a server that stops says so, and does not wait for its timeout.
func TestShutdownCloses1001(t *testing.T) {
	talk(t, wsApp(wsEcho), func(w *wire) {
		w.Send(wsRequest())
		w.Output()
		stopping := asyncio.CreateTask(w.ctx, func(ctx context.Context) (time.Duration, error) {
			start := w.loop.Time()
			err := w.server.shutdown(ctx, time.Minute)
			return w.loop.Time() - start, err
		})
		w.turns()
		if got := events(t, w.Output()); fmt.Sprint(got) != "[EventClose 1001 server shutdown]" {
			t.Errorf("got %q", got)
		}
		w.Send(closeFrame(1001, ""))
		if took, err := stopping.Await(w.ctx); took > time.Second || err != nil {
			t.Errorf("took %v and %v", took, err)
		}
	})
}

// A client that takes nothing makes the sender wait, and is cut off by the write timeout.
func TestSendingToASlowClientSuspends(t *testing.T) {
	sent := 0
	var failed error
	handler := func(ctx context.Context, req *Request) (AnyResponse, error) {
		ws := &WebSocketResponse{}
		if err := ws.Prepare(ctx, req); err != nil {
			return nil, err
		}
		for failed == nil {
			if failed = ws.SendBytes(ctx, make([]byte, 1000)); failed == nil {
				sent++
			}
			if sent == 3 {
				req.conn.PauseWriting()
			}
		}
		return ws, nil
	}
	talk(t, wsApp(handler), func(w *wire) {
		w.Send(wsRequest())
		if sent != 3 {
			t.Errorf("sent %d messages, want 3", sent)
		}
		w.Sleep(2 * time.Minute)
		if !errors.Is(failed, aiohttp.ErrWSClosed) || !w.closed {
			t.Errorf("got %v, closed %t", failed, w.closed)
		}
	})
}

func TestHeartbeatOfAServer(t *testing.T) {
	handler := func(ctx context.Context, req *Request) (AnyResponse, error) {
		ws := &WebSocketResponse{Heartbeat: 4 * time.Second}
		if err := ws.Prepare(ctx, req); err != nil {
			return nil, err
		}
		for range ws.All(ctx) {
		}
		return ws, nil
	}
	talk(t, wsApp(handler), func(w *wire) {
		w.Send(wsRequest())
		w.Output()
		w.Sleep(5 * time.Second)
		if got := events(t, w.Output()); fmt.Sprint(got) != "[EventPing]" || w.closed {
			t.Errorf("got %q", got)
		}
		w.Send(frame(wsproto.Pong, ""))
		w.Sleep(20 * time.Second)
		if got := events(t, w.Output()); fmt.Sprint(got) != "[EventPing]" || !w.closed {
			t.Errorf("got %q, closed %t", got, w.closed)
		}
	})
}

func TestAnUnpreparedWebSocketResponseIsAnError(t *testing.T) {
	handler := func(ctx context.Context, req *Request) (AnyResponse, error) {
		ws := &WebSocketResponse{}
		if err := ws.SendString(ctx, "x"); !errors.Is(err, aiohttp.ErrWSNotConnected) {
			t.Errorf("got %v", err)
		}
		if err := ws.WriteEOF(ctx); err == nil {
			t.Error("WriteEOF: got no error")
		}
		return Text("fine"), nil
	}
	talk(t, wsApp(handler), func(w *wire) {
		w.Send(wsRequest())
		if out := w.Output(); body(out) != "fine" {
			t.Errorf("got %q", out)
		}
		w.SendEOF()
	})
}
