package aiohttp_test

// Server-sent events, whole and cut, and the connection made again.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

const eventHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n"

func show(e aiohttp.ServerEvent) string { return fmt.Sprintf("%s|%s|%s", e.Event, e.Data, e.ID) }

// The examples and rules of the HTML Living Standard, section 9.2.6.
func TestEventsAreParsedAsTheStandardSays(t *testing.T) {
	for _, tt := range []struct {
		name, stream string
		want         []string
	}{
		{"two lines of data", "data: YHOO\ndata: +2\ndata: 10\n\n", []string{"message|YHOO\n+2\n10|"}},
		{"ids stay until changed", ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
			[]string{"message|first event|1", "message|second event|"}}, // the last one is cut off
		{"empty data", "data\n\ndata\ndata\n\ndata:", []string{"message||", "message|\n|"}},
		{"the space is optional", "data:test\n\ndata: test\n\n", []string{"message|test|", "message|test|"}},
		{"types", "event: add\ndata: 1\n\nevent: remove\n\ndata: 2\n\n", []string{"add|1|", "message|2|"}},
		{"all line ends", "data: a\rdata: b\r\ndata: c\n\r\n", []string{"message|a\nb\nc|"}},
		{"a mark at the start", "\xEF\xBB\xBFdata: x\n\n", []string{"message|x|"}},
		{"an id with NUL is ignored", "id: 7\ndata: a\n\nid: 8\x009\ndata: b\n\n", []string{"message|a|7", "message|b|7"}},
		{"unknown fields", "foo: bar\ndata: x\nbar\n\n", []string{"message|x|"}},
		{"bytes that are no UTF-8", "data: a\xffb\n\n", []string{"message|a\uFFFDb|"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, step := range []int{0, 1, 3} {
				run(t, once(eventHead+tt.stream, step), func(ctx context.Context, w *world) error {
					r, err := w.session.Get(ctx, "http://h/")
					if err != nil {
						return err
					}
					defer r.Close()
					var got []string
					for ev, err := range r.Events() {
						if err != nil {
							return err
						}
						got = append(got, show(ev))
					}
					if !slices.Equal(got, tt.want) {
						t.Errorf("in pieces of %d: got %q, want %q", step, got, tt.want)
					}
					return nil
				})
			}
		})
	}
}

// once sends an answer to the first request, in pieces, and hangs up.
func once(answer string, step int) script {
	return func(ctx context.Context, p *peer) error {
		if _, err := p.readHead(ctx); err != nil {
			return err
		}
		for len(answer) > 0 {
			n := len(answer)
			if step > 0 {
				n = min(n, step)
			}
			if err := p.send(ctx, answer[:n]); err != nil {
				return err
			}
			answer = answer[n:]
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return err
			}
		}
		p.hangUp()
		return nil
	}
}

func TestEventsRefuseAnotherType(t *testing.T) {
	run(t, answers("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi"), func(ctx context.Context, w *world) error {
		r, err := w.session.Get(ctx, "http://h/")
		if err != nil {
			return err
		}
		defer r.Close()
		var wrong *aiohttp.ContentTypeError
		for _, err := range r.Events() {
			if !errors.As(err, &wrong) {
				t.Errorf("got %v, want a ContentTypeError", err)
			}
		}
		if wrong == nil {
			t.Error("got no error")
		}
		return nil
	})
}

func TestAnEndlessEventIsAnError(t *testing.T) {
	run(t, once(eventHead+"data: "+strings.Repeat("x", 5<<20), 0), func(ctx context.Context, w *world) error {
		var last error
		for _, err := range w.session.Events(ctx, "http://h/") {
			last = err
		}
		if !errors.Is(last, aiohttp.ErrEventTooLong) {
			t.Errorf("got %v, want ErrEventTooLong", last)
		}
		return nil
	})
}

