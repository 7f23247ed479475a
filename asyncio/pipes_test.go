package asyncio_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/aio-go/aio/asyncio"
)

// osPipe returns both ends of a pipe. They are closed with the test if nobody takes them over.
func osPipe(t *testing.T) (reader, writer *os.File) {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		reader.Close()
		writer.Close()
	})
	return reader, writer
}

// readPipe returns a transport that reads what is written to w.
func readPipe(ctx context.Context, t *testing.T, p asyncio.Protocol) (tr *asyncio.Transport, w *os.File) {
	t.Helper()
	r, w := osPipe(t)
	tr, err := asyncio.ConnectReadPipe(ctx, p, r)
	if err != nil {
		t.Fatal(err)
	}
	return tr, w
}

// writePipe returns a transport that writes what is read from r.
func writePipe(ctx context.Context, t *testing.T, p asyncio.Protocol) (tr *asyncio.Transport, r *os.File) {
	t.Helper()
	r, w := osPipe(t)
	tr, err := asyncio.ConnectWritePipe(ctx, p, w)
	if err != nil {
		t.Fatal(err)
	}
	return tr, r
}

func putString(t *testing.T, w io.Writer, s string) {
	t.Helper()
	if _, err := io.WriteString(w, s); err != nil {
		t.Error(err)
	}
}

func TestReadPipeEndsWithItsLastWriter(t *testing.T) { // PIPE-01
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		r := newRecorder(ctx)
		_, w := readPipe(ctx, t, r)
		putString(t, w, "hello")
		until(ctx, t, "data", func() bool { return r.received.Len() == 5 })
		w.Close()
		_, err := r.lost.Await(ctx)
		r.want(t, "made", "data", "eof", "lost")
		if r.received.String() != "hello" || r.lostErr != nil {
			t.Errorf("got %q and %v, want hello and no error", r.received.String(), r.lostErr)
		}
		return err
	})
}

func TestPausingAPipeThatIsPausedOrClosedDoesNothing(t *testing.T) { // PIPE-02
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		r := newRecorder(ctx)
		tr, w := readPipe(ctx, t, r)
		until(ctx, t, "made", func() bool { return len(r.trace) == 1 })
		tr.PauseReading()
		tr.PauseReading()
		if tr.IsReading() {
			t.Error("a paused transport reads")
		}
		putString(t, w, "x")
		for range 5 {
			asyncio.Sleep(ctx, 0)
		}
		r.want(t, "made")
		tr.ResumeReading()
		tr.ResumeReading()
		if !tr.IsReading() {
			t.Error("a resumed transport does not read")
		}
		until(ctx, t, "data", func() bool { return r.received.Len() == 1 })
		tr.Close()
		tr.PauseReading()
		tr.ResumeReading()
		if tr.IsReading() {
			t.Error("a closed transport reads")
		}
		_, err := r.lost.Await(ctx)
		r.want(t, "made", "data", "lost")
		return err
	})
}

func TestPipeKeepsWhatItDoesNotTake(t *testing.T) { // PIPE-03
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		rec := newRecorder(ctx)
		tr, r := writePipe(ctx, t, rec)
		want := bytes.Repeat([]byte("0123456789abcdef"), 20_000) // five pipes full
		tr.Write(want)
		if tr.WriteBufferSize() == 0 {
			t.Error("nothing was left over")
		}
		tr.WriteEOF()
		got, err := asyncio.ToThread(ctx, func(context.Context) ([]byte, error) { return io.ReadAll(r) })
		if !bytes.Equal(got, want) {
			t.Errorf("got %d bytes that are not the %d written", len(got), len(want))
		}
		rec.lost.Await(ctx)
		return errors.Join(err, rec.lostErr)
	})
}

func TestAbortedPipeDropsWhatItKept(t *testing.T) { // PIPE-03
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		rec := newRecorder(ctx)
		tr, r := writePipe(ctx, t, rec)
		const size = 1 << 20
		tr.Write(make([]byte, size))
		tr.Abort()
		if got := tr.WriteBufferSize(); got != 0 {
			t.Errorf("%d bytes are kept after Abort", got)
		}
		_, err := rec.lost.Await(ctx)
		if rec.lostErr != nil {
			t.Errorf("lost with %v, want nil", rec.lostErr)
		}
		got, _ := asyncio.ToThread(ctx, func(context.Context) ([]byte, error) { return io.ReadAll(r) })
		if len(got) >= size {
			t.Errorf("all of %d bytes arrived", size)
		}
		return err
	})
}

func TestWritingToAPipeNobodyReadsEndsIt(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		rec := newRecorder(ctx)
		tr, r := writePipe(ctx, t, rec)
		r.Close()
		tr.Write([]byte("x"))
		_, err := rec.lost.Await(ctx)
		if !errors.Is(rec.lostErr, syscall.EPIPE) || !strings.Contains(rec.lostErr.Error(), "pipe") {
			t.Errorf("got %v, want one of a broken pipe that names it", rec.lostErr)
		}
		return err
	})
}

func TestPipeWithNothingToSendEndsWithItsReader(t *testing.T) {
	noGoroutineLeft(t)
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
		rec := newRecorder(ctx)
		_, r := writePipe(ctx, t, rec)
		until(ctx, t, "made", func() bool { return len(rec.trace) == 1 })
		r.Close()
		_, err := asyncio.WaitFor(ctx, patience, rec.lost)
		rec.want(t, "made", "eof", "lost")
		return none{}, errors.Join(err, rec.lostErr)
	}, asyncio.WithNetwork(asyncio.NativeNetwork()), asyncio.WithoutSignals())
	if err != nil {
		t.Error(err)
	}
}

func TestRegularFileIsNoPipe(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		name := filepath.Join(t.TempDir(), "file")
		f, err := os.Create(name)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = asyncio.ConnectReadPipe(ctx, asyncio.BaseProtocol{}, f)
		wantErr(t, err, asyncio.ErrNotPipe)
		_, err = asyncio.ConnectWritePipe(ctx, asyncio.BaseProtocol{}, f)
		wantErr(t, err, asyncio.ErrNotPipe)
		if !strings.Contains(err.Error(), name) {
			t.Errorf("got %q, want the name of the file in it", err)
		}
		putString(t, f, "still the caller's")
		return nil
	})
}

func TestPipesAreClosedWithTheLoop(t *testing.T) {
	for _, n := range networks {
		t.Run(n.name, func(t *testing.T) {
			noGoroutineLeft(t)
			r, w := osPipe(t)
			_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
				_, err := asyncio.ConnectReadPipe(ctx, asyncio.BaseProtocol{}, r)
				return none{}, err
			}, asyncio.WithNetwork(n.of()), asyncio.WithoutSignals())
			if err != nil {
				t.Fatal(err)
			}
			if !settles(func() bool { _, err := w.WriteString("x"); return errors.Is(err, syscall.EPIPE) }) {
				t.Error("the pipe can still be written to: its reading end is open")
			}
		})
	}
}
