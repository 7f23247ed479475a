package aiohttp

// Errors of WebSockets. They hang in the tree of errors.go:
//
//	ErrClient
//	├─ *ClientResponseError
//	│   └─ *WSServerHandshakeError     the server did not agree to a WebSocket
//	├─ ErrClientConnection
//	│   ├─ ErrWSClosed  *WSClosedError the WebSocket is closed or its connection lost
//	│   └─ … ErrServerTimeout
//	│       └─ *WSTimeoutError         the peer did not answer in time
//	└─ *WSProtocolError                the peer broke the protocol
//
// Outside of it stand mistakes of the caller: *WSMessageTypeError and the sentinels below.

import (
	"errors"
	"time"
)

var (
	classWSClosed  = newClass("WebSocket is closed", classConnection)
	classWSTimeout = newClass("WebSocket timeout", classServerTimeout)

	// ErrWSClosed is matched by every *WSClosedError.
	ErrWSClosed error = classWSClosed
	// ErrWSNotConnected is returned by the methods of a WebSocket that was not opened yet.
	ErrWSNotConnected = errors.New("aiohttp: the WebSocket is not open yet: call Prepare first")
	// ErrWSConcurrentReceive is returned to the second of two tasks that receive from one
	// WebSocket at the same time.
	ErrWSConcurrentReceive = errors.New("aiohttp: another task is already receiving from this WebSocket")
	// ErrWSText is returned for a text message that is not UTF-8.
	ErrWSText = errors.New("aiohttp: a text message has to be valid UTF-8: use SendBytes")
	// ErrWSControlTooLong is returned for a ping or pong of more than 125 bytes.
	ErrWSControlTooLong = errors.New("aiohttp: the data of a ping or pong is limited to 125 bytes")
	// ErrWSCloseCode is returned for a close code that may not be sent.
	ErrWSCloseCode = errors.New("aiohttp: this close code may not be sent: use WSCloseOK, another of the registry below 1015 or 3000 to 4999")

	errWSReceiveAfterClose = errors.New("receive called again and again after the WebSocket was closed: end the loop at WSMsgClosed, or use All")
	errWSLost              = errors.New("connection lost without a closing handshake")
)

// WSServerHandshakeError reports a server that did not open a WebSocket: Status and Headers
// are those of its answer, Message says what is wrong with it. CPython:
// aiohttp.WSServerHandshakeError.
type WSServerHandshakeError struct{ ClientResponseError }

func (e *WSServerHandshakeError) Unwrap() error { return &e.ClientResponseError }

// WSClosedError reports a WebSocket that can no longer be used for what was asked.
type WSClosedError struct {
	URL    string      // "" on a server
	Code   WSCloseCode // 0 while the closing handshake is under way
	Reason string      // what the peer gave
	Err    error       // what went wrong, nil after a proper close
}

func (e *WSClosedError) Error() string {
	text := where(e.URL) + "WebSocket is closed"
	if e.Code != 0 {
		text += ": " + e.Code.String()
	}
	if e.Reason != "" {
		text += " " + clip(e.Reason)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}
func (e *WSClosedError) Is(target error) bool { return classWSClosed.within(target) }
func (e *WSClosedError) Unwrap() error        { return e.Err }

// WSTimeoutError reports a peer that did not do something in time.
type WSTimeoutError struct {
	URL   string // "" on a server
	What  string // "receive", "close" or "heartbeat"
	Limit time.Duration
}

func (e *WSTimeoutError) Error() string {
	return where(e.URL) + "WebSocket " + e.What + ": timeout after " + e.Limit.String()
}

// Timeout is true: the error satisfies net.Error's idea of a timeout.
func (e *WSTimeoutError) Timeout() bool { return true }

func (e *WSTimeoutError) Is(target error) bool {
	return classWSTimeout.within(target) || isDeadline(target)
}

// WSProtocolError reports a peer that broke the protocol. The WebSocket was closed with
// Code.
type WSProtocolError struct {
	URL    string // "" on a server
	Code   WSCloseCode
	Detail string
}

func (e *WSProtocolError) Error() string {
	return where(e.URL) + "WebSocket " + e.Code.String() + ": " + e.Detail
}
func (e *WSProtocolError) Is(target error) bool { return classClient.within(target) }

// WSMessageTypeError reports a message of another type than the one asked for. The
// connection stays usable. CPython: aiohttp.WSMessageTypeError.
type WSMessageTypeError struct {
	Got, Want WSMsgType
}

func (e *WSMessageTypeError) Error() string {
	return "aiohttp: received a WebSocket message of type " + e.Got.String() + ", want " + e.Want.String()
}

func where(url string) string {
	if url == "" {
		return "aiohttp: "
	}
	return url + ": "
}
