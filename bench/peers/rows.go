package main

// The rows of the comparison: for each the contestants, ours first, and the
// budgets that ours has to meet.

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aio-go/aio/bench"
)

// A row compares contestants at one kind of work.
type row struct {
	name    string
	about   string
	unit    time.Duration // what wall and processor time are printed in
	prepare func(context.Context, settings) ([]contestant, error)
	budgets []budget
}

// A contestant runs the work once.
type contestant struct {
	name  string
	procs int // GOMAXPROCS; 0 for programs not in Go
	ours  bool
	run   func(context.Context) (sample, error)
}

// label is how tables call c.
func (c contestant) label() string {
	if c.procs == 0 {
		return c.name
	}
	return fmt.Sprintf("%s P%d", c.name, c.procs)
}

// A sample is what one run has cost: wall and processor time in nanoseconds, of
// one operation or of the whole, and memory in bytes, 0 if it says nothing here.
type sample struct {
	wall, cpu, mem float64
}

// A budget bounds the ratio of our figure to that of a peer.
type budget struct {
	against string // the contestant's name, or its label to mean it at one GOMAXPROCS
	figure  figure
	limit   float64
	who     string // which of ours, "" for all
}

// binds reports whether b bounds what c, one of ours, has against peer.
func (b budget) binds(c, peer contestant) bool {
	return (b.who == "" || b.who == c.name) && (b.against == peer.name || b.against == peer.label())
}

// figure selects one number of a sample.
type figure int

const (
	wallTime figure = iota
	cpuTime
	memory
)

var figures = []figure{wallTime, cpuTime, memory}

func (f figure) String() string { return [...]string{"wall", "CPU", "memory"}[f] }

func (f figure) of(s sample) float64 { return [...]float64{s.wall, s.cpu, s.mem}[f] }

// Echo servers are bound by what they do at the default GOMAXPROCS, of 2 here, also
// against package net's at 1, where that is cheaper.
var echoBudgets = []budget{
	{"C epoll", cpuTime, 1.25, "aio protocol"},
	{"net P1", cpuTime, 1, "aio protocol"},
	{"net P1", cpuTime, 1.1, "aio conn"},
	{"net P2", cpuTime, 0.8, "aio conn"},
	{"uvloop streams", cpuTime, 0.95, "aio streams"},
}

// ceiling bounds our own figure, whatever the peers' are.
const ceiling = ""

// Wall time is what the scheduler's budgets are about; processor time has to keep
// them too, because on a machine that is busy with other things it alone says much.
var rows = []row{
	schedulerRow("spawn",
		budget{against: "waitgroup", figure: wallTime, limit: 1}, budget{against: "waitgroup", figure: cpuTime, limit: 1},
		budget{against: "uvloop", figure: wallTime, limit: 1. / 8}, budget{against: "uvloop", figure: cpuTime, limit: 1. / 8}),
	schedulerRow("gather"),
	schedulerRow("yield",
		budget{against: "coro", figure: wallTime, limit: 1.6}, budget{against: "coro", figure: cpuTime, limit: 1.6},
		budget{against: "uvloop", figure: wallTime, limit: 1. / 5}, budget{against: "uvloop", figure: cpuTime, limit: 1. / 5}),
	schedulerRow("sleepers", budget{against: "goroutines", figure: wallTime, limit: 1.1}, budget{against: "goroutines", figure: memory, limit: 1.15}),
	schedulerRow("future"),
	schedulerRow("queue"),
	schedulerRow("contended"),
	schedulerRow("lock"),
	schedulerRow("cancel"),
	clientRow("get100B",
		budget{against: "wrk", figure: cpuTime, limit: 1.1}, budget{against: "fasthttp P1", figure: cpuTime, limit: 1.1},
		budget{against: "nethttp", figure: cpuTime, limit: 0.55}, budget{against: "aiohttp+uvloop", figure: cpuTime, limit: 1. / 9}),
	clientRow("getOne", budget{against: "nethttp", figure: wallTime, limit: 0.9}),
	clientRow("get10KiB", budget{against: "nethttp", figure: cpuTime, limit: 0.4}),
	clientRow("get1MiB", budget{against: "nethttp", figure: cpuTime, limit: 0.5}),
	clientRow("reuse1MiB", budget{against: "nethttp", figure: cpuTime, limit: 1.1},
		budget{against: "fasthttp", figure: cpuTime, limit: 1.1}, budget{against: "wrk", figure: cpuTime, limit: 1.1}),
	http2Row("h2get100B", budget{against: "nethttp", figure: cpuTime, limit: 1.15}, budget{against: "nethttp", figure: wallTime, limit: 1.15}),
	http2Row("h2get10KiB", budget{against: "nethttp", figure: cpuTime, limit: 1.15}, budget{against: "nethttp", figure: wallTime, limit: 1.15}),
	http2Row("h2get1MiB", budget{against: "nethttp", figure: cpuTime, limit: 1.15}, budget{against: "nethttp", figure: wallTime, limit: 1.15}),
	waitingRow("waiting", budget{against: ceiling, figure: memory, limit: 12 << 10}, budget{against: "nethttp", figure: memory, limit: 1}),
	tcpRow("echo64B", "echo of 64 bytes, 64 connections", time.Microsecond, echoLoad(64), echoBudgets...),
	tcpRow("echo16KiB", "echo of 16 KiB, 64 connections", time.Microsecond, echoLoad(16<<10), echoBudgets...),
	tcpRow("idle", "50,000 connections that are silent", time.Microsecond, idleLoad,
		budget{against: ceiling, figure: memory, limit: 1 << 10, who: "aio protocol"},
		budget{against: ceiling, figure: memory, limit: 5 << 10, who: "aio streams"}),
	tcpRow("accept", "accept a connection and echo a byte", time.Microsecond, acceptLoad,
		budget{against: "net", figure: cpuTime, limit: 1, who: "aio protocol"}),
	fetchRow("fetch", budget{against: "curl", figure: wallTime, limit: 1.25}, budget{against: "wget2", figure: wallTime, limit: 1}, budget{against: ceiling, figure: memory, limit: 48e6}),
}

