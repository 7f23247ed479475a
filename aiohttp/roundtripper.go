package aiohttp

// Sending through net/http.
//
// An http.RoundTripper has no connections to show: they are its own business. What is left
// for a connector is to let no more requests pass than its limits allow, in the order they
// came, and to give up those that are under way when it is closed.

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/aio-go/aio/asyncio"
)

var errProxyOfRoundTripper = errors.New("requests go through a round tripper, which has its own proxies: set the proxy there")

// RoundTripperConnector sends requests through an http.RoundTripper, whose calls block
// goroutines rather than the loop. It is how protocols that exist for net/http come to a
// session. Python's aiohttp has no counterpart.
type RoundTripperConnector struct {
	poolConnector
	rt     http.RoundTripper
	under  context.Context // of requests
	cancel context.CancelFunc
}

// NewRoundTripperConnector returns a connector that sends through rt. Of the options only
// [WithLimit] and [WithLimitPerHost] matter; they bound requests under way. rt is not closed
// with the connector, but the requests it carries are cancelled. rt gets the values of the
// request's ctx, without the loop.
func NewRoundTripperConnector(rt http.RoundTripper, opts ...ConnectorOption) *RoundTripperConnector {
	if rt == nil {
		panic("aiohttp: NewRoundTripperConnector(nil): pass a round tripper, such as http.DefaultTransport")
	}
	c := &RoundTripperConnector{rt: rt}
	c.poolConnector.init(newConnectorConfig(opts))
	c.under, c.cancel = context.WithCancel(context.Background())
	return c
}

// connect implements Connector: a place among those that are under way.
func (c *RoundTripperConnector) connect(ctx context.Context, r *ClientRequest) (transport, error) {
	if r.via != nil {
		return nil, r.invalid(errProxyOfRoundTripper)
	}
	return c.through(ctx, r, c.rt)
}

// through waits for a place for a request that rt is to carry.
func (c *RoundTripperConnector) through(ctx context.Context, r *ClientRequest, rt http.RoundTripper) (*exchange, error) {
	if c.plan.closed {
		return nil, r.sessionClosed(PhasePool)
	}
	key := poolKey{tls: r.loc.tls, host: r.loc.host, port: r.loc.port}
	s := c.plan.acquire(&key, c.loop.Time())
	if s == nil {
		var err error
		if s, err = c.wait(ctx, r, &key); err != nil {
			return nil, err
		}
	}
	ride := &ride{RoundTripper: rt, c: c, slot: s}
	x := newExchange(ride, c.loop)
	ride.unbind = context.AfterFunc(c.under, x.cancel)
	c.plan.dialed(s, x, c.loop.Time())
	c.dialed++
	return x, nil
}

func (c *RoundTripperConnector) attach(l *asyncio.EventLoop) {
	if c.loop == nil {
		context.AfterFunc(l.Context(), c.cancel)
	}
	c.poolConnector.attach(l)
}

// Close gives up the requests under way. Those that wait for their turn fail.
func (c *RoundTripperConnector) Close() error {
	err := c.poolConnector.Close()
	c.cancel()
	return err
}

// ride is one request's place on the connector.
type ride struct {
	http.RoundTripper
	c         *RoundTripperConnector
	slot      *slot
	elsewhere func(error) resend // says whether there is another way; nil: there is none
	unbind    func() bool        // from the end of the connector or the loop
}

func (r *ride) finished() {
	r.unbind()
	r.c.discard(r.slot)
}
func (r *ride) resend(err error) resend {
	if r.elsewhere == nil {
		return resendNone
	}
	return r.elsewhere(err)
}
func (r *ride) failure(e errand, p Phase, err error) error {
	return ioError(e, p, err)
}

// FromHTTPClient returns a session that sends its requests through c: its Transport, with
// whatever it does about proxies, credentials or measuring, its Jar, and its Timeout as the
// total limit. Calls that block do so on goroutines of their own, not on the loop.
//
// Redirects are followed by the session, which has its own rules for them, so that c's
// CheckRedirect is not asked. The session keeps no cookies besides c's unless opts give it a
// jar. Closing the session leaves c open. Python's aiohttp has no counterpart.
func FromHTTPClient(c *http.Client, opts ...SessionOption) *ClientSession {
	through := &clientTransport{client: *cmp.Or(c, http.DefaultClient)}
	through.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	through.client.Timeout = 0 // the session's total limit is it
	defaults := []SessionOption{WithCookieJar(nil), WithTimeout(ClientTimeout{Total: cmp.Or(cmp.Or(c, http.DefaultClient).Timeout, -1)})}
	s := NewClientSession(append(append(defaults, opts...), WithConnector(NewRoundTripperConnector(through)))...)
	s.ownsConnector = true
	return s
}

// clientTransport is an http.Client as a round tripper: its jar takes part.
type clientTransport struct{ client http.Client }

// RoundTrip implements http.RoundTripper.
func (t *clientTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	return t.client.Do(req)
}
