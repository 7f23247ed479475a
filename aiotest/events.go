package aiotest

// What will happen in a simulated network, in order of time and, at one time, in the order
// in which it was brought about. An event is a part of what it happens to, so that
// scheduling allocates nothing, and each has at most one moment ahead of it.

import "time"

// A happening is something that an event happens to.
type happening interface{ happen(now time.Duration) }

// An event is one moment ahead of what it belongs to.
type event struct {
	what happening
	at   int // index in the heap plus one; 0: nothing is ahead
}

func (e *event) pending() bool { return e.at > 0 }

type eventEntry struct {
	when time.Duration
	seq  uint64
	e    *event
}

func (a *eventEntry) before(b *eventEntry) bool {
	return a.when < b.when || a.when == b.when && a.seq < b.seq
}

// eventQueue is a binary min-heap of events.
type eventQueue struct {
	entries []eventEntry
	seq     uint64
}

// next returns when the first event is due.
func (q *eventQueue) next() (time.Duration, bool) {
	if len(q.entries) == 0 {
		return 0, false
	}
	return q.entries[0].when, true
}

// schedule makes e happen at when, instead of at the time it was scheduled for, if it was.
func (q *eventQueue) schedule(e *event, when time.Duration) {
	q.cancel(e)
	q.seq++
	q.entries = append(q.entries, eventEntry{when, q.seq, e})
	q.up(len(q.entries) - 1)
}

// clear makes nothing happen.
func (q *eventQueue) clear() {
	for _, entry := range q.entries {
		entry.e.at = 0
	}
	*q = eventQueue{}
}

// cancel makes e not happen.
func (q *eventQueue) cancel(e *event) {
	if e.pending() {
		q.remove(e.at - 1)
	}
}

// pop removes the first event if it is due at now.
func (q *eventQueue) pop(now time.Duration) *event {
	if len(q.entries) == 0 || q.entries[0].when > now {
		return nil
	}
	e := q.entries[0].e
	q.remove(0)
	return e
}

func (q *eventQueue) remove(i int) {
	last := len(q.entries) - 1
	q.entries[i].e.at = 0
	moved := q.entries[last]
	q.entries[last] = eventEntry{}
	q.entries = q.entries[:last]
	if i == last {
		return
	}
	q.entries[i] = moved
	q.down(i)
	q.up(moved.e.at - 1)
}

func (q *eventQueue) up(i int) {
	moving := q.entries[i]
	for i > 0 {
		parent := (i - 1) / 2
		if !moving.before(&q.entries[parent]) {
			break
		}
		q.entries[i] = q.entries[parent]
		q.entries[i].e.at = i + 1
		i = parent
	}
	q.entries[i] = moving
	moving.e.at = i + 1
}

func (q *eventQueue) down(i int) {
	moving := q.entries[i]
	for {
		child := 2*i + 1
		if child >= len(q.entries) {
			break
		}
		if child+1 < len(q.entries) && q.entries[child+1].before(&q.entries[child]) {
			child++
		}
		if !q.entries[child].before(&moving) {
			break
		}
		q.entries[i] = q.entries[child]
		q.entries[i].e.at = i + 1
		i = child
	}
	q.entries[i] = moving
	moving.e.at = i + 1
}
