package aiohttp_test

// Answers that come while the body of the request is still being sent: over round trippers and
// over HTTP/2, where both directions are independent, whoever asked has the answer at once.

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// conversation is a body whose pieces are said after the answer is there: an iterator over
// what comes through a queue.
func conversation(ctx context.Context, words *asyncio.Queue[string]) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for word, err := range words.All(ctx) {
			if !yield([]byte(word), err) {
				return
			}
		}
	}
}

// repeating is a server that answers at once and repeats what it is told.
func repeating(w http.ResponseWriter, r *http.Request) {
	http.NewResponseController(w).EnableFullDuplex()
	w.(http.Flusher).Flush()
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Body.Read(buf)
		if n > 0 {
			w.Write(buf[:n])
			w.(http.Flusher).Flush()
		}
		if err != nil {
			return
		}
	}
}

// onDuplex runs body with sessions for which both directions of a request are independent.
func onDuplex(t *testing.T, handler http.HandlerFunc, body func(ctx context.Context, t *testing.T, s *aiohttp.ClientSession, url string)) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	plain := httptest.NewServer(handler)
	defer plain.Close()
	for _, kind := range []struct {
		name, url string
		session   func() *aiohttp.ClientSession
	}{
		{"HTTP2", server.URL, func() *aiohttp.ClientSession { return newSession(aiohttp.WithTLSConfig(trusting(server))) }},
		{"round tripper of HTTP1", plain.URL, func() *aiohttp.ClientSession { return aiohttp.FromHTTPClient(plain.Client()) }},
		{"round tripper of HTTP2", server.URL, func() *aiohttp.ClientSession { return aiohttp.FromHTTPClient(server.Client()) }},
	} {
		t.Run(kind.name, func(t *testing.T) {
			defer server.Client().CloseIdleConnections()
			defer plain.Client().CloseIdleConnections()
			onLoop(t, func(ctx context.Context) error {
				ctx, cancel := asyncio.WithTimeout(ctx, 20*time.Second)
				defer cancel()
				s := kind.session()
				body(ctx, t, s, kind.url)
				return errors.Join(s.Connector().Close(), s.Close())
			})
		})
	}
}

func TestEarlyAnswerDoesNotWaitForAnIterator(t *testing.T) {
	for _, shape := range []string{"alone", "in a form", "compressed"} {
		t.Run(shape, func(t *testing.T) {
			onDuplex(t, repeating, func(ctx context.Context, t *testing.T, s *aiohttp.ClientSession, url string) {
				words := asyncio.NewQueue[string](0)
				var body any = conversation(ctx, words)
				var opts []aiohttp.RequestOption
				switch shape {
				case "in a form":
					body = aiohttp.NewFormData().AddField("said", body)
				case "compressed":
					opts = append(opts, aiohttp.WithCompress("gzip"))
				}
				resp, err := s.Post(ctx, url, append(opts, aiohttp.WithData(body))...)
				if err != nil {
					t.Errorf("got %v, want the answer that is there", err)
					return
				}
				defer resp.Close()
				words.PutNowait("one ")
				words.PutNowait("two")
				if shape == "alone" {
					if got, err := resp.Content.ReadExactly(ctx, 4); string(got) != "one " || err != nil {
						t.Errorf("got %q and %v", got, err)
					}
				}
				words.Shutdown(false)
				got, err := resp.Read(ctx)
				if shape == "alone" && string(got) != "two" || len(got) == 0 || err != nil {
					t.Errorf("got %q and %v", got, err)
				}
				if shape == "alone" && (!resp.UploadComplete() || resp.OutputSize() != int64(len("one two"))) {
					t.Errorf("sent %d bytes, complete: %v", resp.OutputSize(), resp.UploadComplete())
				}
			})
		})
	}
}

