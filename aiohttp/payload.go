package aiohttp

// Request bodies.
//
// A payload pushes its bytes into a sink, from the task that made the request.
// Pushing rather than being read lets an iterator suspend wherever it likes, lets
// a multipart body nest other bodies, and costs nothing for bytes in memory, which
// are the common case and are written together with the head. A payload also
// knows whether it can be sent twice: redirects and the one retry need that.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/aio-go/aio/asyncio"
)

// sink takes the next bytes of a body. It may suspend; the bytes are not kept.
type sink func(p []byte) error

// payload is a request body.
type payload interface {
	// prepare is called before every sending. The first time it measures the
	// body; once the body was pushed it rewinds it, or returns ErrBodyConsumed.
	prepare(ctx context.Context) error
	// size is the number of bytes push will produce, or -1 if unknown.
	size() int64
	// contentType is the media type, or "".
	contentType() string
	// memory returns the whole body if it is in memory already.
	memory() ([]byte, bool)
	// push sends the body into the sink and stops at the sink's first error.
	push(ctx context.Context, to sink) error
	// close releases the source; the body is not used any more.
	close() error
}

// bodyBufferSize is how much of a stream is read before it is written.
const bodyBufferSize = 64 << 10

const (
	typeBinary = "application/octet-stream"
	typeText   = "text/plain; charset=utf-8"
	typeForm   = "application/x-www-form-urlencoded"
	typeJSON   = "application/json"
)

// newPayload finds the kind of body for a value given to WithData.
func newPayload(body any) (payload, error) {
	switch v := body.(type) {
	case nil:
		return nil, nil
	case payload:
		return v, nil
	case []byte:
		return &memoryPayload{data: v, mediaType: typeBinary}, nil
	case string:
		return &memoryPayload{data: []byte(v), mediaType: typeText}, nil
	case url.Values:
		return &memoryPayload{data: []byte(v.Encode()), mediaType: typeForm}, nil
	case *FormData:
		return v.payload()
	case *bytes.Buffer:
		return &memoryPayload{data: v.Bytes(), mediaType: typeBinary}, nil
	case *StreamReader:
		return &streamPayload{source: v}, nil
	case *BodyPartReader:
		return &partPayload{source: v}, nil
	case io.Reader:
		return newReaderPayload(v), nil
	case iter.Seq2[[]byte, error]:
		return &iterPayload{seq: v}, nil
	case func(yield func([]byte, error) bool):
		return &iterPayload{seq: v}, nil
	}
	return nil, fmt.Errorf("aiohttp: WithData cannot send a %T; give it bytes, a string, an io.Reader, an iterator of byte slices or a form", body)
}

// memoryPayload is a body that is there as a whole.
type memoryPayload struct {
	data      []byte
	mediaType string
}

