package aiohttp

// WebSocket: what tasks send and receive with, the same on both sides.

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"iter"
	"net"
	"unicode/utf8"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/wsproto"
)

// maxLateReceives is how often a closed WebSocket may be received from before that is an
// error: a loop that overlooks the end has to stop some time.
const maxLateReceives = 5

// WebSocket is one end of an open WebSocket. Any number of tasks may send; one may receive.
// The zero value is not open yet: its methods return ErrWSNotConnected. Copies are the same
// WebSocket. CPython: what aiohttp.ClientWebSocketResponse and web.WebSocketResponse share.
type WebSocket struct{ p *WSProtocol }

// Receive returns the next message, suspending until there is one. Pings and the closing
// handshake are dealt with by themselves. The end of the connection is a message too: a
// WSMsgClose, a WSMsgError, or, again and again, a WSMsgClosing while we close and a WSMsgClosed
// afterwards, the fifth of them an error in place of a message. Errors are those of ctx, a *WSTimeoutError after the receive timeout, and
// ErrWSConcurrentReceive; after any of them the connection is as it was, and no message is
// lost. CPython: receive.
func (w WebSocket) Receive(ctx context.Context) (WSMessage, error) {
	p := w.p
	switch {
	case p == nil:
		return WSMessage{}, ErrWSNotConnected
	case ctx.Err() != nil:
		return WSMessage{}, asyncio.Sleep(ctx, 0) // fails at once, with the error of every suspension
	case p.receiving:
		return WSMessage{}, ErrWSConcurrentReceive
	}
	p.receiving = true
	defer func() { p.receiving = false }()
	limited, limit := ctx, p.config.ReceiveTimeout
	for {
		if m, ok := p.next(); ok {
			return m, nil
		}
		if m, err, ended := p.atEnd(); ended {
			return m, err
		}
		if limit > 0 && limited == ctx {
			timed, cancel := asyncio.WithTimeout(ctx, limit)
			defer cancel()
			limited = timed
		}
		p.arrived.Clear()
		if err := p.arrived.Wait(limited); err != nil {
			if ctx.Err() == nil {
				err = &WSTimeoutError{URL: p.handshake.URL, What: "receive", Limit: limit}
			}
			return WSMessage{}, err
		}
	}
}

// atEnd returns the message that says that no other will come.
func (p *WSProtocol) atEnd() (m WSMessage, err error, ended bool) {
	switch {
	case p.final != nil:
		m, p.final = *p.final, nil
		return m, nil, true
	case p.state == wsOpen:
		return m, nil, false
	}
	if p.late++; p.late >= maxLateReceives {
		e := p.closedError().(*WSClosedError)
		e.Err = errWSReceiveAfterClose
		return m, e, true
	}
	if p.state < wsLingering {
		return WSMessage{Type: WSMsgClosing}, nil, true
	}
	return WSMessage{Type: WSMsgClosed}, nil, true
}

// All yields messages until the WebSocket is closed, then ends: CloseCode and Err tell how. A
// WSMsgError is yielded, with its error. It suspends between messages; an error of Receive
// ends it in place of a message. aiohttp: async for msg in ws.
func (w WebSocket) All(ctx context.Context) iter.Seq2[WSMessage, error] {
	return func(yield func(WSMessage, error) bool) {
		for {
			m, err := w.Receive(ctx)
			switch {
			case err != nil:
				yield(m, err)
				return
			case m.Type == WSMsgError:
				yield(m, m.Err)
				return
			case m.Type == WSMsgClose || m.Type == WSMsgClosing || m.Type == WSMsgClosed:
				return
			case !yield(m, nil):
				return
			}
		}
	}
}

// receiveType receives a message of one type.
func (w WebSocket) receiveType(ctx context.Context, want WSMsgType) ([]byte, error) {
	m, err := w.Receive(ctx)
	switch {
	case err != nil:
		return nil, err
	case m.Type == want:
		return m.Data, nil
	case m.Type == WSMsgError:
		return nil, m.Err
	case m.Type >= WSMsgClosing || m.Type == WSMsgClose:
		return nil, w.p.closedError()
	}
	return nil, &WSMessageTypeError{Got: m.Type, Want: want}
}

// ReceiveString receives a text message. A message of another type is a
// *WSMessageTypeError, the end of the connection a *WSClosedError. It suspends as Receive
// does. CPython: receive_str.
func (w WebSocket) ReceiveString(ctx context.Context) (string, error) {
	data, err := w.receiveType(ctx, WSMsgText)
	return string(data), err
}

// ReceiveBytes is ReceiveString for a binary message. CPython: receive_bytes.
func (w WebSocket) ReceiveBytes(ctx context.Context) ([]byte, error) {
	return w.receiveType(ctx, WSMsgBinary)
}

// ReceiveJSON receives a text message and decodes it into v. An error of the decoder leaves
// the connection as it was. A message of more than 64 KiB is decoded on another goroutine,
// as [ClientResponse.JSON] does it. CPython: receive_json.
func (w WebSocket) ReceiveJSON(ctx context.Context, v any) error {
	data, err := w.receiveType(ctx, WSMsgText)
	if err != nil {
		return err
	}
	if len(data) > offloadSize {
		return offload(ctx, func() error { return json.Unmarshal(data, v) })
	}
	return json.Unmarshal(data, v)
}

