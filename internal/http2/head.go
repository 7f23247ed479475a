package http2

import (
	"strconv"

	"golang.org/x/net/http2/hpack"

	"github.com/aio-go/aio/internal/http1"
)

// Heads and trailers received. The block is decoded as its frames come, because the state of HPACK has to follow every one of
// them, also those of streams that are over; what is kept of it is bounded by the header list the client advertised, what is
// read of it by as many bytes and by a number of frames. A head that is malformed (§8.1.1) costs its stream, a block that
// cannot be decoded the connection.

// block is the header block under way.
type block struct {
	decoder *hpack.Decoder
	open    bool // CONTINUATION frames have to follow
	id      uint32
	end     bool // END_STREAM was set
	frames  int
	bytes   int    // received
	size    uint64 // of the list, as §6.5.2 counts
	limit   uint64
	fields  []hpack.HeaderField
}

func (b *block) init(c *Conn) {
	b.limit = uint64(c.config.MaxHeaderList)
	b.decoder = hpack.NewDecoder(maxTable, b.add)
	b.decoder.SetMaxStringLength(int(c.config.MaxHeaderList))
}

// add is called with each field. Beyond the limit they are decoded and thrown away.
func (b *block) add(f hpack.HeaderField) {
	if b.size += uint64(f.Size()); b.size > b.limit {
		b.decoder.SetEmitEnabled(false)
		return
	}
	b.fields = append(b.fields, f)
}

func (c *Conn) handleHeaders(payload []byte) (Event, *Error) {
	f := &c.frame
	if err := c.idle(f.stream); err != nil {
		return Event{}, err
	}
	if f.has(flagPadded) { // §6.2
		if len(payload) == 0 || int(payload[0]) >= len(payload) {
			return Event{}, connError(ProtocolError, "HEADERS frame with more padding than there is room for")
		}
		payload = payload[1 : len(payload)-int(payload[0])]
	}
	if f.has(flagPriority) {
		if len(payload) < 5 {
			return Event{}, connError(FrameSizeError, "HEADERS frame too short for its priority")
		}
		payload = payload[5:]
	}
	b := &c.block
	clear(b.fields)
	b.open, b.id, b.end = true, f.stream, f.has(flagEndStream)
	b.frames, b.bytes, b.size, b.fields = 0, 0, 0, b.fields[:0]
	b.decoder.SetEmitEnabled(true)
	return c.takeBlock(payload)
}

func (c *Conn) handleContinuation(payload []byte) (Event, *Error) {
	if c.block.frames++; c.block.frames > maxContinuation {
		return Event{}, connError(EnhanceYourCalm, "a head in more than %d frames", maxContinuation)
	}
	return c.takeBlock(payload)
}

// takeBlock decodes a part of the block, and ends it with the last one.
func (c *Conn) takeBlock(payload []byte) (Event, *Error) {
	b := &c.block
	if b.bytes += len(payload); uint64(b.bytes) > b.limit {
		return Event{}, connError(EnhanceYourCalm, "a head of more than %d bytes", b.limit)
	}
	if _, err := b.decoder.Write(payload); err != nil {
		return Event{}, connError(CompressionError, "%v", err)
	}
	if !c.frame.has(flagEndHeaders) {
		return Event{}, nil
	}
	b.open = false
	if err := b.decoder.Close(); err != nil {
		return Event{}, connError(CompressionError, "%v", err)
	}
	s := c.streams[b.id]
	if s == nil {
		return Event{}, c.leadsNowhere()
	}
	return c.endBlock(s)
}

// endBlock makes the event of a complete block.
func (c *Conn) endBlock(s *Stream) (Event, *Error) {
	b := &c.block
	switch {
	case s.state == streamAnswered: // §5.1
		return Event{}, streamError(s.id, StreamClosed, "HEADERS frame after the end of the response")
	case b.size > b.limit:
		err := streamError(s.id, Cancel, "%v: more than %d bytes", ErrHeadTooLarge, b.limit)
		err.Err = ErrHeadTooLarge
		return Event{}, err
	case s.final && !b.end: // §8.1
		return Event{}, streamError(s.id, ProtocolError, "a second head that is no trailer")
	}
	h := headReader{names: c.names, expect: -1}
	if reason := h.read(b.fields); reason != "" {
		return Event{}, streamError(s.id, ProtocolError, "malformed head: %s", reason)
	}
	c.names = h.names
	ev := Event{Kind: EventHead, Stream: s, End: b.end, Status: h.status, Header: h.header, Fields: h.count, Widest: h.widest}
	if s.final {
		return ev, c.endTrailer(&ev, s)
	}
	switch {
	case h.status == 0: // §8.3.2
		return Event{}, streamError(s.id, ProtocolError, "malformed head: no :status")
	case h.status == 101: // §8.6
		return Event{}, streamError(s.id, ProtocolError, "status 101, which HTTP/2 does not have")
	case h.status < 200 && b.end:
		return Event{}, streamError(s.id, ProtocolError, "an informational head that ends the stream")
	case h.status < 200:
		ev.Kind = EventInterim
		return ev, c.leadsNowhere()
	}
	c.fruitless = 0
	return ev, c.beginBody(s, h.status, h.expect, b.end)
}

