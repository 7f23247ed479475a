//go:build (linux && (race || msan || asan)) || darwin || dragonfly || freebsd || netbsd || openbsd

package sock

import "golang.org/x/sys/unix"

// See rawio_linux.go.

func readFD(fd int, p []byte) (int, error) {
	for {
		n, err := unix.Read(fd, p)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

func writeFD(fd int, p []byte) (int, error) {
	for {
		n, err := unix.Write(fd, p)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

func recvFD(fd int, p []byte) (int, error) { return readFD(fd, p) }

func sendFD(fd int, p []byte) (int, error) { return writeFD(fd, p) }

// iovecs gathers by copying: one system call without a platform's iovec.
type iovecs struct {
	joined []byte
}

// write writes bufs, at most 64 KiB of them, and reports how much it tried to
// write.
func (v *iovecs) write(fd int, bufs [][]byte) (n, want int, err error) {
	const most = 64 << 10
	v.joined = v.joined[:0]
	for _, b := range bufs {
		v.joined = append(v.joined, b[:min(len(b), most-len(v.joined))]...)
	}
	if len(v.joined) == 0 {
		return 0, 0, nil
	}
	n, err = writeFD(fd, v.joined)
	return n, len(v.joined), err
}
