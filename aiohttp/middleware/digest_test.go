package middleware_test

import (
	"context"
	"crypto/md5"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/middleware"
	"github.com/aio-go/aio/asyncio"
)

// The examples of the RFCs, with their errata.
func TestDigestAnswersAsTheRFCsDo(t *testing.T) {
	const (
		nonce7616  = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
		cnonce7616 = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
		rest7616   = `realm="http-auth@example.org", qop="auth, auth-int", nonce="` + nonce7616 + `", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
		old        = `realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"`
	)
	cases := []struct {
		name, challenge, login, password, cnonce string
		want                                     []string
	}{
		{"RFC 7616 section 3.9.1, MD5", "Digest " + rest7616 + ", algorithm=MD5", "Mufasa", "Circle of Life", cnonce7616,
			[]string{`response="8ca523f5e9506fed4657c9700eebdbec"`, "algorithm=MD5", "qop=auth", "nc=00000001", `cnonce="` + cnonce7616 + `"`,
				`opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`, `username="Mufasa"`, `uri="/dir/index.html"`, `realm="http-auth@example.org"`, `nonce="` + nonce7616 + `"`}},
		{"RFC 7616 section 3.9.1, SHA-256", "Digest " + rest7616 + ", algorithm=SHA-256", "Mufasa", "Circle of Life", cnonce7616,
			[]string{`response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"`, "algorithm=SHA-256"}},
		{"RFC 2617 section 3.5", "Digest " + old + `, qop="auth,auth-int"`, "Mufasa", "Circle Of Life", "0a4f113b",
			[]string{`response="6629fae49393a05397450978507c4ef1"`, "qop=auth"}},
		{"RFC 2069 section 2.4", "Digest " + old, "Mufasa", "CircleOfLife", "unused",
			[]string{`response="1949323746fe6a43ef61f9606e7febea"`}},
	}
	for _, tt := range cases {
		got := middleware.DigestAnswer([]string{tt.challenge}, tt.login, tt.password, "GET", "/dir/index.html", "", tt.cnonce, 1)
		for _, want := range tt.want {
			if !strings.Contains(got+",", want+",") {
				t.Errorf("%s: got %s, want %s in it", tt.name, got, want)
			}
		}
	}
	// RFC 7616 section 3.9.2: the name not ASCII, and hashed as erratum 4897 has it. The
	// response is what Python's hashlib makes of the same values.
	got := middleware.DigestAnswer([]string{`Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", ` +
		`opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true`}, "Jäsøn Doe", "Secret, or not?",
		"GET", "/doe.json", "", "NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm", 1)
	for _, want := range []string{
		`username="793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"`, "userhash=true",
		`response="7a4e1192babbba02e91182d2895bfdbf7adafc6e48d4e517ca301974843d840c"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s, want %s in it", got, want)
		}
	}
}

func TestDigestAlgorithms(t *testing.T) {
	const rest = `Digest realm="r", nonce="n", qop="auth", algorithm=`
	lengths := map[string]int{"MD5": 32, "md5-sess": 32, "SHA": 40, "SHA-256": 64, "SHA-256-sess": 64, "SHA-512-256": 64, "SHA-512-256-sess": 64, "SHA-512": 128, "SHA-512-SESS": 128}
	seen := map[string]string{}
	for algorithm, length := range lengths {
		got := middleware.DigestAnswer([]string{rest + algorithm}, "u", "p", "GET", "/", "", "c", 1)
		_, response, _ := strings.Cut(got, `response="`)
		response, _, _ = strings.Cut(response, `"`)
		if len(response) != length || !strings.Contains(got, "algorithm="+algorithm) || seen[response] != "" {
			t.Errorf("%s: got %s (response like %s)", algorithm, got, seen[response])
		}
		seen[response] = algorithm
	}
	for _, refused := range []string{rest + "TOKEN", rest + "SHA-384", `Digest realm="r", nonce="n", qop="auth-conf"`, `Digest realm="r"`, `Digest nonce="n"`, `Basic realm="r"`} {
		if got := middleware.DigestAnswer([]string{refused}, "u", "p", "GET", "/", "", "c", 1); got != "" {
			t.Errorf("%s: answered with %s", refused, got)
		}
	}
	got := middleware.DigestAnswer([]string{`Basic realm="b", ` + rest + "MD5, " + rest + "SHA-256", rest + "SHA"}, "u", "p", "GET", "/", "", "c", 1)
	if !strings.Contains(got, "algorithm=SHA-256,") {
		t.Errorf("got %s, want the strongest algorithm", got)
	}
}

