package asyncio

// Group and TaskGroup: tasks that live no longer than the block that starts them.
//
// A group is a scope below the caller's ctx. Its body runs in the calling task, its tasks run
// beside it, all of them under the scope; whatever ends the scope (a failure, Cancel, the end
// of the caller's ctx) reaches them all in one stroke. Group returns when the body has
// returned and the last task has ended, never before, hence no task outlives it and no error
// is lost. The bookkeeping is done by a callback for each task, in the turn after it ended.

import (
	"context"
	"errors"
	"fmt"
)

var (
	// errGroupOver ends the ctx of a group that has returned.
	errGroupOver = errors.New("asyncio: the group is over: its body and its tasks have ended")
	// errGroupCrashed ends a group whose body panicked.
	errGroupCrashed = errors.New("asyncio: the body of the group panicked")
)

// groupOver is the end of all groups that nothing else has ended.
var groupOver = cancelled(errGroupOver)

// A TaskGroup is what a Group's body starts tasks in: with CreateTaskIn, or Go for those
// without a result. CPython: asyncio.TaskGroup.
type TaskGroup struct {
	scope   scope
	pending int       // tasks whose end was not noticed yet
	exit    waitQueue // the caller, waiting for pending to become zero
	errors  []error   // failures, in the order in which they happened
	stopped bool      // by a failure or Cancel, not from outside
	inBody  bool
	outside *cancellation // how the caller's ctx had ended when the last task had

	limit   int // tasks that run at once; zero: any number
	running int // of those that limit counts
	held    waitQueue
}

// Group calls body with a new group, waits until body and all tasks of the group have ended,
// and returns their failures as a *GroupError: those of the tasks in the order in which they
// failed, body's last. The first failure cancels the ctx of body and of the other tasks, with
// the failure as its cause. A task or body that ends by cancellation has not failed. When ctx
// ends, body and tasks are cancelled, and Group returns the error of ctx unless something
// failed in spite of it.
//
// Group always waits for its tasks; it does not suspend, nor look at ctx, if none is left when
// body returns. When the last task ends while Group waits, it returns two turns later. Body's
// ctx ends when Group returns. If body panics, the tasks are cancelled and awaited first;
// their failures then go to the loop's exception handler. Group panics outside a task.
// CPython: async with asyncio.TaskGroup() as g.
func Group(ctx context.Context, body func(ctx context.Context, g *TaskGroup) error) error {
	if body == nil {
		panic("asyncio: Group(nil): pass a body")
	}
	g := new(TaskGroup)
	g.scope.openBelow(ctx)
	if g.scope.loop.current() == nil {
		panic("asyncio: Group was called outside a task: call it in a coroutine started with CreateTask or Run")
	}
	defer g.leave()
	g.inBody = true
	err := body(&g.scope, g)
	g.inBody = false
	return g.finish(err)
}

// openBelow opens s as a scope that ends when ctx ends.
func (s *scope) openBelow(ctx context.Context) {
	up, made := scopeOf(ctx)
	if made {
		up.close()
		s.follow(ctx, up.loop, up.task)
		return
	}
	s.open(up.loop, up.task, ctx, up)
}

// finish waits for the tasks and says how the group ended.
func (g *TaskGroup) finish(err error) error {
	interrupted := g.stopped // before body returned
	if err != nil {
		g.stop(err)
	}
	waited := g.drain()
	if !waited {
		g.outside = endOf(g.scope.outer())
	}
	if err != nil && !g.quiet(err) {
		g.errors = append(g.errors, err)
	}
	switch {
	case len(g.errors) > 0:
		return &GroupError{Errors: g.errors}
	case g.outside != nil && (waited || err != nil && interrupted):
		return g.outside.err
	case err != nil && !interrupted:
		return err
	default:
		return nil
	}
}

// drain suspends until every task has ended, and reports whether that was necessary. Nothing
// interrupts it: what ends the group ends the tasks.
func (g *TaskGroup) drain() (waited bool) {
	for g.pending > 0 {
		if err := g.scope.loop.parkOn(&g.scope.loop.detached, &g.exit, waitGroup); err != nil {
			return true // the loop closes, and ends the tasks by itself
		}
		waited = true
	}
	return waited
}

// leave ends the group's scope. If body did not return, by a panic or Goexit, it first waits
// for the tasks.
func (g *TaskGroup) leave() {
	defer g.scope.close()
	if !g.inBody {
		g.scope.end(groupOver)
		return
	}
	g.stop(errGroupCrashed)
	g.drain()
	for _, err := range g.errors {
		g.scope.loop.CallExceptionHandler(ExceptionInfo{Message: "a task failed in a group whose body panicked", Err: err})
	}
}

// endOf returns how ctx has ended, nil if it has not.
func endOf(ctx context.Context) *cancellation {
	if s, ok := ctx.(*scope); ok {
		return s.ended.Load()
	}
	if ctx.Err() != nil {
		return cancellationOf(ctx)
	}
	return nil
}

// stop cancels body and tasks with cause.
func (g *TaskGroup) stop(cause error) {
	if g.scope.ended.Load() == nil {
		g.stopped = true
		g.scope.end(cancelled(cause))
	}
}

// quiet reports whether err is not a failure but a cancellation, or the deadline by which the
// whole group has ended.
func (g *TaskGroup) quiet(err error) bool {
	switch err.(type) {
	case *GroupError, *PanicError:
		return false
	}
	if isCancellation(err) {
		return true
	}
	c := g.scope.ended.Load()
	return c != nil && errors.Is(c.ctxErr, context.DeadlineExceeded) && errors.Is(err, context.DeadlineExceeded)
}

