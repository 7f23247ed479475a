package middleware

// One token bucket with a queue in front of it.
//
// Tokens drip in at a steady rate up to the burst; a request takes one. Whoever finds
// none waits in line, and one timer, for the head of the line, is all that is armed.
// There is no lock: everything happens on one loop.

import (
	"context"
	"math"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// bucket limits one stream of requests.
type bucket struct {
	loop   *asyncio.EventLoop
	rate   float64 // tokens a second; 0 or less: no limit
	burst  float64
	tokens float64
	at     time.Duration // when tokens was right
	hold   time.Duration // nothing is given out before

	factor float64 // of the rate, lowered when the server complains; 0 < factor ≤ 1
	line   []*asyncio.Future[struct{}]
	timer  *asyncio.TimerHandle
}

func newBucket(l *asyncio.EventLoop, rate float64, burst int) *bucket {
	b := &bucket{loop: l, factor: 1, at: l.Time()}
	b.set(rate, burst)
	b.tokens = b.burst
	return b
}

// set changes the rate from now on. Tokens that were saved up stay, up to the new burst.
func (b *bucket) set(rate float64, burst int) {
	b.refill()
	b.rate, b.burst = rate, float64(max(burst, 1))
	b.tokens = min(b.tokens, b.burst)
	b.serve()
}

func (b *bucket) unlimited() bool { return b.rate <= 0 || math.IsInf(b.rate, 1) }

// refill adds what has dripped in since the last time.
func (b *bucket) refill() {
	now := b.loop.Time()
	if !b.unlimited() {
		b.tokens = min(b.burst, b.tokens+(now-b.at).Seconds()*b.rate*b.factor)
	}
	b.at = now
}

// take returns when there is a token, first come, first served. It suspends only if it
// must. If ctx ends first, no token is gone.
func (b *bucket) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return asyncio.Sleep(ctx, 0)
	}
	b.refill()
	if len(b.line) == 0 && b.ready() {
		b.spend()
		return nil
	}
	turn := asyncio.NewFuture[struct{}](ctx)
	b.line = append(b.line, turn)
	b.arm()
	_, err := turn.Await(ctx)
	if err != nil {
		b.leave(turn)
	}
	return err
}

// wholeToken is a token but for what the arithmetic of floating point may take from it.
const wholeToken = 1 - 1e-9

func (b *bucket) ready() bool {
	return b.loop.Time() >= b.hold && (b.unlimited() || b.tokens >= wholeToken)
}

func (b *bucket) spend() {
	if !b.unlimited() {
		b.tokens = max(0, b.tokens-1)
	}
}

// leave takes a waiter out of the line, or gives back what it was granted too late.
func (b *bucket) leave(turn *asyncio.Future[struct{}]) {
	for i, f := range b.line {
		if f == turn {
			b.line = append(b.line[:i], b.line[i+1:]...)
			b.arm()
			return
		}
	}
	b.giveBack()
}

// giveBack returns a token that was taken and not used.
func (b *bucket) giveBack() {
	b.refill()
	b.tokens = min(b.burst, b.tokens+1)
	b.serve()
}

// serve hands tokens to the head of the line while there are any.
func (b *bucket) serve() {
	b.refill()
	for len(b.line) > 0 && b.ready() {
		b.spend()
		turn := b.line[0]
		b.line[0] = nil
		b.line = b.line[1:]
		turn.SetResult(struct{}{})
	}
	b.arm()
}

// arm sets the timer for the head of the line.
func (b *bucket) arm() {
	if b.timer != nil {
		b.timer.Cancel()
		b.timer = nil
	}
	if len(b.line) == 0 {
		return
	}
	b.refill()
	wait := max(b.hold-b.loop.Time(), 0)
	if !b.unlimited() && b.tokens < wholeToken {
		seconds := (1 - b.tokens) / (b.rate * b.factor)
		drip := time.Duration(math.MaxInt64)
		if nanos := math.Ceil(seconds * float64(time.Second)); nanos < math.MaxInt64/2 {
			drip = time.Duration(nanos)
		}
		wait = max(wait, drip)
	}
	if wait < math.MaxInt64/2 { // otherwise only a new rate helps
		b.timer = b.loop.CallLater(wait, func() {
			b.timer = nil
			b.serve()
		})
	}
}

// holdFor gives out nothing for d.
func (b *bucket) holdFor(d time.Duration) {
	b.hold = max(b.hold, b.loop.Time()+d)
	b.arm()
}

// slow multiplies the rate by f, but not below the least share of what it was set to.
func (b *bucket) slow(f, least float64) {
	b.refill()
	b.factor = min(1, max(least, b.factor*f))
	b.arm()
}

// idle reports whether forgetting the bucket changes nothing.
func (b *bucket) idle() bool {
	b.refill()
	return len(b.line) == 0 && b.factor == 1 && b.loop.Time() >= b.hold && (b.unlimited() || b.tokens >= b.burst)
}
