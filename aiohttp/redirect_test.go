package aiohttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aio-go/aio/aiohttp"
)

// exchange is one request as the server saw it.
type exchange struct{ head, body string }

// hops answers the first requests with the given responses, later ones with the
// last of them, and records what came. Heads end without their empty line.
func hops(seen *[]exchange, responses ...string) script {
	return func(ctx context.Context, p *peer) error {
		for {
			head, err := p.readHead(ctx)
			if err != nil {
				return err
			}
			var body string
			switch {
			case strings.Contains(head, "Transfer-Encoding: chunked"):
				body, err = p.readChunked(ctx)
			case strings.Contains(head, "Content-Length: "):
				_, after, _ := strings.Cut(head, "Content-Length: ")
				var n int
				fmt.Sscanf(after, "%d", &n)
				body, err = p.readN(ctx, n)
			}
			if err != nil {
				return err
			}
			*seen = append(*seen, exchange{head, body})
			if err := p.send(ctx, responses[min(len(*seen), len(responses))-1]); err != nil {
				return err
			}
		}
	}
}

func to(status int, location string) string {
	return fmt.Sprintf("HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 4\r\n\r\nmove", status, location)
}

func line(head, name string) string {
	for l := range strings.SplitSeq(head, "\r\n") {
		if n, v, ok := strings.Cut(l, ": "); ok && strings.EqualFold(n, name) {
			return v
		}
	}
	return ""
}

func requestLine(head string) string { l, _, _ := strings.Cut(head, "\r\n"); return l }

// C11, C13: which method and body go on, for every status and method.
func TestRedirectMethodAndBody(t *testing.T) {
	cases := []struct {
		method string
		status int
		want   string
		body   bool
	}{
		{"POST", 301, "GET", false}, {"POST", 302, "GET", false}, {"POST", 303, "GET", false}, {"POST", 307, "POST", true}, {"POST", 308, "POST", true},
		{"PUT", 301, "PUT", true}, {"PUT", 302, "PUT", true}, {"PUT", 303, "GET", false}, {"PUT", 307, "PUT", true}, {"PUT", 308, "PUT", true},
		{"DELETE", 302, "DELETE", true}, {"PATCH", 301, "PATCH", true}, {"GET", 302, "GET", false}, {"GET", 303, "GET", false},
	}
	for _, c := range cases {
		var seen []exchange
		run(t, hops(&seen, to(c.status, "/next"), hello), func(ctx context.Context, w *world) error {
			opts := []aiohttp.RequestOption{}
			if c.method != "GET" {
				opts = append(opts, aiohttp.WithData("data"), aiohttp.WithHeaders(http.Header{"Content-Length": {"4"}}))
			}
			resp, err := w.session.Request(ctx, c.method, "http://h/first", opts...)
			if err != nil {
				return err
			}
			defer resp.Close()
			if len(resp.History) != 1 || resp.History[0].Status != c.status || resp.URL.String() != "http://h/next" {
				t.Errorf("%s %d: got history %d and URL %s", c.method, c.status, len(resp.History), resp.URL)
			}
			return nil
		})
		if len(seen) != 2 {
			t.Fatalf("%s %d: got %d requests, want 2", c.method, c.status, len(seen))
		}
		second := seen[1]
		if got := requestLine(second.head); got != c.want+" /next HTTP/1.1" {
			t.Errorf("%s %d: got %q, want %s", c.method, c.status, got, c.want)
		}
		if got := second.body == "data"; got != c.body {
			t.Errorf("%s %d: got body %q, want one: %v", c.method, c.status, second.body, c.body)
		}
		if c.want == "GET" && (line(second.head, "Content-Length") != "" || line(second.head, "Content-Type") != "") {
			t.Errorf("%s %d: headers of the dropped body were sent: %q", c.method, c.status, second.head)
		}
	}
}

func TestHeadStaysHead(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		var seen []exchange
		headTo := strings.TrimSuffix(to(status, "/next"), "move")
		run(t, hops(&seen, headTo, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), func(ctx context.Context, w *world) error {
			resp, err := w.session.Head(ctx, "http://h/")
			if err != nil || resp.Status != status {
				t.Errorf("%d: got %v and %v, want the redirect itself", status, resp, err)
			}
			resp, err = w.session.Head(ctx, "http://h/", aiohttp.WithAllowRedirects(true))
			if err != nil {
				return err
			}
			return resp.Close()
		})
		if last := seen[len(seen)-1]; !strings.HasPrefix(last.head, "HEAD ") {
			t.Errorf("%d: got %q, want a HEAD", status, requestLine(last.head))
		}
	}
}