// C83: a realm or an opaque value with quotes and backslashes stays what it is.
func TestBackslashCannotBreakQuoting(t *testing.T) {
	got := middleware.DigestAnswer([]string{`Digest realm="a\"b\\", nonce="n\\", opaque="\\\"x"`}, `u"`, "p", "GET", `/"`, "", "c", 1)
	for _, want := range []string{`realm="a\"b\\",`, `nonce="n\\",`, `opaque="\\\"x"`, `username="u\"",`, `uri="/\"",`} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s, want %s in it", got, want)
		}
	}
	back := middleware.ParseChallenges(got)
	if len(back) != 1 || back[0].Bad || back[0].Params["realm"] != `a"b\` || back[0].Params["opaque"] != `\"x` || len(back[0].Params) != 6 {
		t.Errorf("read back: %+v", back)
	}
}

func TestChallengesAreTakenApart(t *testing.T) {
	type p = map[string]string
	cases := []struct {
		value string
		want  []middleware.Challenge
	}{
		{"", nil},
		{" , ,", nil},
		{"Basic", []middleware.Challenge{{Scheme: "basic"}}},
		{`Digest realm="a, b", qop=auth , NONCE = "x"`, []middleware.Challenge{{Scheme: "digest", Params: p{"realm": "a, b", "qop": "auth", "nonce": "x"}}}},
		{`Negotiate, Basic realm="x",Digest realm=y`, []middleware.Challenge{{Scheme: "negotiate"}, {Scheme: "basic", Params: p{"realm": "x"}}, {Scheme: "digest", Params: p{"realm": "y"}}}},
		{"Negotiate abc+/==, Basic realm=x", []middleware.Challenge{{Scheme: "negotiate"}, {Scheme: "basic", Params: p{"realm": "x"}}}},
		{`Newauth realm="apps", type=1, title="Login to \"apps\"", Basic realm="simple"`,
			[]middleware.Challenge{{Scheme: "newauth", Params: p{"realm": "apps", "type": "1", "title": `Login to "apps"`}}, {Scheme: "basic", Params: p{"realm": "simple"}}}},
		{"Digest realm=a,,nonce=b,", []middleware.Challenge{{Scheme: "digest", Params: p{"realm": "a", "nonce": "b"}}}},
		{"Digest realm=a, realm=b", []middleware.Challenge{{Scheme: "digest", Params: p{"realm": "b"}, Bad: true}}},
		{`Digest realm="a`, []middleware.Challenge{{Scheme: "digest", Bad: true}}},
		{`Digest realm="a\`, []middleware.Challenge{{Scheme: "digest", Bad: true}}},
		{`Digest realm="a" nonce=b`, []middleware.Challenge{{Scheme: "digest", Params: p{"realm": "a"}, Bad: true}}},
		{"Digest realm=", []middleware.Challenge{{Scheme: "digest"}}}, // a token68 by its form
		{"Digest=x", []middleware.Challenge{{Scheme: "digest", Bad: true}}},
		{`Basic realm=x, "oops"`, []middleware.Challenge{{Scheme: "basic", Params: p{"realm": "x"}}, {Bad: true}}},
	}
	for _, tt := range cases {
		if got := middleware.ParseChallenges(tt.value); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", tt.value, got, tt.want)
		}
	}
}

// Whatever a server sends, reading ends; a proof made of it is one header line that
// reads back as what it was made of.
func FuzzChallenges(f *testing.F) {
	for _, seed := range []string{
		`Digest realm="a\"b", nonce="n", qop="auth,auth-int", algorithm=SHA-256, opaque="", stale=TRUE`, "Negotiate abc==, Basic realm=x", `Digest realm="`,
		"Digest realm=a,,nonce=b,", `Digest realm="r", nonce="n", charset=UTF-8, userhash=true`,
	} {
		f.Add(seed, "user")
	}
	f.Fuzz(func(t *testing.T, value, login string) {
		parsed := middleware.ParseChallenges(value)
		got := middleware.DigestAnswer([]string{value}, login, "p", "GET", "/x", "", "c", 1)
		if got == "" || strings.ContainsFunc(login, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return
		}
		back := middleware.ParseChallenges(got)
		if len(back) != 1 || back[0].Bad || back[0].Scheme != "digest" {
			t.Fatalf("%q: got %q, which is %+v", value, got, back)
		}
		for _, c := range parsed {
			if c.Params["nonce"] == back[0].Params["nonce"] && c.Params["realm"] == back[0].Params["realm"] {
				return
			}
		}
		t.Errorf("%q: the answer %q belongs to none of its challenges", value, got)
	})
}

// digestServer asks for a proof and checks it, independently of the code under test.
type digestServer struct {
	nonce  string
	extra  string // of the challenge
	uses   map[string]bool
	stale  bool // the next proof is too old, whatever it is
	wrong  bool // no proof is right
	counts []string
}

func sum(parts ...string) string {
	return fmt.Sprintf("%x", md5.Sum([]byte(strings.Join(parts, ":"))))
}

func (s *digestServer) reply(req *aiohttp.ClientRequest) reply {
	challenge := `Digest realm="r", nonce="` + s.nonce + `"` + s.extra
	list := middleware.ParseChallenges(req.Headers.Get("Authorization"))
	if len(list) != 1 || list[0].Scheme != "digest" {
		return reply{status: 401, headers: header("WWW-Authenticate", challenge), body: "who?"}
	}
	p := list[0].Params
	want := sum(sum("user", "r", "s3cret"), s.nonce, p["nc"], p["cnonce"], p["qop"], sum(req.Method, req.URL.RequestURI()))
	switch {
	case s.stale:
		s.stale, s.nonce = false, s.nonce+"+"
		return reply{status: 401, headers: header("WWW-Authenticate", `Digest realm="r", stale=true, nonce="`+s.nonce+`"`+s.extra)}
	case p["response"] != want || s.uses[p["nonce"]+p["nc"]] || s.wrong:
		return reply{status: 401, headers: header("WWW-Authenticate", challenge), body: "no"}
	}
	if s.uses == nil {
		s.uses = map[string]bool{}
	}
	s.uses[p["nonce"]+p["nc"]] = true
	s.counts = append(s.counts, p["nonce"]+" "+p["nc"])
	return reply{status: 200, body: "in"}
}

func serveDigest(s *digestServer) *origin {
	return &origin{answer: func(_ context.Context, _ int, req *aiohttp.ClientRequest) reply { return s.reply(req) }}
}

func withDigest(opts ...middleware.DigestOption) []aiohttp.ClientMiddleware {
	return []aiohttp.ClientMiddleware{middleware.NewDigestAuth("user", "s3cret", opts...).Middleware}
}

func TestDigestAsksOnceAndCounts(t *testing.T) {
	server := &digestServer{nonce: "n", extra: `, qop="auth"`}
	o := serveDigest(server)
	run(t, o, withDigest(), func(ctx context.Context, s *aiohttp.ClientSession) error {
		for i := range 3 {
			if resp, body := get(ctx, t, s, fmt.Sprint("http://a.test/x?i=", i)); resp.Status != 200 || body != "in" {
				t.Errorf("got %d %q", resp.Status, body)
			}
		}
		if got, want := strings.Join(server.counts, ", "), "n 00000001, n 00000002, n 00000003"; got != want || len(o.seen) != 4 {
			t.Errorf("got %s in %d requests, want %s in 4", got, len(o.seen), want)
		}
		server.stale = true
		if resp, _ := get(ctx, t, s, "http://a.test/"); resp.Status != 200 || len(o.seen) != 6 {
			t.Errorf("stale: got %d after %d requests", resp.Status, len(o.seen)-4)
		}
		if got := server.counts[len(server.counts)-1]; got != "n+ 00000001" {
			t.Errorf("stale: got %s, want a fresh count", got)
		}
		return nil
	})
}

// What is proved is the target that is sent, byte for byte.
func TestDigestProvesTheTargetAsItIsSent(t *testing.T) {
	var mu sync.Mutex
	var proved, sent []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, rest, asked := strings.Cut(r.Header.Get("Authorization"), `uri="`)
		if !asked {
			w.Header().Set("WWW-Authenticate", `Digest realm="r", nonce="n", qop="auth"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		uri, _, _ := strings.Cut(rest, `"`)
		mu.Lock()
		proved, sent = append(proved, uri), append(sent, r.RequestURI)
		mu.Unlock()
		if strings.HasPrefix(r.RequestURI, "/to") {
			w.Header()["Location"] = []string{"on|ward[1]?a|b"}
			w.WriteHeader(http.StatusFound)
		}
	}))
	defer server.Close()
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
		s := aiohttp.NewClientSession(aiohttp.WithMiddlewares(append(withDigest(), middleware.Retry(middleware.RetryPolicy{}))...))
		defer s.Close()
		for _, path := range []string{"/a|b[%7e]?q|r", "/to|"} {
			if resp, _, err := fetch(ctx, s, "GET", server.URL+path); err != nil || resp.Status != http.StatusOK {
				t.Errorf("%s: got %v and %v", path, resp, err)
			}
		}
		return struct{}{}, nil
	})
	mu.Lock()
	defer mu.Unlock()
	want := []string{"/a|b[%7e]?q|r", "/to|", "/on|ward[1]?a|b"}
	if err != nil || !slices.Equal(sent, want) || !slices.Equal(proved, want) {
		t.Errorf("sent %q, proved %q and %v, want %q", sent, proved, err, want)
	}
}

