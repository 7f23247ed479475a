package asyncio_test

// Twins: locks, events, conditions, semaphores, barriers and queues.

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/aio-go/aio/asyncio"
)

var _ = twin("110_lock_is_fair", func(ctx context.Context, print printer) error {
	var lock asyncio.Lock
	var all []func(context.Context) error
	for _, name := range []string{"a", "b", "c", "d"} {
		all = append(all, func(ctx context.Context) error {
			return lock.With(ctx, func() error {
				print(name, "enters")
				err := asyncio.Sleep(ctx, 0)
				print(name, "leaves")
				return err
			})
		})
	}
	err := gather(ctx, all...)
	print(lock.Locked())
	return err
})

var _ = twin("111_cancelled_lock_waiter", func(ctx context.Context, print printer) error {
	var lock asyncio.Lock
	var tasks []*asyncio.Task[none]
	for _, name := range []string{"a", "b", "c"} {
		tasks = append(tasks, spawn(ctx, func(ctx context.Context) error {
			err := lock.With(ctx, func() error {
				print(name, "has it")
				return asyncio.Sleep(ctx, ms(10))
			})
			if err != nil {
				print(name, "gave up")
			}
			return nil
		}))
	}
	slept := asyncio.Sleep(ctx, 0)
	tasks[1].Cancel(nil)
	_, err := asyncio.Gather(ctx, tasks...).Await(ctx)
	print(lock.Locked())
	return errors.Join(slept, err)
})

var _ = twin("112_lock_taken_again_queues", func(ctx context.Context, print printer) error {
	var lock asyncio.Lock
	work := func(name string) func(context.Context) error {
		return func(ctx context.Context) error {
			for i := range 3 {
				err := lock.With(ctx, func() error {
					print(name, i)
					return asyncio.Sleep(ctx, 0)
				})
				if err != nil {
					return err
				}
			}
			return nil
		}
	}
	return gather(ctx, work("a"), work("b"))
})

var _ = twin("120_event_wakes_in_order", func(ctx context.Context, print printer) error {
	var event asyncio.Event
	var tasks []*asyncio.Task[none]
	for _, name := range []string{"a", "b", "c"} {
		tasks = append(tasks, spawn(ctx, func(ctx context.Context) error {
			err := event.Wait(ctx)
			print(name)
			return err
		}))
	}
	slept := asyncio.Sleep(ctx, 0)
	print(event.IsSet())
	event.Set()
	print("set")
	_, err := asyncio.Gather(ctx, tasks...).Await(ctx)
	print(event.IsSet())
	return errors.Join(slept, err)
})

var _ = twin("121_event_newcomer_passes", func(ctx context.Context, print printer) error {
	var event asyncio.Event
	wait := func(n int) *asyncio.Task[none] {
		return spawn(ctx, func(ctx context.Context) error {
			err := event.Wait(ctx)
			print(n)
			return err
		})
	}
	tasks := []*asyncio.Task[none]{wait(1), wait(2)}
	slept := asyncio.Sleep(ctx, 0)
	tasks = append(tasks, wait(3))
	event.Set()
	_, err := asyncio.Gather(ctx, tasks...).Await(ctx)
	return errors.Join(slept, err)
})

var _ = twin("122_event_cleared_at_once", func(ctx context.Context, print printer) error {
	var event asyncio.Event
	wait := func(name string) *asyncio.Task[none] {
		return spawn(ctx, func(ctx context.Context) error {
			err := event.Wait(ctx)
			print(name, "woke", event.IsSet())
			return err
		})
	}
	a := wait("a")
	slept := asyncio.Sleep(ctx, 0)
	event.Set()
	event.Clear()
	b := wait("b")
	_, errA := a.Await(ctx)
	print(b.Done())
	event.Set()
	_, errB := b.Await(ctx)
	return errors.Join(slept, errA, errB)
})

var _ = twin("130_condition_notify", func(ctx context.Context, print printer) error {
	var lock asyncio.Lock
	cond := asyncio.NewCondition(&lock)
	var tasks []*asyncio.Task[none]
	for _, name := range []string{"a", "b", "c", "d"} {
		tasks = append(tasks, spawn(ctx, func(ctx context.Context) error {
			return lock.With(ctx, func() error {
				err := cond.Wait(ctx)
				print(name, "woke")
				return err
			})
		}))
	}
	first := errors.Join(asyncio.Sleep(ctx, 0), lock.With(ctx, func() error {
		cond.Notify(2)
		print("notified 2")
		err := asyncio.Sleep(ctx, 0)
		print("still holds the lock")
		return err
	}))
	second := errors.Join(asyncio.Sleep(ctx, ms(10)), lock.With(ctx, func() error {
		cond.NotifyAll()
		print("notified all")
		return nil
	}))
	_, err := asyncio.Gather(ctx, tasks...).Await(ctx)
	return errors.Join(first, second, err)
})

