package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/aio-go/aio/asyncio"
)

// ask sends one request and gives the handler's view of it to check.
func ask(t *testing.T, request string, check func(ctx context.Context, req *Request) error, opts ...AppOption) string {
	t.Helper()
	var out string
	called := false
	app := NewApplication(opts...)
	app.AddRoutes(NewRouteDef("*", "/{path:.*}", func(ctx context.Context, req *Request) (AnyResponse, error) {
		called = true
		if err := check(ctx, req); err != nil {
			return nil, err
		}
		return Text("ok"), nil
	}))
	talk(t, app, func(w *wire) {
		w.Send(request)
		out = w.Output()
	})
	if !called {
		t.Errorf("handler was not called: %q", out)
	}
	return out
}

func TestRequestTellsWhatTheClientAskedFor(t *testing.T) {
	head := "GET /a%20b/%D1%8F?x=1&y=a+b&x=2 HTTP/1.1\r\nHost: example.com:8080\r\nCookie: a=1; b=2\r\nX-Two: 1\r\nx-two: 2\r\n\r\n"
	ask(t, head, func(ctx context.Context, req *Request) error {
		for what, c := range map[string][2]any{
			"path":     {req.Path(), "/a b/я"},
			"raw path": {req.RawPath(), "/a%20b/%D1%8F"},
			"path qs":  {req.PathQS(), "/a%20b/%D1%8F?x=1&y=a+b&x=2"},
			"query":    {fmt.Sprint(req.Query()["x"], req.Query().Get("y")), "[1 2]a b"},
			"host":     {req.Host(), "example.com:8080"},
			"url":      {req.URL().String(), "http://example.com:8080/a%20b/%D1%8F?x=1&y=a+b&x=2"},
			"scheme":   {req.Scheme(), "http"},
			"remote":   {req.Remote(), "192.0.2.7"},
			"version":  {req.Version(), "HTTP/1.1"},
			"headers":  {fmt.Sprint(req.Headers["X-Two"]), "[1 2]"},
			"cookies":  {len(req.Cookies()), 2},
			"body":     {req.BodyExists(), false},
			"readable": {req.CanReadBody(), false},
			"length":   {req.ContentLength(), int64(0)},
			"type":     {req.ContentType(), "application/octet-stream"},
		} {
			if c[0] != c[1] {
				t.Errorf("%s: got %v, want %v", what, c[0], c[1])
			}
		}
		if _, err := req.Cookie("c"); !errors.Is(err, http.ErrNoCookie) {
			t.Errorf("got %v for a cookie that is not there", err)
		}
		return nil
	})
	ask(t, "GET http://other.example/x HTTP/1.1\r\nHost: other.example\r\n\r\n", func(ctx context.Context, req *Request) error {
		if req.Host() != "other.example" || req.Path() != "/x" || req.URL().String() != "http://other.example/x" {
			t.Errorf("absolute form: got %s, %s, %s", req.Host(), req.Path(), req.URL())
		}
		return nil
	})
}

func post(contentType, body string) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", contentType, len(body), body)
}

func TestTextIsDecodedFromItsCharset(t *testing.T) {
	for _, c := range []struct{ contentType, body, want, status string }{
		{"text/plain", "h\xc3\xa9", "hé", "200"},
		{"text/plain; charset=UTF-8", "h\xc3\xa9", "hé", "200"},
		{"text/plain; charset=iso-8859-1", "h\xe9", "hé", "200"},
		{"text/plain; charset=koi8-r", "\xc1", "а", "200"},
		{"text/plain; charset=martian", "x", "", "415"},
	} {
		out := ask(t, post(c.contentType, c.body), func(ctx context.Context, req *Request) error {
			got, err := req.Text(ctx)
			if got != c.want {
				t.Errorf("%s: got %q, want %q", c.contentType, got, c.want)
			}
			return err
		})
		if !strings.Contains(status(out), c.status) {
			t.Errorf("%s: got %q", c.contentType, status(out))
		}
	}
}

func TestJSONWantsItsTypeAndAValidBody(t *testing.T) {
	for _, c := range []struct{ contentType, body, status string }{
		{"application/json", `{"a": 1}`, "200"},
		{"application/vnd.api+json; charset=utf-8", `{"a": 1}`, "200"},
		{"text/plain", `{"a": 1}`, "400"},
		{"application/json", `{"a": `, "400"},
		{"application/json", `{"a": "text"}`, "400"},
	} {
		out := ask(t, post(c.contentType, c.body), func(ctx context.Context, req *Request) error {
			var v struct{ A int }
			err := req.JSON(ctx, &v)
			if (v.A == 1) != (c.status == "200") {
				t.Errorf("%+v: got %d, %v", c, v.A, err)
			}
			return err
		})
		if !strings.Contains(status(out), c.status) {
			t.Errorf("%+v: got %q", c, status(out))
		}
	}
}

