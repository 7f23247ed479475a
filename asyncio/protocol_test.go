package asyncio_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func echoServer(ctx context.Context, t *testing.T) *asyncio.Server {
	t.Helper()
	s, err := asyncio.CreateServer(ctx, func() asyncio.Protocol { return new(echoProtocol) }, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestServerServesManyConnectionsWithoutTasks(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		s := echoServer(ctx, t)
		var conns []*asyncio.Conn
		for range 100 {
			c, err := asyncio.Dial(ctx, "tcp", s.Addr().String())
			if err != nil {
				return err
			}
			conns = append(conns, c)
			send(t, c, "hello")
		}
		for _, c := range conns {
			wantRead(t, c, "hello")
		}
		if got := s.Connections(); got != 100 {
			t.Errorf("%d connections, want 100", got)
		}
		if got := len(asyncio.AllTasks(ctx)); got != 1 {
			t.Errorf("%d tasks, want this one", got)
		}
		for _, c := range conns {
			c.Close()
		}
		until(ctx, t, "the connections to end", func() bool { return s.Connections() == 0 })
		return nil
	})
}

func TestClosedServerLetsItsConnectionsGoOn(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		s := echoServer(ctx, t)
		addr := s.Addr().String()
		c, err := asyncio.Dial(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		send(t, c, "one")
		wantRead(t, c, "one")
		closing := spawn(ctx, func(ctx context.Context) error { return s.WaitClosed(ctx) })
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("closing again: %v", err)
		}
		if _, err := asyncio.Dial(ctx, "tcp", addr); err == nil {
			t.Error("a closed server accepts")
		}
		send(t, c, "two")
		wantRead(t, c, "two")
		if closing.Done() {
			t.Error("WaitClosed did not wait for the connection")
		}
		c.Close()
		if _, err := closing.Await(ctx); err != nil {
			return err
		}
		return s.WaitClosed(ctx)
	})
}

func TestServerClosesAndAbortsItsClients(t *testing.T) { // SRV-03
	for name, end := range map[string]func(*asyncio.Server){
		"close": (*asyncio.Server).CloseClients,
		"abort": (*asyncio.Server).AbortClients,
	} {
		t.Run(name, func(t *testing.T) {
			onNetworks(t, func(ctx context.Context, t *testing.T) error {
				var made []*recorder
				s, err := asyncio.CreateServer(ctx, func() asyncio.Protocol {
					made = append(made, newRecorder(ctx))
					return made[len(made)-1]
				}, "tcp", "127.0.0.1:0")
				if err != nil {
					return err
				}
				c, err := asyncio.Dial(ctx, "tcp", s.Addr().String())
				if err != nil {
					return err
				}
				until(ctx, t, "the connection", func() bool { return len(made) == 1 && made[0].t != nil })
				const size = 8 << 20
				made[0].t.Write(pattern(size)) // more than the socket takes
				s.Close()
				end(s)
				n, _ := io.Copy(io.Discard, c)
				if name == "close" && n != size || name == "abort" && n == size {
					t.Errorf("%d of %d bytes arrived", n, size)
				}
				return s.WaitClosed(ctx)
			})
		})
	}
}

func TestPanickingFactoryCostsOneConnectionOnly(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		var told reports
		told.listen(asyncio.RunningLoop(ctx))
		first := true
		s, err := asyncio.CreateServer(ctx, func() asyncio.Protocol {
			if first {
				first = false
				panic("bad factory")
			}
			return new(echoProtocol)
		}, "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		a, err := asyncio.Dial(ctx, "tcp", s.Addr().String())
		if err == nil { // else it was reset before it was noticed to be there
			_, err = a.Read(make([]byte, 1))
		}
		if err == nil {
			t.Error("the first connection lives")
		}
		b, err := asyncio.Dial(ctx, "tcp", s.Addr().String())
		if err != nil {
			return err
		}
		send(t, b, "hello")
		wantRead(t, b, "hello")
		if len(told) != 1 || !strings.Contains(told[0].Err.Error(), "bad factory") {
			t.Errorf("the exception handler was told %v", told)
		}
		return nil
	})
}

func TestCreateConnectionCallsAProtocol(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		s := echoServer(ctx, t)
		r := newRecorder(ctx)
		r.made = func(tr *asyncio.Transport) { tr.Write([]byte("hello")) }
		tr, err := asyncio.CreateConnection(ctx, r, "tcp", s.Addr().String())
		if err != nil {
			return err
		}
		until(ctx, t, "the echo", func() bool { return r.received.String() == "hello" })
		tr.Close()
		if _, err := r.lost.Await(ctx); err != nil {
			return err
		}
		_, err = asyncio.CreateConnection(ctx, r, "tcp", "127.0.0.1")
		if err == nil {
			t.Error("no error for an address without a port")
		}
		return nil
	})
}

func TestServersShareTheLoopFairly(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		// One connection that always has more to read does not keep a timer waiting.
		r := newRecorder(ctx)
		r.data = func([]byte) { r.received.Reset() }
		_, peer := callPair(ctx, t, r)
		flood := spawn(ctx, func(ctx context.Context) error {
			piece := pattern(1 << 20)
			for {
				if _, err := peer.Write(piece); err != nil {
					return err
				}
				if err := asyncio.Sleep(ctx, 0); err != nil {
					return err
				}
			}
		})
		start := asyncio.RunningLoop(ctx).Time()
		if err := asyncio.Sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
		if took := asyncio.RunningLoop(ctx).Time() - start; took > 5*time.Second {
			t.Errorf("a sleep of 20 ms took %v", took)
		}
		flood.Cancel(nil)
		flood.Await(ctx)
		return nil
	})
}
