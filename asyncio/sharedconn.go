package asyncio

// SharedConn: a connection for clients that were written for goroutines.
//
// Database clients and their like take a function that dials, and then use what it returned
// from wherever they are: mostly from the task that called them, but a deadline is set by the
// goroutine that watches a context, a connection is opened by a pool in the background, a
// cancelled query is cleaned up after everybody has gone. A SharedConn takes part in all of it.
// Tasks are suspended as on a Conn; goroutines block, while the loop does the work for them.
//
// Nothing that a goroutine does may have to wait for the loop unless it must: the client may hold
// the loop up until that goroutine is done. Hence opening, closing and deadlines only leave a
// note, which the loop reads before its next operation and at its next turn.

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/aio-go/aio/internal/sock"
)

// SharedDialer returns a function for the dialing hook of a client that was written for
// goroutines. It returns connections of ctx's loop, dialled by d, of type *[SharedConn], and may
// be called by tasks of the loop and by any goroutine. A task is suspended until the connection
// is made. For a goroutine the connection is made when it is used first, which is when errors of
// dialling show: the loop may be held up until the goroutine is done. A nil d stands for the zero
// [Dialer].
func SharedDialer(ctx context.Context, d *Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	l := RunningLoop(ctx)
	if d == nil {
		d = new(Dialer)
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c := &SharedConn{loop: l, dialer: d, network: network, address: address}
		c.wake = func() { _ = c.catchUp() }
		if !inSomeTask() {
			return c, nil
		}
		if err := c.connect(ctx); err != nil {
			return nil, err
		}
		return c, nil
	}
}

// A SharedConn is a net.Conn that belongs to a loop and can be used by its tasks, which it
// suspends, and by any goroutine, which it blocks. One task or goroutine may read at a time.
//
// Writing never waits: what the socket does not take is kept, and sent while others run. An
// error of that is returned by the next operation. A client that writes without end and without
// reading answers needs memory for all of it.
//
// It is slower than a [Conn], by some microseconds for each operation: use a Conn where all the
// code that uses it runs in tasks.
type SharedConn struct {
	loop             *EventLoop
	dialer           *Dialer
	network, address string
	wake             func()

	// On the loop.
	connecting Lock
	conn       *Conn  // nil until it is connected
	out        []byte // to be sent when what is being sent is
	flushing   bool
	lingering  bool  // closed, but not everything is sent
	failed     error // of connecting, or of flushing

	mu          sync.Mutex
	read, write time.Time // deadlines
	changed     bool      // the deadlines, since the loop has looked
	closing     bool
	busy        int      // reads under way, which must hear of changes
	local, peer net.Addr // nil until it is connected
	twin        net.Conn // the same socket, for goroutines; nil if there is none; set with local
}

// sharedLinger bounds how long what is kept may take to be sent after closing.
const sharedLinger = 30 * time.Second

// ofTask stands for the context of the running task.
var ofTask context.Context

var _ net.Conn = (*SharedConn)(nil)

// Read reads what has arrived, as [Conn.Read] does. When the context of the task ends, the error
// is a timeout too.
func (c *SharedConn) Read(p []byte) (int, error) {
	if inSomeTask() {
		return c.readInTask(ofTask, p)
	}
	// Not by way of the loop, if that can be: a client that reads in the background may hold it
	// up until something has come.
	c.mu.Lock()
	twin := c.twin
	c.mu.Unlock()
	if twin != nil {
		return twin.Read(p)
	}
	return c.outside(func(ctx context.Context) (int, error) { return c.readInTask(ctx, p) })
}

// Write sends p, or keeps a copy of what the socket does not take at once. It suspends or blocks
// only until the connection is made.
func (c *SharedConn) Write(p []byte) (int, error) {
	if inSomeTask() {
		return c.writeInTask(ofTask, p)
	}
	return c.outside(func(ctx context.Context) (int, error) { return c.writeInTask(ctx, p) })
}

// outside has the loop do something for a goroutine.
func (c *SharedConn) outside(do Coroutine[int]) (int, error) {
	return RunCoroutineThreadsafe(c.loop, do).Result(context.Background())
}

