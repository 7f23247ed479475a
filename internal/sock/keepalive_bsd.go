//go:build dragonfly || freebsd || netbsd

package sock

import "golang.org/x/sys/unix"

const (
	optKeepIdle     = unix.TCP_KEEPIDLE
	optKeepInterval = unix.TCP_KEEPINTVL
	optKeepCount    = unix.TCP_KEEPCNT
)
