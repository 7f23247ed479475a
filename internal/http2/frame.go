package http2

import "encoding/binary"

// Frames as bytes (RFC 9113 §4.1): nine bytes of header, of which the length comes first, and the payload. What a type
// means is elsewhere.

type frameType uint8

const (
	frameData         frameType = 0x0
	frameHeaders      frameType = 0x1
	framePriority     frameType = 0x2
	frameRSTStream    frameType = 0x3
	frameSettings     frameType = 0x4
	framePushPromise  frameType = 0x5
	framePing         frameType = 0x6
	frameGoAway       frameType = 0x7
	frameWindowUpdate frameType = 0x8
	frameContinuation frameType = 0x9
)

var frameNames = [...]string{
	"DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE", "CONTINUATION",
}

func (t frameType) String() string {
	if int(t) < len(frameNames) {
		return frameNames[t]
	}
	return "unknown"
}

const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

const (
	settingHeaderTableSize      = 0x1
	settingEnablePush           = 0x2
	settingMaxConcurrentStreams = 0x3
	settingInitialWindowSize    = 0x4
	settingMaxFrameSize         = 0x5
	settingMaxHeaderListSize    = 0x6
)

const (
	frameHead = 9
	preface   = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" // §3.4
)

// frame is the header of a frame.
type frame struct {
	length uint32
	kind   frameType
	flags  uint8
	stream uint32
}

func (f *frame) has(flag uint8) bool { return f.flags&flag != 0 }

func readFrame(b []byte) frame {
	return frame{
		length: uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]),
		kind:   frameType(b[3]),
		flags:  b[4],
		stream: binary.BigEndian.Uint32(b[5:]) & maxStreamID, // the reserved bit is ignored
	}
}

func appendFrame(dst []byte, length int, kind frameType, flags uint8, stream uint32) []byte {
	return append(dst, byte(length>>16), byte(length>>8), byte(length), byte(kind), flags,
		byte(stream>>24), byte(stream>>16), byte(stream>>8), byte(stream))
}

func appendSetting(dst []byte, id uint16, value uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(dst, id), value)
}

func appendWindowUpdate(dst []byte, stream, n uint32) []byte {
	return binary.BigEndian.AppendUint32(appendFrame(dst, 4, frameWindowUpdate, 0, stream), n)
}

func appendReset(dst []byte, stream uint32, code ErrCode) []byte {
	return binary.BigEndian.AppendUint32(appendFrame(dst, 4, frameRSTStream, 0, stream), uint32(code))
}
