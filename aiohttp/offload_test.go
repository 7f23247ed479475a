package aiohttp_test

// D15: what it takes to decode a large body does not hold up the loop; and a body is what it
// should be wherever it is decoded.

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// realClock makes a loop compute beside itself, as outside of tests.
type realClock struct{ origin time.Time }

func (c realClock) Now() time.Duration { return time.Since(c.origin) }
func (c realClock) Wall() time.Time    { return time.Now() }

// onRealClock runs body with a session whose requests are answered from memory, so that
// nothing but decoding can suspend.
func onRealClock(t *testing.T, headers http.Header, body []byte, f func(ctx context.Context, s *aiohttp.ClientSession) error, opts ...aiohttp.SessionOption) {
	t.Helper()
	answer := func(_ context.Context, req *aiohttp.ClientRequest, _ aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		return req.AnswerBytes(200, headers, body), nil
	}
	aiotest.Run(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession(append(opts, aiohttp.WithMiddlewares(answer))...)
		defer s.Close()
		return f(ctx, s)
	}, aiotest.WithLoopOptions(asyncio.WithClock(realClock{time.Now()})))
}

// turnsDuring counts how often another task runs during f.
func turnsDuring(ctx context.Context, f func() error) (turns int, err error) {
	over := false
	other := asyncio.CreateTask(ctx, func(ctx context.Context) (none, error) {
		for !over {
			turns++
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return none{}, err
			}
		}
		return none{}, nil
	})
	err = f()
	over = true
	_, failed := other.Await(ctx)
	return turns, errors.Join(err, failed)
}

type none = struct{}

func TestDecodingLeavesTheLoopAlone(t *testing.T) {
	want := bytes.Repeat([]byte("the loop goes on, "), 4<<20/18)
	for _, coding := range []string{"gzip", "deflate", "raw", "br", "zstd"} {
		name := strings.Replace(coding, "raw", "deflate", 1)
		onRealClock(t, http.Header{"Content-Encoding": {name}}, encode(coding, want), func(ctx context.Context, s *aiohttp.ClientSession) error {
			resp, err := s.Get(ctx, "http://h/")
			if err != nil {
				return err
			}
			defer resp.Close()
			var got []byte
			turns, err := turnsDuring(ctx, func() (err error) { got, err = resp.Read(ctx); return err })
			if !bytes.Equal(got, want) {
				t.Errorf("%s: got %d bytes, want %d", coding, len(got), len(want))
			}
			if turns < 12 { // 16 steps of 256 KiB
				t.Errorf("%s: another task ran %d times, want at least 12", coding, turns)
			}
			return err
		})
	}
}

// held is decoded when it is let go.
type held struct{ Rows []json.Number }

var holding chan none

func (h *held) UnmarshalJSON(data []byte) error {
	<-holding
	return json.Unmarshal(data, &h.Rows)
}

func TestLargeDocumentLeavesTheLoopAlone(t *testing.T) {
	document := []byte("[" + strings.Repeat("12345678,", 2<<20/9) + "0]")
	headers := http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}
	onRealClock(t, headers, encode("gzip", document), func(ctx context.Context, s *aiohttp.ClientSession) error {
		holding = make(chan none)
		resp, err := s.Get(ctx, "http://h/")
		if err != nil {
			return err
		}
		defer resp.Close()
		if _, err := resp.Read(ctx); err != nil {
			return err
		}
		decoding := asyncio.CreateTask(ctx, func(ctx context.Context) (held, error) {
			return aiohttp.DecodeJSON[held](ctx, resp)
		})
		for range 100 {
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return err
			}
		}
		if decoding.Done() {
			t.Error("the document is decoded before it was let go")
		}
		close(holding)
		got, err := decoding.Await(ctx)
		if len(got.Rows) != 2<<20/9+1 {
			t.Errorf("got %d rows, want %d", len(got.Rows), 2<<20/9+1)
		}
		return err
	})
}

func TestLargeTextLeavesTheLoopAlone(t *testing.T) {
	headers := http.Header{"Content-Type": {"text/plain; charset=latin1"}}
	onRealClock(t, headers, bytes.Repeat([]byte{0xe9}, 2<<20), func(ctx context.Context, s *aiohttp.ClientSession) error {
		resp, err := s.Get(ctx, "http://h/")
		if err != nil {
			return err
		}
		defer resp.Close()
		if _, err := resp.Read(ctx); err != nil {
			return err
		}
		before := asyncio.RunningLoop(ctx).Stats().Turns
		text, err := resp.Text(ctx)
		if text != strings.Repeat("é", 2<<20) || err != nil {
			t.Errorf("got %d bytes, %v", len(text), err)
		}
		if asyncio.RunningLoop(ctx).Stats().Turns == before {
			t.Error("8 MiB were decoded within one turn")
		}
		return nil
	})
}

