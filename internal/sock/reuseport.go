//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// reusePort is control with SO_REUSEPORT set before it.
func reusePort(control ControlFunc) ControlFunc {
	return func(network, address string, c syscall.RawConn) error {
		var failure error
		err := c.Control(func(fd uintptr) {
			failure = setInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
		if err == nil {
			err = failure
		}
		if err != nil || control == nil {
			return err
		}
		return control(network, address, c)
	}
}
