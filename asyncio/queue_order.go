package asyncio

// The orders of a queue: first in first out, last in first out, by priority.

// A queueOrder keeps the items of a queue and says which is next.
type queueOrder[T any] interface {
	push(v T)
	// pop removes an item: the i-th in line where the line is one of waiting tasks too,
	// the next one where a later item may come first.
	pop(i int) T
	// keep drops all but n items.
	keep(n int)
}

// fifo gives the oldest item first.
type fifo[T any] struct{ deque[T] }

func (f *fifo[T]) pop(i int) T { return f.popAt(i) }

func (f *fifo[T]) keep(n int) {
	for f.n > n {
		f.popNewest()
	}
}

// lifo gives the newest item first.
type lifo[T any] struct{ deque[T] }

func (s *lifo[T]) pop(int) T { return s.popNewest() }

func (s *lifo[T]) keep(n int) {
	for s.n > n {
		s.deque.pop()
	}
}

// byPriority gives the least item first, and of equal ones the oldest: a binary heap.
type byPriority[T any] struct {
	less func(a, b T) bool
	heap []ranked[T]
	seq  uint64
}

type ranked[T any] struct {
	v   T
	seq uint64 // order of arrival
}

func (h *byPriority[T]) before(a, b *ranked[T]) bool {
	if h.less(a.v, b.v) {
		return true
	}
	return a.seq < b.seq && !h.less(b.v, a.v)
}

func (h *byPriority[T]) push(v T) {
	h.seq++
	h.heap = append(h.heap, ranked[T]{v, h.seq})
	i := len(h.heap) - 1
	for i > 0 {
		p := (i - 1) / 2
		if !h.before(&h.heap[i], &h.heap[p]) {
			return
		}
		h.heap[i], h.heap[p] = h.heap[p], h.heap[i]
		i = p
	}
}

func (h *byPriority[T]) pop(int) T {
	v := h.heap[0].v
	last := len(h.heap) - 1
	h.heap[0], h.heap[last] = h.heap[last], ranked[T]{}
	h.heap = h.heap[:last]
	for i := 0; ; {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < last; c++ {
			if h.before(&h.heap[c], &h.heap[least]) {
				least = c
			}
		}
		if least == i {
			return v
		}
		h.heap[i], h.heap[least] = h.heap[least], h.heap[i]
		i = least
	}
}

// keep keeps the least.
func (h *byPriority[T]) keep(n int) {
	kept := make([]T, n)
	for i := range kept {
		kept[i] = h.pop(0)
	}
	h.heap = nil
	for _, v := range kept {
		h.push(v)
	}
}
