package asyncio

// Network addresses: taking apart what users write, and the errors in which addresses come
// back to them.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
)

var errDeadline = os.ErrDeadlineExceeded

// failure gives an error of the connection its addresses. The end of the stream and that of
// a context remain what they are.
func (s *connState) failure(op string, err error) error {
	if err == io.EOF || isCancellation(err) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	failure := &net.OpError{Op: op, Net: s.network, Addr: s.stream.RemoteAddr(), Err: err}
	if !s.closed {
		failure.Source = s.stream.LocalAddr()
	}
	return failure
}

// An endpoint is an address as users write it, taken apart.
type endpoint struct {
	lead    int    // addresses of the first family before the families alternate; see Dialer.Interleave
	network string // "tcp", "tcp4", "tcp6" or "unix"; for datagrams "udp", "udp4", "udp6" or "unixgram"
	host    string // a name, if literal is not valid
	service string // a service's name, if port is negative
	path    string // of a Unix socket
	literal netip.Addr
	port    int
}

// parseEndpoint takes the address of a stream apart. It looks nothing up.
func parseEndpoint(network, address string) (endpoint, error) {
	switch network {
	case "tcp", "tcp4", "tcp6", "unix":
		return splitEndpoint(network, address)
	}
	return endpoint{}, net.UnknownNetworkError(network)
}

// parsePacketEndpoint is parseEndpoint for datagrams.
func parsePacketEndpoint(network, address string) (endpoint, error) {
	switch network {
	case "udp", "udp4", "udp6", "unixgram":
		return splitEndpoint(network, address)
	}
	return endpoint{}, net.UnknownNetworkError(network)
}

// unixPathRoom is how many bytes the path of a Unix socket may have: about a hundred, less than file systems allow. An
// abstract name (Linux) has no byte of zero behind it.
const unixPathRoom = len(syscall.RawSockaddrUnix{}.Path) - 1

func checkUnixPath(path string) error {
	room := unixPathRoom
	if path[0] == '@' {
		room++
	}
	if len(path) <= room {
		return nil
	}
	return fmt.Errorf("%w: the path of a Unix socket has room for %d bytes and this one has %d bytes; use one in a directory nearer to the root, or a relative one",
		syscall.EINVAL, room, len(path))
}

func splitEndpoint(network, address string) (endpoint, error) {
	e := endpoint{network: network}
	if e.isUnix() {
		if address == "" {
			return e, &net.AddrError{Err: "missing path", Addr: address}
		}
		e.path = address
		return e, checkUnixPath(address)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return e, err
	}
	switch n, err := strconv.ParseUint(port, 10, 16); {
	case err == nil:
		e.port = int(n)
	case port == "":
	case port[0] >= '0' && port[0] <= '9' || port[0] == '-' || port[0] == '+':
		return e, &net.AddrError{Err: "invalid port", Addr: address}
	default:
		e.service, e.port = port, -1
	}
	e.host = host
	if ip, err := netip.ParseAddr(host); err == nil {
		e.literal = ip
		if !e.suits(ip) {
			return e, &net.AddrError{Err: "address does not fit network " + network, Addr: address}
		}
	}
	return e, nil
}

// suits reports whether ip is of the network's family.
func (e *endpoint) suits(ip netip.Addr) bool { return suits(e.network, ip) }

func suits(network string, ip netip.Addr) bool {
	switch network {
	case "tcp4", "udp4":
		return ip.Unmap().Is4()
	case "tcp6", "udp6":
		return ip.Is6() && !ip.Is4In6()
	}
	return true
}

// ipNetwork is the endpoint's network as name resolution calls it.
func (e *endpoint) ipNetwork() string { return "ip" + e.network[len("tcp"):] }

func (e *endpoint) isUnix() bool { return e.network == "unix" || e.network == "unixgram" }

// addr is the endpoint with an IP address filled in, or without one if ip is not valid.
func (e *endpoint) addr(ip netip.Addr) net.Addr { return addrOf(e.network, ip, e.port) }

func addrOf(network string, ip netip.Addr, port int) net.Addr {
	udp := network[:3] == "udp"
	at := netip.AddrPortFrom(ip.Unmap(), uint16(port))
	switch {
	case udp && ip.IsValid():
		return net.UDPAddrFromAddrPort(at)
	case udp:
		return &net.UDPAddr{Port: port}
	case ip.IsValid():
		return net.TCPAddrFromAddrPort(at)
	}
	return &net.TCPAddr{Port: port}
}

// addrsOf returns the addresses with that port for those of ips that suit the network, in the
// order in which they are to be tried: see interleaved.
func addrsOf(network string, ips []netip.Addr, port, lead int) []net.Addr {
	addrs := make([]net.Addr, 0, len(ips))
	for _, ip := range interleaved(ips, lead) {
		if suits(network, ip) {
			addrs = append(addrs, addrOf(network, ip, port))
		}
	}
	return addrs
}

// loopback is what an empty host means when dialling.
func (e *endpoint) loopback() netip.Addr {
	if e.network[3:] == "6" {
		return netip.IPv6Loopback()
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// String is the address as it was written.
func (e *endpoint) String() string {
	switch {
	case e.isUnix():
		return e.path
	case e.port < 0:
		return net.JoinHostPort(e.host, e.service)
	}
	return net.JoinHostPort(e.host, strconv.Itoa(e.port))
}

// namedAddr is an address that could not be resolved, for errors.
type namedAddr struct{ network, address string }

// Network implements net.Addr.
func (a namedAddr) Network() string { return a.network }

// String implements net.Addr.
func (a namedAddr) String() string { return a.address }

// opError is the error of an operation on an address as users write it.
func opError(op, network, address string, err error) error {
	if err == nil || isCancellation(err) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &net.OpError{Op: op, Net: network, Addr: namedAddr{network, address}, Err: err}
}

// timeoutError is the error of something that took too long.
type timeoutError struct{ text string }

// Error returns the text.
func (e *timeoutError) Error() string { return e.text }

// Timeout implements net.Error.
func (*timeoutError) Timeout() bool { return true }

// Temporary implements net.Error; it has no meaning there any more.
func (*timeoutError) Temporary() bool { return true }

// Is makes it one of the standard library's errors of the kind.
func (*timeoutError) Is(target error) bool {
	return target == os.ErrDeadlineExceeded || target == context.DeadlineExceeded
}

// A DialError reports that every address of a host was tried in vain.
type DialError struct {
	Network string
	Address string  // as it was given to Dial; empty if DialAddrs was called
	Errors  []error // one *net.OpError for each attempt, in the order in which they failed
}

// Error lists the attempts.
func (e *DialError) Error() string {
	text := strings.TrimSuffix("dial "+e.Network+" "+e.Address, " ") + ": " + strconv.Itoa(len(e.Errors)) + " addresses failed"
	for i, err := range e.Errors {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		text += sep + err.Error()
	}
	return text
}

// Unwrap returns the errors of the attempts.
func (e *DialError) Unwrap() []error { return e.Errors }

// Timeout reports whether all attempts timed out.
func (e *DialError) Timeout() bool {
	for _, err := range e.Errors {
		var t interface{ Timeout() bool }
		if !errors.As(err, &t) || !t.Timeout() {
			return false
		}
	}
	return true
}

// Temporary implements net.Error; it has no meaning there any more.
func (e *DialError) Temporary() bool { return false }
