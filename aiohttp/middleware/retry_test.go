package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/aiohttp/middleware"
	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestOnlyPassingFailuresAreRetried(t *testing.T) {
	for _, c := range []struct {
		name string
		p    middleware.RetryPolicy
		f    middleware.Failure
		want bool
	}{
		{"408", middleware.RetryPolicy{}, middleware.Failure{Status: 408, Method: "GET"}, true},
		{"425", middleware.RetryPolicy{}, middleware.Failure{Status: 425, Method: "GET"}, true},
		{"429", middleware.RetryPolicy{}, middleware.Failure{Status: 429, Method: "GET"}, true},
		{"500", middleware.RetryPolicy{}, middleware.Failure{Status: 500, Method: "GET"}, true},
		{"502", middleware.RetryPolicy{}, middleware.Failure{Status: 502, Method: "HEAD"}, true},
		{"503", middleware.RetryPolicy{}, middleware.Failure{Status: 503, Method: "QUERY"}, true},
		{"504", middleware.RetryPolicy{}, middleware.Failure{Status: 504, Method: "DELETE"}, true},
		{"404", middleware.RetryPolicy{}, middleware.Failure{Status: 404, Method: "GET"}, false},
		{"403", middleware.RetryPolicy{}, middleware.Failure{Status: 403, Method: "GET"}, false},
		{"501", middleware.RetryPolicy{}, middleware.Failure{Status: 501, Method: "GET"}, false},
		{"200", middleware.RetryPolicy{}, middleware.Failure{Status: 200, Method: "GET"}, false},
		{"404 wanted", middleware.RetryPolicy{Statuses: []int{404}}, middleware.Failure{Status: 404, Method: "GET"}, true},
		{"500 not wanted", middleware.RetryPolicy{Statuses: []int{503}}, middleware.Failure{Status: 500, Method: "GET"}, false},
		{"POST 500", middleware.RetryPolicy{}, middleware.Failure{Status: 500, Method: "POST"}, false},
		{"POST 503", middleware.RetryPolicy{}, middleware.Failure{Status: 503, Method: "POST"}, true},
		{"POST 500 with a key", middleware.RetryPolicy{}, middleware.Failure{Status: 500, Method: "POST", Idempotent: true}, true},
		{"POST 500 wanted", middleware.RetryPolicy{Methods: []string{"POST"}}, middleware.Failure{Status: 500, Method: "POST"}, true},
		{"reset", middleware.RetryPolicy{}, middleware.Failure{Transient: true, Sent: true, Method: "GET"}, true},
		{"POST reset", middleware.RetryPolicy{}, middleware.Failure{Transient: true, Sent: true, Method: "POST"}, false},
		{"POST refused", middleware.RetryPolicy{}, middleware.Failure{Transient: true, Method: "POST"}, true},
		{"malformed answer", middleware.RetryPolicy{}, middleware.Failure{Sent: true, Method: "GET"}, false},
	} {
		if _, got := c.p.Next(c.f, 1, 0.5, now); got != c.want {
			t.Errorf("%s: got %v want %v", c.name, got, c.want)
		}
	}
}

func TestDelayGrowsUpToTheLongest(t *testing.T) {
	p := middleware.RetryPolicy{MaxAttempts: 101, BaseDelay: 100 * time.Millisecond, MaxDelay: time.Second}
	f := middleware.Failure{Status: 500, Method: "GET"}
	for i, want := range []time.Duration{50, 100, 200, 400, 500, 500, 500} {
		if got, _ := p.Next(f, i+1, 0.5, now); got != want*time.Millisecond {
			t.Errorf("after attempt %d: got %v want %v", i+1, got, want*time.Millisecond)
		}
	}
	if got, ok := p.Next(f, 100, 0.5, now); got != 500*time.Millisecond || !ok {
		t.Errorf("after attempt 100: got %v %v", got, ok)
	}
	if _, ok := p.Next(f, 101, 0.5, now); ok {
		t.Error("after attempt 101: got another one")
	}
	if got, _ := p.Next(f, 3, 0, now); got != 0 {
		t.Errorf("full jitter reaches down to 0: got %v", got)
	}
}

