package aiotest

// Connections on which nothing gets through, and that have nothing to send: only keep-alive
// probes notice. The probes themselves are not simulated, since they would keep a program
// that waits in vain from being idle; what is, is the moment at which they would have
// failed.

import (
	"net"
	"syscall"
	"time"
)

// silence is a stream as what happens to it when nothing was heard for too long.
type silence struct {
	event
	stream *stream
}

// vanish lets nothing more through, for good.
func (c *connection) vanish() {
	if !c.severed {
		c.severed = true
		c.net.note("vanish", c.ends[0].label(), c.ends[1].label(), 0)
		c.net.watchSilence()
	}
}

// watchSilence sets the time at which connections that are cut off now are given up.
func (n *Network) watchSilence() {
	now := n.now()
	for _, s := range n.socks {
		s, ok := s.(*stream)
		if !ok || s.keep == 0 || s.state != streamOpen || s.silence != nil && s.silence.pending() {
			continue
		}
		if n.severed(s.in, now) || n.severed(s.out, now) {
			if s.silence == nil {
				s.silence = &silence{stream: s}
				s.silence.what = s.silence
			}
			n.events.schedule(&s.silence.event, now+s.keep)
		}
	}
}

// happen implements happening: unless something gets through again, the probes have failed.
func (e *silence) happen(now time.Duration) {
	s, n := e.stream, e.stream.conn.net
	if s.state == streamOpen && (n.severed(s.in, now) || n.severed(s.out, now)) {
		n.note("keep-alive fails", s.label(), s.peer().label(), 0)
		s.breakOff(syscall.ETIMEDOUT)
	}
}

// probes returns after how long of silence keep-alive gives a connection up, with the
// defaults of package net; 0 if it never does.
func probes(config net.KeepAliveConfig) time.Duration {
	if !config.Enable {
		return 0
	}
	idle, interval, count := config.Idle, config.Interval, config.Count
	if idle <= 0 {
		idle = 15 * time.Second
	}
	if interval <= 0 {
		interval = 15 * time.Second
	}
	if count <= 0 {
		count = 9
	}
	return idle + time.Duration(count)*interval
}
