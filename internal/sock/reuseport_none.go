//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd)

package sock

import "syscall"

func reusePort(ControlFunc) ControlFunc {
	return func(string, string, syscall.RawConn) error { return ErrUnsupported }
}

// noReuseAddress is control: package net does not set SO_REUSEADDR here.
func noReuseAddress(control ControlFunc) ControlFunc { return control }
