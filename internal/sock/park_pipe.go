//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// pipeParker blocks a thread in the kernel's wait call and is woken through a
// pipe that the queue watches. It is what kqueue systems use, where the queue's
// descriptor cannot be handed to the runtime's poller everywhere; on Linux it
// serves as the rival in benchmarks and so that its logic is tested.
type pipeParker struct {
	queue   *kernelQueue
	r       int
	state   wakeState
	scratch [64]byte

	mu sync.Mutex // so that a late waker cannot write into a reused descriptor
	w  int        // -1 when closed
}

func newPipeParker(q *kernelQueue) (parker, error) {
	var fds [2]int
	if err := openPipe(&fds); err != nil {
		return nil, os.NewSyscallError("pipe", err)
	}
	p := &pipeParker{queue: q, r: fds[0], w: fds[1]}
	if err := q.watch(p.r); err != nil {
		closeFD(p.r)
		closeFD(p.w)
		return nil, err
	}
	return p, nil
}

func (p *pipeParker) wait(timeout time.Duration) (n int, err error) {
	if timeout == 0 || !p.state.park() {
		n, err = p.queue.poll()
	} else {
		n, err = p.queue.fetch(timeout)
	}
	p.state.unpark()
	for i := range n {
		if fd, _, _ := p.queue.event(i); fd == p.r {
			p.drain()
		}
	}
	return n, err
}

// drain empties the pipe. A byte written later, by a waker that was slow, ends
// the next wait early, which is harmless.
func (p *pipeParker) drain() {
	for {
		if n, _ := unix.Read(p.r, p.scratch[:]); n < len(p.scratch) {
			return
		}
	}
}

func (p *pipeParker) wake() {
	if !p.state.wake() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w >= 0 {
		// A full pipe holds a wake-up already.
		_, _ = unix.Write(p.w, []byte{0})
	}
}

func (p *pipeParker) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	closeFD(p.r)
	closeFD(p.w)
	p.w = -1
	return p.queue.close()
}
