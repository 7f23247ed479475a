//go:build unix

package asyncio_test

// What a process has from its beginning, whom it belongs to, and how many there can be.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// shellOutput returns what a command of the shell writes to its standard output.
func shellOutput(ctx context.Context, t *testing.T, command string, opts ...asyncio.SubprocessOption) string {
	t.Helper()
	w := newWitness(ctx)
	startShell(ctx, t, w, command, opts...)
	if _, err := w.lost.Await(ctx); err != nil {
		t.Fatal(err)
	}
	return w.out[1].String()
}

func TestStandardFilesOfAProcess(t *testing.T) {
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		name := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(name, []byte("from a file"), 0o600); err != nil {
			return err
		}
		file, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer file.Close()
		const both = "cat; echo err >&2"
		tests := []struct {
			opt  asyncio.SubprocessOption
			want string
		}{
			{asyncio.WithStdin(asyncio.StdioDevNull), ""},
			{asyncio.WithStdin(asyncio.StdioFile(file)), "from a file"},
			{asyncio.WithStderr(asyncio.StdioToStdout), "err\n"},
			{asyncio.WithStderr(asyncio.StdioDevNull), ""},
		}
		for i, tt := range tests {
			opts := []asyncio.SubprocessOption{asyncio.WithStdin(asyncio.StdioDevNull), tt.opt}
			if got := shellOutput(ctx, t, both, opts...); got != tt.want {
				t.Errorf("%d: got %q, want %q", i, got, tt.want)
			}
		}
		w := newWitness(ctx)
		tr, err := asyncio.SubprocessShell(ctx, w, "echo written", asyncio.WithStdout(asyncio.StdioFile(file)))
		if err != nil {
			return err
		}
		if tr.Pipe(0) != nil || tr.Pipe(1) != nil || tr.Pipe(7) != nil {
			t.Error("there is a pipe that nobody asked for")
		}
		if _, err := w.lost.Await(ctx); err != nil {
			return err
		}
		w.want(t, "made", "exited", "over <nil>")
		got, err := os.ReadFile(name)
		if string(got) != "from a filewritten\n" {
			t.Errorf("got %q in the file", got)
		}
		return err
	})
}

func TestSurroundingsOfAProcess(t *testing.T) {
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		dir, err := filepath.EvalSymlinks(t.TempDir())
		if err != nil {
			return err
		}
		if got := shellOutput(ctx, t, "pwd -P", asyncio.WithDir(dir)); got != dir+"\n" {
			t.Errorf("got directory %q, want %q", got, dir)
		}
		if got := shellOutput(ctx, t, "echo $A-$HOME", asyncio.WithEnv("A=1", "A=2")); got != "2-\n" {
			t.Errorf("got %q, want the last A and nothing else", got)
		}
		t.Setenv("INHERITED", "yes")
		if got := shellOutput(ctx, t, "echo $INHERITED"); got != "yes\n" {
			t.Errorf("got %q, want the environment of this process", got)
		}
		r, w := osPipe(t)
		putString(t, w, "fourth file")
		w.Close()
		if got := shellOutput(ctx, t, "cat <&3", asyncio.WithExtraFiles(r)); got != "fourth file" {
			t.Errorf("got %q from descriptor 3", got)
		}
		attr := &syscall.SysProcAttr{Setsid: true}
		if got := shellOutput(ctx, t, "ps -o sid= -p $$ 2>/dev/null || echo $$", asyncio.WithSysProcAttr(attr)); strings.TrimSpace(got) == "" {
			t.Error("got no session")
		}
		r.Close()
		return nil
	})
}

func TestChildHasOnlyItsStandardFiles(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("descriptors are listed in /proc/self/fd")
	}
	// Whoever started this process may have left more open.
	out, err := exec.Command("ls", "/proc/self/fd").Output()
	if err != nil {
		t.Skip(err)
	}
	want := len(strings.Fields(string(out)))
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		// Sockets, pipes and processes of ours are open meanwhile.
		_, w := readPipe(ctx, t, newRecorder(ctx))
		defer w.Close()
		ln := listen(ctx, t)
		defer ln.Close()
		other, err := asyncio.SubprocessExec(ctx, newWitness(ctx), "sleep", []string{"1000"}, piped...)
		if err != nil {
			return err
		}
		defer other.Close()
		if got := strings.Fields(shellOutput(ctx, t, "exec ls /proc/self/fd")); len(got) != want {
			t.Errorf("got descriptors %v in the child, want no more than %q", got, out)
		}
		return nil
	})
}

