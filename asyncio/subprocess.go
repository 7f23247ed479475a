package asyncio

// Subprocesses that call: a transport for the process, with one more for each of its pipes,
// and a protocol that hears of all of them. Process, for code in tasks, is in process.go.

import (
	"context"
	"os/exec"

	"github.com/aio-go/aio/internal/sock"
)

// A SubprocessProtocol is called by a [SubprocessTransport], on the loop, outside any task, one
// call at a time: ConnectionMade first and ConnectionLost last, each exactly once. Of one pipe
// all data comes before its end; the end of the process may come before the ends of its
// pipes, or after. Embed [BaseSubprocessProtocol] to write only the methods that matter.
// CPython: asyncio.SubprocessProtocol.
type SubprocessProtocol interface {
	// ConnectionMade is called when the process runs.
	ConnectionMade(t *SubprocessTransport)
	// PipeDataReceived is called with what the process wrote to its descriptor fd, 1 or 2. p is
	// valid during the call only.
	PipeDataReceived(fd int, p []byte)
	// PipeConnectionLost is called when the pipe to descriptor fd is over, with nil or
	// what went wrong.
	PipeConnectionLost(fd int, err error)
	// ProcessExited is called when the process has ended. The pipe that it read is closed.
	ProcessExited()
	// ConnectionLost is called when the process has ended and all its pipes have.
	ConnectionLost(err error)
}

// A SubprocessFlowProtocol is a [SubprocessProtocol] that can stop writing for a while.
type SubprocessFlowProtocol interface {
	SubprocessProtocol
	// PauseWriting is called when more is to be written to the process than its pipe takes.
	PauseWriting()
	// ResumeWriting is called when that has changed.
	ResumeWriting()
}

// BaseSubprocessProtocol is a [SubprocessProtocol] that does nothing, to be embedded.
type BaseSubprocessProtocol struct{}

// ConnectionMade does nothing.
func (BaseSubprocessProtocol) ConnectionMade(*SubprocessTransport) {}

// PipeDataReceived does nothing.
func (BaseSubprocessProtocol) PipeDataReceived(int, []byte) {}

// PipeConnectionLost does nothing.
func (BaseSubprocessProtocol) PipeConnectionLost(int, error) {}

// ProcessExited does nothing.
func (BaseSubprocessProtocol) ProcessExited() {}

// ConnectionLost does nothing.
func (BaseSubprocessProtocol) ConnectionLost(error) {}

// SubprocessExec starts the program name with args, and makes p its protocol. It is
// [CreateSubprocessExec] for those who want to be called. CPython: loop.subprocess_exec.
func SubprocessExec(ctx context.Context, p SubprocessProtocol, name string, args []string, opts ...SubprocessOption) (*SubprocessTransport, error) {
	return runSubprocess(ctx, p, name, func() *exec.Cmd { return exec.Command(name, args...) }, opts)
}

// SubprocessShell is SubprocessExec for a command line that the shell runs.
// CPython: loop.subprocess_shell.
func SubprocessShell(ctx context.Context, p SubprocessProtocol, command string, opts ...SubprocessOption) (*SubprocessTransport, error) {
	return runSubprocess(ctx, p, command, func() *exec.Cmd { return shellCommand(command) }, opts)
}

func runSubprocess(ctx context.Context, p SubprocessProtocol, name string, command func() *exec.Cmd, opts []SubprocessOption) (*SubprocessTransport, error) {
	if p == nil {
		panic("asyncio: a subprocess without a protocol: pass one, or use CreateSubprocessExec")
	}
	t := &SubprocessTransport{child: child{name: name, command: command, options: collectSubprocess(opts)}}
	t.owner = t
	t.SetProtocol(p)
	if err := t.run(ctx); err != nil {
		return nil, err
	}
	return t, nil
}

// A SubprocessTransport is a process that calls its [SubprocessProtocol]. Its methods never
// block and never suspend; they are called on the loop.
// CPython: asyncio.SubprocessTransport.
type SubprocessTransport struct {
	child
	protocol SubprocessProtocol
	flow     SubprocessFlowProtocol // protocol, if it is one
	pipes    [3]*subprocessPipe     // nil where there is none
	left     int                    // pipes that are not lost

	made   bool // ConnectionMade was called
	exited bool // ProcessExited was called
	closed bool
	lost   bool // ConnectionLost was called, or is about to be
}

