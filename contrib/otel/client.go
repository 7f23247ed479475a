package aiootel

// The client: a span for every attempt, and events for what happens below it.

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/middleware"
	"github.com/aio-go/aio/asyncio"
)

// clientInstruments are what the client records.
type clientInstruments struct {
	*config
	tracer   trace.Tracer
	duration metric.Float64Histogram
	sent     metric.Int64Histogram
	received metric.Int64Histogram
	active   metric.Int64UpDownCounter
}

// ClientMiddleware makes a client span of each sending of a request and hands its
// context on in the headers. Inside of middleware.Retry that is a span for each attempt,
// as the conventions want it, with http.request.resend_count; so is each hop of a redirect. A span
// ends when the body of the response has been read or given up. Recorded are
// http.client.request.duration, until the head of the response is there,
// http.client.request.body.size and http.client.response.body.size, and
// http.client.active_requests.
//
// It panics if the meter provider refuses an instrument.
func ClientMiddleware(opts ...Option) aiohttp.ClientMiddleware {
	c := newConfig(opts)
	m := c.meter()
	i := &clientInstruments{
		config: c, tracer: c.tracer(),
		duration: must(m.Float64Histogram("http.client.request.duration", metric.WithUnit("s"), metric.WithDescription("Duration of HTTP client requests."), seconds)),
		sent:     must(m.Int64Histogram("http.client.request.body.size", metric.WithUnit("By"), metric.WithDescription("Size of HTTP client request bodies."))),
		received: must(m.Int64Histogram("http.client.response.body.size", metric.WithUnit("By"), metric.WithDescription("Size of HTTP client response bodies."))),
		active:   must(m.Int64UpDownCounter("http.client.active_requests", metric.WithUnit("{request}"), metric.WithDescription("Number of active HTTP requests."))),
	}
	return i.send
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("aiootel: the meter provider refuses an instrument: %v", err))
	}
	return v
}

func (i *clientInstruments) send(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
	loop := asyncio.RunningLoop(ctx)
	kind, name := method(req.Method)
	common := append(server(req.URL.Host, req.URL.Scheme), kind, semconv.URLScheme(req.URL.Scheme))
	attrs := append(common[:len(common):len(common)], semconv.URLFull(i.full(req.URL)))
	if name == "HTTP" {
		attrs = append(attrs, semconv.HTTPRequestMethodOriginal(req.Method))
	}
	if n := middleware.Attempt(ctx); n > 1 {
		attrs = append(attrs, semconv.HTTPRequestResendCount(n-1))
	}
	ctx, span := i.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...), trace.WithTimestamp(loop.Wall()))
	i.propagators.Inject(ctx, propagation.HeaderCarrier(req.Headers))

	x := &exchange{instruments: i, loop: loop, span: span, ctx: ctx, base: metric.WithAttributes(common...), common: common, begun: loop.Time()}
	i.active.Add(ctx, 1, x.base)
	resp, err := next(ctx, req)
	if n, e := strconv.ParseInt(req.Headers.Get("Content-Length"), 10, 64); e == nil {
		i.sent.Record(ctx, n, x.base)
	}
	if err != nil {
		x.failed(err)
		return nil, err
	}
	x.answered(resp)
	resp.Tap(ctx, x)
	return resp, nil
}

// exchange is one request with its span, and follows the body of the response.
type exchange struct {
	instruments *clientInstruments
	loop        *asyncio.EventLoop
	ctx         context.Context
	span        trace.Span
	base        metric.MeasurementOption // what is known before the answer
	common      []attribute.KeyValue     // with what the answer adds
	begun       time.Duration
	bytes       int64
}

func (x *exchange) failed(err error) {
	x.fail(err)
	x.common = append(x.common, semconv.ErrorTypeKey.String(errorType(err)))
	x.measure()
	x.end()
}

