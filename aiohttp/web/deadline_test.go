package web

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func TestUnreadBodyIsDrainedAndTheConnectionGoesOn(t *testing.T) {
	talk(t, appWith(Post("/", hello)), func(w *wire) {
		w.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234")
		if out := w.Output(); body(out) != "hello" || field(out, "Connection") != "-" {
			t.Errorf("got %q", out)
		}
		w.Send("56789POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
		if out := w.Output(); body(out) != "hello" || w.closed {
			t.Errorf("next request got %q, closed %v", out, w.closed)
		}
	})
}

// C98
func TestDrainingIsBoundedInBytesAndTime(t *testing.T) {
	chunk := "10000\r\n" + strings.Repeat("x", 0x10000) + "\r\n"
	talk(t, appWith(Post("/", hello)), func(w *wire) {
		w.Send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
		for i := range 20 {
			if w.eof {
				if sent := (i + 1) << 16; sent > 6<<16 {
					t.Errorf("gave up after %d bytes only", sent)
				}
				break
			}
			w.Send(chunk)
		}
		if !w.eof || w.closed {
			t.Errorf("after too much: our side closed %v, both closed %v; want true, false", w.eof, w.closed)
		}
		w.SendEOF()
		if !w.closed {
			t.Error("not closed although the client closed its side")
		}
	})
	talk(t, appWith(Post("/", hello)), func(w *wire) {
		w.Send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
		w.Sleep(9 * time.Second)
		if w.eof {
			t.Error("gave up before the lingering time")
		}
		w.Sleep(2 * time.Second)
		if !w.eof {
			t.Error("still waiting after the lingering time")
		}
		w.Sleep(11 * time.Second)
		if !w.closed {
			t.Error("not closed although the client sends nothing")
		}
	})
	talk(t, appWith(Post("/", hello)), func(w *wire) {
		w.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n")
		if out := w.Output(); field(out, "Connection") != "close" || !w.eof {
			t.Errorf("a body too long to drain: got %q, our side closed %v", out, w.eof)
		}
	})
}

// C100
func TestKeepAliveExpiresExactlyOnTime(t *testing.T) {
	slow := func(ctx context.Context, req *Request) (AnyResponse, error) {
		return Text("slow"), asyncio.Sleep(ctx, 200*time.Second)
	}
	talk(t, appWith(Get("/", hello), Get("/slow", slow)), func(w *wire) {
		w.Send(get)
		w.Sleep(74 * time.Second)
		w.Send(get)
		last := w.loop.Time()
		w.Sleep(74 * time.Second)
		if w.closed {
			t.Fatal("closed early")
		}
		w.Sleep(2 * time.Second)
		if !w.closed || w.closedAt-last != 75*time.Second {
			t.Errorf("closed %v, %v after the last request; want 75s", w.closed, w.closedAt-last)
		}
		busy := w.Dial()
		busy.Send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
		busy.Sleep(199 * time.Second)
		if busy.closed {
			t.Error("closed while a handler runs")
		}
	})
}

// D2
func TestSlowHeadIsAnsweredWith408AndSilenceWithAClose(t *testing.T) {
	talk(t, appWith(Get("/", hello)), func(w *wire) {
		silent := w.Dial()
		for range 10 {
			w.Send("GET / HTT"[:1])
			w.Sleep(4 * time.Second)
			if w.eof || w.closed {
				break
			}
		}
		if got := status(w.Output()); got != "HTTP/1.0 408 Request Timeout" && got != "HTTP/1.0 400 Bad Request" {
			t.Errorf("slow head got %q", got)
		}
		if !silent.closed || silent.closedAt != 30*time.Second || silent.Output() != "" {
			t.Errorf("silent connection: closed %v at %v", silent.closed, silent.closedAt)
		}
		between := w.Dial()
		between.Send(get)
		between.Send("GET")
		start := w.loop.Time()
		between.Output()
		between.Sleep(time.Minute)
		if got := status(between.Output()); got != "HTTP/1.0 408 Request Timeout" || between.conn.phase != phaseLingering && !between.closed {
			t.Errorf("got %q in %v", got, between.conn.phase)
		}
		_ = start
	})
}

func TestBodyThatStopsIsA408(t *testing.T) {
	talk(t, appWith(Post("/", echo)), func(w *wire) {
		w.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01")
		w.Sleep(59 * time.Second)
		w.Send("2")
		w.Sleep(59 * time.Second)
		if out := w.Output(); out != "" {
			t.Fatalf("gave up early: %q", out)
		}
		w.Sleep(2 * time.Second)
		out := w.Output()
		if status(out) != "HTTP/1.1 408 Request Timeout" || field(out, "Connection") != "close" {
			t.Errorf("got %q", out)
		}
	})
}
