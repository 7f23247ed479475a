package asyncio_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/aio-go/aio/asyncio"
)

func TestInotifyIsWaitedFor(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
		if err != nil {
			return err
		}
		file := os.NewFile(uintptr(fd), "inotify")
		defer file.Close()
		dir := t.TempDir()
		if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_CREATE); err != nil {
			return err
		}
		raw := rawConn(t, file)
		waiting := spawn(ctx, func(ctx context.Context) error { return asyncio.WaitReadable(ctx, raw) })
		asyncio.Sleep(ctx, time.Millisecond)
		if waiting.Done() {
			t.Error("nothing has happened yet")
		}
		if err := os.WriteFile(filepath.Join(dir, "new"), nil, 0o600); err != nil {
			return err
		}
		_, err = waiting.Await(ctx)
		return err
	})
}

// More descriptors than one look at the kernel's queue reports, all ready at once, while timers
// go on.
func TestThousandsOfReadyDescriptorsDoNotStarveTimers(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		const n = 2000
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < n+100 {
			t.Skipf("only %d descriptors", limit.Cur)
		}
		l := asyncio.RunningLoop(ctx)
		ready, most, streak := 0, 0, 0
		var events []*os.File
		for range n {
			fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
			if err != nil {
				return err
			}
			file := os.NewFile(uintptr(fd), "event")
			defer file.Close()
			events = append(events, file)
			raw := rawConn(t, file)
			spawn(ctx, func(ctx context.Context) error {
				for range 3 {
					if err := asyncio.WaitReadable(ctx, raw); err != nil {
						return err
					}
					readAll(t, raw)
					ready++
					streak++
					most = max(most, streak)
				}
				return nil
			})
		}
		asyncio.Sleep(ctx, time.Millisecond)
		var tick func()
		tick = func() { streak = 0; l.CallLater(0, tick) }
		tick()
		for i := range 3 {
			for _, f := range events {
				if _, err := f.Write([]byte{1, 0, 0, 0, 0, 0, 0, 0}); err != nil {
					return err
				}
			}
			until(ctx, t, "the tasks", func() bool { return ready == (i+1)*n })
		}
		if most > n/2 {
			t.Errorf("%d descriptors between two ticks of a timer", most)
		}
		return nil
	})
}
