package main

// The table: one line for each of our figures beside each peer's.

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"
)

// printTable writes the results as one Markdown table, followed by what was
// skipped.
func printTable(w io.Writer, s settings, results []result) {
	fmt.Fprintf(w, "Medians of %d interleaved rounds, %s, %s/%s, %d cores. A ratio below 1 is in our favour; P1 and P2 are GOMAXPROCS.\n\n",
		s.rounds, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	fmt.Fprintln(w, "| work | ours | against | wall, ours / theirs | CPU, ours / theirs | memory, ours / theirs | budget | met |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|")
	for _, r := range results {
		for i, c := range r.contestants {
			if c.ours {
				r.printOurs(w, i)
			}
		}
	}
	r := strings.NewReplacer("\n", " ")
	for _, res := range results {
		for _, line := range res.skipped {
			fmt.Fprintf(w, "\n%s: skipped %s", res.row.name, r.Replace(line))
		}
	}
	fmt.Fprintln(w)
}

// printOurs writes the lines of our contestant i: one per peer at the same
// GOMAXPROCS, or in another language, and one for budgets without a peer.
func (r result) printOurs(w io.Writer, i int) {
	for k, peer := range r.contestants {
		if peer.ours || peer.procs != 0 && peer.procs != r.contestants[i].procs && !r.bound(i, k) {
			continue
		}
		cells := []string{r.row.title(), r.contestants[i].label(), peer.label()}
		for _, f := range figures {
			cells = append(cells, r.compared(i, k, f))
		}
		var budgets, met []string
		for _, b := range r.row.budgets {
			if b.binds(r.contestants[i], peer) {
				budgets = append(budgets, fmt.Sprintf("%s ≤ %s", b.figure, limitText(b.limit)))
				met = append(met, yesNo(r.ratio(i, k, b.figure) <= b.limit))
			}
		}
		printLine(w, append(cells, strings.Join(budgets, ", "), strings.Join(met, ", ")))
	}
	for _, b := range r.row.budgets {
		if b.against == ceiling && (b.who == "" || b.who == r.contestants[i].name) {
			cells := []string{r.row.title(), r.contestants[i].label(), "a fixed bound", "", "", ""}
			cells[3+int(b.figure)] = r.format(i, b.figure)
			limit := formatFigure(b.limit, b.figure, r.row.unit)
			printLine(w, append(cells, fmt.Sprintf("%s ≤ %s", b.figure, limit), yesNo(r.figureOf(i, b.figure) <= b.limit)))
		}
	}
}

// bound reports whether a budget names contestant k for ours, i.
func (r result) bound(i, k int) bool {
	for _, b := range r.row.budgets {
		if b.against == r.contestants[k].label() && b.binds(r.contestants[i], r.contestants[k]) {
			return true
		}
	}
	return false
}

func printLine(w io.Writer, cells []string) {
	fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
}

// compared is one figure of our contestant i beside contestant k's.
func (r result) compared(i, k int, f figure) string {
	ratio := r.ratio(i, k, f)
	if ratio == 0 {
		return ""
	}
	return fmt.Sprintf("%s / %s = **%s**", r.format(i, f), r.format(k, f), ratioText(ratio))
}

func (r row) title() string { return r.name + ": " + r.about }

func (r result) format(i int, f figure) string {
	return formatFigure(r.figureOf(i, f), f, r.row.unit)
}

func formatFigure(v float64, f figure, unit time.Duration) string {
	switch {
	case f == memory && v >= 1e6:
		return fmt.Sprintf("%.1f MB", v/1e6)
	case f == memory:
		return fmt.Sprintf("%.0f B", v)
	}
	name := map[time.Duration]string{time.Nanosecond: "ns", time.Microsecond: "µs", time.Second: "s"}[unit]
	scaled := v / float64(unit)
	if scaled >= 100 {
		return fmt.Sprintf("%.0f %s", scaled, name)
	}
	return fmt.Sprintf("%.3g %s", scaled, name)
}

func ratioText(v float64) string {
	if v < 0.3 {
		return fmt.Sprintf("1/%.1f", 1/v)
	}
	return fmt.Sprintf("%.2f", v)
}

func limitText(v float64) string {
	if v < 0.3 {
		return fmt.Sprintf("1/%.0f", 1/v)
	}
	return fmt.Sprintf("%g×", v)
}

func yesNo(ok bool) string {
	if ok {
		return "yes"
	}
	return "no"
}
