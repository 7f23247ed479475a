package web

// The harness of the tests of connections: a transport that is a buffer, a clock that jumps, and a client that speaks
// in bytes. Everything runs on a real event loop, without sockets.

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func (s *server) newConn() *conn { return &conn{server: s} }

// jumpClock is a clock that moves only when the loop is idle.
type jumpClock struct{ now time.Duration }

func (c *jumpClock) Now() time.Duration { return c.now }

func (c *jumpClock) Wall() time.Time {
	return time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC).Add(c.now)
}

func (c *jumpClock) AdvanceTo(t time.Duration) { c.now = max(c.now, t) }

// wire is a transport in memory, and the client at its other end.
type wire struct {
	t      *testing.T
	ctx    context.Context
	loop   *asyncio.EventLoop
	server *server
	conn   *conn

	written    strings.Builder
	writes     int
	eof        bool // our side was closed
	closed     bool // both were
	paused     bool
	closedAt   time.Duration
	lost       bool
	readPauses int
}

func (w *wire) Write(p []byte) {
	if w.closed || w.eof {
		w.t.Errorf("write after the end: %q", p)
	}
	w.writes++
	w.written.Write(p)
}

func (w *wire) WriteEOF() { w.eof = true }

func (w *wire) Close() { w.shut() }

func (w *wire) Abort() { w.shut() }

func (w *wire) shut() {
	if w.closed {
		return
	}
	w.closed, w.closedAt = true, w.loop.Time()
	w.loop.CallSoon(func() { w.lose(nil) })
}

func (w *wire) lose(err error) {
	if !w.lost {
		w.lost = true
		w.conn.ConnectionLost(err)
	}
}

func (w *wire) PauseReading() { w.paused = true; w.readPauses++ }

func (w *wire) ResumeReading() { w.paused = false }

func (w *wire) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (w *wire) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 4711} }

// Send delivers bytes as one read, as the poller would, and lets the loop take a few turns.
func (w *wire) Send(s string) {
	w.t.Helper()
	w.loop.CallSoon(func() {
		if w.lost {
			return
		}
		p := []byte(s)
		w.conn.DataReceived(p)
		for i := range p {
			p[i] = '?' // whoever kept p will be found out
		}
	})
	w.turns()
}

// SendEOF closes the client's side.
func (w *wire) SendEOF() {
	w.loop.CallSoon(func() {
		if !w.lost && !w.conn.EOFReceived() {
			w.shut()
		}
	})
	w.turns()
}

// turns lets the loop run what is ready.
func (w *wire) turns() {
	for range 10 {
		if err := asyncio.Sleep(w.ctx, 0); err != nil {
			w.t.Fatal(err)
		}
	}
}

// Output returns what was written since the last call.
func (w *wire) Output() string {
	s := w.written.String()
	w.written.Reset()
	return s
}

// Sleep lets time pass.
func (w *wire) Sleep(d time.Duration) {
	if err := asyncio.Sleep(w.ctx, d); err != nil {
		w.t.Fatal(err)
	}
	w.turns()
}

// Dial opens another connection to the same server.
func (w *wire) Dial() *wire {
	other := &wire{t: w.t, ctx: w.ctx, loop: w.loop, server: w.server, conn: w.server.newConn()}
	other.conn.connected(other)
	return other
}

// talk runs client against app on a connection in memory, in virtual time.
func talk(t *testing.T, app *Application, client func(w *wire), opts ...RunOption) {
	t.Helper()
	talkBy(t, new(jumpClock), app, client, opts...)
}

// talkBy is talk with a clock of the caller's: nil, for the machine's, where the executor does real work.
func talkBy(t *testing.T, clock asyncio.Clock, app *Application, client func(w *wire), opts ...RunOption) {
	t.Helper()
	if app.log == nil {
		app.log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		if err := app.startup(ctx); err != nil {
			return struct{}{}, err
		}
		s := newServer(ctx, app, newRunOptions(opts).server)
		s.loop.SetExceptionHandler(func(_ *asyncio.EventLoop, info asyncio.ExceptionInfo) {
			t.Errorf("left to the loop: %s: %v", info.Message, info.Err)
		})
		w := &wire{t: t, ctx: ctx, loop: s.loop, server: s, conn: s.newConn()}
		w.conn.connected(w)
		client(w)
		return struct{}{}, app.cleanup(ctx)
	}, asyncio.WithClock(clock), asyncio.WithoutSignals())
	if err != nil {
		t.Fatal(err)
	}
}

// body returns what follows the head of a response.
func body(response string) string {
	_, b, _ := strings.Cut(response, "\r\n\r\n")
	return b
}

// status returns the status line of a response.
func status(response string) string {
	line, _, _ := strings.Cut(response, "\r\n")
	return line
}

// field returns the value of a header of a response, "-" if it has none.
func field(response, name string) string {
	head, _, _ := strings.Cut(response, "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		if key, value, ok := strings.Cut(line, ": "); ok && key == name {
			return value
		}
	}
	return "-"
}

func hello(context.Context, *Request) (AnyResponse, error) { return Text("hello"), nil }

func appWith(defs ...RouteDef) *Application {
	app := NewApplication()
	app.AddRoutes(defs...)
	return app
}

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
