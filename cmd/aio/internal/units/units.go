// Package units writes quantities for people: at most four characters of number, then the unit. Sizes are decimal, as
// disks and networks count.
package units

import (
	"math"
	"strconv"
	"time"
)

var prefixes = [...]string{"", "k", "M", "G", "T", "P", "E"}

// Bytes formats a size: "0 B", "999 B", "1.2 kB", "34 MB".
func Bytes(n int64) string {
	number, prefix := scale(float64(n))
	return number + " " + prefix + "B"
}

// Count formats a number of things: "999", "1.2k", "34k".
func Count(n float64) string {
	number, prefix := scale(n)
	return number + prefix
}

// scale keeps one decimal below ten, except for plain numbers that are whole.
func scale(x float64) (number, prefix string) {
	if math.IsNaN(x) || x < 0 {
		x = 0
	}
	i := 0
	for x >= 999.5 && i < len(prefixes)-1 {
		x /= 1000
		i++
	}
	decimals := 0
	if x < 9.95 && (i > 0 || x != math.Trunc(x)) {
		decimals = 1
	}
	return strconv.FormatFloat(x, 'f', decimals, 64), prefixes[i]
}

// Duration formats a latency: "850 µs", "1.2 ms", "34 ms", "1.2 s", "2m05s", "3h07m".
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < 999500*time.Nanosecond:
		return strconv.FormatInt(d.Round(time.Microsecond).Microseconds(), 10) + " µs"
	case d < 999500*time.Microsecond:
		return short(d.Seconds()*1000) + " ms"
	case d < 59500*time.Millisecond:
		return short(d.Seconds()) + " s"
	}
	s := int64(d.Round(time.Second) / time.Second)
	if s < 3600 {
		return strconv.FormatInt(s/60, 10) + "m" + two(s%60) + "s"
	}
	return strconv.FormatInt(s/3600, 10) + "h" + two(s%3600/60) + "m"
}

// Clock formats a running time: "0:07", "12:34", "1:02:03".
func Clock(d time.Duration) string {
	s := int64(max(0, d).Round(time.Second) / time.Second)
	if s < 3600 {
		return strconv.FormatInt(s/60, 10) + ":" + two(s%60)
	}
	return strconv.FormatInt(s/3600, 10) + ":" + two(s%3600/60) + ":" + two(s%60)
}

func short(x float64) string {
	if x < 9.95 {
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return strconv.FormatFloat(x, 'f', 0, 64)
}

func two(n int64) string {
	if n < 10 {
		return "0" + strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n, 10)
}
