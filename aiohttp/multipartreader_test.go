package aiohttp_test

// Multipart bodies of responses: whole, byte by byte, cut off everywhere, nested, encoded.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/web"
	"github.com/aio-go/aio/aiotest"
)

var (
	_ aiohttp.ContextReader = (*web.BodyReader)(nil)
	_ aiohttp.ContextReader = (*aiohttp.StreamReader)(nil)
)

// memoryBody is a body that comes in pieces of step bytes.
type memoryBody struct {
	rest string
	step int
}

func (b *memoryBody) Read(ctx context.Context, p []byte) (int, error) {
	if len(b.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), b.step)], b.rest)
	b.rest = b.rest[n:]
	return n, ctx.Err()
}

// readParts describes all parts: headers, and content with its length.
func readParts(ctx context.Context, m *aiohttp.MultipartReader) (all []string, err error) {
	for part, err := range m.All(ctx) {
		if err != nil {
			return all, err
		}
		body, err := part.ReadAll(ctx)
		if err != nil {
			return append(all, string(body)), err
		}
		all = append(all, fmt.Sprintf("%s|%s", strings.TrimSpace(strings.ReplaceAll(fmt.Sprint(part.Headers), "map", "")), body))
	}
	return all, nil
}

// crlf writes a body of lines readably.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

var multipartBodies = []struct {
	name, body string
	want       []string // nil: an error
}{
	{"one part", crlf("--b\nA: 1\n\nhello\n--b--\n"), []string{"[A:[1]]|hello"}},
	{"two parts", crlf("--b\n\none\n--b\nX: y\nX: z\n\ntwo\n--b--"), []string{"[]|one", "[X:[y z]]|two"}},
	{"none", crlf("--b--\n"), []string{}},
	{"preamble and epilogue", crlf("This is\n--bee\n --b\nskipped\n--b\n\none\n--b--\nand\n--b\n\nthis"), []string{"[]|one"}},
	{"long epilogue", crlf("--b\n\none\n--b--\n") + strings.Repeat("x", 5000), []string{"[]|one"}},
	{"LF alone", "--b\nA: 1\n\none\n\n--b\n\ntwo\n--b--\n", []string{"[A:[1]]|one\n", "[]|two"}},
	{"empty part", crlf("--b\n\n\n--b\nA: 1\n\n\n--b--\n"), []string{"[]|", "[A:[1]]|"}},
	{"delimiter right behind the headers", crlf("--b\nA: 1\n\n--b\n\n--b--\n"), []string{"[A:[1]]|", "[]|"}},
	{"padding", crlf("--b \t\n\none\n--b  \n\ntwo\n--b-- \n"), []string{"[]|one", "[]|two"}},
	{"almost delimiters", crlf("--b\n\n--c\n\r\n--a\n--bx\n--b-x\n--b x\n--b--\n"), []string{"[]|" + crlf("--c\n\r\n--a\n--bx\n--b-x\n--b x")}},
	{"folded header", crlf("--b\nA: 1\n  2\n\t3\n\nx\n--b--\n"), []string{"[A:[1 2 3]]|x"}},
	{"no delimiter", "hello", nil},
	{"empty", "", nil},
	{"only CRLF", "\r\n", nil},
	{"bad header", crlf("--b\nno colon\n\nx\n--b--\n"), nil},
	{"bad name", crlf("--b\nA B: 1\n\nx\n--b--\n"), nil},
	{"NUL in a header", crlf("--b\nA: \x00\n\nx\n--b--\n"), nil},
	{"fold without a header", crlf("--b\n A\n\nx\n--b--\n"), nil},
	{"long header", crlf("--b\nA: ") + strings.Repeat("x", 8200) + crlf("\n\nx\n--b--\n"), nil},
	{"many headers", crlf("--b\n" + strings.Repeat("A: 1\n", 129) + "\nx\n--b--\n"), nil},
	{"as many as may be", crlf("--b\n" + strings.Repeat("A: 1\n", 128) + "\nx\n--b--\n"), []string{"[A:[1" + strings.Repeat(" 1", 127) + "]]|x"}},
	{"long preamble", strings.Repeat("x", 70<<10) + crlf("\n--b\n\none\n--b--\n"), nil},
}

