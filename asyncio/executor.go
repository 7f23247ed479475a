package asyncio

// The executor: the one door through which blocking work leaves the loop.
//
// A job runs on a goroutine; at most the configured number run at once, the rest wait in
// line. Its result comes back through the loop's inbox. CPython: the default executor, a
// ThreadPoolExecutor.

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// executor runs a loop's blocking jobs. Its fields belong to the loop.
type executor struct {
	loop    *EventLoop
	limit   int // jobs that run at once
	running int
	waiting []*job
	jobs    map[*job]struct{} // running; iterated for reports only
}

// A job is one piece of blocking work.
type job struct {
	work   func()      // blocks; on a goroutine
	done   func()      // takes the result over; on the loop
	gone   func() bool // nobody waits for it any more; on the loop
	cancel context.CancelCauseFunc
	entry  uintptr // of the function, for its name
}

func (j *job) name() string {
	if f := runtime.FuncForPC(j.entry); f != nil {
		return f.Name()
	}
	return "unknown"
}

func (e *executor) init(l *EventLoop, limit int) {
	e.loop, e.limit = l, limit
	e.jobs = make(map[*job]struct{})
}

func (e *executor) submit(j *job) {
	e.loop.outside++
	if e.running >= e.limit {
		e.waiting = append(e.waiting, j)
		return
	}
	e.launch(j)
}

// aside runs j at once, whatever else is running: for what is short and bounded elsewhere.
func (e *executor) aside(j *job) {
	e.loop.outside++
	e.launch(j)
}

// launch starts a goroutine for j. The goroutine hands j back and ends: the loop decides
// what runs next, so that the order of jobs does not depend on the Go scheduler.
func (e *executor) launch(j *job) {
	e.running++
	e.jobs[j] = struct{}{}
	go func() {
		defer e.loop.post(func() { e.finished(j) }) // also after runtime.Goexit
		j.work()
	}()
}

func (e *executor) finished(j *job) {
	e.running--
	e.loop.outside--
	delete(e.jobs, j)
	e.launchNext()
	j.done()
}

// launchNext starts the first job in line that somebody still waits for.
func (e *executor) launchNext() {
	for len(e.waiting) > 0 && e.running < e.loop.options.executorLimit {
		next := e.waiting[0]
		e.waiting[0] = nil
		e.waiting = e.waiting[1:]
		if !next.gone() {
			e.launch(next)
			return
		}
		e.loop.outside--
	}
}

// withdraw takes j out of the line, and reports false if it is not in it any more.
func (e *executor) withdraw(j *job) bool {
	i := slices.Index(e.waiting, j)
	if i < 0 {
		return false
	}
	e.waiting = slices.Delete(e.waiting, i, i+1)
	e.loop.outside--
	return true
}

// cancelAll cancels the context of every job and drops those that have not started.
func (e *executor) cancelAll(cause error) {
	for j := range e.jobs {
		j.cancel(cause)
	}
	for _, j := range e.waiting {
		j.cancel(cause)
		e.loop.outside--
	}
	e.waiting = nil
}

// threadContext is a task's context as a job on another goroutine may use it: its values
// and its end, but no loop to suspend on.
type threadContext struct{ context.Context }

func (c threadContext) Value(key any) any {
	if key == scopeKey {
		return nil
	}
	return c.Context.Value(key)
}

// ThreadContext returns ctx as code on another goroutine may use it: with its values and its
// end, but without the loop, so that the code cannot use the loop by mistake. It is what
// [ToThread] hands to its function.
func ThreadContext(ctx context.Context) context.Context { return threadContext{ctx} }

// RunInExecutor runs f, which may block, on another goroutine and returns a future of its
// result. f's context ends when the future is cancelled or the loop closes; f itself is not
// interrupted. A panic of f is the future's *PanicError. CPython: loop.run_in_executor.
func RunInExecutor[T any](l *EventLoop, f func(context.Context) (T, error)) *Future[T] {
	return runInExecutor(&l.root, f)
}

func runInExecutor[T any](ctx context.Context, f func(context.Context) (T, error)) *Future[T] {
	if f == nil {
		panic("asyncio: the function for the executor is nil")
	}
	l := loopOf(ctx)
	fut := new(Future[T])
	fut.loop = l
	if l.closed {
		fut.complete(&CancelledError{Cause: ErrLoopClosed})
		return fut
	}
	jobCtx, cancel := context.WithCancelCause(ctx)
	var value T
	err := errGoexit
	j := &job{cancel: cancel, gone: fut.Done, entry: reflect.ValueOf(f).Pointer()}
	j.work = func() {
		defer func() {
			if v := recover(); v != nil {
				err = &PanicError{Value: v, Stack: debug.Stack()}
			}
		}()
		value, err = f(threadContext{jobCtx})
	}
	j.done = func() {
		cancel(nil)
		if fut.Done() {
			return
		}
		fut.value = value
		fut.complete(err)
	}
	fut.AddDoneCallback(func(fut *Future[T]) {
		if fut.Cancelled() {
			cancel(fut.error())
		}
	})
	l.executor.submit(j)
	return fut
}

