package web

// WebSocketResponse: a request that becomes a WebSocket.
//
// Prepare checks the handshake, answers it, and hands the connection over: from then on what
// arrives goes to the WebSocket, which is the client's, seen from the other side. The request
// goes on until its handler returns.

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aio-go/aio/aiohttp"
	"github.com/aio-go/aio/internal/wsproto"
)

// WebSocketResponse is a response that opens a WebSocket:
//
//	ws := &web.WebSocketResponse{}
//	if err := ws.Prepare(ctx, req); err != nil {
//		return nil, err
//	}
//	for msg, err := range ws.All(ctx) {
//		…
//	}
//	return ws, nil
//
// The zero value answers pings and the client's Close by itself, compresses if the client
// offers to, and takes messages of up to 4 MiB. It belongs to one request; when its handler
// returns it is closed, and when the server stops it is closed with 1001. Its methods to
// send and to receive are those of [aiohttp.WebSocket].
type WebSocketResponse struct {
	Headers        http.Header   // of the handshake's answer; nil: none
	Protocols      []string      // the subprotocols the server speaks, the preferred one first
	Timeout        time.Duration // for the client's answer to Close; 0: 10 s, < 0: none
	ReceiveTimeout time.Duration // of one receive; 0: none
	Heartbeat      time.Duration // silence after which a ping is sent; half as long it may stay unanswered; 0: none
	MaxMsgSize     int64         // bytes of a received message, decompressed; 0: 4 MiB, < 0: none
	WriterLimit    int           // bytes on their way above which senders wait; 0: 64 KiB
	ManualClose    bool          // the client's Close is answered by calling Close
	ManualPing     bool          // pings are received instead of answered
	NoCompress     bool          // compression is not agreed to

	aiohttp.WebSocket
	outgoing
	protocol *aiohttp.WSProtocol
}

// WebSocketReady is what CanPrepare found out. CPython: web.WebSocketReady.
type WebSocketReady struct {
	OK       bool
	Protocol string // the subprotocol that would be chosen
}

// handshake is what is read from the request.
type handshake struct {
	key      string
	protocol string
	deflate  *wsproto.Deflate
	answer   string // Sec-WebSocket-Extensions
}

// CanPrepare reports whether the request asks for a WebSocket that Prepare could open.
func (w *WebSocketResponse) CanPrepare(req *Request) WebSocketReady {
	if w.state != responseFresh {
		return WebSocketReady{}
	}
	h, err := w.check(req)
	return WebSocketReady{OK: err == nil, Protocol: h.protocol}
}

// check reads the handshake (RFC 6455 §4.2.1).
func (w *WebSocketResponse) check(req *Request) (h handshake, err error) {
	h.key = strings.Trim(req.Headers.Get("Sec-Websocket-Key"), " ")
	switch {
	case !hasToken(req.Headers["Upgrade"], "websocket"):
		return h, HTTPBadRequest(WithText("No WebSocket UPGRADE hdr: the Upgrade header does not name websocket"))
	case !hasToken(req.Headers["Connection"], "upgrade"):
		return h, HTTPBadRequest(WithText("No CONNECTION upgrade hdr: the Connection header does not list upgrade"))
	case req.Method != http.MethodGet || req.minor == 0 || !req.upgrade:
		return h, HTTPBadRequest(WithText("A WebSocket is opened by GET and HTTP/1.1"))
	}
	switch req.Headers.Get("Sec-Websocket-Version") {
	case "13", "8", "7":
	default:
		return h, HTTPUpgradeRequired(WithText("Unsupported WebSocket version"), WithHeader("Sec-WebSocket-Version", "13, 8, 7"))
	}
	if len(req.Headers["Sec-Websocket-Key"]) != 1 || !wsproto.ValidKey(h.key) {
		return h, HTTPBadRequest(WithText("Handshake error: Sec-WebSocket-Key is not the base64 of 16 bytes"))
	}
	for _, name := range w.Protocols {
		if listed(req.Headers["Sec-Websocket-Protocol"], name) {
			h.protocol = name
			break
		}
	}
	if !w.NoCompress {
		if agreed, answer, ok := wsproto.AcceptOffer(req.Headers["Sec-Websocket-Extensions"], wsproto.Deflate{}); ok {
			h.deflate, h.answer = &agreed, answer
		}
	}
	return h, nil
}

// listed looks for a name in comma-separated lists, as it is spelt.
func listed(lists []string, name string) bool {
	for _, list := range lists {
		for item := range strings.SplitSeq(list, ",") {
			if strings.Trim(item, " \t") == name {
				return true
			}
		}
	}
	return false
}

