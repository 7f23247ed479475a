package asyncio_test

// The primitives beside what goroutines use in their place.

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/aio-go/aio/asyncio"
)

// inTask runs f as the main task of a loop.
func inTask(b *testing.B, f func(ctx context.Context)) {
	b.Helper()
	b.ReportAllocs()
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
		f(ctx)
		return none{}, nil
	}, asyncio.WithoutSignals())
	if err != nil {
		b.Fatal(err)
	}
}

func BenchmarkLockUncontended(b *testing.B) {
	b.Run("impl=aio", func(b *testing.B) {
		inTask(b, func(ctx context.Context) {
			var l asyncio.Lock
			n := 0
			for b.Loop() {
				if err := l.Acquire(ctx); err != nil {
					b.Fatal(err)
				}
				n++
				l.Release()
			}
		})
	})
	b.Run("impl=sync", func(b *testing.B) {
		b.ReportAllocs()
		var l sync.Mutex
		n := 0
		for b.Loop() {
			l.Lock()
			n++
			l.Unlock()
		}
	})
}

// contenders and turnsEach are the shape of the contended benchmarks: an operation is one
// critical section, in which the task or goroutine gives way once.
const contenders, turnsEach = 100, 1000

func BenchmarkLockContended(b *testing.B) {
	b.Run("impl=aio", func(b *testing.B) {
		inTask(b, func(ctx context.Context) {
			for b.Loop() {
				var l asyncio.Lock
				err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
					for range contenders {
						g.Go(func(ctx context.Context) error {
							for range turnsEach {
								if err := l.Acquire(ctx); err != nil {
									return err
								}
								if err := asyncio.Sleep(ctx, 0); err != nil {
									return err
								}
								l.Release()
							}
							return nil
						})
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
		perOperation(b, contenders*turnsEach)
	})
	b.Run("impl=goroutines", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			l := make(chan struct{}, 1)
			var wg sync.WaitGroup
			for range contenders {
				wg.Go(func() {
					for range turnsEach {
						l <- struct{}{}
						runtime.Gosched()
						<-l
					}
				})
			}
			wg.Wait()
		}
		perOperation(b, contenders*turnsEach)
	})
}

// perOperation reports the time of one of the n operations that each iteration consists of.
func perOperation(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/each")
}

func BenchmarkEventIsSet(b *testing.B) {
	b.Run("impl=aio", func(b *testing.B) {
		inTask(b, func(ctx context.Context) {
			var e asyncio.Event
			for b.Loop() {
				e.Set()
				if err := e.Wait(ctx); err != nil {
					b.Fatal(err)
				}
				e.Clear()
			}
		})
	})
	b.Run("impl=channel", func(b *testing.B) {
		b.ReportAllocs()
		e := make(chan struct{}, 1)
		for b.Loop() {
			e <- struct{}{}
			<-e
		}
	})
}

func BenchmarkSemaphoreUncontended(b *testing.B) {
	b.Run("impl=aio", func(b *testing.B) {
		inTask(b, func(ctx context.Context) {
			s := asyncio.NewSemaphore(10)
			for b.Loop() {
				if err := s.Acquire(ctx); err != nil {
					b.Fatal(err)
				}
				s.Release()
			}
		})
	})
	b.Run("impl=channel", func(b *testing.B) {
		b.ReportAllocs()
		s := make(chan struct{}, 10)
		for b.Loop() {
			s <- struct{}{}
			<-s
		}
	})
}

func BenchmarkQueuePutGet(b *testing.B) {
	orders := map[string]func() *asyncio.Queue[int]{
		"aio":          func() *asyncio.Queue[int] { return asyncio.NewQueue[int](10) },
		"aio-lifo":     func() *asyncio.Queue[int] { return asyncio.NewLifoQueue[int](10) },
		"aio-priority": func() *asyncio.Queue[int] { return asyncio.NewPriorityQueue(10, func(a, b int) bool { return a < b }) },
	}
	for _, impl := range []string{"aio", "aio-lifo", "aio-priority"} {
		b.Run("impl="+impl, func(b *testing.B) {
			inTask(b, func(ctx context.Context) {
				q := orders[impl]()
				for b.Loop() {
					if err := q.Put(ctx, 1); err != nil {
						b.Fatal(err)
					}
					if _, err := q.Get(ctx); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
	b.Run("impl=channel", func(b *testing.B) {
		b.ReportAllocs()
		q := make(chan int, 10)
		for b.Loop() {
			q <- 1
			<-q
		}
	})
}

// passed is how many items go through the queue in one iteration of BenchmarkQueuePass.
const passed = 10_000

func BenchmarkQueuePass(b *testing.B) {
	b.Run("impl=aio", func(b *testing.B) {
		inTask(b, func(ctx context.Context) {
			for b.Loop() {
				q := asyncio.NewQueue[int](10)
				err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
					g.Go(func(ctx context.Context) error {
						defer q.Shutdown(false)
						for i := range passed {
							if err := q.Put(ctx, i); err != nil {
								return err
							}
						}
						return nil
					})
					for range passed {
						if _, err := q.Get(ctx); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
		perOperation(b, passed)
	})
	b.Run("impl=channel", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			q := make(chan int, 10)
			go func() {
				defer close(q)
				for i := range passed {
					q <- i
				}
			}()
			for range q {
			}
		}
		perOperation(b, passed)
	})
}

// members is how many tasks a group has in one iteration of BenchmarkGroup.
const members = 1000

func BenchmarkGroup(b *testing.B) {
	b.Run("impl=aio", func(b *testing.B) {
		inTask(b, func(ctx context.Context) {
			for b.Loop() {
				err := asyncio.Group(ctx, func(ctx context.Context, g *asyncio.TaskGroup) error {
					for range members {
						g.Go(func(context.Context) error { return nil })
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
		perOperation(b, members)
	})
	b.Run("impl=goroutines", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var wg sync.WaitGroup
			for range members {
				wg.Go(func() {})
			}
			wg.Wait()
		}
		perOperation(b, members)
	})
}

func BenchmarkRecv(b *testing.B) {
	b.Run("impl=aio", func(b *testing.B) {
		inTask(b, func(ctx context.Context) {
			there, back := make(chan int), make(chan int)
			go echo(there, back)
			for b.Loop() {
				if err := asyncio.Send(ctx, there, 1); err != nil {
					b.Fatal(err)
				}
				if _, _, err := asyncio.Recv(ctx, back); err != nil {
					b.Fatal(err)
				}
			}
			close(there)
		})
	})
	b.Run("impl=goroutines", func(b *testing.B) {
		b.ReportAllocs()
		there, back := make(chan int), make(chan int)
		go echo(there, back)
		for b.Loop() {
			there <- 1
			<-back
		}
		close(there)
	})
}

func echo(in <-chan int, out chan<- int) {
	for v := range in {
		out <- v
	}
}
