package asyncio_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/sock"
	"github.com/aio-go/aio/internal/sockdir"
)

func TestRefusedDialNamesTheAddress(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		ln := listen(ctx, t)
		addr := ln.Addr().String()
		ln.Close()
		_, err := asyncio.Dial(ctx, "tcp", addr)
		wantErr(t, err, syscall.ECONNREFUSED)
		var op *net.OpError
		if !errors.As(err, &op) || op.Op != "dial" || op.Addr.String() != addr {
			t.Errorf("got %v, want a net.OpError of dial with %s", err, addr)
		}
		return nil
	})
}

func TestDialEmptyHostIsThisMachine(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		ln := listen(ctx, t)
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		c, err := asyncio.Dial(ctx, "tcp", ":"+port)
		if err != nil {
			return err
		}
		return c.Close()
	})
}

func TestDialerOptionsReachTheSocket(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		ln := listen(ctx, t)
		var seen string
		d := &asyncio.Dialer{
			LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)},
			Control:   func(network, address string, _ syscall.RawConn) error { seen = network + " " + address; return nil },
			KeepAlive: net.KeepAliveConfig{Idle: time.Minute},
		}
		c, err := d.DialContext(ctx, "tcp", ln.Addr().String())
		if err != nil {
			return err
		}
		if want := "tcp4 " + ln.Addr().String(); seen != want {
			t.Errorf("Control saw %q, want %q", seen, want)
		}
		if got, _, _ := net.SplitHostPort(c.LocalAddr().String()); got != "127.0.0.2" {
			t.Errorf("dialled from %s, want 127.0.0.2", got)
		}
		d.Control = func(string, string, syscall.RawConn) error { return errBoom }
		_, err = d.Dial(ctx, "tcp", ln.Addr().String())
		wantErr(t, err, errBoom)
		return nil
	})
}

// fixedResolver resolves every name to the same addresses.
type fixedResolver []string

func (r fixedResolver) LookupHost(context.Context, string, string) (ips []netip.Addr, err error) {
	for _, a := range r {
		ips = append(ips, netip.MustParseAddr(a))
	}
	return ips, nil
}

func TestEveryAddressThatFailedIsReported(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		ln := listen(ctx, t)
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		ln.Close()
		d := &asyncio.Dialer{Resolver: fixedResolver{"127.0.0.1", "127.0.0.2"}}
		_, err := d.Dial(ctx, "tcp", "twice.example:"+port)
		var e *asyncio.DialError
		if !errors.As(err, &e) || len(e.Errors) != 2 {
			t.Fatalf("got %v, want a DialError of two", err)
		}
		wantErr(t, err, syscall.ECONNREFUSED)
		for _, want := range []string{"twice.example:" + port, "127.0.0.1:" + port, "127.0.0.2:" + port} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not contain %q", err, want)
			}
		}
		return nil
	})
}

func TestResolverWithoutSuitableAddressIsReported(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		d := &asyncio.Dialer{Resolver: fixedResolver{"127.0.0.1"}}
		_, err := d.Dial(ctx, "tcp6", "four.example:80")
		var e *net.DNSError
		if !errors.As(err, &e) || !e.IsNotFound {
			t.Errorf("got %v, want a DNS error", err)
		}
		return nil
	})
}

// The races run on a network in which nothing happens but what the test says: see raceNet.

func TestNextAddressIsTriedAfterTheHeadStart(t *testing.T) { // RACE-01
	race := &raceNet{outcome: map[string]outcome{
		"192.0.2.1:80":     {after: time.Hour},
		"[2001:db8::1]:80": {after: 100 * time.Millisecond},
		"192.0.2.2:80":     {after: time.Millisecond},
	}}
	simulate(t, func(ctx context.Context) error {
		d := &asyncio.Dialer{Resolver: fixedResolver{"192.0.2.1", "192.0.2.2", "2001:db8::1"}}
		c, err := d.Dial(ctx, "tcp", "host.example:80")
		if err != nil {
			return err
		}
		if got := c.RemoteAddr().String(); got != "[2001:db8::1]:80" {
			t.Errorf("connected to %s, want the second", got)
		}
		race.began.want(t, "0s 192.0.2.1:80", "250ms [2001:db8::1]:80")
		race.ended.want(t, "350ms abort 192.0.2.1:80")
		return nil
	}, onNetwork(race))
}

