package asyncio_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// echoProtocol sends back what it gets.
type echoProtocol struct {
	asyncio.BaseProtocol
	transport *asyncio.Transport
}

func (p *echoProtocol) ConnectionMade(t *asyncio.Transport) { p.transport = t }
func (p *echoProtocol) DataReceived(b []byte)               { p.transport.Write(b) }

// recorder is a protocol that keeps a record of its calls.
type recorder struct {
	trace
	t        *asyncio.Transport
	made     func(*asyncio.Transport)
	received bytes.Buffer
	data     func(p []byte)
	keepOpen bool
	lostErr  error
	lost     *asyncio.Future[none]
}

func newRecorder(ctx context.Context) *recorder { return &recorder{lost: asyncio.NewFuture[none](ctx)} }

func (r *recorder) ConnectionMade(t *asyncio.Transport) {
	r.add("made")
	r.t = t
	if r.made != nil {
		r.made(t)
	}
}

func (r *recorder) DataReceived(p []byte) {
	if len(*r.steps()) == 0 || (*r.steps())[len(r.trace)-1] != "data" {
		r.add("data")
	}
	r.received.Write(p)
	if r.data != nil {
		r.data(p)
	}
}

func (r *recorder) steps() *trace { return &r.trace }

func (r *recorder) EOFReceived() bool {
	r.add("eof")
	return r.keepOpen
}

func (r *recorder) ConnectionLost(err error) {
	r.add("lost")
	r.lostErr = err
	r.lost.SetResult(none{})
}

func (r *recorder) PauseWriting()  { r.add("pause") }
func (r *recorder) ResumeWriting() { r.add("resume") }

// callPair returns a connection whose one end calls p.
func callPair(ctx context.Context, t *testing.T, p asyncio.Protocol) (*asyncio.Transport, *asyncio.Conn) {
	t.Helper()
	a, b := connPair(ctx, t)
	return asyncio.NewTransport(a, p), b
}

// until gives way until cond holds.
func until(ctx context.Context, t *testing.T, what string, cond func() bool) {
	t.Helper()
	for !cond() {
		if err := asyncio.Sleep(ctx, time.Millisecond); err != nil {
			t.Fatalf("waiting for %s: %v", what, err)
		}
	}
}

func TestProtocolIsCalledInOrder(t *testing.T) { // PIPE-01
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		r := newRecorder(ctx)
		_, peer := callPair(ctx, t, r)
		send(t, peer, "hello")
		until(ctx, t, "data", func() bool { return r.received.Len() == 5 })
		peer.CloseWrite()
		if _, err := r.lost.Await(ctx); err != nil {
			return err
		}
		r.want(t, "made", "data", "eof", "lost")
		if r.lostErr != nil {
			t.Errorf("lost with %v, want nil", r.lostErr)
		}
		_, err := peer.Read(make([]byte, 1))
		wantErr(t, err, io.EOF)
		return nil
	})
}

func TestNothingIsCalledInline(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		r := newRecorder(ctx)
		tr, _ := callPair(ctx, t, r)
		r.want(t)
		tr.Close()
		r.want(t)
		tr.Close()
		_, err := r.lost.Await(ctx)
		r.want(t, "made", "lost")
		return err
	})
}

func TestProtocolMayKeepItsSideOpenAfterEOF(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		r := newRecorder(ctx)
		r.keepOpen = true
		tr, peer := callPair(ctx, t, r)
		peer.CloseWrite()
		until(ctx, t, "eof", func() bool { return len(r.trace) == 2 })
		if tr.IsReading() || tr.IsClosing() {
			t.Error("want a transport that is open and does not read")
		}
		tr.Write([]byte("late answer"))
		tr.WriteEOF()
		tr.Write([]byte("ignored"))
		got, err := io.ReadAll(peer)
		if string(got) != "late answer" {
			t.Errorf("got %q, want late answer", got)
		}
		tr.Close()
		r.lost.Await(ctx)
		r.want(t, "made", "eof", "lost")
		return err
	})
}

