package asyncio_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/gob"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/sockdir"
)

func TestConnCarriesBytesBothWays(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		send(t, a, "ping")
		wantRead(t, b, "ping")
		send(t, b, "pong")
		wantRead(t, a, "pong")
		if a.LocalAddr().String() != b.RemoteAddr().String() || a.RemoteAddr().String() != b.LocalAddr().String() {
			t.Errorf("got %v→%v and %v→%v, want each other", a.LocalAddr(), a.RemoteAddr(), b.LocalAddr(), b.RemoteAddr())
		}
		if a.TLS() != nil {
			t.Error("an unencrypted connection has a TLS state")
		}
		return nil
	})
}

func TestUnixConnCarriesBytes(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		path := filepath.Join(sockdir.New(t), "s")
		ln, err := asyncio.Listen(ctx, "unix", path)
		if err != nil {
			return err
		}
		a, err := asyncio.Dial(ctx, "unix", path)
		if err != nil {
			return err
		}
		b, err := ln.Accept(ctx)
		if err != nil {
			return err
		}
		send(t, a, "over a file")
		wantRead(t, b, "over a file")
		if err := ln.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("got %v, want the socket's file removed", err)
		}
		return nil
	})
}

func TestSuspendedReadLetsOthersRun(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		var tr trace
		reader := spawn(ctx, func(ctx context.Context) error {
			tr.add("reading")
			wantRead(t, a, "x")
			tr.add("read")
			return nil
		})
		asyncio.Sleep(ctx, 0)
		tr.add("writing")
		send(t, b, "x")
		_, err := reader.Await(ctx)
		tr.want(t, "reading", "writing", "read")
		return err
	})
}

func TestReaderAndWriterShareAConn(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		want := pattern(3 << 20)
		return asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			for _, c := range []*asyncio.Conn{a, b} {
				g.Go(func(ctx context.Context) error {
					n, err := c.Write(want)
					if n != len(want) {
						t.Errorf("wrote %d, want %d", n, len(want))
					}
					return err
				})
				g.Go(func(ctx context.Context) error {
					got := make([]byte, len(want))
					_, err := io.ReadFull(c, got)
					if !bytes.Equal(got, want) {
						t.Error("what arrived is not what was sent")
					}
					return err
				})
			}
			return nil
		})
	})
}

func TestSecondReaderIsRefused(t *testing.T) { // STR-15
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		first := spawn(ctx, func(context.Context) error { wantRead(t, a, "mine"); return nil })
		asyncio.Sleep(ctx, 0)
		_, err := a.Read(make([]byte, 1))
		wantErr(t, err, asyncio.ErrConcurrentRead)
		send(t, b, "mine")
		_, err = first.Await(ctx)
		return err
	})
}

func TestWritesOfSeveralTasksAreNotMixed(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		const size = 1 << 20
		return asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			for _, c := range "abc" {
				g.Go(func(context.Context) error {
					_, err := a.Write(bytes.Repeat([]byte{byte(c)}, size))
					return err
				})
			}
			for _, c := range "abc" { // in the order in which they came
				got := make([]byte, size)
				if _, err := io.ReadFull(b, got); err != nil {
					return err
				}
				if n := bytes.Count(got, []byte{byte(c)}); n != size {
					t.Errorf("%d of %d bytes are %c", n, size, c)
				}
			}
			return nil
		})
	})
}

func TestCancellationInterruptsAReadAndLosesNothing(t *testing.T) { // LOOP-29
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		reader := spawn(ctx, func(context.Context) error {
			_, err := a.Read(make([]byte, 1))
			return err
		})
		asyncio.Sleep(ctx, 0)
		reader.Cancel(errBoom)
		_, err := reader.Await(ctx)
		wantErr(t, err, context.Canceled)
		wantErr(t, err, errBoom)
		send(t, b, "still here")
		wantRead(t, a, "still here")
		return nil
	})
}

