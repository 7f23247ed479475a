package aiohttp_test

// Opening WebSockets over sockets of the loop: against the server of this project, and against
// one that answers in bytes.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/web"
	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/wsproto"
)

// wsSite runs handler at / on a free port while body runs.
func wsSite(t *testing.T, handler web.Handler, body func(ctx context.Context, url string, s *aiohttp.ClientSession) error, opts ...aiohttp.SessionOption) {
	t.Helper()
	onLoop(t, func(ctx context.Context) error {
		app := web.NewApplication()
		app.Router().AddGet("/{rest:.*}", handler)
		runner := web.NewAppRunner(app)
		if err := runner.Setup(ctx); err != nil {
			return err
		}
		defer runner.Cleanup(context.WithoutCancel(ctx))
		site := web.NewTCPSite(runner, "127.0.0.1:0")
		if err := site.Start(ctx); err != nil {
			return err
		}
		session := aiohttp.NewClientSession(opts...)
		defer session.Close()
		return body(ctx, site.URL(), session)
	})
}

// echoWS sends back what it receives.
func echoWS(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
	ws := &web.WebSocketResponse{Protocols: []string{"b", "a"}}
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

// C150: without an offer, with one, and with every parameter.
func TestWSConnectAgainstOurServer(t *testing.T) {
	wsSite(t, echoWS, func(ctx context.Context, site string, s *aiohttp.ClientSession) error {
		schemes := map[string]string{"http": site, "ws": "ws" + strings.TrimPrefix(site, "http"), "WS": "WS" + strings.TrimPrefix(site, "http")}
		for name, base := range schemes {
			for bits, compressed := range map[int]bool{0: false, 9: true, 12: true, 15: true} {
				opts := []aiohttp.RequestOption{aiohttp.WithWSProtocols("a", "x"), aiohttp.WithWSCompress(bits)}
				ws, err := s.WSConnect(ctx, base, opts...)
				if err != nil {
					return fmt.Errorf("%s %d: %w", name, bits, err)
				}
				if ws.Compress() != compressed || ws.Protocol() != "a" || ws.ClientNoTakeover() {
					t.Errorf("%s %d: compress %t, protocol %q", name, bits, ws.Compress(), ws.Protocol())
				}
				for _, text := range []string{"hi", strings.Repeat("repeat ", 1000), strings.Repeat("much more ", 40_000)} {
					ws.SendString(ctx, text)
					if got, err := ws.ReceiveString(ctx); got != text || err != nil {
						t.Errorf("%s %d: got %d bytes and %v, want %d", name, bits, len(got), err, len(text))
					}
				}
				if ws.GetExtraInfo("peername") == nil || ws.GetExtraInfo("sockname") == nil || ws.GetExtraInfo("ssl_object") != nil || ws.GetExtraInfo("x") != nil {
					t.Error("extra info is wrong")
				}
				if ws.Response().Status != 101 {
					t.Errorf("got status %d", ws.Response().Status)
				}
				if got := s.Stats().Connector; got.InUse != 1 {
					t.Errorf("open: got %+v", got)
				}
				if err := ws.Close(ctx, 0, ""); err != nil || ws.CloseCode() != 1000 {
					t.Errorf("%s %d: got %v and %v", name, bits, ws.CloseCode(), err)
				}
			}
		}
		asyncio.Sleep(ctx, 0)
		if got := s.Stats().Connector; got.InUse != 0 || got.Idle != 0 {
			t.Errorf("closed: got %+v, want neither a connection in use nor one for reuse", got)
		}
		return nil
	})
}

// C150, and options in the wrong place.
func TestWSOptionsAreChecked(t *testing.T) {
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession()
		defer s.Close()
		for name, opts := range map[string][]aiohttp.RequestOption{
			"compress 1":        {aiohttp.WithWSCompress(1)},
			"compress 16":       {aiohttp.WithWSCompress(16)},
			"takeover alone":    {aiohttp.WithWSNoContextTakeover()},
			"protocol no token": {aiohttp.WithWSProtocols("a b")},
		} {
			var invalid *aiohttp.InvalidRequestError
			if _, err := s.WSConnect(ctx, "ws://127.0.0.1:1/", opts...); !errors.As(err, &invalid) {
				t.Errorf("%s: got %v", name, err)
			}
		}
		var invalid *aiohttp.InvalidRequestError
		if _, err := s.Get(ctx, "http://127.0.0.1:1/", aiohttp.WithWSHeartbeat(time.Second)); !errors.As(err, &invalid) || !strings.Contains(err.Error(), "WSConnect") {
			t.Errorf("Get: got %v", err)
		}
		if _, err := s.WSConnect(ctx, "ftp://127.0.0.1:1/"); !errors.Is(err, aiohttp.ErrNonHTTPURL) {
			t.Errorf("ftp: got %v", err)
		}
		return nil
	})
}