// beginBody notes what is to follow a head (§8.1.1).
func (c *Conn) beginBody(s *Stream, status int, length int64, end bool) *Error {
	s.final, s.expect = true, length
	if s.head || status == 204 || status == 304 {
		s.expect = 0
	}
	if !end {
		return nil
	}
	if s.expect > 0 {
		return streamError(s.id, ProtocolError, "no body, although content-length is %d", s.expect)
	}
	c.endReceiving(s)
	return nil
}

// endTrailer makes the event of a block that is a trailer.
func (c *Conn) endTrailer(ev *Event, s *Stream) *Error {
	switch {
	case ev.Status != 0:
		return streamError(s.id, ProtocolError, "malformed trailer: it has a :status")
	case s.expect > 0:
		return streamError(s.id, ProtocolError, "the body ended %d bytes before its content-length", s.expect)
	}
	ev.Kind, ev.Status = EventTrailer, 0
	c.endReceiving(s)
	return nil
}

// headReader makes a Header of fields (§8.2, §8.3).
type headReader struct {
	names  map[string]string // canonical forms of names that are not known, kept from head to head
	header Header
	status int
	expect int64
	count  int
	widest int
	seen   http1.NameSet
}

// read returns what is wrong, or "".
func (h *headReader) read(fields []hpack.HeaderField) (reason string) {
	i := 0
	for ; i < len(fields) && fields[i].IsPseudo(); i++ {
		f := &fields[i]
		if f.Name != ":status" || h.status != 0 {
			return "pseudo-header field " + strconv.Quote(clip(f.Name))
		}
		if h.status = parseStatus(f.Value); h.status == 0 {
			return ":status is " + strconv.Quote(clip(f.Value))
		}
	}
	fields = fields[i:]
	h.count = len(fields)
	h.header = make(Header, len(fields))
	values := make([]string, len(fields))
	for i := range fields {
		if reason = h.add(&fields[i], values[i:i+1:i+1]); reason != "" {
			return reason
		}
	}
	return ""
}

// add takes one field in; into is room for its value.
func (h *headReader) add(f *hpack.HeaderField, into []string) (reason string) {
	key, id, known := http1.KnownLower(f.Name)
	if !known {
		if key = h.canonical(f.Name); key == "" {
			return "field name " + strconv.Quote(clip(f.Name))
		}
	}
	value := trimBlanks(f.Value)
	if !http1.ValidHeaderValue(value) {
		return "a control character in the value of " + f.Name
	}
	switch f.Name {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade": // §8.2.2
		return "field " + f.Name + ", which belongs to HTTP/1"
	case "content-length":
		n, err := strconv.ParseUint(value, 10, 63)
		if err != nil || h.expect >= 0 && h.expect != int64(n) {
			return "content-length is " + strconv.Quote(clip(value))
		}
		h.expect = int64(n)
	}
	h.widest = max(h.widest, len(f.Name)+len(value))
	into[0] = value
	if known && h.seen.Add(id) {
		h.header[key] = into
	} else if values := h.header[key]; values != nil {
		h.header[key] = append(values, value)
	} else {
		h.header[key] = into
	}
	return ""
}

// canonical is the form under which a name that is not among the known ones is kept, "" if it is no lower-case token.
func (h *headReader) canonical(name string) string {
	if key, ok := h.names[name]; ok {
		return key
	}
	if !http1.ValidHeaderName(name) {
		return ""
	}
	for i := range len(name) {
		if c := name[i]; 'A' <= c && c <= 'Z' {
			return ""
		}
	}
	key := http1.CanonicalName(name)
	if h.names == nil || len(h.names) >= maxNames {
		h.names = make(map[string]string)
	}
	if len(name) <= 64 {
		h.names[name] = key
	}
	return key
}

// parseStatus returns 0 for what is no status.
func parseStatus(s string) int {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || len(s) != 3 || n < 100 {
		return 0
	}
	return int(n)
}

// trimBlanks takes off what §8.2.1 does not want at the ends of a value. Servers send it, and it does no harm.
func trimBlanks(s string) string {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// clip bounds what an error repeats of the input.
func clip(s string) string { return s[:min(len(s), 48)] }
