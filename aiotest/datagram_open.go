package aiotest

// Opening sockets for datagrams, and finding the one that a datagram is for.

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/aio-go/aio/internal/sock"
)

// OpenPacket implements asyncio.Host.
func (v *view) OpenPacket(network string, local, remote net.Addr, opts sock.PacketOptions) (sock.Packet, error) {
	h := v.host
	s := &packetSocket{host: h, network: network, shared: opts.ReusePort, casts: opts.Broadcast, place: -1}
	s.room.socket, s.room.what = s, &s.room
	if err := s.open(local, remote, opts); err != nil {
		return nil, err
	}
	s.ready = sock.Writable
	h.packets = append(h.packets, s)
	h.net.add(s)
	h.net.note("open", s.label(), "", 0)
	return s, nil
}

func (s *packetSocket) open(local, remote net.Addr, opts sock.PacketOptions) error {
	h := s.host
	about := local
	if local == nil {
		about = remote
	}
	if about == nil {
		about = &net.UDPAddr{}
	}
	if err := h.openFile("socket"); err != nil {
		return err
	}
	ip, _ := sock.PacketAddrOf(about)
	if err := control(opts.Control, s.network, ip.Addr(), about); err != nil {
		return err
	}
	if local != nil {
		if err := h.net.refusal(faultListen, h, nil, portOf(local)); err != nil {
			return os.NewSyscallError("bind", err)
		}
	}
	if remote != nil {
		if err := h.net.refusal(faultDial, h, nil, portOf(remote)); err != nil {
			return os.NewSyscallError("connect", err)
		}
	}
	if s.unix() {
		return s.openUnix(local, remote)
	}
	return s.openUDP(local, remote)
}

func portOf(addr net.Addr) int {
	switch a := addr.(type) {
	case *net.TCPAddr:
		return a.Port
	case *net.UDPAddr:
		return a.Port
	}
	return 0
}

func (s *packetSocket) openUnix(local, remote net.Addr) error {
	s.local, _ = sock.PacketAddrOf(local)
	if s.local.Path != "" && s.host.unixSocket(s.local.Path) != nil {
		return os.NewSyscallError("bind", syscall.EADDRINUSE)
	}
	if remote != nil {
		s.peer, _ = sock.PacketAddrOf(remote)
		if s.host.unixSocket(s.peer.Path) == nil {
			return os.NewSyscallError("connect", syscall.ENOENT)
		}
	}
	return nil
}

func (s *packetSocket) openUDP(local, remote net.Addr) error {
	if remote != nil {
		s.peer, _ = sock.PacketAddrOf(remote)
		if ip := s.peer.Addr(); ip.IsUnspecified() {
			s.peer.AddrPort = netip.AddrPortFrom(loopback(ip), s.peer.Port())
		}
	}
	ip, port, err := s.source(local)
	if err != nil {
		return err
	}
	if s.peer.IsValid() && ip.IsUnspecified() {
		if ip = s.host.sourceFor(s.peer.Addr()); !ip.IsValid() {
			return os.NewSyscallError("connect", syscall.ENETUNREACH)
		}
	}
	if s.peer.IsValid() && ip.Is4() != s.peer.Addr().Is4() {
		return &net.AddrError{Err: "the addresses are of different families", Addr: local.String()}
	}
	if port == 0 {
		if port, err = s.host.freePort(true); err != nil {
			return os.NewSyscallError("bind", err)
		}
	} else if s.host.packetTaken(ip, port, s.shared) {
		return os.NewSyscallError("bind", syscall.EADDRINUSE)
	}
	s.local.AddrPort = netip.AddrPortFrom(ip, uint16(port))
	s.held = portKey{port, true}
	s.host.busy[s.held]++
	return nil
}

// source returns what the socket is to be bound to, before that is completed.
func (s *packetSocket) source(local net.Addr) (ip netip.Addr, port int, err error) {
	ip = netip.IPv6Unspecified()
	if s.network == "udp4" || s.peer.IsValid() && s.peer.Addr().Is4() {
		ip = netip.IPv4Unspecified()
	}
	a, ok := local.(*net.UDPAddr)
	if !ok || a == nil {
		return ip, 0, nil
	}
	if len(a.IP) > 0 {
		ip = a.AddrPort().Addr().Unmap()
	}
	if !ip.IsUnspecified() && !s.host.owns(ip) {
		return ip, 0, os.NewSyscallError("bind", syscall.EADDRNOTAVAIL)
	}
	return ip, a.Port, nil
}

// packetTaken reports whether a socket for datagrams has what another one wants.
func (h *Host) packetTaken(ip netip.Addr, port int, share bool) bool {
	return slices.ContainsFunc(h.packets, func(s *packetSocket) bool {
		own := s.local.Addr()
		return int(s.local.Port()) == port && !(share && s.shared) && (own == ip || own.IsUnspecified() || ip.IsUnspecified())
	})
}

// packetSocketFor returns the socket that a datagram is for: one that is connected to the
// sender before one bound to the address, and that before one for all addresses. Among equals
// that share a port the sender's port decides.
func (h *Host) packetSocketFor(to, from sock.PacketAddr) *packetSocket {
	var found []*packetSocket
	best := 0
	for _, s := range h.packets {
		if score := s.score(to, from); score > best {
			best, found = score, append(found[:0], s)
		} else if score == best && score > 0 {
			found = append(found, s)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return found[int(from.Port())%len(found)]
}

// score says how well a datagram fits the socket; 0: not at all.
func (s *packetSocket) score(to, from sock.PacketAddr) int {
	own, score := s.local.Addr(), 1
	switch {
	case s.unix() || s.local.Port() != to.Port():
		return 0
	case own == to.Addr():
		score++
	case !own.IsUnspecified() || own.Is4() && !to.Addr().Is4() || s.network == "udp6" && to.Addr().Is4():
		return 0
	}
	if s.peer.IsValid() {
		if s.peer.AddrPort != from.AddrPort {
			return 0
		}
		score += 2
	}
	return score
}

// unixSocket returns the socket for datagrams at a path.
func (h *Host) unixSocket(path string) *packetSocket {
	for _, s := range h.packets {
		if s.unix() && s.local.Path == path && path != "" {
			return s
		}
	}
	return nil
}

// leave gives back what the socket has on its host.
func (s *packetSocket) leave() {
	h := s.host
	h.packets = slices.DeleteFunc(h.packets, func(other *packetSocket) bool { return other == s })
	if s.held.port != 0 {
		h.release(s.held)
		s.held = portKey{}
	}
}

// judgeDatagram applies the faults to a datagram.
func (n *Network) judgeDatagram(from, to *Host, port int, now time.Duration) (v verdict) {
	for _, f := range n.faults {
		if f.kind > faultDelay || !f.inForce(now) || !f.between(from, to) || f.port != 0 && f.port != port || !f.strikes() {
			continue
		}
		v.lost = v.lost || f.kind == faultLoss
		if f.kind == faultDelay {
			v.delay += f.delay
		}
	}
	return v
}
