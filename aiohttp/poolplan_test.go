package aiohttp

// The pool against a model: random operations, and after each of them everything
// that must always hold.

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"
)

// fakeConn counts how often it was closed.
type fakeConn struct{ abandoned int }

func (c *fakeConn) abandon() { c.abandoned++ }

// poolModel drives a plan the way a connector does and remembers what it was told.
type poolModel struct {
	t       *testing.T
	plan    poolPlan
	now     time.Duration
	held    []*slot // busy or dialling, in the hands of a request
	waiting []*poolWaiter
	granted []uint64 // tickets in the order of the grants since the last check
	woken   map[*poolWaiter]*slot
	conns   []*fakeConn
	dropped map[*fakeConn]bool // closed for a good reason
}

func newPoolModel(t *testing.T, plan poolPlan) *poolModel {
	return &poolModel{t: t, plan: plan, woken: map[*poolWaiter]*slot{}, dropped: map[*fakeConn]bool{}}
}

func (m *poolModel) key(n int) *poolKey { return &poolKey{host: "h" + strconv.Itoa(n), port: "80"} }

func (m *poolModel) request(n int) {
	key := m.key(n)
	if s := m.plan.acquire(key, m.now); s != nil {
		m.take(s)
		return
	}
	w := &poolWaiter{}
	w.wake = func(s *slot) {
		m.granted = append(m.granted, w.ticket)
		m.woken[w] = s
		m.waiting = slices.DeleteFunc(m.waiting, func(o *poolWaiter) bool { return o == w })
		if s != nil {
			m.take(s)
		}
	}
	m.plan.join(key, w)
	m.waiting = append(m.waiting, w)
}

func (m *poolModel) take(s *slot) {
	if s.state != slotDialing && s.state != slotBusy {
		m.t.Fatalf("handed out a slot that is %v", s.state)
	}
	if s.state == slotBusy && m.now-s.since >= m.plan.keepalive {
		m.t.Fatalf("handed out a connection idle for %v", m.now-s.since)
	}
	m.held = append(m.held, s)
}

// settle does with the i-th held slot what a request would do next.
func (m *poolModel) settle(i int, fail bool) {
	s := m.held[i]
	if s.state == slotDialing && !fail {
		c := &fakeConn{}
		m.conns = append(m.conns, c)
		m.plan.dialed(s, c, m.now)
		return
	}
	m.held = slices.Delete(m.held, i, i+1)
	if fail {
		if c, ok := s.conn.(*fakeConn); ok {
			c.abandon() // as a connection does before it frees its slot
		}
		m.plan.discard(s, m.now)
		return
	}
	m.plan.release(s, m.now)
}

func (m *poolModel) check(step int) {
	p := &m.plan
	if p.busy != len(m.held) {
		m.t.Fatalf("step %d: %d in use, want %d", step, p.busy, len(m.held))
	}
	if p.waiting != len(m.waiting) {
		m.t.Fatalf("step %d: %d waiting, want %d", step, p.waiting, len(m.waiting))
	}
	if p.limit > 0 && p.idling+p.busy > p.limit {
		m.t.Fatalf("step %d: %d connections, limit %d", step, p.idling+p.busy, p.limit)
	}
	inUse := map[poolKey]int{}
	for _, s := range m.held {
		inUse[s.host.key]++
	}
	for key, n := range inUse {
		if p.perHost > 0 && n > p.perHost {
			m.t.Fatalf("step %d: %d connections to %s, limit %d", step, n, key.host, p.perHost)
		}
		if p.hosts[key].inUse != n {
			m.t.Fatalf("step %d: %s counts %d in use, want %d", step, key.host, p.hosts[key].inUse, n)
		}
	}
	m.checkWaiters(step, inUse)
	m.checkHosts(step)
}

// checkWaiters asserts that nobody waits who could be served, and that nobody was
// overtaken too often.
func (m *poolModel) checkWaiters(step int, inUse map[poolKey]int) {
	p := &m.plan
	full := p.limit > 0 && p.idling+p.busy >= p.limit
	for _, w := range m.waiting {
		held := p.perHost > 0 && inUse[w.host.key] >= p.perHost
		if !held && (!full || p.idling > 0) {
			m.t.Fatalf("step %d: a request for %s waits although it could go on", step, w.host.key.host)
		}
		if w.passed > maxPassed {
			m.t.Fatalf("step %d: a request was passed over %d times", step, w.passed)
		}
		for i := 1; i < len(w.host.waiters); i++ {
			if w.host.waiters[i-1].ticket >= w.host.waiters[i].ticket {
				m.t.Fatalf("step %d: the queue of %s is out of order", step, w.host.key.host)
			}
		}
	}
}

func (m *poolModel) checkHosts(step int) {
	p := &m.plan
	idle := 0
	for _, h := range p.hosts {
		idle += len(h.idle)
		if h.inUse == 0 && len(h.idle) == 0 && len(h.waiters) == 0 {
			m.t.Fatalf("step %d: %s is remembered for nothing", step, h.key.host)
		}
		for _, s := range h.idle {
			if s.state != slotIdle || s.conn.(*fakeConn).abandoned != 0 {
				m.t.Fatalf("step %d: an idle slot is %v, closed %d times", step, s.state, s.conn.(*fakeConn).abandoned)
			}
		}
		if ready := len(h.waiters) > 0 && !p.heldBack(h); ready != (h.rank >= 0) {
			m.t.Fatalf("step %d: %s ready is %v, want %v", step, h.key.host, h.rank >= 0, ready)
		}
	}
	if idle != p.idling {
		m.t.Fatalf("step %d: %d idle, want %d", step, p.idling, idle)
	}
	for i, h := range p.ready.hosts {
		if h.rank != i || len(p.hosts[h.key].waiters) == 0 {
			m.t.Fatalf("step %d: the heap is out of order", step)
		}
	}
	for _, s := range m.held {
		if c, ok := s.conn.(*fakeConn); ok && c.abandoned != 0 && !p.closed {
			m.t.Fatalf("step %d: a connection in use was closed", step)
		}
	}
}