func (x *exchange) fail(err error) {
	kind := errorType(err)
	x.span.SetAttributes(semconv.ErrorTypeKey.String(kind))
	x.span.SetStatus(codes.Error, kind)
}

func (x *exchange) answered(resp *aiohttp.ClientResponse) {
	status := []attribute.KeyValue{semconv.HTTPResponseStatusCode(resp.Status), protocol(resp.Proto)}
	if resp.Status >= 400 {
		status = append(status, semconv.ErrorTypeKey.String(strconv.Itoa(resp.Status)))
		x.span.SetStatus(codes.Error, "")
	}
	x.span.SetAttributes(status...)
	x.common = append(x.common, status...)
	x.measure()
}

func (x *exchange) measure() {
	x.instruments.duration.Record(x.ctx, (x.loop.Time() - x.begun).Seconds(), metric.WithAttributes(x.common...))
}

// Data implements aiohttp.BodyTap.
func (x *exchange) Data(p []byte) { x.bytes += int64(len(p)) }

// End implements aiohttp.BodyTap.
func (x *exchange) End(context.Context) {
	x.instruments.received.Record(x.ctx, x.bytes, metric.WithAttributes(x.common...))
	x.end()
}

// Abandoned implements aiohttp.BodyTap. A body that was closed unread is no error of the
// request; one that broke off is.
func (x *exchange) Abandoned(err error) {
	if !errors.Is(err, aiohttp.ErrResponseClosed) {
		x.fail(err)
	}
	x.end()
}

func (x *exchange) end() {
	x.instruments.active.Add(x.ctx, -1, x.base)
	x.span.SetAttributes(semconv.HTTPResponseBodySize(int(x.bytes)))
	x.span.End(trace.WithTimestamp(x.loop.Wall()))
}

// errorType names an error with few enough names for metrics: the phase that timed out,
// or the type of the error.
func errorType(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, aiohttp.ErrTotalTimeout), errors.Is(err, aiohttp.ErrServerTimeout), errors.Is(err, context.DeadlineExceeded):
		var at interface{ Located() aiohttp.Where }
		if errors.As(err, &at) {
			return "timeout: " + at.Located().Phase.String()
		}
		return "timeout"
	}
	for wrapped := err; wrapped != nil; wrapped = errors.Unwrap(wrapped) {
		if name := fmt.Sprintf("%T", wrapped); strings.HasPrefix(name, "*aiohttp.") {
			return strings.TrimPrefix(name, "*")
		}
	}
	return fmt.Sprintf("%T", err)
}

// ConnectionEvents adds to the span in the context of a request what its connection goes
// through: waiting for the pool, looking the host up, connecting, being reused, sending.
func ConnectionEvents() *aiohttp.TraceConfig {
	plain := func(name string) func(context.Context, *aiohttp.TraceInfo) {
		return func(ctx context.Context, _ *aiohttp.TraceInfo) { event(ctx, name) }
	}
	named := func(name string) func(context.Context, *aiohttp.TraceInfo, string) {
		return func(ctx context.Context, _ *aiohttp.TraceInfo, host string) {
			event(ctx, name, semconv.ServerAddress(host))
		}
	}
	return &aiohttp.TraceConfig{
		ConnectionQueuedStart: plain("connection.queued"), ConnectionQueuedEnd: plain("connection.granted"),
		ConnectionCreateStart: plain("connection.create"), ConnectionCreateEnd: plain("connection.created"),
		ConnectionReuse:     plain("connection.reused"),
		DNSResolveHostStart: named("dns.lookup"), DNSResolveHostEnd: named("dns.resolved"), DNSCacheHit: named("dns.cached"),
	}
}

func event(ctx context.Context, name string, attrs ...attribute.KeyValue) {
	span := trace.SpanFromContext(ctx)
	if span.IsRecording() {
		span.AddEvent(name, trace.WithTimestamp(asyncio.RunningLoop(ctx).Wall()), trace.WithAttributes(attrs...))
	}
}
