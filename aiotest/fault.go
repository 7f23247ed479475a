package aiotest

// Faults: small rules about what goes wrong, where, when and how often.
//
// A rule is a value that says what goes wrong; its methods return a narrower one. Injected
// into a network it applies until it is removed, and rules add up. What is left to chance is
// drawn from the network's seed.

import (
	"fmt"
	"slices"
	"time"
)

type faultKind uint8

const (
	faultLoss faultKind = iota
	faultDelay
	faultPartition
	faultReset
	faultVanish
	faultSlowReader
	faultShortReads
	faultDial
	faultListen
	faultAccept
	faultAcceptDelay
	faultLookup
	faultLookupDelay
)

// String returns the kind as the constructors name it.
func (k faultKind) String() string {
	return [...]string{
		"Loss", "Delay", "Partition", "Reset", "Vanish", "SlowReader", "ShortReads",
		"FailDial", "FailListen", "FailAccept", "DelayAccept", "FailLookup", "DelayLookup",
	}[k]
}

// A Fault is a rule about what goes wrong in a network; see [Network.Inject]. Its zero value
// is Loss(0), which does nothing.
type Fault struct {
	kind   faultKind
	err    error
	delay  time.Duration
	size   int
	group  []string // of a partition
	chance float64  // 0: always, unless kind is faultLoss

	from, to string
	port     int
	name     string
	bytes    int64
	after    time.Duration
	lasts    time.Duration // 0: for good
	times    int           // 0: every time
}

// Loss loses packets with probability p. A connection sends them again, after 200 ms and
// then twice as long each time, and times out when that was in vain fifteen times.
func Loss(p float64) Fault { return Fault{kind: faultLoss}.Chance(p) }

// Delay makes packets take d longer.
func Delay(d time.Duration) Fault { return Fault{kind: faultDelay, delay: d} }

// Partition lets nothing pass between the named hosts on one side and all others on the
// other. Connections stay, try again and again, and go on when the fault is removed in time:
// otherwise those that have something to send time out after about fifteen minutes, dials
// after two, and idle connections when their keep-alive probes are not answered.
func Partition(hosts ...string) Fault {
	if len(hosts) == 0 {
		panic("aiotest: Partition without a host: name those on one side")
	}
	return Fault{kind: faultPartition, group: hosts}
}

// Reset resets a connection when data is sent on it: both ends get ECONNRESET, after what
// was sent before.
func Reset() Fault { return Fault{kind: faultReset} }

// Vanish makes a connection half-open when data is sent on it: from then on nothing gets
// through in either direction, and nobody is told.
func Vanish() Fault { return Fault{kind: faultVanish} }

// SlowReader makes whoever receives take in no more than bytesPerSecond, so that the sender
// has to wait.
func SlowReader(bytesPerSecond int) Fault {
	if bytesPerSecond < 1 {
		panic("aiotest: SlowReader: want at least one byte a second; Vanish stops a connection for good")
	}
	return Fault{kind: faultSlowReader, size: bytesPerSecond}
}

// ShortReads makes every read return a random number of bytes, at most maxBytes, however
// many have arrived.
func ShortReads(maxBytes int) Fault {
	if maxBytes < 1 {
		panic("aiotest: ShortReads: a read returns at least one byte")
	}
	return Fault{kind: faultShortReads, size: maxBytes}
}

// FailDial makes dialling fail at once with err: syscall.EMFILE or syscall.ENETUNREACH, for
// example.
func FailDial(err error) Fault { return Fault{kind: faultDial, err: err} }

// FailListen makes listening fail with err: syscall.EADDRINUSE or syscall.EACCES, for
// example.
func FailListen(err error) Fault { return Fault{kind: faultListen, err: err} }

// FailAccept makes accepting a connection fail with err, such as syscall.EMFILE. The
// connection waits on.
func FailAccept(err error) Fault { return Fault{kind: faultAccept, err: err} }

// DelayAccept makes connections wait for d before they can be accepted.
func DelayAccept(d time.Duration) Fault { return Fault{kind: faultAcceptDelay, delay: d} }

