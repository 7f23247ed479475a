// Package http2 is the client's side of HTTP/2 (RFC 9113): bytes in, events out, and the bytes to be sent. It does no I/O,
// knows no clock and starts nothing. A [Conn] is fed what arrived and answers with one [Event] at a time; requests are
// opened, and bodies sent, by its other methods, which add to the output that its owner takes to the wire whenever that suits.
//
// A body is handed on where it lies in the input, as soon as any of it is there. The window that a server may fill is given
// back as its owner consumes: that is all the back-pressure there is. What a server can have a client keep is bounded: the
// heads it sends, in bytes and in frames, the answers that wait to be sent, and frames that lead nowhere.
//
// HPACK is that of golang.org/x/net.
package http2

import (
	"golang.org/x/net/http2/hpack"
)

type connState uint8

const (
	stateGreeting connState = iota // the server's first frame has to be SETTINGS
	stateOpen                      // in use
	stateFailed                    // the input was wrong, or we said goodbye
)

var connStates = [...]string{"greeting", "open", "failed"}

func (s connState) String() string { return connStates[s] }

// part is what of a frame is expected next.
type part uint8

const (
	partHead    part = iota // its header, or as much of it as is not gathered
	partPayload             // its payload, as a whole
	partPad                 // the length of the padding of a DATA frame
	partData                // a DATA frame's data, as it comes
	partPadding             // and what is behind it
)

var parts = [...]string{"head", "payload", "pad length", "data", "padding"}

func (p part) String() string { return parts[p] }

// Bounds on what a server can have us do for nothing (CVE-2019-9512, 9515, 9517, 9518, CVE-2023-45288).
const (
	maxReplies      = 1000     // frames that answer others and have not been taken to be sent
	maxFruitless    = 10_000   // frames that carry nothing, until Relax
	maxContinuation = 128      // CONTINUATION frames of one head
	maxTable        = 4096     // bytes of the dynamic table we keep for sending, whatever the server offers
	maxOutput       = 64 << 10 // bytes of body that wait to be taken
	maxNames        = 128      // unknown field names that are remembered
)

// Conn is the client's end of one connection. It belongs to one goroutine (or event loop) at a time.
type Conn struct {
	config Config
	state  connState
	err    error

	// Receiving.
	part      part
	frame     frame  // the one under way
	gathered  []byte // of its header or payload, what came in pieces
	left      uint32 // bytes of data to come
	padding   uint32 // and of padding behind them
	receiver  *Stream
	recv      receiveWindow
	block     block // the head that is being received
	names     map[string]string
	fruitless int

	// Sending.
	out      []byte
	replies  int // frames in out that the server has provoked
	encoder  *hpack.Encoder
	send     int64 // connection window
	peer     peerSettings
	streams  map[uint32]*Stream
	nextID   uint32
	goneAway bool // the server takes no new streams
}

// peerSettings are the server's.
type peerSettings struct {
	initialWindow int64
	maxFrame      int
	maxStreams    uint32
	maxHeaderList uint64
}

// NewConn returns a connection whose output begins with the client's preface and settings.
func NewConn(config Config) *Conn {
	c := &Conn{
		config: config.withDefaults(), send: initialWindow, streams: make(map[uint32]*Stream), nextID: 1,
		peer: peerSettings{initialWindow: initialWindow, maxFrame: minMaxFrame, maxStreams: maxStreamID, maxHeaderList: 1<<32 - 1},
	}
	c.encoder = hpack.NewEncoder(blockWriter{c})
	c.encoder.SetMaxDynamicTableSizeLimit(maxTable)
	c.block.init(c)
	c.recv = receiveWindow{size: int64(c.config.ConnWindow), left: int64(c.config.ConnWindow)}
	c.out = append(c.out, preface...)
	c.out = appendFrame(c.out, 4*6, frameSettings, 0, 0)
	c.out = appendSetting(c.out, settingEnablePush, 0)
	c.out = appendSetting(c.out, settingInitialWindowSize, uint32(c.config.StreamWindow))
	c.out = appendSetting(c.out, settingMaxFrameSize, c.config.MaxFrame)
	c.out = appendSetting(c.out, settingMaxHeaderListSize, c.config.MaxHeaderList)
	if more := c.config.ConnWindow - initialWindow; more > 0 {
		c.out = appendWindowUpdate(c.out, 0, uint32(more))
	}
	return c
}

