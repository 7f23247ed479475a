package asyncio_test

// Streams: both sides of a connection, each STR case of the conformance list, on every
// network.

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/sockdir"
)

// An end is one end of a connection made of streams.
type end struct {
	r *asyncio.StreamReader
	w *asyncio.StreamWriter
}

// streamServer starts a server whose handlers pass their ends to the returned queue and stay
// until the connection is over.
func streamServer(ctx context.Context, t *testing.T, opts ...asyncio.ListenOption) (*asyncio.Server, *asyncio.Queue[end]) {
	t.Helper()
	ends := asyncio.NewQueue[end](0)
	s, err := asyncio.StartServer(ctx, func(ctx context.Context, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
		if err := ends.PutNowait(end{r, w}); err != nil {
			return err
		}
		return w.WaitClosed(ctx)
	}, "tcp", "127.0.0.1:0", opts...)
	if err != nil {
		t.Fatal(err)
	}
	return s, ends
}

// streamPair returns the two ends of a connection.
func streamPair(ctx context.Context, t *testing.T, opts ...asyncio.ConnOption) (client, server end) {
	t.Helper()
	var listen []asyncio.ListenOption
	var dial []asyncio.DialOption
	for _, o := range opts {
		listen, dial = append(listen, o), append(dial, o)
	}
	s, ends := streamServer(ctx, t, listen...)
	defer s.Close()
	r, w, err := asyncio.OpenConnection(ctx, "tcp", s.Addr().String(), dial...)
	if err != nil {
		t.Fatal(err)
	}
	server, err = ends.Get(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return end{r, w}, server
}

// wantBytes checks the result of a read.
func wantBytes(t *testing.T, got []byte, err error, want string, wantError error) {
	t.Helper()
	if string(got) != want {
		t.Errorf("got %.100q, want %.100q", got, want)
	}
	wantErr(t, err, wantError)
}

func TestStreamsCarryBytesBothWays(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := streamPair(ctx, t)
		send(t, a.w, "ping\n")
		line, err := b.r.ReadLine(ctx)
		wantBytes(t, line, err, "ping\n", nil)
		if _, err := b.w.WriteString("pong\n"); err != nil {
			return err
		}
		line, err = a.r.ReadLine(ctx)
		wantBytes(t, line, err, "pong\n", nil)
		if a.w.LocalAddr().String() != b.w.RemoteAddr().String() || a.w.RemoteAddr().String() != b.w.LocalAddr().String() {
			t.Errorf("got %v and %v, want each other's addresses", a.w, b.w)
		}
		if a.w.TLS() != nil || !a.w.CanWriteEOF() || a.w.IsClosing() {
			t.Error("a fresh connection is encrypted, cannot end one side, or is closing")
		}
		return nil
	})
}

func TestUnixStreamsCarryBytes(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		path := filepath.Join(sockdir.New(t), "s")
		s, err := asyncio.StartUnixServer(ctx, func(ctx context.Context, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
			line, err := r.ReadLine(ctx)
			w.Write(bytes.ToUpper(line))
			return err
		}, path)
		if err != nil {
			return err
		}
		r, w, err := asyncio.OpenUnixConnection(ctx, path)
		if err != nil {
			return err
		}
		defer w.Close()
		send(t, w, "over a file\n")
		got, err := r.ReadAll(ctx)
		wantBytes(t, got, err, "OVER A FILE\n", nil)
		return s.Shutdown(ctx)
	})
}

func TestReadTakesWhatThereIs(t *testing.T) { // STR-01
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := streamPair(ctx, t)
		if n, err := a.r.Read(ctx, nil); n != 0 || err != nil {
			t.Errorf("reading nothing: got %d, %v", n, err)
		}
		b.w.WriteString("line 1\nline 2\n")
		for _, size := range []int{4, 600, 5} { // through the buffer and past it
			p := make([]byte, size)
			n, err := a.r.Read(ctx, p)
			if n == 0 || err != nil {
				t.Errorf("got %d, %v", n, err)
			}
			if !strings.HasPrefix("line 1\nline 2\n", string(p[:n])) && size == 4 {
				t.Errorf("got %q", p[:n])
			}
			if size == 600 {
				break
			}
		}
		b.w.WriteString("to the end")
		b.w.WriteEOF()
		rest, err := a.r.ReadAll(ctx)
		if !bytes.HasSuffix(rest, []byte("to the end")) || err != nil {
			t.Errorf("got %q, %v, want everything up to the end", rest, err)
		}
		for range 2 {
			if n, err := a.r.Read(ctx, make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("got %d, %v, want io.EOF", n, err)
			}
		}
		rest, err = a.r.ReadAll(ctx)
		wantBytes(t, rest, err, "", nil)
		if !a.r.AtEOF() || b.r.AtEOF() {
			t.Error("the end is not where it is")
		}
		return nil
	})
}

