package asyncio_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/sockdir"
)

// datagrams is a protocol that keeps a record of its calls.
type datagrams struct {
	trace
	t        *asyncio.DatagramTransport
	got      []string
	from     []netip.AddrPort
	errs     []error
	received func(p []byte, from netip.AddrPort)
	lostErr  error
	lost     *asyncio.Future[none]
}

func newDatagrams(ctx context.Context) *datagrams {
	return &datagrams{lost: asyncio.NewFuture[none](ctx)}
}

func (d *datagrams) ConnectionMade(t *asyncio.DatagramTransport) {
	d.add("made")
	d.t = t
}

func (d *datagrams) DatagramReceived(p []byte, from netip.AddrPort) {
	d.got = append(d.got, string(p))
	d.from = append(d.from, from)
	if d.received != nil {
		d.received(p, from)
	}
}

func (d *datagrams) ErrorReceived(err error) { d.errs = append(d.errs, err) }

func (d *datagrams) ConnectionLost(err error) {
	d.add("lost")
	d.lostErr = err
	d.lost.SetResult(none{})
}

func (d *datagrams) PauseWriting()  { d.add("pause") }
func (d *datagrams) ResumeWriting() { d.add("resume") }

// unixDatagrams is datagrams that answers over Unix sockets.
type unixDatagrams struct{ *datagrams }

func (d unixDatagrams) UnixDatagramReceived(p []byte, from string) {
	d.got = append(d.got, string(p))
	d.t.SendToPath([]byte("to "+from), from)
}

func endpoint(ctx context.Context, t *testing.T, p asyncio.DatagramProtocol, network string, opts ...asyncio.DatagramOption) *asyncio.DatagramTransport {
	t.Helper()
	tr, err := asyncio.CreateDatagramEndpoint(ctx, p, network, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

var loopbackPort = asyncio.WithLocalAddr("127.0.0.1:0")

func addrPort(a net.Addr) netip.AddrPort { return a.(*net.UDPAddr).AddrPort() }

func unixPath(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no Unix sockets for datagrams here")
	}
	return filepath.Join(sockdir.New(t), "s")
}

func TestDatagramEndpointsExchangeDatagrams(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		server, client := newDatagrams(ctx), newDatagrams(ctx)
		s := endpoint(ctx, t, server, "udp", loopbackPort)
		server.received = func(p []byte, from netip.AddrPort) { s.SendTo(append([]byte("re: "), p...), from) }
		c := endpoint(ctx, t, client, "udp", asyncio.WithRemoteAddr(s.LocalAddr().String()))
		c.SendTo([]byte("one"), netip.AddrPort{})
		c.SendTo(nil, netip.AddrPort{})
		c.SendTo([]byte("three"), addrPort(s.LocalAddr()))
		until(ctx, t, "the answers", func() bool { return len(client.got) == 3 })
		if got := strings.Join(client.got, ","); got != "re: one,re: ,re: three" {
			t.Errorf("got %q", got)
		}
		if got, want := server.from[0], addrPort(c.LocalAddr()); got != want {
			t.Errorf("the sender is %v, want %v", got, want)
		}
		if s.RemoteAddr() != nil || c.RemoteAddr().String() != s.LocalAddr().String() {
			t.Errorf("the peers are %v and %v", s.RemoteAddr(), c.RemoteAddr())
		}
		c.Close()
		c.Close()
		if c.SendTo([]byte("too late"), netip.AddrPort{}); !c.IsClosing() {
			t.Error("a closed transport is not closing")
		}
		s.Abort()
		if _, err := client.lost.Await(ctx); err != nil {
			return err
		}
		_, err := server.lost.Await(ctx)
		client.want(t, "made", "lost")
		server.want(t, "made", "lost")
		if client.lostErr != nil || server.lostErr != nil || len(client.errs)+len(server.errs) > 0 {
			t.Errorf("errors: %v, %v, %v, %v", client.lostErr, server.lostErr, client.errs, server.errs)
		}
		return err
	})
}

func TestDatagramsOverUnixSocketsTellTheSendersPath(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		path := unixPath(t)
		server := unixDatagrams{newDatagrams(ctx)}
		endpoint(ctx, t, server, "unixgram", asyncio.WithLocalAddr(path+"1"))
		client := newDatagrams(ctx)
		c := endpoint(ctx, t, client, "unixgram", asyncio.WithLocalAddr(path+"2"), asyncio.WithRemoteAddr(path+"1"))
		large := string(pattern(100_000)) // more than a datagram of UDP carries
		c.SendToPath([]byte(large), "")
		until(ctx, t, "the answer", func() bool { return len(client.got) == 1 })
		if server.got[0] != large || client.got[0] != "to "+path+"2" {
			t.Errorf("the server got %d bytes, the client %q", len(server.got[0]), client.got)
		}
		return nil
	})
}