func TestCompressingLeavesTheLoopAlone(t *testing.T) {
	content := bytes.Repeat([]byte("upload "), 8<<20/7)
	for _, coding := range []string{"gzip", "deflate"} {
		var got []byte
		receive := func(ctx context.Context, req *aiohttp.ClientRequest, _ aiohttp.ClientHandler) (_ *aiohttp.ClientResponse, err error) {
			got, err = req.Body(ctx)
			return req.AnswerBytes(200, nil, nil), err
		}
		onRealClock(t, nil, nil, func(ctx context.Context, s *aiohttp.ClientSession) error {
			turns, err := turnsDuring(ctx, func() error {
				resp, err := s.Post(ctx, "http://h/", aiohttp.WithData(content), aiohttp.WithCompress(coding), aiohttp.WithMiddlewares(receive))
				if err != nil {
					return err
				}
				return resp.Close()
			})
			if turns < 30 { // pieces of 256 KiB
				t.Errorf("%s: another task ran %d times, want at least 30", coding, turns)
			}
			if len(got) == 0 {
				t.Errorf("%s: no body", coding)
			}
			return err
		})
	}
}

// What is small is decoded where it is read, in the same turn.
func TestSmallBodiesStayInTheTask(t *testing.T) {
	document := []byte(`{"a": "` + strings.Repeat("x", 20<<10) + `"}`)
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		headers := http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {coding}}
		onRealClock(t, headers, encode(coding, document), func(ctx context.Context, s *aiohttp.ClientSession) error {
			before := asyncio.RunningLoop(ctx).Stats().Turns
			resp, err := s.Get(ctx, "http://h/")
			if err != nil {
				return err
			}
			defer resp.Close()
			var v map[string]string
			if err := resp.JSON(ctx, &v); err != nil || len(v["a"]) != 20<<10 {
				t.Errorf("%s: got %d bytes, %v", coding, len(v["a"]), err)
			}
			if turns := asyncio.RunningLoop(ctx).Stats().Turns - before; turns != 0 {
				t.Errorf("%s: got %d turns, want none", coding, turns)
			}
			return nil
		})
	}
}

// noise compresses by a third.
func noise(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	out := make([]byte, n)
	for i := range out {
		out[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[rng.IntN(36)]
	}
	return out
}

// A body that is cut off, damaged, cancelled or closed in the middle fails as a small one does,
// and the machinery that decoded it is fit for the next.
func TestLargeBodiesFailAsSmallOnes(t *testing.T) {
	want := noise(200 << 10)
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		body := encode(coding, want)
		for _, at := range []int{1, len(body) / 5, len(body) / 2, len(body) - 1} {
			damaged := bytes.Clone(body)
			for i := range damaged[at:min(at+2000, len(damaged))] {
				damaged[at+i] ^= 0x55
			}
			for name, response := range map[string]string{
				"cut off": fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s", coding, len(body), body[:at]),
				"ended":   coded(coding, body[:at]),
				"damaged": coded(coding, damaged),
			} {
				failing := true
				script := func(ctx context.Context, p *peer) error {
					for {
						if _, err := p.readHead(ctx); err != nil {
							return err
						}
						if failing && name == "cut off" {
							return p.send(ctx, response)
						} else if failing {
							if err := p.send(ctx, response); err != nil {
								return err
							}
						} else if err := p.send(ctx, coded(coding, body)); err != nil {
							return err
						}
					}
				}
				run(t, script, func(ctx context.Context, w *world) error {
					_, got, err := w.get(ctx, "http://h/")
					if !errors.Is(err, aiohttp.ErrClientPayload) && !errors.Is(err, aiohttp.ErrClientConnection) {
						t.Errorf("%s, %s at %d: got %d bytes and %v, want a payload error", coding, name, at, len(got), err)
					}
					failing = false
					if _, got, err := w.get(ctx, "http://h/"); got != string(want) || err != nil {
						t.Errorf("%s, after %s at %d: got %d bytes and %v", coding, name, at, len(got), err)
					}
					return nil
				})
			}
		}
	}
}

