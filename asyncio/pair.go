package asyncio

// Connections that never leave the loop.

import (
	"context"

	"github.com/aio-go/aio/internal/sock"
)

// Pipe returns the two ends of a connection in memory: what is written to one is read from
// the other. Up to 64 KiB are under way in each direction; a write beyond that suspends.
// Ends close, half and whole, like those of a TCP connection. It joins a client and a server
// of one loop without a socket. The model: net.Pipe, which has no buffer, and
// socket.socketpair.
func Pipe(ctx context.Context) (*Conn, *Conn) {
	l := loopOf(ctx)
	a, b := sock.NewPair()
	return newConn(l, "pipe", a), newConn(l, "pipe", b)
}
