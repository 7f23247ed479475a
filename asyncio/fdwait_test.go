//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package asyncio_test

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/aio-go/aio/asyncio"
)

func rawConn(t *testing.T, c syscall.Conn) syscall.RawConn {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// writeAll writes to a non-blocking file until it takes no more.
func writeAll(t *testing.T, raw syscall.RawConn) {
	t.Helper()
	err := raw.Control(func(fd uintptr) {
		for {
			if _, err := unix.Write(int(fd), make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// readAll reads what a non-blocking file has, and returns how much that was.
func readAll(t *testing.T, raw syscall.RawConn) (n int) {
	t.Helper()
	buf := make([]byte, 1<<16)
	err := raw.Control(func(fd uintptr) {
		for {
			k, err := unix.Read(int(fd), buf)
			if k <= 0 || err != nil {
				return
			}
			n += k
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDescriptorIsWaitedForUntilItIsReadable(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		r, w := osPipe(t)
		raw := rawConn(t, r)
		var tr trace
		waiting := spawn(ctx, func(ctx context.Context) error {
			for range 3 {
				if err := asyncio.WaitReadable(ctx, raw); err != nil {
					return err
				}
				tr.add("read %d", readAll(t, raw))
			}
			return asyncio.WaitReadable(ctx, raw) // the end is something to read as well
		})
		for i := range 3 {
			asyncio.Sleep(ctx, time.Millisecond)
			tr.add("write")
			send(t, w, strings.Repeat("x", i+1))
			until(ctx, t, "reading", func() bool { return len(tr) == 2*(i+1) })
		}
		w.Close()
		_, err := waiting.Await(ctx)
		tr.want(t, "write", "read 1", "write", "read 2", "write", "read 3")
		return err
	})
}

func TestReadyDescriptorIsNotWaitedFor(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		r, w := osPipe(t)
		send(t, w, "x")
		turns := 0
		asyncio.RunningLoop(ctx).CallSoon(func() { turns++ })
		for range 3 { // it is the level that counts
			if err := asyncio.WaitReadable(ctx, rawConn(t, r)); err != nil {
				return err
			}
		}
		if err := asyncio.WaitWritable(ctx, rawConn(t, w)); err != nil {
			return err
		}
		file, err := os.Open(os.DevNull)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := asyncio.WaitReadable(ctx, rawConn(t, file)); err != nil {
			t.Errorf("a file that never makes anybody wait: %v", err)
		}
		if turns != 0 {
			t.Error("the task was suspended although there was something to read")
		}
		return nil
	})
}

func TestDescriptorIsWaitedForInBothDirections(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		var ends [2]*os.File
		for i, fd := range fds {
			unix.CloseOnExec(fd)
			unix.SetNonblock(fd, true)
			ends[i] = os.NewFile(uintptr(fd), "socket")
			defer ends[i].Close()
		}
		a, b := rawConn(t, ends[0]), rawConn(t, ends[1])
		writeAll(t, a)
		var tr trace
		readable := spawn(ctx, func(ctx context.Context) error {
			defer tr.add("readable")
			return asyncio.WaitReadable(ctx, a)
		})
		writable := spawn(ctx, func(ctx context.Context) error {
			defer tr.add("writable")
			return asyncio.WaitWritable(ctx, a)
		})
		asyncio.Sleep(ctx, 2*time.Millisecond)
		tr.add("drain")
		readAll(t, b)
		if _, err := writable.Await(ctx); err != nil {
			return err
		}
		tr.add("send")
		writeAll(t, b)
		_, err = readable.Await(ctx)
		tr.want(t, "drain", "writable", "send", "readable")
		return err
	})
}

func TestEverybodyWhoWaitsForADescriptorGoesOn(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		r, w := osPipe(t)
		raw := rawConn(t, r)
		var tasks []*asyncio.Task[none]
		for range 5 {
			tasks = append(tasks, spawn(ctx, func(ctx context.Context) error { return asyncio.WaitReadable(ctx, raw) }))
		}
		asyncio.Sleep(ctx, time.Millisecond)
		tasks[0].Cancel(errBoom)
		tasks[2].Cancel(errBoom)
		asyncio.Sleep(ctx, time.Millisecond)
		send(t, w, "x")
		for i, task := range tasks {
			_, err := task.Await(ctx)
			if want := map[int]error{0: errBoom, 2: errBoom}[i]; !errors.Is(err, want) {
				t.Errorf("task %d: got %v, want %v", i, err, want)
			}
		}
		return nil
	})
}

// A wait that is cancelled leaves the descriptor to others, and nothing registered.
func TestCancelledWaitLeavesTheDescriptorAlone(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		r, w := osPipe(t)
		raw := rawConn(t, r)
		for range 3 {
			limited, cancel := asyncio.WithTimeout(ctx, time.Millisecond)
			wantErr(t, asyncio.WaitReadable(limited, raw), context.DeadlineExceeded)
			cancel()
			if n := asyncio.RunningLoop(ctx).Stats().Sockets; n != 0 {
				t.Errorf("%d descriptors are watched", n)
			}
		}
		waiting := spawn(ctx, func(ctx context.Context) error { return asyncio.WaitReadable(ctx, raw) })
		asyncio.Sleep(ctx, time.Millisecond)
		send(t, w, "x")
		_, err := waiting.Await(ctx)
		return err
	})
}

