package outname_test

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aio-go/aio/cmd/aio/internal/outname"
)

func parse(t testing.TB, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestNameComesFromTheLastPathSegment(t *testing.T) {
	tests := []struct{ url, want string }{
		{"http://h", "index.html"},
		{"http://h/", "index.html"},
		{"http://h/a/b/", "index.html"},
		{"http://h/a/b.txt", "b.txt"},
		{"http://h/b.txt?x=/../y", "b.txt"},
		{"http://h/b.txt#f", "b.txt"},
		{"http://h/a%20b.txt", "a b.txt"},
		{"http://h/%C3%A9t%C3%A9", "été"},
		{"http://h/%FF%FE", "%FF%FE"},
		{"http://h/..", "index.html"},
		{"http://h/%2e%2e", "index.html"},
		{"http://h/..%2f..%2fetc%2fpasswd", "_._.._etc_passwd"},
		{"http://h/..%5c..%5cwin.ini", "_._.._win.ini"},
		{"http://h/.bashrc", "_bashrc"},
		{"http://h/-rf", "_rf"},
		{"http://h/~root", "_root"},
		{"http://h/a%00b", "a_b"},
		{"http://h/a%0Ab%1B[31m", "a_b_[31m"},
		{"http://h/a%E2%80%AEgpj.exe", "a_gpj.exe"},
		{"http://h/trailing.%20.", "trailing"},
		{"http://h/con", "_con"},
		{"http://h/NUL.tar.gz", "_NUL.tar.gz"},
		{"http://h/com1.txt", "_com1.txt"},
		{"http://h/console", "console"},
		{"http://h/c:stream", "c_stream"},
		{"http://h/%252e%252e%252fx", "%2e%2e%2fx"},
	}
	for _, tt := range tests {
		if got := outname.FromURL(parse(t, tt.url)); got != tt.want {
			t.Errorf("%s: got %q want %q", tt.url, got, tt.want)
		}
	}
}

func TestLongNameKeepsItsExtensionAndItsRunes(t *testing.T) {
	got := outname.Clean(strings.Repeat("é", 300) + ".tar.gz")
	if len(got) > 200 || !utf8.ValidString(got) || !strings.HasSuffix(got, "é.tar.gz") {
		t.Errorf("got %d bytes: %q", len(got), got)
	}
	got = outname.Clean("a." + strings.Repeat("x", 300))
	if len(got) != 200 {
		t.Errorf("got %d bytes want 200", len(got))
	}
}

func TestSameBaseNameGetsADigestThenThePlace(t *testing.T) {
	s := outname.NewSet()
	first := s.Reserve(parse(t, "http://a/x.tar.gz"), 0)
	other := s.Reserve(parse(t, "http://b/x.tar.gz"), 1)
	again := s.Reserve(parse(t, "http://b/x.tar.gz"), 2)
	if got, want := first.String(), "x.tar.gz"; got != want {
		t.Errorf("first: got %q want %q", got, want)
	}
	if got := other.String(); !strings.HasPrefix(got, "x-") || !strings.HasSuffix(got, ".tar.gz") || len(got) != len("x-01234567.tar.gz") {
		t.Errorf("other: got %q", got)
	}
	if got, want := again.String(), strings.TrimSuffix(other.String(), ".tar.gz")+"-3.tar.gz"; got != want {
		t.Errorf("again: got %q want %q", got, want)
	}
	if got := again.Next(); !strings.HasSuffix(got, "-3-2.tar.gz") {
		t.Errorf("next: got %q", got)
	}
	for _, n := range []*outname.Name{first, other, again} {
		n.Release()
	}
	if s.Len() != 0 {
		t.Errorf("%d names left after release", s.Len())
	}
}

func TestNamesDoNotDependOnWhatHasFinished(t *testing.T) {
	// A finished file is known to the file system only: publishing says it exists, and Next must give the name that
	// Reserve would have given while the first was still in flight.
	inFlight := outname.NewSet()
	inFlight.Reserve(parse(t, "http://a/x"), 0)
	want := inFlight.Reserve(parse(t, "http://b/x"), 1).String()
	finished := outname.NewSet()
	n := finished.Reserve(parse(t, "http://b/x"), 1)
	if got := n.Next(); got != want {
		t.Errorf("got %q want %q", got, want)
	}
}

func FuzzCleanIsAlwaysOneSafeName(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw string) {
		got := outname.Clean(raw)
		if got == "" || got == "." || got == ".." || len(got) > 201 || !utf8.ValidString(got) {
			t.Fatalf("%q: got %q", raw, got)
		}
		if filepath.Base(got) != got || strings.ContainsAny(got, "/\\\x00\n\x1b") || strings.HasPrefix(got, ".") || strings.HasPrefix(got, "-") {
			t.Fatalf("%q: got %q", raw, got)
		}
		if again := outname.Clean(got); again != got {
			t.Fatalf("%q: not stable: %q then %q", raw, got, again)
		}
	})
}
