package aiohttp

// Time on an HTTP/2 connection: limits of those who wait, and whether the server is still there.
//
// Each request may wait with a limit of its own, and mostly that is the total one, minutes away. So there is one timer for
// all of them, set for the nearest limit; when it fires it wakes who is late and looks for the next. A request that is
// answered in time costs a comparison.

import (
	"context"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// h2Wait is one task's place to wait for its stream.
type h2Wait struct {
	news     asyncio.Event
	deadline time.Duration // while it waits
	late     bool
}

// pause suspends the task until there is news or deadline has passed, which is no error here: late tells.
func (w *h2Wait) pause(ctx context.Context, h *h2Conn, deadline time.Duration) error {
	w.news.Clear()
	w.late, w.deadline = false, deadline
	if deadline < h.alarm.at {
		h.alarm.set(deadline)
	}
	err := w.news.Wait(ctx)
	w.deadline = noDeadline
	return err
}

func (w *h2Wait) expire(now time.Duration) (next time.Duration) {
	if w.deadline > now {
		return w.deadline
	}
	w.late, w.deadline = true, noDeadline
	w.news.Set()
	return noDeadline
}

// h2Alarm is the timer of a connection.
type h2Alarm struct {
	conn   *h2Conn
	at     time.Duration
	timer  *asyncio.TimerHandle
	onFire func()
}

func (a *h2Alarm) init(h *h2Conn) { a.conn, a.at, a.onFire = h, noDeadline, a.fire }

func (a *h2Alarm) set(at time.Duration) {
	a.stop()
	if at != noDeadline && !a.conn.closed {
		a.at, a.timer = at, a.conn.owner.loop.CallAt(at, a.onFire)
	}
}

func (a *h2Alarm) stop() {
	if a.timer != nil {
		a.timer.Cancel()
	}
	a.at, a.timer = noDeadline, nil
}

// fire wakes those whose time has run out.
func (a *h2Alarm) fire() {
	now, next := a.conn.owner.loop.Time(), noDeadline
	for _, engine := range a.conn.codec.Streams() {
		s := engine.Owner.(*h2Stream)
		next = min(next, s.wait.expire(now))
		if s.upload != nil {
			next = min(next, s.upload.wait.expire(now))
		}
	}
	a.set(next)
}

// h2Pulse finds out whether a server that says nothing is still there.
type h2Pulse struct {
	conn    *h2Conn
	heard   time.Duration // when something last arrived
	relaxed time.Duration // when the codec was last told that it is not flooded
	asked   bool          // a ping is on its way, and nothing has arrived since
	timer   *asyncio.TimerHandle
	onFire  func()
}

func (p *h2Pulse) init(h *h2Conn) {
	p.conn, p.onFire = h, p.check
	p.heard = h.owner.loop.Time()
	if after := h.owner.config.http2.pingAfter; after > 0 {
		p.timer = h.owner.loop.CallAt(p.heard+after, p.onFire)
	}
}

// beat notes that something has arrived, and reports whether the codec may relax.
func (p *h2Pulse) beat() (relax bool) {
	p.heard, p.asked = p.conn.owner.loop.Time(), false
	if relax = p.heard-p.relaxed >= relaxEvery; relax {
		p.relaxed = p.heard
	}
	return relax
}

// check asks when nothing was heard for too long, and gives the connection up when nothing is heard then.
func (p *h2Pulse) check() {
	h := p.conn
	c, now := &h.owner.config.http2, h.owner.loop.Time()
	next := p.heard + c.pingAfter
	switch {
	case p.asked:
		h.codec.GoAway()
		h.lose(errPingLost)
		return
	case next <= now:
		h.codec.Ping()
		h.flush()
		p.asked, next = true, now+c.pingTimeout
	}
	p.timer = h.owner.loop.CallAt(next, p.onFire)
}

func (p *h2Pulse) stop() {
	if p.timer != nil {
		p.timer.Cancel()
	}
}
