package aiohttp_test

// Downloads: broken off, continued, checked.

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aio-go/aio/aiohttp"
)

const content = "0123456789abcdefghijklmnopqrstuvwxyz"

// fileServer serves content. Each connection takes one request; cuts[i] is after how many
// bytes of the body the i-th is reset, 0 for never.
type fileServer struct {
	tag   string
	cuts  []int
	heads []string
}

func (f *fileServer) script(ctx context.Context, p *peer) error {
	head, err := p.readHead(ctx)
	if err != nil {
		return err
	}
	f.heads = append(f.heads, head)
	body, start := content, 0
	status := "200 OK"
	if _, spec, ok := strings.Cut(head, "Range: bytes="); ok && strings.Contains(head, "If-Range: "+f.tag+"\r\n") {
		fmt.Sscanf(spec, "%d-", &start)
		if start >= len(content) {
			return p.send(ctx, fmt.Sprintf("HTTP/1.1 416 No\r\nContent-Range: bytes */%d\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", len(content)))
		}
		body = content[start:]
		status = fmt.Sprintf("206 Partial Content\r\nContent-Range: bytes %d-%d/%d", start, len(content)-1, len(content))
	}
	cut := 0
	if i := len(f.heads) - 1; i < len(f.cuts) {
		cut = f.cuts[i]
	}
	p.send(ctx, fmt.Sprintf("HTTP/1.1 %s\r\nETag: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", status, f.tag, len(body)))
	if cut > 0 {
		p.send(ctx, body[:cut])
		p.hangUp()
		return nil
	}
	p.send(ctx, body)
	p.hangUp()
	return nil
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return string(data)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestDownloadContinuesWhereTheConnectionBroke(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	server := &fileServer{tag: `"v1"`, cuts: []int{10, 5}}
	run(t, server.script, func(ctx context.Context, w *world) error {
		sum := sha256.Sum256([]byte(content))
		var last, total int64
		got, err := w.session.Download(ctx, aiohttp.Download{
			URL: "http://h/file", Path: path, Hash: sha256.New(), Sum: sum[:],
			Progress: func(written, of int64) { last, total = written, of },
		})
		if err != nil {
			return err
		}
		if read(t, path) != content {
			t.Errorf("got %q in the file", read(t, path))
		}
		if got.Attempts != 3 || got.Bytes != int64(len(content)) || got.Resumed != 0 {
			t.Errorf("got %+v", got)
		}
		if last != got.Bytes || total != got.Bytes {
			t.Errorf("the last progress was %d of %d", last, total)
		}
		for i, want := range []string{"", "bytes=10-", "bytes=15-"} {
			_, spec, _ := strings.Cut(server.heads[i], "\r\nRange: ")
			if spec, _, _ = strings.Cut(spec, "\r\n"); spec != want {
				t.Errorf("request %d asked for %q, want %q", i, spec, want)
			}
		}
		if exists(path+".part") || exists(path+".part.json") {
			t.Error("parts are left over")
		}
		return nil
	})
}

func TestDownloadContinuesAPartOfAnEarlierRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	server := &fileServer{tag: `"v1"`, cuts: []int{10}}
	run(t, server.script, func(ctx context.Context, w *world) error {
		_, err := w.session.Download(ctx, aiohttp.Download{URL: "http://h/file", Path: path, Attempts: 1})
		if !errors.Is(err, aiohttp.ErrClientPayload) {
			t.Errorf("got %v, want the body to break off", err)
		}
		if exists(path) || read(t, path+".part") != content[:10] {
			t.Error("the part is not kept, or under the final name")
		}
		hash := sha256.New()
		got, err := w.session.Download(ctx, aiohttp.Download{URL: "http://h/file", Path: path, Hash: hash})
		if err != nil {
			return err
		}
		if got.Resumed != 10 || got.Attempts != 1 || read(t, path) != content {
			t.Errorf("got %+v and %q", got, read(t, path))
		}
		if want := sha256.Sum256([]byte(content)); string(hash.Sum(nil)) != string(want[:]) {
			t.Error("the hash was not fed with what was there already")
		}
		return nil
	})
}

