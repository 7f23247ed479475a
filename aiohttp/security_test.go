package aiohttp_test

// The security history of aiohttp's client: each flaw by its number, and what this
// client does where that one went wrong. Others are told where their rule is tested:
// CVE-2026-34518 and CVE-2026-47265 in redirect_test.go, CVE-2026-34993 and
// CVE-2026-54279 in cookie_test.go, CVE-2026-34513 in dns_test.go, CVE-2026-54275 in
// socket_test.go, CVE-2026-54276 in middleware/digest_test.go. CVE-2023-49081 needs the
// version of HTTP to be an option; here it is none.

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/aio-go/aio/aiohttp"
)

// What the caller passes on from somebody else cannot split a request, nor send it
// elsewhere than it seems: it is refused before any I/O.
func TestSecurityHistoryOfRequests(t *testing.T) {
	header := func(name, value string) aiohttp.RequestOption {
		return aiohttp.WithHeaders(http.Header{name: {value}})
	}
	part := func(h http.Header) aiohttp.RequestOption {
		w := aiohttp.NewMultipartWriter("mixed")
		w.Append("text", h)
		return aiohttp.WithData(w)
	}
	cases := []struct {
		flaw, method, url string
		opts              []aiohttp.RequestOption
	}{
		{"CVE-2023-49082 line break", "GET / HTTP/1.1\r\nX: y\r\n\r\nGET", "http://h/", nil},
		{"CVE-2023-49082 blank", "GET /evil", "http://h/", nil},
		{"CVE-2023-49082 empty", "", "http://h/", nil},
		{"line break in a header", "GET", "http://h/", []aiohttp.RequestOption{header("X", "a\r\nY: b")}},
		{"line feed in a header", "GET", "http://h/", []aiohttp.RequestOption{header("X", "a\nY: b")}},
		{"line break in a header's name", "GET", "http://h/", []aiohttp.RequestOption{header("X: a\r\nY", "b")}},
		{"#12689 NUL in a header", "GET", "http://h/", []aiohttp.RequestOption{header("X", "a\x00b")}},
		{"line break in Host", "GET", "http://h/", []aiohttp.RequestOption{header("Host", "h\r\nX: y")}},
		{"line break in a cookie", "GET", "http://h/", []aiohttp.RequestOption{aiohttp.WithCookies(&http.Cookie{Name: "a", Value: "b\r\nX: y"})}},
		{"line break for the proxy", "GET", "http://h/", []aiohttp.RequestOption{
			aiohttp.WithProxy("http://127.0.0.1:1"), aiohttp.WithProxyHeaders(http.Header{"X": {"a\r\nY: b"}})}},
		{"CVE-2026-34514 media type of a part", "POST", "http://h/", []aiohttp.RequestOption{part(http.Header{"Content-Type": {"text/plain\r\nX: y"}})}},
		{"CVE-2026-50269 header of a part", "POST", "http://h/", []aiohttp.RequestOption{part(http.Header{"X-Part": {"a\r\n\r\nbody"}})}},
		{"CVE-2026-50269 name of a part's header", "POST", "http://h/", []aiohttp.RequestOption{part(http.Header{"X\r\nY": {"a"}})}},
		{"length and coding", "POST", "http://h/", []aiohttp.RequestOption{aiohttp.WithData("x"),
			aiohttp.WithHeaders(http.Header{"Content-Length": {"1"}, "Transfer-Encoding": {"chunked"}})}},
		{"CVE-2022-33124 no end", "GET", "http://[::1", nil},
		{"CVE-2022-33124 garbage", "GET", "http://[::1]x/", nil},
		{"CVE-2022-33124 too long", "GET", "http://[1:2:3:4:5:6:7:8:9]/", nil},
		{"CVE-2022-33124 not hexadecimal", "GET", "http://[::g]/", nil},
		{"CVE-2022-33124 brackets alone", "GET", "http://[]/", nil},
		{"#12827 decimal", "GET", "http://2130706433/", nil},
		{"#12827 octal", "GET", "http://0177.0.0.1/", nil},
		{"#12827 as a proxy", "GET", "http://h/", []aiohttp.RequestOption{aiohttp.WithProxy("http://0x7f.1:80")}},
		{"#12689 control in the user", "GET", "http://us%0aer:pw@h/", nil},
		{"#13180 two credentials", "GET", "http://user:pw@h/", []aiohttp.RequestOption{header("authorization", "Bearer x")}},
	}
	for _, tt := range cases {
		t.Run(tt.flaw, func(t *testing.T) {
			run(t, answers(hello), func(ctx context.Context, w *world) error {
				resp, err := w.session.Request(ctx, tt.method, tt.url, tt.opts...)
				if resp != nil || !errors.Is(err, aiohttp.ErrClient) || len(w.wires) > 0 {
					t.Errorf("got %v and %v over %d connections, want it refused", resp, err, len(w.wires))
				}
				return nil
			})
		})
	}
}

