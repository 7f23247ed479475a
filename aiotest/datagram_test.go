package aiotest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// packets opens a socket on the server and one on the client, and closes both at the end.
func (w *world) packets(t *testing.T, body func(ctx context.Context, server, client *asyncio.PacketConn) error, opts ...aiotest.Option) {
	t.Helper()
	aiotest.Run(t, func(ctx context.Context) error {
		server, err := asyncio.ListenPacket(w.server.Context(ctx), "udp", ":53")
		if err != nil {
			return err
		}
		defer server.Close()
		client, err := asyncio.DialPacket(w.client.Context(ctx), "udp", "server:53", asyncio.WithBroadcast())
		if err != nil {
			return err
		}
		defer client.Close()
		return body(w.client.Context(ctx), server, client)
	}, append([]aiotest.Option{aiotest.WithNetwork(w.net)}, opts...)...)
}

// received returns the datagrams that arrive until nothing does for a minute.
func received(ctx context.Context, c *asyncio.PacketConn) (got []string) {
	buf := make([]byte, 100)
	defer c.SetReadDeadline(time.Time{})
	for {
		if err := c.SetReadDeadline(asyncio.RunningLoop(ctx).Wall().Add(time.Minute)); err != nil {
			return got
		}
		n, err := c.Read(buf)
		if err != nil {
			return got
		}
		got = append(got, string(buf[:n]))
	}
}

func TestDatagramsOvertakeAndGetLost(t *testing.T) {
	arrivals := func(seed uint64) []string {
		w := newWorld(aiotest.WithDefaultLink(aiotest.Link{Latency: time.Millisecond, Jitter: time.Second, Loss: 0.1}))
		var got []string
		w.packets(t, func(ctx context.Context, server, client *asyncio.PacketConn) error {
			for i := range 100 {
				if _, err := fmt.Fprintf(client, "%03d", i); err != nil {
					return err
				}
			}
			got = received(ctx, server)
			return nil
		}, aiotest.WithSeed(seed))
		return got
	}
	got := arrivals(1)
	if len(got) < 70 || len(got) > 99 {
		t.Errorf("%d of 100 arrived, want some nine in ten", len(got))
	}
	if slices.IsSorted(got) {
		t.Error("they came in the order in which they were sent")
	}
	if !slices.Equal(got, arrivals(1)) || slices.Equal(got, arrivals(2)) {
		t.Error("the seed does not decide which arrive, and when")
	}
}

func TestFullReceiverDropsDatagrams(t *testing.T) {
	w := newWorld(aiotest.WithSocketBuffers(50))
	w.packets(t, func(ctx context.Context, server, client *asyncio.PacketConn) error {
		for range 100 {
			if _, err := client.Write([]byte("0123456789")); err != nil {
				return err
			}
		}
		if got := received(ctx, server); len(got) != 5 {
			t.Errorf("%d datagrams arrived, want the five there was room for", len(got))
		}
		return nil
	})
}

func TestSenderWaitsForANarrowLink(t *testing.T) {
	w := newWorld(aiotest.WithSocketBuffers(1<<10), aiotest.WithDefaultLink(aiotest.Link{Bandwidth: 1 << 10}))
	w.packets(t, func(ctx context.Context, server, client *asyncio.PacketConn) error {
		reading := asyncio.CreateTask(ctx, func(ctx context.Context) ([]string, error) { return received(ctx, server), nil })
		took := aiotest.Elapsed(ctx, func() {
			for range 100 {
				if _, err := client.Write(make([]byte, 60)); err != nil { // 100 with its header
					t.Error(err)
				}
			}
		})
		if took < 7*time.Second || took > 10*time.Second {
			t.Errorf("sending took %v, want about nine seconds", took)
		}
		got, err := reading.Await(ctx)
		if len(got) != 100 {
			t.Errorf("%d arrived, want all", len(got))
		}
		return err
	})
}

func TestFaultsConcernDatagrams(t *testing.T) {
	w := newWorld()
	w.packets(t, func(ctx context.Context, server, client *asyncio.PacketConn) error {
		for _, f := range []aiotest.Fault{aiotest.Partition("server"), aiotest.Loss(1).Port(53)} {
			in := w.net.Inject(f)
			if _, err := client.Write([]byte("lost")); err != nil {
				return err
			}
			if got := received(ctx, server); len(got) > 0 {
				t.Errorf("received %q", got)
			}
			in.Remove()
		}
		w.net.Inject(aiotest.Delay(3 * time.Second))
		wantElapsed(ctx, t, 3*time.Second, func() {
			if _, err := client.Write([]byte("late")); err != nil {
				t.Error(err)
			}
			if _, err := server.Read(make([]byte, 10)); err != nil {
				t.Error(err)
			}
		})
		return nil
	})
}

