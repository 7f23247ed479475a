package asyncio

// Sending files: from the page cache to the connection, without the bytes passing through the
// program where the system can do that, and piece by piece otherwise.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/aio-go/aio/internal/sock"
)

// ErrSendFileNotAvailable reports that the system cannot send a file over a connection by itself:
// it is encrypted or of a portable or simulated network, or the file is not one that has a
// position. It is returned only if the fallback was excluded. CPython:
// asyncio.SendfileNotAvailableError.
var ErrSendFileNotAvailable = errors.New("asyncio: the system cannot send this file over this connection by itself: allow the fallback")

// SendFileOption configures SendFile.
type SendFileOption func(*sendFileOptions)

type sendFileOptions struct{ noFallback bool }

// WithoutSendFileFallback makes SendFile fail with [ErrSendFileNotAvailable] where the system
// cannot send the file by itself. By default the file is read and written piece by piece then.
// CPython: sendfile(fallback=False).
func WithoutSendFileFallback() SendFileOption {
	return func(o *sendFileOptions) { o.noFallback = true }
}

const (
	sendFilePiece = 256 << 10 // bytes sent in one system call, or read and written at a time
	sendFileTurns = 16        // pieces until others have their turn
)

// fileSend is a file on its way.
type fileSend struct {
	f      *os.File
	offset int64
	left   int64 // negative: up to the end
	sent   int64
}

func newFileSend(f *os.File, offset, count int64) *fileSend {
	if f == nil || offset < 0 {
		panic("asyncio: SendFile: want a file and an offset that is not negative")
	}
	return &fileSend{f: f, offset: offset, left: count}
}

// piece is how much to send next; zero if that was all.
func (s *fileSend) piece() int {
	if s.left < 0 {
		return sendFilePiece
	}
	return int(min(s.left, sendFilePiece))
}

func (s *fileSend) advance(n int) {
	s.sent += int64(n)
	if s.left >= 0 {
		s.left -= int64(n)
	}
}

// settle moves the position of the file behind what was sent.
func (s *fileSend) settle() {
	if s.sent > 0 {
		_, _ = s.f.Seek(s.offset+s.sent, io.SeekStart)
	}
}

