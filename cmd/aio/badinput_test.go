package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// badURL is one URL that fails, how, and a part of the reason that is given.
type badURL struct{ url, kind, reason string }

// badURLs are all the ways to fail that do not need a full disk.
func badURLs(t *testing.T, h *hostile) []badURL {
	return []badURL{
		{"not a url", "url", "malformed"},
		{"example.com/x", "url", "http://"},
		{"127.0.0.1:8080/x", "url", "no http://"},
		{"127.0.0.1:8080//x", "url", "no http://"},
		{"localhost:8080/?next=http://a/", "url", "no http://"},
		{"://a/", "url", "no http://"},
		{"http://", "url", "no host"},
		{"http:///path", "url", "no host"},
		{"http://[::1", "url", "malformed"},
		{"http://127.0.0.1:99999/", "url", "port"},
		{"http://%zz/", "url", "malformed"},
		{"ftp://127.0.0.1/x", "url", "ftp"},
		{"http://host.invalid/", "dns", ""},
		{refusedURL(t), "refused", "refused"},
		{h.url + "/reset", "reset", ""},
		{h.url + "/close", "reset", ""},
		{h.url + "/half-head", "reset", ""},
		{h.url + "/truncated", "truncated", ""},
		{h.url + "/truncated-chunk", "truncated", ""},
		{h.url + "/no-last-chunk", "truncated", ""},
		{h.url + "/bad-chunk", "protocol", "chunk"},
		{h.url + "/huge-chunk", "protocol", "chunk"},
		{h.url + "/long-chunk", "protocol", "chunk"},
		{h.url + "/not-http", "protocol", ""},
		{h.url + "/bad-status", "protocol", ""},
		{h.url + "/two-lengths", "protocol", ""},
		{h.url + "/bad-length", "protocol", ""},
		{h.url + "/long-header", "protocol", ""},
		{h.url + "/endless-headers", "protocol", ""},
		{h.url + "/endless-body", "too-large", "--max-bytes"},
		{h.url + "/bad-gzip", "decode", "gzip"},
		{h.url + "/loop", "redirect", "redirects"},
		{h.url + "/to-ftp", "redirect", "ftp"},
		{h.url + "/to-nowhere", "redirect", ""},
		{h.url + "/never", "timeout", "timeout"},
		{h.url + "/half-then-never", "timeout", "timeout"},
		{h.url + "/evil-reason", "status", "404"},
		{h.url + "/status/500", "status", "500"},
	}
}

const goodURLs = 20

// mixed interleaves the bad URLs with good ones.
func mixed(h *hostile, bad []badURL) string {
	var list strings.Builder
	for i := range max(goodURLs, len(bad)) {
		if i < goodURLs {
			fmt.Fprintf(&list, "%s/ok/%d\n", h.url, i)
		}
		if i < len(bad) {
			list.WriteString(bad[i].url + "\n")
		}
	}
	return list.String()
}

func TestEachBadURLGivesOneObjectAndTheRestCompletes(t *testing.T) {
	h := newHostile(t)
	bad := badURLs(t, h)
	o := aio(t, mixed(h, bad), "fetch", "-i", "-", "--json", "--retries", "0", "--timeout", "2", "--max-bytes", "1MB")
	o.wantStatus(t, 1)
	got := map[string]record{}
	for _, r := range o.records(t) {
		if _, twice := got[r.URL]; twice {
			t.Errorf("%s: reported twice", r.URL)
		}
		got[r.URL] = r
	}
	for _, b := range bad {
		r, ok := got[b.url]
		switch {
		case !ok:
			t.Errorf("%s: not reported", b.url)
		case r.Error == nil || r.OK:
			t.Errorf("%s: got no error, want %s", b.url, b.kind)
		case r.Error.Kind != b.kind || !strings.Contains(r.Error.Message, b.reason):
			t.Errorf("%s: got %s %q want %s with %q", b.url, r.Error.Kind, r.Error.Message, b.kind, b.reason)
		case strings.ContainsAny(r.Error.Message, "\n\x1b\x07") || strings.Contains(r.Error.Message, b.url+": "):
			t.Errorf("%s: unclear message %q", b.url, r.Error.Message)
		}
	}
	for i := range goodURLs {
		if r := got[fmt.Sprintf("%s/ok/%d", h.url, i)]; !r.OK || r.Bytes != int64(len(bodyOf(i))) {
			t.Errorf("good URL %d: got %+v", i, r)
		}
	}
	if s := got[""]; s.Type != "summary" || s.Failed != len(bad) {
		t.Errorf("summary: got %+v want %d failed", s, len(bad))
	}
}

