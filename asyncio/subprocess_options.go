package asyncio

// How a subprocess is started: what stands behind its standard files, and all else that a
// process has from its beginning. What is given here goes into an exec.Cmd, which does the
// starting.

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// A SubprocessOption configures a process that is about to be started.
type SubprocessOption interface{ applySubprocess(*subprocessOptions) }

type subprocessOption func(*subprocessOptions)

func (o subprocessOption) applySubprocess(to *subprocessOptions) { o(to) }

func (o ConnOption) applySubprocess(to *subprocessOptions) { o.apply(&to.connOptions) }

type subprocessOptions struct {
	connOptions
	stdio    [3]Stdio
	dir      string
	env      []string
	extra    []*os.File
	attr     *syscall.SysProcAttr
	group    bool
	farewell os.Signal // sent before killing; nil: none is
	grace    time.Duration
}

// A Stdio says what stands behind a standard file of a process. The zero value is
// [StdioInherit].
type Stdio struct {
	kind stdioKind
	file *os.File
}

type stdioKind uint8

const (
	stdioInherit stdioKind = iota
	stdioPipe
	stdioDevNull
	stdioStdout
	stdioFile
)

var (
	// StdioInherit gives the process the file that this process has. CPython: None.
	StdioInherit = Stdio{}
	// StdioPipe makes a pipe between the two processes. CPython: subprocess.PIPE.
	StdioPipe = Stdio{kind: stdioPipe}
	// StdioDevNull reads as empty, and what is written there is gone.
	// CPython: subprocess.DEVNULL.
	StdioDevNull = Stdio{kind: stdioDevNull}
	// StdioToStdout is for WithStderr: errors go where the output goes.
	// CPython: subprocess.STDOUT.
	StdioToStdout = Stdio{kind: stdioStdout}
)

// StdioFile gives the process f, which stays the caller's: it can be closed as soon as the
// process is started.
func StdioFile(f *os.File) Stdio {
	if f == nil {
		panic("asyncio: StdioFile(nil): pass an open file, or use StdioDevNull")
	}
	return Stdio{kind: stdioFile, file: f}
}

// String names the choice.
func (s Stdio) String() string {
	if s.kind == stdioFile {
		return fmt.Sprintf("Stdio(%s)", s.file.Name())
	}
	return [...]string{"StdioInherit", "StdioPipe", "StdioDevNull", "StdioToStdout"}[s.kind]
}

// WithStdin sets what the process reads. The default is [StdioInherit].
func WithStdin(s Stdio) SubprocessOption {
	if s.kind == stdioStdout {
		panic("asyncio: WithStdin(StdioToStdout): only the standard error can follow the output")
	}
	return subprocessOption(func(o *subprocessOptions) { o.stdio[0] = s })
}

// WithStdout sets where the process writes. The default is [StdioInherit].
func WithStdout(s Stdio) SubprocessOption {
	if s.kind == stdioStdout {
		panic("asyncio: WithStdout(StdioToStdout): only the standard error can follow the output")
	}
	return subprocessOption(func(o *subprocessOptions) { o.stdio[1] = s })
}

// WithStderr sets where the process writes errors. The default is [StdioInherit].
func WithStderr(s Stdio) SubprocessOption {
	return subprocessOption(func(o *subprocessOptions) { o.stdio[2] = s })
}

// WithDir sets the working directory of the process. The default is that of this process.
func WithDir(dir string) SubprocessOption {
	return subprocessOption(func(o *subprocessOptions) { o.dir = dir })
}

// WithEnv sets the whole environment of the process, as "key=value"; of equal keys the last
// counts. The default is the environment of this process. To add to that, pass
// append(os.Environ(), …).
func WithEnv(env ...string) SubprocessOption {
	if env == nil {
		env = []string{}
	}
	return subprocessOption(func(o *subprocessOptions) { o.env = env })
}

// WithExtraFiles gives the process more open files, as its descriptors 3, 4 and so on. By
// default it has only the standard ones: nothing else is inherited. CPython: pass_fds.
func WithExtraFiles(files ...*os.File) SubprocessOption {
	return subprocessOption(func(o *subprocessOptions) { o.extra = files })
}

// WithSysProcAttr sets what only this operating system has. The default is nil.
func WithSysProcAttr(attr *syscall.SysProcAttr) SubprocessOption {
	return subprocessOption(func(o *subprocessOptions) { o.attr = attr })
}

// WithProcessGroup puts the process and those it will start into a group of their own, and
// makes signals go to all of it: those of SendSignal, Terminate and Kill, and that with which
// the process is ended. A shell then takes what it runs with it. Without it signals go to the
// process alone. On Windows a process is killed alone in any case.
// CPython: start_new_session with os.killpg.
func WithProcessGroup() SubprocessOption {
	return subprocessOption(func(o *subprocessOptions) { o.group = true })
}

// WithFarewell makes a process whose context has ended get sig first, for example
// syscall.SIGTERM; it is killed only if it has not ended grace later. By default it is killed
// at once.
func WithFarewell(sig os.Signal, grace time.Duration) SubprocessOption {
	if sig == nil || grace <= 0 {
		panic("asyncio: WithFarewell: pass a signal and how long to wait for its effect")
	}
	return subprocessOption(func(o *subprocessOptions) { o.farewell, o.grace = sig, grace })
}

func collectSubprocess(opts []SubprocessOption) *subprocessOptions {
	o := &subprocessOptions{connOptions: defaultConnOptions()}
	o.shutdownTimeout = 0 // a process may take its time to read
	for _, opt := range opts {
		opt.applySubprocess(o)
	}
	return o
}

// plumbing are the files of a process about to be started.
type plumbing struct {
	ours   [3]*os.File // our ends of the pipes
	theirs []*os.File  // to be closed when the process has them
}

// connect gives cmd its files.
func (p *plumbing) connect(cmd *exec.Cmd, o *subprocessOptions) error {
	std := [3]*os.File{os.Stdin, os.Stdout, os.Stderr}
	var files [3]*os.File
	for fd, s := range o.stdio {
		switch s.kind {
		case stdioInherit:
			files[fd] = std[fd]
		case stdioStdout:
			files[fd] = files[1]
		case stdioFile:
			files[fd] = s.file
		case stdioPipe:
			r, w, err := os.Pipe()
			if err != nil {
				return err
			}
			if fd == 0 {
				p.ours[fd], files[fd] = w, r
			} else {
				p.ours[fd], files[fd] = r, w
			}
			p.theirs = append(p.theirs, files[fd])
		}
	}
	// A nil *os.File in an interface is not nil; exec.Cmd takes nil for the null device.
	if files[0] != nil {
		cmd.Stdin = files[0]
	}
	if files[1] != nil {
		cmd.Stdout = files[1]
	}
	if files[2] != nil {
		cmd.Stderr = files[2]
	}
	return nil
}

// handOver closes what the process has now.
func (p *plumbing) handOver() {
	for _, f := range p.theirs {
		_ = f.Close()
	}
	p.theirs = nil
}

// discard closes what is left.
func (p *plumbing) discard() {
	p.handOver()
	for fd, f := range p.ours {
		if f != nil {
			_ = f.Close()
			p.ours[fd] = nil
		}
	}
}
