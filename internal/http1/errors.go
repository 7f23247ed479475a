package http1

import (
	"fmt"
	"io"
	"strconv"
)

// What can go wrong, in one place. A decoder error is about the peer and says what a server would answer; an encoder
// error is about the caller. Both carry a kind to decide by and a short text to show; neither ever repeats more than
// a few quoted bytes of what was received.
//
//	error
//	├─ io.EOF          the peer closed between two messages
//	├─ *ParseError     what the peer sent is not HTTP/1
//	│   └─ io.ErrUnexpectedEOF   (Kind Truncated: the peer closed inside a message)
//	└─ *EncodeError    what the caller wants to send is not HTTP/1

// ErrKind sorts errors by the part of the message that is wrong.
type ErrKind uint8

// The kinds of error.
const (
	BadStatusLine       ErrKind = iota + 1 // the first line of a request or response has the wrong shape
	BadMethod                              // the method is not one
	InvalidTarget                          // the request target does not fit the method, or holds a forbidden byte
	InvalidHeader                          // a header or trailer line is malformed, forbidden, missing or repeated
	LineTooLong                            // a line is over its limit
	TooManyHeaders                         // more header and trailer lines than the limit
	BadTransferEncoding                    // Transfer-Encoding gives no usable framing
	BadContentLength                       // Content-Length is not one number
	BadChunk                               // the chunked coding is malformed
	BadVersion                             // not HTTP/1.0 or HTTP/1.1
	Truncated                              // the peer closed inside a message
	TLSOnPlain                             // TLS bytes on a connection without TLS
	DataAfterClose                         // bytes after a message that was to be the last
)

var kindTexts = [...]string{
	BadStatusLine:       "bad status line",
	BadMethod:           "bad method",
	InvalidTarget:       "invalid target",
	InvalidHeader:       "invalid header",
	LineTooLong:         "line too long",
	TooManyHeaders:      "too many headers",
	BadTransferEncoding: "bad transfer encoding",
	BadContentLength:    "bad content length",
	BadChunk:            "bad chunk",
	BadVersion:          "bad version",
	Truncated:           "truncated message",
	TLSOnPlain:          "TLS on a plain connection",
	DataAfterClose:      "data after close",
}

// String names the kind in a few lower-case words.
func (k ErrKind) String() string {
	if int(k) < len(kindTexts) && kindTexts[k] != "" {
		return kindTexts[k]
	}
	return "error kind " + strconv.Itoa(int(k))
}

// ParseError reports what is wrong with the bytes received. The decoder that returned it returns it again from then
// on: there is no way to find the next message in a stream that went wrong.
type ParseError struct {
	Status int     // what a server answers: 400, or 505 for a version it does not speak
	Kind   ErrKind // which part is wrong
	Detail string  // the offending thing, shortened and quoted
}

// Error gives the kind and the detail.
func (e *ParseError) Error() string { return e.Kind.String() + ": " + e.Detail }

// Unwrap returns io.ErrUnexpectedEOF for a truncated message.
func (e *ParseError) Unwrap() error {
	if e.Kind == Truncated {
		return io.ErrUnexpectedEOF
	}
	return nil
}

func parseErrorf(kind ErrKind, format string, args ...any) *ParseError {
	return &ParseError{Status: 400, Kind: kind, Detail: fmt.Sprintf(format, args...)}
}

// EncodeError reports what is wrong with the message a caller asked to encode. Nothing was appended.
type EncodeError struct {
	Kind   ErrKind // BadMethod, InvalidTarget, InvalidHeader, BadStatusLine, BadContentLength or BadTransferEncoding
	Detail string  // the offending thing, shortened and quoted
}

// Error gives the kind and the detail.
func (e *EncodeError) Error() string { return e.Kind.String() + ": " + e.Detail }

func encodeErrorf(kind ErrKind, format string, args ...any) *EncodeError {
	return &EncodeError{Kind: kind, Detail: fmt.Sprintf(format, args...)}
}

// quoteMax bounds what an error repeats of the input.
const quoteMax = 48

// quote makes received bytes fit to print.
func quote[T string | []byte](b T) string {
	if len(b) > quoteMax {
		return strconv.QuoteToASCII(string(b[:quoteMax])) + "…"
	}
	return strconv.QuoteToASCII(string(b))
}

// quoteByte names one offending byte.
func quoteByte(c byte) string {
	switch {
	case c == '\n':
		return "LF without CR"
	case c == '\r':
		return "CR without LF"
	case c <= ' ' || c >= 0x7f:
		return fmt.Sprintf("byte 0x%02x", c)
	}
	return strconv.QuoteRune(rune(c))
}
