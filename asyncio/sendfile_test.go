package asyncio_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// dataFile returns a file with data in it, at its beginning.
func dataFile(t *testing.T, data []byte) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func wantPosition(t *testing.T, f *os.File, want int64) {
	t.Helper()
	if got, err := f.Seek(0, io.SeekCurrent); got != want || err != nil {
		t.Errorf("the position of the file is %d, %v, want %d", got, err, want)
	}
}

// receive returns a task that reads c up to its end.
func receive(ctx context.Context, c *asyncio.Conn) *asyncio.Task[[]byte] {
	return asyncio.CreateTask(ctx, func(context.Context) ([]byte, error) { return io.ReadAll(c) })
}

func wantReceived(ctx context.Context, t *testing.T, task *asyncio.Task[[]byte], want string) {
	t.Helper()
	if got, err := task.Await(ctx); string(got) != want || err != nil {
		t.Errorf("got %d bytes, %v, want %d", len(got), err, len(want))
	}
}

func TestFileIsSentByPartsAndAsAWhole(t *testing.T) {
	data := pattern(3 << 20)
	cases := []struct {
		name   string
		want   []byte
		offset int64
		send   func(ctx context.Context, c *asyncio.Conn, f *os.File) (int64, error)
	}{
		{"whole", data, 0, func(ctx context.Context, c *asyncio.Conn, f *os.File) (int64, error) {
			return c.SendFile(ctx, f, 0, -1)
		}},
		{"part", data[1000:2_000_000], 1000, func(ctx context.Context, c *asyncio.Conn, f *os.File) (int64, error) {
			return c.SendFile(ctx, f, 1000, 2_000_000-1000)
		}},
		{"more than there is", data[1<<20:], 1 << 20, func(ctx context.Context, c *asyncio.Conn, f *os.File) (int64, error) {
			return c.SendFile(ctx, f, 1<<20, 100<<20)
		}},
		{"io.Copy", data[10:], 10, func(_ context.Context, c *asyncio.Conn, f *os.File) (int64, error) {
			f.Seek(10, io.SeekStart)
			return io.Copy(c, f)
		}},
		{"io.CopyN", data[10:1_000_010], 10, func(_ context.Context, c *asyncio.Conn, f *os.File) (int64, error) {
			f.Seek(10, io.SeekStart)
			return io.CopyN(c, f, 1_000_000)
		}},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			onNetworks(t, func(ctx context.Context, t *testing.T) error {
				f := dataFile(t, data)
				a, b := connPair(ctx, t)
				got := receive(ctx, b)
				n, err := tt.send(ctx, a, f)
				if n != int64(len(tt.want)) || err != nil {
					t.Errorf("got %d, %v, want %d", n, err, len(tt.want))
				}
				wantPosition(t, f, tt.offset+n)
				a.Close()
				wantReceived(ctx, t, got, string(tt.want))
				return nil
			})
		})
	}
}

// PIPE-04: the position of the file is behind what was sent, and nobody waits for the socket any
// more.
func TestCancelledSendFileCanBeResumed(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		data := pattern(20 << 20)
		f := dataFile(t, data)
		a, b := connPair(ctx, t)
		sending := asyncio.CreateTask(ctx, func(ctx context.Context) (int64, error) { return a.SendFile(ctx, f, 0, -1) })
		until(ctx, t, "the first bytes", b.Readable)
		sending.Cancel(errBoom)
		if _, err := sending.Await(ctx); !errors.Is(err, errBoom) {
			t.Errorf("got %v, want the cancellation", err)
		}
		at, err := f.Seek(0, io.SeekCurrent)
		if at == 0 || at >= int64(len(data)) || err != nil {
			t.Fatalf("the position is %d, %v, want it somewhere inside", at, err)
		}
		got := receive(ctx, b)
		if n, err := a.SendFile(ctx, f, at, -1); n != int64(len(data))-at || err != nil {
			t.Errorf("got %d, %v, want %d", n, err, int64(len(data))-at)
		}
		a.Close()
		wantReceived(ctx, t, got, string(data))
		return nil
	})
}

