package aiotest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func TestPartitionHoldsDataUpUntilItHeals(t *testing.T) {
	w := newWorld()
	w.run(t, func(ctx context.Context) error {
		c := dialEcho(ctx, t)
		defer c.Close()
		partition := w.net.Inject(aiotest.Partition("client"))
		asyncio.RunningLoop(ctx).CallLater(3*time.Second, partition.Remove)
		// Sent again after 0.2, 0.4, 0.8, 1.6 and 3.2 seconds, each after the one before.
		wantElapsed(ctx, t, 6200*time.Millisecond, func() {
			if err := exchange(c, "through"); err != nil {
				t.Error(err)
			}
		})
		return nil
	})
}

func TestPartitionThatStaysTimesOut(t *testing.T) {
	w := newWorld()
	w.run(t, func(ctx context.Context) error {
		sending, silent := dialEcho(ctx, t), dialEcho(ctx, t)
		defer sending.Close()
		defer silent.Close()
		w.net.Inject(aiotest.Partition("server"))
		return asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			g.Go(func(ctx context.Context) error { // nine probes after fifteen seconds, fifteen apart
				wantElapsed(ctx, t, 150*time.Second, func() {
					_, err := silent.Read(make([]byte, 1))
					wantErr(t, err, syscall.ETIMEDOUT)
				})
				return nil
			})
			g.Go(func(ctx context.Context) error {
				if err := sending.SetKeepAliveConfig(net.KeepAliveConfig{}); err != nil {
					return err
				}
				if _, err := sending.Write([]byte("?")); err != nil {
					return err
				}
				took := aiotest.Elapsed(ctx, func() {
					_, err := sending.Read(make([]byte, 1))
					wantErr(t, err, syscall.ETIMEDOUT)
				})
				if took < 2*time.Minute || took > 20*time.Minute {
					t.Errorf("gave up after %v, want some minutes", took)
				}
				return nil
			})
			g.Go(func(ctx context.Context) error {
				wantElapsed(ctx, t, 127*time.Second, func() {
					_, err := asyncio.Dial(ctx, "tcp", "server:7")
					wantErr(t, err, syscall.ETIMEDOUT)
				})
				return nil
			})
			return nil
		})
	})
}

func TestAddressOfNobodyTimesOut(t *testing.T) {
	newWorld().run(t, func(ctx context.Context) error {
		wantElapsed(ctx, t, 127*time.Second, func() {
			_, err := asyncio.Dial(ctx, "tcp", "192.0.2.1:80")
			wantErr(t, err, syscall.ETIMEDOUT)
		})
		return nil
	})
}

func TestResetCutsAtTheByte(t *testing.T) {
	for _, n := range []int64{1, 2, 3, 100} {
		w := newWorld()
		reset := w.net.Inject(aiotest.Reset().To("client").AfterBytes(n))
		w.run(t, func(ctx context.Context) error {
			c := dialEcho(ctx, t)
			defer c.Close()
			if _, err := io.WriteString(c, strings.Repeat("x", 200)); err != nil {
				return err
			}
			got, err := io.ReadAll(c)
			if int64(len(got)) != n {
				t.Errorf("received %d bytes, want %d", len(got), n)
			}
			wantErr(t, err, syscall.ECONNRESET)
			if reset.Hits() == 0 {
				t.Error("the fault says that it did not happen")
			}
			return nil
		})
	}
}

func TestVanishedPeerLeavesTheConnectionHalfOpen(t *testing.T) {
	w := newWorld()
	w.net.Inject(aiotest.Vanish().From("client").AfterBytes(5))
	w.run(t, func(ctx context.Context) error {
		c := dialEcho(ctx, t)
		defer c.Close()
		if err := exchange(c, "hello"); err != nil {
			return err
		}
		wantElapsed(ctx, t, 150*time.Second, func() { wantErr(t, exchange(c, "anybody?"), syscall.ETIMEDOUT) })
		other := dialEcho(ctx, t) // others are not concerned
		defer other.Close()
		return exchange(other, "hello")
	})
}

