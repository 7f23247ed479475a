//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock

import (
	"net"
	"os"
)

var _ Detacher = (*nativeStream)(nil)

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
