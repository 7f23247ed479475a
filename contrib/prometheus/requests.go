package aioprom

// Requests as they happen: counted, timed, and by what they ended in. And the page that
// Prometheus reads.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/web"
	"github.com/aio-go/aio/asyncio"
)

// RequestOption configures the middlewares.
type RequestOption func(*requestConfig)

type requestConfig struct {
	buckets []float64
	labels  prometheus.Labels
	hosts   bool
}

// WithBuckets sets the bounds of the duration histograms, in seconds. Default:
// prometheus.DefBuckets.
func WithBuckets(bounds ...float64) RequestOption {
	return func(c *requestConfig) { c.buckets = bounds }
}

// WithConstLabels adds labels to the metrics of a middleware, which lets several of them
// share a registry. Default: none.
func WithConstLabels(l prometheus.Labels) RequestOption {
	return func(c *requestConfig) { c.labels = l }
}

// WithHostLabel gives the metrics of the client a label host. It is for programs that
// talk to a few hosts: each one is a series of its own. Default: none.
func WithHostLabel() RequestOption { return func(c *requestConfig) { c.hosts = true } }

// requestMetrics are the same for both sides.
type requestMetrics struct {
	requestConfig
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

func newRequestMetrics(reg prometheus.Registerer, prefix string, labels []string, opts []RequestOption) *requestMetrics {
	m := &requestMetrics{requestConfig: requestConfig{buckets: prometheus.DefBuckets}}
	for _, o := range opts {
		o(&m.requestConfig)
	}
	if m.hosts {
		labels = append(labels, "host")
	}
	m.duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: prefix + "_request_duration_seconds", Help: "Duration of requests.", Buckets: m.buckets, ConstLabels: m.labels,
	}, labels)
	m.inFlight = prometheus.NewGauge(prometheus.GaugeOpts{Name: prefix + "_requests_in_flight", Help: "Requests under way.", ConstLabels: m.labels})
	reg.MustRegister(m.duration, m.inFlight)
	return m
}

// knownMethods are labels as they are; of others a peer may invent any number.
var knownMethods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"}

func methodLabel(m string) string {
	if slices.Contains(knownMethods, m) {
		return m
	}
	return "other"
}

// ClientMiddleware counts and times requests until the head of the response is there, as
// aio_client_request_duration_seconds with the labels method and code, where code is the
// status, or error or timeout; aio_client_requests_in_flight, until the body has been
// read or given up; and aio_client_response_bytes_total, as they come over the wire. It sees each hop of a redirect
// and, inside of middleware.Retry, each attempt. It panics if reg refuses the metrics.
func ClientMiddleware(reg prometheus.Registerer, opts ...RequestOption) aiohttp.ClientMiddleware {
	m := newRequestMetrics(reg, "aio_client", []string{"method", "code"}, opts)
	received := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "aio_client_response_bytes_total", Help: "Bytes of response bodies, as they came over the wire.", ConstLabels: m.labels,
	})
	reg.MustRegister(received)
	return func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		loop := asyncio.RunningLoop(ctx)
		labels := prometheus.Labels{"method": methodLabel(req.Method)}
		if m.hosts {
			labels["host"] = req.URL.Host
		}
		begun := loop.Time()
		m.inFlight.Inc()
		resp, err := next(ctx, req)
		labels["code"] = clientCode(resp, err)
		m.duration.With(labels).Observe((loop.Time() - begun).Seconds())
		if err != nil {
			m.inFlight.Dec()
			return nil, err
		}
		resp.Tap(ctx, &bodyCounter{received, m.inFlight})
		return resp, nil
	}
}

func clientCode(resp *aiohttp.ClientResponse, err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case err == nil:
		return strconv.Itoa(resp.Status)
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	return "error"
}

// bodyCounter follows the body of a response.
type bodyCounter struct {
	received prometheus.Counter
	inFlight prometheus.Gauge
}

func (b *bodyCounter) Data(p []byte)       { b.received.Add(float64(len(p))) }
func (b *bodyCounter) End(context.Context) { b.inFlight.Dec() }
func (b *bodyCounter) Abandoned(error)     { b.inFlight.Dec() }

// ServerMiddleware counts and times handlers, as aio_server_request_duration_seconds with
// the labels method, code and route, where route is the pattern of the route, empty if
// there is none, and code the status; and aio_server_requests_in_flight. Put it outermost. It panics if reg refuses the
// metrics.
func ServerMiddleware(reg prometheus.Registerer, opts ...RequestOption) web.Middleware {
	opts = append(slices.Clip(opts), func(c *requestConfig) { c.hosts = false })
	m := newRequestMetrics(reg, "aio_server", []string{"method", "code", "route"}, opts)
	return func(ctx context.Context, req *web.Request, next web.Handler) (resp web.AnyResponse, err error) {
		loop := asyncio.RunningLoop(ctx)
		labels := prometheus.Labels{"method": methodLabel(req.Method), "route": "", "code": "500"}
		if route := req.MatchInfo().Route(); route != nil {
			labels["route"] = route.Resource().Pattern()
		}
		begun := loop.Time()
		m.inFlight.Inc()
		defer func() { // also when the handler panics
			m.inFlight.Dec()
			m.duration.With(labels).Observe((loop.Time() - begun).Seconds())
		}()
		resp, err = next(ctx, req)
		labels["code"] = serverCode(resp, err)
		return resp, err
	}
}

func serverCode(resp web.AnyResponse, err error) string {
	var answer *web.HTTPError
	switch {
	case errors.As(err, &answer):
		return strconv.Itoa(answer.Response().StatusCode())
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case err == nil && resp != nil:
		return strconv.Itoa(resp.StatusCode())
	}
	return "500"
}

// Handler answers with what g gathers, in the format that the request asks for. Gathering
// happens outside of the loop, so that collectors may ask the loop itself. It suspends
// until they have answered.
func Handler(g prometheus.Gatherer) web.Handler {
	page := promhttp.HandlerFor(g, promhttp.HandlerOpts{})
	return func(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
		ask, err := http.NewRequest(http.MethodGet, "/metrics", nil)
		if err != nil {
			return nil, fmt.Errorf("ask for metrics: %w", err)
		}
		ask.Header = req.Headers.Clone()
		answer, err := asyncio.ToThread(ctx, func(context.Context) (*recorder, error) {
			r := &recorder{header: http.Header{}, status: http.StatusOK}
			page.ServeHTTP(r, ask)
			return r, nil
		})
		if err != nil {
			return nil, err
		}
		return &web.Response{Status: answer.status, Headers: answer.header, Body: answer.body.Bytes()}, nil
	}
}

// recorder is a http.ResponseWriter in memory.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }
