package aiohttp

// A connection that speaks HTTP/1.1, one request at a time.
//
// The request is written and its answer read in the task that made the request:
// head and small body in one write, head and small body in one read, a large body
// straight into the memory of whoever reads it. The codec only ever sees bytes; time
// and sockets are here, and nothing else is.

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/aio-go/aio/internal/http1"
)

// maxInterim bounds how many 1xx responses may precede the real one.
const maxInterim = 64

// directRead is the size from which on a read goes straight into the caller's
// memory instead of through the connection's buffer.
const directRead = 2 << 10

// A body is best read when much of it has come, if whoever reads wants all of it. As much as
// bulkRead is worth waiting for, a part of bulkPart leaves the sender room to go on meanwhile,
// and the last part is whatever is left, up to twice that.
const (
	bulkRead = 128 << 10
	bulkPart = 512 << 10
)

// h1Conn is one connection. It belongs to a slot of the pool, and between
// roundTrip and the end of the body to one response.
type h1Conn struct {
	owner *poolConnector
	slot  *slot
	wire  wire
	dec   *http1.Decoder
	rules decoderRules

	buf      []byte // what was read and not yet decoded is buf[off:]
	off      int
	received bool // since the request began
	sent     bool // the request is complete
	reusable bool // as far as the head of the response tells
	passive  bool // nothing may be tried on the wire now
	closed   bool
	onStir   func() // abort, for OnReadable while the connection is idle
}

// decoderRules are what a decoder is made for; another request may want others.
type decoderRules struct {
	limits http1.Limits
	strict bool
}

// take implements reusable.
func (h *h1Conn) take() (transport, bool) {
	h.wire.OnReadable(nil)
	if h.closed || h.wire.Readable() && h.wire.Probe() {
		h.abort() // the peer hung up, or said something nobody asked for
		return nil, false
	}
	return h, true
}

// roundTrip sends the request and reads the head of its response. After an error
// the connection is gone. A connection that had been kept and was dropped before
// anything of an answer came was dead all along, most likely.
func (h *h1Conn) roundTrip(ctx context.Context, r *ClientRequest, resp *ClientResponse) (again resend, err error) {
	h.prepare(r)
	done := false
	defer func() {
		if !done { // an error, or a body that panicked while it was produced
			h.abort()
		}
	}()
	if err = h.exchange(ctx, r, resp); err == nil {
		done = true
		return resendNone, nil
	}
	if h.slot.uses > 0 && !h.received && ctx.Err() == nil && isDrop(err) {
		h.owner.plan.purge(h.slot.host) // made at about the same time, they are likely dead too
		again = resendIdempotent
	}
	return again, err
}

func (h *h1Conn) prepare(r *ClientRequest) {
	o := &r.call.opts
	if rules := (decoderRules{o.limits, o.strict}); h.dec == nil || h.rules != rules {
		h.rules = rules
		h.dec = http1.NewResponseDecoder(rules.limits, rules.strict)
	}
	h.dec.SetRequestMethod(r.Method)
	h.received, h.sent, h.reusable = false, false, false
}

// exchange picks the way: everything in one write, if the body is small; otherwise
// the answer is watched for while the body is sent.
func (h *h1Conn) exchange(ctx context.Context, r *ClientRequest, resp *ClientResponse) error {
	if r.body != nil && !h.inlineBody(r) {
		return h.duplex(ctx, r, resp)
	}
	deadline := r.deadline(PhaseWrite)
	if _, err := h.wire.Write(ctx, r.call.head, deadline); err != nil {
		return ioFailure(ctx, r, err, PhaseWrite, deadline)
	}
	r.call.dropHead()
	h.sent, resp.uploaded = true, true
	if r.body != nil {
		resp.output = r.body.size()
	}
	if r.call.trace != nil {
		r.reportSent(ctx)
	}
	return h.readHead(ctx, r, resp, r.deadline(PhaseHeader), nil)
}

// inlineBody appends a small body to the head.
func (h *h1Conn) inlineBody(r *ClientRequest) bool {
	data, ok := r.body.memory()
	if !ok || len(data) > maxInline || r.framing.length != int64(len(data)) || expects100(r) {
		return false
	}
	r.call.head = append(r.call.head, data...)
	return true
}

// reportSent tells the traces of a request that went out in one write.
func (r *ClientRequest) reportSent(ctx context.Context) {
	r.call.trace.headersSent(ctx, r.Headers)
	if r.body != nil {
		data, _ := r.body.memory()
		r.call.trace.chunkSent(ctx, data)
	}
}

