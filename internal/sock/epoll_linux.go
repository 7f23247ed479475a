package sock

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// kernelQueue is an epoll instance. The generation of a registration travels
// in the 32 bits of the event that the descriptor leaves free, so events of a
// registration that outlived its descriptor (a fork can keep it alive for a
// moment) are told from the current ones.
type kernelQueue struct {
	fd     int
	events [batch]unix.EpollEvent
}

// interest is what every socket is registered for, once. EPOLLPRI matters
// although nobody reads urgent data: see handle.greedy.
const interest = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLPRI | unix.EPOLLET

func newKernelQueue() (*kernelQueue, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	return &kernelQueue{fd: fd}, nil
}

func (q *kernelQueue) add(fd int, gen uint32) error {
	ev := unix.EpollEvent{Events: interest, Fd: int32(fd), Pad: int32(gen)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(q.fd, unix.EPOLL_CTL_ADD, fd, &ev))
}

// remove ends a registration whose descriptor stays open.
func (q *kernelQueue) remove(fd int) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(q.fd, unix.EPOLL_CTL_DEL, fd, nil))
}

// watch registers an auxiliary descriptor, level-triggered for reading, as
// generation 0, which no socket has.
func (q *kernelQueue) watch(fd int) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(q.fd, unix.EPOLL_CTL_ADD, fd, &ev))
}

// arm registers fd for the next time that it is ready for want, once. It tells
// whether fd was registered already, perhaps for something else.
func (q *kernelQueue) arm(fd int, gen uint32, want Ready) (known bool, err error) {
	ev := unix.EpollEvent{Events: unix.EPOLLONESHOT, Fd: int32(fd), Pad: int32(gen)}
	if want&Readable != 0 {
		ev.Events |= unix.EPOLLIN | unix.EPOLLRDHUP
	}
	if want&Writable != 0 {
		ev.Events |= unix.EPOLLOUT
	}
	err = unix.EpollCtl(q.fd, unix.EPOLL_CTL_MOD, fd, &ev)
	if err != unix.ENOENT {
		return true, os.NewSyscallError("epoll_ctl", err)
	}
	return false, os.NewSyscallError("epoll_ctl", unix.EpollCtl(q.fd, unix.EPOLL_CTL_ADD, fd, &ev))
}

// disarm is the opposite of arm. It does no harm if there is nothing to undo.
func (q *kernelQueue) disarm(fd int) { _ = unix.EpollCtl(q.fd, unix.EPOLL_CTL_DEL, fd, nil) }

// poll fetches events without blocking.
func (q *kernelQueue) poll() (int, error) {
	for {
		n, err := pollEpoll(q.fd, q.events[:])
		if err != unix.EINTR {
			return n, os.NewSyscallError("epoll_wait", err)
		}
	}
}

// fetch fetches events, blocking up to timeout, or without end if it is
// negative. It may return early with none.
func (q *kernelQueue) fetch(timeout time.Duration) (int, error) {
	ms := -1
	if timeout >= 0 {
		ms = int(min((timeout+time.Millisecond-1)/time.Millisecond, 1<<30))
	}
	n, err := unix.EpollWait(q.fd, q.events[:], ms)
	if err == unix.EINTR {
		return 0, nil
	}
	return n, os.NewSyscallError("epoll_wait", err)
}

// resolve has nothing to do: the kernel gave the generation with the event.
func (q *kernelQueue) resolve(int, func(fd int) uint32) {}

// event decodes the i-th event fetched.
func (q *kernelQueue) event(i int) (fd int, gen uint32, ready Ready) {
	ev := &q.events[i]
	if ev.Events&(unix.EPOLLIN|unix.EPOLLPRI) != 0 {
		ready |= Readable
	}
	if ev.Events&unix.EPOLLOUT != 0 {
		ready |= Writable
	}
	if ev.Events&unix.EPOLLRDHUP != 0 {
		ready |= Readable | PeerClosed
	}
	if ev.Events&(unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		ready |= Readable | Writable | Broken
	}
	if ev.Events&unix.EPOLLPRI != 0 {
		ready |= urgent
	}
	return int(ev.Fd), uint32(ev.Pad), ready
}

func (q *kernelQueue) close() error { return closeFD(q.fd) }

// newParker parks in the runtime's own poller.
func newParker(q *kernelQueue) (parker, error) { return newRuntimeParker(q) }
