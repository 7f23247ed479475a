package aiohttp

// HTTP/2: when it is spoken.
//
// A TLS handshake offers it, and the server decides. Requests that could only be made over
// HTTP/1, such as those that ask for another protocol, go over connections of their own, which
// do not offer it; so do all requests if every connection is to be used once.

import (
	"crypto/tls"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/aio-go/aio/internal/http2"
)

const protocolHTTP2 = "h2"

// http2Config is what options say about HTTP/2.
type http2Config struct {
	off         bool
	clear       bool // prior knowledge, for URLs of scheme http
	pingAfter   time.Duration
	pingTimeout time.Duration
}

// WithHTTP2 says whether servers may choose HTTP/2. Connections then carry many requests at
// once, as many as the server allows and WithLimitPerHost permits; there is one to a host.
// Default: true.
func WithHTTP2(on bool) ConnectorOption {
	return connectorOption(func(c *connectorConfig) { c.http2.off = !on })
}

// WithHTTP2PriorKnowledge speaks HTTP/2 to http:// URLs without asking (RFC 9113 section
// 3.3): all of the servers must be known to understand it. Default: HTTP/1.1.
func WithHTTP2PriorKnowledge() ConnectorOption {
	return connectorOption(func(c *connectorConfig) { c.http2.clear = true })
}

// WithHTTP2Ping asks the server of an HTTP/2 connection on which nothing has arrived for
// that long whether it is still there, and gives the connection up if no answer comes within
// timeout. A negative after never asks. Default: 30 s and 15 s.
func WithHTTP2Ping(after, timeout time.Duration) ConnectorOption {
	return connectorOption(func(c *connectorConfig) { c.http2.pingAfter, c.http2.pingTimeout = after, timeout })
}

// mayShare reports whether the connection for r may come to carry other requests beside it.
func (p *poolConnector) mayShare(r *ClientRequest) bool {
	switch {
	case p.config.forceClose || p.config.withoutTLS || p.config.maxUses == 1 || r.call.older || asksForUpgrade(r):
		return false
	case r.loc.tls:
		return !p.config.http2.off && offersHTTP2(r.call.opts.tls.config, p.config.tlsConfig)
	}
	return p.config.http2.clear && (r.via == nil || r.via.tunnels(r))
}

// asksForUpgrade reports whether r wants to leave HTTP, which needs a connection.
func asksForUpgrade(r *ClientRequest) bool {
	if r.Headers == nil {
		return r.own["Upgrade"] != nil
	}
	return r.Headers["Upgrade"] != nil || r.Method == http.MethodConnect
}

// offersHTTP2 reports whether the first configuration there is allows HTTP/2: one that names
// protocols, and not this one, means what it says.
func offersHTTP2(configs ...*tls.Config) bool {
	for _, c := range configs {
		if c != nil {
			return (c.NextProtos == nil || slices.Contains(c.NextProtos, protocolHTTP2)) &&
				(c.MaxVersion == 0 || c.MaxVersion >= tls.VersionTLS12)
		}
	}
	return true
}

// speaksHTTP2 reports whether a new connection is one of HTTP/2.
func (p *poolConnector) speaksHTTP2(r *ClientRequest, w *connWire) bool {
	if state := w.TLS(); state != nil {
		return state.NegotiatedProtocol == protocolHTTP2
	}
	return p.config.http2.clear && !r.loc.tls && p.mayShare(r)
}

// HTTP2ErrorCode is why a stream or a connection of HTTP/2 ended (RFC 9113 section 7).
type HTTP2ErrorCode uint32

// The codes that matter to callers; the rest have numbers only here.
const (
	HTTP2NoError          HTTP2ErrorCode = 0x0
	HTTP2ProtocolError    HTTP2ErrorCode = 0x1
	HTTP2InternalError    HTTP2ErrorCode = 0x2
	HTTP2FlowControlError HTTP2ErrorCode = 0x3
	HTTP2RefusedStream    HTTP2ErrorCode = 0x7
	HTTP2Cancel           HTTP2ErrorCode = 0x8
	HTTP2EnhanceYourCalm  HTTP2ErrorCode = 0xb
	HTTP2HTTP11Required   HTTP2ErrorCode = 0xd
)

// String returns the name of the code in the RFC.
func (c HTTP2ErrorCode) String() string { return http2.ErrCode(c).String() }

// HTTP2Error reports a stream of HTTP/2 that was reset, or whose connection was ended, with
// an error code, by the server or because of what the server sent. It matches
// ErrServerConnection.
type HTTP2Error struct {
	Where
	Code       HTTP2ErrorCode
	Connection bool // it ended the connection, not only the stream
	Err        error
}

func (e *HTTP2Error) Error() string {
	what := "stream reset: "
	if e.Connection {
		what = "connection ended: "
	}
	what += e.Code.String()
	var cause *http2.Error
	if errors.As(e.Err, &cause) && cause.Detail != "" {
		what += ": " + cause.Detail
	}
	return e.text("HTTP/2 " + what)
}
func (e *HTTP2Error) Is(target error) bool { return classServerConnection.within(target) }
func (e *HTTP2Error) Unwrap() error        { return e.Err }
