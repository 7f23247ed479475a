package aiohttp

// The wire over a connection of the loop. A deadline is handed on only when it
// changed; between two changes the connection is not asked to look at the clock, so
// that is done here.

import (
	"context"
	"crypto/tls"
	"errors"
	"os"
	"time"

	"github.com/aio-go/aio/asyncio"
)

type connWire struct {
	conn    *asyncio.Conn
	loop    *asyncio.EventLoop
	ended   context.Context // with which nothing suspends
	readBy  time.Duration
	writeBy time.Duration
	probe   [1]byte
}

func newConnWire(p *poolConnector, c *asyncio.Conn) *connWire {
	return &connWire{conn: c, loop: p.loop, ended: p.ended, readBy: noDeadline, writeBy: noDeadline}
}

func (w *connWire) Read(ctx context.Context, p []byte, deadline time.Duration) (int, error) {
	if err := w.limitRead(deadline); err != nil {
		return 0, err
	}
	return w.conn.ReadContext(ctx, p)
}

// readBulk implements bulkWire.
func (w *connWire) readBulk(ctx context.Context, p []byte, want int, deadline time.Duration) (int, error) {
	if err := w.limitRead(deadline); err != nil {
		return 0, err
	}
	return w.conn.ReadBulk(ctx, p, want)
}

func (w *connWire) limitRead(deadline time.Duration) error {
	if deadline != w.readBy {
		w.readBy = deadline
		return w.conn.SetReadDeadlineAt(deadline)
	}
	if deadline != noDeadline && w.loop.Time() >= deadline {
		return os.ErrDeadlineExceeded
	}
	return nil
}

func (w *connWire) Write(ctx context.Context, p []byte, deadline time.Duration) (int, error) {
	if deadline != w.writeBy {
		w.writeBy = deadline
		if err := w.conn.SetWriteDeadlineAt(deadline); err != nil {
			return 0, err
		}
	}
	return w.conn.WriteContext(ctx, p)
}

func (w *connWire) Readable() bool { return w.conn.Readable() }

// Probe tries a read that must not suspend: with a context that has ended, a read
// that finds nothing fails with the error of that context.
func (w *connWire) Probe() bool {
	_, err := w.conn.ReadContext(w.ended, w.probe[:])
	return !errors.Is(err, context.Canceled)
}

func (w *connWire) OnReadable(f func())       { w.conn.OnReadable(f) }
func (w *connWire) TLS() *tls.ConnectionState { return w.conn.TLS() }

// Close gives the connection up at once: whatever was not sent belongs to a request
// that nobody waits for any more.
func (w *connWire) Close() error { return w.conn.Close() }
