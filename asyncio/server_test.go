package asyncio_test

// Servers: how they begin, what they do for their handlers, and how they end.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/sock"
	"github.com/aio-go/aio/internal/sockdir"
)

// echoLines is a handler.
func echoLines(ctx context.Context, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
	for line, err := range r.Lines(ctx) {
		if err != nil {
			return err
		}
		w.Write(line)
		if err := w.Drain(ctx); err != nil {
			return err
		}
	}
	return nil
}

func startEcho(ctx context.Context, t *testing.T, opts ...asyncio.ListenOption) *asyncio.Server {
	t.Helper()
	s, err := asyncio.StartServer(ctx, echoLines, "tcp", "127.0.0.1:0", opts...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// open is OpenConnection to a server of this test.
func open(ctx context.Context, t *testing.T, s *asyncio.Server, opts ...asyncio.DialOption) end {
	t.Helper()
	r, w, err := asyncio.OpenConnection(ctx, s.Addr().Network(), s.Addr().String(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return end{r, w}
}

// wantEcho has a server echo a line.
func wantEcho(ctx context.Context, t *testing.T, c end) {
	t.Helper()
	send(t, c.w, "hello\n")
	line, err := c.r.ReadLine(ctx)
	wantBytes(t, line, err, "hello\n", nil)
}

func TestServerServesWhenItIsAsked(t *testing.T) { // SRV-01
	for name, network := range map[string]string{"tcp": "tcp", "unix": "unix"} {
		t.Run(name, func(t *testing.T) {
			onNetworks(t, func(ctx context.Context, t *testing.T) error {
				address := "127.0.0.1:0"
				if network == "unix" {
					address = filepath.Join(sockdir.New(t), "s")
				}
				s, err := asyncio.StartServer(ctx, echoLines, network, address, asyncio.WithStartServing(false))
				if err != nil {
					return err
				}
				if s.IsServing() {
					t.Error("serves before it is asked")
				}
				c := open(ctx, t, s)
				send(t, c.w, "early\n")
				for range 10 {
					asyncio.Sleep(ctx, 0)
				}
				if n := s.Connections(); n != 0 {
					t.Errorf("%d connections before it is asked", n)
				}
				serving := spawn(ctx, s.ServeForever)
				line, err := c.r.ReadLine(ctx)
				wantBytes(t, line, err, "early\n", nil)
				if !s.IsServing() {
					t.Error("does not say that it serves")
				}
				if err := s.ServeForever(ctx); err == nil || errors.Is(err, asyncio.ErrServerClosed) {
					t.Errorf("a second task in ServeForever: got %v, want an error", err)
				}
				serving.Cancel(errBoom)
				_, err = serving.Await(ctx)
				wantErr(t, err, errBoom)
				if s.IsServing() || s.Connections() != 0 {
					t.Error("cancelling ServeForever has not ended the server")
				}
				got, err := c.r.ReadAll(ctx)
				wantBytes(t, got, err, "", nil)
				wantErr(t, s.ServeForever(ctx), asyncio.ErrServerClosed)
				wantErr(t, s.StartServing(), asyncio.ErrServerClosed)
				return s.WaitClosed(ctx)
			})
		})
	}
}

func TestClosingAServerEndsServeForever(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		s := startEcho(ctx, t)
		if err := s.StartServing(); err != nil {
			t.Error("a second start:", err)
		}
		serving := spawn(ctx, s.ServeForever)
		c := open(ctx, t, s)
		wantEcho(ctx, t, c)
		if err := s.Close(); err != nil {
			return err
		}
		_, err := serving.Await(ctx)
		wantErr(t, err, asyncio.ErrServerClosed)
		wantEcho(ctx, t, c) // connections go on
		c.w.Close()
		return s.WaitClosed(ctx)
	})
}

func TestStreamServerClosesAndAbortsItsClients(t *testing.T) { // SRV-03
	for name, finish := range map[string]func(*asyncio.Server){
		"close": (*asyncio.Server).CloseClients,
		"abort": (*asyncio.Server).AbortClients,
	} {
		t.Run(name, func(t *testing.T) {
			onNetworks(t, func(ctx context.Context, t *testing.T) error {
				s, ends := streamServer(ctx, t)
				c := open(ctx, t, s)
				b, err := ends.Get(ctx)
				if err != nil {
					return err
				}
				size := slow(t, b.w) // full buffers
				s.Close()
				finish(s)
				n, err := io.Copy(io.Discard, c.r.Reader(ctx))
				if name == "close" && (int(n) != size || err != nil) || name == "abort" && int(n) == size {
					t.Errorf("%d of %d bytes arrived, %v", n, size, err)
				}
				return s.WaitClosed(ctx)
			})
		})
	}
}

func TestUnixSocketFileGoesWithTheServer(t *testing.T) { // SRV-04
	for name, c := range map[string]struct {
		opts    []asyncio.ListenOption
		between func(path string) error
		left    bool
	}{
		"removed":          {left: false},
		"replaced":         {left: true, between: func(path string) error { return errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600)) }},
		"gone":             {left: false, between: os.Remove},
		"cleanup disabled": {left: true, opts: []asyncio.ListenOption{asyncio.WithSocketCleanup(false)}},
	} {
		t.Run(name, func(t *testing.T) {
			onKernel(t, func(ctx context.Context, t *testing.T) error {
				path := filepath.Join(sockdir.New(t), "s")
				s, err := asyncio.StartUnixServer(ctx, echoLines, path, c.opts...)
				if err != nil {
					return err
				}
				wantEcho(ctx, t, open(ctx, t, s))
				if c.between != nil {
					if err := c.between(path); err != nil {
						return err
					}
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				if _, err := os.Lstat(path); (err == nil) != c.left {
					t.Errorf("got %v, want the file left behind: %v", err, c.left)
				}
				return nil
			})
		})
	}
}

func TestServerGoesOnAfterAnyErrorOfAccepting(t *testing.T) {
	for _, failure := range []syscall.Errno{syscall.EPROTO, syscall.EPERM, syscall.ENOSPC, syscall.EMFILE} {
		t.Run(failure.Error(), func(t *testing.T) {
			network := aiotest.NewNetwork()
			network.Inject(aiotest.FailAccept(failure).Times(2))
			simulate(t, func(ctx context.Context) error {
				var told reports
				told.listen(asyncio.RunningLoop(ctx))
				s := startEcho(ctx, t)
				defer s.Close()
				c := open(ctx, t, s)
				wantEcho(ctx, t, c)
				c.w.Close()
				if len(told) != 2 || !errors.Is(told[0].Err, failure) {
					t.Errorf("the exception handler was told %v, want %v twice", told, failure)
				}
				return nil
			}, aiotest.WithNetwork(network))
		})
	}
}

func TestFailedHandlerIsReportedAndItsConnectionEnds(t *testing.T) {
	for name, c := range map[string]struct {
		handle asyncio.StreamHandler
		report string
		reset  bool
	}{
		"error": {func(ctx context.Context, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
			r.ReadAll(ctx)
			w.WriteString("sorry")
			return errBoom
		}, "boom", false},
		"panic": {func(ctx context.Context, r *asyncio.StreamReader, _ *asyncio.StreamWriter) error {
			if _, err := r.ReadLine(ctx); err == nil {
				panic("bad handler")
			}
			return nil
		}, "bad handler", true},
		"end of stream": {func(ctx context.Context, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
			w.WriteString("sorry")
			w.WriteEOF()
			for {
				if _, err := r.ReadLine(ctx); err != nil {
					return err
				}
			}
		}, "", false},
		"closed here": {func(ctx context.Context, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
			r.ReadAll(ctx)
			w.WriteString("sorry")
			w.Close()
			_, err := w.WriteString("more")
			return err
		}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			onNetworks(t, func(ctx context.Context, t *testing.T) error {
				var told reports
				told.listen(asyncio.RunningLoop(ctx))
				s, err := asyncio.StartServer(ctx, c.handle, "tcp", "127.0.0.1:0")
				if err != nil {
					return err
				}
				client := open(ctx, t, s)
				client.w.WriteString("go\n")
				client.w.WriteEOF()
				got, err := client.r.ReadAll(ctx)
				if c.reset {
					if err == nil {
						t.Errorf("got %q, want a reset", got)
					}
				} else {
					wantBytes(t, got, err, "sorry", nil)
				}
				address := client.w.LocalAddr().String()
				client.w.Close()
				if err := s.Shutdown(ctx); err != nil {
					return err
				}
				switch {
				case c.report == "":
					if len(told) != 0 {
						t.Errorf("got %v, want no report of the end of a connection", told)
					}
				case len(told) != 1 || !strings.Contains(told[0].Err.Error(), c.report) || !strings.Contains(told[0].Message, address) || told[0].Task == nil:
					t.Errorf("got %+v, want one report of %q with %s", told, c.report, address)
				}
				return nil
			})
		})
	}
}

