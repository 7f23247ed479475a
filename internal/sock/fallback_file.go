package sock

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// fallbackFile is one direction of a file on the fallback poller. A writing
// end does not notice that nobody reads any more until it writes.
type fallbackFile struct {
	fallbackStream
	mode FileMode
}

// OpenFile implements Files. A file that package os cannot interrupt, such as
// a terminal, keeps the goroutine that reads it until something arrives.
func (p *fallbackPoller) OpenFile(f File, mode FileMode) (Stream, error) {
	if p.closed {
		return nil, net.ErrClosed
	}
	if named, ok := f.(interface{ Stat() (os.FileInfo, error) }); ok {
		info, err := named.Stat()
		if err != nil {
			return nil, err
		}
		if m := info.Mode(); m.IsRegular() || m.IsDir() || m&(os.ModeDevice|os.ModeCharDevice) == os.ModeDevice {
			return nil, ErrNotPipe
		}
	}
	file, ok := f.(io.ReadWriteCloser)
	if !ok {
		return nil, ErrUnsupported
	}
	conn := &fileConn{ReadWriteCloser: file, addr: fileAddr(f), shared: isStandard(f)}
	s := &fallbackFile{mode: mode}
	s.poller, s.conn, s.remote, s.ready = p, conn, conn.addr, Writable
	return s, p.register(&s.fallbackStream)
}

// WatchProcess implements Files.
func (*fallbackPoller) WatchProcess(*os.Process, func()) (stop func(), err error) {
	return nil, ErrUnsupported
}

// SetNotify implements Stream. Only a reading end reads ahead.
func (s *fallbackFile) SetNotify(f func(Ready)) {
	if s.mode == FileRead {
		s.fallbackStream.SetNotify(f)
		return
	}
	s.notify = f
}

// TryRead implements Stream.
func (s *fallbackFile) TryRead(p []byte) (int, error) {
	switch {
	case s.mode == FileRead:
		return s.fallbackStream.TryRead(p)
	case s.closed:
		return 0, net.ErrClosed
	case s.writeErr != nil:
		return 0, s.writeErr
	}
	return 0, ErrWouldBlock
}

// TryWrite implements Stream.
func (s *fallbackFile) TryWrite(p []byte) (int, error) { return s.TryWritev([][]byte{p}) }

// TryWritev implements Stream.
func (s *fallbackFile) TryWritev(bufs [][]byte) (int, error) {
	if s.mode == FileRead && !s.closed {
		return 0, os.NewSyscallError("write", syscall.EBADF)
	}
	return s.fallbackStream.TryWritev(bufs)
}

// CloseWrite implements Stream.
func (s *fallbackFile) CloseWrite() error {
	if s.closed {
		return net.ErrClosed
	}
	return ErrUnsupported
}

// fileConn is a file as the net.Conn that a fallbackStream works on.
type fileConn struct {
	io.ReadWriteCloser
	addr   FileAddr
	shared bool
}

// Read hides the name that package os puts into errors: callers add theirs.
func (c *fileConn) Read(p []byte) (int, error) {
	n, err := c.ReadWriteCloser.Read(p)
	return n, fileCause(err)
}

func (c *fileConn) Write(p []byte) (int, error) {
	n, err := c.ReadWriteCloser.Write(p)
	return n, fileCause(err)
}

func (c *fileConn) Close() error {
	if c.shared {
		return nil
	}
	return c.ReadWriteCloser.Close()
}

func (c *fileConn) LocalAddr() net.Addr  { return c.addr }
func (c *fileConn) RemoteAddr() net.Addr { return c.addr }

func (c *fileConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *fileConn) SetReadDeadline(t time.Time) error {
	if d, ok := c.ReadWriteCloser.(interface{ SetReadDeadline(time.Time) error }); ok {
		return timeless(d.SetReadDeadline(t))
	}
	return nil
}

func (c *fileConn) SetWriteDeadline(t time.Time) error {
	if d, ok := c.ReadWriteCloser.(interface{ SetWriteDeadline(time.Time) error }); ok {
		return timeless(d.SetWriteDeadline(t))
	}
	return nil
}

// timeless forgives a file that it has no deadlines: they only bound how long
// an operation lingers.
func timeless(err error) error {
	if errors.Is(err, os.ErrNoDeadline) {
		return nil
	}
	return err
}

// fileCause is the error inside package os's wrapping.
func fileCause(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return os.NewSyscallError(path.Op, path.Err)
	}
	return cause(err)
}
