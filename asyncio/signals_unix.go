//go:build unix

package asyncio

// Which signals a process may handle, on Unix.

import (
	"os"
	"syscall"
)

// maxSignal is the highest number that the runtime passes on anywhere.
const maxSignal = 64

// catchable reports whether sig is a signal for which there can be a handler.
func catchable(sig os.Signal) bool {
	n, ok := sig.(syscall.Signal)
	return ok && n > 0 && n <= maxSignal && n != syscall.SIGKILL && n != syscall.SIGSTOP
}