func TestReadAnyGivesWhatThereIs(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := streamPair(ctx, t)
		b.w.WriteString("line\n")
		line, err := a.r.ReadLine(ctx)
		wantBytes(t, line, err, "line\n", nil)
		want := pattern(300_000)
		b.w.Write(want)
		b.w.WriteEOF()
		var got []byte
		for {
			piece, err := a.r.ReadAny(ctx)
			if err == io.EOF {
				break
			}
			if err != nil || len(piece) == 0 {
				t.Fatalf("got %q, %v, want something", piece, err)
			}
			if a.r.AtEOF() && len(got)+len(piece) < len(want) {
				t.Error("at the end before everything was read")
			}
			got = append(got, piece...)
		}
		if !bytes.Equal(got, want) || !a.r.AtEOF() {
			t.Error("what arrived is not what was sent")
		}
		return nil
	})
}

func TestLastLineNeedsNoLineFeed(t *testing.T) { // STR-02
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := streamPair(ctx, t)
		b.w.WriteString("whole\n\nrest")
		b.w.WriteEOF()
		for _, want := range []string{"whole\n", "\n", "rest"} {
			line, err := a.r.ReadLine(ctx)
			wantBytes(t, line, err, want, nil)
		}
		line, err := a.r.ReadLine(ctx)
		wantBytes(t, line, err, "", io.EOF)
		return nil
	})
}

func TestLinesAreIterated(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := streamPair(ctx, t)
		b.w.WriteString("a\nb\nc")
		b.w.WriteEOF()
		var got []string
		for line, err := range a.r.Lines(ctx) {
			if err != nil {
				return err
			}
			got = append(got, string(line))
		}
		trace(got).want(t, "a\n", "b\n", "c")
		b.w.Abort()
		for line, err := range b.r.Lines(ctx) {
			t.Errorf("got %q, %v of a connection that was aborted here", line, err)
		}
		return nil
	})
}

func TestLineOverTheLimitIsDropped(t *testing.T) { // STR-03
	for name, c := range map[string]struct {
		sent string
		next string
	}{
		"its end has arrived":  {"0123456789\nnext\n", "next\n"},
		"its end has not come": {"0123456789", "later\n"},
		"just within":          {"01234567\nlater\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			onNetworks(t, func(ctx context.Context, t *testing.T) error {
				a, b := streamPair(ctx, t, asyncio.WithStreamLimit(8))
				b.w.WriteString(c.sent)
				line, err := a.r.ReadLine(ctx)
				if c.next == "" {
					wantBytes(t, line, err, "01234567\n", nil)
					return nil
				}
				var overrun *asyncio.LimitOverrunError
				if !errors.As(err, &overrun) || overrun.Limit != 8 || line != nil {
					t.Fatalf("got %q, %v, want a limit overrun", line, err)
				}
				b.w.WriteString("later\n")
				line, err = a.r.ReadLine(ctx)
				wantBytes(t, line, err, c.next, nil)
				return nil
			})
		})
	}
}

func TestSeparatorOverTheLimitLeavesTheBytes(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := streamPair(ctx, t, asyncio.WithStreamLimit(8))
		b.w.WriteString("0123456789|rest")
		b.w.WriteEOF()
		for range 2 {
			_, err := a.r.ReadUntil(ctx, []byte("|"))
			var overrun *asyncio.LimitOverrunError
			if !errors.As(err, &overrun) || overrun.Consumed < 8 {
				t.Fatalf("got %v, want a limit overrun", err)
			}
		}
		got, err := a.r.ReadAll(ctx)
		wantBytes(t, got, err, "0123456789|rest", nil)
		return nil
	})
}

