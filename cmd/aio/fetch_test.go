package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestResultsAreJSONLinesByDefault(t *testing.T) {
	h := newHostile(t)
	o := aio(t, "", "fetch", h.url+"/ok/1", h.url+"/to/ok/2")
	o.wantStatus(t, 0)
	list := o.records(t)
	slices.SortFunc(list, func(a, b record) int { return a.Index - b.Index })
	if len(list) != 2 {
		t.Fatalf("got %d lines want 2", len(list))
	}
	for i, r := range list {
		body := bodyOf(i + 1)
		sum := sha256.Sum256([]byte(body))
		if !r.OK || r.Status != 200 || r.Bytes != int64(len(body)) || r.SHA256 != hex.EncodeToString(sum[:]) || r.Attempts != 1 || r.Path != "" || r.Error != nil {
			t.Errorf("record %d: got %+v", i, r)
		}
		if want := fmt.Sprintf("%s/ok/%d", h.url, i+1); r.FinalURL != want {
			t.Errorf("final URL: got %q want %q", r.FinalURL, want)
		}
	}
	if !matches(`^2 of 2 fetched in .*\n  latency  p50 `, o.stderr) {
		t.Errorf("summary: got %q", o.stderr)
	}
}

func TestBodiesGoToFilesWithDistinctNames(t *testing.T) {
	h := newHostile(t)
	var list strings.Builder
	for i := range 100 {
		fmt.Fprintf(&list, "%s/dir/%d/same.txt\n", h.url, i)
	}
	list.WriteString(h.url + "/dir/0/same.txt\n") // twice the same URL
	for _, concurrency := range []string{"1", "32"} {
		out := filepath.Join(t.TempDir(), "a", "b")
		o := aio(t, list.String(), "fetch", "-i", "-", "-O", out, "-c", concurrency, "--jsonl", "-q")
		o.wantStatus(t, 0)
		for _, r := range o.records(t) {
			if got, want := read(t, r.Path), strings.TrimPrefix(r.URL, h.url); got != want {
				t.Errorf("%s: got %q want %q", r.Path, got, want)
			}
			if r.Index == 0 && r.Path != filepath.Join(out, "same.txt") {
				t.Errorf("first URL: got %q want the plain name", r.Path)
			}
			if r.Index == 100 && !matches(`/same-[0-9a-f]{8}\.txt$`, r.Path) {
				t.Errorf("repeated URL: got %q", r.Path)
			}
		}
		if n := len(files(t, out)); n != 101 {
			t.Errorf("-c %s: got %d files want 101", concurrency, n)
		}
	}
}

func TestEarlierFilesAreKeptUnlessOverwriteSaysOtherwise(t *testing.T) {
	h := newHostile(t)
	out := t.TempDir()
	old := filepath.Join(out, "1")
	os.WriteFile(old, []byte("old"), 0o666)
	hourAgo := time.Now().Add(-time.Hour)
	os.Chtimes(old, hourAgo, hourAgo)
	aio(t, "", "fetch", "-q", "-O", out, h.url+"/ok/1").wantStatus(t, 0)
	if got := read(t, old); got != "old" || len(files(t, out)) != 2 {
		t.Errorf("got %q in %q want old and a second file", got, files(t, out))
	}
	aio(t, "", "fetch", "-q", "-O", out, "--overwrite", h.url+"/ok/1").wantStatus(t, 0)
	if got := read(t, old); got != bodyOf(1) || len(files(t, out)) != 2 {
		t.Errorf("--overwrite: got %d bytes in %q", len(got), files(t, out))
	}
}

func TestNamedFileIsReplacedByACompleteBodyOnly(t *testing.T) {
	h := newHostile(t)
	name := filepath.Join(t.TempDir(), "x")
	os.WriteFile(name, []byte("old"), 0o666)
	aio(t, "", "fetch", "-q", "--retries", "0", "-o", name, h.url+"/truncated").wantStatus(t, 1)
	if got := read(t, name); got != "old" {
		t.Errorf("after a failure: got %q want what was there", got)
	}
	aio(t, "", "fetch", "-q", "-o", name, h.url+"/ok/1").wantStatus(t, 0)
	if got := read(t, name); got != bodyOf(1) || len(files(t, filepath.Dir(name))) != 1 {
		t.Errorf("got %q in %q want the new body alone", got, files(t, filepath.Dir(name)))
	}
}

func TestLargeBodyIsWrittenWhole(t *testing.T) {
	h := newHostile(t)
	const n = 5_000_001
	want := strings.Repeat("0123456789abcdef", n/16+1)[:n]
	for _, args := range [][]string{{"-O", "."}, {"-o", "5000001"}, {"-O", ".", "--fsync", "all", "--overwrite"}} {
		cmd := command(t, append(append([]string{"fetch", "-q"}, args...), h.url+fmt.Sprint("/size/", n))...)
		finish(t, cmd).wantStatus(t, 0)
		if got := read(t, cmd.Dir, "5000001"); got != want {
			t.Errorf("%q: got %d bytes want %d", args, len(got), n)
		}
	}
	o := aio(t, "", "fetch", "-q", "-o", "-", h.url+fmt.Sprint("/size/", n))
	if o.stdout != want {
		t.Errorf("standard output: got %d bytes want %d", len(o.stdout), n)
	}
}

