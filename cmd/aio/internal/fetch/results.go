package fetch

// JSON Lines on standard output. Records gather in a buffer that the executor writes, so that a slow reader of the pipe
// slows the run down but does not stop the loop.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/cmd/aio/internal/report"
)

const (
	flushSize  = 32 << 10              // written when there is that much,
	flushDelay = 50 * time.Millisecond // or so long after the first record
	maxPending = 512 << 10             // workers wait when there is that much
)

// results is used from one event loop.
type results struct {
	loop    *asyncio.EventLoop
	out     io.Writer
	enc     *report.Encoder
	pending []byte
	spare   []byte
	writing *asyncio.Future[struct{}] // nil when no write is under way
	timer   *asyncio.TimerHandle
	err     error
	failed  func(error) // called once, when a write fails
}

// add queues r.
func (w *results) add(r *report.Record) {
	if w.err != nil {
		return
	}
	w.pending = w.enc.Record(w.pending, r)
	switch {
	case len(w.pending) >= flushSize:
		w.flush()
	case w.timer == nil && w.writing == nil:
		w.timer = w.loop.CallLater(flushDelay, w.flush)
	}
}

// catchUp waits while the reader of standard output is far behind.
func (w *results) catchUp(ctx context.Context) {
	for len(w.pending) >= maxPending && w.writing != nil {
		if w.wait(ctx) != nil {
			return // cancelled; finish writes the rest
		}
	}
}

// flush starts a write of what is pending unless one is under way.
func (w *results) flush() {
	if w.timer != nil {
		w.timer.Cancel()
		w.timer = nil
	}
	if w.writing != nil || len(w.pending) == 0 || w.err != nil {
		return
	}
	data := w.pending
	w.pending = w.spare[:0]
	w.writing = asyncio.RunInExecutor(w.loop, func(context.Context) (struct{}, error) {
		_, err := w.out.Write(data)
		return struct{}{}, err
	})
	w.writing.AddDoneCallback(func(f *asyncio.Future[struct{}]) {
		_, err := f.Result()
		w.writing, w.spare = nil, data
		if err != nil && w.err == nil {
			w.err = writeError(err)
			w.failed(w.err)
			return
		}
		w.flush()
	})
}

// wait waits for the write under way and for the callback that follows it: the future may be done already, so that
// awaiting it does not suspend, and its callback still in the queue.
func (w *results) wait(ctx context.Context) error {
	w.writing.Await(ctx)
	return asyncio.Sleep(ctx, 0)
}

// finish writes what is left and returns the first error.
func (w *results) finish(ctx context.Context) error {
	w.flush()
	for w.writing != nil {
		if err := w.wait(ctx); err != nil {
			return err
		}
	}
	return w.err
}

// writeError keeps the reason and drops the name that package os gives to standard output.
func writeError(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return fmt.Errorf("write results: %w", err)
}
