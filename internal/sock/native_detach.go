//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

var (
	_ Detacher = (*nativeStream)(nil)
	_ Twinned  = (*nativeStream)(nil)
)

// Twin implements Twinned. The stream may take itself to be readable although the
// twin has been there before: the kernel will tell it the truth.
func (s *nativeStream) Twin() (net.Conn, error) {
	if s.closed {
		return nil, net.ErrClosed
	}
	fd, err := unix.FcntlInt(uintptr(s.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	f := os.NewFile(uintptr(fd), "connection")
	defer f.Close()
	return net.FileConn(f) // which makes another
}

// Detach implements Detacher. The descriptor is taken out of the queue by name: closing
// it is not enough, since package net works on a duplicate.
func (s *nativeStream) Detach() (net.Conn, error) {
	if s.closed {
		return nil, net.ErrClosed
	}
	err := s.poller.queue.remove(s.fd)
	var conn net.Conn
	if err == nil {
		f := os.NewFile(uintptr(s.fd), "connection")
		if conn, err = net.FileConn(f); err == nil {
			s.leave()
			return conn, f.Close()
		}
		s.leave()
		_ = f.Close()
		return nil, err
	}
	_ = s.close()
	return nil, err
}
