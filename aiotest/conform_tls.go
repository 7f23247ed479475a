package aiotest

// Cases about encrypted connections. Their certificate is made from a fixed key: nobody
// trusts it outside of them.

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// tlsName is whom the certificate is for.
const tlsName = "server.example"

// tlsConfigs returns the configurations of a server and of a client that trusts it.
func tlsConfigs() (server, client *tls.Config, err error) {
	key := ed25519.NewKeyFromSeed([]byte("this key is not a secret at all!"))
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: tlsName},
		DNSNames:              []string{tlsName},
		NotBefore:             Epoch.AddDate(-1, 0, 0),
		NotAfter:              Epoch.AddDate(1, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	now := func() time.Time { return Epoch }
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	server = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, Time: now}
	return server, &tls.Config{RootCAs: roots, ServerName: tlsName, Time: now}, nil
}

// withTLS is a case about an encrypted connection.
func withTLS(f func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error) func(context.Context, *networkSuite) error {
	return withPair(func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error {
		server, client, err := tlsConfigs()
		if err != nil {
			return err
		}
		accepting := t.start(func(ctx context.Context) error { return b.StartTLSServer(ctx, server) })
		if err := a.StartTLS(ctx, client); err != nil {
			return err
		}
		if _, err := accepting.Await(ctx); err != nil {
			return err
		}
		return f(ctx, t, a, b)
	})
}

var tlsCases = []networkCase{
	{"encrypted bytes go both ways", withTLS(func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error {
		if state := a.TLS(); state == nil || !state.HandshakeComplete {
			t.Errorf("got state %+v, want a complete handshake", state)
		}
		return errors.Join(t.say(a, b, "ping"), t.say(b, a, "pong"))
	})},
	{"much goes through, to the end", withTLS(func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error {
		text := bulk(2 << 20)
		t.start(func(context.Context) error {
			_, err := io.WriteString(a, text)
			return errors.Join(err, a.Close())
		})
		got, err := io.ReadAll(b)
		if string(got) != text {
			t.Errorf("received %d bytes, want %d", len(got), len(text))
		}
		return err
	})},
	{"cancellation reaches a read", withTLS(func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error {
		reading := asyncio.CreateTask(ctx, func(context.Context) (int, error) { return a.Read(make([]byte, 1)) })
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
		reading.Cancel(errStopped)
		_, err := reading.Await(ctx)
		t.is("cancelled read", err, errStopped)
		return t.say(b, a, "unharmed")
	})},
	{"a peer that hangs up in the handshake is reported", withPair(func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error {
		_, client, err := tlsConfigs()
		if err != nil {
			return err
		}
		if err := b.Close(); err != nil {
			return err
		}
		err = a.StartTLS(ctx, client)
		var op *net.OpError
		if !errors.As(err, &op) {
			t.Errorf("got %v, want a *net.OpError", err)
		}
		_, err = a.Write([]byte("x"))
		t.is("write after a failed handshake", err, net.ErrClosed)
		return nil
	})},
}
