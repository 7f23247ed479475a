package asyncio_test

// What handshakes cost, and for how long they keep another task of the loop from running.

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// selfSigned returns the configurations of a server with a key and of a client that knows it.
func selfSigned(b *testing.B, key crypto.Signer) (server, client *tls.Config) {
	b.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"server.example"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		b.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		b.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: roots, ServerName: "server.example"}
}

// BenchmarkHandshake makes 16 connections at a time, both ends on one loop, while a task looks
// every turn how long the last one was: stall-ns is the 99th percentile and worst-ns the longest.
func BenchmarkHandshake(b *testing.B) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	large, err := rsa.GenerateKey(rand.Reader, 4096)
	if err != nil {
		b.Fatal(err)
	}
	for _, k := range []struct {
		name string
		key  crypto.Signer
	}{{"ecdsa256", ec}, {"rsa2048", small}, {"rsa4096", large}} {
		b.Run("key="+k.name, func(b *testing.B) {
			server, client := selfSigned(b, k.key)
			_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
				return none{}, benchmarkHandshakes(ctx, b, server, client)
			}, asyncio.WithoutSignals())
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}

func benchmarkHandshakes(ctx context.Context, b *testing.B, server, client *tls.Config) error {
	s, err := asyncio.StartServer(ctx, echoLines, "tcp", "127.0.0.1:0", asyncio.WithServerTLS(server))
	if err != nil {
		return err
	}
	var stalls []time.Duration
	watch := spawn(ctx, func(ctx context.Context) error {
		loop := asyncio.RunningLoop(ctx)
		for last := loop.Time(); ; {
			if err := asyncio.Sleep(ctx, 100*time.Microsecond); err != nil {
				return err
			}
			now := loop.Time()
			stalls = append(stalls, now-last-100*time.Microsecond)
			last = now
		}
	})
	b.ResetTimer()
	left := b.N
	err = asyncio.Group(ctx, func(_ context.Context, g *asyncio.TaskGroup) error {
		for range min(16, b.N) {
			g.Go(func(ctx context.Context) error {
				for left > 0 {
					left--
					_, w, err := asyncio.OpenConnection(ctx, "tcp", s.Addr().String(), asyncio.WithClientTLS(client))
					if err != nil {
						return err
					}
					w.Close()
				}
				return nil
			})
		}
		return nil
	})
	b.StopTimer()
	watch.Cancel(nil)
	asyncio.Wait(ctx, []asyncio.Waitable{watch}).Await(ctx)
	if n := len(stalls); n > 0 {
		slices.Sort(stalls)
		b.ReportMetric(float64(stalls[n*99/100]), "stall-ns")
		b.ReportMetric(float64(stalls[n-1]), "worst-ns")
	}
	return err
}