func TestDigestTriesAtMostTwice(t *testing.T) {
	server := &digestServer{nonce: "n", extra: `, qop="auth"`, wrong: true}
	o := serveDigest(server)
	run(t, o, withDigest(), func(ctx context.Context, s *aiohttp.ClientSession) error {
		if resp, body := get(ctx, t, s, "http://a.test/"); resp.Status != 401 || body != "no" || len(o.seen) != 2 {
			t.Errorf("got %d %q after %d requests", resp.Status, body, len(o.seen))
		}
		// The same nonce again, after a proof made of it: nothing would be different.
		if resp, _ := get(ctx, t, s, "http://a.test/"); resp.Status != 401 || len(o.seen) != 3 {
			t.Errorf("got %d after %d requests, want one more", resp.Status, len(o.seen))
		}
		return nil
	})
}

func TestDigestWithoutPreemption(t *testing.T) {
	server := &digestServer{nonce: "n", extra: `, qop="auth"`}
	o := serveDigest(server)
	run(t, o, withDigest(middleware.WithoutPreemption()), func(ctx context.Context, s *aiohttp.ClientSession) error {
		for range 2 {
			get(ctx, t, s, "http://a.test/")
		}
		if len(o.seen) != 4 || strings.Join(server.counts, ", ") != "n 00000001, n 00000002" {
			t.Errorf("got %d requests and %v", len(o.seen), server.counts)
		}
		return nil
	})
}