// NoSuchHost makes names unknown: NXDOMAIN.
func NoSuchHost() Fault { return Fault{kind: faultLookup, err: errNoSuchHost} }

// LookupTimeout makes resolving a name end in a timeout after d.
func LookupTimeout(d time.Duration) Fault {
	return Fault{kind: faultLookup, err: errLookupTimeout, delay: d}
}

// DelayLookup makes resolving a name take d longer.
func DelayLookup(d time.Duration) Fault { return Fault{kind: faultLookupDelay, delay: d} }

// From narrows the fault to what a host sends, dials or resolves.
func (f Fault) From(host string) Fault { f.from = canonicalName(host); return f }

// To narrows the fault to what goes to a host.
func (f Fault) To(host string) Fault { f.to = canonicalName(host); return f }

// Port narrows the fault to connections with a listener, or datagrams to a socket, on port.
func (f Fault) Port(port int) Fault { f.port = port; return f }

// Name narrows a fault of resolving to one name.
func (f Fault) Name(name string) Fault { f.name = canonicalName(name); return f }

// AfterBytes lets each direction of a connection carry exactly n bytes before the fault
// applies to it.
func (f Fault) AfterBytes(n int64) Fault { f.bytes = n; return f }

// After lets the fault begin d after the network was attached to its loop, which is the
// beginning of the virtual time of Run.
func (f Fault) After(d time.Duration) Fault { f.after = d; return f }

// For lets the fault end d after it began: after After, or after it was injected.
func (f Fault) For(d time.Duration) Fault { f.lasts = d; return f }

// Times lets the fault happen n times only.
func (f Fault) Times(n int) Fault { f.times = n; return f }

// Chance lets the fault happen with probability p, whenever it could. It has no meaning for
// a Partition.
func (f Fault) Chance(p float64) Fault {
	if p < 0 || p > 1 {
		panic(fmt.Sprintf("aiotest: Chance(%v): a probability is between 0 and 1", p))
	}
	f.chance = p
	return f
}

// An InjectedFault is a fault in force; see [Network.Inject].
type InjectedFault struct {
	Fault
	net    *Network
	start  time.Duration
	end    time.Duration // 0: none
	hits   int
	starts event
}

// Inject puts a fault into force. It panics if the fault names a host that does not exist.
func (n *Network) Inject(f Fault) *InjectedFault {
	for _, name := range append([]string{f.from, f.to}, f.group...) {
		if name != "" && n.named[canonicalName(name)] == nil {
			panic(fmt.Sprintf("aiotest: fault at host %q, which does not exist: make it with Network.Host first", name))
		}
	}
	in := &InjectedFault{Fault: f, net: n}
	in.starts.what = in
	n.faults = append(n.faults, in)
	if n.loop != nil {
		in.begin()
	}
	return in
}

// begin fixes the time of the fault.
func (f *InjectedFault) begin() {
	n := f.net
	f.start = max(n.origin+f.after, n.now())
	f.end = 0
	if f.lasts > 0 {
		f.end = f.start + f.lasts
	}
	if f.kind == faultPartition {
		n.events.schedule(&f.starts, f.start)
	}
}

// happen implements happening: a partition begins, and idle connections may notice.
func (f *InjectedFault) happen(time.Duration) { f.net.watchSilence(f) }

// Remove takes the fault out of force: a partition heals.
func (f *InjectedFault) Remove() {
	n := f.net
	n.events.cancel(&f.starts)
	n.faults = slices.DeleteFunc(n.faults, func(other *InjectedFault) bool { return other == f })
}

// Hits returns how often the fault has happened. For a Partition it is always zero.
func (f *InjectedFault) Hits() int { return f.hits }

// inForce reports whether the fault is in force at now.
func (f *InjectedFault) inForce(now time.Duration) bool {
	return now >= f.start && (f.end == 0 || now < f.end) && (f.times == 0 || f.hits < f.times)
}

// between reports whether the fault concerns what goes from one host to another; either may
// be nil, which suits a fault that does not name it.
func (f *InjectedFault) between(from, to *Host) bool {
	return (f.from == "" || from.is(f.from)) && (f.to == "" || to.is(f.to))
}

