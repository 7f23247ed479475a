package asyncio

// Stacks of suspended tasks. A coroutine's stack is its own business, so the task itself is
// asked: it is resumed for an instant, notes its callers and suspends again.

import (
	"runtime"
	"strings"
)

const maxStackDepth = 64

// An inspection asks a suspended task for its callers.
type inspection struct{ pcs []uintptr }

// stack returns where t is suspended, without the frames of this package.
func (t *task) stack() []runtime.Frame {
	w := t.worker
	if w == nil || w.state != workerSuspended && w.state != workerReady {
		return nil
	}
	in := &inspection{pcs: make([]uintptr, 0, maxStackDepth)}
	t.loop.inspection, w.special = in, true
	w.next()
	t.loop.inspection = nil
	return userFrames(in.pcs)
}

// userFrames returns the frames of pcs that are not the loop's machinery.
func userFrames(pcs []uintptr) []runtime.Frame {
	if len(pcs) == 0 {
		return nil
	}
	frames := runtime.CallersFrames(pcs)
	var stack []runtime.Frame
	for {
		f, more := frames.Next()
		if !isOwnFrame(f.Function) {
			stack = append(stack, f)
		}
		if !more {
			return stack
		}
	}
}

const packagePath = "github.com/aio-go/aio/asyncio."

// isOwnFrame tells the frames of the loop's machinery from those of its users. Generic
// functions of the package carry their instantiation in brackets.
func isOwnFrame(function string) bool {
	return strings.HasPrefix(function, packagePath) || strings.HasPrefix(function, "iter.Pull") ||
		strings.HasPrefix(function, "runtime.") || function == ""
}
