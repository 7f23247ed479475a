//go:build unix

package usage

// On Unix systems both figures are fields of rusage.

import (
	"os"
	"runtime"
	"syscall"
	"time"
)

// Self returns the cost of the calling process up to now.
func Self() Cost {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		panic("usage: getrusage of the own process: " + err.Error()) // cannot fail with valid arguments
	}
	return cost(&ru)
}

// Of returns the cost of a process that has ended.
func Of(p *os.ProcessState) Cost {
	ru, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return Cost{CPU: p.UserTime() + p.SystemTime()}
	}
	return cost(ru)
}

func cost(ru *syscall.Rusage) Cost {
	unit := int64(1024)
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		unit = 1 // Darwin counts bytes, the others KiB
	}
	cpu := time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
	return Cost{CPU: cpu, Peak: int64(ru.Maxrss) * unit}
}
