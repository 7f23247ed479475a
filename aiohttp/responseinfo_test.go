package aiohttp_test

// What a response tells beside its body: links, names, charsets, progress.

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aio-go/aio/aiohttp"
)

// headers runs body with a response to a GET that has these header lines.
func headers(t *testing.T, lines, content string, body func(ctx context.Context, r *aiohttp.ClientResponse) error, opts ...aiohttp.SessionOption) {
	t.Helper()
	answer := fmt.Sprintf("HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s", lines, len(content), content)
	run(t, answers(answer), func(ctx context.Context, w *world) error {
		r, err := w.session.Get(ctx, "http://h/dir/page")
		if err != nil {
			return err
		}
		defer r.Close()
		return body(ctx, r)
	}, opts...)
}

func TestLinks(t *testing.T) {
	for _, tt := range []struct {
		lines string
		want  []string
	}{
		{"Link: <http://x/1>; rel=next\r\n", []string{"next http://x/1 []"}},
		{"Link: </1>; rel=\"next last\", <2>; Rel=PREV; title=\"a, b; \\\"c\\\"\"\r\n",
			[]string{"next http://h/1 []", "last http://h/1 []", `prev http://h/dir/2 [title=a, b; "c"]`}},
		{"Link: <a>\r\nLink: <b>; rel=x; rel=y; foo\r\n", []string{" http://h/dir/a []", "x http://h/dir/b [foo=]"}},
		{"Link: <http://x/a,b>; rel=\"self\"\r\n", []string{"self http://x/a,b []"}},
		{"Link: broken\r\nLink: <unfinished; rel=x\r\nLink: <ok> rubbish, <fine>; rel=f\r\n", []string{" http://h/dir/ok []", "f http://h/dir/fine []"}},
		{"Link: <%zz>; rel=bad, <good>; rel=good\r\n", []string{"good http://h/dir/good []"}},
		{"", nil},
	} {
		headers(t, tt.lines, "", func(_ context.Context, r *aiohttp.ClientResponse) error {
			var got []string
			for _, l := range r.Links() {
				var params []string
				for k, v := range l.Params {
					params = append(params, k+"="+v)
				}
				slices.Sort(params)
				got = append(got, fmt.Sprintf("%s %s %v", l.Rel, l.URL, params))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%q:\ngot  %q\nwant %q", tt.lines, got, tt.want)
			}
			return nil
		})
	}
	headers(t, "Link: <2>; rel=\"Next\"\r\n", "", func(_ context.Context, r *aiohttp.ClientResponse) error {
		if u := r.Link("next"); u == nil || u.String() != "http://h/dir/2" {
			t.Errorf("got %v", u)
		}
		if u := r.Link("prev"); u != nil {
			t.Errorf("got %v for a relation that is not there", u)
		}
		return nil
	})
}

func FuzzLinks(f *testing.F) {
	f.Add(`</1>; rel="next last", <2>; Rel=PREV; title="a, b; \"c\""`)
	f.Add(`<a>;;;=,<b`)
	f.Fuzz(func(t *testing.T, line string) {
		for _, l := range aiohttp.ParseLinks("http://h/", line) {
			if l.URL == nil || strings.ContainsAny(l.Rel, " \t") {
				t.Errorf("%q: got %+v", line, l)
			}
		}
	})
}

func TestContentDisposition(t *testing.T) {
	for _, tt := range []struct{ value, kind, name string }{
		{`attachment; filename="a.txt"`, "attachment", "a.txt"},
		{`ATTACHMENT; filename=plain`, "attachment", "plain"},
		{`attachment; filename="x"; filename*=UTF-8''na%C3%AFve%20file.txt`, "attachment", "naïve file.txt"},
		{`attachment; filename="../../etc/passwd"`, "attachment", "passwd"},
		{`attachment; filename="C:\\windows\\system.ini"`, "attachment", "system.ini"},
		{`attachment; filename=".."`, "attachment", ""},
		{`inline`, "inline", ""},
		{`attachment; filename="unfinished`, "", ""},
	} {
		headers(t, "Content-Disposition: "+tt.value+"\r\n", "", func(_ context.Context, r *aiohttp.ClientResponse) error {
			if got := r.ContentDisposition(); got.Type != tt.kind || got.Filename != tt.name {
				t.Errorf("%s: got %q, %q, want %q, %q", tt.value, got.Type, got.Filename, tt.kind, tt.name)
			}
			return nil
		})
	}
}

