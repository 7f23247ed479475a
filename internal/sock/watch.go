package sock

import (
	"fmt"
	"net"
	"syscall"
	"time"
)

// Watching descriptors that belong to somebody else, who may close them at any
// time without telling.

// Watches waits for descriptors that stay where they are. Every Poller does.
type Watches interface {
	// Watch has f called once, from Wait, when conn's descriptor is ready for
	// want, Readable or Writable, in the sense of poll(2): an end or an error
	// counts. If it is ready already, stop is nil and f is not called. stop
	// takes the watch back and must be called at most once, before f is. f is
	// called with an error that wraps net.ErrClosed if the descriptor is
	// closed meanwhile, which may take up to a second to be noticed.
	Watch(conn syscall.RawConn, want Ready, f func(error)) (stop func(), err error)
}

// checkInterval bounds how long it takes until a descriptor is found closed.
const checkInterval = time.Second

// checkBatch bounds how many descriptors are looked at each time.
const checkBatch = 64

// gone is the error of a descriptor that its owner does not give out any more.
func gone(err error) error { return fmt.Errorf("%w: %w", net.ErrClosed, err) }
