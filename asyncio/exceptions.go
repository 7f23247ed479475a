package asyncio

// What happens to errors nobody handles: panics of callbacks, and failures of tasks and
// futures whose result nobody asks for. They go to the loop's exception handler, and the
// loop goes on.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
)

// errGoexit is the error of a task that left by runtime.Goexit.
var errGoexit = errors.New("asyncio: task called runtime.Goexit")

// maxUnheard bounds how many failures a loop remembers until somebody asks for them; older
// ones are reported when more come.
const maxUnheard = 10_000

// ExceptionInfo is what an exception handler is told.
// CPython: the context argument of loop.call_exception_handler.
type ExceptionInfo struct {
	Message string  // what happened, in a few words
	Err     error   // the error; a *PanicError for a panic
	Task    AnyTask // the task concerned, if it is one and still known
	Name    string  // the task's name, if it is a task
}

// SetExceptionHandler makes h the function that is told about errors nobody handles. The
// default, restored by nil, logs them through log/slog. A handler that panics is reported
// by the default one, which also takes over what comes while h runs.
// CPython: loop.set_exception_handler.
func (l *EventLoop) SetExceptionHandler(h func(*EventLoop, ExceptionInfo)) { l.exceptionHandler = h }

// CallExceptionHandler tells the loop's exception handler about an error.
// CPython: loop.call_exception_handler.
func (l *EventLoop) CallExceptionHandler(info ExceptionInfo) {
	if l.exceptionHandler == nil || l.handling {
		DefaultExceptionHandler(l, info)
		return
	}
	l.handling = true
	defer func() {
		l.handling = false
		if v := recover(); v != nil {
			DefaultExceptionHandler(l, info)
			DefaultExceptionHandler(l, ExceptionInfo{
				Message: "the exception handler panicked",
				Err:     &PanicError{Value: v, Stack: debug.Stack()},
			})
		}
	}()
	l.exceptionHandler(l, info)
}

// DefaultExceptionHandler logs info through the default slog logger, as an error; on the
// standard error if the logger panics. CPython: loop.default_exception_handler.
func DefaultExceptionHandler(_ *EventLoop, info ExceptionInfo) {
	defer func() {
		if v := recover(); v != nil {
			fmt.Fprintf(os.Stderr, "asyncio: %s: %v\nasyncio: the logger panicked: %v\n", info.Message, info.Err, v)
		}
	}()
	attrs := []slog.Attr{slog.Any("err", info.Err)}
	if info.Name != "" {
		attrs = append(attrs, slog.String("task", info.Name))
	}
	slog.LogAttrs(context.Background(), slog.LevelError, "asyncio: "+info.Message, attrs...)
}

// reportPanic reports the panic v of a callback, from the deferred function that caught it.
func (l *EventLoop) reportPanic(v any) {
	l.CallExceptionHandler(ExceptionInfo{
		Message: "a callback panicked",
		Err:     &PanicError{Value: v, Stack: debug.Stack()},
	})
}

// A failure is how a future ended that did not succeed. Those that end with one cancellation
// share one.
type failure struct {
	err     error
	unheard *unheard // while nobody has asked for err
}

// unheard is a failure nobody has asked for yet. It does not keep the future alive.
type unheard struct {
	older, newer *unheard
	list         *unheardList
	err          error
	name         string // of the task, empty for a future
}

// unheardList is the loop's record of them, a ring, oldest first.
type unheardList struct {
	ring unheard
	n    int
	loop *EventLoop
}

func (u *unheardList) init(l *EventLoop) {
	u.loop = l
	u.ring.older, u.ring.newer = &u.ring, &u.ring
}

func (u *unheardList) add(f *futureCore) *unheard {
	e := &unheard{list: u, err: f.error(), older: u.ring.older, newer: &u.ring}
	if t := f.asTask(); t != nil {
		e.name = t.title()
	}
	e.older.newer, e.newer.older = e, e
	u.n++
	if u.n > maxUnheard {
		u.report(u.ring.newer)
	}
	return e
}

func (e *unheard) remove() {
	if e.list == nil {
		return
	}
	e.older.newer, e.newer.older = e.newer, e.older
	e.list.n--
	e.list = nil
}

func (u *unheardList) report(e *unheard) {
	e.remove()
	what := "the error of a future was never retrieved"
	if e.name != "" {
		what = "the error of a task was never retrieved"
	}
	u.loop.CallExceptionHandler(ExceptionInfo{Message: what, Err: e.err, Name: e.name})
}

// reportAll reports what nobody has asked for, oldest first.
func (u *unheardList) reportAll() {
	for u.n > 0 {
		u.report(u.ring.newer)
	}
}

// reportPending reports a task that the loop is closed under.
func (l *EventLoop) reportPending(t *task, what string) {
	l.CallExceptionHandler(ExceptionInfo{
		Message: what,
		Err:     fmt.Errorf("task %s waits for %v", t.title(), t.reason()),
		Task:    t.body(),
		Name:    t.title(),
	})
}