func TestHandlersRunUnderTheContextOfTheServer(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		type key struct{}
		var told reports
		told.listen(asyncio.RunningLoop(ctx))
		outer, cancel := context.WithCancelCause(context.WithValue(ctx, key{}, "value"))
		defer cancel(nil)
		ended := asyncio.NewFuture[error](ctx)
		s, err := asyncio.StartServer(outer, func(ctx context.Context, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
			if ctx.Value(key{}) != "value" {
				t.Error("the handler does not see the values")
			}
			w.WriteString("there\n")
			_, err := r.ReadLine(ctx)
			ended.SetResult(err)
			return err
		}, "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		c := open(ctx, t, s)
		if _, err := c.r.ReadLine(ctx); err != nil {
			return err
		}
		cancel(errBoom)
		cause, err := ended.Await(ctx)
		wantErr(t, cause, errBoom)
		if err != nil {
			return err
		}
		got, err := c.r.ReadAll(ctx)
		wantBytes(t, got, err, "", nil)
		if err := s.WaitClosed(ctx); err != nil || s.IsServing() {
			t.Errorf("got %v, want the server closed with its context", err)
		}
		_, err = asyncio.StartServer(outer, echoLines, "tcp", "127.0.0.1:0")
		wantErr(t, err, errBoom)
		if len(told) != 0 {
			t.Errorf("got reports %v of a cancellation", told)
		}
		return nil
	})
}

