//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock

import (
	"os"

	"golang.org/x/sys/unix"
)

// canPoll tells that readyNow knows.
const canPoll = true

// readyNow asks the kernel whether fd is ready for want.
func readyNow(fd uintptr, want Ready) (bool, error) {
	var events int16 = unix.POLLIN
	if want == Writable {
		events = unix.POLLOUT
	}
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: events}}
	for {
		n, err := unix.Poll(fds[:], 0)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return false, os.NewSyscallError("poll", err)
		case fds[0].Revents&unix.POLLNVAL != 0:
			return false, gone(os.NewSyscallError("poll", unix.EBADF))
		default:
			return n > 0, nil
		}
	}
}
