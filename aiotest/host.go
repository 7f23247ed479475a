package aiotest

// Hosts: machines of a simulated network, with addresses, ports and names.
//
// Which host a piece of code runs on is in its context. Both ends of a connection can
// therefore be tasks of one loop, and a test needs no second one.

import (
	"context"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/sock"
)

// A Host is a machine of a simulated [Network]. It is an [asyncio.Network] as well: that of
// a loop on which everything without a host of its own is on this one.
type Host struct {
	net   *Network
	name  string
	addrs []netip.Addr
	view  view
	limit int // of open sockets; 0: none
	open  int

	bound    map[binding]*listener
	busy     map[portKey]int // sockets on a port
	packets  []*packetSocket
	nextPort int
}

// portKey is a port of a host.
type portKey struct {
	port int
	udp  bool
}

// The ephemeral ports are those of Linux.
const (
	firstEphemeral = 32768
	lastEphemeral  = 60999
)

// hostKey is the context key of a host.
type hostKey struct{}

// Context returns a context under which everything is on h: what it dials, listens and
// resolves, and so for tasks that are created with it.
func (h *Host) Context(ctx context.Context) context.Context {
	return context.WithValue(ctx, hostKey{}, h)
}

// HostOf returns the host on which the code of ctx runs. It panics unless the loop that ctx
// carries has a simulated network.
func HostOf(ctx context.Context) *Host {
	host, err := asyncio.HostOf(ctx)
	v, ok := host.(*view)
	if err != nil || !ok {
		panic("aiotest: the loop has no simulated network: run it with Run, or with asyncio.WithNetwork(aiotest.NewNetwork())")
	}
	return v.host
}

// Name returns the name of the host, which resolves to its addresses.
func (h *Host) Name() string { return h.name }

// Addrs returns the addresses of the host, loopback ones aside.
func (h *Host) Addrs() []netip.Addr { return append([]netip.Addr(nil), h.addrs...) }

// SetSocketLimit makes dialling and accepting fail with EMFILE while the host has n sockets
// open. The default, 0, is no limit.
func (h *Host) SetSocketLimit(n int) { h.limit = n }

// Sockets returns the number of sockets the host has open.
func (h *Host) Sockets() int { return h.open }

// Crash ends everything on the host at once and tells nobody: connections break off with
// ECONNABORTED at this end, listeners and sockets for datagrams are closed, and the peers find
// out when they send something or wait for room to do so, which is answered with a reset. What is opened on the host afterwards works.
func (h *Host) Crash() {
	h.net.note("crash", h.name, "", 0)
	for _, s := range append([]socket(nil), h.net.socks...) {
		switch s := s.(type) {
		case *stream:
			if s.host == h {
				s.crash()
			}
		case *listener:
			if s.host == h {
				s.crash()
			}
		case *packetSocket:
			if s.host == h {
				s.crash()
			}
		}
	}
}

// crash is the end of the connection with its host. A peer that waits for room asks for it
// again and again, and so learns of it.
func (s *stream) crash() {
	s.breakOff(syscall.ECONNABORTED)
	s.in.forget()
	if s.in.stalled {
		s.out.send(packetRST)
	}
}

// openFile reports whether the host may open another socket.
func (h *Host) openFile(call string) error {
	if h.limit > 0 && h.open >= h.limit {
		return os.NewSyscallError(call, syscall.EMFILE)
	}
	return nil
}

// owns reports whether an address is one of the host's.
func (h *Host) owns(ip netip.Addr) bool {
	return ip.IsLoopback() || h.net.owners[ip] == h
}

// target returns the host that has ip, as seen from h; nil if none has.
func (h *Host) target(ip netip.Addr) *Host {
	if ip.IsLoopback() || ip.IsUnspecified() {
		return h
	}
	return h.net.owners[ip]
}

// listenerFor returns who listens at an address, the exact one before one for all.
func (h *Host) listenerFor(addr net.Addr) *listener {
	a, ok := addr.(*net.TCPAddr)
	if !ok {
		return h.bound[binding{path: addr.String()}]
	}
	ip := a.AddrPort().Addr().Unmap()
	l := h.bound[binding{ip: ip, port: a.Port}]
	if l == nil {
		l = h.bound[binding{ip: unspecified(ip), port: a.Port}]
	}
	if l == nil {
		l = h.bound[binding{port: a.Port}]
	}
	return l.shareOut()
}

