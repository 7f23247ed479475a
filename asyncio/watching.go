package asyncio

// Watching: what Gather, Wait and AsCompleted have in common. It listens to many futures,
// learns of each in a turn after it was done, and lets go of all of them when the context
// of whoever asked ends. It never cancels what it watches.

import "context"

type watching struct {
	loop    *EventLoop
	nodes   []watchNode // of the futures, in the order of the arguments
	pending int         // futures that were not reported yet
	report  func(*futureCore)
	wakes   *waitQueue // where whoever asked waits
	scope   scope      // ends with the context of whoever asked
	extra   scopeExt
}

// A watchNode listens to one future.
type watchNode struct {
	node waitNode
	w    *watching
	f    *futureCore
}

func (n *watchNode) granted() { n.w.loop.ready.push(n) }

// forwards implements forwarder.
func (n *watchNode) forwards() *waitQueue {
	if n.w == nil {
		return nil
	}
	return n.w.wakes
}

func (n *watchNode) run(*EventLoop) {
	if n.w == nil {
		return // let go after it was scheduled
	}
	n.w.pending--
	n.w.report(n.f)
}

// watch calls report for the future of each of nodes, in the turn after it is done, in the order
// in which they are done; those that are done already are first. ended is called instead once
// ctx ends.
func (w *watching) watch(ctx context.Context, nodes []watchNode, report func(*futureCore), ended func(error)) {
	w.report = report
	w.bind(ctx, func(c *cancellation) {
		w.letGo()
		ended(c.err)
	})
	w.nodes, w.pending = nodes, len(nodes)
	for i := range nodes {
		n := &nodes[i]
		n.w = w
		n.f.notify(&n.node, n)
	}
	if c := w.scope.ended.Load(); c != nil {
		w.letGo()
		ended(c.err)
	}
}

// bind opens the scope through which the end of ctx is noticed.
func (w *watching) bind(ctx context.Context, hook func(*cancellation)) {
	w.extra.hook = hook
	w.scope.ext.Store(&w.extra)
	up, made := scopeOf(ctx)
	w.loop = up.loop
	if made {
		up.close()
		w.scope.follow(ctx, w.loop, nil)
		return
	}
	w.scope.open(w.loop, nil, ctx, up)
}

// letGo stops watching.
func (w *watching) letGo() {
	for i := range w.nodes {
		w.nodes[i].node.remove()
		w.nodes[i].w = nil
	}
	w.release()
}

// release stops minding the context of whoever asked.
func (w *watching) release() {
	w.extra.hook = nil
	w.scope.close()
}

// mustBeOf panics unless all the futures belong to l: before anything listens to any of them.
func mustBeOf(l *EventLoop, nodes []watchNode) {
	for i := range nodes {
		if nodes[i].f.loop != l {
			panic("asyncio: the futures belong to different event loops: gather or wait for those of one loop on it")
		}
	}
}

// nodesFor returns a node for each of ws.
func nodesFor[W Waitable](ws []W) []watchNode {
	nodes := make([]watchNode, len(ws))
	for i, w := range ws {
		nodes[i].f = w.future()
	}
	return nodes
}
