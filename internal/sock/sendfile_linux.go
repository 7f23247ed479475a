package sock

import (
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

var _ FileSender = (*nativeStream)(nil)

// TrySendFile implements FileSender with sendfile(2).
func (s *nativeStream) TrySendFile(f *os.File, offset int64, n int) (sent int, err error) {
	switch {
	case s.closed:
		return 0, net.ErrClosed
	case s.ready&Writable == 0:
		return 0, ErrWouldBlock
	case n == 0:
		return 0, nil
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) {
		for {
			sent, failed = unix.Sendfile(s.fd, int(fd), &offset, n)
			if failed != unix.EINTR {
				return
			}
		}
	}); err != nil {
		return 0, err
	}
	switch failed {
	case nil:
		if sent == 0 {
			return 0, io.EOF
		}
		return sent, nil
	case unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP, unix.ESPIPE, unix.EOVERFLOW:
		return 0, ErrUnsupported
	}
	return 0, s.failed("sendfile", failed, Writable)
}
