package asyncio_test

// What the tests of connections share: they run on real sockets of this machine, in real
// time, once for each kind of poller, and once more on a simulated network.

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

var networks = []struct {
	name string
	of   func() asyncio.Network
}{
	{"native", asyncio.NativeNetwork},
	{"portable", asyncio.PortableNetwork},
	{simulated, func() asyncio.Network { return aiotest.NewNetwork() }},
}

// simulated is the network on which tests run under virtual time.
const simulated = "simulated"

// patience is how long something may take that should happen at once, on a machine that is busy
// with other things.
const patience = time.Minute

// onNetworks runs body as the main task of a loop, once for each kind of network.
func onNetworks(t *testing.T, body func(ctx context.Context, t *testing.T) error, opts ...asyncio.RunOption) {
	t.Helper()
	onEach(t, len(networks), body, opts)
}

// onKernel is onNetworks without the simulated one: for what tests the kernel, or real time.
func onKernel(t *testing.T, body func(ctx context.Context, t *testing.T) error, opts ...asyncio.RunOption) {
	t.Helper()
	onEach(t, len(networks)-1, body, opts)
}

// onNative is onKernel for the native poller alone.
func onNative(t *testing.T, body func(ctx context.Context, t *testing.T) error, opts ...asyncio.RunOption) {
	t.Helper()
	onEach(t, 1, body, opts)
}

func onEach(t *testing.T, first int, body func(ctx context.Context, t *testing.T) error, opts []asyncio.RunOption) {
	t.Helper()
	for _, n := range networks[:first] {
		t.Run(n.name, func(t *testing.T) {
			t.Helper()
			noGoroutineLeft(t)
			opts := append([]asyncio.RunOption{asyncio.WithNetwork(n.of()), asyncio.WithoutSignals()}, opts...)
			if n.name == simulated {
				opts = append(opts, asyncio.WithClock(new(aiotest.Clock)), asyncio.WithDeadlockError(true))
			}
			_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
				return asyncio.Timeout(ctx, patience, func(ctx context.Context) (none, error) {
					return none{}, body(ctx, t)
				})
			}, opts...)
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func listen(ctx context.Context, t *testing.T, opts ...asyncio.ListenOption) *asyncio.Listener {
	t.Helper()
	ln, err := asyncio.Listen(ctx, "tcp", "127.0.0.1:0", opts...)
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// connPair returns two ends of a connection.
func connPair(ctx context.Context, t *testing.T) (client, server *asyncio.Conn) {
	t.Helper()
	ln := listen(ctx, t)
	defer ln.Close()
	client, err := asyncio.Dial(ctx, "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err = ln.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

// wantRead reads exactly want from c.
func wantRead(t *testing.T, c io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got[:n], err, want)
	}
}

func send(t *testing.T, c io.Writer, text string) {
	t.Helper()
	if n, err := io.WriteString(c, text); n != len(text) || err != nil {
		t.Errorf("writing: got %d, %v, want %d, nil", n, err, len(text))
	}
}

// pattern returns n bytes that repeat in no power of two.
func pattern(n int) []byte {
	return bytes.Repeat([]byte("the quick brown fox jumps over "), n/31+1)[:n]
}

func TestLoopsWithoutConnectionsOpenNoSocket(t *testing.T) {
	l := newLoop(t, asyncio.WithNetwork(unusable{}))
	if err := l.RunUntilComplete(asyncio.CreateTask(l.Context(), after(time.Second, 1, nil))); err != nil {
		t.Error(err)
	}
}

func TestErrorOfTheNetworkIsReported(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		_, err := asyncio.Dial(ctx, "tcp", "127.0.0.1:1")
		wantErr(t, err, errBoom)
		_, err = asyncio.Listen(ctx, "tcp", "127.0.0.1:0")
		wantErr(t, err, errBoom)
		_, err = asyncio.LookupHost(ctx, "ip", "example.com")
		wantErr(t, err, errBoom)
		return nil
	}, onNetwork(unusable{}))
}

func onNetwork(n asyncio.Network) aiotest.Option {
	return aiotest.WithLoopOptions(asyncio.WithNetwork(n))
}

// unusable is a network that cannot be attached.
type unusable struct{}

func (unusable) Attach(*asyncio.EventLoop) (asyncio.Host, error) { return nil, errBoom }

func TestAddressLiteralsAreNotResolved(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		for _, host := range []string{"192.0.2.1", "2001:db8::1", "fe80::1%lo"} {
			got, err := asyncio.LookupHost(ctx, "ip", host)
			if err != nil || len(got) != 1 || got[0] != netip.MustParseAddr(host) {
				t.Errorf("%s: got %v, %v, want itself", host, got, err)
			}
		}
		return nil
	}, onNetwork(unusable{}))
}

