package asyncio

// The ready queue and the wait queue against plain slices.

import (
	"math/rand/v2"
	"slices"
	"testing"
)

type entry int

func (entry) run(*EventLoop) {}

func TestReadyQueueAgreesWithASlice(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var q readyQueue
		var model []runnable
		for i := range 8000 {
			busy := 6 - 3*(i/2000%2) // it fills over several pages and empties, twice
			switch n := rng.IntN(9); {
			case n < busy || len(model) == 0:
				q.push(entry(i))
				model = append(model, entry(i))
			case n < 7:
				if got, want := q.pop(), model[0]; got != want {
					t.Fatalf("seed %d: pop got %v, want %v", seed, got, want)
				}
				model = model[1:]
			default:
				at := rng.IntN(len(model))
				if got, want := q.popAt(at), model[at]; got != want {
					t.Fatalf("seed %d: popAt(%d) got %v, want %v", seed, at, got, want)
				}
				model = slices.Delete(model, at, at+1)
			}
			if q.n != len(model) {
				t.Fatalf("seed %d: got length %d, want %d", seed, q.n, len(model))
			}
			if got := q.peek(); len(model) == 0 && got != nil || len(model) > 0 && got != model[0] {
				t.Fatalf("seed %d: peek got %v", seed, got)
			}
		}
		kept := 0
		for _, list := range []*readyPage{q.head, q.spare} {
			for p := list; p != nil; p = p.next {
				for _, r := range p.entries {
					if r != nil {
						kept++
					}
				}
			}
		}
		if kept != len(model) {
			t.Fatalf("seed %d: the pages refer to %d entries, want %d", seed, kept, len(model))
		}
	}
}

// modelWaiter notes that it was granted.
type modelWaiter struct {
	node    waitNode
	granted int
}

type grant struct{ w *modelWaiter }

func (g grant) granted() { g.w.granted++ }

func TestWaitQueueAgreesWithASlice(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var q waitQueue
		var model []*modelWaiter
		for range 2000 {
			switch n := rng.IntN(20); {
			case n < 10:
				w := new(modelWaiter)
				w.node.owner = grant{w}
				q.push(&w.node)
				model = append(model, w)
			case n < 14:
				got := q.wakeOne()
				if got != (len(model) > 0) {
					t.Fatalf("seed %d: wakeOne got %v with %d waiting", seed, got, len(model))
				}
				if got {
					if model[0].granted != 1 || model[0].node.queue != nil {
						t.Fatalf("seed %d: the oldest was not granted once and taken out", seed)
					}
					model = model[1:]
				}
			case n < 19 && len(model) > 0:
				i := rng.IntN(len(model))
				w := model[i]
				w.node.remove()
				w.node.remove() // a second time does nothing
				if w.granted != 0 {
					t.Fatalf("seed %d: a waiter that left was granted", seed)
				}
				model = slices.Delete(model, i, i+1)
			case n == 19 && rng.IntN(10) == 0:
				q.wakeAll()
				for _, w := range model {
					if w.granted != 1 {
						t.Fatalf("seed %d: got %d grants, want 1", seed, w.granted)
					}
				}
				model = nil
			}
			checkQueue(t, &q, model)
		}
	}
}

func checkQueue(t *testing.T, q *waitQueue, model []*modelWaiter) {
	t.Helper()
	if q.empty() != (len(model) == 0) {
		t.Fatalf("got empty %v with %d waiting", q.empty(), len(model))
	}
	n := q.head
	var prev *waitNode
	for _, w := range model {
		if n != &w.node || prev != nil && n.prev != prev || n.queue != q {
			t.Fatal("the queue is out of order")
		}
		prev, n = n, n.next
	}
	if n != nil || prev != nil && q.head.prev != prev {
		t.Fatal("the queue has a tail that is not in the model")
	}
}

// whenGranted calls f, as a primitive that wakes several at once may.
type whenGranted func()

func (f whenGranted) granted() { f() }

func TestWaitQueueMayChangeWhileAllAreWoken(t *testing.T) {
	var q waitQueue
	var got []int
	nodes := make([]waitNode, 4)
	for i := range 3 {
		nodes[i].owner = whenGranted(func() {
			got = append(got, i)
			if i == 0 {
				nodes[1].remove()
				nodes[3].owner = whenGranted(func() { got = append(got, 3) })
				q.push(&nodes[3])
			}
		})
		q.push(&nodes[i])
	}
	q.wakeAll()
	if want := []int{0, 2, 3}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestReasonsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for r := waitNothing; r <= waitExecutor; r++ {
		if r.String() == "" || seen[r.String()] {
			t.Errorf("reason %d is called %q", r, r.String())
		}
		seen[r.String()] = true
	}
}
