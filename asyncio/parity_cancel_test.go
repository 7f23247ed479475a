package asyncio_test

// Twins: cancellation, timeouts, wait_for and shield.

import (
	"context"
	"errors"
	"slices"

	"github.com/aio-go/aio/asyncio"
)

var _ = twin("030_cancel_before_start", func(ctx context.Context, print printer) error {
	task := spawn(ctx, func(context.Context) error { print("never"); return nil })
	print(task.Cancel(nil))
	print(task.Done(), task.Cancelled())
	_, err := task.Await(ctx)
	print(err)
	print(task.Done(), task.Cancelled())
	return nil
})

var _ = twin("031_cancel_a_sleeper", func(ctx context.Context, print printer) error {
	task := spawn(ctx, func(ctx context.Context) error {
		defer print("finally")
		print("sleeps")
		err := asyncio.Sleep(ctx, ms(10_000))
		if err != nil {
			print("interrupted")
		}
		return err
	})
	slept := asyncio.Sleep(ctx, ms(10))
	task.Cancel(nil)
	print("cancel called")
	_, err := task.Await(ctx)
	print(err)
	return slept
})

var _ = twin("032_swallowed_cancellation", func(ctx context.Context, print printer) error {
	task := asyncio.CreateTask(ctx, func(ctx context.Context) (string, error) {
		_ = asyncio.Sleep(ctx, ms(10_000))
		return "value", nil
	})
	slept := asyncio.Sleep(ctx, ms(10))
	task.Cancel(nil)
	v, err := task.Await(ctx)
	print(v)
	print(task.Cancelled())
	return errors.Join(slept, err)
})

var _ = twin("033_cleanup_that_suspends", func(ctx context.Context, print printer) error {
	var tasks []*asyncio.Task[none]
	for _, name := range []string{"a", "b"} {
		tasks = append(tasks, spawn(ctx, func(ctx context.Context) error {
			err := asyncio.Sleep(ctx, ms(10_000))
			print(name, "cleans up")
			slept := asyncio.Sleep(context.WithoutCancel(ctx), ms(10))
			print(name, "is clean")
			return errors.Join(err, slept)
		}))
	}
	slept := asyncio.Sleep(ctx, ms(10))
	for _, task := range tasks {
		task.Cancel(nil)
	}
	all, err := asyncio.GatherSettled(ctx, tasks...).Await(ctx)
	print(len(all) != 0)
	print(slices.Equal(each(tasks, cancelledTask), []bool{true, true}))
	return errors.Join(slept, err)
})

func cancelledTask(task *asyncio.Task[none]) bool { return task.Cancelled() }
func doneTask(task *asyncio.Task[none]) bool      { return task.Done() }

var _ = twin("034_cancel_reason", func(ctx context.Context, print printer) error {
	task := asyncio.CreateTask(ctx, after(ms(10_000), 0, nil))
	slept := asyncio.Sleep(ctx, 0)
	task.Cancel(errors.New("enough"))
	_, err := task.Await(ctx)
	if errors.Is(err, context.Canceled) {
		print("cancelled:", context.Cause(task.Context()))
	}
	return slept
})

var _ = twin("035_cancel_when_done", func(ctx context.Context, print printer) error {
	for _, outcome := range []error{nil, errBoom} {
		task := asyncio.CreateTask(ctx, func(context.Context) (int, error) { return 1, outcome })
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
		print(task.Cancel(nil), task.Done(), task.Cancelled(), task.Err())
	}
	return nil
})

var _ = twin("036_cancel_twice", func(ctx context.Context, print printer) error {
	task := spawn(ctx, func(ctx context.Context) error {
		err := asyncio.Sleep(ctx, ms(10_000))
		print("interrupted")
		return err
	})
	slept := asyncio.Sleep(ctx, 0)
	print(task.Cancel(nil), task.Cancel(nil))
	_, err := task.Await(ctx)
	print(err)
	print(task.Cancel(nil))
	return slept
})

var _ = twin("037_cancel_oneself", func(ctx context.Context, print printer) error {
	sleeper := func(ctx context.Context) error {
		asyncio.CurrentTask(ctx).Cancel(nil)
		print("still here")
		if err := asyncio.Sleep(ctx, ms(10_000)); err != nil {
			return err
		}
		print("never")
		return nil
	}
	raiser := func(ctx context.Context) error {
		asyncio.CurrentTask(ctx).Cancel(nil)
		return errBoom
	}
	for _, f := range []func(context.Context) error{sleeper, raiser} {
		task := spawn(ctx, f)
		if _, err := asyncio.Wait(ctx, []*asyncio.Task[none]{task}).Await(ctx); err != nil {
			return err
		}
		if task.Cancelled() {
			print("cancelled")
		} else {
			print("error:", task.Err())
		}
	}
	return nil
})

