// Package progress shows how a run goes: one line that is redrawn on a terminal, and now and then a plain line
// elsewhere. It neither reads a clock nor starts anything; its owner calls [Display.Update] from a timer of the loop.
package progress

import (
	"io"
	"os"
	"strings"
	"time"

	"github.com/aio-go/aio/cmd/aio/internal/units"
	"golang.org/x/term"
)

// How often the owner should call Update.
const (
	LiveInterval  = 100 * time.Millisecond
	PlainInterval = 5 * time.Second
)

// State is a snapshot of the run.
type State struct {
	Done     int64 // finished, failed ones included
	Failed   int64
	Total    int64 // 0 when unknown
	Exact    bool  // Total is not an estimate
	InFlight int
	Waiting  int // for their next attempt
	Bytes    int64
	Elapsed  time.Duration
	Stopping bool // the run was interrupted and is cleaning up
}

// Display writes to one stream, usually standard error. It is used from one event loop.
type Display struct {
	out    io.Writer
	live   bool
	width  func() int
	style  Style
	meter  meter
	drawn  bool
	opaque string // the last line drawn, so that an unchanged one is not sent again
}

// Style says what the terminal can show.
type Style struct {
	Color   bool
	Unicode bool
}

// New returns a display for f. It is live if f is a terminal that understands cursor control. Colours are left out when
// NO_COLOR is set and not empty (no-color.org).
func New(f *os.File, getenv func(string) string) *Display {
	fd := int(f.Fd())
	d := &Display{out: f, width: func() int {
		w, _, err := term.GetSize(fd)
		if err != nil || w <= 0 {
			return 80
		}
		return w
	}}
	d.live = term.IsTerminal(fd) && getenv("TERM") != "dumb" && getenv("TERM") != ""
	d.style = Style{Color: getenv("NO_COLOR") == "", Unicode: utf8Locale(getenv)}
	return d
}

// NewLive returns a display that draws on any writer as on a terminal of the given width.
func NewLive(w io.Writer, width func() int, style Style) *Display {
	return &Display{out: w, live: true, width: width, style: style}
}

// NewPlain returns a display that writes plain lines.
func NewPlain(w io.Writer) *Display { return &Display{out: w} }

// utf8Locale follows POSIX: the first of the three that is set decides.
func utf8Locale(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(getenv(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// Interval returns the time between updates.
func (d *Display) Interval() time.Duration {
	if d.live {
		return LiveInterval
	}
	return PlainInterval
}

// Update shows s. On a terminal it redraws the line with one write, elsewhere it adds a line.
func (d *Display) Update(s State) {
	d.meter.sample(s)
	if !d.live {
		io.WriteString(d.out, "aio: "+plain(s, &d.meter)+"\n")
		return
	}
	line := render(s, &d.meter, d.width(), d.style)
	if d.drawn && line == d.opaque {
		return
	}
	d.drawn, d.opaque = true, line
	io.WriteString(d.out, "\r"+line+"\x1b[K")
}

// Println writes a line of text above the progress line. Control characters in it are made visible, since it may quote
// what a server sent.
func (d *Display) Println(text string) {
	text = Visible(text) + "\n"
	if d.drawn {
		text = "\r\x1b[K" + text + d.opaque + "\x1b[K"
	}
	io.WriteString(d.out, text)
}

// Finish erases the progress line; what is written next starts at the left margin.
func (d *Display) Finish() {
	if d.drawn {
		io.WriteString(d.out, "\r\x1b[K")
		d.drawn = false
	}
}

// Visible replaces control characters, so that a URL or an error text cannot move the cursor or forge lines.
func Visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '\uFFFD'
		}
		return r
	}, s)
}

// meter measures the present rates over the last few seconds.
type meter struct {
	ring [64]point
	n    int
}

type point struct {
	at    time.Duration
	done  int64
	bytes int64
}

// window is the time the rates are averaged over.
const window = 5 * time.Second

func (m *meter) sample(s State) {
	m.ring[m.n%len(m.ring)] = point{s.Elapsed, s.Done, s.Bytes}
	m.n++
}

// rates returns URLs and bytes per second since the oldest sample in the window, or since the start.
func (m *meter) rates() (done, bytes float64) {
	last := m.ring[(m.n-1)%len(m.ring)]
	var first point
	for i := max(0, m.n-len(m.ring)); i < m.n; i++ {
		p := m.ring[i%len(m.ring)]
		if last.at-p.at <= window {
			if m.n <= len(m.ring) && i == 0 {
				break // still near the start: measure from zero
			}
			first = p
			break
		}
	}
	d := (last.at - first.at).Seconds()
	if d <= 0 {
		if last.at <= 0 {
			return 0, 0
		}
		d, first = last.at.Seconds(), point{}
	}
	return float64(last.done-first.done) / d, float64(last.bytes-first.bytes) / d
}

// eta returns the time left at the present rate; ok is false while there is nothing to go by.
func eta(s State, rate float64) (time.Duration, bool) {
	if s.Total <= 0 || rate <= 0 || s.Done >= s.Total {
		return 0, false
	}
	seconds := float64(s.Total-s.Done) / rate
	if seconds > 99*3600 {
		return 0, false
	}
	return max(time.Duration(seconds*float64(time.Second)), time.Second), true
}

// bytesRate formats a throughput.
func bytesRate(x float64) string { return units.Bytes(int64(x)) + "/s" }
