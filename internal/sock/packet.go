package sock

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
)

// Sockets for datagrams. A datagram is sent whole or not at all, and received
// whole or not at all; what an earlier one met with, such as a port where
// nobody listens, is told by a later operation.

// ErrTooLarge is the error of a datagram that is larger than the network or
// the system takes. It comes together with the system's own, if that said so.
var ErrTooLarge = errors.New("datagram too large")

// Largest payloads of UDP over IPv4 and IPv6, in bytes.
const (
	MaxUDP4 = 65535 - 8 - 20
	MaxUDP6 = 65535 - 8
)

// PacketOptions refine Network.OpenPacket; the zero value is usable.
type PacketOptions struct {
	ReusePort bool // SO_REUSEPORT
	Broadcast bool // SO_BROADCAST: sending to a broadcast address is allowed
	Control   ControlFunc
}

// PacketAddr is the other end of a datagram: an address and port of UDP, or
// the path of a Unix socket. The zero value is nobody in particular: the peer
// of a connected socket, or a Unix socket without a name.
type PacketAddr struct {
	netip.AddrPort
	Path string
}

// IsZero reports whether the address says nothing.
func (a PacketAddr) IsZero() bool { return a == PacketAddr{} }

// NetAddr is the address in package net's form: *net.UDPAddr if it has a port,
// else *net.UnixAddr.
func (a PacketAddr) NetAddr() net.Addr {
	if a.IsValid() {
		return net.UDPAddrFromAddrPort(a.AddrPort)
	}
	return &net.UnixAddr{Name: a.Path, Net: "unixgram"}
}

// PacketAddrOf is the opposite of NetAddr. It reports false for an address of
// another kind.
func PacketAddrOf(addr net.Addr) (PacketAddr, bool) {
	switch a := addr.(type) {
	case *net.UDPAddr:
		if a == nil {
			return PacketAddr{}, false
		}
		ap := a.AddrPort()
		return PacketAddr{AddrPort: netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())}, ap.IsValid()
	case *net.UnixAddr:
		if a == nil {
			return PacketAddr{}, false
		}
		return PacketAddr{Path: a.Name}, true
	}
	return PacketAddr{}, false
}

// Packet is a socket for datagrams.
type Packet interface {
	// TryReceive takes a datagram and tells where it is from; what does not
	// fit into p is lost. It answers ErrWouldBlock if there is none. An error
	// otherwise is about a datagram sent earlier, or about the socket; the
	// socket stays usable as far as it is not closed.
	TryReceive(p []byte) (int, PacketAddr, error)
	// TrySend sends a datagram, to the peer of a connected socket if to is
	// zero. If it answers ErrWouldBlock although the socket stays Writable,
	// there is no room somewhere that the system does not watch, and it should
	// be tried again after a while. ErrTooLarge is the error of a datagram that
	// can never be sent.
	TrySend(p []byte, to PacketAddr) error

	// SetNotify sets the function that Wait calls with what has newly become
	// ready, Readable or Writable. It is never called after Close. Readiness
	// that was known before is not reported again: Ready tells it.
	SetNotify(f func(Ready))
	// Ready is the last known readiness; asking costs no system call.
	Ready() Ready

	Close() error
	LocalAddr() net.Addr
	// RemoteAddr is the peer of a connected socket, nil if it is not connected.
	RemoteAddr() net.Addr
	// SyscallConn gives access to the descriptor; only Control is useful.
	SyscallConn() (syscall.RawConn, error)
}
