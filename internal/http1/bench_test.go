package http1_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aio-go/aio/internal/http1"
)

const nginxHead = "HTTP/1.1 200 OK\r\n" +
	"Server: nginx/1.22.1\r\n" +
	"Date: Mon, 02 Nov 2026 10:00:00 GMT\r\n" +
	"Content-Type: application/octet-stream\r\n" +
	"Content-Length: 100\r\n" +
	"Last-Modified: Sun, 01 Nov 2026 09:30:00 GMT\r\n" +
	"Connection: keep-alive\r\n" +
	"ETag: \"6725f0a8-64\"\r\n" +
	"Accept-Ranges: bytes\r\n\r\n"

const browserHead = "GET /api/v1/items?page=3&sort=name HTTP/1.1\r\n" +
	"Host: www.example.com\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n" +
	"Accept-Language: en-US,en;q=0.5\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
	"Connection: keep-alive\r\n" +
	"Cookie: session=0123456789abcdef0123456789abcdef\r\n\r\n"

// drain decodes one message.
func drain(b *testing.B, d *http1.Decoder, in []byte) {
	for {
		ev, n, err := d.Next(in)
		if err != nil || ev.Kind == http1.NeedMore {
			b.Fatal(ev.Kind, err)
		}
		in = in[n:]
		if ev.Kind == http1.EventEnd {
			return
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	body := strings.Repeat("x", 100)
	inputs := []struct {
		name, in string
		response bool
	}{
		{"response/headers=8/body=100", nginxHead + body, true},
		{"response/headers=2/body=100", "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 100\r\n\r\n" + body, true},
		{"request/headers=7", browserHead, false},
		{"request/headers=1", "GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n", false},
	}
	for _, input := range inputs {
		in := []byte(input.in)
		other := []byte(strings.NewReplacer("OK", "Ok", "GET", "PUT").Replace(input.in))
		for _, second := range [][]byte{in, other} {
			same := bytes.Equal(in, second)
			b.Run(fmt.Sprintf("input=%s/codec=http1/repeated=%t", input.name, same), func(b *testing.B) {
				d := http1.NewRequestDecoder(http1.Limits{})
				if input.response {
					d = http1.NewResponseDecoder(http1.Limits{}, false)
				}
				b.ReportAllocs()
				b.SetBytes(int64(len(in)))
				for now, next := in, second; b.Loop(); now, next = next, now {
					drain(b, d, now)
				}
			})
		}
		b.Run("input="+input.name+"/codec=net-http", func(b *testing.B) {
			src := bytes.NewReader(in)
			r := bufio.NewReader(src)
			b.ReportAllocs()
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				src.Reset(in)
				r.Reset(src)
				var err error
				if input.response {
					_, err = http.ReadResponse(r, nil)
				} else {
					_, err = http.ReadRequest(r)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeChunked(b *testing.B) {
	for _, size := range []int{1, 64, 4096, 65536} {
		chunks := max(1, 1<<16/size)
		in := []byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for range chunks {
			in = http1.AppendChunk(in, make([]byte, size))
		}
		in = append(in, "0\r\n\r\n"...)
		b.Run(fmt.Sprintf("chunk=%d", size), func(b *testing.B) {
			d := http1.NewResponseDecoder(http1.Limits{}, false)
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				drain(b, d, in)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(chunks), "ns/chunk")
		})
	}
}

func BenchmarkEncodeRequest(b *testing.B) {
	h := http1.Header{"Accept": {"*/*"}, "Accept-Encoding": {"gzip, deflate, br, zstd"}, "User-Agent": {"aio/1.0"}, "Cookie": {"session=0123456789abcdef"}}
	order := []string{"Accept", "Accept-Encoding", "User-Agent", "Cookie"}
	encode := func(order []string) func(*testing.B) {
		return func(b *testing.B) {
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if buf, err = http1.AppendRequestHead(buf[:0], "GET", "/api/v1/items?page=3", "www.example.com", h, order); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("headers=5/order=given/codec=http1", encode(order))
	b.Run("headers=5/order=sorted/codec=http1", encode(nil))
	b.Run("headers=5/codec=net-http", func(b *testing.B) {
		req, err := http.NewRequest("GET", "http://www.example.com/api/v1/items?page=3", nil)
		if err != nil {
			b.Fatal(err)
		}
		req.Header = h
		var buf bytes.Buffer
		b.ReportAllocs()
		for b.Loop() {
			buf.Reset()
			if err := req.Write(&buf); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkEncodeResponse(b *testing.B) {
	h := http1.Header{"Content-Length": {"12"}, "Content-Type": {"text/plain; charset=utf-8"}, "Date": {"Mon, 02 Nov 2026 10:00:00 GMT"}, "Server": {"aio"}}
	b.Run("headers=4/codec=http1", func(b *testing.B) {
		var buf []byte
		b.ReportAllocs()
		for b.Loop() {
			var err error
			if buf, err = http1.AppendResponseHead(buf[:0], 1, 200, "", h); err != nil {
				b.Fatal(err)
			}
		}
	})
}