var _ = twin("038_cancel_many", func(ctx context.Context, print printer) error {
	var tasks []*asyncio.Task[none]
	for _, n := range []int{3, 1, 2} {
		tasks = append(tasks, spawn(ctx, func(ctx context.Context) error {
			err := asyncio.Sleep(ctx, ms(1000*n))
			print("interrupted", n)
			return err
		}))
	}
	slept := asyncio.Sleep(ctx, ms(10))
	for _, task := range slices.Backward(tasks) {
		task.Cancel(nil)
	}
	_, err := asyncio.Wait(ctx, tasks).Await(ctx)
	print(!slices.Contains(each(tasks, cancelledTask), false))
	return errors.Join(slept, err)
})

var _ = twin("039_cancelled_future_cancels_its_awaiters", func(ctx context.Context, print printer) error {
	f := asyncio.NewFuture[none](ctx)
	var tasks []*asyncio.Task[none]
	for _, name := range []string{"a", "b"} {
		tasks = append(tasks, spawn(ctx, func(ctx context.Context) error {
			_, err := f.Await(ctx)
			print(name, err)
			return err
		}))
	}
	slept := asyncio.Sleep(ctx, 0)
	print(f.Cancel(nil))
	_, err := asyncio.Wait(ctx, tasks).Await(ctx)
	for _, task := range tasks {
		print(task.Cancelled())
	}
	return errors.Join(slept, err)
})

var _ = twin("040_cancel_between_yields", func(ctx context.Context, print printer) error {
	task := spawn(ctx, func(ctx context.Context) error {
		for i := 0; ; i++ {
			print("count", i)
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return err
			}
		}
	})
	for range 3 {
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
	}
	task.Cancel(nil)
	_, err := asyncio.Wait(ctx, []*asyncio.Task[none]{task}).Await(ctx)
	print(task.Cancelled())
	return err
})

// timeout is asyncio.Timeout for a body without a result.
func timeout(ctx context.Context, n int, body func(ctx context.Context) error) error {
	_, err := asyncio.Timeout(ctx, ms(n), func(ctx context.Context) (none, error) { return none{}, body(ctx) })
	return err
}

func sleeps(n int) func(context.Context) error {
	return func(ctx context.Context) error { return asyncio.Sleep(ctx, ms(n)) }
}

var _ = twin("080_timeout_expires", func(ctx context.Context, print printer) error {
	err := timeout(ctx, 20, func(ctx context.Context) error {
		print("enters")
		if err := asyncio.Sleep(ctx, ms(10_000)); err != nil {
			return err
		}
		print("never")
		return nil
	})
	print(err)
	err = asyncio.Sleep(ctx, ms(10))
	print("goes on")
	return err
})

var _ = twin("081_timeout_in_time", func(ctx context.Context, print printer) error {
	scope, cancel := asyncio.WithTimeout(ctx, ms(100))
	err := asyncio.Sleep(scope, ms(10))
	cancel()
	print(scope.Err() == context.DeadlineExceeded)
	slept := asyncio.Sleep(ctx, ms(120))
	print("not interrupted later")
	return errors.Join(err, slept)
})

var _ = twin("082_nested_timeouts_inner_first", func(ctx context.Context, print printer) error {
	return timeout(ctx, 100, func(ctx context.Context) error {
		print("inner", timeout(ctx, 20, sleeps(10_000)))
		err := asyncio.Sleep(ctx, ms(10))
		print("outer goes on")
		return err
	})
})

var _ = twin("083_nested_timeouts_outer_first", func(ctx context.Context, print printer) error {
	var outer context.Context
	print(timeout(ctx, 20, func(ctx context.Context) error {
		outer = ctx
		return timeout(ctx, 10_000, sleeps(5000))
	}))
	print(outer.Err() == context.DeadlineExceeded)
	return nil
})

var _ = twin("084_error_inside_a_timeout", func(ctx context.Context, print printer) error {
	print(timeout(ctx, 50, func(ctx context.Context) error {
		return errors.Join(asyncio.Sleep(ctx, ms(10)), errBoom)
	}))
	print(timeout(ctx, 20, func(ctx context.Context) error {
		_ = asyncio.Sleep(ctx, ms(10_000))
		return errors.New("cleanup")
	}))
	return nil
})

var _ = twin("085_swallowed_timeout", func(ctx context.Context, print printer) error {
	var scope context.Context
	err := timeout(ctx, 20, func(ctx context.Context) error {
		scope = ctx
		_ = asyncio.Sleep(ctx, ms(10_000))
		print("swallowed")
		return nil
	})
	print(scope.Err() == context.DeadlineExceeded)
	slept := asyncio.Sleep(ctx, ms(10))
	print("goes on")
	return errors.Join(err, slept)
})