// unspecified is every address of ip's family.
func unspecified(ip netip.Addr) netip.Addr {
	if ip.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// shareOut returns whose turn it is among the listeners that share a port.
func (l *listener) shareOut() *listener {
	if l == nil || l.next == nil {
		return l
	}
	n := 0
	for x := l; x != nil; x = x.next {
		n++
	}
	chosen := l
	for range l.turn % n {
		chosen = chosen.next
	}
	return chosen
}

// taken reports whether somebody listens where at would be.
func (h *Host) taken(at binding, share bool) bool {
	for other, l := range h.bound { // in any order: the answer is the same
		if other.path != at.path || other.port != at.port || share && l.shared {
			continue
		}
		if at.path != "" || other.ip == at.ip || !other.ip.IsValid() || !at.ip.IsValid() {
			return true
		}
		if other.ip.Is4() == at.ip.Is4() && (other.ip.IsUnspecified() || at.ip.IsUnspecified()) {
			return true
		}
	}
	return false
}

func (h *Host) unbind(l *listener) {
	first := h.bound[l.at]
	if first == l {
		if l.next == nil {
			delete(h.bound, l.at)
		} else {
			h.bound[l.at] = l.next
		}
		return
	}
	for x := first; x != nil; x = x.next {
		if x.next == l {
			x.next = l.next
		}
	}
}

// freePort returns a port nobody on the host uses.
func (h *Host) freePort(udp bool) (int, error) {
	for range lastEphemeral - firstEphemeral + 1 {
		port := h.nextPort
		if h.nextPort++; h.nextPort > lastEphemeral {
			h.nextPort = firstEphemeral
		}
		if h.busy[portKey{port, udp}] == 0 && (udp || !h.taken(binding{port: port}, false)) {
			return port, nil
		}
	}
	return 0, syscall.EADDRNOTAVAIL
}

func (h *Host) release(key portKey) {
	if h.busy[key]--; h.busy[key] == 0 {
		delete(h.busy, key)
	}
}

// view is what a loop sees of its network from one host: an asyncio.SimulatedHost.
type view struct{ host *Host }

var _ asyncio.SimulatedHost = (*view)(nil)

// Attach implements [asyncio.Network].
func (h *Host) Attach(l *asyncio.EventLoop) (asyncio.Host, error) {
	n := h.net
	if n.loop != nil {
		return nil, errAttached
	}
	n.loop, n.origin = l, l.Time()
	for _, h := range n.hosts {
		h.nextPort = firstEphemeral // so that a run does not depend on the one before
	}
	for _, f := range n.faults {
		f.begin()
	}
	return &h.view, nil
}

// HostOf implements asyncio.SimulatedHost.
func (v *view) HostOf(ctx context.Context) asyncio.Host {
	if h, ok := ctx.Value(hostKey{}).(*Host); ok && h.net == v.host.net {
		return &h.view
	}
	return v
}

// NextEvent implements asyncio.SimulatedHost.
func (v *view) NextEvent() (time.Duration, bool) { return v.host.net.events.next() }

// RunEvents implements asyncio.SimulatedHost.
func (v *view) RunEvents(now time.Duration) {
	q := &v.host.net.events
	for e := q.pop(now); e != nil; e = q.pop(now) {
		e.what.happen(now)
	}
}

// Sockets implements asyncio.SimulatedHost.
func (v *view) Sockets() int { return len(v.host.net.socks) }

// Close implements asyncio.Host.
func (v *view) Close() error {
	n := v.host.net
	for len(n.socks) > 0 {
		_ = n.socks[len(n.socks)-1].Close()
	}
	n.events.clear()
	for _, p := range n.paths { // in any order: each is set to the same
		p.busy = 0
	}
	n.loop = nil
	return nil
}

// Dial implements asyncio.Host.
func (v *view) Dial(network string, remote net.Addr, opts *sock.DialOptions) (sock.Stream, error) {
	return v.host.dial(network, remote, opts)
}

// Listen implements asyncio.Host.
func (v *view) Listen(network string, local net.Addr, opts sock.ListenOptions) (sock.Listener, error) {
	l, err := v.host.listenAt(network, local, opts)
	if err != nil {
		return nil, err
	}
	return l, nil
}
