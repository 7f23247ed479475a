//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock_test

import (
	"errors"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/aio-go/aio/internal/sock"
)

// ownedFD is a descriptor whose owner knows when it is closed.
type ownedFD struct {
	fd     int
	closed bool
}

func (c *ownedFD) Control(f func(uintptr)) error {
	if c.closed {
		return net.ErrClosed
	}
	f(uintptr(c.fd))
	return nil
}
func (c *ownedFD) Read(func(uintptr) bool) error  { return errors.ErrUnsupported }
func (c *ownedFD) Write(func(uintptr) bool) error { return errors.ErrUnsupported }

func (c *ownedFD) close() {
	if !c.closed {
		c.closed = true
		unix.Close(c.fd)
	}
}

// Whoever is told that a descriptor is ready may close it. The others, who wait for something else
// of it, all hear of that at once.
func TestDescriptorClosedByOneWatchEndsTheOthersAtOnce(t *testing.T) {
	each(t, func(r *rig) {
		if r.kind == "fallback" {
			r.Skip("a plain descriptor has nobody to wait for it there")
		}
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			r.Fatal(err)
		}
		conn, peer := &ownedFD{fd: fds[0]}, &ownedFD{fd: fds[1]}
		defer conn.close()
		defer peer.close()
		if err := unix.SetNonblock(conn.fd, true); err != nil {
			r.Fatal(err)
		}
		for err == nil { // until it takes no more
			_, err = unix.Write(conn.fd, make([]byte, 64<<10))
		}
		told := 0
		watch := func(want sock.Ready, f func(error)) {
			r.Helper()
			stop, err := r.Watch(conn, want, f)
			if err != nil || stop == nil {
				r.Fatalf("watching: %v, ready already: %t", err, stop == nil)
			}
		}
		watch(sock.Readable, func(err error) {
			if err != nil {
				r.Errorf("the reader was told %v", err)
			}
			conn.close()
		})
		for range 3 {
			watch(sock.Writable, func(err error) {
				told++
				if !errors.Is(err, net.ErrClosed) {
					r.Errorf("a writer was told %v, want net.ErrClosed", err)
				}
			})
		}
		if _, err := unix.Write(peer.fd, []byte("x")); err != nil {
			r.Fatal(err)
		}
		for !conn.closed {
			if err := r.Wait(patience); err != nil {
				r.Fatal(err)
			}
		}
		if told != 3 {
			r.Errorf("%d of 3 were told when it was closed", told)
		}
	})
}