func TestWaterMarksPauseAndResumeTheProtocol(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		r := newRecorder(ctx)
		tr, peer := callPair(ctx, t, r)
		asyncio.Sleep(ctx, 0)
		tr.SetWriteBufferLimits(100_000, 10_000)
		var want bytes.Buffer
		piece := pattern(50_000)
		for len(r.trace) == 1 {
			tr.Write(piece)
			want.Write(piece)
		}
		r.want(t, "made", "pause")
		if n := tr.WriteBufferSize(); n <= 100_000 {
			t.Errorf("paused with %d bytes in the buffer, want more than the high water mark", n)
		}
		got := make([]byte, want.Len())
		if _, err := io.ReadFull(peer, got); err != nil {
			return err
		}
		if !bytes.Equal(got, want.Bytes()) {
			t.Error("what arrived is not what was sent")
		}
		until(ctx, t, "the buffer to drain", func() bool { return tr.WriteBufferSize() == 0 })
		r.want(t, "made", "pause", "resume")
		wantPanic(t, "low <= high", func() { tr.SetWriteBufferLimits(1, 2) })
		return nil
	})
}

func TestCloseSendsWhatIsBuffered(t *testing.T) { // PIPE-03
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		r := newRecorder(ctx)
		tr, peer := callPair(ctx, t, r)
		want := pattern(8 << 20)
		tr.WriteBuffers(net.Buffers{want[:10], nil, want[10:]})
		if tr.WriteBufferSize() == 0 {
			t.Error("8 MiB fit into the socket: the test shows nothing")
		}
		tr.Close()
		tr.Write([]byte("ignored"))
		got, err := io.ReadAll(peer)
		if !bytes.Equal(got, want) {
			t.Errorf("got %d bytes, want %d", len(got), len(want))
		}
		r.lost.Await(ctx)
		if r.lostErr != nil {
			t.Errorf("lost with %v, want nil", r.lostErr)
		}
		return err
	})
}

func TestWriteEOFComesAfterWhatIsBuffered(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		r := newRecorder(ctx)
		tr, peer := callPair(ctx, t, r)
		want := pattern(8 << 20)
		tr.Write(want)
		tr.WriteEOF()
		got, err := io.ReadAll(peer)
		if !bytes.Equal(got, want) {
			t.Errorf("got %d bytes, want %d", len(got), len(want))
		}
		send(t, peer, "thanks")
		until(ctx, t, "thanks", func() bool { return r.received.String() == "thanks" })
		return err
	})
}

func TestAbortThrowsTheBufferAway(t *testing.T) { // PIPE-03
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		r := newRecorder(ctx)
		tr, peer := callPair(ctx, t, r)
		tr.Write(pattern(8 << 20))
		tr.Abort()
		if _, err := r.lost.Await(ctx); err != nil {
			return err
		}
		if r.lostErr != nil || tr.WriteBufferSize() != 0 {
			t.Errorf("lost with %v and %d bytes left, want nil and none", r.lostErr, tr.WriteBufferSize())
		}
		n, err := io.Copy(io.Discard, peer)
		wantErr(t, err, syscall.ECONNRESET)
		if n >= 8<<20 {
			t.Error("everything arrived")
		}
		return nil
	})
}

func TestPausedTransportDoesNotReceive(t *testing.T) { // PIPE-02
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		r := newRecorder(ctx)
		tr, peer := callPair(ctx, t, r)
		tr.ResumeReading() // no-op
		asyncio.Sleep(ctx, 0)
		r.data = func([]byte) { tr.PauseReading() }
		send(t, peer, "one")
		until(ctx, t, "the first piece", func() bool { return r.received.Len() > 0 })
		send(t, peer, "two")
		asyncio.Sleep(ctx, 10*time.Millisecond)
		if got := r.received.String(); got != "one" || tr.IsReading() {
			t.Errorf("got %q, want one", got)
		}
		tr.PauseReading() // no-op
		tr.ResumeReading()
		until(ctx, t, "the second piece", func() bool { return r.received.String() == "onetwo" })
		tr.Close()
		tr.PauseReading()
		tr.ResumeReading()
		_, err := r.lost.Await(ctx)
		return err
	})
}

