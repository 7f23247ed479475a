package aiohttp_test

// Large bodies over real sockets, where they are read in large parts.

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// bodyReaders are the ways to a body as a whole.
var bodyReaders = map[string]func(context.Context, *aiohttp.ClientResponse) ([]byte, error){
	"Read": func(ctx context.Context, r *aiohttp.ClientResponse) ([]byte, error) { return r.Read(ctx) },
	"ReadInto": func(ctx context.Context, r *aiohttp.ClientResponse) ([]byte, error) {
		return r.ReadInto(ctx, make([]byte, 0, 4<<20))
	},
	"ReadExactly": func(ctx context.Context, r *aiohttp.ClientResponse) ([]byte, error) {
		return r.Content.ReadExactly(ctx, int(r.ContentLength()))
	},
	"IterChunked": func(_ context.Context, r *aiohttp.ClientResponse) (all []byte, err error) {
		for piece, err := range r.Content.IterChunked(256 << 10) {
			if err != nil {
				return all, err
			}
			all = append(all, piece...)
		}
		return all, nil
	},
	"IterAny": func(_ context.Context, r *aiohttp.ClientResponse) (all []byte, err error) {
		for piece, err := range r.Content.IterAny() {
			if err != nil {
				return all, err
			}
			all = append(all, piece...)
		}
		return all, nil
	},
}

// After a large body the connection reports the next head, and one that is short, as ever.
func TestLargeBodiesShareAConnection(t *testing.T) {
	content := noise(3<<20 + 1)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(content)
	z.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := packed.Bytes()
		if n, err := strconv.Atoi(r.URL.Query().Get("n")); err == nil {
			body = content[:n]
		} else {
			w.Header().Set("Content-Encoding", "gzip")
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.Write(body)
	}))
	defer server.Close()
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession()
		defer s.Close()
		for name, read := range bodyReaders {
			for _, n := range []int{5, 200 << 10, 1 << 20, 1, len(content), 5} {
				resp, err := s.Get(ctx, server.URL+"/?n="+strconv.Itoa(n))
				if err != nil {
					return err
				}
				if got, err := read(ctx, resp); !bytes.Equal(got, content[:n]) || err != nil {
					t.Errorf("%s: got %d bytes and %v, want %d", name, len(got), err, n)
				}
			}
		}
		if got, err := fetch(ctx, s, server.URL+"/?packed"); got != string(content) || err != nil {
			t.Errorf("gzip: got %d bytes and %v, want %d", len(got), err, len(content))
		}
		path := filepath.Join(t.TempDir(), "file")
		if _, err := s.Download(ctx, aiohttp.Download{URL: server.URL + "/?n=" + strconv.Itoa(len(content)), Path: path}); err != nil {
			t.Error(err)
		}
		if got, err := os.ReadFile(path); !bytes.Equal(got, content) || err != nil {
			t.Errorf("Download: got %d bytes and %v, want %d", len(got), err, len(content))
		}
		if got := s.Stats().Connector; got.Dialed != 1 {
			t.Errorf("got %+v, want one connection", got)
		}
		return nil
	})
}

// largeServer serves one connection at a time: it announces n bytes and has body send them.
func largeServer(ctx context.Context, t *testing.T, n int, body func(ctx context.Context, c *asyncio.Conn) error) (url string) {
	ln, err := asyncio.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve := func(ctx context.Context) error {
		defer ln.Close()
		for {
			c, err := ln.Accept(ctx)
			if err != nil {
				return err
			}
			if _, err = c.Read(make([]byte, 4096)); err == nil {
				_, err = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: "+strconv.Itoa(n)+"\r\n\r\n")
			}
			if err := errors.Join(err, body(ctx, c), c.Close()); err != nil {
				t.Error(err)
			}
		}
	}
	asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, serve(ctx) })
	return "http://" + ln.Addr().String() + "/"
}

// A server that begins in large parts and goes on byte by byte, each sent only when the one
// before was reported, is neither kept from the caller nor taken to be dead.
func TestTricklingServerIsHeardInTime(t *testing.T) {
	const length, quick = 1 << 20, 300 << 10
	content := noise(length)
	onLoop(t, func(ctx context.Context) error {
		var seen int64
		var news asyncio.Event
		url := largeServer(ctx, t, length, func(ctx context.Context, c *asyncio.Conn) error {
			for sent, next := 0, quick; sent < length; next = 1 {
				if sent >= quick+20 {
					next = length - sent
				}
				if _, err := c.Write(content[sent : sent+next]); err != nil {
					return err
				}
				for sent += next; seen < int64(sent); {
					news.Clear()
					if err := news.Wait(ctx); err != nil {
						return err
					}
				}
			}
			return nil
		})
		s := aiohttp.NewClientSession(aiohttp.WithDownloadProgress(func(received, _ int64) {
			seen = received
			news.Set()
		}))
		defer s.Close()
		resp, err := s.Get(ctx, url, aiohttp.WithTimeout(aiohttp.ClientTimeout{ReadIdle: 20 * time.Second}))
		if err != nil {
			return err
		}
		got, err := resp.Read(ctx)
		if !bytes.Equal(got, content) {
			t.Errorf("got %d bytes, want %d, the same", len(got), length)
		}
		return err
	})
}

// A body that is given up in the middle costs the connection, and nothing else.
func TestLargeBodyGivenUpInTheMiddle(t *testing.T) {
	const length = 1 << 20
	ends := map[string]struct {
		stop func(*asyncio.Task[[]byte], *aiohttp.ClientResponse)
		want error
	}{
		"cancelled": {func(reader *asyncio.Task[[]byte], _ *aiohttp.ClientResponse) { reader.Cancel(nil) }, context.Canceled},
		"closed":    {func(_ *asyncio.Task[[]byte], resp *aiohttp.ClientResponse) { resp.Close() }, aiohttp.ErrResponseClosed},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			onLoop(t, func(ctx context.Context) error {
				url := largeServer(ctx, t, length, func(ctx context.Context, c *asyncio.Conn) error {
					_, err := c.Write(make([]byte, length/2))
					if _, end := c.Read(make([]byte, 1)); end == nil {
						t.Error("the connection was not closed")
					}
					return err
				})
				half := asyncio.NewQueue[struct{}](0)
				s := aiohttp.NewClientSession(aiohttp.WithDownloadProgress(func(received, _ int64) {
					if received == length/2 {
						half.PutNowait(struct{}{})
					}
				}))
				defer s.Close()
				for range 2 {
					resp, err := s.Get(ctx, url)
					if err != nil {
						return err
					}
					reader := asyncio.CreateTask(ctx, func(ctx context.Context) ([]byte, error) { return resp.Read(ctx) })
					if _, err := half.Get(ctx); err != nil {
						return err
					}
					asyncio.Sleep(ctx, 0) // the reader waits for more
					end.stop(reader, resp)
					if _, err := reader.Await(ctx); !errors.Is(err, end.want) {
						t.Errorf("got %v, want %v", err, end.want)
					}
					resp.Close()
				}
				if got := s.Stats().Connector; got.InUse != 0 || got.Idle != 0 || got.Dialed != 2 {
					t.Errorf("got %+v, want two connections, both closed", got)
				}
				return nil
			})
		})
	}
}