// readHead reads up to the end of the final head and attaches the body, if there is
// one. onContinue, if not nil, is told of a 100 (Continue).
func (h *h1Conn) readHead(ctx context.Context, r *ClientRequest, resp *ClientResponse, deadline time.Duration, onContinue func()) error {
	var in []byte
	for interim := 0; ; {
		ev, n, err := h.dec.Next(in)
		in = in[n:]
		switch {
		case err != nil:
			return h.headError(r, err)
		case ev.Kind == http1.NeedMore:
			if in, err = h.firstBytes(ctx, r, deadline); err != nil {
				return err
			}
		case ev.Kind == http1.EventHead:
			head := h.dec.Head()
			if !isInterim(head.Status) {
				h.stash(in)
				resp.setHead(head)
				h.beginBody(r, resp, head)
				return nil
			}
			if interim++; interim > maxInterim {
				return h.headError(r, errTooManyInterim)
			}
			if head.Status == http.StatusContinue && onContinue != nil {
				onContinue()
			}
		}
	}
}

func isInterim(status int) bool {
	return status >= 100 && status < 200 && status != http.StatusSwitchingProtocols
}

// firstBytes reads a part of the head. While it waits the connection has no buffer:
// with thousands of requests under way that is most of what they would need. What
// it returns lies in memory that all connections share and is good until the task
// suspends.
func (h *h1Conn) firstBytes(ctx context.Context, r *ClientRequest, deadline time.Duration) ([]byte, error) {
	scratch := h.owner.buffers.shared()
	n, err := h.wire.Read(ctx, scratch, deadline)
	if n > 0 {
		h.received = true
		return scratch[:n], nil
	}
	if err == io.EOF && h.received {
		_, err = h.dec.EOF()
		return nil, h.headError(r, err)
	}
	return nil, ioFailure(ctx, r, err, PhaseHeader, deadline)
}

// stash keeps what came with the head for those who read the body.
func (h *h1Conn) stash(rest []byte) {
	if len(rest) > 0 {
		h.buf, h.off = append(h.owner.buffers.take(len(rest)), rest...), 0
	}
}

// headError makes the error of a head that is not HTTP, or not complete.
func (h *h1Conn) headError(r *ClientRequest, err error) error {
	w := r.where(PhaseHeader)
	if parse, ok := err.(*http1.ParseError); ok && parse.Kind != http1.Truncated {
		return &ClientResponseError{Where: w, RequestInfo: r.info(), Status: http.StatusBadRequest, Message: parse.Error(), Err: err}
	}
	if err == errTooManyInterim {
		return &ClientResponseError{Where: w, RequestInfo: r.info(), Status: http.StatusBadRequest, Message: err.Error(), Err: err}
	}
	return &ServerDisconnectedError{Where: w, Err: err}
}

// beginBody decides what follows the head. A response without a body gives its
// connection back right here.
func (h *h1Conn) beginBody(r *ClientRequest, resp *ClientResponse, head *http1.Head) {
	h.reusable = head.KeepAlive && !asksToClose(r)
	if head.NoBody || head.ContentLength == 0 && !head.Chunked {
		if ev, _, err := h.dec.Next(nil); err == nil && ev.Kind == http1.EventEnd {
			if h.dec.Upgraded() {
				if _, able := h.wire.(wsWire); able && r.call.opts.ws != nil {
					resp.upgraded = h
					return
				}
				h.dec.DeclineUpgrade() // 101 to a request that asked for nothing we know
				if head.Header["Upgrade"] != nil || asksForUpgrade(r) {
					h.reusable = false // what the server thinks it speaks now is not for us to guess
				}
			}
			if r.call.opts.redirects == redirectsReturn {
				resp.secured = h.wire.TLS()
			}
			h.finish(resp)
			return
		}
	}
	if r.call.opts.sizedOnly && head.ContentLength < 0 && !head.Chunked {
		resp.length = 0
		h.abort() // whatever follows, nobody can tell where it ends
		return
	}
	resp.setBody(h)
}

func asksToClose(r *ClientRequest) bool {
	for _, v := range r.Headers["Connection"] {
		if listsToken(v, "close") {
			return true
		}
	}
	return false
}

