// Package retry decides whether a failed attempt is worth another one, and when.
//
// The delay is exponential with full jitter: a uniform draw between nothing and the current ceiling, which spreads the
// clients that a failing server turned away better than any smaller variation. A server that names a time with
// Retry-After is taken at its word, up to a limit, and never asked before it. Nothing here knows a clock: times and
// random numbers come in as values.
package retry

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Default delays.
const (
	DefaultBase    = 200 * time.Millisecond
	DefaultMaxWait = 30 * time.Second
)

// Policy is what the user chose. The zero value never retries.
type Policy struct {
	Attempts int           // retries after the first attempt
	Base     time.Duration // ceiling of the first delay; 0 means DefaultBase
	MaxWait  time.Duration // longest delay, also for Retry-After; 0 means DefaultMaxWait
}

// Failure is what is known about a failed attempt.
type Failure struct {
	Status     int    // 0 when there was no complete answer
	RetryAfter string // the header, if any
	Transient  bool   // without a status: a failure that may pass, such as a reset or a timeout
	Sent       bool   // without a status: the server may have acted on the request
	Method     string
}

// Next returns the delay before attempt number done+1, where done counts the attempts made so far, and whether there is
// to be one. random is a uniform draw from [0, 1), now serves Retry-After dates. A Retry-After beyond MaxWait means
// that the server cannot be waited for: no retry.
func (p Policy) Next(f Failure, done int, random float64, now time.Time) (time.Duration, bool) {
	if done > p.Attempts || !p.worth(f) {
		return 0, false
	}
	longest := p.MaxWait
	if longest <= 0 {
		longest = DefaultMaxWait
	}
	ceiling := p.Base
	if ceiling <= 0 {
		ceiling = DefaultBase
	}
	for range done - 1 {
		if ceiling *= 2; ceiling >= longest {
			break
		}
	}
	delay := time.Duration(random * float64(min(ceiling, longest)))
	if asked, ok := ParseAfter(f.RetryAfter, now); ok && f.Status != 0 {
		if asked > longest {
			return 0, false
		}
		// A little jitter on top, so that all who were told the same second do not come back in it together.
		delay = asked + min(delay, asked/4)
	}
	return delay, true
}

// worth reports whether the failure may be gone next time, and whether asking twice does no harm.
func (p Policy) worth(f Failure) bool {
	if f.Status == 0 {
		return f.Transient && (!f.Sent || idempotent(f.Method))
	}
	switch f.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return true // the request was refused, not carried out
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusGatewayTimeout:
		return idempotent(f.Method)
	}
	return false
}

// idempotent lists the methods of RFC 9110 §9.2.2.
func idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete, "QUERY":
		return true
	}
	return false
}

// ParseAfter reads a Retry-After value (RFC 9110 §10.2.3): seconds, or a date. A date in the past is a delay of 0.
func ParseAfter(value string, now time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0, false
	}
	if strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > int64(1<<62/time.Second) {
			return 1 << 62, true // more digits than a century has seconds
		}
		return time.Duration(seconds) * time.Second, true
	}
	when, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return max(0, when.Sub(now)), true
}

// Budget keeps retries from multiplying the load on servers that are down altogether: each first attempt earns a share
// of a retry, each retry spends one. The zero value has no limit.
type Budget struct {
	percent int
	tokens  int // hundredths of a retry
}

// NewBudget allows percent retries per hundred requests, and ten more to begin with; 0 or less means no limit.
func NewBudget(percent int) Budget { return Budget{percent: max(percent, 0), tokens: 10 * 100} }

// Earn records a first attempt.
func (b *Budget) Earn() { b.tokens += b.percent }

// Spend takes one retry out of the budget and reports whether there was one.
func (b *Budget) Spend() bool {
	if b.percent == 0 {
		return true
	}
	if b.tokens < 100 {
		return false
	}
	b.tokens -= 100
	return true
}
