package asyncio

// Tasks: coroutines that the loop drives.
//
// A Task is a Future, a scope and a place in the loop's list, in one allocation. Its
// states go created → (running ↔ suspended → ready)* → done; a task that is cancelled
// before its first step goes from created to done without running.

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"
)

// A Coroutine is a function that may suspend. Its ctx carries the loop and the task it
// runs as; whatever it awaits, it awaits with that ctx.
type Coroutine[T any] func(ctx context.Context) (T, error)

// A Task runs a coroutine on a loop. It is a Future that the coroutine completes: SetResult
// and SetError return ErrInvalidState. CPython: asyncio.Task.
type Task[T any] struct {
	Future[T]
	core task
	coro Coroutine[T]
}

// AnyTask is a *Task of any type.
type AnyTask interface {
	Waitable
	// Name returns the task's name, "Task-N" unless it was given one.
	Name() string
	// SetName changes the name.
	SetName(string)
	// Stack returns where the task is suspended, innermost call first; nil if it has
	// not started, runs at the moment, or is done.
	Stack() []runtime.Frame
}

type taskState uint8

const (
	taskCreated taskState = iota
	taskRunning
	taskSuspended
	taskReady
	taskUnwinding // its coroutine is being ended by force
	taskDone
)

// String returns the name of the state.
func (s taskState) String() string {
	return [...]string{"created", "running", "suspended", "ready", "unwinding", "done"}[s]
}

// A taskBody is the typed side of a task.
type taskBody interface {
	AnyTask
	execute()          // run the coroutine to its end, on a worker
	abandon(err error) // complete without running it (further)
}

// task is the untyped part of a Task.
type task struct {
	scope
	body   taskBody
	worker *worker // while started and not done
	id     uint64
	name   string // empty: Task-id

	// Suspension. A suspended task is in the ring of the scope it waits under, and in a
	// wait queue, or on a timer, or both.
	under              *scope
	parkPrev, parkNext *task
	node               waitNode
	timer              timer
	wakeErr            error // what the suspension returns

	older, newer *task // the loop's list of unfinished tasks
	inspection   *inspection
	state        taskState
	reason       waitReason
}

// TaskOption configures CreateTask.
type TaskOption func(*taskOptions)

type taskOptions struct {
	name  string
	eager bool
}

// WithName names the task. The default is "Task-N", N counting the loop's tasks from 1.
func WithName(name string) TaskOption {
	return func(o *taskOptions) { o.name = name }
}

// WithEagerStart runs the coroutine inside CreateTask up to its first suspension, or to its
// end, instead of in the next turn. CPython: eager_start=True.
func WithEagerStart() TaskOption {
	return func(o *taskOptions) { o.eager = true }
}

// CreateTask schedules c to run as a task, from the next turn of ctx's loop on, and returns
// the task. The task's ctx derives from ctx: it sees its values, and ends when it ends. On a
// closed loop the task is returned cancelled, with ErrLoopClosed as its cause.
// CPython: asyncio.create_task.
func CreateTask[T any](ctx context.Context, c Coroutine[T], opts ...TaskOption) *Task[T] {
	if c == nil {
		panic("asyncio: CreateTask(nil): pass a coroutine")
	}
	t := &Task[T]{coro: c}
	if len(opts) == 0 {
		t.core.start(ctx, t, &t.futureCore, taskOptions{})
		return t
	}
	t.core.start(ctx, t, &t.futureCore, collect(opts))
	return t
}

