package aiohttp

// relay: the body of a response on its way from a goroutine to a task.
//
// It is a ring that is filled from the outside and emptied on the loop. A full ring lets the
// goroutine wait, and with it, through flow control, the server. The ring is made when the first
// bytes are there to be read: a response that only waits has none.

import (
	"io"
	"net/http"
	"sync"
)

// Sizes of rings. Most bodies are small and say so.
const (
	relaySmall = 4 << 10
	relayLarge = 64 << 10
)

// relay holds bytes that were read and not yet taken: ring[start:start+held], wrapped.
type relay struct {
	x     *exchange
	space sync.Cond // room was made, or nobody wants any more
	ring  []byte
	start int
	held  int
	err   error // behind what is held, io.EOF at the end: the goroutine has left
	gone  error // why nobody wants any more
}

var largeRings = sync.Pool{New: func() any {
	ring := make([]byte, relayLarge)
	return &ring
}}

func (b *relay) init(x *exchange) { b.x, b.space.L = x, &x.mu }

// fill reads the body of resp to its end, on the goroutine.
func (b *relay) fill(resp *http.Response) {
	total := int64(0)
	for {
		window := b.room(resp.ContentLength)
		if window == nil {
			return
		}
		n, err := resp.Body.Read(window)
		total += int64(n)
		b.put(n, err)
		// When all that was announced is there the end is at hand: the two make one piece
		// of news.
		if err != nil || n > 0 && total != resp.ContentLength {
			b.x.news.Set()
		}
		if err != nil {
			return
		}
	}
}

// room waits for space and returns it, nil if nobody wants more. Only the goroutine touches
// it before put.
func (b *relay) room(expected int64) []byte {
	b.x.mu.Lock()
	defer b.x.mu.Unlock()
	for b.gone == nil && b.ring != nil && b.held == len(b.ring) {
		b.x.news.Set() // the end may have been waited for, see fill
		b.space.Wait()
	}
	if b.gone != nil {
		b.recycle()
		return nil
	}
	if b.ring == nil {
		b.ring = newRing(expected)
	}
	if b.held == 0 {
		b.start = 0
	}
	end := b.start + b.held
	if end >= len(b.ring) {
		return b.ring[end-len(b.ring) : b.start]
	}
	return b.ring[end:]
}

func newRing(expected int64) []byte {
	if expected >= 0 && expected < relaySmall {
		return make([]byte, expected+1) // with room to find the end
	}
	return *largeRings.Get().(*[]byte)
}

// recycle gives the ring up; x.mu is held, and the goroutine is not reading into it.
func (b *relay) recycle() {
	if len(b.ring) == relayLarge {
		ring := b.ring
		largeRings.Put(&ring)
	}
	b.ring, b.held = nil, 0
}

func (b *relay) put(n int, err error) {
	b.x.mu.Lock()
	defer b.x.mu.Unlock()
	b.held += n
	b.err = err
	if b.gone != nil {
		b.recycle()
	}
}

// take moves what there is into p, on the loop. It returns the error behind the last byte
// together with nothing.
func (b *relay) take(p []byte) (n int, err error) {
	b.x.mu.Lock()
	defer b.x.mu.Unlock()
	if b.gone != nil {
		return 0, b.gone
	}
	full := b.held == len(b.ring)
	for n < len(p) && b.held > 0 {
		k := copy(p[n:], b.ring[b.start:min(b.start+b.held, len(b.ring))])
		n += k
		b.held -= k
		if b.start += k; b.start == len(b.ring) {
			b.start = 0
		}
	}
	if n > 0 {
		if full {
			b.space.Signal()
		}
		return n, nil
	}
	return 0, b.err
}

// length is how much take would return.
func (b *relay) length() int {
	b.x.mu.Lock()
	defer b.x.mu.Unlock()
	return b.held
}

// drop throws away what there is and reports whether that was the rest.
func (b *relay) drop() (n int, ended bool) {
	b.x.mu.Lock()
	defer b.x.mu.Unlock()
	n, b.held = b.held, 0
	if len(b.ring) > 0 {
		b.start = (b.start + n) % len(b.ring) // where the goroutine may be reading to already
	}
	b.space.Signal()
	return n, b.err == io.EOF && b.gone == nil
}

// close tells the goroutine that nobody wants any more, and whoever waits for it why.
func (b *relay) close(why error) {
	b.x.mu.Lock()
	defer b.x.mu.Unlock()
	if b.gone != nil {
		return
	}
	b.gone = why
	if b.err != nil {
		b.recycle()
	} else {
		b.space.Signal()
	}
}
