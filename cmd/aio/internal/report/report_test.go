package report_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/cmd/aio/internal/report"
)

func TestPercentilesAreWithinTwoPercent(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 0))
		var h report.Histogram
		var all []time.Duration
		for range 5000 {
			d := time.Duration(r.ExpFloat64()*float64(time.Millisecond)) << r.IntN(12)
			h.Add(d)
			all = append(all, d)
		}
		slices.Sort(all)
		for _, p := range []float64{0, 1, 50, 90, 99, 99.9, 100} {
			rank := min(max(int(p/100*float64(len(all))+0.5), 1), len(all))
			want := all[rank-1]
			got := h.Percentile(p)
			if low, high := want, want+want/50+time.Microsecond; got < low || got > high {
				t.Errorf("seed %d, p%v: got %v want %v", seed, p, got, want)
			}
		}
		if got, want := h.Max(), all[len(all)-1]; got != want {
			t.Errorf("max: got %v want %v", got, want)
		}
	}
}

func TestHistogramTakesAnyDuration(t *testing.T) {
	var h report.Histogram
	if h.Percentile(50) != 0 || h.Mean() != 0 {
		t.Error("empty: want 0")
	}
	for _, d := range []time.Duration{-1, 0, 1, 1<<63 - 1, 24 * time.Hour} {
		h.Add(d)
		if got := h.Percentile(100); got < h.Max()-h.Max()/50 && h.Max() < 30*time.Hour {
			t.Errorf("%v: got %v", d, got)
		}
	}
}

func TestRecordIsOneLineWithEveryMember(t *testing.T) {
	records := []report.Record{
		{URL: "http://a/", FinalURL: "http://b/", Status: 200, Bytes: 5, Attempts: 2, Path: "out/x", SHA256: "ab",
			Times: report.Times{Queued: time.Millisecond, Connect: 250 * time.Microsecond, TTFB: 1500 * time.Microsecond, Total: 2 * time.Second}},
		{Index: 1, URL: "bad\n\x00\xff", Err: &report.Failure{Kind: report.KindURL, Message: "no <scheme>"}},
	}
	enc := report.NewEncoder()
	var out []byte
	for i := range records {
		out = enc.Record(out, &records[i])
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	want := []string{
		`{"type":"result","index":0,"url":"http://a/","ok":true,"final_url":"http://b/","status":200,"bytes":5,"attempts":2,` +
			`"times":{"queued_ms":1,"dns_ms":null,"connect_ms":0.25,"ttfb_ms":1.5,"total_ms":2000},"path":"out/x","sha256":"ab","error":null}`,
		`{"type":"result","index":1,"url":"bad\n\u0000\ufffd","ok":false,"final_url":null,"status":null,"bytes":0,"attempts":0,` +
			`"times":{"queued_ms":0,"dns_ms":null,"connect_ms":null,"ttfb_ms":null,"total_ms":0},"path":null,"sha256":null,"error":{"kind":"url","message":"no <scheme>"}}`,
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

func summary() *report.Summary {
	s := &report.Summary{Wall: 2 * time.Second}
	for i := range 10 {
		s.Add(&report.Record{Status: 200, Bytes: 1000, Attempts: 1 + i%2}, 10*time.Millisecond)
	}
	s.Add(&report.Record{Status: 404, Attempts: 1, Err: &report.Failure{Kind: report.KindStatus}}, 0)
	s.Add(&report.Record{Err: &report.Failure{Kind: report.KindDNS}}, 0)
	s.Add(&report.Record{Err: &report.Failure{Kind: report.KindDNS}}, 0)
	return s
}

func TestSummaryText(t *testing.T) {
	s := summary()
	want := "10 of 13 fetched in 2.0 s (6.5/s), 10 kB (5.0 kB/s)\n" +
		"  latency  p50 10 ms, p90 10 ms, p99 10 ms, max 10 ms\n" +
		"  retries  5\n" +
		"  failed   3: dns ×2, status ×1\n" +
		"  status   200 ×10, 404 ×1\n"
	if got := s.Text(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	s.Interrupted, s.NotStarted = true, 7
	if got, want := s.Text(), "  interrupted; what was finished is kept; 7 not started\n"; !strings.HasSuffix(got, want) {
		t.Errorf("got\n%s\nwant suffix %s", got, want)
	}
}

func TestSummarySaysWhatWasLeftOnlyIfThereWasSomething(t *testing.T) {
	const kept = "interrupted; what was finished is kept"
	tests := []struct {
		notStarted int64
		listOpen   bool
		want       string
	}{
		{0, false, kept},
		{7, false, kept + "; 7 not started"},
		{0, true, kept + "; the list was not read to its end"},
		{7, true, kept + "; at least 7 not started (the list was not read to its end)"},
	}
	for _, tt := range tests {
		s := report.Summary{Interrupted: true, NotStarted: tt.notStarted, ListOpen: tt.listOpen}
		if got := s.Text(); !strings.HasSuffix(got, "  "+tt.want+"\n") {
			t.Errorf("got %q want %q at its end", got, tt.want)
		}
	}
}

func TestSummaryOfNothing(t *testing.T) {
	if got, want := new(report.Summary).Text(), "0 of 0 fetched in 0 µs, 0 B\n"; got != want {
		t.Errorf("got %q want %q", got, want)
	}
}

func TestSummaryJSONIsOneLine(t *testing.T) {
	line := string(report.NewEncoder().Summary(nil, summary()))
	var got map[string]any
	if err := json.Unmarshal([]byte(line), &got); err != nil || strings.Count(line, "\n") != 1 {
		t.Fatalf("%v: %s", err, line)
	}
	for key, want := range map[string]any{"type": "summary", "fetched": 10.0, "failed": 3.0, "wall_ms": 2000.0, "per_second": 6.5, "list_read": true} {
		if got[key] != want {
			t.Errorf("%s: got %v want %v", key, got[key], want)
		}
	}
	if errs := got["errors"].(map[string]any); errs["dns"] != 2.0 {
		t.Errorf("errors: got %v", errs)
	}
}