func TestEndBeforeTheSeparatorGivesThePart(t *testing.T) { // STR-04
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := streamPair(ctx, t)
		b.w.WriteString("part")
		b.w.WriteEOF()
		_, err := a.r.ReadUntil(ctx, []byte("AB"))
		wantIncomplete(t, err, "part", -1)
		_, err = a.r.ReadUntil(ctx, []byte("AB"))
		wantIncomplete(t, err, "", -1)
		return nil
	})
}

func wantIncomplete(t *testing.T, err error, partial string, expected int) {
	t.Helper()
	var got *asyncio.IncompleteReadError
	if !errors.As(err, &got) || string(got.Partial) != partial || got.Expected != expected {
		t.Errorf("got %v, want an incomplete read of %q, expected %d", err, partial, expected)
	}
	wantErr(t, err, io.ErrUnexpectedEOF)
}

func TestSeparatorMayArriveInPieces(t *testing.T) { // STR-06
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := streamPair(ctx, t)
		reader := asyncio.CreateTask(ctx, func(ctx context.Context) ([]byte, error) { return a.r.ReadUntil(ctx, []byte("ABC")) })
		for _, piece := range []string{"dataA", "AB", "C rest"} {
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return err
			}
			b.w.WriteString(piece)
		}
		got, err := reader.Await(ctx)
		wantBytes(t, got, err, "dataAABC", nil)
		return nil
	})
}

func TestSeparatorThatIsCompleteFirstWins(t *testing.T) { // STR-06
	for name, c := range map[string]struct {
		sent       string
		separators []string
		want       string
	}{
		"the earlier":             {"some data\nmore|", []string{"|", "\n"}, "some data\n"},
		"a short in a long":       {"xABCDy", []string{"ABCD", "BC"}, "xABC"},
		"one begins another":      {"a\r\nb", []string{"\r\n", "\r"}, "a\r"},
		"two with one end":        {"a\r\nb", []string{"\n", "\r\n"}, "a\r\n"},
		"the first in the slice":  {"a;b,", []string{";", ","}, "a;"},
		"the second in the slice": {"a,b;", []string{";", ","}, "a,"},
	} {
		t.Run(name, func(t *testing.T) {
			onNetworks(t, func(ctx context.Context, t *testing.T) error {
				a, b := streamPair(ctx, t)
				b.w.WriteString(c.sent)
				b.w.WriteEOF()
				var separators [][]byte
				for _, s := range c.separators {
					separators = append(separators, []byte(s))
				}
				got, err := a.r.ReadUntil(ctx, separators...)
				wantBytes(t, got, err, c.want, nil)
				rest, err := a.r.ReadAll(ctx)
				wantBytes(t, rest, err, c.sent[len(c.want):], nil)
				return nil
			})
		})
	}
}

func TestReadExactlyReadsAllOrSaysWhatIsMissing(t *testing.T) { // STR-07
	for _, n := range []int{0, 1, 10, 64 << 10, 64<<10 + 1, 1 << 20} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			onNetworks(t, func(ctx context.Context, t *testing.T) error {
				a, b := streamPair(ctx, t, asyncio.WithStreamLimit(8)) // the limit is none for it
				want := pattern(n)
				b.w.WriteString("x")
				b.w.Write(want)
				b.w.WriteString("short")
				b.w.WriteEOF()
				got, err := a.r.ReadExactly(ctx, 1) // brings more into the buffer
				wantBytes(t, got, err, "x", nil)
				got, err = a.r.ReadExactly(ctx, n)
				wantBytes(t, got, err, string(want), nil)
				_, err = a.r.ReadExactly(ctx, n+6)
				wantIncomplete(t, err, "short", n+6)
				wantPanic(t, "negative", func() { a.r.ReadExactly(ctx, -1) })
				return nil
			})
		})
	}
}

// Lengths come from peers.
func TestReadExactlyTakesAnyLength(t *testing.T) { // STR-07
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := streamPair(ctx, t)
		b.w.WriteString("xshort")
		b.w.WriteEOF()
		got, err := a.r.ReadExactly(ctx, 1) // brings more into the buffer
		wantBytes(t, got, err, "x", nil)
		_, err = a.r.ReadExactly(ctx, math.MaxInt)
		wantIncomplete(t, err, "short", math.MaxInt)
		return nil
	})
}

