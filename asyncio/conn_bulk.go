package asyncio

// Reading much at once.
//
// A fast sender and a fast reader keep pace with each other: the reader is woken for every few
// segments, takes them while more arrive, and both contend for the socket. Who needs a large
// piece anyhow is better off asleep until it is there, and the system can count for him. That
// must not keep data from him for long, though, because he may report progress or give up on a
// server that has fallen silent: so he sleeps like this only for a moment, and next time in the
// ordinary way if that was in vain. Between two reads the connection is always in its normal
// state; nobody else ever finds it otherwise.

import (
	"context"
	"time"

	"github.com/aio-go/aio/internal/sock"
)

// bulkPatience is how long data may gather before they are read. With 200 reads a second a
// connection is not what the processor is busy with.
const bulkPatience = 5 * time.Millisecond

// bulkRead is what a connection needs for ReadBulk. It is made when that first has to wait.
type bulkRead struct {
	conn   *connState
	stream sock.LowWater // nil: this kind of connection cannot
	timer  timer
	raised bool // the mark is up, a task is suspended
	sparse bool // the last wait took longer than bulkPatience
}

// ReadBulk is ReadContext for somebody who is going to read want bytes before he does anything
// with them. If it has to wait it leaves what arrives to the system until there are want bytes,
// or for 5 ms; then it waits for at least one byte, as ReadContext does, and returns what there
// is. It spares a transfer of a megabyte about a third of its processor time; below some ten
// kilobytes ReadContext is better. It makes a difference for TCP without encryption on Linux
// (SO_RCVLOWAT), and is ReadContext elsewhere.
func (c *Conn) ReadBulk(ctx context.Context, p []byte, want int) (int, error) {
	return c.s.read(ctx, p, want)
}

// awaitBulk is awaitRead for ReadBulk.
func (s *connState) awaitBulk(ctx context.Context, want int) error {
	b := s.bulk
	if b == nil {
		b = &bulkRead{conn: s}
		b.stream, _ = s.stream.(sock.LowWater)
		s.bulk = b
	}
	if b.stream == nil {
		return s.awaitRead(ctx)
	}
	now := s.loop.Time()
	late := now + bulkPatience
	if b.sparse || s.reading.when <= late || b.raise(want, late) != nil {
		err := s.awaitRead(ctx)
		b.sparse = s.loop.Time() > late
		return err
	}
	defer b.lower()
	return s.awaitRead(ctx)
}

// raise has the system be quiet about less than want bytes, until late.
func (b *bulkRead) raise(want int, late time.Duration) error {
	if err := b.stream.SetReadLowWater(want); err != nil {
		return err
	}
	b.raised = true
	b.conn.loop.timers.add(&b.timer, late, b)
	return nil
}

// lower returns the connection to its normal state, in which whatever has arrived can be read.
func (b *bulkRead) lower() {
	if b == nil || !b.raised {
		return
	}
	b.raised = false
	b.conn.loop.timers.remove(&b.timer)
	_ = b.stream.SetReadLowWater(1) // a connection that is closed is past caring
}

// run implements runnable: patience has run out.
func (b *bulkRead) run(*EventLoop) {
	if b.timer.at != timerFired {
		return // the wait ended in the same turn
	}
	b.timer.at = timerIdle
	b.sparse = true
	b.conn.reading.wake()
}
