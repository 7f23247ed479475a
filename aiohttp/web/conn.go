package web

// A connection, as a state machine of callbacks: bytes come in, requests come out of them one after the other, and the
// responses go out in the same order. Nothing here waits, so a connection without a request costs no coroutine.
//
// Requests are taken from the input one at a time. What a client pipelines behind a request stays bytes until the
// response is out: at most readBuffer of them, then the socket is not read any more. So the queue is bounded in
// memory, not only in number, and a request never waits half-parsed.
//
//	idle ──first byte──▶ head ──head complete──▶ handling ──response out──▶ idle
//	                                                │  └─body unread─▶ draining ─▶ idle
//	                                                └─last response─▶ lingering ─▶ closing ─▶ closed

import (
	"net"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/http1"
)

// transport is the socket below a connection. No method blocks.
type transport interface {
	Write(p []byte) // does not keep p
	WriteEOF()      // closes our side once everything is written
	Close()         // closes once everything is written
	Abort()         // closes at once
	PauseReading()  // idempotent
	ResumeReading() // idempotent
	LocalAddr() net.Addr
	RemoteAddr() net.Addr
}

// phase is where a connection is in its life.
type phase uint8

const (
	phaseIdle      phase = iota // between requests
	phaseHead                   // a head has begun to arrive
	phaseHandling               // a request is being answered; its body may still be arriving
	phaseDraining               // the answer is out, the rest of the request's body is thrown away
	phaseLingering              // our side is closed; input is thrown away so that no reset destroys the answer
	phaseClosing                // the transport is writing the last bytes
	phaseClosed                 // the transport is gone
)

// String names the phase.
func (p phase) String() string {
	return [...]string{"idle", "head", "handling", "draining", "lingering", "closing", "closed"}[p]
}

type conn struct {
	server    *server
	transport transport
	decoder   *http1.Decoder          // nil while idle
	req       *Request                // being received or answered
	resp      *outgoing               // the answer, once its head is sent
	task      *asyncio.Task[struct{}] // runs the handler
	pending   []byte                  // input behind the current request
	out       []byte                  // output that was not handed to the transport yet
	writable  *asyncio.Future[struct{}]
	timer     *asyncio.TimerHandle
	webSocket *aiohttp.WSProtocol // what the connection has become; nil: it speaks HTTP
	due       deadline
	writeDue  time.Duration // until when a stalled client has to take output; 0: it is not stalled
	dropped   int           // bytes of input thrown away
	prev      *conn
	next      *conn
	phase     phase

	consuming    bool // consume is running: output is flushed at its end
	answering    bool // the handler has returned: output is flushed when the answer is complete
	flushPlanned bool
	readPaused   bool
	writePaused  bool
	busy         bool // the handler of req runs
	lastRequest  bool // no request after this one
	eof          bool // the client has closed its side
	inputOver    bool // what arrives is not HTTP any more
	continueOwed bool // the client waits for 100 Continue
	secure       bool
}

func (c *conn) enter(p phase) { c.phase = p }

// connected begins the life of the connection.
func (c *conn) connected(t transport) {
	c.transport = t
	c.server.add(c)
	if c.server.stopping {
		c.transport.Abort()
		return
	}
	c.await(deadlineHead, c.server.options.headTimeout)
}

// DataReceived takes what has arrived. p is not kept.
func (c *conn) DataReceived(p []byte) {
	switch {
	case c.phase >= phaseClosing:
		return
	case c.webSocket != nil:
		c.webSocket.DataReceived(p)
		return
	case c.phase == phaseLingering || c.inputOver:
		c.drop(len(p))
		return
	}
	if len(c.pending) > 0 || !c.accepts() {
		c.pending = append(c.pending, p...)
		c.regulate()
		return
	}
	rest := c.consume(p)
	if c.webSocket != nil {
		c.feedWebSocket(rest)
		return
	}
	if len(rest) > 0 {
		c.pending = append(c.pending, rest...)
	}
	c.regulate()
	c.flush()
}