func TestSeparatorsAreChecked(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, _ := streamPair(ctx, t)
		wantPanic(t, "name at least one", func() { a.r.ReadUntil(ctx) })
		wantPanic(t, "empty separator", func() { a.r.ReadUntil(ctx, []byte("x"), nil) })
		return nil
	})
}

var flood = sync.OnceValue(func() []byte { return pattern(16 << 20) })

// slow writes more than a connection takes while nobody reads.
func slow(t *testing.T, w *asyncio.StreamWriter) (size int) {
	t.Helper()
	piece := flood()
	if _, err := w.Write(piece); err != nil {
		t.Fatal(err)
	}
	if w.WriteBufferSize() == 0 {
		t.Fatal("the connection takes everything")
	}
	return len(piece)
}

func TestAllDrainsEndWhenTheBufferHasShrunk(t *testing.T) { // STR-09
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := streamPair(ctx, t)
		if err := a.w.Drain(ctx); err != nil {
			t.Error("draining what is empty:", err)
		}
		size := slow(t, a.w)
		var drains []*asyncio.Task[none]
		for range 10 {
			drains = append(drains, spawn(ctx, a.w.Drain))
		}
		asyncio.Sleep(ctx, 0)
		cancelled := drains[0]
		cancelled.Cancel(errBoom)
		if _, err := cancelled.Await(ctx); !errors.Is(err, errBoom) {
			t.Errorf("got %v, want the cancellation", err)
		}
		for _, d := range drains[1:] {
			if d.Done() {
				t.Fatal("a drain did not wait")
			}
		}
		if _, err := b.r.ReadExactly(ctx, size); err != nil {
			return err
		}
		_, err := asyncio.Gather(ctx, drains[1:]...).Await(ctx)
		return err
	})
}

func TestWritingIntoAClosedConnectionFails(t *testing.T) { // STR-10
	for name, end := range map[string]func(a, b end){
		"closed here":       func(a, _ end) { a.w.Close() },
		"aborted here":      func(a, _ end) { a.w.Abort() },
		"aborted by peer":   func(_, b end) { b.w.Abort() },
		"closed by peer":    func(_, b end) { b.w.Close() },
		"closed while full": func(a, _ end) { a.w.Write(pattern(16 << 20)); a.w.Abort() },
	} {
		t.Run(name, func(t *testing.T) {
			onNetworks(t, func(ctx context.Context, t *testing.T) error {
				a, b := streamPair(ctx, t)
				end(a, b)
				var err error
				for err == nil { // the loop that never ended: bpo-25847
					if _, err = a.w.WriteString("data\n"); err == nil {
						err = a.w.Drain(ctx)
					}
					if err := asyncio.Sleep(ctx, 0); err != nil {
						return err
					}
				}
				var op *net.OpError
				if !errors.As(err, &op) || op.Addr == nil {
					t.Errorf("got %v, want a net.OpError with the address", err)
				}
				if strings.HasSuffix(name, "by peer") && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
					t.Errorf("got %v, want a reset or a broken pipe", err)
				} else if strings.HasSuffix(name, "here") {
					wantErr(t, err, net.ErrClosed)
				}
				if a.w.WriteLines([][]byte{[]byte("x")}) == nil || a.w.WriteEOF() == nil {
					t.Error("what has failed works again")
				}
				return nil
			})
		})
	}
}

func TestOwnCloseEndsTheReaderToo(t *testing.T) { // STR-11
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := streamPair(ctx, t)
		reader := asyncio.CreateTask(ctx, func(ctx context.Context) ([]byte, error) { return a.r.ReadAll(ctx) })
		waiting := spawn(ctx, a.w.WaitClosed)
		asyncio.Sleep(ctx, 0)
		a.w.Close()
		a.w.Close()
		if !a.w.IsClosing() {
			t.Error("not closing after Close")
		}
		got, err := reader.Await(ctx)
		wantBytes(t, got, err, "", nil)
		if _, err := waiting.Await(ctx); err != nil {
			t.Error(err)
		}
		wantErr(t, a.w.WaitClosed(ctx), nil)
		got, err = b.r.ReadAll(ctx)
		wantBytes(t, got, err, "", nil)
		return nil
	})
}

