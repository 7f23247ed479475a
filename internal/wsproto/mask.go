package wsproto

// The two loops that touch every byte: masking (RFC 6455 §5.3), eight bytes at a time, and the check that text is UTF-8,
// which goes on over the pieces that a message arrives in.

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// Mask masks, or unmasks, p in place. pos is how many bytes of the payload came before p. The first byte of the payload
// meets the lowest byte of key.
func Mask(p []byte, key uint32, pos int) {
	key = bits.RotateLeft32(key, -8*(pos&3))
	wide := uint64(key)<<32 | uint64(key)
	for len(p) >= 32 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^wide)
		binary.LittleEndian.PutUint64(p[8:], binary.LittleEndian.Uint64(p[8:])^wide)
		binary.LittleEndian.PutUint64(p[16:], binary.LittleEndian.Uint64(p[16:])^wide)
		binary.LittleEndian.PutUint64(p[24:], binary.LittleEndian.Uint64(p[24:])^wide)
		p = p[32:]
	}
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^wide)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= byte(key)
		key = bits.RotateLeft32(key, -8)
	}
}

func validUTF8(p []byte) bool { return utf8.Valid(p) }

// utf8Checker checks text that comes in pieces. It keeps the character that the end of a piece cuts.
type utf8Checker struct {
	cut [utf8.UTFMax]byte
	n   int
}

// feed looks at the next piece and reports whether the text can still be valid.
func (u *utf8Checker) feed(p []byte) bool {
	for u.n > 0 && len(p) > 0 {
		u.cut[u.n] = p[0]
		u.n++
		p = p[1:]
		if utf8.FullRune(u.cut[:u.n]) {
			if !utf8.Valid(u.cut[:u.n]) {
				return false
			}
			u.n = 0
		}
	}
	end := len(p)
	for i := len(p) - 1; i >= 0 && i >= len(p)-utf8.UTFMax; i-- {
		if utf8.RuneStart(p[i]) {
			if !utf8.FullRune(p[i:]) {
				end = i
			}
			break
		}
	}
	if end < len(p) {
		u.n = copy(u.cut[:], p[end:])
	}
	return utf8.Valid(p[:end])
}

// complete reports whether the text may end here.
func (u *utf8Checker) complete() bool { return u.n == 0 }
