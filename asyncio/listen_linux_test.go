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

	"github.com/aio-go/aio/asyncio"
)

// LOOP-30: a listener that cannot accept for want of descriptors says so, rests for a second
// and goes on.
func TestAcceptSurvivesDescriptorExhaustion(t *testing.T) {
	for name, accept := range map[string]func(context.Context, *testing.T) (net.Addr, func() error){
		"task": func(ctx context.Context, t *testing.T) (net.Addr, func() error) {
			ln := listen(ctx, t)
			accepting := asyncio.CreateTask(ctx, ln.Accept)
			return ln.Addr(), func() error { _, err := accepting.Await(ctx); return err }
		},
		"server": func(ctx context.Context, t *testing.T) (net.Addr, func() error) {
			made := asyncio.NewFuture[none](ctx)
			s, err := asyncio.CreateServer(ctx, func() asyncio.Protocol {
				made.SetResult(none{})
				return asyncio.BaseProtocol{}
			}, "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			return s.Addr(), func() error { _, err := made.Await(ctx); return err }
		},
	} {
		t.Run(name, func(t *testing.T) {
			onKernel(t, func(ctx context.Context, t *testing.T) error {
				var told error
				var failed time.Duration
				l := asyncio.RunningLoop(ctx)
				l.SetExceptionHandler(func(_ *asyncio.EventLoop, info asyncio.ExceptionInfo) {
					if told == nil {
						told, failed = info.Err, l.Time()
					}
				})
				addr, accepted := accept(ctx, t)
				asyncio.Sleep(ctx, time.Millisecond)
				fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
				if err != nil {
					return err
				}
				defer syscall.Close(fd)
				fill, restore := exhaustDescriptors(t)
				defer restore()
				to := &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: addr.(*net.TCPAddr).Port}
				if err := syscall.Connect(fd, to); err != nil {
					return err
				}
				for told == nil {
					fill()
					if err := asyncio.Sleep(ctx, time.Millisecond); err != nil {
						return err
					}
				}
				restore()
				if err := accepted(); err != nil {
					return err
				}
				if !errors.Is(told, syscall.EMFILE) {
					t.Errorf("the exception handler was told %v, want EMFILE", told)
				}
				if rested := l.Time() - failed; rested < 900*time.Millisecond {
					t.Errorf("tried again after %v, want a second", rested)
				}
				return nil
			})
		})
	}
}

// exhaustDescriptors lowers the limit so that no more descriptors can be opened. What was open
// before may still be closed behind the test's back, by a finalizer: fill takes such descriptors
// again.
func exhaustDescriptors(t *testing.T) (fill, restore func()) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	lowest, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = uint64(lowest.Fd())
	lowest.Close()
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	var held []*os.File
	fill = func() {
		for {
			f, err := os.Open(os.DevNull)
			if err != nil {
				return
			}
			held = append(held, f)
		}
	}
	return fill, func() {
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
		for _, f := range held {
			f.Close()
		}
		held = nil
	}
}

func TestIdleConnectionOfAServerIsSmall(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		if strings.HasSuffix(t.Name(), "portable") {
			t.Skip("an idle connection has a goroutine and a buffer there")
		}
		const n = 1000
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < 2*n+400 {
			t.Skipf("only %d descriptors", limit.Cur)
		}
		s := echoServer(ctx, t)
		to := &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: s.Addr().(*net.TCPAddr).Port}
		connect := func(n int) {
			for range n {
				fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { syscall.Close(fd) })
				if err := syscall.Connect(fd, to); err != nil {
					t.Fatal(err)
				}
			}
			goal := s.Connections() + n
			until(ctx, t, "the connections", func() bool { return s.Connections() == goal })
		}
		heap := func() int64 {
			var m runtime.MemStats
			for range 3 { // what pools keep, and what finalizers held, goes too
				runtime.GC()
			}
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc)
		}
		connect(100) // what the loop allocates once
		before := heap()
		connect(n)
		if each := (heap() - before) / n; each > 1024 {
			t.Errorf("%d bytes for an idle connection, want at most 1024", each)
		} else {
			t.Logf("%d bytes for an idle connection", each)
		}
		return nil
	})
}
