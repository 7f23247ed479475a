package aiohttp

// A WebSocket that is opened again when it breaks.
//
// Connections end: servers restart, networks change. Whoever only wants the messages uses a
// ReconnectingWebSocket, which waits longer from attempt to attempt, by a random share of
// the time so that the clients of a restarted server do not come all at once, and has a hook
// that says again what the server has to know. What was on its way when a connection broke
// is lost; only the application can know what that means.

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/aio-go/aio/asyncio"
)

// ReconnectOption configures a ReconnectingWebSocket.
type ReconnectOption func(*reconnectConfig)

type reconnectConfig struct {
	options      []RequestOption
	first, most  time.Duration
	attempts     int
	onConnect    func(context.Context, *ClientWebSocketResponse) error
	onDisconnect func(error)
	retry        func(error) bool
}

// WithConnectOptions gives the options of every WSConnect. Default: none.
func WithConnectOptions(opts ...RequestOption) ReconnectOption {
	return func(c *reconnectConfig) { c.options = append(c.options, opts...) }
}

// WithReconnectDelay sets the time to wait: before the n-th attempt in a row a random share of
// first·2ⁿ⁻¹, but of most at most ("full jitter"). Default: 1 s and 30 s.
func WithReconnectDelay(first, most time.Duration) ReconnectOption {
	if first <= 0 || most < first {
		panic("aiohttp: WithReconnectDelay: want 0 < first <= most")
	}
	return func(c *reconnectConfig) { c.first, c.most = first, most }
}

// WithMaxAttempts limits the attempts in a row that brought no message. Zero means no limit.
// Default: no limit.
func WithMaxAttempts(n int) ReconnectOption {
	return func(c *reconnectConfig) { c.attempts = n }
}

// WithOnConnect has f called with every WebSocket as soon as it is open, to subscribe, for
// example; nobody else sends or receives before it returns. Its error counts as that of the
// attempt. Default: nothing.
func WithOnConnect(f func(ctx context.Context, ws *ClientWebSocketResponse) error) ReconnectOption {
	return func(c *reconnectConfig) { c.onConnect = f }
}

// WithOnDisconnect has f called with the reason of every failed attempt and of every end of a
// connection. It must not suspend. Default: nothing.
func WithOnDisconnect(f func(err error)) ReconnectOption {
	return func(c *reconnectConfig) { c.onDisconnect = f }
}

// WithReconnectWhen has f decide whether another attempt makes sense after err. Default:
// RetryWebSocket.
func WithReconnectWhen(f func(err error) bool) ReconnectOption {
	return func(c *reconnectConfig) { c.retry = f }
}

// RetryWebSocket reports whether to open a WebSocket again makes sense after err. It does
// after a lost connection, a timeout, a failing server (5xx, 408, 425, 429) and most close
// codes. It does not if the server is done (1000), does not want this client (1002, 1003,
// 1007, 1008, 1009, 1010, 4xx), or the mistake is here.
func RetryWebSocket(err error) bool {
	var refused *WSServerHandshakeError
	var closed *WSClosedError
	var certificate *ClientConnectorCertificateError
	var fingerprint *ServerFingerprintMismatch
	var invalid *InvalidRequestError
	switch {
	case errors.As(err, &refused):
		switch s := refused.Status; s {
		case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
			return true
		default:
			return s >= 500
		}
	case errors.Is(err, ErrSessionClosed), errors.As(err, &certificate), errors.As(err, &fingerprint), errors.As(err, &invalid),
		errors.Is(err, ErrInvalidURL), errors.Is(err, ErrNonHTTPURL):
		return false
	case errors.As(err, &closed):
		switch closed.Code {
		case WSCloseOK, WSCloseProtocolError, WSCloseUnsupportedData, WSCloseInvalidText, WSClosePolicyViolation, WSCloseMessageTooBig, WSCloseMandatoryExtension:
			return false
		}
		return true
	}
	return errors.Is(err, ErrClient)
}

