package http2

import "encoding/binary"

// What the frames of a server do, apart from heads (head.go) and data (data.go). Every check names the section of RFC 9113 it
// comes from. Frames on streams that are over are let pass: they were on their way when the stream was reset.

// handle acts on a complete frame.
func (c *Conn) handle(payload []byte) (Event, *Error) {
	switch f := &c.frame; f.kind {
	case frameHeaders:
		return c.handleHeaders(payload)
	case frameContinuation:
		return c.handleContinuation(payload)
	case framePriority: // §6.3: deprecated
		if f.stream == 0 {
			return Event{}, connError(ProtocolError, "PRIORITY frame on stream 0")
		}
		if len(payload) != 5 {
			return Event{}, connError(FrameSizeError, "PRIORITY frame of %d bytes", len(payload))
		}
		return Event{}, c.leadsNowhere()
	case frameRSTStream:
		return c.handleReset(payload)
	case frameSettings:
		return c.handleSettings(payload)
	case framePushPromise: // §6.6, §8.4: we said that we take none
		return Event{}, connError(ProtocolError, "PUSH_PROMISE frame, although push was switched off")
	case framePing:
		return c.handlePing(payload)
	case frameGoAway:
		return c.handleGoAway(payload)
	case frameWindowUpdate:
		return c.handleWindowUpdate(payload)
	}
	return Event{}, c.leadsNowhere() // §5.5: unknown types are ignored
}

// leadsNowhere counts a frame that brings nothing.
func (c *Conn) leadsNowhere() *Error {
	if c.fruitless++; c.fruitless > maxFruitless {
		return connError(EnhanceYourCalm, "more than %d frames that lead nowhere", maxFruitless)
	}
	return nil
}

// reply counts an answer that is about to be added to the output.
func (c *Conn) reply() *Error {
	if c.replies++; c.replies > maxReplies {
		return connError(EnhanceYourCalm, "more than %d frames to answer, and no answer is taken", maxReplies)
	}
	return c.leadsNowhere()
}

// idle reports with an error that a frame came on a stream that nobody opened (§5.1).
func (c *Conn) idle(id uint32) *Error {
	switch {
	case id == 0:
		return connError(ProtocolError, "%v frame on stream 0", c.frame.kind)
	case id%2 == 0 || id >= c.nextID:
		return connError(ProtocolError, "%v frame on stream %d, which was never opened", c.frame.kind, id)
	}
	return nil
}

func (c *Conn) handleReset(payload []byte) (Event, *Error) {
	id := c.frame.stream
	if len(payload) != 4 { // §6.4
		return Event{}, connError(FrameSizeError, "RST_STREAM frame of %d bytes", len(payload))
	}
	if err := c.idle(id); err != nil {
		return Event{}, err
	}
	s := c.streams[id]
	if s == nil {
		return Event{}, c.leadsNowhere()
	}
	code := ErrCode(binary.BigEndian.Uint32(payload))
	c.close(s)
	return Event{Kind: EventReset, Stream: s, End: true, Err: &Error{Code: code, Stream: id, Remote: true, Detail: "reset by the server"}}, nil
}

func (c *Conn) handleSettings(payload []byte) (Event, *Error) {
	switch { // §6.5
	case c.frame.stream != 0:
		return Event{}, connError(ProtocolError, "SETTINGS frame on stream %d", c.frame.stream)
	case c.frame.has(flagAck) && len(payload) > 0, len(payload)%6 != 0:
		return Event{}, connError(FrameSizeError, "SETTINGS frame of %d bytes", len(payload))
	case c.frame.has(flagAck):
		return Event{}, c.leadsNowhere()
	}
	for ; len(payload) > 0; payload = payload[6:] {
		if err := c.apply(binary.BigEndian.Uint16(payload), binary.BigEndian.Uint32(payload[2:])); err != nil {
			return Event{}, err
		}
	}
	if err := c.reply(); err != nil {
		return Event{}, err
	}
	c.out = appendFrame(c.out, 0, frameSettings, flagAck, 0)
	return Event{Kind: EventSettings}, nil
}

