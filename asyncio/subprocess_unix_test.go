//go:build unix

package asyncio_test

// Subprocesses that call their protocol. The programs are the shell and what POSIX puts
// beside it.

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// piped are the options of a process whose three standard files are pipes.
var piped = []asyncio.SubprocessOption{
	asyncio.WithStdin(asyncio.StdioPipe), asyncio.WithStdout(asyncio.StdioPipe), asyncio.WithStderr(asyncio.StdioPipe),
}

// witness is a SubprocessProtocol that keeps a record of its calls.
type witness struct {
	trace
	t        *asyncio.SubprocessTransport
	out      [3]strings.Builder
	lost     *asyncio.Future[none]
	writable bool
}

func newWitness(ctx context.Context) *witness {
	return &witness{lost: asyncio.NewFuture[none](ctx), writable: true}
}

func (w *witness) ConnectionMade(t *asyncio.SubprocessTransport) {
	w.add("made")
	w.t = t
}

func (w *witness) PipeDataReceived(fd int, p []byte) {
	if w.out[fd].Len() == 0 {
		w.add("data %d", fd)
	}
	w.out[fd].Write(p)
}

func (w *witness) PipeConnectionLost(fd int, err error) { w.add("lost %d %v", fd, err) }
func (w *witness) ProcessExited()                       { w.add("exited") }
func (w *witness) PauseWriting()                        { w.writable = false }
func (w *witness) ResumeWriting()                       { w.writable = true }

func (w *witness) ConnectionLost(err error) {
	w.add("over %v", err)
	w.lost.SetResult(none{})
}

// index returns the place of a step in the record, -1 if it was not made.
func (w *witness) index(step string) int {
	for i, s := range w.trace {
		if s == step {
			return i
		}
	}
	return -1
}

// onPlatforms is onKernel for tests of processes: it also counts descriptors and children.
func onPlatforms(t *testing.T, body func(ctx context.Context, t *testing.T) error, opts ...asyncio.RunOption) {
	t.Helper()
	for _, n := range networks[:len(networks)-1] {
		t.Run(n.name, func(t *testing.T) {
			t.Helper()
			noGoroutineLeft(t)
			before := openFiles(t)
			opts := append([]asyncio.RunOption{asyncio.WithNetwork(n.of()), asyncio.WithoutSignals()}, opts...)
			_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
				return asyncio.Timeout(ctx, patience, func(ctx context.Context) (none, error) {
					return none{}, body(ctx, t)
				})
			}, opts...)
			if err != nil {
				t.Error(err)
			}
			// A file that a goroutine of the portable network reads is closed when that has ended.
			if !settles(func() bool { return openFiles(t) <= before }) {
				t.Errorf("got %d open descriptors, want %d as before", openFiles(t), before)
			}
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
				t.Errorf("got child %d, %v, want no child: it runs, or nobody has taken its status", pid, err)
			}
		})
	}
}

// openFiles counts the descriptors of this process, except for those of the runtime.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0 // it can be counted elsewhere
	}
	n := 0
	for _, e := range entries {
		target, _ := os.Readlink(filepath.Join("/proc/self/fd", e.Name()))
		if !strings.HasPrefix(target, "anon_inode:[event") && !strings.Contains(target, "/fd") {
			n++
		}
	}
	return n
}

func startShell(ctx context.Context, t *testing.T, w *witness, command string, opts ...asyncio.SubprocessOption) *asyncio.SubprocessTransport {
	t.Helper()
	tr, err := asyncio.SubprocessShell(ctx, w, command, append(piped, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestSubprocessCallsItsProtocolInOrder(t *testing.T) { // SUB-09
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		w := newWitness(ctx)
		tr := startShell(ctx, t, w, "cat; echo problem >&2; exit 3")
		tr.Pipe(0).Write([]byte("hello"))
		tr.Pipe(0).WriteEOF()
		_, err := w.lost.Await(ctx)
		if out, problem := w.out[1].String(), w.out[2].String(); out != "hello" || problem != "problem\n" {
			t.Errorf("got %q and %q, want hello and problem", out, problem)
		}
		if code, ended := tr.ReturnCode(); code != 3 || !ended {
			t.Errorf("got %d, %v, want 3, true", code, ended)
		}
		for _, pair := range [][2]string{
			{"data 1", "lost 1 <nil>"}, {"data 2", "lost 2 <nil>"}, {"made", "lost 0 <nil>"}, {"made", "exited"},
		} {
			if a, b := w.index(pair[0]), w.index(pair[1]); a < 0 || b < a {
				t.Errorf("got %q, want %s before %s", w.trace, pair[0], pair[1])
			}
		}
		if first, last := w.trace[0], w.trace[len(w.trace)-1]; first != "made" || last != "over <nil>" || len(w.trace) != 8 {
			t.Errorf("got %q, want each of 8 calls once, made first and over last", w.trace)
		}
		return err
	})
}

func TestClosingATransportKillsWhatRuns(t *testing.T) { // SUB-06
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		w := newWitness(ctx)
		tr := startShell(ctx, t, w, "sleep 1000", asyncio.WithProcessGroup())
		if code, ended := tr.ReturnCode(); ended || code != 0 {
			t.Errorf("got %d, %v, want a process that runs", code, ended)
		}
		tr.Close()
		tr.Close()
		if !tr.IsClosing() {
			t.Error("the transport is not closing")
		}
		_, err := w.lost.Await(ctx)
		if code, _ := tr.ReturnCode(); code != -int(syscall.SIGKILL) {
			t.Errorf("got return code %d, want that of SIGKILL", code)
		}
		return err
	})
}

