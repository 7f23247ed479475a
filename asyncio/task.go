package asyncio

// Tasks: coroutines that the loop drives.
//
// A Task is a Future and a scope in one allocation. It is created, scheduled, started on a
// worker, and done when its coroutine returns; one that is cancelled before its first step
// is done without having started.

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"runtime"
	"runtime/debug"
	"slices"
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

// A taskBody is the typed side of a task.
type taskBody interface {
	AnyTask
	controller
	serving() iter.Seq[struct{}] // the body of a worker for it
	execute()                    // run the coroutine to its end, on a worker
	crashed(panicked any)        // complete after the coroutine panicked, or left by runtime.Goexit
	abandon(err error)           // complete without running it (further)
}

// task is the untyped part of a Task. As an entry of the ready queue it starts.
type task struct {
	scope
	of     *futureCore // the future it is; whose owner is the typed task
	worker *worker     // while started
	id     uint64
}

// body returns the typed side of the task.
func (t *task) body() taskBody { return t.of.owner.(taskBody) }

// done reports whether the coroutine has ended.
func (t *task) done() bool { return t.of.state != futurePending }

// TaskOption configures CreateTask.
type TaskOption struct {
	name  string
	eager bool
	held  bool // whoever creates the task schedules it later
}

// WithName names the task. The default is "Task-N", N counting the loop's tasks from 1.
func WithName(name string) TaskOption { return TaskOption{name: name} }

// WithEagerStart runs the coroutine inside CreateTask up to its first suspension, or to its
// end, instead of in the next turn. CPython: eager_start=True.
func WithEagerStart() TaskOption { return TaskOption{eager: true} }

// CreateTask schedules c to run as a task, from the next turn of ctx's loop on, and returns
// the task. The task's ctx derives from ctx: it sees its values, and ends when it ends. On a
// closed loop the task is returned cancelled, with ErrLoopClosed as its cause.
// CPython: asyncio.create_task.
func CreateTask[T any](ctx context.Context, c Coroutine[T], opts ...TaskOption) *Task[T] {
	if c == nil {
		panic("asyncio: CreateTask(nil): pass a coroutine")
	}
	t := &Task[T]{coro: c}
	t.core.start(ctx, t, &t.futureCore, collect(opts))
	return t
}

// collect makes one option of many.
func collect(opts []TaskOption) (o TaskOption) {
	for _, opt := range opts {
		o.eager = o.eager || opt.eager
		if opt.name != "" {
			o.name = opt.name
		}
	}
	return o
}

// EnsureFuture is CreateTask under the name that asyncio's users look for.
// CPython: asyncio.ensure_future.
func EnsureFuture[T any](ctx context.Context, c Coroutine[T]) *Task[T] { return CreateTask(ctx, c) }

// Name returns the task's name.
func (t *Task[T]) Name() string { return t.core.title() }

// SetName changes the task's name.
func (t *Task[T]) SetName(name string) { t.core.rename(name) }

// Context returns the context the coroutine was given.
func (t *Task[T]) Context() context.Context { return &t.core.scope }

// Stack returns where the task is suspended, innermost call first. It is nil for a task
// that has not started, is running, or is done. CPython: Task.get_stack.
func (t *Task[T]) Stack() []runtime.Frame { return t.core.stack() }

