package asyncio_test

// Connections that leave the loop.

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// echoOutside sends everything back, on goroutines, and closes.
func echoOutside(conn net.Conn) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(conn, conn)
		done <- errors.Join(err, conn.Close())
	}()
	return done
}

func TestDetachedConnServesGoroutines(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		if !a.CanDetach() {
			t.Fatal("a connection of the machine's network cannot be detached")
		}
		send(t, b, "before ")
		return converse(ctx, t, a, b, "before ")
	})
}

// The keys go along, and so does what was decrypted or received before.
func TestDetachedConnStaysEncrypted(t *testing.T) {
	onTLS(t, func(ctx context.Context, t *testing.T, a, b *asyncio.Conn) error {
		if !a.CanDetach() {
			t.Skip("connections of a simulated network cannot leave it")
		}
		send(t, b, "before ")
		for !a.Readable() {
			if err := asyncio.Sleep(ctx, 0); err != nil {
				return err
			}
		}
		return converse(ctx, t, a, b, "before ")
	})
}

// converse detaches a and has it echo what b sends, and has sent before.
func converse(ctx context.Context, t *testing.T, a, b *asyncio.Conn, before string) error {
	encrypted := a.TLS()
	remote := a.RemoteAddr().String()
	conn, err := a.Detach()
	if err != nil {
		return err
	}
	if _, err := a.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("writing to what was detached: got %v, want net.ErrClosed", err)
	}
	if _, err := a.Detach(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("detaching twice: got %v, want net.ErrClosed", err)
	}
	if got := conn.RemoteAddr().String(); got != remote {
		t.Errorf("got remote address %s, want %s", got, remote)
	}
	done := echoOutside(conn)
	want := append([]byte(before), pattern(1<<20)...)
	err = asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
		g.Go(func(ctx context.Context) error {
			_, err := b.Write(want[len(before):])
			return errors.Join(err, b.CloseWrite())
		})
		got, err := io.ReadAll(b.WithContext(ctx))
		if !bytes.Equal(got, want) {
			t.Errorf("got %d bytes back, want the %d that were sent", len(got), len(want))
		}
		return err
	})
	if encrypted != nil && err == nil {
		state, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
		if !ok || state.ConnectionState().Version != encrypted.Version {
			t.Errorf("got a %T, want the state of the encryption", conn)
		}
	}
	finished, _, recvErr := asyncio.Recv(ctx, done)
	return errors.Join(err, finished, recvErr)
}

// What was written but could not be sent yet goes out although nothing more is written.
func TestDetachedConnSendsWhatWasWritten(t *testing.T) {
	onTLS(t, func(ctx context.Context, t *testing.T, a, b *asyncio.Conn) error {
		if !a.CanDetach() {
			t.Skip("connections of a simulated network cannot leave it")
		}
		a.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		n, err := a.Write(pattern(64 << 20))
		wantErr(t, err, os.ErrDeadlineExceeded)
		conn, err := a.Detach()
		if err != nil {
			return err
		}
		defer conn.Close()
		answered := make(chan error, 1)
		go func() {
			_, err := io.ReadFull(conn, make([]byte, 2))
			answered <- err
		}()
		got := make([]byte, n)
		b.SetDeadline(time.Now().Add(patience / 2))
		if _, err := io.ReadFull(b, got); err != nil || !bytes.Equal(got, pattern(n)) {
			t.Errorf("got %v, want the %d bytes that were written", err, n)
		}
		send(t, b, "ok")
		err, _, recvErr := asyncio.Recv(ctx, answered)
		return errors.Join(err, recvErr)
	})
}

// A suspended read ends when the connection is taken away from it.
func TestDetachEndsSuspendedReads(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		a, b := connPair(ctx, t)
		reader := spawn(ctx, func(context.Context) error {
			_, err := a.Read(make([]byte, 1))
			return err
		})
		asyncio.Sleep(ctx, 0)
		conn, err := a.Detach()
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, err := reader.Await(ctx); !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v, want net.ErrClosed", err)
		}
		return b.Close()
	})
}
