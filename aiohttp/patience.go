package aiohttp

// patience: a task that waits for a goroutine, within the limits of its request. One timer
// serves many waits, since the nearest limit is mostly that of the whole request.

import (
	"context"
	"time"

	"github.com/aio-go/aio/asyncio"
)

type patience struct {
	loop     *asyncio.EventLoop
	news     *asyncio.ThreadEvent // the goroutine has something for the task
	deadline time.Duration        // of timer
	timer    *asyncio.TimerHandle
	late     bool // the timer has fired
}

func (w *patience) init(l *asyncio.EventLoop) {
	w.loop, w.news, w.deadline = l, asyncio.NewThreadEvent(l), noDeadline
}

// await suspends the task until ready reports true, within the limits of phase p.
func (w *patience) await(ctx context.Context, r *ClientRequest, p Phase, ready func() bool) error {
	if ready() {
		return nil
	}
	deadline := w.begin(r, p)
	for {
		if err := w.news.Wait(ctx); err != nil {
			return err
		}
		if ready() {
			return nil
		}
		if w.late {
			return r.expired(p, deadline)
		}
	}
}

// begin sets the limit of a wait in phase p.
func (w *patience) begin(e errand, p Phase) time.Duration {
	deadline := e.deadline(p)
	w.limit(deadline)
	return deadline
}

// limit has the task woken at deadline.
func (w *patience) limit(deadline time.Duration) {
	if deadline == w.deadline && !w.late {
		return
	}
	if w.timer != nil {
		w.timer.Cancel()
		w.timer = nil
	}
	w.deadline, w.late = deadline, false
	if deadline != noDeadline {
		w.timer = w.loop.CallAt(deadline, w.expire)
	}
}

func (w *patience) expire() {
	w.late = true
	w.news.Set()
}
