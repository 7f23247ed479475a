//go:build unix

package asyncio_test

// Processes as tasks see them.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// shell starts a command of the shell with pipes to all of its standard files.
func shell(ctx context.Context, t *testing.T, command string, opts ...asyncio.SubprocessOption) *asyncio.Process {
	t.Helper()
	p, err := asyncio.CreateSubprocessShell(ctx, command, append(piped, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func wantCode(ctx context.Context, t *testing.T, p *asyncio.Process, want int) {
	t.Helper()
	if got, err := p.Wait(ctx); got != want || err != nil {
		t.Errorf("%v: got return code %d, %v, want %d", p, got, err, want)
	}
}

func TestConversationWithAProcess(t *testing.T) {
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		p, err := asyncio.CreateSubprocessExec(ctx, "cat", []string{"-"}, piped...)
		if err != nil {
			return err
		}
		for i := range 3 {
			line := fmt.Sprintf("line %d\n", i)
			if _, err := p.Stdin.WriteString(line); err != nil {
				return err
			}
			if got, err := p.Stdout.ReadLine(ctx); string(got) != line || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, line)
			}
		}
		if code, ended := p.ReturnCode(); ended || code != 0 || p.ProcessState() != nil {
			t.Errorf("got %d, %v, want a process that runs", code, ended)
		}
		p.Stdin.Close()
		if got, err := p.Stdout.ReadAll(ctx); len(got) > 0 || err != nil {
			t.Errorf("got %q, %v, want the end", got, err)
		}
		wantCode(ctx, t, p, 0)
		if !p.ProcessState().Success() || p.Pid() <= 0 {
			t.Errorf("got %v of process %d, want success", p.ProcessState(), p.Pid())
		}
		if p.Stderr != nil {
			_, err = p.Stderr.ReadAll(ctx)
		}
		return err
	})
}

func TestCommunicateWithAProcess(t *testing.T) {
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		input := bytes.Repeat([]byte("0123456789abcdef"), 40_000) // ten pipes full, both ways
		p := shell(ctx, t, "cat; cat >&2 </dev/null; echo problem >&2; exit 4")
		out, problems, err := p.Communicate(ctx, input)
		if !bytes.Equal(out, input) || string(problems) != "problem\n" {
			t.Errorf("got %d bytes and %q, want %d and problem", len(out), problems, len(input))
		}
		wantCode(ctx, t, p, 4)
		return err
	})
}

func TestCommunicateUsesWhatPipesThereAre(t *testing.T) {
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		tests := []struct {
			name     string
			opts     []asyncio.SubprocessOption
			in       string
			out, err string
		}{
			{"output alone", []asyncio.SubprocessOption{asyncio.WithStderr(asyncio.StdioDevNull), asyncio.WithStdout(asyncio.StdioPipe)}, "", "out\n", ""},
			{"errors alone", []asyncio.SubprocessOption{asyncio.WithStdout(asyncio.StdioDevNull), asyncio.WithStderr(asyncio.StdioPipe)}, "", "", "err\n"},
			{"both in one", []asyncio.SubprocessOption{asyncio.WithStdout(asyncio.StdioPipe), asyncio.WithStderr(asyncio.StdioToStdout)}, "", "out\nerr\n", ""},
			{"none", []asyncio.SubprocessOption{asyncio.WithStdout(asyncio.StdioDevNull), asyncio.WithStderr(asyncio.StdioDevNull)}, "", "", ""},
		}
		for _, tt := range tests {
			p, err := asyncio.CreateSubprocessShell(ctx, "echo out; echo err >&2", tt.opts...)
			if err != nil {
				return err
			}
			out, problems, err := p.Communicate(ctx, []byte(tt.in))
			if string(out) != tt.out || string(problems) != tt.err || err != nil {
				t.Errorf("%s: got %q, %q, %v, want %q, %q", tt.name, out, problems, err, tt.out, tt.err)
			}
			if _, _, err := p.Communicate(ctx, []byte("x")); !errors.Is(err, asyncio.ErrNoStdin) {
				t.Errorf("%s: got %v for input without a pipe, want ErrNoStdin", tt.name, err)
			}
		}
		return nil
	})
}

