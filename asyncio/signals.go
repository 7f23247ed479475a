package asyncio

// Signals: handlers that run on the loop, and the interrupt that cancels Run's main task.

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// ErrInterrupted is the cause with which SIGINT or SIGTERM cancels the main task of Run.
// CPython: KeyboardInterrupt, for SIGINT alone.
var ErrInterrupted = errors.New("asyncio: interrupted")

// endings are the signals that ask a program to end. The first cancels the main task of Run.
var endings = []os.Signal{os.Interrupt, syscall.SIGTERM}

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
	l.signals.interrupt.pause(sig)
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
	l.signals.interrupt.resume(sig)
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

// An interrupt is the first of the endings to come: it cancels a main task. It leaves out the
// signals for which the loop has a handler of its own.
type interrupt struct {
	relays map[os.Signal]*signalRelay
	mu     sync.Mutex
	fired  bool // it has done its work; the next signal is not for it
}

// catchInterrupt makes the first SIGINT or SIGTERM cancel main and gives the second its
// ordinary effect, until stop is called, unless the loop's options say otherwise.
func (l *EventLoop) catchInterrupt(main Waitable) (stop func()) {
	if l.options.noSignals {
		return func() {}
	}
	i := &interrupt{relays: make(map[os.Signal]*signalRelay)}
	i.mu.Lock() // a signal may come before all are in place
	defer i.mu.Unlock()
	for _, sig := range endings {
		if signal.Ignored(sig) {
			continue
		}
		i.relays[sig] = relaySignal(sig, func(*signalRelay) {
			if i.fire() {
				l.post(func() { main.Cancel(ErrInterrupted) })
			}
		})
		if l.signals.relays[sig] != nil {
			i.pause(sig)
		}
	}
	l.signals.interrupt = i
	return func() {
		l.signals.interrupt = nil
		for _, r := range i.relays {
			r.stop()
		}
	}
}

// fire reports whether this signal is the first, and gives those after it their ordinary
// effect.
func (i *interrupt) fire() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	first := !i.fired
	i.fired = true
	for _, r := range i.relays {
		signal.Stop(r.ch)
	}
	return first
}

func (i *interrupt) pause(sig os.Signal) {
	if i == nil || i.relays[sig] == nil {
		return
	}
	signal.Stop(i.relays[sig].ch)
}

func (i *interrupt) resume(sig os.Signal) {
	if i == nil || i.relays[sig] == nil {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.fired {
		signal.Notify(i.relays[sig].ch, sig)
	}
}
