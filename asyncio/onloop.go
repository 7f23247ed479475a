package asyncio

// Telling tasks from goroutines.
//
// Code that was written for goroutines does not say who calls. Nothing cheap in Go tells which
// goroutine is running, but every coroutine of a loop begins in the same function: it is at
// the bottom of the stack.

import (
	"runtime"
	"strings"
)

// bottomOfWorkers is how the names of the functions begin where the coroutines of workers begin,
// and bottomFrames in how many frames one is found, below which there are some of package iter
// and the runtime.
const (
	bottomOfWorkers = packagePath + "serving["
	bottomFrames    = 8
)

// inSomeTask reports whether the caller is the coroutine of a task, of whatever loop. It costs
// a look at the whole stack, some microseconds.
func inSomeTask() bool {
	var pcs [128]uintptr
	skip := 2
	n := runtime.Callers(skip, pcs[:])
	for n == len(pcs) {
		skip += n - bottomFrames
		n = runtime.Callers(skip, pcs[:])
	}
	for _, pc := range pcs[max(0, n-bottomFrames):n] {
		if f := runtime.FuncForPC(pc - 1); f != nil && strings.HasPrefix(f.Name(), bottomOfWorkers) {
			return true
		}
	}
	return false
}
