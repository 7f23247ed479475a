package aiohttp

// Who gets which connection.
//
// poolPlan is the bookkeeping of a connector without its sockets: which slots
// exist, which are idle, who waits. It knows no clock (times are passed in), no
// loop and no network; its two effects, waking a waiter and closing a
// connection, are functions given to it. That makes every rule testable against
// a model.
//
// The rules: a slot is one connection, reserved from the moment dialling starts.
// At most limit slots exist, idle ones included, and at most the host's limit are
// in use per key. An idle slot of the same key is reused before anything is
// dialled, the most recently used first. If the pool is full of other hosts' idle
// connections, the one unused for longest makes room. Waiters are served in the
// order they came; a freed connection may go to a later waiter for the same host,
// because that saves a handshake, but nobody is passed over more than maxPassed
// times.

import (
	"cmp"
	"container/heap"
	"crypto/tls"
	"slices"
	"time"
)

// poolKey is everything that must be equal for two requests to share a
// connection.
type poolKey struct {
	tls         bool
	host        string
	port        string
	tlsConfig   *tls.Config
	fingerprint string
	serverName  string
	insecure    bool
	proxy       string // which one, and what it was told; "" for none
	proxyTLS    *tls.Config
	tunnel      bool // the proxy carries bytes rather than requests
	mayShare    bool // the connection may carry several requests at once
}

// maxPassed bounds how often later waiters may overtake for the sake of reuse.
const maxPassed = 16

type slotState uint8

const (
	slotDialing slotState = iota // reserved, connection under way
	slotBusy                     // carrying a request
	slotIdle                     // waiting to be reused
	slotGone                     // no longer counted
)

func (s slotState) String() string {
	return [...]string{"dialing", "busy", "idle", "gone"}[s]
}

// slot stands for one connection of the pool, from reservation to close.
type slot struct {
	host  *hostPlan
	state slotState
	conn  pooled        // while dialling, the attempt, or nil
	born  time.Duration // when the connection was made
	since time.Duration // when it became idle
	uses  int           // requests carried so far
	share               // of a connection that carries several at once

	prev, next *slot // in poolPlan.idle or poolPlan.active
}

// pooled is what the plan must know of a connection.
type pooled interface{ abandon() }

// slotList is an intrusive list, oldest first.
type slotList struct{ first, last *slot }

func (l *slotList) push(s *slot) {
	s.prev, s.next = l.last, nil
	if l.last != nil {
		l.last.next = s
	} else {
		l.first = s
	}
	l.last = s
}

func (l *slotList) remove(s *slot) {
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		l.first = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	} else {
		l.last = s.prev
	}
	s.prev, s.next = nil, nil
}

// poolWaiter is one request that waits for a slot.
type poolWaiter struct {
	host   *hostPlan // nil once it no longer waits
	ticket uint64
	passed int
	wake   func(*slot) // with nil: the pool was closed
}

// hostPlan is the part of the pool that belongs to one key.
type hostPlan struct {
	key     poolKey
	inUse   int     // dialling and busy
	idle    []*slot // the most recently used last
	waiters []*poolWaiter
	rank    int // index in poolPlan.ready, -1 if not there
	sharing     // what is known of connections that carry several requests
}

// poolPlan is the state of a pool.
type poolPlan struct {
	limit     int // 0: none
	perHost   int // 0: none
	overrides map[string]int
	keepalive time.Duration
	maxAge    time.Duration // 0: none
	maxUses   int           // 0: none

	hosts        map[poolKey]*hostPlan
	idle, active slotList
	idling, busy int
	waiting      int
	ready        readyHosts // hosts with waiters that their own limit does not hold back
	tickets      uint64
	closed       bool
}

// acquire takes a slot for key, idle or new, or returns nil: then the caller
// must wait. An idle slot that is too old is closed on the way.
func (p *poolPlan) acquire(key *poolKey, now time.Duration) *slot {
	h := p.hosts[*key]
	if h == nil {
		h = &hostPlan{key: *key, rank: -1}
		if p.hosts == nil {
			p.hosts = make(map[poolKey]*hostPlan)
		}
		p.hosts[*key] = h
	}
	s := p.take(h, now)
	p.forget(h)
	return s
}

// take serves one request for h if limits allow it.
func (p *poolPlan) take(h *hostPlan, now time.Duration) *slot {
	if s := p.takeShared(h, now); s != nil {
		return s
	}
	if p.limited(h) {
		return nil
	}
	for n := len(h.idle); n > 0; n = len(h.idle) {
		s := h.idle[n-1]
		if !p.tooOld(s, now) {
			p.unidle(s)
			p.activate(s, slotBusy)
			p.reshare(s)
			return s
		}
		p.drop(s)
	}
	if h.shares() {
		return nil
	}
	if p.limit > 0 && p.idling+p.busy >= p.limit {
		if p.idle.first == nil {
			return nil
		}
		p.drop(p.idle.first)
	}
	p.hosts[h.key] = h // dropping an old slot may have made the plan forget it
	s := &slot{host: h}
	p.explore(s)
	p.activate(s, slotDialing)
	return s
}