func TestReadThatWasGrantedWinsAgainstCancellation(t *testing.T) { // CAN-20
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		if strings.HasSuffix(t.Name(), "portable") {
			t.Skip("two connections cannot be made ready in one turn there")
		}
		a1, b1 := connPair(ctx, t)
		a2, b2 := connPair(ctx, t)
		// The system may deliver the two in different turns: then once more.
		for tries, together := 0, false; !together; tries++ {
			if tries == 100 {
				t.Fatal("the two were never ready in the same turn")
			}
			var second *asyncio.Task[none]
			first := spawn(ctx, func(context.Context) error {
				wantRead(t, a1, "x")
				if together = a2.Readable(); together {
					second.Cancel(errBoom) // it is ready, but its turn has not come
				}
				return nil
			})
			second = spawn(ctx, func(context.Context) error {
				wantRead(t, a2, "data")
				if together {
					_, err := a2.Read(make([]byte, 1)) // the next suspension fails
					wantErr(t, err, errBoom)
				}
				return nil
			})
			asyncio.Sleep(ctx, 0)
			send(t, b1, "x")
			send(t, b2, "data")
			if _, err := asyncio.Gather(ctx, first, second).Await(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestBoundContextInterruptsInsteadOfTheTasks(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, _ := connPair(ctx, t)
		bound, cancel := asyncio.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
		_, err := a.WithContext(bound).Read(make([]byte, 1))
		wantErr(t, err, context.DeadlineExceeded)
		_, err = a.ReadContext(bound, make([]byte, 1))
		wantErr(t, err, context.DeadlineExceeded)
		standard, cancelStandard := context.WithCancelCause(ctx)
		cancelStandard(errBoom)
		_, err = a.WithContext(standard).Read(make([]byte, 1))
		wantErr(t, err, errBoom)
		return nil
	})
}

func TestCancellationInterruptsAWrite(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		written := 0
		writer := spawn(ctx, func(context.Context) error {
			n, err := a.Write(pattern(64 << 20))
			written = n
			return err
		})
		until(ctx, t, "the first bytes", b.Readable)
		writer.Cancel(errBoom)
		_, err := writer.Await(ctx)
		wantErr(t, err, errBoom)
		if written == 0 || written == 64<<20 {
			t.Errorf("wrote %d bytes, want a part", written)
		}
		return nil
	})
}

func TestCloseFailsTheTasksSuspendedOnIt(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, _ := connPair(ctx, t)
		reader := spawn(ctx, func(context.Context) error { _, err := a.Read(make([]byte, 1)); return err })
		writer := spawn(ctx, func(context.Context) error { _, err := a.Write(pattern(64 << 20)); return err })
		next := spawn(ctx, func(context.Context) error { send := []byte("x"); _, err := a.Write(send); return err })
		asyncio.Sleep(ctx, 20*time.Millisecond)
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		for _, task := range []*asyncio.Task[none]{reader, writer, next} {
			_, err := task.Await(ctx)
			wantErr(t, err, net.ErrClosed)
			var op *net.OpError
			if !errors.As(err, &op) || op.Addr == nil {
				t.Errorf("got %v, want a net.OpError with the address", err)
			}
		}
		_, err := a.Read(make([]byte, 1))
		wantErr(t, err, net.ErrClosed)
		_, err = a.Write([]byte("x"))
		wantErr(t, err, net.ErrClosed)
		wantErr(t, a.Close(), net.ErrClosed)
		wantErr(t, a.SetDeadline(time.Time{}), net.ErrClosed)
		return nil
	})
}

func TestCopyEndsWhenItsConnIsClosedInTheTurnInWhichSomethingArrives(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		a, b := asyncio.Pipe(ctx)
		defer a.Close()
		copying := spawn(ctx, func(context.Context) error { _, err := b.WriteTo(io.Discard); return err })
		asyncio.Sleep(ctx, 0)
		send(t, a, "x") // wakes the task
		b.Close()       // before it runs
		_, err := copying.Await(ctx)
		wantErr(t, err, net.ErrClosed)
		return nil
	})
}

func TestReaderWokenInTheTurnOfAHandOverTakesNothing(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		a, b := asyncio.Pipe(ctx)
		defer a.Close()
		reading := spawn(ctx, func(context.Context) error { _, err := b.Read(make([]byte, 1)); return err })
		asyncio.Sleep(ctx, 0)
		send(t, a, "x") // wakes the task
		p := newRecorder(ctx)
		tr := asyncio.NewTransport(b, p) // before it runs
		defer tr.Abort()
		_, err := reading.Await(ctx)
		wantErr(t, err, net.ErrClosed)
		asyncio.Sleep(ctx, time.Second)
		if got := p.received.String(); got != "x" {
			t.Errorf("the protocol got %q, want what arrived", got)
		}
		return nil
	})
}

