// Package wsproto turns bytes into WebSocket messages and back (RFC 6455, with the permessage-deflate extension of RFC
// 7692), for the client and for the server. It does no I/O, knows no clock and starts nothing: a [Decoder] is fed
// whatever arrived and answers with one [Event] at a time; an [Encoder] appends frames to the caller's buffer. The
// functions of handshake.go check and make the headers with which a connection becomes a WebSocket.
//
// The decoder is strict: reserved bits and opcodes, the direction of masking, lengths in their shortest form, control
// frames of at most 125 bytes in one piece, messages that do not interleave, UTF-8 checked while it arrives, close codes
// that may stand on the wire. How long a message may be is decided by the headers of its frames, before their payload,
// and again while it is decompressed.
package wsproto

import (
	"encoding/binary"
	"math"
	"slices"
)

// The decoder is a state machine over the parts of a frame. A payload that lies in the input as a whole is handed out
// where it lies, unmasked in place; only what is cut, by the end of the input or by fragmentation, is copied. Every check
// is made as soon as its byte is there, so the events are the same however the input is cut.

type state uint8

const (
	stateHead    state = iota // in the header of a frame, or between frames
	statePayload              // in the payload of a frame
	stateClosed               // after a Close frame: what follows is thrown away
	stateFailed               // the input was wrong
)

var stateTexts = [...]string{"head", "payload", "closed", "failed"}

func (s state) String() string { return stateTexts[s] }

const (
	maxControl = 125
	maxHead    = 2 + 8 + 4
	keepBody   = 32 << 10 // a larger buffer is given away with its message
)

// Rules are what a decoder is made for.
type Rules struct {
	// Server is set for the decoder of a server: frames have to be masked. Those for a client must not be.
	Server bool
	// MaxMessage bounds the bytes of a message, its fragments together and decompressed. Zero or less: no limit.
	MaxMessage int64
	// Inflate says that compressed messages were agreed on.
	Inflate bool
	// NoTakeover says that the peer begins every compressed message without a history.
	NoTakeover bool
}

// Decoder reads the frames of one direction of one connection. It belongs to one goroutine (or event loop) at a time.
type Decoder struct {
	rules Rules
	state state
	err   error

	head [maxHead]byte // of the current frame, as far as it is there
	have int           // bytes of it
	part int           // up to where its present part goes

	// The current frame.
	op     Opcode
	fin    bool
	masked bool
	key    uint32
	pos    int    // bytes of its payload so far
	left   uint64 // bytes to come

	// The message that its data frames belong to.
	message    Opcode // Text or Binary; Continuation between messages
	compressed bool
	size       uint64 // payload announced so far
	body       []byte // gathered payload
	text       utf8Checker

	control  [maxControl]byte // gathered payload of a control frame
	inflater inflater
}

// NewDecoder returns a decoder at the start of a connection.
func NewDecoder(r Rules) *Decoder {
	return &Decoder{rules: r, inflater: inflater{takeover: !r.NoTakeover}}
}

// Next looks at in and returns the next event and the number of bytes consumed; the caller passes the rest again, with
// or without more behind it. NeedMore means that all of in has been consumed. Masked payload is unmasked where it lies, so
// in is changed. The error, an *Error, is final.
func (d *Decoder) Next(in []byte) (ev Event, n int, err error) {
	for {
		switch d.state {
		case stateHead:
			used, complete, err := d.takeHead(in[n:])
			n += used
			if err != nil {
				return Event{}, n, d.fail(err)
			}
			if !complete {
				return Event{}, n, nil
			}
			d.beginPayload()
		case statePayload:
			ev, used, err := d.takePayload(in[n:])
			n += used
			if err != nil {
				return Event{}, n, d.fail(err)
			}
			if ev.Kind != NeedMore || d.state == statePayload {
				return ev, n, nil
			}
		case stateClosed:
			return Event{}, len(in), nil
		default:
			return Event{}, n, d.err
		}
	}
}

// Idle reports whether the decoder stands between two messages, and nothing of a further frame was consumed.
func (d *Decoder) Idle() bool {
	return d.state == stateHead && d.have == 0 && d.message == Continuation
}