// rawWS listens, answers every request with what answer makes of its key, and hangs up when
// the client does.
func rawWS(t *testing.T, answer func(head, key string) string, body func(ctx context.Context, url string, s *aiohttp.ClientSession) error) {
	t.Helper()
	onLoop(t, func(ctx context.Context) error {
		ln, err := asyncio.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		serving, stop := context.WithCancel(ctx)
		defer stop()
		defer ln.Close()
		asyncio.CreateTask(serving, func(ctx context.Context) (struct{}, error) {
			for {
				c, err := ln.Accept(ctx)
				if err != nil {
					return struct{}{}, nil
				}
				asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
					defer c.Close()
					in, buf := "", make([]byte, 4096)
					for {
						n, err := c.ReadContext(ctx, buf)
						if in += string(buf[:n]); err != nil {
							return struct{}{}, nil
						}
						if !strings.HasSuffix(in, "\r\n\r\n") {
							continue
						}
						_, rest, _ := strings.Cut(in, "Sec-Websocket-Key: ")
						key, _, _ := strings.Cut(rest, "\r\n")
						c.WriteContext(ctx, []byte(answer(in, key)))
						in = ""
					}
				})
			}
		})
		s := aiohttp.NewClientSession()
		defer s.Close()
		return body(ctx, "ws://"+ln.Addr().String()+"/chat", s)
	})
}

func upgrade(key string, more ...string) string {
	return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		wsproto.AcceptKey(key) + "\r\n" + strings.Join(append(more, ""), "\r\n") + "\r\n"
}

