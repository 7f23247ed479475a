package asyncio_test

// Twins: gather, wait, as_completed and task groups.

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aio-go/aio/asyncio"
)

// announced returns a coroutine that sleeps, prints and returns v.
func announced[T any](n int, v T, print printer) asyncio.Coroutine[T] {
	return func(ctx context.Context) (T, error) {
		err := asyncio.Sleep(ctx, ms(n))
		print("ends", v)
		return v, err
	}
}

var _ = twin("050_gather_order", func(ctx context.Context, print printer) error {
	a := asyncio.CreateTask(ctx, announced(45, "a", print))
	b := asyncio.CreateTask(ctx, announced(15, "b", print))
	c := asyncio.CreateTask(ctx, announced(30, "c", print))
	all, err := asyncio.Gather(ctx, a, b, c).Await(ctx)
	print(all)
	return err
})

var _ = twin("051_gather_fails_at_once", func(ctx context.Context, print printer) error {
	var tasks []*asyncio.Task[none]
	for n := range 3 {
		tasks = append(tasks, spawn(ctx, func(ctx context.Context) error {
			err := asyncio.Sleep(ctx, ms(15*(n+1)))
			print("ends", n+1)
			if n < 2 {
				return fmt.Errorf("error %d", n+1)
			}
			return err
		}))
	}
	_, err := asyncio.Gather(ctx, tasks...).Await(ctx)
	print("gather:", err)
	print(each(tasks, doneTask))
	slept := asyncio.Sleep(ctx, ms(60))
	print(each(tasks, doneTask))
	return slept
})

var _ = twin("052_gather_return_exceptions", func(ctx context.Context, print printer) error {
	gone := asyncio.CreateTask(ctx, after(ms(10_000), "", nil))
	gone.Cancel(nil)
	ok, fail := asyncio.CreateTask(ctx, after(ms(20), "ok", nil)), asyncio.CreateTask(ctx, after(0, "", errBoom))
	all, err := asyncio.GatherSettled(ctx, ok, fail, gone).Await(ctx)
	for _, r := range all {
		if r.Err != nil {
			print(r.Err)
		} else {
			print(r.Value)
		}
	}
	return err
})

var _ = twin("053_cancelled_gather", func(ctx context.Context, print printer) error {
	var tasks []*asyncio.Task[none]
	for n := range 3 {
		tasks = append(tasks, spawn(ctx, func(ctx context.Context) error {
			defer print("ends", n)
			return asyncio.Sleep(ctx, ms(10_000))
		}))
	}
	all := asyncio.Gather(ctx, tasks...)
	slept := asyncio.Sleep(ctx, ms(10))
	print(all.Cancel(nil))
	_, err := all.Await(ctx)
	print(err)
	print(each(tasks, cancelledTask))
	return slept
})

var _ = twin("054_gather_of_nothing_and_of_the_same", func(ctx context.Context, print printer) error {
	nothing, err := asyncio.Gather[*asyncio.Task[int], int](ctx).Await(ctx)
	print(nothing)
	task := asyncio.CreateTask(ctx, after(ms(10), 5, nil))
	all, errAll := asyncio.Gather(ctx, task, task, task).Await(ctx)
	print(all)
	return errors.Join(err, errAll)
})

var _ = twin("055_gathers_nest", func(ctx context.Context, print printer) error {
	pair := func(x, y int) *asyncio.Future[[]int] {
		return asyncio.Gather(ctx, asyncio.CreateTask(ctx, announced(15*x, x, print)), asyncio.CreateTask(ctx, announced(15*y, y, print)))
	}
	all, err := asyncio.Gather(ctx, pair(1, 4), pair(3, 2)).Await(ctx)
	print(all)
	return err
})

var _ = twin("056_gather_takes_two_ticks", func(ctx context.Context, print printer) error {
	err := gather(ctx, func(ctx context.Context) error {
		err := asyncio.Sleep(ctx, 0)
		print("child ends")
		l := asyncio.RunningLoop(ctx)
		l.CallSoon(func() { print("one tick later") })
		l.CallSoon(func() { l.CallSoon(func() { print("two ticks later") }) })
		return err
	})
	print("gather returns")
	return errors.Join(err, asyncio.Sleep(ctx, 0))
})