func TestBroadcastReachesEveryHost(t *testing.T) {
	w := newWorld()
	w.packets(t, func(ctx context.Context, server, client *asyncio.PacketConn) error {
		all := &net.UDPAddr{IP: net.IPv4bcast, Port: 53}
		caller, err := asyncio.ListenPacket(ctx, "udp4", ":0", asyncio.WithBroadcast())
		if err != nil {
			return err
		}
		defer caller.Close()
		if _, err := caller.WriteTo([]byte("everybody"), all); err != nil {
			return err
		}
		if got := received(ctx, server); !slices.Equal(got, []string{"everybody"}) {
			t.Errorf("received %q", got)
		}
		quiet, err := asyncio.ListenPacket(ctx, "udp4", ":0")
		if err != nil {
			return err
		}
		defer quiet.Close()
		_, err = quiet.WriteTo([]byte("everybody"), all)
		wantErr(t, err, syscall.EACCES)
		return nil
	})
}

func TestCrashTakesDatagramSocketsAlong(t *testing.T) {
	w := newWorld()
	w.packets(t, func(ctx context.Context, server, client *asyncio.PacketConn) error {
		w.server.Crash()
		_, err := server.Read(make([]byte, 1))
		wantErr(t, err, syscall.ECONNABORTED)
		if _, err := client.Write([]byte("anybody?")); err != nil {
			return err
		}
		_, err = client.Read(make([]byte, 1))
		wantErr(t, err, syscall.ECONNREFUSED)
		if err := client.SetReadDeadline(asyncio.RunningLoop(ctx).Wall()); err != nil {
			return err
		}
		_, err = client.Read(make([]byte, 1))
		wantErr(t, err, os.ErrDeadlineExceeded)
		return nil
	})
}

// A sender waits for the room of a receiver without being connected to it, and is known to wait in vain if nobody will
// ever receive; what it sends to others goes through meanwhile.
func TestSenderWaitsForAFullUnixReceiver(t *testing.T) {
	fill := func(ctx context.Context) (sender, full, other *asyncio.PacketConn, sent int, err error) {
		open := func(path string) *asyncio.PacketConn {
			c, failed := asyncio.ListenPacket(ctx, "unixgram", path)
			err = errors.Join(err, failed)
			return c
		}
		if sender, full, other = open("sender"), open("full"), open("other"); err != nil {
			return
		}
		for err == nil {
			limited, cancel := asyncio.WithTimeout(ctx, time.Second)
			_, err = sender.WithContext(limited).WriteTo([]byte("x"), full.LocalAddr())
			cancel()
			sent++
		}
		return sender, full, other, sent - 1, nil
	}
	t.Run("that reads", func(t *testing.T) {
		aiotest.Run(t, func(ctx context.Context) error {
			sender, full, other, sent, err := fill(ctx)
			if err != nil {
				return err
			}
			if took := aiotest.Elapsed(ctx, func() { _, err = sender.WriteTo([]byte("y"), other.LocalAddr()) }); err != nil || took != 0 {
				t.Errorf("to another: got %v after %v", err, took)
			}
			waiting := asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) { return sender.WriteTo([]byte("z"), full.LocalAddr()) })
			asyncio.Sleep(ctx, time.Minute)
			buf, got := make([]byte, 10), 0
			for range sent + 1 {
				n, _, err := full.ReadFrom(buf)
				if err != nil {
					return err
				}
				got += n
			}
			_, err = waiting.Await(ctx)
			if got != sent+1 || string(buf[:1]) != "z" {
				t.Errorf("got %d of %d datagrams, the last of them %q", got, sent+1, buf[:1])
			}
			return errors.Join(err, sender.Close(), full.Close(), other.Close())
		})
	})
	t.Run("that never does", func(t *testing.T) {
		var r recorder
		newWorld().run(&r, func(ctx context.Context) error {
			sender, full, _, _, err := fill(ctx)
			if err != nil {
				return err
			}
			_, err = sender.WriteTo([]byte("z"), full.LocalAddr())
			return err
		}, aiotest.AllowLeaks())
		if got := strings.Join(r.errors, "\n"); !strings.Contains(got, "deadlock") {
			t.Errorf("got %q, want a deadlock", got)
		}
	})
}