func TestCancellationInTheTickOfReadinessLosesNothing(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		r, w := osPipe(t)
		raw := rawConn(t, r)
		for range 50 {
			waiting := spawn(ctx, func(ctx context.Context) error { return asyncio.WaitReadable(ctx, raw) })
			asyncio.Sleep(ctx, 0)
			asyncio.Sleep(ctx, 0)
			send(t, w, "x")
			asyncio.Sleep(ctx, 0)
			waiting.Cancel(nil)
			_, err := waiting.Await(ctx)
			if err != nil && !errors.Is(err, context.Canceled) {
				return err
			}
			if err := asyncio.WaitReadable(ctx, raw); err != nil {
				return err
			}
			if n := readAll(t, raw); n != 1 {
				t.Errorf("read %d bytes, want 1", n)
			}
		}
		return nil
	})
}

func TestClosingADescriptorWakesWhoeverWaitsForIt(t *testing.T) {
	for _, where := range []string{"on the loop", "elsewhere"} {
		t.Run(where, func(t *testing.T) {
			onKernel(t, func(ctx context.Context, t *testing.T) error {
				r, _ := osPipe(t)
				raw := rawConn(t, r)
				waiting := spawn(ctx, func(ctx context.Context) error { return asyncio.WaitReadable(ctx, raw) })
				asyncio.Sleep(ctx, time.Millisecond)
				begin := time.Now()
				if where == "on the loop" {
					r.Close()
				} else if _, err := asyncio.ToThread(ctx, func(context.Context) (none, error) { return none{}, r.Close() }); err != nil {
					return err
				}
				_, err := waiting.Await(ctx)
				wantErr(t, err, net.ErrClosed)
				if took := time.Since(begin); took > patience {
					t.Errorf("it took %v", took)
				}
				wantErr(t, asyncio.WaitReadable(ctx, raw), net.ErrClosed)
				return nil
			})
		})
	}
}

// fdConn is a descriptor that nobody keeps an eye on.
type fdConn struct {
	fd     int
	closed bool
}

func (c *fdConn) Control(f func(uintptr)) error {
	if c.closed {
		return net.ErrClosed
	}
	f(uintptr(c.fd))
	return nil
}
func (c *fdConn) Read(func(uintptr) bool) error  { return errors.ErrUnsupported }
func (c *fdConn) Write(func(uintptr) bool) error { return errors.ErrUnsupported }

