package aiohttp_test

// WebSockets through proxies and TLS: the way to the server is that of any request, but for
// proxies being asked for a tunnel always.

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/internal/wsproto"
)

// wsGreeter is a server on net/http that greets, and says nothing else.
func wsGreeter(t *testing.T, encrypted bool) *httptest.Server {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(time.Minute))
		greeting := wsproto.AppendFrame(nil, wsproto.Text, false, []byte("hello "+r.Host), false, 0)
		bye := wsproto.AppendFrame(nil, wsproto.Close, false, wsproto.AppendClosePayload(nil, 1000, ""), false, 0)
		io.WriteString(c, upgrade(r.Header.Get("Sec-WebSocket-Key"))+string(greeting)+string(bye))
		io.Copy(io.Discard, c)
	}))
	if encrypted {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

func TestWSConnectThroughProxiesAndTLS(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		for _, via := range []string{"", "http", "https"} {
			t.Run(fmt.Sprintf("TLS=%t proxy=%s", encrypted, via), func(t *testing.T) {
				server := wsGreeter(t, encrypted)
				proxy := newHTTPProxy(t, via == "https")
				onLoop(t, func(ctx context.Context) error {
					s := aiohttp.NewClientSession(aiohttp.WithTLSConfig(trusting(server, proxy.Server)))
					defer s.Close()
					_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "https://"), ":")
					host := "example.com:" + port[strings.LastIndex(port, ":")+1:]
					url, opts := "ws://"+host, []aiohttp.RequestOption{aiohttp.WithProxy(proxy.URL)}
					if encrypted {
						url = "wss://" + host
					}
					if via == "" {
						host = strings.TrimPrefix(strings.TrimPrefix(server.URL, "http://"), "https://")
						url, opts = strings.Replace(server.URL, "http", "ws", 1), nil
					}
					ws, err := s.WSConnect(ctx, url, opts...)
					if err != nil {
						return err
					}
					wantReceive(ctx, t, ws.WebSocket, aiohttp.WSMsgText, "hello "+host)
					if has := ws.GetExtraInfo("ssl_object") != nil; has != encrypted && via != "https" {
						t.Errorf("TLS state: %t", has)
					}
					wantReceive(ctx, t, ws.WebSocket, aiohttp.WSMsgClose, "")
					return nil
				})
				if got := proxy.lines(); via != "" && !strings.HasPrefix(got, "CONNECT example.com:") || via == "" && got != "" {
					t.Errorf("the proxy saw %q", got)
				}
			})
		}
	}
}
