package asyncio

// Waiting for any descriptor: for what is neither a connection nor a pipe of the loop's, such
// as a socket made by another package, an inotify or a timerfd, a device, the connection of a
// library in C. The task waits until it is ready and then does what it likes with it.

import (
	"context"
	"fmt"
	"syscall"

	"github.com/aio-go/aio/internal/sock"
)

// WaitReadable suspends the running task until conn's descriptor can be read from without
// blocking, and not at all if it can already; its end and an error count as that. conn comes
// from the SyscallConn method of an os.File, a net.UDPConn and the like. Several tasks may wait
// for one descriptor, in either direction; all of them go on when it is ready, so that each must
// be prepared to find nothing left (a read that answers EAGAIN). A program that reads in a loop
// should read until that comes.
//
// When ctx ends it returns ctx's error, and the descriptor is not watched any more. When the
// descriptor is closed meanwhile, on the loop or by another goroutine, it returns an error that
// wraps net.ErrClosed, within a second at most; the number may have been given to another file
// by then. A descriptor that cannot be waited for gives an error that wraps
// errors.ErrUnsupported.
//
// On systems without a native poller, and with [PortableNetwork], a goroutine waits in conn's own
// Read or Write method, which excludes others from it, ends with an expired deadline of the
// file's, does not work for files in blocking mode, and goes on in the background after ctx has
// ended.
//
// CPython: loop.add_reader, of which it is the suspending form.
func WaitReadable(ctx context.Context, conn syscall.RawConn) error {
	return waitDescriptor(ctx, conn, sock.Readable)
}

// WaitWritable is WaitReadable for writing: it waits until there is room. CPython:
// loop.add_writer.
func WaitWritable(ctx context.Context, conn syscall.RawConn) error {
	return waitDescriptor(ctx, conn, sock.Writable)
}

func waitDescriptor(ctx context.Context, conn syscall.RawConn, want sock.Ready) error {
	l := loopOf(ctx)
	l.checkGoroutine("WaitReadable or WaitWritable")
	poller, err := l.poller()
	if err != nil {
		return err
	}
	var queue waitQueue
	var outcome error
	over := false
	stop, err := poller.Watch(conn, want, func(err error) {
		over, outcome = true, err
		queue.wakeOne()
	})
	if err != nil {
		return fmt.Errorf("wait for a descriptor: %w", err)
	}
	if stop == nil {
		return nil
	}
	defer func() {
		if !over { // also for a task that is ended by force
			stop()
		}
	}()
	if err := queue.wait(ctx, waitFile); err != nil {
		return err
	}
	if outcome != nil {
		return fmt.Errorf("wait for a descriptor: %w", outcome)
	}
	return nil
}
