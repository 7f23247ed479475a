package http2

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"golang.org/x/net/http2/hpack"
)

// What a client sends: heads, bodies within the windows the server keeps, and what ends streams and the connection. All of
// it goes to the output, which the owner takes; nothing of a body does for which there is no room.

// Field is a field of a head, or one of its pseudo-header fields, which come first. Names are in lower case; names and values
// have been checked.
type Field = hpack.HeaderField

// blockWriter lets the encoder write into the output.
type blockWriter struct{ c *Conn }

func (w blockWriter) Write(p []byte) (int, error) {
	w.c.out = append(w.c.out, p...)
	return len(p), nil
}

// MaxStreams is how many streams the server allows at once.
func (c *Conn) MaxStreams() int { return int(min(c.peer.maxStreams, maxStreamID)) }

// Active is how many streams are open.
func (c *Conn) Active() int { return len(c.streams) }

// Usable reports whether the connection will ever take another stream.
func (c *Conn) Usable() bool {
	return c.state != stateFailed && !c.goneAway && c.nextID <= maxStreamID
}

// Open begins a request on s, whose Owner may be set. End says that it has no body. The error is ErrNoRoom or ErrExhausted, or an
// *Error for a head that the server has said it will not take; nothing was sent then.
func (c *Conn) Open(s *Stream, fields []Field, end bool) error {
	switch {
	case !c.Usable():
		return ErrExhausted
	case len(c.streams) >= c.MaxStreams():
		return ErrNoRoom
	}
	var size uint64
	for i := range fields {
		size += uint64(fields[i].Size())
		if fields[i].Name == ":method" {
			s.head = fields[i].Value == "HEAD"
		}
	}
	if size > c.peer.maxHeaderList {
		return streamError(0, RefusedStream, "the server takes heads of at most %d bytes, this one has %d", c.peer.maxHeaderList, size)
	}
	s.id, s.state = c.nextID, streamOpen
	s.send, s.expect = c.peer.initialWindow, -1
	s.recv = receiveWindow{size: int64(c.config.StreamWindow), left: int64(c.config.StreamWindow)}
	c.nextID += 2
	c.streams[s.id] = s
	c.appendBlock(s.id, fields, end)
	if end {
		c.endSending(s)
	}
	return nil
}

// appendBlock encodes fields in place, behind the header of their frame, and cuts what is longer than a frame may be (§4.3).
func (c *Conn) appendBlock(id uint32, fields []Field, end bool) {
	start := len(c.out)
	c.out = appendFrame(c.out, 0, frameHeaders, 0, id)
	for i := range fields {
		c.appendField(&fields[i])
	}
	flags := uint8(flagEndHeaders)
	if end {
		flags |= flagEndStream
	}
	encoded := c.out[start+frameHead:]
	if len(encoded) <= c.peer.maxFrame {
		appendFrame(c.out[:start], len(encoded), frameHeaders, flags, id)
		return
	}
	encoded = append([]byte(nil), encoded...)
	c.out = appendFrame(c.out[:start], c.peer.maxFrame, frameHeaders, flags&^flagEndHeaders, id)
	c.out = append(c.out, encoded[:c.peer.maxFrame]...)
	for rest := encoded[c.peer.maxFrame:]; len(rest) > 0; {
		piece := rest[:min(len(rest), c.peer.maxFrame)]
		rest = rest[len(piece):]
		flags = 0
		if len(rest) == 0 {
			flags = flagEndHeaders
		}
		c.out = append(appendFrame(c.out, len(piece), frameContinuation, flags, id), piece...)
	}
}

// appendField encodes one field. What differs from request to request would only push the rest out of the table; it goes as it
// is, without being remembered (RFC 7541 §6.2.2). The number is that of the name in the static table.
func (c *Conn) appendField(f *Field) {
	name := 0
	switch f.Name {
	case ":path":
		if f.Value == "/" {
			break // has an entry of its own
		}
		name = 4
	case "content-length":
		name = 28
	case "if-modified-since":
		name = 40
	case "if-none-match":
		name = 41
	case "range":
		name = 50
	}
	if name == 0 || f.Sensitive {
		_ = c.encoder.WriteField(*f) // the writer does not fail
		return
	}
	if name < 15 {
		c.out = append(c.out, byte(name))
	} else {
		c.out = append(c.out, 15, byte(name-15))
	}
	c.out = appendString(c.out, f.Value)
}