func TestPartsOfABody(t *testing.T) {
	for _, c := range multipartBodies {
		for _, step := range []int{1, 2, 3, 7, 1 << 20} {
			if len(c.body) > 10_000 && step < 7 {
				continue
			}
			aiotest.Run(t, func(ctx context.Context) error {
				m, err := aiohttp.NewMultipartReader(&memoryBody{c.body, step}, "multipart/mixed; boundary=b")
				if err != nil {
					return err
				}
				got, err := readParts(ctx, m)
				var wrong *aiohttp.MultipartError
				switch {
				case c.want == nil && !errors.As(err, &wrong):
					t.Errorf("%s in steps of %d: got %q and %v, want a MultipartError", c.name, step, got, err)
				case c.want != nil && (err != nil || !slices.Equal(got, c.want)):
					t.Errorf("%s in steps of %d: got %q and %v, want %q", c.name, step, got, err, c.want)
				}
				if err == nil && !m.AtEOF() {
					t.Errorf("%s: not at its end", c.name)
				}
				if _, again := m.Next(ctx); again == nil || err != nil && again != err {
					t.Errorf("%s: got %v once more, want %v", c.name, again, err)
				}
				return nil
			})
		}
	}
}

const typicalParts = "--b\nContent-Disposition: form-data; name=\"a\"\n\nvalue\n" +
	"--b\nContent-Disposition: form-data; name=\"f\"; filename=\"x.txt\"\nContent-Type: text/plain\n\nline\n--line\n\n--b--\n"

func multipartResponse(contentType, body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", contentType, len(body), body)
}

func TestPartsOfAResponse(t *testing.T) {
	body := crlf(typicalParts)
	for _, step := range []int{0, 1} {
		run(t, pieces(multipartResponse(`multipart/form-data; boundary="b"`, body), step), func(ctx context.Context, w *world) error {
			resp, err := w.session.Get(ctx, "http://h/")
			if err != nil {
				return err
			}
			defer resp.Close()
			m, err := resp.Multipart()
			if err != nil {
				return err
			}
			if m.Subtype() != "form-data" {
				t.Errorf("got subtype %q", m.Subtype())
			}
			first, err := m.Next(ctx)
			if err != nil {
				return err
			}
			if text, err := first.Text(ctx); first.Name() != "a" || first.Filename() != "" || text != "value" || err != nil {
				t.Errorf("got %q, %q, %q, %v", first.Name(), first.Filename(), text, err)
			}
			if !first.AtEOF() || first.ContentType() != "text/plain" {
				t.Error("the first part is not over, or of another type than RFC 2046 says")
			}
			file, err := m.Next(ctx)
			if err != nil {
				return err
			}
			if _, err := first.ReadAll(ctx); !errors.Is(err, aiohttp.ErrPartOver) {
				t.Errorf("got %v for a part that is over, want ErrPartOver", err)
			}
			if err := file.Release(ctx); err != nil || file.Name() != "f" || file.Filename() != "x.txt" {
				t.Errorf("got %q, %q, %v", file.Name(), file.Filename(), err)
			}
			if _, err := m.Next(ctx); err != io.EOF {
				t.Errorf("got %v, want io.EOF", err)
			}
			if !resp.Closed() {
				t.Error("the connection is not in the pool, though the body was read")
			}
			return nil
		})
	}
}

// A body that is cut off is an error wherever it is cut, and what had come was handed out.
func TestPartsAreCutOffAnywhere(t *testing.T) {
	body := crlf(typicalParts)
	end := strings.Index(body, "--b--") + len("--b--")
	for cut := range end {
		response := "HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed; boundary=b\r\nConnection: close\r\n\r\n" + body[:cut]
		run(t, pieces(response, cut%3), func(ctx context.Context, w *world) error {
			resp, err := w.session.Get(ctx, "http://h/")
			if err != nil {
				return err
			}
			defer resp.Close()
			m, err := resp.Multipart()
			if err != nil {
				return err
			}
			got, err := readParts(ctx, m)
			var wrong *aiohttp.MultipartError
			if !errors.Is(err, io.ErrUnexpectedEOF) || !errors.Is(err, aiohttp.ErrClientPayload) || !errors.As(err, &wrong) {
				t.Errorf("cut at %d: got %q and %v, want a payload error", cut, got, err)
			}
			return nil
		})
	}
}