func TestContextTakesItsProcessWithIt(t *testing.T) {
	tests := []struct {
		name    string
		command string
		opts    []asyncio.SubprocessOption
		want    int
	}{
		{"at once", "sleep 1000", nil, -int(syscall.SIGKILL)},
		{"with a farewell", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done",
			[]asyncio.SubprocessOption{asyncio.WithFarewell(syscall.SIGTERM, time.Minute)}, 7},
		{"deaf to the farewell", "trap '' TERM; echo ready; while :; do sleep 0.01; done",
			[]asyncio.SubprocessOption{asyncio.WithFarewell(syscall.SIGTERM, 50*time.Millisecond)}, -int(syscall.SIGKILL)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onPlatforms(t, func(ctx context.Context, t *testing.T) error {
				w := newWitness(ctx)
				var tr *asyncio.SubprocessTransport
				task := spawn(ctx, func(ctx context.Context) error {
					tr = startShell(ctx, t, w, tt.command, append(tt.opts, asyncio.WithProcessGroup())...)
					return asyncio.Sleep(ctx, time.Hour)
				})
				until(ctx, t, "the process", func() bool { return w.t != nil && (tt.opts == nil || w.out[1].Len() > 0) })
				task.Cancel(errBoom)
				_, err := w.lost.Await(ctx)
				if code, _ := tr.ReturnCode(); code != tt.want {
					t.Errorf("got return code %d, want %d", code, tt.want)
				}
				return err
			})
		})
	}
}

func TestProcessOutlivesTheTaskButNotTheScopeAround(t *testing.T) {
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		w := newWitness(ctx)
		around, end := asyncio.WithTimeout(ctx, time.Hour)
		defer end()
		maker := asyncio.CreateTask(around, func(ctx context.Context) (*asyncio.SubprocessTransport, error) {
			return asyncio.SubprocessExec(ctx, w, "cat", nil, piped...)
		})
		tr, err := maker.Await(ctx)
		if err != nil {
			return err
		}
		tr.Pipe(0).Write([]byte("alive"))
		until(ctx, t, "the echo", func() bool { return w.out[1].String() == "alive" })
		end()
		_, err = w.lost.Await(ctx)
		if code, _ := tr.ReturnCode(); code != -int(syscall.SIGKILL) {
			t.Errorf("got return code %d, want that of SIGKILL", code)
		}
		return err
	})
}

func TestGroupEndsTogether(t *testing.T) {
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		w := newWitness(ctx)
		tr := startShell(ctx, t, w, "sleep 1000 & echo $!; wait", asyncio.WithProcessGroup())
		until(ctx, t, "the second process", func() bool { return strings.HasSuffix(w.out[1].String(), "\n") })
		var second int
		if _, err := fmt.Sscan(w.out[1].String(), &second); err != nil {
			return err
		}
		if err := tr.Terminate(); err != nil {
			return err
		}
		// That both pipes are over means that the second, which has them too, is gone.
		_, err := w.lost.Await(ctx)
		until(ctx, t, "the end of the second process", func() bool { return errors.Is(syscall.Kill(second, 0), syscall.ESRCH) || zombie(second) })
		return err
	})
}

// zombie reports whether a process has ended and its new parent has not looked yet.
func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

