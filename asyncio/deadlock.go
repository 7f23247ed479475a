package asyncio

// Deadlock: tasks wait, and nothing that could wake any of them is left. asyncio, Trio and
// Tokio hang there; a loop of this package says who waits for whom, and where.

import (
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"time"
)

// deadlockNotice is how long a loop that somebody outside might still wake is idle before it
// logs that its tasks are stuck.
const deadlockNotice = time.Second

// DeadlockError ends a run in which tasks wait and nothing can wake them: nothing is ready,
// there is no timer, no socket, no executor job, no channel and no signal to wait for, and
// nobody outside the loop could have kept hold of it.
type DeadlockError struct {
	// Waiting are the tasks that wait, in the order in which they were created.
	Waiting []WaitingTask
}

// A WaitingTask is one task of a deadlock.
type WaitingTask struct {
	Name   string          // the task's name
	For    string          // what it waits for, such as "Lock.Acquire" or "Task"
	Awaits string          // the name of the task it awaits, if it awaits one
	Stack  []runtime.Frame // where it waits, innermost call first, without the loop's own
}

// Error prints the await graph: each task with what it waits for and where.
func (e *DeadlockError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "asyncio: deadlock: %d task(s) wait and nothing can wake them", len(e.Waiting))
	for _, t := range e.Waiting {
		fmt.Fprintf(&b, "\n\t%s waits for %s", t.Name, t.For)
		if t.Awaits != "" {
			fmt.Fprintf(&b, " %s", t.Awaits)
		}
		if len(t.Stack) > 0 {
			fmt.Fprintf(&b, "\n\t\tat %s (%s:%d)", t.Stack[0].Function, t.Stack[0].File, t.Stack[0].Line)
		}
	}
	return b.String()
}

// stuck is called when nothing is ready and the loop waits for nothing it knows of.
func (l *EventLoop) stuck() error {
	watched := l.foreign.next != &l.foreign
	if len(l.allTasks()) == 0 {
		return l.poll(neverFires)
	}
	if l.options.deadlockError || !l.handedOut && !watched {
		return l.deadlock()
	}
	if l.noticed == l.taskSeq+1 {
		return l.poll(neverFires)
	}
	if err := l.poll(deadlockNotice); err != nil || l.ready.n > 0 {
		return err
	}
	l.noticed = l.taskSeq + 1
	slog.Warn(l.deadlock().Error())
	return nil
}

// deadlock describes the tasks that wait.
func (l *EventLoop) deadlock() *DeadlockError {
	tasks := l.allTasks()
	awaited := make(map[*waitQueue]*task)
	for _, t := range tasks {
		awaited[&t.body.future().listeners] = t
	}
	e := new(DeadlockError)
	for _, t := range tasks {
		w := WaitingTask{Name: t.title(), For: t.reason().String(), Stack: t.stack()}
		if t.worker != nil && t.worker.node.queue != nil {
			if of, ok := awaited[t.worker.node.queue]; ok {
				w.Awaits = of.title()
			}
		}
		e.Waiting = append(e.Waiting, w)
	}
	return e
}
