package asyncio_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// certificates makes an authority and a certificate for server.example.
var certificates = sync.OnceValues(func() (server, client *tls.Config) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "test"},
		DNSNames:              []string{"server.example"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	server = &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		NextProtos:   []string{"h2", "http/1.1"},
	}
	client = &tls.Config{RootCAs: roots, ServerName: "server.example", NextProtos: []string{"http/1.1"}}
	return server, client
})

// tlsPair returns two ends of an encrypted connection.
func tlsPair(ctx context.Context, t *testing.T, version uint16) (client, server *asyncio.Conn) {
	t.Helper()
	serverConfig, clientConfig := certificates()
	clientConfig = clientConfig.Clone()
	clientConfig.MinVersion, clientConfig.MaxVersion = version, version
	a, b := connPair(ctx, t)
	shaking := spawn(ctx, func(ctx context.Context) error { return b.StartTLSServer(ctx, serverConfig) })
	if err := a.StartTLS(ctx, clientConfig); err != nil {
		t.Fatal(err)
	}
	if _, err := shaking.Await(ctx); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// onTLS runs body on every network with every version of TLS.
func onTLS(t *testing.T, body func(ctx context.Context, t *testing.T, a, b *asyncio.Conn) error) {
	t.Helper()
	for name, version := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			t.Helper()
			onNetworks(t, func(ctx context.Context, t *testing.T) error {
				a, b := tlsPair(ctx, t, version)
				return body(ctx, t, a, b)
			})
		})
	}
}

func TestEncryptedConnCarriesBytesBothWays(t *testing.T) {
	onTLS(t, func(ctx context.Context, t *testing.T, a, b *asyncio.Conn) error {
		send(t, a, "ping")
		wantRead(t, b, "ping")
		send(t, b, "pong")
		wantRead(t, a, "pong")
		state := a.TLS()
		if state == nil || state.NegotiatedProtocol != "http/1.1" || !state.HandshakeComplete {
			t.Errorf("got state %+v, want ALPN http/1.1", state)
		}
		return nil
	})
}

func TestEncryptedConnCarriesMuchBothWaysAtOnce(t *testing.T) {
	onTLS(t, func(ctx context.Context, t *testing.T, a, b *asyncio.Conn) error {
		want := pattern(3 << 20)
		return asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
			for _, c := range []*asyncio.Conn{a, b} {
				g.Go(func(context.Context) error {
					n, err := c.WriteBuffers(net.Buffers{want[:1000], want[1000:]})
					if n != int64(len(want)) {
						t.Errorf("wrote %d, want %d", n, len(want))
					}
					return err
				})
				g.Go(func(context.Context) error {
					got := make([]byte, len(want))
					_, err := io.ReadFull(c, got)
					if !bytes.Equal(got, want) {
						t.Error("what arrived is not what was sent")
					}
					return err
				})
			}
			return nil
		})
	})
}

func TestEncryptedConnEndsWithEOF(t *testing.T) {
	onTLS(t, func(ctx context.Context, t *testing.T, a, b *asyncio.Conn) error {
		send(t, a, "last words")
		if err := a.CloseWrite(); err != nil {
			t.Error(err)
		}
		got, err := io.ReadAll(b)
		if string(got) != "last words" || err != nil {
			t.Errorf("got %q, %v, want last words", got, err)
		}
		send(t, b, "answer")
		wantRead(t, a, "answer")
		return nil
	})
}

func TestEncryptedDataWrittenBeforeCloseArrives(t *testing.T) {
	onTLS(t, func(ctx context.Context, t *testing.T, a, b *asyncio.Conn) error {
		want := pattern(1 << 20)
		sending := spawn(ctx, func(context.Context) error {
			_, err := a.Write(want)
			return errors.Join(err, a.Close())
		})
		got, err := io.ReadAll(b)
		if !bytes.Equal(got, want) || err != nil {
			t.Errorf("got %d bytes, %v, want %d", len(got), err, len(want))
		}
		_, err = sending.Await(ctx)
		return err
	})
}

// A session ticket arrives after the handshake of TLS 1.3, at a connection that its pool
// takes for idle.
func TestIdleEncryptedConnIsNotReadable(t *testing.T) {
	onTLS(t, func(ctx context.Context, t *testing.T, a, b *asyncio.Conn) error {
		told := asyncio.NewFuture[none](ctx)
		a.OnReadable(func() { told.SetResult(none{}) })
		asyncio.Sleep(ctx, 20*time.Millisecond)
		if a.Readable() || told.Done() {
			t.Error("readable although nothing was sent")
		}
		send(t, b, "x")
		if _, err := told.Await(ctx); err != nil {
			return err
		}
		wantRead(t, a, "x")
		b.Close()
		a.OnReadable(nil)
		for !a.Readable() {
			if err := asyncio.Sleep(ctx, time.Millisecond); err != nil {
				return err
			}
		}
		_, err := a.Read(make([]byte, 1))
		wantErr(t, err, io.EOF)
		return nil
	})
}

