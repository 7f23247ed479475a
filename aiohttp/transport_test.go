package aiohttp_test

// A session under http.Client: what net/http's own transport does for its users.

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// overTransport runs body with http.Clients that send through sessions, over HTTP/1 and 2.
func overTransport(t *testing.T, h http.Handler, body func(ctx context.Context, t *testing.T, c *http.Client, base string)) {
	t.Helper()
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2=%t", http2), func(t *testing.T) {
			server, trust := secure(t, h)
			onLoop(t, func(ctx context.Context) error {
				s := newSession(trust, aiohttp.WithHTTP2(http2))
				defer s.Connector().Close()
				body(ctx, t, &http.Client{Transport: s.Transport()}, server.URL)
				if st := s.Stats().Connector; st.InUse != 0 {
					t.Errorf("got %+v, want every connection given back", st)
				}
				return nil
			})
		})
	}
}

// do makes a request with the task's ctx and reads the answer.
func do(ctx context.Context, c *http.Client, method, url string, body io.Reader, header ...string) (*http.Response, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return nil, "", err
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp, string(data), err
}

func TestHTTPClientOverASession(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %d %v %s %d", r.Method, r.ContentLength, r.TransferEncoding, r.Header.Get("Content-Type"), len(body))
	})
	mux.HandleFunc("/hop/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/echo", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/cookie", func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Cookie("seen")
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "yes", Path: "/"})
		io.WriteString(w, c.String())
	})
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			io.WriteString(w, "plain")
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, "inflated")
		z.Close()
	})
	mux.HandleFunc("/big", func(w http.ResponseWriter, r *http.Request) { w.Write(bigBody) })
	mux.HandleFunc("/empty", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/head", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Length", "77") })
	mux.HandleFunc("/trailer", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Trailer", "X-Back")
		io.WriteString(w, "x")
		w.Header().Set("X-Back", r.Trailer.Get("X-There"))
	})
	mux.HandleFunc("/agent", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header["User-Agent"], r.Header["Accept"], r.Host)
	})
	overTransport(t, mux, httpClientChecks)
}

func httpClientChecks(ctx context.Context, t *testing.T, c *http.Client, base string) {
	check := func(what string, got string, err error, want string) {
		t.Helper()
		if got != want || err != nil {
			t.Errorf("%s: got %q and %v, want %q", what, got, err, want)
		}
	}
	_, got, err := do(ctx, c, "POST", base+"/echo", strings.NewReader("hello"), "Content-Type", "a/b")
	check("a body of known length", got, err, "POST 5 [] a/b 5")
	_, got, err = do(ctx, c, "PUT", base+"/hop/", bytes.NewReader(bigBody[:2<<20]))
	check("a large body after a redirect", got, err, fmt.Sprintf("PUT %d []  %d", 2<<20, 2<<20))
	resp, got, err := do(ctx, c, "POST", base+"/echo", io.MultiReader(strings.NewReader("hello")))
	if want := "POST -1 [chunked]  5"; resp.ProtoMajor == 1 {
		check("a body of unknown length", got, err, want)
	} else {
		check("a body of unknown length", got, err, "POST -1 []  5")
	}
	c.Jar, _ = cookiejar.New(nil)
	for _, want := range []string{"", "seen=yes"} {
		_, got, err = do(ctx, c, "GET", base+"/cookie", nil)
		check("the client's jar", got, err, want)
	}
	resp, got, err = do(ctx, c, "GET", base+"/gzip", nil)
	check("gzip nobody asked for", got, err, "inflated")
	if !resp.Uncompressed || resp.ContentLength != -1 || resp.Header.Get("Content-Encoding") != "" {
		t.Errorf("got uncompressed %t, length %d, headers %v", resp.Uncompressed, resp.ContentLength, resp.Header)
	}
	resp, got, err = do(ctx, c, "GET", base+"/gzip", nil, "Accept-Encoding", "gzip")
	if err != nil || resp.Uncompressed || !strings.HasPrefix(got, "\x1f\x8b") {
		t.Errorf("gzip asked for: got %q, uncompressed %t and %v", got, resp.Uncompressed, err)
	}
	resp, got, err = do(ctx, c, "GET", base+"/big", nil)
	if got != string(bigBody) || err != nil || resp.StatusCode != 200 || resp.Status != "200 OK" || resp.TLS == nil {
		t.Errorf("a large body: got %d bytes, %s, TLS %v and %v", len(got), resp.Status, resp.TLS, err)
	}
	resp, got, err = do(ctx, c, "GET", base+"/empty", nil)
	check("no content", got+resp.Status, err, "204 No Content")
	check("no content: the encryption", fmt.Sprint(resp.TLS != nil), nil, "true")
	resp, got, err = do(ctx, c, "HEAD", base+"/head", nil)
	check("HEAD", fmt.Sprint(got, resp.ContentLength), err, "77")
	check("HEAD: the encryption", fmt.Sprint(resp.TLS != nil), nil, "true")
	_, got, err = do(ctx, c, "GET", base+"/agent", nil, "User-Agent", "mine")
	check("its own agent, nothing else added", got, err, "[mine] []"+strings.TrimPrefix(base, "https://"))
	trailers(ctx, t, c, base)
}

