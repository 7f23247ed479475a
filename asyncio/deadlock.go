package asyncio

// Deadlock: tasks wait, and nothing that could wake any of them is left. asyncio, Trio and
// Tokio hang there; a loop of this package says who waits for whom, and where.

import (
	"fmt"
	"log/slog"
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
	// Graph are the tasks that wait.
	Graph CallGraph
}

// Error prints the await graph.
func (e *DeadlockError) Error() string {
	return fmt.Sprintf("asyncio: deadlock: nothing can wake the %d unfinished task(s):\n\t%s", len(e.Graph.Tasks),
		strings.ReplaceAll(e.Graph.String(), "\n", "\n\t"))
}

// stuck is called when nothing is ready and the loop waits for nothing it knows of.
func (l *EventLoop) stuck() error {
	if len(l.allTasks()) == 0 {
		return l.poll(neverFires)
	}
	if l.options.deadlockError || !l.handedOut {
		return &DeadlockError{Graph: l.callGraph()}
	}
	if l.noticed == l.taskSeq+1 {
		return l.poll(neverFires)
	}
	for until := realTime() + deadlockNotice; realTime() < until; {
		if err := l.poll(until - realTime()); err != nil || l.ready.n > 0 || l.inbox.idle.Active() > 0 {
			return err
		}
	}
	l.noticed = l.taskSeq + 1
	slog.Warn((&DeadlockError{Graph: l.callGraph()}).Error())
	return nil
}
