package aiohttp

// Where a request goes.
//
// A URL is taken apart here, once, before any I/O, and every doubtful one is
// refused: unknown schemes, missing or malformed hosts, ports that are no
// numbers, host names that IDNA rejects, and the odd spellings of IPv4
// addresses (2130706433, 127.1, 0177.0.0.1) that a resolver would quietly turn
// into an address no filter has seen. What is left of the URL is sent byte for
// byte as it was given, because servers sign it; only bytes that no request line
// can carry are percent-encoded.

import (
	"net/url"
	"strings"
)

// location is a checked URL in the parts a request needs. The strings alias the
// URL they were cut from wherever it was already canonical.
type location struct {
	url       url.URL       // without userinfo and fragment
	user      *url.Userinfo // nil if the URL has none
	target    string        // origin form of the request target: path and query
	host      string        // lower case, ASCII, no brackets, no surplus trailing dots
	port      string        // never empty
	authority string        // the Host header: port only if it is not the scheme's
	tls       bool
}

// origin is what credentials are bound to.
type origin struct {
	tls        bool
	host, port string
}

func (l *location) origin() origin { return origin{l.tls, l.host, l.port} }

// urlDefect says what is wrong with a URL; the caller makes the public error of
// it, because a bad Location and a bad argument are reported differently.
type urlDefect struct {
	nonHTTP bool
	scheme  string
	reason  string
}

func (d *urlDefect) text() string {
	if d.nonHTTP {
		return "scheme " + d.scheme + " is not http or https"
	}
	return d.reason
}

func badURL(reason string) *urlDefect { return &urlDefect{reason: reason} }

