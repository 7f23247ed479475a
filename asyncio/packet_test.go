package asyncio_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func listenPacket(ctx context.Context, t *testing.T) *asyncio.PacketConn {
	t.Helper()
	c, err := asyncio.ListenPacket(ctx, "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func dialPacket(ctx context.Context, t *testing.T, to net.Addr) *asyncio.PacketConn {
	t.Helper()
	c, err := asyncio.DialPacket(ctx, "udp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPacketConnCarriesDatagramsBothWays(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		server := listenPacket(ctx, t)
		echo := spawn(ctx, func(ctx context.Context) error {
			buf := make([]byte, 100)
			for range 3 {
				n, from, err := server.ReadFrom(buf)
				if err != nil {
					return err
				}
				if _, err := server.WriteTo(buf[:n], from); err != nil {
					return err
				}
			}
			n, from, err := server.ReadFromAddrPort(buf)
			if err != nil {
				return err
			}
			_, err = server.WriteToAddrPort(buf[:n], from)
			return err
		})
		client := dialPacket(ctx, t, server.LocalAddr())
		buf := make([]byte, 100)
		for _, want := range []string{"one", "", "three", "four"} {
			send(t, client, want)
			if n, err := client.Read(buf); string(buf[:n]) != want || err != nil {
				t.Errorf("got %q, %v, want %q", buf[:n], err, want)
			}
		}
		_, err := echo.Await(ctx)
		return err
	})
}

func TestPacketConnKnowsWhetherItIsConnected(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		server := listenPacket(ctx, t)
		client := dialPacket(ctx, t, server.LocalAddr())
		if server.RemoteAddr() != nil || client.RemoteAddr().String() != server.LocalAddr().String() {
			t.Errorf("the peers are %v and %v", server.RemoteAddr(), client.RemoteAddr())
		}
		_, err := client.WriteTo([]byte("x"), server.LocalAddr())
		wantErr(t, err, net.ErrWriteToConnected)
		var op *net.OpError
		if _, err := server.Write([]byte("x")); !errors.As(err, &op) || op.Op != "write" {
			t.Errorf("writing without a peer: got %v, want a net.OpError", err)
		}
		if _, err := server.WriteTo([]byte("x"), &net.TCPAddr{}); !errors.As(err, &op) {
			t.Errorf("writing to an address of TCP: got %v, want a net.OpError", err)
		}
		if _, err := server.WriteTo([]byte("x"), nil); !errors.As(err, &op) {
			t.Errorf("writing to no address: got %v, want a net.OpError", err)
		}
		var large *asyncio.DatagramTooLargeError
		if _, err := client.Write(make([]byte, 70_000)); !errors.As(err, &large) || large.Size != 70_000 {
			t.Errorf("got %v, want a DatagramTooLargeError", err)
		}
		return nil
	})
}

func TestReceivingSuspendsOnlyItsTask(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		server := listenPacket(ctx, t)
		var tr trace
		reading := spawn(ctx, func(ctx context.Context) error {
			tr.add("reading")
			buf := make([]byte, 10)
			n, err := server.Read(buf)
			tr.add("read %s", buf[:n])
			return err
		})
		if err := asyncio.Sleep(ctx, time.Millisecond); err != nil {
			return err
		}
		_, err := server.Read(make([]byte, 1))
		wantErr(t, err, asyncio.ErrConcurrentRead)
		tr.add("writing")
		send(t, dialPacket(ctx, t, server.LocalAddr()), "hello")
		_, err = reading.Await(ctx)
		tr.want(t, "reading", "writing", "read hello")
		return err
	})
}

