//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// nativePacket is a datagram socket on the native poller. It is readable until
// the kernel says that it has nothing left, since a datagram tells nothing of
// the next one.
type nativePacket struct {
	handle
	family family
	local  net.Addr
	remote net.Addr
	to4    unix.SockaddrInet4
	to6    unix.SockaddrInet6
	toUnix unix.SockaddrUnix
}

// OpenPacket implements Network.
func (p *nativePoller) OpenPacket(network string, local, remote net.Addr, opts PacketOptions) (Packet, error) {
	fam, err := packetFamily(network, local, remote)
	if err != nil {
		return nil, err
	}
	s, err := p.openPacket(fam, network, local, remote, opts)
	if fam == familyInet6 && network == "udp" && wildcardUDP(local) && remote == nil &&
		(errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL)) {
		s, err = p.openPacket(familyInet4, network, local, remote, opts) // a system without IPv6
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (p *nativePoller) openPacket(fam family, network string, local, remote net.Addr, opts PacketOptions) (*nativePacket, error) {
	fd, err := newSocket(fam, unix.SOCK_DGRAM)
	if err != nil {
		return nil, err
	}
	s := &nativePacket{family: fam, remote: remote}
	s.handle.datagrams = true
	if err := s.prepare(fd, network, local, remote, opts); err != nil {
		closeFD(fd)
		s.file.remove()
		return nil, err
	}
	if err := p.register(&s.handle, fd); err != nil {
		s.file.remove()
		return nil, err
	}
	s.local = s.nameOf(fd)
	// There is room in a fresh socket. Whether there is something to be read the
	// kernel says with the next batch of events.
	s.ready |= Writable
	return s, nil
}

// prepare sets what the socket needs set, binds and connects it.
func (s *nativePacket) prepare(fd int, network string, local, remote net.Addr, opts PacketOptions) error {
	if err := s.configure(fd, network, local, opts); err != nil {
		return err
	}
	addr := local
	if addr == nil {
		addr = remote
	}
	if addr == nil {
		addr = s.noAddr()
	}
	if err := control(opts.Control, fd, s.family, network, addr); err != nil {
		return err
	}
	if local != nil {
		sa, err := s.sockaddr(local)
		if err != nil {
			return err
		}
		if err := unix.Bind(fd, sa); err != nil {
			return os.NewSyscallError("bind", err)
		}
		s.file = fileOf(local)
	}
	if remote != nil {
		sa, err := s.sockaddr(remote)
		if err != nil {
			return err
		}
		return os.NewSyscallError("connect", unix.Connect(fd, sa))
	}
	return nil
}

func (s *nativePacket) configure(fd int, network string, local net.Addr, opts PacketOptions) error {
	if s.family == familyInet6 {
		both := network == "udp" && (local == nil || wildcardUDP(local))
		if err := setInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, btoi(!both)); err != nil {
			return err
		}
	}
	if opts.ReusePort {
		if err := setInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return err
		}
	}
	if opts.Broadcast && s.family != familyUnix {
		return setInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1)
	}
	return nil
}

// TryReceive implements Packet.
func (s *nativePacket) TryReceive(p []byte) (int, PacketAddr, error) {
	switch {
	case s.closed:
		return 0, PacketAddr{}, net.ErrClosed
	case s.ready&Readable == 0:
		return 0, PacketAddr{}, ErrWouldBlock
	}
	for {
		n, from, err := unix.Recvfrom(s.fd, p, 0)
		switch err {
		case nil:
			return n, packetAddrOf(from), nil
		case unix.EINTR:
		case unix.EAGAIN:
			s.ready &^= Readable
			return 0, PacketAddr{}, ErrWouldBlock
		default:
			return 0, PacketAddr{}, os.NewSyscallError("recvfrom", err)
		}
	}
}

// TrySend implements Packet.
func (s *nativePacket) TrySend(p []byte, to PacketAddr) error {
	switch {
	case s.closed:
		return net.ErrClosed
	case s.ready&Writable == 0:
		return ErrWouldBlock
	}
	sa, err := s.target(to)
	if err != nil {
		return err
	}
	for {
		if sa == nil {
			err = unix.Send(s.fd, p, 0)
		} else {
			err = unix.Sendto(s.fd, p, 0, sa)
		}
		switch err {
		case nil:
			return nil
		case unix.EINTR:
		case unix.EAGAIN:
			// The kernel tells when there is room again, except in the queue of
			// another Unix socket that this one is not connected to.
			if s.family != familyUnix || sa == nil {
				s.ready &^= Writable
			}
			return ErrWouldBlock
		case unix.ENOBUFS:
			return ErrWouldBlock // nobody tells when a device has room again
		case unix.EMSGSIZE:
			return fmt.Errorf("%w: %w", ErrTooLarge, os.NewSyscallError("sendto", err))
		default:
			return os.NewSyscallError("sendto", err)
		}
	}
}

