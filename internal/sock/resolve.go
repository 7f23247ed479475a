package sock

import (
	"context"
	"net"
	"net/netip"
	"strings"
)

// Names. These calls block and belong on a goroutine of their own: the loop
// sends them to its executor.

// LookupHost resolves host to addresses in the order in which they should be
// tried. network is "ip", "ip4" or "ip6".
func LookupHost(ctx context.Context, network, host string) ([]netip.Addr, error) {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, network, host)
	for i, a := range addrs {
		addrs[i] = a.Unmap()
	}
	return addrs, err
}

// LookupAddr finds the names of an address, without the dot that ends absolute ones.
func LookupAddr(ctx context.Context, addr netip.Addr) ([]string, error) {
	names, err := net.DefaultResolver.LookupAddr(ctx, addr.Unmap().String())
	for i, name := range names {
		names[i] = strings.TrimSuffix(name, ".")
	}
	return names, err
}

// LookupPort turns the name or number of a service into its port. A number
// needs no look-up and does not block.
func LookupPort(ctx context.Context, network, service string) (int, error) {
	return net.DefaultResolver.LookupPort(ctx, network, service)
}
