package interop_test

// The servers of others as child processes, and what they serve.

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// server is one of them, and what it can do.
type server struct {
	plain, tls string // URLs without a slash at the end
	brief      string // closes idle connections after a fifth of a second
	proto      string // what it speaks over TLS
	echoes     bool   // gives a body back; else it stores it
	parses     bool   // multipart forms
	trailers   bool
	breaks     bool // off in the middle of a body
}

var (
	text = strings.Repeat("All work and no play makes Jack a dull boy.\n", 500)
	huge = func() []byte {
		out := make([]byte, 16<<20)
		for i := range out {
			out[i] = byte(i * i >> 7)
		}
		return out
	}()
)

// content makes the directory that the servers serve.
func content(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	past := time.Now().Add(-time.Hour) // a date is a validator only when it is not of the same second as the response
	put := func(name string, body []byte) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, body, 0o644); err != nil {
			t.Fatal(err)
		}
		if os.Chtimes(path, past, past) != nil {
			t.Fatalf("cannot date %s", path)
		}
	}
	put("files/text", []byte(text))
	put("files/big", huge)
	for name, make := range map[string]func(io.Writer) io.WriteCloser{
		"gzip":    func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"deflate": func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
		"br":      func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) },
		"zstd":    func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z },
	} {
		var out bytes.Buffer
		w := make(&out)
		io.WriteString(w, text)
		w.Close()
		put("coded/"+name, out.Bytes())
	}
	return root
}

// authority is who the servers say they are.
type authority struct {
	certificate, key []byte // PEM
}

// identity is made once: the certificate is its own authority.
var identity = func() func(*testing.T) authority {
	made := sync.OnceValues(func() (authority, error) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return authority{}, err
		}
		now := time.Now()
		template := x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "interop"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
			KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}
		cert, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
		if err != nil {
			return authority{}, err
		}
		secret, err := x509.MarshalPKCS8PrivateKey(key)
		return authority{
			pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
			pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}),
		}, err
	})
	return func(t *testing.T) authority {
		a, err := made()
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
}()

// config is for a server, and trust for its clients.
func (a authority) config() *tls.Config {
	cert, err := tls.X509KeyPair(a.certificate, a.key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}}
}

func (a authority) trust() *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.certificate)
	return &tls.Config{RootCAs: roots}
}

// files writes both where a program can read them.
func (a authority) files(t *testing.T) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if os.WriteFile(cert, a.certificate, 0o600) != nil || os.WriteFile(key, a.key, 0o600) != nil {
		t.Fatalf("cannot write to %s", dir)
	}
	return cert, key
}

// TestClientAgainstAiohttp uses Debian's interpreter, to which its packages belong.
func TestClientAgainstAiohttp(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import aiohttp").Run(); err != nil {
		t.Skipf("%s has no aiohttp (%v): install python3-aiohttp", python, err)
	}
	cert, key := identity(t).files(t)
	cmd := exec.Command(python, "testdata/server.py", content(t), cert, key)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// It ends with its input. Should it not, it is in the middle of a request that never ends.
	defer cmd.Wait()
	defer cmd.Process.Kill()
	defer in.Close()
	var ports []string
	for lines := bufio.NewScanner(out); len(ports) < 3; {
		if !lines.Scan() {
			t.Fatal("the server ended before it listened")
		}
		ports = append(ports, lines.Text())
	}
	suite(t, server{
		plain: "http://127.0.0.1:" + ports[0], tls: "https://127.0.0.1:" + ports[1], brief: "http://127.0.0.1:" + ports[2],
		proto: "HTTP/1.1", echoes: true, parses: true, breaks: true,
	})
}
