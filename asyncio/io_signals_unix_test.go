//go:build unix

package asyncio_test

// Signals interrupt system calls; nobody above them may notice.

import (
	"context"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/aio-go/aio/asyncio"
)

func TestSignalsDoNotDisturbTransfers(t *testing.T) {
	onKernel(t, func(ctx context.Context, t *testing.T) error {
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				default:
					syscall.Kill(os.Getpid(), syscall.SIGURG) // which the runtime takes for its own
				}
			}
		}()
		defer func() { close(stop); <-stopped }()

		const rounds, size = 200, 100_000
		client, server := connPair(ctx, t)
		defer client.Close()
		defer server.Close()
		echo := asyncio.CreateTask(ctx, func(context.Context) (none, error) {
			_, err := io.Copy(server, struct{ io.Reader }{server})
			return none{}, err
		})
		message, got := pattern(size), make([]byte, size)
		for range rounds {
			reading := asyncio.CreateTask(ctx, func(context.Context) (none, error) {
				_, err := io.ReadFull(client, got)
				return none{}, err
			})
			if _, err := client.Write(message); err != nil {
				return err
			}
			if _, err := reading.Await(ctx); err != nil || string(got) != string(message) {
				t.Fatalf("got %v, or other bytes than were sent", err)
			}
			if err := asyncio.Sleep(ctx, 10*time.Microsecond); err != nil { // parked, too
				return err
			}
		}
		client.CloseWrite()
		_, err := echo.Await(ctx)
		return err
	})
}
