package aiotest

// Datagrams in a simulated network. Each is an event of its own, so that later ones can
// overtake it, and what is lost is lost. Over a Unix socket they keep their order, and the
// sender waits while the receiver's queue is full.

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/aio-go/aio/internal/sock"
)

// unixQueue is how many datagrams wait at a Unix socket: net.unix.max_dgram_qlen of Linux.
const unixQueue = 10

// A datagram is on its way, or waits to be received.
type datagram struct {
	event
	net      *Network
	data     []byte // storage of the network's pool
	n        int
	src, dst *packetSocket // dst is known before it arrives over Unix sockets only
	from, to sock.PacketAddr
	host     *Host // where it goes to; nil: nobody has the address
}

// A packetSocket is a socket for datagrams.
type packetSocket struct {
	host    *Host
	network string
	local   sock.PacketAddr
	peer    sock.PacketAddr // zero: not connected
	shared  bool
	casts   bool // may broadcast

	queue   []*datagram
	bytes   int // of queue
	coming  int // datagrams over a Unix socket that are on their way
	err     error
	ready   sock.Ready
	notify  func(sock.Ready)
	room    sendRoom
	stuck   []*packetSocket // Unix sockets that wait for room here
	held    portKey
	crashed bool // with its host
	closed  bool
	place   int
}

// sendRoom is when a socket can send again.
type sendRoom struct {
	event
	socket *packetSocket
}

func (r *sendRoom) happen(time.Duration) { r.socket.deliver(sock.Writable) }

func (s *packetSocket) slot() *int { return &s.place }
func (s *packetSocket) on() *Host  { return s.host }
func (s *packetSocket) unix() bool { return s.network == "unixgram" }

func (s *packetSocket) label() string { return s.host.name + " " + s.local.NetAddr().String() }

func (s *packetSocket) deliver(ready sock.Ready) {
	if s.closed {
		return
	}
	news := ready &^ s.ready
	s.ready |= ready
	if news != 0 && s.notify != nil {
		s.notify(news)
	}
}

// TryReceive implements sock.Packet.
func (s *packetSocket) TryReceive(p []byte) (int, sock.PacketAddr, error) {
	switch {
	case s.closed:
		return 0, sock.PacketAddr{}, net.ErrClosed
	case s.err != nil:
		err := os.NewSyscallError("recvfrom", s.err)
		s.err = nil
		return 0, sock.PacketAddr{}, err
	case s.crashed:
		return 0, sock.PacketAddr{}, net.ErrClosed
	case len(s.queue) == 0:
		s.ready &^= sock.Readable
		return 0, sock.PacketAddr{}, sock.ErrWouldBlock
	}
	d := s.queue[0]
	s.queue[0] = nil
	if s.queue = s.queue[1:]; len(s.queue) == 0 {
		s.queue = nil
	}
	s.bytes -= d.n
	n, from := copy(p, d.data[:d.n]), d.from
	s.host.net.recycle(d)
	for _, sender := range s.stuck {
		sender.deliver(sock.Writable)
	}
	s.stuck = s.stuck[:0]
	return n, from, nil
}

// TrySend implements sock.Packet.
func (s *packetSocket) TrySend(p []byte, to sock.PacketAddr) error {
	switch {
	case s.closed:
		return net.ErrClosed
	case s.ready&sock.Writable == 0 && (!s.unix() || s.peer.Path != ""):
		return sock.ErrWouldBlock
	case to.IsZero():
		to = s.peer
	}
	if s.err != nil {
		err := os.NewSyscallError("sendto", s.err)
		s.err = nil
		return err
	}
	if s.crashed {
		return net.ErrClosed
	}
	if s.unix() {
		return s.sendUnix(p, to)
	}
	return s.sendUDP(p, to)
}

