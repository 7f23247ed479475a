package asyncio

// Dialling: from an address as users write it to a connection.
//
// The addresses of a host are raced as RFC 8305 ("happy eyeballs") has it: one after the
// other, each with a head start, and at once when the one before has failed. An attempt is a
// socket and no task; the dialling task waits for all of them in one queue.

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/aio-go/aio/internal/sock"
)

// DefaultHappyEyeballsDelay is the head start of an address over the next.
// CPython: the recommended happy_eyeballs_delay.
const DefaultHappyEyeballsDelay = 250 * time.Millisecond

// A Dialer has the options of Dial. Its zero value is ready to use.
type Dialer struct {
	// LocalAddr is the address to connect from; nil leaves it to the system.
	LocalAddr net.Addr
	// HappyEyeballsDelay is the head start each address has over the next. Zero means 250 ms;
	// a negative value tries an address only when the one before has failed.
	HappyEyeballsDelay time.Duration
	// Interleave is how many addresses of the family of the first are tried before the
	// families alternate (First Address Family Count of RFC 8305). Zero means 1, a negative
	// value the order of the resolver. CPython: interleave.
	Interleave int
	// Resolver finds the addresses of hosts; nil means the loop's own.
	Resolver Resolver
	// KeepAlive are the keep-alive probes of TCP. By default they are on, with the idle
	// time and interval of package net; set DisableKeepAlive for none.
	KeepAlive net.KeepAliveConfig
	// DisableKeepAlive turns keep-alive probes off.
	DisableKeepAlive bool
	// Control is called with each socket before it connects, as that of net.Dialer.
	Control sock.ControlFunc
	// HandshakeTimeout bounds the handshake of DialTLS. Zero means
	// [DefaultHandshakeTimeout].
	HandshakeTimeout time.Duration
}

var errNoneSuits = errors.New("no address of the network's family")

// Dial connects to address on network "tcp", "tcp4", "tcp6" or "unix", with the defaults of
// a [Dialer].
func Dial(ctx context.Context, network, address string) (*Conn, error) {
	return new(Dialer).Dial(ctx, network, address)
}

// Dial connects to address. It suspends the task until a connection is made. The host is a
// name, an address literal, which is not resolved, or empty for this machine; the port a
// number or the name of a service. Errors are *net.OpError with the address, or *DialError if
// several addresses were tried; when ctx ends it is the context's error, and attempts under
// way are given up. While too many connections wait to be accepted, Dial waits too, on network
// "unix" by trying again and again. CPython: loop.create_connection, asyncio.open_connection.
func (d *Dialer) Dial(ctx context.Context, network, address string) (*Conn, error) {
	r, err := d.prepare(ctx, network, address)
	if err != nil {
		return nil, opError("dial", network, address, err)
	}
	return r.connect(ctx, address)
}

// DialAddrs is Dial for a host whose addresses are known: they are tried in their order, but for
// Interleave, and nothing is looked up. network is "tcp", "tcp4" or "tcp6"; addresses that do not
// fit it are left out, and it is an error if none remains. CPython: the sockets of
// loop.create_connection; aiohappyeyeballs.start_connection.
func (d *Dialer) DialAddrs(ctx context.Context, network string, ips []netip.Addr, port uint16) (*Conn, error) {
	r, err := d.prepareAddrs(ctx, network, ips, port)
	if err != nil {
		return nil, err
	}
	return r.connect(ctx, "")
}

// prepare returns a race between the addresses of address. It is not part of Dial so that what it
// needs is off the stack of a task that waits for its connection: very many may.
func (d *Dialer) prepare(ctx context.Context, network, address string) (*dialRace, error) {
	e, err := parseEndpoint(network, address)
	if err != nil {
		return nil, err
	}
	e.lead = d.Interleave
	l := loopOf(ctx)
	h, err := l.networkOf(ctx)
	if err != nil {
		return nil, err
	}
	addrs, err := e.resolve(ctx, h, d.Resolver, false)
	if err != nil {
		return nil, err
	}
	return d.race(l, h, network, addrs), nil
}

// prepareAddrs returns a race between ips.
func (d *Dialer) prepareAddrs(ctx context.Context, network string, ips []netip.Addr, port uint16) (*dialRace, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, notDialled(network, net.UnknownNetworkError(network))
	}
	l := loopOf(ctx)
	h, err := l.networkOf(ctx)
	if err != nil {
		return nil, notDialled(network, err)
	}
	addrs := addrsOf(network, ips, int(port), d.Interleave)
	if len(addrs) == 0 {
		return nil, notDialled(network, errNoneSuits)
	}
	return d.race(l, h, network, addrs), nil
}

//go:noinline
func notDialled(network string, err error) error {
	return &net.OpError{Op: "dial", Net: network, Err: err}
}

// race returns a race that has not begun.
func (d *Dialer) race(l *EventLoop, h Host, network string, addrs []net.Addr) *dialRace {
	r := &dialRace{loop: l, host: h, network: network, addrs: addrs}
	r.options.Local, r.options.KeepAlive, r.options.Control = d.LocalAddr, d.keepAlive(), d.Control
	r.headStart = cmp.Or(d.HappyEyeballsDelay, DefaultHappyEyeballsDelay)
	return r
}

