//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package sock

import (
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// New descriptors are made private and non-blocking in separate calls here;
// the fork lock keeps a child from being started in between.

func newSocket(fam family, kind int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := unix.Socket(int(fam), kind, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	return fd, setPrivate(fd)
}

func acceptFD(listener int) (int, netip.AddrPort, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, sa, err := unix.Accept(listener)
	if err != nil {
		return -1, netip.AddrPort{}, err
	}
	if err := setPrivate(fd); err != nil {
		return -1, netip.AddrPort{}, err
	}
	return fd, addrPortOf(sa), nil
}

func openPipe(fds *[2]int) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := unix.Pipe(fds[:]); err != nil {
		return err
	}
	for i, fd := range fds {
		if err := setPrivate(fd); err != nil { // which has closed it
			closeFD(fds[1-i])
			return err
		}
	}
	return nil
}

// setPrivate closes fd if it fails.
func setPrivate(fd int) error {
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		closeFD(fd)
		return os.NewSyscallError("fcntl", err)
	}
	return nil
}
