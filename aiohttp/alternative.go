package aiohttp

// Other ways to an origin than the connector's own.
//
// A server may be reached over another protocol, or elsewhere, and says so in its answers
// (Alt-Svc, RFC 7838). Whoever knows how to go there is an Alternative: it is asked before
// every request, shown what servers say, and told when its way does not lead anywhere; the
// request then goes the ordinary way. Package contrib/http3 is one.

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// An Alternative knows other ways to some origins. Its methods are called on the loop and must
// not block; now is the loop's time. Only origins of scheme https are its business.
type Alternative interface {
	// Route returns what is to carry a request to this origin, nil if the connector is.
	Route(host, port string, now time.Duration) http.RoundTripper
	// Learn is shown the Alt-Svc headers of a response, whichever way it came.
	Learn(host, port string, altSvc []string, now time.Duration)
	// Failed is told of an error that the round tripper of Route has returned. It reports
	// whether the request was certainly not sent, so that any request may go another way; one
	// that may have been sent does so only if it is idempotent. Route is asked again then.
	Failed(host, port string, err error, now time.Duration) (unsent bool)
}

// AlternativeConnector is a connector with other ways to some origins.
type AlternativeConnector struct {
	Connector
	alternative Alternative
	rides       *RoundTripperConnector
	ending      sync.Once // of the alternative: with the connector or with the loop
}

// NewAlternativeConnector returns a connector that sends requests where a says, and through
// then otherwise. Requests with TLS options of their own, with a proxy or with an Upgrade
// header always go through then. Limits of then do not hold for what goes another way. Closing
// the connector closes then, and a if it is an io.Closer.
func NewAlternativeConnector(a Alternative, then Connector) *AlternativeConnector {
	if a == nil || then == nil {
		panic("aiohttp: NewAlternativeConnector takes an alternative and a connector, neither of them nil")
	}
	none := func(*http.Request) (*http.Response, error) { panic("aiohttp: a ride without a round tripper") }
	return &AlternativeConnector{Connector: then, alternative: a, rides: NewRoundTripperConnector(roundTripFunc(none), WithLimit(0))}
}

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// connect implements Connector.
func (c *AlternativeConnector) connect(ctx context.Context, r *ClientRequest) (transport, error) {
	if !r.loc.tls || r.via != nil || asksForUpgrade(r) || r.call.opts.tls != (tlsChoice{}) {
		return c.Connector.connect(ctx, r)
	}
	var t transport
	var err error
	if rt := c.alternative.Route(r.loc.host, r.loc.port, c.now()); rt != nil && !c.Closed() {
		var x *exchange
		if x, err = c.rides.through(ctx, r, rt); err == nil {
			x.carrier.(*ride).elsewhere = func(err error) resend { return c.failed(r, err) }
			t = x
		}
	} else {
		t, err = c.Connector.connect(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	return &learner{t, c}, nil
}

func (c *AlternativeConnector) now() time.Duration { return c.rides.loop.Time() }

// failed says what becomes of a request that could not go the other way.
func (c *AlternativeConnector) failed(r *ClientRequest, err error) resend {
	if c.alternative.Failed(r.loc.host, r.loc.port, err, c.now()) {
		return resendAny
	}
	return resendIdempotent
}

func (c *AlternativeConnector) attach(l *asyncio.EventLoop) {
	if c.rides.loop == nil {
		context.AfterFunc(l.Context(), c.closeAlternative)
	}
	c.rides.attach(l)
	c.Connector.attach(l)
}

func (c *AlternativeConnector) closeAlternative() {
	if closer, ok := c.alternative.(io.Closer); ok {
		c.ending.Do(func() { _ = closer.Close() })
	}
}

// Close closes the connector behind it and the alternative.
func (c *AlternativeConnector) Close() error {
	if c.Closed() {
		return nil
	}
	_ = c.rides.Close()
	aside(c.closeAlternative)
	return c.Connector.Close()
}

// Stats returns a snapshot of the pool behind it, with the requests that went another way
// among those in use.
func (c *AlternativeConnector) Stats() ConnectorStats {
	s, rides := c.Connector.Stats(), c.rides.Stats()
	s.InUse += rides.InUse
	return s
}

// learner shows the alternative what servers say about themselves.
type learner struct {
	transport
	c *AlternativeConnector
}

func (l *learner) roundTrip(ctx context.Context, r *ClientRequest, resp *ClientResponse) (again resend, err error) {
	if again, err = l.transport.roundTrip(ctx, r, resp); err != nil {
		return again, err
	}
	if services := resp.Headers["Alt-Svc"]; len(services) > 0 {
		l.c.alternative.Learn(r.loc.host, r.loc.port, services, l.c.now())
	}
	return resendNone, nil
}