func TestHalfClosedConnStillReceives(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		send(t, a, "request")
		if err := a.CloseWrite(); err != nil {
			t.Error(err)
		}
		got, err := io.ReadAll(b)
		if string(got) != "request" || err != nil {
			t.Errorf("got %q, %v, want request", got, err)
		}
		send(t, b, "answer")
		b.Close()
		got, err = io.ReadAll(a)
		if string(got) != "answer" || err != nil {
			t.Errorf("got %q, %v, want answer", got, err)
		}
		return nil
	})
}

func TestAbortResetsThePeer(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		a.Abort()
		_, err := b.Read(make([]byte, 1))
		wantErr(t, err, syscall.ECONNRESET)
		return nil
	})
}

func TestWriteBuffersKeepsOrderAndItsArgument(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		big := pattern(2 << 20)
		bufs := net.Buffers{[]byte("head "), nil, big, []byte(" tail")}
		want := bytes.Join(bufs, nil)
		sending := asyncio.CreateTask(ctx, func(context.Context) (int64, error) { return a.WriteBuffers(bufs) })
		got := make([]byte, len(want))
		if _, err := io.ReadFull(b, got); err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			t.Error("what arrived is not what was sent")
		}
		if n, err := sending.Await(ctx); n != int64(len(want)) || err != nil {
			t.Errorf("got %d, %v, want %d, nil", n, err, len(want))
		}
		if len(bufs) != 4 || string(bufs[0]) != "head " || len(bufs[2]) != len(big) {
			t.Error("WriteBuffers changed its argument")
		}
		return nil
	})
}

func TestCopyThroughConns(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		c, d := connPair(ctx, t)
		want := pattern(3 << 20)
		return asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(func(context.Context) error {
				n, err := io.Copy(a, bytes.NewReader(want))
				if n != int64(len(want)) {
					t.Errorf("sent %d, want %d", n, len(want))
				}
				return errors.Join(err, a.CloseWrite())
			})
			g.Go(func(context.Context) error { // a relay
				_, err := io.Copy(c, b)
				return errors.Join(err, c.CloseWrite())
			})
			var got bytes.Buffer
			if _, err := d.WriteTo(&got); err != nil {
				return err
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Error("what arrived is not what was sent")
			}
			return nil
		})
	})
}

func TestCodecsForNetConnWorkUnchanged(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		type message struct {
			Text  string
			Parts []int
		}
		sending := spawn(ctx, func(context.Context) error {
			out := bufio.NewWriter(a)
			enc := gob.NewEncoder(out)
			for i := range 100 {
				if err := enc.Encode(message{"hello", []int{i, i * i}}); err != nil {
					return err
				}
			}
			return out.Flush()
		})
		dec := gob.NewDecoder(bufio.NewReader(b))
		for i := range 100 {
			var m message
			if err := dec.Decode(&m); err != nil {
				return err
			}
			if m.Parts[1] != i*i {
				t.Errorf("message %d: got %v", i, m)
			}
		}
		_, err := sending.Await(ctx)
		return err
	})
}

// crypto/tls holds a lock while it reads, and another while it writes: one task for each.
func TestStandardTLSWorksOnConns(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		serverConfig, clientConfig := certificates()
		a, b := connPair(ctx, t)
		client, server := tls.Client(a, clientConfig), tls.Server(b, serverConfig)
		shaking := spawn(ctx, func(context.Context) error { return server.Handshake() })
		if err := client.Handshake(); err != nil {
			return err
		}
		if _, err := shaking.Await(ctx); err != nil {
			return err
		}
		want := pattern(1 << 20)
		return asyncio.Group(ctx, func(_ context.Context, g *asyncio.TaskGroup) error {
			for _, c := range []*tls.Conn{client, server} {
				g.Go(func(context.Context) error { _, err := c.Write(want); return err })
				g.Go(func(context.Context) error {
					got := make([]byte, len(want))
					_, err := io.ReadFull(c, got)
					if !bytes.Equal(got, want) {
						t.Error("what arrived is not what was sent")
					}
					return err
				})
			}
			return nil
		})
	})
}