func TestWriterDroppedUnclosedIsNamed(t *testing.T) { // STR-13
	for _, n := range networks {
		t.Run(n.name, func(t *testing.T) {
			var told reports
			var kept string
			_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
				told.listen(asyncio.RunningLoop(ctx))
				s, _ := streamServer(ctx, t)
				for _, close := range []bool{false, true} {
					_, w, err := asyncio.OpenConnection(ctx, "tcp", s.Addr().String())
					if err != nil {
						return none{}, err
					}
					if close {
						w.Close()
						w.WaitClosed(ctx)
					} else {
						kept = w.LocalAddr().String()
					}
				}
				return none{}, s.Close()
			}, asyncio.WithNetwork(n.of()), asyncio.WithDebug(true), asyncio.WithSlowCallbackThreshold(patience), asyncio.WithoutSignals())
			if err != nil {
				t.Error(err)
			}
			if len(told) != 1 || !strings.Contains(told[0].Err.Error(), "StreamWriter(tcp "+kept) {
				t.Errorf("got %v, want a warning about %s only", told, kept)
			}
		})
	}
}

func TestSecondStreamReaderIsRefused(t *testing.T) { // STR-15
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := streamPair(ctx, t)
		first := asyncio.CreateTask(ctx, func(ctx context.Context) ([]byte, error) { return a.r.ReadLine(ctx) })
		asyncio.Sleep(ctx, 0)
		_, err := a.r.ReadLine(ctx)
		wantErr(t, err, asyncio.ErrConcurrentRead)
		_, err = a.r.Read(ctx, make([]byte, 1))
		wantErr(t, err, asyncio.ErrConcurrentRead)
		wantErr(t, a.w.StartTLS(ctx, new(tls.Config)), asyncio.ErrConcurrentRead)
		b.w.WriteString("mine\n")
		line, err := first.Await(ctx)
		wantBytes(t, line, err, "mine\n", nil)
		return nil
	})
}

func TestHalfClosedStreamStillReceives(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := streamPair(ctx, t)
		size := slow(t, a.w)
		if err := a.w.WriteEOF(); err != nil { // after what is kept
			return err
		}
		wantErr(t, a.w.WriteEOF(), nil)
		if _, err := a.w.WriteString("late"); err == nil || !strings.Contains(err.Error(), "after WriteEOF") {
			t.Errorf("got %v, want a write after WriteEOF refused", err)
		}
		got, err := b.r.ReadAll(ctx)
		if len(got) != size || err != nil {
			t.Errorf("got %d bytes, %v, want %d", len(got), err, size)
		}
		b.w.WriteString("answer")
		b.w.Close()
		got, err = a.r.ReadAll(ctx)
		wantBytes(t, got, err, "answer", nil)
		return nil
	})
}

func TestWriteLinesKeepsOrderAndItsArgument(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := streamPair(ctx, t)
		pieces := [][]byte{[]byte("head "), nil, pattern(2 << 20), []byte(" tail")}
		want := bytes.Join(pieces, nil)
		if err := a.w.WriteLines(pieces); err != nil {
			return err
		}
		if len(pieces[2]) != 2<<20 {
			t.Error("WriteLines changed its argument")
		}
		got, err := b.r.ReadExactly(ctx, len(want))
		if !bytes.Equal(got, want) {
			t.Error("what arrived is not what was sent")
		}
		return err
	})
}

func TestReaderAndWriterOfStreamsCopy(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := streamPair(ctx, t)
		c, d := streamPair(ctx, t)
		want := pattern(3 << 20)
		return asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(func(ctx context.Context) error {
				_, err := io.Copy(a.w.Writer(ctx), bytes.NewReader(want))
				return errors.Join(err, a.w.WriteEOF())
			})
			g.Go(func(ctx context.Context) error { // a relay
				_, err := io.Copy(c.w.Writer(ctx), b.r.Reader(ctx))
				return errors.Join(err, c.w.WriteEOF())
			})
			got, err := d.r.ReadAll(ctx)
			if !bytes.Equal(got, want) {
				t.Error("what arrived is not what was sent")
			}
			return err
		})
	})
}

