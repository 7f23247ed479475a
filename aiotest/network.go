package aiotest

// The simulated network: hosts with names and addresses, and links between them, in the
// time of a loop.
//
// A loop attached to it dials, listens and resolves in it, and nothing of it is outside the
// process. Everything that goes from one socket to another goes as a packet through a pipe
// (pipe.go) and arrives as an event (events.go); chance comes from a seeded source alone. A
// run therefore depends on nothing but the program and the seed.

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// A Network is a simulated network: hosts, names, links between the hosts, and faults. Make
// one with NewNetwork. It is an [asyncio.Network], of one loop at a time; its methods are
// called on that loop, or before the loop runs.
type Network struct {
	rng    *rand.Rand
	seeded bool // by NetworkSeed
	link   Link
	buffer int
	trace  func(NetworkEvent)

	loop   *asyncio.EventLoop // nil while it is not attached
	origin time.Duration      // loop time of the beginning
	events eventQueue
	bufs   bufferPool
	spare  []*datagram
	faults []*InjectedFault
	socks  []socket // open ones, in no order that matters to the program

	hosts  []*Host
	named  map[string]*Host
	owners map[netip.Addr]*Host
	names  map[string][]netip.Addr // those that are not hosts' own
	paths  map[[2]*Host]*path
}

// A Link is what lies between two hosts, in each of its directions. The zero value is
// perfect: what is sent arrives at the same time.
type Link struct {
	Latency   time.Duration // from sending to arriving
	Jitter    time.Duration // a packet takes up to this much longer, evenly distributed; the order in a connection stays
	Bandwidth int           // bytes a second, shared by all that uses the direction; 0: no limit
	Loss      float64       // probability that a packet is lost; a connection sends it again, later
}

// errAttached is the answer to a second loop.
var errAttached = errors.New("aiotest: the network is attached to another loop: give each loop a network of its own")

// A NetworkOption configures NewNetwork.
type NetworkOption func(*Network)

// WithDefaultLink makes link what lies between every two hosts for which SetLink says
// nothing else. The default is a perfect link. Within a host everything is perfect.
func WithDefaultLink(link Link) NetworkOption {
	link.check()
	return func(n *Network) { n.link = link }
}

// WithSocketBuffers sets how many bytes a connection holds in each direction, in flight and
// not read yet: a writer must wait when there are more. The default is 256 KiB.
func WithSocketBuffers(bytes int) NetworkOption {
	if bytes < 1 {
		panic("aiotest: WithSocketBuffers: a connection holds at least one byte")
	}
	return func(n *Network) { n.buffer = bytes }
}

// WithNetworkSeed sets the seed of everything that is left to chance in the network. The
// default is the seed of Run, and zero outside of Run.
func WithNetworkSeed(seed uint64) NetworkOption {
	return func(n *Network) {
		n.seed(seed)
		n.seeded = true
	}
}

// WithTrace has f called with everything that happens in the network. Two runs of one
// program with one seed give the same events.
func WithTrace(f func(NetworkEvent)) NetworkOption { return func(n *Network) { n.trace = f } }

const defaultSocketBuffers = 256 << 10

// NewNetwork returns a network with nothing in it.
func NewNetwork(opts ...NetworkOption) *Network {
	n := &Network{
		buffer: defaultSocketBuffers,
		named:  map[string]*Host{},
		owners: map[netip.Addr]*Host{},
		names:  map[string][]netip.Addr{},
		paths:  map[[2]*Host]*path{},
	}
	n.seed(0)
	for _, opt := range opts {
		opt(n)
	}
	return n
}

// seed starts chance anew.
func (n *Network) seed(seed uint64) { n.rng = rand.New(rand.NewPCG(seed, 2)) }

// NetworkOf returns the simulated network of the loop that ctx carries: that of Run, for
// example. It panics if the loop has another.
func NetworkOf(ctx context.Context) *Network { return HostOf(ctx).net }

// Attach implements [asyncio.Network]. What runs on l without a host of its own, see
// [Host.Context], is on the host "local".
func (n *Network) Attach(l *asyncio.EventLoop) (asyncio.Host, error) {
	return n.Host("local").Attach(l)
}