// ToThread runs f, which may block, on another goroutine and suspends the running task until
// it has returned. f's context has the values of ctx and ends with it; it carries no loop, so
// that f cannot use the loop by mistake. When ctx ends first, ToThread returns its error at
// once and f is left to notice. CPython: asyncio.to_thread.
func ToThread[T any](ctx context.Context, f func(context.Context) (T, error)) (T, error) {
	s, made := scopeOf(ctx)
	if made {
		defer s.close()
	}
	if _, err := s.loop.suspending(s); err != nil {
		var zero T
		return zero, err
	}
	fut := runInExecutor(ctx, f)
	if err := s.loop.parkOn(s, &fut.listeners, waitExecutor); err != nil {
		fut.Cancel(err)
		var zero T
		return zero, err
	}
	return fut.Result()
}

// A ThreadFuture is the result of a coroutine as another goroutine sees it.
// CPython: concurrent.futures.Future.
type ThreadFuture[T any] struct {
	loop  *EventLoop
	once  sync.Once // guards the transition to done
	done  chan struct{}
	value T
	err   error

	mu     sync.Mutex
	cancel func(cause error) // on the loop; nil until the task exists
	early  error             // cause of a Cancel that came before it
	asked  bool
}

// RunCoroutineThreadsafe schedules c as a task on l and returns a future that any goroutine
// may wait on. On a closed loop the future fails with ErrLoopClosed, as it does if the loop
// is closed before the task is done.
// CPython: asyncio.run_coroutine_threadsafe.
func RunCoroutineThreadsafe[T any](l *EventLoop, c Coroutine[T]) *ThreadFuture[T] {
	if c == nil {
		panic("asyncio: RunCoroutineThreadsafe(nil): pass a coroutine")
	}
	f := &ThreadFuture[T]{loop: l, done: make(chan struct{})}
	l.inbox.enlist(f)
	if !l.post(func() { f.start(c) }) {
		f.lost()
		l.inbox.discharge(f)
	}
	return f
}

// settle completes the future, once.
func (f *ThreadFuture[T]) settle(v T, err error) {
	f.once.Do(func() {
		f.value, f.err = v, err
		close(f.done)
	})
}

// lost implements outsider.
func (f *ThreadFuture[T]) lost() {
	var zero T
	f.settle(zero, ErrLoopClosed)
}

func (f *ThreadFuture[T]) start(c Coroutine[T]) {
	t := CreateTask(&f.loop.root, c)
	t.AddDoneCallback(func(t *Future[T]) {
		f.settle(t.Result())
		f.loop.inbox.discharge(f)
	})
	f.mu.Lock()
	f.cancel = func(cause error) { t.Cancel(cause) }
	asked, cause := f.asked, f.early
	f.mu.Unlock()
	if asked {
		t.Cancel(cause)
	}
}

// Result blocks the calling goroutine until the task is done and returns its result, or
// ctx's error if that ends first; the task goes on then.
func (f *ThreadFuture[T]) Result(ctx context.Context) (T, error) {
	select {
	case <-f.done:
		return f.value, f.err
	default:
	}
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		var zero T
		return zero, context.Cause(ctx)
	}
}

// String describes the future for logs. Any goroutine may call it.
func (f *ThreadFuture[T]) String() string {
	select {
	case <-f.done:
		if f.err != nil {
			return fmt.Sprintf("ThreadFuture(%v)", f.err)
		}
		return "ThreadFuture(finished)"
	default:
		return "ThreadFuture(pending)"
	}
}

// Done returns a channel that is closed when the task is done.
func (f *ThreadFuture[T]) Done() <-chan struct{} { return f.done }

// Cancel asks the task to end with cause, which may be nil. It reports false if the task was
// done already.
func (f *ThreadFuture[T]) Cancel(cause error) bool {
	select {
	case <-f.done:
		return false
	default:
	}
	f.mu.Lock()
	cancel := f.cancel
	if cancel == nil {
		f.asked, f.early = true, cause
	}
	f.mu.Unlock()
	if cancel == nil {
		return true
	}
	return f.loop.post(func() { cancel(cause) })
}

// joinExecutor waits, in real time, up to grace for the running jobs, and returns the functions
// of those that are left behind.
func (l *EventLoop) joinExecutor(grace time.Duration) []string {
	l.settle(grace, func() bool { return l.executor.running == 0 })
	var left []string
	for j := range l.executor.jobs {
		left = append(left, j.name())
	}
	slices.Sort(left)
	return left
}

// settle runs a loop that is closing, in real time and up to grace, until over holds.
func (l *EventLoop) settle(grace time.Duration, over func() bool) {
	deadline := realTime() + grace
	for !over() {
		left := deadline - realTime()
		if left <= 0 {
			return
		}
		if l.ready.n > 0 {
			left = 0
		}
		if err := l.inbox.idle.Wait(left); err != nil {
			return
		}
		l.drainInbox()
		l.batch = l.ready.n
		for l.batch > 0 {
			l.runPosted()
		}
	}
}

// runPosted runs what is left of the batch, or up to a panic, which it reports.
func (l *EventLoop) runPosted() {
	finished := false
	defer l.catch(&finished)
	l.runBatch()
	finished = true
}
