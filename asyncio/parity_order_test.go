package asyncio_test

// Twins: callbacks, timers, tasks and futures, and in what order they run.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aio-go/aio/asyncio"
)

var _ = twin("001_call_soon_order", func(ctx context.Context, print printer) error {
	l := asyncio.RunningLoop(ctx)
	for i := range 5 {
		l.CallSoon(func() { print("callback", i) })
	}
	print("scheduled")
	err := asyncio.Sleep(ctx, 0)
	print("resumed")
	return err
})

var _ = twin("002_call_soon_nested", func(ctx context.Context, print printer) error {
	l := asyncio.RunningLoop(ctx)
	l.CallSoon(func() {
		print("first")
		l.CallSoon(func() { print("scheduled by first") })
	})
	l.CallSoon(func() { print("second") })
	for turn := range 3 {
		print("turn", turn)
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
	}
	return nil
})

var _ = twin("003_call_later_order", func(ctx context.Context, print printer) error {
	for _, n := range []int{3, 1, 4, 2} {
		asyncio.RunningLoop(ctx).CallLater(ms(20*n), func() { print("timer", n) })
	}
	err := asyncio.Sleep(ctx, ms(120))
	print("end")
	return err
})

var _ = twin("004_timers_after_ready", func(ctx context.Context, print printer) error {
	l := asyncio.RunningLoop(ctx)
	l.CallLater(0, func() { print("later 0") })
	l.CallSoon(func() { print("soon 1") })
	l.CallLater(ms(-1000), func() { print("later -1") })
	l.CallSoon(func() { print("soon 2") })
	for turn := range 3 {
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
		print("turn", turn)
	}
	return nil
})

var _ = twin("005_cancelled_handles", func(ctx context.Context, print printer) error {
	l := asyncio.RunningLoop(ctx)
	a := l.CallSoon(func() { print("a") })
	b := l.CallSoon(func() { print("b") })
	c := l.CallLater(ms(10), func() { print("c") })
	d := l.CallLater(ms(20), func() { print("d") })
	a.Cancel()
	c.Cancel()
	print(a.Cancelled(), b.Cancelled(), c.Cancelled(), d.Cancelled())
	return asyncio.Sleep(ctx, ms(40))
})

var _ = twin("006_tasks_start_in_order", func(ctx context.Context, print printer) error {
	var tasks []*asyncio.Task[none]
	for n := range 3 {
		tasks = append(tasks, spawn(ctx, func(ctx context.Context) error {
			print("start", n)
			err := asyncio.Sleep(ctx, 0)
			print("end", n)
			return err
		}))
	}
	print("created")
	for _, task := range tasks {
		if _, err := task.Await(ctx); err != nil {
			return err
		}
	}
	print("awaited")
	return nil
})

var _ = twin("007_yields_interleave", func(ctx context.Context, print printer) error {
	work := func(name string, n int) func(context.Context) error {
		return func(ctx context.Context) error {
			for i := range n {
				print(name, i)
				if err := asyncio.Sleep(ctx, 0); err != nil {
					return err
				}
			}
			print(name, "ends")
			return nil
		}
	}
	return gather(ctx, work("a", 2), work("b", 4), work("c", 1))
})

var _ = twin("008_yields_and_callbacks", func(ctx context.Context, print printer) error {
	l := asyncio.RunningLoop(ctx)
	var again func(n int)
	again = func(n int) {
		print("callback", n)
		if n < 4 {
			l.CallSoon(func() { again(n + 1) })
		}
	}
	l.CallSoon(func() { again(1) })
	for i := range 6 {
		print("task", i)
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
	}
	return nil
})

var _ = twin("009_tasks_start_tasks", func(ctx context.Context, print printer) error {
	var work func(path string, depth int) func(context.Context) error
	work = func(path string, depth int) func(context.Context) error {
		return func(ctx context.Context) error {
			print("enter", path)
			var kids []*asyncio.Task[none]
			for i := range min(depth, 1) * 2 {
				kids = append(kids, spawn(ctx, work(path+fmt.Sprint(i), depth-1)))
			}
			for _, kid := range kids {
				if _, err := kid.Await(ctx); err != nil {
					return err
				}
			}
			print("leave", path)
			return nil
		}
	}
	_, err := spawn(ctx, work("r", 2)).Await(ctx)
	return err
})

var _ = twin("010_result_is_kept", func(ctx context.Context, print printer) error {
	task := asyncio.CreateTask(ctx, after(ms(10), 42, nil))
	print(task.Done())
	first, _ := task.Await(ctx)
	second, _ := task.Await(ctx)
	v, err := task.Result()
	print(first, second, v, task.Err())
	print(task.Done(), task.Cancelled())
	return err
})

var _ = twin("011_error_goes_to_every_awaiter", func(ctx context.Context, print printer) error {
	task := asyncio.CreateTask(ctx, after(ms(10), 0, errBoom))
	wait := func(name string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := task.Await(ctx)
			print(name, "got", err)
			return nil
		}
	}
	err := gather(ctx, wait("a"), wait("b"))
	print(task.Done(), task.Cancelled(), task.Err())
	return err
})

