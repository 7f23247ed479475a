// Package http1 turns bytes into HTTP/1.x messages and back, for the client and for the server. It does no I/O,
// knows no clock and starts nothing: a [Decoder] is fed whatever arrived and answers with one [Event] at a time; the
// Append functions put heads and chunks into the caller's buffer.
//
// The decoder is written for hostile input. Requests are read strictly (RFC 9112, and stricter where two readers
// might disagree about where a message ends). Responses may be read strictly or with a short list of allowances for
// servers met in practice: lines of head and trailer ended by LF alone, folded lines, control characters other than
// NUL and CR in values, blanks after a chunk size, repeated headers that should stand once, a length beside chunked
// coding (chunked wins and the connection is not kept). There is one parser for both: the allowances are single
// conditions in it.
package http1

import (
	"bytes"
	"io"
)

// The decoder is a state machine over the parts of a message. The text parts (first line, header fields, trailer)
// are scanned where they lie in the caller's buffer; only when a part is cut by the end of the buffer is it copied,
// and the scan goes on in the copy from where it stopped. Hence no byte is looked at twice however the input is cut,
// a wrong byte is reported as soon as it is there, and the caller never keeps bytes back. A head that is the same as
// the one before it is not scanned at all.

type state uint8

const (
	stateIdle        state = iota // between messages
	stateBlankLine                // between messages, after the CR of an empty line
	stateClosed                   // between messages, but none may follow
	stateMethod                   // request line
	stateTarget                   //
	stateVersion                  //
	stateStatus                   // status line up to the blank before the reason
	stateReason                   //
	stateFields                   // header fields
	stateSized                    // body of known length
	stateUntilClose               // body that ends with the connection
	stateChunkSize                // chunked body: the digits of a size
	stateChunkBlank               // blanks after them
	stateChunkExt                 // chunk extension
	stateChunkSizeLF              // LF of the size line
	stateChunkData                //
	stateChunkDataCR              // CR behind the data
	stateChunkDataLF              // LF behind the data
	stateTrailer                  // trailer fields
	stateMessageEnd               // complete, EventEnd not reported yet
	stateUpgraded                 // what follows is another protocol
	stateFailed                   // the input was wrong
)

var stateTexts = [...]string{
	"idle", "blank line", "closed", "method", "target", "version", "status", "reason", "fields", "sized body", "body until close",
	"chunk size", "blank after chunk size", "chunk extension", "end of chunk size", "chunk data", "end of chunk data", "end of chunk data",
	"trailer", "message end", "upgraded", "failed",
}

func (s state) String() string { return stateTexts[s] }

// maxEmptyLines bounds the empty lines skipped before a message (RFC 9112 §2.2 asks for tolerance).
const maxEmptyLines = 8

// Decoder reads the messages of one direction of one connection. It is made once and used for all of them. It
// belongs to one goroutine (or event loop) at a time.
type Decoder struct {
	limits   Limits
	response bool
	lenient  bool
	state    state
	method   string // responses: the method of the request being answered
	err      error

	head    Head
	last    lastHead
	trailer Header

	// The text part being scanned. Positions count from its first byte.
	held       []byte  // the part so far, when it did not arrive in one piece
	fields     []field // the last may be incomplete
	line       int     // start of the current line
	scan       int     // everything before it has been looked at
	methodEnd  int     // request line
	targetEnd  int     //
	minor      int     // HTTP/1.minor
	reason     int     // status line: start and end of the reason
	reasonEnd  int     //
	status     int     //
	fieldCount int     // head and trailer
	emptyLines int     // before the message

	// The body.
	left   int64 // bytes to come of the body or chunk
	got    int64 // bytes of the body so far
	digits int   // of the chunk size
	size   int   // bytes of the chunk-size line
	excess int   // chunk-size lines beyond what the data justifies, see endChunkLine
}

// NewRequestDecoder returns a decoder of requests, for a server. It is always strict.
func NewRequestDecoder(l Limits) *Decoder { return &Decoder{limits: l.withDefaults()} }

// NewResponseDecoder returns a decoder of responses, for a client. With strict unset it makes the allowances listed
// in the package comment.
func NewResponseDecoder(l Limits, strict bool) *Decoder {
	return &Decoder{limits: l.withDefaults(), response: true, lenient: !strict}
}

