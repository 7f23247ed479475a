package asyncio

// Map: a function over a sequence, several calls at a time, results in order.
//
// The calls that run or whose results were not yielded yet are a window over the input, at most
// limit wide. It moves when its oldest result has been yielded: no input is taken before there
// is room for it, and what one slow call holds up is bounded.

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// mapOver ends the calls that are left when the results are not wanted any more.
var mapOver = cancelled(errors.New("asyncio: the iteration over Map has ended"))

// Map iterates over the results of f for the items of in, in their order. Each call is a task;
// at most limit of them run or have finished without having been yielded. The next item is
// taken from in when a result has been yielded and the consumer comes back. An error of f, or
// its panic as a *PanicError, is yielded in its place, and the iteration goes on. It suspends
// the running task where the next result is not there yet.
//
// Whoever leaves the iteration early cancels the calls that are left and waits for them; their
// results are dropped. When ctx ends, the calls are cancelled, results that are there are
// yielded up to the first that is not, then the zero Out with ctx's error once, and the
// iteration ends. Map panics if limit is less than one, or in or f is nil.
func Map[In, Out any](ctx context.Context, limit int, in iter.Seq[In], f func(context.Context, In) (Out, error)) iter.Seq2[Out, error] {
	if limit < 1 {
		panic(fmt.Sprintf("asyncio: Map with a limit of %d: pass how many calls may run at once", limit))
	}
	if in == nil || f == nil {
		panic("asyncio: Map without a sequence or a function: pass both")
	}
	return func(yield func(Out, error) bool) {
		m := &mapping[Out]{yield: yield}
		m.scope.openBelow(ctx)
		defer m.leave()
		for v := range in {
			if c := m.scope.ended.Load(); c != nil {
				m.interrupted(c)
				return
			}
			m.calls.push(CreateTask(&m.scope, func(ctx context.Context) (Out, error) { return f(ctx, v) }))
			if m.calls.n == limit && !m.deliver() {
				return
			}
		}
		for m.calls.n > 0 && m.deliver() {
		}
	}
}

// mapping is one iteration over a Map.
type mapping[Out any] struct {
	scope scope // of the calls
	calls deque[*Task[Out]]
	yield func(Out, error) bool
}

// deliver waits for the oldest call, yields its result and reports whether to go on.
func (m *mapping[Out]) deliver() bool {
	t := *m.calls.at(0)
	v, err := t.Await(&m.scope)
	if c := m.scope.ended.Load(); c.explains(err) {
		var zero Out
		m.yield(zero, c.err)
		return false
	}
	m.calls.pop()
	return m.yield(v, err)
}

// interrupted yields what is there when the scope has ended with c, and then its error.
func (m *mapping[Out]) interrupted(c *cancellation) {
	for m.calls.n > 0 {
		if !m.deliver() {
			return
		}
	}
	var zero Out
	m.yield(zero, c.err)
}

// leave cancels the calls that are left and waits for them.
func (m *mapping[Out]) leave() {
	defer m.scope.close()
	m.scope.end(mapOver)
	l := m.scope.loop
	for m.calls.n > 0 {
		f := m.calls.pop().future()
		if !f.Done() {
			if err := l.parkOn(&l.detached, &f.listeners, waitTask); err != nil {
				return // the loop closes, and ends the calls by itself
			}
		}
		if _, bug := f.error().(*PanicError); !bug {
			f.heard()
		}
	}
}