func TestReaderThatStopsHoldsUpTheSender(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := streamPair(ctx, t)
		size := slow(t, a.w)
		drain := spawn(ctx, a.w.Drain)
		line := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
			p := make([]byte, 10)
			return b.r.Read(ctx, p)
		})
		n, err := line.Await(ctx)
		if err != nil {
			return err
		}
		for range 20 { // nobody reads: nothing more is taken than the sockets hold
			asyncio.Sleep(ctx, 0)
		}
		if drain.Done() {
			t.Error("the sender was not held up")
		}
		if _, err := b.r.ReadExactly(ctx, size-n); err != nil {
			return err
		}
		_, err = drain.Await(ctx)
		return err
	})
}

func TestCancelledReadLosesNothing(t *testing.T) {
	reads := map[string]func(ctx context.Context, r *asyncio.StreamReader) error{
		"Read": func(ctx context.Context, r *asyncio.StreamReader) error {
			_, err := r.Read(ctx, make([]byte, 9))
			return err
		},
		"ReadAll":  func(ctx context.Context, r *asyncio.StreamReader) error { _, err := r.ReadAll(ctx); return err },
		"ReadLine": func(ctx context.Context, r *asyncio.StreamReader) error { _, err := r.ReadLine(ctx); return err },
		"ReadExactly": func(ctx context.Context, r *asyncio.StreamReader) error {
			_, err := r.ReadExactly(ctx, 1000)
			return err
		},
		"much": func(ctx context.Context, r *asyncio.StreamReader) error {
			_, err := r.ReadExactly(ctx, 1<<20)
			return err
		},
	}
	for name, read := range reads {
		t.Run(name, func(t *testing.T) {
			onNetworks(t, func(ctx context.Context, t *testing.T) error {
				a, b := streamPair(ctx, t)
				if name != "Read" {
					b.w.WriteString("part")
				}
				reader := spawn(ctx, func(ctx context.Context) error { return read(ctx, a.r) })
				for !strings.Contains(a.r.String(), "4 bytes") && name != "Read" && name != "much" {
					if err := asyncio.Sleep(ctx, 0); err != nil {
						return err
					}
				}
				asyncio.Sleep(ctx, 0)
				reader.Cancel(errBoom)
				_, err := reader.Await(ctx)
				wantErr(t, err, errBoom)
				b.w.WriteString(" and rest\n")
				line, err := a.r.ReadLine(ctx)
				want := "part and rest\n"
				if name == "Read" {
					want = " and rest\n"
				}
				wantBytes(t, line, err, want, nil)
				return nil
			})
		})
	}
}

func TestDataBeforeAResetIsReadFirst(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := streamPair(ctx, t)
		b.w.WriteString("line\nhalf")
		line, err := a.r.ReadLine(ctx)
		wantBytes(t, line, err, "line\n", nil)
		b.w.Abort()
		_, err = a.r.ReadLine(ctx)
		wantErr(t, err, syscall.ECONNRESET)
		p := make([]byte, 10)
		n, err := a.r.Read(ctx, p)
		if err == nil {
			wantBytes(t, p[:n], err, "half", nil)
			_, err = a.r.Read(ctx, p)
		}
		wantErr(t, err, syscall.ECONNRESET)
		wantErr(t, a.w.WaitClosed(ctx), syscall.ECONNRESET)
		return nil
	})
}

func TestEchoOfStreamsAllocatesNothing(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		if !strings.HasSuffix(t.Name(), "native") {
			t.Skip("goroutines are started for every operation there")
		}
		a, b := streamPair(ctx, t)
		for _, size := range []int{64, 4096} {
			echo := spawn(ctx, func(ctx context.Context) error {
				p := make([]byte, size)
				for {
					n, err := b.r.Read(ctx, p)
					if err != nil {
						return err
					}
					if _, err := b.w.Write(p[:n]); err != nil {
						return err
					}
					if err := b.w.Drain(ctx); err != nil {
						return err
					}
				}
			})
			buf := make([]byte, size)
			got := testing.AllocsPerRun(100, func() {
				a.w.Write(buf)
				for n := 0; n < size; {
					k, err := a.r.Read(ctx, buf[n:])
					if n += k; err != nil {
						t.Error(err)
						return
					}
				}
			})
			if got > 0 {
				t.Errorf("%d bytes: %v allocations per round trip, want none", size, got)
			}
			echo.Cancel(nil)
			asyncio.Wait(ctx, []asyncio.Waitable{echo}).Await(ctx)
		}
		return nil
	})
}
