package demo

// Bodies of any size whose every byte is known beforehand: a pseudo-random stream that depends on the size only, so that
// client and server agree on its digest without having exchanged it.

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// pieceSize is how much of a body exists at a time.
const pieceSize = 32 << 10

// generator is splitmix64, which is short, fast and good enough to be incompressible.
type generator struct{ state uint64 }

func (g *generator) next() uint64 {
	g.state += 0x9e3779b97f4a7c15
	z := g.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Pieces calls yield with the pieces of the body of size n, in order, until it returns an error. The slice is reused.
func Pieces(n int64, yield func([]byte) error) error {
	g := generator{state: uint64(n)}
	buf := make([]byte, min(n, pieceSize)+8)
	for n > 0 {
		size := int(min(n, pieceSize))
		for i := 0; i < size; i += 8 {
			binary.LittleEndian.PutUint64(buf[i:], g.next())
		}
		if err := yield(buf[:size]); err != nil {
			return err
		}
		n -= int64(size)
	}
	return nil
}

// Body returns the body of size n as a whole.
func Body(n int64) []byte {
	body := make([]byte, 0, n)
	Pieces(n, func(p []byte) error {
		body = append(body, p...)
		return nil
	})
	return body
}

// Digest returns the SHA-256 of the body of size n, in hexadecimal.
func Digest(n int64) string {
	h := sha256.New()
	Pieces(n, func(p []byte) error {
		h.Write(p)
		return nil
	})
	return hex.EncodeToString(h.Sum(nil))
}