// Next looks at in and returns the next event and the number of bytes consumed; the caller passes the rest again, with
// or without more behind it. NeedMore means that all of in has been consumed. The error, an *Error, is final: what tells the
// server why is in the output.
func (c *Conn) Next(in []byte) (ev Event, n int, err error) {
	for {
		if c.state == stateFailed {
			return Event{}, n, c.err
		}
		var used int
		var fault *Error
		switch c.part {
		case partHead:
			used, fault = c.takeHead(in[n:])
		case partPayload:
			ev, used, fault = c.takePayload(in[n:])
		default:
			ev, used, fault = c.takeData(in[n:])
		}
		n += used
		switch {
		case fault != nil && fault.Stream == 0:
			return Event{}, n, c.fail(fault)
		case fault != nil:
			return c.resetFor(fault), n, nil
		case ev.Kind != NeedMore:
			return ev, n, nil
		case n == len(in) && !c.complete():
			return Event{}, n, nil
		}
	}
}

// complete reports whether the present part needs no further input.
func (c *Conn) complete() bool {
	switch c.part {
	case partPayload, partData:
		return c.left == 0
	case partPadding:
		return c.padding == 0
	}
	return false
}

// takeHead gathers the header of a frame.
func (c *Conn) takeHead(in []byte) (n int, err *Error) {
	head := in
	if len(c.gathered) > 0 || len(in) < frameHead {
		n = min(frameHead-len(c.gathered), len(in))
		c.gathered = append(c.gathered, in[:n]...)
		if len(c.gathered) < frameHead {
			return n, nil
		}
		head = c.gathered
		defer func() { c.gathered = c.gathered[:0] }()
	} else {
		n = frameHead
	}
	c.frame = readFrame(head)
	c.left = c.frame.length
	return n, c.checkFrame()
}

// checkFrame decides by its header alone whether a frame may come now.
func (c *Conn) checkFrame() *Error {
	f := &c.frame
	switch {
	case f.length > c.config.MaxFrame:
		return connError(FrameSizeError, "%v frame of %d bytes, at most %d are allowed", f.kind, f.length, c.config.MaxFrame)
	case c.state == stateGreeting && (f.kind != frameSettings || f.has(flagAck)):
		return connError(ProtocolError, "the first frame is %v, not SETTINGS", f.kind)
	case c.block.open && (f.kind != frameContinuation || f.stream != c.block.id):
		return connError(ProtocolError, "%v frame on stream %d inside the header block of stream %d", f.kind, f.stream, c.block.id)
	case !c.block.open && f.kind == frameContinuation:
		return connError(ProtocolError, "CONTINUATION frame without a header block to continue")
	}
	c.state = stateOpen
	c.part = partPayload
	if f.kind == frameData {
		return c.beginData()
	}
	return nil
}

// takePayload gathers the payload of a frame other than DATA and acts on it.
func (c *Conn) takePayload(in []byte) (ev Event, n int, err *Error) {
	payload := in
	if len(c.gathered) > 0 || len(in) < int(c.left) {
		n = min(int(c.left)-len(c.gathered), len(in))
		c.gathered = append(c.gathered, in[:n]...)
		if len(c.gathered) < int(c.left) {
			return Event{}, n, nil
		}
		payload = c.gathered
	} else {
		n = int(c.left)
		payload = in[:n]
	}
	c.part = partHead
	ev, err = c.handle(payload)
	c.gathered, c.left = c.gathered[:0], 0
	if cap(c.gathered) > minMaxFrame {
		c.gathered = nil
	}
	return ev, n, err
}

// fail ends the connection: the output tells the server why.
func (c *Conn) fail(e *Error) error {
	if c.state != stateFailed {
		c.out = appendGoAway(c.out, e.Code)
		c.state, c.err = stateFailed, e
	}
	return c.err
}

// resetFor ends a stream because of what the server did to it.
func (c *Conn) resetFor(e *Error) Event {
	s := c.streams[e.Stream]
	c.replies++
	c.Reset(s, e.Code)
	return Event{Kind: EventReset, Stream: s, End: true, Err: e}
}

// Relax forgives frames that led nowhere: the owner calls it every second or so in which something arrived. Without it a
// connection that is pinged for hours would look like one that is flooded.
func (c *Conn) Relax() { c.fruitless = 0 }
