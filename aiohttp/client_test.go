package aiohttp_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aio-go/aio/aiohttp"
)

// C01: sequential requests share a connection, also after responses without a body.
func TestSequentialRequestsUseOneConnection(t *testing.T) {
	for name, response := range map[string]string{
		"length":  hello,
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"101":     "HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"204":     "HTTP/1.1 204 No Content\r\n\r\n",
		"304":     "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
		"empty":   "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			run(t, answers(response), func(ctx context.Context, w *world) error {
				for range 3 {
					if _, _, err := w.get(ctx, "http://example.com/"); err != nil {
						return err
					}
				}
				if len(w.wires) != 1 {
					t.Errorf("got %d connections, want 1", len(w.wires))
				}
				if got := w.session.Stats().Connector; got.Idle != 1 || got.InUse != 0 || got.Reused != 2 {
					t.Errorf("got %+v, want one idle connection, reused twice", got)
				}
				return nil
			})
		})
	}
}

// C01: a response to HEAD has no body whatever it announces.
func TestHeadResponseHasNoBody(t *testing.T) {
	run(t, answers("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"), func(ctx context.Context, w *world) error {
		for range 2 {
			resp, err := w.session.Head(ctx, "http://example.com/")
			if err != nil {
				return err
			}
			if !resp.Closed() {
				t.Error("a response to HEAD holds its connection")
			}
			if resp.ContentLength() != 1000 {
				t.Errorf("got length %d, want 1000", resp.ContentLength())
			}
		}
		if len(w.wires) != 1 {
			t.Errorf("got %d connections, want 1", len(w.wires))
		}
		return nil
	})
}

// C07: Host comes first, and the whole head is what it should be.
func TestHeadOnTheWire(t *testing.T) {
	const auto = "Accept: */*\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nUser-Agent: Go-aio/0.1 aiohttp"
	cases := []struct {
		name, method, url string
		opts              []aiohttp.RequestOption
		want              string
	}{
		{"plain", "GET", "http://example.com/a?b=c#d", nil, "GET /a?b=c HTTP/1.1\r\nHost: example.com\r\n" + auto},
		{"port", "GET", "http://example.com:8080", nil, "GET / HTTP/1.1\r\nHost: example.com:8080\r\n" + auto},
		{"empty post", "POST", "http://h/", nil, "POST / HTTP/1.1\r\nHost: h\r\n" + auto + "\r\nContent-Length: 0"},
		{"string", "POST", "http://h/", []aiohttp.RequestOption{aiohttp.WithData("hé")},
			"POST / HTTP/1.1\r\nHost: h\r\n" + auto + "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3"},
		// C08
		{"empty value", "GET", "http://h/", []aiohttp.RequestOption{aiohttp.WithHeaders(http.Header{"X-Empty": {""}})},
			"GET / HTTP/1.1\r\nHost: h\r\n" + auto + "\r\nX-Empty: "},
		// C09
		{"skip", "POST", "http://h/", []aiohttp.RequestOption{aiohttp.WithData([]byte("x")), aiohttp.WithSkipAutoHeaders("user-agent", "content-type")},
			"POST / HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nContent-Length: 1"},
		// C10
		{"params", "GET", "http://h/?a=1", []aiohttp.RequestOption{aiohttp.WithParams(url.Values{"b": {"2", "3"}})},
			"GET /?a=1&b=2&b=3 HTTP/1.1\r\nHost: h\r\n" + auto},
		{"auth in URL", "GET", "http://user:p%40ss@h/", nil, "GET / HTTP/1.1\r\nHost: h\r\n" + auto + "\r\nAuthorization: Basic dXNlcjpwQHNz"},
		{"auth", "GET", "http://h/", []aiohttp.RequestOption{aiohttp.WithAuth("a", "b")}, "GET / HTTP/1.1\r\nHost: h\r\n" + auto + "\r\nAuthorization: Basic YTpi"},
		{"no decompression", "GET", "http://h/", []aiohttp.RequestOption{aiohttp.WithAutoDecompress(false)},
			"GET / HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nUser-Agent: Go-aio/0.1 aiohttp"},
		{"replaced", "GET", "http://h/", []aiohttp.RequestOption{aiohttp.WithHeaders(http.Header{"accept": {"a", "b"}, "User-Agent": {"me"}})},
			"GET / HTTP/1.1\r\nHost: h\r\nAccept: a\r\nAccept: b\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nUser-Agent: me"},
		{"raw target", "GET", "http://h/a%2fb/%7e?q=a|b[]&x=%zz é", nil, "GET /a%2fb/%7e?q=a|b[]&x=%25zz%20%C3%A9 HTTP/1.1\r\nHost: h\r\n" + auto},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got string
			run(t, func(ctx context.Context, p *peer) (err error) {
				if got, err = p.readHead(ctx); err != nil {
					return err
				}
				return p.send(ctx, hello)
			}, func(ctx context.Context, w *world) error {
				resp, err := w.session.Request(ctx, c.method, c.url, c.opts...)
				if err != nil {
					return err
				}
				return resp.Close()
			})
			if got != c.want {
				t.Errorf("got\n%q, want\n%q", got, c.want)
			}
		})
	}
}

