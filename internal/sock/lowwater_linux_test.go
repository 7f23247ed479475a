package sock_test

import (
	"errors"
	"net"
	"testing"

	"github.com/aio-go/aio/internal/sock"
)

// lowWater returns a as what can be told to keep quiet about little.
func (r *rig) lowWater(a sock.Stream) sock.LowWater {
	r.Helper()
	quiet, ok := a.(sock.LowWater)
	if !ok {
		r.Skip("not with this poller")
	}
	return quiet
}

// mark sets the low water mark of a.
func (r *rig) mark(a sock.Stream, n int) {
	r.Helper()
	if err := r.lowWater(a).SetReadLowWater(n); err != nil {
		r.Fatal(err)
	}
}

// stillQuiet looks whether a becomes readable within some looks at the kernel, for which data
// that cross the loopback interface do not need any longer.
func (r *rig) stillQuiet(a sock.Stream, when string) {
	r.Helper()
	for range 20 {
		if err := r.Wait(0); err != nil {
			r.Fatal(err)
		}
	}
	if a.Ready()&sock.Readable != 0 {
		r.Fatalf("readable %s", when)
	}
}

func TestLowWaterIsQuietAboutLittle(t *testing.T) {
	for _, network := range []string{"tcp", "tcp4"} {
		t.Run(network, func(t *testing.T) {
			each(t, func(r *rig) {
				a, b := r.pair(network)
				r.mark(a, 1000)
				r.write(b, make([]byte, 999))
				r.stillQuiet(a, "one byte below the mark")
				r.write(b, make([]byte, 1))
				r.until("readiness", func() bool { return a.Ready()&sock.Readable != 0 })
				if n, err := a.TryRead(make([]byte, 2000)); n != 1000 || err != nil {
					r.Errorf("got %d, %v, want 1000, nil", n, err)
				}
			})
		})
	}
}

func TestLowWaterThatGoesDownTellsWhatIsThere(t *testing.T) {
	each(t, func(r *rig) {
		a, b := r.pair("tcp")
		r.mark(a, 1000)
		r.mark(a, 1)
		r.stillQuiet(a, "with nothing to read")

		r.mark(a, 1000)
		r.write(b, []byte("little"))
		r.stillQuiet(a, "below the mark")
		r.mark(a, 1)
		if a.Ready()&sock.Readable == 0 {
			r.Error("not readable, although there is something")
		}
		if got, err := r.read(a, 6); string(got) != "little" || err != nil {
			r.Errorf("got %q, %v, want little", got, err)
		}
		r.write(b, []byte("x")) // the usual notification is back
		if got, err := r.read(a, 1); string(got) != "x" || err != nil {
			r.Errorf("got %q, %v, want x", got, err)
		}
	})
}

func TestLowWaterIsNotQuietAboutTheEnd(t *testing.T) {
	for name, end := range map[string]func(sock.Stream) error{"end": sock.Stream.Close, "reset": sock.Stream.Abort} {
		t.Run(name, func(t *testing.T) {
			each(t, func(r *rig) {
				a, b := r.pair("tcp")
				r.mark(a, 1000)
				r.write(b, []byte("last"))
				r.stillQuiet(a, "below the mark")
				if err := end(b); err != nil {
					r.Fatal(err)
				}
				r.until("the end", func() bool { return a.Ready()&sock.Readable != 0 })
			})
		})
	}
}

func TestLowWaterIsForOpenTCPStreams(t *testing.T) {
	each(t, func(r *rig) {
		a, _ := r.pair("unix")
		if err := r.lowWater(a).SetReadLowWater(2); !errors.Is(err, errors.ErrUnsupported) {
			r.Errorf("unix: got %v, want ErrUnsupported", err)
		}
		c, _ := r.pair("tcp")
		c.Close()
		if err := r.lowWater(c).SetReadLowWater(2); err != net.ErrClosed {
			r.Errorf("closed: got %v, want net.ErrClosed", err)
		}
	})
}
