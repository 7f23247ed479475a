// The WebSocket client and server against those of others. It is a module of its own so
// that nobody who uses the library downloads them; go.work joins it to the tree.
module github.com/aio-go/aio/interop/websocket

go 1.26.0

require (
	github.com/aio-go/aio v0.1.0
	github.com/coder/websocket v1.8.15
)
