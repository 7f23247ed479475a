//go:build !unix

package urllist

// Systems without poll.

import (
	"context"
	"os"
)

// waitReadable has nothing to wait with on this platform: the read that follows blocks, and cancellation takes effect
// at its end.
func waitReadable(ctx context.Context, _ *os.File) error { return context.Cause(ctx) }
