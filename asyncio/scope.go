package asyncio

// Scopes: the context.Context of the package, and the tree along which cancellation
// travels.
//
// Every task has a scope, every Timeout makes one, and a loop has one as root. A scope
// that ends ends its descendants, at once and for good: each task suspended under one of
// them is woken with the error, and every later suspension under it fails with the same
// error. The tree belongs to the loop; what other goroutines may touch (Done, Err, Value,
// AfterFunc, as for any Context) goes through two atomic pointers and the mutex of
// scopeExt, which exists only for scopes that somebody outside asked about.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A cancellation says why scopes ended. All scopes ended by one event share it.
type cancellation struct {
	ctxErr  error // what Context.Err returns: context.Canceled or context.DeadlineExceeded
	cause   error // what context.Cause returns
	failure       // err is what a suspension returns, and how a task that returns it has ended

	mirrorOnce sync.Once
	mirror     any // the standard *cancelCtx that makes context.Cause work
}

// The cancellations that have nothing of their own to say.
var (
	plainlyCancelled = &cancellation{ctxErr: context.Canceled, cause: context.Canceled, failure: failure{err: new(CancelledError)}}
	deadlineExceeded = &cancellation{ctxErr: context.DeadlineExceeded, cause: context.DeadlineExceeded, failure: failure{err: context.DeadlineExceeded}}
)

func cancelled(cause error) *cancellation {
	if cause == nil {
		return plainlyCancelled
	}
	return &cancellation{ctxErr: context.Canceled, cause: cause, failure: failure{err: &CancelledError{Cause: cause}}}
}

// cancellationOf translates the end of a context that is not a scope.
func cancellationOf(ctx context.Context) *cancellation {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return &cancellation{ctxErr: err, cause: cause, failure: failure{err: err}}
	}
	if cause == err {
		cause = nil
	}
	return cancelled(cause)
}

// explains reports whether err is, perhaps wrapped, what a suspension returns because of c.
func (c *cancellation) explains(err error) bool {
	if c == nil {
		return false
	}
	for err != nil && err != c.err {
		err = errors.Unwrap(err)
	}
	return err != nil
}

// standard returns a standard context's value for the key under which package context
// keeps its cancelCtx. context.Cause asks for it, and finds the cause there.
func (c *cancellation) standard() any {
	c.mirrorOnce.Do(func() {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(c.cause)
		c.mirror = ctx.Value(standardCancelKey)
	})
	return c.mirror
}

// standardCancelKey is the unexported key with which package context looks for its own
// cancelCtx in a chain of contexts. It is learnt by watching context.Cause ask.
var standardCancelKey = func() any {
	var probe keyProbe
	context.Cause(&probe)
	return probe.key
}()

type keyProbe struct{ key any }

func (*keyProbe) Deadline() (time.Time, bool) { return time.Time{}, false }
func (*keyProbe) Done() <-chan struct{}       { return nil }
func (*keyProbe) Err() error                  { return context.Canceled }
func (p *keyProbe) Value(key any) any         { p.key = key; return nil }

// scopeKey finds the innermost scope of a context.
var scopeKey any = new(byte)

// A scope is a context bound to a loop. Fields without a note belong to the loop. There is
// one in every task, hence it has only what all of them need: a cache line.
type scope struct {
	loop  *EventLoop
	ended atomic.Pointer[cancellation] // nil while alive; read by any goroutine
	task  *task                        // the task that runs under the scope; nil at the loop's root
	ext   atomic.Pointer[scopeExt]     // made on demand, by any goroutine

	up           *scope // ends this scope when it ends, and has its values; nil at the loop's root
	kids         *scope // list of the scopes that end with this one, newest first
	older, newer *scope // neighbours in the list of up
}

