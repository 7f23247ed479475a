package http2

import "strconv"

// What goes in and out of a connection besides bytes: what it is made with and the events it answers with.

// Header is a set of fields: canonical names and the values of each in the order received. It converts to http.Header.
type Header = map[string][]string

// Config is what a connection tells the server about itself. Zero members stand for the defaults.
type Config struct {
	// StreamWindow is how many bytes of a body the server may send before any of them are consumed; 4 MiB.
	StreamWindow int32
	// ConnWindow is the same for all bodies together; 1 GiB. It should be no less than all stream windows together: bodies
	// that nobody reads for the moment would keep the server from sending the one that is waited for.
	ConnWindow int32
	// MaxFrame is the longest frame that is accepted, from 16 KiB, which is the default, to 16 MiB less one byte.
	MaxFrame uint32
	// MaxHeaderList bounds a head, names and values and 32 bytes for each field (RFC 9113 §6.5.2); 1 MiB.
	MaxHeaderList uint32
}

const (
	defaultStreamWindow  = 4 << 20
	defaultConnWindow    = 1 << 30
	defaultMaxHeaderList = 1 << 20
	initialWindow        = 1<<16 - 1 // of every window until the peer says otherwise, §6.9.2
	minMaxFrame          = 1 << 14
	maxMaxFrame          = 1<<24 - 1
	maxWindow            = 1<<31 - 1
	maxStreamID          = 1<<31 - 1
)

func (c Config) withDefaults() Config {
	if c.StreamWindow <= 0 {
		c.StreamWindow = defaultStreamWindow
	}
	if c.ConnWindow <= 0 {
		c.ConnWindow = defaultConnWindow
	}
	if c.MaxHeaderList == 0 {
		c.MaxHeaderList = defaultMaxHeaderList
	}
	c.ConnWindow = max(c.ConnWindow, initialWindow)
	c.MaxFrame = min(max(c.MaxFrame, minMaxFrame), maxMaxFrame)
	return c
}

// EventKind says what a call of Next found.
type EventKind uint8

// The kinds of event. Those of a stream come in the order of the first five; a reset may come at any time.
const (
	NeedMore      EventKind = iota // all input is used up
	EventInterim                   // an informational head: Status and Header
	EventHead                      // the head of the response: Status and Header
	EventData                      // a piece of the body, possibly empty if it is the last
	EventTrailer                   // the trailer: Header
	EventReset                     // the stream ended before its time: Err
	EventWindow                    // more can be sent, on Stream, or on any if that is nil
	EventSettings                  // the server's settings have changed: see MaxStreams
	EventGoAway                    // the server takes no new streams: Last and Code
	EventPong                      // a ping was answered
)

var eventNames = [...]string{
	"NeedMore", "EventInterim", "EventHead", "EventData", "EventTrailer", "EventReset", "EventWindow", "EventSettings", "EventGoAway", "EventPong",
}

// String returns the name of the constant.
func (k EventKind) String() string {
	if int(k) < len(eventNames) {
		return eventNames[k]
	}
	return "EventKind(" + strconv.Itoa(int(k)) + ")"
}

// Event is one thing that happened. Which members are set depends on Kind.
type Event struct {
	Kind   EventKind
	Stream *Stream
	End    bool // nothing more comes on the stream
	Status int
	Header Header
	Fields int    // how many fields Header was made of
	Widest int    // bytes of the longest of them, name and value together
	Data   []byte // a part of the input, not a copy
	Err    *Error
	Last   uint32 // the last stream the server has looked at, or may yet
	Code   ErrCode
}
