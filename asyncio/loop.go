package asyncio

// The event loop: one goroutine that runs callbacks and tasks, one at a time, in the order
// in which they were scheduled.
//
// A turn takes what is ready, then what the sockets have to say, then the timers that are
// due, and runs exactly that; whatever it schedules waits for the next turn. When nothing
// is ready the loop waits for sockets, timers and other goroutines. That order is CPython's
// (Lib/asyncio/base_events.py), and everything deterministic about the package rests on it.

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// An EventLoop runs tasks and callbacks. Its methods must be called on the loop, that is by
// tasks and callbacks it runs, or while it does not run; CallSoonThreadsafe, and what is
// built on it, may be called by any goroutine. CPython: asyncio.AbstractEventLoop.
type EventLoop struct {
	ready     readyQueue
	batch     int  // entries of the ready queue that belong to this turn
	batching  bool // a turn is running its batch
	turned    bool // this run has begun a turn
	timers    timerHeap
	clock     Clock
	virtual   VirtualClock // clock, if it is virtual
	origin    time.Time    // date and time of loop time zero
	picker    Picker
	holder    *worker // of the task that has the thread, while inTask
	inTask    bool
	running   bool
	stopping  bool
	closed    bool
	handedOut bool // somebody outside may hold the loop, hence wake it

	root     scope // Context()
	detached scope // never ends: for contexts that cannot be cancelled
	taskSeq  uint64

	idleWorkers []*worker
	newborn     *worker                  // whose coroutine has not begun
	workerBody  any                      // the workerBody[T] made last
	aside       map[*worker]*workerAside // what only some workers need
	visits      uint64                   // suspensions under the scope of another task
	foreign     foreignWatch             // ring of the contexts from outside that are watched
	outside     int                      // things outside that may still wake the loop
	deadlines   int                      // contexts from outside that end by themselves
	unheard     unheardList
	executor    executor
	signals     signalHandlers
	processes   processes

	exceptionHandler func(*EventLoop, ExceptionInfo)
	handling         bool // exceptionHandler runs
	options          loopOptions
	sincePoll        int          // entries run since the sockets were asked
	instrumented     bool         // debug mode, or a picker: no short cuts
	goroutine        atomic.Int64 // id of the goroutine that has the thread, in debug mode; 0: not known

	noticed      uint64 // taskSeq plus one when a deadlock was last logged
	watchdog     watchdog
	turns, steps uint64
	stepTime     LatencyHistogram

	inspection *inspection // a suspended task that was resumed is to tell its stack
	inbox      inbox
	netState
}

// idler is what a loop with nothing to do waits on: a sleeper, or a poller once it has
// sockets.
type idler interface {
	Wait(timeout time.Duration) error
	Wake()
	Active() int
	Close() error
}

// inbox is the one door by which other goroutines enter.
type inbox struct {
	mu     sync.Mutex
	posted []func()
	spare  []func() // the slice posted before, emptied
	closed bool
	idle   idler       // the loop waits on it; replaced under mu
	full   atomic.Bool // posted is not empty

	outsiders map[outsider]struct{}
}

// An outsider is on another goroutine and waits for something that happens on the loop.
type outsider interface {
	lost() // the loop was closed before
}

// pollInterval bounds how many entries run between two looks at the sockets while there
// is always something ready.
const pollInterval = 64

// NewEventLoop returns a loop at rest. Close releases it. The first loop of a process, here or
// in Run, also reserves 8 MiB of heap that are never touched, for garbage to be collected less
// often; it does not where GOGC or a memory limit is set.
// CPython: asyncio.new_event_loop.
func NewEventLoop(opts ...LoopOption) *EventLoop {
	l := newLoop(context.Background(), opts)
	l.handedOut = true
	return l
}

// newLoop returns a loop whose contexts have the values of outer, which must not be
// cancellable.
func newLoop(outer context.Context, opts []LoopOption) *EventLoop {
	reserveHeap()
	l := new(EventLoop)
	for _, opt := range opts {
		opt(&l.options)
	}
	l.options.fillIn()
	l.clock = l.options.clock
	l.virtual, _ = l.clock.(VirtualClock)
	l.origin = l.clock.Wall().Add(-l.clock.Now())
	l.picker = l.options.picker
	l.inbox.idle = newSleeper()
	l.foreign.prev, l.foreign.next = &l.foreign, &l.foreign
	l.unheard.init(l)
	l.executor.init(l, l.options.executorLimit)
	l.processes.init(l)
	l.root.open(l, nil, outer, nil)
	l.detached.open(l, nil, outer, nil)
	l.SetDebug(l.options.debug)
	return l
}

// Context returns a context that carries the loop and no task: for code that sets the loop
// up from outside. It ends when the loop is closed.
func (l *EventLoop) Context() context.Context { return &l.root }

