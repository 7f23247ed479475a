//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/aio-go/aio/internal/sock"
	"github.com/aio-go/aio/internal/sockdir"
)

// Datagrams, on every poller and over UDP and Unix sockets.

var packetNetworks = []string{"udp4", "udp6", "unixgram"}

// packetAddr is a free local address on network.
func (r *rig) packetAddr(network string) net.Addr {
	switch network {
	case "unixgram":
		return &net.UnixAddr{Name: filepath.Join(sockdir.New(r), "s"), Net: network}
	case "udp6":
		return &net.UDPAddr{IP: net.IPv6loopback}
	}
	return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}
}

func (r *rig) openPacket(network string, local, remote net.Addr) sock.Packet {
	r.Helper()
	s, err := r.OpenPacket(network, local, remote, sock.PacketOptions{})
	if err != nil {
		if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) {
			r.Skipf("%s: %v", network, err)
		}
		r.Fatal(err)
	}
	s.SetNotify(func(sock.Ready) {})
	return s
}

// receive waits for a datagram.
func (r *rig) receive(s sock.Packet) (string, sock.PacketAddr, error) {
	r.Helper()
	buf := make([]byte, 1<<17)
	var n int
	var from sock.PacketAddr
	var err error
	r.until("a datagram", func() bool {
		n, from, err = s.TryReceive(buf)
		return err != sock.ErrWouldBlock
	})
	return string(buf[:n]), from, err
}

func (r *rig) sendPacket(s sock.Packet, text string, to sock.PacketAddr) {
	r.Helper()
	var err error
	r.until("room", func() bool {
		err = s.TrySend([]byte(text), to)
		return err != sock.ErrWouldBlock
	})
	if err != nil {
		r.Fatal(err)
	}
}

// eachPacket runs body for every poller and network.
func eachPacket(t *testing.T, body func(r *rig, network string)) {
	for _, network := range packetNetworks {
		t.Run(network, func(t *testing.T) {
			each(t, func(r *rig) { body(r, network) })
		})
	}
}

func TestDatagramsKeepTheirBoundsAndTellTheirSender(t *testing.T) {
	eachPacket(t, func(r *rig, network string) {
		a := r.openPacket(network, r.packetAddr(network), nil)
		b := r.openPacket(network, r.packetAddr(network), nil)
		toA, _ := sock.PacketAddrOf(a.LocalAddr())
		toB, ok := sock.PacketAddrOf(b.LocalAddr())
		if !ok || toB.IsZero() {
			r.Fatalf("the local address is %v", b.LocalAddr())
		}
		for i := range 5 {
			r.sendPacket(a, fmt.Sprintf("datagram %d", i), toB)
		}
		r.sendPacket(a, "", toB) // one without content is one
		r.sendPacket(a, "last", toB)
		for _, want := range []string{"datagram 0", "datagram 1", "datagram 2", "datagram 3", "datagram 4", "", "last"} {
			got, from, err := r.receive(b)
			if got != want || err != nil || from != toA {
				r.Errorf("got %q from %v, %v, want %q from %v", got, from, err, want, toA)
			}
		}
		if _, _, err := b.TryReceive(make([]byte, 1)); err != sock.ErrWouldBlock {
			r.Errorf("receiving from an empty socket: %v, want ErrWouldBlock", err)
		}
		r.sendPacket(b, "answer", toA)
		if got, from, err := r.receive(a); got != "answer" || from != toB || err != nil {
			r.Errorf("got %q from %v, %v", got, from, err)
		}
	})
}

