package http1

import "strings"

// Request targets and hosts. A target is kept byte for byte; what is checked is that it has the form its method asks
// for (RFC 9112 §3.2) and holds nothing that could end the line. A host must be one host with at most one port,
// since whoever is behind us routes by it.

// ValidTarget returns an *EncodeError if target cannot stand in the request line of method: it must begin with "/",
// be an absolute URL with a host, be "*" for OPTIONS, or a host with a port for CONNECT, without blanks and control
// characters.
func ValidTarget(method, target string) error {
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c == 0x7f {
			return encodeErrorf(InvalidTarget, "%s in %s", quoteByte(c), quote(target))
		}
	}
	if reason := targetFault(method, target); reason != "" {
		return encodeErrorf(InvalidTarget, "%s: %s", reason, quote(target))
	}
	return nil
}

// targetFault says what is wrong with the form of a target without blanks and control characters; "" if nothing is.
func targetFault(method, target string) string {
	switch {
	case method == "CONNECT":
		if target == "" || hostFault(target) != "" {
			return "CONNECT wants a host and port"
		}
		return ""
	case strings.HasPrefix(target, "/"):
		return ""
	case target == "*":
		if method != "OPTIONS" {
			return "only OPTIONS may ask for"
		}
		return ""
	}
	scheme, rest, ok := strings.Cut(target, "://")
	if !ok || !validScheme(scheme) {
		return "neither a path nor an absolute URL"
	}
	if host := authority(rest); host == "" || hostFault(host) != "" {
		return "absolute URL without a valid host"
	}
	return ""
}

// authority returns the part of a URL before path, query and fragment, its scheme cut off.
func authority(rest string) string {
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		return rest[:i]
	}
	return rest
}

func validScheme(s string) bool {
	for i := range len(s) {
		c := lower(s[i])
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || !is(c, classDigit) && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return s != ""
}

// hostFault says what is wrong with a host and optional port; "" if nothing is. The empty string is a valid value of
// Host: it says that the target has no host.
func hostFault(s string) string {
	if s == "" {
		return ""
	}
	port := ""
	if s[0] == '[' {
		end := strings.IndexByte(s, ']')
		if end < 0 || !validIPv6(s[1:end]) {
			return "not an IPv6 address"
		}
		port = s[end+1:]
		if port != "" && port[0] != ':' {
			return "no colon before the port"
		}
	} else {
		host := s
		if i := strings.IndexByte(s, ':'); i >= 0 {
			host, port = s[:i], s[i:]
		}
		if !validRegName(host) {
			return "not a host name"
		}
	}
	if len(port) > len(":65535") || len(port) > 1 && !allOf(port[1:], classDigit) {
		return "not a port"
	}
	return ""
}

func validRegName(s string) bool {
	for i := 0; i < len(s); i++ {
		switch {
		case is(s[i], classHost):
		case s[i] == '%' && i+2 < len(s) && is(s[i+1], classHex) && is(s[i+2], classHex):
			i += 2
		default:
			return false
		}
	}
	return s != ""
}

// validIPv6 checks the characters of an address literal, with a zone or of a later version; what it means is for the
// code that dials.
func validIPv6(s string) bool {
	colons := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == ':':
			colons++
		case c == '%':
			return colons >= 2 && allOf(s[i+1:], classHost|classHex) // zone
		case i == 0 && lower(c) == 'v':
			return allOf(strings.ReplaceAll(s[1:], ":", ""), classHost) // IPvFuture
		case !is(c, classHex) && c != '.':
			return false
		}
	}
	return colons >= 2
}