// setHostLimit gives one host another limit than the others and serves whom
// that lets through. A negative n removes the exception.
func (p *poolPlan) setHostLimit(host string, n int, now time.Duration) {
	if p.overrides == nil {
		p.overrides = make(map[string]int)
	}
	p.overrides[host] = n
	if n < 0 {
		delete(p.overrides, host)
	}
	var concerned []*hostPlan
	for _, h := range p.hosts {
		p.rerank(h) // the heap's order depends on tickets only, not on ours
		if h.key.host == host && len(h.waiters) > 0 {
			concerned = append(concerned, h)
		}
	}
	slices.SortFunc(concerned, func(a, b *hostPlan) int { return cmp.Compare(a.waiters[0].ticket, b.waiters[0].ticket) })
	for _, h := range concerned {
		p.feed(h, now)
	}
	p.serve(now)
}

// heldBack reports whether the host can have no further connection now: its own limit is
// reached, or those it has, or is about to have, are to be shared.
func (p *poolPlan) heldBack(h *hostPlan) bool { return h.shares() || p.limited(h) }

func (p *poolPlan) limited(h *hostPlan) bool {
	most := p.hostLimit(h)
	return most > 0 && h.inUse >= most
}

func (p *poolPlan) hostLimit(h *hostPlan) int {
	if n, ok := p.overrides[h.key.host]; ok {
		return n
	}
	return p.perHost
}

func (p *poolPlan) tooOld(s *slot, now time.Duration) bool {
	return now-s.since >= p.keepalive || p.maxAge > 0 && now-s.born >= p.maxAge
}

// join queues w behind everybody who already waits. It is called after acquire
// returned nil, with nothing in between.
func (p *poolPlan) join(key *poolKey, w *poolWaiter) {
	h := p.hosts[*key]
	if h == nil {
		h = &hostPlan{key: *key, rank: -1}
		p.hosts[*key] = h
	}
	p.tickets++
	p.waiting++
	w.host, w.ticket, w.passed = h, p.tickets, 0
	h.waiters = append(h.waiters, w)
	p.rerank(h)
}

// leave takes a waiter out of the queue. It reports false if the waiter was
// served before; then the slot is the caller's to use or to give back.
func (p *poolPlan) leave(w *poolWaiter) bool {
	h := w.host
	if h == nil {
		return false
	}
	for i, other := range h.waiters {
		if other == w {
			p.dequeue(h, i)
			break
		}
	}
	p.forget(h)
	return true
}

// dialed marks a reserved slot as connected.
func (p *poolPlan) dialed(s *slot, c pooled, now time.Duration) {
	s.conn, s.born, s.state = c, now, slotBusy
	if p.explored(s) {
		p.serve(now)
	}
}

// release gives back a slot whose connection can carry another request. It may
// be handed on, kept idle, or closed because it is too old or used up.
func (p *poolPlan) release(s *slot, now time.Duration) {
	if s.state == slotGone {
		return
	}
	h := s.host
	s.uses++
	if p.releaseShare(s, now) {
		return
	}
	s.since = now
	if p.closed || s.retired || p.tooOld(s, now) || p.maxUses > 0 && s.uses >= p.maxUses {
		p.drop(s)
		p.serve(now)
		return
	}
	p.deactivate(s)
	s.state = slotIdle
	p.idling++
	p.idle.push(s)
	h.idle = append(h.idle, s)
	p.rerank(h)
	if len(p.ready.hosts) > 0 {
		p.handOn(h, now)
		p.serve(now)
	}
}

// handOn gives the slot that h just got back to h's own first waiter, unless
// the one who waits longest has been passed over too often.
func (p *poolPlan) handOn(h *hostPlan, now time.Duration) {
	if len(h.waiters) == 0 || h.rank < 0 {
		return
	}
	if first := p.ready.hosts[0]; first != h {
		w := first.waiters[0]
		if w.passed >= maxPassed {
			return
		}
		w.passed++
	}
	p.grant(h, now)
}

// discard gives back a slot whose connection is closed or was never made.
func (p *poolPlan) discard(s *slot, now time.Duration) {
	if s.state == slotGone {
		return
	}
	s.conn = nil
	p.explored(s)
	p.drop(s)
	p.serve(now)
}

// serve grants slots in the order of the tickets for as long as there are any.
func (p *poolPlan) serve(now time.Duration) {
	for len(p.ready.hosts) > 0 && p.grant(p.ready.hosts[0], now) {
	}
}

func (p *poolPlan) grant(h *hostPlan, now time.Duration) bool {
	s := p.take(h, now)
	if s == nil {
		return false
	}
	w := h.waiters[0]
	p.dequeue(h, 0)
	w.wake(s)
	return true
}

