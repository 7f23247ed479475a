package aiohttp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

func chunkedBody(parts ...string) string {
	var b strings.Builder
	b.WriteString("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
	for _, p := range parts {
		b.WriteString(string("0123456789abcdef"[len(p)]) + "\r\n" + p + "\r\n")
	}
	b.WriteString("0\r\n\r\n")
	return b.String()
}

// every calls body with a response that was cut in several ways.
func every(t *testing.T, response string, body func(ctx context.Context, r *aiohttp.ClientResponse) error) {
	t.Helper()
	for _, step := range []int{0, 1, 3} {
		run(t, pieces(response, step), func(ctx context.Context, w *world) error {
			r, err := w.session.Get(ctx, "http://h/", aiohttp.WithReadBufferSize(8))
			if err != nil {
				return err
			}
			defer r.Close()
			return body(ctx, r)
		})
	}
}

func TestReadLine(t *testing.T) {
	every(t, chunkedBody("first\nsec", "ond\n", "\n", "last"), func(ctx context.Context, r *aiohttp.ClientResponse) error {
		var got []string
		for l, err := range r.Content.Lines() {
			if err != nil {
				return err
			}
			got = append(got, string(l))
		}
		if want := []string{"first\n", "second\n", "\n", "last"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if _, err := r.Content.ReadLine(ctx); err != io.EOF || !r.Content.AtEOF() {
			t.Errorf("got %v at the end, want io.EOF", err)
		}
		return nil
	})
}

func TestReadUntil(t *testing.T) {
	every(t, chunkedBody("a--", "-b---c"), func(ctx context.Context, r *aiohttp.ClientResponse) error {
		for _, want := range []string{"a---", "b---"} {
			if got, err := r.Content.ReadUntil(ctx, []byte("---")); string(got) != want || err != nil {
				t.Errorf("got %q and %v, want %q", got, err, want)
			}
		}
		var incomplete *asyncio.IncompleteReadError
		if _, err := r.Content.ReadUntil(ctx, []byte("---")); !errors.As(err, &incomplete) || string(incomplete.Partial) != "c" {
			t.Errorf("got %v, want the rest in an IncompleteReadError", err)
		}
		return nil
	})
}

func TestReadLineHasALimit(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	run(t, answers("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n"+long), func(ctx context.Context, w *world) error {
		r, err := w.session.Get(ctx, "http://h/")
		if err != nil {
			return err
		}
		defer r.Close()
		var overrun *asyncio.LimitOverrunError
		if _, err := r.Content.ReadLine(ctx); !errors.As(err, &overrun) {
			t.Errorf("got %v, want a LimitOverrunError", err)
		}
		return nil
	})
}

func TestReadExactly(t *testing.T) {
	every(t, chunkedBody("abc", "defg", "h"), func(ctx context.Context, r *aiohttp.ClientResponse) error {
		if got, err := r.Content.ReadExactly(ctx, 5); string(got) != "abcde" || err != nil {
			t.Errorf("got %q and %v", got, err)
		}
		var incomplete *asyncio.IncompleteReadError
		if _, err := r.Content.ReadExactly(ctx, 5); !errors.As(err, &incomplete) || string(incomplete.Partial) != "fgh" || incomplete.Expected != 5 {
			t.Errorf("got %v", err)
		}
		return nil
	})
}

func TestIterChunked(t *testing.T) {
	every(t, chunkedBody("abc", "defg", "h"), func(ctx context.Context, r *aiohttp.ClientResponse) error {
		var got []string
		for piece, err := range r.Content.IterChunked(3) {
			if err != nil {
				return err
			}
			got = append(got, string(piece))
		}
		if want := []string{"abc", "def", "gh"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		return nil
	})
}

func TestIterAnyEndsWithTheError(t *testing.T) {
	run(t, pieces("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", 0), func(ctx context.Context, w *world) error {
		r, err := w.session.Get(ctx, "http://h/")
		if err != nil {
			return err
		}
		defer r.Close()
		var got string
		var last error
		for piece, err := range r.Content.IterAny() {
			got, last = got+string(piece), err
		}
		if got != "abc" || !errors.Is(last, aiohttp.ErrClientPayload) {
			t.Errorf("got %q and %v", got, last)
		}
		return nil
	})
}

// The body as an io.Reader serves whatever was written for one.
func TestReaderServesDecoders(t *testing.T) {
	every(t, chunkedBody(`{"a":1}`, ` {"a":2}`), func(ctx context.Context, r *aiohttp.ClientResponse) error {
		d := json.NewDecoder(bufio.NewReader(r.Content.Reader(ctx)))
		for want := range 2 {
			var v struct{ A int }
			if err := d.Decode(&v); err != nil || v.A != want+1 {
				t.Errorf("got %+v and %v", v, err)
			}
		}
		return nil
	})
}

// Reading on after a part was read as a stream yields the rest.
func TestReadAfterStreaming(t *testing.T) {
	every(t, chunkedBody("line\nre", "st"), func(ctx context.Context, r *aiohttp.ClientResponse) error {
		if _, err := r.Content.ReadLine(ctx); err != nil {
			return err
		}
		if got, err := r.Read(ctx); string(got) != "rest" || err != nil {
			t.Errorf("got %q and %v", got, err)
		}
		return nil
	})
}

// P58: many tiny chunks cost what their bytes cost.
func TestManyTinyChunks(t *testing.T) {
	response := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1\r\nx\r\n", 20_000) + "0\r\n\r\n"
	run(t, answers(response), func(ctx context.Context, w *world) error {
		_, got, err := w.get(ctx, "http://h/")
		if len(got) != 20_000 {
			t.Errorf("got %d bytes, want 20000", len(got))
		}
		return err
	})
}

// Nothing is read from the connection that nobody asked for.
func TestBackPressure(t *testing.T) {
	run(t, func(ctx context.Context, p *peer) error {
		p.wire.in.room = 10_000
		p.readHead(ctx)
		return p.send(ctx, "HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat("x", 1<<20))
	}, func(ctx context.Context, w *world) error {
		r, err := w.session.Get(ctx, "http://h/")
		if err != nil {
			return err
		}
		defer r.Close()
		before := w.wires[0].reads
		for range 100 {
			if err := asyncio.Sleep(ctx, 1); err != nil {
				return err
			}
		}
		if got := w.wires[0].reads; got != before {
			t.Errorf("got %d reads while nobody read", got-before)
		}
		return nil
	})
}

func TestTextAndJSON(t *testing.T) {
	for _, c := range []struct{ contentType, body, text string }{
		{"text/plain", "h\xc3\xa9", "hé"},
		{"text/plain; charset=iso-8859-1", "h\xe9", "hé"},
		{`text/plain; charset="windows-1251"`, "\xef\xf0", "пр"},
		{"text/plain; charset=martian", "h\xff", "h\uFFFD"},
		{"", "plain", "plain"},
	} {
		run(t, answers("HTTP/1.1 200 OK\r\nContent-Type: "+c.contentType+"\r\nTransfer-Encoding: chunked\r\n\r\n"+
			string("0123456789"[len(c.body)])+"\r\n"+c.body+"\r\n0\r\n\r\n"), func(ctx context.Context, w *world) error {
			r, err := w.session.Get(ctx, "http://h/")
			if err != nil {
				return err
			}
			if got, err := r.Text(ctx); got != c.text || err != nil {
				t.Errorf("%q: got %q and %v, want %q", c.contentType, got, err, c.text)
			}
			return nil
		})
	}
	for _, c := range []struct {
		contentType string
		opts        []aiohttp.JSONOption
		ok          bool
	}{
		{"application/json", nil, true}, {"application/json; charset=utf-8", nil, true}, {"application/problem+json", nil, true},
		{"Application/JSON", nil, true}, {"text/html", nil, false}, {"", nil, false}, {"text/html", []aiohttp.JSONOption{aiohttp.WithAnyContentType()}, true},
	} {
		run(t, answers("HTTP/1.1 200 OK\r\nContent-Type: "+c.contentType+"\r\nContent-Length: 7\r\n\r\n{\"a\":1}"), func(ctx context.Context, w *world) error {
			r, err := w.session.Get(ctx, "http://h/")
			if err != nil {
				return err
			}
			defer r.Close()
			got, err := aiohttp.DecodeJSON[map[string]int](ctx, r, c.opts...)
			var wrong *aiohttp.ContentTypeError
			var parent *aiohttp.ClientResponseError
			if c.ok && (err != nil || got["a"] != 1) || !c.ok && !(errors.As(err, &wrong) && errors.As(err, &parent)) {
				t.Errorf("%q: got %v and %v, want success: %v", c.contentType, got, err, c.ok)
			}
			return nil
		})
	}
}

func TestTrailers(t *testing.T) {
	run(t, answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: abc\r\nHost: evil\r\n\r\n"), func(ctx context.Context, w *world) error {
		r, _, err := w.get(ctx, "http://h/")
		if err == nil && (r.Trailer().Get("X-Sum") != "abc" || r.Trailer().Get("Host") != "") {
			t.Errorf("got %v", r.Trailer())
		}
		return err
	})
}

func TestResponseForwardedAsBody(t *testing.T) {
	var seen []exchange
	run(t, hops(&seen, chunkedBody("abc", "def"), hello), func(ctx context.Context, w *world) error {
		r, err := w.session.Get(ctx, "http://a/")
		if err != nil {
			return err
		}
		second, err := w.session.Post(ctx, "http://b/", aiohttp.WithData(r.Content))
		if err != nil {
			return err
		}
		second.Close()
		if seen[1].body != "abcdef" {
			t.Errorf("got %q", seen[1].body)
		}
		return nil
	})
}
