package aiohttp_test

// SOCKS 4 and 4a, against a proxy of a few lines.

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiotest"
)

// socks4Proxy speaks both versions; its answer may be another than the right one.
type socks4Proxy struct {
	net.Listener
	answer  func(target string) []byte // nil: as it should be
	mu      sync.Mutex
	targets []string
	wg      sync.WaitGroup
}

func newSOCKS4Proxy(t *testing.T, answer func(target string) []byte) *socks4Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &socks4Proxy{Listener: l, answer: answer}
	p.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() {
				defer c.Close()
				p.serve(c)
			})
		}
	})
	t.Cleanup(func() { l.Close(); p.wg.Wait() })
	return p
}

func (p *socks4Proxy) serve(c net.Conn) {
	in := bufio.NewReader(c)
	var head [8]byte
	if _, err := io.ReadFull(in, head[:]); err != nil || head[0] != 4 || head[1] != 1 {
		return
	}
	user, _ := in.ReadString(0)
	host := net.IP(head[4:]).String()
	if named := strings.HasPrefix(host, "0.0.0."); named {
		host, _ = in.ReadString(0)
		host = strings.TrimSuffix(host, "\x00")
	}
	target := net.JoinHostPort(host, itoa(int(binary.BigEndian.Uint16(head[2:]))))
	p.mu.Lock()
	p.targets = append(p.targets, strings.TrimSuffix(user, "\x00")+"@"+target)
	p.mu.Unlock()
	if p.answer != nil {
		if answer := p.answer(target); answer != nil {
			c.Write(answer)
			return
		}
	}
	if net.ParseIP(host) == nil {
		host = "127.0.0.1"
	}
	out, err := net.Dial("tcp", net.JoinHostPort(host, itoa(int(binary.BigEndian.Uint16(head[2:])))))
	if err != nil {
		c.Write([]byte{0, 91, 0, 0, 0, 0, 0, 0})
		return
	}
	defer out.Close()
	c.Write([]byte{0, 90, 0, 0, 0, 0, 0, 0})
	go func() {
		io.Copy(out, in)
		out.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(c, out)
}

func (p *socks4Proxy) seen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.targets, ", ")
}

func TestSOCKS4Proxy(t *testing.T) {
	plain, secure := newOrigin(t, false, nil), newOrigin(t, true, nil)
	p := newSOCKS4Proxy(t, func(target string) []byte {
		if strings.HasPrefix(target, "127.0.0.3") {
			return []byte{0, 91, 0, 0, 0, 0, 0, 0}
		}
		return nil
	})
	onLoop(t, func(ctx context.Context) error {
		resolver := &socksResolver{}
		connector := aiohttp.NewTCPConnector(aiohttp.WithResolver(resolver), aiohttp.WithTLSConfig(trusting(secure.Server)))
		defer connector.Close()
		s := aiohttp.NewClientSession(aiohttp.WithConnector(connector))
		defer s.Close()
		for _, proxy := range []string{"socks4a://user@", "socks4://"} {
			for range 2 {
				for _, u := range []string{plain.at("origin.test", "/x"), secure.at("example.com", "/x")} {
					if got, err := fetch(ctx, s, u, aiohttp.WithProxy(proxy+p.Addr().String())); got != "origin got " || err != nil {
						t.Errorf("%s via %s: got %q and %v", u, proxy, got, err)
					}
				}
			}
			if proxy == "socks4a://user@" && resolver.asked != nil {
				t.Errorf("socks4a looked up %v", resolver.asked)
			}
		}
		if got := s.Stats().Connector; got.Dialed != 4 || got.Reused != 4 {
			t.Errorf("got %+v, want four connections", got)
		}
		var e *aiohttp.ClientProxyConnectionError
		for _, scheme := range []string{"socks4", "socks4a"} {
			_, err := fetch(ctx, s, "http://[::1]:1/", aiohttp.WithProxy(scheme+"://"+p.Addr().String()))
			if !errors.As(err, &e) || !strings.Contains(err.Error(), "IPv6") {
				t.Errorf("%s to an IPv6 address: got %v", scheme, err)
			}
		}
		return nil
	})
	want := "user@origin.test:" + plain.port + ", user@example.com:" + secure.port +
		", @127.0.0.3:" + plain.port + ", @127.0.0.1:" + plain.port + ", @127.0.0.3:" + secure.port + ", @127.0.0.1:" + secure.port
	if got := p.seen(); got != want {
		t.Errorf("the proxy was asked for\n%s, want\n%s", got, want)
	}
}

func TestSOCKS4ProxyThatMisbehaves(t *testing.T) {
	for answer, want := range map[string]string{
		"\x00\x5b\x00\x00\x00\x00\x00\x00": "rejected or failed",
		"\x00\x5c\x00\x00\x00\x00\x00\x00": "cannot reach identd",
		"\x00\x5d\x00\x00\x00\x00\x00\x00": "another user",
		"\x00\x00\x00\x00\x00\x00\x00\x00": "unknown answer 0",
		"\x05\xff\x00\x00\x00\x00\x00\x00": "another protocol",
		"HTTP/1.1 400":                     "another protocol",
		"\x00\x5a\x00":                     "unexpected EOF",
		"":                                 "EOF",
	} {
		p := newSOCKS4Proxy(t, func(string) []byte { return []byte(answer) })
		onLoop(t, func(ctx context.Context) error {
			s := aiohttp.NewClientSession()
			defer s.Close()
			_, err := fetch(ctx, s, "http://origin.test/", aiohttp.WithProxy("socks4a://"+p.Addr().String()))
			var e *aiohttp.ClientProxyConnectionError
			if !errors.As(err, &e) || e.Phase != aiohttp.PhaseProxy || !strings.Contains(err.Error(), want) {
				t.Errorf("answer %q: got %v, want %q", answer, err, want)
			}
			return nil
		})
	}
}

// SOCKS4 has no passwords: one that would not be sent is refused before anything is.
func TestSOCKS4TakesNoPassword(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		if _, err := aiohttp.ParseProxy("socks4://user:s3cret@proxy"); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("got %v, want an error without the password", err)
		}
		return nil
	})
}
