package asyncio

// Pipes: transports over descriptors that were not dialled or accepted here.
//
// A pipe is a stream of one direction, so it needs no transport of its own: reading ends call
// DataReceived, writing ends take Write. Regular files are refused, because they are always
// ready and yet block whoever reads them from a slow disk.

import (
	"context"
	"fmt"
	"io"
	"syscall"

	"github.com/aio-go/aio/internal/sock"
)

// ErrNotPipe reports a file that cannot be waited for: a regular file, a directory or a
// disk. CPython: ValueError.
var ErrNotPipe = sock.ErrNotPipe

// A PipeFile is an open pipe, FIFO, socket, terminal or other character device:
// an *os.File, or a connection of package net.
type PipeFile interface {
	syscall.Conn
	io.Closer
}

// ConnectReadPipe makes a transport of the reading end of a pipe, which it takes over: the
// file is closed, and must not be used any more. Of os.Stdin only a duplicate is used, and the
// blocking mode that it shares with other processes is put back when the transport ends.
// ConnectionMade is called in the next turn; EOFReceived when all writing ends are closed, and
// then ConnectionLost. Writing to the transport is an error of the connection. It
// returns an error that wraps [ErrNotPipe] for files that cannot be waited for, and leaves
// the file alone then. It does not suspend. CPython: loop.connect_read_pipe.
func ConnectReadPipe(ctx context.Context, p Protocol, pipe PipeFile) (*Transport, error) {
	return connectPipe(ctx, p, pipe, sock.FileRead)
}

// ConnectWritePipe makes a transport of the writing end of a pipe, and is otherwise
// ConnectReadPipe. DataReceived is never called; EOFReceived is called when nobody can read
// any more, which the portable network notices only at the next write. WriteEOF closes the
// transport. CPython: loop.connect_write_pipe.
func ConnectWritePipe(ctx context.Context, p Protocol, pipe PipeFile) (*Transport, error) {
	return connectPipe(ctx, p, pipe, sock.FileWrite)
}

func connectPipe(ctx context.Context, p Protocol, pipe PipeFile, mode sock.FileMode) (*Transport, error) {
	if p == nil || pipe == nil {
		panic("asyncio: a pipe is connected to nothing: pass a protocol and an open file")
	}
	l := loopOf(ctx)
	stream, err := l.openPipe(pipe, mode)
	if err != nil {
		return nil, err
	}
	return newTransport(l, stream, p), nil
}

// openPipe takes a file over as a stream.
func (l *EventLoop) openPipe(pipe PipeFile, mode sock.FileMode) (sock.Stream, error) {
	poller, err := l.poller()
	if err == nil {
		var stream sock.Stream
		if stream, err = poller.OpenFile(pipe, mode); err == nil {
			return stream, nil
		}
	}
	hint := ""
	if err == sock.ErrNotPipe {
		hint = ": use it in ToThread"
	}
	return nil, fmt.Errorf("asyncio: connect pipe %s: %w%s", nameOf(pipe), err, hint)
}

// nameOf returns the name of a file for errors.
func nameOf(pipe PipeFile) string {
	if f, ok := pipe.(interface{ Name() string }); ok {
		return f.Name()
	}
	return fmt.Sprintf("%T", pipe)
}
