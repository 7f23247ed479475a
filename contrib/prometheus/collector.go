// Package aioprom has metrics for Prometheus: of loops, of the connection pools of
// sessions, of requests made and of requests served.
//
//	registry.MustRegister(aioprom.NewLoopCollector(loop), aioprom.NewSessionCollector(loop, session))
//	session := aiohttp.NewClientSession(aiohttp.WithMiddlewares(aioprom.ClientMiddleware(registry)))
//	app := web.NewApplication(web.WithMiddlewares(aioprom.ServerMiddleware(registry)))
//	app.AddRoutes(web.Get("/metrics", aioprom.Handler(registry)))
//
// Collecting happens on another goroutine than the loop's. What belongs to a loop is
// asked for on it, through its one door for other goroutines, which makes a collection wait until the
// loop has a turn. For the same reason a registry must not be gathered by code that runs
// on such a loop; Handler sees to that.
package aioprom

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/asyncio"
)

// patience is how long a collection waits for a loop. One that is stuck for longer is not
// to take the metrics of everything else with it.
const patience = time.Second

// CollectorOption configures the collectors.
type CollectorOption func(*collector)

// WithLabels adds labels to every metric of a collector, which sets apart the loops or
// sessions of one process. Default: none.
func WithLabels(l prometheus.Labels) CollectorOption { return func(c *collector) { c.labels = l } }

// WithPatience sets how long a collection waits for the loop to answer. If it does not,
// there is aio_up 0 and nothing else. Default: 1 s.
func WithPatience(d time.Duration) CollectorOption { return func(c *collector) { c.patience = d } }

// collector asks a loop for numbers.
type collector struct {
	loop     *asyncio.EventLoop
	labels   prometheus.Labels
	patience time.Duration
	up       *prometheus.Desc
	numbers  []*prometheus.Desc
	kinds    []prometheus.ValueType
	read     func() []float64 // on the loop; as many values as there are numbers
}

// number is one metric of a collector, taken from a snapshot.
type number[S any] struct {
	name, help string
	kind       prometheus.ValueType
	value      func(S) float64
}

func newCollector[S any](l *asyncio.EventLoop, prefix string, snapshot func() S, numbers []number[S], opts []CollectorOption) *collector {
	c := &collector{loop: l, patience: patience}
	for _, o := range opts {
		o(c)
	}
	c.up = prometheus.NewDesc(prefix+"_up", "Whether the loop has answered in time.", nil, c.labels)
	for _, n := range numbers {
		c.numbers = append(c.numbers, prometheus.NewDesc(prefix+"_"+n.name, n.help, nil, c.labels))
		c.kinds = append(c.kinds, n.kind)
	}
	c.read = func() []float64 {
		s := snapshot()
		values := make([]float64, len(numbers))
		for i, n := range numbers {
			values[i] = n.value(s)
		}
		return values
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	out <- c.up
	for _, n := range c.numbers {
		out <- n
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), c.patience)
	defer cancel()
	answer := asyncio.RunCoroutineThreadsafe(c.loop, func(context.Context) ([]float64, error) { return c.read(), nil })
	values, err := answer.Result(ctx)
	if err != nil {
		answer.Cancel(nil)
		out <- prometheus.MustNewConstMetric(c.up, prometheus.GaugeValue, 0)
		return
	}
	out <- prometheus.MustNewConstMetric(c.up, prometheus.GaugeValue, 1)
	for i, n := range c.numbers {
		out <- prometheus.MustNewConstMetric(n, c.kinds[i], values[i])
	}
}

const (
	gauge   = prometheus.GaugeValue
	counter = prometheus.CounterValue
)

// NewLoopCollector returns the numbers of EventLoop.Stats: aio_loop_up, turns_total,
// steps_total, ready, timers, tasks, tasks_created_total, workers, executor_jobs, sockets and
// unretrieved_failures, each with aio_loop_ in front.
func NewLoopCollector(l *asyncio.EventLoop, opts ...CollectorOption) prometheus.Collector {
	type stats = asyncio.Stats
	return newCollector(l, "aio_loop", l.Stats, []number[stats]{
		{"turns_total", "Turns of the loop.", counter, func(s stats) float64 { return float64(s.Turns) }},
		{"steps_total", "Callbacks run and tasks resumed.", counter, func(s stats) float64 { return float64(s.Steps) }},
		{"ready", "Entries of the ready queue.", gauge, func(s stats) float64 { return float64(s.Ready) }},
		{"timers", "Armed timers, sleeping tasks included.", gauge, func(s stats) float64 { return float64(s.Timers) }},
		{"tasks", "Unfinished tasks.", gauge, func(s stats) float64 { return float64(s.Tasks) }},
		{"tasks_created_total", "Tasks created.", counter, func(s stats) float64 { return float64(s.Created) }},
		{"workers", "Coroutines that wait for tasks.", gauge, func(s stats) float64 { return float64(s.Workers) }},
		{"executor_jobs", "Jobs of the executor that run or wait.", gauge, func(s stats) float64 { return float64(s.Jobs) }},
		{"sockets", "Open sockets.", gauge, func(s stats) float64 { return float64(s.Sockets) }},
		{"unretrieved_failures", "Failures that nobody has asked for yet.", gauge, func(s stats) float64 { return float64(s.Unheard) }},
	}, opts)
}

// NewSessionCollector returns the numbers of ClientSession.Stats for a session that is
// used on l: aio_session_up, requests_total, failures_total, connections_idle,
// connections_in_use, requests_waiting, connections_made_total and connections_reused_total, each
// with aio_session_ in front.
func NewSessionCollector(l *asyncio.EventLoop, s *aiohttp.ClientSession, opts ...CollectorOption) prometheus.Collector {
	type stats = aiohttp.SessionStats
	return newCollector(l, "aio_session", s.Stats, []number[stats]{
		{"requests_total", "Requests begun; the hops of redirects count once.", counter, func(s stats) float64 { return float64(s.Requests) }},
		{"failures_total", "Requests that ended before there was a response.", counter, func(s stats) float64 { return float64(s.Failures) }},
		{"connections_idle", "Connections that wait to be used again.", gauge, func(s stats) float64 { return float64(s.Connector.Idle) }},
		{"connections_in_use", "Connections that carry a request or are being made.", gauge, func(s stats) float64 { return float64(s.Connector.InUse) }},
		{"requests_waiting", "Requests that wait for a connection.", gauge, func(s stats) float64 { return float64(s.Connector.Waiting) }},
		{"connections_made_total", "Connections made.", counter, func(s stats) float64 { return float64(s.Connector.Dialed) }},
		{"connections_reused_total", "Requests that went over a kept connection.", counter, func(s stats) float64 { return float64(s.Connector.Reused) }},
	}, opts)
}
