package http3_test

// Sessions over HTTP/3 against quic-go's server, on the loopback interface.

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	quichttp3 "github.com/quic-go/quic-go/http3"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/contrib/http3"
)

// both is a server that speaks HTTP/2 over TCP and HTTP/3 over UDP, on the same port.
type both struct {
	*httptest.Server
	quic *quichttp3.Server
	tls  *tls.Config // with which clients trust it
}

// serve starts a server whose answers over TCP carry the Alt-Svc header offer; "PORT" in it
// is the port.
func serve(t *testing.T, h http.Handler, offer string) *both {
	t.Helper()
	s := &both{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if offer != "" {
			w.Header().Set("Alt-Svc", strings.ReplaceAll(offer, "PORT", s.port()))
		}
		h.ServeHTTP(w, r)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	s.tls = &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: s.Listener.Addr().(*net.TCPAddr).Port})
	if err != nil {
		t.Fatal(err)
	}
	s.quic = &quichttp3.Server{Handler: h, TLSConfig: quichttp3.ConfigureTLSConfig(&tls.Config{Certificates: s.TLS.Certificates})}
	go s.quic.Serve(udp)
	t.Cleanup(func() { s.quic.Close(); udp.Close() })
	return s
}

func (s *both) port() string {
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	return port
}

func (s *both) origin() string { return s.Listener.Addr().String() }

func onLoop(t *testing.T, c aiohttp.Connector, body func(ctx context.Context, s *aiohttp.ClientSession) error) {
	t.Helper()
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		s := aiohttp.NewClientSession(aiohttp.WithConnector(c))
		defer c.Close()
		defer s.Close()
		return struct{}{}, body(ctx, s)
	})
	if err != nil {
		t.Error(err)
	}
}

func fetch(ctx context.Context, s *aiohttp.ClientSession, url string, opts ...aiohttp.RequestOption) (string, string, error) {
	resp, err := s.Get(ctx, url, opts...)
	if err != nil {
		return "", "", err
	}
	defer resp.Close()
	text, err := resp.Text(ctx)
	return resp.Proto, text, err
}

var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %d ", r.Proto, r.Method, r.ContentLength)
	w.Write(body)
})

// A server that offers HTTP/3 is reached over it from the second request on, also for
// uploads, and until it takes the offer back.
func TestServersThatOfferHTTP3AreReachedOverIt(t *testing.T) {
	server := serve(t, echo, `h3=":PORT"; ma=60`)
	onLoop(t, http3.NewConnector(http3.WithTLSConfig(server.tls)), func(ctx context.Context, s *aiohttp.ClientSession) error {
		for _, want := range []string{"HTTP/2.0", "HTTP/3.0", "HTTP/3.0"} {
			proto, text, err := fetch(ctx, s, server.URL)
			if err != nil || proto != want || !strings.HasPrefix(text, want) {
				t.Errorf("got %s, %q and %v, want %s", proto, text, err, want)
			}
		}
		big := bytes.Repeat([]byte("0123456789"), 300_000)
		for _, body := range []any{"small", big, bytes.NewReader(big), io.MultiReader(bytes.NewReader(big))} {
			resp, err := s.Post(ctx, server.URL, aiohttp.WithData(body))
			if err != nil {
				return err
			}
			got, err := resp.Read(ctx)
			if resp.Proto != "HTTP/3.0" || err != nil || !bytes.HasSuffix(got, []byte("89")) && !bytes.HasSuffix(got, []byte("small")) {
				t.Errorf("%T: got %d bytes over %s and %v", body, len(got), resp.Proto, err)
			}
		}
		return nil
	})
}

func TestKnownOriginsAreReachedOverHTTP3AtOnce(t *testing.T) {
	server := serve(t, echo, "")
	c := http3.NewConnector(http3.WithTLSConfig(server.tls), http3.WithOrigins(server.origin()))
	onLoop(t, c, func(ctx context.Context, s *aiohttp.ClientSession) error {
		var tasks []*asyncio.Task[string]
		for range 50 {
			tasks = append(tasks, asyncio.CreateTask(ctx, func(ctx context.Context) (string, error) {
				proto, _, err := fetch(ctx, s, server.URL)
				return proto, err
			}))
		}
		protos, err := asyncio.Gather(ctx, tasks...).Await(ctx)
		for _, proto := range protos {
			if proto != "HTTP/3.0" {
				t.Errorf("got %s", proto)
			}
		}
		return err
	})
}

// Where QUIC leads nowhere, requests go over TCP, with their bodies, and it is not tried
// again for a while.
func TestRequestsFallBackToTCP(t *testing.T) {
	server := serve(t, echo, `h3=":1"; ma=60`) // nobody is there
	c := http3.NewConnector(http3.WithTLSConfig(server.tls), http3.WithHandshakeTimeout(200*time.Millisecond))
	onLoop(t, c, func(ctx context.Context, s *aiohttp.ClientSession) error {
		for range 3 {
			resp, err := s.Post(ctx, server.URL, aiohttp.WithData(bytes.NewReader(make([]byte, 100_000))))
			if err != nil {
				return err
			}
			if got, err := resp.Text(ctx); err != nil || !strings.HasPrefix(got, "HTTP/2.0 POST 100000") {
				t.Errorf("got %.40q and %v", got, err)
			}
		}
		return nil
	})
}

// Requests that pin a certificate, or want another protocol, stay on TCP.
func TestRequestsWithDemandsStayOnTCP(t *testing.T) {
	server := serve(t, echo, "")
	c := http3.NewConnector(http3.WithTLSConfig(server.tls), http3.WithOrigins(server.origin()))
	onLoop(t, c, func(ctx context.Context, s *aiohttp.ClientSession) error {
		proto, _, err := fetch(ctx, s, server.URL, aiohttp.WithInsecureSkipVerify())
		if proto != "HTTP/2.0" {
			t.Errorf("own TLS options: got %s", proto)
		}
		return err
	})
}

// Cancellation, time limits and the end of the session reach requests over HTTP/3.
func TestRequestsOverHTTP3End(t *testing.T) {
	var ended atomic.Int64
	gone := make(chan struct{}, 10)
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		ended.Add(1)
		gone <- struct{}{}
	}), "")
	c := http3.NewConnector(http3.WithTLSConfig(server.tls), http3.WithOrigins(server.origin()))
	onLoop(t, c, func(ctx context.Context, s *aiohttp.ClientSession) error {
		resp, err := s.Get(ctx, server.URL, aiohttp.WithTimeout(aiohttp.ClientTimeout{ReadIdle: 50 * time.Millisecond}))
		if err != nil {
			return err
		}
		if _, err := resp.Read(ctx); !errors.Is(err, aiohttp.ErrReadIdleTimeout) {
			t.Errorf("got %v, want the idle timeout", err)
		}
		if _, _, err := asyncio.Recv(ctx, gone); err != nil {
			return err
		}
		resp, err = s.Get(ctx, server.URL)
		if err != nil {
			return err
		}
		c.Close()
		if _, err := resp.Read(ctx); !errors.Is(err, aiohttp.ErrClient) {
			t.Errorf("after Close: got %v", err)
		}
		_, err = s.Get(ctx, server.URL)
		if !errors.Is(err, aiohttp.ErrSessionClosed) {
			t.Errorf("after Close: got %v, want ErrSessionClosed", err)
		}
		return nil
	})
}
