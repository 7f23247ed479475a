//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/aio-go/aio/internal/sock"
)

func TestBytesCrossBothWays(t *testing.T) {
	for _, network := range []string{"tcp", "tcp4", "unix"} {
		t.Run(network, func(t *testing.T) {
			each(t, func(r *rig) {
				a, b := r.pair(network)
				r.write(a, []byte("ping"))
				if got, err := r.read(b, 4); string(got) != "ping" || err != nil {
					r.Fatalf("got %q, %v, want ping", got, err)
				}
				r.write(b, []byte("pong"))
				if got, err := r.read(a, 4); string(got) != "pong" || err != nil {
					r.Fatalf("got %q, %v, want pong", got, err)
				}
				if got := r.Active(); got != 2 {
					r.Errorf("got %d active sockets, want 2", got)
				}
			})
		})
	}
}

func TestAddressesOfBothEndsAgree(t *testing.T) {
	each(t, func(r *rig) {
		a, b := r.pair("tcp")
		if a.LocalAddr().String() != b.RemoteAddr().String() || a.RemoteAddr().String() != b.LocalAddr().String() {
			r.Errorf("got %v→%v and %v→%v, want each other", a.LocalAddr(), a.RemoteAddr(), b.LocalAddr(), b.RemoteAddr())
		}
	})
}

func TestNothingThereWouldBlock(t *testing.T) {
	each(t, func(r *rig) {
		a, b := r.pair("tcp")
		if n, err := a.TryRead(make([]byte, 1)); n != 0 || err != sock.ErrWouldBlock {
			r.Errorf("got %d, %v, want 0, ErrWouldBlock", n, err)
		}
		r.write(b, []byte("x"))
		r.until("readiness", func() bool { return a.Ready()&sock.Readable != 0 })
		if n, err := a.TryRead(make([]byte, 8)); n != 1 || err != nil {
			r.Errorf("got %d, %v, want 1, nil", n, err)
		}
		// A short read has emptied the socket: no need to ask the kernel.
		if a.Ready()&sock.Readable != 0 {
			r.Error("still readable after a short read")
		}
	})
}

func TestUnreadDataStaysReadable(t *testing.T) {
	each(t, func(r *rig) {
		a, b := r.pair("tcp")
		r.write(b, []byte("abcdef"))
		r.until("data", func() bool { return a.Ready()&sock.Readable != 0 })
		for i := range 6 {
			if n, err := a.TryRead(make([]byte, 1)); n != 1 || err != nil {
				r.Fatalf("byte %d: got %d, %v, want 1, nil", i, n, err)
			}
		}
	})
}

func TestNotifyReportsOnlyNews(t *testing.T) {
	each(t, func(r *rig) {
		a, b := r.pair("tcp")
		var calls []sock.Ready
		a.SetNotify(func(ready sock.Ready) { calls = append(calls, ready) })
		r.write(b, []byte("one"))
		r.until("the first call", func() bool { return len(calls) > 0 })
		r.write(b, []byte("two"))
		for range 20 {
			r.Wait(0)
		}
		if len(calls) != 1 || calls[0]&sock.Readable == 0 {
			r.Errorf("got calls %v, want one with Readable", calls)
		}
	})
}

func TestPartialWritesCarryEverythingToASlowReader(t *testing.T) {
	each(t, func(r *rig) {
		a, b := r.pair("tcp")
		want := bytes.Repeat([]byte("0123456789abcdef"), 1<<18) // 4 MiB
		rest, blocked := want, false
		var got []byte
		buf := make([]byte, 100_000)
		r.until("everything", func() bool {
			for len(rest) > 0 {
				n, err := a.TryWrite(rest)
				rest = rest[n:]
				if err == sock.ErrWouldBlock {
					blocked = true
					break
				}
				if err != nil {
					r.Fatal(err)
				}
			}
			for len(got) < len(want) {
				n, err := b.TryRead(buf)
				if err == sock.ErrWouldBlock {
					return false
				}
				if err != nil {
					r.Fatal(err)
				}
				got = append(got, buf[:n]...)
			}
			return true
		})
		if !blocked {
			r.Error("4 MiB never filled the buffers")
		}
		if !bytes.Equal(got, want) {
			r.Error("what arrived is not what was sent")
		}
	})
}