// resume goes on with input that had to wait.
func (c *conn) resume() {
	if c.webSocket != nil {
		return
	}
	if c.phase >= phaseLingering || c.inputOver || c.consuming {
		c.pending = nil
		return
	}
	if c.accepts() {
		rest := c.consume(c.pending)
		c.pending = nil
		if c.webSocket != nil {
			c.feedWebSocket(rest)
			return
		}
		if len(rest) > 0 {
			c.pending = rest
		}
	}
	c.regulate()
	c.flush()
}

// accepts reports whether input would be used now.
func (c *conn) accepts() bool {
	switch c.phase {
	case phaseIdle, phaseHead:
		return !c.lastRequest
	case phaseHandling:
		return c.req.body.state == bodyOpen && !c.inputOver
	case phaseDraining:
		return c.req.body.state == bodyOpen
	}
	return false
}

// consume decodes input as far as it is wanted and returns the rest.
func (c *conn) consume(in []byte) []byte {
	c.consuming = true
	defer func() { c.consuming = false }()
	if c.decoder == nil {
		c.decoder = c.server.takeDecoder()
	}
	for c.accepts() {
		ev, n, err := c.decoder.Next(in)
		in = in[n:]
		if err != nil {
			c.malformed(err)
			return nil
		}
		switch ev.Kind {
		case http1.EventHead:
			c.beginRequest(c.decoder.Head())
		case http1.EventData:
			c.takeBody(ev.Data)
		case http1.EventEnd:
			c.endInput()
			if c.phase == phaseIdle && len(in) == 0 {
				c.rest()
				return nil
			}
		case http1.NeedMore:
			c.starve()
			return nil
		}
	}
	return in
}

// rest gives up what an idle connection does not need.
func (c *conn) rest() {
	c.server.putDecoder(c.decoder)
	c.decoder = nil
	if c.eof {
		c.endOfFile()
	}
}

// starve deals with the end of the input there is.
func (c *conn) starve() {
	switch {
	case c.phase == phaseIdle && !c.decoder.Idle():
		c.enter(phaseHead)
		c.await(deadlineHead, c.server.options.headTimeout)
	case c.phase == phaseHandling && !c.busy:
		c.start()
	}
	if c.eof {
		c.endOfFile()
	}
}

// endOfFile deals with the end of all input.
func (c *conn) endOfFile() {
	if c.phase != phaseHandling {
		c.hangUp(false)
		return
	}
	if c.req.body.state == bodyOpen {
		_, err := c.decoder.EOF()
		c.req.body.fail(HTTPBadRequest(WithText("Incomplete request body"), WithCause(err)))
	}
}

// beginRequest makes a request of a head. Its handler starts when the body is complete or the input is used up,
// whatever comes first: what arrived together with the head is there when the handler looks.
func (c *conn) beginRequest(h *http1.Head) {
	c.enter(phaseHandling)
	c.calm()
	c.req = c.server.newRequest(c, h)
	c.continueOwed = h.Expect100 && h.Minor > 0
	if !h.KeepAlive {
		c.lastRequest = true
	}
}

func (c *conn) takeBody(p []byte) {
	c.continueOwed = false
	if c.phase == phaseDraining {
		c.drop(len(p))
		return
	}
	c.req.body.feed(p)
}

// endInput notes that the request is complete.
func (c *conn) endInput() {
	c.continueOwed = false
	c.req.body.end()
	switch {
	case c.phase == phaseDraining:
		c.becomeIdle()
	case !c.busy:
		c.start()
	}
}

// drop counts input that nobody wants, and gives up on a client that does not stop sending it.
func (c *conn) drop(n int) {
	c.dropped += n
	switch {
	case c.phase == phaseDraining && c.dropped > c.server.options.drainLimit:
		c.hangUp(true)
	case c.phase == phaseLingering && c.dropped > lingerLimit:
		c.abort()
	}
}

// lingerLimit bounds what is thrown away after the last response.
const lingerLimit = 16 << 20

// malformed deals with input that is not HTTP. Between requests the client is told; inside a body the handler is.
func (c *conn) malformed(err error) {
	c.inputOver, c.lastRequest = true, true
	c.pending = nil
	switch c.phase {
	case phaseIdle, phaseHead:
		c.refuse(err)
	case phaseHandling:
		c.req.body.fail(HTTPBadRequest(WithText("Malformed request body"), WithCause(err)))
		if !c.busy {
			c.start()
		}
	case phaseDraining:
		c.hangUp(true)
	}
}

