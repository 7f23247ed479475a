package sock

import (
	"context"
	"net"
	"net/netip"
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

// LookupPort turns the name or number of a service into its port. A number
// needs no look-up and does not block.
func LookupPort(ctx context.Context, network, service string) (int, error) {
	return net.DefaultResolver.LookupPort(ctx, network, service)
}
