package aiohttp

// Opening a WebSocket as a client: a request like any other, with middlewares, cookies,
// redirects and proxies, whose answer turns the connection into something else.

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/aio-go/aio/asyncio"
	"github.com/aio-go/aio/internal/http1"
	"github.com/aio-go/aio/internal/wsproto"
)

// wsOptions is what WSConnect can be told beyond what any request can.
type wsOptions struct {
	config    WSConfig
	protocols []string
	origin    string
	compress  *wsproto.Deflate
	key       string
}

// wsOption changes wsOptions. On a request that opens no WebSocket it is an error.
func wsOption(name string, f func(o *requestOptions)) RequestOption {
	return requestOption(func(o *requestOptions) {
		if o.ws == nil {
			o.fail(fmt.Errorf("aiohttp: %s is an option of WSConnect", name))
			return
		}
		f(o)
	})
}

// WithWSProtocols names the subprotocols the client speaks, the preferred one first.
// Default: none.
func WithWSProtocols(names ...string) RequestOption {
	return wsOption("WithWSProtocols", func(o *requestOptions) { o.ws.protocols = names })
}

// WithWSOrigin sets the Origin header. Default: none.
func WithWSOrigin(origin string) RequestOption {
	return wsOption("WithWSOrigin", func(o *requestOptions) { o.ws.origin = origin })
}

// WithWSCompress offers compressed messages whose matches reach back 2^bits bytes, 9 to 15;
// 0 offers none. Messages are decompressed on the loop, in the order in which they come: one of
// 256 KiB holds it up for one to three milliseconds, one of 4 MiB for twenty to forty;
// [WithWSMaxMsgSize] bounds that. Default: 0.
func WithWSCompress(bits int) RequestOption {
	return wsOption("WithWSCompress", func(o *requestOptions) {
		switch {
		case bits == 0:
			o.ws.compress = nil
		case bits < 9 || bits > 15:
			o.fail(fmt.Errorf("aiohttp: WithWSCompress(%d): want 0, or 9 to 15", bits))
		case bits == 15:
			o.ws.compress = &wsproto.Deflate{}
		default:
			o.ws.compress = &wsproto.Deflate{ServerBits: bits, ClientBits: bits}
		}
	})
}

// WithWSNoContextTakeover offers, together with WithWSCompress, that each side compresses
// every message by itself: less memory, longer messages. Default: messages build on those
// before.
func WithWSNoContextTakeover() RequestOption {
	return wsOption("WithWSNoContextTakeover", func(o *requestOptions) {
		if o.ws.compress == nil {
			o.fail(errors.New("aiohttp: WithWSNoContextTakeover needs WithWSCompress before it"))
			return
		}
		o.ws.compress.ClientNoTakeover, o.ws.compress.ServerNoTakeover = true, true
	})
}

// WithWSHeartbeat sends a ping when nothing was heard of the peer for d, and gives the
// connection up when nothing comes within another d/2. Default: none.
func WithWSHeartbeat(d time.Duration) RequestOption {
	return wsOption("WithWSHeartbeat", func(o *requestOptions) { o.ws.config.Heartbeat = d })
}

// WithWSManualClose leaves it to the caller to answer the peer's Close, with Close.
// Default: it is answered at once. aiohttp: autoclose=False.
func WithWSManualClose() RequestOption {
	return wsOption("WithWSManualClose", func(o *requestOptions) { o.ws.config.ManualClose = true })
}

// WithWSManualPing has pings and pongs received like messages, and leaves it to the caller
// to answer them. Default: pings are answered at once. aiohttp: autoping=False.
func WithWSManualPing() RequestOption {
	return wsOption("WithWSManualPing", func(o *requestOptions) { o.ws.config.ManualPing = true })
}

// ClientWSTimeout holds the time limits of an open WebSocket; those for opening it are the
// ClientTimeout of the request. CPython: aiohttp.ClientWSTimeout.
type ClientWSTimeout struct {
	Receive time.Duration // of one receive. Default: none
	Close   time.Duration // for the peer's answer to Close; < 0: none. Default: 10 s
}

