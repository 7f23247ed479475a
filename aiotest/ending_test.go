package aiotest_test

// How connections end, and how they never begin: whoever waits is told, whatever is lost.

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/sockdir"
)

func TestDialWhoseAnswerIsLostForGoodTimesOut(t *testing.T) {
	for _, port := range []string{"7", "9"} { // somebody listens there, and nobody
		w := newWorld()
		w.net.Inject(aiotest.Loss(1).From("server"))
		w.run(t, func(ctx context.Context) error {
			wantElapsed(ctx, t, 127*time.Second, func() {
				_, err := asyncio.Dial(ctx, "tcp", "server:"+port)
				wantErr(t, err, syscall.ETIMEDOUT)
			})
			return nil
		})
	}
}

func TestConnectionThatNeverCompletesGivesItsPlaceInTheBacklogBack(t *testing.T) {
	w := newWorld(aiotest.WithDefaultLink(aiotest.Link{Latency: time.Millisecond}))
	w.run(t, func(ctx context.Context) error {
		ln, err := asyncio.Listen(w.server.Context(ctx), "tcp", ":8", asyncio.WithBacklog(1))
		if err != nil {
			return err
		}
		defer ln.Close()
		loop := asyncio.RunningLoop(ctx)
		loop.CallLater(1500*time.Microsecond, func() { // the request is there, what completes it is not sent yet
			lost := w.net.Inject(aiotest.Loss(1).From("client"))
			loop.CallLater(time.Hour, lost.Remove)
		})
		first, err := asyncio.Dial(ctx, "tcp", "server:8")
		if err != nil {
			return err
		}
		defer first.Close()
		if err := asyncio.Sleep(ctx, 2*time.Hour); err != nil {
			return err
		}
		second, err := asyncio.Dial(ctx, "tcp", "server:8")
		if err != nil {
			return err
		}
		return second.Close()
	})
}

func TestWriterThatWaitsForRoomLearnsOfACrash(t *testing.T) {
	w := newWorld(aiotest.WithSocketBuffers(100))
	w.run(t, func(ctx context.Context) error {
		ln, err := asyncio.Listen(w.server.Context(ctx), "tcp", ":8")
		if err != nil {
			return err
		}
		defer ln.Close()
		c, err := asyncio.Dial(ctx, "tcp", "server:8")
		if err != nil {
			return err
		}
		defer c.Close()
		accepted, err := ln.Accept(ctx)
		if err != nil {
			return err
		}
		defer accepted.Close()
		asyncio.RunningLoop(ctx).CallLater(time.Second, w.server.Crash)
		_, err = c.Write(make([]byte, 200))
		wantErr(t, err, syscall.ECONNRESET)
		return nil
	})
}

func TestEndOfASideIsAnsweredWithAResetAfterACrash(t *testing.T) {
	w := newWorld()
	w.run(t, func(ctx context.Context) error {
		c := dialEcho(ctx, t)
		defer c.Close()
		w.server.Crash()
		if err := c.CloseWrite(); err != nil {
			return err
		}
		_, err := c.Read(make([]byte, 1))
		wantErr(t, err, syscall.ECONNRESET)
		return nil
	})
}

// idlePair returns a connection from client to server of which the client has keep-alive only.
func idlePair(ctx context.Context, w *world) (client, server *asyncio.Conn, err error) {
	ln, err := asyncio.Listen(w.server.Context(ctx), "tcp", ":8")
	if err != nil {
		return nil, nil, err
	}
	defer ln.Close()
	if client, err = asyncio.Dial(ctx, "tcp", "server:8"); err != nil {
		return nil, nil, err
	}
	if server, err = ln.Accept(ctx); err != nil {
		return nil, nil, err
	}
	return client, server, server.SetKeepAliveConfig(net.KeepAliveConfig{})
}

