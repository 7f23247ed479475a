package aiootel_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/middleware"
	"github.com/aio-go/aio/aiohttp/web"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
	aiootel "github.com/aio-go/aio/contrib/otel"
)

// telemetry collects everything in memory.
type telemetry struct {
	t      *testing.T
	spans  *tracetest.SpanRecorder
	reader *metric.ManualReader
	opts   []aiootel.Option
}

func newTelemetry(t *testing.T) *telemetry {
	c := &telemetry{t: t, spans: tracetest.NewSpanRecorder(), reader: metric.NewManualReader()}
	c.opts = []aiootel.Option{
		aiootel.WithTracerProvider(trace.NewTracerProvider(trace.WithSpanProcessor(c.spans))),
		aiootel.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(c.reader))),
		aiootel.WithPropagators(propagation.TraceContext{}),
	}
	return c
}

// ended returns the ended spans by name, in the order in which they ended.
func (c *telemetry) ended() (names []string, spans map[string]trace.ReadOnlySpan) {
	spans = map[string]trace.ReadOnlySpan{}
	for _, s := range c.spans.Ended() {
		name := s.SpanKind().String() + " " + s.Name()
		names = append(names, name)
		spans[name] = s
	}
	return names, spans
}

// attributes renders some attributes of a span.
func attributes(s trace.ReadOnlySpan, keys ...string) string {
	var out []string
	for _, key := range keys {
		value := "-"
		for _, a := range s.Attributes() {
			if string(a.Key) == key {
				value = a.Value.String()
			}
		}
		out = append(out, value)
	}
	return strings.Join(out, " ")
}

// metrics returns, for an instrument, count and sum of its points by their attributes.
func (c *telemetry) metrics(name string, keys ...string) map[string]string {
	var all metricdata.ResourceMetrics
	if err := c.reader.Collect(context.Background(), &all); err != nil {
		c.t.Fatal(err)
	}
	label := func(set attribute.Set) string {
		var out []string
		for _, key := range keys {
			v, _ := set.Value(attribute.Key(key))
			out = append(out, v.String())
		}
		return strings.Join(out, " ")
	}
	out := map[string]string{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name != name {
				continue
			}
			switch data := m.Data.(type) {
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					out[label(p.Attributes)] = fmt.Sprintf("%d %.2f", p.Count, p.Sum)
				}
			case metricdata.Histogram[int64]:
				for _, p := range data.DataPoints {
					out[label(p.Attributes)] = fmt.Sprintf("%d %d", p.Count, p.Sum)
				}
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					out[label(p.Attributes)] = fmt.Sprint(p.Value)
				}
			}
		}
	}
	return out
}

// world runs body against an application, both under virtual time.
func world(t *testing.T, c *telemetry, body func(ctx context.Context, s *aiohttp.ClientSession, url string) error, list ...aiohttp.ClientMiddleware) {
	t.Helper()
	aiotest.Run(t, func(ctx context.Context) error {
		app := web.NewApplication(web.WithLogger(slog.New(slog.DiscardHandler)), web.WithMiddlewares(aiootel.ServerMiddleware(c.opts...)))
		app.Router().AddGet("/items/{id}", func(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
			if err := asyncio.Sleep(ctx, 2*time.Second); err != nil {
				return nil, err
			}
			return web.Text("item " + req.MatchInfo().Get("id")), nil
		})
		app.Router().AddGet("/fails", func(context.Context, *web.Request) (web.AnyResponse, error) { return nil, errors.New("oops") })
		app.Router().AddGet("/refuses", func(context.Context, *web.Request) (web.AnyResponse, error) { return nil, web.HTTPForbidden() })
		runner := web.NewAppRunner(app)
		if err := runner.Setup(ctx); err != nil {
			return err
		}
		site := web.NewTCPSite(runner, "127.0.0.1:8080")
		if err := site.Start(ctx); err != nil {
			return err
		}
		s := aiohttp.NewClientSession(
			aiohttp.WithMiddlewares(append(list, aiootel.ClientMiddleware(c.opts...))...), aiohttp.WithTrace(aiootel.ConnectionEvents()))
		err := body(ctx, s, site.URL())
		s.Close()
		return errors.Join(err, runner.Cleanup(context.WithoutCancel(ctx)))
	}, aiotest.WithNetwork(aiotest.NewNetwork()))
}

