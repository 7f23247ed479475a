package aiohttp

// Counting zstd frames.
//
// The zstd decoder passes from one frame to the next by itself and has no limit for
// how many there are; a body of empty frames would keep it busy for nothing. The
// frames are therefore counted on the way in. Only what is needed to find the end of
// a frame is understood here (RFC 8878 section 3.1); everything else is left to the
// decoder to judge.

import (
	"encoding/binary"
	"io"
)

const (
	zstdMagic          = 0xFD2FB528
	zstdSkippableMagic = 0x184D2A50 // the low four bits are free
)

type zstdPart uint8

const (
	zstdInMagic zstdPart = iota
	zstdInDescriptor
	zstdInBlockHeader
	zstdInSkipSize
	zstdUnknown // not ours to understand: let the decoder complain
)

// zstdFrames is a reader that fails when too many frames have passed through it.
type zstdFrames struct {
	source io.Reader
	frames int

	part     zstdPart
	field    [4]byte // the fixed-size field being gathered
	have     int
	skip     int // bytes to pass over in the present part
	checksum bool
}

// Read implements io.Reader.
func (z *zstdFrames) Read(p []byte) (int, error) {
	n, err := z.source.Read(p)
	if !z.scan(p[:n]) {
		return 0, errTooManyMembers
	}
	return n, err
}

// scan advances over b and reports whether the limit still holds.
func (z *zstdFrames) scan(b []byte) bool {
	for len(b) > 0 && z.part != zstdUnknown {
		if z.skip > 0 {
			n := min(z.skip, len(b))
			z.skip -= n
			b = b[n:]
			continue
		}
		b = z.step(b)
		if z.frames > maxMembers {
			return false
		}
	}
	return true
}

// gather collects a little-endian field of size bytes; ok is false if b ended first.
func (z *zstdFrames) gather(b []byte, size int) (value uint32, rest []byte, ok bool) {
	n := copy(z.field[z.have:size], b)
	z.have += n
	if z.have < size {
		return 0, b[n:], false
	}
	clear(z.field[size:])
	z.have = 0
	return binary.LittleEndian.Uint32(z.field[:]), b[n:], true
}

// step consumes one field, or the part of it that is there.
func (z *zstdFrames) step(b []byte) []byte {
	switch z.part {
	case zstdInMagic:
		v, rest, ok := z.gather(b, 4)
		if ok {
			z.frames++
			switch {
			case v == zstdMagic:
				z.part = zstdInDescriptor
			case v&^0xf == zstdSkippableMagic:
				z.part = zstdInSkipSize
			default:
				z.part = zstdUnknown
			}
		}
		return rest
	case zstdInDescriptor:
		z.part, z.checksum = zstdInBlockHeader, b[0]&4 != 0
		z.skip = zstdHeaderSize(b[0])
		return b[1:]
	case zstdInBlockHeader:
		v, rest, ok := z.gather(b, 3)
		if ok {
			z.startBlock(v)
		}
		return rest
	case zstdInSkipSize:
		v, rest, ok := z.gather(b, 4)
		if ok {
			z.part, z.skip = zstdInMagic, int(v)
		}
		return rest
	}
	z.part = zstdUnknown
	return b
}

// zstdHeaderSize is the length of the frame header behind its descriptor.
func zstdHeaderSize(descriptor byte) int {
	window := 1
	single := descriptor&0x20 != 0
	if single {
		window = 0
	}
	dictionary := [...]int{0, 1, 2, 4}[descriptor&3]
	content := [...]int{0, 2, 4, 8}[descriptor>>6]
	if content == 0 && single {
		content = 1
	}
	return window + dictionary + content
}

func (z *zstdFrames) startBlock(header uint32) {
	last, kind, size := header&1 != 0, header>>1&3, int(header>>3)
	if kind == 1 { // one byte, repeated
		size = 1
	}
	z.skip = size
	if !last {
		return
	}
	z.part = zstdInMagic
	if z.checksum {
		z.skip += 4
	}
}
