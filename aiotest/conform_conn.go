package aiotest

// Cases about connections between tasks.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// errStopped is the cause with which cases cancel tasks.
var errStopped = errors.New("stopped by the case")

// plenty is more than any connection holds, in bytes.
const plenty = 16 << 20

var connCases = []networkCase{
	{"bytes go both ways", withPair(func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error {
		if a.LocalAddr().String() != b.RemoteAddr().String() || a.RemoteAddr().String() != b.LocalAddr().String() {
			t.Errorf("addresses %v→%v and %v→%v are not each other's", a.LocalAddr(), a.RemoteAddr(), b.LocalAddr(), b.RemoteAddr())
		}
		return errors.Join(t.say(a, b, "ping"), t.say(b, a, "pong"))
	})},
	{"a suspended read lets others run", withPair(func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error {
		reading := t.start(func(context.Context) error { return t.expect(a, "x") })
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
		if reading.Done() {
			t.Error("the read ended before anything was written")
		}
		if _, err := b.Write([]byte("x")); err != nil {
			return err
		}
		_, err := reading.Await(ctx)
		return err
	})},
	{"a second reader is refused", withPair(func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error {
		reading := t.start(func(context.Context) error { return t.expect(a, "mine") })
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
		_, err := a.Read(make([]byte, 1))
		t.is("second reader", err, asyncio.ErrConcurrentRead)
		if _, err := b.Write([]byte("mine")); err != nil {
			return err
		}
		_, err = reading.Await(ctx)
		return err
	})},
	{"reader and writer share a connection", withPair(func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error {
		text := bulk(1 << 20)
		for _, c := range []*asyncio.Conn{a, b} {
			t.start(func(context.Context) error { _, err := io.WriteString(c, text); return err })
		}
		return errors.Join(t.expect(a, text), t.expect(b, text))
	})},
	{"a writer waits for its reader", withPair(func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error {
		data := bytes.Repeat([]byte{'x'}, plenty)
		writing := t.start(func(context.Context) error { _, err := a.Write(data); return errors.Join(err, a.CloseWrite()) })
		if err := asyncio.Sleep(ctx, casePause); err != nil {
			return err
		}
		if writing.Done() {
			t.Error("the connection took everything although nobody read")
		}
		n, err := io.Copy(io.Discard, b)
		if n != plenty {
			t.Errorf("received %d bytes, want %d", n, plenty)
		}
		return err
	})},
	{"writes of several tasks take turns", withPair(func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error {
		const size = 1 << 20
		for _, c := range []byte("abc") {
			t.start(func(context.Context) error { _, err := a.Write(bytes.Repeat([]byte{c}, size)); return err })
		}
		for _, c := range []byte("abc") {
			if err := t.expect(b, string(bytes.Repeat([]byte{c}, size))); err != nil {
				return err
			}
		}
		return nil
	})},
	{"several buffers arrive in order", withPair(func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error {
		if _, err := a.WriteBuffers(net.Buffers{[]byte("one "), nil, []byte("two "), []byte("three")}); err != nil {
			return err
		}
		return t.expect(b, "one two three")
	})},
	{"cancellation ends a read and loses nothing", withPair(func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error {
		reading := asyncio.CreateTask(ctx, func(context.Context) (int, error) { return a.Read(make([]byte, 1)) })
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
		reading.Cancel(errStopped)
		_, err := reading.Await(ctx)
		t.is("cancelled read", err, errStopped)
		return t.say(b, a, "still here")
	})},
	{"data and cancellation at one time lose nothing", withPair(readyOrCancelled)},
	{"a deadline ends a suspended read", withPair(func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error {
		loop := asyncio.RunningLoop(ctx)
		if err := a.SetReadDeadline(loop.Wall().Add(casePause)); err != nil {
			return err
		}
		start := loop.Time()
		_, err := a.Read(make([]byte, 1))
		t.is("read", err, os.ErrDeadlineExceeded)
		if took := loop.Time() - start; took < casePause-time.Millisecond {
			t.Errorf("the deadline fired after %v, want %v", took, casePause)
		}
		if err := a.SetReadDeadline(time.Time{}); err != nil {
			return err
		}
		return t.say(b, a, "later")
	})},
	{"a deadline ends a suspended write", withPair(func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error {
		if err := a.SetWriteDeadline(asyncio.RunningLoop(ctx).Wall().Add(casePause)); err != nil {
			return err
		}
		n, err := a.Write(make([]byte, plenty))
		t.is("write", err, os.ErrDeadlineExceeded)
		if n == 0 || n == plenty {
			t.Errorf("wrote %d bytes, want a part of them", n)
		}
		return t.say(b, a, "reading is not concerned")
	})},
	{"many connections at once", manyConnections},
}

