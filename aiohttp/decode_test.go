package aiohttp_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/aio-go/aio/aiohttp"
)

// encode compresses data; raw deflate has a name of its own here.
func encode(coding string, data []byte) []byte {
	var out bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip":
		w = gzip.NewWriter(&out)
	case "deflate":
		w = zlib.NewWriter(&out)
	case "raw":
		w, _ = flate.NewWriter(&out, 6)
	case "br":
		w = brotli.NewWriter(&out)
	case "zstd":
		w, _ = zstd.NewWriter(&out)
	}
	w.Write(data)
	w.Close()
	return out.Bytes()
}

func coded(coding string, body []byte) string {
	if coding == "raw" {
		coding = "deflate"
	}
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s", coding, len(body), body)
}

// P61, C44: every coding, whole and byte by byte; the raw bytes are counted.
func TestContentCodings(t *testing.T) {
	want := strings.Repeat("The quick brown fox. ", 100)
	for _, coding := range []string{"gzip", "deflate", "raw", "br", "zstd"} {
		body := encode(coding, []byte(want))
		for _, step := range []int{0, 1} {
			run(t, pieces(coded(coding, body), step), func(ctx context.Context, w *world) error {
				resp, got, err := w.get(ctx, "http://h/")
				if got != want || err != nil {
					t.Errorf("%s in steps of %d: got %d bytes and %v, want %d", coding, step, len(got), err, len(want))
				}
				if n := resp.Content.TotalRawBytes(); n != int64(len(body)) {
					t.Errorf("%s: got %d raw bytes, want %d", coding, n, len(body))
				}
				_, got, err = w.get(ctx, "http://h/", aiohttp.WithAutoDecompress(false))
				if got != string(body) || err != nil {
					t.Errorf("%s, not decoded: got %d bytes and %v, want %d", coding, len(got), err, len(body))
				}
				return nil
			})
		}
	}
}

// The machinery of a finished decoder serves the next.
func TestDecodersAreReused(t *testing.T) {
	for _, coding := range []string{"gzip", "deflate", "raw", "br", "zstd"} {
		run(t, answers(coded(coding, encode(coding, []byte("content")))), func(ctx context.Context, w *world) error {
			for range 5 {
				if _, got, err := w.get(ctx, "http://h/"); got != "content" || err != nil {
					t.Errorf("%s: got %q and %v", coding, got, err)
				}
			}
			if len(w.wires) != 1 {
				t.Errorf("%s: got %d connections, want 1", coding, len(w.wires))
			}
			return nil
		})
	}
}

// C31, D9: a body that inflates a thousandfold arrives complete and in bounded pieces, or not
// at all where there is a limit.
func TestBombsComeInBoundedPieces(t *testing.T) {
	want := 16 << 20
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		body := encode(coding, make([]byte, want))
		run(t, answers(coded(coding, body)), func(ctx context.Context, w *world) error {
			resp, err := w.session.Get(ctx, "http://h/")
			if err != nil {
				return err
			}
			defer resp.Close()
			total, buf := 0, make([]byte, 1<<20)
			for {
				n, err := resp.Content.Read(ctx, buf)
				if total += n; n > 256<<10 {
					t.Fatalf("%s: got a piece of %d bytes", coding, n)
				}
				if err == io.EOF {
					break
				}
				if err != nil {
					return err
				}
			}
			if total != want {
				t.Errorf("%s: got %d bytes, want %d", coding, total, want)
			}
			_, _, err = w.get(ctx, "http://h/", aiohttp.WithMaxBody(1<<20))
			if !errors.Is(err, aiohttp.ErrBodyTooLarge) || !errors.Is(err, aiohttp.ErrClientPayload) {
				t.Errorf("%s: got %v, want ErrBodyTooLarge", coding, err)
			}
			return nil
		})
	}
}