func TestPortWhereNobodyListensIsAnErrorReceived(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		nobody, err := asyncio.ListenPacket(ctx, "udp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		addr := nobody.LocalAddr().String()
		nobody.Close()
		p := newDatagrams(ctx)
		tr := endpoint(ctx, t, p, "udp", asyncio.WithRemoteAddr(addr))
		for i := 1; i <= 3; i++ {
			tr.SendTo([]byte("hello?"), netip.AddrPort{})
			until(ctx, t, "the error", func() bool { return len(p.errs) >= i })
		}
		var op *net.OpError
		if !errors.As(p.errs[0], &op) || !errors.Is(op, syscall.ECONNREFUSED) || op.Addr.String() != addr {
			t.Errorf("got %v, want ECONNREFUSED with the address", p.errs[0])
		}
		if tr.IsClosing() {
			t.Error("the transport does not go on")
		}
		return nil
	})
}

func TestDatagramsThatCannotBeSentAreErrorsReceived(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		server, p, q := newDatagrams(ctx), newDatagrams(ctx), newDatagrams(ctx)
		s := endpoint(ctx, t, server, "udp4", loopbackPort)
		c := endpoint(ctx, t, p, "udp4", asyncio.WithRemoteAddr(s.LocalAddr().String()))
		u := endpoint(ctx, t, q, "udp4", loopbackPort)
		elsewhere := netip.MustParseAddrPort("127.0.0.1:9")
		c.SendTo(make([]byte, 70_000), netip.AddrPort{})
		c.SendTo([]byte("x"), elsewhere)
		u.SendTo([]byte("x"), netip.AddrPort{})
		u.SendTo([]byte("x"), netip.MustParseAddrPort("[::1]:9"))
		if len(p.errs)+len(q.errs) > 0 {
			t.Error("a protocol was called from inside SendTo")
		}
		c.SendTo([]byte("fits"), netip.AddrPort{})
		until(ctx, t, "the datagram", func() bool { return len(server.got) == 1 && len(p.errs)+len(q.errs) == 4 })
		var large *asyncio.DatagramTooLargeError
		if !errors.As(p.errs[0], &large) || large.Size != 70_000 || !strings.Contains(p.errs[0].Error(), s.LocalAddr().String()) {
			t.Errorf("got %v, want a DatagramTooLargeError with size and address", p.errs[0])
		}
		if !errors.Is(p.errs[1], net.ErrWriteToConnected) {
			t.Errorf("got %v, want net.ErrWriteToConnected", p.errs[1])
		}
		for _, err := range q.errs {
			var op *net.OpError
			if !errors.As(err, &op) || op.Op != "write" {
				t.Errorf("got %v, want a net.OpError of writing", err)
			}
		}
		return nil
	})
}

func TestFullReceiverPausesTheDatagramProtocol(t *testing.T) {
	for _, connected := range []bool{true, false} {
		t.Run(fmt.Sprint("connected=", connected), func(t *testing.T) {
			onNetworks(t, func(ctx context.Context, t *testing.T) error {
				path := unixPath(t)
				receiver, err := asyncio.ListenPacket(ctx, "unixgram", path+"1")
				if err != nil {
					return err
				}
				p := newDatagrams(ctx)
				opts, to := []asyncio.DatagramOption{asyncio.WithRemoteAddr(path + "1")}, ""
				if !connected {
					opts, to = []asyncio.DatagramOption{asyncio.WithLocalAddr(path + "2")}, path+"1"
				}
				c := endpoint(ctx, t, p, "unixgram", opts...)
				c.SetWriteBufferLimits(3*(8+1000), 8+1000)
				if err := asyncio.Sleep(ctx, 0); err != nil {
					return err
				}
				sent := 0
				for ; len(p.trace) == 1; sent++ {
					c.SendToPath(fmt.Appendf(nil, "%1000d", sent), to)
				}
				if got, want := c.WriteBufferSize(), 4*(8+1000); got != want {
					t.Errorf("%d bytes are buffered, want %d", got, want)
				}
				c.SendToPath(fmt.Appendf(nil, "%1000d", sent), to)
				buf := make([]byte, 2000)
				for i := range sent + 1 {
					n, err := receiver.Read(buf)
					if want := fmt.Sprintf("%1000d", i); err != nil || string(buf[:n]) != want {
						t.Fatalf("datagram %d: got %q, %v", i, buf[:n], err)
					}
					if i == sent/2 {
						c.SetWriteBufferLimits(3*(8+1000), 8+1000)
					}
				}
				until(ctx, t, "resuming", func() bool { return len(p.trace) > 2 })
				p.want(t, "made", "pause", "resume")
				return nil
			})
		})
	}
}

