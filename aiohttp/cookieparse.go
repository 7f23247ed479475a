package aiohttp

// Reading Set-Cookie.
//
// The rules are those of RFC 6265 section 5.2, which say how to understand what
// servers send rather than what they ought to send. The value is kept exactly as it
// came, quotes and all, because that is how it must go back.

import (
	"net/http"
	"strings"
	"time"
)

// maxCookieSize bounds name, value and attributes of one cookie together.
const maxCookieSize = 4096

// setCookie is one Set-Cookie header, understood.
type setCookie struct {
	name, value string
	domain      string // lower case, without the leading dot; "" if not given
	path        string // "" if not given or not absolute
	expires     time.Time
	maxAge      time.Duration
	hasMaxAge   bool
	secure      bool
	httpOnly    bool
	sameSite    http.SameSite
}

// parseSetCookie reads one header; ok is false if it has to be ignored as a whole.
func parseSetCookie(line string) (c setCookie, ok bool) {
	if len(line) > maxCookieSize || hasCookieControl(line) {
		return c, false
	}
	pair, attributes, _ := strings.Cut(line, ";")
	name, value, has := strings.Cut(pair, "=")
	c.name, c.value = trimBlank(name), trimBlank(value)
	if !has || c.name == "" {
		return c, false
	}
	for attributes != "" {
		var part string
		part, attributes, _ = strings.Cut(attributes, ";")
		name, value, _ := strings.Cut(part, "=")
		c.attribute(asciiLower(trimBlank(name)), trimBlank(value))
	}
	return c, true
}

// cookie is the header as package net/http describes one.
func (c *setCookie) cookie(raw string) *http.Cookie {
	out := &http.Cookie{
		Name: c.name, Value: c.value, Domain: c.domain, Path: c.path, Expires: c.expires, Secure: c.secure,
		HttpOnly: c.httpOnly, SameSite: c.sameSite, Raw: raw,
	}
	if c.hasMaxAge {
		out.MaxAge = max(-1, int(c.maxAge/time.Second))
		if out.MaxAge == 0 {
			out.MaxAge = -1 // net/http's way to say 0
		}
	}
	return out
}

func (c *setCookie) attribute(name, value string) {
	switch name {
	case "domain":
		c.domain = asciiLower(strings.TrimPrefix(value, "."))
	case "path":
		c.path = ""
		if strings.HasPrefix(value, "/") {
			c.path = value
		}
	case "expires":
		if t, ok := parseCookieDate(value); ok {
			c.expires = t
		}
	case "max-age":
		if d, ok := parseMaxAge(value); ok {
			c.maxAge, c.hasMaxAge = d, true
		}
	case "secure":
		c.secure = true
	case "httponly":
		c.httpOnly = true
	case "samesite":
		switch asciiLower(value) {
		case "lax":
			c.sameSite = http.SameSiteLaxMode
		case "strict":
			c.sameSite = http.SameSiteStrictMode
		case "none":
			c.sameSite = http.SameSiteNoneMode
		}
	}
}

// maxCookieAge is how far in the future an expiry is believed (RFC 6265bis).
const maxCookieAge = 400 * 24 * time.Hour

// parseMaxAge reads a number of seconds. One too large for any clock means as long
// as possible, not an error.
func parseMaxAge(s string) (time.Duration, bool) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" {
		return 0, false
	}
	var seconds int64
	for i := 0; i < len(digits); i++ {
		if !isDigit(digits[i]) {
			return 0, false
		}
		if seconds < int64(maxCookieAge/time.Second) {
			seconds = seconds*10 + int64(digits[i]-'0')
		}
	}
	if len(digits) != len(s) {
		return 0, true
	}
	return min(time.Duration(min(seconds, int64(maxCookieAge/time.Second)))*time.Second, maxCookieAge), true
}

// cookieFault says why a cookie that the program made cannot be sent as one, "" if it can: in a
// Cookie header nothing but the semicolon ends it, and what it would let in is another cookie.
func cookieFault(name, value string) string {
	switch {
	case name == "" || strings.ContainsAny(name, "=; \t"):
		return "a name is not empty and has neither blanks nor = nor ;"
	case strings.Contains(value, ";"):
		return "a value has no semicolon: encode it"
	case hasControl(name) || hasControl(value):
		return "control character"
	}
	return ""
}

func trimBlank(s string) string { return strings.Trim(s, " \t") }

func hasCookieControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}

// parseCookieDate reads a date by the algorithm of RFC 6265 section 5.1.1: tokens in
// any order, the first that fits each role wins.
func parseCookieDate(s string) (time.Time, bool) {
	var d cookieDate
	for _, token := range strings.FieldsFunc(s, isDateDelimiter) {
		d.token(token)
	}
	return d.time()
}

func isDateDelimiter(r rune) bool {
	return r == '\t' || ' ' <= r && r <= '/' || ';' <= r && r <= '@' || '[' <= r && r <= '`' || '{' <= r && r <= '~'
}

type cookieDate struct {
	hour, minute, second               int
	day, month, year                   int
	hasTime, hasDay, hasMonth, hasYear bool
}

func (d *cookieDate) token(s string) {
	if !d.hasTime {
		if d.clock(s) {
			return
		}
	}
	if n, digits := leadingNumber(s); !d.hasDay && (digits == 1 || digits == 2) {
		d.day, d.hasDay = n, true
		return
	}
	if m, ok := monthOf(s); ok && !d.hasMonth {
		d.month, d.hasMonth = m, true
		return
	}
	if n, digits := leadingNumber(s); !d.hasYear && digits >= 2 && digits <= 4 {
		d.year, d.hasYear = n, true
	}
}

// clock recognises hh:mm:ss.
func (d *cookieDate) clock(s string) bool {
	parts := strings.SplitN(s, ":", 3)
	if len(parts) != 3 {
		return false
	}
	var v [3]int
	for i, part := range parts {
		n, digits := leadingNumber(part)
		if digits < 1 || digits > 2 || i < 2 && digits != len(part) {
			return false
		}
		v[i] = n
	}
	d.hour, d.minute, d.second, d.hasTime = v[0], v[1], v[2], true
	return true
}

// leadingNumber reads the ASCII digits a token starts with.
func leadingNumber(s string) (n, digits int) {
	for digits < len(s) && isDigit(s[digits]) && digits < 5 {
		n = n*10 + int(s[digits]-'0')
		digits++
	}
	return n, digits
}

func monthOf(s string) (int, bool) {
	const months = "janfebmaraprmayjunjulaugsepoctnovdec"
	if len(s) < 3 {
		return 0, false
	}
	i := strings.Index(months, asciiLower(s[:3]))
	if i < 0 || i%3 != 0 {
		return 0, false
	}
	return i/3 + 1, true
}

func (d *cookieDate) time() (time.Time, bool) {
	switch {
	case d.year >= 70 && d.year <= 99:
		d.year += 1900
	case d.year >= 0 && d.year <= 69:
		d.year += 2000
	}
	if !d.hasTime || !d.hasDay || !d.hasMonth || !d.hasYear ||
		d.day < 1 || d.day > 31 || d.year < 1601 || d.hour > 23 || d.minute > 59 || d.second > 59 {
		return time.Time{}, false
	}
	t := time.Date(d.year, time.Month(d.month), d.day, d.hour, d.minute, d.second, 0, time.UTC)
	return t, t.Day() == d.day // 31 February is no date
}
