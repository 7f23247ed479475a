package web

// The body of a request, as a stream. The connection feeds it with what arrives; the handler takes it out, and waits
// when there is nothing. Between the two marks of the buffer lies the back-pressure: above the high one the connection
// stops reading from the socket, at the low one it goes on. A small body that came with its head is read without
// waiting and without copying.

import (
	"bytes"
	"context"
	"io"
	"iter"

	"github.com/aio-go/aio/asyncio"
)

// bodyState is what is known about the end of a body.
type bodyState uint8

const (
	bodyOpen   bodyState = iota // more may come
	bodyEnded                   // all of it has arrived
	bodyFailed                  // it will never be complete
)

// String names the state.
func (s bodyState) String() string { return [...]string{"open", "ended", "failed"}[s] }

// BodyReader reads the body of a request piece by piece. One task reads at a time. In Python: request.content.
type BodyReader struct {
	conn     *conn
	buf      []byte // buf[off:] has arrived and was not read
	off      int
	err      error // why the body failed
	waiter   *asyncio.Future[struct{}]
	length   int64 // as announced, lengthUnknown for chunks
	received int64
	state    bodyState
}

// Read takes up to len(p) bytes. It waits while there is nothing, and only then; cancellation ends the wait and
// leaves the body as it is. At the end it returns [io.EOF]. It fails with [ErrConnectionLost] if the client went away,
// with an [*HTTPError] 400 if what it sent is malformed, 408 if it stopped sending, and with [ErrBodyMisuse] if
// another task is waiting for the same body.
func (b *BodyReader) Read(ctx context.Context, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := b.fill(ctx); err != nil {
		return 0, err
	}
	n := copy(p, b.buf[b.off:])
	b.consume(n)
	return n, nil
}

// ReadAny returns what has arrived, waiting as Read does if that is nothing. The slice belongs to the caller.
func (b *BodyReader) ReadAny(ctx context.Context) ([]byte, error) {
	if err := b.fill(ctx); err != nil {
		return nil, err
	}
	chunk := b.buf[b.off:len(b.buf):len(b.buf)]
	b.consume(len(chunk))
	return chunk, nil
}

// ReadLine returns the next line with its LF, or what is left before the end. It fails with [ErrLineTooLong] if a line
// is longer than the read buffer. It waits and fails as Read does.
func (b *BodyReader) ReadLine(ctx context.Context) ([]byte, error) {
	seen := 0
	for {
		if i := bytes.IndexByte(b.buf[b.off+seen:], '\n'); i >= 0 {
			return b.take(seen + i + 1), nil
		}
		seen = b.Buffered()
		if seen > b.conn.server.options.readBuffer {
			return nil, ErrLineTooLong
		}
		if b.state == bodyOpen {
			if err := b.await(ctx); err != nil {
				return nil, err
			}
			continue
		}
		if b.state == bodyEnded && seen > 0 {
			return b.take(seen), nil
		}
		return nil, b.failure()
	}
}

// IterChunked yields the body in pieces of n bytes, the last one shorter, each valid until the next. An error ends it.
// It suspends between items as Read does.
func (b *BodyReader) IterChunked(ctx context.Context, n int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		chunk := make([]byte, n)
		for {
			filled, err := io.ReadFull(b.Reader(ctx), chunk)
			if filled > 0 && !yield(chunk[:filled], nil) {
				return
			}
			switch err {
			case nil:
			case io.EOF, io.ErrUnexpectedEOF:
				return
			default:
				yield(nil, err)
				return
			}
		}
	}
}

// Reader returns an [io.Reader] that reads the body with ctx, for decoders of the standard library.
func (b *BodyReader) Reader(ctx context.Context) io.Reader { return contextReader{ctx, b} }

type contextReader struct {
	ctx context.Context
	b   *BodyReader
}

func (r contextReader) Read(p []byte) (int, error) { return r.b.Read(r.ctx, p) }

