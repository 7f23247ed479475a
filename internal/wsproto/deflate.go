package wsproto

// Compressed messages (RFC 7692). A message is a DEFLATE stream cut after a block, without the four bytes that end such a
// cut; with context takeover its matches may reach into the messages before it.
//
// Both directions keep the end of what went before as plain bytes and give it to a compressor that has no memory of its
// own. So a connection costs the history it needs, not a compressor's tables, and a message that is dropped before it is
// sent leaves no trace.

import (
	"bytes"
	"io"

	"github.com/klauspost/compress/flate"
)

const (
	maxHistory = 32 << 10 // how far a match can reach back
	dictionary = 4 << 10  // how far those of our compressor do; more costs time and gains little
	maxStreams = 1024     // DEFLATE streams in one message
	minDeflate = 32       // shorter messages are not worth it
)

// tail completes a message: the end of the cut, and an empty last block.
const tail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

// inflater decompresses the messages of one direction.
type inflater struct {
	takeover bool
	reader   io.ReadCloser
	source   bytes.Reader
	history  []byte
	out      []byte
}

// inflate decompresses a message, which lies in a buffer that may be appended to. The result is good until the next call.
func (z *inflater) inflate(message []byte, limit int64) ([]byte, error) {
	z.source.Reset(append(message, tail...))
	z.out = z.out[:0]
	start := 0
	for streams := 1; ; streams++ {
		if err := z.restart(); err != nil {
			return nil, err
		}
		if err := z.stream(limit); err != nil {
			return nil, err
		}
		if z.source.Len() == 0 {
			break
		}
		// The sender ended its stream inside the message (RFC 7692 §7.2.3.4); another one follows.
		if streams == maxStreams {
			return nil, &Error{Code: CodeTooBig, Detail: "received compressed message of too many streams"}
		}
		z.remember(z.out[start:])
		start = len(z.out)
	}
	if z.takeover {
		z.remember(z.out[start:])
	} else {
		z.history = z.history[:0]
	}
	return z.out, nil
}

func (z *inflater) restart() error {
	if z.reader == nil {
		z.reader = flate.NewReaderDict(&z.source, z.history)
		return nil
	}
	return z.reader.(flate.Resetter).Reset(&z.source, z.history)
}

// stream decompresses one DEFLATE stream.
func (z *inflater) stream(limit int64) error {
	for {
		if len(z.out) == cap(z.out) {
			z.out = append(z.out, 0)[:len(z.out)]
		}
		n, err := z.reader.Read(z.out[len(z.out):cap(z.out)])
		z.out = z.out[:len(z.out)+n]
		if limit > 0 && int64(len(z.out)) > limit {
			return tooBig(uint64(len(z.out)), limit)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return invalidData("received compressed message that does not decompress")
		}
	}
}

// remember keeps the end of what was decompressed.
func (z *inflater) remember(p []byte) { z.history = slide(z.history, p, maxHistory) }

// release says whether the result of inflate may be kept by whoever got it: a large one is given away.
func (z *inflater) release() bool {
	if cap(z.out) <= keepBody {
		return false
	}
	z.out = nil
	return true
}

// slide appends p to a history of at most size bytes.
func slide(history, p []byte, size int) []byte {
	if len(p) >= size {
		return append(history[:0], p[len(p)-size:]...)
	}
	if over := len(history) + len(p) - size; over > 0 {
		history = append(history[:0], history[over:]...)
	}
	return append(history, p...)
}

// Deflater compresses the messages of one direction.
type Deflater struct {
	takeover bool
	window   int
	history  []byte
	out      appendWriter
}

// appendWriter is an io.Writer into a slice.
type appendWriter struct{ b []byte }

func (w *appendWriter) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

// NewDeflater returns a compressor whose matches reach back at most 2^bits bytes (8 to 15), and not beyond the message
// without takeover.
func NewDeflater(bits int, takeover bool) *Deflater {
	return &Deflater{takeover: takeover, window: 1 << bits}
}

// Deflate compresses a message. ok is false if that gains nothing, now or for the messages that follow; then this one is sent
// as it is. The result is good until the next call. The message becomes part of the history with Commit only, so that it may still be dropped.
func (z *Deflater) Deflate(message []byte) (compressed []byte, ok bool) {
	if len(message) < minDeflate {
		return nil, false
	}
	if cap(z.out.b) > keepBody {
		z.out.b = nil
	}
	z.out.b = z.out.b[:0]
	before := z.history
	for rest := message; len(rest) > 0; {
		piece := rest
		if z.window < maxHistory { // dictionary and piece together must not exceed the window
			before = before[max(0, len(before)-z.window/2):]
			piece = rest[:min(len(rest), z.window-len(before))]
		}
		if flate.StatelessDeflate(&z.out, piece, false, before) != nil {
			return nil, false
		}
		rest = rest[len(piece):]
		before = piece[max(0, len(piece)-dictionary):]
	}
	out := z.out.b
	if !bytes.HasSuffix(out, []byte(tail[:4])) || len(out)-4 > z.most(len(message)) {
		return nil, false
	}
	return out[:len(out)-4], true
}

// most is the longest that the compressed form of a message may be. A small message may grow a little if those after it
// can refer to it.
func (z *Deflater) most(length int) int {
	if z.takeover && length <= 1<<10 {
		return length + 16
	}
	return length - 1
}

// Commit notes that the message that was compressed last is sent.
func (z *Deflater) Commit(message []byte) {
	if z.takeover {
		z.history = slide(z.history, message, min(dictionary, z.window/2))
	}
}