// Host returns the host of that name, which is made if there is none yet, with the given
// addresses: without any, the next free one of 10.0.0.0/8. It panics if an address is
// malformed or taken, or if addresses are given for a host that exists.
func (n *Network) Host(name string, addrs ...string) *Host {
	key := canonicalName(name)
	if h := n.named[key]; h != nil {
		if len(addrs) > 0 {
			panic(fmt.Sprintf("aiotest: host %s exists already: give the addresses when it is first named", name))
		}
		return h
	}
	h := &Host{net: n, name: name, nextPort: firstEphemeral, bound: map[binding]*listener{}, busy: map[portKey]int{}}
	h.view.host = h
	for _, text := range addrs {
		ip, err := netip.ParseAddr(text)
		if err != nil || n.owners[ip] != nil {
			panic(fmt.Sprintf("aiotest: host %s cannot have address %q: it is malformed or another host's", name, text))
		}
		h.addrs = append(h.addrs, ip)
	}
	if len(addrs) == 0 {
		h.addrs = []netip.Addr{n.freeAddr()}
	}
	for _, ip := range h.addrs {
		n.owners[ip] = h
	}
	n.hosts = append(n.hosts, h)
	n.named[key] = h
	return h
}

func (n *Network) freeAddr() netip.Addr {
	for i := len(n.hosts) + 1; ; i++ {
		ip := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		if n.owners[ip] == nil {
			return ip
		}
	}
}

// SetName makes name resolve to addrs, address literals, in that order; without any, the
// name is taken away. A host's own name, and localhost, need no entry. It panics if an
// address is malformed.
func (n *Network) SetName(name string, addrs ...string) {
	ips := make([]netip.Addr, len(addrs))
	for i, text := range addrs {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			panic(fmt.Sprintf("aiotest: SetName(%s): %v", name, err))
		}
		ips[i] = ip
	}
	n.names[canonicalName(name)] = ips
	if len(addrs) == 0 {
		delete(n.names, canonicalName(name))
	}
}

// SetLink sets what lies between two hosts, which are made if they do not exist; a host has
// a link to itself as well. What is under way already arrives as it would have.
func (n *Network) SetLink(a, b string, link Link) {
	link.check()
	from, to := n.Host(a), n.Host(b)
	n.path(from, to).Link = link
	n.path(to, from).Link = link
}

func (l Link) check() {
	if l.Latency < 0 || l.Jitter < 0 || l.Bandwidth < 0 || l.Loss < 0 || l.Loss > 1 {
		panic(fmt.Sprintf("aiotest: impossible link %+v: nothing in it is negative, and Loss is at most 1", l))
	}
}

// A path is one direction of a link.
type path struct {
	Link
	from, to *Host
	busy     time.Duration // until when the bandwidth is in use
}

// path returns the way from one host to another.
func (n *Network) path(from, to *Host) *path {
	key := [2]*Host{from, to}
	p := n.paths[key]
	if p == nil {
		p = &path{from: from, to: to}
		if from != to {
			p.Link = n.link
		}
		n.paths[key] = p
	}
	return p
}

// arrival returns when a packet of size bytes arrives that is sent now.
func (p *path) arrival(n *Network, now time.Duration, size int) time.Duration {
	if p.Bandwidth > 0 {
		p.busy = max(p.busy, now) + time.Duration(float64(size+packetHeader)/float64(p.Bandwidth)*float64(time.Second))
		now = p.busy
	}
	now += p.Latency
	if p.Jitter > 0 {
		now += time.Duration(n.rng.Int64N(int64(p.Jitter) + 1))
	}
	return now
}

// packetHeader is what a packet has beside its data, in bytes.
const packetHeader = 40

// now returns the time of the loop.
func (n *Network) now() time.Duration { return n.loop.Time() }

// A NetworkEvent is something that happened in a simulated network.
type NetworkEvent struct {
	At    time.Duration // since the network was attached
	What  string        // "send", "arrive", "lose", "dial", "accept", "refuse", "reset", "close", "resolve", …
	From  string        // the socket or host it comes from
	To    string        // the socket, host or name it goes to
	Bytes int
}

// String is the event as a line of a log.
func (e NetworkEvent) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %s %s → %s", e.At, e.What, e.From, e.To)
	if e.Bytes > 0 {
		fmt.Fprintf(&b, " (%d bytes)", e.Bytes)
	}
	return b.String()
}