func TestCancelledStartLeavesNoProcess(t *testing.T) { // SUB-05
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		marker := filepath.Join(t.TempDir(), "marker")
		// More than are started at once, so that some are cancelled while they are in line. Some
		// have got as far as being a process, and are dead when their task has ended.
		var tasks []*asyncio.Task[none]
		for i := range 200 {
			tasks = append(tasks, spawn(ctx, func(ctx context.Context) error {
				_, err := asyncio.SubprocessShell(ctx, newWitness(ctx), fmt.Sprintf("exec sleep 1000 # %s %d", marker, i), piped...)
				return err
			}))
		}
		asyncio.Sleep(ctx, 0)
		asyncio.Sleep(ctx, 0)
		if got := asyncio.RunningLoop(ctx).Stats().Processes; got != 200 {
			t.Errorf("got %d processes under way, want 200", got)
		}
		for _, task := range tasks {
			task.Cancel(errBoom)
		}
		for _, task := range tasks {
			if _, err := task.Await(ctx); err != nil {
				wantErr(t, err, errBoom)
			}
		}
		until(ctx, t, "the end of those that had begun", func() bool { return asyncio.RunningLoop(ctx).Stats().Processes == 0 })
		return nil
	})
}

func TestThousandProcessesAtOnce(t *testing.T) {
	const n = 1000
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		gate, release := osPipe(t)
		trs := make([]*asyncio.SubprocessTransport, n)
		tasks := make([]*asyncio.Task[none], n)
		for i := range n {
			tasks[i] = spawn(ctx, func(ctx context.Context) error {
				w := newWitness(ctx)
				var err error
				trs[i], err = asyncio.SubprocessShell(ctx, w, fmt.Sprintf("read x; exit %d", i%250),
					asyncio.WithStdin(asyncio.StdioFile(gate)))
				if err != nil {
					return err
				}
				_, err = w.lost.Await(ctx)
				return err
			})
		}
		failure := func() error {
			for _, task := range tasks {
				if task.Done() {
					_, err := task.Result()
					return err
				}
			}
			return nil
		}
		until(ctx, t, "all to run", func() bool { return !slices.Contains(trs, nil) || failure() != nil })
		switch err := failure(); {
		case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOMEM):
			t.Skipf("this system does not let %d processes run: %v", n, err)
		case err != nil:
			return err
		}
		if got := asyncio.RunningLoop(ctx).Stats().Processes; got != n {
			t.Errorf("got %d processes at once, want %d", got, n)
		}
		gate.Close()
		release.Close() // what they wait for
		for i, task := range tasks {
			if _, err := task.Await(ctx); err != nil {
				return err
			}
			if code, _ := trs[i].ReturnCode(); code != i%250 {
				t.Errorf("process %d: got return code %d, want %d", i, code, i%250)
			}
		}
		return nil
	})
}

func TestStartWithoutDescriptorsLeft(t *testing.T) {
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		if _, err := asyncio.SubprocessExec(ctx, newWitness(ctx), "true", nil); err != nil { // what is opened once
			return err
		}
		until(ctx, t, "its end", func() bool { return asyncio.RunningLoop(ctx).Stats().Processes == 0 })
		before := openFiles(t)
		for free := range 12 { // from nothing at all to nearly enough
			hoard := fillDescriptors(t, free)
			_, err := asyncio.SubprocessExec(ctx, newWitness(ctx), "true", nil, piped...)
			hoard()
			if err != nil && !errors.Is(err, syscall.EMFILE) {
				t.Errorf("with %d free: got %v, want too many open files", free, err)
			}
		}
		until(ctx, t, "the end of all", func() bool { return asyncio.RunningLoop(ctx).Stats().Processes == 0 })
		until(ctx, t, "all pipes to be closed", func() bool { return openFiles(t) <= before })
		return nil
	})
}

// fillDescriptors opens files until only free more can be opened, and returns what closes them.
func fillDescriptors(t *testing.T, free int) (release func()) {
	t.Helper()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Skip(err)
	}
	low := old
	low.Cur = 128
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Skip(err)
	}
	var fds []int
	for {
		fd, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			break
		}
		fds = append(fds, fd)
	}
	closeAll := func(fds []int) {
		for _, fd := range fds {
			syscall.Close(fd)
		}
	}
	keep := max(0, len(fds)-free)
	closeAll(fds[keep:])
	return func() {
		closeAll(fds[:keep])
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
			t.Error(err)
		}
	}
}
