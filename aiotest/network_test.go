package aiotest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// world is a network with a client and a server, on which something echoes at server:7.
type world struct {
	net            *aiotest.Network
	client, server *aiotest.Host
	events         []string
}

func newWorld(opts ...aiotest.NetworkOption) *world {
	w := new(world)
	w.net = aiotest.NewNetwork(append(opts, aiotest.WithTrace(func(e aiotest.NetworkEvent) {
		w.events = append(w.events, e.String())
	}))...)
	w.client, w.server = w.net.Host("client"), w.net.Host("server")
	return w
}

// run runs body on the client.
func (w *world) run(t testing.TB, body func(ctx context.Context) error, opts ...aiotest.Option) {
	t.Helper()
	aiotest.Run(t, func(ctx context.Context) error {
		s, err := asyncio.CreateServer(w.server.Context(ctx), func() asyncio.Protocol { return &echo{} }, "tcp", ":7")
		if err != nil {
			return err
		}
		defer s.Close()
		return body(w.client.Context(ctx))
	}, append([]aiotest.Option{aiotest.WithNetwork(w.net)}, opts...)...)
}

// exchange sends message and waits for its echo.
func exchange(c *asyncio.Conn, message string) error {
	if _, err := io.WriteString(c, message); err != nil {
		return err
	}
	got := make([]byte, len(message))
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}
	if string(got) != message {
		return fmt.Errorf("got %q, want %q", got, message)
	}
	return nil
}

