package web

// The head of a response: which fields are sent, and how the end of the body is marked. It is a pure function of the
// request's method and version, of what the handler set, and of the two lines every response shares; nothing here
// knows about connections. The rules are those of RFC 9110 §6.4.1 and §8.6 and RFC 9112 §6:
//
//   - 1xx and 204 have neither a length nor a body, 304 and answers to HEAD have no body;
//   - a length that is known is sent; an unknown one means chunks in HTTP/1.1 and "until the connection closes" in 1.0;
//   - Transfer-Encoding is ours alone, and is never sent beside Content-Length;
//   - nothing the application set may carry a control character into the head.

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/aio-go/aio/internal/http1"
)

// framing is how the peer learns where a body ends.
type framing uint8

const (
	framingNone    framing = iota // there is no body
	framingLength                 // Content-Length
	framingChunked                // Transfer-Encoding: chunked
	framingClose                  // the connection closes
)

// String names the framing.
func (f framing) String() string {
	return [...]string{"none", "length", "chunked", "close"}[f]
}

// asked is what a response has to know about its request.
type asked struct {
	method    string
	minor     int  // HTTP/1.minor
	keepAlive bool // the client and the server would both go on
}

// responseHead collects what goes into a head.
type responseHead struct {
	status      int
	reason      string
	headers     http.Header
	cookies     []*http.Cookie
	contentType string // sent unless headers has one
	length      int64  // of the body; lengthUnknown: as the headers say
	shared      []byte // the Date and Server lines, each ended by CRLF
}

const lengthUnknown = -1

// HeaderError reports a status, reason or header that cannot be sent.
type HeaderError struct {
	Field string // the header's name, or "status", "reason"
	Value string
}

// Error implements error.
func (e *HeaderError) Error() string {
	return fmt.Sprintf("web: response has an invalid %s: %q", e.Field, e.Value)
}

// bodyless reports whether responses with this status have no body by definition or by custom.
func bodyless(status int) bool {
	return status < 200 || status == 204 || status == 205 || status == 304
}

// forbidsBody reports whether no byte may follow the head.
func forbidsBody(method string, status int) bool {
	return method == "HEAD" || status < 200 || status == 204 || status == 304 || method == "CONNECT" && status < 300
}

// plan decides about the body: its framing and its length, which may have been announced in the headers.
func (h *responseHead) plan(q asked) (framing, int64, error) {
	if h.status != 101 && (h.status < 200 || h.status > 599) {
		return 0, 0, &HeaderError{Field: "status", Value: strconv.Itoa(h.status)}
	}
	length := h.length
	if length == lengthUnknown || length == 0 && forbidsBody(q.method, h.status) {
		announced, err := announcedLength(h.headers)
		if err != nil {
			return 0, 0, err
		}
		if announced != lengthUnknown {
			length = announced
		}
	}
	switch {
	case forbidsBody(q.method, h.status):
		return framingNone, length, nil
	case length != lengthUnknown:
		return framingLength, length, nil
	case q.minor == 0:
		return framingClose, length, nil
	}
	return framingChunked, length, nil
}

// announcedLength reads the Content-Length the application set, if any.
func announcedLength(headers http.Header) (int64, error) {
	values := headers["Content-Length"]
	if len(values) == 0 {
		return lengthUnknown, nil
	}
	n, err := strconv.ParseUint(values[0], 10, 63)
	if err != nil || len(values) > 1 || values[0][0] == '+' {
		return 0, &HeaderError{Field: "Content-Length", Value: strings.Join(values, ", ")}
	}
	return int64(n), nil
}