func (m *poolModel) step(op, arg int) {
	switch op {
	case 0, 1, 2:
		m.request(arg % 7)
	case 3, 4, 5, 6:
		if len(m.held) > 0 {
			m.settle(arg%len(m.held), op == 6)
		}
	case 7:
		if len(m.waiting) > 0 {
			w := m.waiting[arg%len(m.waiting)]
			m.waiting = slices.DeleteFunc(m.waiting, func(o *poolWaiter) bool { return o == w })
			if !m.plan.leave(w) {
				m.t.Fatal("a waiter that was not served could not leave")
			}
		}
	case 8:
		m.now += time.Duration(arg%8) * time.Second
	case 9:
		if next, ok := m.plan.expire(m.now); ok && (next <= 0 || next > m.plan.keepalive) {
			m.t.Fatalf("next expiry in %v", next)
		}
	}
}

func TestPoolKeepsItsRules(t *testing.T) {
	limits := []poolPlan{
		{limit: 3, keepalive: 15 * time.Second},
		{limit: 5, perHost: 2, keepalive: 15 * time.Second},
		{perHost: 1, keepalive: 15 * time.Second},
		{limit: 4, perHost: 3, keepalive: 5 * time.Second, maxUses: 3},
		{limit: 1, keepalive: 15 * time.Second, maxAge: 20 * time.Second},
		{keepalive: 15 * time.Second},
		{limit: 2, keepalive: 0},
	}
	for i, limit := range limits {
		for seed := range uint64(20) {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			m := newPoolModel(t, limit)
			for step := range 2000 {
				m.step(rng.IntN(10), rng.IntN(1000))
				m.check(step)
			}
			m.plan.close()
			for len(m.held) > 0 {
				m.settle(0, true)
			}
			if m.plan.busy != 0 || m.plan.idling != 0 || m.plan.waiting != 0 {
				t.Fatalf("seed %d: after close %d busy, %d idle, %d waiting", seed, m.plan.busy, m.plan.idling, m.plan.waiting)
			}
			for _, c := range m.conns {
				if c.abandoned == 0 {
					t.Fatalf("seed %d: a connection was never closed", seed)
				}
			}
		}
	}
}

func FuzzPool(f *testing.F) {
	f.Fuzz(func(t *testing.T, limit, perHost uint8, ops []byte) {
		m := newPoolModel(t, poolPlan{limit: int(limit % 8), perHost: int(perHost % 4), keepalive: 15 * time.Second})
		for i, op := range ops {
			m.step(int(op)%10, int(op)/10+i)
			m.check(i)
		}
	})
}

// C49: waiters of one host are served in the order they came.
func TestPoolIsFirstComeFirstServed(t *testing.T) {
	m := newPoolModel(t, poolPlan{limit: 1, keepalive: 15 * time.Second})
	for range 5 {
		m.request(0)
	}
	m.settle(0, false) // dialled
	for range 4 {
		m.settle(0, false) // released, handed to the next
	}
	if want := []uint64{1, 2, 3, 4}; !slices.Equal(m.granted, want) {
		t.Errorf("got grants %v, want %v", m.granted, want)
	}
	if len(m.conns) != 1 {
		t.Errorf("got %d connections, want 1", len(m.conns))
	}
}

func TestNobodyIsPassedOverForEver(t *testing.T) {
	m := newPoolModel(t, poolPlan{limit: 1, keepalive: 15 * time.Second})
	m.request(0)
	m.settle(0, false)
	m.request(1) // waits for the only connection, which belongs to another host
	starved := m.waiting[0]
	for n := 0; m.woken[starved] == nil; n++ {
		if n > maxPassed+1 {
			t.Fatalf("still waiting after %d others were served", n)
		}
		m.request(0)
		m.settle(0, false)
	}
	if m.conns[0].abandoned != 1 {
		t.Error("the idle connection did not make room")
	}
}

// C52: what has been idle for too long is not reused.
func TestIdleConnectionsExpire(t *testing.T) {
	m := newPoolModel(t, poolPlan{keepalive: 15 * time.Second})
	m.request(0)
	m.settle(0, false)
	m.settle(0, false)
	m.now = 14 * time.Second
	if next, ok := m.plan.expire(m.now); !ok || next != time.Second {
		t.Errorf("got %v and %v, want the slot to be due in 1s", next, ok)
	}
	m.now = 15 * time.Second
	m.request(0)
	if m.held[0].state != slotDialing || m.conns[0].abandoned != 1 {
		t.Errorf("got a slot that is %v, old connection closed %d times", m.held[0].state, m.conns[0].abandoned)
	}
}

func TestLimitPerHostCanChangeAtRunTime(t *testing.T) {
	m := newPoolModel(t, poolPlan{perHost: 1, keepalive: 15 * time.Second})
	for range 4 {
		m.request(0)
	}
	m.plan.setHostLimit("h0", 3, m.now)
	if len(m.held) != 3 || len(m.waiting) != 1 {
		t.Errorf("got %d running and %d waiting, want 3 and 1", len(m.held), len(m.waiting))
	}
	m.plan.setHostLimit("h0", -1, m.now)
	m.request(0)
	if len(m.waiting) != 2 {
		t.Errorf("got %d waiting, want 2: the general limit holds again", len(m.waiting))
	}
}