func TestServerOutlivesTheTaskThatStartedIt(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		s, err := asyncio.CreateTask(ctx, func(ctx context.Context) (*asyncio.Server, error) { return startEcho(ctx, t), nil }).Await(ctx)
		if err != nil {
			return err
		}
		wantEcho(ctx, t, open(ctx, t, s))
		return s.Close()
	})
}

func TestShutdownLetsHandlersFinish(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		s := startEcho(ctx, t)
		addr := s.Addr().String()
		c := open(ctx, t, s)
		wantEcho(ctx, t, c)
		down := spawn(ctx, s.Shutdown)
		asyncio.Sleep(ctx, 0)
		if _, _, err := asyncio.OpenConnection(ctx, "tcp", addr); err == nil {
			t.Error("a server that shuts down accepts")
		}
		wantEcho(ctx, t, c)
		if down.Done() {
			t.Error("Shutdown did not wait")
		}
		c.w.Close()
		_, err := down.Await(ctx)
		return err
	})
}

func TestShutdownEndsByForceWhatTakesTooLong(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		cause := asyncio.NewFuture[error](ctx)
		s, err := asyncio.StartServer(ctx, func(ctx context.Context, _ *asyncio.StreamReader, w *asyncio.StreamWriter) error {
			w.Write(pattern(16 << 20)) // never read
			err := asyncio.Sleep(ctx, time.Hour)
			cause.SetResult(err)
			return err
		}, "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		c := open(ctx, t, s)
		if _, err := c.r.ReadExactly(ctx, 1); err != nil {
			return err
		}
		soon, cancel := asyncio.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
		wantErr(t, s.Shutdown(soon), context.DeadlineExceeded)
		got, err := cause.Result()
		wantErr(t, err, nil)
		wantErr(t, got, asyncio.ErrServerClosed)
		if s.Connections() != 0 {
			t.Error("connections are left after Shutdown")
		}
		return nil
	})
}

func TestClosedConnectionDoesNotWaitForeverForItsPeer(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		a, b := streamPair(ctx, t, asyncio.WithShutdownTimeout(10*time.Millisecond))
		slow(t, a.w)
		a.w.Close()
		err := a.w.WaitClosed(ctx) // b never reads
		wantErr(t, err, asyncio.ErrShutdownTimeout)
		var op *net.OpError
		if !errors.As(err, &op) || op.Addr.String() != b.w.LocalAddr().String() || !op.Timeout() {
			t.Errorf("got %v, want a timeout with the address", err)
		}
		return nil
	})
}

