//go:build linux && !race && !msan && !asan

package sock

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls of the hot path, made without telling the runtime: on
// non-blocking descriptors none of them can wait for anybody, so there is no
// thread to hand over. Builds with a sanitizer use rawio.go instead, which
// goes through functions the sanitizers know.

func readFD(fd int, p []byte) (int, error) { return transfer(unix.SYS_READ, fd, p) }

func writeFD(fd int, p []byte) (int, error) { return transfer(unix.SYS_WRITE, fd, p) }

// recvFD and sendFD are readFD and writeFD of a socket. They spare the kernel
// the way through its files, which is about a thirtieth of both.

func recvFD(fd int, p []byte) (int, error) { return transfer(unix.SYS_RECVFROM, fd, p) }

func sendFD(fd int, p []byte) (int, error) { return transfer(unix.SYS_SENDTO, fd, p) }

func transfer(call uintptr, fd int, p []byte) (int, error) {
	const flags = unix.MSG_NOSIGNAL // which says nothing to the calls that take no flags
	for {
		n, _, errno := syscall.RawSyscall6(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
		if errno == 0 {
			return int(n), nil
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}

func pollEpoll(fd int, events []unix.EpollEvent) (int, error) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// iovecs is scratch space for gathering writes. It keeps no buffer alive
// between calls.
type iovecs struct {
	vec [64]unix.Iovec
}

// write writes bufs, at most as many as there is room for, and reports how
// much it tried to write.
func (v *iovecs) write(fd int, bufs [][]byte) (n, want int, err error) {
	used := 0
	for _, b := range bufs {
		if len(b) == 0 {
			continue
		}
		if used == len(v.vec) {
			break
		}
		v.vec[used].Base = unsafe.SliceData(b)
		v.vec[used].SetLen(len(b))
		want += len(b)
		used++
	}
	if used == 0 {
		return 0, 0, nil
	}
	defer clear(v.vec[:used])
	for {
		r, _, errno := syscall.RawSyscall(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&v.vec[0])), uintptr(used))
		if errno == 0 {
			return int(r), want, nil
		}
		if errno != unix.EINTR {
			return 0, want, errno
		}
	}
}
