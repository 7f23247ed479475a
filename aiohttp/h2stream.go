package aiohttp

// One request on an HTTP/2 connection.
//
// The connection leaves with the stream what arrives for it: the head, pieces of the body, the end. The task looks for what it
// wants there and waits for news otherwise. A task that waits for the body lends the stream the memory it reads into, and
// the bytes go there straight from where they were decrypted; what comes while nobody reads is kept in blocks, up to the window
// the server was given, which is returned as the task takes them. A body that is given up costs the stream, not the
// connection.

import (
	"cmp"
	"context"
	"io"
	"net/http"

	"github.com/aio-go/aio/internal/http2"
)

// h2Stream is one request and its answer.
type h2Stream struct {
	http2.Stream
	conn   *h2Conn
	wait   h2Wait
	first  bool // on a new connection
	over   bool // its place was given back
	upload *h2Upload

	answered bool // the head is there
	ended    bool // nothing more comes
	consent  bool // 100 (Continue) has come
	interim  int
	status   int
	fields   int
	widest   int
	header   http.Header
	trailer  http.Header
	body     pieces
	target   []byte // lent by the task that reads
	filled   int    // of target
	err      error  // why it ended before its time
	again    resend // and what may be done about that
	older    bool   // over HTTP/1.1, that is
}

// take takes an event of the stream in.
func (s *h2Stream) take(ev *http2.Event) {
	switch ev.Kind {
	case http2.EventInterim:
		s.interim++
		if s.interim > maxInterim {
			s.conn.codec.Reset(&s.Stream, http2.EnhanceYourCalm)
			s.fail(errTooManyInterim, resendNone)
			return
		}
		if ev.Status == http.StatusContinue {
			s.consent = true
			s.wakeUpload()
		}
		return
	case http2.EventHead:
		s.answered, s.status, s.header, s.fields, s.widest = true, ev.Status, ev.Header, ev.Fields, ev.Widest
		s.wakeUpload()
	case http2.EventData:
		s.deliver(ev.Data)
	case http2.EventTrailer:
		s.trailer = ev.Header
	case http2.EventReset:
		s.reset(ev.Err)
		return
	}
	if s.ended = ev.End; s.ended {
		s.wakeUpload()
	}
	s.wait.news.Set()
}

// deliver leaves bytes of the body where they are wanted.
func (s *h2Stream) deliver(p []byte) {
	if n := copy(s.target[s.filled:], p); n > 0 {
		s.filled += n
		p = p[n:]
	}
	if len(p) > 0 {
		s.body.put(&s.conn.owner.buffers, p)
	}
}

// reset ends a stream that the server, or what it did, has ended. After a complete answer it only means that the server wants no
// more of the request (RFC 9113 section 8.1).
func (s *h2Stream) reset(e *http2.Error) {
	if s.ended {
		s.wakeUpload()
		return
	}
	again := resendNone
	if e.Remote && !s.answered {
		s.older = e.Code == http2.HTTP11Required
		if s.older || e.Code == http2.RefusedStream {
			again = resendAny
		}
	}
	s.fail(e, again)
}

// fail ends a stream with an error, of which its task learns behind what has arrived.
func (s *h2Stream) fail(err error, again resend) {
	s.wakeUpload()
	if s.err != nil || s.ended {
		return
	}
	if again == resendIdempotent && (s.first || s.answered) {
		again = resendNone
	}
	s.err, s.again = err, again
	s.wait.news.Set()
}

func (s *h2Stream) wakeUpload() {
	if s.upload != nil {
		s.upload.wait.news.Set()
	}
}