func TestPartsAreDecoded(t *testing.T) {
	gz := string(encode("gzip", []byte("zipped")))
	cases := []struct{ subtype, headers, body, want, bad string }{
		{"mixed", "Content-Transfer-Encoding: base64", "aGVs\r\nbG8=\r\n", "hello", ""},
		{"mixed", "content-transfer-encoding: BASE64", "aGVsbG8", "", "EOF"},
		{"mixed", "Content-Transfer-Encoding: base64", "a!!!", "", "base64"},
		{"mixed", "Content-Transfer-Encoding: quoted-printable", "a=3Db=\r\nc", "a=bc", ""},
		{"form-data", "Content-Transfer-Encoding: quoted-printable", "a=3D", "a=", ""},
		{"mixed", "Content-Transfer-Encoding: binary", "a=3D", "a=3D", ""},
		{"mixed", "Content-Transfer-Encoding: 8bit", "\xff", "\xff", ""},
		{"mixed", "Content-Transfer-Encoding: rot13", "x", "", "rot13"},
		{"mixed", "Content-Encoding: gzip", gz, "zipped", ""},
		{"mixed", "Content-Encoding: deflate", string(encode("deflate", []byte("flat"))), "flat", ""},
		{"mixed", "Content-Encoding: gzip\nContent-Transfer-Encoding: base64", "H4sIAAAAAAAAA0sEAEO+t+gBAAAA", "a", ""},
		{"mixed", "Content-Encoding: gzip", gz[:10], "", "gzip"},
		{"form-data", "Content-Encoding: gzip", gz, gz, ""},
		{"mixed", "Content-Encoding: identity", "x", "x", ""},
	}
	for _, c := range cases {
		for _, step := range []int{1, 1 << 20} {
			aiotest.Run(t, func(ctx context.Context) error {
				body := crlf("--b\n"+c.headers+"\n\n") + c.body + crlf("\n--b\n\nnext\n--b--\n")
				m, err := aiohttp.NewMultipartReader(&memoryBody{body, step}, "multipart/"+c.subtype+"; boundary=b")
				if err != nil {
					return err
				}
				part, err := m.Next(ctx)
				if err != nil {
					return err
				}
				got, err := part.ReadAll(ctx)
				if c.bad != "" {
					if err == nil || !strings.Contains(err.Error(), c.bad) || !strings.Contains(err.Error(), "part 1") {
						t.Errorf("%s: got %q, %v, want an error with %q", c.headers, got, err, c.bad)
					}
					return nil
				}
				if string(got) != c.want || err != nil {
					t.Errorf("%s: got %q, %v, want %q", c.headers, got, err, c.want)
				}
				if part, err = m.Next(ctx); err != nil {
					return fmt.Errorf("%s: %w", c.headers, err)
				}
				if text, err := part.Text(ctx); text != "next" || err != nil {
					t.Errorf("%s: got %q, %v for the next part", c.headers, text, err)
				}
				return nil
			})
		}
	}
}

func TestPartsAsTextJSONAndForm(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		body := crlf("--b\nContent-Type: text/plain; charset=latin1\n\n\xe9\n--b\n\n{\"a\": 1}\n--b\n\na=1&b=%20\n--b\n\n{\n--b--")
		m, err := aiohttp.NewMultipartReader(&memoryBody{body, 9}, "multipart/mixed; boundary=b")
		if err != nil {
			return err
		}
		var parts []*aiohttp.BodyPartReader
		next := func() *aiohttp.BodyPartReader {
			p, err := m.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, p)
			return p
		}
		if text, err := next().Text(ctx); text != "é" || err != nil {
			t.Errorf("got %q, %v", text, err)
		}
		var v map[string]int
		if err := next().JSON(ctx, &v); v["a"] != 1 || err != nil {
			t.Errorf("got %v, %v", v, err)
		}
		if form, err := next().Form(ctx); form.Get("a") != "1" || form.Get("b") != " " || err != nil {
			t.Errorf("got %v, %v", form, err)
		}
		var wrong *aiohttp.MultipartError
		if err := next().JSON(ctx, &v); !errors.As(err, &wrong) || wrong.Part != 4 {
			t.Errorf("got %v, want an error of part 4", err)
		}
		return m.Release(ctx)
	})
}