// WithWSTimeout sets the time limits. Default: ClientWSTimeout{}.
func WithWSTimeout(t ClientWSTimeout) RequestOption {
	return wsOption("WithWSTimeout", func(o *requestOptions) {
		o.ws.config.ReceiveTimeout, o.ws.config.CloseTimeout = t.Receive, t.Close
	})
}

// WithWSMaxMsgSize limits the bytes of a received message, decompressed; one that is longer
// ends the connection with WSCloseMessageTooBig. Less than zero means no limit.
// Default: 4 MiB.
func WithWSMaxMsgSize(bytes int64) RequestOption {
	return wsOption("WithWSMaxMsgSize", func(o *requestOptions) { o.ws.config.MaxMsgSize = bytes })
}

// WithWSWriterLimit sets how many bytes may be on their way before senders wait.
// Default: 64 KiB.
func WithWSWriterLimit(bytes int) RequestOption {
	return wsOption("WithWSWriterLimit", func(o *requestOptions) { o.ws.config.WriterLimit = bytes })
}

// ClientWebSocketResponse is a WebSocket that was opened by WSConnect. Close it when it is
// no longer needed; closing its session cuts it off. CPython:
// aiohttp.ClientWebSocketResponse.
type ClientWebSocketResponse struct {
	WebSocket
	resp *ClientResponse
}

// Response returns the answer that opened the WebSocket: its headers, cookies and history.
func (w *ClientWebSocketResponse) Response() *ClientResponse { return w.resp }

// WSConnect opens a WebSocket. The URL may begin with ws, wss, http or https. It takes the
// options of requests and those whose names begin with WithWS. It suspends as Request does;
// the limits of WithTimeout are for opening alone. An answer other than an agreement is a
// *WSServerHandshakeError. The WebSocket keeps its place in the connector until it is
// closed. CPython: ClientSession.ws_connect.
func (s *ClientSession) WSConnect(ctx context.Context, url string, opts ...RequestOption) (*ClientWebSocketResponse, error) {
	c := s.newCall()
	c.opts.ws = new(wsOptions)
	for _, o := range opts {
		o.applyRequest(&c.opts)
	}
	if c.opts.check != nil {
		c.opts.change().check = nil
	}
	s.bind(ctx)
	c.opts.prepareWS(s.loop)
	resp, err := s.start(ctx, c, http.MethodGet, httpURL(url))
	if err != nil {
		return nil, err
	}
	h, err := c.opts.ws.checkAnswer(resp)
	if err != nil {
		if fault := resp.finishSmall(ctx, maxRedirectDrain); fault != nil && ctx.Err() != nil {
			return nil, fault
		}
		return nil, err
	}
	return c.openWS(resp, h), nil
}

// httpURL returns the URL of the handshake's request.
func httpURL(raw string) string {
	scheme, rest, ok := cutScheme(raw)
	switch {
	case ok && strings.EqualFold(scheme, "ws"):
		return "http:" + rest
	case ok && strings.EqualFold(scheme, "wss"):
		return "https:" + rest
	}
	return raw
}

// prepareWS makes the headers of the handshake (RFC 6455 section 4.1).
func (o *requestOptions) prepareWS(l *asyncio.EventLoop) {
	var nonce [16]byte
	for i := 0; i < len(nonce); i += 8 {
		binary.LittleEndian.PutUint64(nonce[i:], l.Rand().Uint64())
	}
	o.ws.key = base64.StdEncoding.EncodeToString(nonce[:])
	h := http.Header{
		"Upgrade":               {"websocket"},
		"Connection":            {"Upgrade"},
		"Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key":     {o.ws.key},
	}
	if len(o.ws.protocols) > 0 {
		h["Sec-Websocket-Protocol"] = []string{strings.Join(o.ws.protocols, ", ")}
	}
	if o.ws.compress != nil {
		h["Sec-Websocket-Extensions"] = []string{o.ws.compress.Offer()}
	}
	if o.ws.origin != "" {
		h["Origin"] = []string{o.ws.origin}
	}
	for _, name := range o.ws.protocols {
		if !http1.ValidMethod(name) { // a token, like a method
			o.fail(fmt.Errorf("aiohttp: WithWSProtocols(%q): not a token", clip(name)))
		}
	}
	o.headers = mergeHeaders(o.headers, h)
}

