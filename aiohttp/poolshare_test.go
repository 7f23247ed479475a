package aiohttp

// Shared connections against what must always hold, and the rules one by one.

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// shareModel drives a plan whose hosts may share connections.
type shareModel struct {
	t       *testing.T
	plan    poolPlan
	now     time.Duration
	dialing []*slot
	rides   []*slot // one entry for each request under way
	waiting []*poolWaiter
	order   []uint64
}

func (m *shareModel) key(n int) *poolKey {
	return &poolKey{tls: true, host: string(rune('a' + n)), port: "443", mayShare: true}
}

func (m *shareModel) request(n int) {
	if s := m.plan.acquire(m.key(n), m.now); s != nil {
		m.got(s)
		return
	}
	w := &poolWaiter{}
	w.wake = func(s *slot) {
		m.order = append(m.order, w.ticket)
		m.waiting = slices.DeleteFunc(m.waiting, func(o *poolWaiter) bool { return o == w })
		if s != nil {
			m.got(s)
		}
	}
	m.plan.join(m.key(n), w)
	m.waiting = append(m.waiting, w)
}

func (m *shareModel) got(s *slot) {
	switch s.state {
	case slotDialing:
		m.dialing = append(m.dialing, s)
	case slotBusy:
		m.rides = append(m.rides, s)
	default:
		m.t.Fatalf("handed out a slot that is %v", s.state)
	}
}

// connected ends the dialling of slot i as a connection with room, exclusive if room is 0.
func (m *shareModel) connected(i, room int) *slot {
	s := m.dialing[i]
	m.dialing = slices.Delete(m.dialing, i, i+1)
	m.rides = append(m.rides, s)
	if room == 0 {
		m.plan.dialed(s, &fakeConn{}, m.now)
	} else {
		m.plan.dialedShared(s, &fakeConn{}, room, m.now)
	}
	return s
}

func (m *shareModel) dialFails(i int) {
	s := m.dialing[i]
	m.dialing = slices.Delete(m.dialing, i, i+1)
	m.plan.discard(s, m.now)
}

func (m *shareModel) release(i int) {
	s := m.rides[i]
	m.rides = slices.Delete(m.rides, i, i+1)
	m.plan.release(s, m.now)
}

// lose is the end of a connection under all its requests.
func (m *shareModel) lose(s *slot) {
	m.plan.discard(s, m.now)
	m.rides = slices.DeleteFunc(m.rides, func(o *slot) bool {
		if o == s {
			m.plan.release(s, m.now) // each of them notices for itself
		}
		return o == s
	})
}

func (m *shareModel) check() {
	m.t.Helper()
	carried := map[*slot]int{}
	for _, s := range m.rides {
		carried[s]++
	}
	for s, n := range carried {
		if s.shared && s.state == slotBusy && n != s.streams {
			m.t.Fatalf("a connection carries %d requests and counts %d", n, s.streams)
		}
		if !s.shared && n != 1 {
			m.t.Fatalf("%d requests on one connection that is not shared", n)
		}
	}
	busy := 0
	for _, h := range m.plan.hosts {
		scouts := 0
		for _, s := range m.dialing {
			if s.host == h && s.scout {
				scouts++
			}
		}
		if scouts != h.scouts || scouts > 1 {
			m.t.Fatalf("%d connections are being scouted, %d counted", scouts, h.scouts)
		}
		busy += h.inUse
		for _, s := range h.open {
			if s.state != slotBusy || s.retired {
				m.t.Fatalf("open for requests: a connection that is %v, retired %t", s.state, s.retired)
			}
			if len(h.waiters) > 0 && s.streams < m.plan.roomOf(s) {
				m.t.Fatalf("%d requests wait although there is room", len(h.waiters))
			}
		}
	}
	if m.plan.limit > 0 && busy+m.plan.idling > m.plan.limit || busy != m.plan.busy {
		m.t.Fatalf("%d busy (counted %d) and %d idle connections, at most %d", busy, m.plan.busy, m.plan.idling, m.plan.limit)
	}
	if len(m.waiting) > 0 && m.plan.busy == 0 && len(m.dialing) == 0 {
		m.t.Fatalf("%d requests wait for nothing", len(m.waiting))
	}
}

