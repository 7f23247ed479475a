package interop_test

// Against github.com/coder/websocket, in both roles, with every kind of compression it knows.

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/web"
	"github.com/aio-go/aio/asyncio"
)

var modes = map[string]websocket.CompressionMode{
	"plain": websocket.CompressionDisabled, "takeover": websocket.CompressionContextTakeover, "no takeover": websocket.CompressionNoContextTakeover,
}

// onLoop runs body on a loop.
func onLoop(t *testing.T, body func(ctx context.Context) error) {
	t.Helper()
	_, err := asyncio.Run(t.Context(), func(ctx context.Context) (struct{}, error) {
		ctx, cancel := asyncio.WithTimeout(ctx, time.Minute)
		defer cancel()
		return struct{}{}, body(ctx)
	}, asyncio.WithoutSignals())
	if err != nil {
		t.Error(err)
	}
}

// messages are what is sent back and forth: empty, short, alike, long.
func messages() []string {
	out := []string{"", "hello", "größer", strings.Repeat("x", 125), strings.Repeat("y", 126), strings.Repeat("z", 65535), strings.Repeat("0123456789", 10_000)}
	for i := range 50 {
		out = append(out, fmt.Sprintf(`{"id":%d,"type":"trade","symbol":"BTC-EUR","price":%d}`, i, 30_000+i*37%991))
	}
	return out
}

// converse has our client talk to a server that sends everything back.
func converse(ctx context.Context, t *testing.T, url string, opts ...aiohttp.RequestOption) error {
	s := aiohttp.NewClientSession()
	defer s.Close()
	ws, err := s.WSConnect(ctx, url, opts...)
	if err != nil {
		return err
	}
	for _, m := range messages() {
		if err := ws.SendString(ctx, m); err != nil {
			return err
		}
		if got, err := ws.ReceiveString(ctx); got != m || err != nil {
			return fmt.Errorf("got %d bytes and %w, want %d", len(got), err, len(m))
		}
		if err := ws.SendBytes(ctx, []byte(m)); err != nil {
			return err
		}
		if got, err := ws.ReceiveBytes(ctx); string(got) != m || err != nil {
			return fmt.Errorf("binary: got %d bytes and %w, want %d", len(got), err, len(m))
		}
	}
	if err := ws.Ping(ctx, []byte("ping")); err != nil {
		return err
	}
	if err := ws.Close(ctx, aiohttp.WSCloseOK, "done"); err != nil {
		return err
	}
	if ws.CloseCode() != aiohttp.WSCloseOK {
		t.Errorf("got close code %v", ws.CloseCode())
	}
	return nil
}

func TestOurClientAndCodersServer(t *testing.T) {
	for name, mode := range modes {
		for _, bits := range []int{0, 9, 15} {
			t.Run(fmt.Sprintf("%s, %d bits", name, bits), func(t *testing.T) {
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					c, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: mode, CompressionThreshold: 1})
					if err != nil {
						return // a window it cannot make: the client sees the refusal
					}
					c.SetReadLimit(-1)
					for {
						typ, b, err := c.Read(r.Context())
						if err != nil {
							return
						}
						if err := c.Write(r.Context(), typ, b); err != nil {
							t.Error(err)
							return
						}
					}
				}))
				defer server.Close()
				onLoop(t, func(ctx context.Context) error { return converse(ctx, t, server.URL, aiohttp.WithWSCompress(bits)) })
			})
		}
	}
}

// echo is our server.
func echo(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
	ws := &web.WebSocketResponse{}
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

// serving runs our server, and use on another goroutine.
func serving(t *testing.T, use func(ctx context.Context, url string) error) {
	t.Helper()
	onLoop(t, func(ctx context.Context) error {
		app := web.NewApplication()
		app.Router().AddGet("/", echo)
		runner := web.NewAppRunner(app)
		if err := runner.Setup(ctx); err != nil {
			return err
		}
		defer runner.Cleanup(context.WithoutCancel(ctx))
		site := web.NewTCPSite(runner, "127.0.0.1:0")
		if err := site.Start(ctx); err != nil {
			return err
		}
		_, err := asyncio.ToThread(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, use(ctx, site.URL()) })
		return err
	})
}

func TestCodersClientAndOurServer(t *testing.T) {
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			serving(t, func(_ context.Context, url string) error {
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				c, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{CompressionMode: mode, CompressionThreshold: 1})
				if err != nil {
					return err
				}
				c.SetReadLimit(-1)
				for _, m := range messages() {
					if err := c.Write(ctx, websocket.MessageText, []byte(m)); err != nil {
						return err
					}
					typ, b, err := c.Read(ctx)
					if typ != websocket.MessageText || string(b) != m || err != nil {
						return fmt.Errorf("got %v of %d bytes and %w, want %d", typ, len(b), err, len(m))
					}
				}
				return c.Close(websocket.StatusNormalClosure, "")
			})
		})
	}
}
