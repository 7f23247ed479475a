package asyncio_test

// Signals. They are the whole process's business, hence some tests run the test binary again.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// stop is a signal that no process can catch.
var stop os.Signal = os.Kill

// raise sends sig to this process.
func raise(t *testing.T, sig os.Signal) {
	t.Helper()
	p, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Signal(sig); err != nil {
		t.Skipf("this system cannot send %v to a process: %v", sig, err)
	}
}

func TestSignalHandlerRunsOnTheLoop(t *testing.T) { // SIG-02
	noGoroutineLeft(t)
	l := asyncio.NewEventLoop()
	defer l.Close()
	calls := 0
	wantErr(t, l.AddSignalHandler(os.Interrupt, func() { t.Error("a handler that was replaced ran") }), nil)
	wantErr(t, l.AddSignalHandler(os.Interrupt, func() {
		if !l.IsRunning() {
			t.Error("the handler ran outside the loop")
		}
		calls++
		l.Stop()
	}), nil)
	for i := range 3 {
		sent := false
		l.CallSoon(func() { sent = true; raise(t, os.Interrupt) }) // then the loop is idle
		wantErr(t, l.RunForever(), nil)
		if !sent || calls != i+1 {
			t.Errorf("got %d calls, want %d", calls, i+1)
		}
	}
}

func TestSignalHandlersAreRemovedOnce(t *testing.T) { // SIG-01
	noGoroutineLeft(t)
	l := asyncio.NewEventLoop()
	defer l.Close()
	wantErr(t, l.AddSignalHandler(os.Interrupt, func() {}), nil)
	if !l.RemoveSignalHandler(os.Interrupt) || l.RemoveSignalHandler(os.Interrupt) {
		t.Error("a handler is not removed exactly once")
	}
	for name, sig := range map[string]os.Signal{"kill": os.Kill, "nil": nil, "stop": stop} {
		if err := l.AddSignalHandler(sig, func() {}); err == nil {
			t.Errorf("%s: got no error for a signal that cannot be caught", name)
		}
	}
}

func TestCloseRemovesSignalHandlers(t *testing.T) { // SIG-03
	noGoroutineLeft(t)
	l := asyncio.NewEventLoop()
	wantErr(t, l.AddSignalHandler(os.Interrupt, func() { t.Error("a closed loop's handler ran") }), nil)
	wantErr(t, l.Close(), nil)
	if l.RemoveSignalHandler(os.Interrupt) {
		t.Error("the handler was still there")
	}
	seen := make(chan os.Signal, 1)
	signal.Notify(seen, os.Interrupt) // or the process would end
	defer signal.Stop(seen)
	raise(t, os.Interrupt)
	<-seen
}

func TestInterruptCancelsMain(t *testing.T) { // RUN-05
	noGoroutineLeft(t)
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		cleaned := false
		_, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
			raise(t, sig)
			err := asyncio.Sleep(ctx, time.Hour)
			cleaned = asyncio.Sleep(context.WithoutCancel(ctx), time.Millisecond) == nil
			return 0, err
		})
		wantErr(t, err, context.Canceled)
		wantErr(t, err, asyncio.ErrInterrupted)
		if !cleaned {
			t.Errorf("main had no time to clean up after %v", sig)
		}
	}
}

func TestInterruptedMainMayFinish(t *testing.T) { // RUN-05
	noGoroutineLeft(t)
	v, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		raise(t, os.Interrupt)
		_ = asyncio.Sleep(ctx, time.Hour)
		return 7, nil
	})
	if v != 7 || err != nil {
		t.Errorf("got %v, %v, want 7", v, err)
	}
}

func TestInterruptOfAMainThatWasCancelledBefore(t *testing.T) { // RUN-06
	noGoroutineLeft(t)
	seen := make(chan os.Signal, 1)
	signal.Notify(seen, os.Interrupt) // a signal that comes late does not end the process
	defer signal.Stop(seen)
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		asyncio.CurrentTask(ctx).Cancel(errBoom)
		raise(t, os.Interrupt)
		err := asyncio.Sleep(ctx, time.Hour)
		<-seen
		_ = asyncio.Sleep(context.WithoutCancel(ctx), 20*time.Millisecond) // it reaches the loop
		return 0, err
	})
	wantErr(t, err, errBoom)
	if errors.Is(err, asyncio.ErrInterrupted) {
		t.Errorf("got %v, want the first cancellation", err)
	}
}

func TestOwnHandlerTakesTheInterruptFromRun(t *testing.T) {
	noGoroutineLeft(t)
	handled := 0
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		l := asyncio.RunningLoop(ctx)
		for range 3 {
			f := asyncio.NewFuture[none](ctx)
			wantErr(t, l.AddSignalHandler(os.Interrupt, func() { handled++; _ = f.SetResult(none{}) }), nil)
			raise(t, os.Interrupt)
			if _, err := f.Await(ctx); err != nil {
				return 0, err
			}
		}
		l.RemoveSignalHandler(os.Interrupt)
		// Without it, the interrupt is Run's again.
		raise(t, os.Interrupt)
		return 0, asyncio.Sleep(ctx, time.Hour)
	})
	wantErr(t, err, asyncio.ErrInterrupted)
	if handled != 3 {
		t.Errorf("got %d calls, want 3", handled)
	}
}

func TestWithoutSignalsLeavesTheInterruptAlone(t *testing.T) {
	noGoroutineLeft(t)
	seen := make(chan os.Signal, 1)
	signal.Notify(seen, os.Interrupt)
	defer signal.Stop(seen)
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
		raise(t, os.Interrupt)
		return 0, asyncio.Sleep(ctx, 10*time.Millisecond)
	}, asyncio.WithoutSignals())
	wantErr(t, err, nil)
	<-seen
}

func init() {
	children["interrupted twice"] = func() {
		_, err := asyncio.Run(context.Background(), func(ctx context.Context) (int, error) {
			fmt.Println("ready")
			err := asyncio.Sleep(ctx, time.Hour)
			fmt.Println("first")
			for { // deaf
				_ = asyncio.Sleep(context.WithoutCancel(ctx), time.Hour)
				fmt.Println(err)
			}
		})
		fmt.Println("returned", err)
	}
}

func TestSecondInterruptEndsTheProcess(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childProgram+"=interrupted twice")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	buf := make([]byte, 256)
	for sent := 0; ; {
		n, err := out.Read(buf)
		got.Write(buf[:n])
		if err != nil {
			break
		}
		if lines := strings.Count(got.String(), "\n"); lines > sent {
			sent = lines
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
				t.Skipf("this system cannot interrupt a process: %v", err)
			}
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the process ended well, want it ended by the second interrupt")
	}
	if want := "ready\nfirst\n"; got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
}
