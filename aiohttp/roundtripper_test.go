package aiohttp_test

// Sessions over http.RoundTrippers: what holds for any protocol that net/http speaks.

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// roundTripper makes a RoundTripper of a function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// bridgeSite is a server with a page for each thing a client may come across.
// The slow ones end with the test: net/http does not notice that a client has gone whose
// body it has not read.
func bridgeSite() (handler http.Handler, done func()) {
	over := make(chan struct{})
	forever := func(r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-over:
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Length", fmt.Sprint(r.ContentLength))
		w.Header().Set("X-Type", r.Header.Get("Content-Type"))
		w.Write(body)
	})
	mux.HandleFunc("/hop", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/echo", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/big", func(w http.ResponseWriter, r *http.Request) { w.Write(bigBody) })
	mux.HandleFunc("/cookie", func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Cookie("seen")
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "yes", Path: "/"})
		fmt.Fprint(w, c.String())
	})
	mux.HandleFunc("/head", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Length", "1000") })
	mux.HandleFunc("/refuse", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusForbidden) })
	mux.HandleFunc("/silent", func(w http.ResponseWriter, r *http.Request) { forever(r) })
	mux.HandleFunc("/stall", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "some")
		w.(http.Flusher).Flush()
		forever(r)
	})
	mux.HandleFunc("/trailer", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, "body")
		w.Header().Set("X-Sum", "42")
	})
	mux.HandleFunc("/raw/", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RequestURI+" "+r.Host) })
	return mux, func() { close(over) }
}

var bigBody = bytes.Repeat([]byte("0123456789abcdef"), 5<<16)

// produced is a body that is produced in the task.
func produced(ctx context.Context, n int, piece []byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for range n {
			if err := asyncio.Sleep(ctx, 0); err != nil {
				yield(nil, err)
				return
			}
			if !yield(piece, nil) {
				return
			}
		}
	}
}

// onBridges runs body with the sessions that send through a round tripper, each against a server.
func onBridges(t *testing.T, body func(ctx context.Context, t *testing.T, s *aiohttp.ClientSession, base string)) {
	t.Helper()
	for _, kind := range []string{"http1", "http2"} {
		t.Run("through="+kind, func(t *testing.T) {
			site, done := bridgeSite()
			server := httptest.NewUnstartedServer(site)
			server.EnableHTTP2 = kind == "http2"
			server.StartTLS()
			defer server.Close()
			defer done()
			client := server.Client()
			defer client.CloseIdleConnections()
			onLoop(t, func(ctx context.Context) error {
				s := aiohttp.FromHTTPClient(client)
				defer s.Close()
				body(ctx, t, s, server.URL)
				return nil
			})
		})
	}
}

func TestBodiesOfEveryKindThroughARoundTripper(t *testing.T) {
	onBridges(t, bodiesOfEveryKind)
}

// bodiesOfEveryKind sends bodies and has them sent back.
func bodiesOfEveryKind(ctx context.Context, t *testing.T, s *aiohttp.ClientSession, base string) {
	big := bigBody[:3<<20]
	form := aiohttp.NewFormData()
	form.AddField("a", "b")
	for _, tt := range []struct {
		name, length string
		opt          func() aiohttp.RequestOption
		want         []byte
	}{
		{"bytes", "5", func() aiohttp.RequestOption { return aiohttp.WithData("hello") }, []byte("hello")},
		{"nothing", "0", func() aiohttp.RequestOption { return aiohttp.WithData("") }, nil},
		{"JSON", "7", func() aiohttp.RequestOption { return aiohttp.WithJSON(map[string]int{"a": 1}) }, []byte(`{"a":1}`)},
		{"form", "3", func() aiohttp.RequestOption { return aiohttp.WithForm(url.Values{"a": {"b"}}) }, []byte("a=b")},
		{"many bytes", fmt.Sprint(len(big)), func() aiohttp.RequestOption { return aiohttp.WithData(big) }, big},
		{"seekable reader", fmt.Sprint(len(big)), func() aiohttp.RequestOption { return aiohttp.WithData(bytes.NewReader(big)) }, big},
		{"reader", "-1", func() aiohttp.RequestOption { return aiohttp.WithData(io.MultiReader(bytes.NewReader(big))) }, big},
		{"iterator", "-1", func() aiohttp.RequestOption { return aiohttp.WithData(produced(ctx, 3, []byte("piece "))) }, []byte("piece piece piece ")},
	} {
		for _, path := range []string{"/echo", "/hop"} {
			if path == "/hop" && (tt.name == "reader" || tt.name == "iterator") {
				continue // cannot be sent again
			}
			resp, err := s.Post(ctx, base+path, tt.opt())
			if err != nil {
				t.Errorf("%s to %s: %v", tt.name, path, err)
				continue
			}
			got, err := resp.Read(ctx)
			if !bytes.Equal(got, tt.want) || err != nil || resp.Headers.Get("X-Length") != tt.length {
				t.Errorf("%s to %s: got %d bytes, length %s and %v, want %d, %s", tt.name, path, len(got), resp.Headers.Get("X-Length"), err, len(tt.want), tt.length)
			}
			if want := len(resp.History) == 1; want != (path == "/hop") {
				t.Errorf("%s: got %d redirects", path, len(resp.History))
			}
		}
	}
}