func (p *memoryPayload) prepare(context.Context) error { return nil }
func (p *memoryPayload) size() int64                   { return int64(len(p.data)) }
func (p *memoryPayload) contentType() string           { return p.mediaType }
func (p *memoryPayload) memory() ([]byte, bool)        { return p.data, true }
func (p *memoryPayload) close() error                  { return nil }
func (p *memoryPayload) push(_ context.Context, to sink) error {
	// Pieces, so that upload progress and early answers are noticed on the way.
	for rest := p.data; len(rest) > 0; {
		n := min(len(rest), 4*bodyBufferSize)
		if err := to(rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// readerPayload is an io.Reader. Readers that are known to work in memory or to
// suspend are read in the task; any other may block and is read in the executor.
type readerPayload struct {
	source   io.Reader
	inline   bool
	measured bool
	used     bool  // pushed since the last prepare
	start    int64 // where a seekable source stood at first
	length   int64 // -1: unknown

	// A read that was given up may still be under way in the executor, or not even have begun.
	lock sync.Mutex   // held there while the source is touched
	turn atomic.Int64 // of the last call: earlier ones that have not begun are not to
}

func newReaderPayload(r io.Reader) *readerPayload {
	p := &readerPayload{source: r, length: -1}
	switch r.(type) {
	case *bytes.Reader, *strings.Reader, interface{ readsInTask() }, *asyncio.Conn:
		p.inline = true
	}
	return p
}

// call runs f where the source may be touched.
func (p *readerPayload) call(ctx context.Context, f func() (int64, error)) (int64, error) {
	if p.inline {
		return f()
	}
	turn := p.turn.Add(1)
	return asyncio.ToThread(ctx, func(context.Context) (int64, error) {
		p.lock.Lock()
		defer p.lock.Unlock()
		if p.turn.Load() != turn {
			return 0, context.Canceled
		}
		return f()
	})
}

func (p *readerPayload) prepare(ctx context.Context) error {
	seeker, ok := p.source.(io.Seeker)
	switch {
	case !p.used && (p.measured || !ok):
		return nil
	case !ok:
		return ErrBodyConsumed
	case !p.measured:
		p.measured = true
		length, err := p.call(ctx, func() (int64, error) { return p.measure(seeker) })
		if err != nil {
			length = -1 // a pipe or a device: it can be read, but not rewound
			p.source = onlyReader{p.source}
		}
		p.length = length
		return ctx.Err()
	}
	if _, err := p.call(ctx, func() (int64, error) { return seeker.Seek(p.start, io.SeekStart) }); err != nil {
		return fmt.Errorf("rewind request body: %w", err)
	}
	p.used = false
	return nil
}

// onlyReader hides that a source claims to be seekable; it can still be closed.
type onlyReader struct{ io.Reader }

func (r onlyReader) Close() error {
	if c, ok := r.Reader.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

func (p *readerPayload) measure(s io.Seeker) (int64, error) {
	start, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	p.start = start
	if f, ok := s.(*os.File); ok {
		info, err := f.Stat()
		if err != nil {
			return 0, err
		}
		if !info.Mode().IsRegular() {
			return 0, errors.ErrUnsupported
		}
		return max(0, info.Size()-start), nil
	}
	end, err := s.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	if _, err = s.Seek(start, io.SeekStart); err != nil {
		return 0, err
	}
	return max(0, end-start), nil
}

func (p *readerPayload) size() int64            { return p.length }
func (p *readerPayload) contentType() string    { return typeBinary }
func (p *readerPayload) memory() ([]byte, bool) { return nil, false }

func (p *readerPayload) push(ctx context.Context, to sink) error {
	p.used = true
	buf := make([]byte, bodyBufferSize)
	for left := p.length; left != 0; {
		window := buf
		if left > 0 && left < int64(len(buf)) {
			window = buf[:left] // a file that grows while it is sent stays within its announced length
		}
		n, err := p.call(ctx, func() (int64, error) {
			n, err := p.source.Read(window)
			return int64(n), err
		})
		if n > 0 {
			if left > 0 {
				left -= n
			}
			if err := to(window[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("read request body: %w", err)
		}
	}
	return nil
}

func (p *readerPayload) close() error {
	if c, ok := p.source.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// iterPayload is an iterator. It runs in the task that made the request and may
// suspend there. It can be sent once.
type iterPayload struct {
	seq  iter.Seq2[[]byte, error]
	used bool
}

func (p *iterPayload) prepare(context.Context) error {
	if p.used {
		return ErrBodyConsumed
	}
	return nil
}
func (p *iterPayload) size() int64            { return -1 }
func (p *iterPayload) contentType() string    { return typeBinary }
func (p *iterPayload) memory() ([]byte, bool) { return nil, false }
func (p *iterPayload) close() error           { return nil }
func (p *iterPayload) push(_ context.Context, to sink) error {
	p.used = true
	for piece, err := range p.seq {
		if err != nil {
			return fmt.Errorf("produce request body: %w", err)
		}
		if len(piece) == 0 {
			continue
		}
		if err := to(piece); err != nil {
			return err
		}
	}
	return nil
}

// streamPayload forwards the body of a response.
type streamPayload struct {
	source *StreamReader
	used   bool
}

func (p *streamPayload) prepare(context.Context) error {
	if p.used {
		return ErrBodyConsumed
	}
	return nil
}
func (p *streamPayload) size() int64            { return -1 }
func (p *streamPayload) contentType() string    { return typeBinary }
func (p *streamPayload) memory() ([]byte, bool) { return nil, false }
func (p *streamPayload) close() error           { return nil }
func (p *streamPayload) push(ctx context.Context, to sink) error {
	p.used = true
	for {
		piece, err := p.source.ReadAny(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := to(piece); err != nil {
			return err
		}
	}
}

// collect reads a whole payload into memory, for what must see it as bytes.
func collect(ctx context.Context, p payload) ([]byte, error) {
	if data, ok := p.memory(); ok {
		return data, nil
	}
	var buf bytes.Buffer
	err := p.push(ctx, func(b []byte) error { buf.Write(b); return nil })
	return buf.Bytes(), err
}
