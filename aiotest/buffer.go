package aiotest

// The memory of connections: bytes in a ring, in storage that connections share while they
// are empty, and packets in the order in which they were sent.

import (
	"math/bits"
	"time"
)

// A ring is a queue of bytes. Its storage is a power of two, and none while it is empty.
type ring struct {
	b    []byte
	head int // of the oldest byte
	n    int
}

// write appends p.
func (r *ring) write(p []byte, pool *bufferPool) {
	if r.n+len(p) > len(r.b) {
		r.grow(r.n+len(p), pool)
	}
	tail := (r.head + r.n) & (len(r.b) - 1)
	k := copy(r.b[tail:], p)
	copy(r.b, p[k:])
	r.n += len(p)
}

// read takes up to len(p) bytes out.
func (r *ring) read(p []byte, pool *bufferPool) int {
	p = p[:min(len(p), r.n)]
	k := copy(p, r.b[r.head:])
	copy(p[k:], r.b)
	r.n -= len(p)
	if r.n == 0 {
		r.clear(pool)
	} else {
		r.head = (r.head + len(p)) & (len(r.b) - 1)
	}
	return len(p)
}

func (r *ring) grow(need int, pool *bufferPool) {
	bigger := pool.take(need)
	k := copy(bigger, r.b[r.head:min(r.head+r.n, len(r.b))])
	copy(bigger[k:], r.b[:r.n-k])
	pool.put(r.b)
	r.b, r.head = bigger, 0
}

// clear throws away what is in the ring.
func (r *ring) clear(pool *bufferPool) {
	pool.put(r.b)
	r.b, r.head, r.n = nil, 0, 0
}

// bufferPool keeps buffers that are not in use, by the power of two they are long.
type bufferPool struct{ free [32][][]byte }

const (
	smallestBuffer = 9  // 512 bytes
	buffersKept    = 64 // of each length
)

// take returns a buffer of the power of two that holds need bytes.
func (p *bufferPool) take(need int) []byte {
	class := max(bits.Len(uint(need-1)), smallestBuffer)
	kept := p.free[class]
	if n := len(kept); n > 0 {
		b := kept[n-1]
		p.free[class] = kept[:n-1]
		return b
	}
	return make([]byte, 1<<class)
}

func (p *bufferPool) put(b []byte) {
	if len(b) == 0 {
		return
	}
	class := bits.Len(uint(len(b) - 1))
	if len(p.free[class]) < buffersKept {
		p.free[class] = append(p.free[class], b)
	}
}

// packetKind is what a packet of a connection says, in the words of TCP.
type packetKind uint8

const (
	packetData   packetKind = iota
	packetSYN               // asks for a connection
	packetSYNACK            // grants it
	packetACK               // completes it: now it can be accepted
	packetFIN               // the sender has ended its side
	packetRST               // the connection is reset
	packetGone              // the end of a Unix connection, in both directions
)

// String returns the kind as it stands in a trace.
func (k packetKind) String() string {
	return [...]string{"data", "syn", "syn-ack", "ack", "fin", "rst", "gone"}[k]
}

// A packet is under way.
type packet struct {
	at    time.Duration // when it arrives
	n     int           // bytes of data
	kind  packetKind
	tries uint8 // how often it was sent in vain
}

// packets is a queue of packets.
type packets struct {
	q    []packet
	head int
}

func (f *packets) empty() bool { return f.head == len(f.q) }

func (f *packets) first() *packet { return &f.q[f.head] }

func (f *packets) last() *packet { return &f.q[len(f.q)-1] }

func (f *packets) push(k packet) {
	if len(f.q) == cap(f.q) && f.head > len(f.q)/2 {
		f.q = f.q[:copy(f.q, f.q[f.head:])]
		f.head = 0
	}
	f.q = append(f.q, k)
}

func (f *packets) pop() packet {
	k := f.q[f.head]
	f.head++
	if f.empty() {
		f.clear()
	}
	return k
}

func (f *packets) clear() { f.q, f.head = f.q[:0], 0 }
