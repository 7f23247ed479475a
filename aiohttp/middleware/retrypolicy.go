package middleware

// Whether a failed attempt is worth another one, and when.
//
// The delay is exponential with full jitter: a uniform draw between nothing and the
// present ceiling, which spreads the clients that a failing server has turned away better
// than any smaller variation. A server that names a time with Retry-After is taken at its
// word and never asked before it. Nothing in this file knows a clock: times and random
// numbers come in as values.

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aio-go/aio/aiohttp"
)

// Defaults of a RetryPolicy.
const (
	DefaultMaxAttempts = 3
	DefaultBaseDelay   = 200 * time.Millisecond
	DefaultMaxDelay    = 30 * time.Second
)

// defaultStatuses are worth another attempt: the server was late, busy, or not there.
var defaultStatuses = []int{
	http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusInternalServerError,
	http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
}

// RetryPolicy says what is retried, how often and how fast. Its zero value is a good one.
type RetryPolicy struct {
	// MaxAttempts is how many attempts a request has, the first one included; 1 never
	// retries. Zero means DefaultMaxAttempts.
	MaxAttempts int
	// BaseDelay is the ceiling of the first delay; each further one doubles it. Zero
	// means DefaultBaseDelay.
	BaseDelay time.Duration
	// MaxDelay is the longest delay. A Retry-After beyond it means that the server cannot
	// be waited for: there is no retry. Zero means DefaultMaxDelay.
	MaxDelay time.Duration
	// MaxElapsed bounds the time from the beginning of the first attempt to that of the
	// last one. Zero means no limit but that of the request, ClientTimeout.Total.
	MaxElapsed time.Duration
	// Statuses replaces the status codes that are worth another attempt. Nil means 408,
	// 425, 429, 500, 502, 503 and 504.
	Statuses []int
	// Methods are retried like idempotent ones, which are GET, HEAD, OPTIONS, TRACE, PUT,
	// DELETE and QUERY. Other methods are retried if the request has a header
	// Idempotency-Key, and where the server has certainly done nothing: it could not be
	// reached, or answered 429 or 503.
	Methods []string
	// Budget bounds the retries of all requests together; several policies may share it.
	// Nil means a budget of its own for each Retry: NewRetryBudget(20, 100).
	Budget *RetryBudget
	// OnRetry, if not nil, is told of every retry before its delay. It must not suspend.
	OnRetry func(ctx context.Context, e RetryEvent)
}

// RetryEvent describes a retry that is about to happen.
type RetryEvent struct {
	Request *aiohttp.ClientRequest
	Attempt int           // the one that failed, counted from 1
	Status  int           // of the answer that was not good enough, 0 if there was none
	Err     error         // why there was none, otherwise nil
	Delay   time.Duration // until the next attempt
}

// Failure is what is known about a failed attempt.
type Failure struct {
	Method     string
	Idempotent bool   // the caller vouches for it, whatever Method is
	Status     int    // 0: there was no complete answer
	RetryAfter string // the header, if any
	Transient  bool   // without a status: it may pass, as a reset or a timeout may
	Sent       bool   // without a status: the server may have acted on the request
}

// Next returns the delay before attempt number done+1, where done counts the attempts so
// far, and whether there is to be one. random is a uniform draw from [0, 1); now serves
// dates in Retry-After. It looks at neither MaxElapsed nor Budget: those are for whoever
// keeps the time.
func (p *RetryPolicy) Next(f Failure, done int, random float64, now time.Time) (time.Duration, bool) {
	if done >= p.attempts() || !p.worth(f) {
		return 0, false
	}
	longest := p.longest()
	ceiling := p.BaseDelay
	if ceiling <= 0 {
		ceiling = DefaultBaseDelay
	}
	for range done - 1 {
		if ceiling *= 2; ceiling >= longest {
			break
		}
	}
	delay := time.Duration(random * float64(min(ceiling, longest)))
	if asked, ok := ParseRetryAfter(f.RetryAfter, now); ok && f.Status != 0 {
		if asked > min(longest, longestWait) {
			return 0, false
		}
		// A little jitter on top, so that all who were told the same second do not come
		// back in it together.
		delay = asked + min(delay, asked/4)
	}
	return delay, true
}

func (p *RetryPolicy) attempts() int {
	if p.MaxAttempts == 0 {
		return DefaultMaxAttempts
	}
	return p.MaxAttempts
}

