package progress_test

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aio-go/aio/cmd/aio/internal/progress"
)

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*[mK]")

func fixedWidth(n int) func() int { return func() int { return n } }

func state() progress.State {
	return progress.State{Done: 312, Failed: 3, Total: 500, Exact: true, InFlight: 64, Waiting: 7, Bytes: 34_000_000, Elapsed: 10 * time.Second}
}

func TestLineFitsAnyWidth(t *testing.T) {
	for _, style := range []progress.Style{{}, {Color: true}, {Unicode: true}, {Color: true, Unicode: true}} {
		for width := 1; width < 200; width++ {
			for _, total := range []int64{0, 500, 100} {
				var b strings.Builder
				s := state()
				s.Total = total
				progress.NewLive(&b, fixedWidth(width), style).Update(s)
				line := strings.TrimPrefix(escapes.ReplaceAllString(b.String(), ""), "\r")
				if n := utf8.RuneCountInString(line); n > max(width-1, 1) || strings.Contains(line, "\n") {
					t.Fatalf("width %d: got %d columns: %q", width, n, line)
				}
			}
		}
	}
}

func TestWideLineSaysEverything(t *testing.T) {
	var b strings.Builder
	progress.NewLive(&b, fixedWidth(120), progress.Style{}).Update(state())
	want := "\r[#######################---------------]  312/500 62%  3 failed  31/s  3.4 MB/s  64 in flight  7 to retry  ETA 0:06\x1b[K"
	if got := b.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestNarrowLineKeepsTheCounts(t *testing.T) {
	var b strings.Builder
	progress.NewLive(&b, fixedWidth(24), progress.Style{}).Update(state())
	if got, want := b.String(), "\r312/500 62%  3 failed\x1b[K"; got != want {
		t.Errorf("got %q want %q", got, want)
	}
}

func TestPlainLinesHaveNoControlCharacters(t *testing.T) {
	var b strings.Builder
	d := progress.NewPlain(&b)
	d.Update(state())
	d.Println("x \x1b[31m\rfake")
	d.Finish()
	want := "aio: 312/500 62%, 3 failed, 31/s, 3.4 MB/s, 64 in flight, 7 to retry, ETA 0:06\nx \uFFFD[31m\uFFFDfake\n"
	if got := b.String(); got != want {
		t.Errorf("got %q want %q", got, want)
	}
}

func TestTextGoesAboveTheLineAndFinishErasesIt(t *testing.T) {
	var b strings.Builder
	d := progress.NewLive(&b, fixedWidth(24), progress.Style{})
	d.Println("before")
	d.Update(state())
	d.Update(state())
	d.Println("between")
	d.Finish()
	d.Finish()
	line := "312/500 62%  3 failed"
	want := "before\n\r" + line + "\x1b[K" + "\r\x1b[Kbetween\n" + line + "\x1b[K" + "\r\x1b[K"
	if got := b.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestRateFollowsTheLastSeconds(t *testing.T) {
	var b strings.Builder
	d := progress.NewPlain(&b)
	for i := range 200 {
		s := progress.State{Elapsed: time.Duration(i) * 100 * time.Millisecond}
		if i > 100 {
			s.Done = int64(i-100) * 5 // 50 a second after 10 s of nothing
		}
		d.Update(s)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if last := lines[len(lines)-1]; !strings.Contains(last, " 50/s") {
		t.Errorf("got %q want 50/s", last)
	}
}

func TestEstimatedTotalIsMarked(t *testing.T) {
	var b strings.Builder
	s := state()
	s.Exact, s.Stopping = false, true
	progress.NewPlain(&b).Update(s)
	for _, want := range []string{"312/~500", "stopping"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("got %q want %q in it", b.String(), want)
		}
	}
}