func TestReceivingEndsWithItsDeadlineItsContextAndItsSocket(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		server := listenPacket(ctx, t)
		buf := make([]byte, 10)
		server.SetDeadline(asyncio.RunningLoop(ctx).Wall().Add(5 * time.Millisecond))
		_, _, err := server.ReadFrom(buf)
		wantErr(t, err, os.ErrDeadlineExceeded)
		if ne := net.Error(nil); !errors.As(err, &ne) || !ne.Timeout() {
			t.Errorf("got %v, want a timeout", err)
		}
		server.SetWriteDeadline(asyncio.RunningLoop(ctx).Wall().Add(-time.Second))
		_, err = server.WriteTo(buf, server.LocalAddr())
		wantErr(t, err, os.ErrDeadlineExceeded)
		server.SetWriteDeadline(time.Time{})
		server.SetReadDeadline(time.Time{})

		limited, cancel := asyncio.WithTimeout(ctx, 5*time.Millisecond)
		defer cancel()
		_, err = server.WithContext(limited).Read(buf)
		wantErr(t, err, context.DeadlineExceeded)

		reading := spawn(ctx, func(context.Context) error { _, err := server.Read(buf); return err })
		asyncio.Sleep(ctx, time.Millisecond)
		reading.Cancel(errBoom)
		_, err = reading.Await(ctx)
		wantErr(t, err, errBoom)

		// What comes now is not lost.
		send(t, dialPacket(ctx, t, server.LocalAddr()), "after all")
		if n, err := server.Read(buf); string(buf[:n]) != "after all" || err != nil {
			t.Errorf("got %q, %v", buf[:n], err)
		}

		reading = spawn(ctx, func(context.Context) error { _, err := server.Read(buf); return err })
		asyncio.Sleep(ctx, time.Millisecond)
		if err := server.Close(); err != nil {
			return err
		}
		_, err = reading.Await(ctx)
		wantErr(t, err, net.ErrClosed)
		wantErr(t, server.Close(), net.ErrClosed)
		wantErr(t, server.SetDeadline(time.Time{}), net.ErrClosed)
		_, err = server.WriteTo(buf, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9})
		wantErr(t, err, net.ErrClosed)
		return nil
	})
}

func TestRefusalByThePeersPortIsReadOnce(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		gone := listenPacket(ctx, t)
		gone.Close()
		client := dialPacket(ctx, t, gone.LocalAddr())
		send(t, client, "hello?")
		_, err := client.Read(make([]byte, 1))
		wantErr(t, err, syscall.ECONNREFUSED)
		client.SetReadDeadline(asyncio.RunningLoop(ctx).Wall().Add(time.Millisecond))
		_, err = client.Read(make([]byte, 1))
		wantErr(t, err, os.ErrDeadlineExceeded)
		return nil
	})
}

func TestFullReceiverSuspendsTheSenders(t *testing.T) {
	for _, connected := range []bool{true, false} {
		t.Run(fmt.Sprint("connected=", connected), func(t *testing.T) {
			onNetworks(t, func(ctx context.Context, t *testing.T) error {
				path := unixPath(t)
				receiver, err := asyncio.ListenPacket(ctx, "unixgram", path+"1")
				if err != nil {
					return err
				}
				write := func(p []byte) error { return nil }
				if connected {
					c, err := asyncio.DialPacket(ctx, "unixgram", path+"1")
					if err != nil {
						return err
					}
					write = func(p []byte) error { _, err := c.Write(p); return err }
				} else {
					c, err := asyncio.ListenPacket(ctx, "unixgram", path+"2")
					if err != nil {
						return err
					}
					write = func(p []byte) error { _, err := c.WriteTo(p, receiver.LocalAddr()); return err }
				}
				const senders, each = 3, 1000
				done := 0
				for s := range senders {
					spawn(ctx, func(context.Context) error {
						for i := range each {
							if err := write(fmt.Appendf(nil, "%d:%d", s, i)); err != nil {
								return err
							}
						}
						done++
						return nil
					})
				}
				if err := asyncio.Sleep(ctx, 5*time.Millisecond); err != nil {
					return err
				}
				if done == senders {
					t.Error("nobody was held up")
				}
				next := [senders]int{}
				buf := make([]byte, 20)
				for range senders * each {
					n, err := receiver.Read(buf)
					if err != nil {
						return err
					}
					var s, i int
					if fmt.Sscanf(string(buf[:n]), "%d:%d", &s, &i); i != next[s] {
						t.Fatalf("got datagram %d of sender %d, want %d", i, s, next[s])
					}
					next[s]++
				}
				until(ctx, t, "the senders", func() bool { return done == senders })
				return nil
			})
		})
	}
}

