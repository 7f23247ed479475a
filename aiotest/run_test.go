package aiotest_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

// recorder is a testing.TB that keeps what a run reports.
type recorder struct {
	testing.TB
	errors, logs []string
}

func (r *recorder) Helper()                    {}
func (r *recorder) Name() string               { return "TestX/sub" }
func (r *recorder) Failed() bool               { return len(r.errors) > 0 }
func (r *recorder) Error(a ...any)             { r.errors = append(r.errors, fmt.Sprint(a...)) }
func (r *recorder) Errorf(f string, a ...any)  { r.errors = append(r.errors, fmt.Sprintf(f, a...)) }
func (r *recorder) Logf(f string, args ...any) { r.logs = append(r.logs, fmt.Sprintf(f, args...)) }

func TestClockJumpsWhenIdle(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		got := aiotest.Elapsed(ctx, func() {
			if err := asyncio.Sleep(ctx, 24*time.Hour); err != nil {
				t.Error(err)
			}
		})
		if got != 24*time.Hour {
			t.Errorf("got %v, want 24h", got)
		}
		if got, want := asyncio.RunningLoop(ctx).Wall(), aiotest.Epoch.Add(24*time.Hour); !got.Equal(want) {
			t.Errorf("got %v, want %v", got, want)
		}
		return nil
	})
}

func TestFailuresAreReported(t *testing.T) {
	boom := errors.New("boom")
	tests := []struct {
		name string
		body func(ctx context.Context) error
		want string
	}{
		{"error", func(context.Context) error { return boom }, "boom"},
		{"panic", func(context.Context) error { panic("ouch") }, "ouch"},
		{"deadlock", func(ctx context.Context) error {
			_, err := asyncio.NewFuture[int](ctx).Await(ctx)
			return err
		}, "deadlock"},
		{"unfinished task", func(ctx context.Context) error {
			asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
				return 0, asyncio.Sleep(ctx, time.Hour)
			}, asyncio.WithName("straggler"))
			return nil
		}, "unfinished task straggler"},
		{"open socket", func(ctx context.Context) error {
			_, err := asyncio.Listen(ctx, "tcp", "127.0.0.1:0")
			return err
		}, "1 open socket"},
		{"unretrieved error", func(ctx context.Context) error {
			asyncio.CreateTask(ctx, func(context.Context) (int, error) { return 0, boom })
			return asyncio.Sleep(ctx, 0)
		}, "never retrieved"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r recorder
			aiotest.Run(&r, tt.body)
			if got := strings.Join(r.errors, "\n"); !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want something with %q", got, tt.want)
			}
		})
	}
}

func TestSeedReplaysTheOrder(t *testing.T) {
	order := func(seed uint64) (ran []int) {
		aiotest.Run(t, func(ctx context.Context) error {
			var tasks []*asyncio.Task[int]
			for i := range 20 {
				tasks = append(tasks, asyncio.CreateTask(ctx, func(ctx context.Context) (int, error) {
					ran = append(ran, i)
					return i, nil
				}))
			}
			_, err := asyncio.Gather(ctx, tasks...).Await(ctx)
			return err
		}, aiotest.WithSeed(seed))
		return ran
	}
	if a, b := order(7), order(7); !slices.Equal(a, b) {
		t.Errorf("one seed gave two orders: %v and %v", a, b)
	}
	if a, b := order(7), order(8); slices.Equal(a, b) {
		t.Errorf("two seeds gave one order: %v", a)
	}
	if slices.IsSorted(order(7)) {
		t.Error("a seed did not change the order")
	}
}

func TestFailureWithASeedTellsHowToReplay(t *testing.T) {
	var r recorder
	aiotest.Run(&r, func(context.Context) error { return errors.New("boom") }, aiotest.WithSeed(42))
	if got := strings.Join(r.logs, "\n"); !strings.Contains(got, "-aio.seed 42") || !strings.Contains(got, "TestX$/^sub") {
		t.Errorf("got %q, want the replay command", got)
	}
}

func TestFlagReplaysARunWhoseSeedWasDrawn(t *testing.T) {
	for _, seed := range []string{"7", "0"} {
		if err := flag.Set("aio.seed", seed); err != nil {
			t.Fatal(err)
		}
		defer flag.Set("aio.seed", "")
		var r recorder
		aiotest.Run(&r, func(context.Context) error { return errors.New("boom") }, aiotest.WithSeed(42))
		if got := strings.Join(r.logs, "\n"); !strings.HasSuffix(got, "-aio.seed "+seed) {
			t.Errorf("got %q, want the seed of the flag", got)
		}
	}
}

func TestFatalInTheBodyEndsTheTest(t *testing.T) {
	done := make(chan bool)
	go func() {
		finished := false
		defer func() { done <- finished }()
		aiotest.Run(t, func(ctx context.Context) error {
			runtime.Goexit() // as t.FailNow does
			return nil
		})
		finished = true
	}()
	if finished := <-done; finished {
		t.Error("the run went on after runtime.Goexit in its body")
	}
}