func TestPartsInsideParts(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		body := "leaf"
		kind := "text/plain"
		for level := range 9 {
			b := string(rune('i' - level))
			body = crlf("--"+b+"\nContent-Type: "+kind+"\n\n") + body + crlf("\n--"+b+"--\n")
			kind = "multipart/mixed; boundary=" + b
		}
		m, err := aiohttp.NewMultipartReader(&memoryBody{body, 100}, kind)
		for level := 1; err == nil; level++ {
			var part *aiohttp.BodyPartReader
			if part, err = m.Next(ctx); err != nil {
				return err
			}
			m, err = part.Multipart()
			if err != nil && level != 8 {
				t.Errorf("level %d: %v, want eight levels", level, err)
			}
			if level > 8 {
				t.Fatal("nine levels were accepted")
			}
		}
		m, err = aiohttp.NewMultipartReader(&memoryBody{crlf("--o\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\n1\n--i\n\n2\n--i--\n\n--o\n\n3\n--o--\n"), 1}, "multipart/mixed; boundary=o")
		if err != nil {
			return err
		}
		outer, err := m.Next(ctx)
		if err != nil {
			return err
		}
		inner, err := outer.Multipart()
		if err != nil {
			return err
		}
		if got, err := readParts(ctx, inner); !slices.Equal(got, []string{"[]|1", "[]|2"}) || err != nil {
			t.Errorf("inside: got %q, %v", got, err)
		}
		if got, err := readParts(ctx, m); !slices.Equal(got, []string{"[]|3"}) || err != nil {
			t.Errorf("behind: got %q, %v", got, err)
		}
		return nil
	})
}

func TestLimitsOfParts(t *testing.T) {
	three := crlf("--b\n\none\n--b\n\ntwo\n--b\n\nthree\n--b--\n")
	cases := []struct {
		name string
		opt  aiohttp.PartOption
		want error
		part int
	}{
		{"enough parts", aiohttp.WithMaxParts(3), nil, 0},
		{"too many parts", aiohttp.WithMaxParts(2), aiohttp.ErrTooManyParts, 3},
		{"enough room", aiohttp.WithMaxPart(5), nil, 0},
		{"too little room", aiohttp.WithMaxPart(4), aiohttp.ErrBodyTooLarge, 3},
	}
	for _, c := range cases {
		run(t, answers(multipartResponse("multipart/mixed; boundary=b", three)), func(ctx context.Context, w *world) error {
			resp, err := w.session.Get(ctx, "http://h/")
			if err != nil {
				return err
			}
			defer resp.Close()
			m, err := resp.Multipart(c.opt)
			if err != nil {
				return err
			}
			_, err = readParts(ctx, m)
			var wrong *aiohttp.MultipartError
			if !errors.Is(err, c.want) || c.want != nil && (!errors.As(err, &wrong) || wrong.Part != c.part) {
				t.Errorf("%s: got %v, want %v in part %d", c.name, err, c.want, c.part)
			}
			return nil
		})
	}
}

func TestWhatIsNotMultipart(t *testing.T) {
	for contentType, boundary := range map[string]bool{
		"text/html": false, "": false, "multipart/mixed": true, `multipart/mixed; boundary=""`: true,
		"multipart/mixed; boundary=" + strings.Repeat("x", 71): true, `multipart/mixed; boundary="a\"b"`: true,
	} {
		run(t, answers(multipartResponse(contentType, "--b--")), func(ctx context.Context, w *world) error {
			resp, err := w.session.Get(ctx, "http://h/")
			if err != nil {
				return err
			}
			defer resp.Close()
			_, err = resp.Multipart()
			var other *aiohttp.ContentTypeError
			if boundary && !errors.Is(err, aiohttp.ErrClientPayload) || !boundary && !errors.As(err, &other) {
				t.Errorf("%q: got %v", contentType, err)
			}
			return nil
		})
	}
}