func TestConnectedPacketSocketNeedsNoAddress(t *testing.T) {
	eachPacket(t, func(r *rig, network string) {
		server := r.openPacket(network, r.packetAddr(network), nil)
		var local net.Addr
		if network == "unixgram" {
			local = r.packetAddr(network)
		}
		client := r.openPacket(network, local, server.LocalAddr())
		if got := client.RemoteAddr(); got.String() != server.LocalAddr().String() {
			r.Errorf("the remote address is %v, want %v", got, server.LocalAddr())
		}
		if got := server.RemoteAddr(); got != nil {
			r.Errorf("the remote address of an unconnected socket is %v, want none", got)
		}
		r.sendPacket(client, "question", sock.PacketAddr{})
		got, from, err := r.receive(server)
		if want, _ := sock.PacketAddrOf(client.LocalAddr()); got != "question" || from != want || err != nil {
			r.Fatalf("got %q from %v, %v, want it from %v", got, from, err, want)
		}
		r.sendPacket(server, "answer", from)
		if got, _, err := r.receive(client); got != "answer" || err != nil {
			r.Errorf("got %q, %v", got, err)
		}
	})
}

func TestPortWhereNobodyListensIsReportedOnce(t *testing.T) {
	each(t, func(r *rig) {
		gone := r.openPacket("udp4", r.packetAddr("udp4"), nil)
		nobody := gone.LocalAddr()
		gone.Close()
		s := r.openPacket("udp4", nil, nobody)
		for range 3 {
			r.sendPacket(s, "hello?", sock.PacketAddr{})
			if _, _, err := r.receive(s); !errors.Is(err, syscall.ECONNREFUSED) {
				r.Errorf("got %v, want ECONNREFUSED", err)
			}
			if _, _, err := s.TryReceive(make([]byte, 1)); err != sock.ErrWouldBlock {
				r.Errorf("got %v after the error, want ErrWouldBlock", err)
			}
		}
	})
}

func TestDatagramThatCanNeverBeSentIsRefused(t *testing.T) {
	each(t, func(r *rig) {
		s := r.openPacket("udp4", r.packetAddr("udp4"), nil)
		to, _ := sock.PacketAddrOf(s.LocalAddr())
		if err := s.TrySend(make([]byte, sock.MaxUDP4+1), to); !errors.Is(err, sock.ErrTooLarge) {
			r.Errorf("got %v, want ErrTooLarge", err)
		}
		largest := string(make([]byte, sock.MaxUDP4))
		r.sendPacket(s, largest, to)
		if got, _, err := r.receive(s); got != largest || err != nil {
			r.Errorf("got %d bytes, %v, want %d", len(got), err, len(largest))
		}
	})
}

func TestAddressOfAnotherKindIsRefused(t *testing.T) {
	each(t, func(r *rig) {
		four, six := r.packetAddr("udp4"), &net.UDPAddr{IP: net.IPv6loopback, Port: 9}
		unix := &net.UnixAddr{Name: "x", Net: "unixgram"}
		for _, c := range []struct {
			network       string
			local, remote net.Addr
		}{
			{"udp4", six, nil}, {"udp6", four, nil}, {"udp", unix, nil}, {"unixgram", four, nil}, {"tcp", four, nil},
			{"udp", four, six}, {"unixgram", unix, six}, {"ip", nil, nil},
		} {
			if s, err := r.OpenPacket(c.network, c.local, c.remote, sock.PacketOptions{}); err == nil {
				r.Errorf("%s from %v to %v: want an error", c.network, c.local, c.remote)
				s.Close()
			}
		}
		s := r.openPacket("udp4", four, nil)
		for _, to := range []sock.PacketAddr{{AddrPort: netip.MustParseAddrPort("[::1]:9")}, {Path: "x"}, {}} {
			if err := s.TrySend([]byte("x"), to); err == nil || err == sock.ErrWouldBlock {
				r.Errorf("sending to %v: got %v, want an error", to, err)
			}
		}
	})
}

func TestBothFamiliesReachASocketWithoutAnAddress(t *testing.T) {
	each(t, func(r *rig) {
		s := r.openPacket("udp", &net.UDPAddr{}, nil)
		port := s.LocalAddr().(*net.UDPAddr).Port
		for _, ip := range []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback} {
			client, err := r.OpenPacket("udp", nil, &net.UDPAddr{IP: ip, Port: port}, sock.PacketOptions{})
			if err != nil {
				r.Logf("no %v here: %v", ip, err)
				continue
			}
			client.SetNotify(func(sock.Ready) {})
			r.sendPacket(client, "over "+ip.String(), sock.PacketAddr{})
			got, from, err := r.receive(s)
			if want := "over " + ip.String(); got != want || err != nil || from.Addr().String() != ip.String() {
				r.Errorf("got %q from %v, %v, want it from %v", got, from, err, ip)
			}
			r.sendPacket(s, "back", from)
			if got, _, err := r.receive(client); got != "back" || err != nil {
				r.Errorf("got %q, %v", got, err)
			}
		}
	})
}

