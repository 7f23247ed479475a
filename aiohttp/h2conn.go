package aiohttp

// A connection that speaks HTTP/2, many requests at a time.
//
// It is the protocol of an asyncio.Transport: what arrives is decoded where it lies and left with the streams it belongs
// to, whose tasks are then woken. What is to be sent gathers in the codec and leaves in one write a turn of the loop, so
// that requests which begin together travel together, and acknowledgements with them. No task and no goroutine belongs to the
// connection. How many requests it carries is for the pool to plan; the connection reports what the server allows, and its
// end.

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/http2"
)

const (
	// The head of a response may have as many fields as the limits of the connection's first request say, each as long as it may
	// be, between these bounds. Other requests have their own limits checked besides.
	minHead = 128 * 8190
	maxHead = 16 << 20
	// initialRoom is how many requests a connection takes before the server has said how many it allows.
	initialRoom = 100
	// relaxEvery is how often a connection on which something arrives is forgiven frames without content.
	relaxEvery = time.Second
)

// Why a connection ended, where that was not the protocol's doing.
var (
	errGoneAway  = errors.New("the server ended the connection before it had looked at the request")
	errPingLost  = errors.New("the server no longer answers pings")
	errNoStreams = errors.New("the connection takes no further requests")
)

// h2Conn is one connection. It belongs to a slot of the pool.
type h2Conn struct {
	asyncio.BaseProtocol
	owner *poolConnector
	slot  *slot
	wire  *asyncio.Transport
	codec *http2.Conn
	heads headEncoder

	served  uint64 // requests begun
	closed  bool
	goodbye *http2.Error // the server said why it is about to hang up

	onFlush  func() // flush, for CallSoon
	flushing bool   // it is scheduled
	full     bool   // the wire takes no more for the moment
	blocked  []*h2Upload

	alarm h2Alarm
	pulse h2Pulse
}

// beginHTTP2 makes a connection of a wire and gives it its first request.
func (p *poolConnector) beginHTTP2(r *ClientRequest, s *slot, w *connWire) transport {
	limits := r.call.opts.limits
	head := cmp.Or(limits.MaxHeaders, 128) * cmp.Or(limits.MaxField, 8190)
	h := &h2Conn{owner: p, slot: s}
	h.codec = http2.NewConn(http2.Config{MaxHeaderList: uint32(min(max(head, minHead), maxHead))})
	h.onFlush = h.flush
	h.wire = asyncio.NewTransport(w.conn, h)
	h.alarm.init(h)
	h.pulse.init(h)
	p.plan.dialedShared(s, h, initialRoom, p.loop.Time())
	return h.stream()
}

func (h *h2Conn) stream() transport {
	h.served++
	s := &h2Stream{conn: h, first: h.served == 1}
	s.Owner = s
	s.wait.deadline = noDeadline
	return s
}

// take implements reusable.
func (h *h2Conn) take() (transport, bool) {
	switch {
	case h.closed:
		return nil, false
	case !h.codec.Usable() || h.codec.MaxStreams() == 0: // idle, and yet it takes nothing
		h.retire()
		h.owner.release(h.slot)
		return nil, false
	}
	return h.stream(), true
}

// rest implements reusable: the transport goes on watching the connection.
func (h *h2Conn) rest() {}

// retire lets the connection take no further requests.
func (h *h2Conn) retire() { h.owner.plan.retire(h.slot, h.owner.loop.Time()) }

// abandon implements pooled.
func (h *h2Conn) abandon() {
	if !h.closed {
		h.codec.GoAway()
		h.shut(ErrResponseClosed)
	}
}

// shut ends the connection, and with why all requests on it. What the server is to be told goes first, unless it is not
// listening.
func (h *h2Conn) shut(why error) {
	if h.closed {
		return
	}
	h.closed = true
	h.alarm.stop()
	h.pulse.stop()
	if !h.wire.IsClosing() {
		h.wire.Write(h.codec.Output())
		h.codec.Sent()
		if h.wire.WriteBufferSize() > 0 {
			h.wire.Abort()
		} else {
			h.wire.Close()
		}
	}
	for _, s := range h.codec.Streams() {
		h.codec.Forget(s)
		s.Owner.(*h2Stream).fail(why, h.resendAfter(why))
	}
}

// lose is shut for a connection that ended by itself, whose slot the pool is to get back.
func (h *h2Conn) lose(why error) {
	h.shut(why)
	h.owner.discard(h.slot)
}

// resendAfter says which requests may be sent again when the connection has ended like this. One that had been kept was dead
// all along, most likely.
func (h *h2Conn) resendAfter(why error) resend {
	if isDrop(why) || why == errPingLost {
		return resendIdempotent
	}
	return resendNone
}

