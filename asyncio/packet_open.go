package asyncio

// Opening sockets for datagrams: their options, and from addresses as users write them to a
// socket. What is done with the socket is in packet.go for tasks and in datagram.go for
// callbacks.

import (
	"context"
	"fmt"
	"net"
	"syscall"

	"github.com/aio-go/aio/internal/sock"
)

// DatagramOption configures CreateDatagramEndpoint, ListenPacket and DialPacket.
type DatagramOption func(*datagramOptions)

type datagramOptions struct {
	sock.PacketOptions
	local, remote       string
	hasLocal, hasRemote bool
	resolver            Resolver
}

// WithLocalAddr binds the socket to address: host and port, of which the host may be empty for
// every address of this machine and the port 0 for a free one, or a path. The default is to
// leave it to the system. CPython: local_addr=….
func WithLocalAddr(address string) DatagramOption {
	return func(o *datagramOptions) { o.local, o.hasLocal = address, true }
}

// WithRemoteAddr connects the socket to address: it sends to nobody else and receives from
// nobody else, and is told when nobody listens there. The default is not to connect it.
// CPython: remote_addr=….
func WithRemoteAddr(address string) DatagramOption {
	return func(o *datagramOptions) { o.remote, o.hasRemote = address, true }
}

// WithBroadcast allows sending to broadcast addresses. The default is off.
// CPython: allow_broadcast=True.
func WithBroadcast() DatagramOption { return func(o *datagramOptions) { o.Broadcast = true } }

// WithDatagramReusePort lets several sockets be bound to one port, among which the system
// distributes datagrams. The default is off. CPython: reuse_port=True.
func WithDatagramReusePort() DatagramOption { return func(o *datagramOptions) { o.ReusePort = true } }

// WithDatagramControl has f called with the socket before it is bound, as the Control field of
// net.ListenConfig: to join a multicast group, for example.
func WithDatagramControl(f func(network, address string, c syscall.RawConn) error) DatagramOption {
	return func(o *datagramOptions) { o.Control = f }
}

// WithDatagramResolver has r find the addresses of hosts. The default is the loop's own
// resolver.
func WithDatagramResolver(r Resolver) DatagramOption {
	return func(o *datagramOptions) { o.resolver = r }
}

// A DatagramTooLargeError reports a datagram that the network does not carry or the system
// does not take. It was not sent; the socket stays usable.
type DatagramTooLargeError struct {
	Size int   // of the datagram, in bytes
	Err  error // the system's reason
}

// Error tells the size and what to do.
func (e *DatagramTooLargeError) Error() string {
	return fmt.Sprintf("a datagram of %d bytes is too large, send less at a time: %v", e.Size, e.Err)
}

// Unwrap returns the system's reason.
func (e *DatagramTooLargeError) Unwrap() error { return e.Err }

// ListenPacket opens a socket for datagrams on address, which is as in WithLocalAddr; network
// is "udp", "udp4", "udp6" or "unixgram". The socket receives from everybody. Opening suspends
// the task only to resolve a name. Errors are *net.OpError.
func ListenPacket(ctx context.Context, network, address string, opts ...DatagramOption) (*PacketConn, error) {
	o := collectDatagram(opts)
	o.local, o.hasLocal = address, true
	return openPacketConn(ctx, network, o)
}

// DialPacket opens a socket for datagrams that is connected to address, which is as in
// WithRemoteAddr; network is as in ListenPacket. Opening suspends the task only to resolve a
// name, sends nothing, and succeeds whether or not somebody listens there. The addresses of a
// name are tried in turn until the system has a way to one. Errors are *net.OpError, or
// *DialError if there were several addresses.
func DialPacket(ctx context.Context, network, address string, opts ...DatagramOption) (*PacketConn, error) {
	o := collectDatagram(opts)
	o.remote, o.hasRemote = address, true
	return openPacketConn(ctx, network, o)
}

func openPacketConn(ctx context.Context, network string, o *datagramOptions) (*PacketConn, error) {
	l := loopOf(ctx)
	socket, err := l.openPacket(ctx, network, o)
	if err != nil {
		return nil, err
	}
	return newPacketConn(l, network, socket), nil
}

func collectDatagram(opts []DatagramOption) *datagramOptions {
	o := new(datagramOptions)
	for _, opt := range opts {
		opt(o)
	}
	return o
}

// op is what the options make of opening, for errors: its name and the address it is about.
func (o *datagramOptions) op() (op, address string) {
	if o.hasRemote {
		return "dial", o.remote
	}
	return "listen", o.local
}

// openPacket opens a socket on the first pair of addresses for which the system does it.
func (l *EventLoop) openPacket(ctx context.Context, network string, o *datagramOptions) (sock.Packet, error) {
	op, address := o.op()
	h, err := l.networkOf(ctx)
	if err != nil {
		return nil, opError(op, network, address, err)
	}
	if !o.hasLocal && !o.hasRemote && network == "unixgram" {
		err := &net.AddrError{Err: "a Unix socket for datagrams needs a local or a remote address"}
		return nil, opError(op, network, address, err)
	}
	locals, err := o.resolve(ctx, h, network, o.hasLocal, o.local, true)
	if err != nil {
		return nil, opError("listen", network, o.local, err)
	}
	remotes, err := o.resolve(ctx, h, network, o.hasRemote, o.remote, false)
	if err != nil {
		return nil, opError(op, network, address, err)
	}
	var errs []error
	for _, remote := range remotes {
		for _, local := range locals {
			socket, err := h.OpenPacket(network, local, remote, o.PacketOptions)
			if err == nil {
				return socket, nil
			}
			about := remote
			if remote == nil {
				about = local
			}
			errs = append(errs, &net.OpError{Op: op, Net: network, Source: local, Addr: about, Err: err})
		}
	}
	if len(errs) == 1 {
		return nil, errs[0]
	}
	return nil, &DialError{Network: network, Address: address, Errors: errs}
}

// resolve returns the addresses to try, one that is nil for none at all.
func (o *datagramOptions) resolve(ctx context.Context, h Host, network string, has bool, address string, passive bool) ([]net.Addr, error) {
	if !has {
		return []net.Addr{nil}, nil
	}
	e, err := parsePacketEndpoint(network, address)
	if err != nil {
		return nil, err
	}
	return e.resolve(ctx, h, o.resolver, passive)
}
