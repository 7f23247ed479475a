package main

// Interleaved measuring of one row, and what follows from it.

import (
	"context"
	"fmt"
	"os"
	"slices"
)

// A result holds the samples of a row.
type result struct {
	row         row
	contestants []contestant // those that ran
	samples     [][]sample   // one slice per contestant, one sample per round
	skipped     []string     // a line for each contestant that could not
}

// measureRow runs every contestant once per round, the order reversed in every
// second round. Whoever cannot be had here is left out with a line that says so.
func measureRow(ctx context.Context, s settings, r row) (result, error) {
	res := result{row: r}
	contestants, err := r.prepare(ctx, s)
	if err != nil {
		if !missing(err) {
			return res, err
		}
		res.skipped = append(res.skipped, err.Error())
		return res, nil
	}
	samples := make([][]sample, len(contestants))
	absent := make([]bool, len(contestants))
	for round := range s.rounds {
		fmt.Fprintf(os.Stderr, "%s: round %d of %d\n", r.name, round+1, s.rounds)
		for k := range contestants {
			i := k
			if round%2 == 1 {
				i = len(contestants) - 1 - k
			}
			if absent[i] {
				continue
			}
			one, err := contestants[i].run(ctx)
			if err != nil {
				if round > 0 || !missing(err) {
					return res, fmt.Errorf("%s: %w", contestants[i].label(), err)
				}
				absent[i] = true
				res.skipped = append(res.skipped, fmt.Sprintf("%s: %v", contestants[i].label(), err))
				continue
			}
			samples[i] = append(samples[i], one)
		}
	}
	for i, c := range contestants {
		if !absent[i] {
			res.contestants = append(res.contestants, c)
			res.samples = append(res.samples, samples[i])
		}
	}
	return res, nil
}

// figureOf is the median of one figure of contestant i.
func (r result) figureOf(i int, f figure) float64 {
	values := make([]float64, len(r.samples[i]))
	for k, s := range r.samples[i] {
		values[k] = f.of(s)
	}
	return median(values)
}

// ratio is the median over the rounds of contestant i's figure divided by
// contestant k's, or 0 if there is nothing to divide.
func (r result) ratio(i, k int, f figure) float64 {
	var values []float64
	for round := range r.samples[i] {
		a, b := f.of(r.samples[i][round]), f.of(r.samples[k][round])
		if a <= 0 || b <= 0 {
			return 0
		}
		values = append(values, a/b)
	}
	return median(values)
}

// median of values, which must not be empty.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}
