//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock_test

import (
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/aio-go/aio/internal/sock"
	"github.com/aio-go/aio/internal/sockdir"
)

// Every test of this package runs against every kind of poller: the table
// below is the only place that knows which there are.

var pollers = []struct {
	name string
	new  func() (sock.Poller, error)
}{
	{"native", func() (sock.Poller, error) { return sock.New(sock.KindNative) }},
	{"pipe-parked", sock.NewPipeParked},
	{"fallback", func() (sock.Poller, error) { return sock.New(sock.KindFallback) }},
}

// patience is how long a test waits for something that should happen at once.
const patience = 20 * time.Second

// rig is a poller with the helpers tests need.
type rig struct {
	*testing.T
	sock.Poller
	kind string
}

// each runs body once per poller, and checks that it leaves no socket open.
func each(t *testing.T, body func(r *rig)) {
	t.Helper()
	for _, p := range pollers {
		t.Run(p.name, func(t *testing.T) {
			poller, err := p.new()
			if err != nil {
				t.Fatal(err)
			}
			r := &rig{T: t, Poller: poller, kind: p.name}
			defer func() {
				if err := poller.Close(); err != nil {
					t.Errorf("closing the poller: %v", err)
				}
				if n := poller.Active(); n != 0 {
					t.Errorf("%d sockets active after Close", n)
				}
			}()
			body(r)
		})
	}
}

// until drives the poller until cond holds.
func (r *rig) until(what string, cond func() bool) {
	r.Helper()
	deadline := time.Now().Add(patience)
	for !cond() {
		if time.Now().After(deadline) {
			r.Fatalf("still waiting for %s", what)
		}
		if err := r.Wait(100 * time.Millisecond); err != nil {
			r.Fatalf("waiting for %s: %v", what, err)
		}
	}
}

func (r *rig) listen(network string) sock.Listener {
	r.Helper()
	l, err := r.Listen(network, r.localAddr(network), sock.ListenOptions{})
	if err != nil {
		r.Fatal(err)
	}
	l.SetNotify(func(sock.Ready) {})
	return l
}

func (r *rig) localAddr(network string) net.Addr {
	if network == "unix" {
		return &net.UnixAddr{Name: filepath.Join(sockdir.New(r), "s"), Net: "unix"}
	}
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}
}

func (r *rig) dial(network string, to net.Addr) sock.Stream {
	r.Helper()
	s, err := r.Dial(network, to, &sock.DialOptions{})
	if err != nil {
		r.Fatal(err)
	}
	s.SetNotify(func(sock.Ready) {})
	return s
}

func (r *rig) accept(l sock.Listener) sock.Stream {
	r.Helper()
	var s sock.Stream
	r.until("a connection", func() bool {
		var err error
		s, err = l.TryAccept()
		if err != nil && err != sock.ErrWouldBlock {
			r.Fatal(err)
		}
		return err == nil
	})
	s.SetNotify(func(sock.Ready) {})
	return s
}

// pair is two ends of a connection.
func (r *rig) pair(network string) (client, server sock.Stream) {
	r.Helper()
	l := r.listen(network)
	defer l.Close()
	client = r.dial(network, l.Addr())
	server = r.accept(l)
	r.until("connecting", func() bool {
		err := client.ConnectResult()
		if err != nil && err != sock.ErrWouldBlock {
			r.Fatal(err)
		}
		return err == nil
	})
	return client, server
}

// write writes all of p.
func (r *rig) write(s sock.Stream, p []byte) {
	r.Helper()
	r.until("writing", func() bool {
		n, err := s.TryWrite(p)
		if err != nil && err != sock.ErrWouldBlock {
			r.Fatal(err)
		}
		p = p[n:]
		return len(p) == 0
	})
}

// read reads n bytes, or up to the first error, which it returns.
func (r *rig) read(s sock.Stream, n int) ([]byte, error) {
	r.Helper()
	buf, have := make([]byte, n), 0
	var failure error
	r.until("reading", func() bool {
		for have < n && failure == nil {
			k, err := s.TryRead(buf[have:])
			have += k
			if err == sock.ErrWouldBlock {
				return false
			}
			failure = err
		}
		return true
	})
	return buf[:have], failure
}
