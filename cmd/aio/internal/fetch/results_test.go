package fetch

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/cmd/aio/internal/report"
)

// gate is a writer whose writes wait until it is opened.
type gate struct {
	open chan struct{}
	mu   sync.Mutex
	buf  bytes.Buffer
	err  error
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return 0, g.err
	}
	return g.buf.Write(p)
}

func newResults(ctx context.Context, g *gate, failed func(error)) *results {
	return &results{loop: asyncio.RunningLoop(ctx), out: g, enc: report.NewEncoder(), failed: failed}
}

func TestSlowReaderHoldsWorkersUpAndLosesNothing(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	const records = 10_000
	_, err := asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
		w := newResults(ctx, g, func(err error) { t.Error(err) })
		written := 0
		worker := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
			for range records {
				w.add(&report.Record{URL: "http://127.0.0.1/"})
				written++
				w.catchUp(ctx)
			}
			return 0, nil
		})
		for range 100 {
			asyncio.Sleep(ctx, 0)
		}
		if written == records || len(w.pending) > maxPending+1000 {
			t.Errorf("not held up: %d written, %d bytes pending", written, len(w.pending))
		}
		close(g.open)
		if _, err := worker.Await(ctx); err != nil {
			return 0, err
		}
		return 0, w.finish(ctx)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := bytes.Count(g.buf.Bytes(), []byte("\n")); got != records {
		t.Errorf("got %d lines want %d", got, records)
	}
}

func TestFailedWriteIsReportedOnceAndEndsEverything(t *testing.T) {
	broken := errors.New("broken")
	g := &gate{open: make(chan struct{}), err: broken}
	close(g.open)
	_, err := asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
		calls := 0
		w := newResults(ctx, g, func(error) { calls++ })
		for range 3000 {
			w.add(&report.Record{URL: "http://127.0.0.1/"})
			w.catchUp(ctx)
			asyncio.Sleep(ctx, 0)
		}
		err := w.finish(ctx)
		if calls != 1 {
			t.Errorf("failure was reported %d times", calls)
		}
		return 0, err
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v want the error of the writer", err)
	}
}

// TestFinishAfterTheWriteIsDoneButNotAccountedFor covers the moment between a write's end and the callback that notes it:
// awaiting the write does not suspend then.
func TestFinishAfterTheWriteIsDoneButNotAccountedFor(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	close(g.open)
	_, err := asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
		w := newResults(ctx, g, func(err error) { t.Error(err) })
		w.add(&report.Record{URL: "http://127.0.0.1/"})
		w.writing = asyncio.NewFuture[struct{}](ctx)
		w.writing.AddDoneCallback(func(*asyncio.Future[struct{}]) { w.writing = nil })
		w.writing.SetResult(struct{}{})
		return 0, w.finish(ctx)
	})
	if err != nil {
		t.Error(err)
	}
}