var _ = twin("131_condition_predicate", func(ctx context.Context, print printer) error {
	var lock asyncio.Lock
	cond := asyncio.NewCondition(&lock)
	n := 0
	task := spawn(ctx, func(ctx context.Context) error {
		return lock.With(ctx, func() error {
			err := cond.WaitFor(ctx, func() bool { return n >= 3 })
			print("n is", n)
			return err
		})
	})
	err := asyncio.Sleep(ctx, 0)
	for n < 4 && err == nil {
		err = lock.With(ctx, func() error {
			n++
			print("set", n)
			cond.NotifyAll()
			return nil
		})
		err = errors.Join(err, asyncio.Sleep(ctx, ms(10)))
	}
	_, waited := task.Await(ctx)
	return errors.Join(err, waited)
})

var _ = twin("140_semaphore_limits", func(ctx context.Context, print printer) error {
	semaphore := asyncio.NewSemaphore(2)
	var all []func(context.Context) error
	for n := range 4 {
		all = append(all, func(ctx context.Context) error {
			return semaphore.With(ctx, func() error {
				print("enters", n)
				err := asyncio.Sleep(ctx, ms(10*(n+1)))
				print("leaves", n)
				return err
			})
		})
	}
	return gather(ctx, all...)
})

var _ = twin("141_semaphore_is_fair", func(ctx context.Context, print printer) error {
	semaphore := asyncio.NewSemaphore(0)
	var tasks []*asyncio.Task[none]
	for _, name := range []string{"a", "b", "c"} {
		tasks = append(tasks, spawn(ctx, func(ctx context.Context) error {
			err := semaphore.Acquire(ctx)
			if err == nil {
				print(name)
			}
			return err
		}))
	}
	slept := asyncio.Sleep(ctx, 0)
	tasks[0].Cancel(nil)
	semaphore.Release()
	slept = errors.Join(slept, asyncio.Sleep(ctx, ms(10)))
	print(semaphore.Locked())
	semaphore.Release()
	_, err := asyncio.Wait(ctx, tasks).Await(ctx)
	print(each(tasks, cancelledTask))
	return errors.Join(slept, err)
})

var _ = twin("150_barrier", func(ctx context.Context, print printer) error {
	barrier := asyncio.NewBarrier(3)
	var tasks []*asyncio.Task[string]
	for n := range 3 {
		tasks = append(tasks, asyncio.CreateTask(ctx, func(ctx context.Context) (string, error) {
			slept := asyncio.Sleep(ctx, ms(10*n))
			print("arrives", n, "with", barrier.Waiting(), "waiting")
			_, err := barrier.Wait(ctx)
			return "passed", errors.Join(slept, err)
		}))
	}
	all, err := asyncio.Gather(ctx, tasks...).Await(ctx)
	print(all)
	print(barrier.Waiting(), barrier.Broken())
	return err
})

var _ = twin("151_broken_barrier", func(ctx context.Context, print printer) error {
	barrier := asyncio.NewBarrier(3)
	work := func(n int) func(context.Context) error {
		return func(ctx context.Context) error {
			if _, err := barrier.Wait(ctx); errors.Is(err, asyncio.ErrBrokenBarrier) {
				print("broken", n)
			}
			return nil
		}
	}
	a, b := spawn(ctx, work(0)), spawn(ctx, work(1))
	slept := asyncio.Sleep(ctx, ms(10))
	barrier.Abort()
	_, err := asyncio.Gather(ctx, a, b).Await(ctx)
	print(barrier.Broken())
	return errors.Join(slept, err, work(2)(ctx))
})

var _ = twin("160_queue_order", func(ctx context.Context, print printer) error {
	queue := asyncio.NewQueue[any](0)
	task := spawn(ctx, func(ctx context.Context) error {
		for {
			item, err := queue.Get(ctx)
			if item == nil {
				return err
			}
			print("got", item)
		}
	})
	for i := range 3 {
		if err := queue.Put(ctx, i); err != nil {
			return err
		}
		print("put", i)
	}
	put := queue.Put(ctx, nil)
	_, err := task.Await(ctx)
	print(queue.Empty())
	return errors.Join(put, err)
})