// C46: session defaults are replaced name by name; duplicates in one source survive.
func TestRequestHeadersReplaceSessionHeaders(t *testing.T) {
	var got string
	run(t, func(ctx context.Context, p *peer) (err error) {
		got, err = p.readHead(ctx)
		return errors.Join(err, p.send(ctx, hello))
	}, func(ctx context.Context, w *world) error {
		_, _, err := w.get(ctx, "http://h/", aiohttp.WithHeaders(http.Header{"x-a": {"3", "4"}}))
		return err
	}, aiohttp.WithHeaders(http.Header{"X-A": {"1", "2"}, "X-B": {"5", "6"}}))
	for _, line := range []string{"X-A: 3\r\nX-A: 4\r\n", "X-B: 5\r\nX-B: 6"} {
		if !strings.Contains(got, line) {
			t.Errorf("got %q, want %q in it", got, line)
		}
	}
	if strings.Contains(got, ": 1") {
		t.Errorf("got %q, want the session's X-A gone", got)
	}
}

// C17, C18: what is wrong with the request is found before any I/O.
func TestBadRequestsNeverDial(t *testing.T) {
	cases := []struct {
		url  string
		opts []aiohttp.RequestOption
		want error
	}{
		{"http://:/", nil, aiohttp.ErrInvalidURL},
		{"http://host:non_int_port/", nil, aiohttp.ErrInvalidURL},
		{"http:/", nil, aiohttp.ErrInvalidURL},
		{"http:/example.com", nil, aiohttp.ErrInvalidURL},
		{"http:///x", nil, aiohttp.ErrInvalidURL},
		{"/relative", nil, aiohttp.ErrInvalidURL},
		{"http://xn--\u2061owhefopw.com", nil, aiohttp.ErrInvalidURL},
		{"http://2130706433/", nil, aiohttp.ErrInvalidURL},   // C54
		{"http://017700000001/", nil, aiohttp.ErrInvalidURL}, // C54
		{"http://127.1/", nil, aiohttp.ErrInvalidURL},        // C54
		{"http://0x7f.0.0.1/", nil, aiohttp.ErrInvalidURL},   // C54
		{"call:+380123456789", nil, aiohttp.ErrNonHTTPURL},
		{"skype:handle", nil, aiohttp.ErrNonHTTPURL},
		{"slack://instance/room", nil, aiohttp.ErrNonHTTPURL},
		{"steam:code", nil, aiohttp.ErrNonHTTPURL},
		{"twitter://handle", nil, aiohttp.ErrNonHTTPURL},
		{"bluesky://profile/d:i:d:handle", nil, aiohttp.ErrNonHTTPURL},
		{"http://u:p@h/", []aiohttp.RequestOption{aiohttp.WithHeaders(http.Header{"authorization": {"x"}})}, aiohttp.ErrClient},
		{"http://h/", []aiohttp.RequestOption{aiohttp.WithData("a"), aiohttp.WithJSON(1)}, aiohttp.ErrClient},
		{"http://h/", []aiohttp.RequestOption{aiohttp.WithHeaders(http.Header{"X": {"a\r\nb"}})}, aiohttp.ErrClient},
		{"http://h/", []aiohttp.RequestOption{aiohttp.WithHeaders(http.Header{"X y": {"a"}})}, aiohttp.ErrClient},
	}
	for _, c := range cases {
		run(t, answers(hello), func(ctx context.Context, w *world) error {
			_, _, err := w.get(ctx, c.url, c.opts...)
			var located interface{ Located() aiohttp.Where }
			if !errors.Is(err, c.want) || !errors.Is(err, aiohttp.ErrClient) || !errors.As(err, &located) {
				t.Errorf("%s: got %v, want %v", c.url, err, c.want)
			} else if w := located.Located(); w.Method != "GET" || w.Phase != aiohttp.PhaseRequest {
				t.Errorf("%s: got %+v, want a GET that failed before any I/O", c.url, w)
			}
			if len(w.dials) != 0 {
				t.Errorf("%s: dialled %v", c.url, w.dials)
			}
			return nil
		})
	}
}

