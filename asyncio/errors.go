package asyncio

// Errors of the package.
//
//	context.Canceled
//	└─ *CancelledError      the scope, task or future was cancelled; wraps the cause
//	context.DeadlineExceeded  a Timeout, WithTimeout or WaitFor ran out (Timeout() is true)
//	ErrInvalidState         result of a pending future; completing a done one
//	ErrLoopClosed, ErrLoopRunning, ErrLoopStopped
//	*DeadlockError          nothing can ever wake the tasks that still wait
//	*PanicError             a task panicked
//	*GroupError             tasks of a Group failed; Unwrap() []error
//	ErrQueueEmpty, ErrQueueFull, ErrQueueShutDown
//	ErrBrokenBarrier
//	*IncompleteReadError, *LimitOverrunError   streams
//	ErrNotPipe              a file that cannot be waited for
//	ErrNoStdin              input for a process that has no pipe for it
//	*DialError              every address of a host was tried in vain
//	*DatagramTooLargeError  a datagram that cannot be sent
//	ErrSendFileNotAvailable a file that the system cannot send by itself
//	*net.OpError            connections: wraps ErrConcurrentRead, ErrHandshakeTimeout, ErrShutdownTimeout,
//	                        net.ErrClosed, os.ErrDeadlineExceeded and what the system says
//	ErrServerClosed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

var (
	// ErrInvalidState reports that a future is not in the state the call needs: its
	// result was asked for while it is pending, or it was completed twice, or somebody
	// tried to complete a task from outside. CPython: asyncio.InvalidStateError.
	ErrInvalidState = errors.New("asyncio: invalid state")

	// ErrLoopClosed reports that the event loop was closed and takes no more work.
	ErrLoopClosed = errors.New("asyncio: event loop is closed")

	// ErrLoopRunning reports a call that needs a loop at rest: closing or running a
	// loop that runs, or starting a loop from inside another.
	ErrLoopRunning = errors.New("asyncio: event loop is running")

	// ErrLoopStopped reports that the loop was stopped before the future that
	// RunUntilComplete waited for was done. The future stays pending; run again to go on.
	ErrLoopStopped = errors.New("asyncio: event loop stopped before the future was done")

	// ErrQueueEmpty reports GetNowait on an empty queue.
	ErrQueueEmpty = errors.New("asyncio: queue empty")

	// ErrQueueFull reports PutNowait on a full queue.
	ErrQueueFull = errors.New("asyncio: queue full")

	// ErrQueueShutDown reports Put or Get on a queue that was shut down.
	ErrQueueShutDown = errors.New("asyncio: queue shut down")

	// ErrBrokenBarrier reports a wait on a barrier that was reset or aborted.
	ErrBrokenBarrier = errors.New("asyncio: barrier broken")
)

// CancelledError is the error of whatever was cancelled: a task, a future, or a
// suspension whose context ended. errors.Is(err, context.Canceled) holds for it, and
// for its cause. CPython: asyncio.CancelledError; the message there is the cause here.
type CancelledError struct {
	// Cause is the reason given to Cancel; nil if none was.
	Cause error
}

// Error returns the text of the error with its cause, if any.
func (e *CancelledError) Error() string {
	if e.Cause == nil {
		return "asyncio: cancelled"
	}
	return "asyncio: cancelled: " + withoutStack(e.Cause)
}

// Is reports whether target is context.Canceled.
func (e *CancelledError) Is(target error) bool { return target == context.Canceled }

// Unwrap returns the cause.
func (e *CancelledError) Unwrap() error { return e.Cause }

// withoutStack is err's text without the stack of a panic in it. All that was cancelled because
// of a panic carries it as the cause; where it was is told once, by the failure itself.
func withoutStack(err error) string {
	text := err.Error()
	var p *PanicError
	if errors.As(err, &p) {
		text = strings.ReplaceAll(text, "\n\n"+string(p.Stack), "")
	}
	return text
}

// isCancellation tells a cancelled outcome from a failed one. A group's error and a
// panic are failures even if a cancellation is somewhere inside them.
func isCancellation(err error) bool {
	switch e := err.(type) {
	case nil:
		return false
	case *CancelledError:
		return true
	case *GroupError, *PanicError:
		return false
	default:
		return errors.Is(e, context.Canceled)
	}
}

// PanicError is the error of a task whose coroutine panicked, and what the exception
// handler gets for a callback that did.
type PanicError struct {
	Value any    // the argument of panic
	Stack []byte // the goroutine's stack at the panic, as debug.Stack prints it
}

// Error returns the panic value and the stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("panic: %v\n\n%s", e.Value, e.Stack)
}

// Unwrap returns the panic value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// GroupError carries the failures of a Group: of its tasks in the order in which they
// failed, then of its body. CPython: ExceptionGroup as TaskGroup raises it.
type GroupError struct {
	Errors []error // at least one
}

// Error lists the failures, one per line if there are several.
func (e *GroupError) Error() string {
	if len(e.Errors) == 1 {
		return "asyncio: group failed: " + e.Errors[0].Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "asyncio: group failed with %d errors:", len(e.Errors))
	for _, err := range e.Errors {
		b.WriteString("\n\t" + strings.ReplaceAll(err.Error(), "\n", "\n\t"))
	}
	return b.String()
}

// Unwrap returns the failures, so that errors.Is and errors.As look at each.
func (e *GroupError) Unwrap() []error { return e.Errors }

// IncompleteReadError reports that a stream ended before the bytes that were asked for had
// come. It unwraps to io.ErrUnexpectedEOF. CPython: asyncio.IncompleteReadError.
type IncompleteReadError struct {
	Partial  []byte // what came before the end
	Expected int    // how many bytes were asked for; -1 if up to a separator
}

// Error tells how much came of how much.
func (e *IncompleteReadError) Error() string {
	if e.Expected < 0 {
		return fmt.Sprintf("asyncio: the stream ended after %d bytes, before the separator", len(e.Partial))
	}
	return fmt.Sprintf("asyncio: the stream ended after %d of %d bytes", len(e.Partial), e.Expected)
}

// Unwrap returns io.ErrUnexpectedEOF.
func (e *IncompleteReadError) Unwrap() error { return io.ErrUnexpectedEOF }

// LimitOverrunError reports that the separator a read looked for was not found within the
// stream's limit. What was read stays in the buffer. CPython: asyncio.LimitOverrunError.
type LimitOverrunError struct {
	Consumed int // bytes that can be read before looking on
	Limit    int // the stream's limit, in bytes
}

// Error tells the limit.
func (e *LimitOverrunError) Error() string {
	return fmt.Sprintf("asyncio: separator not found within the limit of %d bytes: read on in pieces, or raise the limit", e.Limit)
}
