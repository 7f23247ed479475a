//go:build !linux

package origin

// Elsewhere a killed parent leaves nginx behind.

import "syscall"

func endWithParent() *syscall.SysProcAttr { return nil }