// roundTrip implements transport.
func (s *h2Stream) roundTrip(ctx context.Context, r *ClientRequest, resp *ClientResponse) (again resend, err error) {
	done := false
	defer func() {
		if !done { // an error, or a trace that panicked
			s.abort()
		}
	}()
	if again, err = s.open(r); err != nil {
		return again, err
	}
	r.call.dropHead()
	if r.call.trace != nil {
		r.call.trace.headersSent(ctx, r.Headers)
	}
	if r.body == nil {
		resp.uploaded = true
	} else if err = s.send(ctx, r, resp); err != nil {
		return resendNone, err
	}
	if err = s.awaitHead(ctx, r); err != nil {
		return resendNone, err
	}
	if !s.answered || s.status > 299 {
		if err = s.stopUpload(ctx, r); err != nil {
			return resendNone, err
		}
	}
	if !s.answered {
		if ctx.Err() != nil {
			return resendNone, ended(ctx)
		}
		r.call.older = r.call.older || s.older
		return s.again, s.conn.failure(r, PhaseHeader, s.err)
	}
	if err = s.checkHead(r); err != nil {
		return resendNone, err
	}
	done = true
	s.accept(r, resp)
	return resendNone, nil
}

// open sends the head, and a small body behind it.
func (s *h2Stream) open(r *ClientRequest) (resend, error) {
	h := s.conn
	if h.closed {
		return resendAny, h.failure(r, PhaseWrite, errNoStreams)
	}
	fields := h.heads.request(r)
	if err := h.codec.Open(&s.Stream, fields, r.body == nil); err != nil {
		switch err {
		case http2.ErrNoRoom: // the server has just lowered its limit
			h.owner.plan.setRoom(h.slot, h.codec.MaxStreams(), h.owner.loop.Time())
		case http2.ErrExhausted:
			h.retire()
		default:
			return resendNone, r.invalid(err)
		}
		return resendAny, h.failure(r, PhaseWrite, errNoStreams)
	}
	h.flushSoon()
	return resendNone, nil
}

// awaitHead suspends the task until the answer begins, or the stream has ended.
func (s *h2Stream) awaitHead(ctx context.Context, r *ClientRequest) error {
	if s.answered || s.err != nil {
		return nil
	}
	deadline := r.deadline(PhaseHeader)
	for !s.answered && s.err == nil {
		if err := s.wait.pause(ctx, s.conn, deadline); err != nil {
			return err
		}
		if s.wait.late && !s.answered {
			return r.expired(PhaseHeader, deadline)
		}
	}
	return nil
}

// checkHead holds the head to the limits of the session; the codec has counted.
func (s *h2Stream) checkHead(r *ClientRequest) error {
	limits := &r.call.opts.limits
	if s.fields <= cmp.Or(limits.MaxHeaders, 128) && s.widest <= cmp.Or(limits.MaxField, 8190) {
		return nil
	}
	return r.checkHead(s.header)
}

// accept hands the answer to the response.
func (s *h2Stream) accept(r *ClientRequest, resp *ClientResponse) {
	resp.Status, resp.Reason, resp.Headers, resp.Proto = s.status, "", s.header, "HTTP/2.0"
	resp.length = -1
	if len(s.header["Content-Length"]) > 0 {
		resp.length = resp.ContentLength()
	}
	nothing := r.Method == http.MethodHead || s.status == http.StatusNoContent || s.status == http.StatusNotModified
	if nothing || s.ended && s.body.length == 0 {
		resp.length = 0
		resp.trailer = s.trailer
		if r.call.opts.redirects == redirectsReturn {
			resp.secured = s.conn.wire.TLS()
		}
		s.finish()
		return
	}
	resp.setBody(s)
}

// read implements bodySource.
func (s *h2Stream) read(ctx context.Context, resp *ClientResponse, p []byte) (n int, err error) {
	if n = s.body.take(&s.conn.owner.buffers, p); n == 0 && !s.ended && s.err == nil {
		if n, err = s.await(ctx, resp, p); n == 0 && err != nil {
			s.abort()
			return 0, err
		}
	}
	if n > 0 && !s.over {
		s.conn.consumed(s, n)
	}
	switch {
	case s.body.length > 0:
		return n, nil
	case s.ended:
		resp.trailer = s.trailer
		s.finish()
		return n, io.EOF
	case n > 0:
		return n, nil
	}
	s.abort()
	if ctx.Err() != nil {
		return 0, ended(ctx)
	}
	return 0, resp.payloadError(s.conn.failure(resp, PhaseBody, s.err))
}