var _ = twin("086_timeout_of_nothing", func(ctx context.Context, print printer) error {
	scope, cancel := asyncio.WithTimeout(ctx, 0)
	print("does not suspend")
	cancel()
	print(scope.Err() == context.DeadlineExceeded)
	print(timeout(ctx, 0, sleeps(10_000)))
	return nil
})

var _ = twin("087_timeout_at_a_time", func(ctx context.Context, print printer) error {
	for _, n := range []int{-1000, 20} {
		scope, cancel := asyncio.WithDeadline(ctx, asyncio.RunningLoop(ctx).Time()+ms(n))
		print(asyncio.Sleep(scope, ms(10_000)))
		cancel()
	}
	return nil
})

var _ = twin("088_cancelled_inside_a_timeout", func(ctx context.Context, print printer) error {
	task := spawn(ctx, func(ctx context.Context) error {
		err := timeout(ctx, 10_000, sleeps(5000))
		if errors.Is(err, context.DeadlineExceeded) {
			print("never")
		}
		return err
	})
	slept := asyncio.Sleep(ctx, ms(10))
	task.Cancel(nil)
	_, err := task.Await(ctx)
	print(err)
	return slept
})

var _ = twin("090_wait_for_expires", func(ctx context.Context, print printer) error {
	task := spawn(ctx, func(ctx context.Context) error {
		err := asyncio.Sleep(ctx, ms(10_000))
		print("cleans up")
		_ = asyncio.Sleep(context.WithoutCancel(ctx), ms(20))
		print("is clean")
		return err
	})
	_, err := asyncio.WaitFor(ctx, ms(20), task)
	print(err)
	return nil
})

var _ = twin("091_wait_for_in_time", func(ctx context.Context, print printer) error {
	v, err := asyncio.WaitFor(ctx, ms(1000), asyncio.CreateTask(ctx, after(ms(10), "value", nil)))
	print(v)
	_, failed := asyncio.WaitFor(ctx, ms(1000), asyncio.CreateTask(ctx, after(ms(10), 0, errBoom)))
	print(failed)
	return err
})

var _ = twin("092_wait_for_nothing", func(ctx context.Context, print printer) error {
	f := asyncio.NewFuture[string](ctx)
	_ = f.SetResult("there")
	v, err := asyncio.WaitFor(ctx, 0, f)
	print(v)
	task := asyncio.CreateTask(ctx, after(ms(10_000), 0, nil))
	slept := asyncio.Sleep(ctx, 0)
	_, late := asyncio.WaitFor(ctx, 0, task)
	print(late, task.Cancelled())
	return errors.Join(err, slept)
})

var _ = twin("093_cancelled_wait_for", func(ctx context.Context, print printer) error {
	task := spawn(ctx, func(ctx context.Context) error {
		err := asyncio.Sleep(ctx, ms(10_000))
		print("inner interrupted")
		return err
	})
	caller := spawn(ctx, func(ctx context.Context) error {
		_, err := asyncio.WaitFor(ctx, ms(20_000), task)
		return err
	})
	slept := asyncio.Sleep(ctx, ms(10))
	caller.Cancel(nil)
	_, err := caller.Await(ctx)
	print(err, task.Cancelled())
	return slept
})

var _ = twin("100_shield_keeps_running", func(ctx context.Context, print printer) error {
	task := spawn(ctx, func(ctx context.Context) error {
		_, err := asyncio.Shield(ctx, func(ctx context.Context) (none, error) {
			err := asyncio.Sleep(ctx, ms(100))
			print("work ends")
			return none{}, err
		})
		print("caller interrupted")
		return err
	})
	slept := asyncio.Sleep(ctx, ms(10))
	task.Cancel(nil)
	_, err := asyncio.Wait(ctx, []*asyncio.Task[none]{task}).Await(ctx)
	print(task.Cancelled())
	return errors.Join(slept, err, asyncio.Sleep(ctx, ms(200)))
})

var _ = twin("101_shield_result", func(ctx context.Context, print printer) error {
	v, err := asyncio.Shield(ctx, after(0, "value", nil))
	print(v)
	_, failed := asyncio.Shield(ctx, after(0, 0, errBoom))
	print(failed)
	return err
})

var _ = twin("102_shield_under_a_timeout", func(ctx context.Context, print printer) error {
	print(timeout(ctx, 20, func(ctx context.Context) error {
		_, err := asyncio.Shield(ctx, func(ctx context.Context) (none, error) {
			err := asyncio.Sleep(ctx, ms(100))
			print("work ends")
			return none{}, err
		})
		return err
	}))
	return asyncio.Sleep(ctx, ms(200))
})
