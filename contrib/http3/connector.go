// Package http3 lets aiohttp sessions speak HTTP/3, through github.com/quic-go/quic-go.
//
//	session := aiohttp.NewClientSession(aiohttp.WithConnector(http3.NewConnector()))
//
// A server that offers HTTP/3 in an Alt-Svc header is reached that way from the next request
// on; where that fails, requests go over HTTP/2 or HTTP/1 as before, and HTTP/3 is not tried
// again for a while. The package is a module of its own, so that only programs that use it
// depend on a QUIC implementation.
package http3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/quic-go/quic-go"
	quichttp3 "github.com/quic-go/quic-go/http3"

	"github.com/aio-go/aio/aiohttp"
)

// An Option configures NewConnector.
type Option func(*options)

type options struct {
	tcp       []aiohttp.ConnectorOption
	tls       *tls.Config
	known     []string
	handshake time.Duration
	idle      time.Duration
}

// WithTCP gives the options of the connector for HTTP/1 and HTTP/2. Default: none.
func WithTCP(opts ...aiohttp.ConnectorOption) Option {
	return func(o *options) { o.tcp = append(o.tcp, opts...) }
}

// WithTLSConfig sets the TLS configuration, for QUIC and TCP both. Default: the zero
// tls.Config.
func WithTLSConfig(c *tls.Config) Option { return func(o *options) { o.tls = c } }

// WithOrigins names origins, as host:port, that are known to speak HTTP/3: they are reached
// that way from the first request on. Default: servers have to say so.
func WithOrigins(origins ...string) Option {
	return func(o *options) { o.known = append(o.known, origins...) }
}

// WithHandshakeTimeout bounds the time without an answer after which a QUIC handshake is
// given up and the request goes over TCP. Default: 2 s.
func WithHandshakeTimeout(d time.Duration) Option { return func(o *options) { o.handshake = d } }

// WithIdleTimeout sets for how long a QUIC connection is kept that nothing arrives on.
// Default: 30 s.
func WithIdleTimeout(d time.Duration) Option { return func(o *options) { o.idle = d } }

// NewConnector returns a connector that speaks HTTP/3 to origins that offer it, and HTTP/2 or
// HTTP/1 to all others. Requests with TLS options of their own, with a proxy or with an Upgrade
// header are never sent over HTTP/3.
func NewConnector(opts ...Option) *aiohttp.AlternativeConnector {
	o := options{handshake: 2 * time.Second, idle: 30 * time.Second}
	for _, opt := range opts {
		opt(&o)
	}
	if o.tls != nil {
		o.tcp = append(o.tcp, aiohttp.WithTLSConfig(o.tls))
	}
	w := &way{}
	w.known.init()
	for _, name := range o.known {
		if _, _, err := net.SplitHostPort(name); err != nil {
			panic(fmt.Sprintf("http3: WithOrigins(%q): want host:port", name))
		}
		w.known.fix(name)
	}
	w.transport = &quichttp3.Transport{
		TLSClientConfig:    o.tls,
		QUICConfig:         &quic.Config{HandshakeIdleTimeout: o.handshake, MaxIdleTimeout: o.idle},
		Dial:               w.dial,
		DisableCompression: true,
	}
	return aiohttp.NewAlternativeConnector(w, aiohttp.NewTCPConnector(o.tcp...))
}

// way is the way to origins over QUIC.
type way struct {
	known     cache
	transport *quichttp3.Transport
}

var _ aiohttp.Alternative = (*way)(nil)

// Route implements aiohttp.Alternative.
func (w *way) Route(host, port string, now time.Duration) http.RoundTripper {
	if w.known.lookup(net.JoinHostPort(host, port), now) == "" {
		return nil
	}
	return w
}

// Learn implements aiohttp.Alternative. Of several services the first is taken, which is the
// one the server prefers.
func (w *way) Learn(host, port string, altSvc []string, now time.Duration) {
	name := net.JoinHostPort(host, port)
	services, clear := parseAltSvc(altSvc)
	if clear || len(services) == 0 {
		w.known.forget(name)
		return
	}
	first := services[0]
	if first.host == "" {
		first.host = host
	}
	w.known.learn(name, net.JoinHostPort(first.host, first.port), now+first.maxAge)
}

// Failed implements aiohttp.Alternative.
func (w *way) Failed(host, port string, err error, now time.Duration) (unsent bool) {
	w.known.ban(net.JoinHostPort(host, port), now)
	var failed *dialError
	return errors.As(err, &failed)
}

// RoundTrip implements http.RoundTripper, on a goroutine.
func (w *way) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := w.transport.RoundTrip(req)
	if err == nil {
		w.known.reached(authority(req))
	}
	return resp, err
}

// authority names the origin of a request as the cache does.
func authority(req *http.Request) string {
	port := req.URL.Port()
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(req.URL.Hostname(), port)
}

// Close implements io.Closer.
func (w *way) Close() error { return w.transport.Close() }

// dialError is that of a connection that could not be made: nothing was sent on it.
type dialError struct {
	address string
	err     error
}

func (e *dialError) Error() string { return "http3: dial " + e.address + ": " + e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

// dial connects to where the origin addr offers HTTP/3. The certificate must be the origin's,
// wherever that is (RFC 7838 section 2.1): config has its name.
func (w *way) dial(ctx context.Context, addr string, config *tls.Config, quicConfig *quic.Config) (*quic.Conn, error) {
	address := w.known.address(addr)
	conn, err := quic.DialAddr(ctx, address, config, quicConfig)
	if err != nil {
		return nil, &dialError{address, err}
	}
	return conn, nil
}
