package asyncio

// The timer heap: a four-ary min-heap ordered by deadline, then by the order in which
// the timers were made, so that equal deadlines fire first come, first served (CPython
// leaves their order open). Every timer knows its place, hence cancelling one removes
// it in O(log n) and a cancelled timer never lingers. The heap lies in pages, so that one of
// a hundred thousand timers grows without leaving copies of itself to the collector.

import (
	"sort"
	"time"
)

// A timer schedules a runnable when the loop's clock reaches a deadline. It is embedded
// in what it wakes, so that arming it again allocates nothing.
type timer struct {
	r   runnable // what to schedule; set while armed
	at  int32    // index in the heap plus one; timerIdle or timerFired
	seq uint32   // tells which of two was armed first, while fewer than 2³¹ others came between
}

const (
	timerIdle  int32 = 0
	timerFired int32 = -1 // left the heap, its runnable is in the ready queue
)

func (t *timer) armed() bool { return t.at > 0 }

type timerEntry struct {
	when time.Duration
	t    *timer
}

func (e *timerEntry) before(o *timerEntry) bool {
	return e.when < o.when || e.when == o.when && int32(e.t.seq-o.t.seq) < 0
}

// timerPage is a part of a heap: 8 KiB, which the allocator hands out without a rest.
type timerPage [timersPerPage]timerEntry

const timersPerPage = 512

type timerHeap struct {
	pages []*timerPage // those in use, and perhaps one more
	n     int
	seq   uint32
}

const heapArity = 4

func (h *timerHeap) len() int { return h.n }

// slot returns the place of the i-th entry.
func (h *timerHeap) slot(i int) *timerEntry {
	return &h.pages[uint(i)/timersPerPage][uint(i)%timersPerPage]
}

// next returns the earliest deadline. The heap must not be empty.
func (h *timerHeap) next() time.Duration { return h.pages[0][0].when }

// add arms t, which must not be armed, to schedule r at when.
func (h *timerHeap) add(t *timer, when time.Duration, r runnable) {
	h.seq++
	t.r, t.seq = r, h.seq
	if h.n == len(h.pages)*timersPerPage {
		h.pages = append(h.pages, new(timerPage))
	}
	h.n++
	h.up(h.n-1, timerEntry{when: when, t: t})
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
func (h *timerHeap) deadline(t *timer) time.Duration { return h.slot(int(t.at) - 1).when }

// popDue removes the earliest timer if it is due at now and returns its runnable.
func (h *timerHeap) popDue(now time.Duration) (runnable, bool) {
	if h.n == 0 || h.next() > now {
		return nil, false
	}
	t := h.pages[0][0].t
	h.removeAt(0)
	r := t.r
	t.at, t.r = timerFired, nil
	return r, true
}

// due returns how many timers are due at now. The earlier ones are above the later, so it
// looks at those and at what is right below.
func (h *timerHeap) due(now time.Duration) int { return h.dueBelow(0, now) }

func (h *timerHeap) dueBelow(i int, now time.Duration) int {
	if i >= h.n || h.slot(i).when > now {
		return 0
	}
	n := 1
	for c := heapArity*i + 1; c <= heapArity*i+heapArity; c++ {
		n += h.dueBelow(c, now)
	}
	return n
}

// popFirst removes the n earliest timers and gives their runnables to take, in order. It sorts
// all of them, and what is sorted is a heap: better than removing them one by one if they
// are most of the timers.
func (h *timerHeap) popFirst(n int, take func(runnable)) {
	sort.Sort((*timerOrder)(h))
	for i := range n {
		t := h.slot(i).t
		take(t.r)
		t.at, t.r = timerFired, nil
	}
	for i := n; i < h.n; i++ {
		h.put(i-n, *h.slot(i))
	}
	for i := h.n - n; i < h.n; i++ {
		*h.slot(i) = timerEntry{}
	}
	h.n -= n
	h.trim()
}

// timerOrder sorts a heap. The timers are not told where they are meanwhile.
type timerOrder timerHeap

func (o *timerOrder) Len() int           { return o.n }
func (o *timerOrder) Less(i, j int) bool { h := (*timerHeap)(o); return h.slot(i).before(h.slot(j)) }
func (o *timerOrder) Swap(i, j int) {
	a, b := (*timerHeap)(o).slot(i), (*timerHeap)(o).slot(j)
	*a, *b = *b, *a
}

// trim drops the pages beyond one that is free.
func (h *timerHeap) trim() {
	if used := (h.n + timersPerPage - 1) / timersPerPage; len(h.pages) > used+1 {
		clear(h.pages[used+1:])
		h.pages = h.pages[:used+1]
	}
}

// removeAt takes the i-th entry out; the last one takes its place and is moved to where it
// belongs.
func (h *timerHeap) removeAt(i int) {
	h.n--
	last := h.slot(h.n)
	moved := *last
	*last = timerEntry{}
	h.trim()
	switch {
	case i == h.n:
	case i > 0 && moved.before(h.slot((i-1)/heapArity)):
		h.up(i, moved)
	default:
		h.down(i, moved)
	}
}

// up puts e at the free place i or, if it is earlier than what is above, further up.
func (h *timerHeap) up(i int, e timerEntry) {
	for i > 0 {
		p := (i - 1) / heapArity
		above := h.slot(p)
		if !e.before(above) {
			break
		}
		h.put(i, *above)
		i = p
	}
	h.put(i, e)
}

// down puts e at the free place i or, if something below is earlier, further down.
func (h *timerHeap) down(i int, e timerEntry) {
	for {
		first := heapArity*i + 1
		if first >= h.n {
			break
		}
		at, least := first, h.slot(first)
		for c := first + 1; c < min(first+heapArity, h.n); c++ {
			if s := h.slot(c); s.before(least) {
				at, least = c, s
			}
		}
		if !least.before(&e) {
			break
		}
		h.put(i, *least)
		i = at
	}
	h.put(i, e)
}

// put makes e the i-th entry and tells its timer.
func (h *timerHeap) put(i int, e timerEntry) {
	*h.slot(i) = e
	e.t.at = int32(i + 1)
}
