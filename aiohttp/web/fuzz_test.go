package web

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/aio-go/aio/asyncio"
)

// FuzzInputMayBeCutAnywhere sends the same bytes in one piece, in two, and one by one: the answers must be the same,
// and every response must be a complete one.
func FuzzInputMayBeCutAnywhere(f *testing.F) {
	discard := slog.New(slog.NewTextHandler(io.Discard, nil))
	app := NewApplication(WithLogger(discard), WithClientMaxSize(1000))
	app.AddRoutes(
		Get("/", hello),
		Get("/x/{name}", func(_ context.Context, req *Request) (AnyResponse, error) {
			return Text(req.MatchInfo().Get("name")), nil
		}),
		Post("/echo", echo),
		Post("/unread", hello),
		Post("/form", func(ctx context.Context, req *Request) (AnyResponse, error) {
			form, err := req.Post(ctx)
			if err != nil {
				return nil, err
			}
			return Text(form.Values.Encode()), nil
		}),
	)
	app.freeze()
	f.Fuzz(func(t *testing.T, input []byte, cut uint16) {
		if len(input) > 4096 {
			return
		}
		half := int(cut) % (len(input) + 1)
		whole := exchange(t, app, [][]byte{input})
		two := exchange(t, app, [][]byte{input[:half], input[half:]})
		single := make([][]byte, len(input))
		for i := range input {
			single[i] = input[i : i+1]
		}
		bytewise := exchange(t, app, single)
		if strings.Contains(strings.ToLower(string(input)), "expect") {
			return // whether the body came with its head decides whether the connection goes on
		}
		if whole != two || whole != bytewise {
			t.Errorf("in one piece: %q\ncut at %d: %q\nbyte by byte: %q", whole, half, two, bytewise)
		}
	})
}

// exchange sends pieces over a new connection and returns what came back, without what depends on what the server knew
// when it answered: interim responses, and the word that the connection will close.
func exchange(t *testing.T, app *Application, pieces [][]byte) string {
	var out string
	_, err := asyncio.Run(t.Context(), func(ctx context.Context) (struct{}, error) {
		s := newServer(ctx, app, defaultServerOptions())
		w := &wire{t: t, ctx: ctx, loop: s.loop, server: s, conn: s.newConn()}
		w.conn.connected(w)
		for _, p := range pieces {
			s.loop.CallSoon(func() {
				if !w.lost {
					w.conn.DataReceived(p)
				}
			})
			asyncio.Sleep(ctx, 0)
			asyncio.Sleep(ctx, 0)
		}
		w.turns()
		w.SendEOF()
		out = strings.NewReplacer(continueLine, "", "Connection: close\r\n", "").Replace(w.Output())
		if s.busy != 0 || s.open != 0 {
			t.Errorf("%d handlers and %d connections are left after the end", s.busy, s.open)
		}
		return struct{}{}, nil
	}, asyncio.WithClock(new(jumpClock)), asyncio.WithoutSignals())
	if err != nil {
		t.Fatal(err)
	}
	return out
}
