package aiohttp

// Client middlewares: functions around the sending of each hop.
//
// The chain is built anew for every hop, and once more if a kept connection turned out
// to be dead and the session repeats the hop. What a middleware changes in the request
// is seen by those inside it; the list of one request replaces that of the session.

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// ClientHandler sends a request and returns the response.
type ClientHandler func(ctx context.Context, req *ClientRequest) (*ClientResponse, error)

// ClientMiddleware wraps the sending of a request. It may change the request, call
// next once, several times (to retry) or not at all (to answer itself, see
// ClientRequest.Answer), and look at the response. It runs once per hop, hence again
// after a redirect. Responses it does not return it must close. Its ctx ends when
// ClientTimeout.Total runs out, and when the outermost middleware has returned: work
// that goes on in the background wants context.WithoutCancel.
type ClientMiddleware func(ctx context.Context, req *ClientRequest, next ClientHandler) (*ClientResponse, error)

// chain puts the middlewares around the sending, the first one outermost.
func chain(list []ClientMiddleware) ClientHandler {
	handler := ClientHandler(sendRequest)
	for i := len(list) - 1; i >= 0; i-- {
		m, next := list[i], handler
		handler = func(ctx context.Context, req *ClientRequest) (*ClientResponse, error) {
			defer req.call.enter()()
			return m(ctx, req, next)
		}
	}
	return handler
}

// enter notes that a middleware, or the sending, was handed a request of the call. A clone is over when the
// outermost of them returns; a call of the session's own sees to its end itself.
func (c *call) enter() (leave func()) {
	if !c.cloned {
		return func() {}
	}
	c.inside++
	return func() {
		if c.inside--; c.inside == 0 {
			c.closeBodies()
		}
	}
}

// sendRequest is the innermost handler.
func sendRequest(ctx context.Context, req *ClientRequest) (*ClientResponse, error) {
	defer req.call.enter()()
	return req.call.send(ctx, req)
}

// lateness is how much later than the total limit itself the context of the
// middlewares ends: I/O in progress is to fail first, with an error that says what it
// was waiting for.
const lateness = time.Millisecond

// throughMiddlewares sends the present hop with the chain around it.
func (c *call) throughMiddlewares(ctx context.Context) (*ClientResponse, error) {
	inner := ctx
	if c.clock.end < noDeadline-lateness {
		limited, cancel := asyncio.WithDeadline(ctx, c.clock.end+lateness)
		defer cancel()
		inner = limited
	}
	asked := c.req
	for {
		if err := c.prepareForMiddlewares(ctx); err != nil {
			return nil, err
		}
		c.dropped = nil
		resp, err := chain(c.opts.middlewares)(inner, &c.req)
		switch {
		case err == nil:
			return resp, nil
		case c.dropped != nil && errors.Is(err, c.dropped) && !c.repeated && inner.Err() == nil:
			c.repeated = true
			c.req = asked
			c.req.URL = &c.req.loc.url
		case inner.Err() != nil && ctx.Err() == nil && isTimeout(err) && !errors.Is(err, ErrTotalTimeout):
			return nil, c.clock.expired(c.req.where(PhaseRequest), noDeadline)
		default:
			return nil, err
		}
	}
}

func isTimeout(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// prepareForMiddlewares makes everything about the request visible. The headers are a
// copy: those of the session and of the caller stay as they are.
func (c *call) prepareForMiddlewares(ctx context.Context) error {
	r := &c.req
	if r.Headers != nil {
		return nil
	}
	if r.body != nil {
		if err := c.measure(ctx, r); err != nil {
			return err
		}
	}
	if err := r.materialise(); err != nil {
		return r.invalid(err)
	}
	r.Headers = r.Headers.Clone()
	return nil
}

// Repeats reports, when next has failed, whether the session sends the hop once more by
// itself if it is given that error: the connection was a kept one that had died
// meanwhile, and nothing can happen twice. The middlewares then run again. A middleware
// that retries leaves such an error alone.
func (r *ClientRequest) Repeats() bool {
	c := r.call
	return c.dropped != nil && !c.repeated && r == &c.req
}

// Rewind readies the body for being sent again. It fails with a *ClientPayloadError
// that unwraps to ErrBodyConsumed if the body is a stream that can be sent only once
// and was: then there is no use in calling next again. It may suspend, to seek in a file.
func (r *ClientRequest) Rewind(ctx context.Context) error {
	if r.body == nil {
		return nil
	}
	if err := r.body.prepare(ctx); err != nil {
		return r.payloadError(err)
	}
	return nil
}

// Deadline returns the loop time at which ClientTimeout.Total runs out, and false if it
// never does.
func (r *ClientRequest) Deadline() (time.Duration, bool) {
	return r.call.clock.end, r.call.clock.end != noDeadline
}

// Clone returns a copy of the request that can be handed to next beside the original or
// after it has ended, for a second attempt in parallel or for work in the background. It
// has the limits of the original, which begin to run now, and reports to no trace. The
// bodies of responses to it are read under ctx where a reader brings none of its own.
// A body that UpdateBody gives it is closed when next has returned: for another attempt it
// takes another body. The error is an *InvalidRequestError if there is a body that is not in
// memory; Body brings it there.
func (r *ClientRequest) Clone(ctx context.Context) (*ClientRequest, error) {
	if r.body != nil {
		if _, ok := r.body.memory(); !ok {
			return nil, r.invalid(errors.New("a request whose body is a stream cannot be cloned: call Body first"))
		}
	}
	c := &call{session: r.call.session, opts: r.call.opts, ctx: ctx, req: *r, hops: r.call.hops}
	c.opts.changed, c.opts.body, c.cloned = false, nil, true // the original closes its body
	c.opts.change().middlewares = nil                        // it is inside of them already
	c.clock.start(&c.opts.timeout, c.session.loop.Time())
	c.req.call = c
	c.req.URL = &c.req.loc.url
	c.req.Headers = r.Headers.Clone()
	return &c.req, nil
}

// dropDefaults remembers which of the session's headers a trace has removed.
func (c *call) dropDefaults() {
	for name := range c.session.headers {
		if _, ok := c.req.own[name]; !ok {
			c.removed = append(c.removed, name)
		}
	}
}

// withoutRemoved takes them out of the headers of a hop.
func (c *call) withoutRemoved(h http.Header) {
	for _, name := range c.removed {
		delete(h, name)
	}
}