// SetRequestMethod names the method of the request that the next response answers: a response to HEAD has no body, a
// successful one to CONNECT ends HTTP on the connection. Interim responses do not use it up.
func (d *Decoder) SetRequestMethod(method string) { d.method = method }

// Next looks at in and returns the next event and the number of bytes consumed; the caller passes the rest again,
// with or without more behind it. NeedMore means that all of in has been consumed (the exception: after an upgrade
// nothing is consumed any more). EventHead is always followed by EventEnd, with EventData in between if there is a
// body; both may come without further input, so the caller goes on until NeedMore, with an empty in if need be. The
// error, a *ParseError, is final.
func (d *Decoder) Next(in []byte) (ev Event, n int, err error) {
	if d.state <= stateClosed {
		if n, err = d.begin(in); err != nil {
			return Event{}, n, d.fail(err)
		}
		in = in[n:]
	}
	used := 0
	switch {
	case d.state <= stateClosed || d.state == stateUpgraded:
	case d.state <= stateFields:
		ev, used, err = d.nextHead(in)
	case d.state == stateSized:
		ev, used = d.nextSized(in)
	case d.state == stateUntilClose:
		ev, used = d.nextUntilClose(in)
	case d.state <= stateTrailer:
		ev, used, err = d.nextChunked(in)
	case d.state == stateMessageEnd:
		ev = d.endMessage()
	default:
		return Event{}, n, d.err
	}
	if err != nil {
		return Event{}, n + used, d.fail(err)
	}
	return ev, n + used, nil
}

// begin skips empty lines and, at the first byte of a message, prepares for it.
func (d *Decoder) begin(in []byte) (n int, err error) {
	for n < len(in) {
		c := in[n]
		switch {
		case d.state == stateBlankLine && c != '\n':
			return n, parseErrorf(BadStatusLine, "CR without LF before a message")
		case c == '\r' && d.state == stateIdle && (d.lenient || !d.response):
			d.enter(stateBlankLine)
		case c == '\n' && (d.state == stateBlankLine || d.lenient):
			if d.state == stateBlankLine {
				d.enter(stateIdle)
			}
			if d.emptyLines++; d.emptyLines > maxEmptyLines {
				return n, parseErrorf(BadStatusLine, "more than %d empty lines before a message", maxEmptyLines)
			}
		case d.state == stateClosed && (c == '\r' || c == '\n'):
		case d.state == stateClosed:
			return n, parseErrorf(DataAfterClose, "%s after the last message of the connection", quote(in[n:]))
		default:
			return n, d.beginMessage(c)
		}
		n++
	}
	return n, nil
}

func (d *Decoder) beginMessage(first byte) error {
	const alert, handshake = 0x15, 0x16 // types of TLS records
	d.trailer = nil
	d.emptyLines, d.fieldCount = 0, 0
	d.got, d.excess = 0, 0
	d.beginText()
	switch {
	case first == handshake && !d.response:
		return parseErrorf(TLSOnPlain, "a TLS handshake, is this an HTTPS request on the HTTP port?")
	case (first == handshake || first == alert) && d.response:
		return parseErrorf(TLSOnPlain, "a TLS record, is this the HTTPS port?")
	case d.response:
		d.enter(stateStatus)
	default:
		d.enter(stateMethod)
	}
	return nil
}

// beginText makes ready to scan a text part from its first byte.
func (d *Decoder) beginText() {
	const keep = 16 << 10 // a larger copy was an exception; do not hold it for the life of the connection
	if cap(d.held) > keep {
		d.held = nil
	}
	d.held, d.fields = d.held[:0], d.fields[:0]
	d.line, d.scan = 0, 0
}

// nextHead scans the first line and the fields up to the empty line.
func (d *Decoder) nextHead(in []byte) (Event, int, error) {
	n, again := len(d.last.text), d.repeats(in)
	if !again {
		text, used, err := d.gather(in, d.scanHead)
		if err != nil || text == nil {
			return Event{}, used, err
		}
		n = used
		d.remember(text)
	}
	if err := d.finishHead(again); err != nil {
		return Event{}, n, err
	}
	return Event{Kind: EventHead}, n, nil
}

