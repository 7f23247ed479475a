package asyncio_test

// Compute: on the real clock beside the loop, under virtual time in its turn.

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/aio-go/aio/asyncio"
)

func TestComputingLeavesTheLoopAlone(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		release := make(chan none)
		job := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
			return asyncio.Compute(ctx, func() (int, error) { <-release; return 7, nil })
		})
		for range 100 {
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return err
			}
		}
		if job.Done() {
			t.Error("the computation is over before it was let go")
		}
		close(release)
		if v, err := job.Await(ctx); v != 7 || err != nil {
			t.Errorf("got %v, %v, want 7", v, err)
		}
		return nil
	}, asyncio.WithExecutorLimit(1))
}

// A function that has started is waited for, since it works on the caller's data; one that
// has not is dropped.
func TestComputationIsNotLeftInTheMiddle(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		release, begun := make(chan none), make(chan none, 100)
		compute := func(ctx context.Context) (int, error) {
			return asyncio.Compute(ctx, func() (int, error) { begun <- none{}; <-release; return 7, nil })
		}
		atOnce := max(1, runtime.GOMAXPROCS(0)-1)
		var jobs []*asyncio.Task[int]
		for range atOnce + 1 {
			jobs = append(jobs, asyncio.CreateTask(ctx, compute))
		}
		for range atOnce {
			if _, _, err := asyncio.Recv(ctx, begun); err != nil {
				return err
			}
		}
		for _, job := range jobs {
			job.Cancel(errBoom)
		}
		waiting := jobs[atOnce]
		if _, err := waiting.Await(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v for the one in line, want it cancelled", err)
		}
		for range 10 {
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return err
			}
		}
		if jobs[0].Done() {
			t.Error("a computation was left while it ran")
		}
		close(release)
		for _, job := range jobs[:atOnce] {
			if _, err := job.Await(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want the cancellation", err)
			}
		}
		if len(begun) > 0 {
			t.Error("the cancelled one was begun after all")
		}
		return nil
	})
}

func TestComputeTellsWhatBecameOfTheFunction(t *testing.T) {
	body := func(ctx context.Context, t *testing.T) error {
		v, err := asyncio.Compute(ctx, func() (int, error) { return 7, errBoom })
		if v != 7 || err != errBoom {
			t.Errorf("got %v, %v, want 7 and its error", v, err)
		}
		_, err = asyncio.Compute(ctx, func() (int, error) { panic("ouch") })
		var p *asyncio.PanicError
		if !errors.As(err, &p) || p.Value != "ouch" {
			t.Errorf("got %v, want a *PanicError", err)
		}
		over, cancel := context.WithCancel(ctx)
		cancel()
		_, err = asyncio.Compute(over, func() (int, error) { t.Error("called though its context has ended"); return 0, nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want it cancelled", err)
		}
		return nil
	}
	onNetworks(t, body)
}

// Under virtual time nothing depends on goroutines: each computation takes the turn after
// the one in which it was asked for.
func TestComputingIsReplayedExactly(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		var tr trace
		var tasks []*asyncio.Task[int]
		for _, name := range []string{"a", "b", "c"} {
			tasks = append(tasks, asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
				tr.add("%s", name)
				return asyncio.Compute(ctx, func() (int, error) { tr.add("%s!", name); return 0, nil })
			}))
		}
		_, err := asyncio.Gather(ctx, tasks...).Await(ctx)
		tr.want(t, "a", "b", "c", "a!", "b!", "c!")
		return err
	})
}