// takeHead gathers the header of a frame, checking each part of it as soon as it is complete.
func (d *Decoder) takeHead(in []byte) (n int, complete bool, err error) {
	for {
		if d.have == d.part {
			part, last, err := d.checkHead()
			if err != nil || last {
				return n, last, err
			}
			d.part = part
		}
		k := copy(d.head[d.have:d.part], in[n:])
		n += k
		if d.have += k; d.have < d.part {
			return n, false, nil
		}
	}
}

// checkHead looks at the part of the header that has just become complete and returns how far the next one goes.
func (d *Decoder) checkHead() (next int, last bool, err error) {
	const masked = 0x80
	extended := 0
	if d.have >= 2 {
		switch d.head[1] &^ masked {
		case 126:
			extended = 2
		case 127:
			extended = 8
		}
	}
	switch {
	case d.have == 0:
		return 1, false, nil
	case d.have == 1:
		return 2, false, d.checkFirst(d.head[0])
	case d.have == 2 && extended > 0:
		return 2 + extended, false, d.checkSecond(d.head[1])
	case d.have == 2:
		if err := d.checkSecond(d.head[1]); err != nil {
			return 0, false, err
		}
		d.left = uint64(d.head[1] &^ masked)
	case d.have == 2+extended:
		if d.left, err = readLength(d.head[2 : 2+extended]); err != nil {
			return 0, false, err
		}
	default:
		d.key = binary.LittleEndian.Uint32(d.head[d.have-4:])
		return d.have, true, nil
	}
	if err := d.checkSize(); err != nil || !d.masked {
		return d.have, err == nil, err
	}
	return d.have + 4, false, nil
}

// checkFirst checks the byte with FIN, the reserved bits and the opcode.
func (d *Decoder) checkFirst(b byte) error {
	const fin, rsv1, rsv23, op = 0x80, 0x40, 0x30, 0x0f
	d.fin, d.op = b&fin != 0, Opcode(b&op)
	switch {
	case b&rsv23 != 0:
		return violation("received frame with non-zero reserved bits")
	case d.op.reserved():
		return violation("received frame with reserved opcode 0x%x", byte(d.op))
	case b&rsv1 != 0 && (!d.rules.Inflate || d.op.IsControl() || d.op == Continuation):
		return violation("received frame with non-zero reserved bits: RSV1 on a %s frame", d.op)
	case d.op.IsControl() && !d.fin:
		return violation("received fragmented control frame")
	case d.op == Continuation && d.message == Continuation:
		return violation("received continuation frame without a message to continue")
	case !d.op.IsControl() && d.op != Continuation && d.message != Continuation:
		return violation("received %s frame inside a fragmented message, want a continuation", d.op)
	}
	if !d.op.IsControl() && d.op != Continuation {
		d.compressed = b&rsv1 != 0
	}
	return nil
}

// checkSecond checks the byte with MASK and the short length.
func (d *Decoder) checkSecond(b byte) error {
	d.masked = b&0x80 != 0
	switch {
	case d.rules.Server && !d.masked:
		return violation("received unmasked frame from a client")
	case !d.rules.Server && d.masked:
		return violation("received masked frame from a server")
	case d.op.IsControl() && b&0x7f > maxControl:
		return violation("received control frame longer than %d bytes", maxControl)
	}
	return nil
}

// readLength reads a length of two or eight bytes. One that would fit a shorter form is an error (RFC 6455 §5.2).
func readLength(b []byte) (uint64, error) {
	if len(b) == 2 {
		n := uint64(binary.BigEndian.Uint16(b))
		if n <= maxControl {
			return 0, violation("received length %d in more bytes than needed", n)
		}
		return n, nil
	}
	n := binary.BigEndian.Uint64(b)
	if n <= math.MaxUint16 {
		return 0, violation("received length %d in more bytes than needed", n)
	}
	return n, nil
}

// checkSize decides by its headers alone whether a message is too long.
func (d *Decoder) checkSize() error {
	if d.op.IsControl() {
		return nil
	}
	limit := uint64(math.MaxInt)
	if d.rules.MaxMessage > 0 {
		limit = uint64(d.rules.MaxMessage)
		if d.compressed { // what cannot be compressed grows a little
			limit += limit/512 + 64
		}
	}
	if d.left > limit || d.size+d.left > limit {
		most := d.rules.MaxMessage
		if most <= 0 {
			most = math.MaxInt
		}
		return tooBig(d.size+d.left, most)
	}
	return nil
}

