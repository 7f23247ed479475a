package web_test

// The framework on real sockets of the loop, with net/http as the client: a small suite beside the ones in memory.

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp/web"
	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/sockdir"
)

func hello(_ context.Context, req *web.Request) (web.AnyResponse, error) {
	return web.Text("Hello, " + req.MatchInfo().Get("name")), nil
}

func echo(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
	body, err := req.Read(ctx)
	if err != nil {
		return nil, err
	}
	return &web.Response{Body: body}, nil
}

// serve runs an application on a free port, and use in a goroutine of its own, as a client outside the loop.
func serve(t *testing.T, app *web.Application, use func(url string) error, opts ...web.RunOption) {
	t.Helper()
	_, err := asyncio.Run(t.Context(), func(ctx context.Context) (struct{}, error) {
		runner := web.NewAppRunner(app, opts...)
		if err := runner.Setup(ctx); err != nil {
			return struct{}{}, err
		}
		site := web.NewTCPSite(runner, "127.0.0.1:0")
		if err := site.Start(ctx); err != nil {
			return struct{}{}, err
		}
		_, err := asyncio.ToThread(ctx, func(context.Context) (struct{}, error) { return struct{}{}, use(site.URL()) })
		return struct{}{}, errors.Join(err, runner.Cleanup(context.WithoutCancel(ctx)))
	}, asyncio.WithoutSignals())
	if err != nil {
		t.Fatal(err)
	}
}

func TestServesHTTPClients(t *testing.T) {
	app := web.NewApplication(web.WithClientMaxSize(0))
	app.AddRoutes(web.Get("/hello/{name}", hello), web.Post("/echo", echo))
	app.Router().AddGet("/stream", func(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
		resp := &web.StreamResponse{ContentType: "text/plain"}
		if err := resp.Prepare(ctx, req); err != nil {
			return nil, err
		}
		for i := range 3 {
			fmt.Fprintf(resp.Writer(ctx), "line %d\n", i)
			if err := asyncio.Sleep(ctx, time.Millisecond); err != nil {
				return nil, err
			}
		}
		return resp, nil
	})
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB: more than any buffer on the way
	serve(t, app, func(url string) error {
		client := &http.Client{Transport: &http.Transport{}}
		defer client.CloseIdleConnections()
		for path, want := range map[string]string{"/hello/%D1%8F": "Hello, я", "/stream": "line 0\nline 1\nline 2\n"} {
			resp, err := client.Get(url + path)
			if err != nil {
				return err
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if string(body) != want || err != nil {
				t.Errorf("%s: got %q, %v", path, body, err)
			}
		}
		resp, err := client.Post(url+"/echo", "application/octet-stream", bytes.NewReader(large))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); !bytes.Equal(body, large) || err != nil {
			t.Errorf("echo of 1 MiB: got %d bytes, %v", len(body), err)
		}
		return nil
	})
}

func TestServesTLS(t *testing.T) {
	model := httptest.NewUnstartedServer(nil) // for its certificate
	model.StartTLS()
	defer model.Close()
	app := web.NewApplication()
	app.AddRoutes(web.Get("/", func(_ context.Context, req *web.Request) (web.AnyResponse, error) {
		return web.Text(req.URL().String()), nil
	}))
	serve(t, app, func(url string) error {
		roots := x509.NewCertPool()
		roots.AddCert(model.Certificate())
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
		defer client.CloseIdleConnections()
		resp, err := client.Get(url + "/")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); string(body) != url+"/" || !strings.HasPrefix(url, "https://") || err != nil {
			t.Errorf("got %q, %v", body, err)
		}
		return nil
	}, web.WithTLS(&tls.Config{Certificates: model.TLS.Certificates}))
}

// A response must reach a client that is still sending when it is refused.
func TestRefusalReachesAClientThatIsStillSending(t *testing.T) {
	app := web.NewApplication()
	app.AddRoutes(web.Post("/", echo))
	serve(t, app, func(url string) error {
		for range 20 {
			conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			if err != nil {
				return err
			}
			fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n")
			conn.Write(make([]byte, 4_000_000))
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || resp.StatusCode != 413 {
				t.Errorf("got %v, %v; want a 413", resp, err)
			}
			conn.Close()
		}
		return nil
	})
}

func TestUnixSite(t *testing.T) {
	app := web.NewApplication()
	app.AddRoutes(web.Get("/{name}", hello))
	path := sockdir.New(t) + "/s"
	_, err := asyncio.Run(t.Context(), func(ctx context.Context) (struct{}, error) {
		runner := web.NewAppRunner(app)
		if err := runner.Setup(ctx); err != nil {
			return struct{}{}, err
		}
		site := web.NewUnixSite(runner, path)
		if err := site.Start(ctx); err != nil {
			return struct{}{}, err
		}
		body, err := asyncio.ToThread(ctx, func(context.Context) (string, error) {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", path)
			}}}
			resp, err := client.Get("http://any/unix")
			if err != nil {
				return "", err
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			return string(body), err
		})
		if body != "Hello, unix" {
			t.Errorf("got %q", body)
		}
		return struct{}{}, errors.Join(err, runner.Cleanup(ctx))
	}, asyncio.WithoutSignals())
	if err != nil {
		t.Fatal(err)
	}
}

// §1B.8: the whole life of an application, started without a loop and stopped by the end of its context.
func TestRunAppServesUntilItsContextEnds(t *testing.T) {
	var log []string
	note := func(s string) web.AppHook {
		return func(context.Context, *web.Application) error { log = append(log, s); return nil }
	}
	app := web.NewApplication()
	app.AddRoutes(web.Get("/{name}", hello))
	app.OnStartup(note("startup"))
	app.OnShutdown(note("shutdown"))
	app.OnCleanup(note("cleanup"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	addrs := make(chan net.Addr, 1)
	done := make(chan error, 1)
	var out bytes.Buffer
	go func() {
		done <- web.RunApp(ctx, app, web.WithAddr("127.0.0.1:0"), web.WithOutput(&out), web.WithoutSignals(),
			web.WithReady(func(a []net.Addr) { addrs <- a[0] }))
	}()
	url := "http://" + (<-addrs).String()
	resp, err := http.Get(url + "/you")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	cancel()
	if err := <-done; err != nil || string(body) != "Hello, you" {
		t.Errorf("got %q, then %v", body, err)
	}
	if got := fmt.Sprint(log); got != "[startup shutdown cleanup]" {
		t.Errorf("hooks: got %s", got)
	}
	if !strings.Contains(out.String(), "Running on "+url+" ") {
		t.Errorf("output: got %q, want %s in it", out.String(), url)
	}
}

func TestStartErrorsAreReturnedAndWhatWasStartedIsStopped(t *testing.T) {
	cleaned := 0
	newApp := func() *web.Application {
		app := web.NewApplication()
		app.OnCleanup(func(context.Context, *web.Application) error { cleaned++; return nil })
		return app
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, c := range map[string]struct {
		app  *web.Application
		addr string
	}{
		"port in use":       {newApp(), taken.Addr().String()},
		"malformed address": {newApp(), "nonsense"},
		"failing hook": {func() *web.Application {
			app := newApp()
			app.OnStartup(func(context.Context, *web.Application) error { return errors.New("no database") })
			return app
		}(), "127.0.0.1:0"},
	} {
		cleaned = 0
		if err := web.RunApp(t.Context(), c.app, web.WithAddr(c.addr), web.WithOutput(nil), web.WithoutSignals()); err == nil || cleaned != 1 {
			t.Errorf("%s: got %v, cleaned up %d times", name, err, cleaned)
		}
	}
}
