package web

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func TestHTTP10StreamWithoutLengthEndsWithTheConnection(t *testing.T) {
	app := appWith(Get("/", func(ctx context.Context, req *Request) (AnyResponse, error) {
		resp := &StreamResponse{}
		if err := resp.Prepare(ctx, req); err != nil {
			return nil, err
		}
		return resp, resp.Write(ctx, []byte("all of it"))
	}))
	talk(t, app, func(w *wire) {
		w.Send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
		out := w.Output()
		if field(out, "Connection") != "-" || field(out, "Transfer-Encoding") != "-" || body(out) != "all of it" || !w.closed {
			t.Errorf("got %q, closed %v", out, w.closed)
		}
	})
}

func TestFailureAfterTheHeadAbortsWithoutATerminator(t *testing.T) {
	app := appWith(Get("/", func(ctx context.Context, req *Request) (AnyResponse, error) {
		resp := &StreamResponse{}
		if err := resp.Prepare(ctx, req); err != nil {
			return nil, err
		}
		if err := resp.Write(ctx, []byte("part")); err != nil {
			return nil, err
		}
		return nil, errors.New("the rest is lost")
	}))
	talk(t, app, func(w *wire) {
		w.Send(get)
		if out := w.Output(); !strings.HasSuffix(out, "4\r\npart\r\n") || !w.closed {
			t.Errorf("got %q, closed %v", out, w.closed)
		}
	})
}

func TestStreamIsChunkedAndSentPieceByPiece(t *testing.T) {
	app := appWith(Get("/", func(ctx context.Context, req *Request) (AnyResponse, error) {
		resp := &StreamResponse{ContentType: "text/plain"}
		if err := resp.Prepare(ctx, req); err != nil {
			return nil, err
		}
		if err := asyncio.Sleep(ctx, time.Second); err != nil {
			return nil, err
		}
		for _, piece := range []string{"one", "", "twelve bytes!"} {
			if err := resp.Write(ctx, []byte(piece)); err != nil {
				return nil, err
			}
		}
		return resp, nil
	}))
	talk(t, app, func(w *wire) {
		w.Send(get)
		if out := w.Output(); status(out) != "HTTP/1.1 200 OK" || field(out, "Transfer-Encoding") != "chunked" {
			t.Errorf("head is not sent before the first piece: %q", out)
		}
		w.Sleep(time.Second)
		if out := w.Output(); out != "3\r\none\r\nd\r\ntwelve bytes!\r\n0\r\n\r\n" {
			t.Errorf("got %q", out)
		}
		w.Send(get)
		w.Sleep(2 * time.Second)
		if got := w.Output(); !strings.HasSuffix(got, "0\r\n\r\n") {
			t.Errorf("second response: %q", got)
		}
	})
}

func TestBodyMustHaveTheAnnouncedLength(t *testing.T) {
	for length, want := range map[string]struct {
		err  error
		body string
	}{"3": {ErrContentLength, ""}, "4": {nil, "part"}, "5": {nil, "part"}} {
		var got error
		app := appWith(Get("/", func(ctx context.Context, req *Request) (AnyResponse, error) {
			resp := &StreamResponse{}
			resp.Header().Set("Content-Length", length)
			if err := resp.Prepare(ctx, req); err != nil {
				return nil, err
			}
			got = resp.Write(ctx, []byte("part"))
			return resp, nil
		}))
		talk(t, app, func(w *wire) {
			w.Send(get)
			if out := body(w.Output()); !errors.Is(got, want.err) || out != want.body || w.closed != (length != "4") {
				t.Errorf("length %s: got %v, %q, closed %v", length, got, out, w.closed)
			}
		})
	}
}

func TestWriterWaitsForASlowClient(t *testing.T) {
	var states []string
	app := appWith(Get("/", func(ctx context.Context, req *Request) (AnyResponse, error) {
		resp := &StreamResponse{}
		if err := resp.Prepare(ctx, req); err != nil {
			return nil, err
		}
		states = append(states, "writing")
		err := resp.Write(ctx, []byte("x"))
		states = append(states, fmt.Sprint("written ", err))
		return resp, err
	}))
	for _, resumes := range []bool{true, false} {
		states = nil
		talk(t, app2(app), func(w *wire) {
			w.loop.CallSoon(w.conn.PauseWriting)
			w.Send(get)
			if len(states) != 1 {
				t.Fatalf("got %q, want the handler to wait in its write", states)
			}
			if resumes {
				w.loop.CallSoon(w.conn.ResumeWriting)
				w.turns()
				if len(states) != 2 || states[1] != "written <nil>" {
					t.Errorf("got %q", states)
				}
				return
			}
			w.Sleep(61 * time.Second)
			if len(states) != 2 || states[1] != "written "+ErrConnectionLost.Error() || !w.closed {
				t.Errorf("stalled client: got %q, closed %v", states, w.closed)
			}
		})
	}
}

func TestResponseCannotBeUsedTwice(t *testing.T) {
	shared := Text("once")
	app := appWith(Get("/", func(context.Context, *Request) (AnyResponse, error) { return shared, nil }))
	talk(t, app, func(w *wire) {
		w.Send(get)
		w.Send(get)
		out := w.Output()
		if !strings.Contains(out, "once") || !strings.Contains(out, "HTTP/1.1 500 ") {
			t.Errorf("got %q", out)
		}
	})
}

// C85, C124
func TestHeadHasTheLengthButNoBody(t *testing.T) {
	stream := func(ctx context.Context, req *Request) (AnyResponse, error) {
		resp := &StreamResponse{}
		if err := resp.Prepare(ctx, req); err != nil {
			return nil, err
		}
		return resp, resp.Write(ctx, []byte("body"))
	}
	talk(t, appWith(Get("/", hello), Get("/stream", stream)), func(w *wire) {
		w.Send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
		out := w.Output()
		if body(out) != "" || field(out, "Content-Length") != "5" || field(out, "Content-Type") == "-" {
			t.Errorf("got %q", out)
		}
		w.Send("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n")
		out = w.Output()
		if body(out) != "" || field(out, "Transfer-Encoding") != "-" {
			t.Errorf("got %q", out)
		}
		w.Send(get)
		if body(w.Output()) != "hello" {
			t.Error("connection is out of step after HEAD")
		}
	})
}
