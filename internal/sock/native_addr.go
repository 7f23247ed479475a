//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// Addresses between package net's form and the kernel's.

// family is the address family of a socket.
type family int

const (
	familyInet4 family = unix.AF_INET
	familyInet6 family = unix.AF_INET6
	familyUnix  family = unix.AF_UNIX
)

// familyFor chooses the family for addr on network, and checks that the two
// go together.
func familyFor(network string, addr net.Addr) (family, error) {
	switch a := addr.(type) {
	case *net.UnixAddr:
		if network == "unix" && a != nil {
			return familyUnix, nil
		}
	case *net.TCPAddr:
		four := a.IP.To4() != nil
		switch {
		case network == "tcp4" && (four || len(a.IP) == 0), network == "tcp" && four:
			return familyInet4, nil
		case (network == "tcp6" || network == "tcp") && !four:
			return familyInet6, nil
		}
	}
	return 0, &net.AddrError{Err: "address does not fit network " + network, Addr: fmt.Sprint(addr)}
}

// sockaddr is addr in the kernel's form. The unspecified address of the family
// stands in for an address without an IP.
func (f family) sockaddr(addr net.Addr) (unix.Sockaddr, error) {
	if f == familyUnix {
		a, ok := addr.(*net.UnixAddr)
		if !ok {
			return nil, &net.AddrError{Err: "not a Unix address", Addr: addr.String()}
		}
		return &unix.SockaddrUnix{Name: a.Name}, nil
	}
	a, ok := addr.(*net.TCPAddr)
	if !ok {
		return nil, &net.AddrError{Err: "not a TCP address", Addr: addr.String()}
	}
	if f == familyInet4 {
		sa := &unix.SockaddrInet4{Port: a.Port}
		if ip := a.IP.To4(); ip != nil {
			sa.Addr = [4]byte(ip)
		} else if len(a.IP) != 0 {
			return nil, &net.AddrError{Err: "not an IPv4 address", Addr: a.String()}
		}
		return sa, nil
	}
	sa := &unix.SockaddrInet6{Port: a.Port}
	if ip := a.IP.To16(); ip != nil {
		sa.Addr = [16]byte(ip)
	}
	zone, err := zoneIndex(a.Zone)
	if err != nil {
		return nil, &net.AddrError{Err: err.Error(), Addr: a.String()}
	}
	sa.ZoneId = zone
	return sa, nil
}

// addrOf is sa in package net's form.
func (f family) addrOf(sa unix.Sockaddr) net.Addr {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port}
	case *unix.SockaddrInet6:
		return &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port, Zone: zoneName(sa.ZoneId)}
	case *unix.SockaddrUnix:
		return &net.UnixAddr{Name: sa.Name, Net: "unix"}
	}
	return f.noAddr()
}

// nameOf asks the kernel for the local address of fd.
func (f family) nameOf(fd int) net.Addr {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return f.noAddr()
	}
	return f.addrOf(sa)
}

// noAddr is the address of the family that says nothing.
func (f family) noAddr() net.Addr {
	if f == familyUnix {
		return &net.UnixAddr{Net: "unix"}
	}
	return &net.TCPAddr{}
}

// addrPortOf is for accepted TCP connections, where making a net.Addr for
// every one would be waste.
func addrPortOf(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		addr := netip.AddrFrom16(sa.Addr).Unmap()
		if sa.ZoneId != 0 {
			addr = addr.WithZone(zoneName(sa.ZoneId))
		}
		return netip.AddrPortFrom(addr, uint16(sa.Port))
	}
	return netip.AddrPort{}
}

func zoneName(index uint32) string {
	if index == 0 {
		return ""
	}
	if ifi, err := net.InterfaceByIndex(int(index)); err == nil {
		return ifi.Name
	}
	return strconv.FormatUint(uint64(index), 10)
}

func zoneIndex(name string) (uint32, error) {
	if name == "" {
		return 0, nil
	}
	if ifi, err := net.InterfaceByName(name); err == nil {
		return uint32(ifi.Index), nil
	}
	index, err := strconv.ParseUint(name, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("no interface %q", name)
	}
	return uint32(index), nil
}
