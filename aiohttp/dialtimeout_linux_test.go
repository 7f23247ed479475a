package aiohttp_test

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/aiohttp"
)

// A dial that does not come to an end is given up in time. The kernel drops what asks for a
// connection to a listener whose queue is full.
func TestDialTimeout(t *testing.T) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for i := range 8 { // one is enough on Linux; what does not fit does not matter
		filler, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(filler)
		if err := syscall.SetNonblock(filler, i > 0); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Connect(filler, name); err != nil && err != syscall.EINPROGRESS {
			t.Fatal(err)
		}
	}
	onLoop(t, func(ctx context.Context) error {
		s := aiohttp.NewClientSession()
		defer s.Close()
		_, err := s.Get(ctx, "http://"+address+"/", aiohttp.WithTimeout(aiohttp.ClientTimeout{Dial: 30 * time.Millisecond}))
		if !errors.Is(err, aiohttp.ErrDialTimeout) {
			t.Errorf("got %v, want ErrDialTimeout", err)
		}
		return nil
	})
}