func TestNextAddressIsTriedAtOnceWhenOneFails(t *testing.T) { // RACE-01
	race := &raceNet{outcome: map[string]outcome{
		"192.0.2.1:80":     {after: 10 * time.Millisecond, err: syscall.ECONNREFUSED},
		"[2001:db8::1]:80": {after: 10 * time.Millisecond, err: syscall.EHOSTUNREACH},
		"192.0.2.2:80":     {after: 10 * time.Millisecond},
	}}
	simulate(t, func(ctx context.Context) error {
		d := &asyncio.Dialer{Resolver: fixedResolver{"192.0.2.1", "192.0.2.2", "2001:db8::1"}}
		if _, err := d.Dial(ctx, "tcp", "host.example:80"); err != nil {
			return err
		}
		race.began.want(t, "0s 192.0.2.1:80", "10ms [2001:db8::1]:80", "20ms 192.0.2.2:80")
		return nil
	}, onNetwork(race))
}

func TestNegativeHeadStartTriesOneAddressAtATime(t *testing.T) {
	race := &raceNet{outcome: map[string]outcome{
		"192.0.2.1:80": {after: time.Minute, err: syscall.ETIMEDOUT},
		"192.0.2.2:80": {after: time.Second},
	}}
	simulate(t, func(ctx context.Context) error {
		d := &asyncio.Dialer{Resolver: fixedResolver{"192.0.2.1", "192.0.2.2"}, HappyEyeballsDelay: -1}
		if _, err := d.Dial(ctx, "tcp", "host.example:80"); err != nil {
			return err
		}
		race.began.want(t, "0s 192.0.2.1:80", "1m0s 192.0.2.2:80")
		return nil
	}, onNetwork(race))
}

func TestFamiliesAlternateFromWhereItIsSaid(t *testing.T) {
	hosts := fixedResolver{"2001:db8::1", "2001:db8::2", "192.0.2.1", "2001:db8::3", "192.0.2.2", "192.0.2.3"}
	for lead, want := range map[int]string{
		-1: "v6.1 v6.2 v4.1 v6.3 v4.2 v4.3", 0: "v6.1 v4.1 v6.2 v4.2 v6.3 v4.3", 1: "v6.1 v4.1 v6.2 v4.2 v6.3 v4.3",
		2: "v6.1 v6.2 v4.1 v6.3 v4.2 v4.3", 3: "v6.1 v6.2 v6.3 v4.1 v4.2 v4.3", 9: "v6.1 v6.2 v6.3 v4.1 v4.2 v4.3",
	} {
		race := &raceNet{outcome: map[string]outcome{}}
		for _, host := range hosts {
			race.outcome[net.JoinHostPort(host, "80")] = outcome{after: time.Millisecond, err: syscall.ECONNREFUSED}
		}
		simulate(t, func(ctx context.Context) error {
			_, err := (&asyncio.Dialer{Resolver: hosts, Interleave: lead}).Dial(ctx, "tcp", "host.example:80")
			var tried *asyncio.DialError
			if !errors.As(err, &tried) {
				return err
			}
			var order []string
			for _, err := range tried.Errors {
				var op *net.OpError
				errors.As(err, &op)
				name := strings.NewReplacer("192.0.2.", "v4.", "[2001:db8::", "v6.", "]", "", ":80", "").Replace(op.Addr.String())
				order = append(order, name)
			}
			if got := strings.Join(order, " "); got != want {
				t.Errorf("interleave %d: tried %s, want %s", lead, got, want)
			}
			return nil
		}, onNetwork(race))
	}
}