func schedulerRow(op string, budgets ...budget) row {
	work := mustFind(bench.Scheduler, op)
	unit := time.Nanosecond
	if work.Waiting {
		unit = time.Second
	}
	return row{
		name: op, about: work.About, unit: unit, budgets: budgets,
		prepare: func(_ context.Context, s settings) ([]contestant, error) {
			return append(goContestants(s, work, ""), pythonContestants(s, work)...), nil
		},
	}
}

func clientRow(op string, budgets ...budget) row {
	work := mustFind(bench.Client, op)
	return row{
		name: op, about: work.About, unit: time.Microsecond, budgets: budgets,
		prepare: func(_ context.Context, s settings) ([]contestant, error) {
			if s.origin == nil {
				return nil, fmt.Errorf("nginx: %w", errAbsent)
			}
			url, err := s.origin.Put(op, make([]byte, work.Body))
			if err != nil {
				return nil, err
			}
			return append(goContestants(s, work, url), wrk(s, work, url), aiohttp(s, work, url)), nil
		},
	}
}

// http2Row has a server of its own, which speaks HTTP/2 over TLS.
func http2Row(op string, budgets ...budget) row {
	work := mustFind(bench.HTTP2, op)
	return row{
		name: op, about: work.About, unit: time.Microsecond, budgets: budgets,
		prepare: func(_ context.Context, s settings) ([]contestant, error) {
			if s.originHTTP2 == nil {
				return nil, fmt.Errorf("nginx: %w", errAbsent)
			}
			url, err := s.originHTTP2.Put(op, make([]byte, work.Body))
			if err != nil {
				return nil, err
			}
			return goContestants(s, work, url), nil
		},
	}
}

func fetchRow(name string, budgets ...budget) row {
	return row{
		name: name, about: "20,000 files of 1 KiB from nginx to a fresh directory", unit: time.Second,
		prepare: prepareFetch, budgets: budgets,
	}
}

func mustFind(works []bench.Work, op string) bench.Work {
	work, ok := bench.Find(works, op)
	if !ok {
		panic("peers: package bench has no work called " + op)
	}
	return work
}

func rowNames() []string {
	var names []string
	for _, r := range rows {
		names = append(names, r.name)
	}
	return names
}

func selectRows(list string) ([]row, error) {
	if list == "all" {
		return rows, nil
	}
	var chosen []row
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(rows, func(r row) bool { return r.name == name })
		if i < 0 {
			return nil, fmt.Errorf("-rows %s: no row is called %q; there are all, %s", list, name, strings.Join(rowNames(), ", "))
		}
		chosen = append(chosen, rows[i])
	}
	return chosen, nil
}
