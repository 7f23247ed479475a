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
	against string // the contestant's name
	figure  figure
	limit   float64
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

// ceiling bounds our own figure, whatever the peers' are.
const ceiling = ""

// Wall time is what the scheduler's budgets are about; processor time has to keep
// them too, because on a machine that is busy with other things it alone says much.
var rows = []row{
	schedulerRow("spawn",
		budget{"waitgroup", wallTime, 1}, budget{"waitgroup", cpuTime, 1},
		budget{"uvloop", wallTime, 1. / 8}, budget{"uvloop", cpuTime, 1. / 8}),
	schedulerRow("gather"),
	schedulerRow("yield",
		budget{"coro", wallTime, 1.6}, budget{"coro", cpuTime, 1.6},
		budget{"uvloop", wallTime, 1. / 5}, budget{"uvloop", cpuTime, 1. / 5}),
	schedulerRow("sleepers", budget{"goroutines", wallTime, 1.1}, budget{"goroutines", memory, 1.15}),
	schedulerRow("future"),
	schedulerRow("queue"),
	schedulerRow("contended"),
	schedulerRow("lock"),
	schedulerRow("cancel"),
	clientRow("get100B", budget{"nethttp", cpuTime, 0.7}, budget{"aiohttp+uvloop", cpuTime, 1. / 7}),
	clientRow("get10KiB"),
	clientRow("get1MiB", budget{"nethttp", cpuTime, 0.5}),
	fetchRow("fetch", budget{"curl", wallTime, 1.25}, budget{"wget2", wallTime, 1}, budget{ceiling, memory, 48e6}),
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
			return append(goContestants(s, work, url), wrk(s, url), aiohttp(s, work, url)), nil
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