func TestKnownAddressesAreTriedWithoutLookingThemUp(t *testing.T) {
	ips, _ := fixedResolver{"192.0.2.1", "192.0.2.2", "2001:db8::1"}.LookupHost(context.Background(), "", "")
	for network, want := range map[string][]string{
		"tcp":  {"0s 192.0.2.1:80", "250ms [2001:db8::1]:80", "500ms 192.0.2.2:80"},
		"tcp4": {"0s 192.0.2.1:80", "250ms 192.0.2.2:80"},
		"tcp6": {"0s [2001:db8::1]:80"},
	} {
		race := &raceNet{outcome: map[string]outcome{}}
		for _, ip := range ips {
			race.outcome[netip.AddrPortFrom(ip, 80).String()] = outcome{after: time.Second, err: syscall.ECONNREFUSED}
		}
		simulate(t, func(ctx context.Context) error {
			_, err := new(asyncio.Dialer).DialAddrs(ctx, network, ips, 80)
			wantErr(t, err, syscall.ECONNREFUSED)
			var many *asyncio.DialError
			if text := "dial " + network + ": "; errors.As(err, &many) && !strings.HasPrefix(err.Error(), text) {
				t.Errorf("got %q, want a text that begins with %q", err, text)
			}
			race.began.want(t, want...)
			return nil
		}, onNetwork(race))
	}
}

func TestKnownAddressesThatCannotBeTriedAreRefused(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		four := []netip.Addr{netip.MustParseAddr("192.0.2.1")}
		for network, want := range map[string]string{
			"tcp6": "dial tcp6: no address of the network's family",
			"udp":  "dial udp: unknown network udp",
		} {
			if _, err := new(asyncio.Dialer).DialAddrs(ctx, network, four, 80); err == nil || err.Error() != want {
				t.Errorf("network %s: got %v, want %s", network, err, want)
			}
		}
		return nil
	}, onNetwork(&raceNet{}))
}

func TestCancelledDialGivesItsAttemptsUp(t *testing.T) {
	race := &raceNet{outcome: map[string]outcome{"192.0.2.1:80": {after: time.Hour}, "192.0.2.2:80": {after: time.Hour}}}
	simulate(t, func(ctx context.Context) error {
		d := &asyncio.Dialer{Resolver: fixedResolver{"192.0.2.1", "192.0.2.2"}}
		_, err := asyncio.Timeout(ctx, time.Second, func(ctx context.Context) (*asyncio.Conn, error) {
			return d.Dial(ctx, "tcp", "host.example:80")
		})
		wantErr(t, err, context.DeadlineExceeded)
		race.ended.want(t, "1s abort 192.0.2.1:80", "1s abort 192.0.2.2:80")
		return nil
	}, onNetwork(race))
}

// raceNet is a network of hosts that answer after a while, or do not.
type raceNet struct {
	loop    *asyncio.EventLoop
	outcome map[string]outcome
	began   trace
	ended   trace
}

type outcome struct {
	after time.Duration
	err   error
}

func (n *raceNet) Attach(l *asyncio.EventLoop) (asyncio.Host, error) {
	n.loop = l
	return n, nil
}

func (n *raceNet) Dial(_ string, to net.Addr, _ *sock.DialOptions) (sock.Stream, error) {
	o := n.outcome[to.String()]
	n.began.add("%v %v", n.loop.Time(), to)
	s := &raceStream{net: n, to: to, err: sock.ErrWouldBlock}
	s.timer = n.loop.CallLater(o.after, func() {
		s.err = o.err
		s.notify(sock.Writable)
	})
	return s, nil
}

func (n *raceNet) Listen(string, net.Addr, sock.ListenOptions) (sock.Listener, error) {
	return nil, sock.ErrUnsupported
}

func (n *raceNet) OpenPacket(string, net.Addr, net.Addr, sock.PacketOptions) (sock.Packet, error) {
	return nil, sock.ErrUnsupported
}

func (n *raceNet) LookupHost(context.Context, string, string) ([]netip.Addr, error) {
	return nil, sock.ErrUnsupported
}

func (n *raceNet) LookupPort(context.Context, string, string) (int, error) {
	return 0, sock.ErrUnsupported
}

func (n *raceNet) Close() error { return nil }

type raceStream struct {
	sock.Stream // what a race does not use
	net         *raceNet
	to          net.Addr
	err         error
	notify      func(sock.Ready)
	timer       *asyncio.TimerHandle
}

func (s *raceStream) SetNotify(f func(sock.Ready)) { s.notify = f }
func (s *raceStream) ConnectResult() error         { return s.err }
func (s *raceStream) RemoteAddr() net.Addr         { return s.to }
func (s *raceStream) Close() error                 { return nil }

func (s *raceStream) Abort() error {
	s.timer.Cancel()
	s.net.ended.add("%v abort %v", s.net.loop.Time(), s.to)
	return nil
}