// read implements bodySource.
func (h *h1Conn) read(ctx context.Context, resp *ClientResponse, p []byte) (int, error) {
	if n, err := h.decode(resp, p); n > 0 || err != nil {
		return n, err
	}
	for {
		deadline := resp.deadline(PhaseBody)
		direct := len(p) >= directRead
		target := p
		if !direct {
			if cap(h.buf) < smallBuffer {
				h.dropBuffer()
				h.buf = h.owner.buffers.takeSmall()
			}
			target = h.buf[:cap(h.buf)]
		}
		got, err := h.receive(ctx, resp, target, deadline)
		if got == 0 && err != nil {
			return 0, h.bodyEnd(ctx, resp, err, deadline)
		}
		h.buf, h.off = h.buf[:0], 0
		var n int
		if direct {
			n, err = h.decodeInPlace(resp, p[:got])
		} else {
			h.buf = h.buf[:got]
			n, err = h.decode(resp, p)
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// receive reads a part of a body into p.
func (h *h1Conn) receive(ctx context.Context, resp *ClientResponse, p []byte, deadline time.Duration) (int, error) {
	if s := &resp.stream; s.gathering && len(p) >= bulkRead {
		left := int(min(resp.length-s.raw, int64(len(p))))
		if left > 2*bulkPart {
			left = bulkPart
		}
		if w, able := h.wire.(bulkWire); able && left >= bulkRead {
			return w.readBulk(ctx, p, left, deadline)
		}
	}
	return h.wire.Read(ctx, p, deadline)
}

// decode moves body bytes from the buffer into p, as many as fit, and notices the
// end even if no more input is needed for it.
func (h *h1Conn) decode(resp *ClientResponse, p []byte) (int, error) {
	total := 0
	for {
		window := h.buf[h.off:]
		if room := len(p) - total; len(window) > room {
			window = window[:room]
		}
		ev, n, err := h.dec.Next(window)
		h.off += n
		switch {
		case err != nil:
			return total, h.bodyError(resp, err)
		case ev.Kind == http1.EventData:
			total += copy(p[total:], ev.Data)
		case ev.Kind == http1.EventEnd:
			h.finish(resp)
			return total, io.EOF
		case len(window) == 0 || h.off == len(h.buf):
			return total, nil
		}
	}
}

// decodeInPlace removes the framing from bytes that were read straight into the
// caller's memory. Content only ever moves towards the front.
func (h *h1Conn) decodeInPlace(resp *ClientResponse, p []byte) (int, error) {
	total := 0
	for in := p; ; {
		ev, n, err := h.dec.Next(in)
		in = in[n:]
		switch {
		case err != nil:
			return total, h.bodyError(resp, err)
		case ev.Kind == http1.EventData:
			total += copy(p[total:], ev.Data)
		case ev.Kind == http1.EventEnd:
			resp.surplus = len(in) > 0
			h.finish(resp)
			return total, io.EOF
		default:
			return total, nil
		}
	}
}

// bodyEnd handles an error of the wire while a body is read. For a body without
// length the end of the connection is its end.
func (h *h1Conn) bodyEnd(ctx context.Context, resp *ClientResponse, err error, deadline time.Duration) error {
	if err == io.EOF {
		ev, parse := h.dec.EOF()
		if parse == nil && ev.Kind == http1.EventEnd {
			h.reusable = false
			h.finish(resp)
			return io.EOF
		}
		return h.bodyError(resp, parse)
	}
	h.abort()
	if isReset(err) {
		return resp.payloadError(err)
	}
	return ioFailure(ctx, resp, err, PhaseBody, deadline)
}

func (h *h1Conn) bodyError(resp *ClientResponse, err error) error {
	h.abort()
	return resp.payloadError(err)
}

func (h *h1Conn) buffered() int { return len(h.buf) - h.off }

// finish ends an exchange whose response is complete and gives the connection back.
func (h *h1Conn) finish(resp *ClientResponse) {
	resp.trailer = h.dec.Trailer()
	resp.surplus = resp.surplus || h.off < len(h.buf)
	quiet := !h.wire.Readable() || !h.passive && !h.wire.Probe()
	if !quiet || resp.surplus || !h.sent || !h.reusable || h.closed {
		h.abort()
		return
	}
	h.dropBuffer()
	h.owner.release(h.slot)
}

// rest watches the connection while it is idle: whatever arrives then, data nobody
// asked for or the end, ends it.
func (h *h1Conn) rest() { h.wire.OnReadable(h.onStir) }

// discardBuffered implements bodySource.
func (h *h1Conn) discardBuffered(resp *ClientResponse) (n int, err error) {
	h.passive = true
	defer func() { h.passive = false }()
	var scrap [512]byte
	for err == nil && h.off < len(h.buf) {
		var k int
		k, err = h.decode(resp, scrap[:])
		n += k
	}
	return n, err
}

// abort closes the connection and frees its slot.
func (h *h1Conn) abort() {
	h.abandon()
	h.owner.discard(h.slot)
}

// abandon implements pooled: it closes the connection, whose slot the pool has
// already taken back.
func (h *h1Conn) abandon() {
	if h.closed {
		return
	}
	h.closed = true
	h.dropBuffer()
	h.wire.OnReadable(nil)
	h.wire.Close()
}

func (h *h1Conn) dropBuffer() {
	if h.buf != nil {
		h.owner.buffers.put(h.buf)
		h.buf, h.off = nil, 0
	}
}