func TestResponsesThroughARoundTripper(t *testing.T) {
	onBridges(t, responsesOfEveryKind)
}

func responsesOfEveryKind(ctx context.Context, t *testing.T, s *aiohttp.ClientSession, base string) {
	resp, err := s.Get(ctx, base+"/big")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	for chunk, err := range resp.Content.IterChunked(10_000) {
		if err != nil {
			t.Fatal(err)
		}
		sum.Write(chunk)
	}
	if want := sha256.Sum256(bigBody); !bytes.Equal(sum.Sum(nil), want[:]) || !resp.Closed() {
		t.Error("a large body did not arrive as it was sent, or its end was not noticed")
	}
	if resp, err = s.Head(ctx, base+"/head"); err != nil || resp.Headers.Get("Content-Length") != "1000" || !resp.Closed() {
		t.Errorf("HEAD: got %v and %v, want a length and no body", resp, err)
	}
	if got, err := fetch(ctx, s, base+"/raw/a%2fb%20c?q=%41"); got != "/raw/a%2fb%20c?q=%41 "+strings.TrimPrefix(base, "https://") || err != nil {
		t.Errorf("got %q and %v, want the URL byte for byte", got, err)
	}
	if resp, err = s.Post(ctx, base+"/trailer", aiohttp.WithData("x")); err != nil {
		t.Fatal(err)
	}
	if got, err := resp.Text(ctx); got != "body" || err != nil || resp.Trailer().Get("X-Sum") != "42" {
		t.Errorf("got %q, trailer %v and %v", got, resp.Trailer(), err)
	}
	// An upload that is refused ends, and the answer counts.
	for range 3 {
		resp, err = s.Post(ctx, base+"/refuse", aiohttp.WithData(io.MultiReader(bytes.NewReader(bigBody))))
		if err != nil || resp.Status != http.StatusForbidden {
			t.Errorf("got %v and %v, want 403", resp, err)
			continue
		}
		if got, err := resp.Text(ctx); got != "no\n" || err != nil {
			t.Errorf("got %q and %v", got, err)
		}
	}
}

func TestLimitsThroughARoundTripper(t *testing.T) {
	onBridges(t, limitsOfEveryKind)
}