func TestFamiliesAlternate(t *testing.T) {
	race := &raceNet{outcome: map[string]outcome{}}
	ips := fixedResolver{"2001:db8::1", "2001:db8::2", "192.0.2.1", "2001:db8::3", "192.0.2.2"}
	var want []string
	for _, i := range []int{0, 2, 1, 4, 3} {
		addr := net.JoinHostPort(ips[i], "80")
		race.outcome[addr] = outcome{after: time.Millisecond, err: syscall.ECONNREFUSED}
		want = append(want, addr)
	}
	simulate(t, func(ctx context.Context) error {
		_, err := (&asyncio.Dialer{Resolver: ips}).Dial(ctx, "tcp", "host.example:80")
		wantErr(t, err, syscall.ECONNREFUSED)
		var got []string
		for _, line := range race.began {
			got = append(got, line[strings.IndexByte(line, ' ')+1:])
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		return nil
	}, onNetwork(race))
}

func needsFullBacklog(t *testing.T) {
	t.Helper()
	switch {
	case strings.HasSuffix(t.Name(), "portable"):
		t.Skip("package net sets the length of the backlog itself")
	case strings.HasSuffix(t.Name(), "native") && runtime.GOOS != "linux":
		t.Skip("the system refuses where the backlog is full")
	}
}

// A Unix socket has no place in a backlog that is full, and is not told when there is room.
func TestFullBacklogOfUnixSocketMakesDialsWait(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		needsFullBacklog(t)
		const dials = 6
		ln, err := asyncio.Listen(ctx, "unix", filepath.Join(sockdir.New(t), "s"), asyncio.WithBacklog(1))
		if err != nil {
			return err
		}
		address, own := ln.Addr().String(), filepath.Join(sockdir.New(t), "own")
		connected := 0
		for i := range dials {
			d := new(asyncio.Dialer)
			if i == dials-1 && !strings.HasSuffix(t.Name(), simulated) {
				d.LocalAddr = &net.UnixAddr{Name: own, Net: "unix"} // is bound anew at each attempt
			}
			asyncio.CreateTask(ctx, func(ctx context.Context) (none, error) {
				c, err := d.Dial(ctx, "unix", address)
				if err != nil {
					t.Error(err)
					return none{}, nil
				}
				connected++
				return none{}, c.Close()
			})
		}
		until(ctx, t, "some connections", func() bool { return connected > 0 })
		_, err = asyncio.Timeout(ctx, 50*time.Millisecond, func(ctx context.Context) (*asyncio.Conn, error) {
			return asyncio.Dial(ctx, "unix", address)
		})
		wantErr(t, err, context.DeadlineExceeded)
		if connected == dials {
			t.Error("the backlog was never full")
		}
		for range dials {
			c, err := ln.Accept(ctx)
			if err != nil {
				return err
			}
			c.Close()
		}
		until(ctx, t, "the others", func() bool { return connected == dials })
		return nil
	})
}

func TestDialThatWaitsForBacklogHearsThatTheListenerIsGone(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		needsFullBacklog(t)
		ln, err := asyncio.Listen(ctx, "unix", filepath.Join(sockdir.New(t), "s"), asyncio.WithBacklog(1))
		if err != nil {
			return err
		}
		address := ln.Addr().String()
		asyncio.RunningLoop(ctx).CallLater(20*time.Millisecond, func() { ln.Close() })
		for {
			c, err := asyncio.Dial(ctx, "unix", address)
			if err == nil {
				defer c.Close()
				continue
			}
			if !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("got %v, want that nobody listens", err)
			}
			return nil
		}
	})
}

func TestRefusedDialLeavesNoFileBehind(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		path := unixPath(t)
		ln, err := asyncio.Listen(ctx, "unix", path, asyncio.WithSocketCleanup(false))
		if err != nil {
			return err
		}
		ln.Close()
		d := &asyncio.Dialer{LocalAddr: &net.UnixAddr{Name: path + "own", Net: "unix"}}
		for range 2 { // the second finds nothing in its place
			_, err = d.Dial(ctx, "unix", path)
			wantErr(t, err, syscall.ECONNREFUSED)
		}
		return nil
	})
}
