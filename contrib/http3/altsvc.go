package http3

// What servers say about where else they can be reached: the Alt-Svc header (RFC 7838).
//
// Of all that can stand there only services of HTTP/3 matter here. What is malformed is
// passed over from the point where it stops making sense, since the header is advice.

import (
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// defaultMaxAge is how long a service is good for that says nothing about it.
const defaultMaxAge = 24 * time.Hour

// maxMaxAge bounds what a server can ask to be remembered for.
const maxMaxAge = 30 * 24 * time.Hour

// maxServices bounds how many services of a header are looked at.
const maxServices = 16

// A service is one place where an origin can be reached over HTTP/3.
type service struct {
	host   string // "": that of the origin
	port   string
	maxAge time.Duration
}

// parseAltSvc returns the services of HTTP/3 that the values of the header name, in order.
// clear says that everything known before is no longer true.
func parseAltSvc(values []string) (services []service, clear bool) {
	for _, v := range values {
		if strings.Trim(v, " \t") == "clear" {
			return nil, true
		}
	}
	for _, v := range values {
		s := scanner{v}
		for len(services) < maxServices {
			entry, protocol, ok := s.service()
			if !ok {
				break
			}
			if protocol == "h3" && entry.port != "" {
				services = append(services, entry)
			}
			if !s.skip(',') {
				break
			}
		}
	}
	return services, false
}

// scanner reads the grammar of the header from the front.
type scanner struct{ rest string }

func (s *scanner) blanks() { s.rest = strings.TrimLeft(s.rest, " \t") }

// skip reads c with the blanks around it.
func (s *scanner) skip(c byte) bool {
	s.blanks()
	if s.rest == "" || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	s.blanks()
	return true
}

// token reads a token, possibly none.
func (s *scanner) token() string {
	i := 0
	for i < len(s.rest) && isTokenByte(s.rest[i]) {
		i++
	}
	t := s.rest[:i]
	s.rest = s.rest[i:]
	return t
}

// text reads a token or a quoted string.
func (s *scanner) text() (string, bool) {
	if !strings.HasPrefix(s.rest, `"`) {
		t := s.token()
		return t, t != ""
	}
	var b strings.Builder
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; c {
		case '"':
			s.rest = s.rest[i+1:]
			return b.String(), true
		case '\\':
			if i++; i < len(s.rest) {
				b.WriteByte(s.rest[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// service reads protocol="host:port" and the parameters behind it.
func (s *scanner) service() (entry service, protocol string, ok bool) {
	s.blanks()
	protocol = s.token()
	if decoded, err := url.PathUnescape(protocol); err == nil {
		protocol = decoded
	}
	if protocol == "" || !s.skip('=') {
		return entry, "", false
	}
	authority, ok := s.text()
	if !ok {
		return entry, "", false
	}
	entry.maxAge = defaultMaxAge
	if host, port, err := net.SplitHostPort(authority); err == nil && isPort(port) {
		entry.host, entry.port = strings.ToLower(host), port
	}
	for s.skip(';') {
		name := strings.ToLower(s.token())
		if name == "" || !s.skip('=') {
			return entry, "", false
		}
		value, ok := s.text()
		if !ok {
			return entry, "", false
		}
		if seconds, err := strconv.ParseUint(value, 10, 31); name == "ma" && err == nil {
			entry.maxAge = min(time.Duration(seconds)*time.Second, maxMaxAge)
		}
	}
	return entry, protocol, true
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0 && s[0] != '+'
}

func isTokenByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
