package aiotest

// Cases about addresses: dialling, listening, names.

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/sockdir"
)

var dialCases = []networkCase{
	{"where nobody listens dialling is refused", func(ctx context.Context, t *networkSuite) error {
		ln, err := t.listen(ctx)
		if err != nil {
			return err
		}
		addr := ln.Addr().String()
		if err := ln.Close(); err != nil {
			return err
		}
		_, err = asyncio.Dial(ctx, "tcp", addr)
		t.is("dial", err, syscall.ECONNREFUSED)
		t.isOp(err, "dial", addr)
		return nil
	}},
	{"a malformed address is named", func(ctx context.Context, t *networkSuite) error {
		for _, address := range []string{"127.0.0.1", "127.0.0.1:99999", "[::1:80"} {
			_, err := asyncio.Dial(ctx, "tcp", address)
			t.isOp(err, "dial", address)
			_, err = asyncio.Listen(ctx, "tcp", address)
			t.isOp(err, "listen", address)
		}
		return nil
	}},
	{"an empty host is this one", func(ctx context.Context, t *networkSuite) error {
		ln, err := t.listen(ctx)
		if err != nil {
			return err
		}
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		c, err := asyncio.Dial(ctx, "tcp", ":"+port)
		if err != nil {
			return err
		}
		return c.Close()
	}},
	{"an unknown name is a DNS error", func(ctx context.Context, t *networkSuite) error {
		const name = "no-such-host.invalid"
		_, err := asyncio.Dial(ctx, "tcp", name+":80")
		var dns *net.DNSError
		if !errors.As(err, &dns) || dns.Name != name {
			t.Errorf("got %v, want a *net.DNSError with the name", err)
		}
		return nil
	}},
	{"an address literal is not resolved", func(ctx context.Context, t *networkSuite) error {
		ln, err := t.listen(ctx)
		if err != nil {
			return err
		}
		d := &asyncio.Dialer{Resolver: noResolver{t}}
		c, err := d.Dial(ctx, "tcp", ln.Addr().String())
		if err != nil {
			return err
		}
		return c.Close()
	}},
	{"every address that failed is reported", func(ctx context.Context, t *networkSuite) error {
		ln, err := t.listen(ctx)
		if err != nil {
			return err
		}
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		if err := ln.Close(); err != nil {
			return err
		}
		self := netip.MustParseAddr("127.0.0.1")
		d := &asyncio.Dialer{Resolver: fixedAddrs{self, self}}
		_, err = d.Dial(ctx, "tcp", "twice.example:"+port)
		var all *asyncio.DialError
		if !errors.As(err, &all) || len(all.Errors) != 2 {
			t.Errorf("got %v, want a *DialError of two", err)
		}
		t.is("dial", err, syscall.ECONNREFUSED)
		return nil
	}},
	{"cancelling a dial gives it up", func(ctx context.Context, t *networkSuite) error {
		dialling := asyncio.CreateTask(ctx, func(ctx context.Context) (*asyncio.Conn, error) {
			return (&asyncio.Dialer{Resolver: fixedAddrs{}}).Dial(ctx, "tcp", "nowhere.example:80")
		})
		dialling.Cancel(errStopped)
		_, err := dialling.Await(ctx)
		t.is("dial", err, errStopped)
		return nil
	}},
}

// noResolver fails its case if it is asked.
type noResolver struct{ t *networkSuite }

// LookupHost implements asyncio.Resolver.
func (r noResolver) LookupHost(_ context.Context, _, host string) ([]netip.Addr, error) {
	r.t.Errorf("%s was resolved", host)
	return nil, io.EOF
}

// fixedAddrs are the addresses of every name.
type fixedAddrs []netip.Addr

// LookupHost implements asyncio.Resolver.
func (a fixedAddrs) LookupHost(context.Context, string, string) ([]netip.Addr, error) {
	return slices.Clone(a), nil
}

