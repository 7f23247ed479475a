package asyncio

// Recv and Send: waiting for Go channels, the meeting point with code that runs on goroutines.
//
// What can be done at once is done at once. What has to wait waits on a goroutine of its own,
// which does nothing else, and is done with the channel before the call returns. While it
// waits the loop counts it among the things outside that may still wake it.

import "context"

// Recv receives a value from ch; ok is false if ch is closed and empty. If there is a value it
// does not suspend, whether or not ctx has ended; otherwise the running task waits until there
// is one. When ctx ends first, Recv returns its error and has received nothing: a value that
// was received before the task had its turn is returned instead. A nil ch waits for the end of
// ctx. Recv costs a goroutine while it waits: between tasks of one loop use a Queue.
func Recv[T any](ctx context.Context, ch <-chan T) (v T, ok bool, err error) {
	select {
	case v, ok = <-ch:
		return v, ok, nil
	default:
	}
	err = awaitChannel(ctx, ch == nil, func(quit <-chan struct{}) bool {
		select {
		case v, ok = <-ch:
			return true
		case <-quit:
			return false
		}
	})
	return v, ok, err
}

// Send sends v on ch. If ch takes it at once Send does not suspend, whether or not ctx has
// ended; otherwise the running task waits until it does. When ctx ends first, Send returns its
// error and v was not sent: if it was taken before the task had its turn, Send succeeds. A nil
// ch waits for the end of ctx. Sending on a closed channel panics, in the calling task. Send
// costs a goroutine while it waits: between tasks of one loop use a Queue.
func Send[T any](ctx context.Context, ch chan<- T, v T) error {
	select {
	case ch <- v:
		return nil
	default:
	}
	return awaitChannel(ctx, ch == nil, func(quit <-chan struct{}) bool {
		select {
		case ch <- v:
			return true
		case <-quit:
			return false
		}
	})
}

// A channelWait is a goroutine that operates on a channel for a suspended task.
type channelWait struct {
	quit     chan struct{} // closed when the task wants it no more
	over     chan struct{} // closed when the goroutine has nothing left to do; guards the rest
	happened bool
	panicked any
	waiter   waitQueue // the task
}

// awaitChannel suspends the running task while operate blocks on another goroutine, or until
// ctx ends, and then closes quit. It returns nil if operate has reported true. An operation
// that can never happen, on a nil channel, needs no goroutine.
func awaitChannel(ctx context.Context, never bool, operate func(quit <-chan struct{}) bool) error {
	s, made := scopeOf(ctx)
	if made {
		defer s.close()
	}
	l := s.loop
	if _, err := l.suspending(s); err != nil {
		return err
	}
	w := &channelWait{quit: make(chan struct{}), over: make(chan struct{})}
	if never {
		return l.parkOn(s, &w.waiter, waitChannel)
	}
	go w.run(l, operate)
	err := w.wait(s)
	if w.panicked != nil {
		panic(w.panicked)
	}
	if w.happened {
		return nil
	}
	return err
}

// wait suspends the running task until the goroutine is done or s ends, and then makes sure
// that the goroutine is, also for a task that is ended by force.
func (w *channelWait) wait(s *scope) error {
	s.loop.outside++
	defer func() {
		s.loop.outside--
		close(w.quit)
		<-w.over
	}()
	return s.loop.parkOn(s, &w.waiter, waitChannel)
}

// run operates on the channel, away from the loop.
func (w *channelWait) run(l *EventLoop, operate func(quit <-chan struct{}) bool) {
	defer func() {
		w.panicked = recover()
		close(w.over)
		if w.happened || w.panicked != nil {
			l.post(func() { w.waiter.wakeOne() })
		}
	}()
	w.happened = operate(w.quit)
}
