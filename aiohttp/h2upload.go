package aiohttp

// The body of a request on an HTTP/2 connection.
//
// A small body in memory goes along with the head if the server has room for it. Any other is pushed piece by piece into what
// the windows of the server allow, by a task of its own that waits where they are closed. It goes on after an answer that came
// early: a server may answer while it is still being told.

import (
	"context"
	"errors"
	"fmt"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/http2"
)

// h2Upload is a body that takes more than one write.
type h2Upload struct {
	stream  *h2Stream
	wait    h2Wait
	length  int64 // announced, -1 if unknown
	written int64
	listed  bool // among those that wait for room on the connection
	revoked bool // nobody wants the rest
	pushing *asyncio.Task[struct{}]
}

// send sends the body. It returns when all of it is sent, or when the answer is there and the rest can be sent without this
// task.
func (s *h2Stream) send(ctx context.Context, r *ClientRequest, resp *ClientResponse) error {
	if s.sendInline(r) {
		resp.uploaded, resp.output = true, r.framing.length
		if r.call.trace != nil {
			data, _ := r.body.memory()
			r.call.trace.chunkSent(ctx, data)
		}
		return nil
	}
	u := &h2Upload{stream: s, length: r.framing.length}
	u.wait.deadline = noDeadline
	s.upload = u
	if expects100(r) && u.length != 0 {
		if err := u.awaitConsent(ctx, r); err != nil {
			return err
		}
	}
	if u.refused() {
		return nil
	}
	u.pushing = asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, u.run(ctx, r, resp)
	}, asyncio.WithName("aiohttp request body"))
	u.pushing.AddDoneCallback(func(pushed *asyncio.Future[struct{}]) {
		if _, err := pushed.Result(); err != nil && s.answered && !u.refused() {
			s.conn.codec.Reset(&s.Stream, http2.Cancel)
			s.conn.flushSoon()
			s.fail(err, resendNone)
		}
		s.wait.news.Set() // whoever still waits for it looks again
	})
	for !u.pushing.Done() && !s.answered && s.err == nil {
		if err := s.wait.pause(ctx, s.conn, r.call.clock.end); err != nil {
			return err
		}
		if s.wait.late { // the push has the other limits
			return r.expired(PhaseWrite, r.call.clock.end)
		}
	}
	if !u.pushing.Done() {
		r.call.outlive(u.pushing)
		return nil
	}
	_, err := u.pushing.Result()
	return err
}

// sendInline sends a body that is small, and for which there is room, at once.
func (s *h2Stream) sendInline(r *ClientRequest) bool {
	data, ok := r.body.memory()
	if !ok || len(data) > maxInline || r.framing.length != int64(len(data)) || expects100(r) || len(r.call.opts.trailer) > 0 {
		return false
	}
	h := s.conn
	if h.codec.Room(&s.Stream) < len(data) {
		if h.flush(); h.codec.Room(&s.Stream) < len(data) {
			return false
		}
	}
	h.codec.Write(&s.Stream, data, true)
	return true
}

// awaitConsent waits until the server has asked for the body, has answered without it, or has been silent for long enough.
func (u *h2Upload) awaitConsent(ctx context.Context, r *ClientRequest) error {
	s := u.stream
	limit := r.deadline(PhaseWrite)
	silence := s.conn.owner.loop.Time() + consentWait
	for !s.consent && !s.answered && s.err == nil {
		if err := u.wait.pause(ctx, s.conn, min(limit, silence)); err != nil {
			return err
		}
		switch {
		case u.wait.late && limit <= silence:
			return r.expired(PhaseWrite, limit)
		case u.wait.late:
			return nil // silence is consent
		}
	}
	return nil
}

// run produces the whole body. An answer that makes the rest superfluous is no error here.
func (u *h2Upload) run(ctx context.Context, r *ClientRequest, resp *ClientResponse) error {
	err := r.pushInTime(ctx, func(p []byte) error { return u.push(ctx, r, resp, p) })
	if err == nil && u.written < u.length {
		err = fmt.Errorf("the body ended after %d of the %d bytes announced in Content-Length", u.written, u.length)
	}
	if err == nil {
		if err = u.end(r); err == nil {
			resp.uploaded = true
			return nil
		}
	}
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, errAnswered):
		return nil // the answer tells, or the error of the stream
	case ctx.Err() != nil, errors.As(err, &timeout) && timeout.Timeout():
		return err
	}
	return r.payloadError(err)
}

// push sends p as the windows allow.
func (u *h2Upload) push(ctx context.Context, r *ClientRequest, resp *ClientResponse, p []byte) error {
	if u.written += int64(len(p)); u.length >= 0 && u.written > u.length {
		return fmt.Errorf("the body is longer than the %d bytes announced in Content-Length", u.length)
	}
	s := u.stream
	last := u.written == u.length && len(r.call.opts.trailer) == 0
	for rest := p; len(rest) > 0; {
		if u.refused() {
			return errAnswered
		}
		n := s.conn.codec.Write(&s.Stream, rest, last)
		rest = rest[n:]
		resp.output += int64(n)
		if len(rest) == 0 {
			s.conn.flushSoon()
			break
		}
		if err := u.room(ctx, r); err != nil {
			return err
		}
	}
	r.call.trace.chunkSent(ctx, p)
	return nil
}

// room waits until more may be sent: first for the wire, then for the server.
func (u *h2Upload) room(ctx context.Context, r *ClientRequest) error {
	s := u.stream
	if s.conn.flush(); s.conn.codec.Room(&s.Stream) > 0 {
		return nil
	}
	if !u.listed {
		u.listed = true
		s.conn.blocked = append(s.conn.blocked, u)
	}
	deadline := r.deadline(PhaseWrite)
	if err := u.wait.pause(ctx, s.conn, deadline); err != nil {
		return err
	}
	if u.wait.late {
		return r.expired(PhaseWrite, deadline)
	}
	return nil
}

// end tells the server that the body is complete, if that has not gone along with its last piece.
func (u *h2Upload) end(r *ClientRequest) error {
	s := u.stream
	switch {
	case s.Sent():
		return nil
	case u.refused():
		return errAnswered
	case len(r.call.opts.trailer) > 0:
		fields, err := s.conn.heads.trailer(r.call.opts.trailer)
		if err != nil {
			return err
		}
		s.conn.codec.Trailer(&s.Stream, fields)
	default:
		s.conn.codec.Write(&s.Stream, nil, true)
	}
	s.conn.flushSoon()
	return nil
}

// refused reports whether the server, or the task that made the request, wants no more. A server that has answered completely, or
// with a refusal, need not say so.
func (u *h2Upload) refused() bool {
	s := u.stream
	return u.revoked || s.err != nil || s.Closed() || s.ended || s.answered && s.status > 299
}

// revoke ends the upload of a request that is over.
func (u *h2Upload) revoke() {
	u.revoked = true
	u.wait.news.Set()
}

// cancel ends the task that pushes, if there is one.
func (u *h2Upload) cancel() {
	if u.pushing != nil && !u.pushing.Done() {
		u.pushing.Cancel(nil)
	}
}

// stopUpload sees to it that a body whose request will not be answered any differently by the rest of it is not in use any
// more: its source may be needed for another request.
func (s *h2Stream) stopUpload(ctx context.Context, r *ClientRequest) error {
	u := s.upload
	if u == nil {
		return nil
	}
	u.revoke()
	if u.pushing == nil || u.pushing.Done() {
		return nil
	}
	u.cancel()
	return r.awaitSender(ctx, u.pushing)
}