// C10: parameters and fragment of the first URL end with it.
func TestRedirectDropsParams(t *testing.T) {
	var seen []exchange
	run(t, hops(&seen, to(302, "/next#there"), hello), func(ctx context.Context, w *world) error {
		resp, _, err := w.get(ctx, "http://h/a?x=1#frag", aiohttp.WithParams(url.Values{"y": {"2"}}))
		if err == nil && resp.URL.String() != "http://h/next" {
			t.Errorf("got URL %s", resp.URL)
		}
		return err
	})
	if requestLine(seen[0].head) != "GET /a?x=1&y=2 HTTP/1.1" || requestLine(seen[1].head) != "GET /next HTTP/1.1" {
		t.Errorf("got %q then %q", requestLine(seen[0].head), requestLine(seen[1].head))
	}
}

// C14
func TestTooManyRedirects(t *testing.T) {
	var seen []exchange
	run(t, hops(&seen, to(302, "/next")), func(ctx context.Context, w *world) error {
		_, _, err := w.get(ctx, "http://h/first", aiohttp.WithMaxRedirects(2))
		var many *aiohttp.TooManyRedirects
		if !errors.As(err, &many) {
			t.Fatalf("got %v, want TooManyRedirects", err)
		}
		if want := "302, too many redirects: 2 in a row"; !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got %q, want %q at its end", err, want)
		}
		if len(many.History) != 2 || many.RequestInfo.URL.String() != "http://h/first" || many.Status != 302 {
			t.Errorf("got history %d, first %s, status %d", len(many.History), many.RequestInfo.URL, many.Status)
		}
		var response *aiohttp.ClientResponseError
		if !errors.As(err, &response) || response.Status != 302 {
			t.Errorf("a TooManyRedirects is no ClientResponseError: %v", err)
		}
		return nil
	})
}

// C15
func TestRedirectWithoutLocationIsTheResponse(t *testing.T) {
	run(t, answers("HTTP/1.1 301 Moved\r\nContent-Length: 4\r\n\r\nbody"), func(ctx context.Context, w *world) error {
		resp, body, err := w.get(ctx, "http://h/")
		if err != nil || resp.Status != 301 || body != "body" || len(resp.History) != 0 {
			t.Errorf("got %v, %q, %v", resp, body, err)
		}
		return nil
	})
}

func TestRedirectByURIHeader(t *testing.T) {
	var seen []exchange
	run(t, hops(&seen, "HTTP/1.1 302 Found\r\nURI: /old\r\nContent-Length: 0\r\n\r\n", hello), func(ctx context.Context, w *world) error {
		_, body, err := w.get(ctx, "http://h/")
		if body != "hello" {
			t.Errorf("got %q", body)
		}
		return err
	})
}

// C16: what cannot be followed is an error, and the request body is closed.
func TestUnusableLocations(t *testing.T) {
	cases := map[string]error{
		"call:+380123456789": aiohttp.ErrNonHTTPURL, "skype:handle": aiohttp.ErrNonHTTPURL, "slack://instance/room": aiohttp.ErrNonHTTPURL,
		"steam:code": aiohttp.ErrNonHTTPURL, "twitter://handle": aiohttp.ErrNonHTTPURL, "bluesky://profile/d:i:d": aiohttp.ErrNonHTTPURL,
		"http://:/": aiohttp.ErrInvalidURL, "http://host:non_int_port/": aiohttp.ErrInvalidURL, "http:/": aiohttp.ErrInvalidURL,
		"http:/example.com": aiohttp.ErrInvalidURL, "http:///x": aiohttp.ErrInvalidURL, "http://127.1/": aiohttp.ErrInvalidURL,
	}
	for location, want := range cases {
		run(t, answers(to(302, location)), func(ctx context.Context, w *world) error {
			body := &closeable{Reader: strings.NewReader("data")}
			_, err := w.session.Post(ctx, "http://h/", aiohttp.WithData(body))
			if !errors.Is(err, want) || !errors.Is(err, aiohttp.ErrRedirectClient) {
				t.Errorf("%s: got %v, want %v", location, err, want)
			}
			if !body.closed {
				t.Errorf("%s: the request body was not closed", location)
			}
			if got := w.session.Stats().Connector.InUse; got != 0 {
				t.Errorf("%s: %d connections are still in use", location, got)
			}
			return nil
		})
	}
}

type closeable struct {
	io.Reader
	closed bool
}

func (c *closeable) Close() error { c.closed = true; return nil }

