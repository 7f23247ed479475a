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
	gauges   []number
	read     func() []float64 // on the loop; as many values as there are numbers
}

// number is one metric of a collector.
type number struct {
	name, help string
	kind       prometheus.ValueType
	desc       *prometheus.Desc
}

func newCollector(l *asyncio.EventLoop, prefix string, numbers []number, read func() []float64, opts []CollectorOption) *collector {
	c := &collector{loop: l, patience: patience, gauges: numbers, read: read}
	for _, o := range opts {
		o(c)
	}
	c.up = prometheus.NewDesc(prefix+"_up", "Whether the loop has answered in time.", nil, c.labels)
	for i := range c.gauges {
		n := &c.gauges[i]
		n.desc = prometheus.NewDesc(prefix+"_"+n.name, n.help, nil, c.labels)
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	out <- c.up
	for _, n := range c.gauges {
		out <- n.desc
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
	for i, n := range c.gauges {
		out <- prometheus.MustNewConstMetric(n.desc, n.kind, values[i])
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
	numbers := []number{
		{name: "turns_total", help: "Turns of the loop.", kind: counter},
		{name: "steps_total", help: "Callbacks run and tasks resumed.", kind: counter},
		{name: "ready", help: "Entries of the ready queue.", kind: gauge},
		{name: "timers", help: "Armed timers, sleeping tasks included.", kind: gauge},
		{name: "tasks", help: "Unfinished tasks.", kind: gauge},
		{name: "tasks_created_total", help: "Tasks created.", kind: counter},
		{name: "workers", help: "Coroutines that wait for tasks.", kind: gauge},
		{name: "executor_jobs", help: "Jobs of the executor that run or wait.", kind: gauge},
		{name: "sockets", help: "Open sockets.", kind: gauge},
		{name: "unretrieved_failures", help: "Failures that nobody has asked for yet.", kind: gauge},
	}
	return newCollector(l, "aio_loop", numbers, func() []float64 {
		s := l.Stats()
		return []float64{
			float64(s.Turns), float64(s.Steps), float64(s.Ready), float64(s.Timers), float64(s.Tasks), float64(s.Created),
			float64(s.Workers), float64(s.Jobs), float64(s.Sockets), float64(s.Unheard),
		}
	}, opts)
}

// NewSessionCollector returns the numbers of ClientSession.Stats for a session that is
// used on l: aio_session_up, requests_total, failures_total, connections_idle,
// connections_in_use, requests_waiting, connections_made_total and connections_reused_total, each
// with aio_session_ in front.
func NewSessionCollector(l *asyncio.EventLoop, s *aiohttp.ClientSession, opts ...CollectorOption) prometheus.Collector {
	numbers := []number{
		{name: "requests_total", help: "Requests begun; the hops of redirects count once.", kind: counter},
		{name: "failures_total", help: "Requests that ended before there was a response.", kind: counter},
		{name: "connections_idle", help: "Connections that wait to be used again.", kind: gauge},
		{name: "connections_in_use", help: "Connections that carry a request or are being made.", kind: gauge},
		{name: "requests_waiting", help: "Requests that wait for a connection.", kind: gauge},
		{name: "connections_made_total", help: "Connections made.", kind: counter},
		{name: "connections_reused_total", help: "Requests that went over a kept connection.", kind: counter},
	}
	return newCollector(l, "aio_session", numbers, func() []float64 {
		s := s.Stats()
		pool := s.Connector
		return []float64{
			float64(s.Requests), float64(s.Failures), float64(pool.Idle), float64(pool.InUse), float64(pool.Waiting),
			float64(pool.Dialed), float64(pool.Reused),
		}
	}, opts)
}
