package web

// The sending side of a connection. Output gathers in a buffer and goes to the transport in as few writes as can be:
// the head of a response with its body, the answers to pipelined requests together. A handler that writes a stream
// has each piece sent at once. The buffers belong to the server and move to where output is; a connection at rest has
// none.

import (
	"context"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/http1"
)

// flushSize is how much output is gathered at most; larger pieces are handed over as they are.
const flushSize = 64 << 10

const continueLine = "HTTP/1.1 100 Continue\r\n\r\n"

// buffer returns the output gathered so far, for appending.
func (c *conn) buffer() []byte {
	if c.out == nil {
		c.out = c.server.takeBuffer()
	}
	return c.out
}

// flush hands the gathered output to the transport.
func (c *conn) flush() {
	if c.out == nil {
		return
	}
	out := c.out
	c.out = nil
	if len(out) > 0 && c.phase != phaseClosed {
		c.transport.Write(out)
	}
	c.server.putBuffer(out)
}

func (c *conn) discardOutput() {
	if c.out != nil {
		c.server.putBuffer(c.out)
		c.out = nil
	}
}

// flushSoon lets the handler add the first piece of the body before the head is sent.
func (c *conn) flushSoon() {
	if c.consuming || c.answering || c.flushPlanned {
		return
	}
	c.flushPlanned = true
	c.server.loop.CallSoon(func() {
		c.flushPlanned = false
		c.flush()
	})
}

// open reports whether output can still reach the client.
func (c *conn) open() bool { return c.phase < phaseLingering }

// sendContinue tells a client that waits for it to send the body.
func (c *conn) sendContinue(req *Request) {
	if c == nil || !c.continueOwed || c.req != req || c.resp != nil || !c.open() {
		return
	}
	c.continueOwed = false
	c.out = append(c.buffer(), continueLine...)
	c.flushSoon()
}

// sendHead sends the head of a response.
func (c *conn) sendHead(req *Request, resp AnyResponse) error {
	o := resp.base()
	switch {
	case o.fault != nil:
		return o.fault
	case !c.open() || c.req != req:
		return ErrConnectionLost
	case c.resp != nil:
		return ErrResponseSent
	}
	h := resp.head()
	h.shared = c.server.sharedLines()
	q := asked{method: req.Method, minor: req.minor, keepAlive: c.mayKeepAlive(req, o)}
	start := len(c.buffer())
	out, framing, length, keepAlive, err := h.appendTo(c.out, q)
	if err != nil {
		c.out = out[:start]
		return err
	}
	c.out = out
	o.req, o.conn, o.framing, o.left, o.keepAlive = req, c, framing, length, keepAlive
	o.state, o.status = responsePrepared, h.status
	c.resp = o
	c.flushSoon()
	return nil
}

// mayKeepAlive decides whether the connection could serve another request after this response.
func (c *conn) mayKeepAlive(req *Request, o *outgoing) bool {
	if !req.keepAlive || c.lastRequest || o.forceClose || c.server.stopping || c.continueOwed {
		return false
	}
	b := &req.body
	return b.state != bodyOpen || !c.answering || b.length-b.received <= int64(c.server.options.drainLimit)
}

// sendBody sends a piece of the body of o. A large piece is not copied.
func (c *conn) sendBody(o *outgoing, p []byte) error {
	wanted, err := c.beginPiece(o, len(p))
	if !wanted {
		return err
	}
	if len(p) > flushSize {
		c.flush()
		c.transport.Write(p)
	} else {
		c.out = append(c.buffer(), p...)
	}
	c.endPiece(o, len(p))
	return nil
}

// sendText is sendBody for a string.
func (c *conn) sendText(o *outgoing, p string) error {
	wanted, err := c.beginPiece(o, len(p))
	if !wanted {
		return err
	}
	c.out = append(c.buffer(), p...)
	c.endPiece(o, len(p))
	return nil
}

// beginPiece sends what stands before n bytes of the body. It returns false if the bytes are not to be sent.
func (c *conn) beginPiece(o *outgoing, n int) (bool, error) {
	if !c.open() || c.resp != o {
		return false, ErrConnectionLost
	}
	if n == 0 || o.framing == framingNone {
		return false, nil
	}
	switch o.framing {
	case framingLength:
		if int64(n) > o.left {
			return false, ErrContentLength
		}
		o.left -= int64(n)
	case framingChunked:
		c.out = http1.AppendChunkHead(c.buffer(), n)
	}
	return true, nil
}

// endPiece sends what stands behind n bytes of the body.
func (c *conn) endPiece(o *outgoing, n int) {
	if o.framing == framingChunked {
		c.out = append(c.buffer(), "\r\n"...)
	}
	o.sent += int64(n)
	if !c.answering || len(c.out) > flushSize {
		c.flush()
	}
}

// sendEnd ends the body of o. A body shorter than its announced length cannot be mended: the connection is aborted, so
// that the client does not take it for complete.
func (c *conn) sendEnd(o *outgoing) error {
	o.state = responseEnded
	if !c.open() || c.resp != o {
		return ErrConnectionLost
	}
	switch {
	case o.framing == framingLength && o.left > 0:
		c.abort()
		return ErrContentLength
	case o.framing == framingChunked:
		c.out, _ = http1.AppendLastChunk(c.buffer(), nil) // only trailers can fail
	}
	if !c.answering {
		c.flush()
	}
	return nil
}

// PauseWriting is called when the client takes data more slowly than it is written.
func (c *conn) PauseWriting() {
	c.writePaused = true
	if c.webSocket != nil {
		c.webSocket.PauseWriting()
	}
	if d := c.server.options.writeTimeout; d > 0 {
		c.writeDue = c.server.loop.Time() + d
		c.arm(c.writeDue)
	}
}

// ResumeWriting is called when there is room again.
func (c *conn) ResumeWriting() {
	c.writePaused, c.writeDue = false, 0
	if c.webSocket != nil {
		c.webSocket.ResumeWriting()
	}
	c.wakeWriters()
}

// drain waits until the client has taken enough of what was written.
func (c *conn) drain(ctx context.Context) error {
	for c.writePaused && c.open() {
		if c.writable == nil {
			c.writable = asyncio.NewFuture[struct{}](ctx)
		}
		if _, err := c.writable.Await(ctx); err != nil {
			return err
		}
	}
	if !c.open() {
		return ErrConnectionLost
	}
	return nil
}

func (c *conn) wakeWriters() {
	if w := c.writable; w != nil {
		c.writable = nil
		w.SetResult(struct{}{})
	}
}
