package asyncio_test

// Race and Map.

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func TestRaceTakesTheFirstSuccess(t *testing.T) { // RACE-01
	simulate(t, func(ctx context.Context) error {
		var cause error
		loserEnded := time.Duration(0)
		loop := asyncio.RunningLoop(ctx)
		got, err := asyncio.Race(ctx,
			after(time.Second, "", errBoom),
			after(3*time.Second, "winner", nil),
			func(ctx context.Context) (string, error) {
				err := asyncio.Sleep(ctx, time.Hour)
				cause = context.Cause(ctx)
				if slept := asyncio.Sleep(context.WithoutCancel(ctx), time.Second); slept != nil {
					t.Error(slept)
				}
				loserEnded = loop.Time()
				return "late", err
			},
			stubborn(500*time.Millisecond, "late, but successful", nil),
			after(2*time.Second, "", errOther),
		)
		if got != "winner" || err != nil {
			t.Errorf("got %q, %v, want the winner", got, err)
		}
		if loserEnded != 4*time.Second || loop.Time() != 4*time.Second {
			t.Errorf("the loser ended at %v and Race at %v, want 4s for both", loserEnded, loop.Time())
		}
		if cause == nil || errors.Is(cause, context.Canceled) {
			t.Errorf("got cause %v for the loser, want one that says why", cause)
		}
		return nil
	})
}

func TestRaceThatNobodyWins(t *testing.T) { // RACE-01
	simulate(t, func(ctx context.Context) error {
		_, err := asyncio.Race(ctx,
			after(2*time.Second, 0, errBoom),
			after(time.Second, 0, errOther),
			func(context.Context) (int, error) { return 0, &asyncio.CancelledError{Cause: errOther} },
		)
		group, ok := err.(*asyncio.GroupError)
		if !ok || len(group.Errors) != 3 || group.Errors[1] != errOther || group.Errors[2] != errBoom {
			t.Errorf("got %v, want the errors in the order in which they came", err)
		}
		_, err = asyncio.Race[int](ctx)
		if err == nil {
			t.Error("got no error from a race of nothing, want one")
		}
		wantPanic(t, "nil coroutine", func() { asyncio.Race[int](ctx, nil) })
		return nil
	})
}

func TestCancelledRace(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		limited, cancel := asyncio.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := asyncio.Race(limited, after(time.Hour, 0, nil), after(time.Hour, 0, nil))
		wantErr(t, err, context.DeadlineExceeded)

		_, err = asyncio.Race(limited, after(0, 0, nil))
		wantErr(t, err, context.DeadlineExceeded)

		// Who has won when the end comes has won.
		own, cancelOwn := asyncio.WithTimeout(ctx, time.Hour)
		defer cancelOwn()
		got, err := asyncio.Race(own, func(context.Context) (int, error) {
			cancelOwn()
			return 3, nil
		}, after(time.Hour, 4, nil))
		if got != 3 || err != nil {
			t.Errorf("got %v, %v, want 3", got, err)
		}
		return nil
	})
}

func TestPanicEndsTheRace(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		_, err := asyncio.Race(ctx, after(time.Hour, 0, nil), func(context.Context) (int, error) { panic("ouch") })
		var panicked *asyncio.PanicError
		if !errors.As(err, &panicked) {
			t.Errorf("got %v, want the panic", err)
		}
		return nil
	})
}

// TestRacesInOneTurn lets two racers succeed, one fail and the caller be cancelled in one turn,
// in every order: the first success counts unless the cancellation came first.
func TestRacesInOneTurn(t *testing.T) {
	inEveryOrder(t, []string{"win 1", "win 2", "fail", "cancel 0"}, func(t *testing.T, ctx context.Context, order []string) {
		results := []*asyncio.Future[int]{asyncio.NewFuture[int](ctx), asyncio.NewFuture[int](ctx), asyncio.NewFuture[int](ctx)}
		tasks, happened := inOneTurn(ctx, order, 1, func(ctx context.Context, _ int) (int, error) {
			return asyncio.Race(ctx, results[0].Await, results[1].Await, results[2].Await)
		}, func(event string) {
			var err error
			switch event {
			case "win 1":
				err = results[1].SetResult(1)
			case "win 2":
				err = results[2].SetResult(2)
			default:
				err = results[0].SetError(errBoom)
			}
			wantErr(t, err, nil)
		})
		_ = results[0].Err() // a racer that was cancelled did not see it
		v, err := tasks[0].Result()
		if i := slices.IndexFunc(happened, func(e string) bool { return e != "fail" }); happened[i] == "cancel 0" {
			wantErr(t, err, context.Canceled)
		} else if err != nil || v != 1 && v != 2 {
			t.Errorf("got %v, %v, want a winner", v, err)
		}
	})
}

