package asyncio

// The await graph: who waits for whom, and where. It is captured from the tasks as they stand
// and printed as a tree; the deadlock report is one. CPython: asyncio.capture_call_graph and
// python -m asyncio pstree, which refuses graphs with cycles; here a cycle is shown.

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// A CallGraph is the await graph of a loop at one moment: its unfinished tasks in the order
// in which they were created.
type CallGraph struct {
	Tasks []CallGraphTask
}

// A CallGraphTask is one task of a CallGraph.
type CallGraphTask struct {
	Name   string
	State  string          // created, running, suspended or ready
	For    string          // what it waits for, such as "Sleep", "Task" or "Lock.Acquire"
	Awaits []int           // indexes of the unfinished tasks it awaits, directly or through Gather, Wait, AsCompleted or Group
	Stack  []runtime.Frame // where it is suspended, innermost call first, without the loop's own frames

	// Created is where the task was created, nearest call first; debug mode only.
	Created []runtime.Frame
}

// CaptureCallGraph captures the await graph of ctx's loop. Each suspended task is resumed for
// the instant it takes to note its callers; none of its code runs.
// CPython: asyncio.capture_call_graph.
func CaptureCallGraph(ctx context.Context) CallGraph { return loopOf(ctx).callGraph() }

func (l *EventLoop) callGraph() CallGraph {
	tasks := l.allTasks()
	sources := make(map[*waitQueue][]int, len(tasks))
	for i, t := range tasks {
		own := &t.of.listeners
		sources[own] = append(sources[own], i)
		for n := own.head; n != nil; n = n.next {
			if q := forwardedTo(n.owner); q != nil && !slices.Contains(sources[q], i) {
				sources[q] = append(sources[q], i)
			}
		}
	}
	g := CallGraph{Tasks: make([]CallGraphTask, len(tasks))}
	for i, t := range tasks {
		n := CallGraphTask{Name: t.title(), State: "created", For: t.reason().String(), Stack: t.stack(), Created: t.createdAt()}
		if w := t.worker; w != nil {
			n.State = w.state.String()
			if w.node.queue != nil {
				n.Awaits = sources[w.node.queue]
			}
		}
		g.Tasks[i] = n
	}
	return g
}

// A forwarder listens to a future on behalf of whoever waits in another queue.
type forwarder interface{ forwards() *waitQueue }

func forwardedTo(w waiter) *waitQueue {
	if c, ok := w.(*listener); ok {
		if f, ok := c.self.(forwarder); ok {
			return f.forwards()
		}
	}
	if f, ok := w.(forwarder); ok {
		return f.forwards()
	}
	return nil
}

// String prints the graph as a tree: under each task the tasks that await it. A task that
// awaits several is described once and only named where it comes again.
func (g CallGraph) String() string {
	p := graphPrinter{g: g, waiters: make([][]int, len(g.Tasks)), printed: make([]bool, len(g.Tasks))}
	for i, t := range g.Tasks {
		for _, j := range t.Awaits {
			p.waiters[j] = append(p.waiters[j], i)
		}
	}
	for i, t := range g.Tasks {
		if len(t.Awaits) == 0 {
			p.print(i, 0)
		}
	}
	for i := range g.Tasks {
		if !p.printed[i] {
			p.b.WriteString("cycle:\n")
			p.print(i, 1)
		}
	}
	return strings.TrimSuffix(p.b.String(), "\n")
}

type graphPrinter struct {
	b       strings.Builder
	g       CallGraph
	waiters [][]int
	printed []bool
}

func (p *graphPrinter) print(i, depth int) {
	t := p.g.Tasks[i]
	p.b.WriteString(strings.Repeat("    ", depth))
	if p.printed[i] {
		fmt.Fprintf(&p.b, "%s, and so on\n", t.Name)
		return
	}
	p.printed[i] = true
	p.b.WriteString(t.describe(p.g) + "\n")
	for _, w := range p.waiters[i] {
		p.print(w, depth+1)
	}
}

// describe says in one line what a task does.
func (t CallGraphTask) describe(g CallGraph) string {
	line := t.Name + " " + t.State
	if t.State == workerSuspended.String() {
		line = t.Name + " waits for " + t.For
	}
	for i, j := range t.Awaits {
		if i > 0 {
			line += ","
		}
		line += " " + g.Tasks[j].Name
	}
	if len(t.Stack) > 0 {
		f := t.Stack[0]
		line += fmt.Sprintf(" at %s (%s:%d)", f.Function, f.File, f.Line)
	}
	if len(t.Created) > 0 {
		f := t.Created[0]
		line += fmt.Sprintf(", created at %s (%s:%d)", f.Function, f.File, f.Line)
	}
	return line
}
