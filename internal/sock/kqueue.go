//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package sock

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// kernelQueue is a kqueue. Closing a descriptor removes its events from the
// queue, so only events already fetched can be out of date; resolve notes
// their generations before the first callback runs.
type kernelQueue struct {
	fd     int
	events [batch]unix.Kevent_t
	gens   [batch]uint32
}

func newKernelQueue() (*kernelQueue, error) {
	fd, err := unix.Kqueue()
	if err != nil {
		return nil, os.NewSyscallError("kqueue", err)
	}
	unix.CloseOnExec(fd)
	return &kernelQueue{fd: fd}, nil
}

func (q *kernelQueue) add(fd int, _ uint32) error {
	var changes [2]unix.Kevent_t
	unix.SetKevent(&changes[0], fd, unix.EVFILT_READ, unix.EV_ADD|unix.EV_CLEAR)
	unix.SetKevent(&changes[1], fd, unix.EVFILT_WRITE, unix.EV_ADD|unix.EV_CLEAR)
	return q.change(changes[:])
}

// remove ends a registration whose descriptor stays open.
func (q *kernelQueue) remove(fd int) error {
	var changes [2]unix.Kevent_t
	unix.SetKevent(&changes[0], fd, unix.EVFILT_READ, unix.EV_DELETE)
	unix.SetKevent(&changes[1], fd, unix.EVFILT_WRITE, unix.EV_DELETE)
	return q.change(changes[:])
}

// arm registers fd for the next time that it is ready for want, once. Whether
// it was registered already a kqueue does not tell: closing a descriptor has
// removed it, and what is known of its predecessor with it.
func (q *kernelQueue) arm(fd int, _ uint32, want Ready) (known bool, err error) {
	var changes [2]unix.Kevent_t
	n := 0
	if want&Readable != 0 {
		unix.SetKevent(&changes[n], fd, unix.EVFILT_READ, unix.EV_ADD|unix.EV_ONESHOT)
		n++
	}
	if want&Writable != 0 {
		unix.SetKevent(&changes[n], fd, unix.EVFILT_WRITE, unix.EV_ADD|unix.EV_ONESHOT)
		n++
	}
	return true, q.change(changes[:n])
}

// disarm is the opposite of arm. It does no harm if there is nothing to undo.
func (q *kernelQueue) disarm(fd int) {
	for _, filter := range [...]int{unix.EVFILT_READ, unix.EVFILT_WRITE} {
		var ev [1]unix.Kevent_t
		unix.SetKevent(&ev[0], fd, filter, unix.EV_DELETE)
		_ = q.change(ev[:])
	}
}

// watch registers an auxiliary descriptor, level-triggered for reading.
func (q *kernelQueue) watch(fd int) error {
	var changes [1]unix.Kevent_t
	unix.SetKevent(&changes[0], fd, unix.EVFILT_READ, unix.EV_ADD)
	return q.change(changes[:])
}

func (q *kernelQueue) change(changes []unix.Kevent_t) error {
	for {
		_, err := unix.Kevent(q.fd, changes, nil, nil)
		if err != unix.EINTR {
			return os.NewSyscallError("kevent", err)
		}
	}
}

// poll fetches events without blocking.
func (q *kernelQueue) poll() (int, error) { return q.fetch(0) }

// fetch fetches events, blocking up to timeout, or without end if it is
// negative. It may return early with none.
func (q *kernelQueue) fetch(timeout time.Duration) (int, error) {
	var limit *unix.Timespec
	if timeout >= 0 {
		ts := unix.NsecToTimespec(int64(timeout))
		limit = &ts
	}
	n, err := unix.Kevent(q.fd, nil, q.events[:], limit)
	if err == unix.EINTR {
		return 0, nil
	}
	return n, os.NewSyscallError("kevent", err)
}

// resolve notes which generation of its descriptor the i-th event is about.
func (q *kernelQueue) resolve(i int, generation func(fd int) uint32) {
	q.gens[i] = generation(int(q.events[i].Ident))
}

// event decodes the i-th event fetched.
func (q *kernelQueue) event(i int) (fd int, gen uint32, ready Ready) {
	ev := &q.events[i]
	ended := ev.Flags&unix.EV_EOF != 0
	switch int(ev.Filter) {
	case unix.EVFILT_READ:
		ready = Readable
		if ended {
			ready |= PeerClosed
		}
	case unix.EVFILT_WRITE:
		ready = Writable
		if ended {
			ready |= Readable | Broken
		}
	}
	if ended && ev.Fflags != 0 { // the socket's error
		ready |= Readable | Writable | Broken
	}
	return int(ev.Ident), q.gens[i], ready
}

func (q *kernelQueue) close() error { return closeFD(q.fd) }

func newParker(q *kernelQueue) (parker, error) { return newPipeParker(q) }