func get(ctx context.Context, s *aiohttp.ClientSession, url string, opts ...aiohttp.RequestOption) error {
	resp, err := s.Get(ctx, url, opts...)
	if err != nil {
		return err
	}
	defer resp.Close()
	_, err = resp.Read(ctx)
	return err
}

func TestTraceGoesFromClientToServer(t *testing.T) {
	c := newTelemetry(t)
	tracer := trace.NewTracerProvider(trace.WithSpanProcessor(c.spans)).Tracer("test")
	world(t, c, func(ctx context.Context, s *aiohttp.ClientSession, url string) error {
		ctx, root := tracer.Start(ctx, "job")
		defer root.End()
		// A task carries the trace on.
		task := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, get(ctx, s, url+"/items/7?token=hush&page=2")
		})
		_, err := task.Await(ctx)
		return err
	})
	names, spans := c.ended()
	server, client, root := spans["server GET /items/{id}"], spans["client GET"], spans["internal job"]
	if server == nil || client == nil || root == nil {
		t.Fatalf("got %v", names)
	}
	if client.Parent().SpanID() != root.SpanContext().SpanID() || server.Parent().SpanID() != client.SpanContext().SpanID() {
		t.Error("the spans do not form a chain")
	}
	if d := client.EndTime().Sub(client.StartTime()); d != server.EndTime().Sub(server.StartTime()) || d != 2*time.Second || !client.StartTime().Equal(aiotest.Epoch) {
		t.Errorf("got %v from %v, want two virtual seconds from the epoch", d, client.StartTime())
	}
	got := attributes(client, "http.request.method", "url.full", "server.address", "server.port", "http.response.status_code", "network.protocol.version", "http.response.body.size", "error.type")
	if want := "GET http://127.0.0.1:8080/items/7?token=REDACTED&page=2 127.0.0.1 8080 200 1.1 6 -"; got != want {
		t.Errorf("client: got %s, want %s", got, want)
	}
	got = attributes(server, "http.request.method", "http.route", "url.path", "url.query", "url.scheme", "server.address", "server.port", "client.address", "http.response.status_code", "network.protocol.version", "error.type")
	if want := "GET /items/{id} /items/7 token=REDACTED&page=2 http 127.0.0.1 8080 127.0.0.1 200 1.1 -"; got != want {
		t.Errorf("server: got %s, want %s", got, want)
	}
	var events []string
	for _, e := range client.Events() {
		events = append(events, e.Name)
	}
	if want := []string{"connection.create", "connection.created"}; !slices.Equal(events, want) {
		t.Errorf("got events %v, want %v", events, want)
	}
}

func TestMetricsFollowTheConventions(t *testing.T) {
	c := newTelemetry(t)
	world(t, c, func(ctx context.Context, s *aiohttp.ClientSession, url string) error {
		for range 2 {
			if err := get(ctx, s, url+"/items/1"); err != nil {
				return err
			}
		}
		get(ctx, s, url+"/fails")
		get(ctx, s, url+"/refuses")
		get(ctx, s, url+"/nowhere")
		get(ctx, s, url+"/items/1", aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: time.Second}))
		get(ctx, s, "http://127.0.0.1:9/")
		return nil
	})
	for _, m := range []struct {
		name string
		keys []string
		want map[string]string
	}{
		{"http.client.request.duration", []string{"http.response.status_code", "error.type"}, map[string]string{
			"200 ": "2 4.00", "500 500": "1 0.00", "403 403": "1 0.00", "404 404": "1 0.00",
			" timeout: response header": "1 1.00", " aiohttp.ClientConnectorError": "1 0.00",
		}},
		{"http.client.active_requests", []string{"server.port"}, map[string]string{"8080": "0", "9": "0"}},
		{"http.client.response.body.size", []string{"http.response.status_code"}, map[string]string{"200": "2 12"}},
		{"http.server.request.duration", []string{"http.route", "http.response.status_code"}, map[string]string{
			"/items/{id} 200": "3 6.00", "/fails 500": "1 0.00", "/refuses 403": "1 0.00", " 404": "1 0.00",
		}},
		{"http.server.active_requests", []string{"http.request.method"}, map[string]string{"GET": "0"}},
	} {
		got := c.metrics(m.name, m.keys...)
		for label, want := range m.want {
			if got[label] != want {
				t.Errorf("%s: %q: got %q, want %q; all of it: %v", m.name, label, got[label], want, got)
			}
		}
	}
}

