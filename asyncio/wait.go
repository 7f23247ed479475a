package asyncio

// Wait: until the first, the first failed, or all of many are done.

import (
	"context"
	"errors"
	"time"
)

// errWaitOfNothing is what waiting for nothing fails with.
var errWaitOfNothing = errors.New("asyncio: Wait of nothing: pass at least one task or future")

// WaitResult tells what was done, and what was not, when a Wait ended; both in the order of
// the arguments, each awaitable once.
type WaitResult[W Waitable] struct {
	Done, Pending []W
}

// WaitOption configures Wait.
type WaitOption func(*waitOptions)

type waitOptions struct {
	mode     waitMode
	timeout  time.Duration
	hasLimit bool
}

type waitMode uint8

const (
	allCompleted waitMode = iota
	firstCompleted
	firstException
)

// String returns asyncio's name of the mode.
func (m waitMode) String() string {
	return [...]string{"ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"}[m]
}

// AllCompleted makes Wait wait for everything. It is the default.
func AllCompleted(o *waitOptions) { o.mode = allCompleted }

// FirstCompleted makes Wait end when something is done, in whatever way.
func FirstCompleted(o *waitOptions) { o.mode = firstCompleted }

// FirstException makes Wait end when something has failed. A cancellation is no failure here,
// as in CPython.
func FirstException(o *waitOptions) { o.mode = firstException }

// WaitTimeout makes Wait end after d with what is done by then; it is no error. The default
// is no limit.
func WaitTimeout(d time.Duration) WaitOption {
	return func(o *waitOptions) { o.timeout, o.hasLimit = d, true }
}

// Wait returns a future of which of ws are done when all are, or when what an option asks for
// has happened. It never fails because one of ws does, and never cancels any. Waiting for
// nothing is an error. When ctx ends, the future fails with its error.
// CPython: asyncio.wait.
func Wait[W Waitable](ctx context.Context, ws []W, opts ...WaitOption) *Future[WaitResult[W]] {
	out := NewFuture[WaitResult[W]](ctx)
	ws, nodes := distinct(ws)
	w := &waiting{out: &out.futureCore}
	for _, opt := range opts {
		opt(&w.options)
	}
	w.succeed = func() {
		for i := range nodes {
			if nodes[i].f.Done() {
				out.value.Done = append(out.value.Done, ws[i])
			} else {
				out.value.Pending = append(out.value.Pending, ws[i])
			}
		}
	}
	w.start(ctx, nodes)
	return out
}

// waiting completes out when enough of what it watches is done.
type waiting struct {
	watching
	out     *futureCore
	options waitOptions
	succeed func() // sets out's value
	limit   *TimerHandle
}

func (w *waiting) start(ctx context.Context, nodes []watchNode) {
	if len(nodes) == 0 {
		w.out.complete(errWaitOfNothing)
		return
	}
	mustBeOf(w.out.loop, nodes)
	w.out.owner, w.wakes = w, &w.out.listeners
	w.watch(ctx, nodes, w.oneDone, w.fail)
	if w.options.hasLimit && !w.out.Done() {
		w.limit = w.loop.CallLater(w.options.timeout, w.finish)
	}
}

func (w *waiting) oneDone(f *futureCore) {
	switch {
	case w.out.Done():
	case w.pending == 0,
		w.options.mode == firstCompleted,
		w.options.mode == firstException && f.state == futureFailed:
		w.finish()
	}
}

func (w *waiting) finish() {
	w.disarm()
	w.letGo()
	w.succeed()
	w.out.complete(nil)
}

func (w *waiting) fail(err error) {
	w.disarm()
	w.out.completeEnded(err)
}

func (w *waiting) disarm() {
	if w.limit != nil {
		w.limit.Cancel()
	}
}

// asTask implements controller.
func (*waiting) asTask() *task { return nil }

// cancel implements controller: what is waited for goes on.
func (w *waiting) cancel(cause error) bool {
	w.letGo()
	w.fail(&CancelledError{Cause: cause})
	return true
}

// distinct returns ws without repetitions, and nodes for what is left.
func distinct[W Waitable](ws []W) ([]W, []watchNode) {
	seen := make(map[*futureCore]struct{}, len(ws))
	for _, w := range ws {
		seen[w.future()] = struct{}{}
	}
	if len(seen) == len(ws) {
		return ws, nodesFor(ws)
	}
	clear(seen)
	var once []W
	for _, w := range ws {
		if _, again := seen[w.future()]; !again {
			seen[w.future()] = struct{}{}
			once = append(once, w)
		}
	}
	return once, nodesFor(once)
}
