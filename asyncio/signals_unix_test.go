//go:build unix

package asyncio_test

import (
	"syscall"
	"testing"
)

func init() { stop = syscall.SIGSTOP }

func TestSignalsThatDoNotExistAreRefused(t *testing.T) { // SIG-01
	l := newLoop(t)
	for _, sig := range []syscall.Signal{-1, 0, 65, 1000} {
		if err := l.AddSignalHandler(sig, func() {}); err == nil {
			t.Errorf("got no error for signal %d", int(sig))
		}
	}
	wantErr(t, l.AddSignalHandler(syscall.SIGUSR1, func() {}), nil)
}
