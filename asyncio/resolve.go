package asyncio

// Name resolution: off the loop, and once for all who ask for the same name at the same
// time.

import (
	"context"
	"net"
	"net/netip"

	"github.com/aio-go/aio/internal/sock"
)

// A Resolver finds the addresses of hosts.
type Resolver interface {
	// LookupHost returns the addresses of host in the order in which they should be tried.
	// network is "ip", "ip4" or "ip6". It may suspend the task of ctx; it is never asked
	// about address literals.
	LookupHost(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// LookupHost resolves host to addresses, in the order in which they should be tried.
// network is "ip", "ip4" or "ip6". An address literal is returned as it is, without
// suspending; a name suspends the task while the executor asks the system's resolver. Tasks
// that ask for the same name at the same time share one look-up. When ctx ends LookupHost
// returns its error; the look-up goes on for the others. Errors are *net.DNSError.
// CPython: loop.getaddrinfo.
func LookupHost(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	n, err := loopOf(ctx).networkOf(ctx)
	if err != nil {
		return nil, err
	}
	return n.LookupHost(ctx, network, host)
}

// LookupAddr finds the names of an address, the first of them the one that is meant when only one is
// wanted, without a dot at their end. The task is suspended while the executor asks the system's
// resolver; when ctx ends LookupAddr returns its error. Errors are *net.DNSError; IsNotFound is set in that
// of an address without a name. There is no counterpart for the port: its number says more than the name of a
// service. CPython: loop.getnameinfo.
func LookupAddr(ctx context.Context, addr netip.Addr) ([]string, error) {
	if !addr.IsValid() {
		return nil, &net.DNSError{Err: "the zero netip.Addr is no address", Name: addr.String()}
	}
	h, err := loopOf(ctx).networkOf(ctx)
	if err != nil {
		return nil, err
	}
	n, ok := h.(AddrLookup)
	if !ok {
		return nil, &net.DNSError{Err: "the network of the loop has no names for addresses", Name: addr.String(), IsNotFound: true}
	}
	return n.LookupAddr(ctx, addr)
}

// LookupAddr implements AddrLookup.
func (h *systemHost) LookupAddr(ctx context.Context, addr netip.Addr) ([]string, error) {
	return ToThread(ctx, func(ctx context.Context) ([]string, error) { return sock.LookupAddr(ctx, addr) })
}

type lookupKey struct{ network, host string }

// A lookup is under way in the executor.
type lookup struct {
	future *Future[[]netip.Addr]
	asking int // tasks that wait for it
}

// LookupHost implements Host.
func (h *systemHost) LookupHost(ctx context.Context, network, host string) ([]netip.Addr, error) {
	key := lookupKey{network, host}
	u := h.lookups[key]
	if u == nil {
		u = h.startLookup(key)
	}
	u.asking++
	addrs, err := u.future.Await(ctx)
	u.asking--
	if !u.future.Done() && u.asking == 0 {
		delete(h.lookups, key)
		u.future.Cancel(nil)
	}
	if err != nil {
		return nil, err
	}
	// Everybody gets a slice to do with as he likes.
	return append([]netip.Addr(nil), addrs...), nil
}

func (h *systemHost) startLookup(key lookupKey) *lookup {
	u := new(lookup)
	u.future = RunInExecutor(h.loop, func(ctx context.Context) ([]netip.Addr, error) {
		return sock.LookupHost(ctx, key.network, key.host)
	})
	u.future.AddDoneCallback(func(*Future[[]netip.Addr]) {
		if h.lookups[key] == u {
			delete(h.lookups, key)
		}
	})
	if h.lookups == nil {
		h.lookups = make(map[lookupKey]*lookup)
	}
	h.lookups[key] = u
	return u
}

// LookupPort implements Host.
func (h *systemHost) LookupPort(ctx context.Context, network, service string) (int, error) {
	return ToThread(ctx, func(ctx context.Context) (int, error) {
		return sock.LookupPort(ctx, network, service)
	})
}

// resolve turns an endpoint into the addresses to try, in order. passive is for listening,
// where an empty host is every address instead of this machine.
func (e *endpoint) resolve(ctx context.Context, h Host, r Resolver, passive bool) ([]net.Addr, error) {
	if e.isUnix() {
		return []net.Addr{&net.UnixAddr{Name: e.path, Net: e.network}}, nil
	}
	if e.port < 0 {
		port, err := h.LookupPort(ctx, e.network, e.service)
		if err != nil {
			return nil, err
		}
		e.port = port
	}
	switch {
	case e.literal.IsValid():
		return []net.Addr{e.addr(e.literal)}, nil
	case e.host == "" && passive:
		return []net.Addr{e.addr(netip.Addr{})}, nil
	case e.host == "":
		return []net.Addr{e.addr(e.loopback())}, nil
	}
	if r == nil {
		r = h
	}
	ips, err := r.LookupHost(ctx, e.ipNetwork(), e.host)
	if err != nil {
		return nil, err
	}
	addrs := addrsOf(e.network, ips, e.port, e.lead)
	if len(addrs) == 0 {
		return nil, &net.DNSError{Err: "no suitable address", Name: e.host, IsNotFound: true}
	}
	return addrs, nil
}

// interleaved orders addresses as RFC 8305 §4 wants them tried: the families alternate,
// beginning with lead addresses, or one, of that of the first, and each keeps its order. A
// negative lead changes nothing.
func interleaved(ips []netip.Addr, lead int) []netip.Addr {
	if len(ips) < 3 || lead < 0 {
		return ips
	}
	return alternating(ips, lead)
}

func alternating(ips []netip.Addr, lead int) []netip.Addr {
	four := ips[0].Unmap().Is4()
	var first, second []netip.Addr
	for _, ip := range ips {
		if ip.Unmap().Is4() == four {
			first = append(first, ip)
		} else {
			second = append(second, ip)
		}
	}
	mixed := make([]netip.Addr, 0, len(ips))
	head := min(max(lead-1, 0), len(first))
	mixed, first = append(mixed, first[:head]...), first[head:]
	for i := range max(len(first), len(second)) {
		if i < len(first) {
			mixed = append(mixed, first[i])
		}
		if i < len(second) {
			mixed = append(mixed, second[i])
		}
	}
	return mixed
}
