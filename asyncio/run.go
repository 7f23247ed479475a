package asyncio

// Run and Runner: a loop from its making to its orderly end.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// Run makes a loop, runs main on it as a task and returns its result. What main leaves
// behind is then cancelled and awaited, failures nobody asked for are reported, and the loop
// is closed. The task ends when ctx ends. The first SIGINT or SIGTERM cancels main, the
// second ends the process. Run returns ErrLoopRunning if ctx belongs to a running loop.
// CPython: asyncio.run.
func Run[T any](ctx context.Context, main Coroutine[T], opts ...RunOption) (T, error) {
	r := &Runner{ctx: ctx, opts: opts}
	defer r.Close()
	return RunWith(r, ctx, main)
}

// A Runner runs several main coroutines on one loop, one after the other.
// CPython: asyncio.Runner.
type Runner struct {
	ctx    context.Context
	opts   []RunOption
	loop   *EventLoop
	closed bool
}

// NewRunner returns a runner. Its loop is made when it is first needed; Close releases it.
func NewRunner(opts ...RunOption) *Runner {
	return &Runner{ctx: context.Background(), opts: opts}
}

// Loop returns the runner's loop.
func (r *Runner) Loop() *EventLoop {
	l := r.open()
	l.handedOut = true
	return l
}

// String describes the runner for logs.
func (r *Runner) String() string {
	switch {
	case r.closed:
		return "Runner(closed)"
	case r.loop == nil:
		return "Runner(no loop yet)"
	}
	return fmt.Sprintf("Runner(%v)", r.loop)
}

func (r *Runner) open() *EventLoop {
	if r.loop == nil {
		r.loop = newLoop(context.WithoutCancel(r.ctx), r.opts)
	}
	return r.loop
}

// RunWith runs main as a task on the runner's loop and returns its result. Tasks it leaves
// behind go on in the next RunWith, and are cancelled by Close. The task ends when ctx ends;
// its values are main's. CPython: Runner.run.
func RunWith[T any](r *Runner, ctx context.Context, main Coroutine[T]) (T, error) {
	var zero T
	if s, ok := ctx.Value(scopeKey).(*scope); ok && s.loop.running {
		return zero, fmt.Errorf("asyncio: Run inside a coroutine: await the coroutine or create a task instead: %w", ErrLoopRunning)
	}
	if main == nil {
		panic("asyncio: Run(nil): pass a coroutine")
	}
	if r.closed {
		return zero, ErrLoopClosed
	}
	l := r.open()
	t := CreateTask(l.enter(ctx), main)
	ordinary := l.catchInterrupt(t)
	defer ordinary() // also for a main that leaves by runtime.Goexit
	err := l.RunUntilComplete(t)
	if t.Cancelled() && context.Cause(t.Context()) == ErrInterrupted {
		t.heard()
		return zero, &CancelledError{Cause: ErrInterrupted}
	}
	if !t.Done() {
		return zero, err
	}
	return t.Result()
}

// enter returns ctx as a context of the loop: with the loop's root in place of a loop that
// ctx may have carried before.
func (l *EventLoop) enter(ctx context.Context) context.Context {
	return &enteredContext{Context: ctx, root: &l.root}
}

// enteredContext gives an outside context a loop.
type enteredContext struct {
	context.Context
	root *scope
}

func (c *enteredContext) Value(key any) any {
	if key == scopeKey {
		return c.root
	}
	return c.Context.Value(key)
}

// Close cancels the tasks that are left, awaits them, waits for the executor's jobs, reports
// failures nobody asked for and closes the loop. It is idempotent; it returns ErrLoopRunning
// if called by code that the loop runs. CPython: Runner.close.
func (r *Runner) Close() error {
	if r.closed {
		return nil
	}
	if r.loop != nil {
		if r.loop.running {
			return ErrLoopRunning
		}
		r.loop.cancelAndAwaitAll()
	}
	r.closed = true
	if r.loop == nil {
		return nil
	}
	return r.loop.Close()
}

// errShutDown is the cause with which a closing loop cancels what is left.
var errShutDown = errors.New("asyncio: the event loop is shutting down")

// cancelAndAwaitAll runs the loop until every task has ended, or the grace is over.
func (l *EventLoop) cancelAndAwaitAll() {
	if l.closed {
		return
	}
	left := l.allTasks()
	if len(left) == 0 {
		return
	}
	for _, t := range left {
		t.end(cancelled(errShutDown))
	}
	over := l.CallLater(l.options.grace, l.Stop)
	defer over.Cancel()
	d := &drainCallback{left: left}
	d.arm(l)
	if err := l.RunForever(); err != nil {
		slog.Error("asyncio: shutting down", "err", err)
	}
	d.node.remove()
}

// drainCallback stops the loop when its last task is done.
type drainCallback struct {
	listener
	left []*task
}

// arm waits for the oldest task that is left.
func (d *drainCallback) arm(l *EventLoop) {
	for {
		for len(d.left) > 0 && d.left[0].done() {
			d.left = d.left[1:]
		}
		if len(d.left) > 0 {
			d.listen(d.left[0].of, d)
			return
		}
		if d.left = l.allTasks(); len(d.left) == 0 {
			l.Stop()
			return
		}
	}
}

func (d *drainCallback) run(l *EventLoop) { d.arm(l) }

// Close ends the loop for good. Tasks that are not done are ended by force and reported,
// executor jobs are cancelled and given the grace, processes are killed, sockets are closed, and
// failures nobody asked for are reported. It returns ErrLoopRunning if the loop runs; closing a closed loop
// does nothing. CPython: loop.close.
func (l *EventLoop) Close() error {
	if l.running {
		return ErrLoopRunning
	}
	if l.closed {
		return nil
	}
	l.signals.removeAll()
	l.root.end(cancelled(ErrLoopClosed))
	l.destroyTasks()
	l.executor.cancelAll(ErrLoopClosed)
	if left := l.joinExecutor(l.options.grace); len(left) > 0 {
		slog.Warn("asyncio: executor jobs did not end and are left behind", "jobs", len(left), "functions", left)
	}
	if left := l.joinProcesses(l.options.grace); left > 0 {
		slog.Warn("asyncio: processes did not end although they were killed, and are left behind", "processes", left)
	}
	l.closed = true
	l.inbox.close()
	l.closeWorkers()
	l.root.close()
	l.unheard.reportAll()
	err := l.closeNetwork()
	l.ready, l.timers = readyQueue{}, timerHeap{}
	return errors.Join(err, l.inbox.idle.Close())
}

// destroyTasks ends what is not done, oldest first.
func (l *EventLoop) destroyTasks() {
	for left := l.allTasks(); len(left) > 0; left = l.allTasks() {
		for _, t := range left {
			l.destroy(t)
		}
	}
}

func (l *EventLoop) destroy(t *task) {
	if t.done() {
		return
	}
	w := t.worker
	if w != nil {
		l.reportPending(t, "a task did not end and was ended by force")
	}
	t.end(cancelled(ErrLoopClosed))
	if w == nil {
		t.body().abandon(t.ended.Load().err)
		return
	}
	l.hold(w)
	w.unwind()
	l.inTask = false
}