// childStarted implements childOwner.
func (t *SubprocessTransport) childStarted() error {
	t.loop.CallSoon(t.begin)
	for fd, file := range t.ours {
		if file == nil {
			continue
		}
		mode := sock.FileRead
		if fd == 0 {
			mode = sock.FileWrite
		}
		stream, err := t.loop.openPipe(file, mode)
		if err != nil {
			t.lost = true
			t.closePipes((*Transport).Abort)
			return err
		}
		t.ours[fd] = nil
		p := &subprocessPipe{process: t, fd: fd}
		p.transport = newTransport(t.loop, stream, p)
		p.transport.PauseReading() // until the protocol knows of the process
		t.pipes[fd] = p
		t.left++
	}
	return nil
}

// begin is the first turn of a process.
func (t *SubprocessTransport) begin() {
	if t.lost {
		return // its pipes could not be opened
	}
	t.made = true
	finished := false
	defer func() {
		if !finished { // the loop reports the panic
			t.Close()
		}
		for _, p := range t.pipes {
			if p != nil {
				p.transport.ResumeReading()
			}
		}
		if t.state == childGone {
			t.childExited()
		}
	}()
	t.protocol.ConnectionMade(t)
	finished = true
}

// childExited implements childOwner.
func (t *SubprocessTransport) childExited() {
	if !t.made || t.exited {
		return
	}
	t.exited = true
	if p := t.pipes[0]; p != nil {
		p.transport.Close() // not everywhere does a pipe notice that nobody reads
	}
	defer t.finish() // also if the protocol panics, which the loop reports
	t.protocol.ProcessExited()
}

// childAbandoned implements childOwner.
func (t *SubprocessTransport) childAbandoned() { t.closePipes((*Transport).Abort) }

func (t *SubprocessTransport) pipeLost(fd int, err error) {
	t.left--
	if !t.made {
		return
	}
	defer t.finish()
	t.protocol.PipeConnectionLost(fd, err)
}

// finish tells the protocol that all is over, if it is.
func (t *SubprocessTransport) finish() {
	if !t.exited || t.left > 0 || t.lost {
		return
	}
	t.lost = true
	t.release()
	t.loop.CallSoon(func() { t.protocol.ConnectionLost(t.waitErr) })
}

// Pipe returns the transport of the pipe to the descriptor fd of the process: 0 takes what it
// reads, 1 and 2 bring what it writes. It is nil if there is no pipe.
// CPython: SubprocessTransport.get_pipe_transport.
func (t *SubprocessTransport) Pipe(fd int) *Transport {
	if fd < 0 || fd >= len(t.pipes) || t.pipes[fd] == nil {
		return nil
	}
	return t.pipes[fd].transport
}

// Close kills the process if it runs, and closes its pipes. ProcessExited and ConnectionLost
// are called later, as always. It is idempotent.
func (t *SubprocessTransport) Close() {
	if t.closed {
		return
	}
	t.closed = true
	if t.state == childRunning {
		t.closePipes((*Transport).Abort)
		t.kill()
		return
	}
	t.closePipes((*Transport).Close)
}

func (t *SubprocessTransport) closePipes(how func(*Transport)) {
	for _, p := range t.pipes {
		if p != nil {
			how(p.transport)
		}
	}
}

// IsClosing reports whether Close was called or everything is over.
func (t *SubprocessTransport) IsClosing() bool { return t.closed || t.lost }

// Protocol returns the protocol that is called.
func (t *SubprocessTransport) Protocol() SubprocessProtocol { return t.protocol }

// SetProtocol makes p the protocol that is called from now on. ConnectionMade is not called
// for it, unless it has not been called yet.
func (t *SubprocessTransport) SetProtocol(p SubprocessProtocol) {
	t.protocol = p
	t.flow, _ = p.(SubprocessFlowProtocol)
}

// String describes the process for logs.
func (t *SubprocessTransport) String() string { return t.describe("SubprocessTransport") }

// subprocessPipe is the protocol of one pipe.
type subprocessPipe struct {
	BaseProtocol
	process   *SubprocessTransport
	fd        int
	transport *Transport
}

// DataReceived implements Protocol.
func (p *subprocessPipe) DataReceived(b []byte) { p.process.protocol.PipeDataReceived(p.fd, b) }

// ConnectionLost implements Protocol.
func (p *subprocessPipe) ConnectionLost(err error) { p.process.pipeLost(p.fd, err) }

// PauseWriting implements FlowProtocol.
func (p *subprocessPipe) PauseWriting() {
	if p.process.flow != nil {
		p.process.flow.PauseWriting()
	}
}

// ResumeWriting implements FlowProtocol.
func (p *subprocessPipe) ResumeWriting() {
	if p.process.flow != nil {
		p.process.flow.ResumeWriting()
	}
}