func TestEventSourceContinuesWhereItStopped(t *testing.T) {
	var heads []string
	var at []time.Duration
	serve := func(ctx context.Context, p *peer) error {
		head, err := p.readHead(ctx)
		if err != nil {
			return err
		}
		heads = append(heads, head)
		at = append(at, asyncio.RunningLoop(ctx).Time())
		switch p.id {
		case 0: // breaks off in the middle of an event
			p.send(ctx, eventHead+"retry: 500\n\nid: a\ndata: one\n\ndata: lost")
		case 1:
			p.send(ctx, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		case 2:
			p.send(ctx, eventHead+"id: b\ndata: two\n\n")
		default:
			p.send(ctx, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
		}
		p.hangUp()
		return nil
	}
	run(t, serve, func(ctx context.Context, w *world) error {
		var got []string
		for ev, err := range w.session.Events(ctx, "http://h/feed") {
			if err != nil {
				return err
			}
			got = append(got, show(ev))
		}
		if want := []string{"message|one|a", "message|two|b"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if len(heads) != 4 {
			t.Fatalf("got %d connections, want 4", len(heads))
		}
		for i, want := range []string{"", "a", "a", "b"} {
			_, id, _ := strings.Cut(heads[i], "Last-Event-Id: ")
			if id, _, _ = strings.Cut(id, "\r\n"); id != want {
				t.Errorf("request %d: got Last-Event-ID %q, want %q", i, id, want)
			}
			if !strings.Contains(heads[i], "Accept: text/event-stream") {
				t.Errorf("request %d does not ask for events:\n%s", i, heads[i])
			}
		}
		// The server's 500 ms, then twice that less up to half, then 500 ms again.
		if d := at[1] - at[0]; d != 500*time.Millisecond {
			t.Errorf("waited %v after the first connection, want 500ms", d)
		}
		if d := at[2] - at[1]; d < 500*time.Millisecond || d > time.Second {
			t.Errorf("waited %v after the failure, want half a second to a second", d)
		}
		if d := at[3] - at[2]; d != 500*time.Millisecond {
			t.Errorf("waited %v after the second connection, want 500ms", d)
		}
		return nil
	})
}

func TestEventSourceGivesUp(t *testing.T) {
	t.Run("when it is refused", func(t *testing.T) {
		run(t, answers("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), func(ctx context.Context, w *world) error {
			n := 0
			for _, err := range w.session.Events(ctx, "http://h/") {
				n++
				var status *aiohttp.ClientResponseError
				if !errors.As(err, &status) || status.Status != 403 {
					t.Errorf("got %v, want the 403", err)
				}
			}
			if n != 1 {
				t.Errorf("got %d items, want the error alone", n)
			}
			return nil
		})
	})
	t.Run("after so many attempts", func(t *testing.T) {
		run(t, func(ctx context.Context, p *peer) error { p.reset(); return nil }, func(ctx context.Context, w *world) error {
			source := aiohttp.EventSource{Session: w.session, URL: "http://h/", MaxAttempts: 3}
			var last error
			for _, err := range source.All(ctx) {
				last = err
			}
			if !errors.Is(last, aiohttp.ErrClientConnection) || len(w.dials) < 3 {
				t.Errorf("got %v after %d dials", last, len(w.dials))
			}
			return nil
		})
	})
	t.Run("when its context ends", func(t *testing.T) {
		run(t, once(eventHead, 0), func(ctx context.Context, w *world) error {
			ctx, cancel := asyncio.WithTimeout(ctx, time.Hour)
			defer cancel()
			var last error
			for _, err := range w.session.Events(ctx, "http://h/") {
				last = err
			}
			if !errors.Is(last, context.DeadlineExceeded) {
				t.Errorf("got %v, want the end of the context", last)
			}
			return nil
		})
	})
	t.Run("when the consumer has enough", func(t *testing.T) {
		run(t, once(eventHead+"data: 1\n\ndata: 2\n\n", 0), func(ctx context.Context, w *world) error {
			for range w.session.Events(ctx, "http://h/") {
				break
			}
			if !w.wires[0].closed {
				t.Error("the connection is left open")
			}
			return nil
		})
	})
}

func FuzzEvents(f *testing.F) {
	f.Add([]byte("data: a\rdata: b\r\ndata: c\n\r\n"), 3)
	f.Add([]byte("\xEF\xBB\xBFid: 1\nevent: x\ndata\n\nretry: 10\n\n"), 1)
	f.Fuzz(func(t *testing.T, stream []byte, cut int) {
		whole, err := aiohttp.ParseEvents(stream)
		cut = min(max(cut, 0), len(stream))
		pieces, err2 := aiohttp.ParseEvents(stream[:cut], stream[cut:])
		if !slices.Equal(whole, pieces) || (err == nil) != (err2 == nil) {
			t.Fatalf("whole: %v, %v; cut at %d: %v, %v", whole, err, cut, pieces, err2)
		}
		single := make([][]byte, len(stream))
		for i := range stream {
			single[i] = stream[i : i+1]
		}
		if each, _ := aiohttp.ParseEvents(single...); !slices.Equal(whole, each) {
			t.Fatalf("whole: %v; byte by byte: %v", whole, each)
		}
	})
}

// A server that asks for no wait at all is not asked again and again while it fails.
func TestEventSourceBacksOffFromNothing(t *testing.T) {
	n := 0
	serve := func(ctx context.Context, p *peer) error {
		if _, err := p.readHead(ctx); err != nil {
			return err
		}
		if n++; n == 1 {
			p.send(ctx, eventHead+"retry: 0\n\ndata: x\n\n")
		}
		p.hangUp()
		return nil
	}
	run(t, serve, func(ctx context.Context, w *world) error {
		source := aiohttp.EventSource{Session: w.session, URL: "http://h/", MaxAttempts: 5}
		began := asyncio.RunningLoop(ctx).Time()
		for _, err := range source.All(ctx) {
			if err != nil {
				break
			}
		}
		if took := asyncio.RunningLoop(ctx).Time() - began; took < time.Second {
			t.Errorf("five failures in %v, want a growing wait between them", took)
		}
		return nil
	})
}

// Nor while it accepts every connection and hangs up without an event.
func TestEventSourceDoesNotSpinOnStreamsThatBringNothing(t *testing.T) {
	serve := func(ctx context.Context, p *peer) error { return once(eventHead+"retry: 0\n\n", 0)(ctx, p) }
	run(t, serve, func(ctx context.Context, w *world) error {
		limited, cancel := asyncio.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		source := aiohttp.EventSource{Session: w.session, URL: "http://h/", OnOpen: func(*aiohttp.ClientResponse) {
			if len(w.wires) > 1000 {
				cancel()
			}
		}}
		for range source.All(limited) {
		}
		if n := len(w.wires); n < 10 || n > 60 {
			t.Errorf("got %d connections in 5 s, want one in about 0.1 s", n)
		}
		return nil
	})
}

// MaxRetry bounds what a server asks for too.
func TestEventSourceBoundsTheWaitOfTheServer(t *testing.T) {
	serve := func(ctx context.Context, p *peer) error {
		if _, err := p.readHead(ctx); err != nil {
			return err
		}
		if p.id == 0 {
			p.send(ctx, eventHead+"retry: 2000000000\n\n")
		} else {
			p.send(ctx, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
		}
		p.hangUp()
		return nil
	}
	run(t, serve, func(ctx context.Context, w *world) error {
		source := aiohttp.EventSource{Session: w.session, URL: "http://h/", MaxRetry: 10 * time.Second}
		began := asyncio.RunningLoop(ctx).Time()
		for _, err := range source.All(ctx) {
			return err
		}
		if took := asyncio.RunningLoop(ctx).Time() - began; took > 11*time.Second {
			t.Errorf("waited %v, want MaxRetry at most", took)
		}
		return nil
	})
}

// An id that no header can carry does not end the stream for good: it is not sent.
func TestEventSourceSurvivesAnOddID(t *testing.T) {
	var heads []string
	serve := func(ctx context.Context, p *peer) error {
		head, err := p.readHead(ctx)
		if err != nil {
			return err
		}
		heads = append(heads, head)
		if p.id == 0 {
			p.send(ctx, eventHead+"id: a\x01b\ndata: x\n\n")
		} else {
			p.send(ctx, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
		}
		p.hangUp()
		return nil
	}
	run(t, serve, func(ctx context.Context, w *world) error {
		for _, err := range w.session.Events(ctx, "http://h/") {
			if err != nil {
				t.Errorf("got %v", err)
			}
		}
		if len(heads) != 2 || strings.Contains(heads[1], "Last-Event-Id") {
			t.Errorf("got %q", heads)
		}
		return nil
	})
}

// Comments keep a connection alive for as long as it likes: they are no event that grows.
func TestCommentsAreNoEventThatIsTooLong(t *testing.T) {
	line := []byte(":" + strings.Repeat("x", 1<<20) + "\n")
	events, err := aiohttp.ParseEvents(line, line, line, line, line, []byte("data: x\n\n"))
	if len(events) != 1 || err != nil {
		t.Errorf("got %v and %v, want one event", events, err)
	}
	if _, err := aiohttp.ParseEvents([]byte("data: "), bytes.Repeat([]byte("data: 1234567\n"), 1<<19)); !errors.Is(err, aiohttp.ErrEventTooLong) {
		t.Errorf("got %v, want ErrEventTooLong", err)
	}
}