// Tasks that share the middleware never use a number twice.
func TestDigestCountsAcrossTasks(t *testing.T) {
	server := &digestServer{nonce: "n", extra: `, qop="auth"`}
	o := serveDigest(server)
	run(t, o, withDigest(), func(ctx context.Context, s *aiohttp.ClientSession) error {
		var tasks []interface {
			Await(context.Context) (struct{}, error)
		}
		for range 20 {
			tasks = append(tasks, spawn(ctx, func(ctx context.Context) error {
				if resp, _ := get(ctx, t, s, "http://a.test/"); resp.Status != 200 {
					t.Errorf("got %d", resp.Status)
				}
				return nil
			}))
		}
		for _, task := range tasks {
			task.Await(ctx)
		}
		if len(server.counts) != 20 {
			t.Errorf("got %d proofs", len(server.counts))
		}
		return nil
	})
}

// C83, CVE-2026-54276: a challenge of another origin is not answered, wherever it comes
// from; one of the same origin, or of one it has vouched for, is.
func TestDigestStaysWithItsOrigin(t *testing.T) {
	cases := []struct {
		name, domain, first, target string
		answered                    bool
	}{
		{"same origin", "", "http://a.test/", "http://a.test/there", true},
		{"same origin, port spelled out", "", "http://a.test/", "http://A.test:80/there", true},
		{"other host", "", "http://a.test/", "http://evil.test/", false},
		{"subdomain", "", "http://a.test/", "http://x.a.test/", false},
		{"other port", "", "http://a.test/", "http://a.test:8080/", false},
		{"other scheme", "", "https://a.test/", "http://a.test/", false},
		{"in the space", "http://b.test/in /", "http://a.test/", "http://b.test/in/x", true},
		{"the space itself", "http://b.test/in", "http://a.test/", "http://b.test/in", true},
		{"beside the space", "http://b.test/in", "http://a.test/", "http://b.test/inside", false},
		{"out of the space", "http://b.test/in", "http://a.test/", "http://b.test/in/../out", false},
		{"out of the space, encoded", "http://b.test/in", "http://a.test/", "http://b.test/in/%2E%2e/out", false},
		{"space without encryption", "http://b.test/", "https://a.test/", "http://b.test/", false},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			domain := ""
			if tt.domain != "" {
				domain = `, domain="` + tt.domain + `"`
			}
			server := &digestServer{nonce: "n", extra: `, qop="auth"` + domain}
			proofs := 0
			o := &origin{answer: func(_ context.Context, _ int, req *aiohttp.ClientRequest) reply {
				if req.URL.Path == "/redirect" && req.Headers.Get("Authorization") != "" {
					return reply{status: 307, headers: header("Location", tt.target)}
				}
				if req.URL.Path != "/redirect" && req.Headers.Get("Authorization") != "" {
					proofs++
				}
				return server.reply(req)
			}}
			run(t, o, withDigest(), func(ctx context.Context, s *aiohttp.ClientSession) error {
				resp, _ := get(ctx, t, s, tt.first+"redirect")
				if want := map[bool]int{true: 200, false: 401}[tt.answered]; resp.Status != want || (proofs > 0) != tt.answered {
					t.Errorf("got %d and %d proofs, want %d", resp.Status, proofs, want)
				}
				// Asked directly it is no different.
				if resp, _ := get(ctx, t, s, tt.target); (resp.Status == 200) != tt.answered {
					t.Errorf("directly: got %d", resp.Status)
				}
				return nil
			})
		})
	}
}

