package asyncio

// Loop options and the run options that include them.

import (
	"math/rand/v2"
	"time"
)

// LoopOption configures NewEventLoop, NewRunner and Run.
type LoopOption func(*loopOptions)

// RunOption configures Run and NewRunner; every LoopOption is one.
type RunOption = LoopOption

type loopOptions struct {
	clock         Clock
	picker        Picker
	network       Network
	random        *rand.Rand // nil: made when it is first asked for
	debug         bool
	labels        bool
	deadlockError bool
	noSignals     bool
	slowCallback  time.Duration
	executorLimit int
	grace         time.Duration
}

func (o *loopOptions) fillIn() {
	if o.clock == nil {
		o.clock = newSystemClock()
	}
	if o.slowCallback == 0 {
		o.slowCallback = 100 * time.Millisecond
	}
	if o.executorLimit == 0 {
		o.executorLimit = defaultExecutorLimit
	}
	if o.grace == 0 {
		o.grace = defaultGrace
	}
}

// A Picker chooses which of the n entries of a turn that are left runs next, 0 being the
// oldest. It is the seam through which a test explores other orders than FIFO.
type Picker func(n int) int

// WithClock makes the loop read time from c. The default is the machine's monotonic clock.
func WithClock(c Clock) LoopOption { return func(o *loopOptions) { o.clock = c } }

// WithPicker makes the loop ask p for the order within a turn. The default is FIFO.
func WithPicker(p Picker) LoopOption { return func(o *loopOptions) { o.picker = p } }

// WithNetwork makes the loop dial, listen and resolve through n. The default is the
// machine's network.
func WithNetwork(n Network) LoopOption { return func(o *loopOptions) { o.network = n } }

// WithDebug starts the loop in debug mode: see EventLoop.SetDebug. The default is off.
func WithDebug(on bool) LoopOption { return func(o *loopOptions) { o.debug = on } }

// WithSlowCallbackThreshold sets how long one step may take before debug mode reports it.
// The default is 100 ms. CPython: loop.slow_callback_duration.
func WithSlowCallbackThreshold(d time.Duration) LoopOption {
	return func(o *loopOptions) { o.slowCallback = d }
}

// WithDeadlockError makes a deadlock end the run with a *DeadlockError even where somebody
// outside holds the loop and might still wake it. The default, false, logs it there.
func WithDeadlockError(on bool) LoopOption { return func(o *loopOptions) { o.deadlockError = on } }

// WithExecutorLimit sets how many jobs of ToThread and RunInExecutor run at once; more wait
// in line. The default is 64.
func WithExecutorLimit(n int) LoopOption {
	if n < 1 {
		panic("asyncio: WithExecutorLimit: the limit must be at least 1")
	}
	return func(o *loopOptions) { o.executorLimit = n }
}

// WithGrace sets how long, in loop time, closing waits for tasks and executor jobs that were
// cancelled and do not end. Tasks are then ended by force and named in the log; jobs are
// named and left behind. The default is 10 s.
func WithGrace(d time.Duration) LoopOption {
	return func(o *loopOptions) { o.grace = d }
}

// WithoutSignals makes Run leave SIGINT and SIGTERM alone. The default is that the first of
// them cancels the main task and the second ends the process.
func WithoutSignals() LoopOption { return func(o *loopOptions) { o.noSignals = true } }

const (
	defaultExecutorLimit = 64
	defaultGrace         = 10 * time.Second
)
