//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock_test

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/aio-go/aio/internal/sock"
)

func TestEveryWaitingConnectionIsAccepted(t *testing.T) {
	each(t, func(r *rig) {
		l := r.listen("tcp")
		const n = 50
		for range n {
			r.dial("tcp", l.Addr())
		}
		for range n {
			r.accept(l)
		}
		if s, err := l.TryAccept(); err != sock.ErrWouldBlock {
			r.Errorf("got %v, %v, want ErrWouldBlock", s, err)
		}
	})
}

func TestPortInUseIsReported(t *testing.T) {
	each(t, func(r *rig) {
		l := r.listen("tcp")
		if _, err := r.Listen("tcp", l.Addr(), sock.ListenOptions{}); !errors.Is(err, syscall.EADDRINUSE) {
			r.Errorf("got %v, want EADDRINUSE", err)
		}
	})
}

func TestReusePortSharesAPort(t *testing.T) {
	each(t, func(r *rig) {
		opts := sock.ListenOptions{ReusePort: true}
		l, err := r.Listen("tcp", r.localAddr("tcp"), opts)
		if err != nil {
			r.Fatal(err)
		}
		if _, err := r.Listen("tcp", l.Addr(), opts); err != nil {
			r.Errorf("got %v, want a second listener", err)
		}
	})
}

func TestAddressMustFitTheNetwork(t *testing.T) {
	each(t, func(r *rig) {
		for _, c := range []struct {
			network string
			addr    net.Addr
		}{
			{"tcp4", &net.TCPAddr{IP: net.IPv6loopback}},
			{"tcp6", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}},
			{"tcp", &net.UnixAddr{Name: "x", Net: "unix"}},
			{"nonsense", &net.TCPAddr{}},
		} {
			if l, err := r.Listen(c.network, c.addr, sock.ListenOptions{}); err == nil {
				r.Errorf("Listen(%s, %v): got %v, want an error", c.network, c.addr, l.Addr())
			}
		}
	})
}

func TestWildcardListenerTakesIPv4(t *testing.T) {
	each(t, func(r *rig) {
		l, err := r.Listen("tcp", &net.TCPAddr{}, sock.ListenOptions{})
		if err != nil {
			r.Fatal(err)
		}
		l.SetNotify(func(sock.Ready) {})
		port := l.Addr().(*net.TCPAddr).Port
		r.dial("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		s := r.accept(l)
		if got := s.RemoteAddr().(*net.TCPAddr).IP; !got.IsLoopback() || got.To4() == nil {
			r.Errorf("peer is %v, want 127.0.0.1", got)
		}
	})
}

// LOOP-30, the socket's part: the listener survives running out of
// descriptors and accepts again when there are some.
func TestListenerSurvivesDescriptorExhaustion(t *testing.T) {
	each(t, func(r *rig) {
		l := r.listen("tcp")
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		if err != nil {
			r.Fatal(err)
		}
		defer unix.Close(fd)
		fill, restore := exhaust(r)
		to := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: l.Addr().(*net.TCPAddr).Port}
		if err := unix.Connect(fd, to); err != nil {
			r.Fatal(err)
		}
		var failure error
		r.until("the failure", func() bool {
			fill()
			_, err := l.TryAccept()
			failure = err
			return err != sock.ErrWouldBlock
		})
		restore()
		if !errors.Is(failure, syscall.EMFILE) {
			r.Fatalf("got %v, want EMFILE", failure)
		}
		r.accept(l)
	})
}

// exhaust lowers the descriptor limit so that no more can be opened. What was open before may
// still be closed behind the test's back, by a finalizer: fill takes such descriptors again.
func exhaust(r *rig) (fill, restore func()) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		r.Fatal(err)
	}
	lowest, err := os.Open(os.DevNull)
	if err != nil {
		r.Fatal(err)
	}
	low := limit
	setLimit(&low.Cur, lowest.Fd())
	lowest.Close()
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		r.Fatal(err)
	}
	var held []*os.File
	fill = func() {
		for {
			f, err := os.Open(os.DevNull)
			if err != nil {
				return
			}
			held = append(held, f)
		}
	}
	restored := false
	restore = func() {
		if !restored {
			restored = true
			unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
			for _, f := range held {
				f.Close()
			}
		}
	}
	r.Cleanup(restore)
	return fill, restore
}

// setLimit bridges the systems' different types.
func setLimit[T int64 | uint64](limit *T, n uintptr) { *limit = T(n) }

func TestFileOfAUnixListenerIsRemovedUnlessReplaced(t *testing.T) {
	// SRV-04, the socket's part.
	each(t, func(r *rig) {
		addr := r.localAddr("unix").(*net.UnixAddr)
		listen := func() sock.Listener {
			l, err := r.Listen("unix", addr, sock.ListenOptions{})
			if err != nil {
				r.Fatal(err)
			}
			return l
		}
		first := listen()
		if err := first.Close(); err != nil {
			r.Fatal(err)
		}
		if _, err := os.Lstat(addr.Name); !os.IsNotExist(err) {
			r.Fatalf("got %v, want the file gone", err)
		}
		second := listen()
		os.Rename(addr.Name, addr.Name+".old") // keeps the inode in use
		third := listen()
		second.Close()
		if _, err := os.Lstat(addr.Name); err != nil {
			r.Errorf("closing the replaced listener removed its successor's file: %v", err)
		}
		third.Close()
		gone := listen()
		os.Remove(addr.Name)
		if err := gone.Close(); err != nil {
			r.Errorf("got %v, want a missing file tolerated", err)
		}
	})
}

func TestFilesOfUnixSocketsGoWithThePoller(t *testing.T) {
	each(t, func(r *rig) {
		stream, packet := r.localAddr("unix"), r.packetAddr("unixgram")
		if _, err := r.Listen("unix", stream, sock.ListenOptions{}); err != nil {
			r.Fatal(err)
		}
		if _, err := r.OpenPacket("unixgram", packet, nil, sock.PacketOptions{}); err != nil {
			r.Fatal(err)
		}
		if err := r.Poller.Close(); err != nil {
			r.Fatal(err)
		}
		for _, addr := range []net.Addr{stream, packet} {
			if _, err := os.Lstat(addr.String()); !os.IsNotExist(err) {
				r.Errorf("%s %v: got %v, want the file gone", addr.Network(), addr, err)
			}
		}
	})
}
