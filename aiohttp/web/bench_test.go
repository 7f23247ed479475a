package web

import (
	"context"
	"net"
	"testing"

	"github.com/aio-go/aio/asyncio"
)

// sink is a transport that swallows everything.
type sink struct{}

func (sink) Write([]byte)         {}
func (sink) WriteEOF()            {}
func (sink) Close()               {}
func (sink) Abort()               {}
func (sink) PauseReading()        {}
func (sink) ResumeReading()       {}
func (sink) LocalAddr() net.Addr  { return nil }
func (sink) RemoteAddr() net.Addr { return nil }

// BenchmarkRequest measures everything above the socket: decoding, routing, the handler's task, the response.
func BenchmarkRequest(b *testing.B) {
	app := appWith(
		Get("/text", func(context.Context, *Request) (AnyResponse, error) { return Text("Hello World!"), nil }),
		Get("/user/{name}", func(_ context.Context, req *Request) (AnyResponse, error) {
			return JSONResponse(map[string]string{"name": req.MatchInfo().Get("name")}), nil
		}),
		Post("/echo", echo),
	)
	app.freeze()
	browser := "Host: localhost:8080\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0)\r\nAccept: text/html,*/*;q=0.8\r\n" +
		"Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\nCookie: session=0123456789abcdef\r\nConnection: keep-alive\r\n"
	for _, c := range []struct{ name, in string }{
		{"text", "GET /text HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"},
		{"browser", "GET /text HTTP/1.1\r\n" + browser + "\r\n"},
		{"json", "GET /user/anna HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"},
		{"post", "POST /echo HTTP/1.1\r\nHost: localhost:8080\r\nContent-Length: 11\r\n\r\nhello world"},
		{"missing", "GET /none HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"},
	} {
		b.Run("request="+c.name, func(b *testing.B) {
			in := []byte(c.in)
			_, err := asyncio.Run(b.Context(), func(ctx context.Context) (struct{}, error) {
				s := newServer(ctx, app, defaultServerOptions())
				conn := s.newConn()
				conn.connected(sink{})
				b.ReportAllocs()
				for b.Loop() {
					conn.DataReceived(in)
				}
				conn.ConnectionLost(nil)
				return struct{}{}, nil
			}, asyncio.WithoutSignals())
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}