// P59, P60: members follow one another, but not without end.
func TestMembers(t *testing.T) {
	for _, coding := range []string{"gzip", "zstd"} {
		one := encode(coding, []byte("ab"))
		for _, c := range []struct {
			body []byte
			want string
			ok   bool
		}{
			{bytes.Repeat(one, 3), "ababab", true},
			{bytes.Repeat(one, 1024), strings.Repeat("ab", 1024), true},
			{bytes.Repeat(one, 1025), "", false},
			{bytes.Repeat(encode(coding, nil), 20_000), "", false},
			{append(encode(coding, []byte("ab")), "rubbish"...), "", false},
			{one[:len(one)-3], "", false},
		} {
			for _, step := range []int{0, 7} {
				if step > 0 && len(c.body) > 1000 {
					continue
				}
				run(t, pieces(coded(coding, c.body), step), func(ctx context.Context, w *world) error {
					_, got, err := w.get(ctx, "http://h/")
					var encoding *aiohttp.ContentEncodingError
					if c.ok && (got != c.want || err != nil) || !c.ok && !(errors.As(err, &encoding) && errors.Is(err, aiohttp.ErrClientPayload)) {
						t.Errorf("%s, %d bytes: got %d bytes and %v, want %d and success: %v", coding, len(c.body), len(got), err, len(c.want), c.ok)
					}
					return nil
				})
			}
		}
	}
}

// C30, C32, P29
func TestOddContentCodings(t *testing.T) {
	for name, c := range map[string]struct {
		response, want string
		ok             bool
	}{
		"invalid":        {coded("gzip", []byte("this is not gzip")), "", false},
		"invalid br":     {coded("br", []byte("\xff\xff\xff\xff")), "", false},
		"invalid zstd":   {coded("zstd", []byte("not zstd")), "", false},
		"204":            {"HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n", "", true},
		"empty":          {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", true},
		"unknown":        {coded("rot13", []byte("uryyb")), "uryyb", true},
		"look-alike":     {coded("zﬆd", []byte("text")), "text", true},
		"upper case":     {coded("GZIP", encode("gzip", []byte("text"))), "text", true},
		"rubbish behind": {coded("deflate", append(encode("deflate", []byte("text")), 'x')), "", false},
		"behind br":      {coded("br", append(encode("br", []byte("text")), 'x')), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, answers(c.response), func(ctx context.Context, w *world) error {
				_, got, err := w.get(ctx, "http://h/")
				if c.ok && (got != c.want || err != nil) || !c.ok && !errors.Is(err, aiohttp.ErrClientPayload) {
					t.Errorf("got %q and %v, want %q and success: %v", got, err, c.want, c.ok)
				}
				return nil
			})
		})
	}
}

// What breaks off inside a coded body is reported as what it is: a lost connection.
func TestBrokenConnectionInCodedBody(t *testing.T) {
	whole := coded("gzip", encode("gzip", []byte(strings.Repeat("abc", 1000))))
	run(t, pieces(whole[:len(whole)-5], 0), func(ctx context.Context, w *world) error {
		_, _, err := w.get(ctx, "http://h/")
		var encoding *aiohttp.ContentEncodingError
		if !errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &encoding) {
			t.Errorf("got %v, want a truncated body", err)
		}
		return nil
	})
}

func TestUploadsAreCompressed(t *testing.T) {
	for _, coding := range []string{"gzip", "deflate"} {
		for _, body := range []any{"some text", onlyReader{strings.NewReader("some text")}} {
			var seen []exchange
			run(t, hops(&seen, hello), func(ctx context.Context, w *world) error {
				resp, err := w.session.Post(ctx, "http://h/", aiohttp.WithData(body), aiohttp.WithCompress(coding))
				if err != nil {
					return err
				}
				return resp.Close()
			})
			var r io.Reader
			if coding == "gzip" {
				r, _ = gzip.NewReader(strings.NewReader(seen[0].body))
			} else {
				r, _ = zlib.NewReader(strings.NewReader(seen[0].body))
			}
			if got, err := io.ReadAll(r); string(got) != "some text" || err != nil || line(seen[0].head, "Content-Encoding") != coding {
				t.Errorf("%s: got %q, %v, %q", coding, got, err, seen[0].head)
			}
			_, streamed := body.(onlyReader)
			if chunked := line(seen[0].head, "Transfer-Encoding") == "chunked"; chunked != streamed {
				t.Errorf("%s: chunked is %v, want %v", coding, chunked, streamed)
			}
		}
	}
}
