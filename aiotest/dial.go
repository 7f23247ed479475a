package aiotest

// Beginning a connection or a listener: which addresses and ports they get, and what a
// kernel would refuse.

import (
	"net"
	"net/netip"
	"os"
	"syscall"

	"github.com/aio-go/aio/internal/sock"
)

// dial starts a connection from h.
func (h *Host) dial(network string, remote net.Addr, opts *sock.DialOptions) (*stream, error) {
	switch remote := remote.(type) {
	case *net.UnixAddr:
		return h.dialUnix(remote, opts)
	case *net.TCPAddr:
		return h.dialTCP(network, remote, opts)
	}
	return nil, net.UnknownNetworkError(network)
}

func (h *Host) dialTCP(network string, remote *net.TCPAddr, opts *sock.DialOptions) (*stream, error) {
	ip := remote.AddrPort().Addr().Unmap()
	if ip.IsUnspecified() {
		ip = loopback(ip)
	}
	target := h.target(ip)
	if err := h.mayDial(target, network, ip, remote, opts.Control); err != nil {
		return nil, err
	}
	from, held, err := h.sourceOf(ip, opts.Local)
	if err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	c := newConnection(h.net, "tcp", h, target)
	c.port = remote.Port
	s, other := &c.ends[0], &c.ends[1]
	s.local, s.remote = tcpAddr(from, held.port), tcpAddr(ip, remote.Port)
	other.local, other.remote = s.remote, s.local
	s.holds = held
	s.keep = probes(opts.KeepAlive)
	h.net.add(s)
	h.net.note("dial", s.label(), remote.String(), 0)
	s.out.send(packetSYN)
	return s, nil
}

// mayDial is what can go wrong before anything is sent.
func (h *Host) mayDial(target *Host, network string, ip netip.Addr, remote net.Addr, hook sock.ControlFunc) error {
	if err := h.openFile("socket"); err != nil {
		return err
	}
	if err := control(hook, network, ip, remote); err != nil {
		return err
	}
	if err := h.net.refusal(faultDial, h, target, portOf(remote)); err != nil {
		return os.NewSyscallError("connect", err)
	}
	return nil
}

// sourceOf returns the address from which to reach ip, and the port that is taken for it.
func (h *Host) sourceOf(ip netip.Addr, local net.Addr) (from netip.Addr, held portKey, err error) {
	port := 0
	if local, ok := local.(*net.TCPAddr); ok && local != nil {
		from, port = local.AddrPort().Addr().Unmap(), local.Port
	}
	switch {
	case !from.IsValid() || from.IsUnspecified():
		from = h.sourceFor(ip)
		if !from.IsValid() {
			return from, held, syscall.ENETUNREACH
		}
	case from.Is4() != ip.Is4():
		return from, held, syscall.EINVAL
	case !h.owns(from):
		return from, held, syscall.EADDRNOTAVAIL
	}
	if port == 0 {
		if port, err = h.freePort(false); err != nil {
			return from, held, err
		}
	} else if h.busy[portKey{port: port}] > 0 {
		return from, held, syscall.EADDRINUSE
	}
	held = portKey{port: port}
	h.busy[held]++
	return from, held, nil
}

// sourceFor returns the host's own address for reaching ip.
func (h *Host) sourceFor(ip netip.Addr) netip.Addr {
	if ip.IsLoopback() || h.net.owners[ip] == h {
		return ip
	}
	for _, own := range h.addrs {
		if own.Is4() == ip.Is4() {
			return own
		}
	}
	return netip.Addr{}
}

// dialUnix connects at once, as it does with a kernel, unless too many wait to be accepted:
// then it waits in a line of those, as one that may block does.
func (h *Host) dialUnix(remote *net.UnixAddr, opts *sock.DialOptions) (*stream, error) {
	if err := h.mayDial(h, "unix", netip.Addr{}, remote, opts.Control); err != nil {
		return nil, err
	}
	l := h.bound[binding{path: remote.Name}]
	if l == nil {
		return nil, os.NewSyscallError("connect", syscall.ENOENT)
	}
	c := newConnection(h.net, "unix", h, h)
	c.path = remote.Name
	s, other := &c.ends[0], &c.ends[1]
	unnamed := &net.UnixAddr{Net: "unix"}
	s.local, s.remote = unnamed, remote
	other.local, other.remote = l.addr, unnamed
	h.net.add(s)
	h.net.note("dial", s.label(), remote.Name, 0)
	if l.pending >= l.backlog {
		c.accepted = l
		l.line = append(l.line, s)
		return s, nil
	}
	other.join(l)
	s.state, s.ready = streamOpen, sock.Writable
	s.out.send(packetACK)
	return s, nil
}

// listenAt starts a listener on h.
func (h *Host) listenAt(network string, local net.Addr, opts sock.ListenOptions) (*listener, error) {
	switch local := local.(type) {
	case *net.UnixAddr:
		return h.listen("unix", binding{path: local.Name}, local, opts)
	case *net.TCPAddr:
		return h.listenTCP(network, local, opts)
	}
	return nil, net.UnknownNetworkError(network)
}

func (h *Host) listenTCP(network string, local *net.TCPAddr, opts sock.ListenOptions) (*listener, error) {
	ip := local.AddrPort().Addr().Unmap()
	at := binding{ip: ip, port: local.Port}
	switch {
	case len(local.IP) == 0:
		ip, at.ip = netip.IPv6Unspecified(), everyAddress(network)
		if network == "tcp4" {
			ip = at.ip
		}
	case !ip.IsUnspecified() && !h.owns(ip):
		return nil, os.NewSyscallError("bind", syscall.EADDRNOTAVAIL)
	}
	if at.port == 0 {
		port, err := h.freePort(false)
		if err != nil {
			return nil, os.NewSyscallError("bind", err)
		}
		at.port = port
	}
	return h.listen(network, at, tcpAddr(ip, at.port), opts)
}

// everyAddress is every address of the network's families.
func everyAddress(network string) netip.Addr {
	switch network {
	case "tcp4":
		return netip.IPv4Unspecified()
	case "tcp6":
		return netip.IPv6Unspecified()
	}
	return netip.Addr{}
}

func loopback(ip netip.Addr) netip.Addr {
	if ip.Is4() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}

// add notes an open socket.
func (n *Network) add(s socket) {
	*s.slot() = len(n.socks)
	n.socks = append(n.socks, s)
	s.on().open++
}

// remove forgets a socket that is closed. One that was never open is not there.
func (n *Network) remove(s socket) {
	i := *s.slot()
	if i < 0 {
		return
	}
	last := len(n.socks) - 1
	n.socks[i] = n.socks[last]
	*n.socks[i].slot() = i
	n.socks[last] = nil
	n.socks = n.socks[:last]
	*s.slot() = -1
	s.on().open--
}

// note tells the trace what happened.
func (n *Network) note(what, from, to string, bytes int) {
	if n.trace != nil {
		n.trace(NetworkEvent{At: n.now() - n.origin, What: what, From: from, To: to, Bytes: bytes})
	}
}
