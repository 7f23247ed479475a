package aiotest

// The conformance suite of networks: what a program may expect of every network on which a
// loop of asyncio runs, as tests that any implementation can be put through. The machine's
// networks pass it, and so does the simulated one: that is what makes a test on the one say
// something about the other.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// TestNetwork checks that a network does what asyncio promises of all of them: connections
// and their ends, back-pressure, deadlines, cancellation, listeners, servers, transports,
// names, TLS, Unix sockets and datagrams. newNetwork returns a network for one loop; it is
// called for every case, each of which is a subtest on a loop of its own, under virtual time.
// Cases for what the platform lacks are skipped. On the host where the cases run, 127.0.0.1
// must be the loopback address.
func TestNetwork(t *testing.T, newNetwork func(t *testing.T) asyncio.Network) {
	for _, group := range []struct {
		name  string
		cases []networkCase
	}{
		{"conn", connCases}, {"ends", endCases}, {"dial", dialCases}, {"listen", listenCases},
		{"transport", transportCases}, {"stream", streamCases}, {"tls", tlsCases}, {"unix", unixCases}, {"datagram", datagramCases},
	} {
		for _, c := range group.cases {
			t.Run(group.name+"/"+strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
				Run(t, func(ctx context.Context) error {
					suite := &networkSuite{T: t}
					limited, cancel := asyncio.WithTimeout(ctx, casePatience)
					defer cancel()
					err := asyncio.Group(limited, func(ctx context.Context, g *asyncio.TaskGroup) error {
						suite.group = g
						return c.run(ctx, suite)
					})
					suite.close()
					return errors.Join(err, suite.gone(limited))
				}, WithNetwork(newNetwork(t)))
			})
		}
	}
}

// casePatience is how long a case may take. It matters on real networks only.
const casePatience = 30 * time.Second

// casePause is long enough for what must not happen to happen, if it would.
const casePause = 20 * time.Millisecond

// A networkCase is one property of networks.
type networkCase struct {
	name string
	run  func(ctx context.Context, t *networkSuite) error
}

// networkSuite is what the cases share: tasks, and things that are closed at the end.
type networkSuite struct {
	*testing.T
	group   *asyncio.TaskGroup
	cleanup []func()
}

// closing has something closed at the end of the case, if it is not closed by then.
func closing[C io.Closer](t *networkSuite, c C) C {
	t.cleanup = append(t.cleanup, func() { _ = c.Close() })
	return c
}

func (t *networkSuite) close() {
	for _, f := range t.cleanup {
		f()
	}
}

// gone waits until every socket is closed: some linger until everything is sent.
func (t *networkSuite) gone(ctx context.Context) error {
	for loop := asyncio.RunningLoop(ctx); loop.Stats().Sockets > 0; {
		if err := asyncio.Sleep(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// start runs f as a task of the case, which ends when it does. Its failure is the case's.
func (t *networkSuite) start(f func(ctx context.Context) error) *asyncio.Task[struct{}] {
	return asyncio.CreateTaskIn(t.group, func(ctx context.Context) (struct{}, error) { return struct{}{}, f(ctx) })
}

func (t *networkSuite) listen(ctx context.Context, opts ...asyncio.ListenOption) (*asyncio.Listener, error) {
	ln, err := asyncio.Listen(ctx, "tcp", "127.0.0.1:0", opts...)
	if err != nil {
		return nil, err
	}
	return closing(t, ln), nil
}

// dial returns both ends of a new connection to ln.
func (t *networkSuite) dial(ctx context.Context, ln *asyncio.Listener) (client, server *asyncio.Conn, err error) {
	client, err = asyncio.Dial(ctx, ln.Addr().Network(), ln.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	closing(t, client)
	server, err = ln.Accept(ctx)
	if err != nil {
		return nil, nil, err
	}
	return client, closing(t, server), nil
}

// pair returns both ends of a connection.
func (t *networkSuite) pair(ctx context.Context) (client, server *asyncio.Conn, err error) {
	ln, err := t.listen(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer ln.Close()
	return t.dial(ctx, ln)
}

// withPair is a case about a connection.
func withPair(f func(ctx context.Context, t *networkSuite, a, b *asyncio.Conn) error) func(context.Context, *networkSuite) error {
	return func(ctx context.Context, t *networkSuite) error {
		a, b, err := t.pair(ctx)
		if err != nil {
			return err
		}
		return f(ctx, t, a, b)
	}
}

// say writes text to c and expects to read it from d.
func (t *networkSuite) say(c io.Writer, d io.Reader, text string) error {
	t.Helper()
	if n, err := io.WriteString(c, text); n != len(text) || err != nil {
		return fmt.Errorf("writing %d bytes: got %d, %w", len(text), n, err)
	}
	return t.expect(d, text)
}

// expect reads text from c.
func (t *networkSuite) expect(c io.Reader, text string) error {
	t.Helper()
	got := make([]byte, len(text))
	n, err := io.ReadFull(c, got)
	if string(got[:n]) != text {
		t.Errorf("read %.40q, want %.40q", got[:n], text)
	}
	return err
}

// is checks for an error.
func (t *networkSuite) is(what string, err error, wants ...error) {
	t.Helper()
	for _, want := range wants {
		if errors.Is(err, want) {
			return
		}
	}
	t.Errorf("%s: got error %v, want %v", what, err, wants)
}

// isOp checks for an error of an operation on an address.
func (t *networkSuite) isOp(err error, op, address string) {
	t.Helper()
	var e *net.OpError
	if !errors.As(err, &e) || e.Op != op || e.Addr == nil || e.Addr.String() != address {
		t.Errorf("got error %v, want a *net.OpError of %s with %s", err, op, address)
	}
}

// bulk returns n bytes of text that repeats after a number of bytes that no buffer has.
func bulk(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < min(n, 65_521); i++ {
		fmt.Fprintf(&b, "%d,", i)
	}
	block := b.String()[:min(n, 65_521)]
	return strings.Repeat(block, n/max(len(block), 1)+1)[:n]
}
