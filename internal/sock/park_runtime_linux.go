package sock

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// runtimeParker parks the loop's goroutine in the Go runtime's network poller
// instead of holding a thread in a blocking system call: an epoll descriptor
// is itself pollable, so the runtime is told to wait until the queue is
// readable. Parking and waking then cost what they cost any goroutine, other
// goroutines run on the same thread meanwhile, and nobody has to notice that a
// thread is stuck. docs/adr/0002-parking-the-poller.md has the figures.
//
// Both the timeout and the wake-up are read deadlines on the descriptor; a
// wake-up is one in the past. Setting a deadline costs more than looking at
// the queue, hence armed: it is left alone as long as it cannot come too late.
type runtimeParker struct {
	queue *kernelQueue
	file  *os.File
	raw   syscall.RawConn
	look  func(fd uintptr) bool // p.lookOrPark, bound once
	state wakeState

	armed time.Time // the deadline that is set; zero: none
	stale bool      // it is, or may be, in the past: set it anew before parking

	// The wait under way.
	timeout time.Duration
	looked  bool
	n       int
	err     error
}

func newRuntimeParker(q *kernelQueue) (*runtimeParker, error) {
	// Only non-blocking descriptors are handed to the runtime's poller.
	if err := unix.SetNonblock(q.fd, true); err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	p := &runtimeParker{queue: q, file: os.NewFile(uintptr(q.fd), "epoll")}
	if err := p.file.SetReadDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("epoll descriptor in the runtime's poller: %w", err)
	}
	raw, err := p.file.SyscallConn()
	if err != nil {
		return nil, err
	}
	p.raw, p.look = raw, p.lookOrPark
	return p, nil
}

func (p *runtimeParker) wait(timeout time.Duration) (int, error) {
	if timeout == 0 {
		n, err := p.queue.poll()
		p.state.unpark()
		return n, err
	}
	if p.stale {
		// With a deadline in the past the runtime would refuse to wait.
		if err := p.arm(timeout); err != nil {
			return 0, err
		}
	}
	p.timeout, p.looked, p.n, p.err = timeout, false, 0, nil
	err := p.raw.Read(p.look)
	woken := p.state.unpark()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		p.stale = true
		if !p.looked {
			// An interruption meant for an earlier wait: it must not keep this
			// one from seeing what is ready.
			return p.queue.poll()
		}
	case err != nil:
		return 0, err
	case woken:
		// The waker moves the deadline, perhaps only after we have gone on.
		p.stale = true
	}
	return p.n, p.err
}

// lookOrPark is called by the runtime, first before it waits and again
// whenever the queue became readable; false lets it wait (again). An event
// that comes between the look and the waiting ends the waiting at once: the
// runtime forgot about readiness before it called, not after.
func (p *runtimeParker) lookOrPark(uintptr) bool {
	p.n, p.err = p.queue.poll()
	if p.n > 0 || p.err != nil {
		return true
	}
	if p.looked {
		return false
	}
	p.looked = true
	if p.timeout > 0 {
		if p.err = p.arm(p.timeout); p.err != nil {
			return true
		}
	}
	return !p.state.park()
}

// arm makes sure that a deadline will end the wait within timeout. One that is
// set already and comes earlier is kept: the wait then ends early, once, which
// is cheaper than moving the deadline for every wait of a busy loop.
func (p *runtimeParker) arm(timeout time.Duration) error {
	var want time.Time
	if timeout > 0 {
		want = time.Now().Add(timeout)
		if !p.stale && !p.armed.IsZero() && !want.Before(p.armed) {
			return nil
		}
	}
	p.armed, p.stale = want, false
	return p.file.SetReadDeadline(want)
}

// longAgo is any time in the past.
var longAgo = time.Unix(1, 0)

func (p *runtimeParker) wake() {
	if p.state.wake() {
		// The error can only be that the poller was closed meanwhile.
		_ = p.file.SetReadDeadline(longAgo)
	}
}

func (p *runtimeParker) close() error { return p.file.Close() }
