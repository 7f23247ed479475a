package wsproto

// Frames to send. Every message is sent as one frame, so whoever appends whole frames never interleaves two messages.

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// MaxFrameHead is the most a frame's header can need.
const MaxFrameHead = maxHead

// AppendHead appends the header of an unfragmented frame. compressed sets RSV1. A client masks with key (see Mask).
func AppendHead(dst []byte, op Opcode, compressed bool, length int, masked bool, key uint32) []byte {
	first, mask := 0x80|byte(op), byte(0)
	if compressed {
		first |= 0x40
	}
	if masked {
		mask = 0x80
	}
	switch {
	case length <= maxControl:
		dst = append(dst, first, mask|byte(length))
	case length <= math.MaxUint16:
		dst = binary.BigEndian.AppendUint16(append(dst, first, mask|126), uint16(length))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, first, mask|127), uint64(length))
	}
	if masked {
		dst = binary.LittleEndian.AppendUint32(dst, key)
	}
	return dst
}

// AppendFrame appends an unfragmented frame.
func AppendFrame(dst []byte, op Opcode, compressed bool, payload []byte, masked bool, key uint32) []byte {
	dst = AppendHead(dst, op, compressed, len(payload), masked, key)
	start := len(dst)
	dst = append(dst, payload...)
	if masked {
		Mask(dst[start:], key, 0)
	}
	return dst
}

// AppendClosePayload appends the payload of a Close frame. CodeNoStatus makes an empty one. A reason that is too long is
// cut between two characters.
func AppendClosePayload(dst []byte, code int, reason string) []byte {
	if code == CodeNoStatus {
		return dst
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	if most := maxControl - 2; len(reason) > most {
		for most > 0 && !utf8.RuneStart(reason[most]) {
			most--
		}
		reason = reason[:most]
	}
	return append(dst, reason...)
}