func TestWhoHasEndedIsNotSignalled(t *testing.T) { // SUB-06, SUB-10
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		for _, opts := range [][]asyncio.SubprocessOption{nil, {asyncio.WithProcessGroup()}} {
			w := newWitness(ctx)
			tr := startShell(ctx, t, w, "exit 0", opts...)
			if _, err := w.lost.Await(ctx); err != nil {
				return err
			}
			for name, err := range map[string]error{
				"Kill": tr.Kill(), "Terminate": tr.Terminate(), "SendSignal": tr.SendSignal(syscall.SIGHUP),
			} {
				if !errors.Is(err, os.ErrProcessDone) || !strings.Contains(err.Error(), "exit 0") {
					t.Errorf("%s: got %v, want one that wraps os.ErrProcessDone and names the command", name, err)
				}
			}
			tr.Close()
			if code, ended := tr.ReturnCode(); code != 0 || !ended {
				t.Errorf("got %d, %v, want 0, true", code, ended)
			}
		}
		return nil
	})
}

func TestWritingToASubprocessIsHeldUp(t *testing.T) {
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		w := newWitness(ctx)
		tr := startShell(ctx, t, w, "cat >/dev/null")
		tr.Pipe(0).Write(make([]byte, 1<<20))
		if w.writable {
			t.Error("the protocol was not told to pause")
		}
		until(ctx, t, "writing to be resumed", func() bool { return w.writable })
		tr.Pipe(0).WriteEOF()
		_, err := w.lost.Await(ctx)
		return err
	})
}

func TestProtocolThatPanicsLosesItsProcess(t *testing.T) {
	noGoroutineLeft(t)
	var told reports
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
		told.listen(asyncio.RunningLoop(ctx))
		w := newWitness(ctx)
		_, err := asyncio.SubprocessExec(ctx, &panicker{witness: w}, "sleep", []string{"1000"})
		if err != nil {
			return none{}, err
		}
		return asyncio.WaitFor(ctx, patience, w.lost)
	}, asyncio.WithoutSignals())
	if err != nil {
		t.Error(err)
	}
	if len(told) != 1 {
		t.Errorf("got reports %v, want one of the panic", told)
	}
}

type panicker struct{ *witness }

func (p *panicker) ConnectionMade(*asyncio.SubprocessTransport) { panic("no") }

func TestProgramThatCannotBeStarted(t *testing.T) {
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		dir := t.TempDir()
		plain := filepath.Join(dir, "plain")
		if err := os.WriteFile(plain, []byte("not a program"), 0o600); err != nil {
			return err
		}
		tests := []struct {
			name, program string
			opts          []asyncio.SubprocessOption
			want          error
		}{
			{"absent", "no-such-program-anywhere", nil, exec.ErrNotFound},
			{"absent file", filepath.Join(dir, "absent"), nil, os.ErrNotExist},
			{"not executable", plain, nil, os.ErrPermission},
			{"no directory", "true", []asyncio.SubprocessOption{asyncio.WithDir(filepath.Join(dir, "absent"))}, os.ErrNotExist},
			{"empty", "", nil, nil},
		}
		for _, tt := range tests {
			_, err := asyncio.SubprocessExec(ctx, asyncio.BaseSubprocessProtocol{}, tt.program, nil, append(piped, tt.opts...)...)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.program) {
				t.Errorf("%s: got %v, want %v with the name of the program", tt.name, err, tt.want)
			}
		}
		return nil
	})
}

func TestSubprocessUnderVirtualTime(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		w := newWitness(ctx)
		if _, err := asyncio.SubprocessShell(ctx, w, "echo hello", piped...); err != nil {
			return err
		}
		_, err := w.lost.Await(ctx)
		if got := w.out[1].String(); got != "hello\n" {
			t.Errorf("got %q, want hello", got)
		}
		return err
	}, aiotest.WithSeed(7))
}

func TestProcessesLeftAreKilledWithTheLoop(t *testing.T) {
	for _, n := range networks {
		t.Run(n.name, func(t *testing.T) {
			noGoroutineLeft(t)
			start := time.Now()
			var trs []*asyncio.SubprocessTransport
			_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
				for _, opts := range [][]asyncio.SubprocessOption{nil, {asyncio.WithFarewell(syscall.SIGTERM, time.Minute)}} {
					tr, err := asyncio.SubprocessExec(ctx, newWitness(ctx), "sleep", []string{"1000"}, opts...)
					if err != nil {
						return none{}, err
					}
					trs = append(trs, tr)
				}
				if got := asyncio.RunningLoop(ctx).Stats().Processes; got != 2 {
					t.Errorf("got %d processes in the statistics, want 2", got)
				}
				return none{}, nil
			}, asyncio.WithNetwork(n.of()), asyncio.WithoutSignals())
			if err != nil {
				t.Error(err)
			}
			for i, want := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
				if code, ended := trs[i].ReturnCode(); code != -int(want) || !ended {
					t.Errorf("process %d: got %d, %v, want that of %v", i, code, ended, want)
				}
			}
			if took := time.Since(start); took > patience {
				t.Errorf("it took %v", took)
			}
		})
	}
}
