//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock

import (
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Dialling on the native poller: a non-blocking connect, whose end the kernel
// reports as writability. Also the small wrappers around system calls that
// dialling and listening share.

// Dial implements Network.
func (p *nativePoller) Dial(network string, remote net.Addr, opts *DialOptions) (Stream, error) {
	fam, err := familyFor(network, remote)
	if err != nil {
		return nil, err
	}
	peer, err := fam.sockaddr(remote)
	if err != nil {
		return nil, err
	}
	fd, err := newSocket(fam, unix.SOCK_STREAM)
	if err != nil {
		return nil, err
	}
	if err := prepareDial(fd, fam, network, remote, opts); err != nil {
		closeFD(fd)
		return nil, err
	}
	connecting, err := connect(fd, peer)
	if err != nil {
		closeFD(fd)
		fileOf(opts.Local).remove() // it was bound just now; another attempt wants to bind it again
		return nil, err
	}
	// Not before connect: an unconnected socket counts as hung up.
	s := newNativeStream(fam)
	s.connecting, s.remote = connecting, remote
	s.chosen = fam != familyUnix && portOf(opts.Local) == 0
	if err := p.register(&s.handle, fd); err != nil {
		return nil, err
	}
	if !connecting {
		s.ready = Writable
		s.err = s.meeting()
	}
	return s, nil
}

func portOf(addr net.Addr) int {
	if a, ok := addr.(*net.TCPAddr); ok && a != nil {
		return a.Port
	}
	return 0
}

// meeting looks at a connection just made. Where nobody listens, the system may
// have chosen for the local end the very port that was dialled, and connected
// the socket to itself: it should have been refused.
func (s *nativeStream) meeting() error {
	if !s.chosen {
		return nil
	}
	here, err := unix.Getsockname(s.fd)
	if err != nil {
		return nil
	}
	local := addrPortOf(here)
	if int(local.Port()) != portOf(s.remote) {
		return nil
	}
	if there, err := unix.Getpeername(s.fd); err == nil && addrPortOf(there) == local {
		return os.NewSyscallError("connect", unix.ECONNREFUSED)
	}
	return nil
}

func prepareDial(fd int, fam family, network string, remote net.Addr, opts *DialOptions) error {
	if fam != familyUnix {
		if err := setInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return err
		}
		if opts.KeepAlive.Enable {
			if err := setKeepAlive(fd, opts.KeepAlive); err != nil {
				return err
			}
		}
	}
	if err := control(opts.Control, fd, fam, network, remote); err != nil {
		return err
	}
	if opts.Local == nil {
		return nil
	}
	local, err := fam.sockaddr(opts.Local)
	if err != nil {
		return err
	}
	return os.NewSyscallError("bind", unix.Bind(fd, local))
}

// connect starts connecting. An interrupted call goes on by itself.
func connect(fd int, to unix.Sockaddr) (inProgress bool, err error) {
	switch err := unix.Connect(fd, to); err {
	case nil, unix.EISCONN:
		return false, nil
	case unix.EINPROGRESS, unix.EALREADY, unix.EINTR:
		return true, nil
	default:
		return false, os.NewSyscallError("connect", err)
	}
}

// control shows a fresh socket to the caller's hook, naming the network with
// its family as package net does.
func control(f ControlFunc, fd int, fam family, network string, addr net.Addr) error {
	if f == nil {
		return nil
	}
	switch fam {
	case familyInet4:
		network = network[:3] + "4"
	case familyInet6:
		network = network[:3] + "6"
	}
	return f(network, addr.String(), rawConn{&handle{fd: fd}})
}

// Small wrappers around system calls.

func setInt(fd, level, option, value int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, level, option, value))
}

// closeFD closes a descriptor. Whatever it answers, the descriptor is gone.
func closeFD(fd int) error {
	if err := unix.Close(fd); err != nil && err != syscall.EINTR {
		return os.NewSyscallError("close", err)
	}
	return nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// or is value, or fallback if value is zero.
func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}