func TestPassingFailuresAreRetried(t *testing.T) {
	h := newHostile(t)
	o := aio(t, "", "fetch", "--json", h.url+"/flaky/2")
	o.wantStatus(t, 0)
	r, s := o.records(t)[0], o.records(t)[1]
	if r.Attempts != 3 || !r.OK || s.Retries != 2 {
		t.Errorf("got %+v and %d retries", r, s.Retries)
	}
	o = aio(t, "", "fetch", "-q", "--retries", "1", "--retry-max-wait", "0.01", h.url+"/status/503", h.url+"/status/404")
	o.wantStatus(t, 1)
	for _, r := range o.records(t) {
		if want := map[int]int{503: 2, 404: 1}[r.Status]; r.Attempts != want || r.Error.Kind != "status" {
			t.Errorf("status %d: got %+v", r.Status, r)
		}
	}
}

func TestRequestIsWhatTheFlagsSay(t *testing.T) {
	h := newHostile(t)
	aio(t, "", "fetch", "-q", "-X", "PUT", "-H", "X-A: 1", "-H", "X-A: 2", "-A", "tester", "-d", "a=b", h.url+"/ok/1").wantStatus(t, 0)
	req := <-h.seen
	if req.Method != "PUT" || !slices.Equal(req.Header["X-A"], []string{"1", "2"}) || req.UserAgent() != "tester" || req.ContentLength != 3 {
		t.Errorf("got %s %v length %d", req.Method, req.Header, req.ContentLength)
	}
	aio(t, "", "fetch", "-q", "-d", "a=b", h.url+"/ok/1").wantStatus(t, 0)
	if req = <-h.seen; req.Method != http.MethodPost || req.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("-d: got %s %v", req.Method, req.Header)
	}
	aio(t, "", "fetch", "-q", "--compressed=false", h.url+"/ok/1").wantStatus(t, 0)
	if req = <-h.seen; req.Method != http.MethodGet || req.Header.Get("Accept-Encoding") != "identity" || !strings.HasPrefix(req.UserAgent(), "aio/") {
		t.Errorf("default: got %s %v", req.Method, req.Header)
	}
}

func TestRedirectLimits(t *testing.T) {
	h := newHostile(t)
	twice := h.url + "/to/to/ok/1"
	aio(t, "", "fetch", "-q", "--max-redirects", "2", twice).wantStatus(t, 0)
	aio(t, "", "fetch", "-q", "--max-redirects", "1", twice).wantStatus(t, 1)
	o := aio(t, "", "fetch", "-q", "--location=false", twice)
	o.wantStatus(t, 1)
	if r := o.records(t)[0]; r.Status != 302 || r.Error.Kind != "status" {
		t.Errorf("not following: got %+v", r)
	}
}

func TestFailFastStopsTheRun(t *testing.T) {
	h := newHostile(t)
	list := h.url + "/ok/1\n" + h.url + "/status/404\n" + strings.Repeat(h.url+"/ok/2\n", 100)
	o := aio(t, list, "fetch", "-i", "-", "--json", "--fail-fast", "-c", "1")
	o.wantStatus(t, 1)
	all := o.records(t)
	if s := all[len(all)-1]; s.NotStarted != 100 || !strings.Contains(s.Stopped, "--fail-fast") {
		t.Errorf("got %+v", s)
	}
}

func TestMaxTimeStopsTheRun(t *testing.T) {
	h := newHostile(t)
	o := aio(t, "", "fetch", "--json", "-m", "1", "-c", "2", h.url+"/ok/1", h.url+"/never", h.url+"/never/2", h.url+"/ok/2")
	o.wantStatus(t, 1)
	all := o.records(t)
	s := all[len(all)-1]
	if s.NotStarted != 1 || s.Failed != 2 || !strings.Contains(s.Stopped, "--max-time") {
		t.Errorf("got %+v", s)
	}
}

func TestPerHostLimitDoesNotHoldUpOtherHosts(t *testing.T) {
	slow, fast := newHostile(t), newHostile(t)
	list := strings.Repeat(slow.url+"/never\n", 10) + strings.Repeat(fast.url+"/ok/1\n", 10)
	o := aio(t, list, "fetch", "-i", "-", "-q", "-c", "4", "--per-host", "2", "--timeout", "1", "--retries", "0", "-m", "3")
	ok := 0
	for _, r := range o.records(t) {
		if r.OK {
			ok++
		}
	}
	if ok != 10 {
		t.Errorf("got %d fetched want the 10 of the other host", ok)
	}
}

func TestListFromAPipeIsFetchedAsItComes(t *testing.T) {
	h := newHostile(t)
	cmd := command(t, "fetch", "-q", "-i", "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	for i := range 3 {
		fmt.Fprintf(in, "%s/ok/%d\n", h.url, i)
		n, err := out.Read(buf) // the answer to this line, before the next is written
		if err != nil || !strings.Contains(string(buf[:n]), fmt.Sprintf("/ok/%d", i)) {
			t.Fatalf("line %d: got %q %v", i, buf[:n], err)
		}
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestDemoSucceeds(t *testing.T) {
	o := aio(t, "", "fetch", "--demo", "-c", "200", "--json")
	o.wantStatus(t, 0)
	all := o.records(t)
	if s := all[len(all)-1]; s.Failed != 0 || s.Retries == 0 || len(all) != 501 {
		t.Errorf("got %d lines and %+v", len(all), s)
	}
}

func TestBodyToSendComesFromAFileOrStandardInput(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
	t.Cleanup(echo.Close)
	file := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(file, []byte("from the file"), 0o600); err != nil {
		t.Fatal(err)
	}
	for arg, want := range map[string]string{"as it is": "as it is", "@" + file: "from the file", "@-": "from the pipe", "": ""} {
		o := aio(t, "from the pipe", "fetch", "-q", "-o", "-", "-d", arg, echo.URL)
		if o.wantStatus(t, 0); o.stdout != want {
			t.Errorf("-d %q: got %q want %q", arg, o.stdout, want)
		}
	}
}