func TestWritevKeepsOrderAndSkipsEmptyBuffers(t *testing.T) {
	each(t, func(r *rig) {
		a, b := r.pair("tcp")
		var bufs [][]byte
		var want strings.Builder
		for i := range 200 {
			text := fmt.Sprintf("<%d>", i)
			want.WriteString(text)
			bufs = append(bufs, []byte(text), nil)
		}
		r.until("writing", func() bool {
			n, err := a.TryWritev(bufs)
			if err != nil && err != sock.ErrWouldBlock {
				r.Fatal(err)
			}
			for len(bufs) > 0 && n >= len(bufs[0]) {
				n -= len(bufs[0])
				bufs = bufs[1:]
			}
			if n > 0 {
				bufs[0] = bufs[0][n:]
			}
			return len(bufs) == 0
		})
		if got, err := r.read(b, want.Len()); string(got) != want.String() || err != nil {
			r.Errorf("got %q, %v", got, err)
		}
	})
}

func TestHalfCloseEndsOneDirectionOnly(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			each(t, func(r *rig) {
				a, b := r.pair(network)
				r.write(a, []byte("last words"))
				if err := a.CloseWrite(); err != nil {
					r.Fatal(err)
				}
				got, err := r.read(b, 100)
				if string(got) != "last words" || err != io.EOF {
					r.Fatalf("got %q, %v, want last words, EOF", got, err)
				}
				if b.Ready()&sock.PeerClosed == 0 {
					r.Error("PeerClosed is not set")
				}
				if _, err := b.TryRead(make([]byte, 1)); err != io.EOF {
					r.Errorf("second read: got %v, want EOF", err)
				}
				r.write(b, []byte("answer"))
				if got, err := r.read(a, 6); string(got) != "answer" || err != nil {
					r.Errorf("got %q, %v, want answer", got, err)
				}
			})
		})
	}
}

func TestIdleConnectionLearnsOfItsPeersClose(t *testing.T) {
	each(t, func(r *rig) {
		a, b := r.pair("tcp")
		if a.Ready()&sock.Readable != 0 {
			r.Fatal("readable before anything happened")
		}
		b.Close()
		r.until("readiness", func() bool { return a.Ready()&sock.Readable != 0 })
	})
}

func TestAbortResetsThePeer(t *testing.T) {
	each(t, func(r *rig) {
		a, b := r.pair("tcp")
		if err := a.Abort(); err != nil {
			r.Fatal(err)
		}
		if _, err := r.read(b, 1); !errors.Is(err, syscall.ECONNRESET) {
			r.Errorf("got %v, want ECONNRESET", err)
		}
	})
}

func TestWritingToAClosedPeerFails(t *testing.T) {
	each(t, func(r *rig) {
		a, b := r.pair("tcp")
		b.Close()
		r.until("an error", func() bool {
			_, err := a.TryWrite([]byte("x"))
			return err != nil && err != sock.ErrWouldBlock
		})
		_, err := a.TryWrite([]byte("x"))
		if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
			r.Errorf("got %v, want EPIPE or ECONNRESET", err)
		}
	})
}

func TestDataWrittenBeforeCloseArrives(t *testing.T) {
	each(t, func(r *rig) {
		a, b := r.pair("tcp")
		want := bytes.Repeat([]byte("z"), 50_000)
		r.write(a, want)
		a.Close()
		got, err := r.read(b, len(want)+1)
		if !bytes.Equal(got, want) || err != io.EOF {
			r.Errorf("got %d bytes, %v, want %d, EOF", len(got), err, len(want))
		}
	})
}

func TestRefusedConnectionIsReported(t *testing.T) {
	each(t, func(r *rig) {
		l := r.listen("tcp")
		nobody := l.Addr()
		l.Close()
		s, err := r.Dial("tcp", nobody, &sock.DialOptions{})
		if err == nil {
			r.until("the refusal", func() bool {
				err = s.ConnectResult()
				return err != sock.ErrWouldBlock
			})
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			r.Errorf("got %v, want ECONNREFUSED", err)
		}
	})
}

// When nobody listens on a port of this machine, the system may choose that very port for the
// socket that connects to it, which then is its own peer.
func TestSocketIsNotConnectedToItself(t *testing.T) {
	each(t, func(r *rig) {
		if r.kind == "fallback" {
			r.Skip("package net sees to it, by trying again twice")
		}
		free := r.listen("tcp")
		addr := free.Addr().(*net.TCPAddr)
		free.Close()
		s, err := r.Dial("tcp", addr, &sock.DialOptions{Control: func(_, _ string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) { // what the system would choose by accident
				sa := &unix.SockaddrInet4{Port: addr.Port, Addr: [4]byte(addr.IP.To4())}
				if err := unix.Bind(int(fd), sa); err != nil {
					r.Error(err)
				}
			})
		}})
		if err == nil {
			r.until("the end of connecting", func() bool { err = s.ConnectResult(); return err != sock.ErrWouldBlock })
			s.Close()
		}
		if !isErrno(err, syscall.ECONNREFUSED) {
			r.Errorf("got %v, want ECONNREFUSED", err)
		}
	})
}

