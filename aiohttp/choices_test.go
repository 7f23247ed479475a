package aiohttp_test

// Which addresses are tried, and what a response without a length is taken for: options that
// aiohttp has, too.

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// read_until_eof=False: what announces no length has no body, and is not waited for.
func TestBodyWithoutALengthIsNoneIfSaidSo(t *testing.T) {
	stay := func(response string) script {
		return func(ctx context.Context, p *peer) error {
			for range 2 {
				if _, err := p.readHead(ctx); err != nil {
					return err
				}
				if err := p.send(ctx, response); err != nil {
					return err
				}
			}
			_, err := p.readHead(ctx) // and does not hang up
			return err
		}
	}
	for response, want := range map[string]string{
		"HTTP/1.1 200 OK\r\n\r\n":                               "",
		"HTTP/1.1 200 OK\r\n\r\nbody":                           "",
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n":     "",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: odd\r\n\r\nbody": "",
		hello: "hello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n": "hi",
		"HTTP/1.1 204 No Content\r\n\r\n":                                           "",
	} {
		run(t, stay(response), func(ctx context.Context, w *world) error {
			for range 2 {
				resp, got, err := w.get(ctx, "http://h/", aiohttp.WithReadUntilEOF(false))
				if got != want || err != nil {
					t.Errorf("%q: got %q, %v, want %q", response, got, err, want)
				}
				if !resp.Closed() || !resp.Content.AtEOF() {
					t.Errorf("%q: the response is not over", response)
				}
			}
			if stats := w.session.Stats().Connector; stats.InUse != 0 {
				t.Errorf("%q: got %+v", response, stats)
			}
			return nil
		})
	}
	run(t, pieces("HTTP/1.1 200 OK\r\n\r\nbody", 0), func(ctx context.Context, w *world) error {
		if _, got, err := w.get(ctx, "http://h/", aiohttp.WithReadUntilEOF(true)); got != "body" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		return nil
	})
}

// familyResolver has addresses of both kinds, whatever it is asked for.
type familyResolver struct {
	asked []string
	addrs []string
}

func (r *familyResolver) LookupHost(_ context.Context, network, _ string) (addrs []netip.Addr, err error) {
	r.asked = append(r.asked, network)
	for _, a := range r.addrs {
		addrs = append(addrs, netip.MustParseAddr(a))
	}
	return addrs, nil
}

func TestFamilyOfAddresses(t *testing.T) {
	both := []string{"::1", "127.0.0.1", "::2", "127.0.0.2"}
	cases := []struct {
		family  aiohttp.AddressFamily
		network string
		host    string
		addrs   []string
		want    string // what the error says of the addresses tried; "" for none
	}{
		{aiohttp.FamilyAny, "ip", "h.test", both, "[::1]:1 127.0.0.1:1 [::2]:1 127.0.0.2:1"},
		{aiohttp.FamilyIPv4, "ip4", "h.test", both, "127.0.0.1:1 127.0.0.2:1"},
		{aiohttp.FamilyIPv6, "ip6", "h.test", both, "[::1]:1 [::2]:1"},
		{aiohttp.FamilyIPv4, "ip4", "h.test", []string{"::1"}, ""},
		{aiohttp.FamilyIPv6, "ip6", "h.test", []string{"127.0.0.1", "::ffff:127.0.0.1"}, ""},
		{aiohttp.FamilyIPv4, "", "[::1]", nil, ""},
		{aiohttp.FamilyIPv6, "", "127.0.0.1", nil, ""},
		{aiohttp.FamilyIPv6, "", "[::1]", nil, "[::1]:1"},
	}
	for _, c := range cases {
		aiotest.Run(t, func(ctx context.Context) error {
			r := &familyResolver{addrs: c.addrs}
			connector := aiohttp.NewTCPConnector(aiohttp.WithResolver(r), aiohttp.WithFamily(c.family), aiohttp.WithHappyEyeballsDelay(-1))
			defer connector.Close()
			s := aiohttp.NewClientSession(aiohttp.WithConnector(connector))
			defer s.Close()
			_, err := s.Get(ctx, "http://"+c.host+":1/")
			var unknown *aiohttp.ClientConnectorDNSError
			if got := errors.As(err, &unknown); got != (c.want == "") || !errors.Is(err, aiohttp.ErrClientConnector) {
				t.Errorf("%v of %s: got %v", c.family, c.host, err)
			}
			if c.network != "" && !slices.Equal(r.asked, []string{c.network}) {
				t.Errorf("%v of %s: the resolver was asked for %v", c.family, c.host, r.asked)
			}
			if got := tried(err); got != c.want {
				t.Errorf("%v of %s: tried %q, want %q", c.family, c.host, got, c.want)
			}
			return nil
		})
	}
}

func TestInterleaveOfAddresses(t *testing.T) {
	for n, want := range map[int]string{
		-1: "[::1]:1 [::2]:1 127.0.0.1:1 127.0.0.2:1", 1: "[::1]:1 127.0.0.1:1 [::2]:1 127.0.0.2:1", 2: "[::1]:1 [::2]:1 127.0.0.1:1 127.0.0.2:1",
	} {
		aiotest.Run(t, func(ctx context.Context) error {
			r := &familyResolver{addrs: []string{"::1", "::2", "127.0.0.1", "127.0.0.2"}}
			connector := aiohttp.NewTCPConnector(aiohttp.WithResolver(r), aiohttp.WithInterleave(n))
			defer connector.Close()
			s := aiohttp.NewClientSession(aiohttp.WithConnector(connector))
			defer s.Close()
			_, err := s.Get(ctx, "http://h.test:1/")
			if got := tried(err); got != want {
				t.Errorf("interleave %d: tried %q, want %q", n, got, want)
			}
			return nil
		})
	}
}

// tried are the addresses that an error says were tried, in order.
func tried(err error) string {
	var many *asyncio.DialError
	var order []string
	errs := []error{err}
	if errors.As(err, &many) {
		errs = many.Errors
	}
	for _, err := range errs {
		var op *net.OpError
		if errors.As(err, &op) && op.Addr != nil {
			order = append(order, op.Addr.String())
		}
	}
	return strings.Join(order, " ")
}
