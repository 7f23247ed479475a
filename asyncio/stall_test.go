package asyncio_test

// Closing transports whose peers take what is left slowly, or not at all.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// stuckEndpoint returns a datagram transport whose receiver takes nothing more, with left
// datagrams that are still to be sent.
func stuckEndpoint(ctx context.Context, t *testing.T, connected bool, left int) (*asyncio.PacketConn, *datagrams, *asyncio.DatagramTransport) {
	t.Helper()
	receiver, err := asyncio.ListenPacket(ctx, "unixgram", "receiver")
	if err != nil {
		t.Fatal(err)
	}
	opts, to := []asyncio.DatagramOption{asyncio.WithRemoteAddr("receiver")}, ""
	if !connected {
		opts, to = []asyncio.DatagramOption{asyncio.WithLocalAddr("sender")}, "receiver"
	}
	p := newDatagrams(ctx)
	c := endpoint(ctx, t, p, "unixgram", opts...)
	for c.WriteBufferSize() < left*8 {
		c.SendToPath(nil, to) // an empty one is to be delivered, too
	}
	return receiver, p, c
}

// onBothSockets runs body in a simulated network with sockets that are connected and that are not.
func onBothSockets(t *testing.T, body func(ctx context.Context, t *testing.T, connected bool) error) {
	for _, connected := range []bool{true, false} {
		t.Run(fmt.Sprint("connected=", connected), func(t *testing.T) {
			aiotest.Run(t, func(ctx context.Context) error {
				ctx, cancel := asyncio.WithTimeout(ctx, time.Hour)
				defer cancel()
				return body(ctx, t, connected)
			})
		})
	}
}

func TestClosedDatagramTransportDoesNotWaitForeverForItsPeer(t *testing.T) {
	onBothSockets(t, func(ctx context.Context, t *testing.T, connected bool) error {
		receiver, p, c := stuckEndpoint(ctx, t, connected, 3)
		defer receiver.Close()
		l := asyncio.RunningLoop(ctx)
		start := l.Time()
		c.Close()
		if _, err := p.lost.Await(ctx); err != nil {
			return err
		}
		p.want(t, "made", "lost")
		wantErr(t, p.lostErr, asyncio.ErrShutdownTimeout)
		var op *net.OpError
		if !errors.As(p.lostErr, &op) || op.Addr == nil || op.Addr.String() != "receiver" || !op.Timeout() {
			t.Errorf("got %v, want a timeout with the address", p.lostErr)
		}
		if got := l.Time() - start; got != asyncio.DefaultShutdownTimeout {
			t.Errorf("it was given up after %v, want %v", got, asyncio.DefaultShutdownTimeout)
		}
		if got := c.WriteBufferSize(); got != 0 {
			t.Errorf("%d bytes are buffered after the end", got)
		}
		return nil
	})
}

func TestClosedDatagramTransportWaitsForASlowPeer(t *testing.T) {
	onBothSockets(t, func(ctx context.Context, t *testing.T, connected bool) error {
		const left = 5
		receiver, p, c := stuckEndpoint(ctx, t, connected, left)
		defer receiver.Close()
		c.Close()
		for i := range left {
			if err := asyncio.Sleep(ctx, asyncio.DefaultShutdownTimeout*2/3); err != nil {
				return err
			}
			if p.lost.Done() {
				t.Fatalf("it was given up after %d of %d datagrams: %v", i, left, p.lostErr)
			}
			if _, err := receiver.Read(make([]byte, 1)); err != nil {
				return err
			}
		}
		_, err := p.lost.Await(ctx)
		wantErr(t, p.lostErr, nil)
		return err
	})
}

func TestAbortEndsTheWaitForASilentPeer(t *testing.T) {
	onBothSockets(t, func(ctx context.Context, t *testing.T, connected bool) error {
		receiver, p, c := stuckEndpoint(ctx, t, connected, 3)
		defer receiver.Close()
		l := asyncio.RunningLoop(ctx)
		c.Close()
		if err := asyncio.Sleep(ctx, time.Second); err != nil {
			return err
		}
		before := l.Time()
		c.Abort()
		_, err := p.lost.Await(ctx)
		wantErr(t, p.lostErr, nil)
		if got := l.Time() - before; got != 0 {
			t.Errorf("Abort took %v", got)
		}
		if err := asyncio.Sleep(ctx, 2*asyncio.DefaultShutdownTimeout); err != nil {
			return err
		}
		p.want(t, "made", "lost") // once
		return err
	})
}