func TestFullReceiverHoldsSendingUp(t *testing.T) {
	for _, connected := range []bool{true, false} {
		t.Run(fmt.Sprint("connected=", connected), func(t *testing.T) {
			each(t, func(r *rig) {
				server := r.openPacket("unixgram", r.packetAddr("unixgram"), nil)
				to, _ := sock.PacketAddrOf(server.LocalAddr())
				var remote, local net.Addr = nil, r.packetAddr("unixgram")
				if connected {
					remote, to = server.LocalAddr(), sock.PacketAddr{}
				}
				client := r.openPacket("unixgram", local, remote)
				sent, refused := 0, 0
				for refused < 3 { // the fallback's goroutine may be at it
					if err := client.TrySend([]byte("x"), to); err == sock.ErrWouldBlock {
						refused++
						r.Wait(0)
					} else if err != nil {
						r.Fatal(err)
					} else {
						sent++
					}
					if sent > 1<<20 {
						r.Skip("the receiver's queue is never full")
					}
				}
				for i := range sent {
					if got, _, err := r.receive(server); got != "x" || err != nil {
						r.Fatalf("datagram %d: got %q, %v", i, got, err)
					}
				}
				r.sendPacket(client, "again", to)
				if got, _, err := r.receive(server); got != "again" || err != nil {
					r.Errorf("got %q, %v", got, err)
				}
			})
		})
	}
}

func TestSocketFileGoesWithItsPacketSocket(t *testing.T) {
	each(t, func(r *rig) {
		addr := r.packetAddr("unixgram")
		s := r.openPacket("unixgram", addr, nil)
		if _, err := os.Stat(addr.String()); err != nil {
			r.Fatal(err)
		}
		if err := s.Close(); err != nil {
			r.Error(err)
		}
		if _, err := os.Stat(addr.String()); !errors.Is(err, os.ErrNotExist) {
			r.Errorf("the file is still there: %v", err)
		}
		for name, err := range map[string]error{
			"Close": s.Close(), "TrySend": s.TrySend(nil, sock.PacketAddr{}),
			"TryReceive": func() error { _, _, err := s.TryReceive(nil); return err }(),
		} {
			if !errors.Is(err, net.ErrClosed) {
				r.Errorf("%s after Close: got %v, want net.ErrClosed", name, err)
			}
		}
	})
}

func TestSocketFileIsNotLeftByAnAttempt(t *testing.T) {
	each(t, func(r *rig) {
		addr := r.packetAddr("unixgram")
		nobody := &net.UnixAddr{Name: addr.String() + ".nobody", Net: "unixgram"}
		if _, err := r.OpenPacket("unixgram", addr, nobody, sock.PacketOptions{}); !isErrno(err, syscall.ENOENT) {
			r.Errorf("got %v, want ENOENT", err)
		}
		if _, err := os.Lstat(addr.String()); !errors.Is(err, os.ErrNotExist) {
			r.Errorf("the file is there: %v", err)
		}
	})
}

func TestDatagramTakenIsSentAlthoughTheSocketIsClosed(t *testing.T) {
	each(t, func(r *rig) {
		server := r.openPacket("udp4", r.packetAddr("udp4"), nil)
		for range 50 {
			client := r.openPacket("udp4", nil, server.LocalAddr())
			if err := client.TrySend([]byte("bye"), sock.PacketAddr{}); err != nil {
				r.Fatal(err)
			}
			client.Close()
			if got, _, err := r.receive(server); got != "bye" || err != nil {
				r.Errorf("got %q, %v", got, err)
			}
		}
	})
}
