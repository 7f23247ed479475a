package http2

// A stream is one request and its answer. What is kept of it here is what the protocol needs to know: which sides are still
// open, how much may be sent and received, and how much of the body that was announced is still to come.

type streamState uint8

const (
	streamOpen     streamState = iota // both sides go on
	streamSent                        // the request is complete: half-closed (local)
	streamAnswered                    // the response is complete: half-closed (remote)
	streamClosed                      // both are, or it was reset
)

var streamStates = [...]string{"open", "sent", "answered", "closed"}

func (s streamState) String() string { return streamStates[s] }

// Stream is one request. Its owner may keep what it likes in Owner.
type Stream struct {
	Owner any

	id     uint32
	state  streamState
	head   bool  // the request is HEAD: the response has no body, whatever its head says
	final  bool  // the final head is there
	sent   bool  // all of the request is
	expect int64 // bytes of the body still to come, -1 if nobody said how many
	send   int64 // window, may be negative
	recv   receiveWindow
}

// ID returns the number of the stream, which tells whether a server that says goodbye has looked at it.
func (s *Stream) ID() uint32 { return s.id }

// Closed reports whether the stream is over for both sides.
func (s *Stream) Closed() bool { return s.state == streamClosed }

// Sent reports whether all of the request was sent.
func (s *Stream) Sent() bool { return s.sent }

// endSending notes that END_STREAM was sent.
func (c *Conn) endSending(s *Stream) {
	s.sent = true
	if s.state == streamAnswered {
		c.close(s)
		return
	}
	s.state = streamSent
}

// endReceiving notes that END_STREAM was received.
func (c *Conn) endReceiving(s *Stream) {
	if s.state == streamSent {
		c.close(s)
		return
	}
	s.state = streamAnswered
}

func (c *Conn) close(s *Stream) {
	if s.state != streamClosed {
		s.state = streamClosed
		delete(c.streams, s.id)
	}
}

// receiveWindow is what a sender may still send and what was consumed since it was last told.
type receiveWindow struct {
	size     int64
	left     int64
	consumed int64
}

// take accounts for n bytes that arrive; it reports false if there was no room for them.
func (w *receiveWindow) take(n int64) bool {
	w.left -= n
	return w.left >= 0
}

// give accounts for n bytes that were consumed and returns by how much the sender is to be told to go on: nothing until half
// of the window is due, since a frame costs both sides more than bytes do.
func (w *receiveWindow) give(n int64) int64 {
	if w.consumed += n; w.consumed < w.size/2 {
		return 0
	}
	more := w.consumed
	w.consumed = 0
	w.left += more
	return more
}