// appendString appends a string literal (RFC 7541 §5.2), compressed if that makes it shorter.
func appendString(dst []byte, s string) []byte {
	if n := hpack.HuffmanEncodeLength(s); n < uint64(len(s)) {
		return hpack.AppendHuffmanString(appendInt(dst, 0x80, n), s)
	}
	return append(appendInt(dst, 0, uint64(len(s))), s...)
}

// appendInt appends an integer with a prefix of seven bits (RFC 7541 §5.1).
func appendInt(dst []byte, first byte, n uint64) []byte {
	if n < 127 {
		return append(dst, first|byte(n))
	}
	dst = append(dst, first|127)
	for n -= 127; n >= 128; n >>= 7 {
		dst = append(dst, byte(n)|0x80)
	}
	return append(dst, byte(n))
}

// Write adds as much of p to the output as both windows and the bound on what waits there allow, and returns how much that
// is. End marks the end of the request, once all of p is written; an empty p with end always is.
func (c *Conn) Write(s *Stream, p []byte, end bool) (n int) {
	if s.state != streamOpen && s.state != streamAnswered || c.state == stateFailed {
		return 0
	}
	room := c.Room(s)
	for n < len(p) && room > 0 {
		k := min(room, len(p)-n, c.peer.maxFrame)
		last := n+k == len(p)
		var flags uint8
		if last && end {
			flags = flagEndStream
		}
		c.out = append(appendFrame(c.out, k, frameData, flags, s.id), p[n:n+k]...)
		n += k
		room -= k
		s.send -= int64(k)
		c.send -= int64(k)
	}
	c.fruitless = 0
	if n < len(p) || !end {
		return n
	}
	if len(p) == 0 {
		c.out = appendFrame(c.out, 0, frameData, flagEndStream, s.id)
	}
	c.endSending(s)
	return n
}

// Trailer ends a request with fields behind its body.
func (c *Conn) Trailer(s *Stream, fields []Field) {
	if s.state != streamOpen && s.state != streamAnswered || c.state == stateFailed {
		return
	}
	c.appendBlock(s.id, fields, true)
	c.endSending(s)
}

// Room is how much of a body Write takes now: none while the server's windows are closed, or too much waits to be taken.
func (c *Conn) Room(s *Stream) int {
	return int(max(0, min(s.send, c.send, int64(maxOutput-len(c.out)))))
}

// Reset ends a stream before its time. It does nothing for one that is over.
func (c *Conn) Reset(s *Stream, code ErrCode) {
	if s.state == streamClosed || s.id == 0 {
		return
	}
	if c.state != stateFailed {
		c.out = appendReset(c.out, s.id, code)
	}
	c.close(s)
}

// Ping asks the server for a sign of life.
func (c *Conn) Ping() {
	if c.state != stateFailed {
		c.out = append(appendFrame(c.out, 8, framePing, 0, 0), "aio ping"...)
	}
}

// GoAway says goodbye. Nothing can be sent or received any more.
func (c *Conn) GoAway() {
	if c.state == stateFailed {
		return
	}
	c.out = appendGoAway(c.out, NoError)
	c.state, c.err = stateFailed, &Error{Code: NoError, Detail: "the connection was closed"}
}

// appendGoAway tells the server that we have acted on none of its streams, of which there are none.
func appendGoAway(dst []byte, code ErrCode) []byte {
	dst = append(appendFrame(dst, 8, frameGoAway, 0, 0), 0, 0, 0, 0)
	return binary.BigEndian.AppendUint32(dst, uint32(code))
}

// Streams returns the open streams in the order in which they were opened.
func (c *Conn) Streams() []*Stream {
	all := make([]*Stream, 0, len(c.streams))
	for _, s := range c.streams {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *Stream) int { return cmp.Compare(a.id, b.id) })
	return all
}

// Forget ends a stream of which the server has said that it does not look at it: nothing is sent.
func (c *Conn) Forget(s *Stream) { c.close(s) }

// Output returns what is to be sent. It is valid until the next call of any method.
func (c *Conn) Output() []byte { return c.out }

// Sent tells that the output was taken, as a whole.
func (c *Conn) Sent() {
	c.replies = 0
	if c.out = c.out[:0]; cap(c.out) > 2*maxOutput {
		c.out = nil
	}
}

// OfConnection reports whether a field, whose name is in lower case, is about a connection of HTTP/1 and must not be sent
// (§8.2.2).
func OfConnection(name, value string) bool {
	switch name {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "host", "http2-settings":
		return true
	case "te":
		return !strings.EqualFold(value, "trailers")
	}
	return false
}
