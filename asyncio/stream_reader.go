package asyncio

// The reading side of a stream.
//
// Reads go past the buffer straight into the caller's memory whenever they are large enough.
// Otherwise a piece is read into a buffer that the loop lends for as long as something unread
// is in it: a reader that waits with an empty buffer holds none, and one that waits with a
// part of a line holds that part only. What a read that fails or is cancelled has gathered
// stays to be read.

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/aio-go/aio/internal/sock"
)

// A StreamReader is the reading side of a stream: see [OpenConnection] and [StartServer]. One
// task at a time may read; a second one gets [ErrConcurrentRead]. What arrived before an error
// of the connection is read before the error. CPython: asyncio.StreamReader.
type StreamReader struct {
	c       *streamConn
	buf     []byte // what was read ahead is buf[off:]
	off     int
	end     error     // io.EOF or what the connection ended with, once it was read
	waiting waitQueue // the task that reads
	lent    bool      // buf is the loop's
	busy    bool      // a task reads and is suspended, or was and has not run yet
}

// directSize is from how many bytes on a read goes past the buffer.
const directSize = 512

// Read reads what has arrived, up to len(p) bytes. It suspends the task until there is
// something, only if there is nothing, and not at all if p is empty. At the end of the stream
// it returns io.EOF, also when this side was closed. When ctx ends while the task is suspended
// it returns ctx's error and nothing is lost. Errors of the connection are *net.OpError.
// CPython: StreamReader.read(n).
func (r *StreamReader) Read(ctx context.Context, p []byte) (int, error) {
	if err := r.enter(); err != nil || len(p) == 0 {
		return 0, err
	}
	for r.unread() == 0 {
		var n int
		var err error
		if len(p) >= directSize {
			n, err = r.try(p)
		} else {
			err = r.fillNow()
		}
		if n > 0 || err != nil && err != sock.ErrWouldBlock {
			return n, err
		}
		if err == sock.ErrWouldBlock {
			if err := r.wait(ctx); err != nil {
				return 0, err
			}
		}
	}
	n := copy(p, r.buf[r.off:])
	r.advance(n)
	return n, nil
}

// ReadAny returns what has arrived, suspending only if nothing has. The slice is valid until the
// next read, and a buffer of the loop's is held until then; while the task is suspended here none
// is, so that this is the read for very many connections that are mostly idle. At the end of the
// stream it returns io.EOF. aiohttp: StreamReader.readany.
func (r *StreamReader) ReadAny(ctx context.Context) ([]byte, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	for r.unread() == 0 {
		if err := r.fill(ctx); err != nil {
			return nil, err
		}
	}
	b := r.buf[r.off:len(r.buf):len(r.buf)]
	r.off = len(r.buf)
	return b, nil
}

// ReadAll reads to the end of the stream, which is no error. When it fails, for whatever
// reason, what was read until then is there to be read again. CPython: StreamReader.read(-1).
func (r *StreamReader) ReadAll(ctx context.Context) ([]byte, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	for {
		if err := r.fill(ctx); err == io.EOF {
			return r.take(r.unread()), nil
		} else if err != nil {
			return nil, err
		}
	}
}

// ReadExactly reads n bytes, which may be more than the limit. If the stream ends before, the
// error is an [*IncompleteReadError] with what there was, and that is not there any more; when
// ctx ends before it stays. It suspends only while something is missing. It panics if n is
// negative. CPython: StreamReader.readexactly.
func (r *StreamReader) ReadExactly(ctx context.Context, n int) ([]byte, error) {
	if n < 0 {
		panic("asyncio: ReadExactly of a negative number of bytes: check the length before you read")
	}
	if err := r.enter(); err != nil {
		return nil, err
	}
	if n > copySize {
		return r.readLong(ctx, n)
	}
	for r.unread() < n {
		if err := r.fill(ctx); err == io.EOF {
			return nil, &IncompleteReadError{Partial: r.take(r.unread()), Expected: n}
		} else if err != nil {
			return nil, err
		}
	}
	return r.take(n), nil
}

// readLong is ReadExactly for more than a buffer: it reads into the result, which grows with
// what comes, so that a peer cannot make it large by announcing much.
func (r *StreamReader) readLong(ctx context.Context, n int) ([]byte, error) {
	out := make([]byte, 0, max(copySize, min(n, 2*r.unread())))
	out = append(out, r.buf[r.off:][:min(r.unread(), n)]...)
	r.advance(len(out))
	for len(out) < n {
		if len(out) == cap(out) {
			grown := make([]byte, len(out), min(n, 2*cap(out)))
			copy(grown, out)
			out = grown
		}
		k, err := r.try(out[len(out):min(n, cap(out))])
		out = out[:len(out)+k]
		if err == sock.ErrWouldBlock {
			err = r.wait(ctx)
		}
		if err == io.EOF {
			return nil, &IncompleteReadError{Partial: out, Expected: n}
		}
		if err != nil {
			r.buf, r.off = out, 0 // the buffer was empty
			return nil, err
		}
	}
	return out, nil
}

