package progress

// The text of a progress line: segments in order of importance, as many as fit, and a bar in what room is left.

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/aio-go/aio/cmd/aio/internal/units"
)

// Colours of the sixteen that every terminal theme defines.
const (
	green  = "\x1b[32m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	dim    = "\x1b[2m"
	reset  = "\x1b[0m"
)

const (
	minBar = 10
	maxBar = 40
)

// segment is a part of the line; rank 0 is dropped last.
type segment struct {
	text  string
	color string
	rank  int
}

func segments(s State, m *meter) []segment {
	rate, bps := m.rates()
	list := []segment{{text: progressText(s), rank: 0}}
	if s.Failed > 0 {
		list = append(list, segment{fmt.Sprintf("%s failed", units.Count(float64(s.Failed))), red, 1})
	}
	list = append(list, segment{units.Count(rate) + "/s", "", 2})
	list = append(list, segment{bytesRate(bps), "", 4})
	list = append(list, segment{fmt.Sprintf("%d in flight", s.InFlight), "", 5})
	if s.Waiting > 0 {
		list = append(list, segment{fmt.Sprintf("%d to retry", s.Waiting), yellow, 6})
	}
	if s.Stopping {
		return append(list, segment{"stopping", yellow, 1})
	}
	if left, ok := eta(s, rate); ok {
		list = append(list, segment{"ETA " + units.Clock(left), "", 3})
	} else {
		list = append(list, segment{units.Clock(s.Elapsed), "", 7})
	}
	return list
}

// progressText is "312/500 62%", with "~" before an estimated total, or "312 done".
func progressText(s State) string {
	if s.Total <= 0 {
		return fmt.Sprintf("%d done", s.Done)
	}
	total := max(s.Total, s.Done)
	about := ""
	if !s.Exact {
		about = "~"
	}
	return fmt.Sprintf("%d/%s%d %d%%", s.Done, about, total, s.Done*100/total)
}

// plain is the line for logs.
func plain(s State, m *meter) string {
	var parts []string
	for _, seg := range segments(s, m) {
		parts = append(parts, seg.text)
	}
	return strings.Join(parts, ", ")
}

// render returns the line without line feed, at most width-1 columns wide so that no terminal wraps it.
func render(s State, m *meter, width int, style Style) string {
	list := segments(s, m)
	room := max(width-1, 1)
	for length(list) > room && len(list) > 1 {
		worst := 0
		for i, seg := range list {
			if seg.rank > list[worst].rank {
				worst = i
			}
		}
		list = append(list[:worst], list[worst+1:]...)
	}
	var b strings.Builder
	if bar := min(room-length(list)-2, maxBar); bar >= minBar && s.Total > 0 {
		b.WriteString(drawBar(bar, float64(s.Done)/float64(max(s.Total, s.Done, 1)), style))
		b.WriteString("  ")
	}
	for i, seg := range list {
		if i > 0 {
			b.WriteString("  ")
		}
		if i == 0 && len(seg.text) > room {
			seg.text = seg.text[:room]
		}
		b.WriteString(paint(seg.text, seg.color, style))
	}
	return b.String()
}

func length(list []segment) int {
	n := 2 * (len(list) - 1)
	for _, seg := range list {
		n += utf8.RuneCountInString(seg.text)
	}
	return n
}

func paint(text, color string, style Style) string {
	if !style.Color || color == "" || text == "" {
		return text
	}
	return color + text + reset
}

var eighths = [...]string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}

// drawBar fills width columns up to share, in eighths of a column where the terminal can.
func drawBar(width int, share float64, style Style) string {
	share = min(max(share, 0), 1)
	if !style.Unicode {
		full := int(share * float64(width-2))
		return "[" + strings.Repeat("#", full) + strings.Repeat("-", width-2-full) + "]"
	}
	n := int(share * float64(width*8))
	full, part := n/8, eighths[n%8]
	rest := width - full
	if part != "" {
		rest--
	}
	return paint(strings.Repeat("█", full)+part, green, style) + paint(strings.Repeat("·", rest), dim, style)
}
