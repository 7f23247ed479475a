package sock

// Descriptors that the network did not make: pipes, FIFOs, terminals and other
// character devices, sockets that somebody else has opened, and processes,
// which on some systems are descriptors too. All of them are watched like
// sockets are, by the same poller.

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// ErrNotPipe is the error of OpenFile for what is always ready and cannot be
// waited for: regular files, directories and disks.
var ErrNotPipe = errors.New("not a pipe, a socket or a character device")

// Files opens and watches what is there already. Every Poller does.
type Files interface {
	// OpenFile takes over f for one direction: f is closed, unless it is one
	// of the three standard files, which the process goes on sharing. On an
	// error f is left as it was. A writing end is at its end (TryRead answers
	// io.EOF) when nobody can read any more, as far as the system tells;
	// CloseWrite is ErrUnsupported, since nothing would be left of it.
	OpenFile(f File, mode FileMode) (Stream, error)
	// WatchProcess has ended called from Wait when p can be waited for without
	// blocking. stop must be called before p is waited for or released, and
	// takes the watch back if that has not happened. It is ErrUnsupported
	// where processes cannot be watched.
	WatchProcess(p *os.Process, ended func()) (stop func(), err error)
}

// File is what OpenFile takes: *os.File, or a connection of package net.
type File interface {
	syscall.Conn
	io.Closer
}

// FileMode is the direction for which a file is opened.
type FileMode uint8

const (
	// FileRead is for the end from which one reads.
	FileRead FileMode = iota
	// FileWrite is for the end to which one writes.
	FileWrite
)

// FileAddr is the address of both ends of a stream made of a file: its name.
type FileAddr string

// Network is "pipe".
func (FileAddr) Network() string { return "pipe" }

// String is the file's name.
func (a FileAddr) String() string { return string(a) }

// fileAddr is the name of f as an address.
func fileAddr(f File) FileAddr {
	if named, ok := f.(interface{ Name() string }); ok {
		return FileAddr(named.Name())
	}
	return "pipe"
}

// isStandard reports whether f is a standard file of the process. Its
// descriptor must not become free: the next file to be opened would get it.
func isStandard(f File) bool {
	return f == File(os.Stdin) || f == File(os.Stdout) || f == File(os.Stderr)
}
