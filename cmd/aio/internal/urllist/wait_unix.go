//go:build unix

package urllist

// Waiting for standard input or a pipe in a way that can be called off.

import (
	"context"
	"os"

	"golang.org/x/sys/unix"
)

// waitReadable waits until a read of f will not block, or ctx ends. A read of standard input cannot be interrupted once
// it has started, and switching the descriptor to non-blocking would switch it for the shell that shares it; so the
// wait is a poll of two descriptors, the second being a pipe that the end of ctx closes.
func waitReadable(ctx context.Context, f *os.File) error {
	if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
		return context.Cause(ctx)
	}
	wake, waker, err := os.Pipe()
	if err != nil {
		return nil // descriptors are scarce: a plain blocking read still works
	}
	defer wake.Close()
	stop := context.AfterFunc(ctx, func() { waker.Close() })
	defer func() {
		if stop() {
			waker.Close()
		}
	}()
	fds := []unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLIN}, {Fd: int32(wake.Fd()), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, -1)
		if err == unix.EINTR {
			continue
		}
		return context.Cause(ctx)
	}
}
