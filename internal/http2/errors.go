package http2

import (
	"errors"
	"fmt"
	"strconv"
)

// What can go wrong, as one type: an error code of the protocol, the stream it concerns, or none if it ends the
// connection, who found it, and in words what was found.

// ErrCode is why a stream or a connection ended (RFC 9113 §7).
type ErrCode uint32

// The codes of RFC 9113 §7.
const (
	NoError            ErrCode = 0x0
	ProtocolError      ErrCode = 0x1
	InternalError      ErrCode = 0x2
	FlowControlError   ErrCode = 0x3
	SettingsTimeout    ErrCode = 0x4
	StreamClosed       ErrCode = 0x5
	FrameSizeError     ErrCode = 0x6
	RefusedStream      ErrCode = 0x7
	Cancel             ErrCode = 0x8
	CompressionError   ErrCode = 0x9
	ConnectError       ErrCode = 0xa
	EnhanceYourCalm    ErrCode = 0xb
	InadequateSecurity ErrCode = 0xc
	HTTP11Required     ErrCode = 0xd
)

var codeNames = [...]string{
	"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
	"REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
}

// String returns the name of the code in the RFC.
func (c ErrCode) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return "code " + strconv.FormatUint(uint64(c), 10)
}

// ErrHeadTooLarge is wrapped by the error of a stream whose head, or trailer, is longer than Config.MaxHeaderList.
var ErrHeadTooLarge = errors.New("header list larger than the advertised limit")

// Errors of Open: nothing was sent, and the request can go over another connection, or over this one later.
var (
	ErrNoRoom    = errors.New("http2: as many streams are open as the server allows")
	ErrExhausted = errors.New("http2: no further stream can be opened on this connection")
)

// Error reports what ended a stream, or the connection.
type Error struct {
	Code   ErrCode
	Stream uint32 // 0: the whole connection
	Remote bool   // the server said so; otherwise it is what the server did that was wrong
	Detail string // what was wrong
	Err    error  // a sentinel of this package, or nil
}

// Error gives the code and the detail.
func (e *Error) Error() string {
	text := "http2: " + e.Code.String()
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

func connError(code ErrCode, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

func streamError(id uint32, code ErrCode, format string, args ...any) *Error {
	return &Error{Code: code, Stream: id, Detail: fmt.Sprintf(format, args...)}
}
