package aiohttp

// What the HTTP layer asks of a connection.
//
// The interface is small so that the same code runs over TCP, TLS, Unix sockets and
// memory. A deadline is a moment of loop time; passing it with every call, rather
// than setting it, leaves it to the implementation to notice that it rarely changes.

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// wire is a connection. Read and Write suspend the task of ctx; one task may read
// while another writes.
type wire interface {
	// Read returns at least one byte or an error. It touches p only in the turn of the
	// loop in which it returns, so that many waiting reads may share one p. When ctx ends first it returns
	// the error of ctx, when the deadline passes first an error that matches
	// os.ErrDeadlineExceeded.
	Read(ctx context.Context, p []byte, deadline time.Duration) (int, error)
	// Write writes all of p or returns an error.
	Write(ctx context.Context, p []byte, deadline time.Duration) (int, error)
	// Readable reports whether there may be bytes, or the end, to read right now. It
	// costs nothing, and may be wrong both ways: it overlooks what has only just
	// arrived, and it does not know that a read has emptied the connection exactly.
	Readable() bool
	// Probe finds out, by trying to read, whether Readable is right to say yes. What
	// it finds is lost: the connection can only be closed then. It is called in a
	// task, and does not suspend.
	Probe() bool
	// OnReadable has f called, once, as soon as there is something to read while
	// nobody reads; nil takes it back.
	OnReadable(f func())
	// Close closes the connection; suspended calls fail.
	Close() error
	// TLS describes the encryption, nil if there is none.
	TLS() *tls.ConnectionState
}

// bulkWire is a wire that tells little data from much.
type bulkWire interface {
	// readBulk is Read for somebody who is going to read want bytes before he does anything
	// with them: it may let that much arrive first, as long as no deadline is missed for it.
	readBulk(ctx context.Context, p []byte, want int, deadline time.Duration) (int, error)
}

// ioFailure sorts the errors of a wire into those of the package.
func ioFailure(ctx context.Context, e errand, err error, p Phase, deadline time.Duration) error {
	if ctx.Err() != nil {
		return err
	}
	w := e.where(p)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return e.expired(p, deadline)
	case errors.Is(err, net.ErrClosed):
		return closedHere(w)
	case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
		return &ServerDisconnectedError{Where: w, Err: err}
	case isReset(err):
		return &ClientConnectionResetError{Where: w, Err: err}
	}
	return &ClientOSError{Where: w, Err: err}
}

// closedHere is what a connection that was closed on this side means: before there is a response only
// its session or connector can have closed it.
func closedHere(w Where) error {
	if w.Phase < PhaseBody {
		return &ClientConnectionError{Where: w, Err: ErrSessionClosed}
	}
	return &ClientConnectionError{Where: w, Err: ErrResponseClosed}
}

// The numbers Windows uses where POSIX has ECONNRESET and ECONNABORTED.
const (
	wsaConnAborted = syscall.Errno(10053)
	wsaConnReset   = syscall.Errno(10054)
)

// isReset reports whether err says that the peer, or the system on its behalf, cut
// the connection.
func isReset(err error) bool {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false
	}
	switch errno {
	case syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED, wsaConnReset, wsaConnAborted:
		return true
	}
	return false
}

// isDrop reports whether a connection ended rather than misbehaved.
func isDrop(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || isReset(err)
}

// bufferPool keeps byte slices for reuse. It belongs to one connector or session,
// hence to one loop.
type bufferPool struct {
	small   [][]byte
	large   [][]byte
	scratch []byte
}

const (
	smallBuffer   = 4 << 10
	largeBuffer   = 64 << 10
	scratchBuffer = 16 << 10
	keepSmall     = 256
	keepLarge     = 16
)

// take returns a slice of length zero with room for size bytes; put takes it back.
func (p *bufferPool) take(size int) []byte {
	switch {
	case size <= smallBuffer:
		return p.takeSmall()
	case size <= largeBuffer:
		return p.takeLarge()[:0]
	}
	return make([]byte, 0, size)
}

// put forgets slices of unusual size.
func (p *bufferPool) put(b []byte) {
	switch {
	case cap(b) == smallBuffer && len(p.small) < keepSmall:
		p.small = append(p.small, b[:0])
	case cap(b) == largeBuffer:
		p.putLarge(b[:largeBuffer])
	}
}

// takeSmall returns an empty slice with room for a head.
func (p *bufferPool) takeSmall() []byte {
	if n := len(p.small); n > 0 {
		b := p.small[n-1]
		p.small = p.small[:n-1]
		return b
	}
	return make([]byte, 0, smallBuffer)
}

// takeLarge returns a slice of the size bodies are moved with.
func (p *bufferPool) takeLarge() []byte {
	if n := len(p.large); n > 0 {
		b := p.large[n-1]
		p.large = p.large[:n-1]
		return b
	}
	return make([]byte, largeBuffer)
}

func (p *bufferPool) putLarge(b []byte) {
	if len(p.large) < keepLarge {
		p.large = append(p.large, b)
	}
}

// shared returns the one buffer into which heads are read. What is in it is gone as
// soon as another task runs.
func (p *bufferPool) shared() []byte {
	if p.scratch == nil {
		p.scratch = make([]byte, scratchBuffer)
	}
	return p.scratch
}
