package asyncio

// Debug mode: checks that cost too much to be always on.

import (
	"bytes"
	"fmt"
	"log/slog"
	"runtime"
	"strconv"
)

// SetDebug turns debug mode on or off. In debug mode, calls from a goroutine that is not the
// loop's panic with the fix, and steps slower than the threshold are logged with the task or
// callback they belong to. CPython: loop.set_debug.
func (l *EventLoop) SetDebug(on bool) {
	l.options.debug = on
	l.instrumented = on || l.picker != nil
	if l.running {
		l.noteGoroutine()
	}
}

// Debug reports whether debug mode is on.
func (l *EventLoop) Debug() bool { return l.options.debug }

// runInstrumented is the batch loop with everything that debug mode and pickers need.
func (l *EventLoop) runInstrumented() {
	for l.batch > 0 {
		i := 0
		if l.picker != nil && l.batch > 1 {
			i = l.picker(l.batch)
		}
		r := l.ready.popAt(i)
		l.batch--
		if !l.options.debug {
			r.run(l)
			continue
		}
		what := describe(r)
		before := l.clock.Now()
		r.run(l)
		if took := l.clock.Now() - before; took >= l.options.slowCallback {
			slog.Warn("asyncio: a step held the loop up", "step", what, "took", took)
		}
	}
}

func describe(r runnable) string {
	switch r := r.(type) {
	case *task:
		return "task " + r.title()
	case *worker:
		return "task " + r.task.title()
	}
	return fmt.Sprintf("callback %T", r)
}

// noteGoroutine remembers which goroutine runs the loop.
func (l *EventLoop) noteGoroutine() {
	if l.options.debug {
		l.goroutine.Store(goroutineID())
	}
}

// checkGoroutine panics, in debug mode, if a method of the loop is called by a goroutine
// that the loop does not run.
func (l *EventLoop) checkGoroutine(method string) {
	if !l.options.debug || !l.running || l.inTask {
		return
	}
	if id := l.goroutine.Load(); id != 0 && id != goroutineID() {
		panic("asyncio: " + method + " called by a goroutine that is not the loop's: use CallSoonThreadsafe or RunCoroutineThreadsafe")
	}
}

// goroutineID returns the number of the calling goroutine, which the runtime tells only in
// the header of a stack trace.
func goroutineID() int64 {
	var buf [40]byte
	header := bytes.TrimPrefix(buf[:runtime.Stack(buf[:], false)], []byte("goroutine "))
	digits, _, _ := bytes.Cut(header, []byte(" "))
	id, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		return 0
	}
	return id
}
