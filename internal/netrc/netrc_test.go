package netrc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aio-go/aio/internal/netrc"
)

// show writes down an entry, or why there is none.
func show(text, host string) string {
	f, err := netrc.Parse([]byte(text))
	if err != nil {
		return err.Error()
	}
	e, ok := f.Lookup(host)
	if !ok {
		return "none"
	}
	out := e.Login + "|" + e.Account + "|" + e.Password
	if e.Default {
		out += "|default"
	}
	return out
}

// The first rows follow CPython's test_netrc.py.
func TestEntriesAreFoundByHost(t *testing.T) {
	cases := []struct{ name, text, host, want string }{
		{"one line", "machine h login log1 password pass1 account acct1\n", "h", "log1|acct1|pass1"},
		{"one word a line", "machine\nh\nlogin\nlog1\npassword\npass1", "h", "log1||pass1"},
		{"windows lines", "machine h\r\n\tlogin log1\r\n\tpassword pass1\r\n", "h", "log1||pass1"},
		{"byte order mark", "\xef\xbb\xbfmachine h login l password p", "h", "l||p"},
		{"user for login", "machine h user u password p", "h", "u||p"},
		{"without password", "machine h login anonymous", "h", "anonymous||"},
		{"nothing but the host", "machine h", "h", "||"},
		{"case of the host", "machine H.Example login l password p", "h.eXAMPLE", "l||p"},
		{"other host", "machine h login l password p", "g", "none"},
		{"prefix of the host", "machine example.com login l password p", "example.co", "none"},
		{"first of two", "machine h login a password b machine h login c password d", "h", "a||b"},
		{"default", "machine h login a password b default login c password d", "g", "c||d|default"},
		{"default does not shadow", "default login c password d machine h login a password b", "h", "a||b"},
		{"empty", "", "h", "none"},
		{"blank", " \t\r\n", "h", "none"},
		{"comment lines", "# a comment\n#another\nmachine h login a # the login\n password b #x", "h", "a||b"},
		{"comment with odd marks", "#it's \"odd\\\nmachine h login a password b", "h", "a||b"},
		{"password like a comment", "machine h login l password #pass", "h", "l||#pass"},
		{"marks inside", "machine h login l password pass#123!@$%", "h", "l||pass#123!@$%"},
		{"quoted", `machine h login "log in" password "pa\"ss \\1"`, "h", `log in||pa"ss \1`},
		{"empty password", `machine h login l password ""`, "h", "l||"},
		{"escaped", `machine h login l password p\ a\"s`, "h", `l||p a"s`},
		{"keywords as values", "machine machine login password password login", "machine", "password||login"},
		{"not ASCII", "machine h login ¡ password ¿", "h", "¡||¿"},
		{"macro", "macdef m\n\tline1\n\tmachine h login no password no\n\nmachine h login a password b", "h", "a||b"},
		{"macro in an entry", "machine h login a password b\nmacdef init\ncd /tmp\nput x\n\ndefault login c password d", "g", "c||d|default"},
		{"macro at the end", "machine h login a password b\nmacdef m\nx", "h", "a||b"},

		{"unknown keyword", "machine h login a password b\nhost g", "h", "line 2: login, account or password expected"},
		{"not a netrc", "<html>", "h", "line 1: machine, default or macdef expected"},
		{"no host", "machine", "h", "line 1: machine without a value"},
		{"no password", "machine h\nlogin l\npassword", "h", "line 3: password without a value"},
		{"no end of quotes", "machine h login \"l password p\n", "h", "line 2: a quoted word has no end"},
		{"backslash at the end", `machine h login l password p\`, "h", "line 1: backslash at the end of the file"},
		{"line break in a value", "machine h login l password \"a\nb\"", "h", "line 2: password with a control character"},
		{"empty keyword", `machine h "" l`, "h", "line 1: empty word where a keyword is expected"},
		{"macro without name", "macdef", "h", "line 1: macdef without a value"},
	}
	for _, tt := range cases {
		if got := show(tt.text, tt.host); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestZeroFileIsEmpty(t *testing.T) {
	if e, ok := new(netrc.File).Lookup("h"); ok {
		t.Errorf("got %+v", e)
	}
}

// Whatever is in the file, parsing ends, and an error shows nothing of the content.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"machine h login l password p", "default login l password p\n#c\n", "macdef m\nx\n\nmachine h", "machine \"a b\" login \\\\ account x",
		"machine h login s3cret", "machine h oops s3cret",
	} {
		f.Add([]byte(seed), "h")
	}
	f.Fuzz(func(t *testing.T, data []byte, host string) {
		file, err := netrc.Parse(data)
		var syntax *netrc.SyntaxError
		switch {
		case err == nil:
			if e, ok := file.Lookup(host); ok && strings.ContainsAny(e.Login+e.Password+e.Account, "\x00\r\n") {
				t.Errorf("control characters in %+v", e)
			}
		case !errors.As(err, &syntax), syntax.Line < 1, syntax.Line > strings.Count(string(data), "\n")+1:
			t.Errorf("got %#v", err)
		case strings.Contains(err.Error(), "s3cret"):
			t.Errorf("the error shows the content: %v", err)
		}
	})
}