var _ = twin("161_bounded_queue", func(ctx context.Context, print printer) error {
	queue := asyncio.NewQueue[int](2)
	task := spawn(ctx, func(ctx context.Context) error {
		for i := range 5 {
			if err := queue.Put(ctx, i); err != nil {
				return err
			}
			print("put", i)
		}
		return nil
	})
	err := asyncio.Sleep(ctx, ms(10))
	print("full", queue.Full(), queue.Len())
	for range 5 {
		v, got := queue.Get(ctx)
		print("got", v)
		err = errors.Join(err, got, asyncio.Sleep(ctx, ms(10)))
	}
	_, produced := task.Await(ctx)
	return errors.Join(err, produced)
})

var _ = twin("162_priority_and_lifo", func(ctx context.Context, print printer) error {
	for _, queue := range []*asyncio.Queue[int]{
		asyncio.NewPriorityQueue(0, cmp.Less[int]), asyncio.NewLifoQueue[int](0), asyncio.NewQueue[int](0),
	} {
		for _, i := range []int{3, 1, 2} {
			if err := queue.PutNowait(i); err != nil {
				return err
			}
		}
		var all []int
		for range 3 {
			v, err := queue.Get(ctx)
			if err != nil {
				return err
			}
			all = append(all, v)
		}
		print(all)
	}
	return nil
})

var _ = twin("163_queue_join", func(ctx context.Context, print printer) error {
	queue := asyncio.NewQueue[int](0)
	for i := range 4 {
		_ = queue.PutNowait(i)
	}
	worker := spawn(ctx, func(ctx context.Context) error {
		for {
			item, err := queue.Get(ctx)
			if err != nil {
				return err
			}
			if err := asyncio.Sleep(ctx, ms(10)); err != nil {
				return err
			}
			print("w", "did", item)
			if err := queue.TaskDone(); err != nil {
				return err
			}
		}
	})
	joined := queue.Join(ctx)
	print("joined")
	worker.Cancel(nil)
	_, err := asyncio.Wait(ctx, []*asyncio.Task[none]{worker}).Await(ctx)
	if queue.TaskDone() != nil {
		print("ValueError")
	}
	return errors.Join(joined, err)
})

var _ = twin("164_queue_errors", func(_ context.Context, print printer) error {
	queue := asyncio.NewQueue[int](1)
	_, err := queue.GetNowait()
	print(err)
	_ = queue.PutNowait(1)
	print(queue.PutNowait(2))
	v, err := queue.GetNowait()
	print(v, queue.Len())
	return err
})

var _ = twin("165_cancelled_getter", func(ctx context.Context, print printer) error {
	queue := asyncio.NewQueue[int](0)
	var tasks []*asyncio.Task[none]
	for _, name := range []string{"a", "b", "c"} {
		tasks = append(tasks, spawn(ctx, func(ctx context.Context) error {
			if v, err := queue.Get(ctx); err != nil {
				print(name, "gave up")
			} else {
				print(name, "got", v)
			}
			return nil
		}))
	}
	slept := asyncio.Sleep(ctx, 0)
	tasks[0].Cancel(nil)
	_, _ = queue.PutNowait(1), queue.PutNowait(2)
	_, err := asyncio.Gather(ctx, tasks...).Await(ctx)
	return errors.Join(slept, err)
})

var _ = twin("200_producers_and_consumers", func(ctx context.Context, print printer) error {
	queue := asyncio.NewQueue[string](1)
	producer := func(name string) func(context.Context) error {
		return func(ctx context.Context) error {
			for i := range 2 {
				if err := queue.Put(ctx, fmt.Sprint(name, i)); err != nil {
					return err
				}
				if err := asyncio.Sleep(ctx, ms(10)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	consumer := spawn(ctx, func(ctx context.Context) error {
		for {
			item, err := queue.Get(ctx)
			if item == "" {
				return err
			}
			print("c", item)
		}
	})
	produced := gather(ctx, producer("a"), producer("b"))
	put := queue.Put(ctx, "")
	_, err := consumer.Await(ctx)
	return errors.Join(produced, put, err)
})