func TestRetryAfterIsObeyedWithinTheLimit(t *testing.T) {
	p := middleware.RetryPolicy{MaxAttempts: 5, MaxDelay: 10 * time.Second}
	for _, c := range []struct {
		value    string
		min, max time.Duration
		again    bool
	}{
		{"3", 3 * time.Second, 3750 * time.Millisecond, true},
		{" 3 ", 3 * time.Second, 3750 * time.Millisecond, true},
		{"0", 0, 0, true},
		{now.Add(4 * time.Second).Format(http.TimeFormat), 4 * time.Second, 5 * time.Second, true},
		{now.Add(-time.Hour).Format(http.TimeFormat), 0, 0, true},
		{"11", 0, 0, false},
		{"99999999999999999999999", 0, 0, false},
		{"9223372036854775807", 0, 0, false},
		{"soon", 0, 200 * time.Millisecond, true},
		{"-1", 0, 200 * time.Millisecond, true},
	} {
		got, again := p.Next(middleware.Failure{Status: 429, RetryAfter: c.value, Method: "GET"}, 1, 0.99, now)
		if again != c.again || got < c.min || got > c.max {
			t.Errorf("%q: got %v %v want %v…%v %v", c.value, got, again, c.min, c.max, c.again)
		}
	}
}

func TestBudgetBoundsRetriesByRequests(t *testing.T) {
	b := middleware.NewRetryBudget(20, 0)
	made := 0
	for range 1000 {
		b.Earn()
		for b.Spend() {
			made++
		}
	}
	if want := 10 + 200; made != want {
		t.Errorf("got %d retries for 1000 requests want %d", made, want)
	}
	saved := middleware.NewRetryBudget(50, 30)
	for range 1000 {
		saved.Earn()
	}
	if saved.Left() != 30 {
		t.Errorf("got %d saved up, want 30", saved.Left())
	}
	free := middleware.NewRetryBudget(0, 0)
	for range 1000 {
		if !free.Spend() || free.Left() != math.MaxInt {
			t.Fatal("no limit: refused")
		}
	}
}