// loopOf returns the loop that ctx carries.
func loopOf(ctx context.Context) *EventLoop {
	if s, ok := ctx.(*scope); ok {
		return s.loop
	}
	if s, ok := ctx.Value(scopeKey).(*scope); ok {
		return s.loop
	}
	panic("asyncio: the context carries no event loop: pass the ctx that the coroutine was given, or EventLoop.Context()")
}

// RunningLoop returns the loop that ctx carries, and panics if it carries none.
// CPython: asyncio.get_running_loop.
func RunningLoop(ctx context.Context) *EventLoop {
	l := loopOf(ctx)
	l.handedOut = true
	return l
}

// LoopFrom returns the loop that ctx carries, if it carries one. It is for libraries that run
// on the loop: unlike RunningLoop it does not tell the loop that others may wake it, hence the
// loop must not be handed to another goroutine.
func LoopFrom(ctx context.Context) (*EventLoop, bool) {
	s, ok := ctx.Value(scopeKey).(*scope)
	if !ok {
		return nil, false
	}
	return s.loop, true
}

// String describes the loop for logs.
func (l *EventLoop) String() string {
	state := "at rest"
	switch {
	case l.closed:
		state = "closed"
	case l.running:
		state = "running"
	}
	return fmt.Sprintf("EventLoop(%s, %d tasks)", state, len(l.allTasks()))
}

// IsRunning reports whether the loop is running.
func (l *EventLoop) IsRunning() bool { return l.running }

// IsClosed reports whether the loop was closed.
func (l *EventLoop) IsClosed() bool { return l.closed }

// Time returns the loop's monotonic time, from an arbitrary origin.
func (l *EventLoop) Time() time.Duration { return l.clock.Now() }

// Wall returns the date and time of the loop's clock, which is virtual if the loop's is.
func (l *EventLoop) Wall() time.Time { return l.clock.Wall() }

// wallAt returns the date and time of when, in loop time. Any goroutine may call it.
func (l *EventLoop) wallAt(when time.Duration) time.Time { return l.origin.Add(when) }

// deadlineIn returns the loop time d from now; the end of time if that is beyond it.
func (l *EventLoop) deadlineIn(d time.Duration) time.Duration {
	now := l.clock.Now()
	if when := now + d; d < 0 || when >= now {
		return when
	}
	return math.MaxInt64
}

// RunForever runs the loop until Stop. It returns ErrLoopRunning if the loop runs already,
// ErrLoopClosed if it is closed, and a *DeadlockError if the loop ends by deadlock.
func (l *EventLoop) RunForever() error {
	if err := l.begin(); err != nil {
		return err
	}
	defer l.end()
	for {
		if over, err := l.spin(); over {
			return err
		}
	}
}

// RunUntilComplete runs the loop until w is done and returns w's error. Callbacks that were
// added to w before have run by then. It returns ErrLoopStopped if Stop came first; w stays
// pending then, and can be run again. CPython: loop.run_until_complete.
func (l *EventLoop) RunUntilComplete(w Waitable) error {
	f := w.future()
	if f.loop != l {
		panic("asyncio: RunUntilComplete of a future that belongs to another event loop")
	}
	stop := new(stopCallback)
	stop.listen(f, stop)
	defer stop.letGo()
	if err := l.RunForever(); err != nil {
		return err
	}
	if !f.Done() {
		return ErrLoopStopped
	}
	return w.Err()
}

// stopCallback stops the loop when the future it listens to is done, unless it was let go:
// a run that has ended otherwise must not stop the next one.
type stopCallback struct {
	listener
	idle bool
}

func (s *stopCallback) run(l *EventLoop) {
	if !s.idle {
		l.stopping = true
	}
}

func (s *stopCallback) letGo() {
	s.idle = true
	s.node.remove()
}

// Stop makes the loop return at the end of the turn it is in, or after one turn if it does
// not run. What the turn schedules waits for the next run. CPython: loop.stop.
func (l *EventLoop) Stop() { l.stopping = true }

func (l *EventLoop) begin() error {
	if l.closed {
		return ErrLoopClosed
	}
	if l.running {
		return ErrLoopRunning
	}
	l.running, l.turned = true, false
	l.beginDebug()
	return nil
}

func (l *EventLoop) end() {
	l.running, l.stopping = false, false
	l.inTask, l.holder = false, nil
	l.batch, l.batching = 0, false
	l.endDebug()
}

// spin runs turn after turn until the loop is stopped or fails, and reports that it is over. If
// an entry of the ready queue panics it returns before: the panic has been reported then, and
// the next spin goes on with the rest of the turn.
func (l *EventLoop) spin() (over bool, err error) {
	defer l.catch(&over)
	for {
		l.runBatch()
		if l.stopping && l.turned {
			return true, nil
		}
		if err := l.beginTurn(); err != nil {
			return true, err
		}
	}
}