func (h *Host) is(name string) bool { return h != nil && canonicalName(h.name) == name }

// strikes reports whether the fault, which could happen, does.
func (f *InjectedFault) strikes() bool {
	if f.kind == faultLoss || f.chance > 0 {
		if f.net.rng.Float64() >= f.chance {
			return false
		}
	}
	f.hits++
	return true
}

// verdict is what faults do to a packet.
type verdict struct {
	delay time.Duration
	rate  int // at which the receiver reads; 0: at any
	lost  bool
	reset bool
}

// judge applies the faults to a packet that is being sent with n bytes of data. It shortens
// n to what is still to go before a fault begins.
func (net *Network) judge(p *pipe, now time.Duration, n *int) (v verdict) {
	for _, f := range net.faults {
		if f.kind > faultSlowReader || !f.inForce(now) || !f.between(p.src.host, p.dst.host) || f.port != 0 && f.port != p.conn.port {
			continue
		}
		if left := f.bytes - p.carried; left > 0 {
			*n = min(*n, int(min(left, packetLimit)))
			continue
		}
		if (f.kind == faultReset || f.kind == faultVanish) && *n == 0 || f.kind == faultPartition || !f.strikes() {
			continue
		}
		switch f.kind {
		case faultLoss:
			v.lost = true
		case faultDelay:
			v.delay += f.delay
		case faultReset:
			v.reset = true
		case faultVanish:
			p.conn.vanish()
		case faultSlowReader:
			v.rate = f.size
		}
	}
	return v
}

// losesAgain applies the faults that lose packets to one that was sent again.
func (net *Network) losesAgain(p *pipe, now time.Duration) bool {
	for _, f := range net.faults {
		if f.kind == faultLoss && f.inForce(now) && f.between(p.src.host, p.dst.host) &&
			(f.port == 0 || f.port == p.conn.port) && f.bytes <= p.carried && f.strikes() {
			return true
		}
	}
	return false
}

// parted reports whether a partition in force separates two hosts; to may be nil.
func (n *Network) parted(from, to *Host, now time.Duration) bool {
	return n.partedBut(nil, from, to, now)
}

// partedBut is parted without one of the faults.
func (n *Network) partedBut(without *InjectedFault, from, to *Host, now time.Duration) bool {
	for _, f := range n.faults {
		if f != without && f.kind == faultPartition && f.inForce(now) && f.between(from, to) && f.includes(from) != f.includes(to) {
			return true
		}
	}
	return false
}

func (f *InjectedFault) includes(h *Host) bool {
	return slices.ContainsFunc(f.group, func(name string) bool { return h.is(canonicalName(name)) })
}

// severed reports whether nothing gets through a pipe.
func (n *Network) severed(p *pipe, now time.Duration) bool {
	return p.conn.severed || n.parted(p.src.host, p.dst.host, now)
}

// fragment shortens a reader's buffer.
func (n *Network) fragment(p *pipe, b []byte) []byte {
	for _, f := range n.faults {
		if f.kind == faultShortReads && f.inForce(n.now()) && f.between(p.src.host, p.dst.host) && (f.port == 0 || f.port == p.conn.port) && f.strikes() {
			b = b[:1+n.rng.IntN(min(f.size, len(b)))]
		}
	}
	return b
}

// refusal returns the error with which an operation fails, nil if it does not.
func (n *Network) refusal(kind faultKind, from, to *Host, port int) error {
	for _, f := range n.faults {
		if f.kind == kind && f.inForce(n.now()) && f.between(from, to) && (f.port == 0 || f.port == port) && f.strikes() {
			return f.err
		}
	}
	return nil
}

// acceptDelay is how long a connection waits before it can be accepted.
func (n *Network) acceptDelay(l *listener) (d time.Duration) {
	for _, f := range n.faults {
		if f.kind == faultAcceptDelay && f.inForce(n.now()) && f.between(nil, l.host) && (f.port == 0 || f.port == l.at.port) && f.strikes() {
			d += f.delay
		}
	}
	return d
}
