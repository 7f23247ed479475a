//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock_test

// Pipes, devices and processes that somebody else has opened.

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/aio-go/aio/internal/sock"
	"github.com/aio-go/aio/internal/sockdir"
)

// openPipe returns both ends of a pipe as streams.
func (r *rig) openPipe() (reader, writer sock.Stream) {
	r.Helper()
	pr, pw, err := os.Pipe()
	if err != nil {
		r.Fatal(err)
	}
	return r.open(pr, sock.FileRead), r.open(pw, sock.FileWrite)
}

func (r *rig) open(f sock.File, mode sock.FileMode) sock.Stream {
	r.Helper()
	s, err := r.OpenFile(f, mode)
	if err != nil {
		r.Fatal(err)
	}
	s.SetNotify(func(sock.Ready) {})
	return s
}

func TestPipeCarriesBytesOneWay(t *testing.T) {
	each(t, func(r *rig) {
		reader, writer := r.openPipe()
		want := bytes.Repeat([]byte("0123456789abcdef"), 20_000) // more than a pipe holds
		var got []byte
		sent, buf := 0, make([]byte, 50_000)
		r.until("the end", func() bool {
			if sent < len(want) {
				n, err := writer.TryWrite(want[sent:])
				if err != nil && err != sock.ErrWouldBlock {
					r.Fatal(err)
				}
				if sent += n; sent == len(want) {
					writer.Close()
				}
			}
			n, err := reader.TryRead(buf)
			got = append(got, buf[:n]...)
			return err == io.EOF
		})
		if !bytes.Equal(got, want) {
			r.Errorf("got %d bytes that are not the %d sent", len(got), len(want))
		}
		if a := reader.RemoteAddr(); a.Network() != "pipe" || a.String() == "" {
			r.Errorf("got address %s %q, want pipe and a name", a.Network(), a)
		}
	})
}

func TestPipeHasOneDirection(t *testing.T) {
	each(t, func(r *rig) {
		reader, writer := r.openPipe()
		if _, err := reader.TryWrite([]byte("x")); err == nil || err == sock.ErrWouldBlock {
			r.Errorf("writing to the reading end: got %v, want an error", err)
		}
		if _, err := writer.TryRead(make([]byte, 1)); err != sock.ErrWouldBlock {
			r.Errorf("reading from the writing end: got %v, want ErrWouldBlock", err)
		}
		if err := writer.CloseWrite(); err != sock.ErrUnsupported {
			r.Errorf("CloseWrite: got %v, want ErrUnsupported", err)
		}
	})
}

func TestWritingEndNoticesThatNobodyReads(t *testing.T) {
	each(t, func(r *rig) {
		if r.kind == "fallback" {
			r.Skip("package os does not tell")
		}
		reader, writer := r.openPipe()
		reader.Close()
		r.until("the end", func() bool {
			_, err := writer.TryRead(make([]byte, 1))
			return err == io.EOF
		})
	})
}

func TestWritingWhereNobodyReadsFails(t *testing.T) {
	each(t, func(r *rig) {
		reader, writer := r.openPipe()
		reader.Close()
		var err error
		r.until("an error", func() bool {
			_, err = writer.TryWrite([]byte("x"))
			return err != nil && err != sock.ErrWouldBlock
		})
		if !isErrno(err, syscall.EPIPE) {
			r.Errorf("got %v, want EPIPE", err)
		}
	})
}

func isErrno(err error, want syscall.Errno) bool {
	sys, ok := err.(*os.SyscallError)
	return ok && sys.Err == want
}

func TestFilesThatAreAlwaysReadyAreRefused(t *testing.T) {
	each(t, func(r *rig) {
		dir := sockdir.New(r)
		name := filepath.Join(dir, "file")
		if err := os.WriteFile(name, []byte("still here"), 0o600); err != nil {
			r.Fatal(err)
		}
		for _, name := range []string{name, dir} {
			f, err := os.Open(name)
			if err != nil {
				r.Fatal(err)
			}
			if _, err := r.OpenFile(f, sock.FileRead); err != sock.ErrNotPipe {
				r.Errorf("%s: got %v, want ErrNotPipe", name, err)
			}
			if err := f.Close(); err != nil {
				r.Errorf("a file that was refused is not the caller's any more: %v", err)
			}
		}
	})
}

