package asyncio

// The wait queue: tasks that wait for one thing, and callbacks that wait with them, in
// the order in which they came. Every primitive of the package is built on it: a future's
// listeners, a lock's, a queue's, a connection's. A waiter is granted by taking it out of
// the queue; from then on a cancellation comes too late for this wait and fails the next.

import "context"

// A waiter is what a wait queue holds.
type waiter interface {
	// granted is called when the waiter has been taken out of its queue. It schedules;
	// it runs nothing inline.
	granted()
}

// A waitNode links one waiter into one queue at a time.
type waitNode struct {
	prev, next *waitNode  // prev of the head is the tail
	queue      *waitQueue // nil while not queued
	owner      waiter
}

// waitQueue is a FIFO of waiters. The zero value is empty and ready to use.
type waitQueue struct{ head *waitNode }

func (q *waitQueue) empty() bool { return q.head == nil }

func (q *waitQueue) push(n *waitNode) {
	n.queue = q
	head := q.head
	if head == nil {
		q.head, n.prev = n, n
		return
	}
	tail := head.prev
	tail.next, n.prev, head.prev = n, tail, n
}

// remove takes n out of its queue; it does nothing if n is in none.
func (n *waitNode) remove() {
	q := n.queue
	if q == nil {
		return
	}
	next := n.next
	switch {
	case q.head == n:
		q.head = next
	default:
		n.prev.next = next
	}
	switch {
	case next != nil:
		next.prev, n.next = n.prev, nil
	case q.head != nil: // n was the tail
		q.head.prev = n.prev
	}
	n.prev, n.queue = nil, nil
}

// wakeOne grants the oldest waiter and reports whether there was one.
func (q *waitQueue) wakeOne() bool {
	n := q.head
	if n == nil {
		return false
	}
	n.remove()
	n.owner.granted()
	return true
}

// wakeAll grants everybody who waits now.
func (q *waitQueue) wakeAll() {
	for q.wakeOne() {
	}
}

// wait suspends the running task at the end of the queue until it is granted (nil) or
// ctx ends (its error). why is what the task waits for, in reports.
func (q *waitQueue) wait(ctx context.Context, why waitReason) error {
	s, made := scopeOf(ctx)
	if made {
		defer s.close()
	}
	return s.loop.parkOn(s, q, why)
}

// waitReason says what a suspended task waits for.
type waitReason uint8

const (
	waitNothing waitReason = iota
	waitTurn
	waitSleep
	waitFuture
	waitTask
	waitLock
	waitEvent
	waitCondition
	waitSemaphore
	waitBarrier
	waitQueueGet
	waitQueuePut
	waitQueueJoin
	waitGroup
	waitIterator
	waitRead
	waitWrite
	waitAccept
	waitConnect
	waitChannel
	waitExecutor
	waitThread
	waitReceive
	waitSend
	waitSpawn
	waitProcess
	waitFile
	waitStream
)

// String returns the reason as reports print it.
func (r waitReason) String() string {
	return [...]string{
		waitNothing: "nothing", waitTurn: "its turn", waitSleep: "Sleep", waitFuture: "Future", waitTask: "Task",
		waitLock: "Lock.Acquire", waitEvent: "Event.Wait", waitCondition: "Condition.Wait",
		waitSemaphore: "Semaphore.Acquire", waitBarrier: "Barrier.Wait", waitQueueGet: "Queue.Get",
		waitQueuePut: "Queue.Put", waitQueueJoin: "Queue.Join", waitGroup: "Group", waitIterator: "AsCompleted",
		waitRead: "Conn.Read", waitWrite: "Conn.Write", waitAccept: "Listener.Accept", waitConnect: "Dial",
		waitChannel: "a channel", waitExecutor: "ToThread",
		waitThread:  "ThreadEvent.Wait",
		waitReceive: "PacketConn.ReadFrom", waitSend: "PacketConn.WriteTo",
		waitSpawn: "the start of a process", waitProcess: "Process.Wait",
		waitFile:   "a descriptor",
		waitStream: "a stream",
	}[r]
}