func TestDigestIsSentAheadOnlyInItsSpace(t *testing.T) {
	server := &digestServer{nonce: "n", extra: `, qop="auth", domain="/in"`}
	o := serveDigest(server)
	run(t, o, withDigest(middleware.WithDigestOrigin("http://A.test")), func(ctx context.Context, s *aiohttp.ClientSession) error {
		get(ctx, t, s, "http://b.test/")
		get(ctx, t, s, "http://a.test/in/x")
		before := len(o.seen)
		get(ctx, t, s, "http://a.test/in/y")
		if len(o.seen) != before+1 {
			t.Errorf("in the space: got %d requests, want 1", len(o.seen)-before)
		}
		get(ctx, t, s, "http://a.test/out")
		if len(o.seen) != before+3 || o.seen[before+1].Headers["Authorization"] != nil {
			t.Errorf("out of it: got %d requests", len(o.seen)-before-1)
		}
		return nil
	})
	if o.seen[0].URL.Host != "b.test" || o.seen[1].URL.Host != "a.test" {
		t.Errorf("the wrong origin was answered: %v", o.methods())
	}
}

// auth-int proves the body; what is sent again is what was proved.
func TestDigestProvesTheBody(t *testing.T) {
	var bodies []string
	o := &origin{answer: func(ctx context.Context, n int, req *aiohttp.ClientRequest) reply {
		body, err := req.Body(ctx)
		if err != nil {
			t.Error(err)
		}
		bodies = append(bodies, string(body))
		p := middleware.ParseChallenges(req.Headers.Get("Authorization"))
		if len(p) == 0 {
			return reply{status: 401, headers: header("WWW-Authenticate", `Digest realm="r", nonce="n", qop="auth-int"`)}
		}
		want := sum(sum("user", "r", "s3cret"), "n", "00000001", p[0].Params["cnonce"], "auth-int", sum("POST", "/", sum("payload")))
		if p[0].Params["response"] != want || p[0].Params["qop"] != "auth-int" {
			t.Errorf("got %v, want response %s", p[0].Params, want)
		}
		return reply{status: 200}
	}}
	run(t, o, withDigest(), func(ctx context.Context, s *aiohttp.ClientSession) error {
		resp, _, err := fetch(ctx, s, "POST", "http://a.test/", aiohttp.WithData(strings.NewReader("payload")))
		if err != nil || resp.Status != 200 || strings.Join(bodies, ",") != "payload,payload" {
			t.Errorf("got %v, %v and bodies %q", resp, err, bodies)
		}
		return nil
	})
}