func TestNamesAreResolvedOffTheLoopAndTogether(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		var asking []*asyncio.Task[[]netip.Addr]
		for range 5 {
			asking = append(asking, asyncio.CreateTask(ctx, func(ctx context.Context) ([]netip.Addr, error) {
				return asyncio.LookupHost(ctx, "ip4", "localhost")
			}))
		}
		results, err := asyncio.Gather(ctx, asking...).Await(ctx)
		if err != nil {
			t.Skipf("localhost cannot be resolved here: %v", err)
		}
		for _, got := range results {
			if len(got) == 0 || !got[0].IsLoopback() {
				t.Errorf("got %v, want a loopback address", got)
			}
		}
		results[0][0] = netip.Addr{}
		if !results[1][0].IsValid() {
			t.Error("tasks that shared a look-up share its result")
		}
		return nil
	})
}

func TestAddressesHaveNames(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		if names, err := asyncio.LookupAddr(ctx, netip.MustParseAddr("127.0.0.1")); err != nil {
			t.Logf("127.0.0.1 has no name here: %v", err)
		} else if !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "localhost") && !strings.HasSuffix(name, ".") }) {
			t.Errorf("got %q, want localhost", names)
		}
		var dns *net.DNSError
		if _, err := asyncio.LookupAddr(ctx, netip.Addr{}); !errors.As(err, &dns) {
			t.Errorf("got %v, want a DNS error", err)
		}
		asking := asyncio.CreateTask(ctx, func(ctx context.Context) ([]string, error) {
			return asyncio.LookupAddr(ctx, netip.MustParseAddr("::1"))
		})
		asking.Cancel(nil)
		if _, err := asking.Await(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the cancellation", err)
		}
		return nil
	})
}

// A path that no Unix socket can have is refused with an error that says how long it may be.
func TestUnixPathsThatAreTooLongSaySo(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		path := "/tmp/" + strings.Repeat("x", 200)
		_, listen := asyncio.Listen(ctx, "unix", path)
		_, dial := asyncio.Dial(ctx, "unix", path)
		_, packet := asyncio.ListenPacket(ctx, "unixgram", path)
		for name, err := range map[string]error{"listen": listen, "dial": dial, "packet": packet} {
			if !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "one has 205 bytes") {
				t.Errorf("%s: got %v, want the path and its length", name, err)
			}
		}
		return nil
	})
}

func TestCancelledLookupLeavesTheOthersAlone(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		look := func(ctx context.Context) ([]netip.Addr, error) {
			return asyncio.LookupHost(ctx, "ip4", "localhost")
		}
		first, second := asyncio.CreateTask(ctx, look), asyncio.CreateTask(ctx, look)
		if err := asyncio.Sleep(ctx, 0); err != nil { // both have asked
			return err
		}
		first.Cancel(errBoom)
		if _, err := second.Await(ctx); err != nil {
			t.Skipf("localhost cannot be resolved here: %v", err)
		}
		_, err := first.Await(ctx)
		if err != nil {
			wantErr(t, err, errBoom)
		}
		return nil
	})
}

func TestUnknownHostIsADNSErrorWithItsName(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		_, err := asyncio.Dial(ctx, "tcp", "no-such-host.invalid:80")
		var dns *net.DNSError
		if !errors.As(err, &dns) || dns.Name != "no-such-host.invalid" {
			t.Errorf("got %v, want a DNS error with the name", err)
		}
		return nil
	})
}

func TestMalformedAddressesAreReportedWithTheAddress(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		for _, c := range []struct{ network, address string }{
			{"tcp", "127.0.0.1"},
			{"tcp", "127.0.0.1:99999"},
			{"tcp", "127.0.0.1:-1"},
			{"tcp", "[::1:80"},
			{"tcp4", "[::1]:80"},
			{"tcp6", "127.0.0.1:80"},
			{"udp9", "127.0.0.1:80"},
			{"unix", ""},
		} {
			for op, do := range map[string]func() error{
				"dial":   func() error { _, err := asyncio.Dial(ctx, c.network, c.address); return err },
				"listen": func() error { _, err := asyncio.Listen(ctx, c.network, c.address); return err },
			} {
				err := do()
				var e *net.OpError
				if !errors.As(err, &e) || e.Op != op || e.Addr.String() != c.address {
					t.Errorf("%s %s %q: got %v, want a net.OpError with the address", op, c.network, c.address, err)
				}
			}
		}
		return nil
	})
}

func TestNothingOfAConnectionIsLeftWhenTheLoopIsClosed(t *testing.T) {
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("descriptors cannot be counted here")
		}
		return len(entries)
	}
	exercise := func() {
		onNetworks(t, func(ctx context.Context, t *testing.T) error {
			a, b := connPair(ctx, t)
			send(t, a, "unread")
			b.CloseWrite()
			listen(ctx, t)
			_, err := asyncio.CreateServer(ctx, func() asyncio.Protocol { return asyncio.BaseProtocol{} }, "tcp", "127.0.0.1:0")
			spawn(ctx, func(ctx context.Context) error {
				_, err := a.Read(make([]byte, 1))
				return err
			})
			return err
		})
	}
	exercise()
	before := count()
	exercise()
	if !settles(func() bool { return count() <= before }) {
		t.Errorf("%d descriptors, want %d as before", count(), before)
	}
}