// counting yields 0, 1, 2 … n-1 and tells of each item that is taken; n < 0 never ends.
func counting(n int, taken func(i int)) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; i != n; i++ {
			taken(i)
			if !yield(i) {
				return
			}
		}
	}
}

func TestMapKeepsOrderAndLimit(t *testing.T) {
	for _, limit := range []int{1, 3, 10, 100} {
		simulate(t, func(ctx context.Context) error {
			running, most, taken := 0, 0, 0
			in := counting(20, func(int) { taken++ })
			var got []int
			for v, err := range asyncio.Map(ctx, limit, in, func(ctx context.Context, i int) (int, error) {
				running++
				most = max(most, running)
				defer func() { running-- }()
				return i * i, asyncio.Sleep(ctx, time.Duration((i*7)%5)*time.Second)
			}) {
				if err != nil {
					return err
				}
				if v != len(got)*len(got) {
					t.Errorf("limit %d: got %d after %v, want results in the order of the input", limit, v, got)
				}
				got = append(got, v)
				if taken > len(got)-1+limit {
					t.Errorf("limit %d: %d items were taken for %d results", limit, taken, len(got))
				}
			}
			if len(got) != 20 || most > limit || most < min(limit, 20) {
				t.Errorf("limit %d: got %d results with %d at once, want 20 and the limit", limit, len(got), most)
			}
			return nil
		})
	}
}

func TestMapYieldsErrorsInTheirPlace(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		var got []string
		for v, err := range asyncio.Map(ctx, 2, counting(5, func(int) {}), func(_ context.Context, i int) (int, error) {
			switch i {
			case 1:
				return 0, errBoom
			case 3:
				panic("ouch")
			}
			return i, nil
		}) {
			var panicked *asyncio.PanicError
			switch {
			case errors.As(err, &panicked):
				got = append(got, fmt.Sprint("panic ", panicked.Value))
			default:
				got = append(got, fmt.Sprint(v, " ", err))
			}
		}
		wantItems(t, got, "0 <nil>", "0 boom", "2 <nil>", "panic ouch", "4 <nil>")
		return nil
	})
}

// An error is a result too: one that was there before ctx ended is not taken for its end.
func TestMapYieldsTheErrorsThatAreThereWhenItsContextEnds(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		ctx, cancel := asyncio.WithTimeout(ctx, time.Minute) // whose end is known at once
		defer cancel()
		var got []string
		for v, err := range asyncio.Map(ctx, 3, counting(3, func(int) {}), func(ctx context.Context, i int) (int, error) {
			switch i {
			case 0:
				return i, asyncio.Sleep(ctx, time.Second)
			case 1:
				return 0, errBoom
			}
			return i, asyncio.Sleep(ctx, time.Hour)
		}) {
			if errors.Is(err, context.Canceled) {
				err = context.Canceled
			}
			got = append(got, fmt.Sprint(v, " ", err))
			cancel()
		}
		wantItems(t, got, "0 <nil>", "0 boom", "0 context canceled")
		return nil
	})
}

func TestLeavingMapEarlyCancelsAndAwaitsTheRest(t *testing.T) {
	ways := map[string]func(ctx context.Context, results iter.Seq2[int, error]){
		"break": func(ctx context.Context, results iter.Seq2[int, error]) {
			for range results {
				break
			}
		},
		"panic": func(ctx context.Context, results iter.Seq2[int, error]) {
			wantPanic(t, "enough", func() {
				for range results {
					panic("enough")
				}
			})
		},
	}
	for name, leave := range ways {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(ctx context.Context) error {
				taken, ended := 0, 0
				leave(ctx, asyncio.Map(ctx, 3, counting(-1, func(int) { taken++ }), func(ctx context.Context, i int) (int, error) {
					defer func() { ended++ }()
					if i == 0 {
						return 0, nil
					}
					_, err := stubborn(time.Second, 0, errBoom)(ctx)
					return 0, err
				}))
				if got := asyncio.RunningLoop(ctx).Time(); taken != 3 || ended != 3 || got != time.Second {
					t.Errorf("got %d items taken and %d calls ended at %v, want 3, and 3 at 1s", taken, ended, got)
				}
				return nil
			})
		})
	}
}

