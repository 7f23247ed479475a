package web

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func sleeper(d time.Duration) Handler {
	return func(ctx context.Context, req *Request) (AnyResponse, error) {
		return Text("done"), asyncio.Sleep(ctx, d)
	}
}

// C151, C153, C155
func TestShutdownWaitsForHandlersAndClosesTheIdle(t *testing.T) {
	app := appWith(Get("/", hello), Get("/slow", sleeper(5*time.Second)))
	talk(t, app, func(w *wire) {
		idle, fresh := w.Dial(), w.Dial()
		idle.Send(get)
		w.Send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + get)
		stop := asyncio.CreateTask(w.ctx, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, w.server.shutdown(ctx, time.Minute)
		})
		w.turns()
		if !idle.closed || !fresh.closed || w.closed {
			t.Errorf("at once: idle closed %v, fresh closed %v, busy closed %v", idle.closed, fresh.closed, w.closed)
		}
		if _, err := stop.Await(w.ctx); err != nil || w.loop.Time() != 5*time.Second {
			t.Errorf("shutdown took %v, %v; want 5s", w.loop.Time(), err)
		}
		out := w.Output()
		if body(out) != "done" || field(out, "Connection") != "close" || !w.closed && !w.eof {
			t.Errorf("got %q, closed %v", out, w.closed)
		}
		late := w.Dial()
		late.turns()
		if !late.closed {
			t.Error("a connection is accepted after the shutdown")
		}
	})
}

// C152
func TestShutdownCancelsHandlersThatTakeTooLong(t *testing.T) {
	var ended error
	app := appWith(Get("/", func(ctx context.Context, req *Request) (AnyResponse, error) {
		ended = asyncio.Sleep(ctx, time.Hour)
		return Text("late"), ended
	}))
	talk(t, app, func(w *wire) {
		w.Send(get)
		w.server.shutdown(w.ctx, 3*time.Second)
		if !errors.Is(ended, context.Canceled) || w.loop.Time() != 3*time.Second || !w.closed || w.Output() != "" {
			t.Errorf("after %v: handler %v, closed %v", w.loop.Time(), ended, w.closed)
		}
	})
}

// §1B.8 step 6
func TestShutdownTakesTheBodyFromAHandlerThatWaitsForIt(t *testing.T) {
	talk(t, appWith(Post("/", echo)), func(w *wire) {
		w.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
		w.server.shutdown(w.ctx, 3*time.Second)
		if out := w.Output(); !strings.HasPrefix(out, "HTTP/1.1 503 ") || w.loop.Time() != 3*time.Second {
			t.Errorf("after %v: got %q", w.loop.Time(), out)
		}
	})
}

// C157
func TestShutdownAwaitsAHandlerThatSwallowsItsCancellation(t *testing.T) {
	var log []string
	app := appWith(Get("/", func(ctx context.Context, req *Request) (AnyResponse, error) {
		err := asyncio.Sleep(ctx, time.Hour)
		log = append(log, "CANCELLED")
		asyncio.Sleep(context.WithoutCancel(ctx), time.Second)
		log = append(log, "SUPPRESSED")
		return Text("anyway"), errors.Join(err)
	}))
	app.OnShutdown(func(context.Context, *Application) error { log = append(log, "SHUTDOWN"); return nil })
	app.OnCleanup(func(context.Context, *Application) error { log = append(log, "CLEANUP"); return nil })
	talk(t, app, func(w *wire) {
		w.Send(get)
		w.server.shutdown(w.ctx, time.Second)
		log = append(log, "DONE")
	})
	if want := []string{"SHUTDOWN", "CANCELLED", "SUPPRESSED", "DONE", "CLEANUP"}; !slices.Equal(log, want) {
		t.Errorf("got %q, want %q", log, want)
	}
}

func TestShutdownDoesNotWaitForAHandlerThatNeverEnds(t *testing.T) {
	app := appWith(Get("/", func(ctx context.Context, req *Request) (AnyResponse, error) {
		return Text("never"), asyncio.Sleep(context.WithoutCancel(ctx), time.Hour)
	}))
	talk(t, app, func(w *wire) {
		w.Send(get)
		w.server.shutdown(w.ctx, time.Second)
		if got := w.loop.Time(); got != time.Second+cancelGrace || !w.closed {
			t.Errorf("gave up after %v, closed %v", got, w.closed)
		}
		w.Sleep(2 * time.Hour)
	})
}
