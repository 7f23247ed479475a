package aiohttp

// Reading a response body.
//
// A StreamReader pulls: nothing is read from the connection before somebody asks,
// which is all the back-pressure there is. Reads go past the reader's own buffer
// straight into the caller's memory whenever they can. When the end is reached the
// connection goes back to the pool at once, before anybody calls Close.

import (
	"bytes"
	"context"
	"io"
	"iter"

	"github.com/aio-go/aio/asyncio"
)

const (
	defaultBufferSize = 64 << 10
	maxLine           = 512 << 10 // what ReadLine and ReadUntil are willing to gather
)

// bodySource is the part of a connection that yields a body, its framing removed.
type bodySource interface {
	// read returns at least one byte or an error; io.EOF is the complete end, after
	// which the source no longer belongs to the response.
	read(ctx context.Context, r *ClientResponse, p []byte) (int, error)
	// buffered is how much read can return without suspending.
	buffered() int
	// discardBuffered reads what can be read without suspending, for nobody. The
	// error is io.EOF if that was the rest.
	discardBuffered(r *ClientResponse) (int, error)
	// abort gives the connection up.
	abort()
}

// StreamReader reads the body of a response, decoded. Only one task may read at a
// time. Its methods are those of Python's aiohttp.StreamReader.
type StreamReader struct {
	resp    *ClientResponse
	source  bodySource  // nil: there is no body, or it ended
	decoder *decoder    // nil: identity
	pull    *pullReader // what the decoder reads from
	taps    []BodyTap

	buf     []byte // content read ahead is buf[off:]
	off     int
	err     error // sticky, returned once the buffer is empty
	raw     int64 // bytes from the connection
	content int64 // bytes after decoding
	reading bool

	gathering bool // whoever reads wants his memory full, and nothing before that
}

// Read reads up to len(p) bytes into p and returns io.EOF at the end. It suspends
// until there is at least one byte. When ctx ends first the connection is closed
// and the body cannot be read any further.
func (s *StreamReader) Read(ctx context.Context, p []byte) (int, error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.leave()
	return s.read(ctx, p)
}

// read is Read for code that has entered.
func (s *StreamReader) read(ctx context.Context, p []byte) (int, error) {
	if err := s.overdue(); err != nil {
		return 0, err
	}
	if s.off < len(s.buf) {
		n := copy(p, s.buf[s.off:])
		s.off += n
		return n, nil
	}
	s.dropBuffer()
	if s.err != nil || len(p) == 0 {
		return 0, s.err
	}
	return s.fetch(ctx, p)
}

// overdue ends a body that goes on after its total limit. Waiting ends by itself then; this
// is for who never waits, because more is always there than he takes. A body whose rest is known
// to be here was in time. What comes in one piece, as most bodies do, costs no look at the clock.
func (s *StreamReader) overdue() error {
	r := s.resp
	if s.source == nil || s.raw == 0 || r.clock.end == noDeadline || r.session.loop.Time() < r.clock.end {
		return nil
	}
	if r.length >= 0 && int64(s.source.buffered()) >= r.length-s.raw {
		return nil
	}
	s.dropBuffer()
	return s.fail(r.expired(PhaseBody, r.clock.end))
}

// fetch reads past the buffer.
func (s *StreamReader) fetch(ctx context.Context, p []byte) (n int, err error) {
	if s.decoder == nil {
		n, err = s.fetchRaw(ctx, p)
	} else {
		n, err = s.decode(ctx, p)
	}
	s.content += int64(n)
	if trace := s.resp.trace; trace != nil && n > 0 {
		trace.chunkReceived(ctx, p[:n])
	}
	if most := s.resp.settings.maxBody; most > 0 && s.content > most {
		n = max(0, n-int(s.content-most))
		return n, s.fail(s.resp.payloadError(ErrBodyTooLarge))
	}
	if err != nil {
		return n, s.fail(s.describe(err))
	}
	return n, nil
}

// fetchRaw reads from the connection.
func (s *StreamReader) fetchRaw(ctx context.Context, p []byte) (int, error) {
	if s.source == nil {
		return 0, io.EOF
	}
	n, err := s.source.read(ctx, s.resp, p)
	s.raw += int64(n)
	if err != nil {
		s.detach()
	}
	if f := s.resp.settings.received; f != nil && n > 0 {
		f(s.raw, s.total())
	}
	if s.taps != nil {
		s.tapped(ctx, p[:n], err, err == io.EOF)
	}
	return n, err
}

