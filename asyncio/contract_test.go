package asyncio_test

// The signatures that docs and other people's programs are written against, spelled out: this
// file does not compile if one changes. Behaviour is tested elsewhere.

import (
	"context"
	"errors"
	"iter"
	"net"
	"os"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

type (
	ctxT    = context.Context
	loopT   = *asyncio.EventLoop
	futureT = *asyncio.Future[int]
	taskT   = *asyncio.Task[int]
	coroT   = asyncio.Coroutine[int]
	valuesT = *asyncio.Future[[]int]
)

// Running.
var (
	_ func(ctxT, coroT, ...asyncio.RunOption) (int, error)                   = asyncio.Run[int]
	_ func(...asyncio.RunOption) *asyncio.Runner                             = asyncio.NewRunner
	_ func(*asyncio.Runner, ctxT, asyncio.Coroutine[string]) (string, error) = asyncio.RunWith[string]
	_ func(*asyncio.Runner) loopT                                            = (*asyncio.Runner).Loop
	_ func(*asyncio.Runner) error                                            = (*asyncio.Runner).Close
	_ func(ctxT) (int, error)                                                = coroT(nil)
)

// The loop.
var (
	_ func(...asyncio.LoopOption) loopT                       = asyncio.NewEventLoop
	_ func(loopT) ctxT                                        = loopT.Context
	_ func(loopT, asyncio.Waitable) error                     = loopT.RunUntilComplete
	_ func(loopT) error                                       = loopT.RunForever
	_ func(loopT)                                             = loopT.Stop
	_ func(loopT) error                                       = loopT.Close
	_ func(loopT) bool                                        = loopT.IsRunning
	_ func(loopT) bool                                        = loopT.IsClosed
	_ func(loopT) time.Duration                               = loopT.Time
	_ func(loopT, func()) *asyncio.Handle                     = loopT.CallSoon
	_ func(loopT, time.Duration, func()) *asyncio.TimerHandle = loopT.CallLater
	_ func(loopT, time.Duration, func()) *asyncio.TimerHandle = loopT.CallAt
	_ func(loopT, func()) error                               = loopT.CallSoonThreadsafe
	_ func(loopT, func(loopT, asyncio.ExceptionInfo))         = loopT.SetExceptionHandler
	_ func(loopT, bool)                                       = loopT.SetDebug
	_ func(loopT) bool                                        = loopT.Debug
	_ func(loopT, os.Signal, func()) error                    = loopT.AddSignalHandler
	_ func(loopT, os.Signal) bool                             = loopT.RemoveSignalHandler
	_ func(loopT, func(ctxT) (int, error)) futureT            = asyncio.RunInExecutor[int]
	_ func(ctxT, func(ctxT) (int, error)) (int, error)        = asyncio.ToThread[int]
	_ func(loopT, coroT) *asyncio.ThreadFuture[int]           = asyncio.RunCoroutineThreadsafe[int]
	_ func(*asyncio.ThreadFuture[int], ctxT) (int, error)     = (*asyncio.ThreadFuture[int]).Result
	_ func(ctxT) loopT                                        = asyncio.RunningLoop
	_ interface{ Cancelled() bool }                           = (*asyncio.Handle)(nil)
	_ interface{ When() time.Duration }                       = (*asyncio.TimerHandle)(nil)
	_ interface{ Cancelled() bool }                           = (*asyncio.TimerHandle)(nil)
	_                                                         = (*asyncio.Handle).Cancel
	_                                                         = (*asyncio.TimerHandle).Cancel
	_                                                         = (*asyncio.ThreadFuture[int]).Cancel
	_                                                         = asyncio.ExceptionInfo{Message: "", Err: error(nil)}
	_                                                         = asyncio.WithDeadlockError(true)
)

// Futures and tasks.
var (
	_ asyncio.Awaitable[int]                         = futureT(nil)
	_ asyncio.Awaitable[int]                         = taskT(nil)
	_ asyncio.Waitable                               = futureT(nil)
	_ asyncio.Waitable                               = taskT(nil)
	_ func(ctxT) futureT                             = asyncio.NewFuture[int]
	_ func(futureT, ctxT) (int, error)               = futureT.Await
	_ func(futureT) (int, error)                     = futureT.Result
	_ func(futureT, int) error                       = futureT.SetResult
	_ func(futureT, error) error                     = futureT.SetError
	_ func(futureT) bool                             = futureT.Done
	_ func(futureT) bool                             = futureT.Cancelled
	_ func(futureT) error                            = futureT.Err
	_ func(futureT, error) bool                      = futureT.Cancel
	_ func(futureT, func(futureT)) *asyncio.Callback = futureT.AddDoneCallback
	_ func(futureT, *asyncio.Callback) bool          = futureT.RemoveDoneCallback
	_ func(ctxT, coroT, ...asyncio.TaskOption) taskT = asyncio.CreateTask[int]
	_ func(ctxT, coroT) taskT                        = asyncio.EnsureFuture[int]
	_ func(taskT) string                             = taskT.Name
	_ func(taskT, string)                            = taskT.SetName
	_ func(taskT) ctxT                               = taskT.Context
	_ func(taskT, int) error                         = taskT.SetResult
	_ func(taskT, error) error                       = taskT.SetError
	_ func(taskT, func(futureT)) *asyncio.Callback   = taskT.AddDoneCallback
	_ func(ctxT) asyncio.AnyTask                     = asyncio.CurrentTask
	_ func(ctxT) []asyncio.AnyTask                   = asyncio.AllTasks
	_ asyncio.Waitable                               = asyncio.AnyTask(nil)
	_ interface{ Name() string }                     = asyncio.AnyTask(nil)
	_ interface{ SetName(string) }                   = asyncio.AnyTask(nil)
	_ asyncio.TaskOption                             = asyncio.WithName("")
	_ asyncio.TaskOption                             = asyncio.WithEagerStart()
	_                                                = asyncio.AnyTask.Stack
)

// afterFuncer is what package context looks for in a parent, to attach children without goroutines.
type afterFuncer interface{ AfterFunc(func()) func() bool }

// Combinators.
var (
	_ func(ctxT, time.Duration) error                                                          = asyncio.Sleep
	_ func(ctxT, ...taskT) valuesT                                                             = asyncio.Gather[taskT]
	_ func(ctxT, ...futureT) valuesT                                                           = asyncio.Gather[futureT]
	_ func(ctxT, ...taskT) *asyncio.Future[[]asyncio.Outcome[int]]                             = asyncio.GatherSettled[taskT]
	_ func(ctxT, []taskT, ...asyncio.WaitOption) *asyncio.Future[asyncio.WaitResult[taskT]]    = asyncio.Wait[taskT]
	_ []asyncio.WaitOption                                                                     = []asyncio.WaitOption{asyncio.FirstCompleted, asyncio.FirstException, asyncio.AllCompleted, asyncio.WaitTimeout(0)}
	_                                                                                          = asyncio.WaitResult[taskT]{Done: []taskT{}, Pending: []taskT{}}
	_                                                                                          = asyncio.Outcome[int]{Value: 0, Err: error(nil)}
	_ func(ctxT, []taskT) iter.Seq2[taskT, error]                                              = asyncio.AsCompleted[taskT]
	_ func(ctxT, time.Duration, asyncio.Awaitable[int]) (int, error)                           = asyncio.WaitFor[int]
	_ func(ctxT, coroT) (int, error)                                                           = asyncio.Shield[int]
	_ func(ctxT, time.Duration) (ctxT, context.CancelFunc)                                     = asyncio.WithTimeout
	_ func(ctxT, time.Duration) (ctxT, context.CancelFunc)                                     = asyncio.WithDeadline
	_ func(ctxT, time.Duration, coroT) (int, error)                                            = asyncio.Timeout[int]
	_ func(ctxT, ...coroT) (int, error)                                                        = asyncio.Race[int]
	_ func(ctxT, int, iter.Seq[int], func(ctxT, int) (string, error)) iter.Seq2[string, error] = asyncio.Map[int, string]
	_ func(ctxT, func(ctxT, *asyncio.TaskGroup) error) error                                   = asyncio.Group
	_ func(*asyncio.TaskGroup, coroT, ...asyncio.TaskOption) taskT                             = asyncio.CreateTaskIn[int]
	_ func(*asyncio.TaskGroup, func(ctxT) error)                                               = (*asyncio.TaskGroup).Go
	_ func(*asyncio.TaskGroup, error)                                                          = (*asyncio.TaskGroup).Cancel
	_ func(*asyncio.TaskGroup, int)                                                            = (*asyncio.TaskGroup).SetLimit
)

// Primitives.
var (
	_ func(*asyncio.Lock, ctxT) error                       = (*asyncio.Lock).Acquire
	_ func(*asyncio.Lock)                                   = (*asyncio.Lock).Release
	_ func(*asyncio.Lock) bool                              = (*asyncio.Lock).Locked
	_ func(*asyncio.Lock, ctxT, func() error) error         = (*asyncio.Lock).With
	_ func(*asyncio.Event, ctxT) error                      = (*asyncio.Event).Wait
	_ func(*asyncio.Event)                                  = (*asyncio.Event).Set
	_ func(*asyncio.Event)                                  = (*asyncio.Event).Clear
	_ func(*asyncio.Event) bool                             = (*asyncio.Event).IsSet
	_ func(*asyncio.Lock) *asyncio.Condition                = asyncio.NewCondition
	_ func(*asyncio.Condition, ctxT) error                  = (*asyncio.Condition).Wait
	_ func(*asyncio.Condition, ctxT, func() bool) error     = (*asyncio.Condition).WaitFor
	_ func(*asyncio.Condition, int)                         = (*asyncio.Condition).Notify
	_ func(*asyncio.Condition)                              = (*asyncio.Condition).NotifyAll
	_ func(int) *asyncio.Semaphore                          = asyncio.NewSemaphore
	_ func(*asyncio.Semaphore, ctxT) error                  = (*asyncio.Semaphore).Acquire
	_ func(*asyncio.Semaphore)                              = (*asyncio.Semaphore).Release
	_ func(*asyncio.Semaphore) bool                         = (*asyncio.Semaphore).Locked
	_ func(int) *asyncio.BoundedSemaphore                   = asyncio.NewBoundedSemaphore
	_ func(int) *asyncio.Barrier                            = asyncio.NewBarrier
	_ func(*asyncio.Barrier, ctxT) (int, error)             = (*asyncio.Barrier).Wait
	_                                                       = (*asyncio.Barrier).Reset
	_                                                       = (*asyncio.Barrier).Abort
	_ func(*asyncio.Barrier) int                            = (*asyncio.Barrier).Waiting
	_ func(*asyncio.Barrier) bool                           = (*asyncio.Barrier).Broken
	_ func(int) *asyncio.Queue[int]                         = asyncio.NewQueue[int]
	_                                                       = asyncio.NewPriorityQueue[int](0, func(a, b int) bool { return a < b })
	_                                                       = asyncio.NewLifoQueue[int](0)
	_ func(*asyncio.Queue[int], ctxT, int) error            = (*asyncio.Queue[int]).Put
	_ func(*asyncio.Queue[int], ctxT) (int, error)          = (*asyncio.Queue[int]).Get
	_ func(*asyncio.Queue[int], int) error                  = (*asyncio.Queue[int]).PutNowait
	_ func(*asyncio.Queue[int]) (int, error)                = (*asyncio.Queue[int]).GetNowait
	_ func(*asyncio.Queue[int], ctxT) error                 = (*asyncio.Queue[int]).Join
	_ func(*asyncio.Queue[int]) error                       = (*asyncio.Queue[int]).TaskDone
	_ func(*asyncio.Queue[int], bool)                       = (*asyncio.Queue[int]).Shutdown
	_ func(*asyncio.Queue[int]) int                         = (*asyncio.Queue[int]).Len
	_ func(*asyncio.Queue[int]) bool                        = (*asyncio.Queue[int]).Empty
	_ func(*asyncio.Queue[int]) bool                        = (*asyncio.Queue[int]).Full
	_ func(*asyncio.Queue[int], ctxT) iter.Seq2[int, error] = (*asyncio.Queue[int]).All
	_ func(ctxT, <-chan int) (int, bool, error)             = asyncio.Recv[int]
	_ func(ctxT, chan<- int, int) error                     = asyncio.Send[int]
)

// Errors.
var (
	_ = []error{
		asyncio.ErrInvalidState, asyncio.ErrLoopClosed, asyncio.ErrLoopRunning, asyncio.ErrLoopStopped,
		asyncio.ErrQueueEmpty, asyncio.ErrQueueFull, asyncio.ErrQueueShutDown, asyncio.ErrBrokenBarrier,
		(*asyncio.DeadlockError)(nil), (*asyncio.CancelledError)(nil), (*asyncio.GroupError)(nil),
		(*asyncio.IncompleteReadError)(nil), (*asyncio.LimitOverrunError)(nil),
		&asyncio.PanicError{Value: any(nil), Stack: []byte(nil)},
	}
	_ interface{ Unwrap() []error } = (*asyncio.GroupError)(nil)
)

// I/O, and the simulation.
var (
	_ net.Conn                                = (*asyncio.Conn)(nil)
	_ func(*asyncio.Conn, ctxT) *asyncio.Conn = (*asyncio.Conn).WithContext
	_ func(*asyncio.Conn) error               = (*asyncio.Conn).CloseWrite
	_ asyncio.Protocol                        = asyncio.BaseProtocol{}
	_ func(testing.TB, func(ctxT) error)      = func(t testing.TB, f func(ctxT) error) { aiotest.Run(t, f) }
)

// The founding programs' idiom.
func TestClassicStyleCompiles(t *testing.T) {
	loop := asyncio.NewEventLoop()
	defer loop.Close()
	ctx := loop.Context()
	hello := func(ctx context.Context) (struct{}, error) { return struct{}{}, nil }
	tasks := []*asyncio.Task[struct{}]{asyncio.EnsureFuture(ctx, hello), asyncio.EnsureFuture(ctx, hello)}
	coro := asyncio.EnsureFuture(ctx, hello)
	done := false
	coro.AddDoneCallback(func(*asyncio.Future[struct{}]) { done = true })
	err := errors.Join(loop.RunUntilComplete(asyncio.Wait(ctx, tasks)), loop.RunUntilComplete(coro),
		loop.RunUntilComplete(asyncio.Gather(ctx, tasks...)))
	if err != nil || !done {
		t.Errorf("got %v, callback called: %v", err, done)
	}
	if _, ok := coro.Context().(afterFuncer); !ok {
		t.Error("the context of a task has no AfterFunc")
	}
}
