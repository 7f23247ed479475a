package fetch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aio-go/aio/asyncio"
)

func TestDiskRunsEveryJobAndBoundsItsLanes(t *testing.T) {
	for _, lanes := range []int{1, 2, 16} {
		var running, most, ran atomic.Int64
		_, err := asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
			d := &disk{loop: asyncio.RunningLoop(ctx), lanes: lanes}
			var tasks []*asyncio.Task[int]
			for i := range 500 {
				tasks = append(tasks, asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
					err := d.do(ctx, func() error {
						if n := running.Add(1); n > most.Load() {
							most.Store(n)
						}
						ran.Add(1)
						running.Add(-1)
						return fmt.Errorf("job %d", i)
					})
					if want := fmt.Sprintf("job %d", i); err == nil || err.Error() != want {
						t.Errorf("got %v want %s", err, want)
					}
					return 0, nil
				}))
			}
			_, err := asyncio.Wait(ctx, tasks).Await(ctx)
			return 0, err
		})
		if err != nil || ran.Load() != 500 || most.Load() > int64(lanes) {
			t.Errorf("%d lanes: %v, %d jobs ran, %d at once", lanes, err, ran.Load(), most.Load())
		}
	}
}

func TestCancelledCallerStillWaitsForItsJob(t *testing.T) {
	release, done := make(chan struct{}), false
	_, err := asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
		d := &disk{loop: asyncio.RunningLoop(ctx), lanes: 1}
		task := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
			return 1, d.do(ctx, func() error {
				<-release
				done = true
				return nil
			})
		})
		asyncio.Sleep(ctx, 0)
		task.Cancel(errors.New("enough"))
		for range 10 {
			asyncio.Sleep(ctx, 0)
		}
		if task.Done() {
			t.Error("the task ended before its job")
		}
		close(release)
		return task.Await(ctx)
	})
	if err != nil || !done {
		t.Errorf("got %v, job done: %v", err, done)
	}
}

func TestPanicInOneJobConcernsItAlone(t *testing.T) {
	_, err := asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
		d := &disk{loop: asyncio.RunningLoop(ctx), lanes: 1}
		d.busy = 1 // let both gather into one batch
		bad := d.start(ctx, func() error { panic("oops") })
		good := d.start(ctx, func() error { return nil })
		d.busy = 0
		d.pump()
		bad.done.Await(ctx)
		good.done.Await(ctx)
		if bad.err == nil || !strings.Contains(bad.err.Error(), "oops") || good.err != nil {
			t.Errorf("got %v and %v", bad.err, good.err)
		}
		return 0, nil
	})
	if err != nil {
		t.Error(err)
	}
}
