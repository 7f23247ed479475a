package asyncio

// Coroutines: how a function suspends in the middle and another goes on.
//
// A worker is a coroutine made by iter.Pull. The loop switches into it with next, it
// switches back with yield; both are direct hand-overs of the thread, without the Go
// scheduler, and the race detector follows them. Making a worker costs several times a
// switch, hence a worker that has finished a task waits in the loop's pool for another,
// and one that finds a fresh task at the head of the ready queue runs it at once, without
// switching at all. All that a suspension needs is here rather than in the task, so that a
// task that never suspends does not pay for it.

import (
	"iter"
	"runtime"
)

// maxIdleWorkers bounds the pool of a loop: about 12 MB of stacks.
const maxIdleWorkers = 4096

type workerState uint8

const (
	workerIdle      workerState = iota // in the pool
	workerRunning                      // its task has the thread
	workerSuspended                    // its task waits for something
	workerReady                        // its task is in the ready queue
	workerUnwinding                    // its task is being ended by force, or left by Goexit
)

// String returns the name of the state.
func (s workerState) String() string {
	return [...]string{"idle", "running", "suspended", "ready", "unwinding"}[s]
}

// A worker runs one task at a time on a coroutine of its own. As an entry of the ready
// queue it lets its suspended task go on. What every switch touches comes first, to share a
// cache line.
type worker struct {
	next     func() (struct{}, bool) // loop side: run until the next yield
	yield    func(struct{}) bool     // worker side: back to the loop
	state    workerState
	reason   waitReason
	woken    wakeCause
	special  bool // something is to be done around a switch: depart and arrive
	labelled bool // aside has labels
	abroad   bool // it waits under a scope that is not its task's
	visiting bool // and that scope knows it

	// The scope under which it waits. While its task runs that is a scope of the task, the last
	// one it waited under; in the pool it is nil.
	under *scope

	// A suspended worker is on a timer or in a wait queue.
	timer timer
	node  waitNode
}

// wakeCause says why a suspension ended.
type wakeCause uint8

const (
	wokenGranted wakeCause = iota
	wokenByEnd             // the scope has ended
	wokenByError           // aside has the error
)

// workerAside is what only some workers need, at some times: it is in a table of the loop.
type workerAside struct {
	err       error  // what the suspension returns
	home      *scope // of its task, while it waits abroad
	goroutine int64  // its id, in debug mode
	labels    labels // in a loop that labels its tasks
}

// task returns the task of a worker that is not in the pool.
func (w *worker) task() *task {
	if w.abroad {
		return w.beside().home.task
	}
	return w.under.task
}

// beside returns what w has aside, making it if need be.
func (w *worker) beside() *workerAside {
	l := w.under.loop
	a := l.aside[w]
	if a == nil {
		if l.aside == nil {
			l.aside = make(map[*worker]*workerAside)
		}
		a = new(workerAside)
		l.aside[w] = a
	}
	return a
}

// A workerBody is what the coroutine of a worker runs, as iter.Pull takes it. There is one for
// every type of result: a task whose type is the worker's needs no frame below its coroutine's
// but that one, and each frame of a suspended coroutine is one more that the garbage collector
// has to walk.
type workerBody[T any] func(yield func(struct{}) bool)

// newWorker makes a worker for a task that starts, and others after it, of whatever types.
func (l *EventLoop) newWorker(t *task) *worker {
	w := new(worker)
	w.node.owner = w
	// A worker ends when it is resumed without a task, or by force: stop is not needed.
	w.next, _ = iter.Pull(t.body().serving())
	l.newborn = w // it begins at once
	return w
}

// serving returns the body of workers whose tasks have results of type T. It is a closure in a
// function that is not inlined because inSomeTask knows it by its name.
//
//go:noinline
func serving[T any](l *EventLoop) workerBody[T] {
	return func(yield func(struct{}) bool) {
		w := l.newborn
		w.yield = yield
		defer w.fall()
		for w.under != nil {
			w.noteGoroutine()
			switch t, ok := w.task().of.owner.(*Task[T]); {
			case l.options.labels:
				w.runLabelled()
			case ok:
				t.conclude(t.coro(&t.core.scope))
			default:
				w.task().body().execute()
			}
			if t := l.takeFresh(); t != nil {
				w.adopt(t)
				continue
			}
			w.under, w.state = nil, workerIdle
			if len(l.idleWorkers) == maxIdleWorkers {
				delete(l.aside, w)
				return
			}
			l.idleWorkers = append(l.idleWorkers, w)
			yield(struct{}{})
		}
	}
}

// fall is what a worker does last. If it has a task still, the task's coroutine has panicked or
// was left by runtime.Goexit: that ends the task, and the worker with it.
func (w *worker) fall() {
	if w.under == nil {
		return
	}
	l := w.under.loop
	w.task().body().crashed(recover())
	delete(l.aside, w)
	w.under = nil
}

// adopt makes t, which has not started, the task of w.
func (w *worker) adopt(t *task) {
	w.under, t.worker = &t.scope, w
	w.state = workerRunning
	t.loop.hold(w)
}

// hold notes that w's task has the thread. The pointer outlasts the flag, since writing it
// is the dearer of the two.
func (l *EventLoop) hold(w *worker) {
	if l.holder != w {
		l.holder = w
	}
	l.inTask = true
}

// current returns the worker whose task has the thread, nil while a callback has it.
func (l *EventLoop) current() *worker {
	if !l.inTask {
		return nil
	}
	return l.holder
}