// A number that the kernel gives to another file is not taken for the one that was waited for.
func TestReusedDescriptorIsNotMistaken(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		if strings.HasSuffix(t.Name(), "portable") {
			t.Skip("a plain descriptor has nobody to wait for it there")
		}
		var first, second [2]int
		if err := unix.Pipe(first[:]); err != nil {
			return err
		}
		old := &fdConn{fd: first[0]}
		waitOld := spawn(ctx, func(ctx context.Context) error { return asyncio.WaitReadable(ctx, old) })
		asyncio.Sleep(ctx, time.Millisecond)
		// The number is reused before anybody notices, and the old file lives on: by a
		// duplicate, as a child process would have it.
		dup, err := unix.Dup(first[0])
		if err != nil {
			return err
		}
		defer unix.Close(dup)
		defer unix.Close(first[1])
		if err := unix.Pipe(second[:]); err != nil {
			return err
		}
		defer unix.Close(second[1])
		if err := unix.Dup2(second[0], first[0]); err != nil {
			return err
		}
		unix.Close(second[0])
		current := &fdConn{fd: first[0]}
		defer unix.Close(first[0])
		waitNew := spawn(ctx, func(ctx context.Context) error { return asyncio.WaitReadable(ctx, current) })
		asyncio.Sleep(ctx, time.Millisecond)
		unix.Write(first[1], []byte("for the old one"))
		asyncio.Sleep(ctx, 2*time.Millisecond)
		if waitNew.Done() {
			t.Error("the new file was taken to be readable because the old one is")
		}
		old.closed = true
		_, oldErr := waitOld.Await(ctx)
		if runtime.GOOS == "linux" {
			wantErr(t, oldErr, net.ErrClosed)
		}
		unix.Write(second[1], []byte("for the new one"))
		_, err = waitNew.Await(ctx)
		return err
	})
}

func TestSocketsOfPackageNetAreWaitedFor(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return err
		}
		defer c.Close()
		waiting := spawn(ctx, func(ctx context.Context) error { return asyncio.WaitReadable(ctx, rawConn(t, c)) })
		asyncio.Sleep(ctx, time.Millisecond)
		send(t, dialPacket(ctx, t, c.LocalAddr()), "hello")
		_, err = waiting.Await(ctx)
		return err
	})
}

// The descriptor of a socket of the loop's own can be waited for beside it.
func TestOwnSocketsAreWaitedFor(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		if strings.HasSuffix(t.Name(), "portable") {
			t.Skip("a goroutine there has read what arrives before anybody could wait for it")
		}
		server := listenPacket(ctx, t)
		raw := rawConn(t, server)
		waiting := spawn(ctx, func(ctx context.Context) error {
			if err := asyncio.WaitReadable(ctx, raw); err != nil {
				return err
			}
			buf := make([]byte, 10)
			n, err := server.Read(buf)
			if string(buf[:n]) != "hello" {
				t.Errorf("got %q", buf[:n])
			}
			return err
		})
		asyncio.Sleep(ctx, time.Millisecond)
		send(t, dialPacket(ctx, t, server.LocalAddr()), "hello")
		if _, err := waiting.Await(ctx); err != nil {
			return err
		}
		waiting = spawn(ctx, func(ctx context.Context) error { return asyncio.WaitReadable(ctx, raw) })
		asyncio.Sleep(ctx, time.Millisecond)
		server.Close()
		_, err := waiting.Await(ctx)
		wantErr(t, err, net.ErrClosed)
		return nil
	})
}

func TestDescriptorThatCannotBeWaitedForIsUnsupported(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		if strings.HasSuffix(t.Name(), "native") {
			t.Skip("the native poller waits for it")
		}
		var fds [2]int
		if err := unix.Pipe(fds[:]); err != nil {
			return err
		}
		defer unix.Close(fds[0])
		defer unix.Close(fds[1])
		wantErr(t, asyncio.WaitReadable(ctx, &fdConn{fd: fds[0]}), errors.ErrUnsupported)
		return nil
	})
}
