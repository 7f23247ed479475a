package aiohttp

// Following a body while somebody else reads it.
//
// Middlewares see a response when its head is there; its body is still to come, at
// the pace of whoever reads it. A tap lets them look on: to store the body, to count
// it, to know when it was over.

import (
	"context"
	"fmt"
)

// BodyTap follows the body of a response.
type BodyTap interface {
	// Data is called with each piece of the body that arrives: without the framing of
	// the connection, before decoding. The piece is not to be kept nor changed.
	Data(p []byte)
	// End is called when the whole body was read, with the ctx of the last read. It may
	// suspend: the reader then learns of the end only afterwards.
	End(ctx context.Context)
	// Abandoned is called in place of End if the body broke off, with that error, or was
	// not read to its end; the error then matches ErrResponseClosed. It must not suspend.
	Abandoned(err error)
}

// errNotRead is why a tap is abandoned by a response that nobody wants.
var errNotRead = fmt.Errorf("the body was not read to its end: %w", ErrResponseClosed)

// Tap has t follow the body, and ends it at once if there is none. It is called by a
// middleware before anybody has read; if the body was read already, t is abandoned. Of
// the methods of t, End or Abandoned is the last that is called, and only one of them.
func (r *ClientResponse) Tap(ctx context.Context, t BodyTap) {
	s := &r.stream
	switch {
	case r.read || s.raw > 0:
		t.Abandoned(errNotRead)
	case s.source == nil && s.err != nil && r.closed:
		t.Abandoned(errNotRead)
	case s.source == nil:
		t.End(ctx)
	default:
		s.taps = append(s.taps, t)
	}
}

// tapped tells the taps what fetchRaw has got.
func (s *StreamReader) tapped(ctx context.Context, p []byte, err error, complete bool) {
	for _, t := range s.taps {
		if len(p) > 0 {
			t.Data(p)
		}
	}
	switch {
	case complete:
		taps := s.taps
		s.taps = nil
		for _, t := range taps {
			t.End(ctx)
		}
	case err != nil:
		s.abandonTaps(err)
	}
}

// abandonTaps tells the taps that no more will come, or that something was left out.
func (s *StreamReader) abandonTaps(err error) {
	taps := s.taps
	s.taps = nil
	for _, t := range taps {
		t.Abandoned(err)
	}
}