func TestCopyEndsWithItsContextAndLosesNothing(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		var got bytes.Buffer
		copying := spawn(ctx, func(context.Context) error { _, err := a.WriteTo(&got); return err })
		send(t, b, "first")
		until(ctx, t, "the first", func() bool { return got.String() == "first" })
		wantErr(t, func() error { _, err := a.WriteTo(&got); return err }(), asyncio.ErrConcurrentRead)
		copying.Cancel(errBoom)
		_, err := copying.Await(ctx)
		wantErr(t, err, errBoom)
		send(t, b, "second")
		wantRead(t, a, "second")
		return nil
	})
}

func TestIdleConnTellsWhenItBecomesReadable(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		told := asyncio.NewFuture[none](ctx)
		calls := 0
		a.OnReadable(func() { calls++; told.SetResult(none{}) })
		if asyncio.Sleep(ctx, 0); a.Readable() || calls > 0 {
			t.Error("readable before anything arrived")
		}
		b.Close()
		if _, err := told.Await(ctx); err != nil {
			return err
		}
		if !a.Readable() {
			t.Error("not readable although the peer has closed")
		}
		again := asyncio.NewFuture[none](ctx)
		a.OnReadable(func() { again.SetResult(none{}) }) // there already
		if _, err := again.Await(ctx); err != nil {
			return err
		}
		a.OnReadable(func() { t.Error("called after it was taken back") })
		a.OnReadable(nil)
		asyncio.Sleep(ctx, 5*time.Millisecond)
		if calls != 1 {
			t.Errorf("%d calls, want one", calls)
		}
		return nil
	})
}

func TestConnOutsideATaskSaysSo(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, _ := connPair(ctx, t)
		done := asyncio.NewFuture[none](ctx)
		asyncio.RunningLoop(ctx).CallSoon(func() {
			defer done.SetResult(none{})
			wantPanic(t, "outside a task", func() { a.Read(make([]byte, 1)) })
		})
		_, err := done.Await(ctx)
		return err
	})
}

func TestDebugModeNoticesConnsOnForeignGoroutines(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, _ := connPair(ctx, t)
		_, err := asyncio.ToThread(ctx, func(context.Context) (none, error) {
			wantPanic(t, "CallSoonThreadsafe", func() { a.Write([]byte("x")) })
			return none{}, nil
		})
		return err
	}, asyncio.WithDebug(true), asyncio.WithSlowCallbackThreshold(time.Hour))
}

func TestReadingAndWritingAllocateNothing(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		if strings.HasSuffix(t.Name(), "portable") {
			t.Skip("goroutines are started for every operation there")
		}
		a, b := connPair(ctx, t)
		echo := spawn(ctx, func(context.Context) error {
			_, err := io.Copy(b, b)
			return err
		})
		buf := make([]byte, 64)
		got := testing.AllocsPerRun(200, func() {
			a.Write(buf)
			io.ReadFull(a, buf)
		})
		if got > 0 {
			t.Errorf("%v allocations per round trip, want none", got)
		}
		a.Close()
		_, err := echo.Await(ctx)
		return err
	})
}

// A task that was woken has not run yet when another one reads.
func TestReaderThatWasWokenComesBeforeASecondOne(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		c, peer := connPair(ctx, t)
		return readAfterAnother(ctx, t, c, peer)
	})
}

// readAfterAnother reads from c, in every turn until the first reader is done, while that waits for
// what peer sends.
func readAfterAnother(ctx context.Context, t *testing.T, c, peer net.Conn) error {
	first := spawn(ctx, func(context.Context) error { wantRead(t, c, "mine"); return nil })
	if err := asyncio.Sleep(ctx, time.Millisecond); err != nil {
		return err
	}
	send(t, peer, "mine")
	for !first.Done() { // in the turn in which the first is woken too, this comes before it
		_, err := c.Read(make([]byte, 10))
		if wantErr(t, err, asyncio.ErrConcurrentRead); t.Failed() {
			first.Cancel(nil)
		}
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
	}
	_, err := first.Await(ctx)
	return err
}
