package asyncio_test

// Connections in memory.

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"syscall"
	"testing"

	"github.com/aio-go/aio/aiotest"
	"github.com/aio-go/aio/asyncio"
)

func TestPipeCarriesBytesBothWays(t *testing.T) {
	for seed := range uint64(20) {
		aiotest.Run(t, func(ctx context.Context) error {
			rng := rand.New(rand.NewPCG(seed, 0))
			a, b := asyncio.Pipe(ctx)
			want := make([]byte, 300_000)
			for i := range want {
				want[i] = byte(rng.Uint32())
			}
			write := func(c *asyncio.Conn) asyncio.Coroutine[none] {
				return func(ctx context.Context) (none, error) {
					for rest := want; len(rest) > 0; {
						n := min(len(rest), 1+rng.IntN(90_000))
						if _, err := c.Write(rest[:n]); err != nil {
							return none{}, err
						}
						rest = rest[n:]
					}
					return none{}, c.CloseWrite()
				}
			}
			read := func(c *asyncio.Conn) asyncio.Coroutine[none] {
				return func(ctx context.Context) (none, error) {
					var got []byte
					for {
						p := make([]byte, 1+rng.IntN(70_000))
						n, err := c.Read(p)
						got = append(got, p[:n]...)
						if err == io.EOF {
							break
						}
						if err != nil {
							return none{}, err
						}
					}
					if !bytes.Equal(got, want) {
						t.Errorf("seed %d: got %d bytes, or others than were sent", seed, len(got))
					}
					return none{}, nil
				}
			}
			var tasks []*asyncio.Task[none]
			for _, c := range []*asyncio.Conn{a, b} {
				tasks = append(tasks, asyncio.CreateTask(ctx, write(c)), asyncio.CreateTask(ctx, read(c)))
			}
			_, err := asyncio.Gather(ctx, tasks...).Await(ctx)
			return errors.Join(err, a.Close(), b.Close())
		})
	}
}

func TestPipeEndsLikeASocket(t *testing.T) {
	for _, tt := range []struct {
		name  string
		end   func(a *asyncio.Conn)
		read  error // what the other end gets
		write error
	}{
		{"closed", func(a *asyncio.Conn) { a.Close() }, io.EOF, syscall.EPIPE},
		{"half closed", func(a *asyncio.Conn) { a.CloseWrite() }, io.EOF, nil},
		{"closed with bytes unread", func(a *asyncio.Conn) { a.Close() }, syscall.ECONNRESET, syscall.ECONNRESET},
	} {
		t.Run(tt.name, func(t *testing.T) {
			aiotest.Run(t, func(ctx context.Context) error {
				a, b := asyncio.Pipe(ctx)
				defer a.Close()
				defer b.Close()
				if tt.read == syscall.ECONNRESET {
					b.Write([]byte("unread"))
				}
				reading := asyncio.CreateTask(ctx, func(context.Context) (none, error) {
					_, err := b.Read(make([]byte, 8))
					return none{}, err
				})
				asyncio.Sleep(ctx, 0) // it is suspended
				tt.end(a)
				if _, err := reading.Await(ctx); !errors.Is(err, tt.read) {
					t.Errorf("read: got %v, want %v", err, tt.read)
				}
				if _, err := b.Write([]byte("x")); !errors.Is(err, tt.write) {
					t.Errorf("write: got %v, want %v", err, tt.write)
				}
				if b.RemoteAddr().Network() != "pipe" {
					t.Errorf("got the address %v", b.RemoteAddr())
				}
				return nil
			})
		})
	}
}

func TestWriterToAClosedPipeIsWoken(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		a, b := asyncio.Pipe(ctx)
		writing := asyncio.CreateTask(ctx, func(context.Context) (none, error) {
			_, err := a.Write(make([]byte, 1<<20))
			return none{}, err
		})
		asyncio.Sleep(ctx, 0)
		b.Close()
		if _, err := writing.Await(ctx); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %v, want a reset", err)
		}
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v from the closed end", err)
		}
		return a.Close()
	})
}