func TestTextIsDecodedFromItsCharset(t *testing.T) {
	const latin, cyrillic = "caf\xe9", "\xcf\xf0\xe8\xe2\xe5\xf2"
	for _, tt := range []struct {
		name, contentType, body, want string
		session                       []aiohttp.SessionOption
		text                          []aiohttp.TextOption
	}{
		{name: "named by the header", contentType: "text/plain; charset=latin1", body: latin, want: "café"},
		{name: "not named", contentType: "text/plain", body: latin, want: "caf\uFFFD"},
		{name: "unknown", contentType: "text/plain; charset=martian", body: "abc", want: "abc"},
		{name: "a mark of UTF-16", contentType: "text/plain; charset=utf-16", body: "\xFF\xFEa\x00", want: "a"},
		{name: "a mark of UTF-16 in the other order", contentType: "text/plain; charset=utf-16", body: "\xFE\xFF\x00a", want: "a"},
		{name: "UTF-16 without a mark", contentType: "text/plain; charset=utf-16be", body: "\x00a", want: "a"},
		{name: "a mark of UTF-8", contentType: "text/plain; charset=utf-8", body: "\xEF\xBB\xBFa", want: "\uFEFFa"},
		{name: "the caller knows better", contentType: "text/plain; charset=utf-8", body: cyrillic, want: "Привет",
			text: []aiohttp.TextOption{aiohttp.WithCharset("windows-1251")}},
		{name: "by a resolver", contentType: "text/plain", body: cyrillic, want: "Привет",
			session: []aiohttp.SessionOption{aiohttp.WithCharsetResolver(func(*aiohttp.ClientResponse, []byte) string { return "cp1251" })}},
		{name: "detected in the page", contentType: "text/html", body: "<meta charset='windows-1251'>" + cyrillic, want: "<meta charset='windows-1251'>Привет",
			session: []aiohttp.SessionOption{aiohttp.WithCharsetResolver(aiohttp.DetectCharset)}},
		{name: "detected by its mark", contentType: "text/plain", body: "\xFF\xFEa\x00", want: "a",
			session: []aiohttp.SessionOption{aiohttp.WithCharsetResolver(aiohttp.DetectCharset)}},
	} {
		headers(t, "Content-Type: "+tt.contentType+"\r\n", tt.body, func(ctx context.Context, r *aiohttp.ClientResponse) error {
			got, err := r.Text(ctx, tt.text...)
			if got != tt.want || err != nil {
				t.Errorf("%s: got %q, %v, want %q", tt.name, got, err, tt.want)
			}
			return nil
		}, tt.session...)
	}
	headers(t, "", "x", func(ctx context.Context, r *aiohttp.ClientResponse) error {
		if _, err := r.Text(ctx, aiohttp.WithCharset("martian")); err == nil || !strings.Contains(err.Error(), "martian") {
			t.Errorf("got %v for a charset that does not exist", err)
		}
		return nil
	})
	headers(t, "Content-Type: application/json; charset=latin1\r\n", "\"caf\xe9\"", func(ctx context.Context, r *aiohttp.ClientResponse) error {
		if got, err := aiohttp.DecodeJSON[string](ctx, r); got != "café" || err != nil || r.Encoding() != "windows-1252" {
			t.Errorf("JSON in latin1: got %q, %v, encoding %s", got, err, r.Encoding())
		}
		return nil
	})
}

func TestProgressIsReported(t *testing.T) {
	body := strings.Repeat("x", 150_000)
	echo := func(ctx context.Context, p *peer) error {
		for {
			if _, err := p.readHead(ctx); err != nil {
				return err
			}
			if _, err := p.readN(ctx, len(body)); err != nil {
				return err
			}
			if err := p.send(ctx, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)); err != nil {
				return err
			}
		}
	}
	run(t, echo, func(ctx context.Context, w *world) error {
		type step struct{ n, of int64 }
		var up, down []step
		r, err := w.session.Post(ctx, "http://h/", aiohttp.WithData(body),
			aiohttp.WithUploadProgress(func(n, of int64) { up = append(up, step{n, of}) }),
			aiohttp.WithDownloadProgress(func(n, of int64) { down = append(down, step{n, of}) }))
		if err != nil {
			return err
		}
		if _, err := r.Read(ctx); err != nil {
			return err
		}
		end := step{150_000, 150_000}
		if want := []step{{65536, 150_000}, {131072, 150_000}, end}; !slices.Equal(up, want) {
			t.Errorf("upload: got %v, want %v", up, want)
		}
		if len(down) == 0 || down[len(down)-1] != end {
			t.Errorf("download: got %v, want it to end with %v", down, end)
		}
		if r.OutputSize() != 150_000 || !r.UploadComplete() {
			t.Errorf("got %d bytes sent, complete %v", r.OutputSize(), r.UploadComplete())
		}
		return nil
	})
}

// What is sent again after a redirect is reported again, from zero.
func TestProgressBeginsAgainAfterARedirect(t *testing.T) {
	var seen []exchange
	run(t, hops(&seen, to(307, "/next"), hello), func(ctx context.Context, w *world) error {
		var sent []int64
		resp, err := w.session.Post(ctx, "http://h/", aiohttp.WithData("data"), aiohttp.WithUploadProgress(func(n, _ int64) { sent = append(sent, n) }))
		if err != nil {
			return err
		}
		if !slices.Equal(sent, []int64{4, 4}) {
			t.Errorf("got %v, want both sendings reported", sent)
		}
		return resp.Close()
	})
}