func (s *packetSocket) sendUDP(p []byte, to sock.PacketAddr) error {
	ip, limit := to.Addr().Unmap(), sock.MaxUDP6
	if ip.Is4() {
		limit = sock.MaxUDP4
	}
	switch {
	case !to.IsValid():
		return &net.AddrError{Err: "not a UDP address", Addr: to.Path}
	case len(p) > limit:
		return fmt.Errorf("%w: %w", sock.ErrTooLarge, os.NewSyscallError("sendto", syscall.EMSGSIZE))
	case s.local.Addr().Is4() && !ip.Is4() || s.network == "udp6" && ip.Is4():
		return &net.AddrError{Err: "not an address of the socket's family", Addr: to.String()}
	case ip == limitedBroadcast && !s.casts:
		return os.NewSyscallError("sendto", syscall.EACCES)
	case to.Port() == 0:
		return os.NewSyscallError("sendto", syscall.EINVAL)
	}
	if ip.IsUnspecified() {
		ip = loopback(ip)
	}
	from := s.local.Addr()
	if from.IsUnspecified() {
		if from = s.host.sourceFor(ip); ip == limitedBroadcast {
			from = s.host.addrs[0]
		}
	}
	if !from.IsValid() {
		return os.NewSyscallError("sendto", syscall.ENETUNREACH)
	}
	source := sock.PacketAddr{AddrPort: netip.AddrPortFrom(from, s.local.Port())}
	to.AddrPort = netip.AddrPortFrom(ip, to.Port())
	if ip == limitedBroadcast {
		for _, h := range s.host.net.hosts {
			s.launch(p, source, to, h)
		}
		return nil
	}
	return s.launch(p, source, to, s.host.target(ip))
}

var limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// launch sends a datagram to a host, unless it is lost.
func (s *packetSocket) launch(p []byte, from, to sock.PacketAddr, h *Host) error {
	n := s.host.net
	now, way := n.now(), n.path(s.host, h)
	if backlog := way.busy - now; way.Bandwidth > 0 && backlog > 0 {
		if queued := backlog.Seconds() * float64(way.Bandwidth); queued > float64(n.buffer) {
			s.ready &^= sock.Writable
			n.events.schedule(&s.room.event, now+backlog/2)
			return sock.ErrWouldBlock
		}
	}
	size := len(p)
	at := way.arrival(n, now, size)
	v := n.judgeDatagram(s.host, h, int(to.Port()), now)
	if v.lost || way.Loss > 0 && n.rng.Float64() < way.Loss {
		n.note("lose", s.label(), to.String(), size)
		return nil
	}
	d := n.newDatagram(p)
	d.src, d.from, d.to, d.host = s, from, to, h
	n.note("send", s.label(), to.String(), size)
	n.events.schedule(&d.event, at+v.delay)
	return nil
}

// sendUnix sends to a socket that must be there and have room.
func (s *packetSocket) sendUnix(p []byte, to sock.PacketAddr) error {
	if to.IsValid() {
		return &net.AddrError{Err: "not a Unix address", Addr: to.String()}
	}
	dst := s.host.unixSocket(to.Path)
	switch {
	case dst == nil && to == s.peer:
		return os.NewSyscallError("sendto", syscall.ECONNREFUSED)
	case dst == nil:
		return os.NewSyscallError("sendto", syscall.ENOENT)
	case len(p) > s.host.net.buffer:
		return fmt.Errorf("%w: %w", sock.ErrTooLarge, os.NewSyscallError("sendto", syscall.EMSGSIZE))
	case len(dst.queue)+dst.coming > unixQueue:
		// Linux watches the receiver only for a sender that is connected to it, and any other tries again after a
		// while. Here all are told: one that tries on and on would keep a program that waits in vain from being idle.
		s.ready &^= sock.Writable
		if !slices.Contains(dst.stuck, s) {
			dst.stuck = append(dst.stuck, s)
		}
		return sock.ErrWouldBlock
	}
	s.ready |= sock.Writable // it may have given up another receiver that is full
	n := s.host.net
	d := n.newDatagram(p)
	d.src, d.dst, d.from, d.host = s, dst, s.local, s.host
	dst.coming++
	n.note("send", s.label(), dst.label(), len(p))
	n.events.schedule(&d.event, n.now())
	return nil
}