// C20, CVE-2026-34518, CVE-2026-47265: nothing that authenticates the caller crosses an origin, in any spelling, from
// any source; nothing of it comes back when a later hop returns.
func TestCredentialsStayWithTheirOrigin(t *testing.T) {
	secret := http.Header{
		"Authorization": {"s3cret", "s3cret again"}, "cookie": {"a=s3cret"}, "PROXY-AUTHORIZATION": {"s3cret"}, "X-Api-Key": {"s3cret"}, "X-Plain": {"plain"},
	}
	for _, location := range []string{"http://other/", "http://h:8080/", "http://sub.h/", "//other/"} {
		for _, fromSession := range []bool{false, true} {
			var seen []exchange
			opts := []aiohttp.SessionOption{aiohttp.WithSensitiveHeaders("x-api-key")}
			var ropts []aiohttp.RequestOption
			if fromSession {
				opts = append(opts, aiohttp.WithHeaders(secret))
			} else {
				ropts = append(ropts, aiohttp.WithHeaders(secret), aiohttp.WithCookies(&http.Cookie{Name: "c", Value: "s3cret"}))
			}
			run(t, hops(&seen, to(307, location), to(307, "http://h/back"), hello), func(ctx context.Context, w *world) error {
				_, _, err := w.get(ctx, "http://h/", ropts...)
				return err
			}, opts...)
			if len(seen) != 3 || !strings.Contains(seen[0].head, "s3cret") {
				t.Fatalf("%s: got %d requests, want 3 and the secret in the first", location, len(seen))
			}
			for _, hop := range seen[1:] {
				if strings.Contains(hop.head, "s3cret") || line(hop.head, "X-Plain") != "plain" {
					t.Errorf("%s, session %v: got %q", location, fromSession, hop.head)
				}
			}
		}
	}
}

// Within the origin they stay, also those that came in the URL.
func TestCredentialsStayWithinTheOrigin(t *testing.T) {
	var seen []exchange
	run(t, hops(&seen, to(302, "/next"), hello), func(ctx context.Context, w *world) error {
		_, _, err := w.get(ctx, "http://user:pass@h/")
		return err
	})
	if want := line(seen[0].head, "Authorization"); want == "" || line(seen[1].head, "Authorization") != want {
		t.Errorf("got %q then %q", line(seen[0].head, "Authorization"), line(seen[1].head, "Authorization"))
	}
}

// C19
func TestCredentialsInLocationOverride(t *testing.T) {
	for _, location := range []string{"http://new:pw@h/", "http://new:pw@other/"} {
		var seen []exchange
		run(t, hops(&seen, to(302, location), hello), func(ctx context.Context, w *world) error {
			_, _, err := w.get(ctx, "http://h/", aiohttp.WithHeaders(http.Header{"Authorization": {"old"}}))
			return err
		})
		if got := line(seen[1].head, "Authorization"); got != "Basic bmV3OnB3" || strings.Count(seen[1].head, "Authorization") != 1 {
			t.Errorf("%s: got %q", location, seen[1].head)
		}
	}
}

// C21
func TestConsumedStreamCannotBeRedirected(t *testing.T) {
	for _, c := range []struct {
		method string
		status int
	}{{"POST", 307}, {"POST", 308}, {"PUT", 301}, {"PUT", 302}} {
		var seen []exchange
		run(t, hops(&seen, to(c.status, "/next"), hello), func(ctx context.Context, w *world) error {
			var body iter.Seq2[[]byte, error] = func(yield func([]byte, error) bool) { _ = yield([]byte("once"), nil) }
			_, err := w.session.Request(ctx, c.method, "http://h/", aiohttp.WithData(body))
			var payload *aiohttp.ClientPayloadError
			if !errors.As(err, &payload) || !errors.Is(err, aiohttp.ErrBodyConsumed) {
				t.Errorf("%s %d: got %v, want ErrBodyConsumed", c.method, c.status, err)
			}
			return nil
		})
		if len(seen) != 1 {
			t.Errorf("%s %d: got %d requests, want 1", c.method, c.status, len(seen))
		}
	}
}

