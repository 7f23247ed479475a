package middleware_test

import (
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp/middleware"
)

func TestCacheControlIsParsed(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{nil, ``},
		{[]string{"no-store"}, `no-store`},
		{[]string{" No-Store ,, MAX-AGE=60,"}, `no-store, max-age="60"`},
		{[]string{"max-age = 60", "private"}, `max-age="60", private`},
		{[]string{`no-cache="Set-Cookie, X-A", public`}, `no-cache="Set-Cookie, X-A", public`},
		{[]string{`a="q\"\\", b`}, `a="q\"\\", b`},
		{[]string{`a="open, b`}, `a="open, b"`},
		{[]string{`a="x"rubbish, b`}, `a="x", b`},
		{[]string{`a=, b`}, `a="", b`},
		{[]string{`=1, b`}, `b`},
	} {
		if got := middleware.ParseCacheControl(c.lines).String(); got != c.want {
			t.Errorf("%q: got %s, want %s", c.lines, got, c.want)
		}
	}
}

// RFC 9111 section 4.2.1: what cannot be understood is not fresh.
func TestSecondsErrTowardsStale(t *testing.T) {
	for _, c := range []struct {
		line  string
		want  time.Duration
		there bool
	}{
		{"public", 0, false},
		{"max-age=60", time.Minute, true},
		{`max-age="60"`, time.Minute, true},
		{"max-age=0060", time.Minute, true},
		{"max-age=99999999999999999999999", (1<<31 - 1) * time.Second, true},
		{"max-age", 0, true},
		{"max-age=", 0, true},
		{"max-age=-1", 0, true},
		{"max-age=1.5", 0, true},
		{"max-age=60s", 0, true},
		{"max-age=60, max-age=60", time.Minute, true},
		{"max-age=60, max-age=61", 0, true},
	} {
		got, there := middleware.ParseCacheControl([]string{c.line}).Seconds("max-age")
		if got != c.want || there != c.there {
			t.Errorf("%s: got %v %v, want %v %v", c.line, got, there, c.want, c.there)
		}
	}
}

// What a parsed header says survives being written and parsed again, and nothing panics.
func FuzzCacheControl(f *testing.F) {
	for _, seed := range []string{"no-store", `max-age=60, no-cache="a, b"`, `a="\`, "=,=,,", "max-age=1,max-age=2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		first := middleware.ParseCacheControl([]string{line})
		text := first.String()
		second := middleware.ParseCacheControl([]string{text})
		if second.String() != text {
			t.Errorf("%q: got %q, then %q", line, text, second.String())
		}
		for _, name := range []string{"max-age", "no-store", "no-cache"} {
			a, ok := first.Seconds(name)
			b, ok2 := second.Seconds(name)
			if a != b || ok != ok2 || first.Has(name) != second.Has(name) || a < 0 {
				t.Errorf("%q: %s differs: %v %v and %v %v", line, name, a, ok, b, ok2)
			}
		}
	})
}
