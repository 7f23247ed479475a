//go:build !unix

package asyncio

// Which signals a process may handle where there are few.

import "os"

// catchable reports whether sig is a signal for which there can be a handler.
func catchable(sig os.Signal) bool { return sig != nil && sig != os.Kill }
