package asyncio_test

// AsCompleted.

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func TestAsCompletedYieldsInTheOrderOfCompletion(t *testing.T) { // ASC-01, ASC-02
	simulate(t, func(ctx context.Context) error {
		a := asyncio.CreateTask(ctx, after(3*time.Second, 1, nil))
		b := asyncio.CreateTask(ctx, after(1*time.Second, 2, nil))
		c := asyncio.CreateTask(ctx, after(2*time.Second, 3, errBoom))
		var got []*asyncio.Task[int]
		for task, err := range asyncio.AsCompleted(ctx, []*asyncio.Task[int]{a, b, c, b}) {
			if err != nil {
				return err
			}
			got = append(got, task)
			if want := time.Duration(len(got)) * time.Second; asyncio.RunningLoop(ctx).Time() != want {
				t.Errorf("item %d came at %v, want %v", len(got), asyncio.RunningLoop(ctx).Time(), want)
			}
		}
		if want := []*asyncio.Task[int]{b, c, a}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v, the very same tasks", got, want)
		}
		wantErr(t, c.Err(), errBoom)
		return nil
	})
}

func TestAsCompletedYieldsItsContextsEndOnce(t *testing.T) { // ASC-03
	simulate(t, func(ctx context.Context) error {
		quick := asyncio.CreateTask(ctx, after(time.Second, 1, nil))
		slow := asyncio.CreateTask(ctx, after(time.Hour, 2, nil))
		limited, cancel := asyncio.WithTimeout(ctx, time.Minute)
		defer cancel()
		var got []*asyncio.Task[int]
		var errs []error
		for task, err := range asyncio.AsCompleted(limited, []*asyncio.Task[int]{slow, quick}) {
			got, errs = append(got, task), append(errs, err)
		}
		if want := []*asyncio.Task[int]{quick, nil}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if len(errs) != 2 || errs[0] != nil || !errors.Is(errs[1], context.DeadlineExceeded) {
			t.Errorf("got errors %v, want the deadline, once, last", errs)
		}
		if v, err := slow.Await(ctx); v != 2 || err != nil {
			t.Errorf("got %v, %v, want a task that was not cancelled", v, err)
		}
		return nil
	})
}

func TestAsCompletedMayBeLeftEarly(t *testing.T) { // ASC-04
	simulate(t, func(ctx context.Context) error {
		a := asyncio.CreateTask(ctx, after(time.Second, 1, nil))
		b := asyncio.CreateTask(ctx, after(2*time.Second, 2, nil))
		seq := asyncio.AsCompleted(ctx, []*asyncio.Task[int]{a, b})
		for task, err := range seq {
			if task != a || err != nil {
				t.Errorf("got %v, %v, want the first", task, err)
			}
			break
		}
		if b.Done() {
			t.Error("the rest is done")
		}
		// The iterator may be used again; what is done is there at once.
		var got []*asyncio.Task[int]
		for task := range seq {
			got = append(got, task)
		}
		if want := []*asyncio.Task[int]{a, b}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		return nil
	})
}

func TestAsCompletedOfNothing(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		for range asyncio.AsCompleted[asyncio.Waitable](ctx, nil) {
			t.Error("got an item of nothing")
		}
		return nil
	})
}

func TestAsCompletedWhileTheBodySuspends(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		var tasks []*asyncio.Task[int]
		for i := range 10 {
			tasks = append(tasks, asyncio.CreateTask(ctx, after(time.Duration(10-i)*time.Second, i, nil)))
		}
		var got []int
		for task, err := range asyncio.AsCompleted(ctx, tasks) {
			if err != nil {
				return err
			}
			v, _ := task.Result()
			got = append(got, v)
			wantErr(t, asyncio.Sleep(ctx, 3*time.Second), nil)
		}
		if want := []int{9, 8, 7, 6, 5, 4, 3, 2, 1, 0}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		return nil
	})
}