// target is to in the kernel's form, in space of the socket's; nil for the
// peer.
func (s *nativePacket) target(to PacketAddr) (unix.Sockaddr, error) {
	switch {
	case to.IsZero():
		return nil, nil
	case s.family == familyUnix:
		if to.IsValid() {
			return nil, &net.AddrError{Err: "not a Unix address", Addr: to.String()}
		}
		s.toUnix.Name = to.Path
		return &s.toUnix, nil
	case !to.IsValid():
		return nil, &net.AddrError{Err: "not a UDP address", Addr: to.Path}
	case s.family == familyInet4:
		if !to.Addr().Unmap().Is4() {
			return nil, &net.AddrError{Err: "not an IPv4 address", Addr: to.String()}
		}
		s.to4.Addr, s.to4.Port = to.Addr().Unmap().As4(), int(to.Port())
		return &s.to4, nil
	}
	zone, err := zoneIndex(to.Addr().Zone())
	if err != nil {
		return nil, &net.AddrError{Err: err.Error(), Addr: to.String()}
	}
	s.to6.Addr, s.to6.Port, s.to6.ZoneId = to.Addr().As16(), int(to.Port()), zone
	return &s.to6, nil
}

// Close implements Packet. The file of a Unix socket is removed, unless
// somebody has put another one in its place.
func (s *nativePacket) Close() error { return s.close() }

// LocalAddr implements Packet.
func (s *nativePacket) LocalAddr() net.Addr { return s.local }

// RemoteAddr implements Packet.
func (s *nativePacket) RemoteAddr() net.Addr { return s.remote }

// nameOf asks the kernel for the local address of fd.
func (s *nativePacket) nameOf(fd int) net.Addr {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return s.noAddr()
	}
	return s.family.udpOrUnix(packetAddrOf(sa))
}

func (s *nativePacket) noAddr() net.Addr { return s.family.udpOrUnix(PacketAddr{}) }

func (f family) udpOrUnix(a PacketAddr) net.Addr {
	if f != familyUnix && !a.IsValid() {
		return &net.UDPAddr{}
	}
	return a.NetAddr()
}

// sockaddr is the address in the kernel's form.
func (s *nativePacket) sockaddr(addr net.Addr) (unix.Sockaddr, error) {
	if a, ok := addr.(*net.UDPAddr); ok {
		addr = (*net.TCPAddr)(a)
	}
	return s.family.sockaddr(addr)
}

// packetAddrOf is sa as datagrams have it.
func packetAddrOf(sa unix.Sockaddr) PacketAddr {
	if sa, ok := sa.(*unix.SockaddrUnix); ok {
		return PacketAddr{Path: sa.Name}
	}
	return PacketAddr{AddrPort: addrPortOf(sa)}
}

// packetFamily chooses the family of a socket, and checks that the addresses
// and the network go together.
func packetFamily(network string, local, remote net.Addr) (family, error) {
	fam := family(0)
	for _, addr := range []net.Addr{remote, local} {
		if addr == nil {
			continue
		}
		f, err := familyOfPacketAddr(network, addr)
		if err != nil {
			return 0, err
		}
		if fam == 0 {
			fam = f
		}
		if f != fam && !wildcardUDP(addr) {
			return 0, &net.AddrError{Err: "the addresses are of different families", Addr: fmt.Sprint(addr)}
		}
	}
	switch {
	case fam != 0:
		return fam, nil
	case network == "unixgram":
		return familyUnix, nil
	case network == "udp4":
		return familyInet4, nil
	case network == "udp", network == "udp6":
		return familyInet6, nil
	}
	return 0, net.UnknownNetworkError(network)
}

func familyOfPacketAddr(network string, addr net.Addr) (family, error) {
	switch a := addr.(type) {
	case *net.UnixAddr:
		if network == "unixgram" && a != nil {
			return familyUnix, nil
		}
	case *net.UDPAddr:
		if a != nil && len(network) >= len("udp") && network[:3] == "udp" {
			return familyFor("tcp"+network[3:], (*net.TCPAddr)(a))
		}
	}
	return 0, &net.AddrError{Err: "address does not fit network " + network, Addr: fmt.Sprint(addr)}
}

// wildcardUDP reports whether addr is every address of this machine.
func wildcardUDP(addr net.Addr) bool {
	a, ok := addr.(*net.UDPAddr)
	return ok && len(a.IP) == 0
}
