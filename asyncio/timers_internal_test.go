package asyncio

// The timer heap against a list that is searched.

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// modelTimer is a timer of the model; id tells its place in the order of making.
type modelTimer struct {
	timer timer
	when  time.Duration
	id    int
}

func (*modelTimer) run(*EventLoop) {}

func TestTimerHeapAgreesWithAList(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var heap timerHeap
		var armed, idle []*modelTimer
		made := 0
		first := func() *modelTimer {
			return slices.MinFunc(armed, func(a, b *modelTimer) int {
				if a.when != b.when {
					return int(a.when - b.when)
				}
				return a.id - b.id
			})
		}
		drop := func(m *modelTimer) {
			armed = slices.DeleteFunc(armed, func(o *modelTimer) bool { return o == m })
			idle = append(idle, m)
		}
		for i := range 4000 {
			busy := 7 - 3*(i/2000) // the heap grows over two pages, then shrinks
			switch n := rng.IntN(10); {
			case n < busy: // arm a new timer, or one that was used before
				m := new(modelTimer)
				if len(idle) > 0 && rng.IntN(2) == 0 {
					m, idle = idle[0], idle[1:]
				}
				m.when, m.id = time.Duration(rng.IntN(50)), made
				made++
				heap.add(&m.timer, m.when, m)
				armed = append(armed, m)
			case n < busy+2 && len(armed) > 0:
				m := armed[rng.IntN(len(armed))]
				if got := heap.deadline(&m.timer); got != m.when {
					t.Fatalf("seed %d: got deadline %v, want %v", seed, got, m.when)
				}
				heap.remove(&m.timer)
				heap.remove(&m.timer) // a second time does nothing
				drop(m)
			case len(armed) > 0:
				want := first()
				if got := heap.next(); got != want.when {
					t.Fatalf("seed %d: got next %v, want %v", seed, got, want.when)
				}
				if _, due := heap.popDue(want.when - 1); due {
					t.Fatalf("seed %d: a timer was due before its time", seed)
				}
				got, due := heap.popDue(want.when)
				if !due || got != runnable(want) {
					t.Fatalf("seed %d: got %v, %v, want timer %d", seed, got, due, want.id)
				}
				if want.timer.at != timerFired {
					t.Fatalf("seed %d: a fired timer does not know it", seed)
				}
				heap.remove(&want.timer) // as its owner does in its turn
				drop(want)
			}
			if i%8 == 0 || len(armed) < 3*heapArity { // what breaks in a large heap stays broken for a while
				checkHeap(t, &heap, len(armed))
			}
		}
	}
}

func checkHeap(t *testing.T, h *timerHeap, n int) {
	t.Helper()
	if h.len() != n {
		t.Fatalf("got %d timers, want %d", h.len(), n)
	}
	for i := range n {
		if got := h.slot(i).t.at; got != int32(i+1) {
			t.Fatalf("the timer at %d believes to be at %d", i+1, got)
		}
		if parent := (i - 1) / heapArity; i > 0 && h.slot(i).before(h.slot(parent)) {
			t.Fatalf("entry %d is before its parent", i)
		}
	}
	if n < len(h.pages)*timersPerPage && h.slot(n).t != nil {
		t.Fatal("a timer that has left is still referred to")
	}
	if used := (n + timersPerPage - 1) / timersPerPage; len(h.pages) > used+1 {
		t.Fatalf("%d pages are kept for %d timers", len(h.pages), n)
	}
}

func TestManyDueTimersFireInOrder(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var heap timerHeap
		var armed []*modelTimer
		for id := range 1 + rng.IntN(3*timersPerPage) {
			m := &modelTimer{when: time.Duration(rng.IntN(1 + rng.IntN(1000))), id: id}
			heap.add(&m.timer, m.when, m)
			armed = append(armed, m)
		}
		for range len(armed) / 10 { // so that the heap is not as it was built
			i := rng.IntN(len(armed))
			heap.remove(&armed[i].timer)
			armed = slices.Delete(armed, i, i+1)
		}
		slices.SortFunc(armed, func(a, b *modelTimer) int {
			if a.when != b.when {
				return int(a.when - b.when)
			}
			return a.id - b.id
		})
		now := time.Duration(rng.IntN(1000))
		want := slices.IndexFunc(armed, func(m *modelTimer) bool { return m.when > now })
		if want < 0 {
			want = len(armed)
		}
		if got := heap.due(now); got != want {
			t.Fatalf("seed %d: %d timers are due, want %d", seed, got, want)
		}
		fired := 0
		heap.popFirst(want, func(r runnable) {
			if r != runnable(armed[fired]) {
				t.Fatalf("seed %d: place %d: got %v, want timer %d", seed, fired, r, armed[fired].id)
			}
			fired++
		})
		if fired != want {
			t.Fatalf("seed %d: %d timers fired, want %d", seed, fired, want)
		}
		for _, m := range armed[:want] {
			if m.timer.at != timerFired || m.timer.r != nil {
				t.Fatalf("seed %d: timer %d does not know that it fired", seed, m.id)
			}
		}
		checkHeap(t, &heap, len(armed)-want)
	}
}

func TestNothingIsDueInAnEmptyHeap(t *testing.T) {
	var h timerHeap
	if _, due := h.popDue(1 << 62); due {
		t.Error("got a timer from an empty heap")
	}
	var idle timer
	h.remove(&idle)
	if idle.armed() {
		t.Error("an idle timer is armed")
	}
}
