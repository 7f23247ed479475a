package http3

// What is remembered of origins: where they offer HTTP/3, until when, and which of them
// turned out not to be reachable that way.

import (
	"container/list"
	"sync"
	"time"
)

// maxOrigins bounds how many origins are remembered; those not asked for longest go first.
const maxOrigins = 1000

// Times for which a way that led nowhere is not tried again: doubled each time.
const (
	firstBan = 5 * time.Minute
	lastBan  = 2 * 24 * time.Hour
)

// origin is one entry. Times are those of the loop.
type origin struct {
	name    string // host:port
	address string // where HTTP/3 is offered, host:port; "" if nowhere
	until   time.Duration
	banned  time.Duration // until when the way is not tried
	bans    int
	fixed   bool // told by the program; does not end
}

// cache is used on the loop, and by goroutines that dial.
type cache struct {
	mu      sync.Mutex
	origins map[string]*list.Element
	recent  list.List // of *origin, the one used last in front
}

func (c *cache) init() { c.origins = make(map[string]*list.Element) }

// entry finds or makes the entry for name; c.mu is held.
func (c *cache) entry(name string) *origin {
	if e, ok := c.origins[name]; ok {
		c.recent.MoveToFront(e)
		return e.Value.(*origin)
	}
	if len(c.origins) >= maxOrigins {
		last := c.recent.Back()
		delete(c.origins, last.Value.(*origin).name)
		c.recent.Remove(last)
	}
	o := &origin{name: name}
	c.origins[name] = c.recent.PushFront(o)
	return o
}

// lookup returns where name offers HTTP/3, "" if it does not or should not be tried.
func (c *cache) lookup(name string, now time.Duration) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.origins[name]
	if !ok {
		return ""
	}
	o := e.Value.(*origin)
	if now < o.banned || !o.fixed && now >= o.until {
		return ""
	}
	c.recent.MoveToFront(e)
	return o.address
}

// address is lookup for a goroutine that dials: what was decided on the loop stands.
func (c *cache) address(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.origins[name]; ok && e.Value.(*origin).address != "" {
		return e.Value.(*origin).address
	}
	return name
}

// fix remembers for good that name speaks HTTP/3.
func (c *cache) fix(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.entry(name)
	o.address, o.fixed = name, true
}

// learn remembers what a server has said. A network may have changed since a way was banned,
// but a server that repeats itself proves nothing: the ban stays.
func (c *cache) learn(name, address string, until time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.entry(name)
	if !o.fixed {
		o.address, o.until = address, until
	}
}

// forget drops what a server has said.
func (c *cache) forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.origins[name]; ok && !e.Value.(*origin).fixed {
		e.Value.(*origin).address, e.Value.(*origin).until = "", 0
	}
}

// ban has the way to name not tried for a while.
func (c *cache) ban(name string, now time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.entry(name)
	if now < o.banned {
		return // several requests met the same failure
	}
	o.banned = now + min(firstBan<<min(o.bans, 20), lastBan)
	o.bans++
}

// reached takes note that the way works.
func (c *cache) reached(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.origins[name]; ok {
		e.Value.(*origin).bans = 0
	}
}
