package aiohttp

// Connectors: the pool at work.
//
// poolConnector carries out what poolPlan decides: it lets requests wait, dials, puts
// connections away and closes what has been idle for too long. How a connection is
// made is left to the kinds of connector built on it.

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// Connector makes and keeps connections. A connector belongs to the loop of the
// first session that uses it; sessions of that loop may share it.
type Connector interface {
	// Close closes all connections, idle and active. Requests that wait for one
	// fail.
	Close() error
	// Closed reports whether Close was called.
	Closed() bool
	// Stats returns a snapshot of the pool.
	Stats() ConnectorStats

	// connect returns a connection that is ready to carry r.
	connect(ctx context.Context, r *ClientRequest) (transport, error)
	attach(l *asyncio.EventLoop)
}

// transport is a connection, or a stream on one, that can carry one request now.
type transport interface {
	// roundTrip sends the request and reads the head of the answer into resp. After an
	// error, again says which requests may be sent once more over another connection.
	roundTrip(ctx context.Context, r *ClientRequest, resp *ClientResponse) (again resend, err error)
}

// resend says which requests may be sent again after a failure.
type resend uint8

const (
	resendNone       resend = iota
	resendIdempotent        // those that do no harm if the server has acted on them
	resendAny               // all: the server has not looked at it
)

// ConnectorStats is a snapshot of a pool.
type ConnectorStats struct {
	Idle    int    // connections that wait to be reused
	InUse   int    // connections that carry requests, or are being made
	Streams int    // requests on those that carry several at once
	Waiting int    // requests that wait for a connection
	Dialed  uint64 // connections made so far
	Reused  uint64 // requests that went over a kept connection so far
}

// ConnectorOption configures a connector.
type ConnectorOption interface{ applyConnector(*connectorConfig) }

type connectorOption func(*connectorConfig)

func (f connectorOption) applyConnector(c *connectorConfig) { f(c) }

type connectorConfig struct {
	limit        int
	perHost      int
	keepalive    time.Duration
	keepaliveSet bool
	forceClose   bool
	maxAge       time.Duration
	maxUses      int
	tlsConfig    *tls.Config
	withoutTLS   bool
	dnsTTL       time.Duration
	dnsTTLSet    bool
	dnsSize      int
	resolver     asyncio.Resolver
	family       AddressFamily
	dialer       asyncio.Dialer
	http2        http2Config
}

func newConnectorConfig(opts []ConnectorOption) *connectorConfig {
	c := &connectorConfig{
		limit: 100, keepalive: 15 * time.Second, dnsTTL: 10 * time.Second, dnsSize: 1000,
		http2: http2Config{pingAfter: 30 * time.Second, pingTimeout: 15 * time.Second},
	}
	for _, o := range opts {
		o.applyConnector(c)
	}
	if c.forceClose && c.keepaliveSet {
		panic("aiohttp: WithForceClose excludes WithKeepaliveTimeout: nothing is kept")
	}
	if c.forceClose {
		c.keepalive = 0
	}
	return c
}

// WithLimit bounds the connections of a connector, idle ones included; requests
// beyond it wait. Zero means no limit. Default: 100.
func WithLimit(n int) ConnectorOption {
	return connectorOption(func(c *connectorConfig) { c.limit = n })
}

// WithLimitPerHost bounds the connections in use to one host, port and kind of
// encryption, and the requests at once on one that carries several. Zero means no limit.
// Default: no limit.
func WithLimitPerHost(n int) ConnectorOption {
	return connectorOption(func(c *connectorConfig) { c.perHost = n })
}

// WithKeepaliveTimeout sets for how long an idle connection is kept. Default: 15 s.
func WithKeepaliveTimeout(d time.Duration) ConnectorOption {
	return connectorOption(func(c *connectorConfig) { c.keepalive, c.keepaliveSet = d, true })
}

// WithForceClose uses every connection for one request only. It excludes
// WithKeepaliveTimeout. Default: connections are kept.
func WithForceClose() ConnectorOption {
	return connectorOption(func(c *connectorConfig) { c.forceClose = true })
}

// WithMaxConnAge closes connections that are older, as soon as they are idle, so that
// changes of the name service take effect. Default: no limit.
func WithMaxConnAge(d time.Duration) ConnectorOption {
	return connectorOption(func(c *connectorConfig) { c.maxAge = d })
}

// WithMaxRequestsPerConn closes connections that have carried as many requests.
// Default: no limit.
func WithMaxRequestsPerConn(n int) ConnectorOption {
	return connectorOption(func(c *connectorConfig) { c.maxUses = n })
}

