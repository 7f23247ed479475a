package asyncio

// Race: several ways to one result, of which the first to succeed is taken.

import (
	"context"
	"errors"
)

var (
	errRaceOfNothing = errors.New("asyncio: Race of nothing: pass at least one coroutine")
	// errRaceLost ends the coroutines that another one was faster than.
	errRaceLost = errors.New("asyncio: another coroutine has won the race")
)

// Race runs cs as tasks and returns the result of the first that succeeds; the rest are
// cancelled, and have ended when Race returns. What they return then is dropped. If none
// succeeds, Race returns a *GroupError of their errors in the order in which they failed. When
// ctx ends first, all are cancelled and Race returns its error. A panic is not a failed
// attempt: it cancels all, and Race returns a *GroupError with the *PanicError. Racing nothing
// is an error. CPython has it, for connections, as asyncio.staggered.
func Race[T any](ctx context.Context, cs ...Coroutine[T]) (T, error) {
	var zero T
	if len(cs) == 0 {
		return zero, errRaceOfNothing
	}
	for _, c := range cs {
		if c == nil {
			panic("asyncio: Race with a nil coroutine: leave it out")
		}
	}
	r := new(race[T])
	err := Group(ctx, func(ctx context.Context, g *TaskGroup) error {
		if c := g.scope.ended.Load(); c != nil {
			return c.err
		}
		for _, c := range cs {
			g.Go(func(ctx context.Context) error {
				v, err := c(ctx)
				r.finished(g, v, err)
				return nil
			})
		}
		return nil
	})
	var group *GroupError
	switch {
	case errors.As(err, &group):
		return zero, err
	case r.won:
		return r.value, nil
	case err != nil:
		return zero, err
	}
	return zero, &GroupError{Errors: r.errors}
}

type race[T any] struct {
	won    bool
	value  T
	errors []error
}

// finished takes note of what a coroutine has returned.
func (r *race[T]) finished(g *TaskGroup, v T, err error) {
	switch {
	case r.won:
	case err != nil:
		r.errors = append(r.errors, err)
	default:
		r.won, r.value = true, v
		g.Cancel(errRaceLost)
	}
}