func TestSlowReaderMakesTheWriterWait(t *testing.T) {
	w := newWorld(aiotest.WithSocketBuffers(1 << 10))
	w.net.Inject(aiotest.SlowReader(1 << 10).To("server"))
	w.run(t, func(ctx context.Context) error {
		c := dialEcho(ctx, t)
		defer c.Close()
		reading := asyncio.CreateTask(ctx, func(context.Context) (int64, error) { return io.Copy(io.Discard, c) })
		took := aiotest.Elapsed(ctx, func() {
			if _, err := c.Write(make([]byte, 10<<10)); err != nil {
				t.Error(err)
			}
		})
		if took < 8*time.Second || took > 10*time.Second {
			t.Errorf("writing took %v, want some nine seconds", took)
		}
		if err := c.CloseWrite(); err != nil {
			return err
		}
		_, err := reading.Await(ctx)
		return err
	})
}

func TestShortReadsLoseNothing(t *testing.T) {
	w := newWorld()
	short := w.net.Inject(aiotest.ShortReads(3))
	w.run(t, func(ctx context.Context) error {
		c := dialEcho(ctx, t)
		defer c.Close()
		err := exchange(c, strings.Repeat("abcdefg", 100))
		if short.Hits() < 2*700/3 {
			t.Errorf("%d reads, want hundreds", short.Hits())
		}
		return err
	})
}

func TestFaultsKeepToTheirScope(t *testing.T) {
	boom := errors.New("boom")
	w := newWorld()
	for _, f := range []aiotest.Fault{
		aiotest.FailDial(boom).Port(8),
		aiotest.FailDial(boom).From("server"),
		aiotest.FailDial(boom).To("client"),
		aiotest.FailDial(boom).After(time.Hour),
		aiotest.FailDial(boom).For(time.Second),
		aiotest.FailDial(boom).Chance(1e-12),
	} {
		w.net.Inject(f)
	}
	w.run(t, func(ctx context.Context) error {
		dial := func() error {
			c, err := asyncio.Dial(ctx, "tcp", "server:7")
			if err == nil {
				c.Close()
			}
			return err
		}
		wantErr(t, dial(), boom) // within the first second
		asyncio.Sleep(ctx, time.Second)
		wantErr(t, dial(), nil)
		asyncio.Sleep(ctx, time.Hour)
		wantErr(t, dial(), boom)
		return nil
	})

	w = newWorld()
	twice := w.net.Inject(aiotest.FailDial(syscall.EMFILE).Times(2))
	w.run(t, func(ctx context.Context) error {
		for _, want := range []error{syscall.EMFILE, syscall.EMFILE, nil} {
			c, err := asyncio.Dial(ctx, "tcp", "server:7")
			wantErr(t, err, want)
			if err == nil {
				c.Close()
			}
		}
		if twice.Hits() != 2 {
			t.Errorf("got %d hits, want 2", twice.Hits())
		}
		return nil
	})
}

func TestLossIsADelayForAConnection(t *testing.T) {
	w := newWorld()
	w.run(t, func(ctx context.Context) error {
		c := dialEcho(ctx, t)
		defer c.Close()
		w.net.Inject(aiotest.Loss(1).Times(1))
		wantElapsed(ctx, t, 200*time.Millisecond, func() {
			if err := exchange(c, "again"); err != nil {
				t.Error(err)
			}
		})
		w.net.Inject(aiotest.Delay(7 * time.Second).To("server"))
		wantElapsed(ctx, t, 7*time.Second, func() {
			if err := exchange(c, "late"); err != nil {
				t.Error(err)
			}
		})
		return nil
	})
}

func TestFaultsOfNames(t *testing.T) {
	w := newWorld()
	w.net.SetName("gone.example", "192.0.2.1")
	w.net.Inject(aiotest.NoSuchHost().Name("gone.example"))
	w.net.Inject(aiotest.LookupTimeout(10 * time.Second).Name("slow.example"))
	w.net.Inject(aiotest.DelayLookup(time.Second).Name("server"))
	w.run(t, func(ctx context.Context) error {
		for _, c := range []struct {
			name              string
			took              time.Duration
			notFound, timeout bool
		}{
			{"gone.example", 0, true, false},
			{"slow.example", 10 * time.Second, false, true},
			{"server", time.Second, false, false},
			{"client", 0, false, false},
		} {
			wantElapsed(ctx, t, c.took, func() {
				_, err := asyncio.LookupHost(ctx, "ip", c.name)
				var dns *net.DNSError
				if failed := errors.As(err, &dns); failed != (c.notFound || c.timeout) {
					t.Errorf("%s: got %v", c.name, err)
				} else if failed && (dns.IsNotFound != c.notFound || dns.IsTimeout != c.timeout) {
					t.Errorf("%s: got %+v", c.name, dns)
				}
			})
		}
		return nil
	})
}

