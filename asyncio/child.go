package asyncio

// Children: processes from their start to their end, beneath the two ways in which they are
// offered (subprocess.go, process.go).
//
// To start a process takes the kernel about a millisecond, so it is done on other goroutines,
// a few at a time and first come, first served. That it has ended is told by the poller where
// a process is a descriptor, which is Linux; elsewhere a goroutine waits for it. In both cases
// the loop then takes its status, once: from its state on it is known whether the process
// number is still ours to be signalled. A child belongs to the context that it was created
// with, even when the task that created it is done: when that ends, the child is killed.

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"time"
)

// startLimit bounds how many processes are started at the same time. The system lets only one
// at a time be forked; the others find their program and wait for it to be loaded.
const startLimit = 64

// processes are the children of one loop.
type processes struct {
	starts executor
	waits  executor // where the poller does not tell of their end
	live   child    // ring of those that have not ended, oldest first
	n      int
}

func (p *processes) init(l *EventLoop) {
	p.starts.init(l, startLimit)
	p.waits.init(l, math.MaxInt)
	p.live.older, p.live.newer = &p.live, &p.live
}

type childState uint8

const (
	childStarting childState = iota // or in line for it
	childRunning                    // until the loop has taken its status
	childGone                       // it has no number any more, or never had
)

// String returns the name of the state.
func (s childState) String() string { return [...]string{"starting", "running", "gone"}[s] }

// childOwner is told about its child, on the loop.
type childOwner interface {
	// childStarted is called first, to take our ends of the pipes over. If it returns an error
	// nothing else is called, and the child is killed.
	childStarted() error
	// childExited is called when the child has ended, at the latest in the turn after.
	childExited()
	// childAbandoned is called when it has ended and its context has too: nobody is going to
	// use its pipes any more.
	childAbandoned()
}

// A child is a process and what is ours of it.
type child struct {
	loop    *EventLoop
	name    string // of the program, for errors
	command func() *exec.Cmd
	options *subprocessOptions
	owner   childOwner // nil if nobody is to know the child
	state   childState
	doomed  bool // to be ended as soon as it runs
	starter *job
	err     error // why it could not be started

	process *os.Process
	plumbing
	scope    scope // ends when the context ends that it was created with
	extra    scopeExt
	event    socketEvent // its end, as an entry of the ready queue
	unwatch  func()
	reminder *TimerHandle // to kill it

	exit    *os.ProcessState
	waitErr error
	starts  waitQueue // the task that creates it
	ends    waitQueue // tasks that wait for its end

	older, newer *child
}

// run starts the child and suspends the task until it runs. If ctx ends before, the child is
// killed, and run returns when it is gone.
func (c *child) run(ctx context.Context) error {
	s, made := scopeOf(ctx)
	if made {
		defer s.close()
	}
	c.loop = s.loop
	if _, err := c.loop.suspending(s); err != nil {
		return err
	}
	c.event = socketEvent{loop: c.loop, owner: c}
	c.belong(ctx)
	c.enlist()
	c.starter = c.job(c.start, c.started)
	c.loop.processes.starts.submit(c.starter)
	if err := c.loop.parkOn(s, &c.starts, waitSpawn); err != nil {
		c.contextEnded(nil)
		c.awaitGone()
		return err
	}
	if c.err != nil {
		c.awaitGone()
		return fmt.Errorf("asyncio: start %s: %w", c.name, c.err)
	}
	return nil
}

func (c *child) job(work, done func()) *job {
	return &job{work: work, done: done, gone: func() bool { return false }, cancel: func(error) {}}
}

// belong makes the child end with ctx.
func (c *child) belong(ctx context.Context) {
	c.extra.hook = c.contextEnded
	c.scope.ext.Store(&c.extra)
	c.scope.openBelow(ctx)
}

// release unties the child from its context, when there is nothing left to end.
func (c *child) release() {
	c.extra.hook = nil
	c.scope.close()
}

func (c *child) enlist() {
	p := &c.loop.processes
	c.older, c.newer = p.live.older, &p.live
	c.older.newer, p.live.older = c, c
	p.n++
}

// start runs on another goroutine.
func (c *child) start() {
	cmd := c.command()
	cmd.Dir, cmd.Env, cmd.ExtraFiles = c.options.dir, c.options.env, c.options.extra
	if c.options.attr != nil {
		setAttr(cmd, c.options.attr)
	}
	if c.options.group {
		setGroup(cmd)
	}
	if c.err = c.connect(cmd, c.options); c.err == nil {
		c.err = cmd.Start()
	}
	if c.err != nil {
		c.discard()
		return
	}
	c.handOver()
	c.process = cmd.Process
}

// started takes over what start has made.
func (c *child) started() {
	if c.err != nil {
		c.vanish()
		c.release()
		return
	}
	c.state = childRunning
	c.watch()
	if !c.doomed {
		c.err = c.owner.childStarted()
	}
	if c.doomed || c.err != nil {
		c.owner = nil
		c.kill()
	} else if c.scope.ended.Load() != nil {
		c.end()
	}
	c.starts.wakeAll()
}

// watch makes the end of the child known to the loop.
func (c *child) watch() {
	poller, err := c.loop.poller()
	if err == nil {
		c.unwatch, err = poller.WatchProcess(c.process, c.event.schedule)
	}
	if err == nil {
		return
	}
	// A goroutine costs more but always works.
	c.loop.processes.waits.submit(c.job(c.takeStatus, c.ended))
}

