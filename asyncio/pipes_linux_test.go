package asyncio_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/aio-go/aio/asyncio"
)

// A read from a terminal brings one line, although others are there; a socket that gave so
// little would be empty.
func TestTerminalBringsAllItsLines(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		keyboard, terminal := openTerminal(t)
		putString(t, keyboard, "first\nsecond\nthird\n")
		r := newRecorder(ctx)
		tr, err := asyncio.ConnectReadPipe(ctx, r, terminal)
		if err != nil {
			return err
		}
		until(ctx, t, "three lines", func() bool { return r.received.String() == "first\nsecond\nthird\n" })
		putString(t, keyboard, "fourth\n")
		until(ctx, t, "a fourth", func() bool { return r.received.Len() == len("first\nsecond\nthird\nfourth\n") })
		tr.Close()
		_, err = r.lost.Await(ctx)
		return err
	})
}

// openTerminal returns both ends of a pseudo-terminal.
func openTerminal(t *testing.T) (keyboard, terminal *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { keyboard.Close() })
	raw, err := keyboard.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var number int
	var failed error
	err = raw.Control(func(fd uintptr) {
		if failed = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); failed == nil {
			number, failed = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	})
	if err != nil || failed != nil {
		t.Skipf("no terminals here: %v, %v", err, failed)
	}
	// Not blocking, so that the portable network can interrupt a read of it.
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { terminal.Close() })
	return keyboard, terminal
}