// C89, §1D: over the limit is a 413, as early as it is known.
func TestBodyOverTheLimitIsA413(t *testing.T) {
	chunked := "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n"
	for _, c := range []struct {
		request string
		limit   int64
		status  string
	}{
		{post("text/plain", "0123456789"), 10, "200"},
		{post("text/plain", "01234567890"), 10, "413"},
		{post("text/plain", "01234567890"), 0, "200"},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n", 10, "413"},
		{chunked, 10, "413"},
		{chunked + "0\r\n\r\n", 11, "200"},
	} {
		out := ask(t, c.request, func(ctx context.Context, req *Request) error {
			first, err := req.Read(ctx)
			again, err2 := req.Read(ctx)
			if string(first) != string(again) || (err == nil) != (err2 == nil) {
				t.Errorf("%+v: a second read gives %q, %v after %q, %v", c, again, err2, first, err)
			}
			return err
		}, WithClientMaxSize(c.limit))
		if !strings.Contains(status(out), c.status) {
			t.Errorf("%+v: got %q", c, status(out))
		}
	}
}

func TestBodyCanBeReadInPieces(t *testing.T) {
	request := post("text/plain", "first\nsecond\n\nlast")
	ask(t, request, func(ctx context.Context, req *Request) error {
		for _, want := range []string{"first\n", "second\n", "\n", "last"} {
			if line, err := req.Content().ReadLine(ctx); string(line) != want || err != nil {
				t.Errorf("got %q, %v; want %q", line, err, want)
			}
		}
		if line, err := req.Content().ReadLine(ctx); err != io.EOF || !req.Content().AtEOF() {
			t.Errorf("at the end: %q, %v", line, err)
		}
		return nil
	})
	ask(t, request, func(ctx context.Context, req *Request) error {
		var pieces []string
		for piece, err := range req.Content().IterChunked(ctx, 8) {
			if err != nil {
				return err
			}
			pieces = append(pieces, string(piece))
		}
		if got := fmt.Sprintf("%q", pieces); got != `["first\nse" "cond\n\nla" "st"]` {
			t.Errorf("got %s", got)
		}
		return nil
	})
	ask(t, request, func(ctx context.Context, req *Request) error {
		all, err := io.ReadAll(req.Content().Reader(ctx))
		if string(all) != "first\nsecond\n\nlast" {
			t.Errorf("got %q", all)
		}
		return err
	})
}

func TestSecondReaderOfABodyIsAnError(t *testing.T) {
	app := appWith(Post("/", func(ctx context.Context, req *Request) (AnyResponse, error) {
		other := asyncio.CreateTask(ctx, func(ctx context.Context) ([]byte, error) { return req.Content().ReadAny(ctx) })
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return nil, err
		}
		if _, err := req.Content().ReadAny(ctx); !errors.Is(err, ErrBodyMisuse) {
			t.Errorf("got %v, want ErrBodyMisuse", err)
		}
		b, err := other.Await(ctx)
		return &Response{Body: b}, err
	}))
	talk(t, app, func(w *wire) {
		w.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n")
		w.Send("body")
		if got := body(w.Output()); got != "body" {
			t.Errorf("got %q", got)
		}
	})
}

// C93
func TestFormsKeepTheOrderOfDuplicates(t *testing.T) {
	multipart := "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n2\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"C:\\dir\\..\\x.txt\"\r\nContent-Type: text/x\r\n\r\nfile\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"empty\"; filename=\"\"\r\n\r\n\r\n--b--\r\n"
	for contentType, body := range map[string]string{
		"application/x-www-form-urlencoded": "a=1&b=%20&a=2",
		"multipart/form-data; boundary=b":   multipart,
	} {
		ask(t, post(contentType, body), func(ctx context.Context, req *Request) error {
			form, err := req.Post(ctx)
			if err != nil {
				return err
			}
			if got := fmt.Sprint(form.Values["a"]); got != "[1 2]" {
				t.Errorf("%s: got %s", contentType, got)
			}
			if f := form.File("f"); strings.HasPrefix(contentType, "multipart") {
				content, err := f.Read(ctx)
				if f.Filename != "x.txt" || string(content) != "file" || f.Size != 4 || err != nil || f.Headers.Get("Content-Type") != "text/x" {
					t.Errorf("got %+v, %q, %v", f, content, err)
				}
				if form.File("empty") == nil || form.Get("empty") != "" {
					t.Error("an empty file field is not a file")
				}
			}
			return nil
		})
	}
	ask(t, post("text/plain", "a=1"), func(ctx context.Context, req *Request) error {
		form, err := req.Post(ctx)
		if len(form.Values) != 0 {
			t.Errorf("got %v of a body that is no form", form.Values)
		}
		return err
	})
}

