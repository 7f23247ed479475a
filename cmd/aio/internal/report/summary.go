package report

// The outcome of a run: counts by kind and status and a histogram, as text for people and as one JSON object.

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aio-go/aio/cmd/aio/internal/units"
)

// Summary adds up a run. The zero value is ready.
type Summary struct {
	OK          int64
	Failed      int64
	NotStarted  int64 // read or not, never requested because the run was stopped; known only if the list was read
	Retries     int64
	Bytes       int64
	Interrupted bool
	Stopped     string // why the run ended early, if it did and not by the user
	ListOpen    bool   // the list had not been read to its end
	Wall        time.Duration
	Latency     Histogram // of fetched URLs: request to end of body, last attempt

	kinds    map[Kind]int64
	statuses map[int]int64
}

// Add counts one record; took is the duration of its last attempt.
func (s *Summary) Add(r *Record, took time.Duration) {
	s.Bytes += r.Bytes
	s.Retries += int64(max(0, r.Attempts-1))
	if r.Status != 0 {
		if s.statuses == nil {
			s.statuses = make(map[int]int64)
		}
		s.statuses[r.Status]++
	}
	if r.Err == nil {
		s.OK++
		s.Latency.Add(took)
		return
	}
	s.Failed++
	if s.kinds == nil {
		s.kinds = make(map[Kind]int64)
	}
	s.kinds[r.Err.Kind]++
}

// Rate returns finished URLs per second of wall time.
func (s *Summary) Rate() float64 { return per(s.OK+s.Failed, s.Wall) }

func per(n int64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

// Text returns the summary for people, a few lines each ended by a newline.
func (s *Summary) Text() string {
	var b strings.Builder
	total := s.OK + s.Failed
	fmt.Fprintf(&b, "%d of %d fetched in %s", s.OK, total, units.Duration(s.Wall))
	if s.Wall > 0 {
		fmt.Fprintf(&b, " (%s/s)", units.Count(s.Rate()))
	}
	fmt.Fprintf(&b, ", %s", units.Bytes(s.Bytes))
	if s.Wall > 0 {
		fmt.Fprintf(&b, " (%s/s)", units.Bytes(int64(per(s.Bytes, s.Wall))))
	}
	b.WriteByte('\n')
	if l := &s.Latency; l.Count() > 0 {
		fmt.Fprintf(&b, "  latency  p50 %s, p90 %s, p99 %s, max %s\n", units.Duration(l.Percentile(50)),
			units.Duration(l.Percentile(90)), units.Duration(l.Percentile(99)), units.Duration(l.Max()))
	}
	if s.Retries > 0 {
		fmt.Fprintf(&b, "  retries  %d\n", s.Retries)
	}
	if s.Failed > 0 {
		fmt.Fprintf(&b, "  failed   %d: %s\n", s.Failed, counts(s.kinds))
	}
	if len(s.statuses) > 1 || s.Failed > 0 && len(s.statuses) > 0 {
		fmt.Fprintf(&b, "  status   %s\n", counts(s.statuses))
	}
	if s.Interrupted || s.Stopped != "" {
		b.WriteString("  " + s.ending() + "\n")
	}
	return b.String()
}

// ending says why and where the run stopped early.
func (s *Summary) ending() string {
	why := "interrupted"
	if !s.Interrupted {
		why = "stopped: " + s.Stopped
	}
	why += "; what was finished is kept"
	switch {
	case s.ListOpen && s.NotStarted == 0:
		return why + "; the list was not read to its end"
	case s.ListOpen:
		return why + fmt.Sprintf("; at least %d not started (the list was not read to its end)", s.NotStarted)
	case s.NotStarted > 0:
		return why + fmt.Sprintf("; %d not started", s.NotStarted)
	}
	return why
}

// counts lists a table with the largest count first, equal ones by name.
func counts[K ~string | ~int](table map[K]int64) string {
	type row struct {
		name string
		n    int64
	}
	var rows []row
	for k, n := range table {
		rows = append(rows, row{fmt.Sprint(k), n})
	}
	slices.SortFunc(rows, func(a, b row) int {
		if a.n != b.n {
			return int(min(max(b.n-a.n, -1), 1))
		}
		return strings.Compare(a.name, b.name)
	})
	var b strings.Builder
	for i, r := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s ×%d", r.name, r.n)
	}
	return b.String()
}

type wireSummary struct {
	Type        string           `json:"type"`
	Fetched     int64            `json:"fetched"`
	Failed      int64            `json:"failed"`
	Retries     int64            `json:"retries"`
	Bytes       int64            `json:"bytes"`
	Wall        float64          `json:"wall_ms"`
	Rate        float64          `json:"per_second"`
	BytesRate   float64          `json:"bytes_per_second"`
	Latency     *wireLatency     `json:"latency_ms"`
	Errors      map[Kind]int64   `json:"errors"`
	Statuses    map[string]int64 `json:"statuses"`
	Interrupted bool             `json:"interrupted"`
	Stopped     *string          `json:"stopped"`
	NotStarted  int64            `json:"not_started"`
	ListRead    bool             `json:"list_read"`
}

type wireLatency struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99_9"`
	Max  float64 `json:"max"`
}

// Summary appends the line for s to dst.
func (e *Encoder) Summary(dst []byte, s *Summary) []byte {
	w := wireSummary{
		Type: "summary", Fetched: s.OK, Failed: s.Failed, Retries: s.Retries, Bytes: s.Bytes, Wall: millis(s.Wall),
		Rate: rounded(s.Rate()), BytesRate: rounded(per(s.Bytes, s.Wall)),
		Errors: s.kinds, Statuses: make(map[string]int64), Interrupted: s.Interrupted, Stopped: present(s.Stopped),
		NotStarted: s.NotStarted, ListRead: !s.ListOpen,
	}
	if w.Errors == nil {
		w.Errors = map[Kind]int64{}
	}
	for code, n := range s.statuses {
		w.Statuses[fmt.Sprint(code)] = n
	}
	if l := &s.Latency; l.Count() > 0 {
		w.Latency = &wireLatency{
			Mean: millis(l.Mean()), P50: millis(l.Percentile(50)), P90: millis(l.Percentile(90)),
			P99: millis(l.Percentile(99)), P999: millis(l.Percentile(99.9)), Max: millis(l.Max()),
		}
	}
	return e.line(dst, w)
}

func rounded(x float64) float64 { return float64(int64(x*10+0.5)) / 10 }
