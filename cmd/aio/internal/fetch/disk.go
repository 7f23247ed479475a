package fetch

// The way of blocking work off the loop. Writing a small file takes some 80 µs, a hand-off to the executor a tenth of
// that; so the work of many workers is handed over in one go: while a batch is under way, the next one gathers. A lane
// is one batch at a time; two lanes keep a second core busy, and with fsync, which mostly waits, there are more.

import (
	"context"
	"fmt"

	"github.com/aio-go/aio/asyncio"
)

const (
	lanesUnsynced = 2
	lanesSynced   = 16
	maxBatch      = 32 // jobs of a lane at a time, so that one batch does not keep others waiting for long
)

// disk runs blocking functions. It is used from one event loop.
type disk struct {
	loop  *asyncio.EventLoop
	lanes int
	busy  int
	queue []*diskJob
}

type diskJob struct {
	run  func() error
	err  error
	done *asyncio.Future[struct{}]
}

// do runs f on the executor and waits for it. Cancelling ctx does not end the wait: f may use memory of the caller, and
// a file that is complete should get its name.
func (d *disk) do(ctx context.Context, f func() error) error {
	ctx = context.WithoutCancel(ctx)
	j := d.start(ctx, f)
	if _, err := j.done.Await(ctx); err != nil {
		return err
	}
	return j.err
}

// start queues f; j.done completes after it has run, j.err is its error then.
func (d *disk) start(ctx context.Context, f func() error) *diskJob {
	j := &diskJob{run: f, done: asyncio.NewFuture[struct{}](ctx)}
	d.queue = append(d.queue, j)
	d.pump()
	return j
}

// pump gives idle lanes what is queued, in equal shares.
func (d *disk) pump() {
	for d.busy < d.lanes && len(d.queue) > 0 {
		share := min((len(d.queue)+d.lanes-1)/d.lanes, maxBatch)
		batch := make([]*diskJob, share)
		copy(batch, d.queue)
		rest := copy(d.queue, d.queue[share:])
		clear(d.queue[rest:])
		d.queue = d.queue[:rest]
		d.busy++
		asyncio.RunInExecutor(d.loop, func(context.Context) (struct{}, error) {
			for _, j := range batch {
				j.protected()
			}
			return struct{}{}, nil
		}).AddDoneCallback(func(f *asyncio.Future[struct{}]) { d.finished(batch, f) })
	}
}

// protected runs the job; a panic in it concerns this job alone.
func (j *diskJob) protected() {
	defer func() {
		if v := recover(); v != nil {
			j.err = fmt.Errorf("internal error: %v", v)
		}
	}()
	j.err = j.run()
}

func (d *disk) finished(batch []*diskJob, f *asyncio.Future[struct{}]) {
	_, err := f.Result()
	d.busy--
	for _, j := range batch {
		if err != nil && j.err == nil {
			j.err = err // the loop was closed before the batch ran
		}
		j.done.SetResult(struct{}{})
	}
	d.pump()
}
