package aiohttp

// Host names.
//
// One host has one spelling here: it is what the pool is keyed by, what the Host
// header says and what origins are compared by. So names are brought into that
// spelling once, and what has none, or looks like a name but would be read as a
// number by a resolver, is refused.

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// canonicalHost checks a host as it stands in a URL and returns its one
// spelling: lower case, IDNA in its ASCII form, IPv6 without brackets.
func canonicalHost(s string) (string, *urlDefect) {
	if s == "" {
		return "", badURL("no host")
	}
	if s[0] == '[' {
		return canonicalIPv6(s)
	}
	for strings.HasSuffix(s, "..") {
		s = s[:len(s)-1]
	}
	class := classifyHost(s)
	if class == hostUnicode || hasPunycode(s) {
		ascii, err := idna.Lookup.ToASCII(s)
		if err != nil || !utf8.ValidString(s) {
			return "", badURL("host name is not valid IDNA")
		}
		s, class = ascii, classifyHost(ascii)
	}
	switch class {
	case hostInvalid, hostUnicode:
		return "", badURL("invalid character in the host")
	case hostUpper:
		s = asciiLower(s)
	}
	if d := checkLabels(s); d != nil {
		return "", d
	}
	return s, nil
}

func canonicalIPv6(s string) (string, *urlDefect) {
	if len(s) < 4 || s[len(s)-1] != ']' {
		return "", badURL("malformed IPv6 address")
	}
	inner := strings.Replace(s[1:len(s)-1], "%25", "%", 1)
	addr, err := netip.ParseAddr(inner)
	if err != nil || !addr.Is6() || strings.ContainsAny(addr.Zone(), "%/?#@ \t\r\n") {
		return "", badURL("malformed IPv6 address")
	}
	return addr.String(), nil
}

type hostClass uint8

const (
	hostPlain   hostClass = iota
	hostUpper             // needs lower-casing
	hostUnicode           // needs IDNA
	hostInvalid
)

func classifyHost(s string) hostClass {
	class := hostPlain
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', isDigit(c), c == '-', c == '.', c == '_':
		case 'A' <= c && c <= 'Z':
			class = hostUpper
		case c >= 0x80:
			return hostUnicode
		default:
			return hostInvalid
		}
	}
	return class
}

// hasPunycode reports whether a label claims to be encoded; then IDNA decides
// whether it is.
func hasPunycode(s string) bool {
	for i := strings.Index(s, "--"); i >= 2; {
		if strings.EqualFold(s[i-2:i], "xn") && (i == 2 || s[i-3] == '.') {
			return true
		}
		next := strings.Index(s[i+2:], "--")
		if next < 0 {
			break
		}
		i += 2 + next
	}
	return false
}

// checkLabels enforces the length limits of RFC 1035 and refuses names that end
// in a number without being a dotted-decimal address.
func checkLabels(s string) *urlDefect {
	name := strings.TrimSuffix(s, ".")
	if name == "" || len(name) > 253 {
		return badURL("host name is empty or too long")
	}
	start := 0
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '.' {
			continue
		}
		if i == start || i-start > 63 {
			return badURL("empty or over-long label in the host name")
		}
		if i < len(name) {
			start = i + 1
		}
	}
	if last := name[start:]; isNumeric(last) {
		if _, err := netip.ParseAddr(s); err != nil {
			return badURL("not a canonical IPv4 address")
		}
	}
	return nil
}

// isNumeric reports whether the C resolver would take the label for a number.
func isNumeric(label string) bool {
	digits := label
	hex := len(label) >= 2 && label[0] == '0' && (label[1] == 'x' || label[1] == 'X')
	if hex {
		digits = label[2:]
	}
	for i := 0; i < len(digits); i++ {
		if !isDigit(digits[i]) && (!hex || !isHex(digits[i])) {
			return false
		}
	}
	return true
}
