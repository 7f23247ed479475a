package cli

import (
	"testing"
	"time"
)

func TestDurationsTakeSecondsAndGoForm(t *testing.T) {
	tests := []struct {
		in   string
		want time.Duration
		ok   bool
	}{
		{"30", 30 * time.Second, true},
		{"0.5", 500 * time.Millisecond, true},
		{"1m30s", 90 * time.Second, true},
		{"0", 0, true},
		{"-1", 0, false},
		{"-1s", 0, false},
		{"NaN", 0, false},
		{"Inf", 0, false},
		{"1e300", 0, false},
		{"", 0, false},
		{"soon", 0, false},
	}
	for _, tt := range tests {
		var d duration
		err := d.Set(tt.in)
		if (err == nil) != tt.ok || time.Duration(d) != tt.want {
			t.Errorf("%q: got %v %v want %v %v", tt.in, time.Duration(d), err, tt.want, tt.ok)
		}
	}
}

func TestDurationShowsShortForm(t *testing.T) {
	for d, want := range map[duration]string{0: "0", duration(5 * time.Minute): "5m", duration(90 * time.Second): "1m30s", duration(time.Second): "1s"} {
		if got := d.String(); got != want {
			t.Errorf("got %q want %q", got, want)
		}
	}
}

func TestSizesTakeUnits(t *testing.T) {
	tests := []struct {
		in   string
		want size
		ok   bool
	}{
		{"1000", 1000, true},
		{"10k", 10_000, true},
		{"1.5MB", 1_500_000, true},
		{"4MiB", 4 << 20, true},
		{"2 GB", 2_000_000_000, true},
		{"-1", 0, false},
		{"1x", 0, false},
		{"", 0, false},
		{"9e18k", 0, false},
	}
	for _, tt := range tests {
		var n size
		err := n.Set(tt.in)
		if (err == nil) != tt.ok || n != tt.want {
			t.Errorf("%q: got %d %v want %d %v", tt.in, n, err, tt.want, tt.ok)
		}
	}
}

func TestHeadersAreChecked(t *testing.T) {
	h, err := parseHeaders([]string{"a: 1", "A:2", "X-Empty:", "B: x: y"})
	if err != nil || len(h["A"]) != 2 || h.Get("B") != "x: y" || h.Get("X-Empty") != "" {
		t.Errorf("got %v %v", h, err)
	}
	for _, bad := range []string{"nothing", ": x", "a b: x", "a: x\r\nEvil: y", "a: \x00"} {
		if _, err := parseHeaders([]string{bad}); err == nil {
			t.Errorf("%q: got no error", bad)
		}
	}
}