func collect(opts []TaskOption) (o taskOptions) {
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// EnsureFuture is CreateTask under the name that asyncio's users look for.
// CPython: asyncio.ensure_future.
func EnsureFuture[T any](ctx context.Context, c Coroutine[T]) *Task[T] { return CreateTask(ctx, c) }

// Name returns the task's name.
func (t *Task[T]) Name() string { return t.core.title() }

// SetName changes the task's name.
func (t *Task[T]) SetName(name string) { t.core.name = name }

// Context returns the context the coroutine was given.
func (t *Task[T]) Context() context.Context { return &t.core.scope }

// Stack returns where the task is suspended, innermost call first. It is nil for a task
// that has not started, is running, or is done. CPython: Task.get_stack.
func (t *Task[T]) Stack() []runtime.Frame { return t.core.stack() }

// String describes the task for logs.
func (t *Task[T]) String() string {
	state := t.core.state.String()
	if t.core.state == taskDone {
		state = t.state.String()
	}
	if t.err != nil {
		return fmt.Sprintf("Task(%s, %s: %v)", t.Name(), state, t.err)
	}
	return fmt.Sprintf("Task(%s, %s)", t.Name(), state)
}

// CurrentTask returns the task that ctx belongs to, nil for a ctx outside any task. It
// panics if ctx carries no loop. CPython: asyncio.current_task.
func CurrentTask(ctx context.Context) AnyTask {
	s, ok := ctx.Value(scopeKey).(*scope)
	if !ok {
		panic("asyncio: CurrentTask: the context carries no event loop: pass the ctx that the coroutine was given")
	}
	if s.task == nil {
		return nil
	}
	return s.task.body
}

// AllTasks returns the unfinished tasks of ctx's loop in the order in which they were
// created. CPython: asyncio.all_tasks.
func AllTasks(ctx context.Context) []AnyTask {
	var all []AnyTask
	l := loopOf(ctx)
	for t := l.tasks.newer; t != &l.tasks; t = t.newer {
		all = append(all, t.body)
	}
	return all
}

// start brings a new task to life.
func (t *task) start(ctx context.Context, body taskBody, f *futureCore, o taskOptions) {
	t.body, t.name = body, o.name
	t.node.owner = t
	f.owner = t
	if s, ok := ctx.(*scope); ok {
		t.open(s.loop, t, ctx, s)
	} else {
		t.openForeign(ctx)
	}
	l := t.loop
	f.loop = l
	l.checkGoroutine("CreateTask")
	if l.closed {
		t.state = taskDone
		t.close()
		f.complete(&CancelledError{Cause: ErrLoopClosed})
		return
	}
	l.taskSeq++
	t.id = l.taskSeq
	t.older, t.newer = l.tasks.older, &l.tasks
	t.older.newer, l.tasks.older = t, t
	if o.eager && l.batching {
		l.runEager(t)
		return
	}
	l.ready.push(t)
}

// openForeign opens the task's scope under a context that is not a scope itself.
func (t *task) openForeign(ctx context.Context) {
	inner, ok := ctx.Value(scopeKey).(*scope)
	if !ok {
		panic("asyncio: the context carries no event loop: create tasks with the ctx that a coroutine was given, or with EventLoop.Context()")
	}
	switch ctx.Done() {
	case nil:
		t.open(inner.loop, t, ctx, &inner.loop.detached)
	case inner.Done():
		t.open(inner.loop, t, ctx, inner)
	default:
		t.follow(ctx, inner.loop, t)
	}
}

// run implements runnable: it starts the task or lets it go on.
func (t *task) run(l *EventLoop) {
	if t.state == taskCreated {
		if c := t.ended.Load(); c != nil {
			t.body.abandon(c.err)
			return
		}
		w := l.takeWorker()
		w.adopt(t)
		w.next()
	} else {
		t.state = taskRunning
		l.current = t
		t.worker.next()
	}
	l.current = nil
}

// runEager runs the first step of t inside whatever is running.
func (l *EventLoop) runEager(t *task) {
	creator, batch := l.current, l.batch
	l.batch = 0 // the worker must come back here, not look for more work
	t.run(l)
	l.current, l.batch = creator, batch
}

// granted implements waiter.
func (t *task) granted() { t.wake(nil) }

// wake ends the suspension of t with err and schedules it.
func (t *task) wake(err error) {
	s := t.under
	if t.parkNext == t {
		s.parked = nil
	} else {
		t.parkPrev.parkNext, t.parkNext.parkPrev = t.parkNext, t.parkPrev
		if s.parked == t {
			s.parked = t.parkNext
		}
	}
	t.under, t.parkPrev, t.parkNext = nil, nil, nil
	t.node.remove()
	if t.timer.at != timerIdle {
		t.loop.timers.remove(&t.timer)
	}
	t.wakeErr = err
	t.state = taskReady
	t.loop.ready.push(t)
}

// suspend parks the running task under s until wake. The caller has put it where whoever
// wakes it will find it.
func (t *task) suspend(s *scope, why waitReason) error {
	t.under = s
	if head := s.parked; head == nil {
		t.parkPrev, t.parkNext = t, t
		s.parked = t
	} else {
		t.parkPrev, t.parkNext = head.parkPrev, head
		head.parkPrev.parkNext, head.parkPrev = t, t
	}
	t.state, t.reason = taskSuspended, why
	t.switchOut()
	err := t.wakeErr
	t.wakeErr = nil
	return err
}

// parkOn suspends the running task on q, under s.
func (l *EventLoop) parkOn(s *scope, q *waitQueue, why waitReason) error {
	t, err := l.suspending(s)
	if err != nil {
		return err
	}
	q.push(&t.node)
	return t.suspend(s, why)
}

// suspending returns the task that is about to suspend under s, or the error with which
// its suspension fails at once.
func (l *EventLoop) suspending(s *scope) (*task, error) {
	t := l.current
	if t == nil {
		panic("asyncio: a call that suspends was made outside a task: make it in a coroutine started with CreateTask or Run")
	}
	if c := s.ended.Load(); c != nil {
		return nil, c.err
	}
	if t.state == taskUnwinding {
		return nil, &CancelledError{Cause: ErrLoopClosed}
	}
	return t, nil
}

// cancel implements controller.
func (t *task) cancel(cause error) bool {
	t.end(cancelled(cause))
	return true
}

func (t *task) title() string {
	if t.name != "" {
		return t.name
	}
	return "Task-" + strconv.FormatUint(t.id, 10)
}

// retire takes a finished task out of everything that held it.
func (t *task) retire() {
	t.state = taskDone
	t.worker = nil
	t.older.newer, t.newer.older = t.newer, t.older
	t.older, t.newer = nil, nil
	t.close()
}

// execute implements taskBody.
func (t *Task[T]) execute() {
	returned := false
	defer func() {
		if !returned {
			t.crashed(recover())
		}
	}()
	v, err := t.coro(&t.core.scope)
	returned = true
	t.value = v
	t.finish(err)
}

// crashed completes a task whose coroutine panicked, or left by runtime.Goexit.
func (t *Task[T]) crashed(panicked any) {
	switch {
	case panicked != nil:
		t.finish(&PanicError{Value: panicked, Stack: debug.Stack()})
	case t.core.state == taskUnwinding:
		t.finish(&CancelledError{Cause: ErrLoopClosed})
	default:
		// iter.Pull carries the Goexit on to the goroutine that runs the loop.
		t.core.worker.dead = true
		t.finish(errGoexit)
		t.heard()
	}
}

// abandon implements taskBody.
func (t *Task[T]) abandon(err error) { t.finish(err) }

func (t *Task[T]) finish(err error) {
	t.coro = nil
	t.core.retire()
	t.complete(err)
}
