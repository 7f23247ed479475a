package sock

import (
	"errors"
	"net"
	"os"
)

// WatchProcess implements Files: a process is a descriptor that becomes
// readable when it ends. The descriptor is the one that package os has for
// it, lent to the poller until stop.
func (p *nativePoller) WatchProcess(process *os.Process, ended func()) (stop func(), err error) {
	if p.closed {
		return nil, net.ErrClosed
	}
	h := &handle{borrowed: true, notify: func(Ready) { ended() }}
	var failed error
	err = process.WithHandle(func(fd uintptr) {
		p.gen++
		if failed = p.queue.add(int(fd), p.gen); failed == nil {
			p.enter(h, int(fd))
		}
	})
	switch {
	case errors.Is(err, os.ErrNoHandle):
		return nil, ErrUnsupported
	case err != nil:
		return nil, err
	case failed != nil:
		return nil, failed
	}
	return func() { _ = h.close() }, nil
}