func TestErrorsAreClassified(t *testing.T) {
	at := func(p aiohttp.Phase) aiohttp.Where { return aiohttp.Where{Method: "GET", URL: "http://h/", Phase: p} }
	refused := &aiohttp.ClientConnectorError{Where: at(aiohttp.PhaseDial), Host: "h", Port: "80", Err: syscall.ECONNREFUSED}
	connector := func(err error) aiohttp.ClientConnectorError {
		return aiohttp.ClientConnectorError{Where: at(aiohttp.PhaseTLS), Host: "h", Port: "443", Err: err}
	}
	for _, c := range []struct {
		name            string
		err             error
		transient, sent bool
	}{
		{"refused", refused, true, false},
		{"refused, wrapped", fmt.Errorf("x: %w", refused), true, false},
		{"unknown host", &aiohttp.ClientConnectorDNSError{ClientConnectorError: aiohttp.ClientConnectorError{Where: at(aiohttp.PhaseDNS), Err: &net.DNSError{IsNotFound: true}}}, false, false},
		{"resolver down", &aiohttp.ClientConnectorDNSError{ClientConnectorError: aiohttp.ClientConnectorError{Where: at(aiohttp.PhaseDNS), Err: &net.DNSError{IsTimeout: true}}}, true, false},
		{"certificate", &aiohttp.ClientConnectorCertificateError{ClientConnectorError: connector(io.EOF)}, false, false},
		{"handshake", &aiohttp.ClientConnectorSSLError{ClientConnectorError: connector(errors.New("alert"))}, false, false},
		{"handshake cut", &aiohttp.ClientConnectorSSLError{ClientConnectorError: connector(io.EOF)}, true, false},
		{"fingerprint", &aiohttp.ServerFingerprintMismatch{Where: at(aiohttp.PhaseTLS)}, false, false},
		{"pool timeout", &aiohttp.ConnectionTimeoutError{Where: at(aiohttp.PhasePool)}, true, false},
		{"header timeout", &aiohttp.SocketTimeoutError{Where: at(aiohttp.PhaseHeader)}, true, true},
		{"total timeout", &aiohttp.TotalTimeoutError{Where: at(aiohttp.PhaseHeader)}, false, true},
		{"disconnected", &aiohttp.ServerDisconnectedError{Where: at(aiohttp.PhaseHeader), Err: io.EOF}, true, true},
		{"reset", &aiohttp.ClientConnectionResetError{Where: at(aiohttp.PhaseWrite), Err: syscall.ECONNRESET}, true, true},
		{"no HTTP", &aiohttp.ClientResponseError{Where: at(aiohttp.PhaseHeader), Status: 400}, false, true},
		{"closed", &aiohttp.ClientConnectionError{Where: at(aiohttp.PhaseRequest), Err: aiohttp.ErrSessionClosed}, false, false},
		{"cancelled", context.Canceled, false, true},
		{"own", errors.New("own"), false, true},
	} {
		if transient, sent := middleware.ClassifyError(c.err); transient != c.transient || sent != c.sent {
			t.Errorf("%s: got transient %v, sent %v; want %v, %v", c.name, transient, sent, c.transient, c.sent)
		}
	}
}

func unavailable(pairs ...string) reply {
	return reply{status: 503, headers: header(pairs...), body: "busy"}
}

func TestRetryHappensWithinItsLimits(t *testing.T) {
	reset := reply{err: &aiohttp.ServerDisconnectedError{Where: aiohttp.Where{Phase: aiohttp.PhaseHeader}, Err: io.EOF}}
	once := func(yield func([]byte, error) bool) { yield([]byte("once"), nil) }
	for _, c := range []struct {
		name     string
		policy   middleware.RetryPolicy
		origin   *origin
		method   string
		opts     []aiohttp.RequestOption
		attempts int
		status   int
	}{
		{"it helps", middleware.RetryPolicy{}, replies(unavailable(), reset, reply{status: 200}), "GET", nil, 3, 200},
		{"it does not help", middleware.RetryPolicy{MaxAttempts: 5}, replies(unavailable()), "GET", nil, 5, 503},
		{"the error stands", middleware.RetryPolicy{}, replies(reset), "GET", nil, 3, 0},
		{"never", middleware.RetryPolicy{MaxAttempts: 1}, replies(unavailable()), "GET", nil, 1, 503},
		{"not for POST", middleware.RetryPolicy{}, replies(reset), "POST", nil, 1, 0},
		{"POST with a key", middleware.RetryPolicy{}, replies(reset, reply{status: 201}), "POST", []aiohttp.RequestOption{withHeader("Idempotency-Key", "k")}, 2, 201},
		{"asked to wait too long", middleware.RetryPolicy{}, replies(unavailable("Retry-After", "31")), "GET", nil, 1, 503},
		{"too late", middleware.RetryPolicy{MaxElapsed: 5 * time.Second}, replies(unavailable("Retry-After", "3")), "GET", nil, 2, 503},
		{"no time left", middleware.RetryPolicy{}, replies(unavailable("Retry-After", "3")), "GET", []aiohttp.RequestOption{aiohttp.WithTimeout(aiohttp.ClientTimeout{Total: 2 * time.Second})}, 1, 503},
		{"body rewound", middleware.RetryPolicy{}, replies(unavailable(), reply{status: 200}), "PUT", []aiohttp.RequestOption{aiohttp.WithData(strings.NewReader("x"))}, 2, 200},
		{"stream not yet begun", middleware.RetryPolicy{}, replies(unavailable(), reply{status: 200}), "PUT", []aiohttp.RequestOption{aiohttp.WithData(once)}, 2, 200},
		{"budget used up", middleware.RetryPolicy{MaxAttempts: 100, Budget: middleware.NewRetryBudget(1, 3)}, replies(unavailable()), "GET", nil, 4, 503},
	} {
		run(t, c.origin, []aiohttp.ClientMiddleware{middleware.Retry(c.policy)}, func(ctx context.Context, s *aiohttp.ClientSession) error {
			resp, _, err := fetch(ctx, s, c.method, "http://h/", c.opts...)
			if got := len(c.origin.seen); got != c.attempts {
				t.Errorf("%s: got %d attempts, want %d", c.name, got, c.attempts)
			}
			if (err != nil) != (c.status == 0) || resp != nil && resp.Status != c.status {
				t.Errorf("%s: got %v, %v; want status %d", c.name, resp, err, c.status)
			}
			return nil
		})
	}
}

