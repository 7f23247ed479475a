//go:build unix

package asyncio_test

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/aio-go/aio/asyncio"
)

func TestFIFOWaitsForItsFirstWriter(t *testing.T) {
	noGoroutineLeft(t)
	name := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Skipf("no FIFOs here: %v", err)
	}
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
		r, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			return none{}, err
		}
		rec := newRecorder(ctx)
		if _, err := asyncio.ConnectReadPipe(ctx, rec, r); err != nil {
			return none{}, err
		}
		for range 20 { // a read would answer 0, as at the end
			asyncio.Sleep(ctx, 0)
		}
		rec.want(t, "made")
		w, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return none{}, err
		}
		putString(t, w, "at last")
		w.Close()
		_, err = asyncio.WaitFor(ctx, patience, rec.lost)
		rec.want(t, "made", "data", "eof", "lost")
		return none{}, err
	}, asyncio.WithNetwork(asyncio.NativeNetwork()), asyncio.WithoutSignals())
	if err != nil {
		t.Error(err)
	}
}
