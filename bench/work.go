package bench

// What is measured, independent of how. A Work is one operation together with
// every implementation of it in Go; the benchmarks of this package and the
// program in bench/peers both run the same functions, so that their figures
// speak of the same thing.

import "slices"

// A Work is one operation and those who can do it.
type Work struct {
	Op      string // what benchmarks and tables call it
	About   string // one line for people
	N       int    // how many tasks, items or requests one round has
	Steps   int    // operations per task; an iteration does N × Steps operations
	Body    int    // length of the body of each answer; 0 for work without a network
	AtOnce  int    // requests in flight at a time; 0 for work without a network
	Waiting bool   // all N tasks wait at one time: the memory of each is of interest
	Impls   []Impl // ours first
}

// An Impl does the work of one round, again and again.
type Impl struct {
	Name string
	Run  func(Round)
}

// A Round is what an implementation is given to run.
type Round struct {
	N    int         // the size, usually Work.N
	Loop func() bool // reports whether to do it once more, as testing.B.Loop does
	Peak func()      // to be called, once per iteration, when all N tasks exist and wait
	URL  string      // where requests go; "" for work without a network
	Body int         // length of the body to be found there

	AtOnce int // Work.AtOnce
}

// Ops returns how many operations one iteration of size n has.
func (w Work) Ops(n int) int { return n * w.Steps }

// Find returns the work called op.
func Find(works []Work, op string) (Work, bool) {
	i := slices.IndexFunc(works, func(w Work) bool { return w.Op == op })
	if i < 0 {
		return Work{}, false
	}
	return works[i], true
}

// Find returns the implementation called name.
func (w Work) Find(name string) (Impl, bool) {
	i := slices.IndexFunc(w.Impls, func(i Impl) bool { return i.Name == name })
	if i < 0 {
		return Impl{}, false
	}
	return w.Impls[i], true
}
