package web

// From a request to its answer: the task that runs the handler, and what becomes of what the handler returns. Whatever
// a handler does, a panic included, ends in a response or in the end of this one connection; the loop goes on.

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"strings"

	"github.com/aio-go/aio/asyncio"
)

// eagerly lets a handler run inside the callback that received its request: one that does not suspend has answered
// when the callback returns.
var eagerly = []asyncio.TaskOption{asyncio.WithEagerStart()}

// start begins to answer the current request.
func (c *conn) start() {
	c.busy = true
	c.server.busy++
	c.server.app.route(c.req)
	task := asyncio.CreateTask(c.server.ctx, c.serve, eagerly...)
	if c.busy {
		c.task = task
	}
}

// serve is the task of one request.
func (c *conn) serve(ctx context.Context) (struct{}, error) {
	req := c.req
	defer c.abandoned(req)
	resp, err := c.handle(ctx, req)
	c.answer(ctx, req, resp, err)
	c.requestDone(req, resp)
	return struct{}{}, nil
}

// abandoned keeps the books when a task is unwound by force.
func (c *conn) abandoned(req *Request) {
	if c.req == req && c.busy {
		c.release()
		c.abort()
	}
}

// handle runs the handler. A panic becomes its error.
func (c *conn) handle(ctx context.Context, req *Request) (resp AnyResponse, err error) {
	returned := false
	defer recovered(&returned, &err)
	if req.expect != "" {
		resp, err = c.expectation(ctx, req)
	}
	if resp == nil && err == nil {
		resp, err = req.match.chain(ctx, req)
	}
	if err != nil {
		resp = nil
	}
	if resp != nil {
		resp.StatusCode() // a nil pointer in the interface panics here, where it can still become a 500
	}
	returned = true
	return resp, err
}

// recovered, deferred, turns a panic into an error. A task that is unwound by force does not stop here.
func recovered(returned *bool, err *error) {
	if *returned {
		return
	}
	if v := recover(); v != nil {
		*err = &asyncio.PanicError{Value: v, Stack: debug.Stack()}
	}
}

// expectation deals with an Expect header. 100-continue needs no answer yet: reading the body sends it.
func (c *conn) expectation(ctx context.Context, req *Request) (AnyResponse, error) {
	route := req.match.route
	switch {
	case route == nil:
		return nil, nil
	case route.expect != nil:
		return route.expect(ctx, req)
	case equalFold(req.expect, "100-continue"):
		return nil, nil
	}
	return nil, HTTPExpectationFailed(WithText("Unknown Expect: " + req.expect))
}

// answer sends what the handler returned.
func (c *conn) answer(ctx context.Context, req *Request, resp AnyResponse, err error) {
	c.answering = true
	defer func() { c.answering = false }()
	if !c.open() {
		c.report(req, err)
		return
	}
	if err == nil && resp == nil {
		err = errNoResponse
	}
	if err != nil && c.webSocket != nil {
		c.report(req, err)
		c.failWebSocket(ctx)
		return
	}
	if err != nil {
		resp = c.responseFor(req, err)
	}
	if resp == nil || c.resp != nil && resp.base() != c.resp {
		c.abort() // cancelled, or failed after its head was sent: a proper end would be a lie
		return
	}
	err = c.send(ctx, req, resp)
	for retries := 0; err != nil && c.open(); retries++ {
		if c.resp == nil && retries < 2 { // nothing of it was sent: the error has an answer of its own
			resp = c.responseFor(req, err)
		} else {
			c.report(req, err)
			resp = nil
		}
		if resp == nil {
			c.abort()
			return
		}
		err = c.send(ctx, req, resp)
	}
}

// send sends what is left of a response. A panic of a prepare hook becomes its error.
func (c *conn) send(ctx context.Context, req *Request, resp AnyResponse) (err error) {
	returned := false
	defer recovered(&returned, &err)
	if err = resp.Prepare(ctx, req); err == nil {
		err = resp.WriteEOF(ctx)
	}
	returned = true
	return err
}

var errNoResponse = errors.New("web: the handler returned neither a response nor an error")

// responseFor turns a handler's error into a response, nil if the connection is to be dropped.
func (c *conn) responseFor(req *Request, err error) AnyResponse {
	if resp := responseTo(err); resp != nil {
		if resp.StatusCode() >= 500 {
			c.report(req, err)
		}
		return resp
	}
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, ErrConnectionLost):
		return nil
	case errors.As(err, &timeout) && timeout.Timeout():
		c.report(req, err)
		return HTTPGatewayTimeout().Response()
	}
	c.report(req, err)
	return c.plain500()
}

// plain500 is the answer to everything unexpected. What went wrong is in the log, and nothing of it here.
func (c *conn) plain500() AnyResponse {
	resp := HTTPInternalServerError().Response()
	resp.ForceClose()
	return resp
}

// report logs an error of a handler. That a client has left is no error of the handler.
func (c *conn) report(req *Request, err error) {
	if err == nil || errors.Is(err, ErrConnectionLost) || errors.Is(err, context.Canceled) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", req.Method),
		slog.String("target", req.Target),
		slog.String("remote", req.Remote()),
	}
	var p *asyncio.PanicError
	if errors.As(err, &p) {
		stack := string(p.Stack) // once: the error's own text ends with it
		attrs = append(attrs, slog.String("error", strings.ReplaceAll(err.Error(), "\n\n"+stack, "")), slog.String("stack", stack))
	} else {
		attrs = append(attrs, slog.Any("error", err))
	}
	c.server.app.Logger().LogAttrs(c.server.ctx, slog.LevelError, "error handling request", attrs...)
}

// requestDone goes on after the answer: with the rest of the request's body, the next request, or the end.
func (c *conn) requestDone(req *Request, resp AnyResponse) {
	c.server.logAccess(req, c.resp)
	if req.form != nil {
		req.form.discard(c.server.loop)
	}
	keepAlive := c.resp != nil && c.resp.keepAlive
	c.release()
	c.resp, c.task = nil, nil
	if c.phase >= phaseLingering {
		c.req = nil
		return
	}
	body := &req.body
	switch {
	case !keepAlive:
		c.hangUp(body.state != bodyEnded || len(c.pending) > 0 || req.malformed != nil)
		c.req = nil
		return
	case body.state == bodyOpen:
		c.enter(phaseDraining)
		c.drop(body.Buffered())
		body.buf, body.off = nil, 0
		c.await(deadlineLinger, c.server.options.lingering)
	default:
		c.becomeIdle()
	}
	if c.consuming {
		return
	}
	c.flush()
	c.regulate()
	if len(c.pending) > 0 || c.eof {
		c.server.loop.CallSoon(c.resume)
	}
}

// release takes the connection off the count of those that run a handler.
func (c *conn) release() {
	c.busy = false
	c.server.released()
}