// Prepare opens the WebSocket. A request that is no proper handshake is an HTTP error of 400
// or 426, to be returned by the handler. It suspends only if a prepare hook does, and fails
// with [ErrConnectionLost] if the client is gone.
func (w *WebSocketResponse) Prepare(ctx context.Context, req *Request) error {
	if w.state != responseFresh {
		return w.prepare(ctx, w, req)
	}
	h, err := w.check(req)
	if err != nil {
		return err
	}
	headers := w.Header()
	headers["Upgrade"] = []string{"websocket"}
	headers["Connection"] = []string{"Upgrade"}
	headers["Sec-Websocket-Accept"] = []string{wsproto.AcceptKey(h.key)}
	if h.answer != "" {
		headers["Sec-Websocket-Extensions"] = []string{h.answer}
	}
	if h.protocol != "" {
		headers["Sec-Websocket-Protocol"] = []string{h.protocol}
	}
	if err := w.prepare(ctx, w, req); err != nil {
		return err
	}
	w.protocol = aiohttp.NewWSProtocol(req.conn.server.loop, aiohttp.WSConfig{
		CloseTimeout: w.Timeout, ReceiveTimeout: w.ReceiveTimeout, Heartbeat: w.Heartbeat, MaxMsgSize: w.MaxMsgSize,
		WriterLimit: w.WriterLimit, ManualClose: w.ManualClose, ManualPing: w.ManualPing,
	}, aiohttp.WSHandshake{Server: true, Protocol: h.protocol, Deflate: h.deflate})
	w.WebSocket = w.protocol.WebSocket()
	req.conn.becomeWebSocket(w.protocol, w.WriterLimit)
	return nil
}

// WriteEOF closes the WebSocket, if that has not happened. Returning it from the handler does
// the same.
func (w *WebSocketResponse) WriteEOF(ctx context.Context) error {
	if w.state == responseFresh {
		return errNotPrepared
	}
	w.state = responseEnded
	if err := w.Close(ctx, aiohttp.WSCloseOK, ""); err != nil && ctx.Err() != nil {
		return err
	}
	return nil // a client that does not answer has lost its connection
}

// StatusCode implements [AnyResponse].
func (w *WebSocketResponse) StatusCode() int { return http.StatusSwitchingProtocols }

// Header implements [AnyResponse].
func (w *WebSocketResponse) Header() http.Header {
	if w.Headers == nil {
		w.Headers = make(http.Header)
	}
	return w.Headers
}

func (w *WebSocketResponse) head() responseHead {
	return responseHead{status: http.StatusSwitchingProtocols, headers: w.Headers, cookies: w.cookies, length: lengthUnknown}
}

// becomeWebSocket gives the connection to p. What has arrived behind the handshake is its
// first input.
func (c *conn) becomeWebSocket(p *aiohttp.WSProtocol, writerLimit int) {
	c.flush()
	c.webSocket = p
	c.lastRequest = true
	c.calm()
	c.writeDue = 0
	if t, ok := c.transport.(interface{ SetWriteBufferLimits(high, low int) }); ok && writerLimit > 0 {
		t.SetWriteBufferLimits(writerLimit, writerLimit/4)
	}
	if c.writePaused {
		p.PauseWriting()
	}
	p.Start(wsLink{c}, nil)
	if c.readPaused {
		c.readPaused = false
		c.transport.ResumeReading()
	}
	c.feedWebSocket(c.pending)
	c.pending = nil
	if c.eof {
		p.EOFReceived()
	}
}

// feedWebSocket hands input to the WebSocket.
func (c *conn) feedWebSocket(in []byte) {
	if len(in) > 0 {
		c.webSocket.DataReceived(in)
	}
}

// failWebSocket ends a WebSocket whose handler did not end it.
func (c *conn) failWebSocket(ctx context.Context) {
	if c.webSocket.WebSocket().Close(ctx, aiohttp.WSCloseInternalError, "") != nil {
		c.abort()
	}
}

// wsLink is the connection as its WebSocket sees it.
type wsLink struct{ c *conn }

func (l wsLink) Write(p []byte) {
	if l.c.open() {
		l.c.transport.Write(p)
	}
}

func (l wsLink) WriteEOF() {
	if l.c.open() {
		l.c.transport.WriteEOF()
	}
}

// Close ends the connection behind what was written. The handler may go on.
func (l wsLink) Close() {
	if l.c.open() {
		l.c.enter(phaseClosing)
		l.c.transport.Close()
	}
}

func (l wsLink) Abort()               { l.c.abort() }
func (l wsLink) PauseReading()        { l.c.transport.PauseReading() }
func (l wsLink) ResumeReading()       { l.c.transport.ResumeReading() }
func (l wsLink) LocalAddr() net.Addr  { return l.c.transport.LocalAddr() }
func (l wsLink) RemoteAddr() net.Addr { return l.c.transport.RemoteAddr() }