// takeWorker returns a worker for t, which starts.
func (l *EventLoop) takeWorker(t *task) *worker {
	if n := len(l.idleWorkers); n > 0 {
		w := l.idleWorkers[n-1]
		l.idleWorkers = l.idleWorkers[:n-1]
		return w
	}
	return l.newWorker(t)
}

// takeFresh removes the head of the ready queue if it belongs to this turn and is a task
// that has to start, which a worker just out of work can then run.
func (l *EventLoop) takeFresh() *task {
	if l.batch == 0 || l.instrumented {
		return nil
	}
	t, ok := l.ready.peek().(*task)
	if !ok || t.ended.Load() != nil {
		return nil
	}
	l.ready.pop()
	l.batch--
	return t
}

// run implements runnable: the task goes on.
func (w *worker) run(l *EventLoop) {
	w.state = workerRunning
	l.hold(w)
	w.next()
	l.inTask = false
}

// A suspension is three steps, which stand side by side wherever a task is suspended:
//
//	w.leave(s, why)
//	w.yield(struct{}{})
//	return w.back(s)
//
// The switch in the middle is not in a function of its own because each frame of a suspended
// coroutine is one more that the garbage collector has to walk.

// leave parks the running task under s until wake. The caller has put the worker where whoever
// wakes it will find it.
func (w *worker) leave(s *scope, why waitReason) {
	if w.special || s.task != w.under.task {
		w.leaveOddly(s)
	}
	w.under, w.state, w.reason = s, workerSuspended, why
}

func (w *worker) leaveOddly(s *scope) {
	if w.special {
		w.depart()
	}
	if s.task != w.under.task {
		w.beside().home = &w.under.task.scope
		w.abroad, w.special = true, true
		s.receive(w)
	}
}

// back returns how the suspension under s has ended, now that it has.
func (w *worker) back(s *scope) error {
	if w.special || w.woken != wokenGranted {
		return w.backOddly(s)
	}
	return nil
}

func (w *worker) backOddly(s *scope) error {
	if w.special {
		w.arrive()
	}
	switch w.woken {
	case wokenGranted:
		return nil
	case wokenByEnd:
		return s.ended.Load().err
	default:
		return w.beside().takeError()
	}
}

func (a *workerAside) takeError() error {
	err := a.err
	a.err = nil
	return err
}

// granted implements waiter.
func (w *worker) granted() { w.wake(wokenGranted) }

// fail ends the suspension with err and schedules the task.
func (w *worker) fail(err error) {
	w.beside().err = err
	w.wake(wokenByError)
}

// wake ends the suspension and schedules the task.
func (w *worker) wake(why wakeCause) {
	if w.visiting {
		w.visiting = false
		delete(w.under.ext.Load().visitors, w)
	}
	if w.node.queue != nil {
		w.node.remove()
	}
	l := w.under.loop
	if w.timer.at != timerIdle {
		l.timers.remove(&w.timer)
	}
	w.state, w.woken = workerReady, why
	l.ready.push(w)
}

// giveWay lets the running task wait for its next turn. A scope that ends meanwhile is
// noticed on return: giving way has no result that could be lost.
func (w *worker) giveWay(s *scope) error {
	w.state, w.reason = workerReady, waitTurn
	s.loop.ready.push(w)
	if w.special {
		w.depart()
	}
	w.yield(struct{}{})
	if w.special {
		w.arrive()
	}
	if c := s.ended.Load(); c != nil {
		return c.err
	}
	return nil
}

// depart does what is special before a switch.
func (w *worker) depart() {
	if w.labelled {
		w.beside().labels.pause()
	}
}

// arrive does what is special after a switch: the task may have been resumed for its turn, to
// tell its stack, or to end.
func (w *worker) arrive() {
	for w.under.loop.inspection != nil {
		in := w.under.loop.inspection
		in.pcs = in.pcs[:runtime.Callers(2, in.pcs[:cap(in.pcs)])]
		w.yield(struct{}{})
	}
	if w.abroad {
		a := w.beside()
		w.under, a.home, w.abroad = a.home, nil, false
	}
	if w.state == workerUnwinding {
		runtime.Goexit()
	}
	if w.special = w.labelled; w.labelled {
		w.beside().labels.resume()
	}
}

// parkOn suspends the running task on q, under s.
func (l *EventLoop) parkOn(s *scope, q *waitQueue, why waitReason) error {
	w, err := l.suspending(s)
	if err != nil {
		return err
	}
	q.push(&w.node)
	w.leave(s, why)
	w.yield(struct{}{})
	return w.back(s)
}

// suspending returns the worker of the task that is about to suspend under s, or the error
// with which its suspension fails at once.
func (l *EventLoop) suspending(s *scope) (*worker, error) {
	w := l.holder
	if !l.inTask {
		panic("asyncio: a call that suspends was made outside a task: make it in a coroutine started with CreateTask or Run")
	}
	if c := s.ended.Load(); c != nil {
		return nil, c.err
	}
	if w.state == workerUnwinding {
		return nil, &CancelledError{Cause: ErrLoopClosed}
	}
	return w, nil
}

// unwind ends a suspended task by force: its deferred functions run, nothing else does.
// It takes place on a goroutine of its own, since runtime.Goexit, the one exit that no
// recover can stop, ends whoever resumed the coroutine too.
func (w *worker) unwind() {
	w.state, w.special = workerUnwinding, true
	over := make(chan struct{})
	go func() {
		defer close(over)
		w.next()
	}()
	<-over
}

// closeWorkers ends the coroutines in the pool.
func (l *EventLoop) closeWorkers() {
	for _, w := range l.idleWorkers {
		w.next()
	}
	l.idleWorkers = nil
}
