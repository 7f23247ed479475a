package frontier_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/aio-go/aio/cmd/aio/internal/frontier"
)

type job = frontier.Job[string]

func newJob(host string, i int) *job { return &job{Host: host, Value: fmt.Sprint(host, i)} }

func take(f *frontier.Frontier[string]) (jobs []*job, names []string) {
	for {
		j, ok := f.Take()
		if !ok {
			return jobs, names
		}
		jobs, names = append(jobs, j), append(names, j.Value)
	}
}

func TestOneHostIsServedInListOrder(t *testing.T) {
	f := frontier.New[string](1000, 0)
	var want []string
	for i := range 300 {
		f.Add(newJob("a", i))
		want = append(want, fmt.Sprint("a", i))
	}
	if _, got := take(f); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestBusyHostDoesNotHoldUpOthers(t *testing.T) {
	f := frontier.New[string](100, 2)
	for i := range 5 {
		f.Add(newJob("a", i))
	}
	f.Add(newJob("b", 0))
	jobs, got := take(f)
	if want := []string{"a0", "b0", "a1"}; !slices.Equal(got, want) {
		t.Fatalf("got %q want %q", got, want)
	}
	f.Release(jobs[0])
	if _, got := take(f); !slices.Equal(got, []string{"a2"}) {
		t.Errorf("after one finished: got %q want a2", got)
	}
}

func TestJobsWithoutHostAreNotLimited(t *testing.T) {
	f := frontier.New[string](100, 1)
	for i := range 3 {
		f.Add(newJob("", i))
	}
	if jobs, _ := take(f); len(jobs) != 3 {
		t.Errorf("got %d want 3", len(jobs))
	}
}

func TestParkedJobCountsAgainstTheWindowAndFreesItsSlot(t *testing.T) {
	f := frontier.New[string](2, 1)
	f.Add(newJob("a", 0))
	f.Add(newJob("a", 1))
	if f.Room() != 0 {
		t.Errorf("room: got %d want 0", f.Room())
	}
	jobs, _ := take(f)
	f.Park(jobs[0])
	if f.Room() != 0 || f.Parked() != 1 {
		t.Errorf("parked: got room %d parked %d want 0 1", f.Room(), f.Parked())
	}
	if _, got := take(f); !slices.Equal(got, []string{"a1"}) {
		t.Errorf("got %q want a1", got)
	}
	f.Resume(jobs[0])
	var dropped []string
	f.Drop(func(j *job) { dropped = append(dropped, j.Value) })
	if !slices.Equal(dropped, []string{"a0"}) || f.Room() != 2 {
		t.Errorf("drop: got %q and room %d want a0 and 2", dropped, f.Room())
	}
}

func TestRandomProgramKeepsLimitsAndLosesNothing(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		limit := r.IntN(4)
		f := frontier.New[string](20, limit)
		active := map[string]int{}
		var running, parked []*job
		added, finished := 0, 0
		for added < 2000 || finished < added {
			switch k := r.IntN(4); {
			case k == 0 && added < 2000 && f.Room() > 0:
				f.Add(newJob(fmt.Sprint("h", r.IntN(5)), added))
				added++
			case k == 1:
				if j, ok := f.Take(); ok {
					if active[j.Host]++; limit > 0 && active[j.Host] > limit {
						t.Fatalf("seed %d: %d active on %s, limit %d", seed, active[j.Host], j.Host, limit)
					}
					running = append(running, j)
				} else if len(running) == 0 && f.Queued() > 0 {
					t.Fatalf("seed %d: nothing runs and %d queued jobs are not given out", seed, f.Queued())
				}
			case k == 2 && len(running) > 0:
				i := r.IntN(len(running))
				j := running[i]
				running = slices.Delete(running, i, i+1)
				active[j.Host]--
				if r.IntN(4) == 0 {
					f.Park(j)
					parked = append(parked, j)
				} else {
					f.Release(j)
					finished++
				}
			case k == 3 && len(parked) > 0:
				f.Resume(parked[0])
				parked = parked[1:]
			}
		}
		if f.Room() != 20 {
			t.Errorf("seed %d: room at the end: got %d want 20", seed, f.Room())
		}
	}
}
