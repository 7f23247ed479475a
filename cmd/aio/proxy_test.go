package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aio-go/aio/internal/sockdir"
)

// relay is an HTTP proxy that answers by itself, with what it was asked for and by whom.
func relay(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		fmt.Fprintf(w, "%s %s %s", r.RequestURI, r.Header.Get("Proxy-Authorization"), r.Header.Get("Authorization"))
	}))
	t.Cleanup(server.Close)
	return server
}

// aioWith is aio with environment variables.
func aioWith(t *testing.T, env []string, args ...string) outcome {
	t.Helper()
	cmd := command(t, args...)
	cmd.Env = append(cmd.Env, env...)
	return finish(t, cmd)
}

func TestFetchThroughAProxy(t *testing.T) {
	p := relay(t)
	authority := strings.TrimPrefix(p.URL, "http://")
	const target = "http://origin.invalid/x"
	cases := []struct {
		name string
		env  []string
		args []string
		body string // what was fetched
		kind string // or the kind of the failure
	}{
		{"flag", nil, []string{"-x", "http://user:s3cret@" + authority}, target + " Basic dXNlcjpzM2NyZXQ= ", ""},
		{"environment", []string{"http_proxy=" + authority}, nil, target + "  ", ""},
		{"flag before environment", []string{"http_proxy=127.0.0.1:1"}, []string{"-x", p.URL}, target + "  ", ""},
		{"no_proxy", []string{"http_proxy=" + authority, "no_proxy=.invalid"}, nil, "", "dns"},
		{"empty flag before environment", []string{"http_proxy=" + authority}, []string{"-x", ""}, "", "dns"},
		{"no-env", []string{"http_proxy=" + authority}, []string{"--no-env"}, "", "dns"},
		{"dead", nil, []string{"-x", "socks5h://127.0.0.1:1"}, "", "proxy"},
	}
	for _, tt := range cases {
		args := append([]string{"fetch", "-q", "--retries", "0", target}, tt.args...)
		if tt.kind == "" {
			o := aioWith(t, tt.env, append(args, "-o", "-")...)
			if o.wantStatus(t, 0); o.stdout != tt.body {
				t.Errorf("%s: got %q, want %q", tt.name, o.stdout, tt.body)
			}
			continue
		}
		o := aioWith(t, tt.env, args...)
		o.wantStatus(t, 1)
		if r := o.records(t)[0]; r.Error == nil || r.Error.Kind != tt.kind {
			t.Errorf("%s: got %s, want %s", tt.name, o.stdout, tt.kind)
		}
	}
	o := aioWith(t, nil, "fetch", "-q", "--retries", "0", "-x", p.URL, "https://origin.invalid/")
	o.wantStatus(t, 1)
	if r := o.records(t)[0]; r.Error.Kind != "proxy" || !strings.Contains(r.Error.Message, "Forbidden") {
		t.Errorf("refused tunnel: got %s", o.stdout)
	}
	o = aioWith(t, nil, "fetch", "-x", "ftp://user:s3cret@proxy", "http://h/")
	o.wantStatus(t, 2)
	if !strings.Contains(o.stderr, "--proxy") || strings.Contains(o.stderr, "s3cret") {
		t.Errorf("got %q", o.stderr)
	}
}

func TestFetchWithNetrc(t *testing.T) {
	var mu sync.Mutex
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r.Header.Get("Authorization"))
	}))
	defer server.Close()
	path := filepath.Join(t.TempDir(), "netrc")
	if err := os.WriteFile(path, []byte("machine 127.0.0.1 login user password s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"NETRC=" + path}
	aioWith(t, env, "fetch", "-q", server.URL).wantStatus(t, 0)
	aioWith(t, env, "fetch", "-q", server.URL, "-n").wantStatus(t, 0)
	mu.Lock()
	defer mu.Unlock()
	if want := ",Basic dXNlcjpzM2NyZXQ="; strings.Join(got, ",") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFetchOverAUnixSocket(t *testing.T) {
	path := filepath.Join(sockdir.New(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Skipf("no Unix sockets here: %v", err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host+r.URL.Path) })}
	go server.Serve(l)
	defer server.Close()
	o := aioWith(t, nil, "fetch", "-q", "--unix-socket", path, "-o", "-", "http://docker/info")
	o.wantStatus(t, 0)
	if o.stdout != "docker/info" {
		t.Errorf("got %q", o.stdout)
	}
	aioWith(t, nil, "fetch", "--unix-socket", path, "-x", "http://p", "http://docker/").wantStatus(t, 2)
}