func TestCloseSendsWhatIsBufferedAndAbortDoesNot(t *testing.T) {
	for _, abort := range []bool{false, true} {
		t.Run(fmt.Sprint("abort=", abort), func(t *testing.T) {
			onNetworks(t, func(ctx context.Context, t *testing.T) error {
				path := unixPath(t)
				receiver, err := asyncio.ListenPacket(ctx, "unixgram", path)
				if err != nil {
					return err
				}
				p := newDatagrams(ctx)
				c := endpoint(ctx, t, p, "unixgram", asyncio.WithRemoteAddr(path))
				sent := 0
				for c.WriteBufferSize() < 100*(8+2) {
					c.SendToPath([]byte("xx"), "")
					sent++
				}
				end := c.Close
				if abort {
					end = c.Abort
				}
				end()
				if c.WriteBufferSize() > 0 == abort {
					t.Errorf("%d bytes are buffered", c.WriteBufferSize())
				}
				if abort {
					_, err := p.lost.Await(ctx)
					return err
				}
				buf := make([]byte, 10)
				for range sent {
					if _, err := receiver.Read(buf); err != nil {
						return err
					}
				}
				_, err = p.lost.Await(ctx)
				p.want(t, "made", "lost")
				return err
			})
		})
	}
}

func TestFloodOfDatagramsDoesNotStarveTimers(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		l := asyncio.RunningLoop(ctx)
		p := newDatagrams(ctx)
		s := endpoint(ctx, t, p, "udp4", loopbackPort)
		self := addrPort(s.LocalAddr())
		longest, streak, flood := 0, 0, 20_000
		if strings.HasSuffix(t.Name(), "portable") {
			flood = 500 // each comes by two goroutines, which get little time beside a busy loop
		}
		p.received = func([]byte, netip.AddrPort) {
			streak++
			longest = max(longest, streak)
			s.SendTo([]byte("again"), self)
			s.SendTo([]byte("and again"), self) // more and more: what is too much gets lost
		}
		s.SendTo([]byte("first"), self)
		ticks := 0
		var tick func()
		tick = func() {
			streak = 0
			ticks++
			l.CallLater(0, tick)
		}
		tick()
		until(ctx, t, "the flood", func() bool { return len(p.got) > flood })
		if longest > 64 || ticks < flood/64 {
			t.Errorf("%d datagrams without a timer in between, want at most 64; %d ticks", longest, ticks)
		}
		p.received = nil
		s.Abort()
		return asyncio.Sleep(ctx, time.Millisecond)
	})
}

func TestPanickingDatagramProtocolLosesItsSocket(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		var told reports
		told.listen(asyncio.RunningLoop(ctx))
		p := newDatagrams(ctx)
		p.received = func([]byte, netip.AddrPort) { panic(errBoom) }
		s := endpoint(ctx, t, p, "udp4", loopbackPort)
		s.SendTo([]byte("x"), addrPort(s.LocalAddr()))
		if _, err := p.lost.Await(ctx); err != nil {
			return err
		}
		if len(told) != 1 || !errors.Is(told[0].Err, errBoom) || p.lostErr == nil {
			t.Errorf("the handler was told %v, the protocol %v", told, p.lostErr)
		}
		if n := asyncio.RunningLoop(ctx).Stats().Sockets; n != 0 {
			t.Errorf("%d sockets are open", n)
		}
		return nil
	})
}

func TestDatagramOptionsReachTheSocket(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		var seen []string
		control := asyncio.WithDatagramControl(func(network, address string, c syscall.RawConn) error {
			seen = append(seen, network+" "+address)
			return nil
		})
		first := endpoint(ctx, t, newDatagrams(ctx), "udp", loopbackPort, asyncio.WithDatagramReusePort(), asyncio.WithBroadcast(), control)
		endpoint(ctx, t, newDatagrams(ctx), "udp", asyncio.WithLocalAddr(first.LocalAddr().String()), asyncio.WithDatagramReusePort())
		if len(seen) != 1 || seen[0] != "udp4 127.0.0.1:0" {
			t.Errorf("the control function saw %q", seen)
		}
		_, err := asyncio.CreateDatagramEndpoint(ctx, newDatagrams(ctx), "udp", asyncio.WithLocalAddr(first.LocalAddr().String()))
		wantErr(t, err, syscall.EADDRINUSE)
		_, err = asyncio.CreateDatagramEndpoint(ctx, newDatagrams(ctx), "unixgram")
		var op *net.OpError
		if !errors.As(err, &op) {
			t.Errorf("got %v, want a net.OpError", err)
		}
		return nil
	})
}
