package asyncio

// Coroutines: how a function suspends in the middle and another goes on.
//
// A worker is a coroutine made by iter.Pull. The loop switches into it with next, it
// switches back with yield; both are direct hand-overs of the thread, without the Go
// scheduler, and the race detector follows them. Making a worker costs several times a
// switch, hence a worker that has finished a task waits in the loop's pool for another,
// and one that finds a fresh task at the head of the ready queue runs it at once, without
// switching at all.

import (
	"iter"
	"runtime"
)

// maxIdleWorkers bounds the pool of a loop: about 12 MB of stacks.
const maxIdleWorkers = 4096

// A worker runs one task at a time on a coroutine of its own.
type worker struct {
	loop  *EventLoop
	next  func() (struct{}, bool) // loop side: run until the next yield
	stop  func()                  // loop side: make the pending yield return false
	yield func(struct{}) bool     // worker side: back to the loop
	task  *task                   // nil in the pool
	dead  bool                    // its goroutine is unwinding or gone
}

func (l *EventLoop) newWorker() *worker {
	w := &worker{loop: l}
	w.next, w.stop = iter.Pull(w.serve)
	return w
}

// serve is the body of the coroutine.
func (w *worker) serve(yield func(struct{}) bool) {
	w.yield = yield
	for {
		w.task.body.execute()
		if t := w.loop.takeFresh(); t != nil {
			w.adopt(t)
			continue
		}
		w.task = nil
		if len(w.loop.idleWorkers) == maxIdleWorkers {
			w.dead = true
			return
		}
		w.loop.idleWorkers = append(w.loop.idleWorkers, w)
		if !yield(struct{}{}) {
			return
		}
	}
}

// adopt makes t, which has not started, the task of w.
func (w *worker) adopt(t *task) {
	w.task, t.worker = t, w
	t.state = taskRunning
	w.loop.current = t
}

// takeWorker returns a worker for a task that starts.
func (l *EventLoop) takeWorker() *worker {
	if n := len(l.idleWorkers); n > 0 {
		w := l.idleWorkers[n-1]
		l.idleWorkers[n-1] = nil
		l.idleWorkers = l.idleWorkers[:n-1]
		return w
	}
	return l.newWorker()
}

// takeFresh removes the head of the ready queue if it belongs to this turn and is a task
// that has to start, which a worker just out of work can then run.
func (l *EventLoop) takeFresh() *task {
	if l.batch == 0 || l.instrumented {
		return nil
	}
	t, ok := l.ready.peek().(*task)
	if !ok || t.state != taskCreated || t.ended.Load() != nil {
		return nil
	}
	l.ready.pop()
	l.batch--
	return t
}

// switchOut gives the thread back to the loop until the task's turn comes again.
func (t *task) switchOut() {
	for {
		if !t.worker.yield(struct{}{}) {
			t.state = taskUnwinding
			runtime.Goexit()
		}
		if t.inspection == nil {
			return
		}
		t.inspection.pcs = t.inspection.pcs[:runtime.Callers(2, t.inspection.pcs[:cap(t.inspection.pcs)])]
		t.inspection = nil
	}
}

// unwind ends a suspended task by force: its deferred functions run, nothing else does.
// It takes place on a goroutine of its own, since runtime.Goexit, the one exit that no
// recover can stop, ends whoever resumed the coroutine too.
func (w *worker) unwind() {
	w.dead = true
	over := make(chan struct{})
	go func() {
		defer close(over)
		w.stop()
	}()
	<-over
}

// closeWorkers ends the coroutines in the pool.
func (l *EventLoop) closeWorkers() {
	for _, w := range l.idleWorkers {
		w.stop()
	}
	l.idleWorkers = nil
}