// What the writer writes is what the reader reads; and a part is sent on while it arrives.
func TestPartsMakeARoundTrip(t *testing.T) {
	run(t, answers(multipartResponse("multipart/mixed; boundary=b", crlf("--b\nContent-Type: text/x-special\n\nsent on\n--b--\n"))), func(ctx context.Context, w *world) error {
		resp, err := w.session.Get(ctx, "http://h/")
		if err != nil {
			return err
		}
		defer resp.Close()
		m, err := resp.Multipart()
		if err != nil {
			return err
		}
		part, err := m.Next(ctx)
		if err != nil {
			return err
		}
		writer := aiohttp.NewMultipartWriter("mixed", aiohttp.WithBoundary("x--b--b"))
		writer.Append("\r\n--x--b-\r\n", http.Header{"X-A": {"1"}})
		writer.Append(part, nil)
		var sent []byte
		catch := func(ctx context.Context, req *aiohttp.ClientRequest, _ aiohttp.ClientHandler) (_ *aiohttp.ClientResponse, err error) {
			sent, err = req.Body(ctx)
			return req.AnswerBytes(200, http.Header{"Content-Type": req.Headers["Content-Type"]}, sent), err
		}
		echo, err := w.session.Post(ctx, "http://h/", aiohttp.WithData(writer), aiohttp.WithMiddlewares(catch))
		if err != nil {
			return err
		}
		defer echo.Close()
		back, err := echo.Multipart()
		if err != nil {
			return err
		}
		want := []string{"[Content-Type:[text/plain; charset=utf-8] X-A:[1]]|\r\n--x--b-\r\n", "[Content-Type:[text/x-special]]|sent on"}
		if got, err := readParts(ctx, back); !slices.Equal(got, want) || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		return nil
	})
}

func TestCancelledReadOfAPartIsFinal(t *testing.T) {
	run(t, pieces("HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Length: 1000\r\n\r\n--b\r\n\r\nhello", 0), func(ctx context.Context, w *world) error {
		resp, err := w.session.Get(ctx, "http://h/", aiohttp.WithTimeout(aiohttp.ClientTimeout{ReadIdle: 1e9}))
		if err != nil {
			return err
		}
		defer resp.Close()
		m, err := resp.Multipart()
		if err != nil {
			return err
		}
		part, err := m.Next(ctx)
		if err != nil {
			return err
		}
		buf := make([]byte, 10)
		if n, err := part.Read(ctx, buf); string(buf[:n]) != "hello" || err != nil {
			t.Errorf("got %q, %v", buf[:n], err)
		}
		over, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := part.Read(over, buf); !errors.Is(err, context.Canceled) && !errors.Is(err, aiohttp.ErrClient) {
			t.Errorf("got %v, want the cancellation", err)
		}
		if _, err := m.Next(ctx); err == nil || err == io.EOF {
			t.Errorf("got %v after that, want an error", err)
		}
		return nil
	})
}

// FuzzMultipart: never a panic or a hang; the same parts however the bytes come; and where
// mime/multipart reads the body without an error, no other content.
func FuzzMultipart(f *testing.F) {
	for _, c := range multipartBodies {
		if len(c.body) < 10_000 {
			f.Add([]byte(c.body), uint8(3))
		}
	}
	f.Add([]byte(crlf(typicalParts)), uint8(1))
	f.Fuzz(func(t *testing.T, body []byte, step uint8) {
		if len(body) > 20_000 {
			return
		}
		aiotest.Run(t, func(ctx context.Context) error {
			read := func(step int) (contents []string, err error) {
				m, err := aiohttp.NewMultipartReader(&memoryBody{string(body), step}, "multipart/mixed; boundary=b", aiohttp.WithRawParts(), aiohttp.WithMaxParts(50))
				if err != nil {
					return nil, err
				}
				for part, err := range m.All(ctx) {
					if err != nil {
						return contents, err
					}
					content, err := part.ReadAll(ctx)
					contents = append(contents, string(content))
					if err != nil {
						return contents, err
					}
				}
				return contents, nil
			}
			whole, wholeErr := read(len(body) + 1)
			split, splitErr := read(int(step%40) + 1)
			if !slices.Equal(whole, split) || (wholeErr == nil) != (splitErr == nil) {
				t.Errorf("in steps of %d: got %q, %v; whole: %q, %v", step%40+1, split, splitErr, whole, wholeErr)
			}
			if bytes.Count(body, []byte("\n")) > bytes.Count(body, []byte("\r\n")) {
				return nil // what ends lines is for the first delimiter to say, or for the last
			}
			other, otherErr := standardParts(body)
			if wholeErr == nil && otherErr == nil && !slices.Equal(whole, other) {
				t.Errorf("got %q, mime/multipart: %q", whole, other)
			}
			return nil
		})
	})
}

func standardParts(body []byte) (contents []string, err error) {
	m := multipart.NewReader(bytes.NewReader(body), "b")
	for {
		part, err := m.NextRawPart()
		if err == io.EOF {
			return contents, nil
		}
		if err != nil {
			return contents, err
		}
		content, err := io.ReadAll(part)
		contents = append(contents, string(content))
		if err != nil {
			return contents, err
		}
	}
}
