package wsproto

// What goes in and out of the codec besides bytes: opcodes, close codes, events, and what is wrong with a peer.

import (
	"fmt"
	"strconv"
)

// Opcode is the type of a frame (RFC 6455 §5.2).
type Opcode uint8

// The opcodes; all others are reserved.
const (
	Continuation Opcode = 0x0
	Text         Opcode = 0x1
	Binary       Opcode = 0x2
	Close        Opcode = 0x8
	Ping         Opcode = 0x9
	Pong         Opcode = 0xA
)

// String names the opcode.
func (o Opcode) String() string {
	switch o {
	case Continuation:
		return "continuation"
	case Text:
		return "text"
	case Binary:
		return "binary"
	case Close:
		return "close"
	case Ping:
		return "ping"
	case Pong:
		return "pong"
	}
	return "opcode " + strconv.Itoa(int(o))
}

// IsControl reports whether frames of the type are control frames, known or reserved.
func (o Opcode) IsControl() bool { return o&0x8 != 0 }

func (o Opcode) reserved() bool { return o > Binary && o < Close || o > Pong }

// The close codes the codec itself uses (RFC 6455 §7.4.1).
const (
	CodeNormal        = 1000
	CodeProtocolError = 1002
	CodeNoStatus      = 1005 // stands for a Close frame without a code; never on the wire
	CodeInvalidData   = 1007
	CodeTooBig        = 1009
)

// ValidCloseCode reports whether a code may stand in a Close frame: those of RFC 6455 and of the registry that are not
// reserved for local use, and the ranges for libraries and applications.
func ValidCloseCode(code int) bool {
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014:
		return true
	}
	return code >= 3000 && code <= 4999
}

// EventKind says what a call of Next found.
type EventKind uint8

// The kinds of event.
const (
	NeedMore    EventKind = iota // all input is used up
	EventText                    // a whole text message; its Data is valid UTF-8
	EventBinary                  // a whole binary message
	EventPing                    // a Ping frame with its application data
	EventPong                    // a Pong frame with its application data
	EventClose                   // a Close frame: Code, and the reason in Data; nothing follows it
)

// String returns the name of the constant.
func (k EventKind) String() string {
	names := [...]string{"NeedMore", "EventText", "EventBinary", "EventPing", "EventPong", "EventClose"}
	if int(k) < len(names) {
		return names[k]
	}
	return "EventKind(?)"
}

// Event is one thing the peer said. Data is good until the next call of Next, unless Owned is set: then it was made for
// this event alone and may be kept.
type Event struct {
	Kind  EventKind
	Data  []byte
	Code  int // of EventClose; CodeNoStatus if the frame had none
	Owned bool
}

// Error reports what the peer did wrong. The decoder that returned it returns it again from then on.
type Error struct {
	Code   int    // the close code to answer with: 1002, 1007 or 1009
	Detail string // the offending thing
}

// Error gives the detail.
func (e *Error) Error() string { return e.Detail }

func violation(format string, args ...any) *Error {
	return &Error{Code: CodeProtocolError, Detail: fmt.Sprintf(format, args...)}
}

func invalidData(detail string) *Error { return &Error{Code: CodeInvalidData, Detail: detail} }

func tooBig(size uint64, limit int64) *Error {
	return &Error{Code: CodeTooBig, Detail: fmt.Sprintf("message of %d bytes or more, the limit is %d", size, limit)}
}