// SendString sends a text message, which has to be UTF-8. It suspends while more is on its
// way than the writer limit, before the message and after it, and does not wait for the
// peer otherwise. When ctx ends while it waits, the message was either handed over as a whole
// or not at all. After the end it returns a *WSClosedError. CPython: send_str.
func (w WebSocket) SendString(ctx context.Context, text string) error {
	switch {
	case w.p == nil:
		return ErrWSNotConnected
	case !utf8.ValidString(text):
		return ErrWSText
	}
	return w.p.send(ctx, wsproto.Text, nil, text)
}

// SendBytes sends a binary message; see SendString. data may be used again afterwards.
// CPython: send_bytes.
func (w WebSocket) SendBytes(ctx context.Context, data []byte) error {
	if w.p == nil {
		return ErrWSNotConnected
	}
	return w.p.send(ctx, wsproto.Binary, data, "")
}

// SendJSON sends v, encoded, as a text message; see SendString. CPython: send_json.
func (w WebSocket) SendJSON(ctx context.Context, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.SendFrame(ctx, WSMsgText, data)
}

// SendFrame sends a message of any type but WSMsgClose in one frame; see SendString.
// CPython: send_frame.
func (w WebSocket) SendFrame(ctx context.Context, t WSMsgType, data []byte) error {
	switch {
	case w.p == nil:
		return ErrWSNotConnected
	case t == WSMsgText && !utf8.Valid(data):
		return ErrWSText
	case t == WSMsgPing || t == WSMsgPong:
		if len(data) > 125 {
			return ErrWSControlTooLong
		}
	case t != WSMsgText && t != WSMsgBinary:
		return &WSMessageTypeError{Got: t, Want: WSMsgText}
	}
	return w.p.send(ctx, wsproto.Opcode(t), data, "")
}

// Ping sends a ping with up to 125 bytes of data; see SendString. CPython: ping.
func (w WebSocket) Ping(ctx context.Context, data []byte) error {
	return w.SendFrame(ctx, WSMsgPing, data)
}

// Pong sends a pong with up to 125 bytes of data; see SendString. CPython: pong.
func (w WebSocket) Pong(ctx context.Context, data []byte) error {
	return w.SendFrame(ctx, WSMsgPong, data)
}

// Close carries out the closing handshake: it sends code, 0 standing for WSCloseOK, with a
// reason of up to 123 bytes, and suspends until the peer has answered. Messages that come
// meanwhile are thrown away. A peer that does not answer within the close timeout is a
// *WSTimeoutError; then, and when ctx ends first, the connection is cut and the close code is
// WSCloseAbnormal. On a WebSocket that is closed it does nothing. CPython: close.
func (w WebSocket) Close(ctx context.Context, code WSCloseCode, reason string) error {
	if w.p == nil {
		return ErrWSNotConnected
	}
	return w.p.close(ctx, code, reason)
}

// Closed reports whether the WebSocket is at its end. There may still be messages to
// receive. CPython: closed.
func (w WebSocket) Closed() bool { return w.p != nil && w.p.state >= wsLingering }

// CloseCode is the code the WebSocket was closed with: the peer's, WSCloseAbnormal if the
// connection was lost, 0 while it is open. CPython: close_code.
func (w WebSocket) CloseCode() WSCloseCode {
	if w.p == nil {
		return 0
	}
	return w.p.code
}

// CloseReason is the reason that came with the peer's close code.
func (w WebSocket) CloseReason() string {
	if w.p == nil {
		return ""
	}
	return w.p.reason
}

// Err is what went wrong: nil while the WebSocket is open and after a proper close.
// CPython: exception.
func (w WebSocket) Err() error {
	if w.p == nil {
		return nil
	}
	return w.p.err
}

// Protocol is the subprotocol that was agreed on, "" for none. CPython: protocol.
func (w WebSocket) Protocol() string {
	if w.p == nil {
		return ""
	}
	return w.p.handshake.Protocol
}

// Compress reports whether compressed messages were agreed on. CPython: compress.
func (w WebSocket) Compress() bool { return w.p != nil && w.p.handshake.Deflate != nil }

// ClientNoTakeover reports whether it was agreed that the client compresses every message by
// itself. CPython: client_notakeover.
func (w WebSocket) ClientNoTakeover() bool {
	return w.Compress() && w.p.handshake.Deflate.ClientNoTakeover
}

// GetExtraInfo tells about the connection below: "peername" and "sockname" give a net.Addr,
// "ssl_object" a *tls.ConnectionState. What is not known is nil. CPython: get_extra_info.
func (w WebSocket) GetExtraInfo(name string) any {
	if w.p == nil {
		return nil
	}
	link := w.p.link
	switch name {
	case "peername":
		if l, ok := link.(interface{ RemoteAddr() net.Addr }); ok {
			return l.RemoteAddr()
		}
	case "sockname":
		if l, ok := link.(interface{ LocalAddr() net.Addr }); ok {
			return l.LocalAddr()
		}
	case "ssl_object":
		if l, ok := link.(interface{ TLS() *tls.ConnectionState }); ok && l.TLS() != nil {
			return l.TLS()
		}
	}
	return nil
}
