package aiohttp_test

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aio-go/aio/aiohttp"
)

// post sends a body and returns what the server saw.
func post(t *testing.T, body any) exchange {
	t.Helper()
	var seen []exchange
	run(t, hops(&seen, hello), func(ctx context.Context, w *world) error {
		resp, err := w.session.Post(ctx, "http://h/", aiohttp.WithData(body))
		if err != nil {
			return err
		}
		return resp.Close()
	})
	if len(seen) != 1 {
		t.Fatalf("got %d requests", len(seen))
	}
	return seen[0]
}

func TestPlainFormIsURLEncoded(t *testing.T) {
	form := aiohttp.NewFormData().AddField("b", "1 & 2").AddField("a", "é").AddField("b", "")
	got := post(t, form)
	if got.body != "b=1+%26+2&a=%C3%A9&b=" || line(got.head, "Content-Type") != "application/x-www-form-urlencoded" || form.IsMultipart() {
		t.Errorf("got %+v", got)
	}
	if got := post(t, url.Values{"z": {"1"}, "a": {"2", "3"}}); got.body != "a=2&a=3&z=1" {
		t.Errorf("got %+v", got)
	}
}

// The standard library's reader understands what was written, part by part.
func TestMultipartForm(t *testing.T) {
	path := filepath.Join(t.TempDir(), `na"me.txt`)
	if err := os.WriteFile(path, []byte("file content"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	got := post(t, aiohttp.NewFormData().
		AddField("text", "héllo").
		AddField("bytes", []byte("raw"), aiohttp.WithFilename("b\r\nin"), aiohttp.WithContentType("image/png")).
		AddField("reader", strings.NewReader("read")).
		AddField("file", file))
	mediaType, params, err := mime.ParseMediaType(line(got.head, "Content-Type"))
	if err != nil || mediaType != "multipart/form-data" || line(got.head, "Content-Length") == "" {
		t.Fatalf("got %q and %v", got.head, err)
	}
	r := multipart.NewReader(strings.NewReader(got.body), params["boundary"])
	for _, want := range []struct{ name, filename, mime, body string }{
		{"text", "", "", "héllo"}, {"bytes", "b%0D%0Ain", "image/png", "raw"},
		{"reader", "", "application/octet-stream", "read"}, {"file", "na%22me.txt", "application/octet-stream", "file content"},
	} {
		part, err := r.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(part)
		if part.FormName() != want.name || part.FileName() != want.filename || part.Header.Get("Content-Type") != want.mime || string(body) != want.body {
			t.Errorf("got %v %q, want %+v", part.Header, body, want)
		}
	}
	if _, err := r.NextRawPart(); err != io.EOF {
		t.Errorf("got %v behind the last part", err)
	}
}

// A part of unknown length makes the whole chunked; a nested writer is a part.
func TestMultipartStreams(t *testing.T) {
	inner := aiohttp.NewMultipartWriter("mixed", aiohttp.WithBoundary("in:ner"))
	inner.AppendJSON(map[string]int{"a": 1}, nil)
	inner.AppendForm(url.Values{"x": {"y"}}, nil)
	outer := aiohttp.NewMultipartWriter("related", aiohttp.WithBoundary("outer"))
	outer.Append(inner, http.Header{"X-Part": {"1"}})
	outer.Append(onlyReader{strings.NewReader("stream")}, nil)
	got := post(t, outer)
	want := "--outer\r\nContent-Type: multipart/mixed; boundary=\"in:ner\"\r\nX-Part: 1\r\n\r\n" +
		"--in:ner\r\nContent-Type: application/json\r\n\r\n{\"a\":1}\r\n" +
		"--in:ner\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nx=y\r\n--in:ner--\r\n\r\n" +
		"--outer\r\nContent-Type: application/octet-stream\r\n\r\nstream\r\n--outer--\r\n"
	if got.body != want || line(got.head, "Transfer-Encoding") != "chunked" || line(got.head, "Content-Type") != "multipart/related; boundary=outer" {
		t.Errorf("got %q\n%q, want\n%q", got.head, got.body, want)
	}
}

// CVE-2026-34514, CVE-2026-50269: nothing of a part's head can break out of its line.
func TestMultipartHeadersAreChecked(t *testing.T) {
	for name, build := range map[string]func(w *aiohttp.MultipartWriter) error{
		"value": func(w *aiohttp.MultipartWriter) error { return w.Append("x", http.Header{"A": {"b\r\nc: d"}}) },
		"name":  func(w *aiohttp.MultipartWriter) error { return w.Append("x", http.Header{"A\r\n": {"b"}}) },
		"type":  func(w *aiohttp.MultipartWriter) error { return w.Append("x", http.Header{"Content-Type": {"a/b\nc"}}) },
		"nil":   func(w *aiohttp.MultipartWriter) error { return w.Append(nil, nil) },
		"kind":  func(w *aiohttp.MultipartWriter) error { return w.Append(42, nil) },
	} {
		w := aiohttp.NewMultipartWriter("mixed")
		if err := build(w); err == nil {
			t.Errorf("%s: accepted", name)
		}
		run(t, answers(hello), func(ctx context.Context, wd *world) error {
			if _, err := wd.session.Post(ctx, "http://h/", aiohttp.WithData(w)); !errors.Is(err, aiohttp.ErrClient) || len(wd.dials) != 0 {
				t.Errorf("%s: got %v, dials %v", name, err, wd.dials)
			}
			return nil
		})
	}
	for _, boundary := range []string{"", strings.Repeat("x", 71), "a\"b", "a\r\nb", "ends with blank "} {
		w := aiohttp.NewMultipartWriter("mixed", aiohttp.WithBoundary(boundary))
		w.Append("x", nil)
		run(t, answers(hello), func(ctx context.Context, wd *world) error {
			if _, err := wd.session.Post(ctx, "http://h/", aiohttp.WithData(w)); err == nil {
				t.Errorf("boundary %q was accepted", boundary)
			}
			return nil
		})
	}
}

func TestBoundariesDiffer(t *testing.T) {
	form := func() string {
		return line(post(t, aiohttp.NewFormData().AddField("a", []byte("b"))).head, "Content-Type")
	}
	if a, b := form(), form(); a == b {
		t.Errorf("got %q twice", a)
	}
}

// Forms are made on whichever goroutine makes them, and no two have one boundary.
func TestBoundariesDifferOnAllGoroutines(t *testing.T) {
	made := make(chan string)
	for range 8 {
		go func() {
			for range 100 {
				made <- aiohttp.BoundaryOf(aiohttp.NewMultipartWriter("mixed"))
			}
		}()
	}
	seen := make(map[string]bool)
	for range 800 {
		seen[<-made] = true
	}
	if len(seen) != 800 {
		t.Errorf("got %d boundaries for 800 forms", len(seen))
	}
}
