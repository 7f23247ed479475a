package asyncio

// Gather and GatherSettled: many results as one, in the order of the arguments.

import "context"

// An Outcome is what became of one awaitable.
type Outcome[T any] struct {
	Value T
	Err   error
}

// Gather returns a future of the results of aws, in their order. It is done when all have
// succeeded, or fails with the first error as soon as that happens; the others go on, and
// their errors count as retrieved. If all are done already, so is the future. Cancelling it
// cancels each of aws, and it ends when all of them have. When ctx ends, the future fails
// with its error and aws go on. CPython: asyncio.gather.
func Gather[A Awaitable[T], T any](ctx context.Context, aws ...A) *Future[[]T] {
	out := new(Future[[]T])
	g := &gathering{out: &out.futureCore, failFast: true}
	g.succeed = func() {
		out.value = make([]T, len(aws))
		for i, a := range aws {
			out.value[i], _ = a.Result()
		}
	}
	g.start(ctx, nodesFor(aws))
	return out
}

// GatherSettled returns a future of what became of each of aws, in their order: errors are
// results. It is done when all of aws are. Cancelling it cancels each of aws and ends it, as
// cancelled, when all of them have ended. When ctx ends, the future fails with its error and
// aws go on. CPython: asyncio.gather with return_exceptions=True.
func GatherSettled[A Awaitable[T], T any](ctx context.Context, aws ...A) *Future[[]Outcome[T]] {
	out := new(Future[[]Outcome[T]])
	g := &gathering{out: &out.futureCore}
	g.succeed = func() {
		out.value = make([]Outcome[T], len(aws))
		for i, a := range aws {
			out.value[i].Value, out.value[i].Err = a.Result()
		}
	}
	g.start(ctx, nodesFor(aws))
	return out
}

// A gathering completes out when its children are done.
type gathering struct {
	watching
	out      *futureCore
	succeed  func() // sets out's value
	failFast bool
	asked    *cancellation // out was cancelled: wait for the children, then say so
}

func (g *gathering) start(ctx context.Context, children []watchNode) {
	g.out.loop, g.out.owner = loopOf(ctx), g
	mustBeOf(g.out.loop, children)
	if g.settleAtOnce(children) {
		return
	}
	g.wakes = &g.out.listeners
	g.watch(ctx, children, g.childDone, g.out.completeEnded)
}

// settleAtOnce completes out if nothing has to be waited for.
func (g *gathering) settleAtOnce(children []watchNode) bool {
	for i := range children {
		if !children[i].f.Done() {
			return false
		}
	}
	var first error
	if g.failFast {
		for i := range children {
			f := children[i].f
			f.heard()
			if first == nil {
				first = f.error()
			}
		}
	}
	if first == nil {
		g.succeed()
	}
	g.out.complete(first)
	return true
}

// childDone takes note of a child, in a turn after it was done.
func (g *gathering) childDone(f *futureCore) {
	switch {
	case g.out.Done():
		f.heard() // the first error stands for all
	case g.failFast && g.asked == nil && f.failure != nil:
		f.heard()
		g.finish(f.error())
	case g.pending > 0:
	case g.asked != nil:
		for i := range g.nodes {
			g.nodes[i].f.heard()
		}
		g.finish(g.asked.err)
	default:
		g.succeed()
		g.finish(nil)
	}
}

func (g *gathering) finish(err error) {
	g.release()
	g.out.complete(err)
}

// asTask implements controller.
func (*gathering) asTask() *task { return nil }

// cancel implements controller.
func (g *gathering) cancel(cause error) bool {
	any := false
	for i := range g.nodes {
		if g.nodes[i].f.Cancel(cause) {
			any = true
		}
	}
	if any && g.asked == nil {
		g.asked = cancelled(cause)
	}
	return any
}