// DialContext is Dial with the signature that many packages want of a dialling function.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := d.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// DialTLS is Dial followed by StartTLS: see the function of that name.
func (d *Dialer) DialTLS(ctx context.Context, network, address string, config *tls.Config) (*Conn, error) {
	c, err := d.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	o := defaultConnOptions()
	if d.HandshakeTimeout != 0 {
		o.handshakeTimeout = d.HandshakeTimeout
	}
	if err := c.s.startTLS(ctx, clientConfig(config, address), tls.Client, o); err != nil {
		return nil, err
	}
	return c, nil
}

func (d *Dialer) keepAlive() net.KeepAliveConfig {
	config := d.KeepAlive
	config.Enable = !d.DisableKeepAlive
	return config
}

// dialRace is one call of Dial.
type dialRace struct {
	loop    *EventLoop
	host    Host
	network string
	options sock.DialOptions

	addrs   []net.Addr // not tried yet
	trying  []attempt  // under way, in the order in which they were begun
	errs    []error
	waiting waitQueue // the dialling task

	headStart time.Duration // negative: until the attempt has failed
	timer     timer         // ends the head start, or the pause
	due       bool          // it is over

	pause time.Duration // before the address whose backlog is full is tried again
}

type attempt struct {
	addr   net.Addr
	stream sock.Stream
}

// connect runs the race for the connection that wins it. address is for the error.
func (r *dialRace) connect(ctx context.Context, address string) (*Conn, error) {
	defer r.abandon()
	stream, err := r.run(ctx)
	if err != nil {
		return nil, err
	}
	if stream == nil {
		return nil, r.failure(address)
	}
	return newConn(r.loop, r.network, stream), nil
}

// run returns the first stream that is connected, or nil if every address failed; errors of
// ctx are its own.
func (r *dialRace) run(ctx context.Context) (sock.Stream, error) {
	r.due = true
	for {
		if winner := r.collect(); winner != nil {
			return winner, nil
		}
		if len(r.addrs) > 0 && (r.due || len(r.trying) == 0 && r.pause == 0) {
			r.begin()
			continue
		}
		if len(r.addrs) == 0 && len(r.trying) == 0 {
			return nil, nil
		}
		if err := r.waiting.wait(ctx, waitConnect); err != nil {
			return nil, err
		}
	}
}

// collect looks at the attempts. It returns one that has succeeded and drops those that
// failed, after which the next may begin at once.
func (r *dialRace) collect() (winner sock.Stream) {
	left := 0
	for _, a := range r.trying {
		err := a.stream.ConnectResult()
		switch {
		case winner != nil || err == sock.ErrWouldBlock:
			r.trying[left] = a
			left++
		case err == nil:
			winner = a.stream
		default:
			_ = a.stream.Close()
			r.failed(a.addr, err)
		}
	}
	r.trying = r.trying[:left]
	return winner
}

// begin tries the next address.
func (r *dialRace) begin() {
	addr := r.addrs[0]
	r.addrs = r.addrs[1:]
	r.due = false
	stream, err := r.host.Dial(r.network, addr, &r.options)
	if err != nil {
		r.failed(addr, err)
		return
	}
	r.watch(attempt{addr, stream})
}

// watch waits for an attempt that is under way.
func (r *dialRace) watch(a attempt) {
	a.stream.SetNotify(func(sock.Ready) { r.waiting.wakeOne() })
	r.trying = append(r.trying, a)
	r.loop.timers.remove(&r.timer)
	if r.headStart >= 0 && len(r.addrs) > 0 {
		r.loop.timers.add(&r.timer, r.loop.deadlineIn(r.headStart), (*headStartOver)(r))
	}
}

func (r *dialRace) failed(addr net.Addr, err error) {
	if r.network == "unix" && errors.Is(err, syscall.EAGAIN) {
		r.later(addr)
		return
	}
	r.due = true
	r.errs = append(r.errs, &net.OpError{Op: "dial", Net: r.network, Source: r.options.Local, Addr: addr, Err: err})
}

// later tries addr, the only one, again after a pause. A Unix socket that may not block is not put
// into a queue if there are too many who wait to be accepted, and is told so (connect(2), EAGAIN);
// nobody tells when there is room. One that may block waits, and so does TCP.
func (r *dialRace) later(addr net.Addr) {
	r.addrs = append(r.addrs, addr)
	r.pause = min(max(2*r.pause, sendPause), maxSendPause)
	r.loop.timers.add(&r.timer, r.loop.deadlineIn(r.pause), (*headStartOver)(r))
}

// headStartOver is a race as the entry that its timer schedules.
type headStartOver dialRace

func (h *headStartOver) run(*EventLoop) {
	if h.timer.at == timerFired {
		h.timer.at = timerIdle
		h.due = true
		h.waiting.wakeOne()
	}
}

// abandon closes the attempts that did not win.
func (r *dialRace) abandon() {
	r.loop.timers.remove(&r.timer)
	for _, a := range r.trying {
		_ = a.stream.Abort()
	}
	r.trying = nil
}

// failure is the error when all addresses have failed.
func (r *dialRace) failure(address string) error {
	if len(r.errs) == 1 {
		return r.errs[0]
	}
	return &DialError{Network: r.network, Address: address, Errors: r.errs}
}
