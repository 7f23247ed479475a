package asyncio

// Between the loop and the sockets.
//
// A loop has a network: by default the machine's, for a simulation whatever stands in for
// it. The machine's brings a poller, which then takes over from the sleeper what an idle
// loop waits on. A socket that becomes ready schedules its owner like everything else is
// scheduled, through the ready queue; nothing ever runs inside the poller.

import (
	"container/list"
	"context"
	"net/netip"

	"github.com/aio-go/aio/internal/sock"
)

// A Network is where a loop gets its connections from; see [WithNetwork]. Package aiotest
// has one that is simulated; see also [SimulatedHost].
type Network interface {
	// Attach returns the network as l sees it. The loop calls it when it first needs a
	// connection.
	Attach(l *EventLoop) (Host, error)
}

// A Host is a loop's access to its network. Its methods are called on the loop.
type Host interface {
	// Dial starts connecting to an address. Nothing in it blocks or suspends.
	sock.Network
	// LookupHost returns the addresses of host, a name, in the order in which they should
	// be tried. network is "ip", "ip4" or "ip6". It suspends the task of ctx.
	LookupHost(ctx context.Context, network, host string) ([]netip.Addr, error)
	// LookupPort returns the port of a service, a name. It suspends the task of ctx.
	LookupPort(ctx context.Context, network, service string) (int, error)
	// Close is called when the loop closes. What is still open is closed.
	Close() error
}

// AddrLookup is what a Host implements that can also find the names of addresses.
type AddrLookup interface {
	// LookupAddr returns the names of addr. It suspends the task of ctx.
	LookupAddr(ctx context.Context, addr netip.Addr) ([]string, error)
}

// NativeNetwork returns the machine's network through the kernel's event queue: epoll or
// kqueue. It is the default where there is one.
func NativeNetwork() Network { return systemNetwork{sock.KindNative} }

// PortableNetwork returns the machine's network through package net, with a goroutine for
// every operation that has to wait. It works everywhere and is the default on systems
// without a native poller, or in programs built with the tag aio_fallback.
func PortableNetwork() Network { return systemNetwork{sock.KindFallback} }

// systemNetwork is the machine's network.
type systemNetwork struct{ kind sock.Kind }

// Attach makes the loop wait for sockets when it is idle.
func (n systemNetwork) Attach(l *EventLoop) (Host, error) {
	poller, err := sock.New(n.kind)
	if err != nil {
		return nil, err
	}
	l.waitOn(poller)
	return &systemHost{Poller: poller, loop: l}, nil
}

// waitOn replaces what the idle loop waits on. A waker that still has the old one does no
// harm: what it posted is found before the loop is idle again.
func (l *EventLoop) waitOn(next idler) {
	in := &l.inbox
	in.mu.Lock()
	old := in.idle
	in.idle = next
	in.mu.Unlock()
	_ = old.Close()
}

// systemHost is the machine's network as one loop has it. Names are resolved by the
// executor.
type systemHost struct {
	sock.Poller
	loop    *EventLoop
	lookups map[lookupKey]*lookup
}

// netState is what a loop has for its connections.
type netState struct {
	host      Host          // nil until it is needed
	simulated SimulatedHost // host, if it is one
	scratch   []byte        // for reading by callbacks; used within one call only
	large     []byte        // the same for datagrams of Unix sockets
	spare     [][]byte
	steppers  *Semaphore // bounds how many TLS handshakes make a step at the same time; nil before the first
	computing *Semaphore // the same for Compute
	unclosed  list.List  // client streams that are open, in debug mode
}

// copySize is how much is read at once where the caller brings no buffer.
const copySize = 64 << 10

// network returns the loop's network, attaching it if need be.
func (l *EventLoop) network() (Host, error) {
	if l.host != nil {
		return l.host, nil
	}
	if l.closed {
		return nil, ErrLoopClosed
	}
	n := l.options.network
	if n == nil {
		n = systemNetwork{sock.KindDefault}
	}
	host, err := n.Attach(l)
	if err == nil {
		l.host = host
		l.simulated, _ = host.(SimulatedHost)
	}
	return host, err
}

// poller returns what watches the machine's descriptors for the loop. It is the network's, or
// if that is a simulated one, a poller beside it: pipes and processes are real anyhow.
func (l *EventLoop) poller() (sock.Poller, error) {
	host, err := l.network()
	if err != nil {
		return nil, err
	}
	if h, ok := host.(*systemHost); ok {
		return h.Poller, nil
	}
	if p, ok := l.inbox.idle.(sock.Poller); ok {
		return p, nil
	}
	p, err := sock.New(sock.KindDefault)
	if err == nil {
		l.waitOn(p)
	}
	return p, err
}

func (l *EventLoop) closeNetwork() error {
	if l.host == nil {
		return nil
	}
	l.reportUnclosed()
	return l.host.Close()
}

// scratchBuffer returns the buffer into which callbacks read.
func (l *EventLoop) scratchBuffer() []byte {
	if l.scratch == nil {
		l.scratch = make([]byte, copySize)
	}
	return l.scratch
}

// maxSpare bounds how many buffers of copySize a loop keeps.
const maxSpare = 8

// takeBuffer returns a buffer that the caller has for itself until putBuffer.
func (l *EventLoop) takeBuffer() []byte {
	if n := len(l.spare); n > 0 {
		b := l.spare[n-1]
		l.spare = l.spare[:n-1]
		return b
	}
	return make([]byte, copySize)
}

func (l *EventLoop) putBuffer(b []byte) {
	if len(l.spare) < maxSpare {
		l.spare = append(l.spare, b)
	}
}

// socketEvent puts the owner of a socket into the ready queue, once however often the
// socket calls.
type socketEvent struct {
	loop   *EventLoop
	owner  socketOwner
	queued bool
}

// socketOwner looks at its socket when its turn has come.
type socketOwner interface{ socketReady() }

func (e *socketEvent) schedule() {
	if !e.queued {
		e.queued = true
		e.loop.ready.push(e)
	}
}

// notify is what the socket calls.
func (e *socketEvent) notify(sock.Ready) { e.schedule() }

func (e *socketEvent) run(*EventLoop) {
	e.queued = false
	e.owner.socketReady()
}