// appendTo appends the head to dst. It returns how the body is framed, its length if that is known, and whether the
// connection can be used again.
func (h *responseHead) appendTo(dst []byte, q asked) (out []byte, f framing, length int64, keepAlive bool, err error) {
	f, length, err = h.plan(q)
	if err != nil {
		return dst, f, length, false, err
	}
	if dst, err = h.appendStatusLine(dst, q.minor); err != nil {
		return dst, f, length, false, err
	}
	var seen seenFields
	if dst, seen, err = h.appendFields(dst); err != nil {
		return dst, f, length, false, err
	}
	if h.contentType != "" && !seen.contentType && !(bodyless(h.status) && h.status != 205) {
		if !http1.ValidHeaderValue(h.contentType) {
			return dst, f, length, false, &HeaderError{Field: "Content-Type", Value: h.contentType}
		}
		dst = appendField(dst, "Content-Type", h.contentType)
	}
	dst = h.appendFraming(dst, f, length)
	dst = h.appendShared(dst, seen)
	keepAlive = q.keepAlive && !seen.close && f != framingClose
	switch {
	case seen.connection:
	case !keepAlive && q.minor != 0:
		dst = append(dst, "Connection: close\r\n"...)
	case keepAlive && q.minor == 0:
		dst = append(dst, "Connection: keep-alive\r\n"...)
	}
	return append(dst, "\r\n"...), f, length, keepAlive, nil
}

func (h *responseHead) appendStatusLine(dst []byte, minor int) ([]byte, error) {
	reason := reasonFor(h.status, h.reason)
	if !http1.ValidHeaderValue(reason) {
		return dst, &HeaderError{Field: "reason", Value: reason}
	}
	if minor == 0 {
		dst = append(dst, "HTTP/1.0 "...)
	} else {
		dst = append(dst, "HTTP/1.1 "...)
	}
	dst = strconv.AppendInt(dst, int64(h.status), 10)
	dst = append(dst, ' ')
	dst = append(dst, reason...)
	return append(dst, "\r\n"...), nil
}

// seenFields says which of the fields we would add the application has set itself.
type seenFields struct {
	contentType, date, server, connection, close bool
}

// appendFields appends the application's headers, sorted by name, and its cookies.
func (h *responseHead) appendFields(dst []byte) ([]byte, seenFields, error) {
	var seen seenFields
	if len(h.headers) > 0 {
		var space [16]string
		names := space[:0]
		for name := range h.headers {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			values := h.headers[name]
			switch http1.CanonicalName(name) {
			case "Content-Length", "Transfer-Encoding":
				continue
			case "Content-Type":
				seen.contentType = true
			case "Date":
				seen.date = true
			case "Server":
				seen.server = true
			case "Connection":
				seen.connection = true
				seen.close = hasToken(values, "close")
			}
			for _, value := range values {
				if !http1.ValidHeaderName(name) || !http1.ValidHeaderValue(value) {
					return dst, seen, &HeaderError{Field: name, Value: value}
				}
				dst = appendField(dst, name, value)
			}
		}
	}
	for _, c := range h.cookies {
		text := c.String()
		if text == "" {
			return dst, seen, &HeaderError{Field: "Set-Cookie", Value: c.Name}
		}
		dst = appendField(dst, "Set-Cookie", text)
	}
	return dst, seen, nil
}

func (h *responseHead) appendFraming(dst []byte, f framing, length int64) []byte {
	switch {
	case f == framingChunked:
		return append(dst, "Transfer-Encoding: chunked\r\n"...)
	case length == lengthUnknown || h.status < 200 || h.status == 204:
		return dst
	case h.status == 304 && length == 0:
		return dst
	}
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, length, 10)
	return append(dst, "\r\n"...)
}

// appendShared appends the lines that all responses share, but for those the application replaced.
func (h *responseHead) appendShared(dst []byte, seen seenFields) []byte {
	if !seen.date && !seen.server {
		return append(dst, h.shared...)
	}
	for line := range strings.SplitAfterSeq(string(h.shared), "\r\n") {
		if strings.HasPrefix(line, "Date:") && seen.date || strings.HasPrefix(line, "Server:") && seen.server {
			continue
		}
		dst = append(dst, line...)
	}
	return dst
}

func appendField(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

// hasToken looks for a token in comma-separated lists, whatever its case (RFC 9110 §5.6.1).
func hasToken(values []string, token string) bool {
	for _, list := range values {
		for item := range strings.SplitSeq(list, ",") {
			if equalFold(strings.Trim(item, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// equalFold compares ASCII text whatever its case. strings.EqualFold would also take the Kelvin sign for a k.
func equalFold(s, t string) bool {
	if len(s) != len(t) {
		return false
	}
	for i := range len(s) {
		if lower(s[i]) != lower(t[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return c
}