func TestDeadlinesAndCancellationReachEncryptedConns(t *testing.T) {
	onTLS(t, func(ctx context.Context, t *testing.T, a, b *asyncio.Conn) error {
		a.SetReadDeadline(asyncio.RunningLoop(ctx).Wall().Add(10 * time.Millisecond))
		_, err := a.Read(make([]byte, 1))
		wantTimeout(t, err)
		a.SetReadDeadline(time.Time{})
		reader := spawn(ctx, func(context.Context) error { _, err := a.Read(make([]byte, 1)); return err })
		asyncio.Sleep(ctx, 0)
		reader.Cancel(errBoom)
		_, err = reader.Await(ctx)
		wantErr(t, err, errBoom)
		send(t, b, "unharmed")
		wantRead(t, a, "unharmed")
		return nil
	})
}

func TestDialTLSVerifiesTheHostOfTheAddress(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		serverConfig, clientConfig := certificates()
		s, err := asyncio.CreateServer(ctx, func() asyncio.Protocol { return new(echoProtocol) }, "tcp", "127.0.0.1:0",
			asyncio.WithServerTLS(serverConfig))
		if err != nil {
			return err
		}
		byAddress := &tls.Config{RootCAs: clientConfig.RootCAs}
		c, err := asyncio.DialTLS(ctx, "tcp", s.Addr().String(), byAddress)
		if err != nil {
			return err
		}
		send(t, c, "hello")
		wantRead(t, c, "hello")
		if byAddress.ServerName != "" {
			t.Error("DialTLS changed the caller's config")
		}
		_, err = asyncio.DialTLS(ctx, "tcp", s.Addr().String(), &tls.Config{RootCAs: clientConfig.RootCAs, ServerName: "other.example"})
		var wrongName x509.HostnameError
		if !errors.As(err, &wrongName) {
			t.Errorf("got %v, want a wrong host name", err)
		}
		_, err = asyncio.DialTLS(ctx, "tcp", s.Addr().String(), nil)
		var unknown x509.UnknownAuthorityError
		if !errors.As(err, &unknown) {
			t.Errorf("got %v, want an unknown authority", err)
		}
		var op *net.OpError
		if !errors.As(err, &op) || op.Addr.String() != s.Addr().String() {
			t.Errorf("got %v, want a net.OpError with the address", err)
		}
		return nil
	})
}

func TestFailedHandshakesLeaveTheServerServing(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		serverConfig, clientConfig := certificates()
		serve := func(opts ...asyncio.ListenOption) string {
			s, err := asyncio.CreateServer(ctx, func() asyncio.Protocol { return new(echoProtocol) }, "tcp", "127.0.0.1:0",
				append(opts, asyncio.WithServerTLS(serverConfig))...)
			if err != nil {
				t.Fatal(err)
			}
			return s.Addr().String()
		}
		patient, hasty := serve(), serve(asyncio.WithHandshakeTimeout(20*time.Millisecond))
		garbage, err := asyncio.Dial(ctx, "tcp", patient)
		if err != nil {
			return err
		}
		send(t, garbage, "GET / HTTP/1.1\r\n\r\n")
		if _, err := io.Copy(io.Discard, garbage); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %v, want the connection closed", err)
		}
		silent, err := asyncio.Dial(ctx, "tcp", hasty)
		if err != nil {
			return err
		}
		if _, err := silent.Read(make([]byte, 1)); err != io.EOF && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %v, want the connection closed after the timeout", err)
		}
		c, err := asyncio.DialTLS(ctx, "tcp", patient, clientConfig)
		if err != nil {
			return err
		}
		send(t, c, "still there?")
		wantRead(t, c, "still there?")
		return nil
	})
}

func TestHandshakeWithASilentPeerTimesOut(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		_, clientConfig := certificates()
		ln := listen(ctx, t)
		d := &asyncio.Dialer{HandshakeTimeout: 20 * time.Millisecond}
		_, err := d.DialTLS(ctx, "tcp", ln.Addr().String(), clientConfig)
		wantErr(t, err, asyncio.ErrHandshakeTimeout)
		wantErr(t, err, os.ErrDeadlineExceeded)
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("got %v, want Timeout", err)
		}
		return nil
	})
}

func TestCancelledHandshakeClosesTheConn(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		_, clientConfig := certificates()
		a, b := connPair(ctx, t)
		shaking := spawn(ctx, func(ctx context.Context) error { return a.StartTLS(ctx, clientConfig) })
		asyncio.Sleep(ctx, 0)
		shaking.Cancel(errBoom)
		_, err := shaking.Await(ctx)
		wantErr(t, err, errBoom)
		wantErr(t, a.Close(), net.ErrClosed)
		_, err = io.Copy(io.Discard, b)
		return err
	})
}

func TestPeerThatHangsUpInTheHandshakeIsReported(t *testing.T) {
	onNetworks(t, func(ctx context.Context, t *testing.T) error {
		_, clientConfig := certificates()
		a, b := connPair(ctx, t)
		b.CloseWrite()
		err := a.StartTLS(ctx, clientConfig)
		wantErr(t, err, io.ErrUnexpectedEOF)
		return nil
	})
}