// AtEOF reports whether the whole body has been read.
func (b *BodyReader) AtEOF() bool { return b.state == bodyEnded && b.Buffered() == 0 }

// Buffered returns the number of bytes that have arrived and were not read.
func (b *BodyReader) Buffered() int { return len(b.buf) - b.off }

// readAll completes whole, which holds what was read before. It returns a 413 as soon as the body is known to be longer
// than limit; 0 means no limit. What it has read is returned with an error too, so that a later call can go on.
func (b *BodyReader) readAll(ctx context.Context, whole []byte, limit int64) ([]byte, error) {
	if limit > 0 && max(b.length, int64(len(whole))) > limit {
		return whole, HTTPRequestEntityTooLarge(limit, max(b.length, int64(len(whole))))
	}
	if whole == nil && b.state == bodyEnded { // the usual case: it came with the head
		whole = b.take(b.Buffered())
	}
	for limit <= 0 || int64(len(whole)) <= limit {
		if err := b.fill(ctx); err != nil {
			if err == io.EOF {
				err = nil
			}
			return whole, err
		}
		if whole == nil && b.length > 0 {
			whole = make([]byte, 0, min(b.length, maxReserve))
		}
		whole = append(whole, b.buf[b.off:]...)
		b.consume(b.Buffered())
	}
	return whole, HTTPRequestEntityTooLarge(limit, int64(len(whole)))
}

// maxReserve bounds what is allocated on the word of a client before its data arrives.
const maxReserve = 1 << 20

// fill waits until there is something to read. It returns io.EOF at the end.
func (b *BodyReader) fill(ctx context.Context) error {
	for b.Buffered() == 0 {
		if b.state != bodyOpen {
			return b.failure()
		}
		if err := b.await(ctx); err != nil {
			return err
		}
	}
	return nil
}

// await suspends until the state of the body changes.
func (b *BodyReader) await(ctx context.Context) error {
	if b.waiter != nil {
		return ErrBodyMisuse
	}
	b.conn.wantBody()
	w := asyncio.NewFuture[struct{}](ctx)
	b.waiter = w
	_, err := w.Await(ctx)
	b.waiter = nil
	b.conn.bodyWaitOver()
	return err
}

// failure returns the error a reader gets when nothing more will come.
func (b *BodyReader) failure() error {
	if b.state == bodyFailed {
		return b.err
	}
	return io.EOF
}

// take hands out the next n bytes; the caller owns them.
func (b *BodyReader) take(n int) []byte {
	out := b.buf[b.off : b.off+n : b.off+n]
	b.consume(n)
	return out
}

// consume marks n bytes as read. An empty buffer is given up rather than reused: its bytes may belong to a caller.
func (b *BodyReader) consume(n int) {
	b.off += n
	if b.off == len(b.buf) {
		b.buf, b.off = nil, 0
	}
	b.conn.bodyConsumed(b)
}

// feed appends what has arrived; it does not keep p.
func (b *BodyReader) feed(p []byte) {
	if b.buf == nil && b.length > 0 {
		b.buf = make([]byte, 0, max(int64(len(p)), min(b.length-b.received, maxFirstReserve)))
	}
	b.buf = append(b.buf, p...)
	b.received += int64(len(p))
	b.wake()
}

// maxFirstReserve bounds the buffer that is made for an announced length before the data has come.
const maxFirstReserve = 16 << 10

// end marks the body as complete.
func (b *BodyReader) end() {
	b.state = bodyEnded
	b.wake()
}

// fail marks the body as never to be complete. It does nothing to a body that has ended.
func (b *BodyReader) fail(err error) {
	if b.state == bodyOpen {
		b.state, b.err = bodyFailed, err
		b.wake()
	}
}

func (b *BodyReader) wake() {
	if b.waiter != nil && !b.waiter.Done() {
		b.waiter.SetResult(struct{}{})
	}
}