func TestTaskThatReceivesWithoutAPauseGivesWay(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		path := unixPath(t)
		server, err := asyncio.ListenPacket(ctx, "unixgram", path)
		if err != nil {
			return err
		}
		client, err := asyncio.DialPacket(ctx, "unixgram", path)
		if err != nil {
			return err
		}
		turns := 0
		spawn(ctx, func(ctx context.Context) error {
			for asyncio.Sleep(ctx, 0) == nil {
				turns++
			}
			return nil
		})
		streak, longest, last := 0, 0, 0
		buf := make([]byte, 1)
		for range 100 {
			for range 8 { // fewer than any system's limit
				send(t, client, "x")
			}
			for range 8 {
				if _, err := server.Read(buf); err != nil {
					return err
				}
				if turns != last {
					streak, last = 0, turns
				}
				streak++
				longest = max(longest, streak)
			}
		}
		if longest > 64 {
			t.Errorf("%d datagrams without giving way, want at most 64", longest)
		}
		return nil
	})
}

func TestAddressesOfPacketSocketsAreChecked(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		for _, c := range []struct{ network, address string }{
			{"udp", "127.0.0.1"},
			{"udp", "127.0.0.1:99999"},
			{"udp4", "[::1]:80"},
			{"udp6", "127.0.0.1:80"},
			{"tcp", "127.0.0.1:80"},
			{"unixgram", ""},
		} {
			for op, do := range map[string]func() error{
				"dial":   func() error { _, err := asyncio.DialPacket(ctx, c.network, c.address); return err },
				"listen": func() error { _, err := asyncio.ListenPacket(ctx, c.network, c.address); return err },
			} {
				err := do()
				var e *net.OpError
				if !errors.As(err, &e) || e.Op != op || e.Addr.String() != c.address {
					t.Errorf("%s %s %q: got %v, want a net.OpError with the address", op, c.network, c.address, err)
				}
			}
		}
		_, err := asyncio.Dial(ctx, "udp", "127.0.0.1:9")
		if unknown := net.UnknownNetworkError(""); !errors.As(err, &unknown) {
			t.Errorf("dialling a stream over udp: got %v, want an unknown network", err)
		}
		var dns *net.DNSError
		if _, err = asyncio.DialPacket(ctx, "udp", "no-such-host.invalid:53"); !errors.As(err, &dns) {
			t.Errorf("got %v, want a DNS error", err)
		}
		return nil
	})
}

func TestNamesOfPacketPeersAreTriedInTurn(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		server, err := asyncio.ListenPacket(ctx, "udp4", ":0")
		if err != nil {
			return err
		}
		port := server.LocalAddr().(*net.UDPAddr).Port
		// The first address does not fit the local one.
		client, err := asyncio.DialPacket(ctx, "udp", fmt.Sprintf("server.example:%d", port),
			asyncio.WithDatagramResolver(fixedResolver{"::1", "127.0.0.1"}), asyncio.WithLocalAddr("127.0.0.1:0"))
		if err != nil {
			return err
		}
		send(t, client, "found")
		buf := make([]byte, 10)
		n, from, err := server.ReadFrom(buf)
		if string(buf[:n]) != "found" || err != nil || from.String() != client.LocalAddr().String() {
			t.Errorf("got %q from %v, %v", buf[:n], from, err)
		}
		_, err = asyncio.DialPacket(ctx, "udp", "server.example:9",
			asyncio.WithDatagramResolver(fixedResolver{"::1", "::2"}), asyncio.WithLocalAddr("127.0.0.1:0"))
		var all *asyncio.DialError
		if !errors.As(err, &all) || len(all.Errors) != 2 || all.Address != "server.example:9" {
			t.Errorf("got %v, want a DialError of two", err)
		}
		return nil
	})
}

// A task that was woken has not run yet when another one reads.
func TestReaderThatWasWokenComesBeforeASecondOneOfDatagrams(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		c := listenPacket(ctx, t)
		return readAfterAnother(ctx, t, c, dialPacket(ctx, t, c.LocalAddr()))
	})
}
