package asyncio

// Listening, for tasks that accept connections themselves. A Server (protocol.go) accepts
// without a task.

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/aio-go/aio/internal/sock"
)

// A Listener accepts connections for tasks.
type Listener struct {
	loop    *EventLoop
	socket  sock.Listener
	network string
	waiting waitQueue  // tasks in Accept, oldest first
	granted []accepted // for tasks that were woken and have not run yet
	closed  bool
}

// accepted is the outcome of accepting.
type accepted struct {
	stream sock.Stream
	err    error
}

// Listen listens on address: network "tcp", "tcp4" or "tcp6" with a port of 0 for any free
// one and an empty host for every address of this machine, or "unix" with a path. Of a host
// with several addresses it takes the first, as package net does; a [Server] listens on all.
// It suspends the task only to resolve a name. Errors are *net.OpError.
func Listen(ctx context.Context, network, address string, opts ...ListenOption) (*Listener, error) {
	l := loopOf(ctx)
	socket, err := l.listen(ctx, network, address, collectListen(opts).ListenOptions)
	if err != nil {
		return nil, opError("listen", network, address, err)
	}
	ln := &Listener{loop: l, socket: socket, network: network}
	socket.SetNotify(func(sock.Ready) { ln.dispense() })
	return ln, nil
}

// listen opens a listening socket on the first address that address stands for.
func (l *EventLoop) listen(ctx context.Context, network, address string, opts sock.ListenOptions) (sock.Listener, error) {
	h, addrs, err := l.passiveAddrs(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return h.Listen(network, addrs[0], opts)
}

// passiveAddrs returns the addresses that address stands for when listening.
func (l *EventLoop) passiveAddrs(ctx context.Context, network, address string) (Host, []net.Addr, error) {
	e, err := parseEndpoint(network, address)
	if err != nil {
		return nil, nil, err
	}
	h, err := l.networkOf(ctx)
	if err != nil {
		return nil, nil, err
	}
	addrs, err := e.resolve(ctx, h, nil, true)
	return h, addrs, err
}

// acceptPause is how long accepting rests after it has failed.
const acceptPause = time.Second

// Accept returns the next connection. It suspends the task until there is one, and not if
// one waits already; tasks get connections in the order in which they asked. When the
// process has no descriptor left, Accept tells the loop's exception handler, waits a second
// and tries again. When ctx ends it returns ctx's error; when the listener is closed, an
// error that wraps net.ErrClosed.
func (ln *Listener) Accept(ctx context.Context) (*Conn, error) {
	ln.loop.checkGoroutine("Listener.Accept")
	for {
		got, err := ln.next(ctx)
		if err != nil {
			return nil, ln.failure(err)
		}
		if got.err == nil {
			return newConn(ln.loop, ln.network, got.stream), nil
		}
		if !isExhaustion(got.err) {
			ln.dispense() // the socket will not tell those who wait again
			return nil, ln.failure(got.err)
		}
		ln.loop.reportAcceptFailure(ln.Addr(), got.err)
		err = Sleep(ctx, acceptPause)
		ln.dispense() // nor now
		if err != nil {
			return nil, err
		}
	}
}

// next accepts for the running task when it is its turn.
func (ln *Listener) next(ctx context.Context) (accepted, error) {
	if ln.waiting.empty() {
		stream, err := ln.socket.TryAccept()
		if err != sock.ErrWouldBlock {
			ln.dispense()
			return accepted{stream, err}, nil
		}
	}
	if err := ln.waiting.wait(ctx, waitAccept); err != nil {
		return accepted{}, err
	}
	got := ln.granted[0]
	ln.granted = ln.granted[1:]
	return got, nil
}

// dispense accepts for the tasks that wait. It wakes a task only with a connection in hand,
// so that nobody is woken for nothing and loses his place.
func (ln *Listener) dispense() {
	for !ln.waiting.empty() {
		stream, err := ln.socket.TryAccept()
		if err == sock.ErrWouldBlock {
			return
		}
		ln.granted = append(ln.granted, accepted{stream, err})
		ln.waiting.wakeOne()
		if err != nil {
			return
		}
	}
}

func (ln *Listener) failure(err error) error {
	if isCancellation(err) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &net.OpError{Op: "accept", Net: ln.network, Addr: ln.socket.Addr(), Err: err}
}

// isExhaustion reports whether accepting failed for want of something that may be there
// again in a while.
func isExhaustion(err error) bool {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false
	}
	switch errno {
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ENOSPC: // the last: too many watched
		return true
	}
	return false
}

func (l *EventLoop) reportAcceptFailure(addr net.Addr, err error) {
	l.CallExceptionHandler(ExceptionInfo{
		Message: "a listener cannot accept and tries again in a second",
		Err:     &net.OpError{Op: "accept", Net: addr.Network(), Addr: addr, Err: err},
	})
}

// Addr returns the address on which the listener listens, with the port it was given.
func (ln *Listener) Addr() net.Addr { return ln.socket.Addr() }

// Close stops listening. Tasks in Accept fail with an error that wraps net.ErrClosed, and
// connections that nobody has accepted are reset.
func (ln *Listener) Close() error {
	if ln.closed {
		return ln.failure(errConnClosed)
	}
	ln.closed = true
	ln.waiting.fail(errConnClosed)
	if err := ln.socket.Close(); err != nil {
		return ln.failure(err)
	}
	return nil
}
