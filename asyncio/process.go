package asyncio

// Processes for code in tasks: the pipes are streams, and waiting suspends.

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"syscall"

	"github.com/aio-go/aio/internal/sock"
)

// ErrNoStdin reports input for a process whose standard input is no pipe.
var ErrNoStdin = errors.New("asyncio: the process has no pipe for its input: create it with WithStdin(StdioPipe)")

// A Process is a subprocess made by [CreateSubprocessExec] or [CreateSubprocessShell]. It
// belongs to the context that it was created with. Its methods are called on the loop.
// CPython: asyncio.subprocess.Process.
type Process struct {
	// Stdin writes what the process reads. It is nil unless that is a [StdioPipe]. Close it to
	// let the process read the end of its input.
	Stdin *StreamWriter
	// Stdout reads what the process writes; nil unless that goes to a [StdioPipe].
	Stdout *StreamReader
	// Stderr reads the errors that the process writes; nil unless they go to a [StdioPipe].
	Stderr *StreamReader

	child
	pipes [3]*processPipe // nil where there is none
	left  int             // pipes that are not closed
}

// CreateSubprocessExec starts the program name with args and suspends the task until it runs. A
// name without a slash is looked for in PATH. What is not said by options is inherited: the
// standard files, the directory, the environment; no other open file is.
//
// The process belongs to ctx: when that ends the process is killed, also if the task that
// created it is done long since (WithFarewell asks it first). To have it live on, up to the
// end of the loop, pass context.WithoutCancel(ctx). If ctx ends while the process is being
// started, no process is left when CreateSubprocessExec returns. Starting takes place on
// another goroutine and does not hold up the loop.
//
// Errors name the program and wrap those of package os/exec: exec.ErrNotFound,
// fs.ErrNotExist, fs.ErrPermission, syscall.EMFILE.
// CPython: asyncio.create_subprocess_exec, which does not kill.
func CreateSubprocessExec(ctx context.Context, name string, args []string, opts ...SubprocessOption) (*Process, error) {
	return createSubprocess(ctx, name, func() *exec.Cmd { return exec.Command(name, args...) }, opts)
}

// CreateSubprocessShell is CreateSubprocessExec for a command line that the shell runs: /bin/sh,
// or on Windows the command interpreter. Whoever puts text from elsewhere into the line has
// to quote it. Killing the shell leaves alone what it runs, unless they are a group
// ([WithProcessGroup]). CPython: asyncio.create_subprocess_shell.
func CreateSubprocessShell(ctx context.Context, command string, opts ...SubprocessOption) (*Process, error) {
	return createSubprocess(ctx, command, func() *exec.Cmd { return shellCommand(command) }, opts)
}