func TestPanicThatNobodyWaitsForIsReported(t *testing.T) {
	var told reports
	simulate(t, func(ctx context.Context) error {
		told.listen(asyncio.RunningLoop(ctx))
		for range asyncio.Map(ctx, 2, counting(2, func(int) {}), func(_ context.Context, i int) (int, error) {
			if i == 1 {
				panic("ouch")
			}
			return 0, nil
		}) {
			break
		}
		return nil
	})
	if len(told) != 1 {
		t.Errorf("got reports %v, want the panic", told)
	}
}

func TestEndOfTheContextEndsMap(t *testing.T) {
	tests := []struct {
		name string
		in   int // how many items there are; -1: no end of them
		want string
	}{
		{"while items are left", -1, "0 1 2 context deadline exceeded"},
		{"when all items were taken", 4, "0 1 2 context deadline exceeded"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			simulate(t, func(ctx context.Context) error {
				limited, cancel := asyncio.WithTimeout(ctx, 2500*time.Millisecond)
				defer cancel()
				got := ""
				for v, err := range asyncio.Map(limited, 3, counting(tt.in, func(int) {}), func(ctx context.Context, i int) (int, error) {
					return i, asyncio.Sleep(ctx, 2*time.Second)
				}) {
					if err != nil {
						got += err.Error()
					} else {
						got += fmt.Sprint(v, " ")
					}
				}
				if got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				return nil
			})
		})
	}
	simulate(t, func(ctx context.Context) error {
		ended, cancel := asyncio.WithTimeout(ctx, 24*time.Hour)
		got := ""
		for v, err := range asyncio.Map(ended, 3, counting(-1, func(int) {}), func(ctx context.Context, i int) (int, error) {
			return i, asyncio.Sleep(ctx, time.Second)
		}) {
			if err != nil {
				got += err.Error()
				continue
			}
			got += fmt.Sprint(v, " ")
			if v == 1 {
				// What has finished by now is yielded, nothing more is started.
				if err := asyncio.Sleep(ctx, time.Hour); err != nil {
					return err
				}
				cancel()
			}
		}
		if want := "0 1 2 3 asyncio: cancelled"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		return nil
	})
}

func TestMapOfNothing(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		f := func(_ context.Context, i int) (int, error) { return i, nil }
		for v, err := range asyncio.Map(ctx, 3, counting(0, func(int) {}), f) {
			t.Errorf("got %v, %v, want nothing", v, err)
		}
		wantPanic(t, "limit of 0", func() { asyncio.Map(ctx, 0, counting(1, func(int) {}), f) })
		wantPanic(t, "pass both", func() { asyncio.Map(ctx, 1, nil, f) })
		wantPanic(t, "pass both", func() { asyncio.Map[int, int](ctx, 1, counting(1, func(int) {}), nil) })
		return nil
	})
}

// TestMapProgramsKeepTheirPromises runs Map over random calls in shuffled orders: results are
// in order, errors in their place, the limit is kept, and no call outlives the iteration.
func TestMapProgramsKeepTheirPromises(t *testing.T) {
	for seed := range uint64(100) {
		simulate(t, func(ctx context.Context) error {
			rng := newRand(seed)
			limit, n, stopAt := 1+rng.IntN(4), rng.IntN(12), rng.IntN(20)
			fails := make([]bool, n)
			for i := range fails {
				fails[i] = rng.IntN(3) == 0
			}
			running, next := 0, 0
			for v, err := range asyncio.Map(ctx, limit, counting(n, func(int) {}), func(ctx context.Context, i int) (int, error) {
				if running++; running > limit {
					t.Errorf("seed %d: got %d calls at once, want at most %d", seed, running, limit)
				}
				defer func() { running-- }()
				if err := asyncio.Sleep(ctx, time.Duration(rng.IntN(3))*time.Millisecond); err != nil {
					return 0, err
				}
				if fails[i] {
					return 0, errBoom
				}
				return i, nil
			}) {
				if fails[next] != (err == errBoom) || err == nil && v != next {
					t.Errorf("seed %d: got %v, %v in place %d", seed, v, err, next)
				}
				if next++; next == stopAt {
					break
				}
			}
			if want := min(n, max(stopAt, 0)); running != 0 || next != want && stopAt != 0 {
				t.Errorf("seed %d: got %d results and %d calls left, want %d and 0", seed, next, running, want)
			}
			return nil
		}, aiotest.WithSeed(seed))
	}
}