// checkAnswer decides whether the server has agreed (RFC 6455 section 4.1).
func (o *wsOptions) checkAnswer(resp *ClientResponse) (WSHandshake, error) {
	h := WSHandshake{URL: resp.loc.text()}
	fault := ""
	switch {
	case resp.Status != http.StatusSwitchingProtocols || resp.upgraded == nil:
		fault = "invalid response status"
	case !one(resp.Headers["Upgrade"], "websocket"):
		fault = "invalid Upgrade header " + quoted(resp.Headers["Upgrade"])
	case !slices.ContainsFunc(resp.Headers["Connection"], func(v string) bool { return listsToken(v, "upgrade") }):
		fault = "invalid Connection header " + quoted(resp.Headers["Connection"])
	case resp.Headers.Get("Sec-Websocket-Accept") != wsproto.AcceptKey(o.key):
		fault = "invalid challenge response in Sec-WebSocket-Accept"
	}
	if fault == "" {
		h.Protocol = strings.Join(resp.Headers["Sec-Websocket-Protocol"], ", ") // one, or none of those offered
		if h.Protocol != "" && !slices.Contains(o.protocols, h.Protocol) {
			fault = fmt.Sprintf("server chose subprotocol %q, offered were %q", clip(h.Protocol), o.protocols)
		}
	}
	if fault == "" {
		var err error
		if h.Deflate, err = wsproto.CheckAnswer(resp.Headers["Sec-Websocket-Extensions"], o.compress); err != nil {
			fault = err.Error()
		}
	}
	if fault == "" {
		return h, nil
	}
	return h, &WSServerHandshakeError{resp.responseError(fault)}
}

func one(values []string, want string) bool { return len(values) == 1 && asciiLower(values[0]) == want }

func quoted(values []string) string { return fmt.Sprintf("%q", clip(strings.Join(values, ", "))) }

// wsWire is a wire that can be handed over to a protocol. The wire is not used afterwards.
type wsWire interface {
	switchTo(p *WSProtocol) WSTransport
}

func (w *connWire) switchTo(p *WSProtocol) WSTransport {
	t := asyncio.NewTransport(w.conn, p)
	limit := p.config.WriterLimit
	t.SetWriteBufferLimits(limit, limit/4)
	return t
}

// openWS turns the connection of resp into a WebSocket.
func (c *call) openWS(resp *ClientResponse, handshake WSHandshake) *ClientWebSocketResponse {
	h := resp.upgraded
	resp.upgraded = nil
	p := NewWSProtocol(c.session.loop, c.opts.ws.config, handshake)
	surplus := h.buf[h.off:]
	link := h.wire.(wsWire).switchTo(p)
	h.wire = &goneWire{p: p}
	p.Start(link, h.abort)
	if len(surplus) > 0 {
		p.DataReceived(surplus)
	}
	h.dropBuffer()
	w := &ClientWebSocketResponse{WebSocket: p.WebSocket(), resp: resp}
	if c.session.loop.Debug() {
		g := &wsGuard{p: p, site: callSite()}
		runtime.AddCleanup(w, (*wsGuard).report, g)
	}
	return w
}

// wsGuard is what is left of a WebSocket that nobody refers to any more.
type wsGuard struct {
	p    *WSProtocol
	site string // who opened it
}

// report runs on a goroutine of the runtime.
func (g *wsGuard) report() {
	// A loop that is closed has closed its connections.
	_ = g.p.loop.CallSoonThreadsafe(func() {
		if g.p.gone || g.p.state >= wsLingering {
			return
		}
		slog.Warn("aiohttp: WebSocket was never closed", "url", g.p.handshake.URL, "at", g.site)
		g.p.Drop(ErrResponseClosed)
	})
}

// goneWire stands in the pool for a connection that has become a WebSocket.
type goneWire struct {
	wire
	p *WSProtocol
}

func (g *goneWire) Read(context.Context, []byte, time.Duration) (int, error) { return 0, io.EOF }
func (g *goneWire) Write(context.Context, []byte, time.Duration) (int, error) {
	return 0, net.ErrClosed
}
func (g *goneWire) OnReadable(func()) {}

// Close is called when the connector is closed, and when the WebSocket has ended.
func (g *goneWire) Close() error {
	if !g.p.gone {
		g.p.Drop(ErrSessionClosed)
	}
	return nil
}
