package aiohttp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/internal/sockdir"
)

// unixOrigin serves on a Unix socket.
func unixOrigin(t *testing.T, encrypted bool) (*httptest.Server, string) {
	t.Helper()
	path := filepath.Join(sockdir.New(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil && runtime.GOOS == "windows" {
		t.Skipf("this Windows has no Unix sockets: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %d", r.Host, r.URL, len(body))
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Listener.Close()
	server.Listener = l
	if encrypted {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server, path
}

func TestUnixConnectorReachesTheSocketForEveryHost(t *testing.T) {
	_, path := unixOrigin(t, false)
	setEnvironment(t, "http_proxy", "http://127.0.0.1:1")
	onLoop(t, func(ctx context.Context) error {
		connector := aiohttp.NewUnixConnector(path, aiohttp.WithLocalAddr(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}))
		defer connector.Close()
		s := aiohttp.NewClientSession(aiohttp.WithConnector(connector), aiohttp.WithTrustEnv())
		defer s.Close()
		for _, u := range []string{"http://docker/info", "http://docker/info", "http://other.test:8080/x?y"} {
			resp, err := s.Post(ctx, u, aiohttp.WithData(strings.Repeat("x", 100_000)))
			if err != nil {
				return err
			}
			got, err := resp.Text(ctx)
			host, rest, _ := strings.Cut(strings.TrimPrefix(u, "http://"), "/")
			if want := host + " /" + rest + " 100000"; got != want || err != nil {
				t.Errorf("got %q and %v, want %q", got, err, want)
			}
		}
		if got := s.Stats().Connector; got.Dialed != 2 || got.Reused != 1 {
			t.Errorf("got %+v, want a connection for each host", got)
		}
		_, err := fetch(ctx, s, "http://docker/", aiohttp.WithProxy("http://127.0.0.1:1"))
		var e *aiohttp.InvalidRequestError
		if !errors.As(err, &e) {
			t.Errorf("with a proxy: got %v", err)
		}
		if got := connector.Path(); got != path {
			t.Errorf("got path %q", got)
		}
		return nil
	})
}

func TestUnixConnectorSpeaksTLS(t *testing.T) {
	server, path := unixOrigin(t, true)
	onLoop(t, func(ctx context.Context) error {
		connector := aiohttp.NewUnixConnector(path)
		defer connector.Close()
		s := aiohttp.NewClientSession(aiohttp.WithConnector(connector))
		defer s.Close()
		if got, err := fetch(ctx, s, "https://example.com/x", aiohttp.WithTLSConfig(trusting(server))); got != "example.com /x 0" || err != nil {
			t.Errorf("got %q and %v", got, err)
		}
		_, err := fetch(ctx, s, "https://other.test/x", aiohttp.WithTLSConfig(trusting(server)))
		var e *aiohttp.ClientConnectorCertificateError
		if !errors.As(err, &e) || e.Host != "other.test" {
			t.Errorf("other name: got %v", err)
		}
		_, err = fetch(ctx, s, "https://example.com/x", aiohttp.WithTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12}))
		if !errors.Is(err, aiohttp.ErrClientSSL) {
			t.Errorf("unknown authority: got %v", err)
		}
		if got := s.Stats().Connector; got.InUse != 0 || got.Idle != 1 {
			t.Errorf("got %+v", got)
		}
		return nil
	})
}

func TestUnixConnectorErrorNamesTheSocket(t *testing.T) {
	path := filepath.Join(sockdir.New(t), "none")
	onLoop(t, func(ctx context.Context) error {
		connector := aiohttp.NewUnixConnector(path)
		defer connector.Close()
		s := aiohttp.NewClientSession(aiohttp.WithConnector(connector))
		defer s.Close()
		_, err := fetch(ctx, s, "http://docker/", aiohttp.WithTimeout(aiohttp.ClientTimeout{Dial: time.Second}))
		var e *aiohttp.UnixClientConnectorError
		var parent *aiohttp.ClientConnectorError
		if !errors.As(err, &e) || !errors.As(err, &parent) || e.Path != path || !errors.Is(err, syscall.ENOENT) || !strings.Contains(err.Error(), path) {
			t.Errorf("got %v", err)
		}
		return nil
	})
}