// gather runs scan over a text part that may arrive in pieces. It returns the whole part, or nil if there is more to
// come, and the number of bytes of in consumed. scan returns the end of the part, or a negative number.
func (d *Decoder) gather(in []byte, scan func([]byte) (int, error)) (text []byte, n int, err error) {
	if len(d.held) == 0 {
		end, err := scan(in)
		if err != nil {
			return nil, 0, err
		}
		if end >= 0 {
			return in[:end], end, nil
		}
		d.held = append(d.held, in...)
		return nil, len(in), nil
	}
	for n < len(in) {
		piece := in[n:]
		if lf := bytes.IndexByte(piece, '\n'); lf >= 0 {
			piece = piece[:lf+1] // what lies behind it may be the body
		}
		d.held = append(d.held, piece...)
		n += len(piece)
		if end, err := scan(d.held); err != nil || end >= 0 {
			return d.held, n, err
		}
	}
	return nil, n, nil
}

func (d *Decoder) scanHead(text []byte) (end int, err error) {
	if d.state != stateFields {
		if d.response {
			err = d.scanStatusLine(text)
		} else {
			err = d.scanRequestLine(text)
		}
		if err != nil || d.state != stateFields {
			return -1, err
		}
	}
	return d.scanFields(text)
}

// endMessage reports the end and decides what may follow.
func (d *Decoder) endMessage() Event {
	d.letGo()
	switch {
	case d.head.switches:
		d.enter(stateUpgraded)
	case d.head.interim() || d.head.KeepAlive:
		d.enter(stateIdle)
	default:
		d.enter(stateClosed)
	}
	return Event{Kind: EventEnd}
}

// EOF tells the decoder that the peer closed its side, after all input has been passed to Next. It returns EventEnd
// if that completes a message, io.EOF if it falls between messages, and otherwise a *ParseError of kind Truncated
// that says how far the message had come and wraps io.ErrUnexpectedEOF.
func (d *Decoder) EOF() (Event, error) {
	var detail string
	switch d.state {
	case stateIdle, stateBlankLine, stateClosed, stateUpgraded:
		return Event{}, io.EOF
	case stateUntilClose, stateMessageEnd:
		return d.endMessage(), nil
	case stateFailed:
		return Event{}, d.err
	case stateMethod, stateTarget, stateVersion, stateStatus, stateReason, stateFields:
		return Event{}, d.fail(parseErrorf(Truncated, "closed after %d bytes of a head", len(d.held)))
	case stateSized:
		return Event{}, d.fail(parseErrorf(Truncated, "received %d of %d bytes", d.got, d.got+d.left))
	case stateChunkData:
		detail = "in a chunk"
	case stateTrailer:
		detail = "in the trailer"
	default:
		detail = "without the last chunk"
	}
	return Event{}, d.fail(parseErrorf(Truncated, "received %d bytes of a chunked body, closed %s", d.got, detail))
}

// Head returns the head of the current message, after EventHead until the next message begins; of one longer than 4 KiB
// not even until then, but until EventEnd. Its Header is made for it alone; it and the strings may be kept.
func (d *Decoder) Head() *Head { return &d.head }

// Trailer returns the trailer fields of the current message, after EventEnd until the next message begins; nil if
// there are none. Fields that must not stand in a trailer (RFC 9110 §6.5.1: framing, routing, authentication, the
// description of the content) are dropped; Content-Length, Transfer-Encoding and Host make a strict decoder fail.
func (d *Decoder) Trailer() Header { return d.trailer }

// Idle reports whether the decoder stands between two messages: empty lines aside, nothing of a new one has been
// consumed.
func (d *Decoder) Idle() bool { return d.state <= stateClosed }

// Upgraded reports whether HTTP has ended on this connection: after a request that asks to switch to a protocol we
// know or to open a tunnel, and after a response that agrees to. The bytes that follow are left unconsumed.
func (d *Decoder) Upgraded() bool { return d.state == stateUpgraded }

// DeclineUpgrade goes back to HTTP after a request that asked for an upgrade and does not get it. It does nothing if
// the decoder is not upgraded.
func (d *Decoder) DeclineUpgrade() {
	if d.state != stateUpgraded {
		return
	}
	d.head.switches = false
	d.endMessage()
}

func (d *Decoder) fail(err error) error {
	d.err = err
	d.enter(stateFailed)
	return err
}

// enter is the only place where the state changes.
func (d *Decoder) enter(s state) { d.state = s }
