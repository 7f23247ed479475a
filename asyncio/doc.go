// Package asyncio runs cooperative tasks on an event loop: Python's asyncio, for Go.
//
// A coroutine is a function that takes a context and may suspend. A task runs a coroutine on
// a loop; many tasks share the loop, one at a time, and give way only where they suspend.
// Between two suspensions nothing else on the loop runs, so tasks share plain variables
// without locks.
//
//	func hello(n int) asyncio.Coroutine[string] {
//		return func(ctx context.Context) (string, error) {
//			fmt.Println("Waiting", n)
//			if err := asyncio.Sleep(ctx, time.Duration(n)*time.Second); err != nil {
//				return "", err
//			}
//			return fmt.Sprint("Res ", n), nil
//		}
//	}
//
//	results, err := asyncio.Run(context.Background(), func(ctx context.Context) ([]string, error) {
//		a := asyncio.CreateTask(ctx, hello(1))
//		b := asyncio.CreateTask(ctx, hello(2))
//		return asyncio.Gather(ctx, a, b).Await(ctx)
//	})
//
// # The rule of ctx
//
// A function that can suspend takes ctx first; one that does not take it cannot suspend. Name
// the parameter of every coroutine literal ctx, so that it hides the outer one: a coroutine
// suspends with its own context.
//
// The context carries the loop and the task, and cancellation travels along it. Cancelling a
// task ends its context, and with it everything that was started with it; from then on every
// suspension under it fails at once, with an error that is context.Canceled and carries the
// cause. A result that came before is never lost: the call that waited for it succeeds, and
// the next suspension fails. Awaiting something does not own it: a task that is cancelled
// while it awaits another leaves the other alone. Clean-up that has to suspend uses
// [context.WithoutCancel].
//
// # Order
//
// The loop runs in turns. A turn takes what is ready, then what the sockets have to say, then
// the timers that are due, and runs exactly that, first come, first served; whatever it
// schedules waits for the next turn. Completing a future, adding a callback to a done future
// and creating a task all schedule for the next turn. The order is CPython's, and given the
// same events it is always the same.
//
// # Other goroutines
//
// The loop and all that belongs to it must be used on the loop. Blocking work leaves it through
// [ToThread] and [RunInExecutor]; other goroutines enter through [EventLoop.CallSoonThreadsafe]
// and [RunCoroutineThreadsafe]. In debug mode ([WithDebug]) another goroutine that schedules
// something, completes a future or uses a connection panics.
//
// # For those who know asyncio
//
//	asyncio.run(main())                    Run(ctx, main)
//	asyncio.Runner                         NewRunner, RunWith
//	loop.run_until_complete(f)             loop.RunUntilComplete(f)
//	async def f(x): …                      func f(x X) Coroutine[T], or any func(ctx) (T, error)
//	await f(x)                             f(x)(ctx)
//	create_task(f(x)), ensure_future       CreateTask(ctx, f(x)), EnsureFuture
//	await task                             task.Await(ctx)
//	task.cancel("why")                     task.Cancel(errors.New("why"))
//	except CancelledError                  errors.Is(err, context.Canceled)
//	task.add_done_callback(cb)             task.AddDoneCallback(cb)
//	loop.create_future()                   NewFuture[T](ctx)
//	sleep(1)                               Sleep(ctx, time.Second)
//	gather(*ts)                            Gather(ctx, ts...).Await(ctx)
//	gather(*ts, return_exceptions=True)    GatherSettled(ctx, ts...).Await(ctx)
//	wait(ts, return_when=FIRST_COMPLETED)  Wait(ctx, ts, FirstCompleted).Await(ctx)
//	as_completed(ts)                       for t, err := range AsCompleted(ctx, ts)
//	wait_for(aw, 5)                        WaitFor(ctx, 5*time.Second, aw)
//	async with timeout(5)                  Timeout(ctx, 5*time.Second, c), WithTimeout
//	shield(f(x))                           Shield(ctx, f(x))
//	async with TaskGroup() as g            Group(ctx, func(ctx, g) error { … })
//	g.create_task(f(x))                    CreateTaskIn(g, f(x)), g.Go(f)
//	Lock, Event, Condition, Semaphore, …   the same names
//	async with lock                        lock.With(ctx, func() error { … })
//	Queue(10), q.put(v), q.get()           NewQueue[T](10), q.Put(ctx, v), q.Get(ctx)
//	create_subprocess_exec(prog, *args)    CreateSubprocessExec(ctx, prog, args, WithStdout(StdioPipe))
//	await proc.communicate(b)              proc.Communicate(ctx, b)
//	to_thread(f)                           ToThread(ctx, f)
//	run_coroutine_threadsafe(c, loop)      RunCoroutineThreadsafe(loop, c)
//	current_task(), all_tasks()            CurrentTask(ctx), AllTasks(ctx)
//	open_connection, start_server          OpenConnection, StartServer
//	await reader.readline()                r.ReadLine(ctx)
//	writer.write(b); await writer.drain()  w.Write(b), w.Drain(ctx)
//	create_connection, create_server       CreateConnection, CreateServer
//	a socket as one object                 Dial, Listen: a net.Conn for tasks
//
// What is different on purpose, and what is not there, is in docs/parity.md.
package asyncio