// beginTurn gathers what the next turn runs, waiting for it if need be.
func (l *EventLoop) beginTurn() error {
	l.drainInbox()
	if l.ready.n == 0 && !l.stopping {
		if err := l.idle(); err != nil {
			return err
		}
	} else if l.sincePoll >= pollInterval {
		if err := l.poll(0); err != nil {
			return err
		}
	}
	if l.simulated != nil {
		l.simulated.RunEvents(l.clock.Now())
	}
	if l.timers.len() > 0 {
		l.fireTimers()
	}
	l.batch = l.ready.n
	l.sincePoll += l.batch
	l.turns++
	l.steps += uint64(l.batch)
	l.turned = true
	return nil
}

// runBatch runs what is left of the turn.
func (l *EventLoop) runBatch() {
	l.batching = true
	if l.instrumented {
		l.runInstrumented()
	} else {
		for l.batch > 0 {
			l.batch--
			l.ready.pop().run(l)
		}
	}
	l.batching = false
}

// catch is deferred around runBatch. Unless finished is true by then it reports the panic that
// ended it.
func (l *EventLoop) catch(finished *bool) {
	l.batching = false
	if *finished {
		return
	}
	if v := recover(); v != nil {
		l.inTask = false
		l.reportPanic(v)
	}
}

// poll looks at the sockets, waiting up to timeout for one to become ready.
func (l *EventLoop) poll(timeout time.Duration) error {
	l.sincePoll = 0
	if timeout == 0 && l.inbox.idle.Active() == 0 {
		return nil
	}
	err := l.inbox.idle.Wait(timeout)
	l.drainInbox()
	return err
}

// fireTimers moves the timers that are due to the ready queue.
func (l *EventLoop) fireTimers() {
	now := l.clock.Now()
	for range manyTimers {
		r, due := l.timers.popDue(now)
		if !due {
			return
		}
		l.ready.push(r)
	}
	if due := l.timers.due(now); due > l.timers.len()/2 {
		l.timers.popFirst(due, l.ready.push)
	}
	for r, due := l.timers.popDue(now); due; r, due = l.timers.popDue(now) {
		l.ready.push(r)
	}
}

// manyTimers is how many timers fire before it is worth while to count the others that are due.
const manyTimers = 64

// idle waits until there is something to do.
func (l *EventLoop) idle() error {
	l.checkForeign()
	if l.ready.n > 0 {
		return nil
	}
	external := l.inbox.idle.Active() > 0 || l.outside > 0
	next, timed := l.nextDeadline()
	if !timed {
		if external || l.deadlines > 0 {
			return l.poll(neverFires)
		}
		return l.stuck()
	}
	wait := next - l.clock.Now()
	switch {
	case wait <= 0:
		return l.poll(0)
	case l.virtual == nil:
		return l.poll(wait)
	case external:
		// Virtual time stands still while the real world works, but not for ever: what
		// it answers in time must not be overtaken by a timeout.
		if err := l.pollReal(wait); err != nil || l.ready.n > 0 {
			return err
		}
	}
	l.virtual.AdvanceTo(next)
	return nil
}

// CallSoonThreadsafe schedules f to be called on the loop. Any goroutine may call it; calls
// of one goroutine run in their order. It returns ErrLoopClosed once the loop is closed.
// CPython: loop.call_soon_threadsafe.
func (l *EventLoop) CallSoonThreadsafe(f func()) error {
	if f == nil {
		panic("asyncio: CallSoonThreadsafe(nil): pass a function")
	}
	if !l.post(f) {
		return ErrLoopClosed
	}
	return nil
}

// post puts f into the inbox and wakes the loop. It reports false if the loop is closed.
func (l *EventLoop) post(f func()) bool {
	in := &l.inbox
	in.mu.Lock()
	if in.closed {
		in.mu.Unlock()
		return false
	}
	in.posted = append(in.posted, f)
	first := len(in.posted) == 1
	if first {
		in.full.Store(true)
	}
	idle := in.idle
	in.mu.Unlock()
	if first {
		idle.Wake()
	}
	return true
}

// enlist makes the closing of the loop known to o, until discharge.
func (in *inbox) enlist(o outsider) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.outsiders == nil {
		in.outsiders = make(map[outsider]struct{})
	}
	in.outsiders[o] = struct{}{}
}

func (in *inbox) discharge(o outsider) {
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.outsiders, o)
}

// close refuses what comes from now on and tells those who still wait.
func (in *inbox) close() {
	in.mu.Lock()
	lost := in.outsiders
	in.closed, in.posted, in.outsiders = true, nil, nil
	in.mu.Unlock()
	for o := range lost {
		o.lost()
	}
}

// drainInbox moves what other goroutines have posted to the ready queue.
func (l *EventLoop) drainInbox() {
	in := &l.inbox
	if !in.full.Load() {
		return
	}
	in.mu.Lock()
	posted := in.posted
	in.posted, in.spare = in.spare, nil
	in.full.Store(false)
	in.mu.Unlock()
	for i, f := range posted {
		l.ready.push(postedFunc(f))
		posted[i] = nil
	}
	in.spare = posted[:0]
}

// postedFunc is a function from the inbox as an entry of the ready queue.
type postedFunc func()

func (f postedFunc) run(*EventLoop) { f() }