// readyOrCancelled lets data arrive and the reader be cancelled, in both orders.
func readyOrCancelled(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error {
	for turns := range 6 {
		buf := []byte{0}
		reading := asyncio.CreateTask(ctx, func(context.Context) (int, error) { return a.Read(buf) })
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
		if _, err := b.Write([]byte("x")); err != nil {
			return err
		}
		for range turns {
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return err
			}
		}
		reading.Cancel(errStopped)
		n, err := reading.Await(ctx)
		if err != nil {
			t.is("cancelled read", err, errStopped)
			n, err = a.Read(buf)
		}
		if n != 1 || err != nil || buf[0] != 'x' {
			return fmt.Errorf("cancelled after %d turns: got %d, %q, %w", turns, n, buf, err)
		}
	}
	return nil
}

// manyConnections has two hundred clients talk to one listener.
func manyConnections(ctx context.Context, t *networkSuite) error {
	const clients = 200
	ln, err := t.listen(ctx)
	if err != nil {
		return err
	}
	t.start(func(ctx context.Context) error {
		for range clients {
			c, err := ln.Accept(ctx)
			if err != nil {
				return err
			}
			t.start(func(context.Context) error {
				_, err := io.Copy(c, c)
				return errors.Join(err, c.Close())
			})
		}
		return nil
	})
	for i := range clients {
		t.start(func(ctx context.Context) error {
			c, err := asyncio.Dial(ctx, "tcp", ln.Addr().String())
			if err != nil {
				return err
			}
			return errors.Join(t.say(c, c, bulk(100*i)), c.Close())
		})
	}
	return nil
}

var endCases = []networkCase{
	{"the end comes after what was written", withPair(func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error {
		if _, err := a.Write([]byte("last words")); err != nil {
			return err
		}
		if err := a.Close(); err != nil {
			return err
		}
		if err := t.expect(b, "last words"); err != nil {
			return err
		}
		for range 2 {
			_, err := b.Read(make([]byte, 1))
			t.is("read after the end", err, io.EOF)
		}
		return nil
	})},
	{"a half-closed connection still receives", withPair(func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error {
		if _, err := a.Write([]byte("question")); err != nil {
			return err
		}
		if err := a.CloseWrite(); err != nil {
			return err
		}
		got, err := io.ReadAll(b)
		if string(got) != "question" || err != nil {
			t.Errorf("got %q, %v, want the question and its end", got, err)
		}
		_, err = a.Write([]byte("x"))
		t.is("write after CloseWrite", err, syscall.EPIPE, net.ErrClosed)
		return t.say(b, a, "answer")
	})},
	{"closing fails what is suspended", withPair(func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error {
		reading := asyncio.CreateTask(ctx, func(context.Context) (int, error) { return a.Read(make([]byte, 1)) })
		writing := asyncio.CreateTask(ctx, func(context.Context) (int, error) { return a.Write(make([]byte, plenty)) })
		if err := asyncio.Sleep(ctx, casePause); err != nil {
			return err
		}
		if err := a.Close(); err != nil {
			return err
		}
		_, err := reading.Await(ctx)
		t.is("suspended read", err, net.ErrClosed)
		_, err = writing.Await(ctx)
		t.is("suspended write", err, net.ErrClosed)
		_, err = a.Read(make([]byte, 1))
		t.is("read after Close", err, net.ErrClosed)
		_, err = a.Write([]byte("x"))
		t.is("write after Close", err, net.ErrClosed)
		t.is("second Close", a.Close(), net.ErrClosed)
		return nil
	})},
	{"an aborted connection resets its peer", withPair(func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error {
		if err := a.Abort(); err != nil {
			return err
		}
		_, err := b.Read(make([]byte, 1))
		t.is("read", err, syscall.ECONNRESET)
		t.isOp(err, "read", b.RemoteAddr().String())
		_, err = writeUntilError(ctx, b)
		t.is("write", err, syscall.EPIPE, syscall.ECONNRESET)
		return nil
	})},
	{"writing to a closed peer fails in the end", withPair(func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error {
		if err := a.Close(); err != nil {
			return err
		}
		n, err := writeUntilError(ctx, b)
		t.is(fmt.Sprintf("write %d", n), err, syscall.EPIPE, syscall.ECONNRESET)
		return nil
	})},
}

// writeUntilError writes a byte at a time, and returns how many went before the error.
func writeUntilError(ctx context.Context, c *asyncio.Conn) (n int, err error) {
	for ; err == nil; n++ {
		if _, err = c.Write([]byte("x")); err == nil {
			err = asyncio.Sleep(ctx, time.Millisecond)
		}
	}
	return n, err
}
