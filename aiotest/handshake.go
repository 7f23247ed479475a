package aiotest

// What arriving packets do to a connection: its beginning, its end, and everything that goes
// wrong.

import (
	"os"
	"syscall"

	"github.com/aio-go/aio/internal/sock"
)

// listens reports whether a request for a connection is answered at all: there is a host of
// the address, and if somebody listens he has room.
func (s *stream) listens(n *Network, c *connection) bool {
	if s.host == nil {
		return false
	}
	l := s.host.listenerFor(s.local)
	return l == nil || l.pending < l.backlog
}

// asked: a request for a connection has arrived.
func (s *stream) asked() {
	l := s.host.listenerFor(s.local)
	if l == nil || s.conn.ends[0].state == streamClosed {
		s.out.note("refuse", packet{kind: packetSYN})
		s.state = streamClosed
		s.out.send(packetRST)
		return
	}
	s.join(l)
	s.out.send(packetSYNACK)
}

// join makes the connection one that is to be accepted.
func (s *stream) join(l *listener) {
	s.conn.accepted = l
	l.pending++
	l.host.bound[l.at].turn++
	s.keep = l.keep
}

// granted: the one that dialled is connected.
func (s *stream) granted() {
	if s.state != streamConnecting {
		s.out.send(packetRST)
		return
	}
	s.state = streamOpen
	s.out.send(packetACK)
	s.deliver(readyToWrite)
}

// completed: the other end is as well, and can be accepted.
func (s *stream) completed() {
	l := s.conn.accepted
	if s.state != streamConnecting {
		return
	}
	s.state = streamOpen
	s.ready |= sock.Writable
	if l.closed {
		s.refuseLate()
		return
	}
	l.arrive(s)
}

// refuseLate resets a connection that nobody will accept.
func (s *stream) refuseLate() {
	if s.state != streamBroken {
		s.out.send(packetRST)
	}
	s.in.drop()
	s.state = streamClosed
}

// peerEnded: the peer has ended its side. One that knows nothing of the connection any more
// answers with a reset.
func (s *stream) peerEnded() {
	if s.state == streamBroken {
		s.out.send(packetRST)
		return
	}
	s.peerDone = true
	ready := sock.Readable | sock.PeerClosed
	if s.done {
		ready = readyAll
	}
	s.deliver(ready)
}

// peerGone: the other end of a Unix connection is closed.
func (s *stream) peerGone() {
	if s.state != streamOpen {
		return
	}
	s.peerDone = !s.unread
	if s.unread {
		s.err = syscall.ECONNRESET
	}
	s.state = streamBroken
	s.out.drop()
	s.deliver(readyAll)
}

// wasReset: the peer has reset the connection, or refused it.
func (s *stream) wasReset() {
	switch {
	case s.state == streamConnecting:
		s.breakOff(syscall.ECONNREFUSED)
	case s.peerDone:
		s.breakOff(syscall.EPIPE)
	default:
		s.breakOff(syscall.ECONNRESET)
	}
}

// breakOff ends the connection at this end. What has arrived can still be read.
func (s *stream) breakOff(errno syscall.Errno) {
	if s.state == streamClosed || s.state == streamBroken {
		return
	}
	if s.state == streamConnecting {
		if l := s.conn.accepted; l != nil && s == &s.conn.ends[1] {
			l.leave() // it never got as far as the queue
		}
		s.dialErr = os.NewSyscallError("connect", errno)
	} else {
		s.err = errno
	}
	s.state = streamBroken
	if !s.conn.wasCut { // then the other end is still to be reset
		s.out.halt()
	}
	s.deliver(readyAll)
}