func TestProcessThatDoesNotReadItsInput(t *testing.T) { // SUB-01
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		p := shell(ctx, t, "exit 2")
		_, _, err := p.Communicate(ctx, make([]byte, 1<<20))
		if err != nil {
			t.Errorf("Communicate: got %v, want nil", err)
		}
		wantCode(ctx, t, p, 2)

		p = shell(ctx, t, "exit 2")
		p.Stdin.Write(make([]byte, 1<<20))
		if err := p.Stdin.Drain(ctx); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("Drain: got %v, want a broken pipe", err)
		}
		if _, err := p.Stdin.WriteString("more"); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("Write: got %v, want a broken pipe", err)
		}
		p.Stdout.ReadAll(ctx)
		p.Stderr.ReadAll(ctx)
		wantCode(ctx, t, p, 2)
		return nil
	})
}

func TestReturnCodeOfAKilledProcess(t *testing.T) { // SUB-02
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		tests := []struct {
			name string
			do   func(*asyncio.Process) error
			want syscall.Signal
		}{
			{"Kill", (*asyncio.Process).Kill, syscall.SIGKILL},
			{"Terminate", (*asyncio.Process).Terminate, syscall.SIGTERM},
			{"SendSignal", func(p *asyncio.Process) error { return p.SendSignal(syscall.SIGHUP) }, syscall.SIGHUP},
			{"Close", (*asyncio.Process).Close, syscall.SIGKILL},
		}
		for _, tt := range tests {
			for _, opts := range [][]asyncio.SubprocessOption{nil, {asyncio.WithProcessGroup()}} {
				p, err := asyncio.CreateSubprocessExec(ctx, "sleep", []string{"1000"}, opts...)
				if err != nil {
					return err
				}
				if err := tt.do(p); err != nil {
					t.Errorf("%s: %v", tt.name, err)
				}
				wantCode(ctx, t, p, -int(tt.want))
				if err := p.Kill(); !errors.Is(err, os.ErrProcessDone) { // SUB-10
					t.Errorf("Kill of a process that has ended: got %v, want os.ErrProcessDone", err)
				}
				p.Close()
			}
		}
		return nil
	})
}

func TestAnyNumberMayWaitForAProcess(t *testing.T) { // SUB-03
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		p := shell(ctx, t, "read x; exit 9")
		var tasks []*asyncio.Task[int]
		for range 10 {
			tasks = append(tasks, asyncio.CreateTask(ctx, p.Wait))
		}
		asyncio.Sleep(ctx, 0)
		p.Stdin.Close()
		codes, err := asyncio.Gather(ctx, tasks...).Await(ctx)
		for _, code := range codes {
			if code != 9 {
				t.Errorf("got return codes %v, want ten times 9", codes)
				break
			}
		}
		wantCode(ctx, t, p, 9) // and later too
		p.Close()
		return err
	})
}

func TestCancelledWaitLeavesTheProcess(t *testing.T) { // SUB-04
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		p := shell(ctx, t, "read x; echo $x")
		waiting := asyncio.CreateTask(ctx, p.Wait)
		talking := asyncio.CreateTask(ctx, func(ctx context.Context) ([]byte, error) { return p.Stdout.ReadAll(ctx) })
		asyncio.Sleep(ctx, 0)
		waiting.Cancel(errBoom)
		talking.Cancel(errBoom)
		_, err := waiting.Await(ctx)
		wantErr(t, err, errBoom)
		_, err = talking.Await(ctx)
		wantErr(t, err, errBoom)
		if code, ended := p.ReturnCode(); ended {
			t.Errorf("the process has ended with %d", code)
		}
		out, _, err := p.Communicate(ctx, []byte("still here\n"))
		if string(out) != "still here\n" {
			t.Errorf("got %q, want still here", out)
		}
		wantCode(ctx, t, p, 0)
		return err
	})
}

func TestCancelledCommunicateCanBeRepeated(t *testing.T) {
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		p := shell(ctx, t, "echo before; read x; echo $x")
		_, err := asyncio.Timeout(ctx, 50*time.Millisecond, func(ctx context.Context) (none, error) {
			_, err := p.Stdout.ReadExactly(ctx, 1000)
			return none{}, err
		})
		wantErr(t, err, context.DeadlineExceeded)
		out, _, err := p.Communicate(ctx, []byte("after\n"))
		if string(out) != "before\nafter\n" {
			t.Errorf("got %q, want all of the output", out)
		}
		return err
	})
}