// refuse answers input that never became a request.
func (c *conn) refuse(err error) {
	c.enter(phaseHandling)
	c.calm()
	c.req = c.server.malformedRequest(c, err)
	c.start()
}

// EOFReceived takes note that the client will send no more. The connection stays open for the requests it has sent.
func (c *conn) EOFReceived() (keepOpen bool) {
	c.eof = true
	if c.webSocket != nil {
		return c.webSocket.EOFReceived()
	}
	if c.busy && c.server.options.handlerCancellation {
		c.enter(phaseClosing) // whether it closed one side or both cannot be told apart
		return false
	}
	if c.phase < phaseLingering && len(c.pending) == 0 {
		c.endOfFile()
	}
	if c.phase == phaseLingering {
		c.enter(phaseClosing)
		return false
	}
	return true
}

// ConnectionLost ends the life of the connection. A handler that still runs finds out when it reads or writes.
func (c *conn) ConnectionLost(err error) {
	c.enter(phaseClosed)
	if c.webSocket != nil {
		c.webSocket.ConnectionLost(err)
	}
	c.due, c.writeDue = deadline{}, 0
	if c.timer != nil {
		c.timer.Cancel()
		c.timer = nil
	}
	c.pending = nil
	c.discardOutput()
	c.server.remove(c)
	if c.req != nil {
		c.req.body.fail(ErrConnectionLost)
	}
	c.wakeWriters()
	if c.busy && c.task != nil && c.server.options.handlerCancellation {
		c.task.Cancel(ErrConnectionLost)
	}
}

// becomeIdle waits for the next request.
func (c *conn) becomeIdle() {
	c.req = nil
	c.dropped = 0
	c.enter(phaseIdle)
	if c.lastRequest || c.server.stopping {
		c.hangUp(len(c.pending) > 0)
		return
	}
	c.decoder.DeclineUpgrade()
	c.await(deadlineIdle, c.server.options.keepAlive)
	if !c.consuming && len(c.pending) == 0 {
		c.rest()
	}
}

// hangUp closes the connection after what was sent. While the client may still be sending, the close lingers: only
// our side is closed, since a full close would answer the client's bytes with a reset, which can destroy the response
// on its way.
func (c *conn) hangUp(linger bool) {
	if c.phase >= phaseLingering {
		return
	}
	c.flush()
	c.pending = nil
	if !linger || c.eof {
		c.enter(phaseClosing)
		c.await(deadlineClose, c.server.options.writeTimeout)
		c.transport.Close()
		return
	}
	c.enter(phaseLingering)
	c.dropped = 0
	c.await(deadlineLinger, c.server.options.lingering)
	c.transport.WriteEOF()
	c.regulate()
}

// abort closes the connection at once.
func (c *conn) abort() {
	if c.phase == phaseClosed {
		return
	}
	c.enter(phaseClosing)
	c.calm()
	c.discardOutput()
	c.transport.Abort()
}

// regulate stops reading from the socket while too much input waits, and goes on when there is room.
func (c *conn) regulate() {
	limit := c.server.options.readBuffer
	if c.webSocket != nil {
		return // it regulates itself
	}
	full := len(c.pending) > limit
	if c.phase == phaseHandling {
		buffered := c.req.body.Buffered()
		full = full || buffered > 2*limit || c.readPaused && buffered > limit
	}
	switch {
	case c.phase >= phaseClosing || full == c.readPaused:
	case full:
		c.readPaused = true
		c.transport.PauseReading()
	default:
		c.readPaused = false
		c.transport.ResumeReading()
	}
}

// wantBody is called when a reader is about to wait for more of the body.
func (c *conn) wantBody() {
	c.sendContinue(c.req)
	c.await(deadlineBody, c.server.options.readTimeout)
}

// bodyWaitOver is called when that wait has ended.
func (c *conn) bodyWaitOver() {
	if c.due.kind == deadlineBody {
		c.calm()
	}
}

// bodyConsumed is called when a part of the body has been read.
func (c *conn) bodyConsumed(b *BodyReader) {
	if c.readPaused && c.phase == phaseHandling && b == &c.req.body {
		c.regulate()
	}
}