// socketReady implements socketOwner: the child can be waited for.
func (c *child) socketReady() {
	c.unwatch()
	c.takeStatus()
	c.ended()
}

func (c *child) takeStatus() { c.exit, c.waitErr = c.process.Wait() }

// ended spreads the news.
func (c *child) ended() {
	c.vanish()
	if c.owner == nil {
		c.discard()
		c.release()
		return
	}
	if c.scope.ended.Load() != nil {
		c.owner.childAbandoned()
	}
	c.owner.childExited()
}

// vanish marks the child as gone, and wakes who waits for that.
func (c *child) vanish() {
	c.state = childGone
	c.older.newer, c.newer.older = c.newer, c.older
	c.loop.processes.n--
	if c.reminder != nil {
		c.reminder.Cancel()
	}
	c.starts.wakeAll()
	c.ends.wakeAll()
}

// wait suspends the task until the child is gone, and returns how it ended.
func (c *child) wait(ctx context.Context) (int, error) {
	if c.state != childGone {
		if err := c.ends.wait(ctx, waitProcess); err != nil {
			return 0, err
		}
	}
	return c.result()
}

// awaitGone is wait for one that is being killed: nothing interrupts it but the end of the
// loop.
func (c *child) awaitGone() {
	if c.state != childGone {
		_ = c.loop.parkOn(&c.loop.detached, &c.ends, waitProcess)
	}
}

// result is how a child ended that is gone.
func (c *child) result() (int, error) {
	if c.waitErr != nil {
		return -1, fmt.Errorf("asyncio: wait for %s (process %d): %w", c.name, c.process.Pid, c.waitErr)
	}
	return returnCode(c.exit), nil
}

// contextEnded ends the child, or what is left of it.
func (c *child) contextEnded(*cancellation) {
	switch {
	case c.state == childGone:
		if c.owner != nil {
			c.owner.childAbandoned()
		}
	case c.state == childRunning:
		c.end()
	case c.loop.processes.starts.withdraw(c.starter):
		c.err = errNotStarted
		c.vanish()
		c.release()
	default:
		c.doomed = true
	}
}

var errNotStarted = errors.New("its context ended before its turn came")

// end asks the child to end, if that was wished, and sees to it that it does.
func (c *child) end() {
	o := c.options
	if o.farewell == nil || c.reminder != nil || c.signal(o.farewell) != nil {
		c.kill()
		return
	}
	c.reminder = c.loop.CallLater(o.grace, c.kill)
}

func (c *child) kill() { _ = c.signal(os.Kill) }

// Pid returns the number of the process.
func (c *child) Pid() int { return c.process.Pid }

// ReturnCode returns the exit code of the process, or minus the number of the signal that ended
// it; ended is false while it runs.
func (c *child) ReturnCode() (code int, ended bool) {
	if c.state != childGone {
		return 0, false
	}
	code, _ = c.result()
	return code, true
}

// ProcessState returns how the process ended and what it used, nil while it runs.
func (c *child) ProcessState() *os.ProcessState {
	if c.state != childGone {
		return nil // a goroutine may be setting it
	}
	return c.exit
}

// SendSignal sends sig to the process, or to its group if it has one ([WithProcessGroup]). The
// error wraps os.ErrProcessDone if the process has ended: no other process that has
// got its number is ever signalled.
func (c *child) SendSignal(sig os.Signal) error { return c.signal(sig) }

// Terminate asks the process to end: SIGTERM. On Windows it is Kill.
func (c *child) Terminate() error { return c.signal(polite) }

// Kill ends the process: SIGKILL.
func (c *child) Kill() error { return c.signal(os.Kill) }

// signal sends sig to a child that runs, and to nobody otherwise.
func (c *child) signal(sig os.Signal) error {
	err := os.ErrProcessDone
	switch {
	case c.state != childRunning:
	case c.options.group:
		err = signalGroup(c.process, sig)
	default:
		err = c.process.Signal(sig)
	}
	if err != nil {
		return fmt.Errorf("asyncio: send %v to %s (process %d): %w", sig, c.name, c.process.Pid, err)
	}
	return nil
}

func (c *child) describe(what string) string {
	if code, ended := c.ReturnCode(); ended {
		return fmt.Sprintf("%s(%s, process %d, ended with %d)", what, c.name, c.process.Pid, code)
	}
	return fmt.Sprintf("%s(%s, process %d)", what, c.name, c.process.Pid)
}

// joinProcesses ends all children as the end of their context would, and waits until they are
// gone, up to grace after the last farewell is over. It returns how many there still are.
func (l *EventLoop) joinProcesses(grace time.Duration) int {
	p := &l.processes
	over := func() bool { return p.n == 0 }
	var patience time.Duration
	for c := p.live.newer; c != &p.live; c = c.newer {
		switch {
		case c.state == childStarting:
			c.doomed = true
		case c.reminder == nil:
			c.end()
		}
		if c.reminder != nil {
			patience = max(patience, c.reminder.When()-l.Time())
		}
	}
	l.settle(patience, over)
	for c := p.live.newer; c != &p.live; c = c.newer {
		if c.state == childRunning {
			c.kill()
		}
	}
	l.settle(grace, over)
	return p.n
}
