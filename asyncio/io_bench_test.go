//go:build unix

package asyncio_test

// TCP echo through each layer, beside package net in the same run, under load from another
// process: what counts is the server's CPU per message. Run it with -cpu 1,2.

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

const loadArguments = "ASYNCIO_TEST_LOAD" // address, connections, bytes

func init() { children["echo load"] = generateLoad }

// generateLoad sends messages and awaits their echo until the server is gone.
func generateLoad() {
	args := strings.Fields(os.Getenv(loadArguments))
	n, _ := strconv.Atoi(args[1])
	size, _ := strconv.Atoi(args[2])
	var running sync.WaitGroup
	for range n {
		running.Go(func() {
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
		})
	}
	running.Wait()
}

// An echo server counts the bytes it has sent back and calls reached when there are enough.
type echoMeter struct {
	bytes   int
	goal    int
	reached func()
}

func (m *echoMeter) add(n int) {
	m.bytes += n
	if m.goal > 0 && m.bytes >= m.goal {
		m.goal = 0
		m.reached()
	}
}

func BenchmarkEcho(b *testing.B) {
	for _, size := range []int{64, 16 << 10} {
		prefix := "conns=64/bytes=" + strconv.Itoa(size)
		b.Run(prefix+"/server=protocol", func(b *testing.B) { benchmarkLoopEcho(b, size, serveProtocol) })
		b.Run(prefix+"/server=conn", func(b *testing.B) { benchmarkLoopEcho(b, size, serveConns) })
		b.Run(prefix+"/server=streams", func(b *testing.B) { benchmarkLoopEcho(b, size, serveStreams) })
		b.Run(prefix+"/server=net", func(b *testing.B) { benchmarkNetEcho(b, size) })
	}
}

func benchmarkLoopEcho(b *testing.B, size int, serve func(context.Context, *echoMeter) (net.Addr, error)) {
	_, err := asyncio.Run(context.Background(), func(ctx context.Context) (none, error) {
		m := new(echoMeter)
		addr, err := serve(ctx, m)
		if err != nil {
			return none{}, err
		}
		defer startLoad(b, addr, size)()
		for _, n := range []int{2000, b.N} {
			reached := asyncio.NewFuture[none](ctx)
			m.bytes, m.goal, m.reached = 0, n*size, func() { reached.SetResult(none{}) }
			b.ResetTimer()
			before := cpuTime()
			if _, err := reached.Await(ctx); err != nil {
				return none{}, err
			}
			b.ReportMetric(float64(cpuTime()-before)/float64(n), "cpu-ns/op")
		}
		b.StopTimer()
		return none{}, nil
	}, asyncio.WithoutSignals())
	if err != nil {
		b.Fatal(err)
	}
}

type meteredEcho struct {
	echoProtocol
	meter *echoMeter
}

func (p *meteredEcho) DataReceived(b []byte) {
	p.transport.Write(b)
	p.meter.add(len(b))
}

func serveProtocol(ctx context.Context, m *echoMeter) (net.Addr, error) {
	s, err := asyncio.CreateServer(ctx, func() asyncio.Protocol { return &meteredEcho{meter: m} }, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return s.Addr(), nil
}

func serveConns(ctx context.Context, m *echoMeter) (net.Addr, error) {
	ln, err := asyncio.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	spawn(ctx, func(ctx context.Context) error {
		for {
			c, err := ln.Accept(ctx)
			if err != nil {
				return err
			}
			spawn(ctx, func(ctx context.Context) error {
				buf := make([]byte, 64<<10)
				for {
					n, err := c.Read(buf)
					if err != nil {
						return nil
					}
					if _, err := c.Write(buf[:n]); err != nil {
						return nil
					}
					m.add(n)
				}
			})
		}
	})
	return ln.Addr(), nil
}

func serveStreams(ctx context.Context, m *echoMeter) (net.Addr, error) {
	s, err := asyncio.StartServer(ctx, func(ctx context.Context, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
		buf := make([]byte, 64<<10)
		for {
			n, err := r.Read(ctx, buf)
			if err != nil {
				return err
			}
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
			if err := w.Drain(ctx); err != nil {
				return err
			}
			m.add(n)
		}
	}, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return s.Addr(), nil
}

func benchmarkNetEcho(b *testing.B, size int) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	var mu sync.Mutex
	reached := make(chan none)
	m := &echoMeter{reached: func() { reached <- none{} }}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				buf := make([]byte, 64<<10)
				for {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					if _, err := c.Write(buf[:n]); err != nil {
						return
					}
					mu.Lock()
					m.add(n)
					mu.Unlock()
				}
			}()
		}
	}()
	defer startLoad(b, ln.Addr(), size)()
	for _, n := range []int{2000, b.N} {
		mu.Lock()
		m.bytes, m.goal = 0, n*size
		mu.Unlock()
		b.ResetTimer()
		before := cpuTime()
		<-reached
		b.ReportMetric(float64(cpuTime()-before)/float64(n), "cpu-ns/op")
	}
	b.StopTimer()
}

// startLoad starts the other process and returns what stops it.
func startLoad(b *testing.B, addr net.Addr, size int) (stop func()) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childProgram+"=echo load", loadArguments+"="+addr.String()+" 64 "+strconv.Itoa(size))
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	return func() {
		cmd.Process.Kill()
		cmd.Wait()
	}
}

// cpuTime is what this process has used so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