// ReadLine reads a line, its line feed included; what stands behind the last line feed is a
// line without one. At the end of the stream it returns io.EOF. A line longer than the limit is
// a [*LimitOverrunError]; it is dropped if its end has arrived, otherwise everything that has
// arrived is. CPython: StreamReader.readline.
func (r *StreamReader) ReadLine(ctx context.Context) ([]byte, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	end, err := r.find(ctx, lineFeed)
	if err == nil {
		return r.take(end), nil
	}
	return r.lastLine(err)
}

// lastLine is what ReadLine returns when it has not found a line feed.
//
//go:noinline
func (r *StreamReader) lastLine(err error) ([]byte, error) {
	switch overrun, _ := err.(*LimitOverrunError); {
	case err == io.EOF && r.unread() > 0:
		return r.take(r.unread()), nil
	case overrun != nil && bytes.HasPrefix(r.buf[r.off+overrun.Consumed:], lineFeed[0]):
		r.advance(overrun.Consumed + 1)
	case overrun != nil:
		r.advance(r.unread())
	}
	return nil, err
}

var lineFeed = [][]byte{{'\n'}}

// ReadUntil reads up to and including the first of the separators to be complete. If the
// stream ends before, the error is an [*IncompleteReadError] with what there was, and that is
// not there any more; if there is no separator within the limit it is a [*LimitOverrunError],
// and everything stays to be read. It panics without a separator, or if one is empty.
// CPython: StreamReader.readuntil.
func (r *StreamReader) ReadUntil(ctx context.Context, separators ...[]byte) ([]byte, error) {
	if len(separators) == 0 {
		panic("asyncio: ReadUntil without a separator: name at least one")
	}
	for _, s := range separators {
		if len(s) == 0 {
			panic("asyncio: ReadUntil with an empty separator: a separator has at least one byte")
		}
	}
	if err := r.enter(); err != nil {
		return nil, err
	}
	end, err := r.find(ctx, separators)
	if err == io.EOF {
		return nil, &IncompleteReadError{Partial: r.take(r.unread()), Expected: -1}
	}
	if err != nil {
		return nil, err
	}
	return r.take(end), nil
}

// find gathers until one of the separators is complete and returns where it ends.
func (r *StreamReader) find(ctx context.Context, separators [][]byte) (end int, err error) {
	longest, limit := 0, r.c.options.limit
	for _, s := range separators {
		longest = max(longest, len(s))
	}
	for from := 0; ; {
		unread := r.buf[r.off:]
		if start, end := firstOf(unread[from:], separators); start >= 0 {
			if start += from; start > limit {
				return 0, &LimitOverrunError{Consumed: start, Limit: limit}
			}
			return end + from, nil
		}
		// A separator may have begun in the last bytes.
		if from = max(0, len(unread)+1-longest); from > limit {
			return 0, &LimitOverrunError{Consumed: from, Limit: limit}
		}
		if err := r.fill(ctx); err != nil {
			return 0, err
		}
	}
}

// firstOf returns the place of the separator that ends first, and of two with the same end that
// of the longer; start is negative if there is none.
func firstOf(b []byte, separators [][]byte) (start, end int) {
	start = -1
	for _, s := range separators {
		i := bytes.Index(b, s)
		if i < 0 {
			continue
		}
		if e := i + len(s); start < 0 || e < end || e == end && i < start {
			start, end = i, e
			b = b[:min(len(b), e)]
		}
	}
	return start, end
}

// Lines yields the lines of the stream as ReadLine reads them, to its end. It suspends between
// lines; an error comes in place of a line and is the last. CPython: async for line in reader.
func (r *StreamReader) Lines(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for {
			line, err := r.ReadLine(ctx)
			if err == io.EOF || !yield(line, err) || err != nil {
				return
			}
		}
	}
}

// AtEOF reports whether the stream has ended and everything was read. It never suspends, and
// may overlook an end that has only just arrived. CPython: StreamReader.at_eof.
func (r *StreamReader) AtEOF() bool {
	if r.buf == nil && r.end == nil && !r.busy {
		_ = r.fillNow()
	}
	return r.unread() == 0 && r.end == io.EOF
}