func (m *shareModel) step(op int, rng *rand.Rand) {
	m.now += time.Duration(rng.IntN(500)) * time.Millisecond
	pick := func(n int) int { return rng.IntN(n) }
	switch {
	case op < 4:
		m.request(pick(3))
	case op == 4 && len(m.dialing) > 0:
		m.connected(pick(len(m.dialing)), pick(4))
	case op == 5 && len(m.dialing) > 0:
		m.dialFails(pick(len(m.dialing)))
	case op < 9 && len(m.rides) > 0:
		m.release(pick(len(m.rides)))
	case op == 9 && len(m.rides) > 0:
		if s := m.rides[pick(len(m.rides))]; s.shared {
			m.plan.setRoom(s, pick(5), m.now)
		}
	case op == 10 && len(m.rides) > 0:
		if s := m.rides[pick(len(m.rides))]; s.shared {
			m.plan.retire(s, m.now)
		}
	case op == 11 && len(m.rides) > 0:
		m.lose(m.rides[pick(len(m.rides))])
	case op == 12:
		m.plan.expire(m.now)
	}
}

func TestSharedConnectionsKeepTheirRules(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 7))
		m := &shareModel{t: t, plan: poolPlan{limit: 1 + rng.IntN(4), perHost: rng.IntN(4), keepalive: 2 * time.Second}}
		if rng.IntN(3) == 0 {
			m.plan.maxUses = 3
		}
		for range 300 {
			m.step(rng.IntN(13), rng)
			m.check()
		}
		// In the end everybody is served: servers allow something again, and answer.
		for rounds := 0; len(m.waiting)+len(m.dialing)+len(m.rides) > 0; rounds++ {
			if rounds > 10_000 {
				t.Fatalf("seed %d: %d requests are never served", seed, len(m.waiting))
			}
			switch {
			case len(m.dialing) > 0:
				m.connected(0, 2)
			case len(m.rides) > 0:
				if m.rides[0].shared {
					m.plan.setRoom(m.rides[0], 2, m.now)
				}
				m.release(0)
			}
			m.check()
		}
		if m.plan.busy != 0 {
			t.Fatalf("seed %d: %d connections are busy with nothing", seed, m.plan.busy)
		}
	}
}

func TestOnlyOneRequestDialsAHostThatMayShare(t *testing.T) {
	m := &shareModel{t: t, plan: poolPlan{keepalive: time.Second}}
	for range 5 {
		m.request(0)
	}
	if len(m.dialing) != 1 || len(m.waiting) != 4 {
		t.Fatalf("%d dial and %d wait, want one to dial", len(m.dialing), len(m.waiting))
	}
	m.connected(0, 3)
	if len(m.rides) != 3 || len(m.waiting) != 2 || len(m.dialing) != 0 {
		t.Fatalf("%d under way, %d wait, %d dial, want the connection's room used and no other made", len(m.rides), len(m.waiting), len(m.dialing))
	}
	m.release(0)
	if want := []uint64{1, 2, 3}; !slices.Equal(m.order, want) {
		t.Errorf("served %v, want %v", m.order, want)
	}
}

func TestRequestsDialAfterAllIfTheFirstFoundNothingToShare(t *testing.T) {
	for name, end := range map[string]func(*shareModel){
		"HTTP/1":  func(m *shareModel) { m.connected(0, 0) },
		"failure": func(m *shareModel) { m.dialFails(0) },
	} {
		t.Run(name, func(t *testing.T) {
			m := &shareModel{t: t, plan: poolPlan{keepalive: time.Second}}
			for range 5 {
				m.request(0)
			}
			end(m)
			if len(m.dialing) != 4 || len(m.waiting) != 0 {
				t.Errorf("%d dial and %d wait, want all four to dial", len(m.dialing), len(m.waiting))
			}
		})
	}
}

func TestRetiredConnectionIsReplacedAndDroppedWithItsLastRequest(t *testing.T) {
	m := &shareModel{t: t, plan: poolPlan{keepalive: time.Second}}
	m.request(0)
	s := m.connected(0, 10)
	conn := s.conn.(*fakeConn)
	m.request(0)
	m.plan.retire(s, m.now)
	m.request(0)
	if len(m.dialing) != 1 {
		t.Fatalf("%d dial, want a new connection beside the retired one", len(m.dialing))
	}
	m.release(0)
	if conn.abandoned != 0 {
		t.Error("the connection was closed under a request")
	}
	m.release(0)
	if conn.abandoned != 1 {
		t.Error("the connection was not closed with its last request")
	}
}

func TestLimitPerHostBoundsRequestsOnASharedConnection(t *testing.T) {
	m := &shareModel{t: t, plan: poolPlan{keepalive: time.Second, perHost: 2}}
	for range 4 {
		m.request(0)
	}
	m.connected(0, 100)
	if len(m.rides) != 2 || len(m.waiting) != 2 {
		t.Fatalf("%d under way and %d wait, want two and two", len(m.rides), len(m.waiting))
	}
	m.plan.setHostLimit("a", 3, m.now)
	if len(m.rides) != 3 || len(m.waiting) != 1 {
		t.Errorf("%d under way and %d wait after the limit was raised, want three and one", len(m.rides), len(m.waiting))
	}
}
