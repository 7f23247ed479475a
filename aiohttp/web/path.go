package web

// Request targets. Routing needs one spelling per resource, so a path is made canonical first: every percent escape
// is decoded except those of the slash and of the percent sign itself, which would otherwise change what a segment
// is. /a%3Ab and /a:b meet, /a%2Fb stays one segment.

import "strings"

// splitTarget divides a request target into the raw path, the raw query and, in absolute form, the authority.
func splitTarget(target string) (authority, path, query string) {
	if target != "" && target[0] != '/' {
		if i := strings.Index(target, "://"); i >= 0 {
			rest := target[i+3:]
			end := strings.IndexAny(rest, "/?")
			if end < 0 {
				end = len(rest)
			}
			authority, target = rest[:end], rest[end:]
			if target == "" || target[0] == '?' {
				target = "/" + target
			}
		}
	}
	path, query, _ = strings.Cut(target, "?")
	return authority, path, query
}

// canonicalPath decodes a raw path but for %2F and %25. It returns false for a malformed escape.
func canonicalPath(raw string) (string, bool) {
	i := strings.IndexByte(raw, '%')
	if i < 0 {
		return raw, true
	}
	out := make([]byte, i, len(raw))
	copy(out, raw)
	for ; i < len(raw); i++ {
		c := raw[i]
		if c != '%' {
			out = append(out, c)
			continue
		}
		if i+2 >= len(raw) {
			return "", false
		}
		hi, lo := unhex(raw[i+1]), unhex(raw[i+2])
		if hi < 0 || lo < 0 {
			return "", false
		}
		i += 2
		switch b := byte(hi<<4 | lo); b {
		case '/':
			out = append(out, "%2F"...)
		case '%':
			out = append(out, "%25"...)
		default:
			out = append(out, b)
		}
	}
	return string(out), true
}

// decodeValue turns a piece of a canonical path into plain text.
func decodeValue(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	return valueDecoder.Replace(s)
}

var valueDecoder = strings.NewReplacer("%2F", "/", "%25", "%")

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