// The body of an answer that is thrown away is read, so that its connection can be used again.
func TestRetryFreesTheConnections(t *testing.T) {
	o := replies(unavailable(), unavailable(), reply{status: 200, body: "ok"})
	run(t, o, []aiohttp.ClientMiddleware{middleware.Retry(middleware.RetryPolicy{})}, func(ctx context.Context, s *aiohttp.ClientSession) error {
		if _, body := get(ctx, t, s, "http://h/"); body != "ok" || o.closed != 3 {
			t.Errorf("got %q and %d bodies closed, want ok and 3", body, o.closed)
		}
		return nil
	})
}

func TestAttemptsAreVisibleAndStartAfresh(t *testing.T) {
	o := replies(unavailable(), reply{err: &aiohttp.ServerDisconnectedError{}}, reply{status: 200})
	var events, attempts []string
	policy := middleware.RetryPolicy{OnRetry: func(_ context.Context, e middleware.RetryEvent) {
		events = append(events, fmt.Sprint(e.Attempt, " ", e.Status, " ", e.Err != nil, " ", e.Delay > 0, " ", e.Request.URL.Path))
	}}
	inside := func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		req.Headers.Add("X-Attempt", fmt.Sprint(middleware.Attempt(ctx)))
		attempts = append(attempts, req.URL.Path+" "+strings.Join(req.Headers["X-Attempt"], ","))
		if err := req.SetURL("http://h/elsewhere"); err != nil {
			return nil, err
		}
		return next(ctx, req)
	}
	run(t, o, []aiohttp.ClientMiddleware{middleware.Retry(policy), inside}, func(ctx context.Context, s *aiohttp.ClientSession) error {
		get(ctx, t, s, "http://h/a")
		return nil
	})
	if want := []string{"1 503 false true /elsewhere", "2 0 true true /elsewhere"}; !slices.Equal(events, want) {
		t.Errorf("got events %q, want %q", events, want)
	}
	if want := []string{"/a 1", "/a 2", "/a 3"}; !slices.Equal(attempts, want) {
		t.Errorf("got attempts %q, want %q", attempts, want)
	}
}

// An attempt that a middleware sent to another origin costs the next one no credentials.
func TestAttemptsHaveTheirCredentialsBack(t *testing.T) {
	o := replies(unavailable(), reply{status: 200})
	var sent []string
	inside := func(ctx context.Context, req *aiohttp.ClientRequest, next aiohttp.ClientHandler) (*aiohttp.ClientResponse, error) {
		if middleware.Attempt(ctx) == 1 {
			if err := req.SetURL("http://other/"); err != nil {
				return nil, err
			}
		}
		sent = append(sent, req.URL.Host+" "+req.Headers.Get("Authorization"))
		return next(ctx, req)
	}
	run(t, o, []aiohttp.ClientMiddleware{middleware.Retry(middleware.RetryPolicy{}), inside}, func(ctx context.Context, s *aiohttp.ClientSession) error {
		_, _, err := fetch(ctx, s, "GET", "http://h/", aiohttp.WithHeaders(http.Header{"Authorization": {"Basic YTpi"}}))
		return err
	})
	if want := []string{"other ", "h Basic YTpi"}; !slices.Equal(sent, want) {
		t.Errorf("got %q, want %q", sent, want)
	}
}