// C133: test_client_ws::ws_connect_err_*
func TestWSConnectChecksTheAnswer(t *testing.T) {
	type row struct {
		answer func(key string) string
		status int
		fault  string
	}
	replaced := func(old, with string) func(string) string {
		return func(key string) string { return strings.Replace(upgrade(key), old, with, 1) }
	}
	for name, row := range map[string]row{
		"401": {func(string) string {
			return "HTTP/1.1 401 Unauthorized\r\nWww-Authenticate: x\r\nContent-Length: 2\r\n\r\nno"
		}, 401, "invalid response status"},
		"200":              {func(string) string { return hello }, 200, "invalid response status"},
		"no Upgrade":       {replaced("Upgrade: websocket\r\n", ""), 101, "Upgrade header"},
		"another Upgrade":  {replaced("Upgrade: websocket", "Upgrade: h2c"), 101, "Upgrade header"},
		"no Connection":    {replaced("Connection: Upgrade\r\n", ""), 101, "Connection header"},
		"Connection close": {replaced("Connection: Upgrade", "Connection: close"), 101, "Connection header"},
		"substring":        {replaced("Connection: Upgrade", "Connection: notupgrade"), 101, "Connection header"},
		"no Accept":        {replaced("Sec-WebSocket-Accept", "X"), 101, "challenge"},
		"wrong Accept":     {func(string) string { return upgrade("another key") }, 101, "challenge"},
		"extension":        {func(key string) string { return upgrade(key, "Sec-WebSocket-Extensions: permessage-deflate") }, 101, "not offered"},
		"protocol":         {func(key string) string { return upgrade(key, "Sec-WebSocket-Protocol: other") }, 101, "subprotocol"},
		"two protocols": {func(key string) string {
			return upgrade(key, "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: other")
		}, 101, "subprotocol"},
	} {
		t.Run(name, func(t *testing.T) {
			rawWS(t, func(_, key string) string { return row.answer(key) }, func(ctx context.Context, url string, s *aiohttp.ClientSession) error {
				_, err := s.WSConnect(ctx, url, aiohttp.WithWSProtocols("chat"))
				var refused *aiohttp.WSServerHandshakeError
				var response *aiohttp.ClientResponseError
				if !errors.As(err, &refused) || !errors.As(err, &response) || refused.Status != row.status || !strings.Contains(err.Error(), row.fault) || !strings.Contains(err.Error(), "/chat") {
					t.Fatalf("got %v, want status %d and %q", err, row.status, row.fault)
				}
				if row.status == 401 && refused.Headers.Get("Www-Authenticate") != "x" {
					t.Errorf("got headers %v", refused.Headers)
				}
				got := s.Stats().Connector
				if keeps := row.status < 300 && row.status != 101 || row.status == 401; got.InUse != 0 || keeps != (got.Idle == 1) {
					t.Errorf("got %+v", got)
				}
				return nil
			})
		})
	}
}

// C133: the pool stays usable after a refusal, and the handshake is not retried without end.
func TestARefusedWebSocketKeepsItsConnection(t *testing.T) {
	rawWS(t, func(head, key string) string { return "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n" },
		func(ctx context.Context, url string, s *aiohttp.ClientSession) error {
			for range 3 {
				if _, err := s.WSConnect(ctx, url); err == nil {
					t.Error("got no error")
				}
			}
			if got := s.Stats().Connector; got.Dialed != 1 || got.Reused != 2 {
				t.Errorf("got %+v, want one connection", got)
			}
			return nil
		})
}

// Frames that come in one packet with the answer are not lost. What the request says is what
// RFC 6455 asks for.
func TestFramesBehindTheAnswer(t *testing.T) {
	var head string
	frame := string(wsproto.AppendFrame(nil, wsproto.Text, false, []byte("early"), false, 0))
	rawWS(t, func(h, key string) string {
		head = h
		return upgrade(key, "Sec-WebSocket-Protocol: chat") + frame + frame[:3]
	},
		func(ctx context.Context, u string, s *aiohttp.ClientSession) error {
			ws, err := s.WSConnect(ctx, u, aiohttp.WithWSProtocols("chat"), aiohttp.WithWSOrigin("http://origin"),
				aiohttp.WithParams(url.Values{"q": {"1"}}), aiohttp.WithHeaders(http.Header{"X-Mine": {"yes"}}), aiohttp.WithWSCompress(12))
			if err != nil {
				return err
			}
			wantReceive(ctx, t, ws.WebSocket, aiohttp.WSMsgText, "early")
			for _, want := range []string{"GET /chat?q=1 HTTP/1.1\r\n", "\r\nUpgrade: websocket\r\n", "\r\nConnection: Upgrade\r\n", "\r\nSec-Websocket-Version: 13\r\n",
				"\r\nOrigin: http://origin\r\n", "\r\nX-Mine: yes\r\n", "\r\nSec-Websocket-Protocol: chat\r\n",
				"\r\nSec-Websocket-Extensions: permessage-deflate; server_max_window_bits=12; client_max_window_bits=12\r\n"} {
				if !strings.Contains(head, want) {
					t.Errorf("request lacks %q:\n%s", want, head)
				}
			}
			short, cancel := asyncio.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			if err := ws.Close(short, 0, ""); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			return nil
		})
}