func trailers(ctx context.Context, t *testing.T, c *http.Client, base string) {
	req, err := http.NewRequestWithContext(ctx, "POST", base+"/trailer", io.MultiReader(strings.NewReader("body")))
	if err != nil {
		t.Fatal(err)
	}
	req.Trailer = http.Header{"X-There": {"and back"}}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, ok := resp.Trailer["X-Back"]; !ok {
		t.Errorf("got %v before the body, want the trailer announced", resp.Trailer)
	}
	if _, err := io.ReadAll(resp.Body); err != nil || resp.Trailer.Get("X-Back") != "and back" {
		t.Errorf("got trailer %v and %v", resp.Trailer, err)
	}
}

// While one task waits for its answer the others go on; the end of a ctx, or of the client's
// patience, ends a request in any phase.
func TestHTTPClientOverASessionSuspendsTheTaskOnly(t *testing.T) {
	site, done := bridgeSite()
	defer done()
	overTransport(t, site, func(ctx context.Context, t *testing.T, c *http.Client, base string) {
		for _, path := range []string{"/silent", "/stall"} {
			task := asyncio.CreateTask(ctx, func(ctx context.Context) (string, error) {
				_, got, err := do(ctx, c, "GET", base+path, nil)
				return got, err
			})
			if _, got, err := do(ctx, c, "POST", base+"/echo", strings.NewReader("meanwhile")); got != "meanwhile" || err != nil {
				t.Errorf("got %q and %v", got, err)
			}
			asyncio.Sleep(ctx, 10*time.Millisecond)
			task.Cancel(nil)
			if _, err := task.Await(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: got %v, want the cancellation", path, err)
			}
		}
		hasty := *c
		hasty.Timeout = 20 * time.Millisecond
		var timeout interface{ Timeout() bool }
		for _, path := range []string{"/silent", "/stall"} {
			if _, _, err := do(ctx, &hasty, "GET", base+path, nil); !errors.As(err, &timeout) || !timeout.Timeout() {
				t.Errorf("%s: got %v, want a timeout", path, err)
			}
		}
	})
}

// A request without a task says what to do, and closes its body.
func TestTransportOutsideATaskExplainsItself(t *testing.T) {
	s := aiohttp.NewClientSession()
	defer s.Close()
	closed := false
	req, _ := http.NewRequest("POST", "http://peer.example/", closer{strings.NewReader("x"), func() { closed = true }})
	_, err := s.Transport().RoundTrip(req)
	var e *aiohttp.InvalidRequestError
	if !errors.As(err, &e) || !strings.Contains(err.Error(), "NewRequestWithContext") || !closed {
		t.Errorf("got %v, body closed %t", err, closed)
	}
}

type closer struct {
	io.Reader
	f func()
}

func (c closer) Close() error { c.f(); return nil }

// petStore is a client as services publish them: it knows nothing of loops.
type petStore struct {
	base string
	http *http.Client
}

func (p *petStore) add(ctx context.Context, name string) (id int, err error) {
	body, err := json.Marshal(map[string]string{"name": name})
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.base+"/pets", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	resp, err := p.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var pet struct{ ID int }
	return pet.ID, json.NewDecoder(resp.Body).Decode(&pet)
}

// A library written for net/http makes its requests at once, from tasks, over the pool.
func TestLibrariesForNetHTTPRunInTasks(t *testing.T) {
	store := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var pet struct{ Name string }
		json.NewDecoder(r.Body).Decode(&pet)
		json.NewEncoder(w).Encode(map[string]int{"id": len(pet.Name)})
	})
	server := httptest.NewServer(store)
	defer server.Close()
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession()
		defer s.Close()
		pets := &petStore{server.URL, &http.Client{Transport: s.Transport()}}
		var tasks []*asyncio.Task[int]
		for i := range 50 {
			tasks = append(tasks, asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
				return pets.add(ctx, strings.Repeat("x", i))
			}))
		}
		ids, err := asyncio.Gather(ctx, tasks...).Await(ctx)
		for i, id := range ids {
			if id != i {
				t.Errorf("pet %d got the number %d", i, id)
			}
		}
		if st := s.Stats(); st.Requests != 50 {
			t.Errorf("got %+v, want the requests counted", st)
		}
		return err
	})
}

// http.Client turns user information into a header and leaves it in the URL: that is one
// credential, not two. And what net/http keeps out of a message stays out in every spelling.
func TestWhatHTTPClientLeavesInItsRequests(t *testing.T) {
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %d", user, password, body, r.ContentLength)
	})
	overTransport(t, echo, func(ctx context.Context, t *testing.T, c *http.Client, base string) {
		_, got, err := do(ctx, c, "GET", strings.Replace(base, "://", "://user:pw@", 1), nil)
		if got != "user pw  0" || err != nil {
			t.Errorf("user information: got %q and %v", got, err)
		}
		req, err := http.NewRequestWithContext(ctx, "POST", base, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header["content-length"], req.Header["transfer-encoding"] = []string{"9"}, []string{"chunked"}
		resp, err := c.Do(req)
		if err != nil {
			t.Fatalf("framing in lower case: got %v", err)
		}
		defer resp.Body.Close()
		if data, _ := io.ReadAll(resp.Body); string(data) != "  body 4" {
			t.Errorf("framing in lower case: got %q", data)
		}
	})
}