// scopeExt is what most scopes never need.
type scopeExt struct {
	mu     sync.Mutex
	done   chan struct{}
	closed bool // done is closed
	after  []*afterFunc

	// These do not change once others may have the scope.
	outer context.Context // where values come from, if that is not up
	name  string          // of the task, if it was given one

	// The rest belongs to the loop.
	left     bool                // the code under the scope has finished: it stays for its kids only
	visitors map[*worker]uint64  // tasks of other scopes suspended under this one, and the order in which they came
	limited  bool                // deadline is set
	deadline time.Duration       // loop time
	hook     func(*cancellation) // called on the loop when the scope ends
	foreign  *foreignWatch       // the context from outside that ends this scope
	created  []uintptr           // where the task was created, in debug mode
}

type afterFunc struct{ f func() }

// Deadline implements context.Context with the wall-clock time of the nearest deadline.
func (s *scope) Deadline() (time.Time, bool) {
	var nearest time.Time
	var ok bool
	if outer := s.outer(); outer != nil {
		nearest, ok = outer.Deadline()
	}
	if x := s.ext.Load(); x != nil && x.limited {
		own := s.loop.wallAt(x.deadline)
		if !ok || own.Before(nearest) {
			return own, true
		}
	}
	return nearest, ok
}

// Done implements context.Context.
func (s *scope) Done() <-chan struct{} {
	x := s.extension()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.done == nil {
		x.done = make(chan struct{})
	}
	if s.ended.Load() != nil {
		x.closeDone()
	}
	return x.done
}

// Err implements context.Context.
func (s *scope) Err() error {
	if c := s.ended.Load(); c != nil {
		return c.ctxErr
	}
	return nil
}

// Value implements context.Context.
func (s *scope) Value(key any) any {
	switch key {
	case scopeKey:
		return s
	case standardCancelKey:
		if c := s.ended.Load(); c != nil {
			return c.standard()
		}
		return nil
	}
	for up := s; up != nil; up = up.up {
		if x := up.ext.Load(); x != nil && x.outer != nil {
			return x.outer.Value(key)
		}
	}
	return nil
}

// outer returns the context from which the scope derives, nil at the root of all.
func (s *scope) outer() context.Context {
	if x := s.ext.Load(); x != nil && x.outer != nil {
		return x.outer
	}
	if s.up == nil {
		return nil
	}
	return s.up
}

// AfterFunc registers f to be called when the scope ends, on the goroutine that ends it,
// and returns a function that takes the registration back, as [context.AfterFunc]
// describes. Package context uses it to attach its own contexts without a goroutine. It
// may hold a lock that f needs, hence f has a goroutine of its own if the scope has ended.
func (s *scope) AfterFunc(f func()) (stop func() bool) {
	x := s.extension()
	a := &afterFunc{f: f}
	x.mu.Lock()
	ended := s.ended.Load() != nil
	if !ended {
		x.after = append(x.after, a)
	}
	x.mu.Unlock()
	if ended {
		return context.AfterFunc(s, f)
	}
	return func() bool { return x.forget(a) }
}

// String names the scope for fmt and logs.
func (s *scope) String() string {
	switch {
	case s.task == nil:
		return "asyncio.Context(loop)"
	case s == &s.task.scope:
		return fmt.Sprintf("asyncio.Context(%s)", s.task.title())
	default:
		return fmt.Sprintf("asyncio.Context(%s, nested)", s.task.title())
	}
}

func (x *scopeExt) forget(a *afterFunc) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, b := range x.after {
		if a == b {
			x.after = append(x.after[:i], x.after[i+1:]...)
			return true
		}
	}
	return false
}

// extension returns the scope's ext, making it if need be.
func (s *scope) extension() *scopeExt {
	if x := s.ext.Load(); x != nil {
		return x
	}
	s.ext.CompareAndSwap(nil, new(scopeExt))
	return s.ext.Load()
}

// open makes s a child of up, with values from outer. A child of an ended scope has ended.
func (s *scope) open(l *EventLoop, t *task, outer context.Context, up *scope) {
	s.loop, s.task, s.up = l, t, up
	if o, ok := outer.(*scope); !ok || o != up {
		s.extension().outer = outer
	}
	if up == nil {
		return
	}
	if up.up != nil && !up.joined() {
		up.rejoin()
	}
	if c := up.ended.Load(); c != nil {
		s.ended.Store(c)
	}
	s.join()
}