// apply takes one setting over (§6.5.2); unknown ones are ignored.
func (c *Conn) apply(id uint16, value uint32) *Error {
	switch id {
	case settingHeaderTableSize:
		c.encoder.SetMaxDynamicTableSize(min(value, maxTable))
	case settingEnablePush:
		if value != 0 {
			return connError(ProtocolError, "SETTINGS_ENABLE_PUSH of %d from a server", value)
		}
	case settingMaxConcurrentStreams:
		c.peer.maxStreams = value
	case settingInitialWindowSize:
		if value > maxWindow {
			return connError(FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE of %d", value)
		}
		return c.resizeWindows(int64(value))
	case settingMaxFrameSize:
		if value < minMaxFrame || value > maxMaxFrame {
			return connError(ProtocolError, "SETTINGS_MAX_FRAME_SIZE of %d", value)
		}
		c.peer.maxFrame = int(value)
	case settingMaxHeaderListSize:
		c.peer.maxHeaderList = uint64(value)
	}
	return nil
}

// resizeWindows gives all streams the new initial window, less what they have sent: windows may become negative (§6.9.2).
func (c *Conn) resizeWindows(size int64) *Error {
	delta := size - c.peer.initialWindow
	c.peer.initialWindow = size
	for _, s := range c.streams {
		if s.send += delta; s.send > maxWindow {
			return connError(FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE makes the window of stream %d larger than can be", s.id)
		}
	}
	return nil
}

func (c *Conn) handlePing(payload []byte) (Event, *Error) {
	switch { // §6.7
	case c.frame.stream != 0:
		return Event{}, connError(ProtocolError, "PING frame on stream %d", c.frame.stream)
	case len(payload) != 8:
		return Event{}, connError(FrameSizeError, "PING frame of %d bytes", len(payload))
	case c.frame.has(flagAck):
		return Event{Kind: EventPong}, c.leadsNowhere()
	}
	if err := c.reply(); err != nil {
		return Event{}, err
	}
	c.out = append(appendFrame(c.out, 8, framePing, flagAck, 0), payload...)
	return Event{}, nil
}

func (c *Conn) handleGoAway(payload []byte) (Event, *Error) {
	switch { // §6.8
	case c.frame.stream != 0:
		return Event{}, connError(ProtocolError, "GOAWAY frame on stream %d", c.frame.stream)
	case len(payload) < 8:
		return Event{}, connError(FrameSizeError, "GOAWAY frame of %d bytes", len(payload))
	}
	c.goneAway = true
	ev := Event{Kind: EventGoAway, Last: binary.BigEndian.Uint32(payload) & maxStreamID, Code: ErrCode(binary.BigEndian.Uint32(payload[4:]))}
	return ev, c.leadsNowhere()
}

func (c *Conn) handleWindowUpdate(payload []byte) (Event, *Error) {
	if len(payload) != 4 { // §6.9
		return Event{}, connError(FrameSizeError, "WINDOW_UPDATE frame of %d bytes", len(payload))
	}
	more := int64(binary.BigEndian.Uint32(payload) & maxWindow)
	if c.frame.stream == 0 {
		switch {
		case more == 0:
			return Event{}, connError(ProtocolError, "WINDOW_UPDATE of nothing")
		case c.send+more > maxWindow:
			return Event{}, connError(FlowControlError, "the connection's window is made larger than can be")
		}
		c.send += more
		return Event{Kind: EventWindow}, c.leadsNowhere()
	}
	if err := c.idle(c.frame.stream); err != nil {
		return Event{}, err
	}
	s := c.streams[c.frame.stream]
	switch {
	case s == nil:
		return Event{}, c.leadsNowhere()
	case more == 0:
		return Event{}, streamError(s.id, ProtocolError, "WINDOW_UPDATE of nothing")
	case s.send+more > maxWindow:
		return Event{}, streamError(s.id, FlowControlError, "the window is made larger than can be")
	}
	s.send += more
	return Event{Kind: EventWindow, Stream: s}, c.leadsNowhere()
}
