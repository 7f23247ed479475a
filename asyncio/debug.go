package asyncio

// Debug mode: checks that cost too much to be always on. Goroutines that the loop does not run
// panic when they schedule or complete something, steps are timed, and a watchdog shows a step that holds the loop up
// while it does so.

import (
	"bytes"
	"fmt"
	"log/slog"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// SetDebug turns debug mode on or off. In debug mode, a goroutine that is not the loop's and
// schedules something, completes a future or uses a connection panics with the fix; steps that take longer than the threshold are logged with the
// task or callback they belong to, and, by a watchdog, with its stack while it is stuck; and
// Stats has a histogram of how long steps take. CPython: loop.set_debug.
func (l *EventLoop) SetDebug(on bool) {
	l.options.debug = on
	l.instrumented = on || l.picker != nil
	if l.running {
		l.beginDebug()
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
		if l.options.debug {
			l.runTimed(r)
		} else {
			r.run(l)
		}
	}
}

func (l *EventLoop) runTimed(r runnable) {
	what := describe(r)
	before := l.clock.Now()
	l.watchdog.enter(r)
	own := l.goroutine.Load()
	if w, ok := r.(*worker); ok {
		l.goroutine.Store(w.goroutineID())
	}
	defer func() { // also if a callback panics
		l.goroutine.Store(own)
		l.watchdog.leave()
	}()
	r.run(l)
	took := l.clock.Now() - before
	l.stepTime.add(took)
	if took >= l.options.slowCallback {
		slog.Warn("asyncio: a step held the loop up", "step", what, "took", took)
	}
}

func describe(r runnable) string {
	switch r := r.(type) {
	case *task:
		return r.describe()
	case *worker:
		return r.task().describe()
	}
	return fmt.Sprintf("callback %T", r)
}

// describe names the task and, if known, where it was created.
func (t *task) describe() string {
	what := "task " + t.title()
	if created := t.createdAt(); len(created) > 0 {
		what += fmt.Sprintf(" created at %s:%d", created[0].File, created[0].Line)
	}
	return what
}

// beginDebug prepares a run in debug mode.
func (l *EventLoop) beginDebug() {
	if !l.options.debug {
		return
	}
	if l.inTask { // turned on by a task: the loop's own goroutine is not known
		l.goroutine.Store(0)
	} else {
		l.goroutine.Store(goroutineID())
	}
	l.watchdog.start(l)
}

// endDebug ends what beginDebug began.
func (l *EventLoop) endDebug() {
	l.goroutine.Store(0)
	l.watchdog.stop()
}

// checkGoroutine panics, in debug mode, if a method of the loop is called by a goroutine
// that the loop does not run. A future that was not made by NewFuture has no loop.
func (l *EventLoop) checkGoroutine(method string) {
	if l == nil || !l.options.debug {
		return
	}
	if id := l.goroutine.Load(); id != 0 && id != goroutineID() {
		panic("asyncio: " + method + " called by a goroutine that is not the loop's: use CallSoonThreadsafe or RunCoroutineThreadsafe")
	}
}

// noteGoroutine remembers, in debug mode, which goroutine the worker is. It is called on it.
func (w *worker) noteGoroutine() {
	l := w.under.loop
	if !l.options.debug {
		return
	}
	id := goroutineID()
	w.beside().goroutine = id
	l.goroutine.Store(id)
}

// goroutineID returns which goroutine the worker is, zero if that is not known.
func (w *worker) goroutineID() int64 {
	if a := w.under.loop.aside[w]; a != nil {
		return a.goroutine
	}
	return 0
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

// A watchdog logs, from a goroutine of its own, the stack of a step that takes too long,
// while it does. It keeps real time.
type watchdog struct {
	step atomic.Uint64 // odd while a step runs; counts up
	id   atomic.Int64  // goroutine that runs the step
	quit chan struct{}
	over sync.WaitGroup
}

func (d *watchdog) enter(r runnable) {
	id := int64(0)
	if w, ok := r.(*worker); ok {
		id = w.goroutineID()
	}
	d.id.Store(id)
	d.step.Add(1)
}

func (d *watchdog) leave() { d.step.Add(1) }

func (d *watchdog) start(l *EventLoop) {
	if d.quit != nil {
		return
	}
	d.quit = make(chan struct{})
	d.step.Store(0)
	quit, limit, loop := d.quit, l.options.slowCallback, l.goroutine.Load()
	d.over.Go(func() { d.watch(quit, limit, loop) })
}

func (d *watchdog) stop() {
	if d.quit == nil {
		return
	}
	close(d.quit)
	d.over.Wait()
	d.quit = nil
}

// watch looks at the loop twice within limit and reports a step that it meets twice.
func (d *watchdog) watch(quit chan struct{}, limit time.Duration, loop int64) {
	tick := time.NewTicker(max(limit/2, time.Millisecond))
	defer tick.Stop()
	var met, reported uint64
	seen := 0
	for {
		select {
		case <-quit:
			return
		case <-tick.C:
		}
		step := d.step.Load()
		if step != met {
			met, seen = step, 0
		}
		if seen++; seen < 3 || step%2 == 0 || step == reported {
			continue
		}
		reported = step
		id := d.id.Load()
		if id == 0 {
			id = loop
		}
		slog.Warn("asyncio: a step is holding the loop up", "for at least", limit, "stack", stackOf(id))
	}
}

// stackOf returns the stack trace of goroutine id, as far as the runtime tells.
func stackOf(id int64) string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	header := []byte("goroutine " + strconv.FormatInt(id, 10) + " ")
	for g := range bytes.SplitSeq(buf, []byte("\n\n")) {
		if bytes.HasPrefix(g, header) {
			return string(g)
		}
	}
	return string(buf)
}
