// Package usage reads what a process has cost so far: processor time and the
// most memory it ever held. Both come from the operating system, so the garbage
// collector's threads and the kernel's work on the process's behalf are counted,
// and a Go program can be set beside one in C or Python.
package usage

import "time"

// Cost is what a process has used up.
type Cost struct {
	CPU  time.Duration // user and system time of all its threads
	Peak int64         // most memory resident at one time, in bytes; 0 where it is not known
}