// join puts s into the list of its up.
func (s *scope) join() {
	if newest := s.up.kids; newest != nil {
		s.older, newest.newer = newest, s
	}
	s.up.kids = s
}

// joined reports whether s, which has an up, is in its list.
func (s *scope) joined() bool { return s.newer != nil || s.up.kids == s }

// leave takes s out of the list of its up.
func (s *scope) leave() {
	if s.newer == nil {
		s.up.kids = s.older
	} else {
		s.newer.older = s.older
	}
	if s.older != nil {
		s.older.newer, s.older = s.newer, nil
	}
	if s.newer != nil {
		s.newer = nil
	}
}

// rejoin brings s, which has left the tree, back for a new kid: a task may start another
// under the context of one that is done.
func (s *scope) rejoin() {
	if s.up.up != nil && !s.up.joined() {
		s.up.rejoin()
	}
	s.join()
	if c := s.up.ended.Load(); c != nil {
		s.end(c)
	}
	x := s.ext.Load()
	if x == nil || x.foreign == nil || s.ended.Load() != nil {
		return
	}
	if ctx := x.foreign.ctx; ctx.Err() != nil {
		s.end(cancellationOf(ctx))
	} else {
		x.foreign = s.loop.watchForeign(ctx, s)
	}
}

// close takes s out of the tree. A scope with kids stays until the last has left: what ends
// the ancestors must still reach them.
func (s *scope) close() {
	if s.kids != nil {
		s.extension().left = true
		return
	}
	for s.up != nil && s.joined() {
		if x := s.ext.Load(); x != nil && x.foreign != nil {
			x.foreign.stop()
		}
		s.leave()
		s = s.up
		if x := s.ext.Load(); x == nil || !x.left || s.kids != nil {
			return
		}
	}
}

// end ends the scope and all below it, and wakes the tasks that are suspended there: from
// the inside out, as in CPython a cancellation reaches the tasks of a group before its body.
// It does nothing if the scope has ended before.
func (s *scope) end(c *cancellation) {
	var exts []*scopeExt
	s.endTree(c, &exts)
	// What others registered runs last, when all of the tree has ended, and shows it.
	var after []*afterFunc
	for _, x := range exts {
		after = append(after, x.announce()...)
	}
	for _, a := range after {
		a.f()
	}
	for _, x := range exts {
		if x.hook != nil {
			x.hook(c)
		}
	}
}

func (s *scope) endTree(c *cancellation, exts *[]*scopeExt) {
	if s.ended.Load() != nil {
		return
	}
	s.ended.Store(c)
	if x := s.ext.Load(); x != nil {
		*exts = append(*exts, x)
	}
	for k := s.oldestKid(); k != nil; k = k.newer {
		k.endTree(c, exts)
	}
	s.wakeParked()
}

func (s *scope) oldestKid() *scope {
	k := s.kids
	if k != nil {
		for k.older != nil {
			k = k.older
		}
	}
	return k
}

// wakeParked wakes the tasks suspended under s: the one that runs under it, then its visitors,
// oldest first.
func (s *scope) wakeParked() {
	if s.task != nil {
		if w := s.task.worker; w != nil && w.under == s && w.state == workerSuspended {
			w.wake(wokenByEnd)
		}
	}
	x := s.ext.Load()
	if x == nil || len(x.visitors) == 0 {
		return
	}
	came := x.visitors
	for _, w := range slices.SortedFunc(maps.Keys(came), func(a, b *worker) int { return cmp.Compare(came[a], came[b]) }) {
		w.wake(wokenByEnd)
	}
}