// PIPE-04
func TestSendFileThatFailsMidwayTellsHowFarItCame(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		f := dataFile(t, pattern(20<<20))
		a, b := connPair(ctx, t)
		spawn(ctx, func(ctx context.Context) error {
			io.CopyN(io.Discard, b, 1<<20)
			return b.Abort()
		})
		n, err := a.SendFile(ctx, f, 0, -1)
		var op *net.OpError
		if !errors.As(err, &op) || n < 1<<20 || n >= 20<<20 {
			t.Errorf("got %d, %v, want an error midway", n, err)
		}
		wantPosition(t, f, n)
		return nil
	})
}

// PIPE-04: where the system cannot do it by itself it is done piece by piece, unless that was
// excluded.
func TestSendFileFallsBackUnlessThatIsExcluded(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		f := dataFile(t, pattern(100_000))
		native := runtime.GOOS == "linux" && strings.HasSuffix(t.Name(), "native")
		a, b := connPair(ctx, t)
		got := receive(ctx, b)
		n, err := a.SendFile(ctx, f, 0, -1, asyncio.WithoutSendFileFallback())
		switch {
		case native && (n != 100_000 || err != nil):
			t.Errorf("got %d, %v", n, err)
		case !native && (n != 0 || !errors.Is(err, asyncio.ErrSendFileNotAvailable)):
			t.Errorf("got %d, %v, want ErrSendFileNotAvailable", n, err)
		}
		wantPosition(t, f, n)
		a.Close()
		if _, err := got.Await(ctx); err != nil {
			return err
		}
		_, err = a.SendFile(ctx, f, 0, -1)
		wantErr(t, err, net.ErrClosed)
		return nil
	})
}

func TestWritesOfOthersDoNotMixWithAFile(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		data := string(pattern(5 << 20))
		f := dataFile(t, []byte(data))
		a, b := connPair(ctx, t)
		send(t, a, "before ")
		sending := asyncio.CreateTask(ctx, func(ctx context.Context) (int64, error) { return a.SendFile(ctx, f, 0, -1) })
		after := spawn(ctx, func(context.Context) error { send(t, a, " after"); return a.CloseWrite() })
		wantReceived(ctx, t, receive(ctx, b), "before "+data+" after")
		if _, err := sending.Await(ctx); err != nil {
			return err
		}
		_, err := after.Await(ctx)
		return err
	})
}

func TestTransportSendsAFileBetweenItsWrites(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		data, before := string(pattern(5<<20)), string(pattern(1<<20))
		f := dataFile(t, []byte(data))
		r := newRecorder(ctx)
		tr, b := callPair(ctx, t, r)
		asyncio.Sleep(ctx, 0)
		tr.Write([]byte(before))
		sending := asyncio.CreateTask(ctx, func(ctx context.Context) (int64, error) { return tr.SendFile(ctx, f, 0, -1) })
		asyncio.Sleep(ctx, time.Millisecond)
		tr.Write([]byte(" after"))
		tr.WriteEOF()
		wantReceived(ctx, t, receive(ctx, b), before+data+" after")
		if n, err := sending.Await(ctx); n != int64(len(data)) || err != nil {
			t.Errorf("got %d, %v, want %d", n, err, len(data))
		}
		wantPosition(t, f, int64(len(data)))
		b.Close()
		_, err := r.lost.Await(ctx)
		return err
	})
}

func TestClosingATransportEndsItsFile(t *testing.T) {
	for _, end := range []string{"Close", "Abort", "peer"} {
		t.Run(end, func(t *testing.T) {
			onNetworks(t, func(ctx context.Context, t *testing.T) error {
				f := dataFile(t, pattern(20<<20))
				r := newRecorder(ctx)
				tr, b := callPair(ctx, t, r)
				sending := asyncio.CreateTask(ctx, func(ctx context.Context) (int64, error) { return tr.SendFile(ctx, f, 0, -1) })
				asyncio.Sleep(ctx, 20*time.Millisecond)
				switch end {
				case "Close":
					tr.Close()
				case "Abort":
					tr.Abort()
				default:
					b.Abort()
				}
				n, err := sending.Await(ctx)
				var op *net.OpError
				if !errors.As(err, &op) {
					t.Errorf("got %v, want a net.OpError", err)
				}
				if end != "peer" {
					wantErr(t, err, net.ErrClosed)
				}
				wantPosition(t, f, n)
				_, err = r.lost.Await(ctx)
				return err
			})
		})
	}
}