// A URL with a line break is not split: the bytes are escaped.
func TestURLCannotSplitTheRequest(t *testing.T) {
	var seen []exchange
	run(t, hops(&seen, hello), func(ctx context.Context, w *world) error {
		_, _, err := w.get(ctx, "http://h/a\r\nX: y?b\n\x00")
		return err
	})
	if got, _, _ := strings.Cut(seen[0].head, "\r\n"); got != "GET /a%0D%0AX:%20y?b%0A%00 HTTP/1.1" {
		t.Errorf("got %q", got)
	}
}

// What a server sends cannot smuggle a second answer, exhaust memory or stay in the
// pool: each of these is an error or the body it ought to be, and the next request gets its own
// answer.
func TestSecurityHistoryOfResponses(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	const chunked = ok + "Transfer-Encoding: chunked\r\n\r\n"
	var members, bomb bytes.Buffer
	z := gzip.NewWriter(&members)
	for range 20_000 {
		z.Close()
		z.Reset(&members)
	}
	z.Reset(&bomb)
	z.Write(make([]byte, 8<<20))
	z.Close()
	packed := func(b *bytes.Buffer) string {
		return ok + "Content-Encoding: gzip\r\nConnection: close\r\n\r\n" + b.String()
	}
	cases := []struct {
		flaw, response string
		body           string // when there is no error
		fails          bool
	}{
		{"CVE-2023-37276", ok + "X-Abc: \rxTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello", "", true},
		{"CVE-2023-47627 sign", ok + "Content-Length: +5\r\n\r\nhello", "", true},
		{"CVE-2023-47627 underscore", ok + "Content-Length: 0_5\r\n\r\nhello", "", true},
		{"CVE-2023-47627 sign of a chunk", chunked + "+5\r\nhello\r\n0\r\n\r\n", "", true},
		{"CVE-2023-47627 blank before the colon", ok + "Content-Length : 5\r\n\r\nhello", "", true},
		{"CVE-2023-47641", ok + "Transfer-Encoding: xchunked\r\nContent-Length: 3\r\n\r\nhello", "hello", false},
		{"CVE-2024-23829 separator", "HTTP/1.1\t200 OK\r\nContent-Length: 0\r\n\r\n", "", true},
		{"CVE-2024-23829 version", "HTTP/1.1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", true},
		{"CVE-2024-52304", chunked + "2;\nxx\r\n4c\r\n0\r\n\r\n" + hello, "", true},
		{"CVE-2025-53643", chunked + "5\r\nhello\r\n0\r\nTest: trailer\r\nSecond: x\r\n\r\n", "hello", false},
		{"CVE-2025-53643 smuggled", chunked + "0\r\nHTTP/1.1 200 OK\r\n\r\n" + hello, "", true},
		{"CVE-2025-69224 digits", ok + "Content-Length: ５\r\n\r\nhello", "", true},
		{"CVE-2025-69224 letters", ok + "Transfer-Encoding: chun\u212aed\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", false},
		{"CVE-2025-69224 status", "HTTP/1.1 20𝟙 OK\r\nContent-Length: 0\r\n\r\n", "", true},
		{"CVE-2026-34520", ok + "X: a\x00b\r\nContent-Length: 0\r\n\r\n", "", true},
		{"CVE-2026-22815 headers", ok + strings.Repeat("X: y\r\n", 129) + "Content-Length: 0\r\n\r\n", "", true},
		{"CVE-2026-22815 trailers", chunked + "0\r\n" + strings.Repeat("X: y\r\n", 129) + "\r\n", "", true},
		{"CVE-2026-54277", "HTTP/1.1 200 " + strings.Repeat("x", 16_000) + "\r\nContent-Length: 0\r\n\r\n", "", true},
		{"CVE-2025-69229", chunked + strings.Repeat("1\r\nx\r\n", 20_000) + "0\r\n\r\n", strings.Repeat("x", 20_000), false},
		{"CVE-2025-69223", packed(&bomb), "", true},
		{"#13362", packed(&members), "", true},
		{"GHSA-pjjw-qhg8-p2p9", ok + "Content-Length: 5, 6\r\n\r\nhello!", "", true},
		{"unsolicited answer", ok + "Content-Length: 5\r\n\r\nhello" + ok + "Content-Length: 4\r\n\r\nevil", "hello", false},
	}
	for _, tt := range cases {
		for _, step := range []int{len(tt.response), 8000} {
			t.Run(tt.flaw, func(t *testing.T) {
				script := func(ctx context.Context, p *peer) error {
					if p.id > 0 {
						return answers(hello)(ctx, p)
					}
					return pieces(tt.response, step)(ctx, p)
				}
				run(t, script, func(ctx context.Context, w *world) error {
					_, body, err := w.get(ctx, "http://h/", aiohttp.WithMaxBody(1<<20))
					if (err != nil) != tt.fails || err == nil && body != tt.body || err != nil && !errors.Is(err, aiohttp.ErrClient) {
						t.Errorf("got %.40q and %v", body, err)
					}
					if got := w.session.Stats().Connector.InUse; got != 0 {
						t.Errorf("%d connections are still in use", got)
					}
					if _, body, err := w.get(ctx, "http://h/next"); body != "hello" || err != nil {
						t.Errorf("the next request got %.40q and %v", body, err)
					}
					return nil
				})
			})
		}
	}
}