func TestFailuresMarkTheirSpans(t *testing.T) {
	for _, tt := range []struct {
		path, client, server string
		clientCode           codes.Code
		serverCode           codes.Code
	}{
		{"/fails", "500", "*errors.errorString", codes.Error, codes.Error},
		{"/refuses", "403", "-", codes.Error, codes.Unset},
		{"/items/1", "-", "-", codes.Unset, codes.Unset},
	} {
		c := newTelemetry(t)
		world(t, c, func(ctx context.Context, s *aiohttp.ClientSession, url string) error { return get(ctx, s, url+tt.path) })
		for _, s := range c.spans.Ended() {
			want, code := tt.client, tt.clientCode
			if s.SpanKind().String() == "server" {
				want, code = tt.server, tt.serverCode
			}
			if got := attributes(s, "error.type"); got != want || s.Status().Code != code {
				t.Errorf("%s: %s: got %s %v, want %s %v", tt.path, s.SpanKind(), got, s.Status().Code, want, code)
			}
		}
	}
}

// A body that nobody reads, be it there already, is no failure.
func TestUnreadBodiesAreNoFailure(t *testing.T) {
	c := newTelemetry(t)
	world(t, c, func(ctx context.Context, s *aiohttp.ClientSession, url string) error {
		resp, err := s.Get(ctx, url+"/items/1")
		if err != nil {
			return err
		}
		return resp.Close()
	})
	for _, s := range c.spans.Ended() {
		if got := attributes(s, "error.type"); got != "-" || s.Status().Code != codes.Unset {
			t.Errorf("%s: got %s %v, want no error", s.SpanKind(), got, s.Status().Code)
		}
	}
}

func TestEveryAttemptHasASpan(t *testing.T) {
	c := newTelemetry(t)
	world(t, c, func(ctx context.Context, s *aiohttp.ClientSession, url string) error {
		return get(ctx, s, url+"/fails")
	}, middleware.Retry(middleware.RetryPolicy{MaxAttempts: 3}))
	var resent []string
	for _, s := range c.spans.Ended() {
		if s.SpanKind().String() == "client" {
			resent = append(resent, attributes(s, "http.request.resend_count"))
		}
	}
	if want := []string{"-", "1", "2"}; !slices.Equal(resent, want) {
		t.Errorf("got %v, want %v", resent, want)
	}
}

func TestUnknownMethodsAreNotRecordedAsNames(t *testing.T) {
	c := newTelemetry(t)
	world(t, c, func(ctx context.Context, s *aiohttp.ClientSession, url string) error {
		resp, err := s.Request(ctx, "FROB", url+"/items/1")
		if err != nil {
			return err
		}
		return resp.Close() // unread, which is no failure
	})
	for _, s := range c.spans.Ended() {
		if got := attributes(s, "http.request.method", "http.request.method_original", "http.response.status_code"); got != "_OTHER FROB 405" || !strings.HasPrefix(s.Name(), "HTTP") {
			t.Errorf("%s %s: got %s", s.SpanKind(), s.Name(), got)
		}
	}
}
