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
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// replay is the seed of the run that is replayed, if one is: go test -run TestName -aio.seed N.
var replay struct {
	seed  uint64
	given bool
}

func init() {
	flag.Func("aio.seed", "replay `seed`: run ready tasks in the order that seed gave them", func(text string) (err error) {
		if replay.given = false; text == "" {
			return nil
		}
		replay.seed, err = strconv.ParseUint(text, 0, 64)
		replay.given = err == nil
		return err
	})
}

// Option configures Run.
type Option func(*config)

type config struct {
	seed    uint64
	shuffle bool
	network asyncio.Network
	loop    []asyncio.LoopOption
	leaks   bool
}

// WithSeed runs what is ready in a turn in a random order that seed determines. The default
// is the order of the real loop, first come, first served. The flag -aio.seed comes before
// it, so that a run whose seed was drawn can be replayed. The seed determines the random
// numbers of the loop as well; without one they are those of seed 0.
func WithSeed(seed uint64) Option {
	return func(c *config) { c.seed, c.shuffle = seed, true }
}

// WithNetwork makes the body dial, listen and resolve in n: a [Network] with hosts and links,
// which gets the seed of the run unless it has one, or asyncio.NativeNetwork() for sockets of
// this machine. With those, time passes at its real pace while sockets are open. The default
// is a new simulated network with nothing in it: see [NetworkOf].
func WithNetwork(n asyncio.Network) Option { return func(c *config) { c.network = n } }

// WithLoopOptions passes options on to the loop. They come after Run's own, so that
// asyncio.WithClock, for example, replaces the virtual clock.
func WithLoopOptions(opts ...asyncio.LoopOption) Option {
	return func(c *config) { c.loop = append(c.loop, opts...) }
}

// AllowLeaks makes unfinished tasks, open sockets and unretrieved failures no failure of the test. The
// default is to report them.
func AllowLeaks() Option { return func(c *config) { c.leaks = false } }

// Run runs body as the main task of a new loop under virtual time, on a simulated network, and fails the test if body
// returns an error or panics, if it ends in a deadlock, or if it leaves behind unfinished tasks,
// open sockets or failures that nobody asked for. With a seed, given by WithSeed or the flag -aio.seed, a
// failure comes with the command that replays it.
func Run(t testing.TB, body func(ctx context.Context) error, opts ...Option) {
	t.Helper()
	c := config{leaks: true, network: NewNetwork()}
	for _, opt := range opts {
		opt(&c)
	}
	if replay.given {
		WithSeed(replay.seed)(&c)
	}
	found := findings{network: c.simulated()}
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

// simulated returns the simulated network of the run, with the seed of the run unless it has
// one of its own; nil if the run is on another network.
func (c *config) simulated() *Network {
	n, _ := c.network.(*Network)
	if h, ok := c.network.(*Host); ok {
		n = h.net
	}
	if n != nil && !n.seeded {
		n.seed(c.seed)
	}
	return n
}

func (c *config) options() []asyncio.LoopOption {
	opts := []asyncio.LoopOption{
		asyncio.WithClock(new(Clock)), asyncio.WithDeadlockError(true), asyncio.WithoutSignals(),
		asyncio.WithRandom(rand.NewPCG(c.seed, 1)), // 0 is the stream of the picker, 2 that of the network
	}
	if c.shuffle {
		rng := rand.New(rand.NewPCG(c.seed, 0))
		opts = append(opts, asyncio.WithPicker(rng.IntN))
	}
	opts = append(opts, asyncio.WithNetwork(c.network))
	return append(opts, c.loop...)
}

// findings are what a run left behind.
type findings struct {
	network *Network // in which something may be on its way; may be nil
	lines   []string
}

// note is the loop's exception handler.
func (f *findings) note(_ *asyncio.EventLoop, info asyncio.ExceptionInfo) {
	who := ""
	if info.Name != "" {
		who = " (" + info.Name + ")"
	}
	f.lines = append(f.lines, fmt.Sprintf("%s%s: %v", info.Message, who, info.Err))
}

// unfinished notes the tasks and sockets that are left when the body returns. Tasks that the
// body has cancelled get the turns they need to end, and what is on its way in a simulated
// network, such as the news that a connection is closed, gets the time to arrive.
func (f *findings) unfinished(ctx context.Context) {
	main := asyncio.CurrentTask(ctx)
	if f.settled(ctx) {
		return
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

// How many turns, and how much virtual time, a run has after its body for what is ending to
// end.
const (
	settleTurns = 100
	settleTime  = 10 * time.Second
)

// settled waits for tasks and sockets to be gone and reports whether they are.
func (f *findings) settled(ctx context.Context) bool {
	loop := asyncio.RunningLoop(ctx)
	latest := loop.Time() + settleTime
	for turn := 0; ; {
		if stats := loop.Stats(); stats.Tasks == 1 && stats.Sockets == 0 && stats.Processes == 0 {
			return true
		}
		pause := time.Duration(0)
		if turn++; turn > settleTurns {
			arrival, ok := f.nextArrival()
			if !ok || arrival > latest {
				return false
			}
			turn, pause = 0, max(arrival-loop.Time(), 1)
		}
		if err := asyncio.Sleep(ctx, pause); err != nil {
			return false
		}
	}
}

// nextArrival returns when something arrives in the simulated network, if there is one and
// something will.
func (f *findings) nextArrival() (time.Duration, bool) {
	if f.network == nil || f.network.loop == nil {
		return 0, false
	}
	return f.network.events.next()
}

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
