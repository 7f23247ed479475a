//go:build unix

package web

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/nobody"
)

// fileSite makes a directory of files and serves it below /static.
func fileSite(t *testing.T) (dir string, app *Application) {
	t.Helper()
	base := t.TempDir()
	dir = filepath.Join(base, "public")
	write := func(path, content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(base, "private"), "secret")
	write(filepath.Join(dir, "a.txt"), "0123456789")
	write(filepath.Join(dir, "empty.html"), "")
	write(filepath.Join(dir, "x.gz"), "gz")
	write(filepath.Join(dir, "sub", "b.txt"), "b")
	write(filepath.Join(dir, "big.bin"), strings.Repeat("0123456789abcdef", 100_000))
	for link, target := range map[string]string{"inside": "a.txt", "outside": "../private", "up": "..", "loop": "loop", "dir": "sub"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, appWith(Static("/static", dir), Get("/static2", hello))
}

// fetch sends a request and waits for the executor to have answered it.
func fetch(w *wire, request string) string {
	w.t.Helper()
	w.Send(request)
	for range 100_000 {
		if w.conn.phase == phaseIdle || w.closed {
			return w.Output()
		}
		asyncio.ToThread(w.ctx, func(context.Context) (struct{}, error) { return struct{}{}, nil })
	}
	w.t.Fatalf("no answer to %q", request)
	return ""
}

// C119, C120, C121, C123, C129
func TestStaticFilesStayInTheirDirectory(t *testing.T) {
	_, app := fileSite(t)
	talkBy(t, nil, app, func(w *wire) {
		for _, c := range []struct{ path, status, body string }{
			{"/static/a.txt", "200", "0123456789"},
			{"/static/inside", "200", "0123456789"},
			{"/static/sub/b.txt", "200", "b"},
			{"/static/dir/b.txt", "200", "b"},
			{"/static/%61.txt", "200", "0123456789"},
			{"/static2", "200", "hello"},
			{"/static/empty.html", "200", ""},
			{"/static/", "403", "*"},
			{"/static/sub", "403", "*"},
			{"/static/pipe", "403", "*"},
			{"/static", "404", "*"},
			{"/staticfoo", "404", "*"},
			{"/static/none", "404", "*"},
			{"/static/outside", "404", "*"},
			{"/static/up/private", "404", "*"},
			{"/static/loop", "404", "*"},
			{"/static/../private", "404", "*"},
			{"/../private", "404", "*"},
			{"/static/sub/../a.txt", "404", "*"},
			{"/static/sub/../../private", "404", "*"},
			{"/static/%2e%2e/private", "404", "*"},
			{"/static/..%2fprivate", "404", "*"},
			{"/static/..%5cprivate", "404", "*"},
			{"/static//etc/passwd", "404", "*"},
			{"/static/%2Fetc/passwd", "404", "*"},
			{"/static/a.txt%00", "404", "*"},
			{"/static/" + strings.Repeat("x", 500), "404", "*"},
		} {
			out := fetch(w, "GET "+c.path+" HTTP/1.1\r\nHost: a\r\n\r\n")
			if !strings.HasPrefix(out, "HTTP/1.1 "+c.status) || c.body != "*" && body(out) != c.body {
				t.Errorf("%s: got %q, want %s", c.path, out, c.status)
			}
			if strings.Contains(out, "secret") {
				t.Errorf("%s: the file outside was served", c.path)
			}
		}
		if out := fetch(w, "GET /static/x.gz HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n"); field(out, "Content-Type") != "application/gzip" || field(out, "Content-Encoding") != "-" {
			t.Errorf("got %q", out)
		}
		if out := fetch(w, "HEAD /static/a.txt HTTP/1.1\r\nHost: a\r\n\r\n"); field(out, "Content-Length") != "10" || body(out) != "" { // C124
			t.Errorf("got %q", out)
		}
		if out := fetch(w, "GET /static/big.bin HTTP/1.1\r\nHost: a\r\n\r\n"); body(out) != strings.Repeat("0123456789abcdef", 100_000) {
			t.Errorf("large file: got %d bytes", len(body(out)))
		}
	})
}

// C127, §1B.5
func TestFileAnswersConditionsAndRanges(t *testing.T) {
	dir, app := fileSite(t)
	stamp := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	if err := os.Chtimes(filepath.Join(dir, "a.txt"), stamp, stamp); err != nil {
		t.Fatal(err)
	}
	talkBy(t, nil, app, func(w *wire) {
		first := fetch(w, "GET /static/a.txt HTTP/1.1\r\nHost: a\r\n\r\n")
		etag := field(first, "Etag")
		if field(first, "Last-Modified") != "Fri, 02 Jan 2026 03:04:05 GMT" || etag == "-" || field(first, "Accept-Ranges") != "bytes" || field(first, "Content-Type") != "text/plain; charset=utf-8" {
			t.Fatalf("got %q", first)
		}
		for _, c := range []struct{ headers, status, body, extra string }{
			{"If-None-Match: " + etag, "304", "", "-"},
			{"If-None-Match: W/" + etag, "304", "", "-"},
			{"If-None-Match: \"other\"\r\nIf-Modified-Since: Fri, 02 Jan 2099 00:00:00 GMT", "200", "0123456789", "-"},
			{"If-Modified-Since: Fri, 02 Jan 2026 03:04:05 GMT", "304", "", "-"},
			{"If-Modified-Since: Fri, 02 Jan 2026 03:04:04 GMT", "200", "0123456789", "-"},
			{"If-Match: \"other\"", "412", "", "-"},
			{"If-Match: W/" + etag, "412", "", "-"},
			{"If-Match: " + etag, "200", "0123456789", "-"},
			{"If-Unmodified-Since: Fri, 02 Jan 2026 03:04:04 GMT", "412", "", "-"},
			{"Range: bytes=2-4", "206", "234", "bytes 2-4/10"},
			{"Range: bytes=8-99", "206", "89", "bytes 8-9/10"},
			{"Range: bytes=-3", "206", "789", "bytes 7-9/10"},
			{"Range: bytes=10-", "416", "", "bytes */10"},
			{"Range: bytes=0-1\r\nIf-Range: " + etag, "206", "01", "bytes 0-1/10"},
			{"Range: bytes=0-1\r\nIf-Range: \"other\"", "200", "0123456789", "-"},
			{"Range: bytes=0-1\r\nIf-Range: Fri, 02 Jan 2026 03:04:04 GMT", "200", "0123456789", "-"},
			{"Range: bytes=0-1\r\nIf-Range: Fri, 02 Jan 2099 00:00:00 GMT", "206", "01", "bytes 0-1/10"},
		} {
			out := fetch(w, "GET /static/a.txt HTTP/1.1\r\nHost: a\r\n"+c.headers+"\r\n\r\n")
			if !strings.HasPrefix(out, "HTTP/1.1 "+c.status) || body(out) != c.body || field(out, "Content-Range") != c.extra {
				t.Errorf("%q: got %q", c.headers, out)
			}
		}
	})
}

// C125, C126, D7
func TestParseRange(t *testing.T) {
	const size = 54997
	for header, want := range map[string]struct {
		part    span
		verdict rangeVerdict
	}{
		"bytes=54000-55000":            {span{54000, 997}, rangePartial},
		"bytes=-500":                   {span{54497, 500}, rangePartial},
		"bytes=-99999999999999":        {span{0, size}, rangePartial},
		"bytes=-999999999999999999999": {span{0, size}, rangePartial},
		"bytes=0-":                     {span{0, size}, rangePartial},
		"Bytes=0-0":                    {span{0, 1}, rangePartial},
		"bytes=54997-":                 {span{}, rangeUnsatisfiable},
		"bytes=5-4":                    {span{}, rangeUnsatisfiable},
		"bytes=-0":                     {span{}, rangeUnsatisfiable},
		"bytes=-":                      {span{}, rangeUnsatisfiable},
		"bytes=a-b":                    {span{}, rangeUnsatisfiable},
		"bytes=+1-2":                   {span{}, rangeUnsatisfiable},
		"bytes=1":                      {span{}, rangeUnsatisfiable},
		"bytes=١-٢":                    {span{}, rangeUnsatisfiable},
		"blocks=1-2":                   {span{}, rangeIgnored},
		"bytes=0-1,3-4":                {span{}, rangeIgnored},
		"":                             {span{}, rangeIgnored},
	} {
		part, verdict := parseRange(header, size)
		if part != want.part || verdict != want.verdict {
			t.Errorf("%q: got %v, %d; want %v, %d", header, part, verdict, want.part, want.verdict)
		}
	}
	if _, verdict := parseRange("bytes=0-", 0); verdict != rangeUnsatisfiable {
		t.Error("a range of an empty resource can be satisfied")
	}
}

func TestFileThatCannotBeReadIsForbidden(t *testing.T) {
	if nobody.Again(t) { // who may read everything
		return
	}
	dir, app := fileSite(t)
	if err := os.Chmod(filepath.Join(dir, "a.txt"), 0); err != nil {
		t.Fatal(err)
	}
	talkBy(t, nil, app, func(w *wire) {
		if got := status(fetch(w, "GET /static/a.txt HTTP/1.1\r\nHost: a\r\n\r\n")); got != "HTTP/1.1 403 Forbidden" {
			t.Errorf("got %q", got)
		}
	})
}