func TestCancelledWaitForARetryEndsTheRequest(t *testing.T) {
	o := replies(unavailable("Retry-After", "20"))
	run(t, o, []aiohttp.ClientMiddleware{middleware.Retry(middleware.RetryPolicy{})}, func(ctx context.Context, s *aiohttp.ClientSession) error {
		limited, cancel := asyncio.WithTimeout(ctx, time.Second)
		defer cancel()
		if _, _, err := fetch(limited, s, "GET", "http://h/"); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, aiohttp.ErrTotalTimeout) {
			t.Errorf("got %v", err)
		}
		if got := asyncio.RunningLoop(ctx).Time(); got > 2*time.Second || len(o.seen) != 1 {
			t.Errorf("got %d attempts by %v", len(o.seen), got)
		}
		return nil
	})
}

// With the same seed the delays are the same, with another one they are others.
func TestDelaysCanBeReplayed(t *testing.T) {
	delays := func(seed uint64) (out []time.Duration) {
		policy := middleware.RetryPolicy{MaxAttempts: 6, OnRetry: func(_ context.Context, e middleware.RetryEvent) { out = append(out, e.Delay) }}
		run(t, replies(unavailable()), []aiohttp.ClientMiddleware{middleware.Retry(policy)}, func(ctx context.Context, s *aiohttp.ClientSession) error {
			get(ctx, t, s, "http://h/")
			return nil
		}, aiotest.WithSeed(seed))
		return out
	}
	a, b, other := delays(1), delays(1), delays(2)
	if !slices.Equal(a, b) || slices.Equal(a, other) || len(a) != 5 {
		t.Errorf("got %v, %v and %v", a, b, other)
	}
}

// §3B, CVE-2026-54278: an answer that nobody wants is not decoded, however small it is on the wire.
func TestAnswersThatAreThrownAwayAreNotDecoded(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		bomb := zipped(strings.Repeat("x", 8<<20))
		o := replies(reply{status: 503, headers: header("Content-Encoding", "gzip"), body: string(bomb)}, reply{status: 200, body: "ok"})
		o.t = t
		decoded := 0
		trace := &aiohttp.TraceConfig{ResponseChunkReceived: func(_ context.Context, _ *aiohttp.TraceInfo, p []byte) { decoded += len(p) }}
		s := aiohttp.NewClientSession(aiohttp.WithMiddlewares(middleware.Retry(middleware.RetryPolicy{}), o.serve), aiohttp.WithTrace(trace))
		defer s.Close()
		_, body := get(ctx, t, s, "http://h/")
		if body != "ok" || decoded != len("ok") || o.closed != 2 {
			t.Errorf("got %q, %d bytes decoded, %d bodies closed; want those of the last answer alone", body, decoded, o.closed)
		}
		return nil
	})
}

// However long a server asks for, and however long one is ready to wait, there is no attempt before that time.
func TestRetryAfterBeyondTheClockIsNoInvitation(t *testing.T) {
	p := middleware.RetryPolicy{MaxDelay: math.MaxInt64}
	for _, value := range []string{"9223372036", "9223372037", "99999999999999999999"} {
		if delay, again := p.Next(middleware.Failure{Status: 503, RetryAfter: value, Method: "GET"}, 1, 0.9, now); again {
			t.Errorf("Retry-After: %s: got another attempt after %v", value, delay)
		}
	}
}
