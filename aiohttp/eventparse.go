package aiohttp

// The format of server-sent events (HTML Living Standard, section 9.2.6): bytes in,
// events out.
//
// Lines end in CR, LF or both, and may be cut anywhere by the network; a CR at the end of
// a piece ends its line at once, and an LF at the start of the next is then part of it.

import (
	"bytes"
	"strconv"
	"time"
)

// A ServerEvent is one event of a stream.
type ServerEvent struct {
	// Event is its type, "message" unless the server named another.
	Event string
	// Data is its text, lines separated by "\n".
	Data string
	// ID is the last event ID as of this event; it stays until the server sets another.
	ID string
}

// maxEvent is how long an event may be, in bytes.
const maxEvent = 4 << 20

// eventParser turns pieces of a stream into events. The zero value expects the start of
// a stream.
type eventParser struct {
	line  []byte // the line so far
	data  []byte // the data field of the event so far, each line with a line feed
	event string
	id    string        // last event ID, which outlives events
	retry time.Duration // what the server asked for, if retrySet

	retrySet bool
	started  bool // the place for a byte order mark is behind us
	afterCR  bool // an LF now belongs to the line end before
}

// feed calls emit for each event that is complete with p. It returns false if emit did, or
// if an event is too long.
func (e *eventParser) feed(p []byte, emit func(ServerEvent) bool) (goOn bool, err error) {
	for len(p) > 0 {
		if e.afterCR {
			e.afterCR = false
			if p[0] == '\n' {
				p = p[1:]
				continue
			}
		}
		end := bytes.IndexAny(p, "\r\n")
		if end < 0 {
			end = len(p)
		}
		if len(e.data)+len(e.line)+end > maxEvent {
			return false, ErrEventTooLong
		}
		e.line = append(e.line, p[:end]...)
		if end == len(p) {
			return true, nil
		}
		e.afterCR = p[end] == '\r'
		p = p[end+1:]
		ev, complete := e.endLine()
		if complete && !emit(ev) {
			return false, nil
		}
	}
	return true, nil
}

var byteOrderMark = []byte("\xEF\xBB\xBF")

// endLine takes in a line and returns the event it completes.
func (e *eventParser) endLine() (ServerEvent, bool) {
	line := e.line
	e.line = e.line[:0]
	if !e.started {
		e.started = true
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	if len(line) == 0 {
		return e.dispatch()
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "event":
		e.event = text(value)
	case "data":
		e.data = append(append(e.data, value...), '\n')
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			e.id = text(value)
		}
	case "retry":
		if ms, err := strconv.ParseUint(string(value), 10, 31); err == nil && value[0] != '+' {
			e.retry, e.retrySet = time.Duration(ms)*time.Millisecond, true
		}
	}
	return ServerEvent{}, false
}

// dispatch ends the event that the lines so far make, if they make one.
func (e *eventParser) dispatch() (ServerEvent, bool) {
	data, event := e.data, e.event
	e.data, e.event = e.data[:0], ""
	if len(data) == 0 {
		return ServerEvent{}, false
	}
	if event == "" {
		event = "message"
	}
	return ServerEvent{Event: event, Data: text(data[:len(data)-1]), ID: e.id}, true
}

// text makes valid UTF-8 of bytes, as decoders of the web do.
func text(b []byte) string { return string(bytes.ToValidUTF8(b, []byte("\uFFFD"))) }
