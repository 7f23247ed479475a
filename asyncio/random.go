package asyncio

// The seam for random numbers. What runs on a loop and wants to roll dice, for the jitter
// of a delay for example, asks the loop, so that a run that is replayed with the same seed
// rolls the same.

import (
	"encoding/binary"
	"math/rand/v2"
)

// WithRandom makes the loop draw random numbers from src, on the loop only. The default is
// a ChaCha8 generator of its own for each loop, seeded by the runtime, so that nobody can
// guess what comes next: the masks of WebSocket frames need that (RFC 6455 section 5.3). It
// is for jitter, sampling, shuffling and such; keys and tokens want crypto/rand.
func WithRandom(src rand.Source) LoopOption {
	return func(o *loopOptions) { o.random = rand.New(src) }
}

// Rand returns the loop's random numbers. Like everything of the loop it is used by the
// tasks and callbacks that run on it. CPython: module random, which asyncio does not wrap.
func (l *EventLoop) Rand() *rand.Rand {
	if l.options.random == nil {
		var seed [32]byte
		for i := 0; i < len(seed); i += 8 {
			binary.LittleEndian.PutUint64(seed[i:], rand.Uint64())
		}
		l.options.random = rand.New(rand.NewChaCha8(seed))
	}
	return l.options.random
}