func TestTimeoutEndsAProcess(t *testing.T) {
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		var p *asyncio.Process
		// The time may be over before the process has said anything: then it gets more.
		for limit := 100 * time.Millisecond; limit < patience; limit *= 4 {
			spoke := filepath.Join(t.TempDir(), "spoke")
			_, err := asyncio.Timeout(ctx, limit, func(ctx context.Context) (none, error) {
				var err error
				p, err = asyncio.CreateSubprocessShell(ctx, "echo partial; : >"+spoke+"; sleep 1000", append(piped, asyncio.WithProcessGroup())...)
				if err != nil {
					return none{}, err
				}
				_, _, err = p.Communicate(ctx, nil)
				return none{}, err
			})
			wantErr(t, err, context.DeadlineExceeded)
			if p == nil { // it was over before the process was ours
				continue
			}
			if _, err := os.Stat(spoke); err == nil {
				break
			}
			p.Wait(ctx)
		}
		if p == nil {
			t.Fatal("no process was started in time")
		}
		wantCode(ctx, t, p, -int(syscall.SIGKILL))
		// What came before the end is not lost.
		if got, err := p.Stdout.ReadAll(ctx); string(got) != "partial\n" || err != nil {
			t.Errorf("got %q, %v, want partial", got, err)
		}
		return nil
	})
}

func TestPipesOfAnAbandonedProcessAreClosed(t *testing.T) {
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		before := openFiles(t)
		inner, end := asyncio.WithTimeout(ctx, time.Hour)
		p := shell(inner, t, "sleep 1000 & printf '%s\\nunread\\n' $!; exec sleep 1000")
		line, err := p.Stdout.ReadLine(ctx)
		if err != nil {
			return err
		}
		var second int // it keeps the other ends of the pipes
		if _, err := fmt.Sscan(string(line), &second); err != nil {
			return err
		}
		defer syscall.Kill(second, syscall.SIGKILL)
		end()
		wantCode(ctx, t, p, -int(syscall.SIGKILL))
		until(ctx, t, "the pipes to be closed", func() bool { return openFiles(t) <= before })
		if got, err := p.Stdout.ReadAll(ctx); string(got) != "unread\n" || err != nil {
			t.Errorf("got %q, %v, want what was in the pipe", got, err)
		}
		return nil
	})
}

func TestLimitOfAProcessStream(t *testing.T) {
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		p := shell(ctx, t, "echo 0123456789; echo short", asyncio.WithStreamLimit(8))
		_, err := p.Stdout.ReadLine(ctx)
		var overrun *asyncio.LimitOverrunError
		if !errors.As(err, &overrun) || overrun.Limit != 8 {
			t.Errorf("got %v, want the limit of 8 overrun", err)
		}
		p.Close()
		_, err = p.Wait(ctx)
		return err
	})
}

func TestStartingAProcessDoesNotHoldUpTheLoop(t *testing.T) {
	noGoroutineLeft(t)
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
		turns, over := 0, false
		spinning := spawn(ctx, func(ctx context.Context) error {
			for !over {
				turns++
				if err := asyncio.Sleep(ctx, 0); err != nil {
					return err
				}
				if turns%100 == 0 {
					runtime.Gosched() // to whoever starts the process, on one processor
				}
			}
			return nil
		})
		p, err := asyncio.CreateSubprocessExec(ctx, "true", nil)
		over = true
		if err != nil {
			return none{}, err
		}
		if turns < 2 {
			t.Errorf("the loop made %d turns while the process was started, want it to go on", turns)
		}
		if _, err := p.Wait(ctx); err != nil {
			return none{}, err
		}
		return spinning.Await(ctx)
	}, asyncio.WithoutSignals())
	if err != nil {
		t.Error(err)
	}
}

func TestProcessDescribesItself(t *testing.T) {
	onPlatforms(t, func(ctx context.Context, t *testing.T) error {
		p := shell(ctx, t, "exit 5")
		if got, want := p.String(), fmt.Sprintf("Process(exit 5, process %d)", p.Pid()); got != want && !strings.HasSuffix(got, "ended with 5)") {
			t.Errorf("got %q, want %q", got, want)
		}
		p.Communicate(ctx, nil)
		if got, want := p.String(), fmt.Sprintf("Process(exit 5, process %d, ended with 5)", p.Pid()); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		return nil
	})
}