// A body is sent on while whoever asked reads: more than any window holds goes both ways.
func TestEarlyAnswerIsReadWhileAnIteratorSends(t *testing.T) {
	const pieces = 300
	piece := bigBody[:64<<10]
	onDuplex(t, repeating, func(ctx context.Context, t *testing.T, s *aiohttp.ClientSession, url string) {
		resp, err := s.Post(ctx, url, aiohttp.WithData(produced(ctx, pieces, piece)))
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Close()
		if got, err := resp.Read(ctx); len(got) != pieces*len(piece) || err != nil {
			t.Errorf("got %d bytes and %v, want %d", len(got), err, pieces*len(piece))
		}
	})
}

// A refusal does not wait for an iterator that has nothing to say either; the iterator ends
// when it yields.
func TestRefusalDoesNotWaitForAnIterator(t *testing.T) {
	refuse := func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		io.ReadFull(r.Body, make([]byte, len("hello"))) // an iterator that nobody wants does not begin
		http.Error(w, "no", http.StatusForbidden)
		w.(http.Flusher).Flush()
	}
	onDuplex(t, refuse, func(ctx context.Context, t *testing.T, s *aiohttp.ClientSession, url string) {
		words, ended := asyncio.NewQueue[string](0), new(asyncio.Event)
		words.PutNowait("hello")
		resp, err := s.Post(ctx, url, aiohttp.WithData(func(yield func([]byte, error) bool) {
			defer ended.Set()
			conversation(ctx, words)(yield)
		}))
		if err != nil {
			t.Errorf("got %v, want the refusal", err)
			return
		}
		if got, err := resp.Text(ctx); resp.Status != http.StatusForbidden || got != "no\n" || err != nil {
			t.Errorf("got %d, %q and %v", resp.Status, got, err)
		}
		if ended.IsSet() || resp.UploadComplete() {
			t.Errorf("the iterator ended before it was told, or the upload is complete: %v", resp.UploadComplete())
		}
		words.PutNowait("too late")
		words.PutNowait("for that")
		if err := ended.Wait(ctx); err != nil {
			t.Errorf("the iterator goes on: %v", err)
		}
	})
}

// What goes wrong with the rest of a body ends the answer that came before it.
func TestBodyThatFailsAfterAnEarlyAnswerEndsIt(t *testing.T) {
	mine := errors.New("mine")
	for name, fail := range map[string]func() error{"error": func() error { return mine }, "panic": func() error { panic(mine) }} {
		t.Run(name, func(t *testing.T) {
			onDuplex(t, repeating, func(ctx context.Context, t *testing.T, s *aiohttp.ClientSession, url string) {
				var answered asyncio.Event
				var body iter.Seq2[[]byte, error] = func(yield func([]byte, error) bool) {
					if yield([]byte("some"), nil) && answered.Wait(ctx) == nil {
						yield(nil, fail())
					}
				}
				resp, err := s.Post(ctx, url, aiohttp.WithData(body))
				if err != nil {
					t.Error(err)
					return
				}
				answered.Set()
				if _, err := resp.Read(ctx); err == nil || ctx.Err() != nil {
					t.Errorf("got %v, want the end of the answer", err)
				}
			})
		})
	}
}

// So does the reader of a net/http request that is handed on, or of another response.
func TestEarlyAnswerDoesNotWaitForAnotherResponse(t *testing.T) {
	start := make(chan struct{}, 1)
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		select {
		case <-start:
		case <-r.Context().Done():
		}
		io.WriteString(w, "at last")
	}))
	defer slow.Close()
	for _, kind := range []string{"stream", "reader"} {
		t.Run(kind, func(t *testing.T) {
			onDuplex(t, repeating, func(ctx context.Context, t *testing.T, s *aiohttp.ClientSession, url string) {
				other := newSession()
				defer other.Close()
				source, err := other.Get(ctx, slow.URL)
				if err != nil {
					t.Error(err)
					return
				}
				defer source.Close()
				var body any = source.Content
				if kind == "reader" {
					body = source.Content.Reader(ctx)
				}
				resp, err := s.Post(ctx, url, aiohttp.WithData(body))
				if err != nil {
					t.Errorf("got %v, want the answer that is there", err)
					return
				}
				defer resp.Close()
				start <- struct{}{}
				if got, err := resp.Text(ctx); got != "at last" || err != nil {
					t.Errorf("got %q and %v", got, err)
				}
			})
		})
	}
}
