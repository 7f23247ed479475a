package main

import (
	"bufio"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/aio-go/aio/internal/demo"
)

// serveDemo starts aio serve --demo and returns its origin.
func serveDemo(t *testing.T) string {
	t.Helper()
	cmd := command(t, "serve", "--demo", "--port", "0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("after an interrupt: %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	origin := regexp.MustCompile(`http://[0-9.:]+`).FindString(line)
	if err != nil || origin == "" {
		t.Fatalf("got %q %v want an address", line, err)
	}
	return origin
}

func TestDemoSiteDoesWhatItsListSays(t *testing.T) {
	origin := serveDemo(t)
	tests := []struct {
		path   string
		status int
		bytes  int64 // -1: any
		kind   string
	}{
		{"/", 200, -1, ""},
		{"/hello", 200, 16, ""},
		{"/delay/0.01", 200, -1, ""},
		{"/delay/-1", 400, 0, "status"},
		{"/bytes/0", 200, 0, ""},
		{"/bytes/1000", 200, 1000, ""},
		{"/bytes/3000000", 200, 3_000_000, ""},
		{"/bytes/x", 400, 0, "status"},
		{"/chunked/100000", 200, 100_000, ""},
		{"/slow-body/0.1", 200, 10_000, ""},
		{"/gzip", 200, 20_000, ""},
		{"/redirect/3", 200, 16, ""},
		{"/redirect-loop", 0, 0, "redirect"},
		{"/status/418", 418, 0, "status"},
		{"/status/204", 204, 0, ""},
		{"/flaky/1?key=a", 503, 0, "status"},
		{"/drops/1?key=a", 200, -1, "truncated"},
		{"/drop", 200, -1, "truncated"},
		{"/truncated", 200, -1, "truncated"},
		{"/headers", 200, -1, ""},
		{"/echo", 200, -1, ""},
		{"/links?n=3", 200, -1, ""},
		{"/nothing", 404, 0, "status"},
	}
	args := []string{"fetch", "-q", "--retries", "0"}
	for _, tt := range tests {
		args = append(args, origin+tt.path)
	}
	for _, r := range aio(t, "", args...).records(t) {
		tt, kind := tests[r.Index], ""
		if r.Error != nil {
			kind = r.Error.Kind
		}
		if r.Status != tt.status || kind != tt.kind || tt.bytes >= 0 && tt.kind == "" && r.Bytes != tt.bytes {
			t.Errorf("%s: got status %d, %d bytes, %+v want %+v", tt.path, r.Status, r.Bytes, r.Error, tt)
		}
		if n, ok := map[string]int64{"/bytes/1000": 1000, "/chunked/100000": 100_000, "/bytes/3000000": 3_000_000}[tt.path]; ok && r.SHA256 != demo.Digest(n) {
			t.Errorf("%s: got digest %s want %s", tt.path, r.SHA256, demo.Digest(n))
		}
	}
	heads := []string{"fetch", "-q", "-X", "HEAD", origin + "/hello", origin + "/bytes/1000", origin + "/bytes/3000000", origin + "/gzip", origin + "/slow-body/0.1"}
	aio(t, "", heads...).wantStatus(t, 0)
	list := aio(t, "", "fetch", "-q", "-o", "-", origin+"/links?n=50").stdout
	if strings.Count(list, origin) != 50 {
		t.Fatalf("list: got %q", list)
	}
	aio(t, list, "fetch", "-q", "-i", "-", "-c", "50").wantStatus(t, 0)
}
