package http1

import (
	"slices"
	"strconv"
)

// Encoding appends to the caller's buffer and allocates nothing. Whatever comes from outside (method, target, host,
// reason, names, values) is checked here, at the last moment, whoever checked it before: a line break that got this
// far would split the message. The check runs over the bytes just appended; if it fails the buffer is cut back to
// what it was.

// AppendRequestHead appends "METHOD target HTTP/1.1", Host, the fields and the empty line. Fields named in order
// come first, in that order, spelled as in h; the others follow sorted by name. A Host in h is ignored: host is the
// one sent, first. The error is an *EncodeError; dst then comes back as it was.
func AppendRequestHead(dst []byte, method, target, host string, h Header, order []string) ([]byte, error) {
	start := len(dst)
	if !ValidMethod(method) {
		return dst, encodeErrorf(BadMethod, "%s", quote(method))
	}
	dst = append(dst, method...)
	dst = append(dst, ' ')
	dst = append(dst, target...)
	if i := indexBlankOrControl(dst, len(dst)-len(target)); i < len(dst) || target == "" || target[0] != '/' || method == "CONNECT" {
		if err := ValidTarget(method, target); err != nil {
			return dst[:start], err
		}
	}
	if reason := hostFault(host); reason != "" {
		return dst[:start], encodeErrorf(InvalidHeader, "Host %s: %s", quote(host), reason)
	}
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, host...)
	dst = append(dst, "\r\n"...)
	dst, err := appendFields(dst, h, order, true)
	if err != nil {
		return dst[:start], err
	}
	return append(dst, "\r\n"...), nil
}

// AppendResponseHead appends "HTTP/1.minor status reason", the fields sorted by name and the empty line; several
// values of one name keep their order. An empty reason stands for the standard one. The error is an *EncodeError;
// dst then comes back as it was.
func AppendResponseHead(dst []byte, minor, status int, reason string, h Header) ([]byte, error) {
	start := len(dst)
	if minor != 0 && minor != 1 || status < 100 || status > 999 {
		return dst, encodeErrorf(BadStatusLine, "HTTP/1.%d %d", minor, status)
	}
	if reason == "" {
		reason = StatusText(status)
	}
	dst = append(dst, "HTTP/1."...)
	dst = append(dst, byte('0'+minor), ' ', byte('0'+status/100), byte('0'+status/10%10), byte('0'+status%10), ' ')
	dst = append(dst, reason...)
	if i := badValueByte(dst, len(dst)-len(reason)); i >= 0 {
		return dst[:start], encodeErrorf(BadStatusLine, "%s in reason %s", quoteByte(dst[i]), quote(reason))
	}
	dst = append(dst, "\r\n"...)
	dst, err := appendFields(dst, h, nil, false)
	if err != nil {
		return dst[:start], err
	}
	return append(dst, "\r\n"...), nil
}

// AppendHeader appends one line "name: value". The error is an *EncodeError; dst then comes back as it was.
func AppendHeader(dst []byte, name, value string) ([]byte, error) {
	dst, _, err := appendField(dst, name, value)
	return dst, err
}

// appendFields appends all fields of h and refuses a head whose own framing is ambiguous.
func appendFields(dst []byte, h Header, order []string, request bool) (_ []byte, err error) {
	var fr fieldWriter
	fr.request = request
	done := 0
	for i, name := range order {
		values, ok := h[name]
		if !ok || slices.Contains(order[:i], name) {
			continue
		}
		done++
		if dst, err = fr.append(dst, name, values); err != nil {
			return dst, err
		}
	}
	if done == len(h) {
		return dst, nil
	}
	return fr.appendOthers(dst, h, order)
}

// fieldWriter watches the fields that frame the body.
type fieldWriter struct {
	request         bool
	lengths, coding int
}

