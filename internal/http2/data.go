package http2

// DATA frames: bodies, as they come. A frame's data is handed on piece by piece; its padding counts against the windows and
// is nobody's, like the data of streams that are over, so that the window it took is given back at once.

// beginData looks at the header of a DATA frame (§6.1).
func (c *Conn) beginData() *Error {
	f := &c.frame
	if err := c.idle(f.stream); err != nil {
		return err
	}
	if f.has(flagPadded) && f.length == 0 {
		return connError(FrameSizeError, "padded DATA frame without a length of padding")
	}
	if !c.recv.take(int64(f.length)) {
		return connError(FlowControlError, "DATA frame of %d bytes beyond the connection's window", f.length)
	}
	c.part, c.padding = partData, 0
	if f.has(flagPadded) {
		c.part = partPad
	}
	c.receiver = nil
	s := c.streams[f.stream]
	if s == nil {
		return c.leadsNowhere()
	}
	var err *Error
	switch {
	case s.state == streamAnswered: // §5.1
		err = streamError(s.id, StreamClosed, "DATA frame after the end of the response")
	case !s.final: // §8.1
		err = streamError(s.id, ProtocolError, "DATA frame before the head of the response")
	case !s.recv.take(int64(f.length)):
		err = streamError(s.id, FlowControlError, "DATA frame of %d bytes beyond the window", f.length)
	case f.length == 0 && !f.has(flagEndStream):
		err = c.leadsNowhere()
	}
	if err == nil {
		c.receiver = s
	}
	return err
}

// takeData consumes the payload of a DATA frame.
func (c *Conn) takeData(in []byte) (ev Event, n int, err *Error) {
	switch c.part {
	case partPad:
		if len(in) == 0 {
			return Event{}, 0, nil
		}
		c.left--
		c.part, n = partData, 1
		if c.padding = uint32(in[0]); c.padding > c.left {
			return Event{}, n, connError(ProtocolError, "DATA frame with more padding than there is room for")
		}
		c.left -= c.padding
		c.consume(c.receiver, int64(c.padding)+1)
		return Event{}, n, nil
	case partPadding:
		n = min(int(c.padding), len(in))
		if c.padding -= uint32(n); c.padding == 0 {
			c.part = partHead
			ev, err = c.endData(nil)
		}
		return ev, n, err
	}
	n = min(int(c.left), len(in))
	c.left -= uint32(n)
	if c.left == 0 && c.padding == 0 {
		c.part = partHead
		ev, err = c.endData(in[:n])
		return ev, n, err
	}
	if c.left == 0 {
		c.part = partPadding
	}
	ev, err = c.someData(in[:n])
	return ev, n, err
}

// someData hands on a piece of a frame.
func (c *Conn) someData(p []byte) (Event, *Error) {
	s := c.receiver
	if s == nil || s.state == streamClosed {
		c.consume(nil, int64(len(p)))
		return Event{}, nil
	}
	if len(p) == 0 {
		return Event{}, nil
	}
	c.fruitless = 0
	if err := s.count(len(p)); err != nil {
		c.consume(nil, int64(len(p)))
		return Event{}, err
	}
	return Event{Kind: EventData, Stream: s, Data: p}, nil
}

// endData hands on the last piece of a frame, and with it the end of the stream if that is what it is.
func (c *Conn) endData(p []byte) (Event, *Error) {
	ev, err := c.someData(p)
	s := c.receiver
	c.receiver = nil
	if err != nil || s == nil || s.state == streamClosed || !c.frame.has(flagEndStream) {
		return ev, err
	}
	if s.expect > 0 {
		c.consume(nil, int64(len(p)))
		return Event{}, streamError(s.id, ProtocolError, "the body ended %d bytes before its content-length", s.expect)
	}
	c.endReceiving(s)
	return Event{Kind: EventData, Stream: s, Data: p, End: true}, nil
}

// count holds a body to its content-length (§8.1.1).
func (s *Stream) count(n int) *Error {
	if s.expect < 0 {
		return nil
	}
	if s.expect -= int64(n); s.expect < 0 {
		return streamError(s.id, ProtocolError, "the body is longer than its content-length")
	}
	return nil
}

// Consume tells that n bytes of a body are not kept any more: the server may send as many again. It counts, for the
// connection, also if the stream is over.
func (c *Conn) Consume(s *Stream, n int) { c.consume(s, int64(n)) }

func (c *Conn) consume(s *Stream, n int64) {
	if more := c.recv.give(n); more > 0 {
		c.out = appendWindowUpdate(c.out, 0, uint32(more))
	}
	if s == nil || s.state == streamClosed || s.state == streamAnswered {
		return
	}
	if more := s.recv.give(n); more > 0 {
		c.out = appendWindowUpdate(c.out, s.id, uint32(more))
	}
}