func TestConnectionThatWasGivenUpAnswersWithAReset(t *testing.T) {
	acts := map[string]func(*asyncio.Conn) error{
		"data": func(c *asyncio.Conn) error { _, err := io.WriteString(c, "still there?"); return err },
		"end":  (*asyncio.Conn).CloseWrite,
	}
	for name, act := range acts {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.run(t, func(ctx context.Context) error {
				client, server, err := idlePair(ctx, w)
				if err != nil {
					return err
				}
				defer client.Close()
				defer server.Close()
				if _, err := io.WriteString(server, "early"); err != nil {
					return err
				}
				asyncio.Sleep(ctx, 0)
				w.net.Inject(aiotest.Partition("server").For(200 * time.Second))
				if err := asyncio.Sleep(ctx, 201*time.Second); err != nil { // keep-alive fails after 150
					return err
				}
				if err := act(server); err != nil {
					return err
				}
				_, err = server.Read(make([]byte, 1))
				wantErr(t, err, syscall.ECONNRESET)
				got, err := io.ReadAll(client)
				wantErr(t, err, syscall.ETIMEDOUT)
				if string(got) != "early" {
					t.Errorf("read %q, want what had arrived", got)
				}
				return nil
			})
		})
	}
}

func TestKeepAliveStartsAnewWithEachPartition(t *testing.T) {
	w := newWorld()
	w.run(t, func(ctx context.Context) error {
		client, server, err := idlePair(ctx, w)
		if err != nil {
			return err
		}
		defer client.Close()
		defer server.Close()
		w.net.Inject(aiotest.Partition("server").For(10 * time.Second))
		w.net.Inject(aiotest.Partition("server").After(100 * time.Second))
		w.net.Inject(aiotest.Partition("client").After(120 * time.Second)) // changes nothing
		wantElapsed(ctx, t, 250*time.Second, func() {
			_, err := client.Read(make([]byte, 1))
			wantErr(t, err, syscall.ETIMEDOUT)
		})
		return nil
	})
}

func TestKeepAliveOfALateAcceptedConnectionFailsToo(t *testing.T) {
	w := newWorld()
	w.net.Inject(aiotest.Vanish().From("client"))
	w.run(t, func(ctx context.Context) error {
		ln, err := asyncio.Listen(w.server.Context(ctx), "tcp", ":8")
		if err != nil {
			return err
		}
		defer ln.Close()
		client, err := asyncio.Dial(ctx, "tcp", "server:8")
		if err != nil {
			return err
		}
		defer client.Close()
		if _, err := io.WriteString(client, "lost"); err != nil {
			return err
		}
		server, err := ln.Accept(ctx)
		if err != nil {
			return err
		}
		defer server.Close()
		_, err = server.Read(make([]byte, 1))
		wantErr(t, err, syscall.ETIMEDOUT)
		return nil
	})
}

func TestClosedConnectionKeepsNoTimeRunning(t *testing.T) {
	w := newWorld()
	w.run(t, func(ctx context.Context) error {
		client, server, err := idlePair(ctx, w)
		if err != nil {
			return err
		}
		w.net.Inject(aiotest.Partition("server").For(time.Second))
		asyncio.Sleep(ctx, 100*time.Millisecond)
		client.Close()
		server.Close()
		asyncio.Sleep(ctx, 10*time.Second)
		host, err := asyncio.HostOf(ctx)
		if err != nil {
			return err
		}
		if when, ahead := host.(asyncio.SimulatedHost).NextEvent(); ahead {
			t.Errorf("something happens at %v, want nothing any more", when)
		}
		return nil
	})
}

func TestOneWriteIsResetOnce(t *testing.T) {
	w := newWorld()
	reset := w.net.Inject(aiotest.Reset().From("client"))
	w.run(t, func(ctx context.Context) error {
		c := dialEcho(ctx, t)
		defer c.Close()
		if _, err := io.WriteString(c, strings.Repeat("x", 100<<10)); err != nil {
			return err
		}
		_, err := c.Read(make([]byte, 1))
		wantErr(t, err, syscall.ECONNRESET)
		if got := reset.Hits(); got != 1 {
			t.Errorf("happened %d times, want once", got)
		}
		return nil
	})
}

func TestUnixDialIntoAFullBacklogThatNobodyEmptiesIsADeadlock(t *testing.T) {
	var r recorder
	aiotest.Run(&r, func(ctx context.Context) error {
		path := filepath.Join("dir", "s")
		if _, err := asyncio.Listen(ctx, "unix", path, asyncio.WithBacklog(1)); err != nil {
			return err
		}
		for {
			if _, err := asyncio.Dial(ctx, "unix", path); err != nil {
				return err
			}
		}
	}, aiotest.AllowLeaks())
	if got := strings.Join(r.errors, "\n"); !strings.Contains(got, "deadlock") {
		t.Errorf("got %q, want a deadlock", got)
	}
}

