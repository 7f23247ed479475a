//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock_test

import (
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/aio-go/aio/internal/sock"
)

func TestNoWakeUpIsLost(t *testing.T) {
	each(t, func(r *rig) {
		const wakers, rounds = 4, 3000
		var inbox atomic.Int64
		var running sync.WaitGroup
		turn := make(chan struct{}, wakers)
		for range wakers {
			running.Go(func() {
				for range rounds {
					inbox.Add(1)
					r.Wake()
					<-turn // so that the poller gets to park again
				}
			})
		}
		for served := int64(0); served < wakers*rounds; {
			if err := r.Wait(-1); err != nil { // a lost wake-up hangs here
				r.Fatal(err)
			}
			for ; served < inbox.Load(); served++ {
				turn <- struct{}{}
			}
		}
		running.Wait()
	})
}

func TestWakeBeforeWaitIsNotForgotten(t *testing.T) {
	each(t, func(r *rig) {
		for range 100 {
			r.Wake()
			r.Wake()
			if err := r.Wait(-1); err != nil {
				r.Fatal(err)
			}
		}
	})
}

func TestWaitEndsAtItsTimeout(t *testing.T) {
	each(t, func(r *rig) {
		for _, d := range []time.Duration{time.Millisecond, 20 * time.Millisecond, 3 * time.Millisecond} {
			start, waits := time.Now(), 0
			for time.Since(start) < d {
				if err := r.Wait(d - time.Since(start)); err != nil {
					r.Fatal(err)
				}
				waits++
			}
			// Early returns are allowed, spinning is not.
			if waits > 10 {
				r.Errorf("%d waits for %v, want a few", waits, d)
			}
		}
	})
}

// A loop that always has something to do never parks: on one processor the goroutines of the
// fallback run all the same, and not only when the runtime takes the processor away.
func TestBusyLoopLetsTheGoroutinesOfItsPollerRun(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	each(t, func(r *rig) {
		if r.kind != "fallback" {
			r.Skip("it needs no goroutines")
		}
		for range 10 {
			var ran atomic.Bool
			go ran.Store(true)
			for waits := 0; !ran.Load(); waits++ {
				if waits == 100 {
					r.Fatal("a goroutine that was ready did not run while the poller looked for events")
				}
				if err := r.Wait(0); err != nil {
					r.Fatal(err)
				}
			}
		}
	})
}

func TestShortTimeoutAfterALongOneIsKept(t *testing.T) {
	each(t, func(r *rig) {
		for range 50 {
			r.Wake()
			r.Wait(time.Hour)
			go r.Wake()
			r.Wait(time.Hour)
			start := time.Now()
			for time.Since(start) < 2*time.Millisecond {
				r.Wait(2*time.Millisecond - time.Since(start))
			}
		}
	})
}

func TestReadinessInterruptsAnEndlessWait(t *testing.T) {
	each(t, func(r *rig) {
		a, b := r.pair("tcp")
		readable := false
		a.SetNotify(func(ready sock.Ready) { readable = readable || ready&sock.Readable != 0 })
		for round := range 200 {
			readable = false
			// The write comes at some moment while the wait is beginning.
			conn, err := b.SyscallConn()
			if err != nil {
				r.Fatal(err)
			}
			written := make(chan error, 1)
			go func() {
				var failure error
				conn.Control(func(fd uintptr) { failure = unix.Sendto(int(fd), []byte("x"), 0, nil) })
				written <- failure
			}()
			for !readable {
				if err := r.Wait(-1); err != nil {
					r.Fatal(err)
				}
			}
			if err := <-written; err != nil {
				r.Fatal(err)
			}
			if n, err := a.TryRead(make([]byte, 2)); n != 1 || err != nil {
				r.Fatalf("round %d: got %d, %v, want 1, nil", round, n, err)
			}
		}
	})
}

func TestSignalsDoNotEndAWaitInError(t *testing.T) {
	each(t, func(r *rig) {
		stop := make(chan struct{})
		var sending sync.WaitGroup
		sending.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					// The runtime's own preemption signal: without a handler of
					// ours, but interrupting system calls all the same.
					syscall.Kill(syscall.Getpid(), syscall.SIGURG)
				}
			}
		})
		for range 20 {
			if err := r.Wait(time.Millisecond); err != nil {
				r.Errorf("got %v, want no error", err)
			}
		}
		close(stop)
		sending.Wait()
	})
}

