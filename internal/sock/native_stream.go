//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock

import (
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// nativeStream is a stream socket on the native poller. An operation makes the
// system call itself, unless the readiness it remembers says that it would
// only be told EAGAIN; and a transfer that came up short has told already what
// the next one would find.
type nativeStream struct {
	handle
	family     family
	file       bool // it is no socket: see nativeFile
	connecting bool
	chosen     bool           // the system chose the local port
	ended      bool           // the peer's end was read
	err        error          // of connecting
	peer       netip.AddrPort // of an accepted TCP connection
	remote     net.Addr       // made of peer when asked for
	local      net.Addr
}

// newNativeStream makes a stream without a descriptor. That of a Unix socket is
// greedy: the kernel ends a read behind data that came with descriptors.
func newNativeStream(fam family) *nativeStream {
	return &nativeStream{handle: handle{greedy: fam == familyUnix}, family: fam}
}

// TryRead implements Stream.
func (s *nativeStream) TryRead(p []byte) (int, error) {
	switch {
	case s.closed:
		return 0, net.ErrClosed
	case len(p) == 0:
		return 0, nil
	case s.ended:
		return 0, io.EOF
	case s.ready&Readable == 0:
		return 0, ErrWouldBlock
	}
	var n int
	var err error
	if s.file {
		n, err = readFD(s.fd, p)
	} else {
		n, err = recvFD(s.fd, p)
	}
	if err != nil {
		return 0, s.failed("read", err, Readable)
	}
	if n == 0 {
		s.ended = true
		return 0, io.EOF
	}
	// After a short read the socket is empty, and the kernel will say when it
	// no longer is: except for what it has said already.
	if n < len(p) && s.ready&(PeerClosed|Broken) == 0 && !s.greedy {
		s.ready &^= Readable
	}
	return n, nil
}

// TryWrite implements Stream.
func (s *nativeStream) TryWrite(p []byte) (int, error) {
	switch {
	case s.closed:
		return 0, net.ErrClosed
	case s.ready&Writable == 0:
		return 0, ErrWouldBlock
	case len(p) == 0:
		return 0, nil
	}
	var n int
	var err error
	if s.file {
		n, err = writeFD(s.fd, p)
	} else {
		n, err = sendFD(s.fd, p)
	}
	return s.wrote(n, len(p), err)
}

// TryWritev implements Stream.
func (s *nativeStream) TryWritev(bufs [][]byte) (int, error) {
	switch {
	case s.closed:
		return 0, net.ErrClosed
	case s.ready&Writable == 0:
		return 0, ErrWouldBlock
	}
	n, want, err := s.poller.iovecs.write(s.fd, bufs)
	return s.wrote(n, want, err)
}

func (s *nativeStream) wrote(n, want int, err error) (int, error) {
	if err != nil {
		return 0, s.failed("write", err, Writable)
	}
	if n < want && s.ready&Broken == 0 {
		s.ready &^= Writable
	}
	return n, nil
}

// failed sorts out an error of a transfer: EAGAIN takes the readiness back.
func (s *nativeStream) failed(call string, err error, want Ready) error {
	if err == unix.EAGAIN {
		s.ready &^= want
		return ErrWouldBlock
	}
	return os.NewSyscallError(call, err)
}

// ConnectResult implements Stream.
func (s *nativeStream) ConnectResult() error {
	switch {
	case s.closed:
		return net.ErrClosed
	case !s.connecting:
		return s.err
	case s.ready&(Writable|Broken) == 0:
		return ErrWouldBlock
	}
	code, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	switch {
	case err != nil:
		s.err = os.NewSyscallError("getsockopt", err)
	case code == int(unix.EINPROGRESS) || code == int(unix.EALREADY):
		s.ready &^= Writable
		return ErrWouldBlock
	case code != 0:
		s.err = os.NewSyscallError("connect", syscall.Errno(code))
	default:
		s.err = s.meeting()
	}
	s.connecting = false
	return s.err
}

// CloseWrite implements Stream.
func (s *nativeStream) CloseWrite() error {
	if s.closed {
		return net.ErrClosed
	}
	return os.NewSyscallError("shutdown", unix.Shutdown(s.fd, unix.SHUT_WR))
}

// Close implements Stream. Data the kernel has accepted is still delivered.
func (s *nativeStream) Close() error { return s.close() }

// Abort implements Stream.
func (s *nativeStream) Abort() error {
	if s.closed {
		return net.ErrClosed
	}
	if s.family != familyUnix {
		// If this fails the connection is closed in the orderly way.
		_ = unix.SetsockoptLinger(s.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	return s.close()
}

// LocalAddr implements Stream. It must be asked for once while the stream is
// open to be known afterwards.
func (s *nativeStream) LocalAddr() net.Addr {
	if s.local == nil {
		if s.closed {
			return s.family.noAddr()
		}
		s.local = s.family.nameOf(s.fd)
	}
	return s.local
}

// RemoteAddr implements Stream.
func (s *nativeStream) RemoteAddr() net.Addr {
	if s.remote == nil {
		s.remote = s.family.noAddr()
		if s.peer.IsValid() {
			s.remote = net.TCPAddrFromAddrPort(s.peer)
		}
	}
	return s.remote
}

// SetNoDelay implements Stream.
func (s *nativeStream) SetNoDelay(noDelay bool) error {
	if s.closed {
		return net.ErrClosed
	}
	if s.family == familyUnix {
		return nil
	}
	return setInt(s.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, btoi(noDelay))
}

// SetKeepAlive implements Stream.
func (s *nativeStream) SetKeepAlive(config net.KeepAliveConfig) error {
	if s.closed {
		return net.ErrClosed
	}
	if s.family == familyUnix {
		return nil
	}
	return setKeepAlive(s.fd, config)
}

// SyscallConn implements Stream and Listener.
func (h *handle) SyscallConn() (syscall.RawConn, error) {
	if h.closed {
		return nil, net.ErrClosed
	}
	return rawConn{h}, nil
}

// rawConn lends the descriptor. Reading and writing through it cannot wait
// here, so functions that ask to be called again are told that it is not
// supported.
type rawConn struct{ h *handle }

func (c rawConn) Control(f func(fd uintptr)) error {
	if c.h.closed {
		return net.ErrClosed
	}
	f(uintptr(c.h.fd))
	return nil
}

func (c rawConn) Read(f func(fd uintptr) bool) error  { return c.once(f) }
func (c rawConn) Write(f func(fd uintptr) bool) error { return c.once(f) }

func (c rawConn) once(f func(fd uintptr) bool) error {
	if c.h.closed {
		return net.ErrClosed
	}
	if !f(uintptr(c.h.fd)) {
		return ErrUnsupported
	}
	return nil
}

// setKeepAlive applies config with the defaults package net documents.
func setKeepAlive(fd int, config net.KeepAliveConfig) error {
	if !config.Enable {
		return setInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0)
	}
	err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	if err == nil {
		err = setProbes(fd, optKeepIdle, seconds(config.Idle), 15)
	}
	if err == nil {
		err = setProbes(fd, optKeepInterval, seconds(config.Interval), 15)
	}
	if err == nil {
		err = setProbes(fd, optKeepCount, config.Count, 9)
	}
	return os.NewSyscallError("setsockopt", err)
}

// setProbes sets an option of keep-alive probes, where there is one: zero means that of package
// net, and a negative value leaves it.
func setProbes(fd, option, value, standard int) error {
	if option == 0 || value < 0 {
		return nil
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, option, or(value, standard))
}

// seconds is d in seconds, rounded up, as the options of sockets have it.
func seconds(d time.Duration) int {
	if d < 0 {
		return -1
	}
	return int((d + time.Second - 1) / time.Second)
}