// poolConnector is what all connectors with a pool have in common.
type poolConnector struct {
	plan    poolPlan
	config  *connectorConfig
	loop    *asyncio.EventLoop
	ended   context.Context // of the loop, with which nothing suspends
	dialer  dialer
	buffers bufferPool
	reaper  *asyncio.TimerHandle // nil while nothing is idle
	dialed  uint64
	reused  uint64
}

// dialer is the side of a connector that makes connections.
type dialer interface {
	// connectTo makes a connection for r.
	connectTo(ctx context.Context, r *ClientRequest) (wire, error)
}

func (p *poolConnector) init(c *connectorConfig) {
	p.config = c
	p.plan = poolPlan{limit: c.limit, perHost: c.perHost, keepalive: c.keepalive, maxAge: c.maxAge, maxUses: c.maxUses}
}

func (p *poolConnector) attach(l *asyncio.EventLoop) {
	if p.loop == nil {
		p.loop = l
		ended, end := asyncio.WithTimeout(l.Context(), 0)
		end()
		p.ended = ended
	}
	if p.loop != l {
		panic("aiohttp: a connector is used on two event loops: give each loop its own")
	}
}

// Closed reports whether Close was called.
func (p *poolConnector) Closed() bool { return p.plan.closed }

// Close closes all connections, idle and active. Requests that wait for one fail.
func (p *poolConnector) Close() error {
	if p.plan.closed {
		return nil
	}
	if p.reaper != nil {
		p.reaper.Cancel()
		p.reaper = nil
	}
	p.plan.close()
	return nil
}

// Stats returns a snapshot of the pool.
func (p *poolConnector) Stats() ConnectorStats {
	return ConnectorStats{
		Idle: p.plan.idling, InUse: p.plan.busy, Streams: p.plan.streams(), Waiting: p.plan.waiting, Dialed: p.dialed, Reused: p.reused,
	}
}

// HostStats is a snapshot of the part of a pool that belongs to one origin, whatever
// proxies and TLS settings its connections were made with.
type HostStats struct {
	Host    string // host and port
	TLS     bool
	Idle    int // connections that wait to be reused
	InUse   int // connections that carry a request, or are being made
	Waiting int // requests that wait for a connection
}

// Hosts returns a snapshot of every origin that has connections or waiting requests,
// sorted by host.
func (p *poolConnector) Hosts() []HostStats {
	type key struct {
		host string
		tls  bool
	}
	sums := make(map[key]*HostStats)
	for _, h := range p.plan.hosts {
		k := key{net.JoinHostPort(h.key.host, h.key.port), h.key.tls}
		s := sums[k]
		if s == nil {
			s = &HostStats{Host: k.host, TLS: k.tls}
			sums[k] = s
		}
		s.Idle += len(h.idle)
		s.InUse += h.inUse
		s.Waiting += len(h.waiters)
	}
	out := make([]HostStats, 0, len(sums))
	for _, s := range sums {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b HostStats) int {
		if a.Host == b.Host && a.TLS != b.TLS {
			return map[bool]int{false: -1, true: 1}[a.TLS]
		}
		return cmp.Compare(a.Host, b.Host)
	})
	return out
}

// SetLimitPerHost gives one host, as it is spelled in URLs, a limit of its own from
// now on; a negative n removes it. Requests that it sets free go on at once.
func (p *poolConnector) SetLimitPerHost(host string, n int) {
	canonical, d := canonicalHost(host)
	if d != nil {
		panic(fmt.Sprintf("aiohttp: SetLimitPerHost(%q): %s", host, d.text()))
	}
	p.plan.setHostLimit(canonical, n, p.now())
}

func (p *poolConnector) now() time.Duration {
	if p.loop == nil {
		return 0
	}
	return p.loop.Time()
}

// connect implements Connector: a kept connection if there is one that still lives,
// otherwise a new one, otherwise a place in the queue.
func (p *poolConnector) connect(ctx context.Context, r *ClientRequest) (transport, error) {
	for {
		s, err := p.reserve(ctx, r)
		if err != nil {
			return nil, err
		}
		if s.state == slotDialing {
			return p.open(ctx, r, s)
		}
		kept, alive := s.conn.(reusable) // one that waited while idle may have ended since it was granted
		if !alive {
			continue
		}
		if t, ok := kept.take(); ok {
			p.reused++
			r.call.trace.reuse(ctx)
			return t, nil
		}
	}
}

// reserve takes a slot, or waits for one.
func (p *poolConnector) reserve(ctx context.Context, r *ClientRequest) (*slot, error) {
	if p.plan.closed {
		return nil, r.sessionClosed(PhasePool)
	}
	key := p.key(r)
	if s := p.plan.acquire(&key, p.loop.Time()); s != nil {
		return s, nil
	}
	return p.wait(ctx, r, &key)
}

