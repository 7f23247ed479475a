package http1

import (
	"iter"
	"strings"
)

// The head as the caller sees it: the first line, the fields, and what the fields mean for the connection. Making
// one costs one string for all text, unless that is the same as last time, one slice for all values and the map.

// Head is the first part of a message with what follows from it. It is filled once per message.
type Head struct {
	Method string // requests: as received, any letter case
	Target string // requests: byte for byte as received

	Status int    // responses
	Reason string // responses: may be empty

	Major, Minor int // 1.0 or 1.1

	Header Header
	Names  RawFields // the same fields as they were written and ordered

	// ContentLength is the value of that field, -1 if there is none or if chunked coding overrides it. It is reported also
	// where it tells nothing about this message: a response to HEAD, or 304.
	ContentLength int64
	Chunked       bool // the body is chunked
	NoBody        bool // the message has no body whatever its fields say, or is a request without length and coding
	KeepAlive     bool // another message may follow (RFC 9112 §9.3)

	Upgrade   string // "websocket" or "tcp" if Connection lists upgrade and Upgrade names it (HTTP/1.1 only), else ""
	Expect    string // requests: the value of Expect (HTTP/1.1 only)
	Expect100 bool   // requests: Expect is 100-continue

	switches bool // HTTP ends after this message
}

func (h *Head) interim() bool { return h.Status >= 100 && h.Status < 200 && h.Status != 101 }

// Host returns the host a request is for, with its port if given: from the target if that is in absolute form or
// that of CONNECT, in which case RFC 9112 §3.2.2 has the Host field ignored, else from the Host field.
func (h *Head) Host() string {
	if h.Method == "CONNECT" {
		return h.Target
	}
	if !strings.HasPrefix(h.Target, "/") {
		if _, rest, ok := strings.Cut(h.Target, "://"); ok {
			return authority(rest)
		}
	}
	if v := h.Header["Host"]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// RawFields are the lines of a head as received.
type RawFields string

// All yields names and values in the order received, names in the letter case of the sender, values without the
// blanks around them.
func (r RawFields) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		rest := string(r)
		for rest != "" {
			line := rest[:fieldEnd(rest)]
			rest = rest[len(line):]
			name, value, ok := strings.Cut(line, ":")
			if !ok || !yield(name, unfold(strings.TrimRight(value, "\r\n"))) {
				return
			}
		}
	}
}

// fieldEnd returns the end of the first field of text, with the folded lines that belong to it.
func fieldEnd(text string) int {
	for i := range len(text) {
		if text[i] == '\n' && (i+1 == len(text) || !isBlank(text[i+1])) {
			return i + 1
		}
	}
	return len(text)
}

// lastHead is the head read last, with what was found in it. Many a head is the same to the byte as the one before it
// on the connection: then it is not scanned again, and its text, which nobody can change, serves for both.
type lastHead struct {
	text    string
	fields  []field
	framing framing // as soon as the head is finished
}

// remember makes the head that was just scanned the last one.
func (d *Decoder) remember(text []byte) {
	d.last.text = string(text)
	d.last.fields, d.fields = d.fields, d.last.fields
}

// maxIdleHead bounds what is kept of a head while the connection waits for another message, perhaps for long.
const maxIdleHead = 4 << 10

// letGo forgets what has been read of a message that was long.
func (d *Decoder) letGo() {
	if len(d.last.text) > maxIdleHead {
		d.last = lastHead{}
		d.head = Head{Status: d.head.Status, KeepAlive: d.head.KeepAlive, switches: d.head.switches}
	}
}

// repeats reports whether in, at the start of a message, begins with the last head once more. What the first line
// says is still noted in the decoder then.
func (d *Decoder) repeats(in []byte) bool {
	text := d.last.text
	if text == "" || len(d.held) > 0 || len(in) < len(text) || string(in[:len(text)]) != text {
		return false
	}
	d.fieldCount = len(d.last.fields)
	return true
}

// finishHead makes the head of the text scanned last and decides how the body is framed. If that was done before with
// the same text, again is true, and the framing is known.
func (d *Decoder) finishHead(again bool) error {
	text, fields, fr := d.last.text, d.last.fields, &d.last.framing
	h := &d.head
	*h = Head{Major: 1, Minor: d.minor, ContentLength: -1}
	if d.response {
		h.Status = d.status
		h.Reason = text[d.reason:d.reasonEnd]
	} else {
		h.Method, h.Target = text[:d.methodEnd], text[d.methodEnd+1:d.targetEnd]
		if reason := targetFault(h.Method, h.Target); reason != "" {
			return parseErrorf(InvalidTarget, "%s: %s", reason, quote(h.Target))
		}
	}
	if len(fields) > 0 {
		h.Names = RawFields(text[fields[0].name:])
	}
	if !again {
		*fr = framing{}
	}
	b := newHeaderBuilder(text, len(fields))
	for i := range fields {
		f := &fields[i]
		value := b.value(f)
		if r := knownNames[f.id].role; r != roleNone && !again {
			if err := d.note(fr, f.id, value, b.has(f.id)); err != nil {
				return err
			}
		}
		b.add(i, f, value)
	}
	h.Header = b.header
	if d.response {
		return d.frameResponse(fr)
	}
	return d.frameRequest(fr)
}

// note takes in a field that matters to the decoder.
func (d *Decoder) note(fr *framing, id nameID, value string, repeated bool) error {
	r := knownNames[id].role
	if repeated && !d.lenient && r != roleConnection && r != roleUpgrade && r != roleExpect {
		kind := InvalidHeader
		switch r {
		case roleLength:
			kind = BadContentLength
		case roleCoding:
			kind = BadTransferEncoding
		}
		return parseErrorf(kind, "%s given twice", knownNames[id].canonical)
	}
	switch r {
	case roleHost:
		fr.host = true
		if !d.response && hostFault(value) != "" {
			return parseErrorf(InvalidHeader, "Host %s: %s", quote(value), hostFault(value))
		}
	case roleLength:
		return fr.noteLength(value, repeated)
	case roleCoding:
		return fr.noteCoding(value, d.response)
	case roleConnection:
		fr.noteConnection(value)
	case roleUpgrade:
		fr.noteUpgrade(value)
	case roleExpect:
		if fr.expect != "" {
			value = fr.expect + ", " + value
		}
		fr.expect = value
	case roleHandshake76:
		if !d.response {
			return parseErrorf(InvalidHeader, "Sec-WebSocket-Key1 belongs to a draft whose body has no length")
		}
	}
	return nil
}