// String describes the task for logs.
func (t *Task[T]) String() string {
	state := "created"
	switch {
	case t.core.worker != nil:
		state = t.core.worker.state.String()
	case t.Done():
		state = t.state.String()
	}
	if err := t.error(); err != nil {
		return fmt.Sprintf("Task(%s, %s: %v)", t.Name(), state, err)
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
	return s.task.body()
}

// AllTasks returns the unfinished tasks of ctx's loop in the order in which they were
// created. CPython: asyncio.all_tasks.
func AllTasks(ctx context.Context) []AnyTask {
	var all []AnyTask
	for _, t := range loopOf(ctx).allTasks() {
		all = append(all, t.body())
	}
	return all
}

// start brings a new task to life.
func (t *task) start(ctx context.Context, body taskBody, f *futureCore, o TaskOption) {
	t.of, f.owner = f, body
	if s, ok := ctx.(*scope); ok {
		s.loop.checkGoroutine("CreateTask")
		t.open(s.loop, t, ctx, s)
	} else {
		t.openForeign(ctx)
	}
	l := t.loop
	f.loop = l
	if o.name != "" {
		t.rename(o.name)
	}
	t.noteCreation()
	if l.closed {
		t.retire()
		f.complete(&CancelledError{Cause: ErrLoopClosed})
		return
	}
	l.taskSeq++
	t.id = l.taskSeq
	switch {
	case o.held:
	case o.eager && l.batching:
		l.runEager(t)
	default:
		l.ready.push(t)
	}
}

// openForeign opens the task's scope under a context that is not a scope itself.
func (t *task) openForeign(ctx context.Context) {
	inner, ok := ctx.Value(scopeKey).(*scope)
	if !ok {
		panic("asyncio: the context carries no event loop: create tasks with the ctx that a coroutine was given, or with EventLoop.Context()")
	}
	inner.loop.checkGoroutine("CreateTask")
	switch ctx.Done() {
	case nil:
		t.open(inner.loop, t, ctx, &inner.loop.detached)
	case inner.Done():
		t.open(inner.loop, t, ctx, inner)
	default:
		t.follow(ctx, inner.loop, t)
	}
}

// run implements runnable: the task starts.
func (t *task) run(l *EventLoop) {
	if c := t.ended.Load(); c != nil {
		t.body().abandon(c.err)
		return
	}
	w := l.takeWorker(t)
	w.adopt(t)
	w.next()
	l.inTask = false
}

// runEager runs the first step of t inside whatever is running.
func (l *EventLoop) runEager(t *task) {
	creator, batch, goroutine := l.current(), l.batch, l.goroutine.Load()
	l.batch = 0 // the worker must come back here, not look for more work
	t.run(l)
	l.batch = batch
	if l.options.debug {
		l.goroutine.Store(goroutine)
	}
	if creator != nil {
		l.hold(creator)
	}
}

// cancel implements controller.
func (t *Task[T]) cancel(cause error) bool {
	t.core.end(cancelled(cause))
	return true
}

// asTask implements controller.
func (t *Task[T]) asTask() *task { return &t.core }

func (t *task) rename(name string) { t.extension().name = name }

func (t *task) title() string {
	if x := t.ext.Load(); x != nil && x.name != "" {
		return x.name
	}
	return "Task-" + strconv.FormatUint(t.id, 10)
}

// reason says what the task waits for.
func (t *task) reason() waitReason {
	if t.worker == nil {
		return waitTurn
	}
	return t.worker.reason
}

// retire takes a finished task out of everything that held it.
func (t *task) retire() {
	t.worker = nil
	t.close()
}

// allTasks returns the unfinished tasks, oldest first.
func (l *EventLoop) allTasks() []*task {
	var all []*task
	var visit func(s *scope)
	visit = func(s *scope) {
		if s.task != nil && s == &s.task.scope && !s.task.done() {
			all = append(all, s.task)
		}
		for k := s.kids; k != nil; k = k.older {
			visit(k)
		}
	}
	visit(&l.root)
	visit(&l.detached)
	slices.SortFunc(all, func(a, b *task) int { return cmp.Compare(a.id, b.id) })
	return all
}

// serving implements taskBody.
func (t *Task[T]) serving() iter.Seq[struct{}] {
	body, ok := t.core.loop.workerBody.(workerBody[T])
	if !ok {
		body = serving[T](t.core.loop)
		t.core.loop.workerBody = body
	}
	return iter.Seq[struct{}](body)
}

// execute implements taskBody.
func (t *Task[T]) execute() { t.conclude(t.coro(&t.core.scope)) }

// conclude completes the task with what its coroutine has returned.
func (t *Task[T]) conclude(v T, err error) {
	t.value = v
	t.finish(err)
}

// crashed implements taskBody.
func (t *Task[T]) crashed(panicked any) {
	switch {
	case panicked != nil:
		t.finish(&PanicError{Value: panicked, Stack: debug.Stack()})
	case t.core.worker.state == workerUnwinding:
		t.finish(&CancelledError{Cause: ErrLoopClosed})
	default:
		// iter.Pull carries the Goexit on to the goroutine that runs the loop.
		t.core.worker.state = workerUnwinding
		t.finish(errGoexit)
		t.heard()
	}
}

// abandon implements taskBody.
func (t *Task[T]) abandon(err error) { t.finish(err) }

func (t *Task[T]) finish(err error) {
	t.coro = nil
	t.core.retire()
	c := t.core.ended.Load()
	if c != nil && err == c.err {
		t.completeAs(c)
		return
	}
	t.complete(err)
	if c.explains(err) {
		t.heard() // its context ran out: that is no failure of the task's
	}
}
