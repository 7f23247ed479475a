package http3

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAltSvcNamesServicesOfHTTP3(t *testing.T) {
	day := 24 * time.Hour
	cases := []struct {
		values []string
		want   []service
		clear  bool
	}{
		{[]string{`h3=":443"; ma=86400`}, []service{{"", "443", day}}, false},
		{[]string{`h3=":443"`}, []service{{"", "443", day}}, false},
		{[]string{`h3="alt.Example:8443"; ma=60; persist=1, h2=":443"`}, []service{{"alt.example", "8443", time.Minute}}, false},
		{[]string{`h3-29=":443", h3="[::1]:443";ma="5"`}, []service{{"::1", "443", 5 * time.Second}}, false},
		{[]string{`h2=":1"`, "h3=\":2\"\t;\tma=1"}, []service{{"", "2", time.Second}}, false},
		{[]string{`h3=":443"; ma=99999999999`}, []service{{"", "443", day}}, false},
		{[]string{`h3=":443"; ma=2000000000`}, []service{{"", "443", maxMaxAge}}, false},
		{[]string{`%683=":443"`}, []service{{"", "443", day}}, false},
		{[]string{`h3=":443"`, `clear`}, nil, true},
		{[]string{`clear`}, nil, true},
		{[]string{`h3=":0"`, `h3=":65536"`, `h3="host"`, `h3=""`, `h3=":+1"`, `h3`, `=`, ``, `,`, `h3=":1`, `h3=":1";`}, nil, false},
		{[]string{`h3=":1"; ma=x, h3=":2"`}, []service{{"", "1", day}, {"", "2", day}}, false},
	}
	for _, tt := range cases {
		got, clear := parseAltSvc(tt.values)
		if !slices.Equal(got, tt.want) || clear != tt.clear {
			t.Errorf("%q: got %v, %t, want %v, %t", tt.values, got, clear, tt.want, tt.clear)
		}
	}
}

func FuzzAltSvc(f *testing.F) {
	for _, seed := range []string{`h3=":443"; ma=86400, h2="a:1"`, `clear`, `h3="\"\\`, `%68%33=":1";a=b;c="d"`, "h3=\":1\"\t,\t,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		services, clear := parseAltSvc([]string{value})
		if clear && len(services) > 0 || len(services) > maxServices {
			t.Fatalf("got %v, clear %t", services, clear)
		}
		for _, s := range services {
			if !isPort(s.port) || s.maxAge < 0 || s.maxAge > maxMaxAge || strings.Contains(s.host, "\x00\"") {
				t.Errorf("got %+v", s)
			}
		}
	})
}

func TestCacheForgetsBansAndBounds(t *testing.T) {
	var c cache
	c.init()
	c.learn("a:1", "b:2", time.Minute)
	at := func(now time.Duration, want string) {
		t.Helper()
		if got := c.lookup("a:1", now); got != want {
			t.Errorf("at %v: got %q, want %q", now, got, want)
		}
	}
	at(0, "b:2")
	at(time.Minute, "")
	c.learn("a:1", "b:2", 100*time.Hour)
	c.ban("a:1", 0)
	c.ban("a:1", 0) // the same failure, seen by another request
	at(firstBan-1, "")
	at(firstBan, "b:2")
	c.ban("a:1", firstBan)
	at(firstBan+2*firstBan-1, "")
	c.reached("a:1")
	c.forget("a:1")
	at(50*time.Hour, "")
	c.fix("f:1")
	for i := range maxOrigins - 1 {
		c.learn(string(rune('α'+i))+":1", "x:1", time.Hour)
		c.lookup("f:1", 0)
	}
	c.learn("new:1", "x:1", time.Hour)
	if len(c.origins) != maxOrigins || c.lookup("f:1", 0) != "f:1" || c.lookup("new:1", 0) == "" {
		t.Errorf("got %d origins, want the bound kept and what is used remembered", len(c.origins))
	}
}
