package aiohttp_test

// The client through proxies that others wrote: tinyproxy for HTTP and CONNECT,
// microsocks for SOCKS5, both as Debian packages them.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// startProxy runs a program that listens on a port, and ends it with the test.
func startProxy(t *testing.T, program string, args func(port string) []string) (authority string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not installed", program)
	}
	// A port that the system does not give to others who want any, as Linux has those by default.
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000)))
	for errors.Is(err, syscall.EADDRINUSE) {
		l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000)))
	}
	if err != nil {
		t.Fatal(err)
	}
	authority = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(authority)
	var out bytes.Buffer
	cmd := exec.Command(path, args(port)...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s says: %s", program, out.String())
		}
	})
	onLoop(t, func(ctx context.Context) error {
		ctx, cancel := asyncio.WithTimeout(ctx, time.Minute)
		defer cancel()
		for {
			if c, err := asyncio.Dial(ctx, "tcp", authority); err == nil {
				return c.Close()
			}
			if err := asyncio.Sleep(ctx, 5*time.Millisecond); err != nil {
				return fmt.Errorf("%s does not listen: %w", program, err)
			}
		}
	})
	return authority
}

// through fetches from a plain and an encrypted origin, small and large, several times.
func through(t *testing.T, proxy string) {
	t.Helper()
	plain, secure := newOrigin(t, false, nil), newOrigin(t, true, nil)
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession(aiohttp.WithProxy(proxy), aiohttp.WithServerName("example.com"), aiohttp.WithTLSConfig(trusting(secure.Server)))
		defer s.Close()
		for _, size := range []int{0, 10, 1_000_000} {
			for _, u := range []string{plain.at("localhost", "/x?y=%20"), secure.at("localhost", "/x")} {
				body := strings.Repeat("x", size)
				// A proxy may close a connection without saying so before: what is not idempotent
				// is not sent again then.
				resp, err := s.Put(ctx, u, aiohttp.WithData(body))
				if err != nil {
					return fmt.Errorf("%d bytes to %s: %w", size, u, err)
				}
				if got, err := resp.Text(ctx); got != "origin got "+body || err != nil || resp.Status != http.StatusOK {
					t.Errorf("%d bytes to %s: got %d, %d bytes and %v", size, u, resp.Status, len(got), err)
				}
			}
		}
		return nil
	})
	for _, seen := range append(plain.all(), secure.all()...) {
		if seen.Header["Proxy-Authorization"] != nil || !strings.HasPrefix(seen.URI, "/x") {
			t.Errorf("an origin saw %+v", seen)
		}
	}
}

func TestInteropTinyproxy(t *testing.T) {
	config := filepath.Join(t.TempDir(), "conf")
	authority := startProxy(t, "tinyproxy", func(port string) []string {
		text := "Port " + port + "\nListen 127.0.0.1\nTimeout 30\nMaxClients 20\nLogLevel Critical\nBasicAuth user s3cret\n"
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"-d", "-c", config}
	})
	through(t, "http://user:s3cret@"+authority)
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession(aiohttp.WithProxy("http://" + authority))
		defer s.Close()
		resp, err := s.Get(ctx, "http://localhost:1/")
		if err != nil || resp.Status != http.StatusProxyAuthRequired {
			t.Errorf("without credentials: got %v and %v", resp, err)
		}
		_, err = fetch(ctx, s, "https://localhost:1/")
		var e *aiohttp.ClientHTTPProxyError
		if !errors.As(err, &e) || e.Status != http.StatusProxyAuthRequired || e.Headers["Proxy-Authenticate"] == nil {
			t.Errorf("tunnel without credentials: got %v", err)
		}
		_, err = fetch(ctx, s, "https://localhost:1/", aiohttp.WithProxyAuth("user", "s3cret"))
		if !errors.As(err, &e) || e.Status < 500 {
			t.Errorf("tunnel to a closed port: got %v", err)
		}
		return nil
	})
}

func TestInteropMicrosocks(t *testing.T) {
	authority := startProxy(t, "microsocks", func(port string) []string {
		return []string{"-i", "127.0.0.1", "-p", port, "-u", "user", "-P", "s3cret"}
	})
	for _, scheme := range []string{"socks5://", "socks5h://"} {
		through(t, scheme+"user:s3cret@"+authority)
	}
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession()
		defer s.Close()
		for name, tt := range map[string]struct{ proxy, reason string }{
			"without credentials": {"socks5h://" + authority, "no acceptable authentication methods"},
			"wrong password":      {"socks5h://user:no@" + authority, "authentication failed"},
			"a closed port":       {"socks5h://user:s3cret@" + authority, "connection refused"},
		} {
			_, err := fetch(ctx, s, "http://127.0.0.1:1/", aiohttp.WithProxy(tt.proxy))
			var e *aiohttp.ClientProxyConnectionError
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("%s: got %v, want %s", name, err, tt.reason)
			}
		}
		return nil
	})
}
