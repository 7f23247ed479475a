//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sock_test

import (
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/aio-go/aio/internal/sock"
)

// What parking costs: an echo server on each poller under load from another
// process, and wake-ups from other goroutines. Run with -cpu 1,2; the figures
// are in docs/adr/0002-parking-the-poller.md.

// loadVariable makes the test binary a load generator: "address connections
// bytes".
const loadVariable = "AIO_SOCK_LOAD"

func TestMain(m *testing.M) {
	if load := os.Getenv(loadVariable); load != "" {
		generateLoad(strings.Fields(load))
		return
	}
	os.Exit(m.Run())
}

// generateLoad sends messages and awaits their echo until the server is gone.
func generateLoad(args []string) {
	n, _ := strconv.Atoi(args[1])
	size, _ := strconv.Atoi(args[2])
	ended := make(chan struct{})
	for range n {
		go func() {
			defer func() { ended <- struct{}{} }()
			conn, err := net.Dial("tcp", args[0])
			if err != nil {
				return
			}
			buf := make([]byte, size)
			for {
				if _, err := conn.Write(buf); err != nil {
					return
				}
				if _, err := io.ReadFull(conn, buf); err != nil {
					return
				}
			}
		}()
	}
	for range n {
		<-ended
	}
}

func BenchmarkEcho(b *testing.B) {
	for _, conns := range []int{1, 64} {
		for _, size := range []int{64, 16 << 10} {
			for _, p := range pollers {
				name := "conns=" + strconv.Itoa(conns) + "/bytes=" + strconv.Itoa(size) + "/poller=" + p.name
				b.Run(name, func(b *testing.B) { benchmarkEcho(b, p.new, conns, size) })
			}
		}
	}
}

func benchmarkEcho(b *testing.B, newPoller func() (sock.Poller, error), conns, size int) {
	poller, err := newPoller()
	if err != nil {
		b.Fatal(err)
	}
	l, err := poller.Listen("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, sock.ListenOptions{})
	if err != nil {
		b.Fatal(err)
	}
	messages := 0
	buf := make([]byte, 64<<10)
	l.SetNotify(func(sock.Ready) {
		for {
			s, err := l.TryAccept()
			if err != nil {
				return
			}
			e := &echo{Stream: s, size: size, messages: &messages}
			s.SetNotify(func(sock.Ready) { e.serve(buf) })
		}
	})
	generator := exec.Command(os.Args[0])
	generator.Env = append(os.Environ(), loadVariable+"="+l.Addr().String()+" "+strconv.Itoa(conns)+" "+strconv.Itoa(size))
	if err := generator.Start(); err != nil {
		b.Fatal(err)
	}
	run := func(n int) {
		for goal := messages + n; messages < goal; {
			if err := poller.Wait(-1); err != nil {
				b.Fatal(err)
			}
		}
	}
	run(2000)
	b.ResetTimer()
	cpu := cpuTime()
	run(b.N)
	b.ReportMetric(float64(cpuTime()-cpu)/float64(b.N), "cpu-ns/op")
	b.StopTimer()
	poller.Close()
	generator.Process.Kill()
	generator.Wait()
}

// echo sends back what it gets, and counts messages.
type echo struct {
	sock.Stream
	unsent   []byte
	received int
	size     int
	messages *int
}

func (e *echo) serve(buf []byte) {
	for {
		if len(e.unsent) > 0 {
			n, err := e.TryWrite(e.unsent)
			e.unsent = e.unsent[n:]
			if err != nil {
				return
			}
			continue
		}
		n, err := e.TryRead(buf)
		if err != nil {
			return
		}
		if sent, _ := e.TryWrite(buf[:n]); sent < n {
			e.unsent = append([]byte(nil), buf[sent:n]...)
		}
		if e.received += n; e.received >= e.size {
			e.received -= e.size
			*e.messages++
		}
	}
}

// cpuTime is what this process has used so far.
func cpuTime() time.Duration {
	var u unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkWake is another goroutine handing something to a parked poller and
// waiting for the answer.
func BenchmarkWake(b *testing.B) {
	for _, p := range pollers {
		b.Run("poller="+p.name, func(b *testing.B) {
			poller, err := p.new()
			if err != nil {
				b.Fatal(err)
			}
			defer poller.Close()
			var asked atomic.Int64
			answers := make(chan struct{}, 1)
			go func() {
				for range b.N {
					asked.Add(1)
					poller.Wake()
					<-answers
				}
			}()
			cpu := cpuTime()
			for served := int64(0); served < int64(b.N); {
				poller.Wait(-1)
				for ; served < asked.Load(); served++ {
					answers <- struct{}{}
				}
			}
			b.ReportMetric(float64(cpuTime()-cpu)/float64(b.N), "cpu-ns/op")
		})
	}
}
