package aiohttp_test

import (
	"bytes"
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// logged is what was logged. The watchdog of a loop in debug mode logs from a goroutine of its own.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// captureLog takes over the default logger until the test ends.
func captureLog(t *testing.T, level slog.Level) *logged {
	l := new(logged)
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: level})))
	t.Cleanup(func() { slog.SetDefault(before) })
	return l
}

func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// collects collects garbage until cond holds; what is registered for that runs on goroutines,
// whenever the runtime gets to it.
func collects(ctx context.Context, cond func() bool) bool {
	for start := time.Now(); !cond(); asyncio.Sleep(ctx, time.Millisecond) {
		if time.Since(start) > time.Minute {
			return false
		}
		runtime.GC()
		asyncio.ToThread(ctx, func(ctx context.Context) (struct{}, error) {
			runtime.Gosched()
			return struct{}{}, nil
		})
	}
	return true
}

// D14: a response that is dropped is reported, with the place it was made at, and
// its connection does not stay in use for ever.
func TestDroppedResponseIsReported(t *testing.T) {
	log := captureLog(t, slog.LevelInfo)
	run(t, answers("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc"), func(ctx context.Context, w *world) error {
		asyncio.RunningLoop(ctx).SetDebug(true)
		kept, err := w.session.Get(ctx, "http://h/kept")
		if err != nil {
			return err
		}
		drop(ctx, w)
		if !collects(ctx, func() bool { return w.session.Stats().Connector.InUse == 1 }) {
			t.Fatalf("still %+v", w.session.Stats().Connector)
		}
		if got := log.String(); !strings.Contains(got, "GET http://h/dropped") || !strings.Contains(got, "leak_test.go") || strings.Contains(got, "kept") {
			t.Errorf("got log %q", got)
		}
		return kept.Close()
	})
}

// A session that is dropped is reported, with the place of its first request, and its
// connections are closed; one that was closed is not.
func TestDroppedSessionIsReported(t *testing.T) {
	log := captureLog(t, slog.LevelInfo)
	o := newOrigin(t, false, nil)
	onLoop(t, func(ctx context.Context) error {
		asyncio.RunningLoop(ctx).SetDebug(true)
		use := func(end bool) *aiohttp.TCPConnector {
			s := aiohttp.NewClientSession()
			if _, err := fetch(ctx, s, o.URL); err != nil {
				t.Error(err)
			}
			c := s.Connector().(*aiohttp.TCPConnector)
			if end {
				s.Close()
			}
			return c
		}
		use(true)
		dropped := use(false)
		if !collects(ctx, dropped.Closed) {
			t.Fatal("the session was never found")
		}
		return nil
	})
	if got := log.String(); strings.Count(got, "session was never closed") != 1 || !strings.Contains(got, "_test.go") {
		t.Errorf("got log %q", got)
	}
}

func drop(ctx context.Context, w *world) {
	resp, err := w.session.Get(ctx, "http://h/dropped")
	if err != nil || resp.Status != 200 {
		w.t.Errorf("got %v", err)
	}
}