// expire closes what has been idle for too long, or is too old, and returns how long
// it is until the next slot is due; ok is false when nothing is idle.
func (p *poolPlan) expire(now time.Duration) (next time.Duration, ok bool) {
	for s := p.idle.first; s != nil; {
		left, following := s.since+p.keepalive-now, s.next
		if p.maxAge > 0 {
			left = min(left, s.born+p.maxAge-now)
		}
		switch {
		case left <= 0:
			p.drop(s)
		case p.maxAge == 0:
			return left, true // the others came to rest later
		case !ok || left < next:
			next, ok = left, true
		}
		s = following
	}
	return next, ok
}

// firstExpiry is how long a slot that comes to rest can stay, at most.
func (p *poolPlan) firstExpiry() time.Duration {
	if p.maxAge > 0 {
		return min(p.keepalive, p.maxAge)
	}
	return p.keepalive
}

// purge closes the idle connections of one host.
func (p *poolPlan) purge(h *hostPlan) {
	for len(h.idle) > 0 {
		p.drop(h.idle[len(h.idle)-1])
	}
}

// close ends the pool: idle and active connections are closed, waiters are
// told, and whatever is released later is closed as well.
func (p *poolPlan) close() {
	p.closed = true
	var waiters []*poolWaiter
	for _, h := range p.hosts {
		waiters = append(waiters, h.waiters...)
	}
	slices.SortFunc(waiters, func(a, b *poolWaiter) int { return cmp.Compare(a.ticket, b.ticket) })
	for _, w := range waiters {
		p.leave(w)
		w.wake(nil)
	}
	for p.idle.first != nil {
		p.drop(p.idle.first)
	}
	for s := p.active.first; s != nil; s = s.next {
		if s.conn != nil {
			s.conn.abandon()
		}
	}
}

// drop removes a slot for good and closes its connection, if it has one.
func (p *poolPlan) drop(s *slot) {
	h := s.host
	p.unshare(s)
	if s.state == slotIdle {
		p.unidle(s)
	} else {
		p.deactivate(s)
	}
	s.state = slotGone
	if c := s.conn; c != nil {
		s.conn = nil
		c.abandon()
	}
	p.forget(h)
}

func (p *poolPlan) unidle(s *slot) {
	h := s.host
	p.idle.remove(s)
	p.idling--
	last := len(h.idle) - 1
	for i := last; i >= 0; i-- {
		if h.idle[i] == s {
			copy(h.idle[i:], h.idle[i+1:])
			h.idle[last] = nil
			h.idle = h.idle[:last]
			return
		}
	}
}

func (p *poolPlan) activate(s *slot, state slotState) {
	s.state = state
	s.host.inUse++
	p.busy++
	p.active.push(s)
	p.rerank(s.host)
}

func (p *poolPlan) deactivate(s *slot) {
	s.host.inUse--
	p.busy--
	p.active.remove(s)
	p.rerank(s.host)
}

func (p *poolPlan) dequeue(h *hostPlan, i int) {
	h.waiters[i].host = nil
	if i == 0 {
		h.waiters[0] = nil
		h.waiters = h.waiters[1:]
	} else {
		h.waiters = append(h.waiters[:i], h.waiters[i+1:]...)
	}
	p.waiting--
	p.rerank(h)
}

// forget drops the entry of a host that has nothing left, so that a crawl over
// many hosts does not grow the map.
func (p *poolPlan) forget(h *hostPlan) {
	if h.inUse == 0 && len(h.idle) == 0 && len(h.waiters) == 0 {
		delete(p.hosts, h.key)
	}
}

// rerank puts a host where it belongs in the ready heap after its waiters or
// its use changed.
func (p *poolPlan) rerank(h *hostPlan) {
	switch wanted := len(h.waiters) > 0 && !p.heldBack(h); {
	case wanted && h.rank < 0:
		heap.Push(&p.ready, h)
	case wanted:
		heap.Fix(&p.ready, h.rank)
	case h.rank >= 0:
		heap.Remove(&p.ready, h.rank)
	}
}

// readyHosts is a heap by the ticket of each host's first waiter.
type readyHosts struct{ hosts []*hostPlan }

func (r *readyHosts) Len() int { return len(r.hosts) }
func (r *readyHosts) Less(i, j int) bool {
	return r.hosts[i].waiters[0].ticket < r.hosts[j].waiters[0].ticket
}
func (r *readyHosts) Swap(i, j int) {
	r.hosts[i], r.hosts[j] = r.hosts[j], r.hosts[i]
	r.hosts[i].rank, r.hosts[j].rank = i, j
}
func (r *readyHosts) Push(x any) {
	h := x.(*hostPlan)
	h.rank = len(r.hosts)
	r.hosts = append(r.hosts, h)
}
func (r *readyHosts) Pop() any {
	last := len(r.hosts) - 1
	h := r.hosts[last]
	r.hosts[last] = nil
	r.hosts = r.hosts[:last]
	h.rank = -1
	return h
}