var _ = twin("060_wait_for_all", func(ctx context.Context, print printer) error {
	tasks := []*asyncio.Task[int]{
		asyncio.CreateTask(ctx, after(ms(30), 2, nil)), asyncio.CreateTask(ctx, after(ms(15), 1, errBoom)), asyncio.CreateTask(ctx, after(ms(45), 3, nil)),
	}
	r, err := asyncio.Wait(ctx, tasks).Await(ctx)
	print(len(r.Done), len(r.Pending))
	for _, task := range tasks {
		if v, err := task.Result(); err != nil {
			print(err)
		} else {
			print(v)
		}
	}
	return err
})

var _ = twin("061_wait_for_the_first", func(ctx context.Context, print printer) error {
	var pending []*asyncio.Task[int]
	for _, n := range []int{3, 1, 2} {
		pending = append(pending, asyncio.CreateTask(ctx, announced(15*n, n, print)))
	}
	for len(pending) > 0 {
		r, err := asyncio.Wait(ctx, pending, asyncio.FirstCompleted).Await(ctx)
		if err != nil {
			return err
		}
		pending = r.Pending
		print(len(r.Done), "done", len(pending), "pending")
	}
	return nil
})

var _ = twin("062_wait_for_the_first_exception", func(ctx context.Context, print printer) error {
	tasks := []*asyncio.Task[int]{
		asyncio.CreateTask(ctx, after(ms(15), 0, nil)), asyncio.CreateTask(ctx, after(ms(30), 0, errBoom)), asyncio.CreateTask(ctx, after(ms(45), 0, nil)),
	}
	r, err := asyncio.Wait(ctx, tasks, asyncio.FirstException).Await(ctx)
	print(each(tasks, func(task *asyncio.Task[int]) bool { return slices.Contains(r.Done, task) }), len(r.Pending))
	print(tasks[1].Err())
	_, rest := asyncio.Wait(ctx, r.Pending).Await(ctx)
	return errors.Join(err, rest)
})

var _ = twin("063_cancellation_is_no_exception", func(ctx context.Context, print printer) error {
	tasks := []*asyncio.Task[none]{spawn(ctx, sleeps(10)), spawn(ctx, sleeps(30))}
	slept := asyncio.Sleep(ctx, 0)
	tasks[0].Cancel(nil)
	r, err := asyncio.Wait(ctx, tasks, asyncio.FirstException).Await(ctx)
	print(len(r.Done), len(r.Pending), each(tasks, cancelledTask))
	return errors.Join(slept, err)
})

var _ = twin("064_wait_with_a_timeout", func(ctx context.Context, print printer) error {
	tasks := []*asyncio.Task[none]{spawn(ctx, sleeps(20)), spawn(ctx, sleeps(80))}
	r, err := asyncio.Wait(ctx, tasks, asyncio.WaitTimeout(ms(50))).Await(ctx)
	print(each(tasks, func(task *asyncio.Task[none]) bool { return slices.Contains(r.Done, task) }), each(tasks, cancelledTask))
	r, rest := asyncio.Wait(ctx, tasks, asyncio.WaitTimeout(ms(10_000))).Await(ctx)
	print(len(r.Done), len(r.Pending))
	return errors.Join(err, rest)
})

var _ = twin("065_wait_always_suspends", func(ctx context.Context, print printer) error {
	l := asyncio.RunningLoop(ctx)
	f := asyncio.NewFuture[none](ctx)
	_ = f.SetResult(none{})
	l.CallSoon(func() { print("one") })
	l.CallSoon(func() { l.CallSoon(func() { print("two") }) })
	print("waits")
	_, err := asyncio.Wait(ctx, []*asyncio.Future[none]{f}).Await(ctx)
	print("returns")
	return errors.Join(err, asyncio.Sleep(ctx, 0))
})

var _ = twin("066_wait_collapses_duplicates", func(ctx context.Context, print printer) error {
	task := spawn(ctx, sleeps(10))
	r, err := asyncio.Wait(ctx, []*asyncio.Task[none]{task, task, task}).Await(ctx)
	print(len(r.Done), len(r.Pending))
	if _, empty := asyncio.Wait[asyncio.Waitable](ctx, nil).Await(ctx); empty != nil {
		print("ValueError")
	}
	return err
})

