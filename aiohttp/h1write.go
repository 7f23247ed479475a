package aiohttp

// Sending a body that is not small.
//
// While it is sent, a second task already waits for the answer: a server may refuse
// an upload at its first byte and stop reading, and then the upload must end, not
// hang. The body is produced in the task that made the request, because an iterator
// belongs to that task; the second one only reads the head.

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/http1"
)

// maxInline is the longest body that is sent in one write with its head.
const maxInline = 16 << 10

// consentWait is how long a server has to answer Expect: 100-continue.
const consentWait = time.Second

var (
	errAnswered       = errors.New("answered before the body was sent")
	errTooManyInterim = errors.New("too many interim responses")
)

func expects100(r *ClientRequest) bool {
	if r.Headers == nil {
		return r.call.opts.expect100 && r.body != nil
	}
	return asciiLower(r.Headers.Get("Expect")) == "100-continue"
}

// listsToken reports whether a comma-separated list has the token, in any case.
func listsToken(list, token string) bool {
	for part := range strings.SplitSeq(list, ",") {
		if asciiLower(strings.Trim(part, " \t")) == token {
			return true
		}
	}
	return false
}

// duplex sends head and body and reads the head of the answer at the same time.
func (h *h1Conn) duplex(ctx context.Context, r *ClientRequest, resp *ClientResponse) error {
	sending, stop := asyncio.WithDeadline(ctx, noDeadline)
	defer stop()
	w := &bodyWriter{conn: h, req: r, resp: resp, ctx: sending}
	if expects100(r) {
		w.consent = asyncio.NewFuture[struct{}](ctx)
	}
	if err := w.write(r.call.head); err != nil {
		return w.failure(ctx, err)
	}
	r.call.dropHead()
	r.call.trace.headersSent(ctx, r.Headers)
	watch := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
		err := h.readHead(ctx, r, resp, r.call.clock.end, w.mayGoOn)
		w.answered = true
		w.mayGoOn()
		stop() // interrupts a write in progress
		return struct{}{}, err
	}, asyncio.WithName("aiohttp response head"))

	awaited := false
	defer func() {
		if !awaited { // the body panicked
			watch.Cancel(nil)
		}
	}()
	err := w.send(ctx)
	awaited = true
	answered := w.answered
	var broken *wireError
	hungUp := errors.As(err, &broken) && isDrop(broken.err)
	h.sent, resp.uploaded = err == nil, err == nil
	if err != nil && !answered && !hungUp {
		watch.Cancel(err)
	}
	headErr := h.awaitHead(ctx, r, watch)
	if err == nil || answered || hungUp && headErr == nil {
		return headErr // what the peer had to say before it hung up counts
	}
	return w.failure(ctx, err)
}

// awaitHead waits for the task that reads the head; from now on the limit for it
// counts. The task never outlives the call.
func (h *h1Conn) awaitHead(ctx context.Context, r *ClientRequest, watch *asyncio.Task[struct{}]) error {
	deadline := r.deadline(PhaseHeader)
	limited, cancel := asyncio.WithDeadline(ctx, deadline)
	_, err := watch.Await(limited)
	cancel()
	if watch.Done() {
		return err
	}
	watch.Cancel(err)
	watch.Await(context.WithoutCancel(ctx))
	if ctx.Err() != nil {
		return err
	}
	return r.expired(PhaseHeader, deadline)
}

// wireError marks an error as one of the connection, not of the body's source.
type wireError struct {
	err      error
	deadline time.Duration
}

func (e *wireError) Error() string { return e.err.Error() }
func (e *wireError) Unwrap() error { return e.err }

// bodyWriter frames a body and sends it.
type bodyWriter struct {
	conn     *h1Conn
	req      *ClientRequest
	resp     *ClientResponse
	ctx      context.Context // ends when the answer is there
	consent  *asyncio.Future[struct{}]
	answered bool
	written  int64
	frame    []byte // chunk under construction
}

// mayGoOn is called when a server consents to a body, or answers without.
func (w *bodyWriter) mayGoOn() {
	if w.consent != nil && !w.consent.Done() {
		w.consent.SetResult(struct{}{})
	}
}

// send produces the body and sends it with its framing.
func (w *bodyWriter) send(ctx context.Context) error {
	if w.consent != nil && w.req.framing.length != 0 { // nobody need consent to nothing
		limited, cancel := asyncio.WithTimeout(ctx, consentWait)
		w.consent.Await(limited) // silence is consent
		cancel()
		if w.answered {
			return errAnswered
		}
	}
	sink := w.plain
	length := w.req.framing.length
	if length < 0 {
		w.frame = w.conn.owner.buffers.takeLarge()
		defer func() { w.conn.owner.buffers.putLarge(w.frame[:cap(w.frame)]) }()
		sink = w.chunk
	}
	if w.req.call.trace != nil {
		inner := sink
		sink = func(p []byte) error {
			err := inner(p)
			if err == nil {
				w.req.call.trace.chunkSent(ctx, p)
			}
			return err
		}
	}
	if err := w.req.body.push(w.ctx, sink); err != nil { // an answer, or the end of the time, interrupts a source that has nothing yet
		return err
	}
	if length < 0 {
		last, err := http1.AppendLastChunk(nil, http1.Header(w.req.call.opts.trailer))
		if err != nil {
			return err
		}
		return w.write(last)
	}
	if w.written < length {
		return fmt.Errorf("the body ended after %d of the %d bytes announced in Content-Length", w.written, length)
	}
	return nil
}

// plain sends bytes of a body with known length.
func (w *bodyWriter) plain(p []byte) error {
	if w.written += int64(len(p)); w.written > w.req.framing.length {
		return fmt.Errorf("the body is longer than the %d bytes announced in Content-Length", w.req.framing.length)
	}
	if err := w.write(p); err != nil {
		return err
	}
	w.resp.output = w.written
	return nil
}

// chunk sends bytes as chunks, each in one write.
func (w *bodyWriter) chunk(p []byte) error {
	const overhead = 32
	for len(p) > 0 {
		n := min(len(p), cap(w.frame)-overhead)
		w.frame = http1.AppendChunk(w.frame[:0], p[:n])
		if err := w.write(w.frame); err != nil {
			return err
		}
		w.written += int64(n)
		w.resp.output = w.written
		p = p[n:]
	}
	return nil
}

func (w *bodyWriter) write(p []byte) error {
	if w.answered {
		return errAnswered
	}
	deadline := w.req.deadline(PhaseWrite)
	if _, err := w.conn.wire.Write(w.ctx, p, deadline); err != nil {
		if w.answered {
			return errAnswered
		}
		return &wireError{err, deadline}
	}
	return nil
}

// failure makes the public error of a body that could not be sent.
func (w *bodyWriter) failure(ctx context.Context, err error) error {
	var broken *wireError
	if errors.As(err, &broken) {
		return ioFailure(ctx, w.req, broken.err, PhaseWrite, broken.deadline)
	}
	if ctx.Err() != nil {
		return err
	}
	return w.req.payloadError(err)
}
