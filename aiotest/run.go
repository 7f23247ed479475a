package aiotest

// Run: one test body on a loop of its own.
//
// The loop is made for the test and ends with it. What the body leaves behind is looked at
// before it is cleaned up, since that is where leaks hide: tasks that still wait, failures
// nobody asked for, jobs on other goroutines, open sockets.

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// seedFlag replays a run: go test -run TestName -aio.seed N.
var seedFlag = flag.Uint64("aio.seed", 0, "replay `seed`: run ready tasks in the order that seed gave them")

// Option configures Run.
type Option func(*config)

type config struct {
	seed    uint64
	shuffle bool
	loop    []asyncio.LoopOption
	leaks   bool
}

// WithSeed runs what is ready in a turn in a random order that seed determines. The default
// is the order of the real loop, first come, first served. The seed determines the random
// numbers of the loop as well; without one they are those of seed 0.
func WithSeed(seed uint64) Option {
	return func(c *config) { c.seed, c.shuffle = seed, true }
}

// WithLoopOptions passes options on to the loop. They come after Run's own, so that
// asyncio.WithClock, for example, replaces the virtual clock.
func WithLoopOptions(opts ...asyncio.LoopOption) Option {
	return func(c *config) { c.loop = append(c.loop, opts...) }
}

// AllowLeaks makes unfinished tasks, open sockets and unretrieved failures no failure of the test. The
// default is to report them.
func AllowLeaks() Option { return func(c *config) { c.leaks = false } }

// Run runs body as the main task of a new loop under virtual time and fails the test if body
// returns an error or panics, if it ends in a deadlock, or if it leaves behind unfinished tasks,
// open sockets or failures that nobody asked for. With a seed, given by WithSeed or the flag -aio.seed, a
// failure comes with the command that replays it.
func Run(t testing.TB, body func(ctx context.Context) error, opts ...Option) {
	t.Helper()
	c := config{leaks: true}
	if *seedFlag != 0 {
		WithSeed(*seedFlag)(&c)
	}
	for _, opt := range opts {
		opt(&c)
	}
	var found findings
	runner := asyncio.NewRunner(c.options()...)
	defer runner.Close() // for a body that leaves by runtime.Goexit
	loop := runner.Loop()
	loop.SetExceptionHandler(found.note)
	_, err := asyncio.RunWith(runner, context.Background(), func(ctx context.Context) (struct{}, error) {
		err := body(ctx)
		found.unfinished(ctx)
		return struct{}{}, err
	})
	if closed := runner.Close(); closed != nil {
		err = errors.Join(err, closed)
	}
	if err != nil {
		t.Errorf("%v", err)
	}
	if c.leaks {
		found.report(t)
	}
	if t.Failed() && c.shuffle {
		t.Logf("replay with: go test -run '^%s$' -aio.seed %d", strings.ReplaceAll(t.Name(), "/", "$/^"), c.seed)
	}
}

func (c *config) options() []asyncio.LoopOption {
	opts := []asyncio.LoopOption{
		asyncio.WithClock(new(Clock)), asyncio.WithDeadlockError(true), asyncio.WithoutSignals(),
		asyncio.WithRandom(rand.NewPCG(c.seed, 1)), // 0 is the stream of the picker
	}
	if c.shuffle {
		rng := rand.New(rand.NewPCG(c.seed, 0))
		opts = append(opts, asyncio.WithPicker(rng.IntN))
	}
	return append(opts, c.loop...)
}

// findings are what a run left behind.
type findings struct{ lines []string }

// note is the loop's exception handler.
func (f *findings) note(_ *asyncio.EventLoop, info asyncio.ExceptionInfo) {
	who := ""
	if info.Name != "" {
		who = " (" + info.Name + ")"
	}
	f.lines = append(f.lines, fmt.Sprintf("%s%s: %v", info.Message, who, info.Err))
}

// unfinished notes the tasks and sockets that are left when the body returns. Tasks that the
// body has cancelled get the turns they need to end.
func (f *findings) unfinished(ctx context.Context) {
	main := asyncio.CurrentTask(ctx)
	for range settleTurns {
		if stats := asyncio.RunningLoop(ctx).Stats(); stats.Tasks == 1 && stats.Sockets == 0 && stats.Processes == 0 {
			return
		}
		if err := asyncio.Sleep(ctx, 0); err != nil {
			break
		}
	}
	for _, task := range asyncio.AllTasks(ctx) {
		if task == main {
			continue
		}
		line := "unfinished task " + task.Name()
		if stack := task.Stack(); len(stack) > 0 {
			line += fmt.Sprintf(", suspended at %s (%s:%d)", stack[0].Function, stack[0].File, stack[0].Line)
		}
		f.lines = append(f.lines, line)
	}
	stats := asyncio.RunningLoop(ctx).Stats()
	if stats.Sockets > 0 {
		f.lines = append(f.lines, fmt.Sprintf("%d open socket(s)", stats.Sockets))
	}
	if stats.Processes > 0 {
		f.lines = append(f.lines, fmt.Sprintf("%d running process(es)", stats.Processes))
	}
}

// settleTurns is how many turns a run has, after its body, for what is ending to end.
const settleTurns = 100

func (f *findings) report(t testing.TB) {
	t.Helper()
	for _, line := range f.lines {
		t.Errorf("left behind: %s", line)
	}
}

// Elapsed returns the virtual time that f takes.
func Elapsed(ctx context.Context, f func()) time.Duration {
	loop := asyncio.RunningLoop(ctx)
	start := loop.Time()
	f()
	return loop.Time() - start
}