func TestServerTakesAllAddressesOrNone(t *testing.T) {
	for name, c := range map[string]struct {
		fails  map[string]error
		want   error
		listen []string
	}{
		"all":               {nil, nil, []string{"192.0.2.1:80", "192.0.2.2:80"}},
		"one is in use":     {map[string]error{"192.0.2.2:80": syscall.EADDRINUSE}, syscall.EADDRINUSE, nil},
		"one is not here":   {map[string]error{"192.0.2.1:80": syscall.EADDRNOTAVAIL}, nil, []string{"192.0.2.2:80"}},
		"none is to be had": {map[string]error{"192.0.2.1:80": syscall.EADDRNOTAVAIL, "192.0.2.2:80": syscall.EAFNOSUPPORT}, syscall.EAFNOSUPPORT, nil},
		"none is permitted": {map[string]error{"192.0.2.1:80": syscall.EACCES}, syscall.EACCES, nil},
	} {
		t.Run(name, func(t *testing.T) {
			net := &doorNet{fails: c.fails}
			simulate(t, func(ctx context.Context) error {
				s, err := asyncio.StartServer(ctx, echoLines, "tcp", "host.example:80")
				wantErr(t, err, c.want)
				if err != nil && !strings.Contains(err.Error(), "host.example:80") {
					t.Errorf("got %v, want the address as it was given", err)
				}
				net.listening.want(t, c.listen...)
				if err == nil {
					return s.Close()
				}
				return nil
			}, onNetwork(net))
			if net.listening.want(t); t.Failed() {
				t.Error("sockets are left")
			}
		})
	}
}

// Where the system chooses the port it is one for all addresses, unless that is not to be had.
func TestServerHasOnePortOnAllAddresses(t *testing.T) {
	taken := func(ports ...int) map[string]error {
		fails := map[string]error{}
		for _, port := range ports {
			fails[fmt.Sprint("192.0.2.2:", port)] = syscall.EADDRINUSE
		}
		return fails
	}
	for name, c := range map[string]struct {
		fails  map[string]error
		listen []string
	}{
		"free":            {nil, []string{"192.0.2.1:1001", "192.0.2.2:1001"}},
		"taken":           {taken(1001, 1002), []string{"192.0.2.1:1003", "192.0.2.2:1003"}},
		"always taken":    {taken(1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008), []string{"192.0.2.1:1009", "192.0.2.2:1010"}},
		"one is not here": {map[string]error{"192.0.2.2:1001": syscall.EADDRNOTAVAIL}, []string{"192.0.2.1:1001"}},
	} {
		t.Run(name, func(t *testing.T) {
			net := &doorNet{fails: c.fails, port: 1000}
			simulate(t, func(ctx context.Context) error {
				s, err := asyncio.StartServer(ctx, echoLines, "tcp", "host.example:0")
				if err != nil {
					return err
				}
				net.listening.want(t, c.listen...)
				return s.Close()
			}, onNetwork(net))
		})
	}
}

// doorNet is a network of a host with two addresses, on some of which listening fails.
type doorNet struct {
	raceNet
	fails     map[string]error
	port      int // the last one chosen
	listening trace
}

func (n *doorNet) Attach(*asyncio.EventLoop) (asyncio.Host, error) { return n, nil }

func (n *doorNet) LookupHost(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}, nil
}

func (n *doorNet) Listen(_ string, at net.Addr, _ sock.ListenOptions) (sock.Listener, error) {
	if tcp := at.(*net.TCPAddr); tcp.Port == 0 {
		n.port++
		at = &net.TCPAddr{IP: tcp.IP, Port: n.port}
	}
	if err := n.fails[at.String()]; err != nil {
		return nil, err
	}
	n.listening.add("%v", at)
	return &door{net: n, at: at}, nil
}

type door struct {
	sock.Listener // what nobody uses here
	net           *doorNet
	at            net.Addr
}

func (d *door) SetNotify(func(sock.Ready)) {}
func (d *door) Ready() sock.Ready          { return 0 }
func (d *door) Addr() net.Addr             { return d.at }

func (d *door) Close() error {
	d.net.listening = slices.DeleteFunc(d.net.listening, func(at string) bool { return at == d.at.String() })
	return nil
}

func TestServerListensOnEveryAddressOfAHost(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		ips, err := asyncio.LookupHost(ctx, "ip", "localhost")
		if err != nil {
			t.Skipf("localhost cannot be resolved here: %v", err)
		}
		s, err := asyncio.StartServer(ctx, echoLines, "tcp", "localhost:0")
		if err != nil {
			return err
		}
		addrs := s.Addrs()
		if len(addrs) == 0 || len(addrs) > len(ips) || s.Addr().String() != addrs[0].String() {
			t.Errorf("got %v for %v", addrs, ips)
		}
		for _, a := range addrs {
			if a.(*net.TCPAddr).Port != s.Addr().(*net.TCPAddr).Port {
				t.Errorf("got %v, want one port", addrs)
			}
		}
		for _, a := range addrs {
			r, w, err := asyncio.OpenConnection(ctx, "tcp", a.String())
			if err != nil {
				return err
			}
			wantEcho(ctx, t, end{r, w})
			w.Close()
		}
		return s.Shutdown(ctx)
	})
}
