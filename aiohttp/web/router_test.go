package web

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func named(name string) Handler {
	return func(context.Context, *Request) (AnyResponse, error) { return Text(name), nil }
}

// found resolves and says which route won, by the text its handler answers.
func found(t *testing.T, r *Router, method, raw string) (string, []string) {
	t.Helper()
	path, ok := canonicalPath(raw)
	if !ok {
		return "malformed", nil
	}
	v := r.resolve(method, path, nil)
	if v.route == nil {
		return fmt.Sprint(v.allowed), nil
	}
	resp, err := v.route.handler(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp.(*Response).Text, v.values
}

// C111
func TestLiteralBeatsPatternAndOrderDecidesAmongPatterns(t *testing.T) {
	r := newRouter()
	r.AddGet("/{page}", named("first pattern"))
	r.AddGet("/{other:.*}", named("second pattern"))
	r.AddGet("/about", named("literal"))
	r.AddGet("/deep/{x}/end", named("deep"))
	for path, want := range map[string]string{
		"/about":      "literal",
		"/elsewhere":  "first pattern",
		"/a/b":        "second pattern",
		"/deep/1/end": "deep",
		"/deep/1/2":   "second pattern",
		"/":           "second pattern",
	} {
		if got, _ := found(t, r, "GET", path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

// C112
func TestEscapedLiteralMatchesDecodedRoute(t *testing.T) {
	r := newRouter()
	r.AddGet("/a:b", named("colon"))
	r.AddGet("/a,b", named("comma"))
	r.AddGet("/c%2Cd", named("written escaped"))
	r.AddGet("/x/{v}", named("value"))
	for _, c := range []struct{ path, want, value string }{
		{"/a%3Ab", "colon", ""},
		{"/a:b", "colon", ""},
		{"/a%2Cb", "comma", ""},
		{"/c%2Cd", "[]", ""},
		{"/c,d", "[]", ""},
		{"/c%252Cd", "written escaped", ""},
		{"/x/%D1%8F", "value", "я"},
		{"/x/a%2Fb", "value", "a/b"},
		{"/x/a%2fb", "value", "a/b"},
		{"/x/100%25", "value", "100%"},
		{"/x/%252F", "value", "%2F"},
		{"/x/%zz", "malformed", ""},
		{"/x/%4", "malformed", ""},
	} {
		got, values := found(t, r, "GET", c.path)
		if got != c.want || strings.Join(values, "") != c.value {
			t.Errorf("%s: got %s %q, want %s %q", c.path, got, values, c.want, c.value)
		}
	}
}

// C114
func TestPatternsMatchTheirVariables(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          []string // nil: no match
	}{
		{`/range/{from:\d+}-{to:\d+}`, "/range/10-20", []string{"10", "20"}},
		{`/range/{from:\d+}-{to:\d+}`, "/range/10-x", nil},
		{`/{year:\d{4}}/{rest}`, "/2026/x", []string{"2026", "x"}},
		{`/{year:\d{4}}/{rest}`, "/20261/x", nil},
		{"/{name}.html", "/test.html", []string{"test"}},
		{"/{name}.html", "/.html", nil},
		{"/{name}.{ext}", "/file.tar.gz", []string{"file.tar", "gz"}},
		{"/{name}.{ext}", "/file", nil},
		{"/{to:.+}/tail", "/a/b/c/tail", []string{"a/b/c"}},
		{"/core/locations{tail:.*}", "/core/locations", []string{""}},
		{"/core/locations{tail:.*}", "/core/locations/10/x", []string{"/10/x"}},
		{"/{a}/{b}", "/1/2", []string{"1", "2"}},
		{"/{a}/{b}", "/1/", nil},
		{"/{a}/{b}", "/1/2/3", nil},
		{"/{a}/", "/1", nil},
		{"/get/{name}", "/get/{braces}", nil},
		{"/pay{rest:(a|b)+}", "/payabba", []string{"abba"}},
		{"/{a:(x)(y)}/{b}", "/xy/z", []string{"xy", "z"}},
	} {
		r := newRouter()
		r.AddGet(c.pattern, named("it"))
		verdict := r.resolve("GET", c.path, nil)
		if (verdict.route != nil) != (c.want != nil) || !slices.Equal(verdict.values, c.want) {
			t.Errorf("%s on %s: got %q, want %q", c.pattern, c.path, verdict.values, c.want)
		}
	}
}

// C115
func TestBadRegistrationIsRefused(t *testing.T) {
	for _, path := range []string{"/{/", "/{id", "/{id{}}", `/{id"}`, "/{}", "/{1a}", "/a}", "relative", "/{a}/{a}", "/{a:(}", "/{a:}", "/{a:x)(y}"} {
		if _, err := newRouter().AddRoute("GET", path, hello); err == nil {
			t.Errorf("path %q was accepted", path)
		} else if re := (*RouteError)(nil); !errors.As(err, &re) || re.Path != path {
			t.Errorf("path %q: got %#v, want a *RouteError naming it", path, err)
		}
	}
	for _, method := range []string{"", "GE T", "G@T", "[GET]", "GET\r\n"} {
		if _, err := newRouter().AddRoute(method, "/", hello); err == nil {
			t.Errorf("method %q was accepted", method)
		}
	}
	for _, name := range []string{"a b", "a..b", "1x", "a.-b", "ю"} {
		if _, err := newRouter().AddRoute("GET", "/", hello, WithName(name)); err == nil {
			t.Errorf("name %q was accepted", name)
		}
	}
	refused := func(why string, register func(r *Router) error) {
		t.Helper()
		if register(newRouter()) == nil {
			t.Errorf("%s was accepted", why)
		}
	}
	refused("a nil handler", func(r *Router) error { _, err := r.AddRoute("GET", "/", nil); return err })
	refused("a duplicate", func(r *Router) error {
		r.AddGet("/", hello)
		_, err := r.AddRoute("GET", "/", hello)
		return err
	})
	refused("a duplicate pattern further down", func(r *Router) error {
		r.AddGet("/{a}", hello)
		r.AddGet("/{b}", hello)
		_, err := r.AddRoute("GET", "/{a}", hello)
		return err
	})
	refused("a method behind *", func(r *Router) error {
		r.AddAny("/", hello)
		_, err := r.AddRoute("GET", "/", hello)
		return err
	})
	refused("a name used twice", func(r *Router) error {
		r.AddGet("/a", hello, WithName("x"))
		_, err := r.AddRoute("GET", "/b", hello, WithName("x"))
		return err
	})
	refused("a route after the start", func(r *Router) error {
		app := &Application{router: r}
		app.freeze()
		_, err := r.AddRoute("GET", "/b", hello)
		return err
	})
	defer func() {
		if recover() == nil {
			t.Error("AddGet of a bad path did not panic")
		}
	}()
	newRouter().AddGet("/{", hello)
}

// C116, C111: another resource that has the method answers, in spite of an earlier one that lacks it.
func TestMethodsAreCollectedOverAllMatchingResources(t *testing.T) {
	r := newRouter()
	r.AddGet("/thing/{id}", named("get"))
	r.AddPost("/thing/special", named("post special"))
	r.AddPut("/{any:.*}", named("put any"))
	r.AddGet("/nohead", named("get"), WithoutHead())
	for _, c := range []struct{ method, path, want string }{
		{"GET", "/thing/special", "get"},
		{"HEAD", "/thing/special", "get"},
		{"POST", "/thing/special", "post special"},
		{"PUT", "/thing/special", "put any"},
		{"DELETE", "/thing/special", "[POST GET HEAD PUT]"},
		{"DELETE", "/thing/1", "[GET HEAD PUT]"},
		{"HEAD", "/nohead", "[GET PUT]"},
		{"get", "/thing/1", "[GET HEAD PUT]"}, // D6
	} {
		if got, _ := found(t, r, c.method, c.path); got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.method, c.path, got, c.want)
		}
	}
}

func TestAnyMethodRouteTakesThemAll(t *testing.T) {
	r := newRouter()
	r.AddGet("/x", named("get"))
	r.AddAny("/x", named("any"))
	for _, method := range []string{"POST", "BREW", "OPTIONS"} {
		if got, _ := found(t, r, method, "/x"); got != "any" {
			t.Errorf("%s: got %s, want any", method, got)
		}
	}
	if got, _ := found(t, r, "GET", "/x"); got != "get" {
		t.Errorf("GET: got %s, want get", got)
	}
}

func TestPrefixesEndAtSegments(t *testing.T) {
	r := newRouter()
	r.AddGet("/foo/{tail:.*}", named("foo"))
	for path, want := range map[string]string{"/foo/": "foo", "/foo/x": "foo", "/foobar": "[]", "/foo": "[]", "": "[]", "*": "[]", "//": "[]"} {
		if got, _ := found(t, r, "GET", path); got != want {
			t.Errorf("%q: got %s, want %s", path, got, want)
		}
	}
}

func TestURLForLeadsBack(t *testing.T) {
	r := newRouter()
	user := r.AddGet("/user/{name}", named("user"), WithName("user-page")).Resource()
	file := r.AddGet("/file/{path:.*}", named("file"), WithName("files.all")).Resource()
	if r.Named("user-page") != user || r.Named("nobody") != nil {
		t.Error("Named does not find the resource it should")
	}
	for _, c := range []struct {
		res       *Resource
		value     string
		want      string
		canonical string
	}{
		{user, "anna", "/user/anna", "user"},
		{user, "a/b", "/user/a%2Fb", "user"},
		{user, "a b?c#d%e", "/user/a%20b%3Fc%23d%25e", "user"},
		{user, "я", "/user/%D1%8F", "user"},
		{file, "a/b c", "/file/a/b%20c", "file"},
		{file, "", "/file/", "file"},
	} {
		name := c.res.pattern.names[0]
		u, err := c.res.URLFor(name, c.value)
		if err != nil {
			t.Errorf("%q: %v", c.value, err)
			continue
		}
		if u.String() != c.want {
			t.Errorf("%q: got %s, want %s", c.value, u, c.want)
		}
		if got, values := found(t, r, "GET", u.String()); got != c.canonical || values[0] != c.value {
			t.Errorf("%q leads to %s with %q", c.value, got, values)
		}
	}
	for _, pairs := range [][]string{{}, {"name"}, {"name", ""}, {"name", "x", "more", "y"}, {"other", "x"}, {"name", "{x}"}} {
		if u, err := user.URLFor(pairs...); err == nil {
			t.Errorf("%q: got %s, want an error", pairs, u)
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	r := newRouter()
	for i := range 100 {
		r.AddGet(fmt.Sprintf("/static/page%d", i), hello)
		r.AddGet(fmt.Sprintf("/api/v1/thing%d/{id}", i), hello)
	}
	r.AddGet(`/num/{id:\d+}`, hello)
	for _, c := range []struct{ name, path string }{
		{"literal", "/static/page50"}, {"variable", "/api/v1/thing50/12345"}, {"regex", "/num/12345"}, {"missing", "/api/v1/none/12345"},
	} {
		b.Run("route="+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.resolve("GET", c.path, nil)
			}
		})
	}
}
