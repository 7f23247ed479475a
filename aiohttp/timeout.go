package aiohttp

// Time limits.
//
// A request passes through phases, and each may have its own limit; a limit for
// the whole runs beside them. At any moment only the nearest of them matters, so
// nothing is started or stopped when a phase begins: a clock compares the nearest
// moment with the phase it is in and knows afterwards whose limit it was. One
// deadline on the connection serves a request with every limit set.

import (
	"cmp"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// ClientTimeout holds the time limits of a request. In every member zero means
// the default and a negative value means no limit. A request's own ClientTimeout
// replaces the session's member by member.
//
// Where Python's ClientTimeout has connect, sock_connect and sock_read, the
// members here are one per phase: waiting for a free connection is Pool, not part
// of connecting.
type ClientTimeout struct {
	// Total bounds the whole request: waiting, redirects, middlewares, and
	// reading the body. The default is 5 minutes, or the longest of the other
	// members if that is more.
	Total time.Duration
	// Pool bounds waiting for a connection when the limits of the connector are
	// reached. Default: none.
	Pool time.Duration
	// DNS bounds one host name look-up. Default: none.
	DNS time.Duration
	// Dial bounds connecting to one host, over all its addresses. Through a proxy it
	// bounds connecting to the proxy and, once more, the proxy's answer. Default: none.
	Dial time.Duration
	// TLS bounds one handshake. Default: 60 s.
	TLS time.Duration
	// WriteRequest bounds one write of the request that makes no progress.
	// Default: none.
	WriteRequest time.Duration
	// ResponseHeader bounds the wait from the end of the request to the end of
	// the response head. Default: none.
	ResponseHeader time.Duration
	// ReadIdle bounds the gap between two arrivals of body bytes. The time a
	// slow consumer takes between two reads does not count. Default: none.
	ReadIdle time.Duration
}

const defaultTotalTimeout = 5 * time.Minute

// over lays t over base: members of t that are zero are taken from base.
func (t ClientTimeout) over(base ClientTimeout) ClientTimeout {
	return ClientTimeout{
		Total:          cmp.Or(t.Total, base.Total),
		Pool:           cmp.Or(t.Pool, base.Pool),
		DNS:            cmp.Or(t.DNS, base.DNS),
		Dial:           cmp.Or(t.Dial, base.Dial),
		TLS:            cmp.Or(t.TLS, base.TLS),
		WriteRequest:   cmp.Or(t.WriteRequest, base.WriteRequest),
		ResponseHeader: cmp.Or(t.ResponseHeader, base.ResponseHeader),
		ReadIdle:       cmp.Or(t.ReadIdle, base.ReadIdle),
	}
}

// total is the effective limit for the whole request, or a negative value.
func (t *ClientTimeout) total() time.Duration {
	if t.Total != 0 {
		return t.Total
	}
	return max(defaultTotalTimeout, t.Pool, t.DNS, t.Dial, t.TLS, t.WriteRequest, t.ResponseHeader, t.ReadIdle)
}

// of returns the limit of one phase; zero or less means none.
func (t *ClientTimeout) of(p Phase) time.Duration {
	switch p {
	case PhasePool:
		return t.Pool
	case PhaseDNS:
		return t.DNS
	case PhaseDial, PhaseProxy:
		return t.Dial
	case PhaseTLS:
		return t.TLS
	case PhaseWrite:
		return t.WriteRequest
	case PhaseHeader:
		return t.ResponseHeader
	case PhaseBody:
		return t.ReadIdle
	}
	return 0
}

// requestClock knows the limits of one request and when it started. All times
// are those of the loop; noDeadline stands for never.
type requestClock struct {
	limits *ClientTimeout
	end    time.Duration // when Total runs out
}

// noDeadline is later than any loop time.
const noDeadline = time.Duration(1<<63 - 1)

func (c *requestClock) start(limits *ClientTimeout, now time.Duration) {
	c.limits = limits
	c.end = noDeadline
	if total := limits.total(); total > 0 && total < noDeadline-now {
		c.end = now + total
	}
}

// deadline returns the nearest moment at which a wait in phase p, begun now,
// must end.
func (c *requestClock) deadline(p Phase, now time.Duration) time.Duration {
	if limit := c.limits.of(p); limit > 0 && limit < c.end-now {
		return now + limit
	}
	return c.end
}

// from is when a wait in phase p that begins now must end. The time is only asked for if the phase has a limit of
// its own.
func (c *requestClock) from(p Phase, l *asyncio.EventLoop) time.Duration {
	if !c.limited(p) {
		return c.end
	}
	return c.deadline(p, l.Time())
}

// limited reports whether phase p has a limit of its own: only then is the time
// needed to find its deadline.
func (c *requestClock) limited(p Phase) bool { return c.limits.of(p) > 0 }

// expired makes the error of a wait in w.Phase that ended at the given deadline.
func (c *requestClock) expired(w Where, deadline time.Duration) error {
	if deadline >= c.end {
		return &TotalTimeoutError{Where: w, Limit: c.limits.total()}
	}
	limit := c.limits.of(w.Phase)
	switch w.Phase {
	case PhasePool, PhaseDNS, PhaseDial, PhaseProxy, PhaseTLS:
		return &ConnectionTimeoutError{Where: w, Limit: limit}
	}
	return &SocketTimeoutError{Where: w, Limit: limit}
}