func TestFaultsOfListeners(t *testing.T) {
	w := newWorld()
	w.run(t, func(ctx context.Context) error {
		w.net.Inject(aiotest.FailListen(syscall.EACCES).Port(80))
		_, err := asyncio.Listen(ctx, "tcp", ":80")
		wantErr(t, err, syscall.EACCES)
		w.net.Inject(aiotest.DelayAccept(time.Second).To("server"))
		wantElapsed(ctx, t, time.Second, func() {
			c := dialEcho(ctx, t)
			defer c.Close()
			if err := exchange(c, "patience"); err != nil {
				t.Error(err)
			}
		})
		return nil
	})
}

func TestServerWithoutDescriptorsAcceptsLater(t *testing.T) {
	w := newWorld()
	exhausted := 0
	w.run(t, func(ctx context.Context) error {
		asyncio.RunningLoop(ctx).SetExceptionHandler(func(_ *asyncio.EventLoop, info asyncio.ExceptionInfo) {
			wantErr(t, info.Err, syscall.EMFILE)
			exhausted++
		})
		w.server.SetSocketLimit(2) // the listener and one connection
		first, second := dialEcho(ctx, t), dialEcho(ctx, t)
		defer second.Close()
		if err := exchange(first, "one"); err != nil {
			return err
		}
		asyncio.RunningLoop(ctx).CallLater(5*time.Second, func() { first.Close() })
		wantElapsed(ctx, t, 6*time.Second, func() {
			if err := exchange(second, "two"); err != nil {
				t.Error(err)
			}
		})
		if exhausted != 6 {
			t.Errorf("told %d times, want once a second", exhausted)
		}
		w.client.SetSocketLimit(1)
		_, err := asyncio.Dial(ctx, "tcp", "server:7")
		wantErr(t, err, syscall.EMFILE)
		return nil
	})
}

func TestCrashedHostSaysNothingUntilItIsAsked(t *testing.T) {
	w := newWorld()
	w.run(t, func(ctx context.Context) error {
		c := dialEcho(ctx, t)
		defer c.Close()
		ln, err := asyncio.Listen(w.server.Context(ctx), "tcp", ":8")
		if err != nil {
			return err
		}
		accepting := asyncio.CreateTask(ctx, ln.Accept)
		asyncio.Sleep(ctx, 0)
		w.server.Crash()
		_, err = accepting.Await(ctx)
		wantErr(t, err, net.ErrClosed)
		if err := ln.Close(); err != nil {
			t.Error(err)
		}
		_, err = asyncio.Timeout(ctx, time.Hour, func(ctx context.Context) (int, error) {
			return c.ReadContext(ctx, make([]byte, 1))
		})
		wantErr(t, err, context.DeadlineExceeded)
		wantErr(t, exchange(c, "anybody?"), syscall.ECONNRESET)
		_, err = asyncio.Dial(ctx, "tcp", "server:7")
		wantErr(t, err, syscall.ECONNREFUSED)
		return nil
	})
}

func TestFullBacklogMakesDialsWait(t *testing.T) {
	w := newWorld()
	w.run(t, func(ctx context.Context) error {
		ln, err := asyncio.Listen(w.server.Context(ctx), "tcp", ":8", asyncio.WithBacklog(1))
		if err != nil {
			return err
		}
		defer ln.Close()
		first, err := asyncio.Dial(ctx, "tcp", "server:8")
		if err != nil {
			return err
		}
		defer first.Close()
		asyncio.RunningLoop(ctx).CallLater(2*time.Second, func() {
			asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
				c, err := ln.Accept(ctx)
				if err == nil {
					c.Close()
				}
				return 0, err
			})
		})
		wantElapsed(ctx, t, 3*time.Second, func() { // asked again after one second, and two more
			second, err := asyncio.Dial(ctx, "tcp", "server:8")
			if err != nil {
				t.Error(err)
				return
			}
			second.Close()
		})
		return nil
	})
}
