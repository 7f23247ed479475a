package asyncio

// AsCompleted: results in the order in which they come.

import (
	"context"
	"iter"
)

// AsCompleted iterates over ws in the order in which they are done, each once. It suspends the
// running task between items. The items are those that were passed: ask them for their
// results. When ctx ends, the iteration yields the zero W with ctx's error once and ends; for
// a time limit use a ctx from WithTimeout. Leaving the loop early leaves the rest running.
// CPython: asyncio.as_completed.
func AsCompleted[W Waitable](ctx context.Context, ws []W) iter.Seq2[W, error] {
	return func(yield func(W, error) bool) {
		ws, nodes := distinct(ws)
		if len(nodes) == 0 {
			return
		}
		c := newCompletions(ctx, nodes)
		defer c.letGo()
		place := make(map[*futureCore]int, len(nodes))
		for i := range nodes {
			place[nodes[i].f] = i
		}
		for range nodes {
			f, err := c.next()
			if err != nil {
				var none W
				yield(none, err)
				return
			}
			if !yield(ws[place[f]], nil) {
				return
			}
		}
	}
}

// completions is a queue of futures that are done, for one consumer.
type completions struct {
	watching
	ctx    context.Context
	done   []*futureCore
	waiter waitQueue
}

func newCompletions(ctx context.Context, nodes []watchNode) *completions {
	mustBeOf(loopOf(ctx), nodes)
	c := &completions{ctx: ctx}
	c.wakes = &c.waiter
	c.watch(ctx, nodes, func(f *futureCore) {
		c.done = append(c.done, f)
		c.waiter.wakeOne()
	}, func(error) {}) // the consumer learns of it by itself
	return c
}

// next suspends until one more future is done.
func (c *completions) next() (*futureCore, error) {
	if len(c.done) == 0 {
		if err := c.waiter.wait(c.ctx, waitIterator); err != nil {
			return nil, err
		}
	}
	f := c.done[0]
	c.done = c.done[1:]
	return f, nil
}