// happen implements happening: the datagram arrives.
func (d *datagram) happen(now time.Duration) {
	n, dst := d.net, d.dst
	switch {
	case d.host == nil || len(n.faults) > 0 && n.parted(d.src.host, d.host, now):
		n.note("lose", d.src.label(), d.to.NetAddr().String(), d.n)
		n.recycle(d)
		return
	case dst == nil:
		dst = d.host.packetSocketFor(d.to, d.from)
	default:
		dst.coming--
	}
	switch {
	case dst == nil || dst.closed:
		d.bounce()
	case !dst.unix() && dst.bytes+d.n > n.buffer:
		n.note("overflow", d.src.label(), dst.label(), d.n)
		n.recycle(d)
	default:
		n.note("arrive", d.src.label(), dst.label(), d.n)
		dst.queue = append(dst.queue, d)
		dst.bytes += d.n
		dst.deliver(sock.Readable)
	}
}

// bounce is for a datagram to a port where nobody listens: the sender hears of it if its
// socket is connected.
func (d *datagram) bounce() {
	s := d.src
	d.net.note("refuse", s.label(), d.to.NetAddr().String(), d.n)
	if !s.closed && !s.peer.IsZero() && d.to.Addr() != limitedBroadcast {
		s.err = syscall.ECONNREFUSED
		s.deliver(sock.Readable)
	}
	d.net.recycle(d)
}

// newDatagram returns a datagram with a copy of p.
func (n *Network) newDatagram(p []byte) *datagram {
	d := new(datagram)
	if k := len(n.spare); k > 0 {
		d = n.spare[k-1]
		n.spare = n.spare[:k-1]
	}
	d.net, d.what = n, d
	if d.n = len(p); d.n > 0 {
		d.data = n.bufs.take(d.n)
		copy(d.data, p)
	}
	return d
}

func (n *Network) recycle(d *datagram) {
	n.bufs.put(d.data)
	*d = datagram{}
	if len(n.spare) < buffersKept {
		n.spare = append(n.spare, d)
	}
}

// SetNotify implements sock.Packet.
func (s *packetSocket) SetNotify(f func(sock.Ready)) { s.notify = f }

// Ready implements sock.Packet.
func (s *packetSocket) Ready() sock.Ready { return s.ready }

// LocalAddr implements sock.Packet.
func (s *packetSocket) LocalAddr() net.Addr { return s.local.NetAddr() }

// RemoteAddr implements sock.Packet.
func (s *packetSocket) RemoteAddr() net.Addr {
	if s.peer.IsZero() {
		return nil
	}
	return s.peer.NetAddr()
}

// SyscallConn implements sock.Packet.
func (s *packetSocket) SyscallConn() (syscall.RawConn, error) {
	if s.closed {
		return nil, net.ErrClosed
	}
	return noDescriptor{}, nil
}

// Close implements sock.Packet. What was sent still arrives.
func (s *packetSocket) Close() error {
	if s.closed {
		return net.ErrClosed
	}
	n := s.host.net
	n.remove(s)
	s.leave()
	s.closed, s.notify, s.ready = true, nil, 0
	n.events.cancel(&s.room.event)
	for _, d := range s.queue {
		n.recycle(d)
	}
	s.queue = nil
	for _, sender := range s.stuck {
		sender.deliver(sock.Writable) // sending will say what is wrong
	}
	s.stuck = nil
	n.note("close", s.label(), "", 0)
	return nil
}

// crash is the end of the socket with its host: it is told once, and closed from then on.
func (s *packetSocket) crash() {
	s.leave()
	s.crashed, s.err = true, syscall.ECONNABORTED
	s.deliver(sock.Readable | sock.Writable)
}
