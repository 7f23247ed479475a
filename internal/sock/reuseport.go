//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// reusePort is control with SO_REUSEPORT set before it.
func reusePort(control ControlFunc) ControlFunc { return setBefore(control, unix.SO_REUSEPORT, 1) }

// noReuseAddress is control with SO_REUSEADDR, which package net sets, taken back before it.
func noReuseAddress(control ControlFunc) ControlFunc {
	return setBefore(control, unix.SO_REUSEADDR, 0)
}

func setBefore(control ControlFunc, option, value int) ControlFunc {
	return func(network, address string, c syscall.RawConn) error {
		var failure error
		err := c.Control(func(fd uintptr) {
			failure = setInt(int(fd), unix.SOL_SOCKET, option, value)
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