// total is how long the body is on the wire, -1 if that was not announced.
func (s *StreamReader) total() int64 {
	if s.resp.length <= 0 {
		return -1
	}
	return s.resp.length
}

// describe makes what a decoder complains about an error of the response; errors
// of the connection are described already.
func (s *StreamReader) describe(err error) error {
	switch {
	case err == io.EOF || s.decoder == nil:
		return err
	case s.pull.err != nil && s.pull.err != io.EOF:
		return s.pull.err
	}
	return s.resp.payloadError(err)
}

// fail makes err final. Anything but the proper end costs the connection.
func (s *StreamReader) fail(err error) error {
	s.err = err
	if err == io.EOF && s.source != nil {
		// The decoder was content before the framing was. What is left can only be
		// the end of the framing, or rubbish.
		s.source.abort()
		s.detach()
		s.abandonTaps(errNotRead)
	}
	if err != io.EOF {
		s.abort(err)
	}
	if s.decoder != nil {
		s.decoder.release()
	}
	return err
}

// abort gives up the connection, if there still is one.
func (s *StreamReader) abort(err error) {
	if s.err == nil {
		s.err = err
	}
	if s.source != nil {
		s.source.abort()
		s.detach()
	}
	if s.taps != nil {
		s.abandonTaps(err)
	}
	if s.decoder != nil {
		s.decoder.release()
	}
}

// detach lets go of the connection, which belongs to somebody else now.
func (s *StreamReader) detach() {
	s.source = nil
	if g := s.resp.guard; g != nil {
		g.source = nil
	}
}

// dropBuffer gives the empty buffer back. Slices of it that were handed out are not
// valid any more: they last until the next read.
func (s *StreamReader) dropBuffer() {
	if s.buf != nil {
		s.resp.session.buffers.put(s.buf)
		s.buf, s.off = nil, 0
	}
}

func (s *StreamReader) enter() error {
	if s.reading {
		return ErrConcurrentRead
	}
	s.reading = true
	return nil
}

func (s *StreamReader) leave() { s.reading, s.gathering = false, false }

// ReadAny returns what is there, suspending only if nothing is. The slice is valid
// until the next read or Close. At the end it returns io.EOF. CPython: readany.
func (s *StreamReader) ReadAny(ctx context.Context) ([]byte, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	if err := s.fill(ctx); err != nil {
		return nil, err
	}
	b := s.buf[s.off:]
	s.off = len(s.buf)
	return b, nil
}

// fill makes sure that something is buffered.
func (s *StreamReader) fill(ctx context.Context) error {
	if err := s.overdue(); err != nil {
		return err
	}
	if s.off < len(s.buf) {
		return nil
	}
	if s.err != nil {
		s.dropBuffer()
		return s.err
	}
	if s.buf == nil {
		s.buf = s.resp.session.buffers.take(s.resp.settings.bufferSize)
	}
	n, err := s.fetch(ctx, s.buf[:s.resp.settings.bufferSize])
	s.buf, s.off = s.buf[:n], 0
	if n > 0 {
		return nil
	}
	return err
}

// ReadExactly returns the next n bytes. If the body ends before, the error is an
// *asyncio.IncompleteReadError with what there was. CPython: readexactly.
func (s *StreamReader) ReadExactly(ctx context.Context, n int) ([]byte, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	s.gathering = true
	out := make([]byte, n)
	for have := 0; have < n; {
		m, err := s.read(ctx, out[have:])
		have += m
		if err == io.EOF && have < n {
			return nil, &asyncio.IncompleteReadError{Partial: out[:have], Expected: n}
		}
		if err != nil && have < n {
			return nil, err
		}
	}
	return out, nil
}

// ReadLine returns the next line with its line feed; the last line of a body may
// have none. At the end it returns io.EOF. A line of more than 512 KiB is an
// *asyncio.LimitOverrunError. CPython: readline.
func (s *StreamReader) ReadLine(ctx context.Context) ([]byte, error) {
	line, err := s.ReadUntil(ctx, []byte("\n"))
	if partial, ok := err.(*asyncio.IncompleteReadError); ok && len(partial.Partial) > 0 {
		return partial.Partial, nil
	} else if ok {
		return nil, io.EOF
	}
	return line, err
}

