//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock

import (
	"errors"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// nativeFile is one direction of a descriptor that somebody else has opened.
// It is a nativeStream with two differences. A short transfer says nothing
// about the next: a terminal gives a line at a time, a datagram is what it is.
// And the mode in which the description was found is put back at the end,
// since it may be shared with other processes.
type nativeFile struct {
	nativeStream
	mode FileMode
}

// OpenFile implements Files with a duplicate of the descriptor, which nobody
// else can close.
func (p *nativePoller) OpenFile(f File, mode FileMode) (Stream, error) {
	fd, blocking, err := duplicate(f)
	if err != nil {
		return nil, err
	}
	s := &nativeFile{mode: mode}
	addr := fileAddr(f)
	s.local, s.remote = addr, addr
	s.greedy, s.blocking, s.file = true, blocking, true
	if err := p.registerFile(&s.handle, fd); err != nil {
		return nil, err
	}
	if !isStandard(f) {
		_ = f.Close() // the duplicate has taken its place
	}
	return s, nil
}

// duplicate makes a descriptor for what f has open, set to non-blocking, and
// tells whether it was blocking before.
func duplicate(f File) (fd int, blocking bool, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return -1, false, err
	}
	var failed error
	if err := raw.Control(func(original uintptr) { fd, blocking, failed = duplicateFD(int(original)) }); err != nil {
		return -1, false, err
	}
	return fd, blocking, failed
}

func duplicateFD(original int) (fd int, blocking bool, err error) {
	var stat unix.Stat_t
	if err := unix.Fstat(original, &stat); err != nil {
		return -1, false, os.NewSyscallError("fstat", err)
	}
	switch uint32(stat.Mode) & unix.S_IFMT {
	case unix.S_IFREG, unix.S_IFDIR, unix.S_IFBLK:
		return -1, false, ErrNotPipe
	}
	if fd, err = unix.FcntlInt(uintptr(original), unix.F_DUPFD_CLOEXEC, 0); err != nil {
		return -1, false, os.NewSyscallError("fcntl", err)
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if blocking = flags&unix.O_NONBLOCK == 0; err == nil && blocking {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		closeFD(fd)
		return -1, false, os.NewSyscallError("fcntl", err)
	}
	return fd, blocking, nil
}

// registerFile is register, also for devices the kernel does not watch since
// they never make anybody wait, such as /dev/null.
func (p *nativePoller) registerFile(h *handle, fd int) error {
	if p.closed {
		h.discard(fd)
		return net.ErrClosed
	}
	p.gen++
	err := p.queue.add(fd, p.gen)
	switch {
	case errors.Is(err, unix.EPERM):
		h.ready = Readable | Writable
	case err != nil:
		h.discard(fd)
		return err
	}
	p.enter(h, fd)
	return nil
}

// TryRead implements Stream. A writing end has nothing to read but its end.
func (s *nativeFile) TryRead(p []byte) (int, error) {
	switch {
	case s.mode == FileRead:
		return s.nativeStream.TryRead(p)
	case s.closed:
		return 0, net.ErrClosed
	case s.ready&Broken != 0:
		return 0, io.EOF
	}
	s.ready &^= Readable
	return 0, ErrWouldBlock
}

// TryWrite implements Stream.
func (s *nativeFile) TryWrite(p []byte) (int, error) {
	if s.mode == FileRead {
		return 0, os.NewSyscallError("write", unix.EBADF)
	}
	return s.nativeStream.TryWrite(p)
}

// TryWritev implements Stream.
func (s *nativeFile) TryWritev(bufs [][]byte) (int, error) {
	if s.mode == FileRead {
		return 0, os.NewSyscallError("writev", unix.EBADF)
	}
	return s.nativeStream.TryWritev(bufs)
}

// ConnectResult implements Stream.
func (s *nativeFile) ConnectResult() error { return nil }

// CloseWrite implements Stream.
func (s *nativeFile) CloseWrite() error {
	if s.closed {
		return net.ErrClosed
	}
	return ErrUnsupported
}

// Abort implements Stream. What the kernel has accepted is the reader's.
func (s *nativeFile) Abort() error { return s.close() }

// SetNoDelay implements Stream; there is nothing to set.
func (s *nativeFile) SetNoDelay(bool) error { return nil }

// SetKeepAlive implements Stream; there is nothing to set.
func (s *nativeFile) SetKeepAlive(net.KeepAliveConfig) error { return nil }
