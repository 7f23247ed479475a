package http1

// What goes in and out of a decoder besides bytes: the limits it is made with and the events it answers with.

// Header is a set of fields: canonical names and the values of each in the order received. It converts to http.Header.
type Header = map[string][]string

// Limits bound the text parts of a message. Zero members stand for the defaults; 16 MiB a line and 1 GiB in all are
// the most they can say.
type Limits struct {
	MaxLine    int // bytes of the request, status or chunk-size line, CRLF not counted; 8190
	MaxField   int // bytes of one field, its name and value together; the colon and one blank after it are free; 8190
	MaxHeaders int // fields of head and trailer together; 128
}

const (
	maxLimit = 1 << 24
	maxText  = 1 << 30 // field counts positions in 32 bits
)

func (l Limits) withDefaults() Limits {
	if l.MaxLine <= 0 {
		l.MaxLine = 8190
	}
	if l.MaxField <= 0 {
		l.MaxField = 8190
	}
	if l.MaxHeaders <= 0 {
		l.MaxHeaders = 128
	}
	l.MaxLine, l.MaxField = min(l.MaxLine, maxLimit), min(l.MaxField, maxLimit)
	l.MaxHeaders = min(l.MaxHeaders, maxText/(l.MaxField+8))
	return l
}

// EventKind says what a call of Next found.
type EventKind uint8

// The kinds of event, in the order in which a message brings them.
const (
	NeedMore  EventKind = iota // all input is used up
	EventHead                  // the head is complete: see Decoder.Head
	EventData                  // a piece of the body
	EventEnd                   // the message is complete
)

// String returns the name of the constant.
func (k EventKind) String() string {
	switch k {
	case NeedMore:
		return "NeedMore"
	case EventHead:
		return "EventHead"
	case EventData:
		return "EventData"
	case EventEnd:
		return "EventEnd"
	}
	return "EventKind(?)"
}

// Event is one step of a message. Data is set for EventData only; it is a part of the input, not a copy.
type Event struct {
	Kind     EventKind
	Data     []byte
	ChunkEnd bool // Data ends an HTTP chunk
}
