package asyncio

// The ready queue: what the loop runs next, in the order in which it was scheduled.
//
// An entry is an interface value, so that tasks, callbacks, timers and descriptors
// enter as themselves and scheduling allocates nothing. The entries lie in pages that are
// used in turn and again: a queue that has become empty starts its page anew, where the
// processor's cache still has it, and a burst of a hundred thousand entries neither copies
// what is there already nor keeps its memory for ever.

// A runnable is one entry of the ready queue.
type runnable interface {
	// run executes the entry's step. It is called once for each time it was scheduled.
	run(l *EventLoop)
}

// readyPage is a part of the queue: 4 KiB, which the allocator hands out without a rest.
type readyPage struct {
	entries [readyPerPage]runnable
	next    *readyPage
}

const (
	readyPerPage  = 255
	maxSpareReady = 64 // pages kept for the next burst: 256 KiB
)

// readyQueue is a FIFO of runnables. The zero value is ready to use.
type readyQueue struct {
	n          int        // entries
	head, tail *readyPage // the oldest entry's page and the one for the next; nil at first
	first      int        // index of the oldest entry in head
	free       int        // index of the next entry in tail
	spare      *readyPage // list of empty pages
	spares     int
}

func (q *readyQueue) push(r runnable) {
	if q.free == readyPerPage || q.tail == nil {
		q.grow()
	}
	q.tail.entries[q.free] = r
	q.free++
	q.n++
}

// pop removes the oldest entry. The queue must not be empty.
func (q *readyQueue) pop() runnable {
	at := &q.head.entries[q.first]
	r := *at
	*at = nil
	q.first++
	q.n--
	if q.n == 0 {
		q.first, q.free = 0, 0
	} else if q.first == readyPerPage {
		q.shrink()
	}
	return r
}

// popAt removes the i-th oldest entry and closes the gap: the seam for a picker.
func (q *readyQueue) popAt(i int) runnable {
	page, at := q.head, q.first
	r := page.entries[at]
	for ; i > 0; i-- {
		if at++; at == readyPerPage {
			page, at = page.next, 0
		}
		page.entries[at], r = r, page.entries[at]
	}
	q.pop()
	return r
}

// peek returns the oldest entry, or nil.
func (q *readyQueue) peek() runnable {
	if q.n == 0 {
		return nil
	}
	return q.head.entries[q.first]
}

// grow adds a page at the end.
func (q *readyQueue) grow() {
	p := q.spare
	if p == nil {
		p = new(readyPage)
	} else {
		q.spare, p.next = p.next, nil
		q.spares--
	}
	if q.tail == nil {
		q.head = p
	} else {
		q.tail.next = p
	}
	q.tail, q.free = p, 0
}

// shrink takes away the first page, all entries of which have left.
func (q *readyQueue) shrink() {
	p := q.head
	q.head, q.first = p.next, 0
	if q.spares < maxSpareReady {
		p.next, q.spare = q.spare, p
		q.spares++
	}
}