func (c *SharedConn) readInTask(ctx context.Context, p []byte) (int, error) {
	if err := c.connect(ctx); err != nil {
		return 0, err
	}
	c.occupy(+1)
	defer c.occupy(-1)
	if err := c.catchUp(); err != nil {
		return 0, err
	}
	n, err := c.conn.s.read(ctx, p, 1)
	return n, interrupted(err)
}

// interruptedError is the end of a task's context, as clients expect it that know deadlines
// only: they take a timeout as a sign that nothing of the connection's was lost.
type interruptedError struct{ error }

func (interruptedError) Timeout() bool   { return true }
func (interruptedError) Temporary() bool { return true }
func (e interruptedError) Unwrap() error { return e.error }

func interrupted(err error) error {
	if isCancellation(err) {
		return interruptedError{err}
	}
	return err
}

func (c *SharedConn) occupy(n int) {
	c.mu.Lock()
	c.busy += n
	c.mu.Unlock()
}

func (c *SharedConn) writeInTask(ctx context.Context, p []byte) (int, error) {
	if err := c.connect(ctx); err != nil {
		return 0, err
	}
	if err := c.catchUp(); err != nil {
		return 0, err
	}
	s, n := c.conn.s, 0
	if s.closed || s.writing.expired {
		return s.write(ctx, p) // which says why not
	}
	if !c.flushing {
		var err error
		n, err = s.stream.TryWrite(p)
		if err != nil && err != sock.ErrWouldBlock {
			return n, s.failure("write", err)
		}
	}
	if n < len(p) {
		c.out = append(c.out, p[n:]...)
		c.flush()
	}
	return len(p), nil
}

// flush starts sending what is kept: in the executor if that can be, since a client may hold the
// loop up until it has the answer, otherwise in a task.
func (c *SharedConn) flush() {
	if c.flushing {
		return
	}
	c.flushing = true
	if c.twin != nil {
		c.flushOutside()
		return
	}
	CreateTask(&c.loop.root, func(ctx context.Context) (struct{}, error) {
		for len(c.out) > 0 && c.failed == nil {
			out := c.out
			c.out = nil
			_, c.failed = c.conn.WriteContext(ctx, out)
		}
		c.flushed()
		return struct{}{}, nil
	}, WithName("SharedConn"))
}

// flushOutside sends what is kept through the twin, piece by piece as it comes.
func (c *SharedConn) flushOutside() {
	out := c.out
	c.out = nil
	job := RunInExecutor(c.loop, func(ctx context.Context) (int, error) {
		stop := context.AfterFunc(ctx, func() { _ = c.twin.SetWriteDeadline(time.Unix(1, 0)) })
		defer stop()
		return c.twin.Write(out)
	})
	job.AddDoneCallback(func(job *Future[int]) {
		if c.failed = job.Err(); c.failed == nil && len(c.out) > 0 {
			c.flushOutside()
			return
		}
		c.flushed()
	})
}

func (c *SharedConn) flushed() {
	c.flushing, c.out = false, nil
	_ = c.catchUp() // closing has waited for this
}

// connect makes the connection unless that has been done.
func (c *SharedConn) connect(ctx context.Context) error {
	c.loop.checkGoroutine("SharedConn")
	if c.conn != nil || c.failed != nil {
		return c.failed
	}
	if ctx == nil {
		ctx = context.Background()
	}
	if _, ok := LoopFrom(ctx); !ok { // the client has none to pass on
		w := c.loop.current()
		if w == nil {
			panic("asyncio: a SharedConn was used first by a callback of the loop: use it in a task")
		}
		ctx = &w.task().scope
	}
	return c.connecting.With(ctx, func() error {
		if c.conn == nil && c.failed == nil {
			c.failed = c.dial(ctx)
		}
		return c.failed
	})
}