// Middlewares, cookies, credentials and redirects are those of any request.
func TestWSConnectIsARequest(t *testing.T) {
	handler := func(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
		switch {
		case req.Path() == "/old":
			return nil, web.HTTPFound("/new")
		case req.Headers.Get("Authorization") == "" || req.Headers.Get("X-Middleware") == "":
			return nil, web.HTTPUnauthorized()
		}
		return echoWS(ctx, req)
	}
	seen := 0
	counting := func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		seen++
		req.Headers.Set("X-Middleware", "yes")
		return next(ctx, req)
	}
	wsSite(t, handler, func(ctx context.Context, site string, s *aiohttp.ClientSession) error {
		ws, err := s.WSConnect(ctx, strings.Replace(site, "http://", "ws://user:secret@", 1)+"/old")
		if err != nil {
			return err
		}
		if seen != 2 || len(ws.Response().History) != 1 {
			t.Errorf("got %d passes and history %v", seen, ws.Response().History)
		}
		return ws.Close(ctx, 0, "")
	}, aiohttp.WithMiddlewares(counting), aiohttp.WithRaiseForStatus())
}

// The limits of requests are for opening; they do not end an open WebSocket.
func TestRequestLimitsEndWithTheHandshake(t *testing.T) {
	inWorld(t, echoWS, func(ctx context.Context, w *wsWorld) error {
		ws, err := w.session.WSConnect(ctx, "ws://server/ws", aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: 40 * time.Millisecond}))
		if err != nil {
			return err
		}
		asyncio.Sleep(ctx, 80*time.Millisecond)
		ws.SendString(ctx, "still here")
		wantReceive(ctx, t, ws.WebSocket, aiohttp.WSMsgText, "still here")
		return ws.Close(ctx, 0, "")
	})
	rawWS(t, func(string, string) string { return "" }, func(ctx context.Context, url string, s *aiohttp.ClientSession) error {
		_, err := s.WSConnect(ctx, url, aiohttp.WithTimeout(aiohttp.ClientTimeout{ResponseHeader: 20 * time.Millisecond}))
		if !errors.Is(err, aiohttp.ErrResponseHeaderTimeout) {
			t.Errorf("got %v", err)
		}
		return nil
	})
}

func TestClosingTheSessionCutsItsWebSockets(t *testing.T) {
	wsSite(t, echoWS, func(ctx context.Context, site string, s *aiohttp.ClientSession) error {
		ws, err := s.WSConnect(ctx, site)
		if err != nil {
			return err
		}
		receive := asyncio.CreateTask(ctx, ws.Receive)
		asyncio.Sleep(ctx, 0)
		s.Close()
		if m, err := receive.Await(ctx); m.Type != aiohttp.WSMsgClosed || err != nil {
			t.Errorf("got %v and %v", m.Type, err)
		}
		for s.Stats().Connector.InUse > 0 {
			if err := asyncio.Sleep(ctx, time.Millisecond); err != nil {
				return err
			}
		}
		if ws.CloseCode() != 1006 || !errors.Is(ws.Err(), aiohttp.ErrSessionClosed) {
			t.Errorf("got %v and %v", ws.CloseCode(), ws.Err())
		}
		return nil
	})
}

// In debug mode a WebSocket that nobody refers to any more is reported and closed.
func TestForgottenWebSocketIsReported(t *testing.T) {
	log := captureLog(t, slog.LevelInfo)
	wsSite(t, echoWS, func(ctx context.Context, site string, s *aiohttp.ClientSession) error {
		asyncio.RunningLoop(ctx).SetDebug(true)
		if _, err := s.WSConnect(ctx, site); err != nil {
			return err
		}
		collects(ctx, func() bool { return s.Stats().Connector.InUse == 0 })
		if got := log.String(); !strings.Contains(got, "WebSocket was never closed") || !strings.Contains(got, "wsconnect_test.go") || s.Stats().Connector.InUse != 0 {
			t.Errorf("got %q and %+v", got, s.Stats().Connector)
		}
		return nil
	})
}