func dialEcho(ctx context.Context, t testing.TB) *asyncio.Conn {
	t.Helper()
	c, err := asyncio.Dial(ctx, "tcp", "server:7")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func wantErr(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func wantElapsed(ctx context.Context, t testing.TB, want time.Duration, f func()) {
	t.Helper()
	if got := aiotest.Elapsed(ctx, f); got != want {
		t.Errorf("took %v, want %v", got, want)
	}
}

func TestPerfectNetworkTakesNoTime(t *testing.T) {
	newWorld().run(t, func(ctx context.Context) error {
		wantElapsed(ctx, t, 0, func() {
			c := dialEcho(ctx, t)
			defer c.Close()
			if err := exchange(c, "hello"); err != nil {
				t.Error(err)
			}
		})
		return nil
	})
}

func TestLatencyIsPaidEachWay(t *testing.T) {
	w := newWorld()
	w.net.SetLink("client", "server", aiotest.Link{Latency: 50 * time.Millisecond})
	w.run(t, func(ctx context.Context) error {
		var c *asyncio.Conn
		wantElapsed(ctx, t, 100*time.Millisecond, func() { c = dialEcho(ctx, t) })
		defer c.Close()
		wantElapsed(ctx, t, 200*time.Millisecond, func() {
			for range 2 {
				if err := exchange(c, "hello"); err != nil {
					t.Error(err)
				}
			}
		})
		return nil
	})
}

func TestBandwidthIsSharedByADirection(t *testing.T) {
	w := newWorld()
	w.net.SetLink("client", "server", aiotest.Link{Bandwidth: 1 << 20})
	w.run(t, func(ctx context.Context) error {
		a, b := dialEcho(ctx, t), dialEcho(ctx, t)
		defer a.Close()
		defer b.Close()
		took := aiotest.Elapsed(ctx, func() {
			err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
				for _, c := range []*asyncio.Conn{a, b} {
					g.Go(func(context.Context) error { return exchange(c, strings.Repeat("x", 1<<19)) })
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		// Half a second for each, one after the other, and the headers of their packets.
		if took < time.Second || took > 1100*time.Millisecond {
			t.Errorf("took %v, want a little more than a second", took)
		}
		return nil
	})
}

func TestConnectionKeepsItsOrderUnderJitterAndLoss(t *testing.T) {
	w := newWorld(aiotest.WithNetworkSeed(5), aiotest.WithDefaultLink(aiotest.Link{
		Latency: time.Millisecond, Jitter: 20 * time.Millisecond, Bandwidth: 10 << 20, Loss: 0.2,
	}))
	w.run(t, func(ctx context.Context) error {
		c := dialEcho(ctx, t)
		defer c.Close()
		var sent bytes.Buffer
		for i := range 20000 {
			fmt.Fprintln(&sent, i)
		}
		return exchange(c, sent.String())
	})
}

// story runs a program with everything in it that is left to chance, and returns what
// happened in the network.
func story(t *testing.T, seed uint64) []string {
	w := newWorld(aiotest.WithDefaultLink(aiotest.Link{Latency: 5 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.05}))
	w.net.Inject(aiotest.ShortReads(100).To("server"))
	w.net.Inject(aiotest.Reset().AfterBytes(2000).Chance(0.2))
	w.run(t, func(ctx context.Context) error {
		return asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			for i := range 10 {
				g.Go(func(ctx context.Context) error {
					c := dialEcho(ctx, t)
					defer c.Close()
					for range 10 {
						if err := exchange(c, strings.Repeat(string(rune('a'+i)), 500)); err != nil {
							return nil // reset
						}
					}
					return nil
				})
			}
			return nil
		})
	}, aiotest.WithSeed(seed))
	return w.events
}

func TestSeedReplaysEverythingThatHappens(t *testing.T) {
	first, second, other := story(t, 1), story(t, 1), story(t, 2)
	if len(first) < 200 {
		t.Errorf("only %d events: the story is too short to prove anything", len(first))
	}
	for i := range min(len(first), len(second)) {
		if first[i] != second[i] {
			t.Fatalf("one seed gave two runs: event %d is %q and %q", i, first[i], second[i])
		}
	}
	if len(first) != len(second) {
		t.Errorf("one seed gave %d and %d events", len(first), len(second))
	}
	if slices.Equal(first, other) {
		t.Error("two seeds gave one run")
	}
}

func TestSocketsOfTheNetworkAreNoReasonToWait(t *testing.T) {
	var r recorder
	newWorld().run(&r, func(ctx context.Context) error {
		c := dialEcho(ctx, t)
		_, err := c.Read(make([]byte, 1)) // nobody will ever send anything
		return err
	}, aiotest.AllowLeaks())
	if got := strings.Join(r.errors, "\n"); !strings.Contains(got, "deadlock") {
		t.Errorf("got %q, want a deadlock", got)
	}
}

func TestNamesResolveInTheNetwork(t *testing.T) {
	w := newWorld()
	w.net.SetName("www.example.com", "192.0.2.7", "2001:db8::7")
	w.net.Host("dual", "192.0.2.1", "2001:db8::1")
	w.run(t, func(ctx context.Context) error {
		for _, c := range []struct{ network, name, want string }{
			{"ip", "www.example.com", "[192.0.2.7 2001:db8::7]"},
			{"ip", "WWW.example.COM.", "[192.0.2.7 2001:db8::7]"},
			{"ip6", "dual", "[2001:db8::1]"},
			{"ip4", "server", fmt.Sprint(w.server.Addrs())},
			{"ip4", "localhost", "[127.0.0.1]"},
			{"ip", "192.0.2.9", "[192.0.2.9]"},
		} {
			got, err := asyncio.LookupHost(ctx, c.network, c.name)
			if err != nil || fmt.Sprint(got) != c.want {
				t.Errorf("%s %s: got %v, %v, want %s", c.network, c.name, got, err, c.want)
			}
		}
		for addr, want := range map[string]string{
			"192.0.2.7": "[www.example.com]", "2001:db8::7": "[www.example.com]", "192.0.2.1": "[dual]", "::ffff:192.0.2.1": "[dual]",
			w.server.Addrs()[0].String(): "[server]", "127.0.0.1": "[localhost]", "192.0.2.200": "[]",
		} {
			got, err := asyncio.LookupAddr(ctx, netip.MustParseAddr(addr))
			var dns *net.DNSError
			if fmt.Sprint(got) != want || (err != nil) != (want == "[]") || err != nil && (!errors.As(err, &dns) || !dns.IsNotFound) {
				t.Errorf("%s: got %v, %v, want %s", addr, got, err, want)
			}
		}
		w.net.SetName("www.example.com")
		_, err := asyncio.LookupHost(ctx, "ip", "www.example.com")
		var dns *net.DNSError
		if !errors.As(err, &dns) || !dns.IsNotFound {
			t.Errorf("got %v, want a DNS error", err)
		}
		return nil
	})
}

func TestHostsHaveTheirOwnPortsAndLoopback(t *testing.T) {
	w := newWorld()
	w.run(t, func(ctx context.Context) error {
		onServer := w.server.Context(ctx)
		for _, c := range []context.Context{ctx, onServer} {
			ln, err := asyncio.Listen(c, "tcp", "127.0.0.1:80")
			if err != nil {
				return err
			}
			defer ln.Close()
		}
		_, err := asyncio.Listen(ctx, "tcp", "server:81")
		if err == nil {
			t.Error("a host listens on the address of another")
		}
		c := dialEcho(ctx, t)
		defer c.Close()
		if got, want := c.LocalAddr().(*net.TCPAddr).AddrPort().Addr(), w.client.Addrs()[0]; got != want {
			t.Errorf("dialled from %v, want %v", got, want)
		}
		if aiotest.HostOf(ctx) != w.client || aiotest.HostOf(onServer) != w.server || aiotest.NetworkOf(ctx) != w.net {
			t.Error("a context is on another host than it was made for")
		}
		if got := aiotest.HostOf(context.WithoutCancel(ctx)); got != w.client {
			t.Errorf("got %v, want the client", got.Name())
		}
		return nil
	})
}

func TestTaskIsOnTheHostOfItsContext(t *testing.T) {
	w := newWorld()
	w.run(t, func(ctx context.Context) error {
		var got *aiotest.Host
		_, err := asyncio.CreateTask(w.server.Context(ctx), func(ctx context.Context) (int, error) {
			got = aiotest.HostOf(ctx)
			return 0, nil
		}).Await(ctx)
		if got != w.server {
			t.Errorf("got %v, want the server", got.Name())
		}
		return err
	})
}

func TestNetworkServesOneLoopAtATime(t *testing.T) {
	w := newWorld()
	w.run(t, func(ctx context.Context) error {
		if _, err := w.net.Attach(asyncio.RunningLoop(ctx)); err == nil {
			t.Error("a network was attached twice")
		}
		return nil
	})
	w.net.Inject(aiotest.Partition("client").After(time.Hour)) // still to come when the loop ends
	w.run(t, func(context.Context) error { return nil })
	w.run(t, func(ctx context.Context) error { // but then the next
		c := dialEcho(ctx, t)
		defer c.Close()
		return exchange(c, "again")
	})
}

func TestImpossibleNetworksPanic(t *testing.T) {
	n := aiotest.NewNetwork()
	n.Host("a", "192.0.2.1")
	for name, f := range map[string]func(){
		"address taken":      func() { n.Host("b", "192.0.2.1") },
		"malformed address":  func() { n.Host("c", "here") },
		"host made again":    func() { n.Host("a", "192.0.2.2") },
		"name":               func() { n.SetName("d", "there") },
		"negative latency":   func() { n.SetLink("a", "b", aiotest.Link{Latency: -1}) },
		"loss above one":     func() { aiotest.WithDefaultLink(aiotest.Link{Loss: 2}) },
		"buffers of nothing": func() { aiotest.WithSocketBuffers(0) },
		"unknown host":       func() { n.Inject(aiotest.Delay(1).From("nobody")) },
		"empty partition":    func() { aiotest.Partition() },
		"probability":        func() { aiotest.Loss(-1) },
		"slow reader":        func() { aiotest.SlowReader(0) },
		"short reads":        func() { aiotest.ShortReads(0) },
		"no network":         func() { aiotest.HostOf(asyncio.NewEventLoop(asyncio.WithNetwork(noNetwork{})).Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if v := recover(); v == nil || !strings.HasPrefix(fmt.Sprint(v), "aiotest: ") {
					t.Errorf("got %v, want a panic that says what is wrong", v)
				}
			}()
			f()
		})
	}
}

// noNetwork cannot be attached.
type noNetwork struct{}

func (noNetwork) Attach(*asyncio.EventLoop) (asyncio.Host, error) {
	return nil, errors.New("no network")
}