// reusable is a connection that was kept.
type reusable interface {
	pooled
	// take readies the connection for another request. It reports false, and has given its
	// slot back, if that is not possible.
	take() (transport, bool)
	// rest is told that the connection carries nothing for the moment.
	rest()
}

// key is what the connection for r must agree with.
func (p *poolConnector) key(r *ClientRequest) poolKey {
	k := poolKey{tls: r.loc.tls, host: r.loc.host, port: r.loc.port, mayShare: p.mayShare(r)}
	if k.tls {
		choice := &r.call.opts.tls
		k.serverName, k.fingerprint, k.insecure, k.tlsConfig = choice.serverName, choice.fingerprint, choice.insecure, choice.config
		if k.tlsConfig == nil {
			k.tlsConfig = p.config.tlsConfig
		}
	}
	if r.via != nil {
		k.proxy, k.tunnel = r.via.key, r.via.tunnels(r)
		if r.via.tls {
			k.proxyTLS = cmp.Or(r.call.opts.proxyTLS(), r.call.opts.tls.config, p.config.tlsConfig) // see proxyConfig
		}
	}
	return k
}

// wait queues the request for a slot.
func (p *poolConnector) wait(ctx context.Context, r *ClientRequest, key *poolKey) (*slot, error) {
	r.call.compactHead()
	r.call.trace.queuedStart(ctx)
	defer r.call.trace.queuedEnd(ctx)
	granted := asyncio.NewFuture[*slot](ctx)
	w := &poolWaiter{wake: func(s *slot) { granted.SetResult(s) }}
	p.plan.join(key, w)
	deadline := r.deadline(PhasePool)
	limited, cancel := asyncio.WithDeadline(ctx, deadline)
	s, err := granted.Await(limited)
	cancel()
	switch {
	case err == nil && s == nil:
		return nil, r.sessionClosed(PhasePool)
	case err == nil:
		return s, nil
	}
	if !p.plan.leave(w) {
		p.giveBack(granted)
	}
	if ctx.Err() != nil {
		return nil, err
	}
	return nil, r.expired(PhasePool, deadline)
}

// giveBack returns a slot that was granted to a request that no longer wants it.
func (p *poolConnector) giveBack(granted *asyncio.Future[*slot]) {
	s, err := granted.Result()
	switch {
	case err != nil || s == nil:
	case s.state == slotBusy:
		p.release(s)
	default:
		p.discard(s)
	}
}

// open makes the connection for a reserved slot. Whatever happens on the way, the
// slot ends up used or free.
func (p *poolConnector) open(ctx context.Context, r *ClientRequest, s *slot) (transport, error) {
	defer p.settle(s)
	if p.plan.closed { // since the slot was granted
		return nil, r.sessionClosed(PhasePool)
	}
	r.call.compactHead()
	r.call.trace.createStart(ctx)
	dialing, stop := asyncio.WithDeadline(ctx, noDeadline)
	s.conn = dialAttempt(stop)
	w, err := p.dialer.connectTo(dialing, r)
	stop()
	if err == nil {
		r.call.trace.createEnd(ctx)
	}
	switch {
	case p.plan.closed:
		if err == nil {
			w.Close()
		}
		return nil, r.sessionClosed(PhasePool)
	case err != nil:
		return nil, err
	}
	p.dialed++
	return p.begin(r, s, w), nil
}

// settle frees a slot for which no connection was made.
func (p *poolConnector) settle(s *slot) {
	if s.state == slotDialing {
		p.discard(s)
	}
}

// begin has the protocol that was agreed on take a new connection over.
func (p *poolConnector) begin(r *ClientRequest, s *slot, w wire) transport {
	if c, ok := w.(*connWire); ok && p.speaksHTTP2(r, c) {
		return p.beginHTTP2(r, s, c)
	}
	h := &h1Conn{owner: p, slot: s, wire: w}
	h.onStir = h.abort
	p.plan.dialed(s, h, p.loop.Time())
	return h
}

// dialAttempt stands for a connection that is being made: closing the pool ends it.
type dialAttempt context.CancelFunc

func (d dialAttempt) abandon() { d() }

// release puts a connection away for reuse.
func (p *poolConnector) release(s *slot) {
	p.plan.release(s, p.loop.Time())
	if s.state != slotIdle {
		return
	}
	s.conn.(reusable).rest()
	if p.reaper == nil {
		p.reaper = p.loop.CallLater(p.plan.firstExpiry(), p.reap)
	}
}

func (p *poolConnector) discard(s *slot) { p.plan.discard(s, p.loop.Time()) }

// reap closes what has been idle for too long.
func (p *poolConnector) reap() {
	p.reaper = nil
	if next, ok := p.plan.expire(p.loop.Time()); ok {
		p.reaper = p.loop.CallLater(next, p.reap)
	}
}
