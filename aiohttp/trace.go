package aiohttp

// Tracing: being told what a request is doing.
//
// A TraceConfig is a set of callbacks, called in the task of the request, in the
// order in which things happen. None of them costs anything while it is nil, and a
// session without traces does not even look.

import (
	"context"
	"net/http"
)

// TraceConfig holds the callbacks of one observer; all may be nil. Their ctx is that
// of the request.
type TraceConfig struct {
	// NewContext makes TraceInfo.Context for each request.
	NewContext func(data any) any

	// RequestStart is called before anything else, once per request. It may change
	// the headers.
	RequestStart func(ctx context.Context, t *TraceInfo, headers http.Header)
	// RequestHeadersSent is called when the head of a hop was sent.
	RequestHeadersSent func(ctx context.Context, t *TraceInfo, headers http.Header)
	// RequestChunkSent is called for each piece of a request body that was sent.
	RequestChunkSent func(ctx context.Context, t *TraceInfo, chunk []byte)
	// RequestRedirect is called with a response that redirects.
	RequestRedirect func(ctx context.Context, t *TraceInfo, resp *ClientResponse)
	// ResponseChunkReceived is called for each piece of a response body that was
	// read, decoded.
	ResponseChunkReceived func(ctx context.Context, t *TraceInfo, chunk []byte)
	// RequestEnd is called with the final response, when its head is there.
	RequestEnd func(ctx context.Context, t *TraceInfo, resp *ClientResponse)
	// RequestException is called with the error, if there is no final response.
	RequestException func(ctx context.Context, t *TraceInfo, err error)

	// ConnectionQueuedStart and ConnectionQueuedEnd enclose the wait for the pool.
	ConnectionQueuedStart, ConnectionQueuedEnd func(ctx context.Context, t *TraceInfo)
	// ConnectionCreateStart and ConnectionCreateEnd enclose the making of a connection.
	ConnectionCreateStart, ConnectionCreateEnd func(ctx context.Context, t *TraceInfo)
	// ConnectionReuse is called when a kept connection is taken.
	ConnectionReuse func(ctx context.Context, t *TraceInfo)

	// DNSResolveHostStart and DNSResolveHostEnd enclose a look-up.
	DNSResolveHostStart, DNSResolveHostEnd func(ctx context.Context, t *TraceInfo, host string)
	// DNSCacheHit and DNSCacheMiss tell what the cache knew.
	DNSCacheHit, DNSCacheMiss func(ctx context.Context, t *TraceInfo, host string)
}

// TraceInfo says which request a callback is about.
type TraceInfo struct {
	Session *ClientSession
	Request *ClientRequest // the present hop
	Context any            // what NewContext made
	Data    any            // what WithTraceData was given
}

// tracer reports one request to all observers; nil reports nothing.
type tracer []tracing

type tracing struct {
	config *TraceConfig
	info   TraceInfo
}

func newTracer(c *call) tracer {
	if len(c.session.traces) == 0 {
		return nil
	}
	t := make(tracer, len(c.session.traces))
	for i, config := range c.session.traces {
		t[i] = tracing{config, TraceInfo{Session: c.session, Request: &c.req, Data: c.opts.traceData}}
		if config.NewContext != nil {
			t[i].info.Context = config.NewContext(c.opts.traceData)
		}
	}
	return t
}

// plain calls a callback without arguments of its own.
func (t tracer) plain(ctx context.Context, pick func(*TraceConfig) func(context.Context, *TraceInfo)) {
	for i := range t {
		if f := pick(t[i].config); f != nil {
			f(ctx, &t[i].info)
		}
	}
}

func (t tracer) queuedStart(ctx context.Context) {
	t.plain(ctx, func(c *TraceConfig) func(context.Context, *TraceInfo) { return c.ConnectionQueuedStart })
}
func (t tracer) queuedEnd(ctx context.Context) {
	t.plain(ctx, func(c *TraceConfig) func(context.Context, *TraceInfo) { return c.ConnectionQueuedEnd })
}
func (t tracer) createStart(ctx context.Context) {
	t.plain(ctx, func(c *TraceConfig) func(context.Context, *TraceInfo) { return c.ConnectionCreateStart })
}
func (t tracer) createEnd(ctx context.Context) {
	t.plain(ctx, func(c *TraceConfig) func(context.Context, *TraceInfo) { return c.ConnectionCreateEnd })
}
func (t tracer) reuse(ctx context.Context) {
	t.plain(ctx, func(c *TraceConfig) func(context.Context, *TraceInfo) { return c.ConnectionReuse })
}

// named calls a callback about a host.
func (t tracer) named(ctx context.Context, host string, pick func(*TraceConfig) func(context.Context, *TraceInfo, string)) {
	for i := range t {
		if f := pick(t[i].config); f != nil {
			f(ctx, &t[i].info, host)
		}
	}
}

func (t tracer) resolveStart(ctx context.Context, host string) {
	t.named(ctx, host, func(c *TraceConfig) func(context.Context, *TraceInfo, string) { return c.DNSResolveHostStart })
}
func (t tracer) resolveEnd(ctx context.Context, host string) {
	t.named(ctx, host, func(c *TraceConfig) func(context.Context, *TraceInfo, string) { return c.DNSResolveHostEnd })
}
func (t tracer) cacheHit(ctx context.Context, host string) {
	t.named(ctx, host, func(c *TraceConfig) func(context.Context, *TraceInfo, string) { return c.DNSCacheHit })
}
func (t tracer) cacheMiss(ctx context.Context, host string) {
	t.named(ctx, host, func(c *TraceConfig) func(context.Context, *TraceInfo, string) { return c.DNSCacheMiss })
}

func (t tracer) start(ctx context.Context, h http.Header) {
	for i := range t {
		if f := t[i].config.RequestStart; f != nil {
			f(ctx, &t[i].info, h)
		}
	}
}

func (t tracer) headersSent(ctx context.Context, h http.Header) {
	for i := range t {
		if f := t[i].config.RequestHeadersSent; f != nil {
			f(ctx, &t[i].info, h)
		}
	}
}

func (t tracer) chunkSent(ctx context.Context, p []byte) {
	for i := range t {
		if f := t[i].config.RequestChunkSent; f != nil {
			f(ctx, &t[i].info, p)
		}
	}
}

func (t tracer) chunkReceived(ctx context.Context, p []byte) {
	for i := range t {
		if f := t[i].config.ResponseChunkReceived; f != nil {
			f(ctx, &t[i].info, p)
		}
	}
}

func (t tracer) redirect(ctx context.Context, r *ClientResponse) {
	for i := range t {
		if f := t[i].config.RequestRedirect; f != nil {
			f(ctx, &t[i].info, r)
		}
	}
}

// end reports how the request ended.
func (t tracer) end(ctx context.Context, r *ClientResponse, err error) {
	for i := range t {
		config, info := t[i].config, &t[i].info
		if err != nil && config.RequestException != nil {
			config.RequestException(ctx, info, err)
		}
		if err == nil && config.RequestEnd != nil {
			config.RequestEnd(ctx, info, r)
		}
	}
}