var _ = twin("012_listeners_wake_in_order", func(ctx context.Context, print printer) error {
	f := asyncio.NewFuture[int](ctx)
	var tasks []*asyncio.Task[none]
	for _, name := range []string{"a", "b", "c"} {
		tasks = append(tasks, spawn(ctx, func(ctx context.Context) error {
			v, err := f.Await(ctx)
			print("task", name, v)
			return err
		}))
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
		f.AddDoneCallback(func(f *asyncio.Future[int]) {
			v, _ := f.Result()
			print("callback", name, v)
		})
	}
	_ = f.SetResult(7)
	print("set")
	_, err := asyncio.Gather(ctx, tasks...).Await(ctx)
	return err
})

var _ = twin("013_callbacks_are_never_inline", func(ctx context.Context, print printer) error {
	f := asyncio.NewFuture[none](ctx)
	f.AddDoneCallback(func(*asyncio.Future[none]) { print("early") })
	_ = f.SetResult(none{})
	print("set")
	f.AddDoneCallback(func(*asyncio.Future[none]) { print("late") })
	print("added")
	err := asyncio.Sleep(ctx, 0)
	print("end")
	return err
})

var _ = twin("014_removed_callback", func(ctx context.Context, print printer) error {
	f := asyncio.NewFuture[none](ctx)
	a := f.AddDoneCallback(func(*asyncio.Future[none]) { print("a") })
	f.AddDoneCallback(func(*asyncio.Future[none]) { print("b") })
	print(f.RemoveDoneCallback(a), f.RemoveDoneCallback(a))
	_ = f.SetResult(none{})
	return asyncio.Sleep(ctx, 0)
})

var _ = twin("015_invalid_states", func(ctx context.Context, print printer) error {
	attempt := func(what string, v any, err error) {
		if err != nil {
			v = err
		}
		print(what, v)
	}
	f := asyncio.NewFuture[int](ctx)
	v, err := f.Result()
	attempt("pending result", v, err)
	attempt("pending exception", nil, f.Err())
	_ = f.SetResult(1)
	attempt("second result", nil, f.SetResult(2))
	attempt("second exception", nil, f.SetError(errBoom))
	attempt("cancel", f.Cancel(nil), nil)
	v, err = f.Result()
	attempt("result", v, err)
	other := asyncio.NewFuture[int](ctx)
	attempt("cancel pending", other.Cancel(nil), nil)
	v, err = other.Result()
	attempt("cancelled result", v, err)
	attempt("cancelled exception", nil, other.Err())
	attempt("cancelled set", nil, other.SetResult(1))
	return nil
})

var _ = twin("016_ticks_of_a_chain", func(ctx context.Context, print printer) error {
	tick := 0
	inner := func(ctx context.Context) error {
		err := asyncio.Sleep(ctx, 0)
		print("inner at", tick)
		return err
	}
	middle := func(ctx context.Context) error {
		_, err := spawn(ctx, inner).Await(ctx)
		print("middle at", tick)
		return err
	}
	outer := func(ctx context.Context) error {
		_, err := spawn(ctx, middle).Await(ctx)
		print("outer at", tick)
		return err
	}
	task := spawn(ctx, outer)
	for !task.Done() {
		tick++
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
	}
	print("seen at", tick)
	return nil
})

var _ = twin("017_names", func(ctx context.Context, print printer) error {
	work := func(ctx context.Context) error {
		print(asyncio.CurrentTask(ctx).Name())
		return nil
	}
	print(asyncio.CurrentTask(ctx).Name())
	a, b, c := spawn(ctx, work), spawn(ctx, work, asyncio.WithName("named")), spawn(ctx, work)
	c.SetName("renamed")
	print(a.Name(), b.Name(), c.Name())
	_, err := asyncio.Gather(ctx, a, b, c).Await(ctx)
	return err
})

