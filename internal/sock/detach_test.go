//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock_test

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/aio-go/aio/internal/sock"
)

// What had been read ahead, or is being read, is not lost, and the poller hears of the
// connection no more.
func TestDetachedStreamGoesOnAsABlockingConnection(t *testing.T) {
	for _, when := range []string{"before", "after"} {
		t.Run(when, func(t *testing.T) {
			each(t, func(r *rig) {
				a, b := r.pair("tcp")
				notified := 0
				a.SetNotify(func(sock.Ready) { notified++ })
				if when == "before" {
					r.write(b, []byte("hello "))
					r.until("news", func() bool { return a.Ready()&sock.Readable != 0 })
				}
				conn, err := a.(sock.Detacher).Detach()
				if err != nil {
					r.Fatal(err)
				}
				defer conn.Close()
				if when == "after" {
					r.write(b, []byte("hello "))
				}
				r.write(b, []byte("world"))
				if _, err := a.TryRead(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
					r.Errorf("reading from the stream: got %v, want net.ErrClosed", err)
				}
				if got := r.Active(); got != 1 {
					r.Errorf("got %d active sockets, want the other end alone", got)
				}
				notified = 0
				if got := r.drive(func() (string, error) { return readAll(conn, len("hello world")) }); got != "hello world" {
					r.Errorf("got %q, want both halves", got)
				}
				if _, err := conn.Write([]byte("back")); err != nil {
					r.Error(err)
				}
				if got, err := r.read(b, 4); string(got) != "back" || err != nil {
					r.Errorf("got %q and %v", got, err)
				}
				if notified != 0 {
					r.Errorf("the poller reported %d events of a connection that had left", notified)
				}
				if err := conn.SetReadDeadline(time.Unix(1, 0)); err != nil {
					r.Error(err)
				}
				var timeout net.Error
				if _, err := conn.Read(make([]byte, 1)); !errors.As(err, &timeout) || !timeout.Timeout() {
					r.Errorf("got %v, want the deadline's error", err)
				}
			})
		})
	}
}

func readAll(conn net.Conn, n int) (string, error) {
	p := make([]byte, n)
	_, err := io.ReadFull(conn, p)
	return string(p), err
}

// drive runs the poller until f, which blocks, has returned.
func (r *rig) drive(f func() (string, error)) string {
	r.Helper()
	var got string
	var err error
	done := make(chan struct{})
	go func() {
		got, err = f()
		close(done)
		r.Wake()
	}()
	r.until("the blocking call", func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	})
	if err != nil {
		r.Fatal(err)
	}
	return got
}

func TestTwinSharesTheConnection(t *testing.T) {
	each(t, func(r *rig) {
		a, b := r.pair("tcp")
		twinned, ok := a.(sock.Twinned)
		if !ok {
			r.Skip("there is no descriptor to share")
		}
		twin, err := twinned.Twin()
		if err != nil {
			r.Fatal(err)
		}
		buf := make([]byte, 10)
		for _, text := range []string{"one", "two"} {
			if _, err := b.TryWrite([]byte(text)); err != nil {
				r.Fatal(err)
			}
			if n, err := twin.Read(buf); string(buf[:n]) != text || err != nil {
				r.Errorf("the twin got %q, %v, want %q", buf[:n], err, text)
			}
			r.until("the truth", func() bool {
				_, err := a.TryRead(buf)
				return err == sock.ErrWouldBlock
			})
			if _, err := b.TryWrite([]byte("again")); err != nil {
				r.Fatal(err)
			}
			n := 0
			r.until("data", func() bool {
				n, err = a.TryRead(buf)
				return err != sock.ErrWouldBlock
			})
			if string(buf[:n]) != "again" {
				r.Errorf("the stream got %q, %v", buf[:n], err)
			}
		}
		a.Close()
		if _, err := b.TryWrite([]byte("x")); err != nil {
			r.Fatal(err)
		}
		if n, err := twin.Read(buf); n != 1 || err != nil {
			r.Errorf("the twin of a closed stream got %d, %v", n, err)
		}
		twin.Close()
	})
}