// run sends the file through stream. wait suspends the task until the stream may be writable and
// fails if it cannot be used any more.
func (s *fileSend) run(ctx context.Context, stream sock.Stream, wait func() error) error {
	sender, ok := stream.(sock.FileSender)
	if !ok {
		return sock.ErrUnsupported
	}
	for turn := 1; s.piece() > 0; turn++ {
		n, err := sender.TrySendFile(s.f, s.offset+s.sent, s.piece())
		s.advance(n)
		switch {
		case err == io.EOF:
			return nil
		case err == sock.ErrWouldBlock:
			turn = 0
			err = wait()
		case err == nil && turn%sendFileTurns == 0:
			err = Sleep(ctx, 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// copyBy reads the file in the executor and has write write it.
func (s *fileSend) copyBy(ctx context.Context, write func(p []byte) (int, error)) error {
	buf := make([]byte, sendFilePiece)
	for s.piece() > 0 {
		at, piece := s.offset+s.sent, buf[:s.piece()]
		n, err := ToThread(ctx, func(context.Context) (int, error) { return s.f.ReadAt(piece, at) })
		if n > 0 {
			w, err := write(piece[:n])
			s.advance(w)
			if err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// SendFile sends count bytes of f from offset on, or up to its end if count is negative or the
// file is shorter, and returns how many were sent. It suspends the task while the connection
// takes no more, and gives way once in a while; writes of other tasks come before or after the
// whole. The system reads the file on the loop, which waits for the disk if the file is not in
// memory. Afterwards, also after an error or the end of ctx, the position of f is behind what was
// sent, so that sending can go on from there. The errors are those of Write, and those of reading
// the file. CPython: loop.sock_sendfile.
func (c *Conn) SendFile(ctx context.Context, f *os.File, offset, count int64, opts ...SendFileOption) (int64, error) {
	c.s.loop.checkGoroutine("Conn.SendFile")
	send := newFileSend(f, offset, count)
	defer send.settle()
	err := c.s.sendFile(ctx, send, collectSendFile(opts))
	return send.sent, err
}

func collectSendFile(opts []SendFileOption) (o sendFileOptions) {
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// sendFile sends a file when it is this task's turn to write.
func (s *connState) sendFile(ctx context.Context, send *fileSend, o sendFileOptions) error {
	if s.inWrite {
		if err := s.awaitTurn(ctx); err != nil {
			return s.failure("sendfile", err)
		}
	}
	s.inWrite = true
	defer s.endTurn()
	wait := func() error {
		if err := s.writing.wait(ctx); err != nil {
			return err
		}
		return s.writeRefusal()
	}
	err := s.writeRefusal()
	if err == nil {
		err = send.run(ctx, s.stream, wait)
	}
	switch {
	case err == sock.ErrUnsupported && o.noFallback:
		err = ErrSendFileNotAvailable
	case err == sock.ErrUnsupported:
		err = send.copyBy(ctx, func(p []byte) (int, error) { return writeAll(s.stream, p, wait) })
	}
	if err != nil {
		return s.failure("sendfile", err)
	}
	return nil
}

// writeAll writes p to stream, waiting where it must.
func writeAll(stream sock.Stream, p []byte, wait func() error) (n int, err error) {
	for n < len(p) {
		k, err := stream.TryWrite(p[n:])
		n += k
		if err == sock.ErrWouldBlock {
			err = wait()
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// writeRefusal says why writing cannot go on.
func (s *connState) writeRefusal() error {
	switch {
	case s.closed:
		return errConnClosed
	case s.writing.expired:
		return errDeadline
	}
	return nil
}

// readFromFile is ReadFrom for a file, or a part of one. It reports false if r is none that the
// system can send.
func (c *Conn) readFromFile(r io.Reader) (n int64, ok bool, err error) {
	part, _ := r.(*io.LimitedReader)
	count := int64(-1)
	if part != nil {
		r, count = part.R, part.N
	}
	f, isFile := r.(*os.File)
	if _, can := c.s.stream.(sock.FileSender); !isFile || !can || part != nil && count <= 0 {
		return 0, false, nil
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, false, nil // a pipe or the like
	}
	ctx := c.ctx
	if ctx == nil {
		w := c.s.loop.current()
		if w == nil {
			return 0, false, nil
		}
		ctx = &w.task().scope
	}
	n, err = c.SendFile(ctx, f, at, count, WithoutSendFileFallback())
	if errors.Is(err, ErrSendFileNotAvailable) {
		return 0, false, nil
	}
	if part != nil {
		part.N -= n
	}
	return n, true, err
}

// fileTurn is the task that sends a file over a transport.
type fileTurn struct {
	queue  waitQueue
	before []byte // what was written before, to be sent first
}

// SendFile sends a part of a file like [Conn.SendFile], after what was written before; what is
// written meanwhile comes after it. It suspends the task, other than all else of a transport. It
// fails with an error that wraps net.ErrClosed if the connection ends, also by Close. Only one
// file can be sent at a time: SendFile panics if one is. CPython: loop.sendfile.
func (t *Transport) SendFile(ctx context.Context, f *os.File, offset, count int64, opts ...SendFileOption) (int64, error) {
	t.event.loop.checkGoroutine("Transport.SendFile")
	if t.file != nil {
		panic("asyncio: Transport.SendFile while a file is being sent: await that first")
	}
	if t.eof {
		return 0, t.opError("sendfile", errConnClosed)
	}
	send := newFileSend(f, offset, count)
	defer send.settle()
	t.file = &fileTurn{before: t.out[t.sent:]}
	t.out, t.sent = nil, 0
	defer t.endFile()
	wait := func() error { return t.awaitFile(ctx) }
	err := t.usable()
	if err == nil {
		var n int
		n, err = writeAll(t.stream, t.file.before, wait)
		t.file.before = t.file.before[n:]
	}
	if err == nil {
		err = send.run(ctx, t.stream, wait)
	}
	if err == sock.ErrUnsupported {
		if collectSendFile(opts).noFallback {
			return 0, t.opError("sendfile", ErrSendFileNotAvailable)
		}
		err = send.copyBy(ctx, func(p []byte) (int, error) {
			if err := t.usable(); err != nil {
				return 0, err // the file was read meanwhile
			}
			return writeAll(t.stream, p, wait)
		})
	}
	var op *net.OpError
	if err != nil && !errors.As(err, &op) && !isCancellation(err) && !errors.Is(err, context.DeadlineExceeded) {
		err = t.opError("sendfile", err)
		t.fail(err)
	}
	return send.sent, err
}

// endFile lets the transport go on with what was written meanwhile.
func (t *Transport) endFile() {
	if len(t.file.before) > 0 && t.state < transportEnding {
		t.out, t.sent = append(t.file.before, t.out[t.sent:]...), 0
	}
	t.file, t.flushDue = nil, true
	t.event.schedule()
}

// awaitFile suspends the task that sends a file until the transport has had a turn.
func (t *Transport) awaitFile(ctx context.Context) error {
	if err := t.usable(); err != nil {
		return err
	}
	if err := t.file.queue.wait(ctx, waitWrite); err != nil {
		return err
	}
	return t.usable()
}

func (t *Transport) usable() error {
	switch {
	case t.state > transportOpen && t.err != nil:
		return t.opError("sendfile", fmt.Errorf("%w: %w", errConnClosed, t.err))
	case t.state > transportOpen:
		return t.opError("sendfile", errConnClosed)
	}
	return nil
}