// completed prints the results of tasks as they come.
func completed(ctx context.Context, print printer, tasks ...*asyncio.Task[int]) {
	for task, err := range asyncio.AsCompleted(ctx, tasks) {
		if err != nil {
			print(err)
		} else if v, err := task.Result(); err != nil {
			print(err)
		} else {
			print(v)
		}
	}
}

var _ = twin("070_as_completed", func(ctx context.Context, print printer) error {
	var tasks []*asyncio.Task[int]
	for _, n := range []int{3, 1, 4, 2} {
		tasks = append(tasks, asyncio.CreateTask(ctx, after(ms(15*n), n, nil)))
	}
	completed(ctx, print, tasks...)
	return nil
})

var _ = twin("071_as_completed_with_errors", func(ctx context.Context, print printer) error {
	var tasks []*asyncio.Task[int]
	for _, n := range []int{4, 3, 2, 1} {
		var err error
		if n%2 == 0 {
			err = fmt.Errorf("error %d", n)
		}
		tasks = append(tasks, asyncio.CreateTask(ctx, after(ms(15*n), n, err)))
	}
	completed(ctx, print, tasks...)
	return nil
})

var _ = twin("072_as_completed_with_a_timeout", func(ctx context.Context, print printer) error {
	var tasks []*asyncio.Task[int]
	for _, n := range []int{1, 2, 20} {
		tasks = append(tasks, asyncio.CreateTask(ctx, after(ms(20*n), n, nil)))
	}
	limited, cancel := asyncio.WithTimeout(ctx, ms(100))
	defer cancel()
	completed(limited, print, tasks...)
	print(each(tasks, func(task *asyncio.Task[int]) bool { return task.Done() }))
	return nil
})

// interrupted returns a body that waits for its interruption and prints it.
func interrupted(name string, print printer) func(context.Context) error {
	return func(ctx context.Context) error {
		err := asyncio.Sleep(ctx, ms(10_000))
		if errors.Is(err, context.Canceled) {
			print(name, "interrupted")
		}
		return err
	}
}

// failures returns the texts of the errors of a group.
func failures(err error) []string {
	var g *asyncio.GroupError
	if !errors.As(err, &g) {
		return nil
	}
	var texts []string
	for _, err := range g.Errors {
		texts = append(texts, err.Error())
	}
	return texts
}

func fail(ctx context.Context) error { return errors.Join(asyncio.Sleep(ctx, ms(10)), errBoom) }

var _ = twin("170_group", func(ctx context.Context, print printer) error {
	var tasks []*asyncio.Task[int]
	err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
		for _, n := range []int{2, 1, 3} {
			tasks = append(tasks, asyncio.CreateTaskIn(g, announced(15*n, n, print)))
		}
		print("body ends")
		return nil
	})
	print(each(tasks, func(task *asyncio.Task[int]) int { v, _ := task.Result(); return v }))
	return err
})

var _ = twin("171_group_fails", func(ctx context.Context, print printer) error {
	print(failures(asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
		g.Go(interrupted("a", print))
		g.Go(fail)
		return interrupted("body", print)(ctx)
	})))
	return nil
})

var _ = twin("172_groups_nest", func(ctx context.Context, print printer) error {
	var other *asyncio.Task[string]
	err := asyncio.Group(ctx, func(ctx context.Context, outer *asyncio.TaskGroup) error {
		other = asyncio.CreateTaskIn(outer, after(ms(30), "untouched", nil))
		err := asyncio.Group(ctx, func(ctx context.Context, inner *asyncio.TaskGroup) error {
			inner.Go(interrupted("inner", print))
			inner.Go(fail)
			return nil
		})
		print("inner failed with", len(failures(err)))
		return nil
	})
	v, _ := other.Result()
	print(v)
	return err
})

var _ = twin("173_group_body_fails", func(ctx context.Context, print printer) error {
	print(failures(asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
		g.Go(func(ctx context.Context) error {
			err := asyncio.Sleep(ctx, ms(10_000))
			print("interrupted")
			return err
		})
		return errors.Join(asyncio.Sleep(ctx, ms(10)), errors.New("body"))
	})))
	return nil
})
