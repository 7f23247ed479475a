// Package aiootel connects aiohttp with OpenTelemetry: spans and metrics of the client and
// of the server, after the semantic conventions for HTTP, and the trace context on its
// way from one to the other.
//
//	session := aiohttp.NewClientSession(
//		aiohttp.WithMiddlewares(aiootel.ClientMiddleware()),
//		aiohttp.WithTrace(aiootel.ConnectionEvents()),
//	)
//	app := web.NewApplication(web.WithMiddlewares(aiootel.ServerMiddleware()))
//
// The span in the ctx of a task is the parent of the spans of the requests it makes, and
// of those of the tasks that it starts: on a loop a trace follows the contexts, as
// cancellation does. Times are those of the loop's clock, so that under virtual time a
// trace shows virtual durations.
package aiootel

// What both sides have in common: providers, options, names.

import (
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// scope names this package in what it records.
const scope = "github.com/aio-go/aio/contrib/otel"

// Option configures the middlewares.
type Option func(*config)

type config struct {
	tracers     trace.TracerProvider
	meters      metric.MeterProvider
	propagators propagation.TextMapPropagator
	secrets     []string
}

func newConfig(opts []Option) *config {
	c := &config{secrets: secretParams}
	for _, o := range opts {
		o(c)
	}
	if c.tracers == nil {
		c.tracers = otel.GetTracerProvider()
	}
	if c.meters == nil {
		c.meters = otel.GetMeterProvider()
	}
	if c.propagators == nil {
		c.propagators = otel.GetTextMapPropagator()
	}
	return c
}

// WithTracerProvider sets where spans go. Default: the global provider, as it is when the
// middleware is made.
func WithTracerProvider(p trace.TracerProvider) Option { return func(c *config) { c.tracers = p } }

// WithMeterProvider sets where metrics go. Default: the global provider.
func WithMeterProvider(p metric.MeterProvider) Option { return func(c *config) { c.meters = p } }

// WithPropagators sets how the trace context travels in headers. Default: the global
// propagator, which does nothing until one is set.
func WithPropagators(p propagation.TextMapPropagator) Option {
	return func(c *config) { c.propagators = p }
}

// WithRedactedParams adds names of query parameters whose values are not recorded in
// url.full and url.query. Default: those that the conventions and common sense name, among them
// sig, signature, token, key and password.
func WithRedactedParams(names ...string) Option {
	return func(c *config) {
		c.secrets = slices.Clone(c.secrets)
		for _, name := range names {
			c.secrets = append(c.secrets, strings.ToLower(name))
		}
	}
}

func (c *config) tracer() trace.Tracer {
	return c.tracers.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL))
}

func (c *config) meter() metric.Meter {
	return c.meters.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))
}

// secretParams are never recorded with their values.
var secretParams = []string{
	"access_token", "api_key", "apikey", "awsaccesskeyid", "client_secret", "code", "id_token", "key", "password", "refresh_token",
	"secret", "sig", "signature", "token", "x-amz-credential", "x-amz-security-token", "x-amz-signature", "x-goog-signature",
}

const redacted = "REDACTED"

// query replaces the values of secret parameters.
func (c *config) query(raw string) string {
	if raw == "" {
		return raw
	}
	pairs := strings.Split(raw, "&")
	for i, pair := range pairs {
		name, _, found := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		if found && (err != nil || slices.Contains(c.secrets, strings.ToLower(plain))) {
			pairs[i] = name + "=" + redacted
		}
	}
	return strings.Join(pairs, "&")
}

// full is a URL as it may be recorded.
func (c *config) full(u *url.URL) string {
	clean := *u
	if clean.User != nil {
		clean.User = url.UserPassword(redacted, redacted)
	}
	clean.RawQuery = c.query(clean.RawQuery)
	return clean.String()
}

// knownMethods may be recorded as they are; others, of which a peer can invent any
// number, are _OTHER.
var knownMethods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"}

// method returns the attribute for a method, and what spans are called after it.
func method(m string) (attribute.KeyValue, string) {
	if slices.Contains(knownMethods, m) {
		return semconv.HTTPRequestMethodKey.String(m), m
	}
	return semconv.HTTPRequestMethodOther, "HTTP"
}

// server returns the attributes for a host and port, for a scheme with a usual port.
func server(hostport, scheme string) []attribute.KeyValue {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		host, port = strings.Trim(hostport, "[]"), "80"
		if scheme == "https" {
			port = "443"
		}
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return []attribute.KeyValue{semconv.ServerAddress(host)}
	}
	return []attribute.KeyValue{semconv.ServerAddress(host), semconv.ServerPort(n)}
}

// seconds are the bounds of the duration histograms that the conventions ask for.
var seconds = metric.WithExplicitBucketBoundaries(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)

// protocol is a version as attributes want it: "1.1" of "HTTP/1.1", and "2" of "HTTP/2.0".
func protocol(proto string) attribute.KeyValue {
	version := strings.TrimPrefix(proto, "HTTP/")
	if version == "2.0" || version == "3.0" {
		version = version[:1]
	}
	return semconv.NetworkProtocolVersion(version)
}