func TestUnixDialsGetTheirPlacesInTheOrderInWhichTheyCame(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		ln, err := asyncio.Listen(ctx, "unix", "s", asyncio.WithBacklog(1))
		if err != nil {
			return err
		}
		got, dials := "", []*asyncio.Task[struct{}]{}
		for _, name := range []string{"a", "b", "c", "d"} {
			dials = append(dials, asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
				c, err := asyncio.Dial(ctx, "unix", "s")
				if err != nil {
					return struct{}{}, err
				}
				got += name
				return struct{}{}, c.Close()
			}))
		}
		asyncio.Sleep(ctx, time.Second)
		if got != "a" {
			t.Errorf("connected at first: %q, want a", got)
		}
		dials[1].Cancel(nil) // gives up its place in the line
		for _, want := range []string{"ac", "acd"} {
			asyncio.Sleep(ctx, time.Second)
			c, err := ln.Accept(ctx)
			if err != nil {
				return err
			}
			c.Close()
			asyncio.Sleep(ctx, time.Second)
			if got != want {
				t.Errorf("connected: %q, want %q", got, want)
			}
		}
		last := asyncio.CreateTask(ctx, func(ctx context.Context) (*asyncio.Conn, error) { return asyncio.Dial(ctx, "unix", "s") })
		asyncio.Sleep(ctx, time.Second)
		if err := ln.Close(); err != nil { // with the connection of d, which nobody has accepted
			return err
		}
		_, err = last.Await(ctx)
		wantErr(t, err, syscall.ECONNREFUSED)
		return nil
	})
}

func TestCrashedHostSendsNoDatagramsFromOldSockets(t *testing.T) {
	w := newWorld()
	w.packets(t, func(ctx context.Context, server, client *asyncio.PacketConn) error {
		w.server.Crash()
		_, err := server.Read(make([]byte, 1))
		wantErr(t, err, syscall.ECONNABORTED)
		_, err = server.Read(make([]byte, 1))
		wantErr(t, err, net.ErrClosed)
		_, err = server.WriteTo([]byte("a ghost"), client.LocalAddr())
		wantErr(t, err, net.ErrClosed)
		return nil
	})
}

func TestUnixPeerThatClosesWithoutReadingResetsReadersOnly(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the kernels of other systems answer otherwise")
	}
	networks := map[string]asyncio.Network{"simulated": aiotest.NewNetwork(), "native": asyncio.NativeNetwork()}
	for name, network := range networks {
		t.Run(name, func(t *testing.T) {
			dir := sockdir.New(t)
			aiotest.Run(t, func(ctx context.Context) error { return closeUnread(ctx, t, filepath.Join(dir, "s")) }, aiotest.WithNetwork(network))
		})
	}
}

func closeUnread(ctx context.Context, t *testing.T, path string) error {
	ln, err := asyncio.Listen(ctx, "unix", path)
	if err != nil {
		return err
	}
	defer ln.Close()
	a, err := asyncio.Dial(ctx, "unix", path)
	if err != nil {
		return err
	}
	b, err := ln.Accept(ctx)
	if err != nil {
		return err
	}
	defer b.Close()
	if _, err := io.WriteString(b, "never read"); err != nil {
		return err
	}
	if err := asyncio.Sleep(ctx, time.Millisecond); err != nil {
		return err
	}
	if err := a.Close(); err != nil {
		return err
	}
	if err := asyncio.Sleep(ctx, time.Millisecond); err != nil {
		return err
	}
	_, err = io.WriteString(b, "too late")
	wantErr(t, err, syscall.EPIPE)
	if err := b.CloseWrite(); err != nil {
		t.Error(err)
	}
	for _, want := range []error{syscall.ECONNRESET, io.EOF} {
		_, err = b.Read(make([]byte, 1))
		wantErr(t, err, want)
	}
	return nil
}
