// Package frontier holds the URLs that were read but not yet fetched and says which is next.
//
// Workers that wait for a slot of a busy host would leave the others idle, so the limit per host is kept here, before a
// worker takes a URL: hosts take turns, and one at its limit is passed over. The number of URLs held is bounded by a
// window, which is what makes memory independent of the length of the list; URLs waiting for a retry count too.
package frontier

// Job is one piece of work at a host. Jobs with an empty Host are not limited: they have nothing to ask any host.
type Job[T any] struct {
	Host  string
	Value T

	queue *queue[T]
}

// queue holds the jobs of one host. It is in the ring while it has a job that may be taken now.
type queue[T any] struct {
	host   string
	jobs   fifo[*Job[T]]
	active int
	inRing bool
}

// Frontier is used from one event loop.
type Frontier[T any] struct {
	window  int
	perHost int
	queues  map[string]*queue[T]
	ring    fifo[*queue[T]]
	queued  int
	parked  int
}

// New returns a frontier that asks for more while it holds fewer than window jobs and gives out at most perHost jobs of
// one host at a time; perHost 0 means no limit.
func New[T any](window, perHost int) *Frontier[T] {
	return &Frontier[T]{window: max(window, 1), perHost: perHost, queues: make(map[string]*queue[T])}
}

// Room returns how many more jobs the window takes.
func (f *Frontier[T]) Room() int { return max(0, f.window-f.queued-f.parked) }

// Queued returns how many jobs wait for a worker.
func (f *Frontier[T]) Queued() int { return f.queued }

// Parked returns how many jobs wait for their next attempt.
func (f *Frontier[T]) Parked() int { return f.parked }

// Add appends a job to its host's queue.
func (f *Frontier[T]) Add(j *Job[T]) {
	q := f.queues[j.Host]
	if q == nil {
		q = &queue[T]{host: j.Host}
		f.queues[j.Host] = q
	}
	j.queue = q
	q.jobs.push(j)
	f.queued++
	f.offer(q)
}

// Take returns the next job that may start now. Release or Park must follow.
func (f *Frontier[T]) Take() (*Job[T], bool) {
	q, ok := f.ring.pop()
	if !ok {
		return nil, false
	}
	q.inRing = false
	j, _ := q.jobs.pop()
	f.queued--
	q.active++
	f.offer(q)
	return j, true
}

// Release says that the job taken is finished.
func (f *Frontier[T]) Release(j *Job[T]) {
	q := j.queue
	q.active--
	f.offer(q)
	if q.active == 0 && q.jobs.len() == 0 {
		delete(f.queues, q.host)
	}
}

// Park gives the job's slot back while it waits for its next attempt; Resume queues it again.
func (f *Frontier[T]) Park(j *Job[T]) {
	f.parked++
	f.Release(j)
}

// Resume queues a parked job.
func (f *Frontier[T]) Resume(j *Job[T]) {
	f.parked--
	f.Add(j)
}

// Drop takes out all queued jobs, without starting them, and forgets the parked ones: the run is being stopped.
func (f *Frontier[T]) Drop(each func(*Job[T])) {
	f.parked = 0
	for f.queued > 0 {
		q, ok := f.ring.pop()
		if !ok {
			break
		}
		q.inRing = false
		f.dropQueue(q, each)
	}
	for _, q := range f.queues { // hosts at their limit
		f.dropQueue(q, each)
	}
}

func (f *Frontier[T]) dropQueue(q *queue[T], each func(*Job[T])) {
	for {
		j, ok := q.jobs.pop()
		if !ok {
			return
		}
		f.queued--
		each(j)
	}
}

// offer puts q in the ring if it has a job that may start.
func (f *Frontier[T]) offer(q *queue[T]) {
	full := f.perHost > 0 && q.active >= f.perHost && q.host != ""
	if !q.inRing && q.jobs.len() > 0 && !full {
		q.inRing = true
		f.ring.push(q)
	}
}

// fifo is a slice that is moved down when more than half of it has been taken.
type fifo[T any] struct {
	items []T
	head  int
}

func (q *fifo[T]) len() int { return len(q.items) - q.head }

func (q *fifo[T]) push(v T) { q.items = append(q.items, v) }

func (q *fifo[T]) pop() (v T, ok bool) {
	if q.head == len(q.items) {
		return v, false
	}
	var zero T
	v, q.items[q.head] = q.items[q.head], zero
	q.head++
	switch {
	case q.head == len(q.items):
		q.items, q.head = q.items[:0], 0
	case q.head > 64 && q.head > len(q.items)/2:
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	return v, true
}
