//go:build !unix

package usage

// Elsewhere the standard library knows the processor time of ended children only.

import "os"

// Self returns the cost of the calling process up to now: nothing is known here.
func Self() Cost { return Cost{} }

// Of returns the cost of a process that has ended.
func Of(p *os.ProcessState) Cost { return Cost{CPU: p.UserTime() + p.SystemTime()} }