// C22
func TestFileIsSentAgainFromItsStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	content := strings.Repeat("0123456789", 20_000)
	if err := os.WriteFile(path, []byte("skip"+content), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method string
		status int
	}{{"POST", 307}, {"POST", 308}, {"PUT", 301}, {"PUT", 302}} {
		var seen []exchange
		run(t, hops(&seen, to(c.status, "/next"), hello), func(ctx context.Context, w *world) error {
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			f.Seek(4, io.SeekStart)
			resp, err := w.session.Request(ctx, c.method, "http://h/", aiohttp.WithData(f))
			if err != nil {
				return err
			}
			if f.Close() == nil {
				t.Error("the file was left open")
			}
			return resp.Close()
		})
		if len(seen) != 2 || seen[0].body != content || seen[1].body != content {
			t.Errorf("%s %d: got %d requests, bodies not all complete", c.method, c.status, len(seen))
		}
	}
}

// A redirect's small body is read so that the connection survives; a large one is not.
func TestRedirectKeepsTheConnectionIfItsBodyIsSmall(t *testing.T) {
	large := "HTTP/1.1 302 Found\r\nLocation: /n\r\nContent-Length: 9000000\r\n\r\nx"
	for _, c := range []struct {
		response string
		conns    int
	}{{to(302, "/n"), 1}, {large, 2}} {
		var seen []exchange
		run(t, hops(&seen, c.response, hello), func(ctx context.Context, w *world) error {
			_, _, err := w.get(ctx, "http://h/")
			if len(w.wires) != c.conns {
				t.Errorf("got %d connections, want %d", len(w.wires), c.conns)
			}
			return err
		})
	}
}

// A Host header of the caller's is sent, but only to the origin it was meant for.
func TestOwnHostHeader(t *testing.T) {
	var seen []exchange
	run(t, hops(&seen, to(302, "/same"), to(302, "http://other/"), hello), func(ctx context.Context, w *world) error {
		_, _, err := w.get(ctx, "http://127.0.0.1/", aiohttp.WithHeaders(http.Header{"host": {"virtual.example"}}))
		return err
	})
	for i, want := range []string{"virtual.example", "virtual.example", "other"} {
		if got := line(seen[i].head, "Host"); got != want || strings.Count(strings.ToLower(seen[i].head), "host:") != 1 {
			t.Errorf("request %d: got %q, want host %q", i, seen[i].head, want)
		}
	}
}

func TestRelativeURLsJoinTheBase(t *testing.T) {
	for ref, want := range map[string]string{
		"x": "GET /api/x", "x?q=1": "GET /api/x?q=1", "/x": "GET /x", "../x": "GET /x", "": "GET /api/", "http://other/y": "GET /y", "x%2Fy": "GET /api/x%2Fy",
	} {
		var seen []exchange
		run(t, hops(&seen, hello), func(ctx context.Context, w *world) error {
			_, _, err := w.get(ctx, ref)
			return err
		}, aiohttp.WithBaseURL("http://h/api/"))
		if got := requestLine(seen[0].head); got != want+" HTTP/1.1" {
			t.Errorf("%q: got %q, want %q", ref, got, want)
		}
	}
}

// RFC 9110 section 15.4: what describes a body stays behind with it, all of it.
func TestWhatDescribesADroppedBodyIsDropped(t *testing.T) {
	about := http.Header{
		"Content-Encoding": {"x"}, "Content-Language": {"de"}, "Content-Location": {"/x"}, "Content-Disposition": {"inline"}, "Digest": {"x"},
		"Content-Digest": {"x"}, "Repr-Digest": {"x"}, "Last-Modified": {"x"}, "X-Kept": {"yes"},
	}
	var seen []exchange
	run(t, hops(&seen, to(303, "/next"), hello), func(ctx context.Context, w *world) error {
		resp, err := w.session.Post(ctx, "http://h/", aiohttp.WithData("data"), aiohttp.WithHeaders(about))
		if err != nil {
			return err
		}
		return resp.Close()
	})
	for name := range about {
		if got := line(seen[1].head, name); (got != "") != (name == "X-Kept") {
			t.Errorf("got %s: %q after the redirect", name, got)
		}
	}
}

// A password that a netrc file has for a host is not sent in the clear because an encrypted answer asks for it.
func TestNetrcDoesNotFollowADowngrade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "netrc")
	if err := os.WriteFile(path, []byte("machine h login user password s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for first, want := range map[string]bool{"https://h/": false, "http://h/": true} {
		var seen []exchange
		run(t, hops(&seen, to(302, "http://h:8080/"), hello), func(ctx context.Context, w *world) error {
			_, _, err := w.get(ctx, first)
			return err
		}, aiohttp.WithNetrc(path))
		if line(seen[0].head, "Authorization") == "" || (line(seen[1].head, "Authorization") != "") != want {
			t.Errorf("%s: got %q, then %q", first, seen[0].head, seen[1].head)
		}
	}
}
