//go:build linux && !race

package asyncio_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/aio-go/aio/asyncio"
)

// An idle connection that a handler waits for is a small stack and little else, also when it has
// been in use. (The other end is a bare socket, which costs this process nothing.)
func TestIdleStreamCostsLittle(t *testing.T) {
	for name, handle := range map[string]asyncio.StreamHandler{"lines": echoLines, "pieces": echoPieces} {
		t.Run(name, func(t *testing.T) { measureIdle(t, handle) })
	}
}

// echoPieces is a handler that does not care for lines.
func echoPieces(ctx context.Context, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
	for {
		data, err := r.ReadAny(ctx)
		if err != nil {
			return err
		}
		w.Write(data)
		if err := w.Drain(ctx); err != nil {
			return err
		}
	}
}

func measureIdle(t *testing.T, handle asyncio.StreamHandler) {
	const n, most = 500, 5 << 10
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < 2*n+100 {
		t.Skipf("only %d descriptors", limit.Cur)
	}
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
		s, err := asyncio.StartServer(ctx, handle, "tcp", "127.0.0.1:0")
		if err != nil {
			return none{}, err
		}
		warm := open(ctx, t, s)
		wantEcho(ctx, t, warm)
		before := memoryInUse()
		for range n {
			fd, err := echoOnce(s.Addr().String())
			if err != nil {
				return none{}, err
			}
			defer unix.Close(fd)
		}
		until(ctx, t, "the echoes", func() bool { return s.Connections() == n+1 })
		wantEcho(ctx, t, warm) // the others have had theirs
		if each := (memoryInUse() - before) / n; each > most {
			t.Errorf("%d bytes for each idle connection, want %d at most", each, most)
		}
		warm.w.Close()
		return none{}, nil
	}, asyncio.WithNetwork(asyncio.NativeNetwork()), asyncio.WithoutSignals())
	if err != nil {
		t.Error(err)
	}
}

// echoOnce connects and sends a line.
func echoOnce(address string) (fd int, err error) {
	at := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	if _, err := fmt.Sscanf(address, "127.0.0.1:%d", &at.Port); err != nil {
		return 0, err
	}
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	if err := unix.Connect(fd, at); err != nil {
		return 0, err
	}
	_, err = unix.Write(fd, []byte("hello\n"))
	return fd, err
}

func memoryInUse() int64 {
	for range 3 { // what pools keep, and what finalizers held, goes too
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