func TestDownloadBeginsAnewWhenTheThingHasChanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	server := &fileServer{tag: `"v1"`, cuts: []int{10}}
	run(t, server.script, func(ctx context.Context, w *world) error {
		w.session.Download(ctx, aiohttp.Download{URL: "http://h/file", Path: path, Attempts: 1})
		os.WriteFile(path+".part", []byte("other stuf"), 0o600)
		server.tag = `"v2"`
		got, err := w.session.Download(ctx, aiohttp.Download{URL: "http://h/file", Path: path})
		if err != nil {
			return err
		}
		if got.Resumed != 0 || read(t, path) != content {
			t.Errorf("got %+v and %q", got, read(t, path))
		}
		return nil
	})
}

func TestDownloadFinishesAPartThatIsComplete(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	server := &fileServer{tag: `"v1"`, cuts: []int{10}}
	run(t, server.script, func(ctx context.Context, w *world) error {
		w.session.Download(ctx, aiohttp.Download{URL: "http://h/file", Path: path, Attempts: 1})
		os.WriteFile(path+".part", []byte(content), 0o600)
		got, err := w.session.Download(ctx, aiohttp.Download{URL: "http://h/file", Path: path})
		if err != nil || read(t, path) != content || got.Resumed != int64(len(content)) {
			t.Errorf("got %+v, %v", got, err)
		}
		// More than there is cannot be a part of it.
		os.Remove(path)
		server.cuts = append(server.cuts, 0, 10)
		w.session.Download(ctx, aiohttp.Download{URL: "http://h/file", Path: path, Attempts: 1})
		os.WriteFile(path+".part", []byte(content+"more"), 0o600)
		got, err = w.session.Download(ctx, aiohttp.Download{URL: "http://h/file", Path: path})
		if err != nil || read(t, path) != content || got.Resumed != 0 {
			t.Errorf("with too long a part: got %+v, %v", got, err)
		}
		return nil
	})
}

func TestDownloadRefusesWrongBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	run(t, (&fileServer{tag: `"v1"`}).script, func(ctx context.Context, w *world) error {
		os.WriteFile(path, []byte("before"), 0o600)
		_, err := w.session.Download(ctx, aiohttp.Download{URL: "http://h/file", Path: path, Hash: sha256.New(), Sum: make([]byte, 32)})
		if !errors.Is(err, aiohttp.ErrChecksum) {
			t.Errorf("got %v, want ErrChecksum", err)
		}
		if read(t, path) != "before" || exists(path+".part") {
			t.Error("the file was replaced, or the wrong part is kept")
		}
		return nil
	})
}

func TestDownloadReportsRefusals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	run(t, answers("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone"), func(ctx context.Context, w *world) error {
		_, err := w.session.Download(ctx, aiohttp.Download{URL: "http://h/file", Path: path})
		var status *aiohttp.ClientResponseError
		if !errors.As(err, &status) || status.Status != 404 || exists(path) {
			t.Errorf("got %v", err)
		}
		if len(w.dials) != 1 {
			t.Errorf("got %d connections for a 404, want 1", len(w.dials))
		}
		_, err = w.session.Download(ctx, aiohttp.Download{URL: "http://h/file", Path: filepath.Join(path, "no", "where")})
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v for a directory that does not exist", err)
		}
		return nil
	})
}

// A fast server does not keep a download from being cancelled: it ends with the block it is at.
func TestDownloadIsCancelledAlsoWhenNothingHasToBeWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	const size = 4 << 20
	run(t, answers(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("x", size))), func(ctx context.Context, w *world) error {
		limited, cancel := context.WithCancel(ctx)
		var last int64
		_, err := w.session.Download(limited, aiohttp.Download{
			URL: "http://h/file", Path: path,
			Progress: func(written, _ int64) { last = written; cancel() },
		})
		if !errors.Is(err, context.Canceled) || last == size || exists(path) {
			t.Errorf("got %v after %d bytes, want the cancellation", err, last)
		}
		return nil
	})
}

