package asyncio

// What a loop can say about itself in numbers.

import (
	"fmt"
	"math/bits"
	"strings"
	"time"
)

// Stats is a snapshot of a loop. Counters start at zero when the loop is made.
type Stats struct {
	Turns     uint64           // turns of the loop
	Steps     uint64           // callbacks run and tasks resumed or started
	Ready     int              // entries of the ready queue now
	Timers    int              // armed timers now, sleeping tasks included
	Tasks     int              // unfinished tasks now
	Created   uint64           // tasks ever created
	Workers   int              // coroutines in the pool, waiting for tasks
	Jobs      int              // executor jobs running or waiting
	Sockets   int              // open sockets and pipes, and processes that are watched like them
	Processes int              // subprocesses started and not ended yet
	Unheard   int              // failures nobody has asked for yet
	StepTime  LatencyHistogram // how long steps took; recorded in debug mode only
}

// Stats returns a snapshot of the loop. It walks the unfinished tasks.
func (l *EventLoop) Stats() Stats {
	return Stats{
		Turns:     l.turns,
		Steps:     l.steps,
		Ready:     l.ready.n,
		Timers:    l.timers.len(),
		Tasks:     len(l.allTasks()),
		Created:   l.taskSeq,
		Workers:   len(l.idleWorkers),
		Jobs:      l.executor.running + len(l.executor.waiting),
		Sockets:   l.sockets(),
		Processes: l.processes.n,
		Unheard:   l.unheard.n,
		StepTime:  l.stepTime,
	}
}

// A LatencyHistogram counts durations in buckets that double: bucket i counts those from
// 2^(i-1) up to, not including, 2^i microseconds, bucket 0 those under a microsecond and the
// last one all that are longer.
type LatencyHistogram struct {
	Buckets [24]uint64
	Count   uint64
	Longest time.Duration
}

func (h *LatencyHistogram) add(d time.Duration) {
	h.Count++
	h.Longest = max(h.Longest, d)
	i := bits.Len64(uint64(max(d, 0) / time.Microsecond))
	h.Buckets[min(i, len(h.Buckets)-1)]++
}

// Quantile returns an upper bound of the q-quantile, 0 ≤ q ≤ 1: the end of the bucket it is
// in, or Longest if that is less. It is zero if nothing was recorded.
func (h LatencyHistogram) Quantile(q float64) time.Duration {
	rank := uint64(q * float64(h.Count))
	var seen uint64
	for i, n := range h.Buckets {
		if seen += n; n > 0 && seen >= rank {
			return min(h.Longest, time.Microsecond<<i)
		}
	}
	return h.Longest
}

// String lists the buckets that are not empty.
func (h LatencyHistogram) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d steps, longest %v", h.Count, h.Longest)
	for i, n := range h.Buckets {
		if n > 0 {
			fmt.Fprintf(&b, "; <%v: %d", time.Microsecond<<i, n)
		}
	}
	return b.String()
}
