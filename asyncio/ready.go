package asyncio

// The ready queue: what the loop runs next, in the order in which it was scheduled.
//
// An entry is an interface value, so that tasks, callbacks, timers and descriptors
// enter as themselves and scheduling allocates nothing. The queue is a ring that
// doubles; it never shrinks while the loop lives, since a burst tends to come back.

// A runnable is one entry of the ready queue.
type runnable interface {
	// run executes the entry's step. It is called once for each time it was scheduled.
	run(l *EventLoop)
}

// readyQueue is a FIFO ring of runnables. The zero value is ready to use.
type readyQueue struct {
	ring []runnable // length is zero or a power of two
	head int        // index of the oldest entry
	n    int        // entries in the ring
}

func (q *readyQueue) push(r runnable) {
	if q.n == len(q.ring) {
		q.grow()
	}
	q.ring[(q.head+q.n)&(len(q.ring)-1)] = r
	q.n++
}

// pop removes the oldest entry. The queue must not be empty.
func (q *readyQueue) pop() runnable {
	r := q.ring[q.head]
	q.ring[q.head] = nil
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.n--
	return r
}

// popAt removes the i-th oldest entry and closes the gap: the seam for a picker.
func (q *readyQueue) popAt(i int) runnable {
	mask := len(q.ring) - 1
	r := q.ring[(q.head+i)&mask]
	for ; i > 0; i-- {
		q.ring[(q.head+i)&mask] = q.ring[(q.head+i-1)&mask]
	}
	q.ring[q.head] = nil
	q.head = (q.head + 1) & mask
	q.n--
	return r
}

// peek returns the oldest entry, or nil.
func (q *readyQueue) peek() runnable {
	if q.n == 0 {
		return nil
	}
	return q.ring[q.head]
}

func (q *readyQueue) grow() {
	ring := make([]runnable, max(16, 2*len(q.ring)))
	k := copy(ring, q.ring[q.head:])
	copy(ring[k:], q.ring[:q.head])
	q.ring, q.head = ring, 0
}
