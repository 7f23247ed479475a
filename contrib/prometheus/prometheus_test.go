package aioprom_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/web"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
	aioprom "github.com/aio-go/aio/contrib/prometheus"
)

// gathered returns the values of a registry: of a histogram count and sum.
func gathered(t *testing.T, g prometheus.Gatherer) map[string]string {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Error(err)
	}
	out := map[string]string{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			name := strings.TrimSpace(f.GetName() + " " + strings.Join(labels, " "))
			switch {
			case m.Histogram != nil:
				out[name] = fmt.Sprintf("%d %.1f", m.Histogram.GetSampleCount(), m.Histogram.GetSampleSum())
			case m.Counter != nil:
				out[name] = fmt.Sprint(m.Counter.GetValue())
			case m.Gauge != nil:
				out[name] = fmt.Sprint(m.Gauge.GetValue())
			}
		}
	}
	return out
}

func check(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s: got %q, want %q", name, got[name], value)
		}
	}
	if t.Failed() {
		t.Logf("all: %v", got)
	}
}

func application(reg *prometheus.Registry) *web.Application {
	app := web.NewApplication(web.WithLogger(slog.New(slog.DiscardHandler)), web.WithMiddlewares(aioprom.ServerMiddleware(reg)))
	app.Router().AddGet("/items/{id}", func(ctx context.Context, req *web.Request) (web.AnyResponse, error) {
		if err := asyncio.Sleep(ctx, 2*time.Second); err != nil {
			return nil, err
		}
		return web.Text("item " + req.MatchInfo().Get("id")), nil
	})
	app.Router().AddGet("/fails", func(context.Context, *web.Request) (web.AnyResponse, error) { return nil, errors.New("oops") })
	app.Router().AddGet("/panics", func(context.Context, *web.Request) (web.AnyResponse, error) { panic("oops") })
	app.AddRoutes(web.Get("/metrics", aioprom.Handler(reg)))
	return app
}

// world runs body against the application, both under virtual time.
func world(t *testing.T, reg *prometheus.Registry, body func(ctx context.Context, s *aiohttp.ClientSession, url string) error) {
	t.Helper()
	aiotest.Run(t, func(ctx context.Context) error {
		runner := web.NewAppRunner(application(reg))
		if err := runner.Setup(ctx); err != nil {
			return err
		}
		site := web.NewTCPSite(runner, "127.0.0.1:8080")
		if err := site.Start(ctx); err != nil {
			return err
		}
		s := aiohttp.NewClientSession(aiohttp.WithMiddlewares(aioprom.ClientMiddleware(reg, aioprom.WithHostLabel())))
		loop := asyncio.RunningLoop(ctx)
		reg.MustRegister(aioprom.NewLoopCollector(loop), aioprom.NewSessionCollector(loop, s, aioprom.WithLabels(prometheus.Labels{"session": "test"})))
		err := body(ctx, s, site.URL())
		s.Close()
		return errors.Join(err, runner.Cleanup(context.WithoutCancel(ctx)))
	}, aiotest.WithNetwork(aiotest.NewNetwork()))
}

func get(ctx context.Context, s *aiohttp.ClientSession, url string, opts ...aiohttp.RequestOption) (string, error) {
	resp, err := s.Get(ctx, url, opts...)
	if err != nil {
		return "", err
	}
	defer resp.Close()
	return resp.Text(ctx)
}

func TestRequestsAreCountedOnBothSides(t *testing.T) {
	reg := prometheus.NewRegistry()
	world(t, reg, func(ctx context.Context, s *aiohttp.ClientSession, url string) error {
		for _, path := range []string{"/items/1", "/items/2", "/fails", "/panics", "/nowhere"} {
			if _, err := get(ctx, s, url+path); err != nil {
				return err
			}
		}
		get(ctx, s, url+"/items/3", aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: time.Second}))
		get(ctx, s, "http://127.0.0.1:9/")
		page, err := get(ctx, s, url+"/metrics") // gathered while the loop runs
		for _, want := range []string{
			"aio_loop_up 1", "aio_session_requests_total{session=\"test\"} 8", "aio_session_failures_total{session=\"test\"} 2",
			"aio_session_connections_made_total{session=\"test\"} 4", "aio_client_requests_in_flight 1",
			`aio_server_request_duration_seconds_count{code="200",method="GET",route="/items/{id}"} 2`,
		} {
			if !strings.Contains(page, want) {
				t.Errorf("want %s in\n%s", want, page)
			}
		}
		return err
	})
	const host = " 127.0.0.1:8080 GET"
	check(t, gathered(t, reg), map[string]string{
		"aio_client_request_duration_seconds 200" + host:            "3 4.0",
		"aio_client_request_duration_seconds 500" + host:            "2 0.0",
		"aio_client_request_duration_seconds 404" + host:            "1 0.0",
		"aio_client_request_duration_seconds timeout" + host:        "1 1.0",
		"aio_client_request_duration_seconds error 127.0.0.1:9 GET": "1 0.0",
		"aio_client_requests_in_flight":                             "0",
		"aio_server_requests_in_flight":                             "0",
		"aio_server_request_duration_seconds 500 GET /fails":        "1 0.0",
		"aio_server_request_duration_seconds 500 GET /panics":       "1 0.0",
		"aio_server_request_duration_seconds 404 GET":               "1 0.0",
		"aio_server_request_duration_seconds 200 GET /metrics":      "1 0.0",
		"aio_loop_up":         "0", // the loop is closed now
		"aio_session_up test": "0",
	})
}

// A loop that is stuck, or never ran, costs its own metrics only.
func TestStuckLoopDoesNotHoldUpACollection(t *testing.T) {
	loop := asyncio.NewEventLoop()
	defer loop.Close()
	reg := prometheus.NewRegistry()
	reg.MustRegister(aioprom.NewLoopCollector(loop, aioprom.WithPatience(time.Millisecond)), prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "other"}, func() float64 { return 7 }))
	got := gathered(t, reg)
	if got["aio_loop_up"] != "0" || got["other"] != "7" || len(got) != 2 {
		t.Errorf("got %v", got)
	}
}

func TestCollectorsPassThePedant(t *testing.T) {
	loop := asyncio.NewEventLoop()
	defer loop.Close()
	s := aiohttp.NewClientSession()
	defer s.Close()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(aioprom.NewLoopCollector(loop), aioprom.NewSessionCollector(loop, s))
	task := asyncio.CreateTask(loop.Context(), func(ctx context.Context) (map[string]string, error) {
		return asyncio.ToThread(ctx, func(context.Context) (map[string]string, error) { return gathered(t, reg), nil })
	})
	if err := loop.RunUntilComplete(task); err != nil {
		t.Fatal(err)
	}
	got, _ := task.Result()
	var names []string
	for name := range got {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) != 11+8 || got["aio_loop_up"] != "1" || got["aio_session_up"] != "1" || got["aio_loop_executor_jobs"] != "1" {
		t.Errorf("got %d: %v", len(names), got)
	}
}
