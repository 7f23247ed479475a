package aiotest

// A pipe is one direction of a connection.
//
// What is written goes into its ring at once and is then on the way; when its packet
// arrives, the bytes only begin to count as readable, so each is copied once in and once
// out. Packets of a pipe arrive in the order in which they were sent. One that does not get
// through is sent again, later and later, and holds up those behind it; in the end the
// sender gives the connection up, as TCP does.

import (
	"fmt"
	"syscall"
	"time"
)

type pipe struct {
	net      *Network
	conn     *connection
	src, dst *stream
	path     *path

	buf      ring // bytes to be read, then bytes on the way
	readable int  // how many of them can be read
	flight   packets
	arrival  event         // of the first packet in flight
	latest   time.Duration // arrival of the last packet
	slow     time.Duration // until when a slow reader is busy
	carried  int64         // bytes ever sent

	stalled bool // the writer was told that there is no room
	room    roomMade
}

// roomMade is the news, on its way to the writer, that the reader has made room.
type roomMade struct {
	event
	pipe  *pipe
	tries uint8
}

func (p *pipe) init(c *connection, src, dst *stream, way *path) {
	p.net, p.conn, p.src, p.dst, p.path = c.net, c, src, dst, way
	p.arrival.what = p
	p.room.pipe = p
	p.room.what = &p.room
}

// free is how much may be written.
func (p *pipe) free() int { return p.net.buffer - p.buf.n }

// write sends data, for which there must be room.
func (p *pipe) write(data []byte) {
	now := p.net.now()
	p.buf.write(data, &p.net.bufs)
	if p.path.Link == (Link{}) && len(p.net.faults) == 0 {
		p.carried += int64(len(data))
		p.push(packet{at: now, n: len(data)})
		return
	}
	for size := len(data); size > 0; {
		n := min(size, packetLimit)
		verdict := p.net.judge(p, now, &n)
		p.post(now, packet{n: n}, verdict)
		if verdict.reset {
			return
		}
		p.carried += int64(n)
		size -= n
	}
}

// packetLimit is how many bytes travel together where chance or bandwidth play a part.
const packetLimit = 16 << 10

// send sends a packet without data.
func (p *pipe) send(kind packetKind) {
	now, n := p.net.now(), 0
	p.post(now, packet{kind: kind}, p.net.judge(p, now, &n))
}

// post gives a packet to the link.
func (p *pipe) post(now time.Duration, k packet, v verdict) {
	k.at = p.path.arrival(p.net, now, k.n) + v.delay
	for v.lost || p.path.Loss > 0 && p.net.rng.Float64() < p.path.Loss {
		v.lost = false
		p.note("lose", k)
		k.tries++
		k.at += p.backoff(k)
		if k.tries > p.patience(k) {
			break // lost for good: the sender gives up then
		}
	}
	if v.rate > 0 && k.n > 0 {
		p.slow = max(p.slow, k.at) + time.Duration(float64(k.n)/float64(v.rate)*float64(time.Second))
		k.at = p.slow
	}
	if v.reset {
		p.conn.cut(now)
		return
	}
	p.push(k)
}

// push appends a packet to those in flight.
func (p *pipe) push(k packet) {
	k.at = max(k.at, p.latest)
	p.latest = k.at
	p.note("send", k)
	if !p.flight.empty() {
		if last := p.flight.last(); k.kind == packetData && last.kind == packetData && last.at == k.at && last.tries == k.tries {
			last.n += k.n
			return
		}
		p.flight.push(k)
		return
	}
	p.flight.push(k)
	p.net.events.schedule(&p.arrival, k.at)
}

// happen implements happening: packets arrive.
func (p *pipe) happen(now time.Duration) {
	for !p.flight.empty() {
		k := p.flight.first()
		switch {
		case k.at > now:
			p.net.events.schedule(&p.arrival, k.at)
			return
		case k.tries > p.patience(*k):
			p.giveUp()
			return
		case !p.passes(k, now):
			p.note("lose", *k)
			k.tries++
			k.at = now + p.backoff(*k)
			continue
		}
		p.arrive(p.flight.pop())
	}
}

// passes reports whether a packet gets through to where it goes.
func (p *pipe) passes(k *packet, now time.Duration) bool {
	if len(p.net.faults) > 0 && p.net.severed(p, now) {
		return false
	}
	if k.tries > 0 && p.net.losesAgain(p, now) {
		return false
	}
	return k.kind != packetSYN || p.dst.listens(p.net, p.conn)
}