func TestDeviceThatNeverMakesAnybodyWait(t *testing.T) {
	each(t, func(r *rig) {
		null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
		if err != nil {
			r.Fatal(err)
		}
		s := r.open(null, sock.FileRead)
		r.until("the end", func() bool {
			_, err := s.TryRead(make([]byte, 1))
			return err == io.EOF
		})
		null, err = os.OpenFile(os.DevNull, os.O_RDWR, 0)
		if err != nil {
			r.Fatal(err)
		}
		sink := r.open(null, sock.FileWrite)
		for range 3 {
			r.until("a write", func() bool {
				n, err := sink.TryWrite([]byte("gone"))
				return n == 4 && err == nil
			})
		}
	})
}

func TestBlockingModeIsPutBack(t *testing.T) {
	poller, err := sock.New(sock.KindNative)
	if err != nil {
		t.Fatal(err)
	}
	defer poller.Close()
	var fds [2]int
	if err := unix.Pipe(fds[:]); err != nil {
		t.Fatal(err)
	}
	other, err := unix.Dup(fds[0])
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(other)
	defer unix.Close(fds[1])
	blocking := func() bool {
		flags, err := unix.FcntlInt(uintptr(other), unix.F_GETFL, 0)
		if err != nil {
			t.Fatal(err)
		}
		return flags&unix.O_NONBLOCK == 0
	}
	s, err := poller.OpenFile(os.NewFile(uintptr(fds[0]), "shared"), sock.FileRead)
	if err != nil {
		t.Fatal(err)
	}
	if blocking() {
		t.Error("the description blocks while it is watched")
	}
	s.Close()
	if !blocking() {
		t.Error("the description does not block as before")
	}
}

func TestSocketIsTakenOver(t *testing.T) {
	each(t, func(r *rig) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			r.Fatal(err)
		}
		defer ln.Close()
		a, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			r.Fatal(err)
		}
		b, err := ln.Accept()
		if err != nil {
			r.Fatal(err)
		}
		defer b.Close()
		s := r.open(a.(*net.TCPConn), sock.FileRead)
		if _, err := b.Write([]byte("hello")); err != nil {
			r.Fatal(err)
		}
		if got, err := r.read(s, 5); string(got) != "hello" || err != nil {
			r.Errorf("got %q, %v, want hello", got, err)
		}
		s.Close()
		if n, err := b.Read(make([]byte, 1)); n != 0 || err == nil {
			r.Errorf("got %d, %v, want the end: the original is closed too", n, err)
		}
	})
}

func TestProcessIsWatched(t *testing.T) {
	each(t, func(r *rig) {
		cmd := exec.Command("cat")
		in, err := cmd.StdinPipe()
		if err != nil {
			r.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			r.Skipf("no cat: %v", err)
		}
		over := false
		stop, err := r.WatchProcess(cmd.Process, func() { over = true })
		if err == sock.ErrUnsupported {
			in.Close()
			cmd.Wait()
			r.Skip("processes are no descriptors here")
		}
		if err != nil {
			r.Fatal(err)
		}
		if err := r.Wait(0); err != nil || over {
			r.Errorf("got %v, over %v, want a process that runs", err, over)
		}
		if got := r.Active(); got != 1 {
			r.Errorf("got %d active, want 1", got)
		}
		in.Close()
		r.until("the end", func() bool { return over })
		stop()
		if err := cmd.Wait(); err != nil {
			r.Errorf("waiting after the watch: %v", err)
		}
		if got := r.Active(); got != 0 {
			r.Errorf("got %d active, want 0", got)
		}
	})
}