func createSubprocess(ctx context.Context, name string, command func() *exec.Cmd, opts []SubprocessOption) (*Process, error) {
	p := &Process{child: child{name: name, command: command, options: collectSubprocess(opts)}}
	p.owner = p
	if err := p.run(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// childStarted implements childOwner.
func (p *Process) childStarted() error {
	for fd, file := range p.ours {
		if file == nil {
			continue
		}
		mode := sock.FileRead
		if fd == 0 {
			mode = sock.FileWrite
		}
		stream, err := p.loop.openPipe(file, mode)
		if err != nil {
			p.closePipes((*Transport).Abort)
			return err
		}
		p.ours[fd] = nil
		p.adopt(fd, stream)
	}
	return nil
}

// adopt makes one side of a stream of a pipe.
func (p *Process) adopt(fd int, stream sock.Stream) {
	pipe := &processPipe{Stream: stream, process: p, writing: fd == 0}
	pipe.event = socketEvent{loop: p.loop, owner: pipe}
	p.pipes[fd] = pipe
	p.left++
	pipe.conn = newStreamConn(p.loop, pipe, &p.options.connOptions)
	switch fd {
	case 0:
		p.Stdin = &pipe.conn.writer
	case 1:
		p.Stdout = &pipe.conn.reader
	case 2:
		p.Stderr = &pipe.conn.reader
	}
}

// Wait suspends the task until the process has ended, and not at all if it has. It returns the
// exit code, or minus the number of the signal that ended the process. Any number of tasks may
// wait, any number of times. When ctx ends Wait returns its error; the process goes on if it
// was created under another one. A process whose pipes are full does not end: read them
// too, or use Communicate. CPython: Process.wait.
func (p *Process) Wait(ctx context.Context) (returnCode int, err error) { return p.wait(ctx) }

// Communicate writes input to the process and closes its Stdin, reads Stdout and Stderr to their
// ends, all at the same time, and waits for the process. What is not a pipe gives nil; input
// for a process without a pipe is [ErrNoStdin]. That the process does not read its input is no
// error, nor is that it fails: see ReturnCode. It suspends the task until all of that is done.
// When ctx ends it returns ctx's error, and what was read until then is there to be read
// again. CPython: Process.communicate.
func (p *Process) Communicate(ctx context.Context, input []byte) (stdout, stderr []byte, err error) {
	if p.Stdin == nil && len(input) > 0 {
		return nil, nil, ErrNoStdin
	}
	err = Group(ctx, func(ctx context.Context, g *TaskGroup) (err error) {
		if p.Stdin != nil {
			g.Go(func(ctx context.Context) error { return p.feed(ctx, input) })
		}
		if p.Stderr != nil {
			g.Go(func(ctx context.Context) (err error) {
				stderr, err = p.Stderr.ReadAll(ctx)
				return err
			})
		}
		if p.Stdout != nil {
			stdout, err = p.Stdout.ReadAll(ctx)
		}
		return err
	})
	if err == nil {
		_, err = p.Wait(ctx)
	}
	return stdout, stderr, err
}

// feed writes the input, as far as the process reads it.
func (p *Process) feed(ctx context.Context, input []byte) error {
	for len(input) > 0 {
		n := min(len(input), DefaultHighWater)
		if _, err := p.Stdin.Write(input[:n]); err != nil {
			break
		}
		input = input[n:]
		if err := p.Stdin.Drain(ctx); isCancellation(err) || errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
	return p.Stdin.Close()
}

// Close kills the process if it runs, and closes its pipes. What was not read is thrown away.
// It does not wait; the loop takes the status of the process when it is there. It is idempotent
// and never fails. A process that has ended and whose output was read to the end needs no
// Close.
func (p *Process) Close() error {
	if p.state == childRunning {
		p.closePipes((*Transport).Abort)
		p.kill()
	} else {
		p.closePipes((*Transport).Close)
	}
	return nil
}

func (p *Process) closePipes(how func(*Transport)) {
	for _, pipe := range p.pipes {
		if pipe != nil {
			how(&pipe.conn.transport)
		}
	}
}

// childExited implements childOwner.
func (p *Process) childExited() {
	if pipe := p.pipes[0]; pipe != nil {
		pipe.socketReady() // not everywhere does a pipe notice that nobody reads
	}
	p.releaseIfOver()
}

// childAbandoned implements childOwner.
func (p *Process) childAbandoned() {
	for _, pipe := range p.pipes {
		if pipe != nil && !pipe.writing {
			pipe.rescue()
		}
	}
	p.closePipes((*Transport).Abort)
}

func (p *Process) releaseIfOver() {
	if p.state == childGone && p.left == 0 {
		p.release()
	}
}

// String describes the process for logs.
func (p *Process) String() string { return p.describe("Process") }

// A processPipe is the pipe beneath one of a process's streams. There is no second side
// through which somebody would close it, so it closes itself when it has come to its end.
type processPipe struct {
	sock.Stream
	process *Process
	conn    *streamConn
	event   socketEvent // of a pipe that nobody reads any more
	writing bool
}

// SetNotify implements sock.Stream.
func (p *processPipe) SetNotify(f func(sock.Ready)) {
	if !p.writing {
		p.Stream.SetNotify(f)
		return
	}
	p.Stream.SetNotify(func(ready sock.Ready) {
		f(ready)
		if ready&sock.Broken != 0 {
			p.event.schedule()
		}
	})
}

// socketReady implements socketOwner: nobody reads what is written.
func (p *processPipe) socketReady() {
	t := &p.conn.transport
	if t.state == transportOpen {
		t.fail(t.opError("write", syscall.EPIPE))
	}
}

// TryRead implements sock.Stream.
func (p *processPipe) TryRead(b []byte) (int, error) {
	n, err := p.Stream.TryRead(b)
	if err == io.EOF {
		p.conn.transport.Close()
	}
	return n, err
}

// rescue reads what is in the pipe, for whoever may still come to read it. A task that is
// reading has done so before.
func (p *processPipe) rescue() {
	r := &p.conn.reader
	for !r.busy && r.unread() < rescueLimit && r.fillNow() == nil {
	}
}

// rescueLimit is more than a pipe holds.
const rescueLimit = 1 << 20

// Close implements sock.Stream.
func (p *processPipe) Close() error { return p.closed(p.Stream.Close()) }

// Abort implements sock.Stream.
func (p *processPipe) Abort() error { return p.closed(p.Stream.Abort()) }

func (p *processPipe) closed(err error) error {
	p.process.left--
	p.process.releaseIfOver()
	return err
}