// limitsOfEveryKind runs into time limits and cancellation, in every phase.
func limitsOfEveryKind(ctx context.Context, t *testing.T, s *aiohttp.ClientSession, base string) {
	short := 50 * time.Millisecond
	_, err := s.Get(ctx, base+"/silent", aiohttp.WithTimeout(aiohttp.ClientTimeout{ResponseHeader: short}))
	if !errors.Is(err, aiohttp.ErrResponseHeaderTimeout) {
		t.Errorf("got %v, want the header timeout", err)
	}
	_, err = s.Get(ctx, base+"/silent", aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: short}))
	if !errors.Is(err, aiohttp.ErrTotalTimeout) {
		t.Errorf("got %v, want the total timeout", err)
	}
	var resp *aiohttp.ClientResponse
	var got []byte
	// What comes may come late on a busy machine: then it gets more time.
	for idle := short; len(got) == 0 && idle < time.Minute; idle *= 4 {
		if resp, err = s.Get(ctx, base+"/stall", aiohttp.WithTimeout(aiohttp.ClientTimeout{ReadIdle: idle})); err != nil {
			t.Fatal(err)
		}
		if got, err = resp.Read(ctx); !errors.Is(err, aiohttp.ErrReadIdleTimeout) {
			t.Errorf("got %v, want the idle timeout", err)
		}
	}
	if string(got) != "some" {
		t.Errorf("got %q, want what came before the timeout", got)
	}
	_, err = s.Post(ctx, base+"/silent", aiohttp.WithData(produced(ctx, 1<<20, bigBody[:64<<10])),
		aiohttp.WithTimeout(aiohttp.ClientTimeout{WriteRequest: 20 * short}))
	if !errors.Is(err, aiohttp.ErrWriteTimeout) {
		t.Errorf("got %v, want the write timeout: nobody reads the body", err)
	}
	for _, inForm := range []bool{false, true} {
		source, mute := io.Pipe() // from which nothing ever comes
		var body any = source
		if inForm {
			body = aiohttp.NewFormData().AddField("file", source)
		}
		_, err = s.Post(ctx, base+"/echo", aiohttp.WithData(body), aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: short}))
		if !errors.Is(err, aiohttp.ErrTotalTimeout) {
			t.Errorf("in a form: %v: got %v, want the total timeout: the source is silent", inForm, err)
		}
		mute.Close()
	}
	for _, path := range []string{"/silent", "/stall"} {
		task := asyncio.CreateTask(ctx, func(ctx context.Context) (string, error) { return fetch(ctx, s, base+path) })
		asyncio.Sleep(ctx, short)
		task.Cancel(nil)
		if _, err := task.Await(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want the cancellation", path, err)
		}
	}
	if got := s.Stats().Connector; got.InUse != 0 {
		t.Errorf("got %+v, want nothing in use", got)
	}
	resp, err = s.Get(ctx, base+"/stall")
	if err != nil {
		t.Fatal(err)
	}
	s.Connector().Close()
	if _, err := resp.Read(ctx); !errors.Is(err, aiohttp.ErrClient) {
		t.Errorf("reading after Close: got %v, want an error of the client", err)
	}
}

func TestFromHTTPClientUsesItsJarAndTimeout(t *testing.T) {
	site, done := bridgeSite()
	server := httptest.NewServer(site)
	defer server.Close()
	defer done()
	jar, _ := cookiejar.New(nil)
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.FromHTTPClient(&http.Client{Jar: jar, Timeout: time.Minute})
		defer s.Close()
		for _, want := range []string{"", "seen=yes"} {
			if got, err := fetch(ctx, s, server.URL+"/cookie"); got != want || err != nil {
				t.Errorf("got cookie %q and %v, want %q", got, err, want)
			}
		}
		hasty := aiohttp.FromHTTPClient(&http.Client{Jar: jar, Timeout: 100 * time.Millisecond})
		defer hasty.Close()
		if _, err := fetch(ctx, hasty, server.URL+"/silent"); !errors.Is(err, aiohttp.ErrTotalTimeout) {
			t.Errorf("got %v, want the client's timeout", err)
		}
		return nil
	})
}

// What a round tripper does wrong is the request's error, and nobody else's.
func TestErrorsOfARoundTripper(t *testing.T) {
	mine := errors.New("mine")
	cases := []struct {
		name string
		rt   roundTripper
		ok   func(error) bool
	}{
		{"an error", func(*http.Request) (*http.Response, error) { return nil, mine }, func(err error) bool {
			return errors.Is(err, mine) && errors.Is(err, aiohttp.ErrClientConnection)
		}},
		{"a panic", func(*http.Request) (*http.Response, error) { panic("oh") }, func(err error) bool {
			var p *asyncio.PanicError
			return errors.As(err, &p) && p.Value == "oh"
		}},
		{"a hang-up", func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, func(err error) bool {
			var e *aiohttp.ServerDisconnectedError
			return errors.As(err, &e)
		}},
		{"a body that breaks off", func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Status: "200 OK", ContentLength: 9, Body: io.NopCloser(io.MultiReader(strings.NewReader("part"), errReader{mine}))}, nil
		}, func(err error) bool {
			var e *aiohttp.ClientPayloadError
			return errors.As(err, &e) && e.Received == 4 && errors.Is(err, mine)
		}},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			onLoop(t, func(ctx context.Context) error {
				s := aiohttp.NewClientSession(aiohttp.WithConnector(aiohttp.NewRoundTripperConnector(tt.rt)))
				defer s.Close()
				if _, err := fetch(ctx, s, "http://peer.example/"); !tt.ok(err) {
					t.Errorf("got %v (%T)", err, err)
				}
				return nil
			})
		})
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// A round tripper sees the values of the task's context but cannot suspend it.
func TestRoundTripperGetsTheValuesOfTheContext(t *testing.T) {
	type key struct{}
	onLoop(t, func(ctx context.Context) error {
		rt := roundTripper(func(r *http.Request) (*http.Response, error) {
			if _, ok := asyncio.LoopFrom(r.Context()); ok || r.Context().Value(key{}) != "v" {
				t.Errorf("got loop %t and value %v", ok, r.Context().Value(key{}))
			}
			return &http.Response{StatusCode: 204, Status: "204 No Content"}, nil
		})
		s := aiohttp.NewClientSession(aiohttp.WithConnector(aiohttp.NewRoundTripperConnector(rt)))
		defer s.Close()
		resp, err := s.Get(context.WithValue(ctx, key{}, "v"), "http://peer.example/")
		if err == nil && (resp.Status != 204 || resp.Reason != "No Content" || !resp.Closed()) {
			t.Errorf("got %d %s", resp.Status, resp.Reason)
		}
		return err
	})
}

