package aiohttp

// Heads for HTTP/2.
//
// The head of a request has been written for HTTP/1 by the time it is known which protocol will carry it, checked and in
// order. What goes over HTTP/2 is read off those lines: one place decides what is sent, whatever the protocol. Strings that
// come again and again, which are most, are made once for a connection, because the codec remembers them too.

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/aio-go/aio/internal/http1"
	"github.com/aio-go/aio/internal/http2"
)

const (
	maxInterned  = 256 // strings kept for a connection
	longInterned = 256 // bytes of the longest of them
	shortCookie  = 20  // bytes of a cookie that could be guessed byte by byte (RFC 7541 section 7.1.3)
)

// headEncoder makes the fields of requests.
type headEncoder struct {
	fields  []http2.Field
	strings map[string]string
}

// request returns the fields of r, whose head has been written. They are valid until the next call.
func (e *headEncoder) request(r *ClientRequest) []http2.Field {
	_, lines, _ := bytes.Cut(r.call.head, crlf)
	host, lines, _ := bytes.Cut(lines, crlf)
	scheme := "http"
	if r.loc.tls {
		scheme = "https"
	}
	e.fields = append(e.fields[:0],
		http2.Field{Name: ":method", Value: r.Method},
		http2.Field{Name: ":scheme", Value: scheme},
		http2.Field{Name: ":authority", Value: e.intern(host[len("Host: "):])},
		http2.Field{Name: ":path", Value: r.loc.target})
	for {
		line, rest, more := bytes.Cut(lines, crlf)
		if lines = rest; !more || len(line) == 0 {
			return e.fields
		}
		name, value, _ := bytes.Cut(line, colon)
		e.add(name, value)
	}
}

var crlf, colon = []byte("\r\n"), []byte(": ")

// add adds one field, unless it belongs to HTTP/1.
func (e *headEncoder) add(name, value []byte) {
	f := http2.Field{}
	var known bool
	if f.Name, known = http1.LowerName(name); !known {
		f.Name = e.intern(bytes.ToLower(name))
	}
	if f.Name == "cookie" {
		e.addCookies(value)
		return
	}
	f.Value = e.intern(value)
	if !http2.OfConnection(f.Name, f.Value) {
		f.Sensitive = f.Name == "authorization" || f.Name == "proxy-authorization"
		e.fields = append(e.fields, f)
	}
}

// addCookies adds cookies as a field each, so that one that changes does not cost the others their place in the codec's memory
// (RFC 9113 section 8.2.3).
func (e *headEncoder) addCookies(value []byte) {
	for more := true; more; {
		var crumb []byte
		crumb, value, more = bytes.Cut(value, []byte("; "))
		e.fields = append(e.fields, http2.Field{Name: "cookie", Value: e.intern(crumb), Sensitive: len(crumb) < shortCookie})
	}
}

// trailer returns the fields of a trailer.
func (e *headEncoder) trailer(h http.Header) ([]http2.Field, error) {
	if _, err := http1.AppendLastChunk(nil, h); err != nil { // for what it checks
		return nil, err
	}
	e.fields = e.fields[:0]
	for _, name := range sortedNames(h) {
		for _, v := range h[name] {
			e.fields = append(e.fields, http2.Field{Name: strings.ToLower(name), Value: v})
		}
	}
	return e.fields, nil
}

// intern returns b as a string that is made only once.
func (e *headEncoder) intern(b []byte) string {
	if s, ok := e.strings[string(b)]; ok {
		return s
	}
	s := string(b)
	if e.strings == nil || len(e.strings) >= maxInterned {
		e.strings = make(map[string]string)
	}
	if len(s) <= longInterned {
		e.strings[s] = s
	}
	return s
}