func TestMissingUnixSocketIsReported(t *testing.T) {
	each(t, func(r *rig) {
		s, err := r.Dial("unix", r.localAddr("unix"), &sock.DialOptions{})
		if err == nil {
			r.until("the failure", func() bool {
				err = s.ConnectResult()
				return err != sock.ErrWouldBlock
			})
		}
		if !errors.Is(err, syscall.ENOENT) {
			r.Errorf("got %v, want ENOENT", err)
		}
	})
}

func TestOperationsOnAClosedStreamSaySo(t *testing.T) {
	each(t, func(r *rig) {
		a, _ := r.pair("tcp")
		a.Close()
		_, readErr := a.TryRead(make([]byte, 1))
		_, writeErr := a.TryWrite([]byte("x"))
		_, writevErr := a.TryWritev([][]byte{[]byte("x")})
		_, connErr := a.SyscallConn()
		for i, err := range []error{readErr, writeErr, writevErr, connErr, a.CloseWrite(), a.Close(), a.Abort(), a.ConnectResult(), a.SetNoDelay(true)} {
			if !errors.Is(err, net.ErrClosed) {
				r.Errorf("operation %d: got %v, want net.ErrClosed", i, err)
			}
		}
	})
}

func TestAcceptedSocketsAreSetUpLikeDialledOnes(t *testing.T) {
	each(t, func(r *rig) {
		a, b := r.pair("tcp")
		for name, s := range map[string]sock.Stream{"dialled": a, "accepted": b} {
			raw, err := s.SyscallConn()
			if err != nil {
				r.Fatal(err)
			}
			var noDelay, flags, status int
			raw.Control(func(fd uintptr) {
				noDelay, _ = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NODELAY)
				flags, _ = unix.FcntlInt(fd, unix.F_GETFD, 0)
				status, _ = unix.FcntlInt(fd, unix.F_GETFL, 0)
			})
			if noDelay == 0 || flags&unix.FD_CLOEXEC == 0 || status&unix.O_NONBLOCK == 0 {
				r.Errorf("%s: no delay %d, close on exec %d, non-blocking %d, want all set",
					name, noDelay, flags&unix.FD_CLOEXEC, status&unix.O_NONBLOCK)
			}
		}
	})
}

// The kernel ends a read at the mark of urgent data although more lies behind
// it, so the read being short must not be taken for "empty".
func TestUrgentDataDoesNotHideWhatFollowsIt(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the event that tells of urgent data is Linux's")
	}
	each(t, func(r *rig) {
		a, b := r.pair("tcp")
		raw, err := a.SyscallConn()
		if err != nil {
			r.Fatal(err)
		}
		raw.Control(func(fd uintptr) {
			for _, part := range []struct {
				text  string
				flags int
			}{{"before", 0}, {"!", unix.MSG_OOB}, {"behind", 0}} {
				if err := unix.Sendto(int(fd), []byte(part.text), part.flags, nil); err != nil {
					r.Fatal(err)
				}
			}
		})
		if got, err := r.read(b, 12); string(got) != "beforebehind" || err != nil {
			r.Errorf("got %q, %v, want beforebehind", got, err)
		}
	})
}

// The kernel ends a read behind data that came with descriptors, although more lies behind it.
func TestDescriptorsInAUnixStreamDoNotHideWhatFollowsThem(t *testing.T) {
	each(t, func(r *rig) {
		a, b := r.pair("unix")
		raw, err := a.SyscallConn()
		if err != nil {
			r.Fatal(err)
		}
		raw.Control(func(fd uintptr) {
			rights := unix.UnixRights(int(fd))
			for _, oob := range [][]byte{nil, rights, rights, nil} {
				if err := unix.Sendmsg(int(fd), []byte("part"), oob, nil, 0); err != nil {
					r.Fatal(err)
				}
			}
		})
		if got, err := r.read(b, 16); string(got) != "partpartpartpart" || err != nil {
			r.Errorf("got %q, %v, want all four parts", got, err)
		}
	})
}