// ConnectionLost implements asyncio.Protocol.
func (h *h2Conn) ConnectionLost(err error) {
	switch {
	case h.goodbye != nil:
		err = h.goodbye
	case err == nil:
		err = io.EOF
	}
	if !h.closed {
		h.lose(err)
	}
}

// EOFReceived implements asyncio.Protocol. Nothing can be answered any more, hence nothing is worth being sent.
func (h *h2Conn) EOFReceived() (keepOpen bool) {
	h.ConnectionLost(nil)
	return false
}

// DataReceived implements asyncio.Protocol.
func (h *h2Conn) DataReceived(p []byte) {
	if h.pulse.beat() {
		h.codec.Relax()
	}
	for !h.closed {
		ev, n, err := h.codec.Next(p)
		p = p[n:]
		if err != nil {
			h.lose(err)
			return
		}
		if ev.Kind == http2.NeedMore {
			break
		}
		h.dispatch(&ev)
	}
	h.flushSoon() // behind the tasks that were woken, who may have more to say
}

// dispatch leaves an event with those it concerns.
func (h *h2Conn) dispatch(ev *http2.Event) {
	switch ev.Kind {
	case http2.EventSettings:
		h.owner.plan.setRoom(h.slot, h.codec.MaxStreams(), h.owner.loop.Time())
		h.unblock()
	case http2.EventGoAway:
		h.goAway(ev)
	case http2.EventPong:
	case http2.EventWindow:
		if ev.Stream == nil {
			h.unblock()
		} else if u := ev.Stream.Owner.(*h2Stream).upload; u != nil {
			u.wait.news.Set()
		}
	default:
		ev.Stream.Owner.(*h2Stream).take(ev)
	}
}

// goAway notes that the server is about to end the connection. What it has not looked at it never will.
func (h *h2Conn) goAway(ev *http2.Event) {
	if ev.Code != http2.NoError {
		h.goodbye = &http2.Error{Code: ev.Code, Remote: true, Detail: "the server said goodbye"}
	}
	for _, s := range h.codec.Streams() {
		if s.ID() > ev.Last {
			h.codec.Forget(s)
			unseen := s.Owner.(*h2Stream)
			unseen.older = ev.Code == http2.HTTP11Required
			unseen.fail(errGoneAway, resendAny)
		}
	}
	h.retire()
}

// flushSoon has what is to be sent leave once everybody has had a turn.
func (h *h2Conn) flushSoon() {
	if !h.flushing && !h.closed {
		h.flushing = true
		h.owner.loop.CallSoon(h.onFlush)
	}
}

// flush hands the output to the wire, unless that is full: the codec bounds what gathers meanwhile.
func (h *h2Conn) flush() {
	h.flushing = false
	if h.closed || h.full {
		return
	}
	if out := h.codec.Output(); len(out) > 0 {
		h.wire.Write(out)
		h.codec.Sent()
		if !h.full {
			h.unblock()
		}
	}
}

// PauseWriting implements asyncio.FlowProtocol.
func (h *h2Conn) PauseWriting() { h.full = true }

// ResumeWriting implements asyncio.FlowProtocol.
func (h *h2Conn) ResumeWriting() {
	h.full = false
	h.flush()
	h.unblock()
}

// unblock wakes the uploads that wait for room, those that have waited longest first. Who still finds none waits behind the
// others.
func (h *h2Conn) unblock() {
	for i, u := range h.blocked {
		u.listed = false
		u.wait.news.Set()
		h.blocked[i] = nil
	}
	h.blocked = h.blocked[:0]
}

// failure makes the public error of what ended a request.
func (h *h2Conn) failure(e errand, p Phase, err error) error {
	w := e.where(p)
	var broken *http2.Error
	switch {
	case errors.Is(err, http2.ErrHeadTooLarge), err == errTooManyInterim:
		return headRefused(e, err)
	case errors.As(err, &broken):
		return &HTTP2Error{Where: w, Code: HTTP2ErrorCode(broken.Code), Connection: broken.Stream == 0, Err: err}
	case err == errGoneAway || err == errPingLost || err == errNoStreams:
		return &ServerDisconnectedError{Where: w, Err: err}
	}
	return ioError(e, p, err)
}

// close gives a request's place on the connection up.
func (h *h2Conn) close(s *h2Stream, code http2.ErrCode) {
	h.codec.Reset(&s.Stream, code)
	h.flushSoon()
	h.owner.release(h.slot)
}

var (
	_ reusable             = (*h2Conn)(nil)
	_ asyncio.FlowProtocol = (*h2Conn)(nil)
	_ transport            = (*h2Stream)(nil)
	_ bodySource           = (*h2Stream)(nil)
)

// ended is asyncio's error for a task whose context has ended.
func ended(ctx context.Context) error { return asyncio.Sleep(ctx, 0) }
