package http1

import "math"

// Where a body ends. This is the part request smuggling lives on, so each rule of RFC 9112 §6 that leaves a choice
// is decided for refusing when the message is a request: Content-Length is one string of digits, Transfer-Encoding
// is a list of tokens whose last and only last is chunked, the two never meet, and neither is believed in a message
// that should not have it.

// framing is what the fields of one head say about its body and the connection.
type framing struct {
	host      bool
	hasLength bool
	length    int64

	hasCoding   bool
	chunkedSeen bool
	chunked     bool // the last coding is chunked

	closes, keeps, upgrades bool // options of Connection
	upgrade, expect         string
}

func (fr *framing) noteLength(value string, repeated bool) error {
	n, ok := parseLength(value)
	if !ok {
		return parseErrorf(BadContentLength, "%s is not a length", quote(value))
	}
	if repeated && n != fr.length {
		return parseErrorf(BadContentLength, "%d and %d", fr.length, n)
	}
	fr.hasLength, fr.length = true, n
	return nil
}

// parseLength reads ASCII digits, nothing else, up to the greatest int64.
func parseLength[T string | []byte](s T) (int64, bool) {
	var n int64
	for i := range len(s) {
		c := int64(s[i]) - '0'
		if c < 0 || c > 9 || n > (math.MaxInt64-c)/10 {
			return 0, false
		}
		n = n*10 + c
	}
	return n, len(s) > 0
}

func (fr *framing) noteCoding(value string, response bool) error {
	fr.hasCoding = true
	for more := true; more; {
		var coding string
		coding, value, more = nextElement(value)
		switch {
		case equalFold(coding, "chunked"):
			if fr.chunkedSeen {
				return parseErrorf(BadTransferEncoding, "chunked given twice")
			}
			fr.chunkedSeen, fr.chunked = true, true
		case coding == "" && response:
		case !response && !allOf(coding, classToken):
			return parseErrorf(BadTransferEncoding, "%s is not a coding", quote(coding))
		default:
			fr.chunked = false
		}
	}
	return nil
}

func (fr *framing) noteConnection(value string) {
	for more := true; more; {
		var option string
		option, value, more = nextElement(value)
		switch {
		case equalFold(option, "close"):
			fr.closes = true
		case equalFold(option, "keep-alive"):
			fr.keeps = true
		case equalFold(option, "upgrade"):
			fr.upgrades = true
		}
	}
}

// noteUpgrade remembers the first protocol we know. h2c and others are not among them: such a request is answered as
// if it had not asked.
func (fr *framing) noteUpgrade(value string) {
	for more := true; more && fr.upgrade == ""; {
		var protocol string
		protocol, value, more = nextElement(value)
		for _, known := range [...]string{"websocket", "tcp"} {
			if equalFold(protocol, known) {
				fr.upgrade = known
			}
		}
	}
}

// setConnection derives what does not depend on the body.
func (h *Head) setConnection(fr *framing) {
	if h.Minor == 1 {
		h.KeepAlive = !fr.closes
		if fr.upgrades {
			h.Upgrade = fr.upgrade
		}
	} else {
		h.KeepAlive = fr.keeps && !fr.closes
	}
	if fr.hasLength {
		h.ContentLength = fr.length
	}
}

func (d *Decoder) frameRequest(fr *framing) error {
	h := &d.head
	h.setConnection(fr)
	connect := h.Method == "CONNECT"
	switch {
	case !fr.host && h.Minor == 1:
		return parseErrorf(InvalidHeader, "no Host")
	case fr.hasCoding && fr.hasLength:
		return parseErrorf(BadTransferEncoding, "Content-Length and Transfer-Encoding can't be present together")
	case fr.hasCoding && h.Minor == 0:
		return parseErrorf(BadTransferEncoding, "HTTP/1.0 has none")
	case fr.hasCoding && !fr.chunked:
		return parseErrorf(BadTransferEncoding, "the last coding is not chunked")
	case connect && (fr.hasCoding || fr.length > 0):
		return parseErrorf(BadContentLength, "a CONNECT request has no body")
	}
	if h.Minor == 1 {
		h.Expect = fr.expect
		h.Expect100 = equalFold(fr.expect, "100-continue")
	}
	h.switches = connect || h.Upgrade != ""
	switch {
	case fr.chunked:
		d.beginChunked()
	case fr.length > 0:
		d.beginSized(fr.length)
	default:
		h.NoBody = connect || !fr.hasLength
		d.enter(stateMessageEnd)
	}
	return nil
}

func (d *Decoder) frameResponse(fr *framing) error {
	h := &d.head
	h.setConnection(fr)
	tunnel := d.method == "CONNECT" && h.Status >= 200 && h.Status < 300
	h.switches = tunnel || h.Status == 101
	h.NoBody = tunnel || d.method == "HEAD" || h.Status < 200 || h.Status == 204 || h.Status == 304
	if fr.hasCoding && (fr.hasLength || h.Minor == 0) {
		if !d.lenient {
			return parseErrorf(BadTransferEncoding, "Transfer-Encoding with Content-Length or HTTP/1.0")
		}
		h.KeepAlive = false // somebody on the way may have read it the other way
	}
	switch {
	case h.NoBody:
		d.enter(stateMessageEnd)
	case fr.chunked:
		h.ContentLength = -1
		d.beginChunked()
	case fr.hasCoding || !fr.hasLength:
		h.ContentLength = -1
		h.KeepAlive = false
		d.enter(stateUntilClose)
	case fr.length == 0:
		d.enter(stateMessageEnd)
	default:
		d.beginSized(fr.length)
	}
	return nil
}

func (d *Decoder) beginSized(length int64) {
	d.left = length
	d.enter(stateSized)
}

func (d *Decoder) nextSized(in []byte) (Event, int) {
	if len(in) == 0 {
		return Event{}, 0
	}
	data := d.take(in)
	if d.left == 0 {
		d.enter(stateMessageEnd)
	}
	return Event{Kind: EventData, Data: data}, len(data)
}

func (d *Decoder) nextUntilClose(in []byte) (Event, int) {
	if len(in) == 0 {
		return Event{}, 0
	}
	d.got += int64(len(in))
	return Event{Kind: EventData, Data: in}, len(in)
}

// take cuts off in what still belongs to the body or chunk.
func (d *Decoder) take(in []byte) []byte {
	if int64(len(in)) > d.left {
		in = in[:d.left]
	}
	d.left -= int64(len(in))
	d.got += int64(len(in))
	return in
}
