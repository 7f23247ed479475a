package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/bench"
)

// fixed is a contestant whose wall times are given, one per round.
func fixed(name string, ours bool, walls ...float64) contestant {
	round := 0
	return contestant{name: name, ours: ours, run: func(context.Context) (sample, error) {
		round++
		return sample{wall: walls[round-1]}, nil
	}}
}

func rowOf(budgets []budget, contestants ...contestant) row {
	return row{name: "row", about: "work", unit: time.Nanosecond, budgets: budgets,
		prepare: func(context.Context, settings) ([]contestant, error) { return contestants, nil }}
}

func TestRatioIsTheMedianOverRoundsNotTheRatioOfMedians(t *testing.T) {
	r := rowOf(nil, fixed("aio", true, 10, 40, 90), fixed("peer", false, 10, 10, 100))
	res, err := measureRow(t.Context(), settings{rounds: 3}, r)
	if err != nil {
		t.Fatal(err)
	}
	if got := res.ratio(0, 1, wallTime); got != 1 {
		t.Errorf("ratio: got %v, want 1, the middle of 1, 4 and 0.9", got)
	}
	if got := res.figureOf(0, wallTime); got != 40 {
		t.Errorf("median: got %v, want 40", got)
	}
}

func TestRoundsAlternateTheOrder(t *testing.T) {
	var order []string
	note := func(name string) contestant {
		return contestant{name: name, run: func(context.Context) (sample, error) {
			order = append(order, name)
			return sample{wall: 1}, nil
		}}
	}
	if _, err := measureRow(t.Context(), settings{rounds: 2}, rowOf(nil, note("a"), note("b"))); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "b", "b", "a"}; !slices.Equal(order, want) {
		t.Errorf("order of runs: got %v, want %v", order, want)
	}
}

func TestAbsentPeersAreNamedAndTheRestCompared(t *testing.T) {
	gone := contestant{name: "gone", run: func(context.Context) (sample, error) {
		return sample{}, fmt.Errorf("gone: %w", errAbsent)
	}}
	budgets := []budget{{against: "peer", figure: wallTime, limit: 0.5}, {against: "gone", figure: wallTime, limit: 1}}
	r := rowOf(budgets, fixed("aio", true, 2), gone, fixed("peer", false, 4))
	res, err := measureRow(t.Context(), settings{rounds: 1}, r)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	printTable(&out, settings{rounds: 1}, []result{res})
	for _, want := range []string{"| peer | 2 ns / 4 ns = **0.50** |", "| wall ≤ 0.5× | yes |", "row: skipped gone: gone: not installed"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("table lacks %q:\n%s", want, out.String())
		}
	}
}

func TestBudgetIsMissedAboveItsLimit(t *testing.T) {
	tests := []struct {
		name   string
		budget budget
		want   string
	}{
		{"of a peer", budget{against: "peer", figure: wallTime, limit: 0.49}, "| no |"},
		{"fixed", budget{against: ceiling, figure: wallTime, limit: 1}, "| wall ≤ 1 ns | no |"},
		{"fixed and met", budget{against: ceiling, figure: wallTime, limit: 3}, "| wall ≤ 3 ns | yes |"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := rowOf([]budget{tt.budget}, fixed("aio", true, 2), fixed("peer", false, 4))
			res, err := measureRow(t.Context(), settings{rounds: 1}, r)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			printTable(&out, settings{rounds: 1}, []result{res})
			if !strings.Contains(out.String(), tt.want) {
				t.Errorf("table lacks %q:\n%s", tt.want, out.String())
			}
		})
	}
}

func TestFailingContestantEndsTheComparison(t *testing.T) {
	broken := contestant{name: "broken", run: func(context.Context) (sample, error) {
		return sample{}, fmt.Errorf("answers are wrong")
	}}
	_, err := measureRow(t.Context(), settings{rounds: 1}, rowOf(nil, broken))
	if err == nil || !strings.Contains(err.Error(), "broken: answers are wrong") {
		t.Errorf("got %v, want an error that names the contestant", err)
	}
}

func TestUnknownRowsAreNamed(t *testing.T) {
	if _, err := selectRows("spawn,nonesuch"); err == nil || !strings.Contains(err.Error(), `"nonesuch"`) {
		t.Errorf("got %v, want an error that names the row", err)
	}
	chosen, err := selectRows("yield,spawn")
	if err != nil || len(chosen) != 2 || chosen[0].name != "yield" {
		t.Errorf("got %d rows, %v, want yield and spawn", len(chosen), err)
	}
}

func TestChildCountsOnlyTheLastDoubling(t *testing.T) {
	c, err := runWork([]string{"yield", "coro", "10", "0.002", ""})
	if err != nil {
		t.Fatal(err)
	}
	if c.Iterations&(c.Iterations-1) != 0 || c.Iterations == 0 {
		t.Errorf("iterations: got %d, want a power of two", c.Iterations)
	}
	if c.Wall < 0.001 {
		t.Errorf("wall: got %v s, want at least half of what was asked for", c.Wall)
	}
}

func TestEveryBudgetNamesAPeer(t *testing.T) {
	others := []string{ceiling, "asyncio", "uvloop", "aiohttp+uvloop", "wrk", "curl", "wget2", "C epoll", "uvloop streams", "fasthttp P1"}
	for _, server := range bench.TCPServers {
		others = append(others, server.Name, server.Name+" P1", server.Name+" P2")
	}
	for _, r := range rows {
		for _, b := range r.budgets {
			work, _ := bench.Find(slices.Concat(bench.Scheduler, bench.Client, bench.HTTP2, bench.Waiting), r.name)
			if _, ok := work.Find(b.against); !ok && !slices.Contains(others, b.against) {
				t.Errorf("row %s has a budget against %q, whom nobody runs", r.name, b.against)
			}
		}
	}
}