// receive notes that w, whose task is not the scope's, is suspended under s. Nobody is noted
// where nothing ever ends.
func (s *scope) receive(w *worker) {
	if s == &s.loop.detached {
		return
	}
	x := s.extension()
	if x.visitors == nil {
		x.visitors = make(map[*worker]uint64)
	}
	s.loop.visits++
	x.visitors[w] = s.loop.visits
	w.visiting = true
}

// announce shows other goroutines that the scope has ended, and returns what they want to
// be called then.
func (x *scopeExt) announce() (after []*afterFunc) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closeDone()
	after, x.after = x.after, nil
	return after
}

// closeDone closes the channel of an ended scope, if there is one. The caller holds mu.
func (x *scopeExt) closeDone() {
	if x.done != nil && !x.closed {
		x.closed = true
		close(x.done)
	}
}

// scopeOf returns the scope under which a call with ctx suspends, and whether it was made
// for this call, in which case the caller closes it. Contexts made from a scope by other
// packages are understood: with values added the scope is the same, without cancellation
// it is the loop's never-ending one, and one that can end by itself gets a scope that
// follows it.
func scopeOf(ctx context.Context) (s *scope, made bool) {
	if s, ok := ctx.(*scope); ok {
		return s, false
	}
	return foreignScope(ctx)
}

func foreignScope(ctx context.Context) (s *scope, made bool) {
	inner, ok := ctx.Value(scopeKey).(*scope)
	if !ok {
		panic("asyncio: the context carries no event loop: pass the ctx that the coroutine was given, or EventLoop.Context()")
	}
	switch ctx.Done() {
	case nil:
		return &inner.loop.detached, false
	case inner.Done():
		return inner, false
	}
	s = new(scope)
	s.follow(ctx, inner.loop, inner.task)
	return s, true
}

// follow opens s as a scope that ends when ctx, a context from outside, ends.
func (s *scope) follow(ctx context.Context, l *EventLoop, t *task) {
	s.open(l, t, ctx, &l.detached)
	if ctx.Err() != nil {
		s.ended.Store(cancellationOf(ctx))
		return
	}
	s.extension().foreign = l.watchForeign(ctx, s)
}

// A foreignWatch carries the end of a context from outside into a scope. Such a context
// may end on any goroutine, hence the detour through the loop's inbox; an idle loop also
// looks by itself, so that what was cancelled on the loop takes effect before time moves.
type foreignWatch struct {
	loop       *EventLoop
	ctx        context.Context
	scope      *scope
	prev, next *foreignWatch
	unregister func() bool
	timed      bool // it has a deadline, hence ends by itself
}

func (l *EventLoop) watchForeign(ctx context.Context, s *scope) *foreignWatch {
	w := &foreignWatch{loop: l, ctx: ctx, scope: s, prev: l.foreign.prev, next: &l.foreign}
	w.prev.next, w.next.prev = w, w
	if _, w.timed = ctx.Deadline(); w.timed {
		l.deadlines++
	}
	w.unregister = context.AfterFunc(ctx, func() {
		l.post(func() { w.scope.end(cancellationOf(ctx)) })
	})
	return w
}

// stop ends the watch; it does nothing if it was stopped before.
func (w *foreignWatch) stop() {
	if w.prev == nil {
		return
	}
	w.unregister()
	w.prev.next, w.next.prev = w.next, w.prev
	w.prev = nil
	if w.timed {
		w.loop.deadlines--
	}
}

// checkForeign ends the scopes whose context from outside has ended and reports whether
// there were any.
func (l *EventLoop) checkForeign() bool {
	found := false
	for w := l.foreign.next; w != &l.foreign; w = w.next {
		if w.scope.ended.Load() == nil && w.ctx.Err() != nil {
			w.scope.end(cancellationOf(w.ctx))
			found = true
		}
	}
	return found
}

// takeForeign hands the watch of a scope made for one call over to s, which takes that
// scope's place. It returns nil if there is none.
func (x *scopeExt) takeForeign(s *scope) *foreignWatch {
	if x == nil || x.foreign == nil {
		return nil
	}
	w := x.foreign
	x.foreign = nil
	w.scope = s
	return w
}