// backoff is how long a sender waits before it sends a packet again: the times of Linux.
func (p *pipe) backoff(k packet) time.Duration {
	first := max(200*time.Millisecond, 2*(p.path.Latency+p.path.Jitter))
	if p.answersDial(k) {
		first = time.Second
	}
	return min(first<<(k.tries-1), 2*time.Minute)
}

// answersDial reports whether a packet asks for a connection or tells the one that dials what
// became of it. He asks again while he hears nothing, so that all of them are sent as often
// as the first.
func (p *pipe) answersDial(k packet) bool {
	switch k.kind {
	case packetSYN, packetSYNACK:
		return true
	case packetRST:
		return p.dst == &p.conn.ends[0] && p.dst.state == streamConnecting
	}
	return false
}

// patience is how often a packet is sent again before the sender gives up.
func (p *pipe) patience(k packet) uint8 {
	if p.answersDial(k) {
		return 6
	}
	return dataPatience
}

const dataPatience = 15

// giveUp ends the connection on the sender's side, and on both if it has only begun: then the
// other one waits for what was lost, and has asked for it in vain.
func (p *pipe) giveUp() {
	p.note("give up", *p.flight.first())
	p.halt()
	p.src.breakOff(syscall.ETIMEDOUT)
	if p.dst.state == streamConnecting {
		p.dst.breakOff(syscall.ETIMEDOUT)
	}
}

// arrive delivers a packet.
func (p *pipe) arrive(k packet) {
	p.note("arrive", k)
	dst := p.dst
	switch k.kind {
	case packetSYN:
		dst.asked()
	case packetSYNACK:
		dst.granted()
	case packetACK:
		dst.completed()
	case packetData:
		p.arrived(k.n)
	case packetFIN:
		dst.peerEnded()
	case packetGone:
		dst.peerGone()
	case packetRST:
		dst.wasReset()
	}
}

// arrived makes n more bytes readable. A socket that is closed, or knows nothing of the
// connection any more, answers with a reset; what had arrived before can still be read.
func (p *pipe) arrived(n int) {
	if p.dst.state != streamOpen {
		p.halt()
		p.dst.out.send(packetRST)
		return
	}
	p.readable += n
	p.dst.deliver(readyToRead)
}

// read takes out what can be read, up to len(b) bytes, and tells a writer that waits when
// half of the space is free.
func (p *pipe) read(b []byte) int {
	b = b[:min(len(b), p.readable)]
	n := p.buf.read(b, &p.net.bufs)
	p.readable -= n
	if p.stalled && !p.room.pending() && 2*p.free() >= p.net.buffer {
		p.net.events.schedule(&p.room.event, p.net.now()+p.path.Latency)
	}
	return n
}

// happen implements happening: the writer hears that there is room, or the reader says it
// again.
func (r *roomMade) happen(now time.Duration) {
	p := r.pipe
	if len(p.net.faults) > 0 && p.net.severed(p, now) {
		if r.tries++; r.tries > dataPatience {
			p.src.breakOff(syscall.ETIMEDOUT)
			return
		}
		p.net.events.schedule(&r.event, now+p.backoff(packet{tries: r.tries}))
		return
	}
	r.tries = 0
	p.stalled = false
	p.src.deliver(readyToWrite)
}

// drop throws away everything that is on the way, and what was not read.
func (p *pipe) drop() {
	p.halt()
	p.forget()
}

// halt throws away what is on the way. What has arrived can still be read.
func (p *pipe) halt() {
	p.net.events.cancel(&p.arrival)
	p.net.events.cancel(&p.room.event)
	p.flight.clear()
	if p.dst.state == streamClosed {
		p.forget()
	}
}

// forget throws away what can be read.
func (p *pipe) forget() {
	if p.flight.empty() {
		p.buf.clear(&p.net.bufs)
		p.readable = 0
		return
	}
	var sink [512]byte
	for p.readable > 0 {
		p.readable -= p.buf.read(sink[:min(len(sink), p.readable)], &p.net.bufs)
	}
}

// note tells the trace what became of a packet.
func (p *pipe) note(what string, k packet) {
	if p.net.trace == nil {
		return
	}
	if k.kind != packetData {
		what = fmt.Sprintf("%s %v", what, k.kind)
	}
	p.net.note(what, p.src.label(), p.dst.label(), k.n)
}