func (p *RetryPolicy) longest() time.Duration {
	if p.MaxDelay <= 0 {
		return DefaultMaxDelay
	}
	return p.MaxDelay
}

// worth reports whether the failure may be gone next time, and whether asking twice does
// no harm.
func (p *RetryPolicy) worth(f Failure) bool {
	harmless := f.Idempotent || idempotent(f.Method) || slices.Contains(p.Methods, f.Method)
	if f.Status == 0 {
		return f.Transient && (!f.Sent || harmless)
	}
	statuses := p.Statuses
	if statuses == nil {
		statuses = defaultStatuses
	}
	if !slices.Contains(statuses, f.Status) {
		return false
	}
	refused := f.Status == http.StatusTooManyRequests || f.Status == http.StatusServiceUnavailable
	return harmless || refused
}

// idempotent lists the methods of RFC 9110 section 9.2.2.
func idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete, "QUERY":
		return true
	}
	return false
}

// ClassifyError says of an error of a request whether it may be gone next time, and
// whether the server may have acted on the request.
func ClassifyError(err error) (transient, sent bool) {
	var (
		located interface{ Located() aiohttp.Where }
		dns     *net.DNSError
		reply   *aiohttp.ClientResponseError
	)
	sent = true
	if errors.As(err, &located) {
		switch located.Located().Phase {
		case aiohttp.PhaseRequest, aiohttp.PhasePool, aiohttp.PhaseDNS, aiohttp.PhaseDial, aiohttp.PhaseTLS:
			sent = false
		}
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, aiohttp.ErrTotalTimeout), errors.Is(err, aiohttp.ErrSessionClosed):
	case errors.As(err, &reply), errors.As(err, new(*aiohttp.ServerFingerprintMismatch)),
		errors.As(err, new(*aiohttp.ClientConnectorCertificateError)):
		// What is no HTTP, or no acceptable certificate, will not be one next time.
	case errors.Is(err, aiohttp.ErrClientSSL): // a handshake may be cut short like any connection
		return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET), sent
	case errors.As(err, &dns) && dns.IsNotFound:
	default:
		return errors.Is(err, aiohttp.ErrClientConnection), sent
	}
	return false, sent
}

// longestWait bounds what a server may ask for where MaxDelay does not: a century, and the arithmetic of times still holds.
const longestWait = 100 * 365 * 24 * time.Hour

// ParseRetryAfter reads a Retry-After value (RFC 9110 section 10.2.3), seconds or a date,
// and reports whether it is one. A date in the past is a delay of 0.
func ParseRetryAfter(value string, now time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0, false
	}
	if strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > int64(math.MaxInt64/time.Second) {
			return math.MaxInt64, true // more than anybody waits
		}
		return time.Duration(seconds) * time.Second, true
	}
	when, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return max(0, when.Sub(now)), true
}

// RetryBudget keeps retries from multiplying the load on a server that is down
// altogether: as in Finagle and gRPC it is a token bucket to which every first attempt
// adds a share of a token, and from which every retry takes one. The zero value has no
// limit. A budget is used on one loop.
type RetryBudget struct {
	percent int
	most    int // hundredths of a retry
	tokens  int
}

// reserve is how many retries a new budget allows before anything was earned.
const reserve = 10

// NewRetryBudget allows percent retries for each hundred requests, ten more to begin
// with, and saves up at most most of them in good times; most of 0 or less saves without
// limit. percent of 0 or less means that retries are not limited at all.
func NewRetryBudget(percent, most int) *RetryBudget {
	b := &RetryBudget{percent: max(percent, 0), most: math.MaxInt, tokens: reserve * 100}
	if most > 0 && most <= math.MaxInt/100 {
		b.most = most * 100
		b.tokens = min(b.tokens, b.most)
	}
	return b
}

// Earn records a first attempt.
func (b *RetryBudget) Earn() { b.tokens = min(b.tokens+b.percent, b.most) }

// Spend takes one retry out of the budget and reports whether there was one.
func (b *RetryBudget) Spend() bool {
	if b.percent == 0 {
		return true
	}
	if b.tokens < 100 {
		return false
	}
	b.tokens -= 100
	return true
}

// Left returns how many retries the budget allows now, math.MaxInt if it has no limit.
func (b *RetryBudget) Left() int {
	if b.percent == 0 {
		return math.MaxInt
	}
	return b.tokens / 100
}
