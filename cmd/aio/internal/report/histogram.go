package report

// A histogram of fixed size for latencies of any number of requests: buckets grow in width with the value, as in
// HdrHistogram, so that every percentile is within 1.6 % of the truth from a microsecond to a day.

import (
	"math/bits"
	"time"
)

// subBits is the number of bits of a value that are kept below its leading one.
const subBits = 6

// octaves covers 2^37 µs, more than a day.
const octaves = 37 - subBits

// Histogram counts durations. The zero value is empty.
type Histogram struct {
	counts [(octaves + 2) << subBits]uint64
	n      uint64
	sum    time.Duration
	max    time.Duration
}

// Add counts d; negative durations count as 0.
func (h *Histogram) Add(d time.Duration) {
	d = max(0, d)
	h.counts[bucket(uint64(d/time.Microsecond))]++
	h.n++
	h.sum += d
	h.max = max(h.max, d)
}

// Count returns how many durations were added.
func (h *Histogram) Count() uint64 { return h.n }

// Mean returns the average, 0 if there is none.
func (h *Histogram) Mean() time.Duration {
	if h.n == 0 {
		return 0
	}
	return h.sum / time.Duration(h.n)
}

// Max returns the exact maximum.
func (h *Histogram) Max() time.Duration { return h.max }

// Percentile returns a value that p percent of the durations do not exceed.
func (h *Histogram) Percentile(p float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	rank := min(max(uint64(p/100*float64(h.n)+0.5), 1), h.n)
	for i, c := range h.counts {
		if c >= rank {
			return min(upper(i), h.max)
		}
		rank -= c
	}
	return h.max
}

// bucket maps microseconds to an index: exact below 2^subBits, then 2^subBits buckets to each power of two.
func bucket(us uint64) int {
	if us < 1<<subBits {
		return int(us)
	}
	shift := bits.Len64(us) - 1 - subBits
	if shift > octaves {
		return len(Histogram{}.counts) - 1
	}
	return (shift+1)<<subBits + int(us>>shift) - 1<<subBits
}

// upper is the largest duration that falls into bucket i.
func upper(i int) time.Duration {
	if i < 1<<subBits {
		return time.Duration(i+1)*time.Microsecond - 1
	}
	shift := i>>subBits - 1
	top := uint64(i&(1<<subBits-1)+1<<subBits+1)<<shift - 1
	return time.Duration(top+1)*time.Microsecond - 1
}