// ReconnectingWebSocket is a WebSocket to one URL that is opened when it is needed, and again
// when it has broken. Any number of tasks may send; one may receive.
type ReconnectingWebSocket struct {
	session  *ClientSession
	url      string
	config   reconnectConfig
	ws       *ClientWebSocketResponse // nil: there is none, or not any more
	leftover []WSMessage              // received from one that has ended
	opening  asyncio.Lock
	since    time.Duration // when ws was opened
	failures int           // attempts in a row that brought nothing
	connects int
	last     error // why the last attempt or connection ended
	stopped  error // why there will be no other; errReconnectClosed after Close
}

var errReconnectClosed = errors.New("the reconnecting WebSocket was closed")

// NewReconnectingWebSocket returns a WebSocket that is not open yet. It costs nothing until it
// is used.
func NewReconnectingWebSocket(session *ClientSession, url string, opts ...ReconnectOption) *ReconnectingWebSocket {
	r := &ReconnectingWebSocket{session: session, url: url}
	r.config = reconnectConfig{first: time.Second, most: 30 * time.Second, retry: RetryWebSocket}
	for _, o := range opts {
		o(&r.config)
	}
	return r
}

// Connect opens the WebSocket, unless it is open, and returns it. It suspends until an attempt
// has succeeded; it fails when ctx ends, and for good when no other attempt makes sense or the
// attempts are used up. The other methods do the same when they need to.
func (r *ReconnectingWebSocket) Connect(ctx context.Context) (*ClientWebSocketResponse, error) {
	r.noticeEnd()
	if r.ws != nil {
		return r.ws, nil
	}
	err := r.opening.With(ctx, func() error {
		for r.ws == nil && r.stopped == nil {
			if err := r.attempt(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case r.ws == nil:
		return nil, r.stopped
	}
	return r.ws, nil
}

// attempt waits as long as it has to and tries once. Its error is that of ctx.
func (r *ReconnectingWebSocket) attempt(ctx context.Context) error {
	if d := r.delay(); d > 0 {
		if err := asyncio.Sleep(ctx, d); err != nil {
			return err
		}
	}
	if r.stopped != nil {
		return nil
	}
	ws, err := r.session.WSConnect(ctx, r.url, r.config.options...)
	if err == nil && r.config.onConnect != nil {
		if err = r.config.onConnect(ctx, ws); err != nil {
			ws.p.Drop(err)
		}
	}
	if err == nil && r.stopped != nil { // closed meanwhile
		ws.p.Drop(r.stopped)
		return nil
	}
	if err == nil {
		r.ws, r.since = ws, r.session.loop.Time()
		r.connects++
		return nil
	}
	if ctx.Err() != nil {
		return err
	}
	r.failed(err)
	return nil
}

// delay draws the time before the next attempt.
func (r *ReconnectingWebSocket) delay() time.Duration {
	if r.failures == 0 {
		return 0
	}
	bound := r.config.most
	if shift := r.failures - 1; shift < 32 && r.config.first <= bound>>shift {
		bound = r.config.first << shift
	}
	return time.Duration(r.session.loop.Rand().Int64N(int64(bound) + 1))
}

// failed takes note of the end of an attempt or a connection.
func (r *ReconnectingWebSocket) failed(err error) {
	r.failures++
	r.last = err
	switch {
	case r.stopped != nil:
	case !r.config.retry(err):
		r.stopped = err
	case r.config.attempts > 0 && r.failures >= r.config.attempts:
		r.stopped = fmt.Errorf("gave up after %d attempts in a row: %w", r.failures, err)
	}
	if r.config.onDisconnect != nil {
		r.config.onDisconnect(err)
	}
}

// broken takes note that ws is of no use any more.
func (r *ReconnectingWebSocket) broken(ws *ClientWebSocketResponse, err error) {
	if r.ws != ws {
		return
	}
	r.ws = nil
	if r.session.loop.Time()-r.since >= r.config.most {
		r.failures = 0 // it worked, if silently
	}
	r.failed(err)
}

// noticeEnd gives up a WebSocket that has ended while nobody looked. What was received of it
// is kept for whoever receives, the last 256 KiB of it.
func (r *ReconnectingWebSocket) noticeEnd() {
	if ws := r.ws; ws != nil && ws.Closed() {
		r.leftover = append(r.leftover, ws.p.queue[ws.p.first:]...)
		r.boundLeftover()
		r.broken(ws, ws.p.endError())
	}
}

// boundLeftover drops the oldest messages beyond what one connection would have queued.
func (r *ReconnectingWebSocket) boundLeftover() {
	bytes := 0
	for i := len(r.leftover) - 1; i >= 0; i-- {
		if bytes += len(r.leftover[i].Data) + wsMessageCost; bytes > wsQueueLimit {
			r.leftover = append([]WSMessage(nil), r.leftover[i+1:]...)
			return
		}
	}
}

// endError says why a WebSocket has ended.
func (p *WSProtocol) endError() error {
	if p.err != nil {
		return p.err
	}
	return p.closedError()
}

// Receive returns the next message of whatever connection there is, opening one if there is
// none. It suspends as Connect and WebSocket.Receive do. It never returns the end of a
// connection, only the end of all attempts, as an error.
func (r *ReconnectingWebSocket) Receive(ctx context.Context) (WSMessage, error) {
	for {
		ws, err := r.receivable(ctx)
		if len(r.leftover) > 0 {
			m := r.leftover[0]
			r.leftover, r.failures = r.leftover[1:], 0
			return m, nil
		}
		if err != nil {
			return WSMessage{}, err
		}
		m, err := ws.Receive(ctx)
		switch {
		case err != nil && errors.Is(err, ErrWSClosed):
			r.broken(ws, err)
		case err != nil:
			return m, err
		case m.Type == WSMsgError:
			r.broken(ws, m.Err)
		case m.Type == WSMsgClose || m.Type == WSMsgClosing || m.Type == WSMsgClosed:
			r.broken(ws, ws.p.endError())
		default:
			r.failures = 0
			return m, nil
		}
	}
}

// receivable returns a connection to receive from: one that has ended too, as long as it has
// messages.
func (r *ReconnectingWebSocket) receivable(ctx context.Context) (*ClientWebSocketResponse, error) {
	if r.ws != nil || len(r.leftover) > 0 {
		return r.ws, nil
	}
	return r.Connect(ctx)
}

// All yields messages of one connection after the other. It ends after Close, and with an
// error when ctx ends or there will be no other connection.
func (r *ReconnectingWebSocket) All(ctx context.Context) iter.Seq2[WSMessage, error] {
	return func(yield func(WSMessage, error) bool) {
		for {
			m, err := r.Receive(ctx)
			if errors.Is(err, errReconnectClosed) {
				return
			}
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

// SendString sends a text message, opening a connection if there is none. It suspends as
// Connect and WebSocket.SendString do. An error that is not that of ctx says that the message
// may be lost.
func (r *ReconnectingWebSocket) SendString(ctx context.Context, text string) error {
	ws, err := r.Connect(ctx)
	if err != nil {
		return err
	}
	return ws.SendString(ctx, text)
}

// SendBytes is SendString for a binary message.
func (r *ReconnectingWebSocket) SendBytes(ctx context.Context, data []byte) error {
	ws, err := r.Connect(ctx)
	if err != nil {
		return err
	}
	return ws.SendBytes(ctx, data)
}

// SendJSON is SendString for v, encoded.
func (r *ReconnectingWebSocket) SendJSON(ctx context.Context, v any) error {
	ws, err := r.Connect(ctx)
	if err != nil {
		return err
	}
	return ws.SendJSON(ctx, v)
}

// Close closes the connection there is, as WebSocket.Close does, and opens no other.
func (r *ReconnectingWebSocket) Close(ctx context.Context, code WSCloseCode, reason string) error {
	if r.stopped == nil {
		r.stopped = &WSClosedError{URL: r.url, Code: code, Err: errReconnectClosed}
	}
	ws := r.ws
	if ws == nil {
		return nil
	}
	r.ws = nil
	return ws.Close(ctx, code, reason)
}

// ReconnectStats is a snapshot of a ReconnectingWebSocket.
type ReconnectStats struct {
	Open     bool  // there is a connection
	Connects int   // connections so far
	Failures int   // attempts and connections in a row that brought no message
	Last     error // why the last of them ended, nil if none did
}

// Stats returns a snapshot.
func (r *ReconnectingWebSocket) Stats() ReconnectStats {
	return ReconnectStats{Open: r.ws != nil && !r.ws.Closed(), Connects: r.connects, Failures: r.failures, Last: r.last}
}
