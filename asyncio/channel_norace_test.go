//go:build !race

package asyncio_test

// Closing a channel that somebody waits to send on is a data race by definition, and reported
// as one; what becomes of the sender is tested without the detector.

import (
	"context"
	"testing"

	"github.com/aio-go/aio/asyncio"
)

func TestClosingTheChannelPanicsInTheTaskThatWaitsToSend(t *testing.T) {
	simulate(t, func(ctx context.Context) error {
		ch := make(chan int)
		sender := spawn(ctx, func(ctx context.Context) error {
			wantPanic(t, "closed channel", func() { _ = asyncio.Send(ctx, ch, 1) })
			return nil
		})
		settle(ctx)
		close(ch)
		_, err := sender.Await(ctx)
		return err
	})
}