var _ = twin("018_all_tasks", func(ctx context.Context, print printer) error {
	names := func() string {
		var all []string
		for _, task := range asyncio.AllTasks(ctx) {
			all = append(all, task.Name())
		}
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	a := asyncio.CreateTask(ctx, after(ms(10), 0, nil), asyncio.WithName("a"))
	b := asyncio.CreateTask(ctx, after(ms(30), 0, nil), asyncio.WithName("b"))
	asyncio.CurrentTask(ctx).SetName("main")
	print(names())
	_, errA := a.Await(ctx)
	print(names())
	_, errB := b.Await(ctx)
	print(names())
	return errors.Join(errA, errB)
})

var _ = twin("019_sleep_sort", func(ctx context.Context, print printer) error {
	var all []func(context.Context) error
	for _, n := range []int{5, 2, 4, 1, 3} {
		all = append(all, func(ctx context.Context) error {
			err := asyncio.Sleep(ctx, ms(15*n))
			print(n)
			return err
		})
	}
	return gather(ctx, all...)
})

var _ = loopTwin("020_stop_ends_the_turn", func(t *testing.T, l *asyncio.EventLoop, print printer) {
	l.CallSoon(func() {
		print("stop")
		l.Stop()
		l.CallSoon(func() { print("scheduled after stop") })
	})
	l.CallSoon(func() { print("sibling") })
	wantErr(t, l.RunForever(), nil)
	print("stopped")
	l.CallSoon(l.Stop)
	wantErr(t, l.RunForever(), nil)
	print("stopped again")
})

var _ = loopTwin("021_run_until_complete_stopped", func(t *testing.T, l *asyncio.EventLoop, print printer) {
	task := asyncio.CreateTask(l.Context(), func(ctx context.Context) (string, error) {
		print("work starts")
		err := asyncio.Sleep(ctx, ms(20))
		print("work ends")
		return "done", err
	})
	l.CallLater(ms(5), l.Stop)
	if err := l.RunUntilComplete(task); errors.Is(err, asyncio.ErrLoopStopped) {
		print("stopped before done")
	}
	print(task.Done())
	wantErr(t, l.RunUntilComplete(task), nil)
	v, _ := task.Result()
	print(v)
})

var _ = twin("022_callback_error_goes_to_the_handler", func(ctx context.Context, print printer) error {
	l := asyncio.RunningLoop(ctx)
	l.SetExceptionHandler(func(_ *asyncio.EventLoop, info asyncio.ExceptionInfo) {
		var p *asyncio.PanicError
		errors.As(info.Err, &p)
		print("handler:", p.Value)
	})
	l.CallSoon(func() { panic(errBoom) })
	l.CallSoon(func() { print("next") })
	err := asyncio.Sleep(ctx, ms(10))
	print("end")
	return err
})

var _ = loopTwin("023_posted_callbacks", func(t *testing.T, l *asyncio.EventLoop, print printer) {
	over := make(chan none)
	go func() {
		defer close(over)
		for i := range 3 {
			_ = l.CallSoonThreadsafe(func() { print("posted", i) })
		}
	}()
	<-over
	l.CallSoon(func() { print("local") })
	l.CallSoon(l.Stop)
	wantErr(t, l.RunForever(), nil)
})

var _ = loopTwin("024_run_until_complete_runs_callbacks", func(t *testing.T, l *asyncio.EventLoop, print printer) {
	task := spawn(l.Context(), func(ctx context.Context) error {
		print("Hello")
		err := asyncio.Sleep(ctx, ms(10))
		print("World")
		return err
	})
	task.AddDoneCallback(func(*asyncio.Future[none]) { print("Done") })
	wantErr(t, l.RunUntilComplete(task), nil)
	print("returned")
})

var _ = twin("025_future_from_a_timer", func(ctx context.Context, print printer) error {
	l := asyncio.RunningLoop(ctx)
	f := asyncio.NewFuture[string](ctx)
	l.CallLater(ms(20), func() { _ = f.SetResult("value") })
	l.CallLater(ms(10), func() { print("meanwhile") })
	v, err := f.Await(ctx)
	print(v)
	return err
})

var _ = twin("180_threads", func(ctx context.Context, print printer) error {
	release := make(chan none)
	first := asyncio.RunInExecutor(asyncio.RunningLoop(ctx), func(context.Context) (int, error) { <-release; return 1, nil })
	print("meanwhile")
	v, err := asyncio.ToThread(ctx, func(context.Context) (int, error) { return 0, nil })
	print(v)
	close(release)
	one, errFirst := first.Await(ctx)
	print(one)
	_, errThread := asyncio.ToThread(ctx, func(context.Context) (int, error) { return 0, errBoom })
	print(errThread)
	return errors.Join(err, errFirst)
})

var _ = barrenTwin("190_run_cancels_what_is_left", func(t *testing.T, print printer) {
	v, err := asyncio.Run(context.Background(), func(ctx context.Context) (string, error) {
		for _, name := range []string{"a", "b"} {
			spawn(ctx, func(ctx context.Context) error {
				defer print(name, "ends")
				return asyncio.Sleep(ctx, ms(10_000))
			})
		}
		err := asyncio.Sleep(ctx, ms(10))
		print("main ends")
		return "result", err
	}, virtual())
	wantErr(t, err, nil)
	print(v)
})

var _ = barrenTwin("191_runner_runs_twice", func(t *testing.T, print printer) {
	runner := asyncio.NewRunner(virtual())
	defer runner.Close()
	task, err := asyncio.RunWith(runner, context.Background(), func(ctx context.Context) (*asyncio.Task[none], error) {
		task := spawn(ctx, func(ctx context.Context) error {
			err := asyncio.Sleep(ctx, ms(30))
			print("work ends")
			return err
		})
		err := asyncio.Sleep(ctx, ms(10))
		print("first ends")
		return task, err
	})
	wantErr(t, err, nil)
	_, err = asyncio.RunWith(runner, context.Background(), func(ctx context.Context) (none, error) {
		print("second starts", task.Done())
		return task.Await(ctx)
	})
	wantErr(t, err, nil)
})
