package asyncio_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/aio-go/aio/asyncio"
)

// rolls returns a few random numbers of a new loop.
func rolls(t *testing.T, opts ...asyncio.RunOption) []uint64 {
	t.Helper()
	got, err := asyncio.Run(context.Background(), func(ctx context.Context) ([]uint64, error) {
		r := asyncio.RunningLoop(ctx).Rand()
		return []uint64{r.Uint64(), r.Uint64(), asyncio.RunningLoop(ctx).Rand().Uint64()}, nil
	}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestSeededLoopsRollTheSame(t *testing.T) {
	seeded := func() []uint64 { return rolls(t, asyncio.WithRandom(rand.NewPCG(1, 2))) }
	if a, b := seeded(), seeded(); !slices.Equal(a, b) || a[0] == a[1] || a[1] == a[2] {
		t.Errorf("got %v and %v, want the same stream twice", a, b)
	}
	if a, b := rolls(t), rolls(t); slices.Equal(a, b) {
		t.Errorf("got %v from two loops without a seed", a)
	}
}