func TestResetIsWhatTheConnectionIsLostWith(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		r := newRecorder(ctx)
		_, peer := callPair(ctx, t, r)
		asyncio.Sleep(ctx, 0)
		peer.Abort()
		_, err := r.lost.Await(ctx)
		wantErr(t, r.lostErr, syscall.ECONNRESET)
		var op *net.OpError
		if !errors.As(r.lostErr, &op) || op.Addr == nil {
			t.Errorf("lost with %v, want a net.OpError with the address", r.lostErr)
		}
		r.want(t, "made", "lost")
		return err
	})
}

func TestWritingToAClosedPeerEndsTheConnectionOnce(t *testing.T) { // STR-10
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		r := newRecorder(ctx)
		r.keepOpen = true
		tr, peer := callPair(ctx, t, r)
		peer.Close()
		until(ctx, t, "the end", func() bool { tr.Write([]byte("x")); return r.lost.Done() })
		if !errors.Is(r.lostErr, syscall.EPIPE) && !errors.Is(r.lostErr, syscall.ECONNRESET) {
			t.Errorf("lost with %v, want EPIPE or ECONNRESET", r.lostErr)
		}
		tr.Write([]byte("x"))
		asyncio.Sleep(ctx, time.Millisecond)
		if got := strings.Count(strings.Join(r.trace, " "), "lost"); got != 1 {
			t.Errorf("lost %d times, want once", got)
		}
		return nil
	})
}

func TestPanicOfAProtocolCostsItsConnectionOnly(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		var told reports
		told.listen(asyncio.RunningLoop(ctx))
		bad, good := newRecorder(ctx), newRecorder(ctx)
		bad.data = func([]byte) { panic("bad protocol") }
		_, toBad := callPair(ctx, t, bad)
		_, toGood := callPair(ctx, t, good)
		send(t, toBad, "x")
		if _, err := bad.lost.Await(ctx); err != nil {
			return err
		}
		if bad.lostErr == nil {
			t.Error("lost with nil, want an error")
		}
		send(t, toGood, "x")
		until(ctx, t, "the good protocol", func() bool { return good.received.Len() == 1 })
		if len(told) != 1 || !strings.Contains(told[0].Err.Error(), "bad protocol") {
			t.Errorf("the exception handler was told %v", told)
		}
		return nil
	})
}

func TestTransportTakesOverWhatHasArrived(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		send(t, b, "early")
		until(ctx, t, "data", a.Readable)
		r := newRecorder(ctx)
		tr := asyncio.NewTransport(a, r)
		until(ctx, t, "data", func() bool { return r.received.String() == "early" })
		_, err := a.Read(make([]byte, 1))
		if err == nil {
			t.Error("the connection can still be read")
		}
		second := newRecorder(ctx)
		tr.SetProtocol(second)
		send(t, b, "more")
		until(ctx, t, "more", func() bool { return second.received.String() == "more" })
		if tr.Protocol() != asyncio.Protocol(second) || tr.RemoteAddr().String() != b.LocalAddr().String() || tr.LocalAddr().String() != b.RemoteAddr().String() {
			t.Error("the transport does not know its protocol or addresses")
		}
		return nil
	})
}

func TestTransportCarriesTLS(t *testing.T) {
	onTLS(t, func(ctx context.Context, t *testing.T, a, b *asyncio.Conn) error {
		r := newRecorder(ctx)
		tr := asyncio.NewTransport(a, r)
		if tr.TLS() == nil {
			t.Error("no TLS state")
		}
		want := pattern(1 << 20)
		tr.Write(want)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(b, got); err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			t.Error("what arrived is not what was sent")
		}
		sending := spawn(ctx, func(context.Context) error {
			_, err := b.Write(want)
			return errors.Join(err, b.Close())
		})
		if _, err := r.lost.Await(ctx); err != nil {
			return err
		}
		if !bytes.Equal(r.received.Bytes(), want) || r.lostErr != nil {
			t.Errorf("received %d bytes and lost with %v, want %d and nil", r.received.Len(), r.lostErr, len(want))
		}
		_, err := sending.Await(ctx)
		return err
	})
}