// CVE-2025-69230: a server cannot fill the log with cookies that are none.
func TestBadCookiesAreNotLogged(t *testing.T) {
	log := captureLog(t, slog.LevelDebug)
	run(t, answers("HTTP/1.1 200 OK\r\n"+strings.Repeat("Set-Cookie: =bad\x01; Expires=never\r\n", 100)+"Content-Length: 5\r\n\r\nhello"), func(ctx context.Context, w *world) error {
		for range 10 {
			if _, _, err := w.get(ctx, "http://h/"); err != nil {
				return err
			}
		}
		return nil
	})
	if got := log.String(); len(got) > 0 {
		t.Errorf("got %d bytes of log: %.200s", len(got), got)
	}
}

// CVE-2026-54280, C43: a body is closed however its request ends, also in the middle.
func TestBodyIsClosedWhenTheConnectionBreaks(t *testing.T) {
	for name, end := range map[string]func(p *peer){"hang up": (*peer).hangUp, "reset": (*peer).reset} {
		t.Run(name, func(t *testing.T) {
			run(t, func(ctx context.Context, p *peer) error {
				if _, err := p.readHead(ctx); err != nil {
					return err
				}
				p.readN(ctx, 1000)
				end(p)
				return nil
			}, func(ctx context.Context, w *world) error {
				w.room = 4096
				body := &closingReader{Reader: strings.NewReader(strings.Repeat("x", 1<<20))}
				_, err := w.session.Post(ctx, "http://h/", aiohttp.WithData(body))
				if !errors.Is(err, aiohttp.ErrClientConnection) || body.closed != 1 {
					t.Errorf("got %v, and the body closed %d times", err, body.closed)
				}
				if got := w.session.Stats().Connector; got.InUse+got.Idle != 0 {
					t.Errorf("left %+v", got)
				}
				return nil
			})
		})
	}
}
