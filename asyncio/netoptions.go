package asyncio

// Options of connections: one vocabulary for those that come about by dialling and those that
// are accepted. What makes sense on both ends is a ConnOption, which is a DialOption as well
// as a ListenOption.

import (
	"crypto/tls"
	"net"
	"syscall"
	"time"

	"github.com/aio-go/aio/internal/sock"
)

// A ListenOption configures Listen, CreateServer and StartServer.
type ListenOption interface{ applyListen(*listenOptions) }

// A DialOption configures OpenConnection.
type DialOption interface{ applyDial(*dialOptions) }

// A ConnOption configures connections on either end: it is a [DialOption] and a [ListenOption].
// It is a [SubprocessOption] too, for the pipes of a process.
type ConnOption struct{ apply func(*connOptions) }

func (o ConnOption) applyListen(to *listenOptions) { o.apply(&to.connOptions) }
func (o ConnOption) applyDial(to *dialOptions)     { o.apply(&to.connOptions) }

type listenOption func(*listenOptions)

func (o listenOption) applyListen(to *listenOptions) { o(to) }

type dialOption func(*dialOptions)

func (o dialOption) applyDial(to *dialOptions) { o(to) }

// connOptions are what the two ends have in common.
type connOptions struct {
	limit            int // of a StreamReader
	handshakeTimeout time.Duration
	shutdownTimeout  time.Duration
}

type listenOptions struct {
	sock.ListenOptions
	connOptions
	tls   *tls.Config
	later bool // StartServing will be called
}

type dialOptions struct {
	connOptions
	dialer *Dialer
	tls    bool
	config *tls.Config
}

func defaultConnOptions() connOptions {
	return connOptions{
		limit:            DefaultStreamLimit,
		handshakeTimeout: DefaultHandshakeTimeout,
		shutdownTimeout:  DefaultShutdownTimeout,
	}
}

func collectListen(opts []ListenOption) *listenOptions {
	o := &listenOptions{connOptions: defaultConnOptions()}
	o.KeepAlive.Enable = true
	for _, opt := range opts {
		opt.applyListen(o)
	}
	return o
}

func collectDial(opts []DialOption) *dialOptions {
	o := &dialOptions{connOptions: defaultConnOptions(), dialer: new(Dialer)}
	for _, opt := range opts {
		opt.applyDial(o)
	}
	return o
}

// WithStreamLimit sets how many bytes a [StreamReader] reads in search of a separator before
// it gives up. The default is [DefaultStreamLimit]. Only streams heed it. CPython: limit=….
func WithStreamLimit(n int) ConnOption {
	if n < 1 {
		panic("asyncio: WithStreamLimit: the limit must be at least 1 byte")
	}
	return ConnOption{func(o *connOptions) { o.limit = n }}
}

// WithHandshakeTimeout bounds TLS handshakes. The default is [DefaultHandshakeTimeout]; zero or
// less is no bound. Listen ignores it. CPython: ssl_handshake_timeout=….
func WithHandshakeTimeout(d time.Duration) ConnOption {
	return ConnOption{func(o *connOptions) { o.handshakeTimeout = d }}
}

// WithShutdownTimeout sets how long a connection that is closed waits for a peer that takes
// nothing of what is still to be sent; it then ends with [ErrShutdownTimeout]. The default is
// [DefaultShutdownTimeout]; zero or less waits as long as it takes. Listen ignores it.
// CPython: ssl_shutdown_timeout=….
func WithShutdownTimeout(d time.Duration) ConnOption {
	return ConnOption{func(o *connOptions) { o.shutdownTimeout = d }}
}

// WithDialer makes OpenConnection dial with d: local address, resolver, happy eyeballs,
// keep-alive probes. Its HandshakeTimeout is not used: see [WithHandshakeTimeout].
func WithDialer(d *Dialer) DialOption { return dialOption(func(o *dialOptions) { o.dialer = d }) }

// WithClientTLS makes OpenConnection encrypt the connection. The name to verify is taken from
// the address if config, which may be nil, has none. CPython: ssl=….
func WithClientTLS(config *tls.Config) DialOption {
	return dialOption(func(o *dialOptions) { o.tls, o.config = true, config })
}

// WithServerTLS makes a server encrypt its connections. config must have a certificate. The
// protocol is made, or the handler called, when the handshake is done. Listen ignores it.
// CPython: ssl=….
func WithServerTLS(config *tls.Config) ListenOption {
	return listenOption(func(o *listenOptions) { o.tls = config })
}

// WithStartServing tells whether a server accepts from the beginning. If not, it is bound to
// its address, and those who connect wait until StartServing or ServeForever is called. The
// default is true. Listen ignores it. CPython: start_serving=….
func WithStartServing(start bool) ListenOption {
	return listenOption(func(o *listenOptions) { o.later = !start })
}

// WithBacklog sets how many connections may wait to be accepted. The default is 4096; the
// system may lower it.
func WithBacklog(n int) ListenOption { return listenOption(func(o *listenOptions) { o.Backlog = n }) }

// WithReusePort lets several sockets listen on one port, among which the system distributes
// connections. The default is off. CPython: reuse_port=True.
func WithReusePort() ListenOption {
	return listenOption(func(o *listenOptions) { o.ReusePort = true })
}

// WithReuseAddress tells whether a port can be taken on which old connections of an earlier
// listener are still closing. The default is true. CPython: reuse_address=….
func WithReuseAddress(reuse bool) ListenOption {
	return listenOption(func(o *listenOptions) { o.NoReuseAddress = !reuse })
}

// WithSocketCleanup tells whether the file of a Unix socket is removed when it is closed. The
// default is true, unless somebody has put another file in its place.
// CPython: cleanup_socket=….
func WithSocketCleanup(remove bool) ListenOption {
	return listenOption(func(o *listenOptions) { o.KeepFile = !remove })
}

// WithListenControl has f called with the socket before it is bound, as the Control field
// of net.ListenConfig.
func WithListenControl(f func(network, address string, c syscall.RawConn) error) ListenOption {
	return listenOption(func(o *listenOptions) { o.Control = f })
}

// WithKeepAlive sets the keep-alive probes of accepted connections. By default they are on
// with the times of package net.
func WithKeepAlive(config net.KeepAliveConfig) ListenOption {
	return listenOption(func(o *listenOptions) { o.KeepAlive = config })
}
