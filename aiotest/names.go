package aiotest

// Names in a simulated network.

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/aio-go/aio/asyncio"
)

var (
	errNoSuchHost    = errors.New("no such host")
	errLookupTimeout = errors.New("i/o timeout")
)

// canonicalName is a name as names are compared.
func canonicalName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// LookupHost implements asyncio.Host.
func (v *view) LookupHost(ctx context.Context, network, host string) ([]netip.Addr, error) {
	h, n := v.host, v.host.net
	delay, failure := n.lookupFault(h, host)
	if err := asyncio.Sleep(ctx, delay); err != nil {
		return nil, err
	}
	n.note("resolve", h.name, host, 0)
	if failure != nil {
		return nil, &net.DNSError{Err: failure.Error(), Name: host, IsTimeout: failure == errLookupTimeout, IsNotFound: failure == errNoSuchHost}
	}
	var addrs []netip.Addr
	for _, ip := range n.addrsOf(canonicalName(host)) {
		if network == "ip" || (network == "ip4") == ip.Is4() {
			addrs = append(addrs, ip)
		}
	}
	if len(addrs) == 0 {
		return nil, &net.DNSError{Err: errNoSuchHost.Error(), Name: host, IsNotFound: true}
	}
	return addrs, nil
}

// LookupAddr implements asyncio.AddrLookup. The name of the host that owns the address comes first, then
// those of SetName in alphabetical order; faults of names do not strike.
func (v *view) LookupAddr(_ context.Context, addr netip.Addr) ([]string, error) {
	n, addr := v.host.net, addr.Unmap()
	n.note("resolve", v.host.name, addr.String(), 0)
	if addr.IsLoopback() {
		return []string{"localhost"}, nil
	}
	var names []string
	if h := n.owners[addr]; h != nil {
		names = append(names, h.name)
	}
	for _, name := range slices.Sorted(maps.Keys(n.names)) {
		if slices.Contains(n.names[name], addr) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, &net.DNSError{Err: errNoSuchHost.Error(), Name: addr.String(), IsNotFound: true}
	}
	return names, nil
}

// addrsOf returns what a name stands for.
func (n *Network) addrsOf(name string) []netip.Addr {
	if addrs, ok := n.names[name]; ok {
		return addrs
	}
	if name == "localhost" {
		return []netip.Addr{loopback(netip.IPv4Unspecified()), netip.IPv6Loopback()}
	}
	if h := n.named[name]; h != nil {
		return h.addrs
	}
	return nil
}

// lookupFault returns how much longer resolving a name takes, and how it fails.
func (n *Network) lookupFault(h *Host, name string) (delay time.Duration, err error) {
	for _, f := range n.faults {
		if f.kind < faultLookup || err != nil || !f.inForce(n.now()) || !f.between(h, nil) {
			continue
		}
		if (f.name == "" || f.name == canonicalName(name)) && f.strikes() {
			delay += f.delay
			err = f.err
		}
	}
	return delay, err
}

// services are the ports that have names.
var services = map[string]int{
	"ftp": 21, "ssh": 22, "smtp": 25, "domain": 53, "http": 80, "pop3": 110, "ntp": 123, "imap": 143,
	"ldap": 389, "https": 443, "submission": 587, "imaps": 993, "pop3s": 995, "mysql": 3306, "postgresql": 5432,
}

// LookupPort implements asyncio.Host.
func (v *view) LookupPort(_ context.Context, network, service string) (int, error) {
	port, ok := services[strings.ToLower(service)]
	if !ok {
		return 0, &net.DNSError{Err: "unknown port", Name: network + "/" + service, IsNotFound: true}
	}
	return port, nil
}