// appendOthers appends the fields that are not named in order, sorted by name. It sorts the names alone, in as much of
// the stack as they need: a request that waits for its answer keeps the stack that its head took.
func (w *fieldWriter) appendOthers(dst []byte, h Header, order []string) (_ []byte, err error) {
	var space [16]string
	names := space[:0]
	for name := range h {
		if !slices.Contains(order, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if dst, err = w.append(dst, name, h[name]); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (w *fieldWriter) append(dst []byte, name string, values []string) ([]byte, error) {
	for _, value := range values {
		start := len(dst)
		var id nameID
		var err error
		if dst, id, err = appendField(dst, name, value); err != nil {
			return dst, err
		}
		switch knownNames[id].role {
		case roleHost:
			if w.request {
				dst = dst[:start]
			}
		case roleLength:
			w.lengths++
			if _, ok := parseLength(value); !ok || w.lengths > 1 {
				return dst, encodeErrorf(BadContentLength, "%s is not one length", quote(value))
			}
		case roleCoding:
			w.coding++
		}
		if w.lengths > 0 && w.coding > 0 {
			return dst, encodeErrorf(BadTransferEncoding, "Content-Length and Transfer-Encoding can't be sent together")
		}
	}
	return dst, nil
}

func appendField(dst []byte, name, value string) ([]byte, nameID, error) {
	start := len(dst)
	dst = append(dst, name...)
	id := lookupName(dst[start:])
	if id == 0 && !allOf(name, classToken) {
		return dst[:start], 0, encodeErrorf(InvalidHeader, "name %s", quote(name))
	}
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	if i := badValueByte(dst, len(dst)-len(value)); i >= 0 {
		bad := dst[i]
		return dst[:start], 0, encodeErrorf(InvalidHeader, "%s in value of %s", quoteByte(bad), quote(name))
	}
	return append(dst, "\r\n"...), id, nil
}

// badValueByte returns the index of the first byte from i on that must not stand in a value, or -1.
func badValueByte(b []byte, i int) int {
	for {
		i = indexControl(b, i)
		if i == len(b) {
			return -1
		}
		if b[i] != '\t' {
			return i
		}
		i++
	}
}

// AppendChunk appends data as one chunk. Of empty data it makes nothing, since an empty chunk ends the body.
func AppendChunk(dst, data []byte) []byte {
	if len(data) == 0 {
		return dst
	}
	dst = AppendChunkHead(dst, len(data))
	dst = append(dst, data...)
	return append(dst, "\r\n"...)
}

// AppendChunkHead appends the size line of a chunk of n bytes; the caller sends the data and CRLF after it. It
// panics if n is not positive: that would end the body.
func AppendChunkHead(dst []byte, n int) []byte {
	if n <= 0 {
		panic("http1: AppendChunkHead with a size that is not positive; skip empty writes, end the body with AppendLastChunk")
	}
	if n < 16 {
		return append(dst, "0123456789abcdef"[n], '\r', '\n')
	}
	dst = strconv.AppendUint(dst, uint64(n), 16)
	return append(dst, "\r\n"...)
}

// AppendLastChunk appends the end of a chunked body, with a trailer if there is one, sorted by name. Fields that
// must not stand in a trailer (see Decoder.Trailer) are an *EncodeError; dst then comes back as it was.
func AppendLastChunk(dst []byte, trailer Header) ([]byte, error) {
	start := len(dst)
	dst = append(dst, "0\r\n"...)
	if len(trailer) > 0 {
		for name := range trailer {
			id := lookupName(append(dst, name...)[len(dst):])
			if knownNames[id].noTrailer {
				return dst[:start], encodeErrorf(InvalidHeader, "%s in a trailer", quote(name))
			}
		}
		var err error
		if dst, err = appendFields(dst, trailer, nil, false); err != nil {
			return dst[:start], err
		}
	}
	return append(dst, "\r\n"...), nil
}

// ValidMethod reports whether s can be sent as a method: a token. (A request decoder is stricter, it takes no digits.)
func ValidMethod(s string) bool { return allOf(s, classToken) }

// ValidHeaderName reports whether s can be a field name: a token.
func ValidHeaderName(s string) bool { return allOf(s, classToken) }

// ValidHeaderValue reports whether s can be a field value: no control characters but the tab.
func ValidHeaderValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
