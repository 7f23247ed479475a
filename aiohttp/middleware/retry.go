package middleware

// Retries: sending a request again when that is safe and there is hope.

import (
	"context"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// Retry sends a request again, after a delay, if it failed in a way that p thinks may
// pass. What comes out in the end is the last answer, whatever its status, or the last
// error. A body that can be sent only once is not sent again: the first failure stands.
// Nor is a request whose total time, or p.MaxElapsed, would be over before its next attempt.
//
// Each attempt starts from the request as it was: what the middlewares inside have done
// to its headers is undone. They find out with Attempt which one it is.
//
// It covers what happens until the head of the response is there; a body that breaks off
// later is the reader's to deal with. An answer that is thrown away is read to its end
// first if it is small, which spares the connection.
func Retry(p RetryPolicy) aiohttp.ClientMiddleware {
	if p.Budget == nil {
		p.Budget = NewRetryBudget(20, 100)
	}
	return func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		r := retrying{policy: &p, req: req, next: next, loop: asyncio.RunningLoop(ctx)}
		return r.run(ctx)
	}
}

// attemptKey is where a context keeps the number of the attempt.
type attemptKey struct{}

// Attempt returns the number of the present attempt, counted from 1, in a middleware
// inside of Retry; elsewhere it is 1.
func Attempt(ctx context.Context) int {
	if n, ok := ctx.Value(attemptKey{}).(int); ok {
		return n
	}
	return 1
}

// retrying is one request with all its attempts.
type retrying struct {
	policy  *RetryPolicy
	req     *aiohttp.ClientRequest
	next    aiohttp.ClientHandler
	loop    *asyncio.EventLoop
	begun   time.Duration
	attempt int
}

func (r *retrying) run(ctx context.Context) (*aiohttp.ClientResponse, error) {
	r.begun = r.loop.Time()
	r.policy.Budget.Earn()
	method, url, headers := r.req.Method, fullURL(r.req), r.req.Headers.Clone()
	for {
		r.attempt++
		attempt := ctx
		if r.attempt > 1 {
			attempt = context.WithValue(ctx, attemptKey{}, r.attempt)
		}
		resp, err := r.next(attempt, r.req)
		delay, again := r.again(ctx, resp, err)
		if !again {
			return resp, err
		}
		if r.policy.OnRetry != nil {
			r.policy.OnRetry(ctx, RetryEvent{Request: r.req, Attempt: r.attempt, Status: status(resp), Err: err, Delay: delay})
		}
		if resp != nil {
			discard(ctx, resp)
		}
		if err := asyncio.Sleep(ctx, delay); err != nil {
			return nil, err
		}
		if fullURL(r.req) != url {
			if err := r.req.SetURL(url); err != nil {
				return nil, err
			}
		}
		r.req.Method, r.req.Headers = method, headers.Clone() // last: on its way back it has lost some
	}
}

// again decides about the next attempt, all limits considered.
func (r *retrying) again(ctx context.Context, resp *aiohttp.ClientResponse, err error) (time.Duration, bool) {
	if ctx.Err() != nil || err != nil && r.req.Repeats() {
		return 0, false // nobody waits any more, or the session repeats it at once
	}
	f := Failure{Method: r.req.Method, Idempotent: r.req.Headers.Get("Idempotency-Key") != ""}
	if err != nil {
		f.Transient, f.Sent = ClassifyError(err)
	} else {
		f.Status, f.RetryAfter = resp.Status, resp.Headers.Get("Retry-After")
	}
	delay, ok := r.policy.Next(f, r.attempt, r.loop.Rand().Float64(), r.loop.Wall())
	if !ok {
		return 0, false
	}
	then := r.loop.Time() + delay
	if most := r.policy.MaxElapsed; most > 0 && then-r.begun > most {
		return 0, false
	}
	if end, ok := r.req.Deadline(); ok && then >= end {
		return 0, false
	}
	return delay, r.req.Rewind(ctx) == nil && r.policy.Budget.Spend()
}

func status(resp *aiohttp.ClientResponse) int {
	if resp == nil {
		return 0
	}
	return resp.Status
}

// discard ends a response that is not handed on. That ctx has ended is noticed by what comes next.
func discard(ctx context.Context, resp *aiohttp.ClientResponse) { _ = resp.Discard(ctx) }