// parse fills l from raw.
func (l *location) parse(raw string) *urlDefect {
	scheme, rest, ok := cutScheme(raw)
	if !ok {
		return badURL("no http:// or https:// in front")
	}
	switch {
	case strings.EqualFold(scheme, "http"):
		l.tls, scheme = false, "http"
	case strings.EqualFold(scheme, "https"):
		l.tls, scheme = true, "https"
	default:
		return &urlDefect{nonHTTP: true, scheme: scheme}
	}
	if !strings.HasPrefix(rest, "//") {
		return badURL("no host")
	}
	rest = rest[2:]
	end := strings.IndexAny(rest, `/?#\`)
	if end < 0 {
		end = len(rest)
	} else if rest[end] == '\\' {
		return badURL("backslash in the host")
	}
	if d := l.parseAuthority(rest[:end]); d != nil {
		return d
	}
	rest, _, _ = strings.Cut(rest[end:], "#")
	l.setTarget(scheme, rest)
	return nil
}

// cutScheme splits "scheme:rest". ok is false when raw does not start with a
// scheme in the sense of RFC 3986 section 3.1.
func cutScheme(raw string) (scheme, rest string, ok bool) {
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case isAlpha(c):
		case c == ':' && i > 0:
			return raw[:i], raw[i+1:], true
		case i > 0 && (isDigit(c) || c == '+' || c == '-' || c == '.'):
		default:
			return "", raw, false
		}
	}
	return "", raw, false
}

func (l *location) parseAuthority(s string) *urlDefect {
	l.user = nil
	hostport := s
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		user, d := parseUserinfo(s[:at])
		if d != nil {
			return d
		}
		l.user, hostport = user, s[at+1:]
	}
	host, port := hostport, ""
	if i := strings.LastIndexByte(hostport, ':'); i >= 0 && !strings.HasSuffix(hostport, "]") {
		host, port = hostport[:i], hostport[i+1:]
	}
	if !validPort(port) {
		return badURL("port is not a number from 1 to 65535")
	}
	canonical, d := canonicalHost(host)
	if d != nil {
		return d
	}
	l.host = canonical
	l.setPort(host, hostport, port)
	return nil
}

// setPort derives port and authority; where the spelling in the URL is already
// the canonical one, the authority is that part of the URL.
func (l *location) setPort(host, hostport, port string) {
	standard := "80"
	if l.tls {
		standard = "443"
	}
	named := l.host
	if strings.IndexByte(named, ':') >= 0 {
		zoneless, _, _ := strings.Cut(named, "%")
		named = "[" + zoneless + "]"
	}
	switch {
	case port == "" || port == standard:
		l.port, l.authority = standard, named
	case named == host:
		l.port, l.authority = port, hostport
	default:
		l.port, l.authority = port, named+":"+port
	}
}

func parseUserinfo(s string) (*url.Userinfo, *urlDefect) {
	name, password, has := strings.Cut(s, ":")
	name, err := url.PathUnescape(name)
	if err != nil {
		return nil, badURL("malformed user name")
	}
	password, err = url.PathUnescape(password)
	if err != nil {
		return nil, badURL("malformed password")
	}
	if strings.Contains(name, ":") {
		return nil, badURL("colon in the user name")
	}
	if hasControl(name) || hasControl(password) {
		return nil, badURL("control character in the user information")
	}
	if !has {
		return url.User(name), nil
	}
	return url.UserPassword(name, password), nil
}

func validPort(s string) bool {
	if s == "" {
		return true
	}
	n := 0
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) || i > 4 {
			return false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n > 0 && n < 1<<16
}

// setTarget derives the request target and the URL from the part behind the
// authority.
func (l *location) setTarget(scheme, rest string) {
	if rest == "" || rest[0] == '?' {
		rest = "/" + rest
	}
	l.target = encodeInvalid(rest)
	path, query, hasQuery := strings.Cut(l.target, "?")
	plain, err := url.PathUnescape(path)
	if err != nil { // cannot be: encodeInvalid left no broken escape
		plain = path
	}
	l.url = url.URL{Scheme: scheme, Host: l.authority, Path: plain, RawQuery: query, ForceQuery: hasQuery && query == ""}
	if l.url.EscapedPath() != path {
		l.url.RawPath = path
	}
}

// addParams appends the encoded pairs behind the query the URL already has.
func (l *location) addParams(params url.Values) {
	encoded := params.Encode()
	if encoded == "" {
		return
	}
	if l.url.RawQuery != "" {
		encoded = l.url.RawQuery + "&" + encoded
	}
	l.url.RawQuery, l.url.ForceQuery = encoded, false
	path, _, _ := strings.Cut(l.target, "?")
	l.target = path + "?" + encoded
}

// resolve fills l with ref as seen from base (RFC 3986 section 5.2). A reference
// with a scheme replaces the base completely and keeps its bytes.
func (l *location) resolve(base *location, ref string) *urlDefect {
	if _, _, ok := cutScheme(ref); ok {
		return l.parse(ref)
	}
	scheme := base.url.Scheme
	if strings.HasPrefix(ref, "//") {
		return l.parse(scheme + ":" + ref)
	}
	ref, _, _ = strings.Cut(ref, "#")
	path, query, hasQuery := strings.Cut(ref, "?")
	if first, _, _ := strings.Cut(path, "/"); strings.IndexByte(first, ':') >= 0 {
		return badURL("malformed relative reference")
	}
	above, aboveQuery, _ := strings.Cut(base.target, "?")
	switch {
	case path == "":
		path = above
		if !hasQuery && len(above) < len(base.target) {
			query, hasQuery = aboveQuery, true
		}
	case path[0] == '/':
		path = withoutDots(path)
	default:
		path = withoutDots(above[:strings.LastIndexByte(above, '/')+1] + path)
	}
	if hasQuery {
		path += "?" + query
	}
	l.tls, l.user, l.host, l.port, l.authority = base.tls, nil, base.host, base.port, base.authority
	l.setTarget(scheme, path)
	return nil
}

// withoutDots removes the segments . and .. from an absolute path (RFC 3986 section 5.2.4). Package
// url would do it too, but spells the path anew.
func withoutDots(path string) string {
	var kept []string
	segments := strings.Split(path[1:], "/")
	for i, segment := range segments {
		switch segment {
		case "..":
			kept = kept[:max(0, len(kept)-1)]
			fallthrough
		case ".":
			if i == len(segments)-1 {
				kept = append(kept, "")
			}
		default:
			kept = append(kept, segment)
		}
	}
	return "/" + strings.Join(kept, "/")
}

// text is the URL for error texts and logs, without credentials.
func (l *location) text() string {
	return l.url.Scheme + "://" + l.authority + l.target
}

// encodeInvalid percent-encodes what must not stand in a request target and
// leaves every other byte alone.
func encodeInvalid(s string) string {
	i := 0
	for i < len(s) && targetByte(s, i) {
		i++
	}
	if i == len(s) {
		return s
	}
	const hex = "0123456789ABCDEF"
	out := make([]byte, i, len(s)+16)
	copy(out, s)
	for ; i < len(s); i++ {
		if targetByte(s, i) {
			out = append(out, s[i])
		} else {
			out = append(out, '%', hex[s[i]>>4], hex[s[i]&15])
		}
	}
	return string(out)
}

// targetByte reports whether s[i] may stand as it is.
func targetByte(s string, i int) bool {
	if s[i] == '%' {
		return i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2])
	}
	return targetBytes[s[i]]
}

// targetBytes has the characters of RFC 3986, and brackets and the bar, which
// everybody sends raw.
var targetBytes = func() (table [256]bool) {
	const marks = "/?-._~!$&'()*+,;=:@[]|"
	for c := range table {
		b := byte(c)
		table[c] = isAlpha(b) || isDigit(b) || strings.IndexByte(marks, b) >= 0
	}
	return table
}()

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isHex(c byte) bool   { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

func hasControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}

// asciiLower folds A to Z only: Unicode case folding has letters whose lower
// case is ASCII, and none of them belongs in a protocol.
func asciiLower(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] |= 0x20
				}
			}
			return string(b)
		}
	}
	return s
}
