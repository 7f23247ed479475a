// Command tlsproxy puts TLS in front of a server that has none: it accepts encrypted connections
// and passes what is in them on, in the clear, to another address: tlsproxy LISTEN TARGET CERT KEY.
// Without arguments it makes a certificate for itself, puts itself in front of an echo server in
// the same process, and talks to it.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"time"

	"github.com/aio-go/aio/asyncio"
)

type none = struct{}

// proxy returns the handler that passes a connection on to target.
func proxy(target string) asyncio.StreamHandler {
	return func(ctx context.Context, clientIn *asyncio.StreamReader, clientOut *asyncio.StreamWriter) error {
		serverIn, serverOut, err := asyncio.OpenConnection(ctx, "tcp", target)
		if err != nil {
			return err
		}
		defer serverOut.Close()
		// Either direction ends by itself; a failure of one cancels the other.
		return asyncio.Group(ctx, func(_ context.Context, g *asyncio.TaskGroup) error {
			g.Go(func(ctx context.Context) error { return pass(ctx, clientIn, serverOut) })
			g.Go(func(ctx context.Context) error { return pass(ctx, serverIn, clientOut) })
			return nil
		})
	}
}

// pass copies to the end, and passes the end on too. Drain, inside Writer, holds up a sender that
// is faster than the receiver.
func pass(ctx context.Context, from *asyncio.StreamReader, to *asyncio.StreamWriter) error {
	if _, err := io.Copy(to.Writer(ctx), from.Reader(ctx)); err != nil {
		return err
	}
	return to.WriteEOF()
}

func serve(ctx context.Context, listen, target, certFile, keyFile string) error {
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return err
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	server, err := asyncio.StartServer(ctx, proxy(target), "tcp", listen, asyncio.WithServerTLS(config))
	if err != nil {
		return err
	}
	fmt.Println("TLS on", server.Addr(), "for", target)
	return server.ServeForever(ctx)
}

func demo(ctx context.Context) error {
	echo := func(ctx context.Context, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
		fmt.Println("The server sees TLS:", w.TLS() != nil)
		_, err := io.Copy(w.Writer(ctx), r.Reader(ctx))
		return err
	}
	plain, err := asyncio.StartServer(ctx, echo, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	cert, roots, err := selfSigned()
	if err != nil {
		return err
	}
	front, err := asyncio.StartServer(ctx, proxy(plain.Addr().String()), "tcp", "127.0.0.1:0",
		asyncio.WithServerTLS(&tls.Config{Certificates: []tls.Certificate{cert}}))
	if err != nil {
		return err
	}
	r, w, err := asyncio.OpenConnection(ctx, "tcp", front.Addr().String(), asyncio.WithClientTLS(&tls.Config{RootCAs: roots}))
	if err != nil {
		return err
	}
	defer w.Close()
	fmt.Println("The client sees TLS:", w.TLS() != nil)
	fmt.Fprintln(w, "Hello through the proxy")
	if err := w.WriteEOF(); err != nil {
		return err
	}
	answer, err := r.ReadAll(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("The client reads: %s", answer)
	return errors.Join(front.Shutdown(ctx), plain.Shutdown(ctx))
}

// selfSigned makes a certificate for this machine and a pool that trusts it.
func selfSigned() (tls.Certificate, *x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-time.Minute),
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots, nil
}

func program(args []string) error {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
		switch len(args) {
		case 0:
			return none{}, demo(ctx)
		case 4:
			return none{}, serve(ctx, args[0], args[1], args[2], args[3])
		}
		return none{}, errors.New("usage: tlsproxy [LISTEN TARGET CERT KEY]")
	})
	return err
}

func main() {
	if err := program(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}
