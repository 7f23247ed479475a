package sock

import "golang.org/x/sys/unix"

const (
	optKeepIdle     = unix.TCP_KEEPALIVE
	optKeepInterval = unix.TCP_KEEPINTVL
	optKeepCount    = unix.TCP_KEEPCNT
)
