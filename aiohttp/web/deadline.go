package web

// Deadlines of a connection: for the next request, the rest of a head, more of a body, the end of what is thrown away,
// and for a client that does not take what was written. They share one timer, and most of them never touch it.

import "time"

// deadline says until when the client has to do something; the zero value is no deadline.
type deadline struct {
	kind deadlineKind
	at   time.Duration
}

// deadlineKind says what the client has to do.
type deadlineKind uint8

const (
	deadlineNone   deadlineKind = iota
	deadlineIdle                // begin another request
	deadlineHead                // complete a head
	deadlineBody                // send more of a body
	deadlineLinger              // stop sending
	deadlineClose               // take the last of what was written
)

// await sets the deadline for what the client sends.
func (c *conn) await(kind deadlineKind, d time.Duration) {
	c.due = deadline{}
	if d > 0 {
		c.due = deadline{kind, c.server.loop.Time() + d}
		c.arm(c.due.at)
	}
}

// arm makes sure that the timer fires at the given time or before. One timer serves all deadlines of a connection, and
// a later one leaves it as it is: the timer finds out when it fires. So the deadline after each request costs no timer
// operation.
func (c *conn) arm(at time.Duration) {
	if c.timer != nil {
		if c.timer.When() <= at {
			return
		}
		c.timer.Cancel()
	}
	c.timer = c.server.loop.CallAt(at, c.timerFired)
}

// calm removes the deadline.
func (c *conn) calm() { c.due = deadline{} }

func (c *conn) timerFired() {
	c.timer = nil
	now := c.server.loop.Time()
	if c.writeDue > 0 && now >= c.writeDue {
		c.abort()
		return
	}
	if due := c.due; due.kind != deadlineNone && now >= due.at {
		c.calm()
		c.expired(due.kind)
	}
	if c.writeDue > 0 {
		c.arm(c.writeDue)
	}
	if c.due.kind != deadlineNone {
		c.arm(c.due.at)
	}
}

// expired does what a missed deadline demands.
func (c *conn) expired(kind deadlineKind) {
	switch kind {
	case deadlineHead:
		if c.phase == phaseHead {
			c.inputOver, c.lastRequest = true, true
			c.refuse(HTTPRequestTimeout())
			return
		}
		c.hangUp(false)
	case deadlineIdle:
		c.hangUp(false)
	case deadlineBody:
		c.inputOver, c.lastRequest = true, true
		c.req.body.fail(HTTPRequestTimeout())
	case deadlineLinger:
		if c.phase == phaseDraining {
			c.hangUp(true)
			return
		}
		c.abort()
	case deadlineClose:
		c.abort()
	}
}