func TestDecodingIsCancelledInEachOfItsTurns(t *testing.T) {
	want := noise(128 << 10)
	for _, coding := range []string{"gzip", "br", "zstd"} {
		response := pieces(coded(coding, encode(coding, want)), 20_000)
		run(t, response, func(ctx context.Context, w *world) error {
			ends := 0
			for turns := range 40 {
				resp, err := w.session.Get(ctx, "http://h/")
				if err != nil {
					return err
				}
				reading := asyncio.CreateTask(ctx, func(ctx context.Context) ([]byte, error) { return resp.Read(ctx) })
				for range turns {
					if err := asyncio.Sleep(ctx, 0); err != nil {
						return err
					}
				}
				cancelled := reading.Cancel(nil)
				got, err := reading.Await(ctx)
				resp.Close()
				if !cancelled {
					ends++
				}
				if err == nil && !bytes.Equal(got, want) || err != nil && !errors.Is(err, context.Canceled) {
					t.Fatalf("%s, cancelled in turn %d: got %d bytes and %v", coding, turns, len(got), err)
				}
				if stats := w.session.Stats().Connector; stats.InUse != 0 {
					t.Fatalf("%s, cancelled in turn %d: %d connections are in use", coding, turns, stats.InUse)
				}
			}
			if ends == 0 {
				t.Errorf("%s: no body was read to its end", coding)
			}
			return nil
		})
	}
}

// Another task closes the response while a step of it is being computed.
func TestResponseIsClosedWhileItIsDecoded(t *testing.T) {
	body := encode("gzip", make([]byte, 2<<20))
	onRealClock(t, http.Header{"Content-Encoding": {"gzip"}}, body, func(ctx context.Context, s *aiohttp.ClientSession) error {
		for turns := range 8 {
			resp, err := s.Get(ctx, "http://h/")
			if err != nil {
				return err
			}
			reading := asyncio.CreateTask(ctx, func(ctx context.Context) ([]byte, error) { return resp.Read(ctx) })
			for range turns {
				if err := asyncio.Sleep(ctx, 0); err != nil {
					return err
				}
				runtime.Gosched()
			}
			resp.Close()
			if _, err := reading.Await(ctx); !errors.Is(err, aiohttp.ErrResponseClosed) {
				t.Errorf("closed after %d turns: got %v, want ErrResponseClosed", turns, err)
			}
		}
		return nil
	})
}

// Content that is there is handed out, however large the body: nobody waits for more, which
// would not come.
func TestLargeStreamsAreNotHeldBack(t *testing.T) {
	for _, coding := range []string{"gzip", "br", "zstd"} {
		content := noise(150 << 10)
		var out bytes.Buffer
		w := flushing(coding, &out)
		w.Write(content)
		w.Flush()
		first := out.String()
		var stay asyncio.Event
		script := func(ctx context.Context, p *peer) error {
			if _, err := p.readHead(ctx); err != nil {
				return err
			}
			if err := p.send(ctx, "HTTP/1.1 200 OK\r\nContent-Encoding: "+coding+"\r\n\r\n"+first); err != nil {
				return err
			}
			return stay.Wait(ctx)
		}
		run(t, script, func(ctx context.Context, w *world) error {
			defer stay.Set()
			resp, err := w.session.Get(ctx, "http://h/")
			if err != nil {
				return err
			}
			defer resp.Close()
			var got []byte
			buf := make([]byte, 256<<10)
			for len(got) < len(content) {
				n, err := resp.Content.Read(ctx, buf)
				got = append(got, buf[:n]...)
				if err != nil {
					return err
				}
			}
			if !bytes.Equal(got, content) {
				t.Errorf("%s: got other content", coding)
			}
			return nil
		})
	}
}

// flusher is what all encoders can do.
type flusher interface {
	io.Writer
	Flush() error
}

func flushing(coding string, to io.Writer) flusher {
	switch coding {
	case "gzip":
		return gzip.NewWriter(to)
	case "br":
		return brotli.NewWriter(to)
	}
	w, _ := zstd.NewWriter(to)
	return w
}

func BenchmarkDecodeGzip(b *testing.B) {
	for _, size := range []int{4 << 10, 48 << 10, 256 << 10, 4 << 20} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			body := encode("gzip", noise(size))
			headers := http.Header{"Content-Encoding": {"gzip"}}
			answer := func(_ context.Context, req *aiohttp.ClientRequest, _ aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
				return req.AnswerBytes(200, headers, body), nil
			}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
				s := aiohttp.NewClientSession(aiohttp.WithMiddlewares(answer))
				defer s.Close()
				buf := make([]byte, 0, size+1)
				for b.Loop() {
					resp, err := s.Get(ctx, "http://h/")
					if err != nil {
						return none{}, err
					}
					if _, err := resp.ReadInto(ctx, buf); err != nil {
						return none{}, err
					}
					resp.Close()
				}
				return none{}, nil
			})
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}