func TestClosedSocketIsNeverNotified(t *testing.T) {
	each(t, func(r *rig) {
		a1, b1 := r.pair("tcp")
		a2, b2 := r.pair("tcp")
		r.write(b1, []byte("x"))
		r.write(b2, []byte("x"))
		// Both are ready in one batch. Whoever comes first closes the other,
		// and a new socket gets the descriptor for which an event is waiting.
		var fresh sock.Stream
		calls := 0
		closer := func(other sock.Stream) func(sock.Ready) {
			return func(sock.Ready) {
				calls++
				if calls > 1 {
					return
				}
				other.SetNotify(func(sock.Ready) { r.Error("a closed socket was notified") })
				other.Close()
				fresh = r.dial("tcp", &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 9})
				fresh.SetNotify(func(ready sock.Ready) {
					if ready&sock.Readable != 0 && ready&sock.Broken == 0 {
						r.Errorf("the new socket was told %b, meant for the old one", ready)
					}
				})
			}
		}
		a1.SetNotify(closer(a2))
		a2.SetNotify(closer(a1))
		r.until("an event", func() bool { return calls > 0 })
		for range 5 {
			r.Wait(0)
		}
		if fresh.Ready()&sock.Readable != 0 && fresh.Ready()&sock.Broken == 0 {
			r.Errorf("the new socket is %b without anything having happened to it", fresh.Ready())
		}
	})
}

func TestManyReadySocketsComeInBoundedBatches(t *testing.T) {
	each(t, func(r *rig) {
		const n = sock.Batch + 100
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < 2*n+100 {
			r.Skipf("only %d descriptors", limit.Cur)
		}
		l := r.listen("unix")
		ready := make([]int, n)
		total := 0
		var peers []sock.Stream
		for i := range n {
			a := r.dial("unix", l.Addr())
			peers = append(peers, r.accept(l))
			a.SetNotify(func(state sock.Ready) {
				if state&sock.Readable != 0 {
					ready[i]++
					total++
				}
			})
		}
		for _, p := range peers {
			r.write(p, []byte("x"))
		}
		r.until("all", func() bool {
			before := total
			if err := r.Wait(time.Millisecond); err != nil {
				r.Fatal(err)
			}
			if total-before > sock.Batch {
				r.Fatalf("%d sockets in one wait, want at most %d", total-before, sock.Batch)
			}
			return total >= n
		})
		for i, count := range ready {
			if count != 1 {
				r.Errorf("socket %d was reported %d times, want once", i, count)
			}
		}
	})
}

func TestClosingThePollerClosesItsSockets(t *testing.T) {
	each(t, func(r *rig) {
		l := r.listen("tcp")
		a := r.dial("tcp", l.Addr())
		b := r.accept(l)
		notified := false
		b.SetNotify(func(sock.Ready) { notified = true })
		if err := r.Poller.Close(); err != nil {
			r.Fatal(err)
		}
		notified = false
		if err := r.Wait(0); !errors.Is(err, net.ErrClosed) {
			r.Errorf("Wait: got %v, want net.ErrClosed", err)
		}
		r.Wake() // harmless
		for i, err := range []error{a.Close(), b.Close(), l.Close()} {
			if !errors.Is(err, net.ErrClosed) {
				r.Errorf("socket %d: got %v, want net.ErrClosed", i, err)
			}
		}
		if _, err := r.Dial("tcp", l.Addr(), &sock.DialOptions{}); !errors.Is(err, net.ErrClosed) {
			r.Errorf("Dial: got %v, want net.ErrClosed", err)
		}
		if notified {
			r.Error("notified by Close")
		}
	})
}

func TestDescriptorsAreGivenBack(t *testing.T) {
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("descriptors cannot be counted here")
		}
		return len(entries)
	}
	exercise := func() {
		each(t, func(r *rig) {
			l := r.listen("tcp")
			for i := range 20 {
				a := r.dial("tcp", l.Addr())
				b := r.accept(l)
				switch i % 4 {
				case 0:
					a.Close()
					b.Close()
				case 1:
					a.Abort()
				case 2:
					b.CloseWrite()
				}
			}
			r.Dial("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}, &sock.DialOptions{})
			r.Dial("tcp4", &net.TCPAddr{IP: net.IPv6loopback, Port: 1}, &sock.DialOptions{})
			r.Listen("tcp", l.Addr(), sock.ListenOptions{})
			r.Dial("tcp", l.Addr(), &sock.DialOptions{}) // never accepted
		})
	}
	exercise() // whatever the runtime opens for itself
	before := count()
	exercise()
	// The goroutines of the fallback let go a moment after Close.
	deadline := time.Now().Add(patience)
	for count() > before && time.Now().Before(deadline) {
		time.AfterFunc(0, func() {})
	}
	if after := count(); after > before {
		t.Errorf("%d descriptors, want the %d from before", after, before)
	}
}