func TestErrorTextsCarryNoPassword(t *testing.T) {
	run(t, answers(hello), func(ctx context.Context, w *world) error {
		for _, u := range []string{"http://user:secret@/", "http://user:secret@ho st/", "gopher://user:secret@h/", "http://user:sec%ret@h/"} {
			_, _, err := w.get(ctx, u)
			if err == nil || strings.Contains(err.Error(), "sec") {
				t.Errorf("%s: got %v, want an error without the password", u, err)
			}
		}
		return nil
	})
}

func TestMethodsAreSentAsGiven(t *testing.T) {
	for _, c := range []struct {
		method string
		ok     bool
	}{{"get", true}, {"PURGE", true}, {"M-SEARCH", true}, {"GE T", false}, {"GET\r\nX: y", false}, {"", false}} {
		run(t, func(ctx context.Context, p *peer) error {
			head, err := p.readHead(ctx)
			if err == nil && !strings.HasPrefix(head, c.method+" / HTTP/1.1\r\n") {
				t.Errorf("%q: got %q", c.method, head)
			}
			return errors.Join(err, p.send(ctx, hello))
		}, func(ctx context.Context, w *world) error {
			resp, err := w.session.Request(ctx, c.method, "http://h/")
			if (err == nil) != c.ok {
				t.Errorf("%q: got %v, want ok=%v", c.method, err, c.ok)
			}
			if err == nil {
				resp.Close()
			}
			return nil
		})
	}
}

func TestContentLengthBodyIsReadIntoOneSlice(t *testing.T) {
	body := strings.Repeat("x", 100_000)
	run(t, answers("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"+body), func(ctx context.Context, w *world) error {
		resp, err := w.session.Get(ctx, "http://h/")
		if err != nil {
			return err
		}
		got, err := resp.Read(ctx)
		if err != nil || string(got) != body || cap(got) > len(got)+len(got)/8 {
			t.Errorf("got %d bytes with capacity %d and %v, want exactly 100000", len(got), cap(got), err)
		}
		if w.wires[0].largest < 80_000 {
			t.Errorf("largest read had room for %d bytes, want the rest of the body", w.wires[0].largest)
		}
		if again, err := resp.Read(ctx); err != nil || string(again) != body {
			t.Errorf("a second Read got %d bytes and %v", len(again), err)
		}
		return nil
	})
}

// The body may come to an end in three ways, and be cut in three ways.
func TestBodyFraming(t *testing.T) {
	cases := []struct {
		name, response, want string
		err                  error
	}{
		{"length", hello, "hello", nil},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nX: y\r\n\r\n", "hello", nil},
		{"until close", "HTTP/1.0 200 OK\r\n\r\nhello", "hello", nil},
		{"short length", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "hello", io.ErrUnexpectedEOF},
		{"short chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello", "hello", io.ErrUnexpectedEOF},
		{"no last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "hello", io.ErrUnexpectedEOF},
		{"bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n", "hello", aiohttp.ErrClientPayload},
	}
	for _, c := range cases {
		for _, step := range []int{0, 1, 3} {
			run(t, pieces(c.response, step), func(ctx context.Context, w *world) error {
				_, got, err := w.get(ctx, "http://h/")
				if got != c.want || !errors.Is(err, c.err) || err != nil && !errors.Is(err, aiohttp.ErrClientPayload) {
					t.Errorf("%s in pieces of %d: got %q and %v, want %q and %v", c.name, step, got, err, c.want, c.err)
				}
				return nil
			})
		}
	}
}

// pieces answers one request with response, cut into pieces of step bytes, and
// hangs up.
func pieces(response string, step int) script {
	return func(ctx context.Context, p *peer) error {
		if _, err := p.readHead(ctx); err != nil {
			return err
		}
		if step == 0 {
			return p.send(ctx, response)
		}
		for rest := response; len(rest) > 0; {
			n := min(step, len(rest))
			if err := p.send(ctx, rest[:n]); err != nil {
				return err
			}
			for len(p.wire.in.data) > 0 && p.wire.in.err == nil {
				if err := p.wire.in.changed.Wait(ctx); err != nil {
					return err
				}
			}
			rest = rest[n:]
		}
		return nil
	}
}
