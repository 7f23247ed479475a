package units_test

import (
	"testing"
	"time"

	"github.com/aio-go/aio/cmd/aio/internal/units"
)

func TestQuantitiesStayShort(t *testing.T) {
	tests := []struct{ got, want string }{
		{units.Bytes(0), "0 B"},
		{units.Bytes(999), "999 B"},
		{units.Bytes(1000), "1.0 kB"},
		{units.Bytes(1024), "1.0 kB"},
		{units.Bytes(999_499), "999 kB"},
		{units.Bytes(999_500), "1.0 MB"},
		{units.Bytes(34_000_000), "34 MB"},
		{units.Bytes(1<<63 - 1), "9.2 EB"},
		{units.Bytes(-5), "0 B"},
		{units.Count(7), "7"},
		{units.Count(7.25), "7.2"},
		{units.Count(12_345), "12k"},
		{units.Duration(0), "0 µs"},
		{units.Duration(850 * time.Microsecond), "850 µs"},
		{units.Duration(1234 * time.Microsecond), "1.2 ms"},
		{units.Duration(999 * time.Millisecond), "999 ms"},
		{units.Duration(999600 * time.Microsecond), "1.0 s"},
		{units.Duration(34 * time.Second), "34 s"},
		{units.Duration(125 * time.Second), "2m05s"},
		{units.Duration(3*time.Hour + 7*time.Minute), "3h07m"},
		{units.Clock(7 * time.Second), "0:07"},
		{units.Clock(754 * time.Second), "12:34"},
		{units.Clock(3723 * time.Second), "1:02:03"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got %q want %q", tt.got, tt.want)
		}
	}
}