var listenCases = []networkCase{
	{"accepting waits for somebody", func(ctx context.Context, t *networkSuite) error {
		ln, err := t.listen(ctx)
		if err != nil {
			return err
		}
		accepting := asyncio.CreateTask(ctx, ln.Accept)
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
		a, err := asyncio.Dial(ctx, "tcp", ln.Addr().String())
		if err != nil {
			return err
		}
		closing(t, a)
		b, err := accepting.Await(ctx)
		if err != nil {
			return err
		}
		return t.say(a, closing(t, b), "hello")
	}},
	{"tasks accept in the order in which they came", acceptInOrder},
	{"a cancelled accept does not starve others", func(ctx context.Context, t *networkSuite) error {
		ln, err := t.listen(ctx)
		if err != nil {
			return err
		}
		first, second := asyncio.CreateTask(ctx, ln.Accept), asyncio.CreateTask(ctx, ln.Accept)
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
		first.Cancel(errStopped)
		a, err := asyncio.Dial(ctx, "tcp", ln.Addr().String())
		if err != nil {
			return err
		}
		closing(t, a)
		_, err = first.Await(ctx)
		t.is("cancelled accept", err, errStopped)
		b, err := second.Await(ctx)
		if err != nil {
			return err
		}
		return t.say(a, closing(t, b), "hello")
	}},
	{"closing fails those who accept", func(ctx context.Context, t *networkSuite) error {
		ln, err := t.listen(ctx)
		if err != nil {
			return err
		}
		accepting := asyncio.CreateTask(ctx, ln.Accept)
		if err := asyncio.Sleep(ctx, 0); err != nil {
			return err
		}
		if err := ln.Close(); err != nil {
			return err
		}
		_, err = accepting.Await(ctx)
		t.is("suspended accept", err, net.ErrClosed)
		_, err = ln.Accept(ctx)
		t.is("accept after Close", err, net.ErrClosed)
		t.is("second Close", ln.Close(), net.ErrClosed)
		return nil
	}},
	{"an address in use is refused", func(ctx context.Context, t *networkSuite) error {
		ln, err := t.listen(ctx)
		if err != nil {
			return err
		}
		addr := ln.Addr().String()
		_, err = asyncio.Listen(ctx, "tcp", addr)
		t.is("listen", err, syscall.EADDRINUSE)
		t.isOp(err, "listen", addr)
		if err := ln.Close(); err != nil {
			return err
		}
		again, err := asyncio.Listen(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return again.Close()
	}},
	{"port 0 is a free one", func(ctx context.Context, t *networkSuite) error {
		a, err := t.listen(ctx)
		if err != nil {
			return err
		}
		b, err := t.listen(ctx)
		if err != nil {
			return err
		}
		if a.Addr().String() == b.Addr().String() || a.Addr().(*net.TCPAddr).Port == 0 {
			t.Errorf("got %v and %v, want two ports", a.Addr(), b.Addr())
		}
		return nil
	}},
	{"a connection that nobody accepts is reset", func(ctx context.Context, t *networkSuite) error {
		ln, err := t.listen(ctx)
		if err != nil {
			return err
		}
		c, err := asyncio.Dial(ctx, "tcp", ln.Addr().String())
		if err != nil {
			return err
		}
		closing(t, c)
		if err := asyncio.Sleep(ctx, casePause); err != nil {
			return err
		}
		if err := ln.Close(); err != nil {
			return err
		}
		_, err = c.Read(make([]byte, 1))
		t.is("read", err, syscall.ECONNRESET, io.EOF)
		return nil
	}},
}

func acceptInOrder(ctx context.Context, t *networkSuite) error {
	ln, err := t.listen(ctx)
	if err != nil {
		return err
	}
	var got []int
	var accepting []*asyncio.Task[struct{}]
	for i := range 4 {
		accepting = append(accepting, t.start(func(ctx context.Context) error {
			c, err := ln.Accept(ctx)
			if err != nil {
				return err
			}
			got = append(got, i)
			return c.Close()
		}))
	}
	if err := asyncio.Sleep(ctx, 0); err != nil {
		return err
	}
	for range 4 {
		c, err := asyncio.Dial(ctx, "tcp", ln.Addr().String())
		if err != nil {
			return err
		}
		closing(t, c)
	}
	if _, err := asyncio.Gather(ctx, accepting...).Await(ctx); err != nil {
		return err
	}
	if !slices.IsSorted(got) {
		t.Errorf("accepted in order %v", got)
	}
	return nil
}

var unixCases = []networkCase{
	{"bytes go over a path", func(ctx context.Context, t *networkSuite) error {
		ln, err := t.listenUnix(ctx)
		if err != nil {
			return err
		}
		a, b, err := t.dial(ctx, ln)
		if err != nil {
			return err
		}
		if err := errors.Join(t.say(a, b, "ping"), t.say(b, a, "pong"), a.Close()); err != nil {
			return err
		}
		_, err = b.Read(make([]byte, 1))
		t.is("read after the end", err, io.EOF)
		_, err = writeUntilError(ctx, b)
		t.is("write to a closed peer", err, syscall.EPIPE)
		return nil
	}},
	{"a path in use is refused", func(ctx context.Context, t *networkSuite) error {
		ln, err := t.listenUnix(ctx)
		if err != nil {
			return err
		}
		_, err = asyncio.Listen(ctx, "unix", ln.Addr().String())
		t.is("listen", err, syscall.EADDRINUSE)
		return nil
	}},
	{"the path is free again after closing", func(ctx context.Context, t *networkSuite) error {
		ln, err := t.listenUnix(ctx)
		if err != nil {
			return err
		}
		path := ln.Addr().String()
		if err := ln.Close(); err != nil {
			return err
		}
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v, want the socket's file removed", err)
		}
		_, err = asyncio.Dial(ctx, "unix", path)
		t.is("dial", err, syscall.ENOENT, syscall.ECONNREFUSED)
		again, err := asyncio.Listen(ctx, "unix", path)
		if err != nil {
			return err
		}
		return again.Close()
	}},
}

// listenUnix listens on a path of its own, and skips the case where there are no such
// sockets.
func (t *networkSuite) listenUnix(ctx context.Context) (*asyncio.Listener, error) {
	ln, err := asyncio.Listen(ctx, "unix", filepath.Join(sockdir.New(t), "s"))
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EAFNOSUPPORT) {
		t.Skipf("no Unix sockets here: %v", err)
	}
	if err != nil {
		return nil, err
	}
	return closing(t, ln), nil
}
