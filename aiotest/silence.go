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
		c.net.watchSilence(nil)
	}
}

// watchSilence sets the time at which connections that are cut off now are given up, by a
// fault that has just begun if it is not nil.
func (n *Network) watchSilence(begun *InjectedFault) {
	for _, s := range n.socks {
		if s, ok := s.(*stream); ok {
			s.watchSilence(begun)
		}
	}
}

// watchSilence is Network's for one end. What is watched already stays so, unless something
// has got through since: then nothing but the new fault is in its way.
func (s *stream) watchSilence(begun *InjectedFault) {
	if s.keep == 0 || s.state != streamOpen || !s.cutOff(nil) {
		return
	}
	if s.silence == nil {
		s.silence = &silence{stream: s}
		s.silence.what = s.silence
	}
	if !s.silence.pending() || begun != nil && !s.cutOff(begun) {
		n := s.conn.net
		n.events.schedule(&s.silence.event, n.now()+s.keep)
	}
}

// cutOff reports whether nothing gets through to the stream or away from it, or would not even
// without a fault.
func (s *stream) cutOff(without *InjectedFault) bool {
	n, now := s.conn.net, s.conn.net.now()
	return s.conn.severed || n.partedBut(without, s.host, s.peer().host, now) || n.partedBut(without, s.peer().host, s.host, now)
}

// happen implements happening: unless something gets through again, the probes have failed.
func (e *silence) happen(time.Duration) {
	if s := e.stream; s.state == streamOpen && s.cutOff(nil) {
		s.conn.net.note("keep-alive fails", s.label(), s.peer().label(), 0)
		s.breakOff(syscall.ETIMEDOUT)
	}
}

// probes returns after how long of silence keep-alive gives a connection up, with the
// defaults of package net; 0 if it never does. It is what Linux makes of them: a first probe after idle, one
// more after every interval, and the end an interval after the last that counts: 150 s by default.
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
