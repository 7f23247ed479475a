package asyncio_test

// What the tests of the package share: programs run under virtual time, a record of what
// happened in which order, a loop driven turn by turn, and the check that no goroutine is
// left, after each test and after all of them.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func TestMain(m *testing.M) {
	if program := os.Getenv(childProgram); program != "" {
		children[program]()
		return
	}
	// The runtime's own goroutine for signals starts with the first and stays.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	signal.Reset(os.Interrupt)
	before, code := descriptors(), m.Run()
	// The runtime's own poller takes a few when it is first needed.
	if code == 0 && !settles(func() bool { return descriptors() <= before+4 }) {
		fmt.Fprintf(os.Stderr, "descriptors are left open: %d before the first test, %d after the last\n", before, descriptors())
		code = 1
	}
	if code == 0 && !settles(func() bool { return !strings.Contains(goroutines(), "asyncio.(*worker)") }) {
		fmt.Fprintf(os.Stderr, "coroutines are left after the last test:\n%s", goroutines())
		code = 1
	}
	os.Exit(code)
}

// childProgram names, in the environment, the program of children that the test binary is
// to run instead of its tests: for what only a whole process can show.
const childProgram = "ASYNCIO_TEST_CHILD"

var children = map[string]func(){}

type none = struct{}

var errBoom = errors.New("boom")

// guarded is the test that noGoroutineLeft has last been called for.
var guarded *testing.T

// noGoroutineLeft makes the test fail if it ends with more goroutines than it had.
func noGoroutineLeft(t *testing.T) {
	t.Helper()
	if guarded == t {
		return
	}
	guarded = t
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		if !settles(func() bool { return runtime.NumGoroutine() <= before }) {
			t.Errorf("got %d goroutines, want %d as before the test:\n%s", runtime.NumGoroutine(), before, goroutines())
		}
	})
}

// settles reports whether ok becomes true while other goroutines run.
func settles(ok func() bool) bool {
	for start := time.Now(); !ok(); runtime.Gosched() {
		if time.Since(start) > patience {
			return false
		}
	}
	return true
}

func goroutines() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

// simulate is aiotest.Run for a test that may leave no goroutine.
func simulate(t *testing.T, body func(ctx context.Context) error, opts ...aiotest.Option) {
	t.Helper()
	noGoroutineLeft(t)
	aiotest.Run(t, body, opts...)
}

// newLoop returns a loop under virtual time that is closed when the test ends.
func newLoop(t *testing.T, opts ...asyncio.LoopOption) *asyncio.EventLoop {
	t.Helper()
	noGoroutineLeft(t)
	l := asyncio.NewEventLoop(append([]asyncio.LoopOption{asyncio.WithClock(new(aiotest.Clock))}, opts...)...)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("closing the loop: %v", err)
		}
	})
	return l
}

// turn runs one turn of a loop at rest.
func turn(t *testing.T, l *asyncio.EventLoop) {
	t.Helper()
	l.Stop()
	if err := l.RunForever(); err != nil {
		t.Fatal(err)
	}
}

// spawn is CreateTask for a task without a result.
func spawn(ctx context.Context, f func(ctx context.Context) error, opts ...asyncio.TaskOption) *asyncio.Task[none] {
	return asyncio.CreateTask(ctx, func(ctx context.Context) (none, error) { return none{}, f(ctx) }, opts...)
}

// after returns a coroutine that sleeps for d and returns v and err.
func after[T any](d time.Duration, v T, err error) asyncio.Coroutine[T] {
	return func(ctx context.Context) (T, error) {
		if err := asyncio.Sleep(ctx, d); err != nil {
			var zero T
			return zero, err
		}
		return v, err
	}
}

// stubborn returns a coroutine that goes on for d after its first interruption, and then
// returns v and err. A negative d means that it is not to be interrupted.
func stubborn[T any](d time.Duration, v T, err error) asyncio.Coroutine[T] {
	return func(ctx context.Context) (T, error) {
		interrupted := asyncio.Sleep(ctx, time.Hour)
		if interrupted == nil {
			panic("nobody interrupted the stubborn task")
		}
		if slept := asyncio.Sleep(context.WithoutCancel(ctx), d); slept != nil {
			err = errors.Join(err, slept)
		}
		return v, err
	}
}

// trace records what happened, in order.
type trace []string

func (tr *trace) add(format string, args ...any) { *tr = append(*tr, fmt.Sprintf(format, args...)) }

// step returns a callback that records name.
func (tr *trace) step(name string) func() { return func() { tr.add("%s", name) } }

func (tr trace) want(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(tr, want) {
		t.Errorf("got  %q\nwant %q", []string(tr), want)
	}
}

// wantErr checks err against target with errors.Is; a nil target stands for no error.
func wantErr(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) || target == nil && err != nil {
		t.Errorf("got error %v, want %v", err, target)
	}
}

// wantPanic calls f, which must panic with a text that contains want.
func wantPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
			t.Errorf("got panic %q, want one with %q", got, want)
		}
	}()
	f()
}

// reports collects what a loop's exception handler is told.
type reports []asyncio.ExceptionInfo

func (r *reports) listen(l *asyncio.EventLoop) {
	l.SetExceptionHandler(func(_ *asyncio.EventLoop, info asyncio.ExceptionInfo) { *r = append(*r, info) })
}

// descriptors counts the open descriptors of the process, where the system tells.
func descriptors() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}
