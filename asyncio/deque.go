package asyncio

// What primitives keep in order, and what they give to the tasks they wake.
//
// A deque is a ring of values. Handovers is a deque of values that belong to tasks: a waiter
// that a primitive wakes has been given its lock, item or index at that moment, not when its
// turn comes, so that nobody can take it away in between and a cancellation cannot lose it.
// What cannot be told by waking alone waits here until the task has its turn.

// deque is a FIFO ring. The zero value is empty and ready to use.
type deque[T any] struct {
	ring []T // length is zero or a power of two
	head int // index of the oldest value
	n    int
}

// roomyRing is the size above which an empty ring is let go: a burst is not paid for for ever.
const roomyRing = 1024

func (d *deque[T]) at(i int) *T { return &d.ring[(d.head+i)&(len(d.ring)-1)] }

func (d *deque[T]) push(v T) {
	if d.n == len(d.ring) {
		d.grow()
	}
	d.n++
	*d.at(d.n - 1) = v
}

// pop removes the oldest value. The deque must not be empty.
func (d *deque[T]) pop() T {
	var zero T
	oldest := &d.ring[d.head]
	v := *oldest
	*oldest = zero
	d.head = (d.head + 1) & (len(d.ring) - 1)
	d.n--
	if d.n == 0 && len(d.ring) > roomyRing {
		*d = deque[T]{}
	}
	return v
}

// popNewest removes the newest value. The deque must not be empty.
func (d *deque[T]) popNewest() T {
	var zero T
	newest := d.at(d.n - 1)
	v := *newest
	*newest = zero
	d.n--
	return v
}

// popAt removes the i-th oldest value and closes the gap.
func (d *deque[T]) popAt(i int) T {
	v := *d.at(i)
	for ; i > 0; i-- {
		*d.at(i) = *d.at(i - 1)
	}
	d.pop()
	return v
}

func (d *deque[T]) grow() {
	ring := make([]T, max(8, 2*len(d.ring)))
	k := copy(ring, d.ring[d.head:])
	copy(ring[k:], d.ring[:d.head])
	d.ring, d.head = ring, 0
}

// handovers are values that belong to suspended tasks, oldest first.
type handovers[T any] struct{ deque[handover[T]] }

type handover[T any] struct {
	to    *worker
	value T
}

func (h *handovers[T]) give(to *worker, v T) { h.push(handover[T]{to, v}) }

// take removes what belongs to w, of which there is at most one thing, and returns it with
// its place among the others. Tasks take in the order in which they were given, unless they
// were cancelled or a picker runs them in another: w's is nearly always the first.
func (h *handovers[T]) take(w *worker) (v T, place int, ok bool) {
	for i := range h.n {
		if h.at(i).to == w {
			return h.popAt(i).value, i, true
		}
	}
	return v, 0, false
}