// Cancel ends the group early: it cancels the ctx of body and tasks, with cause, which may be
// nil. Group then returns without an error unless something fails. Cancelling again, or when
// the group is over, does nothing. CPython: TaskGroup.cancel.
func (g *TaskGroup) Cancel(cause error) {
	g.mustBeOpened("Cancel")
	g.stop(cause)
}

// SetLimit sets how many tasks of the group run at once. Those beyond, of the tasks to come,
// wait for their turn without a coroutine, first come, first served; nobody is suspended. A
// negative n means no limit, which is the default. It panics if n is zero.
// The model: errgroup.Group.SetLimit.
func (g *TaskGroup) SetLimit(n int) {
	g.mustBeOpened("SetLimit")
	if n == 0 {
		panic("asyncio: TaskGroup.SetLimit(0): no task could ever run: pass 1 or more, or -1 for no limit")
	}
	g.limit = max(n, 0)
	g.admit()
}

func (g *TaskGroup) mustBeOpened(method string) {
	if g.scope.loop == nil {
		panic("asyncio: TaskGroup." + method + " of a TaskGroup that is not open: use the one that Group passes to its body")
	}
}

// CreateTaskIn is CreateTask for a task that belongs to g. Its failure is a failure of the
// group; it may be awaited all the same. Tasks can be added as long as the group waits for
// others, by anybody. Once the group has failed, was cancelled, or is over, the task is
// returned already cancelled, with that as its cause, and c never runs.
// CPython: TaskGroup.create_task.
func CreateTaskIn[T any](g *TaskGroup, c Coroutine[T], opts ...TaskOption) *Task[T] {
	g.mustBeOpened("CreateTaskIn")
	if c == nil {
		panic("asyncio: CreateTaskIn(nil): pass a coroutine")
	}
	t := &groupTask[T]{Task: Task[T]{coro: c}}
	g.adopt(&t.member, &t.core, &t.Task, &t.futureCore, collect(opts))
	return &t.Task
}

// A groupTask is a task with what its group needs to know about it, in one allocation.
type groupTask[T any] struct {
	Task[T]
	member groupMember
}

// Go is CreateTaskIn for a task without a result.
func (g *TaskGroup) Go(f func(ctx context.Context) error) {
	if f == nil {
		panic("asyncio: TaskGroup.Go(nil): pass a function")
	}
	CreateTaskIn(g, func(ctx context.Context) (struct{}, error) { return struct{}{}, f(ctx) })
}

// String describes the group for logs.
func (g *TaskGroup) String() string {
	return fmt.Sprintf("TaskGroup(%d unfinished, %d failed)", g.pending, len(g.errors))
}

// A groupMember tells the group when a task has ended.
type groupMember struct {
	listener
	group   *TaskGroup
	future  *futureCore
	counted bool // it runs, and the group's limit counts it
}

func (m *groupMember) run(*EventLoop) { m.group.ended(m) }

// forwards implements forwarder.
func (m *groupMember) forwards() *waitQueue { return &m.group.exit }

// adopt starts a new task in the group.
func (g *TaskGroup) adopt(m *groupMember, t *task, body taskBody, f *futureCore, o TaskOption) {
	if c := g.scope.ended.Load(); c != nil {
		t.refuse(&g.scope, body, f, o, fmt.Errorf("asyncio: the group takes no more tasks: %w", c.cause))
		return
	}
	m.group, m.future = g, f
	g.pending++
	switch {
	case g.limit == 0:
		t.start(&g.scope, body, f, o)
	case g.running < g.limit:
		m.counted = true
		g.running++
		t.start(&g.scope, body, f, o)
	default:
		o.held = true
		t.start(&g.scope, body, f, o)
		g.hold(t, m)
	}
	m.listen(f, m)
}

// refuse makes t a task that was cancelled before it could start.
func (t *task) refuse(s *scope, body taskBody, f *futureCore, o TaskOption, cause error) {
	t.of, f.owner, f.loop = f, body, s.loop
	t.open(s.loop, t, s, s)
	if o.name != "" {
		t.rename(o.name)
	}
	t.loop.taskSeq++
	t.id = t.loop.taskSeq
	t.retire()
	f.complete(&CancelledError{Cause: cause})
}

// ended takes note of a task, in the turn after it ended.
func (g *TaskGroup) ended(m *groupMember) {
	g.pending--
	m.future.heard()
	if err := m.future.error(); err != nil && !g.quiet(err) {
		g.errors = append(g.errors, err)
		g.stop(err)
	}
	if m.counted {
		g.running--
		g.admit()
	}
	if g.pending == 0 && !g.exit.empty() {
		g.outside = endOf(g.scope.outer())
		g.exit.wakeOne()
	}
}

// A heldTask waits in its group for a place to run in. When it is cancelled it goes to the
// ready queue without one, where it ends.
type heldTask struct {
	node   waitNode
	task   *task
	member *groupMember
}

// hold keeps a task that has just been made, and was not scheduled, until there is a place.
func (g *TaskGroup) hold(t *task, m *groupMember) {
	if t.done() {
		return
	}
	h := &heldTask{task: t, member: m}
	h.node.owner = h
	g.held.push(&h.node)
	t.extension().hook = func(*cancellation) {
		h.node.remove()
		h.schedule()
	}
}

// admit starts tasks that were held, as long as there are places.
func (g *TaskGroup) admit() {
	for (g.limit == 0 || g.running < g.limit) && g.held.wakeOne() {
	}
}

// granted implements waiter.
func (h *heldTask) granted() {
	h.member.counted = true
	h.member.group.running++
	h.schedule()
}

func (h *heldTask) schedule() {
	h.task.extension().hook = nil
	h.task.loop.ready.push(h.task)
}