// await suspends the task until bytes have arrived in p, or the end.
func (s *h2Stream) await(ctx context.Context, resp *ClientResponse, p []byte) (n int, err error) {
	deadline := resp.deadline(PhaseBody)
	s.target, s.filled = p, 0
	for err == nil && s.filled == 0 && !s.ended && s.err == nil {
		if err = s.wait.pause(ctx, s.conn, deadline); err == nil && s.wait.late && s.filled == 0 && !s.ended {
			err = resp.expired(PhaseBody, deadline)
		}
	}
	n = s.filled
	s.target, s.filled = nil, 0
	return n, err
}

// consumed lets the server send as many bytes again.
func (h *h2Conn) consumed(s *h2Stream, n int) {
	h.codec.Consume(&s.Stream, n)
	if len(h.codec.Output()) > 0 {
		h.flushSoon()
	}
}

// buffered implements bodySource.
func (s *h2Stream) buffered() int { return s.body.length }

// discardBuffered implements bodySource.
func (s *h2Stream) discardBuffered(resp *ClientResponse) (int, error) {
	n := s.drop()
	if !s.ended {
		return n, nil
	}
	resp.trailer = s.trailer
	s.finish()
	return n, io.EOF
}

// drop throws away what has arrived.
func (s *h2Stream) drop() int {
	n := s.body.length
	if n > 0 {
		s.body.clear(&s.conn.owner.buffers)
		s.conn.consumed(s, n)
	}
	return n
}

// abort implements bodySource: it gives the request up.
func (s *h2Stream) abort() {
	if s.upload != nil {
		s.upload.cancel()
	}
	s.finish()
}

// finish ends the request as far as the connection is concerned. A server that has answered completely is told that the rest
// of the request is not coming, any other that its answer is not wanted.
func (s *h2Stream) finish() {
	if s.over {
		return
	}
	s.over = true
	if s.upload != nil {
		s.upload.revoke()
	}
	s.drop()
	code := http2.Cancel
	if s.ended {
		code = http2.NoError
	}
	s.conn.close(s, code)
}

// pieces is what of a body has arrived and was not taken: a queue of blocks from the pool.
type pieces struct {
	blocks [][]byte
	one    [1][]byte // room for the first block, which is mostly the only one
	start  int       // in the first block
	length int
}

func (q *pieces) put(pool *bufferPool, p []byte) {
	q.length += len(p)
	for len(p) > 0 {
		last := len(q.blocks) - 1
		if last < 0 || len(q.blocks[last]) == cap(q.blocks[last]) {
			if last < 0 {
				q.blocks = q.one[:0]
			}
			size := largeBuffer
			if len(p) <= smallBuffer && last < 0 {
				size = smallBuffer
			}
			q.blocks = append(q.blocks, pool.take(size))
			last++
		}
		block := q.blocks[last]
		n := min(len(p), cap(block)-len(block))
		q.blocks[last] = append(block, p[:n]...)
		p = p[n:]
	}
}

func (q *pieces) take(pool *bufferPool, p []byte) (n int) {
	for n < len(p) && q.length > 0 {
		k := copy(p[n:], q.blocks[0][q.start:])
		n += k
		q.start += k
		q.length -= k
		if q.start == len(q.blocks[0]) {
			pool.put(q.blocks[0])
			q.blocks[0] = nil
			q.blocks, q.start = q.blocks[1:], 0
		}
	}
	return n
}

func (q *pieces) clear(pool *bufferPool) {
	for _, block := range q.blocks {
		pool.put(block)
	}
	q.blocks, q.start, q.length = nil, 0, 0
}
