package aiohttp

// Connections that carry several requests at once: the part of the plan that HTTP/2 needs.
//
// Such a connection is one slot, busy as long as it carries anything. Requests join it while it
// has room, which is what the server allows or, if that is less, what the limit per host says;
// beyond that they wait, for the protocol asks for one connection to a host (RFC 9113 section
// 9.1). Whether a host shares connections is not known before the first one is made. So the
// first request to a host that may is the only one to dial: those that come meanwhile wait for
// what it finds, and dial on their own if it finds nothing.

import (
	"slices"
	"time"
)

// share is the state of a slot whose connection may carry several requests.
type share struct {
	shared  bool // it may
	retired bool // but takes no more: it is dropped with the last of them
	scout   bool // while dialling: others wait for what it finds
	room    int  // requests the server allows at once
	streams int  // requests it carries
}

// sharing is the state of a host.
type sharing struct {
	open    []*slot // busy connections that take requests, room or not
	scouted bool    // what the host does is known, or could not be found out
	scouts  int     // connections under way that others wait for
}

// shares reports whether requests that find no room must wait for it.
func (h *sharing) shares() bool { return len(h.open) > 0 || h.scouts > 0 }

// takeShared lets a request join a connection of h that has room.
func (p *poolPlan) takeShared(h *hostPlan, now time.Duration) *slot {
	for i := 0; i < len(h.open); i++ {
		s := h.open[i]
		if p.maxAge > 0 && now-s.born >= p.maxAge || p.maxUses > 0 && s.uses+s.streams >= p.maxUses {
			s.retired = true
			p.unshare(s)
			i--
			continue
		}
		if s.streams < p.roomOf(s) {
			s.streams++
			return s
		}
	}
	return nil
}

// roomOf is how many requests s may carry at once.
func (p *poolPlan) roomOf(s *slot) int {
	if most := p.hostLimit(s.host); most > 0 {
		return min(s.room, most)
	}
	return s.room
}

// explore marks a slot that is about to dial as the one others wait for, if its host may
// share and nobody knows yet.
func (p *poolPlan) explore(s *slot) {
	if s.host.key.mayShare && !s.host.scouted {
		s.scout = true
		s.host.scouts++
	}
}

// explored takes note that the connection others waited for is there. It reports whether
// somebody may go on because of it.
func (p *poolPlan) explored(s *slot) bool {
	if !s.scout {
		return false
	}
	s.scout = false
	s.host.scouts--
	s.host.scouted = true
	p.rerank(s.host)
	return true
}

// dialedShared is dialed for a connection that can carry room requests at once, one of which
// it has been made for.
func (p *poolPlan) dialedShared(s *slot, c pooled, room int, now time.Duration) {
	s.conn, s.born, s.state = c, now, slotBusy
	s.shared, s.room, s.streams = true, room, 1
	s.host.open = append(s.host.open, s)
	p.explored(s)
	s.host.scouted = false // if the connection is lost, one is enough to replace it
	p.rerank(s.host)
	p.feed(s.host, now)
	p.serve(now)
}

// reshare opens a connection again that was idle and has just been taken.
func (p *poolPlan) reshare(s *slot) {
	if s.shared {
		s.streams = 1
		s.host.open = append(s.host.open, s)
		p.rerank(s.host)
	}
}

// setRoom takes note of what the server allows.
func (p *poolPlan) setRoom(s *slot, room int, now time.Duration) {
	s.room = room
	if s.state == slotBusy {
		p.feed(s.host, now)
		p.serve(now)
	}
}

// feed lets waiters of h join its connections while these have room.
func (p *poolPlan) feed(h *hostPlan, now time.Duration) {
	for len(h.waiters) > 0 {
		s := p.takeShared(h, now)
		if s == nil {
			return
		}
		w := h.waiters[0]
		p.dequeue(h, 0)
		w.wake(s)
	}
}

// releaseShare takes one request off a connection. It reports true if there are others left
// on it.
func (p *poolPlan) releaseShare(s *slot, now time.Duration) bool {
	if !s.shared {
		return false
	}
	s.streams--
	p.feed(s.host, now)
	p.serve(now)
	if s.streams > 0 || s.state == slotGone {
		return true
	}
	p.unshare(s)
	return false
}

// unshare takes a connection out of those that requests may join.
func (p *poolPlan) unshare(s *slot) {
	if i := slices.Index(s.host.open, s); i >= 0 {
		s.host.open = slices.Delete(s.host.open, i, i+1)
		p.rerank(s.host)
	}
}

// retire has a connection take no further requests. Those it carries go on.
func (p *poolPlan) retire(s *slot, now time.Duration) {
	if s.retired || s.state == slotGone {
		return
	}
	s.retired = true
	p.unshare(s)
	if s.state == slotIdle {
		p.drop(s)
	}
	p.serve(now)
}

// streams counts the requests on connections that may carry several.
func (p *poolPlan) streams() int {
	n := 0
	for s := p.active.first; s != nil; s = s.next {
		if s.shared {
			n += s.streams
		}
	}
	return n
}
