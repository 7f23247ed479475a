package aiohttp

// Decoding beside the loop.
//
// To decode a small body costs less than to hand it over to another goroutine. A large one
// would hold up every other task, for milliseconds or, as JSON, for tenths of a second. So the
// first 64 KiB are decoded in the task that reads them and the rest in steps beside the loop
// (asyncio.Compute), each until it has filled the reader's memory, 256 KiB at most, or wants
// input. Input comes from the connection, hence from the loop: a step is a coroutine, which
// gives way for want of input and is resumed when the task has got some. Nothing of that
// outlives the read that it belongs to.
//
// What holds the loop up is then at most the decoding of 64 KiB of content at a time, or of
// one block of 128 KiB of zstd: half a millisecond. Brotli decodes up to a whole window
// before it yields anything, 16 MiB if the peer likes; unless little input is at hand it is
// decoded beside the loop from the start. Uploads are compressed by the same rule, from pieces
// of 16 KiB on.

import (
	"context"
	"errors"
	"iter"

	"github.com/aio-go/aio/asyncio"
)

const (
	offloadSize   = 64 << 10 // content that is decoded in the task
	offloadPiece  = 8 << 10  // a read of less is not worth a goroutine
	offloadBrotli = 4 << 10  // input from which brotli is large

	offloadCompress = 16 << 10 // to compress costs several times what to decode costs
)

// offload runs f beside the loop.
func offload(ctx context.Context, f func() error) error {
	_, err := asyncio.Compute(ctx, func() (struct{}, error) { return struct{}{}, f() })
	return err
}

// decode reads decoded content, in the task or beside the loop.
func (s *StreamReader) decode(ctx context.Context, p []byte) (n int, err error) {
	d := s.decoder
	d.busy = true
	if s.heavy(len(p)) {
		n, err = s.decodeBeside(ctx, p)
	} else {
		s.pull.ctx = ctx
		n, err = d.Read(p[:min(len(p), offloadSize)])
		s.pull.ctx = nil
	}
	d.busy = false
	if d.dropped { // while it was read
		n, s.pull.err, err = 0, s.err, s.err
	}
	if d.dropped || d.err != nil {
		d.release()
	}
	if n > 0 {
		err = nil // sticky in the decoder
	}
	return n, err
}

// heavy reports whether a read of want bytes is too much for a turn of the loop.
func (s *StreamReader) heavy(want int) bool {
	if s.decoder.source == nil { // it has ended
		return false
	}
	if s.decoder.coding == codingBrotli {
		atHand := s.decoder.source.Buffered()
		if s.source != nil {
			atHand += s.source.buffered()
		}
		small := s.resp.length > 0 && s.resp.length <= offloadBrotli || atHand <= offloadBrotli
		return !small || s.content >= offloadSize
	}
	return s.content >= offloadSize && want >= offloadPiece
}

// decodeStep is one read of a decoder, on a coroutine.
type decodeStep struct {
	yield func(struct{}) bool
	want  []byte // where input is wanted, by a step that has given way
	got   int    // what came
	err   error
}

// input is called by the coroutine.
func (t *decodeStep) input(b []byte) (int, error) {
	if t.err != nil && t.got == 0 {
		return 0, t.err
	}
	t.want, t.got = b, 0
	if !t.yield(struct{}{}) {
		return 0, errStepStopped
	}
	n := t.got
	t.got = 0
	return n, t.err
}

// errStepStopped is never seen: who stops a step does not look at what it returns.
var errStepStopped = errors.New("decoding was stopped")

// decodeBeside reads decoded content beside the loop. A reader that is gathering gets its
// memory filled, any other what there is.
func (s *StreamReader) decodeBeside(ctx context.Context, p []byte) (n int, err error) {
	d, t, gathering := s.decoder, &decodeStep{}, s.gathering
	p = p[:min(len(p), decodeStepSize)]
	next, stop := iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		for {
			m, e := d.Read(p[n:])
			n, err = n+m, e
			if err != nil || n == len(p) || !gathering {
				return
			}
		}
	})
	d.step = t
	for {
		var resumed, more bool
		failure := offload(ctx, func() error {
			resumed = true
			_, more = next()
			return nil
		})
		var panicked *asyncio.PanicError
		switch {
		case errors.As(failure, &panicked): // the decoder is not to be used again
			d.stream, d.err = nil, failure
			n, err, more = 0, failure, false
		case !resumed:
			s.pull.err, t.err = failure, failure
			if t.want != nil {
				next() // the decoder learns of it and returns
			}
			stop()
			d.err = failure
			n, err, more = 0, failure, false
		}
		if !more {
			d.step = nil
			return n, err
		}
		t.got, t.err = s.fetchRaw(ctx, t.want)
		if t.err != nil {
			s.pull.err = t.err
		}
	}
}
