package bench_test

// Benchmarks of every work by every implementation, and tests that all of them do
// what they are timed for.

import (
	"errors"
	"runtime"
	"slices"
	"testing"

	"github.com/aio-go/aio/bench"
	"github.com/aio-go/aio/bench/origin"
	"github.com/aio-go/aio/bench/usage"
)

func BenchmarkScheduler(b *testing.B) {
	for _, work := range bench.Scheduler {
		measureAll(b, work, "")
	}
}

func BenchmarkClient(b *testing.B) {
	measureClients(b, startOrigin(b, origin.Start), bench.Client)
}

func BenchmarkProcess(b *testing.B) {
	for _, work := range bench.Process {
		measureAll(b, work, "")
	}
}

func BenchmarkClientHTTP2(b *testing.B) {
	measureClients(b, startOrigin(b, origin.StartHTTP2), bench.HTTP2)
}

func measureClients(b *testing.B, server *origin.Server, works []bench.Work) {
	for _, work := range works {
		url, err := server.Put(work.Op, make([]byte, work.Body))
		if err != nil {
			b.Fatal(err)
		}
		measureAll(b, work, url)
	}
}

func measureAll(b *testing.B, work bench.Work, url string) {
	for _, impl := range work.Impls {
		b.Run("op="+work.Op+"/impl="+impl.Name, func(b *testing.B) {
			measure(b, work, impl, url)
		})
	}
}

// measure runs impl and adds to Go's own figures the processor time of an
// operation, counting all threads, and the memory of each of many waiting tasks.
func measure(b *testing.B, work bench.Work, impl bench.Impl, url string) {
	b.ReportAllocs()
	var before usage.Cost
	loop := func() bool {
		if before == (usage.Cost{}) {
			before = usage.Self()
		}
		return b.Loop()
	}
	waiting, empty := 0.0, inUse()
	peak := func() {
		b.StopTimer()
		waiting = max(waiting, inUse()-empty)
		b.StartTimer()
	}
	impl.Run(bench.Round{N: work.N, Loop: loop, Peak: peak, URL: url, Body: work.Body, AtOnce: work.AtOnce})

	ops := float64(b.N) * float64(work.Ops(work.N))
	b.ReportMetric(float64(b.Elapsed())/ops, "ns/each")
	b.ReportMetric(float64(usage.Self().CPU-before.CPU)/ops, "cpu-ns/each")
	if waiting > 0 {
		b.ReportMetric(waiting/float64(work.N), "waiting-B/each")
	}
}

// inUse is the memory that live heap objects and stacks occupy.
func inUse() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse + m.StackInuse)
}

func TestEveryImplementationFinishesItsWork(t *testing.T) {
	for _, work := range slices.Concat(bench.Scheduler, bench.Process) {
		for _, impl := range work.Impls {
			t.Run("op="+work.Op+"/impl="+impl.Name, func(t *testing.T) {
				t.Parallel()
				left, peaks := 2, 0
				loop := func() bool { left--; return left >= 0 }
				impl.Run(bench.Round{N: 3, Loop: loop, Peak: func() { peaks++ }})
				if left != -1 {
					t.Errorf("asked %d times whether to go on, want 3", 2-left)
				}
				if peaks != 0 && peaks != 2 {
					t.Errorf("reported its peak %d times, want once per iteration or never", peaks)
				}
			})
		}
	}
}

func TestEveryClientReadsEveryBody(t *testing.T) {
	readEveryBody(t, startOrigin(t, origin.Start), bench.Client)
}

func TestEveryClientReadsEveryBodyOverHTTP2(t *testing.T) {
	readEveryBody(t, startOrigin(t, origin.StartHTTP2), bench.HTTP2)
}

func readEveryBody(t *testing.T, server *origin.Server, works []bench.Work) {
	for _, work := range works {
		url, err := server.Put(work.Op, make([]byte, work.Body))
		if err != nil {
			t.Fatal(err)
		}
		for _, impl := range work.Impls {
			t.Run("op="+work.Op+"/impl="+impl.Name, func(t *testing.T) {
				left := 1
				loop := func() bool { left--; return left >= 0 }
				impl.Run(bench.Round{N: 3, Loop: loop, URL: url, Body: work.Body, AtOnce: work.AtOnce}) // panics on any failure
				if left != -1 {
					t.Errorf("asked %d times whether to go on, want 2", 1-left)
				}
			})
		}
	}
}

// startOrigin runs nginx until tb ends. Where there is none, tb is skipped.
func startOrigin(tb testing.TB, start func() (*origin.Server, error)) *origin.Server {
	tb.Helper()
	server, err := start()
	if errors.Is(err, origin.ErrNotInstalled) {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := server.Close(); err != nil {
			tb.Error(err)
		}
	})
	return server
}
