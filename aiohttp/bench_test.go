package aiohttp_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// BenchmarkGet fetches bodies one after the other over one connection, beside
// net/http's client. The server runs in the same process, so that only differences
// and allocations mean something here; bench/ has the comparison that counts.
func BenchmarkGet(b *testing.B) {
	for _, size := range []int{100, 10 << 10, 1 << 20} {
		body := strings.Repeat("x", size)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(size))
			io.WriteString(w, body)
		}))
		b.Run(fmt.Sprintf("client=aio/size=%d", size), func(b *testing.B) {
			b.ReportAllocs()
			benchLoop(b, func(ctx context.Context, s *aiohttp.ClientSession) error {
				resp, err := s.Get(ctx, server.URL)
				if err != nil {
					return err
				}
				defer resp.Close()
				if got, err := resp.Read(ctx); err != nil || len(got) != size {
					return fmt.Errorf("got %d bytes and %w", len(got), err)
				}
				return nil
			})
		})
		b.Run(fmt.Sprintf("client=nethttp/size=%d", size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				resp, err := http.Get(server.URL)
				if err != nil {
					b.Fatal(err)
				}
				if got, err := io.ReadAll(resp.Body); err != nil || len(got) != size {
					b.Fatal(len(got), err)
				}
				resp.Body.Close()
			}
		})
		server.Close()
	}
}

// BenchmarkGetInMemory has neither sockets nor a server: what is left is ours.
func BenchmarkGetInMemory(b *testing.B) {
	b.ReportAllocs()
	const response = "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sun, 22 Nov 2026 17:00:00 GMT\r\nContent-Type: text/plain\r\n" +
		"Content-Length: 100\r\nLast-Modified: Sun, 22 Nov 2026 17:00:00 GMT\r\nConnection: keep-alive\r\nETag: \"692d-64\"\r\nAccept-Ranges: bytes\r\n\r\n"
	connector := aiohttp.NewMemoryConnector(func(context.Context, string) (aiohttp.Wire, error) {
		return &cannedWire{response: []byte(response + strings.Repeat("x", 100))}, nil
	})
	benchLoop(b, func(ctx context.Context, s *aiohttp.ClientSession) error {
		resp, err := s.Get(ctx, "http://127.0.0.1:8080/small")
		if err != nil {
			return err
		}
		defer resp.Close()
		_, err = resp.Read(ctx)
		return err
	}, aiohttp.WithConnector(connector))
}

func benchLoop(b *testing.B, f func(ctx context.Context, s *aiohttp.ClientSession) error, opts ...aiohttp.SessionOption) {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		s := aiohttp.NewClientSession(opts...)
		defer s.Close()
		for b.Loop() {
			if err := f(ctx, s); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, nil
	})
	if err != nil {
		b.Fatal(err)
	}
}
