package aiootel

// The server: a span around every handler, joined to the trace that the request belongs
// to.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/aio-go/aio/aiohttp/web"
	"github.com/aio-go/aio/asyncio"
)

type serverInstruments struct {
	*config
	tracer   trace.Tracer
	duration metric.Float64Histogram
	active   metric.Int64UpDownCounter
}

// ServerMiddleware makes a server span of each request, as a child of the span that the
// client's headers name, and puts it into the ctx of the handler. The span is called after
// the method and the pattern of the route, and ends when the handler returns; a handler that
// streams its answer does so with the answer. Recorded are http.server.request.duration
// and http.server.active_requests. An answer with a status of 500 or more, and an error
// that is no *web.HTTPError, make the span one that failed.
//
// Put it outermost. It panics if the meter provider refuses an instrument.
func ServerMiddleware(opts ...Option) web.Middleware {
	c := newConfig(opts)
	m := c.meter()
	i := &serverInstruments{
		config: c, tracer: c.tracer(),
		duration: must(m.Float64Histogram("http.server.request.duration", metric.WithUnit("s"), metric.WithDescription("Duration of HTTP server requests."), seconds)),
		active:   must(m.Int64UpDownCounter("http.server.active_requests", metric.WithUnit("{request}"), metric.WithDescription("Number of active HTTP server requests."))),
	}
	return i.handle
}

func (i *serverInstruments) handle(ctx context.Context, req *web.Request, next web.Handler) (resp web.AnyResponse, err error) {
	loop := asyncio.RunningLoop(ctx)
	kind, name := method(req.Method)
	common := []attribute.KeyValue{kind, semconv.URLScheme(req.Scheme())}
	attrs := append(server(req.Host(), req.Scheme()), kind, semconv.URLScheme(req.Scheme()), semconv.URLPath(req.RawPath()), protocol(req.Version()))
	if q := req.QueryString(); q != "" {
		attrs = append(attrs, semconv.URLQuery(i.query(q)))
	}
	if host, _, e := net.SplitHostPort(req.Remote()); e == nil {
		attrs = append(attrs, semconv.ClientAddress(host))
	} else if req.Remote() != "" {
		attrs = append(attrs, semconv.ClientAddress(req.Remote()))
	}
	if agent := req.Headers.Get("User-Agent"); agent != "" {
		attrs = append(attrs, semconv.UserAgentOriginal(agent))
	}
	if name == "HTTP" {
		attrs = append(attrs, semconv.HTTPRequestMethodOriginal(req.Method))
	}
	measured := common
	if route := req.MatchInfo().Route(); route != nil {
		pattern := semconv.HTTPRoute(route.Resource().Pattern())
		attrs, measured = append(attrs, pattern), append(measured, pattern)
		name += " " + route.Resource().Pattern()
	}
	ctx = i.propagators.Extract(ctx, propagation.HeaderCarrier(req.Headers))
	ctx, span := i.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attrs...), trace.WithTimestamp(loop.Wall()))
	begun := loop.Time()
	i.active.Add(ctx, 1, metric.WithAttributes(common...))
	returned := false
	defer func() {
		result := outcome(resp, err, !returned)
		span.SetAttributes(result...)
		if failed := result[len(result)-1]; failed.Key == semconv.ErrorTypeKey {
			span.SetStatus(codes.Error, "")
		}
		i.duration.Record(ctx, (loop.Time() - begun).Seconds(), metric.WithAttributes(append(measured, result...)...))
		i.active.Add(ctx, -1, metric.WithAttributes(common...))
		span.End(trace.WithTimestamp(loop.Wall()))
	}()
	resp, err = next(ctx, req)
	returned = true
	return resp, err
}

// outcome tells how a handler ended: with a status, and error.type last if it failed.
func outcome(resp web.AnyResponse, err error, panicked bool) []attribute.KeyValue {
	var answer *web.HTTPError
	status := 500
	switch {
	case panicked:
		return []attribute.KeyValue{semconv.HTTPResponseStatusCode(500), semconv.ErrorTypeKey.String("panic")}
	case errors.As(err, &answer):
		status = answer.Response().StatusCode()
	case errors.Is(err, context.Canceled):
		return []attribute.KeyValue{semconv.ErrorTypeKey.String("cancelled")}
	case err != nil:
		return []attribute.KeyValue{semconv.HTTPResponseStatusCode(500), semconv.ErrorTypeKey.String(fmt.Sprintf("%T", err))}
	case resp != nil:
		status = resp.StatusCode()
	}
	out := []attribute.KeyValue{semconv.HTTPResponseStatusCode(status)}
	if status >= 500 {
		out = append(out, semconv.ErrorTypeKey.String(strconv.Itoa(status)))
	}
	return out
}