// Reader returns an io.Reader whose reads suspend the task of ctx: for decoders and io.Copy.
func (r *StreamReader) Reader(ctx context.Context) io.Reader { return &boundReader{r, ctx} }

type boundReader struct {
	r   *StreamReader
	ctx context.Context
}

// Read implements io.Reader.
func (b *boundReader) Read(p []byte) (int, error) { return b.r.Read(b.ctx, p) }

// String describes the reader for logs.
func (r *StreamReader) String() string {
	state := "open"
	if r.end != nil {
		state = "ended"
	}
	return fmt.Sprintf("StreamReader(%s, %s, %d bytes read ahead)", r.c.describe(), state, r.unread())
}

// enter checks whether the running task may read.
func (r *StreamReader) enter() error {
	r.c.transport.event.loop.checkGoroutine("StreamReader")
	if r.busy {
		return r.refused()
	}
	r.advance(0) // what ReadAny has given out is not valid any more
	return nil
}

//go:noinline
func (r *StreamReader) refused() error { return r.c.transport.opError("read", ErrConcurrentRead) }

// wait suspends the running task until there is something to read, or the end. What lies below
// it on the stack is what an idle connection costs most of: one that is waited for from a shallow
// handler gets by with the smallest stack there is. Hence no function is inlined here, or called
// in between, that could be spared.
func (r *StreamReader) wait(ctx context.Context) error {
	r.shrink()
	r.busy = true
	s, made := scopeOf(ctx)
	err := s.loop.parkOn(s, &r.waiting, waitStream)
	if made {
		s.close()
	}
	r.busy = false
	return err
}

// try reads from the socket.
func (r *StreamReader) try(p []byte) (int, error) {
	t := &r.c.transport
	if r.end != nil {
		return 0, r.end
	}
	if t.state > transportOpen {
		return 0, sock.ErrWouldBlock // ConnectionLost is to come
	}
	n, err := t.stream.TryRead(p)
	if err == nil || err == sock.ErrWouldBlock {
		return n, err
	}
	if err != io.EOF {
		err = t.opError("read", err)
		t.fail(err)
	}
	r.end = err
	return 0, err
}

// fill adds to the buffer what has arrived, or suspends the task until something has.
func (r *StreamReader) fill(ctx context.Context) error {
	for {
		err := r.fillNow()
		if err != sock.ErrWouldBlock {
			return err
		}
		if err := r.wait(ctx); err != nil {
			return err
		}
	}
}

// fillNow adds to the buffer what has arrived.
func (r *StreamReader) fillNow() error {
	if r.end == nil && !r.c.transport.readable() {
		return sock.ErrWouldBlock
	}
	r.makeRoom()
	n, err := r.try(r.buf[len(r.buf):cap(r.buf)])
	if r.buf = r.buf[:len(r.buf)+n]; n == 0 {
		r.advance(0)
	}
	return err
}

func (r *StreamReader) unread() int { return len(r.buf) - r.off }

// take returns a copy of the next n bytes of the buffer, which are then read.
//
//go:noinline
func (r *StreamReader) take(n int) []byte {
	out := make([]byte, n)
	copy(out, r.buf[r.off:])
	r.advance(n)
	return out
}

// advance drops n bytes of the buffer, and the buffer when it is empty.
func (r *StreamReader) advance(n int) {
	if r.off += n; r.off == len(r.buf) && r.buf != nil {
		r.replace(nil, false)
	}
}

// replace makes buf the buffer.
//
//go:noinline
func (r *StreamReader) replace(buf []byte, lent bool) {
	if r.lent {
		r.c.transport.event.loop.putBuffer(r.buf[:cap(r.buf)])
	}
	r.buf, r.off, r.lent = buf, 0, lent
}

// makeRoom makes space behind what is in the buffer, a good deal of it.
func (r *StreamReader) makeRoom() {
	unread := r.buf[r.off:]
	switch {
	case r.buf != nil && cap(r.buf)-len(r.buf) >= copySize/4:
	case len(unread) <= copySize/2 && !r.lent:
		r.replace(append(r.c.transport.event.loop.takeBuffer()[:0], unread...), true)
	case len(unread) <= cap(r.buf)/2:
		r.buf, r.off = r.buf[:copy(r.buf, unread)], 0
	default:
		r.replace(append(make([]byte, 0, 2*max(copySize, len(unread))), unread...), false)
	}
}

// shrink gives a buffer back that is mostly empty, before the task is suspended.
//
//go:noinline
func (r *StreamReader) shrink() {
	if unread := r.buf[r.off:]; r.lent && len(unread) < copySize/4 {
		r.replace(append([]byte(nil), unread...), false)
	}
}