// No more requests are under way than the limits say, and they start in order.
func TestRoundTripperConnectorLimitsRequests(t *testing.T) {
	onLoop(t, func(ctx context.Context) error {
		var order []string
		release := make(chan struct{})
		under := make(chan string, 10)
		rt := roundTripper(func(r *http.Request) (*http.Response, error) {
			under <- r.URL.Path
			<-release
			return &http.Response{StatusCode: 200, Status: "200 OK"}, nil
		})
		s := aiohttp.NewClientSession(aiohttp.WithConnector(aiohttp.NewRoundTripperConnector(rt, aiohttp.WithLimit(1))))
		defer s.Close()
		var tasks []*asyncio.Task[string]
		for i := range 3 {
			tasks = append(tasks, asyncio.CreateTask(ctx, func(ctx context.Context) (string, error) {
				return fetch(ctx, s, fmt.Sprintf("http://peer.example/%d", i))
			}))
		}
		for range 3 {
			path, _, err := asyncio.Recv(ctx, under)
			if err != nil {
				return err
			}
			order = append(order, path)
			if st := s.Stats().Connector; st.InUse != 1 || st.Waiting != 3-len(order) {
				t.Errorf("got %+v after %d requests, want one under way", st, len(order))
			}
			release <- struct{}{}
		}
		if want := []string{"/0", "/1", "/2"}; !slices.Equal(order, want) {
			t.Errorf("got %v, want %v", order, want)
		}
		_, err := asyncio.Gather(ctx, tasks...).Await(ctx)
		return err
	})
}

// inOnePiece is a body that fills what it is given and tells its end only afterwards.
type inOnePiece struct{ left int }

func (b *inOnePiece) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n := min(b.left, len(p))
	b.left -= n
	return n, nil
}

// A body whose last byte takes the last room of the buffer ends like every other.
func TestBodyThatFillsTheBufferExactlyEnds(t *testing.T) {
	for _, size := range []int{4 << 10, 64 << 10, 256 << 10} {
		onLoop(t, func(ctx context.Context) error {
			rt := roundTripper(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Status: "200 OK", ContentLength: int64(size), Body: io.NopCloser(&inOnePiece{size})}, nil
			})
			s := aiohttp.NewClientSession(aiohttp.WithConnector(aiohttp.NewRoundTripperConnector(rt)))
			defer s.Close()
			got, err := fetch(ctx, s, "http://peer.example/", aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: 5 * time.Second}))
			if len(got) != size {
				t.Errorf("got %d bytes, want %d", len(got), size)
			}
			return err
		})
	}
}

// What Release throws away is gone: what is read after it is what comes after it.
func TestReadingGoesOnBehindWhatWasReleased(t *testing.T) {
	more := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "aaaaaaaaaa")
		w.(http.Flusher).Flush()
		<-more
		io.WriteString(w, "bbbbb")
	}))
	defer server.Close()
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.FromHTTPClient(server.Client())
		defer s.Close()
		resp, err := s.Get(ctx, server.URL)
		if err != nil {
			close(more)
			return err
		}
		defer resp.Close()
		_, err = resp.Content.ReadExactly(ctx, 1)
		resp.Release()
		close(more)
		rest, readErr := resp.Read(ctx)
		if !strings.HasSuffix(string(rest), "bbbbb") || strings.Contains(strings.TrimSuffix(string(rest), "bbbbb"), "b") || len(rest) > 14 {
			t.Errorf("got %q, want what came behind the release", rest)
		}
		return errors.Join(err, readErr)
	})
}