func (c *SharedConn) dial(ctx context.Context) error {
	c.mu.Lock()
	closing, deadline := c.closing, c.write
	c.mu.Unlock()
	if closing {
		return opError("dial", c.network, c.address, errConnClosed)
	}
	if !deadline.IsZero() {
		limited, cancel := WithDeadline(ctx, c.loop.loopTime(deadline))
		defer cancel()
		ctx = limited
	}
	conn, err := c.dialer.Dial(ctx, c.network, c.address)
	if err != nil {
		return err
	}
	c.conn = conn
	var twin net.Conn
	if s, ok := conn.s.stream.(sock.Twinned); ok {
		if twin, err = s.Twin(); err != nil {
			_ = conn.Close()
			return opError("dial", c.network, c.address, err)
		}
		c.loop.inbox.enlist(c)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.local, c.peer, c.twin = conn.LocalAddr(), conn.RemoteAddr(), twin
	if twin != nil {
		_ = twin.SetReadDeadline(c.read)
		_ = twin.SetWriteDeadline(c.write)
	}
	return nil
}

// lost implements outsider: the loop is closed, and has closed the connection.
func (c *SharedConn) lost() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.twin != nil {
		_ = c.twin.Close()
	}
}

// closeConn ends the connection for both sides.
func (c *SharedConn) closeConn() {
	_ = c.conn.Close()
	c.loop.inbox.discharge(c)
	c.lost()
}

// catchUp does, on the loop, what was noted elsewhere. Closing waits until everything is sent,
// within limits. It returns an error if the connection is closed or lost.
func (c *SharedConn) catchUp() error {
	c.mu.Lock()
	read, write, changed, closing := c.read, c.write, c.changed, c.closing
	c.changed = false
	c.mu.Unlock()
	switch {
	case c.conn == nil:
		return c.failed
	case c.conn.s.closed:
		return c.conn.s.failure("use", errConnClosed)
	}
	if changed {
		_ = c.conn.SetReadDeadline(read)
		_ = c.conn.SetWriteDeadline(write)
	}
	switch {
	case !closing:
		return c.failed
	case !c.flushing:
		c.closeConn()
	case !c.lingering:
		c.lingering = true
		if c.twin != nil {
			_ = c.twin.SetReadDeadline(c.loop.Wall())
		}
		c.conn.s.reading.queue.fail(errConnClosed)
		c.loop.CallLater(sharedLinger, c.closeConn)
	}
	return c.conn.s.failure("use", errConnClosed)
}

// note changes what the loop is to know, and tells it.
func (c *SharedConn) note(f func()) error {
	c.mu.Lock()
	if c.closing {
		c.mu.Unlock()
		return &net.OpError{Op: "set", Net: c.network, Addr: namedAddr{c.network, c.address}, Err: errConnClosed}
	}
	f()
	if c.twin != nil && c.changed {
		_ = c.twin.SetReadDeadline(c.read)
		_ = c.twin.SetWriteDeadline(c.write)
	}
	tell := c.closing || c.busy > 0
	c.mu.Unlock()
	if tell && !c.loop.post(c.wake) {
		return &net.OpError{Op: "set", Net: c.network, Addr: namedAddr{c.network, c.address}, Err: ErrLoopClosed}
	}
	return nil
}

// Close closes the connection, in the next turn of the loop. It never waits. Whoever reads gets
// an error that wraps net.ErrClosed; what was written before is still delivered.
func (c *SharedConn) Close() error { return c.note(func() { c.closing = true }) }

// SetDeadline sets the deadlines of reading and writing: see [Conn.SetReadDeadline]. It never
// waits, and holds for the operations that begin afterwards and for those under way.
func (c *SharedConn) SetDeadline(t time.Time) error {
	return c.note(func() { c.read, c.write, c.changed = t, t, true })
}

// SetReadDeadline sets the deadline of reading, as SetDeadline does.
func (c *SharedConn) SetReadDeadline(t time.Time) error {
	return c.note(func() { c.read, c.changed = t, true })
}

// SetWriteDeadline sets the deadline of writing and of connecting, as SetDeadline does.
func (c *SharedConn) SetWriteDeadline(t time.Time) error {
	return c.note(func() { c.write, c.changed = t, true })
}

// LocalAddr returns the address of this end; that of nobody while it is not connected.
func (c *SharedConn) LocalAddr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.local == nil {
		return namedAddr{network: c.network}
	}
	return c.local
}

// RemoteAddr returns the address of the other end; as it was given while it is not connected.
func (c *SharedConn) RemoteAddr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.peer == nil {
		return namedAddr{c.network, c.address}
	}
	return c.peer
}
