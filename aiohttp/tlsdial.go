package aiohttp

// TLS for connections of the client: which configuration a request means, and what
// its failures are called.

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"strings"

	"github.com/aio-go/aio/asyncio"
)

// sessionCacheSize is how many hosts the connector remembers TLS sessions of, so that
// reconnecting is cheaper.
const sessionCacheSize = 256

// tlsDialer encrypts the connections of one connector.
type tlsDialer struct {
	base     *tls.Config
	mayShare func(*ClientRequest) bool // HTTP/2 is offered
	sessions tls.ClientSessionCache
}

func (d *tlsDialer) init(c *connectorConfig) {
	d.base = c.tlsConfig
	if d.base == nil {
		d.base = &tls.Config{}
	}
	d.sessions = tls.NewLRUClientSessionCache(sessionCacheSize)
}

// config makes the configuration for one request.
func (d *tlsDialer) config(r *ClientRequest) *tls.Config {
	choice := &r.call.opts.tls
	from := choice.config
	if from == nil {
		from = d.base
	}
	c := from.Clone()
	c.NextProtos = []string{"http/1.1"}
	if d.mayShare(r) {
		c.NextProtos = []string{protocolHTTP2, "http/1.1"}
	}
	if c.ServerName == "" {
		c.ServerName = strings.TrimSuffix(r.loc.host, ".")
	}
	if choice.serverName != "" {
		c.ServerName = choice.serverName
	}
	if choice.insecure {
		c.InsecureSkipVerify = true
	}
	if c.ClientSessionCache == nil && from == d.base && !choice.insecure && choice.fingerprint == "" {
		c.ClientSessionCache = d.sessions
	}
	if choice.fingerprint != "" {
		c.InsecureSkipVerify = true
		c.VerifyConnection = func(s tls.ConnectionState) error { return checkFingerprint(r, s) }
	}
	return c
}

// proxyConfig makes the configuration towards the proxy of r. Of what is meant for
// origins it keeps the roots: nothing else of it would be right for another host.
func (d *tlsDialer) proxyConfig(r *ClientRequest) *tls.Config {
	c := &tls.Config{}
	if own := r.call.opts.proxyTLS(); own != nil {
		c = own.Clone()
	} else if from := cmp.Or(r.call.opts.tls.config, d.base); from != nil {
		c.RootCAs, c.MinVersion, c.Time = from.RootCAs, from.MinVersion, from.Time
	}
	c.NextProtos = []string{"http/1.1"}
	if c.ServerName == "" {
		c.ServerName = strings.TrimSuffix(r.via.host, ".")
	}
	return c
}

func (o *requestOptions) proxyTLS() *tls.Config {
	if o.proxy == nil {
		return nil
	}
	return o.proxy.tls
}

func checkFingerprint(r *ClientRequest, s tls.ConnectionState) error {
	want := r.call.opts.tls.fingerprint
	var got []byte
	if len(s.PeerCertificates) > 0 {
		sum := sha256.Sum256(s.PeerCertificates[0].Raw)
		got = sum[:]
	}
	if string(got) == want {
		return nil
	}
	return &ServerFingerprintMismatch{
		Where: r.where(PhaseTLS), Host: r.loc.host, Port: r.loc.port, Expected: []byte(want), Got: got,
	}
}

// handshake encrypts conn. After an error conn is closed.
func (d *tlsDialer) handshake(ctx context.Context, r *ClientRequest, e *endpoint, conn *asyncio.Conn) error {
	_, err := within(ctx, r, PhaseTLS, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, conn.StartTLS(ctx, e.tls)
	})
	if err == nil || ctx.Err() != nil || errors.Is(err, ErrTotalTimeout) || errors.Is(err, ErrTLSTimeout) {
		return err
	}
	var mismatch *ServerFingerprintMismatch
	if errors.As(err, &mismatch) {
		return mismatch
	}
	if errors.Is(err, asyncio.ErrHandshakeTimeout) {
		return &ConnectionTimeoutError{Where: r.where(PhaseTLS), Limit: asyncio.DefaultHandshakeTimeout}
	}
	plain := e.connectorError(r, PhaseTLS, err)
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return e.failure(&ClientConnectorCertificateError{plain})
	}
	return e.failure(&ClientConnectorSSLError{plain})
}
