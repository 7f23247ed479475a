package aiohttp_test

import (
	"bytes"
	"context"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// D14: a response that is dropped is reported, with the place it was made at, and
// its connection does not stay in use for ever.
func TestDroppedResponseIsReported(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	run(t, answers("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc"), func(ctx context.Context, w *world) error {
		asyncio.RunningLoop(ctx).SetDebug(true)
		kept, err := w.session.Get(ctx, "http://h/kept")
		if err != nil {
			return err
		}
		drop(ctx, w)
		for i := 0; w.session.Stats().Connector.InUse > 1; i++ {
			if i == 200 {
				t.Fatalf("still %+v", w.session.Stats().Connector)
			}
			runtime.GC()
			asyncio.ToThread(ctx, func(ctx context.Context) (struct{}, error) {
				runtime.Gosched()
				return struct{}{}, nil
			})
			asyncio.Sleep(ctx, time.Millisecond)
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
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
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
		for i := 0; !dropped.Closed(); i++ {
			if i == 200 {
				t.Fatal("the session was never found")
			}
			runtime.GC()
			asyncio.Sleep(ctx, time.Millisecond)
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