// ReadUntil returns the next bytes up to and including the separator. If the body
// ends before, the error is an *asyncio.IncompleteReadError with what there was; if
// there is no separator within 512 KiB, an *asyncio.LimitOverrunError.
// CPython: readuntil.
func (s *StreamReader) ReadUntil(ctx context.Context, separator []byte) ([]byte, error) {
	if len(separator) == 0 {
		panic("aiohttp: ReadUntil needs a separator of at least one byte")
	}
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	var line []byte
	for {
		switch err := s.fill(ctx); {
		case err == io.EOF:
			return nil, &asyncio.IncompleteReadError{Partial: line, Expected: -1}
		case err != nil:
			return nil, err
		}
		// The separator may straddle what was gathered and what has come.
		seen := max(0, len(line)-len(separator)+1)
		before := len(line)
		line = append(line, s.buf[s.off:]...)
		if i := bytes.Index(line[seen:], separator); i >= 0 {
			end := seen + i + len(separator)
			s.off += end - before
			return line[:end:end], nil
		}
		s.off = len(s.buf)
		if len(line) > maxLine {
			return nil, &asyncio.LimitOverrunError{Consumed: len(line)}
		}
	}
}

// IterChunked yields the body in pieces of n bytes; the last may be shorter. A piece
// is valid until the next one. To copy a body somewhere, 64 KiB is a good size. It
// suspends between pieces, under the context the request was made with, and ends with
// an error, if there is one, in place of a piece. aiohttp: iter_chunked.
func (s *StreamReader) IterChunked(n int) iter.Seq2[[]byte, error] {
	if n <= 0 {
		panic("aiohttp: IterChunked needs a size of at least one byte")
	}
	return func(yield func([]byte, error) bool) {
		buffers := &s.resp.session.buffers
		buf := buffers.take(n)[:n]
		defer buffers.put(buf)
		for {
			have, err := s.readFull(s.resp.ctx, buf)
			if have > 0 && !yield(buf[:have], nil) {
				return
			}
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// IterAny yields the body in the pieces it arrives in. A piece is valid until the
// next one. It suspends as IterChunked does. aiohttp: iter_any.
func (s *StreamReader) IterAny() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for {
			piece, err := s.ReadAny(s.resp.ctx)
			if err == io.EOF {
				return
			}
			if !yield(piece, err) || err != nil {
				return
			}
		}
	}
}

// Lines yields the body line by line, line feeds included. It suspends as IterChunked
// does. aiohttp: async for line in response.content.
func (s *StreamReader) Lines() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for {
			line, err := s.ReadLine(s.resp.ctx)
			if err == io.EOF {
				return
			}
			if !yield(line, err) || err != nil {
				return
			}
		}
	}
}

// readFull fills p unless the body ends before.
func (s *StreamReader) readFull(ctx context.Context, p []byte) (int, error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.leave()
	s.gathering = true
	for have := 0; ; {
		n, err := s.read(ctx, p[have:])
		have += n
		if err != nil || have == len(p) {
			return have, err
		}
	}
}

// AtEOF reports whether everything was read. CPython: at_eof.
func (s *StreamReader) AtEOF() bool { return s.off == len(s.buf) && s.err == io.EOF }

// Surplus reports, at the end of the body, whether the server was seen to send more than it
// had announced. What came behind the body was thrown away, and the connection is not used
// again; whether the body is what it should be is for the caller to judge.
func (s *StreamReader) Surplus() bool { return s.resp.surplus }

// TotalRawBytes is how many bytes of the body have arrived, as they were on the
// wire without their framing, hence before decoding. CPython: total_raw_bytes.
func (s *StreamReader) TotalRawBytes() int64 { return s.raw }

// Reader returns the body as an io.Reader whose reads suspend the task that ctx
// belongs to: for decoders and io.Copy.
func (s *StreamReader) Reader(ctx context.Context) io.Reader { return &taskReader{s, ctx} }

type taskReader struct {
	stream *StreamReader
	ctx    context.Context
}

func (r *taskReader) Read(p []byte) (int, error) { return r.stream.Read(r.ctx, p) }
func (r *taskReader) readsInTask()               {}

// pullReader is what a decoder reads from: the connection, with the context of the
// read in progress. It remembers an error of the connection, because decoders wrap
// or replace what they are given.
type pullReader struct {
	stream *StreamReader
	ctx    context.Context
	err    error
}

func (p *pullReader) Read(b []byte) (int, error) {
	if step := p.stream.decoder.step; step != nil {
		return step.input(b) // the decoder is not in the task: it asks the task
	}
	n, err := p.stream.fetchRaw(p.ctx, b)
	if err != nil {
		p.err = err
	}
	return n, err
}
