package retry_test

import (
	"testing"
	"time"

	"github.com/aio-go/aio/cmd/aio/internal/retry"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestOnlyPassingFailuresAreRetried(t *testing.T) {
	p := retry.Policy{Attempts: 3}
	tests := []struct {
		name string
		f    retry.Failure
		want bool
	}{
		{"408", retry.Failure{Status: 408, Method: "GET"}, true},
		{"425", retry.Failure{Status: 425, Method: "GET"}, true},
		{"429", retry.Failure{Status: 429, Method: "GET"}, true},
		{"500", retry.Failure{Status: 500, Method: "GET"}, true},
		{"502", retry.Failure{Status: 502, Method: "HEAD"}, true},
		{"503", retry.Failure{Status: 503, Method: "GET"}, true},
		{"504", retry.Failure{Status: 504, Method: "GET"}, true},
		{"404", retry.Failure{Status: 404, Method: "GET"}, false},
		{"403", retry.Failure{Status: 403, Method: "GET"}, false},
		{"501", retry.Failure{Status: 501, Method: "GET"}, false},
		{"POST 500", retry.Failure{Status: 500, Method: "POST"}, false},
		{"POST 503", retry.Failure{Status: 503, Method: "POST"}, true},
		{"reset", retry.Failure{Transient: true, Sent: true, Method: "GET"}, true},
		{"POST reset", retry.Failure{Transient: true, Sent: true, Method: "POST"}, false},
		{"POST refused", retry.Failure{Transient: true, Method: "POST"}, true},
		{"malformed answer", retry.Failure{Sent: true, Method: "GET"}, false},
	}
	for _, tt := range tests {
		if _, got := p.Next(tt.f, 1, 0.5, now); got != tt.want {
			t.Errorf("%s: got %v want %v", tt.name, got, tt.want)
		}
	}
}

func TestAttemptsAreCounted(t *testing.T) {
	f := retry.Failure{Status: 503, Method: "GET"}
	for attempts := range 3 {
		p, made := retry.Policy{Attempts: attempts}, 1
		for {
			if _, again := p.Next(f, made, 0, now); !again {
				break
			}
			made++
		}
		if made != attempts+1 {
			t.Errorf("%d retries: got %d attempts", attempts, made)
		}
	}
}

func TestDelayGrowsUpToTheLongest(t *testing.T) {
	p := retry.Policy{Attempts: 100, Base: 100 * time.Millisecond, MaxWait: time.Second}
	f := retry.Failure{Status: 500, Method: "GET"}
	for i, want := range []time.Duration{50, 100, 200, 400, 500, 500, 500} {
		if got, _ := p.Next(f, i+1, 0.5, now); got != want*time.Millisecond {
			t.Errorf("after attempt %d: got %v want %v", i+1, got, want*time.Millisecond)
		}
	}
	if got, ok := p.Next(f, 100, 0.5, now); got != 500*time.Millisecond || !ok {
		t.Errorf("after attempt 100: got %v %v", got, ok)
	}
	if got, _ := p.Next(f, 3, 0, now); got != 0 {
		t.Errorf("full jitter reaches down to 0: got %v", got)
	}
}

func TestRetryAfterIsObeyedWithinTheLimit(t *testing.T) {
	p := retry.Policy{Attempts: 5, MaxWait: 10 * time.Second}
	tests := []struct {
		value    string
		min, max time.Duration
		again    bool
	}{
		{"3", 3 * time.Second, 3750 * time.Millisecond, true},
		{" 3 ", 3 * time.Second, 3750 * time.Millisecond, true},
		{"0", 0, 0, true},
		{now.Add(4 * time.Second).Format("Mon, 02 Jan 2006 15:04:05 GMT"), 4 * time.Second, 5 * time.Second, true},
		{now.Add(-time.Hour).Format("Mon, 02 Jan 2006 15:04:05 GMT"), 0, 0, true},
		{"11", 0, 0, false},
		{"99999999999999999999999", 0, 0, false},
		{"9223372036854775807", 0, 0, false},
		{"soon", 0, 200 * time.Millisecond, true},
		{"-1", 0, 200 * time.Millisecond, true},
	}
	for _, tt := range tests {
		got, again := p.Next(retry.Failure{Status: 429, RetryAfter: tt.value, Method: "GET"}, 1, 0.99, now)
		if again != tt.again || got < tt.min || got > tt.max {
			t.Errorf("%q: got %v %v want %v…%v %v", tt.value, got, again, tt.min, tt.max, tt.again)
		}
	}
}

func TestBudgetBoundsRetriesByRequests(t *testing.T) {
	b := retry.NewBudget(20)
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
	free := retry.NewBudget(0)
	for range 1000 {
		if !free.Spend() {
			t.Fatal("no limit: refused")
		}
	}
}