func TestEachBadURLGivesOneLineAndNoFile(t *testing.T) {
	h := newHostile(t)
	bad := badURLs(t, h)
	out := filepath.Join(t.TempDir(), "out")
	o := aio(t, mixed(h, bad), "fetch", "-i", "-", "-O", out, "--retries", "0", "--timeout", "2", "--max-bytes", "1MB", "--no-progress")
	o.wantStatus(t, 1)
	for _, b := range bad {
		if n := strings.Count(o.stderr, "aio: "+b.url+": "); n != 1 {
			t.Errorf("%s: %d lines want 1", b.url, n)
		}
	}
	if lines := strings.Count(o.stderr, "aio: "); lines != len(bad) {
		t.Errorf("%d lines for %d failures:\n%s", lines, len(bad), o.stderr)
	}
	if o.stdout != "" {
		t.Errorf("standard output: got %q", o.stdout)
	}
	names := files(t, out)
	if len(names) != goodURLs {
		t.Errorf("files: got %q", names)
	}
	for i := range goodURLs {
		name := fmt.Sprint(i)
		if !slices.Contains(names, name) {
			t.Errorf("%s is missing", name)
		} else if got := read(t, out, name); got != bodyOf(i) {
			t.Errorf("%s: got %d bytes", name, len(got))
		}
	}
}

func TestOverLongBodyFailsItsURLAlone(t *testing.T) {
	h := newHostile(t)
	dir := t.TempDir()
	o := aio(t, "", "fetch", "-O", dir, "-q", h.url+"/overlong", h.url+"/ok/1")
	o.wantStatus(t, 1)
	if strings.Count(o.stderr, "\n") != 1 || !strings.Contains(o.stderr, "/overlong") || !strings.Contains(o.stderr, "longer than") {
		t.Errorf("got %q want one line that names the URL and the reason", o.stderr)
	}
	if got := files(t, dir); len(got) != 1 {
		t.Errorf("files: got %q want the good one alone", got)
	}
}

func TestUnreadableListIsAUsageError(t *testing.T) {
	h := newHostile(t)
	dir := t.TempDir()
	for _, name := range []string{filepath.Join(dir, "missing"), dir} {
		o := aio(t, "", "fetch", "-i", name, h.url+"/ok/1")
		o.wantStatus(t, 2)
		if strings.Count(o.stderr, "\n") != 1 || !strings.Contains(o.stderr, name) {
			t.Errorf("%s: got %q want one line naming it", name, o.stderr)
		}
	}
	if len(h.seen) != 0 {
		t.Error("requests were made")
	}
}

func TestOverLongLineInAListFailsAlone(t *testing.T) {
	h := newHostile(t)
	list := h.url + "/ok/1\n" + strings.Repeat("x", 200_000) + "\n" + h.url + "/ok/2\n"
	o := aio(t, list, "fetch", "-i", "-", "-q")
	o.wantStatus(t, 1)
	failed := 0
	for _, r := range o.records(t) {
		if !r.OK {
			failed++
			if r.Error.Kind != "url" || len(r.URL) > 300 {
				t.Errorf("got %+v", r)
			}
		}
	}
	if failed != 1 {
		t.Errorf("%d failed want 1", failed)
	}
}

func TestFullDeviceIsReportedByName(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	h := newHostile(t)
	o := aio(t, "", "fetch", "-o", "/dev/full", "--no-progress", h.url+"/ok/1")
	o.wantStatus(t, 1)
	if want := h.url + "/ok/1: write to /dev/full: no space left on device"; !strings.Contains(o.stderr, want) {
		t.Errorf("got %q want %q", o.stderr, want)
	}
	cmd := command(t, "fetch", "-q", h.url+"/ok/1")
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	o = finishInto(t, cmd, full)
	o.wantStatus(t, 1)
	if !strings.Contains(o.stderr, "no space left") || strings.Count(o.stderr, "\n") != 1 {
		t.Errorf("results to a full device: got %q", o.stderr)
	}
}

func TestFullDiskFailsWhatDoesNotFitAndKeepsTheRest(t *testing.T) {
	dir := t.TempDir()
	if err := mountTiny(dir); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() { unmount(dir) })
	h := newHostile(t)
	big, huge := h.url+"/size/3000000", h.url+"/size/3000001"
	o := aio(t, "", "fetch", "-O", dir, "-c", "1", "--json", h.url+"/ok/1", big, huge, h.url+"/ok/2")
	o.wantStatus(t, 1)
	for _, r := range o.records(t) {
		if r.URL != big && r.URL != huge || r.Type == "summary" {
			continue
		}
		if r.Error == nil || r.Error.Kind != "output" || !strings.Contains(r.Error.Message, "no space left on device") {
			t.Errorf("%s: got %+v", r.URL, r.Error)
		}
	}
	if got, want := files(t, dir), []string{"1", "2"}; !slices.Equal(got, want) {
		t.Errorf("files: got %q want %q", got, want)
	}
	if err := remountReadOnly(dir); err != nil {
		t.Fatal(err)
	}
	before := len(h.seen)
	o = aio(t, "", "fetch", "-O", dir, "--no-progress", h.url+"/ok/3", h.url+"/ok/4")
	o.wantStatus(t, 1)
	for _, u := range []string{"/ok/3", "/ok/4"} {
		if want := h.url + u + ": write to " + dir + ": read-only file system"; !strings.Contains(o.stderr, want) {
			t.Errorf("got %q want %q", o.stderr, want)
		}
	}
	if len(h.seen) != before {
		t.Error("bodies were requested that could not be written")
	}
}
