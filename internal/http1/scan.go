package http1

import (
	"encoding/binary"
	"math/bits"
)

// Looking at bytes. Nearly all of a head is text without control characters, so the two questions asked of it
// ("where is the next control byte?", "where is the next blank or control byte?") are answered eight bytes at a
// time; the rare byte found is then judged by the caller. Everything else goes through one table of character
// classes.

// class is a set of roles a byte can play.
type class uint8

const (
	classToken  class = 1 << iota // tchar of RFC 9110 §5.6.2
	classMethod                   // tchar, but no digit: see scanMethod
	classHost                     // what a host name may hold: reg-name of RFC 3986 without the comma and the percent sign
	classHex
	classDigit
)

// classes is indexed by byte.
var classes = func() (t [256]class) {
	set := func(chars string, c class) {
		for i := range len(chars) {
			t[chars[i]] |= c
		}
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	const digits = "0123456789"
	set(letters, classToken|classMethod|classHost)
	set("!#$%&'*+-.^_`|~", classToken|classMethod)
	set(digits, classToken|classHost|classHex|classDigit)
	set("-._~!$&'()*+;=", classHost)
	set("abcdefABCDEF", classHex)
	return t
}()

func is(c byte, want class) bool { return classes[c]&want != 0 }

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// allOf reports whether s is not empty and consists of bytes of class want only.
func allOf[T string | []byte](s T, want class) bool {
	for i := range len(s) {
		if classes[s[i]]&want == 0 {
			return false
		}
	}
	return len(s) > 0
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// below marks the bytes of x that are less than n (n ≤ 128) or equal to DEL in their high bits. Above the lowest
// mark there may be false ones, since the subtractions borrow; the lowest is always true.
func below(x, n uint64) uint64 {
	del := x ^ ones*0x7f
	return ((x-ones*n)&^x | (del-ones)&^del) & highs
}

// indexControl returns the index of the first control byte (below 0x20, or DEL) of b at or after i, or len(b).
func indexControl(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		if m := below(binary.LittleEndian.Uint64(b[i:]), ' '); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for i < len(b) && b[i] >= ' ' && b[i] != 0x7f {
		i++
	}
	return i
}

// indexBlankOrControl is indexControl with the space counted in.
func indexBlankOrControl(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		if m := below(binary.LittleEndian.Uint64(b[i:]), ' '+1); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for i < len(b) && b[i] > ' ' && b[i] != 0x7f {
		i++
	}
	return i
}

// indexColon returns the index of the first colon of b at or after i, or len(b). Names are short: a call of
// bytes.IndexByte costs more than it saves.
func indexColon(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:]) ^ ones*':'
		if m := (x - ones) &^ x & highs; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for i < len(b) && b[i] != ':' {
		i++
	}
	return i
}

// trimBlanks cuts spaces and tabs (OWS) off both ends.
func trimBlanks[T string | []byte](s T) T {
	i, j := 0, len(s)
	for i < j && isBlank(s[i]) {
		i++
	}
	for j > i && isBlank(s[j-1]) {
		j--
	}
	return s[i:j]
}

// lower folds ASCII letters only, so that no look-alike letter of another script ever equals a token.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// equalFold compares with letters of either case. want must be lower-case ASCII.
func equalFold[T string | []byte](s T, want string) bool {
	if len(s) != len(want) {
		return false
	}
	for i := range len(want) {
		if lower(s[i]) != want[i] {
			return false
		}
	}
	return true
}

// nextElement cuts the first element, trimmed, off a comma-separated list.
func nextElement(list string) (element, rest string, more bool) {
	for i := range len(list) {
		if list[i] == ',' {
			return trimBlanks(list[:i]), list[i+1:], true
		}
	}
	return trimBlanks(list), "", false
}
