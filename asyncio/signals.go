package asyncio

// Signals: handlers that run on the loop, and the interrupt that cancels Run's main task.

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
)

// ErrInterrupted is the cause with which SIGINT cancels the main task of Run.
// CPython: KeyboardInterrupt.
var ErrInterrupted = errors.New("asyncio: interrupted")

// signalHandlers are the handlers of one loop, at most one for each signal.
type signalHandlers struct {
	relays    map[os.Signal]*signalRelay
	interrupt *interrupt // nil while there is none
}

// A signalRelay carries one signal from the runtime to a loop. Its goroutine lives until
// stop.
type signalRelay struct {
	ch   chan os.Signal
	quit chan struct{}
	over chan struct{}
	once sync.Once
}

// relaySignal calls f, on a goroutine of its own, whenever sig arrives.
func relaySignal(sig os.Signal, f func(*signalRelay)) *signalRelay {
	r := &signalRelay{ch: make(chan os.Signal, 1), quit: make(chan struct{}), over: make(chan struct{})}
	signal.Notify(r.ch, sig)
	go func() {
		defer close(r.over)
		for {
			select {
			case <-r.ch:
				f(r)
			case <-r.quit:
				return
			}
		}
	}()
	return r
}

// stop restores what the signal did before and ends the goroutine. It is idempotent.
func (r *signalRelay) stop() {
	r.once.Do(func() {
		signal.Stop(r.ch)
		close(r.quit)
	})
	<-r.over
}

// AddSignalHandler makes the loop call f whenever the process receives sig, in place of the
// handler it had for it. A loop with a handler waits for signals rather than reporting a
// deadlock. It returns an error for a signal that cannot be caught.
// CPython: loop.add_signal_handler.
func (l *EventLoop) AddSignalHandler(sig os.Signal, f func()) error {
	l.checkCall("AddSignalHandler", f)
	if !catchable(sig) {
		return fmt.Errorf("asyncio: add signal handler: %v cannot be caught", sig)
	}
	relay := relaySignal(sig, func(*signalRelay) { l.post(f) })
	if sig == os.Interrupt {
		l.signals.interrupt.pause()
	}
	if old, ok := l.signals.relays[sig]; ok {
		old.stop()
	} else {
		l.outside++
	}
	if l.signals.relays == nil {
		l.signals.relays = make(map[os.Signal]*signalRelay)
	}
	l.signals.relays[sig] = relay
	return nil
}

// RemoveSignalHandler takes the handler for sig away and reports whether there was one.
// CPython: loop.remove_signal_handler.
func (l *EventLoop) RemoveSignalHandler(sig os.Signal) bool {
	r, ok := l.signals.relays[sig]
	if !ok {
		return false
	}
	delete(l.signals.relays, sig)
	if sig == os.Interrupt {
		l.signals.interrupt.resume()
	}
	r.stop()
	l.outside--
	return true
}

func (h *signalHandlers) removeAll() {
	for sig, r := range h.relays {
		r.stop()
		delete(h.relays, sig)
	}
}

// An interrupt is the SIGINT that cancels a main task. It pauses while the loop has a
// handler of its own for it.
type interrupt struct {
	relay *signalRelay
	mu    sync.Mutex
	fired bool // it has done its work; the next SIGINT is not for it
}

// catchInterrupt makes the first SIGINT cancel main and gives the second its ordinary
// effect, until stop is called, unless the loop's options say otherwise.
func (l *EventLoop) catchInterrupt(main Waitable) (stop func()) {
	if l.options.noSignals || signal.Ignored(os.Interrupt) {
		return func() {}
	}
	i := new(interrupt)
	i.relay = relaySignal(os.Interrupt, func(r *signalRelay) {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.fired = true
		signal.Stop(r.ch)
		l.post(func() { main.Cancel(ErrInterrupted) })
	})
	if l.signals.relays[os.Interrupt] != nil {
		i.pause()
	}
	l.signals.interrupt = i
	return func() {
		l.signals.interrupt = nil
		i.relay.stop()
	}
}

func (i *interrupt) pause() {
	if i != nil {
		signal.Stop(i.relay.ch)
	}
}

func (i *interrupt) resume() {
	if i == nil {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.fired {
		signal.Notify(i.relay.ch, os.Interrupt)
	}
}