func (d *Decoder) beginPayload() {
	d.enter(statePayload)
	d.have, d.part, d.pos = 0, 0, 0
	if d.op.IsControl() {
		return
	}
	d.size += d.left
	if d.op != Continuation {
		d.message = d.op
		d.body = d.body[:0]
		d.text = utf8Checker{}
	}
}

// takePayload consumes payload of the current frame.
func (d *Decoder) takePayload(in []byte) (ev Event, n int, err error) {
	piece := in
	if uint64(len(piece)) > d.left {
		piece = piece[:d.left]
	}
	if d.masked {
		Mask(piece, d.key, d.pos)
	}
	d.left -= uint64(len(piece))
	if d.op.IsControl() {
		ev, err = d.takeControl(piece)
	} else {
		ev, err = d.takeData(piece)
	}
	d.pos += len(piece)
	if d.left == 0 && d.state == statePayload {
		d.enter(stateHead)
	}
	return ev, len(piece), err
}

// takeControl gathers a control frame and reports it once it is complete.
func (d *Decoder) takeControl(piece []byte) (Event, error) {
	if d.pos > 0 || d.left > 0 {
		n := d.pos + copy(d.control[d.pos:], piece)
		piece = d.control[:n]
	}
	switch {
	case d.left > 0:
		return Event{}, nil
	case d.op == Ping:
		return Event{Kind: EventPing, Data: piece}, nil
	case d.op == Pong:
		return Event{Kind: EventPong, Data: piece}, nil
	}
	return d.closeEvent(piece)
}

func (d *Decoder) closeEvent(p []byte) (Event, error) {
	ev := Event{Kind: EventClose, Code: CodeNoStatus}
	if len(p) == 1 {
		return Event{}, violation("received Close frame with half a code")
	}
	if len(p) >= 2 {
		ev.Code, ev.Data = int(binary.BigEndian.Uint16(p)), p[2:]
		if !ValidCloseCode(ev.Code) {
			return Event{}, violation("received Close frame with code %d", ev.Code)
		}
		if !validUTF8(ev.Data) {
			return Event{}, invalidData("received Close frame whose reason is not UTF-8")
		}
	}
	d.enter(stateClosed)
	return ev, nil
}

// takeData gathers a message and reports it once it is complete.
func (d *Decoder) takeData(piece []byte) (Event, error) {
	if d.message == Text && !d.compressed && !d.text.feed(piece) {
		return Event{}, invalidData("received text that is not UTF-8")
	}
	last := d.fin && d.left == 0
	if !last || len(d.body) > 0 || d.compressed {
		d.gather(piece)
		piece = d.body
	}
	if !last {
		return Event{}, nil
	}
	return d.endMessage(piece)
}

// gather appends to the body. Room is made for what is there and at most as much again: a length that was announced
// costs nothing until it arrives.
func (d *Decoder) gather(piece []byte) {
	if need := len(d.body) + len(piece); need > cap(d.body) {
		more := min(d.left, uint64(max(need, 4<<10)))
		d.body = slices.Grow(d.body, len(piece)+int(more))
	}
	d.body = append(d.body, piece...)
}

func (d *Decoder) endMessage(data []byte) (Event, error) {
	ev := Event{Kind: EventText, Data: data}
	if d.message == Binary {
		ev.Kind = EventBinary
	}
	if d.compressed {
		var err error
		if ev.Data, err = d.inflater.inflate(data, d.rules.MaxMessage); err != nil {
			return Event{}, err
		}
		ev.Owned = d.inflater.release()
	}
	if d.message == Text && !(d.compressed && validUTF8(ev.Data) || !d.compressed && d.text.complete()) {
		return Event{}, invalidData("received text that is not UTF-8")
	}
	if cap(d.body) > keepBody {
		ev.Owned = ev.Owned || len(d.body) > 0 && !d.compressed
		d.body = nil
	}
	d.message, d.size = Continuation, 0
	return ev, nil
}

func (d *Decoder) fail(err error) error {
	d.err = err
	d.body = nil
	d.enter(stateFailed)
	return err
}

// enter is the only place where the state changes.
func (d *Decoder) enter(s state) { d.state = s }
