package asyncio

// The seam for random numbers. What runs on a loop and wants to roll dice, for the jitter
// of a delay for example, asks the loop, so that a run that is replayed with the same seed
// rolls the same.

import "math/rand/v2"

// WithRandom makes the loop draw random numbers from src, on the loop only. The default is
// a source of its own for each loop, seeded by the runtime. It is for jitter, sampling and
// shuffling; keys and tokens want crypto/rand.
func WithRandom(src rand.Source) LoopOption {
	return func(o *loopOptions) { o.random = rand.New(src) }
}

// Rand returns the loop's random numbers. Like everything of the loop it is used by the
// tasks and callbacks that run on it. CPython: module random, which asyncio does not wrap.
func (l *EventLoop) Rand() *rand.Rand {
	if l.options.random == nil {
		l.options.random = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	return l.options.random
}