// C91: part headers and undecoded bytes count, and a part is refused before it has been read.
func TestMultipartLimitCountsWhatIsSent(t *testing.T) {
	part := "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\r\n\r\n\r\n"
	many := strings.Repeat(part, 55) + "--b--\r\n"
	large := "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n" + strings.Repeat("x", 5000)
	request := "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
	for name, c := range map[string]struct {
		request string
		limit   int64
		status  string
	}{
		"55 empty parts":        {post("multipart/form-data; boundary=b", many), 1, "413"},
		"exactly at the limit":  {post("multipart/form-data; boundary=b", many), int64(len(many)), "200"},
		"one below":             {post("multipart/form-data; boundary=b", many), int64(len(many)) - 1, "413"},
		"part not complete":     {request + "Content-Length: 100000\r\n\r\n" + large, 4000, "413"},
		"no boundary":           {post("multipart/form-data", many), 0, "400"},
		"boundary of 71":        {post("multipart/form-data; boundary="+strings.Repeat("b", 71), many), 0, "400"},
		"cut off":               {post("multipart/form-data; boundary=b", many[:len(many)-20]), 0, "400"},
		"malformed part header": {post("multipart/form-data; boundary=b", "--b\r\nnonsense\r\n\r\nx\r\n--b--\r\n"), 0, "400"},
	} {
		out := ask(t, c.request, func(ctx context.Context, req *Request) error {
			_, err := req.Post(ctx)
			return err
		}, WithClientMaxSize(c.limit))
		if !strings.Contains(status(out), c.status) {
			t.Errorf("%s: got %q, want %s", name, status(out), c.status)
		}
	}
}

func TestLargeUploadGoesThroughATemporaryFileAndIsRemoved(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 200_000) // 3.2 MB
	body := "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"big\"\r\n\r\n" + content + "\r\n--b--\r\n"
	var spooled string
	app := NewApplication(WithClientMaxSize(0))
	app.AddRoutes(Post("/", func(ctx context.Context, req *Request) (AnyResponse, error) {
		form, err := req.Post(ctx)
		if err != nil {
			return nil, err
		}
		f := form.File("f")
		spooled = f.spooled
		got, err := f.Read(ctx)
		if string(got) != content || f.Size != int64(len(content)) {
			t.Errorf("got %d bytes, size %d, want %d", len(got), f.Size, len(content))
		}
		return Text("stored"), err
	}))
	talkBy(t, nil, app, func(w *wire) {
		request := post("multipart/form-data; boundary=b", body)
		for len(request) > 0 {
			n := min(len(request), 50_000)
			w.Send(request[:n])
			request = request[n:]
		}
		for range 1_000_000 {
			if strings.Contains(w.written.String(), "stored") && !exists(spooled) {
				return
			}
			asyncio.ToThread(w.ctx, func(context.Context) (struct{}, error) { return struct{}{}, nil })
		}
		t.Errorf("got %q; temporary file %q exists: %v", status(w.Output()), spooled, exists(spooled))
	})
}

// A request may be given up while its file is being made: then it is known nevertheless, and removed.
func TestTemporaryFileOfACancelledUploadIsKnown(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		var f FormFile
		upload := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
			content := strings.NewReader(strings.Repeat("x", 2*formMemory))
			return struct{}{}, f.fill(ctx, io.MultiReader(content, iotest.ErrReader(context.Canceled)))
		})
		asyncio.Sleep(ctx, 0)
		upload.Cancel(nil)
		if _, err := upload.Await(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the upload cancelled", err)
		}
		form := &Form{Files: map[string][]*FormFile{"f": {&f}}}
		_, err := asyncio.ToThread(ctx, func(context.Context) (struct{}, error) { return struct{}{}, nil }) // behind the others
		if known := form.spooled(); len(known) != 1 || filepath.Dir(known[0]) != dir {
			t.Errorf("got %q, want one file in %s", known, dir)
		}
		return struct{}{}, err
	}, asyncio.WithExecutorLimit(1))
	if err != nil {
		t.Fatal(err)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return path != "" && err == nil
}