// Without a validator nothing proves that the rest belongs to what is there: the thing is fetched
// as a whole.
func TestDownloadWithoutAValidatorBeginsAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	var heads []string
	serve := func(ctx context.Context, p *peer) error {
		head, err := p.readHead(ctx)
		if err != nil {
			return err
		}
		heads = append(heads, head)
		switch {
		case p.id == 0:
			p.send(ctx, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nold content")
		case strings.Contains(head, "Range: "):
			p.send(ctx, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 11-19/20\r\nContent-Length: 9\r\n\r\n of today")
		default:
			p.send(ctx, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nnew content of today")
		}
		p.hangUp()
		return nil
	}
	run(t, serve, func(ctx context.Context, w *world) error {
		_, err := w.session.Download(ctx, aiohttp.Download{URL: "http://h/f", Path: path})
		return err
	})
	if got := read(t, path); got != "new content of today" {
		t.Errorf("got %q, a mixture", got)
	}
	if len(heads) != 2 || strings.Contains(heads[1], "Range") {
		t.Errorf("got %q, want the second request to ask for the whole", heads)
	}
}

// What is kept beside a part tells nobody the password in its URL.
func TestDownloadLeavesNoCredentialsBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	server := &fileServer{tag: `"v1"`, cuts: []int{10, 5}}
	run(t, server.script, func(ctx context.Context, w *world) error {
		d := aiohttp.Download{URL: "http://user:hunter2@h/f", Path: path, Attempts: 1}
		if _, err := w.session.Download(ctx, d); err == nil {
			t.Error("the first run got through")
		}
		note := read(t, path+".part.json")
		if info, err := os.Stat(path + ".part.json"); strings.Contains(note, "hunter2") || err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("got %s, mode %v, %v", note, info.Mode(), err)
		}
		server.cuts = nil
		got, err := w.session.Download(ctx, d)
		if got.Resumed != 10 {
			t.Errorf("got %+v, want the part continued", got)
		}
		return err
	})
}

// Of a file that has changed meanwhile nothing is put behind what is there, even if the server does not look at
// If-Range; nor is what has no known end, or more of it than there is to be.
func TestDownloadContinuesOnlyWithTheSameFile(t *testing.T) {
	const whole = "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: 10\r\nConnection: close\r\n\r\n"
	for name, second := range map[string]string{
		"another tag":    "HTTP/1.1 206 Partial Content\r\nETag: \"v2\"\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\nConnection: close\r\n\r\nother",
		"a weak tag":     "HTTP/1.1 206 Partial Content\r\nETag: W/\"v1\"\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\nConnection: close\r\n\r\nother",
		"unknown length": "HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nContent-Range: bytes 5-6/*\r\nContent-Length: 2\r\nConnection: close\r\n\r\n56",
		"too much":       "HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nContent-Range: bytes 5-9/10\r\nConnection: close\r\n\r\n" + strings.Repeat("x", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			largest := int64(0)
			answers := []string{whole + "01234", second, whole + "0123456789"}
			serve := func(ctx context.Context, p *peer) error { return once(answers[p.id], 0)(ctx, p) }
			run(t, serve, func(ctx context.Context, w *world) error {
				_, err := w.session.Download(ctx, aiohttp.Download{
					URL: "http://h/file", Path: path, Progress: func(written, _ int64) { largest = max(largest, written) },
				})
				if got := read(t, path); err != nil || got != "0123456789" {
					t.Errorf("got %q, %v", got, err)
				}
				if largest > 512<<10 {
					t.Errorf("%d bytes were written", largest)
				}
				return nil
			})
		})
	}
}
