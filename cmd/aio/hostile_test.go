package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// hostile is a raw TCP server: each path has its own way of misbehaving.
type hostile struct {
	url   string
	fails atomic.Int64 // requests for /flaky so far
	seen  chan *http.Request
}

// bodyOf is the content of /ok/n.
func bodyOf(n int) string { return strings.Repeat(fmt.Sprintf("body %d\n", n), 50) }

func newHostile(t *testing.T) *hostile {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hostile{url: "http://" + l.Addr().String(), seen: make(chan *http.Request, 1000)}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			go h.serve(c.(*net.TCPConn))
		}
	}()
	return h
}

// serve answers requests until an answer ends the connection.
func (h *hostile) serve(c *net.TCPConn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		io.Copy(io.Discard, req.Body)
		select {
		case h.seen <- req:
		default:
		}
		if !h.answer(c, req) {
			return
		}
	}
}

// plain are the paths with a fixed answer, after which the connection is closed.
var plain = map[string]string{
	"/close":           "",
	"/half-head":       "HTTP/1.1 200 OK\r\nContent-Le",
	"/truncated":       "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
	"/truncated-chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nshort",
	"/no-last-chunk":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
	"/bad-chunk":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nshort\r\n0\r\n\r\n",
	"/huge-chunk":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\nshort\r\n0\r\n\r\n",
	"/long-chunk":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntoo long\r\n0\r\n\r\n",
	"/not-http":        "SSH-2.0-OpenSSH_9.2\r\n",
	"/bad-status":      "HTTP/1.1 banana\r\n\r\n",
	"/two-lengths":     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nshort",
	"/bad-length":      "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nshort",
	"/long-header":     "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 100_000) + "\r\n\r\n",
	"/bad-gzip":        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nshort",
	"/to-ftp":          "HTTP/1.1 302 Found\r\nLocation: ftp://127.0.0.1/x\r\nContent-Length: 0\r\n\r\n",
	"/to-nowhere":      "HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
	"/evil-reason":     "HTTP/1.1 404 \x1b[31mgone\x07\r\nContent-Length: 0\r\n\r\n",
}

// answer reports whether the connection goes on.
func (h *hostile) answer(c *net.TCPConn, req *http.Request) bool {
	path := req.URL.Path
	if text, ok := plain[path]; ok {
		io.WriteString(c, text)
		return false
	}
	kind, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	n, _ := strconv.Atoi(rest)
	switch kind {
	case "ok":
		body := bodyOf(n)
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		return true
	case "dir": // the same base name in many places
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(path), path)
		return true
	case "size":
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", n)
		_, err := io.CopyN(c, repeating("0123456789abcdef"), int64(n))
		return err == nil
	case "status":
		fmt.Fprintf(c, "HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n", n)
		return true
	case "overlong":
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nshort, and then more\r\n\r\n")
		return false
	case "flaky":
		if h.fails.Add(1) <= int64(n) {
			io.WriteString(c, "HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n")
			return true
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		return true
	case "loop":
		io.WriteString(c, "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n")
		return true
	case "to": // a redirect to the rest of the path
		fmt.Fprintf(c, "HTTP/1.1 302 Found\r\nLocation: /%s\r\nContent-Length: 0\r\n\r\n", rest)
		return true
	case "reset":
		c.SetLinger(0)
		return false
	case "never", "half-then-never":
		if kind != "never" {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
		}
		io.Copy(io.Discard, c)
		return false
	case "endless-headers":
		io.WriteString(c, "HTTP/1.1 200 OK\r\n")
		_, err := io.Copy(c, repeating("X-More: and more\r\n"))
		return err == nil
	case "endless-body":
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		_, err := io.Copy(c, repeating("more "))
		return err == nil
	}
	io.WriteString(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
	return true
}

// repeating is text without end. What is read at once ends with the text, if there is room.
type repeating string

func (r repeating) Read(p []byte) (int, error) {
	return copy(p, bytes.Repeat([]byte(r), max(len(p)/len(r), 1))), nil
}

// refusedURL is an address where nobody listens.
func refusedURL(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String() + "/"
}
