package sock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// Sizes of a datagram socket's buffer: no datagram of UDP is longer, and none
// of a Unix socket with the usual limits.
const (
	fallbackUDPSize  = 64 << 10
	fallbackUnixSize = 256 << 10
)

// fallbackPacket is a net.PacketConn. Receiving is one datagram ahead of the
// caller, from when somebody shows interest; sending has one datagram under
// way. What that meets with is told by the next operation, as if the network
// had told it.
type fallbackPacket struct {
	fallbackHandle
	conn   net.PacketConn
	remote net.Addr
	file   *boundFile // goes with the socket
	limit  int        // of a datagram's size; 0: not known

	buf     []byte
	unread  int // bytes of buf; -1: nothing was received
	from    net.Addr
	recvErr error
	reading bool

	wbuf    []byte
	sendErr error
	writing bool
}

// OpenPacket implements Network.
func (p *fallbackPoller) OpenPacket(network string, local, remote net.Addr, opts PacketOptions) (Packet, error) {
	for _, addr := range []net.Addr{local, remote} {
		_, isUnix := addr.(*net.UnixAddr)
		if addr != nil && isUnix != (network == "unixgram") {
			return nil, &net.AddrError{Err: "address does not fit network " + network, Addr: addr.String()}
		}
	}
	control := opts.Control
	if opts.ReusePort {
		control = reusePort(control)
	}
	conn, err := openPacketConn(network, local, remote, control)
	if err != nil {
		return nil, cause(err)
	}
	s := &fallbackPacket{
		fallbackHandle: fallbackHandle{poller: p, ready: Writable}, conn: conn, remote: remote, unread: -1,
	}
	if local != nil {
		s.file = fileOf(local)
	}
	if a, ok := conn.LocalAddr().(*net.UDPAddr); ok {
		s.limit = MaxUDP6
		if a.IP.To4() != nil {
			s.limit = MaxUDP4
		}
	}
	if err := p.register(s); err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

// openPacketConn opens the socket. None of it waits for anybody: connecting a
// datagram socket only notes the address.
func openPacketConn(network string, local, remote net.Addr, control ControlFunc) (net.PacketConn, error) {
	if remote != nil {
		d := net.Dialer{LocalAddr: local, Control: control}
		conn, err := d.Dial(network, remote.String())
		if err != nil {
			if call := (*os.SyscallError)(nil); errors.As(err, &call) && call.Syscall == "connect" {
				fileOf(local).remove() // it was bound before
			}
			return nil, err
		}
		return conn.(net.PacketConn), nil
	}
	address := ""
	if local != nil {
		address = local.String()
	}
	config := net.ListenConfig{Control: control}
	return config.ListenPacket(context.Background(), network, address)
}

// SetNotify implements Packet.
func (s *fallbackPacket) SetNotify(f func(Ready)) {
	s.notify = f
	if f != nil {
		s.read()
	}
}

// TryReceive implements Packet.
func (s *fallbackPacket) TryReceive(p []byte) (int, PacketAddr, error) {
	switch {
	case s.closed:
		return 0, PacketAddr{}, net.ErrClosed
	case s.sendErr != nil || s.recvErr != nil:
		return 0, PacketAddr{}, s.takeError()
	case s.unread < 0:
		s.read()
		return 0, PacketAddr{}, ErrWouldBlock
	}
	n := copy(p, s.buf[:s.unread])
	from, _ := PacketAddrOf(s.from)
	s.unread, s.from = -1, nil
	s.ready &^= Readable
	s.read()
	return n, from, nil
}

// takeError takes the error that waits to be told, of which there is one.
func (s *fallbackPacket) takeError() error {
	err := s.sendErr
	if err != nil {
		s.sendErr = nil
	} else {
		err, s.recvErr = s.recvErr, nil
	}
	if s.unread < 0 && s.recvErr == nil {
		s.ready &^= Readable
		s.read()
	}
	return err
}

func (s *fallbackPacket) read() {
	if s.closed || s.reading || s.unread >= 0 || s.recvErr != nil {
		return
	}
	if s.buf == nil {
		size := fallbackUDPSize
		if s.limit == 0 {
			size = fallbackUnixSize
		}
		s.buf = make([]byte, size)
	}
	s.reading = true
	go func() {
		n, from, err := s.conn.ReadFrom(s.buf)
		s.poller.post(func() { s.received(n, from, err) })
	}()
}

func (s *fallbackPacket) received(n int, from net.Addr, err error) {
	s.reading = false
	if s.closed {
		return
	}
	if err != nil {
		s.recvErr = cause(err)
	} else {
		s.unread, s.from = n, from
	}
	s.deliver(Readable)
}

// TrySend implements Packet.
func (s *fallbackPacket) TrySend(p []byte, to PacketAddr) error {
	switch {
	case s.closed:
		return net.ErrClosed
	case s.writing:
		return ErrWouldBlock
	case s.sendErr != nil:
		return s.takeError()
	case s.limit > 0 && len(p) > s.limit:
		return fmt.Errorf("%w: %d bytes, and UDP carries %d", ErrTooLarge, len(p), s.limit)
	}
	addr, err := s.target(to)
	if err != nil {
		return err
	}
	s.wbuf = append(s.wbuf[:0], p...)
	s.writing = true
	s.ready &^= Writable
	go func() {
		err := s.write(addr)
		s.poller.post(func() { s.wrote(err) })
	}()
	return nil
}

// target is to in package net's form; nil for the peer.
func (s *fallbackPacket) target(to PacketAddr) (net.Addr, error) {
	if to.IsZero() {
		if s.remote == nil {
			return nil, syscall.EDESTADDRREQ
		}
		return nil, nil
	}
	if s.remote != nil {
		return nil, net.ErrWriteToConnected
	}
	a, ok := s.conn.LocalAddr().(*net.UDPAddr)
	switch {
	case ok != to.IsValid():
		return nil, &net.AddrError{Err: "address does not fit the socket", Addr: to.NetAddr().String()}
	case ok && a.IP.To4() != nil && !to.Addr().Unmap().Is4():
		return nil, &net.AddrError{Err: "not an IPv4 address", Addr: to.String()}
	case ok:
		to.AddrPort = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	}
	return to.NetAddr(), nil
}

// write is on the writing goroutine.
func (s *fallbackPacket) write(to net.Addr) error {
	if to == nil {
		_, err := s.conn.(net.Conn).Write(s.wbuf)
		return err
	}
	_, err := s.conn.WriteTo(s.wbuf, to)
	return err
}

func (s *fallbackPacket) wrote(err error) {
	s.writing = false
	if s.closed {
		s.conn.Close()
		return
	}
	ready := Writable
	if err != nil {
		s.sendErr = cause(err)
		if errors.Is(err, syscall.EMSGSIZE) {
			s.sendErr = fmt.Errorf("%w: %w", ErrTooLarge, s.sendErr)
		}
		ready |= Readable
	}
	s.deliver(ready)
}

// Close implements Packet. A datagram that TrySend has taken still goes out.
func (s *fallbackPacket) Close() error {
	if !s.close(s) {
		return net.ErrClosed
	}
	defer s.file.remove()
	if !s.writing {
		return cause(s.conn.Close())
	}
	_ = s.conn.SetReadDeadline(time.Unix(1, 0)) // ends the reading goroutine
	return s.conn.SetWriteDeadline(time.Now().Add(lingerOnClose))
}

// LocalAddr implements Packet.
func (s *fallbackPacket) LocalAddr() net.Addr { return s.conn.LocalAddr() }

// RemoteAddr implements Packet.
func (s *fallbackPacket) RemoteAddr() net.Addr { return s.remote }

// SyscallConn implements Packet.
func (s *fallbackPacket) SyscallConn() (syscall.RawConn, error) {
	if s.closed {
		return nil, net.ErrClosed
	}
	if c, ok := s.conn.(syscall.Conn); ok {
		return c.SyscallConn()
	}
	return nil, ErrUnsupported
}
