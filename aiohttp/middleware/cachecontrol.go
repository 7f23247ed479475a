package middleware

// The Cache-Control header (RFC 9111 section 5.2), read leniently where nothing is at
// stake and towards "do not reuse" where something is.

import (
	"strings"
	"time"
)

// CacheControl is a parsed Cache-Control header. The zero value has no directives.
type CacheControl struct{ directives []directive }

type directive struct {
	name, value string
	valued      bool
}

// ParseCacheControl parses the values of all Cache-Control lines of a message. Names are
// case-insensitive; values may be tokens or quoted strings; what is neither is skipped up
// to the next comma.
func ParseCacheControl(lines []string) CacheControl {
	var c CacheControl
	for _, line := range lines {
		for line != "" {
			var d directive
			d, line = nextDirective(line)
			if d.name != "" {
				c.directives = append(c.directives, d)
			}
		}
	}
	return c
}

// nextDirective cuts the first directive off a line.
func nextDirective(line string) (directive, string) {
	end := strings.IndexAny(line, ",=")
	if end < 0 || line[end] == ',' {
		name, rest, _ := strings.Cut(line, ",")
		return directive{name: directiveName(name)}, rest
	}
	d := directive{name: directiveName(line[:end]), valued: true}
	rest := strings.TrimLeft(line[end+1:], " \t")
	if !strings.HasPrefix(rest, `"`) {
		var value string
		value, rest, _ = strings.Cut(rest, ",")
		d.value = strings.TrimSpace(value)
		return d, rest
	}
	d.value, rest = quotedString(rest)
	_, rest, _ = strings.Cut(rest, ",")
	return d, rest
}

func directiveName(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// quotedString reads a quoted string (RFC 9110 section 5.6.4) and returns what is behind
// it. Without a closing quote it goes on to the end.
func quotedString(s string) (value, rest string) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:]
		case '\\':
			if i++; i < len(s) {
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}

// Has reports whether there is a directive of that lower-case name, with or without a value.
func (c CacheControl) Has(name string) bool {
	for _, d := range c.directives {
		if d.name == name {
			return true
		}
	}
	return false
}

// Value returns the value of the first directive of that name, and false if there is
// none or it has no value.
func (c CacheControl) Value(name string) (string, bool) {
	for _, d := range c.directives {
		if d.name == name {
			return d.value, d.valued
		}
	}
	return "", false
}

// longestAge stands for all that is longer (RFC 9111 section 1.2.2).
const longestAge = 1<<31 - 1

// Seconds returns the value of a directive that is a number of seconds, and whether the
// directive is there. What is not a number, or two that contradict each other, count as
// 0, which is to say that nothing is fresh (RFC 9111 section 4.2.1).
func (c CacheControl) Seconds(name string) (time.Duration, bool) {
	found := -1
	for _, d := range c.directives {
		if d.name != name {
			continue
		}
		n := deltaSeconds(d.value)
		if !d.valued || n < 0 || found >= 0 && found != n {
			return 0, true
		}
		found = n
	}
	return time.Duration(max(found, 0)) * time.Second, found >= 0
}

// deltaSeconds parses a number of seconds, or returns -1.
func deltaSeconds(s string) int {
	if s == "" {
		return -1
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return -1
		}
		n = min(n*10+int(c-'0'), longestAge)
	}
	return n
}

// String returns the directives in canonical form.
func (c CacheControl) String() string {
	var b strings.Builder
	for i, d := range c.directives {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(d.name)
		if d.valued {
			b.WriteString(`="`)
			for _, ch := range []byte(d.value) {
				if ch == '"' || ch == '\\' {
					b.WriteByte('\\')
				}
				b.WriteByte(ch)
			}
			b.WriteByte('"')
		}
	}
	return b.String()
}
