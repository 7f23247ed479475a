package asyncio

// TLS handshakes, whose arithmetic is done beside the loop.
//
// A handshake costs from a tenth of a millisecond to several, in which nothing else on the
// loop would run. It is therefore a coroutine of its own, which gives way where crypto/tls
// wants bytes that have not come. The task that asked for the handshake sends and receives on
// the loop and has the coroutine resumed on another goroutine, a step from one flight of
// messages to the next, few at a time so that a flood of clients does not take all processors
// (docs/adr/0004-tls-handshakes.md). A loop under virtual time resumes it itself: a run must
// be replayed exactly, and has no others to wait for.

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"iter"
	"net"
	"reflect"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/aio-go/aio/internal/sock"
)

// A tlsSide is tls.Client or tls.Server.
type tlsSide func(net.Conn, *tls.Config) *tls.Conn

// tlsRequest says what kind of TLS is wanted.
type tlsRequest struct {
	config  *tls.Config
	side    tlsSide
	limit   time.Duration // of the handshake
	linger  time.Duration // after closing; see tlsStream.linger
	early   []byte        // encrypted bytes that were read already
	suspend func(ctx context.Context, writing bool) error
}

// encrypt performs a handshake over inner, for the running task, and returns the encrypted
// stream. After an error inner is to be closed. suspend waits for inner to be readable or
// writable.
func (l *EventLoop) encrypt(ctx context.Context, inner sock.Stream, r tlsRequest) (*tlsStream, error) {
	t := &tlsStream{inner: inner, loop: l, patience: r.linger}
	if len(r.early) > 0 {
		t.in = r.early
	}
	t.conn = r.side(tlsPipe{t, inner.LocalAddr(), inner.RemoteAddr()}, r.config)
	limited := ctx
	if r.limit > 0 {
		var cancel context.CancelFunc
		limited, cancel = WithTimeout(ctx, r.limit)
		defer cancel()
	}
	h := newHandshake(limited, t)
	err := h.perform(limited, r.suspend)
	if err == nil {
		t.shaking = nil
		t.ready = sock.Writable
		inner.SetNotify(t.innerReady)
		return t, nil
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		err = ErrHandshakeTimeout
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return nil, err
}

// begin passes on what came with the end of the handshake: it may be in the buffers already.
func (t *tlsStream) begin() { t.innerReady(t.inner.Ready() | sock.Readable) }

type handshakeState = int32

const (
	handshakeResting   handshakeState = iota // between steps
	handshakeStepping                        // a goroutine resumes it
	handshakeAbandoned                       // whoever has it last stops it
)

// handshake is the coroutine that crypto/tls shakes hands on.
type handshake struct {
	t     *tlsStream
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	state atomic.Int32
	ended bool
	err   error // what it ended with
}

// errAbandoned is what crypto/tls reads in a handshake that was given up.
var errAbandoned = errors.New("asyncio: TLS handshake abandoned")

func newHandshake(ctx context.Context, t *tlsStream) *handshake {
	h := &handshake{t: t}
	t.shaking = h
	// crypto/tls would start a goroutine for a context that can end; and its callbacks, which
	// get this one, are not on the loop.
	ctx = threadContext{context.WithoutCancel(ctx)}
	h.next, h.stop = iter.Pull(func(yield func(struct{}) bool) {
		h.yield = yield
		h.err = t.conn.HandshakeContext(ctx)
	})
	return h
}

// await is called by the coroutine for want of bytes.
func (h *handshake) await() error {
	if h.state.Load() == handshakeAbandoned || !h.yield(struct{}{}) {
		return errAbandoned
	}
	return nil
}

// perform drives the handshake to its end, in the running task.
func (h *handshake) perform(ctx context.Context, suspend func(context.Context, bool) error) error {
	t := h.t
	defer h.abandon()
	for {
		if err := h.step(ctx); err != nil {
			return err
		}
		if h.ended && h.err != nil {
			_, _ = t.flush() // the alert that tells the peer
			return h.err
		}
		for {
			done, err := t.flush()
			if err != nil {
				return err
			}
			if done {
				break
			}
			if err := suspend(ctx, true); err != nil {
				return err
			}
		}
		if h.ended {
			return nil
		}
		for len(t.in) == 0 {
			err := t.fill()
			if err == sock.ErrWouldBlock {
				err = suspend(ctx, false)
			}
			if err != nil {
				return err
			}
		}
	}
}

// step resumes the coroutine until it wants bytes or has ended. When ctx ends first, the
// handshake is left to the goroutine that has it.
func (h *handshake) step(ctx context.Context) error {
	l := h.t.loop
	if l.virtual != nil {
		h.state.Store(handshakeStepping)
		h.resume()
		return nil
	}
	if l.steppers == nil {
		l.steppers = NewSemaphore(max(1, runtime.GOMAXPROCS(0)-1))
	}
	if err := l.steppers.Acquire(ctx); err != nil {
		return err
	}
	over := NewFuture[struct{}](ctx)
	h.state.Store(handshakeStepping)
	l.executor.aside(&job{
		work: h.resume,
		done: func() {
			l.steppers.Release()
			if !over.Done() {
				over.complete(nil)
			}
		},
		cancel: func(error) {},
		entry:  reflect.ValueOf((*handshake).resume).Pointer(),
	})
	_, err := over.Await(ctx)
	if h.state.Load() == handshakeResting {
		return nil // the step wins against the end of ctx
	}
	return err
}

// resume runs on whichever goroutine makes the step.
func (h *handshake) resume() {
	defer func() {
		if v := recover(); v != nil {
			h.ended, h.err = true, &PanicError{Value: v, Stack: debug.Stack()}
		}
		if !h.state.CompareAndSwap(handshakeStepping, handshakeResting) {
			h.stop()
		}
	}()
	_, more := h.next()
	h.ended = !more
}

// abandon ends the coroutine, if it has not ended by itself.
func (h *handshake) abandon() {
	if h.state.Swap(handshakeAbandoned) == handshakeResting {
		h.stop()
	}
}
