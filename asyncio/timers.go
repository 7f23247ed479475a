package asyncio

// The timer heap: a four-ary min-heap ordered by deadline, then by the order in which
// the timers were made, so that equal deadlines fire first come, first served (CPython
// leaves their order open). Every timer knows its place, hence cancelling one removes
// it in O(log n) and a cancelled timer never lingers.

import "time"

// A timer schedules a runnable when the loop's clock reaches a deadline. It is embedded
// in what it wakes, so that arming it again allocates nothing.
type timer struct {
	r  runnable // what to schedule; set while armed
	at int32    // index in the heap plus one; timerIdle or timerFired
}

const (
	timerIdle  int32 = 0
	timerFired int32 = -1 // left the heap, its runnable is in the ready queue
)

func (t *timer) armed() bool { return t.at > 0 }

type timerEntry struct {
	when time.Duration
	seq  uint64
	t    *timer
}

func (e *timerEntry) before(o *timerEntry) bool {
	return e.when < o.when || e.when == o.when && e.seq < o.seq
}

type timerHeap struct {
	entries []timerEntry
	seq     uint64
}

const heapArity = 4

func (h *timerHeap) len() int { return len(h.entries) }

// next returns the earliest deadline. The heap must not be empty.
func (h *timerHeap) next() time.Duration { return h.entries[0].when }

// add arms t, which must not be armed, to schedule r at when.
func (h *timerHeap) add(t *timer, when time.Duration, r runnable) {
	h.seq++
	t.r = r
	h.entries = append(h.entries, timerEntry{when: when, seq: h.seq, t: t})
	h.up(len(h.entries) - 1)
}

// remove disarms t. It does nothing if t is not armed.
func (h *timerHeap) remove(t *timer) {
	if !t.armed() {
		t.at = timerIdle
		return
	}
	h.removeAt(int(t.at) - 1)
	t.at, t.r = timerIdle, nil
}

// deadline returns when an armed t will fire.
func (h *timerHeap) deadline(t *timer) time.Duration { return h.entries[t.at-1].when }

// popDue removes the earliest timer if it is due at now and returns its runnable.
func (h *timerHeap) popDue(now time.Duration) (runnable, bool) {
	if len(h.entries) == 0 || h.entries[0].when > now {
		return nil, false
	}
	t := h.entries[0].t
	h.removeAt(0)
	r := t.r
	t.at, t.r = timerFired, nil
	return r, true
}

func (h *timerHeap) removeAt(i int) {
	last := len(h.entries) - 1
	moved := h.entries[last]
	h.entries[last] = timerEntry{}
	h.entries = h.entries[:last]
	if i == last {
		return
	}
	h.entries[i] = moved
	moved.t.at = int32(i + 1)
	h.down(i)
	h.up(int(moved.t.at) - 1)
}

func (h *timerHeap) up(i int) {
	e := h.entries[i]
	for i > 0 {
		p := (i - 1) / heapArity
		if !e.before(&h.entries[p]) {
			break
		}
		h.entries[i] = h.entries[p]
		h.entries[i].t.at = int32(i + 1)
		i = p
	}
	h.entries[i] = e
	e.t.at = int32(i + 1)
}

func (h *timerHeap) down(i int) {
	e := h.entries[i]
	for {
		first := heapArity*i + 1
		if first >= len(h.entries) {
			break
		}
		least := first
		for c := first + 1; c < min(first+heapArity, len(h.entries)); c++ {
			if h.entries[c].before(&h.entries[least]) {
				least = c
			}
		}
		if !h.entries[least].before(&e) {
			break
		}
		h.entries[i] = h.entries[least]
		h.entries[i].t.at = int32(i + 1)
		i = least
	}
	h.entries[i] = e
	e.t.at = int32(i + 1)
}