func TestDigestLeavesOtherCredentialsAlone(t *testing.T) {
	o := serveDigest(&digestServer{nonce: "n", extra: `, qop="auth"`})
	run(t, o, withDigest(), func(ctx context.Context, s *aiohttp.ClientSession) error {
		resp, body := get(ctx, t, s, "http://a.test/", withHeader("Authorization", "Bearer x"))
		if resp.Status != http.StatusUnauthorized || body != "who?" || len(o.seen) != 1 {
			t.Errorf("got %d, %q after %d requests", resp.Status, body, len(o.seen))
		}
		return nil
	})
}

// A body that is gone cannot be sent again: the challenge is the answer. One that is
// still there goes again, whole.
func TestDigestAndBodiesOnTheWire(t *testing.T) {
	var mu sync.Mutex
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		got = append(got, string(body))
		mu.Unlock()
		if r.Header.Get("Authorization") == "" {
			w.Header().Set("WWW-Authenticate", `Digest realm="r", nonce="n", qop="auth"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer server.Close()
	stream := func(yield func([]byte, error) bool) { yield([]byte("once"), nil) }
	for _, tt := range []struct {
		body   any
		status int
		want   string
	}{
		{iter.Seq2[[]byte, error](stream), http.StatusUnauthorized, "once"},
		{"twice", http.StatusOK, "twice twice"},
	} {
		mu.Lock()
		got = nil
		mu.Unlock()
		_, err := asyncio.Run(context.Background(), func(ctx context.Context) (struct{}, error) {
			s := aiohttp.NewClientSession(aiohttp.WithMiddlewares(withDigest()...))
			defer s.Close()
			resp, _, err := fetch(ctx, s, "PUT", server.URL, aiohttp.WithData(tt.body))
			if err == nil && resp.Status != tt.status {
				t.Errorf("%v: got %d, want %d", tt.want, resp.Status, tt.status)
			}
			return struct{}{}, err
		})
		mu.Lock()
		if sent := strings.Join(got, " "); err != nil || sent != tt.want {
			t.Errorf("got %q and %v, want %q", sent, err, tt.want)
		}
		mu.Unlock()
	}
}

func TestDigestTakesTheNextNonce(t *testing.T) {
	server := &digestServer{nonce: "n", extra: `, qop="auth"`}
	o := &origin{answer: func(_ context.Context, n int, req *aiohttp.ClientRequest) reply {
		r := server.reply(req)
		if r.status == 200 {
			server.nonce = fmt.Sprint("n", n)
			r.headers = header("Authentication-Info", `rspauth="x", nextnonce="`+server.nonce+`"`)
		}
		return r
	}}
	run(t, o, withDigest(), func(ctx context.Context, s *aiohttp.ClientSession) error {
		for range 3 {
			get(ctx, t, s, "http://a.test/")
		}
		if got, want := strings.Join(server.counts, ", "), "n 00000001, n2 00000001, n3 00000001"; got != want || len(o.seen) != 4 {
			t.Errorf("got %s in %d requests, want %s in 4", got, len(o.seen), want)
		}
		return nil
	})
}

func TestDigestArguments(t *testing.T) {
	for name, f := range map[string]func(){
		"colon":   func() { middleware.NewDigestAuth("a:b", "c") },
		"control": func() { middleware.NewDigestAuth("a", "b\n") },
		"origin":  func() { middleware.NewDigestAuth("a", "b", middleware.WithDigestOrigin("a.test")) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: accepted", name)
				}
			}()
			f()
		}()
	}
}
