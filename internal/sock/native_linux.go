package sock

import (
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// What Linux does in one system call and others in several.

const (
	optKeepIdle     = unix.TCP_KEEPIDLE
	optKeepInterval = unix.TCP_KEEPINTVL
	optKeepCount    = unix.TCP_KEEPCNT
)

// newSocket opens a socket, SOCK_STREAM or SOCK_DGRAM, that does not block and is
// not inherited.
func newSocket(fam family, kind int) (int, error) {
	fd, err := unix.Socket(int(fam), kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	return fd, os.NewSyscallError("socket", err)
}

func acceptFD(listener int) (int, netip.AddrPort, error) {
	fd, sa, err := unix.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err != nil {
		return -1, netip.AddrPort{}, err
	}
	return fd, addrPortOf(sa), nil
}

func openPipe(fds *[2]int) error {
	return unix.Pipe2(fds[:], unix.O_NONBLOCK|unix.O_CLOEXEC)
}
