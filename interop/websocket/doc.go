// Package interop holds the WebSocket client and server of this project against those of others: coder/websocket in
// Go, websockets and aiohttp in Python. It has tests only, and is a module of its own so that nobody who uses the
// library downloads what they need.
package interop
